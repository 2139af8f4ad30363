//! Headers that nobody who names a DDI includes.

use super::*;

const HEADER: &str = "#pragma once\nFORCEINLINE PVOID HAlloc(SIZE_T n) { return ExAllocatePoolWithTag(NonPagedPool, n, 1); }\n";

fn opt_ins(tree: &SourceTree, projects: &[Project]) -> Vec<(String, OptIn)> {
    let all = analyse(tree, projects, &[]).opt_ins.into_iter();
    all.map(|(file, said)| (tree.file(file).path.to_string(), said)).collect()
}

#[test]
fn a_header_is_read_with_what_its_includers_define() {
    let tree = tree(&[
        ("pch.h", "#define POOL_NX_OPTIN_AUTO 1\n#include <ntddk.h>\n"),
        ("util.h", HEADER),
        ("more.h", "#include \"Util.h\"\n"),
        ("a.c", "#include \"pch.h\"\n#include \"more.h\"\nPVOID A(void) { return HAlloc(1); }\n"),
    ]);
    assert_eq!(opt_ins(&tree, &[]), [("util.h".to_owned(), OptIn::Auto)]);
}

#[test]
fn a_header_is_read_with_what_the_projects_of_its_includers_define() {
    let tree = tree(&[
        ("drv/a.c", "#include <ntddk.h>\n#include \"../common/util.h\"\n"),
        ("common/util.h", HEADER),
    ]);
    let mut project = project(&tree, &[("POOL_NX_OPTIN_AUTO", "1")]);
    project.sources.truncate(1);
    assert_eq!(opt_ins(&tree, &[project]), [("common/util.h".to_owned(), OptIn::Auto)]);
}

/// A header of that name in another folder is another one, and nobody includes this.
#[test]
fn a_header_that_nobody_includes_stays_alone() {
    let tree = tree(&[
        ("one/a.c", "#define POOL_NX_OPTIN_AUTO 1\n#include <ntddk.h>\n#include \"util.h\"\n"),
        ("one/util.h", "int x;\n"),
        ("two/util.h", HEADER),
    ]);
    assert_eq!(opt_ins(&tree, &[]), [("two/util.h".to_owned(), OptIn::None)]);
}

/// What a program of user mode shares with a driver runs in the driver.
#[test]
fn a_header_that_a_driver_includes_is_read_as_the_driver_has_it() {
    let tree = tree(&[
        ("app.c", "#include <windows.h>\n#include \"util.h\"\n"),
        ("b.c", "#define POOL_NX_OPTIN_AUTO 1\n#include <ntddk.h>\n#include \"util.h\"\n"),
        ("util.h", HEADER),
    ]);
    let analysis = analyse(&tree, &[], &[]);
    assert_eq!(analysis.calls.len(), 1);
    assert_eq!(analysis.calls[0].opt_in, OptIn::Auto);
}
