//! Calls that are followed, round after round, as wrappers turn up.

use super::Analysis;
use super::reading::Reading;
use crate::call_words::Names;
use crate::calls::{CallId, Follower, SourceCall, Wrappers};
use crate::interest::Interest;
use crate::linker::of_projects;
use crate::syntax::{Call, Manner};
use crate::value::Unknown;
use crate::warm::setting_files;
use crate::world::{FunctionId, Parsed, World};
use crate::{FEW_FILES, FileId, SourceTree, Span, code_use, control, entry, pointer};
use foldhash::{HashMap, HashSet, HashSetExt};
use rayon::prelude::*;
use std::ops::Range;

/// How often wrappers are made of wrappers.
const MOST_ROUNDS: usize = 6;
/// How often a function is handed on in one of them.
const MOST_HANDED: usize = 4;

/// Calls that are followed, round after round, as wrappers turn up.
pub(super) struct Following<'t> {
    pub(super) world: World<'t>,
    pub(super) read: HashSet<FileId>,
    pub(super) wrappers: Wrappers,
    calls: HashMap<CallId, Vec<SourceCall>>,
    pub(super) followed: HashSet<CallId>,
    /// The variables that were asked for and whose setting was read.
    settled: HashSet<String>,
    /// How often pointers are given something.
    given: usize,
    rounds: usize,
    /// The functions that write control register 0 with what they are passed.
    writing: HashSet<String>,
}

impl<'t> Following<'t> {
    pub(super) fn new(tree: &'t SourceTree) -> Following<'t> {
        Following {
            world: World::new(tree),
            read: HashSet::new(),
            wrappers: Wrappers::default(),
            calls: HashMap::default(),
            followed: HashSet::new(),
            settled: HashSet::new(),
            given: 0,
            rounds: 0,
            writing: HashSet::new(),
        }
    }

    /// Follows what was not followed yet; gives the names of functions that turned out to be wrappers, and of
    /// pointers to what is looked for, if there are any.
    pub(super) fn round(&mut self, interest: &Interest) -> Option<Vec<String>> {
        self.world.finding = pointer::Finding::of(&self.world);
        let (mut pointers, mut seen) = pointer::all(&self.world, interest);
        // What a function is handed it may hand on.
        for _ in 0..MOST_HANDED {
            let known = pointers.len();
            if !pointer::has_parameters(&pointers) {
                break;
            }
            self.world.pointers = pointers;
            (pointers, seen) = pointer::all(&self.world, interest);
            if pointers.len() == known {
                break;
            }
        }
        let mut names: HashSet<&str> =
            seen.into_iter().filter(|name| !interest.has(name)).collect();
        let given = pointers.values().map(Vec::len).sum();
        if given != self.given {
            // A pointer may point to more than it did when its calls were followed.
            self.followed.clear();
            self.given = given;
        }
        self.world.pointers = pointers;
        let (found, more, writing) =
            round(&self.world, interest, &self.wrappers, &self.followed, &self.writing);
        names.extend(writing.iter().copied().filter(|name| !interest.has(name)));
        self.writing.extend(writing.into_iter().map(str::to_owned));
        self.followed.extend(found.iter().map(|(id, _)| *id));
        self.calls.extend(found);
        self.rounds += 1;
        if more.is_empty() && names.is_empty() || self.rounds >= MOST_ROUNDS {
            return None;
        }
        // Calls of what turned out to be a wrapper are followed anew.
        let world = &self.world;
        names.extend(more.iter().map(|(id, _)| name_of(world, *id)));
        let callee = |id: &CallId| callee(world, *id);
        let is_pointer = |id: &CallId| world.pointers.contains_key(callee(id));
        self.followed.retain(|id| {
            !names.contains(callee(id)) && !is_pointer(id) && !is_macro_call(world, *id)
        });
        let names = names.into_iter().map(str::to_owned).collect();
        for (function, call) in more {
            self.wrappers.entry(function).or_default().push(call);
        }
        Some(names)
    }

    /// Reads what sets the variables that were asked for in the files that were read; whether there is any.
    pub(super) fn settle_here(&mut self, reading: &Reading<'t>) -> bool {
        let asked: HashSet<String> =
            self.world.asked().difference(&self.settled).cloned().collect();
        let is_warm = !asked.is_empty() && reading.warming().setting(&mut self.world, &asked);
        self.settled.extend(asked);
        if is_warm {
            self.followed.clear();
        }
        is_warm
    }

    /// Reads what sets, in any of `files`, the variables that were asked for; whether calls have to be followed anew as there is any.
    pub(super) fn settle(
        &mut self,
        reading: &mut Reading<'t>,
        files: &[FileId],
        interest: &Interest,
    ) -> bool {
        let asked: HashSet<String> =
            self.world.asked().difference(&self.settled).cloned().collect();
        if asked.is_empty() || self.rounds >= MOST_ROUNDS {
            return false;
        }
        let unread = files.iter().copied().filter(|file| !self.read.contains(file));
        let files = setting_files(reading.tree, unread, &asked);
        self.read.extend(files.iter().copied());
        let is_more = !files.is_empty();
        self.world.add(reading.read_files(files, interest));
        if is_more {
            self.followed.clear();
        }
        self.settle_here(reading) || is_more
    }

    /// What was found, with what else `files` say.
    pub(super) fn analysis(&mut self, reading: &mut Reading<'t>, files: &[FileId]) -> Analysis {
        let calls = std::mem::take(&mut self.calls);
        let world = &self.world;
        let pragmas = reading.pragmas(files);
        let reading = &*reading;
        let counts = |parsed: &Parsed<'_>| !reading.is_for_user_mode(&parsed.unit);
        let for_kernel: Vec<bool> =
            world.parsed.par_iter().with_min_len(FEW_FILES).map(counts).collect();
        let is_for_kernel = |parsed: usize| for_kernel[parsed];
        // None of these asks another anything.
        let is_much = world.parsed.len() > FEW_FILES;
        let ((calls, control), (code_uses, entries)) = both(
            is_much,
            || {
                let calls = || self.told(calls, &is_for_kernel);
                both(is_much, calls, || control::writes(world, &is_for_kernel))
            },
            || {
                let entries = || entry::entries(world, reading.projects);
                both(is_much, || code_use::uses(world, &is_for_kernel), entries)
            },
        );
        Analysis {
            linker: of_projects(reading.projects, |one| reading.builds_for_kernel(one))
                .into_iter()
                .chain(pragmas.linker)
                .collect(),
            sections: pragmas.sections,
            segments: pragmas.segments,
            tables: Vec::new(),
            not_built: Vec::new(),
            control,
            code_uses,
            calls,
            opt_ins: world.parsed.iter().map(|one| (one.file, one.opt_in.clone())).collect(),
            entries,
            late_opt_ins: reading.late_opt_ins(),
            missing: reading.missing(),
            parsed: self.read.iter().copied().collect(),
            cut: world.parsed.iter().filter(|one| one.syntax.is_cut).map(|one| one.file).collect(),
        }
    }

    /// The calls that are told, of those that were followed and of addresses that are taken.
    fn told(
        &self,
        mut calls: HashMap<CallId, Vec<SourceCall>>,
        is_for_kernel: &(dyn Fn(usize) -> bool + Sync),
    ) -> Vec<SourceCall> {
        let world = &self.world;
        // What runs in user mode asks the kernel for nothing of this kind.
        calls.retain(|id, _| is_for_kernel(id.parsed));
        let follower = Follower::new(world, &self.wrappers);
        let taken = pointer::taken(&follower, &calls, is_for_kernel);
        told(calls, taken, &self.wrappers, |id| call_span(world, id))
    }
}

/// Does two things, at the same time where there is much to do.
fn both<A: Send, B: Send>(
    is_much: bool,
    one: impl FnOnce() -> A + Send,
    other: impl FnOnce() -> B + Send,
) -> (A, B) {
    if is_much { rayon::join(one, other) } else { (one(), other()) }
}

pub(super) fn name_of<'t>(world: &World<'t>, id: FunctionId) -> &'t str {
    world.text(id.parsed, &world.parsed[id.parsed].syntax.functions[id.function].name)
}

/// What a call is of; what allocates for `new` is not named in it.
fn callee<'t>(world: &World<'t>, id: CallId) -> &'t str {
    let call = &world.parsed[id.parsed].syntax.calls[id.call];
    call.manner.operator().unwrap_or_else(|| world.text(id.parsed, &call.callee))
}

fn is_macro_call(world: &World<'_>, id: CallId) -> bool {
    let parsed = &world.parsed[id.parsed];
    let call = &parsed.syntax.calls[id.call];
    let name = world.text(id.parsed, &call.callee);
    !parsed.unit.meanings(name, parsed.time(call.callee.start)).macros.is_empty()
}

pub(super) type Found = Vec<(CallId, Vec<SourceCall>)>;

/// Follows the calls that are looked for and were not followed yet: what they come to, the functions that turn out to
/// hand a parameter on, and those that hand one on to what is `writing` control register 0.
fn round<'t>(
    world: &World<'t>,
    interest: &Interest,
    wrappers: &Wrappers,
    followed: &HashSet<CallId>,
    writing: &HashSet<String>,
) -> (Found, Vec<(FunctionId, CallId)>, Vec<&'t str>) {
    let follower = Follower::new(world, wrappers);
    let names = Names::of(interest.names().chain(world.pointers.keys().copied()));
    let of_file = |parsed: usize| {
        let syntax = &world.parsed[parsed].syntax;
        let words = world.call_words(parsed);
        let wanted = syntax.calls.iter().enumerate().filter(|(call, one)| {
            if !words.may_name(*call, one.manner, &names) {
                return false;
            }
            let name = callee(world, CallId { parsed, call: *call });
            let is_wanted = interest.has(name) || world.pointers.contains_key(name);
            (is_wanted || hands_on(world, interest, parsed, one))
                && !followed.contains(&CallId { parsed, call: *call })
        });
        let mut found = Vec::new();
        let mut more = Vec::new();
        let mut handing = Vec::new();
        for (call, one) in wanted {
            let id = CallId { parsed, call };
            if let Some(function) =
                one.function.filter(|_| control::hands_on(world, parsed, one, writing))
            {
                handing.push(name_of(world, FunctionId { parsed, function }));
            }
            let reached = follower.reach(id);
            reached.iter().for_each(|one| ask_for_functions(world, &one.call));
            if let Some(function) = one.function.filter(|_| reached.iter().any(|one| one.depends)) {
                let function = FunctionId { parsed, function };
                if !wrappers.get(&function).is_some_and(|known| known.contains(&id)) {
                    more.push((function, id));
                }
            }
            found.push((id, reached.into_iter().map(|one| one.call).collect()));
        }
        (found, (more, handing))
    };
    let all: Vec<_> =
        (0..world.parsed.len()).into_par_iter().with_min_len(FEW_FILES).map(of_file).collect();
    let (found, rest): (Vec<_>, Vec<_>) = all.into_iter().unzip();
    let (more, handing): (Vec<_>, Vec<_>) = rest.into_iter().unzip();
    let found = found.into_iter().flatten().collect();
    (found, more.into_iter().flatten().collect(), handing.into_iter().flatten().collect())
}

/// Notes which functions return what decides.
fn ask_for_functions(world: &World<'_>, call: &SourceCall) {
    for choice in call.deciding_value().into_iter().flat_map(|value| &value.choices) {
        if let Some(Unknown::Call(name)) = &choice.unknown {
            world.ask(name);
        }
    }
}

/// Whether a call is one of a macro that is handed a function that is looked for, or of what a macro gives.
pub(super) fn hands_on(world: &World<'_>, interest: &Interest, parsed: usize, call: &Call) -> bool {
    let is_named = |range: &Range<usize>| {
        let name = world.text(parsed, range);
        interest.has(name) || world.pointers.contains_key(name)
    };
    if call.manner != Manner::Given && !call.arguments.iter().any(is_named) {
        return false;
    }
    let file = &world.parsed[parsed];
    let meanings =
        file.unit.meanings(world.text(parsed, &call.callee), file.time(call.callee.start));
    meanings.macros.iter().any(|one| one.parameters.is_some())
}

/// The calls that are told: each place once, and no call in a wrapper whose callers choose; and the `others`.
pub(crate) fn told(
    calls: HashMap<CallId, Vec<SourceCall>>,
    others: Vec<SourceCall>,
    wrappers: &Wrappers,
    span_of: impl Fn(CallId) -> Span,
) -> Vec<SourceCall> {
    let mut called: HashSet<Span> = HashSet::new();
    for call in calls.values().flatten() {
        called.extend(call.via.iter().map(|hop| hop.span));
    }
    let is_never = |call: &SourceCall| call.deciding_value().is_some_and(crate::Value::is_never);
    let in_wrapper: HashSet<CallId> = wrappers.values().flatten().copied().collect();
    let mut all: Vec<(CallId, SourceCall)> = calls
        .into_iter()
        .flat_map(|(id, calls)| calls.into_iter().map(move |call| (id, call)))
        .collect();
    all.retain(|(id, call)| {
        if is_never(call) {
            return false;
        }
        let depends =
            call.deciding().is_some_and(|(_, argument)| argument.value.depends_on_parameter());
        !(depends && in_wrapper.contains(id) && called.contains(&span_of(*id)))
    });
    let key = |call: &SourceCall| (call.span, call.innermost, call.ddi.name);
    let mut all: Vec<SourceCall> = all.into_iter().map(|(_, call)| call).chain(others).collect();
    // A file that is read in several variants has a call several times, with another argument each time.
    let written = |call: &SourceCall| call.deciding().and_then(|(_, argument)| argument.span);
    let chosen = |call: &SourceCall| format!("{:?} {:?}", call.via, call.deciding_value());
    all.sort_by_cached_key(|call| (key(call), written(call), chosen(call)));
    all.dedup_by(|one, other| {
        key(one) == key(other) && one.deciding_value() == other.deciding_value()
    });
    all
}

pub(super) fn call_span(world: &World<'_>, id: CallId) -> Span {
    let parsed = &world.parsed[id.parsed];
    Span::new(parsed.file, parsed.syntax.calls[id.call].whole.clone())
}

impl SourceCall {
    pub(super) fn deciding_value(&self) -> Option<&crate::Value> {
        self.deciding().map(|(_, argument)| &argument.value)
    }
}
