//! What a run is stopped for is a finding, whatever the driver: no violation is left without one.

use ringfence_finding::{BugCheck, Finding, Question, Targets};
use ringfence_image::Image;
use ringfence_rules::{Driver, check, witness};
use ringfence_verifier::{End, Environment, Kind, Options, Run, Violation, run};
use std::path::PathBuf;

/// How many violations there were, of Driver Verifier's kind and of memory integrity's.
#[derive(Debug, Default)]
struct Seen {
    reported: usize,
    stopped: usize,
}

/// Runs a driver in both set-ups and holds the findings to what the runs ended for.
fn hold(name: &str, bytes: &[u8], seen: &mut Seen) {
    let Ok(image) = Image::read(bytes) else { return };
    for environment in [Environment::Verifier, Environment::Hvci] {
        let driver = Driver::new(&image);
        let mut options = Options::new(environment, "a.sys");
        options.budget.instructions = 200_000;
        let run = run(&image, &options);
        let mut findings = check(&driver, Targets::DEFAULT).findings;
        witness(&driver, &run, &mut findings, &mut Vec::new());
        if run.end == End::Violation {
            let is_seen = findings.iter().any(|finding| !finding.seen.is_empty());
            assert!(is_seen, "{name}, {environment:?}: {:x?}", run.violations);
        }
        let violations = run.violations.iter().filter(|one| one.kind != Kind::Crash);
        for violation in violations {
            is_told(name, &run, violation, &findings);
            match violation.kind {
                Kind::CodeIntegrity => seen.reported += 1,
                Kind::MemoryIntegrity | Kind::Crash => seen.stopped += 1,
            }
        }
    }
}

/// The bug check is told of a finding; one of memory integrity denies that the driver runs, unless it rests on an invention.
fn is_told(name: &str, run: &Run, violation: &Violation, findings: &[Finding]) {
    let check = BugCheck::new(violation.bug_check.code, violation.bug_check.parameters);
    let mut of_it = findings
        .iter()
        .filter(|finding| finding.seen.iter().any(|seen| seen.bugcheck.as_ref() == Some(&check)))
        .peekable();
    let what = format!("{name}, {:?}: {violation:x?}", run.environment);
    assert!(of_it.peek().is_some(), "{what}");
    if violation.kind == Kind::MemoryIntegrity && !violation.under_assumption {
        assert!(of_it.any(|finding| finding.questions.contains(&Question::Run)), "{what}");
    }
}

fn examples() -> Vec<(String, Vec<u8>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../examples/drivers");
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .expect("the examples")
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|end| end == "sys"))
        .collect();
    paths.sort();
    let read = |path: &PathBuf| std::fs::read(path).expect("an example");
    paths.iter().map(|path| (path.display().to_string(), read(path))).collect()
}

#[test]
fn what_stops_an_example_is_a_finding() {
    let mut seen = Seen::default();
    for (name, bytes) in examples() {
        hold(&name, &bytes, &mut seen);
    }
    // Those of the list that are not run on a request only.
    assert!(seen.reported > 10 && seen.stopped > 5, "{seen:?}");
}

#[test]
fn what_stops_a_malformed_image_is_a_finding() {
    let mut seen = Seen::default();
    for (name, bytes) in ringfence_fixture::malformed() {
        hold(name, &bytes, &mut seen);
    }
    for (name, bytes) in ringfence_fixture::variants() {
        hold(name, &bytes, &mut seen);
    }
}

/// Bytes of the examples are replaced, by a generator of its own, so that they are the same everywhere.
#[test]
fn what_stops_a_damaged_driver_is_a_finding() {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as usize
    };
    let (mut seen, examples) = (Seen::default(), examples());
    let x64: Vec<_> = examples.iter().filter(|(name, _)| name.ends_with("-x64.sys")).collect();
    for round in 0..300 {
        let (name, bytes) = x64[round % x64.len()];
        let mut bytes = bytes.clone();
        for _ in 0..1 + random() % 12 {
            let at = random() % bytes.len();
            let at = if round % 4 == 0 { at } else { at.max(0x400).min(bytes.len() - 1) };
            bytes[at] = random() as u8;
        }
        hold(&format!("{name}, damaged in round {round}"), &bytes, &mut seen);
    }
    assert!(seen.reported > 10 && seen.stopped > 5, "{seen:?}");
}

/// What a driver is found to do whose DriverEntry clears CR0.WP and stores to its import address table, or to what stands
/// `beside` it on its page: rules with the bug checks that they were seen by, and notes.
fn stores_unprotected(beside: u32) -> Vec<(&'static str, Vec<String>, String)> {
    let like = ringfence_fixture::driver().no_imports().import("ntoskrnl.exe", &["DbgPrint"]);
    let built = like.clone().edit_section("INIT", |init| init.bytes([0xCC; 64])).build();
    let slot = built.thunk_rva("ntoskrnl.exe", "DbgPrint");
    let to = if beside == 0 { slot } else { (slot & !0xFFF) + beside };
    let next = built.rva_of_section("INIT") + 7;
    let mut code = vec![0x48, 0x8D, 0x0D]; // lea rcx, [to]
    code.extend(to.wrapping_sub(next).to_le_bytes());
    // mov rax, cr0; and eax, ~10000h; mov cr0, rax
    code.extend([0x0F, 0x20, 0xC0, 0x25, 0xFF, 0xFF, 0xFE, 0xFF, 0x0F, 0x22, 0xC0]);
    code.extend([0x48, 0x89, 0x09, 0x31, 0xC0, 0xC3]); // mov [rcx], rcx; xor eax, eax; ret
    code.resize(64, 0xCC);
    let bytes = like.edit_section("INIT", |init| init.bytes(code)).bytes();
    let image = Image::read(&bytes).expect("an image");
    let driver = Driver::new(&image);
    let mut findings = check(&driver, Targets::DEFAULT).findings;
    let run = run(&image, &Options::new(Environment::Hvci, "a.sys"));
    witness(&driver, &run, &mut findings, &mut Vec::new());
    let checks = |one: &Finding| {
        one.seen.iter().flat_map(|seen| &seen.bugcheck).map(|check| check.code.clone()).collect()
    };
    let mut told: Vec<_> =
        findings.iter().map(|one| (one.rule, checks(one), one.notes.join("; "))).collect();
    told.sort();
    told
}

/// What was written to is told, and how it came to be written to.
#[test]
fn a_store_to_imports_with_write_protection_off_is_two_findings() {
    let told = stores_unprotected(0);
    let seen: Vec<_> = told.iter().map(|(rule, checks, _)| (*rule, checks.join(" "))).collect();
    let check = || "0x18D".to_owned();
    assert_eq!(seen, [("write-protection-cleared", check()), ("writes-to-import-table", check())]);
    let told = stores_unprotected(0xFF0);
    let [(rule, checks, notes)] = &told[..] else { panic!("{told:?}") };
    assert_eq!((*rule, &checks[..]), ("write-protection-cleared", &[check()][..]));
    assert!(notes.contains("a page that holds some of the import address table"), "{notes}");
}
