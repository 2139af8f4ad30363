//! Evidence of the image rules: rows of its tables with a mark at what decided.

use ringfence_finding::{Evidence, Mark, Row, Table};
use ringfence_image::{FileOffset, Section};

/// What to point at in a section's row.
#[derive(Clone, Copy)]
pub(super) enum SectionColumn {
    Address = 1,
    Rights = 3,
}

/// One section with its rights, marked.
pub(super) fn section(section: &Section<'_>, column: SectionColumn, text: &str) -> Evidence {
    let flags = if section.is_discardable() { "discardable" } else { "" };
    Evidence::Table(Table {
        structure: "section table",
        columns: vec!["name", "address", "size", "rights", ""],
        rows: vec![Row {
            label: section.number.to_string(),
            cells: vec![
                section.name(),
                format!("{:08x}", section.rva().0),
                format!("{:04x}", section.virtual_size()),
                section.rights(),
                flags.to_owned(),
            ],
        }],
        marks: vec![Mark { row: 0, column: column as usize, text: text.to_owned() }],
    })
}

/// Columns of a section's place in the file.
#[derive(Clone, Copy)]
pub(super) enum FileColumn {
    Address = 1,
    Offset = 3,
    FileSize = 4,
}

/// Sections with their places in memory and in the file; the last one is marked.
pub(super) fn section_places(sections: &[Section<'_>], column: FileColumn, text: &str) -> Evidence {
    let rows: Vec<_> = sections
        .iter()
        .map(|section| Row {
            label: section.number.to_string(),
            cells: vec![
                section.name(),
                format!("{:08x}", section.rva().0),
                format!("{:04x}", section.virtual_size()),
                format!("{:08x}", section.raw_offset()),
                format!("{:04x}", section.raw_size()),
            ],
        })
        .collect();
    let row = rows.len().saturating_sub(1);
    Evidence::Table(Table {
        structure: "section table",
        columns: vec!["name", "address", "size", "file offset", "file size"],
        rows,
        marks: vec![Mark { row, column: column as usize, text: text.to_owned() }],
    })
}

/// One header field with its value, marked.
pub(super) fn header_field(
    structure: &'static str,
    offset: FileOffset,
    name: &str,
    value: impl Into<String>,
    text: impl Into<String>,
) -> Evidence {
    Evidence::Table(Table {
        structure,
        columns: vec!["field", "value"],
        rows: vec![Row {
            label: format!("{:x}", offset.0),
            cells: vec![name.to_owned(), value.into()],
        }],
        marks: vec![Mark { row: 0, column: 1, text: text.into() }],
    })
}
