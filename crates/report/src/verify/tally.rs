//! What became of many drivers, counted: each driver once, by the worst of its runs.

use super::status::{entry_failure, has_violation};
use crate::layout::{counted, grouped};
use crate::style::{Line, Terminal};
use crate::summary::reasons_left_out;
use ringfence_finding::{Answer, Closing, DriverRun, Examination, RunEnd};
use std::io;

/// Drivers told by name; the rest is counted.
const NAMED: usize = 5;

/// How a driver's runs ended, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fared {
    /// A run showed a violation.
    Stopped,
    /// It is not let in.
    Refused,
    /// Some run did not come to its end: a crash, the budget, something that is not emulated, DriverEntry that failed.
    Open,
    /// All returned, and something of the driver is left in the system that it was unloaded from.
    Left,
    /// All that was to be run returned.
    Returned,
}

impl Fared {
    /// What became of a driver.
    fn of(examination: &Examination) -> Fared {
        let of_run = |run: &DriverRun| match run.end {
            _ if has_violation(run) => Fared::Stopped,
            RunEnd::Violation => Fared::Stopped,
            RunEnd::Refused => Fared::Refused,
            RunEnd::Fault | RunEnd::Budget | RunEnd::NotEmulated => Fared::Open,
            RunEnd::Returned if entry_failure(run).is_some() => Fared::Open,
            RunEnd::Returned if !run.leaks.is_empty() => Fared::Left,
            RunEnd::Returned => Fared::Returned,
        };
        let ends = examination.runs.iter().map(of_run);
        ends.min().unwrap_or(Fared::Open)
    }
}

/// The count.
#[derive(Default)]
pub(crate) struct Tally {
    drivers: usize,
    stopped: usize,
    refused: usize,
    open: usize,
    left: usize,
    returned: usize,
    /// The first few that fail.
    failing: Vec<String>,
}

impl Tally {
    /// Counts a driver in, and says how it fared, if it was run.
    pub(crate) fn count(&mut self, examination: &Examination) -> Option<Fared> {
        if examination.runs.is_empty() {
            return None;
        }
        self.drivers += 1;
        let fared = Fared::of(examination);
        match fared {
            Fared::Stopped => self.stopped += 1,
            Fared::Refused => self.refused += 1,
            Fared::Open => self.open += 1,
            Fared::Left => self.left += 1,
            Fared::Returned => self.returned += 1,
        }
        if fared <= Fared::Refused && self.failing.len() < NAMED {
            self.failing.push(examination.path.clone());
        }
        Some(fared)
    }

    /// Drivers all of whose runs returned.
    pub(super) fn returned(&self) -> usize {
        self.returned
    }

    /// What could not be read, which drivers fail, and the last line.
    pub(super) fn finish(&self, terminal: &mut Terminal<'_>, closing: &Closing) -> io::Result<()> {
        for unread in &closing.unread {
            terminal.folded(crate::scoreboard::unread(unread))?;
        }
        for fault in &closing.faults {
            terminal.folded(crate::scoreboard::fault(fault))?;
        }
        if let Some(reasons) = reasons_left_out(&closing.left_out) {
            terminal.wrapped(Line::new().plain("left out: "), &reasons)?;
        }
        let fail = self.stopped + self.refused;
        if self.drivers > 1 && fail > 0 {
            let more = match fail - self.failing.len() {
                0 => String::new(),
                more => format!(" and {}", counted(more, "more driver")),
            };
            let names = format!("{}{more}", self.failing.join(", "));
            terminal.wrapped(Line::new().colored(Answer::No, "fail").plain(": "), &names)?;
        }
        let line = self.line().then(crate::scoreboard::ending(closing));
        terminal.last_line(line)?;
        terminal.flush()
    }

    /// What became of the drivers that were run, if any were.
    pub(crate) fn told(&self) -> Option<Line> {
        (self.drivers > 0).then(|| self.line())
    }

    /// `41 drivers, emulated: 15 stopped · 3 not let in · 8 not run to the end · 15 returned`.
    fn line(&self) -> Line {
        if self.drivers == 0 {
            return Line::new().plain("0 drivers: nothing to examine");
        }
        let kinds = [
            (self.stopped, Answer::No, "stopped"),
            (self.refused, Answer::No, "not let in"),
            (self.open, Answer::Unknown, "not run to the end"),
            (self.left, Answer::Unknown, "left something behind"),
            (self.returned, Answer::Yes, "returned"),
        ];
        let mut line =
            Line::new().plain(format!("{}, emulated: ", counted(self.drivers, "driver")));
        let told = kinds.into_iter().filter(|(count, _, _)| *count > 0);
        for (index, (count, answer, what)) in told.enumerate() {
            let separator = if index == 0 { "" } else { " · " };
            line = line.plain(separator).colored(answer, format!("{} {what}", grouped(count)));
        }
        line
    }
}
