//! What loads and stores do, and where addresses lead.

use super::{FEW_BITS, MOST_ENTRIES, Stored, Transfer, missing, truncated};
use crate::Reason;
use crate::arithmetic::{binary, moved};
use crate::domain::{Atom, Base, Set};
use crate::ir::{Address, Binary, Width};
use crate::state::{State, Stood};

impl Transfer<'_> {
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
    pub(super) fn plain(&self, state: &State, address: Address, at: u32) -> Option<Atom> {
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
    pub(super) fn stack_place(
        &mut self,
        state: &State,
        address: Address,
        at: u32,
    ) -> Option<(u32, i32)> {
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
    pub(super) fn spread(&mut self, set: Set) -> Set {
        let Some(atom) = self.values.only(set) else { return set };
        let open = !(atom.ones | atom.zeros);
        if !matches!(atom.base, Base::Unknown(_) | Base::Given(_)) || open.count_ones() > FEW_BITS {
            return set;
        }
        // Counts through the subsets of the open bits.
        let most = atom.range(u64::MAX).1;
        let mut subset = 0_u64;
        let mut numbers = Vec::new();
        loop {
            if atom.ones | subset <= most {
                numbers.push(Atom::constant(atom.ones | subset, atom.at));
            }
            subset = subset.wrapping_sub(open) & open;
            if subset == 0 {
                return if numbers.is_empty() { set } else { self.values.of(numbers) };
            }
        }
    }

    /// What is read from a table that nobody writes to, of which more entries may be meant than a value has
    /// possibilities.
    pub(super) fn entries(
        &mut self,
        state: &State,
        from: Address,
        width: Width,
        at: u32,
    ) -> Option<Set> {
        let index = self.values.only(state.get(from.index?))?;
        if self.has_tables(state.get(from.base?)) {
            return None;
        }
        let base = self.values.only(state.get(from.base?))?.base;
        let is_before = |base: Base| base == Base::Unknown(Reason::Entry);
        if self.fields.partly && (is_before(base) || is_before(index.base)) {
            // The code before may tell which entry it is.
            return Some(self.values.unknown(Reason::Entry, at));
        }
        let Base::Image(start) = base else { return None };
        let open = !(index.ones | index.zeros);
        if !index.is_number() || open.count_ones() <= FEW_BITS {
            return None;
        }
        let most = index.range(u64::MAX).1;
        if most >= MOST_ENTRIES {
            self.reads_table = true;
            return None;
        }
        let start = i64::from(start).checked_add(from.offset)?;
        let mut numbers: Vec<u64> = Vec::new();
        let meant = |entry: &u64| entry & index.ones == index.ones && entry & index.zeros == 0;
        for entry in (0..=most).filter(meant) {
            let place = start.checked_add(entry.cast_signed() * i64::from(from.scale))?;
            let there = self.places.constant(u32::try_from(place).ok()?, width.bytes(), at)?;
            numbers.push(there.number()?);
        }
        numbers.sort_unstable();
        numbers.dedup();
        Some(self.values.of(numbers.into_iter().map(|number| Atom::constant(number, at)).collect()))
    }

    pub(super) fn load(&mut self, state: &State, address: Set, width: Width, at: u32) -> Set {
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

    pub(super) fn load_from(&mut self, state: &State, atom: Atom, width: Width, at: u32) -> Set {
        match atom.base {
            Base::Image(rva) => {
                if width == Width::W64
                    && let Some(base) = self.outside.loaded(rva, at)
                {
                    return self.values.one(Atom::address(base, at));
                }
                if self.aims.has_tables() && self.aims.array_around(rva).is_some() {
                    self.tables_read.insert(atom.at);
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
                self.tables_read.insert(from);
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
    pub(super) fn variable(&mut self, rva: u32, width: Width, unknown: Atom, at: u32) -> Set {
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
    pub(super) fn note_stored(&mut self, state: &mut State, set: Set) {
        let is_callee = |atom: &Atom| matches!(atom.base, Base::Callee { .. });
        self.spilled |= self.values.atoms(set).iter().any(is_callee)
            || self.has_tables(set) && self.tables_in(set).next().is_some();
        self.escape(state, set);
    }

    pub(super) fn store(
        &mut self,
        state: &mut State,
        address: Set,
        width: Width,
        set: Set,
        at: u32,
    ) {
        self.note_stored(state, set);
        match self.values.only(address).map(|atom| atom.base) {
            Some(Base::Image(place)) => self.plant(set, place),
            _ => self.keep(set),
        }
        self.note_returned(address, width, set);
        let mut anywhere = false;
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
                _ => {
                    state.forget_escaped();
                    anywhere = true;
                }
            }
        }
        if anywhere {
            self.forget_steady(state);
        }
    }

    pub(super) fn smear(&mut self, state: &mut State, address: Set, at: u32) {
        let mut anywhere = false;
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
                _ => {
                    state.forget_escaped();
                    anywhere = true;
                }
            }
        }
        if anywhere {
            self.forget_steady(state);
        }
    }

    /// Remembers that what a call returned is stored in a variable of the image.
    pub(super) fn note_returned(&mut self, address: Set, width: Width, set: Set) {
        if let (Some(to), Some(from)) = (self.values.only(address), self.values.only(set))
            && let Base::Image(rva) = to.base
            && width == Width::W64
        {
            match from.base {
                Base::Unknown(Reason::Returned | Reason::ReturnedBy(_)) => {
                    self.outside.note(rva, from.at);
                }
                Base::Returned { call } => self.outside.note(rva, call),
                _ => {}
            }
        }
    }

    /// Functions in `set` are now held by the variable at `place`.
    pub(super) fn plant(&mut self, set: Set, place: u32) {
        for atom in self.values.atoms(set) {
            if let Base::Callee { from, wanted } = atom.base {
                self.planted.insert((from, wanted, place));
            }
        }
        // Where a copy of a table's address is read is not followed.
        self.lose_tables(set);
    }

    /// Functions in `set`, and tables of them, are now held by others.
    pub(super) fn keep(&mut self, set: Set) {
        for atom in self.values.atoms(set) {
            if let Base::Callee { from, .. } = atom.base {
                self.kept.insert(from);
            }
        }
        self.lose_tables(set);
    }

    /// Tables in `set` are now held by others: which of their entries those call is not followed.
    pub(super) fn lose_tables(&mut self, set: Set) {
        if self.has_tables(set) {
            let tables: Vec<_> = self.tables_in(set).collect();
            self.tables_lost.extend(tables);
        }
    }

    /// Tables in `set` stand in a register that may be one of an argument.
    pub(super) fn leave_tables(&mut self, set: Set) {
        if self.has_tables(set) {
            let tables: Vec<_> = self.tables_in(set).collect();
            self.tables_left.extend(tables);
        }
    }

    /// Whether there may be tables in `set` at all.
    pub(super) fn has_tables(&self, set: Set) -> bool {
        self.aims.has_tables() && self.values.may_be_code(set)
    }

    /// Where the addresses of tables in `set` were made, and of pointers to them, and which those are.
    fn tables_in(&self, set: Set) -> impl Iterator<Item = (u32, u32)> {
        self.values.atoms(set).iter().filter_map(|atom| match atom.base {
            Base::Table { pointer, from, .. } => Some((from, pointer)),
            Base::Image(place) => Some((atom.at, self.aims.table_around(place)?)),
            _ => None,
        })
    }

    /// Notes what stands in the result's register where the function returns: its callers may use it.
    pub(crate) fn hand_back(&mut self, state: &State) {
        let result = state.get(self.abi.result);
        for atom in self.values.atoms(result) {
            if let Base::Callee { from, .. } = atom.base {
                self.handed_back.insert(from);
            }
        }
        if self.has_tables(result) {
            let tables: Vec<_> = self.tables_in(result).collect();
            self.tables_handed_back.extend(tables);
        }
    }

    /// The stack objects whose addresses are in `set` may be reached by others from now on.
    pub(super) fn escape(&self, state: &mut State, set: Set) {
        for atom in self.values.atoms(set) {
            match atom.base {
                Base::Stack { region, offset } => state.escape(region, offset),
                Base::Frame { region } => state.escape(region, i32::MIN),
                _ => {}
            }
        }
    }

    /// What stands on the stack that leads to wanted functions.
    pub(super) fn on_stack(&self, state: &State) -> OnStack {
        let mut there = OnStack::default();
        if !self.spilled {
            return there;
        }
        for set in state.on_stack().filter(|set| self.values.may_be_code(*set)) {
            for atom in self.values.atoms(set) {
                if let Base::Callee { from, .. } = atom.base {
                    there.functions.push(from);
                }
            }
            if self.has_tables(set) {
                there.tables.extend(self.tables_in(set));
            }
        }
        there
    }

    /// An address that stood on the stack and is not known to any more is out of sight, and no less
    /// called for that.
    pub(super) fn keep_lost(&mut self, state: &State, before: OnStack) {
        if before.functions.is_empty() && before.tables.is_empty() {
            return;
        }
        let left = self.on_stack(state);
        self.kept
            .extend(before.functions.into_iter().filter(|from| !left.functions.contains(from)));
        self.tables_lost.extend(before.tables.into_iter().filter(|one| !left.tables.contains(one)));
    }
}

/// Where addresses were made that stand on the stack: of wanted functions, and of tables, as which those are.
#[derive(Default)]
pub(super) struct OnStack {
    functions: Vec<u32>,
    tables: Vec<(u32, u32)>,
}
