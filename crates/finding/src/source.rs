//! Where code comes from, as debug information tells it.

use schemars::JsonSchema;
use serde::Serialize;

/// Where an instruction comes from. Each part is null where the debug information does not tell it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SourcePlace {
    /// The function that it is in; where others were inlined there, the one that they were inlined
    /// into.
    pub function: Option<String>,
    /// The path of the source file, as the compiler wrote it down.
    pub file: Option<String>,
    /// The line in it, from 1; where others were inlined there, the line that calls them.
    pub line: Option<u32>,
    /// The functions that were inlined there, the innermost first: the instruction is of that one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub inlined: Vec<InlinedCall>,
    /// The path of the object file, as the linker wrote it down.
    pub object: Option<String>,
    /// The path of the static library that the object came out of; null where it came out of none.
    pub library: Option<String>,
}

/// A function that was inlined.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct InlinedCall {
    /// The function; a method without its class.
    pub function: Option<String>,
    /// The path of the source file, as the compiler wrote it down.
    pub file: Option<String>,
    /// The line in it.
    pub line: u32,
}

/// What became of the debug file, from which functions and lines are told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum DebugSymbols {
    /// It was used.
    Used {
        /// Its path; empty where it was given as bytes.
        path: String,
    },
    /// There is a file of the right name, but it is not the driver's or cannot be read.
    Refused {
        /// Its path; empty where it was given as bytes.
        path: String,
        /// Why it is not used, as a fragment.
        reason: String,
    },
    /// There is none where it was looked for.
    NotFound {
        /// The name of the file that the driver asks for.
        name: String,
    },
}
