//! The line numbers of one module.

use crate::bytes::{aligned, size_at, slice, u16_at, u32_at};
use crate::inlined::{self, Inlinees};
use crate::sections::At;
use std::collections::HashSet;

/// Kinds of subsections.
const LINES: u32 = 0xf2;
const CHECKSUMS: u32 = 0xf4;
const INLINEES: u32 = 0xf6;

/// Length of the fields before the first block of lines, and of those before a block's lines.
const LINES_HEADER: usize = 12;
const BLOCK_HEADER: usize = 12;
const LINE: usize = 8;

/// The bits of a line's second field that are its number.
const NUMBER: u32 = 0x00ff_ffff;
/// Numbers that are no lines but tell debuggers not to stop here, as where a function was inlined; the
/// line before goes on.
const HIDDEN: [u32; 2] = [0x00fe_efee, 0x00f0_0f00];

/// A line begins here, or what lines are known of ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Entry {
    at: At,
    /// 0 where nothing is known from here on.
    line: u32,
    /// Where the list of checksums has the file.
    file: u32,
}

/// The line numbers of one module.
#[derive(Default)]
pub(crate) struct Lines {
    /// By place.
    entries: Vec<Entry>,
    checksums: Vec<u8>,
    /// Functions that were inlined somewhere.
    pub(crate) inlinees: Inlinees,
}

impl Lines {
    /// Reads all subsections; what cannot be read is left out.
    pub(crate) fn read(bytes: &[u8]) -> Lines {
        let mut lines = Lines::default();
        let mut seen = HashSet::new();
        let mut at = 0;
        while let (Some(kind), Some(length)) = (u32_at(bytes, at), size_at(bytes, at + 4)) {
            let Some(content) = slice(bytes, at + 8, length) else { break };
            match kind {
                LINES => {
                    lines.add(content, &mut seen);
                }
                CHECKSUMS => lines.checksums = content.to_vec(),
                INLINEES => lines.inlinees.extend(inlined::inlinees(content)),
                _ => {}
            }
            at = aligned(at + 8 + length);
        }
        // The end of one function is the start of the next, whose line is the one that counts.
        lines.entries.sort_by_key(|entry| (entry.at, entry.line != 0));
        lines
    }

    /// The lines of one function, or a part of it.
    fn add(&mut self, bytes: &[u8], seen: &mut HashSet<At>) -> Option<()> {
        let (start, section) = (u32_at(bytes, 0)?, u16_at(bytes, 4)?);
        let end = start.saturating_add(u32_at(bytes, 8)?);
        // Functions with equal code may have been folded into one. The first is as good as any.
        if !seen.insert((section, start)) {
            return None;
        }
        let mut at = LINES_HEADER;
        while let Some(header) = slice(bytes, at, BLOCK_HEADER) {
            let (file, count, length) =
                (u32_at(header, 0)?, size_at(header, 4)?, size_at(header, 8)?);
            let block = slice(bytes, at, length.max(BLOCK_HEADER))?;
            for line in block[BLOCK_HEADER..].chunks_exact(LINE).take(count) {
                let number = u32_at(line, 4)? & NUMBER;
                let line_at = (section, start.saturating_add(u32_at(line, 0)?));
                if !HIDDEN.contains(&number) {
                    self.entries.push(Entry { at: line_at, line: number, file });
                }
            }
            at += block.len();
        }
        self.entries.push(Entry { at: (section, end), line: 0, file: 0 });
        Some(())
    }

    /// The line of a place, and where the names have the file's.
    pub(crate) fn at(&self, at: At) -> Option<(u32, Option<u32>)> {
        let after = self.entries.partition_point(|entry| entry.at <= at);
        let entry = self.entries.get(after.checked_sub(1)?)?;
        let known = entry.at.0 == at.0 && entry.line != 0;
        known.then(|| (entry.line, self.file(entry.file)))
    }

    /// Where the names have a file, from where the list of checksums has it.
    pub(crate) fn file(&self, checksum: u32) -> Option<u32> {
        u32_at(&self.checksums, usize::try_from(checksum).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A subsection of lines: (section, start, size), then blocks of a file and its (offset, line)s.
    fn lines(place: (u16, u32, u32), blocks: &[(u32, &[(u32, u32)])]) -> Vec<u8> {
        let mut content = place.1.to_le_bytes().to_vec();
        content.extend(u32::from(place.0).to_le_bytes());
        content.extend(place.2.to_le_bytes());
        for (file, entries) in blocks {
            content.extend(file.to_le_bytes());
            content.extend((entries.len() as u32).to_le_bytes());
            content.extend((12 + 8 * entries.len() as u32).to_le_bytes());
            for (offset, line) in *entries {
                content.extend(offset.to_le_bytes());
                // The highest bit says that a statement begins here.
                content.extend((line | 0x8000_0000).to_le_bytes());
            }
        }
        subsection(LINES, &content)
    }

    fn subsection(kind: u32, content: &[u8]) -> Vec<u8> {
        let mut bytes = kind.to_le_bytes().to_vec();
        bytes.extend((content.len() as u32).to_le_bytes());
        bytes.extend(content);
        bytes.resize(aligned(bytes.len()), 0);
        bytes
    }

    #[test]
    fn a_line_reaches_to_the_next_and_no_further_than_its_function() {
        let bytes = [
            lines((1, 0x40, 0x20), &[(0, &[(0, 20), (8, 21)])]),
            lines((1, 0x10, 0x30), &[(0, &[(0, 10), (0x10, 12)])]),
        ];
        let lines = Lines::read(&bytes.concat());
        let line = |offset| lines.at((1, offset)).map(|(line, _)| line);
        assert_eq!([0xf, 0x10, 0x1f, 0x20].map(line), [None, Some(10), Some(10), Some(12)]);
        // Where one function ends the next begins.
        assert_eq!([0x3f, 0x40, 0x48, 0x5f].map(line), [Some(12), Some(20), Some(21), Some(21)]);
        assert_eq!([0x60, u32::MAX].map(line), [None, None]);
        assert_eq!((lines.at((2, 0x10)), lines.at((0, 0x10))), (None, None));
    }

    #[test]
    fn where_debuggers_do_not_stop_the_line_goes_on() {
        let lines =
            Lines::read(&lines((1, 0, 0x30), &[(0, &[(0, 7), (8, HIDDEN[0]), (16, HIDDEN[1])])]));
        let line = |offset| lines.at((1, offset)).map(|(line, _)| line);
        assert_eq!([0, 8, 16, 47].map(line), [Some(7); 4]);
    }

    #[test]
    fn of_functions_folded_into_one_the_first_is_told() {
        let bytes = [
            lines((1, 0x10, 0x20), &[(0, &[(0, 10), (8, 11)])]),
            lines((1, 0x10, 0x20), &[(8, &[(0, 90), (4, 91)])]),
        ];
        let lines = Lines::read(&bytes.concat());
        let line = |offset| lines.at((1, offset)).map(|(line, _)| line);
        assert_eq!([0x10, 0x14, 0x18].map(line), [Some(10), Some(10), Some(11)]);
    }

    /// Blocks of two files lie mixed where a function of a header was inlined.
    #[test]
    fn files_are_told_apart() {
        let checksums = [5u32.to_le_bytes(), [0; 4], 9u32.to_le_bytes(), [0; 4]].concat();
        let bytes = [
            lines((1, 0, 0x30), &[(0, &[(0, 1), (16, 3)]), (8, &[(8, 100)])]),
            subsection(CHECKSUMS, &checksums),
        ];
        let lines = Lines::read(&bytes.concat());
        assert_eq!(lines.at((1, 4)), Some((1, Some(5))));
        assert_eq!(lines.at((1, 12)), Some((100, Some(9))));
        assert_eq!(lines.at((1, 20)), Some((3, Some(5))));
    }

    #[test]
    fn what_is_cut_short_ends_the_list() {
        let whole = lines((1, 0, 0x30), &[(0, &[(0, 1), (16, 3)])]);
        for length in 0..whole.len() {
            assert_eq!(Lines::read(&whole[..length]).at((1, 4)), None);
        }
        assert!(Lines::read(&whole).at((1, 4)).is_some());
    }
}
