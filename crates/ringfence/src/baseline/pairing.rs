//! Which driver of a baseline each scanned one is.

use super::known::Known;
use super::{Baseline, name, scanned};
use crate::examine::open;
use crate::timing::Timings;
use crate::{Settings, digest, ordered};
use ringfence_container::{Contents, Source, Unreadable, read};
use ringfence_finding::Examination;
use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What a scan found to look at.
type Found = Result<Source, Unreadable>;

/// A driver with no path of the baseline.
struct Stranger {
    path: String,
    machine: String,
}

/// Folders above a driver that are compared; what is further up differs between machines anyway.
const DEEPEST: usize = 16;

/// Which driver of a baseline each scanned one is: the one with its path, else the one with its content, else one
/// of its name and processor that is gone from its place.
///
/// A name proves little: rules find the same in very different drivers. So one driver of the baseline stands in for
/// one that is scanned, and for none while itself is scanned under its path or elsewhere.
pub(crate) struct Pairing<'a> {
    baseline: &'a Baseline,
    /// Those known by their name alone, by their path: where they are in the baseline.
    by_name: HashMap<String, usize>,
}

impl<'a> Pairing<'a> {
    /// For what will be scanned.
    pub(crate) fn new(baseline: &'a Baseline, found: &[Found], settings: &Settings) -> Pairing<'a> {
        let by_name = by_name(baseline, found, settings);
        Pairing { baseline, by_name }
    }

    /// What was known of `driver`.
    pub(crate) fn of(&self, driver: &Examination) -> Option<&'a Known> {
        let path = scanned(&driver.path);
        let itself = self.baseline.itself(&path, driver.sha256.as_deref());
        let index = itself.or_else(|| self.by_name.get(&path).copied())?;
        Some(&self.baseline.drivers[index])
    }
}

fn by_name(baseline: &Baseline, found: &[Found], settings: &Settings) -> HashMap<String, usize> {
    let path = |found: &Found| match found {
        Ok(source) => scanned(&source.name()),
        Err(unreadable) => scanned(&unreadable.name),
    };
    let paths: HashSet<String> = found.iter().map(path).collect();
    let is_gone = |index: &usize| !paths.contains(&baseline.drivers[*index].path);
    let may_be = |path: &str| {
        let named = baseline.by_name.get(&name(path));
        !baseline.by_path.contains_key(path)
            && named.is_some_and(|named| named.iter().any(&is_gone))
    };
    if !paths.iter().any(|path| may_be(path)) {
        return HashMap::new();
    }
    let (strangers, contents) = look(found, settings, may_be);
    let is_free = |index: &usize| {
        let sha256 = &baseline.drivers[*index].sha256;
        is_gone(index) && !sha256.as_ref().is_some_and(|sha256| contents.contains(sha256))
    };
    let names: HashSet<String> = strangers.iter().map(|stranger| name(&stranger.path)).collect();
    // Of several reports in one, the last that has a path counts.
    let is_last =
        |index: &usize| baseline.by_path.get(&baseline.drivers[*index].path) == Some(index);
    let known = names.iter().flat_map(|name| &baseline.by_name[name]).copied();
    let known: Vec<usize> = known.filter(is_last).collect();
    let mut pairs = HashMap::new();
    for folders in 1..=DEEPEST {
        let drivers = known.iter().map(|&index| (index, &baseline.drivers[index]));
        let ends = drivers.map(|(index, known)| (end(&known.path, &known.machine, folders), index));
        let known = alone(ends);
        let ends = strangers.iter().enumerate();
        let ends = ends.map(|(at, new)| (end(&new.path, &new.machine, folders), at));
        for (end, at) in alone(ends) {
            if let Some(index) = known.get(&end).filter(|index| is_free(index)) {
                pairs.insert(strangers[at].path.clone(), *index);
            }
        }
    }
    pairs
}

/// The last parts of a path, and the processor.
type End<'a> = (Vec<String>, &'a str);

/// None where the path has fewer parts.
fn end<'a>(path: &str, machine: &'a str, parts: usize) -> Option<End<'a>> {
    let end: Vec<String> = path.rsplit('/').take(parts).map(str::to_lowercase).collect();
    (end.len() == parts).then_some((end, machine))
}

/// Those whose end no other has: of several nobody could say which it is.
fn alone<'a>(ends: impl Iterator<Item = (Option<End<'a>>, usize)>) -> HashMap<End<'a>, usize> {
    let mut all: HashMap<End<'a>, Option<usize>> = HashMap::new();
    for (end, index) in ends {
        if let Some(end) = end {
            all.entry(end).and_modify(|alone| *alone = None).or_insert(Some(index));
        }
    }
    all.into_iter().filter_map(|(end, alone)| Some((end, alone?))).collect()
}

/// Looks at what will be scanned before it is: at the drivers that `may_be` known by their name, and at every
/// content, as one that has moved is itself. Standard input can be read only once.
fn look(
    found: &[Found],
    settings: &Settings,
    may_be: impl Fn(&str) -> bool + Sync,
) -> (Vec<Stranger>, HashSet<String>) {
    let mut strangers: HashMap<String, Stranger> = HashMap::new();
    let mut contents = HashSet::new();
    let one = |number: usize, buffer: &mut Vec<u8>| {
        let source = found[number].as_ref().ok().filter(|source| source.name() != "-")?;
        let path = scanned(&source.name());
        let may_be = may_be(&path);
        if !(may_be || settings.hash) {
            return None;
        }
        // A fault is told by the scan itself.
        let glance = || glance(source, settings.hash, buffer);
        let (machine, sha256) = catch_unwind(AssertUnwindSafe(glance)).ok()??;
        Some((may_be.then_some(Stranger { path, machine }), sha256))
    };
    let tell = |seen: Option<(Option<Stranger>, Option<String>)>| {
        let (stranger, sha256) = seen.unwrap_or_default();
        strangers.extend(stranger.map(|stranger| (stranger.path.clone(), stranger)));
        contents.extend(sha256);
        Ok(())
    };
    let threads = crate::scan::threads(settings);
    // Nothing is written, so nothing can fail.
    let _ = ordered::for_each(found.len(), threads, Vec::new, one, tell);
    (strangers.into_values().collect(), contents)
}

/// Processor and digest of a driver.
fn glance(source: &Source, hash: bool, buffer: &mut Vec<u8>) -> Option<(String, Option<String>)> {
    let Ok(Contents::Executable) = read(source, buffer) else { return None };
    let machine = open(buffer, &Timings::default()).ok()?.machine().to_string();
    let sha256 = hash.then(|| digest::compute(buffer, None).digests.sha256);
    Some((machine, sha256.flatten()))
}
