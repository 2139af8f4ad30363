//! Objects to wait for: events, mutexes, semaphores, timers, queues; and deferred calls.

use crate::call::{Call, Entry, entry};
use crate::kernel::{Kernel, ignore};
use crate::objects::Object;
use crate::schedule::{Timer, offset};
use crate::stop::{Answer, Stop, status};

pub(super) const ROUTINES: &[Entry] = &[
    entry("KeInitializeEvent", 3, initialize_event),
    entry("KeSetEvent", 3, set_event),
    entry("KeClearEvent", 1, reset_event),
    entry("KeResetEvent", 1, reset_event),
    entry("KePulseEvent", 3, reset_event),
    entry("KeReadStateEvent", 1, read_state),
    entry("KeInitializeMutex", 2, initialize_mutex),
    entry("KeReleaseMutex", 2, release_mutex),
    entry("KeReadStateMutex", 1, read_state),
    entry("KeInitializeSemaphore", 3, initialize_semaphore),
    entry("KeReleaseSemaphore", 4, release_semaphore),
    entry("KeReadStateSemaphore", 1, read_state),
    entry("KeInitializeTimer", 1, initialize_timer),
    entry("KeInitializeTimerEx", 2, initialize_timer),
    entry("KeSetTimer", 3, set_timer),
    entry("KeSetTimerEx", 4, set_timer_extended),
    entry("KeSetCoalescableTimer", 5, set_timer_coalescable),
    entry("KeCancelTimer", 1, cancel_timer),
    entry("KeReadStateTimer", 1, read_state),
    entry("ExAllocateTimer", 3, allocate_timer),
    entry("ExSetTimer", 4, set_allocated_timer),
    entry("ExCancelTimer", 2, cancel_timer),
    entry("ExDeleteTimer", 4, delete_timer),
    entry("KeWaitForSingleObject", 5, wait_for_one),
    entry("KeWaitForMutexObject", 5, wait_for_one),
    entry("KeWaitForMultipleObjects", 8, wait_for_several),
    entry("KeDelayExecutionThread", 3, delay),
    entry("ZwWaitForSingleObject", 3, wait_for_handle),
    entry("KeInitializeDpc", 3, initialize_deferred),
    entry("KeInitializeThreadedDpc", 3, initialize_deferred),
    entry("KeInsertQueueDpc", 3, insert_deferred),
    entry("KeRemoveQueueDpc", 1, remove_deferred),
    entry("KeFlushQueuedDpcs", 0, flush_deferred),
    entry("KeSetImportanceDpc", 2, ignore),
    entry("KeSetTargetProcessorDpc", 2, ignore),
    entry("KeSetTargetProcessorDpcEx", 2, ignore),
    entry("IoInitializeDpcRequest", 2, ignore),
    entry("KeInitializeQueue", 2, initialize_queue),
    entry("KeInsertQueue", 2, insert_queue),
    entry("KeRemoveQueue", 3, remove_queue),
    entry("KeRundownQueue", 1, rundown_queue),
    entry("KeReadStateQueue", 1, read_state),
    entry("IoCreateNotificationEvent", 2, create_notification_event),
    entry("IoCreateSynchronizationEvent", 2, create_synchronization_event),
    entry("ZwCreateEvent", 5, create_event),
    entry("ZwSetEvent", 2, set_event_by_handle),
    entry("ZwClearEvent", 1, clear_event_by_handle),
];

/// Types of DISPATCHER_HEADER.
const NOTIFICATION: u8 = 0;
const SYNCHRONIZATION: u8 = 1;
const MUTANT: u8 = 2;
const QUEUE: u8 = 4;
const SEMAPHORE: u8 = 5;
const TIMER: u8 = 8;

impl Kernel<'_> {
    /// Writes DISPATCHER_HEADER with an empty list of waiters.
    fn header(&mut self, at: u64, kind: u8, size: u64, state: i32) -> Result<(), Stop> {
        self.put(at, &[kind, 0, (size / 4) as u8, 0])?;
        self.put_u32(at + offset::SIGNAL_STATE, state as u32)?;
        self.put_u64(at + 8, at + 8)?;
        self.put_u64(at + 16, at + 8)
    }

    /// Sets the state of an object; what it was.
    fn set_state(&mut self, at: u64, state: i32) -> Answer {
        let before = self.u32(at + offset::SIGNAL_STATE)?;
        self.put_u32(at + offset::SIGNAL_STATE, state as u32)?;
        Ok(before.into())
    }
}

fn initialize_event(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let kind = if call.u8(1) == SYNCHRONIZATION { SYNCHRONIZATION } else { NOTIFICATION };
    kernel.header(call.at(0), kind, 0x18, i32::from(call.u8(2) != 0))?;
    Ok(0)
}

fn set_event(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    kernel.set_state(call.at(0), 1)
}

fn reset_event(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    kernel.set_state(call.at(0), 0)
}

fn read_state(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    kernel.u32(call.at(0) + offset::SIGNAL_STATE).map(u64::from)
}

fn initialize_mutex(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    kernel.header(call.at(0), MUTANT, 0x38, 1)?;
    kernel.put_u64(call.at(0) + offset::MUTANT_OWNER, 0)?;
    Ok(0)
}

fn release_mutex(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let at = call.at(0);
    let before = kernel.u32(at + offset::SIGNAL_STATE)? as i32;
    let owner = kernel.u64(at + offset::MUTANT_OWNER)?;
    if owner != kernel.thread() {
        /// STATUS_MUTANT_NOT_OWNED.
        const NOT_OWNED: u32 = 0xC000_0046;
        return Err(Stop::Raise(crate::stop::Exception::of(NOT_OWNED)));
    }
    let state = before.wrapping_add(1);
    if state >= 1 {
        kernel.put_u64(at + offset::MUTANT_OWNER, 0)?;
    }
    kernel.set_state(at, state)
}

fn initialize_semaphore(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    kernel.header(call.at(0), SEMAPHORE, 0x20, call.u32(1) as i32)?;
    kernel.put_u32(call.at(0) + 0x18, call.u32(2))?;
    Ok(0)
}

fn release_semaphore(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let before = kernel.u32(call.at(0) + offset::SIGNAL_STATE)? as i32;
    kernel.set_state(call.at(0), before.wrapping_add(call.u32(2) as i32))
}

fn initialize_timer(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let synchronization = call.name.ends_with("Ex") && call.u8(1) == SYNCHRONIZATION;
    kernel.header(call.at(0), if synchronization { TIMER + 1 } else { TIMER }, 0x40, 0)?;
    Ok(0)
}

/// Sets a timer; whether it was set before.
fn set(kernel: &mut Kernel<'_>, at: u64, due: u64, period: u64, deferred: u64) -> Answer {
    kernel.put_u32(at + offset::SIGNAL_STATE, 0)?;
    if kernel.schedule.timers.len() >= kernel.options.budget.entries {
        return Ok(0);
    }
    let due = kernel.deadline(due as i64);
    kernel.put_u64(at + 0x30, deferred)?;
    // A period is in milliseconds.
    let timer = Timer { due, period: period.saturating_mul(10_000), deferred };
    Ok(u64::from(kernel.schedule.timers.insert(at, timer).is_some()))
}

fn set_timer(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    set(kernel, call.at(0), call.at(1), 0, call.at(2))
}

fn set_timer_extended(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    set(kernel, call.at(0), call.at(1), call.u32(2).into(), call.at(3))
}

fn set_timer_coalescable(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    set(kernel, call.at(0), call.at(1), call.u32(2).into(), call.at(4))
}

fn cancel_timer(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let was_set = kernel.schedule.timers.remove(&call.at(0)).is_some();
    let deferred = kernel.u64(call.at(0) + 0x30)?;
    kernel.schedule.deferred.retain(|&queued| queued != deferred || deferred == 0);
    Ok(u64::from(was_set))
}

/// An EX_TIMER: a timer with a deferred call of its own.
fn allocate_timer(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let Some(at) = kernel.own(0x100) else { return Ok(0) };
    kernel.header(at, TIMER, 0x40, 0)?;
    let deferred = at + 0x80;
    kernel.put_u8(deferred, 0x13)?;
    kernel.put_u64(deferred + offset::DPC_ROUTINE, call.at(0))?;
    kernel.put_u64(deferred + offset::DPC_CONTEXT, call.at(1))?;
    kernel.count_undone("allocated timer", 1);
    Ok(at)
}

fn set_allocated_timer(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let at = call.at(0);
    let has_routine = kernel.u64(at + 0x80 + offset::DPC_ROUTINE)? != 0;
    let deferred = if has_routine { at + 0x80 } else { 0 };
    // This period is in units of 100 ns.
    set(kernel, at, call.at(1), call.at(2) / 10_000, deferred)
}

fn delete_timer(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    kernel.count_undone("allocated timer", -1);
    Ok(u64::from(kernel.schedule.timers.remove(&call.at(0)).is_some()))
}

fn wait_for_one(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    kernel.wait(&[call.at(0)], true, call.at(4))
}

fn wait_for_several(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    /// MAXIMUM_WAIT_OBJECTS.
    const MOST: u64 = 64;
    let count = u64::from(call.u32(0)).min(MOST);
    let objects = (0..count).map(|index| kernel.u64(call.at(1) + 8 * index));
    let objects: Vec<_> = objects.collect::<Result<_, _>>()?;
    // WaitAll is 0.
    kernel.wait(&objects, call.u32(2) == 0, call.at(6))
}

fn wait_for_handle(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let Some(object) = kernel.resolve(call.at(0)) else {
        return Stop::status(status::INVALID_HANDLE);
    };
    kernel.wait(&[object], true, call.at(2))
}

fn delay(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    if call.at(2) == 0 {
        return Stop::status(status::SUCCESS);
    }
    let answer = kernel.wait(&[], false, call.at(2))?;
    Stop::status(if answer == status::TIMEOUT.into() { status::SUCCESS } else { answer as u32 })
}

fn initialize_deferred(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    /// DpcObject, medium importance.
    const DEFERRED: [u8; 2] = [0x13, 1];
    kernel.put(call.at(0), &[0; 0x40])?;
    kernel.put(call.at(0), &DEFERRED)?;
    kernel.put_u64(call.at(0) + offset::DPC_ROUTINE, call.at(1))?;
    kernel.put_u64(call.at(0) + offset::DPC_CONTEXT, call.at(2))?;
    Ok(0)
}

fn insert_deferred(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let at = call.at(0);
    if !kernel.queue_deferred(at) {
        return Ok(0);
    }
    kernel.put_u64(at + offset::DPC_ARGUMENT1, call.at(1))?;
    kernel.put_u64(at + offset::DPC_ARGUMENT2, call.at(2))?;
    kernel.put_u64(at + offset::DPC_DATA, 1)?;
    kernel.drain_deferred()?;
    Ok(1)
}

fn remove_deferred(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let queue = &mut kernel.schedule.deferred;
    let before = queue.len();
    queue.retain(|&queued| queued != call.at(0));
    Ok(u64::from(queue.len() < before))
}

fn flush_deferred(kernel: &mut Kernel<'_>, _: &Call) -> Answer {
    kernel.drain_deferred()?;
    Ok(0)
}

/// KQUEUE: what is queued hangs on a list behind the header.
fn initialize_queue(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let at = call.at(0);
    kernel.header(at, QUEUE, 0x40, 0)?;
    kernel.put_u64(at + 0x18, at + 0x18)?;
    kernel.put_u64(at + 0x20, at + 0x18)?;
    Ok(0)
}

fn insert_queue(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let (head, new) = (call.at(0) + 0x18, call.at(1));
    let last = kernel.u64(head + 8)?;
    kernel.put_u64(new, head)?;
    kernel.put_u64(new + 8, last)?;
    kernel.put_u64(last, new)?;
    kernel.put_u64(head + 8, new)?;
    let count = kernel.u32(call.at(0) + offset::SIGNAL_STATE)? as i32;
    kernel.set_state(call.at(0), count.wrapping_add(1))
}

fn remove_queue(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let answer = kernel.wait(&[call.at(0)], true, call.at(2))?;
    let head = call.at(0) + 0x18;
    let first = kernel.u64(head)?;
    if answer != 0 || first == head {
        return Stop::status(status::TIMEOUT);
    }
    let next = kernel.u64(first)?;
    kernel.put_u64(head, next)?;
    kernel.put_u64(next + 8, head)?;
    let count = kernel.u32(call.at(0) + offset::SIGNAL_STATE)? as i32;
    kernel.set_state(call.at(0), count.wrapping_sub(1))?;
    Ok(first)
}

fn rundown_queue(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let first = kernel.u64(call.at(0) + 0x18)?;
    Ok(if first == call.at(0) + 0x18 { 0 } else { first })
}

/// Makes an event with a handle; the handle goes to `out`.
fn make_event(kernel: &mut Kernel<'_>, kind: u8, state: i32, out: u64) -> Answer {
    let Some(event) = kernel.make_object(Object::Dispatcher, 0x18) else { return Ok(0) };
    kernel.header(event, kind, 0x18, state)?;
    let handle = kernel.handle(event).unwrap_or(0);
    kernel.put_optional(out, &handle.to_le_bytes())?;
    Ok(event)
}

fn create_notification_event(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    make_event(kernel, NOTIFICATION, 1, call.at(1))
}

fn create_synchronization_event(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    make_event(kernel, SYNCHRONIZATION, 1, call.at(1))
}

fn create_event(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let made = make_event(kernel, call.u8(3) & 1, i32::from(call.u8(4) != 0), call.at(0))?;
    Stop::status(if made == 0 { status::INSUFFICIENT_RESOURCES } else { status::SUCCESS })
}

fn change_by_handle(kernel: &mut Kernel<'_>, call: &Call, state: i32) -> Answer {
    let Some(object) = kernel.resolve(call.at(0)) else {
        return Stop::status(status::INVALID_HANDLE);
    };
    kernel.set_state(object, state)?;
    Stop::status(status::SUCCESS)
}

fn set_event_by_handle(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    change_by_handle(kernel, call, 1)
}

fn clear_event_by_handle(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    change_by_handle(kernel, call, 0)
}
