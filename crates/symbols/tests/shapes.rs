//! Shapes of PDBs that the compiler at hand does not make.
#![cfg(test)]

mod checks;

use checks::{driver, pdb};
use pdb_addr2line::pdb::PDB;
use ringfence_fixture::Pdb;
use ringfence_image::Image;
use ringfence_symbols::{Place, Refused, Symbols};
use std::io::Cursor;

/// The streams with the identity and with the debug information.
const INFO: usize = 1;
const DBI: usize = 3;

fn places(pdb: &[u8]) -> Result<Vec<Option<Place>>, Refused> {
    let driver = driver();
    let image = Image::read(&driver).unwrap();
    let mut symbols = Symbols::read(pdb, &image.debug().codeview.unwrap())?;
    Ok((0..image.headers().size_of_image).map(|rva| symbols.locate(rva)).collect())
}

/// Linkers make 4 KiB, and with `/PDBPAGESIZE` up to 32 KiB; older ones made less.
#[test]
fn every_page_size_says_the_same() {
    let whole = Pdb::of(&pdb());
    let expected = places(&pdb()).unwrap();
    for page_size in [256, 512, 1024, 2048, 4096, 8192, 16_384, 32_768, 1 << 17] {
        let bytes = whole.bytes(page_size);
        let mut oracle = PDB::open(Cursor::new(&bytes)).unwrap();
        assert_eq!(oracle.pdb_information().unwrap().age, 1, "{page_size} is laid out wrongly");
        assert!(places(&bytes).unwrap() == expected, "{page_size}");
    }
    for page_size in [0u32, 1, 128, 4095, 5000, 1 << 21, 1 << 31] {
        let mut bytes = pdb();
        bytes[32..36].copy_from_slice(&page_size.to_le_bytes());
        assert_eq!(places(&bytes).unwrap_err(), Refused::Malformed("the page size"), "{page_size}");
    }
}

#[test]
fn types_are_not_needed() {
    let bytes = Pdb::of(&pdb()).without_types().bytes(512);
    assert!(places(&bytes) == places(&pdb()));
}

fn bump(at: usize) -> impl FnOnce(&mut Vec<u8>) {
    move |stream| stream[at] += 1
}

/// Tools such as pdbstr count up the age of the PDB, not that of its debug information.
#[test]
fn the_age_that_counts_is_the_linker_s() {
    let changed_since = Pdb::of(&pdb()).edit(INFO, bump(8)).bytes(4096);
    assert!(places(&changed_since) == places(&pdb()));
    let other_link = Pdb::of(&pdb()).edit(DBI, bump(8)).bytes(4096);
    assert!(matches!(places(&other_link), Err(Refused::OtherBuild { .. })));
    // A writer that leaves it out means the other.
    let left_out = Pdb::of(&pdb()).edit(DBI, |dbi| dbi[8] = 0);
    assert!(places(&left_out.bytes(4096)) == places(&pdb()));
    let neither = left_out.edit(INFO, bump(8)).bytes(4096);
    assert!(matches!(places(&neither), Err(Refused::OtherBuild { .. })));
}

fn number(bytes: &[u8], at: usize) -> usize {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize
}

/// What `/PDBSTRIPPED` leaves: no module has symbols or lines of its own, publics stay.
#[test]
fn a_stripped_pdb_still_tells_function_and_library() {
    let strip = |dbi: &mut Vec<u8>| {
        let (mut at, end) = (64, 64 + number(dbi, 24));
        while at < end {
            dbi[at + 34..at + 36].copy_from_slice(&[0xff; 2]);
            let names = dbi[at + 64..].split(|&byte| byte == 0).take(2).map(|name| name.len() + 1);
            at = (at + 64 + names.sum::<usize>()).next_multiple_of(4);
        }
    };
    let stripped = places(&Pdb::of(&pdb()).edit(DBI, strip).bytes(4096)).unwrap();
    let whole = places(&pdb()).unwrap();
    let mut named = 0;
    for (stripped, whole) in stripped.iter().zip(&whole) {
        let Some(Place { function: Some(function), line: Some(_), library, .. }) = whole else {
            continue;
        };
        let stripped = stripped.as_ref().unwrap();
        assert_eq!((stripped.line, &stripped.file), (None, &None));
        assert_eq!(&stripped.library, library);
        // Functions that are static to a file have no public symbol.
        if function.starts_with("Helper") || function == "DriverEntry" {
            assert_eq!(stripped.function.as_ref(), Some(function));
            named += 1;
        }
    }
    assert!(named > 50, "{named}");
}

/// Lines of code that was moved after the link are those of other code.
#[test]
fn rearranged_code_is_refused() {
    let omap = |dbi: &mut Vec<u8>| {
        let list = dbi.len() - number(dbi, 48);
        dbi[list + 6..list + 8].copy_from_slice(&[9, 0]);
    };
    let bytes = Pdb::of(&pdb()).edit(DBI, omap).bytes(4096);
    assert_eq!(places(&bytes).unwrap_err(), Refused::Rearranged);
}

/// Names and lines are gone with their streams, the rest stays.
#[test]
fn a_pdb_without_names_of_files_has_lines() {
    let nameless = Pdb::of(&pdb()).edit(INFO, |info| info.truncate(28)).bytes(4096);
    let place = places(&nameless).unwrap().into_iter().flatten().find(|place| place.line.is_some());
    let place = place.unwrap();
    assert!(place.file.is_none() && place.function.is_some());
}

/// A small driver has room for many calls, and a hostile PDB for one long name that all of them cite.
#[test]
fn texts_come_to_an_end() {
    let (driver, pdb) = (driver(), pdb());
    let image = Image::read(&driver).unwrap();
    let mut symbols = Symbols::read(&pdb, &image.debug().codeview.unwrap()).unwrap();
    let mut told = 0;
    while symbols.locate(image.headers().entry_point.0).is_some() {
        told += 1;
        assert!(told < 10_000_000, "no end");
    }
    assert!(told > 100_000, "only {told}");
}
