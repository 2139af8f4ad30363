//! Lookaside lists. Every request is handed on to pool, as where a list is empty.

use super::pool::kind_of;
use crate::call::{Call, Entry, entry};
use crate::kernel::Kernel;
use crate::stop::{Answer, Stop, status};

pub(super) const ROUTINES: &[Entry] = &[
    entry("ExInitializeNPagedLookasideList", 7, initialize_nonpaged),
    entry("ExInitializePagedLookasideList", 7, initialize_paged),
    entry("ExInitializeLookasideListEx", 8, initialize_extended),
    entry("ExDeleteNPagedLookasideList", 1, delete),
    entry("ExDeletePagedLookasideList", 1, delete),
    entry("ExDeleteLookasideListEx", 1, delete),
    entry("ExFlushLookasideListEx", 1, crate::kernel::ignore),
    entry("ExAllocateFromNPagedLookasideList", 1, allocate),
    entry("ExAllocateFromPagedLookasideList", 1, allocate),
    entry("ExAllocateFromLookasideListEx", 1, allocate),
    entry("ExFreeToNPagedLookasideList", 2, give_back),
    entry("ExFreeToPagedLookasideList", 2, give_back),
    entry("ExFreeToLookasideListEx", 2, give_back),
];

/// GENERAL_LOOKASIDE.
mod field {
    pub const DEPTH: u64 = 0x10;
    pub const TYPE: u64 = 0x24;
    pub const TAG: u64 = 0x28;
    pub const SIZE: u64 = 0x2C;
    pub const ALLOCATE: u64 = 0x30;
    pub const FREE: u64 = 0x38;
    pub const WHOLE: usize = 0x60;
}

/// What a list is made with.
struct List {
    at: u64,
    allocate: u64,
    free: u64,
    pool_type: u32,
    size: u32,
    tag: u32,
}

fn initialize(kernel: &mut Kernel<'_>, list: &List, default: (&str, &str)) -> Result<(), Stop> {
    let at = list.at;
    kernel.put(at, &[0; field::WHOLE])?;
    kernel.put_u16(at.wrapping_add(field::DEPTH), 4)?;
    kernel.put_u32(at.wrapping_add(field::TYPE), list.pool_type)?;
    kernel.put_u32(at.wrapping_add(field::TAG), list.tag)?;
    kernel.put_u32(at.wrapping_add(field::SIZE), list.size)?;
    // Inline functions of the headers call these, so they must be there.
    let mut routine = |stated: u64, name: &str| match stated {
        0 => kernel.gates.of("ntoskrnl.exe", name).unwrap_or(0),
        stated => stated,
    };
    let (allocate, free) = (routine(list.allocate, default.0), routine(list.free, default.1));
    kernel.put_u64(at.wrapping_add(field::ALLOCATE), allocate)?;
    kernel.put_u64(at.wrapping_add(field::FREE), free)?;
    kernel.count_undone("lookaside list", 1);
    Ok(())
}

/// The kernel's own routines, which Driver Verifier does not look at: it looked at the list's flags.
const OWN: (&str, &str) = ("ExpAllocateForLookaside", "ExpFreeForLookaside");

fn initialize_nonpaged(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    /// What of Flags goes into the type: POOL_NX_ALLOCATION and POOL_RAISE_IF_ALLOCATION_FAILURE.
    const KEPT: u32 = 0x210;
    let list = List {
        at: call.at(0),
        allocate: call.at(1),
        free: call.at(2),
        pool_type: call.u32(3) & KEPT,
        size: call.at(4) as u32,
        tag: call.u32(5),
    };
    initialize(kernel, &list, OWN)?;
    Ok(0)
}

fn initialize_paged(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let list = List {
        at: call.at(0),
        allocate: call.at(1),
        free: call.at(2),
        pool_type: 1 | call.u32(3) & 0x10,
        size: call.at(4) as u32,
        tag: call.u32(5),
    };
    initialize(kernel, &list, OWN)?;
    Ok(0)
}

fn initialize_extended(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let list = List {
        at: call.at(0),
        allocate: call.at(1),
        free: call.at(2),
        pool_type: call.u32(3),
        size: call.at(5) as u32,
        tag: call.u32(6),
    };
    initialize(kernel, &list, OWN)?;
    Stop::status(status::SUCCESS)
}

fn delete(kernel: &mut Kernel<'_>, _: &Call) -> Answer {
    kernel.count_undone("lookaside list", -1);
    Ok(0)
}

fn allocate(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let at = call.at(0);
    let pool_type = kernel.u32(at.wrapping_add(field::TYPE))?;
    let size = u64::from(kernel.u32(at.wrapping_add(field::SIZE))?);
    let tag = kernel.u32(at.wrapping_add(field::TAG))?;
    let routine = kernel.u64(at.wrapping_add(field::ALLOCATE))?;
    if kernel.loaded.contains(routine) {
        return kernel.call_back(routine, &[u64::from(pool_type), size, u64::from(tag), at]);
    }
    Ok(kernel.allocate(kind_of(pool_type), size, tag, call.caller).unwrap_or(0))
}

fn give_back(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let routine = kernel.u64(call.at(0).wrapping_add(field::FREE))?;
    if kernel.loaded.contains(routine) {
        return kernel.call_back(routine, &[call.at(1), call.at(0)]);
    }
    kernel.give_back(call.at(1));
    Ok(0)
}
