//! The headers in front of the sections.

use crate::defect::{Defects, Problem, Structure};
use crate::{FileOffset, Rva};
use object::LittleEndian as LE;
use object::pe::{
    IMAGE_NT_OPTIONAL_HDR32_MAGIC, IMAGE_NT_OPTIONAL_HDR64_MAGIC, ImageDataDirectory,
    ImageDosHeader, ImageFileHeader, ImageOptionalHeader32, ImageOptionalHeader64,
};
use object::read::ReadRef;
use std::fmt;

/// Why some bytes are not read as a PE image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotAnImage {
    /// There are no bytes.
    Empty,
    /// The bytes are something else.
    NotPe,
    /// An executable of an older format: MS-DOS, NE, LE, LX.
    OldExecutable(&'static str),
    /// It begins as a PE image, but ends within its headers.
    Truncated {
        /// The header that is cut short.
        header: &'static str,
        /// Where that header would end.
        end: u64,
        /// Length of the file in bytes.
        length: u64,
    },
    /// The optional header is of no kind that Windows loads.
    UnknownMagic(u16),
}

impl fmt::Display for NotAnImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotAnImage::Empty => f.write_str("the file is empty"),
            NotAnImage::NotPe => f.write_str("not a PE image"),
            NotAnImage::OldExecutable(kind) => write!(f, "not a PE image but {kind}"),
            NotAnImage::Truncated { header, end, length } => {
                write!(
                    f,
                    "truncated: the {header} would end at {end:#x}, the file ends at {length:#x}"
                )
            }
            NotAnImage::UnknownMagic(magic) => {
                write!(f, "optional header of unknown kind {magic:#06x}")
            }
        }
    }
}

impl std::error::Error for NotAnImage {}

/// The processor an image is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Machine {
    /// AMD64, 0x8664.
    X64,
    /// ARM64, 0xAA64.
    Arm64,
    /// Intel 386, 0x14C.
    X86,
    /// Itanium, 0x200.
    Ia64,
    /// 32-bit ARM (Thumb-2), 0x1C4.
    Arm,
    /// Anything else, by its number.
    Other(u16),
}

impl From<u16> for Machine {
    fn from(number: u16) -> Machine {
        match number {
            0x8664 => Machine::X64,
            0xAA64 => Machine::Arm64,
            0x014C => Machine::X86,
            0x0200 => Machine::Ia64,
            0x01C4 => Machine::Arm,
            other => Machine::Other(other),
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Machine::X64 => f.write_str("x64"),
            Machine::Arm64 => f.write_str("arm64"),
            Machine::X86 => f.write_str("x86"),
            Machine::Ia64 => f.write_str("ia64"),
            Machine::Arm => f.write_str("arm"),
            Machine::Other(number) => write!(f, "{number:#06x}"),
        }
    }
}

/// The fields of the file header and the optional header, PE32 and PE32+ alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Headers {
    /// Where the `PE\0\0` signature is.
    pub signature: FileOffset,
    /// The processor.
    pub machine: Machine,
    /// Whether the optional header is PE32+ (64-bit fields).
    pub pe32_plus: bool,
    /// Number of sections as stated; the section table may hold fewer.
    pub number_of_sections: u16,
    /// Seconds since 1970, or a hash in reproducible builds.
    pub time_date_stamp: u32,
    /// Size of the optional header with its data directories, as stated.
    pub size_of_optional_header: u16,
    /// Characteristics of the file header.
    pub characteristics: u16,
    /// Linker version, major and minor.
    pub linker: (u8, u8),
    /// Where execution begins; 0 for nowhere.
    pub entry_point: Rva,
    /// Preferred base address.
    pub image_base: u64,
    /// Alignment of sections in memory, in bytes.
    pub section_alignment: u32,
    /// Alignment of sections in the file, in bytes.
    pub file_alignment: u32,
    /// Bytes the image takes in memory.
    pub size_of_image: u32,
    /// Bytes the headers take.
    pub size_of_headers: u32,
    /// The CheckSum field; 0 for none.
    pub check_sum: u32,
    /// Subsystem; 1 is native.
    pub subsystem: u16,
    /// DllCharacteristics.
    pub dll_characteristics: u16,
    /// Number of data directories as stated; there may be fewer.
    pub number_of_rva_and_sizes: u32,
}

/// `IMAGE_SUBSYSTEM_NATIVE`.
pub const SUBSYSTEM_NATIVE: u16 = 1;
/// `IMAGE_FILE_RELOCS_STRIPPED`.
pub const RELOCS_STRIPPED: u16 = 0x0001;

impl Headers {
    /// Where the optional header begins.
    pub fn optional_header(&self) -> FileOffset {
        // The signature and the file header are 4 and 20 bytes long.
        FileOffset(self.signature.0 + 24)
    }

    /// Where the section table begins.
    pub fn section_table(&self) -> FileOffset {
        FileOffset(self.optional_header().0 + u64::from(self.size_of_optional_header))
    }

    /// Where the first data directory is.
    pub fn data_directories(&self) -> FileOffset {
        FileOffset(self.optional_header().0 + if self.pe32_plus { 112 } else { 96 })
    }

    /// Where the given optional-header field is, for fields at the same place in PE32 and PE32+.
    pub fn field(&self, field: HeaderField) -> FileOffset {
        FileOffset(self.optional_header().0 + field as u64)
    }
}

/// Optional-header fields that stand at the same offset in PE32 and PE32+, by that offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[expect(missing_docs, reason = "the names are those of the fields")]
pub enum HeaderField {
    Magic = 0,
    AddressOfEntryPoint = 16,
    SectionAlignment = 32,
    FileAlignment = 36,
    SizeOfImage = 56,
    SizeOfHeaders = 60,
    CheckSum = 64,
    Subsystem = 68,
}

pub(crate) fn read(bytes: &[u8]) -> Result<Headers, NotAnImage> {
    let signature = find_signature(bytes)?;
    let file = part::<ImageFileHeader>(bytes, signature + 4, "file header")?;
    let optional = signature + 24;
    let magic = u16::from_le_bytes(*part::<[u8; 2]>(bytes, optional, "optional header")?);
    // The two forms differ only in types and layout, which a macro says once.
    macro_rules! read_as {
        ($type:ty) => {{
            let from = part::<$type>(bytes, optional, "optional header")?;
            Headers {
                signature: FileOffset(signature),
                machine: Machine::from(file.machine.get(LE).0),
                pe32_plus: magic == IMAGE_NT_OPTIONAL_HDR64_MAGIC,
                number_of_sections: file.number_of_sections.get(LE),
                time_date_stamp: file.time_date_stamp.get(LE),
                size_of_optional_header: file.size_of_optional_header.get(LE),
                characteristics: file.characteristics.get(LE).0,
                linker: (from.major_linker_version, from.minor_linker_version),
                entry_point: Rva(from.address_of_entry_point.get(LE)),
                image_base: from.image_base.get(LE).into(),
                section_alignment: from.section_alignment.get(LE),
                file_alignment: from.file_alignment.get(LE),
                size_of_image: from.size_of_image.get(LE),
                size_of_headers: from.size_of_headers.get(LE),
                check_sum: from.check_sum.get(LE),
                subsystem: from.subsystem.get(LE).0,
                dll_characteristics: from.dll_characteristics.get(LE).0,
                number_of_rva_and_sizes: from.number_of_rva_and_sizes.get(LE),
            }
        }};
    }
    Ok(match magic {
        IMAGE_NT_OPTIONAL_HDR64_MAGIC => read_as!(ImageOptionalHeader64),
        IMAGE_NT_OPTIONAL_HDR32_MAGIC => read_as!(ImageOptionalHeader32),
        other => return Err(NotAnImage::UnknownMagic(other)),
    })
}

fn find_signature(bytes: &[u8]) -> Result<u64, NotAnImage> {
    match bytes {
        [] => return Err(NotAnImage::Empty),
        [b'M', b'Z', ..] => {}
        _ => return Err(NotAnImage::NotPe),
    }
    let dos = part::<ImageDosHeader>(bytes, 0, "MS-DOS header")?;
    let new_header = u64::from(dos.e_lfanew.get(LE));
    match bytes.read_bytes_at(new_header, 4) {
        Ok(b"PE\0\0") => Ok(new_header),
        Ok([b'N', b'E', ..]) => {
            Err(NotAnImage::OldExecutable("an NE (16-bit Windows or OS/2) executable"))
        }
        Ok([b'L', b'E', ..]) => {
            Err(NotAnImage::OldExecutable("an LE (virtual device driver) executable"))
        }
        Ok([b'L', b'X', ..]) => Err(NotAnImage::OldExecutable("an LX (OS/2) executable")),
        // A relocation table within the MS-DOS header itself says that no newer header follows it.
        Err(()) if dos.e_lfarlc.get(LE) >= 0x40 => Err(NotAnImage::Truncated {
            header: "PE signature",
            end: new_header + 4,
            length: bytes.len() as u64,
        }),
        _ => Err(NotAnImage::OldExecutable("an MS-DOS executable")),
    }
}

fn part<'data, T: object::Pod>(
    bytes: &'data [u8],
    offset: u64,
    header: &'static str,
) -> Result<&'data T, NotAnImage> {
    bytes.read_at::<T>(offset).map_err(|()| NotAnImage::Truncated {
        header,
        end: offset + size_of::<T>() as u64,
        length: bytes.len() as u64,
    })
}

/// A data directory: where a table is and how long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DataDirectory {
    /// Start of the table; for the certificate table a file offset.
    pub rva: Rva,
    /// Length in bytes.
    pub size: u32,
}

/// The data directories ringfence reads, by index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[expect(missing_docs, reason = "the names are those of the tables")]
pub enum DirectoryIndex {
    Export = 0,
    Import = 1,
    Resource = 2,
    Exception = 3,
    Certificate = 4,
    BaseRelocation = 5,
    Debug = 6,
    LoadConfig = 10,
    ImportAddress = 12,
    DelayImport = 13,
}

/// Reads the data directories that are both stated and there, 16 at most. Windows goes by their stated
/// number alone, also where the optional header is stated to end before them.
pub(crate) fn read_directories<'data>(
    bytes: &'data [u8],
    headers: &Headers,
    defects: &mut Defects,
) -> &'data [ImageDataDirectory] {
    let start = headers.data_directories().0;
    let stated = u64::from(headers.number_of_rva_and_sizes.min(16));
    let count = stated.min((bytes.len() as u64).saturating_sub(start) / 8);
    if count < stated {
        let problem = Problem::Truncated { wanted: stated * 8, present: count * 8 };
        defects.in_file(Structure::DataDirectories, problem, start);
    }
    bytes.read_slice_at(start, count as usize).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringfence_fixture::driver;

    #[test]
    fn other_files_are_told_apart() {
        assert_eq!(read(b"").unwrap_err(), NotAnImage::Empty);
        assert_eq!(read(b"#!/bin/sh").unwrap_err(), NotAnImage::NotPe);
        let mut old = vec![0; 0x100];
        old[..2].copy_from_slice(b"MZ");
        old[0x3C] = 0x80;
        assert_eq!(read(&old).unwrap_err(), NotAnImage::OldExecutable("an MS-DOS executable"));
        old[0x80..0x82].copy_from_slice(b"LX");
        assert_eq!(read(&old).unwrap_err(), NotAnImage::OldExecutable("an LX (OS/2) executable"));
    }

    #[test]
    fn a_cut_within_the_headers_names_the_header() {
        let bytes = driver().bytes();
        let signature = read(&bytes).unwrap().signature.0 as usize;
        let header_at = |length: usize| match read(&bytes[..length]) {
            Err(NotAnImage::Truncated { header, .. }) => header,
            other => panic!("{length}: {other:?}"),
        };
        assert_eq!(header_at(10), "MS-DOS header");
        assert_eq!(header_at(signature + 10), "file header");
        assert_eq!(header_at(signature + 60), "optional header");
    }

    /// A section table that is stated to lie over the directories hides none of them.
    #[test]
    fn directories_are_as_many_as_stated() {
        let bytes = driver().size_of_optional_header(112).bytes();
        let headers = read(&bytes).unwrap();
        let mut defects = Defects::default();
        assert_eq!(read_directories(&bytes, &headers, &mut defects).len(), 16);
        let cut = &bytes[..headers.data_directories().0 as usize + 20];
        assert_eq!(read_directories(cut, &headers, &mut defects).len(), 2);
        let [only] = &defects.into_vec()[..] else { panic!() };
        assert_eq!(only.problem, Problem::Truncated { wanted: 128, present: 16 });
    }

    #[test]
    fn both_header_forms_are_read() {
        let plus = read(&driver().bytes()).unwrap();
        assert!(plus.pe32_plus);
        assert_eq!(
            (plus.machine, plus.subsystem, plus.section_alignment),
            (Machine::X64, 1, 0x1000)
        );
        let plain = read(&driver().x86().bytes()).unwrap();
        assert!(!plain.pe32_plus);
        assert_eq!(
            (plain.machine, plain.subsystem, plain.section_alignment),
            (Machine::X86, 1, 0x1000)
        );
    }
}
