//! Draws evidence as the "source" of a finding: what a person can look up in the margin, marks below.

mod listing;
mod source;
mod table;

pub(crate) use source::{draw_marks, goes_on, numbers_margin, shown_code, shown_lines};

use crate::layout::{columns, wrap};
use crate::style::{Line, Meaning};
use ringfence_finding::{Entered, Evidence};

/// The columns left of the margin line when no label is longer.
pub(crate) const MARGIN: usize = 5;

/// The margin line with the spaces around it.
const AFTER_MARGIN: usize = 4;

/// What a mark says is moved left below it, as far as it takes to have this many columns.
const READABLE: usize = 40;

/// What stands beside `-->`: what the evidence is a part of.
pub(crate) fn part(evidence: &Evidence) -> Option<String> {
    match evidence {
        Evidence::Table(table) => Some(table.structure.to_owned()),
        Evidence::Listing(listing) => {
            listing.function.map(|function| format!("in the function at {function:x}"))
        }
    }
}

/// The function that a listing goes on in, then where that comes from, if that is known.
pub(crate) fn entered(entered: &Entered) -> Vec<String> {
    let (function, origin) = listing::told(entered);
    std::iter::once(function).chain(origin).collect()
}

/// The columns left of the margin line.
pub(crate) fn margin(evidence: Option<&Evidence>) -> usize {
    let widest = match evidence {
        Some(Evidence::Table(table)) => table::widest_label(table),
        Some(Evidence::Listing(listing)) => listing::widest_label(listing),
        None => 0,
    };
    (widest + 1).max(MARGIN)
}

/// The evidence with marks in the colour of `meaning`, no line wider than `width`; it opens and
/// closes with an empty margin.
pub(crate) fn draw(evidence: &Evidence, meaning: Meaning, width: usize) -> Vec<Line> {
    let canvas = Canvas { margin: margin(Some(evidence)), width };
    let mut lines = vec![canvas.labelled("")];
    match evidence {
        Evidence::Table(table) => table::draw(table, meaning, canvas, &mut lines),
        Evidence::Listing(listing) => listing::draw(listing, meaning, canvas, &mut lines),
    }
    lines.push(canvas.labelled(""));
    lines
}

/// Where there is room to draw.
#[derive(Clone, Copy)]
struct Canvas {
    /// The columns left of the margin line.
    margin: usize,
    /// The columns of the terminal.
    width: usize,
}

impl Canvas {
    /// ` 1a38 |`, the label right-aligned in the margin.
    fn labelled(self, label: &str) -> Line {
        let missing = self.margin.saturating_sub(columns(label));
        Line::indented(missing).colored(Meaning::Structure, format!("{label} |"))
    }

    /// The column where what is drawn begins.
    fn left(self) -> usize {
        self.margin + AFTER_MARGIN
    }

    /// The columns there are to draw in.
    fn room(self) -> usize {
        self.width.saturating_sub(self.left())
    }

    /// `^^^ writable and executable`, the mark from column `from`, what it says beside it or, where
    /// there is no room, below.
    fn mark(self, from: usize, mark: (Meaning, String), text: &str, lines: &mut Vec<Line>) {
        let (meaning, mark) = mark;
        let beside = from + mark.len() + 1;
        let line = self.labelled("").filled_to(from).colored(meaning, &mark);
        if beside + columns(text) <= self.width {
            lines.push(line.plain(" ").plain(text));
            return;
        }
        lines.push(line);
        let below = from.min(self.width.saturating_sub(READABLE)).max(self.left());
        for piece in wrap(text, self.width.saturating_sub(below).max(20)) {
            lines.push(self.labelled("").filled_to(below).plain(piece));
        }
    }
}
