//! Sources whose every string is an attack, through every format.
//!
//! As for drivers: what a format looks like to an independent reader must not depend on what its strings say.

use super::sample::{self, mark, written};
use crate::format::{Format, Options};
use crate::hostile::{attacks, harmful, readers};
use pulldown_cmark::{Event, Options as Flavour, Parser, Tag};
use regex::Regex;
use ringfence_finding::{Excuse, LintReport, SourceExcuse, SourceFinding, SourceMark};

/// The sample's findings in which every foreign string is `text`.
fn report(text: &str) -> LintReport {
    let mut report = sample::report();
    report.findings.iter_mut().for_each(|finding| fill(finding, text));
    for unread in &mut report.unread {
        (unread.path, unread.reason) = (text.to_owned(), text.to_owned());
    }
    for fault in &mut report.faults {
        (fault.path, fault.message) = (text.to_owned(), text.to_owned());
    }
    for idle in &mut report.idle_suppressions {
        (idle.path, idle.text) = (text.to_owned(), text.to_owned());
        idle.because = text.to_owned();
    }
    report
}

fn fill(finding: &mut SourceFinding, text: &str) {
    let own = || text.to_owned();
    finding.path = own();
    finding.function = Some(own());
    finding.argument = Some(own());
    finding.message = format!("`{text}` is {text}");
    finding.notes = vec![own(), format!("it is said to be `{text}`")];
    finding.help = Some(own());
    fill_mark(&mut finding.mark, text);
    finding.related = vec![mark("x", 3, "f(x)", "x", "x"), mark("y", 4, "f(x)", "f", "x")];
    finding.related.iter_mut().for_each(|mark| fill_mark(mark, text));
    if let Some(fix) = &mut finding.fix {
        (fix.title, fix.because) = (own(), Some(own()));
        for edit in &mut fix.edits {
            (edit.path, edit.replacement) = (own(), own());
        }
    }
    match &mut finding.excuse {
        Some(SourceExcuse::Source { reason, path, .. }) => (*reason, *path) = (own(), Some(own())),
        Some(SourceExcuse::Settings(Excuse::Accepted { reason, until })) => {
            (*reason, *until) = (own(), Some(own()));
        }
        _ => {}
    }
}

fn fill_mark(mark: &mut SourceMark, text: &str) {
    mark.path = text.to_owned();
    // Never empty: where there is nothing to say, nothing is said.
    mark.text = format!("at {text}");
    mark.lines.iter_mut().for_each(|line| *line = text.to_owned());
}

fn told(format: Format, text: &str) -> String {
    written(format, &report(text), &Options { docs: sample::options().docs, ..Options::default() })
}

/// What another program makes of it, as far as it must not depend on what strings say.
fn shape(format: Format, text: &str) -> Vec<String> {
    match format {
        Format::Full => readers::full(text),
        Format::Concise => readers::concise(text),
        Format::Summary => readers::last_line(text),
        Format::Json | Format::Jsonl => rules_of(format, text),
        Format::Sarif => readers::sarif(text),
        Format::Html => html(text),
        Format::Junit => readers::junit(text),
        Format::Markdown => markdown(text),
        Format::Github => github(text),
        Format::Csv => csv(text),
        Format::Msvc => msvc(text),
    }
}

fn rules_of(format: Format, text: &str) -> Vec<String> {
    let one = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap();
    let findings = match format {
        Format::Json => one(text)["findings"].as_array().unwrap().clone(),
        _ => text.lines().map(one).collect(),
    };
    findings.iter().map(|finding| format!("finding {}", finding["rule"])).collect()
}

/// Tags but for those that words, lines and marks have: code in backticks, and how many lines there are.
fn html(text: &str) -> Vec<String> {
    let free = ["code", "mark", "span", "li", "/code", "/mark", "/span", "/li"];
    let is_free = |line: &String| {
        let tag = line.split_once('<').unwrap().1.split([' ', '>']).next().unwrap();
        free.contains(&tag)
    };
    readers::html(text).into_iter().filter(|line| !is_free(line)).collect()
}

fn markdown(text: &str) -> Vec<String> {
    assert!(text.len() < 60_000);
    let own_html = Regex::new(
        r#"^(<!-- ringfence lint -->|</?details>|<summary><code>([^<>"']|&[a-z#0-9]+;)*</code>: [a-z-]+</summary>)$"#,
    )
    .unwrap();
    let mut told = Vec::new();
    for event in Parser::new_ext(text, Flavour::all() - Flavour::ENABLE_SMART_PUNCTUATION) {
        match event {
            Event::Html(html) => {
                assert!(own_html.is_match(html.trim_end()), "{html}");
                told.push("html".to_owned());
            }
            Event::Start(Tag::Item) => told.push("item".to_owned()),
            Event::Start(Tag::TableRow) => told.push("row".to_owned()),
            Event::Start(Tag::TableCell) => told.push("cell".to_owned()),
            Event::Start(Tag::CodeBlock(_)) => told.push("block".to_owned()),
            Event::Start(Tag::Link { dest_url, .. }) => {
                assert!(dest_url.starts_with("https://example.org/docs/rules/"), "{dest_url}");
                told.push("link".to_owned());
            }
            Event::Start(Tag::Heading { .. } | Tag::Table(_) | Tag::TableHead) => {}
            Event::Start(Tag::Paragraph | Tag::Strong | Tag::List(_) | Tag::HtmlBlock) => {}
            Event::Start(other) => panic!("{other:?}"),
            Event::End(_) | Event::Text(_) | Event::Code(_) | Event::SoftBreak => {}
            other => panic!("{other:?}"),
        }
    }
    told
}

/// As the runner does: commands at the beginning of a line, and those of the older form anywhere.
fn github(text: &str) -> Vec<String> {
    let command = Regex::new(
        r"^::(error|warning) file=[^,:]*((?:,(?:line|col|endLine|endColumn)=\d+)*),title=([^,:]*)::",
    )
    .unwrap();
    let told = text.lines().map(|line| match command.captures(line) {
        Some(found) => format!("{} {} {}", &found[1], &found[2], &found[3]),
        None => {
            assert!(!line.trim_start().starts_with("::") && !line.contains("##["), "{line}");
            line.to_owned()
        }
    });
    told.collect()
}

/// As MSBuild does; what stands below a finding is a note.
fn msvc(text: &str) -> Vec<String> {
    let is_note = |line: &String| line.contains(": note: ");
    let told = readers::msvc(text).into_iter();
    told.map(|line| if is_note(&line) { "note".to_owned() } else { line }).collect()
}

fn csv(text: &str) -> Vec<String> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let rows = reader.records().map(|row| {
        // The reader fails where a row has more or fewer cells than the first.
        let row = row.unwrap();
        let formula = |cell: &&str| cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\u{ff1d}']);
        assert_eq!(row.iter().find(formula), None);
        format!("row {:?}", &row.iter().collect::<Vec<_>>()[1..9])
    });
    rows.collect()
}

#[test]
fn no_string_changes_what_a_report_is() {
    for format in Format::LINT {
        let plain = told(format, "plain");
        let expected = shape(format, &plain);
        for attack in attacks() {
            let text = told(format, &attack);
            let shown: String = attack.chars().take(60).collect();
            assert_eq!(shape(format, &text), expected, "{format}: {shown:?}");
            let raw = harmful(&text.replace("\r\n", "\n"));
            assert_eq!(raw, harmful(&plain.replace("\r\n", "\n")), "{format}: {shown:?}");
        }
    }
}

/// That the comparison would notice: each format's plain report has all there is.
#[test]
fn the_readers_see_what_there_is() {
    let count = |format, part: &str| {
        let shape = shape(format, &told(format, "plain"));
        shape.iter().filter(|line| line.starts_with(part)).count()
    };
    let findings = sample::report().findings;
    let (all, known) = (findings.len(), findings.iter().filter(|one| one.excuse.is_some()).count());
    assert_eq!((all, known), (13, 3));
    assert_eq!(count(Format::Json, "finding"), all);
    assert_eq!(count(Format::Jsonl, "finding"), all);
    assert_eq!(count(Format::Sarif, "result"), all);
    assert_eq!(count(Format::Full, "finding"), all - known);
    // Findings, an idle acceptance, troubles, the last line twice.
    assert_eq!(count(Format::Concise, ""), all - known + 1 + 3 + 2);
    assert_eq!(count(Format::Csv, "row"), all + 1 + 3);
    assert_eq!(count(Format::Markdown, "row"), all - known);
    assert_eq!(count(Format::Markdown, "item"), 1 + 3);
    assert_eq!(count(Format::Junit, "failure"), 6);
    assert_eq!(count(Format::Github, "error"), 6 + 3);
    assert_eq!(count(Format::Msvc, "error"), 6 + 3);
}
