//! Reports of earlier runs.

use crate::folder::{Unreadable, UnreadableReason};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The largest report that is read, in bytes; one of 50,000 drivers has half of it. It is never in memory as a
/// whole.
pub const LARGEST_REPORT: u64 = 1 << 31;

/// Opens the report `path`. What comes behind [`LARGEST_REPORT`] is cut off.
///
/// # Errors
///
/// Where it is missing, too large, or no file.
pub fn open_report(path: &Path) -> Result<impl Read + use<>, Unreadable> {
    let fail = |reason| Unreadable { name: path.to_string_lossy().into_owned(), reason };
    let file = File::open(path).map_err(|error| fail(error.into()))?;
    let metadata = file.metadata().map_err(|error| fail(error.into()))?;
    if metadata.is_dir() {
        return Err(fail(UnreadableReason::AFolder));
    }
    if metadata.len() > LARGEST_REPORT {
        return Err(fail(UnreadableReason::TooLargeReport(metadata.len())));
    }
    Ok(file.take(LARGEST_REPORT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_report_file_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let why = |name: &str| match open_report(&folder.path().join(name)) {
            Ok(_) => panic!("{name} is read"),
            Err(unreadable) => unreadable.to_string(),
        };
        assert_eq!(why("gone.json"), "no such file or directory");
        assert_eq!(why("."), "a folder, not a file");
        let sparse = File::create(folder.path().join("large")).unwrap();
        sparse.set_len(LARGEST_REPORT + 1).unwrap();
        assert!(why("large").starts_with("too large for a report: 2147483649 bytes"));
    }

    #[test]
    fn a_report_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("old.json");
        std::fs::write(&path, "{}").unwrap();
        let mut text = String::new();
        open_report(&path).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "{}");
    }
}
