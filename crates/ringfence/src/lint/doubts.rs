//! What of the tree was not understood or is not there, so that macros may be missing.

use ringfence_finding::LintDoubt;
use ringfence_source::{Analysis, FileId, Project, SourceTree, Span};

/// The doubts about projects and headers that were asked about, each once, by file and line.
pub(super) fn of(
    tree: &SourceTree,
    projects: &[Project],
    analysis: &Analysis,
    is_asked: impl Fn(FileId) -> bool,
) -> Vec<LintDoubt> {
    let told = |span: Span, what: String| {
        let line = tree.file(span.file).text.place(span.start as usize).line;
        LintDoubt { path: tree.name(span.file).to_owned(), line, what }
    };
    let counts = |project: &&Project| {
        is_asked(project.file) || project.sources.iter().any(|file| is_asked(*file))
    };
    let of_projects = projects.iter().filter(counts).flat_map(|project| &project.doubts);
    let of_projects = of_projects.map(|(span, what)| told(*span, what.clone()));
    let missing = analysis.missing.iter().filter(|span| is_asked(span.file));
    let missing = missing.map(|span| {
        let what = format!("`{}` is not among the files that are looked at", tree.text(*span));
        told(*span, what)
    });
    let mut doubts: Vec<LintDoubt> = of_projects.chain(missing).collect();
    doubts.sort();
    doubts.dedup();
    doubts
}

#[cfg(test)]
mod tests {
    use crate::source::{SourceText, SourceTree};
    use crate::{LintSettings, lint_tree};

    #[test]
    fn what_is_not_there_is_told_once_with_its_place() {
        let mut tree = SourceTree::default();
        let code = "#include <ntddk.h>\n#include \"acme.h\"\n#include \"ntifs.h\"\n#include <other.h>\n\
            #include \"a.tmh\"\n#include \"here.h\"\nvoid F(void) { ExAllocatePool(PagedPool, 1); }\n";
        let project = "<Project>\n<Import Project=\"gone.props\"/>\n\
            <ItemGroup><ClCompile Include=\"a.c\"/><ClCompile Include=\"b.c\"/></ItemGroup></Project>";
        for (path, text) in [("a.c", code), ("b.c", code), ("here.h", ""), ("a.vcxproj", project)] {
            tree.add(path, SourceText::of(text)).unwrap();
        }
        let report = lint_tree(&tree, &LintSettings::default());
        let told = report.doubts.iter();
        let told: Vec<_> =
            told.map(|one| format!("{}:{} {}", one.path, one.line, one.what)).collect();
        assert_eq!(
            told,
            [
                "a.c:2 `acme.h` is not among the files that are looked at",
                "a.vcxproj:2 this file is imported and not among those that are looked at",
                "b.c:2 `acme.h` is not among the files that are looked at"
            ]
        );
    }
}
