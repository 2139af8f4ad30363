//! What ringfence reads of well-formed drivers, object and goblin read too.
//!
//! Each reader tells what it finds as lines under a topic. Topics that a reader does not know are
//! not compared with it; where it is known to be wrong, its module says so.
#![expect(clippy::unwrap_used, reason = "a test tells by its panic")]

mod goblin;
mod object;
mod ringfence;

use ringfence_fixture::{clean_corpus, variants};
use std::collections::BTreeMap;
use std::path::Path;

/// Lines by topic.
type Facts = BTreeMap<&'static str, Vec<String>>;

/// The fixtures and the committed example drivers.
fn drivers() -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/drivers");
    let examples = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let examples = examples.filter(|path| path.extension().is_some_and(|end| end == "sys"));
    let examples = examples.map(|path| (path.display().to_string(), std::fs::read(path).unwrap()));
    let variants = variants().into_iter().map(|(name, bytes)| (name.to_owned(), bytes));
    variants.chain(clean_corpus(60, 5)).chain(examples).collect()
}

/// Compares ringfence with another reader; returns how many lines there were under each topic.
fn compare(read: impl Fn(&[u8]) -> Facts) -> BTreeMap<&'static str, usize> {
    let mut lines = BTreeMap::new();
    for (name, bytes) in drivers() {
        let ours = ringfence::facts(&bytes);
        for (topic, theirs) in read(&bytes) {
            assert_eq!(ours[topic], theirs, "{name}: {topic}");
            *lines.entry(topic).or_default() += theirs.len();
        }
    }
    lines
}

/// A comparison of nothing would hold as well.
#[track_caller]
fn at_least(lines: &BTreeMap<&'static str, usize>, least: &[(&'static str, usize)]) {
    let few: Vec<_> = least.iter().filter(|(topic, least)| lines[topic] < *least).collect();
    assert!(few.is_empty() && lines.len() == least.len(), "{lines:?}");
}

#[test]
fn object_agrees() {
    at_least(
        &compare(object::facts),
        &[
            ("debug file", 60),
            ("delayed imports", 8),
            ("entry point", 90),
            ("exports", 6),
            ("imports", 3000),
            ("relocations", 1000),
            ("rich", 60),
            ("sections", 500),
        ],
    );
}

#[test]
fn goblin_agrees() {
    at_least(
        &compare(goblin::facts),
        &[
            ("certificates", 30),
            ("debug file", 60),
            ("entry point", 90),
            ("exports", 6),
            ("functions", 1000),
            ("imports", 3000),
            ("load configuration", 60),
            ("relocations", 1000),
            ("rich", 60),
            ("sections", 500),
            ("signed bytes", 90),
            ("version", 60),
        ],
    );
}
