//! Draws evidence as the "source" of a finding: rows with labels in the margin, carets below.

use crate::layout::{columns, fit, shortened, wrap};
use crate::style::{Line, Meaning};
use ringfence_finding::{Evidence, Mark, Row, Table};

/// The columns left of the margin line when no label is longer.
pub(crate) const MARGIN: usize = 5;

/// Spaces between two columns of a table.
const GAP: usize = 2;

/// No column is made narrower than this.
const LEAST: usize = 6;

/// A label or two in words beside `-->`: what the evidence is a part of.
pub(crate) fn structure(evidence: &Evidence) -> &'static str {
    match evidence {
        Evidence::Table(table) => table.structure,
    }
}

/// The columns left of the margin line.
pub(crate) fn margin(evidence: Option<&Evidence>) -> usize {
    let labels = match evidence {
        Some(Evidence::Table(table)) => table.rows.iter().map(|row| columns(&row.label) + 1),
        None => return MARGIN,
    };
    labels.max().unwrap_or(0).max(MARGIN)
}

/// The evidence, no line wider than `width`; it opens and closes with an empty margin.
pub(crate) fn draw(evidence: &Evidence, width: usize) -> Vec<Line> {
    let margin = margin(Some(evidence));
    let empty = || labelled("", margin);
    let mut lines = vec![empty()];
    match evidence {
        Evidence::Table(table) => draw_table(table, margin, width, &mut lines),
    }
    lines.push(empty());
    lines
}

/// ` 1a38 |`, the label right-aligned in the margin.
fn labelled(label: &str, margin: usize) -> Line {
    let missing = margin.saturating_sub(columns(label));
    Line::indented(missing).colored(Meaning::Structure, format!("{label} |"))
}

fn draw_table(table: &Table, margin: usize, width: usize, lines: &mut Vec<Line>) {
    let left = margin + 4;
    let widths = widths(table, width.saturating_sub(left));
    let headings = table.columns.iter().map(|heading| heading.to_string()).collect();
    let headings = Row { label: String::new(), cells: headings };
    lines.push(draw_row(table, &headings, &widths, margin));
    for (index, row) in table.rows.iter().enumerate() {
        lines.push(draw_row(table, row, &widths, margin));
        let mut marks: Vec<&Mark> = table.marks.iter().filter(|mark| mark.row == index).collect();
        marks.sort_by_key(|mark| mark.column);
        for mark in marks.into_iter().filter(|mark| mark.column < widths.len()) {
            draw_mark(table, mark, &widths, margin, width, lines);
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

fn draw_row(table: &Table, row: &Row, widths: &[usize], margin: usize) -> Line {
    let mut line = labelled(&row.label, margin).plain("  ");
    for (column, &width) in widths.iter().enumerate() {
        let (text, before) = placed(table, row, column, width);
        line = line.plain(" ".repeat(before)).plain(&text);
        line = line.plain(" ".repeat((width + GAP).saturating_sub(before + columns(&text))));
    }
    line
}

/// A cell as drawn, and the spaces before it within its column.
fn placed(table: &Table, row: &Row, column: usize, width: usize) -> (String, usize) {
    let text = shortened(row.cells.get(column).map_or("", String::as_str), width);
    let spare = width.saturating_sub(columns(&text));
    let before = if is_numeric(table, column) { spare } else { 0 };
    (text, before)
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

/// `^^^ writable and executable` below the marked cell.
fn draw_mark(
    table: &Table,
    mark: &Mark,
    widths: &[usize],
    margin: usize,
    width: usize,
    lines: &mut Vec<Line>,
) {
    let Some(row) = table.rows.get(mark.row) else { return };
    let (cell, before) = placed(table, row, mark.column, widths[mark.column]);
    let from =
        margin + 4 + widths[..mark.column].iter().map(|width| width + GAP).sum::<usize>() + before;
    let carets = "^".repeat(columns(&cell).max(1));
    let line = labelled("", margin).filled_to(from).colored(Meaning::Bad, &carets);
    let beside = from + carets.len() + 1;
    if beside + columns(&mark.text) <= width {
        lines.push(line.plain(" ").plain(&mark.text));
        return;
    }
    // No room beside the carets: below them, moved left as far as it takes to be readable.
    lines.push(line);
    let below = from.min(width.saturating_sub(40)).max(margin + 4);
    for piece in wrap(&mark.text, width.saturating_sub(below).max(20)) {
        lines.push(labelled("", margin).filled_to(below).plain(piece));
    }
}
