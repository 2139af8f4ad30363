//! What one operation does to what is known.

mod calls;
mod memory;

use crate::Reason;
use crate::abi::Abi;
use crate::aims::{Aims, Finder, Spelling};
use crate::analysis::{Along, Found};
use crate::arithmetic::{binary, extend, merge, moved};
use crate::compared::{Compared, Place};
use crate::domain::{Atom, Base, Most, Set, Values};
use crate::fields::Fields;
use crate::ir::{Address, Binary, Comparison, Condition, Op, Reg, Source, Width};
use crate::outside::Outside;
use crate::places::Places;
use crate::state::{Changed, Elsewhere, State, Stood};
use foldhash::{HashSet, HashSetExt};
use std::collections::{BTreeMap, BTreeSet};

/// An address of which at most this many bits are unknown is taken for all it may be: a table of two,
/// four or eight entries.
const FEW_BITS: u32 = 3;
/// Entries of a table that are all looked at where it is not known which is meant.
const MOST_ENTRIES: u64 = 256;

/// Numbers that are remembered for being compared.
const MOST_RANGED: usize = 16;

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

/// Stands for a wanted function where what is found by a name that is not known is followed.
pub(crate) const FOUND: u32 = u32::MAX;

/// What is called, as far as it is known.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Callee {
    /// The wanted function, if it is that one whatever path is taken.
    pub(crate) wanted: Option<u32>,
    /// How many parameters it has: their places on the stack are its own to change.
    pub(crate) parameters: Option<u8>,
    /// The function of the image.
    pub(crate) function: Option<u32>,
    /// What that finds by name.
    pub(crate) finder: Option<Finder>,
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
    /// Calls that find a function by a name which the function around them is given, and in which parameter;
    /// nothing where it may also be another one.
    pub(crate) handed_names: BTreeMap<u32, Option<(u8, Spelling)>>,
    /// Whether what such calls find is followed as if it were wanted, as [`FOUND`].
    pub(crate) follows_found: bool,
    /// Parameters that some branch or choice depends on.
    pub(crate) conditions: BTreeSet<u8>,
    /// What is not known for a reason that a value does not tell, as it was put together with what is not known for
    /// another one.
    pub(crate) joined: BTreeSet<Reason>,
    /// Whether some branch or choice depends on the build of Windows.
    pub(crate) asks_for_build: bool,
    /// Where addresses of wanted functions were read that were stored since.
    pub(crate) kept: HashSet<u32>,
    /// Where those were read that the function may return.
    pub(crate) handed_back: HashSet<u32>,
    /// Whether one was stored at all, be it on the stack.
    pub(crate) spilled: bool,
    /// Where they were read that were handed to a call, which, and to which call.
    given: HashSet<(u32, u32, u32)>,
    /// Where the address of a table of functions was made, or of a pointer to one, that others hold now; and which.
    pub(crate) tables_lost: BTreeSet<(u32, u32)>,
    /// In the same way, of those in registers of arguments that a call may not have at all.
    pub(crate) tables_left: BTreeSet<(u32, u32)>,
    /// Where the addresses of tables were made that entries were read by.
    pub(crate) tables_read: BTreeSet<u32>,
    /// In the same way, of those that the function may return.
    pub(crate) tables_handed_back: BTreeSet<(u32, u32)>,
    /// Addresses outside the image that are followed.
    pub(crate) outside: Outside,
    /// Memory that parameters lead to.
    pub(crate) fields: Fields,
    /// Whether it is followed how large numbers are by what they are compared with: that takes more states, and
    /// tells more of few functions only.
    pub(crate) ranges: bool,
    /// Where it is not: what was compared so.
    pub(crate) ranged: Vec<Base>,
    /// Whether something was read from a table, and which entry is not known.
    pub(crate) reads_table: bool,
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
            handed_names: BTreeMap::new(),
            follows_found: false,
            conditions: BTreeSet::new(),
            joined: BTreeSet::new(),
            asks_for_build: false,
            kept: HashSet::new(),
            handed_back: HashSet::new(),
            spilled: false,
            given: HashSet::new(),
            tables_lost: BTreeSet::new(),
            tables_left: BTreeSet::new(),
            tables_read: BTreeSet::new(),
            tables_handed_back: BTreeSet::new(),
            outside: Outside::default(),
            fields: Fields::default(),
            ranges: false,
            ranged: Vec::new(),
            reads_table: false,
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
        self.handed_names.clear();
        self.conditions.clear();
        self.joined.clear();
        self.asks_for_build = false;
        self.kept.clear();
        self.handed_back.clear();
        self.spilled = false;
        self.given.clear();
        self.tables_lost.clear();
        self.tables_left.clear();
        self.tables_read.clear();
        self.tables_handed_back.clear();
        self.fields.clear();
        self.ranged.clear();
        self.reads_table = false;
    }

    /// Where addresses of wanted functions were read that others hold now: stored, or handed to more
    /// than one call.
    pub(crate) fn held_by_others(&self) -> HashSet<u32> {
        let mut held = self.kept.clone();
        let mut once = HashSet::new();
        held.extend(self.given.iter().map(|(from, ..)| *from).filter(|from| !once.insert(*from)));
        held
    }

    /// Where addresses of wanted functions were read that were handed to a call, and of which.
    pub(crate) fn given_to_calls(&self) -> BTreeSet<(u32, u32)> {
        self.given.iter().map(|(from, wanted, _)| (*from, *wanted)).collect()
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
                    None => self.either(state, (old, new), (Source::Reg(to), from), when, at),
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
                    Some(atom) if tells_nothing(atom.base) => {
                        self.load_unknown(state, from, width, at)
                    }
                    Some(atom) => {
                        let set = self.load_from(state, atom, width, at);
                        self.field(state, (from, width), set, at)
                    }
                    None => {
                        let set = match self.entries(state, from, width, at) {
                            Some(set) => set,
                            None => {
                                let address = self.address(state, from, at);
                                self.load(state, address, width, at)
                            }
                        };
                        self.field(state, (from, width), set, at)
                    }
                };
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
            Op::Remainder { to, width, by } => {
                let by = self.source(state, by, at);
                let largest = self.values.atoms(by).iter().map(|atom| atom.range(width.mask()).1);
                let most = largest.max().unwrap_or(width.mask()).saturating_sub(1);
                let above = u64::MAX.checked_shr(most.leading_zeros()).unwrap_or(0);
                let atom = Atom::of_bits(0, !above, Reason::Arithmetic, at);
                state.set(to, self.values.one(atom.no_more_than(Most::of(width, most))));
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
    /// matter; what changed.
    pub(crate) fn join(
        &mut self,
        known: &mut State,
        after: &State,
        live: u64,
        widen: bool,
    ) -> Changed {
        let (abi, fields) = (self.abi, &self.fields);
        let how = (live, widen);
        known.join(&mut self.values, after, how, |values, elsewhere, region, offset| {
            if fields.read_steady
                && let Some(reason) = fields.unnoted(region, offset)
            {
                return values.unknown(reason, 0);
            }
            values.one(Atom::address(missing(abi, elsewhere, region, offset), 0))
        })
    }

    /// Whether a condition holds, where what is known decides that.
    fn decided(&mut self, state: &State, when: Condition) -> Option<bool> {
        let flags = state.flags?;
        self.depends_on(&flags);
        flags.decides(&self.values, when)
    }

    /// What a register holds that stays `old`, or becomes `new` where the condition holds: where one of the two is what
    /// was compared, no more of it than fits.
    fn either(
        &mut self,
        state: &State,
        (old, new): (Set, Set),
        (to, from): (Source, Source),
        when: Condition,
        at: u32,
    ) -> Set {
        let compared = state.flags.as_ref().map(|flags| flags.left);
        let is_it = compared == Some(old) || compared == Some(new);
        // Of what is any number nothing is learnt: what else is one is another.
        let tells = |atom: Atom| match atom.base {
            Base::Given(_) => true,
            Base::Unknown(reason) => {
                matches!(reason, Reason::Field(_) | Reason::Global(_) | Reason::ReturnedBy(_))
            }
            _ => false,
        };
        if !is_it || !compared.and_then(|set| self.values.only(set)).is_some_and(tells) {
            return self.values.join(old, new);
        }
        let mut one = |holds: bool, plain: Set| match self.assuming(state, when, holds) {
            Along::Same => Some(plain),
            Along::Never => None,
            Along::Narrowed(narrowed) => {
                let set = self.source(&narrowed, if holds { from } else { to }, at);
                self.spare.push(narrowed);
                Some(set)
            }
        };
        match (one(false, old), one(true, new)) {
            (Some(old), Some(new)) => self.values.join(old, new),
            (Some(only), None) | (None, Some(only)) => only,
            (None, None) => self.values.join(old, new),
        }
    }

    /// What is known where a branch is taken or not.
    pub(crate) fn assuming(&mut self, state: &State, when: Condition, taken: bool) -> Along {
        let Some(flags) = state.flags else { return Along::Same };
        self.depends_on(&flags);
        let when = if taken { when } else { when.opposite() };
        if !flags.tells(&self.values, when) {
            if let Some(base) = flags.ranged(&self.values, when)
                && self.ranged.len() < MOST_RANGED
                && !self.ranged.contains(&base)
            {
                self.ranged.push(base);
            }
            return Along::Same;
        }
        let steady = match self.values.only(flags.left).map(|left| left.base) {
            Some(Base::Unknown(Reason::Field(path))) if self.fields.read_steady => {
                self.fields.steady_place(&path)
            }
            _ => None,
        };
        let mut state = self.copy(state);
        if flags.assume(&mut self.values, &mut state, when, steady) {
            return Along::Narrowed(state);
        }
        self.spare.push(state);
        Along::Never
    }

    /// Whether arguments of calls may be known better where it is followed how large numbers are.
    pub(crate) fn ranges_may_tell(&self, found: &Found) -> bool {
        let by_table = |base: Base| {
            self.reads_table && matches!(base, Base::Unknown(Reason::Memory | Reason::Arithmetic))
        };
        let is_open = |atom: &Atom| self.ranged.contains(&atom.base) || by_table(atom.base);
        let arguments = found.sites.iter().flat_map(|site| &site.arguments);
        !self.ranged.is_empty() && arguments.flat_map(|(_, atoms)| atoms).any(is_open)
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
        Compared { what, left, right, width, place, ranges: self.ranges }
    }

    /// What an operand holds.
    pub(crate) fn source(&mut self, state: &State, source: Source, at: u32) -> Set {
        match source {
            Source::Reg(register) => state.get(register),
            Source::Number(number) => self.values.constant(number, at),
            Source::Image(rva) => self.values.one(Atom::address(Base::Image(rva), at)),
        }
    }

    /// Notes what others choose of two values that are put together: the result tells of one reason only.
    fn note_joined(&mut self, a: Set, b: Set) {
        let open = |atom: &Atom| matches!(atom.base, Base::Unknown(_) | Base::Given(_));
        let (left, right) = (self.values.atoms(a), self.values.atoms(b));
        if left.iter().any(open) && right.iter().any(open) {
            self.joined.extend(left.iter().chain(right).filter_map(Atom::asked_of_others));
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
        self.note_joined(a, b);
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
        let result = self.values.combine(a, b, |a, b| binary(what, width, a, b, at));
        if self.aims.has_tables() && !self.values.may_be_code(result) {
            // What was an entry's address is any number now.
            self.lose_tables(a);
            self.lose_tables(b);
        }
        result
    }

    /// What is read from memory of which only the way there may be known.
    fn load_unknown(&mut self, state: &State, from: Address, width: Width, at: u32) -> Set {
        match self.known_field(state, from, width, at) {
            Some(set) => set,
            None => {
                let unknown = Atom::unknown(Reason::Memory, at);
                // Half a register clears the rest: that at once, and no set is made for naught.
                let whole = if width == Width::W32 { width } else { Width::W64 };
                self.values.one(truncated(unknown, whole))
            }
        }
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
}

/// Whether memory at such an address is never known, whatever was stored.
fn tells_nothing(base: Base) -> bool {
    !matches!(base, Base::Image(_) | Base::Table { .. } | Base::Stack { .. })
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
pub(crate) fn truncated(atom: Atom, width: Width) -> Atom {
    match atom.base {
        _ if width == Width::W64 => atom,
        Base::Constant | Base::Unknown(_) | Base::Given(_) => {
            let mask = width.mask();
            atom.knowing(atom.ones & mask, atom.zeros | !mask)
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
