//! Source that is looked at again and again, as in an editor.

use crate::lint::{Looked, on_threads, projects, reported};
use crate::{LintReport, LintSettings};
use ringfence_source::{Analyser, Analysis, FileId, Project, SourceText, SourceTree, Suppressions};
use std::collections::HashSet;

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
/// linter.look();
/// let report = linter.look_at(file).ok_or("it is not alone")?;
/// assert_eq!(report.findings[0].rule, "executable-pool-type");
/// # Ok::<(), &str>(())
/// ```
#[derive(Debug)]
pub struct Linter {
    tree: SourceTree,
    settings: LintSettings,
    analyser: Analyser,
    projects: Vec<Project>,
    suppressions: Suppressions,
}

impl Linter {
    /// A linter of the files of `tree`.
    pub fn new(tree: SourceTree, settings: LintSettings) -> Linter {
        let suppressions = Suppressions::new(&tree);
        let (analyser, projects) = (Analyser::default(), Vec::new());
        Linter { tree, settings, analyser, projects, suppressions }
    }

    /// The files, as they are now.
    pub fn tree(&self) -> &SourceTree {
        &self.tree
    }

    /// Gives a file a new text, or adds it; none for what is no source.
    pub fn put(&mut self, path: &str, text: SourceText) -> Option<FileId> {
        let file = self.tree.add(path, text)?;
        self.analyser.forget(file);
        self.suppressions.again(&self.tree, file);
        Some(file)
    }

    /// Looks at everything.
    pub fn look(&mut self) -> LintReport {
        on_threads(self.settings.threads, || {
            let (projects, refused) = projects(&self.tree);
            let analysis = self.analyser.all(&self.tree, &projects, &self.settings.defines);
            self.projects = projects;
            reported(self.looked(&analysis), refused, &self.settings, None)
        })
    }

    /// Looks at one file, with what the last look at everything knew of the others; none where it has to be looked at
    /// together with them: headers, project files, Rust, where a driver starts, and functions that hand on what callers
    /// choose.
    pub fn look_at(&mut self, file: FileId) -> Option<LintReport> {
        let defines = &self.settings.defines;
        let analysis = self.analyser.one(&self.tree, &self.projects, defines, file)?;
        let asked = HashSet::from([file]);
        Some(reported(self.looked(&analysis), Vec::new(), &self.settings, Some(&asked)))
    }

    fn looked<'l>(&'l self, analysis: &'l Analysis) -> Looked<'l> {
        let suppressions = self.suppressions.all(&self.tree, &self.projects);
        Looked { tree: &self.tree, projects: &self.projects, analysis, suppressions }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::on_threads;

    #[test]
    fn as_many_threads_work_as_are_asked_for() {
        for threads in [1, 3] {
            assert_eq!(on_threads(threads, rayon::current_num_threads), threads);
        }
        let mut tree = SourceTree::default();
        let text =
            "#include <ntddk.h>\nvoid *f(void) { return ExAllocatePool(NonPagedPool, 1); }\n";
        for path in ["a.c", "b.c"] {
            tree.add(path, SourceText::of(text)).unwrap();
        }
        for threads in [0, 1, 3] {
            let settings = LintSettings { threads, ..LintSettings::default() };
            assert_eq!(Linter::new(tree.clone(), settings).look().findings.len(), 2);
        }
    }
}
