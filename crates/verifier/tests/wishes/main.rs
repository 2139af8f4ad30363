//! What a driver can ask for, a call each: what Driver Verifier says to each value, and what memory integrity
//! makes of it.

#[path = "../assembled/mod.rs"]
#[expect(dead_code, reason = "shared with tests that use more of it")]
mod assembled;
mod rights;

use assembled::{BOTH, RCX, RDX, driver_of, run};
use ringfence_ddi::{Reach, Role, VerifierBehaviour};
use ringfence_fixture::RWX;
use ringfence_image::Image;
use ringfence_verifier::{End, Environment};

/// A function that nobody modelled succeeds, is counted, and what follows is under assumption.
#[test]
fn unknown_functions_are_counted() {
    let bytes = driver_of(&["ZwFrobnicate", "ExAllocatePoolWithTag"], |code| {
        code.call("ZwFrobnicate");
        code.set(RCX, 0);
        code.set(RDX, 16);
        code.call("ExAllocatePoolWithTag");
        code.succeed();
    });
    let run = run(&bytes, Environment::Verifier);
    assert_eq!(run.stand_ins.get("ZwFrobnicate"), Some(&1));
    assert_eq!(run.status, Some(0));
    let [violation] = &run.violations[..] else { panic!("{:?}", run.violations) };
    assert_eq!(violation.bug_check.parameters[0], 0x2000);
    assert!(violation.under_assumption);
}

/// Each value as the predicate of the specification has it: bits 0 and 9 alone decide.
#[test]
fn pool_types_are_judged_by_two_bits() {
    let cases = [
        (0, true),
        (1, false),
        (2, true),
        (4, true),
        (0x10, true),
        (0x20, true),
        (0x200, false),
        (0x401, false),
        (0x600, false),
    ];
    for (pool_type, reported) in cases {
        let bytes = driver_of(&["ExAllocatePoolWithTag"], |code| {
            // The upper half is rubbish to the function.
            code.set(RCX, 0xDEAD_0000_0000_0000 | pool_type);
            code.set(RDX, 16);
            code.set_high(8, 0x3131_3131);
            code.call("ExAllocatePoolWithTag");
            code.succeed();
        });
        let run = run(&bytes, Environment::Verifier);
        let told: Vec<_> =
            run.violations.iter().map(|violation| violation.bug_check.parameters).collect();
        let told: Vec<_> =
            told.iter().map(|[first, _, third, fourth]| (*first, *third, *fourth)).collect();
        let expected = if reported { vec![(0x2000, pool_type, 0x3131_3131)] } else { vec![] };
        assert_eq!(told, expected, "{pool_type:#x}");
    }
}

/// Driver Verifier counts each call, also those from the same place.
#[test]
fn calls_from_one_place_are_told_once_and_counted() {
    let bytes = driver_of(&["ExAllocatePoolWithTag"], |code| {
        code.put(&[0xBB, 5, 0, 0, 0]); // mov ebx, 5
        let again = code.here();
        code.set(RCX, 0);
        code.set(RDX, 16);
        code.call("ExAllocatePoolWithTag");
        code.put(&[0xFF, 0xCB]); // dec ebx
        let back = again.wrapping_sub(code.here() + 2) as u8;
        code.put(&[0x75, back]); // jnz
        code.succeed();
    });
    let run = run(&bytes, Environment::Verifier);
    let [violation] = &run.violations[..] else { panic!("{:?}", run.violations) };
    assert_eq!((violation.bug_check.parameters[0], violation.count), (0x2000, 5));
}

/// ExAllocatePool2: the converted type and no tag; flags that ask for no pool, or for two, give none.
#[test]
fn pool_flags_are_converted() {
    let run_with_tag = |flags, tag| {
        let bytes = driver_of(&["ExAllocatePool2"], |code| {
            code.set(RCX, flags);
            code.set(RDX, 16);
            code.set_high(8, tag);
            code.call("ExAllocatePool2");
            // The status is whether there is memory: setz al; movzx eax, al
            code.put(&[0x48, 0x85, 0xC0, 0x0F, 0x94, 0xC0, 0x0F, 0xB6, 0xC0]);
            code.put(&[0x48, 0x83, 0xC4, 0x28, 0xC3]);
        });
        let run = run(&bytes, Environment::Verifier);
        let third =
            run.violations.iter().map(|violation| violation.bug_check.parameters[2]).collect();
        let fourth = run.violations.iter().all(|violation| violation.bug_check.parameters[3] == 0);
        assert!(fourth, "no tag");
        (run.status, third)
    };
    let run_with = |flags| run_with_tag(flags, 0x3131_3131);
    let none: Vec<u64> = vec![];
    // POOL_FLAG_NON_PAGED_EXECUTE, alone and cache-aligned; then NON_PAGED and PAGED.
    assert_eq!(run_with(0x80), (Some(0), vec![0]));
    assert_eq!(run_with(0x88), (Some(0), vec![4]));
    assert_eq!(run_with(0x40), (Some(0), none.clone()));
    assert_eq!(run_with(0x100), (Some(0), none.clone()));
    // NonPagedPool, PagedPool and NonPagedPoolNx passed by mistake.
    for flags in [0, 1, 512, 0x140] {
        assert_eq!(run_with(flags), (Some(1), none.clone()), "{flags:#x}");
    }
    // Two pools at once, one of them executable: the check is not made, as the flags are ill-formed.
    for flags in [0xC0, 0x180, 0x1C0] {
        assert_eq!(run_with(flags), (Some(1), none.clone()), "{flags:#x}");
    }
    // A tag of zero is invalid.
    assert_eq!(run_with_tag(0x40, 0), (Some(1), none));
}

/// A writable and executable section of a driver that Windows lets in: INIT, which it makes read-only.
#[test]
fn init_is_not_writable_with_memory_integrity() {
    let bytes = driver_of(&["ExFreePoolWithTag"], |code| {
        let here = code.start;
        code.address(RDX, here);
        code.put(&[0xC6, 0x02, 0x48]);
        code.succeed();
    });
    let image = Image::read(&bytes).expect("an image");
    let at = image.sections().iter().position(|section| section.is_named("INIT")).expect("INIT");
    let header = image.headers().section_table().0 as usize + 40 * at + 36;
    let mut bytes = bytes.clone();
    let rights =
        u32::from_le_bytes(bytes[header..header + 4].try_into().expect("four bytes")) | RWX;
    bytes[header..header + 4].copy_from_slice(&rights.to_le_bytes());
    assert_eq!(run(&bytes, Environment::Verifier).end, End::Returned);
    assert_eq!(run(&bytes, Environment::Hvci).bug_check().expect("a bug check").code, 0xBE);
}

/// The kernel executes no page of a program: SMEP's fault is bug check 0xFC. CR4.SMEP clear lets it, but
/// not with memory integrity.
#[test]
fn pages_of_programs_are_not_executed_by_the_kernel() {
    let run_code = |clear: bool| {
        driver_of(&["ZwAllocateVirtualMemory"], move |code| {
            // Two variables behind the room for arguments: the base, 0, and the size, a page.
            code.put(&[0x48, 0x83, 0xEC, 0x58]); // sub rsp, 58h
            code.put(&[0x48, 0xC7, 0x44, 0x24, 0x40, 0, 0, 0, 0]); // mov qword [rsp + 40h], 0
            code.put(&[0x48, 0xC7, 0x44, 0x24, 0x48, 0, 0x10, 0, 0]); // mov qword [rsp + 48h], 1000h
            code.put(&[0x48, 0x8D, 0x44, 0x24, 0x48]); // lea rax, [rsp + 48h]
            code.put(&[0x49, 0x89, 0xC1]); // mov r9, rax
            code.put(&[0x48, 0x8D, 0x54, 0x24, 0x40]); // lea rdx, [rsp + 40h]
            code.put(&[0x45, 0x31, 0xC0]); // xor r8d, r8d
            code.set(RCX, u64::MAX);
            code.put(&[0xC7, 0x44, 0x24, 0x20, 0, 0x30, 0, 0]); // MEM_COMMIT | MEM_RESERVE
            code.put(&[0xC7, 0x44, 0x24, 0x28, 0x40, 0, 0, 0]); // PAGE_EXECUTE_READWRITE
            code.call("ZwAllocateVirtualMemory");
            if clear {
                code.put(&[0x0F, 0x20, 0xE0]); // mov rax, cr4
                code.put(&[0x25, 0xFF, 0xFF, 0xEF, 0xFF]); // and eax, ~100000h
                code.put(&[0x0F, 0x22, 0xE0]); // mov cr4, rax
            }
            code.put(&[0x48, 0x8B, 0x44, 0x24, 0x40]); // mov rax, [rsp + 40h]
            code.put(&[0xC6, 0x00, 0xC3, 0xFF, 0xD0]); // mov byte [rax], C3h; call rax
            code.put(&[0x48, 0x83, 0xC4, 0x58]);
            code.succeed();
        })
    };
    let last = |bytes: &[u8], environment| {
        let run = run(bytes, environment);
        (run.status, run.violations.last().map(|violation| violation.bug_check.code))
    };
    for environment in BOTH {
        assert_eq!(last(&run_code(false), environment), (None, Some(0xFC)));
    }
    // The request itself is reported by Driver Verifier, as 0x2001.
    assert_eq!(last(&run_code(true), Environment::Verifier), (Some(0), Some(0xC4)));
    assert_eq!(last(&run_code(true), Environment::Hvci), (None, Some(0xFC)));
}

/// Calls a DDI with `value` as the argument at `index`, and zeros.
fn asks(name: &'static str, index: u8, value: u64) -> Vec<u8> {
    driver_of(&[name], |code| {
        code.put(&[0x48, 0x81, 0xEC, 0x80, 0, 0, 0]); // sub rsp, 80h
        for argument in 4..12_u8 {
            let value = if argument == index { value as u32 } else { 0 };
            // mov dword [rsp + 8 * argument], value: what is above is rubbish.
            code.put(&[0xC7, 0x44, 0x24, 8 * argument]);
            code.put(&value.to_le_bytes());
        }
        let of = |argument| if argument == index { value } else { 0 };
        code.set(RCX, of(0));
        code.set(RDX, of(1));
        code.set_high(8, of(2));
        code.set_high(9, of(3));
        code.call(name);
        code.put(&[0x48, 0x81, 0xC4, 0x80, 0, 0, 0]);
        code.succeed();
    })
}

/// An executable value and a fine one of each role, by the headers of Windows, and how the bug check shows the
/// first: POOL_FLAGS are converted to a pool type.
fn values(role: Role) -> Option<(u64, u64, u64)> {
    Some(match role {
        Role::PoolType => (0x10, 0x200, 0x10),
        Role::PoolFlags => (0x80, 0x40, 0),
        Role::LookasideFlags => (0, 0x200, 0),
        Role::PageProtection => (0x40, 4, 0x40),
        Role::MdlPriority => (32, 0x4000_0020, 32),
        Role::ContiguousCacheType => (1, 0, 1),
        Role::IoSpaceCacheType => (0, 2, 0),
        _ => return None,
    })
}

/// Every import of the kernel in the table that Driver Verifier looks at: executable values are reported, or
/// made non-executable without a word, and fine ones are not.
#[test]
fn each_ddi_is_looked_at_as_the_table_says() {
    let mut looked_at = 0;
    for ddi in ringfence_ddi::all() {
        let imported = ddi.reach == Reach::Import && ddi.modules.contains(&"ntoskrnl.exe");
        let report = ddi.verifier.behaviour == VerifierBehaviour::Report;
        let deciding = ddi.deciding().and_then(|(index, parameter)| Some((index, parameter.role?)));
        let Some((index, role)) = deciding.filter(|_| imported) else { continue };
        let Some((executable, fine, shown)) = values(role) else { continue };
        let told = |value, environment| {
            let run = run(&asks(ddi.name, index, value), environment);
            let integrity =
                run.violations.iter().filter(|violation| violation.bug_check.code == 0xC4);
            let told = integrity.map(|violation| violation.bug_check.parameters);
            (told.collect::<Vec<_>>(), run.fixed.len())
        };
        let (reports, fixed) = told(executable, Environment::Verifier);
        let substituted = ddi.verifier.behaviour == VerifierBehaviour::SubstituteNx;
        assert_eq!(fixed, usize::from(substituted), "{}", ddi.name);
        if report {
            let [[first, _, third, fourth]] = reports[..] else {
                panic!("{}: {reports:?}", ddi.name)
            };
            let subcode = u64::from(ddi.verifier.subcode.expect("a subcode"));
            assert_eq!((first, third, fourth), (subcode, shown, 0), "{}", ddi.name);
        } else {
            assert_eq!(reports, [[0; 4]; 0], "{}", ddi.name);
        }
        assert_eq!(told(fine, Environment::Verifier), (vec![], 0), "{}", ddi.name);
        assert_eq!(told(executable, Environment::Hvci), (vec![], 0), "{}", ddi.name);
        looked_at += 1;
    }
    // Eleven pool functions, nine of sections and protections, one of MDLs; and what is not reported.
    assert!(looked_at > 30, "{looked_at}");
}

/// The headers' own ExAllocateFromNPagedLookasideList calls what the list has at 30h: the list was reported when
/// it was made, and is not for each entry.
#[test]
fn lists_are_reported_where_they_are_made() {
    let bytes = driver_of(&["ExInitializeNPagedLookasideList"], |code| {
        code.put(&[0x48, 0x81, 0xEC, 0x00, 0x01, 0, 0]); // sub rsp, 100h
        code.put(&[0x48, 0xC7, 0x44, 0x24, 0x20, 64, 0, 0, 0]); // 64 bytes
        code.put(&[0xC7, 0x44, 0x24, 0x28, 0x31, 0x31, 0x31, 0x31]);
        code.put(&[0x48, 0x8D, 0x4C, 0x24, 0x60, 0x48, 0x89, 0xCB]); // lea rcx, [rsp + 60h]; mov rbx, rcx
        code.set(RDX, 0);
        code.set_high(8, 0);
        code.set_high(9, 0);
        code.call("ExInitializeNPagedLookasideList");
        code.put(&[0x8B, 0x4B, 0x24, 0x8B, 0x53, 0x2C]); // mov ecx, [rbx + 24h]; mov edx, [rbx + 2Ch]
        code.put(&[0x44, 0x8B, 0x43, 0x28]); // mov r8d, [rbx + 28h]
        code.put(&[0xFF, 0x53, 0x30]); // call [rbx + 30h]
        code.put(&[0x48, 0x81, 0xC4, 0x00, 0x01, 0, 0]);
        code.succeed();
    });
    let run = run(&bytes, Environment::Verifier);
    assert_eq!(run.status, Some(0));
    let [violation] = &run.violations[..] else { panic!("{:?}", run.violations) };
    assert_eq!(violation.bug_check.parameters[0], 0x2000);
    assert_eq!(violation.bug_check.parameters[3], 0x3131_3131);
    assert_eq!(violation.function.as_deref(), Some("ExInitializeNPagedLookasideList"));
}
