//! What users see, and what must hold for all of it.

use super::sample::{self, written};
use crate::format::{Format, Options};
use crate::layout::columns;
use crate::safe::is_harmful;

const FOR_PEOPLE: [Format; 3] = [Format::Full, Format::Concise, Format::Summary];

fn at_width(width: usize) -> Options {
    Options { width, ..sample::options() }
}

#[test]
fn each_kind_of_finding() {
    for width in [80, 100] {
        for format in FOR_PEOPLE {
            let text = written(format, &sample::report(), &at_width(width));
            insta::assert_snapshot!(format!("lint-{format}-{width}"), text);
        }
    }
    let text = written(Format::Html, &sample::report(), &at_width(80));
    insta::assert_snapshot!("lint-html", super::html::without_assets(&text));
    let others = [
        Format::Json,
        Format::Jsonl,
        Format::Sarif,
        Format::Junit,
        Format::Markdown,
        Format::Github,
        Format::Csv,
        Format::Msvc,
    ];
    let mut report = sample::report();
    // Lines of thousands of letters tell nobody anything here.
    report.findings.pop();
    for format in others {
        insta::assert_snapshot!(format!("lint-{format}"), written(format, &report, &at_width(80)));
    }
}

#[test]
fn colours() {
    let options = Options { color: true, ..at_width(80) };
    for format in FOR_PEOPLE {
        let report = sample::with(sample::report().findings[..4].to_vec());
        let text = written(format, &report, &options);
        insta::assert_snapshot!(format!("lint-colours-{format}"), text.replace('\u{1b}', "␛"));
    }
}

#[test]
fn no_findings() {
    for format in Format::LINT {
        let text = written(format, &sample::clean(vec![]), &Options::default());
        let text = super::html::without_assets(&text);
        insta::assert_snapshot!(format!("lint-none-{format}"), text);
    }
}

#[test]
fn the_last_line_is_the_scoreboard() {
    let report = sample::clean(sample::report().findings[..4].to_vec());
    for format in FOR_PEOPLE {
        let text = written(format, &report, &Options::default());
        let last = "12 files (5 parsed), 31 calls of DDIs, all known: 3 errors, 1 warning; 2 can be fixed with \
                    --fix, 1 more with --fix --unsafe-fixes (0.02 s)";
        assert_eq!(text.lines().last(), Some(last), "{format}");
    }
}

/// What is excused is counted and not written out; so are notes where nobody wants them.
#[test]
fn what_is_not_told_is_counted() {
    let mut report = sample::report();
    let quiet = Options { show_notes: false, ..at_width(80) };
    for format in [Format::Full, Format::Concise] {
        let text = written(format, &report, &quiet);
        assert!(!text.contains("src/jit.c") && !text.contains("CMakeLists.txt"), "{text}");
        // What is not known is there only because it was asked for.
        assert!(text.contains("note[executable-pool-type]"), "{text}");
    }
    report.findings.retain(|finding| finding.excuse.is_some());
    for format in [Format::Full, Format::Summary] {
        let text = written(format, &report, &quiet);
        assert!(text.contains("no finding fails: 3 errors are excused\n"), "{text}");
    }
    let last = "31 calls of DDIs, 28 of 31 known (--show all tells the others): no findings; \
                2 accepted, 1 in the baseline; ";
    assert!(written(Format::Concise, &report, &quiet).contains(last));
}

/// What was said of one finding is not said again of those like it.
#[test]
fn alike_findings_are_short() {
    let report = sample::clean(vec![sample::safe(), sample::safe()]);
    let text = written(Format::Full, &report, &Options::default());
    assert_eq!(text.matches("= help: pass").count(), 1, "{text}");
    assert_eq!(text.matches("= notes and help: as at src/pool.c:57:36\n").count(), 1, "{text}");
    assert_eq!(text.matches("= fix: pass `NonPagedPoolNx` (safe)\n").count(), 2, "{text}");
}

/// Only lines with a whole path may be wider.
#[test]
fn lines_fit_the_terminal() {
    let report = sample::report();
    for width in (70..180).step_by(5) {
        let options = Options { terminal: true, ..at_width(width) };
        for format in [Format::Full, Format::Summary] {
            for line in written(format, &report, &options).lines() {
                let whole =
                    ["--> ", "::: "].iter().any(|arrow| line.trim_start().starts_with(arrow));
                assert!(whole || columns(line) <= width, "{} > {width}: {line}", columns(line));
            }
        }
    }
}

#[test]
fn nothing_from_a_file_reaches_the_terminal_raw() {
    for format in Format::LINT {
        let text = written(format, &sample::report(), &sample::options());
        // CSV ends its rows as RFC 4180 wants it.
        let raw = text.replace("\r\n", "\n").chars().find(|&c| c != '\n' && is_harmful(c));
        assert_eq!(raw, None, "{format}");
    }
}

/// The same report twice is the same text, but for what is asked to tell the time.
#[test]
fn time_is_told_to_people_only() {
    let mut later = sample::report();
    later.elapsed *= 500;
    for format in Format::LINT {
        let same = written(format, &sample::report(), &sample::options())
            == written(format, &later, &sample::options());
        assert_eq!(same, !FOR_PEOPLE.contains(&format), "{format}");
    }
}

/// No test by itself: `cargo xtask reports` lets other programs check what is written here.
#[test]
#[ignore = "cargo xtask reports runs it"]
fn samples_for_other_programs() {
    let folder = std::env::var_os("RINGFENCE_SAMPLES").expect("the folder to write to");
    let folder = std::path::Path::new(&folder);
    for format in Format::LINT {
        for (name, report) in [("lint", sample::report()), ("lint-none", sample::clean(vec![]))] {
            let text = written(format, &report, &sample::options());
            std::fs::write(folder.join(format!("{name}.{format}")), text).unwrap();
        }
    }
}
