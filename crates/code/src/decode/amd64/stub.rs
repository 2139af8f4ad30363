//! Small pieces of code that only lead elsewhere: thunks, dispatch stubs, retpolines.

use super::{decode, general};
use crate::decode::Stub;
use crate::ir::Reg;
use crate::places::Places;
use iced_x86::{Instruction, Mnemonic, OpKind, Register};

/// Jumps from one stub to the next that are followed: incremental linking and thunks together need two.
const MOST_HOPS: usize = 4;

/// What the code at `at` stands in for.
pub(super) fn follow(places: &Places<'_>, mut at: u32) -> Stub {
    for _ in 0..MOST_HOPS {
        let bytes = places.code_from(at).filter(|bytes| may_be_stub(bytes));
        let Some(first) = bytes.and_then(|bytes| decode(bytes, at)) else {
            return Stub::Code(at);
        };
        match first.mnemonic() {
            Mnemonic::Jmp if first.is_jmp_short_or_near() => at = first.near_branch_target() as u32,
            Mnemonic::Jmp if first.is_ip_rel_memory_operand() => {
                let place = first.ip_rel_memory_address() as u32;
                return match places.is_guard_dispatch(place) {
                    true => Stub::ToRegister(super::RAX),
                    false => Stub::ToPointer(place),
                };
            }
            Mnemonic::Jmp if first.op0_kind() == OpKind::Register => {
                return match general(first.op0_register()) {
                    Some((register, _)) => Stub::ToRegister(register),
                    None => Stub::Code(at),
                };
            }
            Mnemonic::Call if first.is_call_near() => {
                return match retpoline(places, &first) {
                    Some(register) => Stub::Retpoline(register),
                    None => Stub::Code(at),
                };
            }
            _ => return Stub::Code(at),
        }
    }
    Stub::Code(at)
}

/// Whether code begins with a jump or a call, behind a prefix perhaps: every called function is asked.
fn may_be_stub(bytes: &[u8]) -> bool {
    matches!(
        bytes,
        [0xE8 | 0xE9 | 0xEB | 0xFF, ..] | [0x40..=0x4F | 0xF2 | 0x3E, 0xE9 | 0xEB | 0xFF, ..]
    )
}

/// `call over; ...; over: mov [rsp], register; ret`.
fn retpoline(places: &Places<'_>, call: &Instruction) -> Option<Reg> {
    let over = call.near_branch_target() as u32;
    // The landing place is a few bytes on: behind the loop that catches speculation.
    let near = call.next_ip() as u32..(call.next_ip() as u32).saturating_add(32);
    if !near.contains(&over) {
        return None;
    }
    let store = decode(places.code_from(over)?, over)?;
    let after = over.checked_add(store.len() as u32)?;
    let ret = decode(places.code_from(after)?, after)?;
    let to_top = store.mnemonic() == Mnemonic::Mov
        && store.op0_kind() == OpKind::Memory
        && store.memory_base() == Register::RSP
        && store.memory_displacement64() == 0
        && store.memory_index() == Register::None
        && store.op1_kind() == OpKind::Register
        && ret.mnemonic() == Mnemonic::Ret;
    to_top.then(|| general(store.op1_register()).map(|(register, _)| register))?
}

/// How many bytes at the start are filler: `int3`, `nop` in its many lengths, zeros.
pub(super) fn padding(bytes: &[u8]) -> usize {
    let mut length = 0;
    while let Some(&byte) = bytes.get(length) {
        length += match byte {
            0xCC | 0x90 | 0x00 => 1,
            0x66 | 0x0F | 0x2E => match decode(&bytes[length..], 0) {
                Some(nop) if nop.mnemonic() == Mnemonic::Nop => nop.len(),
                _ => return length,
            },
            _ => return length,
        };
    }
    length
}

/// Whether `cmp rcx, [__security_cookie]` stands at `at`: `__security_check_cookie` begins with it.
pub(super) fn checks_cookie(places: &Places<'_>, at: u32) -> bool {
    const COMPARE: [u8; 3] = [0x48, 0x3B, 0x0D];
    let field = places.code_from(at).and_then(|bytes| bytes.strip_prefix(&COMPARE)?.first_chunk());
    let end = at.wrapping_add(COMPARE.len() as u32 + 4);
    let place = field.map(|field| end.wrapping_add(u32::from_le_bytes(*field)));
    place.is_some() && place == places.cookie()
}
