//! Moves of integers: between registers, memory and the stack.

use super::core::{Core, Outcome};
use super::operand::{mask, signed};
use iced_x86::{Instruction, Mnemonic, OpKind, Register};

/// `mov`, `movzx`, `movnti` and all else that copies the second operand to the first.
pub(crate) fn copy(core: &mut Core, i: &Instruction) -> Outcome {
    let value = core.read(i, 1)?;
    core.write(i, 0, value)
}

/// `movsx` and `movsxd`.
pub(crate) fn sign_extend(core: &mut Core, i: &Instruction) -> Outcome {
    let value = core.read(i, 1)?;
    let size = Core::size(i, 1);
    core.write(i, 0, signed(value, size) as u64)
}

/// `lea`.
pub(crate) fn address(core: &mut Core, i: &Instruction) -> Outcome {
    core.set(i.op0_register(), core.offset(i));
    Ok(())
}

/// `cmovcc`: the source is read, and faults, in either case; 32 bits clear the rest in either case.
pub(crate) fn conditional(core: &mut Core, i: &Instruction) -> Outcome {
    let new = core.read(i, 1)?;
    let old = core.read(i, 0)?;
    let holds = core.flags.holds(condition(i));
    core.write(i, 0, if holds { new } else { old })
}

/// `setcc`.
pub(crate) fn condition_byte(core: &mut Core, i: &Instruction) -> Outcome {
    let holds = core.flags.holds(condition(i));
    core.write(i, 0, holds.into())
}

/// The condition of an instruction as its encoding has it.
pub(crate) fn condition(i: &Instruction) -> u8 {
    use iced_x86::ConditionCode as C;
    match i.condition_code() {
        C::o => 0,
        C::no => 1,
        C::b => 2,
        C::ae => 3,
        C::e => 4,
        C::ne => 5,
        C::be => 6,
        C::a => 7,
        C::s => 8,
        C::ns => 9,
        C::p => 10,
        C::np => 11,
        C::l => 12,
        C::ge => 13,
        C::le => 14,
        _ => 15,
    }
}

/// `xchg`.
pub(crate) fn exchange(core: &mut Core, i: &Instruction) -> Outcome {
    let (memory, other) = if i.op1_kind() == OpKind::Memory { (1, 0) } else { (0, 1) };
    let a = core.read_to_write(i, memory)?;
    let b = core.read(i, other)?;
    core.write(i, memory, b)?;
    core.write(i, other, a)
}

/// `push`.
pub(crate) fn push(core: &mut Core, i: &Instruction) -> Outcome {
    let size = stack_size(i);
    let value = match i.op0_kind() {
        OpKind::Register | OpKind::Memory => core.read(i, 0)?,
        _ => i.immediate(0),
    };
    core.push(value, size)
}

/// Bytes that a push or pop moves.
fn stack_size(i: &Instruction) -> usize {
    i.stack_pointer_increment().unsigned_abs() as usize
}

/// `pop`. An address of its operand is worked out with the stack pointer as it is afterwards.
pub(crate) fn pop(core: &mut Core, i: &Instruction) -> Outcome {
    let size = stack_size(i);
    let value = core.top(size)?;
    let before = core.general[4];
    core.general[4] = before.wrapping_add(size as u64);
    core.write(i, 0, value).inspect_err(|_| core.general[4] = before)
}

/// `pushf`.
pub(crate) fn push_flags(core: &mut Core, i: &Instruction) -> Outcome {
    core.push(core.flags.word(), stack_size(i))
}

/// `popf`.
pub(crate) fn pop_flags(core: &mut Core, i: &Instruction) -> Outcome {
    let size = stack_size(i);
    let value = core.top(size)?;
    core.general[4] = core.general[4].wrapping_add(size as u64);
    let kept = core.flags.word() & !mask(size);
    core.flags.set_word(kept | value);
    Ok(())
}

/// `leave`.
pub(crate) fn leave(core: &mut Core, i: &Instruction) -> Outcome {
    let size =
        if i.mnemonic() == Mnemonic::Leave && i.code() == iced_x86::Code::Leavew { 2 } else { 8 };
    let frame = core.general[5];
    let value = core.load_integer(frame, size)?;
    core.general[4] = frame.wrapping_add(size as u64);
    core.set(if size == 2 { Register::BP } else { Register::RBP }, value);
    Ok(())
}

/// `enter` without nested frames.
pub(crate) fn enter(core: &mut Core, i: &Instruction) -> Outcome {
    let frame = core.general[4].wrapping_sub(8);
    let reserved = i.immediate(0) & 0xFFFF;
    let top = frame.wrapping_sub(reserved);
    core.check_write(top, 1)?;
    core.push(core.general[5], 8)?;
    core.general[5] = frame;
    core.general[4] = top;
    Ok(())
}

/// `xlat`.
pub(crate) fn table(core: &mut Core, i: &Instruction) -> Outcome {
    let base = core.general[3].wrapping_add(core.general[0] & 0xFF);
    let short = i.memory_base().is_gpr32();
    let base = if short { base & 0xFFFF_FFFF } else { base };
    let address = base.wrapping_add(core.segment(i.memory_segment()));
    let value = core.load_integer(address, 1)?;
    core.set(Register::AL, value);
    Ok(())
}

/// `cmpxchg8b` and `cmpxchg16b`.
pub(crate) fn compare_exchange_pair(core: &mut Core, i: &Instruction) -> Outcome {
    let half = i.memory_size().size() / 2;
    let address = core.address(i);
    if half == 8 && !address.is_multiple_of(16) {
        return core.raise(crate::Exit::GeneralProtection);
    }
    core.check_write(address, half * 2)?;
    let high = address.wrapping_add(half as u64);
    let old = (core.load_integer(address, half)?, core.load_integer(high, half)?);
    let pick = |number: usize| core.general[number] & mask(half);
    let equal = old == (pick(0), pick(2));
    let new = if equal { (pick(3), pick(1)) } else { old };
    core.store_integer(address, half, new.0)?;
    core.store_integer(high, half, new.1)?;
    if !equal {
        let wide = half == 8;
        core.set(if wide { Register::RAX } else { Register::EAX }, old.0);
        core.set(if wide { Register::RDX } else { Register::EDX }, old.1);
    }
    let zero = super::flags::ZF;
    core.flags.change(zero, if equal { zero } else { 0 });
    Ok(())
}
