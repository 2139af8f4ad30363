//! Draws evidence as the "source" of a finding: rows with labels in the margin, carets below.

use crate::layout::{columns, fit, shortened, wrap};
use crate::style::{Line, Meaning};
use ringfence_finding::{Evidence, Mark, Row, Table};

/// The columns left of the margin line when no label is longer.
pub(crate) const MARGIN: usize = 5;

/// The margin line with the spaces around it.
const AFTER_MARGIN: usize = 4;

/// Spaces between two columns of a table.
const GAP: usize = 2;

/// No column is made narrower than this.
const LEAST: usize = 6;

/// A label or two in words beside `-->`: what the evidence is a part of.
pub(crate) fn structure(evidence: &Evidence) -> &'static str {
    match evidence {
        Evidence::Table(table) => table.structure,
        Evidence::Listing(_) => "machine code",
    }
}

/// The columns left of the margin line.
pub(crate) fn margin(evidence: Option<&Evidence>) -> usize {
    match evidence {
        Some(Evidence::Table(table)) => table_margin(table),
        Some(Evidence::Listing(_)) | None => MARGIN,
    }
}

fn table_margin(table: &Table) -> usize {
    table.rows.iter().map(|row| columns(&row.label) + 1).max().unwrap_or(0).max(MARGIN)
}

/// The evidence with marks in the colour of `meaning`, no line wider than `width`; it opens and
/// closes with an empty margin.
pub(crate) fn draw(evidence: &Evidence, meaning: Meaning, width: usize) -> Vec<Line> {
    let margin = margin(Some(evidence));
    let empty = || labelled("", margin);
    let mut lines = vec![empty()];
    match evidence {
        Evidence::Table(table) => Drawing::new(table, meaning, width).draw(&mut lines),
        Evidence::Listing(listing) => {
            for line in &listing.lines {
                lines.push(
                    labelled(&format!("{:x}", line.rva), margin).plain("  ").plain(&line.text),
                );
            }
        }
    }
    lines.push(empty());
    lines
}

/// ` 1a38 |`, the label right-aligned in the margin.
fn labelled(label: &str, margin: usize) -> Line {
    let missing = margin.saturating_sub(columns(label));
    Line::indented(missing).colored(Meaning::Structure, format!("{label} |"))
}

/// A table and where its columns stand.
struct Drawing<'t> {
    table: &'t Table,
    meaning: Meaning,
    margin: usize,
    width: usize,
    /// How wide each column is drawn.
    widths: Vec<usize>,
}

impl<'t> Drawing<'t> {
    fn new(table: &'t Table, meaning: Meaning, width: usize) -> Drawing<'t> {
        let margin = table_margin(table);
        let widths = widths(table, width.saturating_sub(margin + AFTER_MARGIN));
        Drawing { table, meaning, margin, width, widths }
    }

    fn draw(&self, lines: &mut Vec<Line>) {
        let headings = self.table.columns.iter().map(|heading| heading.to_string()).collect();
        lines.push(self.row(&Row { label: String::new(), cells: headings }));
        for (index, row) in self.table.rows.iter().enumerate() {
            lines.push(self.row(row));
            let marks = self.table.marks.iter().filter(|mark| mark.row == index);
            let mut marks: Vec<&Mark> =
                marks.filter(|mark| mark.column < self.widths.len()).collect();
            marks.sort_by_key(|mark| mark.column);
            for mark in marks {
                self.mark(row, mark, lines);
            }
        }
    }

    fn row(&self, row: &Row) -> Line {
        let mut line = labelled(&row.label, self.margin);
        for column in 0..self.widths.len() {
            let (text, from) = self.placed(row, column);
            line = line.filled_to(from).plain(text);
        }
        line
    }

    /// A cell as drawn, and the column of the terminal where it starts.
    fn placed(&self, row: &Row, column: usize) -> (String, usize) {
        let width = self.widths[column];
        let text = shortened(row.cells.get(column).map_or("", String::as_str), width);
        let before = self.widths[..column].iter().map(|width| width + GAP).sum::<usize>();
        let spare = if is_numeric(self.table, column) { width - columns(&text) } else { 0 };
        (text, self.margin + AFTER_MARGIN + before + spare)
    }

    /// `^^^ writable and executable` below the marked cell.
    fn mark(&self, row: &Row, mark: &Mark, lines: &mut Vec<Line>) {
        let (cell, from) = self.placed(row, mark.column);
        let carets = "^".repeat(columns(&cell).max(1));
        let line = labelled("", self.margin).filled_to(from).colored(self.meaning, &carets);
        if from + carets.len() + 1 + columns(&mark.text) <= self.width {
            lines.push(line.plain(" ").plain(&mark.text));
            return;
        }
        // No room beside the carets: below them, moved left as far as it takes to be readable.
        lines.push(line);
        let below = from.min(self.width.saturating_sub(40)).max(self.margin + AFTER_MARGIN);
        for piece in wrap(&mark.text, self.width.saturating_sub(below).max(20)) {
            lines.push(labelled("", self.margin).filled_to(below).plain(piece));
        }
    }
}

/// How wide to draw each column so that all fit in `available`.
fn widths(table: &Table, available: usize) -> Vec<usize> {
    let mut widths: Vec<usize> = (0..table.columns.len())
        .map(|column| {
            let cells = table.rows.iter().filter_map(|row| row.cells.get(column));
            let widest = cells.map(|cell| columns(cell)).max().unwrap_or(0);
            widest.max(columns(table.columns[column]))
        })
        .collect();
    let gaps = GAP * widths.len().saturating_sub(1);
    let least = vec![LEAST; widths.len()];
    fit(&mut widths, &least, available.saturating_sub(gaps));
    widths
}

/// Whether a column holds only numbers, decimal or hexadecimal, which stand to the right.
fn is_numeric(table: &Table, column: usize) -> bool {
    let mut digits = false;
    for cell in table.rows.iter().filter_map(|row| row.cells.get(column)) {
        let number = cell.strip_prefix("0x").unwrap_or(cell);
        if !number.chars().all(|c| c.is_ascii_hexdigit() || c == ' ') {
            return false;
        }
        digits |= number.contains(|c: char| c.is_ascii_digit());
    }
    digits
}
