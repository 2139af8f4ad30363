//! Routines that the driver wants to be called when something happens.

use crate::call::{Call, Entry, entry};
use crate::io::{Callback, Notice};
use crate::kernel::{Kernel, ignore};
use crate::stop::{Answer, Stop, status};

pub(super) const ROUTINES: &[Entry] = &[
    entry("PsSetCreateProcessNotifyRoutine", 2, process),
    entry("PsSetCreateProcessNotifyRoutineEx", 2, process_extended),
    entry("PsSetCreateProcessNotifyRoutineEx2", 3, process_by_type),
    entry("PsSetCreateThreadNotifyRoutine", 1, thread),
    entry("PsRemoveCreateThreadNotifyRoutine", 1, remove_thread),
    entry("PsSetLoadImageNotifyRoutine", 1, image),
    entry("PsSetLoadImageNotifyRoutineEx", 2, image),
    entry("PsRemoveLoadImageNotifyRoutine", 1, remove_image),
    entry("CmRegisterCallback", 3, registry),
    entry("CmRegisterCallbackEx", 6, registry_extended),
    entry("CmUnRegisterCallback", 1, unregister_registry),
    entry("ObRegisterCallbacks", 2, objects),
    entry("ObUnRegisterCallbacks", 1, unregister_objects),
    entry("IoRegisterFsRegistrationChange", 2, ignore),
    entry("PoRegisterPowerSettingCallback", 5, ignore),
    entry("PoUnregisterPowerSettingCallback", 1, ignore),
];

/// Notes a routine, or takes it away.
fn set(kernel: &mut Kernel<'_>, kind: Notice, routine: u64, remove: bool) -> Answer {
    let what = match kind {
        Notice::Thread => "thread callback",
        Notice::Image => "image callback",
        _ => "process callback",
    };
    let same = |callback: &Callback| callback.kind == kind && callback.routine == routine;
    if remove {
        let before = kernel.requests.callbacks.len();
        kernel.requests.callbacks.retain(|callback| !same(callback));
        if kernel.requests.callbacks.len() == before {
            /// STATUS_PROCEDURE_NOT_FOUND.
            const NOT_FOUND: u32 = 0xC000_007A;
            return Stop::status(NOT_FOUND);
        }
        kernel.count_undone(what, -1);
        return Stop::status(status::SUCCESS);
    }
    kernel.add_callback(Callback { kind, routine, context: 0 });
    kernel.count_undone(what, 1);
    Stop::status(status::SUCCESS)
}

fn process(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    set(kernel, Notice::Process, call.at(0), call.u8(1) != 0)
}

fn process_extended(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    set(kernel, Notice::ProcessEx, call.at(0), call.u8(1) != 0)
}

fn process_by_type(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    set(kernel, Notice::ProcessEx, call.at(1), call.u8(2) != 0)
}

fn thread(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    set(kernel, Notice::Thread, call.at(0), false)
}

fn remove_thread(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    set(kernel, Notice::Thread, call.at(0), true)
}

fn image(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    set(kernel, Notice::Image, call.at(0), false)
}

fn remove_image(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    set(kernel, Notice::Image, call.at(0), true)
}

/// A registration has a number that takes it back.
fn number(kernel: &mut Kernel<'_>, kind: Notice, routine: u64, context: u64, out: u64) -> Answer {
    kernel.add_callback(Callback { kind, routine, context });
    let what = if kind == Notice::Object { "object callback" } else { "registry callback" };
    kernel.count_undone(what, 1);
    kernel.put_optional(out, &(kernel.requests.callbacks.len() as u64 + 1).to_le_bytes())?;
    Stop::status(status::SUCCESS)
}

fn registry(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    number(kernel, Notice::Registry, call.at(0), call.at(1), call.at(2))
}

fn registry_extended(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    number(kernel, Notice::Registry, call.at(0), call.at(3), call.at(4))
}

fn unregister_registry(kernel: &mut Kernel<'_>, _: &Call) -> Answer {
    kernel.requests.callbacks.retain(|callback| callback.kind != Notice::Registry);
    kernel.count_undone("registry callback", -1);
    Stop::status(status::SUCCESS)
}

/// OB_CALLBACK_REGISTRATION: the routines stand in a list of operations.
fn objects(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    const OPERATION: u64 = 0x20;
    let count = u64::from(kernel.u16(call.at(0).wrapping_add(2))?).min(8);
    let context = kernel.u64(call.at(0).wrapping_add(0x18))?;
    let list = kernel.u64(call.at(0).wrapping_add(0x20))?;
    for index in 0..count {
        let routine = kernel.u64(list.wrapping_add(OPERATION * index).wrapping_add(0x10))?;
        if routine != 0 {
            kernel.add_callback(Callback { kind: Notice::Object, routine, context });
        }
    }
    kernel.count_undone("object callbacks", 1);
    kernel.put_u64(call.at(1), 1)?;
    Stop::status(status::SUCCESS)
}

fn unregister_objects(kernel: &mut Kernel<'_>, _: &Call) -> Answer {
    kernel.requests.callbacks.retain(|callback| callback.kind != Notice::Object);
    kernel.count_undone("object callbacks", -1);
    Ok(0)
}
