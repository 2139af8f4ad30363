//! Where code names wanted entries of tables that are filled in when the driver runs.
//!
//! The address of such a table is read for each of hundreds of calls, and few of its entries are wanted.
//! So only functions are decoded that name one of those in some way: by its distance from the table's
//! start, or by its number, which compilers that do not optimise multiply by the size of a pointer.

use crate::aims::Aims;
use crate::function::Finder;
use crate::places::Places;
use foldhash::{HashMap, HashMapExt};
use std::ops::Range;

/// `imul` of a register by a number of four bytes or of one; the first byte behind it is at least
/// [`REGISTERS`] where it takes no memory.
const MULTIPLY: u8 = 0x69;
const MULTIPLY_SHORT: u8 = 0x6B;
const REGISTERS: u8 = 0xC0;
/// `mov` of a number of four bytes to one of eight registers.
const MOVE: std::ops::RangeInclusive<u8> = 0xB8..=0xBF;

/// The functions that name a wanted entry.
pub(crate) struct Mentions {
    /// Where entries are named, by address.
    at: Vec<u32>,
    /// The fragments of each function that has some, by its beginning. Where there are too many to tell, any
    /// function may name an entry in one.
    fragments: Option<HashMap<u32, Vec<Range<u32>>>>,
    /// The answers so far, by the beginning of the function.
    known: HashMap<u32, bool>,
}

impl Mentions {
    /// Looks through all code once.
    pub(crate) fn of(places: &Places<'_>, aims: &Aims, finder: &Finder<'_>) -> Mentions {
        let mut offsets: Vec<u32> = aims.entry_offsets().collect();
        offsets.sort_unstable();
        let mut at = Vec::new();
        for &(start, bytes) in places.code() {
            mentions(bytes, start, &offsets, &mut at);
        }
        at.sort_unstable();
        Mentions { at, fragments: finder.fragments(), known: HashMap::new() }
    }

    /// Whether the function around `rva` names one, whichever of its fragments `rva` is in.
    pub(crate) fn around(&mut self, finder: &Finder<'_>, rva: u32) -> bool {
        let Some(root) = finder.listed_around(rva) else {
            return finder.stretch(rva).is_some_and(|stretch| self.within(&stretch));
        };
        let Some(fragments) = &self.fragments else { return true };
        if let Some(known) = self.known.get(&root.start) {
            return *known;
        }
        let fragments = fragments.get(&root.start).map_or(&[][..], Vec::as_slice);
        let named = self.within(&root) || fragments.iter().any(|range| self.within(range));
        self.known.insert(root.start, named);
        named
    }

    fn within(&self, range: &Range<u32>) -> bool {
        let first = self.at.partition_point(|at| *at < range.start);
        self.at.get(first).is_some_and(|at| *at < range.end)
    }
}

/// Adds every place in `bytes`, which stand at `base`, that names one of the entries at `offsets`, which are
/// sorted.
fn mentions(bytes: &[u8], base: u32, offsets: &[u32], found: &mut Vec<u32>) {
    let largest = offsets.last().copied().unwrap_or(0);
    let is_offset = |number: u32| offsets.binary_search(&number).is_ok();
    let entry = |number: u32| number.checked_mul(8).is_some_and(is_offset);
    for (index, word) in (0_u32..).zip(bytes.windows(4)) {
        let number = u32::from_le_bytes([word[0], word[1], word[2], word[3]]);
        let short = word[0] == MULTIPLY_SHORT && word[1] >= REGISTERS;
        let named = number <= largest
            && (is_offset(number) || is_factor(bytes, index as usize) && entry(number))
            || short && entry(word[2].into());
        if named {
            found.push(base.saturating_add(index));
        }
    }
}

/// Whether the number at `index` is loaded, or multiplied by.
fn is_factor(bytes: &[u8], index: usize) -> bool {
    let before = |back: usize| index.checked_sub(back).and_then(|at| bytes.get(at)).copied();
    let multiplied = before(2) == Some(MULTIPLY) && before(1).is_some_and(|byte| byte >= REGISTERS);
    multiplied || before(1).is_some_and(|byte| MOVE.contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(bytes: &[u8]) -> Vec<u32> {
        let mut found = Vec::new();
        mentions(bytes, 0x1000, &[8 * 82, 8 * 192], &mut found);
        found
    }

    /// Encodings are those of Intel's manual.
    #[test]
    fn entries_are_named_by_distance_and_by_number() {
        // call [rax+600h]
        assert_eq!(found(&[0xFF, 0x90, 0, 6, 0, 0]), [0x1002]);
        // imul rax, rax, 0C0h, and imul rax, rax, 52h
        assert_eq!(found(&[0x48, 0x69, 0xC0, 0xC0, 0, 0, 0]), [0x1003]);
        assert_eq!(found(&[0x48, 0x6B, 0xC0, 0x52, 0x90]), [0x1001]);
        // mov ecx, 0C0h
        assert_eq!(found(&[0xB9, 0xC0, 0, 0, 0]), [0x1001]);
        // sub rsp, 0C0h; call [rax+608h]; imul rax, [rax+52h], 0C1h
        assert_eq!(found(&[0x48, 0x81, 0xEC, 0xC0, 0, 0, 0]), [0; 0]);
        assert_eq!(found(&[0xFF, 0x90, 8, 6, 0, 0]), [0; 0]);
        assert_eq!(found(&[0x48, 0x69, 0x40, 0x52, 0xC1, 0, 0, 0]), [0; 0]);
    }
}
