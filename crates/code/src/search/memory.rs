//! Clues to code that runs in memory it was given: calls that give some in functions that also go where a
//! value says, and variables that hold such memory and are called.

use super::Search;
use super::sight::Clue;
use crate::Reason;
use crate::analysis::Manner;
use crate::decode::{Flow, Followed, Stub};
use crate::domain::{Atom, Base};
use crate::ir::{Op, Reg, Source, Target};
use crate::scan::Field;
use crate::sighting::Sight;
use foldhash::{HashMap, HashSet};
use ringfence_image::Rva;
use std::collections::{BTreeMap, BTreeSet};

/// Bytes before a field that an instruction which names a variable may begin at.
const BEGINS: [u32; 3] = [3, 2, 4];

/// Functions one behind the other that return what they were given, the bytes of each, and calls that give
/// memory by way of them.
const MOST_WRAPPERS: usize = 3;
const LARGEST_WRAPPER: u32 = 512;
const MOST_GIVERS: usize = 4096;

/// Values that a function may return and still be looked at for returning memory only.
const MOST_RESULTS: usize = 8;

/// Operation codes: of calls and jumps by a value among others, and of those to a place.
const INDIRECT: u8 = 0xFF;
const CALL: u8 = 0xE8;
const JUMP: u8 = 0xE9;

/// Operations carried out to see what is stored in variables.
const MOST_STEPS: usize = 1_000_000;

/// Bytes of functions that are looked at for one image; beyond, all are taken to go where values say.
const MOST_BYTES: usize = 64 << 20;

/// What is done with a variable.
#[derive(Default)]
struct Uses {
    stores: usize,
    calls: Vec<Field>,
    /// Whether its address is taken: then others may write to it.
    taken: bool,
}

impl Search<'_> {
    /// The calls that give memory, each with the wanted function that it calls, or that a function calls
    /// which returns what it was given.
    pub(super) fn gives(&mut self, wanted: &[usize]) -> HashMap<u32, usize> {
        let wanted: HashSet<usize> = wanted.iter().copied().collect();
        let calls = self.seen.iter().filter(|call| wanted.contains(&(call.wanted as usize)));
        let mut gives: HashMap<u32, usize> =
            calls.map(|call| (call.at, call.wanted as usize)).collect();
        let mut fresh: Vec<(u32, usize)> =
            gives.iter().map(|(at, wanted)| (*at, *wanted)).collect();
        for _ in 0..MOST_WRAPPERS {
            fresh.sort_unstable();
            let mut next = Vec::new();
            for (at, wanted) in fresh {
                for (caller, returns) in self.callers_given(at) {
                    let known = !returns || gives.insert(caller, wanted).is_some();
                    if gives.len() < MOST_GIVERS && (!returns || !known) {
                        next.push((caller, wanted));
                    }
                }
            }
            fresh = next;
        }
        gives
    }

    /// The calls of the function around the call at `at`, if it is small and returns what that returned; with
    /// each whether it comes back, as a jump at the end of a function does not.
    fn callers_given(&mut self, at: u32) -> Vec<(u32, bool)> {
        let begin = self.finder.around(&mut *self.decoder, at).map(|extent| extent.begin);
        let around = begin.and_then(|begin| self.finder.bounds(&mut *self.decoder, begin));
        let Some(around) = around else { return Vec::new() };
        let ways = self.places.names().ways_to(around.start..around.start.saturating_add(1));
        let ways: Vec<Field> = ways.take(MOST_GIVERS).collect();
        let small = around.end.saturating_sub(around.start) <= LARGEST_WRAPPER;
        if ways.is_empty() || !small {
            return Vec::new();
        }
        let Some((length, flow)) = self.decoder.step(at) else { return Vec::new() };
        if let Flow::Call(_) = flow {
            let result = self.decoder.abi().result;
            let asked = Followed { returned: true, ..Followed::default() };
            if !self.followed(at.saturating_add(length), result, &asked).unwrap_or(false) {
                return Vec::new();
            }
        }
        let call = |field: Field| {
            let start = field.at.checked_sub(1)?;
            let (_, flow) = self.decoder.step(start)?;
            match flow {
                Flow::Call(Target::Code(place)) if place == field.place => Some((start, true)),
                Flow::Jump(place) if place == field.place => Some((start, false)),
                _ => None,
            }
        };
        ways.into_iter().filter_map(call).collect()
    }

    /// Clues to memory that `gives` give and that code goes to.
    pub(super) fn memory_clues(&mut self, gives: &HashMap<u32, usize>) -> Vec<Clue> {
        let mut calls: Vec<u32> = gives.keys().copied().collect();
        calls.sort_unstable();
        let mut kept: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        let mut goes: BTreeMap<u32, bool> = BTreeMap::new();
        let mut clues = Vec::new();
        let mut room = MOST_BYTES;
        for at in calls {
            let function = self.places.image.functions().containing(Rva(at));
            // Where functions are not listed, the quick look alone decides.
            let goes_by_value = function.is_none_or(|function| {
                let end = function.end.map_or(function.begin.0, |end| end.0);
                *goes
                    .entry(function.begin.0)
                    .or_insert_with(|| self.goes_by_value(function.begin.0, end, &mut room))
            });
            let (called, place) = self.may_be_called(at, goes_by_value);
            if called {
                clues.push(Clue::Gives(at));
            }
            if let Some(place) = place {
                kept.entry(place).or_default().push(at);
            }
        }
        self.note_kept(kept, gives);
        clues.extend(self.variable_clues(gives));
        clues
    }

    /// Notes in which variables functions store the memory that calls give, where code goes to those: as a whole the
    /// functions may tell more than what was looked at for the sake of calls. `kept` are the variables, each with the calls.
    fn note_kept(&mut self, mut kept: BTreeMap<u32, Vec<u32>>, gives: &HashMap<u32, usize>) {
        kept.retain(|place, _| !self.transfer.outside.stored.contains_key(place));
        let uses = self.uses_of(kept.keys().copied().collect());
        let mut functions = BTreeSet::new();
        let mut budget = MOST_STEPS;
        for at in uses.keys().filter_map(|place| kept.get(place)).flatten() {
            if let Some(extent) = self.finder.around(&mut *self.decoder, *at)
                && functions.insert(extent.begin)
            {
                let manner = Manner::Quickly;
                let looked = self.watched(extent.begin, &Vec::new(), manner, gives, budget);
                budget = budget.saturating_sub(looked.map_or(0, |(_, steps)| steps));
            }
        }
    }

    /// What is done with those of these variables that code goes to, and that are stored into once.
    fn uses_of(&mut self, places: HashSet<u32>) -> BTreeMap<u32, Uses> {
        let mut uses: BTreeMap<u32, Uses> = BTreeMap::new();
        for field in self.scan(&places) {
            self.add_use(field, uses.entry(field.place).or_default());
        }
        uses.retain(|place, uses| {
            let section = self.places.image.section_at(Rva(*place));
            let writable = section.is_some_and(|section| section.is_writable());
            writable && uses.stores == 1 && !uses.taken && !uses.calls.is_empty()
        });
        uses
    }

    /// Whether bytes from `begin` to `end` may be a call or a jump to wherever a value says.
    fn goes_by_value(&self, begin: u32, end: u32, room: &mut usize) -> bool {
        let bytes = self.places.code_from(begin).unwrap_or_default();
        let length = (end.saturating_sub(begin) as usize).min(bytes.len());
        let Some(left) = room.checked_sub(length) else { return true };
        *room = left;
        let bytes = &bytes[..length];
        let (first, operands) = (&bytes[..length.saturating_sub(1)], bytes.get(1..));
        let operands = operands.unwrap_or_default();
        memchr::memchr3_iter(INDIRECT, CALL, JUMP, first).any(|index| {
            let place = begin.saturating_add(index as u32);
            match (first[index], operands[index]) {
                // Through a pointer of the image that is no import: the dispatch routine, or a variable.
                (INDIRECT, 0x15 | 0x25) => self.named_behind(place).is_none_or(|named| {
                    self.places.is_guard_dispatch(named) || !self.places.is_import(named)
                }),
                (INDIRECT, operands) => matches!(operands >> 3 & 7, 2 | 4),
                _ => self.is_retpoline(place),
            }
        })
    }

    /// The place that the field two bytes behind `at` names.
    fn named_behind(&self, at: u32) -> Option<u32> {
        let field = self.places.code_from(at.checked_add(2)?)?.first_chunk()?;
        Some(at.wrapping_add(6).wrapping_add(u32::from_le_bytes(*field)))
    }

    fn is_retpoline(&self, at: u32) -> bool {
        let field = at.checked_add(1).and_then(|at| self.places.code_from(at)?.first_chunk());
        let Some(field) = field else { return false };
        let target = at.wrapping_add(5).wrapping_add(u32::from_le_bytes(*field));
        matches!(self.decoder.stub(target), Stub::ToRegister(_) | Stub::Retpoline(_))
    }

    /// Whether what the call at `at` returns may be called before long: in a function that it is handed to, and here
    /// only if anything is called `by_value`; and where in the image it is stored before that.
    fn may_be_called(&mut self, at: u32, by_value: bool) -> (bool, Option<u32>) {
        let left = self.looks.checked_sub(1);
        let (Some(lifted), Some(left)) = (self.decoder.read(at), left) else {
            return (false, None);
        };
        self.looks = left;
        let result = self.decoder.abi().result;
        let next = at.saturating_add(u32::from(lifted.length));
        let asked = Followed { called: by_value, run: true, ..Followed::default() };
        self.decoder.follow_and_keep(next, result, &asked)
    }

    /// Says of memory that is given by way of the image's own functions where it is not certain that these return
    /// nothing else: it is not always run then.
    pub(super) fn doubt_wrappers(&mut self, gives: &HashMap<u32, usize>, mut budget: usize) {
        let own: HashSet<u32> = self.seen.iter().map(|call| call.at).collect();
        let mut known: HashMap<u32, bool> = HashMap::default();
        let mut sightings = std::mem::take(&mut self.survey.sightings);
        for sighting in &mut sightings {
            let Sight::MemoryRun { given_at, .. } = sighting.what else { continue };
            if sighting.always && !own.contains(&given_at.0) {
                sighting.always = self.gives_only(given_at.0, gives, &own, &mut known, &mut budget);
            }
        }
        self.survey.sightings = sightings;
    }

    /// Whether the function that the call at `at` goes to gives nothing but memory.
    fn gives_only(
        &mut self,
        at: u32,
        gives: &HashMap<u32, usize>,
        own: &HashSet<u32>,
        known: &mut HashMap<u32, bool>,
        budget: &mut usize,
    ) -> bool {
        let Some((_, Flow::Call(Target::Code(code)))) = self.decoder.step(at) else { return false };
        let Stub::Code(function) = self.decoder.stub(code) else { return false };
        self.returns_only(function, gives, own, known, budget)
    }

    /// Whether a function returns memory or null, whatever path it takes. `own` are calls of wanted functions, and
    /// `known` tells of functions that were looked at.
    fn returns_only(
        &mut self,
        function: u32,
        gives: &HashMap<u32, usize>,
        own: &HashSet<u32>,
        known: &mut HashMap<u32, bool>,
        budget: &mut usize,
    ) -> bool {
        if let Some(known) = known.get(&function) {
            return *known;
        }
        // A function that comes back to itself is not followed round and round.
        known.insert(function, false);
        let looked = self.watched(function, &Vec::new(), Manner::ForResults, gives, *budget);
        let Some((watched, steps)) = looked else { return false };
        *budget = budget.saturating_sub(steps);
        let results: BTreeSet<Atom> = watched.results.into_iter().collect();
        let only = !watched.spent
            && !results.is_empty()
            && results.len() <= MOST_RESULTS
            && results.iter().all(|atom| match atom.base {
                _ if atom.number() == Some(0) => true,
                Base::Returned { call } if own.contains(&call) => true,
                Base::Returned { call } => self.gives_only(call, gives, own, known, budget),
                // A jump to the wanted function, or to one that returns what it gave.
                Base::Unknown(Reason::Returned) => {
                    own.contains(&atom.at) && gives.contains_key(&atom.at)
                }
                Base::Unknown(Reason::ReturnedBy(next)) => {
                    self.returns_only(next.0, gives, own, known, budget)
                }
                _ => false,
            });
        known.insert(function, only);
        only
    }

    /// Clues to calls of variables that nothing but one call's memory is stored in.
    fn variable_clues(&mut self, gives: &HashMap<u32, usize>) -> Vec<Clue> {
        let mut stored = std::mem::take(&mut self.transfer.outside.stored);
        stored.retain(|_, call| gives.contains_key(call));
        let mut clues = Vec::new();
        for (place, uses) in self.uses_of(stored.keys().copied().collect()) {
            if let Some(&call) = stored.get(&place) {
                self.transfer.outside.variables.insert(place, call);
                clues.extend(uses.calls.into_iter().map(|field| Clue::Names(field, true)));
            }
        }
        clues
    }

    /// Counts what the instruction with `field` does with the variable that it names.
    fn add_use(&mut self, field: Field, uses: &mut Uses) {
        let found = BEGINS.into_iter().find_map(|back| {
            let start = field.at.checked_sub(back)?;
            let lifted = self.decoder.read(start)?;
            (lifted.names == Some(field.place)).then_some((start, lifted))
        });
        let Some((start, lifted)) = found else {
            uses.taken = true;
            return;
        };
        let mut touches = Vec::new();
        self.decoder.touches(start, &mut touches);
        let pointer = Target::Pointer(field.place);
        if lifted.flow == Flow::Call(pointer) || lifted.flow == Flow::Indirect(pointer) {
            uses.calls.push(field);
        } else if touches.iter().any(|touch| touch.writes) {
            uses.stores += usize::from(!self.stores_null(start));
        } else if touches.is_empty() {
            uses.taken = true;
        } else if let Some((register, _)) = self.decoder.made(start) {
            let next = start.saturating_add(u32::from(lifted.length));
            if self.is_called(next, register) {
                uses.calls.push(field);
            }
        }
    }

    /// Whether an instruction stores nothing but null: nobody goes there.
    fn stores_null(&mut self, at: u32) -> bool {
        let mut ops = Vec::new();
        self.decoder.start_chain();
        self.decoder.lift(at, false, &mut ops);
        let null = |op: &Op| matches!(op, Op::Store { value: Source::Number(0), .. });
        ops.iter().any(null) && ops.iter().filter(|op| op.stores()).all(null)
    }

    /// Whether code may go where `register` says before the instruction at `start`.
    fn is_called(&mut self, start: u32, register: Reg) -> bool {
        let asked = Followed { called: true, ..Followed::default() };
        self.followed(start, register, &asked).unwrap_or(false)
    }
}
