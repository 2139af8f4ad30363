//! Functions that are called through tables which are filled in when the driver runs, as the framework's
//! are: by way of a pointer to the table, or in the image itself.

use ringfence_code::{Callee, Effect, Fate, Parameter, Query, Survey, Via, Wanted, survey};
use ringfence_fixture::driver;
use ringfence_image::{Image, Rva};

/// Entry 192 of a table of pointers, as `WdfMemoryCreate` is.
const ENTRY: u32 = 192;
const OFFSET: u32 = 8 * ENTRY;

/// `.text` of the fixture begins here.
const TEXT: u32 = 0x1000;

/// A driver whose entry point is `code`; `data` is what `.data` begins at.
fn surveyed(code: impl Fn(u32) -> Vec<u8>, callee: impl Fn(Rva) -> Callee) -> Survey {
    surveyed_for(code, |data| vec![callee(data)])
}

/// The same for several functions, in the order of the query.
fn surveyed_for(code: impl Fn(u32) -> Vec<u8>, callees: impl Fn(Rva) -> Vec<Callee>) -> Survey {
    let built = |data: u32| {
        let code = code(data);
        driver().no_relocations().edit_section(".text", |text| text.bytes(code)).build()
    };
    let data = built(0).rva_of_section(".data");
    let bytes = built(data).bytes;
    let image = Image::read(&bytes).expect("fixtures are images");
    let arguments = vec![Parameter::new(2, 32)];
    let wanted = callees(Rva(data)).into_iter();
    let wanted = wanted.map(|callee| Wanted {
        callee,
        parameters: 7,
        arguments: arguments.clone(),
        effect: Effect::None,
    });
    survey(&image, &Query { wanted: wanted.collect(), ..Query::default() })
}

/// An instruction whose last four bytes are the distance from its end to `place`.
fn to(place: u32, at: usize, opcode: &[u8]) -> Vec<u8> {
    let end = TEXT + (at + opcode.len() + 4) as u32;
    [opcode, &place.wrapping_sub(end).to_le_bytes()].concat()
}

fn told(survey: &Survey) -> Vec<(u32, Via, Option<u64>)> {
    let value = |site: &ringfence_code::Site| site.arguments[0].value.possible[0].constant();
    survey.sites.iter().map(|site| (site.at.0, site.via, value(site))).collect()
}

const XOR_R8D: [u8; 3] = [0x45, 0x31, 0xC0];
const RET: [u8; 1] = [0xC3];

/// `mov rax, [table]; xor r8d, r8d; call [rax+600h]`, as kits since KMDF 1.11 make it.
#[test]
fn through_a_pointer_to_the_table() {
    let code = |data| {
        let load = to(data, 0, &[0x48, 0x8B, 0x05]);
        [&load[..], &XOR_R8D, &[0xFF, 0x90], &OFFSET.to_le_bytes(), &RET].concat()
    };
    let survey = surveyed(code, |pointer| Callee::TableBehind { pointer, entry: ENTRY });
    assert_eq!(told(&survey), [(TEXT + 10, Via::Table, Some(0))]);
    assert_eq!(survey.references.len(), 1);
    assert_eq!(survey.references[0].fate, Fate::Call);
}

/// With Control Flow Guard the entry goes into a register first.
#[test]
fn through_a_register() {
    let code = |data| {
        let load = to(data, 0, &[0x48, 0x8B, 0x05]);
        let entry = [&[0x48, 0x8B, 0x80][..], &OFFSET.to_le_bytes()].concat();
        [&load[..], &XOR_R8D, &entry, &[0xFF, 0xD0], &RET].concat()
    };
    let survey = surveyed(code, |pointer| Callee::TableBehind { pointer, entry: ENTRY });
    assert_eq!(told(&survey), [(TEXT + 17, Via::Register, Some(0))]);
}

/// Two wanted entries of one table are two functions, each with its own reference.
#[test]
fn entries_of_one_table_are_told_apart() {
    let code = |data| {
        let mut code = Vec::new();
        for offset in [OFFSET + 8, OFFSET] {
            code.extend(to(data, code.len(), &[0x48, 0x8B, 0x05]));
            code.extend(XOR_R8D);
            code.extend([0xFF, 0x90]);
            code.extend(offset.to_le_bytes());
        }
        [&code[..], &RET].concat()
    };
    let survey = surveyed_for(code, |pointer| {
        [ENTRY, ENTRY + 1].map(|entry| Callee::TableBehind { pointer, entry }).into()
    });
    let sites: Vec<_> = survey.sites.iter().map(|site| (site.at.0, site.wanted)).collect();
    assert_eq!(sites, [(TEXT + 10, 1), (TEXT + 26, 0)]);
    let named = survey.references.iter().map(|found| (found.at.0, found.wanted, found.fate));
    assert!(named.eq([(TEXT, 1, Fate::Call), (TEXT + 16, 0, Fate::Call)]));
}

/// The table's address stays in a register that calls preserve, however far it is to the next call.
#[test]
fn a_table_that_is_read_long_before() {
    let code = |data| {
        let load = to(data, 0, &[0x48, 0x8B, 0x1D]);
        // cmp ecx, 0; jz to the call, so that the load is in a block before.
        let branch = [0x83, 0xF9, 0, 0x0F, 0x84, 0, 2, 0, 0];
        let filler = [0x90; 0x200];
        let call = [&[0xFF, 0x93][..], &OFFSET.to_le_bytes()].concat();
        [&load[..], &branch, &filler, &XOR_R8D, &call, &RET].concat()
    };
    let survey = surveyed(code, |pointer| Callee::TableBehind { pointer, entry: ENTRY });
    assert_eq!(told(&survey), [(TEXT + 0x213, Via::Table, Some(0))]);
    assert_eq!(survey.references.len(), 1);
}

/// `mov eax, 8; imul rax, rax, 0C0h`, then the table: what Microsoft's compiler makes without
/// optimisation.
#[test]
fn an_entry_whose_place_is_multiplied_out_first() {
    const PRODUCT: [u8; 12] = [0xB8, 8, 0, 0, 0, 0x48, 0x69, 0xC0, 0xC0, 0, 0, 0];
    // mov rax, [rcx+rax]; call rax
    const CALL: [u8; 6] = [0x48, 0x8B, 0x04, 0x01, 0xFF, 0xD0];
    let behind = |data| {
        let load = to(data, PRODUCT.len(), &[0x48, 0x8B, 0x0D]);
        [&PRODUCT[..], &load, &XOR_R8D, &CALL, &RET].concat()
    };
    let found = surveyed(behind, |pointer| Callee::TableBehind { pointer, entry: ENTRY });
    assert_eq!(told(&found), [(TEXT + 26, Via::Register, Some(0))]);
    let at = |data| {
        let load = to(data, PRODUCT.len(), &[0x48, 0x8D, 0x0D]);
        [&PRODUCT[..], &load, &XOR_R8D, &CALL, &RET].concat()
    };
    let found = surveyed(at, |table| Callee::TableAt { table, entries: 396, entry: ENTRY });
    assert_eq!(told(&found), [(TEXT + 26, Via::Register, Some(0))]);
}

/// What others do with a table whose address they are given is not seen.
#[test]
fn a_table_that_is_stored_is_told() {
    let code = |data| {
        let load = to(data, 0, &[0x48, 0x8B, 0x05]);
        let call = [&[0xFF, 0x90][..], &OFFSET.to_le_bytes()].concat();
        // mov [rcx], rax
        [&load[..], &[0x48, 0x89, 0x01], &XOR_R8D, &call, &RET].concat()
    };
    let survey = surveyed(code, |pointer| Callee::TableBehind { pointer, entry: ENTRY });
    assert_eq!(told(&survey), [(TEXT + 13, Via::Table, Some(0))]);
    assert_eq!(survey.references[0].fate, Fate::Stored);
}

/// The register of the fourth argument is as good as any for the way to a function that has three: who calls by it hands
/// nothing on. Another function may be handed the table there.
#[test]
fn what_is_left_in_a_register_of_an_argument_is_no_argument() {
    let fates = |then: &[u8]| {
        let code = |data| [&to(data, 0, &[0x4C, 0x8B, 0x0D])[..], &XOR_R8D, then, &RET].concat();
        let callee = |pointer| Callee::TableBehind { pointer, entry: ENTRY };
        surveyed(code, callee).references.into_iter().map(|found| found.fate).collect::<Vec<_>>()
    };
    // call [r9+600h]; mov rax, [r9+600h] and call rax; call rcx
    assert_eq!(fates(&[0x41, 0xFF, 0x91, 0, 6, 0, 0]), [Fate::Call]);
    assert_eq!(fates(&[0x49, 0x8B, 0x81, 0, 6, 0, 0, 0xFF, 0xD0]), [Fate::Call]);
    assert_eq!(fates(&[0xFF, 0xD1]), [Fate::Stored]);
}

/// Another entry of the same table is another function.
#[test]
fn other_entries_are_not_taken_for_it() {
    let code = |data| {
        let load = to(data, 0, &[0x48, 0x8B, 0x05]);
        [&load[..], &XOR_R8D, &[0xFF, 0x90], &(OFFSET + 8).to_le_bytes(), &RET].concat()
    };
    let survey = surveyed(code, |pointer| Callee::TableBehind { pointer, entry: ENTRY });
    assert_eq!((told(&survey), survey.references.len()), (vec![], 0));
}

/// `call [table + 600h]`, as kits up to KMDF 1.9 made it.
#[test]
fn in_the_image_itself() {
    let code = |data: u32| {
        let call = to(data + OFFSET, 3, &[0xFF, 0x15]);
        [&XOR_R8D[..], &call, &RET].concat()
    };
    let survey = surveyed(code, |table| Callee::TableAt { table, entries: 396, entry: ENTRY });
    assert_eq!(told(&survey), [(TEXT + 3, Via::Table, Some(0))]);
}

/// A pointer in data to the table is a way to all of it, but for the one by which the framework finds it.
#[test]
fn a_pointer_in_data_gives_a_table_away() {
    const AT: u32 = 0x40;
    let fates = |descriptions: fn(u32) -> Vec<Rva>| {
        let built = |data: u32| {
            let driver = driver().no_relocations().edit_section(".data", |section| {
                let mut bytes = vec![0; 0x100];
                let address = 0x1_4000_0000 + u64::from(data);
                bytes[AT as usize..][..8].copy_from_slice(&address.to_le_bytes());
                section.bytes(bytes)
            });
            driver.relocation_in(".data", AT, ringfence_fixture::DIR64).build()
        };
        let data = built(0).rva_of_section(".data");
        let bytes = built(data).bytes;
        let image = Image::read(&bytes).expect("fixtures are images");
        let callee = Callee::TableBehind { pointer: Rva(data), entry: ENTRY };
        let (arguments, effect) = (Vec::new(), Effect::None);
        let wanted = vec![Wanted { callee, parameters: 7, arguments, effect }];
        let query = Query { wanted, descriptions: descriptions(data), ..Query::default() };
        let found = survey(&image, &query).references.into_iter();
        found.map(|found| (found.at.0 - data, found.fate)).collect::<Vec<_>>()
    };
    assert_eq!(fates(|_| Vec::new()), [(AT, Fate::Stored)]);
    assert_eq!(fates(|data| vec![Rva(data + AT)]), []);
}
