//! The calls in one function and what reaches their arguments: first block by block, then, where that
//! does not tell, over the whole function until nothing changes.

mod goal;
mod live;
pub(crate) mod order;
mod stable;
pub(crate) mod watch;

use goal::Goal;
use order::{Predecessors, reachable};
use watch::Watching;

use crate::aims::Spelling;
use crate::decode::{Decoder, Flow, Stub};
use crate::domain::{Atom, Base};
use crate::flow::{Entry, Graph, Insn};
use crate::ir::Target;
use crate::query::Parameter;
use crate::query::Query;
use crate::state::State;
use crate::survey::Via;
use crate::transfer::{Callee, Stored, Transfer};
use crate::value::{Origin, Possible, Value};
use crate::{Path, Reason};
use foldhash::HashSet;
use ringfence_image::Rva;
use std::collections::{BTreeMap, BTreeSet};

/// A block that is entered more often than this forgets what keeps changing: sets and their bits can
/// only change so often, but that is often enough.
const PATIENCE: u32 = 6;
/// Blocks one behind the other that are looked at together.
const LONGEST_CHAIN: usize = 16;
/// A block that is entered more often than this ends the analysis.
const MOST_VISITS: u32 = 200;
/// Bytes of states that are kept at once.
const MOST_STATE_BYTES: usize = 24 << 20;
/// Possibilities that are told of a value.
const MOST_POSSIBLE: usize = 8;
/// Blocks that are looked at behind a failed call, for what is returned in the end.
const MOST_FAILING: usize = 32;
/// The bit that an `NTSTATUS` has where something failed, though it is also that of a warning.
const FAILURE: u64 = 1 << 31;
/// Sets of values that are kept at once.
const MOST_SETS: usize = 100_000;

/// A call of a wanted function, as the analysis of the function around it sees it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// The call instruction, or the jump that stands for one.
    pub(crate) at: u32,
    /// Where the function begins that it is in.
    pub(crate) function: u32,
    /// Number of the wanted function.
    pub(crate) wanted: u32,
    pub(crate) via: Via,
    pub(crate) always: bool,
    pub(crate) reached: bool,
    /// The arguments asked for, and what each may be.
    pub(crate) arguments: Vec<(Parameter, Vec<Atom>)>,
}

/// A store into a variable that is watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Store {
    pub(crate) at: u32,
    /// Where the function begins that it is in.
    pub(crate) function: u32,
    pub(crate) place: u32,
    /// How many bytes; none where it goes on to an unknown end.
    pub(crate) bytes: Option<u8>,
    pub(crate) value: Vec<Atom>,
}

/// What one function holds.
#[derive(Default)]
pub(crate) struct Found {
    pub(crate) sites: Vec<Seen>,
    pub(crate) stores: Vec<Store>,
    /// What it may return, if that was asked.
    pub(crate) results: Vec<Atom>,
    /// The ways that code may take, if that was asked: from one block to another, and whether only
    /// where something that was called has failed.
    pub(crate) ways: Vec<(usize, usize, bool)>,
    /// Parameters that some branch or choice depends on.
    pub(crate) conditions: BTreeSet<u8>,
    /// What values depend on that do not tell so, as they were put together of several.
    pub(crate) joined: BTreeSet<Reason>,
    /// What was read by way of pointers in memory that a parameter leads to.
    pub(crate) fields: BTreeSet<Path>,
    /// What was written to memory that a parameter leads to.
    pub(crate) overwritten: BTreeSet<Path>,
    /// Whether some branch or choice depends on the build of Windows.
    pub(crate) asks_for_build: bool,
    /// Variables that were read, of which more might be known, and how many bytes of them.
    pub(crate) read: Vec<(u32, u8)>,
    /// Addresses of wanted functions that were put into variables: where they were read, which function,
    /// and which variable.
    pub(crate) planted: BTreeSet<(u32, u32, u32)>,
    /// Where addresses of wanted functions were read that were handed to a call, and which functions.
    pub(crate) given: BTreeSet<(u32, u32)>,
    /// Where the address of a table of functions was made, or of a pointer to one, that others hold now; and which.
    pub(crate) tables_lost: BTreeSet<(u32, u32)>,
    /// In the same way, of those that the function may return.
    pub(crate) tables_handed_back: BTreeSet<(u32, u32)>,
    /// Calls that find a function by name, by which one, and the name if it is known.
    pub(crate) named: BTreeSet<(u32, u32, Option<String>)>,
    /// Calls that find a function by a name that this one is given in a parameter; nothing for one that may be
    /// another name.
    pub(crate) handed_names: BTreeMap<u32, Option<(u8, Spelling)>>,
    /// Instructions that were, or led to, a call, and the function called.
    pub(crate) used: BTreeSet<(u32, u32)>,
    /// Those that name the function themselves, or a jump to it.
    pub(crate) direct: HashSet<u32>,
    /// Instructions that read the address of a wanted function that others then hold.
    pub(crate) kept: HashSet<u32>,
    /// Those that read one which the function may return.
    pub(crate) handed_back: HashSet<u32>,
    /// Operations carried out.
    pub(crate) steps: usize,
    /// Whether it was left early: calls through registers may be missing.
    pub(crate) spent: bool,
}

impl Found {
    /// The functions that are called by the instruction at `at`, or by way of it.
    pub(crate) fn called_by(&self, at: u32) -> impl Iterator<Item = u32> {
        self.used.range((at, 0)..=(at, u32::MAX)).map(|(_, wanted)| *wanted)
    }

    /// The functions whose addresses were read by the instruction at `at` and handed to a call.
    pub(crate) fn given_from(&self, at: u32) -> impl Iterator<Item = u32> {
        self.given.range((at, 0)..=(at, u32::MAX)).map(|(_, wanted)| *wanted)
    }
}

/// How a function is analysed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Block by block, and as a whole only where that does not tell.
    Quickly,
    /// As a whole, with what it is given; what that rules out is not told.
    Given,
    /// As a whole, to see what it returns.
    ForResults,
    /// As a whole, to see which ways code takes.
    ForOrder,
}

/// Analyses the function `graph`, of which the instructions `named` hold references.
pub(crate) fn analyse(
    transfer: &mut Transfer<'_>,
    decoder: &mut dyn Decoder,
    graph: &mut Graph,
    query: &Query,
    named: &BTreeSet<usize>,
    (manner, budget): (Manner, usize),
) -> Found {
    let mut found = analysed(transfer, decoder, graph, query, named, (manner, budget));
    if transfer.ranges_may_tell(&found) {
        let steps = found.steps;
        transfer.clear();
        transfer.ranges = true;
        found = analysed(transfer, decoder, graph, query, named, (manner, budget));
        transfer.ranges = false;
        found.steps += steps;
    }
    found.kept = transfer.held_by_others();
    found.handed_back = std::mem::take(&mut transfer.handed_back);
    found.given = transfer.given_to_calls();
    found.tables_lost = std::mem::take(&mut transfer.tables_lost);
    let (left, read) = (&transfer.tables_left, &transfer.tables_read);
    found.tables_lost.extend(left.iter().filter(|(from, _)| !read.contains(from)));
    found.tables_handed_back = std::mem::take(&mut transfer.tables_handed_back);
    found.planted = std::mem::take(&mut transfer.planted);
    found.named = std::mem::take(&mut transfer.found);
    found.handed_names = std::mem::take(&mut transfer.handed_names);
    found.conditions = std::mem::take(&mut transfer.conditions);
    found.joined = std::mem::take(&mut transfer.joined);
    found.fields = std::mem::take(&mut transfer.fields.read);
    found.overwritten = std::mem::take(&mut transfer.fields.written).into_iter().collect();
    found.asks_for_build = transfer.asks_for_build;
    found.read = std::mem::take(&mut transfer.read).into_iter().collect();
    found
}

/// What is found when the function is looked at once.
fn analysed(
    transfer: &mut Transfer<'_>,
    decoder: &mut dyn Decoder,
    graph: &mut Graph,
    query: &Query,
    named: &BTreeSet<usize>,
    (manner, budget): (Manner, usize),
) -> Found {
    let mut analysis = Analysis::new(transfer, decoder, graph, query, (manner, budget));
    let blocks: BTreeSet<usize> =
        named.iter().filter_map(|&insn| analysis.graph.block_of(insn)).collect();
    match manner {
        Manner::Quickly => analysis.quickly(&blocks),
        Manner::Given => {
            let within = analysis.leading_to(&blocks);
            analysis.until_stable(&within);
        }
        Manner::ForResults | Manner::ForOrder => {
            let within = vec![true; analysis.graph.blocks.len()];
            analysis.until_stable(&within);
        }
    }
    analysis.found
}

/// The function in which all ways begin to the memory that one at `function` is `given` the address of, or else works
/// with; nothing if there are several.
fn owner(given: &[(u8, Vec<Atom>)], function: u32) -> Option<u32> {
    let mut owners = given.iter().flat_map(|(_, atoms)| atoms).filter_map(|atom| match atom.base {
        Base::Unknown(Reason::Field(path)) => Some(path.function().0),
        _ => None,
    });
    let Some(first) = owners.next() else { return Some(function) };
    owners.all(|owner| owner == first).then_some(first)
}

/// How far looking at single blocks got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// All calls and all values.
    Everything,
    /// All calls, but some values come from blocks before.
    NotAllValues,
    /// The address of a wanted function is taken on to other blocks.
    NotAllCalls,
}

/// What is known on the way from one block to another.
pub(crate) enum Along {
    /// No more than before.
    Same,
    /// More.
    Narrowed(Box<State>),
    /// Code never goes that way.
    Never,
}

struct Analysis<'a, 't, 'w> {
    transfer: &'t mut Transfer<'a>,
    decoder: &'t mut dyn Decoder,
    graph: &'t mut Graph,
    query: &'t Query,
    reachable: Vec<bool>,
    predecessors: Predecessors,
    found: Found,
    manner: Manner,
    budget: usize,
    /// What is looked for instead of calls.
    watching: Option<Watching<'w>>,
}

impl<'a, 't> Analysis<'a, 't, '_> {
    fn new(
        transfer: &'t mut Transfer<'a>,
        decoder: &'t mut dyn Decoder,
        graph: &'t mut Graph,
        query: &'t Query,
        (manner, budget): (Manner, usize),
    ) -> Self {
        let (reachable, predecessors) = (reachable(graph), Predecessors::of(graph));
        transfer.fields.function = graph.begin;
        transfer.fields.owner = owner(&transfer.known.given, graph.begin);
        Analysis {
            transfer,
            decoder,
            graph,
            query,
            reachable,
            predecessors,
            found: Found::default(),
            manner,
            budget,
            watching: None,
        }
    }
}

impl Analysis<'_, '_, '_> {
    /// Looks at as little as tells everything.
    fn quickly(&mut self, blocks: &BTreeSet<usize>) {
        self.transfer.fields.partly = true;
        let told = self.block_by_block(blocks);
        self.transfer.fields.partly = false;
        if told == Told::Everything {
            return;
        }
        self.found.sites.clear();
        self.found.stores.clear();
        self.found.used.clear();
        self.transfer.found.clear();
        self.transfer.handed_names.clear();
        self.transfer.tables_lost.clear();
        self.transfer.tables_left.clear();
        let within = match told {
            // What matters to these blocks happens before them.
            Told::NotAllValues => self.leading_to(blocks),
            _ => vec![true; self.graph.blocks.len()],
        };
        self.until_stable(&within);
    }

    /// Looks at the blocks with references alone, and where that does not tell all, with those that must
    /// have come just before.
    fn block_by_block(&mut self, blocks: &BTreeSet<usize>) -> Told {
        let mut told = Told::Everything;
        for &block in blocks {
            match self.chain_told(&[block]) {
                Told::NotAllCalls => return Told::NotAllCalls,
                Told::Everything => continue,
                Told::NotAllValues => {}
            }
            let chain = self.chain_to(block);
            if chain.len() == 1 || self.chain_told(&chain) != Told::Everything {
                told = Told::NotAllValues;
            }
        }
        told
    }

    /// Looks at the last block of a chain, knowing what those before it do. What it finds stays only if
    /// it is everything.
    fn chain_told(&mut self, chain: &[usize]) -> Told {
        let Some((&block, before)) = chain.split_last() else { return Told::NotAllValues };
        self.transfer.spilled = false;
        let mut state = self.before_block(chain[0]);
        for (index, &before) in before.iter().enumerate() {
            self.run(before, &mut state, false);
            if let Along::Narrowed(narrowed) = self.along(before, chain[index + 1], &state) {
                state = *narrowed;
            }
        }
        let (first, first_store) = (self.found.sites.len(), self.found.stores.len());
        let names = self.transfer.found.len();
        self.run(block, &mut state, true);
        // Code before may tell which entry of a table is read, and what of the stack others know.
        if !self.transfer.tables_lost.is_empty()
            || self.transfer.spilled
            || self.holds_callee(&state)
            || self.transfer.found.iter().skip(names).any(|(_, _, name)| name.is_none())
        {
            return Told::NotAllCalls;
        }
        let from_before =
            |atom: &Atom| matches!(atom.base, Base::Unknown(Reason::Entry | Reason::Stack));
        let values = self.found.sites[first..].iter().flat_map(|site| &site.arguments);
        let values = values.map(|(_, atoms)| atoms);
        let stored = self.found.stores[first_store..].iter().map(|store| &store.value);
        if values.chain(stored).flatten().any(from_before) {
            self.found.sites.truncate(first);
            self.found.stores.truncate(first_store);
            return Told::NotAllValues;
        }
        Told::Everything
    }

    /// What is known on the way from one block to the next.
    fn along(&mut self, block: usize, next: usize, state: &State) -> Along {
        let last = self.graph.insns[self.graph.blocks[block].insns.end - 1];
        let Flow::Branch(target) = last.flow else { return Along::Same };
        let start = self.graph.insns[self.graph.blocks[next].insns.start].at;
        if target == last.end() || state.flags.is_none() {
            return Along::Same;
        }
        self.transfer.assuming(state, last.when, start == target)
    }

    /// The block, and before it those that must have come before, as each is the only one to lead to
    /// the next.
    fn chain_to(&self, block: usize) -> Vec<usize> {
        let mut chain = vec![block];
        let mut first = block;
        while chain.len() < LONGEST_CHAIN && self.graph.blocks[first].entry.is_none() {
            match *self.predecessors.before(first) {
                [before] if !chain.contains(&before) => first = before,
                _ => break,
            }
            chain.push(first);
        }
        chain.reverse();
        chain
    }

    /// Which blocks lead to one of `blocks`, themselves included.
    fn leading_to(&self, blocks: &BTreeSet<usize>) -> Vec<bool> {
        let mut leads = vec![false; self.graph.blocks.len()];
        let mut pending: Vec<usize> = blocks.iter().copied().collect();
        while let Some(block) = pending.pop() {
            if !std::mem::replace(&mut leads[block], true) {
                pending.extend(self.predecessors.before(block));
            }
        }
        leads
    }

    /// Whether the address of a wanted function is still somewhere, for later blocks to call.
    fn holds_callee(&self, state: &State) -> bool {
        let values = &self.transfer.values;
        let places = self.transfer.places;
        let is_callee = |atom: &Atom| match atom.base {
            Base::Callee { .. } | Base::Table { .. } => true,
            Base::Image(rva) if self.transfer.aims.table_around(rva).is_some() => true,
            Base::Image(rva) => {
                self.transfer.aims.function_at(rva).is_some()
                    || places.code_from(rva).is_some()
                        && matches!(self.decoder.stub(rva), Stub::ToPointer(_))
            }
            _ => false,
        };
        // Most registers hold nothing of the kind.
        values.some_may_be_code()
            && state
                .all()
                .any(|set| values.may_be_code(set) && values.atoms(set).iter().any(is_callee))
    }

    /// What is known before a block if nothing is known of those before.
    fn before_block(&mut self, block: usize) -> State {
        let start = self.graph.insns[self.graph.blocks[block].insns.start].at;
        let values = &mut self.transfer.values;
        let lone = self.predecessors.before(block).is_empty();
        if self.graph.blocks[block].entry == Some(Entry::Start) && lone {
            return State::at_start(values, self.transfer.abi, &self.transfer.known.given);
        }
        let mut state = State::unknown(values, Reason::Entry);
        if let Some(frame) = self.graph.frame
            && !(self.graph.begin..frame.from).contains(&start)
        {
            self.transfer.apply(&mut state, &frame.op(), 0);
            if let Some(taken) = &self.graph.taken {
                let bottom = i32::try_from(frame.depth).map_or(i32::MIN, |depth| -depth);
                state.escape_only(taken.iter().map(|above| bottom.saturating_add(*above)));
            }
        }
        state
    }

    /// Carries `state` through a block; with `tell`, the calls in it are told.
    fn run(&mut self, block: usize, state: &mut State, tell: bool) {
        self.graph.lift(self.decoder, block);
        self.transfer.stores = tell.then(Vec::new);
        for index in self.graph.blocks[block].insns.clone() {
            let insn = self.graph.insns[index];
            if tell {
                self.look_before(state, &insn, block);
            }
            let ops = self.graph.ops(&insn);
            self.found.steps += ops.len() + 1;
            for op in ops {
                self.transfer.apply(state, op, insn.at);
            }
            if tell && self.watching.is_some() {
                self.look_behind(state, &insn, block);
            } else if tell {
                self.tell(state, &insn, block);
            }
            if let Flow::Call(target) = insn.flow
                && !matches!(target, Target::Code(at) if self.decoder.checks_cookie(at))
            {
                let callee = self.callee(state, target, insn.at);
                self.transfer.call(state, target, callee, insn.at);
            }
        }
        let last = self.graph.insns[self.graph.blocks[block].insns.end - 1];
        if tell && last.flow == Flow::Return {
            self.transfer.hand_back(state);
        }
        self.tell_stores();
    }

    /// What a call goes to.
    fn callee(&mut self, state: &State, target: Target, at: u32) -> Callee {
        if let Target::Code(code) = target
            && let Stub::Code(function) = self.decoder.stub(code)
        {
            let finder = self.transfer.aims.finder_at(function);
            return Callee { function: Some(function), finder, ..Callee::default() };
        }
        let aims = &self.transfer.aims;
        let wanted = match target {
            Target::Pointer(place) if self.transfer.places.is_import(place) => {
                aims.wanted_at(place)
            }
            _ if aims.has_effects() => match self.goals(state, target, at)[..] {
                [Goal { wanted, always: true, .. }] => Some(wanted),
                _ => None,
            },
            _ => None,
        };
        // How many parameters there are counts only where the call goes straight there.
        let parameters = wanted.filter(|_| matches!(target, Target::Pointer(_)));
        let parameters = parameters.and_then(|wanted| self.query.wanted.get(wanted as usize));
        let parameters = parameters.map(|wanted| wanted.parameters);
        Callee { wanted, parameters, ..Callee::default() }
    }

    fn tell_stores(&mut self) {
        for stored in self.transfer.stores.take().unwrap_or_default() {
            let value = self.transfer.values.atoms(stored.value).to_vec();
            let Stored { at, place, bytes, .. } = stored;
            let store = Store { at, function: self.graph.begin, place, bytes, value };
            self.found.add_store(store);
        }
    }

    /// Tells which blocks follow.
    fn tell_ways(&mut self, state: &State, block: usize) {
        for next in self.graph.successors(block).to_vec() {
            let mut after = match self.along(block, next, state) {
                Along::Never => continue,
                Along::Same => state.clone(),
                Along::Narrowed(narrowed) => *narrowed,
            };
            let failed = self.fails(block, next, state)
                && state.flags.is_some_and(|flags| {
                    flags.note_failure(&mut self.transfer.values, &mut after);
                    self.returns_failure(next, after)
                });
            self.found.ways.push((block, next, failed));
        }
    }

    /// Whether code that goes on to a block with `state` returns nothing but codes of failures.
    fn returns_failure(&mut self, block: usize, state: State) -> bool {
        let mut pending = vec![(block, state)];
        for _ in 0..MOST_FAILING {
            let Some((block, state)) = pending.pop() else { return true };
            if self.found.steps > self.budget {
                return false;
            }
            let mut after = state;
            self.run(block, &mut after, false);
            self.transfer.end_block(&mut after);
            let last = self.graph.insns[self.graph.blocks[block].insns.end - 1];
            match last.flow {
                Flow::Return => {
                    let result = after.get(self.transfer.abi.result);
                    let is_failure = |atom: &Atom| atom.is_number() && atom.ones & FAILURE != 0;
                    if !self.transfer.values.atoms(result).iter().all(is_failure) {
                        return false;
                    }
                }
                Flow::Jump(at) if self.leaves(at) => return false,
                Flow::Indirect(_) => return false,
                _ => {}
            }
            for next in self.graph.successors(block).to_vec() {
                match self.along(block, next, &after) {
                    Along::Never => {}
                    Along::Same => pending.push((next, after.clone())),
                    Along::Narrowed(narrowed) => pending.push((next, *narrowed)),
                }
            }
        }
        false
    }

    /// Whether code goes from one block to the next only where something that was called has failed.
    fn fails(&self, block: usize, next: usize, state: &State) -> bool {
        let last = self.graph.insns[self.graph.blocks[block].insns.end - 1];
        let (Flow::Branch(target), Some(flags)) = (last.flow, state.flags) else { return false };
        let start = self.graph.insns[self.graph.blocks[next].insns.start].at;
        let when = if start == target { last.when } else { last.when.opposite() };
        target != last.end() && flags.is_failure(&self.transfer.values, when)
    }

    /// Tells what the function returns at the end of a block, if it returns there.
    fn tell_result(&mut self, state: &State, block: usize) {
        if self.manner != Manner::ForResults {
            return;
        }
        let last = self.graph.insns[self.graph.blocks[block].insns.end - 1];
        let result = match last.flow {
            Flow::Return => {
                self.transfer.values.atoms(state.get(self.transfer.abi.result)).to_vec()
            }
            Flow::Jump(at) | Flow::Branch(at) if self.leaves(at) => {
                match self.transfer.known.results.get(&at) {
                    // What it was given itself is not what this one was.
                    Some(known) if known.iter().all(|atom| atom.base == Base::Constant) => {
                        known.clone()
                    }
                    _ => vec![Atom::unknown(Reason::ReturnedBy(Rva(at)), last.at)],
                }
            }
            Flow::Indirect(_) if self.graph.successors(block).is_empty() => {
                vec![Atom::unknown(Reason::Returned, last.at)]
            }
            _ => return,
        };
        self.found.results.extend(result);
    }

    /// Tells the calls of wanted functions that `insn` makes.
    fn tell(&mut self, state: &State, insn: &Insn, block: usize) {
        let (goals, tail) = match insn.flow {
            Flow::Call(target) => (self.goals(state, target, insn.at), false),
            Flow::Indirect(target) => (self.goals(state, target, insn.at), true),
            Flow::Jump(at) | Flow::Branch(at) if self.leaves(at) => {
                (self.goals(state, Target::Code(at), insn.at), true)
            }
            _ => return,
        };
        for goal in goals {
            self.found.used.insert((insn.at, goal.wanted));
            self.found.used.insert((goal.from, goal.wanted));
            if goal.from == insn.at {
                self.found.direct.insert(insn.at);
            }
            // At a jump the caller's return address is already on the stack.
            let above = if tail { self.transfer.abi.pushed } else { 0 };
            let site = self.site(state, insn, &goal, (tail, above), block);
            self.found.add_site(site);
        }
    }

    fn leaves(&self, at: u32) -> bool {
        self.graph.insns.binary_search_by_key(&at, |insn| insn.at).is_err()
    }

    fn site(
        &mut self,
        state: &State,
        insn: &Insn,
        goal: &Goal,
        (tail, above): (bool, i32),
        block: usize,
    ) -> Seen {
        let parameters = self.query.wanted.get(goal.wanted as usize);
        let parameters = parameters.map_or(&[][..], |wanted| &wanted.arguments);
        let mut arguments = Vec::with_capacity(parameters.len());
        for &parameter in parameters {
            let set = self.transfer.argument(state, parameter.index, above, insn.at);
            let mut atoms = self.transfer.values.atoms(set).to_vec();
            if self.transfer.ranges {
                leave_out_parts(&mut atoms);
            }
            for atom in &mut atoms {
                if atom.base != Base::Constant && parameter.is_answered_by(atom) {
                    *atom = Atom::of_bits(atom.ones, atom.zeros, Reason::NotAsked, atom.at);
                }
            }
            arguments.push((parameter, atoms));
        }
        Seen {
            at: insn.at,
            function: self.graph.begin,
            wanted: goal.wanted,
            via: if tail { Via::TailCall } else { goal.via },
            always: goal.always,
            arguments,
            reached: self.reachable[block] || self.graph.unresolved,
        }
    }
}

/// Leaves out what is a part of another possibility, of which less is known.
fn leave_out_parts(atoms: &mut Vec<Atom>) {
    let all = atoms.clone();
    atoms.retain(|atom| !all.iter().any(|other| other != atom && atom.is_part_of(other)));
}

/// The low `bits` of a value, as others see it; `origin` tells what the numbers of origins stand for.
pub(crate) fn value_of(atoms: &[Atom], bits: u8, origin: impl Fn(u16) -> Option<Origin>) -> Value {
    let mask = u64::MAX >> (64 - u32::from(bits.clamp(1, 64)));
    let one = |atom: &Atom| {
        let (ones, zeros) = match atom.is_number() {
            true => (atom.ones & mask, atom.zeros | !mask),
            false => (0, !mask),
        };
        let points_to = match atom.base {
            Base::Image(rva) => Some(Rva(rva)),
            _ => None,
        };
        Possible {
            ones,
            zeros,
            set_at: (atom.at != 0).then_some(Rva(atom.at)),
            unknown: (ones | zeros != u64::MAX).then(|| atom.reason()),
            points_to,
            origin: origin(atom.origin),
        }
    };
    let mut possible: Vec<Possible> = atoms.iter().map(one).collect();
    let key = |one: &Possible| (one.unknown, one.ones, one.zeros, one.points_to, one.origin);
    possible.sort_by_key(|one| (key(one), one.set_at));
    possible.dedup_by_key(|one| key(one));
    if possible.len() > MOST_POSSIBLE {
        // What many callers choose is told route by route; together only the bits are that all share.
        let ones = possible.iter().fold(u64::MAX, |bits, one| bits & one.ones);
        let zeros = possible.iter().fold(u64::MAX, |bits, one| bits & one.zeros);
        let unknown = Some(Reason::ManyValues);
        possible = vec![Possible { ones, zeros, unknown, ..Possible::default() }];
    }
    Value { possible }
}
