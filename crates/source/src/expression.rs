//! Expressions of constants, as arguments, macros and conditions have them.

use crate::lex::{Kind, Token, tokens};
use crate::{FileId, Span, kit_types, windows_version};
use std::ops::Range;

/// An expression, as far as it can matter for the value of a constant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Expression {
    /// A literal, with where it stands.
    Number(u64, Span),
    /// A name: of a macro, a constant, a variable, a parameter. Of `A::B` it is the last.
    Name(Box<str>, Span),
    Unary(Unary, Box<Expression>),
    Binary(Binary, Box<Expression>, Box<Expression>),
    /// Condition, and what it is otherwise.
    Choice(Box<[Expression; 3]>),
    /// The last is the value.
    Call(Box<str>, Vec<Expression>, Span),
    /// A conversion to a type with so many bits; 64 where that is not plain.
    Cast(u8, Box<Expression>),
    /// A member or an element of something that has a name, by the steps that lead there.
    Part(Box<str>, Vec<Step>),
    /// What the pointer of that name leads to.
    Pointed(Box<str>),
    /// What is no constant: a string, what else a pointer leads to, an assignment.
    Opaque(Opaque),
}

/// A step into a structure or an array.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Member(Box<str>),
    /// A member of what is pointed to.
    Pointed(Box<str>),
    Element(Expression),
}

/// Why an expression is no constant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Opaque {
    /// It is read from a structure, an array or through a pointer.
    Memory,
    /// It is not understood.
    Text,
    /// It is longer or deeper than is followed.
    TooLong,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Unary {
    Minus,
    Not,
    Complement,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Binary {
    Or,
    And,
    Xor,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    ShiftLeft,
    ShiftRight,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    BothTrue,
    EitherTrue,
}

/// More tokens than any constant has.
const MOST_TOKENS: usize = 1024;
const DEEPEST: usize = 48;

/// Reads the expression in `range` of `text`, which is the text of `file`.
pub(crate) fn read(text: &str, range: Range<usize>, file: FileId) -> Expression {
    let all: Vec<Token> = tokens(text, range.start, range.end).take(MOST_TOKENS + 1).collect();
    if all.len() > MOST_TOKENS {
        return Expression::Opaque(Opaque::TooLong);
    }
    read_tokens(text, &all, Places::In(file))
}

/// Where the tokens of an expression are written.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Places<'p> {
    /// In this file.
    In(FileId),
    /// Each at its own place.
    Each(&'p [Span]),
}

/// Reads the expression that tokens of `text` are.
pub(crate) fn read_tokens(text: &str, all: &[Token], places: Places<'_>) -> Expression {
    if all.len() > MOST_TOKENS {
        return Expression::Opaque(Opaque::TooLong);
    }
    let mut reader = Reader { text, places, tokens: all, at: 0, depth: 0 };
    match reader.expression(0) {
        Some(expression) if reader.at == all.len() => expression,
        _ if reader.depth > DEEPEST => Expression::Opaque(Opaque::TooLong),
        _ => Expression::Opaque(Opaque::Text),
    }
}

/// The value of a number as C writes it.
pub(crate) fn number(text: &str) -> Option<u64> {
    let digits: String = text.chars().filter(|letter| *letter != '\'').collect();
    let digits = digits.trim_end_matches("i64").trim_end_matches("I64");
    let digits = digits.trim_end_matches(['u', 'U', 'l', 'L']);
    let lower = digits.to_ascii_lowercase();
    match lower.strip_prefix("0x") {
        Some(hexadecimal) => u64::from_str_radix(hexadecimal, 16).ok(),
        None => match lower.strip_prefix("0b") {
            Some(binary) => u64::from_str_radix(binary, 2).ok(),
            None if lower.len() > 1 && lower.starts_with('0') => {
                u64::from_str_radix(&lower, 8).ok()
            }
            None => lower.parse().ok(),
        },
    }
}

/// The value of a character constant; of several characters as Microsoft's compiler packs them.
fn character(text: &str) -> Option<u64> {
    let inner = text.split_once('\'')?.1.strip_suffix('\'')?;
    let mut bytes = inner.bytes();
    let mut value = 0;
    while let Some(byte) = bytes.next() {
        let byte = match byte {
            b'\\' => match bytes.next()? {
                b'n' => b'\n',
                b't' => b'\t',
                b'0' => 0,
                other => other,
            },
            byte => byte,
        };
        value = value << 8 & 0xFFFF_FFFF | u64::from(byte);
    }
    Some(value)
}

struct Reader<'t> {
    text: &'t str,
    places: Places<'t>,
    tokens: &'t [Token],
    at: usize,
    depth: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<&str> {
        self.tokens.get(self.at).map(|token| token.text(self.text))
    }

    /// Where the token at an index is written.
    fn span(&self, index: usize) -> Span {
        let token = self.tokens[index];
        match self.places {
            Places::In(file) => Span::new(file, token.start..token.end),
            Places::Each(spans) => spans[index],
        }
    }

    fn kind(&self, ahead: usize) -> Option<Kind> {
        self.tokens.get(self.at + ahead).map(|token| token.kind)
    }

    fn text_at(&self, ahead: usize) -> Option<&str> {
        self.tokens.get(self.at + ahead).map(|token| token.text(self.text))
    }

    fn eat(&mut self, text: &str) -> bool {
        let there = self.peek() == Some(text);
        self.at += usize::from(there);
        there
    }

    /// An expression whose operators bind at least as `floor`.
    fn expression(&mut self, floor: u8) -> Option<Expression> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return None;
        }
        let mut left = self.unary()?;
        while let Some((operator, strength)) = self.peek().and_then(binary) {
            if strength < floor {
                break;
            }
            self.at += 1;
            let right = self.expression(strength + 1)?;
            left = Expression::Binary(operator, Box::new(left), Box::new(right));
        }
        if floor == 0 && self.eat("?") {
            let yes = self.expression(0)?;
            if !self.eat(":") {
                return None;
            }
            let no = self.expression(0)?;
            left = Expression::Choice(Box::new([left, yes, no]));
        }
        self.depth -= 1;
        Some(left)
    }

    fn unary(&mut self) -> Option<Expression> {
        let operator = match self.peek()? {
            "-" => Some(Unary::Minus),
            "!" => Some(Unary::Not),
            "~" => Some(Unary::Complement),
            "+" => None,
            sign @ ("*" | "&") => {
                let is_pointer = sign == "*";
                self.at += 1;
                return Some(match self.nested()? {
                    Expression::Name(name, _) if is_pointer => Expression::Pointed(name),
                    _ => Expression::Opaque(Opaque::Memory),
                });
            }
            _ => return self.operand(),
        };
        self.at += 1;
        let of = self.nested()?;
        Some(match operator {
            Some(operator) => Expression::Unary(operator, Box::new(of)),
            None => of,
        })
    }

    /// What a prefix operator or a cast applies to.
    fn nested(&mut self) -> Option<Expression> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return None;
        }
        let nested = self.unary()?;
        self.depth -= 1;
        Some(nested)
    }

    fn operand(&mut self) -> Option<Expression> {
        let token = *self.tokens.get(self.at)?;
        let span = self.span(self.at);
        let text = token.text(self.text);
        let mut operand = match token.kind {
            Kind::Number => {
                self.at += 1;
                Expression::Number(number(text)?, span)
            }
            Kind::Character => {
                self.at += 1;
                Expression::Number(character(text)?, span)
            }
            Kind::String => {
                self.at += 1;
                while self.kind(0) == Some(Kind::String) {
                    self.at += 1;
                }
                Expression::Opaque(Opaque::Text)
            }
            Kind::Word => self.name(text, span)?,
            Kind::Operator if text == "(" => match self.cast()? {
                Some(cast) => return Some(cast),
                None => {
                    self.at += 1;
                    let inner = self.expression(0)?;
                    if !self.eat(")") {
                        return None;
                    }
                    inner
                }
            },
            // A single value in braces.
            Kind::Operator if text == "{" => {
                self.at += 1;
                let inner = self.expression(0)?;
                self.eat(",");
                if !self.eat("}") {
                    return None;
                }
                return Some(inner);
            }
            Kind::Operator => return None,
        };
        // Members and elements, of whatever it is.
        loop {
            let step = match self.peek() {
                Some("." | "->") if self.kind(1) == Some(Kind::Word) => {
                    let is_pointer = self.peek() == Some("->");
                    self.at += 2;
                    let name = self.tokens[self.at - 1].text(self.text);
                    Some(match is_pointer {
                        true => Step::Pointed(name.into()),
                        false => Step::Member(name.into()),
                    })
                }
                Some("[") => self.element()?,
                Some("(") => {
                    self.skip_balanced("(", ")")?;
                    None
                }
                _ => return Some(operand),
            };
            operand = match (operand, step) {
                (Expression::Name(name, _), Some(step)) => Expression::Part(name, vec![step]),
                (Expression::Part(name, mut steps), Some(step)) => {
                    steps.push(step);
                    Expression::Part(name, steps)
                }
                (Expression::Cast(64, of), Some(Step::Pointed(name))) => match *of {
                    // At the address of what the kernel shares with programs.
                    Expression::Name(base, _) if windows_version::is_shared(&base) => {
                        Expression::Part(base, vec![Step::Pointed(name)])
                    }
                    Expression::Number(windows_version::SHARED, _) => Expression::Part(
                        windows_version::SHARED_NAME.into(),
                        vec![Step::Pointed(name)],
                    ),
                    _ => Expression::Opaque(Opaque::Memory),
                },
                _ => Expression::Opaque(Opaque::Memory),
            };
        }
    }

    /// The index in brackets; none where it is not understood.
    fn element(&mut self) -> Option<Option<Step>> {
        let (at, depth) = (self.at, self.depth);
        self.at += 1;
        if let Some(index) = self.expression(0)
            && self.eat("]")
        {
            return Some(Some(Step::Element(index)));
        }
        (self.at, self.depth) = (at, depth);
        self.skip_balanced("[", "]")?;
        Some(None)
    }

    fn name(&mut self, text: &str, mut span: Span) -> Option<Expression> {
        let mut name = text.to_owned();
        self.at += 1;
        if matches!(text, "static_cast" | "reinterpret_cast" | "const_cast")
            && self.peek() == Some("<")
        {
            while !self.eat(">") {
                self.at += 1;
                self.peek()?;
            }
            return self.operand();
        }
        if text == "defined" && self.kind(0) == Some(Kind::Word) {
            let token = self.tokens[self.at];
            let span = self.span(self.at);
            let of = Expression::Name(token.text(self.text).into(), span);
            self.at += 1;
            return Some(Expression::Call(name.into(), vec![of], span));
        }
        if matches!(text, "sizeof" | "alignof" | "_Alignof") {
            if self.peek() == Some("(") {
                let open = self.at + 1;
                self.skip_balanced("(", ")")?;
                let of = self.tokens[open..self.at - 1].iter().map(|token| token.text(self.text));
                if let Some(size) = kit_types::size(of).filter(|_| text == "sizeof") {
                    return Some(Expression::Number(size, Span { end: span.start, ..span }));
                }
            } else {
                self.nested()?;
            }
            return Some(Expression::Opaque(Opaque::Text));
        }
        while self.peek() == Some("::") && self.kind(1) == Some(Kind::Word) {
            let token = self.tokens[self.at + 1];
            name = token.text(self.text).to_owned();
            span = self.span(self.at + 1);
            self.at += 2;
        }
        if self.peek() == Some("{")
            && let Some(bits) = type_bits(&name)
        {
            return Some(Expression::Cast(bits, Box::new(self.nested()?)));
        }
        if !self.eat("(") {
            return Some(Expression::Name(name.into(), span));
        }
        let mut arguments = Vec::new();
        if !self.eat(")") {
            loop {
                arguments.push(self.expression(0)?);
                if self.eat(")") {
                    break;
                }
                if !self.eat(",") {
                    return None;
                }
            }
        }
        // A conversion in the manner of a function.
        match (type_bits(&name), arguments.len()) {
            (Some(bits), 1) => Some(Expression::Cast(bits, Box::new(arguments.pop()?))),
            _ => Some(Expression::Call(name.into(), arguments, span)),
        }
    }

    /// A conversion, if the parenthesis here opens one: there is only a type in it, and something follows that can be
    /// converted.
    fn cast(&mut self) -> Option<Option<Expression>> {
        let mut words = 0;
        let mut stars = 0;
        let mut last = "";
        let mut ahead = 1;
        loop {
            match (self.kind(ahead), self.text_at(ahead)) {
                (_, Some("const" | "volatile")) if stars > 0 => {}
                (Some(Kind::Word), Some(text)) if stars == 0 => {
                    words += 1;
                    if !matches!(text, "const" | "volatile" | "enum" | "struct") {
                        last = text;
                    }
                }
                (_, Some("*")) if words > 0 => stars += 1,
                (_, Some("::")) if words > 0 => {}
                (_, Some(")")) if words > 0 => break,
                _ => return Some(None),
            }
            ahead += 1;
        }
        let bits = if stars > 0 { 64 } else { type_bits(last).unwrap_or(64) };
        let is_type = stars > 0 || words > 1 || type_bits(last).is_some();
        let follows = match (self.kind(ahead + 1), self.text_at(ahead + 1)) {
            (Some(Kind::Word | Kind::Number | Kind::Character | Kind::String), _) => true,
            (_, Some("(" | "~" | "!")) => true,
            (_, Some("-" | "&" | "*" | "+")) => is_type,
            _ => false,
        };
        if !follows {
            return Some(None);
        }
        self.at += ahead + 1;
        let of = self.nested()?;
        Some(Some(Expression::Cast(bits, Box::new(of))))
    }

    fn skip_balanced(&mut self, open: &str, close: &str) -> Option<()> {
        let mut depth = 0_usize;
        loop {
            let text = self.peek()?;
            depth += usize::from(text == open);
            depth -= usize::from(text == close);
            self.at += 1;
            if depth == 0 {
                return Some(());
            }
        }
    }
}

/// An operator and how strongly it binds.
fn binary(text: &str) -> Option<(Binary, u8)> {
    Some(match text {
        "||" => (Binary::EitherTrue, 1),
        "&&" => (Binary::BothTrue, 2),
        "|" => (Binary::Or, 3),
        "^" => (Binary::Xor, 4),
        "&" => (Binary::And, 5),
        "==" => (Binary::Equal, 6),
        "!=" => (Binary::NotEqual, 6),
        "<" => (Binary::Less, 7),
        "<=" => (Binary::LessOrEqual, 7),
        ">" => (Binary::Greater, 7),
        ">=" => (Binary::GreaterOrEqual, 7),
        "<<" => (Binary::ShiftLeft, 8),
        ">>" => (Binary::ShiftRight, 8),
        "+" => (Binary::Add, 9),
        "-" => (Binary::Subtract, 9),
        "*" => (Binary::Multiply, 10),
        "/" => (Binary::Divide, 10),
        "%" => (Binary::Remainder, 10),
        _ => return None,
    })
}

/// How many bits a type has that constants are converted to; none for what is not known to be a type.
pub(crate) fn type_bits(name: &str) -> Option<u8> {
    Some(match name {
        "char" | "UCHAR" | "CHAR" | "BYTE" | "BOOLEAN" | "KPROCESSOR_MODE" | "UINT8"
        | "uint8_t" => 8,
        "short" | "USHORT" | "WORD" | "UINT16" | "uint16_t" => 16,
        "int"
        | "unsigned"
        | "signed"
        | "long"
        | "ULONG"
        | "LONG"
        | "DWORD"
        | "UINT"
        | "INT"
        | "UINT32"
        | "ULONG32"
        | "uint32_t"
        | "POOL_TYPE"
        | "_POOL_TYPE"
        | "MEMORY_CACHING_TYPE"
        | "_MEMORY_CACHING_TYPE"
        | "MM_PAGE_PRIORITY"
        | "_MM_PAGE_PRIORITY"
        | "EX_POOL_PRIORITY"
        | "VP_POOL_TYPE" => 32,
        "ULONG64" | "ULONGLONG" | "UINT64" | "DWORD64" | "SIZE_T" | "ULONG_PTR" | "uint64_t"
        | "size_t" | "POOL_FLAGS" => 64,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> String {
        fn tell(expression: &Expression) -> String {
            match expression {
                Expression::Number(value, _) => value.to_string(),
                Expression::Name(name, _) => name.to_string(),
                Expression::Unary(operator, of) => format!("{operator:?}({})", tell(of)),
                Expression::Binary(operator, left, right) => {
                    format!("{operator:?}({}, {})", tell(left), tell(right))
                }
                Expression::Choice(of) => {
                    format!("({} ? {} : {})", tell(&of[0]), tell(&of[1]), tell(&of[2]))
                }
                Expression::Call(name, arguments, _) => {
                    format!("{name}[{}]", arguments.iter().map(tell).collect::<Vec<_>>().join(", "))
                }
                Expression::Cast(bits, of) => format!("u{bits}({})", tell(of)),
                Expression::Part(name, steps) => {
                    let step = |step: &Step| match step {
                        Step::Member(name) => format!(".{name}"),
                        Step::Pointed(name) => format!("->{name}"),
                        Step::Element(index) => format!("[{}]", tell(index)),
                    };
                    format!("{name}{}", steps.iter().map(step).collect::<String>())
                }
                Expression::Pointed(name) => format!("*{name}"),
                Expression::Opaque(why) => format!("{why:?}"),
            }
        }
        tell(&read(text, 0..text.len(), FileId(0)))
    }

    #[test]
    fn operators_bind_as_in_c() {
        assert_eq!(told("a | b & 1 << 2"), "Or(a, And(b, ShiftLeft(1, 2)))");
        assert_eq!(told("a - b - c"), "Subtract(Subtract(a, b), c)");
        assert_eq!(told("a ? b : c ? d : e"), "(a ? b : (c ? d : e))");
        assert_eq!(told("!a && ~b == -1"), "BothTrue(Not(a), Equal(Complement(b), Minus(1)))");
    }

    #[test]
    fn conversions_are_told_from_parentheses() {
        assert_eq!(told("(POOL_TYPE)0"), "u32(0)");
        assert_eq!(told("(POOL_TYPE)(A|B) | C"), "Or(u32(Or(A, B)), C)");
        assert_eq!(told("(A) | (B)"), "Or(A, B)");
        assert_eq!(told("(A) & B"), "And(A, B)");
        assert_eq!(told("(unsigned long)-1"), "u32(Minus(1))");
        assert_eq!(told("static_cast<POOL_TYPE>(0x200)"), "512");
        assert_eq!(told("POOL_TYPE(4)"), "u32(4)");
        assert_eq!(told("POOL_TYPE::NonPagedPool"), "NonPagedPool");
        assert_eq!(told("(void*)p"), "u64(p)");
        assert_eq!(told("defined A && !defined(B)"), "BothTrue(defined[A], Not(defined[B]))");
    }

    #[test]
    fn what_is_no_constant_says_why() {
        assert_eq!(told("p->Type.x"), "p->Type.x");
        assert_eq!(told("F()->Type"), "Memory");
        assert_eq!(told("a[1] | 2"), "Or(a[1], 2)");
        assert_eq!(told("a[i + 1].b.c"), "a[Add(i, 1)].b.c");
        assert_eq!(told("a[x = 1]"), "Memory");
        assert_eq!(told("F()[1]"), "Memory");
        assert_eq!(told("ULONG{ 1 }"), "u32(1)");
        assert_eq!(told("*p"), "*p");
        assert_eq!(told("**p"), "Memory");
        assert_eq!(told("&p"), "Memory");
        assert_eq!(told("a = b"), "Text");
        assert_eq!(told("sizeof(X) + 1"), "Add(Text, 1)");
        // Of x64, on which `long` has four bytes.
        for (of, size) in [
            ("void *", "8"),
            ("struct X **", "8"),
            ("PVOID", "8"),
            ("unsigned long", "4"),
            ("ULONG", "4"),
        ] {
            assert_eq!(told(&format!("sizeof({of}) + 1")), format!("Add({size}, 1)"));
        }
        for of in ["sizeof(x * y)", "sizeof(*)", "sizeof()", "sizeof(int[2])", "_Alignof(int)"] {
            assert_eq!(told(of), "Text", "{of}");
        }
        assert_eq!(told("Choose(a, 2)"), "Choose[a, 2]");
        assert_eq!(told(""), "Text");
        assert_eq!(told(&"(".repeat(900)), "TooLong");
        assert_eq!(told(&"-".repeat(900)), "TooLong");
        assert_eq!(told(&"1+".repeat(900)), "TooLong");
    }

    #[test]
    fn numbers_are_written_in_many_ways() {
        for (text, value) in [
            ("0x1Fu", 31),
            ("0b11", 3),
            ("017", 15),
            ("1'000", 1000),
            ("0xFFFFFFFFui64", 0xFFFF_FFFF_u64),
            ("0", 0),
            ("'ksiD'", 0x6B73_6944),
        ] {
            assert_eq!(told(text), format!("{value}"), "{text}");
        }
        assert_eq!(told("1.5"), "Text");
    }
}
