//! NMAKE's macros and directives.

use super::super::budget::Doubts;
use super::super::traced::Traced;
use super::super::truth::{Branches, Truth};
use super::super::{Reader, paths};
use super::condition::{Asked, holds};
use super::lines::{Line, lines};
use crate::tree::folder;
use crate::{FileId, Span};
use std::collections::BTreeMap;

/// How deep files include each other.
const DEEPEST_INCLUDE: usize = 16;
/// How deep conditions are nested.
const DEEPEST_CONDITION: usize = 64;
/// Longest value that is kept, in bytes.
const LONGEST: usize = 256 << 10;
/// How many macros may be set in terms of each other before they are.
const LONGEST_CHAIN: usize = 8;
/// What a line costs to look at.
const LINE: u64 = 64;

/// Macros by name; capitals count. In order, as what is set later is looked up in turn, within a budget.
#[derive(Default)]
pub(super) struct Macros {
    values: BTreeMap<String, Traced>,
}

/// What the build environment for x64 says, for a Windows that has memory integrity. All else that nobody sets is not
/// known.
const ENVIRONMENT: [(&str, &str); 8] = [
    ("DDK_TARGET_OS", "Win10"),
    ("_NT_TARGET_VERSION", "0x0A00"),
    ("AMD64", "1"),
    ("_BUILDARCH", "AMD64"),
    ("386", "0"),
    ("IA64", "0"),
    ("ARM", "0"),
    ("_AMD64_", "1"),
];

impl Macros {
    /// A macro's value; none where it has none, or nothing is known of it.
    pub(super) fn value(&self, name: &str) -> Option<Traced> {
        self.values.get(name).cloned()
    }
}

/// A make file under evaluation.
pub(super) struct Nmake<'r, 't> {
    reader: &'r Reader<'t>,
    pub(super) macros: Macros,
    pub(super) doubts: Doubts,
    /// Files that are being read, outermost first.
    open: Vec<FileId>,
}

/// An `!IF` that is not yet closed.
struct Conditional {
    branches: Branches,
    /// Whether the branch that is read holds.
    truth: Truth,
    /// Where its condition stands.
    place: Span,
}

impl<'r, 't> Nmake<'r, 't> {
    /// Nothing but the environment and what it is told beside.
    pub(super) fn new(reader: &'r Reader<'t>, environment: &[(&str, &str)]) -> Nmake<'r, 't> {
        let given = ENVIRONMENT.iter().chain(environment);
        let values =
            given.map(|(name, value)| ((*name).to_owned(), Traced::unplaced(value))).collect();
        Nmake { reader, macros: Macros { values }, doubts: Doubts::default(), open: Vec::new() }
    }

    /// A macro's value that is to be taken apart; none where there is none, or it is too long.
    pub(super) fn words(&self, name: &str) -> Option<Traced> {
        self.macros.value(name).filter(|value| self.reader.budget.afford_words(value))
    }

    /// Reads a project's file.
    pub(super) fn file(&mut self, file: FileId) {
        self.include(file, None);
        // What was used before it was set, which may itself be made of such.
        for _ in 0..LONGEST_CHAIN {
            let names: Vec<String> = self.macros.values.keys().cloned().collect();
            let changes = names.into_iter().filter(|name| self.set_again(name)).count();
            if changes == 0 {
                break;
            }
        }
    }

    /// Puts what is known by now in a macro's value; whether that makes it another.
    fn set_again(&mut self, name: &str) -> bool {
        let unknown = |value: &Traced| !value.is_certain() && value.as_str().contains("$(");
        let Some(old) = self.macros.value(name).filter(unknown) else { return false };
        let new = self.expand(&old, name);
        let changes = new.as_str() != old.as_str();
        self.macros.values.insert(name.to_owned(), new);
        changes
    }

    fn include(&mut self, file: FileId, doubt: Option<Span>) {
        if !self.reader.budget.spend(self.reader.tree.file(file).text.as_str().len() as u64) {
            return;
        }
        self.open.push(file);
        let mut open: Vec<Conditional> = Vec::new();
        for line in lines(self.reader.tree, file) {
            if !self.reader.budget.spend(LINE + line.text.cost()) {
                break;
            }
            let text = line.text.trim();
            if let Some(directive) = text.as_str().strip_prefix('!') {
                let before = text.as_str().len() - directive.trim_start().len();
                let directive = text.slice(before..text.as_str().len());
                self.directive(file, &directive, &line, doubt, &mut open);
            } else if let Some(doubt) = reached(&open, doubt) {
                self.assign(&line.text, doubt);
            }
            if open.len() > DEEPEST_CONDITION {
                let place = Span::new(file, line.range);
                self.doubts
                    .add(place, "conditions are nested too deep; the file is not read further");
                break;
            }
        }
        self.open.pop();
    }

    /// Reads `NAME=value`. Rules and dependencies say nothing of interest.
    fn assign(&mut self, line: &Traced, doubt: Option<Span>) {
        let Some((name, value)) = line.split_once('=') else { return };
        // Commands are indented and are no names; `sources` files indent macros all the same.
        let name = name.as_str().trim().to_owned();
        let fits = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == '.';
        if name.is_empty() || !name.chars().all(fits) {
            return;
        }
        let value = self.expand(&value.trim(), &name);
        if !self.reader.budget.spend(value.cost()) {
            return;
        }
        let old = self.macros.values.remove(&name).unwrap_or_default();
        let value = match doubt {
            Some(doubt) => old.perhaps(&value, " ", doubt),
            None => value,
        };
        self.macros.values.insert(name, value);
    }

    /// What `text` comes to while `own` is given its value: what that refers to by its own name is what it was before.
    fn expand(&self, text: &Traced, own: &str) -> Traced {
        let mut all = Traced::default();
        let whole = text.as_str();
        let mut at = 0;
        while let Some(found) = whole[at..].find('$').map(|offset| at + offset) {
            all.push(&text.slice(at..found));
            let rest = &whole[found..];
            let end = match rest.as_bytes().get(1) {
                Some(b'(') => rest.find(')').map_or(whole.len(), |length| found + length + 1),
                Some(b'$') => {
                    all.push(&text.slice(found + 1..found + 2));
                    at = found + 2;
                    continue;
                }
                _ => found + 1,
            };
            let raw = text.slice(found..end);
            let name = raw.as_str().trim_start_matches("$(").trim_end_matches(')').trim();
            let value = match self.macros.values.get(name) {
                Some(value) => value.clone(),
                None if name == own => Traced::default(),
                None => {
                    let place = raw.span();
                    raw.doubted(place)
                }
            };
            if !self.reader.budget.spend(value.cost()) || all.as_str().len() > LONGEST {
                return all;
            }
            all.push(&value);
            at = end;
        }
        all.push(&text.slice(at..whole.len()));
        all
    }

    fn directive(
        &mut self,
        file: FileId,
        text: &Traced,
        line: &Line,
        doubt: Option<Span>,
        open: &mut Vec<Conditional>,
    ) {
        let end = text.as_str().find(|letter: char| !letter.is_ascii_alphabetic());
        let end = end.unwrap_or(text.as_str().len());
        let word = text.as_str()[..end].to_ascii_lowercase();
        let rest = text.slice(end..text.as_str().len()).trim();
        let place = Span::new(file, line.range.clone());
        match &*word {
            "if" | "ifdef" | "ifndef" => {
                let truth = match reached(open, doubt) {
                    Some(_) => self.asked(&word, rest.as_str()),
                    None => Truth::No,
                };
                let mut branches = Branches::default();
                let truth = branches.next(truth);
                open.push(Conditional { branches, truth, place });
            }
            "else" | "elseif" | "elseifdef" | "elseifndef" => {
                let asked = word.strip_prefix("else").filter(|word| !word.is_empty());
                let said = format!("{} {}", asked.unwrap_or_default(), rest.as_str());
                let truth = match said.trim().split_once(char::is_whitespace) {
                    Some((word, rest)) => self.asked(&word.to_ascii_lowercase(), rest),
                    None => Truth::Yes,
                };
                if let Some(last) = open.last_mut() {
                    last.truth = last.branches.next(truth);
                    last.place = place;
                }
            }
            "endif" => drop(open.pop()),
            "undef" => {
                if let Some(None) = reached(open, doubt) {
                    self.macros.values.remove(rest.as_str());
                }
            }
            "include" => {
                if let Some(doubt) = reached(open, doubt) {
                    self.included(file, &rest, place, doubt);
                }
            }
            _ => {}
        }
    }

    fn asked(&self, word: &str, condition: &str) -> Truth {
        match word {
            "ifdef" => self.is_defined(condition.trim()),
            "ifndef" => !self.is_defined(condition.trim()),
            _ => holds(condition, self),
        }
    }

    fn included(&mut self, file: FileId, written: &Traced, place: Span, doubt: Option<Span>) {
        let path = self.expand(written, "");
        let name = path.as_str().trim().trim_matches(['"', '<', '>']);
        let found = if name.contains("$(") {
            let rest = name.rsplit(')').next().unwrap_or_default().trim_start_matches(['/', '\\']);
            let own = folder(&self.reader.tree.file(file).path);
            (!rest.is_empty()).then(|| paths::upward(self.reader.tree, own, rest)).flatten()
        } else {
            self.beside(name)
        };
        let Some(found) = found else {
            if !is_of_kit(written.as_str()) {
                self.doubts.add(
                    place,
                    "this file is included and not among those that are looked at; it may define macros",
                );
            }
            return;
        };
        if self.open.contains(&found) {
            self.doubts.add(place, "this file includes itself");
        } else if self.open.len() >= DEEPEST_INCLUDE {
            let what = "files are included too deep; this one is not read and may define macros";
            self.doubts.add(place, what);
        } else {
            self.include(found, doubt);
        }
    }

    /// The file that a path means: NMAKE runs in the project's folder and looks there first, then beside the files that
    /// are being read, from the innermost outward.
    fn beside(&self, path: &str) -> Option<FileId> {
        let tree = self.reader.tree;
        let from = self.open.first().into_iter().chain(self.open.iter().rev());
        from.map(|file| paths::joined(folder(&tree.file(*file).path), path))
            .find_map(|path| tree.at(&path))
    }
}

/// Whether what is included is the kit's own, which opts in to nothing.
fn is_of_kit(written: &str) -> bool {
    const KNOWN: [&str; 4] = ["$(NTMAKEENV)", "$(BASEDIR)", "$(DDK_INC_PATH)", "$(SDK_INC_PATH)"];
    let written = written.trim().trim_matches('"').to_ascii_uppercase();
    written.is_empty()
        || written.starts_with('<')
        || KNOWN.iter().any(|known| written.starts_with(known))
}

impl Asked for Nmake<'_, '_> {
    fn is_defined(&self, name: &str) -> Truth {
        match self.macros.values.get(name) {
            Some(value) if value.is_certain() => Truth::Yes,
            _ => Truth::Unknown,
        }
    }

    fn value(&self, text: &str) -> Option<String> {
        let value = self.expand(&Traced::unplaced(text), "");
        let known = value.is_certain() && !value.as_str().contains('$');
        known.then(|| value.as_str().to_owned())
    }
}

/// What a line under these conditions hangs on; none where it is not read.
fn reached(open: &[Conditional], doubt: Option<Span>) -> Option<Option<Span>> {
    if open.iter().any(|one| one.truth == Truth::No) {
        return None;
    }
    let unknown = open.iter().rev().find(|one| one.truth == Truth::Unknown);
    Some(unknown.map(|one| one.place).or(doubt))
}
