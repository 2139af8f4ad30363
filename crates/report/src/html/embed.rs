//! JSON inside a page: it can neither end the element that it stands in nor hide anything from a reader.

use crate::safe::is_harmful;
use serde::Serialize;
use serde_json::ser::{CharEscape, Formatter, Serializer};
use std::io::{self, Write};

/// Writes `value` as JSON without `<`, `>` and `&`, so that nothing in it means anything to a browser. In its
/// strings, what [`safe`](crate::safe()) escapes is escaped as there: it shall be seen, not meant.
pub(super) fn json(out: &mut (impl Write + ?Sized), value: &impl Serialize) -> io::Result<()> {
    value.serialize(&mut Serializer::with_formatter(out, Embedded)).map_err(io::Error::from)
}

/// [`json`], in memory.
pub(super) fn json_text(value: &impl Serialize) -> io::Result<String> {
    let mut out = Vec::new();
    json(&mut out, value)?;
    String::from_utf8(out).map_err(io::Error::other)
}

struct Embedded;

impl Formatter for Embedded {
    /// Strings come in pieces without quotes, backslashes and ASCII control characters.
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(index) = rest.find(|c| is_harmful(c) || matches!(c, '<' | '>' | '&')) {
            let (before, from) = rest.split_at(index);
            writer.write_all(before.as_bytes())?;
            let mut characters = from.chars();
            let number = characters.next().map_or(0, u32::from);
            match char::from_u32(number).is_some_and(is_harmful) {
                true => shown(writer, number)?,
                false => write!(writer, "\\u{number:04x}")?,
            }
            rest = characters.as_str();
        }
        writer.write_all(rest.as_bytes())
    }

    fn write_char_escape<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        escape: CharEscape,
    ) -> io::Result<()> {
        match escape {
            CharEscape::Quote => writer.write_all(b"\\\""),
            CharEscape::ReverseSolidus => writer.write_all(b"\\\\"),
            CharEscape::Solidus => writer.write_all(b"/"),
            CharEscape::Backspace => shown(writer, 0x8),
            CharEscape::Tab => shown(writer, 0x9),
            CharEscape::LineFeed => shown(writer, 0xa),
            CharEscape::FormFeed => shown(writer, 0xc),
            CharEscape::CarriageReturn => shown(writer, 0xd),
            CharEscape::AsciiControl(byte) => shown(writer, u32::from(byte)),
        }
    }
}

/// A character told by its number, as [`safe`](crate::safe()) does, with its backslash as JSON has it.
fn shown<W: ?Sized + Write>(writer: &mut W, number: u32) -> io::Result<()> {
    write!(writer, "\\\\u{{{number:x}}}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::safe::safe;

    const HOSTILE: &str = "</script><!--]]>&amp;\"\\\u{0}\u{8}\t\n\u{c}\r\u{1b}[31m\u{7f}\u{9b}\u{202e}\u{2028}\u{2066}\
                           \u{e0041}株🖨";

    #[test]
    fn a_reader_of_json_sees_what_a_terminal_shows() {
        let written = json_text(&[HOSTILE]).unwrap();
        let read: Vec<String> = serde_json::from_str(&written).unwrap();
        assert_eq!(read, [safe(HOSTILE)]);
    }

    #[test]
    fn nothing_means_anything_to_a_browser() {
        let written = json_text(&(HOSTILE, [HOSTILE])).unwrap();
        assert!(!written.contains(['<', '>', '&']), "{written}");
        assert!(!written.contains(is_harmful), "{written}");
    }

    #[test]
    fn keys_are_escaped_too() {
        let map = std::collections::BTreeMap::from([("</script>", 1)]);
        assert_eq!(json_text(&map).unwrap(), "{\"\\u003c/script\\u003e\":1}");
    }
}
