//! Windows PowerShell redirects text as UTF-16; a report that was written so is read all the same.

use std::io::{self, BufRead, BufReader, Read};

/// The text of `bytes` as UTF-8, whichever of both it is, without a byte order mark.
pub(super) fn utf8(bytes: impl Read) -> io::Result<impl Read> {
    let mut bytes = BufReader::with_capacity(1 << 16, bytes);
    let mark = bytes.fill_buf()?;
    let (skipped, is_utf16) = match mark {
        [0xFF, 0xFE, ..] => (2, true),
        [0xEF, 0xBB, 0xBF, ..] => (3, false),
        _ => (0, false),
    };
    bytes.consume(skipped);
    Ok(match is_utf16 {
        true => Text::Utf16(BufReader::new(Utf16 { bytes, high: None })),
        false => Text::Utf8(bytes),
    })
}

enum Text<R: Read> {
    Utf8(BufReader<R>),
    Utf16(BufReader<Utf16<R>>),
}

impl<R: Read> Read for Text<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Text::Utf8(bytes) => bytes.read(into),
            Text::Utf16(bytes) => bytes.read(into),
        }
    }
}

/// Little-endian UTF-16, read as UTF-8.
struct Utf16<R: Read> {
    bytes: BufReader<R>,
    /// The first half of a character whose second half was not read yet.
    high: Option<u16>,
}

impl<R: Read> Utf16<R> {
    fn unit(&mut self) -> io::Result<Option<u16>> {
        let mut pair = [0; 2];
        // A single byte at the end is half a unit, of a text that is cut off; the JSON is then too.
        match self.bytes.read_exact(&mut pair) {
            Ok(()) => Ok(Some(u16::from_le_bytes(pair))),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl<R: Read> Read for Utf16<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut length = 0;
        // The longest character takes four bytes.
        while into.len() - length >= 4 {
            let Some(unit) = self.unit()? else { break };
            let units = self.high.take().into_iter().chain([unit]);
            for c in char::decode_utf16(units) {
                match c {
                    Ok(c) => length += c.encode_utf8(&mut into[length..]).len(),
                    Err(half) if (0xD800..0xDC00).contains(&half.unpaired_surrogate()) => {
                        self.high = Some(half.unpaired_surrogate());
                    }
                    Err(_) => {
                        return Err(io::Error::new(io::ErrorKind::InvalidData, "not valid UTF-16"));
                    }
                }
            }
        }
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> io::Result<String> {
        let mut text = String::new();
        utf8(bytes)?.read_to_string(&mut text)?;
        Ok(text)
    }

    #[test]
    fn each_encoding_is_read() {
        // Longer than a buffer, and characters of each length.
        let text = "{\"ä€𝄞\": 1}\r\n".repeat(9_000);
        let utf16: Vec<u8> =
            format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(read(&utf16).unwrap(), text);
        assert_eq!(read(format!("\u{feff}{text}").as_bytes()).unwrap(), text);
        assert_eq!(read(text.as_bytes()).unwrap(), text);
        assert_eq!(read(b"").unwrap(), "");
    }

    #[test]
    fn half_a_character_is_an_error() {
        let bytes: Vec<u8> = [0xFEFF, 0xDC00].into_iter().flat_map(u16::to_le_bytes).collect();
        assert_eq!(read(&bytes).unwrap_err().to_string(), "not valid UTF-16");
    }
}
