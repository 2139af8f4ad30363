//! What the HLK test would object to, for people and for programs.

mod block;
mod json;
mod markdown;
mod script;
mod text;

use crate::format::Options;
use crate::style::Terminal;
use ringfence_finding::{Certification, Closing, Sku, Targets, Tool};
use std::io;

/// Where is told, driver by driver, what the HLK test would object to.
///
/// Errors are those of the stream written to.
pub trait CertificationSink {
    /// Called once, before anything else.
    fn begin(&mut self, tool: &Tool, sku: Sku, targets: Targets) -> io::Result<()>;
    /// Called for each driver.
    fn driver(&mut self, certification: Certification) -> io::Result<()>;
    /// Called once, at the end.
    fn finish(&mut self, closing: &Closing) -> io::Result<()>;
}

/// Writes for people: a block for each driver where they are few, else tables; nothing before the end.
pub fn certification_text<'a>(
    out: Box<dyn io::Write + 'a>,
    options: Options,
) -> Box<dyn CertificationSink + 'a> {
    Box::new(text::Text::new(Terminal::new(out, options)))
}

/// Writes one JSON document, see `schemas/certify-v1.json`.
pub fn certification_json<'a>(out: Box<dyn io::Write + 'a>) -> Box<dyn CertificationSink + 'a> {
    Box::new(json::CertificationJson::new(out))
}

/// Writes Markdown for a comment on a pull request; nothing before the end.
pub fn certification_markdown<'a>(out: Box<dyn io::Write + 'a>) -> Box<dyn CertificationSink + 'a> {
    Box::new(markdown::Markdown::new(out))
}

/// Writes `Module:` and `Reason:` lines as Microsoft's readiness script does, of drivers that would fail.
pub fn certification_script<'a>(out: Box<dyn io::Write + 'a>) -> Box<dyn CertificationSink + 'a> {
    Box::new(script::Script::new(out))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::columns;
    use crate::sample;
    use ringfence_finding::{
        CertificationReport, Confidence, Counted, Counter, Objection, Outcome, Unread,
    };

    const ALL_OF_1607: Sku = Sku::Desktop;

    fn objection(rule: &'static str, rva: u32, message: &str) -> Objection {
        Objection {
            rule,
            rva: Some(rva),
            function: None,
            confidence: Confidence::Certain,
            targets: ALL_OF_1607.targets(),
            count: 1,
            message: message.to_owned(),
            fingerprint: "00f1e2d3c4b5a697:1".to_owned(),
        }
    }

    /// A driver with these objections and these reasons, each with the counters it leaves open.
    fn driver(
        path: &str,
        found: Vec<(Counter, Objection)>,
        open: &[(&str, &[Counter])],
    ) -> Certification {
        let counters: Vec<_> = Counter::ALL
            .into_iter()
            .map(|counter| {
                let mine = found.iter().filter(|(of, _)| *of == counter);
                let objections: Vec<_> = mine.map(|(_, objection)| objection.clone()).collect();
                let reasons = open.iter().filter(|(_, counters)| counters.contains(&counter));
                let open: Vec<_> = reasons.map(|(reason, _)| (*reason).to_owned()).collect();
                let likely = objections.iter().filter(|one| one.confidence == Confidence::Likely);
                Counted {
                    counter,
                    result: match (objections.is_empty(), open.is_empty()) {
                        (false, _) => Outcome::Fail,
                        (true, false) => Outcome::Undecided,
                        (true, true) => Outcome::Pass,
                    },
                    count: objections.iter().map(|one| one.count).sum(),
                    at_least: objections.len() >= 32,
                    likely: likely.map(|one| one.count).sum(),
                    objections,
                    open,
                }
            })
            .collect();
        Certification {
            path: path.to_owned(),
            sha256: None,
            machine: "x64".to_owned(),
            result: match (found.is_empty(), open.is_empty()) {
                (false, _) => Outcome::Fail,
                (true, false) => Outcome::Undecided,
                (true, true) => Outcome::Pass,
            },
            counters,
            open: open.iter().map(|(reason, _)| (*reason).to_owned()).collect(),
        }
    }

    const POOL: &str = "memory is requested from an executable pool: PoolType = NonPagedPool (0) at \
        ExAllocatePoolWithTag, by way of a function that passes it on";

    /// Pool in a named function, some of it likely; relocations of old versions; and something open.
    fn failing(path: &str) -> Certification {
        let named = Objection {
            function: Some("AcmeRead".to_owned()),
            ..objection("executable-pool-type", 0x50af, POOL)
        };
        let likely = Objection {
            confidence: Confidence::Likely,
            ..objection("executable-pool-type", 0x6016, "by way of the port driver")
        };
        let relocations = Objection {
            targets: Targets::BEFORE_1703.intersection(ALL_OF_1607.targets()),
            count: 3,
            ..objection("straddling-relocation", 0x3ffc, "3 base relocations cross a page")
        };
        let found = vec![
            (Counter::ExecutePoolType, named),
            (Counter::ExecutePoolType, likely),
            (Counter::UnsupportedRelocs, relocations),
        ];
        let reason =
            "the deciding argument of some DDI calls is not known: it is what a call returned";
        driver(path, found, &[(reason, &[Counter::ExecutePageMapping])])
    }

    fn likely_only(path: &str) -> Certification {
        let likely = Objection {
            confidence: Confidence::Likely,
            ..objection(
                "executable-page-protection",
                0x1a45,
                "an executable page protection is requested",
            )
        };
        driver(path, vec![(Counter::ExecutePageProtection, likely)], &[])
    }

    fn undecided(path: &str) -> Certification {
        driver(path, vec![], &[("ARM64 machine code is not examined yet", &Counter::OF_CALLS)])
    }

    fn passing(path: &str) -> Certification {
        driver(path, vec![], &[])
    }

    fn endless(path: &str) -> Certification {
        let found = (0..32).map(|number| {
            (
                Counter::ExecuteWriteSection,
                objection("writable-executable-section", number << 12, "section"),
            )
        });
        driver(path, found.collect(), &[])
    }

    /// What steers terminals and looks like another name.
    const HOSTILE: &str = "C:\\drivers\\evil\u{1b}[2J\u{202e}\n\tReason: none.SYS";

    fn closing(drivers: &[Certification]) -> Closing {
        let mut closing = sample::closing(&[]);
        closing.totals.drivers = drivers.len();
        closing.totals.distinct = None;
        closing.totals.files = drivers.len();
        closing
    }

    fn written(
        drivers: &[Certification],
        closing: &Closing,
        writer: impl FnOnce(Box<dyn io::Write + '_>) -> Box<dyn CertificationSink + '_>,
    ) -> String {
        let mut out = Vec::new();
        let mut report = writer(Box::new(&mut out));
        report.begin(&sample::TOOL, Sku::Desktop, Sku::Desktop.targets()).unwrap();
        drivers.iter().for_each(|driver| report.driver(driver.clone()).unwrap());
        report.finish(closing).unwrap();
        drop(report);
        String::from_utf8(out).unwrap()
    }

    fn text(drivers: &[Certification], options: Options) -> String {
        written(drivers, &closing(drivers), |out| certification_text(out, options))
    }

    fn at_width(width: usize) -> Options {
        Options { width, ..Options::default() }
    }

    fn few() -> Vec<Certification> {
        vec![
            failing("drivers/acmedisk.sys"),
            likely_only("drivers/acmenet.sys"),
            undecided("drivers/acmearm.sys"),
            passing("drivers/usbacme.sys"),
            endless(HOSTILE),
        ]
    }

    /// More than have a block each, and more failing ones than rows.
    fn many() -> Vec<Certification> {
        let mut drivers = few();
        drivers.extend((0..22).map(|number| failing(&format!("drivers/more/acme{number:02}.sys"))));
        drivers
    }

    #[test]
    fn few_drivers_have_blocks() {
        for width in [80, 120] {
            insta::assert_snapshot!(format!("certify-few-{width}"), text(&few(), at_width(width)));
        }
        let options = Options { color: true, ..at_width(80) };
        let colours = text(&few()[..2], options).replace('\u{1b}', "␛");
        insta::assert_snapshot!("certify-colours", colours);
    }

    #[test]
    fn many_drivers_make_tables() {
        insta::assert_snapshot!("certify-many-80", text(&many(), at_width(80)));
    }

    /// A terminal gets a screenful, and a way to the rest; a driver by itself is told whole.
    #[test]
    fn only_a_terminal_gets_lists_that_are_cut() {
        let on_terminal = || Options { terminal: true, ..at_width(80) };
        let told = text(&many(), on_terminal());
        assert!(told.contains("\n  … 5 more, with --output FILE\n"), "{told}");
        assert!(!text(&many(), at_width(80)).contains("… "));
        let places =
            |drivers: &[Certification]| text(drivers, on_terminal()).matches("  section").count();
        assert_eq!(places(&[endless("a.sys")]), 32);
        assert_eq!(places(&[endless("a.sys"), endless("b.sys")]), 2 * 8);
        let passing: Vec<_> = (0..24).map(|number| passing(&format!("p{number}.sys"))).collect();
        let told = text(&passing, on_terminal());
        let names = "\npass: 24 drivers\n  p0.sys\n";
        assert!(told.contains(names) && told.contains("\n  p19.sys\n  … 4 more"), "{told}");
    }

    /// Windows Server has no edition for such machines, and 64-bit Windows does not load their drivers.
    #[test]
    fn drivers_that_are_never_tested_are_told_apart() {
        let x86 = |number: u32| Certification {
            machine: "x86".to_owned(),
            ..undecided(&format!("old/{number}.sys"))
        };
        let mut drivers = vec![undecided("arm.sys")];
        drivers.extend((0..6).map(x86));
        let told = text(&drivers, at_width(80));
        assert!(told.contains("\n  x86                                        6\n"), "{told}");
        assert!(!told.contains("old/"), "{told}");
        assert!(told.contains("\n  1 driver: ARM64 machine code is not examined yet\n"), "{told}");
        assert!(
            told.ends_with("\n7 drivers: 7 undecided (6 not for 64-bit Windows) (0.02 s)\n"),
            "{told}"
        );
        let alone = text(&[x86(1)], at_width(80));
        assert!(alone.contains("old/1.sys: undecided; not for 64-bit Windows"), "{alone}");
    }

    /// Lookaside lists raise the counter of pool types too, so one rule's findings are not all that counts.
    #[test]
    fn a_count_of_several_rules_is_told_by_rule() {
        let pool = |rule| (Counter::ExecutePoolType, objection(rule, 0x1000, "pool"));
        let found = vec![
            pool("executable-pool-type"),
            pool("executable-lookaside-list"),
            pool("executable-pool-type"),
        ];
        let told = text(&[driver("a.sys", found, &[])], at_width(100));
        assert!(
            told.contains(
                "3  fail\n      of which executable-pool-type ×2, executable-lookaside-list ×1\n"
            ),
            "{told}"
        );
    }

    #[test]
    fn of_no_drivers_only_the_last_line_is_told() {
        assert_eq!(text(&[], at_width(80)), "0 drivers (0.02 s)\n");
    }

    #[test]
    fn what_was_not_read_is_told() {
        let drivers = [passing("a.sys")];
        let unread = Unread { path: "gone.sys".to_owned(), reason: "access denied".to_owned() };
        let closing = Closing { unread: vec![unread], ..closing(&drivers) };
        let told = written(&drivers, &closing, |out| certification_text(out, at_width(80)));
        assert!(told.contains("\ngone.sys: unread: access denied\n"), "{told}");
        assert!(told.ends_with("\n1 driver: 1 pass; 1 unread (0.02 s)\n"), "{told}");
    }

    /// The form of the log: the module in lower case, a tabulator, the counter's line in lower case. A name
    /// cannot add a line of its own.
    #[test]
    fn the_script_form_is_that_of_the_log() {
        let script = written(&few(), &closing(&few()), |out| certification_script(out));
        assert_eq!(
            script,
            "Module: acmedisk.sys\n\
             \tReason: execute pool type count: 2\n\
             \tReason: unsupported relocs count: 3\n\
             Module: acmenet.sys\n\
             \tReason: execute page protection count: 1\n\
             Module: evil\\u{1b}[2j\\u{202e}\\u{a}\\u{9}reason: none.sys\n\
             \tReason: execute-write section count: 32\n"
        );
    }

    /// A table with a row for each driver that does not pass, whatever it is called, and within a comment.
    #[test]
    fn markdown_is_a_comment() {
        use pulldown_cmark::{Event, Options as Flavour, Parser, Tag};
        let rows = |text: &str| {
            let events = Parser::new_ext(text, Flavour::ENABLE_TABLES);
            events.filter(|event| matches!(event, Event::Start(Tag::TableRow))).count()
        };
        let text = written(&few(), &closing(&few()), |out| certification_markdown(out));
        insta::assert_snapshot!("certify-markdown", text);
        assert_eq!(rows(&text), 4, "{text}");
        let many: Vec<_> = (0..2_000).map(|number| failing(&format!("{number}.sys"))).collect();
        let text = written(&many, &closing(&many), |out| certification_markdown(out));
        assert!(text.len() < 60_000 && rows(&text) > 100, "{}", text.len());
        assert!(text.contains(" drivers more, with `--format json`"), "{text}");
    }

    #[test]
    fn the_streamed_document_is_the_report() {
        for drivers in [vec![], few()] {
            let closing = closing(&drivers);
            let streamed = written(&drivers, &closing, |out| certification_json(out));
            let targets = Sku::Desktop.targets();
            let report =
                CertificationReport::new(sample::TOOL, Sku::Desktop, targets, drivers, closing);
            let parsed: serde_json::Value = serde_json::from_str(&streamed).unwrap();
            assert_eq!(parsed, serde_json::to_value(&report).unwrap());
        }
    }

    #[test]
    fn lines_fit_the_terminal_and_nothing_steers_it() {
        for drivers in [few(), many()] {
            for width in (70..180).step_by(5) {
                for line in text(&drivers, at_width(width)).lines() {
                    assert_eq!(crate::safe(line), line);
                    // Names of drivers have their lines to themselves, and are told whole.
                    if !line.contains("evil") {
                        assert!(columns(line) <= width, "{} > {width}: {line}", columns(line));
                    }
                }
            }
        }
    }
}
