//! What is sent to the devices that a driver makes.

#[path = "assembled/mod.rs"]
#[expect(dead_code, reason = "shared with tests that use more of it")]
mod assembled;

use assembled::{BOTH, driver_like, run};
use ringfence_fixture::driver;
use ringfence_verifier::End;

/// The number of RAX in instructions.
const RAX: u8 = 0;

/// A driver whose device takes one code with 40 bytes, refuses shorter input, and calls address 0 with longer input, as
/// one does that copies all there is over its own return address.
fn takes_forty_bytes() -> Vec<u8> {
    // What is called later must not lie in a section that is discarded.
    let resident = driver().edit_section("INIT", |init| init.resident());
    driver_like(resident, &["IoCreateDevice", "IofCompleteRequest"], |code| {
        let over_dispatch = [0xEB, 0x55]; // jmp over what follows
        code.put(&over_dispatch);
        let dispatch = code.here();
        code.put(&[0x48, 0x83, 0xEC, 0x28]); // sub rsp, 28h
        code.put(&[0x48, 0x8B, 0x82, 0xB8, 0, 0, 0]); // mov rax, [rdx + 0B8h]: the stack location
        code.put(&[0x45, 0x31, 0xC0]); // xor r8d, r8d
        code.put(&[0x80, 0x38, 0x0E, 0x75, 0x21]); // cmp byte [rax], IRP_MJ_DEVICE_CONTROL; jne done
        code.put(&[0x41, 0xB8, 0x10, 0, 0, 0xC0]); // mov r8d, STATUS_INVALID_DEVICE_REQUEST
        code.put(&[0x81, 0x78, 0x18, 0, 0x20, 0x22, 0]); // cmp dword [rax + 18h], 222000h
        code.put(&[0x75, 0x12]); // jne done
        code.put(&[0x41, 0xB8, 0x0D, 0, 0, 0xC0]); // mov r8d, STATUS_INVALID_PARAMETER
        code.put(&[0x83, 0x78, 0x10, 0x28]); // cmp dword [rax + 10h], 40: InputBufferLength
        code.put(&[0x72, 0x06, 0x77, 0x21]); // jb done; ja wild
        code.put(&[0x45, 0x31, 0xC0, 0x90]); // xor r8d, r8d; nop
        // done:
        code.put(&[0x44, 0x89, 0x42, 0x30]); // mov [rdx + 30h], r8d: IoStatus.Status
        code.put(&[0x44, 0x89, 0x44, 0x24, 0x20]); // mov [rsp + 20h], r8d
        code.put(&[0x48, 0x89, 0xD1]); // mov rcx, rdx
        code.put(&[0x31, 0xD2]); // xor edx, edx
        code.call("IofCompleteRequest");
        code.put(&[0x8B, 0x44, 0x24, 0x20]); // mov eax, [rsp + 20h]
        code.put(&[0x48, 0x83, 0xC4, 0x28, 0xC3]); // add rsp, 28h; ret
        // wild:
        code.put(&[0x31, 0xC0, 0xFF, 0xE0]); // xor eax, eax; jmp rax
        assert_eq!(code.here(), dispatch + u32::from(over_dispatch[1]), "where the jump goes");

        code.put(&[0x48, 0x83, 0xEC, 0x40]); // sub rsp, 40h
        code.put(&[0x48, 0x89, 0x4C, 0x24, 0x48]); // mov [rsp + 48h], rcx
        code.put(&[0x31, 0xD2, 0x45, 0x31, 0xC0]); // xor edx, edx; xor r8d, r8d
        code.set_high(9, 0x22); // FILE_DEVICE_UNKNOWN
        code.put(&[0x4C, 0x89, 0x44, 0x24, 0x20, 0x4C, 0x89, 0x44, 0x24, 0x28]); // and two zeros
        code.put(&[0x48, 0x8D, 0x44, 0x24, 0x40, 0x48, 0x89, 0x44, 0x24, 0x30]); // lea rax, [rsp + 40h]
        code.call("IoCreateDevice");
        code.put(&[0x48, 0x8B, 0x4C, 0x24, 0x48]); // mov rcx, [rsp + 48h]
        code.address(RAX, dispatch);
        code.put(&[0x48, 0x89, 0x81, 0xE0, 0, 0, 0]); // mov [rcx + MajorFunction[IRP_MJ_DEVICE_CONTROL]], rax
        code.put(&[0x48, 0x83, 0xC4, 0x40]); // add rsp, 40h
        code.succeed();
    })
}

/// The length is found from below: what is longer than the driver takes would end the run.
#[test]
fn input_gets_longer_until_it_is_taken() {
    for environment in BOTH {
        let run = run(&takes_forty_bytes(), environment);
        assert_eq!((&run.end, run.status), (&End::Returned, Some(0)), "{:x?}", run.violations);
        let sent = run.phases.iter().filter(|phase| phase.name.contains("0x222000"));
        let sent: Vec<_> = sent.map(|phase| (phase.name.as_str(), phase.status)).collect();
        let refused = Some(0xC000_000D);
        assert_eq!(
            sent,
            [
                ("IRP_MJ_DEVICE_CONTROL 0x222000, 4 bytes", refused),
                ("IRP_MJ_DEVICE_CONTROL 0x222000, 8 bytes", refused),
                ("IRP_MJ_DEVICE_CONTROL 0x222000, 16 bytes", refused),
                ("IRP_MJ_DEVICE_CONTROL 0x222000, 24 bytes", refused),
                ("IRP_MJ_DEVICE_CONTROL 0x222000, 32 bytes", refused),
                ("IRP_MJ_DEVICE_CONTROL 0x222000, 40 bytes", Some(0)),
            ]
        );
    }
}
