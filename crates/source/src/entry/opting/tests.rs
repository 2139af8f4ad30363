//! What runs before the driver opts in to no-execute pools, on trees of two files.

use crate::analysis::tests::{told, tree};

const OPTED: &str = "#define POOL_NX_OPTIN 1\n#include <ntddk.h>\n";
const CALL: &str = "ExInitializeDriverRuntime(DrvRtPoolNxOptIn);";

fn values(entry: &str, others: &str) -> Vec<String> {
    let main = format!(
        "{OPTED}{others}\nNTSTATUS DriverEntry(PDRIVER_OBJECT d, PUNICODE_STRING r) {{ {entry} }}"
    );
    let work = format!("{OPTED}void Work(int a) {{ ExAllocatePool(NonPagedPool, a); }}");
    let all = told(&tree(&[("main.c", &main), ("work.c", &work)]), &[]);
    all.into_iter().map(|one| one.split(" < ").next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn what_runs_before_the_opt_in_is_executable() {
    let request = "ExAllocatePool(NonPagedPool, 1);";
    assert_eq!(values(&format!("{CALL} Work(1);"), ""), ["work.c:3 ExAllocatePool 0x200"]);
    assert_eq!(values(&format!("Work(1); {CALL}"), ""), ["work.c:3 ExAllocatePool 0x0"]);
    assert_eq!(
        values(&format!("{request} {CALL} {request} Work(1);"), ""),
        [
            "main.c:4 ExAllocatePool 0x0",
            "main.c:4 ExAllocatePool 0x200",
            "work.c:3 ExAllocatePool 0x200"
        ]
    );
}

/// By way of other functions, on either side; those that name nothing that is looked for are not read.
#[test]
fn helpers_are_followed() {
    let helpers = format!(
        "void Start(void) {{ {CALL} }}\nvoid First(void) {{ ExAllocatePool(PagedPool, 1); Work(1); }}"
    );
    let paged = "main.c:4 ExAllocatePool 0x1";
    assert_eq!(values("First(); Start();", &helpers), [paged, "work.c:3 ExAllocatePool 0x0"]);
    assert_eq!(values("Start(); First();", &helpers), [paged, "work.c:3 ExAllocatePool 0x200"]);
    // One that names nothing of interest, and another one behind it.
    let between = format!(
        "void Second(void);\nvoid First(void) {{ Second(); }}\nvoid Second(void) {{ Work(1); }}\nvoid Start(void) {{ {CALL} }}"
    );
    assert_eq!(values("First(); Start();", &between), ["work.c:3 ExAllocatePool 0x0"]);
    assert_eq!(values("Start(); First();", &between), ["work.c:3 ExAllocatePool 0x200"]);
}

/// Each value of the request behind `code`, in the entry point itself and in what it calls.
fn behind(code: &str, others: &str) -> Vec<String> {
    values(&format!("{code} ExAllocatePool(NonPagedPool, 1); Work(1);"), others)
}

fn both(value: &str) -> Vec<String> {
    ["main.c:4", "work.c:3"].map(|at| format!("{at} ExAllocatePool {value}")).into()
}

/// Where no way to the call is left, it is as if it were not there.
#[test]
fn a_call_that_is_never_come_to_opts_in_to_nothing() {
    for code in [
        format!("if (0) {CALL}"),
        format!("if (!RtlIsNtDdiVersionAvailable(NTDDI_WIN10)) {{ {CALL} }}"),
        format!("RTL_OSVERSIONINFOW v; RtlGetVersion(&v); if (v.dwMajorVersion < 10) {CALL}"),
    ] {
        assert_eq!(behind(&code, ""), both("0x0"), "{code}");
    }
    let helper = format!("static VOID Init(BOOLEAN b) {{ if (b) {CALL} }}");
    assert_eq!(behind("Init(FALSE);", &helper), both("0x0"));
    assert_eq!(behind("Init(TRUE);", &helper), both("0x200"));
}

/// Where the build decides whether the call is there, either may be.
#[test]
fn a_call_of_some_builds_leaves_both() {
    let asked = |code: &str, others: &str| {
        let main = format!(
            "{OPTED}{others}\nNTSTATUS DriverEntry(PDRIVER_OBJECT d, PUNICODE_STRING r) {{\n{code}\n\
             ExAllocatePool(NonPagedPool, 1); return 0; }}"
        );
        let tree = tree(&[("main.c", &main)]);
        let mut all: Vec<_> =
            crate::analyse(&tree, &[], &[]).calls.into_iter().map(|call| call.opt_in).collect();
        all.dedup();
        all
    };
    let by_build =
        |all: &[crate::OptIn]| !all.is_empty() && all.iter().all(|one| one.is_by_build());
    let arm =
        |code: &str, other: &str| format!("#ifdef DRVRT_NX\n{code}\n#else\n{other}\n#endif\n");
    let init = |code: &str| format!("static VOID Init(VOID) {{\n{code}\n}}\n");
    for (code, others) in [
        (format!("#ifdef DRVRT_NX\n{CALL}\n#endif"), String::new()),
        (arm(CALL, "DbgPrint(\"no\");"), String::new()),
        ("Init();".to_owned(), init(&arm(CALL, ""))),
        ("Init();".to_owned(), arm(&init(CALL), &init(""))),
        (arm("Init();", ""), init(CALL)),
        ("INIT_RT();".to_owned(), arm(&format!("#define INIT_RT() {CALL}"), "#define INIT_RT()")),
    ] {
        let all = asked(&code, &others);
        assert!(by_build(&all), "{code} {others} {all:?}");
    }
    // A condition that is known, or that has nothing to do with the call, leaves none.
    for (code, others) in [
        (format!("#ifdef DRVRT_NX\nDbgPrint(\"\");\n#endif\n{CALL}"), ""),
        (format!("#ifdef POOL_NX_OPTIN\n{CALL}\n#endif"), ""),
    ] {
        let all = asked(&code, others);
        assert!(all.iter().all(|one| one.adds() == Some(true)), "{code} {all:?}");
    }
}

/// Where a condition decides that nothing is known of, either may be.
#[test]
fn a_call_under_a_condition_leaves_both() {
    for code in [
        format!("HANDLE k; if (NT_SUCCESS(ZwOpenKey(&k, 1, NULL))) {{ {CALL} ZwClose(k); }}"),
        format!("if (d->Flags) {CALL}"),
        format!("if (d->Flags) goto skip; {CALL} skip:"),
        format!("while (d->Flags) {{ {CALL} }}"),
        format!("switch (d->Flags) {{ case 1: {CALL} }}"),
        "d->Flags && Init(TRUE);".to_owned(),
        "Init(d->Flags);".to_owned(),
    ] {
        let helper = format!("static VOID Init(BOOLEAN b) {{ if (!b) return; {CALL} }}");
        let found = behind(&code, &helper);
        assert_eq!(found, both("0x0 or 0x200"), "{code}");
    }
}

/// What always comes by the call, or fails before.
#[test]
fn a_call_that_all_ways_pass_opts_in() {
    let helper = format!(
        "static NTSTATUS Init(void) {{ NTSTATUS s = Other(); if (!NT_SUCCESS(s)) return s; {CALL} return STATUS_SUCCESS; }}"
    );
    for code in [
        format!("if (RtlIsNtDdiVersionAvailable(NTDDI_WIN8)) {CALL}"),
        format!("RTL_OSVERSIONINFOW v; RtlGetVersion(&v); if (v.dwMajorVersion >= 6) {CALL}"),
        format!("NTSTATUS s = Other(); if (!NT_SUCCESS(s)) return s; {CALL}"),
        format!(
            "NTSTATUS s = Other(); if (!NT_SUCCESS(s)) goto out; {CALL} if (0) {{ out: return s; }}"
        ),
        format!("do {{ {CALL} }} while (0);"),
        format!("{{ {{ {CALL} }} }}"),
        format!("__try {{ {CALL} }} __except (1) {{ return 1; }}"),
        format!("__try {{ {CALL} }} __except (1) {{ Other(); }}"),
        format!("__try {{ {CALL} }} __finally {{ Other(); }}"),
        format!("if (d->Flags) {CALL} else {CALL}"),
        "NTSTATUS s = Init(); if (!NT_SUCCESS(s)) return s;".to_owned(),
    ] {
        assert_eq!(behind(&code, &helper), both("0x200"), "{code}");
    }
}

/// Where the driver does not start, nothing of it runs.
#[test]
fn a_call_that_only_failure_leaves_out_opts_in() {
    let start = "NTSTATUS s = Other(d);";
    let helper = format!(
        "static NTSTATUS Init(void) {{ NTSTATUS t = Other(); if (NT_SUCCESS(t)) {{ {CALL} }} return t; }}"
    );
    for code in [
        format!("{start} if (NT_SUCCESS(s)) {{ {CALL} }} return s;"),
        format!("{start} if (NT_SUCCESS(s)) {{ {CALL} s = Other(); }} return s;"),
        format!("NTSTATUS s; if (NT_SUCCESS(s = Other(d))) {{ {CALL} }} return s;"),
        format!(
            "{start} if (s == STATUS_SUCCESS) {{ s = Other(); if (s >= 0) {CALL} }} return (s);"
        ),
        format!(
            "{start} do {{ if (!NT_SUCCESS(s)) break; {CALL} s = Other(); }} while (0); return s;"
        ),
        format!(
            "NTSTATUS s = STATUS_UNSUCCESSFUL; if (d->Flags) {{ {CALL} s = Other(); }} return s;"
        ),
        format!("{start} if (!NT_SUCCESS(s) || !d) {{ return 0xC0000001; }} {CALL} return s;"),
        format!(
            "NTSTATUS s; if (!d->Flags) {{ s = STATUS_NO_MEMORY; }} else {{ s = 0; {CALL} }} return s;"
        ),
        "NTSTATUS s = Init(); if (NT_SUCCESS(s)) { Other(); } return s;".to_owned(),
    ] {
        assert_eq!(values(&code, &helper), ["work.c:3 ExAllocatePool 0x200"], "{code}");
    }
}

/// Where the status is of something else, or is given another value, the driver may start without.
#[test]
fn a_call_that_success_may_leave_out_is_not_proven() {
    let start = "NTSTATUS s = Other(d);";
    for code in [
        format!("{start} if (NT_SUCCESS(s)) {{ {CALL} }} s = Other(); return s;"),
        format!("{start} if (NT_SUCCESS(s)) {{ {CALL} }} else {{ s = STATUS_SUCCESS; }} return s;"),
        format!("{start} if (NT_SUCCESS(s)) {{ {CALL} }} return STATUS_SUCCESS;"),
        format!("{start} if (NT_SUCCESS(s) && d->Flags) {{ {CALL} }} return s;"),
        format!("{start} if (!NT_SUCCESS(s)) {{ {CALL} }} return s;"),
        format!("{start} NTSTATUS t = Other(); if (NT_SUCCESS(t)) {{ {CALL} }} return s;"),
        format!("{start} if (NT_SUCCESS(s)) {{ {CALL} }} Change(&s); return s;"),
    ] {
        let found = values(&code, "");
        assert_eq!(found, ["work.c:3 ExAllocatePool 0x0 or 0x200"], "{code}");
    }
}

/// What a lambda does is done where it is called, and not where it is written.
#[test]
fn lambdas_opt_in_where_they_are_called() {
    let value = |code: &str| {
        let text = format!(
            "#define POOL_NX_OPTIN 1\n#include <ntddk.h>\nextern \"C\" NTSTATUS DriverEntry(int c) {{ {code} return 0; }}"
        );
        told(&tree(&[("a.cpp", &text)]), &[])
    };
    let call = "ExInitializeDriverRuntime(DrvRtPoolNxOptIn);";
    let take = "ExAllocatePool(NonPagedPool, 1);";
    let found = |expected: &str| vec![format!("a.cpp:3 ExAllocatePool {expected}")];
    assert_eq!(value(&format!("auto f = [] {{ {call} }}; f(); {take}")), found("0x200"));
    assert_eq!(value(&format!("auto f = [&]() {{ c = 1; {call} }}; f(); {take}")), found("0x200"));
    assert_eq!(value(&format!("auto f = [] {{ {call} }}; {take} f();")), found("0x0"));
    // On some ways only.
    for code in [
        format!("auto f = [] {{ {call} }}; if (c) f(); {take}"),
        format!("auto f = [&] {{ if (c) return; {call} }}; f(); {take}"),
        format!("auto f = [&] {{ if (c) {{ {call} }} }}; f(); {take}"),
    ] {
        assert_eq!(value(&code), found("0x0 or 0x200"), "{code}");
    }
}
