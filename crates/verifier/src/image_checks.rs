//! What Driver Verifier's code integrity checks look at when an image is loaded.

use crate::faults::bug_check;
use crate::kernel::Kernel;
use crate::{BugCheck, End, Kind, Violation, data};
use ringfence_image::{DirectoryIndex, Section};

/// Bytes of IMAGE_SECTION_HEADER.
const SECTION_HEADER: u64 = 40;
/// Bytes of IMAGE_DATA_DIRECTORY.
const DIRECTORY: u64 = 8;

/// Reports what of the image is against the rules, section by section in the order of the file.
pub(crate) fn check(kernel: &mut Kernel<'_>) {
    if kernel.hvci() {
        return;
    }
    let image = kernel.image();
    let headers = image.headers();
    let alignment = headers.section_alignment;
    let table = kernel.loaded.base + headers.section_table().0;
    let directory = DirectoryIndex::ImportAddress as u64;
    let entry = kernel.loaded.base + headers.data_directories().0 + DIRECTORY * directory;
    let import_table = image.directory(DirectoryIndex::ImportAddress);
    for (section, header) in image.sections().iter().zip((table..).step_by(SECTION_HEADER as usize))
    {
        if section.is_writable() && section.is_executable() && !section.is_named("INIT") {
            report(kernel, 0x2003, header, header);
        }
        if alignment == 0 || alignment & 0xFFF != 0 {
            report(kernel, 0x2004, header, header);
        }
        if import_table
            .is_some_and(|table| section.is_executable() && begins_in(section, table.rva.0))
        {
            report(kernel, 0x2005, entry, header);
        }
    }
}

/// By the size in memory as it is stated, without rounding.
fn begins_in(section: &Section<'_>, rva: u32) -> bool {
    let start = u64::from(section.rva().0);
    (start..start + u64::from(section.virtual_size())).contains(&u64::from(rva))
}

fn report(kernel: &mut Kernel<'_>, subcode: u64, header: u64, name: u64) {
    if kernel.run.violations.len() >= kernel.options.budget.entries {
        return;
    }
    let code = bug_check::DRIVER_VERIFIER_DETECTED_VIOLATION;
    let parameters = [subcode, data::IMAGE_NAME, header, name];
    let registers = kernel.registers().clone();
    let violation = Violation {
        kind: Kind::CodeIntegrity,
        bug_check: BugCheck { code, parameters },
        touched: None,
        unprotected: false,
        ddi: None,
        function: None,
        value: None,
        address: header,
        rva: kernel.rva(header),
        call_site: None,
        registers,
        stack: Vec::new(),
        under_assumption: false,
        phase: kernel.phase,
    };
    kernel.run.violations.push(violation);
    kernel.run.end = End::Violation;
}
