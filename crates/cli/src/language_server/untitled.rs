//! Documents that are no files yet: each is looked at alone.

use super::{text, told};
use lsp_types::{Diagnostic, TextDocumentContentChangeEvent, Uri};
use ringfence::source::{SourceText, SourceTree};
use ringfence::{LintSettings, Linter, SourceFinding};

/// A document that is no file yet.
pub(super) struct Untitled {
    pub(super) uri: Uri,
    pub(super) version: i32,
    /// What it is called among the files, of which there is no other.
    pub(super) name: &'static str,
    linter: Linter,
}

impl Untitled {
    /// A document in a language; none for those that are not looked at.
    pub(super) fn open(
        uri: Uri,
        (version, language): (i32, &str),
        text: String,
        settings: LintSettings,
    ) -> Option<Untitled> {
        let name = match language {
            "c" => "untitled.c",
            "cpp" => "untitled.cpp",
            "rust" => "untitled.rs",
            _ => return None,
        };
        let mut linter = Linter::new(SourceTree::default(), settings);
        linter.put(name, SourceText::of(text))?;
        Some(Untitled { uri, version, name, linter })
    }

    pub(super) fn change(&mut self, version: i32, changes: Vec<TextDocumentContentChangeEvent>) {
        self.version = version;
        let tree = self.linter.tree();
        let Some(file) = tree.at(self.name) else { return };
        let text = tree.file(file).text.as_str().to_owned();
        self.linter.put(self.name, SourceText::of(text::changed(text, changes)));
    }

    pub(super) fn tree(&self) -> &SourceTree {
        self.linter.tree()
    }

    /// The findings that are shown.
    pub(super) fn findings(&mut self) -> Vec<SourceFinding> {
        let findings = self.linter.look().findings;
        findings.into_iter().filter(|finding| finding.excuse.is_none()).collect()
    }

    /// What is shown of it.
    pub(super) fn diagnostics(&mut self, docs: Option<&str>) -> Vec<Diagnostic> {
        let report = self.linter.look();
        let shown = report.findings.iter().filter(|finding| finding.excuse.is_none());
        let findings = shown.map(|finding| told::diagnostic(finding, docs));
        let idle = report.idle_suppressions.iter().map(told::idle);
        let mut all: Vec<Diagnostic> = findings.chain(idle).collect();
        // There is no other file that anything else could stand in.
        for related in all.iter_mut().flat_map(|one| one.related_information.iter_mut().flatten()) {
            related.location.uri = self.uri.clone();
        }
        all
    }
}
