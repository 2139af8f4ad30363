//! The abstract values of the analysis: sets of at most eight atoms, kept once each.

use crate::Reason;
use crate::ir::Width;

/// More possibilities than these become one of which only the common bits are known.
const MOST_ATOMS: usize = 8;

/// Entries of the table of sets at first, and of one that is rather made anew than cleared.
const SMALL: usize = 1024;
const LARGE: usize = 8192;
/// Pairs of sets of which it is known what they are together.
const JOINED: usize = 256;
/// Reasons that are no more than their names, and one.
const KINDS: usize = 13;
/// What hashes are multiplied by, as FxHash does.
const MIXER: u64 = 0x517c_c1b7_2722_0a95;

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
    /// How large it is at the most, where that is less than its bits tell.
    pub(crate) most: Most,
    /// Address of the instruction that made it; 0 for none. It comes last in the order of atoms, so that
    /// equal values are neighbours.
    pub(crate) at: u32,
}

/// How large the low bits of an unknown number are at the most: how many bits, and the number. There is room for small
/// ones, such as count the entries of tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Most(u16);

impl Most {
    /// Nothing is known but the bits.
    pub(crate) const NONE: Most = Most(0);
    /// Bits of the number, of which one more is kept; above them stands how many bits it is about.
    const BITS: u32 = 14;

    /// The low `width` bits are no more than `number`.
    pub(crate) fn of(width: Width, number: u64) -> Most {
        let kind = match width {
            Width::W8 => 0,
            Width::W16 => 1,
            Width::W32 => 2,
            Width::W64 => 3,
        };
        let number = number.checked_add(1).and_then(|number| u16::try_from(number).ok());
        let number = number.filter(|number| number >> Self::BITS == 0);
        number.map_or(Most::NONE, |number| Most(kind << Self::BITS | number))
    }

    /// The bits that it is about, and the number.
    fn told(self) -> Option<(u64, u64)> {
        let number = u64::from(self.0 & ((1 << Self::BITS) - 1)).checked_sub(1)?;
        Some((u64::MAX >> (64 - (8 << (self.0 >> Self::BITS))), number))
    }
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
        Atom { base: Base::Constant, ones: value, zeros: !value, at, origin: 0, most: Most::NONE }
    }

    pub(crate) const fn unknown(reason: Reason, at: u32) -> Atom {
        Atom { base: Base::Unknown(reason), ones: 0, zeros: 0, at, origin: 0, most: Most::NONE }
    }

    pub(crate) const fn address(base: Base, at: u32) -> Atom {
        Atom { base, ones: 0, zeros: 0, at, origin: 0, most: Most::NONE }
    }

    /// An atom of which these bits are known; a constant if that is all.
    pub(crate) fn of_bits(ones: u64, zeros: u64, reason: Reason, at: u32) -> Atom {
        let known = ones | zeros == u64::MAX;
        let base = if known { Base::Constant } else { Base::Unknown(reason.worked_out()) };
        Atom { base, ones, zeros, at, origin: 0, most: Most::NONE }
    }

    /// The same bits known of the same thing; a constant if that is all of them.
    pub(crate) fn with_bits(self, ones: u64, zeros: u64) -> Atom {
        let base = if ones | zeros == u64::MAX { Base::Constant } else { self.base };
        Atom { base, ones, zeros, most: Most::NONE, ..self }
    }

    /// The same number, or its low bits, of which more bits are known.
    pub(crate) fn knowing(self, ones: u64, zeros: u64) -> Atom {
        self.with_bits(ones, zeros).no_more_than(self.most)
    }

    /// The same number, of which it is known how large it is at the most.
    pub(crate) fn no_more_than(self, most: Most) -> Atom {
        match self.base {
            Base::Unknown(_) | Base::Given(_) => Atom { most, ..self },
            _ => self,
        }
    }

    /// Whether it is the same thing as `other`, of which no more is known than of it.
    pub(crate) fn is_part_of(&self, other: &Atom) -> bool {
        (self.base, self.origin) == (other.base, other.origin)
            && other.ones & !self.ones == 0
            && other.zeros & !self.zeros == 0
            && (other.most == Most::NONE || other.most == self.most)
            && matches!(self.base, Base::Unknown(_) | Base::Given(_))
    }

    /// How large the bits `mask`, the lowest ones, are at the least and at the most.
    pub(crate) fn range(&self, mask: u64) -> (u64, u64) {
        if !self.is_number() {
            return (0, mask);
        }
        let by_bits = !self.zeros & mask;
        let most = match self.most.told() {
            Some((about, number)) if by_bits & !about == 0 => by_bits.min(number),
            _ => by_bits,
        };
        (self.ones & mask, most)
    }

    /// Whether it is a number, known or not, and no address.
    pub(crate) fn is_number(&self) -> bool {
        matches!(self.base, Base::Constant | Base::Unknown(_) | Base::Given(_))
    }

    pub(crate) fn number(&self) -> Option<u64> {
        matches!(self.base, Base::Constant).then_some(self.ones)
    }

    /// Whether it is an address that code may go to.
    fn may_be_code(&self) -> bool {
        matches!(self.base, Base::Callee { .. } | Base::Table { .. } | Base::Image(_))
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

    /// Why it is not known, where callers, variables or other functions may tell.
    pub(crate) fn asked_of_others(&self) -> Option<Reason> {
        match self.base {
            Base::Given(index) => Some(Reason::Parameter(index)),
            Base::Unknown(
                reason @ (Reason::Parameter(_) | Reason::Global(_) | Reason::ReturnedBy(_)),
            ) => Some(reason),
            _ => None,
        }
    }

    /// Whether two atoms are the same but for what made them.
    fn same_value(&self, other: &Atom) -> bool {
        // What differs most often comes first.
        (self.ones, self.zeros, self.origin, self.most)
            == (other.ones, other.zeros, other.origin, other.most)
            && self.base == other.base
    }

    /// Whether two atoms are the same: what `==` says, but quicker where they are not.
    fn is(&self, other: &Atom) -> bool {
        self.at == other.at && self.same_value(other)
    }
}

/// A set of atoms, by its number in [`Values`]. Equal sets have equal numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Set(u32);

/// Every set that a function's analysis has met, each once.
pub(crate) struct Values {
    atoms: Vec<Atom>,
    spans: Vec<Span>,
    /// One more than a set's number where its hash says, or behind that where others stand there; 0 for
    /// none. Twice as large as it need be at least, and a power of two.
    known: Vec<u32>,
    /// The pair that was joined last of those whose hash says the same, 0 for none, and what it is together:
    /// at each place where paths meet the same pairs come again.
    pairs: Vec<u64>,
    joined: Vec<Set>,
    /// What is not known, by the kind of its reason, if it was not made by any instruction.
    nothing: [Option<Set>; KINDS],
    /// Atoms that are put together, kept for its memory.
    loose: Vec<Atom>,
    /// Whether any set has an address that code may go to.
    some_may_be_code: bool,
}

/// Where a set's atoms are.
#[derive(Clone, Copy)]
struct Span {
    start: u32,
    length: u32,
    hash: u64,
    /// Where its number stands.
    place: u32,
    /// Whether one of them is an address that code may go to, in the image or in another.
    may_be_code: bool,
}

impl Default for Values {
    fn default() -> Values {
        Values {
            atoms: Vec::new(),
            spans: Vec::new(),
            known: vec![0; SMALL],
            pairs: Vec::new(),
            joined: Vec::new(),
            nothing: [None; KINDS],
            loose: Vec::new(),
            some_may_be_code: false,
        }
    }
}

impl Values {
    pub(crate) fn atoms(&self, set: Set) -> &[Atom] {
        let Span { start, length, .. } = self.spans[set.0 as usize];
        &self.atoms[start as usize..(start + length) as usize]
    }

    /// Whether nothing is left but an unknown number.
    pub(crate) fn is_unknown(&self, set: Set) -> bool {
        matches!(self.atoms(set), [Atom { base: Base::Unknown(_) | Base::Given(_), .. }])
    }

    /// Whether a set is what too many values became, of which no bit is known.
    pub(crate) fn is_any(&self, set: Set) -> bool {
        let any = Base::Unknown(Reason::ManyValues);
        matches!(self.atoms(set), [Atom { base, ones: 0, zeros: 0, .. }] if *base == any)
    }

    /// Whether a set has an address that code may go to.
    pub(crate) fn may_be_code(&self, set: Set) -> bool {
        self.spans[set.0 as usize].may_be_code
    }

    /// Whether any set has.
    pub(crate) fn some_may_be_code(&self) -> bool {
        self.some_may_be_code
    }

    /// How many atoms a set has.
    pub(crate) fn count(&self, set: Set) -> usize {
        self.spans[set.0 as usize].length as usize
    }

    /// Forgets everything, but not the memory it took.
    pub(crate) fn clear(&mut self) {
        // Clearing takes time by the size, and one large function should not slow the others.
        if self.known.len() > LARGE {
            *self = Values::default();
            return;
        }
        // Most functions have few sets.
        self.spans.iter().for_each(|span| self.known[span.place as usize] = 0);
        self.atoms.clear();
        self.spans.clear();
        self.pairs.clear();
        self.nothing = [None; KINDS];
        self.some_may_be_code = false;
    }

    pub(crate) fn one(&mut self, atom: Atom) -> Set {
        let hash = mixed(1, &atom);
        let mut place = self.place(hash);
        while let Some(number) = self.known[place].checked_sub(1) {
            let there = self.spans[number as usize];
            if there.hash == hash && there.length == 1 && self.atoms[there.start as usize].is(&atom)
            {
                return Set(number);
            }
            place = (place + 1) & (self.known.len() - 1);
        }
        let start = self.atoms.len() as u32;
        self.atoms.push(atom);
        let may_be_code = atom.may_be_code();
        self.add(Span { start, length: 1, hash, place: place as u32, may_be_code })
    }

    pub(crate) fn constant(&mut self, value: u64, at: u32) -> Set {
        self.one(Atom::constant(value, at))
    }

    pub(crate) fn unknown(&mut self, reason: Reason, at: u32) -> Set {
        let kind = kind(reason) as usize;
        if at != 0 || kind == 0 {
            return self.one(Atom::unknown(reason, at));
        }
        // These come again and again.
        if let Some(known) = self.nothing[kind] {
            return known;
        }
        let set = self.one(Atom::unknown(reason, at));
        self.nothing[kind] = Some(set);
        set
    }

    /// The only atom of a set.
    pub(crate) fn only(&self, set: Set) -> Option<Atom> {
        self.sole(set).copied()
    }

    fn sole(&self, set: Set) -> Option<&Atom> {
        match self.atoms(set) {
            [only] => Some(only),
            _ => None,
        }
    }

    /// A set of these atoms: equal values once, with the first origin; past eight, one atom with the
    /// bits that all have in common.
    pub(crate) fn of(&mut self, mut atoms: Vec<Atom>) -> Set {
        atoms.sort_unstable();
        self.of_sorted(&mut atoms)
    }

    fn of_sorted(&mut self, atoms: &mut Vec<Atom>) -> Set {
        atoms.dedup_by(|later, earlier| earlier.same_value(later));
        if atoms.len() > MOST_ATOMS {
            let blurred = blurred(atoms);
            return self.one(blurred);
        }
        self.keep(atoms)
    }

    /// Either of two values.
    pub(crate) fn join(&mut self, a: Set, b: Set) -> Set {
        if a == b {
            return a;
        }
        let pair = u64::from(a.0.min(b.0)) << 32 | u64::from(a.0.max(b.0));
        let index = (pair.wrapping_mul(MIXER) >> 32) as usize % JOINED;
        if self.pairs.is_empty() {
            self.pairs.resize(JOINED, 0);
            self.joined.resize(JOINED, a);
        }
        if self.pairs[index] == pair {
            return self.joined[index];
        }
        let set =
            match (self.sole(a), self.sole(b)) {
                (Some(first), Some(second)) if first.same_value(second) => {
                    if first.at <= second.at { a } else { b }
                }
                _ => {
                    let mut atoms = std::mem::take(&mut self.loose);
                    merge(self.atoms(a), self.atoms(b), &mut atoms);
                    let set = self.of_sorted(&mut atoms);
                    self.loose = atoms;
                    set
                }
            };
        (self.pairs[index], self.joined[index]) = (pair, set);
        set
    }

    /// Every atom of a set changed alike.
    pub(crate) fn map(&mut self, set: Set, change: impl Fn(Atom) -> Atom) -> Set {
        if let Some(only) = self.sole(set) {
            let changed = change(*only);
            return if changed.is(only) { set } else { self.one(changed) };
        }
        let mut atoms = std::mem::take(&mut self.loose);
        atoms.clear();
        atoms.extend(self.atoms(set).iter().map(|&atom| change(atom)));
        let same = atoms.iter().zip(self.atoms(set)).all(|(new, old)| new.is(old));
        let set = if same { set } else { self.of_loose(&mut atoms) };
        self.loose = atoms;
        set
    }

    /// Every atom of one set with every atom of another.
    pub(crate) fn combine(&mut self, a: Set, b: Set, with: impl Fn(Atom, Atom) -> Atom) -> Set {
        if let (Some(a), Some(b)) = (self.sole(a), self.sole(b)) {
            let both = with(*a, *b);
            return self.one(both);
        }
        let mut atoms = std::mem::take(&mut self.loose);
        atoms.clear();
        for &left in self.atoms(a) {
            atoms.extend(self.atoms(b).iter().map(|&right| with(left, right)));
        }
        let set = self.of_loose(&mut atoms);
        self.loose = atoms;
        set
    }

    fn of_loose(&mut self, atoms: &mut Vec<Atom>) -> Set {
        atoms.sort_unstable();
        self.of_sorted(atoms)
    }

    fn keep(&mut self, atoms: &[Atom]) -> Set {
        if let [only] = atoms {
            return self.one(*only);
        }
        let hash = hash(atoms);
        let mut place = self.place(hash);
        while let Some(number) = self.known[place].checked_sub(1) {
            let there = &self.spans[number as usize];
            if there.hash == hash && equal(self.atoms(Set(number)), atoms) {
                return Set(number);
            }
            place = (place + 1) & (self.known.len() - 1);
        }
        let (start, length) = (self.atoms.len() as u32, atoms.len() as u32);
        self.atoms.extend_from_slice(atoms);
        let may_be_code = atoms.iter().any(Atom::may_be_code);
        self.add(Span { start, length, hash, place: place as u32, may_be_code })
    }

    /// Adds a set whose atoms are there.
    fn add(&mut self, span: Span) -> Set {
        let set = Set(self.spans.len() as u32);
        self.some_may_be_code |= span.may_be_code;
        self.spans.push(span);
        self.known[span.place as usize] = set.0 + 1;
        if 2 * self.spans.len() > self.known.len() {
            self.grow();
        }
        set
    }

    /// Where a set of this hash is looked for first.
    fn place(&self, hash: u64) -> usize {
        // The highest bits are mixed best, and there are never more sets than they tell apart.
        (hash >> 44) as usize & (self.known.len() - 1)
    }

    fn grow(&mut self) {
        self.known = vec![0; 2 * self.known.len()];
        for number in 0..self.spans.len() {
            let mut place = self.place(self.spans[number].hash);
            while self.known[place] != 0 {
                place = (place + 1) & (self.known.len() - 1);
            }
            self.known[place] = number as u32 + 1;
            self.spans[number].place = place as u32;
        }
    }

    /// How many sets there are: the measure of the memory they take.
    pub(crate) fn len(&self) -> usize {
        self.spans.len()
    }
}

fn equal(one: &[Atom], other: &[Atom]) -> bool {
    one.len() == other.len() && one.iter().zip(other).all(|(one, other)| one.is(other))
}

/// Makes `atoms` those of two sets, in order as those are.
fn merge(mut left: &[Atom], mut right: &[Atom], atoms: &mut Vec<Atom>) {
    atoms.clear();
    while let (Some((one, more)), Some((other, others))) = (left.split_first(), right.split_first())
    {
        match one <= other {
            true => (atoms.push(*one), left = more),
            false => (atoms.push(*other), right = others),
        };
    }
    atoms.extend_from_slice(left);
    atoms.extend_from_slice(right);
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

/// A quick hash: sets are small and not chosen by anyone who gains from collisions but time, and that has its
/// own budget.
fn hash(atoms: &[Atom]) -> u64 {
    atoms.iter().fold(atoms.len() as u64, mixed)
}

/// The hash of what came before and one more atom.
#[inline(always)]
fn mixed(before: u64, atom: &Atom) -> u64 {
    // Of numbers the zeros are all the rest, and what is not known has neither.
    let bits = atom.ones ^ (!atom.zeros).rotate_left(21);
    let from = u64::from(atom.at) | u64::from(atom.origin) << 32 | u64::from(atom.most.0) << 48;
    let all = before.rotate_left(5) ^ bits ^ from.rotate_left(43) ^ marks(atom.base);
    all.wrapping_mul(MIXER)
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
        Base::Unknown(Reason::Parameter(index)) => both(11, u32::from(index)),
        Base::Unknown(Reason::Global(at)) => both(12, at.0),
        Base::Unknown(Reason::ReturnedBy(at)) => both(13, at.0),
        Base::Unknown(Reason::Field(path)) => {
            let ends = path.offsets().iter().fold(0, |all, offset| all << 8 ^ u32::from(*offset));
            both(14, path.function().0.rotate_left(16) ^ ends)
        }
        Base::Unknown(reason) => both(15, kind(reason)),
    }
}

/// A number for each reason that is no more than its name, and below [`KINDS`]; 0 for the others.
fn kind(reason: Reason) -> u32 {
    match reason {
        Reason::Memory => 1,
        Reason::Returned => 2,
        Reason::Callers => 3,
        Reason::ControlRegister => 4,
        Reason::Address => 5,
        Reason::Arithmetic => 6,
        Reason::ManyValues => 7,
        Reason::Entry => 8,
        Reason::Clobbered => 9,
        Reason::Stack => 10,
        Reason::Budget => 11,
        Reason::NotAsked => 12,
        Reason::Parameter(_) | Reason::Global(_) | Reason::ReturnedBy(_) | Reason::Field(_) => 0,
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

    /// How large a number is at the most is known of the bits that it was told of, and of more where those are zero.
    #[test]
    fn how_large_a_number_is_depends_on_the_bits_above() {
        let atom = |zeros| Atom::of_bits(0, zeros, Reason::Memory, 1);
        let five = Most::of(Width::W8, 5);
        assert_eq!(atom(0).no_more_than(five).range(0xFF), (0, 5));
        assert_eq!(atom(0).no_more_than(five).range(0xFFFF), (0, 0xFFFF));
        assert_eq!(atom(0xFF00).no_more_than(five).range(0xFFFF), (0, 5));
        assert_eq!(atom(!3).no_more_than(five).range(u64::MAX), (0, 3));
        // There is no room for large ones.
        for (width, number) in [(Width::W64, u64::MAX), (Width::W32, 0x3FFF)] {
            assert_eq!(Most::of(width, number), Most::NONE);
        }
        assert_eq!(atom(0).no_more_than(Most::of(Width::W64, 0x3FFE)).range(u64::MAX), (0, 0x3FFE));
        // Another number is not held to it.
        assert_eq!(atom(0).no_more_than(five).with_bits(1, 0).range(0xFF), (1, 0xFF));
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
