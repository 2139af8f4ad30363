//! Finds names as whole words. Few are found by vectors, which pass over what none begins with; with many of them nearly
//! every word may be one, and it is quicker to go word by word.

use crate::lex::{is_word, word_end};
use aho_corasick::{AhoCorasick, MatchKind};
use foldhash::HashSet;

/// So many are found by vectors.
const FEW: usize = 64;

/// Words of this many bytes and more are told apart by their letters alone.
const LONGEST: usize = 63;

/// Finds any of some names.
#[derive(Clone, Debug)]
pub(crate) enum Searcher {
    /// Of few names.
    Few(AhoCorasick),
    /// Of many.
    Many(Many),
}

impl Searcher {
    /// Of names that are not empty.
    pub(crate) fn of(names: &[String]) -> Searcher {
        // The longest: `ExAllocatePool` is no name within `ExAllocatePoolWithTag`.
        let few = || AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(names);
        match (names.len() <= FEW).then(few) {
            Some(Ok(few)) => Searcher::Few(few),
            _ => Searcher::Many(Many::of(names.iter().map(String::as_str))),
        }
    }

    /// Whether a text has one of the names as a whole word.
    pub(crate) fn is_any_in(&self, text: &str) -> bool {
        match self {
            Searcher::Few(few) => few_in(few, text.as_bytes()).next().is_some(),
            Searcher::Many(many) => many.is_any_in(text),
        }
    }

    /// Where a text has one of the names as a whole word, in its order.
    pub(crate) fn places(&self, text: &str) -> Vec<usize> {
        match self {
            Searcher::Few(few) => few_in(few, text.as_bytes()).collect(),
            Searcher::Many(many) => many.places(text),
        }
    }
}

fn few_in<'t>(few: &'t AhoCorasick, bytes: &'t [u8]) -> impl Iterator<Item = usize> + 't {
    let found = few.find_iter(bytes).map(|found| found.range());
    found
        .filter(|found| is_whole(&bytes[found.clone()], bytes, found.start))
        .map(|found| found.start)
}

/// Many names.
#[derive(Clone, Debug)]
pub(crate) struct Many {
    /// For each byte that a word may begin with: how long names are that do so, a bit each.
    lengths: Box<[u64; 256]>,
    /// Names that are words, and the first words of others.
    words: HashSet<Box<[u8]>>,
    /// Names that begin with a word and go on, such as `operator new`, the longest first.
    phrases: Vec<Box<[u8]>>,
    /// Names that begin with something else, such as `~A`.
    others: Vec<Box<[u8]>>,
    /// The first words that are no names by themselves.
    only_first: HashSet<Box<[u8]>>,
}

impl Many {
    fn of<'n>(names: impl IntoIterator<Item = &'n str>) -> Many {
        let mut searcher = Many {
            lengths: Box::new([0; 256]),
            words: HashSet::default(),
            phrases: Vec::new(),
            others: Vec::new(),
            only_first: HashSet::default(),
        };
        for name in names.into_iter().map(str::as_bytes) {
            match word_end(name, 0) {
                0 if name.is_empty() => {}
                0 => searcher.others.push(name.into()),
                end if end == name.len() => searcher.add(name),
                _ => searcher.phrases.push(name.into()),
            }
        }
        searcher.phrases.sort_by_key(|phrase| std::cmp::Reverse(phrase.len()));
        for phrase in searcher.phrases.clone() {
            let first = &phrase[..word_end(&phrase, 0)];
            if !searcher.words.contains(first) {
                searcher.add(first);
                searcher.only_first.insert(first.into());
            }
        }
        searcher
    }

    fn add(&mut self, word: &[u8]) {
        self.lengths[usize::from(word[0])] |= 1 << word.len().min(LONGEST);
        self.words.insert(word.into());
    }

    fn is_any_in(&self, text: &str) -> bool {
        self.next(text.as_bytes(), 0).is_some()
            || self.others.iter().any(|name| others_in(name, text.as_bytes()).next().is_some())
    }

    fn places(&self, text: &str) -> Vec<usize> {
        let bytes = text.as_bytes();
        let mut places = Vec::new();
        let mut at = 0;
        while let Some((start, end)) = self.next(bytes, at) {
            places.push(start);
            at = end;
        }
        if !self.others.is_empty() {
            places.extend(self.others.iter().flat_map(|name| others_in(name, bytes)));
            places.sort_unstable();
        }
        places
    }

    /// The first name from `at` on: where it begins and ends.
    #[inline]
    fn next(&self, bytes: &[u8], mut at: usize) -> Option<(usize, usize)> {
        loop {
            at += bytes.get(at..)?.iter().position(|byte| is_word(*byte))?;
            let start = at;
            at = word_end(bytes, start);
            let length = (at - start).min(LONGEST);
            if self.lengths[usize::from(bytes[start])] >> length & 1 == 1
                && let Some(end) = self.named(bytes, start, at)
            {
                return Some((start, end));
            }
        }
    }

    /// The end of the name that begins with a word, if there is one.
    fn named(&self, bytes: &[u8], start: usize, end: usize) -> Option<usize> {
        let word = &bytes[start..end];
        if !self.words.contains(word) {
            return None;
        }
        match self.phrases.iter().find(|phrase| is_whole(phrase, bytes, start)) {
            Some(phrase) => Some(start + phrase.len()),
            None => (!self.only_first.contains(word)).then_some(end),
        }
    }
}

/// Whether a name stands at a place of a text as whole words.
fn is_whole(name: &[u8], bytes: &[u8], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|before| bytes.get(before));
    let behind = bytes.get(at + name.len());
    let is_part = |own: Option<&u8>, other: Option<&u8>| {
        own.zip(other).is_some_and(|(own, other)| is_word(*own) && is_word(*other))
    };
    bytes[at..].starts_with(name) && !is_part(name.first(), before) && !is_part(name.last(), behind)
}

fn others_in<'t>(name: &'t [u8], bytes: &'t [u8]) -> impl Iterator<Item = usize> + 't {
    memchr::memmem::find_iter(bytes, name).filter(|at| is_whole(name, bytes, *at))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Both ways to find names, which find the same.
    fn searchers(names: &[&str]) -> [Searcher; 2] {
        let owned: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let few = Searcher::of(&owned);
        assert!(matches!(few, Searcher::Few(_)));
        [few, Searcher::Many(Many::of(names.iter().copied()))]
    }

    #[track_caller]
    fn check(names: &[&str], text: &str, expected: &[usize]) {
        for searcher in searchers(names) {
            assert_eq!(searcher.places(text), expected, "{text}");
            assert_eq!(searcher.is_any_in(text), !expected.is_empty(), "{text}");
        }
    }

    #[test]
    fn names_are_whole_words() {
        let (long, longer) = ("a".repeat(70), "a".repeat(71));
        let names = ["Alloc", "AllocTag", "a", "_x$", "7up", &long];
        check(&names, "Alloc(AllocTag, xAlloc, Alloc1)", &[0, 6]);
        check(&names, "a.a-_x$ 7up 7u", &[0, 2, 4, 8]);
        check(&names, &format!("{longer} {long}\u{e9}a"), &[72, 144]);
        check(&names, &format!("xAlloc Alloc1 aa {longer}"), &[]);
        check(&[], "a", &[]);
    }

    /// The longest counts, and what stands in it is none by itself.
    #[test]
    fn names_of_several_words_are_found() {
        let names = ["operator new", "operator new[]", "new", "delete this"];
        for (text, expected) in [
            ("operator new(1) new", &[0, 16][..]),
            ("x operator new[](1)", &[2]),
            ("operator newer new", &[15]),
            ("operator  new", &[10]),
            ("operator", &[]),
            ("delete this; delete", &[0]),
        ] {
            check(&names, text, expected);
        }
    }

    #[test]
    fn names_may_begin_with_no_word() {
        check(&["~A", "f"], "f ~A() A::~A ~AB f~A", &[0, 2, 10, 17, 18]);
    }

    #[test]
    fn many_names_are_found_word_by_word() {
        let names: Vec<String> = (0..=FEW).map(|number| format!("Name{number}")).collect();
        let many = Searcher::of(&names);
        assert!(matches!(many, Searcher::Many(_)));
        assert_eq!(many.places("Name6 Name60 Name600"), [0, 6]);
    }
}
