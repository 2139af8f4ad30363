//! Every finding with its lines of source, in the manner of a compiler's messages.

use super::excuse::{is_shown, level};
use super::fix;
use super::scoreboard::{closing, idle, scoreboard};
use super::tally::Tally;
use crate::drawing::{draw_marks, numbers_margin};
use crate::format::Options;
use crate::full::{ARROW, Remark, beside, title_lines};
use crate::layout::counted;
use crate::scoreboard as troubles;
use crate::source::shown;
use crate::style::{Line, Meaning, Terminal};
use ringfence_finding::{Confidence, Level, LintReport, SourceFinding, SourceMark, Targets};
use std::collections::HashMap;
use std::io;

/// Places beside its own that are drawn for a finding; what is beyond is counted.
const PLACES: usize = 8;

/// What stands before a place that led to the finding.
const ELSEWHERE: &str = "::: ";

pub(super) fn write(
    report: &LintReport,
    options: &Options,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let mut full = Full::new(Terminal::new(Box::new(out), options.clone()), report.targets);
    for finding in report.findings.iter().filter(|finding| is_shown(finding, options)) {
        full.finding(finding)?;
    }
    full.troubles(report)?;
    let tally = Tally::of(report);
    for line in closing(report, &tally, options) {
        full.terminal.line(line)?;
    }
    full.terminal.last_line(scoreboard(report, &tally))?;
    full.terminal.flush()
}

/// `findings` as this format tells them, for formats that quote it.
pub(super) fn quoted<'f>(
    findings: impl IntoIterator<Item = &'f SourceFinding>,
    targets: Targets,
) -> io::Result<String> {
    let mut text = Vec::new();
    let mut full = Full::new(Terminal::new(Box::new(&mut text), Options::default()), targets);
    for finding in findings {
        full.finding(finding)?;
    }
    drop(full);
    Ok(String::from_utf8_lossy(&text).into_owned())
}

struct Full<'a> {
    terminal: Terminal<'a>,
    targets: Targets,
    /// Where a rule's remarks were told first.
    told: HashMap<(&'static str, Vec<Remark>), String>,
}

impl<'a> Full<'a> {
    fn new(terminal: Terminal<'a>, targets: Targets) -> Full<'a> {
        Full { terminal, targets, told: HashMap::new() }
    }

    fn finding(&mut self, finding: &SourceFinding) -> io::Result<()> {
        let width = self.terminal.columns();
        let level = level(finding);
        let title = format!("{level}[{}]", finding.rule);
        let lead = Line::new().colored(level, title).plain(": ");
        for line in title_lines(lead, &finding.message, width) {
            self.terminal.line(line)?;
        }
        let related = &finding.related[..finding.related.len().min(PLACES)];
        let margin = numbers_margin(std::iter::once(&finding.mark).chain(related));
        self.head(finding, margin)?;
        let groups = grouped(&finding.mark, related);
        for (index, group) in groups.iter().enumerate() {
            let is_own = index == 0;
            if !is_own && let Some(mark) = group.first() {
                self.terminal.line(empty(margin))?;
                self.terminal.line(arrow(ELSEWHERE, &at(mark), margin))?;
            }
            self.marks(group, is_own, level, margin)?;
        }
        if !finding.mark.lines.is_empty() || groups.len() > 1 {
            self.terminal.line(empty(margin))?;
        }
        for (name, text) in self.new_remarks(finding) {
            let lead = Line::indented(margin + 1).colored(Meaning::Structure, "= ");
            self.terminal.wrapped(lead.plain(format!("{name}: ")), &text)?;
        }
        self.terminal.blank()
    }

    /// `    --> src/pool.c:57:31  in Allocate`.
    fn head(&mut self, finding: &SourceFinding, margin: usize) -> io::Result<()> {
        let function = finding.function.as_ref().map(|name| format!("in {}", shown(name)));
        let place = arrow(ARROW, &at(&finding.mark), margin);
        let (line, below) = beside(place, function.into_iter().collect(), self.terminal.columns());
        self.terminal.line(line)?;
        for text in below {
            self.terminal.wrapped(Line::indented(margin - 1 + ARROW.len()), &text)?;
        }
        Ok(())
    }

    /// The lines that `group` is about; of a place without lines, what there is to say.
    fn marks(
        &mut self,
        group: &[&SourceMark],
        is_own: bool,
        level: Level,
        margin: usize,
    ) -> io::Result<()> {
        let width = self.terminal.columns();
        let bare = group.iter().filter(|mark| mark.lines.is_empty() && !mark.text.is_empty());
        for mark in bare {
            self.terminal.wrapped(Line::indented(margin - 1 + ARROW.len()), &mark.text)?;
        }
        if group.iter().all(|mark| mark.lines.is_empty()) {
            return Ok(());
        }
        for line in draw_marks(group, is_own, level.into(), margin, width) {
            self.terminal.line(line)?;
        }
        Ok(())
    }

    /// What stands below the lines. What was said of one finding is not said again of others like it.
    fn new_remarks(&mut self, finding: &SourceFinding) -> Vec<Remark> {
        let mut remarks = remarks(finding, self.targets);
        if remarks.len() > 1 {
            let key = (finding.rule, remarks);
            match self.told.get(&key) {
                Some(first) => remarks = vec![("notes and help", format!("as at {first}"))],
                None => {
                    remarks = key.1.clone();
                    self.told.insert(key, at(&finding.mark));
                }
            }
        }
        let more = finding.related.len().saturating_sub(PLACES);
        if more > 0 {
            remarks.insert(0, ("note", format!("{} not shown", counted(more, "more place"))));
        }
        remarks.extend(fix::told(finding).map(|fix| ("fix", fix)));
        remarks
    }

    /// What could not be read, what failed, and what accepts nothing.
    fn troubles(&mut self, report: &LintReport) -> io::Result<()> {
        for idle_one in &report.idle_suppressions {
            let place = format!("{}:{}: ", idle_one.path, idle_one.line);
            let line = Line::new().colored(Level::Warning, "warning").plain(": ");
            self.terminal.folded(line.plain(place).plain(idle(idle_one)))?;
        }
        for unread in &report.unread {
            let line = Line::new().colored(Level::Error, "error").plain(": cannot read ");
            let text = format!("{}: {}", unread.path, unread.reason);
            self.terminal.folded(line.plain(text))?;
        }
        for fault in &report.faults {
            self.terminal.folded(troubles::fault(fault))?;
        }
        let all = report.idle_suppressions.len() + report.unread.len() + report.faults.len();
        if all > 0 { self.terminal.blank() } else { Ok(()) }
    }
}

/// Marks of the same line are drawn together, in the order of their first.
pub(super) fn grouped<'m>(
    own: &'m SourceMark,
    related: &'m [SourceMark],
) -> Vec<Vec<&'m SourceMark>> {
    let mut groups: Vec<Vec<&SourceMark>> = vec![vec![own]];
    let single = |mark: &SourceMark| mark.lines.len() == 1;
    for mark in related {
        let same = groups.iter_mut().find(|group| {
            let there = |other: &&SourceMark| {
                other.path == mark.path
                    && other.region.line == mark.region.line
                    && single(other)
                    && single(mark)
            };
            group.first().is_some_and(there)
        });
        match same {
            Some(group) => group.push(mark),
            None => groups.push(vec![mark]),
        }
    }
    groups
}

/// `src/pool.c:57:31`, as editors open it.
pub(super) fn at(mark: &SourceMark) -> String {
    match (mark.region.line, mark.region.column) {
        (0, _) => mark.path.clone(),
        (line, 0) => format!("{}:{line}", mark.path),
        (line, column) => format!("{}:{line}:{column}", mark.path),
    }
}

fn arrow(sign: &str, place: &str, margin: usize) -> Line {
    Line::indented(margin.saturating_sub(1)).colored(Meaning::Structure, sign).plain(place)
}

/// The margin line alone.
fn empty(margin: usize) -> Line {
    Line::indented(margin).colored(Meaning::Structure, " |")
}

/// What stands below the lines but for the fix, each with its name.
pub(super) fn remarks(finding: &SourceFinding, targets: Targets) -> Vec<Remark> {
    let mut remarks: Vec<Remark> = Vec::new();
    remarks.extend(doubt(finding).map(|doubt| ("note", doubt.to_owned())));
    if finding.targets != Targets::ALL {
        let aside = if finding.targets.intersects(targets) { "" } else { " (not asked)" };
        remarks.push(("holds for", format!("{}{aside}", finding.targets)));
    }
    remarks.extend(finding.notes.iter().map(|note| ("note", note.clone())));
    remarks.extend(
        finding.warning.map(|warning| ("note", format!("Code Analysis warns here: {warning}"))),
    );
    remarks.extend(finding.help.iter().map(|help| ("help", help.clone())));
    remarks
}

/// What is not certain about a finding.
pub(super) fn doubt(finding: &SourceFinding) -> Option<&'static str> {
    (finding.confidence == Confidence::Likely).then_some("likely, not certain")
}
