//! The commands that make targets and give them sources.

use super::super::traced::Traced;
use super::super::{Output, paths};
use super::command::Command;
use super::directory::Walk;
use super::target::{Kind, Named, Reach, Said, Target};
use crate::tree::folder;
use crate::{FileId, FileKind};

/// Words among the sources of `add_library` and its kin that are none.
const KEYWORDS: [&str; 11] = [
    "EXCLUDE_FROM_ALL",
    "EXTENDED_CPP_FEATURES",
    "MACOSX_BUNDLE",
    "MODULE",
    "OBJECT",
    "SHARED",
    "STATIC",
    "UNKNOWN",
    "WIN32",
    "PRIVATE",
    "PUBLIC",
];
/// The same, which the next word belongs to.
const PAIRS: [&str; 6] =
    ["CUSTOM_ENTRY_POINT", "ENTRY_POINT", "KMDF", "NTDDI_VERSION", "UMDF", "WINVER"];

/// What a command makes; none where it makes no target.
pub(super) fn made(command: &str, words: &[Traced]) -> Option<Kind> {
    let says = |keyword: &str| words.iter().any(|word| word.as_str() == keyword);
    if command == "add_executable" || command == "add_library" {
        return Some(match command {
            _ if ["INTERFACE", "IMPORTED", "ALIAS"].into_iter().any(says) => Kind::Interface,
            "add_executable" => Kind::Executable,
            _ if says("SHARED") => Kind::Shared,
            _ if says("MODULE") => Kind::Module,
            _ => Kind::Static,
        });
    }
    let of_kernel =
        ["wdk_", "km_", "kmdf_", "wdm_"].iter().any(|prefix| command.starts_with(prefix));
    let names = |word: &str| command.contains(word);
    if !names("add") || !(of_kernel || names("driver") || names("kmdf")) {
        return None;
    }
    Some(Kind::Made(match () {
        () if names("umdf") => Output::UserMode,
        () if names("library") && says("SHARED") => Output::ExportDriver,
        () if names("library") => Output::DriverLibrary,
        () if names("driver") || names("kmdf") => Output::Driver,
        () => return None,
    }))
}

/// Whether a name is that of a source.
fn is_source(name: &str) -> bool {
    matches!(FileKind::of(name), Some(FileKind::C | FileKind::Cpp | FileKind::Header))
}

impl Walk<'_, '_> {
    /// Makes the target of `add_library` and its kin.
    pub(super) fn make(&mut self, command: &Command, kind: Kind, words: &[Traced]) {
        let [name, rest @ ..] = words else { return };
        if let [keyword, of] = rest
            && keyword.as_str() == "ALIAS"
        {
            self.lists.alias(name.as_str(), of.as_str());
            return;
        }
        let mut target = Target {
            name: name.as_str().to_owned(),
            kind,
            place: self.place(command),
            directory: self.number,
            conditions: self.all_conditions(),
            sources: Vec::new(),
            names_sources: false,
            unknown_sources: false,
            touched: false,
            unknown: None,
            said: Vec::new(),
            options: self.directory().options.len(),
            uses: Vec::new(),
        };
        target.give(self.named(rest));
        self.lists.make(target);
    }

    /// `target_sources`.
    pub(super) fn sources(&mut self, words: &[Traced]) {
        let [name, rest @ ..] = words else { return };
        let named = self.named(rest);
        if let Some(target) = self.lists.target_mut(name.as_str()) {
            target.give(named);
        }
    }

    /// The sources that words name.
    pub(super) fn named(&mut self, words: &[Traced]) -> Named {
        let mut found = Named::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let text = word.as_str();
            if PAIRS.contains(&text) {
                words.next();
            } else if text.contains("${") || text.contains("$<") {
                found.unknown = true;
                if let Some(span) = word.span() {
                    self.directory().doubts.add(span, "which sources this names is not known");
                }
            } else if !KEYWORDS.contains(&text) && is_source(text) {
                found.some = true;
                found.files.extend(self.source(text));
            }
        }
        found
    }

    /// The source of the tree that is meant, as seen from here.
    pub(super) fn source(&self, path: &str) -> Option<FileId> {
        let tree = self.reader.tree;
        let own = folder(&tree.file(self.file).path);
        tree.at(&paths::joined(own, path))
            .filter(|found| tree.file(*found).kind != FileKind::Project)
    }

    /// `target_link_libraries`: other targets that are used.
    pub(super) fn uses(&mut self, words: &[Traced]) {
        let [name, rest @ ..] = words else { return };
        let mut reach = Reach::Both;
        let doubt = self.doubt();
        let (mut uses, mut switches) = (Vec::new(), Vec::new());
        for word in rest {
            match word.as_str() {
                "PRIVATE" | "LINK_PRIVATE" => reach = Reach::Own,
                "PUBLIC" | "LINK_PUBLIC" => reach = Reach::Both,
                "INTERFACE" | "LINK_INTERFACE_LIBRARIES" => reach = Reach::Users,
                // A word with a hyphen is a switch for the linker and no library.
                name if name.starts_with('-') => {
                    switches.push((reach, Said::Link(word.clone()).doubted(doubt)))
                }
                name => uses.push((reach, name.to_owned())),
            }
        }
        if let Some(target) = self.lists.target_mut(name.as_str()) {
            target.uses.extend(uses);
            target.said.extend(switches);
        }
    }

    /// `file(GLOB variable …)`.
    pub(super) fn glob(&mut self, words: &[Traced]) {
        let [kind, name, rest @ ..] = words else { return };
        let deep = match kind.as_str() {
            "GLOB" => false,
            "GLOB_RECURSE" => true,
            _ => return,
        };
        let own = folder(&self.reader.tree.file(self.file).path);
        let mut list = Traced::default();
        let mut rest = rest.iter();
        while let Some(word) = rest.next() {
            let text = word.as_str();
            if matches!(text, "LIST_DIRECTORIES" | "RELATIVE") {
                rest.next();
            } else if text != "CONFIGURE_DEPENDS" && !text.contains('$') {
                let mut pattern = paths::joined(own, text);
                if deep {
                    let last = pattern.rfind('/').map_or(0, |slash| slash + 1);
                    pattern.insert_str(last, "**/");
                }
                let found = self.reader.paths.matching(&pattern, &self.reader.budget);
                if let (None, Some(span)) = (&found, word.span()) {
                    self.directory().doubts.add(span, "this pattern is too much to evaluate");
                }
                for file in found.unwrap_or_default() {
                    list.push_str(&paths::anchored_path(self.reader.tree, file));
                    list.push_str(";");
                }
            }
        }
        let (reader, doubt) = (self.reader, self.doubt());
        self.directory().variables.set(reader, name.as_str(), list, doubt);
    }
}
