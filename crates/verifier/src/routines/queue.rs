//! Queues of requests: cancel-safe ones, whose routines are the driver's, and those of StartIo.

use crate::call::{Call, Entry, entry};
use crate::faults::DISPATCH;
use crate::kernel::{Kernel, ignore};
use crate::layout::{device, driver, irp, stack};
use crate::stop::{Answer, Stop, status};

pub(super) const ROUTINES: &[Entry] = &[
    entry("IoCsqInitialize", 7, initialize),
    entry("IoCsqInitializeEx", 7, initialize),
    entry("IoCsqInsertIrp", 3, insert),
    entry("IoCsqInsertIrpEx", 4, insert_extended),
    entry("IoCsqRemoveNextIrp", 2, remove_next),
    entry("IoCsqRemoveIrp", 2, ignore),
    entry("IoStartPacket", 4, start_packet),
    entry("IoStartNextPacket", 2, start_next),
    entry("IoStartNextPacketByKey", 3, start_next),
];

/// IO_CSQ, behind its type: routines of the driver.
mod field {
    pub const INSERT: u64 = 0x8;
    pub const REMOVE: u64 = 0x10;
    pub const PEEK: u64 = 0x18;
    pub const ACQUIRE: u64 = 0x20;
    pub const RELEASE: u64 = 0x28;
}

fn initialize(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    /// IO_TYPE_CSQ, and IO_TYPE_CSQ_EX.
    const PLAIN: u32 = 1;
    const EXTENDED: u32 = 3;
    let at = call.at(0);
    kernel.put_u32(at, if call.name.ends_with("Ex") { EXTENDED } else { PLAIN })?;
    for index in 1..7 {
        kernel.put_u64(at.wrapping_add(8 * index as u64), call.at(index))?;
    }
    kernel.put_u64(at.wrapping_add(0x38), 0)?;
    Stop::status(status::SUCCESS)
}

/// Calls a routine of the queue.
fn ask(kernel: &mut Kernel<'_>, queue: u64, field: u64, arguments: &[u64]) -> Answer {
    let routine = kernel.u64(queue.wrapping_add(field))?;
    let mut all = vec![queue];
    all.extend(arguments);
    kernel.call_back(routine, &all)
}

/// Runs something between the driver's acquiring and releasing its lock.
fn locked(
    kernel: &mut Kernel<'_>,
    queue: u64,
    work: impl FnOnce(&mut Kernel<'_>) -> Answer,
) -> Answer {
    let level = kernel.own(16).unwrap_or(0);
    ask(kernel, queue, field::ACQUIRE, &[level])?;
    let answer = work(kernel)?;
    let before = kernel.u8(level)?;
    ask(kernel, queue, field::RELEASE, &[before.into()])?;
    kernel.give_back(level);
    Ok(answer)
}

fn put_in(kernel: &mut Kernel<'_>, queue: u64, request: u64, more: &[u64]) -> Answer {
    let location = kernel.u64(request.wrapping_add(irp::CURRENT_STACK))?;
    let control = kernel.u8(location.wrapping_add(stack::CONTROL))?;
    kernel.put_u8(location.wrapping_add(stack::CONTROL), control | stack::PENDING_RETURNED)?;
    let mut arguments = vec![request];
    arguments.extend(more);
    locked(kernel, queue, |kernel| ask(kernel, queue, field::INSERT, &arguments))
}

fn insert(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    put_in(kernel, call.at(0), call.at(1), &[])
}

fn insert_extended(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    put_in(kernel, call.at(0), call.at(1), &[call.at(3)]).map(|status| status & 0xFFFF_FFFF)
}

fn remove_next(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let queue = call.at(0);
    locked(kernel, queue, |kernel| {
        let request = ask(kernel, queue, field::PEEK, &[0, call.at(1)])?;
        if request != 0 {
            ask(kernel, queue, field::REMOVE, &[request])?;
        }
        Ok(request)
    })
}

/// Hands a request to the driver's StartIo, or queues it while that has one.
fn start_packet(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let (target, request) = (call.at(0), call.at(1));
    if kernel.u64(target.wrapping_add(device::CURRENT_IRP))? != 0 {
        if kernel.requests.waiting.len() < kernel.options.budget.entries {
            kernel.requests.waiting.push_back((target, request));
        }
        return Ok(0);
    }
    start(kernel, target, request)
}

fn start(kernel: &mut Kernel<'_>, target: u64, request: u64) -> Answer {
    kernel.put_u64(target.wrapping_add(device::CURRENT_IRP), request)?;
    let owner = kernel.u64(target.wrapping_add(device::DRIVER_OBJECT))?;
    let routine = kernel.u64(owner.wrapping_add(driver::START_IO))?;
    if routine == 0 {
        return Ok(0);
    }
    let level = std::mem::replace(&mut kernel.irql, DISPATCH);
    kernel.call_back(routine, &[target, request])?;
    kernel.irql = level;
    Ok(0)
}

fn start_next(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let target = call.at(0);
    kernel.put_u64(target.wrapping_add(device::CURRENT_IRP), 0)?;
    kernel.spend(kernel.requests.waiting.len() as u64);
    let waiting = kernel.requests.waiting.iter().position(|(of, _)| *of == target);
    match waiting.and_then(|place| kernel.requests.waiting.remove(place)) {
        Some((target, request)) => start(kernel, target, request),
        None => Ok(0),
    }
}
