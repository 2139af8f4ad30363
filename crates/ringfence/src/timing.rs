//! Where the time goes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A stage of a scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Stage {
    /// Walking folders.
    Find,
    /// Reading files.
    Read,
    /// Reading the image structures.
    Image,
    /// Computing digests.
    Hash,
    /// Putting the rules to it.
    Rules,
    /// Looking for debug files and reading them.
    Symbols,
    /// Writing the report.
    Report,
}

impl Stage {
    /// All of them, in the order they happen.
    pub const ALL: [Stage; 7] = [
        Stage::Find,
        Stage::Read,
        Stage::Image,
        Stage::Hash,
        Stage::Rules,
        Stage::Symbols,
        Stage::Report,
    ];

    /// Its name in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Stage::Find => "find",
            Stage::Read => "read",
            Stage::Image => "image",
            Stage::Hash => "hash",
            Stage::Rules => "rules",
            Stage::Symbols => "symbols",
            Stage::Report => "report",
        }
    }
}

/// Time spent in each stage, added up over all threads.
#[derive(Debug, Default)]
pub struct Timings([AtomicU64; Stage::ALL.len()]);

impl Timings {
    /// Does `work` and counts its time to `stage`.
    pub(crate) fn during<T>(&self, stage: Stage, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = work();
        let nanoseconds = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.0[stage as usize].fetch_add(nanoseconds, Ordering::Relaxed);
        result
    }

    /// The time spent in `stage` so far.
    pub fn of(&self, stage: Stage) -> Duration {
        Duration::from_nanos(self.0[stage as usize].load(Ordering::Relaxed))
    }
}
