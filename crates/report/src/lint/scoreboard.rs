//! The last line of a report about source, and what stands right above it.

use super::excuse::{is_shown, level};
use super::tally::Tally;
use crate::failing::by_whom;
use crate::format::Options;
use crate::layout::{counted, grouped};
use crate::scoreboard::seconds;
use crate::style::{Line, Meaning, hanging};
use ringfence_finding::{IdleSuppression, Level, LintCoverage, LintReport, SourceFinding};
use std::cmp::Reverse;

/// `12 files (5 parsed), 31 calls of DDIs, all known: 3 errors, 1 warning; 2 can be fixed with --fix (0.02 s)`.
pub(super) fn scoreboard(report: &LintReport, tally: &Tally) -> Line {
    counts(report, tally).plain(format!(" ({})", seconds(report.elapsed)))
}

/// The same without the seconds, for formats that are the same each time.
pub(super) fn counts(report: &LintReport, tally: &Tally) -> Line {
    let mut line = Line::new().plain(format!("{}: ", examined(&report.examined)));
    let levels = [
        (tally.errors, Level::Error),
        (tally.warnings, Level::Warning),
        (tally.notes, Level::Note),
    ];
    let mut before = "";
    for (count, level) in levels.into_iter().filter(|(count, _)| *count > 0) {
        line = line.plain(before).colored(level, counted(count, &level.to_string()));
        before = ", ";
    }
    if report.examined.is_nothing() && tally.findings() == 0 {
        line = line.colored(Meaning::Open, NOTHING);
    } else if tally.findings() == 0 {
        line = line.colored(Meaning::Good, "no findings");
    }
    let idle = report.idle_suppressions.len();
    let rest = [
        tally.excused.told(),
        tally.fixes(),
        (idle > 0).then(|| counted(idle, "idle acceptance")),
        (!report.unread.is_empty()).then(|| format!("{} unread", grouped(report.unread.len()))),
        (!report.faults.is_empty()).then(|| counted(report.faults.len(), "fault")),
    ];
    rest.into_iter().flatten().fold(line, |line, told| line.plain(format!("; {told}")))
}

/// Said where no file was looked at: that nothing was found would be no news.
pub(super) const NOTHING: &str = "nothing to examine, neither sources nor project files";

/// `12 files (5 parsed), 1 project, 31 calls of DDIs, 28 of 31 known (--show all tells the others)`.
pub(super) fn examined(coverage: &LintCoverage) -> String {
    let LintCoverage { files, parsed, not_built, projects, calls, known, open_not_shown } =
        *coverage;
    if coverage.is_nothing() {
        return "0 files".to_owned();
    }
    let not_built = match not_built {
        0 => String::new(),
        some => format!(", {} not built", grouped(some)),
    };
    let mut told = format!("{} ({} parsed{not_built})", counted(files, "file"), grouped(parsed));
    if projects > 0 {
        told += &format!(", {}", counted(projects, "project"));
    }
    told += &match calls {
        0 => ", no calls of DDIs".to_owned(),
        _ => format!(", {} of DDIs", counted(calls, "call")),
    };
    if calls > 0 && known >= calls {
        told += if calls == 1 { ", known" } else { ", all known" };
    } else if calls > 0 {
        told += &format!(", {} of {} known", grouped(known), grouped(calls));
    }
    // Some findings of what is not known are about no call.
    if open_not_shown > 0 {
        let what = if known < calls { "the others" } else { "what else is not known" };
        told += &format!(" (--show all tells {what})");
    }
    told
}

/// What stands above the last line: the page to read first, why nothing fails, and by whose word.
pub(super) fn closing(report: &LintReport, tally: &Tally, options: &Options) -> Vec<Line> {
    let width = options.columns();
    let mut lines = doubts(report, width);
    lines.extend(more(report, options));
    if tally.errors == 0 && tally.excused_errors > 0 {
        let is = if tally.excused_errors == 1 { "is" } else { "are" };
        let text = format!("{} {is} excused", counted(tally.excused_errors, "error"));
        let lead = Line::new().colored(Meaning::Good, "no finding fails").plain(": ");
        lines.extend(hanging(lead, &text, width));
    }
    lines.extend(by_whom(options).iter().flat_map(|text| hanging(Line::new(), text, width)));
    lines
}

/// `for more: ringfence explain executable-pool-type`, and what else can be explained, the gravest first.
fn more(report: &LintReport, options: &Options) -> Vec<Line> {
    let mut shown: Vec<&SourceFinding> =
        report.findings.iter().filter(|finding| is_shown(finding, options)).collect();
    shown.sort_by_key(|finding| (!finding.fails(), Reverse(level(finding))));
    let mut rules: Vec<&str> = Vec::new();
    for finding in shown {
        if !rules.contains(&finding.rule) {
            rules.push(finding.rule);
        }
    }
    let Some((first, others)) = rules.split_first() else { return Vec::new() };
    let text = match others {
        [] => format!("ringfence explain {first}"),
        _ => format!("ringfence explain {first}, or {}", others.join(", ")),
    };
    hanging(Line::new().plain("for more: "), &text, options.columns())
}

/// Doubts that are told; what is beyond is counted.
const DOUBTS: usize = 3;

/// How much of what was looked at is in doubt, and the first of it.
fn doubts(report: &LintReport, width: usize) -> Vec<Line> {
    let count = report.doubts.len();
    if count == 0 {
        return Vec::new();
    }
    let is = if count == 1 { "is" } else { "are" };
    let text = format!("{} {is} in doubt, so macros may be missing", counted(count, "place"));
    let mut lines = hanging(Line::new(), &text, width);
    for doubt in report.doubts.iter().take(DOUBTS) {
        let lead = Line::indented(2).plain(format!("{}:{}: ", doubt.path, doubt.line));
        lines.extend(hanging(lead, &doubt.what, width));
    }
    if count > DOUBTS {
        let rest = format!("and {} more, all with --format json", grouped(count - DOUBTS));
        lines.extend(hanging(Line::indented(2), &rest, width));
    }
    lines
}

/// `allow(executable-pool-type) accepts nothing: there is nothing to accept`.
pub(super) fn idle(idle: &IdleSuppression) -> String {
    format!("`{}` accepts nothing: {}", idle.text, idle.because)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::sample;

    fn told(coverage: LintCoverage) -> String {
        examined(&coverage)
    }

    /// The line that the house's readers know, with its numbers.
    #[test]
    fn what_was_looked_at_is_counted() {
        let all = LintCoverage { files: 12, parsed: 5, calls: 31, known: 31, ..Default::default() };
        assert_eq!(told(all), "12 files (5 parsed), 31 calls of DDIs, all known");
        let some = LintCoverage { known: 28, open_not_shown: 3, projects: 1, ..all };
        assert_eq!(
            told(some),
            "12 files (5 parsed), 1 project, 31 calls of DDIs, 28 of 31 known (--show all tells the others)"
        );
        let shown = LintCoverage { open_not_shown: 0, projects: 0, ..some };
        assert_eq!(told(shown), "12 files (5 parsed), 31 calls of DDIs, 28 of 31 known");
        let left = LintCoverage { not_built: 2, ..all };
        assert_eq!(told(left), "12 files (5 parsed, 2 not built), 31 calls of DDIs, all known");
        let none = LintCoverage { files: 1, ..Default::default() };
        assert_eq!(told(none), "1 file (0 parsed), no calls of DDIs");
    }

    #[test]
    fn the_last_line_adds_up() {
        let report = sample::report();
        let tally = Tally::of(&report);
        let line = scoreboard(&report, &tally).render(false);
        let count = |wanted| {
            let findings = report.findings.iter().filter(|one| one.excuse.is_none());
            findings.filter(|one| level(one) == wanted).count()
        };
        for level in [Level::Error, Level::Warning, Level::Note] {
            assert!(line.contains(&counted(count(level), &level.to_string())), "{line}");
        }
        assert!(line.contains("; 2 accepted, 1 in the baseline; "), "{line}");
        assert!(line.ends_with("; 1 idle acceptance; 2 unread; 1 fault (0.02 s)"), "{line}");
    }
}
