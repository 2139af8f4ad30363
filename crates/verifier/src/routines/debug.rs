//! Output for a debugger, of which there is none, and tracing, which nobody switched on.

use crate::Happening;
use crate::call::{Call, Entry, entry};
use crate::kernel::{Kernel, ignore};
use crate::stop::{Answer, Exception, Stop, status};

pub(super) const ROUTINES: &[Entry] = &[
    entry("DbgPrint", 4, print),
    entry("DbgPrintEx", 4, print),
    entry("vDbgPrintEx", 4, print_list),
    entry("vDbgPrintExWithPrefix", 5, ignore),
    entry("DbgPrintReturnControlC", 4, ignore),
    entry("DbgPrompt", 3, ignore),
    entry("DbgBreakPoint", 0, break_point),
    entry("DbgBreakPointWithStatus", 1, break_point),
    entry("KdRefreshDebuggerNotPresent", 0, yes),
    entry("KdDisableDebugger", 0, no_debugger),
    entry("KdEnableDebugger", 0, no_debugger),
    entry("EtwRegister", 4, register),
    entry("EtwUnregister", 1, ignore),
    entry("EtwWrite", 5, ignore),
    entry("EtwWriteTransfer", 6, ignore),
    entry("EtwWriteEx", 9, ignore),
    entry("EtwSetInformation", 4, ignore),
    entry("EtwActivityIdControl", 2, ignore),
    entry("EtwProviderEnabled", 3, ignore),
    entry("EtwEventEnabled", 2, ignore),
    entry("WmiTraceMessage", 5, ignore),
    entry("WmiTraceMessageVa", 5, ignore),
    entry("WmiQueryTraceInformation", 4, not_supported),
    entry("WppAutoLogTrace", 5, ignore),
    entry("WppAutoLogStart", 3, ignore),
    entry("WppAutoLogStop", 2, ignore),
    entry("imp_WppRecorderReplay", 3, ignore),
    entry("imp_WppRecorderLogGetDefault", 0, ignore),
    entry("imp_WppRecorderLogDelete", 2, ignore),
    entry("imp_WppRecorderLogCreate", 3, not_supported),
    entry("imp_WppRecorderIsDefaultLogAvailable", 0, ignore),
    entry("KeRegisterBugCheckCallback", 5, yes),
    entry("KeDeregisterBugCheckCallback", 1, yes),
    entry("KeRegisterBugCheckReasonCallback", 4, yes),
    entry("KeDeregisterBugCheckReasonCallback", 1, yes),
    entry("IoAllocateErrorLogEntry", 2, log_entry),
    entry("IoWriteErrorLogEntry", 1, write_log_entry),
    entry("IoFreeErrorLogEntry", 1, write_log_entry),
    entry("IoRaiseInformationalHardError", 3, ignore),
];

/// The component and the level come before the format in the newer form.
fn print(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let index = if call.name.ends_with("Ex") { 2 } else { 0 };
    if let Ok(text) = super::format::message(kernel, call, index, None) {
        kernel.note(Happening::Message { text });
    }
    Stop::status(status::SUCCESS)
}

fn print_list(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    if let Ok(text) = super::format::message(kernel, call, 2, Some(call.at(3))) {
        kernel.note(Happening::Message { text });
    }
    Stop::status(status::SUCCESS)
}

fn yes(_: &mut Kernel<'_>, _: &Call) -> Answer {
    Ok(1)
}

fn break_point(_: &mut Kernel<'_>, _: &Call) -> Answer {
    Err(Stop::Raise(Exception::of(status::BREAKPOINT)))
}

fn no_debugger(_: &mut Kernel<'_>, _: &Call) -> Answer {
    /// STATUS_DEBUGGER_INACTIVE.
    const INACTIVE: u32 = 0xC000_0354;
    Stop::status(INACTIVE)
}

/// A provider that nobody listens to.
fn register(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    kernel.put_optional(call.at(3), &1_u64.to_le_bytes())?;
    Stop::status(status::SUCCESS)
}

fn not_supported(_: &mut Kernel<'_>, _: &Call) -> Answer {
    Stop::status(status::NOT_SUPPORTED)
}

fn log_entry(kernel: &mut Kernel<'_>, _: &Call) -> Answer {
    if kernel.fails_by_chance() {
        return Ok(0);
    }
    Ok(kernel.own(0x100).unwrap_or(0))
}

fn write_log_entry(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    kernel.give_back(call.at(0));
    Ok(0)
}
