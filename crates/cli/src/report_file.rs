//! Reports that go to files, any number of them from one scan.

use anyhow::bail;
use ringfence::report::{Format, Options, sink};
use ringfence::{Closing, Examination, Sink, Targets, Tool, similar};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufWriter, Write};
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

/// Fails where two reports would go to one file.
pub(crate) fn check(wanted: &[Wanted]) -> anyhow::Result<()> {
    for (index, one) in wanted.iter().enumerate() {
        if wanted[..index].iter().any(|other| other.path == one.path) {
            bail!("two reports would be written to {}", one.path.display());
        }
    }
    Ok(())
}

/// A report that is given up once it cannot be written, while others go on.
pub(crate) struct Guarded<'a> {
    /// What it is called in an error.
    name: String,
    sink: io::Result<Box<dyn Sink + 'a>>,
}

impl<'a> Guarded<'a> {
    pub(crate) fn new(name: String, sink: Box<dyn Sink + 'a>) -> Guarded<'a> {
        Guarded { name, sink: Ok(sink) }
    }

    /// The report that goes to a file.
    pub(crate) fn to_file(wanted: &Wanted, options: &Options) -> Guarded<'a> {
        let options = Options { color: false, terminal: false, ..options.clone() };
        Guarded::in_file(&wanted.path, |out| sink(wanted.format, out, options))
    }

    /// The report that `sink` makes for what is written to a file.
    pub(crate) fn in_file(
        path: &Path,
        sink: impl FnOnce(Box<dyn Write + 'a>) -> Box<dyn Sink + 'a>,
    ) -> Guarded<'a> {
        let made =
            File::create(path).map(|file| sink(Box::new(BufWriter::with_capacity(1 << 16, file))));
        Guarded { name: path.display().to_string(), sink: made }
    }

    /// Why it could not be written, with its name, if so.
    pub(crate) fn failure(self) -> Option<(String, io::Error)> {
        self.sink.err().map(|error| (self.name, error))
    }

    fn tell(&mut self, what: impl FnOnce(&mut (dyn Sink + 'a)) -> io::Result<()>) {
        if let Ok(sink) = &mut self.sink
            && let Err(error) = what(&mut **sink)
        {
            self.sink = Err(error);
        }
    }
}

/// Several reports as one. Telling it never fails; each remembers its own failure.
pub(crate) struct Several<'a>(pub(crate) Vec<Guarded<'a>>);

impl Sink for Several<'_> {
    fn begin(&mut self, tool: &Tool, targets: Targets) -> io::Result<()> {
        self.0.iter_mut().for_each(|report| report.tell(|sink| sink.begin(tool, targets)));
        Ok(())
    }

    fn driver(&mut self, examination: &Examination) -> io::Result<()> {
        self.0.iter_mut().for_each(|report| report.tell(|sink| sink.driver(examination)));
        Ok(())
    }

    fn finish(&mut self, closing: &Closing) -> io::Result<()> {
        self.0.iter_mut().for_each(|report| report.tell(|sink| sink.finish(closing)));
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
        let other = Wanted { format: Format::Html, path: "b".into() };
        assert!(check(&[one.clone(), other]).is_ok());
        assert!(check(&[one.clone(), one]).is_err());
    }
}
