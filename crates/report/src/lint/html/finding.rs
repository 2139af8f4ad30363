//! One finding: its lines of source with marks, what is to be said of it, and what a fix makes of them.

use crate::drawing::{goes_on, shown_code, shown_lines};
use crate::layout::counted;
use crate::lint::diff::{self, Step};
use crate::lint::full::{at, grouped, remarks};
use crate::lint::{excuse, fix};
use crate::markup::text;
use ringfence_finding::{SourceFinding, SourceMark, Targets};
use std::io;
use unicode_width::UnicodeWidthChar;

/// Columns of a line of source. More of them would have to be scrolled to.
const ROOM: usize = 160;

/// Places beside its own that are shown of a finding; what is beyond is counted.
const PLACES: usize = 20;

pub(super) fn write(
    finding: &SourceFinding,
    number: usize,
    targets: Targets,
    rule: &str,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let level = excuse::level(finding);
    let function = finding.function.as_ref().map(|name| format!(" in <code>{}</code>", text(name)));
    writeln!(
        out,
        "<article class=\"finding {level}\" id=\"finding-{number}\" tabindex=\"-1\">\n<p class=\"finding-lead\">\
         <span class=\"number\">{number}</span> <span class=\"level {level}\">{level}</span> {rule}</p>\n\
         <h3>{}</h3>\n<p class=\"place\"><code>{}</code>{}</p>",
        code_in(&finding.message),
        text(&at(&finding.mark)),
        function.unwrap_or_default(),
    )?;
    let related = &finding.related[..finding.related.len().min(PLACES)];
    for (index, group) in grouped(&finding.mark, related).iter().enumerate() {
        if index > 0
            && let Some(mark) = group.first()
        {
            writeln!(out, "<p class=\"place\"><code>{}</code></p>", text(&at(mark)))?;
        }
        write_lines(group, index == 0, out)?;
    }
    write_remarks(finding, targets, out)?;
    write_fix(finding, out)?;
    out.write_all(b"</article>\n")
}

/// The lines that `marks` are about; of a place without lines, what there is to say.
fn write_lines(marks: &[&SourceMark], is_own: bool, out: &mut dyn io::Write) -> io::Result<()> {
    for mark in marks.iter().filter(|mark| mark.lines.is_empty() && !mark.text.is_empty()) {
        writeln!(out, "<p>{}</p>", text(&mark.text))?;
    }
    if marks.iter().all(|mark| mark.lines.is_empty()) {
        return Ok(());
    }
    out.write_all(
        b"<div class=\"evidence\" role=\"group\" tabindex=\"0\" aria-label=\"source\"><ol class=\"listing\">\n",
    )?;
    for line in shown_lines(marks, is_own, ROOM) {
        let marked =
            line.pointers.iter().map(|one| (one.start, one.start + one.length, one.primary));
        let code = marked_code(&line.text, &marked.collect::<Vec<_>>());
        writeln!(
            out,
            "<li class=\"code\"><span class=\"at\">{}</span><code>{code}</code></li>",
            line.number
        )?;
        for pointer in &line.pointers {
            let (kind, sign) = if pointer.primary { ("primary", "^") } else { ("led", "-") };
            // The same text, unseen, puts the mark below what it points at whatever the letters' widths.
            let room = text(&line.text[..byte_of(&line.text, pointer.start)]);
            writeln!(
                out,
                "<li class=\"pointer {kind}\"><span class=\"at\"></span><span class=\"room\" aria-hidden=\"true\">{room}</span>\
                 <span class=\"carets\" aria-hidden=\"true\">{}</span><span class=\"says\">{}</span></li>",
                sign.repeat(pointer.length),
                text(&pointer.text)
            )?;
        }
    }
    if marks.first().is_some_and(|mark| goes_on(mark)) {
        out.write_all(b"<li class=\"gap\"><span class=\"at\">...</span></li>\n")?;
    }
    out.write_all(b"</ol></div>\n")
}

/// `code` with what is pointed at marked: from column to column, and whether the finding stands there. Marks may
/// meet and overlap.
fn marked_code(code: &str, marks: &[(usize, usize, bool)]) -> String {
    let marks: Vec<(usize, usize, bool)> = marks
        .iter()
        .map(|&(from, to, primary)| (byte_of(code, from), byte_of(code, to), primary))
        .collect();
    let mut cuts: Vec<usize> = marks.iter().flat_map(|&(from, to, _)| [from, to]).collect();
    cuts.extend([0, code.len()]);
    cuts.sort_unstable();
    cuts.dedup();
    let mut told = String::new();
    for pair in cuts.windows(2) {
        let (from, to) = (pair[0], pair[1]);
        let covering = marks.iter().filter(|mark| mark.0 <= from && to <= mark.1);
        let part = text(&code[from..to]);
        match covering.map(|mark| mark.2).max() {
            None => told += &part,
            Some(true) => told += &format!("<mark class=\"primary\">{part}</mark>"),
            Some(false) => told += &format!("<mark class=\"led\">{part}</mark>"),
        }
    }
    told
}

/// The byte that stands at a column of `code`, or its end.
fn byte_of(code: &str, column: usize) -> usize {
    let mut used = 0;
    for (index, c) in code.char_indices() {
        if used >= column {
            return index;
        }
        used += c.width().unwrap_or(0);
    }
    code.len()
}

fn write_remarks(
    finding: &SourceFinding,
    targets: Targets,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let mut remarks = remarks(finding, targets);
    let more = finding.related.len().saturating_sub(PLACES);
    if more > 0 {
        remarks.push(("note", format!("{} not shown", counted(more, "more place"))));
    }
    remarks.extend(finding.excuse.iter().map(|one| ("excused", excuse::told(one))));
    remarks.extend(fix::told(finding).map(|fix| ("fix", fix)));
    if remarks.is_empty() {
        return Ok(());
    }
    out.write_all(b"<dl class=\"remarks\">\n")?;
    for (name, told) in &remarks {
        let class = if *name == "help" { " class=\"help\"" } else { "" };
        writeln!(out, "<dt{class}>{name}</dt><dd{class}>{}</dd>", code_in(told))?;
    }
    out.write_all(b"</dl>\n")
}

/// A sentence in which what stands in backticks is code.
pub(super) fn code_in(sentence: &str) -> String {
    let mut told = String::new();
    let pieces: Vec<&str> = sentence.split('`').collect();
    for (index, piece) in pieces.iter().enumerate() {
        match (index % 2, index + 1 == pieces.len()) {
            (0, _) => told += &text(piece),
            // The last backtick closes nothing.
            (_, true) => told += &format!("`{}", text(piece)),
            _ => told += &format!("<code>{}</code>", text(piece)),
        }
    }
    told
}

/// What goes and what comes.
fn write_fix(finding: &SourceFinding, out: &mut dyn io::Write) -> io::Result<()> {
    let steps = diff::of(finding);
    if steps.is_empty() {
        return Ok(());
    }
    out.write_all(
        b"<pre class=\"evidence diff\" role=\"group\" tabindex=\"0\" aria-label=\"what the fix changes\">",
    )?;
    for step in steps {
        let (class, line) = match step {
            Step::Place(place) => ("place", place),
            Step::Gone(line) => ("gone", format!("-{}", shown_code(&line, ROOM))),
            Step::New(line) => ("new", format!("+{}", shown_code(&line, ROOM))),
            Step::More(more) => ("place", format!("{} not shown", counted(more, "more edit"))),
        };
        writeln!(out, "<span class=\"{class}\">{}</span>", text(&line))?;
    }
    out.write_all(b"</pre>\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_in_the_code_they_point_at() {
        assert_eq!(
            marked_code("a<株>d", &[(2, 4, true), (2, 5, false), (9, 12, true)]),
            "a&lt;<mark class=\"primary\">株</mark><mark class=\"led\">&gt;</mark>d"
        );
        assert_eq!(marked_code("", &[(0, 1, true)]), "");
    }

    #[test]
    fn backticks_are_code_in_pairs() {
        assert_eq!(code_in("pass `A<B>` or `C"), "pass <code>A&lt;B&gt;</code> or `C");
    }
}
