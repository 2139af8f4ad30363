//! Damaged drivers, and those that mean harm: no panic, no endless loop, no memory without bound, and an end
//! that is told.

mod checks;

use ringfence_verifier::End;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// A small generator of its own, so that the bytes are the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

fn examples() -> Vec<Vec<u8>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../examples/drivers");
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .expect("the examples")
        .flatten()
        .map(|entry| entry.path())
        .collect();
    paths.sort();
    let x64 = paths.iter().filter(|path| path.to_string_lossy().ends_with("-x64.sys"));
    x64.map(|path| std::fs::read(path).expect("an example")).collect()
}

#[test]
fn damaged_drivers_come_to_an_end() {
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let examples = examples();
    let mut ends = std::collections::BTreeMap::new();
    for round in 0..400 {
        let mut bytes = examples[round % examples.len()].clone();
        for _ in 0..1 + random.next() % 12 {
            // Anywhere, but mostly behind the headers: there is what is run.
            let at = random.next() as usize % bytes.len();
            let at = if round % 4 == 0 { at } else { at.max(0x400).min(bytes.len() - 1) };
            bytes[at] = random.next() as u8;
        }
        let started = Instant::now();
        let Some(runs) = checks::verify(&bytes) else { continue };
        assert!(started.elapsed() < Duration::from_secs(20), "round {round}");
        for run in runs {
            let name = format!("{:?}", run.end);
            *ends.entry(name.split('(').next().unwrap_or_default().to_owned()).or_insert(0) += 1;
        }
    }
    // Damage does many things.
    for end in ["Returned", "Violation", "Fault", "Refused"] {
        assert!(ends.contains_key(end), "{ends:?}");
    }
}

#[test]
fn malformed_images_come_to_an_end() {
    for (_, bytes) in ringfence_fixture::malformed() {
        checks::verify(&bytes);
    }
    for (_, bytes) in ringfence_fixture::variants() {
        if let Some([verifier, _]) = checks::verify(&bytes) {
            assert!(!matches!(verifier.end, End::Budget("calls within calls")));
        }
    }
}
