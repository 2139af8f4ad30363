//! Formats for build servers: they fail where the exit code is 1.

use crate::run::{bad, clean, folder, immovable, scan, straddling};

/// `<failure` and `<skipped` of the JUnit report, and the exit code.
fn junit(options: &str) -> (usize, usize, Option<i32>) {
    let files = folder([("a.sys", clean()), ("b.sys", immovable()), ("c.sys", straddling())]);
    let ran = scan(&format!("--format junit {options}"), files.path());
    let document = roxmltree::Document::parse(&ran.stdout).unwrap();
    let count = |name| document.descendants().filter(|node| node.has_tag_name(name)).count();
    assert_eq!(count("testsuite"), 3);
    (count("failure"), count("skipped"), ran.code)
}

/// The immovable driver does not load, so it is not known whether it runs and passes certification.
#[test]
fn junit_fails_as_the_exit_code_does() {
    assert_eq!(junit(""), (1, 2, Some(1)));
    assert_eq!(junit("--gate run,certify"), (0, 3, Some(0)));
    assert_eq!(junit("--fail-unknown"), (3, 0, Some(1)));
    assert_eq!(junit("--gate run --fail-unknown"), (1, 2, Some(1)));
}

#[test]
fn each_format_tells_what_could_not_be_read() {
    let files = folder([("a.sys", clean()), ("cut.sys", b"MZ".to_vec())]);
    for (format, told) in [
        ("junit", "<error type=\"unread\" message=\"truncated: "),
        ("markdown", ": could not be read: truncated: "),
        ("github", "title=could not read::truncated: "),
        ("csv", ",\"truncated: "),
        ("msvc", " : error unread: truncated: "),
    ] {
        let ran = scan(&format!("--format {format}"), files.path());
        assert_eq!(ran.code, Some(2), "{format}");
        assert!(ran.stdout.contains(told), "{format}: {}", ran.stdout);
    }
}

/// What fails nothing is no error for servers that look at the text instead of the exit code.
#[test]
fn errors_are_what_fails() {
    let files = folder([("a.sys", bad())]);
    for (format, error, warning) in
        [("github", "::error ", "::warning "), ("msvc", " : error ", " : warning ")]
    {
        for (options, code, is_error) in
            [("", 1, true), ("--gate run", 0, false), ("--exit-zero", 0, false)]
        {
            let ran = scan(&format!("--format {format} {options}"), files.path());
            assert_eq!(ran.code, Some(code), "{format} {options}");
            assert_eq!(ran.stdout.contains(error), is_error, "{ran:?}");
            assert_eq!(ran.stdout.contains(warning), !is_error, "{ran:?}");
        }
    }
}
