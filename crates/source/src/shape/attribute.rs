//! `__attribute__((packed))` and its kin, of clang: what they say of where members lie.

use crate::expression::number;
use crate::lex::{skip_blank, tokens};
use memchr::memmem;

/// What attributes say of a layout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Attributes {
    pub(super) is_packed: bool,
    /// The most that is asked for.
    pub(super) align: Option<u64>,
    /// Whether something is said that is not understood.
    pub(super) is_odd: bool,
}

/// What attributes of clang begin with.
pub(crate) const WORD: &str = "__attribute__";
/// More than attributes of one thing have.
const MOST_TOKENS: usize = 128;

/// Those that say nothing of a layout.
const OTHERS: [&str; 8] = [
    "unused",
    "__unused__",
    "deprecated",
    "__deprecated__",
    "may_alias",
    "__may_alias__",
    "section",
    "used",
];

/// Whether a text may pack structures by attributes.
pub(crate) fn may_pack(text: &str) -> bool {
    let has = |word: &str| memmem::find(text.as_bytes(), word.as_bytes()).is_some();
    has("packed") && has(WORD)
}

/// Whether attributes in a text pack.
pub(super) fn packs(text: &str) -> bool {
    text.contains(WORD) && all(text).is_packed
}

/// What the attributes in a text say together.
pub(super) fn all(text: &str) -> Attributes {
    let mut found = Attributes::default();
    let mut rest = text;
    while let Some(at) = rest.find(WORD) {
        rest = &rest[at..];
        let (end, said) = first(rest);
        found.add(said);
        rest = &rest[end.max(WORD.len())..];
    }
    found
}

/// Where a declaration goes on behind the attributes that stand at a byte, such as those behind a `}`, and what they say.
pub(super) fn behind(text: &str, from: usize) -> (usize, Attributes) {
    let mut found = Attributes::default();
    let mut at = from;
    loop {
        let start = skip_blank(text.as_bytes(), at);
        let Some(rest) = text.get(start..).filter(|rest| rest.starts_with(WORD)) else {
            return (at, found);
        };
        let (end, said) = first(rest);
        found.add(said);
        at = start + end.max(WORD.len());
    }
}

/// What the attributes say that a text begins with, and where they end.
fn first(text: &str) -> (usize, Attributes) {
    let odd = Attributes { is_odd: true, ..Attributes::default() };
    let all: Vec<_> = tokens(text, 0, text.len()).skip(1).take(MOST_TOKENS).collect();
    let word = |index: usize| all.get(index).map_or("", |token| token.text(text));
    if (word(0), word(1)) != ("(", "(") {
        return (0, odd);
    }
    let mut found = Attributes::default();
    let mut depth = 0_usize;
    for (index, token) in all.iter().enumerate() {
        match token.text(text) {
            "(" => depth += 1,
            ")" => depth -= 1,
            "packed" | "__packed__" if depth == 2 => found.is_packed = true,
            "aligned" | "__aligned__" if depth == 2 => {
                let asked = number(word(index + 2)).filter(|_| word(index + 3) == ")");
                let asked = asked.filter(|one| one.is_power_of_two() && *one <= 8192);
                found.is_odd |= asked.is_none();
                found.align = found.align.max(asked);
            }
            "," => {}
            one => found.is_odd |= depth == 2 && !OTHERS.contains(&one),
        }
        if depth == 0 {
            return (token.end, found);
        }
    }
    (0, odd)
}

impl Attributes {
    fn add(&mut self, other: Attributes) {
        self.is_packed |= other.is_packed;
        self.is_odd |= other.is_odd;
        self.align = self.align.max(other.align);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As GCC's manual has it for attributes of types.
    #[test]
    fn attributes_say_where_members_lie() {
        let packed = Attributes { is_packed: true, ..Attributes::default() };
        assert_eq!(all("struct __attribute__((packed)) A "), packed);
        assert_eq!(all("__attribute__ ((unused)) __attribute__((__packed__))"), packed);
        let aligned = Attributes { align: Some(16), ..packed };
        assert_eq!(all("__attribute__((packed, aligned(16)))"), aligned);
        assert_eq!(all("int packed; aligned(3)"), Attributes::default());
        for text in [
            "__attribute__((aligned))",
            "__attribute__((aligned(N)))",
            "__attribute__((ms_struct))",
            "__attribute__(packed)",
            "__attribute__",
            "__attribute__((packed",
        ] {
            assert!(all(text).is_odd, "{text}");
        }
        assert_eq!(behind("} __attribute__((packed)) E;", 1), (25, packed));
        assert_eq!(behind("} E __attribute__((packed));", 1), (1, Attributes::default()));
    }
}
