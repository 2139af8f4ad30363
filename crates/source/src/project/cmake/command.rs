//! The commands of a `CMakeLists.txt`.

use std::ops::Range;

/// A command with its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Command {
    /// In lower case, as CMake does not mind.
    pub(super) name: String,
    pub(super) arguments: Vec<Argument>,
    /// All of it.
    pub(super) range: Range<usize>,
}

/// An argument as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Argument {
    /// Without the quotes or brackets around it.
    pub(super) range: Range<usize>,
    pub(super) quoting: Quoting,
}

/// How an argument is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quoting {
    /// Plain; semicolons separate.
    None,
    /// In quotation marks.
    Marks,
    /// In long brackets, where nothing is special.
    Brackets,
}

/// The commands of `text`, and where it is no CMake, if it is not: what follows is not read.
pub(super) fn commands(text: &str) -> (Vec<Command>, Option<usize>) {
    let mut parser = Parser { text, at: 0, broken: None };
    let mut commands = Vec::new();
    loop {
        parser.skip();
        if parser.at >= text.len() {
            return (commands, parser.broken);
        }
        let start = parser.at;
        match parser.command() {
            Some(command) => commands.push(command),
            None => return (commands, Some(start)),
        }
    }
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
    /// Where long brackets open and are never closed.
    broken: Option<usize>,
}

impl Parser<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Skips spaces and remarks.
    fn skip(&mut self) {
        loop {
            self.at += self.rest().len() - self.rest().trim_start().len();
            if self.peek() != Some(b'#') {
                return;
            }
            self.at += 1;
            if self.bracket().is_none() && self.broken.is_none() {
                self.at += self.rest().find('\n').unwrap_or(self.rest().len());
            }
        }
    }

    fn command(&mut self) -> Option<Command> {
        let start = self.at;
        let fits = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
        let length = self.rest().find(|letter| !fits(letter))?;
        let name = self.rest()[..length].to_ascii_lowercase();
        self.at += length;
        self.at += self.rest().find(|letter| !matches!(letter, ' ' | '\t'))?;
        if length == 0 || self.peek() != Some(b'(') {
            return None;
        }
        self.at += 1;
        let mut arguments = Vec::new();
        let mut depth = 0_usize;
        loop {
            self.skip();
            match self.peek()? {
                b')' if depth == 0 => {
                    self.at += 1;
                    return Some(Command { name, arguments, range: start..self.at });
                }
                mark @ (b'(' | b')') => {
                    depth = if mark == b'(' { depth + 1 } else { depth - 1 };
                    self.at += 1;
                    arguments
                        .push(Argument { range: self.at - 1..self.at, quoting: Quoting::None });
                }
                _ => arguments.push(self.argument()?),
            }
        }
    }

    fn argument(&mut self) -> Option<Argument> {
        let start = self.at;
        if let Some(range) = self.bracket() {
            return Some(Argument { range, quoting: Quoting::Brackets });
        }
        if self.peek() == Some(b'"') {
            self.at += 1;
            let end = self.quoted()?;
            return Some(Argument { range: start + 1..end, quoting: Quoting::Marks });
        }
        if self.broken.is_some() {
            return None;
        }
        while let Some(byte) = self.peek() {
            match byte {
                b'\\' => self.at += 1 + self.rest()[1..].chars().next().map_or(0, char::len_utf8),
                b'"' => {
                    self.at += 1;
                    self.quoted()?;
                }
                b'(' | b')' | b'#' => break,
                byte if byte.is_ascii_whitespace() => break,
                _ => self.at += self.rest().chars().next().map_or(1, char::len_utf8),
            }
        }
        Some(Argument { range: start..self.at, quoting: Quoting::None })
    }

    /// Goes behind long brackets, if they come next; returns where their content is. What closes is as long as what
    /// opens. Where nothing closes them, all is read.
    fn bracket(&mut self) -> Option<Range<usize>> {
        let equals =
            self.rest().strip_prefix('[')?.bytes().take_while(|byte| *byte == b'=').count();
        let open = self.at + equals + 2;
        if self.text.as_bytes().get(open - 1) != Some(&b'[') {
            return None;
        }
        let close = format!("]{}]", "=".repeat(equals));
        let Some(length) = self.text[open..].find(&close) else {
            self.broken.get_or_insert(self.at);
            self.at = self.text.len();
            return None;
        };
        self.at = open + length + close.len();
        Some(open..open + length)
    }

    /// Goes behind the closing quotation mark; returns where that is.
    fn quoted(&mut self) -> Option<usize> {
        loop {
            self.at += self.rest().find(['"', '\\'])?;
            let at = self.at;
            if self.peek() == Some(b'"') {
                self.at += 1;
                return Some(at);
            }
            self.at += 1 + self.rest()[1..].chars().next()?.len_utf8();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<String> {
        let (commands, _) = commands(text);
        let tell = |command: &Command| {
            let arguments = command.arguments.iter().map(|one| &text[one.range.clone()]);
            format!("{}: {}", command.name, arguments.collect::<Vec<_>>().join("|"))
        };
        commands.iter().map(tell).collect()
    }

    #[test]
    fn commands_are_read_as_cmake_documents() {
        let text = "# a remark\nSET (X a;b \"c d\\\"e\" [=[f]]g]=])#[[ more ]] if(NOT (A AND B))\n\
            add(-DX=\"a b\" \\; # end\n ${Y})";
        assert_eq!(
            told(text),
            ["set: X|a;b|c d\\\"e|f]]g", "if: NOT|(|A|AND|B|)", "add: -DX=\"a b\"|\\;|${Y}"]
        );
        let first = &text[commands(text).0[0].range.clone()];
        assert!(first.starts_with("SET (") && first.ends_with("]=])"));
    }

    #[test]
    fn what_is_no_cmake_ends_with_its_place() {
        for broken in
            ["set(X", "set", "x\n(", "(", "set(\"x)", "set(\\", "é(", "a()\u{a0}é", "set([[x)"]
        {
            let (_, wrong) = commands(broken);
            assert!(wrong.is_some(), "{broken}");
        }
        assert_eq!(commands("a(b)\n\nc(").1, Some(6));
        assert_eq!(commands("a(b) #[[ c").1, Some(6));
        assert!(commands(&"a([[x ".repeat(100_000)).1.is_some());
        assert_eq!(commands(&"(".repeat(100_000)).1, Some(0));
        assert_eq!(commands(&format!("a({}", "(".repeat(100_000))).1, Some(0));
    }
}
