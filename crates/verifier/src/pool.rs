//! Memory that is handed out in pieces: pool, and what the kernel keeps for itself.

use crate::kernel::Kernel;
use crate::{Leak, space};
use ringfence_machine::{PAGE, Rights};
use std::collections::{BTreeMap, BTreeSet};

/// Which pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// Never executable.
    NonPaged,
    /// Asked for as executable; whether it is, the environment decides.
    Executable,
    /// Never executable.
    Paged,
    /// The kernel's own.
    Kernel,
}

/// A piece that is in use.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allocation {
    /// Bytes that were asked for.
    pub size: u64,
    /// The tag.
    pub tag: u32,
    /// Where the call that made it returns to; 0 where the kernel made it.
    pub caller: u64,
    kind: Kind,
}

/// A range of addresses that pieces are cut from.
struct Arena {
    next: u64,
    end: u64,
    /// What is left of the pages that small pieces are cut from.
    small: std::ops::Range<u64>,
    /// Small pieces given back, by size.
    free: BTreeMap<u64, Vec<u64>>,
}

/// All pool.
pub(crate) struct Pool {
    arenas: BTreeMap<Kind, Arena>,
    live: BTreeMap<u64, Allocation>,
    freed: BTreeSet<u64>,
}

/// Bytes of an arena.
const ARENA: u64 = 1 << 40;
/// Pages that small pieces are cut from at once.
const RUN: u64 = 4;
/// Larger pieces have pages of their own.
const SMALL: u64 = PAGE - 16;

impl Pool {
    pub(crate) fn new() -> Pool {
        let arena =
            |start| Arena { next: start, end: start + ARENA, small: 0..0, free: BTreeMap::new() };
        let arenas = [
            (Kind::NonPaged, arena(space::POOL)),
            (Kind::Executable, arena(space::POOL_EXECUTABLE)),
            (Kind::Paged, arena(space::POOL_PAGED)),
            (Kind::Kernel, arena(space::OBJECTS)),
        ];
        Pool { arenas: arenas.into(), live: BTreeMap::new(), freed: BTreeSet::new() }
    }

    /// Whether a piece began at `address` and was given back.
    pub(crate) fn was_freed(&self, address: u64) -> bool {
        self.freed.contains(&address)
    }
}

impl Kernel<'_> {
    /// Hands out `size` bytes; none where there is no memory left.
    pub(crate) fn allocate(&mut self, kind: Kind, size: u64, tag: u32, caller: u64) -> Option<u64> {
        let has_room = self.pool.live.len() < self.options.budget.entries
            && size / PAGE <= self.options.budget.pages;
        let address = match size {
            _ if !has_room => None,
            ..=SMALL => self.allocate_small(kind, size),
            _ => self.allocate_pages(kind, size),
        };
        let Some(address) = address else {
            self.run_short("memory");
            return None;
        };
        self.pool.live.insert(address, Allocation { size, tag, caller, kind });
        self.pool.freed.remove(&address);
        Some(address)
    }

    /// Memory of the kernel's own, which is zero.
    pub(crate) fn own(&mut self, size: u64) -> Option<u64> {
        let address = self.allocate(Kind::Kernel, size, 0, 0)?;
        self.clear(address, size);
        Some(address)
    }

    /// Writes zeros. Pages that nobody wrote to are zero already, but small pieces may be used again.
    pub(crate) fn clear(&mut self, address: u64, size: u64) {
        if size <= SMALL {
            let _ = self.memory().write(address, &vec![0; size as usize]);
        }
    }

    fn rights_of(&self, kind: Kind) -> Rights {
        self.granted(kind == Kind::Executable)
    }

    fn allocate_pages(&mut self, kind: Kind, size: u64) -> Option<u64> {
        let pages = size.div_ceil(PAGE);
        let rights = self.rights_of(kind);
        let arena = self.pool.arenas.get_mut(&kind)?;
        let address = arena.next;
        // A page without memory behind it shows who writes too far.
        let after = address.checked_add((pages + 1) * PAGE).filter(|&after| after <= arena.end)?;
        arena.next = after;
        self.map(address, pages, rights, what(kind)).then_some(address)
    }

    fn allocate_small(&mut self, kind: Kind, size: u64) -> Option<u64> {
        let class = size.max(1).next_multiple_of(16);
        let rights = self.rights_of(kind);
        let arena = self.pool.arenas.get_mut(&kind)?;
        if let Some(address) = arena.free.get_mut(&class).and_then(Vec::pop) {
            return Some(address);
        }
        // A piece does not cross a page unless it must; it never must.
        let start = arena.small.start;
        let fits = start / PAGE == (start + class - 1) / PAGE;
        let start = if fits { start } else { start.next_multiple_of(PAGE) };
        if start + class <= arena.small.end {
            arena.small.start = start + class;
            return Some(start);
        }
        let address = arena.next;
        let after = address.checked_add((RUN + 1) * PAGE).filter(|&after| after <= arena.end)?;
        arena.next = after;
        arena.small = address + class..address + RUN * PAGE;
        self.map(address, RUN, rights, what(kind)).then_some(address)
    }

    /// Takes a piece back; false where none begins at `address`.
    pub(crate) fn give_back(&mut self, address: u64) -> bool {
        let Some(piece) = self.pool.live.remove(&address) else { return false };
        if self.pool.freed.len() < self.options.budget.entries {
            self.pool.freed.insert(address);
        }
        if piece.size > SMALL {
            self.unmap(address, piece.size.div_ceil(PAGE), what(piece.kind));
        } else if let Some(arena) = self.pool.arenas.get_mut(&piece.kind) {
            let class = piece.size.max(1).next_multiple_of(16);
            arena.free.entry(class).or_default().push(address);
        }
        true
    }

    /// Pieces that the driver asked for and never gave back.
    pub(crate) fn leaked_pool(&self) -> Vec<Leak> {
        let own = self.pool.live.iter().filter(|(_, piece)| piece.caller != 0);
        own.map(|(&address, piece)| Leak {
            what: "pool",
            address,
            size: piece.size,
            tag: piece.tag,
            rva: self.rva(piece.caller),
        })
        .collect()
    }
}

fn what(kind: Kind) -> &'static str {
    match kind {
        Kind::NonPaged => "non-paged pool",
        Kind::Executable => "executable pool",
        Kind::Paged => "paged pool",
        Kind::Kernel => "kernel memory",
    }
}
