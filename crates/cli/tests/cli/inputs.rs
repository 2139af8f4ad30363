//! What can be named on the command line, and what of it counts as a driver.

use crate::run::{
    FORMATS, Ran, bad, clean, folder, immovable, native_program, ringfence, run, scan, scan_stdin,
};
use std::ffi::OsString;
use std::fs;

fn text() -> Vec<u8> {
    b"Not a driver, whatever it is called.\n".to_vec()
}

#[test]
fn standard_input() {
    let ran = scan_stdin("", clean());
    assert_eq!(ran.code, Some(0));
    // One file is told in full.
    assert!(ran.stdout.starts_with("-: load yes · run yes · certify yes\n"), "{ran:?}");
    assert_eq!(scan_stdin("--gate load", bad()).code, Some(1));
    for (bytes, reason) in [(text(), "not a PE image"), (Vec::new(), "the file is empty")] {
        let ran = scan_stdin("--format concise", bytes);
        assert_eq!(ran.code, Some(2));
        assert!(ran.line("-: unread").contains(reason), "{ran:?}");
    }
}

#[test]
fn a_list_of_paths() {
    let files = folder([
        ("a.sys", clean()),
        ("b.sys", bad()),
        ("deep/c.sys", immovable()),
        ("text.sys", text()),
    ]);
    let path = |name: &str| files.path().join(name).display().to_string();
    // As Windows' tools write lists: with carriage returns and a blank line, PowerShell in UTF-16.
    let lines = [path("deep"), String::new(), path("text.sys"), path("a.sys"), path("gone.sys")];
    let text = lines.join("\r\n");
    let utf16 = format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    for bytes in [text.into_bytes(), utf16] {
        fs::write(files.path().join("list"), bytes).unwrap();
        let ran = scan("--format json", format!("@{}", path("list")));
        assert_eq!(ran.drivers(), ["c.sys", "a.sys"]);
        let report = ran.json();
        assert_eq!(report["left_out"]["not_pe"], 1);
        assert!(report["unread"][0]["path"].as_str().unwrap().ends_with("gone.sys"));
    }
    let ran = scan("", format!("@{}", path("no-list")));
    assert_eq!(ran.code, Some(2));
    assert!(ran.stdout.contains("no-list: no such file or directory"), "{ran:?}");
}

#[test]
fn patterns_that_no_shell_has_expanded() {
    let files = folder([
        ("x/a.sys", clean()),
        ("x/b.dll", immovable()),
        ("y/c.sys", bad()),
        ("y/z/d.sys", native_program()),
        ("y/text.sys", text()),
    ]);
    let drivers = |pattern: &str| scan("--format jsonl", files.path().join(pattern)).drivers();
    assert_eq!(drivers("*/*.sys"), ["a.sys", "c.sys"]);
    assert_eq!(drivers("x/?.*"), ["a.sys", "b.dll"]);
    assert_eq!(drivers("**/[abc].sys"), ["a.sys", "c.sys"]);
    assert_eq!(drivers("y"), ["c.sys"]);
    // A folder that matches counts as a folder, and nothing in it is found twice.
    assert_eq!(drivers("?"), ["a.sys", "b.dll", "c.sys"]);
    assert_eq!(drivers("**/*"), ["a.sys", "b.dll", "c.sys"]);
    let none = scan("", files.path().join("*.nothing"));
    assert_eq!(none.code, Some(2));
    assert!(none.stdout.contains("no file matches this pattern"), "{none:?}");
}

#[test]
fn content_decides_not_the_name() {
    let files = folder([
        ("driver.txt", clean()),
        ("driver", bad()),
        ("text.sys", text()),
        ("native.exe", native_program()),
    ]);
    let ran = scan("--format json", files.path());
    assert_eq!(ran.drivers(), ["driver", "driver.txt"]);
    let report = ran.json();
    assert_eq!(report["left_out"]["not_pe"], 1);
    assert_eq!(report["left_out"]["user_mode"], 1);
    assert_eq!(report["totals"]["files"], 4);
    let summary = scan("", files.path());
    assert_eq!(summary.line("left out 2"), "left out 2 files: 1 not a PE image, 1 user mode");
    assert!(summary.last_line().starts_with("4 files, 2 drivers, "), "{summary:?}");
    assert!(summary.last_line().contains("; 2 left out ("), "{summary:?}");
}

/// Naming a file is asking about it; so the user hears why it is not examined.
#[test]
fn a_named_file_that_is_no_driver() {
    let files = folder([("text.sys", text()), ("native.exe", native_program())]);
    for format in FORMATS {
        let options = format!("--format {format}");
        let text = scan(&options, files.path().join("text.sys"));
        assert_eq!(text.code, Some(2), "{format}");
        let said = [text.stdout, text.stderr].concat();
        assert!(said.contains("text.sys") && said.contains("not a PE image"), "{said}");
        let native = scan(&options, files.path().join("native.exe"));
        assert_eq!(native.code, Some(3), "{format}");
        assert!(native.stderr.starts_with("left out "), "{native:?}");
        assert!(native.stderr.contains("native.exe: "), "{native:?}");
        assert!(native.stderr.to_lowercase().contains("ntdll.dll"), "{native:?}");
    }
    // Beside a good driver it is not lost.
    let files = folder([("clean.sys", clean()), ("native.exe", native_program())]);
    let mut line = ["scan", "--gate", "load"].map(OsString::from).to_vec();
    line.extend(["clean.sys", "native.exe"].map(|name| files.path().join(name).into_os_string()));
    let both = run(line);
    assert_eq!(both.code, Some(2), "{both:?}");
    assert_eq!(scan("--gate load", files.path()).code, Some(0));
}

#[test]
fn a_driver_that_imports_nothing_is_a_driver() {
    let files = folder([("lonely.sys", ringfence_fixture::driver().no_imports().bytes())]);
    assert_eq!(scan("--format jsonl", files.path()).drivers(), ["lonely.sys"]);
}

#[test]
fn equal_files_are_told_by_their_names_and_counted_once() {
    let files = folder([
        ("a.sys", clean()),
        ("b.sys", clean()),
        ("c/a.sys", clean()),
        ("d.sys", bad()),
        ("e.sys", bad()),
    ]);
    let ran = scan("--format json", files.path());
    assert_eq!(ran.drivers(), ["a.sys", "b.sys", "a.sys", "d.sys", "e.sys"]);
    let totals = &ran.json()["totals"];
    assert_eq!((&totals["drivers"], &totals["distinct"]), (&5.into(), &2.into()));
    let summary = scan("", files.path());
    assert!(summary.last_line().starts_with("5 drivers (2 distinct), "), "{summary:?}");
}

#[test]
fn without_hashing_there_are_no_digests() {
    let files = folder([("a.sys", clean()), ("b.sys", clean())]);
    let ran = scan("--format json --no-hash", files.path());
    let report = ran.json();
    assert!(report["totals"]["distinct"].is_null());
    for driver in report["drivers"].as_array().unwrap() {
        assert!(driver.as_object().unwrap().contains_key("sha256"));
        assert!(driver["sha256"].is_null() && driver["authentihash"].is_null());
    }
    assert!(!scan("--no-hash", files.path().join("a.sys")).stdout.contains("sha256"));
    assert!(scan("", files.path().join("a.sys")).stdout.contains("  sha256 "));
}

#[test]
fn the_order_is_that_of_inputs_then_of_names() {
    let files = folder([("b/2.sys", clean()), ("b/1.sys", bad()), ("a.sys", immovable())]);
    let inputs = ["b", "a.sys", "b/2.sys"].map(|name| files.path().join(name));
    let mut command = ringfence();
    let output = command.args(["scan", "--format", "jsonl"]).args(inputs).output().unwrap();
    assert_eq!(Ran::from(output).drivers(), ["1.sys", "2.sys", "a.sys", "2.sys"]);
}

/// The same bytes come out whatever the number of threads, with bad, equal and other files between.
#[test]
fn threads_make_no_difference() {
    let mut files: Vec<_> = ringfence_fixture::clean_corpus(120, 5).collect();
    files.extend(ringfence_fixture::malformed().into_iter().step_by(3).map(|(name, bytes)| {
        let name = format!("mixed/{name}.sys");
        (name, bytes)
    }));
    let twins: Vec<_> = files
        .iter()
        .take(30)
        .map(|(name, bytes)| (format!("twin/{name}"), bytes.clone()))
        .collect();
    files.extend(twins);
    let folder = folder(files.iter().map(|(name, bytes)| (name.as_str(), bytes.clone())));
    for format in ["jsonl", "json"] {
        let one = scan(&format!("--format {format} --threads 1"), folder.path());
        assert!(one.stdout.len() > 100_000);
        for threads in [2, 8] {
            let options = format!("--format {format} --threads {threads}");
            let many = scan(&options, folder.path());
            assert!(many.stdout == one.stdout, "{format} with {threads} threads differs");
            assert_eq!((many.code, many.stderr), (one.code, one.stderr.clone()));
        }
    }
}

#[test]
fn names_that_look_like_something_else() {
    let files = folder([("a[1].sys", clean()), ("@list.sys", clean()), ("-x.sys", clean())]);
    let ran = |name: &str| {
        let mut command = ringfence();
        command.current_dir(files.path()).args(["scan", "--format", "jsonl", "--", name]);
        Ran::from(command.output().unwrap()).drivers()
    };
    for name in ["a[1].sys", "@list.sys", "-x.sys"] {
        assert_eq!(ran(name), [name]);
    }
}

#[test]
fn a_folder_is_summarised_and_a_file_is_told_in_full() {
    let files = folder([("a.sys", clean())]);
    let summary = scan("", files.path());
    assert!(summary.stdout.starts_with("load, run and certify yes: 1 driver"), "{summary:?}");
    let full = scan("", files.path().join("a.sys"));
    assert!(full.line("a.sys: load yes").ends_with("certify yes"), "{full:?}");
    let two = [files.path().join("a.sys"), files.path().join("a.sys")];
    let output = ringfence().arg("scan").args(two).output().unwrap();
    assert!(Ran::from(output).stdout.starts_with("load, run and certify yes: 2 drivers"));
}
