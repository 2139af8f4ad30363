//! Finds 32-bit fields that name places: displacements relative to the instruction's end, as x64 has
//! them in calls, jumps and memory operands. Looks at every byte once, so it must be fast.

use foldhash::HashSet;
use std::cell::RefCell;
use std::ops::Range;
use wide::u8x16;

/// Bytes of an instruction that may follow the field: an immediate of one, two or four bytes.
const BEHIND: [u32; 4] = [0, 1, 2, 4];
/// The most of them.
const MOST_BEHIND: u32 = 4;
/// The operation code of `lea`.
const LEA: u8 = 0x8D;
/// The first byte of a conditional jump, and of many other instructions.
const TWO_BYTES: u8 = 0x0F;

/// Bytes looked at in one go, and those seen: one before them and a word behind.
const BLOCK: usize = 64;
const SEEN: usize = 1 + BLOCK + 8;
/// Fields that there is room for at least, and how many bytes of code most often have one.
const ROOM: usize = 1024;
const TYPICAL_DISTANCE: usize = 24;
/// Fewer fields than these are sorted by comparing them.
const FEW: usize = 512;
/// Bits of a place that fields are sorted by in one go.
const DIGIT: u32 = 11;
const DIGITS: usize = 1 << DIGIT;

/// A field that names a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Field {
    /// Where the field is.
    pub(crate) at: u32,
    /// The place it names.
    pub(crate) place: u32,
}

/// Every field in an image's code that may name a place of it.
#[derive(Default)]
pub(crate) struct Names {
    /// Of instructions that go to a place or take its address.
    ways: Sorted,
    /// Of memory operands, as if the instruction ended with the field.
    operands: Sorted,
}

impl Names {
    /// Looks through `code`, pieces with the address of each, for what names a place before `end`.
    ///
    /// A field comes behind the byte that says how memory is addressed, here with mod 00 and r/m 101;
    /// behind the one byte of `call` and `jmp`; and behind the two of a conditional jump. One byte in
    /// twenty looks like one of these and is none, and no processor guesses which: so there is no branch
    /// on that.
    pub(crate) fn read(code: &[(u32, &[u8])], end: u32) -> Names {
        let mut names = Names::default();
        let length: usize = code.iter().map(|(_, bytes)| bytes.len()).sum();
        names.ways.fields = spare(length / TYPICAL_DISTANCE);
        names.operands.fields = spare(length / TYPICAL_DISTANCE);
        for &(base, bytes) in code {
            let mut start = 0;
            // At the start of the code nothing stands before.
            let mut first = [0; SEEN];
            if let Some(block) = bytes.first_chunk::<{ SEEN - 1 }>() {
                first[1..].copy_from_slice(block);
                names.look(&first, base, end);
                start = BLOCK;
            }
            // Before a block must stand a byte, and behind it a whole word.
            while let Some(block) = bytes.get(start.wrapping_sub(1)..).and_then(<[u8]>::first_chunk)
            {
                names.look(block, base.wrapping_add(start as u32), end);
                start += BLOCK;
            }
            names.look_at_rest((base, bytes), start, end);
        }
        names.ways.sort(end);
        names.operands.sort(end);
        names
    }

    /// Looks at what is left of code from `start` on, with nothing behind it: places there are out of reach.
    fn look_at_rest(&mut self, (base, bytes): (u32, &[u8]), start: usize, end: u32) {
        let mut room = [0; 2 * BLOCK + SEEN];
        let before = start.saturating_sub(1);
        let rest = &bytes[before..];
        let shift = usize::from(start == 0);
        room[shift..][..rest.len()].copy_from_slice(rest);
        let at = base.wrapping_add(start as u32);
        let fits = base.saturating_add(bytes.len() as u32).saturating_sub(4);
        let (ways, operands) = (self.ways.there, self.operands.there);
        for (index, at) in [(0, at), (BLOCK, at.wrapping_add(BLOCK as u32))] {
            if let Some(block) = room[index..].first_chunk() {
                self.look(block, at, end);
            }
        }
        self.ways.take_back(ways, fits);
        self.operands.take_back(operands, fits);
    }

    /// Looks at a block that stands at `base`: the bytes behind the first of `seen`, but for the last eight.
    fn look(&mut self, seen: &[u8; SEEN], base: u32, end: u32) {
        let (operands, ways) = begins(seen);
        let field = |index: usize, length: usize| {
            let word = seen[index + 1 + length..].first_chunk();
            let word = word.map_or(0, |word| u32::from_le_bytes(*word));
            let at = base.wrapping_add((index + length) as u32);
            let place = at.wrapping_add(4).wrapping_add(word);
            (packed(at, place), place < end)
        };
        self.operands.add(operands, |index| field(index, 1));
        let length = |index: usize| 1 + usize::from(seen[index + 1] == TWO_BYTES);
        self.ways.add(ways, |index| field(index, length(index)));
    }

    /// Every field that names one of `places`, by address; several times, if it names several as the
    /// bytes behind it are counted to the instruction or not.
    pub(crate) fn of(&self, places: &Places) -> Vec<Field> {
        let mut found = Vec::new();
        for range in &places.0 {
            found.extend(self.ways_to(range.clone()));
            for Field { at, place: end } in self.operands_near(range) {
                // How many bytes follow shows in the instruction.
                let named = BEHIND.iter().map(|behind| end.saturating_add(*behind));
                let named = named.filter(|place| range.contains(place));
                found.extend(named.map(|place| Field { at, place }));
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Every field by which an instruction goes to a place in `range` or takes its address, by place.
    pub(crate) fn ways_to(&self, range: Range<u32>) -> impl Iterator<Item = Field> {
        self.ways.within(range)
    }

    /// Every field of a memory operand that names a place in `range`, or would with up to four bytes of an
    /// immediate behind it, by the place that it would name without.
    pub(crate) fn operands_near(&self, range: &Range<u32>) -> impl Iterator<Item = Field> {
        self.operands.within(range.start.saturating_sub(MOST_BEHIND)..range.end)
    }
}

thread_local! {
    /// Lists that are no longer used, kept for their memory: the next image has as many fields, and new memory takes
    /// as long as what is put into it.
    static SPARE: RefCell<Vec<Vec<u64>>> = const { RefCell::new(Vec::new()) };
}
/// Lists that are kept, and fields of one that are.
const MOST_SPARE: usize = 3;
const MOST_KEPT: usize = 1 << 17;

/// A list of this many numbers at least, whatever they are.
fn spare(length: usize) -> Vec<u64> {
    let mut list = SPARE.with_borrow_mut(Vec::pop).unwrap_or_default();
    if list.len() < length {
        list.resize(length, 0);
    }
    list
}

fn keep(list: Vec<u64>) {
    if list.capacity() <= MOST_KEPT {
        SPARE.with_borrow_mut(|spare| {
            if spare.len() < MOST_SPARE {
                spare.push(list);
            }
        });
    }
}

impl Drop for Sorted {
    fn drop(&mut self) {
        keep(std::mem::take(&mut self.fields));
    }
}

/// Fields by the place that they name, once they are sorted.
#[derive(Default)]
struct Sorted {
    fields: Vec<u64>,
    /// How many there are; behind them is room for more.
    there: usize,
}

/// A field as one number that sorts by its place.
fn packed(at: u32, place: u32) -> u64 {
    u64::from(place) << 32 | u64::from(at)
}

impl Sorted {
    /// Room for the fields of one more block.
    #[inline]
    fn room(&mut self) -> Option<&mut [u64; BLOCK]> {
        if self.fields.len() < self.there + BLOCK {
            self.fields.resize((2 * self.there).max(ROOM), 0);
        }
        self.fields.get_mut(self.there..)?.first_chunk_mut()
    }

    /// Adds those of a block's `bits`, each by its number, that are fields.
    #[inline(always)]
    fn add(&mut self, mut bits: u64, field: impl Fn(usize) -> (u64, bool)) {
        let Some(room) = self.room() else { return };
        let mut there = 0;
        while bits != 0 {
            let (field, is_one) = field(bits.trailing_zeros() as usize % BLOCK);
            bits &= bits - 1;
            room[there % BLOCK] = field;
            there += usize::from(is_one);
        }
        self.there += there;
    }

    /// Takes back those from the one numbered `first` on that stand behind `last`.
    fn take_back(&mut self, first: usize, last: u32) {
        let behind = |field: &u64| *field as u32 > last;
        let kept = first + self.fields[first..self.there].partition_point(|field| !behind(field));
        self.there = kept;
    }

    /// Sorts by place, digit by digit from the lowest: there are so many that comparing takes longer than
    /// finding them. No place is `end` or beyond.
    fn sort(&mut self, end: u32) {
        if self.there < FEW {
            self.fields[..self.there].sort_unstable();
            return;
        }
        let bits = u32::BITS - end.leading_zeros();
        // As few digits as there must be, and those as small as they can be.
        match bits.div_ceil(DIGIT) {
            0 | 1 => self.sort_by_digits::<1>(bits.max(1)),
            2 => self.sort_by_digits::<2>(bits.div_ceil(2)),
            _ => self.sort_by_digits::<3>(bits.div_ceil(3)),
        }
    }

    /// Sorts by the `COUNT` digits of a place, each of so many bits.
    fn sort_by_digits<const COUNT: usize>(&mut self, width: u32) {
        let digit = |field: u64, number: usize| {
            (field >> (32 + number as u32 * width)) as usize & ((1 << width) - 1) & (DIGITS - 1)
        };
        // How many have which digit is counted for all of them in one go.
        let mut counts = [[0_u32; DIGITS]; COUNT];
        for &field in &self.fields[..self.there] {
            for (number, counts) in counts.iter_mut().enumerate() {
                counts[digit(field, number)] += 1;
            }
        }
        let mut sorted = spare(self.there);
        for (number, next) in counts.iter_mut().enumerate() {
            let mut total = 0;
            for next in &mut next[..1 << width] {
                total += std::mem::replace(next, total);
            }
            for &field in &self.fields[..self.there] {
                let next = &mut next[digit(field, number)];
                if let Some(sorted) = sorted.get_mut(*next as usize) {
                    *sorted = field;
                }
                *next += 1;
            }
            std::mem::swap(&mut self.fields, &mut sorted);
        }
        keep(sorted);
    }

    /// Those that there are.
    fn all(&self) -> &[u64] {
        self.fields.get(..self.there).unwrap_or_default()
    }

    fn within(&self, range: Range<u32>) -> impl Iterator<Item = Field> {
        let all = self.all();
        let first = all.partition_point(|field| field >> 32 < u64::from(range.start));
        let fields = all[first..].iter();
        let fields = fields.map(|field| Field { at: *field as u32, place: (field >> 32) as u32 });
        fields.take_while(move |field| field.place < range.end)
    }
}

/// Bytes that are compared at once.
const LANES: usize = 16;

/// A bit for each byte of a block that the field of a memory operand may come behind, and one for each that the
/// field of a way to a place may: the last byte before a memory operand's distance; the first of the one or two before
/// that of an instruction which goes to a place, or the last before that of one which takes its address.
fn begins(seen: &[u8; SEEN]) -> (u64, u64) {
    let at = |start: usize| {
        seen[start..].first_chunk::<LANES>().map_or(u8x16::ZERO, |some| u8x16::from(*some))
    };
    let (mut operands, mut ways) = (0, 0);
    for start in (0..BLOCK).step_by(LANES) {
        let (before, byte, next) = (at(start), at(start + 1), at(start + 2));
        let is = |bytes: u8x16, mask: u8, value: u8| {
            (bytes & u8x16::splat(mask)).simd_eq(u8x16::splat(value))
        };
        let operand = is(byte, 0xC7, 0x05);
        let goes = is(byte, 0xFE, 0xE8);
        let branches = byte.simd_eq(u8x16::splat(TWO_BYTES)) & is(next, 0xF0, 0x80);
        let way = goes | branches | operand & before.simd_eq(u8x16::splat(LEA));
        operands |= u64::from(operand.to_bitmask()) << start;
        ways |= u64::from(way.to_bitmask()) << start;
    }
    (operands, ways)
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

    /// The ranges, by address.
    pub(crate) fn ranges(&self) -> &[Range<u32>] {
        &self.0
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let names = Names::read(&[(0x1000, &code)], 0x4000);
        let at = |found: Vec<Field>| -> Vec<u32> { found.iter().map(|field| field.at).collect() };
        // All but the load, which reads what stands there.
        let ways = names.ways_to(0x3000..0x3001).collect();
        assert_eq!(at(ways), [0x1001, 0x1006, 0x100C, 0x1013]);
        let all = names.of(&Places::at(&HashSet::from_iter([0x3000])));
        assert_eq!(at(all), [0x1001, 0x1006, 0x100C, 0x1013, 0x101A]);
        assert!(Names::read(&[(0x1000, &code)], 0x3000).ways.all().is_empty());
    }

    /// Every field, one byte after the other, by the bytes before it.
    fn slowly(bytes: &[u8], base: u32, places: &HashSet<u32>) -> Vec<Field> {
        let mut found = Vec::new();
        for (index, word) in bytes.windows(4).enumerate() {
            let call = matches!(bytes[..index], [.., 0xE8 | 0xE9] | [.., 0x0F, 0x80..=0x8F]);
            let operand = matches!(bytes[..index], [.., 5 | 13 | 21 | 29 | 37 | 45 | 53 | 61]);
            for behind in BEHIND {
                let at = base + index as u32;
                let field = u32::from_le_bytes([word[0], word[1], word[2], word[3]]);
                let place = at.wrapping_add(4).wrapping_add(field).wrapping_add(behind);
                if (operand || call && behind == 0) && places.contains(&place) {
                    found.push(Field { at, place });
                }
            }
        }
        found
    }

    /// By place, and as they were found where that is the same; however many digits a place has, and whatever is left
    /// in lists from before.
    #[test]
    fn fields_are_sorted_by_place() {
        let mut seed = 9_u32;
        let mut random = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            seed
        };
        for end in [1, 0x400, 0x3_0000, 0x40_0000, 0x4000_0000, u32::MAX] {
            for count in [3 * FEW, FEW / 2, 2 * FEW] {
                let fields: Vec<u64> =
                    (0..count as u32).map(|at| packed(at, random() % end)).collect();
                let mut sorted = Sorted { fields: fields.clone(), there: count };
                sorted.fields.resize(4 * FEW, u64::MAX);
                sorted.sort(end);
                let mut expected = fields;
                expected.sort();
                assert_eq!(sorted.all(), expected, "{end:x}");
            }
        }
    }

    #[test]
    fn the_fast_scan_finds_what_the_slow_one_does() {
        const BEFORE: [&[u8]; 8] = [
            &[0xE8],
            &[0xE9],
            &[0x0F, 0x8F],
            &[0x0F, 0x90],
            &[0x8D, 0x05],
            &[0x8B, 0x3D],
            &[0x0F],
            &[0xC7, 0x45],
        ];
        let mut seed = 7_u32;
        let mut random = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            seed >> 8
        };
        let base = 0x1000;
        let places = HashSet::from_iter([0x3000, 0x3008, 0x3009, 0x3010, 0x2_0000, 0x2_FFFF]);
        let mut all: Vec<u32> = places.iter().copied().collect();
        all.sort_unstable();
        let mut found = 0;
        for length in [0_usize, 3, 4, 5, 9, 63, 64, 67, 71, 72, 73, 135, 136, 137, 200, 100_000] {
            let mut bytes: Vec<u8> = (0..length).map(|_| random() as u8).collect();
            for _ in 0..length.div_ceil(40) {
                let before = BEFORE[random() as usize % BEFORE.len()];
                let index = random() as usize % (length + 1);
                let end = base + (index + before.len()) as u32 + 4 + BEHIND[random() as usize % 4];
                let field = all[random() as usize % all.len()].wrapping_sub(end);
                let piece = [before, &field.to_le_bytes()].concat();
                for (old, new) in bytes[index..].iter_mut().zip(piece) {
                    *old = new;
                }
            }
            // The place just before the end is the last one.
            let names = Names::read(&[(base, &bytes)], 0x3_0000);
            let quick = names.of(&Places::at(&places));
            let mut slow = slowly(&bytes, base, &places);
            slow.sort_unstable();
            found += slow.len();
            assert_eq!(quick, slow, "{length}");
            assert!(names.ways.all().is_sorted() && names.operands.all().is_sorted());
        }
        assert!(found > 500, "{found}");
    }
}
