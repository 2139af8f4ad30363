//! What is found beside calls. Clues come first, by looking at every byte; only functions with one that
//! holds are analysed.

use super::Search;
use crate::analysis::Manner;
use crate::analysis::watch::{Done, Handed, Part, Watched, Watching, watch};
use crate::clues::{Wanted, marks};
use crate::decode::Followed;
use crate::domain::Atom;
use crate::flow::{Graph, graph};
use crate::function::Extent;
use crate::ir::Reg;
use crate::query::Watch;
use crate::scan::Field;
use foldhash::{HashMap, HashSet, HashSetExt};
use ringfence_image::Rva;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// Spans of code that are looked for each by itself; further ones are taken together.
const MOST_SPANS: usize = 4;
/// Spans no farther apart than this are one.
const NEAR: u32 = 0x1000;
/// Bytes before a field that its instruction may begin at, the likeliest first.
const BEGINS: [u32; 5] = [3, 2, 4, 5, 6];
/// How far before a field reading begins, and how often, to see in which instruction the field lies; from
/// a function's start it may be farther.
const RUN_UP: u32 = 36;
const READINGS: u32 = 3;
const FARTHEST: u32 = 128;
/// Operations carried out for the sightings of one image, and of one function of it.
const MOST_STEPS: usize = 8_000_000;
const MOST_STEPS_IN_ONE: usize = 2_000_000;
/// Sightings that are kept, clues that are followed, and bytes that are looked at for being one.
const MOST_SIGHTINGS: usize = 4096;
const MOST_CLUES: usize = 20_000;
const MOST_MARKS: usize = 1 << 20;
/// Functions one behind the other that hand on the address of code, and calls of one that are looked into.
const MOST_HANDED_ON: usize = 3;
const MOST_HANDED_IN_ONE: usize = 4;
/// Quick looks at what becomes of a value.
pub(super) const MOST_LOOKS: usize = 20_000;

/// Bytes that may be an instruction to be sighted, or one that leads to it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Clue {
    /// The field of an instruction that names a place, and whether it takes values to tell more.
    Names(Field, bool),
    /// An instruction that sets a control register.
    Control(u32),
    /// A call that gives memory which code may go to.
    Gives(u32),
}

impl Clue {
    fn at(self) -> u32 {
        match self {
            Clue::Names(field, _) => field.at,
            Clue::Control(at) | Clue::Gives(at) => at,
        }
    }
}

impl Search<'_> {
    /// Finds what `watch` asks for.
    pub(super) fn sight(&mut self, watch: &Watch) {
        let slots: HashSet<u32> =
            watch.functions.iter().chain(&watch.writers).map(|slot| slot.0).collect();
        let mut functions: BTreeMap<u32, (Extent, Vec<Clue>)> = BTreeMap::new();
        let gives = self.gives(&watch.gives_memory);
        let mut clues = self.clues(&slots);
        self.transfer.outside.calls = gives.keys().copied().collect();
        clues.extend(self.memory_clues(&gives));
        for clue in clues {
            let Some(extent) = self.finder.around(&mut *self.decoder, clue.at()) else { continue };
            let (known, clues) =
                functions.entry(extent.begin).or_insert_with(|| (extent.clone(), Vec::new()));
            known.add(extent);
            clues.push(clue);
        }
        self.transfer.outside.slots = slots;
        let mut steps = 0;
        let mut unlisted = HashSet::new();
        for (extent, clues) in functions.into_values() {
            let (begin, listed) = (extent.begin, extent.listed);
            let before = self.survey.sightings.len();
            let budget = MOST_STEPS.saturating_sub(steps);
            steps += self.sight_in(extent, &clues, &gives, budget);
            if !listed && self.survey.sightings.len() > before {
                unlisted.insert(begin);
            }
        }
        self.doubt_wrappers(&gives, MOST_STEPS.saturating_sub(steps));
        self.ask_who_sets_control(MOST_STEPS.saturating_sub(steps));
        // Where nothing names a function, it may be no code at all.
        let named = self.known_starts(unlisted.clone());
        for sighting in &mut self.survey.sightings {
            let begin = sighting.function.0;
            sighting.reached &= named.contains(&begin) || !unlisted.contains(&begin);
        }
        self.transfer.outside = Default::default();
        self.survey.sightings.sort_by_key(|sighting| (sighting.at, sighting.what.kind()));
        self.survey.sightings.dedup_by_key(|sighting| (sighting.at, sighting.what.kind()));
    }

    /// Looks at one function; how much work it was.
    fn sight_in(
        &mut self,
        mut extent: Extent,
        clues: &[Clue],
        gives: &HashMap<u32, usize>,
        budget: usize,
    ) -> usize {
        if budget == 0 || self.survey.sightings.len() > MOST_SIGHTINGS {
            self.give_up();
            return 0;
        }
        let field = |clue: &Clue| match *clue {
            Clue::Names(field, _) => Some(field),
            Clue::Control(_) | Clue::Gives(_) => None,
        };
        let fields: Vec<Field> = clues.iter().filter_map(field).collect();
        extent.ranges.sort_by_key(|range| (range.start != extent.begin, range.start));
        let begin = Rva(extent.begin);
        let mut graph = graph(&mut *self.decoder, self.places, &self.finder, extent, &fields);
        let holding: Vec<(usize, bool)> =
            clues.iter().filter_map(|clue| self.holds(&graph, clue)).collect();
        let read = graph.insns.len();
        if holding.is_empty() {
            return read;
        }
        let blocks: BTreeSet<usize> =
            holding.iter().filter_map(|&(insn, _)| graph.block_of(insn)).collect();
        let part = match holding.iter().any(|(_, values)| *values) {
            true => Part::Whole(Manner::Quickly),
            false => Part::Blocks(&blocks),
        };
        self.transfer.clear();
        let watched = watch(
            &mut self.transfer,
            &mut *self.decoder,
            &mut graph,
            &self.query,
            &part,
            (Watching::new(gives), budget.min(MOST_STEPS_IN_ONE)),
        );
        // Code in memory is no more than missed: to ask for such memory leaves enough open.
        let misses = clues.iter().any(|clue| !matches!(clue, Clue::Gives(_)));
        if misses && (graph.spent || watched.spent) {
            self.give_up();
        }
        self.survey.sightings.extend(watched.sightings);
        let mut steps = read + watched.steps;
        for handed in &watched.handed {
            let left = budget.saturating_sub(steps);
            let (done, more) = self.done_by(handed, gives, left, 0);
            steps += more;
            self.survey.sightings.extend(handed.sighting(begin, done));
        }
        steps
    }

    /// Whether a function writes to code that it was handed the address of, or goes to memory that it was; and how
    /// much work it was to tell.
    fn done_by(
        &mut self,
        handed: &Handed,
        gives: &HashMap<u32, usize>,
        budget: usize,
        depth: usize,
    ) -> (Done, usize) {
        let looked = match depth < MOST_HANDED_ON {
            true => self.watched(handed.to, &handed.given, Manner::Given, gives, budget),
            false => None,
        };
        let Some((watched, mut steps)) = looked else { return (Done::Perhaps, 0) };
        let found = watched.sightings.iter().filter(|sighting| handed.is_done_by(sighting));
        if let Some(found) = found.min_by_key(|sighting| (!sighting.always, sighting.at)) {
            return (Done::At(found.at, found.always), steps);
        }
        let open = watched.spent || watched.blurred;
        let mut done = if open { Done::Perhaps } else { Done::Nowhere };
        let on = watched.handed.iter().filter(|next| handed.goes_on_as(next));
        for next in on.take(MOST_HANDED_IN_ONE) {
            let left = budget.saturating_sub(steps);
            let (deeper, more) = self.done_by(next, gives, left, depth + 1);
            steps += more;
            done = match deeper {
                Done::At(at, always) => return (Done::At(at, always && next.always), steps),
                Done::Perhaps => deeper,
                Done::Nowhere => done,
            };
        }
        (done, steps)
    }

    /// What is sighted in the function at `begin` that is given this, and how much work it was to tell; nothing where
    /// it is no function or nothing is left to do so.
    pub(super) fn watched(
        &mut self,
        begin: u32,
        given: &Vec<(u8, Vec<Atom>)>,
        manner: Manner,
        gives: &HashMap<u32, usize>,
        budget: usize,
    ) -> Option<(Watched, usize)> {
        let extent = self.finder.around(&mut *self.decoder, begin);
        let mut extent = extent.filter(|extent| extent.begin == begin && budget > 0)?;
        extent.ranges.sort_by_key(|range| (range.start != extent.begin, range.start));
        let mut graph = graph(&mut *self.decoder, self.places, &self.finder, extent, &[]);
        self.transfer.clear();
        self.transfer.known.given.clone_from(given);
        let mut watched = watch(
            &mut self.transfer,
            &mut *self.decoder,
            &mut graph,
            &self.query,
            &Part::Whole(manner),
            (Watching::new(gives), budget.min(MOST_STEPS_IN_ONE)),
        );
        self.transfer.known.given.clear();
        watched.spent |= graph.spent;
        let steps = graph.insns.len() + watched.steps;
        Some((watched, steps))
    }

    /// The instruction that a clue is, and whether it takes values to tell more; none where the bytes
    /// are a part of something else.
    fn holds(&mut self, graph: &Graph, clue: &Clue) -> Option<(usize, bool)> {
        let index = |at: u32| graph.insns.binary_search_by_key(&at, |insn| insn.at).ok();
        match *clue {
            Clue::Names(field, values) => {
                let (insn, names) = graph.insn_with(field)?;
                names.then_some((insn, values))
            }
            Clue::Control(at) | Clue::Gives(at) => Some((index(at)?, true)),
        }
    }

    fn clues(&mut self, slots: &HashSet<u32>) -> Vec<Clue> {
        let loaded = match (slots.iter().min(), slots.iter().max()) {
            (Some(low), Some(high)) => *low..high.saturating_add(1),
            _ => 0..0,
        };
        let wanted = Wanted { named: self.spans(), loaded };
        let mut places = Vec::new();
        marks(self.places.names(), self.places.code(), &wanted, |at| places.push(at));
        places.sort_unstable();
        places.dedup();
        let mut clues: Vec<Clue> = Vec::new();
        if places.len() > MOST_MARKS {
            self.give_up();
        }
        for at in places.into_iter().take(MOST_MARKS) {
            if clues.len() > MOST_CLUES {
                self.give_up();
                return clues;
            }
            clues.extend(self.control_clue(at));
            clues.extend(self.field_clue(at, slots));
        }
        let moved = self.places.code_pointers();
        for field in moved {
            // `mov r64, imm64`: a prefix and the operation code.
            let start = field.at.saturating_sub(2);
            let names = self.decoder.names(start).filter(|(_, place)| *place == field.place);
            let leads = names
                .and_then(|(length, _)| self.leads(start, start.saturating_add(length), false));
            clues.extend(leads.map(|values| Clue::Names(field, values)));
        }
        clues
    }

    /// Stretches of code that nobody may write to.
    fn spans(&self) -> Vec<Range<u32>> {
        let mut spans: Vec<Range<u32>> = Vec::new();
        for &(start, _) in self.places.code() {
            let Some(section) = self.places.image.section_at(Rva(start)) else {
                continue;
            };
            if section.is_writable() {
                continue;
            }
            let end = u32::try_from(section.addresses().end).unwrap_or(u32::MAX);
            match spans.len() {
                length if length > 0 => {
                    let last = &mut spans[length - 1];
                    if length == MOST_SPANS || start.saturating_sub(last.end) <= NEAR {
                        last.end = last.end.max(end);
                    } else {
                        spans.push(start..end);
                    }
                }
                _ => spans.push(start..end),
            }
        }
        spans
    }

    fn control_clue(&mut self, at: u32) -> Option<Clue> {
        if self.places.code_from(at)?.first() != Some(&0x0F) {
            return None;
        }
        self.decoder.control(at)?;
        // A prefix may stand before it, by which it may be another control register.
        let before = at.checked_sub(1).filter(|before| self.decoder.control(*before).is_some());
        let start = before.unwrap_or(at);
        (!self.is_inside_another(start, at)).then_some(Clue::Control(start))
    }

    fn field_clue(&mut self, at: u32, slots: &HashSet<u32>) -> Option<Clue> {
        for back in BEGINS {
            let start = at.checked_sub(back)?;
            let Some((length, place)) = self.decoder.names(start) else { continue };
            let covers = start.saturating_add(length) >= at.saturating_add(4);
            let wanted = || self.places.is_read_only_code(place) || slots.contains(&place);
            if !covers || !wanted() {
                continue;
            }
            let next = start.saturating_add(length);
            let leads = self.leads(start, next, slots.contains(&place));
            if let Some(values) = leads.filter(|_| !self.is_inside_another(start, at)) {
                return Some(Clue::Names(Field { at, place }, values));
            }
            // The likeliest beginning was one, and nothing comes of it.
            if self.decoder.made(start).is_some() {
                return None;
            }
        }
        None
    }

    /// Whether the instruction at `start`, which names code or, where it is `of_slot`, an import's slot,
    /// writes there or makes an address that may be used so; and whether it takes values to tell.
    fn leads(&mut self, start: u32, next: u32, of_slot: bool) -> Option<bool> {
        let Some((register, loads)) = self.decoder.made(start) else {
            let mut touches = Vec::new();
            self.decoder.touches(start, &mut touches);
            return touches.iter().any(|touch| touch.writes).then_some(false);
        };
        if loads != of_slot {
            return None;
        }
        let asked = Followed { written: true, handed: true, read: loads, ..Followed::default() };
        self.followed(next, register, &asked).unwrap_or(true).then_some(true)
    }

    /// Whether something that is `asked` may become of what `register` holds before the instruction at `start`;
    /// nothing once that was asked too often.
    pub(super) fn followed(&mut self, start: u32, register: Reg, asked: &Followed) -> Option<bool> {
        self.looks = self.looks.checked_sub(1)?;
        Some(self.decoder.follow(start, register, asked))
    }

    /// Whether the instruction around `at` certainly begins elsewhere than at `start`, though one could
    /// begin there. Code that is read from anywhere soon falls into step, so what comes of several
    /// beginnings is right, one of them at least.
    fn is_inside_another(&mut self, start: u32, at: u32) -> bool {
        let function = self.places.image.functions().containing(Rva(at));
        let begin = function.map(|function| function.begin.0);
        let readings = match begin.filter(|begin| at.saturating_sub(*begin) <= FARTHEST) {
            // From a function's first instruction one reading is enough.
            Some(begin) => begin..begin + 1,
            None => at.saturating_sub(RUN_UP)..at.saturating_sub(RUN_UP - READINGS),
        };
        self.decoder.is_inside_another(start, at, readings)
    }
}
