//! Sections, device memory, contiguous memory and what else is asked for by page protections.

use crate::call::{Call, Entry, entry};
use crate::kernel::Kernel;
use crate::objects::CURRENT_PROCESS;
use crate::space::{self, page_of, pages_of, places};
use crate::stop::{Answer, Stop, status};
use ringfence_machine::{PAGE, Rights};

pub(super) const ROUTINES: &[Entry] = &[
    entry("MmMapIoSpace", 3, map_io_space),
    entry("MmMapIoSpaceEx", 3, map_io_space_protected),
    entry("MmUnmapIoSpace", 2, unmap),
    entry("MmAllocateContiguousMemory", 2, allocate_contiguous),
    entry("MmAllocateContiguousMemorySpecifyCache", 5, allocate_contiguous),
    entry("MmAllocateContiguousMemorySpecifyCacheNode", 6, allocate_contiguous),
    entry("MmAllocateContiguousNodeMemory", 6, allocate_contiguous_protected),
    entry("MmAllocateContiguousMemoryEx", 7, allocate_contiguous_extended),
    entry("MmFreeContiguousMemory", 1, unmap),
    entry("MmFreeContiguousMemorySpecifyCache", 3, unmap),
    entry("MmAllocateNonCachedMemory", 1, allocate_contiguous),
    entry("MmFreeNonCachedMemory", 2, unmap),
    entry("MmGetPhysicalAddress", 1, physical_address),
    entry("MmGetVirtualForPhysical", 1, virtual_for_physical),
    entry("MmIsAddressValid", 1, is_valid),
    entry("MmIsNonPagedSystemAddressValid", 1, is_valid),
    entry("MmCopyMemory", 5, copy_memory),
    entry("MmProtectDriverSection", 3, protect_driver_section),
    entry("MmLockPagableDataSection", 1, first_argument),
    entry("MmLockPagableSectionByHandle", 1, crate::kernel::ignore),
    entry("MmUnlockPagableImageSection", 1, crate::kernel::ignore),
    entry("MmPageEntireDriver", 1, first_argument),
    entry("MmResetDriverPaging", 1, crate::kernel::ignore),
    entry("ZwAllocateVirtualMemory", 6, allocate_virtual),
    entry("ZwAllocateVirtualMemoryEx", 7, allocate_virtual_extended),
    entry("ZwFreeVirtualMemory", 4, free_virtual),
    entry("ZwProtectVirtualMemory", 5, protect_virtual),
    entry("ZwFlushVirtualMemory", 4, crate::kernel::ignore),
    entry("MmSecureVirtualMemory", 3, secure),
    entry("MmUnsecureVirtualMemory", 1, crate::kernel::ignore),
];

/// PAGE_ bits.
const NO_ACCESS: u32 = 0x1;
pub(super) const READ_ONLY: u32 = 0x2;
pub(super) const EXECUTE: u32 = 0x10;
pub(super) const EXECUTE_READ: u32 = 0x20;
pub(super) const EXECUTES: u32 = 0xF0;

/// Bytes that are mapped at once, at most.
pub(super) const MOST: u64 = 64 << 20;

impl Kernel<'_> {
    /// What a page protection stands for in this environment.
    pub(crate) fn rights_of_protection(&self, protection: u32) -> Rights {
        if protection & NO_ACCESS != 0 {
            return Rights::NONE;
        }
        let rights = self.granted(protection & EXECUTES != 0);
        match protection & 0xFF {
            READ_ONLY | EXECUTE | EXECUTE_READ => rights.without(Rights::WRITE),
            _ => rights,
        }
    }

    /// Maps physical memory: known pages, or a device's, which answers with zeros.
    fn map_physical(&mut self, physical: u64, length: u64, rights: Rights, caller: u64) -> Answer {
        if length > MOST {
            self.run_short("memory");
        }
        if length == 0 || length > MOST || self.fails_by_chance() {
            return Ok(0);
        }
        let first = physical / PAGE;
        let frames: Vec<_> = (first..first + pages_of(physical, length)).collect();
        self.charge(frames.len() as u64)?;
        if frames.contains(&space::PAGE_TABLE_FRAME) {
            return Err(self.page_tables());
        }
        if frames.iter().any(|&frame| self.mappings.page_of(frame).is_none()) {
            self.assume("a device's memory is mapped");
        }
        let mapped = self.map_frames(&frames, rights, false, "device memory", caller);
        Ok(mapped.map_or(0, |address| address + physical % PAGE))
    }

    /// The driver wants to see the page tables, which are not as a processor has them.
    fn page_tables(&mut self) -> Stop {
        self.not_emulated("page tables: the driver looks for the one that CR3 names".to_owned())
    }

    fn contiguous(&mut self, length: u64, rights: Rights, caller: u64) -> Answer {
        if length > MOST {
            self.run_short("memory");
        }
        if self.fails_by_chance() || length > MOST {
            return Ok(0);
        }
        let pages = length.div_ceil(PAGE);
        let mapped = self.map_fresh(pages, rights, false, "contiguous memory", caller);
        let Some(address) = mapped else { return Ok(0) };
        // Numbers are handed out in order, so that they are contiguous now.
        for page in places(address, PAGE).take(pages as usize) {
            self.mappings.frame_of(page);
        }
        Ok(address)
    }
}

/// Whatever the cache type, Driver Verifier makes it non-executable; so does memory integrity.
fn map_io_space(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    if call.u8(2) >= 6 {
        return Ok(0);
    }
    kernel.map_physical(call.at(0), call.at(1), Rights::READ_WRITE, call.caller)
}

fn map_io_space_protected(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    // One of the protections has to be named; PAGE_NOCACHE and its like only modify it.
    if (call.u32(2) & 0xFF).count_ones() != 1 {
        return Ok(0);
    }
    let rights = kernel.rights_of_protection(call.u32(2));
    kernel.map_physical(call.at(0), call.at(1), rights, call.caller)
}

fn unmap(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    kernel.unmap_mapping(call.at(0));
    Ok(0)
}

fn allocate_contiguous(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    kernel.contiguous(call.at(0), Rights::READ_WRITE, call.caller)
}

fn allocate_contiguous_protected(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let rights = kernel.rights_of_protection(call.u32(4));
    kernel.contiguous(call.at(0), rights, call.caller)
}

fn allocate_contiguous_extended(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let length = kernel.u64(call.at(0))?;
    let rights = kernel.rights_of_protection(call.u32(5));
    kernel.contiguous(length, rights, call.caller)
}

fn physical_address(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let page = page_of(call.at(0));
    if kernel.processor.memory().rights(page).is_none() {
        return Ok(0);
    }
    Ok(kernel.mappings.frame_of(page) * PAGE + call.at(0) % PAGE)
}

fn virtual_for_physical(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    if call.at(0) / PAGE == space::PAGE_TABLE_FRAME {
        return Err(kernel.page_tables());
    }
    let page = kernel.mappings.page_of(call.at(0) / PAGE);
    Ok(page.map_or(0, |page| page + call.at(0) % PAGE))
}

fn is_valid(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    Ok(u64::from(kernel.processor.memory().rights(call.at(0)).is_some()))
}

fn copy_memory(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    /// MM_COPY_MEMORY_PHYSICAL.
    const PHYSICAL: u32 = 0x1;
    let (target, from, length) = (call.at(0), call.at(1), call.at(2));
    let from = match call.u32(3) & PHYSICAL {
        0 => Some(from),
        _ => kernel.mappings.page_of(from / PAGE).map(|page| page + from % PAGE),
    };
    let copied = from.and_then(|from| kernel.bytes(from, length).ok());
    let Some(bytes) = copied else {
        kernel.put_optional(call.at(4), &0_u64.to_le_bytes())?;
        return Stop::status(status::ACCESS_VIOLATION);
    };
    kernel.put(target, &bytes)?;
    kernel.put_optional(call.at(4), &length.to_le_bytes())?;
    Stop::status(status::SUCCESS)
}

/// Data that the hypervisor is to keep read-only.
fn protect_driver_section(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let Some(section) = kernel.loaded.section_of(call.at(0)) else {
        return Stop::status(status::INVALID_PARAMETER);
    };
    let pages = section.pages();
    let start = kernel.loaded.base + pages.start;
    kernel.protect(start, (pages.end - pages.start) / PAGE, Rights::READ, "protected section");
    Stop::status(status::SUCCESS)
}

fn first_argument(_: &mut Kernel<'_>, call: &Call) -> Answer {
    Ok(call.at(0))
}

fn allocate_in_process(kernel: &mut Kernel<'_>, base: u64, size: u64, protection: u32) -> Answer {
    /// What the process asks for is its own affair: memory integrity is about the kernel's.
    const WRITES: u32 = 0xCC;
    let wanted = kernel.u64(size)?;
    let wanted = kernel.bounded(wanted, MOST);
    let mut rights = Rights::READ;
    if protection & WRITES != 0 {
        rights = rights | Rights::WRITE;
    }
    if protection & EXECUTES != 0 {
        rights = rights | Rights::EXECUTE;
    }
    let pages = wanted.div_ceil(PAGE);
    let data = rights.without(Rights::EXECUTE);
    let Some(address) = kernel.map_fresh(pages, data, true, "memory of a process", 0) else {
        return Stop::status(status::INSUFFICIENT_RESOURCES);
    };
    kernel.allow_program(address, pages, rights);
    kernel.put_u64(base, address)?;
    kernel.put_u64(size, pages * PAGE)?;
    Stop::status(status::SUCCESS)
}

fn allocate_virtual(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    allocate_in_process(kernel, call.at(1), call.at(3), call.u32(5))
}

fn allocate_virtual_extended(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    allocate_in_process(kernel, call.at(1), call.at(2), call.u32(4))
}

fn free_virtual(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let address = kernel.u64(call.at(1))?;
    kernel.unmap_mapping(address);
    Stop::status(status::SUCCESS)
}

fn protect_virtual(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let address = kernel.u64(call.at(1))?;
    let length = kernel.u64(call.at(2))?.min(MOST);
    if address >= space::SYSTEM
        || call.at(0) != CURRENT_PROCESS && kernel.resolve(call.at(0)).is_none()
    {
        return Stop::status(status::INVALID_PARAMETER);
    }
    let protection = call.u32(3);
    let mut rights = if protection & EXECUTES != 0 { Rights::ALL } else { Rights::READ_WRITE };
    if matches!(protection & 0xFF, READ_ONLY | EXECUTE | EXECUTE_READ) {
        rights = rights.without(Rights::WRITE);
    }
    let pages = pages_of(address, length);
    let rights = kernel.allow_program(page_of(address), pages, rights);
    if !kernel.protect(page_of(address), pages, rights, "memory of a process") {
        return Stop::status(status::INVALID_PARAMETER);
    }
    kernel.put_optional(call.at(4), &4_u32.to_le_bytes())?;
    Stop::status(status::SUCCESS)
}

fn secure(_: &mut Kernel<'_>, call: &Call) -> Answer {
    Ok(call.at(0) | 1)
}
