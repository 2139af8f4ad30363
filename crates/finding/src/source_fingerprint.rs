//! What a finding in source is known by when the lines around it move.

use crate::fingerprint::numbered;
use crate::{SourceFinding, stable_hash};

/// Gives each finding its [`SourceFinding::fingerprint`].
///
/// What it is made of does not move when other lines do: the rule, the name of the file without its folders, the
/// function, the DDI and what its argument may be, and the first line of code that is marked, whose blanks do not
/// count. Those alike in all of these are numbered by their place in the file, from 1. Folders are left out, as
/// a path depends on where it was asked from; so it takes path and fingerprint to tell files of one name apart.
pub fn set_source_fingerprints(findings: &mut [SourceFinding]) {
    let key = |finding: &SourceFinding| (finding.path.clone(), hash(finding));
    let prints = numbered(findings, |finding| finding.mark.region, key);
    for (finding, print) in findings.iter_mut().zip(prints) {
        finding.fingerprint = print;
    }
}

fn hash(finding: &SourceFinding) -> u64 {
    let line = finding.mark.lines.first().map(String::as_str).unwrap_or_default();
    let words: Vec<&str> = line.split_whitespace().collect();
    stable_hash([
        finding.rule,
        finding.path.rsplit(['/', '\\']).next().unwrap_or_default(),
        finding.function.as_deref().unwrap_or_default(),
        finding.ddi.unwrap_or_default(),
        finding.argument.as_deref().unwrap_or_default(),
        &words.join(" "),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Level, Region, RuleCard, SourceMark};

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

    fn finding(path: &str, line: u32, code: &str) -> SourceFinding {
        let mark = SourceMark {
            path: path.to_owned(),
            region: Region { line, column: 5, end_line: line, end_column: 9 },
            text: String::new(),
            lines: vec![code.to_owned()],
        };
        SourceFinding::new(&CARD, Level::Error, format!("in line {line}"), mark)
            .about("ExAllocatePool", Some("a".to_owned()))
            .within(Some("Read".to_owned()))
    }

    fn prints(mut findings: Vec<SourceFinding>) -> Vec<String> {
        set_source_fingerprints(&mut findings);
        findings.into_iter().map(|finding| finding.fingerprint).collect()
    }

    #[test]
    fn lines_and_folders_and_blanks_do_not_matter() {
        let first = prints(vec![
            finding("src/a.c", 20, "p = f(x);"),
            finding("src/a.c", 10, "p = f(x);"),
            finding("src/a.c", 15, "q = f(y);"),
        ]);
        let moved = prints(vec![
            finding("/other/a.c", 50, "\tp  = f(x);"),
            finding("/other/a.c", 49, "p = f(x); "),
            finding("/other/a.c", 1, "  q = f(y);"),
        ]);
        assert_eq!(first, moved);
        assert!(first[0].ends_with(":2") && first[1].ends_with(":1") && first[2].ends_with(":1"));
        assert_eq!(first[0].split(':').next(), first[1].split(':').next());
    }

    #[test]
    fn those_alike_are_numbered_within_their_file() {
        let prints = prints(vec![finding("a/x.c", 3, "f();"), finding("b/x.c", 3, "f();")]);
        assert_eq!(prints[0], prints[1]);
        assert!(prints[0].ends_with(":1"));
    }

    #[test]
    fn whatever_tells_them_apart_does() {
        let one = || finding("x.c", 3, "f();");
        let mut all = vec![
            one(),
            finding("y.c", 3, "f();"),
            finding("x.c", 3, "g();"),
            one().within(Some("Write".to_owned())),
            one().about("ExAllocatePool", Some("b".to_owned())),
            one().about("ExAllocatePoolWithTag", Some("a".to_owned())),
            SourceFinding { rule: "other", ..one() },
        ];
        let count = all.len();
        set_source_fingerprints(&mut all);
        let mut prints: Vec<_> = all.into_iter().map(|finding| finding.fingerprint).collect();
        prints.sort_unstable();
        prints.dedup();
        assert_eq!(prints.len(), count);
    }

    /// FNV-1a of the parts, worked out apart.
    #[test]
    fn it_is_the_same_everywhere() {
        let mut hash = 0xCBF2_9CE4_8422_2325_u64;
        let parts = b"executable-pool-type\xFFx.c\xFFRead\xFFExAllocatePool\xFFa\xFFp = f(x);\xFF";
        for byte in parts {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3);
        }
        let windows = finding(r"src\x.c", 1, "    p = f(x);");
        assert_eq!(prints(vec![windows]), [format!("{hash:016x}:1")]);
    }
}
