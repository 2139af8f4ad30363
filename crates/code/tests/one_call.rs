//! The argument of one call: what callers give it, by whatever is done to it on the way.

use ringfence_code::{Callee, Effect, Parameter, Query, Reason, Site, Wanted, survey};
use ringfence_fixture::driver;
use ringfence_image::{Image, Rva};

/// `.text` of the fixture begins here, and the function that calls stands in it.
const TEXT: u32 = 0x1000;
const WRAPPER: u32 = TEXT + 0x100;
/// Unwind information of functions without a frame.
const UNWIND: u32 = TEXT + 0x80;
const IMPORT: (&str, &str) = ("ntoskrnl.exe", "ExAllocatePoolWithTag");

/// Adds an instruction whose last four bytes are the distance from its end to `place`.
fn add(code: &mut Vec<u8>, opcode: &[u8], place: u32) {
    code.extend(opcode);
    let end = TEXT + code.len() as u32 + 4;
    code.extend(place.wrapping_sub(end).to_le_bytes());
}

/// The entry point calls the wrapper once for each of `given`, its first two parameters; the wrapper does `what` and
/// goes to the import.
fn code(given: &[[u8; 2]], what: &[u8], slot: u32) -> Vec<u8> {
    let mut code = Vec::new();
    for [first, second] in given {
        // mov ecx, first; mov edx, second; call wrapper
        code.extend([0xB9, *first, 0, 0, 0, 0xBA, *second, 0, 0, 0]);
        add(&mut code, &[0xE8], WRAPPER);
    }
    code.push(0xC3);
    code.resize((UNWIND - TEXT) as usize, 0xCC);
    code.extend([1, 0, 0, 0]);
    code.resize((WRAPPER - TEXT) as usize, 0xCC);
    code.extend(what);
    // jmp [slot]
    add(&mut code, &[0xFF, 0x25], slot);
    code
}

/// The one call, where `enough` is all that is asked.
fn call(given: &[[u8; 2]], what: &[u8], enough: u64) -> Site {
    let built = |code| {
        let functions = vec![[TEXT, TEXT + 0x40, UNWIND], [WRAPPER, WRAPPER + 0x40, UNWIND]];
        let driver = driver().import(IMPORT.0, &[IMPORT.1]).pdata(functions);
        driver.edit_section(".text", |text| text.bytes(code)).build()
    };
    let slot = built(code(given, what, 0)).thunk_rva(IMPORT.0, IMPORT.1);
    let built = built(code(given, what, slot));
    assert_eq!(built.thunk_rva(IMPORT.0, IMPORT.1), slot);
    let image = Image::read(&built.bytes).expect("fixtures are images");
    let arguments = vec![Parameter { enough, ..Parameter::new(0, 32) }];
    let callee = Callee::Slot(Rva(slot));
    let wanted = vec![Wanted { callee, parameters: 3, arguments, effect: Effect::None }];
    let mut sites = survey(&image, &Query { wanted, ..Query::default() }).sites;
    assert_eq!(sites.len(), 1, "{sites:?}");
    sites.remove(0)
}

/// `or ecx, 200h` and `or ecx, 10h`.
const OR_NX: &[u8] = &[0x81, 0xC9, 0, 2, 0, 0];
const OR_RAISE: &[u8] = &[0x81, 0xC9, 0x10, 0, 0, 0];

/// The numbers that callers choose.
fn chosen(site: &Site) -> Vec<Option<u64>> {
    let values = site.routes.iter().flat_map(|route| &route.arguments);
    values.flat_map(|argument| &argument.value.possible).map(|one| one.constant()).collect()
}

#[test]
fn callers_choose_where_their_bits_are_asked_about() {
    let given = [[1, 0], [4, 0]];
    assert_eq!(chosen(&call(&given, OR_NX, 0)), [Some(0x201), Some(0x204)]);
    // Another bit is asked about than the one that is known.
    assert_eq!(chosen(&call(&given, OR_RAISE, 0x200)), [Some(0x11), Some(0x14)]);
}

#[test]
fn nobody_is_asked_where_a_known_bit_is_enough() {
    let site = call(&[[1, 0], [4, 0]], OR_NX, 0x201);
    assert!(site.routes.is_empty(), "{site:?}");
    let [value] = site.arguments[0].value.possible[..] else { panic!("{site:?}") };
    assert_eq!((value.ones, value.unknown), (0x200, Some(Reason::NotAsked)));
    assert_eq!(value.zeros, 0xFFFF_FFFF_0000_0000);
}

/// The value tells of one parameter only, and both are asked about: `or ecx, edx`, and the other way round.
#[test]
fn callers_choose_both_values_that_are_put_together() {
    let given = [[0, 0x40], [1, 0], [4, 0x10]];
    let together = [Some(0x40), Some(1), Some(0x14)];
    assert_eq!(chosen(&call(&given, &[0x09, 0xD1], 0)), together);
    // or edx, ecx; mov ecx, edx
    assert_eq!(chosen(&call(&given, &[0x09, 0xCA, 0x89, 0xD1], 0)), together);
}

/// `xor ecx, ecx; again: shr rdx, 1; jne again`: what was set before stays, though the loop's own value is any.
#[test]
fn a_loop_that_shifts_comes_to_an_end() {
    let site = call(&[[1, 9]], &[0x31, 0xC9, 0x48, 0xD1, 0xEA, 0x75, 0xFB], 0);
    let values = &site.arguments[0].value.possible;
    assert_eq!(values.iter().map(|one| one.constant()).collect::<Vec<_>>(), [Some(0)]);
}
