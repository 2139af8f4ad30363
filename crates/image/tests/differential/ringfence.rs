//! Our own reading, as lines.

use crate::Facts;
use ringfence_image::{Image, ImportName};
use std::hash::{DefaultHasher, Hash, Hasher};

pub fn facts(bytes: &[u8]) -> Facts {
    let image = &Image::read(bytes).unwrap();
    assert_eq!(image.defects(), []);
    Facts::from([
        ("entry point", vec![image.headers().entry_point.to_string()]),
        ("sections", sections(image)),
        ("imports", imports(image, false)),
        ("delayed imports", imports(image, true)),
        ("exports", exports(image)),
        ("relocations", relocations(image)),
        ("debug file", debug_file(image)),
        ("rich", rich(image)),
        ("functions", functions(image)),
        ("load configuration", load_config(image)),
        ("certificates", certificates(image)),
        ("signed bytes", vec![signed_bytes(image, bytes)]),
        ("version", version(image)),
    ])
}

fn sections(image: &Image<'_>) -> Vec<String> {
    let sections = image.sections().iter();
    sections
        .map(|one| {
            section(
                one.raw_name(),
                [
                    one.rva().0,
                    one.virtual_size(),
                    one.raw_offset(),
                    one.raw_size(),
                    one.characteristics(),
                ],
            )
        })
        .collect()
}

/// Name, address, size in memory, offset, size in the file, characteristics.
pub fn section(name: &[u8], numbers: [u32; 5]) -> String {
    format!("{} {numbers:x?}", name.escape_ascii())
}

fn imports(image: &Image<'_>, delayed: bool) -> Vec<String> {
    let modules = image.imports().modules.iter().filter(|module| module.delayed == delayed);
    let functions = modules.flat_map(|module| {
        module.functions.iter().map(|function| {
            let name = match function.name {
                ImportName::Name(name) => name.escape_ascii().to_string(),
                ImportName::Ordinal(ordinal) => format!("ORDINAL {ordinal}"),
                ImportName::Unreadable => panic!("an import that cannot be read"),
            };
            format!("{}!{name} at {}", module.name.escape_ascii(), function.slot)
        })
    });
    functions.collect()
}

/// By name, for that is what goblin knows.
fn exports(image: &Image<'_>) -> Vec<String> {
    let exports = image.exports();
    let named = exports.names().map(|(name, ordinal)| {
        let export = exports.iter().find(|export| export.ordinal == ordinal).unwrap();
        let name = image.text_at(name).unwrap().escape_ascii().to_string();
        match export.forwarded {
            true => format!("{name} = {}", image.text_at(export.address).unwrap().escape_ascii()),
            false => format!("{name} = {}", export.address),
        }
    });
    named.collect()
}

fn relocations(image: &Image<'_>) -> Vec<String> {
    assert!(image.relocations().complete);
    image.relocations().iter().map(|one| format!("{} {}", one.rva(), one.kind)).collect()
}

fn debug_file(image: &Image<'_>) -> Vec<String> {
    let codeview = image.debug().codeview.iter();
    codeview.map(|one| debug_line(one.guid, one.age, one.path)).collect()
}

pub fn debug_line(guid: [u8; 16], age: u32, path: &[u8]) -> String {
    format!("{guid:02x?} {age} {}", path.escape_ascii())
}

fn rich(image: &Image<'_>) -> Vec<String> {
    let tools = image.rich().into_iter().flat_map(|rich| &rich.tools);
    tools.map(|tool| format!("{} {} {}", tool.product, tool.build, tool.count)).collect()
}

fn functions(image: &Image<'_>) -> Vec<String> {
    image.functions().iter().map(|function| function.begin.to_string()).collect()
}

fn load_config(image: &Image<'_>) -> Vec<String> {
    let config = image.load_config().into_iter();
    config
        .map(|config| {
            let (cookie, guard) = (config.security_cookie, config.guard_flags);
            format!("{:x} {cookie:x?} {guard:x?} {:x?}", config.size, config.chpe_metadata)
        })
        .collect()
}

fn certificates(image: &Image<'_>) -> Vec<String> {
    let certificates = image.certificates().iter();
    certificates.map(|one| format!("{:x} {} {}", one.revision, one.kind, one.bytes.len())).collect()
}

fn signed_bytes(image: &Image<'_>, bytes: &[u8]) -> String {
    let signed = image.signed_ranges().unwrap();
    let parts = signed.ranges.iter().map(|range| &bytes[range.clone()]);
    digest(parts.chain([&[0; 8][..signed.padding]]))
}

/// A stand-in for the real digest.
pub fn digest<'a>(parts: impl Iterator<Item = &'a [u8]>) -> String {
    let bytes: Vec<u8> = parts.flatten().copied().collect();
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    format!("{} bytes {:x}", bytes.len(), hasher.finish())
}

fn version(image: &Image<'_>) -> Vec<String> {
    let version = image.version().into_iter();
    version
        .map(|one| {
            let number = one.file_version.map(|[a, b, c, d]| format!("{a}.{b}.{c}.{d}"));
            format!("{number:?} {:?} {:?}", one.string("CompanyName"), one.string("ProductName"))
        })
        .collect()
}
