//! Which ways through the functions that a driver starts with pass something that is looked for, such as the call that opts
//! in: all, some or none.
//!
//! Conditions that are known to be true or false, also by what a caller passes, leave one way only.

mod lambda;
#[cfg(test)]
mod tests;

use super::only::only_called;
use super::{DEEPEST, status};
use crate::Span;
use crate::calls::CallId;
use crate::evaluate::{ASKS_VERSIONS, BUDGET, Bindings, Place};
use crate::flow::{Event, EventKind, Fork, ForkKind, Passes, Tracked, Way, kept};
use crate::syntax::Function;
use crate::value::Value;
use crate::windows_version::condition;
use crate::world::{FunctionId, World};
use foldhash::{HashMap, HashSet, HashSetExt};
use std::cell::Cell;
use std::ops::Range;

/// The bits of what is looked for not having been done, and of it having been done.
const UNSET: u128 = 1;
const SET: u128 = 2;

/// How many functions are followed from an entry point, and how many steps walks through them take.
const MOST_FUNCTIONS: usize = 4_096;
const MOST_WORK: u32 = 1 << 22;
/// How many conditions of a function are looked at.
const MOST_CONDITIONS: usize = 64;
/// Steps for each one that all evaluations for a variable may take.
const STEPS_OF_EVALUATED: u32 = 64;
/// Steps of a walk that count as one of an evaluation's budget.
const STEPS_OF_ONE: u32 = 16;

/// What is looked for: the functions in which it is done, and where.
pub(crate) type Marks = HashMap<FunctionId, Vec<Mark>>;

/// Something that is looked for, such as a call that opts in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    /// The byte at which it is done.
    pub(crate) at: usize,
    pub(crate) span: Span,
    /// Whether it is done in every build that has the code there.
    pub(crate) is_certain: bool,
}

/// A function as control comes to it while the driver starts.
#[derive(Debug)]
pub(crate) struct Coming {
    begin: u128,
    /// The call that opts in, or what else is looked for.
    pub(crate) call: Span,
    /// Where the function itself or what it calls opts in; none where nothing in it does.
    within: Option<Within>,
}

#[derive(Debug)]
struct Within {
    forks: Vec<Fork>,
    events: Vec<Event>,
    tracked: Tracked,
    body: Range<usize>,
}

/// Whether the call that opts in is made before control comes somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Before {
    Always,
    Sometimes,
    Never,
}

impl Before {
    /// What bits say; none where nothing comes there.
    fn of(bits: u128) -> Option<Before> {
        match (bits & SET != 0, bits & UNSET != 0) {
            (true, false) => Some(Before::Always),
            (true, true) => Some(Before::Sometimes),
            (false, true) => Some(Before::Never),
            (false, false) => None,
        }
    }
}

/// What is known of an entry point by way of which a call opts in.
pub(super) struct Opting {
    /// Whether it has opted in where the driver has started.
    pub(super) at_end: Option<Before>,
    /// Whether some builds lack the call, or one on the way to it.
    pub(super) is_by_build: bool,
    /// The call, the functions that control comes to before, each with how.
    pub(super) comes: Vec<(FunctionId, Coming)>,
}

/// Whether one of `marks` is passed where `entry` starts a driver; none where neither it nor what it calls has any.
///
/// `part` is how many steps it may take where it is told what a driver sets first.
pub(super) fn opting(
    world: &World<'_>,
    entry: FunctionId,
    marks: &Marks,
    part: Option<u32>,
) -> Option<Opting> {
    let asks_start = part.is_none();
    let work = part.unwrap_or(MOST_WORK);
    let mut following = Following {
        world,
        marks,
        asks_start,
        left: MOST_FUNCTIONS,
        work,
        budget: Cell::new(BUDGET.min(work / STEPS_OF_EVALUATED)),
        asked: HashSet::new(),
        comes: Vec::new(),
        opted_in: Vec::new(),
        is_by_build: false,
    };
    let (end, call) = following.through(entry, UNSET, &[], 0)?;
    following.asked.iter().for_each(|name| world.ask(name));
    // What was not looked at may come first.
    if !asks_start && (following.left == 0 || following.work == 0) {
        return None;
    }
    let Following { mut comes, is_by_build, opted_in, .. } = following;
    // Where it depends on the way, what is called on one way only is certain.
    if Before::of(end) == Some(Before::Sometimes) && !opted_in.is_empty() {
        let coming = |id| (id, Coming { begin: SET, call, within: None });
        comes.extend(only_called(world, opted_in).into_iter().map(coming));
    }
    Some(Opting { at_end: Before::of(end), is_by_build, comes })
}

/// Whether the build decides about a whole function.
pub(super) fn is_of_some_builds(world: &World<'_>, id: FunctionId) -> bool {
    let parsed = &world.parsed[id.parsed];
    parsed.is_open(parsed.syntax.functions[id.function].name.start, 0)
}

/// The functions that control may come to from an entry point, with it, as deep as they are followed.
pub(super) fn led_to(world: &World<'_>, entry: FunctionId) -> HashSet<FunctionId> {
    let mut led_to = HashSet::new();
    let mut level = vec![entry];
    for _ in 0..=DEEPEST {
        level.retain(|id| led_to.len() < MOST_FUNCTIONS && led_to.insert(*id));
        let calls = |id: FunctionId| {
            let calls = &world.parsed[id.parsed].syntax.calls;
            let own = world.call_words(id.parsed).within(id.function);
            own.flat_map(move |call| {
                world.called(id.parsed, world.text(id.parsed, &calls[call].callee))
            })
        };
        level = level.into_iter().flat_map(calls).collect();
    }
    led_to
}

/// Whether the call that opts in is made before control comes to `place`, in a function that it comes to as told; none
/// where that never is.
pub(crate) fn before(all: &[Coming], place: &Place<'_, '_>) -> Option<(Before, Span)> {
    let known = all.iter().filter_map(|one| Some((Before::of(one.at(place))?, one.call)));
    known.max_by_key(|(before, _)| *before)
}

impl Coming {
    fn at(&self, place: &Place<'_, '_>) -> u128 {
        let Some(within) = &self.within else { return self.begin };
        let left = place.budget.get();
        let all = left.saturating_mul(STEPS_OF_ONE);
        let mut work = all;
        let found = within.at(place.world, place.parsed, place.at, &mut work);
        place.budget.set(left.saturating_sub((all - work) / STEPS_OF_ONE));
        found
    }
}

impl Within {
    /// What comes to a byte; both where that takes too much.
    fn at(&self, world: &World<'_>, parsed: usize, at: usize, work: &mut u32) -> u128 {
        let same = |one: &Range<usize>, other: &Range<usize>| {
            world.text(parsed, one) == world.text(parsed, other)
        };
        let (forks, events) = (&self.forks[..], &self.events[..]);
        let way = Way { forks, events, body: self.body.clone(), at, same: &same };
        kept(&way, &self.tracked, work).unwrap_or(UNSET | SET)
    }
}

struct Following<'a, 't> {
    world: &'a World<'t>,
    marks: &'a Marks,
    /// Whether what is first set where the driver starts may decide.
    asks_start: bool,
    left: usize,
    work: u32,
    /// What evaluations for variables take all together.
    budget: Cell<u32>,
    /// What is called: it may be left out so far, as it names nothing of interest.
    asked: HashSet<&'a str>,
    comes: Vec<(FunctionId, Coming)>,
    /// The calls that control comes to only where it is done.
    opted_in: Vec<CallId>,
    /// Whether the build decides about a call that was passed.
    is_by_build: bool,
}

impl<'a> Following<'a, '_> {
    /// What comes out of a function that control comes to with `begin`, and the call that opts in; none where nothing in it
    /// does.
    fn through(
        &mut self,
        id: FunctionId,
        begin: u128,
        given: &Bindings<'_>,
        depth: usize,
    ) -> Option<(u128, Span)> {
        if depth >= DEEPEST {
            return None;
        }
        let world = self.world;
        let parsed = &world.parsed[id.parsed];
        let function = &parsed.syntax.functions[id.function];
        let mut own: Vec<usize> = world.call_words(id.parsed).within(id.function).collect();
        own.sort_by_key(|call| parsed.syntax.calls[*call].callee.start);
        let mut marks = self.marks.get(&id).cloned().unwrap_or_default();
        marks = lambda::placed(world, id, marks);
        marks.sort_by_key(|mark| mark.at);
        // What is called, and whether that leads to what is looked for.
        let mut all = Vec::new();
        for call in own {
            let called = &parsed.syntax.calls[call];
            let name = world.text(id.parsed, &called.callee);
            self.asked.insert(name);
            if !self.goes_on(marks.len()) {
                return None;
            }
            if marks.iter().any(|mark| mark.at == called.whole.end.saturating_sub(1)) {
                continue;
            }
            let called = world.called(id.parsed, name);
            let reached = self.reached(called.clone());
            self.goes_on(self.marks.len());
            let leads = self.marks.keys().any(|id| reached.contains(id));
            all.push((call, if leads { called } else { Vec::new() }, reached));
        }
        if marks.is_empty() && all.iter().all(|(_, leading, _)| leading.is_empty()) {
            return None;
        }
        let forks = without_exceptions(&function.forks);
        let passes = self.passes(id, &forks, given);
        // A condition around the whole function decides about all of it.
        let begins = function.body.start;
        let done = |mark: &Mark| match mark.is_certain && !parsed.is_open(mark.at, begins) {
            true => Event { at: mark.at, kind: EventKind::Ends },
            false => Event { at: mark.at, kind: EventKind::Adds },
        };
        let events = vec![SET; marks.len()];
        let tracked = Tracked { begin, events, passes };
        let events: Vec<Event> = marks.iter().map(done).collect();
        self.is_by_build |= events.iter().any(|event| event.kind == EventKind::Adds);
        let mut within = Within { forks, events, tracked, body: function.body.clone() };
        let mut first = marks.first().map(|mark| mark.span);
        let mut run: Vec<(u128, HashSet<FunctionId>)> = Vec::new();
        for (call, leading, reached) in all.into_iter().filter(|(.., reached)| !reached.is_empty())
        {
            let called = &parsed.syntax.calls[call];
            let here = within.at(world, id.parsed, called.callee.start, &mut self.work);
            if here == 0 {
                continue;
            }
            let mut gives = None;
            let mut is_open = parsed.is_open(called.callee.start, begins);
            for function in &leading {
                let passed = self.passed(id, call, *function, given);
                if let Some((end, at)) = self.through(*function, here, &passed, depth + 1) {
                    first = first.or(Some(at));
                    gives = Some(gives.unwrap_or_default() | end);
                } else {
                    // Other builds have a function of that name that does not.
                    is_open |= is_of_some_builds(world, *function);
                }
            }
            if gives.is_none() && here & UNSET != 0 {
                run.push((here, reached));
            } else if gives.is_none() && self.asks_start {
                self.opted_in.push(CallId { parsed: id.parsed, call });
            }
            let Some(gives) = gives.filter(|gives| gives & SET != 0) else { continue };
            self.is_by_build |= is_open;
            let is_done = gives == SET && !is_open;
            let kind = if is_done { EventKind::Ends } else { EventKind::Adds };
            let at = called.whole.end.saturating_sub(1);
            let index = within.events.partition_point(|event| event.at <= at);
            within.events.insert(index, Event { at, kind });
            within.tracked.events.insert(index, SET);
        }
        let call = first?;
        let end = self.at_end(id, function, &within, given);
        for (begin, functions) in run {
            let coming = |id| (id, Coming { begin, call, within: None });
            self.comes.extend(functions.into_iter().map(coming));
        }
        self.comes.push((id, Coming { begin, call, within: Some(within) }));
        Some((end, call))
    }

    /// What the parameters of a function are at a call.
    fn passed(
        &self,
        from: FunctionId,
        call: usize,
        function: FunctionId,
        given: &Bindings<'_>,
    ) -> Vec<(&'a str, Value)> {
        let world = self.world;
        let parsed = &world.parsed[from.parsed];
        let callee = &world.parsed[function.parsed].syntax.functions[function.function];
        let budget = self.budget();
        let value = |range: &Range<usize>| {
            let place = self.place(from, range.start, given, &budget);
            let value = place.value_in(parsed.file, range.clone());
            self.spend(&budget);
            value
        };
        let names = callee.parameters.iter().map(|one| world.text(function.parsed, one));
        names.zip(parsed.syntax.calls[call].arguments.iter().map(value)).collect()
    }

    fn place<'p>(
        &self,
        id: FunctionId,
        at: usize,
        given: &'p Bindings<'p>,
        budget: &'p Cell<u32>,
    ) -> Place<'p, '_>
    where
        'a: 'p,
    {
        let (parsed, function) = (id.parsed, Some(id.function));
        let (world, asks_start) = (self.world, self.asks_start);
        let asks_versions = ASKS_VERSIONS;
        let (macro_given, only_constants) = (&[], false);
        Place {
            world,
            parsed,
            function,
            at,
            given,
            macro_given,
            budget,
            asks_start,
            asks_versions,
            only_constants,
        }
    }

    /// Takes so many steps and one more, where what a driver sets first is asked for; whether any are left.
    fn goes_on(&mut self, steps: usize) -> bool {
        if !self.asks_start {
            let steps = u32::try_from(steps).unwrap_or(u32::MAX).saturating_add(1);
            self.work = self.work.saturating_sub(steps);
        }
        self.asks_start || self.work != 0
    }

    /// The budget of an evaluation; for what a driver sets first there is one for all.
    fn budget(&self) -> Cell<u32> {
        Cell::new(if self.asks_start { BUDGET } else { self.budget.get() })
    }

    fn spend(&self, of: &Cell<u32>) {
        self.budget.set(self.budget.get().min(of.get()));
    }

    /// What conditions let by that are known.
    fn passes(&self, id: FunctionId, forks: &[Fork], given: &Bindings<'_>) -> Vec<Passes> {
        if self.asks_start || !given.is_empty() {
            let budget = self.budget();
            let passes = self.passes_within(&budget, id, forks, given);
            self.spend(&budget);
            return passes;
        }
        // The same for all variables.
        let known = &self.world.settings.passes;
        if let Some(known) = known.lock().ok().and_then(|all| all.get(&id).cloned()) {
            return known.to_vec();
        }
        let budget = Cell::new(self.world.part_of_file(id.parsed));
        let made = self.passes_within(&budget, id, forks, given);
        if let Ok(mut all) = known.lock() {
            all.insert(id, made.as_slice().into());
        }
        made
    }

    fn passes_within(
        &self,
        budget: &Cell<u32>,
        id: FunctionId,
        forks: &[Fork],
        given: &Bindings<'_>,
    ) -> Vec<Passes> {
        let file = self.world.parsed[id.parsed].file;
        let conditions = forks.iter().enumerate().filter_map(|(fork, one)| {
            let (range, runs_with) = condition(one)?;
            Some((fork, range, runs_with))
        });
        let known = conditions.take(MOST_CONDITIONS).filter_map(|(fork, range, runs_with)| {
            let place = self.place(id, range.start, given, budget);
            let is_taken = place.value_in(file, range.clone()).truth();
            let is_taken = is_taken? == runs_with;
            let let_by = |is: bool| if is { u128::MAX } else { 0 };
            Some(Passes { fork, yes: let_by(is_taken), no: let_by(!is_taken) })
        });
        known.collect()
    }

    /// What comes out of a function, where it does not fail.
    fn at_end(
        &mut self,
        id: FunctionId,
        function: &Function,
        within: &Within,
        given: &Bindings<'_>,
    ) -> u128 {
        let (world, parsed) = (self.world, id.parsed);
        // What goes to the end before the call does so as something failed.
        let stopping = within.forks.iter().map(|fork| match fork.kind {
            ForkKind::Goto(_) | ForkKind::Leave => {
                Fork { kind: ForkKind::Return, range: fork.range.clone() }
            }
            _ => Fork { kind: fork.kind.clone(), range: fork.range.clone() },
        });
        let straight = Within {
            forks: stopping.collect(),
            events: within.events.clone(),
            tracked: within.tracked.clone(),
            body: within.body.clone(),
        };
        let is_own = |at: usize| !function.lambdas.iter().any(|(whole, _)| whole.contains(&at));
        let returns = within.forks.iter().filter(|fork| {
            fork.kind == ForkKind::Return && is_own(fork.range.start) && !fork.range.is_empty()
        });
        let returns: Vec<&Range<usize>> = returns.map(|fork| &fork.range).collect();
        let end = within.body.end.saturating_sub(1);
        let falls = within.at(world, parsed, end, &mut self.work) != 0;
        let last = returns.iter().map(|range| range.start).max().filter(|_| !falls);
        let mut found = 0;
        let mut any = 0;
        // What the status that is returned says, where it is known on the way.
        let with_status = |name: &str| {
            let text = world.tree.file(world.parsed[parsed].file).text.as_str();
            let done = (&within.events[..], &within.tracked);
            let (events, tracked) = status::following(text, function, name, &within.forks, done);
            let forks = within.forks.clone();
            Within { forks, events, tracked, body: within.body.clone() }
        };
        let mut count =
            |at: usize, of: Option<&str>, work: &mut u32, fails: &dyn Fn(u128) -> bool| {
                let all = within.at(world, parsed, at, work);
                let mut bits = all;
                if all == UNSET | SET {
                    bits = SET | straight.at(world, parsed, at, work) & UNSET;
                }
                if let Some(name) = of.filter(|_| bits == UNSET | SET && *work != 0) {
                    bits = SET | with_status(name).at(world, parsed, at, work) & UNSET;
                }
                any |= all;
                found |= if fails(bits) { 0 } else { bits };
            };
        for range in returns {
            let value = function.returns.iter().find(|value| range.contains(&value.start));
            let says = value.map(|value| self.success(id, value, given));
            let fails = |bits: u128| match says {
                None | Some(Some(true)) => false,
                Some(Some(false)) => true,
                // What is not known and returned before the end is what failed.
                Some(None) => bits == UNSET && Some(range.start) != last,
            };
            let name = value.map(|value| world.text(parsed, value).trim_matches(['(', ')', ' ']));
            let name = name.filter(|name| name.bytes().all(crate::lex::is_word));
            let mut work = self.work;
            count(range.end - 1, name, &mut work, &fails);
            self.work = work;
        }
        count(end, None, &mut self.work, &|_| false);
        if found == 0 { any } else { found }
    }

    /// Whether what is returned says that nothing failed; none where that is not known.
    fn success(&self, id: FunctionId, value: &Range<usize>, given: &Bindings<'_>) -> Option<bool> {
        let text = self.world.text(id.parsed, value).trim();
        match text {
            "STATUS_SUCCESS" | "STATUS_PENDING" => return Some(true),
            "FALSE" | "false" => return Some(false),
            _ if status::is_failure(text) => return Some(false),
            _ => {}
        }
        let budget = self.budget();
        let place = self.place(id, value.start, given, &budget);
        let file = self.world.parsed[id.parsed].file;
        let status = place.value_in(file, value.clone()).constant();
        self.spend(&budget);
        let status = status?;
        Some(status & 0x8000_0000 == 0)
    }

    /// Some functions, and those that they call.
    ///
    /// All that they call is asked for.
    fn reached(&mut self, from: Vec<FunctionId>) -> HashSet<FunctionId> {
        let world = self.world;
        let mut all = HashSet::new();
        let mut level = from;
        for _ in 0..DEEPEST {
            let mut next = Vec::new();
            for id in level {
                if self.left == 0 || !all.insert(id) {
                    continue;
                }
                self.left -= 1;
                let calls = &world.parsed[id.parsed].syntax.calls;
                for call in world.call_words(id.parsed).within(id.function) {
                    if !self.goes_on(1) {
                        return all;
                    }
                    let name = world.text(id.parsed, &calls[call].callee);
                    self.asked.insert(name);
                    next.extend(world.called(id.parsed, name));
                }
            }
            level = next;
        }
        all
    }
}

/// The forks of a function where no exception comes: handlers may run, but nothing leaves what is tried for them.
fn without_exceptions(forks: &[Fork]) -> Vec<Fork> {
    let mut all = Vec::with_capacity(forks.len());
    for fork in forks {
        let range = fork.range.clone();
        match &fork.kind {
            ForkKind::Try(body, false) => {
                let kind = ForkKind::Try(body.clone(), true);
                all.push(Fork { kind, range: range.start..body.end });
                all.push(Fork { kind: ForkKind::Maybe(None), range: body.end..range.end });
            }
            kind => all.push(Fork { kind: kind.clone(), range }),
        }
    }
    all.sort_by_key(|fork| fork.range.start);
    all
}

/// All that control comes to while drivers start.
pub(crate) type Early = HashMap<FunctionId, Vec<Coming>>;

/// How many ways to come to a function are told apart.
const MOST_WAYS: usize = 16;

/// Puts together what is known of functions that several entry points come to.
pub(super) fn collected(all: Vec<(FunctionId, Coming)>) -> Early {
    let mut early = Early::default();
    for (id, mut coming) in all {
        let known = early.entry(id).or_default();
        if known.len() == MOST_WAYS {
            coming.begin = UNSET | SET;
            coming.within = None;
        }
        let is_new = coming.within.is_some()
            || !known.iter().any(|one| one.within.is_none() && one.begin == coming.begin);
        if is_new && known.len() <= MOST_WAYS {
            known.push(coming);
        }
    }
    early
}
