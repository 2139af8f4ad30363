//! Functions, lines and libraries from debug files, wherever they are.

use crate::run::{Ran, file_name, folder, run, scan, workspace};
use serde_json::Value;
use std::fs;
use std::path::Path;

const DRIVER: &str = "examples/drivers/library-pool-x64.sys";
const PDB: &str = "examples/drivers/library-pool-x64.pdb";

fn bytes(path: &str) -> Vec<u8> {
    fs::read(workspace(path)).unwrap()
}

/// The PDB of a build that is another by one bit of its GUID, wherever that stands.
fn of_another_build() -> Vec<u8> {
    let (driver, mut pdb) = (bytes(DRIVER), bytes(PDB));
    let at = driver.windows(4).position(|four| four == b"RSDS").unwrap() + 4;
    let guid = &driver[at..at + 16];
    for at in 0..pdb.len() - 16 {
        if &pdb[at..at + 16] == guid {
            pdb[at] ^= 1;
        }
    }
    pdb
}

fn calls(arguments: &[&str], input: &Path) -> Ran {
    run(["calls"].iter().chain(arguments).copied().chain([input.to_str().unwrap()]))
}

/// Asserts that the place is a line of a C source that says in a remark that its function does `what`;
/// returns the file.
#[track_caller]
fn assert_is_line(place: &Value, what: &[&str]) -> String {
    let file = place["file"].as_str().unwrap().replace('\\', "/");
    let text = fs::read_to_string(workspace("examples/drivers").join(&file)).unwrap();
    let line = text.lines().nth(place["line"].as_u64().unwrap() as usize - 1).unwrap();
    let function = place["function"].as_str().unwrap();
    let marked = what.iter().any(|what| line.ends_with(&format!("/* {what}: {function} */")));
    assert!(marked, "{file}: {line}");
    file
}

/// Asserts the same of a source and of all that is inlined there, and that it names the library.
#[track_caller]
fn assert_is_marked(source: &Value, what: &[&str]) {
    let file = assert_is_line(source, what);
    for inlined in source["inlined"].as_array().into_iter().flatten() {
        assert_is_line(inlined, what);
    }
    // The recipe makes a library of pool-helper.c.
    let library = source["library"].as_str().map(file_name);
    let expected = (file == "src/pool-helper.c").then_some("pool-helper.lib");
    assert_eq!(library, expected, "{source}");
}

/// The lines are those where the sources say that memory is asked for, and the library is named.
#[test]
fn every_call_and_finding_of_the_example_names_its_line() {
    let report = scan("--format json --calls", workspace(DRIVER)).json();
    let driver = &report["drivers"][0];
    assert_eq!(driver["symbols"]["state"], "used");
    let calls = driver["calls"].as_array().unwrap();
    for call in calls {
        assert_is_marked(&call["source"], &["asks"]);
    }
    let functions: Vec<_> = calls.iter().map(|call| &call["source"]["function"]).collect();
    assert_eq!(functions, ["SampleMakeQueue", "HelperAllocate", "HelperOpenLog"]);
    // pool-helper.h has two functions that the compiler inlines.
    let inlined = calls[0]["source"]["inlined"].as_array().unwrap();
    let inlined: Vec<_> = inlined.iter().map(|call| &call["function"]).collect();
    assert_eq!(inlined, ["HelperAllocateTagged", "HelperAllocateNx"]);
    let findings = driver["findings"].as_array().unwrap();
    assert!(findings.iter().any(|finding| finding["source"]["function"] == "HelperOpenLog"));
    for finding in findings {
        assert_is_marked(&finding["source"], &["asks", "passes"]);
        assert_is_marked(&finding["evidence"]["source"], &["asks", "passes"]);
    }
}

#[test]
fn people_see_function_line_and_library() {
    let text = scan("", workspace(DRIVER));
    // Beside the address, or below it where the path is long.
    assert!(text.line("in HelperOpenLog").contains("  "), "{text:?}");
    let source = text.line("pool-helper.c");
    assert!(source.ends_with(", from pool-helper.obj in pool-helper.lib"), "{source}");
    let concise = scan("--format concise", workspace(DRIVER));
    assert!(
        concise.line("in HelperOpenLog").contains("in HelperOpenLog, src\\pool-helper.c:"),
        "{concise:?}"
    );
    let table = calls(&[], &workspace(DRIVER));
    assert!(table.line("HelperOpenLog").contains("violation"), "{table:?}");
}

#[test]
fn folders_and_stores_are_looked_in() {
    let key = {
        let report = scan("--format json", workspace(DRIVER)).json();
        let file = &report["drivers"][0]["properties"]["debug_file"];
        let guid = file["guid"].as_str().unwrap().replace('-', "");
        format!("{guid}{:X}", file["age"].as_u64().unwrap())
    };
    let store = format!("store/library.pdb/{key}/library.pdb");
    let tiers = format!("tiers/li/library.pdb/{key}/library.pdb");
    let files = folder([
        ("a/driver.sys", bytes(DRIVER)),
        ("flat/library.pdb", bytes(PDB)),
        ("own/driver.pdb", bytes(PDB)),
        (&store, bytes(PDB)),
        (&tiers, bytes(PDB)),
        ("tiers/index2.txt", vec![]),
        ("wrong/library.pdb", of_another_build()),
        ("empty/x", vec![]),
    ]);
    let driver = files.path().join("a/driver.sys");
    let state = |folders: &[&str]| {
        let options: Vec<_> = folders
            .iter()
            .flat_map(|name| {
                ["--symbols".to_owned(), files.path().join(name).display().to_string()]
            })
            .collect();
        let options: Vec<_> =
            options.iter().map(String::as_str).chain(["--format", "json"]).collect();
        let said = calls(&options, &driver);
        let symbols = said.json()["drivers"][0]["symbols"].clone();
        assert_eq!(scan(&options.join(" "), &driver).json()["drivers"][0]["symbols"], symbols);
        symbols
    };
    for name in ["flat", "own", "store", "tiers"] {
        assert_eq!(state(&[name])["state"], "used", "{name}");
        assert_eq!(state(&["empty", "wrong", name])["state"], "used", "{name}");
    }
    assert_eq!(state(&["empty", "wrong"])["state"], "refused");
    for none in [&[][..], &["empty"]] {
        assert_eq!(state(none)["state"], "not-found");
        assert_eq!(state(none)["name"], "library.pdb");
    }
}

#[test]
fn a_pdb_of_another_build_is_refused_and_changes_nothing_else() {
    let files = folder([
        ("right/a.sys", bytes(DRIVER)),
        ("wrong/a.sys", bytes(DRIVER)),
        ("wrong/a.pdb", of_another_build()),
        ("cut/a.sys", bytes(DRIVER)),
        ("cut/a.pdb", bytes(PDB)[..20_000].to_vec()),
        ("text/a.sys", bytes(DRIVER)),
        ("text/a.pdb", b"no PDB".to_vec()),
    ]);
    let without = scan("--format json", files.path().join("right/a.sys"));
    for (name, reason) in
        [("wrong", "another build"), ("cut", "cut short"), ("text", "it is no PDB")]
    {
        let driver = files.path().join(name).join("a.sys");
        let ran = scan("--format json", &driver);
        let report = &ran.json()["drivers"][0];
        assert_eq!(report["symbols"]["state"], "refused");
        assert!(report["symbols"]["reason"].as_str().unwrap().contains(reason), "{report}");
        assert_eq!(report["findings"], without.json()["drivers"][0]["findings"]);
        assert_eq!((ran.code, ran.stderr.as_str()), (without.code, ""));
        for format in ["full", "concise"] {
            let text = scan(&format!("--format {format}"), &driver);
            assert!(text.line("no source lines: ").contains("a.pdb"), "{text:?}");
        }
        assert!(calls(&[], &driver).line("no source lines: ").contains("a.pdb"));
    }
}

/// Equal files are examined once, but each has its own debug file or none.
#[test]
fn equal_drivers_in_different_folders_keep_their_own_symbols() {
    let files = folder([
        ("1/a.sys", bytes(DRIVER)),
        ("2/a.sys", bytes(DRIVER)),
        ("2/a.pdb", bytes(PDB)),
        ("3/a.sys", bytes(DRIVER)),
        ("4/a.sys", bytes(DRIVER)),
        ("4/a.pdb", of_another_build()),
        ("5/a.sys", bytes(DRIVER)),
        ("5/a.pdb", bytes(PDB)),
    ]);
    for options in ["--threads 1", "--threads 4", "--threads 1 --no-hash"] {
        let report = scan(&format!("--format json {options}"), files.path()).json();
        let drivers = report["drivers"].as_array().unwrap();
        let states: Vec<_> = drivers.iter().map(|driver| &driver["symbols"]["state"]).collect();
        assert_eq!(states, ["not-found", "used", "not-found", "refused", "used"], "{options}");
        for driver in drivers {
            let known = driver["findings"][0]["source"].is_object();
            assert_eq!(known, driver["symbols"]["state"] == "used", "{options}");
            let path = driver["symbols"]["path"].as_str();
            let folder = Path::new(driver["path"].as_str().unwrap()).parent().unwrap();
            assert!(path.is_none_or(|path| Path::new(path).parent() == Some(folder)));
        }
    }
}

/// Where nothing has a place in the code there is nothing to tell.
#[test]
fn debug_files_are_read_only_for_what_was_found() {
    let report = scan("--format json", workspace("examples/drivers/clean-x64.sys")).json();
    assert_eq!(report["drivers"][0].get("symbols"), None);
    let report = scan("--format json --calls", workspace("examples/drivers/clean-x64.sys")).json();
    assert_eq!(report["drivers"][0]["symbols"]["name"], "sample.pdb");
}

#[test]
fn what_is_no_folder_is_a_usage_error() {
    let files = folder([("file", vec![])]);
    for (name, reason) in [("file", "not a folder"), ("gone", "no such file")] {
        let path = files.path().join(name).display().to_string();
        let driver = workspace(DRIVER);
        for ran in
            [scan(&format!("--symbols {path}"), &driver), calls(&["--symbols", &path], &driver)]
        {
            assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{ran:?}");
            assert!(ran.stderr.contains(reason), "{ran:?}");
            assert!(ran.stderr.contains("root of a symbol store"), "{ran:?}");
        }
    }
}
