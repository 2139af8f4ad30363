//! Commands as several programs write them.

use super::super::projects;
use super::*;
use crate::{SourceText, SourceTree};

fn read(text: &str, others: &[(&str, &str)]) -> (SourceTree, Project) {
    let mut tree = SourceTree::default();
    tree.add("build/compile_commands.json", SourceText::of(text)).unwrap();
    for (path, text) in others {
        tree.add(path, SourceText::of(*text)).unwrap();
    }
    let (mut found, unreadable) = projects(&tree);
    assert!(unreadable.is_empty(), "{unreadable:?}");
    (tree, found.remove(0))
}

/// What is defined for a source, and where that stands.
fn defined(tree: &SourceTree, project: &Project, file: &str) -> Vec<(String, String)> {
    let tell = |define: &&Define| {
        let value = define.value.as_deref().unwrap_or("(none)");
        let told = format!("{}={value}{}", define.name, if define.certain { "" } else { "?" });
        (told, tree.text(define.span.unwrap()).to_owned())
    };
    project.configurations[0].defines_of(tree.at(file).unwrap()).iter().map(tell).collect()
}

fn pairs(of: &[(&str, &str)]) -> Vec<(String, String)> {
    of.iter().map(|(one, two)| (one.to_string(), two.to_string())).collect()
}

#[test]
fn both_ways_to_write_commands_are_read() {
    let text = r#"[
{ "directory": "C:/src/drv/build", "file": "C:\\src\\drv\\a.c",
  "command": "C:\\PROGRA~1\\cl.exe /nologo /DPOOL_NX_OPTIN=1 -DS=\\\"x\\\" \"/DT=a b\" -IC:\\src\\drv\\inc /FIpre.h /c a.c" },
{ "directory": "/src/drv/build", "file": "../b.c",
  "arguments": ["clang-cl", "/D", "A\u003d2", "-imsvc", "/sdk/km", "-I../inc", "/FIpre.h", "/U", "B", "--", "../b.c"] },
{ "directory": "/src/drv", "file": "c.c", "command": "clang -D'C=\"q r\"' -include pre.h /Ddata c.c" },
{ "directory": "/elsewhere", "file": "gone.c", "command": "cc gone.c" }
]"#;
    let (tree, project) = read(text, &[("drv/a.c", ""), ("drv/b.c", ""), ("drv/c.c", "")]);
    assert_eq!(project.sources.len(), 3);
    assert_eq!(
        defined(&tree, &project, "drv/a.c"),
        pairs(&[("POOL_NX_OPTIN=1", "POOL_NX_OPTIN=1"), ("S=\"x\"", "S="), ("T=a b", "T=a b")])
    );
    assert_eq!(
        defined(&tree, &project, "drv/b.c"),
        pairs(&[("A=2", "A\\u003d2"), ("B=(none)", "B")])
    );
    assert_eq!(defined(&tree, &project, "drv/c.c")[0].0, "C=\"q r\"");
    assert_eq!(defined(&tree, &project, "drv/c.c").len(), 1);
    let configuration = &project.configurations[0];
    assert_eq!(configuration.include_folders, ["drv/inc", "/sdk/km"]);
    assert_eq!(configuration.forced_includes, Vec::<String>::new());
    // Each of the three, and not the one that is nowhere in the tree.
    assert_eq!(configuration.forced_of_files.len(), 3);
    assert_eq!(project.doubts, []);
}

/// Nothing of the paths agrees but how they end, and it does so for one file alone.
#[test]
fn a_tree_that_lies_elsewhere_is_found_by_how_its_paths_end() {
    let text = r#"[{"directory":"C:\\src\\drv\\out","file":"C:\\src\\drv\\a.c",
            "command":"cl /DPOOL_NX_OPTIN=1 /IC:\\src\\drv\\inc /c a.c"}]"#;
    let others = [("/home/x/drv/a.c", ""), ("/home/x/tool/a.c", "")];
    let (tree, project) = read(text, &others);
    let names: Vec<_> = project.sources.iter().map(|id| &*tree.file(*id).path).collect();
    assert_eq!(names, ["/home/x/drv/a.c"]);
    assert_eq!(project.configurations[0].include_folders, ["/home/x/drv/inc"]);
    assert_eq!(project.doubts, []);
    // Which of two is meant is not known, nor what is said of none.
    for others in [[("/x/one/a.c", ""), ("/x/two/a.c", "")], [("/x/b.c", ""), ("/x/c.c", "")]] {
        let (_, project) = read(text, &others);
        assert!(project.sources.is_empty());
        assert!(project.doubts[0].1.starts_with("no entry names a file of the tree"));
    }
}

#[test]
fn response_files_are_read_and_missing_ones_told() {
    let text = r#"[{"directory":"build","file":"../a.c","arguments":["cl","@a.rsp","@gone.rsp","/FIpre.h"]}]"#;
    let (tree, project) =
        read(text, &[("a.c", ""), ("build/a.rsp", "/DPOOL_NX_OPTIN=1\r\n@a.rsp /DB")]);
    let told = defined(&tree, &project, "a.c");
    assert_eq!(told[0].0, "POOL_NX_OPTIN=1");
    assert_eq!(project.configurations[0].forced_includes, ["pre.h"]);
    let doubts: Vec<_> = project.doubts.iter().map(|(span, _)| tree.text(*span)).collect();
    assert_eq!(doubts, ["@gone.rsp", "@a.rsp"]);
}

#[test]
fn what_differs_between_two_commands_is_in_doubt() {
    let text = r#"[{"directory":".","file":"a.c","command":"cl /DA /DB a.c"},
            {"directory":".","file":"a.c","command":"cl /DA /DC a.c"}]"#;
    let (tree, project) = read(text, &[("a.c", "")]);
    assert_eq!(
        defined(&tree, &project, "a.c"),
        pairs(&[("A=1", "A"), ("B=1?", "B"), ("C=1?", "C")])
    );
}

#[test]
fn what_is_no_database_is_told_with_its_line() {
    for (text, line) in [("[\n{]", "line 2: "), ("", "line 1: "), ("{}", "line 1: ")] {
        let mut tree = SourceTree::default();
        tree.add("compile_commands.json", SourceText::of(text)).unwrap();
        let (found, unreadable) = projects(&tree);
        assert!(found.is_empty() && unreadable[0].1.starts_with(line), "{unreadable:?}");
    }
    let mut tree = SourceTree::default();
    tree.add("compile_commands.json", SourceText::of("[".repeat(100_000))).unwrap();
    assert_eq!(projects(&tree).1.len(), 1);
}

#[test]
fn odd_entries_are_doubts_or_nothing() {
    let text = r#"[1, "x", {}, {"directory":1,"file":[],"command":{}}, {"directory":".","file":"a.c"},
            {"directory":".","file":"a.c","arguments":[1,"\ud83d\ude00","\ud83d"],"command":"\\"}]"#;
    let (_, project) = read(text, &[("a.c", "")]);
    assert_eq!(project.sources.len(), 1);
    assert_eq!(project.doubts.len(), 3);
    let many = format!(
        "[{}]",
        vec![r#"{"directory":".","file":"a.c","command":"cl /DA"}"#; 20_000].join(",")
    );
    assert_eq!(read(&many, &[("a.c", "")]).1.sources.len(), 1);
}

/// `/FI` counts for the command that it stands in.
#[test]
fn a_header_may_be_included_first_in_one_source_alone() {
    let text = r#"[{"directory":".","file":"a.c","command":"cl /FIforce.h -c a.c"},
            {"directory":".","file":"b.c","command":"cl -c b.c"},
            {"directory":".","file":"c.c","command":"cl /FIone.h -c c.c"},
            {"directory":".","file":"c.c","command":"cl /FIone.h /FItwo.h -c c.c"}]"#;
    let (tree, project) = read(text, &[("a.c", ""), ("b.c", ""), ("c.c", "")]);
    let told = |path: &str| project.configurations[0].forced_of(tree.at(path).unwrap()).join(" ");
    assert_eq!([told("a.c"), told("b.c"), told("c.c")], ["force.h", "", "one.h"]);
    assert_eq!(project.doubts, []);
}
