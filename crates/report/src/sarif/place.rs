//! Where something is: in a driver, or in its sources.

use super::model::{
    Address, ArtifactLocation, Location, LogicalLocation, PhysicalLocation, Region,
};
use super::text::name;
use ringfence_finding::{Evidence, Finding, SourcePlace};

/// Microsoft's library for SARIF, which its viewers use, refuses a whole file for one number above this.
/// No real line or address is, but a file made for it has them.
const LARGEST: u32 = i32::MAX.unsigned_abs();

/// A driver as locations name it.
pub(super) struct Driver {
    pub(super) location: ArtifactLocation,
    /// The name of its file.
    pub(super) file: String,
    /// Its processor.
    pub(super) machine: String,
    /// Where it stands in the addresses of the run.
    pub(super) module: Option<usize>,
}

/// A function, by its name or where it begins.
#[derive(Clone, Copy, Default)]
pub(super) struct Function<'f> {
    pub(super) name: Option<&'f str>,
    pub(super) start: Option<u32>,
}

impl Driver {
    /// The address that all others in the driver are relative to.
    pub(super) fn module_address(&self, index: usize) -> Address {
        Address {
            relative_address: 0,
            offset_from_parent: None,
            kind: "module",
            name: Some(name(&self.file)),
            fully_qualified_name: name(&self.file),
            index: Some(index),
            parent_index: None,
        }
    }

    /// The driver as a whole: GitHub wants lines and columns of everything, and 1 is what any file has.
    pub(super) fn whole(&self) -> PhysicalLocation {
        PhysicalLocation {
            artifact_location: self.location.clone(),
            region: Region::line(1),
            address: None,
        }
    }

    /// What is at `rva`, in `function`.
    pub(super) fn at(
        &self,
        rva: u32,
        kind: &'static str,
        function: Function<'_>,
    ) -> PhysicalLocation {
        let address = Address {
            relative_address: rva,
            offset_from_parent: self.module.map(|_| rva),
            kind,
            name: None,
            fully_qualified_name: self.qualified(rva, function),
            index: None,
            parent_index: self.module,
        };
        let address = Some(address).filter(|_| rva <= LARGEST);
        PhysicalLocation { address, ..self.whole() }
    }

    /// `acme.sys!Allocate+0x5` as debuggers write it, or `acme.sys+0x1a45`.
    fn qualified(&self, rva: u32, function: Function<'_>) -> String {
        let offset = function.start.and_then(|start| rva.checked_sub(start));
        match (function.name, offset) {
            (Some(function), Some(offset)) => {
                format!("{}!{}+{offset:#x}", name(&self.file), name(function))
            }
            _ => format!("{}+{rva:#x}", name(&self.file)),
        }
    }

    /// The function and the section as parts of the driver.
    pub(super) fn parts(
        &self,
        function: Function<'_>,
        section: Option<&str>,
    ) -> Vec<LogicalLocation> {
        let part = |own: String, kind| LogicalLocation {
            fully_qualified_name: format!("{}!{own}", name(&self.file)),
            name: own,
            kind,
        };
        let unnamed = || function.start.map(|start| format!("sub_{start:x}"));
        let function = function.name.map(name).or_else(unnamed).map(|own| part(own, "function"));
        let section = section.map(|section| part(name(section), "section"));
        function.into_iter().chain(section).collect()
    }
}

/// A line of a source file.
pub(super) fn line_of(location: ArtifactLocation, line: Option<u32>) -> PhysicalLocation {
    let region = Region::line(line.filter(|line| (1..=LARGEST).contains(line)).unwrap_or(1));
    PhysicalLocation { artifact_location: location, region, address: None }
}

/// A location that is nothing but its place.
pub(super) fn bare(physical_location: PhysicalLocation) -> Location {
    Location { id: None, physical_location, logical_locations: Vec::new(), message: None }
}

/// Where the code of `finding` comes from, if that is known.
pub(super) fn source_of(finding: &Finding) -> Option<&SourcePlace> {
    finding.source.as_ref().or(match &finding.evidence {
        Some(Evidence::Listing(listing)) => listing.source.as_ref(),
        _ => None,
    })
}

/// The function that `finding` is in.
pub(super) fn function_of(finding: &Finding) -> Function<'_> {
    let start = match &finding.evidence {
        Some(Evidence::Listing(listing)) => {
            let primary =
                listing.marks.iter().find(|mark| mark.primary).map_or(0, |mark| mark.line);
            let entered = listing.lines.iter().take(primary + 1).rev();
            let entered = entered.filter_map(|line| line.enters.as_ref()).next();
            entered.map_or(listing.function, |entered| entered.function)
        }
        _ => None,
    };
    Function { name: source_of(finding).and_then(|source| source.function.as_deref()), start }
}
