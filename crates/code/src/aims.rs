//! What is looked for: which places in the image lead to wanted functions.

use crate::Reason;
use crate::domain::{Atom, Base};
use crate::places::Places;
use crate::query::{Callee, Effect, Query};
use foldhash::HashMap;
use std::collections::BTreeMap;

/// How far behind its beginning an object may go on that is filled as a whole.
const FAR: u32 = 0x1000;

/// What is looked for. Grows while a survey goes on: functions that hand their parameters on, and
/// variables that hold the addresses of wanted functions, are looked for as well.
#[derive(Default)]
pub(crate) struct Aims {
    /// Pointers that the loader fills in with the address of a wanted function.
    slots: HashMap<u32, u32>,
    /// Entries of tables that are filled in when the driver runs.
    entries: HashMap<u32, u32>,
    /// Pointers to such tables, with the wanted entries: offset in bytes and number.
    tables: BTreeMap<u32, Vec<(i32, u32)>>,
    /// The tables that stand in the image themselves, in the same way.
    arrays: BTreeMap<u32, Vec<(i32, u32)>>,
    /// Where each of those ends.
    array_ends: BTreeMap<u32, u32>,
    /// Pointers in data to one or the other, which nobody changes.
    ways: BTreeMap<u32, u32>,
    /// Functions of the image itself.
    functions: HashMap<u32, u32>,
    /// Functions found by name when the driver runs.
    named: HashMap<String, u32>,
    /// Variables of 8 bytes that hold the addresses of wanted functions, beside null.
    pub(crate) planted: BTreeMap<u32, Vec<Atom>>,
    /// Variables whose stores are looked for: where they begin and end.
    watched: BTreeMap<u32, u32>,
    /// What each function asked about in the query does that the analysis follows.
    effects: Vec<Effect>,
    /// Functions of the image that find others by a name which they are given, by address.
    finders: HashMap<u32, Finder>,
}

/// A function that finds others by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Finder {
    /// The wanted function that finds them, which a function of the image goes on to.
    pub(crate) by: u32,
    /// Which argument is the name.
    pub(crate) name: u8,
    pub(crate) spelling: Spelling,
    /// Whether what is found is what it returns; else it keeps that, or only sees whether it is there.
    pub(crate) returns: bool,
}

/// How a name is handed to a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Spelling {
    /// The address of a `UNICODE_STRING`.
    Unicode,
    /// The address of a text of two bytes a letter that goes on to a zero.
    Wide,
    /// The address of a text of one byte a letter that goes on to a zero.
    Ansi,
}

impl Aims {
    pub(crate) fn new(query: &Query) -> Aims {
        let mut aims = Aims::default();
        for (number, wanted) in (0..).zip(&query.wanted) {
            aims.effects.push(wanted.effect);
            match &wanted.callee {
                Callee::Slot(slot) => drop(aims.slots.insert(slot.0, number)),
                Callee::Named(name) => drop(aims.named.insert(name.clone(), number)),
                Callee::TableAt { table, entries, entry } => {
                    let Some(offset) = offset(*entry) else { continue };
                    let end = table.0.saturating_add(entries.saturating_mul(8));
                    aims.array_ends.insert(table.0, end);
                    if let Some(place) = table.checked_add(offset.cast_unsigned()) {
                        aims.entries.insert(place.0, number);
                        aims.arrays.entry(table.0).or_default().push((offset, number));
                    }
                }
                Callee::TableBehind { pointer, entry } => {
                    let Some(offset) = offset(*entry) else { continue };
                    aims.tables.entry(pointer.0).or_default().push((offset, number));
                }
            }
        }
        aims
    }

    /// Looks for calls of the function at `rva` too, under this number.
    pub(crate) fn add_function(&mut self, rva: u32, number: u32) {
        self.functions.insert(rva, number);
    }

    /// Takes the function at `rva` for one that finds others by name.
    pub(crate) fn add_finder(&mut self, rva: u32, finder: Finder) {
        self.finders.insert(rva, finder);
    }

    /// What a function of the image finds by name, if it does.
    pub(crate) fn finder_at(&self, rva: u32) -> Option<Finder> {
        self.finders.get(&rva).copied()
    }

    /// Looks for stores into the `bytes` at `rva` too.
    pub(crate) fn watch(&mut self, rva: u32, bytes: u8) {
        let end = self.watched.entry(rva).or_default();
        *end = (*end).max(rva.saturating_add(u32::from(bytes)));
    }

    /// Whether anything is watched.
    pub(crate) fn watch_any(&self) -> bool {
        !self.watched.is_empty()
    }

    /// Whether `bytes` at `place` are part of something that is watched.
    pub(crate) fn watches(&self, place: u32, bytes: u8) -> bool {
        let end = place.saturating_add(u32::from(bytes));
        self.watched.range(..end).rev().take(16).any(|(_, watched)| *watched > place)
    }

    /// Whether something is watched at `place` or not far behind.
    pub(crate) fn watches_behind(&self, place: u32) -> bool {
        self.watched.range(place.saturating_sub(7)..place.saturating_add(FAR)).next().is_some()
    }

    /// Whether calls of a wanted function are of no interest themselves.
    pub(crate) fn is_aside(&self, number: u32) -> bool {
        matches!(self.effect(number), Effect::SetsString | Effect::TellsVersion)
    }

    /// Slots of functions that tell the version of Windows.
    pub(crate) fn version_slots(&self) -> impl Iterator<Item = u32> + '_ {
        let tells = |number: &u32| self.effect(*number) == Effect::TellsVersion;
        self.slots.iter().filter(move |(_, number)| tells(number)).map(|(slot, _)| *slot)
    }

    /// Whether calls are followed for what they do.
    pub(crate) fn has_effects(&self) -> bool {
        self.effects.iter().any(|effect| *effect != Effect::None)
    }

    /// Takes the pointer in data at `place` for one that is the way to a table, or to its pointer, at `table`.
    pub(crate) fn add_way(&mut self, place: u32, table: u32) {
        self.ways.insert(place, table);
    }

    /// Whether the pointer in data at `place` is such a way.
    pub(crate) fn is_way(&self, place: u32) -> bool {
        self.ways.contains_key(&place)
    }

    /// Where tables begin, and where the pointers to others stand.
    pub(crate) fn tables(&self) -> impl Iterator<Item = u32> + '_ {
        self.tables.keys().chain(self.arrays.keys()).copied()
    }

    /// Every place that code names to get at a function of the query, but for those whose calls are of
    /// interest only where something else is.
    pub(crate) fn named(&self) -> impl Iterator<Item = u32> + '_ {
        let anchors = |(_, number): &(&u32, &u32)| !self.is_aside(**number);
        let slots = self.slots.iter().chain(&self.entries).filter(anchors).map(|(place, _)| *place);
        slots.chain(self.tables()).chain(self.ways.keys().copied())
    }

    /// The wanted function whose address stands at `place`.
    pub(crate) fn wanted_at(&self, place: u32) -> Option<u32> {
        self.slots.get(&place).or_else(|| self.entries.get(&place)).copied()
    }

    /// The wanted function that begins at `rva`.
    pub(crate) fn function_at(&self, rva: u32) -> Option<u32> {
        self.functions.get(&rva).copied()
    }

    /// The wanted function of this name.
    pub(crate) fn called(&self, name: &str) -> Option<u32> {
        self.named.get(name).copied()
    }

    /// The wanted entries of the table that code gets at by naming `place`, where the table's address
    /// stands or the table itself: offset in bytes and number.
    pub(crate) fn table_by(&self, place: u32) -> Option<&[(i32, u32)]> {
        let place = self.ways.get(&place).unwrap_or(&place);
        self.tables.get(place).or_else(|| self.arrays.get(place)).map(Vec::as_slice)
    }

    /// Whether functions are looked for that are entries of tables.
    pub(crate) fn has_tables(&self) -> bool {
        !(self.tables.is_empty() && self.arrays.is_empty())
    }

    /// Where the table begins that stands in the image itself, around `place`.
    pub(crate) fn array_around(&self, place: u32) -> Option<u32> {
        let (start, _) =
            self.array_ends.range(..=place).next_back().filter(|(_, end)| place < **end)?;
        Some(*start)
    }

    /// The table, or the pointer to one, that `place` is a part of: who is told that address can get at all entries.
    pub(crate) fn table_around(&self, place: u32) -> Option<u32> {
        if self.tables.contains_key(&place) { Some(place) } else { self.array_around(place) }
    }

    /// How far from their table's start the wanted entries of all tables are, in bytes.
    pub(crate) fn entry_offsets(&self) -> impl Iterator<Item = u32> + '_ {
        let all = self.tables.values().chain(self.arrays.values()).flatten();
        all.map(|(offset, _)| offset.cast_unsigned())
    }

    /// What a wanted function does that is followed.
    pub(crate) fn effect(&self, number: u32) -> Effect {
        self.effects.get(number as usize).copied().unwrap_or_default()
    }

    /// What is read from `rva`: `bytes` of it, little-endian.
    pub(crate) fn load(&self, places: &Places<'_>, rva: u32, bytes: u8, at: u32) -> Atom {
        if bytes == 8 {
            if let Some(wanted) = self.wanted_at(rva) {
                return Atom::address(Base::Callee { wanted, from: at }, at);
            }
            if self.tables.contains_key(&rva) {
                return Atom::address(Base::Table { pointer: rva, offset: 0, from: at }, at);
            }
            if let Some(table) = self.ways.get(&rva) {
                return Atom::address(Base::Image(*table), at);
            }
        }
        places.load(rva, bytes, at)
    }

    /// What is read from a table of functions, `offset` bytes into it.
    pub(crate) fn entry(&self, pointer: u32, offset: i32, from: u32, at: u32) -> Atom {
        let entries = self.tables.get(&pointer).into_iter().flatten();
        match entries.into_iter().find(|(place, _)| *place == offset) {
            Some(&(_, wanted)) => Atom::address(Base::Callee { wanted, from }, at),
            None => Atom::unknown(Reason::Memory, at),
        }
    }
}

/// How far an entry is from its table's start, in bytes.
fn offset(entry: u32) -> Option<i32> {
    entry.checked_mul(8).and_then(|at| i32::try_from(at).ok())
}
