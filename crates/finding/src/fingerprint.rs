//! What a finding is known by in other builds of the same driver.

use crate::{Evidence, Finding};
use std::collections::HashMap;
use std::hash::Hash;

/// Gives each finding of one driver its [`Finding::fingerprint`].
///
/// What it is made of does not move when code is compiled anew: the rule, the section, the DDI and what
/// its argument may be, and the function where debug information names it. Findings that are alike in all
/// of these are numbered by address, from 1. What is known of other builds by a name only, such as a
/// variable's address in a message, is left out.
pub fn set_fingerprints(findings: &mut [Finding]) {
    let prints = numbered(findings, |finding| finding.rva, |finding| ((), hash(finding)));
    for (finding, print) in findings.iter_mut().zip(prints) {
        finding.fingerprint = print;
    }
}

/// The hash of each finding and which of those alike it is in the order of their places, from 1. `key` gives what findings
/// have to be alike in besides, and the hash.
pub(crate) fn numbered<T, P: Ord, K: Eq + Hash>(
    findings: &[T],
    place: impl Fn(&T) -> P,
    key: impl Fn(&T) -> (K, u64),
) -> Vec<String> {
    let mut order: Vec<usize> = (0..findings.len()).collect();
    order.sort_by_key(|&index| (place(&findings[index]), index));
    let mut alike: HashMap<(K, u64), usize> = HashMap::new();
    let mut prints = vec![String::new(); findings.len()];
    for index in order {
        let key = key(&findings[index]);
        let hash = key.1;
        let number = alike.entry(key).or_default();
        *number += 1;
        prints[index] = format!("{hash:016x}:{number}");
    }
    prints
}

fn hash(finding: &Finding) -> u64 {
    stable_hash([
        finding.rule,
        finding.section.as_deref().unwrap_or_default(),
        finding.ddi.unwrap_or_default(),
        finding.argument.as_deref().unwrap_or_default(),
        function(finding).unwrap_or_default(),
    ])
}

/// A number of `parts`, the same on every system and in every version: FNV-1a over each and its end. It is no
/// digest, and nobody gains from two that are the same.
pub fn stable_hash<'p>(parts: impl IntoIterator<Item = &'p str>) -> u64 {
    const OFFSET: u64 = 0xCBF2_9CE4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01B3;
    parts.into_iter().fold(OFFSET, |hash, part| {
        // No text has this byte in UTF-8, so parts cannot run together.
        let bytes = part.bytes().chain([0xFF]);
        bytes.fold(hash, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME))
    })
}

fn function(finding: &Finding) -> Option<&str> {
    let own = finding.source.as_ref().and_then(|source| source.function.as_deref());
    own.or_else(|| match &finding.evidence {
        Some(Evidence::Listing(listing)) => listing.source.as_ref()?.function.as_deref(),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Level, RuleCard, SourcePlace};

    const CARD: RuleCard = RuleCard {
        id: "executable-pool-type",
        summary: "",
        level: Level::Error,
        since: "0.1.0",
        senses: &[],
        also_known_as: &[],
        docs: "",
        file: "",
    };

    fn finding(rva: u32, argument: &str) -> Finding {
        Finding::new(&CARD, Level::Error, format!("at {rva:x}"))
            .at(rva, Some("PAGE".to_owned()))
            .about("ExAllocatePoolWithTag", Some(argument.to_owned()))
    }

    fn prints(mut findings: Vec<Finding>) -> Vec<String> {
        set_fingerprints(&mut findings);
        findings.into_iter().map(|finding| finding.fingerprint).collect()
    }

    #[test]
    fn addresses_do_not_matter_but_for_the_order() {
        let first = prints(vec![finding(0x2000, "a"), finding(0x1000, "a"), finding(0x1800, "b")]);
        let moved = prints(vec![finding(0x5000, "a"), finding(0x4000, "a"), finding(0x1000, "b")]);
        assert_eq!(first, moved);
        assert_eq!(first[0].split(':').next(), first[1].split(':').next());
        assert!(first[0].ends_with(":2") && first[1].ends_with(":1"));
        assert_ne!(first[1], first[2]);
    }

    #[test]
    fn a_named_function_tells_findings_apart() {
        let named = |function: &str| Finding {
            source: Some(SourcePlace {
                function: Some(function.to_owned()),
                file: None,
                line: None,
                inlined: vec![],
                object: None,
                library: None,
            }),
            ..finding(0x1000, "a")
        };
        let prints = prints(vec![named("Read"), named("Write")]);
        assert_ne!(prints[0], prints[1]);
        assert!(prints.iter().all(|print| print.ends_with(":1")));
    }

    /// FNV-1a of the parts, worked out apart.
    #[test]
    fn it_is_the_same_everywhere() {
        let mut hash = 0xCBF2_9CE4_8422_2325_u64;
        for byte in b"executable-pool-type\xFFPAGE\xFFExAllocatePoolWithTag\xFFa\xFF\xFF" {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3);
        }
        assert_eq!(prints(vec![finding(1, "a")]), [format!("{hash:016x}:1")]);
    }
}
