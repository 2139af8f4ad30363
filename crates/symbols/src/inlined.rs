//! Functions that were inlined: which code is theirs, and its lines.

use crate::bytes::{size_at, u32_at};
use crate::module::{Records, function_start};
use crate::sections::At;
use std::collections::HashMap;

/// `S_INLINESITE`, `S_INLINESITE2` and `S_INLINESITE_END`.
const SITE: u16 = 0x114d;
const SITE_2: u16 = 0x115d;
const SITE_END: u16 = 0x114e;
/// Where a site has what is inlined, and its annotations in both forms.
const INLINEE: usize = 8;
const ANNOTATIONS: usize = 12;
const ANNOTATIONS_2: usize = 16;

/// Sites inside of sites that are told; compilers stop before, and each depth has a list of its own.
const DEEPEST: usize = 64;

/// Bytes of symbols for each piece of inlined code that is remembered. A piece takes three times as many,
/// and two bytes can make one, but compilers write the names of variables besides.
const SYMBOLS_EACH: usize = 8;

/// Code that was inlined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Inlined {
    start: At,
    size: u32,
    /// The id of the function that it is of.
    pub(crate) function: u32,
    /// The line in that function.
    pub(crate) line: u32,
    /// Where the list of checksums has the file.
    pub(crate) file: u32,
}

/// Where each function begins that is inlined somewhere: its file and its line.
pub(crate) type Inlinees = HashMap<u32, (u32, u32)>;

/// Reads the list of functions that are inlined somewhere in a module.
pub(crate) fn inlinees(bytes: &[u8]) -> Inlinees {
    let mut inlinees = Inlinees::new();
    // In the longer form each names further files.
    let is_long = u32_at(bytes, 0) == Some(1);
    let mut at = 4;
    while let (Some(function), Some(file), Some(line)) =
        (u32_at(bytes, at), u32_at(bytes, at + 4), u32_at(bytes, at + 8))
    {
        inlinees.insert(function, (file, line));
        at += 12;
        if is_long {
            let more = size_at(bytes, at).unwrap_or(0);
            at = at.saturating_add(4).saturating_add(more.saturating_mul(4));
        }
    }
    inlinees
}

/// All code of one module that was inlined.
#[derive(Default)]
pub(crate) struct InlinedCode {
    /// By depth, then by place: at each depth, one address is in one function.
    by_depth: Vec<Vec<Inlined>>,
    /// How many there are in all.
    pieces: usize,
}

impl InlinedCode {
    /// Reads the sites among `symbols`, from `start` on.
    pub(crate) fn read(symbols: &[u8], start: usize, inlinees: &Inlinees) -> InlinedCode {
        let mut code = InlinedCode::default();
        let mut function = None;
        let mut depth = 0usize;
        let most = symbols.len() / SYMBOLS_EACH;
        for (kind, _, record) in Records::new(symbols, start) {
            if let Some(start) = function_start(kind, record) {
                (function, depth) = (Some(start), 0);
            } else if kind == SITE_END {
                depth = depth.saturating_sub(1);
            } else if kind == SITE || kind == SITE_2 {
                let from = if kind == SITE { ANNOTATIONS } else { ANNOTATIONS_2 };
                // One site makes no more than its own bytes, and a record has at most 64 KiB.
                let has_room = depth < DEEPEST && code.pieces < most;
                if let Some(function) = function.filter(|_| has_room) {
                    code.add(record, from, function, depth, inlinees);
                }
                depth += 1;
            }
        }
        for list in &mut code.by_depth {
            list.sort_by_key(|inlined| inlined.start);
        }
        code
    }

    fn add(&mut self, site: &[u8], from: usize, start: At, depth: usize, inlinees: &Inlinees) {
        let Some(function) = u32_at(site, INLINEE) else { return };
        let Some(&(file, line)) = inlinees.get(&function) else { return };
        if self.by_depth.len() <= depth {
            self.by_depth.resize_with(depth + 1, Vec::new);
        }
        let first = Inlined { start, size: 0, function, line, file };
        let list = &mut self.by_depth[depth];
        let before = list.len();
        ranges(site.get(from..).unwrap_or_default(), first, list);
        self.pieces += list.len() - before;
    }

    /// What was inlined at a place, the innermost first.
    pub(crate) fn at(&self, at: At) -> impl Iterator<Item = Inlined> {
        self.by_depth.iter().rev().filter_map(move |list| {
            let after = list.partition_point(|inlined| inlined.start <= at);
            let last = list.get(after.checked_sub(1)?)?;
            let offset = at.1.checked_sub(last.start.1)?;
            (last.start.0 == at.0 && offset < last.size).then_some(*last)
        })
    }
}

/// Follows the annotations of one site, from the start of the function that it is in.
fn ranges(annotations: &[u8], first: Inlined, ranges: &mut Vec<Inlined>) {
    let mut now = first;
    let mut base = 0u32;
    // The code that was begun last, whose size is not known yet.
    let mut open: Option<Inlined> = None;
    let mut operands = Operands(annotations);
    while let Some((code, a, b)) = operands.next() {
        let mut size = 0;
        let begins = match code {
            1 => {
                now.start.1 = a;
                false
            }
            2 => {
                base = a;
                false
            }
            3 => {
                now.start.1 = now.start.1.wrapping_add(a);
                true
            }
            4 => {
                if let Some(last) = open.take() {
                    ranges.push(Inlined { size: a, ..last });
                }
                now.start.1 = now.start.1.wrapping_add(a);
                false
            }
            5 => {
                now.file = a;
                false
            }
            6 => {
                now.line = now.line.wrapping_add(signed(a));
                false
            }
            11 => {
                now.start.1 = now.start.1.wrapping_add(a & 0xf);
                now.line = now.line.wrapping_add(signed(a >> 4));
                true
            }
            12 => {
                size = a;
                now.start.1 = now.start.1.wrapping_add(b);
                true
            }
            _ => false,
        };
        if begins {
            let begun =
                Inlined { start: (now.start.0, now.start.1.wrapping_add(base)), size, ..now };
            if let Some(last) = open.take() {
                ranges.push(Inlined { size: begun.start.1.wrapping_sub(last.start.1), ..last });
            }
            if size == 0 { open = Some(begun) } else { ranges.push(begun) }
        }
    }
}

/// Numbers whose lowest bit is the sign.
fn signed(value: u32) -> u32 {
    if value & 1 == 0 { value >> 1 } else { (value >> 1).wrapping_neg() }
}

/// Annotations: a code and one or two operands, each as short as it can be.
struct Operands<'data>(&'data [u8]);

impl Operands<'_> {
    /// The next one; none at the end, in padding and after what makes no sense.
    fn next(&mut self) -> Option<(u32, u32, u32)> {
        let code = self.number().filter(|code| (1..=13).contains(code))?;
        let first = self.number()?;
        let second = if code == 12 { self.number()? } else { 0 };
        Some((code, first, second))
    }

    fn number(&mut self) -> Option<u32> {
        let (value, rest) = match *self.0 {
            [a, ref rest @ ..] if a & 0x80 == 0 => (u32::from(a), rest),
            [a, b, ref rest @ ..] if a & 0xc0 == 0x80 => {
                (u32::from_be_bytes([0, 0, a & 0x3f, b]), rest)
            }
            [a, b, c, d, ref rest @ ..] if a & 0xe0 == 0xc0 => {
                (u32::from_be_bytes([a & 0x1f, b, c, d]), rest)
            }
            _ => return None,
        };
        self.0 = rest;
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(annotations: &[u8]) -> Vec<(u32, u32, u32, u32)> {
        let first = Inlined { start: (1, 0x100), size: 0, function: 0x1000, line: 50, file: 8 };
        let mut found = Vec::new();
        ranges(annotations, first, &mut found);
        found.iter().map(|one| (one.start.1, one.size, one.line, one.file)).collect()
    }

    /// The codes and what they mean are those of cvinfo.h, which Microsoft publishes.
    #[test]
    fn annotations_are_followed() {
        // Begins 4 on; 8 bytes on and two lines later; 16 bytes in all.
        assert_eq!(read(&[3, 4, 11, 0x48, 4, 16]), [(0x104, 8, 50, 8), (0x10c, 16, 52, 8)]);
        // A line before, in another file; 6 bytes that begin 2 on, then 5 that begin 9 on.
        assert_eq!(
            read(&[6, 3, 5, 24, 12, 6, 2, 12, 5, 9]),
            [(0x102, 6, 49, 24), (0x10b, 5, 49, 24)]
        );
        // Columns and kinds change nothing; padding ends it, what is left open has no size.
        assert_eq!(read(&[9, 5, 8, 1, 3, 4, 3, 4, 0, 3, 4]), [(0x104, 4, 50, 8)]);
        // What makes no sense ends it too.
        assert_eq!(read(&[3, 4, 4, 6, 14, 1, 3, 4, 4, 6]), [(0x104, 6, 50, 8)]);
        assert_eq!(read(&[3, 4, 4]), []);
    }

    #[test]
    fn numbers_are_as_short_as_they_can_be() {
        let number = |bytes: &[u8]| Operands(bytes).number();
        assert_eq!(number(&[0x7f]), Some(0x7f));
        assert_eq!(number(&[0xbf, 0xff]), Some(0x3fff));
        assert_eq!(number(&[0xdf, 0xff, 0xff, 0xfe]), Some(0x1fff_fffe));
        assert_eq!([&[0xe0, 0, 0, 0][..], &[0x80], &[0xc0, 0, 0], &[]].map(number), [None; 4]);
        assert_eq!([4, 5, 0].map(signed), [2, 2u32.wrapping_neg(), 0]);
    }

    #[test]
    fn files_between_functions_are_passed_over() {
        let words =
            |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>();
        let short = words(&[0, 0x1000, 8, 5, 0x1001, 16, 6]);
        assert_eq!(inlinees(&short), Inlinees::from([(0x1000, (8, 5)), (0x1001, (16, 6))]));
        let long = words(&[1, 0x1000, 8, 5, 2, 24, 32, 0x1001, 16, 6, 0]);
        assert_eq!(inlinees(&long), inlinees(&short));
        assert_eq!(inlinees(&words(&[1, 0x1000, 8, 5, u32::MAX, 9, 9, 9])).len(), 1);
    }
}
