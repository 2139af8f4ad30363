//! I/O requests.

use crate::call::{Call, Entry, entry};
use crate::kernel::{Kernel, ignore};
use crate::layout::{device, irp, major, stack};
use crate::stop::{Answer, Stop, status};

pub(super) const ROUTINES: &[Entry] = &[
    entry("IopInvalidDeviceRequest", 2, invalid_request),
    entry("IofCompleteRequest", 2, complete),
    entry("IoCompleteRequest", 2, complete),
    entry("IofCallDriver", 2, call_driver),
    entry("IoCallDriver", 2, call_driver),
    entry("PoCallDriver", 2, call_driver),
    entry("IoAllocateIrp", 2, allocate),
    entry("IoAllocateIrpEx", 3, allocate_extended),
    entry("IoInitializeIrp", 3, initialize),
    entry("IoReuseIrp", 2, reuse),
    entry("IoFreeIrp", 1, free),
    entry("IoMakeAssociatedIrp", 2, make_associated),
    entry("IoBuildDeviceIoControlRequest", 9, build_control),
    entry("IoBuildSynchronousFsdRequest", 7, build_transfer),
    entry("IoBuildAsynchronousFsdRequest", 6, build_transfer_without_event),
    entry("IoCancelIrp", 1, cancel),
    entry("IoAcquireCancelSpinLock", 1, acquire_cancel_lock),
    entry("IoReleaseCancelSpinLock", 1, release_cancel_lock),
    entry("PoStartNextPowerIrp", 1, ignore),
    entry("PoRequestPowerIrp", 6, request_power),
    entry("PoSetPowerState", 3, set_power_state),
    entry("IoGetRequestorProcess", 1, requestor),
    entry("IoGetRequestorProcessId", 1, requestor_id),
    entry("IoIs32bitProcess", 1, ignore),
    entry("IoIsOperationSynchronous", 1, synchronous),
    entry("IoSetTopLevelIrp", 1, set_top_level),
    entry("IoGetTopLevelIrp", 0, top_level),
    entry("IoInitializeRemoveLockEx", 5, ignore),
    entry("IoAcquireRemoveLockEx", 5, ignore),
    entry("IoReleaseRemoveLockEx", 3, ignore),
    entry("IoReleaseRemoveLockAndWaitEx", 3, ignore),
];

/// What the kernel leaves in the table of dispatch routines.
fn invalid_request(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    kernel.put_u32(call.at(1).wrapping_add(irp::STATUS), status::INVALID_DEVICE_REQUEST)?;
    kernel.complete(call.at(1))?;
    Stop::status(status::INVALID_DEVICE_REQUEST)
}

fn complete(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    kernel.complete(call.at(0))?;
    Ok(0)
}

fn call_driver(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    kernel.call_driver(call.at(0), call.at(1))
}

fn allocate(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    if kernel.fails_by_chance() {
        return Ok(0);
    }
    Ok(kernel.make_irp(call.u8(0)).unwrap_or(0))
}

fn allocate_extended(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    if kernel.fails_by_chance() {
        return Ok(0);
    }
    Ok(kernel.make_irp(call.u8(1)).unwrap_or(0))
}

fn initialize(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let size = call.u16(1);
    kernel.put(call.at(0), &vec![0; usize::from(size)])?;
    kernel.set_up_irp(call.at(0), size, call.u8(2))?;
    Ok(0)
}

fn reuse(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let at = call.at(0);
    let (size, count) = (
        kernel.u16(at.wrapping_add(irp::SIZE_FIELD))?,
        kernel.u8(at.wrapping_add(irp::STACK_COUNT))?,
    );
    kernel.put(at, &vec![0; usize::from(size)])?;
    kernel.set_up_irp(at, size, count)?;
    kernel.put_u32(at.wrapping_add(irp::STATUS), call.u32(1))?;
    if let Some(completed) = kernel.requests.irps.get_mut(&at) {
        *completed = false;
    }
    Ok(0)
}

fn free(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    kernel.requests.irps.remove(&call.at(0));
    kernel.give_back(call.at(0));
    Ok(0)
}

fn make_associated(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    Ok(kernel.make_irp(call.u8(1)).unwrap_or(0))
}

/// A request with its next stack location filled in.
fn build(kernel: &mut Kernel<'_>, number: u8, target: u64) -> Result<Option<(u64, u64)>, Stop> {
    let depth = kernel.u8(target.wrapping_add(device::STACK_SIZE))?;
    let Some(made) = kernel.make_irp(depth) else { return Ok(None) };
    let location = kernel.u64(made.wrapping_add(irp::CURRENT_STACK))?.wrapping_sub(stack::SIZE);
    kernel.put_u8(location, number)?;
    let thread = kernel.thread();
    kernel.put_u64(made.wrapping_add(irp::THREAD), thread)?;
    Ok(Some((made, location)))
}

fn build_control(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    /// IRP_MJ_INTERNAL_DEVICE_CONTROL.
    const INTERNAL: u8 = 15;
    let number = if call.u8(6) == 0 { major::DEVICE_CONTROL } else { INTERNAL };
    let Some((made, location)) = build(kernel, number, call.at(1))? else { return Ok(0) };
    let at = location.wrapping_add(stack::PARAMETERS);
    kernel.put_u32(at, call.u32(5))?;
    kernel.put_u32(at.wrapping_add(8), call.u32(3))?;
    kernel.put_u32(at.wrapping_add(0x10), call.u32(0))?;
    let buffer = if call.at(2) == 0 { call.at(4) } else { call.at(2) };
    kernel.put_u64(made.wrapping_add(irp::SYSTEM_BUFFER), buffer)?;
    kernel.put_u64(made.wrapping_add(irp::USER_BUFFER), call.at(4))?;
    kernel.put_u64(made.wrapping_add(irp::USER_EVENT), call.at(7))?;
    kernel.put_u64(made.wrapping_add(irp::USER_STATUS), call.at(8))?;
    Ok(made)
}

fn build_transfer(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let made = build_transfer_without_event(kernel, call)?;
    if made != 0 {
        kernel.put_u64(made.wrapping_add(irp::USER_EVENT), call.at(5))?;
        kernel.put_u64(made.wrapping_add(irp::USER_STATUS), call.at(6))?;
    }
    Ok(made)
}

fn build_transfer_without_event(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let Some((made, location)) = build(kernel, call.u8(0), call.at(1))? else { return Ok(0) };
    kernel.put_u32(location.wrapping_add(stack::PARAMETERS), call.u32(3))?;
    kernel.put_u64(made.wrapping_add(irp::SYSTEM_BUFFER), call.at(2))?;
    kernel.put_u64(made.wrapping_add(irp::USER_BUFFER), call.at(2))?;
    Ok(made)
}

fn cancel(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let at = call.at(0);
    kernel.put_u8(at.wrapping_add(irp::CANCEL), 1)?;
    let routine = kernel.u64(at.wrapping_add(irp::CANCEL_ROUTINE))?;
    if routine == 0 {
        return Ok(0);
    }
    kernel.put_u64(at.wrapping_add(irp::CANCEL_ROUTINE), 0)?;
    let level = std::mem::replace(&mut kernel.irql, 2);
    kernel.put_u8(at.wrapping_add(irp::CANCEL_IRQL), level)?;
    let location = kernel.u64(at.wrapping_add(irp::CURRENT_STACK))?;
    let target = kernel.u64(location.wrapping_add(stack::DEVICE_OBJECT))?;
    kernel.call_back(routine, &[target, at])?;
    kernel.irql = level;
    Ok(1)
}

fn acquire_cancel_lock(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let level = std::mem::replace(&mut kernel.irql, 2);
    kernel.put_u8(call.at(0), level)?;
    Ok(0)
}

fn release_cancel_lock(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    kernel.irql = call.u8(0);
    Ok(0)
}

fn request_power(kernel: &mut Kernel<'_>, _: &Call) -> Answer {
    kernel.assume("a power request never comes to an end");
    Stop::status(status::PENDING)
}

fn set_power_state(_: &mut Kernel<'_>, _: &Call) -> Answer {
    // PowerDeviceD0 before.
    Ok(1)
}

fn requestor(kernel: &mut Kernel<'_>, _: &Call) -> Answer {
    Ok(kernel.process())
}

fn requestor_id(kernel: &mut Kernel<'_>, _: &Call) -> Answer {
    let process = kernel.process();
    kernel.u64(process.wrapping_add(crate::data::offset::PROCESS_ID))
}

fn synchronous(_: &mut Kernel<'_>, _: &Call) -> Answer {
    Ok(1)
}

fn set_top_level(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    kernel.objects.top_level = call.at(0);
    Ok(0)
}

fn top_level(kernel: &mut Kernel<'_>, _: &Call) -> Answer {
    Ok(kernel.objects.top_level)
}
