//! `imul` with two and three operands.

use super::{AtHand, Choice, Form, by_width};
use crate::interpreter::arithmetic::wide;
use crate::interpreter::core::Core;
use crate::interpreter::input::{First, From, Given, Input, Value};
use crate::interpreter::op::Op;
use crate::interpreter::threaded::{Handed, Hands, handing};
use crate::interpreter::width::Width;
use iced_x86::{Instruction, Mnemonic};

pub(super) fn choose(i: &Instruction, form: Form, at_hand: AtHand) -> Option<Choice> {
    if i.mnemonic() != Mnemonic::Imul {
        return None;
    }
    let size = Core::size(i, 0);
    Some(match form {
        Form::RegisterRegister if at_hand.is_first(i) => registers::<Given<First>, From>(size),
        Form::RegisterRegister if at_hand.is_second(i) => registers::<First, Given<From>>(size),
        Form::RegisterRegister => registers::<First, From>(size),
        Form::RegisterRegisterImmediate if at_hand.is_second(i) => {
            registers::<Given<From>, Value>(size)
        }
        Form::RegisterRegisterImmediate => registers::<From, Value>(size),
        Form::RegisterMemory => Choice::new(by_width!(handing, size, with_memory), Hands::Result),
        _ => return None,
    })
}

/// What is chosen where no operand is in memory.
fn registers<A: Input, B: Input>(size: usize) -> Choice {
    Choice {
        run: by_width!(handing, size, product, A, B),
        hands: Hands::Result,
        without_flags: Some(by_width!(handing, size, product_only, A, B)),
        with_branch: None,
    }
}

fn product<A: Input, B: Input, W: Width>(core: &mut Core, op: &Op, given: u64) -> Handed {
    let (a, b) = (A::get(core, op, given), B::get(core, op, given));
    Ok(multiply::<W>(core, op.to, a, b))
}

pub(super) fn product_only<A: Input, B: Input, W: Width>(
    core: &mut Core,
    op: &Op,
    given: u64,
) -> Handed {
    let r = A::get(core, op, given).wrapping_mul(B::get(core, op, given));
    Ok(W::put(core, op.to, r))
}

fn with_memory<W: Width>(core: &mut Core, op: &Op, _: u64) -> Handed {
    let address = op.address(core);
    let b = W::load(core, address)?;
    Ok(multiply::<W>(core, op.to, core.number(op.to), b))
}

#[inline(always)]
fn multiply<W: Width>(core: &mut Core, to: u8, a: u64, b: u64) -> u64 {
    let spread = |value: u64| (value << W::GAP) as i64 >> W::GAP;
    let (r, beyond) = spread(a).overflowing_mul(spread(b));
    let matters = beyond || spread(r as u64) != r;
    core.flags.explicit((r as u64) << W::GAP, W::GAP, wide(matters));
    W::put(core, to, r as u64)
}
