//! Changes of `CMakeLists.txt`.

use super::super::Project;
use super::super::edit::{Changes, indentation, lines, word};
use super::command::{Argument, Command, Quoting, commands};
use crate::{SourceTree, Span};
use std::ops::Range;

/// Adds a command that gives the target `value`, behind the one that makes it.
pub(in super::super) fn adding(
    tree: &SourceTree,
    project: &Project,
    command: &str,
    value: &str,
) -> Option<Changes> {
    let file = &tree.file(project.place.file).text;
    let text = file.as_str();
    let range = project.place.range();
    let made = commands(text).0.into_iter().find(|one| one.range == range)?;
    let name = written(text, made.arguments.first()?);
    let spaces = indentation(text, range.start).unwrap_or_default();
    let line = format!("{}{spaces}{command}({name} PRIVATE {value})", file.line_end());
    // A remark behind the command stays where it is.
    let end = text[range.end..].find(['\r', '\n']).map_or(text.len(), |length| range.end + length);
    let remark = text[range.end..end].trim_start();
    let at = if remark.starts_with('#') && !remark.starts_with("#[") { end } else { range.end };
    Some(vec![(Span::new(project.place.file, at..at), line)])
}

/// An argument with its quotes.
fn written<'t>(text: &'t str, argument: &Argument) -> &'t str {
    &text[whole(argument)]
}

/// An argument's range with its quotes.
fn whole(argument: &Argument) -> Range<usize> {
    match argument.quoting {
        Quoting::Marks => argument.range.start - 1..argument.range.end + 1,
        _ => argument.range.clone(),
    }
}

/// Takes out the option at `place`: the argument, a word of it, or the command where it says nothing else.
pub(in super::super) fn without(tree: &SourceTree, place: Span) -> Option<Changes> {
    let text = tree.file(place.file).text.as_str();
    let range = place.range();
    let around = |own: &Range<usize>| own.start <= range.start && range.end <= own.end;
    let all = commands(text).0;
    let command = all.iter().find(|command| around(&command.range))?;
    let argument = command.arguments.iter().find(|argument| around(&argument.range))?;
    let own = argument.range.clone();
    let rest = [&text[own.start..range.start], &text[range.end..own.end]].concat();
    let at =
        |range: Range<usize>, text: &str| vec![(Span::new(place.file, range), text.to_owned())];
    if !["", "LINKER:", "SHELL:"].contains(&rest.trim()) {
        return Some(at(word(text, range, own), ""));
    }
    // A property needs a value, and a variable may be meant to be empty.
    if command.name.ends_with("properties")
        || command.name == "set"
        || command.name == "set_property"
    {
        return Some(at(whole(argument), "\"\""));
    }
    if is_alone(text, command, argument) {
        return Some(at(lines(text, command.range.clone()), ""));
    }
    let whole = whole(argument);
    let start = text[..whole.start].trim_end().len();
    // What stands behind a remark would become part of it.
    let line = text[..start].rfind('\n').map_or(0, |end| end + 1);
    let is_remark = text[start..whole.start].contains('\n') && text[line..start].contains('#');
    Some(at(if is_remark { lines(text, whole) } else { start..whole.end }, ""))
}

/// Whether a command says nothing but this.
fn is_alone(text: &str, command: &Command, argument: &Argument) -> bool {
    let of_target = command.name.starts_with("target_");
    let others =
        command.arguments.iter().skip(usize::from(of_target)).filter(|one| *one != argument);
    let keywords = ["PRIVATE", "PUBLIC", "INTERFACE", "BEFORE"];
    others.into_iter().all(|one| keywords.contains(&&text[one.range.clone()]))
}

#[cfg(test)]
mod tests {
    use super::super::super::edit::tests::{certain, made};
    use super::super::super::projects;
    use super::*;
    use crate::SourceText;

    fn tree(text: &str) -> SourceTree {
        let mut tree = SourceTree::default();
        tree.add("CMakeLists.txt", SourceText::of(text)).unwrap();
        tree
    }

    #[test]
    fn a_macro_is_added_behind_the_target() {
        let added = |text: &str| {
            let tree = tree(text);
            let (projects, _) = projects(&tree);
            let changes = projects[0].adding_define(&tree, "POOL_NX_OPTIN_AUTO", "1").unwrap();
            let (text, changed) = made(&tree, "CMakeLists.txt", &changes);
            assert_eq!(certain(&changed)[0], ["POOL_NX_OPTIN_AUTO=1"]);
            text
        };
        assert_eq!(
            added("project(P)\nif(W)\n  wdk_add_driver(${PROJECT_NAME}\n    a.c) # it\nendif()\n"),
            "project(P)\nif(W)\n  wdk_add_driver(${PROJECT_NAME}\n    a.c) # it\n  \
             target_compile_definitions(${PROJECT_NAME} PRIVATE POOL_NX_OPTIN_AUTO=1)\nendif()\n"
        );
        assert_eq!(
            added("add_library(\"a b\" a.c)"),
            "add_library(\"a b\" a.c)\ntarget_compile_definitions(\"a b\" PRIVATE POOL_NX_OPTIN_AUTO=1)"
        );
    }

    #[test]
    fn another_value_is_replaced() {
        for said in [
            "add_compile_definitions(A POOL_NX_OPTIN_AUTO=0)\nadd_library(d a.c)",
            "add_definitions(-DPOOL_NX_OPTIN_AUTO=0)\nadd_library(d a.c)",
            "set(NX POOL_NX_OPTIN_AUTO=0)\nadd_library(d a.c)\ntarget_compile_definitions(d PRIVATE ${NX})",
        ] {
            let old = tree(said);
            let changes =
                projects(&old).0[0].adding_define(&old, "POOL_NX_OPTIN_AUTO", "1").unwrap();
            let (text, changed) = made(&old, "CMakeLists.txt", &changes);
            assert_eq!(text, said.replace("AUTO=0", "AUTO=1"));
            assert!(certain(&changed)[0].contains(&"POOL_NX_OPTIN_AUTO=1".to_owned()));
            let again = projects(&changed).0[0].adding_define(&changed, "POOL_NX_OPTIN_AUTO", "1");
            assert_eq!(again, None);
        }
        // The value is not written out where the macro is.
        let parts = tree(
            "set(V 0)\nadd_library(d a.c)\ntarget_compile_definitions(d PRIVATE POOL_NX_OPTIN_AUTO=${V})",
        );
        assert_eq!(projects(&parts).0[0].adding_define(&parts, "POOL_NX_OPTIN_AUTO", "1"), None);
    }

    #[test]
    fn an_option_goes_with_its_command_where_it_is_alone() {
        let gone = |text: &str| {
            let tree = tree(&format!("add_executable(d a.c)\n{text}"));
            let (found, _) = projects(&tree);
            let option = found[0].configurations[0]
                .linker
                .iter()
                .find(|one| one.text.starts_with("/ALIGN"))
                .unwrap();
            let changes = found[0].without(&tree, option).unwrap();
            let (text, changed) = made(&tree, "CMakeLists.txt", &changes);
            let (left, _) = projects(&changed);
            assert!(
                left[0].configurations[0].linker.iter().all(|one| !one.text.starts_with("/ALIGN")),
                "{text}"
            );
            text["add_executable(d a.c)\n".len()..].to_owned()
        };
        assert_eq!(gone("target_link_options(d PRIVATE /ALIGN:32)\nx()\n"), "x()\n");
        assert_eq!(gone("target_link_options(d PRIVATE \"LINKER:/ALIGN:32\")\n"), "");
        assert_eq!(
            gone("target_link_options(d PRIVATE /DRIVER\n  /ALIGN:32)\n"),
            "target_link_options(d PRIVATE /DRIVER)\n"
        );
        assert_eq!(
            gone("target_link_options(d PRIVATE\n  /DRIVER # kernel mode\n  /ALIGN:32)\n"),
            "target_link_options(d PRIVATE\n  /DRIVER # kernel mode\n  )\n"
        );
        assert_eq!(
            gone("target_link_options(d PRIVATE\n  /DRIVER # a\n  /ALIGN:32\n  /X)\n"),
            "target_link_options(d PRIVATE\n  /DRIVER # a\n  /X)\n"
        );
        assert_eq!(
            gone("set_target_properties(d PROPERTIES LINK_FLAGS \"/DRIVER /ALIGN:32\")\n"),
            "set_target_properties(d PROPERTIES LINK_FLAGS \"/DRIVER\")\n"
        );
        assert_eq!(
            gone("set_target_properties(d PROPERTIES LINK_FLAGS /ALIGN:32)\n"),
            "set_target_properties(d PROPERTIES LINK_FLAGS \"\")\n"
        );
        assert_eq!(
            gone("set(CMAKE_EXE_LINKER_FLAGS \"${CMAKE_EXE_LINKER_FLAGS} /ALIGN:32\")\n"),
            "set(CMAKE_EXE_LINKER_FLAGS \"${CMAKE_EXE_LINKER_FLAGS}\")\n"
        );
    }

    #[test]
    fn the_alignment_is_a_page() {
        let aligned = |text: &str| {
            let tree = tree(text);
            let (projects, _) = projects(&tree);
            let changes = projects[0].setting_alignment(&tree).unwrap();
            made(&tree, "CMakeLists.txt", &changes).0
        };
        assert_eq!(
            aligned("add_library(d a.c)"),
            "add_library(d a.c)\ntarget_link_options(d PRIVATE /ALIGN:4096)"
        );
        assert_eq!(
            aligned("add_library(d a.c)\ntarget_link_options(d PRIVATE LINKER:/align:32)"),
            "add_library(d a.c)\ntarget_link_options(d PRIVATE LINKER:/ALIGN:4096)"
        );
    }
}
