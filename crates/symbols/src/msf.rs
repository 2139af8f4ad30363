//! The container of a PDB: numbered streams, each a list of pages of the file.

use crate::Refused;
use crate::bytes::{size_at, slice, u32_at};

/// How a PDB begins, and has since Visual Studio .NET.
const MAGIC: &[u8] = b"Microsoft C/C++ MSF 7.00\r\n\x1aDS\0\0\0";
/// How its predecessor begins.
const MAGIC_2: &[u8] = b"Microsoft C/C++ program database 2.00\r\n\x1aJG\0\0";
/// How the compressed form begins.
const MAGIC_COMPRESSED: &[u8] = b"Microsoft MSFZ Container";
/// How the PDB of managed code begins.
const MAGIC_PORTABLE: &[u8] = b"BSJB";

/// Sizes of pages: linkers make 4 KiB, and up to 32 KiB where `/PDBPAGESIZE` says so; nothing else
/// about the format depends on it.
const PAGE_SIZES: std::ops::RangeInclusive<usize> = 256..=1 << 20;

/// Where the header has its fields, behind the magic.
const PAGE_SIZE: usize = 32;
const DIRECTORY_SIZE: usize = 44;
const DIRECTORY_PAGES: usize = 52;

/// The size of a stream that is not there.
const ABSENT: u32 = u32::MAX;

/// The streams of a file.
pub(crate) struct Msf<'data> {
    bytes: &'data [u8],
    page_size: usize,
    /// The directory: how many streams, their sizes, then the pages of all of them.
    directory: Vec<u8>,
    /// Of each stream, its size and where the directory lists its pages.
    streams: Vec<(u32, usize)>,
    /// Bytes that may still be copied. A page belongs to one stream, so all streams together are no
    /// longer than the file; one that lists pages over and over is not followed further.
    budget: usize,
}

impl<'data> Msf<'data> {
    pub(crate) fn read(bytes: &'data [u8]) -> Result<Msf<'data>, Refused> {
        const HEADER: Refused = Refused::Truncated("the header");
        const DIRECTORY: Refused = Refused::Truncated("the stream directory");
        check_magic(bytes)?;
        let page_size = size_at(bytes, PAGE_SIZE).ok_or(HEADER)?;
        if !page_size.is_power_of_two() || !PAGE_SIZES.contains(&page_size) {
            return Err(Refused::Malformed("the page size"));
        }
        let size = size_at(bytes, DIRECTORY_SIZE).ok_or(HEADER)?;
        // Each step is shorter than what it lists, so the size of the file bounds them all.
        if size > bytes.len() {
            return Err(DIRECTORY);
        }
        let listed = size.div_ceil(page_size) * 4;
        let lists = slice(bytes, DIRECTORY_PAGES, listed.div_ceil(page_size) * 4).ok_or(HEADER)?;
        let pages = gather(bytes, page_size, lists, listed).ok_or(DIRECTORY)?;
        let directory = gather(bytes, page_size, &pages, size).ok_or(DIRECTORY)?;
        let streams =
            streams(&directory, page_size).ok_or(Refused::Malformed("the stream directory"))?;
        Ok(Msf { bytes, page_size, directory, streams, budget: bytes.len() })
    }

    /// The content of a stream, copied together; `None` where there is no such stream or the file
    /// does not hold it whole.
    pub(crate) fn stream(&mut self, number: impl Into<usize>) -> Option<Vec<u8>> {
        let &(size, list) = self.streams.get(number.into())?;
        let size = usize::try_from(size).ok().filter(|_| size != ABSENT)?;
        self.budget = self.budget.checked_sub(size)?;
        let pages = slice(&self.directory, list, size.div_ceil(self.page_size) * 4)?;
        gather(self.bytes, self.page_size, pages, size)
    }
}

fn check_magic(bytes: &[u8]) -> Result<(), Refused> {
    match bytes {
        _ if bytes.starts_with(MAGIC) => Ok(()),
        _ if bytes.starts_with(MAGIC_2) => Err(Refused::TooOld),
        _ if bytes.starts_with(MAGIC_COMPRESSED) => Err(Refused::Compressed),
        _ if bytes.starts_with(MAGIC_PORTABLE) => Err(Refused::Portable),
        // What is cut short inside the magic can be nothing else.
        _ if !bytes.is_empty() && MAGIC.starts_with(bytes) => Err(Refused::Truncated("the header")),
        _ => Err(Refused::NotAPdb),
    }
}

/// `size` bytes from the pages that `list` names; `size` is known to be no more than the list has
/// pages for. Nothing is allocated before a page is known to be there.
fn gather(bytes: &[u8], page_size: usize, list: &[u8], size: usize) -> Option<Vec<u8>> {
    if size > bytes.len() {
        return None;
    }
    let mut content = Vec::new();
    for number in list.chunks_exact(4) {
        let length = page_size.min(size - content.len());
        let start = size_at(number, 0)?.checked_mul(page_size)?;
        let page = slice(bytes, start, length)?;
        if content.is_empty() {
            content.reserve_exact(size);
        }
        content.extend_from_slice(page);
    }
    (content.len() == size).then_some(content)
}

/// The size of each stream, and where the directory lists its pages.
fn streams(directory: &[u8], page_size: usize) -> Option<Vec<(u32, usize)>> {
    let count = size_at(directory, 0)?;
    let sizes = slice(directory, 4, count.checked_mul(4)?)?;
    let mut list = 4 + sizes.len();
    let mut streams = Vec::new();
    for size in sizes.chunks_exact(4) {
        let size = u32_at(size, 0)?;
        streams.push((size, list));
        if size != ABSENT {
            let pages = usize::try_from(size).ok()?.div_ceil(page_size);
            list = list.checked_add(pages.checked_mul(4)?)?;
        }
    }
    Some(streams)
}
