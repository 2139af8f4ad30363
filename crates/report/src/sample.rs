//! Hand-made drivers for the tests.

mod code;
mod sourced;

pub(crate) use code::{alike, executable_pool, instruction, pointer, unknown_calls, with_code};
pub(crate) use sourced::with_sources;

use crate::Sink;
use crate::format::{Format, Options, sink};
use ringfence_finding::{
    Authentihash, Authority, Closing, Code, Confidence, Coverage, Defect, Evidence, Examination,
    Excuse, Finding, Gap, Level, Mark, Properties, Question, Row, Table, Targets, Tool, Totals,
    Trust, Version, decide,
};
use std::time::Duration;

pub(crate) const TOOL: Tool = Tool { name: "ringfence", version: "0.1.0" };
pub(crate) const TARGETS: Targets = Targets::DEFAULT;

const SHA256: &str = "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef";

/// What `format` writes of `drivers`.
pub(crate) fn written(format: Format, drivers: &[Examination], options: Options) -> String {
    written_with(format, drivers, &closing(drivers), options)
}

pub(crate) fn written_with(
    format: Format,
    drivers: &[Examination],
    closing: &Closing,
    options: Options,
) -> String {
    let mut out = Vec::new();
    tell(sink(format, Box::new(&mut out), options), drivers, closing);
    String::from_utf8(out).unwrap()
}

/// Tells `report` all there is.
pub(crate) fn tell(mut report: Box<dyn Sink + '_>, drivers: &[Examination], closing: &Closing) {
    report.begin(&TOOL, TARGETS).unwrap();
    for driver in drivers {
        report.driver(driver).unwrap();
    }
    report.finish(closing).unwrap();
}

/// What a scan of `drivers` and nothing else says at its end.
pub(crate) fn closing(drivers: &[Examination]) -> Closing {
    let mut totals = Totals { distinct: Some(drivers.len()), ..Totals::default() };
    for driver in drivers {
        totals.count(driver);
    }
    totals.files = totals.drivers;
    Closing { totals, elapsed: Duration::from_millis(20), ..Closing::default() }
}

/// One of each.
pub(crate) fn all() -> Vec<Examination> {
    let mut drivers = vec![
        clean("usbacme.sys"),
        writable_executable("acmedisk.sys"),
        straddling("oldscan.sys"),
        certify_only("rgbctl64.sys"),
        unreadable_imports("vprotect64.sys"),
        hostile(),
        long_names(),
    ];
    drivers.extend(with_code());
    drivers.extend(with_sources());
    drivers
}

/// A driver without findings whose machine code nobody looked at.
pub(crate) fn clean(path: &str) -> Examination {
    examination(path, vec![], vec![])
}

fn examination(path: &str, findings: Vec<Finding>, more_gaps: Vec<Gap>) -> Examination {
    let mut gaps = more_gaps;
    gaps.push(Gap::new(&[Question::Run, Question::Certify], "machine code not examined"));
    let version = Version {
        file: Some("1.4.0.0".to_owned()),
        company: Some("Acme Devices Ltd.".to_owned()),
        ..Version::default()
    };
    Examination {
        path: path.to_owned(),
        size: 40_960,
        sha256: Some(SHA256.to_owned()),
        authentihash: Some(Authentihash { sha1: "00".repeat(20), sha256: SHA256.to_owned() }),
        machine: "x64".to_owned(),
        verdict: decide(&findings, &gaps, TARGETS, false),
        coverage: Coverage {
            rules: 9,
            sections: 9,
            imports: 143,
            relocations: 1_204,
            functions: 240,
            code: Code::NotExamined { because: "not in this version".to_owned() },
            trust: Trust::NotExamined,
        },
        findings,
        excused: vec![],
        calls: None,
        runs: Vec::new(),
        symbols: None,
        defects: vec![],
        properties: Properties {
            format: "PE32+",
            toolset: Some("Visual Studio 2019".to_owned()),
            version: Some(version),
            ..Properties::default()
        },
    }
}

pub(crate) fn finding(rule: &'static str, level: Level, message: &str) -> Finding {
    Finding {
        rule,
        level,
        questions: vec![],
        confidence: Confidence::Certain,
        only_likely_for: vec![],
        reported_by: vec![Authority::DriverVerifier],
        targets: Targets::ALL,
        rva: None,
        section: None,
        source: None,
        ddi: None,
        argument: None,
        message: message.to_owned(),
        aliases: &[],
        evidence: None,
        seen: Vec::new(),
        notes: vec![],
        help: None,
        fingerprint: "00f1e2d3c4b5a697:1".to_owned(),
        verifier_count: None,
        excuse: None,
    }
}

fn row(label: &str, cells: &[&str]) -> Row {
    Row { label: label.to_owned(), cells: cells.iter().map(|cell| cell.to_string()).collect() }
}

fn section_table() -> Evidence {
    Evidence::Table(Table {
        structure: "section table",
        columns: vec!["name", "address", "size", "rights", ""],
        rows: vec![
            row("1", &[".text", "00001000", "52e0", "r-x", ""]),
            row("6", &["INIT", "00009000", "0e00", "rwx", "discardable"]),
        ],
        marks: vec![
            Mark { row: 1, column: 0, text: "the loader makes no exception for this name".into() },
            Mark { row: 1, column: 3, text: "writable and executable".to_owned() },
        ],
    })
}

/// A driver with a writable and executable section, a straddling relocation and a note.
pub(crate) fn writable_executable(path: &str) -> Examination {
    let mut bad = finding(
        "writable-executable-section",
        Level::Error,
        "section INIT is writable and executable",
    );
    bad.questions = vec![Question::Load, Question::Run, Question::Certify];
    bad.only_likely_for = vec![Question::Load];
    bad.rva = Some(0x9000);
    bad.section = Some("INIT".to_owned());
    bad.aliases = &["0xC4:0x2003", "Execute-Write Section Count"];
    bad.evidence = Some(section_table());
    bad.notes = vec![
        "Driver Verifier stops the driver with bug check 0xC4, parameter 0x2003, when its option \
         0x02000000 is on"
            .to_owned(),
    ];
    bad.help =
        Some("remove `/SECTION:INIT,rwx` from the linker's command line, and `#pragma section` with `write` from the sources".to_owned());
    let mut driver = examination(path, vec![bad, straddling_note()], vec![]);
    driver.properties.toolset = Some("Visual Studio 2013".to_owned());
    driver.properties.version = Some(Version {
        file: Some("2.1.0.0".to_owned()),
        company: Some("Acme Storage Inc.".to_owned()),
        ..Version::default()
    });
    driver
}

fn straddling_note() -> Finding {
    let mut note = finding(
        "straddling-relocation",
        Level::Note,
        "3 relocations reach over the end of a page; the first is at 1ffc",
    );
    note.questions = vec![Question::Load];
    note.targets = Targets::BEFORE_1703;
    note.rva = Some(0x1ffc);
    note.section = Some(".text".to_owned());
    note.evidence = Some(Evidence::Table(Table {
        structure: "base relocations",
        columns: vec!["page", "entry", "type", "covers"],
        rows: vec![
            row("1a3c", &["00001000", "affc", "DIR64", "1ffc..2004"]),
            row("1b10", &["00002000", "affa", "DIR64", "2ffa..3002"]),
        ],
        marks: vec![Mark {
            row: 0,
            column: 3,
            text: "four bytes on page 1000, four on page 2000".to_owned(),
        }],
    }));
    note
}

/// A driver with nothing but a note for old Windows versions.
pub(crate) fn straddling(path: &str) -> Examination {
    examination(path, vec![straddling_note()], vec![])
}

/// A driver that Driver Verifier objects to, and the loader does not.
pub(crate) fn certify_only(path: &str) -> Examination {
    let findings = (0..8)
        .map(|index| {
            let mut bad = finding(
                "executable-import-table",
                Level::Error,
                "the import address table is in an executable section",
            );
            bad.questions = vec![Question::Certify];
            bad.confidence = Confidence::Likely;
            bad.rva = Some(0x4000 + index * 8);
            bad
        })
        .collect();
    let mut driver = examination(path, findings, vec![]);
    driver.properties.version = None;
    driver
}

/// A driver whose import table could not be followed, so even *load* is open.
pub(crate) fn unreadable_imports(path: &str) -> Examination {
    let gap = Gap::new(&[Question::Load], "the import table points outside the image");
    let mut driver = examination(path, vec![], vec![gap]);
    driver.defects = vec![Defect {
        kind: "points-outside",
        structure: "import table",
        file_offset: Some(0x1a0),
        rva: Some(0xffff_f000),
        message: "the import table at fffff000 lies outside the image of 10000 bytes".to_owned(),
    }];
    driver
}

/// A driver of which all that objects is excused, in one way or the other.
pub(crate) fn all_excused(path: &str) -> Examination {
    let mut driver = alike(path);
    let accepted = |until: Option<&str>| Excuse::Accepted {
        reason: "the vendor mends it with 2.2".to_owned(),
        until: until.map(str::to_owned),
    };
    let excuses =
        [accepted(Some("2027-03-31")), Excuse::Baseline, accepted(None), Excuse::Baseline];
    for (finding, excuse) in driver.findings.iter_mut().zip(excuses) {
        finding.excuse = Some(excuse);
    }
    driver.excused = vec![Question::Certify];
    driver
}

/// A driver that every question is answered yes for; nothing examines code yet, but it will come.
pub(crate) fn fine(path: &str) -> Examination {
    let mut driver = clean(path);
    driver.verdict = decide(&[], &[], TARGETS, false);
    driver
}

/// A driver that certification objects to, and that may not load either.
pub(crate) fn objected_and_open(path: &str) -> Examination {
    let mut driver = certify_only(path);
    let gap = Gap::new(&[Question::Load, Question::Run], "the import table is cut short");
    driver.verdict = decide(&driver.findings, &[gap], TARGETS, false);
    driver
}

/// A driver that *load* is open for, for `reason`.
pub(crate) fn undecided(path: &str, reason: &str) -> Examination {
    examination(path, vec![], vec![Gap::new(&[Question::Load], reason.to_owned())])
}

/// Drivers whose findings the settings accept, the baseline has, or nobody knows about yet.
pub(crate) fn excused_and_new() -> Vec<Examination> {
    let mut known = certify_only("known.sys");
    let reason = "the vendor mends it in [1.5](https://example.org) {soon}".to_owned();
    let until = Some("2027-03-31".to_owned());
    known.findings[0].excuse = Some(Excuse::Accepted { reason, until });
    known.findings[1].excuse = Some(Excuse::Baseline);
    known.excused = vec![Question::Certify];
    vec![known, writable_executable("new.sys")]
}

/// Names made to fool a terminal and a reader.
pub(crate) fn hostile() -> Examination {
    let mut driver =
        writable_executable("C:\\a\x1b]0;owned\x07\\\x1b[2Jgood\u{202e}sys.exe\nload yes");
    let bad = &mut driver.findings[0];
    bad.message = "section \x1b[32mok\x1b[0m is\r writable".to_owned();
    bad.section = Some("\u{9b}31m".to_owned());
    let Some(Evidence::Table(table)) = &mut bad.evidence else { unreachable!() };
    table.rows[1].cells[0] = "IN\x08IT".to_owned();
    let version = driver.properties.version.as_mut().unwrap();
    version.file = Some("1\t.\x7f0".to_owned());
    version.company = Some("株式会社アクメ\u{2066}".to_owned());
    driver
}

/// Names too long for any column.
pub(crate) fn long_names() -> Examination {
    let folder = "verylongfoldername/".repeat(8);
    let mut driver = writable_executable(&format!("store.wim/1/{folder}{}.sys", "x".repeat(120)));
    driver.findings[0].message = format!("section {} is writable and executable", "n".repeat(200));
    let Some(Evidence::Table(table)) = &mut driver.findings[0].evidence else { unreachable!() };
    table.rows[0].cells[4] = "wide ".repeat(30);
    let version = driver.properties.version.as_mut().unwrap();
    version.file = Some("10.0.19041.3636 (WinBuild.160101.0800)".to_owned());
    version.company =
        Some("Very Long Company Name of Devices and Peripherals GmbH & Co. KG".into());
    driver
}
