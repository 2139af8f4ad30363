//! `ringfence verify`, and `scan --verify`

use crate::run::{Ran, folder, malformed, ringfence, run, workspace};
use serde_json::Value;
use std::path::PathBuf;

fn example(name: &str) -> PathBuf {
    workspace("examples/drivers").join(format!("{name}.sys"))
}

fn verify(options: &str, names: &[&str]) -> Ran {
    let paths: Vec<_> = names.iter().map(|name| example(name).display().to_string()).collect();
    let paths = paths.iter().map(String::as_str);
    run(["verify"].into_iter().chain(options.split_whitespace()).chain(paths))
}

/// What a set-up came to: how the run ended, and the bug check with its first parameter.
fn ended(ran: &Value) -> (String, String) {
    let check = &ran["bugcheck"];
    let check = match check.is_null() {
        true => String::new(),
        false => format!(
            "{}:{}",
            check["code"].as_str().unwrap(),
            check["parameters"][0].as_str().unwrap()
        ),
    };
    (ran["run"]["end"].as_str().unwrap().to_owned(), check)
}

/// Each violation with the bug check of Microsoft's documentation, in the set-up that has it.
#[test]
fn each_violation_has_windows_own_bug_check() {
    let expected = [
        ("executable-pool-x64", ("violation", "0xC4:0x2000"), ("returned", "")),
        ("executable-page-protection-x64", ("violation", "0xC4:0x2001"), ("returned", "")),
        ("executable-mdl-mapping-x64", ("violation", "0xC4:0x2002"), ("returned", "")),
        ("rwx-text-x64", ("violation", "0xC4:0x2003"), ("refused", "")),
        ("unaligned-512-x64", ("violation", "0xC4:0x2004"), ("refused", "")),
        ("import-table-in-text-x64", ("violation", "0xC4:0x2005"), ("refused", "")),
        ("nx-opt-in-never-x64", ("violation", "0xC4:0x2000"), ("returned", "")),
        ("nx-opt-in-x64", ("returned", ""), ("returned", "")),
        ("rwx-init-x64", ("returned", ""), ("returned", "")),
        ("clean-x64", ("returned", ""), ("returned", "")),
    ];
    let names = expected.map(|(name, ..)| name);
    let ran = verify("--format jsonl", &names);
    assert_eq!(ran.code, Some(1));
    let lines = ran.jsonl();
    assert_eq!(lines.len(), 2 * names.len());
    for ((name, verifier, hvci), both) in expected.into_iter().zip(lines.chunks(2)) {
        assert_eq!(
            (&both[0]["environment"], &both[1]["environment"]),
            (&"verifier".into(), &"hvci".into())
        );
        for (told, (end, check)) in both.iter().zip([verifier, hvci]) {
            assert_eq!(ended(told), (end.to_owned(), check.to_owned()), "{name}: {told}");
            assert_eq!(told["findings"].as_array().unwrap().is_empty(), check.is_empty(), "{name}");
        }
    }
}

/// 0xC4: the caller, the pool type as it was passed, the tag. 0xFC: the address that was executed. 0xBE: the one written.
#[test]
fn parameters_are_those_that_windows_shows() {
    let lines =
        verify("--format jsonl", &["executable-pool-x64", "runs-pool-x64", "patches-itself-x64"])
            .jsonl();
    let parameter = |line: usize, at: usize| {
        lines[line]["bugcheck"]["parameters"][at].as_str().unwrap().to_owned()
    };
    let tag = u32::from_str_radix(parameter(0, 3).trim_start_matches("0x"), 16).unwrap();
    assert_eq!((&*parameter(0, 2), tag.to_le_bytes()), ("0x0", *b"Samp"));
    // The call is at 50af, of six bytes, in an image that lies on whole megabytes.
    assert!(parameter(0, 1).ends_with("0050b5"), "{}", parameter(0, 1));
    assert_eq!(lines[3]["bugcheck"]["code"], "0xFC");
    assert_eq!(lines[3]["findings"][0]["rule"], "executes-allocated-memory");
    assert_eq!(lines[5]["bugcheck"]["code"], "0xBE");
    let written = &lines[5]["findings"][0];
    assert_eq!(
        (&written["rule"], &written["seen"][0]["phase"]),
        (&"writes-to-code".into(), &"DriverEntry".into())
    );
}

/// What was found by reading the code and seen when it ran is one finding.
#[test]
fn both_senses_tell_one_finding() {
    let ran = run([
        "scan",
        "--verify",
        "--format",
        "json",
        example("executable-pool-x64").to_str().unwrap(),
    ]);
    let driver = &ran.json()["drivers"][0];
    let findings = driver["findings"].as_array().unwrap();
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!(findings[0]["evidence"]["kind"], "listing");
    assert_eq!(findings[0]["seen"][0]["bugcheck"]["parameters"][0], "0x2000");
    assert_eq!(driver["runs"].as_array().unwrap().len(), 2);
    let without =
        run(["scan", "--format", "json", example("executable-pool-x64").to_str().unwrap()]);
    assert_eq!(without.json()["drivers"][0]["runs"], Value::Null);
}

/// A fine value that was seen is evidence; it proves nothing of values that were not.
#[test]
fn a_fine_value_is_seen_and_the_answer_stays_unknown() {
    let driver = example("nx-opt-in-unproven-x64");
    let ran = run(["scan", "--verify", "--format", "full", driver.to_str().unwrap()]);
    assert!(
        ran.line("not known by reading").contains("ExAllocatePoolWithTag at 11df"),
        "{}",
        ran.stdout
    );
    assert!(ran.line("not known by reading").ends_with("fine in 2 of 2 calls seen"));
    let ran = run(["scan", "--verify", "--format", "json", driver.to_str().unwrap()]);
    let driver = &ran.json()["drivers"][0];
    assert_eq!(driver["runs"][0]["open_calls"][0]["fine"], 1);
    assert_eq!(driver["verdict"]["certify"], "unknown");
}

#[test]
fn text_tells_each_part_and_the_finding() {
    let ran = verify("--environment verifier", &["executable-pool-x64"]);
    assert!(ran.line("DriverEntry  ").contains("STATUS_SUCCESS, 5 calls"));
    assert!(ran.line("stop").contains("bug check 0xC4 (0x2000, "));
    assert!(ran.line("= stack").contains("executable-pool-x64.sys+50b5"));
    // The pool type that was asked for is in RCX: zero.
    assert!(ran.line("= registers").contains("rax="));
    assert!(ran.stdout.contains("rflags="));
    assert!(ran.stdout.contains(", all others 0"));
    assert!(ran.last_line().starts_with("1 driver, emulated: 1 stopped ("), "{}", ran.stdout);
    assert!(!ran.stdout.contains("memory integrity on"));
}

/// What Driver Verifier objects to is noted down, and the run goes on; what the pages' rights forbid ends it.
#[test]
fn a_stop_that_ends_the_run_is_told_as_such() {
    let ran = verify("", &["patches-itself-x64"]);
    assert_eq!(ran.stdout.matches("did not return").count(), 2, "{}", ran.stdout);
    assert!(!ran.stdout.contains("would stop"));
    assert!(ran.line("stopped: ").contains("bug check 0xBE"));
    assert!(ran.line("seen by").contains("the emulated kernel with memory integrity off"));
}

/// Of many drivers those that are objected to are told, a row each, and the others counted.
#[test]
fn many_drivers_are_told_in_tables() {
    let ran = verify("", &["clean-x64", "executable-pool-x64", "rwx-text-x64", "kmdf-x64"]);
    assert_eq!(ran.code, Some(1));
    let row = ran.line("executable-pool-x64.sys  ");
    assert!(row.contains("0xC4:0x2000") && row.contains("returned"), "{row}");
    let row = ran.line("rwx-text-x64.sys  ");
    assert!(row.contains("0xC4:0x2003") && row.contains("not loaded"), "{row}");
    assert!(!ran.stdout.contains("clean-x64.sys"), "{}", ran.stdout);
    assert!(ran.line("without objection").starts_with("1 driver returned"));
    let last = ran.last_line();
    assert!(
        last.starts_with("4 drivers, emulated: 2 stopped · 1 not run to the end · 1 returned ("),
        "{last}"
    );
}

#[test]
fn without_a_driver_there_is_nothing_to_examine() {
    let files = folder([]);
    let ran = run(["verify", files.path().to_str().unwrap()]);
    assert_eq!(ran.code, Some(3));
    assert!(ran.last_line().starts_with("0 drivers: nothing to examine ("), "{}", ran.stdout);
}

/// Why a driver is not let in is told by the finding itself.
#[test]
fn a_driver_that_is_not_let_in_is_told_why() {
    let ran = verify("", &["rwx-data-section-arm64"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.line("error[").contains("writable-executable-section"), "{}", ran.stdout);
    assert!(!ran.stdout.contains("only reading"));
}

/// A call that was made is nothing that no run did.
#[test]
fn what_driver_verifier_fixed_is_told_as_such() {
    let ran = verify("", &["map-io-space-x64"]);
    let fixed = ran.line("Driver Verifier fixed: ");
    assert!(fixed.ends_with("1 warning (always-executable-memory)"), "{fixed}");
    assert!(!ran.stdout.contains("only reading"));
    let unfixed = verify("--environment hvci", &["map-io-space-x64"]);
    assert!(unfixed.stdout.contains("only reading"));
}

#[test]
fn every_call_is_traced() {
    let files = folder([]);
    let trace = files.path().join("trace.jsonl");
    let options = format!("--environment hvci --trace {}", trace.display());
    assert_eq!(verify(&options, &["executable-pool-x64"]).code, Some(0));
    let lines: Vec<Value> = std::fs::read_to_string(&trace)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let requests = lines.iter().filter(|line| line["name"] == "ExAllocatePoolWithTag");
    let requests: Vec<_> = requests
        .map(|line| {
            let told = |field: &str| line[field].as_str().unwrap();
            (told("event"), told("phase"), line["arguments"][0].as_str().unwrap())
        })
        .collect();
    // Paged pool, then NonPagedPool.
    assert_eq!(requests, [("call", "DriverEntry", "0x1"), ("call", "DriverEntry", "0x0")]);
    // Memory integrity gives no page that is writable and executable.
    let rights = lines.iter().filter(|line| line["event"] == "rights");
    let rights: Vec<&str> = rights.filter_map(|line| line["rights"].as_str()).collect();
    assert!(!rights.is_empty() && !rights.contains(&"rwx"), "{rights:?}");
}

/// Code that runs in pool, seen by Driver Verifier as a request and by memory integrity as 0xFC.
#[test]
fn a_trace_has_the_bug_checks_and_follows_its_schema() {
    let text = std::fs::read_to_string(workspace("schemas/trace-v1.json")).unwrap();
    let schema: Value = serde_json::from_str(&text).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let files = folder([]);
    let trace = files.path().join("trace.jsonl");
    verify(&format!("--trace {}", trace.display()), &["runs-pool-x64", "wdm-x64"]);
    let text = std::fs::read_to_string(&trace).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for line in &lines {
        let errors: Vec<_> = validator.iter_errors(line).map(|error| error.to_string()).collect();
        assert_eq!(errors, [""; 0], "{line}");
    }
    let checks = lines.iter().filter(|line| line["event"] == "bug-check");
    let checks: Vec<_> = checks
        .map(|line| (line["environment"].as_str().unwrap(), line["code"].as_str().unwrap()))
        .collect();
    assert_eq!(checks, [("verifier", "0xC4"), ("hvci", "0xFC")]);
    assert!(!validator.is_valid(&serde_json::json!({"event": "bug-check", "path": "a.sys"})));
}

/// A driver of which nothing but DriverEntry was run, as that failed, shows nothing of what else it does.
#[test]
fn a_driver_entry_that_fails_is_no_run_to_the_end() {
    // mov eax, C0000001h (STATUS_UNSUCCESSFUL); ret
    let fails = ringfence_fixture::driver()
        .no_imports()
        .edit_section("INIT", |init| init.bytes([0xB8, 0x01, 0x00, 0x00, 0xC0, 0xC3]))
        .bytes();
    let folder = folder([("a.sys", fails.clone()), ("b.sys", fails)]);
    let path = folder.path().to_string_lossy().into_owned();
    let why = "DriverEntry failed (STATUS_UNSUCCESSFUL), nothing else was run";
    let several = run(["verify", &path]);
    assert_eq!(several.code, Some(0), "{several:?}");
    assert!(several.words().contains(why), "{several:?}");
    assert!(several.words().contains("2 not run to the end"), "{several:?}");
    assert!(!several.words().contains("without objection"), "{several:?}");
    assert_eq!(run(["verify", "--fail-unknown", &path]).code, Some(1));
    let one = folder.path().join("a.sys").to_string_lossy().into_owned();
    assert!(run(["verify", &one]).words().contains(why));
}

/// More rows than a screen holds are counted, with the command that tells them.
#[test]
fn rows_that_are_left_out_are_told_by_a_command_of_verify() {
    let driver = std::fs::read(example("executable-pool-x64")).unwrap();
    let names: Vec<String> = (0..42).map(|index| format!("{index}.sys")).collect();
    // Drivers that are equal would be told as copies of one.
    let files = names.iter().enumerate().map(|(index, name)| {
        let mut bytes = driver.clone();
        bytes.push(index as u8);
        (name.as_str(), bytes)
    });
    let folder = folder(files);
    let path = folder.path().to_string_lossy().into_owned();
    let mut verifier = ringfence();
    verifier.env("RINGFENCE_STATE", folder.path().join("state.json"));
    verifier.args(["verifier", "/flags", "0x02000000", "/all", &path]);
    let verifier: Ran = verifier.output().expect("the binary starts").into();
    let told = "2 more: ringfence verify --environment verifier --format text FILE...";
    assert!(verifier.words().contains(told), "{verifier:?}");
    assert!(run(["verify", &path]).words().contains("2 more: ringfence verify --format text"));
}

/// Chance decides by the seed, and each run tells what came of it; without `--faults` there is nothing to tell.
#[test]
fn allocations_that_are_made_to_fail_are_counted() {
    let low = |options: &str| -> Vec<Value> {
        let ran = verify(&format!("--format jsonl {options}"), &["wdm-x64"]);
        ran.jsonl().iter().map(|line| line["run"]["low_resources"].clone()).collect()
    };
    assert_eq!(low(""), [Value::Null, Value::Null]);
    for one in low("--faults 10000 --seed 7") {
        assert_eq!((&one["seed"], &one["probability"]), (&7.into(), &10_000.into()));
        assert_eq!(
            (&one["in_driver_entry"], &one["pool_tags"]),
            (&false.into(), &serde_json::json!([]))
        );
        assert_eq!(one["failed_deliberately"], one["exposed"]);
        // DriverEntry allocates a work item.
        let count = |name: &str| one[name].as_u64().unwrap();
        assert!(count("exposed") > 0 && count("asked") == count("exposed") + 1, "{one}");
    }
    assert_eq!(low("--faults 3000 --seed 2"), low("--faults 3000 --seed 2"));
    for (wrong, part) in
        [("--faults 0", "1..=10000"), ("--faults 10001", "1..=10000"), ("--seed 1", "--faults")]
    {
        let ran = verify(wrong, &["wdm-x64"]);
        assert_eq!(ran.code, Some(2), "{wrong}");
        assert!(ran.stderr.contains(part), "{wrong}: {ran:?}");
    }
}

#[test]
fn codes_come_in_the_documented_order() {
    let code = |options: &str, names: &[&str]| verify(options, names).code;
    assert_eq!(code("", &["clean-x64"]), Some(0));
    assert_eq!(code("--environment hvci", &["executable-pool-x64"]), Some(0));
    assert_eq!(code("", &["executable-pool-x64"]), Some(1));
    assert_eq!(code("--environment hvci", &["rwx-text-x64"]), Some(1));
    assert_eq!(code("", &["clean-arm64"]), Some(0));
    assert_eq!(code("--fail-unknown", &["clean-arm64"]), Some(1));
    assert_eq!(code("--fail-unknown --instructions 10", &["clean-x64"]), Some(1));
    assert_eq!(code("--environment xp", &["clean-x64"]), Some(2));
    let cut = folder([("a.sys", malformed("truncated-in-file-header"))]);
    assert_eq!(run(["verify", cut.path().to_str().unwrap()]).code, Some(2));
    let empty = folder([]);
    assert_eq!(run(["verify", empty.path().to_str().unwrap()]).code, Some(3));
}

#[test]
fn json_follows_the_schema() {
    let text = std::fs::read_to_string(workspace("schemas/verify-v1.json")).unwrap();
    let schema: Value = serde_json::from_str(&text).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let names = ["runs-pool-x64", "rwx-text-x64", "clean-arm64", "clean-x64"];
    let document = verify("--format json", &names).json();
    let errors: Vec<_> = validator.iter_errors(&document).map(|error| error.to_string()).collect();
    assert_eq!(errors, [""; 0]);
    assert_eq!(document["runs"].as_array().unwrap().len(), 8);
}

/// What a run says less is said in every format for people, in words.
#[test]
fn a_run_that_was_left_off_is_told_by_scan() {
    let driver = example("kmdf-x64").display().to_string();
    let told = "ran under the emulated Driver Verifier: not emulated (";
    for format in ["full", "concise"] {
        let ran = run(["scan", "--verify", "--format", format, &driver]);
        assert!(ran.words().contains(told), "{ran:?}");
        assert!(!ran.stdout.contains("not-emulated"), "{ran:?}");
    }
    // Nothing is said of runs that came to their end.
    let clean = example("clean-x64").display().to_string();
    let ran = run(["scan", "--verify", "--format", "concise", &clean]);
    assert!(!ran.stdout.contains("ran under"), "{ran:?}");
}

/// A driver that registers a callback, and is unloaded with it in place, is not told as one without objection.
#[test]
fn what_is_left_behind_is_told_of_many_drivers_too() {
    let like = ringfence_fixture::driver()
        .no_imports()
        .import("ntoskrnl.exe", &["PsSetCreateProcessNotifyRoutine"])
        .edit_section(".text", |text| text.bytes([0xC3; 16]));
    let built = like.clone().edit_section("INIT", |init| init.bytes([0xCC; 64])).build();
    let slot = built.thunk_rva("ntoskrnl.exe", "PsSetCreateProcessNotifyRoutine");
    let (start, text) = (built.rva_of_section("INIT"), built.rva_of_section(".text"));
    let mut code = vec![0x48, 0x83, 0xEC, 0x28, 0x48, 0x8D, 0x05]; // sub rsp, 28h; lea rax, [.text]
    code.extend(text.wrapping_sub(start + 11).to_le_bytes());
    // mov [rcx + 68h], rax (DriverUnload); mov rcx, rax; xor edx, edx; call [slot]
    code.extend([0x48, 0x89, 0x41, 0x68, 0x48, 0x89, 0xC1, 0x31, 0xD2, 0xFF, 0x15]);
    code.extend(slot.wrapping_sub(start + 26).to_le_bytes());
    code.extend([0x31, 0xC0, 0x48, 0x83, 0xC4, 0x28, 0xC3]); // xor eax, eax; add rsp, 28h; ret
    code.resize(64, 0xCC);
    let leaves = like.edit_section("INIT", |init| init.bytes(code)).bytes();
    let folder = folder([("a.sys", leaves.clone()), ("b.sys", leaves)]);
    let ran = run(["verify", &folder.path().to_string_lossy()]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.words().contains("left behind: "), "{ran:?}");
    assert!(ran.words().contains("2 left something behind"), "{ran:?}");
    assert!(!ran.words().contains("without objection"), "{ran:?}");
}

/// A file that was cut short is loaded by no Windows: nothing of it runs in either set-up.
#[test]
fn what_no_loader_takes_is_not_run() {
    let bytes = std::fs::read(example("wdm-x64")).unwrap();
    let folder = folder([("cut.sys", bytes[..4096].to_vec())]);
    let ran = run(["verify", &folder.path().join("cut.sys").to_string_lossy()]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert_eq!(ran.words().matches("not loaded").count(), 2, "{ran:?}");
    assert!(!ran.words().contains("load ok") && !ran.words().contains("bug check"), "{ran:?}");
}
