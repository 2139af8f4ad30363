//! Memory descriptor lists.

use crate::call::{Call, Entry, entry};
use crate::kernel::Kernel;
use crate::layout::mdl;
use crate::pool::Kind;
use crate::space::{page_of, pages_of, places};
use crate::stop::{Answer, Exception, Stop, status};
use ringfence_machine::{Access, PAGE, Rights};

pub(super) const ROUTINES: &[Entry] = &[
    entry("IoAllocateMdl", 5, allocate),
    entry("IoFreeMdl", 1, free),
    entry("IoBuildPartialMdl", 4, build_partial),
    entry("MmBuildMdlForNonPagedPool", 1, build),
    entry("MmCreateMdl", 3, create),
    entry("MmSizeOfMdl", 2, size_of),
    entry("MmPrepareMdlForReuse", 1, unmap_partial),
    entry("MmProbeAndLockPages", 3, lock),
    entry("MmProbeAndLockSelectedPages", 4, lock),
    entry("MmUnlockPages", 1, unlock),
    entry("MmMapLockedPages", 2, map),
    entry("MmMapLockedPagesSpecifyCache", 6, map_with_priority),
    entry("MmMapLockedPagesWithReservedMapping", 4, map_reserved),
    entry("MmMapMdl", 4, map_with_protection),
    entry("MmUnmapLockedPages", 2, unmap),
    entry("MmUnmapReservedMapping", 3, crate::kernel::ignore),
    entry("MmProtectMdlSystemAddress", 2, protect),
    entry("MmAllocatePagesForMdl", 4, allocate_pages),
    entry("MmAllocatePagesForMdlEx", 6, allocate_pages),
    entry("MmAllocateNodePagesForMdlEx", 7, allocate_pages),
    entry("MmFreePagesFromMdl", 1, free_pages),
    entry("MmAllocateMappingAddress", 2, reserve),
    entry("MmAllocateMappingAddressEx", 3, reserve),
    entry("MmFreeMappingAddress", 2, free_reserved),
];

/// Bytes that an MDL describes, at most.
const MOST: u64 = 32 << 20;

impl Kernel<'_> {
    /// An MDL for `length` bytes at `address`.
    fn make_list(&mut self, address: u64, length: u64, caller: u64) -> Option<u64> {
        if length > MOST {
            self.run_short("memory");
            return None;
        }
        let size = mdl::FRAMES + 8 * pages_of(address, length);
        let list = self.allocate(Kind::Kernel, size, 0, caller)?;
        self.clear(list, size);
        self.describe_list(list, size, address, length).ok()?;
        Some(list)
    }

    fn describe_list(
        &mut self,
        list: u64,
        size: u64,
        address: u64,
        length: u64,
    ) -> Result<(), Stop> {
        self.put_u64(list.wrapping_add(mdl::NEXT), 0)?;
        self.put_u16(list.wrapping_add(mdl::SIZE), size as u16)?;
        self.put_u16(list.wrapping_add(mdl::FLAGS), 0)?;
        self.put_u64(list.wrapping_add(mdl::START), page_of(address))?;
        self.put_u32(list.wrapping_add(mdl::OFFSET), (address % PAGE) as u32)?;
        self.put_u32(list.wrapping_add(mdl::COUNT), length as u32)
    }

    /// An MDL of locked pages, as the I/O manager makes it.
    pub(crate) fn locked_list(&mut self, address: u64, length: u64) -> Option<u64> {
        let list = self.make_list(address, length, 0)?;
        self.fill(list, mdl::PAGES_LOCKED).ok()?;
        Some(list)
    }

    /// Writes the page frame numbers; the first page that is not there, if any.
    fn fill(&mut self, list: u64, flag: u16) -> Result<Option<u64>, Stop> {
        let start = self.u64(list.wrapping_add(mdl::START))?;
        let offset = u64::from(self.u32(list.wrapping_add(mdl::OFFSET))?);
        let length = u64::from(self.u32(list.wrapping_add(mdl::COUNT))?).min(MOST);
        let pages = pages_of(offset, length);
        self.charge(pages)?;
        for index in 0..pages {
            let page = page_of(start).wrapping_add(index * PAGE);
            if self.processor.memory().rights(page).is_none() {
                return Ok(Some(page));
            }
            let frame = self.mappings.frame_of(page);
            self.put_u64(list.wrapping_add(mdl::FRAMES).wrapping_add(8 * index), frame)?;
        }
        let flags = self.u16(list.wrapping_add(mdl::FLAGS))?;
        self.put_u16(list.wrapping_add(mdl::FLAGS), flags | flag)?;
        Ok(None)
    }

    fn frames(&mut self, list: u64) -> Result<(Vec<u64>, u64), Stop> {
        let offset = u64::from(self.u32(list.wrapping_add(mdl::OFFSET))?);
        let length = u64::from(self.u32(list.wrapping_add(mdl::COUNT))?).min(MOST);
        let pages = pages_of(offset, length);
        self.charge(pages)?;
        let frames = (0..pages)
            .map(|index| self.u64(list.wrapping_add(mdl::FRAMES).wrapping_add(8 * index)));
        Ok((frames.collect::<Result<_, _>>()?, offset))
    }

    /// Maps an MDL; the address that stands for its first byte, or 0.
    fn map_list(&mut self, list: u64, rights: Rights, user: bool, caller: u64) -> Answer {
        let flags = self.u16(list.wrapping_add(mdl::FLAGS))?;
        let (frames, offset) = self.frames(list)?;
        let what = if user { "MDL mapping in a program" } else { "MDL mapping" };
        let mapped = self.map_frames(&frames, rights, user, what, if user { 0 } else { caller });
        let Some(address) = mapped else { return Ok(0) };
        let address = address + offset;
        if !user {
            let partial = if flags & mdl::PARTIAL != 0 { mdl::PARTIAL_MAPPED } else { 0 };
            self.put_u16(
                list.wrapping_add(mdl::FLAGS),
                flags | mdl::MAPPED_TO_SYSTEM_VA | partial,
            )?;
            self.put_u64(list.wrapping_add(mdl::MAPPED), address)?;
        }
        Ok(address)
    }
}

fn allocate(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    if kernel.fails_by_chance() {
        return Ok(0);
    }
    let (address, length) = (call.at(0), u64::from(call.u32(1)));
    let Some(list) = kernel.make_list(address, length, call.caller) else { return Ok(0) };
    if call.at(4) != 0 && call.u8(2) == 0 {
        kernel.put_u64(call.at(4).wrapping_add(crate::layout::irp::MDL), list)?;
    }
    Ok(list)
}

fn free(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    kernel.give_back(call.at(0));
    Ok(0)
}

fn create(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let (list, address, length) = (call.at(0), call.at(1), call.at(2));
    if list == 0 {
        return Ok(kernel.make_list(address, length, call.caller).unwrap_or(0));
    }
    kernel.describe_list(list, mdl::FRAMES + 8 * pages_of(address, length), address, length)?;
    Ok(list)
}

fn size_of(_: &mut Kernel<'_>, call: &Call) -> Answer {
    Ok(mdl::FRAMES.wrapping_add(pages_of(call.at(0), call.at(1)).wrapping_mul(8)))
}

fn build_partial(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let (source, target, address) = (call.at(0), call.at(1), call.at(2));
    let start = kernel
        .u64(source.wrapping_add(mdl::START))?
        .wrapping_add(kernel.u32(source.wrapping_add(mdl::OFFSET))?.into());
    let whole = u64::from(kernel.u32(source.wrapping_add(mdl::COUNT))?);
    let rest = whole.wrapping_sub(address.wrapping_sub(start));
    let length = if call.u32(3) == 0 { rest } else { call.u32(3).into() }.min(MOST);
    let first = page_of(address).wrapping_sub(page_of(start)) / PAGE;
    let size = kernel.u16(target.wrapping_add(mdl::SIZE))?;
    kernel.describe_list(target, size.into(), address, length)?;
    kernel.charge(pages_of(address, length))?;
    for index in 0..pages_of(address, length) {
        let frame =
            kernel.u64(source.wrapping_add(mdl::FRAMES).wrapping_add(8 * (first + index)))?;
        kernel.put_u64(target.wrapping_add(mdl::FRAMES).wrapping_add(8 * index), frame)?;
    }
    let flags = kernel.u16(source.wrapping_add(mdl::FLAGS))?;
    kernel.put_u16(target.wrapping_add(mdl::FLAGS), mdl::PARTIAL | flags & mdl::NONPAGED)?;
    if flags & (mdl::MAPPED_TO_SYSTEM_VA | mdl::NONPAGED) != 0 {
        let mapped =
            kernel.u64(source.wrapping_add(mdl::MAPPED))?.wrapping_add(address.wrapping_sub(start));
        kernel.put_u64(target.wrapping_add(mdl::MAPPED), mapped)?;
    }
    Ok(0)
}

fn build(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let list = call.at(0);
    if let Some(page) = kernel.fill(list, mdl::NONPAGED)? {
        return Err(Stop::Missing(page, Access::Read));
    }
    let address = kernel
        .u64(list.wrapping_add(mdl::START))?
        .wrapping_add(kernel.u32(list.wrapping_add(mdl::OFFSET))?.into());
    kernel.put_u64(list.wrapping_add(mdl::MAPPED), address)?;
    Ok(0)
}

fn lock(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    if kernel.fails_by_chance() {
        return Err(Stop::Raise(Exception::of(status::INSUFFICIENT_RESOURCES)));
    }
    match kernel.fill(call.at(0), mdl::PAGES_LOCKED)? {
        // Never a bug check, also for addresses of the kernel.
        Some(page) => Err(Stop::Raise(Exception::access_violation(0, page))),
        None => {
            kernel.count_undone("locked pages", 1);
            Ok(0)
        }
    }
}

fn unlock(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    unmap_partial(kernel, call)?;
    let flags = kernel.u16(call.at(0).wrapping_add(mdl::FLAGS))?;
    kernel.put_u16(
        call.at(0).wrapping_add(mdl::FLAGS),
        flags & !(mdl::PAGES_LOCKED | mdl::MAPPED_TO_SYSTEM_VA),
    )?;
    kernel.count_undone("locked pages", -1);
    Ok(0)
}

/// A mapping that is still there goes when the pages are unlocked.
fn unmap_partial(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let list = call.at(0);
    let flags = kernel.u16(list.wrapping_add(mdl::FLAGS))?;
    if flags & mdl::MAPPED_TO_SYSTEM_VA != 0 {
        let address = kernel.u64(list.wrapping_add(mdl::MAPPED))?;
        kernel.unmap_mapping(address);
        kernel.put_u16(
            list.wrapping_add(mdl::FLAGS),
            flags & !(mdl::MAPPED_TO_SYSTEM_VA | mdl::PARTIAL_MAPPED),
        )?;
    }
    Ok(0)
}

/// Driver Verifier makes such mappings non-executable, and with memory integrity they are so anyway.
fn map(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let user = call.u8(1) != 0;
    kernel.map_list(call.at(0), Rights::READ_WRITE, user, call.caller)
}

fn map_with_priority(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    /// MdlMapping bits of the priority.
    const NO_WRITE: u32 = 0x8000_0000;
    const NO_EXECUTE: u32 = 0x4000_0000;
    let user = call.u8(1) != 0;
    if kernel.fails_by_chance() {
        return Ok(0);
    }
    let priority = call.u32(5);
    // What a program sees is never executable by this.
    let mut rights = kernel.granted(!user && priority & NO_EXECUTE == 0);
    if priority & NO_WRITE != 0 {
        rights = rights.without(Rights::WRITE);
    }
    kernel.map_list(call.at(0), rights, user, call.caller)
}

fn map_reserved(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    kernel.map_list(call.at(2), Rights::READ_WRITE, false, 0)
}

fn map_with_protection(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let rights = kernel.rights_of_protection(call.u32(1));
    kernel.map_list(call.at(0), rights, false, call.caller)
}

fn unmap(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let (address, list) = (call.at(0), call.at(1));
    kernel.unmap_mapping(address);
    let flags = kernel.u16(list.wrapping_add(mdl::FLAGS))?;
    if kernel.u64(list.wrapping_add(mdl::MAPPED))? == address {
        kernel.put_u16(
            list.wrapping_add(mdl::FLAGS),
            flags & !(mdl::MAPPED_TO_SYSTEM_VA | mdl::PARTIAL_MAPPED),
        )?;
    }
    Ok(0)
}

fn protect(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let list = call.at(0);
    let flags = kernel.u16(list.wrapping_add(mdl::FLAGS))?;
    if flags & mdl::MAPPED_TO_SYSTEM_VA == 0 {
        /// STATUS_NOT_MAPPED_VIEW.
        const NOT_MAPPED_VIEW: u32 = 0xC000_0019;
        return Stop::status(NOT_MAPPED_VIEW);
    }
    let address = kernel.u64(list.wrapping_add(mdl::MAPPED))?;
    let length = u64::from(kernel.u32(list.wrapping_add(mdl::COUNT))?).min(MOST);
    let rights = kernel.rights_of_protection(call.u32(1));
    let pages = pages_of(address, length);
    for page in places(page_of(address), PAGE).take(pages as usize) {
        let rights = kernel.rights_behind(page, rights);
        kernel.protect(page, 1, rights, "MDL mapping");
    }
    Stop::status(status::SUCCESS)
}

fn allocate_pages(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let length = kernel.bounded(call.at(3), MOST);
    let pages = length.div_ceil(PAGE);
    if pages == 0 || kernel.fails_by_chance() {
        return Ok(0);
    }
    // The pages have no address of their own that the driver knows.
    let mapped = kernel.map_fresh(pages, Rights::READ_WRITE, false, "pages of an MDL", call.caller);
    let Some(address) = mapped else { return Ok(0) };
    let Some(list) = kernel.make_list(address, length, call.caller) else { return Ok(0) };
    kernel.fill(list, mdl::PAGES_LOCKED)?;
    kernel.put_u64(list.wrapping_add(mdl::PROCESS), address)?;
    kernel.put_u64(list.wrapping_add(mdl::START), 0)?;
    Ok(list)
}

fn free_pages(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    unmap_partial(kernel, call)?;
    let address = kernel.u64(call.at(0).wrapping_add(mdl::PROCESS))?;
    kernel.unmap_mapping(address);
    Ok(0)
}

fn reserve(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    let pages = kernel.bounded(call.at(0), MOST).div_ceil(PAGE);
    let reserved = kernel.map_fresh(pages, Rights::NONE, false, "reserved addresses", call.caller);
    Ok(reserved.unwrap_or(0))
}

fn free_reserved(kernel: &mut Kernel<'_>, call: &Call) -> Answer {
    kernel.unmap_mapping(call.at(0));
    Ok(0)
}
