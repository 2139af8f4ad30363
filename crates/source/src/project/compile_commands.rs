//! `compile_commands.json`: how each source is compiled, as CMake, Ninja and others write it.

#[cfg(test)]
mod tests;

use super::budget::Doubts;
use super::switches::compiler;
use super::traced::Traced;
use super::words::{Quoting, words};
use super::{Configuration, Define, Output, Project, ProjectFormat, Reader, Silenced, paths};
use crate::tree::folder;
use crate::{FileId, Span};
use serde_json::value::RawValue;
use std::collections::{BTreeMap, HashMap, HashSet};

/// How deep response files name each other.
const DEEPEST_RESPONSE: usize = 4;
/// The longest path that is looked for, in bytes.
const LONGEST_PATH: usize = 4096;
/// What an entry costs to look at.
const ENTRY: u64 = 128;

/// Reads the project that `file` describes, or says in which line and why it cannot be read.
pub(super) fn read(reader: &Reader<'_>, file: FileId) -> Result<Project, String> {
    let text = reader.tree.file(file).text.as_str();
    let wrong = |error: serde_json::Error| {
        format!("line {}: no compilation database: {error}", error.line().max(1))
    };
    let entries: Vec<&RawValue> = serde_json::from_str(text).map_err(wrong)?;
    let mut commands = Commands {
        reader,
        file,
        base: folder_of(reader, file),
        doubts: Doubts::default(),
        found: BTreeMap::new(),
        silenced: BTreeMap::new(),
        forced: BTreeMap::new(),
    };
    let mut folders = Vec::new();
    let mut forced: Vec<(usize, String)> = Vec::new();
    let mut read = 0;
    for entry in entries {
        if !reader.budget.spend(ENTRY + 4 * entry.get().len() as u64) {
            commands.doubts.exhausted(Span::new(file, 0..0));
            break;
        }
        let fields: Result<HashMap<String, &RawValue>, _> = serde_json::from_str(entry.get());
        let Ok(fields) = fields else {
            commands.doubts.add(place(file, text, entry), "this is no object");
            continue;
        };
        read += 1;
        for name in commands.entry(text, entry, &fields, &mut folders) {
            if !reader.budget.spend(name.len() as u64) {
                break;
            }
            match forced.iter().position(|(_, known)| *known == name) {
                Some(index) => forced[index].0 += 1,
                None if forced.len() < FORCED => forced.push((1, name)),
                None => {}
            }
        }
    }
    commands.doubt(read, &forced);
    let forced = forced.into_iter().filter(|(count, _)| *count == read);
    let forced_includes: Vec<String> = forced.map(|(_, name)| name).collect();
    commands.forced.retain(|_, own| *own != forced_includes);
    let sources = commands.found.keys().copied().collect();
    let configuration = Configuration {
        output: Output::Unknown,
        of_files: commands.found.into_iter().collect(),
        include_folders: folders,
        forced_includes,
        forced_of_files: commands.forced.into_iter().collect(),
        silenced_of_files: commands.silenced.into_iter().collect(),
        ..Configuration::default()
    };
    Ok(Project {
        file,
        format: ProjectFormat::CompileCommands,
        name: "compile_commands.json".to_owned(),
        place: Span::new(file, 0..0),
        sources,
        unbuilt: Vec::new(),
        names_sources: true,
        configurations: vec![configuration],
        doubts: commands.doubts.into_vec(),
        sites: Vec::new(),
    })
}

/// Files included first that are kept.
const FORCED: usize = 64;

fn folder_of(reader: &Reader<'_>, file: FileId) -> String {
    folder(&reader.tree.file(file).path).to_owned()
}

/// Where a value stands in the text it is part of.
fn place(file: FileId, text: &str, value: &RawValue) -> Span {
    let start = (value.get().as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
    Span::new(file, start..start + value.get().len())
}

/// The text of a JSON string, with the place of each of its letters; none where it is no string.
fn string(file: FileId, text: &str, value: &RawValue) -> Option<Traced> {
    let span = place(file, text, value);
    let inside = value.get().strip_prefix('"')?.strip_suffix('"')?;
    let start = span.range().start + 1;
    let mut all = Traced::default();
    let mut at = 0;
    while let Some(found) = inside[at..].find('\\').map(|offset| at + offset) {
        all.push(&Traced::of(file, text, start + at..start + found));
        let length = escape(&inside[found..]);
        let escaped = &inside[found..found + length];
        let letter: String = serde_json::from_str(&format!("\"{escaped}\"")).ok()?;
        all.push(&Traced::decoded(&letter, Span::new(file, start + found..start + found + length)));
        at = found + length;
    }
    all.push(&Traced::of(file, text, start + at..start + inside.len()));
    Some(all)
}

/// How long the escape is that `text` begins with; halves of a letter go together.
fn escape(text: &str) -> usize {
    let unit = |text: &str| text.get(2..6).and_then(|digits| u16::from_str_radix(digits, 16).ok());
    if !text.starts_with("\\u") {
        return 2.min(text.len());
    }
    let is_first = unit(text).is_some_and(|unit| (0xD800..0xDC00).contains(&unit));
    if is_first && text.len() >= 12 { 12 } else { 6.min(text.len()) }
}

struct Commands<'r, 't> {
    reader: &'r Reader<'t>,
    file: FileId,
    base: String,
    doubts: Doubts,
    found: BTreeMap<FileId, Vec<Define>>,
    /// What is off however a source is compiled.
    silenced: BTreeMap<FileId, Vec<Silenced>>,
    /// What is included first however a source is compiled.
    forced: BTreeMap<FileId, Vec<String>>,
}

impl Commands<'_, '_> {
    /// Tells what all entries together leave open, of which so many were read.
    fn doubt(&mut self, read: usize, forced: &[(usize, String)]) {
        if forced.len() == FORCED {
            let what = "too many files are included first; some are not followed";
            self.doubts.add(Span::new(self.file, 0..0), what);
        }
        if read > 0 && self.found.is_empty() {
            let what = "no entry names a file of the tree; what is not read may define macros";
            self.doubts.add(Span::new(self.file, 0..0), what);
        }
    }

    /// Reads an entry; returns the files that its command includes first.
    fn entry(
        &mut self,
        text: &str,
        entry: &RawValue,
        fields: &HashMap<String, &RawValue>,
        folders: &mut Vec<String>,
    ) -> Vec<String> {
        let file = self.file;
        let field = |name: &str| fields.get(name).and_then(|value| string(file, text, value));
        let directory = field("directory").unwrap_or_default();
        let source = field("file").and_then(|path| self.file_at(directory.as_str(), path.as_str()));
        let Some((source, root, front)) = source else { return Vec::new() };
        let arguments: Option<Vec<&RawValue>> =
            fields.get("arguments").and_then(|value| serde_json::from_str(value.get()).ok());
        let line = match (field("command"), arguments) {
            (_, Some(values)) => {
                values.iter().filter_map(|value| string(file, text, value)).collect()
            }
            (Some(command), None) if self.reader.budget.afford_words(&command) => {
                words(&command, quoting(command.as_str()))
            }
            (Some(_), None) => Vec::new(),
            (None, None) => {
                self.doubts.add(place(file, text, entry), "this has no command");
                return Vec::new();
            }
        };
        let line = self.with_responses(directory.as_str(), line, 0);
        let slashes = line.first().is_some_and(|program| takes_slashes(program.as_str()));
        let said = compiler(&line, slashes, &[], &mut self.doubts);
        for folder in &said.folders {
            let path = paths::joined(directory.as_str(), folder.as_str());
            // The tree may begin deeper than the paths of whoever built, or lie elsewhere.
            let path = match path.strip_prefix(&*root).filter(|_| !root.is_empty()) {
                Some(rest) => format!("{front}{}", rest.trim_start_matches('/')),
                None => path,
            };
            paths::add_folder(folders, "", &path);
        }
        let silenced = said.silenced;
        self.silenced
            .entry(source)
            .and_modify(|known| {
                known.retain(|one| silenced.iter().any(|other| other.warning == one.warning))
            })
            .or_insert_with(|| silenced.clone());
        self.merge(source, said.defines);
        let forced: Vec<String> =
            said.forced.iter().take(FORCED).map(|name| name.as_str().to_owned()).collect();
        self.forced
            .entry(source)
            .and_modify(|known| known.retain(|one| forced.contains(one)))
            .or_insert_with(|| forced.clone());
        forced
    }

    /// The file of the tree that is meant, and what its path begins with, written and in the tree: what is built is
    /// often elsewhere.
    fn file_at(&self, directory: &str, path: &str) -> Option<(FileId, String, String)> {
        let tree = self.reader.tree;
        if directory.len() + path.len() > LONGEST_PATH {
            return None;
        }
        let written = paths::joined(directory, path);
        for path in [written.clone(), paths::joined(&self.base, &paths::joined(directory, path))] {
            if let Some(found) = tree.at(&path) {
                return Some((found, String::new(), String::new()));
            }
        }
        let whole = paths::plain(&written);
        if !self.reader.budget.spend(ENTRY + whole.len() as u64) {
            return None;
        }
        let (found, same) = tree.ending(&whole, |cost| self.reader.budget.spend(cost))?;
        let front = |path: &str| {
            let parts = path.matches('/').count() + 1;
            let first = parts.saturating_sub(same);
            path.split_inclusive('/').take(first).collect::<String>()
        };
        Some((found, front(&whole), front(&paths::plain(&tree.file(found).path))))
    }

    /// The words, those of response files of the tree in place of their names.
    fn with_responses(&mut self, directory: &str, line: Vec<Traced>, depth: usize) -> Vec<Traced> {
        let mut all = Vec::new();
        for word in line {
            let named = word.as_str().strip_prefix('@').filter(|name| !name.is_empty());
            let Some(name) = named else {
                all.push(word);
                continue;
            };
            let found = self.file_at(directory, name);
            let (Some((found, ..)), true) = (found, depth < DEEPEST_RESPONSE) else {
                if let Some(span) = word.span() {
                    self.doubts.add(span, "this response file is not read; it may define macros");
                }
                continue;
            };
            let text = self.reader.tree.file(found).text.as_str();
            let text = Traced::of(found, text, 0..text.len());
            if self.reader.budget.spend(text.cost() + ENTRY)
                && self.reader.budget.afford_words(&text)
            {
                let line = words(&text, Quoting::Windows);
                all.extend(self.with_responses(directory, line, depth + 1));
            }
        }
        all
    }

    /// Adds the defines of a source. Where it is compiled twice and differently, only what is the same is certain.
    fn merge(&mut self, source: FileId, defines: Vec<Define>) {
        let Some(known) = self.found.get_mut(&source) else {
            self.found.insert(source, defines);
            return;
        };
        if !self.reader.budget.spend(ENTRY * (known.len() + defines.len()) as u64) {
            return;
        }
        let key = |define: &Define| (define.name.clone(), define.value.clone());
        let old: HashSet<_> = known.iter().map(key).collect();
        let new: HashSet<_> = defines.iter().map(key).collect();
        for define in known.iter_mut() {
            define.certain &= new.contains(&key(define));
        }
        let further = defines.into_iter().filter(|define| !old.contains(&key(define)));
        known.extend(further.map(|define| Define { certain: false, ..define }));
    }
}

/// How a command is quoted: those of Windows name their compiler with backslashes or as a program of Windows.
fn quoting(command: &str) -> Quoting {
    let program = match command.trim_start().strip_prefix('"') {
        Some(quoted) => quoted.split('"').next().unwrap_or_default(),
        None => command.split_whitespace().next().unwrap_or_default(),
    };
    let lower = program.to_ascii_lowercase();
    let drive = program.as_bytes().get(1) == Some(&b':');
    let windows =
        drive || program.contains('\\') || lower.ends_with(".exe") || takes_slashes(program);
    if windows { Quoting::Windows } else { Quoting::Posix }
}

/// Whether a compiler takes slashes for switches: cl, and those that do as it does.
fn takes_slashes(program: &str) -> bool {
    let name = program.rsplit(['/', '\\']).next().unwrap_or(program).to_ascii_lowercase();
    let name = name.strip_suffix(".exe").unwrap_or(&name);
    name == "cl" || name.starts_with("clang-cl")
}
