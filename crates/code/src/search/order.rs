//! What runs before what as a driver starts: whether variables are set up before they are used.
//!
//! From the entry point on, code is walked along every way that is possible on a given build of Windows
//! until it comes to a store. What it comes by is before the store; all else is behind it.

use super::Search;
use crate::analysis::{Manner, analyse};
use crate::decode::{Flow, Stub};
use crate::flow::{Graph, graph};
use crate::ir::{Op, Reg, Source, Target};
use crate::scan;
use crate::survey::{SetUp, Stored, Variable};
use crate::value::Origin;
use foldhash::HashSet;
use ringfence_image::Rva;
use std::collections::{BTreeMap, BTreeSet};

/// Calls from the entry point to a store that are followed, and functions on the way.
const MOST_CALLS: usize = 6;
const MOST_LEADING: usize = 64;
/// Functions that are looked at to see what a start comes by.
const MOST_FUNCTIONS: usize = 1024;
/// Instructions of those.
const MOST_INSTRUCTIONS: usize = 200_000;
/// Operations carried out for one of them.
const MOST_STEPS: usize = 1_000_000;
/// Pointers in data that are looked at for being handed on.
pub(super) const MOST_POINTERS: usize = 100_000;

/// What an instruction does that matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    /// It is at this address.
    At(u32),
    /// It calls, or goes on to, this function.
    Calls(u32),
    /// It hands on the address of this place: of a function, which may then be called by others, or of
    /// an object that leads to functions.
    HandsOn(u32),
    /// It puts the address of a place into an object of the image.
    Puts {
        /// Where in the object.
        to: u32,
        /// The place.
        address: u32,
    },
}

/// A function as pieces of code, and the ways between them.
#[derive(Clone, Debug, Default)]
struct Pieces {
    events: Vec<Vec<Event>>,
    /// Where code goes on, and whether only where something failed.
    next: Vec<Vec<(usize, bool)>>,
    /// Whether the function ends there.
    ends: Vec<bool>,
    start: Option<usize>,
}

/// What a walk through a function comes to.
#[derive(Clone, Copy, Debug, Default)]
struct Walked {
    /// Whether it comes by a store.
    stores: bool,
    /// Whether it may end without, though nothing failed.
    passes: bool,
}

/// A walk from the entry on one build.
#[derive(Default)]
struct Walk {
    /// Instructions that run before a store.
    before: BTreeSet<u32>,
    /// Functions that were walked through.
    walked: BTreeMap<u32, Walked>,
    /// Places whose addresses others know before, and what was put where.
    handed_on: BTreeSet<u32>,
    put: BTreeSet<(u32, u32)>,
    /// Whether there was more than there is room for.
    spent: bool,
}

/// The functions that a start may come by, read once.
#[derive(Default)]
struct Read {
    plain: BTreeMap<u32, Pieces>,
    instructions: usize,
    spent: bool,
}

impl Search<'_> {
    /// Says of every variable that stores decide about when those run.
    pub(super) fn order_variables(&mut self) {
        let mut variables = std::mem::take(&mut self.survey.variables);
        let mut read = Read::default();
        for variable in &mut variables {
            let uses = self.uses(variable.at);
            if !variable.stores.is_empty() && !uses.is_empty() && !self.query.builds.is_empty() {
                variable.set_up = self.set_up(variable, &uses, &mut read);
            }
        }
        variables.retain(|variable| !self.uses(variable.at).is_empty());
        self.survey.variables = variables;
    }

    /// The calls that something read from the variable goes into, with their functions.
    fn uses(&self, variable: Rva) -> BTreeSet<(u32, u32)> {
        let from = |origin: Option<Origin>| match origin {
            Some(Origin::Initial(at) | Origin::Stored { variable: at, .. }) => at == variable,
            None => false,
        };
        let mut uses = BTreeSet::new();
        for site in &self.survey.sites {
            let comes = |arguments: &[crate::Argument]| {
                arguments.iter().flat_map(|one| &one.value.possible).any(|one| from(one.origin))
            };
            let function = site.function.map_or(0, |function| function.0);
            if site.routes.is_empty() && comes(&site.arguments) {
                uses.insert((site.at.0, function));
            }
            for route in site.routes.iter().filter(|route| comes(&route.arguments)) {
                let first = route.calls.first();
                let at = first.map_or(site.at.0, |step| step.at.0);
                let caller = first.and_then(|step| step.function);
                uses.insert((at, caller.map_or(function, |caller| caller.0)));
            }
        }
        uses
    }

    fn set_up(
        &mut self,
        variable: &Variable,
        uses: &BTreeSet<(u32, u32)>,
        read: &mut Read,
    ) -> Vec<SetUp> {
        let stores: BTreeSet<u32> = variable.stores.iter().map(|store| store.at.0).collect();
        let holders: BTreeSet<u32> = variable.stores.iter().map(|store| store.function.0).collect();
        let entry = self.places.image.headers().entry_point.0;
        let leading = self.leading_to(entry, &holders);
        let mut asks_for_build = true;
        let mut all: Vec<SetUp> = Vec::new();
        for build in self.query.builds.clone() {
            // Where nothing depends on the build all are alike.
            if !asks_for_build && let Some(first) = all.first() {
                all.push(SetUp { build, ..first.clone() });
                continue;
            }
            let chain;
            (chain, asks_for_build) = self.chain(&leading, build);
            let mut walk = Walk { spent: read.spent, ..Walk::default() };
            let walked = self.walk(entry, &stores, &chain, read, &mut walk, 0);
            all.push(self.told(build, walked, uses, walk, read));
        }
        all
    }

    fn told(
        &mut self,
        build: u32,
        walked: Walked,
        uses: &BTreeSet<(u32, u32)>,
        mut walk: Walk,
        read: &mut Read,
    ) -> SetUp {
        let stored = match walked {
            _ if walk.spent || read.spent || self.pointers_left == 0 => Stored::Perhaps,
            Walked { stores: true, passes: false } => Stored::Always,
            Walked { stores: true, passes: true } => Stored::Perhaps,
            Walked { stores: false, .. } => Stored::Never,
        };
        let is_before = |walk: &Walk, at: u32| walk.before.contains(&at);
        let before: Vec<Rva> =
            uses.iter().filter(|(at, _)| is_before(&walk, *at)).map(|(at, _)| Rva(*at)).collect();
        // What is known by its address before the store may be called by others before it.
        for function in self.known_by_others(&walk) {
            self.walk(function, &BTreeSet::new(), &BTreeMap::new(), read, &mut walk, 0);
        }
        let perhaps_before = uses
            .iter()
            .filter(|(at, _)| !before.contains(&Rva(*at)) && is_before(&walk, *at))
            .map(|(at, _)| Rva(*at))
            .collect();
        SetUp { build, stored, before, perhaps_before }
    }

    /// The functions by way of which `entry` may come to one of `holders`, themselves included.
    fn leading_to(&mut self, entry: u32, holders: &BTreeSet<u32>) -> BTreeSet<u32> {
        let mut leading = holders.clone();
        let mut fresh = holders.clone();
        for _ in 0..MOST_CALLS {
            if fresh.is_empty() || leading.len() > MOST_LEADING || fresh.contains(&entry) {
                break;
            }
            let named: HashSet<u32> = fresh.iter().copied().collect();
            let fields = self.scan_for_functions(&scan::Places::at(&named));
            let around = fields
                .into_iter()
                .filter_map(|field| Some(self.finder.around(&mut *self.decoder, field.at)?.begin));
            fresh = around.filter(|begin| !leading.contains(begin)).collect();
            leading.extend(&fresh);
        }
        leading
    }

    /// A function as pieces, whichever ways code takes.
    fn plain(&mut self, function: u32, read: &mut Read) -> Pieces {
        if let Some(known) = read.plain.get(&function) {
            return known.clone();
        }
        let full = read.plain.len() >= MOST_FUNCTIONS || read.instructions > MOST_INSTRUCTIONS;
        read.spent |= full;
        let pieces = match full {
            true => None,
            false => self.graph_of(function).map(|mut graph| {
                read.instructions += graph.insns.len();
                self.pieces(&mut graph, None)
            }),
        };
        let pieces = pieces.unwrap_or_default();
        read.plain.insert(function, pieces.clone());
        pieces
    }

    fn graph_of(&mut self, function: u32) -> Option<Graph> {
        let extent = self.finder.around(&mut *self.decoder, function)?;
        (extent.begin == function)
            .then(|| graph(&mut *self.decoder, self.places, &self.finder, extent, &[]))
    }

    /// The functions that lead to a store, with the ways that are possible on a build; and whether some
    /// way depends on which one it is.
    fn chain(&mut self, leading: &BTreeSet<u32>, build: u32) -> (BTreeMap<u32, Pieces>, bool) {
        let mut chain = BTreeMap::new();
        let mut asks_for_build = false;
        for &function in leading {
            let Some(mut graph) = self.graph_of(function) else { continue };
            self.transfer.clear();
            self.transfer.known.build = Some(build);
            let found = analyse(
                &mut self.transfer,
                &mut *self.decoder,
                &mut graph,
                &self.query,
                &BTreeSet::new(),
                (Manner::ForOrder, MOST_STEPS),
            );
            self.transfer.known.build = None;
            asks_for_build |= found.asks_for_build;
            let ways = (!found.spent).then_some(&found.ways[..]);
            chain.insert(function, self.pieces(&mut graph, ways));
        }
        (chain, asks_for_build)
    }

    /// A function as pieces; `ways` are those that are possible, if that is known.
    fn pieces(&mut self, graph: &mut Graph, ways: Option<&[(usize, usize, bool)]>) -> Pieces {
        let mut pieces = Pieces::default();
        for index in 0..graph.blocks.len() {
            graph.lift(&mut *self.decoder, index);
            let block = &graph.blocks[index];
            let mut events = Vec::new();
            let mut ends = false;
            // Registers that hold addresses of functions.
            let mut held: Vec<(Reg, u32)> = Vec::new();
            for insn in &graph.insns[block.insns.clone()] {
                for op in graph.ops(insn) {
                    events.extend(self.handed_on(op, &mut held));
                }
                events.push(Event::At(insn.at));
                if let Flow::Call(_) = insn.flow {
                    let volatile = self.transfer.abi.volatile;
                    held.retain(|(register, _)| volatile >> register.0 & 1 == 0);
                }
                let inside = |at: u32| graph.insns.binary_search_by_key(&at, |one| one.at).is_ok();
                match insn.flow {
                    Flow::Call(Target::Code(at)) => events.extend(self.function_at(at)),
                    Flow::Jump(at) if !inside(at) => {
                        events.extend(self.function_at(at));
                        ends = true;
                    }
                    Flow::Return | Flow::Indirect(_) => ends = true,
                    _ => {}
                }
            }
            let next = match ways {
                Some(ways) => ways
                    .iter()
                    .filter(|(from, ..)| *from == index)
                    .map(|(_, to, failed)| (*to, *failed))
                    .collect(),
                None => graph.successors(index).iter().map(|to| (*to, false)).collect(),
            };
            if block.entry == Some(crate::flow::Entry::Start) {
                pieces.start = Some(index);
            }
            pieces.events.push(events);
            pieces.ends.push(ends && graph.successors(index).is_empty());
            pieces.next.push(next);
        }
        pieces
    }

    /// What becomes of an address in the image that an operation makes or moves: in an argument's register
    /// or on the stack a call may find it. What is stored elsewhere, as into the driver object, nobody
    /// calls before the start is over. `held` are the registers that hold such addresses.
    fn handed_on(&self, op: &Op, held: &mut Vec<(Reg, u32)>) -> Option<Event> {
        let abi = self.decoder.abi();
        let by = |register: Reg| held.iter().find(|(held, _)| *held == register).map(|held| held.1);
        let address = match *op {
            Op::Point { address, .. } if address.in_image => u32::try_from(address.offset).ok(),
            Op::Copy { from: Source::Image(place), .. } => Some(place),
            Op::Copy { from: Source::Reg(from), .. } => by(from),
            Op::Store { to, value: Source::Reg(from), .. } => {
                let address = by(from)?;
                let object = match to.base {
                    Some(base) if base == abi.stack_pointer => {
                        return Some(Event::HandsOn(address));
                    }
                    Some(base) => i64::from(by(base)?),
                    None if to.in_image => 0,
                    None => return None,
                };
                let to = u32::try_from(object.checked_add(to.offset)?).ok()?;
                return Some(Event::Puts { to, address });
            }
            _ => None,
        };
        let to = op.sets()?;
        held.retain(|(register, _)| *register != to);
        held.extend(address.map(|address| (to, address)));
        address.filter(|_| abi.arguments.contains(&to)).map(Event::HandsOn)
    }

    /// The functions that others may call by the places that were handed on to them: the places themselves,
    /// and those whose addresses stand, or were put, into objects there.
    fn known_by_others(&mut self, walk: &Walk) -> BTreeSet<u32> {
        let mut functions = BTreeSet::new();
        let mut places = walk.handed_on.clone();
        let mut pending: Vec<u32> = places.iter().copied().collect();
        while let Some(place) = pending.pop() {
            if self.places.code_from(place).is_some() {
                functions.insert(place);
                continue;
            }
            if self.pointers_left == 0 {
                break;
            }
            let there = self.places.pointers_of(place, &walk.put);
            self.pointers_left = self.pointers_left.saturating_sub(there.len() + 1);
            pending.extend(there.into_iter().filter(|address| places.insert(*address)));
        }
        functions
    }

    fn function_at(&self, code: u32) -> Option<Event> {
        match self.decoder.stub(code) {
            Stub::Code(function) => Some(Event::Calls(function)),
            _ => None,
        }
    }

    /// Walks through a function until code comes to one of `stores`.
    fn walk(
        &mut self,
        function: u32,
        stores: &BTreeSet<u32>,
        chain: &BTreeMap<u32, Pieces>,
        read: &mut Read,
        walk: &mut Walk,
        depth: usize,
    ) -> Walked {
        if let Some(known) = walk.walked.get(&function) {
            return *known;
        }
        // What calls itself comes back if it does at all.
        walk.walked.insert(function, Walked { stores: false, passes: true });
        if depth > 64 {
            walk.spent = true;
            return Walked { stores: false, passes: true };
        }
        let pieces = match chain.get(&function) {
            Some(pieces) => pieces.clone(),
            None => self.plain(function, read),
        };
        let mut walked = Walked::default();
        let mut seen = BTreeSet::new();
        let mut pending: Vec<(usize, bool)> =
            pieces.start.map(|start| (start, false)).into_iter().collect();
        // Of a function that could not be read nothing is known but that it returns.
        walked.passes = pending.is_empty();
        while let Some((piece, failed)) = pending.pop() {
            if !seen.insert((piece, failed)) || failed && seen.contains(&(piece, false)) {
                continue;
            }
            let mut stored = false;
            for event in &pieces.events[piece] {
                match *event {
                    Event::At(at) if stores.contains(&at) => stored = true,
                    Event::At(at) => drop(walk.before.insert(at)),
                    Event::HandsOn(place) => drop(walk.handed_on.insert(place)),
                    Event::Puts { to, address } => drop(walk.put.insert((to, address))),
                    Event::Calls(called) => {
                        let inner = self.walk(called, stores, chain, read, walk, depth + 1);
                        stored = inner.stores && !inner.passes;
                        walked.stores |= inner.stores;
                    }
                }
                if stored {
                    break;
                }
            }
            if stored {
                walked.stores = true;
                continue;
            }
            walked.passes |= pieces.ends[piece] && !failed;
            pending.extend(pieces.next[piece].iter().map(|(to, fails)| (*to, failed || *fails)));
        }
        walk.walked.insert(function, walked);
        walked
    }
}
