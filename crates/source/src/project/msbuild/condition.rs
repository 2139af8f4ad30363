//! MSBuild's conditions, such as `'$(Configuration)|$(Platform)'=='Release|x64'`.

use super::super::truth::Truth;

/// The longest condition that is evaluated, in bytes.
const LONGEST: usize = 4096;
/// How deep parentheses and negations are followed.
const DEEPEST: usize = 24;

/// What a condition asks about.
pub(super) trait Asked {
    /// What text with properties in it comes to; none where that is not known.
    fn value(&self, text: &str) -> Option<String>;
    /// Whether there is a file or folder, whose path may have properties in it.
    fn exists(&self, path: &str) -> Truth;
}

/// Whether a condition holds. What is not understood is not known.
pub(super) fn holds(condition: &str, asked: &dyn Asked) -> Truth {
    let condition = condition.trim();
    if condition.is_empty() {
        return Truth::Yes;
    }
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

/// Something that is compared.
enum Operand {
    /// Its value; none where it is not known.
    Value(Option<String>),
    /// A function's answer.
    Truth(Truth),
}

impl<'c> Parser<'c> {
    fn any(&mut self) -> Option<Truth> {
        let mut truth = self.all()?;
        while self.word("or") {
            truth = truth.or(self.all()?);
        }
        Some(truth)
    }

    fn all(&mut self) -> Option<Truth> {
        let mut truth = self.one()?;
        while self.word("and") {
            truth = truth.and(self.one()?);
        }
        Some(truth)
    }

    fn one(&mut self) -> Option<Truth> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return None;
        }
        self.rest = self.rest.trim_start();
        let truth = if self.rest.starts_with('!') && !self.rest.starts_with("!=") {
            self.rest = &self.rest[1..];
            !self.one()?
        } else if let Some(rest) = self.rest.strip_prefix('(') {
            self.rest = rest;
            let truth = self.any()?;
            self.rest = self.rest.trim_start().strip_prefix(')')?;
            truth
        } else {
            self.comparison()?
        };
        self.depth -= 1;
        Some(truth)
    }

    fn comparison(&mut self) -> Option<Truth> {
        let left = match self.operand()? {
            Operand::Truth(truth) => return Some(truth),
            Operand::Value(value) => value,
        };
        self.rest = self.rest.trim_start();
        let operators = ["==", "!=", "<=", ">=", "<", ">"];
        let Some(operator) = operators.into_iter().find(|one| self.rest.starts_with(*one)) else {
            return Some(left.map_or(Truth::Unknown, |value| switch(&value)));
        };
        self.rest = &self.rest[operator.len()..];
        let Operand::Value(right) = self.operand()? else { return None };
        Some(match (left, right) {
            (Some(left), Some(right)) => compared(&left, operator, &right),
            _ => Truth::Unknown,
        })
    }

    fn operand(&mut self) -> Option<Operand> {
        self.rest = self.rest.trim_start();
        if let Some(quoted) = self.rest.strip_prefix('\'') {
            let end = closing(quoted, '\'')?;
            self.rest = &quoted[end + 1..];
            return Some(Operand::Value(self.asked.value(&quoted[..end])));
        }
        let length = bare(self.rest);
        let (word, rest) = self.rest.split_at(length);
        if word.is_empty() {
            return None;
        }
        self.rest = rest;
        if let Some(arguments) = rest.trim_start().strip_prefix('(') {
            let end = closing(arguments, ')')?;
            self.rest = &arguments[end + 1..];
            let argument = arguments[..end].trim().trim_matches('\'');
            return Some(Operand::Truth(match word.eq_ignore_ascii_case("exists") {
                true => self.asked.exists(argument),
                false => Truth::Unknown,
            }));
        }
        Some(Operand::Value(self.asked.value(word)))
    }

    /// Takes `word` where it comes next.
    fn word(&mut self, word: &str) -> bool {
        let rest = self.rest.trim_start();
        let is_it = rest.get(..word.len()).is_some_and(|next| next.eq_ignore_ascii_case(word));
        let ends = !rest
            .get(word.len()..)
            .is_some_and(|next| next.starts_with(|letter: char| letter.is_alphanumeric()));
        if is_it && ends {
            self.rest = &rest[word.len()..];
        }
        is_it && ends
    }
}

/// Where `end` is, outside of property references.
fn closing(text: &str, end: char) -> Option<usize> {
    let mut open = 0_usize;
    let mut last = ' ';
    for (at, letter) in text.char_indices() {
        match letter {
            _ if letter == end && open == 0 => return Some(at),
            '(' if last == '$' || last == '@' || last == '%' || open > 0 => open += 1,
            ')' => open = open.saturating_sub(1),
            _ => {}
        }
        last = letter;
    }
    None
}

/// How long a word without quotation marks is: letters, digits and property references.
fn bare(text: &str) -> usize {
    let mut at = 0;
    while let Some(letter) = text[at..].chars().next() {
        if letter == '$' && text[at + 1..].starts_with('(') {
            let Some(end) = closing(&text[at + 2..], ')') else { return at };
            at += 2 + end + 1;
        } else if letter.is_alphanumeric() || "._-".contains(letter) {
            at += letter.len_utf8();
        } else {
            break;
        }
    }
    at
}

/// A value that stands alone.
fn switch(value: &str) -> Truth {
    let is = |words: [&str; 3]| words.iter().any(|word| value.trim().eq_ignore_ascii_case(word));
    match () {
        () if is(["true", "on", "yes"]) => Truth::Yes,
        () if is(["false", "off", "no"]) => Truth::No,
        () => Truth::Unknown,
    }
}

fn compared(left: &str, operator: &str, right: &str) -> Truth {
    let numbers = number(left).zip(number(right));
    let same = match numbers {
        Some((left, right)) => left == right,
        None => left.to_lowercase() == right.to_lowercase(),
    };
    let Some(order) = numbers.and_then(|(left, right)| left.partial_cmp(&right)).or_else(|| {
        let (left, right) = (version(left)?, version(right)?);
        Some(left.cmp(&right))
    }) else {
        return match operator {
            "==" => same.into(),
            "!=" => (!same).into(),
            _ => Truth::Unknown,
        };
    };
    match operator {
        "==" => same,
        "!=" => !same,
        "<" => order.is_lt(),
        "<=" => order.is_le(),
        ">" => order.is_gt(),
        _ => order.is_ge(),
    }
    .into()
}

fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        return u32::from_str_radix(digits, 16).ok().map(f64::from);
    }
    let plain = |letter: char| letter.is_ascii_digit() || letter == '.' || letter == '-';
    text.chars().all(plain).then(|| text.parse().ok())?
}

fn version(text: &str) -> Option<Vec<u32>> {
    text.trim().trim_start_matches(['v', 'V']).split('.').map(|part| part.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::Truth::{No, Unknown, Yes};
    use super::*;

    struct Release;

    impl Asked for Release {
        fn value(&self, text: &str) -> Option<String> {
            let text = text.replace("$(Configuration)", "Release").replace("$(Platform)", "x64");
            (!text.contains("$(")).then_some(text)
        }

        fn exists(&self, path: &str) -> Truth {
            if path == "there.props" { Yes } else { Unknown }
        }
    }

    fn told(condition: &str) -> Truth {
        holds(condition, &Release)
    }

    #[test]
    fn configurations_are_compared_without_regard_to_case() {
        assert_eq!(told("'$(Configuration)|$(Platform)'=='release|X64'"), Yes);
        assert_eq!(told("'$(Configuration)|$(Platform)' != 'Release|x64'"), No);
        assert_eq!(told(" $(Configuration) == 'Debug' "), No);
        assert_eq!(told(""), Yes);
    }

    #[test]
    fn words_join_and_parentheses_group() {
        assert_eq!(told("'$(Platform)'=='x64' and '$(Configuration)'=='Debug'"), No);
        assert_eq!(told("'a'=='b' Or ('$(Platform)'=='x64' And !('1'=='2'))"), Yes);
        assert_eq!(told("!true or 'a' == 'a'"), Yes);
        assert_eq!(told("!Exists('there.props')"), No);
        assert_eq!(told("exists('$(UserRootDir)\\x.props')"), Unknown);
    }

    #[test]
    fn numbers_and_versions_have_an_order() {
        assert_eq!((told("'10' > '9'"), told("'0x0A' == '10'"), told("1.0 == 1")), (Yes, Yes, Yes));
        assert_eq!(told("'10.0.19041.0' >= '10.0.2'"), Yes);
        assert_eq!(told("'a' < 'b'"), Unknown);
    }

    #[test]
    fn what_is_not_known_decides_only_what_hangs_on_it() {
        assert_eq!(told("'$(Mine)'=='1'"), Unknown);
        assert_eq!(told("'$(Mine)'=='1' and '$(Platform)'=='ARM64'"), No);
        assert_eq!(told("'$([System.String]::new('x'))' == ''"), Unknown);
        for broken in ["'a'==", "(", "'a", "and", "'a'=='a' x", "$(", "f(", "===", "'é'=é)"] {
            assert_eq!(told(broken), Unknown, "{broken}");
        }
        assert_eq!(told(&("(".repeat(2000) + "true" + &")".repeat(2000))), Unknown);
        assert_eq!(told(&"!".repeat(4000)), Unknown);
    }
}
