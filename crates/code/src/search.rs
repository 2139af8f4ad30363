//! The whole search: references first, then the functions around them, then what became of each.

mod memory;
mod sight;

use crate::analysis::{Found, analyse};
use crate::decode::amd64::Amd64;
use crate::decode::{Decoder, Stub};
use crate::flow::graph;
use crate::function::{Extent, Finder};
use crate::packed;
use crate::places::Places;
use crate::query::Query;
use crate::scan::{Field, fields};
use crate::survey::{Doubt, Fate, Reference, Survey};
use crate::transfer::Transfer;
use ringfence_image::{Image, Machine, Rva};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// Jumps to jumps to imports that are looked for, one level after the other.
const MOST_LEVELS: usize = 4;
/// How far behind a table's address one of its wanted entries must be named.
const NEAR: usize = 160;
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

/// A place in code that names a wanted function, directly or by way of a jump or a pointer to it.
#[derive(Clone, Copy, Debug)]
struct Anchor {
    field: Field,
    wanted: u32,
    /// Whether it only names a table; then it counts only if a call comes of it.
    table: bool,
    /// Whether it names a pointer in data.
    cell: Option<u32>,
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

struct Search<'a> {
    places: &'a Places<'a>,
    query: &'a Query,
    finder: Finder<'a>,
    decoder: Box<dyn Decoder + 'a>,
    transfer: Transfer<'a>,
    anchors: Vec<Anchor>,
    thunks: BTreeMap<u32, Thunk>,
    /// Pointers in data to a slot or a thunk.
    cells: BTreeMap<u32, u32>,
    survey: Survey,
    /// Quick looks at what becomes of a value that are still made.
    looks: usize,
}

impl<'a> Search<'a> {
    fn new(places: &'a Places<'a>, query: &'a Query, decoder: Box<dyn Decoder + 'a>) -> Search<'a> {
        Search {
            places,
            query,
            finder: Finder::new(places),
            transfer: Transfer::new(places, decoder.abi()),
            decoder,
            anchors: Vec::new(),
            thunks: BTreeMap::new(),
            cells: BTreeMap::new(),
            survey: Survey::default(),
            looks: sight::MOST_LOOKS,
        }
    }

    fn run(mut self) -> Survey {
        let named: HashSet<u32> = self.places.named().collect();
        let found = self.scan(&named);
        self.take(found, |places, place| match places.wanted_at(place) {
            Some(wanted) => Some((wanted, false)),
            None => places.table_behind(place)?.first().map(|(_, wanted)| (*wanted, true)),
        });
        self.follow_thunks();
        self.follow_pointers(named);
        self.analyse();
        if let Some(watch) = &self.query.watch {
            self.sight(watch);
        }
        if self.places.code_left_out {
            self.give_up();
        }
        self.settle_thunks_and_pointers();
        self.survey.sites.sort_by_key(|site| (site.at, site.wanted));
        self.survey.sites.dedup_by_key(|site| (site.at, site.wanted));
        self.survey.references.sort_by_key(|reference| (reference.at, reference.wanted));
        self.survey
    }

    /// Every field in executable sections that names one of `named`.
    fn scan(&self, named: &HashSet<u32>) -> Vec<Field> {
        let mut found = Vec::new();
        if named.is_empty() {
            return found;
        }
        for &(start, bytes) in self.places.code() {
            fields(bytes, start, named, &mut found);
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    fn take(&mut self, found: Vec<Field>, means: impl Fn(&Places<'_>, u32) -> Option<(u32, bool)>) {
        for field in found {
            let Some((wanted, table)) = means(self.places, field.place) else { continue };
            if !table || self.entry_is_near(field.at, field.place) {
                self.anchors.push(Anchor { field, wanted, table, cell: None });
            }
        }
    }

    /// Whether one of the wanted entries of the table behind `pointer` is named soon after `field`.
    /// Most entries of such a table are not wanted, and its address is read for each call.
    fn entry_is_near(&self, field: u32, pointer: u32) -> bool {
        let entries = self.places.table_behind(pointer).unwrap_or_default();
        let bytes = self.places.code_from(field).unwrap_or_default();
        let near = &bytes[..bytes.len().min(NEAR)];
        near.windows(4).any(|word| {
            let number = i32::from_le_bytes([word[0], word[1], word[2], word[3]]);
            entries.iter().any(|(offset, _)| *offset == number)
        })
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
            self.take(fields, |_, place| thunks.get(&place).map(|thunk| (thunk.wanted, false)));
            self.thunks = thunks;
        }
    }

    /// The start of the jump to a wanted function that `field` makes, if that is a function of its own.
    fn thunk_at(&mut self, field: u32) -> Option<u32> {
        // An operation code of one byte, two, or two behind a prefix.
        for back in 1..=3 {
            let start = field.checked_sub(back)?;
            if let Stub::ToPointer(place) = self.decoder.stub(start)
                && self.places.wanted_at(place).is_some()
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
        for (place, target) in self.places.pointers_to(&named) {
            let thunk = self.thunks.get_mut(&target);
            let wanted = match thunk {
                Some(thunk) => {
                    thunk.used = true;
                    Some(thunk.wanted)
                }
                None => self.places.wanted_at(target),
            };
            let Some(wanted) = wanted else { continue };
            if self.places.code_from(place).is_some() {
                // An instruction with the whole address in it.
                let field = Field { at: place, place: target };
                self.anchors.push(Anchor { field, wanted, table: false, cell: None });
            } else {
                self.cells.insert(place, wanted);
            }
        }
        let cells: HashSet<u32> = self.cells.keys().copied().collect();
        for field in self.scan(&cells) {
            if let Some(&wanted) = self.cells.get(&field.place) {
                self.anchors.push(Anchor { field, wanted, table: true, cell: Some(field.place) });
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
                None => self.refer(anchor.field.at, anchor.wanted, Fate::Unreached),
            }
        }
        let unlisted = functions.values().filter(|(extent, _)| !extent.listed);
        let known = self.known_starts(unlisted.map(|(extent, _)| extent.begin).collect());
        let mut steps = 0;
        for (extent, anchors) in functions.into_values() {
            let named = extent.listed || known.contains(&extent.begin);
            steps += self.analyse_one(extent, &anchors, named, MOST_STEPS.saturating_sub(steps));
        }
    }

    /// Those of `starts` that something in the image names: code, data, an export, the entry point.
    fn known_starts(&self, starts: HashSet<u32>) -> HashSet<u32> {
        if starts.is_empty() {
            return starts;
        }
        let mut known: HashSet<u32> =
            self.scan(&starts).into_iter().map(|field| field.place).collect();
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
            self.give_up();
            for anchor in anchors.iter().filter(|anchor| !anchor.table) {
                self.refer(anchor.field.at, anchor.wanted, Fate::Unreached);
            }
            return 0;
        }
        extent.ranges.sort_by_key(|range| (range.start != extent.begin, range.start));
        let fields: Vec<Field> = anchors.iter().map(|anchor| anchor.field).collect();
        let mut graph = graph(&mut *self.decoder, self.places, &self.finder, extent, &fields);
        self.survey.functions += 1;
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
            self.query,
            &of_interest,
            budget,
        );
        for site in &mut found.sites {
            site.reached &= named;
        }
        if graph.spent || found.spent {
            self.give_up();
        }
        let unreached = found.sites.iter().filter(|site| !site.reached);
        let unreached: HashSet<u32> = unreached.map(|site| site.at.0).collect();
        let outcome = Outcome { found: &found, unreached, named };
        for anchor in anchors {
            match insns.get(&anchor.field.at) {
                // The bytes only look like a reference: they are part of something else.
                Some((_, false)) => {}
                Some(&(insn, true)) => {
                    self.settle(anchor, Some(graph.insns[insn].at), &outcome);
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
        for site in found.sites.iter().filter(|site| found.direct.contains(&site.at.0)) {
            if !at_anchor.contains(&site.at.0) {
                self.refer(site.at.0, site.wanted as u32, Fate::Call);
            }
        }
        self.survey.sites.append(&mut found.sites);
        found.steps
    }

    /// Says what became of an anchor in code.
    fn settle(&mut self, anchor: &Anchor, insn: Option<u32>, outcome: &Outcome<'_>) {
        let at = insn.unwrap_or(anchor.field.at);
        let mut called = outcome.found.called_by(at);
        if let Some(cell) = anchor.cell {
            if called.any(|wanted| wanted == anchor.wanted) {
                self.cells.remove(&cell);
                self.refer(cell, anchor.wanted, Fate::Call);
            }
            return;
        }
        let fate = |used: bool| match (insn, used) {
            (None, _) => Fate::Unreached,
            _ if outcome.found.kept.contains(&at) => Fate::Stored,
            (_, true) if !outcome.unreached.contains(&at) => Fate::Call,
            (_, true) => Fate::Unreached,
            // In a function that nothing names it may be no code at all.
            _ if !outcome.named => Fate::Unreached,
            _ => Fate::Data,
        };
        if anchor.table {
            // The table is named, and which of its entries are meant shows in the calls.
            for wanted in called {
                self.refer(at, wanted, fate(true));
            }
            return;
        }
        let used = called.any(|wanted| wanted == anchor.wanted);
        self.refer(at, anchor.wanted, fate(used));
        if let Some(thunk) = self.thunk_named(anchor.field.at) {
            thunk.used = true;
        }
    }

    /// Whether some instruction around the field would name its place: if none does, it is data.
    fn may_be_code(&mut self, field: Field) -> bool {
        (1..=11).any(|back| {
            let start = field.at.wrapping_sub(back);
            self.decoder.read(start).is_some_and(|lifted| lifted.names == Some(field.place))
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
