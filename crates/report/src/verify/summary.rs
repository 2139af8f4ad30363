//! Many drivers for people: a row for each that did not run to its end untroubled, the others counted.
//!
//! Only a screenful of rows is kept of each list, so memory stays flat however many drivers come.

use super::low_resources::NOT_EXPECTED;
use super::status::{entry_failure, has_violation};
use super::tally::{Fared, Tally};
use crate::Sink;
use crate::grid::{Cell, Column, Kind, grid};
use crate::layout::{columns, counted, grouped};
use crate::style::{Line, Meaning, Terminal};
use ringfence_finding::{Closing, DriverRun, Examination, RunEnd, RunEnvironment, Targets, Tool};
use std::io;

/// Rows of a list.
const SCREENFUL: usize = 40;
/// What stands where a driver was not run in a set-up.
const NOT_RUN: &str = "–";
/// Columns in which the rules stand beside a row.
const ROOMY: usize = 100;

pub(super) struct Summary<'a> {
    terminal: Terminal<'a>,
    stopped: List,
    refused: List,
    open: List,
    left: List,
    tally: Tally,
    /// The command that tells all of each driver.
    whole: &'static str,
}

/// Drivers that fared alike: the first of them, and how many there are.
#[derive(Default)]
struct List {
    rows: Vec<(Vec<Cell>, String)>,
    count: usize,
}

impl List {
    fn add(&mut self, row: impl FnOnce() -> (Vec<Cell>, String)) {
        self.count += 1;
        if self.rows.len() < SCREENFUL {
            self.rows.push(row());
        }
    }
}

impl<'a> Summary<'a> {
    pub(super) fn new(terminal: Terminal<'a>, whole: &'static str) -> Summary<'a> {
        Summary {
            terminal,
            stopped: List::default(),
            refused: List::default(),
            open: List::default(),
            left: List::default(),
            tally: Tally::default(),
            whole,
        }
    }

    /// A table of drivers, with what is to be said of each below or beside its row.
    fn list(&mut self, title: &str, list: List) -> io::Result<()> {
        if list.count == 0 {
            return Ok(());
        }
        let width = self.terminal.columns();
        let mut table = vec![
            Column::new(title, Kind::Path, 12),
            Column::new("Driver Verifier", Kind::Word, 0),
            Column::new("memory integrity", Kind::Word, 0),
        ];
        let (mut cells, asides): (Vec<_>, Vec<_>) = list.rows.into_iter().unzip();
        // A set-up that nothing was run in is no column.
        for column in (1..table.len()).rev() {
            if cells.iter().all(|row| row.get(column).is_none_or(|(_, text)| text == NOT_RUN)) {
                table.remove(column);
                cells.iter_mut().filter(|row| column < row.len()).for_each(|row| {
                    row.remove(column);
                });
            }
        }
        let longest = asides.iter().map(|aside| columns(aside) + 2).max().unwrap_or(0);
        let beside = width >= longest + ROOMY;
        let room = if beside { width - longest } else { width };
        let grid = grid(&table, &cells, room);
        for line in grid.heading {
            self.terminal.line(line)?;
        }
        for (row, aside) in grid.rows.into_iter().zip(&asides) {
            if aside.is_empty() {
                self.terminal.line(row)?;
            } else if beside {
                self.terminal.line(row.filled_to(grid.columns + 2).plain(aside))?;
            } else {
                self.terminal.line(row)?;
                self.terminal.wrapped(Line::indented(6), aside)?;
            }
        }
        if list.count > SCREENFUL {
            let more = grouped(list.count - SCREENFUL);
            let whole = self.whole;
            self.terminal.line(Line::new().plain(format!("  … {more} more: {whole}")))?;
        }
        self.terminal.blank()
    }
}

/// What the runs of a driver came to, and what is to be said of them.
fn row(examination: &Examination) -> (Vec<Cell>, String) {
    let of = |environment| {
        let mut runs = examination.runs.iter();
        runs.find(|run| run.environment == environment)
            .map_or((Meaning::Plain, NOT_RUN.to_owned()), told)
    };
    let path = (Meaning::Plain, examination.path.clone());
    let cells = vec![path, of(RunEnvironment::Verifier), of(RunEnvironment::Hvci)];
    (cells, aside(examination))
}

/// `0xC4:0x2000`, `0xBE`, `returned`.
fn told(run: &DriverRun) -> Cell {
    let check = run.bugcheck.as_ref().map(|check| match check.code.as_str() {
        "0xC4" => format!("{}:{}", check.code, check.parameters[0]),
        code => code.to_owned(),
    });
    match run.end {
        _ if has_violation(run) => {
            (Meaning::Bad, check.unwrap_or_else(|| RunEnd::Violation.name().to_owned()))
        }
        RunEnd::Refused => (Meaning::Bad, "not loaded".to_owned()),
        RunEnd::Fault => {
            let meaning = if run.lacks_what_failed() { Meaning::Bad } else { Meaning::Open };
            (meaning, check.map_or("crashed".to_owned(), |check| format!("crashed {check}")))
        }
        RunEnd::Budget => (Meaning::Open, "not finished".to_owned()),
        RunEnd::NotEmulated => (Meaning::Open, "not emulated".to_owned()),
        RunEnd::Returned if entry_failure(run).is_some() => {
            (Meaning::Open, "DriverEntry failed".to_owned())
        }
        RunEnd::Returned | RunEnd::Violation => (Meaning::Good, "returned".to_owned()),
    }
}

/// The rules of what was seen with the bug checks, or why a run says less.
fn aside(examination: &Examination) -> String {
    let seen = examination.findings.iter().filter(|finding| !finding.seen.is_empty());
    let mut rules: Vec<(&str, usize)> = Vec::new();
    for finding in seen {
        match rules.iter_mut().find(|(rule, _)| *rule == finding.rule) {
            Some((_, count)) => *count += 1,
            None => rules.push((finding.rule, 1)),
        }
    }
    if rules.is_empty() {
        // Why it is not let in comes first: that is no matter of the emulation.
        let is_refused = |run: &&DriverRun| run.end == RunEnd::Refused;
        let refused = examination.runs.iter().filter(is_refused);
        let mut because = refused.chain(&examination.runs).filter_map(|run| {
            run.because.clone().or_else(|| entry_failure(run)).or_else(|| blamed(run))
        });
        return because.next().or_else(|| left_behind(examination)).unwrap_or_default();
    }
    let one = |(rule, count): &(&str, usize)| match count {
        1 => (*rule).to_owned(),
        _ => format!("{rule} ×{count}"),
    };
    let rules = rules.iter().map(one).collect::<Vec<_>>().join(", ");
    let mut checks: Vec<String> = Vec::new();
    for check in examination.runs.iter().filter_map(|run| run.bugcheck.as_ref()) {
        let told = check.to_string();
        if !checks.contains(&told) {
            checks.push(told);
        }
    }
    if checks.is_empty() { rules } else { format!("{rules}: {}", checks.join(", ")) }
}

/// That a driver crashed for want of what was made to fail.
fn blamed(run: &DriverRun) -> Option<String> {
    run.lacks_what_failed().then(|| NOT_EXPECTED.to_owned())
}

/// What a run says that the driver left in the system: the longest list of its runs.
fn left_behind(examination: &Examination) -> Option<String> {
    let leaks = examination.runs.iter().map(|run| &run.leaks).max_by_key(|leaks| leaks.len());
    leaks
        .filter(|leaks| !leaks.is_empty())
        .map(|leaks| format!("left behind: {}", leaks.join("; ")))
}

impl Sink for Summary<'_> {
    fn begin(&mut self, _: &Tool, _: Targets) -> io::Result<()> {
        Ok(())
    }

    fn driver(&mut self, examination: &Examination) -> io::Result<()> {
        let list = match self.tally.count(examination) {
            Some(Fared::Stopped) => &mut self.stopped,
            Some(Fared::Refused) => &mut self.refused,
            Some(Fared::Open) => &mut self.open,
            Some(Fared::Left) => &mut self.left,
            Some(Fared::Returned) | None => return Ok(()),
        };
        list.add(|| row(examination));
        Ok(())
    }

    fn finish(&mut self, closing: &Closing) -> io::Result<()> {
        let lists = [
            ("stopped", std::mem::take(&mut self.stopped)),
            ("not let in", std::mem::take(&mut self.refused)),
            ("not run to the end", std::mem::take(&mut self.open)),
            ("unloaded", std::mem::take(&mut self.left)),
        ];
        for (title, list) in lists {
            self.list(title, list)?;
        }
        let returned = self.tally.returned();
        if returned > 0 {
            let text = format!(
                "{} returned from all that was run, without objection",
                counted(returned, "driver")
            );
            self.terminal.wrapped(Line::new(), &text)?;
            self.terminal.blank()?;
        }
        self.tally.finish(&mut self.terminal, closing)
    }
}
