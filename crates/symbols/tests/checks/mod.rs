//! The example with a PDB, and what holds whatever the bytes are. The fuzz target holds it too.
#![allow(dead_code, reason = "each test and the fuzz target use a part")]

use ringfence_image::CodeView;
use ringfence_symbols::{Identity, Refused, Symbols};
use std::path::Path;

/// A file of the example drivers.
pub fn example(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/drivers");
    std::fs::read(folder.join(name)).expect("an example can be read")
}

pub fn driver() -> Vec<u8> {
    example("library-pool-x64.sys")
}

pub fn pdb() -> Vec<u8> {
    example("library-pool-x64.pdb")
}

/// What the file says that it is; nothing where it says nothing.
pub fn identity(bytes: &[u8]) -> Identity {
    let nothing = Identity { guid: [0; 16], age: 0 };
    let wanted = CodeView { guid: nothing.guid, age: nothing.age, path: b"" };
    match Symbols::read(bytes, &wanted) {
        Err(Refused::OtherBuild { found, .. }) => found,
        _ => nothing,
    }
}

/// Reads any bytes as a PDB and asks for every place there could be; names stay short.
pub fn check(bytes: &[u8], wanted: &CodeView<'_>) {
    let mut symbols = match Symbols::read(bytes, wanted) {
        Ok(symbols) => symbols,
        Err(refused) => return assert!(!refused.to_string().is_empty()),
    };
    for rva in (0..0x6000).step_by(13).chain([u32::MAX - 1, u32::MAX]) {
        let Some(place) = symbols.locate(rva) else { continue };
        let texts = [&place.function, &place.file, &place.object, &place.library];
        let inlined = place.inlined.iter().flat_map(|call| [&call.function, &call.file]);
        for text in texts.into_iter().chain(inlined).flatten() {
            // What is no UTF-8 becomes up to three bytes each, and a scope may stand before it.
            assert!(!text.is_empty() && text.len() <= 8 * 4096);
        }
        assert_ne!(place.line, Some(0));
    }
}
