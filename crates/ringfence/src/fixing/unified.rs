//! What changes in a file, as `git apply` and `patch -p1` take it.
//!
//! The edits say where a text changes, so nothing is compared: the hunks are the lines around them. That is exact,
//! takes no longer for a file made to be costly, and a line ends for it where it does for git, at a line feed.

use super::edits::{Edit, apply};
use ringfence_source::{Encoding, SourceText};
use std::fmt::{self, Display, Write};
use std::ops::Range;

/// How many lines are shown before and behind a change.
const CONTEXT: usize = 3;

/// The difference of two texts of a file. Shown, it is UTF-8, whatever the file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnifiedDiff {
    header: String,
    hunks: String,
    encoding: Encoding,
}

/// Lines that are replaced by others.
struct Change<'a> {
    old: Range<usize>,
    /// What comes in place of them, with the lines at both ends that stay as they are already taken off.
    new: Vec<&'a str>,
}

impl UnifiedDiff {
    /// What `edits`, which fit and are in order, change in the file `path`.
    pub(super) fn new<'e>(
        path: &str,
        text: &SourceText,
        edits: impl Iterator<Item = Edit<'e>>,
    ) -> UnifiedDiff {
        let encoding = text.encoding();
        // The mark is a part of the first line for whoever applies the difference.
        let mark = if encoding == (Encoding::Utf8 { marked: true }) { "\u{feff}" } else { "" };
        let old = format!("{mark}{}", text.as_str());
        let shifted =
            edits.map(|(range, text)| (range.start + mark.len()..range.end + mark.len(), text));
        let header = format!("--- {}\n+++ {}\n", named("a", path), named("b", path));
        UnifiedDiff { header, hunks: hunks(&old, shifted), encoding }
    }

    /// The difference in the bytes of the file, to be applied to it. As no such tool knows UTF-16, the difference of
    /// a file of that is in UTF-8, and to be read only.
    pub fn bytes(&self) -> Vec<u8> {
        let byte = |letter| u8::try_from(u32::from(letter)).ok();
        let in_code_page = match self.encoding {
            Encoding::Ansi => self.hunks.chars().map(byte).collect(),
            _ => None,
        };
        let hunks = in_code_page.unwrap_or_else(|| self.hunks.clone().into_bytes());
        [self.header.as_bytes(), &hunks].concat()
    }
}

impl Display for UnifiedDiff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.header)?;
        f.write_str(&self.hunks)
    }
}

/// A path below `side`, as git writes it: quoted where it holds what would end it, else closed by a tab where it
/// holds a blank. A path from the root becomes one from there, as neither tool takes another.
fn named(side: &str, path: &str) -> String {
    let path = if cfg!(windows) { path.replace('\\', "/") } else { path.to_owned() };
    let parts = path.split('/').filter(|part| !matches!(*part, "" | "."));
    let name = std::iter::once(side).chain(parts).collect::<Vec<_>>().join("/");
    if !name.contains(|letter: char| letter.is_ascii_control() || matches!(letter, '"' | '\\')) {
        let end = if name.contains(' ') { "\t" } else { "" };
        return name + end;
    }
    let mut quoted = String::from("\"");
    for letter in name.chars() {
        let _ = match letter {
            '"' | '\\' => write!(quoted, "\\{letter}"),
            control if control.is_ascii_control() => write!(quoted, "\\{:03o}", u32::from(control)),
            letter => write!(quoted, "{letter}"),
        };
    }
    quoted + "\""
}

fn hunks<'e>(old: &str, edits: impl Iterator<Item = Edit<'e>>) -> String {
    let lines: Vec<&str> = old.split_inclusive('\n').collect();
    let replaced = replaced(old, &lines, edits);
    let changes: Vec<Change<'_>> =
        replaced.iter().filter_map(|(range, new)| change(&lines, range.clone(), new)).collect();
    let mut text = String::new();
    // How many lines more there are afterwards, before the hunk.
    let mut grown = 0;
    let near = |one: &Change<'_>, next: &Change<'_>| next.old.start - one.old.end <= 2 * CONTEXT;
    for together in changes.chunk_by(near) {
        grown = hunk(&mut text, &lines, together, grown);
    }
    text
}

/// Ranges of whole lines that edits touch, and the text in place of them. Edits that have a line in common, or lines
/// that follow each other, are in one.
fn replaced<'e>(
    old: &str,
    lines: &[&str],
    edits: impl Iterator<Item = Edit<'e>>,
) -> Vec<(Range<usize>, String)> {
    let mut starts: Vec<usize> = Vec::with_capacity(lines.len() + 1);
    let mut at = 0;
    for line in lines {
        starts.push(at);
        at += line.len();
    }
    // Behind the last line feed there is a line to insert in, though it is none yet.
    if old.is_empty() || old.ends_with('\n') {
        starts.push(old.len());
    }
    let line_of = |offset| starts.partition_point(|&start| start <= offset) - 1;
    let mut blocks: Vec<(Range<usize>, Vec<Edit<'e>>)> = Vec::new();
    for edit in edits {
        let touched = line_of(edit.0.start)..(line_of(edit.0.end) + 1).min(lines.len());
        match blocks.last_mut() {
            Some((block, edits)) if touched.start <= block.end => {
                block.end = block.end.max(touched.end);
                edits.push(edit);
            }
            _ => blocks.push((touched, vec![edit])),
        }
    }
    let offset = |line: usize| starts.get(line).copied().unwrap_or(old.len());
    let made = |(block, edits): (Range<usize>, Vec<Edit<'_>>)| {
        let (start, end) = (offset(block.start), offset(block.end));
        let within =
            edits.into_iter().map(|(range, text)| (range.start - start..range.end - start, text));
        (block, apply(&old[start..end], within))
    };
    blocks.into_iter().map(made).collect()
}

/// The lines of `range` that are not among `new`; none where nothing changes.
fn change<'a>(lines: &[&str], range: Range<usize>, new: &'a str) -> Option<Change<'a>> {
    let mut new: Vec<&str> = new.split_inclusive('\n').collect();
    let mut old = range;
    let same = |one: &[&str], other: &[&str]| {
        one.iter().zip(other).take_while(|(one, other)| one == other).count()
    };
    let first = same(&lines[old.clone()], &new);
    old.start += first;
    new.drain(..first);
    while old.end > old.start && new.last().is_some_and(|last| *last == lines[old.end - 1]) {
        old.end -= 1;
        new.pop();
    }
    (!old.is_empty() || !new.is_empty()).then_some(Change { old, new })
}

/// Writes the changes `together`, which are near each other; gives how many lines more there are behind them.
fn hunk(text: &mut String, lines: &[&str], together: &[Change<'_>], grown: isize) -> isize {
    let start = together.first().map_or(0, |first| first.old.start).saturating_sub(CONTEXT);
    let end = together.last().map_or(0, |last| last.old.end + CONTEXT).min(lines.len());
    let more = |change: &Change<'_>| change.new.len() as isize - change.old.len() as isize;
    let growth: isize = together.iter().map(more).sum();
    let place = |start: usize, count: usize| match count {
        // What is empty stands behind a line.
        0 => format!("{start},0"),
        _ => format!("{},{count}", start + 1),
    };
    let old = place(start, end - start);
    let new =
        place(start.saturating_add_signed(grown), (end - start).saturating_add_signed(growth));
    let _ = writeln!(text, "@@ -{old} +{new} @@");
    let mut at = start;
    for change in together {
        mark(text, ' ', &lines[at..change.old.start]);
        mark(text, '-', &lines[change.old.clone()]);
        mark(text, '+', &change.new);
        at = change.old.end;
    }
    mark(text, ' ', &lines[at..end]);
    grown + growth
}

fn mark(text: &mut String, mark: char, lines: &[&str]) {
    for line in lines {
        text.push(mark);
        text.push_str(line);
        if !line.ends_with('\n') {
            text.push_str("\n\\ No newline at end of file\n");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::Numbers;
    use super::*;
    use std::fs;
    use std::path::Path;
    use std::process::Command;

    fn diff(path: &str, text: &SourceText, edits: &[(Range<usize>, &str)]) -> UnifiedDiff {
        UnifiedDiff::new(path, text, edits.iter().cloned())
    }

    /// The two numbers of `-12,3`.
    fn numbers(part: &str) -> (usize, usize) {
        let (start, count) = part[1..].split_once(',').unwrap();
        (start.parse().unwrap(), count.parse().unwrap())
    }

    /// What `patch` does, but nothing is looked for elsewhere: each line must be where the hunk says.
    fn patched(old: &str, diff: &str) -> String {
        let old: Vec<&str> = old.split_inclusive('\n').collect();
        let (mut at, mut new): (usize, Vec<String>) = (0, Vec::new());
        let mut lines = diff.split_inclusive('\n').skip(2).peekable();
        while let Some(head) = lines.next() {
            let parts: Vec<&str> = head.split_whitespace().collect();
            let ["@@", before, after, "@@"] = parts[..] else { panic!("{head}") };
            let ((start, count), (new_start, new_count)) = (numbers(before), numbers(after));
            let start = start - usize::from(count > 0);
            new.extend(old[at..start].iter().map(|line| (*line).to_owned()));
            assert_eq!(new.len(), new_start - usize::from(new_count > 0));
            at = start;
            let (first, begin) = (new.len(), at);
            while at - begin < count || new.len() - first < new_count {
                let line = lines.next().unwrap();
                let (mark, mut line) = line.split_at(1);
                if lines.next_if(|next| next.starts_with('\\')).is_some() {
                    line = line.strip_suffix('\n').unwrap();
                }
                if mark != "+" {
                    assert_eq!(old[at], line);
                    at += 1;
                }
                if mark != "-" {
                    new.push(line.to_owned());
                }
            }
            assert_eq!((at - begin, new.len() - first), (count, new_count));
        }
        new.extend(old[at..].iter().map(|line| (*line).to_owned()));
        new.concat()
    }

    /// As `diff -u` shows the two texts.
    #[test]
    fn a_change_is_shown_with_three_lines_around() {
        let text = SourceText::of("1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n14\n15");
        let first = diff("./src//a.c", &text, &[(8..9, "five\nand")]).to_string();
        let hunk = "@@ -2,7 +2,8 @@\n 2\n 3\n 4\n-5\n+five\n+and\n 6\n 7\n 8\n";
        assert_eq!(first, format!("--- a/src/a.c\n+++ b/src/a.c\n{hunk}"));
        let near = diff("a.c", &text, &[(8..9, "five\nand"), (16..17, "")]).to_string();
        let hunk =
            "@@ -2,11 +2,12 @@\n 2\n 3\n 4\n-5\n+five\n+and\n 6\n 7\n 8\n-9\n+\n 10\n 11\n 12\n";
        assert_eq!(near, format!("--- a/a.c\n+++ b/a.c\n{hunk}"));
    }

    #[test]
    fn lines_keep_their_ends_and_a_missing_one_is_told() {
        let text = SourceText::of("a\r\nb");
        let shown = diff("a.c", &text, &[(3..4, "c\r\n")]).to_string();
        let hunk = "@@ -1,2 +1,2 @@\n a\r\n-b\n\\ No newline at end of file\n+c\r\n";
        assert_eq!(shown, format!("--- a/a.c\n+++ b/a.c\n{hunk}"));
        assert_eq!(diff("a.c", &text, &[(0..1, "a")]).to_string(), "--- a/a.c\n+++ b/a.c\n");
    }

    #[test]
    fn names_are_written_as_git_does() {
        assert_eq!(named("a", "x y.c"), "a/x y.c\t");
        assert_eq!(named("b", "/src/./\u{e4}.c"), "b/src/\u{e4}.c");
        assert_eq!(named("a", "x\"\n.c"), r#""a/x\"\012.c""#);
    }

    #[test]
    fn utf16_is_shown_as_utf8_and_a_code_page_given_as_it_is() {
        let text = SourceText::decode(b"\xFF\xFEa\0\xE4\0\n\0").unwrap();
        let shown = diff("a.c", &text, &[(0..1, "b")]);
        assert!(shown.to_string().ends_with("@@ -1,1 +1,1 @@\n-a\u{e4}\n+b\u{e4}\n"));
        assert_eq!(shown.bytes(), shown.to_string().into_bytes());
        let text = SourceText::decode(b"a\xE4\n").unwrap();
        let shown = diff("\u{e4}.c", &text, &[(0..1, "b")]);
        let bytes = b"--- a/\xC3\xA4.c\n+++ b/\xC3\xA4.c\n@@ -1,1 +1,1 @@\n-a\xE4\n+b\xE4\n";
        assert_eq!(shown.bytes(), bytes);
    }

    /// Edits that are in order and fit `text`.
    fn random_edits(numbers: &mut Numbers, text: &str) -> Vec<(Range<usize>, &'static str)> {
        let mut edits: Vec<(Range<usize>, &str)> = Vec::new();
        for _ in 0..numbers.below(6) {
            let range = numbers.range(text);
            let clashes = |(other, _): &(Range<usize>, &str)| {
                range.start < other.end && other.start < range.end || range.start == other.start
            };
            if !edits.iter().any(clashes) {
                let new = ["", "x", "\n", "y\nz", "a\n", "\r\nq\r\n", "\u{e4}"];
                edits.push((range, numbers.of(&new)));
            }
        }
        edits.sort_by_key(|(range, _)| (range.start, range.end));
        edits
    }

    #[test]
    fn any_difference_makes_the_new_text_of_the_old() {
        for seed in 0..5000 {
            let numbers = &mut Numbers::new(seed);
            let text = numbers.text(60);
            let edits = random_edits(numbers, &text);
            let shown = diff("a.c", &SourceText::of(&*text), &edits).to_string();
            let new = apply(&text, edits.iter().cloned());
            assert_eq!(patched(&text, &shown), new, "seed {seed}: {text:?} {edits:?}\n{shown}");
            assert_eq!(shown.lines().count() == 2, new == text, "seed {seed}");
        }
    }

    /// Runs a program that takes differences; none where it is not installed.
    fn run(program: &str, arguments: &[&str], folder: &Path) -> Option<Result<(), String>> {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(folder);
        // A repository that the folder happens to be in is not meant.
        command.env("GIT_CEILING_DIRECTORIES", folder.parent()?);
        command.env("GIT_CONFIG_GLOBAL", "").env("GIT_CONFIG_NOSYSTEM", "1");
        let output = command.output().ok()?;
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        Some(if output.status.success() { Ok(()) } else { Err(said) })
    }

    const TOOLS: [(&str, &[&str]); 2] = [
        ("git", &["apply", "--whitespace=nowarn", "x.patch"]),
        ("patch", &["-p1", "--binary", "--fuzz=0", "-i", "x.patch"]),
    ];

    /// Both programs make of the file what the edits do.
    fn applies(name: &str, bytes: &[u8], edits: &[(Range<usize>, &str)]) {
        let text = SourceText::decode(bytes).unwrap();
        let new = text.encode(&apply(text.as_str(), edits.iter().cloned())).unwrap();
        let patch = diff(name, &text, edits).bytes();
        for (program, arguments) in TOOLS {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, bytes).unwrap();
            fs::write(folder.path().join("x.patch"), &patch).unwrap();
            let Some(result) = run(program, arguments, folder.path()) else { continue };
            let shown = String::from_utf8_lossy(&patch);
            assert_eq!(result, Ok(()), "{program}\n{shown}");
            assert_eq!(fs::read(&path).unwrap_or_default(), new, "{program}\n{shown}");
        }
    }

    #[test]
    fn git_and_patch_take_it() {
        let long: String = (0..50).map(|line| format!("line {line};\r\n")).collect();
        applies("a.c", long.as_bytes(), &[(0..4, "first"), (300..301, ""), (400..400, "\r\nnew")]);
        applies("src/deep/a.c", b"a\nb\nc", &[(4..5, "d\n")]);
        applies("a.c", b"a\nb\n", &[(2..4, "b"), (4..4, "\nc")]);
        applies("a.c", b"a\nb\nc\n", &[(2..4, "")]);
        applies("a.c", b"\xEF\xBB\xBFa\r\nb\r\n", &[(0..0, "#pragma once\r\n")]);
        applies("a.c", b"// \xFC\r\na\r\n", &[(5..5, " b")]);
        applies("a.c", b"a\rb\rc\nd\n", &[(2..3, "x")]);
        applies("a.c", b"a\n", &[(2..2, "b\n")]);
        applies("a.c", b"a\n", &[(0..2, "")]);
        applies("a.c", b"", &[(0..0, "a\n")]);
        applies("a b.c", b"a\n", &[(0..1, "b")]);
    }

    #[cfg(unix)]
    #[test]
    fn git_and_patch_take_any_name() {
        applies("\u{e4}\"\\\t\n.c", b"a\n", &[(0..1, "b")]);
        applies("a\tb.c", b"a\n", &[(0..1, "b")]);
        applies("\u{1f600} x.c", b"a\n", &[(0..1, "b")]);
    }
}
