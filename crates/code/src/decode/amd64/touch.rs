//! What an instruction does beside what its operations say: the memory it uses, whatever for, and the
//! control register it sets.

use super::general;
use crate::decode::Touch;
use crate::ir::{Address, Reg};
use crate::places::Places;
use iced_x86::{
    CodeSize, Instruction, InstructionInfoFactory, Mnemonic, OpAccess, Register, UsedMemory,
};

/// Adds the memory that `instruction` reads or writes, as far as general registers tell where it is.
pub(super) fn touches(
    info: &mut InstructionInfoFactory,
    places: &Places<'_>,
    instruction: &Instruction,
    touches: &mut Vec<Touch>,
) {
    for used in info.info(instruction).used_memory() {
        if let (Some(writes), Some(address)) =
            (writes(used.access()), address(places, instruction, used))
        {
            touches.push(Touch { address, writes });
        }
    }
}

/// The general register that `instruction` copies to control register 0.
pub(super) fn control(instruction: &Instruction) -> Option<Reg> {
    let sets =
        instruction.mnemonic() == Mnemonic::Mov && instruction.op0_register() == Register::CR0;
    sets.then(|| general(instruction.op1_register()).map(|(register, _)| register))?
}

/// Whether memory is written; `None` where it is not used at all.
pub(super) fn writes(access: OpAccess) -> Option<bool> {
    match access {
        OpAccess::None | OpAccess::NoMemAccess => None,
        OpAccess::Read | OpAccess::CondRead => Some(false),
        OpAccess::Write | OpAccess::CondWrite | OpAccess::ReadWrite | OpAccess::ReadCondWrite => {
            Some(true)
        }
    }
}

fn address(places: &Places<'_>, instruction: &Instruction, used: &UsedMemory) -> Option<Address> {
    let beside = matches!(used.segment(), Register::FS | Register::GS);
    if beside || used.address_size() != CodeSize::Code64 {
        return None;
    }
    let part = |register: Register| match register {
        Register::None => Some(None),
        register if register.is_gpr64() => Some(Some(Reg(register.number() as u8))),
        _ => None,
    };
    let (base, index) = (part(used.base())?, part(used.index())?);
    let scale = used.scale() as u8;
    if base.is_some() || index.is_some() {
        let offset = used.displacement().cast_signed();
        return Some(Address { base, index, scale, offset, in_image: false });
    }
    let rva = match instruction.is_ip_rel_memory_operand() {
        true => used.displacement() as u32,
        false => places.rva(used.displacement())?,
    };
    Some(Address { base, index, scale, offset: i64::from(rva), in_image: true })
}
