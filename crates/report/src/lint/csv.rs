//! One row a finding, in CSV as RFC 4180 has it; what could not be read has a row with the reason.

use super::excuse::{level, told};
use super::fix::{safety, told as fix_told};
use super::full::doubt;
use crate::csv::cell;
use crate::format::Options;
use ringfence_finding::{LintReport, SourceFinding};
use std::io;

/// The headings.
const COLUMNS: [&str; 20] = [
    "path",
    "line",
    "column",
    "end_line",
    "end_column",
    "level",
    "fails",
    "rule",
    "warning",
    "ddi",
    "argument",
    "function",
    "message",
    "doubt",
    "help",
    "fix",
    "fix_safety",
    "excused",
    "fingerprint",
    "error",
];

type Row = [String; COLUMNS.len()];

pub(super) fn write(
    report: &LintReport,
    options: &Options,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    row(&COLUMNS.map(str::to_owned), out)?;
    for finding in &report.findings {
        row(&of(finding, options), out)?;
    }
    for one in &report.idle_suppressions {
        let text = super::scoreboard::idle(one);
        trouble(&one.path, Some(one.line), text, out)?;
    }
    for unread in &report.unread {
        trouble(&unread.path, None, format!("cannot be read: {}", unread.reason), out)?;
    }
    for fault in &report.faults {
        let text = format!("ringfence failed in {}: {}", fault.rule, fault.message);
        trouble(&fault.path, None, text, out)?;
    }
    out.flush()
}

fn of(finding: &SourceFinding, options: &Options) -> Row {
    let region = finding.mark.region;
    let fails = finding.fails() && !options.exit_zero;
    let doubt = if finding.open { Some("not known") } else { doubt(finding) };
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let fix = finding.fix.as_ref();
    [
        finding.path.clone(),
        region.line.to_string(),
        region.column.to_string(),
        region.end_line.to_string(),
        region.end_column.to_string(),
        level(finding).to_string(),
        if fails { "yes" } else { "no" }.to_owned(),
        finding.rule.to_owned(),
        text(finding.warning),
        text(finding.ddi),
        text(finding.argument.as_deref()),
        text(finding.function.as_deref()),
        finding.message.clone(),
        text(doubt),
        text(finding.help.as_deref()),
        fix_told(finding).unwrap_or_default(),
        text(fix.map(|fix| safety(fix.safety))),
        finding.excuse.as_ref().map(told).unwrap_or_default(),
        finding.fingerprint.clone(),
        String::new(),
    ]
}

/// What has a name, maybe a line, and a reason.
fn trouble(
    path: &str,
    line: Option<u32>,
    error: String,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let mut cells = Row::default();
    cells[0] = path.to_owned();
    cells[1] = line.map(|line| line.to_string()).unwrap_or_default();
    cells[COLUMNS.len() - 1] = error;
    row(&cells, out)
}

fn row(cells: &Row, out: &mut dyn io::Write) -> io::Result<()> {
    let cells: Vec<String> = cells.iter().map(|text| cell(text)).collect();
    write!(out, "{}\r\n", cells.join(","))
}

#[cfg(test)]
mod tests {
    use crate::lint::sample;
    use crate::{Format, Options};

    /// As another program reads it.
    #[test]
    fn each_finding_is_a_row() {
        let report = sample::report();
        let text = sample::written(Format::Csv, &report, &Options::default());
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let headings = reader.headers().unwrap().clone();
        let column = |name: &str| headings.iter().position(|one| one == name).unwrap();
        let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        assert_eq!(rows.len(), report.findings.len() + 1 + 2 + 1);
        assert_eq!(&rows[0][column("path")], "src/pool.c");
        assert_eq!((&rows[0][column("line")], &rows[0][column("column")]), ("57", "36"));
        assert_eq!(&rows[0][column("fix_safety")], "safe");
        let fails = rows.iter().filter(|row| &row[column("fails")] == "yes").count();
        assert_eq!(fails, report.findings.iter().filter(|finding| finding.fails()).count());
        assert!(rows.iter().any(|row| row[column("message")].starts_with("'=memory is\\u{a}")));
        let zero = Options { exit_zero: true, ..Options::default() };
        assert!(!sample::written(Format::Csv, &report, &zero).contains(",yes,"));
    }
}
