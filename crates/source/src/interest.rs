//! Which files name anything that is looked for: only these are parsed.

use crate::directive::DirectiveKind;
use crate::preprocess::AllDirectives;
use crate::searcher::Searcher;
use crate::{FileId, FileKind, SourceTree, kit_new, target, vocabulary};
use foldhash::{HashSet, HashSetExt};
use rayon::prelude::*;

/// Names beside those of DDIs that files are parsed for.
const BESIDE: [&str; 11] = [
    "ExInitializeDriverRuntime",
    "DriverEntry",
    "DllInitialize",
    "GsDriverEntry",
    "__writecr0",
    "_writecr0",
    // What it finds may be written to.
    "MmGetSystemRoutineAddress",
    "__asm",
    "_asm",
    "__asm__",
    "asm",
];

/// The names that are looked for.
pub(crate) struct Interest {
    names: HashSet<String>,
    searcher: Option<Searcher>,
    /// Those that were taken in last.
    fresh: Option<Searcher>,
}

/// More names than any tree has; beyond them no further macros and wrappers are followed.
const MOST_NAMES: usize = 20_000;
/// How often macros are made of macros.
const MOST_ROUNDS: usize = 8;

impl Interest {
    /// DDIs, and the macros of the tree that come to them.
    pub(crate) fn new(tree: &SourceTree, directives: &AllDirectives) -> Interest {
        let mut interest = Interest { names: HashSet::new(), searcher: None, fresh: None };
        let of_kit = if kit_new::is_in(tree) {
            &["operator new", "operator new[]", "operator"][..]
        } else {
            &[]
        };
        let names = vocabulary::functions()
            .chain(BESIDE)
            .chain(kit_new::bodies())
            .chain(of_kit.iter().copied());
        interest.add(names.map(str::to_owned).collect(), tree, directives);
        interest
    }

    /// Takes in further names, with the macros that come to them.
    pub(crate) fn add(
        &mut self,
        mut names: Vec<String>,
        tree: &SourceTree,
        directives: &AllDirectives,
    ) {
        // Expressions call it by less than its name.
        if names.iter().any(|name| name.starts_with("operator new")) {
            names.push("new".to_owned());
        }
        let mut taken_in = Vec::new();
        for _ in 0..MOST_ROUNDS {
            names.retain(|name| !self.names.contains(name));
            if names.is_empty() || self.names.len() > MOST_NAMES {
                break;
            }
            let fresh = Searcher::of(&names);
            taken_in.extend(names.iter().cloned());
            self.names.extend(names);
            names = macros_naming(tree, directives, &fresh);
        }
        if !taken_in.is_empty() {
            let all: Vec<_> = self.names.iter().cloned().collect();
            self.searcher = Some(Searcher::of(&all));
        }
        self.fresh = Some(Searcher::of(&taken_in));
    }

    /// The places in a text where anything is named that is looked for, in its order.
    pub(crate) fn places(&self, text: &str) -> Vec<usize> {
        self.searcher.as_ref().map(|searcher| searcher.places(text)).unwrap_or_default()
    }

    /// Finds the names that were taken in last.
    pub(crate) fn fresh(&self) -> Option<&Searcher> {
        self.fresh.as_ref()
    }

    /// All names that are looked for.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// Whether a name is looked for.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// Whether a text names anything that is looked for.
    pub(crate) fn is_named_in(&self, text: &str) -> bool {
        self.searcher.as_ref().is_none_or(|searcher| searcher.is_any_in(text))
    }

    /// Whether a text names anything that was taken in last.
    pub(crate) fn is_newly_named_in(&self, text: &str) -> bool {
        self.fresh.as_ref().is_none_or(|searcher| searcher.is_any_in(text))
    }

    /// How many names are looked for.
    pub(crate) fn len(&self) -> usize {
        self.names.len()
    }
}

fn macros_naming(
    tree: &SourceTree,
    directives: &AllDirectives,
    searcher: &Searcher,
) -> Vec<String> {
    let files: Vec<FileId> = sources(tree).collect();
    let of_file = |file: &FileId| {
        let text = tree.file(*file).text.as_str();
        let named =
            directives.of(tree, *file).iter().filter_map(|directive| match &directive.kind {
                DirectiveKind::Define(define) if searcher.is_any_in(&text[define.body.clone()]) => {
                    Some(text[define.name.clone()].to_owned())
                }
                _ => None,
            });
        named.collect::<Vec<_>>()
    };
    files.par_iter().flat_map_iter(of_file).collect()
}

/// The C and C++ files of a tree that are not the kit's own.
pub(crate) fn sources(tree: &SourceTree) -> impl Iterator<Item = FileId> {
    tree.files().filter_map(|(id, file)| {
        let is_source = matches!(file.kind, FileKind::C | FileKind::Cpp | FileKind::Header);
        (is_source && !(file.kind == FileKind::Header && target::is_of_kit(&file.path)))
            .then_some(id)
    })
}
