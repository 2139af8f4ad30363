//! Moves of integers.

use super::{Choice, Form, by_condition, by_width};
use crate::interpreter::core::{Core, Outcome};
use crate::interpreter::op::{Handler, Op};
use crate::interpreter::transfer::condition;
use crate::interpreter::width::{B1, B2, B4, B8, Width};
use iced_x86::{ConditionCode, Instruction, Mnemonic, OpKind};

pub(super) fn choose(i: &Instruction, form: Form) -> Option<Choice> {
    use Mnemonic as M;
    let size = Core::size(i, 0);
    let run: Handler = match i.mnemonic() {
        M::Mov => return plain(i, form),
        M::Movzx => extended(i, form, false)?,
        M::Movsx | M::Movsxd => extended(i, form, true)?,
        M::Lea if form == Form::RegisterMemory && size >= 4 => by_width!(size, address),
        M::Push => match form {
            Form::Register if size == 8 => push_register,
            Form::Memory if size == 8 => push_memory,
            _ => return None,
        },
        M::Pop if form == Form::Register && size == 8 => pop,
        _ if i.condition_code() != ConditionCode::None => conditional(i, form)?,
        _ => return None,
    };
    Some(Choice::only(run))
}

fn plain(i: &Instruction, form: Form) -> Option<Choice> {
    let general =
        |operand| i.op_kind(operand) != OpKind::Register || i.op_register(operand).is_gpr();
    if !general(0) || !general(1) {
        return None;
    }
    let size = Core::size(i, 0);
    Some(Choice::only(match form {
        Form::RegisterRegister => by_width!(size, copy),
        Form::RegisterImmediate => by_width!(size, set),
        Form::RegisterMemory => by_width!(size, load),
        Form::MemoryRegister => by_width!(size, store),
        Form::MemoryImmediate => by_width!(size, store_immediate),
        _ => return None,
    }))
}

fn copy<W: Width>(core: &mut Core, op: &Op) -> Outcome {
    let value = core.number(op.from);
    W::put(core, op.to, value);
    Ok(())
}

fn set<W: Width>(core: &mut Core, op: &Op) -> Outcome {
    W::put(core, op.to, op.value);
    Ok(())
}

fn load<W: Width>(core: &mut Core, op: &Op) -> Outcome {
    let address = op.address(core);
    let value = W::load(core, address)?;
    W::put(core, op.to, value);
    Ok(())
}

fn store<W: Width>(core: &mut Core, op: &Op) -> Outcome {
    let (address, value) = (op.address(core), core.number(op.from));
    W::store(core, address, value)?;
    core.finish()
}

fn store_immediate<W: Width>(core: &mut Core, op: &Op) -> Outcome {
    W::store(core, op.address(core), op.value)?;
    core.finish()
}

/// Zeros or the sign above a narrower value.
fn extended(i: &Instruction, form: Form, signed: bool) -> Option<Handler> {
    macro_rules! pick {
        ($handler:ident) => {
            match (Core::size(i, 1), Core::size(i, 0), signed) {
                (1, 2, false) => $handler::<B1, B2, false>,
                (1, 4 | 8, false) => $handler::<B1, B4, false>,
                (2, 4 | 8, false) => $handler::<B2, B4, false>,
                (1, 2, true) => $handler::<B1, B2, true>,
                (1, 4, true) => $handler::<B1, B4, true>,
                (1, 8, true) => $handler::<B1, B8, true>,
                (2, 4, true) => $handler::<B2, B4, true>,
                (2, 8, true) => $handler::<B2, B8, true>,
                (4, 8, true) => $handler::<B4, B8, true>,
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
    if SIGNED { ((value << S::GAP) as i64 >> S::GAP) as u64 } else { value }
}

fn extend_register<S: Width, W: Width, const SIGNED: bool>(core: &mut Core, op: &Op) -> Outcome {
    let value = S::get(core, op.from);
    W::put(core, op.to, extend::<S, SIGNED>(value));
    Ok(())
}

fn extend_memory<S: Width, W: Width, const SIGNED: bool>(core: &mut Core, op: &Op) -> Outcome {
    let address = op.address(core);
    let value = S::load(core, address)?;
    W::put(core, op.to, extend::<S, SIGNED>(value));
    Ok(())
}

fn address<W: Width>(core: &mut Core, op: &Op) -> Outcome {
    let value = op.offset(core);
    W::put(core, op.to, value);
    Ok(())
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

fn pop(core: &mut Core, op: &Op) -> Outcome {
    let value = B8::load(core, core.general[4])?;
    core.general[4] = core.general[4].wrapping_add(8);
    B8::put(core, op.to, value);
    Ok(())
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
        (Form::Register, 1) => by_condition!(condition, set_byte),
        (Form::RegisterRegister, 4) => by_condition!(condition, copy_if, B4),
        (Form::RegisterRegister, 8) => by_condition!(condition, copy_if, B8),
        _ => return None,
    })
}

fn set_byte<const C: u8>(core: &mut Core, op: &Op) -> Outcome {
    let holds = core.flags.holds(C);
    B1::put(core, op.to, holds.into());
    Ok(())
}

fn copy_if<const C: u8, W: Width>(core: &mut Core, op: &Op) -> Outcome {
    let from = if core.flags.holds(C) { op.from } else { op.to };
    let value = core.number(from);
    W::put(core, op.to, value);
    Ok(())
}
