//! Tables that fit the terminal.

use crate::layout::{columns, file_name, fit, shortened, shortened_path};
use crate::style::{Line, Meaning};

/// Spaces before the first column of a row; the heading of the table is not indented.
pub(crate) const INDENT: usize = 2;

/// Spaces between two columns.
const GAP: usize = 2;

/// What is in a column, and so how it is aligned and what may be cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Left-aligned; its end may go.
    Text,
    /// Left-aligned; its folders may go.
    Path,
    /// Left-aligned, always whole.
    Word,
    /// Right-aligned, always whole.
    Number,
}

#[derive(Clone)]
pub(crate) struct Column {
    pub(crate) heading: String,
    pub(crate) kind: Kind,
    /// The columns it keeps however narrow the terminal.
    pub(crate) least: usize,
}

impl Column {
    pub(crate) fn new(heading: impl Into<String>, kind: Kind, least: usize) -> Column {
        Column { heading: heading.into(), kind, least }
    }
}

pub(crate) type Cell = (Meaning, String);

/// A table laid out: its heading and its rows, in order.
pub(crate) struct Grid {
    /// The headings; a title too long for the first column has a line of its own above them.
    pub(crate) heading: Vec<Line>,
    pub(crate) rows: Vec<Line>,
    /// The columns up to the end of the last column.
    pub(crate) columns: usize,
}

/// Lays `rows` out in `width` columns.
pub(crate) fn grid(table: &[Column], rows: &[Vec<Cell>], width: usize) -> Grid {
    let widths = widths(table, rows, width);
    Grid {
        heading: heading(table, &widths),
        rows: rows
            .iter()
            .map(|cells| Line::indented(INDENT).then(row(table, cells, &widths)))
            .collect(),
        columns: INDENT + total(&widths),
    }
}

/// Whether `width` columns are enough for each column's least, and for whole names of files.
pub(crate) fn is_roomy(table: &[Column], rows: &[Vec<Cell>], width: usize) -> bool {
    let needed = table.iter().enumerate().map(|(index, column)| {
        let texts = || rows.iter().filter_map(|cells| cells.get(index)).map(|(_, text)| text);
        let widest = texts().map(|text| columns(text)).max().unwrap_or(0);
        match column.kind {
            Kind::Word | Kind::Number => widest.max(columns(&column.heading)),
            Kind::Text => column.least.min(widest.max(columns(&column.heading))),
            Kind::Path => texts().map(|path| columns(file_name(path))).max().unwrap_or(0),
        }
    });
    INDENT + needed.sum::<usize>() + GAP * table.len().saturating_sub(1) <= width
}

fn widths(table: &[Column], rows: &[Vec<Cell>], width: usize) -> Vec<usize> {
    let mut widths: Vec<usize> = (0..table.len())
        .map(|index| {
            let cells = rows.iter().filter_map(|cells| cells.get(index));
            let widest = cells.map(|(_, text)| columns(text)).max().unwrap_or(0);
            // The first heading is also the title of the table and reaches over the indent.
            let outdent = if index == 0 { INDENT } else { 0 };
            widest.max(columns(&table[index].heading).saturating_sub(outdent))
        })
        .collect();
    let gaps = GAP * table.len().saturating_sub(1);
    let available = width.saturating_sub(INDENT + gaps);
    let mut least: Vec<usize> = table
        .iter()
        .zip(&widths)
        .map(|(column, &width)| match column.kind {
            Kind::Word | Kind::Number => width,
            Kind::Text | Kind::Path => column.least.min(width),
        })
        .collect();
    // A file's name tells more than any other text, so it gives way only when all others have.
    for index in (0..table.len()).filter(|&index| table[index].kind == Kind::Path) {
        let names = rows.iter().filter_map(|cells| cells.get(index));
        let longest = names.map(|(_, path)| columns(file_name(path))).max().unwrap_or(0);
        let others = least.iter().sum::<usize>() - least[index];
        least[index] = longest.min(available.saturating_sub(others)).max(least[index]);
    }
    fit(&mut widths, &least, available);
    widths
}

fn heading(table: &[Column], widths: &[usize]) -> Vec<Line> {
    let mut widths = widths.to_vec();
    let mut headings: Vec<Cell> =
        table.iter().map(|column| (Meaning::Structure, column.heading.clone())).collect();
    let mut lines = Vec::new();
    if let (Some(first), Some(title)) = (widths.first_mut(), headings.first_mut()) {
        *first += INDENT;
        if columns(&title.1) > *first {
            lines.push(Line::new().colored(Meaning::Structure, std::mem::take(&mut title.1)));
        }
    }
    lines.push(row(table, &headings, &widths));
    lines
}

fn total(widths: &[usize]) -> usize {
    widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1)
}

fn row(table: &[Column], cells: &[Cell], widths: &[usize]) -> Line {
    let mut line = Line::new();
    let mut from = 0;
    for ((column, (meaning, text)), &width) in table.iter().zip(cells).zip(widths) {
        let text = match column.kind {
            Kind::Path => shortened_path(text, width),
            _ => shortened(text, width),
        };
        if column.kind == Kind::Number {
            line = line.filled_to(from + width.saturating_sub(columns(&text)));
        }
        line = line.filled_to(from).colored(*meaning, text);
        from += width + GAP;
    }
    line
}
