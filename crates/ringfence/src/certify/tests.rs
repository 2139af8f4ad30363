use super::*;
use crate::{examine, rule_cards};
use ringfence_finding::Answer;
use ringfence_fixture::{DIR64, Driver, RWX, driver, malformed, section};
use std::path::PathBuf;

fn examples() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/drivers"))
}

fn of(bytes: &[u8], targets: Targets) -> Certification {
    let settings = Settings { targets, hash: false, ..Settings::default() };
    certification(&examine(bytes, &settings).unwrap(), targets)
}

fn example(name: &str) -> Certification {
    of(&std::fs::read(examples().join(name)).unwrap(), Sku::Desktop.targets())
}

/// The counts in the order of Windows' tools, `?` where one is not known.
fn counts(certification: &Certification) -> String {
    let numbers = certification.counters.iter().map(|counted| match counted.result {
        Outcome::Undecided => "?".to_owned(),
        _ => counted.count.to_string(),
    });
    numbers.collect::<Vec<_>>().join(" ")
}

/// What the sources of the examples ask for, and what their README says of them. Nothing of it is taken
/// from what ringfence says.
#[test]
fn examples_are_counted_as_their_sources_say() {
    for (name, expected, result) in [
        ("clean-x64.sys", "0 0 0 0 0 0 0", Outcome::Pass),
        ("clean-arm64.sys", "? ? ? 0 0 0 0", Outcome::Undecided),
        ("executable-pool-x64.sys", "1 0 0 0 0 0 0", Outcome::Fail),
        ("executable-page-protection-x64.sys", "0 1 0 0 0 0 0", Outcome::Fail),
        ("executable-mdl-mapping-x64.sys", "0 0 1 0 0 0 0", Outcome::Fail),
        ("rwx-text-x64.sys", "0 0 0 1 0 0 0", Outcome::Fail),
        ("rwx-init-x64.sys", "0 0 0 0 0 0 0", Outcome::Pass),
        ("straddling-relocations-x64.sys", "0 0 0 0 0 1 0", Outcome::Fail),
        ("import-table-in-text-x64.sys", "0 0 0 0 0 0 1", Outcome::Fail),
        ("import-table-in-text-arm64.sys", "? ? ? 0 0 0 1", Outcome::Fail),
        // Driver Verifier makes the memory non-executable in silence.
        ("map-io-space-x64.sys", "0 0 0 0 0 0 0", Outcome::Pass),
        // It is not about what code does beside asking for memory.
        ("patches-itself-x64.sys", "0 0 0 0 0 0 0", Outcome::Pass),
        // SampleMakeBuffer by way of the library, and HelperOpenLog; all else is NonPagedPoolNx.
        ("library-pool-x64.sys", "2 0 0 0 0 0 0", Outcome::Fail),
        // Nothing sets the variables that both the pool type and the protection come from.
        ("nx-opt-in-never-x64.sys", "1 0 1 0 0 0 0", Outcome::Fail),
        ("pool-type-from-ioctl-x64.sys", "? 0 0 0 0 0 0", Outcome::Undecided),
        // It cannot be moved, so it is never tested.
        ("stripped-relocations-x64.sys", "0 0 0 0 0 0 0", Outcome::Undecided),
    ] {
        let certification = example(name);
        assert_eq!(counts(&certification), expected, "{name}");
        assert_eq!(certification.result, result, "{name}");
    }
}

/// An image property that is asked of each section: the count is the number of sections, which the file
/// header states.
#[test]
fn an_unaligned_image_counts_each_section() {
    for name in ["unaligned-512-x64.sys", "unaligned-2048-arm64.sys"] {
        let bytes = std::fs::read(examples().join(name)).unwrap();
        let pe = u32::from_le_bytes(bytes[0x3C..0x40].try_into().unwrap()) as usize;
        let sections = u16::from_le_bytes(bytes[pe + 6..pe + 8].try_into().unwrap());
        let counted = &example(name).counters[4];
        assert_eq!((counted.counter, counted.count), (Counter::SectionAlignment, sections.into()));
        assert_eq!(counted.objections.len(), 1);
    }
}

fn relocated(places: &[(u32, u8)]) -> Vec<u8> {
    let data = |data: ringfence_fixture::Section| data.bytes(vec![0; 0x4000]);
    let base = driver().edit_section(".data", data).no_relocations();
    let add = |driver: Driver, &(at, kind): &(u32, u8)| driver.relocation_in(".data", at, kind);
    places.iter().fold(base, add).bytes()
}

/// Bad are offsets 0xFF9 to 0xFFF of 64-bit relocations, and all of another kind but filler; both are
/// counted together, and before 1703 only.
#[test]
fn each_bad_relocation_counts_where_windows_looks() {
    const HIGHLOW: u8 = 3;
    let bytes = relocated(&[
        (0xFF8, DIR64),
        (0x1FF9, DIR64),
        (0x2FFC, DIR64),
        (0x2000, HIGHLOW),
        (0x10, DIR64),
    ]);
    let old = of(&bytes, Targets::named("win10-1607").unwrap());
    assert_eq!(counts(&old), "0 0 0 0 0 3 0");
    let numbers: Vec<_> =
        old.counters[5].objections.iter().map(|one| (one.rule, one.count)).collect();
    assert_eq!(numbers, [("straddling-relocation", 2), ("unsupported-relocation-type", 1)]);
    let new = of(&bytes, Targets::named("win10-1703+").unwrap());
    assert_eq!((counts(&new).as_str(), new.result), ("0 0 0 0 0 0 0", Outcome::Pass));
    // The server edition has one version of that age.
    let server = of(&bytes, Sku::Server.targets());
    assert_eq!(server.counters[5].count, 3);
    let only: Vec<_> =
        server.counters[5].objections[0].targets.iter().map(|target| target.id).collect();
    assert_eq!(only, ["server-2016"]);
}

#[test]
fn each_writable_executable_section_counts_but_init() {
    let bytes = driver()
        .edit_section(".text", |text| text.rights(RWX))
        .edit_section("INIT", |init| init.rights(RWX))
        .section(section("HOOKCODE").rights(RWX).bytes(vec![0xC3; 16]))
        .bytes();
    assert_eq!(counts(&of(&bytes, Targets::DEFAULT)), "0 0 0 2 0 0 0");
}

#[test]
fn of_very_many_the_count_is_a_least_one() {
    let many = (0..40).fold(driver(), |driver, number| {
        driver.section(section(format!("X{number}")).rights(RWX).bytes(vec![0xC3; 16]))
    });
    let counted = &of(&many.bytes(), Targets::DEFAULT).counters[3];
    assert_eq!((counted.count, counted.at_least), (MOST_OF_A_KIND, true));
    let few = driver().section(section("X").rights(RWX).bytes(vec![0xC3; 16])).bytes();
    assert!(!of(&few, Targets::DEFAULT).counters[3].at_least);
}

/// What is open for one counter says nothing of the others, and stays open where another one fails.
#[test]
fn what_is_open_is_told_of_its_counters() {
    let failing = example("import-table-in-text-arm64.sys");
    let machine_code = ["ARM64 machine code is not examined yet"];
    assert_eq!(failing.open, machine_code);
    assert_eq!(failing.counters[0].open, machine_code);
    assert_eq!(failing.counters[6].open, [""; 0]);
    let caller = example("pool-type-from-ioctl-x64.sys");
    assert_eq!(caller.counters[0].open, caller.open);
    assert_eq!(caller.counters[1].open, [""; 0]);
    let (_, truncated) = malformed()
        .into_iter()
        .find(|(name, _)| *name == "relocation-block-past-directory")
        .unwrap_or_else(|| panic!("{:?}", malformed().iter().map(|one| one.0).collect::<Vec<_>>()));
    assert_eq!(of(&truncated, Targets::ALL).counters[5].result, Outcome::Undecided);
    assert_eq!(of(&truncated, Targets::DEFAULT).counters[5].result, Outcome::Pass);
}

/// Whatever the file: the result is the verdict's, and it follows from the counters.
#[test]
fn the_result_is_the_answer_to_certify() {
    let examples = std::fs::read_dir(examples()).unwrap().filter_map(|entry| {
        let path = entry.unwrap().path();
        path.extension().is_some_and(|end| end == "sys").then(|| std::fs::read(path).unwrap())
    });
    let broken = malformed().into_iter().map(|(_, bytes)| bytes);
    for bytes in examples.chain(broken) {
        for targets in [Targets::ALL, Targets::DEFAULT, Sku::Server.targets()] {
            let settings = Settings { targets, ..Settings::default() };
            let Ok(examination) = examine(&bytes, &settings) else { continue };
            let certification = certification(&examination, targets);
            let expected = match examination.verdict.certify {
                Answer::Yes => Outcome::Pass,
                Answer::No => Outcome::Fail,
                Answer::Unknown => Outcome::Undecided,
            };
            assert_eq!(certification.result, expected, "{certification:?}");
            assert_eq!(certification.counters.len(), 7);
            for counted in &certification.counters {
                assert_eq!(counted.result == Outcome::Fail, !counted.objections.is_empty());
                assert_eq!(counted.result == Outcome::Pass, {
                    counted.objections.is_empty() && counted.open.is_empty()
                });
                assert!(counted.likely <= counted.count);
            }
        }
    }
}

/// What only Code Analysis objects to does not count, though the verdict was asked to count it.
#[test]
fn code_analysis_is_no_matter_of_the_test() {
    let bytes = std::fs::read(examples().join("map-io-space-x64.sys")).unwrap();
    let settings = Settings { code_analysis: true, ..Settings::default() };
    let examination = examine(&bytes, &settings).unwrap();
    assert_eq!(examination.verdict.certify, Answer::No);
    let certification = certification(&examination, settings.targets);
    assert_eq!((certification.result, certification.open), (Outcome::Pass, vec![]));
}

/// A finding without a counter would fail the verdict and no counter.
#[test]
fn whoever_names_a_stop_of_driver_verifier_names_its_counter() {
    let mut counters: Vec<Counter> = Vec::new();
    for card in rule_cards() {
        let stops = card.names().any(|name| name.starts_with("0xC4:0x200"));
        let counter: Vec<_> = card.names().filter_map(Counter::named).collect();
        assert_eq!(counter.len(), usize::from(stops), "{}", card.id);
        counters.extend(counter);
    }
    assert!(Counter::ALL.iter().all(|counter| counters.contains(counter)));
}

#[test]
fn the_report_holds_all_drivers() {
    let inputs = [Input::parse(examples().as_os_str())];
    let settings = Settings { targets: Sku::Server.targets(), ..Settings::default() };
    let report = certify(&inputs, Sku::Server, &settings);
    assert_eq!(report.drivers.len(), report.totals.drivers);
    let counted = report.totals.pass + report.totals.fail + report.totals.undecided;
    assert_eq!(counted, report.totals.drivers);
    assert_eq!(report.test.guid, "b972fc52-2468-4462-9799-6a1898808c86");
}
