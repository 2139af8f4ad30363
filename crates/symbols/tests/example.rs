//! The example driver that has a PDB, compared with its sources and with another reader.
#![cfg(test)]

mod checks;

use checks::{driver, example, pdb};
use pdb_addr2line::Frame;
use pdb_addr2line::pdb::PDB;
use ringfence_image::{Image, Rva};
use ringfence_symbols::{Place, Symbols};
use std::collections::BTreeMap;
use std::io::Cursor;

/// `int 3`, which the linker puts between functions.
const PADDING: u8 = 0xcc;

/// The addresses of all code, byte for byte.
fn code(image: &Image<'_>) -> Vec<u32> {
    let sections = image.sections().iter().filter(|section| section.is_executable());
    sections.flat_map(|section| (0..section.virtual_size()).map(|o| section.rva().0 + o)).collect()
}

fn places() -> Vec<(u32, Option<Place>)> {
    let (driver, pdb) = (driver(), pdb());
    let image = Image::read(&driver).unwrap();
    let mut symbols = Symbols::read(&pdb, &image.debug().codeview.unwrap()).unwrap();
    code(&image).into_iter().map(|rva| (rva, symbols.locate(rva))).collect()
}

/// The name of a function without its parameters, which the other reader tells too.
fn plain(frame: &Frame<'_>) -> Option<String> {
    frame.function.as_deref().map(|name| name.split('(').next().unwrap().to_owned())
}

/// pdb-addr2line is the oracle: what it says of every single byte of code.
#[test]
fn another_reader_says_the_same() {
    let pdb = PDB::open(Cursor::new(pdb())).unwrap();
    let data = pdb_addr2line::ContextPdbData::try_from_pdb(pdb).unwrap();
    let context = data.make_context().unwrap();
    let driver = driver();
    let image = Image::read(&driver).unwrap();
    let (mut compared, mut nested) = (0, 0);
    for (rva, place) in places() {
        let place = place.unwrap_or_default();
        let frames = context.find_frames(rva).unwrap();
        // The last frame is the function itself, those before were inlined into it.
        let mut frames = frames.map(|frames| frames.frames).unwrap_or_default();
        let frame = frames.pop();
        let Some(frame) = frame.filter(|frame| frame.line.is_some()) else {
            assert_eq!(place.line, None, "{rva:x}");
            continue;
        };
        // It goes on with the last line in the padding behind a function, where no call is.
        if image.bytes_from(Rva(rva)).is_some_and(|bytes| bytes.starts_with(&[PADDING])) {
            continue;
        }
        assert_eq!((place.function, place.line), (plain(&frame), frame.line), "{rva:x}");
        assert_eq!(place.file.as_deref(), frame.file.as_deref(), "{rva:x}");
        let inlined: Vec<_> =
            frames.iter().map(|frame| (plain(frame), frame.line.unwrap())).collect();
        let ours: Vec<_> =
            place.inlined.iter().map(|call| (call.function.clone(), call.line)).collect();
        assert_eq!(ours, inlined, "{rva:x}");
        let files = frames.iter().map(|frame| frame.file.as_deref());
        assert!(place.inlined.iter().map(|call| call.file.as_deref()).eq(files), "{rva:x}");
        compared += 1;
        nested += usize::from(inlined.len() > 1);
    }
    assert!(compared > 100 && nested > 0, "{compared} {nested}");
}

/// Each function is in the source file that defines it, and its lines are inside its body there.
#[test]
fn lines_are_those_of_the_source() {
    let mut functions: BTreeMap<String, Vec<Place>> = BTreeMap::new();
    for place in places().into_iter().filter_map(|(_, place)| place) {
        if let (Some(function), Some(_)) = (&place.function, place.line) {
            functions.entry(function.clone()).or_default().push(place);
        }
    }
    let expected = [
        "DriverEntry",
        "HelperAllocate",
        "HelperFree",
        "HelperOpenLog",
        "SampleMakeBuffer",
        "SampleMakeQueue",
        "SampleUnload",
    ];
    assert_eq!(functions.keys().map(String::as_str).collect::<Vec<_>>(), expected);
    for (function, places) in &functions {
        let of_library = function.starts_with("Helper");
        let source = if of_library { "src/pool-helper.c" } else { "src/library.c" };
        let text = String::from_utf8(example(source)).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let defined = lines
            .iter()
            .position(|line| line.contains(&format!("{function}(")) && !line.ends_with(';'));
        let first = defined.unwrap() + 1;
        let last = first + lines[first..].iter().position(|line| *line == "}").unwrap() + 1;
        for place in places {
            let line = place.line.unwrap() as usize;
            assert!((first..=last).contains(&line), "{function}: {line} in {first}..={last}");
            // The linker writes paths as Windows has them.
            assert_eq!(place.file.as_deref().unwrap().replace('\\', "/"), source);
        }
    }
}

/// The recipe puts pool-helper.c into a library and library.c into none.
#[test]
fn functions_of_a_library_name_it() {
    for (rva, place) in places() {
        let Some(place @ Place { function: Some(_), line: Some(_), .. }) = place else { continue };
        let file = |path: &Option<String>| {
            path.as_deref().map(|path| path.rsplit(['/', '\\']).next().unwrap().to_owned())
        };
        let from = (file(&place.object).unwrap(), file(&place.library));
        let expected = match place.file.as_deref().unwrap().contains("pool-helper.c") {
            true => ("pool-helper.obj".to_owned(), Some("pool-helper.lib".to_owned())),
            false => ("library-pool-x64.obj".to_owned(), None),
        };
        assert_eq!(from, expected, "{rva:x}");
    }
}

#[test]
fn places_outside_of_code_are_none_or_nameless() {
    let (driver, pdb) = (driver(), pdb());
    let image = Image::read(&driver).unwrap();
    let mut symbols = Symbols::read(&pdb, &image.debug().codeview.unwrap()).unwrap();
    for rva in [0, 0x10, u32::MAX, image.headers().size_of_image] {
        assert_eq!(symbols.locate(rva), None, "{rva:x}");
    }
    let data = image.sections().iter().find(|section| section.name() == ".rdata").unwrap();
    let Rva(rva) = data.rva();
    assert_eq!(symbols.locate(rva).and_then(|place| place.line), None);
}
