//! Which codes of device control the driver may know.

use ringfence_image::Image;
use std::collections::BTreeSet;

/// Codes that are found, at most.
const MOST_CODES: usize = 64;
/// Bytes of code that are looked at, at most.
const MOST_BYTES: usize = 4 << 20;
/// Bytes behind the start of a range in which its end is looked for.
const NEAR: usize = 40;
/// Codes of a range that are tried, at most.
const MOST_OF_RANGE: u32 = 32;

/// Codes of device control.
pub(crate) struct Codes {
    /// Those that stand in the code, or are what it compares with.
    pub found: BTreeSet<u32>,
    /// The first ones that are free for drivers, one for each way to pass buffers, and those next to what was found.
    pub guessed: BTreeSet<u32>,
    /// Whether there was no room for some of what stands in the code.
    pub cut: bool,
}

/// Codes to try on a device of type `kind`.
pub(crate) fn control_codes(image: &Image<'_>, kind: u32) -> Codes {
    let mut codes = Codes { found: BTreeSet::new(), guessed: BTreeSet::new(), cut: false };
    let mut left = MOST_BYTES;
    for section in image.sections().iter().filter(|section| section.is_executable()) {
        let bytes = image.bytes_from(section.rva()).unwrap_or_default();
        let bytes = &bytes[..bytes.len().min(left)];
        left -= bytes.len();
        let mut at = 0;
        while at < bytes.len() {
            let (found, length) = codes_at(&bytes[at..], kind);
            // Within an instruction that is known none begins.
            at += if found.is_empty() { 1 } else { length };
            found.into_iter().for_each(|code| codes.add(code));
        }
    }
    // A switch is often compiled to one comparison and small steps from there.
    let steps = codes.found.iter().flat_map(|&code| [4, 8, 12].map(|step| code.wrapping_add(step)));
    codes.guessed = steps.take(MOST_CODES).filter(|code| !codes.found.contains(code)).collect();
    let first = (kind << 16) | (0x800 << 2);
    codes
        .guessed
        .extend((0..4).map(|method| first | method).filter(|code| !codes.found.contains(code)));
    codes
}

impl Codes {
    fn add(&mut self, code: u32) {
        if self.found.len() < MOST_CODES {
            self.found.insert(code);
        } else {
            self.cut |= !self.found.contains(&code);
        }
    }
}

/// Whether a number looks like a code that a driver of devices of type `kind` made up.
fn is_code(value: u32, kind: u32) -> bool {
    /// FILE_DEVICE_UNKNOWN, which drivers take for their codes whatever their devices are.
    const UNKNOWN: u32 = 0x22;
    // CTL_CODE puts the device's type into the upper half; drivers' own types begin at 0x8000, their functions at 0x800.
    let own_function = value & 0x2000 != 0;
    match value >> 16 {
        // Small negative numbers.
        0xFF00.. => false,
        of if of == kind & 0xFFFF => own_function || kind >= 0x8000,
        of => own_function && (of == UNKNOWN || of >= 0x8000),
    }
}

/// The codes that the instruction at the start of `bytes` is about, if it is about any, and its length.
fn codes_at(bytes: &[u8], kind: u32) -> (Vec<u32>, usize) {
    let Some((first, value, length)) = operand(bytes) else { return (Vec::new(), 1) };
    // A switch over codes that are close begins by taking away the lowest one, by a subtraction or an addition.
    let lowest = if first.adds { value.wrapping_neg() } else { value };
    if !is_code(lowest, kind) {
        return (Vec::new(), length);
    }
    if !first.begins_range {
        return (vec![lowest], length);
    }
    let range = range(lowest, &bytes[length..bytes.len().min(length + NEAR)]);
    (range.into_iter().filter(|&code| is_code(code, kind)).collect(), length)
}

/// What an instruction with a constant may do with it.
#[derive(Clone, Copy)]
struct Use {
    adds: bool,
    /// Whether the register is only of use relative to the constant from there on.
    begins_range: bool,
}

/// The constant of an instruction that compares with one, sets a register to one, adds or subtracts one; and the
/// instruction's length.
fn operand(bytes: &[u8]) -> Option<(Use, u32, usize)> {
    let number = |at: usize| -> Option<u32> {
        bytes.get(at..at + 4).map(|four| u32::from_le_bytes([four[0], four[1], four[2], four[3]]))
    };
    let plain = Use { adds: false, begins_range: false };
    let adds = Use { adds: true, begins_range: true };
    let subtracts = Use { begins_range: true, ..plain };
    let (first, second) = (*bytes.first()?, bytes.get(1).copied());
    Some(match (first, second) {
        // cmp, sub and add with EAX.
        (0x3D, _) => (plain, number(1)?, 5),
        (0x2D, _) => (subtracts, number(1)?, 5),
        (0x05, _) => (adds, number(1)?, 5),
        // mov to a register.
        (0xB8..=0xBF, _) => (plain, number(1)?, 5),
        // cmp, sub and add with another register.
        (0x81, Some(0xF8..=0xFF)) => (plain, number(2)?, 6),
        (0x81, Some(0xE8..=0xEF)) => (subtracts, number(2)?, 6),
        (0x81, Some(0xC0..=0xC7)) => (adds, number(2)?, 6),
        // cmp with memory, as where the code stands in the request or on the stack.
        (0x81, Some(mode)) if mode >> 3 & 7 == 7 => {
            let at = 1 + length_of_place(&bytes[1..])?;
            (plain, number(at)?, at + 4)
        }
        // lea of a register and a constant.
        (0x8D, Some(mode)) if mode >> 6 == 2 && mode & 7 != 4 => (adds, number(2)?, 6),
        _ => return None,
    })
}

/// Bytes that say which place in memory an instruction is about: ModR/M, SIB and displacement.
fn length_of_place(bytes: &[u8]) -> Option<usize> {
    let mode = *bytes.first()?;
    let (form, register) = (mode >> 6, mode & 7);
    let scaled = usize::from(register == 4);
    let base = if register == 4 { *bytes.get(1)? & 7 } else { register };
    let displacement = match form {
        0 if base == 5 => 4,
        0 => 0,
        1 => 1,
        2 => 4,
        _ => return None,
    };
    Some(1 + scaled + displacement)
}

/// The codes of a switch that begins at `lowest`, by the instructions behind that: a comparison with how many there are,
/// which bits of a mask are tested, whether the difference is divided by four.
fn range(lowest: u32, bytes: &[u8]) -> Vec<u32> {
    let mut step = 1;
    let mut most = None;
    let mut mask = None;
    let mut number = None;
    for at in 0..bytes.len() {
        match bytes[at..] {
            // ror reg, 2 and rol reg, 30: what is no multiple of four becomes large.
            [0xC1, 0xC8..=0xCF, 2, ..] | [0xC1, 0xC0..=0xC7, 30, ..] => step = 4,
            // cmp reg, imm8
            [0x83, 0xF8..=0xFF, end @ 0..=0x7F, ..] => {
                most.get_or_insert(u32::from(end));
            }
            // mov reg, imm64 and mov reg, imm32
            [0x48 | 0x49, 0xB8..=0xBF, a, b, c, d, e, f, g, h, ..] => {
                number = Some(u64::from_le_bytes([a, b, c, d, e, f, g, h]));
            }
            [0xB8..=0xBF, a, b, c, d, ..] if at == 0 || !matches!(bytes[at - 1], 0x48 | 0x49) => {
                number = Some(u64::from(u32::from_le_bytes([a, b, c, d])));
            }
            // bt reg, reg
            [0x0F, 0xA3, ..] => {
                mask = number;
                break;
            }
            _ => {}
        }
    }
    let Some(most) = most else { return vec![lowest] };
    let tested = |offset: u32| mask.is_none_or(|mask| offset < 64 && mask >> offset & 1 != 0);
    // Where nothing says which codes of a long range count, the method to pass buffers is mostly the same.
    let is_likely = |offset: u32| {
        step == 4 || mask.is_some() || most < MOST_OF_RANGE || offset.is_multiple_of(4)
    };
    let offsets = (0..=most).filter(|&offset| is_likely(offset) && tested(offset));
    let offsets = offsets.take(MOST_OF_RANGE as usize);
    let codes = offsets.map(|offset| lowest.wrapping_add(offset * step));
    // The lowest one may belong to another comparison.
    let mut all: Vec<_> = codes.collect();
    if !all.contains(&lowest) {
        all.push(lowest);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::{Codes, control_codes};
    use ringfence_fixture::{driver, section};

    /// What is found for a device of type FILE_DEVICE_UNKNOWN in a driver with this code.
    fn codes(code: &[u8]) -> Codes {
        let code = section(".more").rights(ringfence_fixture::RX).bytes(code.to_vec());
        let bytes = driver().section(code).bytes();
        let image = ringfence_image::Image::read(&bytes).unwrap();
        control_codes(&image, 0x22)
    }

    /// CTL_CODE(FILE_DEVICE_UNKNOWN, 0x803, METHOD_BUFFERED, FILE_ANY_ACCESS) is 0x22200C.
    #[test]
    fn codes_in_the_code_are_found() {
        // nop; cmp eax, 0x22200C; and bytes that are no operand
        let codes = codes(&[0x90, 0x3D, 0x0C, 0x20, 0x22, 0x00, 0xE8, 0x40, 0x20, 0x22, 0x00]);
        assert!(codes.found.contains(&0x22_200C));
        assert!(!codes.found.contains(&0x22_2040));
        let first = [0x22_2000, 0x22_2001, 0x22_2002, 0x22_2003];
        assert!(first.iter().all(|code| codes.guessed.contains(code)));
        assert!(codes.guessed.contains(&0x22_2010) && !codes.cut);
    }

    /// Each as clang 19 assembles it; a debug build has the code on the stack.
    #[test]
    fn codes_are_compared_in_memory_too() {
        let instructions: [&[u8]; 6] = [
            &[0x81, 0x78, 0x18, 0x0C, 0x20, 0x22, 0], // cmp dword ptr [rax + 18h], 22200Ch
            &[0x81, 0x38, 0x0C, 0x20, 0x22, 0],       // cmp dword ptr [rax], 22200Ch
            &[0x81, 0x7C, 0x24, 0x40, 0x0C, 0x20, 0x22, 0], // cmp dword ptr [rsp + 40h], 22200Ch
            &[0x81, 0xBC, 0x24, 0, 1, 0, 0, 0x0C, 0x20, 0x22, 0], // cmp dword ptr [rsp + 100h], 22200Ch
            &[0x41, 0x81, 0x7D, 0x18, 0x0C, 0x20, 0x22, 0], // cmp dword ptr [r13 + 18h], 22200Ch
            &[0x81, 0x3D, 0, 1, 0, 0, 0x0C, 0x20, 0x22, 0], // cmp dword ptr [rip + 100h], 22200Ch
        ];
        for instruction in instructions {
            let found: Vec<_> = codes(instruction).found.into_iter().collect();
            assert_eq!(found, [0x22_200C], "{instruction:x?}");
        }
        // and dword ptr [rax + 18h], 22200Ch
        assert!(codes(&[0x81, 0x60, 0x18, 0x0C, 0x20, 0x22, 0]).found.is_empty());
    }

    /// `switch` over 0x80002048 to 0x80002058 in steps of four, as clang 19 compiles it.
    #[test]
    fn a_switch_over_codes_that_are_close_is_found() {
        let expected = [0x8000_2048, 0x8000_204C, 0x8000_2050, 0x8000_2054, 0x8000_2058];
        // add ecx, -80002048h; rol ecx, 30; cmp ecx, 4; ja
        let turned = [0x81, 0xC1, 0xB8, 0xDF, 0xFF, 0x7F, 0xC1, 0xC1, 30, 0x83, 0xF9, 4, 0x77, 9];
        assert_eq!(codes(&turned).found.into_iter().collect::<Vec<_>>(), expected);
        // lea eax, [rcx - 80002048h]; cmp eax, 16; ja; mov ecx, 11111h; bt ecx, eax
        let mut masked = vec![0x8D, 0x81, 0xB8, 0xDF, 0xFF, 0x7F, 0x83, 0xF8, 16, 0x77, 9];
        masked.extend([0xB9, 0x11, 0x11, 1, 0, 0x0F, 0xA3, 0xC1]);
        assert_eq!(codes(&masked).found.into_iter().collect::<Vec<_>>(), expected);
        // The same with a mask that leaves one out, and with a table of jumps, where each place may be one.
        let mut without = expected.to_vec();
        without.remove(1);
        masked[11..16].copy_from_slice(&[0xB9, 0x01, 0x11, 1, 0]);
        assert_eq!(codes(&masked).found.into_iter().collect::<Vec<_>>(), without);
        let table = codes(&masked[..11]);
        assert!(expected.iter().all(|code| table.found.contains(code)));
        assert_eq!(table.found.len(), 17);
    }

    /// An address of a structure is no code, and neither is a status.
    #[test]
    fn other_constants_are_no_codes() {
        // lea rax, [rcx + 22200Ch]; mov eax, STATUS_INVALID_DEVICE_REQUEST
        let codes = codes(&[0x8D, 0x81, 0x0C, 0x20, 0x22, 0, 0xB8, 0x10, 0, 0, 0xC0]);
        assert!(codes.found.is_empty(), "{:x?}", codes.found);
    }

    #[test]
    fn there_are_not_more_codes_than_there_is_room_for() {
        let many: Vec<u8> = (0..200_u32)
            .flat_map(|index| {
                let code = (0x22_2000 + 4 * index).to_le_bytes();
                [0x3D, code[0], code[1], code[2], code[3]]
            })
            .collect();
        let codes = codes(&many);
        assert_eq!((codes.found.len(), codes.cut), (super::MOST_CODES, true));
    }
}
