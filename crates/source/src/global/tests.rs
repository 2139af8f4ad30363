//! Variables outside of functions that drivers set where they start.

use crate::analysis::tests::{told, tree};

const NX: &str = "RtlIsNtDdiVersionAvailable(NTDDI_WIN8)";

/// What is told of `Work`, in a file of its own, which allocates by `g`; of a driver that starts by `entry`, beside `others`.
fn values(others: &str, entry: &str) -> Vec<String> {
    let main = format!(
        "#include <ntddk.h>\n{others}\nNTSTATUS DriverEntry(PDRIVER_OBJECT d, PUNICODE_STRING r) {{ {entry} }}"
    );
    let work =
        "#include <ntddk.h>\nextern POOL_TYPE g;\nvoid Work(int a) { ExAllocatePool(g, a); }";
    told(&tree(&[("main.c", &main), ("work.c", work)]), &[])
}

const DECLARED: &str = "POOL_TYPE g = NonPagedPool;";

#[test]
fn what_is_set_where_the_driver_starts_is_what_it_is() {
    for (others, entry) in [
        (String::new(), format!("if ({NX}) g = NonPagedPoolNx; return STATUS_SUCCESS;")),
        (String::new(), "g = NonPagedPoolNx; d->DriverUnload = Work; return 0;".to_owned()),
        (String::new(), format!("NTSTATUS s = Other(); if (!NT_SUCCESS(s)) return s; if ({NX}) g = NonPagedPoolNx; Work(1); return s;")),
        (format!("static void Init(void) {{ if ({NX}) g = NonPagedPoolNx; }}"), "Init(); return 0;".to_owned()),
        (format!("static void Init(void) {{ g = NonPagedPool; if ({NX}) {{ g = NonPagedPoolNx; }} }}"), "Init(); return 0;".to_owned()),
        (format!("static void Init(void) {{ if ({NX}) g = NonPagedPoolNx; else g = NonPagedPool; }}"), "Init(); return 0;".to_owned()),
        (String::new(), format!("g = {NX} ? NonPagedPoolNx : NonPagedPool; return 0;")),
        (String::new(), "ULONG a, i, b; PsGetVersion(&a, &i, &b, NULL); if (a > 6 || (a == 6 && i >= 2)) g = NonPagedPoolNx; return 0;".to_owned()),
    ] {
        let found = values(&format!("{DECLARED}\n{others}"), &entry);
        assert_eq!(found, ["work.c:3 ExAllocatePool 0x200"], "{others} {entry}");
    }
    // One that is set to something else on older Windows only.
    let found =
        values("POOL_TYPE g = NonPagedPoolNx;", &format!("if (!{NX}) g = NonPagedPool; return 0;"));
    assert_eq!(found, ["work.c:3 ExAllocatePool 0x200"]);
}

/// Where something may read it before, or nothing is sure to set it.
#[test]
fn what_may_be_read_before_may_be_what_it_began_as() {
    let open = "0x200 or 0x0? the variable `g` holds it";
    for (others, entry) in [
        ("", "if (d->Flags) g = NonPagedPoolNx; return 0;".to_owned()),
        ("", format!("Work(1); if ({NX}) g = NonPagedPoolNx; return 0;")),
        ("static void Init(void) { g = NonPagedPoolNx; }", "return 0;".to_owned()),
        (
            "static void Init(void) { g = NonPagedPoolNx; }",
            "if (d->Flags) Init(); return 0;".to_owned(),
        ),
    ] {
        let found = values(&format!("{DECLARED}\n{others}"), &entry);
        assert_eq!(found, [format!("work.c:3 ExAllocatePool {open}")], "{others} {entry}");
    }
    // No driver starts here.
    let work = "#include <ntddk.h>\nPOOL_TYPE g = NonPagedPool;\nvoid Set(void) { g = NonPagedPoolNx; }\nvoid Work(int a) { ExAllocatePool(g, a); }";
    assert_eq!(told(&tree(&[("work.c", work)]), &[]), [format!("work.c:4 ExAllocatePool {open}")]);
}

/// `g = A; if (c) g = B;`, where something may see the first.
#[test]
fn what_is_replaced_counts_where_it_may_be_seen() {
    let first = "g = NonPagedPool;";
    let then = format!("if ({NX}) g = NonPagedPoolNx; return 0;");
    for (others, entry) in [
        ("", format!("{first} Work(1); {then}")),
        ("", format!("{first} d->DriverInit(d, r); {then}")),
        ("", format!("{first} if (d->Flags) return 0; {then}")),
        ("", format!("{first} if (d->Flags) g = NonPagedPoolNx; return 0;")),
        ("static void Deep(void) { Work(1); }", format!("{first} Deep(); {then}")),
    ] {
        let found = values(&format!("{DECLARED}\n{others}"), &entry);
        assert!(found[0].ends_with("0x0 or 0x200"), "{others} {entry} {found:?}");
    }
    // What the function itself asks for in between.
    let found = values(DECLARED, &format!("{first} ExAllocatePool(g, 1); {then}"));
    assert!(found[0].starts_with("main.c") && found[0].contains("0x0"), "{found:?}");
}

/// What the version is may be kept in a variable.
#[test]
fn versions_are_kept() {
    let asks = "void W(int a) { ExAllocatePool(is ? NonPagedPoolNx : NonPagedPool, a); }";
    for (others, entry, is) in [
        ("ULONG v;", "PsGetVersion(NULL, NULL, &v, NULL); return 0;", "v >= 9200"),
        ("BOOLEAN v;", "v = *NtBuildNumber >= 9200; return 0;", "v"),
        (
            "BOOLEAN v = FALSE;",
            "if (RtlIsNtDdiVersionAvailable(NTDDI_WIN8)) v = TRUE; return 0;",
            "v",
        ),
        (
            "RTL_OSVERSIONINFOW v;",
            "RtlGetVersion(&v); return 0;",
            "v.dwMajorVersion > 6 || v.dwBuildNumber >= 9200",
        ),
        (
            "RTL_OSVERSIONINFOEXW v = {0};",
            "v.dwOSVersionInfoSize = 1; RtlGetVersion((PRTL_OSVERSIONINFOW)&v); return 0;",
            "v.dwMajorVersion > 6",
        ),
    ] {
        let asks = asks.replace("is ?", &format!("({is}) ?"));
        let found = values(&format!("{others}\n{asks}"), entry);
        assert_eq!(found[0], "main.c:3 ExAllocatePool 0x200", "{others} {entry}");
    }
    let asks = asks.replace("is ?", "v.dwMajorVersion > 6 ?");
    let found = values(
        &format!("RTL_OSVERSIONINFOW v;\n{asks}"),
        "if (d->Flags) RtlGetVersion(&v); return 0;",
    );
    assert_eq!(found[0], "main.c:3 ExAllocatePool 0x200 or 0x0");
}
