//! The files that an editor has open, and those around them.

use super::told::{self, FIX_ALL};
use super::untitled::Untitled;
use super::{address, text};
use lsp_types::{
    CodeAction, CodeActionOrCommand, CodeActionParams, Diagnostic, FileChangeType, FileEvent,
    Hover, HoverContents, HoverParams, MarkupContent, MarkupKind, Range,
    TextDocumentContentChangeEvent, TextDocumentItem, Uri,
};
use ringfence::source::{FileId, LineColumn, SourceText, SourceTree};
use ringfence::{
    IdleSuppression, Input, LintReport, LintSettings, Linter, Safety, SourceFinding, fixing,
};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The files that an editor has open, and those around them.
pub(super) struct Workspace {
    /// What is read.
    inputs: Vec<Input>,
    linter: Linter,
    docs: Option<String>,
    settings: LintSettings,
    open: BTreeMap<String, Document>,
    /// Documents that are no files yet.
    untitled: BTreeMap<String, Untitled>,
    /// What there is to say of each file, if anything.
    said: BTreeMap<String, Said>,
    /// Files that changed since they were looked at.
    changed: BTreeSet<FileId>,
    /// Whether all has to be looked at.
    stale: bool,
    /// Whether all has to be read before, as files came or went.
    unread: bool,
    /// Whether a document was opened of which nothing was told yet.
    fresh: bool,
    /// Documents that were closed and of which the editor still shows something.
    closed: Vec<Uri>,
}

/// What there is to say of a file.
#[derive(Default)]
struct Said {
    findings: Vec<SourceFinding>,
    idle: Vec<IdleSuppression>,
}

/// A file as the editor has it.
struct Document {
    uri: Uri,
    version: i32,
    path: String,
}

/// What is shown of a document.
type News = (Uri, Option<i32>, Vec<Diagnostic>);

impl Workspace {
    /// Reads all source below `folders`.
    pub(super) fn open(
        folders: Vec<PathBuf>,
        settings: LintSettings,
        docs: Option<String>,
    ) -> Workspace {
        let inputs: Vec<Input> = folders.into_iter().map(Input::Path).collect();
        let (tree, _) = ringfence::read_sources(&inputs);
        Workspace {
            inputs,
            linter: Linter::new(tree, settings.clone()),
            docs,
            settings,
            open: BTreeMap::new(),
            untitled: BTreeMap::new(),
            said: BTreeMap::new(),
            changed: BTreeSet::new(),
            stale: true,
            unread: false,
            fresh: false,
            closed: Vec::new(),
        }
    }

    fn tree(&self) -> &SourceTree {
        self.linter.tree()
    }

    pub(super) fn opened(&mut self, document: TextDocumentItem) {
        let TextDocumentItem { uri, language_id, version, text } = document;
        let Some(path) = address::path(&uri).and_then(|path| path.to_str().map(str::to_owned))
        else {
            let key = uri.as_str().to_owned();
            let settings = self.settings.clone();
            let document = Untitled::open(uri, (version, &language_id), text, settings);
            self.fresh |= document.is_some();
            self.untitled.extend(document.map(|document| (key, document)));
            return;
        };
        let known = self.tree().at(&path);
        let same = known.is_some_and(|file| self.tree().file(file).text.as_str() == text);
        self.fresh = true;
        self.open.insert(uri.as_str().to_owned(), Document { uri, version, path: path.clone() });
        if !same {
            self.put(&path, text, known.is_none());
        }
    }

    pub(super) fn changed(
        &mut self,
        uri: &Uri,
        version: i32,
        changes: Vec<TextDocumentContentChangeEvent>,
    ) {
        if let Some(document) = self.untitled.get_mut(uri.as_str()) {
            document.change(version, changes);
            self.fresh = true;
            return;
        }
        let Some(document) = self.open.get_mut(uri.as_str()) else { return };
        document.version = version;
        let path = document.path.clone();
        let Some(file) = self.tree().at(&path) else { return };
        let text = self.tree().file(file).text.as_str().to_owned();
        self.put(&path, text::changed(text, changes), false);
    }

    /// Other files may depend on what was saved.
    pub(super) fn saved(&mut self) {
        self.stale = true;
    }

    /// Of what is open the editor has the text; all else is read again where it changed.
    pub(super) fn changed_on_disk(&mut self, changes: &[FileEvent]) {
        for change in changes {
            let path = address::path(&change.uri);
            let Some(path) = path.as_deref().and_then(Path::to_str) else { continue };
            let known = self.tree().at(path);
            let is_open =
                self.open.values().any(|document| self.tree().at(&document.path) == known);
            match known {
                Some(_) if change.typ != FileChangeType::DELETED && is_open => {}
                Some(file) if change.typ != FileChangeType::DELETED => {
                    match ringfence::read_source_text(Path::new(path)) {
                        Some(text) if text.as_str() == self.tree().file(file).text.as_str() => {}
                        Some(text) => self.put_text(path, text, false),
                        None => self.unread = true,
                    }
                }
                None if change.typ == FileChangeType::DELETED => {}
                _ => self.unread = true,
            }
        }
        self.stale |= self.unread;
    }

    /// Reads all anew, as files came or went; what is open stays as the editor has it.
    fn read_all(&mut self) {
        let (tree, _) = ringfence::read_sources(&self.inputs);
        let text = |document: &Document| {
            let file = self.tree().at(&document.path)?;
            Some((document.path.clone(), self.tree().file(file).text.clone()))
        };
        let open: Vec<(String, SourceText)> = self.open.values().filter_map(text).collect();
        self.linter = Linter::new(tree, self.settings.clone());
        self.changed.clear();
        for (path, text) in open {
            self.linter.put(&path, text);
        }
        (self.unread, self.stale) = (false, true);
    }

    pub(super) fn closed(&mut self, uri: &Uri) {
        if let Some(document) = self.untitled.remove(uri.as_str()) {
            self.closed.push(document.uri);
        }
        let Some(document) = self.open.remove(uri.as_str()) else { return };
        self.closed.push(document.uri);
        // What was not saved is gone.
        if let Some(text) = ringfence::read_source_text(Path::new(&document.path)) {
            self.put_text(&document.path, text, false);
        }
    }

    fn put(&mut self, path: &str, text: String, is_new: bool) {
        self.put_text(path, SourceText::of(text), is_new);
    }

    fn put_text(&mut self, path: &str, text: SourceText, is_new: bool) {
        if let Some(file) = self.linter.put(path, text) {
            self.changed.insert(file);
            self.stale |= is_new;
        }
    }

    /// Looks at what changed.
    fn refresh(&mut self) {
        if !self.stale && self.changed.is_empty() {
            return;
        }
        self.fresh = true;
        if self.unread {
            self.read_all();
        }
        for file in std::mem::take(&mut self.changed) {
            let path = self.tree().file(file).path.clone();
            let found = if self.stale { None } else { self.linter.look_at(file) };
            match found {
                Some(LintReport { findings, idle_suppressions: idle, .. }) => {
                    self.said.insert(path, Said { findings, idle });
                }
                None => self.stale = true,
            }
        }
        if self.stale {
            self.look_at_all();
        }
    }

    /// What is to be shown of all open documents, if anything may have changed.
    pub(super) fn news(&mut self) -> Vec<News> {
        self.refresh();
        if !std::mem::take(&mut self.fresh) && self.closed.is_empty() {
            return Vec::new();
        }
        let gone = self.closed.drain(..).map(|uri| (uri, None, Vec::new()));
        let mut news: Vec<News> = gone.collect();
        for document in self.open.values() {
            let docs = self.docs.as_deref();
            let findings = self.of(&document.path).map(|finding| told::diagnostic(finding, docs));
            let said = self.said(&document.path);
            let idle = said.into_iter().flat_map(|said| &said.idle).map(told::idle);
            let shown = findings.chain(idle).collect();
            news.push((document.uri.clone(), Some(document.version), shown));
        }
        for document in self.untitled.values_mut() {
            let shown = document.diagnostics(self.docs.as_deref());
            news.push((document.uri.clone(), Some(document.version), shown));
        }
        news
    }

    fn look_at_all(&mut self) {
        self.stale = false;
        self.said.clear();
        let report = self.linter.look();
        for finding in report.findings {
            self.said.entry(finding.path.clone()).or_default().findings.push(finding);
        }
        for one in report.idle_suppressions {
            self.said.entry(one.path.clone()).or_default().idle.push(one);
        }
    }

    fn said(&self, path: &str) -> Option<&Said> {
        let named = self.tree().at(path).map(|file| &self.tree().file(file).path);
        named.and_then(|path| self.said.get(path))
    }

    /// The findings of a file that are shown.
    fn of(&self, path: &str) -> impl Iterator<Item = &SourceFinding> {
        let found = self.said(path).into_iter().flat_map(|said| &said.findings);
        found.filter(|finding| finding.excuse.is_none())
    }

    pub(super) fn actions(&mut self, asked: &CodeActionParams) -> Vec<CodeActionOrCommand> {
        let uri = &asked.text_document.uri;
        let docs = self.docs.clone();
        if let Some(document) = self.untitled.get_mut(uri.as_str()) {
            let findings = document.findings();
            let here = |_: &str| Some(uri.clone());
            return Mending {
                tree: document.tree(),
                uri,
                docs: docs.as_deref(),
                address_of: &here,
            }
            .actions(document.name, &findings, asked);
        }
        self.refresh();
        let Some(path) = address::path(uri).and_then(|path| path.to_str().map(str::to_owned))
        else {
            return Vec::new();
        };
        let findings: Vec<SourceFinding> = self.of(&path).cloned().collect();
        Mending { tree: self.tree(), uri, docs: docs.as_deref(), address_of: &told::of_file }
            .actions(&path, &findings, asked)
    }

    pub(super) fn hover(&mut self, asked: &HoverParams) -> Option<Hover> {
        self.refresh();
        let place = &asked.text_document_position_params;
        let path = address::path(&place.text_document.uri)?;
        let path = path.to_str()?;
        let text = &self.tree().file(self.tree().at(path)?).text;
        let at = place.position;
        let (line, column) = (at.line.saturating_add(1), at.character.saturating_add(1));
        let offset = text.offset(LineColumn { line, column })?;
        let here = Range { start: at, end: at };
        let word = word(text.as_str(), offset);
        let of_word = word.and_then(|word| ringfence::explain(word).ok());
        let of_word = of_word.map(|all| all.iter().map(|one| one.markdown()).collect::<Vec<_>>());
        let told = of_word.or_else(|| {
            let finding =
                self.of(path).find(|finding| touches(told::range(finding.mark.region), here))?;
            let card = ringfence::rule_cards().find(|card| card.id == finding.rule)?;
            Some(vec![card.markdown()])
        })?;
        let value = told.join("\n\n---\n\n");
        let contents = HoverContents::Markup(MarkupContent { kind: MarkupKind::Markdown, value });
        Some(Hover { contents, range: None })
    }
}

/// What mends findings of one document.
struct Mending<'w> {
    tree: &'w SourceTree,
    uri: &'w Uri,
    docs: Option<&'w str>,
    /// The address of a file by its path.
    address_of: &'w dyn Fn(&str) -> Option<Uri>,
}

impl Mending<'_> {
    fn actions(
        &self,
        path: &str,
        findings: &[SourceFinding],
        asked: &CodeActionParams,
    ) -> Vec<CodeActionOrCommand> {
        let Some(file) = self.tree.at(path) else { return Vec::new() };
        let text = &self.tree.file(file).text;
        let wants = |kind: &lsp_types::CodeActionKind| {
            let only = asked.context.only.as_ref();
            only.is_none_or(|only| {
                only.iter().any(|asked| kind.as_str().starts_with(asked.as_str()))
            })
        };
        let mut actions: Vec<CodeAction> = Vec::new();
        if wants(&lsp_types::CodeActionKind::QUICKFIX) {
            let asked =
                |finding: &&SourceFinding| touches(told::range(finding.mark.region), asked.range);
            for finding in findings.iter().filter(asked) {
                let line = text.line_range(finding.line).map_or("", |line| &text.as_str()[line]);
                let indent = &line[..line.len() - line.trim_start().len()];
                let around = (indent, text.line_end());
                actions.extend(told::actions(
                    finding,
                    self.docs,
                    around,
                    self.uri,
                    self.address_of,
                ));
            }
        }
        if wants(&FIX_ALL) {
            actions.extend(self.fix_all(findings));
        }
        actions.into_iter().map(CodeActionOrCommand::CodeAction).collect()
    }

    /// All safe fixes of the findings of one file.
    fn fix_all(&self, findings: &[SourceFinding]) -> Option<CodeAction> {
        let plan = fixing::plan(findings, Safety::Safe, self.tree);
        let edits = told::edits(plan.edits(), self.address_of)?;
        (plan.fixed() > 0).then(|| CodeAction {
            title: "mend all that ringfence mends safely".to_owned(),
            kind: Some(FIX_ALL),
            edit: Some(edits),
            ..CodeAction::default()
        })
    }
}

fn touches(one: Range, other: Range) -> bool {
    one.start <= other.end && other.start <= one.end
}

/// The word around an offset.
fn word(text: &str, offset: usize) -> Option<&str> {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let start = text[..offset].rfind(|letter| !is_part(letter)).map_or(0, |at| at + 1);
    let start = text.ceil_char_boundary(start);
    let end = text[offset..].find(|letter| !is_part(letter)).map_or(text.len(), |at| offset + at);
    (start < end).then(|| &text[start..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_around_a_place() {
        assert_eq!(word("p = Mm_Map(1)", 6), Some("Mm_Map"));
        assert_eq!(word("p = f", 5), Some("f"));
        assert_eq!(word("\u{e4}f", 2), Some("f"));
        assert_eq!(word("a ; b", 2), None);
    }
}
