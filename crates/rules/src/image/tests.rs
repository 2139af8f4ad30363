//! The one way image rules are tested: a driver in, what they say of it out.

use crate::{Driver, check, rules};
use ringfence_finding::{Answer, Confidence, Finding, Gap, Question, Targets, Verdict, decide};
use ringfence_image::Image;

/// The findings of all rules on `bytes`, for `targets`.
pub(crate) fn findings(bytes: &[u8], targets: Targets) -> Vec<Finding> {
    let image = Image::read(bytes).expect("fixtures are images");
    check(&Driver::new(&image), targets).findings
}

/// One line a finding, for Windows 10 1703 and later: `level[rule] what it denies: message`, with a
/// question mark at what is only likely.
pub(crate) fn told(bytes: &[u8]) -> Vec<String> {
    told_for(bytes, Targets::DEFAULT)
}

/// As [`told`], for other Windows versions.
pub(crate) fn told_for(bytes: &[u8], targets: Targets) -> Vec<String> {
    findings(bytes, targets).iter().map(line).collect()
}

/// One finding in a line.
pub(crate) fn line(finding: &Finding) -> String {
    let denied: Vec<_> = Question::ALL
        .into_iter()
        .filter(|question| finding.denies(*question, finding.targets, false))
        .map(|question| match finding.confidence_on(question) {
            Confidence::Certain => question.to_string(),
            Confidence::Likely => format!("{question}?"),
        })
        .collect();
    let denied = if denied.is_empty() { "nothing".to_owned() } else { denied.join(" ") };
    format!("{}[{}] {denied}: {}", finding.level, finding.rule, finding.message)
}

/// The verdict on the image alone, with the code unexamined.
pub(crate) fn verdict(bytes: &[u8], targets: Targets) -> Verdict {
    let image = Image::read(bytes).expect("fixtures are images");
    let mut outcome = check(&Driver::new(&image), targets);
    outcome.gaps.push(Gap::new(&[Question::Run, Question::Certify], "machine code not examined"));
    decide(&outcome.findings, &outcome.gaps, targets, false)
}

/// The three answers, in words.
pub(crate) fn answers(bytes: &[u8]) -> String {
    let verdict = verdict(bytes, Targets::DEFAULT);
    Question::ALL.map(|question| verdict.answer(question).to_string()).join(" ")
}

#[test]
fn a_clean_driver_has_no_findings_on_any_machine() {
    for driver in [ringfence_fixture::driver(), ringfence_fixture::driver().arm64()] {
        let bytes = driver.bytes();
        assert_eq!(told_for(&bytes, Targets::ALL), [""; 0]);
        assert_eq!(answers(&bytes), "yes unknown unknown");
    }
}

/// Spec case 120 and its kin: nothing makes a rule panic, and what loads is never guessed.
#[test]
fn malformed_images_never_make_a_rule_panic() {
    for (name, bytes) in ringfence_fixture::malformed() {
        let Ok(image) = Image::read(&bytes) else { continue };
        let outcome = check(&Driver::new(&image), Targets::ALL);
        assert_eq!(outcome.crashes, [], "{name}");
        assert_eq!(outcome.rules, rules().count(), "{name}");
        assert!(outcome.findings.len() < 1000, "{name}");
    }
}

/// Spec case 119: an ARM64X image is recognised, and held to the same rules.
#[test]
fn a_hybrid_image_is_held_to_the_same_rules() {
    let bytes = ringfence_fixture::driver().arm64x().bytes();
    assert_eq!(told(&bytes), [""; 0]);
    let image = Image::read(&bytes).unwrap();
    assert!(image.load_config().unwrap().chpe_metadata.is_some_and(|address| address != 0));
}

/// Spec case 121: a certificate table behind the sections changes nothing.
#[test]
fn a_signature_changes_nothing() {
    let bytes = ringfence_fixture::driver()
        .certificate_table(ringfence_fixture::win_certificate(&[0x30; 200]))
        .bytes();
    assert_eq!(told_for(&bytes, Targets::ALL), [""; 0]);
}

/// Spec case 122: a section whose VirtualSize is 0 is as large as its raw data.
#[test]
fn a_section_without_virtual_size_is_as_large_as_its_data() {
    let bytes =
        ringfence_fixture::driver().edit_section(".rdata", |rdata| rdata.virtual_size(0)).bytes();
    assert_eq!(told_for(&bytes, Targets::ALL), [""; 0]);
    assert_eq!(verdict(&bytes, Targets::ALL).load, Answer::Yes);
}

#[test]
fn cards_are_complete_and_well_formed() {
    const HEADINGS: [&str; 5] = [
        "## What it does",
        "## Why it matters",
        "## Example",
        "## What it cannot see",
        "## References",
    ];
    let mut ids = std::collections::BTreeSet::new();
    for card in rules().map(|rule| rule.card()) {
        assert!(ids.insert(card.id), "{} twice", card.id);
        let headings: Vec<_> =
            card.docs.lines().map(str::trim).filter(|line| line.starts_with("##")).collect();
        assert_eq!(headings, HEADINGS, "{}", card.id);
        assert!(card.summary.starts_with(|c: char| c.is_lowercase()), "{}", card.id);
        assert!(!card.summary.ends_with('.'), "{}", card.id);
        assert!(card.docs.contains("https://"), "{} cites no source", card.id);
        assert!(!card.docs.contains("http://"), "{}", card.id);
        // Two rules may share a name, as two hazards may share a counter, but no rule has one twice.
        let names: std::collections::BTreeSet<_> = card.names().collect();
        assert_eq!(names.len(), card.names().count(), "{}", card.id);
    }
}

/// A rule file that nobody listed would never run.
#[test]
fn every_rule_file_is_listed() {
    let others = ["drawing.rs", "tests.rs", "violation.rs"];
    let mut files = Vec::new();
    for family in ["code", "image", "memory"] {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(family);
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            // What a long rule is made of is in a folder of its name.
            if !entry.path().is_dir() && !others.contains(&&*name) {
                files.push(format!("{family}/{name}"));
            }
        }
    }
    let mut listed: Vec<_> = rules()
        .map(|rule| rule.card())
        .map(|card| {
            let mut parts = card.file.rsplit(['/', '\\']);
            let (file, family) = (parts.next().unwrap(), parts.next().unwrap());
            assert_eq!(file, format!("{}.rs", card.id.replace('-', "_")));
            format!("{family}/{file}")
        })
        .collect();
    files.sort();
    listed.sort();
    assert_eq!(files, listed);
}
