//! One line a finding in the form that MSBuild and Visual Studio take for errors of a tool:
//! `file(line): error code: text`.
//!
//! MSBuild lets a code be any word without spaces and colons, so a rule's slug is one. (The `$msCompile` of
//! Visual Studio Code wants a code to end in a digit; there a problem matcher of one's own is needed.)
//! MSBuild knows errors and warnings only, and fails a command that prints an error whatever its exit code, so
//! only what makes the scan fail is one. Notes are written as the compiler writes its own, and no line that is
//! no error may pass for one, whatever a file is called.

use crate::answers::open_because;
use crate::excuse::{self, Excused};
use crate::full::{at, doubt};
use crate::layout::shortened_path;
use crate::safe::safe;
use crate::{Options, Sink, scoreboard};
use ringfence_finding::{
    Answer, Closing, Examination, Finding, Level, Question, SourcePlace, Targets, Tool,
};
use std::io::{self, Write};

/// MSBuild looks for file, level and code in the first 400 characters of a line.
const LONGEST_FILE: usize = 300;

pub(crate) struct Msvc<'a> {
    out: Box<dyn Write + 'a>,
    options: Options,
    excused: Excused,
}

impl<'a> Msvc<'a> {
    pub(crate) fn new(out: Box<dyn Write + 'a>, options: Options) -> Msvc<'a> {
        Msvc { out, options, excused: Excused::default() }
    }

    fn error(&mut self, file: &str, code: &str, text: &str) -> io::Result<()> {
        self.line(Level::Error, file, code, text)
    }

    fn line(&mut self, level: Level, file: &str, code: &str, text: &str) -> io::Result<()> {
        writeln!(self.out, "{} : {level} {code}: {}", origin(file), safe(text))
    }

    fn finding(&mut self, driver: &Examination, finding: &Finding) -> io::Result<()> {
        let path = &*driver.path;
        let level = excuse::weighed(&self.options, driver, finding);
        let place = finding.source.as_ref().and_then(file_and_line);
        let mut text = finding.message.clone();
        text += &doubt(finding).map(|doubt| format!(" ({doubt})")).unwrap_or_default();
        if let Some(excuse) = &finding.excuse {
            text += &format!("; {}", excuse::told(excuse));
        }
        if let Some(told) = excuse::unfailing(finding, level) {
            text += &format!("; {told}");
        }
        // Where the line is one of source code, the driver is still to be named; where not, the address.
        text += &match (&place, finding.rva) {
            (Some(_), rva) => format!(" [{}]", at(path, rva)),
            (None, Some(rva)) => format!(" [+{rva:x}]"),
            (None, None) => String::new(),
        };
        let origin = match place {
            Some((file, Some(line))) => format!("{}({line})", origin(file)),
            Some((file, None)) => format!("{} ", origin(file)),
            None => format!("{} ", origin(path)),
        };
        let line = format!("{level} {}: {}", finding.rule, safe(&text));
        match level {
            Level::Note => writeln!(self.out, "{}", disarmed(&format!("{origin}: {line}"))),
            Level::Warning | Level::Error => writeln!(self.out, "{origin}: {line}"),
        }
    }
}

impl Sink for Msvc<'_> {
    fn begin(&mut self, _: &Tool, _: Targets) -> io::Result<()> {
        Ok(())
    }

    fn driver(&mut self, examination: &Examination) -> io::Result<()> {
        self.excused.count(examination);
        for finding in &examination.findings {
            self.finding(examination, finding)?;
        }
        for question in Question::ALL {
            let open = examination.counted(question) == Answer::Unknown;
            if open && self.options.fails(examination, question) {
                let because = open_because(examination, question);
                let level = excuse::failing(&self.options);
                self.line(level, &examination.path, &format!("{question}-unknown"), &because)?;
            }
        }
        for defect in &examination.defects {
            let place = defect.rva.map(|rva| format!(" [+{rva:x}]")).unwrap_or_default();
            let text = format!("{}{place}", defect.message);
            let kind = defect.kind.to_string();
            self.line(Level::Warning, &examination.path, &kind, &text)?;
        }
        Ok(())
    }

    fn finish(&mut self, closing: &Closing) -> io::Result<()> {
        for fault in &closing.faults {
            let text = format!("ringfence failed here, please report it: {}", fault.message);
            self.error(&fault.path, &format!("fault-{}", fault.rule), &text)?;
        }
        for unread in &closing.unread {
            self.error(&unread.path, "unread", &unread.reason)?;
        }
        let counts = scoreboard::counts(closing, self.excused);
        writeln!(self.out, "{}", counts.render(false))?;
        self.out.flush()
    }
}

/// The file that an instruction comes from, and the line.
fn file_and_line(source: &SourcePlace) -> Option<(&str, Option<u32>)> {
    let file = source.file.as_deref()?;
    Some((file, source.line.filter(|&line| line > 0)))
}

/// A path as it can stand first in a line: with no colon but that of a drive.
pub(crate) fn origin(path: &str) -> String {
    let path = shortened_path(path, LONGEST_FILE);
    let drive = path.starts_with(|c: char| c.is_ascii_alphabetic()) && path[1..].starts_with(':');
    let (drive, rest) = path.split_at(if drive { 2 } else { 0 });
    format!("{drive}{}", rest.replace(':', "\\u{3a}"))
}

/// A line in which no word is `error` or `warning`; the first letter of each is escaped.
pub(crate) fn disarmed(line: &str) -> String {
    let is_one = |word: &str| {
        let word = word.to_ascii_lowercase();
        word.starts_with("error") || word.starts_with("warning")
    };
    let words = line.split(' ').map(|word| match word.chars().next() {
        Some(first) if is_one(word) => format!("\\u{{{:x}}}{}", u32::from(first), &word[1..]),
        _ => word.to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::Format;
    use crate::sample;
    use regex::Regex;
    use ringfence_finding::Excuse;

    /// The main expression of MSBuild's CanonicalError.cs, in this library's spelling.
    fn canonical() -> Regex {
        Regex::new(
            r"(?i)^\s*(?:(?P<origin>(?:(?:\d+>)?[a-zA-Z]?:[^:]*)|(?:[^:]*)):|)(?P<sub>|[^:]*? )(?P<category>error|warning)(?: \s*(?P<code>[^: ]*))?\s*:(?P<text>.*)$",
        )
        .unwrap()
    }

    fn parsed(line: &str) -> Option<[String; 4]> {
        let found = canonical().captures(line)?;
        Some(["origin", "category", "code", "text"].map(|name| found[name].trim().to_owned()))
    }

    #[test]
    fn msbuild_reads_errors_with_their_place() {
        let text = sample::written(Format::Msvc, &sample::with_sources()[..2], Options::default());
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(
            parsed(lines[0]).unwrap(),
            [
                r"D:\src\helper\pool.cpp(57)",
                "error",
                "executable-pool-type",
                "memory is requested from an executable pool [acmedisk.sys+1a45]"
            ]
        );
        assert_eq!(
            parsed(lines[2]).unwrap(),
            [
                "acmenet.sys",
                "error",
                "executable-pool-type",
                "memory is requested from an executable pool [+1a45]"
            ]
        );
        assert_eq!(
            lines.last().unwrap(),
            &"2 drivers, 4 findings: load 2 yes · run 2 unknown · certify 2 no"
        );
        assert_eq!(lines.iter().filter(|line| parsed(line).is_some()).count(), 4);
    }

    /// Notes and excused findings are no errors, even of a file that is called like one.
    #[test]
    fn nothing_else_is_an_error() {
        // The second expression of CanonicalError.cs, for Clang and GCC.
        let clang = Regex::new(r"(?i)^\s*.*:[0-9]*:[0-9]*:( error| warning):.*").unwrap();
        for path in ["my error x.sys", "error: a b.sys", "a:1:2: error: b.sys", "Warning C1 .sys"] {
            let mut drivers = [sample::straddling(path), sample::certify_only(path)];
            for finding in &mut drivers[1].findings {
                finding.excuse = Some(Excuse::Baseline);
                finding.message = "see x.c:1:2: error: y".to_owned();
            }
            let text = sample::written(Format::Msvc, &drivers, Options::default());
            for line in text.lines() {
                assert!(parsed(line).is_none() && !clang.is_match(line), "{line}");
            }
            assert_eq!(text.lines().count(), 10);
        }
    }

    #[test]
    fn a_path_is_one_origin_however_odd() {
        for path in ["C:\\a b\\x(1).sys", "a:b:c.sys", "error: x : warning y: z.sys"] {
            let line =
                sample::written(Format::Msvc, &[sample::certify_only(path)], Options::default());
            let [found, category, code, _] = parsed(line.lines().next().unwrap()).unwrap();
            assert_eq!(found, origin(path));
            assert_eq!([&*category, &*code], ["error", "executable-import-table"]);
        }
        let long = format!("D:\\{}\\x.sys", "folder\\".repeat(100));
        assert!(origin(&long).chars().count() <= LONGEST_FILE);
        assert!(origin(&long).ends_with("\\x.sys"));
    }

    /// MSBuild fails a command that prints an error, so what fails nothing is none.
    #[test]
    fn what_fails_nothing_is_a_warning() {
        let drivers = [sample::certify_only("a.sys")];
        let gate = Options { gate: vec![Question::Load], ..Options::default() };
        let zero = Options { exit_zero: true, fail_unknown: true, ..Options::default() };
        for (options, told) in
            [(gate, Some("; denies certify, which fails nothing here")), (zero, None)]
        {
            let text = sample::written(Format::Msvc, &drivers, options);
            let [_, category, code, message] = parsed(text.lines().next().unwrap()).unwrap();
            assert_eq!([&*category, &*code], ["warning", "executable-import-table"]);
            assert!(told.is_none_or(|told| message.contains(told)), "{message}");
            let read = text.lines().filter_map(parsed);
            assert!(read.into_iter().all(|[_, category, ..]| category == "warning"), "{text}");
        }
    }

    #[test]
    fn unknown_is_an_error_where_it_fails() {
        let drivers = [sample::clean("a.sys")];
        let strict = Options { fail_unknown: true, ..Options::default() };
        let text = sample::written(Format::Msvc, &drivers, strict);
        assert!(text.starts_with(
            "a.sys : error run-unknown: machine code not examined\n\
             a.sys : error certify-unknown: machine code not examined\n"
        ));
        assert_eq!(sample::written(Format::Msvc, &drivers, Options::default()).lines().count(), 1);
    }
}
