//! The section table, and the way from an address to the bytes behind it.

use crate::defect::{Defects, Problem, Structure};
use crate::{FileOffset, Headers, Rva};
use object::LittleEndian as LE;
use object::pe::ImageSectionHeader;
use object::read::ReadRef;
use std::ops::Range;

/// Bytes in a page on every processor that runs 64-bit Windows.
pub const PAGE: u32 = 0x1000;

/// `IMAGE_SCN_MEM_DISCARDABLE`.
const MEM_DISCARDABLE: u32 = 0x0200_0000;
/// `IMAGE_SCN_MEM_EXECUTE`.
const MEM_EXECUTE: u32 = 0x2000_0000;
/// `IMAGE_SCN_MEM_READ`.
const MEM_READ: u32 = 0x4000_0000;
/// `IMAGE_SCN_MEM_WRITE`.
const MEM_WRITE: u32 = 0x8000_0000;

/// A section, as its header states it.
#[derive(Clone, Copy, Debug)]
pub struct Section<'data> {
    header: &'data ImageSectionHeader,
    /// Position in the section table, from 1, as linkers and debuggers count.
    pub number: usize,
}

impl<'data> Section<'data> {
    /// The eight bytes of the name, padded with NULs.
    pub fn raw_name(&self) -> &'data [u8; 8] {
        &self.header.name
    }

    /// The name up to its first NUL, with anything but printable ASCII escaped.
    pub fn name(&self) -> String {
        let name = self.raw_name();
        let end = name.iter().position(|&byte| byte == 0).unwrap_or(name.len());
        name[..end].escape_ascii().to_string()
    }

    /// Whether all eight bytes are `name` padded with NULs, letter case aside.
    pub fn is_named(&self, name: &str) -> bool {
        let mut padded = [0; 8];
        let Some(space) = padded.get_mut(..name.len()) else { return false };
        space.copy_from_slice(name.as_bytes());
        self.raw_name().eq_ignore_ascii_case(&padded)
    }

    /// Start in memory.
    pub fn rva(&self) -> Rva {
        Rva(self.header.virtual_address.get(LE))
    }

    /// The VirtualSize field.
    pub fn virtual_size(&self) -> u32 {
        self.header.virtual_size.get(LE)
    }

    /// The SizeOfRawData field.
    pub fn raw_size(&self) -> u32 {
        self.header.size_of_raw_data.get(LE)
    }

    /// The PointerToRawData field.
    pub fn raw_offset(&self) -> u32 {
        self.header.pointer_to_raw_data.get(LE)
    }

    /// The Characteristics field.
    pub fn characteristics(&self) -> u32 {
        self.header.characteristics.get(LE).0
    }

    /// Whether its pages can be executed.
    pub fn is_executable(&self) -> bool {
        self.characteristics() & MEM_EXECUTE != 0
    }

    /// Whether its pages can be written.
    pub fn is_writable(&self) -> bool {
        self.characteristics() & MEM_WRITE != 0
    }

    /// Whether it is thrown away after initialisation.
    pub fn is_discardable(&self) -> bool {
        self.characteristics() & MEM_DISCARDABLE != 0
    }

    /// The rights in the form `rwx`, with `-` for those it lacks.
    pub fn rights(&self) -> String {
        let right = |flag, letter| if self.characteristics() & flag != 0 { letter } else { '-' };
        [right(MEM_READ, 'r'), right(MEM_WRITE, 'w'), right(MEM_EXECUTE, 'x')].iter().collect()
    }

    /// The bytes it takes in memory: VirtualSize, or SizeOfRawData where that is 0, as Windows has it.
    pub fn loaded_size(&self) -> u32 {
        if self.virtual_size() == 0 { self.raw_size() } else { self.virtual_size() }
    }

    /// The addresses of its bytes. In 64 bits, so that no end can wrap around.
    pub fn addresses(&self) -> Range<u64> {
        let start = u64::from(self.rva().0);
        start..start + u64::from(self.loaded_size())
    }

    /// The addresses of its pages: all of them get its rights.
    pub fn pages(&self) -> Range<u64> {
        let bytes = self.addresses();
        let page = u64::from(PAGE);
        bytes.start / page * page..bytes.end.next_multiple_of(page)
    }

    /// The stated range of its bytes in the file, which may end past the file's end. Empty at offset
    /// 0, which stands for no data whatever the size, as Windows has it.
    pub fn raw_range(&self) -> Range<u64> {
        let start = u64::from(self.raw_offset());
        let size = if start == 0 { 0 } else { self.raw_size() };
        start..start + u64::from(size)
    }
}

/// The bytes in memory of the section at `index`.
#[derive(Clone, Copy, Debug)]
struct Span {
    start: Rva,
    end: u64,
    index: usize,
}

/// All sections, and the way from an address to the bytes behind it.
#[derive(Debug)]
pub(crate) struct Layout<'data> {
    bytes: &'data [u8],
    pub(crate) sections: Vec<Section<'data>>,
    /// Where the sections are, by address: a hostile table has 65,535 of them, and almost everything
    /// that is read from an image is looked up here first.
    by_address: Vec<Span>,
    headers_end: u64,
    low_alignment: bool,
}

impl<'data> Layout<'data> {
    pub(crate) fn new(
        bytes: &'data [u8],
        headers: &Headers,
        defects: &mut Defects,
    ) -> Layout<'data> {
        let table = headers.section_table().0;
        let stated = u64::from(headers.number_of_sections);
        let size = size_of::<ImageSectionHeader>() as u64;
        let fitting = (bytes.len() as u64).saturating_sub(table) / size;
        if fitting < stated {
            let problem = Problem::Truncated { wanted: stated * size, present: fitting * size };
            defects.in_file(Structure::SectionTable, problem, table);
        }
        let found: &[ImageSectionHeader] =
            bytes.read_slice_at(table, stated.min(fitting) as usize).unwrap_or_default();
        let sections: Vec<_> =
            found.iter().zip(1..).map(|(header, number)| Section { header, number }).collect();
        let span = |(index, section): (usize, &Section<'_>)| {
            let end = section.addresses().end;
            Span { start: section.rva(), end, index }
        };
        let mut by_address: Vec<_> = sections.iter().enumerate().map(span).collect();
        by_address.sort_by_key(|span| span.start);
        let layout = Layout {
            bytes,
            sections,
            by_address,
            headers_end: u64::from(headers.size_of_headers).min(bytes.len() as u64),
            low_alignment: headers.section_alignment < PAGE,
        };
        layout.check_data(defects);
        layout
    }

    /// A file that was cut short lacks the data of its last sections: one cause, one defect.
    fn check_data(&self, defects: &mut Defects) {
        let length = self.bytes.len() as u64;
        let cut = self.sections.iter().map(Section::raw_range).filter(|range| range.end > length);
        if let Some(first) = cut.min_by_key(|range| range.start) {
            let present = length.saturating_sub(first.start);
            let problem = Problem::Truncated { wanted: first.end - first.start, present };
            defects.in_file(Structure::SectionData, problem, first.start);
        }
    }

    /// Where the last section ends in memory.
    pub(crate) fn end(&self) -> u64 {
        self.by_address.iter().map(|span| span.end).max().unwrap_or(0)
    }

    /// The section whose bytes in memory contain `rva`.
    pub(crate) fn section_at(&self, rva: Rva) -> Option<Section<'data>> {
        let after = self.by_address.partition_point(|span| span.start <= rva);
        let span = self.by_address.get(after.checked_sub(1)?)?;
        (u64::from(rva.0) < span.end).then(|| self.sections[span.index])
    }

    /// Where in the file the byte at `rva` is; `None` where it lies outside or is not in the file
    /// but zero-filled.
    pub(crate) fn offset_of(&self, rva: Rva) -> Option<FileOffset> {
        let file = self.file_range_from(rva)?;
        (!file.is_empty()).then_some(FileOffset(file.start))
    }

    /// The bytes from `rva` to the end of what the file has of its section, or of the headers.
    /// Empty where the section goes on in memory but not in the file; `None` outside.
    pub(crate) fn bytes_from(&self, rva: Rva) -> Option<&'data [u8]> {
        let range = self.file_range_from(rva)?;
        self.bytes.get(range.start as usize..range.end as usize)
    }

    fn file_range_from(&self, rva: Rva) -> Option<Range<u64>> {
        let Some(section) = self.section_at(rva) else {
            let start = u64::from(rva.0);
            return (start < self.headers_end).then_some(start..self.headers_end);
        };
        let within = u64::from(rva.0 - section.rva().0);
        let start = self.raw_start(&section);
        let raw = section.raw_range();
        let in_file = (raw.end - raw.start).min(u64::from(section.loaded_size()));
        let end = (start + in_file).min(self.bytes.len() as u64);
        Some((start + within).min(end)..end)
    }

    /// Windows reads section data by disk sectors: it drops the low nine bits of the offset, unless
    /// the image is aligned so finely that it is mapped as one piece.
    fn raw_start(&self, section: &Section<'_>) -> u64 {
        let start = section.raw_range().start;
        if self.low_alignment { start } else { start & !0x1FF }
    }

    /// `N` bytes at `rva`, with zeros for what memory has but the file has not; `None` outside.
    pub(crate) fn read<const N: usize>(&self, rva: Rva) -> Option<[u8; N]> {
        let bytes = self.bytes_from(rva)?;
        if let Some(whole) = bytes.first_chunk::<N>() {
            return Some(*whole);
        }
        let section = self.section_at(rva)?;
        (u64::from(rva.0) + N as u64 <= section.pages().end).then(|| {
            let mut filled = [0; N];
            filled[..bytes.len()].copy_from_slice(bytes);
            filled
        })
    }

    pub(crate) fn read_u32(&self, rva: Rva) -> Option<u32> {
        self.read(rva).map(u32::from_le_bytes)
    }

    /// The text at `rva` up to its NUL, of at most `most` bytes.
    pub(crate) fn text(&self, rva: Rva, most: usize) -> Result<&'data [u8], Problem> {
        let bytes = self.bytes_from(rva).ok_or(Problem::PointsOutside)?;
        let window = &bytes[..bytes.len().min(most)];
        let end = window.iter().position(|&byte| byte == 0);
        // At the end of what the file has, memory goes on with zeros.
        end.or((window.len() == bytes.len() && !bytes.is_empty()).then_some(bytes.len()))
            .map(|end| &window[..end])
            .ok_or(Problem::Unterminated)
    }
}
