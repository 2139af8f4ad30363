//! The beginning of a file, for files that are small, or whose beginning says enough.

use crate::folder::{Unreadable, UnreadableReason};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

/// What a file begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Whether that is all of it.
    pub is_whole: bool,
}

/// The first bytes of the file `path`, at most `most`.
///
/// # Errors
///
/// Where it is missing, no file, or cannot be read.
pub fn read_head(path: &Path, most: usize) -> Result<Head, Unreadable> {
    let read = || -> Result<Head, UnreadableReason> {
        let found = fs::metadata(path)?;
        if found.is_dir() {
            return Err(UnreadableReason::AFolder);
        }
        // Opening a pipe might never end.
        if !found.is_file() {
            return Err(UnreadableReason::NotAFile);
        }
        Ok(head_of(File::open(path)?, most)?)
    };
    read().map_err(|reason| Unreadable { name: path.to_string_lossy().into_owned(), reason })
}

/// The first bytes of what `reader` gives, at most `most`: of standard input, say.
///
/// # Errors
///
/// Those of the reader.
pub fn head_of(reader: impl Read, most: usize) -> io::Result<Head> {
    let mut bytes = Vec::new();
    reader.take(most as u64 + 1).read_to_end(&mut bytes)?;
    let is_whole = bytes.len() <= most;
    bytes.truncate(most);
    Ok(Head { bytes, is_whole })
}

impl Unreadable {
    /// Whether there is no such file.
    pub fn is_missing(&self) -> bool {
        matches!(&self.reason, UnreadableReason::System(error) if error.kind() == io::ErrorKind::NotFound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_read_than_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, b"12345").unwrap();
        let head = |most| read_head(&path, most).unwrap();
        assert_eq!(head(4), Head { bytes: b"1234".to_vec(), is_whole: false });
        assert_eq!(head(5), Head { bytes: b"12345".to_vec(), is_whole: true });
        assert_eq!(head(0), Head { bytes: Vec::new(), is_whole: false });
    }

    #[test]
    fn what_is_no_file_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let missing = read_head(&folder.path().join("gone"), 9).unwrap_err();
        assert!(missing.is_missing());
        let is_folder = read_head(folder.path(), 9).unwrap_err();
        assert!(!is_folder.is_missing());
        assert_eq!(is_folder.to_string(), "a folder, not a file");
    }
}
