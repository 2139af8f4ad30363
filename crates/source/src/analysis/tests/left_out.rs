//! Functions that name nothing that is looked for, and matter all the same.

use super::*;

fn of_two(one: &str, other: &str) -> Vec<String> {
    let head = "#include <ntddk.h>\nextern POOL_TYPE g;\n";
    told(&tree(&[("a.c", &format!("{head}{one}")), ("b.c", &format!("{head}{other}"))]), &[])
}

const USE: &str = "void F(void) { p = ExAllocatePoolWithTag(g, 1, 'a'); }";

/// A function far from the call, in a file that asks for no memory, sets the variable.
#[test]
fn variables_are_set_elsewhere() {
    let set = "POOL_TYPE g;\nvoid Set(void) { if (x) { g = NonPagedPool; } }";
    let open = "the variable `g` holds it";
    let told = [format!("a.c:3 ExAllocatePoolWithTag 0x0 or 0x0? {open}")];
    assert_eq!(of_two(USE, set), told);
    assert_eq!(
        of_two(&format!("{USE}\n{set}"), ""),
        ["a.c:3 ExAllocatePoolWithTag 0x0 or 0x0? the variable `g` holds it"]
    );
    let away = "POOL_TYPE g = PagedPool;\nvoid Away(void) { Query(&g); }";
    assert_eq!(of_two(USE, away), [format!("a.c:3 ExAllocatePoolWithTag 0x0? {open}")]);
    let read = "POOL_TYPE g = PagedPool;\nvoid Read(void) { if (g == 1) { Other(g); } }";
    assert_eq!(of_two(USE, read), ["a.c:3 ExAllocatePoolWithTag 0x1"]);
}

/// What calls a wrapper is read when it turns out to be one.
#[test]
fn wrappers_are_called() {
    let wrapper = "void *Get(POOL_TYPE t) { return ExAllocatePoolWithTag(t, 1, 'a'); }";
    let outer = "void *Outer(POOL_TYPE t) { return Get(t); }";
    let call = "void F(void) { Outer(NonPagedPool); }";
    assert_eq!(
        of_two(wrapper, &format!("{outer}\n{call}")),
        ["b.c:4 ExAllocatePoolWithTag 0x0 < Outer < Get"]
    );
    let class = format!(
        "{}\nclass A {{ int x; A() : x(1) {{ Get(NonPagedPool); }} void f() {{ }} }};",
        wrapper
    );
    let tree = tree(&[("a.cpp", &format!("#include <ntddk.h>\n{class}"))]);
    assert_eq!(told(&tree, &[]), ["a.cpp:3 ExAllocatePoolWithTag 0x0 < Get"]);
}

/// Between the entry point and the call there are functions that name neither.
#[test]
fn a_driver_opts_in_by_way_of_others() {
    let entry = "#define POOL_NX_OPTIN 1\n#include <wdm.h>\nNTSTATUS DriverEntry(int a) { One(); }";
    let call = "void Three(void) { ExInitializeDriverRuntime(DrvRtPoolNxOptIn); }";
    let ways = "void One(void) { Two(); }\nvoid Two(void) { Three(); }";
    for files in [
        &[("a.c", format!("{entry}\n{ways}\n{call}\n{ALLOC}"))][..],
        &[("a.c", format!("{entry}\n{ALLOC}")), ("b.c", ways.to_owned()), ("c.c", call.to_owned())],
    ] {
        let mut tree = SourceTree::default();
        for (path, text) in files {
            tree.add(path, SourceText::of(text.as_str())).unwrap();
        }
        let found = analyse(&tree, &[], &[]);
        let entry = found.entries.iter().find(|one| one.name == "DriverEntry").unwrap();
        assert!(entry.initialises.is_some(), "{files:?}");
        assert_eq!(found.calls[0].opt_in.adds(), Some(true));
    }
}

/// A chain longer than any driver's comes to an end, and is not followed to it.
#[test]
fn chains_of_functions_end() {
    let chain = |length: usize| {
        let ways: String =
            (1..length).map(|one| format!("void f{one}(void) {{ f{}(); }}\n", one - 1)).collect();
        let text = format!(
            "#define POOL_NX_OPTIN 1\n#include <wdm.h>\nvoid f0(void) {{ ExInitializeDriverRuntime(DrvRtPoolNxOptIn); }}\n{ways}NTSTATUS DriverEntry(int a) {{ f{}(); }}\n",
            length - 1
        );
        let found = analyse(&tree(&[("a.c", &text)]), &[], &[]);
        found.entries[0].initialises.is_some()
    };
    assert!(chain(4));
    assert!(!chain(20_000));
}
