//! Certification for people: blocks for few drivers, tables for many, then what all of it is worth.

use super::CertificationSink;
use super::block::{self, number};
use crate::answers::is_for_64_bit_windows;
use crate::grid::{Cell, Column, Kind, grid};
use crate::layout::{counted, grouped, shortened_path};
use crate::style::{Line, Meaning, Terminal};
use crate::{scoreboard, summary};
use ringfence_finding::{
    BASIS, Certification, Closing, Counter, HLK_TEST, Outcome, OutcomeTally, Sku, Targets, Tool,
};
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::io;

/// Drivers that have a block each; more of them make tables.
const FEW: usize = 5;

/// Rows of a table on a terminal, and names of drivers that pass.
const SCREENFUL: usize = 20;

/// Machines told apart, as the summary of a scan does.
const MACHINES: usize = 16;

/// Reasons told for undecided drivers on a terminal, and those that are told apart at all.
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
    passing: Vec<String>,
    /// Undecided drivers for machines that 64-bit Windows does not run on, by machine: the test never comes to
    /// them, so what is not known of them does not matter.
    elsewhere: BTreeMap<String, usize>,
    never_tested: usize,
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
            passing: Vec::new(),
            elsewhere: BTreeMap::new(),
            never_tested: 0,
            reasons: HashMap::new(),
            totals: OutcomeTally::default(),
        }
    }

    /// Rows of a list that are told: a file or a pipe gets all.
    fn most(&self) -> usize {
        if self.terminal.options.terminal { SCREENFUL } else { usize::MAX }
    }

    fn keep(&mut self, driver: &Certification) {
        let most = self.most();
        let is_elsewhere = !is_for_64_bit_windows(&driver.machine);
        let rows = match driver.result {
            Outcome::Pass => {
                if self.passing.len() < most {
                    self.passing.push(driver.path.clone());
                }
                return;
            }
            Outcome::Fail => &mut self.failing,
            Outcome::Undecided if is_elsewhere && self.elsewhere.len() < MACHINES => {
                *self.elsewhere.entry(driver.machine.clone()).or_default() += 1;
                self.never_tested += 1;
                return;
            }
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
        if rows.len() < most {
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
        let drivers = std::mem::take(&mut self.first);
        let is_cut = self.terminal.options.terminal && drivers.len() > 1;
        let most = if is_cut { block::MOST } else { usize::MAX };
        for driver in drivers {
            for line in block::lines(&driver, self.targets, most, self.terminal.columns()) {
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
        self.table("undecided", &undecided, self.totals.undecided - self.never_tested)?;
        if any {
            let names = Counter::ALL.map(|counter| format!("{} {counter}", heading(counter)));
            let marks = "? not known, ~ likely in part or whole, + or more";
            self.terminal.wrapped(Line::new(), &format!("{}; {marks}", names.join(", ")))?;
            let others = "with one driver, or --format json: each place; with --format script: Module and \
                Reason lines like the readiness script's";
            self.terminal.wrapped(Line::new(), others)?;
            self.terminal.blank()?;
        }
        self.reasons()?;
        let machines = std::mem::take(&mut self.elsewhere);
        for line in summary::elsewhere(machines, self.terminal.columns()) {
            self.terminal.line(line)?;
        }
        self.passing()
    }

    fn passing(&mut self) -> io::Result<()> {
        let names = std::mem::take(&mut self.passing);
        if names.is_empty() {
            return Ok(());
        }
        let title = Line::new().colored(Outcome::Pass, "pass").plain(": ");
        self.terminal.line(title.plain(counted(self.totals.pass, "driver")))?;
        let width = self.terminal.columns() - 2;
        for name in &names {
            self.terminal.line(Line::indented(2).plain(shortened_path(name, width)))?;
        }
        self.more(self.totals.pass - names.len())?;
        self.terminal.blank()
    }

    fn more(&mut self, untold: usize) -> io::Result<()> {
        if untold == 0 {
            return Ok(());
        }
        let more = format!("… {} more, with --output FILE", grouped(untold));
        self.terminal.line(Line::indented(2).plain(more))
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
        self.more(count - rows.len())?;
        self.terminal.blank()
    }

    /// What leaves drivers undecided, the commonest first.
    fn reasons(&mut self) -> io::Result<()> {
        let mut reasons: Vec<_> = std::mem::take(&mut self.reasons).into_iter().collect();
        if reasons.is_empty() {
            return Ok(());
        }
        reasons.sort_by_key(|(_, (count, order))| (Reverse(*count), *order));
        let most = if self.terminal.options.terminal { REASONS } else { usize::MAX };
        let untold = reasons.len().saturating_sub(most);
        self.terminal.line(Line::new().colored(Meaning::Structure, "undecided because"))?;
        for (reason, (count, _)) in reasons.iter().take(most) {
            let lead = Line::indented(2).plain(format!("{}: ", counted(*count, "driver")));
            self.terminal.wrapped(lead, reason)?;
        }
        if untold > 0 {
            let more = format!("… {}, with --output FILE", counted(untold, "more reason"));
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

    /// `4 drivers: 1 pass · 1 fail · 2 undecided (1 not for 64-bit Windows) (0.02 s)`.
    fn last_line(&self, closing: &Closing) -> Line {
        let mut line = scoreboard::drivers(&closing.totals, None);
        let OutcomeTally { pass, fail, undecided, .. } = self.totals;
        let counts =
            [(pass, Outcome::Pass), (fail, Outcome::Fail), (undecided, Outcome::Undecided)];
        let mut before = ": ";
        for (count, outcome) in counts.into_iter().filter(|(count, _)| *count > 0) {
            line = line.plain(before).colored(outcome, format!("{} {outcome}", grouped(count)));
            if outcome == Outcome::Undecided && self.never_tested > 0 {
                let never = grouped(self.never_tested);
                line = line.plain(format!(" ({never} not for 64-bit Windows)"));
            }
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
