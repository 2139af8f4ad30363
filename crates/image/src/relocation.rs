//! Base relocations: the addresses the loader adjusts when it moves the image.

use crate::defect::{Defects, Problem, Structure};
use crate::section::Layout;
use crate::{DataDirectory, Rva};

/// `IMAGE_REL_BASED_ABSOLUTE`: filler that adjusts nothing.
pub const RELOCATION_ABSOLUTE: u8 = 0;
/// `IMAGE_REL_BASED_DIR64`: a 64-bit address.
pub const RELOCATION_DIR64: u8 = 10;

/// The base relocations of an image.
#[derive(Clone, Copy, Debug, Default)]
pub struct Relocations<'data> {
    /// The well-formed blocks, one behind the other.
    blocks: &'data [u8],
    /// Relocations but for filler.
    count: usize,
    /// Whether everything could be read; if not, the defects say what could not.
    pub complete: bool,
}

/// One relocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relocation {
    /// The page its block is about.
    pub page: Rva,
    /// Offset of the adjusted value within the page, 0 to 0xFFF.
    pub offset: u16,
    /// The `IMAGE_REL_BASED_` number, 0 to 15.
    pub kind: u8,
}

impl Relocation {
    /// Where the adjusted value is. A block may not begin on a page, so the sum may pass 4 GiB.
    pub fn rva(&self) -> Rva {
        Rva(self.page.0.wrapping_add(u32::from(self.offset)))
    }
}

impl<'data> Relocations<'data> {
    /// No relocations at all, which is complete.
    pub(crate) fn none() -> Relocations<'data> {
        Relocations { complete: true, ..Relocations::default() }
    }

    /// Number of relocations but for filler.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The relocations in file order, but for filler.
    pub fn iter(&self) -> impl Iterator<Item = Relocation> + use<'data> {
        Blocks { rest: self.blocks }.flat_map(|(page, entries)| {
            entries.chunks_exact(2).filter_map(move |entry| {
                let entry = u16::from_le_bytes([entry[0], entry[1]]);
                let kind = (entry >> 12) as u8;
                (kind != RELOCATION_ABSOLUTE).then_some(Relocation {
                    page,
                    offset: entry & 0xFFF,
                    kind,
                })
            })
        })
    }
}

/// Walks blocks that are known to be well-formed: page, size of the block, entries of two bytes.
struct Blocks<'data> {
    rest: &'data [u8],
}

impl<'data> Iterator for Blocks<'data> {
    type Item = (Rva, &'data [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (page, size) = block_header(self.rest)?;
        let (block, rest) = self.rest.split_at_checked(size as usize)?;
        self.rest = rest;
        Some((page, block.get(BLOCK_HEADER..)?))
    }
}

const BLOCK_HEADER: usize = 8;

fn block_header(bytes: &[u8]) -> Option<(Rva, u32)> {
    let (page, rest) = bytes.split_first_chunk()?;
    Some((Rva(u32::from_le_bytes(*page)), u32::from_le_bytes(*rest.first_chunk()?)))
}

pub(crate) fn read<'data>(
    layout: &Layout<'data>,
    directory: DataDirectory,
    defects: &mut Defects,
) -> Relocations<'data> {
    let there = layout.bytes_from(directory.rva).unwrap_or_default();
    let table = &there[..there.len().min(directory.size as usize)];
    let mut complete = true;
    let mut report = |problem, offset: usize| {
        complete = false;
        defects.in_image(
            Structure::BaseRelocations,
            problem,
            Rva(directory.rva.0.wrapping_add(offset as u32)),
        );
    };
    if there.is_empty() {
        report(Problem::PointsOutside, 0);
    } else if table.len() < directory.size as usize {
        report(
            Problem::Truncated { wanted: directory.size.into(), present: table.len() as u64 },
            0,
        );
    }
    let mut at = 0;
    while let Some((_, size)) = block_header(&table[at..]) {
        // The loader stops at a block of nothing, which linkers put at the end of the section.
        let padding = size == 0 && table[at..].iter().all(|&byte| byte == 0);
        let size = size as usize;
        if padding {
            break;
        } else if size < BLOCK_HEADER || !size.is_multiple_of(2) {
            report(Problem::BadSize(size as u64), at);
            break;
        } else if size > table.len() - at {
            let present = (table.len() - at) as u64;
            report(Problem::Truncated { wanted: size as u64, present }, at);
            break;
        }
        at += size;
    }
    // What is too short for a block may be filler, but then it is zeros.
    let rest = &table[at..];
    if rest.len() < BLOCK_HEADER && rest.iter().any(|&byte| byte != 0) {
        let wanted = BLOCK_HEADER as u64;
        report(Problem::Truncated { wanted, present: rest.len() as u64 }, at);
    }
    let mut relocations = Relocations { blocks: &table[..at], count: 0, complete };
    let end = layout.end();
    for relocation in relocations.iter() {
        relocations.count += 1;
        if u64::from(relocation.page.0) + u64::from(relocation.offset) >= end {
            relocations.complete = false;
            let place = relocation.rva();
            defects.in_image(Structure::BaseRelocations, Problem::PointsOutside, place);
        }
    }
    relocations
}

#[cfg(test)]
mod tests {
    use crate::{Image, Problem, Rva};
    use ringfence_fixture::driver;

    #[test]
    fn relocations_are_read_without_filler() {
        // One block for page 0x3000: DIR64 at 0x3008, filler.
        let mut block = Vec::new();
        block.extend(0x3000_u32.to_le_bytes());
        block.extend(12_u32.to_le_bytes());
        block.extend([0x08, 0xA0, 0x00, 0x00]);
        let bytes = driver().raw_relocation_blocks(block).bytes();
        let image = Image::read(&bytes).unwrap();
        let all: Vec<_> = image.relocations().iter().map(|r| (r.rva(), r.kind)).collect();
        assert_eq!(all, [(Rva(0x3008), 10)]);
        assert!(image.relocations().complete);
    }

    /// Spec case 116: no size makes the reader hang, and each bad one is told.
    #[test]
    fn impossible_block_sizes_end_the_reading() {
        for (size, problem) in [
            (0_u32, Problem::BadSize(0)),
            (4, Problem::BadSize(4)),
            (11, Problem::BadSize(11)),
            (0x1000, Problem::Truncated { wanted: 0x1000, present: 12 }),
        ] {
            let mut block = Vec::new();
            block.extend(0x3000_u32.to_le_bytes());
            block.extend(size.to_le_bytes());
            block.extend([0x08, 0xA0, 0x00, 0x00]);
            let bytes = driver().raw_relocation_blocks(block).bytes();
            let image = Image::read(&bytes).unwrap();
            let problems: Vec<_> =
                image.defects().iter().map(|defect| defect.problem.clone()).collect();
            assert_eq!(problems, [problem]);
            assert!(!image.relocations().complete);
        }
    }
}
