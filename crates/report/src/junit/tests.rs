//! JUnit as another XML parser reads it.

use crate::format::{Format, Options};
use crate::sample;
use ringfence_finding::{Examination, Question};
use roxmltree::{Document, Node};

fn written(drivers: &[Examination], options: Options) -> String {
    sample::written(Format::Junit, drivers, options)
}

/// `load passed`, `certify failure executable-pool-type`: what became of each case.
fn outcomes(xml: &str) -> Vec<String> {
    let document = Document::parse(xml).unwrap();
    let cases = document.descendants().filter(|node| node.has_tag_name("testcase"));
    cases
        .map(|case| {
            let what = case.attribute("name").unwrap().split(':').next().unwrap();
            let told: Vec<Node<'_, '_>> = case.children().filter(Node::is_element).collect();
            match told[..] {
                [] => format!("{what} passed"),
                [one] => {
                    format!("{what} {} {}", one.tag_name().name(), one.attribute("type").unwrap())
                }
                _ => panic!("one case, several outcomes: {xml}"),
            }
        })
        .collect()
}

/// The counts of each suite are those of its cases.
fn counts_hold(xml: &str) {
    let document = Document::parse(xml).unwrap();
    for suite in document.descendants().filter(|node| node.has_tag_name("testsuite")) {
        let count = |name| suite.descendants().filter(|node| node.has_tag_name(name)).count();
        for (attribute, element) in [
            ("tests", "testcase"),
            ("failures", "failure"),
            ("errors", "error"),
            ("skipped", "skipped"),
        ] {
            assert_eq!(suite.attribute(attribute), Some(&*count(element).to_string()), "{xml}");
        }
    }
}

#[test]
fn no_is_a_failure_and_unknown_is_skipped() {
    let drivers = [sample::certify_only("a.sys"), sample::fine("b.sys")];
    let xml = written(&drivers, Options::default());
    let certify = "certify failure executable-import-table";
    let fine = ["load passed", "run passed", "certify passed"];
    assert_eq!(
        outcomes(&xml),
        [&["load passed", "run skipped unknown", certify], &fine[..]].concat()
    );
    counts_hold(&xml);
    let strict = written(&drivers[..1], Options { fail_unknown: true, ..Options::default() });
    assert_eq!(outcomes(&strict), ["load passed", "run failure unknown", certify]);
    counts_hold(&strict);
}

#[test]
fn what_does_not_count_is_no_failure() {
    let gate = Options { gate: vec![Question::Load, Question::Run], ..Options::default() };
    let ungated = written(&[sample::certify_only("a.sys")], gate);
    assert_eq!(outcomes(&ungated)[2], "certify skipped no");
    assert!(ungated.contains("(not a gated question)"), "{ungated}");
    let excused = written(&[sample::excused("a.sys")], Options::default());
    assert!(!excused.contains("<failure"), "{excused}");
    // The outcome of a driver with one excused and one new objection is that of the new one.
    let mut driver = sample::certify_only("a.sys");
    driver.findings[0].excuse = sample::excused("b.sys").findings[0].excuse.clone();
    driver.findings[0].message = "known".to_owned();
    let mixed = written(&[driver], Options::default());
    let document = Document::parse(&mixed).unwrap();
    let failure = document.descendants().find(|node| node.has_tag_name("failure")).unwrap();
    let body = failure.text().unwrap();
    assert_eq!(body.matches("error[executable-import-table]").count(), 7, "{body}");
    assert!(!body.contains("known"), "{body}");
}

#[test]
fn each_part_that_is_malformed_is_told() {
    let mut driver = sample::unreadable_imports("a.sys");
    driver.defects = vec![driver.defects[0].clone(); 150];
    let xml = written(&[driver], Options::default());
    assert_eq!(outcomes(&xml)[3], "read whole error malformed");
    let document = Document::parse(&xml).unwrap();
    let error = document.descendants().find(|node| node.has_tag_name("error")).unwrap();
    assert_eq!(error.attribute("message"), Some("150 parts malformed"));
    assert_eq!(error.text().unwrap().lines().last(), Some("and 50 more"));
    counts_hold(&xml);
}
