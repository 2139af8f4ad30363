//! What a driver finds without asking: the processor's region, shared data, the kernel's variables.

use crate::RAX;
use crate::assembled::{RCX, RDX, status};
use ringfence_verifier::{Environment, Options};

/// KUSER_SHARED_DATA.
const SHARED: u64 = 0xFFFF_F780_0000_0000;

/// 32 bits of shared data.
fn shared(offset: u64) -> u32 {
    status(&["ExFreePoolWithTag"], |code| {
        code.set(RCX, SHARED + offset);
        code.put(&[0x8B, 0x01]); // mov eax, [rcx]
    })
}

/// What every driver with a stack cookie reads first: the tick count at 0x320, and the time stamp counter.
#[test]
fn the_seed_of_the_stack_cookie_is_there() {
    let seed = status(&["ExFreePoolWithTag"], |code| {
        code.set(RCX, SHARED + 0x320);
        code.put(&[0x4C, 0x8B, 0x01]); // mov r8, [rcx]
        code.put(&[0x0F, 0x31]); // rdtsc
        code.put(&[0x4C, 0x31, 0xC0]); // xor rax, r8
        code.put(&[0x85, 0xC0, 0x0F, 0x95, 0xC0, 0x0F, 0xB6, 0xC0]); // setne al; movzx eax, al
    });
    assert_eq!(seed, 1);
}

/// NtMajorVersion, NtMinorVersion and NtBuildNumber, as ntddk.h lays KUSER_SHARED_DATA out.
#[test]
fn shared_data_says_which_windows_it_is() {
    let windows = Options::new(Environment::Hvci, "").windows;
    assert_eq!(shared(0x26C), windows.major);
    assert_eq!(shared(0x270), windows.minor);
    assert_eq!(shared(0x260), windows.build);
    // NtSystemRoot begins with "C:"; KdDebuggerEnabled is 0.
    assert_eq!(shared(0x30), 0x003A_0043);
    assert_eq!(shared(0x2D4) & 0xFF, 0);
}

/// The thread in the processor's region is the one that the function gives, and its process the current one.
#[test]
fn the_processor_s_region_names_the_thread() {
    let same = status(&["PsGetCurrentThread", "PsGetCurrentProcess"], |code| {
        code.call("PsGetCurrentThread");
        code.put(&[0x48, 0x89, 0xC3]); // mov rbx, rax
        // mov rax, gs:[188h]
        code.put(&[0x65, 0x48, 0x8B, 0x04, 0x25, 0x88, 0x01, 0, 0]);
        code.put(&[0x48, 0x29, 0xC3]); // sub rbx, rax
        code.put(&[0x48, 0x8B, 0xB0, 0xB8, 0, 0, 0]); // mov rsi, [rax + 0B8h]
        code.call("PsGetCurrentProcess");
        code.put(&[0x48, 0x29, 0xF0, 0x48, 0x09, 0xD8]); // sub rax, rsi; or rax, rbx
    });
    assert_eq!(same, 0);
    // KPCR.Self.
    let itself = status(&["ExFreePoolWithTag"], |code| {
        // mov rax, gs:[18h]; sub rax, [rax + 18h]
        code.put(&[0x65, 0x48, 0x8B, 0x04, 0x25, 0x18, 0, 0, 0]);
        code.put(&[0x48, 0x2B, 0x40, 0x18]);
    });
    assert_eq!(itself, 0);
}

/// Imported data is data: NtBuildNumber is the build, marked as a free one.
#[test]
fn imported_variables_hold_their_values() {
    let value = |name: &'static str| {
        status(&[name], move |code| {
            let slot = code.slot(name);
            code.address(RCX, slot);
            code.put(&[0x48, 0x8B, 0x09, 0x8B, 0x01]); // mov rcx, [rcx]; mov eax, [rcx]
        })
    };
    assert_eq!(value("NtBuildNumber"), 0xF000_0000 | 26100);
    assert_eq!(value("KdDebuggerNotPresent"), 1);
    assert_ne!(value("IoFileObjectType"), 0);
}

/// `mov rax, cr8` is the level: PASSIVE_LEVEL in DriverEntry.
#[test]
fn the_level_is_in_control_register_8() {
    let level = status(&["ExFreePoolWithTag"], |code| {
        code.put(&[0x44, 0x0F, 0x20, 0xC0]);
    });
    assert_eq!(level, 0);
    let raised = status(&["KfRaiseIrql", "KeGetCurrentIrql"], |code| {
        code.set(RCX, 2);
        code.call("KfRaiseIrql");
        code.call("KeGetCurrentIrql");
    });
    assert_eq!(raised, 2);
}

/// What the C library's documentation says of each conversion; the first eight bytes of the text.
#[test]
fn formats_are_those_of_c() {
    let text = |format: &'static str, value: u64| -> String {
        let half = |skip: u8| {
            status(&["_snprintf"], move |code| {
                code.put(&[0x48, 0x83, 0xEC, 0x60]); // sub rsp, 60h
                // mov qword [rsp + 38h], 0: what is not written is zero
                code.put(&[0x48, 0xC7, 0x44, 0x24, 0x38, 0, 0, 0, 0]);
                let bytes = format.as_bytes();
                code.put(&[0xEB, bytes.len() as u8 + 1]); // jmp over the format
                let place = code.here();
                code.put(bytes);
                code.put(&[0]);
                code.put(&[0x48, 0x8D, 0x4C, 0x24, 0x38]); // lea rcx, [rsp + 38h]
                code.set(RDX, 24);
                code.set_high(9, value);
                code.address(RAX, place);
                code.put(&[0x49, 0x89, 0xC0]); // mov r8, rax
                code.call("_snprintf");
                code.put(&[0x8B, 0x44, 0x24, 0x38 + skip]); // mov eax, [rsp + 38h + skip]
                code.put(&[0x48, 0x83, 0xC4, 0x60]);
            })
        };
        let bytes = [half(0).to_le_bytes(), half(4).to_le_bytes()].concat();
        let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
        String::from_utf8_lossy(&bytes[..end]).into_owned()
    };
    assert_eq!(text("%d", u64::from(-5_i32 as u32)), "-5");
    assert_eq!(text("%5u|", 42), "   42|");
    assert_eq!(text("%-4x|", 0xAB), "ab  |");
    assert_eq!(text("%08X", 0x1F), "0000001F");
    assert_eq!(text("%.3d", 7), "007");
    assert_eq!(text("%I64x", 0x12_3456_789A), "12345678");
    assert_eq!(text("%#x", 16), "0x10");
    assert_eq!(text("%c%%", u64::from(b'A')), "A%");
    assert_eq!(text("%s", 0), "(null)");
}
