//! What fixes make of the sources they are for: which are made, the new texts, the differences, and the files.

mod edits;
mod left;
mod place;
mod plan;
mod prefer;
#[cfg(test)]
mod sample;
mod unified;
mod write;

pub use left::{LeftBecause, LeftFix};
pub use place::Place;
pub use plan::{Plan, is_fixed, plan};
pub use prefer::prefer;
pub use unified::UnifiedDiff;
pub use write::{FixOutcome, write};
