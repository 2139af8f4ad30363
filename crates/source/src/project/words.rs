//! Splitting command lines into their words.

use super::traced::Traced;

/// How a command line is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quoting {
    /// As Windows' C runtime splits it.
    Windows,
    /// As a POSIX shell does, without expansions.
    Posix,
}

/// A word while it is read: pieces of the line without the quotes.
#[derive(Default)]
struct Word {
    traced: Traced,
    begun: bool,
}

impl Word {
    fn add(&mut self, line: &Traced, start: usize, end: usize) {
        if start < end {
            self.traced.push(&line.slice(start..end));
        }
        self.begun = true;
    }

    fn end(&mut self, words: &mut Vec<Traced>) {
        if std::mem::take(&mut self.begun) {
            words.push(std::mem::take(&mut self.traced));
        }
    }
}

/// The words of a command line.
pub(super) fn words(line: &Traced, quoting: Quoting) -> Vec<Traced> {
    match quoting {
        Quoting::Windows => windows(line),
        Quoting::Posix => posix(line),
    }
}

/// Backslashes quote only before a quotation mark, two of them one.
fn windows(line: &Traced) -> Vec<Traced> {
    let bytes = line.as_str().as_bytes();
    let (mut words, mut word) = (Vec::new(), Word::default());
    let (mut at, mut quoted) = (0, false);
    while at < bytes.len() {
        let backslashes = bytes[at..].iter().take_while(|byte| **byte == b'\\').count();
        let behind = at + backslashes;
        if backslashes > 0 && bytes.get(behind) == Some(&b'"') {
            word.add(line, at, at + backslashes / 2);
            at = behind;
            if backslashes % 2 == 1 {
                word.add(line, at, at + 1);
                at += 1;
            }
            continue;
        }
        match bytes[at] {
            b'"' => {
                quoted = !quoted;
                word.begun = true;
                at += 1;
            }
            byte if byte.is_ascii_whitespace() && !quoted => {
                word.end(&mut words);
                at += 1;
            }
            _ => {
                let stops =
                    |byte: &u8| *byte == b'"' || *byte == b'\\' || byte.is_ascii_whitespace();
                let rest = &bytes[at + backslashes.max(1)..];
                let length =
                    backslashes.max(1) + rest.iter().take_while(|byte| !stops(byte)).count();
                word.add(line, at, at + length);
                at += length;
            }
        }
    }
    word.end(&mut words);
    words
}

fn posix(line: &Traced) -> Vec<Traced> {
    let bytes = line.as_str().as_bytes();
    let (mut words, mut word) = (Vec::new(), Word::default());
    let (mut at, mut quote) = (0, None);
    while at < bytes.len() {
        let next = bytes.get(at + 1).copied();
        match (bytes[at], quote) {
            (b'\'' | b'"', None) => {
                quote = Some(bytes[at]);
                word.begun = true;
                at += 1;
            }
            (mark, Some(open)) if mark == open => {
                quote = None;
                at += 1;
            }
            (b'\\', None) if next.is_some() => {
                let end = at + 1 + letter(&line.as_str()[at + 1..]);
                word.add(line, at + 1, end);
                at = end;
            }
            (b'\\', Some(b'"')) if matches!(next, Some(b'"' | b'\\' | b'$' | b'`')) => {
                word.add(line, at + 1, at + 2);
                at += 2;
            }
            (byte, None) if byte.is_ascii_whitespace() => {
                word.end(&mut words);
                at += 1;
            }
            _ => {
                let stops = |byte: &u8| b"'\"\\".contains(byte) || byte.is_ascii_whitespace();
                let length = 1 + bytes[at + 1..].iter().take_while(|byte| !stops(byte)).count();
                word.add(line, at, at + length);
                at += length;
            }
        }
    }
    word.end(&mut words);
    words
}

/// How many bytes the first letter has.
fn letter(text: &str) -> usize {
    text.chars().next().map_or(0, char::len_utf8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FileId;

    fn split(line: &str, quoting: Quoting) -> Vec<String> {
        let traced = Traced::of(FileId(0), line, 0..line.len());
        words(&traced, quoting).iter().map(|word| word.as_str().to_owned()).collect()
    }

    /// The examples of Microsoft's page on parsing C command-line arguments.
    #[test]
    fn windows_splits_as_documented() {
        assert_eq!(split(r#""a b c" d e"#, Quoting::Windows), ["a b c", "d", "e"]);
        assert_eq!(split(r#""ab\"c" "\\" d"#, Quoting::Windows), ["ab\"c", r"\", "d"]);
        assert_eq!(split(r#"a\\\b d"e f"g h"#, Quoting::Windows), [r"a\\\b", "de fg", "h"]);
        assert_eq!(split(r#"a\\\"b c d"#, Quoting::Windows), [r#"a\"b"#, "c", "d"]);
        assert_eq!(split(r#"a\\\\"b c" d e"#, Quoting::Windows), [r"a\\b c", "d", "e"]);
    }

    /// POSIX 1003.1, Shell Command Language, 2.2 Quoting.
    #[test]
    fn a_shell_has_two_kinds_of_quotes() {
        assert_eq!(split(r#"-DA='"x y"' b\ c"#, Quoting::Posix), ["-DA=\"x y\"", "b c"]);
        assert_eq!(split(r#""a\"b\c" '' \é"#, Quoting::Posix), [r#"a"b\c"#, "", "é"]);
        assert_eq!(split("a\\", Quoting::Posix), ["a\\"]);
        assert_eq!(split("'open x", Quoting::Posix), ["open x"]);
    }

    #[test]
    fn words_know_where_they_stand() {
        let line = r#"cl "-DA=1" x"#;
        let traced = Traced::of(FileId(0), line, 0..line.len());
        let word = &words(&traced, Quoting::Windows)[1];
        assert_eq!(&line[word.span().unwrap().range()], "-DA=1");
    }
}
