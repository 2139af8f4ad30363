//! What looks at the version of Windows leave of stores and of arguments: on no build that is asked about does code
//! take all of the ways that it has.

use super::Search;
use super::callers::Group;
use super::order::Read;
use super::pieces::{Event, Pieces};
use crate::analysis::{Found, Manner, Seen, Store};
use crate::domain::Atom;
use crate::query::Parameter;
use crate::scan;
use crate::survey::{Argument, Site, Variable};
use crate::value::{Origin, Possible};
use foldhash::HashSet;
use ringfence_image::Rva;
use std::collections::{BTreeMap, BTreeSet};

/// Functions that are looked at on every build.
const MOST_FUNCTIONS: usize = 16;

/// What stores put into variables on each build, where that is known: by the instruction, then by build. Nothing
/// stands there for a build on which it does not run, or something else is stored at once.
#[derive(Default)]
pub(super) struct OnBuilds(BTreeMap<u32, BTreeMap<u32, BTreeSet<u64>>>);

impl OnBuilds {
    /// Whether the store at `at` makes the variable something else than it was, on a build.
    pub(super) fn sets_up(&self, at: u32, variable: &Variable, build: u32) -> bool {
        let Some(builds) = self.0.get(&at) else { return true };
        let numbers = builds.get(&build);
        numbers.is_some_and(|all| all.iter().any(|one| Some(*one) != variable.initial))
    }

    /// What is stored at `at` on any build, if that is known.
    fn anywhere(&self, at: u32) -> Option<BTreeSet<u64>> {
        Some(self.0.get(&at)?.values().flatten().copied().collect())
    }
}

/// A function as it was seen on a build.
struct OnBuild {
    found: Found,
    pieces: Pieces,
}

impl Search<'_> {
    /// Leaves of what is stored and of what calls are given what is possible on some build that is asked about; what
    /// stores put into variables on each.
    pub(super) fn leave_possible(&mut self, read: &mut Read) -> OnBuilds {
        let mut known = OnBuilds::default();
        for function in self.asking(read) {
            let Some(seen) = self.on_every_build(function, read) else { continue };
            let mut variables = std::mem::take(&mut self.survey.variables);
            for variable in &mut variables {
                self.note_stores(variable, function, &seen, &mut known);
            }
            self.survey.variables = variables;
            self.leave_arguments(function, &seen);
        }
        if !known.0.is_empty() {
            self.leave_stored(&known);
        }
        known
    }

    /// Functions that ask for the version of Windows, themselves or by a function that does, and that store into
    /// variables or call what is asked about.
    fn asking(&mut self, read: &mut Read) -> Vec<u32> {
        if self.query.builds.is_empty() {
            return Vec::new();
        }
        let mut asking = self.tellers(read);
        if asking.is_empty() {
            return Vec::new();
        }
        let named: HashSet<u32> = asking.iter().copied().collect();
        for field in self.scan_for_functions(&scan::Places::at(&named)) {
            let around = self.finder.around(&mut *self.decoder, field.at);
            asking.extend(around.map(|extent| extent.begin));
        }
        let stores = self.survey.variables.iter().flat_map(|variable| &variable.stores);
        let stores = stores.map(|store| store.function);
        let calls = self.survey.sites.iter().filter_map(|site| site.function);
        let all: BTreeSet<u32> = stores.chain(calls).map(|function| function.0).collect();
        all.intersection(&asking).take(MOST_FUNCTIONS).copied().collect()
    }

    /// A function on each build; nothing where it cannot be followed to its end.
    fn on_every_build(&mut self, function: u32, read: &mut Read) -> Option<Vec<(u32, OnBuild)>> {
        let alone = BTreeSet::from([function]);
        let mut all = Vec::new();
        for build in self.query.builds.clone() {
            let look = |search: &mut Self| search.on_build(function, build, Manner::ForOrder);
            let (seen, _) = self.knowing_results(&alone, build, read, look);
            let (mut graph, found) = seen?;
            if found.spent || graph.spent || graph.unresolved || self.order_left == 0 {
                return None;
            }
            let pieces = self.pieces(&mut graph, Some(&found.ways));
            all.push((build, OnBuild { found, pieces }));
        }
        Some(all)
    }

    /// Notes what a function stores into a variable on each build.
    fn note_stores(
        &self,
        variable: &Variable,
        function: u32,
        seen: &[(u32, OnBuild)],
        known: &mut OnBuilds,
    ) {
        let uses: BTreeSet<u32> = self.uses(variable.at).into_values().flatten().collect();
        let whole = |store: &&Store| {
            store.place == variable.at.0 && store.bytes.is_some_and(|bytes| bytes >= variable.bytes)
        };
        for store in variable.stores.iter().filter(|store| store.function.0 == function) {
            let mut builds = BTreeMap::new();
            let mut told = true;
            for (build, OnBuild { found, pieces }) in seen {
                let others: BTreeSet<u32> =
                    found.stores.iter().filter(whole).map(|s| s.at).collect();
                let here: Vec<&Store> =
                    found.stores.iter().filter(|s| s.at == store.at.0).collect();
                if here.is_empty() || is_overwritten(pieces, store.at.0, &others, &uses) {
                    continue;
                }
                let atoms = here.iter().flat_map(|store| &store.value);
                let mask = u64::MAX >> (64 - 8 * u32::from(variable.bytes.clamp(1, 8)));
                let numbers: Option<BTreeSet<u64>> =
                    atoms.map(|atom| atom.number().map(|number| number & mask)).collect();
                told &= here.iter().all(whole);
                match numbers {
                    Some(numbers) => drop(builds.insert(*build, numbers)),
                    None => told = false,
                }
            }
            if told {
                known.0.insert(store.at.0, builds);
            }
        }
    }

    /// Leaves of the arguments of a function's own calls what they are on some build.
    fn leave_arguments(&mut self, function: u32, seen: &[(u32, OnBuild)]) {
        let mut sites = std::mem::take(&mut self.survey.sites);
        let own = |site: &&mut Site| {
            site.function == Some(Rva(function)) && site.reached && site.routes.is_empty()
        };
        for site in sites.iter_mut().filter(own) {
            let is_it = |one: &&Seen| one.at == site.at.0 && one.wanted as usize == site.wanted;
            let calls = seen.iter().flat_map(|(_, seen)| seen.found.sites.iter().filter(is_it));
            let mut together: Vec<(Parameter, Vec<Atom>)> = Vec::new();
            for (parameter, atoms) in calls.flat_map(|call| &call.arguments) {
                match together.iter_mut().find(|(known, _)| known.index == parameter.index) {
                    Some((_, known)) => known.extend(atoms),
                    None => together.push((*parameter, atoms.clone())),
                }
            }
            let told = self.told_of(&together, function, &Group::default());
            for new in self.arguments(&told) {
                let old = site.arguments.iter_mut().find(|old| old.index == new.index);
                if let Some(old) = old.filter(|old| is_less(&new, old)) {
                    *old = new;
                }
            }
        }
        self.survey.sites = sites;
    }

    /// Takes out of variables, and of what calls take from them, what is stored on no build; and what is
    /// stored that the variable held before, if on no build anything else is.
    fn leave_stored(&mut self, known: &OnBuilds) {
        let mut variables = std::mem::take(&mut self.survey.variables);
        for variable in &mut variables {
            let initial = variable.initial.filter(|_| self.is_as_before_alone(variable, known));
            // What each store may have put there, and what is left of that.
            let mut left: BTreeMap<u32, BTreeSet<u64>> = BTreeMap::new();
            for store in &variable.stores {
                let Some(mut numbers) = known.anywhere(store.at.0) else { continue };
                numbers.retain(|number| Some(*number) != initial);
                left.insert(store.at.0, numbers);
            }
            let at = variable.at;
            let is_possible = |one: &Possible| match one.origin {
                Some(Origin::Stored { variable, at: store }) if variable == at => {
                    let numbers = left.get(&store.0);
                    numbers.is_none_or(|all| one.constant().is_some_and(|one| all.contains(&one)))
                }
                _ => true,
            };
            let is_gone = |one: &Possible| match one.origin {
                Some(Origin::Stored { variable, at: store }) if variable == at => {
                    left.get(&store.0).is_some_and(BTreeSet::is_empty)
                }
                _ => false,
            };
            // Of what is worked out from it, it is not known which of several numbers it comes from.
            let stores = &variable.stores;
            let plain = |one: &Possible| match one.origin {
                Some(Origin::Stored { variable, at: store }) if variable == at => {
                    let same = |other: &Possible| other.constant() == one.constant();
                    let store = stores.iter().find(|known| known.at == store);
                    store.is_some_and(|store| store.value.possible.iter().any(same))
                }
                _ => true,
            };
            let leave = |arguments: &mut Vec<Argument>| {
                for value in arguments.iter_mut().map(|one| &mut one.value) {
                    let is_plain = value.possible.iter().all(plain);
                    let stays =
                        |one: &Possible| if is_plain { is_possible(one) } else { !is_gone(one) };
                    if value.possible.iter().any(stays) {
                        value.possible.retain(stays);
                    }
                }
            };
            for site in &mut self.survey.sites {
                leave(&mut site.arguments);
                site.routes.iter_mut().for_each(|route| leave(&mut route.arguments));
            }
            for store in &mut variable.stores {
                if let Some(numbers) = left.get(&store.at.0) {
                    let is_left = |one: &Possible| {
                        one.constant().is_some_and(|number| numbers.contains(&number))
                    };
                    store.value.possible.retain(is_left);
                }
            }
            variable.stores.retain(|store| !store.value.possible.is_empty());
        }
        self.survey.variables = variables;
    }

    /// Whether a variable, on each build on which a store leaves it as the file has it, is not stored anything else
    /// into.
    fn is_as_before_alone(&self, variable: &Variable, known: &OnBuilds) -> bool {
        let Some(initial) = variable.initial else { return false };
        let stores: Option<Vec<_>> =
            variable.stores.iter().map(|store| known.0.get(&store.at.0)).collect();
        let Some(stores) = stores else { return false };
        self.query.builds.iter().all(|build| {
            let all: BTreeSet<u64> =
                stores.iter().filter_map(|store| store.get(build)).flatten().copied().collect();
            !all.contains(&initial) || all.len() == 1
        })
    }
}

/// Whether code that has come by `store` comes by one of the `others` on every way, before anything may use the
/// variable: before one of `uses`, a call within the image, or the function's end.
fn is_overwritten(
    pieces: &Pieces,
    store: u32,
    others: &BTreeSet<u32>,
    uses: &BTreeSet<u32>,
) -> bool {
    let is_it = |event: &Event| *event == Event::At(store);
    let holding = pieces.events.iter().position(|events| events.iter().any(is_it));
    let Some(first) = holding else { return false };
    let behind = pieces.events[first].iter().position(is_it).map_or(0, |index| index + 1);
    let mut pending = vec![(first, behind)];
    let mut seen = BTreeSet::new();
    while let Some((piece, from)) = pending.pop() {
        let mut overwritten = false;
        for event in &pieces.events[piece][from..] {
            match event {
                Event::At(at) if *at == store => return false,
                Event::At(at) if others.contains(at) => overwritten = true,
                Event::At(at) if uses.contains(at) => return false,
                Event::At(_) | Event::CallsOutside => {}
                _ => return false,
            }
            if overwritten {
                break;
            }
        }
        if overwritten {
            continue;
        }
        if pieces.ends[piece] || pieces.next[piece].is_empty() {
            return false;
        }
        let next = pieces.next[piece].iter().map(|(next, _)| *next);
        pending.extend(next.filter(|next| seen.insert(*next)).map(|next| (next, 0)));
    }
    true
}

/// Whether an argument is one of fewer values than another, all of which that one has.
fn is_less(new: &Argument, old: &Argument) -> bool {
    let key = |one: &Possible| (one.ones, one.zeros, one.unknown, one.origin);
    let (new, old) = (&new.value.possible, &old.value.possible);
    !new.is_empty()
        && new.len() < old.len()
        && new.iter().all(|one| old.iter().any(|known| key(known) == key(one)))
}
