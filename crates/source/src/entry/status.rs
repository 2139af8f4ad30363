//! Whether a function may leave something undone and yet return a status of success: `if (NT_SUCCESS(s)) Do(); return s;`
//! may not.

use crate::flow::{Event, EventKind, Fork, Passes, Tracked};
use crate::lex::{Kind, Token, tokens};
use crate::syntax::{Function, Happens};
use crate::windows_version::condition;

/// The bits of what is looked for: not done where the status may be one of success, done, and not done whatever the status.
const UNDONE: u128 = 1;
const DONE: u128 = 2;
const ANYHOW: u128 = 4;

/// What is followed to tell whether it is left undone with success: what happens, and what forks let by.
///
/// `done` are the events by which it is done, with the bits in `tracked`: 1 is undone, 2 is done.
pub(super) fn following(
    text: &str,
    function: &Function,
    name: &str,
    forks: &[Fork],
    (done, tracked): (&[Event], &Tracked),
) -> (Vec<Event>, Tracked) {
    let events = done.iter().copied().zip(tracked.events.iter().copied());
    let mut all: Vec<(Event, u128)> = events.collect();
    let own = function.variables.iter().filter(|one| text.get(one.name.clone()) == Some(name));
    for one in own {
        let (at, kind) = match &one.happens {
            Happens::Begins(value) | Happens::Becomes(value) => {
                match is_failure(text.get(value.clone()).unwrap_or_default().trim()) {
                    true => (value.end, EventKind::Loses(UNDONE)),
                    false => (value.end, EventKind::AddsTo(ANYHOW)),
                }
            }
            _ => (one.name.start, EventKind::AddsTo(ANYHOW)),
        };
        all.push((Event { at, kind }, UNDONE));
    }
    all.sort_by_key(|(event, _)| event.at);
    let (events, bits): (Vec<Event>, Vec<u128>) = all.into_iter().unzip();
    let begin =
        tracked.begin & DONE | if tracked.begin & UNDONE != 0 { UNDONE | ANYHOW } else { 0 };
    let mut passes = tracked.passes.clone();
    for (index, fork) in forks.iter().enumerate() {
        let Some((range, runs_with)) = condition(fork) else { continue };
        let Some(failed) = failed_if(text.get(range.clone()).unwrap_or_default(), name) else {
            continue;
        };
        let place = match passes.binary_search_by_key(&index, |one| one.fork) {
            Ok(place) => place,
            Err(place) => {
                passes.insert(place, Passes { fork: index, yes: u128::MAX, no: u128::MAX });
                place
            }
        };
        match failed == runs_with {
            true => passes[place].yes &= !UNDONE,
            false => passes[place].no &= !UNDONE,
        }
    }
    (events, Tracked { begin, events: bits, passes })
}

/// Whether a text is a status of failure by its name.
pub(super) fn is_failure(text: &str) -> bool {
    text.starts_with("STATUS_") && !matches!(text, "STATUS_SUCCESS" | "STATUS_PENDING")
}

/// With which truth a condition says that the status in a variable is one of failure; none where it says nothing of it.
fn failed_if(condition: &str, name: &str) -> Option<bool> {
    let all: Vec<Token> = tokens(condition, 0, condition.len()).take(MOST_TOKENS + 1).collect();
    if all.len() > MOST_TOKENS {
        return None;
    }
    let mut words: Vec<&str> = all.iter().map(|token| token.text(condition)).collect();
    let mut failed = false;
    loop {
        match words[..] {
            ["(", .., ")"] if is_whole(&words) => words = words[1..words.len() - 1].to_vec(),
            ["!", ref rest @ ..] if rest.first() == Some(&"(") || is_call(&all, rest) => {
                (words, failed) = (rest.to_vec(), !failed);
            }
            _ => break,
        }
    }
    let says_success = match words[..] {
        ["NT_SUCCESS", "(", ref inner @ .., ")"] if is_status(inner, name) => true,
        ["NT_ERROR", "(", ref inner @ .., ")"] if is_status(inner, name) => false,
        [one, ">=", "0"] if one == name => true,
        [one, "<", "0"] if one == name => false,
        [one, "==", other] if is_pair(one, other, name) => true,
        [one, "!=", other] if is_pair(one, other, name) => false,
        _ => return None,
    };
    Some(says_success == failed)
}

/// A condition about a status is not longer.
const MOST_TOKENS: usize = 256;

/// Whether what is left after `!` is a call, to which it applies as a whole.
fn is_call(all: &[Token], rest: &[&str]) -> bool {
    all.iter().any(|token| token.kind == Kind::Word)
        && rest.get(1) == Some(&"(")
        && is_whole(&rest[1..])
}

/// Whether the first parenthesis is closed by the last.
fn is_whole(words: &[&str]) -> bool {
    let mut depth = 0_usize;
    let closed = words.iter().position(|word| {
        depth += usize::from(*word == "(");
        depth = depth.saturating_sub(usize::from(*word == ")"));
        depth == 0
    });
    closed.is_some_and(|at| at + 1 == words.len())
}

/// Whether an argument is the variable, or gives it the value that is looked at.
fn is_status(mut inner: &[&str], name: &str) -> bool {
    while let ["(", rest @ .., ")"] = inner
        && is_whole(inner)
    {
        inner = rest;
    }
    inner == [name] || inner.len() > 2 && inner[..2] == [name, "="]
}

fn is_pair(one: &str, other: &str, name: &str) -> bool {
    (one, other) == (name, "STATUS_SUCCESS") || (one, other) == ("STATUS_SUCCESS", name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_tell_whether_a_status_is_of_failure() {
        for (condition, expected) in [
            ("(NT_SUCCESS(s))", Some(false)),
            ("NT_SUCCESS(s)", Some(false)),
            ("(!NT_SUCCESS(s))", Some(true)),
            ("(!(NT_SUCCESS((s))))", Some(true)),
            ("NT_SUCCESS(s = F(a, b))", Some(false)),
            ("NT_SUCCESS(s == F(a, b))", None),
            ("NT_ERROR(s)", Some(true)),
            ("s >= 0", Some(false)),
            ("(s < 0)", Some(true)),
            ("s == STATUS_SUCCESS", Some(false)),
            ("STATUS_SUCCESS != s", Some(true)),
            ("NT_SUCCESS(t)", None),
            ("NT_SUCCESS(s) && x", None),
            ("!NT_SUCCESS(s) || x(1)", None),
            ("s", None),
        ] {
            assert_eq!(failed_if(condition, "s"), expected, "{condition}");
        }
    }
}
