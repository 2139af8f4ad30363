//! What Driver Verifier's code integrity checks look at when an image is loaded.

use crate::bug_check;
use crate::kernel::Kernel;
use crate::{BugCheck, End, Kind, Violation, data};
use ringfence_ddi::Ddi;
use ringfence_image::{DirectoryIndex, RELOCATION_ABSOLUTE, RELOCATION_DIR64, Section};

/// Bytes of IMAGE_SECTION_HEADER.
const SECTION_HEADER: u64 = 40;
/// Bytes of IMAGE_DATA_DIRECTORY.
const DIRECTORY: u64 = 8;

/// Builds of Windows at which the checks changed. Their order is known for certain, the numbers less so.
mod build {
    /// Before it only rights and alignment of sections were looked at: the first version of Windows 10.
    pub const MORE_CHECKS: u32 = 10586;
    /// From it on relocations are no longer looked at, and what was 0x2006 is 0x2005: Windows 10 1703.
    pub const NO_RELOCATIONS: u32 = 15063;
}

/// What of an image Driver Verifier objects to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ImageFault {
    /// A section is writable and executable.
    WritableExecutable,
    /// Sections do not begin on pages.
    Alignment,
    /// The import address table begins in an executable section.
    ImportTable,
    /// A base relocation changes two pages.
    StraddlingRelocation,
    /// A base relocation is of a type that is not supported.
    RelocationType,
}

/// A fault with what the bug check says of it.
struct Fault {
    fault: ImageFault,
    subcode: u64,
    third: u64,
    fourth: u64,
    /// How often there is such a one.
    count: u64,
}

impl Kernel<'_> {
    /// Whether the Windows that is emulated looks at calls of `ddi` already.
    pub(crate) fn is_looked_at(&self, ddi: &Ddi) -> bool {
        /// Calls that the first version of Windows 10 did not look at.
        const LATER: [&str; 1] = ["MmMapIoSpaceEx"];
        self.options.windows.build >= build::MORE_CHECKS || !LATER.contains(&ddi.name)
    }
}

/// Reports what of the image is against the rules, section by section in the order of the file.
pub(crate) fn check(kernel: &mut Kernel<'_>) {
    if !kernel.checks_code_integrity() {
        return;
    }
    let windows = kernel.options.windows.build;
    let image = kernel.image();
    let headers = image.headers();
    let alignment = headers.section_alignment;
    let table = kernel.loaded.base + headers.section_table().0;
    let directory = DirectoryIndex::ImportAddress as u64;
    let entry = kernel.loaded.base + headers.data_directories().0 + DIRECTORY * directory;
    let import_table = image.directory(DirectoryIndex::ImportAddress);
    for (section, header) in image.sections().iter().zip((table..).step_by(SECTION_HEADER as usize))
    {
        let of = |fault, subcode, third| Fault { fault, subcode, third, fourth: header, count: 1 };
        if section.is_writable() && section.is_executable() && !section.is_named("INIT") {
            report(kernel, &of(ImageFault::WritableExecutable, 0x2003, header));
        }
        if alignment == 0 || alignment & 0xFFF != 0 {
            report(kernel, &of(ImageFault::Alignment, 0x2004, header));
        }
        let begins = import_table.is_some_and(|table| begins_in(section, table.rva.0));
        if windows >= build::MORE_CHECKS && section.is_executable() && begins {
            let subcode = if windows < build::NO_RELOCATIONS { 0x2006 } else { 0x2005 };
            report(kernel, &of(ImageFault::ImportTable, subcode, entry));
        }
    }
    if (build::MORE_CHECKS..build::NO_RELOCATIONS).contains(&windows) {
        check_relocations(kernel);
    }
}

/// Reports relocations that Windows could not apply page by page: of each kind the first one, with how many there are.
fn check_relocations(kernel: &mut Kernel<'_>) {
    /// IMAGE_BASE_RELOCATION, and an entry behind it.
    const HEADER: usize = 8;
    const ENTRY: usize = 2;
    /// The last offset in a page at which eight bytes fit.
    const LAST: u16 = 0xFF8;
    let image = kernel.image();
    let Some(directory) = image.directory(DirectoryIndex::BaseRelocation) else { return };
    let start = kernel.loaded.at(directory.rva.0);
    let bytes = image.bytes_from(directory.rva).unwrap_or_default();
    let mut rest = &bytes[..bytes.len().min(directory.size as usize)];
    let mut block = start;
    let mut faults: Vec<Fault> = Vec::new();
    while let Some((size, entries)) = rest.get(4..HEADER).zip(rest.get(HEADER..)) {
        let size = u32::from_le_bytes([size[0], size[1], size[2], size[3]]) as usize;
        let Some(entries) = size.checked_sub(HEADER).and_then(|length| entries.get(..length))
        else {
            break;
        };
        for (entry, at) in entries.chunks_exact(ENTRY).zip((block + HEADER as u64..).step_by(ENTRY))
        {
            let entry = u16::from_le_bytes([entry[0], entry[1]]);
            let fault = match (entry >> 12) as u8 {
                RELOCATION_ABSOLUTE => continue,
                RELOCATION_DIR64 if entry & 0xFFF <= LAST => continue,
                RELOCATION_DIR64 => ImageFault::StraddlingRelocation,
                _ => ImageFault::RelocationType,
            };
            match faults.iter_mut().find(|known| known.fault == fault) {
                Some(known) => known.count += 1,
                None => faults.push(Fault {
                    fault,
                    subcode: 0x2005,
                    third: block,
                    fourth: at,
                    count: 1,
                }),
            }
        }
        rest = rest.get(size..).unwrap_or_default();
        block += size as u64;
    }
    for fault in &faults {
        report(kernel, fault);
    }
}

/// By the size in memory as it is stated, without rounding.
fn begins_in(section: &Section<'_>, rva: u32) -> bool {
    let start = u64::from(section.rva().0);
    (start..start + u64::from(section.virtual_size())).contains(&u64::from(rva))
}

fn report(kernel: &mut Kernel<'_>, told: &Fault) {
    if kernel.run.violations.len() >= kernel.options.budget.entries {
        return;
    }
    let code = bug_check::DRIVER_VERIFIER_DETECTED_VIOLATION;
    let parameters = [told.subcode, data::IMAGE_NAME, told.third, told.fourth];
    let registers = kernel.registers().clone();
    let violation = Violation {
        kind: Kind::CodeIntegrity,
        bug_check: BugCheck { code, parameters },
        count: told.count,
        image: Some(told.fault),
        touched: None,
        unprotected: false,
        ddi: None,
        function: None,
        value: None,
        address: told.third,
        rva: kernel.rva(told.third),
        call_site: None,
        routine: None,
        registers,
        stack: Vec::new(),
        under_assumption: false,
        phase: kernel.phase,
    };
    kernel.record(violation);
    kernel.run.end = End::Violation;
}
