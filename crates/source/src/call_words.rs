//! What the calls of a file name, as numbers: every round of following asks all of them whether they name something, and
//! names would have to be fetched from the text each time.

use crate::lex::is_word;
use crate::syntax::{Call, Manner};
use foldhash::fast::FixedState;
use foldhash::{HashSet, HashSetExt};
use std::hash::BuildHasher;
use std::ops::Range;

/// What the calls of a file name.
#[derive(Debug)]
pub(crate) struct CallWords {
    /// The number of each callee.
    callees: Vec<u32>,
    /// The numbers of the words that arguments end with, those of one call behind those of the call before.
    arguments: Vec<u32>,
    /// Where the arguments of each call begin, and at last where they end.
    starts: Vec<u32>,
    /// The calls that stand in functions, those of one function behind those of the function before, each in its order.
    within: Vec<u32>,
    /// Where the calls of each function begin, and at last where they end.
    functions: Vec<u32>,
}

impl CallWords {
    /// Of the calls of a file with so many functions.
    pub(crate) fn of<'t>(
        calls: &[Call],
        functions: usize,
        text: impl Fn(&Range<usize>) -> &'t str,
    ) -> CallWords {
        let mut made = CallWords {
            callees: Vec::with_capacity(calls.len()),
            arguments: Vec::new(),
            starts: Vec::with_capacity(calls.len() + 1),
            within: Vec::new(),
            functions: Vec::new(),
        };
        for call in calls {
            made.callees.push(number(text(&call.callee)));
            made.starts.push(place(made.arguments.len()));
            made.arguments
                .extend(call.arguments.iter().map(|range| number(last_word(text(range)))));
        }
        made.starts.push(place(made.arguments.len()));
        let function = |call: &u32| calls[*call as usize].function;
        made.within = (0..place(calls.len())).filter(|call| function(call).is_some()).collect();
        // Stable, as calls keep their order.
        made.within.sort_by_key(function);
        let before = |one| made.within.partition_point(|call| function(call) < Some(one));
        made.functions = (0..=functions).map(|one| place(before(one))).collect();
        made
    }

    /// The calls that stand in a function, in their order.
    pub(crate) fn within(&self, function: usize) -> impl Iterator<Item = usize> {
        let bounds = self.functions.get(function).zip(self.functions.get(function + 1));
        let calls = bounds.map(|(from, to)| *from as usize..*to as usize);
        self.within[calls.unwrap_or(0..0)].iter().map(|call| *call as usize)
    }

    /// Whether a call may be one of the names; if not, it is of none of them.
    pub(crate) fn may_call(&self, call: usize, names: &Names) -> bool {
        names.0.contains(&self.callees[call])
    }

    /// Whether an argument may end with one of the names as a word; if not, it ends with none of them.
    pub(crate) fn may_pass(&self, call: usize, argument: usize, names: &Names) -> bool {
        names.0.contains(&self.arguments[self.starts[call] as usize + argument])
    }

    /// Whether a call of that manner, or one of its arguments, may be one of the names.
    pub(crate) fn may_name(&self, call: usize, manner: Manner, names: &Names) -> bool {
        // What allocates is not named in it, and what is called by what another call gives matters in any case.
        let is_open = manner.operator().is_some() || manner == Manner::Given;
        let arguments = self.starts[call] as usize..self.starts[call + 1] as usize;
        is_open
            || self.may_call(call, names)
            || self.arguments[arguments].iter().any(|one| names.0.contains(one))
    }
}

/// Names as numbers.
#[derive(Debug)]
pub(crate) struct Names(HashSet<u32>);

impl Names {
    /// Of some names.
    pub(crate) fn of<'n>(names: impl Iterator<Item = &'n str>) -> Names {
        let mut made = Names(HashSet::new());
        made.add(names);
        made
    }

    /// Takes in more.
    pub(crate) fn add<'n>(&mut self, names: impl Iterator<Item = &'n str>) {
        for name in names {
            self.0.insert(number(name));
            self.0.insert(number(last_word(name)));
        }
    }
}

/// The word that a text ends with, outside of parentheses.
pub(crate) fn last_word(text: &str) -> &str {
    let text = text.trim_end().trim_end_matches(')').trim_end();
    let start = text.bytes().rposition(|byte| !is_word(byte)).map_or(0, |at| at + 1);
    text.get(start..).unwrap_or_default()
}

/// The number of a name: equal names have equal ones, other names seldom have.
fn number(name: &str) -> u32 {
    FixedState::default().hash_one(name) as u32
}

/// No file has more calls than it has bytes.
fn place(of: usize) -> u32 {
    u32::try_from(of).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FileKind;
    use crate::blank::Blanked;
    use crate::syntax::syntax;

    const TEXT: &str =
        "int a = Out(1);\nvoid F(void) { G((T *)&h, i + 1); J(); }\nvoid K(void) { L(\"\"); }";

    fn call_words() -> (Vec<Call>, CallWords) {
        let found = syntax(Blanked::plain(TEXT.as_bytes().to_vec()), FileKind::C, &[]);
        let made = CallWords::of(&found.calls, found.functions.len(), |range| &TEXT[range.clone()]);
        (found.calls, made)
    }

    #[test]
    fn what_is_named_is_not_passed_over() {
        let (calls, made) = call_words();
        let names = |name: &str| {
            let names = Names::of([name].into_iter());
            let all = (0..calls.len()).filter(|call| made.may_name(*call, Manner::Plain, &names));
            all.map(|call| &TEXT[calls[call].callee.clone()]).collect::<Vec<_>>()
        };
        assert_eq!(names("Out"), ["Out"]);
        assert_eq!(names("h"), ["G"]);
        assert_eq!(names("1"), ["Out", "G"]);
        assert_eq!(names("M"), [""; 0]);
        assert!(made.may_name(0, Manner::New, &Names::of([].into_iter())));
        let last = Names::of(["h"].into_iter());
        assert_eq!([0, 1].map(|argument| made.may_pass(1, argument, &last)), [true, false]);
    }

    #[test]
    fn functions_know_their_calls() {
        let (calls, made) = call_words();
        let within = |function| -> Vec<_> {
            made.within(function).map(|call| &TEXT[calls[call].callee.clone()]).collect()
        };
        assert_eq!([within(0), within(1)], [vec!["G", "J"], vec!["L"]]);
        assert_eq!(within(2), [""; 0]);
    }

    #[test]
    fn the_last_word_stands_before_what_closes() {
        for (text, word) in
            [("a", "a"), ("(T *)&b ", "b"), ("((c))", "c"), ("d()", ""), ("e + 1", "1")]
        {
            assert_eq!(last_word(text), word, "{text}");
        }
    }
}
