//! Going through the commands of `CMakeLists.txt` files, those of folders that are added included.

use super::super::budget::Doubts;
use super::super::traced::Traced;
use super::super::truth::{Branches, Truth};
use super::super::words::{Quoting, words};
use super::super::{Reader, paths};
use super::command::{Command, commands};
use super::condition::{self, Asked, Word};
use super::target::{Said, Target};
use super::variables::Variables;
use crate::tree::folder;
use crate::{FileId, Span};
use std::collections::{HashMap, HashSet};

/// How deep folders add each other.
const DEEPEST: usize = 32;
/// How deep conditions are nested.
const DEEPEST_CONDITION: usize = 64;
/// What a command costs to look at.
const COMMAND: u64 = 64;

/// What the files of a root and the folders it adds say.
#[derive(Default)]
pub(super) struct Lists {
    pub(super) targets: Vec<Target>,
    pub(super) directories: Vec<Directory>,
    by_name: HashMap<String, usize>,
}

/// A folder with a `CMakeLists.txt`.
#[derive(Debug)]
pub(super) struct Directory {
    pub(super) file: FileId,
    pub(super) variables: Variables,
    /// What the folder above has said before it added this one.
    pub(super) inherited: Vec<Said>,
    /// What is said of all targets here.
    pub(super) said: Vec<Said>,
    /// Options for targets that are made afterwards.
    pub(super) options: Vec<Said>,
    /// What is said of single sources.
    pub(super) of_sources: Vec<(FileId, Said)>,
    pub(super) doubts: Doubts,
}

impl Directory {
    /// What the variables with flags say once all is read.
    pub(super) fn flags(&self) -> Vec<Said> {
        let mut said = Vec::new();
        for name in ["CMAKE_C_FLAGS", "CMAKE_CXX_FLAGS"] {
            let line = self.variables.get(name);
            said.extend(
                line.into_iter().flat_map(|line| words(line, Quoting::Windows)).map(Said::Option),
            );
        }
        for build in ["C_FLAGS_DEBUG", "C_FLAGS_RELEASE", "CXX_FLAGS_DEBUG", "CXX_FLAGS_RELEASE"] {
            let line = self.variables.get(&format!("CMAKE_{build}"));
            let words = line.into_iter().flat_map(|line| words(line, Quoting::Windows));
            // Which build is made is not known.
            said.extend(words.map(|word| Said::Option(word.clone().doubted(word.span()))));
        }
        for name in ["CMAKE_EXE_LINKER_FLAGS", "CMAKE_SHARED_LINKER_FLAGS"] {
            let line = self.variables.get(name);
            let words = line.into_iter().flat_map(|line| words(line, Quoting::Windows));
            // What CMake itself presets is of no interest.
            said.extend(words.filter(|word| !word.as_str().contains(name)).map(Said::Link));
        }
        said
    }
}

/// What is so wherever drivers are built.
const PRESET: [(&str, &str); 12] = [
    ("MSVC", "1"),
    ("WIN32", "1"),
    ("CMAKE_SYSTEM_NAME", "Windows"),
    ("CMAKE_HOST_WIN32", "1"),
    ("CMAKE_SIZEOF_VOID_P", "8"),
    ("UNIX", ""),
    ("APPLE", ""),
    ("LINUX", ""),
    ("MINGW", ""),
    ("ANDROID", ""),
    ("CYGWIN", ""),
    ("CMAKE_COMPILER_IS_GNUCC", ""),
];

impl Lists {
    /// Reads the `CMakeLists.txt` `root`, and what it adds; `done` are those that were read.
    pub(super) fn of(reader: &Reader<'_>, root: FileId, done: &mut HashSet<FileId>) -> Lists {
        let mut lists = Lists::default();
        let mut variables = Variables::default();
        for (name, value) in PRESET {
            variables.preset(name, value);
        }
        let own = paths::anchored(reader.tree, root);
        variables.preset("CMAKE_SOURCE_DIR", &own);
        variables.preset("PROJECT_SOURCE_DIR", &own);
        let start = Added {
            file: root,
            variables,
            inherited: Vec::new(),
            conditions: Vec::new(),
            depth: 0,
        };
        lists.add(reader, start, done);
        lists
    }

    /// A target by its name.
    pub(super) fn target(&self, name: &str) -> Option<&Target> {
        self.by_name.get(name).map(|index| &self.targets[*index])
    }

    /// The same, to be changed.
    pub(super) fn target_mut(&mut self, name: &str) -> Option<&mut Target> {
        self.by_name.get(name).map(|index| &mut self.targets[*index])
    }

    /// Adds a target, unless there is one of this name.
    pub(super) fn make(&mut self, target: Target) {
        let next = self.targets.len();
        if *self.by_name.entry(target.name.clone()).or_insert(next) == next {
            self.targets.push(target);
        }
    }

    /// Gives a target another name.
    pub(super) fn alias(&mut self, name: &str, of: &str) {
        if let Some(index) = self.by_name.get(of).copied() {
            self.by_name.entry(name.to_owned()).or_insert(index);
        }
    }

    /// Reads a folder's file; returns what it says to the folder above.
    fn add(
        &mut self,
        reader: &Reader<'_>,
        added: Added,
        done: &mut HashSet<FileId>,
    ) -> Vec<(String, Traced)> {
        let Added { file, mut variables, inherited, conditions, depth } = added;
        done.insert(file);
        let own = paths::anchored(reader.tree, file);
        for name in ["CMAKE_CURRENT_SOURCE_DIR", "CMAKE_CURRENT_LIST_DIR"] {
            variables.preset(name, &own);
        }
        let number = self.directories.len();
        self.directories.push(Directory {
            file,
            variables,
            inherited,
            said: Vec::new(),
            options: Vec::new(),
            of_sources: Vec::new(),
            doubts: Doubts::default(),
        });
        let mut walk = Walk {
            reader,
            lists: self,
            number,
            file,
            conditions,
            open: Vec::new(),
            depth,
            upward: Vec::new(),
        };
        walk.file(done);
        walk.upward
    }
}

/// A folder about to be read.
struct Added {
    file: FileId,
    variables: Variables,
    inherited: Vec<Said>,
    conditions: Vec<Span>,
    depth: usize,
}

/// An `if` that is not yet closed.
struct Conditional {
    branches: Branches,
    truth: Truth,
    place: Span,
}

/// Going through one file.
pub(super) struct Walk<'w, 't> {
    pub(super) reader: &'w Reader<'t>,
    pub(super) lists: &'w mut Lists,
    /// The number of the folder.
    pub(super) number: usize,
    pub(super) file: FileId,
    /// What the folder itself hangs on.
    conditions: Vec<Span>,
    open: Vec<Conditional>,
    depth: usize,
    /// Variables that are set for the folder above.
    pub(super) upward: Vec<(String, Traced)>,
}

/// Commands that define something or make a target, by which a body that is not run is worth a doubt.
const RELEVANT: [&str; 8] = [
    "add_compile_definitions",
    "add_compile_options",
    "add_definitions",
    "set_source_files_properties",
    "set_target_properties",
    "target_compile_definitions",
    "target_compile_options",
    "target_link_options",
];

impl Walk<'_, '_> {
    pub(super) fn directory(&mut self) -> &mut Directory {
        &mut self.lists.directories[self.number]
    }

    pub(super) fn place(&self, command: &Command) -> Span {
        Span::new(self.file, command.range.clone())
    }

    /// What a command here hangs on: the innermost condition that is not known, which implies the outer ones.
    pub(super) fn doubt(&self) -> Option<Span> {
        let unknown = self.open.iter().rev().find(|one| one.truth == Truth::Unknown);
        unknown.map(|one| one.place).or(self.conditions.last().copied())
    }

    /// All that a command here hangs on.
    pub(super) fn all_conditions(&self) -> Vec<Span> {
        let unknown = self.open.iter().filter(|one| one.truth == Truth::Unknown);
        self.conditions.iter().copied().chain(unknown.map(|one| one.place)).collect()
    }

    fn file(&mut self, done: &mut HashSet<FileId>) {
        let text = self.reader.tree.file(self.file).text.as_str();
        if !self.reader.budget.spend(text.len() as u64) {
            self.exhausted();
            return;
        }
        let (all, wrong) = commands(text);
        if let Some(at) = wrong {
            let what = "this is not understood; the file is not read further";
            let place = Span::new(self.file, at..text.len());
            self.directory().doubts.add(place, what);
        }
        let mut rest = all.iter();
        while let Some(command) = rest.next() {
            if !self.reader.budget.spend(COMMAND + 32 * command.arguments.len() as u64) {
                self.exhausted();
                return;
            }
            let body = match &*command.name {
                "function" | "macro" => {
                    Some("functions are not run here; this one may define macros")
                }
                "foreach" | "while" => Some("loops are not run here; this one may define macros"),
                _ => None,
            };
            match body {
                Some(doubt) => self.skip(command, &mut rest, doubt),
                None if self.branch(command) => {}
                None if self.open.iter().any(|one| one.truth == Truth::No) => {}
                None if command.name == "add_subdirectory" => self.subdirectory(command, done),
                None => self.command(command),
            }
            if self.open.len() > DEEPEST_CONDITION {
                let place = self.place(command);
                let what = "conditions are nested too deep; the file is not read further";
                self.directory().doubts.add(place, what);
                return;
            }
        }
    }

    fn exhausted(&mut self) {
        let place = Span::new(self.file, 0..0);
        self.directory().doubts.exhausted(place);
    }

    /// Goes over a body that is not run.
    fn skip<'c>(
        &mut self,
        command: &Command,
        rest: &mut impl Iterator<Item = &'c Command>,
        doubt: &str,
    ) {
        let end = format!("end{}", command.name);
        let mut open = 1;
        for inner in rest.by_ref() {
            if inner.name == command.name {
                open += 1;
            } else if inner.name == end {
                open -= 1;
                if open == 0 {
                    return;
                }
            } else if RELEVANT.contains(&&*inner.name) {
                let place = self.place(inner);
                self.directory().doubts.add(place, doubt);
            }
        }
    }

    /// Follows `if` and its kin; tells whether the command is one of them.
    fn branch(&mut self, command: &Command) -> bool {
        let place = self.place(command);
        match &*command.name {
            "if" => {
                let mut branches = Branches::default();
                let truth = branches.next(self.holds(command));
                self.open.push(Conditional { branches, truth, place });
            }
            "elseif" | "else" => {
                let condition = match &*command.name {
                    "else" => Truth::Yes,
                    _ => self.holds(command),
                };
                if let Some(last) = self.open.last_mut() {
                    last.truth = last.branches.next(condition);
                    last.place = place;
                }
            }
            "endif" => drop(self.open.pop()),
            _ => return false,
        }
        true
    }

    fn holds(&self, command: &Command) -> Truth {
        let variables = &self.lists.directories[self.number].variables;
        let mut asked = Vec::new();
        for argument in &command.arguments {
            let value = variables.expand(self.reader, self.file, argument);
            let quoted = argument.quoting != super::command::Quoting::None;
            let known = value.is_certain().then(|| value.as_str().to_owned());
            asked.push(Word { value: known, quoted });
        }
        condition::holds(&asked, &Asker { lists: self.lists, variables })
    }

    fn subdirectory(&mut self, command: &Command, done: &mut HashSet<FileId>) {
        let place = self.place(command);
        let words = self.words(&command.arguments[..command.arguments.len().min(1)]);
        let Some(path) = words.first() else { return };
        let own = folder(&self.reader.tree.file(self.file).path);
        let path = paths::joined(&paths::joined(own, path.as_str()), "CMakeLists.txt");
        let found = self.reader.tree.at(&path);
        let Some(found) = found.filter(|_| self.depth < DEEPEST) else {
            self.directory().doubts.add(place, "this folder is added and not read");
            return;
        };
        if done.contains(&found) {
            return;
        }
        let directory = &self.lists.directories[self.number];
        let all = directory.inherited.iter().chain(&directory.said).chain(&directory.options);
        let inherited: Vec<Said> = all.cloned().collect();
        let cost = directory.variables.cost() + inherited.iter().map(Said::cost).sum::<u64>();
        if !self.reader.budget.spend(cost) {
            self.exhausted();
            return;
        }
        let added = Added {
            file: found,
            variables: directory.variables.clone(),
            inherited,
            conditions: self.all_conditions(),
            depth: self.depth + 1,
        };
        let doubt = self.doubt();
        for (name, value) in self.lists.add(self.reader, added, done) {
            let reader = self.reader;
            self.directory().variables.set(reader, &name, value, doubt);
        }
    }
}

/// Answers what conditions ask.
struct Asker<'a> {
    lists: &'a Lists,
    variables: &'a Variables,
}

impl Asked for Asker<'_> {
    fn variable(&self, name: &str) -> Option<String> {
        let value = self.variables.get(name)?;
        value.is_certain().then(|| value.as_str().to_owned())
    }

    fn is_target(&self, name: &str) -> Truth {
        match self.lists.by_name.contains_key(name) {
            true => Truth::Yes,
            false => Truth::Unknown,
        }
    }
}
