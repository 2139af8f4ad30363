//! Sections and views of them: the same pages by several addresses.

use super::virtual_memory::{EXECUTE, EXECUTE_READ, EXECUTES, MOST, READ_ONLY};
use crate::call::{Call, Entry, entry};
use crate::kernel::Kernel;
use crate::objects::Object;
use crate::stop::{Answer, Stop, status};
use ringfence_machine::{PAGE, Rights};

pub(super) const ROUTINES: &[Entry] = &[
    entry("ZwCreateSection", 7, create_section),
    entry("NtCreateSection", 7, create_section),
    entry("ZwCreateSectionEx", 9, create_section),
    entry("ZwOpenSection", 3, open_section),
    entry("MmCreateSection", 8, create_section_object),
    entry("FltCreateSectionForDataScan", 10, create_section_for_scan),
    entry("ZwMapViewOfSection", 10, map_view),
    entry("NtMapViewOfSection", 10, map_view),
    entry("MmMapViewOfSection", 10, map_view_of_object),
    entry("ZwMapViewOfSectionEx", 9, map_view_extended),
    entry("ZwUnmapViewOfSection", 2, unmap_view),
    entry("MmUnmapViewOfSection", 2, unmap_view),
    entry("MmMapViewInSystemSpace", 3, map_in_system),
    entry("MmMapViewInSystemSpaceEx", 5, map_in_system),
    entry("MmMapViewInSessionSpace", 3, map_in_system),
    entry("MmUnmapViewInSystemSpace", 1, unmap_in_system),
    entry("MmUnmapViewInSessionSpace", 1, unmap_in_system),
];

fn size_at(kernel: &mut Kernel<'_>, address: u64) -> Result<u64, Stop> {
    let size = if address == 0 { 0 } else { kernel.u64(address)? };
    Ok(if size == 0 { PAGE } else { kernel.bounded(size, MOST) })
}

/// Whether an image is asked for without a file that it could be of.
fn lacks_file(call: &Call, files: &[usize]) -> bool {
    /// SEC_IMAGE.
    const IMAGE: u32 = 0x0100_0000;
    call.u32(5) & IMAGE != 0 && files.iter().all(|&file| call.at(file) == 0)
}

fn create_section(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    if lacks_file(call, &[6]) {
        return Stop::status(status::INVALID_FILE_FOR_SECTION);
    }
    let size = size_at(kernel, call.at(3))?;
    let section = Object::Section { size, protection: call.u32(4), pages: None };
    kernel.open_object(section, 0x40, call.at(0))
}

fn open_section(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let name = kernel.object_name(call.at(2))?;
    if !name.eq_ignore_ascii_case("\\Device\\PhysicalMemory") {
        return Stop::status(status::OBJECT_NAME_NOT_FOUND);
    }
    kernel.assume("physical memory is opened as a section");
    let section = Object::Section { size: 16 * PAGE, protection: 4, pages: None };
    kernel.open_object(section, 0x40, call.at(0))
}

fn create_section_object(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    if lacks_file(call, &[6, 7]) {
        return Stop::status(status::INVALID_FILE_FOR_SECTION);
    }
    let size = size_at(kernel, call.at(3))?;
    let section = Object::Section { size, protection: call.u32(4), pages: None };
    let Some(object) = kernel.make_object(section, 0x40) else {
        return Stop::status(status::INSUFFICIENT_RESOURCES);
    };
    kernel.put_u64(call.at(0), object)?;
    Stop::status(status::SUCCESS)
}

fn create_section_for_scan(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let section = Object::Section { size: PAGE, protection: call.u32(6), pages: None };
    let Some(object) = kernel.make_object(section, 0x40) else {
        return Stop::status(status::INSUFFICIENT_RESOURCES);
    };
    let handle = kernel.handle(object).unwrap_or(0);
    kernel.put_optional(call.at(2), &handle.to_le_bytes())?;
    kernel.put_optional(call.at(3), &object.to_le_bytes())?;
    Stop::status(status::SUCCESS)
}

/// A view of a section: the same pages each time.
fn view(
    kernel: &mut Kernel<'_>,
    object: u64,
    wanted: u64,
    rights: Rights,
    user: bool,
    caller: u64,
) -> Result<Option<(u64, u64)>, Stop> {
    let Some(&Object::Section { size, pages, .. }) = kernel.objects.at(object) else {
        return Ok(None);
    };
    let length = if wanted == 0 { size } else { wanted.min(size) }.min(MOST);
    let count = length.div_ceil(PAGE);
    kernel.charge(count)?;
    let first = match pages {
        Some(first) => Some(first),
        None => kernel.map_fresh(size.div_ceil(PAGE), Rights::READ_WRITE, false, "section", 0),
    };
    let Some(first) = first else { return Ok(None) };
    if let Some(Object::Section { pages, .. }) = kernel.objects.at_mut(object) {
        *pages = Some(first);
    }
    let frames: Vec<_> =
        (0..count).map(|index| kernel.mappings.frame_of(first + index * PAGE)).collect();
    let mapped = kernel.map_frames(&frames, rights, user, "view of a section", caller);
    Ok(mapped.map(|address| (address, length)))
}

fn map_into_process(
    kernel: &mut Kernel<'_>,
    object: Option<u64>,
    (base, size, protection): (u64, u64, u32),
) -> Answer {
    let wanted = if size == 0 { 0 } else { kernel.u64(size)? };
    // Memory of processes is not what memory integrity is about; executable it may be there.
    let executable = protection & EXECUTES != 0;
    let mut rights = if executable { Rights::ALL } else { Rights::READ_WRITE };
    if matches!(protection & 0xFF, READ_ONLY | EXECUTE | EXECUTE_READ) {
        rights = rights.without(Rights::WRITE);
    }
    let Some(object) = object else { return Stop::status(status::INVALID_HANDLE) };
    let data = rights.without(Rights::EXECUTE);
    let Some((address, length)) = view(kernel, object, wanted, data, true, 0)? else {
        return Stop::status(status::INSUFFICIENT_RESOURCES);
    };
    kernel.allow_program(address, length.div_ceil(PAGE), rights);
    kernel.put_u64(base, address)?;
    kernel.put_optional(size, &length.to_le_bytes())?;
    Stop::status(status::SUCCESS)
}

fn map_view(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let object = kernel.resolve(call.at(0));
    map_into_process(kernel, object, (call.at(2), call.at(6), call.u32(9)))
}

fn map_view_of_object(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    map_into_process(kernel, Some(call.at(0)), (call.at(2), call.at(5), call.u32(9)))
}

fn map_view_extended(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let object = kernel.resolve(call.at(0));
    map_into_process(kernel, object, (call.at(2), call.at(4), call.u32(6)))
}

fn unmap_view(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    kernel.unmap_mapping(call.at(1));
    Stop::status(status::SUCCESS)
}

/// The section's own protection decides.
fn map_in_system(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let protection = match kernel.objects.at(call.at(0)) {
        Some(&Object::Section { protection, .. }) => protection,
        _ => return Stop::status(status::INVALID_PARAMETER),
    };
    let rights = kernel.rights_of_protection(protection);
    let wanted = size_at(kernel, call.at(2))?;
    let Some((address, length)) = view(kernel, call.at(0), wanted, rights, false, call.caller)?
    else {
        return Stop::status(status::INSUFFICIENT_RESOURCES);
    };
    kernel.put_u64(call.at(1), address)?;
    kernel.put_optional(call.at(2), &length.to_le_bytes())?;
    Stop::status(status::SUCCESS)
}

fn unmap_in_system(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    kernel.unmap_mapping(call.at(0));
    Stop::status(status::SUCCESS)
}
