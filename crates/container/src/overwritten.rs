//! What a file holds that is about to be written over.

use std::fs::File;
use std::io::Read;
use std::path::Path;

/// What the file at `path` is, if losing it would hurt: a program or driver, or a debug file. None for anything
/// else, and for what is not there or cannot be read.
pub fn kept_from_overwriting(path: &Path) -> Option<&'static str> {
    if !path.is_file() {
        return None;
    }
    let mut start = Vec::new();
    File::open(path).ok()?.take(24).read_to_end(&mut start).ok()?;
    match &start[..] {
        [b'M', b'Z', ..] => Some("a program or driver"),
        start if start.starts_with(b"Microsoft C/C++") => Some("a debug file"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drivers_and_debug_files_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let says = |bytes: &[u8]| {
            let path = folder.path().join("file");
            std::fs::write(&path, bytes).unwrap();
            kept_from_overwriting(&path)
        };
        assert_eq!(says(b"MZ\x90\0"), Some("a program or driver"));
        assert_eq!(says(b"Microsoft C/C++ MSF 7.00\r\n\x1aDS"), Some("a debug file"));
        assert_eq!(says(b"{\"drivers\": []}"), None);
        assert_eq!(says(b""), None);
        assert_eq!(kept_from_overwriting(&folder.path().join("none")), None);
        assert_eq!(kept_from_overwriting(folder.path()), None);
    }
}
