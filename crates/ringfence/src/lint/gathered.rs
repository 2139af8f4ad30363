//! The files that are looked at: those that were asked for, and those that they belong to.

use rayon::prelude::*;
use ringfence_container::{
    Input, Source, Unreadable, above, expand_sources, linked_twice, read_source,
};
use ringfence_finding::Unread;
use ringfence_source::{FileId, FileKind, SourceText, SourceTree, added_folders, imports};
use std::collections::{BTreeSet, HashSet};
use std::path::{Component, Path, PathBuf};

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
/// What CMake calls the file of a folder.
const LIST: &str = "CMakeLists.txt";
/// How many folders upward an import leads at most, and how many files import one another.
const HIGHEST_IMPORT: usize = 8;
const DEEPEST_IMPORT: usize = 8;
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
    let folders = gathered.folders(inputs);
    for folder in &folders {
        let above = above(folder, is_build, &FOR_FOLDERS);
        along.extend(above.building);
        for_folders.extend(above.named);
    }
    let starts: BTreeSet<PathBuf> = folders.iter().chain(&along).cloned().collect();
    let inputs: Vec<Input> = along.into_iter().chain(for_folders).map(Input::Path).collect();
    gathered.read(&inputs, false);
    gathered.read_adding(&starts);
    gathered.read_imports();
    gathered
}

/// The file that an import means, told from the folder of the file that has it: one that others import, above that folder
/// and no farther than what lies above a folder is looked at.
fn imported(folder: &Path, path: &str) -> Option<PathBuf> {
    let mut whole = folder.to_owned();
    let mut upward = 0;
    for part in Path::new(path).components() {
        match part {
            Component::ParentDir => {
                upward += 1;
                // A repository ends there.
                if upward > HIGHEST_IMPORT || whole.join(".git").exists() || !whole.pop() {
                    return None;
                }
            }
            Component::Normal(name) => whole.push(name),
            Component::CurDir => {}
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    let is_import = has_extension(whole.to_str()?, &["props", "targets", "vcxitems", "inc"]);
    (is_import && whole.is_file()).then_some(whole)
}

/// Whether a `CMakeLists.txt` may add one of the folders in `added`. What variables say is not known here.
fn adds(list: &Path, added: &HashSet<String>) -> bool {
    let Some(folder) = list.parent() else { return false };
    let text = read_source(list).ok().and_then(|bytes| SourceText::decode(bytes).ok());
    let Some(text) = text else { return false };
    let below = format!("{}/", compared(folder));
    let may_be = |path: &String| match path.rsplit_once('}') {
        Some((_, rest)) => added.iter().any(|one| {
            one.starts_with(&below) && one.ends_with(&rest.trim_end_matches('/').to_lowercase())
        }),
        None => added.contains(&compared(&folder.join(path))),
    };
    added_folders(text.as_str()).iter().any(may_be)
}

/// A path as Windows compares it, without dots.
fn compared(path: &Path) -> String {
    let mut whole = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(whole.pop()),
            Component::CurDir => {}
            part => whole.push(part),
        }
    }
    whole.to_string_lossy().replace('\\', "/").to_lowercase()
}

/// Whether a path ends with one of these, behind its last dot.
fn has_extension(path: &str, ends: &[&str]) -> bool {
    let own = Path::new(path).extension().and_then(|own| own.to_str());
    own.is_some_and(|own| ends.iter().any(|end| own.eq_ignore_ascii_case(end)))
}

/// Whether a file of this name says how what is in its folder is built.
fn is_build(name: &str) -> bool {
    // Files that others include say nothing by themselves.
    FileKind::of(name) == Some(FileKind::Project)
        && !name.to_ascii_lowercase().ends_with(".cmake")
        && !FOR_FOLDERS.iter().any(|other| name.eq_ignore_ascii_case(other))
}

impl Gathered {
    /// Reads each `CMakeLists.txt` above `folders` that adds what was read, or what adds that: it says how its folders are
    /// built. A repository ends at its top.
    fn read_adding(&mut self, folders: &BTreeSet<PathBuf>) {
        let lists = self.tree.files().filter_map(|(_, file)| {
            let path = Path::new(&file.path);
            let is_list = path.file_name()?.to_str()?.eq_ignore_ascii_case(LIST);
            is_list.then(|| compared(path.parent().unwrap_or(path)))
        });
        let mut added: HashSet<String> = lists.collect();
        if added.is_empty() {
            return;
        }
        let mut adding: BTreeSet<PathBuf> = BTreeSet::new();
        for folder in folders {
            for pair in folder.ancestors().take(HIGHEST_IMPORT + 1).collect::<Vec<_>>().windows(2) {
                if pair[0].join(".git").exists() {
                    break;
                }
                let (list, own) = (pair[1].join(LIST), compared(pair[1]));
                if !added.contains(&own) && adds(&list, &added) {
                    added.insert(own);
                    adding.insert(list);
                }
            }
        }
        self.read(&adding.into_iter().map(Input::Path).collect::<Vec<_>>(), false);
    }

    /// Reads what project files import from elsewhere, level by level.
    fn read_imports(&mut self) {
        let mut fresh: Vec<FileId> = self.tree.files().map(|(file, _)| file).collect();
        for _ in 0..DEEPEST_IMPORT {
            // What `sources` files include is often named as headers of assemblers are.
            let may_import = |file: &FileId| {
                let file = self.tree.file(*file);
                file.kind == FileKind::Project || has_extension(&file.path, &["inc"])
            };
            let imports = fresh.into_iter().filter(may_import).flat_map(|file| {
                let folder = Path::new(&self.tree.file(file).path).parent().map(Path::to_owned);
                let folder = folder.unwrap_or_default();
                imports(&self.tree, file)
                    .into_iter()
                    .filter_map(move |path| imported(&folder, &path))
            });
            let is_new =
                |path: &PathBuf| path.to_str().is_some_and(|path| self.tree.at(path).is_none());
            let paths: BTreeSet<PathBuf> = imports.filter(is_new).take(MOST_ALONG).collect();
            if paths.is_empty() {
                break;
            }
            let before = self.tree.files().count();
            self.read(&paths.into_iter().map(Input::Path).collect::<Vec<_>>(), false);
            fresh = self.tree.files().map(|(file, _)| file).skip(before).collect();
        }
    }

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
    let text = SourceText::decode(bytes).map_err(|reason| fail(reason.to_string()))?;
    Ok((absolute(&name).unwrap_or(name), Some(text)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// Which files are read along for a folder of a repository, told from its top.
    fn along(files: &[(&str, &str)], asked: &str) -> Vec<String> {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let gathered = gather(&[Input::Path(root.path().join(asked))]);
        let files = gathered.tree.files().filter(|(file, _)| !gathered.asked.contains(file));
        let from_top = |path: &str| {
            let path = Path::new(path).strip_prefix(root.path()).unwrap();
            path.to_string_lossy().replace('\\', "/")
        };
        let mut all: Vec<String> = files.map(|(_, file)| from_top(&file.path)).collect();
        all.sort();
        all
    }

    #[test]
    fn what_projects_import_from_above_is_read_along() {
        let project = r#"<Project><Import Project="..\..\build\common.props"/>
            <Import Project="..\..\..\outside.props"/><Import Project="..\x.c"/></Project>"#;
        let files = [
            ("outside.props", "<Project/>"),
            ("repository/.git/HEAD", ""),
            (
                "repository/build/common.props",
                r#"<Project><Import Project="deep/more.props"/></Project>"#,
            ),
            (
                "repository/build/deep/more.props",
                r#"<Project><Import Project="../common.props"/></Project>"#,
            ),
            ("repository/build/other.props", "<Project/>"),
            ("repository/drivers/x.c", ""),
            ("repository/drivers/one/one.vcxproj", project),
        ];
        let found = along(&files, "repository/drivers/one");
        assert_eq!(found, ["repository/build/common.props", "repository/build/deep/more.props"]);
    }

    #[test]
    fn what_adds_a_folder_of_cmake_is_read_along() {
        let files = [
            ("CMakeLists.txt", "add_subdirectory(repository)"),
            ("repository/.git/HEAD", ""),
            (
                "repository/CMakeLists.txt",
                "foreach(x drivers)\nadd_subdirectory(${x})\nendforeach()",
            ),
            ("repository/drivers/CMakeLists.txt", "add_subdirectory(./one/driver)"),
            (
                "repository/drivers/one/CMakeLists.txt",
                "add_subdirectory(other)\nadd_subdirectory(${x}/test)",
            ),
            ("repository/drivers/one/driver/CMakeLists.txt", "add_library(one a.c)"),
            ("repository/drivers/one/driver/source/a.c", ""),
        ];
        let above = ["repository/CMakeLists.txt", "repository/drivers/CMakeLists.txt"];
        let own = "repository/drivers/one/driver/CMakeLists.txt";
        assert_eq!(along(&files, "repository/drivers/one/driver"), above);
        let mut all = above.to_vec();
        all.push(own);
        assert_eq!(along(&files, "repository/drivers/one/driver/source/a.c"), all);
    }

    #[test]
    fn what_sources_files_include_from_above_is_read_along() {
        let files = [
            ("driver/sources", "!include ..\\nx.inc\n!include ..\\gone.inc\nSOURCES=a.c\n"),
            ("driver/a.c", "#include \"../other.h\"\n"),
            ("nx.inc", "!INCLUDE build\\all.inc\n"),
            ("build/all.inc", "C_DEFINES=-DPOOL_NX_OPTIN_AUTO=1\n"),
            ("other.h", ""),
        ];
        assert_eq!(along(&files, "driver"), ["build/all.inc", "nx.inc"]);
    }
}
