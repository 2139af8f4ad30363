//! x64 unwind information: how large a function's stack frame is, which entry a fragment belongs to,
//! and where control goes on after an exception.

use crate::section::Layout;
use crate::{Function, Rva};

/// What the unwind information of one x64 entry says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unwind {
    /// Length of the prolog in bytes.
    pub prolog: u8,
    /// Bytes that this entry's prolog takes from the stack, below the return address.
    pub frame: u32,
    /// The register that points into the frame, and how many bytes above the stack pointer.
    pub frame_register: Option<(u8, u32)>,
    /// The entry that this one is a fragment of.
    pub chained: Option<Function>,
    /// Where the function goes on after an exception, from the scope table of `__C_specific_handler`.
    pub resumes: Vec<Rva>,
}

/// `UNW_FLAG_` bits.
const EXCEPTION_HANDLER: u8 = 1;
const TERMINATION_HANDLER: u8 = 2;
const CHAINED: u8 = 4;
/// No C function has more guarded scopes; more means that the bytes are no scope table.
const MOST_SCOPES: u32 = 1024;

/// Ranges of one function lie no farther apart.
const FARTHEST: u32 = 16 << 20;

/// Reads what stands behind `function.unwind`; `None` where there is nothing of a known version.
pub(crate) fn read(layout: &Layout<'_>, function: &Function) -> Option<Unwind> {
    let bytes = layout.bytes_from(function.unwind?)?;
    let &[first, prolog, count, frame, ..] = bytes else { return None };
    let (version, flags) = (first & 7, first >> 3);
    if !(1..=2).contains(&version) {
        return None;
    }
    let codes = bytes.get(4..4 + 2 * usize::from(count))?;
    // The codes take an even number of words.
    let tail = bytes.get(4 + 2 * usize::from(count).next_multiple_of(2)..).unwrap_or_default();
    let mut unwind = Unwind { prolog, frame: stack_taken(codes, version), ..Unwind::default() };
    if frame & 15 != 0 {
        unwind.frame_register = Some((frame & 15, u32::from(frame >> 4) * 16));
    }
    if flags & CHAINED != 0 {
        let word = |index: usize| word(tail, index);
        unwind.chained = word(0).zip(word(1)).zip(word(2)).map(|((begin, end), unwind)| Function {
            begin: Rva(begin),
            end: Some(Rva(end)),
            unwind: Some(Rva(unwind)),
        });
    } else if flags & (EXCEPTION_HANDLER | TERMINATION_HANDLER) != 0 {
        unwind.resumes = scope_table(tail.get(4..).unwrap_or_default(), function);
    }
    Some(unwind)
}

fn word(bytes: &[u8], index: usize) -> Option<u32> {
    bytes.get(4 * index..)?.first_chunk().map(|four| u32::from_le_bytes(*four))
}

/// Bytes pushed and allocated by the unwind codes.
fn stack_taken(codes: &[u8], version: u8) -> u32 {
    let half = |index: usize| {
        let two = codes.get(2 * index..2 * index + 2);
        two.map_or(0, |two| u32::from(two[0]) | u32::from(two[1]) << 8)
    };
    let mut taken = 0_u32;
    let mut index = 0;
    while 2 * index + 1 < codes.len() {
        let operation = codes[2 * index + 1];
        let detail = u32::from(operation >> 4);
        // UWOP_ numbers; what only saves a register takes nothing.
        let (bytes, slots) = match operation & 15 {
            0 => (8, 1),
            1 if detail == 0 => (half(index + 1) * 8, 2),
            1 => (half(index + 1) | half(index + 2) << 16, 3),
            2 => (detail * 8 + 8, 1),
            4 | 8 => (0, 2),
            5 | 7 | 9 => (0, 3),
            6 => (0, if version == 1 { 2 } else { 1 }),
            10 => (if detail == 0 { 40 } else { 48 }, 1),
            _ => (0, 1),
        };
        taken = taken.saturating_add(bytes);
        index += slots;
    }
    taken
}

/// The places a scope table resumes at; nothing if the bytes cannot be one, as other handlers keep
/// other data there.
///
/// A function in several ranges has one table for all of them, so that scopes may lie beside this entry.
fn scope_table(bytes: &[u8], function: &Function) -> Vec<Rva> {
    let Some(count @ 1..=MOST_SCOPES) = word(bytes, 0) else { return Vec::new() };
    let near =
        function.begin.0.saturating_sub(FARTHEST)..=function.begin.0.saturating_add(FARTHEST);
    let end = function.end.map_or(function.begin.0, |end| end.0);
    let mut resumes = Vec::new();
    let mut touched = false;
    for scope in 0..count as usize {
        let field = |index: usize| word(bytes, 1 + 4 * scope + index);
        let (Some(first), Some(last), Some(target)) = (field(0), field(1), field(3)) else {
            return Vec::new();
        };
        // A termination handler has no target: it is a function of its own.
        let places = [first, last, if target == 0 { first } else { target }];
        if first > last || !places.iter().all(|place| near.contains(place)) {
            return Vec::new();
        }
        touched |= first < end && last >= function.begin.0;
        if target != 0 {
            resumes.push(Rva(target));
        }
    }
    if touched { resumes } else { Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// push rbx; sub rsp, 20h: code bytes as the documentation of UNWIND_CODE lays them out.
    #[test]
    fn pushes_and_allocations_add_up() {
        assert_eq!(stack_taken(&[0x06, 0x32, 0x02, 0x30], 1), 0x28);
    }

    #[test]
    fn large_allocations_take_more_slots() {
        // 0x1000 bytes in units of eight, then as a 32-bit number.
        assert_eq!(stack_taken(&[0x07, 0x01, 0x00, 0x02], 1), 0x1000);
        assert_eq!(stack_taken(&[0x07, 0x11, 0x00, 0x00, 0x02, 0x00], 1), 0x2_0000);
        // Saved registers take none; the allocation behind them is still seen.
        assert_eq!(stack_taken(&[0x10, 0x34, 0x08, 0x00, 0x06, 0x02], 1), 8);
    }

    #[test]
    fn a_scope_table_must_fit_its_function() {
        let function =
            Function { begin: Rva(0x1000), end: Some(Rva(0x1100)), unwind: Some(Rva(0x3000)) };
        let table = |words: &[u32]| words.iter().flat_map(|w| w.to_le_bytes()).collect::<Vec<_>>();
        let good = table(&[2, 0x1010, 0x1020, 1, 0x1080, 0x1020, 0x1030, 0x2000, 0]);
        assert_eq!(scope_table(&good, &function), [Rva(0x1080)]);
        // The data of a security-cookie handler, and scopes that run backwards or lie elsewhere.
        assert_eq!(scope_table(&table(&[0x38, 0, 0, 0]), &function), []);
        assert_eq!(scope_table(&table(&[1, 0x1020, 0x1010, 1, 0x1080]), &function), []);
        assert_eq!(scope_table(&table(&[1, 0x2010, 0x2020, 1, 0x2080]), &function), []);
        // One scope in this range, one in another range of the function.
        let spread = table(&[2, 0x1010, 0x1020, 1, 0x1080, 0x2010, 0x2020, 1, 0x2080]);
        assert_eq!(scope_table(&spread, &function), [Rva(0x1080), Rva(0x2080)]);
    }
}
