//! The loader: maps the image, moves it, binds its imports.

use crate::kernel::Kernel;
use crate::kernel_image;
use crate::space::{self, IMAGE};
use ringfence_image::{Image, ImportName, Machine, RELOCATION_DIR64, RELOCS_STRIPPED, Section};
use ringfence_machine::{Memory, PAGE, Rights};
use std::ops::Range;

/// The image as it is in memory.
pub(crate) struct Loaded<'a> {
    /// Its structure.
    pub image: &'a Image<'a>,
    /// Its first address.
    pub base: u64,
    /// Bytes it takes.
    pub size: u64,
}

/// IMAGE_REL_BASED_HIGHLOW.
const RELOCATION_HIGHLOW: u8 = 3;
/// The stack cookie that compilers put into an image, for the loader to replace.
const DEFAULT_COOKIE: u64 = 0x0000_2B99_2DDF_A232;
/// What the loader replaces it with: 48 bits, as Windows does, and not by chance.
const COOKIE: u64 = 0x0000_5A3C_96E1_D2B7;

/// Modules that no driver can import from.
fn is_for_programs(module: &[u8]) -> bool {
    const MODULES: [&str; 7] = [
        "kernel32.dll",
        "kernelbase.dll",
        "user32.dll",
        "advapi32.dll",
        "msvcrt.dll",
        "ucrtbase.dll",
        "vcruntime140.dll",
    ];
    MODULES.iter().any(|name| module.eq_ignore_ascii_case(name.as_bytes()))
}

impl<'a> Loaded<'a> {
    /// Where the image goes, or why Windows loads no such image.
    pub(crate) fn place(image: &'a Image<'a>, most_pages: u64) -> Result<Loaded<'a>, String> {
        let headers = image.headers();
        if image.machine() != Machine::X64 || !headers.pe32_plus {
            return Err(format!("the image is for {}, not for x64", image.machine()));
        }
        let modules = image.imports().modules.iter();
        if let Some(module) = modules.map(|module| module.name).find(|name| is_for_programs(name)) {
            return Err(format!(
                "it imports from {}, which is for programs",
                module.escape_ascii()
            ));
        }
        let size = u64::from(headers.size_of_image).next_multiple_of(PAGE);
        if size == 0 || size / PAGE > most_pages / 2 {
            return Err(format!(
                "the image takes {size:#x} bytes in memory, which is too much here"
            ));
        }
        if let Some(section) =
            image.sections().iter().find(|section| section.addresses().end > size)
        {
            return Err(format!("section {} ends outside of the image", section.name()));
        }
        let fixed = headers.characteristics & RELOCS_STRIPPED != 0;
        let wanted = headers.image_base;
        /// Above are addresses of what an image cannot be at.
        const HIGHEST: u64 = 0xFFFF_FFF0_0000_0000;
        let possible = (space::SYSTEM..HIGHEST).contains(&wanted) && wanted.is_multiple_of(PAGE);
        if fixed && !possible {
            return Err(format!("the image cannot be moved, and no driver can be at {wanted:#x}"));
        }
        Ok(Loaded { image, base: if fixed { wanted } else { IMAGE }, size })
    }

    /// The address of the byte at `rva`.
    pub(crate) fn at(&self, rva: u32) -> u64 {
        self.base + u64::from(rva)
    }

    /// An address that the file states, where it is in memory.
    pub(crate) fn moved(&self, stated: u64) -> Option<u64> {
        let offset = stated.checked_sub(self.image.headers().image_base)?;
        (offset < self.size).then(|| self.base + offset)
    }

    /// Whether `address` is in the image.
    pub(crate) fn contains(&self, address: u64) -> bool {
        (self.base..self.base + self.size).contains(&address)
    }

    /// The section that `address` lies in, with all of its pages.
    pub(crate) fn section_of(&self, address: u64) -> Option<Section<'a>> {
        let rva = address.checked_sub(self.base)?;
        self.image.sections().iter().copied().find(|section| section.pages().contains(&rva))
    }

    /// The pages of sections that are thrown away after DriverEntry.
    pub(crate) fn discarded(&self) -> impl Iterator<Item = Range<u64>> + use<'a> {
        let (base, size) = (self.base, self.size);
        let aligned = self.image.headers().section_alignment >= ringfence_image::PAGE;
        let sections = self.image.sections().iter();
        sections
            .filter(move |section| {
                aligned && section.is_discardable() && !section.is_named(".rsrc")
            })
            .map(move |section| section.pages())
            .filter(move |pages| !pages.is_empty() && pages.end <= size)
            .map(move |pages| base + pages.start..base + pages.end)
    }
}

impl Kernel<'_> {
    /// Loads the image; false where there is no memory for it.
    pub(crate) fn load(&mut self) -> bool {
        let pages = self.loaded.size / PAGE;
        let base = self.loaded.base;
        if !self.map(base, pages, Rights::READ_WRITE, "image") {
            return false;
        }
        let written = self.copy_image();
        if written {
            self.relocate();
            self.bind();
            self.set_cookie();
            self.set_guard();
            self.protect_sections();
        }
        written
    }

    fn copy_image(&mut self) -> bool {
        let image = self.image();
        let headers = image.headers().size_of_headers.min(image.headers().size_of_image);
        let first = image.bytes_from(ringfence_image::Rva(0)).unwrap_or_default();
        let first = &first[..first.len().min(headers as usize)];
        let base = self.loaded.base;
        let mut written = self.memory().write(base, first).is_ok();
        for section in image.sections() {
            let bytes = image.bytes_from(section.rva()).unwrap_or_default();
            let room = (section.addresses().end - section.addresses().start) as usize;
            let bytes = &bytes[..bytes.len().min(room)];
            // Pages of zeros need not be there.
            for (page, at) in bytes.chunks(PAGE as usize).zip((0..).step_by(PAGE as usize)) {
                if page.iter().any(|&byte| byte != 0) {
                    written &=
                        self.memory().write(base + section.addresses().start + at, page).is_ok();
                }
            }
        }
        written
    }

    fn relocate(&mut self) {
        let delta = self.loaded.base.wrapping_sub(self.image().headers().image_base);
        if delta == 0 {
            return;
        }
        for relocation in self.image().relocations().iter() {
            let at = self.loaded.at(relocation.rva().0);
            let memory = self.memory();
            // What lies outside is the image's defect, and told by others.
            match relocation.kind {
                RELOCATION_DIR64 => {
                    if let Ok(value) = memory.read_u64(at) {
                        let _ = memory.write_u64(at, value.wrapping_add(delta));
                    }
                }
                RELOCATION_HIGHLOW => {
                    if let Ok(value) = memory.read_u32(at) {
                        let _ = memory.write_u32(at, value.wrapping_add(delta as u32));
                    }
                }
                _ => {}
            }
        }
    }

    /// Writes an address into each slot of the import address table.
    fn bind(&mut self) {
        for module in &self.image().imports().modules {
            let module_name = String::from_utf8_lossy(module.name).to_ascii_lowercase();
            for import in &module.functions {
                let name = match import.name {
                    ImportName::Name(name) => String::from_utf8_lossy(name).into_owned(),
                    ImportName::Ordinal(number) => format!("{module_name}#{number}"),
                    ImportName::Unreadable => format!("{module_name}#?"),
                };
                if let Some(address) = self.routine_address(&module_name, &name) {
                    let slot = self.loaded.at(import.slot.0);
                    let _ = self.memory().write_u64(slot, address);
                }
            }
        }
    }

    /// The address of what `module` exports as `name`: data, or a function.
    pub(crate) fn routine_address(&mut self, module: &str, name: &str) -> Option<u64> {
        crate::data::address_of(name).or_else(|| self.gates.of(module, name))
    }

    fn set_cookie(&mut self) {
        let config = self.image().load_config();
        let stated = config.and_then(|config| config.security_cookie).unwrap_or(0);
        let Some(at) = self.loaded.moved(stated) else { return };
        if self.memory().read_u64(at) == Ok(DEFAULT_COOKIE) {
            let _ = self.memory().write_u64(at, COOKIE);
        }
    }

    /// Where the image has no routines of its own for Control Flow Guard, the kernel's are put in: one that
    /// returns, and one that jumps to what is in RAX.
    fn set_guard(&mut self) {
        let Some(config) = self.image().load_config() else { return };
        let slots = [
            (config.guard_check, space::GUARD, 0xC3_u64),
            (config.guard_dispatch, space::GUARD + 16, 0xE0FF),
        ];
        for (slot, routine, code) in slots {
            let Some(at) = self.loaded.moved(slot.unwrap_or(0)) else { continue };
            if self.memory().read_u64(at) == Ok(0) {
                if self.memory().rights(space::GUARD).is_none() {
                    self.map(space::GUARD, 1, Rights::READ_EXECUTE, "kernel code");
                }
                let _ = self.memory().write_u64(routine, code);
                let _ = self.memory().write_u64(at, routine);
            }
        }
    }

    fn protect_sections(&mut self) {
        let base = self.loaded.base;
        let size = self.loaded.size;
        let hvci = self.hvci();
        if self.image().headers().section_alignment < ringfence_image::PAGE {
            // Such an image is one piece for Windows, and all of it is writable.
            let rights = if hvci { Rights::READ_EXECUTE } else { Rights::ALL };
            self.protect(base, size / PAGE, rights, "image");
            return;
        }
        self.protect(base, size / PAGE, Rights::READ, "image");
        for section in self.image().sections() {
            let pages = section.pages();
            if pages.is_empty() || pages.end > size {
                continue;
            }
            let (write, execute) = (section.is_writable(), section.is_executable());
            let rights = match (write, execute) {
                (false, false) => continue,
                (true, false) => Rights::READ_WRITE,
                (false, true) => Rights::READ_EXECUTE,
                // Windows takes the right to write away from INIT; what else is both is not let in.
                (true, true) if hvci => Rights::READ_EXECUTE,
                (true, true) => Rights::ALL,
            };
            self.protect(base + pages.start, (pages.end - pages.start) / PAGE, rights, "section");
        }
        let imports = self.import_pages();
        if hvci && !imports.is_empty() {
            let (address, pages) = (base + imports.start, (imports.end - imports.start) / PAGE);
            let own = self.processor.memory().rights(address).unwrap_or(Rights::READ);
            self.protect(address, pages, own.without(Rights::WRITE), "import address table");
        }
    }

    /// Takes away what is only needed by DriverEntry.
    pub(crate) fn discard_initialisation(&mut self) {
        let ranges: Vec<_> = self.loaded.discarded().collect();
        for range in ranges {
            self.unmap(range.start, (range.end - range.start) / PAGE, "initialisation code");
        }
    }
}

/// Maps what every driver finds.
pub(crate) fn map_kernel(memory: &mut Memory) -> bool {
    let pages = space::MOST_GATES * space::GATE_SIZE / PAGE;
    let image = &*kernel_image::BYTES;
    memory.map(space::KERNEL, (image.len() as u64).div_ceil(PAGE), Rights::READ).is_ok()
        && memory.write(space::KERNEL, image).is_ok()
        && memory.map(space::GATES, pages, Rights::READ_EXECUTE).is_ok()
        && memory.map(space::DATA, space::DATA_PAGES, Rights::READ_WRITE).is_ok()
        && memory.map(space::PROCESSOR, space::PROCESSOR_PAGES, Rights::READ_WRITE).is_ok()
        && memory.map(space::USER_SHARED_DATA, 1, Rights::READ).is_ok()
        && memory
            .alias(space::USER_SHARED_DATA_USER, space::USER_SHARED_DATA, 1, Rights::READ)
            .is_ok()
}
