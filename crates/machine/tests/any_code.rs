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

/// An instruction of registers alone: what flags it sets may be left out in a run, but not in single steps.
fn of_registers(state: &mut u64, into: &mut Vec<u8>) {
    const TWO: [u8; 14] =
        [0x01, 0x09, 0x11, 0x19, 0x21, 0x29, 0x31, 0x39, 0x85, 0x89, 0x03, 0x2B, 0x3B, 0x8B];
    let mut byte = |below: u64| ((next(state) >> 24) % below) as u8;
    let (kind, registers) = (byte(15), 0xC0 | byte(64));
    // RSP stays as it is.
    let registers = registers & if registers & 0x38 == 0x20 { !0x20 } else { !0 };
    let registers = registers & if registers & 7 == 4 { !4 } else { !0 };
    if byte(3) != 0 && (kind < 8 || matches!(kind, 9 | 12)) {
        into.push(0x48);
    }
    match kind {
        0..=2 => into.extend([TWO[usize::from(byte(14))], registers]),
        3 => into.extend([0x83, registers, byte(255)]),
        4 => into.extend([0xC1, registers, byte(66)]),
        5 => into.extend([0xFF, registers & 0xCF]),
        6 => into.extend([0xF7, registers & 0xDF | 0x10]),
        7 => into.extend([0x6B, registers, byte(255)]),
        8 => into.extend([0x0F, 0x40 + 0x50 * byte(2) + byte(16), registers & 0xDB]),
        // A sum as an address, a product, a byte of a register, and a copy that is changed at once.
        9 => into.extend([0x8D, registers & 0x38 | 0x04, registers & 0xFB]),
        10 => into.extend([0x0F, [0xAF, 0xB6][usize::from(byte(2))], registers]),
        11 => {
            let change = [0xC1, 0x83][usize::from(byte(2))];
            let prefix = 0x40 | byte(2) << 3;
            into.extend([prefix, 0x8B, registers]);
            into.extend([prefix, change, 0xC0 | byte(8) << 3 | registers >> 3 & 7, byte(40)]);
        }
        // A number, and nothing.
        12 => into.extend([0xC7, registers & 0xC7, byte(255), byte(255), 0, 0x80 * byte(2)]),
        13 => into.extend([[0x31, 0x29][usize::from(byte(2))], 0xC0 | ((registers & 7) * 9)]),
        // A branch to what comes next in either case.
        _ => into.extend([0x70 + byte(16), 0]),
    }
}

/// A comparison or a step, and a branch so far back.
fn a_turn(state: &mut u64, back: usize, into: &mut Vec<u8>) {
    const CHANGES: [&[u8]; 9] = [
        &[0x48, 0xFF, 0xC9],
        &[0xFF, 0xC9],
        &[0x48, 0xFF, 0xC2],
        &[0x48, 0x83, 0xE9, 0x01],
        &[0x48, 0x83, 0xC2, 0x08],
        &[0x48, 0x39, 0xCA],
        &[0x39, 0xC1],
        &[0x83, 0xE1, 0x7F],
        &[0x84, 0xC9],
    ];
    let change = CHANGES[(next(state) >> 24) as usize % CHANGES.len()];
    // Mostly while there is something to count.
    let condition = if next(state) >> 24 & 1 == 0 { 5 } else { (next(state) >> 24) as u8 % 16 };
    into.extend(change);
    let distance = back + change.len() + 2;
    into.extend([0x70 + condition, (distance as u8).wrapping_neg()]);
}

#[test]
fn loops_of_registers() {
    let mut state = 17;
    for _ in 0..4000 {
        let mut input: Vec<u8> = (0..10).map(|_| (next(&mut state) >> 24) as u8).collect();
        // Some instructions before, so that the loop is come to and not begun with.
        for _ in 0..next(&mut state) >> 24 & 3 {
            of_registers(&mut state, &mut input);
        }
        let start = input.len();
        for _ in 0..next(&mut state) >> 24 & 7 {
            of_registers(&mut state, &mut input);
        }
        let back = input.len() - start;
        a_turn(&mut state, back, &mut input);
        of_registers(&mut state, &mut input);
        machine(&input);
    }
}

#[test]
fn instructions_of_registers() {
    let mut state = 13;
    for _ in 0..4000 {
        let mut input: Vec<u8> = (0..10).map(|_| (next(&mut state) >> 24) as u8).collect();
        for _ in 0..30 {
            of_registers(&mut state, &mut input);
        }
        machine(&input);
    }
}
