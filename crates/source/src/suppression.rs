//! What the source itself says is known: comments of ours, and the pragmas of Microsoft's compiler.

use crate::directive::{DirectiveKind, directives};
use crate::{FileId, FileKind, SourceTree, Span};
use std::ops::RangeInclusive;

/// A part of the source that says of findings that they are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suppression {
    /// Where it stands.
    pub span: Span,
    /// Its line, from 1.
    pub line: u32,
    /// The lines that it is about.
    pub lines: RangeInclusive<u32>,
    /// What it is about.
    pub of: Suppressed,
    /// The reason given; empty where there is none.
    pub reason: String,
}

/// What a suppression is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Suppressed {
    /// The rule of this name, in any of its spellings.
    Rule(String),
    /// The Code Analysis warning of this number.
    Warning(u32),
}

impl Suppression {
    /// What it says, such as `allow(executable-pool-type)` or `suppress: 30030`.
    pub fn told(&self) -> String {
        match &self.of {
            Suppressed::Rule(rule) => format!("allow({rule})"),
            Suppressed::Warning(number) if self.lines.start() == self.lines.end() => {
                format!("suppress: {number}")
            }
            Suppressed::Warning(number) => format!("disable: {number}"),
        }
    }
}

/// What opens one of our own.
const MARK: &str = "ringfence:";

/// The warnings that ringfence's rules are known by: others are none of its business.
const WARNINGS: RangeInclusive<u32> = 30029..=30035;

/// All suppressions of a tree, by file and line.
pub fn suppressions(tree: &SourceTree) -> Vec<Suppression> {
    let mut all = Vec::new();
    for (id, file) in tree.files() {
        let text = file.text.as_str();
        comments(tree, id, &mut all);
        let may_have =
            |word: &str| memchr::memmem::find(text.as_bytes(), word.as_bytes()).is_some();
        let is_c = matches!(file.kind, FileKind::C | FileKind::Cpp | FileKind::Header);
        if is_c
            && (may_have("warning") || may_have("prefast"))
            && (may_have("300") || may_have("BANNED_MEM"))
        {
            pragmas(tree, id, &mut all);
        }
    }
    all.sort_by_key(|one| (one.span, one.told()));
    all
}

/// `ringfence: allow(rule, rule) reason`, behind code for its own line, else for the next line with anything else on it.
fn comments(tree: &SourceTree, id: FileId, all: &mut Vec<Suppression>) {
    let file = tree.file(id);
    let text = file.text.as_str();
    for start in memchr::memmem::find_iter(text.as_bytes(), MARK.as_bytes()) {
        let line = file.text.place(start).line;
        let Some(range) = file.text.line_range(line) else { continue };
        let before = text[range.start..start].trim_end();
        let Some(opener) = opener(before, file.kind) else { continue };
        let rest = &text[start + MARK.len()..range.end];
        let Some(listed) = rest.trim_start().strip_prefix("allow(") else { continue };
        let Some((rules, reason)) = listed.split_once(')') else { continue };
        let has_code = !before[..before.len() - opener.len()].trim().is_empty();
        let about = if has_code { line } else { next_line(tree, id, line) };
        let reason = reason.trim().trim_end_matches("-->").trim_end_matches("*/").trim().to_owned();
        for rule in rules.split(',').map(str::trim).filter(|rule| !rule.is_empty()) {
            all.push(Suppression {
                span: Span::new(id, start..range.end),
                line,
                lines: about..=about,
                of: Suppressed::Rule(rule.to_owned()),
                reason: reason.clone(),
            });
        }
    }
}

/// What opens the comment that ends `before`.
fn opener(before: &str, kind: FileKind) -> Option<&'static str> {
    let of_kind: &[&'static str] = match kind {
        FileKind::Project => &["<!--", "#"],
        _ => &["//", "/*"],
    };
    of_kind.iter().copied().find(|opener| before.ends_with(opener))
}

/// The next line that has anything but another comment of ours.
fn next_line(tree: &SourceTree, id: FileId, line: u32) -> u32 {
    let file = tree.file(id);
    let mut next = line + 1;
    while let Some(range) = file.text.line_range(next) {
        let text = file.text.as_str()[range].trim();
        if !text.is_empty() && !text.contains(MARK) {
            break;
        }
        next += 1;
    }
    next
}

/// A `disable` that has not ended.
struct Disabled {
    number: u32,
    line: u32,
    span: Span,
    reason: String,
    depth: usize,
}

/// `#pragma warning(suppress: n)`, `#pragma warning(disable: n)` and `#pragma prefast(...)`, with `push` and `pop`.
fn pragmas(tree: &SourceTree, id: FileId, all: &mut Vec<Suppression>) {
    let file = tree.file(id);
    let text = file.text.as_str();
    let mut open: Vec<Disabled> = Vec::new();
    let mut depth = 0_usize;
    let mut close = |one: Disabled, last: u32| {
        all.push(Suppression {
            span: one.span,
            line: one.line,
            lines: one.line..=last,
            of: Suppressed::Warning(one.number),
            reason: one.reason,
        });
    };
    let mut single: Vec<(u32, u32, Span, String)> = Vec::new();
    for directive in directives(text) {
        let DirectiveKind::Pragma(range) = directive.kind else { continue };
        let said = &text[range];
        let Some(inner) = ["warning", "prefast"].iter().find_map(|word| parenthesis(said, word))
        else {
            continue;
        };
        let line = file.text.place(directive.range.start).line;
        let last = file.text.place(directive.range.end).line;
        let span = Span::new(id, directive.range);
        for part in inner.split(';') {
            let (verb, rest) = part.split_once(':').unwrap_or((part, ""));
            let (numbers, reason) = rest.split_once(',').unwrap_or((rest, ""));
            let reason = reason.trim().trim_matches('"').to_owned();
            let numbers = numbers.split_whitespace().filter_map(warning);
            let numbers = numbers.filter(|number| WARNINGS.contains(number));
            match verb.trim() {
                "push" => depth += 1,
                "pop" => {
                    depth = depth.saturating_sub(1);
                    while open.last().is_some_and(|one| one.depth > depth) {
                        if let Some(one) = open.pop() {
                            close(one, line);
                        }
                    }
                }
                "disable" => {
                    open.extend(numbers.map(|number| Disabled {
                        number,
                        line,
                        span,
                        reason: reason.clone(),
                        depth,
                    }));
                }
                "suppress" => {
                    let about = next_line(tree, id, last);
                    single.extend(numbers.map(|number| (number, about, span, reason.clone())));
                }
                "default" | "enable" => {
                    for number in numbers {
                        while let Some(at) = open.iter().rposition(|one| one.number == number) {
                            close(open.remove(at), line);
                        }
                    }
                }
                _ => {}
            }
        }
    }
    for one in open {
        close(one, u32::MAX);
    }
    for (number, about, span, reason) in single {
        let line = file.text.place(span.start as usize).line;
        let of = Suppressed::Warning(number);
        all.push(Suppression { span, line, lines: about..=about, of, reason });
    }
}

/// The number of a warning: as such, or by the name that the kit has for it.
fn warning(written: &str) -> Option<u32> {
    const NAMES: [(&str, u32); 7] = [
        ("__WARNING_BANNED_MEM_ALLOCATION_NOTYPE", 30029),
        ("__WARNING_BANNED_MEM_ALLOCATION_UNSAFE", 30030),
        ("__WARNING_BANNED_MEM_ALLOCATION_MAYBE_SAFE", 30031),
        ("__WARNING_BANNED_MEM_ALLOCATION_FORCE_UNSAFE", 30032),
        ("__WARNING_BANNED_MEM_ALLOCATION_MAYBE_UNSAFE_DRIVER_LOADED", 30033),
        ("__WARNING_BANNED_MEM_ALLOCATION_MAYBE_UNSAFE", 30034),
        ("__WARNING_BANNED_MEM_ALLOCATION_MAYBE_BAD_CALL_SITE", 30035),
    ];
    let named = NAMES.iter().find(|(name, _)| *name == written).map(|(_, number)| *number);
    named.or_else(|| written.parse().ok())
}

/// What stands in the parenthesis behind `word`.
fn parenthesis<'t>(said: &'t str, word: &str) -> Option<&'t str> {
    let rest = said.trim_start().strip_prefix(word)?.trim_start().strip_prefix('(')?;
    rest.rsplit_once(')').map(|(inner, _)| inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SourceText;

    fn told(path: &str, text: &str) -> Vec<String> {
        let mut tree = SourceTree::default();
        tree.add(path, SourceText::of(text)).unwrap();
        let told = |one: Suppression| {
            format!(
                "{} {} for {}-{} [{}]",
                one.line,
                one.told(),
                one.lines.start(),
                one.lines.end(),
                one.reason
            )
        };
        suppressions(&tree).into_iter().map(told).collect()
    }

    #[test]
    fn comments_are_for_their_line_or_the_next() {
        assert_eq!(
            told("a.c", "f(); // ringfence: allow(executable-pool-type) known since 2019\n"),
            ["1 allow(executable-pool-type) for 1-1 [known since 2019]"]
        );
        assert_eq!(
            told(
                "a.c",
                "/* ringfence: allow(C30030, nx-opt-in) why */\n// ringfence: allow(x)\n\nf();"
            ),
            [
                "1 allow(C30030) for 4-4 [why]",
                "1 allow(nx-opt-in) for 4-4 [why]",
                "2 allow(x) for 4-4 []"
            ]
        );
        assert_eq!(
            told("a.vcxproj", "<!-- ringfence: allow(unaligned-section) old kit -->\n<X/>"),
            ["1 allow(unaligned-section) for 2-2 [old kit]"]
        );
        assert_eq!(
            told("a.c", "char *s = \"ringfence: allow(x)\"; // see ringfence: allow(x)"),
            [""; 0]
        );
    }

    /// As the documentation of the warning pragma has it.
    #[test]
    fn pragmas_of_the_compiler_count() {
        assert_eq!(
            told(
                "a.c",
                "#pragma prefast(suppress: __WARNING_BANNED_MEM_ALLOCATION_UNSAFE, \"opted in\")\nf();"
            ),
            ["1 suppress: 30030 for 2-2 [opted in]"]
        );
        assert_eq!(
            told("a.c", "#pragma warning(suppress: 30030)\nf();\n"),
            ["1 suppress: 30030 for 2-2 []"]
        );
        assert_eq!(
            told(
                "a.c",
                "#pragma warning(push)\n#pragma warning(disable: 28751 30029 30030)\nf();\n#pragma warning(pop)\ng();"
            ),
            ["2 disable: 30029 for 2-4 []", "2 disable: 30030 for 2-4 []"]
        );
        assert_eq!(
            told("a.c", "#pragma warning(disable: 30030)\nf();\n#pragma warning(default: 30030)\n"),
            ["1 disable: 30030 for 1-3 []"]
        );
        assert_eq!(
            told("a.c", "#pragma prefast(suppress: 30031, \"done in a helper\")\nf();"),
            ["1 suppress: 30031 for 2-2 [done in a helper]"]
        );
        assert_eq!(
            told("a.c", "#pragma warning(disable: 4100)\n#pragma warning(disable: 30032)"),
            ["2 disable: 30032 for 2-4294967295 []"]
        );
    }
}
