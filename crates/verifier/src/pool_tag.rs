//! Pool tags, as the low resources simulation chooses by them.

use std::fmt;

/// Characters of a pool tag, at most.
const LONGEST: usize = 4;
/// PROTECTED_POOL, which old drivers set in a tag; it is no part of it.
const PROTECTED: u32 = 0x8000_0000;

/// Pool tags that allocations are chosen by: one, or several that are alike, with `*` for where they differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagPattern(String);

/// Why a text names no pool tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoTag {
    /// It is empty or too long.
    #[error("a pool tag has one to four characters")]
    Length,
    /// It has characters that no tag has.
    #[error("a pool tag has letters, digits and signs of ASCII alone")]
    Character,
}

impl TagPattern {
    /// Takes a tag, or with `*` for any characters several. Letter case matters, as it does to Windows.
    ///
    /// # Errors
    ///
    /// Where no tag can be meant.
    pub fn parse(text: &str) -> Result<TagPattern, NoTag> {
        if !text.chars().all(|one| one.is_ascii_graphic()) {
            return Err(NoTag::Character);
        }
        if text.is_empty() || text.chars().filter(|&one| one != '*').count() > LONGEST {
            return Err(NoTag::Length);
        }
        let mut pattern = String::new();
        // Two stars are one, so that a pattern is short and quickly compared.
        for one in text.chars() {
            if one != '*' || !pattern.ends_with('*') {
                pattern.push(one);
            }
        }
        Ok(TagPattern(pattern))
    }

    /// Whether an allocation with this tag is meant; 0 is that of an allocation that has none.
    pub fn matches(&self, tag: u32) -> bool {
        let bytes = (tag & !PROTECTED).to_le_bytes();
        // Shorter tags are filled up with spaces, which nobody types.
        let length =
            bytes.iter().rposition(|&byte| byte != b' ' && byte != 0).map_or(0, |at| at + 1);
        is_like(self.0.as_bytes(), &bytes[..length])
    }
}

impl fmt::Display for TagPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether `text` is what `pattern` says. Both are at most nine bytes long, so that trying each way is quick.
fn is_like(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, _) => text.is_empty(),
        (Some((b'*', rest)), None) => is_like(rest, text),
        (Some((b'*', rest)), Some((_, behind))) => is_like(rest, text) || is_like(pattern, behind),
        (Some((one, rest)), Some((byte, behind))) => one == byte && is_like(rest, behind),
        (Some(_), None) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_meant(pattern: &str, tag: &[u8; 4]) -> bool {
        TagPattern::parse(pattern).unwrap().matches(u32::from_le_bytes(*tag))
    }

    /// Microsoft's page: a tag, or several with the wildcard `*`.
    #[test]
    fn a_tag_is_compared_as_a_pool_viewer_shows_it() {
        // In C it is written 'pmaS'.
        assert!(is_meant("Samp", b"Samp"));
        assert!(!is_meant("samp", b"Samp") && !is_meant("pmaS", b"Samp"));
        for pattern in ["*", "S*", "*p", "S*p", "*am*", "Sa*mp", "***", "*S*a*m*p*"] {
            assert!(is_meant(pattern, b"Samp"), "{pattern}");
        }
        for pattern in ["s*", "*P", "S*x", "*ma*", "Sam", "amp", "Sam?"] {
            assert!(!is_meant(pattern, b"Samp"), "{pattern}");
        }
    }

    #[test]
    fn spaces_zeros_and_the_mark_of_protection_are_no_part_of_a_tag() {
        assert!(is_meant("Mdl", b"Mdl ") && is_meant("Io", b"Io\0\0"));
        assert!(is_meant("Samp", &[b'S', b'a', b'm', b'p' | 0x80]));
        assert!(is_meant("*", &[0; 4]) && !is_meant("A*", &[0; 4]));
    }

    #[test]
    fn what_is_no_tag_is_told() {
        for text in ["", "Tag12", "*a*b*c*d*e*"] {
            assert_eq!(TagPattern::parse(text), Err(NoTag::Length), "{text}");
        }
        for text in ["Tag 1", "Tä", "a\n"] {
            assert_eq!(TagPattern::parse(text), Err(NoTag::Character), "{text}");
        }
        assert_eq!(TagPattern::parse("a***").unwrap().to_string(), "a*");
    }
}
