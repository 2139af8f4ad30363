//! PDBs that are cut short, bent, or of another build.
#![cfg(test)]

mod checks;

use checks::{check, driver, pdb};
use ringfence_image::{CodeView, Image};
use ringfence_symbols::{Identity, Refused, Symbols};

fn refused(bytes: &[u8], wanted: &CodeView<'_>) -> Refused {
    Symbols::read(bytes, wanted).err().unwrap()
}

#[test]
fn another_guid_or_age_is_refused_with_both_sides() {
    let (driver, pdb) = (driver(), pdb());
    let image = Image::read(&driver).unwrap();
    let right = image.debug().codeview.unwrap();
    let wrong = CodeView { guid: [0x11; 16], ..right };
    let found = Identity { guid: right.guid, age: right.age };
    let wanted = Identity { guid: wrong.guid, age: wrong.age };
    assert_eq!(refused(&pdb, &wrong), Refused::OtherBuild { wanted, found });
    let said = refused(&pdb, &wrong).to_string();
    assert!(said.contains(&right.guid_text()) && said.contains(&wrong.guid_text()), "{said}");
    for age in [0, right.age + 1, u32::MAX] {
        let said = refused(&pdb, &CodeView { age, ..right }).to_string();
        assert!(
            said.contains(&format!("asks for age {age}, the file has age {}", right.age)),
            "{said}"
        );
    }
}

#[test]
fn other_formats_are_told_by_name() {
    let wanted = CodeView { guid: [0; 16], age: 1, path: b"" };
    let formats: [(&[u8], Refused); 7] = [
        (b"", Refused::NotAPdb),
        (b"MZ\x90\0", Refused::NotAPdb),
        (b"Microsoft C/C++ MSF 7.00\r\n", Refused::Truncated("the header")),
        (b"Microsoft C/C++ MSF 7.00\r\n\x1aDS\0\0\0\0\x10", Refused::Truncated("the header")),
        (b"Microsoft C/C++ program database 2.00\r\n\x1aJG\0\0", Refused::TooOld),
        (b"Microsoft MSFZ Container\r\n\x1aALD\0\0", Refused::Compressed),
        (b"BSJB\x01\0\x01\0", Refused::Portable),
    ];
    for (bytes, expected) in formats {
        assert_eq!(refused(bytes, &wanted), expected);
    }
}

/// A file cut short either says so or lacks some places; what is left is still right.
#[test]
fn truncated_files_never_lie() {
    let (driver, pdb) = (driver(), pdb());
    let image = Image::read(&driver).unwrap();
    let wanted = image.debug().codeview.unwrap();
    let mut whole = Symbols::read(&pdb, &wanted).unwrap();
    let lengths = (0..256).chain((256..pdb.len()).step_by(509)).chain(pdb.len() - 9..pdb.len());
    for length in lengths {
        match Symbols::read(&pdb[..length], &wanted) {
            Ok(mut part) => {
                for rva in (0x1000..0x8000).step_by(3) {
                    let (part, whole) = (part.locate(rva), whole.locate(rva));
                    let (part, whole) = (part.unwrap_or_default(), whole.unwrap_or_default());
                    assert!(part.line.is_none() || part.line == whole.line, "{length} {rva:x}");
                    assert!(part.object == whole.object || part.object.is_none());
                }
            }
            Err(refused) => assert!(!matches!(refused, Refused::OtherBuild { .. }), "{length}"),
        }
        check(&pdb[..length], &wanted);
    }
}

/// Every word of the header and the directory, and words all over the file, at their extremes.
#[test]
fn bent_files_do_no_harm() {
    let (driver, pdb) = (driver(), pdb());
    let image = Image::read(&driver).unwrap();
    let wanted = image.debug().codeview.unwrap();
    let mut bent = pdb.clone();
    let tail = pdb.len() - 4096..pdb.len();
    for at in (0..96).chain((4096..pdb.len() - 4).step_by(61)).chain(tail.step_by(4)) {
        for value in [0u32, 1, 0xff, 0xffff, 0x7fff_ffff, u32::MAX] {
            let Some(word) = bent.get_mut(at..at + 4) else { continue };
            word.copy_from_slice(&value.to_le_bytes());
            check(&bent, &wanted);
            bent[at..at + 4].copy_from_slice(&pdb[at..at + 4]);
        }
    }
}

/// A directory in which every stream lists the same pages may not be copied over and over.
#[test]
fn streams_that_share_pages_share_a_budget() {
    let mut bytes = b"Microsoft C/C++ MSF 7.00\r\n\x1aDS\0\0\0".to_vec();
    let header: [u32; 6] = [256, 1, 4, 4 + 4 * 8 + 4 * 8, 0, 1];
    bytes.extend(header.iter().flat_map(|word| word.to_le_bytes()));
    bytes.resize(256, 0);
    bytes.extend(2u32.to_le_bytes());
    bytes.resize(512, 0);
    // Eight streams of a page each, all of them page 3.
    let directory = [8u32].into_iter().chain([256; 8]).chain([3; 8]);
    bytes.extend(directory.flat_map(u32::to_le_bytes));
    bytes.resize(768, 0);
    bytes.resize(1024, 0xff);
    let wanted = CodeView { guid: [0xff; 16], age: u32::MAX, path: b"" };
    assert_eq!(refused(&bytes, &wanted), Refused::Truncated("the section headers"));
}
