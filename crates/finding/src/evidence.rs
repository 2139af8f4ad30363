//! What a finding shows so that a person can check it by hand.

use crate::SourcePlace;
use schemars::JsonSchema;
use serde::Serialize;

/// The thing that decided, in a form that can be drawn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Evidence {
    /// Rows of a structure of the image, such as the section table.
    Table(Table),
    /// Machine code, disassembled.
    Listing(Listing),
}

/// Some rows of a structure, with marks under the cells that decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Table {
    /// The structure: "section table", "optional header", "base relocations".
    pub structure: &'static str,
    /// Column headings.
    pub columns: Vec<&'static str>,
    /// The rows shown, in file order; not always all there are.
    pub rows: Vec<Row>,
    /// What to point at, in row order.
    pub marks: Vec<Mark>,
}

/// One row of a [`Table`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Row {
    /// What stands in the margin: a section's number or a file offset in hexadecimal.
    pub label: String,
    /// One cell for each column.
    pub cells: Vec<String>,
}

/// Points at one cell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Mark {
    /// Index into the rows.
    pub row: usize,
    /// Index into the columns.
    pub column: usize,
    /// What to say there.
    pub text: String,
}

/// Machine code, disassembled: what set the value that decided, then the call it went to; by way of
/// other functions, if it did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Listing {
    /// Where the function begins that the lines are of, relative to the image base; null where no
    /// function is known.
    pub function: Option<u32>,
    /// Where the instruction comes from that the primary mark points at; there only where debug
    /// information tells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<SourcePlace>,
    /// Instructions in the order of their addresses within a function; not always all there are.
    pub lines: Vec<Instruction>,
    /// What to point at, in the order of the lines.
    pub marks: Vec<Pointer>,
}

impl Listing {
    /// The address of the instruction that the primary mark points at.
    pub fn place(&self) -> Option<u32> {
        let primary = self.marks.iter().find(|mark| mark.primary)?;
        self.lines.get(primary.line).map(|line| line.rva)
    }
}

/// One line of a [`Listing`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Instruction {
    /// Where it is, relative to the image base.
    pub rva: u32,
    /// The instruction in the syntax of Microsoft's tools, with names in place of addresses that
    /// have one.
    pub text: String,
    /// Whether instructions between the line before and this one are left out.
    pub after_gap: bool,
    /// The function that it is in, if that is another one than that of the line before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enters: Option<Entered>,
}

/// A function that a listing goes on in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Entered {
    /// Where it begins, relative to the image base; null where no function is known.
    pub function: Option<u32>,
    /// Where the instruction comes from that the last mark in it points at; there only where debug
    /// information tells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<SourcePlace>,
}

/// Points at a part of one line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Pointer {
    /// Index into the lines.
    pub line: usize,
    /// The first column of the text pointed at, from 0.
    pub start: usize,
    /// How many columns.
    pub length: usize,
    /// What to say there.
    pub text: String,
    /// Whether this is the place of the finding, rather than what led to it.
    pub primary: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_is_about_its_primary_mark() {
        let line =
            |rva| Instruction { rva, text: "call  x".to_owned(), after_gap: false, enters: None };
        let mark =
            |line, primary| Pointer { line, start: 0, length: 4, text: String::new(), primary };
        let place = |marks| {
            let lines = vec![line(0x10), line(0x18)];
            Listing { function: None, source: None, lines, marks }.place()
        };
        assert_eq!(place(vec![mark(0, false), mark(1, true)]), Some(0x18));
        assert_eq!(place(vec![mark(0, false)]), None);
        assert_eq!(place(vec![mark(9, true)]), None);
    }
}
