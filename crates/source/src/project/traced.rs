//! Text put together from parts of files, each of which still knows where it stands and whether it is certain.

use crate::{FileId, Span};
use std::ops::Range;

/// Text with the origin of each of its parts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Traced {
    text: String,
    parts: Vec<Part>,
}

/// A part of a [`Traced`]; it reaches to the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Part {
    /// Where it begins in the text.
    start: usize,
    /// Where it comes from; none for what no file says.
    span: Option<Span>,
    /// Whether it is the text of its span, byte for byte.
    exact: bool,
    /// What it hangs on and is not known; none for what is certain.
    doubt: Option<Span>,
}

impl Traced {
    /// What stands in `file` at `range`.
    pub(super) fn of(file: FileId, whole: &str, range: Range<usize>) -> Traced {
        Traced::decoded(whole.get(range.clone()).unwrap_or_default(), Span::new(file, range))
    }

    /// What `span` means once it is decoded.
    pub(super) fn decoded(text: &str, span: Span) -> Traced {
        let exact = text.len() == span.range().len();
        let part = Part { start: 0, span: Some(span), exact, doubt: None };
        Traced { text: text.to_owned(), parts: vec![part] }
    }

    /// What no file says.
    pub(super) fn unplaced(text: &str) -> Traced {
        let part = Part { start: 0, span: None, exact: false, doubt: None };
        Traced { text: text.to_owned(), parts: vec![part] }
    }

    /// The text.
    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// What it costs to keep, in bytes.
    pub(super) fn cost(&self) -> u64 {
        (self.text.len() + self.parts.len() * size_of::<Part>()) as u64
    }

    /// Adds `more` at the end.
    pub(super) fn push(&mut self, more: &Traced) {
        if more.text.is_empty() {
            return;
        }
        let at = self.text.len();
        self.parts.extend(more.parts.iter().map(|part| Part { start: at + part.start, ..*part }));
        self.text.push_str(&more.text);
    }

    /// Adds text that no file says, such as what separates two.
    pub(super) fn push_str(&mut self, more: &str) {
        self.push(&Traced::unplaced(more));
    }

    /// A part of it.
    pub(super) fn slice(&self, range: Range<usize>) -> Traced {
        let text = self.text.get(range.clone()).unwrap_or_default();
        if text.is_empty() {
            return Traced::default();
        }
        let first = self.parts.partition_point(|part| part.start <= range.start).saturating_sub(1);
        let kept = self.parts.iter().skip(first).take_while(|part| part.start < range.end);
        let cut = |part: &Part| match range.start.checked_sub(part.start) {
            Some(before) if part.exact => {
                Part { start: 0, span: later(part.span, before), ..*part }
            }
            Some(_) => Part { start: 0, ..*part },
            None => Part { start: part.start - range.start, ..*part },
        };
        Traced { parts: kept.map(cut).collect(), text: text.to_owned() }
    }

    /// It without spaces at both ends.
    pub(super) fn trim(&self) -> Traced {
        let start = self.text.len() - self.text.trim_start().len();
        self.slice(start..start + self.text.trim().len())
    }

    /// What stands between separators.
    pub(super) fn split(&self, separator: impl Fn(char) -> bool) -> Vec<Traced> {
        let base = self.text.as_ptr() as usize;
        let range = |piece: &str| {
            let start = piece.as_ptr() as usize - base;
            start..start + piece.len()
        };
        self.text.split(separator).map(|piece| self.slice(range(piece))).collect()
    }

    /// What stands before and behind the first `separator`.
    pub(super) fn split_once(&self, separator: char) -> Option<(Traced, Traced)> {
        let at = self.text.find(separator)?;
        Some((self.slice(0..at), self.slice(at + separator.len_utf8()..self.text.len())))
    }

    /// Where it stands: all of it where it is in one piece, else its first part.
    pub(super) fn span(&self) -> Option<Span> {
        let mut spans = (0..self.parts.len()).filter_map(|index| self.part_span(index));
        let mut whole = spans.next()?;
        for next in spans {
            if next.file != whole.file || next.start != whole.end {
                break;
            }
            whole.end = next.end;
        }
        Some(whole)
    }

    /// Where the part with this number stands, as far as it is used.
    fn part_span(&self, index: usize) -> Option<Span> {
        let part = self.parts.get(index)?;
        let end = self.parts.get(index + 1).map_or(self.text.len(), |next| next.start);
        let span = part.span?;
        if !part.exact {
            return Some(span);
        }
        let length = u32::try_from(end - part.start).ok()?;
        Some(Span { end: (span.start + length).min(span.end), ..span })
    }

    /// What it hangs on and is not known.
    pub(super) fn doubts(&self) -> impl Iterator<Item = Span> {
        let used = |index: &usize| {
            let end = self.parts.get(index + 1).map_or(self.text.len(), |next| next.start);
            end > self.parts[*index].start
        };
        (0..self.parts.len()).filter(used).filter_map(|index| self.parts[index].doubt)
    }

    /// Whether nothing of it is in doubt.
    pub(super) fn is_certain(&self) -> bool {
        self.doubts().next().is_none()
    }

    /// It, all of it hanging on `doubt`. What hangs on something already stays so.
    pub(super) fn doubted(mut self, doubt: Option<Span>) -> Traced {
        for part in &mut self.parts {
            part.doubt = part.doubt.or(doubt);
        }
        self
    }

    /// What holds where `new` replaces it only if `doubt` resolves so: what both begin and end with is as certain as
    /// before, of the rest each may hold.
    pub(super) fn perhaps(&self, new: &Traced, separator: &str, doubt: Span) -> Traced {
        let pieces = |of: &Traced| -> Vec<Traced> {
            let ends = of.parts.iter().skip(1).map(|part| part.start).chain([of.text.len()]);
            of.parts.iter().zip(ends).map(|(part, end)| of.slice(part.start..end)).collect()
        };
        let (old, new) = (pieces(self), pieces(new));
        let same = |(one, two): &(&Traced, &Traced)| one == two;
        let front = old.iter().zip(&new).take_while(same).count();
        let (old_rest, new_rest) = (&old[front..], &new[front..]);
        let back = old_rest.iter().rev().zip(new_rest.iter().rev()).take_while(same).count();
        let mut all = Traced::default();
        let mut add = |pieces: &[Traced], doubt: Option<Span>| {
            for piece in pieces {
                all.push(&piece.clone().doubted(doubt));
            }
        };
        add(&old[..front], None);
        let (old_middle, new_middle) =
            (&old_rest[..old_rest.len() - back], &new_rest[..new_rest.len() - back]);
        add(old_middle, Some(doubt));
        if !old_middle.is_empty() && !new_middle.is_empty() {
            add(&[Traced::unplaced(separator)], None);
        }
        add(new_middle, Some(doubt));
        add(&old_rest[old_rest.len() - back..], None);
        all
    }
}

/// What is left of a span behind its first bytes.
fn later(span: Option<Span>, bytes: usize) -> Option<Span> {
    let mut span = span?;
    span.start = span.start.saturating_add(u32::try_from(bytes).ok()?).min(span.end);
    Some(span)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: FileId = FileId(0);

    fn at(whole: &str, range: Range<usize>) -> Traced {
        Traced::of(FILE, whole, range)
    }

    #[test]
    fn pieces_know_where_they_stand() {
        let whole = "<D>A=1; B ;C</D>";
        let list = at(whole, 3..12);
        let pieces: Vec<_> = list.split(|letter| letter == ';').iter().map(Traced::trim).collect();
        let told: Vec<_> =
            pieces.iter().map(|piece| (piece.as_str(), piece.span().unwrap().range())).collect();
        assert_eq!(told, [("A=1", 3..6), ("B", 8..9), ("C", 11..12)]);
    }

    #[test]
    fn neighbours_join_and_strangers_do_not() {
        let whole = "-DAB=1 x";
        let mut joined = at(whole, 0..3);
        joined.push(&at(whole, 3..6));
        assert_eq!(joined.span().unwrap().range(), 0..6);
        joined.push(&at(whole, 7..8));
        assert_eq!(joined.as_str(), "-DAB=1x");
        assert_eq!(joined.span().unwrap().range(), 0..6);
        assert_eq!(joined.slice(4..7).span().unwrap().range(), 4..6);
        assert_eq!(Traced::unplaced("x").span(), None);
    }

    #[test]
    fn what_is_decoded_keeps_its_whole_span() {
        let text = Traced::decoded("a<b", Span::new(FILE, 4..10));
        assert_eq!(text.slice(1..2).span().unwrap().range(), 4..10);
    }

    #[test]
    fn only_what_a_doubt_changes_is_doubted() {
        let whole = "-DA -DB $(OLD)";
        let doubt = Span::new(FILE, 8..14);
        let old = at(whole, 0..3);
        let mut new = old.clone();
        new.push(&at(whole, 3..7));
        let both = old.perhaps(&new, " ", doubt);
        assert_eq!(both.as_str(), "-DA -DB");
        assert!(both.slice(0..3).is_certain() && !both.slice(4..7).is_certain());
        let either = old.perhaps(&at(whole, 4..7), ";", doubt);
        assert_eq!(either.as_str(), "-DA;-DB");
        assert!(!either.slice(0..3).is_certain() && !either.slice(4..7).is_certain());
    }
}
