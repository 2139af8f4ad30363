//! What an earlier run found already.

mod known;
mod pairing;

pub(crate) use pairing::Pairing;

use crate::{NotRecorded, RecordedDriver, open_recorded};
use known::Known;
use std::collections::HashMap;
use std::path::Path;

/// The drivers of an earlier report, with what was found in each.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Baseline {
    drivers: Vec<Known>,
    /// Their indices by the name of the file, in lower case.
    by_name: HashMap<String, Vec<usize>>,
    by_path: HashMap<String, usize>,
    by_digest: HashMap<String, usize>,
}

impl Baseline {
    /// Reads the report in the file `path`, of `--format json` or `jsonl`.
    ///
    /// # Errors
    ///
    /// Where it cannot be read or is no report of ours.
    pub fn open(path: &Path) -> Result<Baseline, NotRecorded> {
        let mut baseline = Baseline::default();
        open_recorded(path, |driver| baseline.add(driver))?;
        Ok(baseline)
    }

    /// Adds a driver; of two with the same path or content the last counts.
    pub fn add(&mut self, driver: RecordedDriver) {
        let known = Known::from(driver);
        let index = self.drivers.len();
        self.by_name.entry(name(&known.path)).or_default().push(index);
        self.by_path.insert(known.path.clone(), index);
        if let Some(sha256) = &known.sha256 {
            self.by_digest.insert(sha256.clone(), index);
        }
        self.drivers.push(known);
    }

    /// The driver with this path, else the one with this content. What has neither a path nor a name is known by
    /// its content alone.
    fn itself(&self, path: &str, sha256: Option<&str>) -> Option<usize> {
        let by_path = self.by_path.get(path).filter(|_| !path.is_empty());
        by_path.or_else(|| self.by_digest.get(sha256?)).copied()
    }
}

/// A path of a report as both systems write it.
fn slashed(path: &str) -> String {
    let path = path.replace('\\', "/");
    path.trim_start_matches("./").to_owned()
}

/// A path that is scanned in the same form. Only Windows takes a backslash for a slash; elsewhere it is a part of
/// a name, and a file so called is no other.
fn scanned(path: &str) -> String {
    match cfg!(windows) {
        true => slashed(path),
        false => path.trim_start_matches("./").to_owned(),
    }
}

/// The file's name in lower case.
fn name(path: &str) -> String {
    path.rsplit('/').next().unwrap_or_default().to_lowercase()
}

#[cfg(test)]
mod tests;
