//! What is malformed in a file, and where.

use schemars::JsonSchema;
use serde::Serialize;

/// One malformed place. A defect is an observation, not a verdict: where it kept a rule from
/// looking, the verdict says so itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Defect {
    /// What kind of malformation, as a slug such as `truncated` or `points-outside`.
    pub kind: &'static str,
    /// The structure it is in, such as "import table".
    pub structure: &'static str,
    /// Where in the file, in bytes from its start.
    pub file_offset: Option<u64>,
    /// Where in the loaded image, relative to its base.
    pub rva: Option<u32>,
    /// The whole sentence.
    pub message: String,
}
