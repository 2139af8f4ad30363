//! Numbers and texts out of bytes; what is not there is `None`.

/// The longest name that is told, in bytes: C++ templates are long, but a text that a hostile file
/// makes a megabyte long, and thousands of findings cite, is not.
const LONGEST_NAME: usize = 4096;

pub(crate) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|two| u16::from_le_bytes(*two))
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|four| u32::from_le_bytes(*four))
}

/// A size or an offset, which the format has as 32 bits.
pub(crate) fn size_at(bytes: &[u8], at: usize) -> Option<usize> {
    u32_at(bytes, at).and_then(|size| usize::try_from(size).ok())
}

/// The `length` bytes at `at`.
pub(crate) fn slice(bytes: &[u8], at: usize, length: usize) -> Option<&[u8]> {
    bytes.get(at..at.checked_add(length)?)
}

/// The bytes at `at` up to a NUL or the end, and where what follows begins.
pub(crate) fn text_at(bytes: &[u8], at: usize) -> Option<(&[u8], usize)> {
    let rest = bytes.get(at..)?;
    let length = rest.iter().position(|&byte| byte == 0).unwrap_or(rest.len());
    Some((&rest[..length], at + length + 1))
}

/// A name as text; an empty one is none.
pub(crate) fn name(bytes: &[u8]) -> Option<String> {
    let bytes = &bytes[..bytes.len().min(LONGEST_NAME)];
    (!bytes.is_empty()).then(|| String::from_utf8_lossy(bytes).into_owned())
}

/// `at`, moved up to a multiple of four.
pub(crate) fn aligned(at: usize) -> usize {
    at.next_multiple_of(4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_none() {
        let bytes = [1, 2, 3, 4, 5];
        assert_eq!((u32_at(&bytes, 1), u32_at(&bytes, 2)), (Some(0x0504_0302), None));
        assert_eq!((u16_at(&bytes, 3), u16_at(&bytes, usize::MAX)), (Some(0x0504), None));
        assert_eq!((slice(&bytes, 4, 1), slice(&bytes, 4, usize::MAX)), (Some(&[5][..]), None));
    }

    #[test]
    fn names_end_at_a_nul_or_with_the_bytes() {
        assert_eq!(text_at(b"ab\0c", 0), Some((&b"ab"[..], 3)));
        assert_eq!(text_at(b"ab\0c", 3), Some((&b"c"[..], 5)));
        assert_eq!(text_at(b"ab", 3), None);
        assert_eq!(name(b""), None);
        assert_eq!(name(&[b'x'; 10_000]).map(|name| name.len()), Some(LONGEST_NAME));
    }
}
