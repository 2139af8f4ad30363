//! Which codes of device control the driver may know.

mod instruction;
mod range;

use instruction::{Use, constant};
use range::Taker;
use ringfence_image::Image;
use std::collections::BTreeSet;

/// Codes that are found, at most.
const MOST_CODES: usize = 64;
/// Bytes of code that are looked at, at most.
const MOST_BYTES: usize = 4 << 20;
/// Bytes behind an instruction in which what belongs to it is looked for.
const NEAR: usize = 40;

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
        let mut masked = None;
        let mut at = 0;
        while at < bytes.len() {
            let Found { about, length, cut } = codes_at(bytes, at, kind, &mut masked);
            // Within an instruction that is known none begins.
            at += if about.is_empty() { 1 } else { length };
            about.into_iter().for_each(|code| codes.add(code));
            codes.cut |= cut;
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

/// FILE_DEVICE_UNKNOWN, which drivers take for their codes whatever their devices are.
const UNKNOWN: u32 = 0x22;
/// The bit that the functions of drivers' own codes have: they begin at 0x800.
const OWN_FUNCTION: u32 = 0x800 << 2;
/// The bits of a code that say which function it is.
const FUNCTION: u32 = 0xFFF << 2;

/// Whether a number looks like a code that a driver of devices of type `kind` made up.
fn is_code(value: u32, kind: u32) -> bool {
    // CTL_CODE puts the device's type into the upper half; drivers' own types begin at 0x8000.
    let own_function = value & OWN_FUNCTION != 0;
    match value >> 16 {
        // Small negative numbers.
        0xFF00.. => false,
        of if of == kind & 0xFFFF => own_function || kind >= 0x8000,
        of => own_function && (of == UNKNOWN || of >= 0x8000),
    }
}

/// Whether a number that something is compared with looks like a code. Of what is compared fewer numbers are
/// anything else, so that functions below 0x800 count, which are Microsoft's and which drivers take all the same.
fn is_compared_code(value: u32, kind: u32) -> bool {
    let (of, rest) = (value >> 16, value & 0xFFFF);
    is_code(value, kind)
        || (of == UNKNOWN || of != 0 && of == kind & 0xFFFF) && !matches!(rest, 0 | 0xFFFF)
}

/// A register of which only some bits of a code are left.
struct Masked {
    register: u8,
    /// The bits.
    mask: u32,
    /// Where it is not compared any more, in the code.
    until: usize,
}

/// What an instruction says of codes.
#[derive(Default)]
struct Found {
    /// The codes that it is about.
    about: Vec<u32>,
    /// How long it is.
    length: usize,
    /// Whether it may be about more.
    cut: bool,
}

/// What the instruction at `at` says of codes.
fn codes_at(bytes: &[u8], at: usize, kind: u32, masked: &mut Option<Masked>) -> Found {
    let Some(found) = constant(&bytes[at..]) else { return Found::default() };
    let (value, length, register) = (found.value, found.length, found.register);
    let end = at + length;
    let near = &bytes[end..bytes.len().min(end + NEAR)];
    let these = |about| Found { about, length, cut: false };
    // A switch over codes that are close begins by taking away the lowest one.
    let of_range = |lowest: u32| {
        let is_code = |code: &u32| is_compared_code(*code, kind);
        if !is_code(&lowest) {
            return Found::default();
        }
        let (codes, cut) = range::codes(lowest, register, near);
        Found { about: codes.into_iter().filter(is_code).collect(), length, cut }
    };
    match found.is_for {
        Use::Compares => {
            if let Some(of) = masked.as_mut().filter(|of| register == Some(of.register))
                && at < of.until
            {
                let codes = masked_codes(value, of.mask, kind);
                if !codes.is_empty() {
                    of.until = end + NEAR;
                    return these(codes);
                }
            }
            these(Some(value).filter(|&value| is_compared_code(value, kind)).into_iter().collect())
        }
        Use::ComparesHalf => these(masked_codes(value, 0xFFFF, kind)),
        Use::Loads => {
            // Only from a register can a constant be used together with a place in memory and keep that as it is.
            match register.and_then(|register| range::taken_by(register, near)) {
                Some(Taker::Adds) => {
                    let range = of_range(value.wrapping_neg());
                    if !range.about.is_empty() {
                        return range;
                    }
                }
                Some(Taker::Masks) => *masked = mask_of(register, value, end),
                None => {}
            }
            these(Some(value).filter(|&value| is_code(value, kind)).into_iter().collect())
        }
        Use::Masks => {
            *masked = mask_of(register, value, end);
            Found::default()
        }
        Use::Subtracts => of_range(value),
        Use::Adds => of_range(value.wrapping_neg()),
    }
}

/// A register with a mask from `at` on, if the mask leaves enough of a code.
fn mask_of(register: Option<u8>, mask: u32, at: usize) -> Option<Masked> {
    let keeps = mask & FUNCTION == FUNCTION;
    register.filter(|_| keeps).map(|register| Masked { register, mask, until: at + NEAR })
}

/// The codes of which a comparison with `value` leaves open what `mask` takes away.
fn masked_codes(value: u32, mask: u32, kind: u32) -> Vec<u32> {
    if value & !mask != 0 {
        return Vec::new();
    }
    let with_type = match mask >> 16 {
        0xFFFF if is_compared_code(value, kind) => value,
        // Whatever type the code has. All bits of a function are no function, but a limit or a mask.
        0 if value & OWN_FUNCTION != 0 && value & FUNCTION != FUNCTION => kind << 16 | value,
        _ => return Vec::new(),
    };
    (0..4).filter(|method| method & mask == 0).map(|method| with_type | method).collect()
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

    /// `switch` over 0x222400, 0x222405, 0x22240A, 0x22240F, 0x222410 and 0x222414, as clang 19 compiles it with -O2: the
    /// code is in memory, and so the lowest one is added to it with its sign changed. A table of jumps is behind it.
    #[test]
    fn a_switch_over_a_code_in_memory_is_found() {
        // mov eax, -222400h; add eax, [rcx + 18h]; cmp eax, 14h; ja; lea rcx, [rip + table]
        let table = [0xB8, 0, 0xDC, 0xDD, 0xFF, 3, 0x41, 0x18, 0x83, 0xF8, 0x14, 0x77, 0x2E];
        let found = codes(&[&table[..], &[0x48, 0x8D, 0x0D, 0, 0, 0, 0]].concat()).found;
        assert_eq!(
            found.into_iter().collect::<Vec<_>>(),
            (0x22_2400..=0x22_2414).collect::<Vec<_>>()
        );
        // mov ecx, -222400h; add ecx, [rax + 18h]; rol ecx, 30; cmp ecx, 4; ja
        let turned = [0xB9, 0, 0xDC, 0xDD, 0xFF, 3, 0x48, 0x18, 0xC1, 0xC1, 0x1E, 0x83, 0xF9, 4];
        let found: Vec<_> = codes(&turned).found.into_iter().collect();
        assert_eq!(found, [0x22_2400, 0x22_2404, 0x22_2408, 0x22_240C, 0x22_2410]);
        // The same with add ecx, eax, and with nothing that adds.
        let added = [&turned[..5], &[0x01, 0xC1], &turned[8..]].concat();
        assert_eq!(codes(&added).found.len(), 5);
        let alone = [&turned[..5], &[0x90, 0x90, 0x90], &turned[8..]].concat();
        assert!(codes(&alone).found.is_empty());
    }

    /// A long range with nothing that says which of its codes count: those by the most common method, not all.
    #[test]
    fn a_long_range_is_bounded() {
        // mov eax, -222400h; add eax, [rcx + 18h]; cmp eax, 400h; ja
        let long = [0xB8, 0, 0xDC, 0xDD, 0xFF, 3, 0x41, 0x18, 0x3D, 0, 4, 0, 0, 0x77, 0x2E];
        let codes = codes(&long);
        assert_eq!(codes.found.len(), 32);
        assert!(codes.cut && codes.found.iter().all(|code| code % 4 == 0));
    }

    /// A switch that is counted down: sub eax, 222404h; je; sub eax, 4; je; sub eax, 7; je; cmp eax, 1; jne
    #[test]
    fn a_switch_that_is_counted_down_is_found() {
        let mut down = vec![0x2D, 4, 0x24, 0x22, 0, 0x74, 9, 0x83, 0xE8, 4, 0x74, 9];
        down.extend([0x83, 0xE8, 7, 0x74, 9, 0x83, 0xF8, 1, 0x75, 3]);
        let found = codes(&down).found;
        let counted = [0x22_2404, 0x22_2408, 0x22_240F, 0x22_2410];
        assert!(counted.iter().all(|code| found.contains(code)), "{found:x?}");
    }

    /// Microsoft's functions lie below 0x800, and drivers use such numbers too: CTL_CODE(FILE_DEVICE_UNKNOWN, 0x101,
    /// METHOD_BUFFERED, FILE_ANY_ACCESS) is 0x220404.
    #[test]
    fn small_functions_are_found_where_they_are_compared() {
        // cmp eax, 220404h; cmp dword ptr [rax + 18h], 220404h
        for instruction in [&[0x3D, 4, 4, 0x22, 0][..], &[0x81, 0x78, 0x18, 4, 4, 0x22, 0]] {
            assert_eq!(codes(instruction).found.into_iter().collect::<Vec<_>>(), [0x22_0404]);
        }
        // mov eax, 220404h; cmp eax, 220000h; cmp eax, 70404h, of another type
        for instruction in [[0xB8, 4, 4, 0x22, 0], [0x3D, 0, 0, 0x22, 0], [0x3D, 4, 4, 7, 0]] {
            assert!(codes(&instruction).found.is_empty(), "{instruction:x?}");
        }
    }

    /// What a mask takes away before the comparison may be anything; each as clang 19 compiles it.
    #[test]
    fn codes_are_compared_without_some_of_their_bits() {
        let cases: [(&[u8], &[u32]); 5] = [
            // and eax, -4; cmp eax, 222400h
            (
                &[0x83, 0xE0, 0xFC, 0x3D, 0, 0x24, 0x22, 0],
                &[0x22_2400, 0x22_2401, 0x22_2402, 0x22_2403],
            ),
            // and ecx, -2; xor eax, eax; cmp ecx, 222400h
            (
                &[0x83, 0xE1, 0xFE, 0x31, 0xC0, 0x81, 0xF9, 0, 0x24, 0x22, 0],
                &[0x22_2400, 0x22_2401],
            ),
            // mov ecx, 3FFCh; and ecx, [rax + 18h]; cmp ecx, 2414h
            (
                &[0xB9, 0xFC, 0x3F, 0, 0, 0x23, 0x48, 0x18, 0x81, 0xF9, 0x14, 0x24, 0, 0],
                &[0x22_2414, 0x22_2415, 0x22_2416, 0x22_2417],
            ),
            // cmp word ptr [rax + 18h], 2414h
            (&[0x66, 0x81, 0x78, 0x18, 0x14, 0x24], &[0x22_2414]),
            // and ecx, -4; cmp eax, 222400h: another register
            (&[0x83, 0xE1, 0xFC, 0x3D, 0, 0x24, 0x22, 0], &[0x22_2400]),
        ];
        // cmp word ptr [rax], 0FFFFh; and eax, 0FFFFh; cmp eax, 0FFFFh
        assert!(codes(&[0x66, 0x81, 0x38, 0xFF, 0xFF]).found.is_empty());
        let limit = [0x25, 0xFF, 0xFF, 0, 0, 0x3D, 0xFF, 0xFF, 0, 0];
        assert!(codes(&limit).found.is_empty());
        for (instructions, expected) in cases {
            let found: Vec<_> = codes(instructions).found.into_iter().collect();
            assert_eq!(found, expected, "{instructions:x?}");
        }
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
