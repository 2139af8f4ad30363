//! What fixes make of the sources they are for: which are made, the new texts, the differences, and the files.

mod edits;
mod left;
mod plan;
#[cfg(test)]
mod sample;
mod unified;
mod write;

pub use left::{LeftBecause, LeftFix};
pub use plan::{Plan, is_fixed, plan};
pub use unified::UnifiedDiff;
pub use write::{FixOutcome, write};
