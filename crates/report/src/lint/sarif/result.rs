//! A finding in source as SARIF's result.

use crate::lint::diff::byte_at;
use crate::lint::excuse::level;
use crate::lint::fix;
use crate::lint::full::{at, doubt};
use crate::safe::is_harmful;
use crate::sarif::model::{
    self, ArtifactChange, Fingerprints, Fix, Location, LogicalLocation, Message, PhysicalLocation,
    Properties, Replacement, Snippet,
};
use crate::sarif::rules::{Rules, level_name};
use crate::sarif::text::{link, name, plain, sentence};
use crate::uri::Uris;
use ringfence_finding::{Region, SourceEdit, SourceFinding, SourceMark, Targets};
use serde_json::json;

/// No result has more places beside its own.
const MOST_RELATED: usize = 20;

/// No fix has more replacements; the JSON report has them all.
const MOST_EDITS: usize = 100;

/// A region with more bytes is not quoted.
const LONGEST_SNIPPET: usize = 1_000;

/// Microsoft's library for SARIF refuses a whole file for one number above this.
const LARGEST: u32 = i32::MAX.unsigned_abs();

/// Makes the result of `finding`.
pub(super) fn of(finding: &SourceFinding, rules: &mut Rules, uris: &mut Uris) -> model::Finding {
    let level = level(finding);
    let (rule_id, rule_index) = rules.of(finding.rule, level);
    let related: Vec<&SourceMark> = finding.related.iter().take(MOST_RELATED).collect();
    let related_locations = related.iter().enumerate().map(|(index, mark)| {
        let what = if mark.text.is_empty() { "there" } else { &mark.text };
        let message = Some(Message::new(sentence(what)));
        Location { id: Some(index + 1), message, ..location(mark, uris) }
    });
    let related_locations = related_locations.collect();
    let mut primary = location(&finding.mark, uris);
    primary.logical_locations = finding.function.iter().map(|name| function(name)).collect();
    // What the mark says is shown beside the line.
    primary.message = Some(&finding.mark.text)
        .filter(|text| !text.is_empty())
        .map(|text| Message::new(sentence(text)));
    model::Finding {
        rule_id,
        rule_index,
        level: level_name(level),
        message: Message::new(message(finding, &related, rules.docs())),
        locations: [primary],
        partial_fingerprints: fingerprints(finding),
        code_flows: Vec::new(),
        related_locations,
        fixes: fix_of(finding, uris).into_iter().collect(),
        properties: properties(finding),
    }
}

fn location(mark: &SourceMark, uris: &mut Uris) -> Location {
    let mut region = region(mark.region);
    region.snippet = quoted(mark).map(|text| Snippet { text: Some(text), rendered: None });
    let artifact_location = uris.scanned(&mark.path);
    let physical_location = PhysicalLocation { artifact_location, region, address: None };
    Location { id: None, physical_location, logical_locations: Vec::new(), message: None }
}

/// `region` with numbers that every reader takes, and with its end behind its beginning.
fn region(region: Region) -> model::Region {
    let number = |number: u32| number.clamp(1, LARGEST);
    let (start_line, start_column) = (number(region.line), number(region.column));
    let end = (number(region.end_line), number(region.end_column));
    let (end_line, end_column) = end.max((start_line, start_column));
    model::Region { start_line, start_column, end_line, end_column, snippet: None }
}

/// What stands in the region, where that is a part of one line and nothing in it hides.
fn quoted(mark: &SourceMark) -> Option<String> {
    let Region { line, column, end_line, end_column } = mark.region;
    let code = mark.lines.first().filter(|_| line == end_line)?;
    let text = code.get(byte_at(code, column)?..byte_at(code, end_column)?)?;
    let shown = text.len() <= LONGEST_SNIPPET && !text.is_empty() && !text.contains(is_harmful);
    shown.then(|| text.to_owned())
}

fn function(function: &str) -> LogicalLocation {
    let (own, fully_qualified_name) = (name(function), name(function));
    LogicalLocation { name: own, fully_qualified_name, kind: "function" }
}

/// What is wrong, as the first sentence, which is what GitHub shows as the title; then what led to it, the notes and
/// the help, a line each.
fn message(finding: &SourceFinding, related: &[&SourceMark], docs: Option<&str>) -> String {
    let mut first = vec![sentence(&finding.message)];
    first.extend(doubt(finding).map(sentence));
    if let Some(function) = &finding.function {
        first.push(plain(&format!("In {function}")) + ".");
    }
    let links: Vec<String> =
        related.iter().enumerate().map(|(index, mark)| link(&at(mark), index + 1)).collect();
    if !links.is_empty() {
        first.push(format!("See {}.", links.join(", ")));
    }
    first.extend(answers(finding));
    let mut lines = vec![first.join(" ")];
    lines.extend(finding.notes.iter().map(|note| sentence(note)));
    let warns = |warning| format!("Code Analysis warns here: {warning}.");
    lines.extend(finding.warning.map(warns));
    lines.extend(finding.help.iter().map(|help| sentence(&format!("Help: {help}"))));
    lines.extend(fix::told(finding).map(|fix| sentence(&format!("Fix: {fix}"))));
    lines.extend(finding.ddi.zip(docs).map(|(ddi, docs)| page(ddi, docs)));
    lines.join("\n")
}

/// `It says no to load, certify.`
fn answers(finding: &SourceFinding) -> Option<String> {
    let questions: Vec<String> = finding.questions.iter().map(ToString::to_string).collect();
    let on = match finding.targets {
        Targets::ALL => String::new(),
        targets => format!(" on {targets}"),
    };
    let any = !questions.is_empty() && !finding.open;
    any.then(|| format!("It says no to {}{on}.", questions.join(", ")))
}

/// `About [MmMapIoSpace](https://…/ddis/MmMapIoSpace.html).`
fn page(ddi: &str, docs: &str) -> String {
    // A link ends at the first parenthesis.
    let docs = docs.replace('(', "%28").replace(')', "%29");
    format!("About [{ddi}]({docs}/ddis/{ddi}.html).")
}

/// What moves no finding to another line makes it another alert.
fn fingerprints(finding: &SourceFinding) -> Fingerprints {
    Fingerprints {
        primary_location_line_hash: finding.fingerprint.clone(),
        ringfence: finding.fingerprint.clone(),
    }
}

/// The fix, file by file; none where it has no edits.
fn fix_of(finding: &SourceFinding, uris: &mut Uris) -> Option<Fix> {
    let one = finding.fix.as_ref()?;
    if one.edits.is_empty() || one.edits.len() > MOST_EDITS {
        return None;
    }
    let mut edits: Vec<&SourceEdit> = one.edits.iter().collect();
    edits.sort_by(|a, b| (&a.path, a.region).cmp(&(&b.path, b.region)));
    let files = edits.chunk_by(|a, b| a.path == b.path);
    let changes = files.filter_map(|edits| {
        let artifact_location = uris.scanned(&edits.first()?.path);
        let replacements = edits.iter().map(|edit| Replacement {
            deleted_region: region(edit.region),
            // As it is: what is inserted must not be changed to be readable.
            inserted_content: Snippet { text: Some(edit.replacement.clone()), rendered: None },
        });
        Some(ArtifactChange { artifact_location, replacements: replacements.collect() })
    });
    let artifact_changes: Vec<ArtifactChange> = changes.collect();
    let description = Message::new(sentence(&fix::told(finding)?));
    Some(Fix { description, artifact_changes })
}

fn properties(finding: &SourceFinding) -> Properties {
    let mut properties = Properties::from([("confidence", json!(finding.confidence))]);
    if !finding.questions.is_empty() {
        properties.insert("deniedQuestions", json!(finding.questions));
    }
    if !finding.reported_by.is_empty() {
        properties.insert("reportedBy", json!(finding.reported_by));
    }
    if finding.targets != Targets::ALL {
        properties.insert("targets", json!(finding.targets.to_string()));
    }
    let words = [("ddi", finding.ddi), ("codeAnalysis", finding.warning)];
    properties.extend(words.into_iter().filter_map(|(key, word)| Some((key, json!(word?)))));
    if let Some(argument) = &finding.argument {
        properties.insert("argument", json!(name(argument)));
    }
    if let Some(fix) = &finding.fix {
        properties.insert("fixSafety", json!(fix.safety));
    }
    if finding.open {
        properties.insert("open", json!(true));
    }
    properties
}
