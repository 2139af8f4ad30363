//! Pages that have more than one address, and what stands for physical memory.

use crate::kernel::Kernel;
use crate::space;
use ringfence_machine::{PAGE, Rights};
use std::collections::BTreeMap;

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
    /// What is mapped, by first address.
    pub live: BTreeMap<u64, Mapping>,
}

/// The first page frame number that is handed out: behind 256 MiB, and below 4 GiB, where devices want
/// memory to be.
const FIRST_FRAME: u64 = 0x1_0000;

impl Mappings {
    pub(crate) fn new() -> Mappings {
        Mappings {
            numbers: BTreeMap::new(),
            pages: BTreeMap::new(),
            next_number: FIRST_FRAME,
            next: space::MAPPINGS,
            next_user: space::USER,
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
        if pages == 0 || pages > self.options.budget.pages || self.too_many_mappings() {
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
        if pages == 0 || self.too_many_mappings() {
            return None;
        }
        let address = self.mappings.room(pages, user);
        for (&number, page) in frames.iter().zip((address..).step_by(PAGE as usize)) {
            let known = self.mappings.page_of(number);
            let rights = known.map_or(rights, |of| self.rights_of_page(of, rights));
            let aliased = known.is_some_and(|of| self.alias(page, of, 1, rights));
            if !aliased && !self.map(page, 1, rights, what) {
                return None;
            }
            if aliased {
                self.mappings.same(page, number);
            }
        }
        self.note_rights(address, pages, Some(rights), what);
        self.mappings.live.insert(address, Mapping { pages, what, caller });
        Some(address)
    }

    /// With memory integrity, code is not writable by any address of its pages.
    fn rights_of_page(&self, page: u64, rights: Rights) -> Rights {
        let own = self.processor.memory().rights(page).unwrap_or(Rights::NONE);
        let code = own.contains(Rights::EXECUTE) && self.loaded.contains(page);
        if self.hvci() && code { rights.without(Rights::WRITE) } else { rights }
    }

    /// What may be done by the address `page` if `rights` are asked for: the memory behind it decides
    /// too.
    pub(crate) fn rights_behind(&mut self, page: u64, rights: Rights) -> Rights {
        let number = self.mappings.frame_of(page);
        match self.mappings.page_of(number) {
            Some(of) if of != page => self.rights_of_page(of, rights),
            _ => rights,
        }
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
