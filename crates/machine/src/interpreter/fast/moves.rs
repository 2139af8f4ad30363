//! Moves of integers.

use super::{AtHand, Choice, Form, by_condition, by_width};
use crate::interpreter::core::{Core, Outcome};
use crate::interpreter::input::{Base, From, Given, Index, Input, Value};
use crate::interpreter::op::Op;
use crate::interpreter::threaded::{Handed, Handler, Hands, handing, handler};
use crate::interpreter::transfer::condition;
use crate::interpreter::width::{B1, B2, B4, B8, Width};
use iced_x86::{ConditionCode, Instruction, Mnemonic, OpKind};

pub(super) fn choose(i: &Instruction, form: Form, at_hand: AtHand) -> Option<Choice> {
    use Mnemonic as M;
    let size = Core::size(i, 0);
    let run: Handler = match i.mnemonic() {
        M::Mov => return plain(i, form, at_hand),
        M::Movzx => extended(i, form, false)?,
        M::Movsx | M::Movsxd => extended(i, form, true)?,
        M::Lea if form == Form::RegisterMemory && size >= 4 => sum(i, size, at_hand),
        M::Push => return push(form, size),
        M::Pop if form == Form::Register && size == 8 => handing!(pop),
        _ if i.condition_code() != ConditionCode::None => conditional(i, form)?,
        _ => return None,
    };
    Some(Choice::new(run, Hands::Result))
}

fn plain(i: &Instruction, form: Form, at_hand: AtHand) -> Option<Choice> {
    let general =
        |operand| i.op_kind(operand) != OpKind::Register || i.op_register(operand).is_gpr();
    if !general(0) || !general(1) {
        return None;
    }
    let size = Core::size(i, 0);
    let (run, hands): (Handler, Hands) = match form {
        Form::RegisterRegister if at_hand.is_second(i) => {
            (copies::<Given<From>>(size), Hands::Result)
        }
        Form::RegisterRegister => (copies::<From>(size), Hands::Result),
        Form::RegisterImmediate => (copies::<Value>(size), Hands::Result),
        Form::RegisterMemory => (by_width!(handing, size, load), Hands::Result),
        Form::MemoryRegister => (by_width!(handler, size, store, From), Hands::Given),
        Form::MemoryImmediate => (by_width!(handler, size, store, Value), Hands::Given),
        _ => return None,
    };
    Some(Choice::new(run, hands))
}

fn copies<I: Input>(size: usize) -> Handler {
    by_width!(handing, size, copy, I)
}

pub(super) fn copy<I: Input, W: Width>(core: &mut Core, op: &Op, given: u64) -> Handed {
    let value = I::get(core, op, given);
    Ok(W::put(core, op.to, value))
}

pub(super) fn load<W: Width>(core: &mut Core, op: &Op, _: u64) -> Handed {
    let address = op.address(core);
    let value = W::load(core, address)?;
    Ok(W::put(core, op.to, value))
}

fn store<I: Input, W: Width>(core: &mut Core, op: &Op) -> Outcome {
    let (address, value) = (op.address(core), I::get(core, op, 0));
    W::store(core, address, value)?;
    core.finish()
}

/// Zeros or the sign above a narrower value.
fn extended(i: &Instruction, form: Form, signed: bool) -> Option<Handler> {
    macro_rules! pick {
        ($handler:ident) => {
            match (Core::size(i, 1), Core::size(i, 0), signed) {
                (1, 2, false) => handing!($handler::<B1, B2, false>),
                (1, 4 | 8, false) => handing!($handler::<B1, B4, false>),
                (2, 4 | 8, false) => handing!($handler::<B2, B4, false>),
                (1, 2, true) => handing!($handler::<B1, B2, true>),
                (1, 4, true) => handing!($handler::<B1, B4, true>),
                (1, 8, true) => handing!($handler::<B1, B8, true>),
                (2, 4, true) => handing!($handler::<B2, B4, true>),
                (2, 8, true) => handing!($handler::<B2, B8, true>),
                (4, 8, true) => handing!($handler::<B4, B8, true>),
                _ => return None,
            }
        };
    }
    Some(match form {
        Form::RegisterRegister => pick!(extend_register),
        Form::RegisterMemory => pick!(extend_memory),
        _ => return None,
    })
}

#[inline(always)]
fn extend<S: Width, const SIGNED: bool>(value: u64) -> u64 {
    if SIGNED { ((value << S::GAP) as i64 >> S::GAP) as u64 } else { value & S::MASK }
}

pub(super) fn extend_register<S: Width, W: Width, const SIGNED: bool>(
    core: &mut Core,
    op: &Op,
    _: u64,
) -> Handed {
    let value = core.number(op.from);
    Ok(W::put(core, op.to, extend::<S, SIGNED>(value)))
}

fn extend_memory<S: Width, W: Width, const SIGNED: bool>(
    core: &mut Core,
    op: &Op,
    _: u64,
) -> Handed {
    let address = op.address(core);
    let value = S::load(core, address)?;
    Ok(W::put(core, op.to, extend::<S, SIGNED>(value)))
}

/// `lea`.
fn sum(i: &Instruction, size: usize, at_hand: AtHand) -> Handler {
    if at_hand.is_base(i) {
        sums::<Given<Base>, Index>(size)
    } else if at_hand.is_index(i) {
        sums::<Base, Given<Index>>(size)
    } else {
        sums::<Base, Index>(size)
    }
}

fn sums<B: Input, I: Input>(size: usize) -> Handler {
    by_width!(handing, size, address, B, I)
}

pub(super) fn address<B: Input, I: Input, W: Width>(
    core: &mut Core,
    op: &Op,
    given: u64,
) -> Handed {
    let value = op.offset::<B, I>(core, given);
    Ok(W::put(core, op.to, value))
}

fn push(form: Form, size: usize) -> Option<Choice> {
    // RSP may be what was at hand.
    let run: Handler = match form {
        Form::Register if size == 8 => handler!(push_register),
        Form::Memory if size == 8 => handler!(push_memory),
        _ => return None,
    };
    Some(Choice::new(run, Hands::Nothing))
}

fn push_register(core: &mut Core, op: &Op) -> Outcome {
    core.push_word(core.number(op.to))?;
    core.finish()
}

fn push_memory(core: &mut Core, op: &Op) -> Outcome {
    let address = op.address(core);
    let value = B8::load(core, address)?;
    core.push_word(value)?;
    core.finish()
}

fn pop(core: &mut Core, op: &Op, _: u64) -> Handed {
    let value = B8::load(core, core.general[4])?;
    core.general[4] = core.general[4].wrapping_add(8);
    Ok(B8::put(core, op.to, value))
}

impl Core {
    /// Pushes 8 bytes.
    #[inline(always)]
    pub(crate) fn push_word(&mut self, value: u64) -> Outcome {
        let top = self.general[4].wrapping_sub(8);
        B8::store(self, top, value)?;
        self.general[4] = top;
        Ok(())
    }
}

/// `setcc` and `cmovcc` of registers.
fn conditional(i: &Instruction, form: Form) -> Option<Handler> {
    let condition = condition(i);
    Some(match (form, Core::size(i, 0)) {
        (Form::Register, 1) => by_condition!(handing, condition, set_byte),
        (Form::RegisterRegister, 4) => by_condition!(handing, condition, copy_if, B4),
        (Form::RegisterRegister, 8) => by_condition!(handing, condition, copy_if, B8),
        _ => return None,
    })
}

fn set_byte<const C: u8>(core: &mut Core, op: &Op, _: u64) -> Handed {
    let holds = core.flags.holds(C);
    Ok(B1::put(core, op.to, holds.into()))
}

fn copy_if<const C: u8, W: Width>(core: &mut Core, op: &Op, _: u64) -> Handed {
    let from = if core.flags.holds(C) { op.from } else { op.to };
    let value = core.number(from);
    Ok(W::put(core, op.to, value))
}
