//! Realistic build files of each format, whole, cut off and bent, against what holds of every tree.

mod trees;

use std::path::Path;

#[test]
fn every_beginning_of_a_build_file_is_read() {
    for (number, name) in (0..).zip(trees::NAMES) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/trees").join(name);
        let text = std::fs::read(path).unwrap();
        for length in (0..=text.len()).step_by(11).chain([text.len()]) {
            trees::check(&[&[number], &text[..length]].concat());
        }
        for at in (0..text.len()).step_by(23) {
            let mut bent = [&[number], &*text].concat();
            for letter in [b'"', b'(', b'$', b'<', b'\\', b'\n', 0xE9] {
                bent[at + 1] = letter;
                trees::check(&bent);
            }
        }
    }
}

#[test]
fn one_text_is_read_as_every_file() {
    for name in trees::NAMES {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/trees").join(name);
        let text = std::fs::read(path).unwrap();
        for number in 0..5 {
            let all: Vec<u8> = std::iter::repeat_n(&text, 10)
                .flat_map(|text| [&**text, b"\x0C"].concat())
                .collect();
            trees::check(&[&[number], &*all].concat());
        }
    }
}
