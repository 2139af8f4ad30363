//! Whatever the code, runs and single steps come to the same.

mod checks;

use checks::machine;

/// Xorshift: the same inputs in every run.
fn next(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

#[test]
fn random_bytes() {
    let mut state = 7;
    for _ in 0..2000 {
        let length = 10 + (next(&mut state) >> 20) as usize % 60;
        let input: Vec<u8> = (0..length).map(|_| (next(&mut state) >> 24) as u8).collect();
        machine(&input);
    }
}

/// Instructions that loop, write to code and to data, and go on.
const PIECES: [&[u8]; 20] = [
    &[0x01, 0xC8],
    &[0x48, 0x11, 0xC3],
    &[0xFF, 0xC9],
    &[0x75, 0xF8],
    &[0x88, 0x01],
    &[0x48, 0x89, 0x07],
    &[0xC6, 0x05, 0x02, 0, 0, 0, 0x90],
    &[0xF3, 0xA4],
    &[0xF3, 0xAA],
    &[0xFE, 0x05, 0xF0, 0xFF, 0xFF, 0xFF],
    &[0x50],
    &[0x5A],
    &[0xE8, 0, 0, 0, 0],
    &[0xC3],
    &[0xEB, 0x02],
    &[0x48, 0xC1, 0xE0, 0x05],
    &[0x0F, 0x94, 0xC0],
    &[0x0F, 0x11, 0x07],
    &[0xB9, 0x30, 0x10, 0, 0],
    &[0x66, 0x0F, 0xEF, 0xC1],
];

#[test]
fn pieces_of_code() {
    let mut state = 11;
    for _ in 0..2000 {
        let mut input: Vec<u8> = (0..10).map(|_| (next(&mut state) >> 24) as u8).collect();
        for _ in 0..20 {
            input.extend(PIECES[(next(&mut state) >> 24) as usize % PIECES.len()]);
        }
        machine(&input);
    }
}
