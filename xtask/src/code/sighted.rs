//! What is sighted beside calls, against what the sources say.

use super::map::Map;
use super::survey::Found;
use super::truth::Truth;
use ringfence_code::{Possible, Sight, Sighting};
use std::collections::BTreeMap;

/// What can be said to be sighted.
pub const WORDS: &[&str] = &[
    "code-written",
    "code-maybe-written",
    "cr0-cleared",
    "cr0-maybe-cleared",
    "cr0-kept",
    "cr0-unknown",
    "memory-run",
    "memory-maybe-run",
    "import-read",
    "import-maybe-read",
    "import-written",
    "import-maybe-written",
];

/// CR0.WP.
const WRITE_PROTECT: u64 = 1 << 16;

/// Every difference, as a line.
pub fn differences(truth: &Truth, map: &Map, found: &Found) -> Vec<String> {
    let mut counts: BTreeMap<(&str, &str), i32> = BTreeMap::new();
    for function in &truth.functions {
        for what in &function.sighted {
            *counts.entry((&function.name, what)).or_default() += 1;
        }
    }
    for sighting in found.survey.sightings.iter().filter(|sighting| sighting.reached) {
        let function = map.name(sighting.at.0);
        *counts.entry((function, word(sighting))).or_default() -= 1;
    }
    let line = |((function, what), count): ((&str, &str), i32)| match count {
        0 => None,
        1.. => Some(format!("{function}: not sighted: {what}")),
        _ => Some(format!("{function}: sighted, and not so: {what}")),
    };
    counts.into_iter().filter_map(line).collect()
}

fn word(sighting: &Sighting) -> &'static str {
    match (&sighting.what, sighting.always) {
        (Sight::CodeWritten { .. }, true) => "code-written",
        (Sight::CodeWritten { .. }, false) => "code-maybe-written",
        (Sight::MemoryRun { .. }, true) => "memory-run",
        (Sight::MemoryRun { .. }, false) => "memory-maybe-run",
        (Sight::ImportTouched { writes: true, .. }, true) => "import-written",
        (Sight::ImportTouched { writes: true, .. }, false) => "import-maybe-written",
        (Sight::ImportTouched { .. }, true) => "import-read",
        (Sight::ImportTouched { .. }, false) => "import-maybe-read",
        (Sight::Cr0Set { value }, _) => {
            let cleared = |one: &Possible| one.zeros & WRITE_PROTECT != 0;
            let kept = |one: &Possible| one.ones & WRITE_PROTECT != 0;
            let all = &value.possible;
            match (all.iter().any(cleared), all.iter().all(cleared), all.iter().all(kept)) {
                (_, true, _) => "cr0-cleared",
                (true, false, _) => "cr0-maybe-cleared",
                (false, _, true) => "cr0-kept",
                (false, _, false) => "cr0-unknown",
            }
        }
    }
}
