//! The files that are looked at: those that were asked for, and those that they belong to.

use rayon::prelude::*;
use ringfence_container::{
    Input, Source, Unreadable, above, expand_sources, linked_twice, read_source,
};
use ringfence_finding::Unread;
use ringfence_source::{FileId, FileKind, SourceText, SourceTree};
use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};

/// What was read.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    pub(super) tree: SourceTree,
    /// The files that were asked for.
    pub(super) asked: HashSet<FileId>,
    /// What was asked for and could not be read.
    pub(super) unread: Vec<Unread>,
    /// Files that the user named and that are no source.
    pub(super) left_out_by_name: Vec<Unread>,
}

/// More files than this are not read along: they are no driver's.
const MOST_ALONG: usize = 5_000;
/// Files of MSBuild that hold for all folders below.
const FOR_FOLDERS: [&str; 2] = ["Directory.Build.props", "Directory.Build.targets"];

/// Reads what is behind `inputs`, and what it belongs to. Names are told from the working directory on.
pub(super) fn gather(inputs: &[Input]) -> Gathered {
    let here =
        std::env::current_dir().ok().and_then(|path| path.into_os_string().into_string().ok());
    let tree = SourceTree::below(&here.unwrap_or_default());
    let mut gathered = Gathered { tree, ..Gathered::default() };
    gathered.read(inputs, true);
    let mut along: BTreeSet<PathBuf> = BTreeSet::new();
    let mut for_folders: BTreeSet<PathBuf> = BTreeSet::new();
    for folder in &gathered.folders(inputs) {
        let above = above(folder, is_build, &FOR_FOLDERS);
        along.extend(above.building);
        for_folders.extend(above.named);
    }
    let inputs: Vec<Input> = along.into_iter().chain(for_folders).map(Input::Path).collect();
    gathered.read(&inputs, false);
    gathered
}

/// Whether a file of this name says how what is in its folder is built.
fn is_build(name: &str) -> bool {
    // Files that others include say nothing by themselves.
    FileKind::of(name) == Some(FileKind::Project)
        && !name.to_ascii_lowercase().ends_with(".cmake")
        && !FOR_FOLDERS.iter().any(|other| name.eq_ignore_ascii_case(other))
}

impl Gathered {
    /// Reads everything that is source, in parallel and in the order of the inputs.
    pub(super) fn read(&mut self, inputs: &[Input], asked: bool) {
        if inputs.is_empty() {
            return;
        }
        let mut found = expand_sources(inputs, |name| FileKind::of(name).is_some());
        if !asked {
            let known = |source: &Source| {
                absolute(&source.name()).is_some_and(|path| self.tree.at(&path).is_some())
            };
            found.retain(|found| found.as_ref().is_ok_and(|source| !known(source)));
            found.truncate(MOST_ALONG);
        }
        let twice = linked_twice(&mut found);
        for one in found.into_par_iter().map(read).collect::<Vec<_>>() {
            match one {
                Ok((path, Some(text))) => {
                    let added = self.tree.add(&path, text);
                    self.asked.extend(added.filter(|_| asked));
                }
                Ok((path, None)) => self.left_out_by_name.push(no_source(path)),
                Err(unread) if asked => self.unread.push(unread),
                Err(_) => {}
            }
        }
        for (link, to) in twice {
            let [link, to] = [link, to].map(|path| absolute(&path.to_string_lossy()));
            if let Some((link, to)) = link.zip(to.and_then(|to| self.tree.at(&to))) {
                self.tree.link(&link, to);
            }
        }
    }

    /// The folders of what was asked for, from which what it belongs to is looked for.
    fn folders(&self, inputs: &[Input]) -> BTreeSet<PathBuf> {
        let named = inputs
            .iter()
            .filter_map(Input::folder)
            .filter_map(|path| std::path::absolute(path).ok());
        let named: BTreeSet<PathBuf> = named.collect();
        let of_files = self.asked.iter().filter_map(|file| {
            let folder = Path::new(&self.tree.file(*file).path).parent()?;
            (!named.iter().any(|known| folder.starts_with(known))).then(|| folder.to_owned())
        });
        of_files.collect::<BTreeSet<_>>().into_iter().chain(named.iter().cloned()).collect()
    }
}

fn no_source(path: String) -> Unread {
    let is_image = Path::new(&path).extension().is_some_and(|end| {
        ["sys", "dll", "exe"].iter().any(|image| end.eq_ignore_ascii_case(image))
    });
    let reason = match is_image {
        true => "no source; `ringfence scan` examines drivers",
        false => "neither C, C++ or Rust nor a file that builds them",
    };
    Unread { path, reason: reason.to_owned() }
}

/// The path of a file that was found, as the tree has it.
fn absolute(name: &str) -> Option<String> {
    std::path::absolute(name).ok()?.into_os_string().into_string().ok()
}

fn read(found: Result<Source, Unreadable>) -> Result<(String, Option<SourceText>), Unread> {
    let source =
        found.map_err(|reason| Unread { path: reason.name.clone(), reason: reason.to_string() })?;
    let name = source.name();
    if FileKind::of(&name).is_none() {
        return Ok((name, None));
    }
    let fail = |reason: String| Unread { path: name.clone(), reason };
    if source.path().is_some_and(|path| path.to_str().is_none()) {
        return Err(fail("its name is not in UTF-8, so it is not looked at".to_owned()));
    }
    let bytes = read_source(Path::new(&name)).map_err(|reason| fail(reason.to_string()))?;
    let text = SourceText::decode(&bytes).map_err(|reason| fail(reason.to_string()))?;
    Ok((absolute(&name).unwrap_or(name), Some(text)))
}
