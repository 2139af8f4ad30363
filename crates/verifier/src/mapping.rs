//! Pages that have more than one address, and what stands for physical memory.

use crate::kernel::Kernel;
use crate::space::{self, places};
use ringfence_machine::{PAGE, Rights};
use std::collections::{BTreeMap, BTreeSet};

/// A mapping that was made for the driver.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mapping {
    /// Pages of it.
    pub pages: u64,
    /// What it is.
    pub what: &'static str,
    /// Where the call that made it returns to.
    pub caller: u64,
}

/// Page frame numbers and mappings.
pub(crate) struct Mappings {
    /// The number of the page at an address.
    numbers: BTreeMap<u64, u64>,
    /// An address of the page with a number.
    pages: BTreeMap<u64, u64>,
    next_number: u64,
    next: u64,
    next_user: u64,
    /// Pages that a program may execute, and the kernel may not.
    pub executable_for_program: BTreeSet<u64>,
    /// Pages that the guest's own page tables say are writable, and the hypervisor's are not: further addresses of code.
    pub shielded: BTreeSet<u64>,
    /// What is mapped, by first address.
    pub live: BTreeMap<u64, Mapping>,
}

/// The first page frame number that is handed out: behind 256 MiB, and below 4 GiB, where devices want
/// memory to be.
const FIRST_FRAME: u64 = 0x1_0000;

impl Mappings {
    pub(crate) fn new() -> Mappings {
        Mappings {
            numbers: [(space::PAGE_TABLE, space::PAGE_TABLE_FRAME)].into(),
            pages: [(space::PAGE_TABLE_FRAME, space::PAGE_TABLE)].into(),
            next_number: FIRST_FRAME,
            next: space::MAPPINGS,
            next_user: space::USER,
            executable_for_program: BTreeSet::new(),
            shielded: BTreeSet::new(),
            live: BTreeMap::new(),
        }
    }

    /// The page frame number of the page at `page`.
    pub(crate) fn frame_of(&mut self, page: u64) -> u64 {
        if let Some(&number) = self.numbers.get(&page) {
            return number;
        }
        let number = self.next_number;
        self.next_number += 1;
        self.numbers.insert(page, number);
        self.pages.insert(number, page);
        number
    }

    /// A page with this number that was asked for before.
    pub(crate) fn page_of(&self, number: u64) -> Option<u64> {
        self.pages.get(&number).copied()
    }

    /// The pages from `address` on are gone.
    pub(crate) fn forget(&mut self, address: u64, pages: u64) {
        let end = address.saturating_add(pages.saturating_mul(PAGE));
        let gone: Vec<_> =
            self.numbers.range(address..end).map(|(&page, &number)| (page, number)).collect();
        for (page, number) in gone {
            self.numbers.remove(&page);
            if self.pages.get(&number) == Some(&page) {
                self.pages.remove(&number);
            }
            self.shielded.remove(&page);
        }
    }

    /// The page at `page` is the one with `number`.
    fn same(&mut self, page: u64, number: u64) {
        self.numbers.insert(page, number);
    }

    /// Free addresses for `pages`, with a page without memory behind them.
    fn room(&mut self, pages: u64, user: bool) -> u64 {
        let next = if user { &mut self.next_user } else { &mut self.next };
        let address = *next;
        *next += (pages + 1) * PAGE;
        address
    }
}

impl Kernel<'_> {
    /// Maps fresh pages as `what`, in a program's part of the address space if `user`.
    pub(crate) fn map_fresh(
        &mut self,
        pages: u64,
        rights: Rights,
        user: bool,
        what: &'static str,
        caller: u64,
    ) -> Option<u64> {
        if pages > self.options.budget.pages || self.too_many_mappings() {
            self.run_short("memory");
            return None;
        }
        if pages == 0 {
            return None;
        }
        let address = self.mappings.room(pages, user);
        if !self.map(address, pages, rights, what) {
            return None;
        }
        self.mappings.live.insert(address, Mapping { pages, what, caller });
        Some(address)
    }

    /// Maps the pages with these numbers once more. Those that stand for no memory are a device's.
    pub(crate) fn map_frames(
        &mut self,
        frames: &[u64],
        rights: Rights,
        user: bool,
        what: &'static str,
        caller: u64,
    ) -> Option<u64> {
        let pages = frames.len() as u64;
        if self.too_many_mappings() {
            self.run_short("memory");
            return None;
        }
        if pages == 0 {
            return None;
        }
        let address = self.mappings.room(pages, user);
        for (&number, page) in frames.iter().zip(places(address, PAGE)) {
            let known = self.mappings.page_of(number);
            let rights = known.map_or(rights, |of| self.rights_of_page(page, of, rights));
            let aliased = known.is_some_and(|of| self.alias(page, of, 1, rights));
            if !aliased && !self.map(page, 1, rights, what) {
                return None;
            }
            self.mappings.same(page, number);
        }
        self.note_rights(address, pages, Some(rights), what);
        self.mappings.live.insert(address, Mapping { pages, what, caller });
        Some(address)
    }

    /// What may be done by the address `page` with the page at `of`: with memory integrity, code of the driver and of the
    /// kernel, and pages with imports, are not writable by any address, whatever the guest's page tables say.
    fn rights_of_page(&mut self, page: u64, of: u64, rights: Rights) -> Rights {
        let own = self.processor.memory().rights(of).unwrap_or(Rights::NONE);
        // Nothing but code of images is executable then.
        if !self.hvci() || !(own.contains(Rights::EXECUTE) || self.keeps_imports(of)) {
            return rights;
        }
        if rights.contains(Rights::WRITE) {
            self.mappings.shielded.insert(page);
        } else {
            self.mappings.shielded.remove(&page);
        }
        rights.without(Rights::WRITE)
    }

    /// What may be done by the address `page` if `rights` are asked for: the memory behind it decides
    /// too.
    pub(crate) fn rights_behind(&mut self, page: u64, rights: Rights) -> Rights {
        let number = self.mappings.frame_of(page);
        match self.mappings.page_of(number) {
            Some(of) if of != page => self.rights_of_page(page, of, rights),
            _ => rights,
        }
    }

    /// What a program may do with its pages: its right to execute is not the kernel's.
    pub(crate) fn allow_program(&mut self, address: u64, pages: u64, rights: Rights) -> Rights {
        for page in places(address, PAGE).take(pages as usize) {
            if rights.contains(Rights::EXECUTE) {
                self.mappings.executable_for_program.insert(page);
            } else {
                self.mappings.executable_for_program.remove(&page);
            }
        }
        rights.without(Rights::EXECUTE)
    }

    fn too_many_mappings(&self) -> bool {
        self.mappings.live.len() >= self.options.budget.entries
    }

    /// Takes the mapping that `address` lies in away; false where there is none.
    pub(crate) fn unmap_mapping(&mut self, address: u64) -> bool {
        let Some((&start, &mapping)) = self.mappings.live.range(..=address).next_back() else {
            return false;
        };
        if address - start >= mapping.pages * PAGE {
            return false;
        }
        self.mappings.live.remove(&start);
        self.unmap(start, mapping.pages, mapping.what);
        true
    }
}
