//! What a function is given by its callers, and what it does with that.

use super::Search;
use crate::analysis::{Found, Manner, Seen, analyse};
use crate::domain::{Atom, Base};
use crate::flow::graph;
use crate::query::Parameter;
use crate::survey::Step;
use crate::{Path, Reason};
use ringfence_image::Rva;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// Calls one behind the other that are followed.
const MOST_CALLS: usize = 24;
/// Combinations of values that a function may be given; more, and it is given anything.
const MOST_GROUPS: usize = 256;
/// Ways to the same combination that are kept; more are counted.
const MOST_WAYS: usize = 64;
/// Operations carried out for values from elsewhere, for one image and for one function of it.
const MOST_STEPS: usize = 6_000_000;
const MOST_STEPS_IN_ONE: usize = 1_000_000;
/// Combinations of values that a function makes of what it is given, to call itself with; more, and it is given
/// anything.
const MOST_OWN: usize = 16;
/// What it counts to look at one caller.
const STEPS_FOR_ONE: usize = 16;

/// What a function is given: some of its parameters, and what each may be. The others may be anything.
pub(super) type Given = Vec<(u8, Vec<Atom>)>;

/// One combination of values that callers give a function.
#[derive(Clone, Debug, Default)]
pub(super) struct Group {
    pub(super) given: Given,
    pub(super) routes: Vec<Way>,
    /// Ways that were left out.
    pub(super) alike: usize,
}

/// One way to a function: the calls, outermost first, and the instructions that set what the first one
/// hands on.
#[derive(Clone, Debug, Default)]
pub(super) struct Way {
    pub(super) calls: Vec<Step>,
    pub(super) set_at: Vec<Rva>,
}

/// Everything that callers give a function.
#[derive(Clone, Debug, Default)]
pub(super) struct Contexts {
    groups: Vec<Group>,
    /// Functions that were left out as they are callers of themselves, and the parameters that are not
    /// what they were when one comes to be called by way of itself.
    cut: Cut,
}

type Cut = BTreeMap<u32, BTreeSet<u8>>;

impl Seen {
    /// Whether it is the same call.
    pub(super) fn is_call(&self, other: &Seen) -> bool {
        (self.at, self.wanted) == (other.at, other.wanted)
    }

    /// Those of `parameters` that it does not hand on as its function was given them, each in its place.
    fn changes(&self, parameters: &BTreeSet<u8>) -> BTreeSet<u8> {
        let is_changed = |index: &u8| {
            let own = |atom: &Atom| {
                let whole = atom.ones == 0 && atom.zeros & 0xFFFF_FFFF == 0;
                atom.base == Base::Given(*index) && whole
            };
            !self.argument(*index).is_some_and(|atoms| atoms.iter().all(own))
        };
        parameters.iter().copied().filter(is_changed).collect()
    }

    fn argument(&self, index: u8) -> Option<&[Atom]> {
        let found = self.arguments.iter().find(|(parameter, _)| parameter.index == index);
        found.map(|(_, atoms)| atoms.as_slice())
    }

    /// What it gives of `parameters`, for the called function to begin with. Of those that are `followed` it is told
    /// whose parameters they are, if nobody knows more.
    fn given(&self, parameters: &BTreeSet<u8>, followed: &BTreeSet<u8>) -> Given {
        let of = |index: &u8| {
            let atoms = self.argument(*index).unwrap_or(&[]);
            let own = |atom: &Atom| match atom.base {
                Base::Given(index) if atom.ones | atom.zeros == 0 => {
                    let path = Path::start(Rva(self.function), index);
                    Atom::unknown(Reason::Field(path), 0)
                }
                _ => handed_over(atom),
            };
            let mut atoms: Vec<Atom> = match followed.contains(index) {
                true => atoms.iter().map(own).collect(),
                false => atoms.iter().map(handed_over).collect(),
            };
            if atoms.is_empty() {
                atoms.push(Atom::unknown(Reason::Arithmetic, 0));
            }
            atoms.sort_unstable();
            atoms.dedup();
            (*index, atoms)
        };
        parameters.iter().map(of).collect()
    }

    /// The instructions that set what it gives of `parameters`.
    fn set_at(&self, parameters: &BTreeSet<u8>) -> Vec<Rva> {
        let atoms = parameters.iter().filter_map(|index| self.argument(*index)).flatten();
        let set: BTreeSet<u32> = atoms.map(|atom| atom.at).filter(|at| *at != 0).collect();
        set.into_iter().map(Rva).collect()
    }
}

/// A value as another function sees it.
pub(crate) fn handed_over(atom: &Atom) -> Atom {
    let reason = match atom.base {
        Base::Constant => return Atom { at: 0, ..*atom },
        Base::Image(_) | Base::Returned { .. } => return Atom::address(atom.base, 0),
        // Where it leads to can be followed on.
        Base::Unknown(Reason::Field(_)) => return Atom { at: 0, ..*atom },
        Base::Given(_) | Base::Unknown(Reason::Parameter(_)) => Reason::Callers,
        Base::Unknown(Reason::ReturnedBy(_)) => Reason::Returned,
        Base::Unknown(reason) => reason,
        _ => Reason::Address,
    };
    let (ones, zeros) = if atom.is_number() { (atom.ones, atom.zeros) } else { (0, 0) };
    Atom { origin: atom.origin, ..Atom::of_bits(ones, zeros, reason, 0) }
}

impl Search<'_> {
    /// A call as it is seen once variables and results are known.
    pub(super) fn refreshed(&mut self, seen: &Seen) -> Seen {
        if !self.depends_on_known(seen) {
            return seen.clone();
        }
        let again = self.knowing(seen.function);
        let again = again.and_then(|all| all.iter().find(|one| one.is_call(seen)).cloned());
        // What is never reached stays as it was seen first.
        again.map_or_else(|| seen.clone(), |again| Seen { reached: seen.reached, ..again })
    }

    pub(super) fn depends_on_known(&self, seen: &Seen) -> bool {
        let open = |atom: &Atom| match atom.base {
            Base::Unknown(Reason::Global(at)) => self.transfer.known.variables.contains_key(&at.0),
            Base::Unknown(Reason::ReturnedBy(at)) => {
                self.transfer.known.results.contains_key(&at.0)
            }
            _ => false,
        };
        seen.arguments.iter().flat_map(|(_, atoms)| atoms).any(open)
    }

    /// The combinations of values that matter to a call in their function; none where nothing does.
    pub(super) fn groups(&mut self, seen: &Seen) -> Vec<Group> {
        let all = seen.arguments.iter().flat_map(|(_, atoms)| atoms);
        let by_parameter = all.into_iter().any(|atom| comes_from(seen.function, atom));
        let mut all = seen.arguments.iter();
        let by_branch = all.any(|(parameter, atoms)| are_chosen(atoms, *parameter));
        if !(by_parameter || by_branch) || !self.across.asks_about(seen.function) {
            return Vec::new();
        }
        self.contexts(seen.function, &mut Vec::new()).groups.clone()
    }

    /// Everything that callers give a function. `stack` are the functions on the way there.
    fn contexts(&mut self, function: u32, stack: &mut Vec<u32>) -> Rc<Contexts> {
        if let Some(known) = self.across.contexts.get(&function) {
            return Rc::clone(known);
        }
        let Some(callers) = self.across.callers(function) else { return Rc::default() };
        let mut gathered = Gathered::new(&callers.parameters);
        self.across.steps += STEPS_FOR_ONE * (1 + callers.calls.len());
        let spent = stack.len() >= MOST_CALLS || self.across.steps > MOST_STEPS;
        if callers.open || callers.calls.is_empty() || spent {
            gathered.anything(Way::default());
        }
        if !spent {
            stack.push(function);
            let mut own = Vec::new();
            for call in &callers.calls {
                self.gather(call, function, stack, &mut gathered, &mut own);
            }
            stack.pop();
            gathered.cut.remove(&function);
            self.gather_own(own, function, &mut gathered);
        }
        let contexts = Rc::new(gathered.finish());
        if contexts.cut.is_empty() {
            self.across.contexts.insert(function, Rc::clone(&contexts));
        }
        contexts
    }

    /// Adds what one call of `function` gives it; to `own` those by which it calls itself with something else than
    /// it was given.
    fn gather(
        &mut self,
        call: &Seen,
        function: u32,
        stack: &mut Vec<u32>,
        gathered: &mut Gathered,
        own: &mut Vec<(Seen, BTreeSet<u8>)>,
    ) {
        let call = self.refreshed(call);
        let step = Step { at: Rva(call.at), function: Some(Rva(call.function)) };
        let parameters = gathered.parameters.clone();
        let handed = parameters.iter().filter_map(|index| call.argument(*index)).flatten();
        let depends = handed.into_iter().any(|atom| comes_from(call.function, atom));
        let followed = self.across.behind.get(&function).cloned().unwrap_or_default();
        if !depends || !self.across.asks_about(call.function) {
            let way = Way { calls: vec![step], set_at: call.set_at(&parameters) };
            return gathered.add(call.given(&parameters, &followed), [way], 0);
        }
        let changes = call.changes(&parameters);
        if call.function == function {
            if !changes.is_empty() {
                own.push((call, changes));
            }
            return;
        }
        if stack.contains(&call.function) {
            gathered.cut.entry(call.function).or_default().extend(changes);
            return;
        }
        let outer = self.contexts(call.function, stack);
        if let Some(lost) = outer.cut.get(&function) {
            gathered
                .lost
                .extend(lost.iter().chain(&changes).filter(|index| parameters.contains(index)));
        }
        for (other, lost) in &outer.cut {
            gathered.cut.entry(*other).or_default().extend(lost.iter().chain(&changes));
        }
        for group in &outer.groups {
            let Some(seen) = self.under(&call, &group.given) else {
                gathered.anything(Way { calls: vec![step], set_at: Vec::new() });
                continue;
            };
            // A call that is not made with these values gives nothing.
            let Some(seen) = seen else { continue };
            let ways = group.routes.iter().map(|way| {
                let calls = way.calls.iter().copied().chain([step]).collect();
                // Where nobody is known to have called, the first call chooses.
                let set_at = match way.calls.is_empty() {
                    true => seen.set_at(&parameters),
                    false => way.set_at.clone(),
                };
                Way { calls, set_at }
            });
            gathered.add(seen.given(&parameters, &followed), ways, group.alike);
        }
    }

    /// Adds what a function gives itself: over and over what it makes of everything that it is given. Where that does
    /// not come to an end, or others that are on the way here call it as well, what it changes may be anything by
    /// then; the rest is what others give.
    fn gather_own(
        &mut self,
        own: Vec<(Seen, BTreeSet<u8>)>,
        function: u32,
        gathered: &mut Gathered,
    ) {
        if own.is_empty() {
            return;
        }
        if gathered.cut.is_empty() && gathered.lost.is_empty() {
            let mut all = gathered.clone();
            if self.add_own(&own, function, &mut all).is_some() {
                *gathered = all;
                return;
            }
        }
        gathered.lost.extend(own.into_iter().flat_map(|(_, changes)| changes));
    }

    /// Adds what a function gives itself; nothing where that does not come to an end.
    fn add_own(
        &mut self,
        own: &[(Seen, BTreeSet<u8>)],
        function: u32,
        gathered: &mut Gathered,
    ) -> Option<()> {
        let mut pending: Vec<Given> = gathered.groups.keys().cloned().collect();
        let most = pending.len() + MOST_OWN;
        let followed = self.across.behind.get(&function).cloned().unwrap_or_default();
        while let Some(given) = pending.pop() {
            let seen = self.all_under(function, &given)?;
            for (call, _) in own {
                // A call that is not made with these values gives nothing.
                let Some(seen) = seen.iter().find(|one| one.is_call(call)) else { continue };
                let next = seen.given(&gathered.parameters, &followed);
                if gathered.groups.contains_key(&next) {
                    continue;
                }
                if gathered.groups.len() >= most {
                    return None;
                }
                // It is told once, by the first way there.
                let step = Step { at: Rva(call.at), function: Some(Rva(function)) };
                let before = gathered.groups.get(&given)?.routes.first().cloned();
                let way = before.unwrap_or_default();
                let calls: Vec<Step> = way.calls.iter().copied().chain([step]).collect();
                let set_at = seen.set_at(&gathered.parameters);
                gathered.add(next.clone(), [Way { calls, set_at }], 0);
                pending.push(next);
            }
        }
        Some(())
    }

    /// The calls in a function once variables and results are known, looked at as quickly as that tells.
    fn knowing(&mut self, function: u32) -> Option<Rc<Vec<Seen>>> {
        if let Some(known) = self.across.knowing.get(&function) {
            return Some(Rc::clone(known));
        }
        let found = self.again(function, &Vec::new(), Manner::Quickly)?;
        let seen = Rc::new(found.sites);
        self.across.knowing.insert(function, Rc::clone(&seen));
        Some(seen)
    }

    /// A call where its function is given this, if it is made then; nothing where there is no room to work it out.
    pub(super) fn under(&mut self, call: &Seen, given: &Given) -> Option<Option<Seen>> {
        if let Some(seen) = self.with_given(call, given) {
            return Some(Some(seen));
        }
        let all = self.all_under(call.function, given)?;
        Some(all.iter().find(|one| one.is_call(call)).cloned())
    }

    /// The same without another look at the function, where that finds no more: where the call hands on what the
    /// function is given, and nothing on the way there depends on that.
    fn with_given(&self, call: &Seen, given: &Given) -> Option<Seen> {
        let conditions = &self.looked.get(&call.function)?.conditions;
        if given.iter().any(|(index, _)| conditions.contains(index)) {
            return None;
        }
        let mut is_given = false;
        let argument = |(parameter, atoms): &(Parameter, Vec<Atom>)| {
            // Of several values another look may rule some out.
            let [atom] = &atoms[..] else { return None };
            let Some((_, values)) =
                given.iter().find(|(index, _)| atom.base == Base::Given(*index))
            else {
                let is_number = atom.base == Base::Constant;
                return is_number.then(|| (*parameter, atoms.clone()));
            };
            is_given = true;
            let put = values.iter().map(|value| handed_on(atom, value));
            let mut put: Vec<Atom> = put.collect::<Option<_>>()?;
            put.sort_unstable();
            put.dedup();
            Some((*parameter, put))
        };
        let arguments = call.arguments.iter().map(argument).collect::<Option<_>>()?;
        is_given.then(|| Seen { arguments, ..call.clone() })
    }

    /// The calls in a function that is given this; none where there is no room to work it out.
    fn all_under(&mut self, function: u32, given: &Given) -> Option<Rc<Vec<Seen>>> {
        let key = (function, given.clone());
        if let Some(known) = self.across.under.get(&key) {
            return Some(Rc::clone(known));
        }
        let found = self.again(function, given, Manner::Given)?;
        let seen = Rc::new(found.sites);
        self.across.under.insert(key, Rc::clone(&seen));
        Some(seen)
    }

    /// Looks into a function again; nothing where it cannot be followed to its end.
    pub(super) fn again(&mut self, function: u32, given: &Given, how: Manner) -> Option<Found> {
        let left = MOST_STEPS.saturating_sub(self.across.steps);
        let looked = self.looked.get_mut(&function)?;
        if left == 0 {
            return None;
        }
        let fields = looked.fields.clone();
        let kept = looked.graph.take();
        let keep = kept.is_some();
        let mut graph = kept.unwrap_or_else(|| {
            let extent = looked.extent.clone();
            graph(&mut *self.decoder, self.places, &self.finder, extent, &fields)
        });
        self.across.steps += graph.insns.len();
        let insns = fields.iter().filter_map(|&field| graph.insn_with(field));
        let of_interest: BTreeSet<usize> = insns.map(|(insn, _)| insn).collect();
        self.transfer.clear();
        self.transfer.known.given.clone_from(given);
        let own = |atom: &Atom| matches!(atom.base, Base::Unknown(Reason::Field(path)) if path.function().0 == function);
        self.transfer.fields.comes_again = given.iter().flat_map(|(_, atoms)| atoms).any(own);
        self.transfer.fields.anywhere = self.across.behind.contains_key(&function);
        let budget = left.min(MOST_STEPS_IN_ONE);
        let found = analyse(
            &mut self.transfer,
            &mut *self.decoder,
            &mut graph,
            &self.query,
            &of_interest,
            (how, budget),
        );
        self.transfer.known.given.clear();
        self.transfer.fields.comes_again = false;
        self.transfer.fields.anywhere = false;
        if !given.is_empty() {
            let foreign = found.fields.iter().chain(&found.overwritten);
            let foreign = foreign.filter(|path| path.function().0 != function);
            self.across.touched.extend(foreign.map(|path| (function, *path)));
        }
        self.across.steps += found.steps;
        self.across.read(&found.read);
        let spent = found.spent || graph.spent;
        if let Some(looked) = self.looked.get_mut(&function).filter(|_| keep) {
            looked.graph = Some(graph);
        }
        (!spent).then_some(found)
    }
}

/// A parameter as a call hands it on, some of its bits set or cleared, where it is `value`; nothing where `value` is no
/// number, or one of which more is to be told than its bits.
fn handed_on(own: &Atom, value: &Atom) -> Option<Atom> {
    if own.origin != 0
        || !value.is_number()
        || matches!(value.base, Base::Unknown(Reason::Field(_)))
    {
        return None;
    }
    let ones = own.ones | value.ones & !own.zeros;
    let zeros = own.zeros | value.zeros & !own.ones;
    let is_whole = own.ones == 0 && own.zeros as u32 == 0;
    let at = if is_whole { value.at } else { own.at };
    Some(Atom { at, ..value.with_bits(ones, zeros) })
}

/// The parameter that a value is, or was worked out from.
pub(super) fn is_parameter(atom: &Atom) -> Option<u8> {
    match (atom.base, atom.reason()) {
        (Base::Given(index), _) | (Base::Unknown(_), Reason::Parameter(index)) => Some(index),
        _ => None,
    }
}

/// Whether it depends on the callers of `function` what a value in it is.
fn comes_from(function: u32, atom: &Atom) -> bool {
    let led =
        matches!(atom.base, Base::Unknown(Reason::Field(path)) if path.function().0 == function);
    led || is_parameter(atom).is_some()
}

/// Whether a value is one of several numbers that code chooses from, rather than what a variable holds, and
/// it matters which.
pub(super) fn are_chosen(atoms: &[Atom], parameter: Parameter) -> bool {
    if atoms.iter().all(|atom| parameter.is_answered_by(atom)) {
        return false;
    }
    let mask = u64::MAX >> (64 - u32::from(parameter.bits.clamp(1, 64)));
    let mut chosen = atoms.iter().filter(|atom| atom.origin == 0);
    let Some(first) = chosen.find(|atom| atom.base == Base::Constant) else { return false };
    let differs = |atom: &Atom| (atom.ones ^ first.ones) & mask != 0 || atom.base != Base::Constant;
    atoms.iter().filter(|atom| atom.origin == 0).any(differs)
}

/// What callers give, collected.
#[derive(Clone)]
struct Gathered {
    parameters: BTreeSet<u8>,
    groups: BTreeMap<Given, Group>,
    cut: Cut,
    /// Parameters that may be anything, whoever calls.
    lost: BTreeSet<u8>,
}

impl Gathered {
    fn new(parameters: &BTreeSet<u8>) -> Gathered {
        let (groups, cut, lost) = (BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
        Gathered { parameters: parameters.clone(), groups, cut, lost }
    }

    fn add(&mut self, given: Given, ways: impl IntoIterator<Item = Way>, alike: usize) {
        if self.groups.len() >= MOST_GROUPS && !self.groups.contains_key(&given) {
            for way in ways {
                self.anything(way);
            }
            return;
        }
        let group = self.groups.entry(given.clone()).or_default();
        group.given = given;
        group.alike += alike;
        for way in ways {
            if group.routes.len() < MOST_WAYS {
                group.routes.push(way);
            } else {
                group.alike += 1;
            }
        }
    }

    /// Adds that callers may give anything.
    fn anything(&mut self, way: Way) {
        let group = self.groups.entry(Given::new()).or_default();
        if group.routes.len() < MOST_WAYS {
            group.routes.push(way);
        } else {
            group.alike += 1;
        }
    }

    fn finish(mut self) -> Contexts {
        if !self.lost.is_empty() {
            for mut group in std::mem::take(&mut self.groups).into_values() {
                group.given.retain(|(index, _)| !self.lost.contains(index));
                self.add(group.given, group.routes, group.alike);
            }
        }
        Contexts { groups: self.groups.into_values().collect(), cut: self.cut }
    }
}
