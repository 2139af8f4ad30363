//! Files that come into being whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// A file that is written beside the place it goes to. What is there stays until all of the new is written, as it
/// may be the report of an earlier run that somebody still needs. A draft that is dropped leaves nothing.
#[derive(Debug)]
pub struct Draft {
    /// Where it is written, and where it goes to; none where it is written there at once.
    moves: Option<(PathBuf, PathBuf)>,
}

impl Draft {
    /// A draft of the report `path`, and what to write it to. Where a file cannot be written beside it, the report
    /// goes there at once.
    ///
    /// # Errors
    ///
    /// What the system says, or that the folder is missing.
    pub fn of(path: &Path) -> io::Result<(Draft, Box<dyn Write>)> {
        let missing = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        if let Some(folder) = missing.filter(|folder| !folder.is_dir()) {
            let what = format!("there is no folder {}", folder.display());
            return Err(io::Error::new(io::ErrorKind::NotFound, what));
        }
        // A link stays one. A pipe or a device takes what comes as it comes.
        let place = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        if place.exists() && !place.is_file() {
            return Ok((Draft { moves: None }, buffered(File::create(&place)?)));
        }
        match Draft::beside(&place, OpenOptions::new().write(true)) {
            Ok((draft, file)) => Ok((draft, buffered(file))),
            // The file may be ours to write though the folder is not.
            Err(_) => Ok((Draft { moves: None }, buffered(File::create(&place)?))),
        }
    }

    /// A draft of the file `place`, which is no link, opened with `options` in the same folder.
    pub(crate) fn beside(place: &Path, options: &mut OpenOptions) -> io::Result<(Draft, File)> {
        let mut taken = io::ErrorKind::AlreadyExists.into();
        for number in 0..MOST_LEFT_BEHIND {
            let beside = beside(place, number);
            match options.create_new(true).open(&beside) {
                Ok(file) => return Ok((Draft { moves: Some((beside, place.to_owned())) }, file)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => taken = error,
                Err(error) => return Err(error),
            }
        }
        Err(taken)
    }

    /// Puts it where it goes to.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn place(mut self) -> io::Result<()> {
        match self.moves.take() {
            Some((from, to)) => {
                fs::rename(&from, &to).inspect_err(|_| drop(fs::remove_file(&from)))
            }
            None => Ok(()),
        }
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if let Some((from, _)) = &self.moves {
            let _ = fs::remove_file(from);
        }
    }
}

fn buffered(file: File) -> Box<dyn Write> {
    Box::new(BufWriter::with_capacity(1 << 16, file))
}

/// How many drafts of a file may lie there that runs were stopped at. In a container every run has the same number.
const MOST_LEFT_BEHIND: u32 = 100;

/// A name that no other run uses, in the same folder: moving it from there is one step.
fn beside(place: &Path, number: u32) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(place.file_name().unwrap_or_default());
    name.push(format!(".{}-{number}.part", std::process::id()));
    place.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn what_is_there_stays_until_the_new_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.json");
        fs::write(&path, "old").unwrap();
        let (draft, mut out) = Draft::of(&path).unwrap();
        out.write_all(b"new").unwrap();
        drop(out);
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        draft.place().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(names(folder.path()), ["report.json"]);
    }

    #[test]
    fn one_that_is_given_up_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        drop(Draft::of(&folder.path().join("report.json")).unwrap());
        assert_eq!(names(folder.path()), [""; 0]);
    }

    #[test]
    fn one_that_another_run_left_behind_is_no_hindrance() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.c");
        fs::write(beside(&path, 0), "left").unwrap();
        let (draft, mut file) = Draft::beside(&path, OpenOptions::new().write(true)).unwrap();
        file.write_all(b"new").unwrap();
        draft.place().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(fs::read_to_string(beside(&path, 0)).unwrap(), "left");
    }

    #[test]
    fn a_missing_folder_is_named() {
        let error = Draft::of(Path::new("no/such/folder/x.html")).err().unwrap();
        assert_eq!(error.to_string(), "there is no folder no/such/folder");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_one() {
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("real"), folder.path().join("link"));
        fs::write(&real, "old").unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        let (draft, mut out) = Draft::of(&link).unwrap();
        out.write_all(b"new").unwrap();
        drop(out);
        draft.place().unwrap();
        assert_eq!(fs::read_to_string(&real).unwrap(), "new");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    }
}
