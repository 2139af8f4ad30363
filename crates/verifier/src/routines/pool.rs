//! Pool.

use crate::bug_check;
use crate::call::{Call, Entry, entry};
use crate::checked_calls::{converted, names_one_pool};
use crate::faults::DISPATCH;
use crate::kernel::Kernel;
use crate::pool::Kind;
use crate::stop::{Answer, Exception, Stop, status};

pub(super) const ROUTINES: &[Entry] = &[
    entry("ExAllocatePool", 2, allocate_without_tag),
    entry("ExAllocatePoolWithTag", 3, allocate),
    entry("ExAllocatePoolWithTagPriority", 4, allocate),
    entry("ExAllocatePoolWithQuota", 2, allocate_with_quota_without_tag),
    entry("ExAllocatePoolWithQuotaTag", 3, allocate_with_quota),
    entry("ExAllocatePoolEx", 4, allocate),
    entry("ExAllocatePool2", 3, allocate_by_flags),
    entry("ExAllocatePool3", 5, allocate_by_flags),
    entry("ExpAllocateForLookaside", 3, allocate),
    entry("ExpFreeForLookaside", 1, free),
    entry("ExFreePool", 1, free),
    entry("ExFreePoolWithTag", 2, free),
    entry("ExFreePool2", 4, free),
    entry("FsRtlAllocatePool", 2, allocate_without_tag_or_raise),
    entry("FsRtlAllocatePoolWithTag", 3, allocate_or_raise),
    entry("FsRtlAllocatePoolWithQuota", 2, allocate_without_tag_or_raise),
    entry("FsRtlAllocatePoolWithQuotaTag", 3, allocate_or_raise),
    entry("FsRtlAllocateAePushLock", 2, allocate_push_lock),
    entry("FsRtlFreeAePushLock", 1, free),
    entry("ExAllocateCacheAwareRundownProtection", 2, allocate_rundown),
    entry("ExFreeCacheAwareRundownProtection", 1, free),
    entry("FsRtlInitializeMcb", 2, initialize_mcb),
    entry("FsRtlInitializeLargeMcb", 2, initialize_mcb),
    entry("FsRtlInitializeBaseMcb", 2, initialize_mcb),
    entry("FsRtlInitializeBaseMcbEx", 3, initialize_mcb),
    entry("PsCreateSiloContext", 5, create_silo_context),
    entry("RtlCreateHeap", 6, create_heap),
    entry("RtlAllocateHeap", 3, allocate_from_heap),
    entry("RtlFreeHeap", 3, free_to_heap),
    entry("RtlDestroyHeap", 1, destroy_heap),
];

/// POOL_TYPE bits.
const PAGED: u32 = 0x1;
const FAIL_INSTEAD_OF_RAISE: u32 = 0x8;
const RAISE: u32 = 0x10;
const NX: u32 = 0x200;
const ZERO: u32 = 0x400;

/// Which pool a POOL_TYPE asks for.
pub(crate) fn kind_of(pool_type: u32) -> Kind {
    match pool_type {
        _ if pool_type & PAGED != 0 => Kind::Paged,
        _ if pool_type & NX != 0 => Kind::NonPaged,
        _ => Kind::Executable,
    }
}

/// Memory of a pool type, or nothing where there is none.
fn of_type(
    kernel: &mut Kernel<'_>,
    pool_type: u32,
    size: u64,
    tag: u32,
    caller: u64,
) -> Option<u64> {
    if kernel.pool_fails_by_chance(tag) {
        return None;
    }
    let kind = kind_of(pool_type);
    if kind == Kind::Paged && kernel.irql >= DISPATCH {
        kernel.assume("paged pool is there at DISPATCH_LEVEL");
    }
    let address = kernel.allocate(kind, size, tag, caller)?;
    if pool_type & ZERO != 0 {
        kernel.clear(address, size);
    }
    Some(address)
}

fn no_memory() -> Answer {
    Err(Stop::Raise(Exception::of(status::INSUFFICIENT_RESOURCES)))
}

/// The tag of ExAllocatePool and ExAllocatePoolWithQuota, which take none.
const NO_TAG: u32 = u32::from_le_bytes(*b"None");

fn allocate(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    allocate_tagged(kernel, call, call.u32(2))
}

fn allocate_without_tag(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    allocate_tagged(kernel, call, NO_TAG)
}

fn allocate_tagged(kernel: &mut Kernel<'_>, call: &Call, tag: u32) -> Answer {
    let (pool_type, size) = (call.u32(0), call.at(1));
    match of_type(kernel, pool_type, size, tag, call.caller) {
        Some(address) => Ok(address),
        None if pool_type & RAISE != 0 => no_memory(),
        None => Ok(0),
    }
}

fn allocate_with_quota(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    allocate_tagged_with_quota(kernel, call, call.u32(2))
}

fn allocate_with_quota_without_tag(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    allocate_tagged_with_quota(kernel, call, NO_TAG)
}

fn allocate_tagged_with_quota(kernel: &mut Kernel<'_>, call: &Call, tag: u32) -> Answer {
    let (pool_type, size) = (call.u32(0), call.at(1));
    match of_type(kernel, pool_type, size, tag, call.caller) {
        Some(address) => Ok(address),
        None if pool_type & FAIL_INSTEAD_OF_RAISE == 0 => no_memory(),
        None => Ok(0),
    }
}

fn allocate_or_raise(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let memory = of_type(kernel, call.u32(0), call.at(1), call.u32(2), call.caller);
    memory.map_or_else(no_memory, Ok)
}

/// What tag the kernel gives is not known, so it has none.
fn allocate_without_tag_or_raise(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let memory = of_type(kernel, call.u32(0), call.at(1), 0, call.caller);
    memory.map_or_else(no_memory, Ok)
}

fn allocate_by_flags(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    /// POOL_FLAG_ values.
    const UNINITIALIZED: u64 = 0x2;
    const RAISE: u64 = 0x20;
    /// The lower half are flags that the kernel has to know.
    const KNOWN: u64 = 0x1EF;
    let (flags, size, tag) = (call.at(0), call.at(1), call.u32(2));
    let well_formed = names_one_pool(flags) && flags & 0xFFFF_FFFF & !KNOWN == 0;
    let zero = if flags & UNINITIALIZED == 0 { ZERO } else { 0 };
    let pool_type = converted(flags) as u32 | zero;
    let memory = match well_formed && size != 0 && tag != 0 {
        true => of_type(kernel, pool_type, size, tag, call.caller),
        false => None,
    };
    match memory {
        Some(address) => Ok(address),
        None if flags & RAISE != 0 => no_memory(),
        None => Ok(0),
    }
}

/// Whether memory can be given back, or the system stops for that.
fn free(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    /// Reasons of BAD_POOL_CALLER.
    const FREED_ALREADY: u64 = 0x7;
    const NO_POOL: u64 = 0x46;
    let address = call.at(0);
    if kernel.give_back(address) {
        return Ok(0);
    }
    let parameters = if kernel.pool.was_freed(address) {
        [FREED_ALREADY, 0, 0, address]
    } else {
        [NO_POOL, address, 0, 0]
    };
    Err(kernel.stop(crate::Kind::Crash, bug_check::BAD_POOL_CALLER, parameters))
}

fn allocate_push_lock(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let memory = of_type(kernel, call.u32(0) | ZERO, 8, call.u32(1), call.caller);
    memory.map_or_else(no_memory, Ok)
}

fn allocate_rundown(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let memory = of_type(kernel, call.u32(0) | ZERO, 0x40, call.u32(1), call.caller);
    Ok(memory.unwrap_or(0))
}

fn initialize_mcb(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    kernel.put(call.at(0), &[0; 0x18])?;
    kernel.put_u32(call.at(0).wrapping_add(8), call.u32(1))?;
    Ok(1)
}

fn create_silo_context(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let Some(address) = of_type(kernel, call.u32(2) | ZERO, u64::from(call.u32(1)), 0, 0) else {
        return Stop::status(status::INSUFFICIENT_RESOURCES);
    };
    kernel.put_u64(call.at(4), address)?;
    Stop::status(status::SUCCESS)
}

/// HEAP_CREATE_ENABLE_EXECUTE.
const HEAP_EXECUTABLE: u64 = 0x4_0000;

fn create_heap(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let Some(heap) = kernel.own(0x40) else { return Ok(0) };
    kernel.put_u64(heap, call.at(0))?;
    kernel.count_undone("heap", 1);
    Ok(heap)
}

fn allocate_from_heap(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    /// HEAP_ZERO_MEMORY.
    const ZERO_MEMORY: u32 = 0x8;
    let executable = kernel.u64(call.at(0))? & HEAP_EXECUTABLE != 0;
    let kind = if executable { Kind::Executable } else { Kind::Paged };
    let Some(address) = kernel.allocate(kind, call.at(2), 0, call.caller) else { return Ok(0) };
    if call.u32(1) & ZERO_MEMORY != 0 {
        kernel.clear(address, call.at(2));
    }
    Ok(address)
}

fn free_to_heap(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    Ok(u64::from(kernel.give_back(call.at(2))))
}

fn destroy_heap(kernel: &mut Kernel<'_>, _: &Call) -> Answer {
    kernel.count_undone("heap", -1);
    Ok(0)
}
