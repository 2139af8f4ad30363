//! Certification for people: blocks for few drivers, tables for many, then what all of it is worth.

use super::CertificationSink;
use super::block::{self, number};
use crate::grid::{Cell, Column, Kind, grid};
use crate::layout::{counted, grouped};
use crate::scoreboard;
use crate::style::{Line, Meaning, Terminal};
use ringfence_finding::{
    BASIS, Certification, Closing, Counter, HLK_TEST, Outcome, OutcomeTally, Sku, Targets, Tool,
};
use std::cmp::Reverse;
use std::collections::HashMap;
use std::io;

/// Drivers that have a block each; more of them make tables.
const FEW: usize = 5;

/// Rows of a table.
const SCREENFUL: usize = 20;

/// Reasons told for undecided drivers, and those that are told apart at all.
const REASONS: usize = 8;
const MOST_REASONS: usize = 1_000;

pub(super) struct Text<'a> {
    terminal: Terminal<'a>,
    sku: Sku,
    targets: Targets,
    /// The first few drivers, whole.
    first: Vec<Certification>,
    failing: Vec<Vec<Cell>>,
    undecided: Vec<Vec<Cell>>,
    reasons: HashMap<String, (usize, usize)>,
    totals: OutcomeTally,
}

impl<'a> Text<'a> {
    pub(super) fn new(terminal: Terminal<'a>) -> Text<'a> {
        Text {
            terminal,
            sku: Sku::Desktop,
            targets: Targets::NONE,
            first: Vec::new(),
            failing: Vec::new(),
            undecided: Vec::new(),
            reasons: HashMap::new(),
            totals: OutcomeTally::default(),
        }
    }

    fn keep(&mut self, driver: &Certification) {
        let rows = match driver.result {
            Outcome::Pass => return,
            Outcome::Fail => &mut self.failing,
            Outcome::Undecided => {
                for reason in &driver.open {
                    let next = self.reasons.len();
                    if next < MOST_REASONS || self.reasons.contains_key(reason) {
                        self.reasons.entry(reason.clone()).or_insert((0, next)).0 += 1;
                    }
                }
                &mut self.undecided
            }
        };
        if rows.len() < SCREENFUL {
            rows.push(row(driver));
        }
    }

    fn heading(&mut self) -> io::Result<()> {
        let title = Line::new().colored(Meaning::Strong, HLK_TEST.name);
        self.terminal.line(title.plain(format!(", {}", self.sku)))?;
        self.terminal.wrapped(Line::indented(2), &format!("asked about {}", self.targets))?;
        for requirement in self.sku.requirements() {
            self.terminal.wrapped(Line::indented(2), requirement)?;
        }
        self.terminal.blank()
    }

    fn blocks(&mut self) -> io::Result<()> {
        for driver in std::mem::take(&mut self.first) {
            for line in block::lines(&driver, self.targets, self.terminal.columns()) {
                self.terminal.line(line)?;
            }
            self.terminal.blank()?;
        }
        Ok(())
    }

    fn tables(&mut self) -> io::Result<()> {
        let (failing, undecided) =
            (std::mem::take(&mut self.failing), std::mem::take(&mut self.undecided));
        let any = !(failing.is_empty() && undecided.is_empty());
        self.table("fail", &failing, self.totals.fail)?;
        self.table("undecided", &undecided, self.totals.undecided)?;
        if any {
            let names = Counter::ALL.map(|counter| format!("{} {counter}", heading(counter)));
            let marks = "? not known, ~ likely in part or whole, + or more";
            self.terminal.wrapped(Line::new(), &format!("{}; {marks}", names.join(", ")))?;
            let script =
                "--format script writes Module and Reason lines like the readiness script's";
            self.terminal.wrapped(Line::new(), script)?;
            self.terminal.blank()?;
        }
        self.reasons()?;
        if self.totals.pass > 0 {
            let pass = Line::new().colored(Outcome::Pass, "pass").plain(": ");
            self.terminal.line(pass.plain(counted(self.totals.pass, "driver")))?;
            self.terminal.blank()?;
        }
        Ok(())
    }

    fn table(&mut self, title: &str, rows: &[Vec<Cell>], count: usize) -> io::Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let mut columns = vec![Column::new(title, Kind::Path, 20)];
        columns.extend(Counter::ALL.map(|counter| Column::new(heading(counter), Kind::Number, 0)));
        let table = grid(&columns, rows, self.terminal.columns());
        for line in table.heading.into_iter().chain(table.rows) {
            self.terminal.line(line)?;
        }
        if count > rows.len() {
            let more = grouped(count - rows.len());
            self.terminal
                .line(Line::indented(2).plain(format!("… {more} more, with --format json")))?;
        }
        self.terminal.blank()
    }

    /// What leaves drivers undecided, the commonest first.
    fn reasons(&mut self) -> io::Result<()> {
        let mut reasons: Vec<_> = std::mem::take(&mut self.reasons).into_iter().collect();
        if reasons.is_empty() {
            return Ok(());
        }
        reasons.sort_by_key(|(_, (count, order))| (Reverse(*count), *order));
        let untold = reasons.len().saturating_sub(REASONS);
        self.terminal.line(Line::new().colored(Meaning::Structure, "undecided because"))?;
        for (reason, (count, _)) in reasons.iter().take(REASONS) {
            let lead = Line::indented(2).plain(format!("{}: ", counted(*count, "driver")));
            self.terminal.wrapped(lead, reason)?;
        }
        if untold > 0 {
            let more = format!("… {}, with --format json", counted(untold, "more reason"));
            self.terminal.line(Line::indented(2).plain(more))?;
        }
        self.terminal.blank()
    }

    /// What the results are worth.
    fn basis(&mut self) -> io::Result<()> {
        self.list("proven from the file", BASIS.proven)?;
        match BASIS.seen_running {
            Some(seen) => self.list("seen while running", seen)?,
            None => {
                let lead = Line::new().colored(Meaning::Structure, "seen while running");
                self.terminal.line(lead.plain(": not run"))?;
            }
        }
        self.list("not to be known off Windows", BASIS.not_knowable)?;
        self.list("when you test", BASIS.testing)?;
        self.terminal.blank()
    }

    fn list(&mut self, title: &str, sentences: &[&str]) -> io::Result<()> {
        self.terminal.line(Line::new().colored(Meaning::Structure, title))?;
        for sentence in sentences {
            self.terminal.wrapped(Line::indented(2).plain("- "), sentence)?;
        }
        Ok(())
    }

    /// `3 drivers: 1 pass · 1 fail · 1 undecided (0.02 s)`.
    fn last_line(&self, closing: &Closing) -> Line {
        let mut line = scoreboard::drivers(&closing.totals, None);
        let OutcomeTally { pass, fail, undecided, .. } = self.totals;
        let counts =
            [(pass, Outcome::Pass), (fail, Outcome::Fail), (undecided, Outcome::Undecided)];
        let mut before = ": ";
        for (count, outcome) in counts.into_iter().filter(|(count, _)| *count > 0) {
            line = line.plain(before).colored(outcome, format!("{} {outcome}", grouped(count)));
            before = " · ";
        }
        line.then(scoreboard::ending(closing))
    }
}

impl CertificationSink for Text<'_> {
    fn begin(&mut self, _: &Tool, sku: Sku, targets: Targets) -> io::Result<()> {
        (self.sku, self.targets) = (sku, targets);
        Ok(())
    }

    fn driver(&mut self, certification: Certification) -> io::Result<()> {
        self.totals.count(certification.result);
        self.keep(&certification);
        if self.first.len() <= FEW {
            self.first.push(certification);
        }
        Ok(())
    }

    fn finish(&mut self, closing: &Closing) -> io::Result<()> {
        if self.totals.drivers > 0 {
            self.heading()?;
            if self.first.len() <= FEW { self.blocks() } else { self.tables() }?;
        }
        for fault in &closing.faults {
            self.terminal.folded(scoreboard::fault(fault))?;
        }
        for unread in &closing.unread {
            self.terminal.folded(scoreboard::unread(unread))?;
        }
        if !(closing.faults.is_empty() && closing.unread.is_empty()) {
            self.terminal.blank()?;
        }
        if self.totals.drivers > 0 {
            self.basis()?;
        }
        self.terminal.last_line(self.last_line(closing))?;
        self.terminal.flush()
    }
}

/// The driver and its seven numbers.
fn row(driver: &Certification) -> Vec<Cell> {
    let numbers = driver.counters.iter().map(|counted| {
        let meaning = match counted.result {
            Outcome::Pass => Meaning::Plain,
            other => other.into(),
        };
        let likely = if counted.likely > 0 { "~" } else { "" };
        (meaning, format!("{likely}{}", number(counted)))
    });
    std::iter::once((Meaning::Plain, driver.path.clone())).chain(numbers).collect()
}

/// A counter in one word, for the head of a column.
fn heading(counter: Counter) -> &'static str {
    match counter {
        Counter::ExecutePoolType => "pool",
        Counter::ExecutePageProtection => "prot",
        Counter::ExecutePageMapping => "map",
        Counter::ExecuteWriteSection => "w+x",
        Counter::SectionAlignment => "align",
        Counter::UnsupportedRelocs => "reloc",
        Counter::ExecutableImportTable => "iat",
    }
}
