//! What other functions of the image make of a value: callers, variables, results. Level by level,
//! what is open in the calls that were seen says which callers, variables and functions to look into.

use super::callers::{Contexts, Given, are_chosen};
use super::{Aim, Anchor, Search};
use crate::analysis::{Found, Manner, Seen, Store};
use crate::decode::Access;
use crate::domain::{Atom, Base};
use crate::query::{Callee, Effect, Parameter, Wanted};
use crate::scan::{self, Field};
use crate::survey::Fate;
use crate::value::Origin;
use crate::{Path, Reason};
use foldhash::{HashMap, HashSet};
use ringfence_image::Rva;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::rc::Rc;

/// Levels of callers and variables that are looked for.
const MOST_LEVELS: usize = 26;
/// Functions whose callers are looked for, and variables.
const MOST_FUNCTIONS: usize = 4096;
const MOST_VARIABLES: usize = 1024;
/// How often variables and results are worked out from each other before they count as not known.
const MOST_ROUNDS: usize = 12;
/// Instructions that are kept of functions which will be looked at again.
const MOST_KEPT: usize = 100_000;
/// Instructions of a function whose callers are asked what they make it choose. Those that turn one thing
/// into another are small; in large ones most conditions are about something else.
const MOST_CHOOSING: usize = 128;
/// The bytes before a variable that an instruction may write to and reach the variable.
const WIDEST: u32 = 15;
/// An object whose address is taken this far before a variable, which nothing is stored into by name,
/// may be what the variable is a part of.
const NEAR: u32 = 0x100;
/// How far behind the start of its table a pointer to a function is looked for.
const NEAR_CELL: u32 = 0x40;

/// What numbers of origins have in common that were stored: they are the higher ones.
const STORED: u16 = 0x8000;

/// What is known of other functions and of variables.
#[derive(Default)]
pub(super) struct Across {
    /// Functions whose callers are asked about, by address.
    functions: BTreeMap<u32, Rc<Callers>>,
    /// Where they are in the query.
    numbers: BTreeMap<u32, u32>,
    pub(super) variables: BTreeMap<u32, Variable>,
    /// Functions whose results are asked about.
    results: BTreeMap<u32, Vec<Atom>>,
    /// How many bytes of a variable are read at once.
    widths: BTreeMap<u32, u8>,
    /// Functions of which is asked which memory parameters of theirs lead to, and those parameters.
    pub(super) behind: BTreeMap<u32, BTreeSet<u8>>,
    /// What functions read and write of memory that others gave them the address of.
    pub(super) touched: BTreeSet<(u32, Path)>,
    /// Whether control may come to functions from one that is given such memory.
    pub(super) led: HashMap<u32, bool>,
    /// The calls in functions, seen with what is known of such memory.
    pub(super) seen_behind: HashMap<u32, Rc<Vec<Seen>>>,
    /// Addresses of wanted functions that stand in variables: where they were read, which function,
    /// which variable.
    pub(super) planted: BTreeSet<(u32, u32, u32)>,
    origins: Vec<Origin>,
    pub(super) contexts: BTreeMap<u32, Rc<Contexts>>,
    pub(super) under: HashMap<(u32, Given), Rc<Vec<Seen>>>,
    pub(super) knowing: HashMap<u32, Rc<Vec<Seen>>>,
    pub(super) steps: usize,
    /// Instructions of functions that are kept.
    kept: usize,
}

/// The callers of a function.
#[derive(Clone, Debug, Default)]
pub(super) struct Callers {
    pub(super) calls: Vec<Seen>,
    /// The parameters that matter.
    pub(super) parameters: BTreeSet<u8>,
    /// Whether there may be others.
    pub(super) open: bool,
}

/// A variable of the image.
#[derive(Clone, Debug, Default)]
pub(super) struct Variable {
    pub(super) bytes: u8,
    pub(super) initial: Option<u64>,
    pub(super) stores: Vec<Store>,
    /// Whether something else may be stored into it.
    pub(super) open: bool,
    /// Whether it may be part of an object whose address is taken.
    near: bool,
}

/// What is to be looked into next.
#[derive(Default)]
struct Needs {
    parameters: BTreeMap<u32, BTreeSet<u8>>,
    variables: BTreeMap<u32, u8>,
    results: BTreeSet<u32>,
}

/// What code may name that is looked for.
#[derive(Default)]
struct Named {
    /// Functions, and their numbers.
    functions: BTreeMap<u32, u32>,
    /// Variables, and what stands before them.
    variables: Vec<Range<u32>>,
    /// Variables that hold addresses of wanted functions, and the number of one.
    planted: BTreeMap<u32, u32>,
}

impl Named {
    fn functions(&self) -> scan::Places {
        let single = self.functions.keys().map(|&place| place..place.saturating_add(1));
        scan::Places::within(single.collect())
    }

    fn data(&self) -> scan::Places {
        let single = self.planted.keys().map(|&place| place..place.saturating_add(1));
        scan::Places::within(single.chain(self.variables.iter().cloned()).collect())
    }
}

impl Needs {
    fn is_empty(&self) -> bool {
        self.parameters.is_empty() && self.variables.is_empty() && self.results.is_empty()
    }
}

impl Across {
    /// Notes variables that were read.
    pub(super) fn read(&mut self, read: &[(u32, u8)]) {
        for (at, bytes) in read {
            let known = self.widths.entry(*at).or_default();
            *known = (*known).max(*bytes);
        }
    }

    /// Whether code of so many instructions may be kept, if it is to be looked at again.
    pub(super) fn room_for(&mut self, found: &Found, instructions: usize) -> bool {
        let open = |atom: &Atom| atom.asked_of_others().is_some();
        let values = found.sites.iter().flat_map(|site| &site.arguments);
        let again = values.flat_map(|(_, atoms)| atoms).any(open);
        let room = again && self.kept + instructions <= MOST_KEPT;
        self.kept += if room { instructions } else { 0 };
        room
    }

    /// Adds a call of a function whose callers are asked about.
    pub(super) fn call(&mut self, call: Seen, spent: bool) {
        let wanted = call.wanted;
        let Some(callers) = self.by_number(wanted) else { return };
        if !call.reached || spent {
            callers.open = true;
            return;
        }
        if !callers.calls.iter().any(|known| known.is_call(&call)) {
            callers.calls.push(call);
        }
    }

    /// Adds a store into a variable.
    pub(super) fn store(&mut self, store: Store) {
        let end = store.place.saturating_add(store.bytes.map_or(0x1000, u32::from));
        let first = store.place.saturating_sub(7);
        for (at, variable) in self.variables.range_mut(first..end) {
            if at.saturating_add(u32::from(variable.bytes)) > store.place
                && !variable.stores.contains(&store)
            {
                variable.stores.push(store.clone());
            }
        }
    }

    /// The functions whose callers were looked for.
    pub(super) fn asked(&self) -> Vec<u32> {
        self.functions.keys().copied().collect()
    }

    /// Replaces a call of `function` by the same, seen again.
    pub(super) fn see_again(&mut self, function: u32, call: Seen) {
        let Some(callers) = self.functions.get_mut(&function).map(Rc::make_mut) else { return };
        if let Some(known) = callers.calls.iter_mut().find(|known| known.is_call(&call)) {
            *known = call;
        }
    }

    /// Says that a function may have other callers.
    pub(super) fn open_function(&mut self, number: u32) {
        if let Some(callers) = self.by_number(number) {
            callers.open = true;
        }
    }

    /// Says that something else may be stored into the variables at `place`.
    pub(super) fn open_variable(&mut self, place: u32) {
        let reach = place.saturating_sub(7)..place.saturating_add(WIDEST + 1);
        self.variables.range_mut(reach).for_each(|(_, variable)| variable.open = true);
    }

    fn by_number(&mut self, number: u32) -> Option<&mut Callers> {
        let function = self.numbers.get(&number)?;
        self.functions.get_mut(function).map(Rc::make_mut)
    }

    /// Whether the callers of a function were looked for.
    pub(super) fn asks_about(&self, function: u32) -> bool {
        self.functions.contains_key(&function)
    }

    pub(super) fn callers(&self, function: u32) -> Option<Rc<Callers>> {
        self.functions.get(&function).cloned()
    }

    /// Which content of a variable a number stands for.
    pub(super) fn origin(&self, number: u16) -> Option<Origin> {
        self.origins.get(usize::from(number & !STORED).checked_sub(1)?).copied()
    }

    /// The number that stands for a content of a variable.
    fn number_of(&mut self, origin: Origin) -> u16 {
        let index = match self.origins.iter().position(|known| *known == origin) {
            Some(index) => index,
            None => {
                self.origins.push(origin);
                self.origins.len() - 1
            }
        };
        let number = u16::try_from(index + 1).ok().filter(|number| number & STORED == 0);
        match origin {
            Origin::Initial(_) => number.unwrap_or(0),
            Origin::Stored { .. } => number.map_or(0, |number| number | STORED),
        }
    }
}

impl Search<'_> {
    /// Follows open arguments to callers, variables and results, then works those out.
    pub(super) fn look_across(&mut self) {
        let mut worked_out = false;
        for _ in 0..MOST_LEVELS {
            self.look_behind();
            let mut needs = self.needs();
            if needs.is_empty() {
                // What is known by now may show what else is open.
                self.work_out();
                worked_out = true;
                needs = self.needs_again();
            }
            if needs.is_empty() {
                break;
            }
            worked_out = false;
            self.look_into(needs);
        }
        if worked_out {
            return;
        }
        // What was never looked for, as there were too many levels, is open.
        for function in self.needs().parameters.into_keys() {
            if let Some(callers) = self.across.functions.get_mut(&function) {
                Rc::make_mut(callers).open = true;
            }
        }
        self.work_out();
    }

    /// What is open and not yet looked into.
    fn needs(&self) -> Needs {
        let mut needs = Needs::default();
        for seen in &self.seen {
            for (parameter, atoms) in &seen.arguments {
                self.need(seen.function, atoms, Some(*parameter), &mut needs);
            }
        }
        for callers in self.across.functions.values() {
            for call in &callers.calls {
                let matters = |(parameter, _): &&(Parameter, Vec<Atom>)| {
                    callers.parameters.contains(&parameter.index)
                };
                for (parameter, atoms) in call.arguments.iter().filter(matters) {
                    self.need(call.function, atoms, Some(*parameter), &mut needs);
                }
            }
        }
        for variable in self.across.variables.values() {
            for store in &variable.stores {
                self.need(store.function, &store.value, None, &mut needs);
            }
        }
        for (function, atoms) in &self.across.results {
            self.need(*function, atoms, None, &mut needs);
        }
        needs
    }

    /// What is still open in calls of which more is known by now.
    fn needs_again(&mut self) -> Needs {
        let mut needs = Needs::default();
        let functions: Vec<Rc<Callers>> = self.across.functions.values().cloned().collect();
        let inner = functions.iter().flat_map(|callers| callers.calls.clone());
        let mut calls: Vec<Seen> = self.seen.iter().cloned().chain(inner).collect();
        calls.retain(|call| self.depends_on_known(call));
        for call in calls {
            let again = self.refreshed(&call);
            for (parameter, atoms) in &again.arguments {
                self.need(again.function, atoms, Some(*parameter), &mut needs);
            }
        }
        needs
    }

    /// What these values of a function are open for. What callers make of them is asked only of
    /// arguments, those that were `asked` for.
    fn need(&self, function: u32, atoms: &[Atom], asked: Option<Parameter>, needs: &mut Needs) {
        let known = self.across.functions.get(&function);
        let is_new = |index: &u8| known.is_none_or(|callers| !callers.parameters.contains(index));
        let mut parameters = BTreeSet::new();
        let mut reasons: BTreeSet<Reason> =
            atoms.iter().filter_map(Atom::asked_of_others).collect();
        if let Some(looked) = self.looked.get(&function).filter(|_| !reasons.is_empty()) {
            reasons.extend(&looked.joined);
        }
        for reason in reasons {
            match reason {
                Reason::Global(at) => {
                    let bytes = self.across.widths.get(&at.0).copied().unwrap_or(4);
                    let looked = self.across.variables.contains_key(&at.0);
                    if !looked && self.across.variables.len() < MOST_VARIABLES {
                        needs.variables.insert(at.0, bytes);
                    }
                }
                Reason::ReturnedBy(at) if !self.across.results.contains_key(&at.0) => {
                    needs.results.insert(at.0);
                }
                Reason::Parameter(index) => drop(parameters.insert(index)),
                _ => {}
            }
        }
        let Some(asked) = asked else { return };
        parameters.extend(self.led_by(function, atoms));
        if are_chosen(atoms, asked)
            && let Some(looked) = self.looked.get(&function)
            && looked.instructions <= MOST_CHOOSING
        {
            parameters.extend(&looked.conditions);
        }
        parameters.retain(is_new);
        if !parameters.is_empty() && self.across.functions.len() < MOST_FUNCTIONS {
            needs.parameters.entry(function).or_default().extend(parameters);
        }
    }

    fn look_into(&mut self, needs: Needs) {
        let mut named = Named::default();
        let image = self.places.image;
        let exported: HashSet<u32> =
            image.exports().iter().map(|export| export.address.0).collect();
        for (function, parameters) in needs.parameters {
            if let Some(callers) = self.across.functions.get_mut(&function) {
                // More is asked of the same calls, which are looked at once more.
                let callers = Rc::make_mut(callers);
                callers.parameters.extend(parameters);
                let asked = callers.parameters.iter();
                let asked = asked.map(|&index| Parameter::new(index, 64)).collect();
                callers.calls.clear();
                if let Some(number) = self.transfer.aims.function_at(function) {
                    self.query.wanted[number as usize].arguments = asked;
                    named.functions.insert(function, number);
                }
                continue;
            }
            let open = exported.contains(&function)
                || image.headers().entry_point.0 == function
                || self.is_entered_unseen(function);
            let number = self.query.wanted.len() as u32;
            let arguments = parameters.iter().map(|&index| Parameter::new(index, 64)).collect();
            let callers = Callers { calls: Vec::new(), parameters, open };
            self.across.functions.insert(function, Rc::new(callers));
            self.across.numbers.insert(number, function);
            self.query.wanted.push(Wanted {
                // It is never looked for by this; its address is among the aims.
                callee: Callee::Slot(Rva(u32::MAX)),
                parameters: 0,
                arguments,
                effect: Effect::None,
            });
            self.transfer.aims.add_function(function, number);
            named.functions.insert(function, number);
        }
        for (at, bytes) in needs.variables {
            let initial = self.places.initial(at, bytes);
            let open = exported.iter().any(|export| (at..at + u32::from(bytes)).contains(export));
            let variable = Variable { bytes, initial, open, ..Variable::default() };
            self.across.variables.insert(at, variable);
            self.transfer.aims.watch(at, bytes);
            let end = at.saturating_add(u32::from(bytes));
            named.variables.push(at.saturating_sub(NEAR)..end);
        }
        self.search_for(&named);
        for function in needs.results {
            self.result(function);
        }
    }

    /// Looks into every function that names one of these.
    fn search_for(&mut self, named: &Named) {
        let (functions, data) = (named.functions(), named.data());
        for field in self.scan_for_functions(&functions) {
            if let Some(&wanted) = named.functions.get(&field.place) {
                self.anchors.push(Anchor { field, wanted, aim: Aim::Function });
            }
        }
        for field in self.scan_for(&data) {
            if let Some(&wanted) = named.planted.get(&field.place) {
                // That it is stored there is known.
                if self.access(field) != Some(Access::Writes) {
                    self.anchors.push(Anchor { field, wanted, aim: Aim::Planted });
                }
            } else {
                self.variable_named(field);
            }
        }
        for places in [functions, data] {
            self.pointers_named(&places, named);
        }
        self.analyse();
    }

    /// Pointers in data to what is looked for.
    fn pointers_named(&mut self, places: &scan::Places, named: &Named) {
        if places.is_empty() {
            return;
        }
        let mut cells: BTreeMap<u32, u32> = BTreeMap::new();
        for (place, target) in self.places.pointers_to(places) {
            match named.functions.get(&target) {
                Some(number) => {
                    self.across.open_function(*number);
                    cells.insert(place, *number);
                }
                None => self.address_taken(target),
            }
        }
        // Code may name the table that a pointer is in, rather than the pointer.
        let near = |place: &u32| place.saturating_sub(NEAR_CELL)..place.saturating_add(1);
        for field in self.scan_for(&scan::Places::within(cells.keys().map(near).collect())) {
            let behind = field.place..=field.place.saturating_add(NEAR_CELL);
            if let Some((_, &wanted)) = cells.range(behind).next() {
                self.anchors.push(Anchor { field, wanted, aim: Aim::FunctionCell });
            }
        }
    }

    /// Something names a variable, or what stands before it.
    fn variable_named(&mut self, field: Field) {
        match self.access(field) {
            None | Some(Access::Reads) => {}
            Some(Access::Takes) => self.address_taken(field.place),
            Some(Access::Writes) => {
                let reach = field.place..field.place.saturating_add(WIDEST + 1);
                let within = |(at, variable): (&u32, &Variable)| {
                    at.saturating_add(u32::from(variable.bytes)) > field.place
                };
                let first = field.place.saturating_sub(7);
                if self.across.variables.range(first..reach.end).any(within) {
                    let (wanted, aim) = (u32::MAX, Aim::Variable);
                    self.anchors.push(Anchor { field, wanted, aim });
                }
            }
        }
    }

    fn address_taken(&mut self, place: u32) {
        let reach = place.saturating_sub(7)..place.saturating_add(NEAR + 1);
        for (at, variable) in self.across.variables.range_mut(reach) {
            let end = at.saturating_add(u32::from(variable.bytes));
            variable.open |= (*at..end).contains(&place);
            variable.near |= place < *at;
        }
    }

    /// What an instruction does with the place that its field names; the most it may do, where several
    /// could be meant.
    fn access(&mut self, field: Field) -> Option<Access> {
        let mut most = None;
        for back in 1..=11 {
            let start = field.at.wrapping_sub(back);
            if self.decoder.names(start).is_some_and(|(_, place)| place == field.place) {
                let access = self.decoder.access(start);
                most = match (most, access) {
                    (Some(Access::Takes), _) | (_, Some(Access::Takes)) => Some(Access::Takes),
                    (Some(Access::Writes), _) | (_, Some(Access::Writes)) => Some(Access::Writes),
                    (most, access) => most.or(access),
                };
            }
        }
        most
    }

    /// Asks what a function returns.
    fn result(&mut self, function: u32) {
        self.across.results.insert(function, vec![Atom::unknown(Reason::Returned, 0)]);
        let extent = self.finder.around(&mut *self.decoder, function);
        let Some(extent) = extent.filter(|extent| extent.begin == function) else { return };
        self.looked.entry(function).or_insert_with(|| super::Looked {
            extent,
            instructions: 0,
            graph: None,
            fields: Vec::new(),
            conditions: BTreeSet::new(),
            joined: BTreeSet::new(),
            paths: BTreeSet::new(),
        });
        if let Some(results) = self.results(function) {
            self.across.results.insert(function, results);
        }
    }

    fn results(&mut self, function: u32) -> Option<Vec<Atom>> {
        let found = self.again(function, &Vec::new(), Manner::ForResults)?;
        let mut results: Vec<Atom> = found.results.iter().map(result).collect();
        results.sort_unstable();
        results.dedup();
        (!results.is_empty() && results.len() <= 8).then_some(results)
    }

    /// Works out variables and results from each other until nothing changes.
    fn work_out(&mut self) {
        let mut given_up = BTreeSet::new();
        for round in 0..2 * MOST_ROUNDS {
            let mut changed = BTreeSet::new();
            for at in self.across.variables.keys().copied().collect::<Vec<_>>() {
                if given_up.contains(&at) {
                    continue;
                }
                let (bytes, atoms) = self.contents(at);
                let known = self.transfer.known.variables.insert(at, (bytes, atoms.clone()));
                if known.is_none_or(|(_, before)| before != atoms) {
                    changed.insert(at);
                }
            }
            for function in self.across.results.keys().copied().collect::<Vec<_>>() {
                let atoms = self.across.results[&function].clone();
                let atoms = match atoms.iter().any(is_open) {
                    true => self.results(function).unwrap_or(atoms),
                    false => atoms,
                };
                let known = self.transfer.known.results.insert(function, atoms.clone());
                if known.is_none_or(|before| before != atoms) {
                    changed.insert(function);
                }
            }
            if changed.is_empty() {
                return;
            }
            self.across.under.clear();
            self.across.knowing.clear();
            self.across.contexts.clear();
            if round >= MOST_ROUNDS {
                // They grow out of each other without end.
                for at in changed {
                    self.transfer.known.variables.remove(&at);
                    self.transfer.known.results.remove(&at);
                    given_up.insert(at);
                }
            }
        }
    }

    /// What a variable may hold: what the file has there, and what is stored.
    fn contents(&mut self, at: u32) -> (u8, Vec<Atom>) {
        let variable = self.across.variables[&at].clone();
        let unknown = Atom::unknown(Reason::Global(Rva(at)), 0);
        let initial = self.across.number_of(Origin::Initial(Rva(at)));
        let mut atoms = vec![match variable.initial {
            Some(value) => Atom { origin: initial, ..Atom::constant(value, 0) },
            None => unknown,
        }];
        // Of a variable that nothing is stored into by its name, its object may be all that is named.
        if variable.open || variable.near && variable.stores.is_empty() {
            atoms.push(unknown);
        }
        let mut parts = Vec::new();
        for store in &variable.stores {
            let whole = store.place == at && store.bytes.is_some_and(|b| b >= variable.bytes);
            let part = part_of(store, at, variable.bytes);
            if !whole && part.is_none() {
                atoms.push(unknown);
                continue;
            }
            let origin = Origin::Stored { variable: Rva(at), at: Rva(store.at) };
            let origin = self.across.number_of(origin);
            for atom in self.stored(store) {
                match part {
                    Some((shift, bytes)) if !whole => {
                        parts.push((shift, bytes, held(&atom, at, origin, bytes)));
                    }
                    _ => atoms.push(held(&atom, at, origin, variable.bytes)),
                }
            }
        }
        // What is stored into a part leaves the rest as it is. Twice, as either of two may come first.
        for &(shift, bytes, new) in parts.iter().chain(&parts) {
            let changed: Vec<Atom> =
                atoms.iter().map(|old| with_part(old, shift, bytes, &new, at)).collect();
            atoms.extend(changed);
            atoms.sort_unstable();
            atoms.dedup();
            if atoms.len() > 8 {
                break;
            }
        }
        atoms.sort_unstable();
        atoms.dedup();
        (variable.bytes, if atoms.len() > 8 { vec![unknown] } else { atoms })
    }

    /// What is stored, with what is known by now.
    fn stored(&mut self, store: &Store) -> Vec<Atom> {
        if !store.value.iter().any(is_open) {
            return store.value.clone();
        }
        let again = self.again(store.function, &Vec::new(), Manner::Quickly);
        let stores = again.map(|found| found.stores).unwrap_or_default();
        let same = |one: &&Store| (one.at, one.place) == (store.at, store.place);
        let again: Vec<Atom> = stores.iter().filter(same).flat_map(|s| s.value.clone()).collect();
        if again.is_empty() { store.value.clone() } else { again }
    }

    /// Follows addresses of wanted functions that are put into variables to where they are read.
    pub(super) fn follow_planted(&mut self) {
        let planted = std::mem::take(&mut self.across.planted);
        let mut named = Named::default();
        for &(_, _, at) in &planted {
            let variable = Variable { bytes: 8, initial: Some(0), ..Variable::default() };
            self.across.variables.insert(at, variable);
            self.transfer.aims.watch(at, 8);
            named.variables.push(at.saturating_sub(NEAR)..at.saturating_add(8));
        }
        self.search_for(&named);
        let mut reads = Named::default();
        for at in planted.iter().map(|(_, _, at)| *at).collect::<BTreeSet<u32>>() {
            if let Some((wanted, atoms)) = self.planted(at) {
                self.transfer.aims.planted.insert(at, atoms);
                reads.planted.insert(at, wanted);
            }
            // They hold addresses and are no argument's origin.
            self.across.variables.remove(&at);
        }
        for (from, wanted, at) in planted {
            let followed = reads.planted.contains_key(&at);
            self.refer(from, wanted, if followed { Fate::Call } else { Fate::Stored });
        }
        self.search_for(&reads);
        // What reads one and hands it on to another variable is not followed any further.
        for (from, wanted, _) in std::mem::take(&mut self.across.planted) {
            if !self.survey.references.iter().any(|known| known.at.0 == from) {
                self.refer(from, wanted, Fate::Stored);
            }
        }
    }

    /// What stands in a variable that holds addresses of wanted functions, and one of those functions;
    /// nothing where it may be changed unseen.
    fn planted(&self, at: u32) -> Option<(u32, Vec<Atom>)> {
        let variable = self.across.variables.get(&at).filter(|variable| !variable.open)?;
        let mut atoms: Vec<Atom> = Vec::new();
        for store in &variable.stores {
            if store.place != at || store.bytes != Some(8) {
                return None;
            }
            atoms.extend(store.value.iter().filter(|atom| atom.number() != Some(0)));
        }
        for atom in &mut atoms {
            *atom = match atom.base {
                Base::Callee { .. } => Atom { at: 0, ..*atom },
                _ => Atom::unknown(Reason::Global(Rva(at)), 0),
            };
        }
        // Who fills in the object that it is a part of may put something else there.
        if variable.near {
            atoms.push(Atom::unknown(Reason::Global(Rva(at)), 0));
        }
        atoms.sort_unstable();
        atoms.dedup();
        let wanted = atoms.iter().find_map(|atom| match atom.base {
            Base::Callee { wanted, .. } => Some(wanted),
            _ => None,
        })?;
        Some((wanted, atoms))
    }
}

/// Whether more may be known of a value by now.
fn is_open(atom: &Atom) -> bool {
    matches!(atom.base, Base::Unknown(Reason::Global(_) | Reason::ReturnedBy(_)))
}

/// A result as a caller sees it.
fn result(atom: &Atom) -> Atom {
    let reason = match atom.base {
        Base::Constant | Base::Given(_) => return Atom { at: 0, ..*atom },
        Base::Unknown(Reason::Parameter(_)) => Reason::Returned,
        // A caller's parameter is another one.
        Base::Unknown(Reason::Field(_)) => Reason::Memory,
        Base::Unknown(reason) => reason,
        _ => Reason::Address,
    };
    let (ones, zeros) = if atom.is_number() { (atom.ones, atom.zeros) } else { (0, 0) };
    Atom { origin: atom.origin, ..Atom::of_bits(ones, zeros, reason, 0) }
}

/// Which part of the variable at `at` a store changes, if it lies within: how many bits from its lowest, and
/// how many bytes.
fn part_of(store: &Store, at: u32, bytes: u8) -> Option<(u32, u8)> {
    let stored = store.bytes?;
    let from = store.place.checked_sub(at)?;
    let end = from.checked_add(u32::from(stored))?;
    (end <= u32::from(bytes)).then_some((8 * from, stored))
}

/// A variable's content with a part of it replaced.
fn with_part(old: &Atom, shift: u32, bytes: u8, new: &Atom, at: u32) -> Atom {
    let mask = (u64::MAX >> (64 - 8 * u32::from(bytes.clamp(1, 8)))) << shift;
    let (ones, zeros) = if old.is_number() { (old.ones, old.zeros) } else { (0, 0) };
    let ones = ones & !mask | new.ones << shift & mask;
    let zeros = zeros & !mask | new.zeros << shift & mask;
    Atom { origin: new.origin, ..Atom::of_bits(ones, zeros, Reason::Global(Rva(at)), 0) }
}

/// A value as a variable holds it.
fn held(atom: &Atom, at: u32, origin: u16, bytes: u8) -> Atom {
    let mask = u64::MAX >> (64 - 8 * u32::from(bytes.clamp(1, 8)));
    match atom.base {
        Base::Constant => {
            Atom { at: 0, origin, ..atom.with_bits(atom.ones & mask, atom.zeros | !mask) }
        }
        _ if atom.is_number() => {
            let reason = match atom.reason() {
                Reason::Parameter(_) => Reason::Callers,
                Reason::ReturnedBy(_) => Reason::Returned,
                Reason::Field(_) => Reason::Memory,
                reason => reason,
            };
            let known = Atom::of_bits(atom.ones & mask, atom.zeros | !mask, reason, 0);
            Atom { origin, ..known }
        }
        _ => Atom::unknown(Reason::Global(Rva(at)), 0),
    }
}
