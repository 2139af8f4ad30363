//! How closely structures are packed: `#pragma pack`, and the headers of the kit that are one.

use crate::expression::number;
use crate::lex::{Kind, tokens};

/// The most that members of a structure are aligned to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    /// What the compiler is told to, which is no less than any type asks for.
    Default,
    /// So many bytes.
    Bytes(u8),
    /// It depends on the build, or is not understood.
    Open,
}

/// What happens to the packing in a translation unit.
#[derive(Clone, Debug)]
pub(crate) struct Packings {
    current: Packing,
    pushed: Vec<(Option<String>, Packing)>,
    /// From which time on what holds.
    events: Vec<(u32, Packing)>,
}

/// Nobody pushes more; beyond it nothing is known.
const DEEPEST: usize = 1024;

impl Packings {
    pub(crate) fn new() -> Packings {
        Packings { current: Packing::Default, pushed: Vec::new(), events: Vec::new() }
    }

    /// What holds at a time.
    pub(crate) fn at(&self, time: u32) -> Packing {
        let before = self.events.partition_point(|(from, _)| *from <= time);
        before.checked_sub(1).map_or(Packing::Default, |last| self.events[last].1)
    }

    /// Follows a pragma, of which `text` is what stands behind the word.
    pub(crate) fn pragma(&mut self, text: &str, time: u32, certain: bool) {
        if !is_pack(text) {
            return;
        }
        let words: Vec<_> = tokens(text, 0, text.len())
            .skip(2)
            .take(8)
            .filter(|token| token.kind != Kind::Operator)
            .map(|token| token.text(text))
            .collect();
        self.follow(&words, time, certain);
    }

    /// Follows an include of one of the kit's headers that only pack.
    pub(crate) fn include(&mut self, header: &str, time: u32, certain: bool) {
        match packed_by(header) {
            Some(0) => self.follow(&["pop"], time, certain),
            Some(bytes) => self.follow(&["push", &bytes.to_string()], time, certain),
            None => {}
        }
    }

    fn follow(&mut self, words: &[&str], time: u32, certain: bool) {
        match words {
            [] => self.current = Packing::Default,
            ["show"] => return,
            ["push", rest @ ..] => {
                let name = rest.iter().find(|word| number(word).is_none());
                if self.pushed.len() < DEEPEST {
                    self.pushed.push((name.map(|name| (*name).to_owned()), self.current));
                }
                if let Some(bytes) = rest.iter().find_map(|word| number(word)) {
                    self.current = bytes_of(bytes);
                }
            }
            ["pop", rest @ ..] => {
                self.pop(rest.iter().find(|word| number(word).is_none()));
                if let Some(bytes) = rest.iter().find_map(|word| number(word)) {
                    self.current = bytes_of(bytes);
                }
            }
            [bytes] => self.current = number(bytes).map_or(Packing::Open, bytes_of),
            _ => self.current = Packing::Open,
        }
        if !certain || self.pushed.len() >= DEEPEST {
            self.current = Packing::Open;
        }
        self.events.push((time, self.current));
    }

    /// Restores what was pushed last, or under a name. A name that was not pushed does nothing.
    fn pop(&mut self, name: Option<&&str>) {
        let found = match name {
            Some(name) => self.pushed.iter().rposition(|(of, _)| of.as_deref() == Some(*name)),
            None => self.pushed.len().checked_sub(1),
        };
        if let Some(found) = found {
            self.current = self.pushed[found].1;
            self.pushed.truncate(found);
        }
    }
}

/// Whether a pragma packs, by what stands behind the word.
pub(crate) fn is_pack(text: &str) -> bool {
    let rest = text.trim_start().strip_prefix("pack");
    rest.is_some_and(|rest| rest.trim_start().starts_with('('))
}

/// Whether a pragma gives back the packing that was there before, or the compiler's own.
pub(crate) fn is_end(text: &str) -> bool {
    let words = || tokens(text, 0, text.len()).skip(2);
    let mut plain = words().filter(|token| token.kind != Kind::Operator).map(|one| one.text(text));
    is_pack(text)
        && plain.next().is_none_or(|first| first == "pop")
        && plain.all(|word| number(word).is_none())
}

/// What a header of the kit packs to; 0 for the one that ends it.
pub(crate) fn packed_by(header: &str) -> Option<u8> {
    let name = header.rsplit(['/', '\\']).next().unwrap_or(header).to_ascii_lowercase();
    match &*name {
        "pshpack1.h" => Some(1),
        "pshpack2.h" => Some(2),
        "pshpack4.h" => Some(4),
        "pshpack8.h" => Some(8),
        "poppack.h" => Some(0),
        _ => None,
    }
}

fn bytes_of(bytes: u64) -> Packing {
    match bytes {
        1 | 2 | 4 | 8 | 16 => Packing::Bytes(bytes as u8),
        _ => Packing::Open,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What holds after each of the pragmas. The page of the pack pragma says what they do.
    fn told(pragmas: &[&str]) -> Vec<Packing> {
        let mut packings = Packings::new();
        for (time, pragma) in (1..).zip(pragmas) {
            packings.pragma(pragma, time, true);
        }
        (1..).zip(pragmas).map(|(time, _)| packings.at(time)).collect()
    }

    #[test]
    fn what_is_pushed_comes_back() {
        use Packing::{Bytes, Default};
        assert_eq!(
            told(&[
                "pack(push, 1)",
                "pack(push)",
                "pack(4)",
                "pack(pop)",
                "pack(pop)",
                "pack(pop)"
            ]),
            [Bytes(1), Bytes(1), Bytes(4), Bytes(1), Default, Default]
        );
        assert_eq!(
            told(&[
                "pack(push, r, 2)",
                "pack(push,1)",
                "pack(pop, r)",
                "pack(8)",
                "pack()",
                "pack(show)"
            ]),
            [Bytes(2), Bytes(1), Default, Bytes(8), Default, Default]
        );
        assert_eq!(told(&["pack(1)", "pack(pop, other)"]), [Bytes(1), Bytes(1)]);
        assert_eq!(told(&["pack(push, 1)", "pack(pop, 16)"]), [Bytes(1), Bytes(16)]);
    }

    #[test]
    fn what_is_not_understood_is_open() {
        assert_eq!(told(&["pack(3)", "pack(WIDTH)", "pack(1, 2)"]), [Packing::Open; 3]);
        assert_eq!(told(&["package(1)", "pack 1"]), [Packing::Default; 2]);
        let mut packings = Packings::new();
        packings.pragma("pack(1)", 5, false);
        assert_eq!((packings.at(4), packings.at(5)), (Packing::Default, Packing::Open));
        packings.include("PSHPACK2.H", 6, true);
        packings.include("poppack.h", 7, true);
        assert_eq!((packings.at(6), packings.at(7)), (Packing::Bytes(2), Packing::Open));
    }
}
