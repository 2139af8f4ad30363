//! Compares what the measured programs say, for speed is worth nothing where answers differ.

use anyhow::{Context, Result};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// What a program says of a driver.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Answer {
    pub load: String,
    pub rules: BTreeSet<String>,
    /// SHA-256 of the file, SHA-1 and SHA-256 of what a signature covers.
    pub digests: Vec<String>,
}

/// Answers by the driver's file name.
pub type Answers = BTreeMap<String, Answer>;

#[derive(Deserialize)]
struct Examination {
    path: String,
    sha256: String,
    authentihash: Option<Authentihash>,
    verdict: Verdict,
    findings: Vec<Finding>,
}

#[derive(Deserialize)]
struct Authentihash {
    sha1: String,
    sha256: String,
}

#[derive(Deserialize)]
struct Verdict {
    load: String,
}

#[derive(Deserialize)]
struct Finding {
    rule: String,
}

/// Reads ringfence's JSON lines.
pub fn of_ringfence(lines: &str) -> Result<Answers> {
    lines
        .lines()
        .map(|line| {
            let told: Examination = serde_json::from_str(line).context(line.to_owned())?;
            let name = told.path.rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
            let signed = told.authentihash.map(|hash| [hash.sha1, hash.sha256]);
            let answer = Answer {
                load: told.verdict.load,
                rules: told.findings.into_iter().map(|finding| finding.rule).collect(),
                digests: std::iter::once(told.sha256).chain(signed.into_iter().flatten()).collect(),
            };
            Ok((name, answer))
        })
        .collect()
}

/// Reads the lines of the script over pefile.
pub fn of_script(lines: &str) -> Result<Answers> {
    #[derive(Deserialize)]
    struct Told {
        name: String,
        load: String,
        rules: BTreeSet<String>,
        digests: Vec<String>,
    }
    lines
        .lines()
        .map(|line| {
            let Told { name, load, rules, digests } =
                serde_json::from_str(line).context(line.to_owned())?;
            Ok((name, Answer { load, rules, digests }))
        })
        .collect()
}

/// Reads the digests that the floor lists.
pub fn of_floor(lines: &str) -> Answers {
    lines
        .lines()
        .filter_map(|line| {
            let mut words = line.split(' ').map(str::to_owned);
            let name = words.next()?;
            Some((name, Answer { digests: words.collect(), ..Answer::default() }))
        })
        .collect()
}

/// Drivers on which `theirs` differs from `ours`, with the two; `view` is what is compared.
pub fn differences<T: PartialEq + std::fmt::Debug>(
    ours: &Answers,
    theirs: &Answers,
    view: impl Fn(&Answer) -> T,
) -> Vec<String> {
    let names: BTreeSet<_> = ours.keys().chain(theirs.keys()).collect();
    names
        .into_iter()
        .filter_map(|name| {
            let (ours, theirs) = (ours.get(name).map(&view), theirs.get(name).map(&view));
            let told = |view: Option<T>| view.map_or("nothing".to_owned(), |v| format!("{v:?}"));
            (ours != theirs).then(|| format!("{name}: {}, not {}", told(theirs), told(ours)))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_name_both_sides() {
        let ours = of_floor("a.sys 1 2\nb.sys 3 4");
        let theirs = of_floor("a.sys 1 2\nb.sys 3 5\nc.sys 6");
        assert_eq!(
            differences(&ours, &theirs, |answer| answer.digests.join(" ")),
            ["b.sys: \"3 5\", not \"3 4\"", "c.sys: \"6\", not nothing"]
        );
    }
}
