//! On a terminal: colours, width, progress, and names that would like to steer it.

use crate::run::{FORMATS, Ran, bad, clean, folder, native_program, ringfence, scan};
use std::fs;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Runs `ringfence` on a terminal of its own and returns what is left to read there: a busy machine
/// may have seen progress before.
pub(crate) fn on_terminal(
    columns: u16,
    arguments: &[&str],
    environment: &[(&str, &str)],
) -> String {
    let sent = sent_to_terminal(columns, arguments, environment);
    sent.rsplit("\r\x1b[K").next().unwrap_or_default().to_owned()
}

/// Everything a terminal was sent that standard output and error are on.
fn sent_to_terminal(columns: u16, arguments: &[&str], environment: &[(&str, &str)]) -> String {
    // Quoted for the shell: the tests' arguments hold no quotes.
    let words = std::iter::once(env!("CARGO_BIN_EXE_ringfence")).chain(arguments.iter().copied());
    let words: Vec<String> = words.map(|word| format!("'{word}'")).collect();
    let shell = format!("stty cols {columns} rows 24; {}", words.join(" "));
    let mut command = Command::new("script");
    command.args(["-qec", &shell, "/dev/null"]).stdin(Stdio::null());
    command.env_remove("NO_COLOR").env_remove("FORCE_COLOR").env("TERM", "xterm");
    command.envs(environment.iter().copied());
    let ran = Ran::from(command.output().expect("script is there, from util-linux"));
    ran.stdout.replace("\r\n", "\n")
}

/// `text` without the sequences that colour it.
pub(crate) fn without_colors(text: &str) -> String {
    let mut pieces = text.split("\x1b[");
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |plain, piece| plain + piece.split_once('m').map_or(piece, |(_, rest)| rest))
}

#[test]
fn colours_only_when_asked_for() {
    let files = folder([("bad.sys", bad())]);
    for format in FORMATS {
        let ran = |options: &str| scan(&format!("--format {format} {options}"), files.path());
        assert!(!ran("").stdout.contains('\x1b'), "{format}");
        assert!(!ran("--color never").stdout.contains('\x1b'), "{format}");
        let always = ran("--color always").stdout;
        let machine = format.starts_with("json");
        assert_eq!(always.contains("\x1b["), !machine, "{format}");
        // Never colour alone: without it the words are the same. The time may differ.
        let untimed = |text: &str| text.rsplit_once(" (").map(|(rest, _)| rest.to_owned());
        if !machine {
            assert_eq!(untimed(&without_colors(&always)), untimed(&ran("").stdout), "{format}");
        }
    }
    let forced = |name: &str, value: &str, options: &[&str]| {
        let mut command = ringfence();
        command.env(name, value).arg("scan").args(options).arg(files.path());
        Ran::from(command.output().unwrap()).stdout.contains('\x1b')
    };
    assert!(forced("FORCE_COLOR", "1", &[]));
    assert!(!forced("FORCE_COLOR", "1", &["--color", "never"]));
    assert!(forced("NO_COLOR", "1", &["--color", "always"]));
}

#[test]
fn a_terminal_gets_colours_unless_it_says_no() {
    let files = folder([("bad.sys", bad())]);
    let path = files.path().to_str().unwrap();
    let colored = |arguments: &[&str], environment: &[(&str, &str)]| {
        let arguments = [&["scan", path], arguments].concat();
        let seen = on_terminal(80, &arguments, environment);
        assert!(seen.contains("bad.sys"), "{seen}");
        seen.contains("\x1b[")
    };
    assert!(colored(&[], &[]));
    assert!(!colored(&[], &[("NO_COLOR", "1")]));
    assert!(colored(&[], &[("NO_COLOR", "")]), "an empty NO_COLOR says nothing");
    assert!(!colored(&[], &[("TERM", "dumb")]));
    assert!(!colored(&["--color", "never"], &[]));
    assert!(!colored(&["--format", "json"], &[]));
}

#[test]
fn reports_fit_the_terminal() {
    let shapes = ringfence_fixture::malformed().into_iter().filter(|(name, _)| {
        ["rule-", "sections-", "import-", "certificate-"].iter().any(|p| name.starts_with(p))
    });
    let mut files: Vec<_> = shapes
        .map(|(name, bytes)| (format!("a-rather-long-folder-name/{name}.sys"), bytes))
        .collect();
    files.push(("bad.sys".to_owned(), bad()));
    let files = folder(files.iter().map(|(name, bytes)| (name.as_str(), bytes.clone())));
    let path = files.path().to_str().unwrap();
    for columns in [80, 120] {
        for command in ["scan", "calls", "certify"] {
            for line in on_terminal(columns, &[command, path], &[]).lines().map(without_colors) {
                assert!(line.chars().count() <= usize::from(columns), "{command}: {line}");
            }
        }
    }
    for rule in ["writable-executable-section", "straddling-relocation"] {
        for line in on_terminal(80, &["explain", rule], &[]).lines().map(without_colors) {
            // Addresses and examples are of no use broken.
            let whole = line.contains("https://") || line.starts_with("      ");
            assert!(line.chars().count() <= 80 || whole, "{line}");
        }
    }
    for line in on_terminal(80, &["list", "rules"], &[]).lines().map(without_colors) {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

/// Only a single word may be wider, as it is of no use broken.
#[test]
fn what_is_no_report_fits_the_terminal_too() {
    let files = folder([("bad.sys", bad())]);
    let driver = files.path().join("bad.sys").to_string_lossy().into_owned();
    let settings = "report = [\"json=a.json\", \"sarif=a.sarif\", \"html=a.html\", \"csv=a.csv\"]\n\
        [[accept]]\nrule = \"writable-executable-section\"\npath = \"some/folder/of/old/drivers/*.sys\"\n\
        reason = \"with the next release all of them are replaced by drivers of another kind\"\n";
    fs::write(files.path().join("ringfence.toml"), settings).unwrap();
    let commands: [&[&str]; 9] = [
        &["scan", &driver],
        &["list"],
        &["list", "targets"],
        &["list", "settings", &driver],
        &["scan", "--help"],
        &["calls", "-h"],
        &["completions", "-h"],
        &["scan", "--format", "markdwon", "x"],
        &["explain", "a-rule-that-is-not-there"],
    ];
    for arguments in commands {
        for line in on_terminal(80, arguments, &[]).lines().map(without_colors) {
            let words = line.split_whitespace().count();
            let arrow = line.trim_start().starts_with("--> ");
            let is_whole = words == 1 || (arrow && words == 2);
            assert!(line.chars().count() <= 80 || is_whole, "{arguments:?}: {line}");
        }
    }
}

/// Drivers of one family differ in the middle of their names, so these stay whole.
#[test]
fn names_are_told_apart_on_a_narrow_terminal() {
    let version = |info: ringfence_fixture::VersionInfo| {
        info.file_version([10, 0, 19041, 3636])
            .string("CompanyName", "A Company of Many Words, Inc.")
    };
    let driver = ringfence_fixture::driver().relocs_stripped().version_info(version).bytes();
    let names = ["libacme-3.0.7-chk-x64.sys", "libacme-3.0.7-fre-x64.sys"];
    let files = folder(names.map(|name| (name, driver.clone())));
    let seen = without_colors(&on_terminal(80, &["scan", files.path().to_str().unwrap()], &[]));
    for name in names {
        assert!(seen.contains(name), "{name}: {seen}");
    }
}

/// A scan that waits for a slow pipe shows how far it is, and wipes the line at the end.
#[test]
fn long_scans_show_progress_on_a_terminal_only() {
    let files = folder([("1.sys", clean()), ("3.sys", bad())]);
    let path = |name: &str| files.path().join(name).to_str().unwrap().to_owned();
    assert!(Command::new("mkfifo").arg(path("2.sys")).status().unwrap().success());
    let slowly = || {
        let pipe = path("2.sys");
        std::thread::spawn(move || {
            let mut pipe = fs::OpenOptions::new().write(true).open(pipe).unwrap();
            std::thread::sleep(Duration::from_millis(700));
            pipe.write_all(&clean()).unwrap();
        })
    };
    let (first, second, third) = (path("1.sys"), path("2.sys"), path("3.sys"));
    let arguments = ["scan", "--format", "summary", &first, &second, &third];
    let writer = slowly();
    let seen = sent_to_terminal(80, &arguments, &[]);
    writer.join().unwrap();
    // Drawn at least once; wiped before the report begins, which it would otherwise stand before.
    let drawn: Vec<_> = seen.split("\r\x1b[K").collect();
    let [before, lines @ .., report] = &drawn[..] else { panic!("no progress: {seen:?}") };
    assert_eq!(*before, "");
    assert!(lines.iter().any(|line| line.contains("2 of 3   2.sys")), "{seen:?}");
    for line in lines {
        assert!(line.starts_with("scanning  ") && line.chars().count() < 80, "{line}");
    }
    let report = without_colors(report);
    assert!(report.starts_with("does not load"), "{report}");
    assert!(report.contains("3 drivers (2 distinct), "), "{report}");
    let writer = slowly();
    let dumb = sent_to_terminal(80, &arguments, &[("TERM", "dumb")]);
    writer.join().unwrap();
    assert!(dumb.starts_with("does not load"), "{dumb:?}");
    assert!(!dumb.contains('\x1b'), "{dumb:?}");
    let writer = slowly();
    let piped = Ran::from(ringfence().args(arguments).output().unwrap());
    writer.join().unwrap();
    assert_eq!(piped.stderr, "");
    assert!(!piped.stdout.contains("scanning"));
}

/// Names that set the title, clear the screen, break the line or read backwards.
#[test]
fn names_cannot_steer_the_terminal() {
    let names = [
        "\x1b]0;title\x07.sys".as_bytes(),
        b"\x1b[2J\x1b[31mred.sys",
        "line\nerror: forged.sys".as_bytes(),
        "cr\roverwritten.sys".as_bytes(),
        "gpj\u{202e}sys.exe".as_bytes(),
        "zero\u{200b}width.sys".as_bytes(),
        "c1\u{9b}2J.sys".as_bytes(),
        b"latin1-\xff\xfe.sys",
    ];
    for bytes in [bad(), b"MZ".to_vec(), native_program(), crate::run::blemished()] {
        let files = folder([]);
        for name in names {
            fs::write(files.path().join(std::ffi::OsStr::from_bytes(name)), &bytes).unwrap();
        }
        for format in FORMATS {
            // As a folder, and each by name.
            let mut each = ringfence();
            each.args(["scan", "--format", format]);
            each.args(fs::read_dir(files.path()).unwrap().map(|entry| entry.unwrap().path()));
            let each = Ran::from(each.output().unwrap());
            for ran in [scan(&format!("--format {format}"), files.path()), each] {
                let said = [ran.stdout, ran.stderr].concat();
                let steers =
                    |c: char| c.is_control() && c != '\n' || matches!(c, '\u{202e}' | '\u{200b}');
                assert!(!said.contains(steers), "{format}: {said:?}");
                assert!(!said.lines().any(|line| line.starts_with("error: forged")), "{said}");
            }
        }
    }
    let explained = crate::run::run(["explain", "\x1b[2J\u{202e}"]);
    assert!(!explained.stderr.contains('\x1b'), "{explained:?}");
    assert!(explained.stderr.contains("\\u{1b}[2J"), "{explained:?}");
}

/// Words for people end where the terminal does; commands to be copied stay whole.
#[test]
fn verifier_and_import_are_filled_to_the_width() {
    let files = folder([(
        "query.txt",
        b"Verifier Flags: 0x000209BB\nMODULE: a.sys (load: 1 / unload: 0)\n".to_vec(),
    )]);
    let query = files.path().join("query.txt");
    let driver = crate::run::workspace("examples/drivers/clean-arm64.sys");
    let (query, driver) = (query.to_str().unwrap(), driver.to_str().unwrap());
    let state = files.path().join("state.json");
    let environment = [("RINGFENCE_STATE", state.to_str().unwrap())];
    for arguments in [
        &["verifier", "/?"][..],
        &["verifier", "/flags", "0x020FFFFF", "/volatile", "/driver", driver],
        &["verifier", "/flags", "0x02000000", "/driver", driver, "/bootmode", "oneboot"],
        &["import", query],
    ] {
        for columns in [80, 120] {
            let told = without_colors(&on_terminal(columns, arguments, &environment));
            let is_whole =
                |line: &&str| line.contains("verifier.exe ") || line.contains("run them here: ");
            let words = told.lines().filter(|line| !is_whole(line) && !line.contains(driver));
            let widest = words.map(|line| line.chars().count()).max().unwrap_or(0);
            assert!(widest <= usize::from(columns), "{arguments:?} at {columns}: {told}");
            assert!(widest > usize::from(columns) - 25, "{arguments:?} at {columns}: {told}");
        }
    }
}
