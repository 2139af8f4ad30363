//! Changes of `sources` files and of what they include.

use super::super::edit::{Changes, lines as whole_lines, word};
use super::lines::{Line, lines};
use crate::{FileId, SourceTree, Span};
use std::ops::Range;

/// Adds a line that sets `name`: behind the last that does so, or else at the end.
pub(in super::super) fn adding(tree: &SourceTree, file: FileId, name: &str, line: &str) -> Changes {
    let text = &tree.file(file).text;
    let (whole, line_end) = (text.as_str(), text.line_end());
    let mut depth = 0_usize;
    let mut last = None;
    for found in lines(tree, file) {
        let said = found.text.as_str().trim().to_ascii_lowercase();
        let directive = said.strip_prefix('!').map(str::trim_start).unwrap_or_default();
        if directive.starts_with("if") {
            depth += 1;
        } else if directive.starts_with("endif") {
            depth = depth.saturating_sub(1);
        } else if assigned(&found) == Some(name) {
            last = Some((depth == 0, found.range.end));
        }
    }
    // A line that sets it under a condition is followed by others that must not undo this one.
    let (at, text) = match last {
        Some((true, end)) => (end, format!("{line_end}{line}")),
        _ if whole.trim_end().ends_with('\\') => {
            (whole.len(), format!("{line_end}{line_end}{line}{line_end}"))
        }
        _ if whole.is_empty() || whole.ends_with('\n') => {
            (whole.len(), format!("{line}{line_end}"))
        }
        _ => (whole.len(), format!("{line_end}{line}{line_end}")),
    };
    vec![(Span::new(file, at..at), text)]
}

/// The macro that a line sets.
fn assigned(line: &Line) -> Option<&str> {
    Some(line.text.as_str().split_once('=')?.0.trim())
}

/// What goes so that the option at `place` is gone: the word, or the whole line where it sets nothing else.
pub(in super::super) fn without(tree: &SourceTree, place: Span) -> Option<Range<usize>> {
    let text = tree.file(place.file).text.as_str();
    let range = place.range();
    let all = lines(tree, place.file);
    let line =
        all.iter().find(|line| line.range.start <= range.start && range.end <= line.range.end)?;
    let name = assigned(line)?;
    let value = line.range.start + text[line.range.clone()].find('=')? + 1;
    if range.start < value {
        return None;
    }
    let rest = format!("{} {}", &text[value..range.start], &text[range.end..line.range.end]);
    let rest = rest.replace(&format!("$({name})"), "");
    let alone = rest.chars().all(|letter| letter.is_whitespace() || "\\\"".contains(letter));
    Some(if alone {
        whole_lines(text, line.range.clone())
    } else {
        word(text, range, value..line.range.end)
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::edit::tests::{certain, made};
    use super::super::super::projects;
    use super::*;
    use crate::SourceText;

    fn tree(text: &str) -> SourceTree {
        let mut tree = SourceTree::default();
        tree.add("sources", SourceText::of(text)).unwrap();
        tree
    }

    fn added(text: &str) -> String {
        let tree = tree(text);
        let (projects, _) = projects(&tree);
        let changes = projects[0].adding_define(&tree, "POOL_NX_OPTIN_AUTO", "1").unwrap();
        let (text, changed) = made(&tree, "sources", &changes);
        assert!(
            certain(&changed).iter().all(|one| one.contains(&"POOL_NX_OPTIN_AUTO=1".to_owned())),
            "{text}"
        );
        text
    }

    #[test]
    fn a_macro_is_added_where_nothing_undoes_it() {
        let line = "C_DEFINES=$(C_DEFINES) -DPOOL_NX_OPTIN_AUTO=1";
        assert_eq!(
            added("C_DEFINES=-DA \\\r\n -DB\r\nSOURCES=a.c\r\n"),
            format!("C_DEFINES=-DA \\\r\n -DB\r\n{line}\r\nSOURCES=a.c\r\n")
        );
        assert_eq!(added("SOURCES=a.c"), format!("SOURCES=a.c\n{line}\n"));
        assert_eq!(
            added("!if $(X)\nC_DEFINES=-DA\n!endif\n"),
            format!("!if $(X)\nC_DEFINES=-DA\n!endif\n{line}\n")
        );
        assert_eq!(added("SOURCES=a.c \\\n"), format!("SOURCES=a.c \\\n\n\n{line}\n"));
        assert_eq!(added(""), format!("{line}\n"));
    }

    #[test]
    fn another_value_is_replaced() {
        assert_eq!(
            added("C_DEFINES=-DA -DPOOL_NX_OPTIN_AUTO=0\r\n"),
            "C_DEFINES=-DA -DPOOL_NX_OPTIN_AUTO=1\r\n"
        );
        // Where it is not known whether that holds, a line is added as well.
        assert_eq!(
            added("!if $(X)\nC_DEFINES=-DPOOL_NX_OPTIN_AUTO=0\n!endif\n"),
            "!if $(X)\nC_DEFINES=-DPOOL_NX_OPTIN_AUTO=1\n!endif\nC_DEFINES=$(C_DEFINES) -DPOOL_NX_OPTIN_AUTO=1\n"
        );
        let tree = tree("C_DEFINES=-DPOOL_NX_OPTIN_AUTO=1\n");
        assert_eq!(projects(&tree).0[0].adding_define(&tree, "POOL_NX_OPTIN_AUTO", "1"), None);
    }

    #[test]
    fn an_option_goes_with_its_line_where_it_is_alone() {
        let gone = |text: &str| {
            let tree = tree(text);
            let (projects, _) = projects(&tree);
            let changes =
                projects[0].without(&tree, &projects[0].configurations[0].linker[0]).unwrap();
            made(&tree, "sources", &changes).0
        };
        assert_eq!(
            gone("A=1\nLINKER_FLAGS=$(LINKER_FLAGS) /MERGE:.rdata=.text\nB=2\n"),
            "A=1\nB=2\n"
        );
        assert_eq!(
            gone("LINKER_FLAGS=/OPT:REF \\\n  /SECTION:INIT,RWE\n"),
            "LINKER_FLAGS=/OPT:REF \\\n\n"
        );
        assert_eq!(gone("DRIVER_ALIGNMENT=0x80\nA=1\n"), "A=1\n");
    }

    #[test]
    fn the_alignment_is_a_page() {
        let aligned = |text: &str| {
            let tree = tree(text);
            let (projects, _) = projects(&tree);
            let changes = projects[0].setting_alignment(&tree).unwrap();
            made(&tree, "sources", &changes).0
        };
        assert_eq!(aligned("DRIVER_ALIGNMENT=0x80\n"), "DRIVER_ALIGNMENT=0x1000\n");
        assert_eq!(aligned("LINKER_FLAGS=-align:32\n"), "LINKER_FLAGS=/ALIGN:0x1000\n");
        assert_eq!(aligned("SOURCES=a.c\n"), "SOURCES=a.c\nDRIVER_ALIGNMENT=0x1000\n");
    }
}
