//! What a finding shows so that a person can check it by hand.

use schemars::JsonSchema;
use serde::Serialize;

/// The thing that decided, in a form that can be drawn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Evidence {
    /// Rows of a structure of the image, such as the section table.
    Table(Table),
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
