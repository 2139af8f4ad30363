//! The first pass over a project: its properties and imports, in the order of the files.

use super::super::budget::Doubts;
use super::super::traced::Traced;
use super::super::truth::{Branches, Truth};
use super::super::{Reader, paths, xml};
use super::condition::{Asked, holds};
use super::properties::Properties;
use crate::tree::folder;
use crate::{FileId, Span};
use roxmltree::Node;
use std::collections::{HashMap, HashSet};

/// How deep imports are followed.
const DEEPEST_IMPORT: usize = 32;
/// How deep `Choose` is followed.
const DEEPEST_CHOICE: usize = 16;
/// What an element costs to look at.
const ELEMENT: u64 = 64;

/// An item or definition group, which the second pass looks at.
#[derive(Clone, Copy)]
pub(super) struct Group<'r, 't> {
    pub(super) node: Node<'r, 't>,
    pub(super) file: FileId,
    /// What it hangs on and is not known.
    pub(super) doubt: Option<Span>,
}

/// A project under evaluation, for one configuration.
pub(super) struct Evaluation<'r, 't> {
    pub(super) reader: &'r Reader<'t>,
    pub(super) project: FileId,
    pub(super) properties: Properties<'r, 't>,
    /// What the second pass looks at, in order.
    pub(super) groups: Vec<Group<'r, 't>>,
    pub(super) doubts: Doubts,
    imported: HashSet<FileId>,
}

impl<'r, 't> Evaluation<'r, 't> {
    /// Reads `project` with these global properties.
    pub(super) fn of(
        reader: &'r Reader<'t>,
        project: FileId,
        global: HashMap<&'static str, Option<String>>,
    ) -> Evaluation<'r, 't> {
        let mut evaluation = Evaluation {
            reader,
            project,
            properties: Properties::new(reader, project, global),
            groups: Vec::new(),
            doubts: Doubts::default(),
            imported: HashSet::new(),
        };
        evaluation.implicit("Directory.Build.props", "ImportDirectoryBuildProps");
        evaluation.file(project, None, 0);
        evaluation.implicit("Directory.Build.targets", "ImportDirectoryBuildTargets");
        if reader.budget.is_spent() {
            evaluation.doubts.exhausted(Span::new(project, 0..0));
        }
        evaluation
    }

    /// Imports what MSBuild imports unasked, from the nearest folder upward that has it.
    fn implicit(&mut self, name: &str, switch: &str) {
        let tree = self.reader.tree;
        let refused = |document: &roxmltree::Document<'_>| {
            let mut elements = document.descendants().filter(|node| node.has_tag_name_of(switch));
            elements.any(|node| {
                node.text().is_some_and(|text| text.trim().eq_ignore_ascii_case("false"))
            })
        };
        if self.reader.documents.get(&self.project).is_some_and(refused) {
            return;
        }
        if let Some(found) = paths::upward(tree, folder(&tree.file(self.project).path), name) {
            self.file(found, None, 1);
        }
    }

    /// Goes through a file, once.
    fn file(&mut self, file: FileId, doubt: Option<Span>, depth: usize) {
        let Some(document) = self.reader.documents.get(&file) else { return };
        if self.imported.insert(file) {
            for node in self.children(document.root_element()) {
                self.element(file, node, doubt, (depth, 0));
            }
        }
    }

    /// Looks at a child of `Project`, `When` or `Otherwise`; `depth` counts imports and choices.
    fn element(
        &mut self,
        file: FileId,
        node: Node<'r, 't>,
        doubt: Option<Span>,
        depth: (usize, usize),
    ) {
        let Some(doubt) = self.entered(file, node, doubt) else { return };
        match node.tag_name().name() {
            "PropertyGroup" => {
                self.children(node).for_each(|child| self.property(file, child, doubt));
            }
            "Import" => self.import(file, node, doubt, depth.0),
            "ImportGroup" => {
                for child in self.children(node) {
                    if let Some(doubt) = self.entered(file, child, doubt) {
                        self.import(file, child, doubt, depth.0);
                    }
                }
            }
            "ItemDefinitionGroup" | "ItemGroup" => self.groups.push(Group { node, file, doubt }),
            "Choose" => self.choose(file, node, doubt, depth),
            "Target" => self.target(file, node),
            _ => {}
        }
    }

    /// The elements within `node`; none where the budget is spent.
    pub(super) fn children(
        &self,
        node: Node<'r, 't>,
    ) -> impl Iterator<Item = Node<'r, 't>> + use<'r, 't> {
        let budget = &self.reader.budget;
        node.children().filter(Node::is_element).take_while(|_| !budget.is_spent())
    }

    /// Whether an element holds: none if not, else what it hangs on.
    pub(super) fn entered(
        &mut self,
        file: FileId,
        node: Node<'r, 't>,
        doubt: Option<Span>,
    ) -> Option<Option<Span>> {
        if !self.reader.budget.spend(ELEMENT) {
            return None;
        }
        match self.condition(file, node) {
            Truth::Yes => Some(doubt),
            Truth::No => None,
            Truth::Unknown => Some(Some(xml::attribute_place(file, node, "Condition"))),
        }
    }

    fn condition(&self, file: FileId, node: Node<'_, '_>) -> Truth {
        let Some(condition) = node.attribute("Condition") else { return Truth::Yes };
        holds(condition, &Asker { evaluation: self, file })
    }

    fn property(&mut self, file: FileId, node: Node<'r, 't>, doubt: Option<Span>) {
        if let Some(doubt) = self.entered(file, node, doubt) {
            let value = xml::content(self.reader.tree, file, node);
            let value = self.properties.expand(&value, file, &|_| None);
            self.properties.set(node.tag_name().name(), value, doubt);
        }
    }

    fn choose(
        &mut self,
        file: FileId,
        node: Node<'r, 't>,
        doubt: Option<Span>,
        depth: (usize, usize),
    ) {
        if depth.1 >= DEEPEST_CHOICE {
            self.doubts
                .add(xml::place(file, node), "choices are nested too deep; this one is not read");
            return;
        }
        let mut branches = Branches::default();
        for branch in self.children(node) {
            let doubt = match branches.next(self.condition(file, branch)) {
                Truth::Yes => doubt,
                Truth::No => continue,
                Truth::Unknown => Some(xml::attribute_place(file, branch, "Condition")),
            };
            for child in self.children(branch) {
                self.element(file, child, doubt, (depth.0, depth.1 + 1));
            }
        }
    }

    /// Targets are run, not evaluated; what they would change is told.
    fn target(&mut self, file: FileId, node: Node<'r, 't>) {
        let changes = |node: &Node<'_, '_>| {
            ["PreprocessorDefinitions", "SectionAlignment"].contains(&node.tag_name().name())
        };
        if let Some(change) = node.descendants().find(changes) {
            self.doubts.add(
                xml::place(file, change),
                "a target sets this while it runs; targets are not run here",
            );
        }
    }

    fn import(&mut self, file: FileId, node: Node<'r, 't>, doubt: Option<Span>, depth: usize) {
        let Some(written) = xml::attribute(self.reader.tree, file, node, "Project") else { return };
        let place = xml::attribute_place(file, node, "Project");
        if depth >= DEEPEST_IMPORT {
            self.doubts.add(place, "imports are nested too deep; this one is not read");
            return;
        }
        let path = self.properties.expand(&written, file, &|_| None);
        if let Some(found) = self.resolved(file, written.as_str(), &path) {
            self.file(found, doubt, depth + 1);
        } else if path.is_certain() && doubt.is_none() && !path.as_str().trim().is_empty() {
            // The kits' own files are known by properties that only they know; this is one of the project.
            self.doubts.add(place, "this file is imported and not among those that are looked at");
        } else if doubt.is_none() && !is_of_kit(written.as_str()) {
            self.doubts.add(place, "this file is imported and it is not known where it is");
        }
    }

    /// The file of the tree that a path means. Where its beginning is not known, the nearest upward that ends so.
    fn resolved(&self, file: FileId, written: &str, path: &Traced) -> Option<FileId> {
        let tree = self.reader.tree;
        let own_folder = folder(&tree.file(file).path);
        if let Some((_, arguments)) = written.split_once("GetPathOfFileAbove(") {
            return self.path_above(file, arguments);
        }
        if path.is_certain() {
            return tree.at(&paths::joined(own_folder, path.as_str()));
        }
        if path.as_str().contains("$(VCTargetsPath") {
            return None;
        }
        self.above(file, path.as_str().rsplit(')').next()?)
    }

    /// The file that MSBuild's `GetPathOfFileAbove` finds, given what stands behind its parenthesis: the nearest from the
    /// folder that is given upward, or else from the folder of the file that asks.
    fn path_above(&self, file: FileId, arguments: &str) -> Option<FileId> {
        let own_folder = folder(&self.reader.tree.file(file).path);
        let name = arguments.split([',', ')']).next()?;
        let start = match arguments[name.len()..].strip_prefix(',') {
            None => own_folder.to_owned(),
            Some(rest) => {
                let rest = rest.trim_start();
                let given = match rest.strip_prefix(['\'', '"']) {
                    Some(quoted) => quoted.split(['\'', '"']).next()?,
                    None => rest.trim_end().strip_suffix("))").unwrap_or(rest),
                };
                let given = Traced::unplaced(given.trim());
                let given = self.properties.expand(&given, file, &|_| None);
                let is_known = !given.as_str().contains("$(");
                // Files look for their own kind above themselves.
                let given = if is_known { given.as_str() } else { ".." };
                paths::joined(own_folder, given)
            }
        };
        paths::upward(self.reader.tree, &start, name.trim().trim_matches(['\'', '"']))
    }

    /// The nearest file upward whose path ends so, and that is another one.
    fn above(&self, file: FileId, rest: &str) -> Option<FileId> {
        let tree = self.reader.tree;
        let own_folder = folder(&tree.file(file).path);
        let rest = rest.trim_start_matches(['/', '\\']);
        let found = (!rest.is_empty()).then(|| paths::upward(tree, own_folder, rest))??;
        if found == file {
            return paths::upward(tree, &paths::joined(own_folder, ".."), rest);
        }
        Some(found)
    }
}

/// Whether an import is one that every project has, by properties that only the kits and the user's settings know.
fn is_of_kit(written: &str) -> bool {
    const KNOWN: [&str; 8] = [
        "$(VCTargetsPath",
        "$(UserRootDir)",
        "$(MSBuildExtensionsPath",
        "$(MSBuildToolsPath",
        "$(WDKContentRoot)",
        "$(WDKBuildFolder)",
        "$(NuGetPackageRoot)",
        "$(LocalAppData)",
    ];
    let lower = written.to_ascii_lowercase();
    written.trim().is_empty()
        || KNOWN.iter().any(|known| lower.contains(&known.to_ascii_lowercase()))
}

/// Answers what the conditions of a file ask.
struct Asker<'e, 'r, 't> {
    evaluation: &'e Evaluation<'r, 't>,
    file: FileId,
}

impl Asked for Asker<'_, '_, '_> {
    fn value(&self, text: &str) -> Option<String> {
        let text = Traced::unplaced(text);
        // Without a place nothing is in doubt, so an unknown reference is told by what is left of it.
        let properties = &self.evaluation.properties;
        let value = properties.expand(&text, self.file, &|_| None);
        let known = value.is_certain() && !value.as_str().contains("$(");
        known.then(|| value.as_str().to_owned())
    }

    fn exists(&self, path: &str) -> Truth {
        let evaluation = self.evaluation;
        let found = match self.value(path) {
            Some(path) => evaluation.resolved(self.file, &path, &Traced::unplaced(&path)),
            // An import finds it so.
            None => {
                let path = Traced::unplaced(path);
                let path = evaluation.properties.expand(&path, self.file, &|_| None);
                below_solution(path.as_str()).and_then(|rest| evaluation.above(self.file, rest))
            }
        };
        if found.is_some() { Truth::Yes } else { Truth::Unknown }
    }
}

/// What comes behind the folder of the solution, where all else of a path is known.
fn below_solution(path: &str) -> Option<&str> {
    const SOLUTION: &str = "$(SolutionDir)";
    let (head, rest) = path.trim().split_at_checked(SOLUTION.len())?;
    (head.eq_ignore_ascii_case(SOLUTION) && !rest.contains("$(")).then_some(rest)
}

/// What `roxmltree` lacks: names regardless of the namespace, which is old MSBuild's or none.
pub(super) trait Named {
    /// Whether an element is called `name`.
    fn has_tag_name_of(&self, name: &str) -> bool;
}

impl Named for Node<'_, '_> {
    fn has_tag_name_of(&self, name: &str) -> bool {
        self.is_element() && self.tag_name().name() == name
    }
}
