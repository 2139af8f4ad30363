//! One line a finding: easy to sort, to grep and to click.

use super::excuse::{is_shown, level};
use super::full::{at, doubt};
use super::scoreboard::{idle, scoreboard};
use super::tally::Tally;
use crate::format::Options;
use crate::scoreboard as troubles;
use crate::style::{Line, Terminal};
use ringfence_finding::{Level, LintReport, Safety, SourceFinding};
use std::io;

pub(super) fn write(
    report: &LintReport,
    options: &Options,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let mut terminal = Terminal::new(Box::new(out), options.clone());
    for finding in report.findings.iter().filter(|finding| is_shown(finding, options)) {
        let title = format!("{}[{}]", level(finding), finding.rule);
        terminal.line(line(&at(&finding.mark), level(finding), &title, &message(finding)))?;
    }
    for one in &report.idle_suppressions {
        let place = format!("{}:{}", one.path, one.line);
        terminal.line(line(&place, Level::Warning, "warning[idle-acceptance]", &idle(one)))?;
    }
    for unread in &report.unread {
        terminal.line(line(&unread.path, Level::Error, "error[unread]", &unread.reason))?;
    }
    for fault in &report.faults {
        terminal.line(troubles::fault(fault))?;
    }
    terminal.last_line(scoreboard(report, &Tally::of(report)))?;
    terminal.flush()
}

/// What is wrong, with a star where `--fix` mends it.
fn message(finding: &SourceFinding) -> String {
    let doubt = doubt(finding).map(|doubt| format!(" ({doubt})")).unwrap_or_default();
    let is_safe = finding.fix.as_ref().is_some_and(|fix| fix.safety == Safety::Safe);
    let star = if is_safe && !finding.open { " [*]" } else { "" };
    format!("{}{doubt}{star}", finding.message)
}

fn line(place: &str, level: Level, title: &str, message: &str) -> Line {
    Line::new().plain(format!("{place}: ")).colored(level, title).plain(" ").plain(message)
}
