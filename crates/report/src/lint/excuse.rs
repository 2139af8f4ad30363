//! Findings in source that hold but fail nothing, in words.

use crate::excuse::{failing, told as told_of_settings};
use crate::format::Options;
use ringfence_finding::{Level, SourceExcuse, SourceFinding};

/// `accepted in line 12: the buffer holds code`, with the file where that is another one, or what the settings or the
/// baseline say.
pub(super) fn told(excuse: &SourceExcuse) -> String {
    match excuse {
        SourceExcuse::Source { reason, line, path } => {
            let place = match path {
                Some(path) => format!("{path}, line {line}"),
                None => format!("line {line}"),
            };
            let because = if reason.trim().is_empty() { "" } else { ": " };
            format!("accepted in {place}{because}{}", reason.trim())
        }
        SourceExcuse::Settings(excuse) => told_of_settings(excuse),
    }
}

/// The level of a finding as it is told: what is only not known is a note.
pub(super) fn level(finding: &SourceFinding) -> Level {
    if finding.open { Level::Note } else { finding.level }
}

/// The level where errors fail a build: an error is one only if it fails here, and what is excused is a note.
pub(super) fn weighed(finding: &SourceFinding, options: &Options) -> Level {
    match finding.excuse {
        Some(_) => Level::Note,
        None if finding.fails() => failing(options),
        None => level(finding),
    }
}

/// Whether `full` and `concise` write the finding out: notes only where they are wanted, what is not known wherever
/// it is in the report, as it was asked for.
pub(super) fn is_shown(finding: &SourceFinding, options: &Options) -> bool {
    finding.excuse.is_none() && (finding.open || options.show_notes || finding.level > Level::Note)
}
