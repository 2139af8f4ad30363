//! The edits of one file: in order, none over another.

use super::left::LeftBecause;
use std::collections::BTreeMap;
use std::ops::Range;

/// Edits of one file by their places, which are sorted and do not overlap.
#[derive(Clone, Debug, Default)]
pub(super) struct FileEdits<'a>(BTreeMap<(usize, usize), Shared<'a>>);

/// What stands at the place of an edit afterwards, and how many fixes say so.
#[derive(Clone, Copy, Debug)]
struct Shared<'a> {
    replacement: &'a str,
    fixes: usize,
}

/// A range that is replaced, and by what.
pub(super) type Edit<'a> = (Range<usize>, &'a str);

impl<'a> FileEdits<'a> {
    /// Adds an edit of the same fix. It may touch the others: an insertion comes before what is replaced behind it.
    pub(super) fn insert_own(&mut self, (range, replacement): Edit<'a>) -> Result<(), LeftBecause> {
        let clashes = |(other, text): Edit<'_>| {
            (&other, text) != (&range, replacement)
                && (overlap(&other, &range) || (other.is_empty() && other == range))
        };
        if self.near(&range).any(clashes) {
            return Err(LeftBecause::OverlapsItself);
        }
        self.0.insert((range.start, range.end), Shared { replacement, fixes: 1 });
        Ok(())
    }

    /// Whether the edits of another fix can be made beside these. The same edit in both is one edit. What is inserted
    /// where the other fix inserts or replaces too may mean something else beside that, so it cannot.
    pub(super) fn admit(&self, fix: &FileEdits<'_>) -> bool {
        let is_same = |edits: &FileEdits<'_>, (range, replacement): &Edit<'_>| {
            let there = edits.0.get(&(range.start, range.end));
            there.is_some_and(|there| there.replacement == *replacement)
        };
        fix.iter().all(|edit| {
            is_same(self, &edit)
                || self.near(&edit.0).all(|other| {
                    is_same(fix, &other) || !(overlap(&other.0, &edit.0) || meet(&other.0, &edit.0))
                })
        })
    }

    /// Adds the edits of a fix that these admit.
    pub(super) fn add(&mut self, fix: &FileEdits<'a>) {
        for (place, shared) in &fix.0 {
            self.0.entry(*place).and_modify(|edit| edit.fixes += 1).or_insert(*shared);
        }
    }

    /// Takes the edits of a fix out again, but for those that another one has too.
    pub(super) fn remove(&mut self, fix: &FileEdits<'_>) {
        for place in fix.0.keys() {
            if let Some(edit) = self.0.get_mut(place) {
                edit.fixes -= 1;
                if edit.fixes == 0 {
                    self.0.remove(place);
                }
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All edits, in the order of their places.
    pub(super) fn iter(&self) -> impl Iterator<Item = Edit<'a>> {
        self.0.iter().map(|(&(start, end), shared)| (start..end, shared.replacement))
    }

    /// Those that overlap `range` or touch it, from the last to the first.
    fn near(&self, range: &Range<usize>) -> impl Iterator<Item = Edit<'a>> {
        let start = range.start;
        // As none overlaps another, they end in the order in which they begin.
        let until = self.0.range(..=(range.end, usize::MAX)).rev();
        until
            .take_while(move |&(&(_, end), _)| end >= start)
            .map(|(&(start, end), shared)| (start..end, shared.replacement))
    }
}

/// `text` with `edits` made, which are in order and fit it.
pub(super) fn apply<'e>(text: &str, edits: impl IntoIterator<Item = Edit<'e>>) -> String {
    let mut new = String::with_capacity(text.len());
    let mut at = 0;
    for (range, replacement) in edits {
        new.push_str(text.get(at..range.start).unwrap_or_default());
        new.push_str(replacement);
        at = range.end;
    }
    new.push_str(text.get(at..).unwrap_or_default());
    new
}

/// Whether two places have text in common, or one is an insertion in the middle of the other.
fn overlap(one: &Range<usize>, other: &Range<usize>) -> bool {
    one.start < other.end && other.start < one.end
}

/// Whether two places touch and one of them is an insertion.
fn meet(one: &Range<usize>, other: &Range<usize>) -> bool {
    let touch = one.start <= other.end && other.start <= one.end;
    touch && (one.is_empty() || other.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fix(edits: &[Edit<'static>]) -> FileEdits<'static> {
        let mut own = FileEdits::default();
        edits.iter().for_each(|edit| own.insert_own(edit.clone()).unwrap());
        own
    }

    fn go_together(one: &[Edit<'static>], other: &[Edit<'static>]) -> bool {
        let (one, other) = (fix(one), fix(other));
        assert_eq!(one.admit(&other), other.admit(&one));
        one.admit(&other)
    }

    #[test]
    fn two_fixes_go_together_where_neither_touches_the_others_text() {
        assert!(go_together(&[(0..3, "a")], &[(5..6, "b")]));
        assert!(go_together(&[(0..3, "a")], &[(3..6, "b")]));
        assert!(!go_together(&[(0..3, "a")], &[(2..6, "b")]));
        assert!(!go_together(&[(0..9, "a")], &[(2..3, "b")]));
        assert!(!go_together(&[(0..3, "a")], &[(0..3, "b")]));
        assert!(!go_together(&[(1..3, "a")], &[(2..2, "b")]));
        assert!(!go_together(&[(1..3, "a")], &[(3..3, "b")]));
        assert!(!go_together(&[(1..3, "a")], &[(1..1, "b")]));
        assert!(!go_together(&[(1..1, "a")], &[(1..1, "b")]));
        assert!(go_together(&[(1..1, "a")], &[(2..2, "b")]));
    }

    #[test]
    fn the_same_edit_in_two_fixes_is_one() {
        assert!(go_together(&[(4..4, "x"), (0..1, "a")], &[(4..4, "x"), (8..9, "b")]));
        assert!(go_together(&[(4..4, "x")], &[(4..4, "x"), (4..6, "b")]));
        assert!(!go_together(&[(4..4, "x"), (8..9, "a")], &[(4..4, "x"), (8..9, "b")]));
        let mut edits = fix(&[(4..4, "x")]);
        let other = fix(&[(4..4, "x"), (8..9, "b")]);
        edits.add(&other);
        assert_eq!(apply("0123456789", edits.iter()), "0123x4567b9");
        edits.remove(&other);
        assert_eq!(apply("0123456789", edits.iter()), "0123x456789");
    }

    #[test]
    fn edits_of_one_fix_may_touch_and_not_overlap() {
        let mut own = fix(&[(4..6, "r"), (4..4, "before"), (6..6, "behind"), (6..6, "behind")]);
        assert_eq!(apply("0123456789", own.iter()), "0123beforerbehind6789");
        for clash in [(5..5, "x"), (3..5, "x"), (4..6, "x"), (4..4, "x"), (0..9, "x")] {
            assert_eq!(own.insert_own(clash), Err(LeftBecause::OverlapsItself));
        }
    }
}
