//! PE bytes to a borrowed, checked view; the only crate that knows PE layout.
//!
//! [`Image::read`] never panics, never loops and takes memory in proportion to the file only,
//! whatever the bytes. What is malformed becomes a [`Defect`] with its place, and the rest is still
//! read.
//!
//! ```
//! let bytes = ringfence_fixture::driver().bytes();
//! let image = ringfence_image::Image::read(&bytes)?;
//! assert_eq!(image.machine(), ringfence_image::Machine::X64);
//! assert!(image.sections().iter().any(|section| section.is_named(".text")));
//! # Ok::<(), ringfence_image::NotAnImage>(())
//! ```
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod address;
mod certificate;
mod debug;
mod defect;
mod exception;
mod export;
mod headers;
mod import;
mod load_config;
mod relocation;
mod resource;
mod rich;
mod section;
mod unwind;

pub use address::{FileOffset, Rva};
pub use certificate::{Certificate, SignedRanges};
pub use debug::{CodeView, Debug};
pub use defect::{Defect, Place, Problem, Structure};
pub use exception::{Function, Functions};
pub use export::{Export, Exports};
pub use headers::{
    DataDirectory, DirectoryIndex, HeaderField, Headers, Machine, NotAnImage, RELOCS_STRIPPED,
    SUBSYSTEM_NATIVE,
};
pub use import::{Import, ImportModule, ImportName, Imports};
pub use load_config::LoadConfig;
pub use relocation::{RELOCATION_ABSOLUTE, RELOCATION_DIR64, Relocation, Relocations};
pub use resource::VersionInfo;
pub use rich::{Rich, RichTool, Toolset};
pub use section::{PAGE, Section};
pub use unwind::Unwind;

use defect::Defects;
use object::LittleEndian as LE;
use object::pe::ImageDataDirectory;
use section::Layout;

/// A PE image, read from borrowed bytes.
#[derive(Debug)]
pub struct Image<'data> {
    length: usize,
    headers: Headers,
    directories: &'data [ImageDataDirectory],
    layout: Layout<'data>,
    imports: Imports<'data>,
    exports: Exports<'data>,
    relocations: Relocations<'data>,
    load_config: Option<LoadConfig>,
    debug: Debug<'data>,
    functions: Functions<'data>,
    version: Option<VersionInfo>,
    rich: Option<Rich>,
    certificates: Vec<Certificate<'data>>,
    signed_ranges: Option<SignedRanges>,
    defects: Vec<Defect>,
}

impl<'data> Image<'data> {
    /// Reads an image.
    ///
    /// # Errors
    ///
    /// Where the bytes are no PE image, or end before its optional header does.
    pub fn read(bytes: &'data [u8]) -> Result<Image<'data>, NotAnImage> {
        let headers = headers::read(bytes)?;
        let mut found = Defects::default();
        let defects = &mut found;
        let directories = headers::read_directories(bytes, &headers, defects);
        let layout = Layout::new(bytes, &headers, defects);
        let at = |index| directory(directories, index);
        let imports = import::Reader::new(&layout, &headers, bytes.len()).read(
            at(DirectoryIndex::Import),
            at(DirectoryIndex::DelayImport),
            defects,
        );
        if let Some(table) = at(DirectoryIndex::ImportAddress)
            && layout.bytes_from(table.rva).is_none()
        {
            defects.in_image(Structure::ImportAddressTable, Problem::PointsOutside, table.rva);
        }
        let exports = at(DirectoryIndex::Export)
            .map(|table| export::read(&layout, table, defects))
            .unwrap_or_default();
        let relocations = match at(DirectoryIndex::BaseRelocation) {
            Some(table) => relocation::read(&layout, table, defects),
            None => Relocations::none(),
        };
        let load_config = at(DirectoryIndex::LoadConfig)
            .and_then(|table| load_config::read(&layout, &headers, table, defects));
        let debug = at(DirectoryIndex::Debug)
            .map(|table| debug::read(bytes, &layout, &headers, table, defects))
            .unwrap_or_default();
        let functions = at(DirectoryIndex::Exception)
            .map(|table| exception::read(&layout, headers.machine, table, defects))
            .unwrap_or_default();
        let version = at(DirectoryIndex::Resource)
            .and_then(|table| resource::read_version(&layout, table, defects));
        let table = at(DirectoryIndex::Certificate);
        let certificates =
            table.map(|table| certificate::read(bytes, table, defects)).unwrap_or_default();
        let has_directory = directories.len() > DirectoryIndex::Certificate as usize;
        let signed_ranges =
            certificate::signed_ranges(bytes.len(), &headers, table, has_directory, defects);
        Ok(Image {
            length: bytes.len(),
            headers,
            directories,
            layout,
            imports,
            exports,
            relocations,
            load_config,
            debug,
            functions,
            version,
            rich: Rich::read(bytes, headers.signature.0),
            certificates,
            signed_ranges,
            defects: found.into_vec(),
        })
    }

    /// Length of the file in bytes.
    pub fn file_length(&self) -> usize {
        self.length
    }

    /// The header fields.
    pub fn headers(&self) -> &Headers {
        &self.headers
    }

    /// The processor it is for.
    pub fn machine(&self) -> Machine {
        self.headers.machine
    }

    /// The data directory at `index`; `None` where the image has none there or an empty one. An
    /// address without a size, or the reverse, counts as none, as it does for Windows, except for
    /// the imports, whose size Windows does not look at.
    pub fn directory(&self, index: DirectoryIndex) -> Option<DataDirectory> {
        directory(self.directories, index)
    }

    /// Whether all stated data directories, of the first 16, are there.
    pub fn directories_complete(&self) -> bool {
        self.directories.len() as u64 == u64::from(self.headers.number_of_rva_and_sizes.min(16))
    }

    /// The sections in file order, as many as are there.
    pub fn sections(&self) -> &[Section<'data>] {
        &self.layout.sections
    }

    /// The section whose bytes in memory contain `rva`.
    pub fn section_at(&self, rva: Rva) -> Option<Section<'data>> {
        self.layout.section_at(rva)
    }

    /// Where in the file the byte at `rva` is; `None` where it lies outside or is zero-filled.
    pub fn offset_of(&self, rva: Rva) -> Option<FileOffset> {
        self.layout.offset_of(rva)
    }

    /// The bytes from `rva` to the end of what the file has of its section.
    pub fn bytes_from(&self, rva: Rva) -> Option<&'data [u8]> {
        self.layout.bytes_from(rva)
    }

    /// The text at `rva` up to its NUL; `None` where there is none within 4,096 bytes.
    pub fn text_at(&self, rva: Rva) -> Option<&'data [u8]> {
        self.layout.text(rva, 4096).ok()
    }

    /// What it imports.
    pub fn imports(&self) -> &Imports<'data> {
        &self.imports
    }

    /// What it exports.
    pub fn exports(&self) -> &Exports<'data> {
        &self.exports
    }

    /// Its base relocations.
    pub fn relocations(&self) -> &Relocations<'data> {
        &self.relocations
    }

    /// Its load configuration.
    pub fn load_config(&self) -> Option<&LoadConfig> {
        self.load_config.as_ref()
    }

    /// What its debug directory says.
    pub fn debug(&self) -> &Debug<'data> {
        &self.debug
    }

    /// The functions of its exception directory.
    pub fn functions(&self) -> &Functions<'data> {
        &self.functions
    }

    /// The unwind information of an x64 entry of [`Image::functions`]; `None` where there is none
    /// that can be read.
    pub fn unwind(&self, function: &Function) -> Option<Unwind> {
        match self.machine() {
            Machine::X64 => unwind::read(&self.layout, function),
            _ => None,
        }
    }

    /// Its version resource.
    pub fn version(&self) -> Option<&VersionInfo> {
        self.version.as_ref()
    }

    /// Its Rich header.
    pub fn rich(&self) -> Option<&Rich> {
        self.rich.as_ref()
    }

    /// The entries of its certificate table.
    pub fn certificates(&self) -> &[Certificate<'data>] {
        &self.certificates
    }

    /// What a signature covers; `None` where no signature could, and a defect says why.
    pub fn signed_ranges(&self) -> Option<&SignedRanges> {
        self.signed_ranges.as_ref()
    }

    /// What is malformed, in the order it was met.
    pub fn defects(&self) -> &[Defect] {
        &self.defects
    }
}

fn directory(directories: &[ImageDataDirectory], index: DirectoryIndex) -> Option<DataDirectory> {
    let entry = directories.get(index as usize)?;
    let (rva, size) = (Rva(entry.virtual_address.get(LE)), entry.size.get(LE));
    let by_address_alone = matches!(index, DirectoryIndex::Import | DirectoryIndex::DelayImport);
    (rva.0 != 0 && (size != 0 || by_address_alone)).then_some(DataDirectory { rva, size })
}
