//! What of the tree was not understood or is not there, so that macros may be missing.

use ringfence_finding::{LintDoubt, Unread};
use ringfence_source::{Analysis, FileId, Project, SourceTree, Span};
use std::path::Path;

/// The doubts about projects and headers that were asked about, each once, by file and line; `refused` are project files
/// that were not asked for and cannot be read.
pub(super) fn of(
    tree: &SourceTree,
    projects: &[Project],
    analysis: &Analysis,
    refused: &[Unread],
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
    let may_build = |refused: &&Unread| {
        let around = tree.at(&refused.path).map(|file| Path::new(&tree.file(file).path));
        let around = around.and_then(Path::parent);
        let mut asked = tree.files().filter(|(file, _)| is_asked(*file));
        around
            .is_some_and(|around| asked.any(|(_, file)| Path::new(&file.path).starts_with(around)))
    };
    let refused = refused.iter().filter(may_build).map(refusal);
    let mut doubts: Vec<LintDoubt> = of_projects.chain(missing).chain(refused).collect();
    doubts.sort();
    doubts.dedup();
    doubts
}

/// What a project file that cannot be read leaves open.
fn refusal(refused: &Unread) -> LintDoubt {
    let behind = refused.reason.strip_prefix("line ").and_then(|rest| rest.split_once(": "));
    let placed = behind.and_then(|(line, reason)| Some((line.parse().ok()?, reason)));
    let (line, reason) = placed.unwrap_or((1, &refused.reason));
    let what = format!("the project cannot be read, so what it defines is not known: {reason}");
    LintDoubt { path: refused.path.clone(), line, what }
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

    /// What builds a file is read along with it, and may be broken.
    #[test]
    fn a_project_that_cannot_be_read_is_told_of_where_only_a_file_was_asked_for() {
        let root = tempfile::tempdir().unwrap();
        let (inner, other) = (root.path().join("a/b"), root.path().join("c"));
        for folder in [&inner, &other] {
            std::fs::create_dir_all(folder).unwrap();
            std::fs::write(folder.join("d.c"), "#include <ntddk.h>\n").unwrap();
        }
        std::fs::write(root.path().join("a/x.vcxproj"), "<Project>\n</Broken>").unwrap();
        let doubts = |folder: &std::path::Path| {
            let inputs = [crate::Input::Path(folder.join("d.c"))];
            let report = crate::lint(&inputs, &LintSettings::default()).report;
            assert_eq!(report.unread, []);
            let told = report.doubts.into_iter();
            told.map(|doubt| (doubt.line, doubt.what)).collect::<Vec<_>>()
        };
        let told = doubts(&inner);
        assert_eq!(told.len(), 1, "{told:?}");
        let begin = "the project cannot be read, so what it defines is not known: not valid XML: ";
        assert!(told[0].0 == 2 && told[0].1.starts_with(begin), "{told:?}");
        assert_eq!(doubts(&other), []);
    }
}
