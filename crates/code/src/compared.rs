//! What conditions tell: which way a branch goes, and what that says of the compared value.

use crate::Reason;
use crate::domain::{Atom, Base, Most, Set, Values};
use crate::ir::{Comparison, Condition, Reg, Width};
use crate::state::State;

/// What the flags were set by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Compared {
    pub(crate) what: Comparison,
    pub(crate) left: Set,
    pub(crate) right: Set,
    pub(crate) width: Width,
    /// Where the left one stands.
    pub(crate) place: Place,
    /// Whether it counts which of two numbers is larger.
    pub(crate) ranges: bool,
}

/// Where a value stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Register(Reg),
    /// On the stack, stored as this.
    Stack {
        region: u32,
        offset: i32,
        stored: Set,
    },
    Nowhere,
}

impl Compared {
    /// Whether `condition` holds, where that is certain.
    pub(crate) fn decides(&self, values: &Values, condition: Condition) -> Option<bool> {
        let mut decided = None;
        for left in values.atoms(self.left) {
            for right in values.atoms(self.right) {
                let one = holds(self.what, condition, left, right, self.width)?;
                if decided.is_some_and(|before| before != one) {
                    return None;
                }
                decided = Some(one);
            }
        }
        decided
    }

    /// Whether anything may follow from the condition: most comparisons are of what nothing is known of.
    pub(crate) fn tells(&self, values: &Values, condition: Condition) -> bool {
        let right = values.atoms(self.right);
        self.narrowing(condition, right).is_some()
            || self.last_bit(values, condition).is_some()
            || values.atoms(self.left).iter().any(|left| {
                right.iter().all(|right| {
                    holds(self.what, condition, left, right, self.width) == Some(false)
                })
            })
    }

    /// Makes of `state` what is known where `condition` holds; whether it can hold at all. `steady` is where it is
    /// noted what is known of the memory that the left value certainly still stands in, if it does.
    pub(crate) fn assume(
        &self,
        values: &mut Values,
        state: &mut State,
        condition: Condition,
        steady: Option<(u32, i32)>,
    ) -> bool {
        let right = values.atoms(self.right).to_vec();
        let mut left = values.atoms(self.left).to_vec();
        let possible = |left: &Atom| {
            right
                .iter()
                .any(|right| holds(self.what, condition, left, right, self.width) != Some(false))
        };
        left.retain(possible);
        if left.is_empty() {
            return false;
        }
        let narrowing = self.narrowing(condition, &right).or(self.last_bit(values, condition));
        let Some(narrowing) = narrowing else {
            if left.len() < values.count(self.left) {
                let narrowed = values.of(left);
                self.put(state, narrowed);
            }
            return true;
        };
        let only = values.only(self.left);
        left.iter_mut().for_each(|atom| narrowing.apply(atom));
        let narrowed = values.of(left);
        if narrowed != self.left {
            self.put(state, narrowed);
        }
        let Some(atom) = only else { return true };
        if let Some((region, offset)) = steady {
            // Of a register of which the upper half is zero that may be so because it was cleared.
            let cleared = atom.zeros >> 32 == u64::MAX >> 32;
            let read = if cleared { Width::W32 } else { Width::W64 };
            state.store(region, offset, self.width.min(read).bytes(), narrowed);
        }
        // A parameter is the same wherever it stands, and so is what stands in steady memory; of what was compared,
        // the bits that are its own.
        if matches!(atom.base, Base::Given(_)) || steady.is_some() {
            let open = !(atom.ones | atom.zeros);
            let narrowing = Narrowing {
                ones: narrowing.ones & open,
                zeros: narrowing.zeros & open,
                ..narrowing
            };
            state.change_each(|set| {
                let [other] = values.atoms(set) else { return None };
                if other.base != atom.base {
                    return None;
                }
                let mut narrowed = *other;
                let mask = self.width.mask();
                // It may stand there with other bits than were compared.
                let same = (other.ones ^ atom.ones | other.zeros ^ atom.zeros) & mask == 0;
                let most = narrowing.most.filter(|_| same);
                Narrowing { most, ..narrowing }.apply(&mut narrowed);
                (narrowed != *other).then(|| values.one(narrowed))
            });
        }
        true
    }

    /// The one bit that is open in the left value, where it tells that value from the right one.
    fn last_bit(&self, values: &Values, condition: Condition) -> Option<Narrowing> {
        let (left, right) = (values.only(self.left)?, values.only(self.right)?);
        let mask = self.width.mask();
        let open = !(left.ones | left.zeros) & mask;
        let number = right.number()? & mask;
        let differs = self.what == Comparison::Difference && condition == Condition::NotEqual;
        if !differs || !open.is_power_of_two() || !left.is_number() {
            return None;
        }
        match left.ones & mask ^ number {
            0 => Some(Narrowing::of(open, 0)),
            other if other == open => Some(Narrowing::of(0, open)),
            _ => None,
        }
    }

    /// The number that is not known of which it may follow that it is small.
    pub(crate) fn ranged(&self, values: &Values, condition: Condition) -> Option<Base> {
        use Condition::{Above, Below, NotAbove, NotBelow};
        let asks = matches!(condition, Above | Below | NotAbove | NotBelow);
        if !asks || self.ranges || self.what != Comparison::Difference {
            return None;
        }
        values.only(self.right)?.number()?;
        let left = values.only(self.left)?;
        matches!(left.base, Base::Unknown(_) | Base::Given(_)).then_some(left.base)
    }

    /// Whether the left value alone is asked about: `cmp x, 0` or `test x, x`.
    fn against_zero(&self, right: &Atom) -> bool {
        match self.what {
            Comparison::Difference => right.number() == Some(0),
            Comparison::Common => self.left == self.right,
            Comparison::Bit | Comparison::Sign => false,
        }
    }

    /// Whether it is assumed that what some call returned is negative, as the codes of errors are.
    pub(crate) fn is_failure(&self, values: &Values, condition: Condition) -> bool {
        let returned = |atom: &Atom| {
            matches!(atom.base, Base::Unknown(Reason::Returned | Reason::ReturnedBy(_)))
        };
        matches!(condition, Condition::Negative | Condition::Less)
            && values.atoms(self.right).iter().all(|right| self.against_zero(right))
            && values.atoms(self.left).iter().all(returned)
    }

    /// Notes in every place with what the call returned that it is negative.
    pub(crate) fn note_failure(&self, values: &mut Values, state: &mut State) {
        let sign = 1 << (self.width.bits() - 1);
        let negative = |atom: Atom| atom.with_bits(atom.ones | sign, atom.zeros & !sign);
        let returned: Vec<Atom> = values.atoms(self.left).to_vec();
        let is_it = |values: &Values, set: Set| {
            let atoms = values.atoms(set);
            atoms.len() == returned.len()
                && atoms.iter().zip(&returned).all(|(one, other)| {
                    (one.base, one.at) == (other.base, other.at) && one.is_number()
                })
        };
        state.change_each(|set| is_it(values, set).then(|| values.map(set, negative)));
    }

    /// Changes what was compared, and what stood in the place of it.
    pub(crate) fn change_each(&mut self, mut change: impl FnMut(Set) -> Set) {
        self.left = change(self.left);
        self.right = change(self.right);
        if let Place::Stack { stored, .. } = &mut self.place {
            *stored = change(*stored);
        }
    }

    fn put(&self, state: &mut State, set: Set) {
        match self.place {
            Place::Register(register) if state.get(register) == self.left => {
                state.set(register, set);
            }
            Place::Stack { region, offset, stored } => {
                state.replace(region, offset, self.width.bytes(), stored, set);
            }
            Place::Register(_) | Place::Nowhere => {}
        }
    }

    /// The bits that follow for the left value.
    fn narrowing(&self, condition: Condition, right: &[Atom]) -> Option<Narrowing> {
        let [only] = right else { return None };
        // A value compared with itself is asked for its sign, or whether it is zero.
        let number = match only.number() {
            Some(number) => number & self.width.mask(),
            None if self.against_zero(only) => self.width.mask(),
            None => return None,
        };
        let mask = self.width.mask();
        let sign = 1 << (self.width.bits() - 1);
        match (self.what, condition) {
            (Comparison::Difference, Condition::Equal) => {
                Some(Narrowing::of(number, mask & !number))
            }
            (Comparison::Difference, Condition::NotAbove) if self.ranges => {
                Some(Narrowing::no_more_than(number, self.width))
            }
            (Comparison::Difference, Condition::Below) if self.ranges && number > 0 => {
                Some(Narrowing::no_more_than(number - 1, self.width))
            }
            (Comparison::Common, Condition::Equal) => Some(Narrowing::of(0, number)),
            (Comparison::Common, Condition::NotEqual) | (Comparison::Bit, Condition::Below)
                if number.is_power_of_two() =>
            {
                Some(Narrowing::of(number, 0))
            }
            (Comparison::Bit, Condition::NotBelow) => Some(Narrowing::of(0, number)),
            _ if self.against_zero(&right[0]) => match condition {
                Condition::Negative | Condition::Less => Some(Narrowing::of(sign, 0)),
                Condition::NotNegative | Condition::NotLess => Some(Narrowing::of(0, sign)),
                _ => None,
            },
            _ => None,
        }
    }
}

/// Bits that become known, and how large the number is at the most.
#[derive(Clone, Copy)]
struct Narrowing {
    ones: u64,
    zeros: u64,
    most: Option<(Width, u64)>,
}

impl Narrowing {
    fn of(ones: u64, zeros: u64) -> Narrowing {
        Narrowing { ones, zeros, most: None }
    }

    /// The low `width` bits are no more than `number`.
    fn no_more_than(number: u64, width: Width) -> Narrowing {
        let below = u64::MAX.checked_shr(number.leading_zeros()).unwrap_or(0);
        Narrowing { ones: 0, zeros: width.mask() & !below, most: Some((width, number)) }
    }

    fn apply(&self, atom: &mut Atom) {
        let fits = atom.ones & self.zeros == 0 && atom.zeros & self.ones == 0;
        if matches!(atom.base, Base::Unknown(_) | Base::Given(_)) && fits {
            *atom = atom.knowing(atom.ones | self.ones, atom.zeros | self.zeros);
            if let Some((width, number)) = self.most
                && atom.range(width.mask()).1 > number
            {
                *atom = atom.no_more_than(Most::of(width, number));
            }
        }
    }
}

/// Whether the condition holds for two values, where that is certain.
fn holds(
    what: Comparison,
    condition: Condition,
    left: &Atom,
    right: &Atom,
    width: Width,
) -> Option<bool> {
    let mask = width.mask();
    let opposite = matches!(
        condition,
        Condition::NotEqual
            | Condition::NotBelow
            | Condition::NotAbove
            | Condition::NotLess
            | Condition::NotGreater
            | Condition::NotNegative
    );
    if opposite {
        return holds(what, condition.opposite(), left, right, width).map(|holds| !holds);
    }
    if !(left.is_number() && right.is_number()) {
        return None;
    }
    let differ = (left.ones & right.zeros | left.zeros & right.ones) & mask;
    let zero = |ones: u64, zeros: u64| match (ones & mask, zeros & mask) {
        (0, zeros) if zeros == mask => Some(true),
        (0, _) => None,
        _ => Some(false),
    };
    let (a, b) = (whole(left, mask), whole(right, mask));
    let sign = 1 << (width.bits() - 1);
    match (what, condition) {
        (Comparison::Difference, Condition::Equal) if differ != 0 => Some(false),
        (Comparison::Difference, Condition::Equal) => Some(a? == b?),
        (Comparison::Difference, Condition::Below) => is_below(left, right, mask),
        (Comparison::Difference, Condition::Above) => is_below(right, left, mask),
        (Comparison::Difference, Condition::Less) => Some(a? ^ sign < b? ^ sign),
        (Comparison::Difference, Condition::Greater) => Some(a? ^ sign > b? ^ sign),
        (Comparison::Difference, Condition::Negative) => Some(a?.wrapping_sub(b?) & sign != 0),
        (Comparison::Common, Condition::Equal) => {
            zero(left.ones & right.ones, left.zeros | right.zeros)
        }
        (Comparison::Common, Condition::Below) => Some(false),
        (Comparison::Common, Condition::Negative) => Some(a? & b? & sign != 0),
        (Comparison::Bit, Condition::Below) => {
            zero(left.ones & right.ones, left.zeros | right.zeros).map(|zero| !zero)
        }
        (Comparison::Sign, Condition::Equal) => zero(left.ones, left.zeros),
        (Comparison::Sign, Condition::Negative) => {
            (left.ones & sign != 0).then_some(true).or((left.zeros & sign != 0).then_some(false))
        }
        _ => None,
    }
}

/// Whether one number is less than another, as numbers without sign.
fn is_below(left: &Atom, right: &Atom, mask: u64) -> Option<bool> {
    let (left, right) = (left.range(mask), right.range(mask));
    match left.1 < right.0 {
        true => Some(true),
        false if left.0 >= right.1 => Some(false),
        false => None,
    }
}

/// The number within `mask`, if it is known whole.
fn whole(atom: &Atom, mask: u64) -> Option<u64> {
    ((atom.ones | atom.zeros) & mask == mask).then_some(atom.ones & mask)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Condition; 12] = [
        Condition::Equal,
        Condition::NotEqual,
        Condition::Below,
        Condition::NotBelow,
        Condition::Above,
        Condition::NotAbove,
        Condition::Less,
        Condition::NotLess,
        Condition::Greater,
        Condition::NotGreater,
        Condition::Negative,
        Condition::NotNegative,
    ];

    /// What the processor's manual says the condition means behind `cmp a, b` of bytes.
    fn by_the_manual(condition: Condition, a: u8, b: u8) -> bool {
        let signed = (a.cast_signed(), b.cast_signed());
        match condition {
            Condition::Equal => a == b,
            Condition::NotEqual => a != b,
            Condition::Below => a < b,
            Condition::NotBelow => a >= b,
            Condition::Above => a > b,
            Condition::NotAbove => a <= b,
            Condition::Less => signed.0 < signed.1,
            Condition::NotLess => signed.0 >= signed.1,
            Condition::Greater => signed.0 > signed.1,
            Condition::NotGreater => signed.0 <= signed.1,
            Condition::Negative => a.wrapping_sub(b) & 0x80 != 0,
            Condition::NotNegative => a.wrapping_sub(b) & 0x80 == 0,
            Condition::Other => unreachable!(),
        }
    }

    #[test]
    fn known_numbers_decide_every_condition() {
        for a in [0_u8, 1, 2, 0x7F, 0x80, 0xFF] {
            for b in [0_u8, 1, 2, 0x7F, 0x80, 0xFF] {
                for condition in ALL {
                    let (left, right) =
                        (Atom::constant(u64::from(a), 1), Atom::constant(u64::from(b), 1));
                    let what = Comparison::Difference;
                    let told = holds(what, condition, &left, &right, Width::W8);
                    assert_eq!(told, Some(by_the_manual(condition, a, b)), "{condition:?} {a} {b}");
                }
            }
        }
    }

    /// Whatever is certain of a value with unknown bits holds for every number it stands for, and for
    /// what is assumed on the edge.
    #[test]
    fn what_is_certain_holds_for_every_number() {
        let patterns = (0..16_u64).flat_map(|ones| (0..16_u64).map(move |zeros| (ones, zeros)));
        for (ones, zeros) in patterns.filter(|(ones, zeros)| ones & zeros == 0) {
            let left = Atom::of_bits(ones, zeros | !0xF, Reason::Memory, 1);
            let stands_for = |n: &u64| n & ones == ones && n & zeros == 0;
            let numbers: Vec<u64> = (0..16).filter(stands_for).collect();
            for right in 0..16_u64 {
                for what in [Comparison::Difference, Comparison::Common] {
                    let atom = Atom::constant(right, 1);
                    for condition in ALL {
                        let exact = |n: u64| match what {
                            Comparison::Common => by_the_manual(condition, (n & right) as u8, 0),
                            _ => by_the_manual(condition, n as u8, right as u8),
                        };
                        if let Some(told) = holds(what, condition, &left, &atom, Width::W8) {
                            assert!(numbers.iter().all(|&n| exact(n) == told));
                        }
                    }
                }
            }
        }
    }

    /// What is left of a value on an edge has every number that goes that way, and where the two are compared as
    /// numbers without sign none but those.
    #[test]
    fn on_an_edge_every_number_is_left_that_goes_there() {
        use Condition::{Below, NotAbove};
        for condition in ALL {
            for number in 0..20_u64 {
                let mut values = Values::default();
                let mut state = State::unknown(&mut values, Reason::Entry);
                let left = values.one(Atom::of_bits(0, !0xFF, Reason::Memory, 1));
                let right = values.constant(number, 1);
                state.set(Reg(1), left);
                let compared = Compared {
                    what: Comparison::Difference,
                    left,
                    right,
                    width: Width::W8,
                    place: Place::Register(Reg(1)),
                    ranges: true,
                };
                let goes = |n: &u64| by_the_manual(condition, *n as u8, number as u8);
                let goes: Vec<u64> = (0..256).filter(goes).collect();
                if !compared.assume(&mut values, &mut state, condition, None) {
                    assert_eq!(goes, [], "{condition:?} {number}");
                    continue;
                }
                let atom = values.only(state.get(Reg(1))).unwrap();
                let is_left = |n: &u64| {
                    n & atom.ones == atom.ones && n & atom.zeros == 0 && *n <= atom.range(0xFF).1
                };
                assert!(goes.iter().all(is_left), "{condition:?} {number} {atom:?}");
                if matches!(condition, Below | NotAbove) && !goes.is_empty() {
                    assert_eq!(
                        (0..256).filter(is_left).count(),
                        goes.len(),
                        "{condition:?} {number}"
                    );
                }
            }
        }
    }

    #[test]
    fn on_an_edge_a_parameter_is_what_the_condition_says_wherever_it_stands() {
        let mut values = Values::default();
        let mut state = State::unknown(&mut values, Reason::Entry);
        let given = values.one(Atom::address(Base::Given(0), 0));
        let number = values.constant(0x200, 0);
        state.set(Reg(1), given);
        state.set(Reg(3), given);
        let compared = Compared {
            what: Comparison::Difference,
            left: given,
            right: number,
            width: Width::W32,
            ranges: false,
            place: Place::Register(Reg(1)),
        };
        assert!(compared.assume(&mut values, &mut state, Condition::Equal, None));
        for register in [1, 3] {
            let atom = values.only(state.get(Reg(register))).unwrap();
            assert_eq!((atom.ones, atom.zeros), (0x200, 0xFFFF_FDFF));
        }
        let (one, two) = (values.constant(1, 0), values.constant(2, 0));
        let compared = Compared { left: one, right: two, ..compared };
        assert!(!compared.assume(&mut values, &mut state, Condition::Equal, None));
    }
}
