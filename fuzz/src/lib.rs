//! Mutations that know where the numbers of an image are.
//!
//! libFuzzer changes bytes anywhere, and nearly all bytes of a driver are code that nobody reads.
//! Half of the changes are therefore made to a header field, a data directory, a section header,
//! a word of a table, or what such a word points to, and with values that matter in an image: ends
//! of the file, starts of sections and tables, alignments and their neighbours.
//!
//! The inputs stay plain images, so whatever is found replays anywhere.
#![forbid(unsafe_code)]

use libfuzzer_sys::fuzzer_mutate;
use ringfence_image::{Headers, Image, Rva};
use std::ops::Range;

/// Changes the first `length` of `bytes`, which may grow to `most`; returns the new length.
pub fn mutate(bytes: &mut [u8], length: usize, most: usize, seed: u32) -> usize {
    let mut random = Random(u64::from(seed) | 1 << 32);
    let places = match Image::read(&bytes[..length]) {
        Ok(image) if random.below(2) == 0 => Places::of(&image, &bytes[..length], &mut random),
        _ => return fuzzer_mutate(bytes, length, most),
    };
    let input = &mut bytes[..length];
    for _ in 0..=random.below(3) {
        let Some(field) = random.choose(&places.fields) else { break };
        let Some(field) = input.get_mut(field) else { continue };
        let value = places.value(field, &mut random).to_le_bytes();
        field.copy_from_slice(&value[..field.len()]);
    }
    length
}

/// Where the numbers of an image are, and which of them would matter elsewhere.
struct Places {
    fields: Vec<Range<usize>>,
    values: Vec<u32>,
}

/// Sections and words of a table that are considered at a time.
const MOST: usize = 16;

impl Places {
    fn of(image: &Image<'_>, bytes: &[u8], random: &mut Random) -> Places {
        let headers = image.headers();
        let mut places = Places { fields: header_fields(headers), values: CONSTANTS.to_vec() };
        places.values.extend([bytes.len() as u32, headers.size_of_image, headers.size_of_headers]);
        for section in image.sections().iter().take(MOST) {
            let header = headers.section_table().0 as usize + (section.number - 1) * 40;
            places.fields.extend([8, 12, 16, 20, 36].map(|field| word(header + field)));
            places.values.extend([section.rva().0, section.raw_offset(), section.virtual_size()]);
        }
        let directories = headers.data_directories().0 as usize;
        for entry in (directories..).step_by(8).take(16) {
            places.fields.extend([word(entry), word(entry + 4)]);
            let Some(rva) = number(bytes, entry) else { break };
            places.values.push(rva);
            places.table(image, bytes, Rva(rva), random);
        }
        places
    }

    /// Some words of the table at `rva`, and what they point to.
    fn table(&mut self, image: &Image<'_>, bytes: &[u8], rva: Rva, random: &mut Random) {
        // The certificate table is addressed by its place in the file.
        let start = image.offset_of(rva).map_or(rva.0 as usize, |offset| offset.0 as usize);
        for _ in 0..MOST / 2 {
            let at = start.saturating_add(random.below(24) * 4);
            let Some(value) = number(bytes, at) else { continue };
            self.fields.extend([word(at), at..at + 2]);
            if let Some(there) = image.offset_of(Rva(value)) {
                let there = there.0 as usize + random.below(8) * 4;
                self.fields.push(word(there));
                self.values.push(value);
            }
        }
    }

    /// A number to put in place of `old`.
    fn value(&self, old: &[u8], random: &mut Random) -> u32 {
        let old = old.iter().rev().fold(0_u32, |value, &byte| value << 8 | u32::from(byte));
        match random.below(8) {
            0 => old.wrapping_add(random.below(17) as u32).wrapping_sub(8),
            1 => old ^ 1 << random.below(32),
            2 => random.next() as u32,
            3 => old.wrapping_mul(2),
            _ => {
                let value = random.choose(&self.values).unwrap_or_default();
                value.wrapping_add(random.below(9) as u32).wrapping_sub(4)
            }
        }
    }
}

/// Limits of the format, and what tests found to matter.
const CONSTANTS: [u32; 14] = [
    0,
    4,
    8,
    0x200,
    0x1000,
    0x8664,
    0xAA64,
    0x014C,
    0xFFFF,
    0x7FFF_FFFF,
    0x8000_0000,
    0xE000_0020,
    0xFFFF_F000,
    u32::MAX,
];

/// `e_lfanew` and the fields of the file header and the optional header that are read.
fn header_fields(headers: &Headers) -> Vec<Range<usize>> {
    let signature = headers.signature.0 as usize;
    let optional = headers.optional_header().0 as usize;
    let words = [16, 32, 36, 56, 60, 64, 92, 108].map(|field| word(optional + field));
    // Machine, NumberOfSections, SizeOfOptionalHeader, Characteristics; Magic, Subsystem.
    let file = [4, 6, 20, 22].map(|field| signature + field);
    let halves = file.into_iter().chain([optional, optional + 68]).map(|at| at..at + 2);
    [word(0x3C)].into_iter().chain(words).chain(halves).collect()
}

fn word(at: usize) -> Range<usize> {
    at..at.saturating_add(4)
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|four| u32::from_le_bytes(*four))
}

/// Xorshift: the same seed gives the same change.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() >> 16) as usize % end
    }

    fn choose<T: Clone>(&mut self, among: &[T]) -> Option<T> {
        (!among.is_empty()).then(|| among[self.below(among.len())].clone())
    }
}
