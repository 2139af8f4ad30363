//! What one operation does to what is known.

use crate::Reason;
use crate::abi::Abi;
use crate::aims::Aims;
use crate::analysis::Along;
use crate::arithmetic::{binary, extend, merge, moved};
use crate::compared::{Compared, Place};
use crate::domain::{Atom, Base, Set, Values};
use crate::fields::Fields;
use crate::ir::{Address, Binary, Comparison, Condition, Op, Reg, Source, Target, Width};
use crate::names;
use crate::outside::Outside;
use crate::places::Places;
use crate::query::Effect;
use crate::state::{Elsewhere, State, Stood};
use foldhash::{HashSet, HashSetExt};
use ringfence_image::Rva;
use std::collections::{BTreeMap, BTreeSet};

/// An address of which at most this many bits are unknown is taken for all it may be: a table of two,
/// four or eight entries.
const FEW_BITS: u32 = 3;

/// What is known from elsewhere in the image.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    /// Variables that were looked into: how many bytes, and what they may hold.
    pub(crate) variables: BTreeMap<u32, (u8, Vec<Atom>)>,
    /// Functions that were looked into: what they may return. Of what they were given themselves it
    /// says so.
    pub(crate) results: BTreeMap<u32, Vec<Atom>>,
    /// What the function is given, where callers were looked into.
    pub(crate) given: Vec<(u8, Vec<Atom>)>,
    /// The build of Windows that runs, where one is assumed.
    pub(crate) build: Option<u32>,
}

/// `RTL_OSVERSIONINFOW`: its size, and where major and minor version and the build number stand.
const VERSION_INFO: i32 = 0x114;
const VERSION: [i32; 3] = [4, 8, 12];
/// The origin of the build number, which is no variable's.
const BUILD: u16 = u16::MAX;

/// What is called, as far as it is known.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Callee {
    /// The wanted function, if it is that one whatever path is taken.
    pub(crate) wanted: Option<u32>,
    /// How many parameters it has: their places on the stack are its own to change.
    pub(crate) parameters: Option<u8>,
    /// The function of the image.
    pub(crate) function: Option<u32>,
}

/// A store into a variable that is watched.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stored {
    /// The instruction.
    pub(crate) at: u32,
    /// Where it stores to; nothing for one that may go anywhere from there on.
    pub(crate) place: u32,
    pub(crate) bytes: Option<u8>,
    pub(crate) value: Set,
}

/// Carries what is known over operations, for one function.
pub(crate) struct Transfer<'a> {
    pub(crate) values: Values,
    pub(crate) places: &'a Places<'a>,
    pub(crate) aims: Aims,
    pub(crate) known: Known,
    pub(crate) abi: &'static Abi,
    /// Variables that were read of which more might be known, and how many bytes of them.
    pub(crate) read: BTreeMap<u32, u8>,
    /// Stores into places of the image; kept only while the calls are told.
    pub(crate) stores: Option<Vec<Stored>>,
    /// Addresses of wanted functions that were put into variables of the image: where they were read,
    /// which function, and which variable.
    pub(crate) planted: BTreeSet<(u32, u32, u32)>,
    /// Calls that find a function by name, by which one, and the name if it is known.
    pub(crate) found: BTreeSet<(u32, u32, Option<String>)>,
    /// Parameters that some branch or choice depends on.
    pub(crate) conditions: BTreeSet<u8>,
    /// Whether some branch or choice depends on the build of Windows.
    pub(crate) asks_for_build: bool,
    /// Where addresses of wanted functions were read that were stored since.
    pub(crate) kept: HashSet<u32>,
    /// Where those were read that the function may return.
    pub(crate) handed_back: HashSet<u32>,
    /// Whether one was stored at all, be it on the stack.
    pub(crate) spilled: bool,
    /// Where they were read that were handed to a call, and to which.
    given: HashSet<(u32, u32)>,
    /// Addresses outside the image that are followed.
    pub(crate) outside: Outside,
    /// Memory that parameters lead to.
    pub(crate) fields: Fields,
    /// States that are not needed any more, for their memory.
    #[expect(clippy::vec_box, reason = "they go to and come from ways between blocks, boxed")]
    pub(crate) spare: Vec<Box<State>>,
}

impl<'a> Transfer<'a> {
    pub(crate) fn new(places: &'a Places<'a>, aims: Aims, abi: &'static Abi) -> Transfer<'a> {
        Transfer {
            values: Values::default(),
            places,
            aims,
            known: Known::default(),
            abi,
            read: BTreeMap::new(),
            stores: None,
            planted: BTreeSet::new(),
            found: BTreeSet::new(),
            conditions: BTreeSet::new(),
            asks_for_build: false,
            kept: HashSet::new(),
            handed_back: HashSet::new(),
            spilled: false,
            given: HashSet::new(),
            outside: Outside::default(),
            fields: Fields::default(),
            spare: Vec::new(),
        }
    }

    /// Forgets everything: another function follows.
    pub(crate) fn clear(&mut self) {
        self.values.clear();
        self.read.clear();
        self.stores = None;
        self.planted.clear();
        self.found.clear();
        self.conditions.clear();
        self.asks_for_build = false;
        self.kept.clear();
        self.handed_back.clear();
        self.spilled = false;
        self.given.clear();
        self.fields.clear();
    }

    /// Where addresses of wanted functions were read that others hold now: stored, or handed to more
    /// than one call.
    pub(crate) fn held_by_others(&self) -> HashSet<u32> {
        let mut held = self.kept.clone();
        let mut once = HashSet::new();
        held.extend(self.given.iter().map(|(from, _)| *from).filter(|from| !once.insert(*from)));
        held
    }

    /// Where addresses of wanted functions were read that were handed to a call.
    pub(crate) fn given_to_calls(&self) -> HashSet<u32> {
        self.given.iter().map(|(from, _)| *from).collect()
    }

    /// Applies one operation of the instruction at `at`.
    pub(crate) fn apply(&mut self, state: &mut State, op: &Op, at: u32) {
        match *op {
            Op::Copy { to, width, from } => {
                let set = self.source(state, from, at);
                self.write(state, to, width, set);
            }
            Op::Binary { what, to, width, left, right } => {
                let set = self.binary(state, what, width, (left, right), at);
                match width {
                    // The rest is zero by now, but for what is made of the stack pointer.
                    Width::W32 if to != self.abi.stack_pointer => state.set(to, set),
                    _ => self.write(state, to, width, set),
                }
            }
            Op::Extend { to, width, from, narrow, signed } => {
                let set = state.get(from);
                let set = self.values.map(set, |atom| extend(atom, narrow, width, signed, at));
                self.write(state, to, width, set);
            }
            Op::Maybe { to, width, from, when } => {
                let (old, new) = (state.get(to), self.source(state, from, at));
                let set = match self.decided(state, when) {
                    Some(true) => new,
                    Some(false) => old,
                    None => self.values.join(old, new),
                };
                self.write(state, to, width, set);
            }
            Op::Either { to, width, other, when } => {
                let both = [Atom::constant(0, at), Atom::constant(other & width.mask(), at)];
                let set = match self.decided(state, when) {
                    Some(other) => self.values.one(both[usize::from(other)]),
                    None => self.values.of(both.to_vec()),
                };
                self.write(state, to, width, set);
            }
            Op::Compare { what, left, right, width, place } => {
                state.flags = Some(self.compared(state, what, (left, right), width, place, at));
            }
            Op::LoseFlags => state.flags = None,
            Op::Load { to, width, from } => {
                let set = match self.plain(state, from, at) {
                    Some(atom) => self.load_from(state, atom, width, at),
                    None => {
                        let address = self.address(state, from, at);
                        self.load(state, address, width, at)
                    }
                };
                let set = self.field(state, from, set, at);
                self.write(state, to, width, set);
            }
            Op::Store { to, width, value } => {
                let set = self.source(state, value, at);
                if let Some(place) = self.stack_place(state, to, at) {
                    self.note_stored(state, set);
                    state.store(place.0, place.1, width.bytes(), set);
                    return;
                }
                let address = self.address(state, to, at);
                let before = self.on_stack(state);
                self.overwrite(state, to);
                self.store(state, address, width, set, at);
                self.keep_lost(state, before);
            }
            Op::Smear { from } => {
                let address = self.address(state, from, at);
                let before = self.on_stack(state);
                self.smear(state, address, at);
                self.keep_lost(state, before);
            }
            Op::Point { to, address } => {
                let set = self.address(state, address, at);
                state.set(to, set);
            }
            Op::Forget { to } => state.set(to, self.values.unknown(Reason::Arithmetic, at)),
            Op::ReadControl { to, ones } => {
                let atom = Atom::of_bits(ones, 0, Reason::ControlRegister, at);
                state.set(to, self.values.one(atom));
            }
            Op::Frame { depth, frame_register } => {
                state.put_stack_pointer(&mut self.values, self.abi, depth);
                if let Some((register, above)) = frame_register {
                    let top = state.get(self.abi.stack_pointer);
                    let set = self
                        .values
                        .map(top, |atom| moved(&atom, i64::from(above), at).unwrap_or(atom));
                    state.set(register, set);
                }
            }
        }
    }

    /// Drops what lives within an instruction only, so that paths do not differ in it.
    pub(crate) fn end_block(&mut self, state: &mut State) {
        self.drop_registers(state, self.abi.scratch);
    }

    /// Drops what registers hold that do not matter any more, a bit each.
    pub(crate) fn drop_registers(&mut self, state: &mut State, dead: u64) {
        let nothing = self.values.unknown(Reason::Entry, 0);
        state.set_all(dead, nothing);
    }

    /// Joins what is known after one block into what is known before another, in which the registers `live`
    /// matter; whether that changed.
    pub(crate) fn join(
        &mut self,
        known: &mut State,
        after: &State,
        live: u64,
        widen: bool,
    ) -> bool {
        let abi = self.abi;
        let how = (live, widen);
        known.join(&mut self.values, after, how, |values, elsewhere, region, offset| {
            values.one(Atom::address(missing(abi, elsewhere, region, offset), 0))
        })
    }

    /// Whether a condition holds, where what is known decides that.
    fn decided(&mut self, state: &State, when: Condition) -> Option<bool> {
        let flags = state.flags?;
        self.depends_on(&flags);
        flags.decides(&self.values, when)
    }

    /// What is known where a branch is taken or not.
    pub(crate) fn assuming(&mut self, state: &State, when: Condition, taken: bool) -> Along {
        let Some(flags) = state.flags else { return Along::Same };
        self.depends_on(&flags);
        let when = if taken { when } else { when.opposite() };
        if !flags.tells(&self.values, when) {
            return Along::Same;
        }
        let mut state = self.copy(state);
        if flags.assume(&mut self.values, &mut state, when) {
            return Along::Narrowed(state);
        }
        self.spare.push(state);
        Along::Never
    }

    /// A copy of `state`, in the memory of one that is not needed any more.
    pub(crate) fn copy(&mut self, state: &State) -> Box<State> {
        match self.spare.pop() {
            Some(mut spare) => {
                (*spare).clone_from(state);
                spare
            }
            None => Box::new(state.clone()),
        }
    }

    /// Notes the parameters that are compared.
    fn depends_on(&mut self, flags: &Compared) {
        for set in [flags.left, flags.right] {
            for atom in self.values.atoms(set) {
                self.asks_for_build |= atom.origin == BUILD;
                if let Reason::Parameter(index) = atom.reason()
                    && !matches!(atom.base, Base::Constant)
                {
                    self.conditions.insert(index);
                }
            }
        }
    }

    fn compared(
        &mut self,
        state: &State,
        what: Comparison,
        (left, right): (Source, Source),
        width: Width,
        place: Option<Address>,
        at: u32,
    ) -> Compared {
        let on_stack = place.and_then(|place| {
            let (region, offset) = self.stack_place(state, place, at)?;
            match state.stored(region, offset, width.bytes()) {
                Stood::Whole(stored) => Some(Place::Stack { region, offset, stored }),
                _ => None,
            }
        });
        let place = match left {
            _ if on_stack.is_some() => on_stack.unwrap_or(Place::Nowhere),
            Source::Reg(register) if self.abi.scratch >> register.0 & 1 == 0 => {
                Place::Register(register)
            }
            _ => Place::Nowhere,
        };
        let (left, right) = (self.source(state, left, at), self.source(state, right, at));
        Compared { what, left, right, width, place }
    }

    /// What an operand holds.
    pub(crate) fn source(&mut self, state: &State, source: Source, at: u32) -> Set {
        match source {
            Source::Reg(register) => state.get(register),
            Source::Number(number) => self.values.constant(number, at),
            Source::Image(rva) => self.values.one(Atom::address(Base::Image(rva), at)),
        }
    }

    fn binary(
        &mut self,
        state: &State,
        what: Binary,
        width: Width,
        (left, right): (Source, Source),
        at: u32,
    ) -> Set {
        // A register with itself: 0, whatever it holds.
        if left == right && matches!(what, Binary::Xor | Binary::Sub) {
            return self.values.constant(0, at);
        }
        if let (Source::Reg(left), Source::Number(right)) = (left, right)
            && (what != Binary::And || left != self.abi.stack_pointer)
        {
            let right = Atom::constant(right, at);
            return self.values.map(state.get(left), |atom| binary(what, width, atom, right, at));
        }
        let (a, b) = (self.source(state, left, at), self.source(state, right, at));
        // The stack pointer moved by an unknown amount starts a region of its own.
        if what == Binary::Sub
            && left == Source::Reg(self.abi.stack_pointer)
            && self.values.only(b).is_none_or(|atom| atom.number().is_none())
        {
            return self.values.one(Atom::address(Base::Stack { region: at, offset: 0 }, at));
        }
        // Aligning the stack pointer starts one as well: by how much it moves is not known.
        if what == Binary::And
            && self.values.only(a).is_some_and(|atom| matches!(atom.base, Base::Stack { .. }))
            && left == Source::Reg(self.abi.stack_pointer)
        {
            return self.values.one(Atom::address(Base::Stack { region: at, offset: 0 }, at));
        }
        if left == right {
            // Whatever it is, both operands are the same.
            return self.values.map(a, |atom| binary(what, width, atom, atom, at));
        }
        self.values.combine(a, b, |a, b| binary(what, width, a, b, at))
    }

    /// Writes the low `width` of a register: 32 bits clear the rest, fewer leave it.
    fn write(&mut self, state: &mut State, to: Reg, width: Width, set: Set) {
        let set = match width {
            Width::W64 => set,
            Width::W32 => self.values.map(set, |atom| truncated(atom, width)),
            _ => {
                let old = state.get(to);
                self.values.combine(old, set, |old, new| merge(old, new, width))
            }
        };
        state.set(to, set);
    }

    /// The sum of an address's parts.
    pub(crate) fn address(&mut self, state: &State, address: Address, at: u32) -> Set {
        let mut sum = match (address.base, address.in_image) {
            (Some(base), _) => state.get(base),
            (None, true) => {
                let rva = u32::try_from(address.offset).unwrap_or(u32::MAX);
                return self.values.one(Atom::address(Base::Image(rva), at));
            }
            (None, false) => self.values.constant(0, at),
        };
        if address.index.is_some() && address.index == address.base {
            let times = Atom::constant(u64::from(address.scale) + 1, at);
            sum = self.values.map(sum, |atom| binary(Binary::Mul, Width::W64, atom, times, at));
        } else if let Some(index) = address.index {
            let index = self.spread(state.get(index));
            // Which entry is meant is not known: it may be any.
            if self.values.atoms(index).iter().any(|atom| atom.number().is_none()) {
                self.keep(sum);
            }
            let scale = Atom::constant(u64::from(address.scale), at);
            let scaled =
                self.values.map(index, |atom| binary(Binary::Mul, Width::W64, atom, scale, at));
            sum =
                self.values.combine(sum, scaled, |a, b| binary(Binary::Add, Width::W64, a, b, at));
        }
        if address.offset == 0 {
            return sum;
        }
        let offset = Atom::constant(address.offset.cast_unsigned(), at);
        self.values.map(sum, |atom| binary(Binary::Add, Width::W64, atom, offset, at))
    }

    /// An address without an index, where it is one only; of what is no address it tells nothing.
    fn plain(&self, state: &State, address: Address, at: u32) -> Option<Atom> {
        if address.index.is_some() {
            return None;
        }
        let base = self.values.only(state.get(address.base?))?;
        match address.offset {
            0 => Some(base),
            offset => {
                let nothing = Atom::unknown(Reason::Arithmetic, at);
                Some(moved(&base, offset, at).unwrap_or(nothing))
            }
        }
    }

    /// The place on the stack that an address is, where it is one only: its region and offset.
    fn stack_place(&mut self, state: &State, address: Address, at: u32) -> Option<(u32, i32)> {
        address.base?;
        let plain = self.plain(state, address, at);
        let only = plain.or_else(|| {
            let address = self.address(state, address, at);
            self.values.only(address)
        });
        match only?.base {
            Base::Stack { region, offset } => Some((region, offset)),
            _ => None,
        }
    }

    /// A value with few unknown bits as all the numbers it may be.
    fn spread(&mut self, set: Set) -> Set {
        let Some(atom) = self.values.only(set) else { return set };
        let open = !(atom.ones | atom.zeros);
        if !matches!(atom.base, Base::Unknown(_) | Base::Given(_)) || open.count_ones() > FEW_BITS {
            return set;
        }
        // Counts through the subsets of the open bits.
        let mut subset = 0_u64;
        let mut numbers = Vec::new();
        loop {
            numbers.push(Atom::constant(atom.ones | subset, atom.at));
            subset = subset.wrapping_sub(open) & open;
            if subset == 0 {
                return self.values.of(numbers);
            }
        }
    }

    fn load(&mut self, state: &State, address: Set, width: Width, at: u32) -> Set {
        let mut loaded: Option<Set> = None;
        for index in 0..self.values.count(address) {
            let atom = self.values.atoms(address)[index];
            let set = self.load_from(state, atom, width, at);
            loaded = Some(match loaded {
                Some(before) => self.values.join(before, set),
                None => set,
            });
        }
        loaded.unwrap_or_else(|| self.values.unknown(Reason::Memory, at))
    }

    fn load_from(&mut self, state: &State, atom: Atom, width: Width, at: u32) -> Set {
        match atom.base {
            Base::Image(rva) => {
                if width == Width::W64
                    && let Some(base) = self.outside.loaded(rva, at)
                {
                    return self.values.one(Atom::address(base, at));
                }
                let mut loaded = self.aims.load(self.places, rva, width.bytes(), at);
                if let Base::Unknown(Reason::Global(_)) = loaded.base {
                    return self.variable(rva, width, loaded, at);
                }
                // What named the slot is the instruction that made its address.
                if let Base::Callee { wanted, .. } = loaded.base
                    && atom.at != 0
                {
                    loaded.base = Base::Callee { wanted, from: atom.at };
                }
                self.values.one(loaded)
            }
            Base::Table { pointer, offset, from } if width == Width::W64 => {
                let entry = self.aims.entry(pointer, offset, from, at);
                self.values.one(entry)
            }
            Base::Stack { region, offset } => match state.stored(region, offset, width.bytes()) {
                Stood::Whole(set) => self.values.map(set, |atom| truncated(atom, width)),
                Stood::Nothing => {
                    let base = missing(self.abi, state.elsewhere(), region, offset);
                    self.values.one(truncated(Atom::address(base, at), width))
                }
                Stood::InPieces => self.values.unknown(Reason::Memory, at),
            },
            _ => self.values.unknown(Reason::Memory, at),
        }
    }

    /// What a variable holds, as far as it was looked into.
    fn variable(&mut self, rva: u32, width: Width, unknown: Atom, at: u32) -> Set {
        let planted = self.aims.planted.get(&rva).filter(|_| width == Width::W64);
        if let Some(planted) = planted {
            let from_here = |atom: &Atom| match atom.base {
                Base::Callee { wanted, .. } => Atom::address(Base::Callee { wanted, from: at }, at),
                _ => Atom { at, ..*atom },
            };
            return self.values.of(planted.iter().map(from_here).collect());
        }
        match self.known.variables.get(&rva) {
            Some((bytes, atoms)) if *bytes >= width.bytes() => {
                let read = |atom: &Atom| truncated(Atom { at, ..*atom }, width);
                self.values.of(atoms.iter().map(read).collect())
            }
            _ => {
                let known = self.read.entry(rva).or_default();
                *known = (*known).max(width.bytes());
                self.values.one(unknown)
            }
        }
    }

    /// What is stored may be given away in turn with what it is stored in, or be read back by way of an
    /// unknown index.
    fn note_stored(&mut self, state: &mut State, set: Set) {
        let is_callee = |atom: &Atom| matches!(atom.base, Base::Callee { .. });
        self.spilled |= self.values.atoms(set).iter().any(is_callee);
        self.escape(state, set);
    }

    fn store(&mut self, state: &mut State, address: Set, width: Width, set: Set, at: u32) {
        self.note_stored(state, set);
        match self.values.only(address).map(|atom| atom.base) {
            Some(Base::Image(place)) => self.plant(set, place),
            _ => self.keep(set),
        }
        self.note_returned(address, width, set);
        for atom in self.values.atoms(address) {
            match atom.base {
                Base::Stack { region, offset } => {
                    let end = offset.saturating_add(i32::from(width.bytes()));
                    state.lose(region, offset, end);
                }
                Base::Frame { region } => state.lose_all(region),
                Base::Image(place) => {
                    if let Some(stores) = &mut self.stores
                        && self.aims.watches(place, width.bytes())
                    {
                        let bytes = Some(width.bytes());
                        stores.push(Stored { at, place, bytes, value: set });
                    }
                }
                // It may point at what escaped; what never did is assumed out of its reach.
                _ => state.forget_escaped(),
            }
        }
    }

    fn smear(&mut self, state: &mut State, address: Set, at: u32) {
        for atom in self.values.atoms(address) {
            match atom.base {
                Base::Stack { region, offset } => state.lose(region, offset, i32::MAX),
                Base::Frame { region } => state.lose_all(region),
                Base::Image(place) => {
                    if let Some(stores) = &mut self.stores
                        && self.aims.watches_behind(place)
                    {
                        stores.push(Stored { at, place, bytes: None, value: address });
                    }
                }
                _ => state.forget_escaped(),
            }
        }
    }

    /// Remembers that what a call returned is stored in a variable of the image.
    fn note_returned(&mut self, address: Set, width: Width, set: Set) {
        if let (Some(to), Some(from)) = (self.values.only(address), self.values.only(set))
            && let (Base::Image(rva), Base::Unknown(Reason::Returned)) = (to.base, from.base)
            && width == Width::W64
        {
            self.outside.note(rva, from.at);
        }
    }

    /// Functions in `set` are now held by the variable at `place`.
    fn plant(&mut self, set: Set, place: u32) {
        for atom in self.values.atoms(set) {
            match atom.base {
                Base::Callee { from, wanted } => drop(self.planted.insert((from, wanted, place))),
                // Where a copy of a table's address is read is not followed.
                Base::Table { from, .. } => drop(self.kept.insert(from)),
                _ => {}
            }
        }
    }

    /// Functions in `set`, and tables of them, are now held by others.
    fn keep(&mut self, set: Set) {
        for atom in self.values.atoms(set) {
            if let Base::Callee { from, .. } | Base::Table { from, .. } = atom.base {
                self.kept.insert(from);
            }
        }
    }

    /// Notes what stands in the result's register where the function returns: its callers may use it.
    pub(crate) fn hand_back(&mut self, state: &State) {
        for atom in self.values.atoms(state.get(self.abi.result)) {
            if let Base::Callee { from, .. } | Base::Table { from, .. } = atom.base {
                self.handed_back.insert(from);
            }
        }
    }

    /// The stack objects whose addresses are in `set` may be reached by others from now on.
    fn escape(&self, state: &mut State, set: Set) {
        for atom in self.values.atoms(set) {
            match atom.base {
                Base::Stack { region, offset } => state.escape(region, offset),
                Base::Frame { region } => state.escape(region, i32::MIN),
                _ => {}
            }
        }
    }

    /// Where the addresses of wanted functions were read that stand on the stack.
    fn on_stack(&self, state: &State) -> Vec<u32> {
        if !self.spilled {
            return Vec::new();
        }
        let atoms = state.on_stack().flat_map(|set| self.values.atoms(set));
        let from = |atom: &Atom| match atom.base {
            Base::Callee { from, .. } => Some(from),
            _ => None,
        };
        atoms.filter_map(from).collect()
    }

    /// An address that stood on the stack and is not known to any more is out of sight, and no less
    /// called for that.
    fn keep_lost(&mut self, state: &State, before: Vec<u32>) {
        if before.is_empty() {
            return;
        }
        let left = self.on_stack(state);
        self.kept.extend(before.into_iter().filter(|from| !left.contains(from)));
    }

    /// What a call leaves behind.
    pub(crate) fn call(&mut self, state: &mut State, target: Target, callee: Callee, at: u32) {
        let goes_to = self.target(state, target, at);
        let only = goes_to.and_then(|set| self.values.only(set)).map(|atom| atom.base);
        if matches!(only, Some(Base::GuardCheck)) {
            // It preserves everything, that the call behind it may find its arguments.
            return;
        }
        let result = self.result(state, callee, at);
        match self.wanted_effect(callee) {
            Effect::TellsVersion => self.tell_version(state),
            Effect::None => {
                self.hand_over(state, at);
                let before = self.on_stack(state);
                state.forget_escaped();
                self.keep_lost(state, before);
            }
            // It looks at nothing but its arguments, and keeps no address.
            effect => self.string_effect(state, effect),
        }
        if let Some(Base::Stack { region, offset }) = self.stack_top(state) {
            // What lies below is free, and the called function's home space is its own.
            let own = callee.parameters.map_or(0, |count| 8 * i32::from(count));
            let above = self.abi.home.max(own);
            state.lose(region, i32::MIN, offset.saturating_add(above));
        }
        // Where does not matter, and with it paths through different calls would not be equal.
        let volatile = self.values.unknown(Reason::Clobbered, 0);
        state.set_all(self.abi.volatile, volatile);
        state.flags = None;
        state.set(self.abi.result, result);
    }

    /// The addresses in argument registers are known to the called function.
    fn hand_over(&mut self, state: &mut State, at: u32) {
        for register in self.abi.arguments {
            let argument = state.get(*register);
            self.escape(state, argument);
            for atom in self.values.atoms(argument) {
                if let Base::Callee { from, .. } = atom.base {
                    self.given.insert((from, at));
                }
            }
        }
    }

    /// What a call returns.
    fn result(&mut self, state: &State, callee: Callee, at: u32) -> Set {
        if let Some(base) = self.outside.given(at) {
            return self.values.one(Atom::address(base, at));
        }
        if let Some(function) = callee.function {
            return self.result_of(state, function, at);
        }
        match self.wanted_effect(callee) {
            Effect::FindsByUnicode { name } => self.find(state, callee, (name, true), at),
            Effect::FindsByAnsi { name } => self.find(state, callee, (name, false), at),
            Effect::TellsVersion if self.known.build.is_some() => self.values.constant(0, at),
            _ => self.values.unknown(Reason::Returned, at),
        }
    }

    fn wanted_effect(&self, callee: Callee) -> Effect {
        callee.wanted.map_or(Effect::None, |wanted| self.aims.effect(wanted))
    }

    /// What a function of the image returns, of which its arguments may be a part.
    fn result_of(&mut self, state: &State, function: u32, at: u32) -> Set {
        let Some(results) = self.known.results.get(&function).cloned() else {
            return self.values.unknown(Reason::ReturnedBy(Rva(function)), at);
        };
        let mut all = Vec::new();
        for result in results {
            match result.base {
                Base::Given(index) => {
                    let given = self.argument(state, index, 0, at);
                    let passed =
                        self.values.atoms(given).iter().map(|atom| match atom.is_number() {
                            true => Atom { at, ..passed_on(atom, &result) },
                            false => Atom::unknown(Reason::Address, at),
                        });
                    all.extend(passed);
                }
                _ => all.push(Atom { at, ..result }),
            }
        }
        self.values.of(all)
    }

    /// The function that a call finds by its name.
    fn find(&mut self, state: &State, callee: Callee, (name, wide): (u8, bool), at: u32) -> Set {
        let argument = self.argument(state, name, 0, at);
        let mut results = Vec::new();
        for atom in self.values.atoms(argument).to_vec() {
            let names = match wide {
                true => self.unicode(state, &atom),
                false => vec![names::ansi(self.places, &atom)],
            };
            for name in names {
                let known = name.as_deref().and_then(|name| self.aims.called(name));
                results.push(match known {
                    Some(wanted) => Atom::address(Base::Callee { wanted, from: at }, at),
                    None => Atom::unknown(Reason::Returned, at),
                });
                self.found.insert((at, callee.wanted.unwrap_or(u32::MAX), name));
            }
        }
        self.values.of(results)
    }

    /// The texts that a `UNICODE_STRING` at this address may stand for.
    fn unicode(&self, state: &State, atom: &Atom) -> Vec<Option<String>> {
        match atom.base {
            Base::Image(rva) => vec![names::unicode_string(self.places, rva)],
            Base::Stack { region, offset } => {
                let buffer = offset.saturating_add(names::BUFFER);
                let length = match state.stored(region, offset, 2) {
                    Stood::Whole(set) => self.values.only(set).and_then(|atom| atom.number()),
                    _ => None,
                };
                match (state.stored(region, buffer, 8), length) {
                    (Stood::Whole(set), Some(length)) => {
                        let texts = self.values.atoms(set).iter();
                        texts.map(|text| names::wide(self.places, text, length as u16)).collect()
                    }
                    _ => vec![None],
                }
            }
            _ => vec![None],
        }
    }

    /// The call writes to nothing else. Windows 10 and later call themselves version 10.0.
    fn tell_version(&mut self, state: &mut State) {
        let to = self.abi.arguments.first().map(|register| state.get(*register));
        let Some(Base::Stack { region, offset }) =
            to.and_then(|to| self.values.only(to)).map(|atom| atom.base)
        else {
            return state.forget_escaped();
        };
        state.lose(region, offset, offset.saturating_add(VERSION_INFO));
        let Some(build) = self.known.build else { return };
        for (place, number) in VERSION.into_iter().zip([10, 0, build]) {
            // Which 10.0 it is shows in the build alone.
            let origin = if number == build { BUILD } else { 0 };
            let number = Atom { origin, ..Atom::constant(u64::from(number), 0) };
            let number = self.values.one(number);
            state.store(region, offset.saturating_add(place), 4, number);
        }
    }

    fn string_effect(&mut self, state: &mut State, effect: Effect) {
        if effect != Effect::SetsString {
            return;
        }
        let [to, text, ..] = self.abi.arguments else { return };
        let (to, text) = (state.get(*to), state.get(*text));
        match self.values.only(to).map(|atom| atom.base) {
            Some(Base::Stack { region, offset }) => {
                state.lose(region, offset, offset.saturating_add(names::BUFFER));
                let length = self.values.constant(u64::from(names::TO_ITS_END), 0);
                state.store(region, offset, 2, length);
                state.store(region, offset.saturating_add(names::BUFFER), 8, text);
            }
            _ => state.forget_escaped(),
        }
    }

    /// Where a call goes; `None` for code at a known place.
    pub(crate) fn target(&mut self, state: &State, target: Target, at: u32) -> Option<Set> {
        match target {
            Target::Code(_) => None,
            Target::Register(register) | Target::Memory(register) => Some(state.get(register)),
            Target::Pointer(place) => Some(self.load_pointer(state, place, at)),
        }
    }

    /// What the pointer at `place` holds.
    pub(crate) fn load_pointer(&mut self, state: &State, place: u32, at: u32) -> Set {
        // That it is named is the instruction's doing, not that of a value before it.
        self.load_from(state, Atom::address(Base::Image(place), 0), Width::W64, at)
    }

    /// Where the stack pointer points.
    pub(crate) fn stack_top(&self, state: &State) -> Option<Base> {
        self.values.only(state.get(self.abi.stack_pointer)).map(|atom| atom.base)
    }

    /// The value of argument `index` before a call, `above` bytes of the stack being the call's own.
    pub(crate) fn argument(&mut self, state: &State, index: u8, above: i32, at: u32) -> Set {
        if let Some(register) = self.abi.arguments.get(usize::from(index)) {
            return state.get(*register);
        }
        match (self.stack_top(state), self.abi.on_stack(index)) {
            (Some(Base::Stack { region, offset }), Some(place)) => {
                let offset = offset.saturating_add(place).saturating_add(above);
                let place = Atom::address(Base::Stack { region, offset }, at);
                self.load_argument(state, place, at)
            }
            _ => self.values.unknown(Reason::Stack, at),
        }
    }

    /// An argument on the stack: one stored with fewer bytes than a slot has counts as far as it goes.
    fn load_argument(&mut self, state: &State, place: Atom, at: u32) -> Set {
        let Base::Stack { region, offset } = place.base else {
            return self.values.unknown(Reason::Stack, at);
        };
        for width in [Width::W64, Width::W32, Width::W16, Width::W8] {
            if let Stood::Whole(set) = state.stored(region, offset, width.bytes()) {
                return self.values.map(set, |atom| open_above(atom, width));
            }
        }
        self.load_from(state, place, Width::W64, at)
    }
}

/// What a function returns that does this with a parameter which is `given`.
fn passed_on(given: &Atom, result: &Atom) -> Atom {
    let ones = given.ones & !result.zeros | result.ones;
    let zeros = given.zeros & !result.ones | result.zeros;
    given.with_bits(ones, zeros)
}

/// What stands on the stack where nothing was stored.
fn missing(abi: &Abi, elsewhere: Elsewhere, region: u32, offset: i32) -> Base {
    match elsewhere {
        Elsewhere::FromBefore => Base::Unknown(Reason::Entry),
        Elsewhere::AsAtStart if region == 0 => {
            abi.parameter_at(offset).map_or(Base::Unknown(Reason::Memory), Base::Given)
        }
        _ => Base::Unknown(Reason::Memory),
    }
}

/// The low `width` bits, the others zero. An address cut short is a number that is not known.
fn truncated(atom: Atom, width: Width) -> Atom {
    match atom.base {
        _ if width == Width::W64 => atom,
        Base::Constant | Base::Unknown(_) | Base::Given(_) => {
            let mask = width.mask();
            atom.with_bits(atom.ones & mask, atom.zeros | !mask)
        }
        _ => Atom { base: Base::Unknown(Reason::Address), ones: 0, zeros: !width.mask(), ..atom },
    }
}

/// The low `width` bits, of the others nothing known: the caller may have left anything there.
fn open_above(atom: Atom, width: Width) -> Atom {
    if width == Width::W64 {
        return atom;
    }
    let mask = width.mask();
    let (ones, zeros) = (atom.ones & mask, atom.zeros & mask);
    Atom { origin: atom.origin, ..Atom::of_bits(ones, zeros, atom.reason(), atom.at) }
}
