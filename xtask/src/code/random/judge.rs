//! What the survey says, against what happened.

use super::native::{Happened, Values};
use ringfence_code::{
    Callee, Doubt, Effect, Fate, Parameter, Possible, Query, Site, Survey, Value, Wanted,
};
use ringfence_image::{Image, ImportName};
use std::collections::BTreeSet;
use std::fmt;

/// Function, which argument numbers the call, and the width of each argument.
const ASKED: &[(&str, u8, &[u8])] = &[
    ("AskOne", 1, &[32, 32]),
    ("AskPair", 2, &[64, 8, 32]),
    ("AskFive", 0, &[32, 64, 32, 16, 32]),
    ("AskNine", 3, &[64, 32, 8, 32, 32, 64, 8, 16, 32]),
    ("AskLeft", 1, &[32, 32]),
    ("AskRight", 1, &[32, 32]),
];

/// A survey and what was asked.
pub struct Surveyed {
    survey: Survey,
    /// The row of `ASKED` at each index of the query.
    rows: Vec<usize>,
}

impl Surveyed {
    /// Asks for every argument of every function in the list.
    pub fn of(image: &Image<'_>) -> Surveyed {
        let (mut query, mut rows) = (Query::default(), Vec::new());
        let functions = image.imports().modules.iter().flat_map(|module| &module.functions);
        for function in functions {
            let ImportName::Name(name) = function.name else { continue };
            let Some(row) = ASKED.iter().position(|row| row.0.as_bytes() == name) else { continue };
            let widths = ASKED[row].2;
            let arguments =
                (0..).zip(widths).map(|(index, &bits)| Parameter::new(index, bits)).collect();
            let parameters = u8::try_from(widths.len()).unwrap_or(u8::MAX);
            query.wanted.push(Wanted {
                callee: Callee::Slot(function.slot),
                parameters,
                arguments,
                effect: Effect::None,
            });
            rows.push(row);
        }
        Surveyed { survey: ringfence_code::survey(image, &query), rows }
    }

    /// The calls of `called` that may have this number.
    fn sites(&self, called: &str, call: u32) -> Vec<&Site> {
        let is_it = |site: &&Site| {
            let (name, number, _) = ASKED[self.rows[site.wanted]];
            name == called && admits(value(site, number), u64::from(call))
        };
        self.survey.sites.iter().filter(is_it).collect()
    }

    /// Whether some address of `called` is said to be used in a way that is not followed, or the whole
    /// not to have been looked at.
    fn goes_elsewhere(&self, called: &str) -> bool {
        self.survey.doubts.contains(&Doubt::Budget)
            || self.survey.references.iter().any(|reference| {
                ASKED[self.rows[reference.wanted]].0 == called
                    && matches!(reference.fate, Fate::Data | Fate::Stored)
            })
    }
}

/// How it went.
#[derive(Default)]
pub struct Tally {
    calls: usize,
    /// Calls that were not found, but told as uses of the address or as not looked at.
    not_followed: usize,
    arguments: usize,
    /// Arguments of which every possibility is a number, and those where each of them occurred.
    numbers: usize,
    exact: usize,
    /// Arguments of which nothing is known.
    unknown: usize,
    /// Values that occurred and are not among those found, and calls that are not.
    pub wrong: usize,
}

impl Tally {
    /// Counts, and says what is wrong.
    pub fn take(&mut self, surveyed: &Surveyed, happened: &Happened) -> Vec<String> {
        let mut wrong = Vec::new();
        for ((called, call), values) in happened {
            self.calls += 1;
            let sites = surveyed.sites(called, *call);
            let name = format!("{called} {call}");
            if sites.is_empty() && surveyed.goes_elsewhere(called) {
                self.not_followed += 1;
            } else if sites.is_empty() {
                wrong.push(format!("{name} is not found"));
            } else if !sites.iter().any(|site| site.reached) {
                wrong.push(format!("{name} is not reached"));
            } else {
                wrong.extend(self.compare(&name, &sites, values));
            }
        }
        self.wrong += wrong.len();
        wrong
    }

    fn compare(&mut self, name: &str, sites: &[&Site], values: &Values) -> Vec<String> {
        let mut wrong = Vec::new();
        for (&index, values) in values {
            let found: Vec<&Value> = sites.iter().map(|site| value(site, index)).collect();
            let missing: Vec<u64> = values
                .iter()
                .copied()
                .filter(|occurred| !found.iter().any(|value| admits(value, *occurred)))
                .collect();
            if let Some(first) = missing.first() {
                let at: Vec<_> = sites.iter().map(|site| format!("{:x}", site.at.0)).collect();
                let said: Vec<_> =
                    found.iter().flat_map(|value| &value.possible).map(words).collect();
                wrong.push(format!(
                    "{name} at {}: argument {index} is {first:#x} ({} such), not {}",
                    at.join(" "),
                    missing.len(),
                    said.join(" or ")
                ));
            }
            self.grade(&found, values);
        }
        wrong
    }

    /// How much the answer tells.
    fn grade(&mut self, found: &[&Value], values: &[u64]) {
        let all = || found.iter().flat_map(|value| &value.possible);
        let numbers: Option<BTreeSet<u64>> = all().map(Possible::constant).collect();
        self.arguments += 1;
        self.numbers += usize::from(numbers.is_some());
        let happened: BTreeSet<u64> = values.iter().copied().collect();
        self.exact += usize::from(numbers.is_some_and(|numbers| numbers == happened));
        self.unknown += usize::from(all().any(|one| {
            // Nothing is known but the width.
            one.unknown.is_some()
                && one.ones == 0
                && one.zeros.count_ones() == one.zeros.leading_ones()
        }));
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} calls, {} not followed; of {} arguments {} are numbers ({} exactly those that occur), \
             {} may be anything; {} wrong",
            self.calls,
            self.not_followed,
            self.arguments,
            self.numbers,
            self.exact,
            self.unknown,
            self.wrong
        )
    }
}

/// The values of an argument; every one is asked for.
fn value(site: &Site, index: u8) -> &Value {
    &site.arguments[usize::from(index)].value
}

fn admits(value: &Value, number: u64) -> bool {
    value.possible.iter().any(|one| number & one.ones == one.ones && number & one.zeros == 0)
}

fn words(one: &Possible) -> String {
    match (one.constant(), one.unknown) {
        (Some(number), _) => format!("{number:#x}"),
        (None, reason) => format!("{:#x}/{:#x} {reason:?}", one.ones, one.zeros),
    }
}
