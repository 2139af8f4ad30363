//! Files that are written anew, such as a source that is fixed.

use crate::draft::Draft;
use crate::folder::{UnreadableReason, describe};
use crate::source_file::read;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Why a file is not replaced.
#[derive(Debug, thiserror::Error)]
pub enum NotReplaced {
    /// It is no longer what was read.
    #[error("it has changed since it was read")]
    Changed,
    /// It must not be written.
    #[error("it is read-only")]
    ReadOnly,
    /// It belongs to another user or group, and a new file would not.
    #[error("it belongs to another user, and a file written anew would not")]
    OfAnother,
    /// It cannot be compared with what was read.
    #[error("it cannot be read again: {0}")]
    Unreadable(UnreadableReason),
    /// The system does not write it.
    #[error("it cannot be written: {}", describe(.0))]
    NotWritten(io::Error),
}

/// The new content of a file, written beside it and not yet in its place. One that is dropped leaves nothing.
#[derive(Debug)]
pub struct Replacement {
    draft: Draft,
    /// The file itself, however it was named.
    place: PathBuf,
}

impl Replacement {
    /// Writes `new` beside the file `path`, if that still is as `expected`. A link is followed to its file.
    ///
    /// # Errors
    ///
    /// Where the file has changed, is read-only, or cannot be written. Then nothing was written. Whose permission
    /// bits forbid its owner to write is read-only for everybody, for one who could write to anything too.
    pub fn prepare(path: &Path, expected: &[u8], new: &[u8]) -> Result<Replacement, NotReplaced> {
        let unreadable = |error: io::Error| NotReplaced::Unreadable(error.into());
        let place = fs::canonicalize(path).map_err(unreadable)?;
        unchanged(&place, expected)?;
        let old = fs::metadata(&place).map_err(unreadable)?;
        if is_read_only(&old) {
            return Err(NotReplaced::ReadOnly);
        }
        // It is moved over, not written to, which the system would allow to whom the folder belongs.
        OpenOptions::new().write(true).open(&place).map_err(not_written)?;
        let (draft, mut file) =
            Draft::beside(&place, &mut for_us_alone()).map_err(NotReplaced::NotWritten)?;
        keep_owner(&file, &old)?;
        let written = file.write_all(new).and_then(|()| file.set_permissions(old.permissions()));
        written.and_then(|()| file.sync_all()).map_err(NotReplaced::NotWritten)?;
        Ok(Replacement { draft, place })
    }

    /// Puts it in the place of the file, if that still is as `expected`.
    ///
    /// # Errors
    ///
    /// Where it is not, or the system refuses. Then the file is as it was.
    pub fn place(self, expected: &[u8]) -> Result<(), NotReplaced> {
        unchanged(&self.place, expected)?;
        self.draft.place().map_err(NotReplaced::NotWritten)
    }
}

/// Gives the file `path` the content `new`, if it still is as `expected`: all of it or nothing.
///
/// A link stays one, and its file is replaced. Permissions and owner stay; access lists and other attributes
/// are those of a new file. It *is* a new file: further names of the old one (hard links) keep the old content. Who
/// writes to it in the very moment of the replacement loses what they wrote.
///
/// # Errors
///
/// As for [`Replacement::prepare`].
pub fn replace_file(path: &Path, expected: &[u8], new: &[u8]) -> Result<(), NotReplaced> {
    Replacement::prepare(path, expected, new)?.place(expected)
}

fn unchanged(place: &Path, expected: &[u8]) -> Result<(), NotReplaced> {
    match read(place) {
        Ok(found) if found == expected => Ok(()),
        // It was smaller when it was read.
        Ok(_) | Err(UnreadableReason::TooLargeSource(_)) => Err(NotReplaced::Changed),
        Err(reason) => Err(NotReplaced::Unreadable(reason)),
    }
}

fn not_written(error: io::Error) -> NotReplaced {
    match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            NotReplaced::ReadOnly
        }
        _ => NotReplaced::NotWritten(error),
    }
}

#[cfg(unix)]
fn is_read_only(file: &Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    const OWNER_WRITES: u32 = 0o200;
    file.permissions().mode() & OWNER_WRITES == 0
}

#[cfg(not(unix))]
fn is_read_only(file: &Metadata) -> bool {
    file.permissions().readonly()
}

/// Nobody else may read it before it has the permissions of the old.
#[cfg(unix)]
fn for_us_alone() -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    options
}

#[cfg(not(unix))]
fn for_us_alone() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    options
}

#[cfg(unix)]
fn keep_owner(file: &File, old: &Metadata) -> Result<(), NotReplaced> {
    use std::os::unix::fs::{MetadataExt, fchown};
    let new = file.metadata().map_err(NotReplaced::NotWritten)?;
    if (new.uid(), new.gid()) == (old.uid(), old.gid()) {
        return Ok(());
    }
    fchown(file, Some(old.uid()), Some(old.gid())).map_err(|_| NotReplaced::OfAnother)
}

#[cfg(not(unix))]
fn keep_owner(_: &File, _: &Metadata) -> Result<(), NotReplaced> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    fn with(content: &[u8]) -> (TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.c");
        fs::write(&path, content).unwrap();
        (folder, path)
    }

    fn names(folder: &TempDir) -> Vec<String> {
        let entries = fs::read_dir(folder.path()).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    fn why(path: &Path, expected: &[u8]) -> String {
        replace_file(path, expected, b"new").unwrap_err().to_string()
    }

    #[test]
    fn the_file_has_the_new_content_and_nothing_lies_beside_it() {
        let (folder, path) = with(b"old");
        replace_file(&path, b"old", b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(names(&folder), ["a.c"]);
    }

    #[test]
    fn what_somebody_changed_meanwhile_stays() {
        let (folder, path) = with(b"theirs");
        assert_eq!(why(&path, b"old"), "it has changed since it was read");
        let late = Replacement::prepare(&path, b"theirs", b"new").unwrap();
        fs::write(&path, b"later").unwrap();
        assert!(matches!(late.place(b"theirs"), Err(NotReplaced::Changed)));
        assert_eq!(fs::read(&path).unwrap(), b"later");
        assert_eq!(names(&folder), ["a.c"]);
    }

    #[test]
    fn one_that_is_given_up_leaves_nothing() {
        let (folder, path) = with(b"old");
        let prepared = Replacement::prepare(&path, b"old", b"new").unwrap();
        assert_eq!(names(&folder).len(), 2);
        drop(prepared);
        assert_eq!(names(&folder), ["a.c"]);
        assert_eq!(fs::read(&path).unwrap(), b"old");
    }

    #[test]
    fn read_only_files_stay() {
        let (folder, path) = with(b"old");
        let mut permissions = fs::metadata(&path).unwrap().permissions();
        permissions.set_readonly(true);
        fs::set_permissions(&path, permissions).unwrap();
        assert_eq!(why(&path, b"old"), "it is read-only");
        assert_eq!(names(&folder), ["a.c"]);
        assert_eq!(fs::read(&path).unwrap(), b"old");
    }

    #[test]
    fn what_is_no_file_is_told() {
        let (folder, path) = with(b"old");
        assert_eq!(why(folder.path(), b""), "it cannot be read again: a folder, not a file");
        fs::remove_file(&path).unwrap();
        assert_eq!(why(&path, b"old"), "it cannot be read again: no such file or directory");
    }

    #[cfg(unix)]
    #[test]
    fn permissions_stay() {
        use std::os::unix::fs::PermissionsExt;
        for mode in [0o600, 0o664, 0o755] {
            let (_folder, path) = with(b"old");
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            replace_file(&path, b"old", b"new").unwrap();
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, mode);
        }
        let (_folder, path) = with(b"old");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o466)).unwrap();
        assert_eq!(why(&path, b"old"), "it is read-only");
    }

    /// Only who may give files away can try it.
    #[cfg(unix)]
    #[test]
    fn the_owner_stays() {
        use std::os::unix::fs::{MetadataExt, chown};
        let (_folder, path) = with(b"old");
        if chown(&path, Some(1234), Some(4321)).is_ok() {
            replace_file(&path, b"old", b"new").unwrap();
            let new = fs::metadata(&path).unwrap();
            assert_eq!((new.uid(), new.gid()), (1234, 4321));
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_one_and_its_file_is_replaced() {
        let (folder, path) = with(b"old");
        let link = folder.path().join("link.c");
        std::os::unix::fs::symlink("a.c", &link).unwrap();
        replace_file(&link, b"old", b"new").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&path).unwrap(), b"new");
    }

    #[cfg(unix)]
    #[test]
    fn other_names_of_the_file_keep_the_old_content() {
        let (folder, path) = with(b"old");
        let other = folder.path().join("other.c");
        fs::hard_link(&path, &other).unwrap();
        replace_file(&path, b"old", b"new").unwrap();
        assert_eq!(fs::read(&other).unwrap(), b"old");
    }
}
