//! What is known of versions of Windows, on small functions.

use super::*;
use crate::analysis::tests::of;

const NX: &str = "RtlIsNtDdiVersionAvailable(NTDDI_WIN8)";

/// The documentation of `RtlIsNtDdiVersionAvailable`, and `sdkddkver.h` for the numbers.
#[test]
fn what_windows_10_has_is_there() {
    let asked = |name, arguments: &[u64]| {
        is_there(name, &arguments.iter().map(|one| Value::of(*one)).collect::<Vec<_>>())
    };
    let available = |version| asked("RtlIsNtDdiVersionAvailable", &[version]);
    assert!(available(0x0602_0000) && available(0x0A00_0000));
    assert!(!available(0x0A00_0004) && !available(0x0501_0200));
    assert!(asked("IoIsWdmVersionAvailable", &[1, 0x20]));
    assert!(asked("IsWindows8OrGreater", &[]) && asked("IsWindows8Point1OrGreater", &[]));
    assert!(!asked("IsWindows11OrGreater", &[]) && !asked("IsWindows8OrGreater", &[1]));
}

/// Values that are chosen by a version.
#[test]
fn older_windows_choose_no_value() {
    for code in [
        format!("ExAllocatePool({NX} ? NonPagedPoolNx : NonPagedPool, 1);"),
        "ExAllocatePool(IsWindows8OrGreater() ? NonPagedPoolNx : NonPagedPool, 1);".to_owned(),
        format!("ExAllocatePool(!{NX} ? NonPagedPool : NonPagedPoolNx, 1);"),
        format!("POOL_TYPE t = {NX} ? NonPagedPoolNx : NonPagedPool; ExAllocatePool(t, 1);"),
        format!("POOL_TYPE t = NonPagedPool; if ({NX}) t = NonPagedPoolNx; ExAllocatePool(t, 1);"),
        "RTL_OSVERSIONINFOW v; RtlGetVersion(&v); POOL_TYPE t = NonPagedPool;
         if (v.dwMajorVersion > 6 || (v.dwMajorVersion == 6 && v.dwMinorVersion >= 2)) t = NonPagedPoolNx;
         ExAllocatePool(t, 1);"
            .to_owned(),
        "RTL_OSVERSIONINFOW v; NTSTATUS s = RtlGetVersion(&v);
         ExAllocatePool(NT_SUCCESS(s) && v.dwBuildNumber >= 9200 ? NonPagedPoolNx : NonPagedPool, 1);"
            .to_owned(),
        "RTL_OSVERSIONINFOW v; ExAllocatePool(NT_SUCCESS(RtlGetVersion(&v)) && v.dwMajorVersion >= 10 ?
         NonPagedPoolNx : NonPagedPool, 1);"
            .to_owned(),
    ] {
        let found = of(&format!("void F(void) {{ {code} }}"));
        assert_eq!(found.len(), 1, "{code} {found:?}");
        assert!(found[0].ends_with("Pool 0x200"), "{code} {found:?}");
    }
}

/// Calls that only an older Windows makes.
#[test]
fn what_older_windows_call_is_not_told() {
    for code in [
        format!("if ({NX}) ExAllocatePool(NonPagedPoolNx, 1); else ExAllocatePool(NonPagedPool, 1);"),
        format!("if (!{NX}) {{ ExAllocatePool(NonPagedPool, 1); }} else ExAllocatePool(NonPagedPoolNx, 1);"),
        format!("if ({NX}) return ExAllocatePool(NonPagedPoolNx, 1); return ExAllocatePool(NonPagedPool, 1);"),
        format!("return {NX} ? ExAllocatePool(NonPagedPoolNx, 1) : ExAllocatePool(NonPagedPool, 1);"),
        "RTL_OSVERSIONINFOW v; RtlGetVersion(&v); if (6 >= v.dwMajorVersion) return ExAllocatePool(NonPagedPool, 1);
         return ExAllocatePool(NonPagedPoolNx, 1);"
            .to_owned(),
    ] {
        let found = of(&format!("void *F(void) {{ {code} }}"));
        assert_eq!(found.len(), 1, "{code} {found:?}");
        assert!(found[0].ends_with("Pool 0x200"), "{code} {found:?}");
    }
    let wrapper = format!(
        "void *W(POOL_TYPE t) {{ if ({NX}) return ExAllocatePool(NonPagedPoolNx, 1); return ExAllocatePool(t, 1); }}"
    );
    let found = of(&format!("{wrapper}\nvoid F(void) {{ W(NonPagedPool); }}"));
    assert_eq!(found, ["a.c:2 ExAllocatePool 0x200"]);
}

/// Where the answer is not the same everywhere, or the member is of something else.
#[test]
fn what_some_windows_lack_leaves_both() {
    for condition in [
        "RtlIsNtDdiVersionAvailable(NTDDI_WIN10_RS3)",
        "RtlIsNtDdiVersionAvailable(version)",
        "IsWindows11OrGreater()",
        "v.dwMajorVersion > 6",
        "NT_SUCCESS(Ask(&v))",
    ] {
        let code = format!("ExAllocatePool({condition} ? NonPagedPoolNx : NonPagedPool, 1);");
        let found = of(&format!("void F(ULONG version, FIRMWARE v) {{ {code} }}"));
        assert_eq!(found, ["a.c:2 ExAllocatePool 0x200 or 0x0"], "{condition}");
        let code = format!("if ({condition}) return; ExAllocatePool(NonPagedPool, 1);");
        let found = of(&format!("void F(ULONG version, FIRMWARE v) {{ {code} }}"));
        assert_eq!(found, ["a.c:2 ExAllocatePool 0x0"], "{condition}");
    }
    // A function of the tree's own that says no says so.
    let own = "static BOOLEAN IsWindows8OrGreater(void) { return FALSE; }";
    let code = "void F(void) { ExAllocatePool(IsWindows8OrGreater() ? NonPagedPoolNx : NonPagedPool, 1); }";
    assert_eq!(of(&format!("{own}\n{code}")), ["a.c:3 ExAllocatePool 0x0"]);
}

/// The values of the only call in `code`, in a file with `others`.
fn values(others: &str, code: &str) -> String {
    let found = of(&format!("{others}\nvoid *F(int c) {{ {code} }}"));
    assert_eq!(found.len(), 1, "{others} {code} {found:?}");
    found[0].split_once("Pool ").unwrap().1.to_owned()
}

/// `PsGetVersion`, what the kernel shares with programs, and its variable: as documented, and as the kit's headers have them.
#[test]
fn a_version_is_told_in_many_ways() {
    let told = "ULONG major = 0, minor = 0, build = 0; PsGetVersion(&major, &minor, &build, NULL);";
    for (before, condition) in [
        (told, "major > 6 || (major == 6 && minor >= 2)"),
        (told, "build >= 9200"),
        (told, "9200 <= build"),
        (told, "major * 10 + minor >= 62"),
        (told, "((major << 8) | minor) >= 0x602"),
        (told, "!(major < 6 || (major == 6 && minor < 2))"),
        ("ULONG b; PsGetVersion(NULL, NULL, (PULONG)&b, NULL); BOOLEAN nx = b >= 9200;", "nx"),
        ("", "SharedUserData->NtMajorVersion >= 10"),
        ("", "SharedUserData->NtMajorVersion > 6 || SharedUserData->NtMinorVersion >= 2"),
        ("", "((KUSER_SHARED_DATA * const)0xFFFFF78000000000)->NtBuildNumber >= 9200"),
        ("", "((PKUSER_SHARED_DATA)KI_USER_SHARED_DATA)->NtMajorVersion != 6"),
        ("", "(*NtBuildNumber & 0xFFFF) >= 9200"),
        ("", "(USHORT)*NtBuildNumber > 7601"),
        ("", "*NtBuildNumber >= 9200"),
        ("", "(NtBuildNumber & 0x3FFFFFFF) >= 9200"),
        ("ULONG b = *NtBuildNumber & 0xffff;", "b != 7600 && b != 7601"),
        ("", "RtlIsNtDdiVersionAvailable(0x06020000)"),
        ("", "IoIsWdmVersionAvailable(6, 0)"),
        ("", "IsWindowsVersionOrGreater(6, 2, 0)"),
    ] {
        for (code, expected) in [
            (
                format!(
                    "{before} return ExAllocatePool({condition} ? NonPagedPoolNx : NonPagedPool, 1);"
                ),
                "0x200",
            ),
            (
                format!(
                    "{before} POOL_TYPE t = NonPagedPool; if ({condition}) t = NonPagedPoolNx; return ExAllocatePool(t, 1);"
                ),
                "0x200",
            ),
            (
                format!(
                    "{before} if ({condition}) return ExAllocatePool(NonPagedPoolNx, 1); return ExAllocatePool(NonPagedPool, 1);"
                ),
                "0x200",
            ),
        ] {
            assert_eq!(values("", &code), expected, "{code}");
        }
    }
}

/// What later versions have, and what is something else by that name.
#[test]
fn what_is_not_the_same_on_all_versions_leaves_both() {
    let told = "ULONG major = 0, build = 0; PsGetVersion(&major, NULL, &build, NULL);";
    let signed = "extern PLONG NtBuildNumber;";
    for (others, before, condition) in [
        ("", told, "build >= 22000"),
        ("", told, "major > 10"),
        ("", told, "major == 10"),
        ("", told, "(build & 0xFFF) >= 500"),
        ("", told, "build / 100 >= 92"),
        ("", "ULONG build = 0; GetVersion(&build);", "build >= 9200"),
        ("", "ULONG build; if (c) PsGetVersion(NULL, NULL, &build, NULL);", "build + c >= 9200"),
        ("", "", "p->NtBuildNumber >= 9200"),
        (signed, "", "*NtBuildNumber >= 9200"),
        ("int *NtBuildNumber; void S(int *p) { NtBuildNumber = p; }", "", "*NtBuildNumber >= 9200"),
    ] {
        let code = format!(
            "{before} return ExAllocatePool({condition} ? NonPagedPoolNx : NonPagedPool, 1);"
        );
        assert_eq!(values(others, &code), "0x200 or 0x0", "{others} {code}");
    }
}

/// Functions of the tree that say which Windows it is, or what to ask for on it.
#[test]
fn helpers_decide() {
    let told = "RTL_OSVERSIONINFOW v = {0}; v.dwOSVersionInfoSize = sizeof(v);";
    for helper in [
        format!(
            "static BOOLEAN Is8(void) {{ {told} if (!NT_SUCCESS(RtlGetVersion(&v))) return FALSE; return v.dwMajorVersion > 6; }}"
        ),
        format!(
            "static BOOLEAN Is8(void) {{ {told} RtlGetVersion(&v); if (v.dwMajorVersion > 6) return TRUE; if (v.dwMajorVersion == 6 && v.dwMinorVersion >= 2) return TRUE; return FALSE; }}"
        ),
        format!("static BOOLEAN Is8(void) {{ return {NX}; }}"),
        "static ULONG Build(void) { ULONG b; PsGetVersion(NULL, NULL, &b, NULL); return b; }\n\
         static BOOLEAN Is8(void) { return Build() >= 9200; }"
            .to_owned(),
        format!(
            "static BOOLEAN Is8(void) {{ BOOLEAN is = FALSE; {told} RtlGetVersion(&v); if (v.dwBuildNumber >= 9200) {{ is = TRUE; }} return is; }}"
        ),
    ] {
        for code in [
            "return ExAllocatePool(Is8() ? NonPagedPoolNx : NonPagedPool, 1);",
            "BOOLEAN nx = Is8(); return ExAllocatePool(nx ? NonPagedPoolNx : NonPagedPool, 1);",
        ] {
            assert_eq!(values(&helper, code), "0x200", "{helper} {code}");
        }
        let helper = helper.replace("Is8", "IsWindows8");
        let code = "if (IsWindows8()) return ExAllocatePool(NonPagedPoolNx, 1); return ExAllocatePool(NonPagedPool, 1);";
        assert_eq!(values(&helper, code), "0x200", "{helper} {code}");
    }
    let kind = format!(
        "static POOL_TYPE Kind(void) {{ if ({NX}) return NonPagedPoolNx; return NonPagedPool; }}"
    );
    assert_eq!(values(&kind, "return ExAllocatePool(Kind(), 1);"), "0x200");
    let kind = "static POOL_TYPE Kind(void) { if (IsWindows11OrGreater()) return NonPagedPoolNx; return NonPagedPool; }";
    assert_eq!(values(kind, "return ExAllocatePool(Kind(), 1);"), "0x200 or 0x0");
}

/// Functions and variables that ask each other for the version, in a chain, all of all, and many variables of several entry
/// points: each in a part of the work.
#[test]
fn what_asks_each_other_ends_soon_and_says_the_same() {
    const MANY: usize = 400;
    const CONDITIONS: usize = 60;
    let each = |one: &dyn Fn(usize) -> String| (0..MANY).map(one).collect::<String>();
    let entry = |body: &str| format!("NTSTATUS DriverEntry(int a) {{ {body} return 0; }}\n");
    let use_of = |index| format!("if (Version{index} < 9200) ExAllocatePool(NonPagedPool, 1);");
    let asks = |index: usize, others: &dyn Fn(usize) -> String| {
        format!(
            "ULONG Version{index};\nBOOLEAN IsBuild{index}(void) {{ ULONG b; PsGetVersion(0, 0, &b, 0); {} {} return Version{index} >= 9200; }}\n",
            others(index),
            use_of(index)
        )
    };
    let ask = |one: usize, other: usize| {
        let other = other % MANY;
        format!("if (IsBuild{other}() && Version{other} >= 9200) Version{one} = b; ")
    };
    let chain = |index: usize| ask(index, index + 1);
    let all = |index: usize| (0..CONDITIONS).map(|other| ask(index, other)).collect::<String>();
    let calls = entry(&each(&|index| format!("IsBuild{index}(); ")));
    let sets = |index: usize| {
        format!(
            "ULONG Version{index};\nvoid Set{index}(void) {{ PsGetVersion(0, 0, &Version{index}, 0); }}\nvoid Use{index}(void) {{ {} }}\n",
            use_of(index)
        )
    };
    let starts = entry(&each(&|index| format!("Set{index}(); Use{index}(); ")));
    for text in [
        each(&|index| asks(index, &chain)) + &calls,
        each(&|index| asks(index, &all)) + &calls,
        each(&sets) + &starts.repeat(3),
    ] {
        let start = std::time::Instant::now();
        let found = of(&text);
        // Without a bound it takes hours.
        assert!(start.elapsed().as_secs() < 60);
        assert_eq!(found, of(&text));
    }
}
