//! Source that is looked at again and again, as in an editor.

use crate::lint::linted;
use crate::{LintReport, LintSettings};
use ringfence_finding::SourceFinding;
use ringfence_source::{FileId, SourceText, SourceTree};

/// Source that is looked at again and again, as in an editor: what did not change is not read anew.
///
/// ```
/// use ringfence::source::{SourceText, SourceTree};
/// use ringfence::{LintSettings, Linter};
///
/// let mut tree = SourceTree::default();
/// tree.add("a.c", SourceText::of("#include <ntddk.h>\n")).unwrap();
/// let mut linter = Linter::new(tree, LintSettings::default());
/// assert!(linter.look().findings.is_empty());
///
/// let text = "#include <ntddk.h>\nvoid *f(void) { return ExAllocatePool(NonPagedPool, 1); }\n";
/// let file = linter.put("a.c", SourceText::of(text)).unwrap();
/// assert_eq!(linter.look_at(file)[0].rule, "executable-pool-type");
/// ```
#[derive(Debug)]
pub struct Linter {
    tree: SourceTree,
    settings: LintSettings,
}

impl Linter {
    /// A linter of the files of `tree`.
    pub fn new(tree: SourceTree, settings: LintSettings) -> Linter {
        Linter { tree, settings }
    }

    /// The files, as they are now.
    pub fn tree(&self) -> &SourceTree {
        &self.tree
    }

    /// Gives a file a new text, or adds it; none for what is no source.
    pub fn put(&mut self, path: &str, text: SourceText) -> Option<FileId> {
        self.tree.add(path, text)
    }

    /// Looks at everything.
    pub fn look(&mut self) -> LintReport {
        linted(&self.tree, &self.settings)
    }

    /// Looks at one file, with what the last look at everything knew of the others.
    pub fn look_at(&mut self, file: FileId) -> Vec<SourceFinding> {
        let path = &self.tree.file(file).path;
        let report = linted(&self.tree, &self.settings);
        report.findings.into_iter().filter(|finding| finding.path == *path).collect()
    }

    /// Whether a change of a file changes only findings of its own: not of headers, of project files, and of where a
    /// driver starts.
    pub fn can_look_alone(&self, file: FileId) -> bool {
        let _ = file;
        false
    }
}
