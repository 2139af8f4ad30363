//! The files that are looked at together.

use crate::SourceText;
use std::collections::HashMap;
use std::ops::Range;

/// One of the files of a [`SourceTree`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub(crate) u32);

impl FileId {
    /// Of text that stands in no file.
    pub(crate) const NONE: FileId = FileId(u32::MAX);
}

/// A part of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The file.
    pub file: FileId,
    /// The first byte, in the decoded text.
    pub start: u32,
    /// The byte behind the end.
    pub end: u32,
}

impl Span {
    /// A part of `file`.
    pub fn new(file: FileId, range: Range<usize>) -> Span {
        let number = |of: usize| u32::try_from(of).unwrap_or(u32::MAX);
        Span { file, start: number(range.start), end: number(range.end) }
    }

    /// Its bytes.
    pub fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// A file of source or of a project.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// The name it is reported under; also how includes and projects find it, with `/` between its parts.
    pub path: String,
    /// Its text.
    pub text: SourceText,
    /// What it is.
    pub kind: FileKind,
}

/// What a file is, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FileKind {
    /// C.
    C,
    /// C++.
    Cpp,
    /// A header of either.
    Header,
    /// Rust.
    Rust,
    /// Settings of a build: `.vcxproj`, `.props`, `sources`, `CMakeLists.txt`, `.cmake`, `compile_commands.json`, `.rsp`
    /// and the like.
    Project,
}

impl FileKind {
    /// What a file of this name is; none for what is not looked at.
    pub fn of(path: &str) -> Option<FileKind> {
        let name = path.rsplit(['/', '\\']).next()?.to_ascii_lowercase();
        if matches!(
            &*name,
            "sources" | "sources.inc" | "cmakelists.txt" | "compile_commands.json" | "dirs"
        ) {
            return Some(FileKind::Project);
        }
        match name.rsplit_once('.')?.1 {
            "c" => Some(FileKind::C),
            "cpp" | "cc" | "cxx" | "c++" => Some(FileKind::Cpp),
            "h" | "hpp" | "hh" | "hxx" | "inl" | "inc" => Some(FileKind::Header),
            "rs" => Some(FileKind::Rust),
            "vcxproj" | "vcxitems" | "props" | "targets" | "vcproj" | "rsp" | "cmake" => {
                Some(FileKind::Project)
            }
            _ => None,
        }
    }
}

/// The files that are looked at together: what includes and projects name is looked for among them.
#[derive(Clone, Debug, Default)]
pub struct SourceTree {
    files: Vec<SourceFile>,
    /// The path of each, as Windows compares it.
    keys: Vec<String>,
    by_path: HashMap<String, FileId>,
    by_name: HashMap<String, Vec<FileId>>,
    /// The folder that names are told from; empty where they are told as they are.
    base: String,
}

impl SourceTree {
    /// A tree of files with absolute paths, whose names are told from the folder `base` on where they are below it.
    pub fn below(base: &str) -> SourceTree {
        SourceTree { base: base.trim_end_matches(['/', '\\']).to_owned(), ..SourceTree::default() }
    }

    /// The name that a file is told by.
    pub fn name(&self, id: FileId) -> &str {
        let path = &*self.file(id).path;
        let below = path.strip_prefix(&*self.base).filter(|_| !self.base.is_empty());
        below.and_then(|rest| rest.strip_prefix(['/', '\\'])).unwrap_or(path)
    }

    /// Adds a file, or gives it a new text where it is known.
    pub fn add(&mut self, path: &str, text: SourceText) -> Option<FileId> {
        let kind = FileKind::of(path)?;
        let key = normal(path);
        if let Some(&known) = self.by_path.get(&key) {
            self.files[known.0 as usize].text = text;
            return Some(known);
        }
        let id = FileId(u32::try_from(self.files.len()).ok()?);
        let name = key.rsplit('/').next().unwrap_or(&key).to_owned();
        self.by_name.entry(name).or_default().push(id);
        self.by_path.insert(key.clone(), id);
        self.keys.push(key);
        self.files.push(SourceFile { path: path.to_owned(), text, kind });
        Some(id)
    }

    /// Lets a file be found at another path too, as links do.
    pub fn link(&mut self, path: &str, to: FileId) {
        self.by_path.entry(normal(path)).or_insert(to);
    }

    /// All files, in the order they were added.
    pub fn files(&self) -> impl Iterator<Item = (FileId, &SourceFile)> {
        (0..).map(FileId).zip(&self.files)
    }

    /// A file.
    pub fn file(&self, id: FileId) -> &SourceFile {
        &self.files[id.0 as usize]
    }

    /// The path of a file as Windows compares it: lower case, one kind of slash, no dots.
    pub(crate) fn key(&self, id: FileId) -> &str {
        &self.keys[id.0 as usize]
    }

    /// How many folders two files have in common, from the root on.
    pub(crate) fn nearness(&self, one: FileId, other: FileId) -> usize {
        let (one, other) = (self.key(one).as_bytes(), self.key(other).as_bytes());
        let same = one.iter().zip(other).take_while(|(one, other)| one == other).count();
        let is_end = |path: &[u8]| path.get(same).is_none_or(|next| *next == b'/');
        let slashes = memchr::memchr_iter(b'/', &one[..same]).count();
        slashes + usize::from(is_end(one) && is_end(other))
    }

    /// The text of a part of a file.
    pub fn text(&self, span: Span) -> &str {
        let file = self.files.get(span.file.0 as usize);
        file.and_then(|file| file.text.as_str().get(span.range())).unwrap_or_default()
    }

    /// The file at `path`, whatever slashes, dots and letter case it is written with; also by the name it is told by.
    pub fn at(&self, path: &str) -> Option<FileId> {
        let below = || self.by_path.get(&normal(&format!("{}/{path}", self.base)));
        let found = self.by_path.get(&normal(path));
        found.or_else(|| if self.base.is_empty() { None } else { below() }).copied()
    }

    /// The file whose path ends as `path` does for more parts than any other's, and for how many; none where that are
    /// several. What each comparison costs is to be afforded.
    pub(crate) fn ending(
        &self,
        path: &str,
        afford: impl Fn(u64) -> bool,
    ) -> Option<(FileId, usize)> {
        let path = normal(path);
        let name = path.rsplit('/').next()?;
        let (mut best, mut most, mut is_one) = (None, 0, false);
        for id in self.by_name.get(name)? {
            if !afford(path.len() as u64) {
                return None;
            }
            let both = path.rsplit('/').zip(self.key(*id).rsplit('/'));
            let same = both.take_while(|(one, other)| one == other).count();
            if same >= most {
                is_one = same > most;
                (best, most) = (Some(*id), same);
            }
        }
        best.filter(|_| is_one).map(|id| (id, most))
    }

    /// The file that `from` means by `written`: beside it, below one of `folders`, or else the only file of the tree
    /// whose path ends so; of several the one that shares most folders with `from`.
    pub fn included(&self, from: FileId, written: &str, folders: &[String]) -> Option<FileId> {
        let own = folder(&self.file(from).path);
        let beside = std::iter::once(own).chain(folders.iter().map(|folder| &**folder));
        for folder in beside {
            let path =
                if folder.is_empty() { written.to_owned() } else { format!("{folder}/{written}") };
            if let Some(found) = self.at(&path) {
                return Some(found);
            }
        }
        let written = normal(written);
        let name = written.rsplit('/').next()?;
        let tail: String =
            written.split('/').filter(|part| *part != "..").collect::<Vec<_>>().join("/");
        let ends = |id: &&FileId| {
            let rest = self.key(**id).strip_suffix(&*tail);
            rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
        };
        let here = folder(self.key(from));
        let near = |id: &&FileId| shared(self.key(**id), here);
        self.by_name.get(name)?.iter().filter(ends).rev().max_by_key(near).copied()
    }
}

/// The folder of a path; empty where it has none.
pub(crate) fn folder(path: &str) -> &str {
    path.rfind(['/', '\\']).map_or("", |at| &path[..at])
}

/// How many folders two paths begin with together.
fn shared(path: &str, other: &str) -> usize {
    path.split('/').zip(other.split('/')).take_while(|(one, two)| one == two).count()
}

/// A path as Windows compares it: lower case, one kind of slash, no dots.
pub(crate) fn normal(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split(['/', '\\']) {
        match part {
            "." => {}
            ".." if parts.last().is_some_and(|last| !last.is_empty() && *last != "..") => {
                parts.pop();
            }
            // The root is an empty part; others are doubled slashes.
            "" if !parts.is_empty() => {}
            part => parts.push(part),
        }
    }
    parts.join("/").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(paths: &[&str]) -> SourceTree {
        let mut tree = SourceTree::default();
        for path in paths {
            tree.add(path, SourceText::of("")).unwrap();
        }
        tree
    }

    fn included(tree: &SourceTree, from: &str, written: &str, folders: &[&str]) -> Option<String> {
        let folders: Vec<String> = folders.iter().map(|folder| (*folder).to_owned()).collect();
        let found = tree.included(tree.at(from).unwrap(), written, &folders)?;
        Some(tree.file(found).path.clone())
    }

    #[test]
    fn paths_are_compared_as_windows_does() {
        assert_eq!(normal(r".\Src\..\Inc\A.h"), "inc/a.h");
        assert_eq!(normal("../x//y.h"), "../x/y.h");
        assert_eq!(normal("/src/./a.c"), "/src/a.c");
    }

    #[test]
    fn files_are_near_by_whole_folders() {
        let tree = tree(&["a/b/c.c", "a/b/d.c", "a/bc/c.c", "a.c", "a.c/b.c", "b/b/c.c"]);
        let near =
            |one: &str, other: &str| tree.nearness(tree.at(one).unwrap(), tree.at(other).unwrap());
        for (one, other, folders) in [
            ("a/b/c.c", "a/b/d.c", 2),
            ("a/b/c.c", "a/bc/c.c", 1),
            ("a.c/b.c", "a.c", 1),
            ("a/b/c.c", "a/b/c.c", 3),
            ("a/b/c.c", "a.c", 0),
            ("a/b/c.c", "b/b/c.c", 0),
        ] {
            assert_eq!((near(one, other), near(other, one)), (folders, folders), "{one} {other}");
        }
    }

    #[test]
    fn an_include_is_beside_then_in_the_folders_then_anywhere() {
        let tree = tree(&["d/a.c", "d/a.h", "inc/a.h", "inc/b.h", "far/sub/c.h", "other/c.h"]);
        assert_eq!(included(&tree, "d/a.c", "A.H", &["inc"]).as_deref(), Some("d/a.h"));
        assert_eq!(included(&tree, "d/a.c", "b.h", &["inc"]).as_deref(), Some("inc/b.h"));
        assert_eq!(included(&tree, "d/a.c", r"sub\c.h", &[]).as_deref(), Some("far/sub/c.h"));
        assert_eq!(included(&tree, "d/a.c", "../inc/b.h", &[]).as_deref(), Some("inc/b.h"));
        assert_eq!(included(&tree, "d/a.c", "ntddk.h", &["inc"]), None);
    }

    #[test]
    fn a_link_leads_to_the_file() {
        let mut tree = tree(&["d/a.c", "common/x.h", "common/y.h"]);
        let [x, y] = ["common/x.h", "common/y.h"].map(|path| tree.at(path).unwrap());
        tree.link("d/x.h", x);
        tree.link("common/y.h", x);
        assert_eq!((tree.at("D/x.h"), tree.at("common/y.h")), (Some(x), Some(y)));
        assert_eq!(included(&tree, "d/a.c", "x.h", &[]).as_deref(), Some("common/x.h"));
        assert_eq!(tree.files().count(), 3);
    }

    #[test]
    fn a_file_is_what_its_name_says() {
        assert_eq!(FileKind::of("a/B.C"), Some(FileKind::C));
        assert_eq!(FileKind::of("x.hpp"), Some(FileKind::Header));
        assert_eq!(FileKind::of(r"drv\SOURCES"), Some(FileKind::Project));
        assert_eq!(FileKind::of("cmake/Options.cmake"), Some(FileKind::Project));
        assert_eq!(FileKind::of("x.sys"), None);
        assert_eq!(FileKind::of("Makefile"), None);
    }

    #[test]
    fn names_are_told_from_a_folder_on() {
        let mut tree = SourceTree::below("/home/x/");
        let own = tree.add("/home/x/d/a.c", SourceText::of("")).unwrap();
        let other = tree.add("/home/xy/b.c", SourceText::of("")).unwrap();
        assert_eq!((tree.name(own), tree.name(other)), ("d/a.c", "/home/xy/b.c"));
        assert_eq!(
            (tree.at("d/a.c"), tree.at("/home/xy/b.c"), tree.at("b.c")),
            (Some(own), Some(other), None)
        );
        assert_eq!(tree.at("d/../D/a.c"), Some(own));
    }
}
