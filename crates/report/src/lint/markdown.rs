//! Markdown, short enough for a comment on a pull request: what fails first, in a table of all that fit, and the
//! lines of the first few folded up below.

use super::diff::{self, Step};
use super::excuse::level;
use super::fix;
use super::full::{at, doubt, quoted};
use super::scoreboard::{counts, idle};
use super::tally::Tally;
use crate::drawing::shown_code;
use crate::format::Options;
use crate::idle::told;
use crate::layout::{counted, grouped, shortened};
use crate::markdown::prose::{block, code_cell, html, sentence};
use crate::markdown::{LONGEST, PATH, SENTENCE, TROUBLES, fitting};
use ringfence_finding::{Level, LintReport, Safety, SourceFinding};
use std::cmp::Reverse;
use std::io;

/// By which a comment is found again, to write the next report over it; it is none of reports about drivers.
const MARKER: &str = "<!-- ringfence lint -->\n";

/// What the table may take.
const TABLE: usize = 24_000;

/// What the notes about what is left out take at most.
const NOTES: usize = 600;

/// Findings whose lines are shown.
const DETAILS: usize = 20;

/// Columns of a line of source, and lines of one finding.
const WIDTH: usize = 180;
const LINES: usize = 40;

const HEADINGS: &str = "| place | finding | fix |\n|---|---|---|\n";

pub(super) fn write(
    report: &LintReport,
    options: &Options,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let tally = Tally::of(report);
    let mut text = heading(report, &tally, options);
    let counts = counts(report, &tally).render(false);
    text += &format!("{counts}. Asked about {}.\n", report.targets);
    let mut findings: Vec<&SourceFinding> =
        report.findings.iter().filter(|finding| finding.excuse.is_none()).collect();
    findings.sort_by_key(|finding| (!finding.fails(), Reverse(level(finding))));
    let troubles = troubles(report);
    let mut room = LONGEST.saturating_sub(text.len() + troubles.len() + NOTES);
    // No more rows than there is room for need be made.
    let rows: Vec<String> = findings.iter().take(TABLE / 20).map(|one| row(one, options)).collect();
    let shown = fitting(rows.iter().map(String::as_str), room.min(TABLE));
    if shown > 0 {
        text += &format!("\n{HEADINGS}");
        text.extend(rows[..shown].iter().map(String::as_str));
    }
    if findings.len() > shown {
        let more = counted(findings.len() - shown, "finding");
        text += &format!("\n… {more} more, none of them worse; `--format full` lists them all.\n");
    }
    room = room.saturating_sub(rows[..shown].iter().map(String::len).sum::<usize>());
    let details = findings.iter().filter(|finding| level(finding) > Level::Note).take(DETAILS);
    let details =
        details.map(|finding| details_of(finding, report)).collect::<io::Result<Vec<_>>>()?;
    let told = fitting(details.iter().map(String::as_str), room);
    text.extend(details[..told].iter().map(String::as_str));
    text += &troubles;
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// The marker, and the heading, which says whether the check fails.
fn heading(report: &LintReport, tally: &Tally, options: &Options) -> String {
    let told = match (tally.errors, tally.levels()) {
        (0, None) if report.examined.is_nothing() => "nothing to examine".to_owned(),
        (0, None) => "no findings".to_owned(),
        (0, Some(levels)) => format!("no failure, {levels}"),
        (errors, _) if options.exit_zero => {
            format!("{}, which fail nothing", counted(errors, "error"))
        }
        (errors, _) => counted(errors, "error"),
    };
    match report.faults.len() + report.unread.len() {
        0 => format!("{MARKER}### ringfence lint: {told}\n\n"),
        missing => {
            let missing = counted(missing, "file");
            format!("{MARKER}### ringfence lint: {told}, {missing} not examined\n\n")
        }
    }
}

/// ``| `src/pool.c:57` | **error** `rule`: what is wrong | pass `NonPagedPoolNx` (safe) |``
fn row(finding: &SourceFinding, options: &Options) -> String {
    let rule = match &options.docs {
        Some(docs) => format!("[`{0}`](<{docs}/rules/{0}.html>)", finding.rule),
        None => format!("`{}`", finding.rule),
    };
    let doubt = doubt(finding).map(|doubt| format!(" ({doubt})")).unwrap_or_default();
    let fix = fix::told(finding).map_or_else(|| "-".to_owned(), |fix| cell(&fix));
    let star = match finding.fix.as_ref().map(|one| one.safety) {
        Some(Safety::Safe) => "🔧 ",
        _ => "",
    };
    let (level, message) = (level(finding), cell(&finding.message));
    let place = code_cell(&at(&finding.mark), PATH);
    format!("| {place} | **{level}** {rule}: {message}{doubt} | {star}{fix} |\n")
}

/// A sentence in a cell of a table, which a bar would end even in code.
fn cell(text: &str) -> String {
    sentence(&text.replace('|', "\\|"), SENTENCE)
}

/// The lines of a finding, and those that a fix makes of them.
fn details_of(finding: &SourceFinding, report: &LintReport) -> io::Result<String> {
    let place = html(&at(&finding.mark), PATH);
    let mut told = format!(
        "\n<details>\n<summary><code>{place}</code>: {}</summary>\n\n",
        html(finding.rule, PATH)
    );
    let text = quoted([finding], report.targets)?;
    let lines = text.trim_end().lines().take(LINES).map(|line| shortened(line, WIDTH));
    told += &block(&lines.collect::<Vec<_>>(), "");
    let steps = diff::of(finding).into_iter().take(LINES);
    let steps: Vec<String> = steps.map(line).collect();
    if !steps.is_empty() {
        told += &format!("\n{}", block(&steps, "").replacen("text\n", "diff\n", 1));
    }
    Ok(told + "\n</details>\n")
}

fn line(step: Step) -> String {
    match step {
        Step::Place(place) => format!("@@ {}", shortened(&place, WIDTH)),
        Step::Gone(line) => format!("-{}", shown_code(&line, WIDTH)),
        Step::New(line) => format!("+{}", shown_code(&line, WIDTH)),
        Step::More(more) => format!("@@ {}", counted(more, "more edit")),
    }
}

/// What could not be read, what failed in ringfence itself, and what accepts nothing.
fn troubles(report: &LintReport) -> String {
    let faults = report.faults.iter().map(|fault| {
        let text = format!("ringfence failed here, please report it: {}", fault.message);
        (fault.path.clone(), text)
    });
    let unread = report
        .unread
        .iter()
        .map(|unread| (unread.path.clone(), format!("could not be read: {}", unread.reason)));
    let suppressions = report.idle_suppressions.iter();
    let suppressions = suppressions.map(|one| (format!("{}:{}", one.path, one.line), idle(one)));
    let acceptances = told(&report.acceptances).map(|(place, text)| (place.to_owned(), text));
    list("Not examined", faults.chain(unread).collect())
        + &list("Accept nothing", suppressions.chain(acceptances).collect())
}

fn list(title: &str, entries: Vec<(String, String)>) -> String {
    if entries.is_empty() {
        return String::new();
    }
    let lines = entries.iter().take(TROUBLES).map(|(path, text)| {
        format!("- {}: {}\n", crate::markdown::prose::code(path, PATH), sentence(text, SENTENCE))
    });
    let mut told = format!("\n**{title}**\n\n{}", lines.collect::<String>());
    if entries.len() > TROUBLES {
        told += &format!("- … {} more\n", grouped(entries.len() - TROUBLES));
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Format;
    use crate::lint::sample;
    use pulldown_cmark::{Event, Options as Flavour, Parser, Tag};

    fn count(text: &str, wanted: impl Fn(&Tag<'_>) -> bool) -> usize {
        let events = Parser::new_ext(text, Flavour::ENABLE_TABLES);
        events.filter(|event| matches!(event, Event::Start(tag) if wanted(tag))).count()
    }

    /// As another program renders it.
    #[test]
    fn each_finding_is_a_row() {
        let report = sample::report();
        let text = sample::written(Format::Markdown, &report, &sample::options());
        let told = report.findings.iter().filter(|finding| finding.excuse.is_none()).count();
        assert_eq!(count(&text, |tag| *tag == Tag::TableRow), told, "{text}");
        // Headings and rows have three cells, whatever is in them.
        assert_eq!(count(&text, |tag| *tag == Tag::TableCell), 3 * (told + 1));
        assert!(text.starts_with("<!-- ringfence lint -->\n### ringfence lint: "), "{text}");
        assert!(text.contains("```diff\n@@ src/pool.c:57:36\n-    buffer = "), "{text}");
        assert_eq!(text.matches("<details>").count(), text.matches("</details>").count());
    }

    #[test]
    fn it_fits_into_a_comment() {
        let mut long = sample::safe();
        long.message = "`|<#1 ".repeat(400);
        let report = sample::with(vec![long; 5_000]);
        let text = sample::written(Format::Markdown, &report, &Options::default());
        assert!(text.len() < LONGEST, "{}", text.len());
        let rows = count(&text, |tag| *tag == Tag::TableRow);
        assert!(text.contains(&format!("… {} more", counted(5_000 - rows, "finding"))), "{text}");
    }
}
