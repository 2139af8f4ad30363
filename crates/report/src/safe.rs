//! Text from files, made harmless for a terminal.

use std::borrow::Cow;
use std::fmt::Write;

/// `text` with everything escaped that could steer a terminal or make a name look like another one:
/// control characters, line breaks, bidirectional overrides and invisible characters.
///
/// Every piece of text that a terminal format writes goes through here, see `style::Line`. Applying
/// it twice changes nothing, because the escapes are plain ASCII and backslashes stay as they are.
pub fn safe(text: &str) -> Cow<'_, str> {
    if !text.contains(is_harmful) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_harmful(c) {
            // Not \n or \t for line break and tabulator: C:\temp holds \t too.
            // Writing to a string cannot fail.
            let _ = write!(escaped, "\\u{{{:x}}}", u32::from(c));
        } else {
            escaped.push(c);
        }
    }
    Cow::Owned(escaped)
}

/// Whether `c` could steer a terminal, or cannot be seen.
pub(crate) fn is_harmful(c: char) -> bool {
    c.is_control()
        // No characters at all, the last two of each plane and some more: XML and HTML cannot have them.
        || u32::from(c) & 0xFFFE == 0xFFFE
        || matches!(c,
            '\u{ad}'                        // soft hyphen
            | '\u{61c}'                     // Arabic letter mark
            | '\u{34f}'                     // combining grapheme joiner
            | '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' // Hangul fillers
            | '\u{180b}'..='\u{180f}'       // Mongolian selectors and separator
            | '\u{200b}'..='\u{200f}'       // zero width and direction marks
            | '\u{2028}'..='\u{202e}'       // line and paragraph separators, embeddings, overrides
            | '\u{2060}'..='\u{206f}'       // invisible operators, isolates
            | '\u{fe00}'..='\u{fe0f}'       // variation selectors
            | '\u{feff}'                    // byte order mark
            | '\u{fff9}'..='\u{fffb}'       // interlinear annotation
            | '\u{fdd0}'..='\u{fdef}'
            | '\u{e0000}'..='\u{e0fff}') // tags, more variation selectors
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_escaped() {
        assert_eq!(safe("a\x1b[31mb\u{9b}2Jc"), "a\\u{1b}[31mb\\u{9b}2Jc");
        assert_eq!(safe("evil\u{202e}sys.exe"), "evil\\u{202e}sys.exe");
        assert_eq!(safe("two\r\nlines\t."), "two\\u{d}\\u{a}lines\\u{9}.");
    }

    #[test]
    fn ordinary_text_is_left_alone() {
        for text in [r"C:\Windows\acme.sys", "Größe ×2", "株式会社アクメ", "İ 🖨"] {
            assert!(matches!(safe(text), Cow::Borrowed(same) if same == text));
        }
    }

    #[test]
    fn escaping_twice_changes_nothing() {
        let once = safe("\u{202e}\\\x07").into_owned();
        assert_eq!(safe(&once), once);
    }
}
