//! Targets: what is said of each, and the project that comes of it.

use super::super::budget::Doubts;
use super::super::switches::{Switches, compiler, linker};
use super::super::traced::Traced;
use super::super::words::{Quoting, words};
use super::super::{Configuration, Define, LinkerOption, Output, defines, paths};
use super::variables::elements;
use crate::{FileId, Span};

/// How deep generator expressions are taken apart.
const DEEPEST: usize = 8;

/// Something said of sources or of a target.
#[derive(Clone, Debug)]
pub(super) enum Said {
    /// `NAME=value`.
    Define(Traced),
    /// `NAME`, no longer defined.
    Undefine(Traced),
    /// A word for the compiler.
    Option(Traced),
    /// A folder for includes.
    Folder(Traced),
    /// A word for the linker.
    Link(Traced),
    /// A header that is included first.
    Forced(Traced),
}

impl Said {
    /// It, hanging on `doubt`.
    pub(super) fn doubted(self, doubt: Option<Span>) -> Said {
        match self {
            Said::Define(text) => Said::Define(text.doubted(doubt)),
            Said::Undefine(text) => Said::Undefine(text.doubted(doubt)),
            Said::Option(text) => Said::Option(text.doubted(doubt)),
            Said::Folder(text) => Said::Folder(text.doubted(doubt)),
            Said::Link(text) => Said::Link(text.doubted(doubt)),
            Said::Forced(text) => Said::Forced(text.doubted(doubt)),
        }
    }

    /// What it costs to keep.
    pub(super) fn cost(&self) -> u64 {
        match self {
            Said::Define(text)
            | Said::Undefine(text)
            | Said::Option(text)
            | Said::Folder(text)
            | Said::Link(text)
            | Said::Forced(text) => text.cost(),
        }
    }
}

/// What a target is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// What a command for drivers makes.
    Made(Output),
    Executable,
    Shared,
    Module,
    Static,
    /// Only what it hands on, or what it is another name of.
    Interface,
}

/// Who is meant by what is said of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    Own,
    Both,
    Users,
}

/// A target.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) place: Span,
    /// The folder that it is made in, by its number.
    pub(super) directory: usize,
    /// What it hangs on itself: whatever hangs on the same is certain for it.
    pub(super) conditions: Vec<Span>,
    pub(super) sources: Vec<FileId>,
    /// Whether sources were named.
    pub(super) names_sources: bool,
    /// Whether some of them are not known.
    pub(super) unknown_sources: bool,
    /// Whether a command that is not known got it, and may have changed anything.
    pub(super) touched: bool,
    /// The first of those that are none of CMake's own.
    pub(super) unknown: Option<Span>,
    pub(super) said: Vec<(Reach, Said)>,
    /// How many of the folder's options there were when it was made; later ones are not for it.
    pub(super) options: usize,
    /// Other targets that it uses, by name, and who gets what they hand on.
    pub(super) uses: Vec<(Reach, String)>,
}

/// The sources that a command names.
#[derive(Debug, Default)]
pub(super) struct Named {
    pub(super) files: Vec<FileId>,
    /// Whether any was named, in the tree or not.
    pub(super) some: bool,
    /// Whether some are not known.
    pub(super) unknown: bool,
}

impl Target {
    /// Gives it further sources.
    pub(super) fn give(&mut self, named: Named) {
        self.sources.extend(named.files);
        self.names_sources |= named.some;
        self.unknown_sources |= named.unknown;
    }
}

/// The generator expressions of a word taken apart: what hangs on a condition is in doubt.
fn generated(word: &Traced) -> Vec<Traced> {
    let mut done = Vec::new();
    let mut open = vec![(word.clone(), 0)];
    while let Some((word, depth)) = open.pop() {
        let text = word.as_str();
        let Some(inside) = text.strip_prefix("$<").and_then(|rest| rest.strip_suffix('>')) else {
            done.push(word);
            continue;
        };
        let place = word.span();
        match separator(inside).filter(|_| depth < DEEPEST) {
            Some(at) if inside[..at].starts_with("$<") || inside[..at] == *"1" => {
                let value = word.slice(2 + at + 1..text.len() - 1);
                let doubt = place.filter(|_| inside[..at] != *"1");
                let values = elements(&value).into_iter().rev();
                open.extend(values.map(|value| (value.doubted(doubt), depth + 1)));
            }
            Some(at) if inside[..at] == *"0" => {}
            _ => done.push(word.doubted(place)),
        }
    }
    done
}

/// Where the colon is that ends the condition of a generator expression.
fn separator(inside: &str) -> Option<usize> {
    let (mut open, mut last) = (0_usize, ' ');
    for (at, letter) in inside.char_indices() {
        match letter {
            '<' if last == '$' => open += 1,
            '>' => open = open.saturating_sub(1),
            ':' if open == 0 => return Some(at),
            _ => {}
        }
        last = letter;
    }
    None
}

/// What words say to the compiler and the linker.
#[derive(Default)]
pub(super) struct Sum {
    switches: Switches,
    linker: Vec<LinkerOption>,
    /// Whether some word for the linker is not known.
    linked_unknown: bool,
}

impl Sum {
    /// Adds what is said, in order.
    pub(super) fn add(&mut self, said: &[Said], granted: &[Span], doubts: &mut Doubts) {
        let mut options = Vec::new();
        for one in said {
            match one {
                Said::Define(text) => {
                    for text in generated(text) {
                        // `-D` in front is taken away.
                        let start = if text.as_str().starts_with("-D") { 2 } else { 0 };
                        let text = text.slice(start..text.as_str().len());
                        self.switches.defines.extend(defines::define(&text, granted, doubts));
                    }
                }
                Said::Undefine(text) => {
                    self.switches.defines.extend(defines::undefine(text, granted, doubts));
                }
                Said::Option(text) => options.extend(generated(text).iter().flat_map(shell)),
                Said::Folder(text) => self.switches.folders.push(text.clone()),
                Said::Forced(text) => self.force(text, granted, doubts),
                Said::Link(text) => {
                    for word in generated(text).iter().flat_map(shell) {
                        self.linked_unknown |= word.as_str().contains('$');
                        self.linker.extend(linker(&word, granted));
                    }
                }
            }
        }
        let found = compiler(&options, true, granted, doubts);
        self.switches.defines.extend(found.defines);
        self.switches.folders.extend(found.folders);
        self.switches.forced.extend(found.forced);
        self.switches.silenced.extend(found.silenced);
        self.linker.extend(found.linker);
    }

    /// Includes a header first, if that is certain.
    fn force(&mut self, text: &Traced, granted: &[Span], doubts: &mut Doubts) {
        for text in generated(text) {
            let mut open = text.doubts().filter(|doubt| !granted.contains(doubt));
            if let Some(doubt) = open.next() {
                let what =
                    "nobody can tell here whether this header comes first; it may define macros";
                doubts.add(text.span().unwrap_or(doubt), what);
                continue;
            }
            let name = text.trim();
            let length = name.as_str().len();
            let marked = length > 1 && name.as_str().starts_with(['<', '"']);
            self.switches.forced.push(if marked { name.slice(1..length - 1) } else { name });
        }
    }

    /// The configuration that comes of it, seen from `base`.
    pub(super) fn configuration(self, target: &Target, base: &str) -> Configuration {
        let output = self.output(target);
        let mut include_folders = Vec::new();
        for folder in &self.switches.folders {
            if !folder.as_str().contains('$') {
                paths::add_folder(&mut include_folders, base, folder.as_str());
            }
        }
        Configuration {
            name: String::new(),
            output,
            windows: None,
            defines: self.switches.defines,
            of_files: Vec::new(),
            left_out: Vec::new(),
            include_folders,
            forced_includes: self
                .switches
                .forced
                .iter()
                .map(|name| name.as_str().to_owned())
                .collect(),
            linker: self.linker,
            silenced: self.switches.silenced,
            silenced_of_files: Vec::new(),
            forced_of_files: Vec::new(),
        }
    }

    fn output(&self, target: &Target) -> Output {
        let is_driver = self.linker.iter().any(|option| {
            option.text.starts_with("/DRIVER")
                || option.text.eq_ignore_ascii_case("/SUBSYSTEM:NATIVE")
        });
        let open = self.linked_unknown || target.touched;
        match target.kind {
            Kind::Made(output) => output,
            Kind::Executable if is_driver => Output::Driver,
            Kind::Shared | Kind::Module if is_driver => Output::ExportDriver,
            Kind::Executable | Kind::Shared | Kind::Module if !open => Output::UserMode,
            _ => Output::Unknown,
        }
    }

    /// What is defined, and what is included first.
    pub(super) fn before_source(self) -> (Vec<Define>, Vec<String>) {
        let forced = self.switches.forced.iter().map(|name| name.as_str().to_owned());
        (self.switches.defines, forced.collect())
    }
}

/// A word, or the words of it where CMake lets a shell split it.
fn shell(word: &Traced) -> Vec<Traced> {
    match word.as_str().strip_prefix("SHELL:") {
        Some(rest) => words(
            &word.slice(word.as_str().len() - rest.len()..word.as_str().len()),
            Quoting::Windows,
        ),
        None => vec![word.clone()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generator_expressions_are_taken_apart() {
        let told = |text: &str| -> Vec<String> {
            let word = Traced::of(FileId(0), text, 0..text.len());
            let mark = |word: &Traced| if word.is_certain() { "" } else { "?" };
            generated(&word).iter().map(|word| format!("{}{}", word.as_str(), mark(word))).collect()
        };
        assert_eq!(told("A=1"), ["A=1"]);
        assert_eq!(told("$<$<CONFIG:Debug>:A=1;B>"), ["A=1?", "B?"]);
        assert_eq!(told("$<1:A>"), ["A"]);
        assert!(told("$<0:A>").is_empty());
        assert_eq!(told("$<TARGET_PROPERTY:x,Y>"), ["$<TARGET_PROPERTY:x,Y>?"]);
        let deep = "$<1:".repeat(1000) + &">".repeat(1000);
        assert_eq!(told(&deep).len(), 1);
    }
}
