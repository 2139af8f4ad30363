//! Requests that programs and Windows send to the devices of a driver.

use crate::bug_check;
use crate::codes;
use crate::kernel::Kernel;
use crate::layout::{device, file, irp, major, stack};
use crate::schedule::{MOMENT, PATIENCE};
use crate::stop::{Stop, status};
use ringfence_machine::Rights;

/// Devices that are asked, at most.
pub(crate) const MOST_DEVICES: usize = 8;
/// Bytes of the buffers that go with requests.
const BUFFER: u64 = 256;
/// METHOD_ values.
const BUFFERED: u32 = 0;
const NEITHER: u32 = 3;

/// A request that is on its way.
pub(crate) struct Request {
    irp: u64,
    /// IO_STACK_LOCATION of the driver.
    pub location: u64,
    file: u64,
}

/// Opens each device, asks it for all that programs ask devices for, and closes it.
pub(crate) fn send_all(kernel: &mut Kernel<'_>) -> Result<(), Stop> {
    for device in kernel.listed_devices().into_iter().take(MOST_DEVICES) {
        kernel.enter_program(true);
        let sent = send(kernel, device);
        kernel.enter_program(false);
        sent?;
    }
    Ok(())
}

/// Names of the kinds of requests that no program sends here, with their numbers.
const OTHERS: [(&str, u8); 15] = [
    ("IRP_MJ_QUERY_INFORMATION", 5),
    ("IRP_MJ_SET_INFORMATION", 6),
    ("IRP_MJ_QUERY_EA", 7),
    ("IRP_MJ_SET_EA", 8),
    ("IRP_MJ_FLUSH_BUFFERS", 9),
    ("IRP_MJ_QUERY_VOLUME_INFORMATION", 10),
    ("IRP_MJ_SET_VOLUME_INFORMATION", 11),
    ("IRP_MJ_DIRECTORY_CONTROL", 12),
    ("IRP_MJ_FILE_SYSTEM_CONTROL", 13),
    ("IRP_MJ_INTERNAL_DEVICE_CONTROL", 15),
    ("IRP_MJ_LOCK_CONTROL", 17),
    ("IRP_MJ_QUERY_SECURITY", 20),
    ("IRP_MJ_SET_SECURITY", 21),
    ("IRP_MJ_POWER", 22),
    ("IRP_MJ_SYSTEM_CONTROL", 23),
];

/// Says which of the driver's dispatch routines nothing was sent to.
pub(crate) fn tell_others(kernel: &mut Kernel<'_>) {
    for (name, number) in OTHERS {
        if kernel.dispatch_routine(number).is_some() {
            kernel.leave_out(name);
        }
    }
    let opened = |name: &str| name == "IRP_MJ_CREATE";
    if !kernel.run.phases.iter().any(|phase| opened(&phase.name)) {
        let sent =
            [("IRP_MJ_CREATE", major::CREATE), ("IRP_MJ_DEVICE_CONTROL", major::DEVICE_CONTROL)];
        for (name, number) in sent {
            if kernel.dispatch_routine(number).is_some() {
                kernel.leave_out(name);
            }
        }
    }
}

fn send(kernel: &mut Kernel<'_>, device: u64) -> Result<(), Stop> {
    let Some(file) = make_file(kernel, device) else { return Err(kernel.out_of("memory")) };
    let opened = ask(kernel, "IRP_MJ_CREATE", major::CREATE, device, file, |kernel, request| {
        // Parameters.Create: options, access to share.
        let context = kernel.own(0x100).unwrap_or(0);
        let at = request.location.wrapping_add(stack::PARAMETERS);
        kernel.put_u64(at, context)?;
        kernel.put_u32(context.wrapping_add(0x10), 0x0012_019F)?;
        kernel.put_u32(at.wrapping_add(8), 0x0100_0060)?;
        kernel.put_u16(at.wrapping_add(0x12), 3)
    })?;
    if opened.is_some_and(|status| (status as i32) < 0) {
        return Ok(());
    }
    let kind = kernel.u32(device.wrapping_add(device::TYPE))?;
    if kernel.dispatch_routine(major::DEVICE_CONTROL).is_some() {
        control_all(kernel, device, file, kind)?;
    }
    for (name, number) in [("IRP_MJ_READ", major::READ), ("IRP_MJ_WRITE", major::WRITE)] {
        ask(kernel, name, number, device, file, |kernel, request| {
            let at = request.location.wrapping_add(stack::PARAMETERS);
            kernel.put_u32(at, BUFFER as u32)?;
            transfer_buffer(kernel, device, request)
        })?;
    }
    for (name, number) in [("IRP_MJ_CLEANUP", major::CLEANUP), ("IRP_MJ_CLOSE", major::CLOSE)] {
        ask(kernel, name, number, device, file, |_, _| Ok(()))?;
    }
    Ok(())
}

fn make_file(kernel: &mut Kernel<'_>, device: u64) -> Option<u64> {
    let file = kernel.own(file::SIZE)?;
    kernel.put_u16(file, 5).ok()?;
    kernel.put_u16(file.wrapping_add(2), file::SIZE as u16).ok()?;
    kernel.put_u64(file.wrapping_add(file::DEVICE_OBJECT), device).ok()?;
    // Read, write and delete access.
    kernel.put(file.wrapping_add(file::READ_ACCESS), &[1, 1, 0]).ok()?;
    kernel.put_u32(file.wrapping_add(file::FLAGS), 2).ok()?;
    Some(file)
}

/// Lengths of input that are tried, of the structures that are common. Short ones come first: a driver that checks
/// lengths refuses what does not fit, and one that does not copies as much as there is, over its own stack.
const LENGTHS: [u64; 8] = [4, 8, 16, 24, 32, 40, 64, BUFFER];

/// Sends each code that the driver may know. What stands in its code is tried with each length until it is taken.
fn control_all(kernel: &mut Kernel<'_>, device: u64, file: u64, kind: u32) -> Result<(), Stop> {
    let codes = codes::control_codes(kernel.image(), kind);
    if codes.found.is_empty() {
        kernel.leave_out("IRP_MJ_DEVICE_CONTROL with codes that were not found in the code");
    }
    let mut is_full = false;
    for &code in &codes.found {
        for length in LENGTHS {
            let status = control(kernel, device, file, code, length)?;
            if status.is_none_or(|status| (status as i32) >= 0) || !has_room(kernel) {
                break;
            }
        }
        is_full = !has_room(kernel);
        if is_full {
            break;
        }
    }
    for &code in codes.guessed.iter().filter(|_| !is_full) {
        control(kernel, device, file, code, BUFFER)?;
    }
    if is_full || codes.cut {
        kernel.leave_out("IRP_MJ_DEVICE_CONTROL with further codes");
    }
    Ok(())
}

/// Whether enough is left of the budget for what comes after device control.
fn has_room(kernel: &Kernel<'_>) -> bool {
    let budget = &kernel.options.budget;
    kernel.run.phases.len() < budget.phases / 4 * 3 && kernel.used() < budget.instructions / 2
}

fn control(
    kernel: &mut Kernel<'_>,
    device: u64,
    file: u64,
    code: u32,
    length: u64,
) -> Result<Option<u32>, Stop> {
    let name = match length {
        BUFFER => format!("IRP_MJ_DEVICE_CONTROL {code:#x}"),
        _ => format!("IRP_MJ_DEVICE_CONTROL {code:#x}, {length} bytes"),
    };
    ask(kernel, &name, major::DEVICE_CONTROL, device, file, |kernel, request| {
        let at = request.location.wrapping_add(stack::PARAMETERS);
        kernel.put_u32(at, BUFFER as u32)?;
        kernel.put_u32(at.wrapping_add(8), length as u32)?;
        kernel.put_u32(at.wrapping_add(0x10), code)?;
        match code & 3 {
            BUFFERED => {
                let buffer = kernel.own(BUFFER).unwrap_or(0);
                kernel.put_u64(request.irp.wrapping_add(irp::SYSTEM_BUFFER), buffer)
            }
            NEITHER => {
                let input = user_buffer(kernel);
                let output = user_buffer(kernel);
                kernel.put_u64(at.wrapping_add(0x18), input)?;
                kernel.put_u64(request.irp.wrapping_add(irp::USER_BUFFER), output)
            }
            _ => {
                let buffer = kernel.own(BUFFER).unwrap_or(0);
                kernel.put_u64(request.irp.wrapping_add(irp::SYSTEM_BUFFER), buffer)?;
                let output = user_buffer(kernel);
                let list = kernel.locked_list(output, BUFFER);
                kernel.put_u64(request.irp.wrapping_add(irp::MDL), list.unwrap_or(0))
            }
        }
    })
}

/// A buffer of a program.
fn user_buffer(kernel: &mut Kernel<'_>) -> u64 {
    kernel.map_fresh(1, Rights::READ_WRITE, true, "a program's buffer", 0).unwrap_or(0)
}

/// The buffer of a read or write, in the way that the device wants it.
fn transfer_buffer(kernel: &mut Kernel<'_>, device: u64, request: &Request) -> Result<(), Stop> {
    let flags = kernel.u32(device.wrapping_add(device::FLAGS))?;
    if flags & device::BUFFERED_IO != 0 {
        let buffer = kernel.own(BUFFER).unwrap_or(0);
        return kernel.put_u64(request.irp.wrapping_add(irp::SYSTEM_BUFFER), buffer);
    }
    let buffer = user_buffer(kernel);
    kernel.put_u64(request.irp.wrapping_add(irp::USER_BUFFER), buffer)?;
    if flags & device::DIRECT_IO != 0 {
        let list = kernel.locked_list(buffer, BUFFER).unwrap_or(0);
        kernel.put_u64(request.irp.wrapping_add(irp::MDL), list)?;
    }
    Ok(())
}

/// Sends a request, unless the driver leaves such requests to the kernel; the status it came to.
pub(crate) fn ask(
    kernel: &mut Kernel<'_>,
    name: &str,
    number: u8,
    device: u64,
    file: u64,
    fill: impl FnOnce(&mut Kernel<'_>, &Request) -> Result<(), Stop>,
) -> Result<Option<u32>, Stop> {
    if kernel.dispatch_routine(number).is_none()
        || kernel.requests.irps.len() >= kernel.options.budget.entries
    {
        return Ok(None);
    }
    let depth = kernel.u8(device.wrapping_add(device::STACK_SIZE))?;
    let Some(irp) = kernel.make_irp(depth) else { return Err(kernel.out_of("memory")) };
    let location = kernel.u64(irp.wrapping_add(irp::CURRENT_STACK))?.wrapping_sub(stack::SIZE);
    let request = Request { irp, location, file };
    kernel.put_u8(location, number)?;
    kernel.put_u64(location.wrapping_add(stack::FILE_OBJECT), file)?;
    kernel.put_u8(irp.wrapping_add(irp::REQUESTOR_MODE), u8::from(file != 0))?;
    let thread = kernel.thread();
    kernel.put_u64(irp.wrapping_add(irp::THREAD), thread)?;
    kernel.put_u64(irp.wrapping_add(irp::FILE_OBJECT), request.file)?;
    kernel
        .put_u32(irp + irp::STATUS, if number == major::PNP { status::NOT_SUPPORTED } else { 0 })?;
    fill(kernel, &request)?;
    let status = kernel.phase_of(name, |kernel| {
        let status = kernel.call_driver(device, irp)?;
        leave_service(kernel, number, status as u32)?;
        Ok(status)
    })? as u32;
    kernel.settle(if status == status::PENDING { PATIENCE } else { MOMENT })?;
    if kernel.requests.irps.get(&irp) == Some(&false) {
        cancel(kernel, device, irp)?;
    }
    let told =
        if status == status::PENDING { kernel.u32(irp.wrapping_add(irp::STATUS))? } else { status };
    release(kernel, irp);
    Ok(Some(told))
}

/// The system stops if a program would get back control while the level is still raised. Where the request is not
/// completed yet, the kernel would have to wait first.
fn leave_service(kernel: &mut Kernel<'_>, number: u8, status: u32) -> Result<(), Stop> {
    if kernel.irql == 0 || !kernel.schedule.in_program || status == status::PENDING {
        return Ok(());
    }
    // The program called that.
    let service = match number {
        major::CREATE => "NtCreateFile",
        major::READ => "NtReadFile",
        major::WRITE => "NtWriteFile",
        major::CLEANUP | major::CLOSE => "NtClose",
        _ => "NtDeviceIoControlFile",
    };
    let service = kernel.gates.of("ntoskrnl.exe", service).unwrap_or_default();
    let routine = kernel.dispatch_routine(number).unwrap_or_default();
    let parameters = [service, kernel.irql.into(), 0, 0];
    Err(kernel.stop_after(routine, bug_check::IRQL_GT_ZERO_AT_SYSTEM_SERVICE, parameters))
}

/// A request that nobody completes is cancelled, as Windows does when the program ends.
fn cancel(kernel: &mut Kernel<'_>, device: u64, irp: u64) -> Result<(), Stop> {
    kernel.put_u8(irp.wrapping_add(irp::CANCEL), 1)?;
    let routine = kernel.u64(irp.wrapping_add(irp::CANCEL_ROUTINE))?;
    if routine != 0 {
        kernel.put_u64(irp.wrapping_add(irp::CANCEL_ROUTINE), 0)?;
        kernel.put_u8(irp.wrapping_add(irp::CANCEL_IRQL), 0)?;
        kernel.phase_without_status("cancel routine", |kernel| {
            kernel.irql = 2;
            kernel.call(routine, &[device, irp])
        })?;
        kernel.irql = 0;
        kernel.settle(MOMENT)?;
    }
    if kernel.requests.irps.get(&irp) == Some(&false) {
        kernel.run.pending += 1;
    }
    Ok(())
}

/// Gives a completed request's memory back.
fn release(kernel: &mut Kernel<'_>, irp: u64) {
    if kernel.requests.irps.get(&irp) == Some(&true) {
        kernel.requests.irps.remove(&irp);
        for field in [irp::SYSTEM_BUFFER, irp::MDL] {
            let buffer = kernel.u64(irp.wrapping_add(field)).unwrap_or(0);
            kernel.give_back(buffer);
        }
        kernel.give_back(irp);
    }
}
