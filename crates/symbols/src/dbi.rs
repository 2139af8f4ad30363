//! Stream 3: the objects that were linked, which bytes of the image came from each, and where the
//! rest is.

use crate::Refused;
use crate::bytes::{aligned, size_at, slice, text_at, u16_at, u32_at};
use crate::sections::At;

/// Its number.
pub(crate) const STREAM: usize = 3;

/// Length of the header.
const HEADER: usize = 64;
/// What the first field holds in every version with this header.
const SIGNATURE: u32 = u32::MAX;
/// Where the header has its fields.
const AGE: usize = 8;
const SYMBOL_RECORDS: usize = 20;
/// The sizes of what follows, in this order: modules, contributions, section map, source files, type
/// servers; then, after the next field, further streams and edit-and-continue.
const SIZES: usize = 24;
const OTHER_STREAMS_SIZE: usize = 48;
const EDIT_AND_CONTINUE_SIZE: usize = 52;

/// Places in the list of other streams.
const OMAP_TO_SOURCE: usize = 3;
const SECTION_HEADERS: usize = 5;

/// The number of a stream that is not there.
const NO_STREAM: u16 = u16::MAX;

/// Size of a module's fields before its names.
const MODULE: usize = 64;

/// Contributions of each version: its number, and the size of an entry.
const CONTRIBUTIONS: [(u32, usize); 2] =
    [(0xeffe_0000 + 19_970_605, 28), (0xeffe_0000 + 20_140_516, 32)];

/// An object that was linked.
#[derive(Clone, Copy)]
pub(crate) struct Module<'data> {
    /// The stream with its symbols and lines.
    pub(crate) stream: Option<u16>,
    /// Bytes of symbols in that stream.
    pub(crate) symbols: usize,
    /// Bytes of line numbers of an older form, behind them.
    pub(crate) old_lines: usize,
    /// Bytes of line numbers, behind those.
    pub(crate) lines: usize,
    /// The object's name.
    pub(crate) name: &'data [u8],
    /// The file it came out of: the same, or a static library.
    pub(crate) file: &'data [u8],
}

/// Bytes of the image that came from one module.
pub(crate) struct Contribution {
    pub(crate) start: At,
    pub(crate) size: u32,
    pub(crate) module: u16,
}

/// A view of the stream.
pub(crate) struct Dbi<'data> {
    bytes: &'data [u8],
}

impl<'data> Dbi<'data> {
    pub(crate) fn read(bytes: &'data [u8]) -> Result<Dbi<'data>, Refused> {
        let whole = bytes.len() >= HEADER && u32_at(bytes, 0) == Some(SIGNATURE);
        if whole { Ok(Dbi { bytes }) } else { Err(Refused::Malformed("the debug information")) }
    }

    /// The age that the linker copies into the image.
    pub(crate) fn age(&self) -> Option<u32> {
        u32_at(self.bytes, AGE)
    }

    /// The stream with the records of public symbols.
    pub(crate) fn symbol_records(&self) -> Option<u16> {
        u16_at(self.bytes, SYMBOL_RECORDS).filter(|&number| number != NO_STREAM)
    }

    /// The bytes of the part with `index` in the order of [`SIZES`].
    fn part(&self, index: usize) -> Option<&'data [u8]> {
        let sizes = (0..index).map(|before| size_at(self.bytes, SIZES + 4 * before));
        let start = sizes.sum::<Option<usize>>()?.checked_add(HEADER)?;
        slice(self.bytes, start, size_at(self.bytes, SIZES + 4 * index)?)
    }

    fn other_stream(&self, index: usize) -> Option<u16> {
        let before: Option<usize> = (0..5).map(|part| size_at(self.bytes, SIZES + 4 * part)).sum();
        let start = before?.checked_add(size_at(self.bytes, EDIT_AND_CONTINUE_SIZE)?)?;
        let list = slice(
            self.bytes,
            start.checked_add(HEADER)?,
            size_at(self.bytes, OTHER_STREAMS_SIZE)?,
        )?;
        u16_at(list, 2 * index).filter(|&number| number != NO_STREAM)
    }

    /// The stream with the section headers.
    pub(crate) fn section_headers(&self) -> Option<u16> {
        self.other_stream(SECTION_HEADERS)
    }

    /// Whether the code was moved after it was linked.
    pub(crate) fn is_rearranged(&self) -> bool {
        self.other_stream(OMAP_TO_SOURCE).is_some()
    }

    /// Where each module begins in the list of modules, as far as they can be read.
    pub(crate) fn module_starts(&self) -> Vec<usize> {
        let part = self.part(0).unwrap_or_default();
        let mut starts = Vec::new();
        let mut at = 0;
        while let Some((_, next)) = module(part, at) {
            starts.push(at);
            at = next;
        }
        starts
    }

    /// The module that begins there.
    pub(crate) fn module(&self, start: usize) -> Option<Module<'data>> {
        module(self.part(0)?, start).map(|(module, _)| module)
    }

    /// What came from which module, by place.
    pub(crate) fn contributions(&self) -> Vec<Contribution> {
        let part = self.part(1).unwrap_or_default();
        let version = u32_at(part, 0);
        let Some((_, entry)) = CONTRIBUTIONS.iter().find(|(known, _)| Some(*known) == version)
        else {
            return Vec::new();
        };
        let read = |entry: &[u8]| {
            Some(Contribution {
                start: (u16_at(entry, 0)?, u32_at(entry, 4)?),
                size: u32_at(entry, 8)?,
                module: u16_at(entry, 16)?,
            })
        };
        let mut contributions: Vec<_> =
            part[4..].chunks_exact(*entry).filter_map(read).filter(|one| one.size != 0).collect();
        contributions.sort_by_key(|contribution| contribution.start);
        contributions
    }
}

/// The module at `at`, and where the next one begins.
fn module(part: &[u8], at: usize) -> Option<(Module<'_>, usize)> {
    let fields = slice(part, at, MODULE)?;
    let (name, next) = text_at(part, at + MODULE)?;
    let (file, next) = text_at(part, next)?;
    let module = Module {
        stream: u16_at(fields, 34).filter(|&number| number != NO_STREAM),
        symbols: size_at(fields, 36)?,
        old_lines: size_at(fields, 40)?,
        lines: size_at(fields, 44)?,
        name,
        file,
    };
    Some((module, aligned(next)))
}
