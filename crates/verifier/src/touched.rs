//! What the memory is that an instruction may not execute or write to.

use crate::kernel::Kernel;
use crate::space;
use ringfence_image::{DirectoryIndex, Section};
use ringfence_machine::{PAGE, Rights};
use std::ops::Range;

/// What the page is that the rights of memory forbid something about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Touched {
    /// A page of code: of the driver, by whatever address, or of the kernel.
    Code,
    /// The driver's import address table, once it is bound.
    ImportTable,
    /// Another byte of a page that holds some of that table, or of one that holds only imports.
    ImportPage,
    /// Code of the driver that was thrown away after DriverEntry.
    Discarded,
    /// Another page of an image: its headers, its data.
    Image,
    /// All else: pool, stacks, mappings, sections.
    Memory,
}

impl Kernel<'_> {
    /// What the byte at `address` belongs to.
    pub(crate) fn touched(&mut self, address: u64) -> Touched {
        let page = space::page_of(address);
        let number = self.mappings.frame_of(page);
        let behind = self.mappings.page_of(number).unwrap_or(page);
        let is_executable = |kernel: &Kernel<'_>, page| {
            let rights = kernel.processor.memory().rights(page);
            rights.is_some_and(|rights| rights.contains(Rights::EXECUTE))
        };
        let is_of_kernel = (space::KERNEL..space::DATA).contains(&page);
        match self.rva(behind + (address - page)) {
            _ if self.is_discarded(address) => Touched::Discarded,
            _ if is_executable(self, behind) || is_executable(self, page) => Touched::Code,
            Some(rva) if self.import_table().contains(&u64::from(rva)) => Touched::ImportTable,
            Some(_) if self.holds_imports(behind) => Touched::ImportPage,
            Some(_) => Touched::Image,
            None if is_of_kernel => Touched::Image,
            None => Touched::Memory,
        }
    }

    /// What the byte at `address` belongs to when it is executed. A second address of a page is a mapping, whatever is behind
    /// it: only by its own address is code of an image executable.
    pub(crate) fn executed(&mut self, address: u64) -> Touched {
        let page = space::page_of(address);
        let number = self.mappings.frame_of(page);
        match self.mappings.page_of(number) {
            Some(behind) if behind != page => Touched::Memory,
            _ => self.touched(address),
        }
    }

    /// Whether there was code at `address` that was thrown away after DriverEntry.
    pub(crate) fn is_discarded(&self, address: u64) -> bool {
        let is_there = self.processor.memory().rights(space::page_of(address)).is_some();
        !is_there
            && self.loaded.discarded().any(|pages| pages.contains(&address))
            && self.loaded.section_of(address).is_some_and(|section| section.is_executable())
    }

    /// Where the import address table is, relative to the image base.
    fn import_table(&self) -> Range<u64> {
        let table = self.image().directory(DirectoryIndex::ImportAddress);
        table.map_or(0..0, |table| {
            let start = u64::from(table.rva.0);
            start..start + u64::from(table.size)
        })
    }

    /// Whether the page at `page` holds some of the import address table, or is one of [`Kernel::import_pages`].
    fn holds_imports(&self, page: u64) -> bool {
        let table = self.import_table();
        let pages = table.start / PAGE * PAGE..table.end.next_multiple_of(PAGE);
        let holds_some = |rva: &u64| !table.is_empty() && pages.contains(rva);
        self.rva(page)
            .map(u64::from)
            .is_some_and(|rva| holds_some(&rva) || self.import_pages().contains(&rva))
    }

    /// Whether the hypervisor keeps the page at `page` for the imports that it holds. It knows nothing smaller than pages;
    /// one that the driver may write to by its own address, as data stands there too, it does not keep.
    pub(crate) fn keeps_imports(&self, page: u64) -> bool {
        let own = self.processor.memory().rights(page).unwrap_or(Rights::NONE);
        !own.contains(Rights::WRITE) && self.holds_imports(page)
    }

    /// The pages, relative to the image base, that hold the import address table and nothing but imports: with memory
    /// integrity they are read-only once they are bound, whatever their section's rights are.
    ///
    /// Where data of the driver stands on the same page it has to stay writable.
    pub(crate) fn import_pages(&self) -> Range<u64> {
        let (image, table) = (self.image(), self.import_table());
        let holds = |section: &&Section<'_>| {
            let addresses = section.addresses();
            addresses.start <= table.start && table.end <= addresses.end
        };
        let Some(section) = image.sections().iter().find(holds) else { return 0..0 };
        let mut imports = table.clone();
        if let Some(import) = image.directory(DirectoryIndex::Import) {
            let import = u64::from(import.rva.0)..u64::from(import.rva.0) + u64::from(import.size);
            let touches = import.start <= imports.end && imports.start <= import.end;
            let within = section.addresses().contains(&import.start);
            if touches && within {
                imports = imports.start.min(import.start)..imports.end.max(import.end);
            }
        }
        // What is left of the section's last page is nobody's.
        let last = section.addresses().start + u64::from(section.virtual_size());
        let end = if imports.end >= last { section.pages().end } else { imports.end };
        let pages = imports.start.next_multiple_of(PAGE)..end / PAGE * PAGE;
        if pages.is_empty() { 0..0 } else { pages }
    }
}
