//! What is known at one place in a function: registers and the stack.

use crate::Reason;
use crate::abi::Abi;
use crate::compared::Compared;
use crate::domain::{Atom, Base, Set, Values};
use crate::ir::{REGISTERS, Reg};

/// More stack slots than these are not kept; the oldest known is forgotten, never the newest.
const MOST_SLOTS: usize = 256;
/// More escaped objects than these, and every slot counts as escaped.
const MOST_ESCAPES: usize = 64;
/// The object that is all of the function's frame.
const EVERYTHING: (u32, i32) = (0, i32::MIN);

/// What is known at one place in a function.
pub(crate) struct State {
    registers: [Set; REGISTERS],
    /// By region and offset.
    slots: Vec<Slot>,
    /// Objects on the stack whose address others may hold, by region and offset.
    escaped: Vec<(u32, i32)>,
    /// What stands where no slot is known.
    elsewhere: Elsewhere,
    /// What the flags tell.
    pub(crate) flags: Option<Compared>,
    /// Ways to memory by which the function may have written before, a bit each.
    pub(crate) written: u64,
}

impl Clone for State {
    fn clone(&self) -> State {
        let State { registers, elsewhere, flags, written, .. } = *self;
        let (slots, escaped) = (self.slots.clone(), self.escaped.clone());
        State { registers, slots, escaped, elsewhere, flags, written }
    }

    /// Takes no memory where there is enough.
    fn clone_from(&mut self, other: &State) {
        self.registers = other.registers;
        self.slots.clone_from(&other.slots);
        self.escaped.clone_from(&other.escaped);
        (self.elsewhere, self.flags) = (other.elsewhere, other.flags);
        self.written = other.written;
    }
}

/// What changed of what is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Changed {
    /// Registers, a bit each.
    pub(crate) registers: u64,
    /// Something else.
    pub(crate) others: bool,
}

impl Changed {
    /// Whether anything did.
    pub(crate) fn any(self) -> bool {
        self.registers != 0 || self.others
    }
}

/// What stands on the stack where no slot is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Elsewhere {
    /// What stood there at the function's start: its parameters.
    AsAtStart,
    /// Something, as slots were forgotten.
    Forgotten,
    /// Whatever code before this place has put there, which was not looked at.
    FromBefore,
}

/// A piece of the stack with a known content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Slot {
    region: u32,
    offset: i32,
    bytes: u8,
    set: Set,
}

impl Slot {
    fn place(&self) -> (u32, i32) {
        (self.region, self.offset)
    }

    fn end(&self) -> i32 {
        self.offset.saturating_add(i32::from(self.bytes))
    }
}

impl State {
    /// Nothing is known but why.
    pub(crate) fn unknown(values: &mut Values, reason: Reason) -> State {
        let nothing = values.unknown(reason, 0);
        State {
            registers: [nothing; REGISTERS],
            slots: Vec::new(),
            // Any part of the frame may have been given away before.
            escaped: vec![EVERYTHING],
            elsewhere: Elsewhere::FromBefore,
            flags: None,
            written: u64::MAX,
        }
    }

    /// At a function's first instruction: its parameters are where the convention has them. `given`
    /// are those of which more is known.
    pub(crate) fn at_start(values: &mut Values, abi: &Abi, given: &[(u8, Vec<Atom>)]) -> State {
        let mut state = State::unknown(values, Reason::Entry);
        state.escaped.clear();
        state.written = 0;
        state.elsewhere = Elsewhere::AsAtStart;
        for (index, &register) in (0..).zip(abi.arguments) {
            state.set(register, values.one(Atom::address(Base::Given(index), 0)));
        }
        for (index, atoms) in given {
            let set = values.of(atoms.clone());
            match (abi.arguments.get(usize::from(*index)), abi.on_stack(*index)) {
                (Some(&register), _) => state.set(register, set),
                (None, Some(above)) => state.store(0, above + abi.pushed, 8, set),
                (None, None) => {}
            }
        }
        state.put_stack_pointer(values, abi, 0);
        state
    }

    /// Puts the stack pointer `depth` bytes below where it was at the function's start.
    pub(crate) fn put_stack_pointer(&mut self, values: &mut Values, abi: &Abi, depth: u32) {
        let offset = i32::try_from(depth).map_or(i32::MIN, |depth| -depth);
        let top = Atom::address(Base::Stack { region: 0, offset }, 0);
        self.set(abi.stack_pointer, values.one(top));
    }

    pub(crate) fn get(&self, register: Reg) -> Set {
        self.registers[usize::from(register.0)]
    }

    pub(crate) fn set(&mut self, register: Reg, set: Set) {
        self.registers[usize::from(register.0)] = set;
    }

    /// Every register that `mask` has a bit for becomes `set`.
    pub(crate) fn set_all(&mut self, mask: u64, set: Set) {
        let mut left = mask;
        while left != 0 {
            if let Some(register) = self.registers.get_mut(left.trailing_zeros() as usize) {
                *register = set;
            }
            left &= left - 1;
        }
    }

    /// Bytes it takes.
    pub(crate) fn size(&self) -> usize {
        size_of::<State>() + self.slots.len() * size_of::<Slot>()
    }

    /// Changes each value in a register or on the stack that `change` has another one for.
    pub(crate) fn change_each(&mut self, mut change: impl FnMut(Set) -> Option<Set>) {
        let slots = self.slots.iter_mut().map(|slot| &mut slot.set);
        for set in self.registers.iter_mut().chain(slots) {
            if let Some(changed) = change(*set) {
                *set = changed;
            }
        }
    }

    /// Puts `new` where exactly `bytes` were stored as `old`.
    pub(crate) fn replace(&mut self, region: u32, offset: i32, bytes: u8, old: Set, new: Set) {
        let same = |slot: &&mut Slot| {
            slot.place() == (region, offset) && slot.bytes == bytes && slot.set == old
        };
        if let Some(slot) = self.slots.iter_mut().find(same) {
            slot.set = new;
        }
    }

    /// Every value in a register or on the stack.
    pub(crate) fn all(&self) -> impl Iterator<Item = Set> + '_ {
        self.registers.iter().copied().chain(self.slots.iter().map(|slot| slot.set))
    }

    /// Every value that is known to stand on the stack.
    pub(crate) fn on_stack(&self) -> impl Iterator<Item = Set> + '_ {
        self.slots.iter().map(|slot| slot.set)
    }

    /// What stands on the stack where no slot is known.
    pub(crate) fn elsewhere(&self) -> Elsewhere {
        self.elsewhere
    }

    /// What stands on the stack there: the value last stored, and how many bytes of it, if one store
    /// covers all of `bytes`.
    pub(crate) fn stored(&self, region: u32, offset: i32, bytes: u8) -> Stood {
        let at = self.slots.partition_point(|slot| slot.place() < (region, offset));
        stood(&self.slots, at, region, offset, bytes)
    }

    pub(crate) fn store(&mut self, region: u32, offset: i32, bytes: u8, set: Set) {
        let at = self.slots.partition_point(|slot| slot.place() < (region, offset));
        if let Some(slot) = self.slots.get_mut(at)
            && slot.place() == (region, offset)
            && slot.bytes == bytes
        {
            slot.set = set;
            return;
        }
        self.forget_range(region, offset, offset.saturating_add(i32::from(bytes)));
        if self.slots.len() >= MOST_SLOTS {
            // Outgoing arguments lie lowest, so what lies highest is missed least.
            self.slots.pop();
            self.elsewhere = self.elsewhere.max(Elsewhere::Forgotten);
        }
        let slot = Slot { region, offset, bytes, set };
        let at = self.slots.partition_point(|known| known.place() < slot.place());
        self.slots.insert(at, slot);
    }

    /// Forgets the stack from `start` up to `end`, whatever is stored there.
    pub(crate) fn lose(&mut self, region: u32, start: i32, end: i32) {
        self.forget_range(region, start, end);
        // Above the return address lie the parameters.
        if region == 0 && end > 0 {
            self.elsewhere = self.elsewhere.max(Elsewhere::Forgotten);
        }
    }

    /// Forgets a region of the stack whole.
    pub(crate) fn lose_all(&mut self, region: u32) {
        self.lose(region, i32::MIN, i32::MAX);
    }

    /// Forgets the slots from `start` up to `end`.
    fn forget_range(&mut self, region: u32, start: i32, end: i32) {
        let first = self.slots.partition_point(|slot| {
            // A slot is at most 16 bytes, so none that starts earlier reaches in.
            slot.place() < (region, start.saturating_sub(16))
        });
        // No two overlap, so those that reach in stand together.
        let near = &self.slots[first..];
        let reaches = |slot: &&Slot| slot.region == region && slot.offset < end;
        let before = |slot: &&Slot| reaches(slot) && slot.end() <= start;
        let first = first + near.iter().take_while(before).count();
        let count = self.slots[first..].iter().take_while(reaches).count();
        if count > 0 {
            self.slots.drain(first..first + count);
        }
    }

    /// Others may hold the address of what lies there.
    pub(crate) fn escape(&mut self, region: u32, offset: i32) {
        if let Err(at) = self.escaped.binary_search(&(region, offset)) {
            if self.escaped.len() >= MOST_ESCAPES {
                self.escaped = vec![EVERYTHING];
            } else {
                self.escaped.insert(at, (region, offset));
            }
        }
    }

    /// Others may hold these addresses in the function's frame, and no others.
    pub(crate) fn escape_only(&mut self, offsets: impl Iterator<Item = i32>) {
        self.escaped.clear();
        for offset in offsets {
            self.escape(0, offset);
        }
    }

    /// Others may have written to what escaped. Who has the address of a local may reach the others from
    /// there, as with a list entry inside of a structure; parameters have eight bytes each.
    pub(crate) fn forget_escaped(&mut self) {
        if self.escaped.first() == Some(&EVERYTHING) {
            self.slots.clear();
            self.elsewhere = self.elsewhere.max(Elsewhere::Forgotten);
            return;
        }
        for index in 0..self.escaped.len() {
            match self.escaped[index] {
                (0, start) if start >= 0 => self.lose(0, start, start.saturating_add(8)),
                (0, _) => self.lose(0, i32::MIN, 0),
                (region, _) => self.lose_all(region),
            }
        }
    }

    /// What holds here whichever way code came; of what that is less than before. `missing` is what
    /// stands on the stack where one of the two knows no slot. Of registers those count that `live` has a bit
    /// for.
    pub(crate) fn join(
        &mut self,
        values: &mut Values,
        other: &State,
        (live, widen): (u64, bool),
        missing: impl Fn(&mut Values, Elsewhere, u32, i32) -> Set,
    ) -> Changed {
        let mut registers = 0;
        let mut left = live;
        while left != 0 {
            let index = left.trailing_zeros() as usize;
            left &= left - 1;
            let Some(old) = self.registers.get_mut(index) else { break };
            if *old != other.registers[index] {
                let changed = joined(values, old, other.registers[index], widen);
                registers |= u64::from(changed) << index;
            }
        }
        let mut changed = self.join_slots(values, other, widen, missing);
        if self.escaped != other.escaped && self.escaped.first() != Some(&EVERYTHING) {
            for &(region, offset) in &other.escaped {
                if self.escaped.binary_search(&(region, offset)).is_err()
                    && self.escaped.first() != Some(&EVERYTHING)
                {
                    self.escape(region, offset);
                    changed = true;
                }
            }
        }
        if self.flags != other.flags {
            changed |= self.flags.is_some();
            self.flags = None;
        }
        changed |= other.written & !self.written != 0;
        self.written |= other.written;
        changed |= self.elsewhere < other.elsewhere;
        self.elsewhere = self.elsewhere.max(other.elsewhere);
        Changed { registers, others: changed }
    }

    /// Takes over what the registers `mask`, a bit each, hold in another state.
    pub(crate) fn take_registers(&mut self, mask: u64, other: &State) {
        let mut left = mask;
        while left != 0 {
            let index = left.trailing_zeros() as usize;
            left &= left - 1;
            let Some(register) = self.registers.get_mut(index) else { break };
            *register = other.registers[index];
        }
    }

    /// The same of what stands on the stack.
    fn join_slots(
        &mut self,
        values: &mut Values,
        other: &State,
        widen: bool,
        missing: impl Fn(&mut Values, Elsewhere, u32, i32) -> Set,
    ) -> bool {
        let mut changed = false;
        let alike = are_alike(&self.slots, &other.slots);
        // Both are in order, so one walk through each is enough.
        let mut at = 0;
        for (index, slot) in self.slots.iter_mut().enumerate() {
            at = match alike {
                true => index,
                false => at + behind(&other.slots[at..], slot.place()),
            };
            let new = match stood(&other.slots, at, slot.region, slot.offset, slot.bytes) {
                Stood::Whole(set) => set,
                Stood::InPieces => values.unknown(Reason::Memory, 0),
                Stood::Nothing => missing(values, other.elsewhere, slot.region, slot.offset),
            };
            if slot.set != new {
                changed |= joined(values, &mut slot.set, new, widen);
            }
        }
        if alike {
            return changed;
        }
        let mut at = 0;
        for their in &other.slots {
            at += behind(self.slots.get(at..).unwrap_or_default(), their.place());
            if stood(&self.slots, at, their.region, their.offset, their.bytes) == Stood::Nothing {
                let before = missing(values, self.elsewhere, their.region, their.offset);
                let both = values.join(before, their.set);
                // What was not known becomes something not known; only the reason differs.
                changed |= both != before;
                self.store(their.region, their.offset, their.bytes, both);
            }
        }
        changed
    }
}

/// Makes `old` what both values may be; whether that changed it.
fn joined(values: &mut Values, old: &mut Set, new: Set, widen: bool) -> bool {
    let mut both = values.join(*old, new);
    // What is any number already does not become more, however many ways of not knowing it come together.
    if both == *old || widen && values.is_any(*old) {
        return false;
    }
    // Two values are what paths bring; more that still grow are a loop's, and so are bits.
    let loops = values.count(both) > 2 || values.is_unknown(both);
    if widen && loops {
        both = values.unknown(Reason::ManyValues, 0);
    }
    std::mem::replace(old, both) != both
}

/// Whether slots begin at the same places.
fn are_alike(one: &[Slot], other: &[Slot]) -> bool {
    one.len() == other.len() && one.iter().zip(other).all(|(a, b)| a.place() == b.place())
}

/// How many slots at the start stand before `place`.
fn behind(slots: &[Slot], place: (u32, i32)) -> usize {
    slots.iter().take_while(|slot| slot.place() < place).count()
}

/// What stands in a place on the stack, before which `at` of the `slots` stand.
#[inline]
fn stood(slots: &[Slot], at: usize, region: u32, offset: i32, bytes: u8) -> Stood {
    if let Some(slot) = slots.get(at).filter(|slot| slot.place() == (region, offset)) {
        return if slot.bytes >= bytes { Stood::Whole(slot.set) } else { Stood::InPieces };
    }
    let end = offset.saturating_add(i32::from(bytes));
    let overlaps = |slot: &Slot| slot.region == region && slot.offset < end && slot.end() > offset;
    let near = slots.get(at.saturating_sub(2)..).unwrap_or_default();
    if near.iter().take(4).any(overlaps) { Stood::InPieces } else { Stood::Nothing }
}

/// What stands somewhere on the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stood {
    /// One store covers it.
    Whole(Set),
    /// Parts of it were stored, or more than it.
    InPieces,
    /// No store is known.
    Nothing,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_hides_what_it_overlaps() {
        let mut values = Values::default();
        let (a, b) = (values.constant(1, 0), values.constant(2, 0));
        let mut state = State::unknown(&mut values, Reason::Entry);
        state.store(0, -16, 8, a);
        assert_eq!(state.stored(0, -16, 4), Stood::Whole(a));
        assert_eq!(state.stored(0, -12, 4), Stood::InPieces);
        state.store(0, -12, 4, b);
        assert_eq!(state.stored(0, -16, 8), Stood::InPieces);
        assert_eq!(state.stored(0, -12, 4), Stood::Whole(b));
    }

    #[test]
    fn with_one_local_all_have_escaped_but_no_other_parameter() {
        let mut values = Values::default();
        let one = values.constant(1, 0);
        let mut state = State::unknown(&mut values, Reason::Entry);
        let stored = |state: &mut State, places: &[(u32, i32)]| {
            for &(region, offset) in places {
                state.store(region, offset, 8, one);
            }
        };
        let all = [(0, -0x40), (0, -0x20), (0, 8), (0, 16), (7, 0), (7, 0x40)];
        let left = |state: &State| -> Vec<(u32, i32)> {
            let known = |place: &&(u32, i32)| state.stored(place.0, place.1, 8) != Stood::Nothing;
            all.iter().filter(known).copied().collect()
        };
        for (escaped, expected) in [
            ((0, -0x20), &[(0, 8), (0, 16), (7, 0), (7, 0x40)][..]),
            ((0, 8), &[(0, -0x40), (0, -0x20), (0, 16), (7, 0), (7, 0x40)]),
            ((7, 0x40), &[(0, -0x40), (0, -0x20), (0, 8), (0, 16)]),
        ] {
            state.escaped.clear();
            stored(&mut state, &all);
            state.escape(escaped.0, escaped.1);
            state.forget_escaped();
            assert_eq!(left(&state), expected);
        }
    }

    #[test]
    fn joining_keeps_what_both_know() {
        let mut values = Values::default();
        let (a, b) = (values.constant(1, 0), values.constant(2, 0));
        let mut left = State::unknown(&mut values, Reason::Entry);
        left.store(0, 0, 8, a);
        left.store(0, 8, 8, a);
        let mut right = left.clone();
        right.store(0, 0, 8, b);
        right.lose(0, 8, 16);
        let unknown = |values: &mut Values, _, _, _| values.unknown(Reason::Memory, 0);
        let changed = left.join(&mut values, &right, (u64::MAX, false), unknown);
        assert_eq!(changed, Changed { registers: 0, others: true });
        let both = values.join(a, b);
        assert_eq!(left.stored(0, 0, 8), Stood::Whole(both));
        let either = values.unknown(Reason::Memory, 0);
        let either = values.join(a, either);
        assert_eq!(left.stored(0, 8, 8), Stood::Whole(either));
        assert!(!left.join(&mut values, &right, (u64::MAX, false), unknown).any());
        right.set(Reg(3), a);
        let changed = left.join(&mut values, &right, (u64::MAX, false), unknown);
        assert_eq!(changed, Changed { registers: 1 << 3, others: false });
        assert!(!left.join(&mut values, &right, (!(1 << 3), false), unknown).any());
    }

    #[test]
    fn a_full_stack_forgets_the_oldest_not_the_newest() {
        let mut values = Values::default();
        let one = values.constant(1, 0);
        let mut state = State::unknown(&mut values, Reason::Entry);
        for index in 0..2 * MOST_SLOTS as i32 {
            state.store(0, -8 * index, 8, one);
        }
        assert_eq!(state.stored(0, -8 * (2 * MOST_SLOTS as i32 - 1), 8), Stood::Whole(one));
        assert_eq!(state.stored(0, 0, 8), Stood::Nothing);
    }
}
