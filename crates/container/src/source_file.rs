//! Source and project files.

use crate::folder::{Unreadable, UnreadableReason};
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

/// The largest source or project file that is read, in bytes. Generated code beyond it is no driver's.
pub const LARGEST_SOURCE: u64 = 16 << 20;

/// The bytes of the source or project file `path`.
///
/// # Errors
///
/// Where it is missing, too large, or no file.
pub fn read_source(path: &Path) -> Result<Vec<u8>, Unreadable> {
    read(path).map_err(|reason| Unreadable { name: path.to_string_lossy().into_owned(), reason })
}

pub(crate) fn read(path: &Path) -> Result<Vec<u8>, UnreadableReason> {
    // Opening a pipe would wait for someone who writes to it.
    let length = match fs::metadata(path)? {
        folder if folder.is_dir() => return Err(UnreadableReason::AFolder),
        other if !other.is_file() => return Err(UnreadableReason::NotAFile),
        large if large.len() > LARGEST_SOURCE => {
            return Err(UnreadableReason::TooLargeSource(large.len()));
        }
        other => other.len(),
    };
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or_default() + 1);
    File::open(path)?.take(LARGEST_SOURCE + 1).read_to_end(&mut bytes)?;
    match bytes.len() as u64 {
        grown if grown > LARGEST_SOURCE => Err(UnreadableReason::TooLargeSource(grown)),
        _ => Ok(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_read_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.c");
        fs::write(&path, b"\xFF\xFEi\0\r\0\n\0").unwrap();
        assert_eq!(read_source(&path).unwrap(), b"\xFF\xFEi\0\r\0\n\0");
    }

    #[test]
    fn what_is_no_source_file_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let why = |name: &str| read_source(&folder.path().join(name)).unwrap_err().to_string();
        assert_eq!(why("gone.c"), "no such file or directory");
        assert_eq!(why("."), "a folder, not a file");
        let sparse = File::create(folder.path().join("large.c")).unwrap();
        sparse.set_len(LARGEST_SOURCE).unwrap();
        assert!(read_source(&folder.path().join("large.c")).is_ok());
        sparse.set_len(LARGEST_SOURCE + 1).unwrap();
        let large = "larger than any source file: at least 16777217 bytes, the limit is 16777216";
        assert_eq!(why("large.c"), large);
    }

    /// It would wait for ever, or never end.
    #[cfg(unix)]
    #[test]
    fn devices_are_not_read() {
        let why = read_source(Path::new("/dev/zero")).unwrap_err();
        assert_eq!(why.to_string(), "neither a file nor a folder");
    }
}
