//! What object reads: all but the exception directory, the load configuration, certificates and the
//! version, for which it has no reader.

use crate::Facts;
use crate::ringfence::{debug_line, section};
use object::LittleEndian as LE;
use object::Object as _;
use object::pe::{ImageNtHeaders32, ImageNtHeaders64};
use object::read::pe::{
    ExportTarget, ImageNtHeaders, ImageOptionalHeader as _, ImageThunkData as _, Import, PeFile,
    optional_header_magic,
};

pub fn facts(bytes: &[u8]) -> Facts {
    match optional_header_magic(bytes).unwrap() {
        0x20B => read::<ImageNtHeaders64>(bytes),
        _ => read::<ImageNtHeaders32>(bytes),
    }
}

fn read<Pe: ImageNtHeaders>(bytes: &[u8]) -> Facts {
    let file = &PeFile::<Pe>::parse(bytes).unwrap();
    let entry = file.nt_headers().optional_header().address_of_entry_point();
    Facts::from([
        ("entry point", vec![format!("{entry:#x}")]),
        ("sections", sections(file)),
        ("imports", imports(file)),
        ("delayed imports", delayed_imports(file)),
        ("exports", exports(file)),
        ("relocations", relocations(file)),
        ("debug file", debug_file(file)),
        ("rich", rich(file)),
    ])
}

fn sections<Pe: ImageNtHeaders>(file: &PeFile<'_, Pe>) -> Vec<String> {
    let table = file.section_table();
    table
        .iter()
        .map(|one| {
            section(
                &one.name,
                [
                    one.virtual_address.get(LE),
                    one.virtual_size.get(LE),
                    one.pointer_to_raw_data.get(LE),
                    one.size_of_raw_data.get(LE),
                    one.characteristics.get(LE).0,
                ],
            )
        })
        .collect()
}

fn import<Pe: ImageNtHeaders>(
    module: &[u8],
    import: Import<'_>,
    first: u32,
    index: usize,
) -> String {
    let name = match import {
        Import::Name(_, name) => name.escape_ascii().to_string(),
        Import::Ordinal(ordinal) => format!("ORDINAL {ordinal}"),
    };
    let slot = first + (index * size_of::<Pe::ImageThunkData>()) as u32;
    format!("{}!{name} at {slot:#x}", module.escape_ascii())
}

fn imports<Pe: ImageNtHeaders>(file: &PeFile<'_, Pe>) -> Vec<String> {
    let Some(table) = file.import_table().unwrap() else { return Vec::new() };
    let mut lines = Vec::new();
    for row in table.descriptors().unwrap() {
        let row = row.unwrap();
        let module = table.name(row.name.get(LE)).unwrap();
        let mut thunks = table.thunks(row.original_first_thunk.get(LE)).unwrap();
        let mut index = 0;
        while let Some(thunk) = thunks.next::<Pe>().unwrap() {
            assert!(thunk.raw() != 0);
            let named = table.import::<Pe>(thunk).unwrap();
            lines.push(import::<Pe>(module, named, row.first_thunk.get(LE), index));
            index += 1;
        }
    }
    lines
}

fn delayed_imports<Pe: ImageNtHeaders>(file: &PeFile<'_, Pe>) -> Vec<String> {
    let Some(table) = file.delay_load_import_table().unwrap() else { return Vec::new() };
    let mut lines = Vec::new();
    for row in table.descriptors().unwrap() {
        let row = row.unwrap();
        let module = table.name(row.dll_name_rva.get(LE)).unwrap();
        let mut thunks = table.thunks(row.import_name_table_rva.get(LE)).unwrap();
        let mut index = 0;
        while let Some(thunk) = thunks.next::<Pe>().unwrap() {
            let named = table.import::<Pe>(thunk).unwrap();
            lines.push(import::<Pe>(module, named, row.import_address_table_rva.get(LE), index));
            index += 1;
        }
    }
    lines
}

fn exports<Pe: ImageNtHeaders>(file: &PeFile<'_, Pe>) -> Vec<String> {
    let Some(table) = file.export_table().unwrap() else { return Vec::new() };
    let line = |(name, index)| {
        let name = table.name_from_pointer(name).unwrap().escape_ascii();
        let text = |module: &[u8], what: &str| format!("{}.{what}", module.escape_ascii());
        let target = match table.target_by_index(index).unwrap() {
            ExportTarget::Address(rva) => format!("{rva:#x}"),
            ExportTarget::ForwardByOrdinal(module, ordinal) => {
                text(module, &format!("#{}", ordinal.0))
            }
            ExportTarget::ForwardByName(module, name) => {
                text(module, &name.escape_ascii().to_string())
            }
        };
        format!("{name} = {target}")
    };
    table.name_iter().map(line).collect()
}

fn relocations<Pe: ImageNtHeaders>(file: &PeFile<'_, Pe>) -> Vec<String> {
    let blocks =
        file.data_directories().relocation_blocks(file.data(), &file.section_table()).unwrap();
    let all = blocks.into_iter().flatten().flat_map(Result::unwrap);
    all.map(|one| format!("{:#x} {}", one.virtual_address, one.typ.0)).collect()
}

fn debug_file<Pe: ImageNtHeaders>(file: &PeFile<'_, Pe>) -> Vec<String> {
    let codeview = file.pdb_info().unwrap();
    codeview.into_iter().map(|one| debug_line(one.guid(), one.age(), one.path())).collect()
}

fn rich<Pe: ImageNtHeaders>(file: &PeFile<'_, Pe>) -> Vec<String> {
    let tools = file.rich_header_info().into_iter().flat_map(|rich| rich.unmasked_entries());
    tools
        .map(|tool| format!("{} {} {}", tool.comp_id >> 16, tool.comp_id & 0xFFFF, tool.count))
        .collect()
}
