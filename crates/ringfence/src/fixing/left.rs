//! Fixes that are not made.

use ringfence_finding::{Fix, SourceFinding};

/// A fix that was asked for and is not made.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LeftFix {
    /// The file of the finding.
    pub path: String,
    /// Its line, from 1.
    pub line: u32,
    /// The rule's slug.
    pub rule: &'static str,
    /// What the fix would do.
    pub title: String,
    /// Why it is not made.
    pub because: LeftBecause,
}

/// Why a fix is not made.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum LeftBecause {
    /// One that comes first changes the same place.
    #[error("another fix changes the same place; it can be made after that one")]
    Overlaps,
    /// Its own edits contradict each other.
    #[error("its edits overlap each other")]
    OverlapsItself,
    /// What it would write is there already.
    #[error("it changes nothing")]
    ChangesNothing,
    /// It edits a file that was not read.
    #[error("{path} is not among the files that were read")]
    NoSuchFile {
        /// The file.
        path: String,
    },
    /// An edit is about bytes that the text does not have, or about half a character.
    #[error("{path} has no text from byte {start} to byte {end}")]
    DoesNotFit {
        /// The file.
        path: String,
        /// Where the edit begins.
        start: usize,
        /// Where it ends.
        end: usize,
    },
    /// The file's encoding lacks a character.
    #[error("the encoding of {path} does not have every character of it")]
    NotEncodable {
        /// The file.
        path: String,
    },
    /// A file that it edits could not be written.
    #[error("{path} is left as it is: {reason}")]
    NotReplaced {
        /// The file.
        path: String,
        /// Why, as a sentence without its full stop.
        reason: String,
    },
}

impl LeftFix {
    /// The `fix` of `finding`, which is not made.
    pub(super) fn new(finding: &SourceFinding, fix: &Fix, because: LeftBecause) -> LeftFix {
        LeftFix {
            path: finding.path.clone(),
            line: finding.line,
            rule: finding.rule,
            title: fix.title.clone(),
            because,
        }
    }
}
