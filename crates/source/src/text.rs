//! The text of a file: decoded for reading, encoded again as it was.

use std::ops::Range;

/// The largest source or project file that is read, in bytes. Generated code beyond it is no driver's.
pub const LARGEST_SOURCE: u64 = 16 << 20;

/// How a file is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// UTF-8, with a byte order mark or without.
    Utf8 {
        /// Whether there is a byte order mark.
        marked: bool,
    },
    /// UTF-16 with its byte order mark, as Visual Studio writes it.
    Utf16 {
        /// Whether the low byte comes last.
        big_endian: bool,
    },
    /// Some code page of Windows: ASCII, and 128 characters of which only the bytes are known. Each is kept as the
    /// character with the number of the byte.
    Ansi,
}

/// Why bytes are no source text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotText {
    /// It is too large.
    #[error("larger than any source file: {0} bytes, the limit is {LARGEST_SOURCE}")]
    TooLarge(u64),
    /// It holds null bytes, which no source does; the offset of the first.
    #[error("not text: null byte at offset {0:#x}")]
    Binary(usize),
    /// It begins as UTF-16 and is not; the offset of what is wrong.
    #[error("not valid UTF-16 at offset {0:#x}")]
    NotUtf16(usize),
    /// A character that the file's encoding does not have; the offset in the decoded text.
    #[error("a character that the file's encoding does not have at offset {0:#x}")]
    NotEncodable(usize),
}

/// The text of a file, with its lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceText {
    text: String,
    encoding: Encoding,
    /// Where each line begins.
    lines: Vec<u32>,
    /// Within long lines: bytes, and how many code units of the line stand before each.
    marks: Vec<(u32, u32)>,
}

/// How far from a mark, or from its line's beginning, a byte is at most, for its column to be counted.
const MARK_EVERY: usize = 1024;

/// A place in a text as people count: columns in UTF-16 code units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LineColumn {
    /// From 1.
    pub line: u32,
    /// From 1.
    pub column: u32,
}

impl SourceText {
    /// Decodes a file. Bytes that are neither UTF-8 nor marked as UTF-16 are taken for some code page of Windows.
    ///
    /// # Errors
    ///
    /// Where the bytes are no text.
    pub fn decode(bytes: impl Into<Vec<u8>>) -> Result<SourceText, NotText> {
        let bytes = bytes.into();
        if bytes.len() as u64 > LARGEST_SOURCE {
            return Err(NotText::TooLarge(bytes.len() as u64));
        }
        let (text, encoding) = match &bytes[..] {
            [0xFF, 0xFE, rest @ ..] => (utf16(rest, false)?, Encoding::Utf16 { big_endian: false }),
            [0xFE, 0xFF, rest @ ..] => (utf16(rest, true)?, Encoding::Utf16 { big_endian: true }),
            // With other bytes behind it the mark is none.
            [0xEF, 0xBB, 0xBF, rest @ ..] if std::str::from_utf8(rest).is_ok() => {
                plain(rest.to_vec(), true)
            }
            _ => plain(bytes, false),
        };
        match memchr::memchr(0, text.as_bytes()) {
            Some(offset) => Err(NotText::Binary(offset)),
            None => Ok(SourceText::with(text, encoding)),
        }
    }

    /// A text as an editor has it.
    pub fn of(text: impl Into<String>) -> SourceText {
        SourceText::with(text.into(), Encoding::Utf8 { marked: false })
    }

    fn with(text: String, encoding: Encoding) -> SourceText {
        let lines = lines(&text);
        SourceText { marks: marks(&text, &lines), lines, text, encoding }
    }

    /// The decoded text, without a byte order mark. Line ends are those of the file.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// How the file is encoded.
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// What ends lines here: `\r\n` where the first line ends so.
    pub fn line_end(&self) -> &'static str {
        let first = self.lines.get(1).map_or(0, |&start| start as usize);
        if self.text[..first].ends_with("\r\n") { "\r\n" } else { "\n" }
    }

    /// `text` in the encoding of this file, with its byte order mark.
    ///
    /// # Errors
    ///
    /// [`NotText::NotEncodable`] where a code page lacks a character.
    pub fn encode(&self, text: &str) -> Result<Vec<u8>, NotText> {
        let units = |to_bytes: fn(u16) -> [u8; 2], mark: [u8; 2]| {
            let units = text.encode_utf16().flat_map(to_bytes);
            mark.into_iter().chain(units).collect()
        };
        Ok(match self.encoding {
            Encoding::Utf8 { marked: false } => text.as_bytes().to_vec(),
            Encoding::Utf8 { marked: true } => [b"\xEF\xBB\xBF", text.as_bytes()].concat(),
            Encoding::Utf16 { big_endian: false } => units(u16::to_le_bytes, [0xFF, 0xFE]),
            Encoding::Utf16 { big_endian: true } => units(u16::to_be_bytes, [0xFE, 0xFF]),
            Encoding::Ansi => {
                let byte = |(offset, letter)| {
                    u8::try_from(u32::from(letter)).map_err(|_| NotText::NotEncodable(offset))
                };
                text.char_indices().map(byte).collect::<Result<_, _>>()?
            }
        })
    }

    /// Where `offset` is. Beyond the end it is the end.
    pub fn place(&self, offset: usize) -> LineColumn {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        let line = self.lines.partition_point(|&start| start as usize <= offset).max(1);
        let (from, before) = self.counted_from(self.lines[line - 1], offset);
        let units = before + self.text[from..offset].encode_utf16().count();
        LineColumn { line: number(line), column: number(units + 1) }
    }

    /// From where the columns of a line are counted up to `offset`, and how many there are before.
    fn counted_from(&self, line: u32, offset: usize) -> (usize, usize) {
        let next = self.marks.partition_point(|(mark, _)| *mark as usize <= offset);
        match next.checked_sub(1).and_then(|last| self.marks.get(last)) {
            Some((mark, units)) if *mark >= line => (*mark as usize, *units as usize),
            _ => (line as usize, 0),
        }
    }

    /// The offset of a place; columns beyond the line's end are its end. None for a line there is not.
    pub fn offset(&self, place: LineColumn) -> Option<usize> {
        let line = self.line_range(place.line)?;
        let mut units = place.column.saturating_sub(1) as usize;
        for (offset, letter) in self.text[line.clone()].char_indices() {
            if units < letter.len_utf16() {
                return Some(line.start + offset);
            }
            units -= letter.len_utf16();
        }
        Some(line.end)
    }

    /// The bytes of line `number` (from 1), without its end.
    pub fn line_range(&self, number: u32) -> Option<Range<usize>> {
        let index = (number as usize).checked_sub(1)?;
        let start = *self.lines.get(index)? as usize;
        let end = self.lines.get(index + 1).map_or(self.text.len(), |&next| next as usize);
        let line = self.text[start..end].trim_end_matches(['\n', '\r']);
        Some(start..start + line.len())
    }

    /// The bytes of line `number` (from 1) together with what ends it.
    pub fn whole_line(&self, number: u32) -> Option<Range<usize>> {
        let index = (number as usize).checked_sub(1)?;
        let start = *self.lines.get(index)? as usize;
        let end = self.lines.get(index + 1).map_or(self.text.len(), |&next| next as usize);
        Some(start..end)
    }
}

fn number(of: usize) -> u32 {
    u32::try_from(of).unwrap_or(u32::MAX)
}

fn plain(bytes: Vec<u8>, marked: bool) -> (String, Encoding) {
    match String::from_utf8(bytes) {
        Ok(text) => (text, Encoding::Utf8 { marked }),
        Err(wrong) => {
            (wrong.as_bytes().iter().map(|&byte| char::from(byte)).collect(), Encoding::Ansi)
        }
    }
}

fn utf16(bytes: &[u8], big_endian: bool) -> Result<String, NotText> {
    let unit = |pair: &[u8]| match big_endian {
        true => u16::from_be_bytes([pair[0], pair[1]]),
        false => u16::from_le_bytes([pair[0], pair[1]]),
    };
    if !bytes.len().is_multiple_of(2) {
        return Err(NotText::NotUtf16(bytes.len() + 1));
    }
    let mut text = String::with_capacity(bytes.len());
    let mut offset = 2;
    for letter in char::decode_utf16(bytes.chunks_exact(2).map(unit)) {
        let letter = letter.map_err(|_| NotText::NotUtf16(offset))?;
        offset += 2 * letter.len_utf16();
        text.push(letter);
    }
    Ok(text)
}

fn lines(text: &str) -> Vec<u32> {
    let ends = memchr::memchr_iter(b'\n', text.as_bytes());
    std::iter::once(0).chain(ends.map(|end| number(end + 1))).collect()
}

/// Marks within the long ones of `lines`.
fn marks(text: &str, lines: &[u32]) -> Vec<(u32, u32)> {
    let mut marks = Vec::new();
    for (index, start) in lines.iter().enumerate() {
        let end = lines.get(index + 1).map_or(text.len(), |next| *next as usize);
        let (mut from, mut units) = (*start as usize, 0);
        while end - from > MARK_EVERY {
            let to = text.floor_char_boundary(from + MARK_EVERY);
            units += text[from..to].encode_utf16().count();
            marks.push((number(to), number(units)));
            from = to;
        }
    }
    marks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit_bytes(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    #[test]
    fn every_encoding_comes_back_as_it_was() {
        let utf16 = [b"\xFF\xFE".to_vec(), unit_bytes("int \u{e4};\r\n// \u{1f600}")].concat();
        for bytes in [
            &b"int a;\n"[..],
            b"\xEF\xBB\xBFint \xC3\xA4;\r\n",
            b"// Gr\xFC\xDFe\r\nint a;\r\n",
            b"\xFE\xFF\0i\0n\0t",
            &utf16,
            b"\xEF\xBB\xBFint \xFC;",
            b"",
        ] {
            let text = SourceText::decode(bytes).unwrap();
            assert_eq!(text.encode(text.as_str()).unwrap(), bytes);
        }
    }

    #[test]
    fn a_code_page_does_not_have_every_character() {
        let text = SourceText::decode(b"\xFC").unwrap();
        assert_eq!(text.encoding(), Encoding::Ansi);
        assert_eq!(text.encode("ab\u{20ac}"), Err(NotText::NotEncodable(2)));
    }

    #[test]
    fn what_is_no_text_is_refused_with_its_place() {
        assert_eq!(SourceText::decode(b"MZ\0"), Err(NotText::Binary(2)));
        assert_eq!(SourceText::decode(b"\xFF\xFEa\0\x00\xDC"), Err(NotText::NotUtf16(4)));
        assert_eq!(SourceText::decode(b"\xFF\xFEa"), Err(NotText::NotUtf16(2)));
    }

    /// However long a line is, a column is counted over no more than a part of it.
    #[test]
    fn columns_of_long_lines_are_counted_from_near_by() {
        let text = SourceText::of(format!("x\n{}\ny", "\u{1f600}a\u{e4}".repeat(2_000)));
        for (offset, letter) in text.as_str().char_indices().filter(|(_, letter)| *letter == 'a') {
            let count = (offset - 2) / 7;
            let column = u32::try_from(4 * count + 3).unwrap();
            assert_eq!(text.place(offset), LineColumn { line: 2, column }, "{letter}");
            assert!(offset - text.counted_from(2, offset).0 <= MARK_EVERY);
        }
        assert_eq!(text.place(text.as_str().len()), LineColumn { line: 3, column: 2 });
    }

    #[test]
    fn places_count_utf16_units() {
        let text = SourceText::of("a\r\n\u{1f600}\u{e4}b\nc");
        let place = |line, column| LineColumn { line, column };
        let at = text.as_str().find('b').unwrap();
        assert_eq!(text.place(at), place(2, 4));
        assert_eq!(text.offset(place(2, 4)), Some(at));
        assert_eq!(text.offset(place(2, 99)), Some(at + 1));
        assert_eq!(text.place(usize::MAX), place(3, 2));
        assert_eq!(text.offset(place(4, 1)), None);
        assert_eq!(text.line_range(1), Some(0..1));
        assert_eq!(text.whole_line(1), Some(0..3));
        assert_eq!(text.line_end(), "\r\n");
        assert_eq!(SourceText::of("x").line_end(), "\n");
    }
}
