//! What printf makes of a format, as C and Microsoft's page on format specifications have it.

use super::assembled::{RCX, RDX, driver_like, run};
use ringfence_fixture::{RW, driver, section};
use ringfence_verifier::Environment;

/// The number of RAX in instructions.
const RAX: u8 = 0;
/// Where the format begins in its section, behind the room for the text.
const FORMAT: u32 = 64;

/// What `sprintf(text, format, first, second)` writes: 32 bytes of it are the parameters of the driver's bug check.
fn printed(format: &str, arguments: [u64; 2]) -> String {
    let imports = ["sprintf", "KeBugCheckEx"];
    let mut bytes = vec![0; FORMAT as usize];
    bytes.extend(format.bytes().chain([0]));
    let like = driver().section(section("texts").data().rights(RW).bytes(bytes));
    let built = like.clone().no_imports().import("ntoskrnl.exe", &imports).build();
    let text = built.rva_of_section("texts");
    let bytes = driver_like(like, &imports, |code| {
        code.put(&[0x48, 0x83, 0xEC, 0x20]); // sub rsp, 20h
        code.address(RCX, text);
        code.address(RDX, text + FORMAT);
        code.set_high(8, arguments[0]);
        code.set_high(9, arguments[1]);
        code.call("sprintf");
        code.address(RAX, text);
        code.put(&[0x48, 0x8B, 0x48, 0x18]); // mov rcx, [rax + 18h]
        code.put(&[0x48, 0x89, 0x4C, 0x24, 0x20]); // mov [rsp + 20h], rcx
        code.put(&[0x4C, 0x8B, 0x48, 0x10]); // mov r9, [rax + 10h]
        code.put(&[0x4C, 0x8B, 0x40, 0x08]); // mov r8, [rax + 8]
        code.put(&[0x48, 0x8B, 0x10]); // mov rdx, [rax]
        code.set(RCX, 0xF0);
        code.call("KeBugCheckEx");
    });
    let bug_check = run(&bytes, Environment::Hvci).bug_check().expect("a bug check");
    assert_eq!(bug_check.code, 0xF0);
    let bytes = bug_check.parameters.into_iter().flat_map(u64::to_le_bytes);
    bytes.take_while(|&byte| byte != 0).map(char::from).collect()
}

#[test]
fn numbers_are_printed_as_c_has_it() {
    let minus = |value: i64| value as u64;
    let cases: &[(&str, [u64; 2], &str)] = &[
        ("[%5d]", [42, 0], "[   42]"),
        ("[%-5d]", [42, 0], "[42   ]"),
        ("[%*d]", [6, 42], "[    42]"),
        ("[%*d]", [minus(-6), 42], "[42    ]"),
        ("[%*d]", [minus(-6) & 0xFFFF_FFFF, 42], "[42    ]"),
        ("[%.*d]", [4, 42], "[0042]"),
        ("[%.*d]", [minus(-4), 42], "[42]"),
        ("[%05d]", [minus(-42), 0], "[-0042]"),
        ("[%+05d]", [42, 0], "[+0042]"),
        ("[%-05d]", [minus(-42), 0], "[-42  ]"),
        ("[%05.3d]", [minus(-4), 0], "[ -004]"),
        ("[%.0d]", [0, 0], "[]"),
        ("[% d][% d]", [42, minus(-42)], "[ 42][-42]"),
        ("[%+ d]", [42, 0], "[+42]"),
        ("[%#010x]", [0xFF, 0], "[0x000000ff]"),
        ("[%#06x]", [0xFF, 0], "[0x00ff]"),
        ("[%#X]", [0xFF, 0], "[0XFF]"),
        ("[%#8x]", [0xFF, 0], "[    0xff]"),
        ("[%#x]", [0, 0], "[0]"),
        ("[%08X]", [0xBEEF, 0], "[0000BEEF]"),
        ("[%.8x]", [0xBEEF, 0], "[0000beef]"),
        ("[%#o][%#o]", [8, 0], "[010][0]"),
        ("[%#.4o]", [8, 0], "[0010]"),
        ("[%hx]", [0x1_2345, 0], "[2345]"),
        ("[%hd]", [0xFFFE, 0], "[-2]"),
        ("[%hhx]", [0x1_2345, 0], "[45]"),
        ("[%hhd]", [0x80, 0], "[-128]"),
        ("[%hu]", [minus(-1), 0], "[65535]"),
        ("[%u]", [minus(-1), 0], "[4294967295]"),
        ("[%ld]", [0x1_0000_0001, 0], "[1]"),
        ("[%I64d]", [minus(-5_000_000_000), 0], "[-5000000000]"),
        ("[%lld]", [minus(-5_000_000_000), 0], "[-5000000000]"),
        ("[%I32x]", [0x1_0000_0001, 0], "[1]"),
        ("[%Ix]", [0x1_0000_0001, 0], "[100000001]"),
        ("[%p]", [0xABC, 0], "[0000000000000ABC]"),
        ("[%3c][%%]", [u64::from(b'x'), 0], "[  x][%]"),
    ];
    for &(format, arguments, expected) in cases {
        assert_eq!(printed(format, arguments), expected, "{format}");
    }
}
