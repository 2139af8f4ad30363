//! Finds bytes that may be an instruction worth a closer look: one that names a place in code or loads
//! an import's address, or one that sets control register 0.

use crate::scan::Names;
use std::ops::Range;

/// What is looked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    /// Places that a memory operand relative to the instruction's end may name.
    pub(crate) named: Vec<Range<u32>>,
    /// Places that it may name in a load.
    pub(crate) loaded: Range<u32>,
}

/// The operation code of a load.
const LOAD: u8 = 0x8B;
/// The longest that is looked at of what stands before a field.
const BEFORE: usize = 6;
/// `mov cr, r64` without its last byte.
const TO_CONTROL: [u8; 2] = [0x0F, 0x22];

/// Calls `hit` with the address of every field in `code`, of which `names` are the fields, that may name a
/// wanted place in a wanted way; and with that of every `mov cr0, r64`. Of some it is called twice.
pub(crate) fn marks(
    names: &Names,
    code: &[(u32, &[u8])],
    wanted: &Wanted,
    mut hit: impl FnMut(u32),
) {
    for range in &wanted.named {
        for field in names.operands_near(range) {
            if may_write(before(code, field.at)) {
                hit(field.at);
            }
        }
    }
    for field in names.operands_near(&wanted.loaded) {
        if matches!(*before(code, field.at), [.., LOAD, _]) {
            hit(field.at);
        }
    }
    for &(start, bytes) in code {
        for at in memchr::memmem::find_iter(bytes, &TO_CONTROL) {
            if bytes.get(at + 2).is_some_and(|operands| operands & 0xF8 == 0xC0) {
                hit(start.wrapping_add(at as u32));
            }
        }
    }
}

/// The bytes before `at`, as far as they matter.
fn before<'c>(code: &[(u32, &'c [u8])], at: u32) -> &'c [u8] {
    let after = code.partition_point(|(start, _)| *start < at);
    let Some(&(start, bytes)) = after.checked_sub(1).and_then(|index| code.get(index)) else {
        return &[];
    };
    let index = (at - start) as usize;
    bytes.get(index.saturating_sub(BEFORE)..index).unwrap_or_default()
}

/// Whether an instruction may write memory or take its address, by the bytes before its field, of which the
/// last is the operands byte: those of one-byte operation codes are told, the others all may.
fn may_write(before: &[u8]) -> bool {
    let Some((operands, before)) = before.split_last() else { return false };
    let selects = operands >> 3 & 7;
    match *before {
        // Longer codes behind 0F, 0F 38 and 0F 3A, and those of vectors behind C5, C4 and 62.
        [.., 0x0F | 0x38 | 0x3A, _] | [.., 0xC5, _, _] | [.., 0xC4 | 0x62, _, _, _] => true,
        [0x62, ..] => true,
        // Sums and their kin, by the direction and as a group; exchanges, moves, addresses, pops.
        [.., 0x00..=0x3F] => before.last().is_some_and(|code| code & 6 == 0),
        [.., 0x80..=0x83] => selects != 7,
        [.., 0x86..=0x89 | 0x8C..=0x8D | 0x8F] => true,
        // Moves of numbers, then `inc` and `dec`. Shifts, the coprocessor's and `neg` and `not` are left
        // out: nobody changes code by them, and the last byte of other instructions often looks like one.
        [.., 0xC6 | 0xC7] => true,
        [.., 0xFE | 0xFF] => selects < 2,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every mark, one byte after the other, by the patterns' definitions.
    fn slowly(bytes: &[u8], base: u32, code: &Range<u32>, slots: &Range<u32>) -> Vec<u32> {
        let mut found = Vec::new();
        for at in 0..bytes.len() {
            let named = |places: &Range<u32>| {
                let Some(field) = bytes.get(at..at + 4) else { return false };
                let field = u32::from_le_bytes([field[0], field[1], field[2], field[3]]);
                let end = (base + at as u32 + 4).wrapping_add(field);
                (0..=4).any(|behind| places.contains(&end.wrapping_add(behind)))
            };
            let modrm = at >= 1 && bytes[at - 1] & 0xC7 == 5;
            let load = at >= 2 && bytes[at - 2] == 0x8B;
            let writes = may_write(&bytes[at.saturating_sub(6)..at]);
            let control = bytes[at..].starts_with(&[0x0F, 0x22])
                && bytes.get(at + 2).is_some_and(|modrm| modrm & 0xF8 == 0xC0);
            if modrm && named(code) && writes || modrm && load && named(slots) || control {
                found.push(base + at as u32);
            }
        }
        found
    }

    /// What iced says of the memory operand of every operation code, against what is taken for granted.
    #[test]
    fn no_writing_instruction_is_left_out() {
        use iced_x86::{
            Decoder, DecoderOptions, InstructionInfoFactory, Mnemonic, OpAccess, Register,
        };
        let mut info = InstructionInfoFactory::new();
        let prefixes: [&[u8]; 12] = [
            &[],
            &[0x66],
            &[0x48],
            &[0xF0],
            &[0xF3],
            &[0x0F],
            &[0x66, 0x0F],
            &[0xF3, 0x0F],
            &[0x0F, 0x38],
            &[0xC5, 0xF9],
            &[0xC4, 0xE1, 0xF9],
            &[0x62, 0xF1, 0x7C, 0x48],
        ];
        for prefix in prefixes {
            for code in 0..=255 {
                for operands in (0..8).map(|selects| selects << 3 | 5) {
                    let bytes = [prefix, &[code, operands, 0, 0, 0, 0, 1, 1, 1, 1]].concat();
                    let instruction = Decoder::new(64, &bytes, DecoderOptions::NONE).decode();
                    if !instruction.is_ip_rel_memory_operand() {
                        continue;
                    }
                    let memory = info.info(&instruction).used_memory();
                    let reads = |access| {
                        matches!(
                            access,
                            OpAccess::Read | OpAccess::CondRead | OpAccess::NoMemAccess
                        )
                    };
                    // Pushes and calls write to the stack as well.
                    let named = |used: &&iced_x86::UsedMemory| used.base() == Register::None;
                    let matters = memory.iter().filter(named).any(|used| !reads(used.access()))
                        || instruction.mnemonic() == Mnemonic::Lea;
                    let left_out = matches!(
                        instruction.mnemonic(),
                        Mnemonic::Rol
                            | Mnemonic::Ror
                            | Mnemonic::Rcl
                            | Mnemonic::Rcr
                            | Mnemonic::Shl
                            | Mnemonic::Shr
                            | Mnemonic::Sal
                            | Mnemonic::Sar
                            | Mnemonic::Not
                            | Mnemonic::Neg
                    ) || (0xD8..=0xDF).contains(&code);
                    if left_out {
                        continue;
                    }
                    let before = &bytes[..prefix.len() + 2];
                    let before = &before[before.len().saturating_sub(BEFORE)..];
                    assert!(!matters || may_write(before), "{bytes:x?}");
                }
            }
        }
    }

    #[test]
    fn the_fast_scan_finds_what_the_slow_one_does() {
        let mut seed = 3_u32;
        let mut random = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            seed >> 8
        };
        let (base, code, slots) = (0x1000_u32, 0x1000_u32..0x3000, 0x8000_u32..0x8040);
        for length in [0, 1, 2, 3, 4, 65, 66, 69, 70, 71, 200, 4096] {
            let mut bytes: Vec<u8> = (0..length).map(|_| random() as u8).collect();
            for _ in 0..length / 24 {
                let at = random() as usize % length;
                let place = [code.start, code.end - 1, code.end, slots.start, slots.end]
                    [random() as usize % 5];
                let mut piece = vec![0x8B - (random() as u8 & 2), 5 | random() as u8 & 0x38];
                let behind = random() % 5;
                let end = base + at as u32 + 6 + behind;
                piece.extend(place.wrapping_sub(end).to_le_bytes());
                if random() & 3 == 0 {
                    piece = vec![0x0F, 0x22, 0xC0 | random() as u8 & 15];
                }
                let room = piece.len().min(length - at);
                bytes[at..at + room].copy_from_slice(&piece[..room]);
            }
            let wanted = Wanted { named: vec![code.clone()], loaded: slots.clone() };
            let mut quick = Vec::new();
            let pieces = [(base, &bytes[..])];
            marks(&Names::read(&pieces, 0x1_0000), &pieces, &wanted, |at| quick.push(at));
            quick.sort_unstable();
            quick.dedup();
            assert_eq!(quick, slowly(&bytes, base, &code, &slots), "{length}");
        }
    }
}
