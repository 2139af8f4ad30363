//! What goblin reads: all but delayed imports, for which it has no reader.

use crate::Facts;
use crate::ringfence::{debug_line, digest, section};
use goblin::pe::PE;
use goblin::pe::export::Reexport;
use goblin::pe::resource::VersionField;

pub fn facts(bytes: &[u8]) -> Facts {
    let pe = &PE::parse(bytes).unwrap();
    Facts::from([
        ("entry point", vec![format!("{:#x}", pe.entry)]),
        ("sections", sections(pe)),
        ("imports", imports(pe)),
        ("exports", exports(pe)),
        ("relocations", relocations(pe)),
        ("debug file", debug_file(pe)),
        ("rich", rich(pe)),
        ("functions", functions(pe)),
        ("load configuration", load_config(pe)),
        ("certificates", certificates(pe)),
        ("signed bytes", vec![digest(pe.authenticode_ranges())]),
        ("version", version(pe)),
    ])
}

fn sections(pe: &PE<'_>) -> Vec<String> {
    let sections = pe.sections.iter();
    sections
        .map(|one| {
            section(
                &one.name,
                [
                    one.virtual_address,
                    one.virtual_size,
                    one.pointer_to_raw_data,
                    one.size_of_raw_data,
                    one.characteristics,
                ],
            )
        })
        .collect()
}

fn imports(pe: &PE<'_>) -> Vec<String> {
    pe.imports.iter().map(|one| format!("{}!{} at {:#x}", one.dll, one.name, one.offset)).collect()
}

fn exports(pe: &PE<'_>) -> Vec<String> {
    let exports = pe.exports.iter();
    exports
        .map(|one| {
            let name = one.name.unwrap();
            match one.reexport {
                None => format!("{name} = {:#x}", one.rva),
                Some(Reexport::DLLName { lib, export }) => format!("{name} = {lib}.{export}"),
                Some(Reexport::DLLOrdinal { lib, ordinal }) => format!("{name} = {lib}.#{ordinal}"),
            }
        })
        .collect()
}

fn relocations(pe: &PE<'_>) -> Vec<String> {
    let blocks = pe.relocation_data.iter().flat_map(|data| data.blocks()).map(Result::unwrap);
    let words = blocks.flat_map(|block| {
        let words: Vec<_> = block.words().map(Result::unwrap).collect();
        words.into_iter().map(move |word| (block.rva + u32::from(word.offset()), word.reloc_type()))
    });
    // Type 0 is filler.
    let real = words.filter(|(_, kind)| *kind != 0);
    real.map(|(rva, kind)| format!("{rva:#x} {kind}")).collect()
}

fn debug_file(pe: &PE<'_>) -> Vec<String> {
    let codeview =
        pe.debug_data.as_ref().and_then(|debug| debug.codeview_pdb70_debug_info.as_ref());
    let line = |one: &goblin::pe::debug::CodeviewPDB70DebugInfo<'_>| {
        let path = one.filename.split(|&byte| byte == 0).next().unwrap();
        debug_line(one.signature, one.age, path)
    };
    codeview.into_iter().map(line).collect()
}

fn rich(pe: &PE<'_>) -> Vec<String> {
    let tools = pe.header.rich_header.iter().flat_map(|rich| rich.metadatas()).map(Result::unwrap);
    tools.map(|tool| format!("{} {} {}", tool.product, tool.build, tool.use_count)).collect()
}

fn functions(pe: &PE<'_>) -> Vec<String> {
    let Some(data) = &pe.exception_data else { return Vec::new() };
    let line = |begin: u32| format!("{begin:#x}");
    match pe.header.coff_header.machine {
        0xAA64 => data.functions_arm64().map(|one| line(one.unwrap().begin_address)).collect(),
        _ => data.functions().map(|one| line(one.unwrap().begin_address)).collect(),
    }
}

fn load_config(pe: &PE<'_>) -> Vec<String> {
    let config = pe.load_config_data.iter().map(|data| &data.directory);
    config
        .map(|one| {
            let (cookie, guard) = (one.security_cookie, one.guard_flags);
            format!("{:x} {cookie:x?} {guard:x?} {:x?}", one.size, one.chpe_metadata_pointer)
        })
        .collect()
}

fn certificates(pe: &PE<'_>) -> Vec<String> {
    let certificates = pe.certificates.iter();
    certificates
        .map(|one| {
            let (revision, kind) = (one.revision as u16, one.certificate_type as u16);
            format!("{revision:x} {kind} {}", one.certificate.len())
        })
        .collect()
}

fn version(pe: &PE<'_>) -> Vec<String> {
    let version = pe.resource_data.iter().filter_map(|resources| resources.version_info.as_ref());
    version
        .map(|one| {
            // Not file_version(), which reads the date in its stead.
            let number = one.fixed_info.map(|fixed| {
                VersionField::from_ms_ls(fixed.file_version_ms, fixed.file_version_ls).to_string()
            });
            let (company, product) =
                (one.string_info.company_name(), one.string_info.product_name());
            format!("{number:?} {company:?} {product:?}")
        })
        .collect()
}
