//! What was found in one driver, folded up.

use super::prose::{block, code, html, sentence};
use super::{PATH, SENTENCE};
use crate::answers::{answers, whys};
use crate::excuse::Excused;
use crate::full::doubt;
use crate::layout::{counted, grouped, shortened};
use crate::style::Meaning;
use crate::{Options, drawing, excuse, source, witness};
use ringfence_finding::{Answer, Examination, Finding, Level, Question, SourcePlace};
use std::cmp::Reverse;

/// Findings of one driver that are told.
const FINDINGS: usize = 10;

/// Bytes of the findings of one driver, beyond which no further one is begun.
const ROOM: usize = 10_000;

/// Columns of a drawing, as many as a comment shows without scrolling.
const WIDTH: usize = 90;

/// Lines of a drawing.
const LINES: usize = 40;

/// Notes of a finding, and defects of a driver.
const FEW: usize = 4;

/// Columns of a name.
const NAME: usize = 100;

/// The details of `driver`; nothing where there is nothing to tell.
pub(super) fn of(driver: &Examination, options: &Options) -> String {
    let loads = driver.verdict.load != Answer::No;
    let whys: Vec<_> = whys(&driver.verdict)
        .into_iter()
        // Why *run* is unknown when *load* is no goes without saying.
        .filter(|why| why.answer == Answer::Unknown && (loads || why.questions != [Question::Run]))
        .collect();
    if driver.findings.is_empty() && driver.defects.is_empty() && whys.is_empty() {
        return String::new();
    }
    let mut told = format!(
        "\n<details>\n<summary><code>{}</code>: {}</summary>\n\n",
        html(&driver.path, PATH),
        answers(&driver.verdict).render(false)
    );
    told += &of_findings(driver, options);
    for defect in driver.defects.iter().take(FEW) {
        told += &format!("- malformed: {}\n", sentence(&defect.message, SENTENCE));
    }
    if driver.defects.len() > FEW {
        told += &format!("- … {} malformed parts more\n", grouped(driver.defects.len() - FEW));
    }
    for why in whys {
        told += &format!("- {} unknown: {}\n", why.asked(), sentence(&why.text, SENTENCE));
    }
    if let Some(text) = excuse::answers(driver) {
        told += &format!("- {text}\n");
    }
    told + "\n</details>\n"
}

/// First what is to be acted on; then, folded up once more, what is excused or a mere note, in a line each.
fn of_findings(driver: &Examination, options: &Options) -> String {
    let is_quiet = |finding: &&Finding| finding.excuse.is_some() || finding.level == Level::Note;
    let (mut quiet, mut loud): (Vec<&Finding>, Vec<&Finding>) =
        driver.findings.iter().partition(is_quiet);
    loud.sort_by_key(|finding| Reverse(finding.level));
    quiet.sort_by_key(|finding| (finding.excuse.is_some(), Reverse(finding.level)));
    let mut told = String::new();
    let mut shown = 0;
    for finding in loud.iter().take(FINDINGS) {
        if told.len() > ROOM {
            break;
        }
        told += &of_finding(finding, options);
        shown += 1;
    }
    told += &more(loud.len() - shown);
    if quiet.is_empty() {
        return told;
    }
    let listed = quiet.len().min(FINDINGS - shown);
    let lines = quiet.iter().take(listed).map(|finding| in_a_line(finding, options));
    let lines: String = lines.chain([more(quiet.len() - listed)]).collect();
    if loud.is_empty() {
        return lines;
    }
    let notes = quiet.iter().filter(|finding| finding.excuse.is_none()).count();
    let notes = (notes > 0).then(|| counted(notes, "note"));
    let kinds: Vec<String> = notes.into_iter().chain(Excused::of(driver).told()).collect();
    told + &format!("<details>\n<summary>{}</summary>\n\n{lines}\n</details>\n\n", kinds.join(", "))
}

fn more(untold: usize) -> String {
    if untold == 0 {
        return String::new();
    }
    format!("- … {} more\n", counted(untold, "finding"))
}

/// A finding that fails nothing, without what helps to mend it.
fn in_a_line(finding: &Finding, options: &Options) -> String {
    let excuse = finding.excuse.as_ref().map(excuse::told);
    let excuse = excuse.map(|told| format!(" – {}", sentence(&told, SENTENCE)));
    format!("{}{}\n", lead(finding, options), excuse.unwrap_or_default())
}

fn of_finding(finding: &Finding, options: &Options) -> String {
    let mut told = lead(finding, options) + "\n";
    if let Some(evidence) = &finding.evidence {
        let lines = drawing::draw(evidence, Meaning::Plain, WIDTH).into_iter().take(LINES);
        let lines: Vec<String> =
            lines.map(|line| shortened(&line.render(false), 2 * WIDTH)).collect();
        told += &format!("\n{}", block(&lines, "  "));
    }
    for (_, text) in witness::remarks("", &finding.seen, false) {
        told += &format!("\n  Seen by {}\n", sentence(&text, SENTENCE));
    }
    for note in finding.notes.iter().take(FEW) {
        told += &format!("\n  Note: {}\n", sentence(note, SENTENCE));
    }
    if let Some(help) = &finding.help {
        told += &format!("\n  Help: {}\n", sentence(help, SENTENCE));
    }
    // The next finding is an entry of the same list.
    told + "\n"
}

/// `- **error** rule: what was found, and where`.
fn lead(finding: &Finding, options: &Options) -> String {
    let rule = match &options.docs {
        Some(docs) => format!("[`{0}`](<{docs}/rules/{0}.html>)", finding.rule),
        None => format!("`{}`", finding.rule),
    };
    let doubt = doubt(finding).map(|doubt| format!(" ({doubt})")).unwrap_or_default();
    let message = sentence(&finding.message, SENTENCE);
    format!("- **{}** {rule}: {message}{doubt}{}", finding.level, place(finding))
}

/// `, at +1a45 in .text, Allocate, src/pool.c:57`, the names as code.
fn place(finding: &Finding) -> String {
    let mut places = Vec::new();
    if let Some(rva) = finding.rva {
        let section = finding.section.as_ref();
        let section = section.map(|name| format!(" in {}", code(name, NAME))).unwrap_or_default();
        places.push(format!("at `+{rva:x}`{section}"));
    }
    if let Some(source) = &finding.source {
        let function = source.function.as_deref();
        places.extend(function.map(|name| format!("in {}", code(name, NAME))));
        // Function and library are told apart from file and line, each as code of its own.
        let file = SourcePlace { function: None, library: None, ..source.clone() };
        places.extend(source::brief(&file).map(|line| code(&line, PATH)));
        let library = SourcePlace { library: source.library.clone(), ..SourcePlace::default() };
        places.extend(source::brief(&library).map(|text| sentence(&text, NAME)));
    }
    if places.is_empty() { String::new() } else { format!(", {}", places.join(", ")) }
}
