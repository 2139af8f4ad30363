//! Values as the sources write them: `0x10`, `0|0x200`, `0x200+parameter0`, `memory/clobbered`, `?`.

use anyhow::{Context, Result, bail, ensure};
use ringfence_code::{Possible, Reason, Value};
use std::fmt;

/// What an argument must be found to be.
#[derive(Debug, PartialEq, Eq)]
pub struct Expected {
    text: String,
    /// Any one of these will do.
    choices: Vec<Choice>,
}

#[derive(Debug, PartialEq, Eq)]
enum Choice {
    /// Exactly these possibilities.
    Exactly(Vec<Piece>),
    /// An unknown for one of these reasons among whatever else.
    Among(Vec<String>),
}

/// One possibility.
#[derive(Debug, PartialEq, Eq)]
enum Piece {
    Number(u64),
    /// Bits that are ones, reasons of which one is given, bits that must not be claimed to be known.
    Unknown(u64, Vec<String>, u64),
}

/// The words for reasons, without the number of a parameter.
const REASONS: &[&str] = &[
    "parameter",
    "global",
    "memory",
    "field",
    "returned",
    "callers",
    "control-register",
    "address",
    "arithmetic",
    "many-values",
    "entry",
    "clobbered",
    "stack",
    "budget",
    "?",
];

impl Expected {
    /// Reads `text`.
    pub fn parse(text: &str) -> Result<Expected> {
        let choices = text.split("||").map(choice).collect::<Result<_>>()?;
        Ok(Expected { text: text.to_owned(), choices })
    }

    /// Whether `value`, of which `bits` count, is that.
    pub fn is_met_by(&self, value: &Value, bits: u8) -> bool {
        let mask = mask(bits);
        let found: Vec<_> = value.possible.iter().flat_map(|p| resolved(p, mask)).collect();
        self.choices.iter().any(|choice| match choice {
            Choice::Among(reasons) => found.iter().any(|possible| {
                !is_number(possible, mask) && possible.unknown.is_some_and(|r| named(r, reasons))
            }),
            Choice::Exactly(pieces) => {
                let fits = |piece: &Piece, possible: &Possible| piece.fits(possible, mask);
                found.iter().all(|possible| pieces.iter().any(|piece| fits(piece, possible)))
                    && pieces.iter().all(|piece| found.iter().any(|p| fits(piece, p)))
            }
        })
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Piece {
    fn fits(&self, possible: &Possible, mask: u64) -> bool {
        match self {
            Piece::Number(number) => {
                is_number(possible, mask) && possible.ones & mask == number & mask
            }
            Piece::Unknown(ones, reasons, open) => {
                !is_number(possible, mask)
                    && possible.ones & mask == *ones
                    && possible.zeros & mask & open & !ones == 0
                    && possible.unknown.is_some_and(|reason| named(reason, reasons))
            }
        }
    }
}

fn choice(text: &str) -> Result<Choice> {
    if let Some(text) = text.strip_prefix('*') {
        return Ok(Choice::Among(reasons(text)?));
    }
    Ok(Choice::Exactly(text.split('|').map(piece).collect::<Result<_>>()?))
}

fn piece(text: &str) -> Result<Piece> {
    if text.starts_with(|first: char| first.is_ascii_digit()) && !text.contains('+') {
        return Ok(Piece::Number(number(text)?));
    }
    let (ones, rest) = text.split_once('+').unwrap_or(("0", text));
    let (words, open) = match rest.split_once('&') {
        Some((words, open)) => (words, number(open)?),
        None => (rest, u64::MAX),
    };
    Ok(Piece::Unknown(number(ones)?, reasons(words)?, open))
}

fn reasons(text: &str) -> Result<Vec<String>> {
    for word in text.split('/') {
        let plain = word.trim_end_matches(|c: char| c.is_ascii_digit());
        ensure!(REASONS.contains(&plain), "{word:?} is no reason");
    }
    Ok(text.split('/').map(str::to_owned).collect())
}

fn number(text: &str) -> Result<u64> {
    let parsed = match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    let Ok(number) = parsed else { bail!("{text:?} is no number") };
    Ok(number)
}

fn mask(bits: u8) -> u64 {
    1_u64.checked_shl(u32::from(bits)).map_or(u64::MAX, |bit| bit - 1)
}

fn is_number(possible: &Possible, mask: u64) -> bool {
    (possible.ones | possible.zeros) & mask == mask
}

/// `possible` as numbers, if no more than three bits are open.
fn resolved(possible: &Possible, mask: u64) -> Vec<Possible> {
    let open = mask & !(possible.ones | possible.zeros);
    if open.count_ones() > 3 {
        return vec![*possible];
    }
    let mut all = vec![*possible];
    for bit in (0..64).map(|bit| 1_u64 << bit).filter(|bit| open & bit != 0) {
        let with = all.iter().map(|one| Possible { ones: one.ones | bit, ..*one });
        let without = all.iter().map(|one| Possible { zeros: one.zeros | bit, ..*one });
        all = with.chain(without).collect();
    }
    all
}

fn named(reason: Reason, words: &[String]) -> bool {
    let name = word(reason);
    // What callers choose that are not known is what the function is given.
    let given = |word: &str| reason == Reason::Callers && word.starts_with("parameter");
    words.iter().any(|word| *word == name || word == "?" || given(word))
}

fn word(reason: Reason) -> String {
    let word = match reason {
        Reason::Parameter(index) => return format!("parameter{index}"),
        Reason::Global(_) => "global",
        Reason::Memory => "memory",
        Reason::Field(path) => return format!("field{}", path.parameter()),
        Reason::Returned | Reason::ReturnedBy(_) => "returned",
        Reason::Callers => "callers",
        Reason::ControlRegister => "control-register",
        Reason::Address => "address",
        Reason::Arithmetic => "arithmetic",
        Reason::ManyValues => "many-values",
        Reason::Entry => "entry",
        Reason::Clobbered => "clobbered",
        Reason::Stack => "stack",
        Reason::NotAsked => "not-asked",
        Reason::Budget => "budget",
    };
    word.to_owned()
}

/// `value` in the same words.
pub fn words(value: &Value) -> String {
    let one = |possible: &Possible| match (possible.constant(), possible.unknown) {
        (Some(number), _) => format!("{number:#x}"),
        (None, None) => "open without a reason".to_owned(),
        (None, Some(reason)) if possible.ones == 0 => word(reason),
        (None, Some(reason)) => format!("{:#x}+{}", possible.ones, word(reason)),
    };
    value.possible.iter().map(one).collect::<Vec<_>>().join("|")
}

/// The word and the number of `index=value`.
pub fn argument(word: &str) -> Result<Option<(u8, Expected)>> {
    let Some((index, value)) = word.split_once('=') else { return Ok(None) };
    let Ok(index) = index.parse() else { return Ok(None) };
    let value = Expected::parse(value).with_context(|| format!("in {word:?}"))?;
    Ok(Some((index, value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(possible: &[(u64, u64, Option<Reason>)]) -> Value {
        let one = |&(ones, zeros, unknown): &(u64, u64, Option<Reason>)| Possible {
            ones,
            zeros,
            unknown,
            ..Possible::default()
        };
        Value { possible: possible.iter().map(one).collect() }
    }

    fn met(expected: &str, possible: &[(u64, u64, Option<Reason>)]) -> bool {
        Expected::parse(expected).unwrap().is_met_by(&value(possible), 32)
    }

    const PARAMETER: Option<Reason> = Some(Reason::Parameter(0));
    const HIGH: u64 = !0xffff_ffff;

    #[test]
    fn numbers_are_a_set() {
        let (zero, nx) = ((0, !0, None), (0x200, !0x200, None));
        assert!(met("0", &[zero]) && !met("0", &[nx]) && !met("0", &[zero, nx]));
        assert!(met("0x200|0", &[zero, nx]) && !met("0|0x200|1", &[zero, nx]));
        assert!(met("1||0", &[zero]));
    }

    #[test]
    fn unknowns_need_their_reason_and_their_bits() {
        let with_nx = (0x200, HIGH, PARAMETER);
        assert!(met("0x200+parameter0", &[with_nx]) && !met("parameter0", &[with_nx]));
        assert!(!met("0x200+parameter1", &[with_nx]) && !met("0x200", &[with_nx]));
        let claims_zeros = (0x200, HIGH | 1, PARAMETER);
        assert!(!met("0x200+parameter0", &[claims_zeros]), "bit 0 is not known");
        assert!(met("0x200+parameter0&0xf0", &[claims_zeros]));
        assert!(met("?", &[(0, HIGH, Some(Reason::Memory))]) && !met("?", &[(0, !0, None)]));
        assert!(met("*memory", &[(0, !0, None), (0, HIGH, Some(Reason::Memory))]));
        assert!(!met("*memory", &[(0, !0, None)]));
    }

    #[test]
    fn few_open_bits_are_numbers() {
        assert!(met("0|0x200", &[(0, !0x200, PARAMETER)]));
    }

    #[test]
    fn nonsense_is_an_error() {
        for text in ["", "parameters", "0x", "1+", "0|"] {
            assert!(Expected::parse(text).is_err(), "{text}");
        }
    }
}
