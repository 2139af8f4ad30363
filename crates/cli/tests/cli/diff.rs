//! `ringfence diff`

use crate::run::{
    Ran, bad, blemished, clean, folder, malformed, native_program, run, scan, straddling, workspace,
};
use serde_json::{Value, json};
use std::path::Path;
use tempfile::TempDir;

/// Runs `ringfence diff` with options as one writes them, and two inputs.
fn diff(options: &str, old: impl AsRef<Path>, new: impl AsRef<Path>) -> Ran {
    let inputs = [old.as_ref().to_str().unwrap(), new.as_ref().to_str().unwrap()];
    run(["diff"].into_iter().chain(options.split_whitespace()).chain(inputs))
}

/// What a scan of `input` writes in `format`, as a file in `folder`.
fn report(folder: &TempDir, options: &str, input: &Path) -> std::path::PathBuf {
    let ran = scan(options, input);
    let path = folder.path().join(if options.contains("jsonl") { "r.jsonl" } else { "r.json" });
    std::fs::write(&path, ran.stdout).unwrap();
    path
}

#[test]
fn codes_come_in_the_documented_order() {
    let code = |old: &[(&str, Vec<u8>)], new: &[(&str, Vec<u8>)]| {
        let (old, new) = (folder(old.iter().cloned()), folder(new.iter().cloned()));
        let code = |format| diff(&format!("--format {format}"), old.path(), new.path()).code;
        let codes = ["text", "json", "markdown"].map(code);
        assert!(codes.iter().all(|one| *one == codes[0]), "{codes:?}");
        codes[0].unwrap()
    };
    let cut = || malformed("truncated-in-file-header");
    let good = || ("a.sys", clean());
    assert_eq!(code(&[good()], &[good()]), 0);
    assert_eq!(code(&[("a.sys", bad())], &[good()]), 0);
    assert_eq!(code(&[good()], &[("a.sys", bad())]), 1);
    assert_eq!(code(&[good()], &[good(), ("b.sys", bad())]), 1);
    assert_eq!(code(&[good(), ("b.sys", bad())], &[good()]), 0);
    assert_eq!(code(&[good()], &[("a.sys", bad()), ("cut.sys", cut())]), 1);
    assert_eq!(code(&[good()], &[good(), ("cut.sys", cut())]), 2);
    assert_eq!(code(&[("a.sys", blemished())], &[("a.sys", blemished())]), 2);
    assert_eq!(code(&[], &[good()]), 0);
    assert_eq!(code(&[], &[]), 3);
}

#[test]
fn a_command_line_that_cannot_be_meant() {
    let files =
        folder([("a.sys", clean()), ("b.json", b"{}".to_vec()), ("c.json", b"text".to_vec())]);
    let at = |name: &str| files.path().join(name);
    assert_eq!(run(["diff"]).code, Some(2));
    assert_eq!(run(["diff", at("a.sys").to_str().unwrap()]).code, Some(2));
    assert_eq!(diff("", at("gone.sys"), at("a.sys")).code, Some(2));
    for name in ["b.json", "c.json"] {
        let ran = diff("", at(name), at("a.sys"));
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{name}");
        assert!(ran.stderr.starts_with("error: cannot read the report "), "{ran:?}");
        assert!(ran.stderr.contains("caused by: "), "{ran:?}");
    }
    std::fs::write(at("user.exe"), native_program()).unwrap();
    let ran = diff("", at("a.sys"), at("user.exe"));
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.starts_with("left out "), "{ran:?}");
}

/// A comparison with nothing would call every driver new and its errors worse.
#[test]
fn a_side_that_cannot_be_read_is_not_compared() {
    let files = folder([("a.sys", bad()), ("report.csv", b"driver,load\n".to_vec())]);
    let driver = files.path().join("a.sys");
    for name in ["typo.json", "report.csv"] {
        let odd = files.path().join(name);
        for (old, new) in [(&odd, &driver), (&driver, &odd)] {
            let ran = diff("", old, new);
            assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{ran:?}");
            assert!(
                ran.stderr.contains(&format!("error: nothing of {}", odd.display())),
                "{ran:?}"
            );
        }
    }
    let cut = folder([("cut.sys", malformed("truncated-in-file-header"))]);
    let ran = diff("", cut.path(), &driver);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{ran:?}");
    assert!(ran.stderr.starts_with("error: cannot read "), "{ran:?}");
}

#[test]
fn a_file_is_written_beside_the_text() {
    let files = folder([("old/a.sys", clean()), ("new/a.sys", bad())]);
    let at = |name: &str| files.path().join(name);
    for (format, begins) in
        [("markdown", "<!-- ringfence diff -->\n"), ("json", "{"), ("text", "old  ")]
    {
        let options = format!("--format {format} --output {}", at("out").display());
        let ran = diff(&options, at("old"), at("new"));
        assert_eq!((ran.code, ran.last_line()), (Some(1), "something became worse"), "{ran:?}");
        assert!(std::fs::read_to_string(at("out")).unwrap().starts_with(begins), "{format}");
    }
    let ran = diff(&format!("--output {}", at("no/out").display()), at("old"), at("new"));
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.starts_with("error: cannot write the comparison "), "{ran:?}");
}

/// The same sets of drivers give the same differences, whether they are scanned now or were before.
#[test]
fn drivers_and_reports_are_compared_in_any_combination() {
    let old = folder([("x64/a.sys", clean()), ("x64/b.sys", bad()), ("gone.sys", clean())]);
    let new = folder([("x64/a.sys", bad()), ("x64/b.sys", clean()), ("new.sys", bad())]);
    let kept = [folder([]), folder([]), folder([]), folder([])];
    let olds = [
        old.path().to_owned(),
        report(&kept[0], "--format json", old.path()),
        report(&kept[1], "--format jsonl", old.path()),
    ];
    let news = [
        new.path().to_owned(),
        report(&kept[2], "--format json", new.path()),
        report(&kept[3], "--format jsonl", new.path()),
    ];
    let essence = |old: &Path, new: &Path| {
        let ran = diff("--format json", old, new);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        let mut difference = ran.json();
        let difference = difference.as_object_mut().unwrap();
        for side in ["old", "new"] {
            assert_eq!(difference.remove(side).unwrap()["drivers"], 3);
        }
        difference.remove("remarks");
        Value::Object(difference.clone())
    };
    let expected = essence(&olds[0], &news[0]);
    let changes: Vec<_> = expected["drivers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|driver| (driver["path"].as_str().unwrap().replace('\\', "/"), &driver["change"]))
        .collect();
    assert_eq!(
        changes,
        [("x64/a.sys".to_owned(), &json!("worse")), ("x64/b.sys".to_owned(), &json!("better"))]
    );
    assert_eq!(expected["added"][0]["path"], "new.sys");
    assert_eq!(expected["gone"][0]["path"], "gone.sys");
    for old in &olds {
        for new in &news {
            assert_eq!(essence(old, new), expected, "{} {}", old.display(), new.display());
        }
    }
}

#[test]
fn drivers_are_asked_about_what_the_report_was_asked_about() {
    let files = folder([("a.sys", straddling())]);
    let kept = folder([]);
    let old = report(&kept, "--format json --target win10-1607", files.path());
    let same = diff("--format json", &old, files.path());
    assert_eq!((same.code, &same.json()["new"]["targets"]), (Some(0), &json!(["win10-1607"])));
    // Another version takes such relocations.
    let other = diff("--format json --target win10-1703", &old, files.path());
    assert_eq!(other.json()["drivers"][0]["change"], "better");
    assert_eq!(other.json()["remarks"].as_array().unwrap().len(), 1);
    let both = diff("--format json --target win10-1607", files.path(), files.path());
    assert_eq!(both.json()["remarks"], json!([]));
}

#[test]
fn json_follows_the_schema() {
    let path = workspace("schemas/diff-v1.json");
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let examples = workspace("examples/drivers");
    let files = folder([("a.sys", clean()), ("cut.sys", malformed("truncated-in-file-header"))]);
    let pairs = [
        (examples.join("nx-opt-in-x64.sys"), examples.join("nx-opt-in-never-x64.sys")),
        (examples.clone(), files.path().to_owned()),
    ];
    for (old, new) in pairs {
        let difference = diff("--format json", old, new).json();
        let errors: Vec<_> =
            validator.iter_errors(&difference).map(|one| one.to_string()).collect();
        assert!(errors.is_empty(), "{errors:#?}");
    }
    assert!(!validator.is_valid(&json!({ "report_version": 1 })));
}

/// One is the other but for the call of the opt-in, so both variables stay what they are in the file.
#[test]
fn two_builds_of_a_driver() {
    let examples = workspace("examples/drivers");
    let ran =
        diff("", examples.join("nx-opt-in-x64.sys"), examples.join("nx-opt-in-never-x64.sys"));
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(1), ""));
    assert_eq!(ran.line("certify yes"), "  run yes → unknown · certify yes → no");
    assert!(ran.line("new error[executable-pool-type]").contains("executable pool: PoolType ="));
    assert_eq!(ran.last_line(), "something became worse");
    let back =
        diff("", examples.join("nx-opt-in-never-x64.sys"), examples.join("nx-opt-in-x64.sys"));
    assert_eq!((back.code, back.last_line()), (Some(0), "nothing became worse"));
}

/// A PDB beside one of them is no difference between two builds.
#[test]
fn debug_files_make_no_difference() {
    let example = workspace("examples/drivers/library-pool-x64.sys");
    let files = folder([("library-pool-x64.sys", std::fs::read(&example).unwrap())]);
    let ran = diff("--format json", files.path(), &example);
    assert_eq!((ran.code, &ran.json()["drivers"]), (Some(0), &json!([])), "{ran:?}");
    assert!(ran.json()["totals"]["unchanged_findings"].as_u64().unwrap() >= 2);
}

/// The code of ARM64 drivers is not examined, so what was found in that of the x64 build is not fixed there.
#[test]
fn what_is_not_examined_any_more_is_not_fixed() {
    let at = |name: &str| workspace("examples/drivers").join(name);
    let ran = diff("--format json", at("executable-pool-x64.sys"), at("clean-arm64.sys"));
    let driver = &ran.json()["drivers"][0];
    assert_eq!((&driver["change"], &driver["fixed"]), (&json!("changed"), &json!([])));
    assert_eq!(driver["unseen"][0]["rule"], "executable-pool-type");
    assert_eq!(ran.code, Some(0));
    // Image rules look at both.
    let ran = diff("--format json", at("import-table-in-text-x64.sys"), at("clean-arm64.sys"));
    assert_eq!(ran.json()["drivers"][0]["fixed"][0]["rule"], "executable-import-table");
}
