//! Reports of `ringfence lint` of earlier runs: `--format json` and `jsonl`.

use super::reader::malformed;
use super::{NotRecorded, RecordedExcuse, utf16};
use ringfence_finding::{LINT_REPORT_VERSION, Level};
use serde::Deserialize;
use std::io::{BufReader, Read};
use std::path::Path;

/// A finding in source of an earlier run.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct RecordedSourceFinding {
    pub(crate) path: String,
    pub(crate) rule: String,
    pub(crate) level: Level,
    pub(crate) fingerprint: String,
    #[serde(default)]
    excuse: Option<RecordedExcuse>,
}

impl RecordedSourceFinding {
    /// Whether the source or the settings accepted it.
    pub(crate) fn is_accepted(&self) -> bool {
        !matches!(self.excuse, None | Some(RecordedExcuse::Baseline))
    }
}

/// A whole report, or one finding of `jsonl`. Which it is shows in its fields.
#[derive(Deserialize)]
struct Object {
    lint_report_version: Option<u64>,
    /// There in a report about drivers.
    report_version: Option<u64>,
    findings: Option<Vec<RecordedSourceFinding>>,
    path: Option<String>,
    rule: Option<String>,
    level: Option<Level>,
    fingerprint: Option<String>,
    excuse: Option<RecordedExcuse>,
    /// There in one line about a driver.
    verdict: Option<serde::de::IgnoredAny>,
}

/// Reads the report in the file `path` and tells `each` of its findings.
pub(crate) fn open_recorded_source(
    path: &Path,
    each: impl FnMut(RecordedSourceFinding),
) -> Result<(), NotRecorded> {
    let file = ringfence_container::open_report(path).map_err(NotRecorded::Unreadable)?;
    read(file, each)
}

fn read(report: impl Read, mut each: impl FnMut(RecordedSourceFinding)) -> Result<(), NotRecorded> {
    let failed = |error: std::io::Error| malformed(&serde_json::Error::io(error));
    let text = BufReader::with_capacity(1 << 16, utf16::utf8(report).map_err(failed)?);
    let mut json = serde_json::Deserializer::from_reader(text);
    // At the end of the text there is nothing more; anything else is one more line of `jsonl`.
    while json.end().is_err() {
        let object = Object::deserialize(&mut json).map_err(|error| malformed(&error))?;
        object.findings()?.into_iter().for_each(&mut each);
    }
    Ok(())
}

impl Object {
    fn findings(self) -> Result<Vec<RecordedSourceFinding>, NotRecorded> {
        if self.report_version.is_some() || self.verdict.is_some() {
            return Err(wrong("it is a report about drivers; that of `ringfence lint` is meant"));
        }
        if let Some(findings) = self.findings {
            return match self.lint_report_version {
                Some(version) if version == u64::from(LINT_REPORT_VERSION) => Ok(findings),
                Some(version) => Err(wrong(&format!(
                    "lint_report_version {version} is not understood by this version of ringfence, only \
                     {LINT_REPORT_VERSION}"
                ))),
                None => Err(wrong("missing field `lint_report_version`")),
            };
        }
        match (self.path, self.rule, self.level, self.fingerprint) {
            (Some(path), Some(rule), Some(level), Some(fingerprint)) => {
                let excuse = self.excuse;
                Ok(vec![RecordedSourceFinding { path, rule, level, fingerprint, excuse }])
            }
            _ => {
                Err(wrong("no report of `ringfence lint`: it has neither `findings` nor is it one"))
            }
        }
    }
}

fn wrong(reason: &str) -> NotRecorded {
    NotRecorded::Malformed { line: 1, column: 1, reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Result<Vec<String>, String> {
        let mut all = Vec::new();
        read(text.as_bytes(), |finding| all.push(finding.fingerprint))
            .map_err(|error| error.to_string())?;
        Ok(all)
    }

    const ONE: &str = r#"{"path":"a.c","rule":"r","level":"error","fingerprint":"0:1","later":[]}"#;

    #[test]
    fn both_formats_are_read() {
        let report = format!(r#"{{"findings":[{ONE}],"lint_report_version":1}}"#);
        assert_eq!(told(&report), Ok(vec!["0:1".to_owned()]));
        assert_eq!(told(&format!("{ONE}\n{ONE}\n")).map(|all| all.len()), Ok(2));
        // A look that found nothing leaves nothing in `jsonl`.
        assert_eq!(told(""), Ok(vec![]));
    }

    #[test]
    fn what_is_no_report_about_source_is_refused() {
        let why = |text: &str| told(text).unwrap_err();
        assert!(why(r#"{"report_version":1,"drivers":[]}"#).contains("about drivers"));
        assert!(why(r#"{"path":"a.sys","verdict":{},"findings":[]}"#).contains("about drivers"));
        assert!(why(r#"{"findings":[],"lint_report_version":2}"#).contains("not understood"));
        assert!(why(r#"{"findings":[]}"#).contains("missing field"));
        assert!(why("{}").contains("no report of `ringfence lint`"));
        assert!(why("[1]").contains("line 1"));
        assert!(why(&ONE[..40]).contains("EOF"));
    }
}
