//! Branches, calls and returns, and what does nothing.

use super::{Choice, by_condition};
use crate::interpreter::core::{Core, Outcome, Stop};
use crate::interpreter::op::Op;
use crate::interpreter::threaded::{Handler, Hands, ending, handler};
use crate::interpreter::transfer::condition;
use crate::interpreter::width::{B8, Width};
use iced_x86::{Code, Instruction};

pub(super) fn choose(i: &Instruction) -> Option<Choice> {
    let run: Handler = match i.code() {
        Code::Jmp_rel8_64 | Code::Jmp_rel32_64 => ending!(jump),
        Code::Jmp_rm64 if i.op0_register().is_gpr() => ending!(jump_register),
        Code::Jmp_rm64 => ending!(jump_memory),
        Code::Call_rel32_64 => ending!(call),
        Code::Call_rm64 if i.op0_register().is_gpr() => ending!(call_register),
        Code::Call_rm64 => ending!(call_memory),
        Code::Retnq => ending!(ret),
        Code::Nopw | Code::Nopd | Code::Nopq | Code::Pause => {
            return Some(Choice::new(handler!(nothing), Hands::Given));
        }
        _ if i.is_jcc_short_or_near() => by_condition!(ending, condition(i), conditional),
        _ => return None,
    };
    Some(Choice::new(run, Hands::Nothing))
}

fn nothing(_: &mut Core, _: &Op) -> Outcome {
    Ok(())
}

fn conditional<const C: u8>(core: &mut Core, op: &Op, _: u64) -> Outcome {
    if core.flags.holds(C) {
        if core.again {
            return Err(Stop::Again);
        }
        core.rip = op.value;
    }
    Ok(())
}

fn jump(core: &mut Core, op: &Op, _: u64) -> Outcome {
    core.rip = op.value;
    Ok(())
}

fn jump_register(core: &mut Core, op: &Op, _: u64) -> Outcome {
    core.go(core.number(op.to))
}

fn jump_memory(core: &mut Core, op: &Op, _: u64) -> Outcome {
    let address = op.address(core);
    let target = B8::load(core, address)?;
    core.go(target)
}

fn call(core: &mut Core, op: &Op, _: u64) -> Outcome {
    core.call_to(op.value, core.rip)
}

fn call_register(core: &mut Core, op: &Op, _: u64) -> Outcome {
    core.call_to(core.number(op.to), core.rip)
}

fn call_memory(core: &mut Core, op: &Op, _: u64) -> Outcome {
    let address = op.address(core);
    let target = B8::load(core, address)?;
    core.call_to(target, core.rip)
}

fn ret(core: &mut Core, _: &Op, _: u64) -> Outcome {
    let back = B8::load(core, core.general[4])?;
    core.go(back)?;
    core.general[4] = core.general[4].wrapping_add(8);
    Ok(())
}
