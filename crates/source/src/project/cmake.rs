//! CMake: the targets of `CMakeLists.txt` and what is said of them, as far as it can be told without CMake.

mod command;
mod condition;
mod directory;
pub(super) mod edit;
mod making;
mod saying;
mod target;
mod variables;

use super::budget::Doubts;
use super::{Project, ProjectFormat, Reader, defines, name};
use crate::FileId;
use crate::tree::folder;
use directory::{Directory, Lists};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use target::{Kind, Reach, Said, Sum, Target};

/// The most targets that hand something on to one.
const USED: usize = 256;

/// Reads the projects of all `CMakeLists.txt` among `files`.
pub(super) fn read(reader: &Reader<'_>, files: &[FileId]) -> Vec<Project> {
    let is_one = |file: &&FileId| name(reader.tree, **file) == "cmakelists.txt";
    let mut roots: Vec<FileId> = files.iter().filter(is_one).copied().collect();
    // Whoever is nearer to the root may add the others.
    roots.sort_by_key(|file| reader.tree.key(*file).matches('/').count());
    let mut done = HashSet::new();
    let mut projects = Vec::new();
    for root in roots {
        if done.contains(&root) {
            continue;
        }
        reader.budget.begin(reader.tree.file(root).text.as_str().len());
        let lists = Lists::of(reader, root, &mut done);
        let made = lists.targets.iter().filter(|target| target.kind != Kind::Interface);
        projects.extend(made.map(|target| project(reader, &lists, target)));
    }
    projects
}

fn project(reader: &Reader<'_>, lists: &Lists, target: &Target) -> Project {
    let directory = &lists.directories[target.directory];
    let mut doubts: Doubts = directory.doubts.clone();
    let mut sum = Sum::default();
    let mut of_sources = Vec::new();
    if reader.budget.spend(directory.of_sources.len() as u64 + 1) {
        let said = said(lists, directory, target);
        if reader.budget.spend(said.iter().map(Said::cost).sum()) {
            sum.add(&said, &target.conditions, &mut doubts);
            of_sources = of_files(directory, target, &mut doubts);
        }
    }
    if reader.budget.is_spent() {
        doubts.exhausted(target.place);
    }
    let base = folder(&reader.tree.file(directory.file).path);
    let mut configuration = sum.configuration(target, base);
    configuration.of_files = of_sources;
    let sources: BTreeSet<FileId> = target.sources.iter().copied().collect();
    Project {
        file: target.place.file,
        format: ProjectFormat::CMake,
        name: target.name.clone(),
        place: target.place,
        sources: sources.into_iter().collect(),
        unbuilt: Vec::new(),
        names_sources: target.names_sources && !target.unknown_sources,
        configurations: vec![configuration],
        doubts: doubts.into_vec(),
        sites: Vec::new(),
    }
}

/// All that is said of a target, in the order in which the compiler is told.
fn said(lists: &Lists, directory: &Directory, target: &Target) -> Vec<Said> {
    let mut said = directory.flags();
    said.extend(directory.inherited.iter().cloned());
    said.extend(directory.options.iter().take(target.options).cloned());
    said.extend(directory.said.iter().cloned());
    said.extend(used(lists, target));
    said
}

/// What is said of single sources of the target.
fn of_files(
    directory: &Directory,
    target: &Target,
    doubts: &mut Doubts,
) -> Vec<(FileId, Vec<super::Define>)> {
    let own: HashSet<FileId> = target.sources.iter().copied().collect();
    let mut by_file: BTreeMap<FileId, Vec<Said>> = BTreeMap::new();
    for (file, said) in directory.of_sources.iter().filter(|(file, _)| own.contains(file)) {
        by_file.entry(*file).or_default().push(said.clone());
    }
    let defined = |(file, said): (FileId, Vec<Said>)| {
        let mut sum = Sum::default();
        sum.add(&said, &target.conditions, doubts);
        (file, defines::beside(&[], sum.defines(), None))
    };
    by_file.into_iter().map(defined).collect()
}

/// What is said of a target itself, and what those hand on that it uses.
fn used(lists: &Lists, target: &Target) -> Vec<Said> {
    let mut said: Vec<Said> = Vec::new();
    let own = target.said.iter().filter(|(reach, _)| *reach != Reach::Users);
    said.extend(own.map(|(_, one)| one.clone()));
    let mut seen: HashSet<&str> = HashSet::from([&*target.name]);
    let uses = target.uses.iter().filter(|(reach, _)| *reach != Reach::Users);
    let mut open: Vec<&str> = uses.map(|(_, name)| &**name).collect();
    while let Some(name) = open.pop() {
        let Some(used) = lists.target(name).filter(|used| seen.insert(&used.name)) else {
            continue;
        };
        if seen.len() > USED {
            break;
        }
        let handed = used.said.iter().filter(|(reach, _)| *reach != Reach::Own);
        said.extend(handed.map(|(_, one)| one.clone()));
        let further = used.uses.iter().filter(|(reach, _)| *reach != Reach::Own);
        open.extend(further.map(|(_, name)| &**name));
    }
    said
}

#[cfg(test)]
mod tests {
    use super::super::{Define, Output, projects};
    use super::*;
    use crate::{SourceText, SourceTree};

    fn read(files: &[(&str, &str)]) -> (SourceTree, Vec<Project>) {
        let mut tree = SourceTree::default();
        for (path, text) in files {
            tree.add(path, SourceText::of(*text)).unwrap();
        }
        let (found, unreadable) = projects(&tree);
        assert!(unreadable.is_empty());
        (tree, found)
    }

    /// What is defined for a source, in doubt with a question mark.
    fn defined(tree: &SourceTree, project: &Project, file: &str) -> Vec<String> {
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
        let told: Vec<_> =
            found.iter().map(|one| (&*one.name, one.configurations[0].output)).collect();
        assert_eq!(
            told,
            [
                ("Filter", Output::Driver),
                ("helper", Output::DriverLibrary),
                ("tool", Output::UserMode)
            ]
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
            ["IN=1", "POOL_NX_OPTIN=1?", "SURE=1", "OPTED=1?", "DBG=1?", "VER=${VERSION}?"]
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
        let text = "function(mine target)\n  target_compile_definitions(${target} PRIVATE POOL_NX_OPTIN=1)\nendfunction()\n\
            foreach(x a b)\n  add_definitions(-D${x})\nendforeach()\nadd_executable(drv ${UNKNOWN})\nmine(drv)\n";
        let (_, found) = read(&[("CMakeLists.txt", text)]);
        let told: Vec<_> = found[0].doubts.iter().map(|(_, what)| &**what).collect();
        assert_eq!(told.len(), 3);
        assert!(
            told[0].starts_with("functions")
                && told[1].starts_with("loops")
                && told[2].starts_with("which sources")
        );
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
}
