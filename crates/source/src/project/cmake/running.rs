//! Running commands: those of a file, of files that are included, and of loops.

use super::super::paths;
use super::super::traced::Traced;
use super::super::truth::{Branches, Truth};
use super::calling::Function;
use super::command::{Command, commands};
use super::directory::{Conditional, Walk};
use super::variables::elements;
use crate::tree::folder;
use crate::{FileId, FileKind, Span};
use std::ops::Range;
use std::rc::Rc;

/// How deep conditions are nested.
const DEEPEST_CONDITION: usize = 64;
/// How deep functions, files that are included and loops run each other.
pub(super) const DEEPEST_CALL: usize = 32;
/// How often a loop is run.
const LONGEST_LOOP: usize = 256;
/// What a command costs to look at.
const COMMAND: u64 = 64;
/// What a command of a body costs to go over.
const SKIPPED: u64 = 16;

/// The commands of a file.
#[derive(Clone, Debug)]
pub(super) struct Script {
    pub(super) file: FileId,
    commands: Rc<[Command]>,
}

/// Commands that define something or make a target, by which a body that is not run is worth a doubt.
const RELEVANT: [&str; 12] = [
    "add_compile_definitions",
    "add_compile_options",
    "add_definitions",
    "include",
    "set_directory_properties",
    "set_property",
    "set_source_files_properties",
    "set_target_properties",
    "target_compile_definitions",
    "target_compile_options",
    "target_link_options",
    "target_precompile_headers",
];

/// What the names of CMake's own modules begin with that people include.
const MODULES: [&str; 17] = [
    "BundleUtilities",
    "CMake",
    "CPack",
    "CTest",
    "Check",
    "Dart",
    "ExternalProject",
    "FeatureSummary",
    "FetchContent",
    "GNUInstallDirs",
    "GenerateExportHeader",
    "GoogleTest",
    "InstallRequiredSystemLibraries",
    "ProcessorCount",
    "SelectLibraryConfigurations",
    "TestBigEndian",
    "WriteCompilerDetectionHeader",
];

impl Script {
    /// The number of the command that closes a block of the kind `name` whose body begins at `start`.
    fn end(&self, name: &str, start: usize, last: usize) -> usize {
        let mut open = 1;
        for (at, command) in self.commands.iter().enumerate().take(last).skip(start) {
            if command.name == name {
                open += 1;
            } else if command.name.strip_prefix("end") == Some(name) {
                open -= 1;
                if open == 0 {
                    return at;
                }
            }
        }
        last
    }
}

impl Walk<'_, '_> {
    /// Runs all that a file says.
    pub(super) fn run_file(&mut self, file: FileId) {
        let text = self.reader.tree.file(file).text.as_str();
        if !self.reader.budget.spend(text.len() as u64) {
            self.exhausted();
            return;
        }
        let (all, wrong) = commands(text);
        if let Some(at) = wrong {
            let what = "this is not understood; the file is not read further";
            self.directory().doubts.add(Span::new(file, at..text.len()), what);
        }
        let range = 0..all.len();
        self.run(&Script { file, commands: all.into() }, range);
    }

    /// Runs some of the commands of a file.
    pub(super) fn run(&mut self, script: &Script, range: Range<usize>) {
        let outer = (self.text, self.floor);
        (self.text, self.floor) = (script.file, self.open.len());
        let mut at = range.start;
        while let Some(command) = script.commands.get(at).filter(|_| at < range.end) {
            at += 1;
            if !self.reader.budget.spend(COMMAND + 32 * command.arguments.len() as u64) {
                self.exhausted();
                break;
            }
            let is_dead = self.open.iter().any(|one| one.truth == Truth::No);
            if matches!(&*command.name, "function" | "macro" | "foreach" | "while") {
                let end = script.end(&command.name, at, range.end);
                if !self.reader.budget.spend(SKIPPED * (end - at) as u64) {
                    self.exhausted();
                    break;
                }
                if !is_dead {
                    self.block(script, command, at..end);
                }
                at = end + 1;
            } else if !self.branch(command) && !is_dead {
                self.act(command);
            }
            if self.open.len() > DEEPEST_CONDITION {
                let place = self.place(command);
                let what = "conditions are nested too deep; the file is not read further";
                self.directory().doubts.add(place, what);
                break;
            }
        }
        self.open.truncate(self.floor);
        (self.text, self.floor) = outer;
    }

    fn act(&mut self, command: &Command) {
        match &*command.name {
            "add_subdirectory" => self.subdirectory(command),
            "include" => self.include(command),
            name => match self.lists.functions.get(name).cloned() {
                Some(function) => self.call(command, &function),
                None => self.command(command),
            },
        }
    }

    /// Defines a function, or runs a loop.
    fn block(&mut self, script: &Script, command: &Command, body: Range<usize>) {
        match &*command.name {
            "foreach" => self.each(script, command, body),
            "while" => {
                let what = "loops are not run here; this one may define macros";
                self.skip(script, body, what);
            }
            kind => {
                let words = self.words(&command.arguments);
                let [name, parameters @ ..] = &*words else { return };
                let function = Function {
                    script: script.clone(),
                    body,
                    parameters: parameters.iter().map(|one| one.as_str().to_owned()).collect(),
                    is_macro: kind == "macro",
                    doubt: self.doubt(),
                };
                self.lists.functions.insert(name.as_str().to_ascii_lowercase(), function);
            }
        }
    }

    /// Goes over a body that is not run.
    fn skip(&mut self, script: &Script, body: Range<usize>, doubt: &str) {
        for inner in &script.commands[body] {
            if inner.name == "add_subdirectory" {
                let place = self.place(inner);
                self.lists.vague.push((self.number, place));
            }
            let is_call = self.lists.functions.contains_key(&inner.name);
            if is_call || RELEVANT.contains(&&*inner.name) {
                let place = self.place(inner);
                self.directory().doubts.add(place, doubt);
            }
        }
    }

    /// Runs a loop over what is known.
    fn each(&mut self, script: &Script, command: &Command, body: Range<usize>) {
        let words = self.words(&command.arguments);
        let [name, rest @ ..] = &*words else { return };
        let items = self.items(rest).filter(|items| items.len() <= LONGEST_LOOP);
        let items = items.filter(|_| self.calls < DEEPEST_CALL);
        let Some(items) = items else {
            let what = "what this loop goes over is not known; it may define macros";
            self.skip(script, body, what);
            return;
        };
        let (reader, place) = (self.reader, self.place(command));
        let old = self.directory().variables.get(name.as_str()).cloned();
        for item in items {
            let open = self.open.len();
            if !item.is_certain() {
                self.perhaps(place);
            }
            self.directory().variables.set(reader, name.as_str(), item, None);
            self.calls += 1;
            self.run(script, body.clone());
            self.calls -= 1;
            self.open.truncate(open);
            if reader.budget.is_spent() {
                return;
            }
        }
        self.restore(name.as_str(), old);
    }

    /// What a loop goes over; none where that is not known.
    fn items(&mut self, words: &[Traced]) -> Option<Vec<Traced>> {
        let mut items = Vec::new();
        match words.first().map(Traced::as_str) {
            Some("IN") => {
                let mut are_lists = false;
                for word in &words[1..] {
                    match word.as_str() {
                        "LISTS" => are_lists = true,
                        "ITEMS" => are_lists = false,
                        "ZIP_LISTS" => return None,
                        list if are_lists => {
                            items.extend(elements(self.directory().variables.get(list)?));
                        }
                        _ => items.push(word.clone()),
                    }
                }
            }
            Some("RANGE") => {
                let numbers: Option<Vec<usize>> =
                    words[1..].iter().map(|word| word.as_str().parse().ok()).collect();
                let (first, last, step) = match *numbers? {
                    [last] => (0, last, 1),
                    [first, last] => (first, last, 1),
                    [first, last, step] if step > 0 => (first, last, step),
                    _ => return None,
                };
                let numbers = (first..=last).step_by(step).take(LONGEST_LOOP + 1);
                items.extend(numbers.map(|number| Traced::unplaced(&number.to_string())));
            }
            _ => items.extend_from_slice(words),
        }
        let is_known = |item: &Traced| !item.as_str().contains("${");
        items.iter().all(is_known).then_some(items)
    }

    /// What is run next hangs on `place`.
    pub(super) fn perhaps(&mut self, place: Span) {
        let branches = Branches::default();
        self.open.push(Conditional { branches, truth: Truth::Unknown, place });
    }

    pub(super) fn restore(&mut self, name: &str, old: Option<Traced>) {
        let reader = self.reader;
        match old {
            Some(old) => self.directory().variables.set(reader, name, old, None),
            None => self.directory().variables.unset(name),
        }
    }

    /// Runs a file that is included.
    fn include(&mut self, command: &Command) {
        let words = self.words(&command.arguments);
        let place = self.place(command);
        let Some(name) = words.first() else { return };
        let Some(found) = self.module(name.as_str()) else {
            if !MODULES.iter().any(|own| name.as_str().starts_with(own)) {
                let what = "this file is included and not found; it may define macros";
                self.directory().doubts.add(place, what);
            }
            return;
        };
        if self.included.contains(&found) {
            return;
        }
        if self.calls >= DEEPEST_CALL {
            let what = "files include each other too deep; this one may define macros";
            self.directory().doubts.add(place, what);
            return;
        }
        const LIST: &str = "CMAKE_CURRENT_LIST_DIR";
        let old = self.directory().variables.get(LIST).cloned();
        let own = paths::anchored(self.reader.tree, found);
        self.directory().variables.preset(LIST, &own);
        self.included.push(found);
        self.calls += 1;
        self.run_file(found);
        self.calls -= 1;
        self.included.pop();
        self.restore(LIST, old);
    }

    /// The file that `include` means: a path from this folder, or a module of those that the project has.
    fn module(&self, name: &str) -> Option<FileId> {
        let tree = self.reader.tree;
        let variables = &self.lists.directories[self.number].variables;
        let value = |name: &str| variables.get(name).map_or("", Traced::as_str).to_owned();
        let own = folder(&tree.file(self.file).path);
        let mut folders: Vec<String> =
            [self.file, self.text].map(|file| paths::anchored(tree, file)).into();
        folders.extend(value("CMAKE_MODULE_PATH").split(';').map(str::to_owned));
        folders.extend(["PROJECT_SOURCE_DIR", "CMAKE_SOURCE_DIR"].map(value));
        folders.retain(|folder| !folder.is_empty());
        let ends = if name.to_ascii_lowercase().ends_with(".cmake") { "" } else { ".cmake" };
        let within = folders.iter().flat_map(|folder| [folder.clone(), format!("{folder}/cmake")]);
        let paths = within.map(|within| paths::joined(own, &format!("{within}/{name}{ends}")));
        let direct = paths::joined(own, name);
        let found = std::iter::once(direct).chain(paths).find_map(|path| tree.at(&path));
        found.filter(|found| tree.file(*found).kind == FileKind::Project)
    }
}
