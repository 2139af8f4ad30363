//! Text as Windows writes it to files: UTF-16 from PowerShell, UTF-8, or a code page from the command prompt.

use std::borrow::Cow;

/// The text of `bytes`. What is no Unicode is read byte by byte: the words that are looked for are ASCII.
pub(super) fn decoded(bytes: &[u8]) -> Cow<'_, str> {
    match bytes {
        [0xFF, 0xFE, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [0xEF, 0xBB, 0xBF, rest @ ..] => String::from_utf8_lossy(rest),
        _ => match std::str::from_utf8(bytes) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => Cow::Owned(bytes.iter().map(|&byte| char::from(byte)).collect()),
        },
    }
}

fn utf16(bytes: &[u8], unit: impl Fn([u8; 2]) -> u16) -> Cow<'static, str> {
    // A single byte at the end is half a character of a text that is cut off.
    let (pairs, _) = bytes.as_chunks::<2>();
    let units: Vec<u16> = pairs.iter().map(|pair| unit(*pair)).collect();
    Cow::Owned(String::from_utf16_lossy(&units))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_encoding_of_windows_is_read() {
        assert_eq!(decoded(b"a\xC3\xBC"), "aü");
        assert_eq!(decoded(b"\xEF\xBB\xBFa"), "a");
        assert_eq!(decoded(b"\xFF\xFEa\0\xFC\0b"), "aü");
        assert_eq!(decoded(b"\xFE\xFF\0a\0\xFC"), "aü");
        assert_eq!(decoded(b"a\xFCb"), "aüb");
        assert_eq!(decoded(b""), "");
    }
}
