//! Jump tables of x64 compilers, recognised by the instructions before the jump.
//!
//! MSVC writes `mov ecx, [base + i*4 + table]; add rcx, base; jmp rcx` with the image base in `base`, or,
//! longer ago, `movsxd rcx, [table + i*4]; add rcx, base; jmp rcx` with distinct registers; clang writes
//! the latter with one register for both. A first table of bytes may stand before, for sparse cases.

use super::Pointers;
use super::bound::{Bound, bound};
use crate::decode::Jumps;
use crate::places::Places;
use iced_x86::{Instruction, Mnemonic, OpKind, Register};

/// More entries of a table are not read; what they lead to is then not known.
const MOST_ENTRIES: usize = 1024;

/// The address that a `lea reg, [rip+x]` puts into its register.
pub(super) fn pointer(instruction: &Instruction) -> Option<u32> {
    (instruction.mnemonic() == Mnemonic::Lea && instruction.is_ip_rel_memory_operand())
        .then(|| instruction.ip_rel_memory_address() as u32)
}

/// Whether an instruction adds one register of 64 bits to another.
pub(super) fn adds_registers(instruction: &Instruction) -> bool {
    instruction.mnemonic() == Mnemonic::Add
        && instruction.op0_register().is_gpr64()
        && instruction.op1_kind() == OpKind::Register
}

/// Where the last instruction of `chain`, an indirect jump, may go by a table that the others read; nothing
/// where they read none.
pub(super) fn targets(
    chain: &[Instruction],
    pointers: &Pointers,
    places: &Places<'_>,
    inside: &dyn Fn(u32) -> bool,
) -> Option<Jumps> {
    let chain: Vec<&Instruction> = chain.iter().collect();
    let (jump, before) = chain.split_last()?;
    let finder = Finder { before, pointers, places };
    let table = finder.table(jump)?;
    let bound = finder.entries(&table);
    let most = bound.map_or(MOST_ENTRIES, |bound| bound.number);
    let mut jumps = Jumps { since: bound.map(|bound| bound.since), ..Jumps::default() };
    for &(place, base) in &table.pairs {
        let mut entries = finder.all_entries((place, base), inside);
        // What looks like a name of an entry need not be one, where a comparison says how many there are.
        if let Some(held) = bound
            && held.is_compared
            && (entries.len()..MOST_ENTRIES).contains(&held.number)
        {
            entries = finder.entries_up_to((place, base), held.number, inside);
        }
        let size = if base.is_some() { 4 } else { 8 };
        if !entries.is_empty() {
            jumps.tables.push(place..place.saturating_add(size * entries.len() as u32));
        }
        jumps.cut |= entries.len() == MOST_ENTRIES && most >= MOST_ENTRIES;
        jumps.targets.extend(entries.iter().take(most));
        jumps.all.extend(entries);
    }
    Some(jumps)
}

/// Where the last instruction of `chain`, an indirect jump, may go if its target was worked out earlier: by
/// any of the tables `computed`.
pub(super) fn earlier(
    chain: &[Instruction],
    computed: &[(u32, Option<u32>)],
    places: &Places<'_>,
    inside: &dyn Fn(u32) -> bool,
) -> Jumps {
    let chain: Vec<&Instruction> = chain.iter().collect();
    let Some((jump, before)) = chain.split_last() else { return Jumps::default() };
    Finder { before, pointers: &Pointers::default(), places }
        .computed_before(jump, computed, inside)
}

/// The table and the base whose sum the last instruction of `chain` works out: the jump may come much
/// later, where the selecting value does not change in a loop.
pub(super) fn computed(
    chain: &[Instruction],
    pointers: &Pointers,
    places: &Places<'_>,
) -> Vec<(u32, Option<u32>)> {
    let before: Vec<&Instruction> = chain.iter().collect();
    let Some((last, _)) = before.split_last().filter(|(last, _)| adds_registers(last)) else {
        return Vec::new();
    };
    let end = before.len() - 1;
    let finder = Finder { before: &before, pointers, places };
    let (left, right) = (last.op0_register(), last.op1_register());
    let table = finder.relative(left, right, end).or_else(|| finder.relative(right, left, end));
    table.map(|table| table.pairs).unwrap_or_default()
}

/// Bytes of the smallest entry.
const ENTRY: u32 = 4;

/// A table of jump targets.
struct Table {
    /// Where it may begin, and what is added to its entries; `None` for tables of whole addresses.
    pairs: Vec<(u32, Option<u32>)>,
    /// The register that selects the entry, and where in the chain it is used.
    index: Register,
    used_at: usize,
}

struct Finder<'f> {
    before: &'f [&'f Instruction],
    pointers: &'f Pointers,
    places: &'f Places<'f>,
}

impl Finder<'_> {
    fn table(&self, jump: &Instruction) -> Option<Table> {
        let end = self.before.len();
        if jump.op0_kind() == OpKind::Memory {
            return self.whole_addresses(jump, end);
        }
        let target = jump.op0_register();
        let at = self.written(target, end)?;
        let last = self.before[at];
        if last.mnemonic() == Mnemonic::Mov && last.op1_kind() == OpKind::Memory {
            return self.whole_addresses(last, at);
        }
        if last.mnemonic() != Mnemonic::Add || last.op1_kind() != OpKind::Register {
            return None;
        }
        // Either operand of the sum may be the loaded one.
        let (left, right) = (last.op0_register(), last.op1_register());
        self.relative(left, right, at).or_else(|| self.relative(right, left, at))
    }

    /// `loaded` was read from the table, `base` is added to it.
    fn relative(&self, loaded: Register, base: Register, end: usize) -> Option<Table> {
        let at = self.written(loaded, end)?;
        let load = self.before[at];
        let signed = load.mnemonic() == Mnemonic::Movsxd;
        if !(signed || load.mnemonic() == Mnemonic::Mov && load.op0_register().is_gpr32())
            || load.op1_kind() != OpKind::Memory
            || load.memory_index_scale() != 4
            || load.memory_index() == Register::None
        {
            return None;
        }
        let (starts, bases) = (self.may_hold(load.memory_base(), at), self.may_hold(base, end));
        let same = load.memory_base() == base;
        let pairs = starts.iter().flat_map(|start| bases.iter().map(move |base| (*start, *base)));
        let pairs: Vec<_> = pairs
            .filter(|(start, base)| !same || start == base)
            .map(|(start, base)| (start.wrapping_add(load.memory_displacement32()), Some(base)))
            .collect();
        (!pairs.is_empty()).then_some(Table { pairs, index: load.memory_index(), used_at: at })
    }

    fn whole_addresses(&self, load: &Instruction, at: usize) -> Option<Table> {
        if load.memory_index_scale() != 8 || load.memory_index() == Register::None {
            return None;
        }
        let pairs: Vec<_> = match load.memory_base() {
            Register::None => vec![(self.places.rva(load.memory_displacement64())?, None)],
            base => {
                let starts = self.may_hold(base, at).into_iter();
                starts
                    .map(|start| (start.wrapping_add(load.memory_displacement32()), None))
                    .collect()
            }
        };
        (!pairs.is_empty()).then_some(Table { pairs, index: load.memory_index(), used_at: at })
    }

    /// Where a jump may go whose target was worked out earlier: wherever any table so far leads.
    fn computed_before(
        &self,
        jump: &Instruction,
        computed: &[(u32, Option<u32>)],
        inside: &dyn Fn(u32) -> bool,
    ) -> Jumps {
        let leaves = self.before.last().is_some_and(|last| {
            last.mnemonic() == Mnemonic::Pop || last.op0_register() == Register::RSP
        });
        // Or it goes to what a variable holds: no table is read there.
        let leaves = leaves
            || self.written(jump.op0_register(), self.before.len()).is_some_and(|at| {
                let load = self.before[at];
                load.mnemonic() == Mnemonic::Mov && load.is_ip_rel_memory_operand()
            });
        if leaves || jump.op0_kind() != OpKind::Register {
            return Jumps { leaves, ..Jumps::default() };
        }
        let entries = computed.iter().flat_map(|&table| self.all_entries(table, inside));
        let all: Vec<u32> = entries.collect();
        let cut = all.len() >= MOST_ENTRIES;
        Jumps { targets: all.clone(), all, cut, ..Jumps::default() }
    }

    /// Every entry up to the first that leads elsewhere, or to the next place that code names: something else
    /// begins there.
    fn all_entries(&self, table: (u32, Option<u32>), inside: &dyn Fn(u32) -> bool) -> Vec<u32> {
        let size = if table.1.is_some() { 4 } else { 8 };
        let longest = MOST_ENTRIES as u32 * size;
        let behind = table.0.saturating_add(1)..table.0.saturating_add(longest);
        // They are in order. What only looks like a name in code mostly leads into the middle of an entry.
        let mut named = self.places.names().operands_near(&behind).map(|field| field.place);
        let begins =
            |place: &u32| behind.contains(place) && (place - table.0).is_multiple_of(ENTRY);
        let end = named.find(begins).unwrap_or(behind.end);
        let count = end.saturating_sub(table.0) / size;
        self.entries_up_to(table, count as usize, inside)
    }

    /// Every entry up to the first that leads elsewhere, at most `count`.
    fn entries_up_to(
        &self,
        table: (u32, Option<u32>),
        count: usize,
        inside: &dyn Fn(u32) -> bool,
    ) -> Vec<u32> {
        let entries = (0..count as u32).map_while(|index| self.entry(table, index));
        entries.take_while(|target| inside(*target)).collect()
    }

    fn entry(&self, (start, base): (u32, Option<u32>), index: u32) -> Option<u32> {
        let size = if base.is_some() { 4 } else { 8 };
        let place = start.checked_add(index * size)?;
        let bytes = self.places.image.bytes_from(ringfence_image::Rva(place))?;
        match base {
            Some(base) => {
                let entry = u32::from_le_bytes(*bytes.first_chunk()?);
                // Signed or not, the sum is the same in 32 bits.
                Some(base.wrapping_add(entry))
            }
            None => self.places.rva(u64::from_le_bytes(*bytes.first_chunk()?)),
        }
    }

    /// How many entries there are, by the comparison or the mask that the jump is behind.
    fn entries(&self, table: &Table) -> Option<Bound> {
        // A load of bytes in between: its largest entry selects the last of ours.
        let selected = self.written(table.index, table.used_at).filter(|&at| {
            let select = self.before[at];
            select.mnemonic() == Mnemonic::Movzx
                && select.op1_kind() == OpKind::Memory
                && select.memory_index() != Register::None
        });
        let Some(at) = selected else {
            return bound(&self.before[..table.used_at], table.index);
        };
        let select = self.before[at];
        let (base, index) = match self.known(select.memory_base(), at) {
            Some(base) => (base, select.memory_index()),
            None => (self.known(select.memory_index(), at)?, select.memory_base()),
        };
        let held = bound(&self.before[..at], index)?;
        let place = base.wrapping_add(select.memory_displacement32());
        let bytes = self.places.image.bytes_from(ringfence_image::Rva(place))?;
        let largest = bytes.iter().take(held.number).max()?;
        Some(Bound { number: usize::from(*largest) + 1, ..held })
    }

    /// The last instruction before `end` that writes `register`.
    fn written(&self, register: Register, end: usize) -> Option<usize> {
        let full = register.full_register();
        self.before[..end].iter().rposition(|i| {
            i.op_count() > 0
                && i.op0_kind() == OpKind::Register
                && i.op0_register().full_register() == full
                && !matches!(i.mnemonic(), Mnemonic::Cmp | Mnemonic::Test | Mnemonic::Push)
        })
    }

    /// The address in the image that a register holds, where there is but one.
    fn known(&self, register: Register, end: usize) -> Option<u32> {
        match self.may_hold(register, end)[..] {
            [only] => Some(only),
            _ => None,
        }
    }

    /// The addresses in the image that a register may hold.
    fn may_hold(&self, register: Register, end: usize) -> Vec<u32> {
        if !register.is_gpr64() {
            return Vec::new();
        }
        match self.written(register, end) {
            Some(at) => pointer(self.before[at]).into_iter().collect(),
            // Set before what is remembered: the compiler keeps such bases for much of the function.
            None => self.pointers[register.number() & 15].clone(),
        }
    }
}
