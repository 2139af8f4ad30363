//! What one operation does to what is known.

use crate::Reason;
use crate::abi::Abi;
use crate::arithmetic::{binary, extend, merge, moved};
use crate::domain::{Atom, Base, Set, Values};
use crate::ir::{Address, Binary, Op, Reg, Source, Target, Width};
use crate::outside::Outside;
use crate::places::Places;
use crate::state::{Elsewhere, State, Stored};
use std::collections::HashSet;

/// An address of which at most this many bits are unknown is taken for all it may be: a table of two,
/// four or eight entries.
const FEW_BITS: u32 = 3;

/// Carries what is known over operations, for one function.
pub(crate) struct Transfer<'a> {
    pub(crate) values: Values,
    pub(crate) places: &'a Places<'a>,
    pub(crate) abi: &'static Abi,
    /// Where addresses of wanted functions were read that were stored since.
    pub(crate) kept: HashSet<u32>,
    /// Whether one was stored at all, be it on the stack.
    pub(crate) spilled: bool,
    /// Where they were read that were handed to a call, and to which.
    given: HashSet<(u32, u32)>,
    /// Addresses outside the image that are followed.
    pub(crate) outside: Outside,
}

impl<'a> Transfer<'a> {
    pub(crate) fn new(places: &'a Places<'a>, abi: &'static Abi) -> Transfer<'a> {
        Transfer {
            values: Values::default(),
            places,
            abi,
            kept: HashSet::new(),
            spilled: false,
            given: HashSet::new(),
            outside: Outside::default(),
        }
    }

    /// Forgets everything: another function follows.
    pub(crate) fn clear(&mut self) {
        self.values.clear();
        self.kept.clear();
        self.spilled = false;
        self.given.clear();
    }

    /// Where addresses of wanted functions were read that others hold now: stored, or handed to more
    /// than one call.
    pub(crate) fn held_by_others(&self) -> HashSet<u32> {
        let mut held = self.kept.clone();
        let mut once = HashSet::new();
        held.extend(self.given.iter().map(|(from, _)| *from).filter(|from| !once.insert(*from)));
        held
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
                self.write(state, to, width, set);
            }
            Op::Extend { to, width, from, narrow, signed } => {
                let set = state.get(from);
                let set = self.values.map(set, |atom| extend(atom, narrow, width, signed, at));
                self.write(state, to, width, set);
            }
            Op::Maybe { to, width, from } => {
                let (old, new) = (state.get(to), self.source(state, from, at));
                let set = self.values.join(old, new);
                self.write(state, to, width, set);
            }
            Op::Either { to, width, other } => {
                let atoms = vec![Atom::constant(0, at), Atom::constant(other & width.mask(), at)];
                let set = self.values.of(atoms);
                self.write(state, to, width, set);
            }
            Op::Load { to, width, from } => {
                let address = self.address(state, from, at);
                let set = self.load(state, address, width, at);
                self.write(state, to, width, set);
            }
            Op::Store { to, width, value } => {
                let address = self.address(state, to, at);
                let set = self.source(state, value, at);
                let before = self.on_stack(state);
                self.store(state, address, width, set);
                if self.values.only(address).is_none_or(|a| !matches!(a.base, Base::Stack { .. })) {
                    self.keep_lost(state, before);
                }
            }
            Op::Smear { from } => {
                let address = self.address(state, from, at);
                let before = self.on_stack(state);
                self.smear(state, address);
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
        let dead = self.values.unknown(Reason::Entry, 0);
        state.set_all(self.abi.scratch, dead);
    }

    /// Joins what is known after one block into what is known before another; whether that changed.
    pub(crate) fn join(&mut self, known: &mut State, after: &State, widen: bool) -> bool {
        let abi = self.abi;
        known.join(&mut self.values, after, widen, |values, elsewhere, region, offset| {
            values.unknown(missing(abi, elsewhere, region, offset), 0)
        })
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

    /// A value with few unknown bits as all the numbers it may be.
    fn spread(&mut self, set: Set) -> Set {
        let Some(atom) = self.values.only(set) else { return set };
        let open = !(atom.ones | atom.zeros);
        if !matches!(atom.base, Base::Unknown(_)) || open.count_ones() > FEW_BITS {
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
                let mut loaded = self.places.load(rva, width.bytes(), at);
                // What named the slot is the instruction that made its address.
                if let Base::Callee { wanted, .. } = loaded.base
                    && atom.at != 0
                {
                    loaded.base = Base::Callee { wanted, from: atom.at };
                }
                self.values.one(loaded)
            }
            Base::Table { pointer, offset, from } if width == Width::W64 => {
                let entry = self.places.entry(pointer, offset, from, at);
                self.values.one(entry)
            }
            Base::Stack { region, offset } => match state.stored(region, offset, width.bytes()) {
                Stored::Whole(set) => self.values.map(set, |atom| truncated(atom, width)),
                Stored::Nothing => {
                    let reason = missing(self.abi, state.elsewhere(), region, offset);
                    self.values.unknown(reason, at)
                }
                Stored::InPieces => self.values.unknown(Reason::Memory, at),
            },
            _ => self.values.unknown(Reason::Memory, at),
        }
    }

    fn store(&mut self, state: &mut State, address: Set, width: Width, set: Set) {
        let is_callee = |atom: &Atom| matches!(atom.base, Base::Callee { .. });
        self.spilled |= self.values.atoms(set).iter().any(is_callee);
        // What it is stored in may be given away in turn, or be read back by way of an unknown index.
        self.escape(state, set);
        if let Some(Base::Stack { region, offset }) = self.values.only(address).map(|a| a.base) {
            state.store(region, offset, width.bytes(), set);
            return;
        }
        self.keep(set);
        self.note_returned(address, width, set);
        for atom in self.values.atoms(address) {
            match atom.base {
                Base::Stack { region, offset } => {
                    let end = offset.saturating_add(i32::from(width.bytes()));
                    state.lose(region, offset, end);
                }
                Base::Frame { region } => state.lose_all(region),
                Base::Image(_) => {}
                // It may point at what escaped; what never did is assumed out of its reach.
                _ => state.forget_escaped(),
            }
        }
    }

    fn smear(&mut self, state: &mut State, address: Set) {
        for atom in self.values.atoms(address) {
            match atom.base {
                Base::Stack { region, offset } => state.lose(region, offset, i32::MAX),
                Base::Frame { region } => state.lose_all(region),
                Base::Image(_) => {}
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

    /// Functions in `set` are now held by others.
    fn keep(&mut self, set: Set) {
        for atom in self.values.atoms(set) {
            if let Base::Callee { from, .. } = atom.base {
                self.kept.insert(from);
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

    /// What a call leaves behind. `own` is how many parameters the called function has, if that is
    /// known: their places on the stack are its own to change.
    pub(crate) fn call(&mut self, state: &mut State, target: Target, own: Option<u8>, at: u32) {
        let goes_to = self.target(state, target, at);
        let only = goes_to.and_then(|set| self.values.only(set)).map(|atom| atom.base);
        if only == Some(Base::GuardCheck) {
            // It preserves everything, that the call behind it may find its arguments.
            return;
        }
        for register in self.abi.arguments {
            let argument = state.get(*register);
            self.escape(state, argument);
            for atom in self.values.atoms(argument) {
                if let Base::Callee { from, .. } = atom.base {
                    self.given.insert((from, at));
                }
            }
        }
        let before = self.on_stack(state);
        state.forget_escaped();
        self.keep_lost(state, before);
        if let Some(Base::Stack { region, offset }) = self.stack_top(state) {
            // What lies below is free, and the called function's home space is its own.
            let above = self.abi.home.max(own.map_or(0, |count| 8 * i32::from(count)));
            state.lose(region, i32::MIN, offset.saturating_add(above));
        }
        // Where does not matter, and with it paths through different calls would not be equal.
        let volatile = self.values.unknown(Reason::Clobbered, 0);
        state.set_all(self.abi.volatile, volatile);
        let returned = match self.outside.given(at) {
            Some(base) => Atom::address(base, at),
            None => Atom::unknown(Reason::Returned, at),
        };
        state.set(self.abi.result, self.values.one(returned));
    }

    /// Where a call goes; `None` for code at a known place.
    pub(crate) fn target(&mut self, state: &State, target: Target, at: u32) -> Option<Set> {
        match target {
            Target::Code(_) => None,
            Target::Register(register) | Target::Memory(register) => Some(state.get(register)),
            Target::Pointer(place) => Some(self.values.one(self.places.load(place, 8, at))),
        }
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
            if let Stored::Whole(set) = state.stored(region, offset, width.bytes()) {
                return self.values.map(set, |atom| open_above(atom, width));
            }
        }
        self.load_from(state, place, Width::W64, at)
    }
}

/// Why what stands on the stack is not known where nothing was stored.
fn missing(abi: &Abi, elsewhere: Elsewhere, region: u32, offset: i32) -> Reason {
    match elsewhere {
        Elsewhere::FromBefore => Reason::Entry,
        Elsewhere::AsAtStart if region == 0 => {
            abi.parameter_at(offset).map_or(Reason::Memory, Reason::Parameter)
        }
        _ => Reason::Memory,
    }
}

/// The low `width` bits, the others zero. An address cut short is a number that is not known.
fn truncated(atom: Atom, width: Width) -> Atom {
    match atom.base {
        _ if width == Width::W64 => atom,
        Base::Constant | Base::Unknown(_) => {
            let mask = width.mask();
            let (ones, zeros) = (atom.ones & mask, atom.zeros | !mask);
            Atom::of_bits(ones, zeros, atom.reason(), atom.at)
        }
        _ => Atom {
            base: Base::Unknown(Reason::Address),
            ones: 0,
            zeros: !width.mask(),
            at: atom.at,
        },
    }
}

/// The low `width` bits, of the others nothing known: the caller may have left anything there.
fn open_above(atom: Atom, width: Width) -> Atom {
    if width == Width::W64 {
        return atom;
    }
    let mask = width.mask();
    Atom::of_bits(atom.ones & mask, atom.zeros & mask, atom.reason(), atom.at)
}
