//! Instructions with a constant that a code of device control can be.

/// What an instruction does with its constant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// Compares something with it.
    Compares,
    /// Compares 16 bits with it.
    ComparesHalf,
    /// Sets a register to it.
    Loads,
    /// Adds it; the register is only of use relative to it from there on.
    Adds,
    /// Subtracts it, likewise.
    Subtracts,
    /// Takes all other bits away.
    Masks,
}

/// An instruction with a constant.
pub(super) struct Constant {
    pub is_for: Use,
    pub value: u32,
    /// The low bits of the register's number that the instruction is about; none where that is memory.
    pub register: Option<u8>,
    /// The instruction's length.
    pub length: usize,
}

/// The instruction at the start of `bytes`, if it is one of those.
pub(super) fn constant(bytes: &[u8]) -> Option<Constant> {
    let number = |at: usize| -> Option<u32> {
        bytes.get(at..at + 4).map(|four| u32::from_le_bytes([four[0], four[1], four[2], four[3]]))
    };
    let half = |at: usize| -> Option<u32> {
        bytes.get(at..at + 2).map(|two| u32::from(u16::from_le_bytes([two[0], two[1]])))
    };
    let (first, second) = (*bytes.first()?, bytes.get(1).copied());
    let mode = second.unwrap_or(0);
    let with = |is_for, register, value, length| Constant { is_for, value, register, length };
    let (of_accumulator, of_mode) = (Some(0), Some(mode & 7));
    Some(match (first, second) {
        // cmp, sub, add and and with EAX.
        (0x3D, _) => with(Use::Compares, of_accumulator, number(1)?, 5),
        (0x2D, _) => with(Use::Subtracts, of_accumulator, number(1)?, 5),
        (0x05, _) => with(Use::Adds, of_accumulator, number(1)?, 5),
        (0x25, _) => with(Use::Masks, of_accumulator, number(1)?, 5),
        // mov to a register.
        (0xB8..=0xBF, _) => with(Use::Loads, Some(first & 7), number(1)?, 5),
        // cmp, sub, add and and with another register.
        (0x81, Some(0xF8..=0xFF)) => with(Use::Compares, of_mode, number(2)?, 6),
        (0x81, Some(0xE8..=0xEF)) => with(Use::Subtracts, of_mode, number(2)?, 6),
        (0x81, Some(0xC0..=0xC7)) => with(Use::Adds, of_mode, number(2)?, 6),
        (0x81, Some(0xE0..=0xE7)) => with(Use::Masks, of_mode, number(2)?, 6),
        // and with a small negative number.
        (0x83, Some(0xE0..=0xE7)) => {
            let mask = i32::from(*bytes.get(2)? as i8) as u32;
            with(Use::Masks, of_mode, mask, 3)
        }
        // cmp with memory, as where the code stands in the request or on the stack.
        (0x81, Some(mode)) if mode >> 3 & 7 == 7 => {
            let at = 1 + length_of_place(&bytes[1..])?;
            with(Use::Compares, None, number(at)?, at + 4)
        }
        // cmp of 16 bits, with memory and with a register.
        (0x66, Some(0x3D)) => with(Use::ComparesHalf, of_accumulator, half(2)?, 4),
        (0x66, Some(0x81)) if *bytes.get(2)? >> 3 & 7 == 7 => {
            let at = 2 + length_of_place(&bytes[2..]).unwrap_or(1);
            with(Use::ComparesHalf, None, half(at)?, at + 2)
        }
        // lea of a register and a constant.
        (0x8D, Some(mode)) if mode >> 6 == 2 && mode & 7 != 4 => {
            with(Use::Adds, Some(mode >> 3 & 7), number(2)?, 6)
        }
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
