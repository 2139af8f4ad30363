//! What holds of the lint of any small tree; fuzzing asserts the part that holds whatever the bytes.

use ringfence::source::{FileId, SourceText, SourceTree};
use ringfence::{LintReport, LintSettings, Linter, Region, Safety, SourceEdit, fixing};
use std::collections::{BTreeMap, HashSet};

/// What a part of the bytes may be called, by its first byte.
pub const NAMES: [&str; 10] = [
    "a.c",
    "b.cpp",
    "a.h",
    "sub/c.c",
    "lib.rs",
    "driver.vcxproj",
    "sources",
    "CMakeLists.txt",
    "Directory.Build.props",
    "compile_commands.json",
];
/// What stands between two parts.
pub const SEPARATOR: u8 = b'\x0C';
/// How often fixes are made of what is left: two of one place wait for each other.
const MOST_ROUNDS: usize = 16;

/// The tree that bytes are made into.
fn tree(bytes: &[u8]) -> SourceTree {
    let mut tree = SourceTree::default();
    for part in bytes.split(|byte| *byte == SEPARATOR).take(NAMES.len()) {
        let Some((first, text)) = part.split_first() else { continue };
        let name = NAMES[usize::from(*first) % NAMES.len()];
        if let Ok(text) = SourceText::decode(text) {
            tree.add(name, text);
        }
    }
    tree
}

fn settings() -> LintSettings {
    LintSettings { show_open: true, ..LintSettings::default() }
}

/// Looks at the tree that bytes are made into, makes its fixes once, and looks again. Of code that no parser understands
/// there is nothing to say of what fixes leave.
pub fn check_whatever(bytes: &[u8]) {
    let tree = tree(bytes);
    let report = Linter::new(tree.clone(), settings()).look();
    report_holds(&tree, &report);
    for most in [Safety::Safe, Safety::Unsafe] {
        let plan = fixing::plan(&report.findings, most, &tree);
        let mut after = tree.clone();
        for file in plan.files().collect::<Vec<_>>() {
            let path = tree.file(file).path.clone();
            after.add(&path, SourceText::of(plan.apply(file).as_str()));
        }
        report_holds(&after, &Linter::new(after.clone(), settings()).look());
    }
}

/// Looks at the tree that bytes are made into, and makes all its fixes.
pub fn check(bytes: &[u8]) {
    let tree = tree(bytes);
    let mut linter = Linter::new(tree.clone(), settings());
    let report = linter.look();
    report_holds(&tree, &report);
    for (file, _) in tree.files() {
        alone_as_among_others(&mut linter, &report, file);
    }
    for most in [Safety::Safe, Safety::Unsafe] {
        fixes_hold(&tree, &report, most);
    }
}

fn report_holds(tree: &SourceTree, report: &LintReport) {
    assert_eq!(report.faults, [], "a rule panics");
    let mut known = HashSet::new();
    for finding in &report.findings {
        region_fits(tree, &finding.path, finding.mark.region);
        assert_eq!((finding.line, finding.column), {
            let region = finding.mark.region;
            (region.line, region.column)
        });
        for mark in &finding.related {
            region_fits(tree, &mark.path, mark.region);
        }
        for fix in finding.fix.iter().chain(&finding.other_fixes) {
            assert_eq!(fix.because.is_none(), fix.safety == Safety::Safe, "{fix:?}");
            assert_ne!(fix.edits, [], "{finding:?}");
            edits_fit(tree, &fix.edits);
        }
        let print = (&finding.path, &finding.fingerprint);
        assert!(known.insert(print), "two findings are known by {print:?}");
    }
}

fn region_fits(tree: &SourceTree, path: &str, region: Region) {
    let file = tree.file(tree.at(path).expect("a finding stands in a file"));
    let lines = file.text.as_str().split('\n').count() + file.text.as_str().matches('\r').count();
    let (start, end) = ((region.line, region.column), (region.end_line, region.end_column));
    assert!(start <= end && region.line >= 1 && region.column >= 1, "{path}: {region:?}");
    assert!(region.end_line as usize <= lines, "{path}: {region:?}");
}

/// The edits of one fix are about whole letters of their files, and none is over another.
fn edits_fit(tree: &SourceTree, edits: &[SourceEdit]) {
    let mut sorted: Vec<&SourceEdit> = edits.iter().collect();
    sorted.sort_by_key(|edit| (&edit.path, edit.start, edit.end));
    for edit in &sorted {
        let file = tree.at(&edit.path).expect("an edit is of a file");
        let text = tree.file(file).text.as_str();
        assert!(text.get(edit.start..edit.end).is_some(), "{edit:?} is no part of {text:?}");
        region_fits(tree, &edit.path, edit.region);
    }
    for pair in sorted.windows(2).filter(|pair| pair[0].path == pair[1].path) {
        assert!(pair[0].end <= pair[1].start, "{pair:?} overlap");
    }
}

/// A file that is looked at alone says what it says among the others.
fn alone_as_among_others(linter: &mut Linter, report: &LintReport, file: FileId) {
    let path = linter.tree().name(file).to_owned();
    let text = linter.tree().file(file).text.clone();
    assert_eq!(linter.put(&path, text), Some(file));
    let Some(alone) = linter.look_at(file) else { return };
    let among: Vec<_> = report.findings.iter().filter(|one| one.path == path).cloned().collect();
    assert_eq!(alone.findings, among, "{path} says other things alone");
}

/// Fixes are made until nothing is left to do, and add nothing.
fn fixes_hold(tree: &SourceTree, report: &LintReport, most: Safety) {
    let mut linter = Linter::new(tree.clone(), settings());
    let mut report = report.clone();
    for _ in 0..MOST_ROUNDS {
        let before = linter.tree().clone();
        let plan = fixing::plan(&report.findings, most, &before);
        let changed: Vec<(FileId, String)> =
            plan.files().map(|file| (file, plan.apply(file))).collect();
        if changed.is_empty() {
            return;
        }
        for (file, text) in &changed {
            let old = before.file(*file);
            assert_ne!(old.text.as_str(), text, "a plan changes nothing");
            linter.put(&old.path, SourceText::of(text.as_str()));
        }
        let after = linter.look();
        report_holds(linter.tree(), &after);
        let (was, is) = (by_rule(&report), by_rule(&after));
        for (rule, count) in &is {
            let before_it = was.get(rule).copied().unwrap_or_default();
            let texts = || before.files().map(|(_, file)| file.text.as_str()).collect::<Vec<_>>();
            assert!(
                *count <= before_it,
                "{rule:?} is found more often: {:#?} became {changed:#?}",
                texts()
            );
        }
        report = after;
    }
    panic!("fixes never end");
}

/// How many findings there are of each rule, and how many of them say more than that something is not known: that is
/// what may be left of one when a part of it is mended.
fn by_rule(report: &LintReport) -> BTreeMap<(&'static str, bool), usize> {
    let mut counts = BTreeMap::new();
    for finding in &report.findings {
        *counts.entry((finding.rule, true)).or_default() += 1;
        *counts.entry((finding.rule, false)).or_default() += usize::from(!finding.open);
    }
    counts
}
