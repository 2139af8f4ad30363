//! Which driver of the new side is which of the old one.

use super::paths::parts;
use super::side::Side;
use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::Hash;

/// Folders above a driver that are compared; what is further up differs between machines anyway.
const DEEPEST: usize = 16;

/// The drivers of both sides, and those of one alone, by their places in the lists.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Matched {
    /// Old and new, in the order of the new ones.
    pub(super) pairs: Vec<(usize, usize)>,
    pub(super) gone: Vec<usize>,
    pub(super) added: Vec<usize>,
}

/// Matches drivers: those with the same path within both sides; then those whose names and most folders
/// above them are the same, for the same processor and with the same content first; at last, one driver
/// and one driver are the same whatever they are called.
pub(super) fn matched(old: &Side, new: &Side) -> Matched {
    let mut open =
        Open { old: (0..old.len()).collect(), new: (0..new.len()).collect(), pairs: Vec::new() };
    let old_parts: Vec<_> = old.within.iter().map(|path| parts(path)).collect();
    let new_parts: Vec<_> = new.within.iter().map(|path| parts(path)).collect();
    let machines = [old, new].map(|side| -> Vec<&str> {
        side.drivers.iter().map(|driver| driver.machine.as_str()).collect()
    });
    let contents = [old, new].map(|side| -> Vec<Option<&str>> {
        side.drivers.iter().map(|driver| driver.sha256.as_deref()).collect()
    });
    for same_machine in [true, false] {
        let machine = |side: usize, index: usize| same_machine.then(|| machines[side][index]);
        open.pair(
            |index| Some((&old_parts[index][..], machine(0, index))),
            |index| Some((&new_parts[index][..], machine(1, index))),
        );
    }
    let longest = old_parts.iter().chain(&new_parts).map(Vec::len).max().unwrap_or(0);
    for count in (1..=longest.min(DEEPEST)).rev() {
        open.pair(
            |index| Some((end(&old_parts[index], count)?, machines[0][index], contents[0][index]?)),
            |index| Some((end(&new_parts[index], count)?, machines[1][index], contents[1][index]?)),
        );
        open.pair(
            |index| Some((end(&old_parts[index], count)?, machines[0][index])),
            |index| Some((end(&new_parts[index], count)?, machines[1][index])),
        );
    }
    // The same name alone, for another processor, is the same driver only where no other has that name.
    open.pair_alone(|index| end(&old_parts[index], 1), |index| end(&new_parts[index], 1));
    if old.len() == 1 && new.len() == 1 {
        open.pair(|_| Some(()), |_| Some(()));
    }
    open.pairs.sort_by_key(|&(_, new)| new);
    Matched { pairs: open.pairs, gone: open.old, added: open.new }
}

/// The last `count` parts, where there are as many.
fn end(parts: &[String], count: usize) -> Option<&[String]> {
    parts.len().checked_sub(count).map(|start| &parts[start..])
}

/// Drivers that are not matched yet.
struct Open {
    old: Vec<usize>,
    new: Vec<usize>,
    pairs: Vec<(usize, usize)>,
}

impl Open {
    /// Pairs drivers with the same key, the first with the first.
    fn pair<K: Eq + Hash>(
        &mut self,
        old_key: impl Fn(usize) -> Option<K>,
        new_key: impl Fn(usize) -> Option<K>,
    ) {
        let mut by_key: HashMap<K, VecDeque<usize>> = HashMap::new();
        for &index in &self.old {
            if let Some(key) = old_key(index) {
                by_key.entry(key).or_default().push_back(index);
            }
        }
        let mut taken = vec![];
        self.new.retain(|&new| {
            let old = new_key(new).and_then(|key| by_key.get_mut(&key)?.pop_front());
            taken.extend(old.map(|old| (old, new)));
            old.is_none()
        });
        self.take(taken);
    }

    /// Pairs drivers with the same key where there is one on each side alone.
    fn pair_alone<K: Eq + Hash>(
        &mut self,
        old_key: impl Fn(usize) -> Option<K>,
        new_key: impl Fn(usize) -> Option<K>,
    ) {
        let mut by_key: HashMap<K, (Vec<usize>, Vec<usize>)> = HashMap::new();
        for &index in &self.old {
            if let Some(key) = old_key(index) {
                by_key.entry(key).or_default().0.push(index);
            }
        }
        for &index in &self.new {
            if let Some(key) = new_key(index) {
                by_key.entry(key).or_default().1.push(index);
            }
        }
        let alone = by_key.into_values().filter_map(|both| match (&both.0[..], &both.1[..]) {
            (&[old], &[new]) => Some((old, new)),
            _ => None,
        });
        let taken: Vec<_> = alone.collect();
        let new: HashSet<_> = taken.iter().map(|&(_, new)| new).collect();
        self.new.retain(|index| !new.contains(index));
        self.take(taken);
    }

    fn take(&mut self, taken: Vec<(usize, usize)>) {
        let old: HashSet<_> = taken.iter().map(|&(old, _)| old).collect();
        self.old.retain(|index| !old.contains(index));
        self.pairs.extend(taken);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recorded::{RecordedDriver, RecordedProperties, RecordedVerdict};
    use ringfence_finding::Answer;

    /// A side of drivers by path, machine and content.
    fn side(drivers: &[(&str, &str, &str)]) -> Side {
        let verdict = RecordedVerdict { load: Answer::Yes, run: Answer::Yes, certify: Answer::Yes };
        let recorded = drivers.iter().map(|(path, machine, content)| RecordedDriver {
            path: (*path).to_owned(),
            sha256: Some((*content).to_owned()),
            machine: (*machine).to_owned(),
            verdict,
            findings: vec![],
            excused: vec![],
            coverage: Default::default(),
            properties: RecordedProperties::default(),
        });
        Side {
            name: String::new(),
            recorded: true,
            targets: None,
            drivers: recorded.collect(),
            within: drivers.iter().map(|(path, ..)| (*path).to_owned()).collect(),
            unread: vec![],
            faults: vec![],
        }
    }

    /// Who is who, as `old → new`, and the ones alone.
    fn told(old: &[(&str, &str, &str)], new: &[(&str, &str, &str)]) -> Vec<String> {
        let matched = matched(&side(old), &side(new));
        let pairs = matched.pairs.iter().map(|&(o, n)| format!("{} → {}", old[o].0, new[n].0));
        let gone = matched.gone.iter().map(|&index| format!("{} gone", old[index].0));
        let added = matched.added.iter().map(|&index| format!("{} new", new[index].0));
        pairs.chain(gone).chain(added).collect()
    }

    #[test]
    fn the_path_within_a_side_comes_first() {
        let old = [("a.sys", "x64", "1"), ("sub/a.sys", "x64", "2")];
        let new = [("SUB\\A.sys", "x64", "1"), ("a.sys", "x64", "2")];
        assert_eq!(told(&old, &new), ["sub/a.sys → SUB\\A.sys", "a.sys → a.sys"]);
    }

    #[test]
    fn then_the_name_with_the_folders_nearest_to_it() {
        let old = [
            ("1.0/x64/a.sys", "x64", "1"),
            ("1.0/arm64/a.sys", "arm64", "2"),
            ("b.sys", "x64", "3"),
        ];
        let new = [
            ("2.0/arm64/a.sys", "arm64", "4"),
            ("2.0/x64/a.sys", "x64", "5"),
            ("c/b.sys", "x64", "6"),
        ];
        assert_eq!(
            told(&old, &new),
            [
                "1.0/arm64/a.sys → 2.0/arm64/a.sys",
                "1.0/x64/a.sys → 2.0/x64/a.sys",
                "b.sys → c/b.sys"
            ]
        );
    }

    /// Folders have other names, so the processor tells; of two for one processor the content does.
    #[test]
    fn then_the_processor_and_the_content() {
        let old = [("amd64/a.sys", "x64", "1"), ("aarch64/a.sys", "arm64", "2")];
        let new = [("arm64/a.sys", "arm64", "3"), ("x64/a.sys", "x64", "4")];
        assert_eq!(told(&old, &new), ["aarch64/a.sys → arm64/a.sys", "amd64/a.sys → x64/a.sys"]);
        let old = [("p/a.sys", "x64", "1"), ("q/a.sys", "x64", "2")];
        let new = [("r/a.sys", "x64", "2"), ("s/a.sys", "x64", "3")];
        assert_eq!(told(&old, &new), ["q/a.sys → r/a.sys", "p/a.sys → s/a.sys"]);
    }

    #[test]
    fn for_another_processor_only_where_nothing_else_has_the_name() {
        let old = [("o/a.sys", "x64", "1")];
        assert_eq!(
            told(&old, &[("n/a.sys", "arm64", "2"), ("b.sys", "x64", "3")]),
            ["o/a.sys → n/a.sys", "b.sys new"]
        );
        let two = [("m/a.sys", "arm64", "2"), ("n/a.sys", "x86", "3")];
        assert_eq!(told(&old, &two), ["o/a.sys gone", "m/a.sys new", "n/a.sys new"]);
    }

    #[test]
    fn one_and_one_are_the_same_driver() {
        assert_eq!(
            told(&[("old.sys", "x64", "1")], &[("new.sys", "arm64", "2")]),
            ["old.sys → new.sys"]
        );
        let old = [("old.sys", "x64", "1"), ("b.sys", "x64", "2")];
        let new = [("new.sys", "x64", "3"), ("b.sys", "x64", "2")];
        assert_eq!(told(&old, &new), ["b.sys → b.sys", "old.sys gone", "new.sys new"]);
    }

    /// A hostile report may name one driver very often.
    #[test]
    fn many_alike_are_matched_in_their_order() {
        let many: Vec<_> = (0..50_000).map(|_| ("d/a.sys", "x64", "1")).collect();
        let matched = matched(&side(&many), &side(&many[1..]));
        assert_eq!((matched.pairs.len(), matched.gone.len(), matched.added.len()), (49_999, 1, 0));
    }
}
