//! What is malformed in an image, and where. A defect never ends the reading.

use crate::{FileOffset, Rva};
use std::fmt;

/// One malformed place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Defect {
    /// The structure that is malformed.
    pub structure: Structure,
    /// What is wrong with it.
    pub problem: Problem,
    /// Where it is.
    pub place: Place,
}

/// Where a defect is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the file.
    File(FileOffset),
    /// In the loaded image.
    Image(Rva),
}

/// The parts of an image that can be malformed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are those of the structures")]
pub enum Structure {
    OptionalHeader,
    DataDirectories,
    SectionTable,
    SectionData,
    ImportTable,
    ImportAddressTable,
    DelayImportTable,
    ExportTable,
    BaseRelocations,
    LoadConfiguration,
    DebugDirectory,
    ExceptionDirectory,
    Resources,
    CertificateTable,
}

/// What is wrong with a structure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// It ends before it should: bytes wanted, bytes there.
    Truncated {
        /// Bytes it should have.
        wanted: u64,
        /// Bytes it has.
        present: u64,
    },
    /// It, or something it points to, lies outside the sections and headers, or in a part of them that
    /// the file does not hold.
    PointsOutside,
    /// A size field holds a value that cannot be.
    BadSize(u64),
    /// A list or a text has no end mark.
    Unterminated,
    /// Parts overlap that must not, so that reading all of them would never pay off.
    Overlapping,
    /// A directory refers back to itself or nests deeper than Windows reads it.
    Cyclic,
    /// Entries that must be sorted are not.
    Unsorted,
    /// Something ends before it begins.
    Backwards,
    /// More entries than any driver has, or than its file can hold.
    TooMany,
}

impl Problem {
    /// A slug for machines to read.
    pub fn slug(&self) -> &'static str {
        match self {
            Problem::Truncated { .. } => "truncated",
            Problem::PointsOutside => "points-outside",
            Problem::BadSize(_) => "bad-size",
            Problem::Unterminated => "unterminated",
            Problem::Overlapping => "overlapping",
            Problem::Cyclic => "cyclic",
            Problem::Unsorted => "unsorted",
            Problem::Backwards => "backwards",
            Problem::TooMany => "too-many",
        }
    }
}

impl Structure {
    /// The structure's usual name.
    pub fn name(self) -> &'static str {
        match self {
            Structure::OptionalHeader => "optional header",
            Structure::DataDirectories => "data directories",
            Structure::SectionTable => "section table",
            Structure::SectionData => "section data",
            Structure::ImportTable => "import table",
            Structure::ImportAddressTable => "import address table",
            Structure::DelayImportTable => "delay import table",
            Structure::ExportTable => "export table",
            Structure::BaseRelocations => "base relocations",
            Structure::LoadConfiguration => "load configuration",
            Structure::DebugDirectory => "debug directory",
            Structure::ExceptionDirectory => "exception directory",
            Structure::Resources => "resources",
            Structure::CertificateTable => "certificate table",
        }
    }
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.structure.name())?;
        match &self.problem {
            Problem::Truncated { wanted, present } => {
                write!(f, "cut short: {present} of {wanted} bytes are there")?;
            }
            Problem::PointsOutside => f.write_str("pointing to where there is no data")?,
            Problem::BadSize(size) => write!(f, "with an impossible size of {size}")?,
            Problem::Unterminated => f.write_str("without an end mark")?,
            Problem::Overlapping => f.write_str("with overlapping parts")?,
            Problem::Cyclic => f.write_str("referring back to itself")?,
            Problem::Unsorted => f.write_str("not sorted by address")?,
            Problem::Backwards => f.write_str("with an end before its beginning")?,
            Problem::TooMany => f.write_str("with more entries than any driver has")?,
        }
        match self.place {
            Place::File(offset) => write!(f, " (file offset {offset})"),
            Place::Image(rva) => write!(f, " (RVA {rva})"),
        }
    }
}

/// Collects defects while a structure is read. A kind of defect is told at most a few times for a
/// structure: a hostile file must not make a long report.
#[derive(Debug, Default)]
pub(crate) struct Defects(Vec<Defect>);

/// How often the same problem of the same structure is told.
const MOST_OF_A_KIND: usize = 4;

impl Defects {
    pub(crate) fn in_file(&mut self, structure: Structure, problem: Problem, offset: u64) {
        self.push(Defect { structure, problem, place: Place::File(FileOffset(offset)) });
    }

    pub(crate) fn in_image(&mut self, structure: Structure, problem: Problem, rva: Rva) {
        self.push(Defect { structure, problem, place: Place::Image(rva) });
    }

    fn push(&mut self, defect: Defect) {
        let alike = |known: &&Defect| {
            known.structure == defect.structure && known.problem.slug() == defect.problem.slug()
        };
        if self.0.iter().filter(alike).count() < MOST_OF_A_KIND {
            self.0.push(defect);
        }
    }

    pub(crate) fn into_vec(self) -> Vec<Defect> {
        self.0
    }
}
