//! What other programs make of each format, as far as it must not depend on what strings say.

use crate::format::Format;
use html5gum::emitters::default::DefaultEmitter;
use html5gum::{Token, Tokenizer};
use pulldown_cmark::{Event, Options as Flavour, Parser, Tag, TagEnd};
use regex::Regex;
use serde_json::Value;
use std::collections::BTreeMap;

/// The parts of a report, a line each.
pub(super) fn shape(format: Format, text: &str) -> Vec<String> {
    match format {
        Format::Full => full(text),
        Format::Concise => concise(text),
        Format::Summary => last_line(text),
        Format::Json => json(&serde_json::from_str(text).unwrap()),
        Format::Jsonl => jsonl(text),
        Format::Sarif => sarif(text),
        Format::Html => html(text),
        Format::Junit => junit(text),
        Format::Markdown => markdown(text),
        Format::Github => github(text),
        Format::Csv => csv(text),
        Format::Msvc => msvc(text),
    }
}

pub(crate) fn last_line(text: &str) -> Vec<String> {
    text.lines().last().map(str::to_owned).into_iter().collect()
}

/// What begins a line of its own: everything else is indented.
pub(crate) fn full(text: &str) -> Vec<String> {
    let begins = Regex::new(r"^(error|warning|note)\[([a-z-]+)\]:( |$)").unwrap();
    let findings = text.lines().filter_map(|line| begins.captures(line));
    let findings = findings.map(|found| format!("finding {} {}", &found[1], &found[2]));
    findings.chain(last_line(text)).collect()
}

pub(crate) fn concise(text: &str) -> Vec<String> {
    text.lines().map(|_| "line".to_owned()).chain(last_line(text)).collect()
}

fn json(report: &Value) -> Vec<String> {
    let list = |name: &str| report[name].as_array().unwrap();
    let troubles = format!("{} {}", list("unread").len(), list("faults").len());
    list("drivers").iter().flat_map(examination).chain([troubles]).collect()
}

fn jsonl(text: &str) -> Vec<String> {
    text.lines().flat_map(|line| examination(&serde_json::from_str(line).unwrap())).collect()
}

fn examination(driver: &Value) -> Vec<String> {
    let findings = driver["findings"].as_array().unwrap();
    let findings = findings.iter().map(|finding| format!("finding {}", finding["rule"]));
    std::iter::once("driver".to_owned()).chain(findings).collect()
}

pub(crate) fn sarif(text: &str) -> Vec<String> {
    if text.is_empty() {
        return Vec::new();
    }
    let log: Value = serde_json::from_str(text).unwrap();
    let results = |run: &Value| run["results"].as_array().cloned().unwrap_or_default();
    let runs = log["runs"].as_array().unwrap();
    runs.iter().flat_map(results).map(|result| format!("result {}", result["ruleId"])).collect()
}

/// Tags with their attributes, how often each; the text between is free.
pub(crate) fn html(text: &str) -> Vec<String> {
    let mut emitter = DefaultEmitter::default();
    // Without, the tokenizer would look for tags in scripts.
    emitter.naively_switch_states(true);
    let mut tags = BTreeMap::<String, usize>::new();
    for token in Tokenizer::new_with_emitter(text, emitter) {
        let told = match token.unwrap() {
            Token::StartTag(tag) => {
                let keys = tag.attributes.keys().map(|key| String::from_utf8_lossy(key));
                let keys: Vec<_> = keys.collect();
                format!("<{} {}>", String::from_utf8_lossy(&tag.name), keys.join(" "))
            }
            Token::EndTag(tag) => format!("</{}>", String::from_utf8_lossy(&tag.name)),
            Token::Comment(_) => "comment".to_owned(),
            Token::Error(error) => panic!("{error:?}"),
            Token::String(_) | Token::Doctype(_) => continue,
        };
        *tags.entry(told).or_default() += 1;
    }
    tags.into_iter().map(|(tag, count)| format!("{count} {tag}")).collect()
}

pub(crate) fn junit(text: &str) -> Vec<String> {
    let document = roxmltree::Document::parse(text).unwrap();
    let elements = document.descendants().filter(roxmltree::Node::is_element);
    let told = elements.map(|node| {
        assert!(node.children().all(|child| child.is_element() || child.is_text()));
        let attributes: Vec<_> = node.attributes().map(|attribute| attribute.name()).collect();
        let kind = node.attribute("type").unwrap_or_default();
        format!("{} {} {kind}", node.tag_name().name(), attributes.join(" "))
    });
    told.collect()
}

/// Blocks, links and HTML. How much of a line is code depends on its words, but what GitHub would look at for
/// mentions and references must be none of them.
fn markdown(text: &str) -> Vec<String> {
    assert!(text.len() < 60_000);
    let own_html = Regex::new(
        r#"^(<!-- ringfence -->|</?details>|<summary>[0-9a-z ,]+</summary>|<summary><code>([^<>"']|&[a-z#0-9]+;)*</code>: load \w+ · run \w+ · certify \w+</summary>)$"#,
    )
    .unwrap();
    let linked = Regex::new(r"@|#\d|://|www\.|(?i)gh-\d").unwrap();
    let (mut told, mut in_block, mut cell) = (Vec::new(), false, None::<String>);
    for event in Parser::new_ext(text, Flavour::all() - Flavour::ENABLE_SMART_PUNCTUATION) {
        match event {
            Event::Html(html) => {
                let html = html.trim_end();
                assert!(own_html.is_match(html), "{html}");
                told.push("html".to_owned());
            }
            Event::Start(Tag::Item) => told.push("item".to_owned()),
            Event::Start(Tag::TableRow) => told.push("row".to_owned()),
            Event::Start(Tag::TableCell) => cell = Some(String::new()),
            // A bar in the first cell would move the answers to the right, and the last out of sight.
            Event::End(TagEnd::TableCell) => {
                told.extend(cell.take().filter(|text| !text.is_empty()));
            }
            Event::Start(Tag::CodeBlock(kind)) => {
                in_block = true;
                told.push(format!("{kind:?}"));
            }
            Event::End(TagEnd::CodeBlock) => in_block = false,
            Event::Start(tag) => told.push(format!("{tag:?}")),
            Event::Text(text) if !in_block => {
                assert!(!linked.is_match(&text), "{text}");
                if let Some(cell) = &mut cell {
                    cell.push_str(&text);
                }
            }
            Event::End(_) | Event::Text(_) | Event::Code(_) => {}
            other => panic!("{other:?}"),
        }
    }
    told
}

/// As the runner does: commands at the beginning of a line, and those of the older form anywhere.
fn github(text: &str) -> Vec<String> {
    let command =
        Regex::new(r"^::(error|warning|notice) file=[^,:]*(?:,line=\d+)?,title=([^,:]*)::(.*)$")
            .unwrap();
    let told = text.lines().map(|line| match command.captures(line) {
        // Whether there is a line depends on the file: only one of the repository has any.
        Some(found) => found[1].to_owned(),
        None => {
            assert!(!line.trim_start().starts_with("::") && !line.contains("##["), "{line}");
            line.to_owned()
        }
    });
    told.collect()
}

fn csv(text: &str) -> Vec<String> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let rows = reader.records().map(|row| {
        // The reader fails where a row has more or fewer cells than the first.
        let row = row.unwrap();
        let formula = row.iter().find(|cell| {
            cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\u{ff1d}', '\u{ff0b}'])
        });
        assert_eq!(formula, None);
        format!("row {:?}", &row.iter().collect::<Vec<_>>()[6..9])
    });
    rows.collect()
}

/// As MSBuild does, each line for itself.
pub(crate) fn msvc(text: &str) -> Vec<String> {
    let canonical = Regex::new(
        r"(?i)^\s*(?:(?P<origin>(?:(?:\d+>)?[a-zA-Z]?:[^:]*)|(?:[^:]*)):|)(?P<sub>|[^:]*? )(?P<category>error|warning)(?: \s*(?P<code>[^: ]*))?\s*:(?P<text>.*)$",
    )
    .unwrap();
    let told = text.lines().map(|line| match canonical.captures(line) {
        Some(found) => format!("{} {}", &found["category"], &found["code"]),
        None if line.contains(": note ") => "note".to_owned(),
        None => line.to_owned(),
    });
    told.collect()
}
