//! Findings with fixes, for the tests.

use ringfence_finding::{
    Fix, Level, Region, RuleCard, Safety, SourceEdit, SourceFinding, SourceMark,
};
use std::ops::Range;

const CARD: RuleCard = RuleCard {
    id: "executable-pool-type",
    summary: "",
    level: Level::Error,
    since: "0.1.0",
    senses: &[],
    also_known_as: &[],
    docs: "",
    file: "",
};

/// A finding in the file `path` that `edits` would fix.
pub(super) fn finding(path: &str, safety: Safety, edits: &[SourceEdit]) -> SourceFinding {
    let mark = SourceMark {
        path: path.to_owned(),
        region: Region { line: 1, column: 1, end_line: 1, end_column: 1 },
        text: String::new(),
        lines: Vec::new(),
    };
    let fix = Fix { title: "mend it".to_owned(), safety, because: None, edits: edits.to_vec() };
    SourceFinding::new(&CARD, Level::Error, "", mark).fixed_by(Some(fix))
}

/// The replacement of `range` in the file `path`.
pub(super) fn edit(path: &str, range: Range<usize>, replacement: &str) -> SourceEdit {
    SourceEdit {
        path: path.to_owned(),
        region: Region::default(),
        replacement: replacement.to_owned(),
        start: range.start,
        end: range.end,
    }
}

/// Numbers that look random and are the same in every run.
pub(super) struct Numbers(u64);

impl Numbers {
    pub(super) fn new(seed: u64) -> Numbers {
        Numbers(seed.wrapping_mul(2).wrapping_add(0x9E37_79B9_7F4A_7C15))
    }

    /// One below `limit`.
    pub(super) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from((self.0 >> 33) % limit as u64).unwrap()
    }

    /// One of `all`.
    pub(super) fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    /// A text of a few lines, some of them the same, that end as lines do or do not.
    pub(super) fn text(&mut self, most: usize) -> String {
        const PIECES: [&str; 9] =
            ["\n", "\r\n", "a\n", "f(NonPagedPool);\r\n", "\u{e4}", "\u{1f600}", "x", "\r", "a\n"];
        let count = self.below(most + 1);
        (0..count).map(|_| self.of(&PIECES)).collect()
    }

    /// A range of whole characters of `text`, mostly a short one.
    pub(super) fn range(&mut self, text: &str) -> Range<usize> {
        let mut places: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
        places.push(text.len());
        let first = self.below(places.len());
        let length = self.of(&[0, 0, 1, 2, 5, 40]);
        places[first]..places[(first + length).min(places.len() - 1)]
    }
}
