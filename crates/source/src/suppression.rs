//! What the source itself says is known: comments of ours, the pragmas of Microsoft's compiler, and what projects tell it.

mod pragmas;
mod projects;

use crate::{FileId, FileKind, Project, SourceTree, Span};
use foldhash::HashMap;
use rayon::prelude::*;
use std::ops::{Range, RangeInclusive};

/// A part of the source that says of findings that they are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suppression {
    /// Where it stands.
    pub span: Span,
    /// Its line, from 1.
    pub line: u32,
    /// The file that it is about: its own, or one that includes it.
    pub file: FileId,
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
    /// Nothing: it is not written as it has to be.
    Nothing {
        /// As it is written.
        written: String,
        /// What is wrong with it, and how it is written right.
        why: &'static str,
    },
}

impl Suppression {
    /// What it says, such as `allow(executable-pool-type)` or `suppress: 30030`.
    pub fn told(&self) -> String {
        match &self.of {
            Suppressed::Rule(rule) => format!("allow({rule})"),
            Suppressed::Nothing { written, .. } => written.clone(),
            Suppressed::Warning(number) if self.lines.start() == self.lines.end() => {
                format!("suppress: {number}")
            }
            Suppressed::Warning(number) => format!("disable: {number}"),
        }
    }
}

/// What opens one of our own.
const MARK: &str = "ringfence:";
/// What opens what may be one of our own, written wrong.
const NAME: &str = "ringfence";

/// The warnings that ringfence's rules are known by: others are none of its business.
const WARNINGS: RangeInclusive<u32> = 30029..=30035;

/// The suppressions of a tree whose files change one by one.
#[derive(Clone, Debug, Default)]
pub struct Suppressions {
    /// What stands in each file, as it is about that file; nothing of files without any.
    own: HashMap<FileId, Vec<Suppression>>,
}

impl Suppressions {
    /// Those of all files.
    pub fn new(tree: &SourceTree) -> Suppressions {
        let files: Vec<FileId> = tree.files().map(|(id, _)| id).collect();
        let own = files.into_par_iter().map(|id| (id, of_file(tree, id)));
        Suppressions { own: own.filter(|(_, all)| !all.is_empty()).collect() }
    }

    /// Reads a file again that has a new text, or is new.
    pub fn again(&mut self, tree: &SourceTree, file: FileId) {
        self.own.insert(file, of_file(tree, file));
    }

    /// All of them, with those that headers leave to what includes them and those of projects; by file and line.
    pub fn all(&self, tree: &SourceTree, projects: &[Project]) -> Vec<Suppression> {
        let mut all: Vec<Suppression> = self.own.values().flatten().cloned().collect();
        pragmas::carry_into_includers(tree, &mut all);
        all.extend(projects::of_projects(tree, projects));
        all.sort_by_key(|one| (one.span, one.told(), one.file));
        all
    }
}

/// The suppressions that stand in a file.
fn of_file(tree: &SourceTree, id: FileId) -> Vec<Suppression> {
    let mut all = Vec::new();
    let file = tree.file(id);
    comments(tree, id, &mut all);
    let may_have =
        |word: &str| memchr::memmem::find(file.text.as_str().as_bytes(), word.as_bytes()).is_some();
    let is_c = matches!(file.kind, FileKind::C | FileKind::Cpp | FileKind::Header);
    if is_c
        && (may_have("warning") || may_have("prefast"))
        && (may_have("300") || may_have("BANNED_MEM"))
    {
        pragmas::read(tree, id, &mut all);
    }
    all
}

/// `ringfence: allow(rule, rule) reason`, behind code for its own line, else for the next line with anything else on it.
fn comments(tree: &SourceTree, id: FileId, all: &mut Vec<Suppression>) {
    let file = tree.file(id);
    let text = file.text.as_str();
    for start in memchr::memmem::find_iter(text.as_bytes(), NAME.as_bytes()) {
        let line = file.text.place(start).line;
        let Some(range) = file.text.line_range(line) else { continue };
        let before = text[range.start..start].trim_end();
        let opened = opener(before, file.kind)
            .or_else(|| opened_above(text, range.start, before, file.kind));
        let Some((opener, before)) = opened else { continue };
        let has_code = !before.trim().is_empty();
        let end = last_line(tree, id, opener, start..range.end, line);
        let about = match (has_code, end.has_code) {
            (true, _) => line,
            (_, true) => end.last,
            _ => next_line(tree, id, end.last),
        };
        let span = Span::new(id, start..range.end);
        let said = read(&text[start..range.end], end.last > line);
        all.extend(said.into_iter().map(|(of, reason)| Suppression {
            span,
            line,
            file: id,
            lines: about..=about,
            of,
            reason,
        }));
    }
}

/// What a comment says that begins with our name: each rule with the reason, or what is wrong with it. `goes_on` says
/// whether the comment does in the next line.
fn read(comment: &str, goes_on: bool) -> Vec<(Suppressed, String)> {
    const SPELLING: &str = "it is not understood; write `ringfence: allow(rule) reason`";
    const BROKEN: &str = "the parenthesis is not closed in its line; write all of `ringfence: allow(rule) reason` in one \
                          line, or a comment for each rule";
    let rest = &comment[NAME.len()..];
    let nothing = |why| {
        let written = comment.trim_end_matches("-->").trim_end_matches("*/").trim();
        let written: String = written.chars().take(LONGEST_TOLD).collect();
        vec![(Suppressed::Nothing { written, why }, String::new())]
    };
    let listed = rest.strip_prefix(':').and_then(|rest| rest.trim_start().strip_prefix("allow("));
    let Some(listed) = listed else {
        return if is_meant(rest) { nothing(SPELLING) } else { Vec::new() };
    };
    let Some((rules, reason)) = listed.split_once(')') else {
        return nothing(if goes_on { BROKEN } else { SPELLING });
    };
    let reason = reason.trim().trim_end_matches("-->").trim_end_matches("*/").trim();
    let reason = reason.trim_start_matches([':', '-', '\u{2013}', '\u{2014}']).trim_start();
    let rules = rules.split(',').map(str::trim).filter(|rule| !rule.is_empty());
    let is_number = |rule: &str| rule.parse().is_ok_and(|number: u32| WARNINGS.contains(&number));
    if rules.clone().any(is_number) {
        return nothing(
            "a warning is named with its letter, as in `ringfence: allow(C30030) reason`",
        );
    }
    let rules: Vec<_> =
        rules.map(|rule| (Suppressed::Rule(rule.to_owned()), reason.to_owned())).collect();
    match rules.is_empty() {
        true => nothing("it names no rule; write `ringfence: allow(rule) reason`"),
        false => rules,
    }
}

/// How many characters of what is not understood are told.
const LONGEST_TOLD: usize = 60;

/// Whether what follows our name in a comment looks as if it should suppress something, rather than being prose.
fn is_meant(rest: &str) -> bool {
    const VERBS: [&str; 9] =
        ["allow", "disable", "ignore", "suppress", "accept", "expect", "permit", "nolint", "off"];
    let has_colon = rest.trim_start().starts_with(':');
    let rest = rest.trim_start().trim_start_matches(':').trim_start();
    let end = rest.find(|one: char| !one.is_ascii_alphanumeric()).unwrap_or(rest.len());
    let verb = rest[..end].to_ascii_lowercase();
    let behind = rest[end..].trim_start();
    let is_verb = VERBS.contains(&&*verb);
    // `ringfence: allow x`, but not `ringfence allows this`.
    is_verb && (has_colon || behind.starts_with('('))
}

/// What opens the comment that ends `before`, and what stands before it in the line. Comments that document open with more.
fn opener(before: &str, kind: FileKind) -> Option<(&'static str, &str)> {
    const OF_PROJECTS: [(&str, &str); 2] = [("<!--", "<!--"), ("#", "#")];
    const OF_CODE: [(&str, &str); 6] =
        [("///", "//"), ("//!", "//"), ("/**", "/*"), ("/*!", "/*"), ("//", "//"), ("/*", "/*")];
    let of_kind = if kind == FileKind::Project { &OF_PROJECTS[..] } else { &OF_CODE[..] };
    of_kind.iter().find_map(|(written, opener)| Some((*opener, before.strip_suffix(written)?)))
}

/// The same of a comment that a line above opens, for what begins a line of it, behind a star at the most.
fn opened_above<'t>(
    text: &'t str,
    line: usize,
    before: &'t str,
    kind: FileKind,
) -> Option<(&'static str, &'t str)> {
    let (opener, close) = if kind == FileKind::Project { ("<!--", "-->") } else { ("/*", "*/") };
    if !matches!(before.trim(), "" | "*") {
        return None;
    }
    let (above, _) = text.split_at_checked(line)?;
    let mut from = above.len().saturating_sub(LONGEST_COMMENT);
    while !above.is_char_boundary(from) {
        from += 1;
    }
    let (_, since) = above[from..].rsplit_once(opener)?;
    (!since.contains(close)).then_some((opener, ""))
}

/// How far above a line its comment may begin, and how far below it may end.
const LONGEST_COMMENT: usize = 1 << 12;

/// So much of a text as a comment has that goes on at a byte.
fn as_long(text: &str, from: usize) -> &str {
    let mut end = text.len().min(from.saturating_add(LONGEST_COMMENT));
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(from..end).unwrap_or_default()
}

/// Where a comment ends.
#[derive(Clone, Copy)]
struct End {
    /// Its last line.
    last: u32,
    /// Whether anything stands behind it there, other than in its first line.
    has_code: bool,
}

/// The last line of the comment that `opener` opens before `range`, in `line`: comments of one line that follow go on with
/// it, unless they say something of their own.
fn last_line(tree: &SourceTree, id: FileId, opener: &str, range: Range<usize>, line: u32) -> End {
    let file = &tree.file(id).text;
    let text = file.as_str();
    let close = match opener {
        "/*" => "*/",
        "<!--" => "-->",
        _ => {
            let goes_on = |line: u32| {
                let text = file.line_range(line).map_or("", |range| text[range].trim());
                text.starts_with(opener) && !text.contains(NAME)
            };
            let last = (line..u32::MAX).find(|line| !goes_on(line + 1)).unwrap_or(line);
            return End { last, has_code: false };
        }
    };
    let rest = as_long(text, range.start);
    let length = memchr::memmem::find(rest.as_bytes(), close.as_bytes()).unwrap_or(0);
    if length <= range.len() {
        return End { last: line, has_code: false };
    }
    let last = file.place(range.start + length).line;
    let end = file.line_range(last).map_or(text.len(), |range| range.end);
    let behind = text.get(range.start + length + close.len()..end).unwrap_or_default();
    End { last, has_code: !behind.trim().is_empty() }
}

/// The next line that has anything but another comment of ours.
fn next_line(tree: &SourceTree, id: FileId, line: u32) -> u32 {
    let file = tree.file(id);
    let mut next = line + 1;
    while let Some(range) = file.text.line_range(next) {
        let line = &file.text.as_str()[range.clone()];
        if !line.trim().is_empty() && !line.contains(MARK) {
            // A comment of several lines may be one of ours as well.
            let rest = as_long(file.text.as_str(), range.start);
            let block = rest.trim_start().strip_prefix("/*").and_then(|rest| rest.split_once("*/"));
            let Some((block, behind)) = block.filter(|(block, _)| block.contains(MARK)) else {
                break;
            };
            if !behind.lines().next().unwrap_or_default().trim().is_empty() {
                break;
            }
            next += u32::try_from(block.matches('\n').count()).unwrap_or_default();
        }
        next += 1;
    }
    next
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
        Suppressions::new(&tree).all(&tree, &[]).into_iter().map(told).collect()
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

    /// Each is told with the right spelling, and suppresses nothing.
    #[test]
    fn what_is_written_wrong_is_told() {
        for wrong in [
            "ringfence: allow (executable-pool-type) why",
            "ringfence: disable(executable-pool-type)",
            "ringfence: allow executable-pool-type",
            "ringfence: allow(executable-pool-type",
            "ringfence: Allow(x)",
            "ringfence allow(x) why",
            "ringfence : allow(x) why",
            "ringfence: allow() why",
            "ringfence: allow( , )",
            "ringfence: allow(30030) why",
        ] {
            let found = told("a.c", &format!("// {wrong}\nf();"));
            assert_eq!(found, [format!("1 {wrong} for 2-2 []")]);
        }
        for prose in ["ringfence: see the notes", "ringfence allows this", "ringfence-lint (2)"] {
            assert_eq!(told("a.c", &format!("// {prose}\nf();")), [""; 0], "{prose}");
        }
        assert_eq!(told("a.c", "f(); /* ringfence:allow(x): why */"), ["1 allow(x) for 1-1 [why]"]);
    }

    /// Those that document are comments as well, and in one of several lines any line may say it.
    #[test]
    fn all_kinds_of_comments_count() {
        for (text, expected) in [
            ("/// ringfence: allow(x) why\nf();", "1 allow(x) for 2-2 [why]"),
            ("//! ringfence: allow(x) why\nf();", "1 allow(x) for 2-2 [why]"),
            ("f(); ///ringfence: allow(x) why\n", "1 allow(x) for 1-1 [why]"),
            ("/** ringfence: allow(x) why */\nf();", "1 allow(x) for 2-2 [why]"),
            ("/*! ringfence: allow(x) why */\nf();", "1 allow(x) for 2-2 [why]"),
            ("/*\n * ringfence: allow(x) why\n */\nf();", "2 allow(x) for 4-4 [why]"),
            ("/* Note\n   ringfence: allow(x) why */\nf();", "2 allow(x) for 3-3 [why]"),
            ("g(); /* Note\n ringfence: allow(x) why\n*/ f();", "2 allow(x) for 3-3 [why]"),
            ("/*\n * ringfence: allow x\n */\nf();", "2 ringfence: allow x for 4-4 []"),
        ] {
            assert_eq!(told("a.c", text), [expected], "{text}");
        }
        assert_eq!(
            told("a.vcxproj", "<!-- Old\n  ringfence: allow(x) why -->\n<X/>"),
            ["2 allow(x) for 3-3 [why]"]
        );
        assert_eq!(
            told("a.c", "// ringfence: allow(x) a\n/*\n * ringfence: allow(y) b\n */\nf();"),
            ["1 allow(x) for 5-5 [a]", "3 allow(y) for 5-5 [b]"]
        );
        for none in ["/* */\nringfence: allow(x)\nf();", "ringfence: allow(x)\nf();"] {
            assert_eq!(told("a.c", none), [""; 0], "{none}");
        }
    }

    /// The reason may take several lines; what is allowed stands in one.
    #[test]
    fn a_comment_may_go_on() {
        for (text, expected) in [
            ("// ringfence: allow(x) why\n// and more\n\nf();", "1 allow(x) for 4-4 [why]"),
            ("/* ringfence: allow(x) why\n   and more */\nf();", "1 allow(x) for 3-3 [why]"),
            ("/* ringfence: allow(x) why\n and more */ f();", "1 allow(x) for 2-2 [why]"),
            ("/* ringfence: allow(x) why */ f();\ng(); /* */", "1 allow(x) for 2-2 [why */ f();]"),
            ("/* ringfence: allow(x) never closed\nf();", "1 allow(x) for 2-2 [never closed]"),
            ("/* ringfence: allow(x,\n y) why */\nf();", "1 ringfence: allow(x, for 3-3 []"),
        ] {
            assert_eq!(told("a.c", text), [expected], "{text}");
        }
        let mut tree = SourceTree::default();
        tree.add("a.c", SourceText::of("// ringfence: allow(x,\n//   y) why\nf();")).unwrap();
        let all = Suppressions::new(&tree).all(&tree, &[]);
        let Suppressed::Nothing { why, .. } = &all[0].of else { panic!("{all:?}") };
        assert!(why.starts_with("the parenthesis is not closed in its line"), "{why}");
    }

    /// `__pragma` and `_Pragma` are what `#pragma` is, wherever they stand.
    #[test]
    fn pragmas_within_lines_count() {
        assert_eq!(
            told("a.c", "__pragma(warning(suppress: 30030))\nf();"),
            ["1 suppress: 30030 for 2-2 []"]
        );
        assert_eq!(
            told("a.c", "__pragma(warning(suppress: 30030)) f();\ng();"),
            ["1 suppress: 30030 for 1-1 []"]
        );
        assert_eq!(
            told(
                "a.c",
                "_Pragma(\"warning(push)\") _Pragma(\"warning(disable: 30030)\")\nf();\n_Pragma(\"warning(pop)\")"
            ),
            ["1 disable: 30030 for 1-3 []"]
        );
        assert_eq!(
            told(
                "a.c",
                "#define S __pragma(warning(disable: 30030))\n// __pragma(warning(disable: 30030))"
            ),
            [""; 0]
        );
        assert_eq!(told("a.c", "__pragma(warning(disable: 30030"), [""; 0]);
    }

    /// What a header disables holds behind its inclusion, up to the `pop` of what was pushed before.
    #[test]
    fn headers_disable_for_those_that_include_them() {
        let mut tree = SourceTree::default();
        for (path, text) in [
            ("a.h", "#pragma warning(disable: 30030)\n"),
            ("b.h", "#include \"a.h\"\n"),
            (
                "own.h",
                "#pragma warning(push)\n#pragma warning(disable: 30031)\n#pragma warning(pop)",
            ),
            ("one.c", "int a;\n#include \"b.h\"\n#include \"own.h\"\n"),
            ("two.c", "#pragma warning(push)\n#include \"a.h\"\n#pragma warning(pop)\n"),
        ] {
            tree.add(path, SourceText::of(text)).unwrap();
        }
        let told = |one: Suppression| {
            let last = Some(*one.lines.end()).filter(|last| *last < u32::MAX);
            format!("{} {} {last:?}", tree.file(one.file).path, one.lines.start())
        };
        let mut all: Vec<_> =
            Suppressions::new(&tree).all(&tree, &[]).into_iter().map(told).collect();
        all.sort();
        assert_eq!(
            all,
            ["a.h 1 None", "b.h 1 None", "one.c 2 None", "own.h 2 Some(3)", "two.c 2 Some(3)"]
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
