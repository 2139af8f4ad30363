//! Calls of what has the name of a function and is another one.

use super::*;

const WRAPPER: &str =
    "PVOID Alloc(POOL_TYPE t, SIZE_T n) { return ExAllocatePoolWithTag(t, n, 'x'); }";
/// The call in the wrapper, whose callers are not known.
const ALONE: &str = "ExAllocatePoolWithTag 0x0? ";

/// Whether some call is told with a value that is certain.
fn certain(path: &str, text: &str) -> Vec<u64> {
    let tree = tree(&[(path, &format!("#include <ntddk.h>\n{text}"))]);
    let calls = analyse(&tree, &[], &[]).calls;
    let certain = calls.iter().filter(|call| !call.is_maybe && !call.via.is_empty());
    let values = certain.filter_map(|call| call.deciding()?.1.value.constant());
    values.collect()
}

#[test]
fn a_member_of_c_is_no_function() {
    let ops = "struct OPS { PVOID (*Alloc)(ULONG, SIZE_T); };";
    let text = format!("{ops}\n{WRAPPER}\nvoid F(struct OPS *o) {{ o->Alloc(0, 4); }}");
    assert_eq!(certain("a.c", &text), [0; 0]);
    assert!(of(&text).iter().all(|told| told.contains(ALONE)));
}

#[test]
fn a_variable_or_parameter_of_a_functions_name_is_not_the_function() {
    let parameter = format!("{WRAPPER}\nvoid F(PVOID (*Alloc)(ULONG, SIZE_T)) {{ Alloc(0, 4); }}");
    assert_eq!(certain("a.c", &parameter), [0; 0]);
    let local =
        format!("{WRAPPER}\nvoid F(void) {{ PVOID (*Alloc)(ULONG, SIZE_T) = g; Alloc(0, 4); }}");
    assert_eq!(certain("a.c", &local), [0; 0]);
    // A function that is declared in another is the function.
    let declared =
        format!("{WRAPPER}\nvoid F(void) {{ PVOID Alloc(POOL_TYPE t, SIZE_T n); Alloc(0, 4); }}");
    assert_eq!(certain("a.c", &declared), [0]);
}

#[test]
fn a_method_that_several_classes_have_may_be_that_of_any() {
    let pool = "class PoolAlloc { public: void* Get(POOL_TYPE t) { return ExAllocatePoolWithTag(t, 1, 'x'); } };";
    let other = "class Registry { public: void* Get(ULONG); };";
    let call = "void F(Registry* r) { r->Get(0); }";
    assert_eq!(certain("a.cpp", &format!("{pool}\n{other}\n{call}")), [0; 0]);
    let defined = "class Registry { public: void* Get(ULONG) { return 0; } };";
    assert_eq!(certain("a.cpp", &format!("{pool}\n{defined}\n{call}")), [0; 0]);
    let only = "void F(PoolAlloc* r) { r->Get(0); }";
    assert_eq!(certain("a.cpp", &format!("{pool}\n{only}")), [0]);
}
