//! Pragmas of Microsoft's compiler that speak of warnings, in every form that they have.

use super::{Suppressed, Suppression, WARNINGS, next_line};
use crate::directive::{Directive, DirectiveKind, directives};
use crate::lex::tokens;
use crate::{FileId, FileKind, SourceTree, Span};
use foldhash::{HashMap, HashSet};
use std::ops::{Range, RangeInclusive};

/// A `disable` that has not ended.
struct Disabled {
    number: u32,
    line: u32,
    span: Span,
    reason: String,
    depth: usize,
}

/// A pragma: where it stands, and what it says.
struct Pragma {
    range: Range<usize>,
    said: String,
}

/// `#pragma warning(suppress: n)`, `#pragma warning(disable: n)` and `#pragma prefast(...)`, with `push` and `pop`; also
/// as `__pragma(...)` and `_Pragma("...")`.
pub(super) fn read(tree: &SourceTree, id: FileId, all: &mut Vec<Suppression>) {
    let mut reader = Reader { tree, id, open: Vec::new(), depth: 0, found: Vec::new() };
    for pragma in pragmas(tree.file(id).text.as_str()) {
        let Some(inner) =
            ["warning", "prefast"].iter().find_map(|word| parenthesis(&pragma.said, word))
        else {
            continue;
        };
        for part in inner.split(';') {
            reader.part(&pragma, part);
        }
    }
    while let Some(one) = reader.open.pop() {
        reader.close(one, u32::MAX);
    }
    all.append(&mut reader.found);
}

/// Reads the pragmas of a file one after the other.
struct Reader<'t> {
    tree: &'t SourceTree,
    id: FileId,
    open: Vec<Disabled>,
    depth: usize,
    found: Vec<Suppression>,
}

impl Reader<'_> {
    fn part(&mut self, pragma: &Pragma, part: &str) {
        let file = self.tree.file(self.id);
        let line = file.text.place(pragma.range.start).line;
        let span = Span::new(self.id, pragma.range.clone());
        let (verb, rest) = part.split_once(':').unwrap_or((part, ""));
        let (numbers, reason) = rest.split_once(',').unwrap_or((rest, ""));
        let reason = reason.trim().trim_matches('"').to_owned();
        let numbers = numbers.split_whitespace().filter_map(warning);
        let numbers = numbers.filter(|number| WARNINGS.contains(number));
        match verb.trim().split(',').next().unwrap_or_default().trim() {
            "push" => self.depth += 1,
            "pop" => {
                self.depth = self.depth.saturating_sub(1);
                while self.open.last().is_some_and(|one| one.depth > self.depth) {
                    if let Some(one) = self.open.pop() {
                        self.close(one, line);
                    }
                }
            }
            "disable" => {
                let depth = self.depth;
                self.open.extend(numbers.map(|number| Disabled {
                    number,
                    line,
                    span,
                    reason: reason.clone(),
                    depth,
                }));
            }
            "suppress" => {
                let about = self.suppressed_line(&pragma.range);
                for number in numbers {
                    self.found.push(Suppression {
                        span,
                        line,
                        file: self.id,
                        lines: about..=about,
                        of: Suppressed::Warning(number),
                        reason: reason.clone(),
                    });
                }
            }
            "default" | "enable" | "error" | "once" => {
                for number in numbers {
                    while let Some(at) = self.open.iter().rposition(|one| one.number == number) {
                        let one = self.open.remove(at);
                        self.close(one, line);
                    }
                }
            }
            _ => {}
        }
    }

    /// The line that a `suppress` is about: that of the code behind it, where there is some in its line.
    fn suppressed_line(&self, range: &Range<usize>) -> u32 {
        let file = self.tree.file(self.id);
        let last = file.text.place(range.end).line;
        let line = file.text.line_range(last).unwrap_or_default();
        let behind = file.text.as_str().get(range.end..line.end).unwrap_or_default();
        let is_code = tokens(behind, 0, behind.len()).any(|token| token.text(behind) != ";");
        if is_code { last } else { next_line(self.tree, self.id, last) }
    }

    fn close(&mut self, one: Disabled, last: u32) {
        self.found.push(Suppression {
            span: one.span,
            line: one.line,
            file: self.id,
            lines: one.line..=last,
            of: Suppressed::Warning(one.number),
            reason: one.reason,
        });
    }
}

/// All pragmas of a text, in order.
fn pragmas(text: &str) -> Vec<Pragma> {
    let said = |directive: Directive| match directive.kind {
        DirectiveKind::Pragma(said) => {
            Some(Pragma { range: directive.range, said: text[said].to_owned() })
        }
        DirectiveKind::Operator(said) => {
            Some(Pragma { range: directive.range, said: text[said].replace("\\\"", "\"") })
        }
        _ => None,
    };
    directives(text).into_iter().filter_map(said).collect()
}

/// How many files one suppression is carried into.
const MOST_INCLUDERS: usize = 1 << 14;
/// How deep includes are followed.
const DEEPEST: usize = 16;

/// What a header disables and does not enable again holds for what follows its inclusion.
pub(super) fn carry_into_includers(tree: &SourceTree, all: &mut Vec<Suppression>) {
    let is_open = |one: &&Suppression| {
        *one.lines.end() == u32::MAX && tree.file(one.file).kind == FileKind::Header
    };
    let mut open: Vec<Suppression> = all.iter().filter(is_open).cloned().collect();
    if open.is_empty() {
        return;
    }
    open.sort_by_key(|one| (one.span, one.told()));
    let includers = includers(tree);
    let mut left = MOST_INCLUDERS;
    for one in open {
        let mut seen: HashSet<FileId> = HashSet::default();
        let mut level = vec![one.file];
        for _ in 0..DEEPEST {
            let mut next = Vec::new();
            for include in level.iter().filter_map(|file| includers.get(file)).flatten() {
                if left == 0 || include.by == one.file || !seen.insert(include.by) {
                    continue;
                }
                left -= 1;
                let lines = include.lines.clone();
                if *lines.end() == u32::MAX {
                    next.push(include.by);
                }
                all.push(Suppression { file: include.by, lines, ..one.clone() });
            }
            level = next;
        }
    }
}

/// An inclusion: by which file, and for which lines of it what the header disables holds.
struct Include {
    by: FileId,
    lines: RangeInclusive<u32>,
}

/// How each file is included.
fn includers(tree: &SourceTree) -> HashMap<FileId, Vec<Include>> {
    let mut found: HashMap<FileId, Vec<Include>> = HashMap::default();
    for (id, file) in tree.files() {
        if !matches!(file.kind, FileKind::C | FileKind::Cpp | FileKind::Header) {
            continue;
        }
        let text = file.text.as_str();
        // What a `push` before an inclusion keeps, the `pop` behind it brings back.
        let mut open: Vec<(FileId, u32)> = Vec::new();
        let mut pushed: Vec<usize> = Vec::new();
        let mut close = |(header, first): (FileId, u32), last| {
            found.entry(header).or_default().push(Include { by: id, lines: first..=last });
        };
        for directive in directives(text) {
            let line = file.text.place(directive.range.start).line;
            match directive.kind {
                DirectiveKind::Include { name } => {
                    open.extend(tree.included(id, &text[name], &[]).map(|header| (header, line)));
                }
                DirectiveKind::Pragma(range) | DirectiveKind::Operator(range) => {
                    let said = parenthesis(&text[range], "warning").unwrap_or_default();
                    for part in said.split(';') {
                        match part.split([',', ':']).next().unwrap_or_default().trim() {
                            "push" => pushed.push(open.len()),
                            "pop" => {
                                let kept = pushed.pop().unwrap_or(open.len());
                                open.drain(kept.min(open.len())..).for_each(|one| close(one, line));
                            }
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
        open.into_iter().for_each(|one| close(one, u32::MAX));
    }
    found
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
