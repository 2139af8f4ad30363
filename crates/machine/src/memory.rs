//! Guest memory: frames, and the pages that show them.

mod code;
#[cfg(test)]
mod tests;

use crate::{Access, Rights};
use foldhash::fast::FixedState;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use thiserror::Error;

/// Bytes of a page.
pub const PAGE: u64 = 4096;

/// Bytes of a page, as an index.
pub(crate) const SIZE: usize = 4096;

/// Pages that may show a frame, on average. More are refused, so that aliases cannot grow without bound.
const MOST_ALIASES: usize = 8;

/// Why pages could not be mapped, changed or unmapped. Nothing was done then.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum MapError {
    /// The memory is full.
    #[error("no frames are left")]
    OutOfFrames,
    /// A page is mapped already.
    #[error("the page at {address:x} is mapped already")]
    Overlaps {
        /// The first such page.
        address: u64,
    },
    /// A page is not mapped.
    #[error("the page at {address:x} is not mapped")]
    NotMapped {
        /// The first such page.
        address: u64,
    },
    /// The address is not that of a page.
    #[error("the address is not that of a page")]
    NotAligned,
    /// The pages are not all within one half of the address space.
    #[error("the address is not canonical")]
    NotCanonical,
}

/// The first byte that is not there.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[error("nothing is mapped at {address:x}")]
pub struct Unmapped {
    /// Its address.
    pub address: u64,
}

/// What a page shows, and what may be done with it.
#[derive(Clone, Copy, Debug)]
struct Mapping {
    frame: u32,
    rights: Rights,
}

/// A page of the guest's physical memory.
#[derive(Clone, Copy, Debug, Default)]
struct Frame {
    /// Where its bytes are. Zero: they were never written, and are all zero.
    data: u32,
    /// How many pages show it. Zero: it is free.
    pages: u32,
    /// Changes whenever code that was decoded from it is written to.
    version: u32,
    /// The lines of 64 bytes that code was decoded from.
    lines: u64,
}

/// Guest memory. Rights are kept here, where no guest can reach them.
///
/// The host reads and writes whatever is mapped; rights bind only the guest.
#[derive(Debug)]
pub struct Memory {
    /// No two have the same.
    identity: u64,
    most: usize,
    pages: HashMap<u64, Mapping, FixedState>,
    frames: Vec<Frame>,
    free: Vec<u32>,
    /// The first is what untouched frames show, and is never written.
    data: Vec<[u8; SIZE]>,
    free_data: Vec<u32>,
    /// Changes with pages, their rights, and code that was decoded.
    generation: u64,
    /// How many frames were given bytes of their own.
    commits: u64,
}

/// Whether bits 47 to 63 of an address are equal.
pub(crate) const fn canonical(address: u64) -> bool {
    (address as i64) << 16 >> 16 == address as i64
}

impl Memory {
    /// Memory of at most so many frames, none of them mapped.
    #[must_use]
    pub fn new(frames: usize) -> Self {
        static MADE: AtomicU64 = AtomicU64::new(0);
        Self {
            identity: MADE.fetch_add(1, Ordering::Relaxed) + 1,
            most: frames.min(1 << 28),
            pages: HashMap::default(),
            frames: Vec::new(),
            free: Vec::new(),
            data: vec![[0; SIZE]],
            free_data: Vec::new(),
            generation: 1,
            commits: 0,
        }
    }

    /// Maps pages to fresh frames of zeros. What is never written takes no memory, but counts as a frame.
    ///
    /// # Errors
    /// When the range is no range of pages, overlaps another, or has more pages than there are frames.
    pub fn map(&mut self, address: u64, pages: u64, rights: Rights) -> Result<(), MapError> {
        let range = range(address, pages)?;
        let left = self.most - (self.frames.len() - self.free.len());
        if pages > left as u64 {
            return Err(MapError::OutOfFrames);
        }
        self.vacant(range.clone())?;
        for page in range {
            let frame = self.free.pop().unwrap_or_else(|| {
                self.frames.push(Frame::default());
                self.frames.len() as u32 - 1
            });
            self.show(page, frame, rights);
        }
        self.generation += 1;
        Ok(())
    }

    /// Maps pages to the frames behind the pages at `of`, a second time.
    ///
    /// # Errors
    /// When a range is no range of pages, this one overlaps another, or that one is not all mapped.
    pub fn alias(
        &mut self,
        address: u64,
        of: u64,
        pages: u64,
        rights: Rights,
    ) -> Result<(), MapError> {
        let from = range(of, pages)?;
        let range = range(address, pages)?;
        let most = self.most.saturating_mul(MOST_ALIASES);
        if pages > most.saturating_sub(self.pages.len()) as u64 {
            return Err(MapError::OutOfFrames);
        }
        self.there(from.clone())?;
        self.vacant(range.clone())?;
        for (page, source) in range.zip(from) {
            let frame = self.pages[&source].frame;
            self.show(page, frame, rights);
        }
        self.generation += 1;
        Ok(())
    }

    /// Gives pages other rights.
    ///
    /// # Errors
    /// When the range is no range of pages, or not all mapped.
    pub fn protect(&mut self, address: u64, pages: u64, rights: Rights) -> Result<(), MapError> {
        let range = range(address, pages)?;
        self.there(range.clone())?;
        for page in range {
            if let Some(mapping) = self.pages.get_mut(&page) {
                mapping.rights = rights;
            }
        }
        self.generation += 1;
        Ok(())
    }

    /// Takes pages away. A frame that no page shows any more is free, and its bytes are gone.
    ///
    /// # Errors
    /// When the range is no range of pages, or not all mapped.
    pub fn unmap(&mut self, address: u64, pages: u64) -> Result<(), MapError> {
        let range = range(address, pages)?;
        self.there(range.clone())?;
        for page in range {
            if let Some(mapping) = self.pages.remove(&page) {
                self.hide(mapping.frame);
            }
        }
        self.generation += 1;
        Ok(())
    }

    /// What may be done with the page of an address, or `None` when there is none.
    #[must_use]
    pub fn rights(&self, address: u64) -> Option<Rights> {
        self.pages.get(&(address / PAGE)).map(|mapping| mapping.rights)
    }

    /// How many frames are in use, that is, were written to.
    #[must_use]
    pub fn committed(&self) -> usize {
        self.data.len() - 1 - self.free_data.len()
    }

    fn show(&mut self, page: u64, frame: u32, rights: Rights) {
        self.frames[frame as usize].pages += 1;
        self.pages.insert(page, Mapping { frame, rights });
    }

    fn hide(&mut self, index: u32) {
        let frame = &mut self.frames[index as usize];
        frame.pages -= 1;
        if frame.pages > 0 {
            return;
        }
        if frame.data != 0 {
            self.free_data.push(frame.data);
        }
        *frame = Frame { version: frame.version.wrapping_add(1), ..Frame::default() };
        self.free.push(index);
    }

    fn vacant(&self, mut range: std::ops::Range<u64>) -> Result<(), MapError> {
        match range.find(|page| self.pages.contains_key(page)) {
            Some(page) => Err(MapError::Overlaps { address: page * PAGE }),
            None => Ok(()),
        }
    }

    fn there(&self, mut range: std::ops::Range<u64>) -> Result<(), MapError> {
        match range.find(|page| !self.pages.contains_key(page)) {
            Some(page) => Err(MapError::NotMapped { address: page * PAGE }),
            None => Ok(()),
        }
    }

    /// Reads as the host, whatever the rights are.
    ///
    /// # Errors
    /// When a byte is not mapped. What stands before it was read.
    pub fn read(&self, address: u64, into: &mut [u8]) -> Result<(), Unmapped> {
        let mut done = 0;
        while done < into.len() {
            let at = address.wrapping_add(done as u64);
            let mapping = self.pages.get(&(at / PAGE)).ok_or(Unmapped { address: at })?;
            let offset = (at % PAGE) as usize;
            let length = (SIZE - offset).min(into.len() - done);
            let data = &self.data[self.frames[mapping.frame as usize].data as usize];
            into[done..done + length].copy_from_slice(&data[offset..offset + length]);
            done += length;
        }
        Ok(())
    }

    /// Writes as the host, whatever the rights are.
    ///
    /// # Errors
    /// When a byte is not mapped. Nothing was written then.
    pub fn write(&mut self, address: u64, bytes: &[u8]) -> Result<(), Unmapped> {
        let mut at = address;
        let mut left = bytes.len() as u64;
        while left > 0 {
            if !self.pages.contains_key(&(at / PAGE)) {
                return Err(Unmapped { address: at });
            }
            let length = (PAGE - at % PAGE).min(left);
            at = at.wrapping_add(length);
            left -= length;
        }
        let mut done = 0;
        while done < bytes.len() {
            let at = address.wrapping_add(done as u64);
            let mapping = self.pages.get(&(at / PAGE)).ok_or(Unmapped { address: at })?;
            let offset = (at % PAGE) as usize;
            let length = (SIZE - offset).min(bytes.len() - done);
            let frame = mapping.frame;
            let data = self.commit(frame) as usize;
            self.data[data][offset..offset + length].copy_from_slice(&bytes[done..done + length]);
            self.written(frame, offset, length);
            done += length;
        }
        Ok(())
    }

    /// Gives a frame bytes of its own, and says where they are.
    fn commit(&mut self, index: u32) -> u32 {
        let frame = &mut self.frames[index as usize];
        if frame.data == 0 {
            frame.data = match self.free_data.pop() {
                Some(data) => {
                    self.data[data as usize] = [0; SIZE];
                    data
                }
                None => {
                    self.data.push([0; SIZE]);
                    self.data.len() as u32 - 1
                }
            };
            self.commits += 1;
        }
        frame.data
    }

    /// What the guest may not do with a page, or where the page's bytes are.
    pub(crate) fn locate(&mut self, page: u64, access: Access) -> Result<Located, Fault> {
        let mapping = self.pages.get(&page).copied().ok_or(Fault { mapped: false })?;
        let needed = match access {
            // As on a processor, what may be written may be read.
            Access::Read if mapping.rights.contains(Rights::WRITE) => Rights::NONE,
            Access::Read => Rights::READ,
            Access::Write => Rights::WRITE,
            Access::Execute => Rights::EXECUTE,
        };
        if !mapping.rights.contains(needed) {
            return Err(Fault { mapped: true });
        }
        if access == Access::Write {
            self.commit(mapping.frame);
        }
        let frame = &self.frames[mapping.frame as usize];
        Ok(Located { frame: mapping.frame, data: frame.data, holds_code: frame.lines != 0 })
    }
}

/// Where the bytes of a page are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Located {
    pub(crate) frame: u32,
    pub(crate) data: u32,
    pub(crate) holds_code: bool,
}

/// Why the guest may not use a page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fault {
    pub(crate) mapped: bool,
}

/// The numbers of the pages at an address, all of them in one half of the address space.
fn range(address: u64, pages: u64) -> Result<std::ops::Range<u64>, MapError> {
    if !address.is_multiple_of(PAGE) {
        return Err(MapError::NotAligned);
    }
    let first = address / PAGE;
    let end = first.checked_add(pages).ok_or(MapError::NotCanonical)?;
    let last = end.saturating_sub(1).max(first);
    let fits = last < 1 << 52
        && canonical(address)
        && canonical(last * PAGE)
        && (address ^ (last * PAGE)) >> 63 == 0;
    if fits { Ok(first..end) } else { Err(MapError::NotCanonical) }
}

macro_rules! numbers {
    ($($read:ident $write:ident $type:ty),*) => {
        impl Memory {$(
            #[doc = concat!("Reads a `", stringify!($type), "` as the host.")]
            ///
            /// # Errors
            /// When a byte is not mapped.
            pub fn $read(&self, address: u64) -> Result<$type, Unmapped> {
                let mut bytes = [0; size_of::<$type>()];
                self.read(address, &mut bytes)?;
                Ok(<$type>::from_le_bytes(bytes))
            }

            #[doc = concat!("Writes a `", stringify!($type), "` as the host.")]
            ///
            /// # Errors
            /// When a byte is not mapped.
            pub fn $write(&mut self, address: u64, value: $type) -> Result<(), Unmapped> {
                self.write(address, &value.to_le_bytes())
            }
        )*}
    };
}

numbers!(read_u8 write_u8 u8, read_u16 write_u16 u16, read_u32 write_u32 u32, read_u64 write_u64 u64);
