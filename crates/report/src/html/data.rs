//! What the page's script draws of one driver: what is shown and no more, with the sentences that need words
//! already made, so that they are those of the other formats.

use super::texts::{Ref, Texts};
use crate::layout::file_name;
use crate::safe::safe;
use crate::{coverage, full, source, witness};
use ringfence_finding::{
    Answer, Confidence, DebugFile, DebugSymbols, Defect, Evidence, Examination, Excuse, Finding,
    Imported, Level, Listing, Question, Section, Table, Version,
};
use serde::Serialize;

/// Modules, defects and section headers beyond these are only counted: a mangled file may have thousands.
const LONGEST_LIST: usize = 1_000;

/// A driver's own page.
#[derive(Serialize)]
pub(super) struct Driver<'a> {
    path: &'a str,
    size: u64,
    machine: &'a str,
    /// To each question.
    answers: Vec<Answered>,
    excused: &'a [Question],
    examined: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    symbols: Option<String>,
    findings: Vec<Found<'a>>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    defects: &'a [Defect],
    defect_count: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<&'a str>,
    /// SHA-1 and SHA-256 of what a signature covers.
    #[serde(skip_serializing_if = "Option::is_none")]
    authentihash: Option<[&'a str; 2]>,
    facts: Facts<'a>,
    mitigations: Ref,
    sections: Vec<Region<'a>>,
    section_count: usize,
    imports: Vec<(&'a str, usize, bool)>,
    import_count: usize,
}

/// Facts that need no words of their own.
#[derive(Serialize)]
struct Facts<'a> {
    format: &'a str,
    subsystem: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    hybrid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    entry_point: Option<u32>,
    section_alignment: u32,
    file_alignment: u32,
    size_of_image: u32,
    linker: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    toolset: Option<&'a str>,
    timestamp: u32,
    reproducible: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    debug_file: Option<&'a DebugFile>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a Version>,
    certificate_table: u32,
    exports: usize,
}

/// An answer and why it is what it is.
#[derive(Serialize)]
struct Answered {
    answer: Answer,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    because: Vec<Because>,
}

/// A rule with its first finding's message, or what was not examined; how often, and whether it is only likely.
#[derive(Serialize)]
struct Because {
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'static str>,
    text: Ref,
    times: usize,
    likely: bool,
}

/// A section as its header states it, for the memory map.
#[derive(Serialize)]
struct Region<'a> {
    name: &'a str,
    rva: u32,
    virtual_size: u32,
    raw_offset: u32,
    raw_size: u32,
    rights: &'a str,
    discardable: bool,
}

#[derive(Serialize)]
struct Found<'a> {
    rule: &'static str,
    level: Level,
    message: &'a str,
    /// As debuggers write an address in a module.
    place: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    rva: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    section: Option<&'a str>,
    /// The function, or the structure of the image.
    #[serde(skip_serializing_if = "Option::is_none")]
    within: Option<String>,
    /// Source line, object and library; then what was inlined there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    origin: Vec<String>,
    questions: &'a [Question],
    #[serde(skip_serializing_if = "Option::is_none")]
    ddi: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    argument: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<Drawn<'a>>,
    remarks: Vec<(&'static str, Ref)>,
    fingerprint: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    excuse: Option<&'a Excuse>,
}

/// Evidence with marks where they stand in what is shown of a text, which may be escaped.
#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Drawn<'a> {
    Table { structure: &'a str, columns: &'a [&'a str], rows: Vec<Cells<'a>>, marks: Vec<Cell<'a>> },
    Listing { lines: Vec<Code<'a>>, marks: Vec<Part<'a>> },
}

/// The label in the margin, and the cells.
type Cells<'a> = (&'a str, &'a [String]);
/// Row, column and text of a mark in a table.
type Cell<'a> = (usize, usize, &'a str);
/// Line, start, length, text of a mark in code, and whether it is the place of the finding.
type Part<'a> = (usize, usize, usize, &'a str, bool);

/// An instruction.
#[derive(Serialize)]
struct Code<'a> {
    at: u32,
    text: &'a str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    gap: bool,
    /// The function that begins here, and where it comes from.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    enters: Vec<String>,
}

impl<'a> Driver<'a> {
    pub(super) fn new(
        examination: &'a Examination,
        targets: ringfence_finding::Targets,
        texts: &mut Texts,
    ) -> Driver<'a> {
        let properties = &examination.properties;
        let name = file_name(&examination.path);
        let found = |finding| Found::new(finding, name, targets, texts);
        let findings = examination.findings.iter().map(found).collect();
        let defects = &examination.defects;
        Driver {
            path: &examination.path,
            size: examination.size,
            machine: &examination.machine,
            answers: Question::ALL.map(|one| answered(examination, one, texts)).into(),
            excused: &examination.excused,
            examined: coverage::lines(&examination.coverage),
            symbols: examination.symbols.as_ref().map(symbols),
            findings,
            defects: &defects[..defects.len().min(LONGEST_LIST)],
            defect_count: defects.len(),
            sha256: examination.sha256.as_deref(),
            authentihash: examination
                .authentihash
                .as_ref()
                .map(|digests| [&*digests.sha1, &*digests.sha256]),
            facts: facts(examination),
            mitigations: texts.add(full::mitigations(&properties.mitigations)),
            sections: properties.sections.iter().take(LONGEST_LIST).map(region).collect(),
            section_count: properties.sections.len(),
            imports: properties.imports.iter().take(LONGEST_LIST).map(imported).collect(),
            import_count: properties.imports.len(),
        }
    }
}

fn facts(examination: &Examination) -> Facts<'_> {
    let properties = &examination.properties;
    Facts {
        format: properties.format,
        subsystem: &properties.subsystem,
        hybrid: properties.hybrid,
        entry_point: properties.entry_point,
        section_alignment: properties.section_alignment,
        file_alignment: properties.file_alignment,
        size_of_image: properties.size_of_image,
        linker: &properties.linker,
        toolset: properties.toolset.as_deref(),
        timestamp: properties.timestamp,
        reproducible: properties.reproducible,
        debug_file: properties.debug_file.as_ref(),
        version: properties.version.as_ref(),
        certificate_table: properties.certificate_table,
        exports: properties.exports,
    }
}

/// The answer with its reasons; a rule that objects many times is told once.
fn answered(examination: &Examination, question: Question, texts: &mut Texts) -> Answered {
    let mut because: Vec<Because> = Vec::new();
    let mut told: Vec<&str> = Vec::new();
    for reason in examination.verdict.reasons(question) {
        let key = reason.rule.unwrap_or(&reason.text);
        let likely = reason.confidence == Some(Confidence::Likely);
        if let Some(index) = told.iter().position(|known| *known == key) {
            because[index].times += usize::from(reason.rule.is_some());
            because[index].likely &= likely;
            continue;
        }
        told.push(key);
        let text = texts.add(reason.text.clone().into_owned());
        because.push(Because { rule: reason.rule, text, times: 1, likely });
    }
    Answered { answer: examination.verdict.answer(question), because }
}

fn region(section: &Section) -> Region<'_> {
    Region {
        name: &section.name,
        rva: section.rva,
        virtual_size: section.virtual_size,
        raw_offset: section.raw_offset,
        raw_size: section.raw_size,
        rights: &section.rights,
        discardable: section.discardable,
    }
}

fn imported(module: &Imported) -> (&str, usize, bool) {
    (&module.module, module.functions, module.delayed)
}

fn symbols(symbols: &DebugSymbols) -> String {
    let (_, lead, text) = source::symbols(symbols);
    format!("{lead}{text}")
}

impl<'a> Found<'a> {
    fn new(
        finding: &'a Finding,
        name: &str,
        targets: ringfence_finding::Targets,
        texts: &mut Texts,
    ) -> Found<'a> {
        let source = finding.source.as_ref();
        let function = source.and_then(|source| source.function.as_deref());
        let within = match function {
            Some(name) => Some(format!("in {}", source::shown(name))),
            None => finding.evidence.as_ref().and_then(crate::drawing::part),
        };
        let origin = source.and_then(source::line_and_origin);
        let mut remarks = witness::remarks(name, &finding.seen, true);
        remarks.extend(full::remarks(finding, targets));
        Found {
            rule: finding.rule,
            level: finding.level,
            message: &finding.message,
            place: full::at(name, finding.rva),
            rva: finding.rva,
            section: finding.section.as_deref(),
            within,
            origin: origin
                .into_iter()
                .chain(source.into_iter().flat_map(source::inlined))
                .collect(),
            questions: &finding.questions,
            ddi: finding.ddi,
            argument: finding.argument.as_deref(),
            evidence: finding.evidence.as_ref().map(drawn),
            remarks: remarks.into_iter().map(|(name, text)| (name, texts.add(text))).collect(),
            fingerprint: &finding.fingerprint,
            excuse: finding.excuse.as_ref(),
        }
    }
}

fn drawn(evidence: &Evidence) -> Drawn<'_> {
    match evidence {
        Evidence::Table(table) => drawn_table(table),
        Evidence::Listing(listing) => drawn_listing(listing),
    }
}

fn drawn_table(table: &Table) -> Drawn<'_> {
    let marks = table.marks.iter().map(|mark| (mark.row, mark.column, &*mark.text));
    Drawn::Table {
        structure: table.structure,
        columns: &table.columns,
        rows: table.rows.iter().map(|row| (&*row.label, &*row.cells)).collect(),
        marks: marks.collect(),
    }
}

fn drawn_listing(listing: &Listing) -> Drawn<'_> {
    let lines = listing.lines.iter().enumerate().map(|(index, line)| Code {
        at: line.rva,
        text: &line.text,
        // Before the first line nothing is left out that one would look for.
        gap: line.after_gap && index > 0,
        enters: line.enters.as_ref().map_or_else(Vec::new, crate::drawing::entered),
    });
    let marks = listing.marks.iter().map(|mark| {
        let text = listing.lines.get(mark.line).map_or("", |line| &*line.text);
        let (start, length) = units(text, mark.start, mark.length);
        (mark.line, start, length, &*mark.text, mark.primary)
    });
    Drawn::Listing { lines: lines.collect(), marks: marks.collect() }
}

/// Where `length` characters from `start` on are in what is shown of `text`, in the units of scripts: UTF-16.
fn units(text: &str, start: usize, length: usize) -> (usize, usize) {
    let shown = |from: usize, count: usize| {
        let part: String = text.chars().skip(from).take(count).collect();
        safe(&part).encode_utf16().count()
    };
    (shown(0, start), shown(start, length))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;
    use ringfence_finding::Targets;

    fn data(examination: &Examination) -> serde_json::Value {
        let mut texts = Texts::default();
        let driver = Driver::new(examination, Targets::DEFAULT, &mut texts);
        serde_json::from_str(&super::super::embed::json_text(&driver).unwrap()).unwrap()
    }

    #[test]
    fn marks_stay_on_what_they_point_at_when_it_is_escaped() {
        assert_eq!(units("call  a\u{7}b, c", 11, 1), (15, 1));
        assert_eq!(units("mov 🖨, c", 4, 1), (4, 2));
        assert_eq!(units("short", 50, 3), (5, 0));
    }

    #[test]
    fn a_rule_that_objects_many_times_is_one_reason() {
        let driver = data(&sample::certify_only("a.sys"));
        let because = driver["answers"][2]["because"].as_array().unwrap();
        assert_eq!(because.len(), 1);
        assert_eq!(because[0]["times"], 8);
        assert_eq!(because[0]["likely"], true);
        assert_eq!(driver["answers"][0], serde_json::json!({ "answer": "yes" }));
    }

    #[test]
    fn long_lists_are_counted() {
        let mut examination = sample::unreadable_imports("a.sys");
        examination.defects = vec![examination.defects[0].clone(); LONGEST_LIST + 7];
        let driver = data(&examination);
        assert_eq!(driver["defects"].as_array().unwrap().len(), LONGEST_LIST);
        assert_eq!(driver["defect_count"], LONGEST_LIST + 7);
    }

    #[test]
    fn one_driver_of_each_kind() {
        let mut refused = sample::writable_executable("acmedisk.sys");
        refused.findings[1].excuse = Some(Excuse::Accepted {
            reason: "old Windows is not supported".to_owned(),
            until: Some("2027-03-31".to_owned()),
        });
        refused.excused = vec![Question::Certify];
        let drawn: Vec<_> = [refused, sample::with_sources().remove(0)].iter().map(data).collect();
        insta::assert_snapshot!(serde_json::to_string_pretty(&drawn).unwrap());
    }
}
