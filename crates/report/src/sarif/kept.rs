//! The results of a run, as many as GitHub takes, in memory that has an end.

use super::model::{Finding, Suppression};
use super::text::name;
use ringfence_finding::{Confidence, Excuse, Level};
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

/// One result, as JSON without the brace at its end.
struct Entry {
    rank: Rank,
    /// Its place among all that came.
    order: usize,
    json: Box<str>,
    excuse: Option<Excuse>,
}

/// The gravest results of those that came.
#[derive(Default)]
pub(super) struct Kept {
    entries: Vec<Entry>,
    bytes: usize,
    came: usize,
    /// What is not graver than this would be dropped anyway.
    full_at: Option<Rank>,
    /// How many were dropped, by level.
    pub(super) left_out: LeftOut,
    /// Whether a baseline or the settings excuse any.
    baseline: bool,
    accepted: bool,
}

/// How many results are left out.
#[derive(Clone, Copy, Default)]
pub(super) struct LeftOut {
    pub(super) errors: usize,
    pub(super) warnings: usize,
    pub(super) notes: usize,
}

impl LeftOut {
    fn count(&mut self, level: Level) {
        match level {
            Level::Error => self.errors += 1,
            Level::Warning => self.warnings += 1,
            Level::Note => self.notes += 1,
        }
    }

    pub(super) fn total(&self) -> usize {
        self.errors + self.warnings + self.notes
    }
}

impl Kept {
    /// Takes the result that `make` makes of `finding`, unless it would be dropped anyway.
    pub(super) fn add(
        &mut self,
        finding: &ringfence_finding::Finding,
        make: impl FnOnce() -> Finding,
    ) -> io::Result<()> {
        let excuse = finding.excuse.clone();
        self.baseline |= excuse == Some(Excuse::Baseline);
        self.accepted |= matches!(excuse, Some(Excuse::Accepted { .. }));
        let rank = (
            std::cmp::Reverse(finding.level),
            excuse.is_some(),
            std::cmp::Reverse(finding.confidence),
        );
        self.came += 1;
        if self.full_at.is_some_and(|full| rank >= full) {
            self.left_out.count(finding.level);
            return Ok(());
        }
        let mut json = serde_json::to_string(&make())?;
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
            self.left_out.count(level(dropped.rank));
        }
        self.bytes = self.entries.iter().map(|entry| entry.json.len()).sum();
    }

    /// How large they are, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Gives them to `write`, the gravest first, until it says that there is no more room.
    pub(super) fn tell(
        mut self,
        mut write: impl FnMut(&str) -> io::Result<bool>,
    ) -> io::Result<LeftOut> {
        self.trim();
        let entries = std::mem::take(&mut self.entries);
        let mut is_full = false;
        for entry in entries {
            if is_full {
                self.left_out.count(level(entry.rank));
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
            let state = if entry.excuse == Some(Excuse::Baseline) { "unchanged" } else { "new" };
            // Writing to a string cannot fail.
            let _ = write!(json, ",\"baselineState\":\"{state}\"");
        }
        if self.accepted {
            let suppressions = Vec::from_iter(entry.excuse.and_then(suppression));
            let suppressions = serde_json::to_string(&suppressions).unwrap_or_default();
            json += ",\"suppressions\":";
            json += &suppressions;
        }
        json.push('}');
        json
    }
}

fn level(rank: Rank) -> Level {
    rank.0.0
}

fn suppression(excuse: Excuse) -> Option<Suppression> {
    let Excuse::Accepted { reason, until } = excuse else { return None };
    let until = until.map(|day| format!(" (until {day})")).unwrap_or_default();
    let justification = name(&format!("{reason}{until}"));
    Some(Suppression { kind: "external", status: "accepted", justification })
}
