//! One call of a DDI, as data.

use crate::SourcePlace;
use schemars::JsonSchema;
use serde::Serialize;
use std::fmt;

/// One call of a DDI that matters for memory integrity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Call {
    /// Where the call instruction is, relative to the image base.
    pub rva: u32,
    /// Where the function begins that makes the call; null where no function is known.
    pub function: Option<u32>,
    /// Where the call instruction comes from; there only where debug information tells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<SourcePlace>,
    /// The DDI called.
    pub ddi: &'static str,
    /// How the call gets there.
    pub via: Via,
    /// The argument that decides; null where the DDI has none.
    pub argument: Option<Argument>,
    /// The values that the argument may have, as numbers; empty where nothing is known.
    pub values: Vec<u64>,
    /// The same values in words, in the same order, and those of which enough is known to tell what they ask for.
    pub words: Vec<String>,
    /// Why it is not known of every value what it asks for; null where it is.
    pub unknown: Option<String>,
    /// What follows.
    pub answer: CallAnswer,
    /// Where callers choose the argument: each way they do.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub chosen_by: Vec<Choice>,
    /// Ways like those of `chosen_by` that are left out.
    #[serde(skip_serializing_if = "is_zero")]
    pub chosen_alike: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// One way in which callers choose the argument that decides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Choice {
    /// The calls from the one that chooses down to the one that leads to the DDI, relative to the image
    /// base; empty for callers that are not known.
    pub calls: Vec<u32>,
    /// The values that the argument then has, as numbers.
    pub values: Vec<u64>,
    /// The same values in words, and those of which enough is known to tell what they ask for.
    pub words: Vec<String>,
    /// Why it is not known of every value what it asks for; null where it is.
    pub unknown: Option<String>,
    /// What follows.
    pub answer: CallAnswer,
}

/// An argument of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Argument {
    /// Its place among the DDI's parameters, from 0.
    pub index: u8,
    /// Its name in the DDI's documentation.
    pub name: &'static str,
}

/// How a call gets to the DDI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Via {
    /// Through the import address table.
    Import,
    /// By a jump that ends the function, so that the DDI returns to the function's caller.
    TailCall,
    /// Through a jump to the DDI that many calls share.
    Thunk,
    /// Through a register that holds its address.
    Register,
    /// Through the dispatch routine of Control Flow Guard.
    GuardDispatch,
    /// Through a retpoline.
    Retpoline,
    /// Through a table of functions in memory.
    Table,
}

/// What follows from a call's argument: whether executable memory is asked for, not whether anything objects to that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CallAnswer {
    /// It does not ask for executable memory.
    Fine,
    /// It asks for executable memory.
    Violation,
    /// Depending on the path taken it does or does not.
    Mixed,
    /// It could not be told.
    Unknown,
    /// It does not, because the driver opts in to non-executable pool when it starts: a variable that
    /// would ask for executable memory is set up before.
    FineByOptIn,
}

impl CallAnswer {
    /// All of them, what matters most first.
    pub const ALL: [CallAnswer; 5] = [
        CallAnswer::Violation,
        CallAnswer::Mixed,
        CallAnswer::Unknown,
        CallAnswer::FineByOptIn,
        CallAnswer::Fine,
    ];

    /// The word for it, the same in text and JSON.
    pub fn name(self) -> &'static str {
        match self {
            CallAnswer::Fine => "fine",
            CallAnswer::Violation => "violation",
            CallAnswer::Mixed => "mixed",
            CallAnswer::Unknown => "unknown",
            CallAnswer::FineByOptIn => "fine-by-opt-in",
        }
    }
}

impl fmt::Display for CallAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
