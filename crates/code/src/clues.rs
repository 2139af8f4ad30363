//! Finds bytes that may be an instruction worth a closer look: one that names a place in code or loads
//! an import's address, or one that sets control register 0. Looks at every byte, so it must be fast.

use std::ops::Range;

/// Bytes looked at in one go.
const STRIDE: usize = 64;

/// What four bytes that end with or behind a field's start must look like, and what the field must name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pattern {
    /// How many bytes before the field the four begin.
    back: usize,
    mask: u32,
    bits: u32,
    /// The first place that counts, and how many bytes behind it still do.
    low: u32,
    more: u32,
}

impl Pattern {
    /// A memory operand relative to the instruction's end, which names one of `places`: its field is
    /// behind a byte with mod 00 and r/m 101.
    pub(crate) fn names(places: &Range<u32>) -> Pattern {
        Pattern { back: 1, mask: 0xC7, bits: 0x05, ..Pattern::within(places) }
    }

    /// A load (8B) from one of `places`.
    pub(crate) fn loads(places: &Range<u32>) -> Pattern {
        Pattern { back: 2, mask: 0xC7FF, bits: 0x058B, ..Pattern::within(places) }
    }

    /// `mov cr0, r64`.
    pub(crate) fn sets_control() -> Pattern {
        Pattern { back: 0, mask: 0x00F8_FFFF, bits: 0x00C0_220F, low: 0, more: u32::MAX }
    }

    fn within(places: &Range<u32>) -> Pattern {
        // The place is counted from the instruction's end, at most four bytes behind the field.
        let low = places.start.wrapping_sub(4);
        let more = places.end.wrapping_sub(low).wrapping_sub(1);
        Pattern { back: 0, mask: 0, bits: 0, low, more }
    }
}

/// Calls `hit` with the address of every field in `bytes`, which stand at `base`, that a pattern
/// fits.
pub(crate) fn marks(bytes: &[u8], base: u32, patterns: &[Pattern], mut hit: impl FnMut(u32)) {
    // The first bytes have none before them.
    let first = bytes.len().min(2);
    for at in 0..first {
        single(bytes, base, at, patterns, &mut hit);
    }
    let mut start = first;
    while let Some(before) = start.checked_sub(2)
        && let Some(window) = bytes.get(before..start + STRIDE + 4)
    {
        let mut any = 0;
        for pattern in patterns {
            for shift in 0..4 {
                any |= row(window, base.wrapping_add(start as u32), shift, pattern);
            }
        }
        if any != 0 {
            for at in start..start + STRIDE {
                single(bytes, base, at, patterns, &mut hit);
            }
        }
        start += STRIDE;
    }
    for at in start..bytes.len() {
        single(bytes, base, at, patterns, &mut hit);
    }
}

/// Whether a pattern fits any of sixteen fields, four bytes apart, the first of them at `shift` behind
/// the window's third byte, which stands at `base`: nonzero if so. Compilers make it vector instructions.
fn row(window: &[u8], base: u32, shift: usize, pattern: &Pattern) -> u32 {
    let field = 2 + shift;
    let fields = &window[field..field + STRIDE];
    let before = &window[field - pattern.back..field - pattern.back + STRIDE];
    let origin = base.wrapping_add(shift as u32).wrapping_add(4).wrapping_sub(pattern.low);
    let words = fields.as_chunks::<4>().0.iter().zip(before.as_chunks::<4>().0);
    let mut any = 0;
    for ((field, before), index) in words.zip(0_u32..) {
        let reached = u32::from_le_bytes(*field).wrapping_add(origin).wrapping_add(4 * index);
        let fits = u32::from_le_bytes(*before) & pattern.mask == pattern.bits;
        any |= u32::from(fits) & u32::from(reached <= pattern.more);
    }
    any
}

fn single(bytes: &[u8], base: u32, at: usize, patterns: &[Pattern], hit: &mut impl FnMut(u32)) {
    let word = |at: usize| Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
    let place = base.wrapping_add(at as u32);
    let fits = |pattern: &Pattern| {
        let before = at.checked_sub(pattern.back).and_then(word);
        // The last instruction of a section may be shorter than four bytes.
        let before = before.or_else(|| (pattern.back == 0).then(|| tail(bytes, at)).flatten());
        let reached = |field: u32| field.wrapping_add(place).wrapping_add(4);
        let named = pattern.more == u32::MAX
            || word(at)
                .is_some_and(|field| reached(field).wrapping_sub(pattern.low) <= pattern.more);
        named && before.is_some_and(|before| before & pattern.mask == pattern.bits)
    };
    if patterns.iter().any(fits) {
        hit(place);
    }
}

/// The last three bytes, with a zero behind.
fn tail(bytes: &[u8], at: usize) -> Option<u32> {
    match bytes.get(at..)? {
        [a, b, c] => Some(u32::from_le_bytes([*a, *b, *c, 0])),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every mark, one byte after the other, by the patterns' definitions.
    fn slowly(bytes: &[u8], base: u32, code: &Range<u32>, slots: &Range<u32>) -> Vec<u32> {
        let mut found = Vec::new();
        for at in 0..bytes.len() {
            let named = |places: &Range<u32>| {
                let Some(field) = bytes.get(at..at + 4) else { return false };
                let field = u32::from_le_bytes([field[0], field[1], field[2], field[3]]);
                let end = (base + at as u32 + 4).wrapping_add(field);
                (0..=4).any(|behind| places.contains(&end.wrapping_add(behind)))
            };
            let modrm = at >= 1 && bytes[at - 1] & 0xC7 == 5;
            let load = at >= 2 && bytes[at - 2] == 0x8B;
            let control = bytes[at..].starts_with(&[0x0F, 0x22])
                && bytes.get(at + 2).is_some_and(|modrm| modrm & 0xF8 == 0xC0);
            if modrm && named(code) || modrm && load && named(slots) || control {
                found.push(base + at as u32);
            }
        }
        found
    }

    #[test]
    fn the_fast_scan_finds_what_the_slow_one_does() {
        let mut seed = 3_u32;
        let mut random = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            seed >> 8
        };
        let (base, code, slots) = (0x1000_u32, 0x1000_u32..0x3000, 0x8000_u32..0x8040);
        for length in [0, 1, 2, 3, 4, 65, 66, 69, 70, 71, 200, 4096] {
            let mut bytes: Vec<u8> = (0..length).map(|_| random() as u8).collect();
            for _ in 0..length / 24 {
                let at = random() as usize % length;
                let place = [code.start, code.end - 1, code.end, slots.start, slots.end]
                    [random() as usize % 5];
                let mut piece = vec![0x8B - (random() as u8 & 2), 5 | random() as u8 & 0x38];
                let behind = random() % 5;
                let end = base + at as u32 + 6 + behind;
                piece.extend(place.wrapping_sub(end).to_le_bytes());
                if random() & 3 == 0 {
                    piece = vec![0x0F, 0x22, 0xC0 | random() as u8 & 15];
                }
                let room = piece.len().min(length - at);
                bytes[at..at + room].copy_from_slice(&piece[..room]);
            }
            let patterns = [Pattern::names(&code), Pattern::loads(&slots), Pattern::sets_control()];
            let mut quick = Vec::new();
            marks(&bytes, base, &patterns, |at| quick.push(at));
            assert_eq!(quick, slowly(&bytes, base, &code, &slots), "{length}");
        }
    }
}
