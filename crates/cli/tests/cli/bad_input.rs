//! Whatever the input: a message that names file and reason, the scan goes on, the exit code tells.

use crate::run::{FORMATS, Ran, clean, folder, malformed, scan};

/// Asserts that `bytes`, named, found in a folder and in every format, are reported with `reason`,
/// and that the exit code is `code`.
#[track_caller]
fn told(bytes: Vec<u8>, reason: &str, code: i32) {
    let files = folder([("odd-one.sys", bytes), ("clean.sys", clean())]);
    for format in FORMATS {
        let options = format!("--format {format}");
        let named = scan(&options, files.path().join("odd-one.sys"));
        told_by(&named, reason, code);
        let found = scan(&options, files.path());
        told_by(&found, reason, code);
        let said = [found.stdout, found.stderr].concat();
        // The scan went on, or had gone on before.
        assert!(format == "summary" || said.contains("clean.sys"), "{format}: {said}");
    }
}

#[track_caller]
fn told_by(ran: &Ran, reason: &str, code: i32) {
    let said = [ran.stdout.as_str(), &ran.stderr].concat();
    // The summary wraps long reasons.
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    // The summary names no drivers of which nothing is to be said.
    let fine = said.starts_with("load, run and certify yes: ");
    assert!(fine || said.contains("odd-one.sys"), "{said}");
    assert!(said.contains(reason), "{reason}: {said}");
    assert_eq!(ran.code, Some(code), "{said}");
}

#[test]
fn truncated_files() {
    for (name, reason) in [
        ("mz-only", "truncated: the MS-DOS header would end at 0x40, the file ends at 0x2"),
        ("truncated-in-dos-header", "truncated: the MS-DOS header would end at 0x40"),
        ("truncated-before-signature", "truncated: the PE signature would end at"),
        ("truncated-in-file-header", "truncated: "),
        ("e-lfanew-max", "truncated: the PE signature would end at 0x100000003"),
        ("truncated-in-section-table", "section table cut short"),
        ("truncated-in-half", "section data "),
    ] {
        let code = if reason.starts_with("truncated") { 2 } else { code_of(name) };
        told(malformed(name), reason, code);
    }
}

/// The code that the report of a shape asks for: 1 where an answer is no, 2 where a part is malformed.
fn code_of(name: &str) -> i32 {
    let files = folder([("odd-one.sys", malformed(name))]);
    let report = scan("--format json", files.path()).json();
    let driver = &report["drivers"][0];
    let no = ["load", "run", "certify"].iter().any(|question| driver["verdict"][question] == "no");
    let malformed = driver["defects"] != serde_json::json!([]);
    if no { 1 } else { 2 * i32::from(malformed) }
}

#[test]
fn empty_files() {
    told(Vec::new(), "the file is empty", 2);
    // By the name of an empty file that is no driver's, nothing is missing.
    let files = folder([("empty.txt", Vec::new()), ("clean.sys", clean())]);
    assert_eq!(scan("", files.path()).code, Some(0));
}

#[test]
fn claims_of_four_gibibytes() {
    for (name, structure) in [
        ("section-all-sizes-max", "section data "),
        ("section-raw-size-max", "section data "),
        ("relocation-directory-size-max", "base relocations "),
        ("exception-size-max", "exception directory "),
        ("certificate-table-max", "certificate table "),
        ("debug-size-max", "debug directory "),
        ("load-config-size-max", "load configuration "),
    ] {
        told(malformed(name), structure.trim_end(), code_of(name));
    }
}

#[test]
fn odd_section_tables() {
    for (name, reason) in [
        ("sections-65535-claimed", "section table cut short"),
        ("sections-65535", ""),
        ("sections-none-claimed", ""),
        ("sections-none", ""),
        ("sections-overlap-in-file", ""),
        ("sections-overlap-in-memory", ""),
    ] {
        told(malformed(name), reason, code_of(name));
    }
}

#[test]
fn directories_that_point_outside() {
    for (name, structure) in [
        ("import-outside", "import table"),
        ("delay-import-outside", "delay import table"),
        ("export-outside", "export table"),
        ("exception-outside", "exception directory"),
        ("resource-outside", "resources"),
        ("debug-outside", "debug directory"),
        ("load-config-outside", "load configuration"),
        ("relocation-outside", "base relocations"),
        ("certificate-past-end", "certificate table"),
    ] {
        told(malformed(name), structure, code_of(name));
    }
}

#[test]
fn relocation_blocks_and_resources() {
    // The last line says why the exit code is not 0 although nothing is found.
    let files = folder([("odd-one.sys", malformed("resource-cycle-of-one"))]);
    let full = scan("", files.path().join("odd-one.sys"));
    assert!(full.last_line().starts_with("1 driver (1 malformed), 0 findings: "), "{full:?}");
    for size in ["0", "1", "4", "7", "9", "odd", "max"] {
        let name = format!("relocation-block-size-{size}");
        told(malformed(&name), "base relocations ", code_of(&name));
    }
    for name in ["resource-cycle-of-one", "resource-cycle-of-two", "resource-cycle-wide"] {
        told(malformed(name), "resources referring back to itself", code_of(name));
    }
}

/// All shapes in one folder, in every format: no panic, no fault of our own, and every one counted.
#[test]
fn all_malformed_shapes_at_once() {
    let shapes = ringfence_fixture::malformed();
    let names: Vec<_> = shapes.iter().map(|(name, _)| format!("{name}.sys")).collect();
    let files = folder(names.iter().map(String::as_str).zip(shapes.into_iter().map(|(_, b)| b)));
    for format in FORMATS {
        let ran = scan(&format!("--format {format}"), files.path());
        assert_eq!(ran.code, Some(1), "{format}");
        let said = [ran.stdout.as_str(), &ran.stderr].concat();
        for word in ["panicked", "internal:", "fault[", "please report"] {
            assert!(!said.contains(word), "{format}: {word}");
        }
        if format == "json" {
            let report = ran.json();
            assert_eq!(report["totals"]["files"], names.len());
            assert_eq!(report["faults"].as_array().unwrap().len(), 0);
        }
    }
    for name in &names {
        let ran = scan("--format concise", files.path().join(name));
        let said = [ran.stdout.as_str(), &ran.stderr].concat();
        assert!(said.contains(name.as_str()), "{name}: {said}");
        assert!(matches!(ran.code, Some(0..=3)), "{name}: {ran:?}");
    }
}

#[cfg(unix)]
mod unix {
    use super::*;
    use crate::run::{file_name, ringfence};
    use std::fs::{self, File, Permissions};
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
    use std::os::unix::process::CommandExt;
    use std::path::Path;
    use std::process::{Command, Stdio};
    use std::time::{Duration, Instant};

    /// The user that owns nothing.
    const NOBODY: u32 = 65534;

    fn chmod(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    /// Runs a copy of the binary that anyone may run, as somebody who may not read everything: root
    /// reads what it likes, so the tests would prove nothing.
    fn scan_unprivileged(options: &str, input: &Path) -> Ran {
        let place = tempfile::tempdir().unwrap();
        chmod(place.path(), 0o755);
        let copy = place.path().join("ringfence");
        // Copied by another process: a file this one has open for writing, and a child of another
        // test with it, cannot be run.
        let copied = Command::new("cp").arg(ringfence().get_program()).arg(&copy).status();
        assert!(copied.unwrap().success());
        let mut command = Command::new(copy);
        // Who runs the tests is who owns what they make.
        if fs::metadata(place.path()).unwrap().uid() == 0 {
            command.uid(NOBODY).gid(NOBODY);
        }
        command.arg("scan").args(options.split_whitespace()).arg(input).current_dir("/");
        command.stdin(Stdio::null()).output().expect("the copy starts").into()
    }

    #[test]
    fn what_may_not_be_read() {
        let files = folder([
            ("clean.sys", clean()),
            ("secret.sys", clean()),
            ("closed/inner.sys", clean()),
            ("listed/inner.sys", clean()),
        ]);
        chmod(files.path(), 0o755);
        chmod(&files.path().join("secret.sys"), 0o000);
        chmod(&files.path().join("closed"), 0o000);
        // Its entries can be listed but not opened.
        chmod(&files.path().join("listed"), 0o744);
        for format in FORMATS {
            let ran = scan_unprivileged(&format!("--format {format}"), files.path());
            assert_eq!(ran.code, Some(2), "{format}: {ran:?}");
            let said = [ran.stdout, ran.stderr].concat();
            for name in ["secret.sys", "closed", "listed/inner.sys"] {
                assert!(said.contains(&format!("{name}: ")), "{format}: {name}: {said}");
            }
            assert_eq!(said.matches("permission denied").count() % 3, 0, "{format}: {said}");
            assert!(format == "summary" || said.contains("clean.sys"), "{format}: {said}");
        }
        for name in ["secret.sys", "closed"] {
            let ran = scan_unprivileged("", &files.path().join(name));
            assert_eq!(ran.code, Some(2), "{ran:?}");
            assert!(ran.stdout.contains("permission denied"), "{ran:?}");
        }
        chmod(&files.path().join("closed"), 0o755);
    }

    #[test]
    fn symbolic_links() {
        let files = folder([("real/a.sys", clean())]);
        let link = |target: &str, name: &str| symlink(target, files.path().join(name)).unwrap();
        link("real/a.sys", "good.sys");
        link("gone.sys", "broken.sys");
        link("circle.sys", "circle.sys");
        link("..", "real/up");
        let ran = scan("--format json", files.path());
        assert_eq!(ran.drivers(), ["good.sys", "a.sys"]);
        assert_eq!(ran.code, Some(2));
        let report = ran.json();
        let unread: Vec<_> = report["unread"].as_array().unwrap().iter().collect();
        let unread: Vec<_> = unread
            .iter()
            .map(|unread| {
                let text = |key: &str| unread[key].as_str().unwrap();
                format!("{}: {}", file_name(text("path")), text("reason"))
            })
            .collect();
        assert_eq!(unread[0], "broken.sys: broken symbolic link to gone.sys");
        assert!(unread[1].starts_with("circle.sys: "), "{unread:?}");
        assert!(unread[1].contains("symbolic link"), "{unread:?}");
        assert_eq!(unread.len(), 2);
        // Named, each is told the same way, and a link to a folder is followed.
        let broken = scan("", files.path().join("broken.sys"));
        assert_eq!(broken.code, Some(2));
        assert!(broken.line("broken.sys: ").ends_with("broken symbolic link to gone.sys"));
        assert_eq!(scan("--format jsonl", files.path().join("real/up")).drivers().len(), 2);
    }

    /// Runs a scan that must not hang.
    #[track_caller]
    fn promptly(command: &mut Command) -> Ran {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let start = Instant::now();
        let mut child = command.spawn().unwrap();
        while child.try_wait().unwrap().is_none() {
            if start.elapsed() > Duration::from_secs(20) {
                child.kill().unwrap();
                panic!("it hangs: {command:?}");
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        child.wait_with_output().unwrap().into()
    }

    #[test]
    fn pipes_and_devices_do_not_hang_a_scan() {
        let files = folder([("clean.sys", clean())]);
        let pipe = files.path().join("pipe.sys");
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        symlink("/dev/zero", files.path().join("zero.sys")).unwrap();
        symlink(&pipe, files.path().join("link.sys")).unwrap();
        let names = ["", "*.sys", "**/*.sys"];
        let inputs = names.map(|name| files.path().join(name));
        for input in inputs {
            let ran = promptly(ringfence().args(["scan", "--format", "jsonl"]).arg(&input));
            assert_eq!(ran.drivers(), ["clean.sys"], "{input:?}: {ran:?}");
        }
        // In a list it is named, so it is told.
        let list = files.path().join("list");
        fs::write(&list, format!("{}\n/dev/zero\n", pipe.display())).unwrap();
        let mut command = ringfence();
        let ran = promptly(
            command.args(["scan", "--format", "concise"]).arg(format!("@{}", list.display())),
        );
        assert_eq!(ran.code, Some(2));
        assert!(ran.line("pipe.sys: ").ends_with("neither a file nor a folder"), "{ran:?}");
        assert!(ran.line("/dev/zero: ").ends_with("neither a file nor a folder"), "{ran:?}");
        let ran = promptly(ringfence().args(["scan", "/dev/zero"]));
        assert_eq!(ran.code, Some(2));
        assert!(ran.line("/dev/zero: ").contains("not a PE image"), "{ran:?}");
        let ran = promptly(ringfence().args(["scan", "/dev/null"]));
        assert_eq!(ran.code, Some(2));
        assert!(ran.line("/dev/null: ").contains("the file is empty"), "{ran:?}");
    }

    /// `ringfence scan <(…)`: a pipe that the user names is read.
    #[test]
    fn a_named_pipe_is_read_when_named() {
        let files = folder([]);
        let pipe = files.path().join("pipe");
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let into = pipe.clone();
        let writer = std::thread::spawn(move || fs::write(into, clean()).unwrap());
        let ran = promptly(ringfence().args(["scan", "--format", "jsonl"]).arg(&pipe));
        writer.join().unwrap();
        assert_eq!(ran.drivers(), ["pipe"]);
    }

    /// Five gibibytes that begin like an executable are not read.
    #[test]
    fn files_larger_than_any_driver() {
        use std::io::Write;
        let files = folder([("clean.sys", clean())]);
        let path = files.path().join("odd-one.sys");
        let mut file = File::create(&path).unwrap();
        file.write_all(b"MZ").unwrap();
        file.set_len(5 << 30).unwrap();
        let ran = promptly(ringfence().args(["scan", "--format", "concise"]).arg(files.path()));
        told_by(&ran, "larger than any driver: at least 5368709120 bytes", 2);
        assert!(ran.stdout.contains("clean.sys: load yes"), "{ran:?}");
    }
}
