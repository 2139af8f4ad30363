//! The conditions of CMake's `if`.

use super::super::truth::Truth;

/// How deep parentheses and negations are followed.
const DEEPEST: usize = 24;
/// The most words that are read.
const LONGEST: usize = 200;

/// A word of a condition.
pub(super) struct Word {
    /// What it comes to; none where that is not known.
    pub(super) value: Option<String>,
    /// Whether it stood in quotes, and so is no variable.
    pub(super) quoted: bool,
}

/// What a condition asks about.
pub(super) trait Asked {
    /// A variable's value; none where that is not known.
    fn variable(&self, name: &str) -> Option<String>;
    /// Whether there is a target.
    fn is_target(&self, name: &str) -> Truth;
}

/// Whether a condition holds. What is not understood is not known.
pub(super) fn holds(words: &[Word], asked: &dyn Asked) -> Truth {
    if words.len() > LONGEST {
        return Truth::Unknown;
    }
    let mut parser = Parser { words, asked, depth: 0 };
    match parser.any() {
        Some(truth) if parser.words.is_empty() => truth,
        _ => Truth::Unknown,
    }
}

struct Parser<'c> {
    words: &'c [Word],
    asked: &'c dyn Asked,
    depth: usize,
}

impl<'c> Parser<'c> {
    fn any(&mut self) -> Option<Truth> {
        let mut truth = self.all()?;
        while self.takes("OR") {
            truth = truth.or(self.all()?);
        }
        Some(truth)
    }

    fn all(&mut self) -> Option<Truth> {
        let mut truth = self.one()?;
        while self.takes("AND") {
            truth = truth.and(self.one()?);
        }
        Some(truth)
    }

    fn one(&mut self) -> Option<Truth> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return None;
        }
        let truth = if self.takes("NOT") {
            !self.one()?
        } else if self.takes("(") {
            let truth = self.any()?;
            self.takes(")").then_some(truth)?
        } else {
            self.test()?
        };
        self.depth -= 1;
        Some(truth)
    }

    fn next(&mut self) -> Option<&'c Word> {
        let (first, rest) = self.words.split_first()?;
        self.words = rest;
        Some(first)
    }

    /// What comes next, if it may be a keyword.
    fn keyword(&self) -> Option<&'c str> {
        let first = self.words.first().filter(|word| !word.quoted)?;
        first.value.as_deref()
    }

    fn takes(&mut self, keyword: &str) -> bool {
        let is_it = self.keyword() == Some(keyword);
        if is_it {
            self.words = &self.words[1..];
        }
        is_it
    }

    fn test(&mut self) -> Option<Truth> {
        match self.keyword() {
            Some("DEFINED") => {
                self.next()?;
                let name = self.next()?.value.as_deref();
                let known = name.is_some_and(|name| self.asked.variable(name).is_some());
                return Some(if known { Truth::Yes } else { Truth::Unknown });
            }
            Some("TARGET") => {
                self.next()?;
                let name = self.next()?.value.as_deref();
                return Some(name.map_or(Truth::Unknown, |name| self.asked.is_target(name)));
            }
            Some("EXISTS" | "COMMAND" | "POLICY" | "TEST" | "IS_DIRECTORY" | "IS_ABSOLUTE") => {
                self.next()?;
                self.next()?;
                return Some(Truth::Unknown);
            }
            _ => {}
        }
        let left = self.next()?;
        let operator = self.keyword().filter(|word| !matches!(*word, "AND" | "OR" | ")" | "("));
        let Some(operator) = operator else { return Some(self.alone(left)) };
        self.next()?;
        let right = self.next()?;
        let (left, right) = (self.value(left), self.value(right));
        let (Some(left), Some(right)) = (left, right) else { return Some(Truth::Unknown) };
        Some(compared(&left, operator, &right))
    }

    /// A variable's value where the word names one, else the word.
    fn value(&self, word: &Word) -> Option<String> {
        let text = word.value.clone()?;
        if word.quoted {
            return Some(text);
        }
        self.asked.variable(&text).or(Some(text))
    }

    /// A word that stands alone: a constant, or a variable that is not false.
    fn alone(&self, word: &Word) -> Truth {
        let Some(text) = word.value.as_deref() else { return Truth::Unknown };
        if let Some(constant) = constant(text) {
            return constant.into();
        }
        match self.asked.variable(text) {
            Some(value) => constant(&value).unwrap_or(!value.is_empty()).into(),
            None => Truth::Unknown,
        }
    }
}

fn constant(text: &str) -> Option<bool> {
    let upper = text.to_ascii_uppercase();
    match &*upper {
        "ON" | "YES" | "TRUE" | "Y" => Some(true),
        "OFF" | "NO" | "FALSE" | "N" | "IGNORE" | "NOTFOUND" | "" => Some(false),
        upper if upper.ends_with("-NOTFOUND") => Some(false),
        upper => upper
            .parse::<f64>()
            .ok()
            .filter(|number| number.is_finite())
            .map(|number| number != 0.0),
    }
}

fn compared(left: &str, operator: &str, right: &str) -> Truth {
    let (kind, relation) = match operator.split_once('_') {
        Some((kind @ "VERSION", relation)) => (kind, relation),
        _ => match operator.strip_prefix("STR") {
            Some(relation) => ("STR", relation),
            None => ("", operator),
        },
    };
    let order = match kind {
        "STR" => Some(left.cmp(right)),
        "VERSION" => version(left).zip(version(right)).map(|(left, right)| left.cmp(&right)),
        _ => {
            let number = |text: &str| text.trim().parse::<i64>().ok();
            number(left).zip(number(right)).map(|(left, right)| left.cmp(&right))
        }
    };
    let Some(order) = order else { return Truth::Unknown };
    match relation {
        "EQUAL" => order.is_eq(),
        "LESS" => order.is_lt(),
        "LESS_EQUAL" => order.is_le(),
        "GREATER" => order.is_gt(),
        "GREATER_EQUAL" => order.is_ge(),
        _ => return Truth::Unknown,
    }
    .into()
}

fn version(text: &str) -> Option<Vec<u32>> {
    text.trim().split('.').map(|part| part.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::Truth::{No, Unknown, Yes};
    use super::*;

    struct Windows;

    impl Asked for Windows {
        fn variable(&self, name: &str) -> Option<String> {
            let value = match name {
                "MSVC" | "WIN32" => "1",
                "UNIX" => "",
                "CMAKE_SYSTEM_NAME" => "Windows",
                _ => return None,
            };
            Some(value.to_owned())
        }

        fn is_target(&self, name: &str) -> Truth {
            if name == "driver" { Yes } else { Unknown }
        }
    }

    fn told(condition: &str) -> Truth {
        let word = |word: &str| Word {
            value: (!word.contains('$')).then(|| word.trim_matches('"').to_owned()),
            quoted: word.starts_with('"'),
        };
        holds(&condition.split(' ').map(word).collect::<Vec<_>>(), &Windows)
    }

    #[test]
    fn conditions_are_read_as_cmake_documents() {
        assert_eq!((told("MSVC"), told("UNIX"), told("NOT UNIX"), told("ON")), (Yes, No, Yes, Yes));
        assert_eq!(told("WIN32 AND NOT ( UNIX OR OFF )"), Yes);
        assert_eq!(told("CMAKE_SYSTEM_NAME STREQUAL \"Windows\""), Yes);
        assert_eq!(told("\"CMAKE_SYSTEM_NAME\" STREQUAL \"Windows\""), No);
        assert_eq!(told("3.20 VERSION_GREATER_EQUAL 3.9"), Yes);
        assert_eq!((told("8 EQUAL 8"), told("TARGET driver")), (Yes, Yes));
        assert_eq!(told("X-NOTFOUND"), No);
    }

    #[test]
    fn what_is_not_known_is_told_so() {
        assert_eq!(told("BUILD_TESTS"), Unknown);
        assert_eq!(told("BUILD_TESTS AND UNIX"), No);
        assert_eq!(told("\"${X}\" STREQUAL \"1\""), Unknown);
        assert_eq!(told("a MATCHES b"), Unknown);
        for broken in ["NOT", "(", "MSVC MSVC", "AND", "MSVC AND", "DEFINED", "A STREQUAL"] {
            assert_eq!(told(broken), Unknown, "{broken}");
        }
        assert_eq!(told(&"NOT ".repeat(150)), Unknown);
    }
}
