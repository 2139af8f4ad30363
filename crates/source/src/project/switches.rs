//! The switches of compilers and linkers that matter.

use super::budget::Doubts;
use super::defines::{Granted, define, undefine};
use super::silenced::silenced;
use super::traced::Traced;
use super::{Define, LinkerOption, Silenced};

/// What switches of a compiler say.
#[derive(Clone, Debug, Default)]
pub(super) struct Switches {
    /// What is defined and undefined, in order.
    pub(super) defines: Vec<Define>,
    /// Folders for includes, as written.
    pub(super) folders: Vec<Traced>,
    /// Files included first, as written.
    pub(super) forced: Vec<Traced>,
    /// Switches for the linker that matter.
    pub(super) linker: Vec<LinkerOption>,
    /// Warnings that are switched off.
    pub(super) silenced: Vec<Silenced>,
}

/// What a switch is followed by.
#[derive(Clone, Copy)]
enum Takes {
    Define,
    Undefine,
    Folder,
    Forced,
    Warning,
}

/// The switches, longest first where one begins with another. Those of GCC and Clang begin with a hyphen only; some
/// take only the next word.
const SWITCHES: [(&str, Takes, Style); 13] = [
    ("external:I", Takes::Folder, Style::Either),
    ("imsvc", Takes::Folder, Style::Either),
    ("isystem", Takes::Folder, Style::Hyphen),
    ("idirafter", Takes::Folder, Style::Hyphen),
    ("iquote", Takes::Folder, Style::Hyphen),
    ("imacros", Takes::Forced, Style::NextWord),
    ("include", Takes::Forced, Style::NextWord),
    ("-include", Takes::Forced, Style::NextWord),
    ("FI", Takes::Forced, Style::Either),
    ("wd", Takes::Warning, Style::Either),
    ("D", Takes::Define, Style::Either),
    ("U", Takes::Undefine, Style::Either),
    ("I", Takes::Folder, Style::Either),
];

/// How a switch is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    /// With a hyphen or a slash, what it takes at once or in the next word.
    Either,
    /// The same, with a hyphen only.
    Hyphen,
    /// With a hyphen, what it takes in the next word.
    NextWord,
}

/// Reads the words of a compiler's command line. `slashes` tells whether a slash begins a switch, as it does for cl.
pub(super) fn compiler(
    words: &[Traced],
    slashes: bool,
    granted: Granted<'_>,
    doubts: &mut Doubts,
) -> Switches {
    let mut found = Switches::default();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let text = word.as_str();
        let dash =
            ['-', '/', EN_DASH, EN_DASH_BYTE].into_iter().find(|dash| text.starts_with(*dash));
        let Some(dash) = dash.filter(|dash| *dash != '/' || slashes) else {
            // What nobody sets here may be any switches.
            if text.contains("$(")
                && !word.is_certain()
                && let Some(span) = word.span()
            {
                doubts.add(span, "this is not evaluated; it may define macros");
            }
            continue;
        };
        let body = word.slice(dash.len_utf8()..text.len());
        if slashes && body.as_str().eq_ignore_ascii_case("link") {
            found.linker.extend(words.filter_map(|word| linker(word, granted)));
            return found;
        }
        let Some((name, takes)) = which(body.as_str(), dash) else { continue };
        let attached = body.slice(name.len()..body.as_str().len());
        let taken = if attached.as_str().trim().is_empty() {
            match words.next() {
                Some(next) => next.clone(),
                None => continue,
            }
        } else {
            attached
        };
        let taken = match dash {
            '-' | '/' => taken,
            _ => {
                let span = word.span();
                if let Some(span) = span {
                    doubts.add(span, "an en dash stands here for a hyphen; whether the compiler takes it is not known");
                }
                taken.doubted(span)
            }
        };
        found.take(takes, &taken, granted, doubts);
    }
    found
}

/// What documents and mails make of a hyphen; and its byte in Windows' western code page.
const EN_DASH: char = '\u{2013}';
const EN_DASH_BYTE: char = '\u{96}';

fn which(body: &str, dash: char) -> Option<(&'static str, Takes)> {
    let fits = |(name, _, style): &&(&'static str, Takes, Style)| match style {
        Style::Either => body.starts_with(name),
        Style::Hyphen => dash == '-' && body.starts_with(name),
        Style::NextWord => dash == '-' && body == *name,
    };
    SWITCHES.iter().find(fits).map(|(name, takes, _)| (*name, *takes))
}

impl Switches {
    fn take(&mut self, takes: Takes, taken: &Traced, granted: Granted<'_>, doubts: &mut Doubts) {
        match takes {
            Takes::Define => self.defines.extend(define(taken, granted, doubts)),
            Takes::Undefine => self.defines.extend(undefine(taken, granted, doubts)),
            Takes::Folder => self.folders.push(taken.clone()),
            Takes::Forced => self.forced.push(taken.clone()),
            Takes::Warning => self.silenced.extend(silenced(taken, granted)),
        }
    }
}

/// Options of the linker that decide about sections and their pages, where an image starts, or what kind of image it is.
const LINKER: [&str; 12] = [
    "ALIGN",
    "DLL",
    "DRIVER",
    "DYNAMICBASE",
    "ENTRY",
    "FILEALIGN",
    "FIXED",
    "GUARD",
    "INTEGRITYCHECK",
    "MERGE",
    "SECTION",
    "SUBSYSTEM",
];

/// Reads a word of the linker's command line; none for options that do not matter.
pub(super) fn linker(word: &Traced, granted: Granted<'_>) -> Option<LinkerOption> {
    // A compiler that passes options on writes `-Wl,/ALIGN:32` or `LINKER:/ALIGN:32`.
    let passed = ["-Wl,", "LINKER:", "-Xlinker="].iter().find(|of| word.as_str().starts_with(**of));
    let word = word.slice(passed.map_or(0, |of| of.len())..word.as_str().len());
    let body = word.as_str().strip_prefix(['/', '-'])?;
    let (name, value) = match body.split_once(':') {
        Some((name, value)) => (name, Some(value)),
        None => (body, None),
    };
    let name = LINKER.iter().find(|known| known.eq_ignore_ascii_case(name))?;
    let text = match value {
        Some(value) => format!("/{name}:{value}"),
        None => format!("/{name}"),
    };
    linker_option(text, &word, granted)
}

/// An option of the linker that comes of `origin`.
pub(super) fn linker_option(
    text: String,
    origin: &Traced,
    granted: Granted<'_>,
) -> Option<LinkerOption> {
    let certain = origin.doubts().all(|doubt| granted.contains(&doubt));
    Some(LinkerOption { text, span: origin.span()?, certain })
}

#[cfg(test)]
mod tests {
    use super::super::words::{Quoting, words};
    use super::*;
    use crate::FileId;

    fn read(line: &str, slashes: bool) -> (Switches, Vec<(crate::Span, String)>) {
        let line = Traced::of(FileId(0), line, 0..line.len());
        let mut doubts = Doubts::default();
        let found = compiler(&words(&line, Quoting::Windows), slashes, &[], &mut doubts);
        (found, doubts.into_vec())
    }

    fn told(found: &Switches) -> Vec<String> {
        let tell = |define: &Define| match &define.value {
            Some(value) => format!("{}={value}", define.name),
            None => format!("no {}", define.name),
        };
        found.defines.iter().map(tell).collect()
    }

    #[test]
    fn switches_of_both_families_are_read() {
        let line = r#"cl /nologo /DA -DB=2 /D C=3 /D"D=x y" -U A /I inc -I..\up /FIpre.h
            -imsvc sdk -isystem sys -include first.h -Wall /Fo"out\" main.c"#;
        let (found, doubts) = read(line, true);
        assert_eq!(told(&found), ["A=1", "B=2", "C=3", "D=x y", "no A"]);
        let texts =
            |of: &[Traced]| of.iter().map(|one| one.as_str().to_owned()).collect::<Vec<_>>();
        assert_eq!(texts(&found.folders), ["inc", r"..\up", "sdk", "sys"]);
        assert_eq!(texts(&found.forced), ["pre.h", "first.h"]);
        assert!(doubts.is_empty());
        let (found, _) = read("cl /W4 /wd30030 -wd 30029 /wd\"4996\" /we30031 a.c", true);
        let numbers: Vec<_> = found.silenced.iter().map(|one| (one.warning, one.certain)).collect();
        assert_eq!(numbers, [(30030, true), (30029, true), (4996, true)]);
    }

    #[test]
    fn a_path_is_no_switch_where_slashes_are_none() {
        assert_eq!(told(&read("cc -DA=1 /Users/me/a.c /Data", false).0), ["A=1"]);
        assert_eq!(told(&read("cc -D", false).0), Vec::<String>::new());
    }

    #[test]
    fn an_en_dash_is_a_doubt() {
        for line in ["\u{2013}DPOOL_NX_OPTIN=1", "\u{96}DPOOL_NX_OPTIN=1"] {
            let (found, doubts) = read(line, true);
            assert_eq!(told(&found), ["POOL_NX_OPTIN=1"]);
            assert!(!found.defines[0].certain);
            assert!(doubts.iter().any(|(_, what)| what.contains("en dash")));
        }
    }

    #[test]
    fn options_of_the_linker_are_written_one_way() {
        let (found, _) =
            read("cl a.c /link -align:32 /Merge:.rdata=.text /OPT:REF /integritycheck", true);
        let texts: Vec<_> = found.linker.iter().map(|option| &*option.text).collect();
        assert_eq!(texts, ["/ALIGN:32", "/MERGE:.rdata=.text", "/INTEGRITYCHECK"]);
        let word = "LINKER:/SECTION:INIT,ERW";
        let option = linker(&Traced::of(FileId(0), word, 0..word.len()), &[]).unwrap();
        assert_eq!((&*option.text, option.span.range()), ("/SECTION:INIT,ERW", 7..24));
    }
}
