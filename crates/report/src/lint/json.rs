//! The report for programs: one document, or one line a finding. `schemas/lint-report-v1.json` says how.

use crate::json::escaped;
use ringfence_finding::LintReport;
use std::io;

/// The report whole.
pub(super) fn write(report: &LintReport, out: &mut dyn io::Write) -> io::Result<()> {
    writeln!(out, "{}", escaped(&serde_json::to_string_pretty(report)?))?;
    out.flush()
}

/// One line a finding. What could not be read has no line: it is told on stderr, and by the exit code.
pub(super) fn write_lines(report: &LintReport, out: &mut dyn io::Write) -> io::Result<()> {
    for finding in &report.findings {
        writeln!(out, "{}", escaped(&serde_json::to_string(finding)?))?;
    }
    out.flush()
}

#[cfg(test)]
mod tests {
    use crate::lint::sample;
    use crate::{Format, Options};
    use serde_json::Value;

    #[test]
    fn the_document_is_the_report() {
        let report = sample::report();
        let text = sample::written(Format::Json, &report, &Options::default());
        let parsed: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(parsed, serde_json::to_value(&report).unwrap());
        assert!(text.ends_with("\n}\n") && text.contains("\n  \"lint_report_version\": 1,\n"));
    }

    #[test]
    fn each_line_is_a_finding() {
        let report = sample::report();
        let text = sample::written(Format::Jsonl, &report, &Options::default());
        assert_eq!(text.lines().count(), report.findings.len());
        for (line, finding) in text.lines().zip(&report.findings) {
            let parsed: Value = serde_json::from_str(line).unwrap();
            assert_eq!(parsed, serde_json::to_value(finding).unwrap());
            for name in ["path", "line", "column", "rule", "aliases", "fix"] {
                assert!(parsed.get(name).is_some(), "{name}: {line}");
            }
        }
    }

    /// The schema is made of the types, so what it takes is checked by what another program makes of it.
    #[test]
    fn what_is_written_follows_the_schema() {
        let schema: Value = serde_json::from_str(&crate::lint_schema()).unwrap();
        let validator = jsonschema::validator_for(&schema).unwrap();
        let text = sample::written(Format::Json, &sample::report(), &Options::default());
        let mut report: Value = serde_json::from_str(&text).unwrap();
        let errors: Vec<String> =
            validator.iter_errors(&report).map(|error| error.to_string()).collect();
        assert_eq!(errors, [""; 0]);
        report["findings"][0]["fix"]["safety"] = "maybe".into();
        assert!(!validator.is_valid(&report));
    }
}
