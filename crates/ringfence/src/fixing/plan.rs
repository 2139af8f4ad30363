//! Which fixes are made.

use super::edits::{FileEdits, apply};
use super::left::{LeftBecause, LeftFix};
use super::unified::UnifiedDiff;
use ringfence_finding::{Fix, Safety, SourceEdit, SourceFinding};
use ringfence_source::{FileId, SourceTree};
use std::collections::BTreeMap;
use std::ops::Range;

/// The fixes that are made, and what each file becomes by them.
///
/// A fix is made as a whole or not at all, and no two of them touch the same text.
#[derive(Debug)]
pub struct Plan<'a> {
    tree: &'a SourceTree,
    made: Vec<Made<'a>>,
    files: BTreeMap<FileId, FileEdits<'a>>,
    left: Vec<LeftFix>,
}

/// A fix that is made, with its edits by file.
#[derive(Debug)]
struct Made<'a> {
    finding: &'a SourceFinding,
    fix: &'a Fix,
    edits: BTreeMap<FileId, FileEdits<'a>>,
}

/// Whether a plan for `most` has a look at what would fix `finding`. What is excused is none of its business, and
/// what only says that something is not known has nothing to fix. Proposed fixes are never made.
pub fn is_fixed(finding: &SourceFinding, most: Safety) -> bool {
    let safe = |fix: &Fix| fix.safety <= most && fix.safety != Safety::Proposed;
    finding.excuse.is_none() && !finding.open && finding.fix.as_ref().is_some_and(safe)
}

/// Chooses among the fixes of `findings`, which are about the files of `tree`, those no less safe than `most`.
///
/// Of two that contradict each other the safer one is made, else that of the first finding.
///
/// ```
/// use ringfence::fixing::plan;
/// use ringfence::source::{SourceText, SourceTree};
/// use ringfence::{Fix, Region, Safety, SourceEdit};
/// # use ringfence::{Level, SourceFinding, SourceMark, rule_cards};
///
/// let mut tree = SourceTree::default();
/// tree.add("a.c", SourceText::of("p = f(NonPagedPool);\n"));
/// let region = Region { line: 1, column: 7, end_line: 1, end_column: 19 };
/// let edit = SourceEdit {
///     path: "a.c".into(),
///     region,
///     replacement: "NonPagedPoolNx".into(),
///     start: 6,
///     end: 18,
/// };
/// let fix = Fix {
///     title: "pass `NonPagedPoolNx`".into(),
///     safety: Safety::Safe,
///     because: None,
///     edits: vec![edit],
/// };
/// # let mark = SourceMark { path: "a.c".into(), region, text: String::new(), lines: vec![] };
/// # let card = rule_cards().next().unwrap();
/// # let finding = SourceFinding::new(card, Level::Error, "", mark);
/// // `finding` is what a rule says of the call.
/// let findings = [finding.fixed_by(Some(fix))];
///
/// let plan = plan(&findings, Safety::Safe, &tree);
/// let file = tree.at("a.c").unwrap();
/// assert_eq!(plan.apply(file), "p = f(NonPagedPoolNx);\n");
/// assert!(plan.diff(file).to_string().ends_with(
///     "@@ -1,1 +1,1 @@\n-p = f(NonPagedPool);\n+p = f(NonPagedPoolNx);\n"
/// ));
/// ```
pub fn plan<'a>(findings: &'a [SourceFinding], most: Safety, tree: &'a SourceTree) -> Plan<'a> {
    let mut plan = Plan { tree, made: Vec::new(), files: BTreeMap::new(), left: Vec::new() };
    let fix = |finding: &'a SourceFinding| Some((finding, finding.fix.as_ref()?));
    let asked = findings.iter().filter(|finding| is_fixed(finding, most)).filter_map(fix);
    let mut asked: Vec<_> = asked.collect();
    asked.sort_by_key(|(_, fix)| fix.safety);
    for (finding, fix) in asked {
        match plan.fitting(fix) {
            Ok(edits) => plan.make(Made { finding, fix, edits }),
            Err(because) => plan.left.push(LeftFix::new(finding, fix, because)),
        }
    }
    plan
}

impl<'a> Plan<'a> {
    /// How many findings are fixed.
    pub fn fixed(&self) -> usize {
        self.made.len()
    }

    /// The edits of the fixes that are made. What several fixes have in common comes several times.
    pub fn edits(&self) -> impl Iterator<Item = &'a SourceEdit> {
        self.made.iter().flat_map(|made| &made.fix.edits)
    }

    /// The fixes that were asked for and are not made.
    pub fn left(&self) -> &[LeftFix] {
        &self.left
    }

    /// The files that change, in the order of the tree.
    pub fn files(&self) -> impl Iterator<Item = FileId> {
        self.files.keys().copied()
    }

    /// Whether `file` is one of them.
    pub(super) fn changes(&self, file: FileId) -> bool {
        self.files.contains_key(&file)
    }

    /// The text that `file` has afterwards.
    pub fn apply(&self, file: FileId) -> String {
        apply(self.tree.file(file).text.as_str(), self.edits_of(file))
    }

    /// The files that change, each with the rule of what is fixed in it, as often as that is.
    pub(super) fn rules(&self) -> impl Iterator<Item = (FileId, &'static str)> {
        let of = |made: &'_ Made<'a>| {
            let rule = made.finding.rule;
            made.edits.keys().map(move |file| (*file, rule)).collect::<Vec<_>>()
        };
        self.made.iter().flat_map(of)
    }

    /// What changes in `file`.
    pub fn diff(&self, file: FileId) -> UnifiedDiff {
        let file_now = self.tree.file(file);
        UnifiedDiff::new(self.tree.name(file), &file_now.text, self.edits_of(file))
    }

    /// The tree that it is a plan for.
    pub(super) fn tree(&self) -> &'a SourceTree {
        self.tree
    }

    /// Leaves out every fix that edits `file`; gives the files that other texts are for now.
    pub(super) fn leave(&mut self, file: FileId, because: &LeftBecause) -> Vec<FileId> {
        let made = std::mem::take(&mut self.made);
        let (left, made) = made.into_iter().partition(|made| made.edits.contains_key(&file));
        self.made = made;
        let left: Vec<Made<'_>> = left;
        for Made { finding, fix, edits } in &left {
            self.left.push(LeftFix::new(finding, fix, because.clone()));
            for (file, edits) in edits {
                if let Some(of_all) = self.files.get_mut(file) {
                    of_all.remove(edits);
                }
            }
        }
        self.files.retain(|_, edits| !edits.is_empty());
        left.into_iter().flat_map(|left| left.edits.into_keys()).collect()
    }

    pub(super) fn into_left(mut self) -> Vec<LeftFix> {
        self.left.sort();
        self.left
    }

    pub(super) fn edits_of(&self, file: FileId) -> impl Iterator<Item = (Range<usize>, &'a str)> {
        self.files.get(&file).into_iter().flat_map(FileEdits::iter)
    }

    /// The edits of `fix` by file, where all of them fit.
    fn fitting(&self, fix: &'a Fix) -> Result<BTreeMap<FileId, FileEdits<'a>>, LeftBecause> {
        let mut edits: BTreeMap<FileId, FileEdits<'_>> = BTreeMap::new();
        let mut changes = false;
        for edit in &fix.edits {
            let file = self.file(edit)?;
            changes |= self.tree.file(file).text.as_str()[edit.start..edit.end] != edit.replacement;
            let own = edits.entry(file).or_default();
            own.insert_own((edit.start..edit.end, &edit.replacement))?;
        }
        if changes { Ok(edits) } else { Err(LeftBecause::ChangesNothing) }
    }

    /// The file of `edit`, whose text has what is replaced and can hold what replaces it.
    fn file(&self, edit: &SourceEdit) -> Result<FileId, LeftBecause> {
        let path = edit.path.clone();
        let Some(file) = self.tree.at(&path) else { return Err(LeftBecause::NoSuchFile { path }) };
        let text = &self.tree.file(file).text;
        if text.as_str().get(edit.start..edit.end).is_none() {
            return Err(LeftBecause::DoesNotFit { path, start: edit.start, end: edit.end });
        }
        match text.encode(&edit.replacement) {
            Ok(_) => Ok(file),
            Err(_) => Err(LeftBecause::NotEncodable { path }),
        }
    }

    /// Adds a fix, if none of those made contradicts it.
    fn make(&mut self, made: Made<'a>) {
        let admits = |(file, edits): (&FileId, &FileEdits<'_>)| {
            self.files.get(file).is_none_or(|others| others.admit(edits))
        };
        if !made.edits.iter().all(admits) {
            let left = LeftFix::new(made.finding, made.fix, LeftBecause::Overlaps);
            return self.left.push(left);
        }
        for (file, edits) in &made.edits {
            self.files.entry(*file).or_default().add(edits);
        }
        self.made.push(made);
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{Numbers, edit, finding};
    use super::*;
    use ringfence_finding::SourceExcuse;
    use ringfence_source::SourceText;

    fn tree(files: &[(&str, &str)]) -> SourceTree {
        let mut tree = SourceTree::default();
        for (path, text) in files {
            tree.add(path, SourceText::of(*text)).unwrap();
        }
        tree
    }

    fn becomes(plan: &Plan<'_>, path: &str) -> String {
        plan.apply(plan.tree.at(path).unwrap())
    }

    fn reasons(plan: &Plan<'_>) -> Vec<LeftBecause> {
        plan.left().iter().map(|left| left.because.clone()).collect()
    }

    #[test]
    fn only_what_was_asked_for_is_fixed() {
        let tree = tree(&[("a.c", "0123456789")]);
        let one = |at: usize, safety| finding("a.c", safety, &[edit("a.c", at..at + 1, "x")]);
        let comment = SourceExcuse::Source { reason: "known".to_owned(), line: 1, path: None };
        let findings = [
            one(0, Safety::Safe),
            one(2, Safety::Unsafe),
            one(4, Safety::Proposed),
            one(6, Safety::Safe).open(),
            SourceFinding { excuse: Some(comment), ..one(8, Safety::Safe) },
        ];
        for (most, text, fixed) in [
            (Safety::Safe, "x123456789", 1),
            (Safety::Unsafe, "x1x3456789", 2),
            (Safety::Proposed, "x1x3456789", 2),
        ] {
            let plan = plan(&findings, most, &tree);
            assert_eq!((becomes(&plan, "a.c"), plan.fixed()), (text.to_owned(), fixed));
            assert_eq!(plan.left(), []);
        }
    }

    #[test]
    fn of_two_that_contradict_the_safer_is_made_then_the_first() {
        let tree = tree(&[("a.c", "0123456789")]);
        let findings = [
            finding("a.c", Safety::Unsafe, &[edit("a.c", 0..2, "unsafe")]),
            finding("a.c", Safety::Safe, &[edit("a.c", 1..3, "first")]),
            finding("a.c", Safety::Safe, &[edit("a.c", 2..4, "second")]),
        ];
        let plan = plan(&findings, Safety::Unsafe, &tree);
        assert_eq!(becomes(&plan, "a.c"), "0first3456789");
        assert_eq!(reasons(&plan), [LeftBecause::Overlaps, LeftBecause::Overlaps]);
    }

    #[test]
    fn a_fix_is_made_in_all_its_files_or_in_none() {
        let tree = tree(&[("a.c", "0123"), ("a.vcxproj", "<P></P>")]);
        let option = edit("a.vcxproj", 3..3, "<X/>");
        let findings = [
            finding("a.c", Safety::Safe, &[edit("a.c", 0..1, "x")]),
            finding("a.c", Safety::Safe, &[edit("a.c", 0..2, "y"), edit("a.vcxproj", 0..1, "y")]),
            finding("a.c", Safety::Safe, &[edit("a.c", 2..3, "z"), option.clone()]),
            finding("a.vcxproj", Safety::Safe, &[edit("./A.vcxproj", 3..3, "<X/>")]),
            finding("a.vcxproj", Safety::Safe, &[option]),
        ];
        let plan = plan(&findings, Safety::Safe, &tree);
        assert_eq!(becomes(&plan, "a.c"), "x1z3");
        assert_eq!(becomes(&plan, "a.vcxproj"), "<P><X/></P>");
        assert_eq!((plan.fixed(), reasons(&plan)), (4, vec![LeftBecause::Overlaps]));
    }

    #[test]
    fn what_does_not_fit_is_left_with_its_reason() {
        let mut tree = tree(&[("a.c", "a\u{e4}b")]);
        tree.add("ansi.c", SourceText::decode(b"\xFC").unwrap()).unwrap();
        let because = |edits: &[SourceEdit]| {
            let findings = [finding("a.c", Safety::Safe, edits)];
            let plan = plan(&findings, Safety::Safe, &tree);
            assert_eq!((plan.fixed(), plan.files().count()), (0, 0));
            plan.left()[0].because.to_string()
        };
        #[expect(clippy::reversed_empty_ranges, reason = "an edit may be anything")]
        let backwards = 2..1;
        let fine = edit("a.c", 0..1, "x");
        for (range, text) in [
            (2..3, "a.c has no text from byte 2 to byte 3"),
            (4..5, "a.c has no text from byte 4 to byte 5"),
            (backwards, "a.c has no text from byte 2 to byte 1"),
            (usize::MAX..usize::MAX, "a.c has no text from byte"),
        ] {
            assert!(because(&[fine.clone(), edit("a.c", range, "x")]).starts_with(text));
        }
        let gone = because(&[fine.clone(), edit("b.c", 0..0, "x")]);
        assert_eq!(gone, "b.c is not among the files that were read");
        let euro = because(&[fine.clone(), edit("ansi.c", 0..0, "\u{20ac}")]);
        assert_eq!(euro, "the encoding of ansi.c does not have every character of it");
        assert_eq!(
            because(&[fine.clone(), edit("a.c", 0..3, "x")]),
            "its edits overlap each other"
        );
        assert_eq!(because(&[edit("a.c", 0..1, "a")]), "it changes nothing");
        assert_eq!(because(&[]), "it changes nothing");
    }

    /// Random fixes, most of which contradict another one: whatever is chosen, no place is changed by two, and
    /// the text is the one that comes of the edits from the last to the first.
    #[test]
    fn any_plan_is_without_overlaps_and_makes_fixes_whole() {
        for seed in 0..3000 {
            let numbers = &mut Numbers::new(seed);
            let text = numbers.text(20);
            let tree = tree(&[("a.c", &text)]);
            let count = numbers.below(8);
            let mut random = || {
                let count = 1 + numbers.below(3);
                let edits: Vec<_> = (0..count)
                    .map(|_| edit("a.c", numbers.range(&text), numbers.of(&["", "x", "y\n"])))
                    .collect();
                finding("a.c", numbers.of(&[Safety::Safe, Safety::Unsafe]), &edits)
            };
            let findings: Vec<_> = (0..count).map(|_| random()).collect();
            let plan = plan(&findings, Safety::Unsafe, &tree);
            assert_eq!(plan.fixed() + plan.left().len(), findings.len());
            let fixes = plan.made.iter().flat_map(|made| &made.fix.edits);
            let mut edits: Vec<_> =
                fixes.map(|edit| (edit.start, edit.end, &*edit.replacement)).collect();
            edits.sort_unstable();
            edits.dedup();
            for pair in edits.windows(2) {
                assert!(pair[0].1 <= pair[1].0, "seed {seed}: {edits:?}");
                assert_ne!(pair[0].0..pair[0].1, pair[1].0..pair[1].1, "seed {seed}: {edits:?}");
            }
            let mut expected = text.clone();
            for (start, end, replacement) in edits.into_iter().rev() {
                expected.replace_range(start..end, replacement);
            }
            assert_eq!(becomes(&plan, "a.c"), expected, "seed {seed}");
        }
    }

    /// A fix that is left as it overlaps does overlap one that is made.
    #[test]
    fn nothing_is_left_that_could_be_made() {
        for seed in 0..1000 {
            let numbers = &mut Numbers::new(seed);
            let text = "0123456789".repeat(3);
            let tree = tree(&[("a.c", &text)]);
            let findings: Vec<_> = (0..6)
                .map(|_| finding("a.c", Safety::Safe, &[edit("a.c", numbers.range(&text), "x")]))
                .collect();
            let plan = plan(&findings, Safety::Safe, &tree);
            let made: Vec<_> = plan.made.iter().flat_map(|made| &made.fix.edits).collect();
            let is_made = |finding: &SourceFinding| {
                plan.made.iter().any(|made| std::ptr::eq(made.finding, finding))
            };
            for finding in findings.iter().filter(|&finding| !is_made(finding)) {
                let left = &finding.fix.as_ref().unwrap().edits[0];
                let in_the_way = |made: &&&SourceEdit| {
                    let shared = made.start < left.end && left.start < made.end;
                    let touched = made.start <= left.end && left.start <= made.end;
                    shared || touched && (made.start == made.end || left.start == left.end)
                };
                assert!(made.iter().any(|made| in_the_way(&made)), "seed {seed}: {left:?}");
            }
        }
    }
}
