//! Carries what is known through a function until nothing changes.

use super::{
    Along, Analysis, Found, MOST_SETS, MOST_STATE_BYTES, MOST_VISITS, Manner, PATIENCE, Seen, Store,
};
use crate::Reason;
use crate::decode::Flow;
use crate::domain::Atom;
use crate::flow::Entry;
use crate::ir::Op;
use crate::state::{Changed, State};
use crate::transfer::Transfer;
use foldhash::HashSet;
use std::collections::BTreeSet;

/// Bytes of states up to which those behind blocks are kept as well, and states that are kept for their memory.
const FEW_STATE_BYTES: usize = 1 << 20;
const MOST_SPARE: usize = 64;

/// What is known before each block, and which are to be looked at.
struct Carried {
    states: Vec<Option<Box<State>>>,
    visits: Vec<u32>,
    pending: Pending,
    /// The registers that matter at the start of each block.
    live: Vec<u64>,
    /// Bytes of all states.
    held: usize,
    /// What was told of each block when it was looked at last.
    told: Vec<Option<Box<Told>>>,
    /// What was known behind each block when it was looked at last, while that is kept.
    after: Vec<Option<Box<State>>>,
    /// What has changed before each block since.
    changed: Vec<Changed>,
}

/// Blocks that are to be looked at, a bit each.
struct Pending {
    words: Vec<u64>,
    /// The first word that may have a bit.
    first: usize,
}

impl Pending {
    fn of(count: usize) -> Pending {
        Pending { words: vec![0; count.div_ceil(64)], first: 0 }
    }

    fn insert(&mut self, block: usize) {
        self.words[block / 64] |= 1 << (block % 64);
        self.first = self.first.min(block / 64);
    }

    fn pop_first(&mut self) -> Option<usize> {
        let left = self.words[self.first..].iter().position(|word| *word != 0)?;
        self.first += left;
        let word = &mut self.words[self.first];
        let bit = word.trailing_zeros() as usize;
        *word &= *word - 1;
        Some(64 * self.first + bit)
    }
}

/// What one block tells.
#[derive(Default)]
struct Told {
    sites: Vec<Seen>,
    stores: Vec<Store>,
    used: BTreeSet<(u32, u32)>,
    direct: HashSet<u32>,
    handed_back: HashSet<u32>,
    results: Vec<Atom>,
}

impl Told {
    fn clear(&mut self) {
        let Told { sites, stores, used, direct, handed_back, results } = self;
        sites.clear();
        stores.clear();
        used.clear();
        direct.clear();
        handed_back.clear();
        results.clear();
    }
}

impl Analysis<'_, '_, '_> {
    /// Carries what is known through the blocks `within` until nothing changes, then tells the calls.
    pub(super) fn until_stable(&mut self, within: &[bool]) {
        let mut carried = self.begin(within);
        // What is known when a block is looked at for the last time is what it is told with.
        let at_once = self.watching.is_none()
            && self.manner != Manner::ForOrder
            && !self.transfer.fields.were_written();
        let mut spent = self.graph.spent;
        while let Some(block) = carried.pending.pop_first() {
            carried.visits[block] += 1;
            let Some(state) = &carried.states[block] else { continue };
            let changed = std::mem::take(&mut carried.changed[block]);
            let passed = carried.after[block].take();
            let state = match self.passed(block, passed, changed, state) {
                Some(state) => state,
                None => {
                    let mut state = self.transfer.copy(state);
                    match at_once && self.may_tell(block) {
                        true => self.told_at_once(block, &mut state, &mut carried),
                        false => self.run(block, &mut state, false),
                    }
                    self.transfer.end_block(&mut state);
                    state
                }
            };
            self.go_on(block, &state, within, &mut carried);
            match carried.held <= FEW_STATE_BYTES {
                true => carried.after[block] = Some(state),
                false => self.transfer.spare.push(state),
            }
            spent |= carried.visits[block] > MOST_VISITS
                || carried.held > MOST_STATE_BYTES
                || self.transfer.values.len() > MOST_SETS
                || self.found.steps > self.budget;
            if spent {
                break;
            }
        }
        self.found.spent = spent;
        self.transfer.spare.extend(carried.after.into_iter().flatten());
        // What the function writes later may be read before.
        let at_once = at_once && !spent && !self.transfer.fields.were_written();
        for (block, state) in carried.states.into_iter().enumerate() {
            if !within[block] {
                continue;
            }
            let told = carried.told[block].take().filter(|_| at_once);
            match told {
                Some(told) => {
                    self.take(*told);
                    self.transfer.spare.extend(state);
                }
                None => self.tell_block(block, state),
            }
        }
        self.transfer.spare.truncate(MOST_SPARE);
    }

    /// What is known before any block was looked at.
    fn begin(&mut self, within: &[bool]) -> Carried {
        let count = self.graph.blocks.len();
        let live = match self.watching {
            // Whatever an instruction uses is looked at.
            Some(_) => vec![u64::MAX; count],
            None => self.live(within),
        };
        let mut carried = Carried {
            states: vec![None; count],
            visits: vec![0; count],
            pending: Pending::of(count),
            live,
            held: 0,
            told: (0..count).map(|_| None).collect(),
            after: vec![None; count],
            changed: vec![Changed::default(); count],
        };
        for block in (0..count).filter(|&block| within[block]) {
            let entered = match self.graph.blocks[block].entry {
                None => continue,
                Some(Entry::Start) => {
                    let Transfer { values, abi, known, .. } = &mut *self.transfer;
                    State::at_start(values, abi, &known.given)
                }
                Some(Entry::Resumed | Entry::Unknown) => self.before_block(block),
            };
            carried.states[block] = Some(Box::new(entered));
            carried.pending.insert(block);
        }
        carried
    }

    /// What is known behind a block, if that is what it was the last time but for registers which the block
    /// only passes on.
    fn passed(
        &mut self,
        block: usize,
        after: Option<Box<State>>,
        changed: Changed,
        before: &State,
    ) -> Option<Box<State>> {
        let mut after = after?;
        let passes = self.graph.blocks[block].registers.filter(|passes| {
            changed.registers & (passes.read | passes.unclear) == 0
                && !changed.others
                && self.watching.is_none()
                && !self.transfer.fields.were_written()
                && !self.transfer.fields.read_steady
        });
        let Some(passes) = passes else {
            self.transfer.spare.push(after);
            return None;
        };
        after.take_registers(changed.registers & passes.left & !self.transfer.abi.scratch, before);
        Some(after)
    }

    /// Carries what is known behind a block to those that may follow.
    fn go_on(&mut self, block: usize, after: &State, within: &[bool], carried: &mut Carried) {
        for index in 0..self.graph.successors(block).len() {
            let next = self.graph.successors(block)[index];
            if !within[next] {
                continue;
            }
            let narrowed = match self.along(block, next, after) {
                Along::Narrowed(narrowed) => Some(narrowed),
                // What only constants rule out is told all the same.
                Along::Never if self.manner != Manner::Quickly => continue,
                Along::Same | Along::Never => None,
            };
            let after = narrowed.as_deref().unwrap_or(after);
            let changed = match &mut carried.states[next] {
                Some(known) => {
                    let widen = carried.visits[next] > PATIENCE;
                    self.transfer.join(known, after, carried.live[next], widen)
                }
                empty => {
                    carried.held += after.size();
                    let mut first = self.transfer.copy(after);
                    self.transfer.drop_registers(&mut first, !carried.live[next]);
                    *empty = Some(first);
                    Changed { registers: 0, others: true }
                }
            };
            if changed.any() {
                carried.pending.insert(next);
                carried.changed[next].registers |= changed.registers;
                carried.changed[next].others |= changed.others;
            }
            self.transfer.spare.extend(narrowed);
        }
    }

    /// Carries `state` through a block, and keeps what it tells.
    fn told_at_once(&mut self, block: usize, state: &mut State, carried: &mut Carried) {
        let mut told = carried.told[block].take().unwrap_or_default();
        told.clear();
        self.exchange(&mut told);
        self.run(block, state, true);
        self.tell_result(state, block);
        self.exchange(&mut told);
        carried.told[block] = Some(told);
    }

    /// Exchanges what was told with `told`.
    fn exchange(&mut self, told: &mut Told) {
        std::mem::swap(&mut self.found.sites, &mut told.sites);
        std::mem::swap(&mut self.found.stores, &mut told.stores);
        std::mem::swap(&mut self.found.used, &mut told.used);
        std::mem::swap(&mut self.found.direct, &mut told.direct);
        std::mem::swap(&mut self.found.results, &mut told.results);
        std::mem::swap(&mut self.transfer.handed_back, &mut told.handed_back);
    }

    /// Takes what a block told.
    fn take(&mut self, told: Told) {
        let Told { sites, stores, used, direct, handed_back, results } = told;
        self.transfer.handed_back.extend(handed_back);
        self.found.used.extend(used);
        self.found.direct.extend(direct);
        self.found.results.extend(results);
        sites.into_iter().for_each(|site| self.found.add_site(site));
        stores.into_iter().for_each(|store| self.found.add_store(store));
    }

    /// Tells what a block holds before which `state` is known.
    fn tell_block(&mut self, block: usize, state: Option<Box<State>>) {
        if !self.may_tell(block) {
            return;
        }
        let spent = self.found.spent;
        let mut state = match state.filter(|_| !spent) {
            Some(state) => state,
            None if !spent && self.manner != Manner::Quickly => return,
            // Left early: only what the block itself says can be trusted.
            None if spent => Box::new(State::unknown(&mut self.transfer.values, Reason::Budget)),
            None => Box::new(self.before_block(block)),
        };
        self.run(block, &mut state, true);
        self.tell_result(&state, block);
        if self.manner == Manner::ForOrder {
            self.tell_ways(&state, block);
        }
        self.transfer.spare.push(state);
    }

    /// Whether a block may have anything to tell, once it is known what is known before it.
    fn may_tell(&mut self, block: usize) -> bool {
        if self.watching.is_some()
            || self.manner == Manner::ForOrder
            || !self.graph.is_lifted(block)
        {
            return true;
        }
        let (goes, stores) = match self.graph.blocks[block].acts {
            Some(known) => known,
            None => {
                let acts = self.acts(block);
                *self.graph.blocks[block].acts.insert(acts)
            }
        };
        goes || stores && self.transfer.aims.watch_any()
    }

    /// Whether a lifted block goes somewhere else, if only to come back, and whether it changes memory.
    fn acts(&self, block: usize) -> (bool, bool) {
        let insns = &self.graph.insns[self.graph.blocks[block].insns.clone()];
        let goes = insns.iter().any(|insn| match insn.flow {
            Flow::Call(_) | Flow::Indirect(_) | Flow::Return => true,
            Flow::Jump(at) | Flow::Branch(at) => self.leaves(at),
            _ => false,
        });
        (goes, insns.iter().any(|insn| self.graph.ops(insn).iter().any(Op::stores)))
    }
}

/// Sites that are compared with a new one.
const NEAREST: usize = 8;

impl Found {
    /// Adds a call, if it is not the same as one just before.
    pub(super) fn add_site(&mut self, site: Seen) {
        let same = |known: &Seen| (known.at, known.wanted) == (site.at, site.wanted);
        if !self.sites.iter().rev().take(NEAREST).any(same) {
            self.sites.push(site);
        }
    }

    /// Adds a store, if it is not known.
    pub(super) fn add_store(&mut self, store: Store) {
        if !self.stores.contains(&store) {
            self.stores.push(store);
        }
    }
}
