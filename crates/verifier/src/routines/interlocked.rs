//! Atomic operations and lists. Nothing runs beside, so each is one step anyway.

use crate::call::{Call, Entry, entry};
use crate::kernel::Kernel;
use crate::stop::Answer;

pub(super) const ROUTINES: &[Entry] = &[
    entry("InterlockedIncrement", 1, increment),
    entry("InterlockedDecrement", 1, decrement),
    entry("InterlockedExchange", 2, exchange),
    entry("InterlockedCompareExchange", 3, compare_exchange),
    entry("InterlockedExchangeAdd", 2, exchange_add),
    entry("ExInterlockedAddUlong", 3, exchange_add),
    entry("ExfInterlockedAddUlong", 3, exchange_add),
    entry("ExInterlockedInsertHeadList", 3, insert_head),
    entry("ExInterlockedInsertTailList", 3, insert_tail),
    entry("ExInterlockedRemoveHeadList", 2, remove_head),
    entry("ExInterlockedPushEntryList", 3, push),
    entry("ExInterlockedPopEntryList", 2, pop),
    entry("InitializeSListHead", 1, initialize_list),
    entry("ExpInterlockedPushEntrySList", 2, push_counted),
    entry("ExpInterlockedPopEntrySList", 1, pop_counted),
    entry("ExpInterlockedFlushSList", 1, flush_counted),
    entry("ExInterlockedPushEntrySList", 3, push_counted),
    entry("ExInterlockedPopEntrySList", 2, pop_counted),
    entry("InterlockedPushEntrySList", 2, push_counted),
    entry("InterlockedPopEntrySList", 1, pop_counted),
    entry("ExQueryDepthSList", 1, depth),
];

/// Changes 32 bits; what they were.
fn change(
    kernel: &mut Kernel<'_>,
    at: u64,
    change: impl Fn(u32) -> u32,
) -> Result<u32, crate::stop::Stop> {
    let before = kernel.u32(at)?;
    kernel.put_u32(at, change(before))?;
    Ok(before)
}

fn increment(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    change(kernel, call.at(0), |value| value.wrapping_add(1))
        .map(|value| value.wrapping_add(1).into())
}

fn decrement(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    change(kernel, call.at(0), |value| value.wrapping_sub(1))
        .map(|value| value.wrapping_sub(1).into())
}

fn exchange(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    change(kernel, call.at(0), |_| call.u32(1)).map(u64::from)
}

fn compare_exchange(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    change(kernel, call.at(0), |value| if value == call.u32(2) { call.u32(1) } else { value })
        .map(u64::from)
}

fn exchange_add(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    change(kernel, call.at(0), |value| value.wrapping_add(call.u32(1))).map(u64::from)
}

/// Puts an entry between two; what was first or last, or 0 if the list was empty.
fn insert_head(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let (head, new) = (call.at(0), call.at(1));
    let first = kernel.u64(head)?;
    kernel.put_u64(new, first)?;
    kernel.put_u64(new.wrapping_add(8), head)?;
    kernel.put_u64(first.wrapping_add(8), new)?;
    kernel.put_u64(head, new)?;
    Ok(if first == head { 0 } else { first })
}

fn insert_tail(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let (head, new) = (call.at(0), call.at(1));
    let last = kernel.u64(head.wrapping_add(8))?;
    kernel.put_u64(new, head)?;
    kernel.put_u64(new.wrapping_add(8), last)?;
    kernel.put_u64(last, new)?;
    kernel.put_u64(head.wrapping_add(8), new)?;
    Ok(if last == head { 0 } else { last })
}

fn remove_head(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let head = call.at(0);
    let first = kernel.u64(head)?;
    if first == head {
        return Ok(0);
    }
    let next = kernel.u64(first)?;
    kernel.put_u64(head, next)?;
    kernel.put_u64(next.wrapping_add(8), head)?;
    Ok(first)
}

fn push(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let first = kernel.u64(call.at(0))?;
    kernel.put_u64(call.at(1), first)?;
    kernel.put_u64(call.at(0), call.at(1))?;
    Ok(first)
}

fn pop(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let first = kernel.u64(call.at(0))?;
    if first != 0 {
        let next = kernel.u64(first)?;
        kernel.put_u64(call.at(0), next)?;
    }
    Ok(first)
}

fn initialize_list(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    kernel.put(call.at(0), &[0; 16])?;
    Ok(0)
}

/// SLIST_HEADER for x64: depth in the low 16 bits, the first entry in the upper 60 bits of the second half.
fn push_counted(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let (head, new) = (call.at(0), call.at(1));
    let first = kernel.u64(head.wrapping_add(8))? & !0xF;
    let counts = kernel.u64(head)?;
    kernel.put_u64(new, first)?;
    let depth = (counts as u16).wrapping_add(1);
    kernel.put_u64(head, counts & !0xFFFF | u64::from(depth))?;
    kernel.put_u64(head.wrapping_add(8), new & !0xF | 1)?;
    Ok(first)
}

fn pop_counted(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let head = call.at(0);
    let first = kernel.u64(head.wrapping_add(8))? & !0xF;
    if first == 0 {
        return Ok(0);
    }
    let next = kernel.u64(first)?;
    let counts = kernel.u64(head)?;
    let depth = (counts as u16).wrapping_sub(1);
    kernel.put_u64(head, counts & !0xFFFF | u64::from(depth))?;
    kernel.put_u64(head.wrapping_add(8), if next == 0 { 0 } else { next & !0xF | 1 })?;
    Ok(first)
}

fn flush_counted(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let first = kernel.u64(call.at(0).wrapping_add(8))? & !0xF;
    kernel.put(call.at(0), &[0; 16])?;
    Ok(first)
}

fn depth(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    kernel.u16(call.at(0)).map(u64::from)
}
