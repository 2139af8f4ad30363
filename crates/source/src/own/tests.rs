use crate::analysis::tests::{of, told, tree};

const CALL: &str = "void F(void) { p = ExAllocatePoolWithTag(NonPagedPool, 1, 'a'); }";
const OWN: &str = "void *ExAllocatePoolWithTag(POOL_TYPE t, size_t n, unsigned long g)";

/// The calls of the DDIs that a file has beside another one.
fn beside(files: &[(&str, &str)]) -> Vec<String> {
    told(&tree(files), &[])
}

#[test]
fn a_function_of_the_file_is_not_the_ddi() {
    assert_eq!(of(CALL).len(), 1);
    assert_eq!(of(&format!("static {OWN} {{ return malloc(n); }}\n{CALL}")), [""; 0]);
    // One that others can call is what a kernel has of its own, or what a test has in its place.
    let open = format!("{OWN} {{ return malloc(n); }}\n{CALL}");
    assert_eq!(of(&open).len(), 1);
    assert_eq!(beside(&[("a.c", &open)]), [""; 0]);
    // A declaration is that of the DDI.
    assert_eq!(of(&format!("{OWN};\n{CALL}")).len(), 1);
}

/// In C++ a function that takes something else may stand beside the kit's.
#[test]
fn in_cpp_it_has_to_be_the_same_function() {
    for (before, expected) in [
        (format!("extern \"C\" {OWN} {{ return 0; }}"), 0),
        (format!("extern \"C\" {{ {OWN} {{ return 0; }} }}"), 0),
        (format!("inline {OWN} {{ return 0; }}"), 0),
        (format!("#include <ntddk.h>\ninline {OWN} {{ return 0; }}"), 1),
        (format!("namespace mine {{ {OWN} {{ return 0; }} }}"), 1),
        (format!("struct S {{ {OWN} {{ return 0; }} }};"), 1),
        ("extern \"C\" void *ExAllocatePoolWithTag(int t) { return 0; }".to_owned(), 1),
    ] {
        let found = beside(&[("a.cpp", &format!("{before}\n{CALL}"))]);
        assert_eq!(found.len(), expected, "{before}: {found:?}");
    }
}

#[test]
fn what_a_header_defines_counts_where_it_is_included() {
    let header = format!("static {OWN} {{ return malloc(n); }}");
    let with = format!("#include \"shim.h\"\n{CALL}");
    assert_eq!(beside(&[("a.c", &with), ("shim.h", &header)]), [""; 0]);
    assert_eq!(beside(&[("a.c", CALL), ("shim.h", &header)]).len(), 1);
    // Only some builds have it.
    let header = format!("#ifdef SHIM\n{header}\n#endif");
    assert_eq!(beside(&[("a.c", &with), ("shim.h", &header)]).len(), 1);
    let defined = format!("#define SHIM\n{with}");
    assert_eq!(beside(&[("a.c", &defined), ("b.c", &with), ("shim.h", &header)]).len(), 1);
}

#[test]
fn builds_without_the_function_call_the_ddi() {
    let text = format!("#ifdef TEST\nstatic {OWN} {{ return malloc(n); }}\n#endif\n{CALL}");
    assert_eq!(of(&text).len(), 1);
}

#[test]
fn what_it_calls_is_followed() {
    let own = "static PVOID MmMapIoSpace(PHYSICAL_ADDRESS a, SIZE_T n, ULONG p) { return MmMapIoSpaceEx(a, n, p); }";
    let found = of(&format!("{own}\nvoid F(void) {{ MmMapIoSpace(a, 1, PAGE_EXECUTE); }}"));
    assert_eq!(found, ["a.c:3 MmMapIoSpaceEx 0x10 < MmMapIoSpace"]);
    // Called from nowhere, it is told itself.
    assert_eq!(of(own).len(), 1);
}

/// Its address is that of no DDI, and what it gives is no memory of one.
#[test]
fn what_is_taken_or_run_is_its_own_too() {
    let own = format!("static {OWN} {{ return malloc(n); }}");
    let taken = "void F(void) { Register(ExAllocatePoolWithTag); }";
    assert_eq!(of(taken).len(), 1);
    assert_eq!(of(&format!("{own}\n{taken}")), [""; 0]);
    // What it hands a parameter on to is another matter.
    let on = "static PVOID MmMapIoSpace(PHYSICAL_ADDRESS a, SIZE_T n, ULONG p) { return MmMapIoSpaceEx(a, n, p); }";
    let found =
        of(&format!("{on}\nvoid F(void) {{ Register(MmMapIoSpace); MmMapIoSpace(a, 1, 4); }}"));
    assert!(found.iter().any(|one| one.starts_with("a.c:3 MmMapIoSpaceEx 0x0?")), "{found:?}");
    // A wrapper of one's own function leads to no DDI.
    let wrap = "static void *Wrap(POOL_TYPE t) { return ExAllocatePoolWithTag(t, 1, 'a'); }\n\
        void F(void) { Wrap(PagedPool); Register(Wrap); }";
    assert_eq!(of(wrap).len(), 2);
    assert_eq!(of(&format!("{own}\n{wrap}")), [""; 0]);
    let uses = |before: &str, code: &str| {
        let text = format!(
            "#include <ntddk.h>\n{before}\nvoid F(void) {{ {code} }}\nvoid G(void) {{ ExAllocatePool(1, 1); }}"
        );
        crate::analyse(&tree(&[("a.c", &text)]), &[], &[]).code_uses.len()
    };
    let run = "FN *p = (FN *)ExAllocatePoolWithTag(NonPagedPool, 1, 'a'); p();";
    assert_eq!(uses("", run), 1);
    assert_eq!(uses(&own, run), 0);
    let described = "m = IoAllocateMdl((PVOID)G, 64, FALSE, FALSE, NULL);";
    let mdl = "static void *IoAllocateMdl(void *p, int n, int a, int b, void *c) { return p; }";
    assert_eq!(uses("", described), 1);
    assert_eq!(uses(mdl, described), 0);
}

/// What the linker takes is not known.
#[test]
fn a_function_of_another_file_may_be_it() {
    let maybe = |files: &[(&str, &str)]| {
        let analysis = crate::analyse(&tree(files), &[], &[]);
        let calls = analysis.calls.iter().filter(|call| call.span.file == crate::FileId(0));
        calls.map(|call| (call.is_maybe, call.shares_arguments)).collect::<Vec<_>>()
    };
    let other = format!("{OWN} {{ return malloc(n); }}");
    assert_eq!(maybe(&[("d/a.c", CALL), ("d/b.c", &other)]), [(true, true)]);
    assert_eq!(maybe(&[("d/a.c", CALL), ("test/b.c", &other)]), [(false, false)]);
    let driver = format!("#include <ntddk.h>\n{CALL}");
    assert_eq!(maybe(&[("d/a.c", &driver), ("d/b.c", &other)]), [(false, false)]);
    let inner = format!("static {other}");
    assert_eq!(maybe(&[("d/a.c", CALL), ("d/b.c", &inner)]), [(false, false)]);
    let scoped = "void F() { my::ExAllocatePool(0, 1); }";
    assert_eq!(maybe(&[("a.cpp", scoped)]), [(true, true)]);
    let seen =
        format!("namespace my {{ void *ExAllocatePool(int, int) {{ return 0; }} }}\n{scoped}");
    assert_eq!(maybe(&[("a.cpp", &seen)]), []);
    let global = "void F() { ::ExAllocatePool(0, 1); }";
    assert_eq!(maybe(&[("a.cpp", global)]), [(false, false)]);
}
