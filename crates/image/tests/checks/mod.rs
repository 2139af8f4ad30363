//! What holds of an image whatever its bytes. The fuzz target `image` asks nothing else, and the
//! tests beside this ask it of inputs that once went wrong.

use ringfence_image::{Defect, Image, ImportName, Imports, Place, Rva, Structure};

/// Tables of the image that a defect can be about, kinds of problem, and how often each is told.
const MOST_DEFECTS: usize = 13 * 7 * 4;
/// Addresses tried beside those the image names itself.
const PROBES: [u32; 6] = [0, 1, 0xFFF, 0x1000, 0x7FFF_FFFF, u32::MAX];
/// Texts looked up; the reader never does it, so only a little of it belongs into a fuzz run.
const MOST_TEXTS: usize = 64;

/// Reads `bytes` and walks everything that was read.
pub fn walk(bytes: &[u8]) {
    let image = match Image::read(bytes) {
        Ok(image) => image,
        Err(reason) => return assert!(!reason.to_string().is_empty()),
    };
    assert_eq!(image.file_length(), bytes.len());
    sections(&image, bytes);
    for rva in PROBES {
        place(&image, bytes, Rva(rva));
    }
    imports(image.imports(), &image, bytes);
    exports(&image, bytes);
    relocations(&image);
    functions(&image);
    facts(&image, bytes);
    certificates(&image, bytes);
    defects(image.defects());
}

/// Whether `part` is a part of `bytes`, by address.
fn within(part: &[u8], bytes: &[u8]) -> bool {
    let (inner, outer) = (part.as_ptr_range(), bytes.as_ptr_range());
    part.is_empty() || outer.start <= inner.start && inner.end <= outer.end
}

fn sections(image: &Image<'_>, bytes: &[u8]) {
    let sections = image.sections();
    assert!(sections.len() <= usize::from(image.headers().number_of_sections));
    assert!(sections.len() * 40 <= bytes.len());
    for (section, number) in sections.iter().zip(1..) {
        assert_eq!(section.number, number);
        assert!(within(section.raw_name(), bytes));
        assert!(section.name().bytes().all(|byte| byte.is_ascii_graphic() || byte == b' '));
        assert_eq!(section.rights().len(), 3);
        let (addresses, pages) = (section.addresses(), section.pages());
        assert!(pages.start <= addresses.start && addresses.end <= pages.end);
    }
    // A hostile table is long, and each look-up has its price.
    for section in sections.iter().take(200) {
        let last = Rva((section.addresses().end.saturating_sub(1)).min(u32::MAX.into()) as u32);
        place(image, bytes, section.rva());
        place(image, bytes, last);
    }
}

/// What stands at `rva` is the same whichever way it is asked for.
fn place(image: &Image<'_>, bytes: &[u8], rva: Rva) {
    if let Some(section) = image.section_at(rva) {
        assert!(section.addresses().contains(&u64::from(rva.0)));
    }
    let there = image.bytes_from(rva);
    assert!(within(there.unwrap_or_default(), bytes));
    match image.offset_of(rva) {
        Some(offset) => {
            let start = offset.0 as usize;
            let there = there.expect("a place in the file has bytes");
            assert_eq!(&bytes[start..start + there.len()], there);
        }
        None => assert!(there.is_none_or(<[u8]>::is_empty)),
    }
    let text = image.text_at(rva).unwrap_or_default();
    assert!(text.len() <= 4096 && !text.contains(&0) && within(text, bytes));
}

fn imports(imports: &Imports<'_>, image: &Image<'_>, bytes: &[u8]) {
    let entry = if image.headers().pe32_plus { 8 } else { 4 };
    assert!(imports.len() + imports.modules.len() <= bytes.len() / entry + 2);
    let name = |name: &[u8]| {
        assert!(name.len() <= 4096 && !name.contains(&0) && within(name, bytes));
        name.len()
    };
    let mut names = 0;
    for module in &imports.modules {
        names += name(module.name);
        let table = &module.address_table;
        assert_eq!(table.end - table.start, (module.functions.len() * entry) as u64);
        for import in &module.functions {
            assert!(table.contains(&u64::from(import.slot.0)));
            if let ImportName::Name(text) = import.name {
                names += name(text);
            }
        }
    }
    assert!(names <= bytes.len() + 2 * 4096, "names of {names} bytes");
    let told = |defect: &Defect| {
        matches!(defect.structure, Structure::ImportTable | Structure::DelayImportTable)
    };
    assert_eq!(imports.complete, !image.defects().iter().any(told));
}

fn exports(image: &Image<'_>, bytes: &[u8]) {
    let exports = image.exports();
    assert!(exports.iter().count() * 4 <= bytes.len());
    assert!(exports.iter().all(|export| export.address != Rva(0)));
    assert!(exports.names().count() * 6 <= bytes.len() * 2);
    for (name, _) in exports.names().take(MOST_TEXTS) {
        assert!(within(image.text_at(name).unwrap_or_default(), bytes));
    }
    assert!(within(exports.module.unwrap_or_default(), bytes));
}

fn relocations(image: &Image<'_>) {
    let relocations = image.relocations();
    assert!(relocations.len() * 2 <= image.file_length());
    assert_eq!(relocations.iter().count(), relocations.len());
    assert!(relocations.iter().all(|one| one.offset <= 0xFFF && (1..16).contains(&one.kind)));
    let told = |defect: &Defect| defect.structure == Structure::BaseRelocations;
    assert_eq!(relocations.complete, !image.defects().iter().any(told));
}

fn functions(image: &Image<'_>) {
    let functions = image.functions();
    assert!(functions.len() * 8 <= image.file_length());
    assert_eq!(functions.iter().count(), functions.len());
    let begins = || functions.iter().map(|function| function.begin);
    let told = |defect: &Defect| defect.problem == ringfence_image::Problem::Unsorted;
    assert_eq!(begins().is_sorted(), !image.defects().iter().any(told));
}

fn facts(image: &Image<'_>, bytes: &[u8]) {
    let debug = image.debug();
    assert!(debug.types.len() * 28 <= bytes.len());
    if let Some(codeview) = debug.codeview {
        assert!(within(codeview.path, bytes) && !codeview.path.contains(&0));
        assert_eq!(codeview.guid_text().len(), 36);
    }
    if let Some(version) = image.version() {
        let texts = version.strings.iter().flat_map(|(key, text)| [key, text]);
        // UTF-16 grows by half in UTF-8, and a key may be read as part of its parent as well.
        assert!(texts.map(String::len).sum::<usize>() <= bytes.len() * 3);
    }
    if let Some(rich) = image.rich() {
        assert!(rich.tools.len() * 8 <= bytes.len());
        let known = |toolset: ringfence_image::Toolset| !toolset.name.is_empty();
        assert!(rich.linker().is_none_or(known));
    }
    if let Some((section, _)) = image.load_config().and_then(|config| config.dynamic_relocations) {
        assert_ne!(section, 0);
    }
}

fn certificates(image: &Image<'_>, bytes: &[u8]) {
    assert!(image.certificates().len() * 8 <= bytes.len());
    assert!(image.certificates().iter().all(|one| within(one.bytes, bytes)));
    let Some(signed) = image.signed_ranges() else {
        let told = |defect: &Defect| defect.structure == Structure::CertificateTable;
        return assert!(image.defects().iter().any(told), "no digest, and no defect says why");
    };
    assert!(signed.padding < 8);
    let mut end = 0;
    for range in &signed.ranges {
        assert!(end <= range.start && range.start <= range.end);
        end = range.end;
    }
    assert_eq!(end, bytes.len());
}

fn defects(defects: &[Defect]) {
    assert!(defects.len() <= MOST_DEFECTS, "{} defects", defects.len());
    for defect in defects {
        assert!(defect.to_string().starts_with(defect.structure.name()));
        assert!(!defect.problem.slug().is_empty());
        // A place in the file may be past its end, where a table that is not there was looked for.
        let (Place::File(_) | Place::Image(_)) = defect.place;
    }
}
