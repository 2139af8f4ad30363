use super::*;
use crate::{SourceText, SourceTree, analyse};

/// Each use as the name and what is done to it. A call of a DDI makes the file one that is looked at.
pub(super) fn told(code: &str) -> Vec<String> {
    let mut tree = SourceTree::default();
    let text = format!(
        "void Target(int a) {{ }}\n{code}\nvoid Z() {{ ExFreePool(0); __writecr0(x | 0x10000); }}"
    );
    tree.add("a.c", SourceText::of(text)).unwrap();
    let told = |one: &CodeUse| match &one.kind {
        CodeUseKind::Written(by) => {
            format!("{} written by {}", one.name, by.as_deref().unwrap_or("a store"))
        }
        CodeUseKind::KernelWritten(by) => {
            format!("{} of the kernel written by {}", one.name, by.as_deref().unwrap_or("a store"))
        }
        CodeUseKind::Described(by) => format!("{} described by {by}", one.name),
        CodeUseKind::MayRun(by) => format!("{} may run memory of {by}", one.name),
        CodeUseKind::Run(by) => format!("{} runs memory of {by}", one.name),
    };
    analyse(&tree, &[], &[]).code_uses.iter().map(told).collect()
}

#[test]
fn functions_that_are_written_to() {
    for (code, by) in [
        ("memcpy(Target, patch, 5);", "memcpy"),
        ("RtlCopyMemory((PVOID)Target, patch, sizeof(patch));", "RtlCopyMemory"),
        ("memset((PUCHAR)&Target + 2, 0x90, 4);", "memset"),
        ("RtlFillMemory((void *)(ULONG_PTR)Target, 1, 0xC3);", "RtlFillMemory"),
        ("*(unsigned char *)Target = 0xC3;", "a store"),
        ("*(PUCHAR)((PUCHAR)Target + 1) = 0xC3;", "a store"),
        ("((PUCHAR)Target)[3] = 0x90;", "a store"),
        ("((PUCHAR)&Target)[at + 1] = 0x90;", "a store"),
        ("InterlockedExchange((LONG *)Target, 5);", "InterlockedExchange"),
        ("InterlockedExchange64((volatile LONG64 *)(PVOID)&Target, 5);", "InterlockedExchange64"),
        ("__movsb((PUCHAR)Target, patch, 5);", "__movsb"),
        ("__stosb((PUCHAR)Target, 0x90, 5);", "__stosb"),
        ("UCHAR *p = (UCHAR *)Target; p[0] = 0x90;", "a store"),
        ("UCHAR *p = (UCHAR *)Target; *p = 0x90;", "a store"),
        ("UCHAR *p = (UCHAR *)Target; *(p + 1) = 0x90;", "a store"),
        ("PVOID p = Target; RtlCopyMemory(p, patch, 5);", "RtlCopyMemory"),
        ("PVOID p = (PVOID)&Target; memcpy((PUCHAR)p + 1, patch, 5);", "memcpy"),
    ] {
        let found = told(&format!("void F(char *patch) {{ {code} }}"));
        assert_eq!(found, [format!("Target written by {by}")], "{code}");
    }
}

/// What is not plain is not told.
#[test]
fn other_targets_are_not_told() {
    for code in [
        "void F(char *p) { memcpy(p, Target, 5); }",
        "void F(char *Target) { memcpy(Target, p, 5); }",
        "void F(void) { char Target[5]; memcpy(Target, p, 5); }",
        "void F(void) { memcpy(Target(1), p, 5); }",
        "void F(void) { memcpy(Target->p, p, 5); }",
        "void F(void) { memcpy(Table[Target], p, 5); }",
        "#define Target Other\nvoid F(void) { memcpy(Target, p, 5); }",
        "void F(int *p) { *p = 5; *(int *)Other = 6; }",
        "void F(void) { memcpy(Declared, p, 5); }",
        // What else a variable may hold is not followed.
        "void F(void) { UCHAR *p = (UCHAR *)Target; p = Other; p[0] = 1; }",
        "void F(void) { UCHAR *p = (UCHAR *)Target; p++; *p = 1; }",
        "void F(void) { UCHAR *p = (UCHAR *)Target; Set(&p); *p = 1; }",
        "void F(void) { UCHAR *p = (UCHAR *)Other; p[0] = 1; }",
        "void F(void) { UCHAR *p = (UCHAR *)Target(1); p[0] = 1; }",
        "void F(UCHAR *q) { UCHAR *p = (UCHAR *)Target; q[0] = p[0]; x = *p; }",
        "void F(void) { Target[0] = 1; *Target = 2; InterlockedIncrement(&Target); }",
        "void F(void) { ((PUCHAR *)a[Target])[0] = 1; ((T **)Target)[0][1] = 2; }",
    ] {
        assert_eq!(told(code), [""; 0], "{code}");
    }
}

#[test]
fn functions_that_are_described() {
    assert_eq!(
        told("void F(void) { mdl = IoAllocateMdl((PVOID)Target, 64, FALSE, FALSE, NULL); }"),
        ["Target described by IoAllocateMdl"]
    );
    assert_eq!(
        told("void F(PVOID p) { mdl = IoAllocateMdl(p, 64, FALSE, FALSE, NULL); }"),
        [""; 0]
    );
}

#[test]
fn memory_that_is_called() {
    for code in [
        "FN *f = (FN *)ExAllocatePoolWithTag(NonPagedPool, 64, 'a'); if (!f) return; memcpy(f, s, 64); f(1);",
        "void (*f)(int) = (void (*)(int))ExAllocatePool(NonPagedPool, 64); f(1);",
        "PVOID f; f = ExAllocatePool2(POOL_FLAG_NON_PAGED_EXECUTE, 64, 'a'); ((FN *)f)();",
    ] {
        let found = told(&format!("void F(char *s) {{ {code} }}"));
        assert!(
            found.len() == 1 && found[0].starts_with("f runs memory of ExAllocatePool"),
            "{code}"
        );
    }
    for code in [
        "FN *f = Known; if (s) f = (FN *)ExAllocatePool(NonPagedPool, 64); f();",
        "FN **f = (FN **)ExAllocatePool(NonPagedPool, 64); (*f)();",
        "FN **f = (FN **)ExAllocatePool(NonPagedPool, 64); f[0]();",
        "T *f = (T *)ExAllocatePool(NonPagedPool, 64); f->Run();",
        "PVOID f = ExAllocatePool(NonPagedPool, 64); (*(FN **)f)();",
        "FN *f = (FN *)ExAllocatePool(NonPagedPool, 64); f = Known; f();",
        "FN *f = (FN *)ExAllocatePool(NonPagedPool, 64); Set(&f); f();",
        "FN *f = Wrap(ExAllocatePool(NonPagedPool, 64)); f();",
    ] {
        assert_eq!(told(&format!("void F(char *s) {{ {code} }}")), [""; 0], "{code}");
    }
}

/// The function that runs the memory is in another file, which is read as it names something of interest.
#[test]
fn functions_of_other_files_run_memory() {
    let run = |go: &str| {
        let mut tree = SourceTree::default();
        let head = "#include <ntddk.h>\ntypedef void FN(void);\nvoid Go(FN *f);\n";
        let call = "void F(void) { PVOID p = ExAllocatePool2(1, 64, 'a'); Go((FN *)p); }";
        tree.add("a.c", SourceText::of(format!("{head}{call}"))).unwrap();
        tree.add("b.c", SourceText::of(format!("{head}{go}"))).unwrap();
        analyse(&tree, &[], &[]).code_uses.into_iter().map(|one| one.kind).collect::<Vec<_>>()
    };
    let free = "ExAllocatePool2(64, 1, 1);";
    assert!(matches!(
        run(&format!("void Go(FN *f) {{ f(); {free} }}"))[..],
        [CodeUseKind::MayRun(_)]
    ));
    for go in ["void Go(FN *f) { Keep(f); FREE }", "static void Go(FN *f) { f(); FREE }"] {
        assert!(run(&go.replace("FREE", free)).is_empty(), "{go}");
    }
}
