//! Source code, from files to a report.

mod suppressing;

use crate::TOOL;
use crate::scan::threads_or_all;
use ringfence_container::{Input, Source as FoundSource, Unreadable, expand_sources, read_source};
use ringfence_finding::{
    Fault, LINT_REPORT_VERSION, LintCoverage, LintReport, Targets, Unread, set_source_fingerprints,
};
use ringfence_rules::Source;
use ringfence_source::{
    Analysis, FileKind, Project, SourceText, SourceTree, analyse, suppressions,
};
use std::path::Path;
use std::time::Instant;

/// What a look at source is asked to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LintSettings {
    /// The Windows versions the questions are about.
    pub targets: Targets,
    /// Where sources disagree, whether Microsoft's documentation weighs more than what Windows was observed to do.
    pub strict: bool,
    /// Whether what only Code Analysis objects to counts against *certify*.
    pub code_analysis: bool,
    /// Whether findings are told that only say that something is not known.
    pub show_open: bool,
    /// What is defined for every file, as a compiler takes it: `NAME` or `NAME=VALUE`.
    pub defines: Vec<String>,
    /// Worker threads; 0 for as many as there are processors.
    pub threads: usize,
}

impl Default for LintSettings {
    fn default() -> LintSettings {
        LintSettings {
            targets: Targets::DEFAULT,
            strict: false,
            code_analysis: false,
            show_open: false,
            defines: Vec::new(),
            threads: 0,
        }
    }
}

/// A look at source that has ended.
#[derive(Debug)]
pub struct Lint {
    /// What there is to say.
    pub report: LintReport,
    /// The files, as they were read: fixes are made in them.
    pub tree: SourceTree,
    /// Files that the user named and that are no source, with the reason.
    pub left_out_by_name: Vec<Unread>,
}

/// Looks at all source behind `inputs`: C, C++, Rust, and the files that build them.
///
/// What cannot be read is told in the report; the rest is looked at.
pub fn lint(inputs: &[Input], settings: &LintSettings) -> Lint {
    let start = Instant::now();
    let mut left_out_by_name = Vec::new();
    let (tree, unread) = read(inputs, &mut left_out_by_name);
    let mut report = lint_tree(&tree, settings);
    report.unread.splice(0..0, unread);
    report.elapsed = start.elapsed();
    Lint { report, tree, left_out_by_name }
}

/// Looks at the files of a tree. Nothing is read; an editor gives its own texts so.
///
/// ```
/// use ringfence::source::{SourceText, SourceTree};
/// use ringfence::{LintSettings, lint_tree};
///
/// let mut tree = SourceTree::default();
/// let code = "#include <ntddk.h>\nvoid *take(void) { return ExAllocatePool(NonPagedPool, 64); }\n";
/// tree.add("take.c", SourceText::of(code));
/// let report = lint_tree(&tree, &LintSettings::default());
/// assert_eq!(report.findings[0].rule, "executable-pool-type");
/// assert_eq!((report.findings[0].line, report.findings[0].column), (2, 42));
/// ```
pub fn lint_tree(tree: &SourceTree, settings: &LintSettings) -> LintReport {
    let work = || linted(tree, settings);
    match rayon::ThreadPoolBuilder::new().num_threads(threads_or_all(settings.threads)).build() {
        Ok(pool) => pool.install(work),
        // Without threads of its own, those there are do it.
        Err(_) => work(),
    }
}

fn linted(tree: &SourceTree, settings: &LintSettings) -> LintReport {
    let (projects, refused) = projects(tree);
    let analysis = analyse(tree, &projects, &settings.defines);
    reported(tree, &projects, &analysis, refused, settings)
}

/// What the rules say of what was found in `tree`; `refused` are the project files that could not be read.
pub(crate) fn reported(
    tree: &SourceTree,
    projects: &[Project],
    analysis: &Analysis,
    refused: Vec<Unread>,
    settings: &LintSettings,
) -> LintReport {
    let source = Source {
        tree,
        projects,
        analysis,
        targets: settings.targets,
        strict: settings.strict,
        code_analysis: settings.code_analysis,
    };
    let mut outcome = ringfence_rules::check_source(&source);
    set_source_fingerprints(&mut outcome.findings);
    let idle_suppressions = suppressing::suppress(tree, &mut outcome.findings, &suppressions(tree));
    let all = outcome.findings.len();
    if !settings.show_open {
        outcome.findings.retain(|finding| !finding.open);
    }
    let path = |id| tree.file(id).path.clone();
    let cut = analysis.cut.iter().map(|id| Unread {
        path: path(*id),
        reason: "not read to its end: it takes far more work than any source does".to_owned(),
    });
    let unread = refused.into_iter().chain(cut).collect();
    let examined = LintCoverage {
        open_not_shown: all - outcome.findings.len(),
        known: outcome.known,
        ..coverage(tree, projects, analysis)
    };
    LintReport {
        lint_report_version: LINT_REPORT_VERSION,
        tool: TOOL,
        targets: settings.targets,
        findings: outcome.findings,
        idle_suppressions,
        unread,
        faults: outcome
            .crashes
            .into_iter()
            .map(|crash| Fault { path: String::new(), rule: crash.rule, message: crash.message })
            .collect(),
        examined,
        elapsed: std::time::Duration::ZERO,
    }
}

/// The projects of a tree, and the project files that cannot be read.
pub(crate) fn projects(tree: &SourceTree) -> (Vec<Project>, Vec<Unread>) {
    let (projects, refused) = ringfence_source::projects(tree);
    let unread = |(file, reason)| Unread { path: tree.file(file).path.clone(), reason };
    (projects, refused.into_iter().map(unread).collect())
}

fn coverage(tree: &SourceTree, projects: &[Project], analysis: &Analysis) -> LintCoverage {
    let is_source = |kind: FileKind| kind != FileKind::Project;
    LintCoverage {
        files: tree.files().filter(|(_, file)| is_source(file.kind)).count(),
        parsed: analysis.parsed.len(),
        projects: projects.len(),
        calls: analysis.calls.len(),
        known: 0,
        open_not_shown: 0,
    }
}

/// Reads all source behind `inputs`, with what could not be read.
pub fn read_sources(inputs: &[Input]) -> (SourceTree, Vec<Unread>) {
    read(inputs, &mut Vec::new())
}

/// The text of a source or project file; none where it cannot be read.
pub fn read_source_text(path: &Path) -> Option<SourceText> {
    SourceText::decode(&read_source(path).ok()?).ok()
}

/// Reads everything that is source, in parallel and in the order of the inputs.
fn read(inputs: &[Input], left_out: &mut Vec<Unread>) -> (SourceTree, Vec<Unread>) {
    use rayon::prelude::*;
    let found = expand_sources(inputs, |name| FileKind::of(name).is_some());
    let read = |found: Result<FoundSource, Unreadable>| {
        let source = found
            .map_err(|reason| Unread { path: reason.name.clone(), reason: reason.to_string() })?;
        let name = source.name();
        let fail = |reason: String| Unread { path: name.clone(), reason };
        if FileKind::of(&name).is_none() {
            return Ok((name, None));
        }
        let bytes = read_source(Path::new(&name)).map_err(|reason| fail(reason.to_string()))?;
        let text = SourceText::decode(&bytes).map_err(|reason| fail(reason.to_string()))?;
        Ok((name, Some(text)))
    };
    let all: Vec<Result<(String, Option<SourceText>), Unread>> =
        found.into_par_iter().map(read).collect();
    let mut tree = SourceTree::default();
    let mut unread = Vec::new();
    for one in all {
        match one {
            Ok((name, Some(text))) => {
                tree.add(&name, text);
            }
            Ok((path, None)) => left_out.push(Unread {
                path,
                reason: "neither C, C++ or Rust nor a file that builds them".to_owned(),
            }),
            Err(reason) => unread.push(reason),
        }
    }
    (tree, unread)
}
