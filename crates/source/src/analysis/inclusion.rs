//! Who names a header in an include, whatever conditions say: asked for headers that no unit which was read has.

use crate::directive::DirectiveKind;
use crate::preprocess::AllDirectives;
use crate::{FileId, FileKind, SourceTree, interest};
use foldhash::{HashMap, HashSet};
use std::borrow::Cow;
use std::collections::VecDeque;

/// So many sources that may include a header are looked at for one that does.
pub(super) const MOST_MAINS: usize = 8;

/// The files that name a file in an include, by its name without folders and in small letters.
pub(super) struct Inclusions<'t> {
    by_name: HashMap<Cow<'t, str>, Vec<FileId>>,
}

impl<'t> Inclusions<'t> {
    pub(super) fn new(tree: &'t SourceTree, directives: &AllDirectives) -> Inclusions<'t> {
        let mut by_name: HashMap<Cow<'t, str>, Vec<FileId>> = HashMap::default();
        for from in interest::sources(tree) {
            let text = tree.file(from).text.as_str();
            for directive in directives.of(tree, from) {
                if let DirectiveKind::Include { name } = &directive.kind {
                    let all = by_name.entry(name_of(&text[name.clone()])).or_default();
                    if all.last() != Some(&from) {
                        all.push(from);
                    }
                }
            }
        }
        Inclusions { by_name }
    }

    /// The first sources that may include a header, those first that do so by the fewest others.
    pub(super) fn mains_of(&self, tree: &SourceTree, header: FileId) -> Vec<FileId> {
        let mut mains = Vec::new();
        let mut seen: HashSet<FileId> = HashSet::default();
        seen.insert(header);
        let mut open = VecDeque::from([header]);
        while let Some(file) = open.pop_front() {
            let from = self.by_name.get(&name_of(&tree.file(file).path));
            for from in from.into_iter().flatten().copied().filter(|from| seen.insert(*from)) {
                if tree.file(from).kind == FileKind::Header {
                    open.push_back(from);
                } else {
                    mains.push(from);
                    if mains.len() == MOST_MAINS {
                        return mains;
                    }
                }
            }
        }
        mains
    }
}

fn name_of(path: &str) -> Cow<'_, str> {
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    match name.bytes().any(|letter| letter.is_ascii_uppercase()) {
        true => Cow::Owned(name.to_ascii_lowercase()),
        false => Cow::Borrowed(name),
    }
}
