//! Tables for many findings: of what kind, and in which files; the last line adds up.

use super::scoreboard::{closing, idle, scoreboard};
use super::tally::Tally;
use crate::format::Options;
use crate::grid::{Cell, Column, Kind, grid, is_roomy};
use crate::layout::{columns, counted, grouped, shortened_path};
use crate::style::{Line, Meaning, Terminal, hanging};
use ringfence_finding::{Level, LintReport, SourceFinding};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::io;

/// Rows of a table.
const SCREENFUL: usize = 20;

/// Where these stand among the columns.
const OTHERS: usize = 1;
const NOTES: usize = 4;
const EXCUSED: usize = 5;
const UNSAFE: usize = 7;

/// Troubles of a kind.
const FEW: usize = 8;

pub(super) fn write(
    report: &LintReport,
    options: &Options,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let mut terminal = Terminal::new(Box::new(out), options.clone());
    rules(report, &mut terminal)?;
    files(report, &mut terminal)?;
    let quoted = report.unread.iter().map(|unread| (unread.path.clone(), unread.reason.clone()));
    let title = format!("could not read {}", counted(report.unread.len(), "file"));
    troubles(&title, quoted.collect(), &mut terminal)?;
    let faults = report
        .faults
        .iter()
        .map(|fault| (fault.path.clone(), format!("{} failed: {}", fault.rule, fault.message)));
    let title = counted(report.faults.len(), "fault");
    let title = format!("{title} in ringfence itself; please report");
    troubles(&title, faults.collect(), &mut terminal)?;
    let suppressions = report.idle_suppressions.iter();
    let suppressions = suppressions.map(|one| (format!("{}:{}", one.path, one.line), idle(one)));
    let title = counted(report.idle_suppressions.len(), "idle acceptance");
    troubles(&title, suppressions.collect(), &mut terminal)?;
    let tally = Tally::of(report);
    for line in closing(report, &tally, options) {
        terminal.line(line)?;
    }
    terminal.last_line(scoreboard(report, &tally))?;
    terminal.flush()
}

/// What is told of a rule or a file.
#[derive(Default)]
struct Group<'r> {
    tally: Tally,
    /// The files of a rule, or the rules of a file.
    others: BTreeMap<&'r str, ()>,
}

impl<'r> Group<'r> {
    fn count(&mut self, finding: &'r SourceFinding, other: &'r str) {
        self.tally.count(finding);
        self.others.insert(other, ());
    }

    /// Worst first.
    fn rank(&self) -> Reverse<[usize; 3]> {
        Reverse([self.tally.errors, self.tally.warnings, self.tally.notes])
    }
}

type Groups<'r> = Vec<(&'r str, Group<'r>)>;

/// Findings by what `key` says of each, worst first; `other` is what is counted of them.
fn groups<'r>(
    report: &'r LintReport,
    key: impl Fn(&'r SourceFinding) -> &'r str,
    other: impl Fn(&'r SourceFinding) -> &'r str,
) -> Groups<'r> {
    let mut groups: BTreeMap<&str, Group<'_>> = BTreeMap::new();
    for finding in &report.findings {
        groups.entry(key(finding)).or_default().count(finding, other(finding));
    }
    let mut groups: Groups<'_> = groups.into_iter().collect();
    groups.sort_by_key(|(_, group)| group.rank());
    groups
}

fn rules(report: &LintReport, terminal: &mut Terminal<'_>) -> io::Result<()> {
    let groups = groups(report, |finding| finding.rule, |finding| &finding.path);
    let rows: Vec<Vec<Cell>> = groups
        .iter()
        .map(|(rule, Group { tally, others })| {
            let mut cells = vec![(Meaning::Plain, (*rule).to_owned()), number(others.len())];
            cells.extend(numbers(tally));
            cells
        })
        .collect();
    let first = [Column::new("by rule", Kind::Word, 0), Column::new("files", Kind::Number, 0)];
    table(first, &rows, report, terminal)
}

fn files(report: &LintReport, terminal: &mut Terminal<'_>) -> io::Result<()> {
    let groups = groups(report, |finding| &finding.path, |finding| finding.rule);
    let rows: Vec<Vec<Cell>> = groups
        .iter()
        .map(|(path, Group { tally, others })| {
            let mut cells = vec![(Meaning::Plain, (*path).to_owned()), number(others.len())];
            cells.extend(numbers(tally));
            cells
        })
        .collect();
    let first = [Column::new("by file", Kind::Path, 14), Column::new("rules", Kind::Number, 0)];
    table(first, &rows, report, terminal)
}

/// A table whose first two columns are `first`. What nobody has is no column, and what there is no room for goes,
/// the least important first.
fn table(
    first: [Column; 2],
    rows: &[Vec<Cell>],
    report: &LintReport,
    terminal: &mut Terminal<'_>,
) -> io::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let all = Tally::of(report);
    let kinds = [
        ("errors", all.errors > 0),
        ("warnings", all.warnings > 0),
        ("notes", all.notes > 0),
        ("excused", report.findings.iter().any(|finding| finding.excuse.is_some())),
        ("fixes", all.safe > 0),
        ("unsafe", all.risky > 0),
    ];
    let number = |(name, there): (&str, bool)| there.then(|| Column::new(name, Kind::Number, 0));
    let mut columns: Vec<Option<Column>> =
        first.into_iter().map(Some).chain(kinds.into_iter().map(number)).collect();
    let mut shown = fitting(&columns, rows);
    for index in [EXCUSED, NOTES, UNSAFE, OTHERS] {
        if is_roomy(&shown.0, &shown.1, terminal.columns()) {
            break;
        }
        columns[index] = None;
        shown = fitting(&columns, rows);
    }
    let grid = grid(&shown.0, &shown.1, terminal.columns());
    for row in grid.heading.into_iter().chain(grid.rows) {
        terminal.line(row)?;
    }
    more(rows.len(), SCREENFUL, terminal)?;
    terminal.blank()
}

/// The columns that are there, and a screenful of rows with what stands in them.
fn fitting(columns: &[Option<Column>], rows: &[Vec<Cell>]) -> (Vec<Column>, Vec<Vec<Cell>>) {
    let cells = rows.iter().take(SCREENFUL).map(|row| {
        let there = row.iter().zip(columns).filter(|(_, column)| column.is_some());
        there.map(|(cell, _)| cell.clone()).collect()
    });
    (columns.iter().flatten().cloned().collect(), cells.collect())
}

fn number(count: usize) -> Cell {
    (Meaning::Plain, grouped(count))
}

/// Errors, warnings, notes, what is excused, and what can be fixed in each way; a dash where there is none.
fn numbers(tally: &Tally) -> [Cell; 6] {
    let colored = |count: usize, meaning: Meaning| match count {
        0 => (Meaning::Plain, "-".to_owned()),
        _ => (meaning, grouped(count)),
    };
    let excused = tally.excused;
    let excused = excused.accepted + excused.baseline;
    [
        colored(tally.errors, Level::Error.into()),
        colored(tally.warnings, Level::Warning.into()),
        colored(tally.notes, Meaning::Plain),
        colored(excused, Meaning::Plain),
        colored(tally.safe, Meaning::Plain),
        colored(tally.risky, Meaning::Plain),
    ]
}

fn more(count: usize, shown: usize, terminal: &mut Terminal<'_>) -> io::Result<()> {
    if count <= shown {
        return Ok(());
    }
    let more = grouped(count - shown);
    terminal.line(Line::new().plain(format!("  … {more} more, with --format concise")))
}

/// The first few troubles of a kind.
fn troubles(
    title: &str,
    troubles: Vec<(String, String)>,
    terminal: &mut Terminal<'_>,
) -> io::Result<()> {
    if troubles.is_empty() {
        return Ok(());
    }
    let width = terminal.columns();
    terminal.line(Line::new().colored(Meaning::Open, title))?;
    for (path, reason) in troubles.iter().take(FEW) {
        // The reason may be long too; the name gets what it leaves, but never less than half.
        let room = (width - 4).saturating_sub(columns(reason)).max(width / 2);
        let lead = Line::indented(2).plain(shortened_path(path, room)).plain(": ");
        for line in hanging(lead, reason, width) {
            terminal.line(line)?;
        }
    }
    more(troubles.len(), FEW, terminal)?;
    terminal.blank()
}

#[cfg(test)]
mod tests {
    use crate::lint::sample;
    use crate::{Format, Options};

    /// However many files there are, it is a screenful.
    #[test]
    fn tables_stop_at_a_screenful() {
        let lines = |count: usize| {
            let findings = (0..count).map(|index| {
                let mut finding = sample::safe();
                finding.path = format!("src/{index}.c");
                finding
            });
            let report = sample::clean(findings.collect());
            let text = sample::written(Format::Summary, &report, &Options::default());
            assert!(text.contains("  executable-pool-type "), "{text}");
            text.lines().count()
        };
        assert_eq!(lines(100), lines(500));
        assert!(lines(3) < lines(30));
    }
}
