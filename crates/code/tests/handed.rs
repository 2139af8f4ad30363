//! Addresses of code that are handed to functions, which write by way of them or do not.

use ringfence_code::{Query, Sight, Watch, Writer, survey};
use ringfence_fixture::driver;
use ringfence_image::Image;

/// `.text` of the fixture begins here.
const TEXT: u32 = 0x1000;
/// Where the functions that are called stand in it, and the code whose address is handed to them.
const WRITES: u32 = TEXT + 0x600;
const READS: u32 = TEXT + 0x610;
const TARGET: u32 = TEXT + 0x620;

/// Adds an instruction whose last four bytes are the distance from its end to `place`.
fn add(code: &mut Vec<u8>, opcode: &[u8], place: u32) {
    code.extend(opcode);
    let end = TEXT + code.len() as u32 + 4;
    code.extend(place.wrapping_sub(end).to_le_bytes());
}

/// A function that hands the address on and keeps it, before more instructions than are looked at of one; and
/// where the call is.
fn hands_to(function: u32) -> (Vec<u8>, u32) {
    let mut code = Vec::new();
    // lea rbx, [target]; mov rcx, rbx; call
    add(&mut code, &[0x48, 0x8D, 0x1D], TARGET);
    code.extend([0x48, 0x89, 0xD9]);
    let call = TEXT + code.len() as u32;
    add(&mut code, &[0xE8], function);
    // mov eax, 1
    code.extend([0xB8, 1, 0, 0, 0].repeat(200));
    code.push(0xC3);
    (code, call)
}

/// The calls that hand the address of code to a function which may write there.
fn written(mut code: Vec<u8>) -> Vec<u32> {
    code.resize((WRITES - TEXT) as usize, 0xCC);
    // mov byte ptr [rcx], 90h; ret
    code.extend([0xC6, 0x01, 0x90, 0xC3]);
    code.resize((READS - TEXT) as usize, 0xCC);
    // mov al, [rcx]; ret
    code.extend([0x8A, 0x01, 0xC3]);
    code.resize((TARGET - TEXT) as usize, 0xCC);
    code.push(0xC3);
    let built = driver().edit_section(".text", |text| text.bytes(code)).build();
    assert_eq!(built.rva_of_section(".text"), TEXT);
    let image = Image::read(&built.bytes).expect("fixtures are images");
    let query = Query { watch: Some(Watch::default()), ..Query::default() };
    let sightings = survey(&image, &query).sightings.into_iter();
    let by_function = sightings.filter_map(|sighting| match sighting.what {
        Sight::CodeWritten { by: Writer::Function { .. }, .. } => Some(sighting.at.0),
        _ => None,
    });
    by_function.collect()
}

#[test]
fn a_function_that_writes_is_seen_whatever_comes_behind_the_call() {
    let (code, call) = hands_to(WRITES);
    assert_eq!(written(code), [call]);
}

#[test]
fn a_function_that_reads_is_none() {
    let (code, _) = hands_to(READS);
    assert!(written(code).is_empty());
}
