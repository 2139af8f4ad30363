//! C text to tokens, without comments.

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A name or keyword.
    Word,
    /// A number as the preprocessor knows them.
    Number,
    /// A string, with its prefix.
    String,
    /// A character constant, with its prefix.
    Character,
    /// One of the operators, as many bytes as belong together.
    Operator,
}

/// A token; its bytes are counted from the start of the text it was read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Token {
    pub(crate) fn text(self, of: &str) -> &str {
        &of[self.start..self.end]
    }
}

/// The tokens of a part of `text` that begins outside of comments and strings.
pub(crate) fn tokens(text: &str, from: usize, to: usize) -> Tokens<'_> {
    Tokens { bytes: &text.as_bytes()[..to.min(text.len())], at: from }
}

pub(crate) struct Tokens<'t> {
    bytes: &'t [u8],
    at: usize,
}

impl Iterator for Tokens<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        self.at = skip_blank(self.bytes, self.at);
        let start = self.at;
        let &first = self.bytes.get(start)?;
        let (kind, end) = match first {
            b'"' => (Kind::String, quoted_end(self.bytes, start)),
            b'\'' => (Kind::Character, quoted_end(self.bytes, start)),
            b'0'..=b'9' => (Kind::Number, number_end(self.bytes, start)),
            first if is_word(first) => self.word(start),
            _ => (Kind::Operator, start + self.operator(start)),
        };
        self.at = end;
        Some(Token { kind, start, end })
    }
}

impl Tokens<'_> {
    /// A word, or the string or character whose prefix it is.
    fn word(&self, start: usize) -> (Kind, usize) {
        let end = word_end(self.bytes, start);
        let prefix = matches!(&self.bytes[start..end], b"L" | b"u" | b"U" | b"u8");
        match self.bytes.get(end) {
            Some(b'"') if prefix => (Kind::String, quoted_end(self.bytes, end)),
            Some(b'\'') if prefix => (Kind::Character, quoted_end(self.bytes, end)),
            Some(b'"') if self.bytes[start..end].ends_with(b"R") && end - start <= 3 => {
                (Kind::String, raw_end(self.bytes, end))
            }
            _ => (Kind::Word, end),
        }
    }

    /// How many bytes of an operator belong together, of those that expressions here are made of.
    fn operator(&self, start: usize) -> usize {
        match &self.bytes[start..] {
            [b'<', b'<', b'=', ..] | [b'>', b'>', b'=', ..] | [b'.', b'.', b'.', ..] => 3,
            [b'<', b'<' | b'=', ..] | [b'>', b'>' | b'=', ..] | [b'=' | b'!', b'=', ..] => 2,
            [b'&', b'&' | b'=', ..] | [b'|', b'|' | b'=', ..] => 2,
            [b'-', b'>' | b'=', ..] | [b'+', b'=', ..] => 2,
            [b':', b':', ..] | [b'#', b'#', ..] => 2,
            // A byte of a letter beyond ASCII takes the others of it along.
            [0x80..=0xFF, more @ ..] => {
                1 + more.iter().take_while(|byte| **byte & 0xC0 == 0x80).count()
            }
            _ => 1,
        }
    }
}

/// Which bytes words are made of.
const WORD: [bool; 256] = {
    let mut all = [false; 256];
    let mut byte = 0_u8;
    while byte < 0x80 {
        all[byte as usize] = byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$';
        byte += 1;
    }
    all
};

pub(crate) fn is_word(byte: u8) -> bool {
    WORD[byte as usize]
}

pub(crate) fn word_end(bytes: &[u8], start: usize) -> usize {
    start + bytes[start..].iter().take_while(|byte| is_word(**byte)).count()
}

/// The end of a preprocessing number: digits, letters, points and separators.
pub(crate) fn number_end(bytes: &[u8], start: usize) -> usize {
    let mut end = start;
    while let Some(&byte) = bytes.get(end) {
        let separator = byte == b'\'' && bytes.get(end + 1).is_some_and(u8::is_ascii_alphanumeric);
        if !(is_word(byte) || byte == b'.' || separator) {
            break;
        }
        end += 1;
    }
    end
}

/// Behind blanks, joined lines and comments.
pub(crate) fn skip_blank(bytes: &[u8], mut at: usize) -> usize {
    loop {
        at = match bytes.get(at..) {
            Some([b' ' | b'\t' | b'\r' | b'\n' | 0x0B | 0x0C, ..]) => at + 1,
            Some([b'\\', b'\n', ..]) => at + 2,
            Some([b'\\', b'\r', b'\n', ..]) => at + 3,
            Some([b'/', b'/', ..]) => line_comment_end(bytes, at),
            Some([b'/', b'*', ..]) => block_comment_end(bytes, at),
            _ => return at,
        }
    }
}

/// The end of a comment `//`: where its line ends that is not joined with the next.
pub(crate) fn line_comment_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start;
    while let Some(found) = memchr::memchr(b'\n', &bytes[at..]) {
        let end = at + found;
        let line = bytes[at..end].strip_suffix(b"\r").unwrap_or(&bytes[at..end]);
        if !line.ends_with(b"\\") {
            return end;
        }
        at = end + 1;
    }
    bytes.len()
}

pub(crate) fn block_comment_end(bytes: &[u8], start: usize) -> usize {
    memchr::memmem::find(&bytes[start + 2..], b"*/").map_or(bytes.len(), |at| start + 2 + at + 2)
}

/// Behind the closing quote, or at the end of the line where there is none.
pub(crate) fn quoted_end(bytes: &[u8], start: usize) -> usize {
    let quote = bytes[start];
    let mut at = start + 1;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\\' if bytes[at + 1..].starts_with(b"\r\n") => at += 3,
            b'\\' => at += 2,
            b'\n' => return at,
            byte if byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// The end of a raw string whose quote is at `start`.
pub(crate) fn raw_end(bytes: &[u8], start: usize) -> usize {
    let delimiter =
        bytes[start + 1..].iter().take_while(|byte| !b"()\\ \n\"".contains(byte)).count();
    if delimiter > 16 || bytes.get(start + 1 + delimiter) != Some(&b'(') {
        return quoted_end(bytes, start);
    }
    let close = [b")", &bytes[start + 1..start + 1 + delimiter], b"\""].concat();
    let body = start + 2 + delimiter;
    memchr::memmem::find(&bytes[body..], &close).map_or(bytes.len(), |at| body + at + close.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<&str> {
        tokens(text, 0, text.len()).map(|token| token.text(text)).collect()
    }

    #[test]
    fn comments_and_joined_lines_are_blank() {
        assert_eq!(words("a/* b\n */c // d \\\n e\nf\\\ng"), ["a", "c", "f", "g"]);
        assert_eq!(words("/* never closed"), [""; 0]);
    }

    #[test]
    fn tokens_are_what_c_has() {
        assert_eq!(
            words("x->y<<=0x1Fu|L\"s\\\"t\"+'ab'"),
            ["x", "->", "y", "<<=", "0x1Fu", "|", "L\"s\\\"t\"", "+", "'ab'"]
        );
        assert_eq!(words("1'000 R\"q(a)\" )q\"b"), ["1'000", "R\"q(a)\" )q\"", "b"]);
        assert_eq!(words("\"open\nnext"), ["\"open", "next"]);
        assert_eq!(words("\u{e4}+\u{1f600}"), ["\u{e4}", "+", "\u{1f600}"]);
    }
}
