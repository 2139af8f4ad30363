//! What was looked at, in words: a clean driver is worth no more than that.

use crate::layout::{counted, grouped};
use ringfence_finding::{Code, CodeCoverage, Coverage, Trust};

/// Reasons why calls are unknown that are told; the rest is counted together.
const REASONS: usize = 4;

/// What was looked at of the image, then of its machine code, then of its trust; a line each.
pub(crate) fn lines(coverage: &Coverage) -> Vec<String> {
    let mut lines = vec![image(coverage)];
    lines.extend(code(&coverage.code));
    lines.push(match coverage.trust {
        Trust::NotExamined => "signature and policy not examined".to_owned(),
    });
    lines
}

fn image(coverage: &Coverage) -> String {
    format!(
        "examined {}, {}, {}, {} listed",
        counted(coverage.sections, "section"),
        counted(coverage.imports, "import"),
        counted(coverage.relocations, "relocation"),
        counted(coverage.functions, "function"),
    )
}

fn code(code: &Code) -> Vec<String> {
    match code {
        Code::NotExamined { because } => vec![format!("machine code not examined: {because}")],
        Code::Examined(coverage) => {
            let mut lines = vec![calls(coverage)];
            lines.extend(no_calls(coverage));
            lines
        }
    }
}

/// `examined 58 of 61 DDI calls; 3 unknown because the argument is what a call returned`.
fn calls(coverage: &CodeCoverage) -> String {
    if coverage.calls == 0 {
        return format!("examined the machine code: {}", NONE);
    }
    let all = counted(coverage.calls, "DDI call");
    let examined = format!("examined {} of {all}", grouped(coverage.known));
    match unknown(coverage) {
        None => format!("{examined}; all arguments known"),
        Some(unknown) => format!("{examined}; {unknown}"),
    }
}

/// That there are no calls; ways to a DDI that are not followed may still lead to one.
const NONE: &str = "no call of a DDI that decides about executable memory was found";

/// [`calls`], where some of them are unknown.
pub(crate) fn unknown_calls(code: &Code) -> Option<String> {
    match code {
        Code::Examined(coverage) if coverage.known < coverage.calls => Some(calls(coverage)),
        _ => None,
    }
}

/// `3 unknown because the argument is what a call returned (2), it is an address (1)`.
fn unknown(coverage: &CodeCoverage) -> Option<String> {
    let unknown = coverage.calls.saturating_sub(coverage.known);
    if unknown == 0 {
        return None;
    }
    let said = format!("{} unknown", grouped(unknown));
    let reasons: Vec<String> = match &coverage.unknown[..] {
        [] => return Some(said),
        [only] => vec![only.because.clone()],
        several => {
            let rest: usize = several.iter().skip(REASONS).map(|reason| reason.calls).sum();
            let told = several.iter().take(REASONS);
            let told = told.map(|reason| format!("{} ({})", reason.because, grouped(reason.calls)));
            let rest = (rest > 0).then(|| format!("other reasons ({})", grouped(rest)));
            told.chain(rest).collect()
        }
    };
    Some(format!("{said} because {}", named(&reasons.join(", "))))
}

/// The first reason says what `it` is; those behind it need not.
fn named(reasons: &str) -> String {
    match reasons.strip_prefix("it is ") {
        Some(rest) => format!("the argument is {rest}"),
        None => reasons.to_owned(),
    }
}

/// References that are no calls, or none that is known to happen.
pub(crate) fn no_calls(coverage: &CodeCoverage) -> Option<String> {
    let several = |count: usize, one: &str, many: &str| match count {
        0 => None,
        1 => Some(format!("1 {one}")),
        _ => Some(format!("{} {many}", grouped(count))),
    };
    let kinds = [
        several(coverage.dead_thunks, "jump that nothing calls", "jumps that nothing calls"),
        data_uses(coverage),
        several(
            coverage.unreached,
            "in code that no known path leads to",
            "in code that no known path leads to",
        ),
    ];
    let kinds: Vec<String> = kinds.into_iter().flatten().collect();
    (!kinds.is_empty()).then(|| format!("other references to DDIs: {}", kinds.join(", ")))
}

/// `2 addresses used as values, 1 of them to allocate a lookaside list's entries`.
fn data_uses(coverage: &CodeCoverage) -> Option<String> {
    let uses = match coverage.data_uses {
        0 => return None,
        1 => "1 address used as a value".to_owned(),
        more => format!("{} addresses used as values", grouped(more)),
    };
    let purpose = "to allocate a lookaside list's entries";
    Some(match coverage.allocate_routines {
        0 => uses,
        all if all == coverage.data_uses => format!("{uses}, {purpose}"),
        some => format!("{uses} ({} of them {purpose})", grouped(some)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::unknown_calls;

    fn told(coverage: CodeCoverage) -> Vec<String> {
        code(&Code::Examined(coverage))
    }

    #[test]
    fn all_known() {
        let coverage = CodeCoverage { calls: 61, known: 61, references: 61, ..Default::default() };
        assert_eq!(told(coverage), ["examined 61 of 61 DDI calls; all arguments known"]);
        let one = CodeCoverage { calls: 1, known: 1, references: 1, ..Default::default() };
        assert_eq!(told(one), ["examined 1 of 1 DDI call; all arguments known"]);
    }

    #[test]
    fn what_is_unknown_is_told_with_its_reasons() {
        let mut coverage = CodeCoverage { calls: 61, known: 58, ..Default::default() };
        coverage.unknown = unknown_calls(&[("it is what a call returned", 3)]);
        assert_eq!(
            told(coverage.clone()),
            ["examined 58 of 61 DDI calls; 3 unknown because the argument is what a call returned"]
        );
        coverage.unknown = unknown_calls(&[
            ("it is read from memory that a pointer leads to", 2),
            ("it is what a call returned", 1),
        ]);
        assert_eq!(
            told(coverage),
            [
                "examined 58 of 61 DDI calls; 3 unknown because the argument is read from memory that \
              a pointer leads to (2), it is what a call returned (1)"
            ]
        );
    }

    #[test]
    fn rare_reasons_are_counted_together() {
        let mut coverage = CodeCoverage { calls: 30, known: 9, ..Default::default() };
        coverage.unknown =
            unknown_calls(&[("a", 6), ("b", 5), ("c", 4), ("d", 3), ("e", 2), ("f", 1)]);
        assert_eq!(
            told(coverage),
            ["examined 9 of 30 DDI calls; 21 unknown because a (6), b (5), c (4), d (3), other \
              reasons (3)"]
        );
    }

    #[test]
    fn references_that_are_no_calls_are_told_when_there_are_any() {
        let coverage = CodeCoverage {
            calls: 1,
            known: 1,
            references: 5,
            dead_thunks: 1,
            data_uses: 2,
            unreached: 1,
            ..Default::default()
        };
        assert_eq!(
            told(coverage)[1],
            "other references to DDIs: 1 jump that nothing calls, 2 addresses used as \
             values, 1 in code that no known path leads to"
        );
    }

    #[test]
    fn no_calls_at_all_is_said_plainly() {
        assert_eq!(
            told(CodeCoverage::default()),
            [
                "examined the machine code: no call of a DDI that decides about executable memory was found"
            ]
        );
        let stored = CodeCoverage { references: 1, data_uses: 1, ..Default::default() };
        assert_eq!(
            told(stored),
            [
                "examined the machine code: no call of a DDI that decides about executable memory \
                 was found",
                "other references to DDIs: 1 address used as a value"
            ]
        );
    }
}
