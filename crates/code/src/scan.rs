//! Finds 32-bit fields that name places: displacements relative to the instruction's end, as x64 has
//! them in calls, jumps and memory operands. Looks at every byte, so it must be fast.

use std::collections::HashSet;
use std::ops::Range;

/// Places farther apart than this are looked for separately, so that few fields hit by chance.
const GAP: u32 = 0x4000;

/// Bytes of an instruction that may follow the field: an immediate of one, two or four bytes.
const BEHIND: [u32; 4] = [0, 1, 2, 4];

/// Bytes looked at in one go.
const STRIDE: usize = 64;

/// A field that names a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Field {
    /// Where the field is.
    pub(crate) at: u32,
    /// The place it names.
    pub(crate) place: u32,
}

/// Every field in `bytes`, which stand at `base`, that names one of `places`; several times, if it names
/// several as the bytes behind it are counted to the instruction or not.
pub(crate) fn fields(bytes: &[u8], base: u32, places: &Places, found: &mut Vec<Field>) {
    for span in places.0.chunk_by(|a, b| b.start.saturating_sub(a.end) <= GAP) {
        let (Some(first), Some(last)) = (span.first(), span.last()) else { continue };
        let (low, high) = (first.start, last.end - 1);
        // The place is counted from the instruction's end, at most four bytes behind the field.
        let low = low.wrapping_sub(4);
        let width = high.wrapping_sub(low).saturating_add(1);
        candidates(bytes, base, low, width, |index| {
            let Some(field) = bytes.get(index..).and_then(<[u8]>::first_chunk) else { return };
            let at = base.wrapping_add(index as u32);
            let end = at.wrapping_add(4).wrapping_add(u32::from_le_bytes(*field));
            // Which of them it is shows in the instruction.
            let named = BEHIND.iter().map(|behind| end.wrapping_add(*behind));
            let named = named.filter(|place| contains(span, *place));
            found.extend(named.map(|place| Field { at, place }));
        });
    }
}

/// Every field in `bytes`, which stand at `base`, by which an instruction goes to a place that `wanted`
/// accepts, or takes its address. Of other instructions it finds none.
pub(crate) fn targets(
    bytes: &[u8],
    base: u32,
    wanted: impl Fn(u32) -> bool,
    found: &mut Vec<Field>,
) {
    let mut check = |index: usize| {
        let Some(field) = bytes.get(index..).and_then(<[u8]>::first_chunk) else { return };
        let at = base.wrapping_add(index as u32);
        let place = at.wrapping_add(4).wrapping_add(u32::from_le_bytes(*field));
        if wanted(place) {
            found.push(Field { at, place });
        }
    };
    // `call`, `jmp`, and `lea` behind the byte that says how it is addressed.
    for index in memchr::memchr3_iter(0xE8, 0xE9, 0x8D, bytes) {
        match (bytes[index], bytes.get(index + 1)) {
            (0x8D, Some(form)) if form & 0xC7 == 0x05 => check(index + 2),
            (0x8D, _) => {}
            _ => check(index + 1),
        }
    }
    // Conditional jumps have two bytes before the field.
    for index in memchr::memchr_iter(0x0F, bytes) {
        if bytes.get(index + 1).is_some_and(|second| second & 0xF0 == 0x80) {
            check(index + 2);
        }
    }
}

/// Places that are looked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places(Vec<Range<u32>>);

impl Places {
    /// What stands in one of these ranges.
    pub(crate) fn within(mut ranges: Vec<Range<u32>>) -> Places {
        ranges.retain(|range| range.start < range.end);
        ranges.sort_unstable_by_key(|range| range.start);
        let mut places: Vec<Range<u32>> = Vec::new();
        for range in ranges {
            match places.last_mut().filter(|last| last.end >= range.start) {
                Some(last) => last.end = last.end.max(range.end),
                None => places.push(range),
            }
        }
        Places(places)
    }

    /// Just these.
    pub(crate) fn at(places: &HashSet<u32>) -> Places {
        Places::within(places.iter().map(|&place| place..place.saturating_add(1)).collect())
    }

    /// Whether `place` is one of them.
    pub(crate) fn contains(&self, place: u32) -> bool {
        contains(&self.0, place)
    }

    /// The ranges, by address.
    pub(crate) fn ranges(&self) -> &[Range<u32>] {
        &self.0
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn contains(ranges: &[Range<u32>], place: u32) -> bool {
    let after = ranges.partition_point(|range| range.start <= place);
    after.checked_sub(1).is_some_and(|index| ranges[index].contains(&place))
}

/// Calls `hit` with every index at which a field of four bytes, added to the address behind it, gives
/// something in `low..low + width`.
///
/// Sixty-four bytes at a time as four interleaved rows of whole words, which compilers turn into
/// vector instructions; only where a word hits is it looked at singly.
fn candidates(bytes: &[u8], base: u32, low: u32, width: u32, mut hit: impl FnMut(usize)) {
    let mut start = 0;
    while let Some(window) = bytes.get(start..start + STRIDE + 4) {
        let origin = base.wrapping_add(start as u32).wrapping_add(4).wrapping_sub(low);
        let mut any = 0_u32;
        for shift in 0..4 {
            any |= row(&window[shift..shift + STRIDE], origin.wrapping_add(shift as u32), width);
        }
        if any != 0 {
            single(window, origin, width, |index| hit(start + index));
        }
        start += STRIDE;
    }
    let origin = base.wrapping_add(start as u32).wrapping_add(4).wrapping_sub(low);
    single(&bytes[start..], origin, width, |index| hit(start + index));
}

/// Whether any of sixteen words hits: nonzero if so.
fn row(words: &[u8], origin: u32, width: u32) -> u32 {
    let mut any = 0;
    for (word, index) in words.as_chunks::<4>().0.iter().zip(0_u32..) {
        let reached = u32::from_le_bytes(*word).wrapping_add(origin).wrapping_add(4 * index);
        any |= u32::from(reached < width);
    }
    any
}

fn single(window: &[u8], origin: u32, width: u32, mut hit: impl FnMut(usize)) {
    let last = window.len().saturating_sub(3).min(STRIDE);
    for index in 0..last {
        if let Some(word) = window[index..].first_chunk() {
            let reached = u32::from_le_bytes(*word).wrapping_add(origin).wrapping_add(index as u32);
            if reached < width {
                hit(index);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every field, one byte after the other.
    fn slowly(bytes: &[u8], base: u32, places: &HashSet<u32>) -> Vec<Field> {
        let mut found = Vec::new();
        for (index, word) in bytes.windows(4).enumerate() {
            let at = base + index as u32;
            let field = u32::from_le_bytes([word[0], word[1], word[2], word[3]]);
            for behind in BEHIND {
                let place = at.wrapping_add(4).wrapping_add(field).wrapping_add(behind);
                if places.contains(&place) {
                    found.push(Field { at, place });
                }
            }
        }
        found
    }

    /// Encodings as in Intel's manual.
    #[test]
    fn ways_to_go_to_a_place_are_found() {
        let code = [
            &[0xE8, 0xFB, 0x1F, 0, 0][..],
            &[0xE9, 0xF6, 0x1F, 0, 0],
            &[0x0F, 0x84, 0xF0, 0x1F, 0, 0],
            &[0x48, 0x8D, 0x0D, 0xE9, 0x1F, 0, 0],
            &[0x48, 0x8B, 0x0D, 0xE2, 0x1F, 0, 0],
        ]
        .concat();
        let mut found = Vec::new();
        targets(&code, 0x1000, |place| place == 0x3000, &mut found);
        found.sort_unstable();
        let places: Vec<u32> = found.iter().map(|field| field.at).collect();
        // All but the load, which reads what stands there.
        assert_eq!(places, [0x1001, 0x1006, 0x100C, 0x1013]);
        assert!(found.iter().all(|field| field.place == 0x3000));
    }

    #[test]
    fn the_fast_scan_finds_what_the_slow_one_does() {
        let mut seed = 7_u32;
        let mut random = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            seed >> 8
        };
        let base = 0x1000;
        let places: HashSet<u32> = [0x3000, 0x3008, 0x3009, 0x3010, 0x2_0000, 0xFFFF_FFF8].into();
        let all: Vec<u32> = places.iter().copied().collect();
        for length in [0, 3, 4, 63, 64, 67, 68, 200, 4096] {
            let mut bytes: Vec<u8> = (0..length).map(|_| random() as u8).collect();
            for _ in 0..length / 40 {
                let index = random() as usize % (length - 3);
                let behind = BEHIND[random() as usize % 4];
                let end = base + index as u32 + 4 + behind;
                let field = all[random() as usize % all.len()].wrapping_sub(end);
                bytes[index..index + 4].copy_from_slice(&field.to_le_bytes());
            }
            let mut quick = Vec::new();
            fields(&bytes, base, &Places::at(&places), &mut quick);
            quick.sort_unstable();
            let mut slow = slowly(&bytes, base, &places);
            slow.sort_unstable();
            assert_eq!(quick, slow, "{length}");
        }
    }
}
