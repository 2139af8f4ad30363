//! Arguments of which a known bit is all that was asked: nobody is asked where their other bits come from.

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

/// The entry point calls the wrapper with 1 and with 4; the wrapper sets `bit` and calls the import.
fn code(bit: u32, slot: u32) -> Vec<u8> {
    let mut code = Vec::new();
    for given in [1, 4] {
        // mov ecx, given; call wrapper
        code.extend([0xB9, given, 0, 0, 0]);
        add(&mut code, &[0xE8], WRAPPER);
    }
    code.push(0xC3);
    code.resize((UNWIND - TEXT) as usize, 0xCC);
    code.extend([1, 0, 0, 0]);
    code.resize((WRAPPER - TEXT) as usize, 0xCC);
    // or ecx, bit; jmp [slot]
    code.extend([0x81, 0xC9]);
    code.extend(bit.to_le_bytes());
    add(&mut code, &[0xFF, 0x25], slot);
    code
}

/// The one call, where `enough` is all that is asked.
fn call(bit: u32, enough: u64) -> Site {
    let built = |code| {
        let functions = vec![[TEXT, TEXT + 0x20, UNWIND], [WRAPPER, WRAPPER + 0x20, UNWIND]];
        let driver = driver().import(IMPORT.0, &[IMPORT.1]).pdata(functions);
        driver.edit_section(".text", |text| text.bytes(code)).build()
    };
    let slot = built(code(bit, 0)).thunk_rva(IMPORT.0, IMPORT.1);
    let built = built(code(bit, slot));
    assert_eq!(built.thunk_rva(IMPORT.0, IMPORT.1), slot);
    let image = Image::read(&built.bytes).expect("fixtures are images");
    let arguments = vec![Parameter { enough, ..Parameter::new(0, 32) }];
    let callee = Callee::Slot(Rva(slot));
    let wanted = vec![Wanted { callee, parameters: 3, arguments, effect: Effect::None }];
    let mut sites = survey(&image, &Query { wanted, ..Query::default() }).sites;
    assert_eq!(sites.len(), 1, "{sites:?}");
    sites.remove(0)
}

/// The numbers that callers choose.
fn chosen(site: &Site) -> Vec<Option<u64>> {
    let values = site.routes.iter().flat_map(|route| &route.arguments);
    values.flat_map(|argument| &argument.value.possible).map(|one| one.constant()).collect()
}

#[test]
fn callers_choose_where_their_bits_are_asked_about() {
    assert_eq!(chosen(&call(0x200, 0)), [Some(0x201), Some(0x204)]);
    // Another bit is asked about than the one that is known.
    assert_eq!(chosen(&call(0x10, 0x200)), [Some(0x11), Some(0x14)]);
}

#[test]
fn nobody_is_asked_where_a_known_bit_is_enough() {
    let site = call(0x200, 0x201);
    assert!(site.routes.is_empty(), "{site:?}");
    let [value] = site.arguments[0].value.possible[..] else { panic!("{site:?}") };
    assert_eq!((value.ones, value.unknown), (0x200, Some(Reason::NotAsked)));
    assert_eq!(value.zeros, 0xFFFF_FFFF_0000_0000);
}
