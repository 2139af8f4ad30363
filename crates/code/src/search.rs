//! The whole search: references first, then the functions around them, then what became of each.

mod across;
mod behind;
mod callers;
mod control;
mod entered;
mod finders;
mod memory;
mod order;
mod pieces;
mod readers;
mod sight;
mod tables;
mod told;
mod versions;

use across::Across;
pub(crate) use callers::handed_over;
pub(crate) use control::set_by_call;
use finders::Finders;

use crate::aims::Aims;
use crate::analysis::{Found, Manner, Seen, analyse};
use crate::decode::amd64::Amd64;
use crate::decode::{Decoder, Flow, Stub};
use crate::flow::{Graph, Insn, graph};
use crate::function::{Extent, Finder};
use crate::mentions::Mentions;
use crate::packed;
use crate::places::Places;
use crate::query::{Effect, Query};
use crate::scan::{self, Field};
use crate::survey::{Doubt, Fate, Lookup, Reference, Survey};
use crate::transfer::Transfer;
use crate::{Path, Reason};
use foldhash::{HashMap, HashSet, HashSetExt};
use ringfence_image::{Image, Machine, Rva};
use std::collections::{BTreeMap, BTreeSet};

/// Jumps to jumps to imports that are looked for, one level after the other.
const MOST_LEVELS: usize = 4;
/// Callers of a function that are asked whether they use what it returns, and instructions behind each call.
const MOST_CALLERS: usize = 32;
const MOST_BEHIND: usize = 16;
/// Operations carried out for one image, and for one function of it.
const MOST_STEPS: usize = 16_000_000;
const MOST_STEPS_IN_ONE: usize = 4_000_000;
/// Instructions read for one image.
const MOST_INSTRUCTIONS: usize = 4_000_000;

/// Finds every call of the functions in `query`; of machines other than x64 none yet. Never panics, and takes time and memory in
/// proportion to the image, whatever it holds.
pub fn survey(image: &Image<'_>, query: &Query) -> Survey {
    let mut survey = Survey::default();
    let asked = !query.wanted.is_empty() || query.watch.is_some();
    if image.machine() == Machine::X64 && asked {
        let places = Places::new(image, query);
        survey = Search::new(&places, query, Box::new(Amd64::new(&places))).run();
    }
    survey.doubts.splice(0..0, packed::doubts(image));
    survey
}

impl Anchor {
    /// Whether it is looked at because of what others asked about.
    fn is_asked(&self) -> bool {
        matches!(self.aim, Aim::Wanted | Aim::Table | Aim::Cell(_) | Aim::Planted)
    }
}

/// What a place in code is looked at for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Aim {
    /// It names a wanted function, directly or by way of a jump to it.
    Wanted,
    /// It only names a table; it counts only if a call comes of it.
    Table,
    /// It names a pointer in data to a wanted function.
    Cell(u32),
    /// It names a function of the image whose callers are asked about.
    Function,
    /// It names a pointer in data to such a function.
    FunctionCell,
    /// It changes the variable there.
    Variable,
    /// It reads a variable that holds the address of a wanted function.
    Planted,
}

/// A place in code that names something that is looked for.
#[derive(Clone, Copy, Debug)]
struct Anchor {
    field: Field,
    wanted: u32,
    aim: Aim,
}

/// A jump to a wanted function, or to such a jump.
#[derive(Clone, Copy, Debug)]
struct Thunk {
    wanted: u32,
    /// The field that makes it one.
    used: bool,
}

/// What a function's analysis came to, for its anchors.
struct Outcome<'f> {
    found: &'f Found,
    /// Calls that no known path reaches.
    unreached: HashSet<u32>,
    /// Whether something names the function.
    named: bool,
}

/// A function that was looked into, to be looked into again.
struct Looked {
    extent: Extent,
    instructions: usize,
    /// Its code, while there is room for it and nothing else was looked for in it since.
    graph: Option<Graph>,
    /// What in it was looked for.
    fields: Vec<Field>,
    /// Parameters that some branch or choice in it depends on.
    conditions: BTreeSet<u8>,
    /// What values in it depend on that do not tell so, as they were put together of several.
    joined: BTreeSet<Reason>,
    /// What it reads by way of pointers in memory that a parameter leads to.
    paths: BTreeSet<Path>,
}

struct Search<'a> {
    places: &'a Places<'a>,
    /// What was asked, and behind it the functions of the image whose callers are asked about.
    query: Query,
    /// How many of the query's functions others asked about.
    asked: usize,
    finder: Finder<'a>,
    decoder: Box<dyn Decoder + 'a>,
    transfer: Transfer<'a>,
    anchors: Vec<Anchor>,
    thunks: BTreeMap<u32, Thunk>,
    /// Pointers in data to a slot or a thunk.
    cells: BTreeMap<u32, u32>,
    /// Calls of the functions asked about.
    seen: Vec<Seen>,
    /// Where those are, and what they call.
    seen_at: HashSet<(u32, u32)>,
    /// Pointers in data that may still be looked at for being known to others.
    pointers_left: usize,
    /// Operations that may still be carried out to see what runs before what.
    order_left: usize,
    looked: BTreeMap<u32, Looked>,
    across: Across,
    steps: usize,
    survey: Survey,
    /// Quick looks at what becomes of a value that are still made.
    looks: usize,
    /// Functions of the image that find others by name.
    finders: Finders,
    /// Where tables of functions were lost sight of, and which.
    tables_lost: BTreeSet<(u32, u32)>,
}

impl<'a> Search<'a> {
    fn new(places: &'a Places<'a>, query: &Query, decoder: Box<dyn Decoder + 'a>) -> Search<'a> {
        let mut transfer = Transfer::new(places, Aims::new(query), decoder.abi());
        transfer.fields.starts.clone_from(&query.fields);
        transfer.fields.steady.clone_from(&query.steady);
        Search {
            places,
            query: query.clone(),
            asked: query.wanted.len(),
            finder: Finder::new(places),
            transfer,
            decoder,
            anchors: Vec::new(),
            thunks: BTreeMap::new(),
            cells: BTreeMap::new(),
            seen: Vec::new(),
            seen_at: HashSet::new(),
            pointers_left: order::MOST_POINTERS,
            order_left: order::MOST_STEPS_IN_ALL,
            looked: BTreeMap::new(),
            across: Across::default(),
            steps: 0,
            survey: Survey::default(),
            looks: sight::MOST_LOOKS,
            finders: Finders::default(),
            tables_lost: BTreeSet::new(),
        }
    }

    fn run(mut self) -> Survey {
        self.find_ways();
        let named: HashSet<u32> = self.transfer.aims.named().collect();
        let found = self.scan(&named);
        self.take(found, |aims, place| match aims.wanted_at(place) {
            Some(wanted) => Some((wanted, Aim::Wanted)),
            None => aims.table_by(place)?.first().map(|(_, wanted)| (*wanted, Aim::Table)),
        });
        self.follow_thunks();
        self.follow_pointers(named);
        self.analyse();
        self.follow_finders();
        if self.places.code_left_out {
            self.give_up();
        }
        self.settle_thunks_and_pointers();
        self.follow_planted();
        if let Some(watch) = self.query.watch.clone() {
            self.sight(&watch);
        }
        self.look_across();
        self.tell();
        self.tell_readers();
        self.survey.lookups.sort();
        self.survey.lookups.dedup();
        self.survey.sites.sort_by_key(|site| (site.at, site.wanted));
        self.survey.sites.dedup_by_key(|site| (site.at, site.wanted));
        self.survey.references.sort_by_key(|reference| (reference.at, reference.wanted));
        self.survey
    }

    /// Every field in executable sections that names one of `named`.
    fn scan(&self, named: &HashSet<u32>) -> Vec<Field> {
        self.scan_for(&scan::Places::at(named))
    }

    /// Every field in executable sections that names something in `named`.
    fn scan_for(&self, named: &scan::Places) -> Vec<Field> {
        if named.is_empty() { Vec::new() } else { self.places.names().of(named) }
    }

    /// Every field in executable sections by which code goes to one of `functions`, or takes its address.
    fn scan_for_functions(&self, functions: &scan::Places) -> Vec<Field> {
        let ranges = functions.ranges().iter();
        let mut found: Vec<Field> =
            ranges.flat_map(|range| self.places.names().ways_to(range.clone())).collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    fn take(&mut self, found: Vec<Field>, means: impl Fn(&Aims, u32) -> Option<(u32, Aim)>) {
        let mut mentions = None;
        for field in found {
            let Some((wanted, aim)) = means(&self.transfer.aims, field.place) else { continue };
            let mut named = || {
                let first = || Mentions::of(self.places, &self.transfer.aims, &self.finder);
                mentions.get_or_insert_with(first).around(&self.finder, field.at)
            };
            if aim != Aim::Table || named() || !self.reads_entry(field) {
                self.anchors.push(Anchor { field, wanted, aim });
            }
        }
    }

    /// Takes jumps to wanted functions out of the anchors and adds what names those jumps.
    fn follow_thunks(&mut self) {
        let mut fresh = 0;
        for _ in 0..MOST_LEVELS {
            let candidates = self.anchors.split_off(fresh);
            let mut found: HashSet<u32> = HashSet::new();
            for anchor in candidates {
                match self.thunk_at(anchor.field.at) {
                    Some(start) => {
                        let thunk = Thunk { wanted: anchor.wanted, used: false };
                        if self.thunks.insert(start, thunk).is_none() {
                            found.insert(start);
                        }
                    }
                    None => self.anchors.push(anchor),
                }
            }
            fresh = self.anchors.len();
            if found.is_empty() {
                return;
            }
            let thunks = std::mem::take(&mut self.thunks);
            let fields = self.scan(&found);
            self.take(fields, |_, place| {
                thunks.get(&place).map(|thunk| (thunk.wanted, Aim::Wanted))
            });
            self.thunks = thunks;
        }
    }

    /// The start of the jump to a wanted function that `field` makes, if that is a function of its own.
    fn thunk_at(&mut self, field: u32) -> Option<u32> {
        // An operation code of one byte, two, or two behind a prefix.
        for back in 1..=3 {
            let start = field.checked_sub(back)?;
            if let Stub::ToPointer(place) = self.decoder.stub(start)
                && self.transfer.aims.wanted_at(place).is_some()
                && let Some(extent) = self.finder.around(&mut *self.decoder, start)
                && extent.begin == start
            {
                return Some(start);
            }
        }
        None
    }

    /// Adds pointers in data to slots and thunks, and the code that names those pointers.
    fn follow_pointers(&mut self, mut named: HashSet<u32>) {
        named.extend(self.thunks.keys());
        for (place, target) in self.places.pointers_to(&scan::Places::at(&named)) {
            let thunk = self.thunks.get_mut(&target);
            let wanted = match thunk {
                Some(thunk) => {
                    thunk.used = true;
                    Some(thunk.wanted)
                }
                None => self.transfer.aims.wanted_at(target),
            };
            let Some(wanted) = wanted else { continue };
            if self.places.code_from(place).is_some() {
                // An instruction with the whole address in it.
                let field = Field { at: place, place: target };
                self.anchors.push(Anchor { field, wanted, aim: Aim::Wanted });
            } else {
                self.cells.insert(place, wanted);
            }
        }
        let cells: HashSet<u32> = self.cells.keys().copied().collect();
        for field in self.scan(&cells) {
            if let Some(&wanted) = self.cells.get(&field.place) {
                self.anchors.push(Anchor { field, wanted, aim: Aim::Cell(field.place) });
            }
        }
    }

    /// Analyses every function around an anchor.
    fn analyse(&mut self) {
        let mut functions: BTreeMap<u32, (Extent, Vec<Anchor>)> = BTreeMap::new();
        for anchor in std::mem::take(&mut self.anchors) {
            match self.finder.around(&mut *self.decoder, anchor.field.at) {
                Some(extent) => {
                    let begin = extent.begin;
                    let function =
                        functions.entry(begin).or_insert_with(|| (extent.clone(), Vec::new()));
                    function.0.add(extent);
                    function.1.push(anchor);
                }
                None => self.lose(&anchor),
            }
        }
        let unlisted = functions.values().filter(|(extent, _)| !extent.listed);
        let known = self.known_starts(unlisted.map(|(extent, _)| extent.begin).collect());
        for (extent, anchors) in functions.into_values() {
            let named = extent.listed || known.contains(&extent.begin);
            let left = MOST_STEPS.saturating_sub(self.steps);
            self.steps += self.analyse_one(extent, &anchors, named, left);
        }
    }

    /// Says of an anchor that what becomes of it is not seen.
    fn lose(&mut self, anchor: &Anchor) {
        match anchor.aim {
            Aim::Wanted | Aim::Cell(_) | Aim::Planted => {
                self.refer(anchor.field.at, anchor.wanted, Fate::Unreached);
            }
            Aim::Table => {}
            Aim::Function | Aim::FunctionCell => self.open_function(anchor.wanted),
            Aim::Variable => self.across.open_variable(anchor.field.place),
        }
    }

    /// Those of `starts` that something in the image names: code, data, an export, the entry point.
    fn known_starts(&self, starts: HashSet<u32>) -> HashSet<u32> {
        if starts.is_empty() {
            return starts;
        }
        let starts = scan::Places::at(&starts);
        let mut known: HashSet<u32> =
            self.scan_for_functions(&starts).into_iter().map(|field| field.place).collect();
        known.extend(self.places.pointers_to(&starts).into_iter().map(|(_, target)| target));
        let image = self.places.image;
        known.extend(image.exports().iter().map(|export| export.address.0));
        known.insert(image.headers().entry_point.0);
        known
    }

    /// Analyses one function; how much work it was.
    fn analyse_one(
        &mut self,
        mut extent: Extent,
        anchors: &[Anchor],
        named: bool,
        budget: usize,
    ) -> usize {
        if budget == 0 || self.survey.instructions > MOST_INSTRUCTIONS {
            if anchors.iter().any(Anchor::is_asked) {
                self.give_up();
            }
            anchors.iter().for_each(|anchor| self.lose(anchor));
            return 0;
        }
        extent.ranges.sort_by_key(|range| (range.start != extent.begin, range.start));
        let fields: Vec<Field> = anchors.iter().map(|anchor| anchor.field).collect();
        let begin = extent.begin;
        let kept = extent.clone();
        let mut graph = graph(&mut *self.decoder, self.places, &self.finder, extent, &fields);
        self.survey.functions += usize::from(!self.looked.contains_key(&begin));
        self.survey.instructions += graph.insns.len();
        let insns: HashMap<u32, (usize, bool)> =
            fields.iter().filter_map(|&field| Some((field.at, graph.insn_with(field)?))).collect();
        let of_interest: BTreeSet<usize> = insns.values().map(|(insn, _)| *insn).collect();
        self.transfer.clear();
        let budget = budget.min(MOST_STEPS_IN_ONE);
        let mut found = analyse(
            &mut self.transfer,
            &mut *self.decoder,
            &mut graph,
            &self.query,
            &of_interest,
            (Manner::Quickly, budget),
        );
        for site in &mut found.sites {
            site.reached &= named;
        }
        if !found.handed_back.is_empty() && self.result_is_used(begin, 0) {
            found.kept.extend(found.handed_back.drain());
        }
        self.lose_tables(begin, named, &mut found);
        if (graph.spent || found.spent) && anchors.iter().any(Anchor::is_asked) {
            self.give_up();
        }
        let unreached = found.sites.iter().filter(|site| !site.reached);
        let unreached: HashSet<u32> = unreached.map(|site| site.at).collect();
        let outcome = Outcome { found: &found, unreached, named };
        for anchor in anchors {
            match insns.get(&anchor.field.at) {
                // The bytes only look like a reference: they are part of something else.
                Some((_, false)) => {}
                Some(&(insn, true)) => {
                    self.settle(anchor, Some(&graph.insns[insn]), &outcome);
                }
                None if self.may_be_code(anchor.field) => {
                    self.settle(anchor, None, &outcome);
                }
                None => {}
            }
        }
        // Where instructions overlap, a call may go through a jump that was not taken for one.
        let at_anchor: HashSet<u32> =
            insns.values().map(|&(insn, _)| graph.insns[insn].at).collect();
        for site in found.sites.iter().filter(|site| found.direct.contains(&site.at)) {
            let is_new = !self.seen_at.contains(&(site.at, site.wanted))
                && !self.transfer.aims.is_aside(site.wanted);
            if is_new && !at_anchor.contains(&site.at) && (site.wanted as usize) < self.asked {
                self.refer(site.at, site.wanted, Fate::Call);
            }
        }
        self.keep(kept, fields, graph, found)
    }

    /// Whether some caller uses what the function returns, as far as the code just behind the call shows.
    fn result_is_used(&mut self, function: u32, depth: usize) -> bool {
        let ways: Vec<Field> =
            self.places.names().ways_to(function..function.saturating_add(1)).collect();
        ways.into_iter().take(MOST_CALLERS).any(|field| {
            let Some((_, flow)) = self.decoder.step(field.at.wrapping_sub(1)) else { return false };
            match flow {
                Flow::Call(_) => self.is_used_behind(field.at.saturating_add(4), depth),
                Flow::Jump(_) => self.is_handed_back(field.at, depth),
                _ => false,
            }
        })
    }

    /// Whether the result of a call is used in the code from `at` on.
    fn is_used_behind(&mut self, mut at: u32, depth: usize) -> bool {
        let result = self.decoder.abi().result;
        for _ in 0..MOST_BEHIND {
            let Some((length, flow)) = self.decoder.step(at) else { return false };
            let (reads, writes) = self.decoder.uses(at, result);
            match flow {
                _ if reads => return true,
                _ if writes => return false,
                Flow::Return => return self.is_handed_back(at, depth),
                Flow::Jump(target) => at = target,
                Flow::Next | Flow::Branch(_) => at = at.saturating_add(length),
                _ => return false,
            }
        }
        false
    }

    /// Whether what the function around `at` returns is used in turn.
    fn is_handed_back(&mut self, at: u32, depth: usize) -> bool {
        let around = self.finder.around(&mut *self.decoder, at);
        around.is_some_and(|extent| {
            depth < MOST_LEVELS && self.result_is_used(extent.begin, depth + 1)
        })
    }

    /// Keeps what was found in a function, and how to look into it again; how much work it was.
    fn keep(
        &mut self,
        extent: Extent,
        fields: Vec<Field>,
        graph: Graph,
        mut found: Found,
    ) -> usize {
        let (spent, graph_begin) = (graph.spent || found.spent, graph.begin);
        let room = self.across.room_for(&found, graph.insns.len());
        self.names_found(&found);
        self.finders.note(graph.begin, &found, spent);
        self.across.read(&found.read);
        self.across.planted.append(&mut found.planted);
        let looked = self.looked.entry(graph.begin).or_insert_with(|| Looked {
            extent: extent.clone(),
            instructions: graph.insns.len(),
            graph: None,
            fields: Vec::new(),
            conditions: BTreeSet::new(),
            joined: BTreeSet::new(),
            paths: BTreeSet::new(),
        });
        for range in extent.ranges {
            if !looked.extent.ranges.contains(&range) {
                looked.extent.ranges.push(range);
            }
        }
        let was = looked.fields.len();
        looked.fields.extend(fields);
        looked.fields.sort_unstable();
        looked.fields.dedup();
        looked.graph = (room && was == 0).then_some(graph);
        looked.conditions.append(&mut found.conditions);
        looked.joined.append(&mut found.joined);
        let touched = found.fields.iter().chain(&found.overwritten);
        self.across.touched.extend(touched.map(|path| (graph_begin, *path)));
        looked.paths.append(&mut found.fields);
        for site in found.sites {
            if self.transfer.aims.is_aside(site.wanted) {
                continue;
            }
            if (site.wanted as usize) < self.asked {
                // Where a function is looked into again, less of it may be.
                if self.seen_at.insert((site.at, site.wanted)) {
                    self.seen.push(site);
                }
            } else {
                self.across.call(site, spent);
            }
        }
        found.stores.into_iter().for_each(|store| self.across.store(store));
        found.steps
    }

    /// Says that a function may have other callers.
    fn open_function(&mut self, number: u32) {
        self.across.open_function(number);
        self.finders.open(number);
    }

    /// Notes which functions are found by name, and what becomes of their addresses.
    fn names_found(&mut self, found: &Found) {
        for (at, by, name) in &found.named {
            let wanted = name.as_deref().and_then(|name| self.transfer.aims.called(name));
            self.survey.lookups.push(Lookup { at: Rva(*at), by: *by as usize, name: name.clone() });
            let Some(wanted) = wanted else { continue };
            if found.kept.contains(at) {
                self.refer(*at, wanted, Fate::Stored);
            } else if found.given_from(*at).next().is_some() {
                self.refer(*at, wanted, Fate::Data);
            } else if found.called_by(*at).any(|called| called == wanted) {
                self.refer(*at, wanted, Fate::Call);
            }
        }
    }

    /// Says what became of an anchor in code.
    fn settle(&mut self, anchor: &Anchor, insn: Option<&Insn>, outcome: &Outcome<'_>) {
        let at = insn.map_or(anchor.field.at, |insn| insn.at);
        let mut called = outcome.found.called_by(at);
        let effect = self.transfer.aims.effect(anchor.wanted);
        let by_own = self.finders.is_one(anchor.wanted);
        let finds =
            by_own || matches!(effect, Effect::FindsByUnicode { .. } | Effect::FindsByAnsi { .. });
        let fate = |used: bool| match (insn, used) {
            (None, _) => Fate::Unreached,
            // Where a call finds a function by its name, it is that one which is kept.
            _ if outcome.found.kept.contains(&at) && !(used && finds) => Fate::Stored,
            (_, true) if !outcome.unreached.contains(&at) => Fate::Call,
            (_, true) => Fate::Unreached,
            // In a function that nothing names it may be no code at all.
            _ if !outcome.named => Fate::Unreached,
            _ => Fate::Data,
        };
        match anchor.aim {
            Aim::Wanted | Aim::Planted => {}
            Aim::Cell(cell) => {
                if called.any(|wanted| wanted == anchor.wanted) {
                    self.cells.remove(&cell);
                    self.refer(cell, anchor.wanted, Fate::Call);
                }
                return;
            }
            Aim::Table => {
                // The table is named, and which of its entries are meant shows in the calls.
                let entries = self.transfer.aims.table_by(anchor.field.place).unwrap_or_default();
                let kept = outcome.found.kept.contains(&at);
                let stored = entries.iter().map(|(_, wanted)| *wanted).filter(|_| kept);
                let called: BTreeSet<u32> = called.chain(stored).collect();
                for &wanted in &called {
                    self.refer(at, wanted, fate(true));
                }
                for wanted in outcome.found.given_from(at).filter(|wanted| !called.contains(wanted))
                {
                    self.refer(at, wanted, fate(false));
                }
                return;
            }
            Aim::Function => {
                let goes_there = insn.is_some_and(|insn| match insn.flow {
                    Flow::Call(_) => true,
                    // What is found goes back to the caller's caller, and by which name is not seen.
                    Flow::Jump(_) | Flow::Branch(_) => !by_own,
                    _ => false,
                });
                // A call within the function itself is a jump back, or recursion that is seen.
                if !goes_there || fate(called.any(|wanted| wanted == anchor.wanted)) != Fate::Call {
                    self.open_function(anchor.wanted);
                }
                return;
            }
            Aim::FunctionCell => return,
            Aim::Variable => {
                if insn.is_none() {
                    self.across.open_variable(anchor.field.place);
                }
                return;
            }
        }
        let used = called.any(|wanted| wanted == anchor.wanted);
        match fate(used) {
            // Only compared, as with null before it is called.
            Fate::Data
                if anchor.aim == Aim::Planted && outcome.found.given_from(at).next().is_none() => {}
            // It stands in a variable, and what becomes of it there is looked at later.
            Fate::Data if outcome.found.planted.iter().any(|(from, ..)| *from == at) => {}
            fate => self.refer(at, anchor.wanted, fate),
        }
        if let Some(thunk) = self.thunk_named(anchor.field.at) {
            thunk.used = true;
        }
    }

    /// Whether some instruction around the field would name its place: if none does, it is data.
    fn may_be_code(&mut self, field: Field) -> bool {
        (1..=11).any(|back| {
            let start = field.at.wrapping_sub(back);
            self.decoder.names(start).is_some_and(|(_, place)| place == field.place)
        })
    }

    /// The thunk that the field names.
    fn thunk_named(&mut self, field: u32) -> Option<&mut Thunk> {
        let bytes = self.places.code_from(field)?.first_chunk()?;
        let place = field.wrapping_add(4).wrapping_add(u32::from_le_bytes(*bytes));
        self.thunks.get_mut(&place)
    }

    /// Says what became of jumps and of pointers in data.
    fn settle_thunks_and_pointers(&mut self) {
        // A thunk that is named by another one is used if that is.
        let starts: Vec<u32> = self.thunks.keys().copied().collect();
        let exported: HashSet<u32> =
            self.places.image.exports().iter().map(|export| export.address.0).collect();
        for _ in 0..MOST_LEVELS {
            for &start in &starts {
                let used = self.thunks.get(&start).is_some_and(|thunk| thunk.used);
                if used && let Some(next) = self.thunk_named(start.saturating_add(1)) {
                    next.used = true;
                }
            }
        }
        for (start, thunk) in std::mem::take(&mut self.thunks) {
            let fate = match (exported.contains(&start), thunk.used) {
                (true, _) => Fate::Stored,
                (false, true) => Fate::Thunk,
                (false, false) => Fate::DeadThunk,
            };
            self.refer(start, thunk.wanted, fate);
        }
        for (cell, wanted) in std::mem::take(&mut self.cells) {
            self.refer(cell, wanted, Fate::Stored);
        }
    }

    /// Says that not everything was looked at.
    fn give_up(&mut self) {
        if !self.survey.doubts.contains(&Doubt::Budget) {
            self.survey.doubts.push(Doubt::Budget);
        }
    }

    fn refer(&mut self, at: u32, wanted: u32, fate: Fate) {
        self.survey.references.push(Reference { at: Rva(at), wanted: wanted as usize, fate });
    }
}
