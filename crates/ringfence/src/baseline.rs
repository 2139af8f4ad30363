//! What an earlier run found already.

use crate::{NotRecorded, RecordedDriver, RecordedVerdict, open_recorded};
use ringfence_finding::{Answer, Examination, Excuse, Finding, Level, Question};
use std::collections::HashMap;
use std::path::Path;

/// The drivers of an earlier report, with what was found in each.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Baseline {
    drivers: Vec<Known>,
    /// Their indices by the name of the file, in lower case.
    by_name: HashMap<String, Vec<usize>>,
    by_digest: HashMap<String, usize>,
}

/// A driver of an earlier report.
#[derive(Debug, PartialEq, Eq)]
struct Known {
    /// With forward slashes.
    path: String,
    machine: String,
    verdict: RecordedVerdict,
    /// How grave each finding was, by rule and fingerprint.
    findings: HashMap<(String, String), Level>,
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
        let RecordedDriver { path, sha256, machine, verdict, findings, .. } = driver;
        let path = slashed(&path);
        let index = self.drivers.len();
        self.by_name.entry(name(&path)).or_default().push(index);
        if let Some(sha256) = sha256 {
            self.by_digest.insert(sha256, index);
        }
        let mut known = HashMap::new();
        for finding in findings {
            known.insert((finding.rule, finding.fingerprint), finding.level);
        }
        self.drivers.push(Known { path, machine, verdict, findings: known });
    }

    /// What was known of `driver`: under its path, else of the same content, else under its file name where
    /// that leads to one driver of the same processor alone, of several to the one whose folders are most alike.
    fn of(&self, driver: &Examination) -> Option<&Known> {
        let path = slashed(&driver.path);
        let named = self.by_name.get(&name(&path)).map(Vec::as_slice).unwrap_or_default();
        let named = || named.iter().map(|&index| &self.drivers[index]);
        if let Some(known) = named().rfind(|known| known.path == path) {
            return Some(known);
        }
        let digest = driver.sha256.as_ref().and_then(|digest| self.by_digest.get(digest));
        if let Some(&index) = digest {
            return Some(&self.drivers[index]);
        }
        let same = || named().filter(|known| known.machine == driver.machine);
        let most = same().map(|known| alike(&known.path, &path)).max()?;
        let mut best = same().filter(|known| alike(&known.path, &path) == most);
        best.next().filter(|_| best.next().is_none())
    }

    /// Excuses each finding of `driver` that is not new and has no excuse yet.
    pub(crate) fn excuse(&self, driver: &Examination, excuses: &mut [Option<Excuse>]) {
        let Some(known) = self.of(driver) else { return };
        for (finding, excuse) in driver.findings.iter().zip(excuses) {
            if excuse.is_none() && known.has(finding) {
                *excuse = Some(Excuse::Baseline);
            }
        }
    }

    /// Whether the answer to `question` was not yes before either.
    pub(crate) fn left_open(&self, driver: &Examination, question: Question) -> bool {
        self.of(driver).is_some_and(|known| known.verdict.answer(question) != Answer::Yes)
    }
}

impl Known {
    /// Whether `finding` was found before, and was as grave.
    fn has(&self, finding: &Finding) -> bool {
        let key = (finding.rule.to_owned(), finding.fingerprint.clone());
        self.findings.get(&key).is_some_and(|level| finding.level <= *level)
    }
}

/// The path as both systems write it.
fn slashed(path: &str) -> String {
    let path = path.replace('\\', "/");
    path.trim_start_matches("./").to_owned()
}

/// The file's name in lower case.
fn name(path: &str) -> String {
    path.rsplit('/').next().unwrap_or_default().to_lowercase()
}

/// How many folders two paths share, from the last one on.
fn alike(one: &str, other: &str) -> usize {
    let parts = one.rsplit('/').zip(other.rsplit('/'));
    parts.take_while(|(a, b)| a.to_lowercase() == b.to_lowercase()).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Settings, examine};

    fn driver(path: &str) -> Examination {
        use ringfence_fixture::RWX;
        let bytes =
            ringfence_fixture::driver().edit_section(".text", |text| text.rights(RWX)).bytes();
        let examination = examine(&bytes, &Settings::default()).unwrap();
        Examination { path: path.to_owned(), ..examination }
    }

    fn recorded(driver: &Examination) -> RecordedDriver {
        serde_json::from_value(serde_json::to_value(driver).unwrap()).unwrap()
    }

    fn baseline(paths: &[&str]) -> Baseline {
        let mut baseline = Baseline::default();
        for path in paths {
            baseline.add(RecordedDriver { sha256: None, ..recorded(&driver(path)) });
        }
        baseline
    }

    /// The path under which `driver` is known.
    fn known_as<'a>(baseline: &'a Baseline, driver: &Examination) -> Option<&'a str> {
        baseline.of(driver).map(|known| known.path.as_str())
    }

    #[test]
    fn a_driver_is_known_by_its_path_or_file_name() {
        let baseline = baseline(&["old/x64/a.sys", "old/arm/a.sys", "b.sys"]);
        for (path, known) in [
            ("old/x64/a.sys", Some("old/x64/a.sys")),
            (r".\old\x64\a.sys", Some("old/x64/a.sys")),
            ("new/x64/A.SYS", Some("old/x64/a.sys")),
            ("new/arm/a.sys", Some("old/arm/a.sys")),
            ("new/mips/a.sys", None),
            ("/builds/7/b.sys", Some("b.sys")),
            ("c.sys", None),
        ] {
            assert_eq!(known_as(&baseline, &driver(path)), known, "{path}");
        }
        let other = Examination { machine: "arm64".to_owned(), ..driver("z/b.sys") };
        assert_eq!(known_as(&baseline, &other), None);
    }

    #[test]
    fn a_driver_is_known_by_its_content() {
        let mut baseline = baseline(&["x/c.sys"]);
        baseline.add(recorded(&driver("old/a.sys")));
        assert_eq!(known_as(&baseline, &driver("new/b.sys")), Some("old/a.sys"));
    }

    #[test]
    fn what_was_less_grave_is_new() {
        let now = driver("a.sys");
        let mut was = recorded(&now);
        let known = |was: &RecordedDriver| {
            let mut baseline = Baseline::default();
            baseline.add(was.clone());
            baseline.of(&now).unwrap().has(&now.findings[0])
        };
        assert!(known(&was));
        was.findings[0].level = Level::Warning;
        assert!(!known(&was));
        was.findings[0].level = Level::Error;
        was.findings[0].fingerprint.replace_range(..1, "x");
        assert!(!known(&was));
    }
}
