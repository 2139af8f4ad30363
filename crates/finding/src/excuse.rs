//! Findings that the user knows about.

use schemars::JsonSchema;
use serde::Serialize;

/// Why a finding fails nothing, though it holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "by", rename_all = "kebab-case")]
pub enum Excuse {
    /// The settings accept it.
    Accepted {
        /// Why, in the user's words.
        reason: String,
        /// The last day on which that holds, as `2027-03-31`; null for no end.
        until: Option<String>,
    },
    /// The baseline has it: it is not new.
    Baseline,
}
