//! Exceptions, unwinding, probes and bug checks.

use crate::call::{Call, Entry, entry};
use crate::kernel::Kernel;
use crate::space::{self, places};
use crate::stop::{Answer, Exception, Stop, status};
use crate::{Kind, seh};
use ringfence_image::DirectoryIndex;
use ringfence_machine::{PAGE, Register};

pub(super) const ROUTINES: &[Entry] = &[
    entry("__C_specific_handler", 4, c_specific_handler),
    entry("__chkstk", 0, probe_stack),
    entry("_purecall", 0, pure_call),
    entry("ExRaiseStatus", 1, raise_status),
    entry("RtlRaiseStatus", 1, raise_status),
    entry("ExRaiseAccessViolation", 0, raise_access_violation),
    entry("ExRaiseDatatypeMisalignment", 0, raise_misalignment),
    entry("RtlRaiseException", 1, raise_exception),
    entry("RtlUnwind", 4, unwind),
    entry("RtlUnwindEx", 6, unwind),
    entry("_local_unwind", 2, unwind_to_frame),
    entry("RtlCaptureContext", 1, capture),
    entry("RtlCaptureStackBackTrace", 4, back_trace),
    entry("RtlWalkFrameChain", 3, walk_frames),
    entry("RtlLookupFunctionEntry", 3, look_up_function),
    entry("RtlPcToFileHeader", 2, file_header),
    entry("RtlGetCallersAddress", 2, callers),
    entry("RtlAssert", 4, assert),
    entry("ProbeForRead", 3, probe_for_read),
    entry("ProbeForWrite", 3, probe_for_write),
    entry("KeBugCheck", 1, bug_check),
    entry("KeBugCheckEx", 5, bug_check),
    entry("FsRtlIsNtstatusExpected", 1, is_expected),
    entry("FsRtlNormalizeNtstatus", 2, normalize),
];

fn c_specific_handler(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    kernel.c_specific_handler(call)
}

/// RAX holds how much is wanted, and stays as it is.
fn probe_stack(kernel: &mut Kernel<'_>, _: &Call) -> Answer {
    Ok(kernel.registers().get(Register::Rax))
}

fn pure_call(kernel: &mut Kernel<'_>, _: &Call) -> Answer {
    Err(kernel.stop(Kind::Crash, crate::bug_check::BAD_POOL_CALLER, [0, 0, 0, 0]))
}

fn raise_status(_: &mut Kernel<'_>, call: &Call) -> Answer {
    Err(Stop::Raise(Exception::of(call.u32(0))))
}

fn raise_access_violation(_: &mut Kernel<'_>, _: &Call) -> Answer {
    Err(Stop::Raise(Exception::of(status::ACCESS_VIOLATION)))
}

fn raise_misalignment(_: &mut Kernel<'_>, _: &Call) -> Answer {
    /// STATUS_DATATYPE_MISALIGNMENT.
    const MISALIGNMENT: u32 = 0x8000_0002;
    Err(Stop::Raise(Exception::of(MISALIGNMENT)))
}

fn raise_exception(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let code = kernel.u32(call.at(0))?;
    let count = kernel.u32(call.at(0).wrapping_add(0x18))?.min(2);
    let parameters =
        [kernel.u64(call.at(0).wrapping_add(0x20))?, kernel.u64(call.at(0).wrapping_add(0x28))?];
    Err(Stop::Raise(Exception { code, count, parameters }))
}

/// To a frame, and on at an address.
fn unwind(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    unwind_from_here(kernel, call.at(0), call.at(1), call.at(3))
}

fn unwind_to_frame(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    unwind_from_here(kernel, call.at(0), call.at(1), 0)
}

fn unwind_from_here(kernel: &mut Kernel<'_>, frame: u64, goal: u64, value: u64) -> Answer {
    let mut registers = kernel.registers().clone();
    let stack = registers.get(Register::Rsp);
    registers.rip = kernel.u64(stack)?;
    registers.set(Register::Rsp, stack.wrapping_add(8));
    let context = stack.wrapping_sub(256 + seh::CONTEXT) & !15;
    let record = context.wrapping_sub(0xA0);
    let dispatcher = record.wrapping_sub(0x60);
    kernel.write_context(context, &registers)?;
    kernel.put(dispatcher.wrapping_sub(0x10), &[0; 0x110])?;
    kernel.put_u32(record, value as u32)?;
    kernel.registers().set(Register::Rsp, dispatcher.wrapping_sub(0x40) & !15);
    kernel.unwind_to(frame, goal, record, context, dispatcher)
}

fn capture(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let mut registers = kernel.registers().clone();
    registers.rip = call.caller;
    registers.set(Register::Rsp, registers.get(Register::Rsp).wrapping_add(8));
    kernel.write_context(call.at(0), &registers)?;
    Ok(0)
}

/// The addresses that calls return to, from the caller outwards.
fn return_addresses(kernel: &mut Kernel<'_>, call: &Call) -> Vec<u64> {
    let mut registers = kernel.registers().clone();
    registers.rip = call.caller;
    registers.set(Register::Rsp, registers.get(Register::Rsp).wrapping_add(8));
    kernel.stack(&registers).into_iter().map(|frame| frame.address).collect()
}

fn back_trace(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let addresses = return_addresses(kernel, call);
    let wanted = addresses.into_iter().skip(call.u32(0) as usize).take(call.u32(1) as usize);
    let mut count = 0;
    for (address, at) in wanted.zip(places(call.at(2), 8)) {
        kernel.put_u64(at, address)?;
        count += 1;
    }
    kernel.put_optional(call.at(3), &0_u32.to_le_bytes())?;
    Ok(count)
}

fn walk_frames(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let addresses = return_addresses(kernel, call);
    let mut count = 0;
    for (address, at) in addresses.into_iter().take(call.u32(1) as usize).zip(places(call.at(0), 8))
    {
        kernel.put_u64(at, address)?;
        count += 1;
    }
    Ok(count)
}

fn callers(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let addresses = return_addresses(kernel, call);
    let at = |index: usize| addresses.get(index).copied().unwrap_or(0).to_le_bytes();
    kernel.put_optional(call.at(0), &at(1))?;
    kernel.put_optional(call.at(1), &at(2))?;
    Ok(0)
}

/// The entry of the exception directory as it lies in the image.
fn look_up_function(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let table = kernel.image().directory(DirectoryIndex::Exception);
    let (Some(rva), Some(table)) = (kernel.rva(call.at(0)), table) else { return Ok(0) };
    kernel.put_optional(call.at(1), &kernel.loaded.base.to_le_bytes())?;
    let start = kernel.loaded.at(table.rva.0);
    let (mut low, mut high) = (0_u64, u64::from(table.size / 12));
    while low < high {
        let middle = low + (high - low) / 2;
        let entry = start + 12 * middle;
        if rva < kernel.u32(entry)? {
            high = middle;
        } else if rva >= kernel.u32(entry.wrapping_add(4))? {
            low = middle + 1;
        } else {
            return Ok(entry);
        }
    }
    Ok(0)
}

fn file_header(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let base = if kernel.loaded.contains(call.at(0)) { kernel.loaded.base } else { 0 };
    kernel.put_u64(call.at(1), base)?;
    Ok(base)
}

/// A checked build's assertion failed. Without a debugger the system stops at the breakpoint.
fn assert(kernel: &mut Kernel<'_>, _: &Call) -> Answer {
    kernel.assume("a failed assertion is ignored");
    Ok(0)
}

/// Whether a range is a program's; else an exception.
fn probe(call: &Call, alignment_matters: bool) -> Result<(), Stop> {
    let (address, length, alignment) = (call.at(0), call.at(1), call.u32(2));
    if length == 0 {
        return Ok(());
    }
    let aligned = alignment.max(1).next_power_of_two();
    if alignment_matters && address & u64::from(aligned - 1) != 0 {
        return Err(Stop::Raise(Exception::of(0x8000_0002)));
    }
    let end = address.checked_add(length - 1);
    if end.is_none_or(|end| end > space::HIGHEST_USER) {
        return Err(Stop::Raise(Exception::access_violation(0, address)));
    }
    Ok(())
}

fn probe_for_read(_: &mut Kernel<'_>, call: &Call) -> Answer {
    probe(call, true).map(|()| 0)
}

/// Touches each page, too.
fn probe_for_write(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    probe(call, true)?;
    let pages = space::pages_of(call.at(0), call.at(1));
    kernel.charge(pages)?;
    for page in places(space::page_of(call.at(0)), PAGE).take(pages.min(1 << 16) as usize) {
        let rights = kernel.processor.memory().rights(page);
        if !rights.is_some_and(|rights| rights.contains(ringfence_machine::Rights::WRITE)) {
            return Err(Stop::Raise(Exception::access_violation(1, page)));
        }
    }
    Ok(0)
}

fn bug_check(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let parameters = if call.name.ends_with("Ex") {
        [call.at(1), call.at(2), call.at(3), call.at(4)]
    } else {
        [0; 4]
    };
    // The place is the driver's call, not the kernel's function.
    let registers = kernel.registers();
    registers.rip = call.caller;
    registers.set(Register::Rsp, registers.get(Register::Rsp).wrapping_add(8));
    Err(kernel.stop(Kind::Crash, call.u32(0), parameters))
}

fn is_expected(_: &mut Kernel<'_>, call: &Call) -> Answer {
    /// STATUS_IN_PAGE_ERROR, and what faults raise.
    const UNEXPECTED: [u32; 4] =
        [status::ACCESS_VIOLATION, status::ILLEGAL_INSTRUCTION, 0xC000_00AA, 0x8000_0002];
    Ok(u64::from(!UNEXPECTED.contains(&call.u32(0))))
}

fn normalize(_: &mut Kernel<'_>, call: &Call) -> Answer {
    Ok(call.u32(0).into())
}
