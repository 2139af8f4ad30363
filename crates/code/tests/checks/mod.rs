//! What holds for a survey of any bytes as code; tests and the fuzz target share it.

use ringfence_code::{
    Callee, Effect, Fate, Parameter, Query, Reason, Sight, Survey, Wanted, Watch, survey,
};
use ringfence_fixture::{EXECUTE, READ, driver, section};
use ringfence_image::{Image, Rva};
use std::collections::HashSet;

/// Imports whose calls are looked for.
const NAMES: [&str; 3] = ["ExAllocatePoolWithTag", "MmMapLockedPagesSpecifyCache", "KeBugCheckEx"];

/// What references look like: call, jump, load, address, store, comparison, each with a field of four
/// bytes behind; then what names code: a call, a jump, an address, a store, and an address behind a write
/// of control register 0.
const FORMS: [&[u8]; 12] = [
    &[0xFF, 0x15],
    &[0xFF, 0x25],
    &[0x48, 0x8B, 0x05],
    &[0x48, 0x8B, 0x1D],
    &[0x48, 0x8D, 0x0D],
    &[0x48, 0x89, 0x05],
    &[0x48, 0x39, 0x05],
    &[0xE8],
    &[0xE9],
    &[0x48, 0x8D, 0x05],
    &[0x89, 0x0D],
    &[0x0F, 0x22, 0xC0, 0x48, 0x8D, 0x3D],
];
/// The first form that names code.
const OF_CODE: usize = 7;

/// Surveys a driver made of `input` and asserts what always holds.
///
/// The first byte says how many references are written into the code and whether the functions are
/// listed; each reference takes four bytes: form, function, and place. The rest is code.
pub fn code(input: &[u8]) -> Survey {
    let (references, listed, code) = split(input);
    let bytes = built(references, listed, code);
    let image = Image::read(&bytes).expect("fixtures are images");
    let query = query(&image);
    let survey = survey(&image, &query);
    check(&image, &query, &survey);
    survey
}

fn split(input: &[u8]) -> (&[u8], bool, &[u8]) {
    let Some((&first, rest)) = input.split_first() else { return (&[], false, &[]) };
    let length = (usize::from(first & 15) * 4).min(rest.len());
    let (references, code) = rest.split_at(length);
    (references, first & 0x80 != 0, code)
}

fn built(references: &[u8], listed: bool, code: &[u8]) -> Vec<u8> {
    let with = |code: Vec<u8>, functions: Vec<[u32; 3]>| {
        let driver = driver()
            .import("ntoskrnl.exe", &NAMES)
            .section_before(".rdata", section(".fuzz").code().rights(READ | EXECUTE).bytes(code));
        if functions.is_empty() { driver } else { driver.pdata(functions) }
    };
    let mut code = code.to_vec();
    code.resize(code.len().max(64), 0xCC);
    // Once to learn the addresses, once with the references to them.
    let place = with(code.clone(), Vec::new()).build();
    let start = place.rva_of_section(".fuzz");
    for reference in references.chunks_exact(4) {
        let kind = usize::from(reference[0]) % FORMS.len();
        let form = FORMS[kind];
        let at = usize::from(u16::from_le_bytes([reference[2], reference[3]])) % (code.len() - 16);
        let end = start + (at + form.len() + 4) as u32;
        let target = match kind {
            OF_CODE.. => start + u32::from(reference[1]) * 4 % code.len() as u32,
            _ => place.thunk_rva("ntoskrnl.exe", NAMES[usize::from(reference[1]) % NAMES.len()]),
        };
        code[at..at + form.len()].copy_from_slice(form);
        let field = target.wrapping_sub(end).to_le_bytes();
        code[at + form.len()..at + form.len() + 4].copy_from_slice(&field);
    }
    let middle = start + code.len() as u32 / 2;
    let end = start + code.len() as u32;
    // The code's own bytes double as unwind information: any bytes may be that.
    let functions = match listed {
        true => vec![[start, middle, start], [middle, end, middle]],
        false => Vec::new(),
    };
    with(code, functions).bytes()
}

/// Everything imported, with arguments in registers and on the stack, and a table for good measure.
pub fn query(image: &Image<'_>) -> Query {
    let modules = image.imports().modules.iter();
    let slots: Vec<Rva> =
        modules.flat_map(|module| &module.functions).map(|function| function.slot).collect();
    let mut arguments: Vec<Parameter> =
        [(0, 32), (1, 8), (5, 32), (9, 64)].map(|(index, bits)| Parameter::new(index, bits)).into();
    arguments[2].enough = 0x4000_0000;
    let wanted =
        |callee, effect| Wanted { callee, parameters: 10, arguments: arguments.clone(), effect };
    // The last but one finds functions by name, so that names are looked for too.
    let effect = |number: usize| match number {
        1 => Effect::FindsByUnicode { name: 0 },
        _ => Effect::None,
    };
    let slot = |(number, slot): (usize, &Rva)| wanted(Callee::Slot(*slot), effect(number));
    let mut query = Query {
        wanted: slots.iter().enumerate().map(slot).collect(),
        never_return: slots.get(2..).unwrap_or_default().iter().take(1).copied().collect(),
        builds: vec![10240, 26100],
        watch: Some(Watch {
            gives_memory: vec![0, 1],
            functions: slots.clone(),
            writers: slots.clone(),
        }),
        fields: vec![(0, 8), (1, 0x18), (1, 0xB8)],
        entries: 0x10..0x150,
        steady: vec![(1, 0x18)],
        descriptions: Vec::new(),
    };
    if let Some(first) = slots.first() {
        let table = Callee::TableBehind { pointer: Rva(first.0 ^ 8), entry: 1 };
        query.wanted.push(wanted(table, Effect::None));
        query.wanted.push(wanted(Callee::Named("ExAllocatePool".to_owned()), Effect::None));
    }
    query
}

/// Asserts what holds for every survey.
pub fn check(image: &Image<'_>, query: &Query, survey: &Survey) {
    let executable = |rva: Rva| image.section_at(rva).is_some_and(|s| s.is_executable());
    assert!(survey.sites.is_sorted_by_key(|site| (site.at, site.wanted)));
    assert!(survey.references.is_sorted_by_key(|reference| (reference.at, reference.wanted)));
    let mut seen = HashSet::new();
    for site in &survey.sites {
        assert!(seen.insert((site.at, site.wanted)), "{site:?} twice");
        assert!(executable(site.at), "{site:?}");
        let wanted = &query.wanted[site.wanted];
        assert_eq!(site.arguments.len(), wanted.arguments.len());
        for (argument, parameter) in site.arguments.iter().zip(&wanted.arguments) {
            assert_eq!(argument.index, parameter.index);
            assert!((1..=8).contains(&argument.value.possible.len()), "{site:?}");
            for possible in &argument.value.possible {
                assert_eq!(possible.ones & possible.zeros, 0, "{site:?}");
                let enough = possible.ones & parameter.enough != 0;
                assert!(enough || possible.unknown != Some(Reason::NotAsked), "{site:?}");
                assert_eq!(possible.constant().is_none(), possible.unknown.is_some(), "{site:?}");
                let above = u64::MAX.checked_shl(parameter.bits.into()).unwrap_or(0);
                assert_eq!(possible.zeros & above, above, "{site:?}");
            }
        }
        let named = survey.references.iter().any(|reference| reference.wanted == site.wanted);
        assert!(named, "{site:?} comes from no reference");
    }
    sightings(image, query, survey);
    for reference in &survey.references {
        assert!(reference.wanted < query.wanted.len());
        if reference.fate == Fate::Thunk || reference.fate == Fate::DeadThunk {
            assert!(executable(reference.at), "{reference:?}");
        }
    }
}

/// Asserts what holds for everything sighted: it is in code, told once, and is what it is said to be.
fn sightings(image: &Image<'_>, query: &Query, survey: &Survey) {
    let section = |rva: Rva| image.section_at(rva);
    let executable = |rva: Rva| section(rva).is_some_and(|section| section.is_executable());
    assert!(survey.sightings.is_sorted_by_key(|sighting| sighting.at));
    let mut seen = HashSet::new();
    for sighting in &survey.sightings {
        assert!(seen.insert((sighting.at, std::mem::discriminant(&sighting.what))), "{sighting:?}");
        assert!(executable(sighting.at), "{sighting:?}");
        match &sighting.what {
            Sight::CodeWritten { target, .. } => {
                let section = section(*target).expect("a section");
                assert!(section.is_executable() && !section.is_writable(), "{sighting:?}");
            }
            Sight::Cr0Set { value } => {
                assert!((1..=8).contains(&value.possible.len()), "{sighting:?}");
                assert!(value.possible.iter().all(|one| one.ones & one.zeros == 0), "{sighting:?}");
            }
            Sight::MemoryRun { wanted, given_at, .. } => {
                let gives = query.watch.as_ref().expect("watched").gives_memory.contains(wanted);
                assert!(gives && executable(*given_at), "{sighting:?}");
            }
            Sight::ImportTouched { slot, read_at, .. } => {
                let watched = query.watch.as_ref().expect("watched").functions.contains(slot);
                assert!(watched && executable(*read_at), "{sighting:?}");
            }
        }
    }
}
