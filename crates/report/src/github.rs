//! Workflow commands of GitHub Actions, which annotate files: `::error file=…,line=…,title=…::message`.
//!
//! GitHub shows the first 10 annotations of each level for a step, so the gravest must come first and all is
//! written at the end. What is kept until then is bounded, and what is not kept is counted. The log shows them
//! all, and the counts last.

use crate::answers::open_because;
use crate::excuse::{self, Excused};
use crate::full::{at, doubt};
use crate::idle;
use crate::layout::{counted, grouped};
use crate::safe::safe;
use crate::uri::Uris;
use crate::{Options, Sink, scoreboard, source};
use ringfence_finding::{
    Answer, Closing, Examination, Finding, Level, Question, SourcePlace, Targets, Tool,
};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::io::{self, Write};

/// Annotations of one level that GitHub shows for one step.
const SHOWN: usize = 10;

/// Annotations of one level that are kept.
const KEPT: usize = 1_000;

/// The levels that are annotated, gravest first. Notes, and what is excused, are for nobody to act on, and would
/// take the places of what is: they are counted.
pub(crate) const LEVELS: [Level; 2] = [Level::Error, Level::Warning];

pub(crate) struct Github<'a> {
    out: Box<dyn Write + 'a>,
    options: Options,
    /// Makes paths of source files relative.
    uris: Uris,
    /// By level, as in [`LEVELS`].
    lists: [List; 2],
    notes: usize,
    excused: Excused,
}

/// Annotations of one level, the gravest first and then as they came.
#[derive(Default)]
pub(crate) struct List {
    pub(crate) lines: BTreeMap<(Reverse<usize>, usize), String>,
    count: usize,
}

/// What stands in an annotation.
struct Annotation<'t> {
    file: &'t str,
    line: Option<u32>,
    title: &'t str,
    /// A paragraph each.
    text: Vec<String>,
}

impl<'a> Github<'a> {
    pub(crate) fn new(out: Box<dyn Write + 'a>, options: Options) -> Github<'a> {
        let uris = Uris::new(options.root.as_deref());
        Github {
            out,
            options,
            uris,
            lists: Default::default(),
            notes: 0,
            excused: Excused::default(),
        }
    }

    fn keep(&mut self, level: Level, weight: usize, annotation: &Annotation<'_>) {
        let index = LEVELS.iter().position(|&known| known == level).unwrap_or_default();
        self.lists[index].keep(weight, annotation.line(level));
    }

    /// `not annotated: 3 notes, 2 accepted; --format concise lists them`.
    fn unannotated(&self) -> Option<String> {
        let notes = (self.notes > 0).then(|| counted(self.notes, "note"));
        let kinds: Vec<String> = notes.into_iter().chain(self.excused.told()).collect();
        let told = kinds.join(", ");
        (!kinds.is_empty()).then(|| format!("not annotated: {told}; --format concise lists them"))
    }

    fn finding(&mut self, driver: &Examination, finding: &Finding) {
        if finding.excuse.is_some() {
            return;
        }
        let level = excuse::weighed(&self.options, driver, finding);
        if level == Level::Note {
            self.notes += 1;
            return;
        }
        let source = finding.source.as_ref();
        let file = source.and_then(|source| source.file.as_deref());
        // What is not below the root GitHub cannot show: then it stands at the driver.
        let file = file.and_then(|file| self.uris.below(file));
        let beside = |source| match file {
            Some(_) => place(source),
            None => source::brief(source),
        };
        let place = match source.and_then(beside) {
            Some(place) => format!("at {}, {place}", at(&driver.path, finding.rva)),
            None => format!("at {}", at(&driver.path, finding.rva)),
        };
        let doubt = doubt(finding).map(|doubt| format!(" ({doubt})")).unwrap_or_default();
        let mut text = vec![format!("{}{doubt}", finding.message), place];
        text.extend(excuse::unfailing(finding, level));
        text.extend(finding.help.iter().map(|help| format!("help: {help}")));
        let annotation = Annotation {
            file: file.as_deref().unwrap_or(&driver.path),
            line: file.as_ref().and_then(|_| source?.line).filter(|&line| line > 0),
            title: finding.rule,
            text,
        };
        // What holds for other Windows versions only is no error, whatever it denies there.
        let denied = finding.questions.iter().filter(|_| finding.level == Level::Error);
        let weight = match level {
            Level::Error => denied.filter(|one| self.options.fails(driver, **one)).count(),
            Level::Warning | Level::Note => denied.count(),
        };
        self.keep(level, weight, &annotation);
    }
}

impl Sink for Github<'_> {
    fn begin(&mut self, _: &Tool, _: Targets) -> io::Result<()> {
        Ok(())
    }

    fn driver(&mut self, examination: &Examination) -> io::Result<()> {
        self.excused.count(examination);
        for finding in &examination.findings {
            self.finding(examination, finding);
        }
        for question in Question::ALL {
            let open = examination.counted(question) == Answer::Unknown;
            if open && self.options.fails(examination, question) {
                let title = format!("{question} unknown");
                let text = vec![open_because(examination, question)];
                let file = &examination.path;
                let annotation = Annotation { file, line: None, title: &title, text };
                self.keep(excuse::failing(&self.options), 0, &annotation);
            }
        }
        if let Some(first) = examination.defects.first() {
            let more = match examination.defects.len() {
                1 => String::new(),
                all => format!(", and {} more", grouped(all - 1)),
            };
            let text = vec![format!("{}{more}", first.message)];
            let file = &examination.path;
            self.keep(
                Level::Warning,
                0,
                &Annotation { file, line: None, title: "malformed", text },
            );
        }
        Ok(())
    }

    fn finish(&mut self, closing: &Closing) -> io::Result<()> {
        // What was not examined at all is graver than any finding.
        for fault in &closing.faults {
            let text = vec![format!("ringfence failed here, please report it: {}", fault.message)];
            let title = format!("fault in {}", fault.rule);
            let annotation = Annotation { file: &fault.path, line: None, title: &title, text };
            self.keep(Level::Error, usize::MAX, &annotation);
        }
        for unread in &closing.unread {
            let text = vec![unread.reason.clone()];
            let annotation =
                Annotation { file: &unread.path, line: None, title: "could not read", text };
            self.keep(Level::Error, usize::MAX, &annotation);
        }
        for (place, text) in idle::told(&closing.acceptances) {
            let (file, line) = match place.rsplit_once(':') {
                Some((file, line)) => (file, line.parse().ok()),
                None => (place, None),
            };
            let annotation = Annotation { file, line, title: "acceptance", text: vec![text] };
            self.keep(Level::Warning, 0, &annotation);
        }
        for (list, level) in self.lists.iter().zip(LEVELS) {
            for line in list.lines.values() {
                writeln!(self.out, "{line}")?;
            }
            if let Some(told) = list.beyond(level) {
                writeln!(self.out, "{told}")?;
            }
        }
        if let Some(told) = self.unannotated() {
            writeln!(self.out, "{told}")?;
        }
        let counts = scoreboard::counts(closing, self.excused);
        writeln!(self.out, "{}", counts.render(false))?;
        self.out.flush()
    }
}

impl List {
    pub(crate) fn keep(&mut self, weight: usize, line: String) {
        self.lines.insert((Reverse(weight), self.count), line);
        self.count += 1;
        if self.lines.len() > KEPT {
            self.lines.pop_last();
        }
    }

    /// What GitHub does not show of it, and what is not even in the log.
    pub(crate) fn beyond(&self, level: Level) -> Option<String> {
        if self.count <= SHOWN {
            return None;
        }
        let all = counted(self.count, command(level));
        let mut told = format!("{all}: GitHub annotates the first {SHOWN}");
        if self.count > self.lines.len() {
            let missing = grouped(self.count - self.lines.len());
            told += &format!(", and {missing} are not listed here; --format concise lists them");
        }
        Some(told)
    }
}

impl Annotation<'_> {
    fn line(&self, level: Level) -> String {
        let line = self.line.map(|line| format!(",line={line}")).unwrap_or_default();
        // Not one of these pieces has a line break of its own.
        let text: Vec<_> = self.text.iter().map(|text| data(text)).collect();
        format!(
            "::{} file={}{line},title={}::{}",
            command(level),
            property(self.file),
            property(self.title),
            text.join("%0A")
        )
    }
}

pub(crate) fn command(level: Level) -> &'static str {
    match level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Note => "notice",
    }
}

/// `in Allocate, from helper.lib`: what is to be said beside file and line.
fn place(source: &SourcePlace) -> Option<String> {
    source::brief(&SourcePlace { file: None, line: None, ..source.clone() })
}

/// `text` behind the second `::`.
pub(crate) fn data(text: &str) -> String {
    safe(text).replace('%', "%25")
}

/// `text` as a property's value.
pub(crate) fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::Format;
    use crate::sample;
    use ringfence_finding::Excuse;

    type Command = (String, Vec<(String, String)>, String);

    /// How the runner reads a line: `::name key=value,…::data`, with its escapes.
    fn parsed(line: &str) -> Option<Command> {
        let (head, data) = line.strip_prefix("::")?.split_once("::")?;
        let (name, properties) = head.split_once(' ').unwrap_or((head, ""));
        let unescaped = |text: &str| {
            [("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")]
                .iter()
                .fold(text.to_owned(), |text, (escape, plain)| text.replace(escape, plain))
        };
        let properties = properties.split(',').map(|property| {
            let (key, value) = property.split_once('=').unwrap();
            (key.to_owned(), unescaped(value))
        });
        Some((name.to_owned(), properties.collect(), unescaped(data)))
    }

    fn written(drivers: &[Examination], options: Options) -> Vec<String> {
        let text = sample::written(Format::Github, drivers, options);
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_finding_annotates_its_source_line() {
        let mut driver = sample::with_sources().remove(0);
        let own = driver.findings[1].source.as_mut().unwrap();
        own.file = Some(r".\src\50%, a:b\map.c".to_owned());
        let root = Some("D:/src".to_owned());
        let lines = written(&[driver], Options { root, ..Options::default() });
        let (name, properties, message) = parsed(&lines[0]).unwrap();
        assert_eq!(name, "error");
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(properties[0], pair("file", "helper/pool.cpp"));
        assert_eq!(properties[1..], [pair("line", "57"), pair("title", "executable-pool-type")]);
        let message: Vec<_> = message.lines().collect();
        assert_eq!(message[0], "memory is requested from an executable pool");
        assert_eq!(
            message[1],
            "at acmedisk.sys+1a45, in acme::Pool::Allocate, from acmehelper.lib"
        );
        assert!(message[2].starts_with("help: pass `NonPagedPoolNx`"), "{message:?}");
        let (_, properties, _) = parsed(&lines[1]).unwrap();
        assert_eq!(properties[0], pair("file", "src/50%, a:b/map.c"));
        assert_eq!(lines.len(), 3);
    }

    #[test]
    fn only_sources_below_the_root_are_annotated() {
        for (root, file, told) in [
            (Some("/home/me/repo"), "/home/me/repo/src/a.c", Some("src/a.c")),
            (Some("/home/me/repo"), "/home/me/repo2/a.c", None),
            (Some("/home/me/repo"), r"build\..\src\a.c", Some("src/a.c")),
            (Some("/home/me/repo"), "../other/a.c", None),
            (Some(r"D:\a\repo"), r"d:\A\REPO\drv\a.c", Some("drv/a.c")),
            (Some(r"D:\a\repo"), r"C:\sdk\a.h", None),
            (None, "./src/a.c", Some("src/a.c")),
        ] {
            assert_eq!(Uris::new(root).below(file).as_deref(), told, "{file}");
        }
    }

    #[test]
    fn the_gravest_come_first() {
        let drivers = [
            sample::straddling("note.sys"),
            sample::certify_only("certify.sys"),
            sample::writable_executable("load.sys"),
        ];
        let lines = written(&drivers, Options::default());
        assert!(lines[0].starts_with("::error file=load.sys,title=writable-executable-section::"));
        assert!(lines[1].starts_with("::error file=certify.sys,"), "{lines:?}");
        let notes = drivers.iter().flat_map(|driver| &driver.findings);
        let notes = notes.filter(|finding| finding.level == Level::Note).count();
        assert_eq!(lines[9], format!("not annotated: {notes} notes; --format concise lists them"));
    }

    /// Where only *load* is gated, what denies *certify* is no error.
    #[test]
    fn what_fails_nothing_is_a_warning() {
        let drivers = [sample::certify_only("a.sys"), sample::writable_executable("load.sys")];
        let gate = Options { gate: vec![Question::Load], ..Options::default() };
        let lines = written(&drivers, gate);
        assert!(lines[0].starts_with("::error file=load.sys,"), "{lines:?}");
        assert!(lines[1].starts_with("::warning file=a.sys,"), "{lines:?}");
        assert!(lines[1].contains("%0Adenies certify, which fails nothing here"), "{lines:?}");
        assert_eq!(lines.iter().filter(|line| line.starts_with("::error")).count(), 1);
        let zero = Options { exit_zero: true, fail_unknown: true, ..Options::default() };
        let lines = written(&drivers, zero);
        assert!(!lines.iter().any(|line| line.starts_with("::error")), "{lines:?}");
        assert!(lines.iter().any(|line| line.contains("title=run unknown")), "{lines:?}");
    }

    #[test]
    fn what_is_not_shown_is_counted() {
        let drivers: Vec<_> =
            (0..200).map(|index| sample::certify_only(&format!("{index}.sys"))).collect();
        let lines = written(&drivers, Options::default());
        assert_eq!(lines.len(), KEPT + 2);
        assert_eq!(
            lines[KEPT],
            "1 600 errors: GitHub annotates the first 10, and 600 are not listed here; --format \
             concise lists them"
        );
        assert!(lines[KEPT + 1].starts_with("200 drivers, 1 600 findings: "));
    }

    #[test]
    fn an_excused_finding_is_counted() {
        let mut driver = sample::writable_executable("a.sys");
        driver.findings[0].excuse = Some(Excuse::Accepted {
            reason: "the vendor mends it".to_owned(),
            until: Some("2027-03-31".to_owned()),
        });
        driver.excused = vec![Question::Load, Question::Certify];
        let lines = written(&[driver], Options { fail_unknown: true, ..Options::default() });
        assert!(lines[0].starts_with("::error file=a.sys,title=run unknown::"), "{lines:?}");
        assert_eq!(lines[1], "not annotated: 1 note, 1 accepted; --format concise lists them");
        assert!(lines[2].contains("2 findings (1 accepted): "), "{lines:?}");
    }
}
