//! The second pass: what is said of all sources, of single ones, and of the linker.

use super::super::traced::Traced;
use super::super::{paths, xml};
use super::evaluation::{Evaluation, Group};
use crate::{FileId, FileKind, Span};
use roxmltree::Node;
use std::collections::{HashMap, HashSet};

/// What is kept of items, by kind and name.
const KEPT: [(&str, &str); 15] = [
    ("ClCompile", "PreprocessorDefinitions"),
    ("ClCompile", "UndefinePreprocessorDefinitions"),
    ("ClCompile", "AdditionalOptions"),
    ("ClCompile", "ForcedIncludeFiles"),
    ("ClCompile", "AdditionalIncludeDirectories"),
    ("ClCompile", "ControlFlowGuard"),
    ("ClCompile", "ExcludedFromBuild"),
    ("ClCompile", "DisableSpecificWarnings"),
    ("Link", "SectionAlignment"),
    ("Link", "MergeSections"),
    ("Link", "SpecifySectionAttributes"),
    ("Link", "AdditionalOptions"),
    ("Link", "Driver"),
    ("Link", "SubSystem"),
    ("Link", "EntryPointSymbol"),
];

/// Metadata by kind and name of items.
pub(super) type Metadata = HashMap<(&'static str, &'static str), Traced>;

/// A source or header of the project.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) file: FileId,
    /// What it has beside the definitions; what takes their values over has them in it.
    pub(super) own: Metadata,
    /// Where it says so.
    pub(super) place: Option<Span>,
}

/// An element that says something, and whether it surely holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Written {
    pub(super) kind: &'static str,
    /// The metadata's name; none for the element around all.
    pub(super) name: Option<&'static str>,
    /// All of it.
    pub(super) place: Span,
    pub(super) certain: bool,
    /// Whether it is about single sources.
    pub(super) of_item: bool,
    /// Whether it takes over what was said before.
    pub(super) takes_over: bool,
}

/// What the second pass found.
#[derive(Default)]
pub(super) struct Items {
    pub(super) definitions: Metadata,
    /// Those by which sources are known to be listed, each once.
    pub(super) items: Vec<Item>,
    by_file: HashMap<FileId, usize>,
    /// Whether any source was listed, in the tree or not.
    pub(super) lists: bool,
    /// Every element that said something, in order.
    pub(super) written: Vec<Written>,
}

/// The kept kind and name that an element is.
fn kept(kind: &str, name: &str) -> Option<(&'static str, &'static str)> {
    let is_it = |known: &&(&str, &str)| known.0 == kind && known.1.eq_ignore_ascii_case(name);
    KEPT.iter().find(is_it).copied()
}

fn kind_of(node: Node<'_, '_>) -> Option<&'static str> {
    ["ClCompile", "Link", "ClInclude"].into_iter().find(|kind| node.tag_name().name() == *kind)
}

impl Items {
    /// Goes through the groups: first all definitions, then all items.
    pub(super) fn of<'r, 't>(evaluation: &mut Evaluation<'r, 't>) -> Items {
        let mut items = Items::default();
        let groups = std::mem::take(&mut evaluation.groups);
        let is_definition =
            |group: &&Group<'_, '_>| group.node.tag_name().name() == "ItemDefinitionGroup";
        for group in groups.iter().filter(is_definition) {
            for node in evaluation.children(group.node) {
                items.define(evaluation, group, node);
            }
        }
        for group in groups.iter().filter(|group| !is_definition(group)) {
            for node in evaluation.children(group.node) {
                items.item(evaluation, group, node);
            }
        }
        evaluation.groups = groups;
        items
    }

    fn define<'r, 't>(
        &mut self,
        evaluation: &mut Evaluation<'r, 't>,
        group: &Group<'r, 't>,
        node: Node<'r, 't>,
    ) {
        let Some(kind) = kind_of(node) else { return };
        let Some(doubt) = evaluation.entered(group.file, node, group.doubt) else { return };
        let place = xml::place(group.file, node);
        let certain = doubt.is_none();
        self.written.push(Written {
            kind,
            name: None,
            place,
            certain,
            of_item: false,
            takes_over: true,
        });
        for child in evaluation.children(node) {
            let Some(key) = kept(kind, child.tag_name().name()) else { continue };
            let Some(doubt) = evaluation.entered(group.file, child, doubt) else { continue };
            let inherited = self.definitions.get(&key).cloned().unwrap_or_default();
            let value = valued(evaluation, group.file, child, key, &inherited, doubt);
            self.definitions.insert(key, value);
            let (place, certain) = (xml::place(group.file, child), doubt.is_none());
            self.written.push(Written {
                kind,
                name: Some(key.1),
                place,
                certain,
                of_item: false,
                takes_over: takes_over(child, key),
            });
        }
    }

    fn item<'r, 't>(
        &mut self,
        evaluation: &mut Evaluation<'r, 't>,
        group: &Group<'r, 't>,
        node: Node<'r, 't>,
    ) {
        let kind = match kind_of(node) {
            Some(kind @ ("ClCompile" | "ClInclude")) => kind,
            _ => return,
        };
        let Some(doubt) = evaluation.entered(group.file, node, group.doubt) else { return };
        let mut files = |name: &str| named(evaluation, group.file, node, name);
        let (included, removed, updated) = (files("Include"), files("Remove"), files("Update"));
        if let Some(removed) = removed
            && doubt.is_none()
        {
            let removed: HashSet<FileId> = removed.into_iter().collect();
            self.items.retain(|item| !removed.contains(&item.file));
            self.by_file = (0..).zip(&self.items).map(|(index, item)| (item.file, index)).collect();
        }
        if let Some(mut included) = included {
            self.lists |= kind == "ClCompile";
            let excluded: HashSet<FileId> =
                files("Exclude").unwrap_or_default().into_iter().collect();
            included.retain(|file| !excluded.contains(file));
            for file in included {
                self.include(file, xml::place(group.file, node));
                self.metadata(evaluation, group.file, node, file, doubt);
            }
        }
        for file in updated.unwrap_or_default() {
            if self.by_file.contains_key(&file) {
                self.metadata(evaluation, group.file, node, file, doubt);
            }
        }
    }

    fn include(&mut self, file: FileId, place: Span) {
        let next = self.items.len();
        if *self.by_file.entry(file).or_insert(next) == next {
            self.items.push(Item { file, own: Metadata::new(), place: Some(place) });
        }
    }

    /// What an item says of one of its sources.
    fn metadata<'r, 't>(
        &mut self,
        evaluation: &mut Evaluation<'r, 't>,
        file: FileId,
        node: Node<'r, 't>,
        of: FileId,
        doubt: Option<Span>,
    ) {
        for child in evaluation.children(node) {
            let Some(key) = kept("ClCompile", child.tag_name().name()) else { continue };
            let Some(doubt) = evaluation.entered(file, child, doubt) else { continue };
            let Some(item) = self.by_file.get(&of).and_then(|index| self.items.get_mut(*index))
            else {
                continue;
            };
            let inherited = item.own.get(&key).or_else(|| self.definitions.get(&key));
            let inherited = inherited.cloned().unwrap_or_default();
            let value = valued(evaluation, file, child, key, &inherited, doubt);
            item.own.insert(key, value);
            let place = xml::place(file, child);
            item.place = Some(place);
            self.written.push(Written {
                kind: key.0,
                name: Some(key.1),
                place,
                certain: doubt.is_none(),
                of_item: true,
                takes_over: takes_over(child, key),
            });
        }
    }
}

/// Whether an element takes over what was said before it.
fn takes_over(node: Node<'_, '_>, key: (&str, &str)) -> bool {
    let text = node.text().unwrap_or_default();
    text.contains(&format!("%({})", key.1)) || text.contains(&format!("%({}.{})", key.0, key.1))
}

/// What an element makes of the value so far.
fn valued<'r, 't>(
    evaluation: &mut Evaluation<'r, 't>,
    file: FileId,
    node: Node<'r, 't>,
    key: (&str, &str),
    inherited: &Traced,
    doubt: Option<Span>,
) -> Traced {
    let takes_over = |asked: &str| {
        let name = match asked.split_once('.') {
            Some((kind, name)) if kind.trim().eq_ignore_ascii_case(key.0) => name.trim(),
            _ => asked,
        };
        name.eq_ignore_ascii_case(key.1).then(|| inherited.clone())
    };
    let content = xml::content(evaluation.reader.tree, file, node);
    let value = evaluation.properties.expand(&content, file, &takes_over);
    if !evaluation.reader.budget.spend(value.cost()) {
        return inherited.clone();
    }
    match doubt {
        Some(doubt) => inherited.perhaps(&value, ";", doubt),
        None => value,
    }
}

/// The sources of the tree that an attribute names; none where there is no such attribute.
fn named<'r, 't>(
    evaluation: &mut Evaluation<'r, 't>,
    file: FileId,
    node: Node<'r, 't>,
    name: &str,
) -> Option<Vec<FileId>> {
    let reader = evaluation.reader;
    let written = xml::attribute(reader.tree, file, node, name)?;
    let written = evaluation.properties.expand(&written, file, &|_| None);
    let mut found = Vec::new();
    if !reader.budget.afford_words(&written) {
        return Some(found);
    }
    for one in written.split(|letter| letter == ';') {
        let one = one.trim();
        let place = one.span().unwrap_or_else(|| xml::place(file, node));
        if one.as_str().is_empty() || !reader.budget.spend(one.cost()) {
            continue;
        }
        if !one.is_certain() && one.as_str().contains(['$', '@', '%']) {
            let rest = one.as_str().rsplit(')').next().unwrap_or_default();
            let rest = rest.trim_start_matches(['/', '\\']);
            let base = evaluation.properties.base();
            match paths::upward(reader.tree, base, rest).filter(|_| !rest.is_empty()) {
                Some(source) => found.push(source),
                None => evaluation.doubts.add(place, "which sources this names is not known"),
            }
            continue;
        }
        let path = paths::joined(evaluation.properties.base(), one.as_str());
        if !path.contains(['*', '?']) {
            found.extend(reader.tree.at(&path));
            continue;
        }
        match reader.paths.matching(&path, &reader.budget) {
            Some(matching) => found.extend(matching),
            None => evaluation.doubts.add(place, "this pattern is too much to evaluate"),
        }
    }
    found.retain(|id| reader.tree.file(*id).kind != FileKind::Project);
    Some(found)
}
