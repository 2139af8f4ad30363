//! Callbacks that a driver registered, for what happens to processes, threads, images and the like.

use crate::io::{Callback, Notice};
use crate::kernel::Kernel;
use crate::layout::major;
use crate::requests::ask;
use crate::schedule::MOMENT;
use crate::stop::Stop;
use crate::{data, space};
use ringfence_machine::PAGE;

/// Calls each callback that the driver registered once, as Windows does sooner or later.
pub(crate) fn notify(kernel: &mut Kernel<'_>) -> Result<(), Stop> {
    for callback in kernel.requests.callbacks.clone() {
        if kernel.requests.callbacks.contains(&callback) {
            notify_one(kernel, callback)?;
        }
    }
    Ok(())
}

fn notify_one(kernel: &mut Kernel<'_>, callback: Callback) -> Result<(), Stop> {
    let (program, system) = (data::PROGRAM_PROCESS_ID, data::SYSTEM_PROCESS_ID);
    let routine = callback.routine;
    let scratch = kernel.own(PAGE / 4).unwrap_or(0);
    let (name, arguments) = match callback.kind {
        Notice::Process => ("process callback", vec![system, program, 1]),
        Notice::ProcessEx => {
            let image = kernel.make_string("\\??\\C:\\Windows\\program.exe").unwrap_or(0);
            // PS_CREATE_NOTIFY_INFO.
            kernel.put_u64(scratch, 0x48)?;
            kernel.put_u64(scratch.wrapping_add(0x10), system)?;
            kernel.put_u64(scratch.wrapping_add(0x30), image)?;
            ("process callback", vec![data::PROGRAM_PROCESS, program, scratch])
        }
        Notice::Thread => ("thread callback", vec![program, data::PROGRAM_THREAD_ID, 1]),
        Notice::Image => {
            let image =
                kernel.make_string("\\Device\\HarddiskVolume1\\Windows\\program.dll").unwrap_or(0);
            // IMAGE_INFO: properties, base, size.
            kernel.put_u32(scratch, 3)?;
            kernel.put_u64(scratch.wrapping_add(8), space::USER)?;
            kernel.put_u64(scratch.wrapping_add(0x18), PAGE)?;
            ("image callback", vec![image, program, scratch])
        }
        Notice::Registry => ("registry callback", vec![callback.context, u64::MAX >> 32, 0]),
        Notice::Object => {
            // OB_PRE_OPERATION_INFORMATION: a handle of the program's process is opened.
            kernel.put_u32(scratch, 1)?;
            kernel.put_u64(scratch.wrapping_add(8), data::PROGRAM_PROCESS)?;
            let kind = data::address_of("PsProcessType").unwrap_or(0);
            let kind = kernel.u64(kind)?;
            kernel.put_u64(scratch.wrapping_add(0x10), kind)?;
            kernel.put_u64(scratch.wrapping_add(0x20), scratch + 0x40)?;
            kernel.put_u64(scratch.wrapping_add(0x40), 0x1F_FFFF_001F_FFFF)?;
            ("object callback", vec![callback.context, scratch])
        }
        Notice::Shutdown => {
            return ask(kernel, "IRP_MJ_SHUTDOWN", major::SHUTDOWN, callback.context, 0, |_, _| {
                Ok(())
            })
            .map(drop);
        }
    };
    if callback.kind != Notice::Registry {
        kernel.enter_program(true);
        kernel.phase_without_status(name, |kernel| kernel.call(routine, &arguments))?;
        kernel.enter_program(false);
    }
    kernel.give_back(scratch);
    kernel.settle(MOMENT)
}
