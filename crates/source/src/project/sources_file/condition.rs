//! NMAKE's conditions, such as `"$(DDKBUILDENV)"=="chk" && $(FREEBUILD)`.

use super::super::truth::Truth;

/// The longest condition that is evaluated, in bytes.
const LONGEST: usize = 4096;
/// How deep parentheses and negations are followed.
const DEEPEST: usize = 24;

/// What a condition asks about.
pub(super) trait Asked {
    /// Whether a macro is defined.
    fn is_defined(&self, name: &str) -> Truth;
    /// What text with macros in it comes to; none where that is not known.
    fn value(&self, text: &str) -> Option<String>;
}

/// Whether a condition holds. What is not understood is not known.
pub(super) fn holds(condition: &str, asked: &dyn Asked) -> Truth {
    if condition.len() > LONGEST {
        return Truth::Unknown;
    }
    let mut parser = Parser { rest: condition, asked, depth: 0 };
    match parser.any() {
        Some(truth) if parser.rest.trim_start().is_empty() => truth,
        _ => Truth::Unknown,
    }
}

struct Parser<'c> {
    rest: &'c str,
    asked: &'c dyn Asked,
    depth: usize,
}

impl Parser<'_> {
    fn any(&mut self) -> Option<Truth> {
        let mut truth = self.all()?;
        while self.takes("||") {
            truth = truth.or(self.all()?);
        }
        Some(truth)
    }

    fn all(&mut self) -> Option<Truth> {
        let mut truth = self.one()?;
        while self.takes("&&") {
            truth = truth.and(self.one()?);
        }
        Some(truth)
    }

    fn one(&mut self) -> Option<Truth> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return None;
        }
        let is_difference = self.rest.trim_start().starts_with("!=");
        let truth = if !is_difference && self.takes("!") {
            !self.one()?
        } else if self.takes("(") {
            let truth = self.any()?;
            self.takes(")").then_some(truth)?
        } else {
            self.comparison()?
        };
        self.depth -= 1;
        Some(truth)
    }

    fn takes(&mut self, mark: &str) -> bool {
        let rest = self.rest.trim_start().strip_prefix(mark);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn comparison(&mut self) -> Option<Truth> {
        let word = self.word()?;
        if let Word::Call(name, argument) = &word {
            return Some(match name.eq_ignore_ascii_case("defined") {
                true => self.asked.is_defined(argument.trim()),
                false => Truth::Unknown,
            });
        }
        let left = self.value(&word);
        let operator = ["==", "!=", "<=", ">=", "<", ">"].into_iter().find(|one| self.takes(one));
        let Some(operator) = operator else {
            let number = left.as_deref().and_then(number);
            return Some(number.map_or(Truth::Unknown, |number| (number != 0).into()));
        };
        let right = self.word()?;
        let right = self.value(&right);
        let (Some(left), Some(right)) = (left, right) else { return Some(Truth::Unknown) };
        Some(match (operator, number(&left), number(&right)) {
            ("==", Some(left), Some(right)) => (left == right).into(),
            ("!=", Some(left), Some(right)) => (left != right).into(),
            ("<", Some(left), Some(right)) => (left < right).into(),
            ("<=", Some(left), Some(right)) => (left <= right).into(),
            (">", Some(left), Some(right)) => (left > right).into(),
            (">=", Some(left), Some(right)) => (left >= right).into(),
            ("==", ..) => (left == right).into(),
            ("!=", ..) => (left != right).into(),
            _ => Truth::Unknown,
        })
    }

    fn value(&self, word: &Word) -> Option<String> {
        let Word::Text(text) = word else { return None };
        self.asked.value(text)
    }

    fn word(&mut self) -> Option<Word> {
        let rest = self.rest.trim_start();
        if let Some(quoted) = rest.strip_prefix('"') {
            let end = quoted.find('"')?;
            self.rest = &quoted[end + 1..];
            return Some(Word::Text(quoted[..end].to_owned()));
        }
        let fits = |letter: char| letter.is_alphanumeric() || "_$.-/\\:".contains(letter);
        let mut end = 0;
        while let Some(letter) = rest[end..].chars().next() {
            if letter == '(' && rest[..end].ends_with('$') {
                end += rest[end..].find(')')?;
            } else if !fits(letter) {
                break;
            }
            end += rest[end..].chars().next()?.len_utf8();
        }
        let (word, behind) = rest.split_at(end);
        self.rest = behind;
        if let Some(argument) = behind.trim_start().strip_prefix('(')
            && !word.is_empty()
        {
            let end = argument.find(')')?;
            self.rest = &argument[end + 1..];
            return Some(Word::Call(word.to_owned(), argument[..end].to_owned()));
        }
        (!word.is_empty()).then(|| Word::Text(word.to_owned()))
    }
}

/// Something that is compared, or a question such as `DEFINED(NAME)`.
enum Word {
    Text(String),
    Call(String, String),
}

fn number(text: &str) -> Option<i64> {
    let text = text.trim();
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => i64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::Truth::{No, Unknown, Yes};
    use super::*;

    struct Checked;

    impl Asked for Checked {
        fn is_defined(&self, name: &str) -> Truth {
            if name == "AMD64" { Yes } else { Unknown }
        }

        fn value(&self, text: &str) -> Option<String> {
            let text = text.replace("$(DDKBUILDENV)", "chk").replace("$(FREEBUILD)", "0");
            (!text.contains('$')).then_some(text)
        }
    }

    fn told(condition: &str) -> Truth {
        holds(condition, &Checked)
    }

    #[test]
    fn conditions_are_read_as_nmake_documents() {
        assert_eq!(told("\"$(DDKBUILDENV)\"==\"chk\""), Yes);
        assert_eq!(told("!$(FREEBUILD)"), Yes);
        assert_eq!(told("$(FREEBUILD) || 0x600 > 1535"), Yes);
        assert_eq!(told("defined(AMD64) && ( $(FREEBUILD) == 1 )"), No);
        assert_eq!(told("\"a\" != \"b\""), Yes);
    }

    #[test]
    fn what_is_not_known_is_told_so() {
        assert_eq!(told("$(_NT_TARGET_VERSION) >= 0x600"), Unknown);
        assert_eq!(told("defined(X) && 0"), No);
        assert_eq!(told("exist(a.h)"), Unknown);
        for broken in ["", "(", "1 ==", "$(", "\"", "!", "1 2", "é("] {
            assert_eq!(told(broken), Unknown, "{broken}");
        }
        assert_eq!(told(&"(".repeat(4000)), Unknown);
        assert_eq!(told(&"!".repeat(4000)), Unknown);
    }
}
