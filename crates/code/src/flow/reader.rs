//! Reads a function: from its entries wherever jumps lead, and what is left around places of interest.

use super::{Block, Entry, Graph, Insn, LONGEST};
use crate::decode::{Decoder, Flow, Lifted, Read, Stub, Taken};
use crate::function::{Extent, Finder};
use crate::ir::Target;
use crate::places::Places;
use crate::scan::Field;
use foldhash::{HashMap, HashMapExt};
use ringfence_image::Rva;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// A function of more instructions is not followed to its end.
const MOST_INSTRUCTIONS: usize = 150_000;
/// How often the guards of tables are looked at anew before none is trusted.
const MOST_ROUNDS: usize = 4;
/// Nor one whose jump tables have more entries, each counted for every jump that uses it.
const MOST_TABLE_ENTRIES: usize = 1 << 18;
/// Stretches of a function that no path leads to.
const MOST_HOLES: usize = 1024;
/// Bytes of a function for each of its instructions, of which the longest has fifteen.
const MOST_BYTES_FOR_ONE: usize = 32;
/// Addresses on the stack that are told apart.
const MOST_TAKEN: usize = 32;
/// Bytes of most instructions, and of what runs one behind the other without a jump.
const TYPICAL_LENGTH: u32 = 3;
const TYPICAL_BLOCK: u32 = 10;
/// Instructions before an indirect jump that may say where it goes.
const MOST_BEFORE_JUMP: u32 = 24;
/// Tables of one function whose guards are looked at one by one.
const FEW_GUARDS: usize = 8;
/// Instructions are found by a table over the first bytes of the function, beyond by a map.
const LARGEST_TABLE: u32 = 1 << 18;

/// Decodes the function of `extent`, and whatever of it holds one of the fields `wanted` though no path
/// leads there.
pub(crate) fn read<D: Decoder>(
    decoder: &mut D,
    places: &Places<'_>,
    finder: &Finder<'_>,
    extent: Extent,
    wanted: &[Field],
) -> Graph {
    let main = extent.ranges.first().cloned().unwrap_or_default();
    let table = main.end.saturating_sub(main.start).min(LARGEST_TABLE);
    let mut reader = Reader {
        decoder,
        places,
        finder,
        table_start: main.start,
        table: vec![0; if extent.listed { table as usize } else { 0 }],
        beyond: HashMap::new(),
        insns: Vec::with_capacity((table / TYPICAL_LENGTH) as usize),
        leaders: Vec::with_capacity((table / TYPICAL_BLOCK) as usize),
        tables: HashMap::new(),
        switches: BTreeMap::new(),
        guarded: Vec::new(),
        pending: Vec::new(),
        taken: extent.frame.map(|_| BTreeSet::new()),
        data: Vec::new(),
        entries: 0,
        unresolved: false,
        wild: false,
        spent: false,
        extent,
    };
    reader.decoder.start_function();
    let entries = reader.read(wanted);
    reader.finish(&entries)
}

/// A table whose length a guard tells: the guard, the jump, and all that may be entries.
type Guarded = (u32, u32, Vec<u32>);

struct Reader<'r, D> {
    decoder: &'r mut D,
    places: &'r Places<'r>,
    finder: &'r Finder<'r>,
    extent: Extent,
    /// For each byte from `table_start` on: how long the instruction is that starts there, 0 for none.
    table_start: u32,
    table: Vec<u8>,
    beyond: HashMap<u32, u8>,
    insns: Vec<Insn>,
    leaders: Vec<u32>,
    /// Where indirect jumps go, and the tables that each may go by.
    tables: HashMap<u32, Vec<u32>>,
    switches: BTreeMap<u32, BTreeSet<u32>>,
    /// Tables whose length a guard tells.
    guarded: Vec<Guarded>,
    pending: Vec<u32>,
    taken: Option<BTreeSet<i32>>,
    /// Jump tables among the code, and how many entries all tables have.
    data: Vec<Range<u32>>,
    entries: usize,
    unresolved: bool,
    /// Whether a jump that stays in the function goes where nobody knows: to any of its blocks.
    wild: bool,
    spent: bool,
}

impl<D: Decoder> Reader<'_, D> {
    /// Reads from every known entry, then what is left around `wanted`.
    fn read(&mut self, wanted: &[Field]) -> Vec<(u32, Entry)> {
        let mut entries = vec![(self.extent.begin, Entry::Start)];
        let resumes = std::mem::take(&mut self.extent.resumes);
        entries.extend(resumes.into_iter().map(|rva| (rva, Entry::Resumed)));
        for &(rva, _) in &entries {
            if self.owns(rva) || self.adopts(rva) {
                self.enter(rva);
            }
        }
        self.distrust_guards();
        self.fill_holes(&mut entries);
        for &Field { at: field, place } in wanted {
            if self.covers(field) {
                continue;
            }
            if let Some(gap) = self.gap_before(field, place) {
                entries.push((gap, Entry::Unknown));
                self.enter(gap);
            }
        }
        self.distrust_guards();
        entries
    }

    /// Enters what no path led to, with nothing known: it runs after all if a way there was not
    /// understood, and then it leads back to what is known.
    fn fill_holes(&mut self, entries: &mut Vec<(u32, Entry)>) {
        if !self.extent.listed {
            return;
        }
        let mut done = 0;
        let mut holes = 0;
        while let Some(range) = self.extent.ranges.get(done).cloned() {
            done += 1;
            // No function is mostly something else than code; a directory may say so of many.
            let most = MOST_BYTES_FOR_ONE * (self.insns.len() + MOST_HOLES);
            if range.end.saturating_sub(range.start) as usize > most {
                self.spent = true;
                return;
            }
            let mut at = range.start;
            while at < range.end && !self.spent {
                at = match self.find(at) {
                    Some(length) => at.saturating_add(u32::from(length).max(1)),
                    None => self.fill_hole(at, &mut holes, entries),
                };
            }
        }
    }

    /// Enters the code behind the filler at `at`; where to go on.
    fn fill_hole(&mut self, at: u32, holes: &mut usize, entries: &mut Vec<(u32, Entry)>) -> u32 {
        let Some(bytes) = self.places.code_from(at) else { return u32::MAX };
        let filler = self.decoder.padding(bytes) as u32;
        if filler > 0 {
            return at.saturating_add(filler);
        }
        if self.in_table(at) || self.decoder.read(at).is_none() {
            return at.saturating_add(1);
        }
        *holes += 1;
        if *holes > MOST_HOLES {
            self.spent = true;
            return u32::MAX;
        }
        entries.push((at, Entry::Unknown));
        self.enter(at);
        // Behind what was read now, if only by the one instruction.
        self.find(at).map_or(at.saturating_add(1), |_| at)
    }

    fn in_table(&self, at: u32) -> bool {
        self.data.iter().any(|table| table.contains(&at))
    }

    fn enter(&mut self, rva: u32) {
        self.pending.push(rva);
        while let Some(rva) = self.pending.pop() {
            self.leaders.push(rva);
            self.chain(rva);
        }
    }

    /// Reads on from `at` until code ends or is known.
    fn chain(&mut self, mut at: u32) {
        self.decoder.start_chain();
        let mut behind_call = false;
        while self.find(at).is_none() {
            if self.insns.len() >= MOST_INSTRUCTIONS || self.spent {
                self.spent = true;
                return;
            }
            let lifted = match self.decoder.read_on(at) {
                Some(Read::Passing(length)) => {
                    self.remember(Insn::passing(at, length));
                    behind_call = false;
                    at = at.saturating_add(u32::from(length));
                    continue;
                }
                Some(Read::Telling(lifted)) => lifted,
                None => {
                    self.unresolved = true;
                    return;
                }
            };
            let insn = self.insn(at, &lifted, behind_call);
            behind_call = matches!(insn.flow, Flow::Call(_));
            self.remember(insn);
            if let Some(taken) = lifted.takes {
                self.take(taken);
            }
            match self.leave(&insn) {
                true => at = insn.end(),
                false => return,
            }
        }
        self.leaders.push(at);
        self.switch_again(at);
    }

    /// The instruction at `at` that `lifted` tells of, which may stand just behind a call.
    #[inline(always)]
    fn insn(&self, at: u32, lifted: &Lifted, behind_call: bool) -> Insn {
        let &Lifted { length, flow, names, .. } = lifted;
        let flow = match flow {
            Flow::Break if behind_call || self.is_padding(at.saturating_add(u32::from(length))) => {
                Flow::Stop
            }
            Flow::Break => Flow::Next,
            flow => flow,
        };
        Insn { flow, names, ..Insn::passing(at, length) }
    }

    /// Where code comes to known code at `at`, and soon to an indirect jump: the jump once more, as another
    /// table may be meant than on the way that led there first.
    fn switch_again(&mut self, mut at: u32) {
        let near = at..at.saturating_add(LONGEST * MOST_BEFORE_JUMP);
        if self.switches.range(near).next().is_none() {
            return;
        }
        let mut behind_call = false;
        for _ in 0..MOST_BEFORE_JUMP {
            if self.find(at).is_none() {
                return;
            }
            let Some(lifted) = self.decoder.read(at) else { return };
            let insn = self.insn(at, &lifted, behind_call);
            match insn.flow {
                Flow::Next | Flow::Branch(_) | Flow::Call(_) => at = insn.end(),
                Flow::Indirect(target) => return self.switch(insn.at, target),
                _ => return,
            }
            behind_call = matches!(insn.flow, Flow::Call(_));
        }
    }

    /// Notes an address on the stack.
    fn take(&mut self, taken: Taken) {
        let (Some(frame), Some(known)) = (self.extent.frame, &mut self.taken) else { return };
        let stack_pointer = self.decoder.abi().stack_pointer;
        match (taken, frame.register) {
            // The frame register is made: addresses by way of it are seen below.
            (Taken::At(from, offset, to), Some((register, above)))
                if from == stack_pointer && to == register && offset.cast_unsigned() == above => {}
            (Taken::At(from, _, to), _) if from == to && from == stack_pointer => {}
            (Taken::At(from, offset, _), _)
                if from == stack_pointer && known.len() < MOST_TAKEN =>
            {
                known.insert(offset);
            }
            (Taken::At(from, offset, _), Some((register, above))) if from == register => {
                known.insert(offset.saturating_add_unsigned(above));
            }
            (Taken::At(from, ..), _) if from != stack_pointer => {}
            _ => self.taken = None,
        }
    }

    /// Whether nothing but filler stands at `at`, or nothing at all: compilers put a breakpoint behind
    /// calls that never return, and linkers between functions; any other is one of the driver's own.
    fn is_padding(&self, at: u32) -> bool {
        let bytes = self.places.code_from(at).unwrap_or_default();
        !self.extent.contains(at) || self.decoder.padding(bytes) > 0
    }

    /// Notes where `insn` leads; whether also behind it.
    fn leave(&mut self, insn: &Insn) -> bool {
        match insn.flow {
            Flow::Next => true,
            Flow::Stop | Flow::Return | Flow::Break => false,
            Flow::Jump(target) => {
                if self.owns(target) {
                    self.pending.push(target);
                }
                false
            }
            Flow::Branch(target) => {
                if self.owns(target) {
                    self.pending.push(target);
                }
                self.leaders.push(insn.end());
                true
            }
            Flow::Call(target) => self.returns(target),
            Flow::Indirect(target) => {
                self.switch(insn.at, target);
                false
            }
        }
    }

    fn switch(&mut self, at: u32, target: Target) {
        if matches!(target, Target::Pointer(_)) {
            return;
        }
        let (extent, places, finder) = (&self.extent, self.places, self.finder);
        let inside =
            |rva: u32| places.code_from(rva).is_some() && may_own(extent, places, finder, rva);
        let jumps = self.decoder.jump_table(&inside);
        let first = !self.switches.contains_key(&at);
        let known = self.switches.entry(at).or_default();
        let fresh = jumps.tables.iter().filter(|table| known.insert(table.start)).count();
        if fresh == 0 && !first {
            return;
        }
        let targets = jumps.targets;
        self.data.extend(jumps.tables);
        self.unresolved |= jumps.cut;
        self.wild |= jumps.cut;
        if targets.is_empty() {
            // A tail call through a register, or a table of an unknown form.
            self.unresolved = true;
            let frameless = self.extent.listed && self.extent.frame.is_none();
            self.wild |= !jumps.leaves && !frameless;
            return;
        }
        self.entries += targets.len() + jumps.all.len();
        if self.entries > MOST_TABLE_ENTRIES {
            self.spent = true;
            return;
        }
        for &target in &targets {
            // It may be the first that leads to a fragment.
            self.owns(target);
        }
        self.pending.extend(&targets);
        self.tables.entry(at).or_default().extend(targets);
        if let Some(since) = jumps.since {
            self.guarded.push((since, at, jumps.all));
        }
    }

    /// Takes tables for as long as they can be where code comes to the jump past what guards it.
    fn distrust_guards(&mut self) {
        if self.guarded.is_empty() {
            return;
        }
        for round in 0..=MOST_ROUNDS {
            let guarded = std::mem::take(&mut self.guarded);
            let passed = match round == MOST_ROUNDS {
                true => vec![true; guarded.len()],
                false => self.are_passed(&guarded),
            };
            let mut passed = passed.into_iter();
            let (passed, held): (Vec<_>, Vec<_>) =
                guarded.into_iter().partition(|_| passed.next().unwrap_or(true));
            self.guarded = held;
            if passed.is_empty() {
                return;
            }
            for (_, at, all) in passed {
                self.tables.entry(at).or_default().extend(&all);
                all.into_iter().for_each(|target| self.enter(target));
            }
        }
    }

    /// Which tables code may come to past what guards them: where more begins between the guard and the jump than
    /// stands behind a branch there.
    fn are_passed(&self, guarded: &[Guarded]) -> Vec<bool> {
        let branches = self.insns.iter().filter(|insn| matches!(insn.flow, Flow::Branch(_)));
        let begin = counted(self.leaders.iter().copied(), guarded);
        let behind = counted(branches.map(Insn::end), guarded);
        begin.into_iter().zip(behind).map(|(begin, behind)| begin > behind).collect()
    }

    fn returns(&self, target: Target) -> bool {
        let slot = match target {
            Target::Pointer(slot) => slot,
            Target::Code(at) => match self.decoder.stub(at) {
                Stub::ToPointer(slot) => slot,
                _ => return true,
            },
            Target::Register(_) | Target::Memory(_) => return true,
        };
        !self.places.never_returns(slot)
    }

    /// Whether a jump to `target` stays in the function, which may gain a fragment by it.
    fn owns(&mut self, target: u32) -> bool {
        if self.extent.contains(target) {
            // Between listed functions, a jump to a mere jump by a register leaves, and so does one to where
            // another function begins. A mere jump to an import that nothing else goes to is a tail call.
            return self.extent.listed
                || matches!(self.decoder.stub(target), Stub::Code(_) | Stub::ToPointer(_))
                    && (target == self.extent.begin || !self.finder.begins_at(target));
        }
        if !self.extent.listed {
            return false;
        }
        let Some(entry) = self.places.image.functions().containing(Rva(target)) else {
            return false;
        };
        if self.finder.root(&entry).begin.0 != self.extent.begin {
            return false;
        }
        self.extent.ranges.push(entry.begin.0..entry.end.map_or(entry.begin.0, |end| end.0));
        true
    }

    /// Takes in the listed range around `rva`, whatever it says it belongs to: an exception leads there.
    fn adopts(&mut self, rva: u32) -> bool {
        let Some(entry) = self.places.image.functions().containing(Rva(rva)) else { return false };
        self.extent.ranges.push(entry.begin.0..entry.end.map_or(entry.begin.0, |end| end.0));
        true
    }

    #[inline(always)]
    fn remember(&mut self, insn: Insn) {
        self.insns.push(insn);
        let index = insn.at.wrapping_sub(self.table_start) as usize;
        match self.table.get_mut(index) {
            Some(entry) => *entry = insn.length,
            None => drop(self.beyond.insert(insn.at, insn.length)),
        }
    }

    /// How long the instruction at `at` is, if one is known there.
    fn find(&self, at: u32) -> Option<u8> {
        match self.table.get(at.wrapping_sub(self.table_start) as usize) {
            Some(0) => None,
            Some(length) => Some(*length),
            None => self.beyond.get(&at).copied(),
        }
    }

    /// Whether the field is part of a known instruction, whole and not at its start.
    fn covers(&self, field: u32) -> bool {
        (1..=11).any(|back| {
            let start = field.wrapping_sub(back);
            self.find(start).is_some_and(|length| {
                start.saturating_add(u32::from(length)) >= field.saturating_add(4)
            })
        })
    }

    /// Where to start reading so as to come upon `field`: behind the last known instruction before it.
    fn gap_before(&mut self, field: u32, place: u32) -> Option<u32> {
        let range = self.extent.ranges.iter().find(|range| range.contains(&field))?.clone();
        let lowest = range.start.max(field.saturating_sub(256));
        let end = |at: u32| Some(at.saturating_add(u32::from(self.find(at)?)));
        let after = (lowest..field).rev().find_map(end).unwrap_or(lowest);
        let bytes = self.places.code_from(after)?;
        let first = after.saturating_add(self.decoder.padding(bytes) as u32);
        (first..field).take(16).find(|&start| self.leads_to(start, field, place))
    }

    /// Whether reading on from `start` comes to an instruction with the field that names `place`.
    fn leads_to(&mut self, start: u32, field: u32, place: u32) -> bool {
        let mut at = start;
        let mut named = None;
        while at < field {
            let Some(lifted) = self.decoder.read(at) else { return false };
            at = at.saturating_add(u32::from(lifted.length));
            named = lifted.names;
        }
        at >= field.saturating_add(4) && named == Some(place)
    }

    /// Puts the instructions in order: they come in runs, of which few overlap others.
    fn sort(&mut self) {
        let mut runs: Vec<&[Insn]> =
            self.insns.chunk_by(|one, next| one.end() == next.at).collect();
        runs.sort_unstable_by_key(|run| run.first().map(|insn| insn.at));
        let mut sorted = Vec::with_capacity(self.insns.len());
        runs.into_iter().for_each(|run| sorted.extend_from_slice(run));
        if !sorted.is_sorted_by_key(|insn: &Insn| insn.at) {
            sorted.sort_by_key(|insn| insn.at);
        }
        self.insns = sorted;
    }

    /// Sorts what was read into blocks.
    fn finish(mut self, entries: &[(u32, Entry)]) -> Graph {
        if !self.insns.is_sorted_by_key(|insn| insn.at) {
            self.sort();
        }
        // Where instructions overlap, the next by address is not the next to run, and that may be anywhere.
        let mut end = 0;
        for insn in &self.insns {
            if end > insn.at {
                self.leaders.push(end);
            }
            end = insn.end();
        }
        self.leaders.sort_unstable();
        let mut blocks: Vec<Block> = Vec::with_capacity(self.leaders.len());
        let mut starts: Vec<u32> = Vec::with_capacity(self.leaders.len());
        let mut first = 0;
        let mut leader = 0;
        for (index, insn) in self.insns.iter().enumerate() {
            let end = insn.end();
            let mut goes_on = matches!(insn.flow, Flow::Next | Flow::Call(_))
                && self.insns.get(index + 1).is_some_and(|next| next.at == end);
            if goes_on {
                while self.leaders.get(leader).is_some_and(|leader| *leader < end) {
                    leader += 1;
                }
                goes_on = self.leaders.get(leader) != Some(&end);
            }
            if !goes_on {
                starts.push(self.insns[first].at);
                blocks.push(Block {
                    insns: first..index + 1,
                    edges: 0..0,
                    entry: None,
                    lifted: false,
                    registers: None,
                    acts: None,
                });
                first = index + 1;
            }
        }
        let mut edges = Vec::with_capacity(2 * blocks.len());
        for block in &mut blocks {
            let last = &self.insns[block.insns.end - 1];
            let first = edges.len();
            let mut leads_to = |at: u32| edges.extend(starts.binary_search(&at));
            match last.flow {
                Flow::Next => leads_to(last.end()),
                Flow::Call(target) if self.returns(target) => leads_to(last.end()),
                Flow::Jump(target) => leads_to(target),
                Flow::Branch(target) => [target, last.end()].into_iter().for_each(leads_to),
                Flow::Indirect(_) => {
                    let mut targets = self.tables.remove(&last.at).unwrap_or_default();
                    // A table has many entries for few cases.
                    targets.sort_unstable();
                    targets.dedup();
                    targets.into_iter().for_each(leads_to);
                }
                Flow::Call(_) | Flow::Stop | Flow::Return | Flow::Break => {}
            }
            block.edges = first..edges.len();
        }
        for (rva, entry) in entries {
            if let Ok(index) = starts.binary_search(rva) {
                blocks[index].entry = blocks[index].entry.min(Some(*entry)).or(Some(*entry));
            }
        }
        if self.wild {
            for block in &mut blocks {
                block.entry = block.entry.or(Some(Entry::Unknown));
            }
        }
        Graph {
            begin: self.extent.begin,
            frame: self.extent.frame,
            insns: self.insns,
            blocks,
            edges,
            ops: Vec::new(),
            taken: self.taken,
            unresolved: self.unresolved,
            spent: self.spent,
        }
    }
}

/// How many of `places` stand behind the guard of each table, up to its jump.
fn counted(places: impl Iterator<Item = u32> + Clone, guarded: &[Guarded]) -> Vec<usize> {
    if guarded.len() <= FEW_GUARDS {
        let count = |&(since, at, _): &Guarded| {
            places.clone().filter(|place| since < *place && *place <= at).count()
        };
        return guarded.iter().map(count).collect();
    }
    let mut places: Vec<u32> = places.collect();
    places.sort_unstable();
    let up_to = |most: u32| places.partition_point(|place| *place <= most);
    guarded.iter().map(|&(since, at, _)| up_to(at).saturating_sub(up_to(since))).collect()
}

/// Whether code at `rva` belongs to the function, as far as the exception directory tells.
fn may_own(extent: &Extent, places: &Places<'_>, finder: &Finder<'_>, rva: u32) -> bool {
    let entry = || places.image.functions().containing(Rva(rva));
    extent.contains(rva)
        || extent.listed && entry().is_some_and(|entry| finder.root(&entry).begin.0 == extent.begin)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_alike_for_few_tables_and_for_many() {
        let places = [30, 10, 20, 20, 41];
        let tables: Vec<Guarded> = [(0, 9), (0, 10), (10, 20), (9, 41), (20, 40), (41, 50)]
            .into_iter()
            .map(|(since, at)| (since, at, Vec::new()))
            .collect();
        let expected = [0, 1, 2, 5, 1, 0];
        assert_eq!(counted(places.into_iter(), &tables), expected);
        let many: Vec<Guarded> = tables.iter().cycle().take(3 * tables.len()).cloned().collect();
        assert!(many.len() > FEW_GUARDS);
        assert_eq!(counted(places.into_iter(), &many), expected.repeat(3));
    }
}
