//! The exception directory (`.pdata`): where functions begin and end.

use crate::defect::{Defects, Problem, Structure};
use crate::section::Layout;
use crate::{DataDirectory, Machine, Rva};

/// The functions an x64 or ARM64 image lists for unwinding. Leaf functions may be missing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Functions<'data> {
    entries: &'data [u8],
    form: Form,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Form {
    /// Other machines: nothing is read.
    #[default]
    Unknown,
    /// Begin, end, unwind information: 12 bytes.
    X64,
    /// Begin, and either packed unwind data or the address of a record: 8 bytes.
    Arm64,
}

impl Form {
    fn entry_size(self) -> usize {
        match self {
            Form::Unknown => 1,
            Form::X64 => 12,
            Form::Arm64 => 8,
        }
    }
}

/// One entry of the exception directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Function {
    /// Its first instruction.
    pub begin: Rva,
    /// Its end, for x64 as stated, for ARM64 where the entry holds it packed.
    pub end: Option<Rva>,
    /// Where its unwind information is, unless packed into the entry.
    pub unwind: Option<Rva>,
}

impl<'data> Functions<'data> {
    /// Number of entries.
    pub fn len(&self) -> usize {
        self.entries.len() / self.form.entry_size()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The entries, in the order of the table, which should be that of addresses.
    pub fn iter(&self) -> impl Iterator<Item = Function> + use<'data> {
        let form = self.form;
        self.entries.chunks_exact(form.entry_size()).map(move |entry| form.function(entry))
    }

    /// The entry that `rva` lies in, found by bisection: in a table out of order it may be missed,
    /// as Windows misses it. Entries that do not state their end count up to the next one.
    pub fn containing(&self, rva: Rva) -> Option<Function> {
        let after = self.first_after(rva);
        let entry = self.get(after.checked_sub(1)?)?;
        entry.end.is_none_or(|end| rva < end).then_some(entry)
    }

    /// The first entry that begins after `rva`.
    pub fn next_after(&self, rva: Rva) -> Option<Function> {
        self.get(self.first_after(rva))
    }

    /// The last entry that begins at or before `rva`.
    pub fn last_before(&self, rva: Rva) -> Option<Function> {
        self.get(self.first_after(rva).checked_sub(1)?)
    }

    fn get(&self, index: usize) -> Option<Function> {
        let size = self.form.entry_size();
        let start = index.checked_mul(size)?;
        self.entries.get(start..start + size).map(|entry| self.form.function(entry))
    }

    fn first_after(&self, rva: Rva) -> usize {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low + (high - low) / 2;
            if self.get(middle).is_some_and(|entry| entry.begin <= rva) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }
}

impl Form {
    fn function(self, entry: &[u8]) -> Function {
        let word = |index: usize| {
            let four = entry.get(4 * index..4 * index + 4).and_then(<[u8]>::first_chunk);
            four.map_or(0, |four| u32::from_le_bytes(*four))
        };
        match self {
            Form::Arm64 => arm64(word(0), word(1)),
            _ => Function {
                begin: Rva(word(0)),
                end: Some(Rva(word(1))),
                unwind: Some(Rva(word(2))),
            },
        }
    }
}

fn arm64(begin: u32, second: u32) -> Function {
    // The low two bits say whether the rest is an address or packed data, whose bits 2 to 12 are
    // the length in instructions.
    match second & 3 {
        0 => Function { begin: Rva(begin), end: None, unwind: Some(Rva(second)) },
        _ => {
            let length = (second >> 2 & 0x7FF) * 4;
            Function { begin: Rva(begin), end: Rva(begin).checked_add(length), unwind: None }
        }
    }
}

pub(crate) fn read<'data>(
    layout: &Layout<'data>,
    machine: Machine,
    directory: DataDirectory,
    defects: &mut Defects,
) -> Functions<'data> {
    let form = match machine {
        Machine::X64 => Form::X64,
        Machine::Arm64 => Form::Arm64,
        _ => return Functions::default(),
    };
    let there = layout.bytes_from(directory.rva).unwrap_or_default();
    let wanted = directory.size as usize;
    if there.is_empty() {
        defects.in_image(Structure::ExceptionDirectory, Problem::PointsOutside, directory.rva);
    } else if there.len() < wanted {
        let problem = Problem::Truncated { wanted: wanted as u64, present: there.len() as u64 };
        defects.in_image(Structure::ExceptionDirectory, problem, directory.rva);
    } else if !wanted.is_multiple_of(form.entry_size()) {
        defects.in_image(
            Structure::ExceptionDirectory,
            Problem::BadSize(wanted as u64),
            directory.rva,
        );
    }
    let size = there.len().min(wanted) / form.entry_size() * form.entry_size();
    let functions = Functions { entries: &there[..size], form };
    check(&functions, layout.end(), directory.rva, defects);
    functions
}

/// Tells entries that no image can have; `end` is that of the image, `place` that of the table.
fn check(functions: &Functions<'_>, end: u64, place: Rva, defects: &mut Defects) {
    if !functions.iter().is_sorted_by_key(|function| function.begin) {
        defects.in_image(Structure::ExceptionDirectory, Problem::Unsorted, place);
    }
    for function in functions.iter() {
        if u64::from(function.begin.0) >= end {
            defects.in_image(Structure::ExceptionDirectory, Problem::PointsOutside, function.begin);
        } else if function.end.is_some_and(|end| end < function.begin) {
            defects.in_image(Structure::ExceptionDirectory, Problem::Backwards, function.begin);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_arm64_entries_carry_their_length() {
        // Flag 1 (packed), 3 instructions.
        let packed = arm64(0x1000, 1 | 3 << 2);
        assert_eq!(packed, Function { begin: Rva(0x1000), end: Some(Rva(0x100C)), unwind: None });
        let record = arm64(0x1000, 0x4000);
        assert_eq!(record, Function { begin: Rva(0x1000), end: None, unwind: Some(Rva(0x4000)) });
    }
}
