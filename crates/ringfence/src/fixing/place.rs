//! From where the paths of differences are told.
//!
//! Neither `git apply` nor `patch` takes a path that leads up, or one from the root.

use super::plan::Plan;
use super::unified::UnifiedDiff;
use ringfence_container::plain;
use ringfence_source::FileId;
use std::path::{Path, PathBuf};

/// The folder from which the paths of differences are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    folder: PathBuf,
    is_here: bool,
}

impl Place {
    /// The folder where the differences are to be applied, where that is not the working directory.
    pub fn elsewhere(&self) -> Option<&str> {
        if self.is_here { None } else { self.folder.to_str() }
    }

    /// The folder of `files`: `here` if all are below it, else the deepest that has them all.
    fn of(here: PathBuf, files: &[PathBuf]) -> Place {
        if files.iter().all(|file| file.starts_with(&here)) {
            return Place { folder: here, is_here: true };
        }
        let mut folders = files.iter().filter_map(|file| file.parent());
        let mut common = folders.next().unwrap_or(&here).to_owned();
        for folder in folders {
            while !folder.starts_with(&common) && common.pop() {}
        }
        Place { folder: common, is_here: false }
    }
}

impl Plan<'_> {
    /// From where the paths of its differences are told: from the working directory, or from a folder above where a
    /// file that changes is not below that.
    pub fn place(&self) -> Place {
        let here = plain(Path::new("")).unwrap_or_default();
        let files: Vec<PathBuf> = self.files().filter_map(|file| self.path(file)).collect();
        Place::of(here, &files)
    }

    /// What changes in `file`, whose path is told from `place` on.
    pub fn diff_from(&self, file: FileId, place: &Place) -> UnifiedDiff {
        let path = self.path(file);
        let below =
            path.as_deref().and_then(|path| path.strip_prefix(&place.folder).ok()?.to_str());
        let name = below.unwrap_or(self.tree().name(file));
        UnifiedDiff::new(name, &self.tree().file(file).text, self.edits_of(file))
    }

    fn path(&self, file: FileId) -> Option<PathBuf> {
        plain(Path::new(&self.tree().file(file).path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_files_are_below_the_place() {
        let of = |here: &str, files: &[&str]| {
            let files: Vec<PathBuf> = files.iter().map(PathBuf::from).collect();
            let place = Place::of(PathBuf::from(here), &files);
            (place.folder.to_str().unwrap().to_owned(), place.is_here)
        };
        assert_eq!(of("/w/here", &["/w/here/a.c", "/w/here/b/c.c"]), ("/w/here".to_owned(), true));
        assert_eq!(of("/w/here", &["/w/here/a.c", "/w/x/b.c"]), ("/w".to_owned(), false));
        assert_eq!(of("/w/here", &["/w/hereafter/a.c"]), ("/w/hereafter".to_owned(), false));
        assert_eq!(of("/w/here", &["/a/b.c", "/c/d.c"]), ("/".to_owned(), false));
    }
}
