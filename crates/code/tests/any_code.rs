//! Any bytes as code: no panic, no endless loop, and an answer that holds together.

mod checks;

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
    let mut references = 0;
    for round in 0..400 {
        let length = 80 + (random.next() % 2000) as usize;
        let mut input = random.bytes(length);
        input[0] = 0x0F | if round % 2 == 0 { 0x80 } else { 0 };
        references += checks::code(&input).references.len();
    }
    // Random bytes overwrite one another and are seldom code, but not always.
    assert!(references > 500, "{references}");
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
