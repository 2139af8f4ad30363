//! CMake: the targets of `CMakeLists.txt` and what is said of them, as far as it can be told without CMake.

#[cfg(test)]
mod running_tests;
#[cfg(test)]
mod tests;

mod calling;
mod command;
mod condition;
mod directory;
pub(super) mod edit;
mod making;
mod running;
mod saying;
mod target;
mod variables;

use super::budget::Doubts;
use super::{Project, ProjectFormat, Reader, defines, name};
use crate::tree::folder;
use crate::{FileId, Span};
use directory::{Directory, Lists};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use target::{Kind, Reach, Said, Sum, Target};

/// The most targets that hand something on to one.
const USED: usize = 256;

/// Reads the projects of all `CMakeLists.txt` among `files`.
pub(super) fn read(reader: &Reader<'_>, files: &[FileId]) -> Vec<Project> {
    let is_one = |file: &&FileId| name(reader.tree, **file) == "cmakelists.txt";
    let mut roots: Vec<FileId> = files.iter().filter(is_one).copied().collect();
    // Whoever is nearer to the root may add the others.
    roots.sort_by_key(|file| reader.tree.key(*file).matches('/').count());
    let mut done = HashSet::new();
    let mut projects = Vec::new();
    // Folders that may add any below them, and where they do so.
    let mut vague: Vec<(&str, Span)> = Vec::new();
    for root in roots {
        if done.contains(&root) {
            continue;
        }
        reader.budget.begin(reader.tree.file(root).text.as_str().len());
        let own = folder(reader.tree.key(root));
        let is_above = |above: &str| {
            let rest = own.strip_prefix(above);
            rest.is_some_and(|rest| above.is_empty() || rest.starts_with('/'))
        };
        let mut doubts = Doubts::default();
        for (_, place) in vague.iter().filter(|(above, _)| is_above(above)) {
            let what =
                "which folder this adds is not known; what is said here may define macros there";
            doubts.add(*place, what);
        }
        let lists = Lists::of(reader, root, doubts, &mut done);
        let speaking = lists.vague.iter().filter(|(number, _)| lists.directories[*number].speaks());
        let speaking = speaking.map(|(number, place)| {
            (folder(reader.tree.key(lists.directories[*number].file)), *place)
        });
        vague.extend(speaking);
        let made = lists.targets.iter().filter(|target| target.kind != Kind::Interface);
        projects.extend(made.map(|target| project(reader, &lists, target)));
    }
    projects
}

/// The folders that a text adds, as written.
pub(super) fn added_folders(text: &str) -> Vec<String> {
    let all = command::commands(text).0.into_iter();
    let adding = all.filter(|command| command.name == "add_subdirectory");
    let paths = adding.filter_map(|command| Some(command.arguments.first()?.range.clone()));
    paths.filter_map(|range| Some(text.get(range)?.to_owned())).collect()
}

fn project(reader: &Reader<'_>, lists: &Lists, target: &Target) -> Project {
    let directory = &lists.directories[target.directory];
    let mut doubts: Doubts = directory.doubts.clone();
    let mut sum = Sum::default();
    let mut of_sources = Vec::new();
    if reader.budget.spend(directory.of_sources.len() as u64 + 1) {
        let said = said(lists, directory, target);
        if reader.budget.spend(said.iter().map(Said::cost).sum()) {
            sum.add(&said, &target.conditions, &mut doubts);
            of_sources = of_files(directory, target, &mut doubts);
        }
    }
    if let Some(span) = target.unknown {
        doubts.add(span, "this command is not known here; it may define macros for the target");
    }
    if reader.budget.is_spent() {
        doubts.exhausted(target.place);
    }
    let base = folder(&reader.tree.file(directory.file).path);
    let mut configuration = sum.configuration(target, base);
    for (file, said, forced) in of_sources {
        configuration.of_files.push((file, said));
        let all = &configuration.forced_includes;
        if !forced.is_empty() && reader.budget.spend(all.len() as u64 + 1) {
            let own = all.iter().cloned().chain(forced).collect();
            configuration.forced_of_files.push((file, own));
        }
    }
    let sources: BTreeSet<FileId> = target.sources.iter().copied().collect();
    Project {
        file: directory.file,
        format: ProjectFormat::CMake,
        name: target.name.clone(),
        place: target.place,
        sources: sources.into_iter().collect(),
        unbuilt: Vec::new(),
        names_sources: target.names_sources && !target.unknown_sources,
        configurations: vec![configuration],
        doubts: doubts.into_vec(),
        sites: Vec::new(),
    }
}

/// All that is said of a target, in the order in which the compiler is told.
fn said(lists: &Lists, directory: &Directory, target: &Target) -> Vec<Said> {
    let mut said = directory.flags(Some(target.kind));
    said.extend(directory.inherited.iter().cloned());
    said.extend(directory.options.iter().take(target.options).cloned());
    said.extend(directory.said.iter().cloned());
    said.extend(used(lists, target));
    said
}

/// What is defined for single sources of the target, and what is included first in them beside what is in all.
fn of_files(
    directory: &Directory,
    target: &Target,
    doubts: &mut Doubts,
) -> Vec<(FileId, Vec<super::Define>, Vec<String>)> {
    let own: HashSet<FileId> = target.sources.iter().copied().collect();
    let mut by_file: BTreeMap<FileId, Vec<Said>> = BTreeMap::new();
    for (file, said) in directory.of_sources.iter().filter(|(file, _)| own.contains(file)) {
        by_file.entry(*file).or_default().push(said.clone());
    }
    let defined = |(file, said): (FileId, Vec<Said>)| {
        let mut sum = Sum::default();
        sum.add(&said, &target.conditions, doubts);
        let (own, forced) = sum.before_source();
        (file, defines::beside(&[], own, None), forced)
    };
    by_file.into_iter().map(defined).collect()
}

/// What is said of a target itself, and what those hand on that it uses.
fn used(lists: &Lists, target: &Target) -> Vec<Said> {
    let mut said: Vec<Said> = Vec::new();
    let own = target.said.iter().filter(|(reach, _)| *reach != Reach::Users);
    said.extend(own.map(|(_, one)| one.clone()));
    let mut seen: HashSet<&str> = HashSet::from([&*target.name]);
    let uses = target.uses.iter().filter(|(reach, _)| *reach != Reach::Users);
    let mut open: Vec<&str> = uses.map(|(_, name)| &**name).collect();
    while let Some(name) = open.pop() {
        let Some(used) = lists.target(name).filter(|used| seen.insert(&used.name)) else {
            continue;
        };
        if seen.len() > USED {
            break;
        }
        let handed = used.said.iter().filter(|(reach, _)| *reach != Reach::Own);
        said.extend(handed.map(|(_, one)| one.clone()));
        let further = used.uses.iter().filter(|(reach, _)| *reach != Reach::Own);
        open.extend(further.map(|(_, name)| &**name));
    }
    said
}
