//! Going through the commands of `CMakeLists.txt` files, those of folders that are added included.

use super::super::budget::Doubts;
use super::super::traced::Traced;
use super::super::truth::{Branches, Truth};
use super::super::words::{Quoting, words};
use super::super::{Reader, paths};
use super::calling::Function;
use super::command::Command;
use super::condition::{self, Asked, Word};
use super::target::{Kind, Said, Target};
use super::variables::Variables;
use crate::tree::folder;
use crate::{FileId, Span};
use std::collections::{HashMap, HashSet};

/// How deep folders add each other.
const DEEPEST: usize = 32;

/// What the files of a root and the folders it adds say.
#[derive(Default)]
pub(super) struct Lists {
    pub(super) targets: Vec<Target>,
    pub(super) directories: Vec<Directory>,
    by_name: HashMap<String, usize>,
    /// Functions and macros by their names.
    pub(super) functions: HashMap<String, Function>,
    /// Where a folder is added and it is not known which, with the number of the folder that does so.
    pub(super) vague: Vec<(usize, Span)>,
    /// The `CMakeLists.txt` that were read.
    done: HashSet<FileId>,
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
    /// Whether something is said, or may be, that folders take over which it adds.
    pub(super) fn speaks(&self) -> bool {
        let said = [&self.inherited, &self.said, &self.options];
        said.iter().any(|said| !said.is_empty())
            || !self.flags(None).is_empty()
            || !self.doubts.unread().is_empty()
    }

    /// What the variables with flags say once all is read, to a target of that kind or to any.
    pub(super) fn flags(&self, of: Option<Kind>) -> Vec<Said> {
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
        let kinds: &[&str] = match of {
            Some(Kind::Executable) => &["EXE"],
            Some(Kind::Shared) => &["SHARED"],
            Some(Kind::Module) => &["MODULE"],
            Some(_) => &["EXE", "SHARED"],
            None => &["EXE", "SHARED", "MODULE"],
        };
        for kind in kinds {
            let name = format!("CMAKE_{kind}_LINKER_FLAGS");
            for build in ["", "_DEBUG", "_RELEASE", "_RELWITHDEBINFO", "_MINSIZEREL"] {
                let line = self.variables.get(&format!("{name}{build}"));
                let words = line.into_iter().flat_map(|line| words(line, Quoting::Windows));
                // What CMake itself presets is of no interest.
                let words = words.filter(|word| !word.as_str().contains(&*name));
                // Which build is made is not known.
                let place = |word: &Traced| word.span().filter(|_| !build.is_empty());
                said.extend(words.map(|word| Said::Link(word.clone().doubted(place(&word)))));
            }
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
    /// Reads the `CMakeLists.txt` `root`, and what it adds; `done` are those that were read, `doubts` what is not known of
    /// it beforehand.
    pub(super) fn of(
        reader: &Reader<'_>,
        root: FileId,
        doubts: Doubts,
        done: &mut HashSet<FileId>,
    ) -> Lists {
        let mut lists = Lists { done: std::mem::take(done), ..Lists::default() };
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
            doubts,
            conditions: Vec::new(),
            depth: 0,
            calls: 0,
        };
        lists.add(reader, start);
        *done = std::mem::take(&mut lists.done);
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
    fn add(&mut self, reader: &Reader<'_>, added: Added) -> Vec<(String, Traced)> {
        let Added { file, mut variables, inherited, doubts, conditions, depth, calls } = added;
        self.done.insert(file);
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
            doubts,
        });
        let mut walk = Walk {
            reader,
            lists: self,
            number,
            file,
            text: file,
            conditions,
            open: Vec::new(),
            floor: 0,
            depth,
            calls,
            included: Vec::new(),
            upward: Vec::new(),
        };
        walk.run_file(file);
        walk.upward
    }
}

/// A folder about to be read.
struct Added {
    file: FileId,
    variables: Variables,
    inherited: Vec<Said>,
    /// What was not read in the folder above and may define macros.
    doubts: Doubts,
    conditions: Vec<Span>,
    depth: usize,
    calls: usize,
}

/// An `if` that is not yet closed.
pub(super) struct Conditional {
    pub(super) branches: Branches,
    pub(super) truth: Truth,
    pub(super) place: Span,
}

/// Going through one folder.
pub(super) struct Walk<'w, 't> {
    pub(super) reader: &'w Reader<'t>,
    pub(super) lists: &'w mut Lists,
    /// The number of the folder.
    pub(super) number: usize,
    /// Its `CMakeLists.txt`.
    pub(super) file: FileId,
    /// The file that the commands stand in: that, or one that is included or has the function.
    pub(super) text: FileId,
    /// What the folder itself hangs on.
    conditions: Vec<Span>,
    pub(super) open: Vec<Conditional>,
    /// How many of those were open where the function, loop or file began: none within closes them.
    pub(super) floor: usize,
    depth: usize,
    /// How many functions and files that are included are being run.
    pub(super) calls: usize,
    /// The files that are included and not yet at their end.
    pub(super) included: Vec<FileId>,
    /// Variables that are set for the folder above.
    pub(super) upward: Vec<(String, Traced)>,
}

impl Walk<'_, '_> {
    pub(super) fn directory(&mut self) -> &mut Directory {
        &mut self.lists.directories[self.number]
    }

    pub(super) fn place(&self, command: &Command) -> Span {
        Span::new(self.text, command.range.clone())
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

    pub(super) fn exhausted(&mut self) {
        let place = Span::new(self.file, 0..0);
        self.directory().doubts.exhausted(place);
    }

    /// Follows `if` and its kin; tells whether the command is one of them.
    pub(super) fn branch(&mut self, command: &Command) -> bool {
        let floor = self.floor;
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
                if let Some(last) = self.open[floor..].last_mut() {
                    last.truth = last.branches.next(condition);
                    last.place = place;
                }
            }
            "endif" => self.open.truncate(floor.max(self.open.len().saturating_sub(1))),
            _ => return false,
        }
        true
    }

    fn holds(&self, command: &Command) -> Truth {
        let variables = &self.lists.directories[self.number].variables;
        let mut asked = Vec::new();
        for argument in &command.arguments {
            let value = variables.expand(self.reader, self.text, argument);
            let quoted = argument.quoting != super::command::Quoting::None;
            let known = value.is_certain().then(|| value.as_str().to_owned());
            asked.push(Word { value: known, quoted });
        }
        condition::holds(&asked, &Asker { lists: self.lists, variables })
    }

    pub(super) fn subdirectory(&mut self, command: &Command) {
        let place = self.place(command);
        let words = self.words(&command.arguments[..command.arguments.len().min(1)]);
        let Some(path) = words.first() else { return };
        let is_known = path.is_certain() && !path.as_str().contains("${");
        let own = folder(&self.reader.tree.file(self.file).path);
        let path = paths::joined(&paths::joined(own, path.as_str()), "CMakeLists.txt");
        let found = self.reader.tree.at(&path);
        let Some(found) = found.filter(|_| self.depth < DEEPEST) else {
            self.directory().doubts.add(place, "this folder is added and not read");
            if !is_known {
                self.lists.vague.push((self.number, place));
            }
            return;
        };
        if self.lists.done.contains(&found) {
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
            doubts: directory.doubts.unread(),
            conditions: self.all_conditions(),
            depth: self.depth + 1,
            calls: self.calls,
        };
        let doubt = self.doubt();
        for (name, value) in self.lists.add(self.reader, added) {
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
