//! The facts of an image that a report shows and no verdict rests on.

use ringfence_finding::{DebugFile, Imported, Mitigations, Properties, Section, Version};
use ringfence_image::{Image, Machine, VersionInfo};

/// `IMAGE_DLLCHARACTERISTICS_` flags.
const HIGH_ENTROPY_VA: u16 = 0x0020;
const DYNAMIC_BASE: u16 = 0x0040;
const FORCE_INTEGRITY: u16 = 0x0080;
const NX_COMPAT: u16 = 0x0100;
const GUARD_CF: u16 = 0x4000;

/// The facts of an image.
pub(crate) fn properties(image: &Image<'_>) -> Properties {
    let headers = image.headers();
    let debug = image.debug();
    Properties {
        format: if headers.pe32_plus { "PE32+" } else { "PE32" },
        subsystem: subsystem(headers.subsystem),
        hybrid: hybrid(image),
        entry_point: (headers.entry_point.0 != 0).then_some(headers.entry_point.0),
        section_alignment: headers.section_alignment,
        file_alignment: headers.file_alignment,
        size_of_image: headers.size_of_image,
        linker: format!("{}.{}", headers.linker.0, headers.linker.1),
        toolset: image.rich().and_then(|rich| rich.linker()).map(|toolset| toolset.name.to_owned()),
        timestamp: headers.time_date_stamp,
        reproducible: debug.reproducible,
        debug_file: debug.codeview.map(|codeview| DebugFile {
            path: String::from_utf8_lossy(codeview.path).into_owned(),
            guid: codeview.guid_text(),
            age: codeview.age,
        }),
        version: image.version().map(version),
        certificate_table: image
            .directory(ringfence_image::DirectoryIndex::Certificate)
            .map_or(0, |table| table.size),
        mitigations: mitigations(image),
        sections: image.sections().iter().take(MOST_SECTIONS).map(section).collect(),
        imports: image
            .imports()
            .modules
            .iter()
            .take(MOST_MODULES)
            .map(|module| Imported {
                module: module.name.escape_ascii().to_string(),
                functions: module.functions.len(),
                delayed: module.delayed,
            })
            .collect(),
        exports: image.exports().iter().count(),
    }
}

/// Sections listed; Windows XP loaded no more, and a hostile table must not make a long report.
const MOST_SECTIONS: usize = 96;
/// Modules listed, for the same reason.
const MOST_MODULES: usize = 256;

fn subsystem(number: u16) -> String {
    match number {
        1 => "native".to_owned(),
        2 => "Windows GUI".to_owned(),
        3 => "Windows console".to_owned(),
        other => other.to_string(),
    }
}

/// CHPE metadata in a 64-bit image means code for both x64 and ARM64.
fn hybrid(image: &Image<'_>) -> Option<&'static str> {
    let metadata = image.load_config()?.chpe_metadata?;
    match image.machine() {
        _ if metadata == 0 => None,
        Machine::Arm64 => Some("ARM64X"),
        Machine::X64 => Some("ARM64EC"),
        _ => None,
    }
}

fn mitigations(image: &Image<'_>) -> Mitigations {
    let has = |flag| image.headers().dll_characteristics & flag != 0;
    Mitigations {
        dynamic_base: has(DYNAMIC_BASE),
        high_entropy_va: has(HIGH_ENTROPY_VA),
        nx_compat: has(NX_COMPAT),
        force_integrity: has(FORCE_INTEGRITY),
        control_flow_guard: has(GUARD_CF),
        cet_compat: image.debug().cet_compat,
    }
}

fn version(version: &VersionInfo) -> Version {
    let text = |key| version.string(key).map(str::to_owned);
    Version {
        file: version.file_version.map(|[a, b, c, d]| format!("{a}.{b}.{c}.{d}")),
        company: text("CompanyName"),
        description: text("FileDescription"),
        product: text("ProductName"),
        original_filename: text("OriginalFilename"),
    }
}

fn section(section: &ringfence_image::Section<'_>) -> Section {
    Section {
        name: section.name(),
        rva: section.rva().0,
        virtual_size: section.virtual_size(),
        raw_offset: section.raw_offset(),
        raw_size: section.raw_size(),
        rights: section.rights(),
        discardable: section.is_discardable(),
        characteristics: section.characteristics(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringfence_fixture::driver;

    fn of(driver: ringfence_fixture::Driver) -> Properties {
        properties(&Image::read(&driver.bytes()).unwrap())
    }

    #[test]
    fn what_is_no_criterion_is_shown() {
        let plain = of(driver().dll_characteristics(0)).mitigations;
        assert_eq!(plain, Mitigations::default());
        let all = of(driver().dll_characteristics(0x41E0)).mitigations;
        let expected = Mitigations {
            dynamic_base: true,
            high_entropy_va: true,
            nx_compat: true,
            force_integrity: true,
            control_flow_guard: true,
            cet_compat: false,
        };
        assert_eq!(all, expected);
    }

    /// Spec case 119.
    #[test]
    fn hybrids_are_recognised() {
        assert_eq!(of(driver().arm64x()).hybrid, Some("ARM64X"));
        assert_eq!(of(driver().arm64()).hybrid, None);
    }

    #[test]
    fn the_version_is_told() {
        let version = of(driver()
            .version_info(|info| info.file_version([1, 2, 3, 4]).string("CompanyName", "Acme")))
        .version
        .unwrap();
        assert_eq!(
            (version.file.as_deref(), version.company.as_deref()),
            (Some("1.2.3.4"), Some("Acme"))
        );
    }
}
