//! `/faults`: which allocations are to fail, as the real tool's words say it.

use super::flags::number;
use super::words::{Given, Mistake, lossy};
use crate::arguments::USUAL_SEED;
use ringfence::report::{Prose, grouped};
use ringfence::{Faults, NoTag, TagPattern};
use std::ffi::OsString;

/// Allocations of 10 000 that fail where `/faults` does not say how many.
pub(super) const DEFAULT_PROBABILITY: u32 = 600;
/// What names another seed: the real tool has no switch for it.
const SEED: &str = "RINGFENCE_SEED";

/// Which allocations are to fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failing {
    /// How many of 10 000.
    pub(super) probability: u32,
    /// Those with one of these pool tags; all where there are none.
    pub(super) tags: Vec<TagPattern>,
    /// Those for these programs on Windows.
    pub(super) applications: Vec<String>,
    /// Minutes after the start of Windows in which none fails.
    pub(super) minutes: Option<u32>,
    /// The words behind `/faults`, as they were given; none where it was not.
    pub(super) words: Option<Vec<String>>,
}

impl Default for Failing {
    fn default() -> Failing {
        Failing {
            probability: DEFAULT_PROBABILITY,
            tags: Vec::new(),
            applications: Vec::new(),
            minutes: None,
            words: None,
        }
    }
}

impl Failing {
    /// Takes what stands behind `/faults`. An empty word keeps a place.
    pub(super) fn read(given: &Given<'_>) -> Result<Failing, Mistake> {
        let words: Vec<String> = given.values.iter().map(|word| lossy(word)).collect();
        let at = |index: usize| words.get(index).map(|word| word.trim()).unwrap_or_default();
        if words.len() > 4 {
            return Err(Mistake::new(
                format!("/faults takes four things, and `{}` is a fifth", words[4]),
                "several tags or applications are one word in quotation marks: /faults 1000 \"Tag1 Fred\" Notepad.exe 5",
            ));
        }
        let mut failing = Failing::default();
        if !at(0).is_empty() {
            failing.probability = probability(at(0))?;
        }
        for tag in at(1).split_whitespace() {
            failing.tags.push(TagPattern::parse(tag).map_err(|why| no_tag(tag, why))?);
        }
        failing.applications = at(2).split_whitespace().map(str::to_owned).collect();
        if !at(3).is_empty() {
            let minutes = number(at(3)).ok_or_else(|| no_minutes(at(3)))?;
            failing.minutes = Some(minutes);
        }
        failing.words = Some(words);
        Ok(failing)
    }

    /// Whether they fail from the start. Else they do when DriverEntry has returned.
    pub(super) fn is_at_once(&self) -> bool {
        self.minutes == Some(0)
    }

    /// The same for the emulated kernel.
    pub(super) fn with_seed(&self, seed: u32) -> Faults {
        Faults {
            seed: seed.into(),
            probability: self.probability,
            tags: self.tags.clone(),
            at_once: self.is_at_once(),
        }
    }

    /// Tells what becomes of each of them.
    pub(super) fn tell(&self, prose: &mut Prose, seed: u32) {
        let (some, all) = (grouped(self.probability as usize), grouped(Faults::ALL as usize));
        let from =
            if self.is_at_once() { "from the start" } else { "once DriverEntry has returned" };
        let tags: Vec<String> = self.tags.iter().map(ToString::to_string).collect();
        let whose = match tags.is_empty() {
            true => "allocations".to_owned(),
            false => format!("allocations of pool with the tag {}", tags.join(" or ")),
        };
        let which = match u64::from(self.probability) {
            Faults::ALL => format!("all {whose} fail"),
            _ => format!("{some} of {all} {whose} fail by chance"),
        };
        prose.hanging("      ", format!("{which}, {from}"));
        if self.tags.iter().any(|tag| tag.to_string().contains('?')) {
            prose.hanging("      help: ", "? stands for itself; * stands for any characters");
        }
        if !self.applications.is_empty() {
            let text = format!(
                "{}: on Windows allocations for other programs do not fail; here one program without a name sends \
                 all requests, so they fail whatever is named",
                self.applications.join(", ")
            );
            prose.hanging("      ", text);
        }
        if !self.applications.iter().all(|name| name.contains('.')) {
            let help = "applications are names of files, such as Notepad.exe; several tags are one word in quotation \
                        marks: /faults 1000 \"Tag1 Fred\"";
            prose.hanging("      help: ", help);
        }
        if let Some(minutes @ 1..) = self.minutes {
            let text = format!(
                "{minutes} minutes: the emulated run has no clock of minutes; 0 lets them fail from the start"
            );
            prose.hanging("      ", text);
        }
        let text = format!("seed {seed}; the same seed gives the same run, {SEED} names another");
        prose.hanging("      ", text);
    }
}

/// The seed that is asked for, or the usual one.
pub(super) fn seed() -> Result<u32, Mistake> {
    seed_by(std::env::var_os(SEED).filter(|value| !value.is_empty()))
}

fn seed_by(value: Option<OsString>) -> Result<u32, Mistake> {
    let Some(value) = value else { return Ok(USUAL_SEED) };
    number(&value.to_string_lossy()).ok_or_else(|| {
        let message = format!("{SEED} is `{}`, which is no number", lossy(&value));
        Mistake::new(message, "it takes a decimal number, or another behind 0x, of 32 bits")
    })
}

fn probability(value: &str) -> Result<u32, Mistake> {
    let all = u32::try_from(Faults::ALL).unwrap_or(u32::MAX);
    number(value).filter(|number| (1..=all).contains(number)).ok_or_else(|| {
        let message = format!("/faults takes a probability first, not `{value}`");
        let help = format!(
            "how many of {}, from 1; \"\" keeps the place of what is not said: /faults \"\" Tag1",
            grouped(all as usize)
        );
        Mistake::new(message, help)
    })
}

fn no_tag(tag: &str, why: NoTag) -> Mistake {
    let help = "tags stand second: /faults 1000 \"Tag1 Fred\", with * for any characters: Tag*";
    Mistake::new(format!("/faults takes no pool tag `{tag}`: {why}"), help)
}

fn no_minutes(value: &str) -> Mistake {
    Mistake::new(
        format!("/faults takes minutes last, not `{value}`"),
        "a number: 0 lets allocations fail from the start, any other once DriverEntry has returned",
    )
}

#[cfg(test)]
mod tests {
    use super::super::words::split;
    use super::*;

    fn read(words: &[&str]) -> Result<Failing, Mistake> {
        let words: Vec<OsString> =
            std::iter::once("/faults").chain(words.iter().copied()).map(OsString::from).collect();
        let given = split(&words).unwrap();
        Failing::read(&given[0])
    }

    /// Both commands of Microsoft's page on low resources simulation.
    #[test]
    fn microsofts_own_examples_are_understood() {
        let failing = read(&["1000", "Tag1 Fred", "Notepad.exe", "5"]).unwrap();
        assert_eq!((failing.probability, failing.minutes), (1000, Some(5)));
        let tags: Vec<String> = failing.tags.iter().map(ToString::to_string).collect();
        assert_eq!(tags, ["Tag1", "Fred"]);
        assert_eq!(failing.applications, ["Notepad.exe"]);
        let failing = read(&["", "", "", "0xa"]).unwrap();
        assert_eq!((failing.probability, failing.minutes), (600, Some(10)));
        assert!(failing.tags.is_empty() && failing.applications.is_empty());
        assert_eq!(failing.words.as_deref().unwrap(), ["", "", "", "0xa"]);
    }

    #[test]
    fn only_no_delay_lets_them_fail_from_the_start() {
        for (words, expected) in [(&["600"][..], false), (&["", "", "", "5"], false)] {
            assert_eq!(read(words).unwrap().with_seed(7).at_once, expected);
        }
        let faults = read(&["0x64", "S*", "", "0"]).unwrap().with_seed(7);
        assert_eq!((faults.seed, faults.probability, faults.at_once), (7, 100, true));
        assert_eq!(faults.tags, [TagPattern::parse("S*").unwrap()]);
    }

    #[test]
    fn what_makes_no_sense_is_told() {
        let wrong = |words: &[&str]| read(words).unwrap_err().to_string();
        for odd in ["0", "10001", "x", "Tag1"] {
            assert!(wrong(&[odd]).contains("a probability first"), "{odd}");
        }
        assert!(wrong(&["1", "Tag12"]).contains("one to four characters"));
        assert!(wrong(&["1", "Täg"]).contains("ASCII"));
        assert!(wrong(&["1", "", "", "soon"]).contains("minutes last, not `soon`"));
        assert!(wrong(&["1", "Tag1", "Fred", "a.exe", "5"]).contains("`5` is a fifth"));
    }

    #[test]
    fn the_seed_is_a_number() {
        assert_eq!(seed_by(None), Ok(USUAL_SEED));
        assert_eq!(seed_by(Some("0x10".into())), Ok(16));
        let wrong = seed_by(Some("x".into())).unwrap_err().to_string();
        assert!(wrong.contains("RINGFENCE_SEED is `x`"), "{wrong}");
    }
}
