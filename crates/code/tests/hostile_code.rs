//! Any bytes as code, and code made to be hard: no panic, no endless loop, an answer that holds together,
//! and what was not looked at is said.

mod checks;

use ringfence_code::{Doubt, Fate, Survey, survey};
use ringfence_image::Image;

/// A small generator of its own, so that the bytes are the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.next() as u8).collect()
    }
}

#[test]
fn random_bytes_with_references() {
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let (mut references, mut sightings) = (0, 0);
    for round in 0..400 {
        let length = 80 + (random.next() % 2000) as usize;
        let mut input = random.bytes(length);
        input[0] = 0x0F | if round % 2 == 0 { 0x80 } else { 0 };
        let survey = checks::code(&input);
        references += survey.references.len();
        sightings += survey.sightings.len();
    }
    // Random bytes overwrite one another and are seldom code, but not always.
    assert!(references > 500 && sightings > 100, "{references} {sightings}");
}

/// Instructions that make much of little: pushes, moves between registers and stack, sums, jumps.
#[test]
fn plausible_code_with_references() {
    const PIECES: [&[u8]; 20] = [
        &[0x50],
        &[0x58],
        &[0x31, 0xC9],
        &[0xB9, 0, 2, 0, 0],
        &[0x89, 0x4C, 0x24, 0x28],
        &[0x8B, 0x4C, 0x24, 0x28],
        &[0x48, 0x83, 0xEC, 0x28],
        &[0x48, 0x83, 0xC4, 0x28],
        &[0x75, 0xF0],
        &[0x74, 0x10],
        &[0xEB, 0x08],
        &[0xC3],
        &[0xFF, 0xD0],
        &[0xFF, 0xE0],
        &[0x48, 0x8B, 0x04, 0xC8],
        &[0x48, 0x8D, 0x4C, 0x24, 0x20],
        &[0x0F, 0x44, 0xC8],
        &[0x83, 0xC1, 0x01],
        &[0xF3, 0xAA],
        &[0x0F, 0x11, 0x44, 0x24, 0x20],
    ];
    let mut random = Random(42);
    let mut sites = 0;
    for round in 0..400 {
        let mut input = vec![0x0F | if round % 2 == 0 { 0x80 } else { 0 }];
        input.extend(random.bytes(60));
        for _ in 0..300 {
            input.extend(PIECES[(random.next() % 20) as usize]);
        }
        sites += checks::code(&input).sites.len();
    }
    assert!(sites > 300, "{sites}");
}

fn surveyed(name: &str) -> Survey {
    let shapes = ringfence_fixture::tangled_code();
    let (_, bytes) = shapes.iter().find(|(known, _)| *known == name).expect("a shape of this name");
    survey_of(name, bytes)
}

fn survey_of(name: &str, bytes: &[u8]) -> Survey {
    let image = Image::read(bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
    let query = checks::query(&image);
    let survey = survey(&image, &query);
    checks::check(&image, &query, &survey);
    survey
}

#[test]
fn every_shape_comes_to_an_end_and_loses_nothing_in_silence() {
    for (name, bytes) in ringfence_fixture::tangled_code() {
        let survey = survey_of(name, &bytes);
        assert!(!survey.references.is_empty(), "{name}");
        let followed = survey.references.iter().filter(|known| known.fate == Fate::Call).count();
        let given_up = survey.doubts.contains(&Doubt::Budget);
        assert!(given_up || survey.sites.len() >= followed, "{name}");
    }
}

#[test]
fn many_small_things_are_all_found() {
    // A hundred thousand thunks with a call each, and as many functions with a call each.
    for name in ["thunks-100000", "calls-in-functions"] {
        let survey = surveyed(name);
        assert_eq!((survey.sites.len(), &survey.doubts[..]), (100_000, &[][..]), "{name}");
    }
    // Three hundred sections with 8 MB of addresses each, of which the file has seven bytes.
    let survey = surveyed("sections-mostly-empty");
    assert_eq!((survey.sites.len(), &survey.doubts[..]), (300, &[][..]));
}

#[test]
fn a_function_too_large_is_said_to_be() {
    for name in ["calls-100000", "calls-of-one-thunk", "calls-by-register"] {
        let survey = surveyed(name);
        assert!(survey.doubts.contains(&Doubt::Budget), "{name}: {:?}", survey.doubts);
        assert!(survey.sites.len() > 50_000, "{name}");
    }
}

/// What the only call's first argument is, whoever calls.
fn argument(name: &str) -> (Vec<Option<u64>>, usize) {
    let survey = surveyed(name);
    let [site] = &survey.sites[..] else { panic!("{name}: {} calls", survey.sites.len()) };
    let possible = site.arguments[0].value.possible.iter();
    (possible.map(|possible| possible.constant()).collect(), site.routes.len() + site.alike)
}

/// Every caller is heard, however many there are; what they choose is told apart as long as there is
/// room, and then it may be anything.
#[test]
fn ten_thousand_callers() {
    let (values, routes) = argument("callers-of-one-function");
    assert_eq!((values, routes), (vec![Some(0), Some(1), Some(2)], 10_000));
    let (values, _) = argument("callers-with-a-value-each");
    assert_eq!(values, [None]);
}

/// Beyond the longest way that is followed, callers may choose anything.
#[test]
fn a_parameter_that_comes_from_far_is_not_known() {
    for name in ["parameter-through-a-chain", "parameter-that-grows-in-a-chain"] {
        let (values, _) = argument(name);
        assert!(values.contains(&None), "{name}: {values:?}");
    }
}

/// What goes round and is not changed is what came from outside; else it is not known.
#[test]
fn functions_that_call_each_other() {
    let all = |name: &str| {
        let survey = surveyed(name);
        let calls = survey.sites.iter().map(|site| &site.arguments[0].value.possible);
        calls
            .map(|all| all.iter().map(|one| one.constant()).collect::<Vec<_>>())
            .collect::<Vec<_>>()
    };
    let changed = all("functions-that-all-change-a-parameter");
    assert_eq!(changed.len(), 60);
    assert!(changed.iter().all(|values| values.contains(&None)));
    let same = all("functions-that-all-call-each-other");
    assert_eq!(same.len(), 60);
    assert!(same.iter().all(|values| values.contains(&None) || values == &[Some(0)]));
}
