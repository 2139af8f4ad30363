//! Functions, loops and files that are included.

use super::tests::{defined, read};

/// What is defined for `a.c` of the first target, in doubt with a question mark; and how many doubts there are.
fn told(files: &[(&str, &str)]) -> (Vec<String>, usize) {
    let (tree, found) = read(&[files, &[("a.c", "")]].concat());
    (defined(&tree, &found[0], "a.c"), found[0].doubts.len())
}

fn are(defines: &[&str]) -> (Vec<String>, usize) {
    (defines.iter().map(|one| (*one).to_owned()).collect(), 0)
}

#[test]
fn files_that_are_included_are_part_of_it() {
    let options =
        "add_definitions(-DPOOL_NX_OPTIN_AUTO=1)\ninclude(${CMAKE_CURRENT_LIST_DIR}/more.cmake)\n";
    let more = "add_definitions(-DMORE)\n";
    let files = [("cmake/opts.cmake", options), ("cmake/more.cmake", more)];
    let with = |text: &str| told(&[&[("CMakeLists.txt", text)], &files[..]].concat());
    let both = are(&["POOL_NX_OPTIN_AUTO=1", "MORE=1"]);
    assert_eq!(with("include(cmake/opts.cmake)\nadd_library(a a.c)\n"), both);
    assert_eq!(with("include(opts)\nadd_library(a a.c)\n"), both);
    let path = "list(APPEND CMAKE_MODULE_PATH ${CMAKE_SOURCE_DIR}/cmake)\n";
    assert_eq!(with(&format!("{path}include(opts)\nadd_library(a a.c)\n")), both);
    assert_eq!(
        with("if(X)\ninclude(opts)\nendif()\nadd_library(a a.c)\n").0,
        ["POOL_NX_OPTIN_AUTO=1?", "MORE=1?"]
    );
    // CMake's own say nothing of macros; what is not found may.
    assert_eq!(with("include(CheckCCompilerFlag)\nadd_library(a a.c)\n"), are(&[]));
    assert_eq!(with("include(gone OPTIONAL)\nadd_library(a a.c)\n").1, 1);
    // Those that include themselves come to an end.
    let files = [
        ("CMakeLists.txt", "include(x.cmake)\nadd_library(a a.c)\n"),
        ("x.cmake", "include(x.cmake)\nadd_definitions(-DX)\n"),
    ];
    assert_eq!(told(&files), are(&["X=1"]));
}

#[test]
fn functions_are_run_with_their_arguments() {
    let of = |text: &str| told(&[("CMakeLists.txt", text)]);
    let function = "function(driver target)\n  add_library(${target} STATIC ${ARGN})\n  \
        target_compile_definitions(${target} PRIVATE POOL_NX_OPTIN_AUTO=1 COUNT=${ARGC} LAST=${ARGV1})\n\
        set(INNER x)\nset(OUTER y PARENT_SCOPE)\nendfunction()\n";
    assert_eq!(
        of(&format!("{function}Driver(a a.c)\nadd_definitions(-DI=${{INNER}} -DO=${{OUTER}})\n")).0,
        ["POOL_NX_OPTIN_AUTO=1", "COUNT=2", "LAST=a.c", "I=${INNER}?", "O=y"]
    );
    let of_macro = "macro(opt_in flag)\n  add_definitions(-D${flag})\n  set(SET 1)\nendmacro()\n";
    assert_eq!(
        of(&format!(
            "{of_macro}opt_in(POOL_NX_OPTIN=1)\nadd_definitions(-DS=${{SET}})\nadd_library(a a.c)\n"
        )),
        are(&["POOL_NX_OPTIN=1", "S=1"])
    );
    // A name that says that a driver is made is believed, and the body is run.
    let named = "function(add_driver name)\n  add_executable(${name} ${ARGN})\n  target_compile_definitions(${name} PRIVATE A)\nendfunction()\nadd_driver(d a.c)\n";
    assert_eq!(of(named), are(&["A=1"]));
    let parsed = "function(mine)\ncmake_parse_arguments(ARG \"NX\" \"NAME\" \"SOURCES;DEFINES\" ${ARGN})\n\
        add_library(${ARG_NAME} ${ARG_SOURCES})\ntarget_compile_definitions(${ARG_NAME} PRIVATE ${ARG_DEFINES})\n\
        if(ARG_NX)\ntarget_compile_definitions(${ARG_NAME} PRIVATE NX)\nendif()\nendfunction()\n\
        mine(NAME a NX SOURCES a.c b.c DEFINES A B=2)\n";
    assert_eq!(of(parsed), are(&["A=1", "B=2", "NX=1"]));
    // Where it is not known which function it is, what it says is in doubt.
    let perhaps = "if(X)\nfunction(f)\nadd_definitions(-DX)\nendfunction()\nendif()\nf()\nadd_library(a a.c)\n";
    assert_eq!(of(perhaps).0, ["X=1?"]);
}

#[test]
fn commands_that_nobody_knows_are_doubts_where_they_get_something() {
    let of = |text: &str| told(&[("CMakeLists.txt", &format!("add_library(a a.c)\n{text}\n"))]).1;
    assert_eq!((of("theirs(a)"), of("theirs(a.c)"), of("theirs(b)")), (1, 1, 0));
    assert_eq!(of("install(TARGETS a)\nadd_dependencies(a b)"), 0);
}

#[test]
fn loops_go_over_what_is_known() {
    let of = |text: &str| told(&[("CMakeLists.txt", &format!("{text}add_library(a a.c)\n"))]);
    let body = "add_definitions(-DD_${d})\nendforeach()\n";
    assert_eq!(of(&format!("foreach(d a b)\n{body}")), are(&["D_a=1", "D_b=1"]));
    assert_eq!(
        of(&format!("set(L a b)\nforeach(d IN LISTS L ITEMS c)\n{body}")),
        are(&["D_a=1", "D_b=1", "D_c=1"])
    );
    assert_eq!(of(&format!("foreach(d RANGE 1 2)\n{body}")), are(&["D_1=1", "D_2=1"]));
    let made = "foreach(d a b)\nadd_library(${d} ${d}.c)\ntarget_compile_definitions(${d} PRIVATE X)\nendforeach()\n";
    let (tree, found) = read(&[("CMakeLists.txt", made), ("a.c", ""), ("b.c", "")]);
    assert_eq!(found.len(), 2);
    assert_eq!(defined(&tree, &found[1], "b.c"), ["X=1"]);
}

#[test]
fn headers_that_are_precompiled_come_first() {
    let text = "add_library(a a.c)\ntarget_precompile_headers(a PRIVATE pch.h <ntddk.h> $<$<CONFIG:Debug>:x.h>)\n";
    let (_, found) = read(&[("d/CMakeLists.txt", text), ("d/a.c", ""), ("d/pch.h", "")]);
    assert_eq!(found[0].configurations[0].forced_includes, ["d/pch.h", "ntddk.h"]);
    assert_eq!(found[0].doubts.len(), 1);
}

#[test]
fn hostile_functions_and_loops_end() {
    let calls = "function(f)\nf()\nf()\nf()\nendfunction()\nf()\nadd_library(a a.c)\n";
    assert!(read(&[("CMakeLists.txt", calls)]).1.len() <= 1);
    let mut loops = "foreach(x RANGE 200)\n".repeat(40);
    loops += "add_definitions(-DA)\n";
    loops += &"endforeach()\n".repeat(40);
    assert!(read(&[("CMakeLists.txt", &loops)]).1.is_empty());
    let deep = "foreach(x a b)\n".repeat(20_000) + &"endforeach()\n".repeat(20_000);
    let deep = format!("{deep}add_library(a a.c)\n");
    assert!(read(&[("CMakeLists.txt", &deep)]).1.len() <= 1);
    for text in [
        "foreach()\n",
        "foreach(x RANGE 9 1 0)\n",
        "foreach(x RANGE -1)\nendforeach()",
        "function()\nendfunction()",
        "foreach(x a)\nendif()\nelse()\nendforeach()",
        "include()",
        "cmake_parse_arguments(A)",
        "cmake_parse_arguments(PARSE_ARGV x A \"\" \"\" \"\")",
    ] {
        assert!(read(&[("CMakeLists.txt", text)]).1.is_empty(), "{text}");
    }
}
