//! The sections of the image as the linker wrote them down: symbols name places by section and offset.

use crate::bytes::u32_at;

/// Size of `IMAGE_SECTION_HEADER`.
const ENTRY: usize = 40;
const VIRTUAL_SIZE: usize = 8;
const VIRTUAL_ADDRESS: usize = 12;
const RAW_SIZE: usize = 16;

/// A place as symbols name it: the number of a section, from 1, and the offset in it.
pub(crate) type At = (u16, u32);

/// Where each section begins, and its length.
pub(crate) struct Sections(Vec<(u32, u32)>);

impl Sections {
    pub(crate) fn read(stream: &[u8]) -> Sections {
        let section = |entry: &[u8]| {
            let size = u32_at(entry, VIRTUAL_SIZE)?.max(u32_at(entry, RAW_SIZE)?);
            Some((u32_at(entry, VIRTUAL_ADDRESS)?, size))
        };
        Sections(stream.chunks_exact(ENTRY).map_while(section).collect())
    }

    /// The place of an address relative to the image base.
    pub(crate) fn at(&self, rva: u32) -> Option<At> {
        let inside = |&(start, size): &(u32, u32)| rva.checked_sub(start).is_some_and(|o| o < size);
        let index = self.0.iter().position(inside)?;
        Some((u16::try_from(index + 1).ok()?, rva - self.0[index].0))
    }
}
