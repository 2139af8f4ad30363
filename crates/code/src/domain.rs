//! The abstract values of the analysis: sets of at most eight atoms, kept once each.

use crate::Reason;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// More possibilities than these become one of which only the common bits are known.
const MOST_ATOMS: usize = 8;

/// Entries of a map that is rather made anew than cleared.
const LARGE: usize = 4096;

/// One possibility: what it stands for, the bits that are known of it, and where it came from.
///
/// `ones` and `zeros` never overlap. Of an address they say nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Atom {
    pub(crate) base: Base,
    pub(crate) ones: u64,
    pub(crate) zeros: u64,
    /// What was put into a variable and is read from there: one more than an index into the origins of
    /// the survey; 0 for none. It stays with what is worked out from it.
    pub(crate) origin: u16,
    /// Address of the instruction that made it; 0 for none. It comes last in the order of atoms, so that
    /// equal values are neighbours.
    pub(crate) at: u32,
}

/// What an atom stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Base {
    /// A number: every bit is known.
    Constant,
    /// An address in the image.
    Image(u32),
    /// An address on the stack: bytes above the stack pointer at the function's start, and the
    /// instruction that moved the stack by an unknown amount, or 0.
    Stack { region: u32, offset: i32 },
    /// An address somewhere in a region of the stack.
    Frame { region: u32 },
    /// The address of a wanted function, read at `from`.
    Callee { wanted: u32, from: u32 },
    /// The address of a table of functions, and bytes into it, read at `from`.
    Table { pointer: u32, offset: i32, from: u32 },
    /// An address in the memory that the call at `call` gave.
    Returned { call: u32 },
    /// An address in the code of another module: what was read at `from` out of the import's slot, and
    /// perhaps moved.
    Imported { slot: u32, from: u32 },
    /// The address of Control Flow Guard's dispatch routine.
    GuardDispatch,
    /// The address of Control Flow Guard's check routine.
    GuardCheck,
    /// The function's own parameter: bits that are not known are those of the parameter, in their place.
    Given(u8),
    /// Not known, and why.
    Unknown(Reason),
}

impl Atom {
    pub(crate) const fn constant(value: u64, at: u32) -> Atom {
        Atom { base: Base::Constant, ones: value, zeros: !value, at, origin: 0 }
    }

    pub(crate) const fn unknown(reason: Reason, at: u32) -> Atom {
        Atom { base: Base::Unknown(reason), ones: 0, zeros: 0, at, origin: 0 }
    }

    pub(crate) const fn address(base: Base, at: u32) -> Atom {
        Atom { base, ones: 0, zeros: 0, at, origin: 0 }
    }

    /// An atom of which these bits are known; a constant if that is all.
    pub(crate) fn of_bits(ones: u64, zeros: u64, reason: Reason, at: u32) -> Atom {
        let known = ones | zeros == u64::MAX;
        let base = if known { Base::Constant } else { Base::Unknown(reason.worked_out()) };
        Atom { base, ones, zeros, at, origin: 0 }
    }

    /// The same bits known of the same thing; a constant if that is all of them.
    pub(crate) fn with_bits(self, ones: u64, zeros: u64) -> Atom {
        let base = if ones | zeros == u64::MAX { Base::Constant } else { self.base };
        Atom { base, ones, zeros, ..self }
    }

    /// Whether it is a number, known or not, and no address.
    pub(crate) fn is_number(&self) -> bool {
        matches!(self.base, Base::Constant | Base::Unknown(_) | Base::Given(_))
    }

    pub(crate) fn number(&self) -> Option<u64> {
        (self.base == Base::Constant).then_some(self.ones)
    }

    /// Why it is not a number.
    pub(crate) fn reason(&self) -> Reason {
        match self.base {
            Base::Unknown(reason) => reason,
            Base::Given(index) => Reason::Parameter(index),
            Base::Constant => Reason::Arithmetic,
            _ => Reason::Address,
        }
    }

    /// Whether two atoms are the same but for their origin.
    fn same_value(&self, other: &Atom) -> bool {
        (self.base, self.ones, self.zeros, self.origin)
            == (other.base, other.ones, other.zeros, other.origin)
    }
}

/// A set of atoms, by its number in [`Values`]. Equal sets have equal numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Set(u32);

/// Every set that a function's analysis has met, each once.
#[derive(Default)]
pub(crate) struct Values {
    atoms: Vec<Atom>,
    spans: Vec<Span>,
    /// The newest set of each hash.
    known: HashMap<u64, Set, BuildHasherDefault<AlreadyHashed>>,
    /// What was joined before: at each place where paths meet the same pairs come again.
    joined: HashMap<(Set, Set), Set, BuildHasherDefault<Mixing>>,
}

/// Where a set's atoms are.
#[derive(Clone, Copy)]
struct Span {
    start: u32,
    length: u32,
    /// The set before it with the same hash.
    before: Option<Set>,
}

impl Values {
    pub(crate) fn atoms(&self, set: Set) -> &[Atom] {
        let Span { start, length, .. } = self.spans[set.0 as usize];
        &self.atoms[start as usize..(start + length) as usize]
    }

    /// Whether nothing is left but an unknown number.
    pub(crate) fn is_unknown(&self, set: Set) -> bool {
        self.only(set).is_some_and(|atom| matches!(atom.base, Base::Unknown(_) | Base::Given(_)))
    }

    /// How many atoms a set has.
    pub(crate) fn count(&self, set: Set) -> usize {
        self.spans[set.0 as usize].length as usize
    }

    /// Forgets everything, but not the memory it took.
    pub(crate) fn clear(&mut self) {
        // Clearing a map takes time by its size, and one large function should not slow the others.
        if self.known.capacity() > LARGE || self.joined.capacity() > LARGE {
            *self = Values::default();
            return;
        }
        self.atoms.clear();
        self.spans.clear();
        self.known.clear();
        self.joined.clear();
    }

    pub(crate) fn one(&mut self, atom: Atom) -> Set {
        self.keep(&[atom])
    }

    pub(crate) fn constant(&mut self, value: u64, at: u32) -> Set {
        self.one(Atom::constant(value, at))
    }

    pub(crate) fn unknown(&mut self, reason: Reason, at: u32) -> Set {
        self.one(Atom::unknown(reason, at))
    }

    /// The only atom of a set.
    pub(crate) fn only(&self, set: Set) -> Option<Atom> {
        match self.atoms(set) {
            [only] => Some(*only),
            _ => None,
        }
    }

    /// A set of these atoms: equal values once, with the first origin; past eight, one atom with the
    /// bits that all have in common.
    pub(crate) fn of(&mut self, mut atoms: Vec<Atom>) -> Set {
        atoms.sort_unstable();
        self.of_sorted(atoms)
    }

    fn of_sorted(&mut self, mut atoms: Vec<Atom>) -> Set {
        atoms.dedup_by(|later, earlier| earlier.same_value(later));
        if atoms.len() > MOST_ATOMS {
            atoms = vec![blurred(&atoms)];
        }
        self.keep(&atoms)
    }

    /// Either of two values.
    pub(crate) fn join(&mut self, a: Set, b: Set) -> Set {
        if a == b {
            return a;
        }
        let pair = (a.min(b), a.max(b));
        if let Some(&known) = self.joined.get(&pair) {
            return known;
        }
        let set =
            match (self.only(a), self.only(b)) {
                (Some(first), Some(second)) if first.same_value(&second) => {
                    if first.at <= second.at { a } else { b }
                }
                _ => self.of_sorted(merged(self.atoms(a), self.atoms(b))),
            };
        self.joined.insert(pair, set);
        set
    }

    /// Every atom of a set changed alike.
    pub(crate) fn map(&mut self, set: Set, change: impl Fn(Atom) -> Atom) -> Set {
        if let Some(only) = self.only(set) {
            let changed = change(only);
            return if changed == only { set } else { self.one(changed) };
        }
        let atoms: Vec<Atom> = self.atoms(set).iter().map(|&atom| change(atom)).collect();
        if atoms == self.atoms(set) { set } else { self.of(atoms) }
    }

    /// Every atom of one set with every atom of another.
    pub(crate) fn combine(&mut self, a: Set, b: Set, with: impl Fn(Atom, Atom) -> Atom) -> Set {
        if let (Some(a), Some(b)) = (self.only(a), self.only(b)) {
            return self.one(with(a, b));
        }
        let mut atoms = Vec::with_capacity(MOST_ATOMS);
        for &left in self.atoms(a) {
            atoms.extend(self.atoms(b).iter().map(|&right| with(left, right)));
        }
        self.of(atoms)
    }

    fn keep(&mut self, atoms: &[Atom]) -> Set {
        let hash = hash(atoms);
        let newest = self.known.get(&hash).copied();
        let mut known = newest;
        while let Some(set) = known {
            if self.atoms(set) == atoms {
                return set;
            }
            known = self.spans[set.0 as usize].before;
        }
        let set = Set(self.spans.len() as u32);
        let (start, length) = (self.atoms.len() as u32, atoms.len() as u32);
        self.spans.push(Span { start, length, before: newest });
        self.atoms.extend_from_slice(atoms);
        self.known.insert(hash, set);
        set
    }

    /// How many sets there are: the measure of the memory they take.
    pub(crate) fn len(&self) -> usize {
        self.spans.len()
    }
}

/// The atoms of two sets, in order as those are.
fn merged(mut left: &[Atom], mut right: &[Atom]) -> Vec<Atom> {
    let mut atoms = Vec::with_capacity(left.len() + right.len());
    while let (Some((one, more)), Some((other, others))) = (left.split_first(), right.split_first())
    {
        match one <= other {
            true => (atoms.push(*one), left = more),
            false => (atoms.push(*other), right = others),
        };
    }
    atoms.extend_from_slice(left);
    atoms.extend_from_slice(right);
    atoms
}

/// One atom for many: what bits they share.
fn blurred(atoms: &[Atom]) -> Atom {
    if !atoms.iter().all(Atom::is_number) {
        return Atom::unknown(Reason::ManyValues, 0);
    }
    let ones = atoms.iter().fold(u64::MAX, |bits, atom| bits & atom.ones);
    let zeros = atoms.iter().fold(u64::MAX, |bits, atom| bits & atom.zeros);
    Atom::of_bits(ones, zeros, Reason::ManyValues, 0)
}

/// FxHash's mixing step over the fields: sets are small and not chosen by anyone who gains from
/// collisions but time, and that has its own budget.
fn hash(atoms: &[Atom]) -> u64 {
    let mut hasher = Mixing(atoms.len() as u64);
    for atom in atoms {
        hasher.write_u64(u64::from(atom.at) | u64::from(atom.origin) << 32);
        hasher.write_u64(atom.ones);
        // Of numbers the zeros are most often all the rest.
        hasher.write_u64(!atom.zeros ^ marks(atom.base));
    }
    hasher.0
}

/// What tells one base from most others.
fn marks(base: Base) -> u64 {
    let both = |high: u32, low: u32| u64::from(high) << 32 | u64::from(low);
    match base {
        Base::Constant => 0,
        Base::Image(rva) => both(1, rva),
        Base::Stack { region, offset } => both(region ^ 2 << 28, offset.cast_unsigned()),
        Base::Frame { region } => both(3, region),
        Base::Callee { wanted, from } => both(wanted ^ 4 << 28, from),
        Base::Table { pointer, offset, from } => both(pointer ^ offset.cast_unsigned(), from),
        Base::Returned { call } => both(6, call),
        Base::Imported { slot, from } => both(slot ^ 7 << 28, from),
        Base::GuardDispatch => both(8, 0),
        Base::GuardCheck => both(9, 0),
        Base::Given(index) => both(10, u32::from(index)),
        Base::Unknown(reason) => {
            let mut hasher = Mixing::default();
            std::hash::Hash::hash(&reason, &mut hasher);
            hasher.0
        }
    }
}

#[derive(Default)]
pub(crate) struct Mixing(u64);

impl Hasher for Mixing {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(u64::from(byte));
        }
    }

    fn write_u8(&mut self, value: u8) {
        self.write_u64(u64::from(value));
    }

    fn write_u16(&mut self, value: u16) {
        self.write_u64(u64::from(value));
    }

    fn write_u32(&mut self, value: u32) {
        self.write_u64(u64::from(value));
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = (self.0.rotate_left(5) ^ value).wrapping_mul(0x517c_c1b7_2722_0a95);
    }

    fn write_usize(&mut self, value: usize) {
        self.write_u64(value as u64);
    }

    fn write_isize(&mut self, value: isize) {
        self.write_u64(value as u64);
    }

    fn write_i32(&mut self, value: i32) {
        self.write_u64(u64::from(value.cast_unsigned()));
    }
}

/// Keys of the map are hashes already.
#[derive(Default)]
pub(crate) struct AlreadyHashed(u64);

impl Hasher for AlreadyHashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |hash, &byte| hash << 8 | u64::from(byte));
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_are_one_whatever_their_origin() {
        let mut values = Values::default();
        let (a, b) = (values.constant(7, 10), values.constant(7, 5));
        let joined = values.join(a, b);
        assert_eq!(values.atoms(joined), [Atom::constant(7, 5)]);
        assert_eq!(values.join(joined, a), joined);
    }

    #[test]
    fn the_ninth_value_blurs_all_but_common_bits() {
        let mut values = Values::default();
        let eight = values.of((0..8).map(|n| Atom::constant(n | 0x200, 1)).collect());
        assert_eq!(values.atoms(eight).len(), 8);
        let more = values.constant(0x208, 1);
        let blurred = values.join(eight, more);
        let only = values.only(blurred).unwrap();
        assert_eq!(only.base, Base::Unknown(Reason::ManyValues));
        assert_eq!((only.ones, only.zeros), (0x200, !0x20F));
    }
}
