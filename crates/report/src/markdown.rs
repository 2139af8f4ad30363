//! Markdown, short enough for a comment on a pull request: the worst drivers first, a table of all that fit,
//! and what was found in each folded up below.

mod details;
pub(crate) mod prose;
#[cfg(test)]
mod tests;

use crate::excuse::Excused;
use crate::idle;
use crate::layout::{counted, grouped};
use crate::{Options, Sink, scoreboard};
use prose::{code, code_cell, sentence};
use ringfence_finding::{Answer, Closing, Examination, Level, Question, Targets, Tool};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::io::{self, Write};

/// By which a comment is found again, to write the next report over it. Nobody sees it.
const MARKER: &str = "<!-- ringfence -->\n";

/// GitHub takes 65,536 characters. Counted are bytes, of which there are never fewer.
pub(crate) const LONGEST: usize = 60_000;

/// What the table may take of it.
const TABLE: usize = 24_000;

/// What the notes about what is left out take at most.
const NOTES: usize = 600;

/// Bytes of rows and details that are kept until the end.
const KEPT: usize = 2 * LONGEST;

/// Columns of a path.
pub(crate) const PATH: usize = 200;

/// Columns of a sentence.
pub(crate) const SENTENCE: usize = 400;

/// Unread files, and faults, that are listed.
pub(crate) const TROUBLES: usize = 10;

const HEADINGS: &str = "| driver | load | run | certify | findings |\n|---|---|---|---|---|\n";

pub(crate) struct Markdown<'a> {
    out: Box<dyn Write + 'a>,
    options: Options,
    targets: Targets,
    excused: Excused,
    kept: BTreeMap<Rank, Entry>,
    bytes: usize,
    drivers: usize,
    failing: usize,
}

/// Worst first, then as they came.
type Rank = ([Reverse<usize>; 6], usize);

/// One driver: its row, and what is below it.
struct Entry {
    row: String,
    details: String,
}

impl<'a> Markdown<'a> {
    pub(crate) fn new(out: Box<dyn Write + 'a>, options: Options) -> Markdown<'a> {
        Markdown {
            out,
            options,
            targets: Targets::DEFAULT,
            excused: Excused::default(),
            kept: BTreeMap::new(),
            bytes: 0,
            drivers: 0,
            failing: 0,
        }
    }

    fn rank(&self, driver: &Examination) -> Rank {
        let answered =
            |answer| Question::ALL.iter().filter(|q| driver.counted(**q) == answer).count();
        let failing = Question::ALL.iter().filter(|q| self.options.fails(driver, **q)).count();
        let of = |level| count(driver, level);
        let (no, unknown) = (answered(Answer::No), answered(Answer::Unknown));
        let order = [failing, no, of(Level::Error), unknown, of(Level::Warning), of(Level::Note)];
        (order.map(Reverse), self.drivers)
    }

    /// The marker, and the heading, which says whether the scan fails.
    fn heading(&self, closing: &Closing) -> String {
        let drivers = counted(self.drivers, "driver");
        let told = match (self.drivers, self.failing) {
            (0, _) => "no drivers".to_owned(),
            (_, 0) => format!("no failure in {drivers}"),
            (_, 1) => format!("1 of {drivers} fails"),
            (_, failing) => format!("{} of {drivers} fail", grouped(failing)),
        };
        match closing.faults.len() + closing.unread.len() {
            0 => format!("{MARKER}### ringfence: {told}\n\n"),
            missing => {
                format!("{MARKER}### ringfence: {told}, {} not examined\n\n", grouped(missing))
            }
        }
    }
}

impl Sink for Markdown<'_> {
    fn begin(&mut self, _: &Tool, targets: Targets) -> io::Result<()> {
        self.targets = targets;
        Ok(())
    }

    fn driver(&mut self, examination: &Examination) -> io::Result<()> {
        self.excused.count(examination);
        self.failing +=
            usize::from(Question::ALL.iter().any(|q| self.options.fails(examination, *q)));
        let entry =
            Entry { row: row(examination), details: details::of(examination, &self.options) };
        self.bytes += entry.bytes();
        self.kept.insert(self.rank(examination), entry);
        self.drivers += 1;
        while self.bytes > KEPT {
            let Some((_, last)) = self.kept.pop_last() else { break };
            self.bytes -= last.bytes();
        }
        Ok(())
    }

    fn finish(&mut self, closing: &Closing) -> io::Result<()> {
        let mut text = self.heading(closing);
        let counts = scoreboard::counts(closing, self.excused).render(false);
        text += &format!("{counts}. Asked about {}.\n", self.targets);
        let troubles = troubles(closing);
        let mut room = LONGEST.saturating_sub(text.len() + troubles.len() + NOTES);
        let entries: Vec<&Entry> = self.kept.values().collect();
        let rows = fitting(entries.iter().map(|entry| &*entry.row), room.min(TABLE));
        if rows > 0 {
            text += &format!("\n{HEADINGS}");
            text.extend(entries[..rows].iter().map(|entry| &*entry.row));
        }
        let table: usize = entries[..rows].iter().map(|entry| entry.row.len()).sum();
        room = room.saturating_sub(table + HEADINGS.len() + 1);
        if self.drivers > rows {
            let more = counted(self.drivers - rows, "driver");
            text += &format!(
                "\n… {more} more, none of them worse; `--format summary` counts them all.\n"
            );
        }
        let shown = fitting(entries[..rows].iter().map(|entry| &*entry.details), room);
        text.extend(entries[..shown].iter().map(|entry| &*entry.details));
        let missing = entries[shown..rows].iter().filter(|entry| !entry.details.is_empty()).count();
        if missing > 0 {
            let more = counted(missing, "driver");
            text +=
                &format!("\nThe details of {more} are left out here; `--format full` has them.\n");
        }
        text += &troubles;
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }
}

impl Entry {
    fn bytes(&self) -> usize {
        self.row.len() + self.details.len()
    }
}

/// Acceptances that accepted nothing.
fn idle(closing: &Closing) -> String {
    let lines = idle::told(&closing.acceptances).take(TROUBLES);
    let lines = lines
        .map(|(place, text)| format!("- {}: {}\n", code(place, PATH), sentence(&text, SENTENCE)));
    let told: String = lines.collect();
    if told.is_empty() { told } else { format!("\n**Acceptances**\n\n{told}") }
}

/// How many of `texts`, from the first on, fit into `room`.
pub(crate) fn fitting<'t>(texts: impl Iterator<Item = &'t str>, room: usize) -> usize {
    let mut used = 0;
    texts
        .take_while(|text| {
            used += text.len();
            used <= room
        })
        .count()
}

/// Findings of a level that are not excused.
fn count(driver: &Examination, level: Level) -> usize {
    let findings = driver.findings.iter();
    findings.filter(|finding| finding.level == level && finding.excuse.is_none()).count()
}

fn row(driver: &Examination) -> String {
    let answers = Question::ALL.map(|question| {
        let aside = if driver.excused.contains(&question) { " (excused)" } else { "" };
        format!("{}{aside}", answer(driver.verdict.answer(question)))
    });
    let levels =
        [Level::Error, Level::Warning, Level::Note].map(|level| (level, count(driver, level)));
    let levels = levels.into_iter().filter(|(_, count)| *count > 0);
    let findings: Vec<String> = levels
        .map(|(level, count)| counted(count, &level.to_string()))
        .chain(Excused::of(driver).told())
        .collect();
    format!(
        "| {} | {} | {} |\n",
        code_cell(&driver.path, PATH),
        answers.join(" | "),
        if findings.is_empty() { "-".to_owned() } else { findings.join(", ") }
    )
}

/// An answer, with a sign that is seen before it is read.
fn answer(answer: Answer) -> &'static str {
    match answer {
        Answer::Yes => "✅ yes",
        Answer::No => "❌ no",
        Answer::Unknown => "❔ unknown",
    }
}

/// What could not be read, and what failed in ringfence itself.
pub(crate) fn troubles(closing: &Closing) -> String {
    let faults = closing.faults.iter().map(|fault| {
        let text = format!("ringfence failed here, please report it: {}", fault.message);
        (&fault.path, text)
    });
    let unread = closing
        .unread
        .iter()
        .map(|unread| (&unread.path, format!("could not be read: {}", unread.reason)));
    let all = closing.faults.len() + closing.unread.len();
    let mut told = String::new();
    for (path, text) in faults.chain(unread).take(TROUBLES) {
        told += &format!("- {}: {}\n", code(path, PATH), sentence(&text, SENTENCE));
    }
    let told = match all {
        0 => told,
        _ if all > TROUBLES => {
            format!("\n**Not examined**\n\n{told}- … {} more\n", grouped(all - TROUBLES))
        }
        _ => format!("\n**Not examined**\n\n{told}"),
    };
    told + &idle(closing)
}
