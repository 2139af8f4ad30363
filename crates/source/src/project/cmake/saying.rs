//! The commands that set variables, and those that say something of targets, sources and folders.

use super::super::paths;
use super::super::traced::Traced;
use super::super::words::{Quoting, words};
use super::command::{Argument, Command};
use super::directory::Walk;
use super::making::made;
use super::target::{Reach, Said};
use super::variables::elements;

/// Commands of CMake that define no macros for the targets and sources they get.
const OWN: [&str; 24] = [
    "add_custom_command",
    "add_custom_target",
    "add_dependencies",
    "add_test",
    "cmake_path",
    "configure_file",
    "export",
    "file",
    "find_file",
    "find_package",
    "find_path",
    "find_program",
    "get_filename_component",
    "get_property",
    "get_source_file_property",
    "get_target_property",
    "install",
    "message",
    "set_tests_properties",
    "source_group",
    "target_compile_features",
    "target_link_directories",
    "math",
    "separate_arguments",
];

impl Walk<'_, '_> {
    /// What arguments come to.
    pub(super) fn words(&self, arguments: &[Argument]) -> Vec<Traced> {
        let variables = &self.lists.directories[self.number].variables;
        variables.words(self.reader, self.text, arguments)
    }

    /// Runs a command that holds, perhaps.
    pub(super) fn command(&mut self, command: &Command) {
        let words = self.words(&command.arguments);
        let doubt = self.doubt();
        match &*command.name {
            "set" => self.set(command, &words),
            "unset" => {
                if let (None, Some(name)) = (doubt, words.first()) {
                    self.directory().variables.unset(name.as_str());
                }
            }
            "option" => {
                // What it is set to is built, unless somebody says otherwise.
                if let Some(name) = words.first()
                    && self.directory().variables.get(name.as_str()).is_none()
                {
                    let off = || Traced::unplaced("OFF");
                    let value = words.get(2).cloned().unwrap_or_else(off);
                    self.variable(name.as_str(), Some(value), None);
                }
            }
            "list" | "string" => self.change(command, &words),
            "project" => self.project(&words),
            "file" => self.glob(&words),
            "add_definitions" => self.all(&words, Said::Option),
            "add_compile_definitions" => self.all(&words, Said::Define),
            "remove_definitions" => {
                let names = words
                    .iter()
                    .map(|word| word.slice(2.min(word.as_str().len())..word.as_str().len()));
                self.all(&names.collect::<Vec<_>>(), Said::Undefine);
            }
            "include_directories" => {
                let words: Vec<_> = words.into_iter().filter(|word| !is_placement(word)).collect();
                self.all(&words, Said::Folder);
            }
            "add_compile_options" => self.later(&words, Said::Option),
            "add_link_options" => self.later(&words, Said::Link),
            "target_compile_definitions" => self.of_target(&words, Said::Define),
            "target_compile_options" => self.of_target(&words, Said::Option),
            "target_include_directories" => self.of_target(&words, Said::Folder),
            "target_link_options" => self.of_target(&words, Said::Link),
            "target_precompile_headers" => {
                let resolved = words.iter().map(|word| self.header(word)).collect::<Vec<_>>();
                self.of_target(&resolved, Said::Forced);
            }
            "cmake_parse_arguments" => self.parse_arguments(&words),
            "target_link_libraries" => self.uses(&words),
            "target_sources" => self.sources(&words),
            "set_target_properties" => self.properties(&words, Self::target_property),
            "set_source_files_properties" => self.properties(&words, Self::source_property),
            "set_directory_properties" => self.properties(&words, Self::folder_property),
            "set_property" => self.property(&words),
            name => match made(name, &words) {
                Some(kind) => self.make(command, kind, &words),
                None => self.touch(command, &words),
            },
        }
    }

    /// A command that is not known may do anything to the targets and sources it gets.
    fn touch(&mut self, command: &Command, words: &[Traced]) {
        let own = OWN.contains(&&*command.name);
        let place = self.place(command);
        let mut gets_source = false;
        for word in words {
            if let Some(target) = self.lists.target_mut(word.as_str()) {
                target.touched = true;
                target.unknown = target.unknown.or(Some(place).filter(|_| !own));
            } else {
                gets_source |= !own && self.source(word.as_str()).is_some();
            }
        }
        if gets_source {
            let what = "this command is not known here; it may define macros for the source";
            self.directory().doubts.add(place, what);
        }
    }

    /// A header that is named from this folder, by its path in the tree.
    fn header(&self, word: &Traced) -> Traced {
        match self.source(word.as_str()).zip(word.span()) {
            Some((found, span)) => Traced::decoded(&self.reader.tree.file(found).path, span),
            None => word.clone(),
        }
    }

    fn variable(&mut self, name: &str, value: Option<Traced>, doubt: Option<crate::Span>) {
        let reader = self.reader;
        let value = value.unwrap_or_default().doubted(doubt);
        let own = self.doubt();
        self.directory().variables.set(reader, name, value, own);
    }

    fn set(&mut self, command: &Command, words: &[Traced]) {
        let [name, rest @ ..] = words else { return };
        let ends = |keyword: &str| rest.last().is_some_and(|word| word.as_str() == keyword);
        if ends("PARENT_SCOPE") {
            let value = joined(&rest[..rest.len() - 1]);
            if self.reader.budget.spend(value.cost()) {
                self.upward.push((name.as_str().to_owned(), value.doubted(self.doubt())));
            }
            return;
        }
        // Whoever configures may have set it before.
        let cached = rest.iter().position(|word| word.as_str() == "CACHE");
        let place = self.place(command);
        let value = joined(&rest[..cached.unwrap_or(rest.len())]);
        self.variable(name.as_str(), Some(value), cached.map(|_| place));
    }

    /// `list(APPEND …)` and `string(APPEND …)`; what else changes a variable leaves it unknown.
    fn change(&mut self, command: &Command, words: &[Traced]) {
        let [action, name, rest @ ..] = words else { return };
        let reader = self.reader;
        let old = self.directory().variables.get(name.as_str()).cloned();
        let mut value = old.unwrap_or_default();
        if !reader.budget.spend(value.cost()) {
            return;
        }
        let is_list = command.name == "list";
        match action.as_str() {
            "APPEND" => {
                for word in rest {
                    if is_list && !value.as_str().is_empty() {
                        value.push_str(";");
                    }
                    value.push(word);
                }
            }
            "PREPEND" if is_list => {
                let mut front = joined(rest);
                front.push_str(";");
                front.push(&value);
                value = front;
            }
            "REMOVE_DUPLICATES" | "SORT" | "REVERSE" if is_list => return,
            "REMOVE_ITEM" if is_list => {
                let is_kept = |one: &Traced| !rest.iter().any(|word| word.as_str() == one.as_str());
                value = joined(&elements(&value).into_iter().filter(is_kept).collect::<Vec<_>>());
            }
            _ => return,
        }
        let doubt = self.doubt();
        self.directory().variables.set(reader, name.as_str(), value, doubt);
    }

    fn project(&mut self, words: &[Traced]) {
        let Some(name) = words.first() else { return };
        let folder = paths::anchored(self.reader.tree, self.file);
        let is_first = self.directory().variables.get("CMAKE_PROJECT_NAME").is_none();
        let variables = &mut self.directory().variables;
        variables.preset("PROJECT_SOURCE_DIR", &folder);
        variables.preset(&format!("{}_SOURCE_DIR", name.as_str()), &folder);
        variables.preset("PROJECT_NAME", name.as_str());
        if is_first {
            variables.preset("CMAKE_PROJECT_NAME", name.as_str());
        }
    }

    /// Says something of all targets of the folder.
    fn all(&mut self, words: &[Traced], said: fn(Traced) -> Said) {
        let doubt = self.doubt();
        for word in words {
            self.directory().said.push(said(word.clone()).doubted(doubt));
        }
    }

    /// Says something of the targets that are made later.
    fn later(&mut self, words: &[Traced], said: fn(Traced) -> Said) {
        let doubt = self.doubt();
        for word in words {
            self.directory().options.push(said(word.clone()).doubted(doubt));
        }
    }

    /// Says something of one target.
    fn of_target(&mut self, words: &[Traced], said: fn(Traced) -> Said) {
        let [name, rest @ ..] = words else { return };
        let doubt = self.doubt();
        let Some(target) = self.lists.target_mut(name.as_str()) else { return };
        let mut reach = Reach::Both;
        for word in rest {
            match word.as_str() {
                "PRIVATE" => reach = Reach::Own,
                "PUBLIC" => reach = Reach::Both,
                "INTERFACE" => reach = Reach::Users,
                _ if is_placement(word) => {}
                _ => target.said.push((reach, said(word.clone()).doubted(doubt))),
            }
        }
    }

    /// Reads `names… PROPERTIES name value name value …`.
    fn properties(
        &mut self,
        words: &[Traced],
        give: fn(&mut Self, &[Traced], &str, &Traced, bool),
    ) {
        let Some(at) = words.iter().position(|word| word.as_str() == "PROPERTIES") else { return };
        let names = &words[..at];
        for pair in words[at + 1..].chunks_exact(2) {
            if self.reader.budget.spend(names.len() as u64 * pair[1].cost()) {
                give(self, names, pair[0].as_str(), &pair[1], false);
            }
        }
    }

    /// Reads `set_property(TARGET names… [APPEND] PROPERTY name values…)`.
    fn property(&mut self, words: &[Traced]) {
        let Some(at) = words.iter().position(|word| word.as_str() == "PROPERTY") else { return };
        let ([scope, names @ ..], [name, values @ ..]) = (&words[..at], &words[at + 1..]) else {
            return;
        };
        let appends = names.iter().any(|name| name.as_str().starts_with("APPEND"));
        let value = joined(values);
        if !self.reader.budget.spend(names.len() as u64 * value.cost()) {
            return;
        }
        match scope.as_str() {
            "TARGET" => self.target_property(names, name.as_str(), &value, appends),
            "SOURCE" => self.source_property(names, name.as_str(), &value, appends),
            "DIRECTORY" => self.folder_property(names, name.as_str(), &value, appends),
            _ => {}
        }
    }

    fn target_property(&mut self, names: &[Traced], name: &str, value: &Traced, appends: bool) {
        let (reach, name) = match name.strip_prefix("INTERFACE_") {
            Some(name) => (Reach::Users, name),
            None => (Reach::Own, name),
        };
        let (said, doubt, place) = (said_by(name, value), self.doubt(), value.span());
        for target in names {
            let Some(target) = self.lists.target_mut(target.as_str()) else { continue };
            if name == "COMPILE_DEFINITIONS" && !appends {
                // What was said before is replaced, unless it was handed on by others.
                let old = std::mem::take(&mut target.said).into_iter();
                target.said = old.map(|(reach, said)| (reach, replaced(said, place))).collect();
            }
            target.said.extend(said.iter().map(|one| (reach, one.clone().doubted(doubt))));
        }
    }

    fn source_property(&mut self, names: &[Traced], name: &str, value: &Traced, _: bool) {
        let (said, doubt) = (said_by(name, value), self.doubt());
        for file in names.iter().filter_map(|name| self.source(name.as_str())).collect::<Vec<_>>() {
            let said = said.iter().map(|one| (file, one.clone().doubted(doubt)));
            self.directory().of_sources.extend(said);
        }
    }

    fn folder_property(&mut self, _: &[Traced], name: &str, value: &Traced, _: bool) {
        let (said, doubt) = (said_by(name, value), self.doubt());
        self.directory().said.extend(said.into_iter().map(|one| one.doubted(doubt)));
    }
}

/// What a property says.
fn said_by(name: &str, value: &Traced) -> Vec<Said> {
    let line = || words(value, Quoting::Windows).into_iter();
    let list = || elements(value).into_iter();
    match name {
        "COMPILE_DEFINITIONS" => list().map(Said::Define).collect(),
        "COMPILE_OPTIONS" => list().map(Said::Option).collect(),
        "COMPILE_FLAGS" => line().map(Said::Option).collect(),
        "INCLUDE_DIRECTORIES" => list().map(Said::Folder).collect(),
        "LINK_OPTIONS" => list().map(Said::Link).collect(),
        "PRECOMPILE_HEADERS" => list().map(Said::Forced).collect(),
        "LINK_FLAGS" => line().map(Said::Link).collect(),
        _ => Vec::new(),
    }
}

/// A define that may have been replaced.
fn replaced(said: Said, place: Option<crate::Span>) -> Said {
    match said {
        Said::Define(text) => Said::Define(text.doubted(place)),
        other => other,
    }
}

/// Words that say where others are put.
fn is_placement(word: &Traced) -> bool {
    matches!(word.as_str(), "BEFORE" | "AFTER" | "SYSTEM")
}

/// A list of its elements.
pub(super) fn joined(words: &[Traced]) -> Traced {
    let mut all = Traced::default();
    for (number, word) in words.iter().enumerate() {
        if number > 0 {
            all.push_str(";");
        }
        all.push(word);
    }
    all
}
