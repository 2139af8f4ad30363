//! Between the addresses of editors and paths.

use lsp_types::Uri;
use std::path::{Path, PathBuf};

/// The path that `file:` addresses; none for anything else.
pub(super) fn path(uri: &Uri) -> Option<PathBuf> {
    let rest = uri.as_str().strip_prefix("file://")?;
    // A host is only the own one.
    let rest = rest.strip_prefix("localhost").unwrap_or(rest);
    let text = decoded(rest)?;
    let is_drive =
        matches!(text.as_bytes(), [b'/', drive, b':', ..] if drive.is_ascii_alphabetic());
    Some(PathBuf::from(if is_drive { &text[1..] } else { &text }))
}

fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digit = |byte: u8| char::from(byte).to_digit(16);
                let (high, low) = (digit(rest.next()?)?, digit(rest.next()?)?);
                u8::try_from(high * 16 + low).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

/// The address of an absolute path.
pub(super) fn uri(path: &Path) -> Option<Uri> {
    let text = path.to_str()?.replace('\\', "/");
    let mut address = String::from(if text.starts_with('/') { "file://" } else { "file:///" });
    for byte in text.bytes() {
        match byte {
            b'/' | b'-' | b'.' | b'_' | b'~' => address.push(char::from(byte)),
            byte if byte.is_ascii_alphanumeric() => address.push(char::from(byte)),
            byte => address += &format!("%{byte:02X}"),
        }
    }
    address.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_lead_to_paths_and_back() {
        let of = |text: &str| path(&text.parse().unwrap());
        assert_eq!(of("file:///home/a%20b/%C3%A4.c"), Some(PathBuf::from("/home/a b/\u{e4}.c")));
        assert_eq!(of("file:///c%3A/x.c"), Some(PathBuf::from("c:/x.c")));
        assert_eq!(of("untitled:Untitled-1"), None);
        assert_eq!(decoded("/%zz"), None);
        for text in ["/home/a b/\u{e4}#.c", "/x.c"] {
            assert_eq!(path(&uri(Path::new(text)).unwrap()), Some(PathBuf::from(text)));
        }
    }
}
