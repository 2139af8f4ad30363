//! Drivers that ask for the state of code integrity, and what they do with the answer.

#[path = "assembled/mod.rs"]
#[expect(dead_code, reason = "shared with tests that use more of it")]
mod assembled;

use assembled::{Code, RCX, RDX, driver_of};
use ringfence_image::Image;
use ringfence_verifier::{Environment, HVCI_ENABLED, Options, Run, run};

/// Asks, does what `then` does with CodeIntegrityOptions in EAX, and succeeds.
fn asks(then: impl Fn(&mut Code)) -> Vec<u8> {
    driver_of(&["ZwQuerySystemInformation", "ExAllocatePoolWithTag", "DbgPrint"], |code| {
        code.put(&[0x48, 0x83, 0xEC, 0x58]); // sub rsp, 58h
        code.put(&[0xC7, 0x44, 0x24, 0x40, 8, 0, 0, 0]); // mov dword [rsp + 40h], 8: Length
        code.put(&[0xC7, 0x44, 0x24, 0x44, 0, 0, 0, 0]); // mov dword [rsp + 44h], 0
        code.set(RCX, 103); // SystemCodeIntegrityInformation
        code.put(&[0x48, 0x8D, 0x54, 0x24, 0x40]); // lea rdx, [rsp + 40h]
        code.set_high(8, 8);
        code.set_high(9, 0);
        code.call("ZwQuerySystemInformation");
        code.put(&[0x8B, 0x44, 0x24, 0x44]); // mov eax, [rsp + 44h]
        then(code);
        code.put(&[0x48, 0x83, 0xC4, 0x58]); // add rsp, 58h
        code.succeed();
    })
}

/// Whether the driver does the same when it is told that memory integrity is off.
fn behaves_alike(bytes: &[u8]) -> bool {
    let image = Image::read(bytes).expect("an image");
    let told = |bits| -> Run {
        let options = Options::new(Environment::Hvci, "asks.sys");
        run(&image, &Options { code_integrity: Some(bits), ..options })
    };
    let (on, off) = (told(1 | HVCI_ENABLED), told(1));
    assert_eq!((on.asked.len(), off.asked.len()), (1, 1));
    assert_eq!((on.status, off.status), (Some(0), Some(0)));
    on.behaves_like(&off)
}

/// The same calls in the same order, one of them with another pool type.
#[test]
fn what_is_asked_for_is_compared() {
    let by_answer = asks(|code| {
        code.put(&[0x89, 0xC1, 0xD1, 0xE9]); // mov ecx, eax; shr ecx, 1: 400h becomes 200h, NonPagedPoolNx
        code.put(&[0x81, 0xE1, 0, 2, 0, 0]); // and ecx, 200h
        code.set(RDX, 64);
        code.set_high(8, 0x3131_3131);
        code.call("ExAllocatePoolWithTag");
    });
    assert!(!behaves_alike(&by_answer));
    let always = asks(|code| {
        code.set(RCX, 0x200);
        code.set(RDX, 64);
        code.set_high(8, 0x3131_3131);
        code.call("ExAllocatePoolWithTag");
    });
    assert!(behaves_alike(&always));
}

/// No call tells it: a path is longer than the other.
#[test]
fn what_is_done_without_a_call_is_compared() {
    // test eax, 400h; jz over a nop
    let branches = asks(|code| code.put(&[0xA9, 0, 4, 0, 0, 0x74, 1, 0x90]));
    assert!(!behaves_alike(&branches));
    // test eax, 400h; setz al
    assert!(behaves_alike(&asks(|code| code.put(&[0xA9, 0, 4, 0, 0, 0x0F, 0x94, 0xC0]))));
}

/// To tell a debugger about it is no other behaviour.
#[test]
fn what_is_only_said_is_not_compared() {
    let says = asks(|code| {
        code.put(&[0x89, 0xC2]); // mov edx, eax
        code.put(&[0xEB, 3]); // jmp over the format
        let place = code.here();
        code.put(b"%x\0");
        code.address(RCX, place);
        code.call("DbgPrint");
    });
    assert!(behaves_alike(&says));
}
