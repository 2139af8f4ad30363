//! Objects, handles and files.

use crate::call::{Call, Entry, entry};
use crate::data;
use crate::kernel::{Kernel, ignore};
use crate::layout::file;
use crate::objects::Object;
use crate::stop::{Answer, Stop, status};

pub(super) const ROUTINES: &[Entry] = &[
    entry("ZwClose", 1, close),
    entry("NtClose", 1, close),
    entry("ObCloseHandle", 2, close),
    entry("ObReferenceObjectByHandle", 6, reference_by_handle),
    entry("ObReferenceObjectByHandleWithTag", 7, reference_by_handle),
    entry("ObReferenceObjectByPointer", 4, ignore),
    entry("ObReferenceObjectByName", 8, reference_by_name),
    entry("ObfReferenceObject", 1, one),
    entry("ObfReferenceObjectWithTag", 2, one),
    entry("ObfDereferenceObject", 1, one),
    entry("ObDereferenceObject", 1, one),
    entry("ObDereferenceObjectDeferDelete", 1, one),
    entry("ObfDereferenceObjectWithTag", 2, one),
    entry("ObOpenObjectByPointer", 7, open_by_pointer),
    entry("ObQueryNameString", 4, query_name),
    entry("ObGetObjectType", 1, object_type),
    entry("ObMakeTemporaryObject", 1, ignore),
    entry("ZwMakeTemporaryObject", 1, ignore),
    entry("ZwCreateFile", 11, create_file),
    entry("IoCreateFile", 14, create_file),
    entry("IoCreateFileEx", 14, create_file),
    entry("ZwOpenFile", 6, open_file),
    entry("ZwReadFile", 9, read_file),
    entry("ZwWriteFile", 9, write_file),
    entry("ZwQueryInformationFile", 5, query_file),
    entry("ZwSetInformationFile", 5, ignore),
    entry("ZwDeviceIoControlFile", 10, control_file),
    entry("ZwOpenDirectoryObject", 3, open_directory),
    entry("ZwCreateDirectoryObject", 3, open_directory),
    entry("ZwOpenSymbolicLinkObject", 3, open_link),
    entry("ZwQuerySymbolicLinkObject", 3, query_link),
    entry("ZwOpenProcess", 4, open_process),
    entry("ZwOpenThread", 4, open_process),
    entry("ZwOpenProcessTokenEx", 4, open_token),
    entry("ZwOpenProcessToken", 3, open_token_of),
    entry("ZwDuplicateObject", 7, duplicate),
    entry("ZwYieldExecution", 0, yield_execution),
    entry("ExCreateCallback", 4, create_callback),
    entry("ExRegisterCallback", 3, register_callback),
    entry("ExUnregisterCallback", 1, ignore),
    entry("ExNotifyCallback", 3, ignore),
];

fn one(_: &mut Kernel<'_>, _: &Call) -> Answer {
    Ok(1)
}

fn close(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let closed = kernel.objects.close(call.at(0));
    Stop::status(if closed { status::SUCCESS } else { status::INVALID_HANDLE })
}

fn reference_by_handle(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let out = if call.name.ends_with("Tag") { call.at(5) } else { call.at(4) };
    let Some(object) = kernel.resolve(call.at(0)) else {
        return Stop::status(status::INVALID_HANDLE);
    };
    kernel.put_optional(out, &object.to_le_bytes())?;
    Stop::status(status::SUCCESS)
}

/// Other drivers and their devices are not here.
fn reference_by_name(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let name = kernel.string(call.at(0))?;
    let own = format!("\\Driver\\{}", kernel.service());
    let found = if name.eq_ignore_ascii_case(&own) {
        Some(kernel.requests.driver)
    } else {
        kernel.names.find(&name)
    };
    let Some(found) = found else {
        kernel.assume("an object of another driver is not there");
        return Stop::status(status::OBJECT_NAME_NOT_FOUND);
    };
    kernel.put_u64(call.at(7), found)?;
    Stop::status(status::SUCCESS)
}

fn open_by_pointer(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let Some(handle) = kernel.handle(call.at(0)) else {
        return Stop::status(status::INSUFFICIENT_RESOURCES);
    };
    kernel.put_u64(call.at(6), handle)?;
    Stop::status(status::SUCCESS)
}

fn query_name(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    kernel.assume("an object's name is not known");
    kernel.put_optional(call.at(3), &16_u32.to_le_bytes())?;
    if call.u32(2) < 16 {
        return Stop::status(status::INFO_LENGTH_MISMATCH);
    }
    kernel.put(call.at(1), &[0; 16])?;
    Stop::status(status::SUCCESS)
}

fn object_type(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let name = match kernel.u16(call.at(0))? & 0xFF {
        3 => "PsProcessType",
        5 => "IoFileObjectType",
        6 => "PsThreadType",
        _ => "ExEventObjectType",
    };
    kernel.u64(data::address_of(name).unwrap_or(0))
}

/// A file opens: what there is on a disk nobody knows, so it is empty.
fn open_path(kernel: &mut Kernel<'_>, path: String, out: u64, block: u64) -> Answer {
    kernel.assume("a file is there and empty");
    let answer = kernel.open_object(Object::File(path), file::SIZE, out)?;
    if block != 0 {
        kernel.put_u64(block, answer)?;
        // FILE_OPENED.
        kernel.put_u64(block.wrapping_add(8), 1)?;
    }
    Ok(answer)
}

fn create_file(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let path = kernel.object_name(call.at(2))?;
    open_path(kernel, path, call.at(0), call.at(3))
}

fn open_file(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let path = kernel.object_name(call.at(2))?;
    open_path(kernel, path, call.at(0), call.at(3))
}

fn read_file(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    /// STATUS_END_OF_FILE.
    const END_OF_FILE: u32 = 0xC000_0011;
    kernel.put_u64(call.at(4), END_OF_FILE.into())?;
    kernel.put_u64(call.at(4).wrapping_add(8), 0)?;
    Stop::status(END_OF_FILE)
}

fn write_file(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    kernel.put_u64(call.at(4), 0)?;
    kernel.put_u64(call.at(4).wrapping_add(8), call.u32(6).into())?;
    Stop::status(status::SUCCESS)
}

fn query_file(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    kernel.put_u64(call.at(1), 0)?;
    kernel.put_u64(call.at(1).wrapping_add(8), call.u32(3).into())?;
    let length = u64::from(call.u32(3)).min(0x1000);
    kernel.put(call.at(2), &vec![0; length as usize])?;
    Stop::status(status::SUCCESS)
}

fn control_file(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    kernel.assume("another driver answers a control request");
    kernel.put_u64(call.at(4), 0)?;
    kernel.put_u64(call.at(4).wrapping_add(8), 0)?;
    Stop::status(status::SUCCESS)
}

fn open_directory(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    kernel.open_object(Object::Other, 0x20, call.at(0))
}

fn open_link(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let name = kernel.object_name(call.at(2))?;
    if kernel.names.find(&name).is_none() {
        return Stop::status(status::OBJECT_NAME_NOT_FOUND);
    }
    kernel.open_object(Object::Other, 0x20, call.at(0))
}

fn query_link(_: &mut Kernel<'_>, _: &Call) -> Answer {
    Stop::status(status::OBJECT_NAME_NOT_FOUND)
}

fn open_process(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let id = if call.at(3) == 0 { 0 } else { kernel.u64(call.at(3))? };
    let found = match id {
        data::SYSTEM_PROCESS_ID => data::SYSTEM_PROCESS,
        _ => data::PROGRAM_PROCESS,
    };
    kernel.know_object(found, Object::Process);
    let Some(handle) = kernel.handle(found) else {
        return Stop::status(status::INSUFFICIENT_RESOURCES);
    };
    kernel.put_u64(call.at(0), handle)?;
    Stop::status(status::SUCCESS)
}

fn open_token(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    kernel.open_object(Object::Other, 0x40, call.at(3))
}

fn open_token_of(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    kernel.open_object(Object::Other, 0x40, call.at(2))
}

fn duplicate(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let object = kernel.resolve(call.at(1));
    let Some(handle) = object.and_then(|object| kernel.handle(object)) else {
        return Stop::status(status::INVALID_HANDLE);
    };
    kernel.put_optional(call.at(3), &handle.to_le_bytes())?;
    Stop::status(status::SUCCESS)
}

fn yield_execution(kernel: &mut Kernel<'_>, _: &Call) -> Answer {
    kernel.charge(1_000)?;
    Stop::status(status::SUCCESS)
}

fn create_callback(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let made = kernel.own(0x40).unwrap_or(0);
    kernel.put_u64(call.at(0), made)?;
    Stop::status(status::SUCCESS)
}

fn register_callback(kernel: &mut Kernel<'_>, _: &Call) -> Answer {
    Ok(kernel.own(0x20).unwrap_or(0))
}
