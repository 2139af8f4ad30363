//! Changes of build files that fix what was found: parts of the tree's files, and what to put in their place.

use super::{
    Configuration, LinkerOption, Project, ProjectFormat, cmake, extension, msbuild, sources_file,
};
use crate::{SourceTree, Span};
use std::ops::Range;

/// Parts of files, and what comes in their place; an empty part is a place to put something in.
pub type Changes = Vec<(Span, String)>;

/// The alignment of sections that memory integrity wants, and the linker's default: a page.
pub(super) const PAGE: &str = "4096";

impl Project {
    /// What to change so that a macro has this value in all configurations; none where that is not to be written into
    /// this file, or nothing is to be changed.
    pub fn adding_define(&self, tree: &SourceTree, name: &str, value: &str) -> Option<Changes> {
        let define = format!("{name}={value}");
        let mut changes = self.redefining(tree, name, value)?;
        let has_it = |one: &Configuration| {
            one.defines.iter().any(|define| define.name == name && define.certain)
        };
        let is_everywhere = self.configurations.iter().all(has_it);
        changes.extend(match self.format {
            ProjectFormat::MsBuild => {
                let replaced: Vec<Span> = changes.iter().map(|change| change.0).collect();
                msbuild::edit::adding_define(tree, self, &define, &replaced)?
            }
            ProjectFormat::Sources | ProjectFormat::CMake if is_everywhere => Vec::new(),
            ProjectFormat::Sources => {
                let line = format!("C_DEFINES=$(C_DEFINES) -D{define}");
                sources_file::edit::adding(tree, self.file, "C_DEFINES", &line)
            }
            ProjectFormat::CMake => {
                cmake::edit::adding(tree, self, "target_compile_definitions", &define)?
            }
            ProjectFormat::CompileCommands | ProjectFormat::CommandLine => return None,
        });
        changed(changes)
    }

    /// What gives a macro this value wherever it has another one: a definition beside that would change nothing. None
    /// where it stands in a file that others may use, or is not written out there.
    fn redefining(&self, tree: &SourceTree, name: &str, value: &str) -> Option<Changes> {
        let mut changes = Vec::new();
        for configuration in &self.configurations {
            let of_files = configuration.of_files.iter().flat_map(|(_, own)| own);
            // For a source that takes over nothing it is undefined; that is no word of anybody's.
            let of_files = of_files.filter(|define| define.value.is_some());
            let all = configuration.defines.iter().chain(of_files);
            for define in all.filter(|one| one.name == name && one.value.as_deref() != Some(value))
            {
                let old = define.value.as_deref()?;
                let is_own = |span: &Span| span.file == self.file || span.file == self.place.file;
                let span = define.span.filter(is_own)?;
                let written = tree.text(span).strip_prefix(name)?.strip_prefix(['=', '#'])?;
                if written != old {
                    return None;
                }
                changes.push((span, format!("{name}={value}")));
            }
        }
        Some(changes)
    }

    /// What to change so that an option of the linker is gone; none where it is not known how.
    pub fn without(&self, tree: &SourceTree, option: &LinkerOption) -> Option<Changes> {
        if !is_written_out(tree, option) {
            return None;
        }
        let range = match self.format {
            ProjectFormat::MsBuild => msbuild::edit::without(tree, option.span)?,
            ProjectFormat::Sources => sources_file::edit::without(tree, option.span)?,
            ProjectFormat::CMake => return cmake::edit::without(tree, option.span),
            ProjectFormat::CompileCommands | ProjectFormat::CommandLine => return None,
        };
        changed(vec![(Span::new(option.span.file, range), String::new())])
    }

    /// What to change so that sections are aligned to pages; none where it is not known how.
    pub fn setting_alignment(&self, tree: &SourceTree) -> Option<Changes> {
        let options = self.configurations.iter().flat_map(|one| &one.linker);
        let set = options.filter(|option| option.text.starts_with("/ALIGN"));
        let set = set.map(|option| is_written_out(tree, option).then_some(option.span));
        let set: Vec<Span> = set.collect::<Option<_>>()?;
        let page = if self.format == ProjectFormat::Sources { "0x1000" } else { PAGE };
        if !set.is_empty() {
            let aligned = |span: Span| match tree.text(span) {
                text if text.starts_with(['/', '-']) => (span, format!("/ALIGN:{page}")),
                _ => (span, page.to_owned()),
            };
            return changed(set.into_iter().map(aligned).collect());
        }
        changed(match self.format {
            ProjectFormat::MsBuild => msbuild::edit::aligning(tree, self)?,
            ProjectFormat::Sources => {
                let line = format!("DRIVER_ALIGNMENT={page}");
                sources_file::edit::adding(tree, self.file, "DRIVER_ALIGNMENT", &line)
            }
            ProjectFormat::CMake => {
                cmake::edit::adding(tree, self, "target_link_options", &format!("/ALIGN:{page}"))?
            }
            ProjectFormat::CompileCommands | ProjectFormat::CommandLine => return None,
        })
    }

    /// Whether it is a `.vcproj`, which is read and not changed.
    pub(super) fn is_old(&self, tree: &SourceTree) -> bool {
        extension(tree, self.file) == "vcproj"
    }
}

/// Whether an option stands by itself where it is told to: of what is put together otherwise only the whole is known.
fn is_written_out(tree: &SourceTree, option: &LinkerOption) -> bool {
    let text = tree.text(option.span);
    !text.is_empty() && !text.contains(char::is_whitespace)
}

/// Changes in order, each once; none where there are none, or where two of them want the same text: what is put
/// together from parts may stand in one another's place, and then it is not known how to change it.
fn changed(mut changes: Changes) -> Option<Changes> {
    changes.sort();
    changes.dedup();
    let overlap = |pair: &[(Span, String)]| {
        pair[0].0.file == pair[1].0.file && pair[0].0.end > pair[1].0.start
    };
    (!changes.is_empty() && !changes.windows(2).any(overlap)).then_some(changes)
}

/// What goes when a word of a list goes: its quotation marks, and what separates it from its neighbours within
/// `bounds`.
pub(super) fn word(text: &str, word: Range<usize>, bounds: Range<usize>) -> Range<usize> {
    let Range { mut start, mut end } = quoted(text, word, &bounds);
    let before = text[bounds.start..start].trim_end_matches([' ', '\t']);
    let behind = text[end..bounds.end].trim_start_matches([' ', '\t']);
    if before.ends_with(';') && !ends_entity(before) {
        start = bounds.start + before.len() - 1;
    } else if behind.starts_with(';') {
        end = bounds.end - behind.len() + 1;
    } else if before.len() < start - bounds.start {
        start = bounds.start + before.len();
    } else {
        end = bounds.end - behind.len();
    }
    start..end
}

/// Whether a text ends with an entity of XML, whose semicolon separates nothing.
fn ends_entity(text: &str) -> bool {
    let name = text.strip_suffix(';').and_then(|text| text.rsplit_once('&'));
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '#';
    name.is_some_and(|(_, name)| !name.is_empty() && name.chars().all(is_part))
}

/// Quotation marks, as they are and in XML.
const MARKS: [&str; 2] = ["\"", "&quot;"];

/// A word with its quotation marks: those around it, or those around its end, as in `/MERGE:"a=b"`.
fn quoted(text: &str, word: Range<usize>, bounds: &Range<usize>) -> Range<usize> {
    let Range { start, mut end } = word;
    let (before, behind) = (&text[bounds.start..start], &text[end..bounds.end]);
    let around = |mark: &&str| before.ends_with(*mark) && behind.starts_with(*mark);
    if let Some(mark) = MARKS.iter().find(|mark| around(mark)) {
        return start - mark.len()..end + mark.len();
    }
    loop {
        let behind = &text[end..bounds.end];
        let opened = MARKS.iter().find_map(|mark| Some((mark, behind.strip_prefix(mark)?)));
        let Some((mark, inside)) = opened else { return start..end };
        let Some(length) = inside.find(mark) else { return start..end };
        end += mark.len() + length + mark.len();
        let rest = &text[end..bounds.end];
        let ends = |letter: char| letter.is_whitespace() || letter == ';';
        let stop = rest.find(ends).unwrap_or(rest.len());
        let next = MARKS.iter().filter_map(|mark| rest.find(mark)).min().unwrap_or(rest.len());
        end += stop.min(next);
    }
}

/// The lines of `range`, where nothing else stands in them; else the range.
pub(super) fn lines(text: &str, range: Range<usize>) -> Range<usize> {
    let start = text[..range.start].rfind('\n').map_or(0, |end| end + 1);
    let end = text[range.end..].find('\n').map_or(text.len(), |length| range.end + length + 1);
    let alone =
        text[start..range.start].trim().is_empty() && text[range.end..end].trim().is_empty();
    if alone { start..end } else { range }
}

/// The spaces that the line of `at` begins with, if nothing else stands before it.
pub(super) fn indentation(text: &str, at: usize) -> Option<&str> {
    let start = text[..at].rfind('\n').map_or(0, |end| end + 1);
    let before = &text[start..at];
    before.trim().is_empty().then_some(before)
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::projects;
    use super::*;
    use crate::{FileId, SourceText};

    /// The text of `path` with changes made, and the tree with it.
    pub(in super::super) fn made(
        tree: &SourceTree,
        path: &str,
        changes: &Changes,
    ) -> (String, SourceTree) {
        let file = tree.at(path).unwrap();
        let mut text = tree.file(file).text.as_str().to_owned();
        for (span, replacement) in changes.iter().rev().filter(|(span, _)| span.file == file) {
            text.replace_range(span.range(), replacement);
        }
        let mut changed = tree.clone();
        changed.add(path, SourceText::of(&*text)).unwrap();
        (text, changed)
    }

    /// Names and values of what is certain in each configuration of the first project.
    pub(in super::super) fn certain(tree: &SourceTree) -> Vec<Vec<String>> {
        let (projects, _) = projects(tree);
        let told = |one: &Configuration| {
            let defines = one.defines.iter().filter(|define| define.certain);
            defines
                .map(|define| {
                    format!("{}={}", define.name, define.value.clone().unwrap_or_default())
                })
                .collect()
        };
        projects[0].configurations.iter().map(told).collect()
    }

    #[test]
    fn a_word_goes_with_what_separates_it() {
        let without = |text: &str, gone: &str| {
            let start = text.find(gone).unwrap();
            let range = word(text, start..start + gone.len(), 0..text.len());
            format!("{}{}", &text[..range.start], &text[range.end..])
        };
        assert_eq!(without("/a /b /c", "/b"), "/a /c");
        assert_eq!(without("/b /c", "/b"), "/c");
        assert_eq!(without("\"/b\" /c", "/b"), "/c");
        assert_eq!(without("&quot;/b&quot; /c", "/b"), "/c");
        assert_eq!(without("/a /b:\"x y\",z /c", "/b:"), "/a /c");
        assert_eq!(without("/b:&quot;x y&quot;\"z\" /c", "/b:"), "/c");
        assert_eq!(without("/b:\"x /c", "/b:"), "\"x /c");
        assert_eq!(without("a&amp; /b /c", "/b"), "a&amp; /c");
        assert_eq!(without("a;b;c", "b"), "a;c");
        assert_eq!(without("b;c", "b"), "c");
        assert_eq!(without("b", "b"), "");
    }

    #[test]
    fn changes_of_the_same_text_are_none() {
        let to = |range: Range<usize>, text: &str| (Span::new(FileId(0), range), text.to_owned());
        let ordered = changed(vec![to(6..9, "b"), to(0..4, "a"), to(6..9, "b")]);
        assert_eq!(ordered, Some(vec![to(0..4, "a"), to(6..9, "b")]));
        assert_eq!(changed(vec![to(4..9, "a"), to(4..20, "a")]), None);
        assert_eq!(changed(Vec::new()), None);
    }

    #[test]
    fn generated_commands_are_not_changed() {
        let mut tree = SourceTree::default();
        tree.add("a.c", SourceText::of("")).unwrap();
        let text = r#"[{"directory":".","file":"a.c","command":"cl a.c"}]"#;
        tree.add("compile_commands.json", SourceText::of(text)).unwrap();
        let (projects, _) = projects(&tree);
        assert_eq!(projects[0].adding_define(&tree, "A", "1"), None);
        assert_eq!(projects[0].setting_alignment(&tree), None);
    }
}
