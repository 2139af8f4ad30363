//! Which files a project of MSBuild imports, as far as its text tells.

use super::super::xml;
use crate::{FileId, SourceTree};

/// More imports are no project's.
const MOST: usize = 256;
/// What a path begins with that is told from the file's own folder.
const OWN_FOLDER: [&str; 3] =
    ["$(msbuildthisfiledirectory)", "$(projectdir)", "$(msbuildprojectdirectory)"];

/// The files that a project file imports, each as a path from its own folder: those that are named without anything else
/// that has to be evaluated. Empty for what is no XML.
pub(in super::super) fn imports(tree: &SourceTree, file: FileId) -> Vec<String> {
    let text = tree.file(file).text.as_str();
    if !text.contains("<Import") {
        return Vec::new();
    }
    let Ok(document) = xml::read(text) else { return Vec::new() };
    let all = document.descendants().filter(|node| node.tag_name().name() == "Import");
    let paths = all.filter_map(|node| node.attribute("Project")).filter_map(from_own_folder);
    paths.take(MOST).collect()
}

/// A path told from the folder of the file that has it; none where it is not, or has to be evaluated.
pub(in super::super) fn from_own_folder(path: &str) -> Option<String> {
    let path = path.trim();
    let begins = |start: &&&str| {
        path.get(..start.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(start))
    };
    let own = OWN_FOLDER.iter().find(begins);
    let rest = path.get(own.map_or(0, |own| own.len())..)?;
    let rest = if own.is_some() { rest.trim_start_matches(['/', '\\']) } else { rest };
    let is_whole = rest.contains([':', '$', '%', '*', '?', '@']) || rest.starts_with(['/', '\\']);
    (!is_whole && !rest.is_empty()).then(|| rest.replace('\\', "/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SourceText;

    #[test]
    fn imports_are_told_from_the_file_s_folder() {
        let text = r#"<Project xmlns="http://schemas.microsoft.com/developer/msbuild/2003">
            <Import Project="..\..\common.props" />
            <ImportGroup><Import Project="$(MSBuildThisFileDirectory)..\nx.props" Condition="x"/></ImportGroup>
            <Import Project="$(VCTargetsPath)\Microsoft.Cpp.props" />
            <Import Project="c:\kit\own.props" /><Import Project="\\server\x.props" />
            <Import Project="/etc/x.props" /><Import Project="$(ProjectDir)\*.props" /><Import />
        </Project>"#;
        let mut tree = SourceTree::default();
        let file = tree.add("d/a.vcxproj", SourceText::of(text)).unwrap();
        assert_eq!(imports(&tree, file), ["../../common.props", "../nx.props"]);
        let broken = tree.add("d/b.vcxproj", SourceText::of("<Import <")).unwrap();
        assert_eq!(imports(&tree, broken), [""; 0]);
    }
}
