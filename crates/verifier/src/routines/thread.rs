//! Threads, processes and work items.

use crate::call::{Call, Entry, entry};
use crate::kernel::{Kernel, ignore};
use crate::schedule::{Item, Work};
use crate::stop::{Answer, Stop, status};
use crate::{data, space};

pub(super) const ROUTINES: &[Entry] = &[
    entry("PsCreateSystemThread", 7, create),
    entry("IoCreateSystemThread", 8, create_for_driver),
    entry("PsTerminateSystemThread", 1, terminate),
    entry("PsGetCurrentThread", 0, current_thread),
    entry("KeGetCurrentThread", 0, current_thread),
    entry("PsGetCurrentThreadId", 0, current_thread_id),
    entry("PsGetCurrentProcess", 0, current_process),
    entry("IoGetCurrentProcess", 0, current_process),
    entry("PsGetCurrentProcessId", 0, current_process_id),
    entry("PsGetProcessId", 1, process_id),
    entry("PsGetThreadId", 1, thread_id),
    entry("PsGetThreadProcessId", 1, thread_process_id),
    entry("IoThreadToProcess", 1, process_of_thread),
    entry("PsGetThreadProcess", 1, process_of_thread),
    entry("PsLookupProcessByProcessId", 2, look_up_process),
    entry("PsLookupThreadByThreadId", 2, look_up_thread),
    entry("PsGetProcessImageFileName", 1, image_file_name),
    entry("PsGetProcessPeb", 1, ignore),
    entry("PsGetProcessWow64Process", 1, ignore),
    entry("PsGetProcessSectionBaseAddress", 1, section_base),
    entry("PsIsThreadTerminating", 1, ignore),
    entry("PsIsSystemThread", 1, is_system_thread),
    entry("PsGetProcessExitStatus", 1, still_active),
    entry("PsGetCurrentProcessSessionId", 0, ignore),
    entry("PsGetProcessSessionId", 1, ignore),
    entry("KeSetPriorityThread", 2, priority),
    entry("KeQueryPriorityThread", 1, priority),
    entry("KeSetBasePriorityThread", 2, ignore),
    entry("KeStackAttachProcess", 2, attach),
    entry("KeUnstackDetachProcess", 1, detach),
    entry("KeAttachProcess", 1, attach),
    entry("KeDetachProcess", 0, detach),
    entry("ExGetPreviousMode", 0, previous_mode),
    entry("IoGetStackLimits", 2, stack_limits),
    entry("IoGetRemainingStackSize", 0, remaining_stack),
    entry("ExQueueWorkItem", 2, queue_work_item),
    entry("IoAllocateWorkItem", 1, allocate_work_item),
    entry("IoSizeofWorkItem", 0, size_of_work_item),
    entry("IoInitializeWorkItem", 2, initialize_work_item),
    entry("IoUninitializeWorkItem", 1, ignore),
    entry("IoQueueWorkItem", 4, queue_io_work_item),
    entry("IoQueueWorkItemEx", 4, queue_io_work_item),
    entry("IoFreeWorkItem", 1, free_work_item),
    entry("FsRtlPostStackOverflow", 3, ignore),
];

/// Bytes of an IO_WORKITEM here; the device is its first field.
const WORK_ITEM: u64 = 0x60;

fn make(kernel: &mut Kernel<'_>, routine: u64, context: u64, out: u64) -> Answer {
    let made = kernel.make_thread(routine, context);
    let Some(handle) = made.and_then(|thread| kernel.handle(thread)) else {
        return Stop::status(status::INSUFFICIENT_RESOURCES);
    };
    kernel.put_u64(out, handle)?;
    Stop::status(status::SUCCESS)
}

fn create(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    make(kernel, call.at(5), call.at(6), call.at(0))
}

fn create_for_driver(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    make(kernel, call.at(6), call.at(7), call.at(1))
}

fn terminate(kernel: &mut Kernel<'_>, _: &Call) -> Answer {
    // Only a thread that was made so can be ended so.
    match kernel.schedule.current {
        Some(_) => Err(Stop::Ended),
        None => Stop::status(status::INVALID_PARAMETER),
    }
}

fn current_thread(kernel: &mut Kernel<'_>, _: &Call) -> Answer {
    Ok(kernel.thread())
}

fn current_thread_id(kernel: &mut Kernel<'_>, _: &Call) -> Answer {
    let thread = kernel.thread();
    kernel.u64(thread.wrapping_add(data::offset::THREAD_CID).wrapping_add(8))
}

fn current_process(kernel: &mut Kernel<'_>, _: &Call) -> Answer {
    Ok(kernel.process())
}

fn current_process_id(kernel: &mut Kernel<'_>, _: &Call) -> Answer {
    let process = kernel.process();
    kernel.u64(process.wrapping_add(data::offset::PROCESS_ID))
}

fn process_id(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    kernel.u64(call.at(0).wrapping_add(data::offset::PROCESS_ID))
}

fn thread_id(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    kernel.u64(call.at(0).wrapping_add(data::offset::THREAD_CID).wrapping_add(8))
}

fn thread_process_id(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    kernel.u64(call.at(0).wrapping_add(data::offset::THREAD_CID))
}

fn process_of_thread(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    kernel.u64(call.at(0).wrapping_add(data::offset::THREAD_PROCESS))
}

fn look_up_process(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let found = match call.at(0) {
        data::SYSTEM_PROCESS_ID => data::SYSTEM_PROCESS,
        data::PROGRAM_PROCESS_ID => data::PROGRAM_PROCESS,
        _ => return Stop::status(status::INVALID_PARAMETER),
    };
    kernel.put_u64(call.at(1), found)?;
    Stop::status(status::SUCCESS)
}

fn look_up_thread(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let found = match call.at(0) {
        data::SYSTEM_THREAD_ID => data::SYSTEM_THREAD,
        data::PROGRAM_THREAD_ID => data::PROGRAM_THREAD,
        _ => return Stop::status(status::INVALID_PARAMETER),
    };
    kernel.put_u64(call.at(1), found)?;
    Stop::status(status::SUCCESS)
}

fn image_file_name(_: &mut Kernel<'_>, call: &Call) -> Answer {
    Ok(call.at(0).wrapping_add(data::offset::PROCESS_NAME))
}

fn section_base(kernel: &mut Kernel<'_>, _: &Call) -> Answer {
    kernel.assume("a program's image is not there");
    Ok(0)
}

fn is_system_thread(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let process = kernel.u64(call.at(0).wrapping_add(data::offset::THREAD_PROCESS))?;
    Ok(u64::from(process == data::SYSTEM_PROCESS))
}

fn still_active(_: &mut Kernel<'_>, _: &Call) -> Answer {
    // STATUS_PENDING, which is STILL_ACTIVE.
    Stop::status(status::PENDING)
}

fn priority(_: &mut Kernel<'_>, _: &Call) -> Answer {
    Ok(8)
}

fn attach(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let thread = kernel.thread();
    let before = kernel.u64(thread.wrapping_add(data::offset::THREAD_PROCESS))?;
    kernel.objects.attached.push(before);
    kernel.put_u64(thread.wrapping_add(data::offset::THREAD_PROCESS), call.at(0))?;
    Ok(0)
}

fn detach(kernel: &mut Kernel<'_>, _: &Call) -> Answer {
    let thread = kernel.thread();
    if let Some(before) = kernel.objects.attached.pop() {
        kernel.put_u64(thread.wrapping_add(data::offset::THREAD_PROCESS), before)?;
    }
    Ok(0)
}

fn previous_mode(kernel: &mut Kernel<'_>, _: &Call) -> Answer {
    Ok(u64::from(kernel.schedule.in_program))
}

fn stack_limits(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let stack = kernel.registers().get(ringfence_machine::Register::Rsp);
    let low = stack / space::STACK_STRIDE * space::STACK_STRIDE + space::STACK_GAP;
    kernel.put_u64(call.at(0), low)?;
    kernel.put_u64(call.at(1), low + space::STACK_PAGES * ringfence_machine::PAGE)?;
    Ok(0)
}

fn remaining_stack(kernel: &mut Kernel<'_>, _: &Call) -> Answer {
    let above = kernel.registers().get(ringfence_machine::Register::Rsp) % space::STACK_STRIDE;
    Ok(above.saturating_sub(space::STACK_GAP))
}

fn queue_work_item(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let routine = kernel.u64(call.at(0).wrapping_add(0x10))?;
    let context = kernel.u64(call.at(0).wrapping_add(0x18))?;
    let item = Some(Item { address: call.at(0), parameter: context });
    kernel.queue_work(Work { name: "work item", routine, arguments: vec![context], item });
    Ok(0)
}

fn allocate_work_item(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    if kernel.fails_by_chance() {
        return Ok(0);
    }
    let made = kernel.allocate(crate::pool::Kind::Kernel, WORK_ITEM, 0, call.caller);
    let Some(item) = made else { return Ok(0) };
    kernel.put_u64(item, call.at(0))?;
    Ok(item)
}

fn size_of_work_item(_: &mut Kernel<'_>, _: &Call) -> Answer {
    Ok(WORK_ITEM)
}

fn initialize_work_item(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    kernel.put_u64(call.at(1), call.at(0))?;
    Ok(0)
}

fn queue_io_work_item(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let object = kernel.u64(call.at(0))?;
    // The extended form hands the item on between the two.
    let arguments = match call.name.ends_with("Ex") {
        true => vec![object, call.at(3), call.at(0)],
        false => vec![object, call.at(3)],
    };
    let item = Some(Item { address: call.at(0), parameter: call.at(3) });
    kernel.queue_work(Work { name: "work item", routine: call.at(1), arguments, item });
    Ok(0)
}

fn free_work_item(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    kernel.give_back(call.at(0));
    Ok(0)
}
