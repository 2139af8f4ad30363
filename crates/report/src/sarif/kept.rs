//! The results of a run, as many as GitHub takes, in memory that has an end.

use super::model::{Finding, Suppression};
use super::text::name;
use crate::json::escaped;
use ringfence_finding::{Confidence, Excuse, Level, SourceExcuse};
use std::fmt::Write;
use std::io;

/// GitHub rejects a run with more.
const MOST: usize = 25_000;

/// How many may be there beyond before the least severe are dropped.
const SLACK: usize = 5_000;

/// What is kept is no larger than this, in bytes.
const LARGEST: usize = 96 << 20;

/// How grave results are, the gravest first: by level, then what the user does not know about yet, then
/// what is certain.
type Rank = (std::cmp::Reverse<Level>, bool, std::cmp::Reverse<Confidence>);

/// What decides whether a result is kept.
pub(crate) struct Grade {
    pub(crate) level: Level,
    pub(crate) confidence: Confidence,
    pub(crate) excuse: Option<SourceExcuse>,
}

/// One result, as JSON without the brace at its end.
struct Entry {
    rank: Rank,
    /// Its place among all that came.
    order: usize,
    json: Box<str>,
    excuse: Option<SourceExcuse>,
}

/// The gravest results of those that came.
#[derive(Default)]
pub(crate) struct Kept {
    entries: Vec<Entry>,
    bytes: usize,
    came: usize,
    /// What is not graver than this would be dropped anyway.
    full_at: Option<Rank>,
    /// How many were dropped, by level.
    pub(crate) left_out: LeftOut,
    /// Whether a baseline, or the settings and the source, excuse any.
    baseline: bool,
    suppressed: bool,
}

/// How many results are left out.
#[derive(Clone, Copy, Default)]
pub(crate) struct LeftOut {
    pub(crate) errors: usize,
    pub(crate) warnings: usize,
    pub(crate) notes: usize,
}

impl LeftOut {
    fn count(&mut self, level: Level) {
        match level {
            Level::Error => self.errors += 1,
            Level::Warning => self.warnings += 1,
            Level::Note => self.notes += 1,
        }
    }

    pub(crate) fn total(&self) -> usize {
        self.errors + self.warnings + self.notes
    }
}

impl Kept {
    /// Takes the result that `make` makes, unless it would be dropped anyway.
    pub(crate) fn add(&mut self, grade: Grade, make: impl FnOnce() -> Finding) -> io::Result<()> {
        let Grade { level, confidence, excuse } = grade;
        let by_baseline = excuse == BASELINE;
        self.baseline |= by_baseline;
        self.suppressed |= excuse.is_some() && !by_baseline;
        let rank = (std::cmp::Reverse(level), excuse.is_some(), std::cmp::Reverse(confidence));
        self.came += 1;
        if self.full_at.is_some_and(|full| rank >= full) {
            self.left_out.count(level);
            return Ok(());
        }
        // Only what a fix inserts, and lines of source as they are, have anything to escape.
        let mut json = escaped(&serde_json::to_string(&make())?).into_owned();
        json.pop();
        self.bytes += json.len();
        self.entries.push(Entry { rank, order: self.came, json: json.into_boxed_str(), excuse });
        if self.entries.len() > MOST + SLACK || self.bytes > LARGEST {
            self.trim();
        }
        Ok(())
    }

    /// Drops the least grave of those that are too many.
    fn trim(&mut self) {
        self.entries.sort_unstable_by_key(|entry| (entry.rank, entry.order));
        // Well below the limit, so that it is not reached again at once.
        let room = if self.bytes > LARGEST { LARGEST / 4 * 3 } else { LARGEST };
        let mut bytes = 0;
        let fits = self.entries.iter().take(MOST).take_while(|entry| {
            bytes += entry.json.len();
            bytes <= room
        });
        let fits = fits.count();
        for dropped in self.entries.drain(fits..) {
            self.full_at = Some(self.full_at.map_or(dropped.rank, |full| full.min(dropped.rank)));
            self.left_out.count(dropped.rank.0.0);
        }
        self.bytes = self.entries.iter().map(|entry| entry.json.len()).sum();
    }

    /// How large they are, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Gives them to `write`, the gravest first, until it says that there is no more room.
    pub(crate) fn tell(
        mut self,
        mut write: impl FnMut(&str) -> io::Result<bool>,
    ) -> io::Result<LeftOut> {
        self.trim();
        let entries = std::mem::take(&mut self.entries);
        let mut is_full = false;
        for entry in entries {
            if is_full {
                self.left_out.count(entry.rank.0.0);
                continue;
            }
            is_full = !write(&self.whole(entry))?;
        }
        Ok(self.left_out)
    }

    /// The result with what SARIF wants on every result as soon as one has it: whether it is new since the
    /// baseline, and whether it is suppressed.
    fn whole(&self, entry: Entry) -> String {
        let mut json = entry.json.into_string();
        if self.baseline {
            let state = if entry.excuse == BASELINE { "unchanged" } else { "new" };
            // Writing to a string cannot fail.
            let _ = write!(json, ",\"baselineState\":\"{state}\"");
        }
        if self.suppressed {
            let suppressions = Vec::from_iter(entry.excuse.and_then(suppression));
            let suppressions = serde_json::to_string(&suppressions).unwrap_or_default();
            json += ",\"suppressions\":";
            json += &suppressions;
        }
        json.push('}');
        json
    }
}

/// The excuse of what is not new.
const BASELINE: Option<SourceExcuse> = Some(SourceExcuse::Settings(Excuse::Baseline));

fn suppression(excuse: SourceExcuse) -> Option<Suppression> {
    let (kind, justification) = match excuse {
        SourceExcuse::Source { reason, .. } => ("inSource", reason),
        SourceExcuse::Settings(Excuse::Accepted { reason, until }) => {
            let until = until.map(|day| format!(" (until {day})")).unwrap_or_default();
            ("external", format!("{reason}{until}"))
        }
        SourceExcuse::Settings(Excuse::Baseline) => return None,
    };
    Some(Suppression { kind, status: "accepted", justification: name(&justification) })
}
