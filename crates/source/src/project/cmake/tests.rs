//! What the targets of small trees say.

use super::super::{Define, Output, projects};
use super::*;
use crate::{SourceText, SourceTree};

pub(super) fn read(files: &[(&str, &str)]) -> (SourceTree, Vec<Project>) {
    let mut tree = SourceTree::default();
    for (path, text) in files {
        tree.add(path, SourceText::of(*text)).unwrap();
    }
    let (found, unreadable) = projects(&tree);
    assert!(unreadable.is_empty());
    (tree, found)
}

/// What is defined for a source, in doubt with a question mark.
pub(super) fn defined(tree: &SourceTree, project: &Project, file: &str) -> Vec<String> {
    let tell = |define: &&Define| {
        let value = define.value.as_deref().unwrap_or("(none)");
        format!("{}={value}{}", define.name, if define.certain { "" } else { "?" })
    };
    let file = tree.at(file).unwrap_or(project.file);
    project.configurations[0].defines_of(file).iter().map(tell).collect()
}

fn names<'t>(tree: &'t SourceTree, project: &Project) -> Vec<&'t str> {
    project.sources.iter().map(|id| &*tree.file(*id).path).collect()
}

#[test]
fn a_driver_of_find_wdk_is_read() {
    let text = r#"cmake_minimum_required(VERSION 3.20)
project(Filter C)
list(APPEND CMAKE_MODULE_PATH "${CMAKE_CURRENT_SOURCE_DIR}/cmake")
find_package(WDK REQUIRED)
set(SRCS a.c "${PROJECT_SOURCE_DIR}/sub/b.c")
list(APPEND SRCS c.c)
wdk_add_driver(${PROJECT_NAME} WINVER 0x0A00 KMDF 1.15 ${SRCS})
target_compile_definitions(${PROJECT_NAME} PRIVATE POOL_NX_OPTIN=1 -DB=2)
target_include_directories(Filter PRIVATE inc ${CMAKE_SOURCE_DIR}/../shared)
target_link_options(Filter PRIVATE /INTEGRITYCHECK "LINKER:/ALIGN:32")
set_source_files_properties(c.c PROPERTIES COMPILE_DEFINITIONS "POOL_NX_OPTOUT=1;C")
wdk_add_library(helper STATIC h.c)
add_executable(tool tool.c)
"#;
    let files = [
        ("p/CMakeLists.txt", text),
        ("p/a.c", ""),
        ("p/sub/b.c", ""),
        ("p/c.c", ""),
        ("p/h.c", ""),
        ("p/tool.c", ""),
    ];
    let (tree, found) = read(&files);
    let told: Vec<_> = found.iter().map(|one| (&*one.name, one.configurations[0].output)).collect();
    assert_eq!(
        told,
        [("Filter", Output::Driver), ("helper", Output::DriverLibrary), ("tool", Output::UserMode)]
    );
    let driver = &found[0];
    assert_eq!(names(&tree, driver), ["p/a.c", "p/sub/b.c", "p/c.c"]);
    assert!(driver.names_sources);
    assert_eq!(defined(&tree, driver, "p/a.c"), ["POOL_NX_OPTIN=1", "B=2"]);
    assert_eq!(
        defined(&tree, driver, "p/c.c"),
        ["POOL_NX_OPTIN=1", "B=2", "POOL_NX_OPTOUT=1", "C=1"]
    );
    let configuration = &driver.configurations[0];
    assert_eq!(tree.text(configuration.defines[1].span.unwrap()), "B=2");
    assert_eq!(configuration.include_folders, ["p/inc", "shared"]);
    let options: Vec<_> =
        configuration.linker.iter().map(|one| (&*one.text, tree.text(one.span))).collect();
    assert_eq!(options, [("/INTEGRITYCHECK", "/INTEGRITYCHECK"), ("/ALIGN:32", "/ALIGN:32")]);
    assert!(tree.text(driver.place).starts_with("wdk_add_driver("));
    assert_eq!(driver.doubts, []);
}

#[test]
fn folders_hand_down_what_they_said_before() {
    let top = "add_definitions(-DPOOL_NX_OPTIN_AUTO=1 /DX)\nadd_compile_definitions(Y=2)\nset(CMAKE_C_FLAGS \"${CMAKE_C_FLAGS} /DFLAG\")\n\
        add_subdirectory(drv)\nadd_definitions(-DLATE)\nadd_library(top STATIC t.c)\nadd_compile_options(/DLATER)\n";
    let drv = "file(GLOB SRCS CONFIGURE_DEPENDS *.c)\nadd_executable(drv ${SRCS})\nset_target_properties(drv PROPERTIES LINK_FLAGS \"/DRIVER /ENTRY:DriverEntry /SUBSYSTEM:NATIVE\" COMPILE_FLAGS \"/DOWN /UX\")\n";
    let files = [
        ("CMakeLists.txt", top),
        ("drv/CMakeLists.txt", drv),
        ("drv/a.c", ""),
        ("drv/b.c", ""),
        ("t.c", ""),
    ];
    let (tree, found) = read(&files);
    assert_eq!(found.len(), 2);
    let (top, drv) = (&found[0], &found[1]);
    assert_eq!(
        (names(&tree, drv), drv.configurations[0].output),
        (vec!["drv/a.c", "drv/b.c"], Output::Driver)
    );
    let mut told = defined(&tree, drv, "");
    told.sort();
    assert_eq!(told, ["FLAG=1", "OWN=1", "POOL_NX_OPTIN_AUTO=1", "X=(none)", "Y=2"]);
    let mut told = defined(&tree, top, "");
    told.sort();
    assert_eq!(told, ["FLAG=1", "LATE=1", "POOL_NX_OPTIN_AUTO=1", "X=1", "Y=2"]);
}

#[test]
fn what_is_handed_on_reaches_who_uses_it() {
    let text = "add_library(settings INTERFACE)\ntarget_compile_definitions(settings INTERFACE POOL_NX_OPTIN=1)\n\
        add_library(our::settings ALIAS settings)\nadd_library(mid STATIC m.c)\ntarget_link_libraries(mid PUBLIC our::settings)\n\
        target_compile_definitions(mid PRIVATE HIDDEN PUBLIC SHOWN)\nadd_executable(drv d.c)\ntarget_link_libraries(drv PRIVATE mid drv)\n";
    let (tree, found) = read(&[("CMakeLists.txt", text)]);
    let told: Vec<_> = found.iter().map(|one| (&*one.name, defined(&tree, one, ""))).collect();
    let strings = |of: &[&str]| of.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
    assert_eq!(told[0], ("mid", strings(&["HIDDEN=1", "SHOWN=1", "POOL_NX_OPTIN=1"])));
    assert_eq!(told[1], ("drv", strings(&["SHOWN=1", "POOL_NX_OPTIN=1"])));
}

#[test]
fn what_hangs_on_an_unknown_condition_is_certain_only_within_it() {
    let text = "if(BUILD_DRIVER)\n  km_add_driver(drv d.c)\n  target_compile_definitions(drv PRIVATE IN)\n\
        if(NX)\n target_compile_definitions(drv PRIVATE POOL_NX_OPTIN=1)\n endif()\nendif()\n\
        if(MSVC AND NOT UNIX)\n target_compile_definitions(drv PRIVATE SURE)\nelse()\n target_compile_definitions(drv PRIVATE NEVER)\nendif()\n\
        option(OPT \"\" ON)\nif(OPT)\n target_compile_definitions(drv PRIVATE OPTED)\nendif()\n\
        target_compile_definitions(drv PRIVATE $<$<CONFIG:Debug>:DBG> VER=${VERSION})\n";
    let (tree, found) = read(&[("CMakeLists.txt", text), ("d.c", "")]);
    assert_eq!(
        defined(&tree, &found[0], ""),
        ["IN=1", "POOL_NX_OPTIN=1?", "SURE=1", "OPTED=1", "DBG=1?", "VER=${VERSION}?"]
    );
    assert!(
        found[0]
            .doubts
            .iter()
            .any(|(span, what)| tree.text(*span) == "if(NX)" && what.contains("POOL_NX_OPTIN"))
    );
}

#[test]
fn what_is_not_run_is_a_doubt() {
    let text = "while(x)\n  add_definitions(-D${x})\nendwhile()\nforeach(x IN LISTS UNKNOWN)\n  add_definitions(-D${x})\nendforeach()\n\
        include(gone)\nadd_executable(drv ${UNKNOWN})\nmine(drv)\n";
    let (_, found) = read(&[("CMakeLists.txt", text)]);
    let told: Vec<_> = found[0].doubts.iter().map(|(_, what)| &**what).collect();
    assert_eq!(told.len(), 5);
    assert!(told[0].starts_with("loops") && told[1].starts_with("what this loop goes over"));
    assert!(told[2].starts_with("this file is included and not found"));
    assert!(told[3].starts_with("which sources"));
    assert!(told[4].starts_with("this command is not known here"));
    assert_eq!(found[0].configurations[0].output, Output::Unknown);
    assert!(!found[0].names_sources);
}

#[test]
fn hostile_files_end_with_a_doubt() {
    let doubled =
        "set(A x)\n".to_owned() + &"set(A \"${A}${A}\")\n".repeat(100) + "add_library(a a.c)\n";
    let (_, found) = read(&[("CMakeLists.txt", &doubled)]);
    assert!(found.len() <= 1);
    let deep = "if(X)\n".repeat(1000) + "add_library(a a.c)\n" + &"endif()\n".repeat(1000);
    assert!(read(&[("CMakeLists.txt", &deep)]).1.is_empty());
    let cycle = "add_subdirectory(.)\nadd_subdirectory(d)\nadd_library(a a.c)\n";
    let back = "add_subdirectory(..)\nadd_library(b b.c)\n";
    assert_eq!(read(&[("CMakeLists.txt", cycle), ("d/CMakeLists.txt", back)]).1.len(), 2);
    let uses = (0..300).map(|number| {
        format!("add_library(t{number} x.c)\ntarget_compile_definitions(t{number} PUBLIC D{number})\ntarget_link_libraries(t{number} t{} t{})\n", (number + 1) % 300, (number + 7) % 300)
    });
    let (_, found) = read(&[("CMakeLists.txt", &uses.collect::<String>())]);
    assert_eq!(found.len(), 300);
    for broken in [
        "set(",
        "set()",
        "list()",
        "endif()",
        "else()",
        "target_sources()",
        "project()",
        "add_library()",
        "set_property(TARGET)",
        "file(GLOB)",
        "set(X PARENT_SCOPE)",
        "endfunction()",
        "function(",
    ] {
        assert!(read(&[("CMakeLists.txt", broken)]).1.is_empty(), "{broken}");
    }
}

/// CMake links each kind of target with the flags of its kind, and with those of the build that is made.
#[test]
fn flags_for_the_linker_are_those_of_the_kind_and_of_each_build() {
    let text = r#"set(CMAKE_MODULE_LINKER_FLAGS "/ALIGN:64")
set(CMAKE_SHARED_LINKER_FLAGS_RELEASE "/INTEGRITYCHECK")
set(CMAKE_EXE_LINKER_FLAGS "/ALIGN:32")
add_library(m MODULE a.c)
add_library(s SHARED a.c)
add_executable(e a.c)
target_link_libraries(e PRIVATE ntoskrnl "-ALIGN:128")
"#;
    let (_, found) = read(&[("CMakeLists.txt", text), ("a.c", "")]);
    let of = |name: &str| -> Vec<(String, bool)> {
        let project = found.iter().find(|one| one.name == name).unwrap();
        let linker = project.configurations[0].linker.iter();
        linker.map(|one| (one.text.clone(), one.certain)).collect()
    };
    let told = |all: &[(&str, bool)]| -> Vec<(String, bool)> {
        all.iter().map(|(text, certain)| ((*text).to_owned(), *certain)).collect()
    };
    assert_eq!(of("m"), told(&[("/ALIGN:64", true)]));
    assert_eq!(of("s"), told(&[("/INTEGRITYCHECK", false)]));
    assert_eq!(of("e"), told(&[("/ALIGN:32", true), ("/ALIGN:128", true)]));
}

/// `/FI` includes a header first, in a single source or in all of a target.
#[test]
fn headers_included_first_are_followed() {
    let text = "add_library(d STATIC a.c b.c)\nadd_library(e STATIC c.c)\n\
        set_source_files_properties(a.c PROPERTIES COMPILE_OPTIONS /FIforce.h)\n\
        target_compile_options(e PRIVATE /FIall.h)\n";
    let (tree, found) = read(&[("CMakeLists.txt", text), ("a.c", ""), ("b.c", ""), ("c.c", "")]);
    let told = |project: usize, path: &str| {
        found[project].configurations[0].forced_of(tree.at(path).unwrap()).join(" ")
    };
    assert_eq!([told(0, "a.c"), told(0, "b.c"), told(1, "c.c")], ["force.h", "", "all.h"]);
}
