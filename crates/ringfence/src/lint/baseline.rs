//! What an earlier look at source found already.

use crate::NotRecorded;
use crate::recorded::{RecordedSourceFinding, open_recorded_source};
use ringfence_container::plain;
use ringfence_finding::{Excuse, Level, SourceExcuse, SourceFinding};
use std::collections::HashMap;
use std::path::Path;

/// The findings of an earlier report of `ringfence lint`.
///
/// A finding is known by its file, its rule and its fingerprint, and while it is no graver. Each of those before stands
/// for one. Of a file that is gone, what is found in another of its name may be what was there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LintBaseline {
    /// Path and level of each, by rule and fingerprint.
    known: HashMap<(String, String), Vec<(String, Level)>>,
}

impl LintBaseline {
    /// Reads the report in the file `path`, of `--format json` or `jsonl`.
    ///
    /// # Errors
    ///
    /// Where it cannot be read or is no report of `ringfence lint`.
    pub fn open(path: &Path) -> Result<LintBaseline, NotRecorded> {
        let mut baseline = LintBaseline::default();
        open_recorded_source(path, |finding| baseline.add(finding))?;
        Ok(baseline)
    }

    /// What was accepted is left out: an acceptance says itself whether it still holds.
    fn add(&mut self, finding: RecordedSourceFinding) {
        if finding.is_accepted() {
            return;
        }
        let RecordedSourceFinding { path, rule, level, fingerprint, .. } = finding;
        let path = absolute(&path.replace('\\', "/"));
        self.known.entry((rule, fingerprint)).or_default().push((path, level));
    }

    /// Excuses the findings that are known; `is_there` says whether a path is among the files that were looked at.
    pub(super) fn excuse(&self, findings: &mut [SourceFinding], is_there: impl Fn(&str) -> bool) {
        let mut left = self.known.clone();
        let mut take = |finding: &mut SourceFinding, in_place: bool| {
            if finding.excuse.is_some() {
                return;
            }
            let key = (finding.rule.to_owned(), finding.fingerprint.clone());
            let Some(known) = left.get_mut(&key) else { return };
            let path = absolute(&finding.path);
            let is_it = |(known, level): &(String, Level)| {
                let same = if in_place { *known == path } else { !is_there(known) };
                same && finding.level <= *level
            };
            if let Some(index) = known.iter().position(is_it) {
                known.swap_remove(index);
                finding.excuse = Some(SourceExcuse::Settings(Excuse::Baseline));
            }
        };
        findings.iter_mut().for_each(|finding| take(finding, true));
        findings.iter_mut().for_each(|finding| take(finding, false));
    }
}

/// A path from the root on, however it was told.
fn absolute(path: &str) -> String {
    let found = plain(Path::new(path)).map(|path| path.to_string_lossy().into_owned());
    found.unwrap_or_else(|| path.to_owned())
}
