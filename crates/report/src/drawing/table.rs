//! Rows of a structure of the image, marks below the cells that decided.

use super::Canvas;
use crate::layout::{columns, fit, shortened};
use crate::style::{Line, Meaning};
use ringfence_finding::{Mark, Row, Table};

/// Spaces between two columns of a table.
const GAP: usize = 2;

/// No column is made narrower than this.
const LEAST: usize = 6;

/// The columns of the longest label in the margin.
pub(super) fn widest_label(table: &Table) -> usize {
    table.rows.iter().map(|row| columns(&row.label)).max().unwrap_or(0)
}

/// The headings and the rows, each with its marks below.
pub(super) fn draw(table: &Table, meaning: Meaning, canvas: Canvas, lines: &mut Vec<Line>) {
    Drawing { table, meaning, canvas, widths: widths(table, canvas.room()) }.draw(lines);
}

/// A table and where its columns stand.
struct Drawing<'t> {
    table: &'t Table,
    meaning: Meaning,
    canvas: Canvas,
    /// How wide each column is drawn.
    widths: Vec<usize>,
}

impl Drawing<'_> {
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
        let mut line = self.canvas.labelled(&row.label);
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
        (text, self.canvas.left() + before + spare)
    }

    /// `^^^ writable and executable` below the marked cell.
    fn mark(&self, row: &Row, mark: &Mark, lines: &mut Vec<Line>) {
        let (cell, from) = self.placed(row, mark.column);
        let carets = "^".repeat(columns(&cell).max(1));
        self.canvas.mark(from, (self.meaning, carets), &mark.text, lines);
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
