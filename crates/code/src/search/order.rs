//! What runs before what as a driver starts: whether variables are set up before they are used.
//!
//! From the entry point on, code is walked along every way that is possible on a given build of Windows
//! until it comes to a store. What it comes by is before the store; all else is behind it.

use super::Search;
use super::pieces::{Event, Pieces};
use super::versions::OnBuilds;
use crate::analysis::{Found, Manner, analyse};
use crate::domain::Atom;
use crate::flow::{Graph, graph};
use crate::scan;
use crate::survey::{Argument, SetUp, Stored, Variable};
use crate::value::{Origin, Possible};
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
/// Operations carried out for one of them, and for all on all builds.
const MOST_STEPS: usize = 1_000_000;
pub(super) const MOST_STEPS_IN_ALL: usize = 4_000_000;
/// Functions that ask Windows for its version which are looked at for what they make of it.
const MOST_TELLERS: usize = 16;
/// Exports that are looked at for what others may call before a driver starts.
const MOST_EXPORTS: usize = 4096;
/// Pointers in data that are looked at for being handed on.
pub(super) const MOST_POINTERS: usize = 100_000;

/// Calls, each with the instructions that count for when it is.
type Uses = BTreeMap<u32, BTreeSet<u32>>;

/// What a walk through a function comes to.
#[derive(Clone, Copy, Debug, Default)]
struct Walked {
    /// Whether it comes by a store.
    stores: bool,
    /// Whether it may end without and not tell its caller of a failure.
    passes: bool,
    /// Whether it may end without and return the code of a failure.
    fails: bool,
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
    /// Whether a function is called that nobody knows.
    unknown: bool,
    /// Whether there was more than there is room for.
    spent: bool,
}

/// The functions that a start may come by, read once.
#[derive(Default)]
pub(super) struct Read {
    plain: BTreeMap<u32, Pieces>,
    /// Functions that ask Windows for its version.
    tellers: Option<BTreeSet<u32>>,
    /// What such functions return, by the function and the build.
    results: BTreeMap<(u32, u32), Option<Vec<Atom>>>,
    instructions: usize,
    spent: bool,
}

impl Search<'_> {
    /// Says of every variable that stores decide about when those run.
    pub(super) fn order_variables(&mut self) {
        let mut read = Read::default();
        let on_builds = self.leave_possible(&mut read);
        let mut variables = std::mem::take(&mut self.survey.variables);
        for variable in &mut variables {
            let uses = self.uses(variable.at);
            if !variable.stores.is_empty() && !uses.is_empty() && !self.query.builds.is_empty() {
                variable.set_up = self.set_up(variable, &uses, &on_builds, &mut read);
            }
        }
        variables.retain(|variable| !self.uses(variable.at).is_empty());
        self.survey.variables = variables;
    }

    /// The calls that something read from the variable goes into, by address, each with the instructions that
    /// count for when: the call, and what made the value in the same function.
    pub(super) fn uses(&self, variable: Rva) -> Uses {
        let from = |possible: &&Possible| match possible.origin {
            Some(Origin::Initial(at) | Origin::Stored { variable: at, .. }) => at == variable,
            None => false,
        };
        let mut uses = Uses::new();
        let mut add = |at: Rva, arguments: &[Argument]| {
            let comes = arguments.iter().flat_map(|one| &one.value.possible).filter(from);
            let made: Vec<u32> = comes.map(|one| one.set_at.map_or(at.0, |made| made.0)).collect();
            if !made.is_empty() {
                let here = |made: &u32| self.finder.are_in_one_function(*made, at.0);
                let use_of = uses.entry(at.0).or_default();
                use_of.insert(at.0);
                use_of.extend(made.into_iter().filter(here));
            }
        };
        for site in &self.survey.sites {
            if site.routes.is_empty() {
                add(site.at, &site.arguments);
            }
            for route in &site.routes {
                add(route.calls.first().map_or(site.at, |step| step.at), &route.arguments);
            }
        }
        uses
    }

    fn set_up(
        &mut self,
        variable: &Variable,
        uses: &Uses,
        on_builds: &OnBuilds,
        read: &mut Read,
    ) -> Vec<SetUp> {
        let holders: BTreeSet<u32> = variable.stores.iter().map(|store| store.function.0).collect();
        let entry = self.places.image.headers().entry_point.0;
        let leading = self.leading_to(entry, &holders);
        if self.are_uncalled(entry, &leading) {
            let never = |&build: &u32| SetUp {
                build,
                stored: Stored::Nowhere,
                before: Vec::new(),
                perhaps_before: Vec::new(),
            };
            return self.query.builds.iter().map(never).collect();
        }
        let mut asks_for_build = true;
        let mut all: Vec<SetUp> = Vec::new();
        for build in self.query.builds.clone() {
            // Where nothing depends on the build all are alike.
            if !asks_for_build && let Some(first) = all.first() {
                all.push(SetUp { build, ..first.clone() });
                continue;
            }
            let chain;
            (chain, asks_for_build) = self.chain(&leading, build, read);
            let stores = variable.stores.iter().map(|store| store.at.0);
            let stores: BTreeSet<u32> =
                stores.filter(|at| on_builds.sets_up(*at, variable, build)).collect();
            let mut walk = Walk { spent: read.spent, ..Walk::default() };
            let walked = self.walk(entry, &stores, &chain, read, &mut walk, 0);
            // Where there is none, nothing comes before it.
            let (before, perhaps_before) = (Vec::new(), Vec::new());
            all.push(match stores.is_empty() {
                true => SetUp { build, stored: Stored::Nowhere, before, perhaps_before },
                false => self.told(build, walked, uses, walk, read),
            });
        }
        all
    }

    fn told(
        &mut self,
        build: u32,
        walked: Walked,
        uses: &Uses,
        mut walk: Walk,
        read: &mut Read,
    ) -> SetUp {
        let earlier = |walk: &Walk| -> BTreeSet<u32> {
            let before = |at: &u32| walk.before.contains(at);
            uses.iter().filter(|(_, made)| made.iter().any(before)).map(|(at, _)| *at).collect()
        };
        let before = earlier(&walk);
        // What is known by its address before the store may be called by others before it.
        let mut called = self.known_by_others(&walk);
        // A driver that others import from is loaded with those, and its entry point is not called then: `DllInitialize`
        // is, and whatever they import.
        let entry = self.places.image.headers().entry_point;
        let exports = self.places.image.exports().iter();
        let exported = exports.filter(|export| !export.forwarded && export.address != entry);
        let exported = exported.map(|export| export.address.0).take(MOST_EXPORTS);
        called.extend(exported.filter(|address| self.places.code_from(*address).is_some()));
        for function in called {
            self.walk(function, &BTreeSet::new(), &BTreeMap::new(), read, &mut walk, 0);
        }
        // Only now is it known whether there was room for all of that.
        let stored = match walked {
            _ if walk.spent || read.spent || self.pointers_left == 0 => Stored::Perhaps,
            Walked { stores: true, passes: false, .. } => Stored::Always,
            Walked { stores: true, passes: true, .. } => Stored::Perhaps,
            Walked { stores: false, .. } => Stored::Never,
        };
        // Nobody knows what a function is that a pointer leads to.
        let perhaps: BTreeSet<u32> = match walk.unknown {
            true => uses.keys().copied().collect(),
            false => earlier(&walk),
        };
        let perhaps_before = perhaps.difference(&before).map(|at| Rva(*at)).collect();
        let before = before.into_iter().map(Rva).collect();
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

    /// Whether nothing goes to any of `functions` but they themselves.
    fn are_uncalled(&mut self, entry: u32, functions: &BTreeSet<u32>) -> bool {
        if functions.contains(&entry) || functions.len() > MOST_LEADING {
            return false;
        }
        let named = scan::Places::at(&functions.iter().copied().collect());
        let is_exported = |function: &u32| {
            self.places.image.exports().iter().any(|export| export.address.0 == *function)
        };
        if functions.iter().any(is_exported) || !self.places.pointers_to(&named).is_empty() {
            return false;
        }
        let from_them = self.scan_for_functions(&named).into_iter().all(|field| {
            let around = self.finder.around(&mut *self.decoder, field.at);
            around.is_some_and(|extent| functions.contains(&extent.begin))
        });
        from_them && !functions.iter().any(|function| self.is_entered_unseen(*function))
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

    /// The functions that ask Windows for its version.
    pub(super) fn tellers(&mut self, read: &mut Read) -> BTreeSet<u32> {
        if let Some(known) = &read.tellers {
            return known.clone();
        }
        let slots: HashSet<u32> = self.transfer.aims.version_slots().collect();
        let fields = self.scan(&slots);
        let around = fields
            .into_iter()
            .take(MOST_TELLERS)
            .filter_map(|field| Some(self.finder.around(&mut *self.decoder, field.at)?.begin));
        let tellers: BTreeSet<u32> = around.collect();
        read.tellers = Some(tellers.clone());
        tellers
    }

    /// A function, analysed as it runs on a build.
    pub(super) fn on_build(
        &mut self,
        function: u32,
        build: u32,
        manner: Manner,
    ) -> Option<(Graph, Found)> {
        let mut graph = self.graph_of(function)?;
        self.transfer.clear();
        self.transfer.known.build = Some(build);
        let found = analyse(
            &mut self.transfer,
            &mut *self.decoder,
            &mut graph,
            &self.query,
            &BTreeSet::new(),
            (manner, MOST_STEPS.min(self.order_left)),
        );
        self.transfer.known.build = None;
        self.order_left = self.order_left.saturating_sub(graph.insns.len() + found.steps);
        Some((graph, found))
    }

    /// What a function returns on a build, where that is nothing but numbers.
    fn results_on(&mut self, function: u32, build: u32) -> Option<Vec<Atom>> {
        if self.order_left == 0 {
            return None;
        }
        let (graph, found) = self.on_build(function, build, Manner::ForResults)?;
        let numbers: Option<BTreeSet<u64>> = found.results.iter().map(Atom::number).collect();
        let numbers = numbers.filter(|_| !found.spent && !graph.spent)?;
        let atoms: Vec<Atom> =
            numbers.into_iter().map(|number| Atom::constant(number, 0)).collect();
        (!atoms.is_empty()).then_some(atoms)
    }

    /// The functions that lead to a store, with the ways that are possible on a build; and whether some
    /// way depends on which one it is. What functions return that ask for the version is known then as well.
    fn chain(
        &mut self,
        leading: &BTreeSet<u32>,
        build: u32,
        read: &mut Read,
    ) -> (BTreeMap<u32, Pieces>, bool) {
        let look = |search: &mut Self| search.chain_with_known(leading, build);
        let ((chain, asks_for_build), knows) = self.knowing_results(leading, build, read, look);
        (chain, asks_for_build || knows)
    }

    /// Looks at something with what functions return on a build that ask for the version, but for those `within`;
    /// and whether there are any.
    pub(super) fn knowing_results<T>(
        &mut self,
        within: &BTreeSet<u32>,
        build: u32,
        read: &mut Read,
        look: impl FnOnce(&mut Self) -> T,
    ) -> (T, bool) {
        let mut before = Vec::new();
        for function in self.tellers(read).into_iter().filter(|one| !within.contains(one)) {
            let known = read.results.get(&(function, build)).cloned();
            let results = known.unwrap_or_else(|| self.results_on(function, build));
            read.results.insert((function, build), results.clone());
            if let Some(results) = results {
                before.push((function, self.transfer.known.results.insert(function, results)));
            }
        }
        let seen = look(self);
        let knows = !before.is_empty();
        for (function, results) in before {
            match results {
                Some(results) => drop(self.transfer.known.results.insert(function, results)),
                None => drop(self.transfer.known.results.remove(&function)),
            }
        }
        (seen, knows)
    }

    fn chain_with_known(
        &mut self,
        leading: &BTreeSet<u32>,
        build: u32,
    ) -> (BTreeMap<u32, Pieces>, bool) {
        let mut chain = BTreeMap::new();
        let mut asks_for_build = false;
        for &function in leading {
            // Without room the function is taken whichever ways code may take in it, on each build.
            if self.order_left == 0 {
                asks_for_build = true;
                break;
            }
            let found = self.on_build(function, build, Manner::ForOrder);
            let Some((mut graph, found)) = found else { continue };
            asks_for_build |= found.asks_for_build;
            let ways = (!found.spent).then_some(&found.ways[..]);
            chain.insert(function, self.pieces(&mut graph, ways));
        }
        (chain, asks_for_build)
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
        walk.walked.insert(function, Walked { passes: true, ..Walked::default() });
        if depth > 64 {
            walk.spent = true;
            return Walked { passes: true, ..Walked::default() };
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
            // A function that was to store has failed, and the code behind its call may ask for that.
            let mut asks = false;
            for event in &pieces.events[piece] {
                match *event {
                    Event::At(at) if stores.contains(&at) => stored = true,
                    Event::At(at) => drop(walk.before.insert(at)),
                    Event::HandsOn(place) => drop(walk.handed_on.insert(place)),
                    Event::Puts { to, address } => drop(walk.put.insert((to, address))),
                    Event::Calls(called) => {
                        let inner = self.walk(called, stores, chain, read, walk, depth + 1);
                        stored = inner.stores && !inner.passes && !inner.fails;
                        asks = inner.stores && !inner.passes && inner.fails;
                        walked.stores |= inner.stores;
                    }
                    Event::CallsOutside => asks = false,
                    Event::CallsUnknown => (walk.unknown, asks) = (true, false),
                }
                if stored {
                    break;
                }
            }
            if stored {
                walked.stores = true;
                continue;
            }
            let failed_here = failed || asks && pieces.hands_back[piece];
            walked.passes |= pieces.ends[piece] && !failed_here;
            walked.fails |= pieces.ends[piece] && failed_here;
            let next = &pieces.next[piece];
            let handed_on = asks;
            let asks = asks && next.iter().any(|(_, fails)| *fails);
            let next = next.iter().filter(|(_, fails)| *fails || !asks);
            // Or it hands on what that returned by way of the stack.
            let put = pieces.puts[piece].filter(|_| handed_on);
            let hands_back = |to: usize| put.is_some() && pieces.returns[to] == put;
            pending.extend(next.map(|(to, fails)| (*to, failed || *fails || hands_back(*to))));
        }
        walk.walked.insert(function, walked);
        walked
    }
}
