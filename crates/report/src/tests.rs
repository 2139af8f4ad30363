//! What users see, and what must hold for all of it.

use crate::format::{Format, Options};
use crate::layout::columns;
use crate::sample::{self, written, written_with};
use ringfence_finding::{
    Answer, Closing, DebugSymbols, Examination, Fault, LeftOut, Level, Unread,
};
use std::time::Duration;

const FOR_PEOPLE: [Format; 3] = [Format::Full, Format::Concise, Format::Summary];

/// Whose own tests tell what they look like.
const OTHERS: [Format; 4] = [Format::Json, Format::Jsonl, Format::Sarif, Format::Html];

fn at_width(width: usize) -> Options {
    Options { width, ..Options::default() }
}

fn on_terminal(width: usize) -> Options {
    Options { terminal: true, ..at_width(width) }
}

/// 2 000 files: 20 that do not load, 30 that only certification objects to, 2 that could not be
/// followed, the rest clean.
fn many() -> (Vec<Examination>, Closing) {
    let folder = r"D:\Windows\System32\DriverStore\FileRepository";
    let drivers: Vec<Examination> = (0..1_985)
        .map(|index| match index {
            0..20 => sample::writable_executable(&format!(
                r"{folder}\acmedisk.inf_amd64_{index:04x}\acmedisk{index}.sys"
            )),
            20..50 => sample::certify_only(&format!(r"{folder}\rgb.inf_amd64_{index:04x}\rgb.sys")),
            50..52 => sample::unreadable_imports(&format!(r"{folder}\v.inf\vprotect{index}.sys")),
            52..100 => sample::straddling(&format!(r"{folder}\old.inf\old{index}.sys")),
            _ => sample::clean(&format!(r"{folder}\usb.inf\usb{index}.sys")),
        })
        .collect();
    let mut closing = sample::closing(&drivers);
    closing.totals.files = 2_000;
    closing.totals.distinct = Some(1_731);
    closing.unread = troubles();
    closing.left_out = LeftOut { not_pe: 9, user_mode: 2, not_native: 1 };
    closing.elapsed = Duration::from_millis(4_130);
    (drivers, closing)
}

fn troubles() -> Vec<Unread> {
    let unread = |path: &str, reason: &str| Unread { path: path.into(), reason: reason.into() };
    vec![
        unread("locked.sys", "access is denied"),
        unread("gone.sys", "the file was removed while it was scanned"),
        unread("C:\\cut.sys", "\u{1b}[2Jthe optional header ends after 12 bytes"),
    ]
}

fn nothing_but_troubles() -> Closing {
    let mut closing = sample::closing(&[]);
    closing.totals.files = 3;
    closing.unread = troubles();
    closing.faults = vec![Fault {
        path: "odd.sys".to_owned(),
        rule: "unaligned-section",
        message: "index out of bounds: the len is 3 but the index is 3".to_owned(),
    }];
    closing
}

#[test]
fn clean_driver() {
    for format in FOR_PEOPLE {
        let text = written(format, &[sample::clean("usbacme.sys")], at_width(80));
        insta::assert_snapshot!(format!("clean-{format}"), text);
    }
}

#[test]
fn each_kind_of_driver() {
    for width in [80, 100] {
        for format in FOR_PEOPLE {
            let text = written(format, &sample::all()[..5], at_width(width));
            insta::assert_snapshot!(format!("kinds-{format}-{width}"), text);
        }
    }
}

#[test]
fn machine_code() {
    for width in [80, 100] {
        for format in FOR_PEOPLE {
            let text = written(format, &sample::with_code(), at_width(width));
            insta::assert_snapshot!(format!("code-{format}-{width}"), text);
        }
    }
    for format in [Format::Json, Format::Jsonl] {
        let text = written(format, &sample::with_code()[..1], Options::default());
        insta::assert_snapshot!(format!("code-{format}"), text);
    }
}

#[test]
fn sources() {
    for format in FOR_PEOPLE {
        let text = written(format, &sample::with_sources(), at_width(80));
        insta::assert_snapshot!(format!("sources-{format}"), text);
    }
    let text = written(Format::Jsonl, &sample::with_sources()[..1], Options::default());
    insta::assert_snapshot!("sources-jsonl", text);
}

/// What was said of one finding is not said again of those like it, but for the next driver it is.
#[test]
fn alike_findings_are_short() {
    let drivers = ["acmedisk.sys", "acmenet.sys"].map(sample::alike);
    let text = written(Format::Full, &drivers, at_width(160));
    let remarks: Vec<&str> =
        text.lines().filter(|line| line.contains(" = ")).map(str::trim).collect();
    let whole = [
        "= note: Driver Verifier stops this call with bug check 0xC4, parameter 0x2000",
        "= help: pass `NonPagedPoolNx` (Windows 8), or call `ExAllocatePool2` with `POOL_FLAG_NON_PAGED` \
         (Windows 10 2004)",
        "= known as: 0xC4:0x2000, C30030, Execute Pool Type",
    ];
    let other = ["= note: another note", whole[1], whole[2]];
    let again = ["= notes and help: as at 1a45"];
    let one = [&whole[..], &again, &other, &again].concat();
    assert_eq!(remarks, [&one[..], &one].concat());
}

#[test]
fn colours() {
    let options = Options { color: true, ..at_width(80) };
    for format in FOR_PEOPLE {
        let text = written(format, &sample::all()[..2], options.clone());
        insta::assert_snapshot!(format!("colours-{format}"), text.replace('\u{1b}', "␛"));
    }
}

#[test]
fn without_notes() {
    let options = Options { show_notes: false, ..at_width(80) };
    for format in [Format::Full, Format::Concise] {
        let text = written(format, &sample::all()[1..3], options.clone());
        insta::assert_snapshot!(format!("without-notes-{format}"), text);
    }
}

#[test]
fn many_drivers() {
    let (drivers, closing) = many();
    for width in [80, 100, 160] {
        let text = written_with(Format::Summary, &drivers, &closing, at_width(width));
        insta::assert_snapshot!(format!("many-summary-{width}"), text);
    }
}

#[test]
fn hostile_and_long_names() {
    for format in FOR_PEOPLE {
        let text = written(format, &sample::all()[5..7], at_width(80));
        insta::assert_snapshot!(format!("names-{format}"), text);
    }
}

/// What none of the usual drivers has: all answers yes, an objection though it may not load, many
/// reasons and many defects.
#[test]
fn rare_drivers() {
    let mut drivers = vec![sample::fine("fine.sys"), sample::objected_and_open("open.sys")];
    drivers.extend((0..50).map(|index| {
        let reason = format!("the structure numbered {} of the image is cut short", index % 40);
        sample::undecided(&format!("undecided{index}.sys"), &reason)
    }));
    drivers.extend((0..1_200).map(|index| {
        sample::undecided(&format!("same{index}.sys"), "the import table points outside the image")
    }));
    let mut mangled = sample::unreadable_imports("mangled.sys");
    mangled.defects = vec![mangled.defects[0].clone(); 25];
    insta::assert_snapshot!("rare-full", written(Format::Full, &[mangled], at_width(80)));
    insta::assert_snapshot!("rare-summary", written(Format::Summary, &drivers, at_width(80)));
}

#[test]
fn no_drivers() {
    let shown = |format: Format, text: String| match format {
        Format::Html => crate::html::without_assets(&text),
        _ => text,
    };
    for format in Format::ALL {
        let text = written(format, &[], at_width(80));
        insta::assert_snapshot!(format!("none-{format}"), shown(format, text));
        let text = written_with(format, &[], &nothing_but_troubles(), at_width(80));
        insta::assert_snapshot!(format!("troubles-{format}"), shown(format, text));
    }
}

/// Excused findings are told with their reason, in every format for people and in those that fail builds.
#[test]
fn excused_findings() {
    let drivers = [sample::all_excused("acmedisk.sys"), sample::all_excused("acmenet.sys")];
    for format in Format::ALL.into_iter().filter(|format| !OTHERS.contains(format)) {
        let text = written(format, &drivers[..1], at_width(100));
        insta::assert_snapshot!(format!("excused-{format}"), text);
    }
    for format in FOR_PEOPLE {
        let text = written(format, &drivers, at_width(100));
        let last = text.lines().last().unwrap();
        let excused = "2 drivers, 8 findings (4 accepted, 4 in the baseline): load ";
        assert!(last.starts_with(excused), "{last}");
    }
}

#[test]
fn formats_for_servers_and_editors() {
    let drivers = [
        sample::writable_executable("drivers/acmedisk.sys"),
        sample::with_sources().remove(0),
        sample::unreadable_imports("drivers/vprotect64.sys"),
        sample::fine("drivers/fine.sys"),
    ];
    let mut closing = nothing_but_troubles();
    closing.totals = sample::closing(&drivers).totals;
    let formats = [Format::Junit, Format::Markdown, Format::Github, Format::Csv, Format::Msvc];
    for format in formats {
        let docs = Some("https://docs.example/ringfence".to_owned());
        let options = Options { docs, ..Options::default() };
        let text = written_with(format, &drivers, &closing, options);
        insta::assert_snapshot!(format!("servers-{format}"), text);
    }
}

#[test]
fn machine_formats() {
    for format in [Format::Json, Format::Jsonl] {
        let text = written(format, &sample::all()[1..2], Options::default());
        insta::assert_snapshot!(format!("kinds-{format}"), text);
    }
}

#[test]
fn nothing_from_a_file_reaches_the_terminal_raw() {
    for format in FOR_PEOPLE {
        let text = written_with(format, &sample::all(), &nothing_but_troubles(), at_width(80));
        let raw = text.chars().find(|&c| c != '\n' && crate::safe(&c.to_string()) != c.to_string());
        assert_eq!(raw, None, "{format}");
        assert!(text.lines().all(|line| !line.starts_with("load yes")), "{format}");
    }
}

/// No test by itself: `cargo xtask reports` lets other programs check what is written here.
#[test]
#[ignore = "cargo xtask reports runs it"]
fn samples_for_other_programs() {
    let folder = std::env::var_os("RINGFENCE_SAMPLES").expect("the folder to write to");
    let folder = std::path::Path::new(&folder);
    let (many, closing) = many();
    let docs = Some("https://example.org/docs".to_owned());
    let options = || Options { docs: docs.clone(), ..Options::default() };
    for format in Format::ALL {
        let write = |name: &str, text| {
            std::fs::write(folder.join(format!("{name}.{format}")), text).unwrap();
        };
        write("all", written(format, &sample::all(), options()));
        write("none", written(format, &[], options()));
        let troubles = nothing_but_troubles();
        write("troubles", written_with(format, &sample::all(), &troubles, options()));
        write("many", written_with(format, &many[..200], &closing, options()));
        write("excused", written(format, &sample::excused_and_new(), options()));
    }
}

/// Only lines with a whole path or digest may be wider on a terminal; elsewhere the last line is one by promise.
#[test]
fn lines_fit_the_terminal() {
    let (many, closing) = many();
    for width in (70..180).step_by(5) {
        for (drivers, closing) in [(&many[..], &closing), (&sample::all(), &nothing_but_troubles())]
        {
            let text = written_with(Format::Summary, drivers, closing, on_terminal(width));
            for line in text.lines() {
                assert!(columns(line) <= width, "{} > {width}: {line}", columns(line));
            }
        }
        let text = written(Format::Full, &sample::all(), on_terminal(width));
        let paths: Vec<_> = sample::all().iter().map(|d| crate::safe(&d.path).into()).collect();
        let whole = |line: &&str| {
            line.starts_with("  sha256 ") || paths.iter().any(|path: &String| line.contains(path))
        };
        for line in text.lines().filter(|line| !whole(line)) {
            assert!(columns(line) <= width, "{} > {width}: {line}", columns(line));
        }
    }
}

#[test]
fn every_finding_and_driver_has_its_concise_line() {
    let drivers = sample::all();
    let text = written(Format::Concise, &drivers, Options::default());
    let refused = |driver: &Examination| {
        usize::from(matches!(driver.symbols, Some(DebugSymbols::Refused { .. })))
    };
    let lines =
        |driver: &Examination| driver.findings.len() + driver.defects.len() + refused(driver) + 1;
    let expected: usize = drivers.iter().map(lines).sum();
    assert_eq!(text.lines().count(), expected + 1);
}

#[test]
fn the_last_line_is_the_scoreboard() {
    let (drivers, closing) = many();
    for format in FOR_PEOPLE {
        let text = written_with(format, &drivers, &closing, Options::default());
        assert_eq!(
            text.lines().last(),
            Some(
                "2 000 files, 1 985 drivers (1 731 distinct, 2 malformed), 328 findings: \
                 load 1 963 yes 20 no 2 unknown · run 1 985 unknown · \
                 certify 50 no 1 935 unknown; 3 unread, 12 left out (4.1 s)"
            ),
            "{format}"
        );
    }
}

/// Two drivers more must not make a summary longer once its lists are full.
#[test]
fn summaries_stop_at_a_screenful() {
    let drivers: Vec<_> =
        (0..500).map(|index| sample::certify_only(&format!("{index}.sys"))).collect();
    let lines = |count| written(Format::Summary, &drivers[..count], at_width(160)).lines().count();
    assert_eq!(lines(100), lines(500));
}

/// What is a warning is no part of the count that the answers have.
#[test]
fn levels_of_a_rule_are_counted_apart() {
    let mut driver = sample::alike("a.sys");
    let count = driver.findings.len();
    driver.findings[0].level = Level::Warning;
    driver.verdict.certify = Answer::No;
    let text = written(Format::Summary, &[driver], at_width(160));
    let told = format!("executable-pool-type ×{}, executable-pool-type (warning)", count - 1);
    assert!(text.contains(&told), "{text}");
}

#[test]
fn one_file_left_out_is_one() {
    let closing =
        Closing { left_out: LeftOut { not_pe: 1, ..LeftOut::default() }, ..sample::closing(&[]) };
    let text = written_with(Format::Summary, &[], &closing, at_width(80));
    assert!(text.starts_with("left out 1 file: 1 not a PE image\n"), "{text}");
}
