//! Which files a `sources` file includes, as far as its text tells.

use super::super::msbuild::from_own_folder;
use super::lines::lines;
use crate::{FileId, SourceTree};

/// More includes are no project's.
const MOST: usize = 256;

/// The files that `file` includes, each as a path from its own folder: those that are named without any macro. Under
/// which condition does not matter.
pub(in super::super) fn includes(tree: &SourceTree, file: FileId) -> Vec<String> {
    let is_asked = |text: &str| text.bytes().any(|byte| byte == b'!');
    if !is_asked(tree.file(file).text.as_str()) {
        return Vec::new();
    }
    let all = lines(tree, file);
    let paths = all.iter().filter_map(|line| included(line.text.as_str()));
    paths.filter_map(from_own_folder).take(MOST).collect()
}

/// What a line includes.
fn included(line: &str) -> Option<&str> {
    let directive = line.trim().strip_prefix('!')?.trim_start();
    let (word, path) = directive.split_once(|letter: char| !letter.is_ascii_alphabetic())?;
    let path = path.trim();
    let is_own = word.eq_ignore_ascii_case("include") && !path.starts_with('<');
    is_own.then(|| path.trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SourceText;

    #[test]
    fn includes_are_told_from_the_file_s_folder() {
        let text = "!include ..\\nx.inc\r\n! INCLUDE \"..\\..\\all.inc\" # why\r\n!include $(NTMAKEENV)\\makefile.def\r\n\
            !include <makefile.def>\r\n!include c:\\own.inc\r\n!if 1\r\n!includes\r\nC_DEFINES=-DA!include x.inc\r\n";
        let mut tree = SourceTree::default();
        let file = tree.add("d/sources", SourceText::of(text)).unwrap();
        assert_eq!(includes(&tree, file), ["../nx.inc", "../../all.inc"]);
    }
}
