//! Texts that many drivers share, written once.

use serde::{Serialize, Serializer};
use std::collections::HashMap;

/// Different texts that are remembered; those that come later are written where they stand.
const MOST: usize = 4_096;

/// A text that is shorter would not be worth its number.
const SHORTEST: usize = 24;

/// What notes, helps and reasons say, in the order of their numbers.
#[derive(Default)]
pub(super) struct Texts {
    known: HashMap<String, usize>,
}

/// A text, or the number of one.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ref {
    Number(usize),
    Text(String),
}

impl Texts {
    /// `text`, by its number where it has one.
    pub(super) fn add(&mut self, text: String) -> Ref {
        if text.len() < SHORTEST {
            return Ref::Text(text);
        }
        let next = self.known.len();
        match self.known.get(&text) {
            Some(number) => Ref::Number(*number),
            None if next >= MOST => Ref::Text(text),
            None => {
                self.known.insert(text, next);
                Ref::Number(next)
            }
        }
    }

    /// All that have a number.
    pub(super) fn list(&self) -> Vec<&str> {
        let mut list = vec![""; self.known.len()];
        for (text, number) in &self.known {
            list[*number] = text;
        }
        list
    }
}

impl Serialize for Ref {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Ref::Number(number) => serializer.serialize_u64(*number as u64),
            Ref::Text(text) => serializer.serialize_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_again_gets_the_same_number() {
        let mut texts = Texts::default();
        let long = |what: &str| format!("Driver Verifier stops this call: {what}");
        assert_eq!(texts.add(long("a")), Ref::Number(0));
        assert_eq!(texts.add(long("b")), Ref::Number(1));
        assert_eq!(texts.add(long("a")), Ref::Number(0));
        assert_eq!(texts.add("short".to_owned()), Ref::Text("short".to_owned()));
        assert_eq!(texts.list(), [long("a"), long("b")]);
    }

    /// A hostile folder makes every text another one.
    #[test]
    fn memory_stays_flat() {
        let mut texts = Texts::default();
        let told: Vec<Ref> =
            (0..MOST + 10).map(|n| texts.add(format!("a text that is long enough {n}"))).collect();
        assert_eq!(texts.list().len(), MOST);
        assert!(matches!(told.last(), Some(Ref::Text(_))));
    }
}
