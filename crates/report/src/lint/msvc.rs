//! One line a finding in the form of Microsoft's compilers, which MSBuild and IDEs take: `file(line): warning C30030:
//! text [rule]`. What Code Analysis has no number for has the rule as its code.
//!
//! As in reports about drivers, only what makes the run fail is an error, and no other line may pass for one. What
//! led to a finding stands below it in lines of the level note.

use super::excuse::{is_shown, weighed};
use super::fix;
use super::full::doubt;
use super::scoreboard::{counts, idle};
use super::tally::Tally;
use crate::format::Options;
use crate::msvc::{disarmed, origin};
use crate::safe::safe;
use ringfence_finding::{Level, LintReport, SourceFinding, SourceMark};
use std::io;

/// Places beside its own that are told of a finding.
const PLACES: usize = 8;

pub(super) fn write(
    report: &LintReport,
    options: &Options,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    for finding in report.findings.iter().filter(|finding| is_shown(finding, options)) {
        tell(finding, options, out)?;
    }
    for one in &report.idle_suppressions {
        let place = format!("{}({})", origin(&one.path), one.line);
        writeln!(out, "{place}: warning idle-acceptance: {}", safe(&idle(one)))?;
    }
    for fault in &report.faults {
        let text = format!("ringfence failed here, please report it: {}", fault.message);
        writeln!(out, "{} : error fault-{}: {}", origin(&fault.path), fault.rule, safe(&text))?;
    }
    for unread in &report.unread {
        writeln!(out, "{} : error unread: {}", origin(&unread.path), safe(&unread.reason))?;
    }
    writeln!(out, "{}", counts(report, &Tally::of(report)).render(false))?;
    out.flush()
}

fn tell(finding: &SourceFinding, options: &Options, out: &mut dyn io::Write) -> io::Result<()> {
    let place = place(&finding.mark);
    let doubt = doubt(finding).map(|doubt| format!(" ({doubt})")).unwrap_or_default();
    let text = format!("{}{doubt} [{}]", finding.message, finding.rule);
    match weighed(finding, options) {
        Level::Note => note(&place, &text, out)?,
        level => {
            // A rule that is its own code need not be told twice.
            let text = match finding.warning {
                Some(_) => text,
                None => format!("{}{doubt}", finding.message),
            };
            let code = finding.warning.unwrap_or(finding.rule);
            writeln!(out, "{place}: {level} {code}: {}", safe(&text))?;
        }
    }
    for mark in finding.related.iter().filter(|mark| !mark.text.is_empty()).take(PLACES) {
        note(&self::place(mark), &mark.text, out)?;
    }
    let help = finding.help.iter().map(|help| format!("help: {help}"));
    let fix = fix::told(finding).map(|fix| format!("fix: {fix}"));
    for text in finding.notes.iter().cloned().chain(help).chain(fix) {
        note(&place, &text, out)?;
    }
    Ok(())
}

fn note(place: &str, text: &str, out: &mut dyn io::Write) -> io::Result<()> {
    writeln!(out, "{}", disarmed(&format!("{place}: note: {}", safe(text))))
}

/// `src\pool.c(57)`.
fn place(mark: &SourceMark) -> String {
    match mark.region.line {
        0 => format!("{} ", origin(&mark.path)),
        line => format!("{}({line})", origin(&mark.path)),
    }
}

#[cfg(test)]
mod tests {
    use crate::lint::sample;
    use crate::{Format, Options};
    use regex::Regex;

    /// The main expression of MSBuild's CanonicalError.cs, in this library's spelling.
    fn canonical() -> Regex {
        Regex::new(
            r"(?i)^\s*(?:(?P<origin>(?:(?:\d+>)?[a-zA-Z]?:[^:]*)|(?:[^:]*)):|)(?P<sub>|[^:]*? )(?P<category>error|warning)(?: \s*(?P<code>[^: ]*))?\s*:(?P<text>.*)$",
        )
        .unwrap()
    }

    fn read(options: &Options) -> Vec<[String; 4]> {
        let text = sample::written(Format::Msvc, &sample::report(), options);
        let canonical = canonical();
        // The second expression of CanonicalError.cs, for Clang and GCC, which is asked where the first takes nothing.
        let clang = Regex::new(r"(?i)^\s*.*:[0-9]*:[0-9]*:( error| warning):.*").unwrap();
        let found = text.lines().filter_map(|line| {
            let found = canonical.captures(line);
            assert!(found.is_some() || !clang.is_match(line), "{line}");
            found
        });
        let part = ["origin", "category", "code", "text"];
        found.map(|found| part.map(|name| found[name].trim().to_owned())).collect()
    }

    #[test]
    fn msbuild_reads_findings_with_their_place() {
        let lines = read(&Options::default());
        let message = "memory is requested from an executable pool [executable-pool-type]";
        assert_eq!(lines[0], ["src/pool.c(57)", "error", "C30030", message]);
        let line = [
            "drv.vcxproj(40)",
            "error",
            "writable-executable-section",
            "section `INIT` is writable and executable",
        ];
        assert!(lines.contains(&line.map(str::to_owned)), "{lines:?}");
        assert!(lines.iter().any(|[origin, category, code, _]| {
            [&**origin, category, code] == ["src/old.c(12)", "warning", "idle-acceptance"]
        }));
        // What fails, what could not be read, and the fault.
        let findings = sample::report().findings;
        let failing = findings.iter().filter(|finding| finding.fails()).count();
        let errors = lines.iter().filter(|[_, category, ..]| category == "error").count();
        assert_eq!(errors, failing + 2 + 1);
        let warnings = lines.iter().filter(|[_, category, ..]| category == "warning").count();
        assert_eq!(warnings, 2 + 1);
    }

    /// MSBuild fails a command that prints an error.
    #[test]
    fn with_exit_zero_no_finding_is_an_error() {
        let zero = Options { exit_zero: true, ..Options::default() };
        let lines = read(&zero);
        let errors = lines.iter().filter(|[_, category, ..]| category == "error");
        assert!(
            errors
                .into_iter()
                .all(|[_, _, code, _]| code == "unread" || code.starts_with("fault-"))
        );
        assert!(
            lines.iter().any(|[_, category, code, _]| category == "warning" && code == "C30030")
        );
    }
}
