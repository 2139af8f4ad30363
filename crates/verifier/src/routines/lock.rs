//! Interrupt request levels and locks. There is one processor and nothing runs beside, so a lock is
//! always free; what locks change is the level.

use crate::call::{Call, Entry, entry};
use crate::faults::DISPATCH;
use crate::kernel::{Kernel, ignore};
use crate::stop::{Answer, Stop, status};

pub(super) const ROUTINES: &[Entry] = &[
    entry("KeGetCurrentIrql", 0, level),
    entry("KfRaiseIrql", 1, raise),
    entry("KeRaiseIrql", 2, raise_with_old),
    entry("KeRaiseIrqlToDpcLevel", 0, raise_to_dispatch),
    entry("KeRaiseIrqlToSynchLevel", 0, raise_to_dispatch),
    entry("KfLowerIrql", 1, lower),
    entry("KeLowerIrql", 1, lower),
    entry("KeInitializeSpinLock", 1, clear_word),
    entry("KeAcquireSpinLock", 2, acquire_with_old),
    entry("KeAcquireSpinLockRaiseToDpc", 1, raise_to_dispatch),
    entry("KfAcquireSpinLock", 1, raise_to_dispatch),
    entry("KeReleaseSpinLock", 2, release),
    entry("KfReleaseSpinLock", 2, release),
    entry("KeAcquireSpinLockAtDpcLevel", 1, ignore),
    entry("KeReleaseSpinLockFromDpcLevel", 1, ignore),
    entry("KeTryToAcquireSpinLockAtDpcLevel", 1, yes),
    entry("KeTestSpinLock", 1, yes),
    entry("KeAcquireInStackQueuedSpinLock", 2, acquire_queued),
    entry("KeReleaseInStackQueuedSpinLock", 1, release_queued),
    entry("KeAcquireInStackQueuedSpinLockAtDpcLevel", 2, ignore),
    entry("KeReleaseInStackQueuedSpinLockFromDpcLevel", 1, ignore),
    entry("KeAcquireInterruptSpinLock", 1, raise_to_dispatch),
    entry("KeReleaseInterruptSpinLock", 2, release),
    entry("ExAcquireSpinLockExclusive", 1, raise_to_dispatch),
    entry("ExAcquireSpinLockShared", 1, raise_to_dispatch),
    entry("ExReleaseSpinLockExclusive", 2, release),
    entry("ExReleaseSpinLockShared", 2, release),
    entry("ExAcquireSpinLockExclusiveAtDpcLevel", 1, ignore),
    entry("ExAcquireSpinLockSharedAtDpcLevel", 1, ignore),
    entry("ExReleaseSpinLockExclusiveFromDpcLevel", 1, ignore),
    entry("ExReleaseSpinLockSharedFromDpcLevel", 1, ignore),
    entry("KeSynchronizeExecution", 3, synchronize),
    entry("KeEnterCriticalRegion", 0, ignore),
    entry("KeLeaveCriticalRegion", 0, ignore),
    entry("KeEnterGuardedRegion", 0, ignore),
    entry("KeLeaveGuardedRegion", 0, ignore),
    entry("KeAreApcsDisabled", 0, ignore),
    entry("KeAreAllApcsDisabled", 0, ignore),
    entry("ExInitializeFastMutex", 1, initialize_fast_mutex),
    entry("ExAcquireFastMutex", 1, acquire_fast_mutex),
    entry("ExReleaseFastMutex", 1, release_fast_mutex),
    entry("ExTryToAcquireFastMutex", 1, yes),
    entry("ExAcquireFastMutexUnsafe", 1, ignore),
    entry("ExReleaseFastMutexUnsafe", 1, ignore),
    entry("KeInitializeGuardedMutex", 1, initialize_fast_mutex),
    entry("KeAcquireGuardedMutex", 1, ignore),
    entry("KeReleaseGuardedMutex", 1, ignore),
    entry("ExInitializeResourceLite", 1, initialize_resource),
    entry("ExReinitializeResourceLite", 1, ignore),
    entry("ExDeleteResourceLite", 1, ignore),
    entry("ExAcquireResourceExclusiveLite", 2, yes),
    entry("ExAcquireResourceSharedLite", 2, yes),
    entry("ExAcquireSharedStarveExclusive", 2, yes),
    entry("ExAcquireSharedWaitForExclusive", 2, yes),
    entry("ExReleaseResourceLite", 1, ignore),
    entry("ExReleaseResourceForThreadLite", 2, ignore),
    entry("ExSetResourceOwnerPointer", 2, ignore),
    entry("ExConvertExclusiveToSharedLite", 1, ignore),
    entry("ExIsResourceAcquiredExclusiveLite", 1, yes),
    entry("ExIsResourceAcquiredSharedLite", 1, yes),
    entry("ExInitializePushLock", 1, clear_word),
    entry("ExAcquirePushLockExclusiveEx", 2, ignore),
    entry("ExAcquirePushLockSharedEx", 2, ignore),
    entry("ExReleasePushLockExclusiveEx", 2, ignore),
    entry("ExReleasePushLockSharedEx", 2, ignore),
    entry("FltInitializePushLock", 1, clear_word),
    entry("FltAcquirePushLockExclusive", 1, ignore),
    entry("FltAcquirePushLockShared", 1, ignore),
    entry("FltReleasePushLock", 1, ignore),
    entry("FltDeletePushLock", 1, ignore),
    entry("ExInitializeRundownProtection", 1, clear_word),
    entry("ExReInitializeRundownProtection", 1, clear_word),
    entry("ExAcquireRundownProtection", 1, acquire_rundown),
    entry("ExAcquireRundownProtectionEx", 2, acquire_rundown),
    entry("ExReleaseRundownProtection", 1, release_rundown),
    entry("ExReleaseRundownProtectionEx", 2, release_rundown),
    entry("ExWaitForRundownProtectionRelease", 1, end_rundown),
    entry("ExRundownCompleted", 1, end_rundown),
    entry("RtlRunOnceInitialize", 1, clear_word),
    entry("RtlRunOnceExecuteOnce", 4, execute_once),
];

fn yes(_: &mut Kernel<'_>, _: &Call) -> Answer {
    Ok(1)
}

fn level(kernel: &mut Kernel<'_>, _: &Call) -> Answer {
    Ok(kernel.irql.into())
}

fn set_level(kernel: &mut Kernel<'_>, level: u8) -> u8 {
    std::mem::replace(&mut kernel.irql, level & 15)
}

fn raise(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    Ok(set_level(kernel, call.u8(0)).into())
}

fn raise_with_old(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let before = set_level(kernel, call.u8(0));
    kernel.put_u8(call.at(1), before)?;
    Ok(0)
}

fn raise_to_dispatch(kernel: &mut Kernel<'_>, _: &Call) -> Answer {
    let level = kernel.irql.max(DISPATCH);
    Ok(set_level(kernel, level).into())
}

/// Deferred calls were held back by the level.
fn lower_to(kernel: &mut Kernel<'_>, level: u8) -> Answer {
    set_level(kernel, level);
    kernel.drain_deferred()?;
    Ok(0)
}

fn lower(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    lower_to(kernel, call.u8(0))
}

fn clear_word(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    kernel.put_u64(call.at(0), 0)?;
    Ok(0)
}

fn acquire_with_old(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let level = kernel.irql.max(DISPATCH);
    let before = set_level(kernel, level);
    kernel.put_u8(call.at(1), before)?;
    Ok(0)
}

fn release(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    lower_to(kernel, call.u8(1))
}

/// KLOCK_QUEUE_HANDLE keeps the old level behind two pointers.
fn acquire_queued(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let level = kernel.irql.max(DISPATCH);
    let before = set_level(kernel, level);
    kernel.put_u64(call.at(1) + 8, call.at(0))?;
    kernel.put_u8(call.at(1) + 16, before)?;
    Ok(0)
}

fn release_queued(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let before = kernel.u8(call.at(0) + 16)?;
    lower_to(kernel, before)
}

fn synchronize(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    /// A level that devices interrupt at.
    const DEVICE: u8 = 5;
    let before = set_level(kernel, DEVICE);
    let answer = kernel.call_back(call.at(1), &[call.at(2)])?;
    set_level(kernel, before);
    Ok(answer & 0xFF)
}

fn initialize_fast_mutex(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    kernel.put(call.at(0), &[0; 0x38])?;
    kernel.put_u32(call.at(0), 1)?;
    Ok(0)
}

fn acquire_fast_mutex(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let before = set_level(kernel, 1);
    kernel.put_u32(call.at(0) + 0x30, before.into())?;
    Ok(0)
}

fn release_fast_mutex(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let before = kernel.u32(call.at(0) + 0x30)?;
    set_level(kernel, before as u8);
    Ok(0)
}

fn initialize_resource(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    kernel.put(call.at(0), &[0; 0x68])?;
    Stop::status(status::SUCCESS)
}

/// Bit 0 says that it is run down; above it is the count of who holds it.
fn acquire_rundown(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let count = kernel.u64(call.at(0))?;
    if count & 1 != 0 {
        return Ok(0);
    }
    kernel.put_u64(call.at(0), count.wrapping_add(2))?;
    Ok(1)
}

fn release_rundown(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let count = kernel.u64(call.at(0))?;
    kernel.put_u64(call.at(0), count.saturating_sub(2))?;
    Ok(0)
}

fn end_rundown(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    kernel.put_u64(call.at(0), 1)?;
    Ok(0)
}

fn execute_once(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    /// The state RtlRunOnce leaves behind: complete.
    const COMPLETE: u64 = 2;
    let state = kernel.u64(call.at(0))?;
    if state & 3 == COMPLETE {
        kernel.put_optional(call.at(3), &(state & !3).to_le_bytes())?;
        return Stop::status(status::SUCCESS);
    }
    let done = kernel.call_back(call.at(1), &[call.at(0), call.at(2), call.at(3)])?;
    if done & 0xFFFF_FFFF == 0 {
        return Stop::status(status::UNSUCCESSFUL);
    }
    kernel.put_u64(call.at(0), COMPLETE)?;
    Stop::status(status::SUCCESS)
}
