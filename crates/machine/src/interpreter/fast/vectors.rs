//! Moves of vectors of 128 bits in the old encoding, and the exclusive or that clears them.

use super::{Choice, Form};
use crate::Exit;
use crate::interpreter::core::{Core, Outcome};
use crate::interpreter::op::Op;
use crate::interpreter::threaded::{Handler, Hands, handler};
use iced_x86::{EncodingKind, Instruction, Mnemonic};

pub(super) fn choose(i: &Instruction, form: Form) -> Option<Choice> {
    use Mnemonic as M;
    let is_vector = |n: u32| form != Form::RegisterRegister || i.op_register(n).is_xmm();
    if i.encoding() != EncodingKind::Legacy || !is_vector(0) || !is_vector(1) {
        return None;
    }
    let run: Handler = match (i.mnemonic(), form) {
        (M::Movups | M::Movupd | M::Movdqu, Form::RegisterMemory) => handler!(load::<false>),
        (M::Movaps | M::Movapd | M::Movdqa, Form::RegisterMemory) => handler!(load::<true>),
        (M::Movups | M::Movupd | M::Movdqu, Form::MemoryRegister) => handler!(store::<false>),
        (M::Movaps | M::Movapd | M::Movdqa, Form::MemoryRegister) => handler!(store::<true>),
        (M::Movups | M::Movupd | M::Movdqu, Form::RegisterRegister) => handler!(copy),
        (M::Movaps | M::Movapd | M::Movdqa, Form::RegisterRegister) => handler!(copy),
        (M::Pxor | M::Xorps | M::Xorpd, Form::RegisterRegister) => handler!(exclusive_or),
        _ => return None,
    };
    Some(Choice::new(run, Hands::Given))
}

/// The lower half of a vector register.
#[inline(always)]
fn half(core: &Core, register: u8) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&core.registers.vectors[register as usize & 15][..16]);
    bytes
}

#[inline(always)]
fn set_half(core: &mut Core, register: u8, bytes: [u8; 16]) {
    core.registers.vectors[register as usize & 15][..16].copy_from_slice(&bytes);
}

fn load<const ALIGNED: bool>(core: &mut Core, op: &Op) -> Outcome {
    let address = op.address(core);
    if ALIGNED && !address.is_multiple_of(16) {
        return core.raise(Exit::GeneralProtection);
    }
    let bytes = core.load(address)?;
    set_half(core, op.to, bytes);
    Ok(())
}

fn store<const ALIGNED: bool>(core: &mut Core, op: &Op) -> Outcome {
    let address = op.address(core);
    if ALIGNED && !address.is_multiple_of(16) {
        return core.raise(Exit::GeneralProtection);
    }
    let bytes = half(core, op.from);
    core.store(address, bytes)?;
    core.finish()
}

fn copy(core: &mut Core, op: &Op) -> Outcome {
    set_half(core, op.to, half(core, op.from));
    Ok(())
}

fn exclusive_or(core: &mut Core, op: &Op) -> Outcome {
    let a = u128::from_le_bytes(half(core, op.to));
    let b = u128::from_le_bytes(half(core, op.from));
    set_half(core, op.to, (a ^ b).to_le_bytes());
    Ok(())
}
