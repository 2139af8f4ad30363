//! One file of a scan: read, told apart, examined.

use crate::examine::{Examined, LeftOutBecause, NotExamined, judge, open};
use crate::known::Known;
use crate::timing::{Stage, Timings};
use crate::{Settings, digest, source_lines};
use ringfence_container::{Contents, Source, Unreadable, read};
use ringfence_finding::{Digests, Fault, Unread};
use ringfence_image::NotAnImage;
use ringfence_source::FileKind;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// What one file came to.
pub(crate) enum Seen {
    Driver { examined: Arc<Examined>, name: String, sha256: Option<[u8; 32]> },
    LeftOut { name: String, because: LeftOutBecause, named: bool },
    Unread(Unread),
    Fault(Fault),
}

impl Seen {
    /// The file's name.
    pub(crate) fn name(&self) -> &str {
        match self {
            Seen::Driver { name, .. } | Seen::LeftOut { name, .. } => name,
            Seen::Unread(unread) => &unread.path,
            Seen::Fault(fault) => &fault.path,
        }
    }
}

/// Looks at files, on any number of threads.
pub(crate) struct Looker<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) timings: &'a Timings,
    pub(crate) known: Known,
}

impl Looker<'_> {
    /// Looks at one file, with a buffer that is used again for the next. Never panics: what does all
    /// the same is one file, not the scan.
    pub(crate) fn look(&self, source: &Result<Source, Unreadable>, buffer: &mut Vec<u8>) -> Seen {
        let source = match source {
            Ok(source) => source,
            Err(unreadable) => return Seen::Unread(unread(unreadable)),
        };
        catch_unwind(AssertUnwindSafe(|| self.look_inside(source, buffer))).unwrap_or_else(|_| {
            let message = "the examination panicked".to_owned();
            Seen::Fault(Fault { path: source.name(), rule: "examination", message })
        })
    }

    fn look_inside(&self, source: &Source, buffer: &mut Vec<u8>) -> Seen {
        let contents = match self.timings.during(Stage::Read, || read(source, buffer)) {
            Ok(contents) => contents,
            Err(unreadable) => return Seen::Unread(unread(&unreadable)),
        };
        let name = source.name();
        match contents {
            Contents::Executable => self.examine(source, name, buffer),
            Contents::Other => left_out(source, name, LeftOutBecause::NotPe(NotAnImage::NotPe)),
            // An empty file holds nothing to decide by, so here alone the name does: a driver is
            // missing.
            Contents::Empty if name.to_lowercase().ends_with(".sys") => {
                Seen::Unread(Unread { path: name, reason: NotAnImage::Empty.to_string() })
            }
            Contents::Empty => left_out(source, name, LeftOutBecause::NotPe(NotAnImage::Empty)),
        }
    }

    fn examine(&self, source: &Source, name: String, bytes: &[u8]) -> Seen {
        let image = match open(bytes, self.timings) {
            Ok(image) => image,
            Err(NotExamined::LeftOut(because)) => return left_out(source, name, because),
            Err(NotExamined::Unread(reason)) => {
                return Seen::Unread(Unread { path: name, reason: reason.to_string() });
            }
        };
        let judge = |digests| Arc::new(judge(&name, &image, digests, self.settings, self.timings));
        let told = |examined| {
            self.timings.during(Stage::Symbols, || {
                source_lines::told(examined, &image, source, self.settings)
            })
        };
        if !self.settings.hash {
            return Seen::Driver { examined: told(judge(Digests::default())), name, sha256: None };
        }
        let signed = image.signed_ranges();
        let computed = self.timings.during(Stage::Hash, || digest::compute(bytes, signed));
        let examined = self.known.get(&computed.sha256).unwrap_or_else(|| {
            let examined = judge(computed.digests);
            self.known.insert(computed.sha256, &examined);
            examined
        });
        Seen::Driver { examined: told(examined), name, sha256: Some(computed.sha256) }
    }
}

/// What is no driver is passed over, but that a named file is no PE image is an error.
fn left_out(source: &Source, name: String, because: LeftOutBecause) -> Seen {
    if source.named && matches!(because, LeftOutBecause::NotPe(_)) {
        let reason = match FileKind::of(&name) {
            Some(_) => format!("{because}; `ringfence lint` looks at source"),
            None => because.to_string(),
        };
        return Seen::Unread(Unread { path: name, reason });
    }
    Seen::LeftOut { name, because, named: source.named }
}

fn unread(unreadable: &Unreadable) -> Unread {
    Unread { path: unreadable.name.clone(), reason: unreadable.to_string() }
}
