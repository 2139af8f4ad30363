//! Drivers whose every string is an attack, through every format.
//!
//! What a format looks like to an independent reader must not depend on what its strings say: each report is
//! compared with that of the same drivers whose strings are a plain word.

pub(crate) mod readers;

use crate::format::{Format, Options};
use crate::safe::is_harmful;
use crate::sample;
use ringfence_finding::{
    Closing, Code, DebugFile, DebugSymbols, Entered, Evidence, Examination, Excuse, Fault, Finding,
    Gap, Imported, InlinedCall, Question, Section, SourcePlace, Unread, Version, decide,
};
use std::collections::BTreeSet;

/// What a driver, a file system or a PDB may say.
pub(crate) fn attacks() -> Vec<String> {
    let mut attacks: Vec<String> = [
        " spaces  in\u{a0}it ",
        "\"double\" 'single' \\",
        "]]><x a=\"b\">",
        "<script>alert(1)</script>",
        "</script><img src=x onerror=alert(1)>",
        "-->--!><!-- </details></code></pre></textarea></style></title>",
        "&amp;&lt;&#60;&nbsp;&",
        "\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m",
        "\u{7}\u{0}\u{8}\u{7f}\u{85}",
        "one\r\ntwo\nthree\rfour\ttabbed",
        "\n\n| --- |\n\n# heading\n```\nfence",
        "::error file=a,line=1::owned",
        "\n::error::owned",
        "##[error]owned ##[group]",
        "x(1): error C1: owned",
        " : warning C1 : owned",
        "| a | b |",
        "\\| \\|",
        "`code` ``more`` ``` ~~~",
        "@everyone, @octocat",
        "#1 GH-1 octo/repo#1 deadbeefdeadbeef",
        "https://evil.example www.evil.example a@evil.example javascript:alert(1)",
        "[link](https://evil.example) ![image](x) [^1] <https://evil.example>",
        "**bold** __bold__ ~~gone~~ $math$ :+1:",
        "=cmd|' /C calc'!A0",
        "+1",
        "-1",
        "@SUM(1)",
        "\u{ff1d}1",
        "a,b;c\td",
        "abc\u{202e}sys.exe\u{2066}\u{2069}\u{200f}",
        "\u{fffd}\u{fffd}.sys",
        "a\u{2028}b\u{2029}c",
        "\u{fffe}\u{ffff}\u{feff}\u{e0041}\u{ad}",
        "%0A%0D%25%2C {{7*7}} ${x} %s",
        "\u{10ffff}\u{d7ff}𝔘𝔫𝔦 e\u{301}\u{301}\u{301}",
        "",
    ]
    .map(str::to_owned)
    .into();
    attacks.push("very long ".repeat(200));
    attacks.push("<".repeat(2_000));
    attacks.push("`".repeat(60));
    attacks
}

/// Drivers with code and with tables, with and without excuses, in which every foreign string is `text`.
fn drivers(text: &str) -> Vec<Examination> {
    let mut drivers = vec![
        sample::executable_pool("x"),
        sample::writable_executable("x"),
        sample::all_excused("x"),
        sample::unreadable_imports("x"),
    ];
    let symbols = [
        DebugSymbols::Used { path: text.to_owned() },
        DebugSymbols::Refused { path: text.to_owned(), reason: text.to_owned() },
        DebugSymbols::NotFound { name: text.to_owned() },
    ];
    for (driver, symbols) in drivers.iter_mut().zip(symbols) {
        driver.symbols = Some(symbols);
    }
    drivers.iter_mut().for_each(|driver| fill(driver, text));
    drivers
}

fn fill(driver: &mut Examination, text: &str) {
    let own = || text.to_owned();
    driver.path = own();
    for finding in &mut driver.findings {
        fill_finding(finding, text);
    }
    for defect in &mut driver.defects {
        defect.message = own();
    }
    let gap = Gap::new(&Question::ALL, own());
    driver.verdict = decide(&driver.findings, &[gap], sample::TARGETS, false);
    match &mut driver.coverage.code {
        Code::NotExamined { because } => *because = own(),
        Code::Examined(coverage) => {
            coverage.unknown.iter_mut().for_each(|unknown| unknown.because = own());
        }
    }
    for call in driver.calls.iter_mut().flatten() {
        call.words.iter_mut().for_each(|word| *word = own());
        call.unknown = Some(own());
        call.source = Some(place(text));
    }
    let properties = &mut driver.properties;
    properties.subsystem = own();
    properties.linker = own();
    properties.toolset = Some(own());
    properties.debug_file = Some(DebugFile { path: own(), guid: own(), age: 1 });
    properties.version = Some(Version {
        file: Some(own()),
        company: Some(own()),
        description: Some(own()),
        product: Some(own()),
        original_filename: Some(own()),
    });
    properties.sections = vec![Section {
        name: own(),
        rva: 0x1000,
        virtual_size: 1,
        raw_offset: 1,
        raw_size: 1,
        rights: "rwx".to_owned(),
        discardable: false,
        characteristics: 0,
    }];
    properties.imports = vec![Imported { module: own(), functions: 1, delayed: false }];
}

fn fill_finding(finding: &mut Finding, text: &str) {
    let own = || text.to_owned();
    finding.section = Some(own());
    finding.source = Some(place(text));
    finding.argument = Some(own());
    finding.message = own();
    finding.notes = vec![own(), format!("section {text} is said to be `{text}`")];
    finding.help = Some(format!("remove `/SECTION:{text},rwx` from {text}"));
    if let Some(Excuse::Accepted { reason, until }) = &mut finding.excuse {
        *reason = own();
        *until = Some(own());
    }
    match &mut finding.evidence {
        Some(Evidence::Table(table)) => {
            for row in &mut table.rows {
                row.cells.iter_mut().for_each(|cell| *cell = own());
            }
            table.marks.iter_mut().for_each(|mark| mark.text = own());
        }
        Some(Evidence::Listing(listing)) => {
            listing.source = Some(place(text));
            listing.lines.iter_mut().for_each(|line| line.text = own());
            listing.marks.iter_mut().for_each(|mark| mark.text = own());
            let entered = Entered { function: None, source: Some(place(text)) };
            listing.lines[1].enters = Some(entered);
        }
        None => {}
    }
}

fn place(text: &str) -> SourcePlace {
    let own = || Some(text.to_owned());
    let inlined = InlinedCall { function: own(), file: own(), line: 1 };
    SourcePlace {
        function: own(),
        file: own(),
        line: Some(7),
        inlined: vec![inlined],
        object: own(),
        library: own(),
    }
}

/// The end of a scan, in which every foreign string is `text`.
fn closing(drivers: &[Examination], text: &str) -> Closing {
    let own = || text.to_owned();
    let mut closing = sample::closing(drivers);
    closing.unread = vec![Unread { path: own(), reason: own() }; 2];
    closing.faults = vec![Fault { path: own(), rule: "unaligned-section", message: own() }];
    closing
}

fn written(format: Format, text: &str) -> String {
    let drivers = drivers(text);
    let docs = Some("https://docs.example".to_owned());
    let options = Options { docs, fail_unknown: true, ..Options::default() };
    sample::written_with(format, &drivers, &closing(&drivers, text), options)
}

/// The characters in `text` that could steer a terminal or cannot be seen.
pub(crate) fn harmful(text: &str) -> BTreeSet<char> {
    text.chars().filter(|&c| is_harmful(c)).collect()
}

#[test]
fn no_string_changes_what_a_report_is() {
    for format in Format::ALL {
        let plain = written(format, "plain");
        let expected = readers::shape(format, &plain);
        for attack in attacks() {
            let text = written(format, &attack);
            let shown: String = attack.chars().take(60).collect();
            assert_eq!(readers::shape(format, &text), expected, "{format}: {shown:?}");
            assert_eq!(harmful(&text), harmful(&plain), "{format}: {shown:?}");
        }
    }
}

/// That the comparison would notice: each format's plain report has all the drivers, findings and troubles.
#[test]
fn the_readers_see_what_there_is() {
    let count = |format, part: &str| {
        let shape = readers::shape(format, &written(format, "plain"));
        shape.iter().filter(|line| line.starts_with(part)).count()
    };
    let all = drivers("plain");
    let findings: usize = all.iter().map(|driver| driver.findings.len()).sum();
    let excused = all.iter().flat_map(|driver| &driver.findings);
    let excused = excused.filter(|finding| finding.excuse.is_some()).count();
    assert_eq!((all.len(), findings, excused), (4, 8, 4));
    for format in [Format::Json, Format::Jsonl] {
        assert_eq!(count(format, "driver"), 4, "{format}");
        assert_eq!(count(format, "finding"), 8, "{format}");
    }
    assert_eq!(count(Format::Junit, "testsuite"), 4 + 3 + 1);
    assert_eq!(count(Format::Junit, "testcase"), 4 * 3 + 1 + 3);
    assert_eq!(count(Format::Markdown, "row"), 4);
    // Findings, a defect, what is unknown of three drivers, an answer that is excused, troubles.
    assert_eq!(count(Format::Markdown, "item"), 8 + 1 + 3 + 1 + 3);
    // The excused ones, and one that holds for other Windows versions.
    let counted = "not annotated: 1 note, 2 accepted, 2 in the baseline";
    assert_eq!((count(Format::Github, "notice"), count(Format::Github, counted)), (0, 1));
    assert_eq!(count(Format::Csv, "row"), 4 + 3);
    assert_eq!(count(Format::Msvc, "note"), excused + 1);
    // Findings, a defect, a PDB that is refused, drivers, troubles, what fails, counts.
    assert_eq!(count(Format::Concise, "line"), findings + 1 + 1 + 4 + 3 + 1 + 1);
    assert_eq!(count(Format::Full, "finding"), 8);
}
