//! Addition, subtraction and logic of two operands.

use super::{AtHand, Choice, Form, by_condition, by_width};
use crate::interpreter::core::{Core, Outcome};
use crate::interpreter::flags::Flags;
use crate::interpreter::input::{First, From, Given, Input, Value};
use crate::interpreter::op::Op;
use crate::interpreter::threaded::{Handed, Handler, Hands, ending, handing};
use crate::interpreter::width::{B1, B4, B8, Width};
use iced_x86::{Instruction, Mnemonic};

/// An operation of two values at the upper ends of their words.
pub(super) trait Alu {
    /// Whether the result goes to the first operand.
    const WRITES: bool = true;
    /// Whether a branch behind it is common enough for handlers of both.
    const FUSES: bool;
    fn result(a: u64, b: u64) -> u64;
    fn flags(flags: &mut Flags, a: u64, b: u64, r: u64, gap: u32);
}

macro_rules! operations {
    ($($name:ident $writes:literal $fuses:literal $f:expr, $flags:expr;)*) => {$(
        pub(super) struct $name;

        impl Alu for $name {
            const WRITES: bool = $writes;
            const FUSES: bool = $fuses;
            #[inline(always)]
            fn result(a: u64, b: u64) -> u64 {
                $f(a, b)
            }
            #[inline(always)]
            fn flags(flags: &mut Flags, a: u64, b: u64, r: u64, gap: u32) {
                $flags(flags, a, b, r, gap);
            }
        }
    )*};
}

operations! {
    Add true true u64::wrapping_add, |flags: &mut Flags, a, b, r, gap| flags.added(a, b, r, gap);
    Sub true true u64::wrapping_sub, |flags: &mut Flags, a, b, r, gap| flags.subtracted(a, b, r, gap);
    Cmp false true u64::wrapping_sub, |flags: &mut Flags, a, b, r, gap| flags.subtracted(a, b, r, gap);
    And true true |a, b| a & b, |flags: &mut Flags, _, _, r, gap| flags.logical(r, gap);
    Or true false |a, b| a | b, |flags: &mut Flags, _, _, r, gap| flags.logical(r, gap);
    Xor true false |a, b| a ^ b, |flags: &mut Flags, _, _, r, gap| flags.logical(r, gap);
    Test false true |a, b| a & b, |flags: &mut Flags, _, _, r, gap| flags.logical(r, gap);
}

pub(super) fn choose(i: &Instruction, form: Form, at_hand: AtHand) -> Option<Choice> {
    use Mnemonic as M;
    match i.mnemonic() {
        M::Add => two::<Add>(i, form, at_hand),
        M::Sub => two::<Sub>(i, form, at_hand),
        M::Cmp => two::<Cmp>(i, form, at_hand),
        M::And => two::<And>(i, form, at_hand),
        M::Or => two::<Or>(i, form, at_hand),
        M::Xor => two::<Xor>(i, form, at_hand),
        M::Test => two::<Test>(i, form, at_hand),
        _ => None,
    }
}

fn two<O: Alu>(i: &Instruction, form: Form, at_hand: AtHand) -> Option<Choice> {
    let size = Core::size(i, 0);
    Some(match form {
        Form::RegisterRegister if at_hand.is_first(i) => registers::<O, Given<First>, From>(size),
        Form::RegisterRegister if at_hand.is_second(i) => registers::<O, First, Given<From>>(size),
        Form::RegisterRegister => registers::<O, First, From>(size),
        Form::RegisterImmediate if at_hand.is_first(i) => registers::<O, Given<First>, Value>(size),
        Form::RegisterImmediate => registers::<O, First, Value>(size),
        Form::RegisterMemory => {
            Choice::new(by_width!(handing, size, with_memory, O), handed::<O>())
        }
        Form::MemoryRegister => {
            Choice::new(by_width!(handing, size, in_memory, O, From), Hands::Given)
        }
        Form::MemoryImmediate => {
            Choice::new(by_width!(handing, size, in_memory, O, Value), Hands::Given)
        }
        _ => return None,
    })
}

const fn handed<O: Alu>() -> Hands {
    if O::WRITES { Hands::Result } else { Hands::Given }
}

/// What is chosen where no operand is in memory.
fn registers<O: Alu, A: Input, B: Input>(size: usize) -> Choice {
    Choice {
        run: by_width!(handing, size, in_register, O, A, B),
        hands: handed::<O>(),
        without_flags: O::WRITES.then(|| by_width!(handing, size, result_only, O, A, B)),
        with_branch: match size {
            4 if O::FUSES => Some(with_branch::<O, A, B, B4>),
            8 if O::FUSES => Some(with_branch::<O, A, B, B8>),
            1 if O::FUSES && !O::WRITES => Some(with_branch::<O, A, B, B1>),
            _ => None,
        },
    }
}

/// A handler of the operation with a branch behind it, by the branch's condition.
fn with_branch<O: Alu, A: Input, B: Input, W: Width>(condition: u8) -> Handler {
    by_condition!(ending, condition, and_branch, O, A, B, W)
}

fn and_branch<const C: u8, O: Alu, A: Input, B: Input, W: Width>(
    core: &mut Core,
    op: &Op,
    given: u64,
) -> Outcome {
    let (a, b) = (A::get(core, op, given) << W::GAP, B::get(core, op, given) << W::GAP);
    let r = O::result(a, b);
    if O::WRITES {
        W::put(core, op.to, r >> W::GAP);
    }
    op.branch::<C>(core, |flags| O::flags(flags, a, b, r, W::GAP))
}

#[inline(always)]
pub(super) fn in_register<O: Alu, A: Input, B: Input, W: Width>(
    core: &mut Core,
    op: &Op,
    given: u64,
) -> Handed {
    let (a, b) = (A::get(core, op, given), B::get(core, op, given));
    Ok(carry_out::<O, W>(core, op.to, a, b).unwrap_or(given))
}

/// What the register holds then, if it is written.
#[inline(always)]
fn carry_out<O: Alu, W: Width>(core: &mut Core, to: u8, a: u64, b: u64) -> Option<u64> {
    let (a, b) = (a << W::GAP, b << W::GAP);
    let r = O::result(a, b);
    O::flags(&mut core.flags, a, b, r, W::GAP);
    O::WRITES.then(|| W::put(core, to, r >> W::GAP))
}

pub(super) fn result_only<O: Alu, A: Input, B: Input, W: Width>(
    core: &mut Core,
    op: &Op,
    given: u64,
) -> Handed {
    // Nothing but addition, subtraction and logic, whose lower bits need no higher ones.
    let r = O::result(A::get(core, op, given), B::get(core, op, given));
    Ok(W::put(core, op.to, r))
}

fn with_memory<O: Alu, W: Width>(core: &mut Core, op: &Op, given: u64) -> Handed {
    let address = op.address(core);
    let b = W::load(core, address)?;
    Ok(carry_out::<O, W>(core, op.to, core.number(op.to), b).unwrap_or(given))
}

#[inline(always)]
fn in_memory<O: Alu, B: Input, W: Width>(core: &mut Core, op: &Op, given: u64) -> Handed {
    let (address, b) = (op.address(core), B::get(core, op, given));
    let a = if O::WRITES { W::load_to_write(core, address)? } else { W::load(core, address)? };
    let (a, b) = (a << W::GAP, b << W::GAP);
    let r = O::result(a, b);
    if O::WRITES {
        W::store(core, address, r >> W::GAP)?;
    }
    O::flags(&mut core.flags, a, b, r, W::GAP);
    if O::WRITES {
        core.finish()?;
    }
    Ok(given)
}
