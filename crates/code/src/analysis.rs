//! The calls in one function and what reaches their arguments: first block by block, then, where that
//! does not tell, over the whole function until nothing changes.

mod goal;
mod order;
pub(crate) mod watch;

use goal::Goal;
use order::{Predecessors, reachable};
use watch::Watching;

use crate::decode::{Decoder, Flow, Stub};
use crate::domain::{Atom, Base, Set};
use crate::flow::{Entry, Graph, Insn};
use crate::ir::Target;
use crate::query::Query;
use crate::state::State;
use crate::survey::{Argument, Via};
use crate::transfer::Transfer;
use crate::value::{Possible, Value};
use crate::{Reason, Site};
use ringfence_image::Rva;
use std::collections::{BTreeSet, HashSet};

/// A block that is entered more often than this forgets what keeps changing: sets and their bits can
/// only change so often, but that is often enough.
const PATIENCE: u32 = 6;
/// Blocks one behind the other that are looked at together.
const LONGEST_CHAIN: usize = 16;
/// A block that is entered more often than this ends the analysis.
const MOST_VISITS: u32 = 200;
/// Bytes of states that are kept at once.
const MOST_STATE_BYTES: usize = 24 << 20;
/// Sets of values that are kept at once.
const MOST_SETS: usize = 100_000;

/// What one function holds.
#[derive(Default)]
pub(crate) struct Found {
    pub(crate) sites: Vec<Site>,
    /// Instructions that were, or led to, a call, and the function called.
    pub(crate) used: BTreeSet<(u32, u32)>,
    /// Those that name the function themselves, or a jump to it.
    pub(crate) direct: HashSet<u32>,
    /// Instructions that read the address of a wanted function that others then hold.
    pub(crate) kept: HashSet<u32>,
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
}

/// Analyses the function `graph`, of which the instructions `named` hold references.
pub(crate) fn analyse(
    transfer: &mut Transfer<'_>,
    decoder: &mut dyn Decoder,
    graph: &mut Graph,
    query: &Query,
    named: &BTreeSet<usize>,
    budget: usize,
) -> Found {
    let (reachable, predecessors) = (reachable(graph), Predecessors::of(graph));
    let mut analysis = Analysis {
        transfer,
        decoder,
        graph,
        query,
        reachable,
        predecessors,
        found: Found::default(),
        budget,
        watching: None,
    };
    let blocks: BTreeSet<usize> =
        named.iter().filter_map(|&insn| analysis.graph.block_of(insn)).collect();
    let told = analysis.block_by_block(&blocks);
    if told != Told::Everything {
        analysis.found.sites.clear();
        analysis.found.used.clear();
        let within = match told {
            // What matters to these blocks happens before them.
            Told::NotAllValues => analysis.leading_to(&blocks),
            _ => vec![true; analysis.graph.blocks.len()],
        };
        analysis.until_stable(&within);
    }
    let mut found = analysis.found;
    found.kept = transfer.held_by_others();
    found
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

struct Analysis<'a, 't, 'w> {
    transfer: &'t mut Transfer<'a>,
    decoder: &'t mut dyn Decoder,
    graph: &'t mut Graph,
    query: &'t Query,
    reachable: Vec<bool>,
    predecessors: Predecessors,
    found: Found,
    budget: usize,
    /// What is looked for instead of calls.
    watching: Option<Watching<'w>>,
}

impl Analysis<'_, '_, '_> {
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
        for &before in before {
            state = self.run(before, state, false);
        }
        let first = self.found.sites.len();
        let state = self.run(block, state, true);
        if self.transfer.spilled || self.holds_callee(&state) {
            return Told::NotAllCalls;
        }
        let open = |site: &Site| {
            let possible = site.arguments.iter().flat_map(|argument| &argument.value.possible);
            let from_before = [Some(Reason::Entry), Some(Reason::Stack)];
            possible.into_iter().any(|one| from_before.contains(&one.unknown))
        };
        if self.found.sites[first..].iter().any(open) {
            self.found.sites.truncate(first);
            return Told::NotAllValues;
        }
        Told::Everything
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
            Base::Image(rva) => {
                places.code_from(rva).is_some()
                    && matches!(self.decoder.stub(rva), Stub::ToPointer(_))
            }
            _ => false,
        };
        state.all().any(|set| values.atoms(set).iter().any(is_callee))
    }

    /// What is known before a block if nothing is known of those before.
    fn before_block(&mut self, block: usize) -> State {
        let start = self.graph.insns[self.graph.blocks[block].insns.start].at;
        let values = &mut self.transfer.values;
        let lone = self.predecessors.before(block).is_empty();
        if self.graph.blocks[block].entry == Some(Entry::Start) && lone {
            return State::at_start(values, self.transfer.abi);
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
    fn run(&mut self, block: usize, mut state: State, tell: bool) -> State {
        self.graph.lift(self.decoder, block);
        for index in self.graph.blocks[block].insns.clone() {
            let insn = self.graph.insns[index];
            if tell {
                self.look_before(&state, &insn, block);
            }
            let ops = self.graph.ops(&insn);
            self.found.steps += ops.len() + 1;
            for op in ops {
                self.transfer.apply(&mut state, op, insn.at);
            }
            if tell && self.watching.is_some() {
                self.look_behind(&state, &insn, block);
            } else if tell {
                self.tell(&state, &insn, block);
            }
            if let Flow::Call(target) = insn.flow {
                let own = self.parameters(target);
                self.transfer.call(&mut state, target, own, insn.at);
            }
        }
        state
    }

    /// How many parameters the function has that a call goes straight to.
    fn parameters(&self, target: Target) -> Option<u8> {
        let Target::Pointer(place) = target else { return None };
        let wanted = self.transfer.places.wanted_at(place)?;
        self.query.wanted.get(wanted as usize).map(|wanted| wanted.parameters)
    }

    /// Carries what is known through the blocks `within` until nothing changes, then tells the calls.
    fn until_stable(&mut self, within: &[bool]) {
        let count = self.graph.blocks.len();
        let mut states: Vec<Option<State>> = vec![None; count];
        let mut visits = vec![0_u32; count];
        let mut pending = BTreeSet::new();
        for (block, state) in states.iter_mut().enumerate() {
            let entered = match self.graph.blocks[block].entry {
                _ if !within[block] => continue,
                None => continue,
                Some(Entry::Start) => State::at_start(&mut self.transfer.values, self.transfer.abi),
                Some(Entry::Resumed | Entry::Unknown) => self.before_block(block),
            };
            *state = Some(entered);
            pending.insert(block);
        }
        let mut held = 0;
        let mut spent = self.graph.spent;
        while let Some(block) = pending.pop_first() {
            visits[block] += 1;
            let Some(state) = states[block].clone() else { continue };
            let mut after = self.run(block, state, false);
            self.transfer.end_block(&mut after);
            for &next in self.graph.successors(block) {
                if !within[next] {
                    continue;
                }
                let widen = visits[next] > PATIENCE;
                let changed = match &mut states[next] {
                    Some(known) => self.transfer.join(known, &after, widen),
                    empty => {
                        held += after.size();
                        *empty = Some(after.clone());
                        true
                    }
                };
                if changed {
                    pending.insert(next);
                }
            }
            spent |= visits[block] > MOST_VISITS
                || held > MOST_STATE_BYTES
                || self.transfer.values.len() > MOST_SETS
                || self.found.steps > self.budget;
            if spent {
                break;
            }
        }
        self.found.spent = spent;
        for (block, state) in states.into_iter().enumerate() {
            if !within[block] {
                continue;
            }
            let state = match state.filter(|_| !spent) {
                Some(state) => state,
                // Left early: only what the block itself says can be trusted.
                None if spent => State::unknown(&mut self.transfer.values, Reason::Budget),
                None => self.before_block(block),
            };
            self.run(block, state, true);
        }
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
            let same = |known: &Site| (known.at, known.wanted) == (site.at, site.wanted);
            if !self.found.sites.iter().rev().take(8).any(same) {
                self.found.sites.push(site);
            }
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
    ) -> Site {
        let parameters = self.query.wanted.get(goal.wanted as usize);
        let parameters = parameters.map_or(&[][..], |wanted| &wanted.arguments);
        let mut arguments = Vec::with_capacity(parameters.len());
        for parameter in parameters {
            let set = self.transfer.argument(state, parameter.index, above, insn.at);
            let value = self.value(set, parameter.bits);
            arguments.push(Argument { index: parameter.index, value });
        }
        Site {
            at: Rva(insn.at),
            function: Some(Rva(self.graph.begin)),
            wanted: goal.wanted as usize,
            via: if tail { Via::TailCall } else { goal.via },
            always: goal.always,
            arguments,
            reached: self.reachable[block] || self.graph.unresolved,
            routes: Vec::new(),
        }
    }

    /// The low `bits` of a set, as others see it.
    fn value(&self, set: Set, bits: u8) -> Value {
        let mask = u64::MAX >> (64 - u32::from(bits.clamp(1, 64)));
        let one = |atom: &Atom| {
            let (ones, zeros) = match atom.base {
                Base::Constant | Base::Unknown(_) => (atom.ones & mask, atom.zeros | !mask),
                _ => (0, !mask),
            };
            let whole = ones | zeros == u64::MAX;
            let set_at = (atom.at != 0).then_some(Rva(atom.at));
            let points_to = match atom.base {
                Base::Image(rva) => Some(Rva(rva)),
                _ => None,
            };
            let unknown = (!whole).then(|| atom.reason());
            Possible { ones, zeros, set_at, unknown, points_to }
        };
        let mut possible: Vec<Possible> = self.transfer.values.atoms(set).iter().map(one).collect();
        possible.sort_by_key(|one| {
            (one.unknown, one.ones, one.zeros, one.points_to.map(|rva| rva.0), one.set_at)
        });
        possible.dedup_by_key(|one| (one.unknown, one.ones, one.zeros, one.points_to));
        Value { possible }
    }
}
