//! What holds of an answer whatever the bytes. The fuzz target `examine` asks nothing else, and the
//! tests beside this ask it of known odd images.

use ringfence::report::{Format, Options, safe, sink};
use ringfence::{
    Answer, Closing, Code, Evidence, Examination, Finding, Level, Question, Settings, TOOL,
    Targets, Totals, examine, rule_cards,
};
use ringfence_image::Image;
use std::cmp::Reverse;

/// Findings told of one rule and one level.
const MOST_OF_A_KIND: usize = 32;

/// Examines `bytes` for the usual Windows versions and for all, and writes reports in `formats`.
pub fn judge(bytes: &[u8], formats: &[Format]) {
    let usual = Settings::default();
    let strict =
        Settings { targets: Targets::ALL, code_analysis: true, hash: false, ..Settings::default() };
    for settings in [&usual, &strict] {
        match examine(bytes, settings) {
            Ok(mut examination) => {
                examination.path = "fuzz.sys".to_owned();
                check(&examination, settings, bytes, formats);
            }
            Err(reason) => assert!(!reason.to_string().is_empty()),
        }
    }
}

fn check(examination: &Examination, settings: &Settings, bytes: &[u8], formats: &[Format]) {
    let failed = Code::NotExamined { because: "the examination failed".to_owned() };
    assert_ne!(examination.coverage.code, failed, "reading the code panicked");
    assert_eq!(examination.size, bytes.len() as u64);
    assert_eq!(examination.sha256.is_some(), settings.hash);
    assert_eq!(examination.coverage.rules, rule_cards().count(), "a rule panicked");
    verdict(examination, settings);
    if examination.verdict.load == Answer::Yes {
        whole(bytes);
    }
    if examination.verdict.certify == Answer::Yes {
        code_is_there(bytes);
    }
    findings(&examination.findings, settings);
    let described = |defect: &ringfence_finding::Defect| {
        !defect.message.is_empty() && defect.file_offset.is_some() != defect.rva.is_some()
    };
    assert!(examination.defects.iter().all(described));
    for format in formats {
        reports(examination, settings, *format);
    }
}

/// A yes is never said of what could not be read whole.
fn whole(bytes: &[u8]) {
    let image = Image::read(bytes).expect("it was read before");
    assert!(image.imports().complete && image.relocations().complete);
    assert!(image.directories_complete());
    assert_eq!(image.sections().len(), usize::from(image.headers().number_of_sections));
}

/// What is not in the file could hold calls.
fn code_is_there(bytes: &[u8]) {
    let image = Image::read(bytes).expect("it was read before");
    assert!(image.imports().complete && image.directories_complete());
    assert_eq!(image.sections().len(), usize::from(image.headers().number_of_sections));
    let is_there = |end: u64| end <= bytes.len() as u64;
    let ranges = image.sections().iter().map(ringfence_image::Section::raw_range);
    assert!(ranges.filter(|range| !range.is_empty()).all(|range| is_there(range.end)));
}

fn verdict(examination: &Examination, settings: &Settings) {
    let verdict = &examination.verdict;
    for question in Question::ALL {
        let answer = verdict.answer(question);
        assert_eq!(answer == Answer::Yes, verdict.reasons(question).is_empty());
        let denies = |one: &Finding| one.denies(question, settings.targets, settings.code_analysis);
        if question == Question::Run && verdict.load == Answer::No {
            assert_eq!(answer, Answer::Unknown);
        } else {
            let denied = examination.findings.iter().any(denies);
            assert_eq!(answer == Answer::No, denied, "{question}");
        }
    }
}

fn findings(findings: &[Finding], settings: &Settings) {
    for card in rule_cards() {
        let of_rule = || findings.iter().filter(|finding| finding.rule == card.id);
        assert!(of_rule().is_sorted_by_key(|finding| (Reverse(finding.level), finding.rva)));
        for level in [Level::Note, Level::Warning, Level::Error] {
            let alike = of_rule().filter(|finding| finding.level == level).count();
            // Errors of other Windows versions have become notes.
            assert!(alike <= 2 * MOST_OF_A_KIND, "{alike} of {}", card.id);
        }
    }
    for finding in findings {
        assert!(!finding.message.is_empty());
        let denies =
            |one: &Question| finding.denies(*one, settings.targets, settings.code_analysis);
        let decides = Question::ALL.iter().any(denies);
        assert_eq!(finding.level == Level::Error, decides, "{finding:?}");
        let Some(Evidence::Table(table)) = &finding.evidence else { continue };
        assert!(table.rows.iter().all(|row| row.cells.len() == table.columns.len()));
        let fits = |mark: &ringfence_finding::Mark| {
            mark.row < table.rows.len() && mark.column < table.columns.len()
        };
        assert!(table.marks.iter().all(fits), "{table:?}");
    }
}

/// A report of one driver: what is JSON parses, and elsewhere no byte of the driver steers a terminal or
/// fools a reader.
fn reports(examination: &Examination, settings: &Settings, format: Format) {
    let mut totals = Totals { files: 1, ..Totals::default() };
    totals.count(examination);
    let closing = Closing { totals, ..Closing::default() };
    let mut written = Vec::new();
    let width = if settings.hash { 100 } else { 70 };
    let options = Options { width, ..Options::default() };
    let mut report = sink(format, Box::new(&mut written), options);
    report.begin(&TOOL, settings.targets).expect("memory takes it");
    report.driver(examination).expect("memory takes it");
    report.finish(&closing).expect("memory takes it");
    drop(report);
    let text = std::str::from_utf8(&written).expect("reports are UTF-8");
    if matches!(format, Format::Json | Format::Jsonl | Format::Sarif) {
        for document in
            serde_json::Deserializer::from_str(text).into_iter::<serde::de::IgnoredAny>()
        {
            document.expect("reports are JSON");
        }
    } else {
        for line in text.lines() {
            assert_eq!(safe(line), line, "steers the terminal");
        }
    }
    // 96 sections, 256 modules and 32 findings of a kind, whatever the file holds.
    assert!(text.len() < 4 << 20, "{format} of {} bytes", text.len());
}
