//! Reports that go to files, any number of them from one scan.

use anyhow::bail;
use ringfence::report::{Format, Options, safe, sink};
use ringfence::{Closing, Draft, Examination, Sink, Targets, Tool, similar};
use std::ffi::OsStr;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// What `--report FORMAT=FILE` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) format: Format,
    pub(crate) path: PathBuf,
}

impl Wanted {
    /// Reads `FORMAT=FILE`; the file's name may be any that the system has.
    pub(crate) fn parse(text: &OsStr) -> Result<Wanted, String> {
        let bytes = text.as_encoded_bytes();
        let Some(equals) = bytes.iter().position(|&byte| byte == b'=') else {
            let format = Format::Sarif;
            return Err(format!("it takes FORMAT=FILE, such as {format}=report.{format}"));
        };
        let format = String::from_utf8_lossy(&bytes[..equals]).parse::<Format>();
        let format = format.map_err(|unknown| {
            let known = Format::ALL.map(Format::name);
            match similar(&unknown.name, known).first() {
                Some(meant) => format!("{unknown}; did you mean {meant}?"),
                None => unknown.to_string(),
            }
        })?;
        let path = after(text, equals + 1);
        match path.as_os_str() {
            empty if empty.is_empty() => Err("the file has no name".to_owned()),
            dash if dash == "-" => {
                Err(format!("standard output takes one report, that of --format {format}"))
            }
            _ => Ok(Wanted { format, path }),
        }
    }
}

/// What of `text` stands from the byte `start` on, which is behind one of ASCII.
#[cfg(unix)]
fn after(text: &OsStr, start: usize) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    PathBuf::from(OsStr::from_bytes(&text.as_bytes()[start..]))
}

#[cfg(not(unix))]
fn after(text: &OsStr, start: usize) -> PathBuf {
    use std::os::windows::ffi::{OsStrExt, OsStringExt};
    // Before it there is nothing but ASCII: as many units as bytes.
    let units: Vec<u16> = text.encode_wide().skip(start).collect();
    PathBuf::from(std::ffi::OsString::from_wide(&units))
}

/// Fails where two reports would go to one file, or one over something that nobody wants to lose; `settings` is
/// the file that the scan's settings are from.
pub(crate) fn check(wanted: &[Wanted], settings: Option<&Path>) -> anyhow::Result<()> {
    for (index, one) in wanted.iter().enumerate() {
        if wanted[..index].iter().any(|other| place(&other.path) == place(&one.path)) {
            bail!("two reports would be written to {}", one.path.display());
        }
        spare(&one.path, settings)?;
    }
    Ok(())
}

/// Where a file is, however that is spelled; the file itself need not be there yet.
pub(crate) fn place(path: &Path) -> PathBuf {
    if let Ok(real) = std::fs::canonicalize(path) {
        return real;
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = std::fs::canonicalize(folder.unwrap_or(Path::new(".")));
    match (folder, path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => path.to_owned(),
    }
}

/// Fails where a report at `path` would be written over a driver, a debug file or the settings.
pub(crate) fn spare(path: &Path, settings: Option<&Path>) -> anyhow::Result<()> {
    let real = |path: &Path| std::fs::canonicalize(path).ok();
    let is_settings = real(path).is_some() && settings.and_then(real) == real(path);
    let lost = match is_settings {
        true => Some("the settings file"),
        false => ringfence::kept_from_overwriting(path),
    };
    if let Some(lost) = lost {
        bail!("the report would be written over {lost}: {}", safe(&path.to_string_lossy()));
    }
    Ok(())
}

/// Fails where a report would go over the baseline: what is new now would be known from then on, though this very
/// run failed for it.
pub(crate) fn spare_baseline(baseline: &Path, reports: &[Wanted]) -> anyhow::Result<()> {
    let file = |path: &Path| path.canonicalize().ok();
    let read = file(baseline);
    let is_it = |path: &Path| path == baseline || (read.is_some() && file(path) == read);
    match reports.iter().find(|wanted| is_it(&wanted.path)) {
        Some(wanted) => bail!(
            "the report {} would be written over the baseline, and what is new would be known by it\n  \
             help: write it to another file, or make the baseline anew with --no-baseline",
            safe(&wanted.path.display().to_string())
        ),
        None => Ok(()),
    }
}

/// A report that is given up once it cannot be written, while others go on.
pub(crate) struct Guarded<'a> {
    /// What it is called in an error.
    name: String,
    /// Nothing once it is written.
    sink: io::Result<Option<Box<dyn Sink + 'a>>>,
    /// The file that it goes to.
    draft: Option<Draft>,
    /// Opens it.
    open: Option<Opening<'a>>,
}

/// Opens a file and makes the report that goes there.
type Opening<'a> = Box<dyn FnOnce() -> io::Result<(Draft, Box<dyn Sink + 'a>)> + 'a>;

impl<'a> Guarded<'a> {
    pub(crate) fn new(name: String, sink: Box<dyn Sink + 'a>) -> Guarded<'a> {
        Guarded { name, sink: Ok(Some(sink)), draft: None, open: None }
    }

    /// The report that goes to a file.
    pub(crate) fn to_file(wanted: &Wanted, options: &Options) -> Guarded<'a> {
        let options = Options { color: false, terminal: false, ..options.clone() };
        let format = wanted.format;
        Guarded::in_file(&wanted.path, move |out| sink(format, out, options))
    }

    /// The report that `sink` makes for what is written to a file. It is opened once the scan has looked for
    /// drivers, so that it is not found among them.
    pub(crate) fn in_file(
        path: &Path,
        sink: impl FnOnce(Box<dyn Write + 'a>) -> Box<dyn Sink + 'a> + 'a,
    ) -> Guarded<'a> {
        let (name, path) = (path.display().to_string(), path.to_owned());
        let open = move || Draft::of(&path).map(|(draft, out)| (draft, sink(out)));
        Guarded { name, sink: Ok(None), draft: None, open: Some(Box::new(open)) }
    }

    fn begin(&mut self, tool: &Tool, targets: Targets) {
        match self.open.take().map(|open| open()) {
            Some(Ok((draft, sink))) => (self.draft, self.sink) = (Some(draft), Ok(Some(sink))),
            Some(Err(error)) => self.give_up(error),
            None => {}
        }
        self.tell(|sink| sink.begin(tool, targets));
    }

    /// Why it could not be written, with its name, if so.
    pub(crate) fn failure(self) -> Option<(String, io::Error)> {
        self.sink.err().map(|error| (self.name, error))
    }

    fn tell(&mut self, what: impl FnOnce(&mut (dyn Sink + 'a)) -> io::Result<()>) {
        if let Ok(Some(sink)) = &mut self.sink
            && let Err(error) = what(&mut **sink)
        {
            self.give_up(error);
        }
    }

    fn finish(&mut self, closing: &Closing) {
        self.tell(|sink| sink.finish(closing));
        if let Ok(sink) = &mut self.sink {
            // What it still holds is written, and the file closed, before it is put in its place.
            drop(sink.take());
            if let Some(Err(error)) = self.draft.take().map(Draft::place) {
                self.give_up(error);
            }
        }
    }

    fn give_up(&mut self, error: io::Error) {
        self.sink = Err(error);
        self.draft = None;
    }
}

/// What went wrong, without the system's number for it.
pub(crate) fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error ") {
        Some((reason, _)) => reason.to_lowercase(),
        None => text,
    }
}

/// Several reports as one. Telling it never fails; each remembers its own failure.
pub(crate) struct Several<'a>(pub(crate) Vec<Guarded<'a>>);

impl Sink for Several<'_> {
    fn begin(&mut self, tool: &Tool, targets: Targets) -> io::Result<()> {
        self.0.iter_mut().for_each(|report| report.begin(tool, targets));
        Ok(())
    }

    fn driver(&mut self, examination: &Examination) -> io::Result<()> {
        self.0.iter_mut().for_each(|report| report.tell(|sink| sink.driver(examination)));
        Ok(())
    }

    fn finish(&mut self, closing: &Closing) -> io::Result<()> {
        self.0.iter_mut().for_each(|report| report.finish(closing));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_and_a_file_are_read() {
        let parsed = Wanted::parse(OsStr::new("SARIF=a=b c.sarif")).unwrap();
        assert_eq!(parsed, Wanted { format: Format::Sarif, path: "a=b c.sarif".into() });
        let wrong = |text: &str| Wanted::parse(OsStr::new(text)).unwrap_err();
        assert!(wrong("sarif").contains("FORMAT=FILE"));
        assert!(wrong("sarif=").contains("no name"));
        assert!(wrong("html=-").contains("--format html"));
        assert!(wrong("xml=a").contains("no format is called `xml`"));
    }

    #[cfg(unix)]
    #[test]
    fn any_file_name_will_do() {
        use std::os::unix::ffi::OsStrExt;
        let parsed = Wanted::parse(OsStr::from_bytes(b"csv=\xFF.csv")).unwrap();
        assert_eq!(parsed.path.as_os_str().as_bytes(), b"\xFF.csv");
    }

    #[test]
    fn no_two_reports_go_to_one_file() {
        let one = Wanted { format: Format::Csv, path: "a".into() };
        let spelled = Wanted { format: Format::Html, path: "./../cli/a".into() };
        let other = Wanted { format: Format::Html, path: "b".into() };
        assert!(check(&[one.clone(), other], None).is_ok());
        assert!(check(&[one.clone(), spelled], None).is_err());
        assert!(check(&[one.clone(), one], None).is_err());
    }
}
