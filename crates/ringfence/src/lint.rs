//! Source code, from files to a report.

mod baseline;
mod doubts;
mod gathered;
mod suppressing;

use crate::accept::AcceptingSource;
use crate::scan::threads_or_all;
use crate::{Acceptances, Date, TOOL};
pub use baseline::LintBaseline;
use gathered::{Gathered, gather};
use ringfence_container::{Input, read_source};
use ringfence_finding::{
    Fault, LINT_REPORT_VERSION, LintCoverage, LintReport, Targets, Unread, set_source_fingerprints,
};
use ringfence_rules::Source;
use ringfence_source::{
    Analysis, FileId, FileKind, Project, SourceCall, SourceText, SourceTree, Suppression,
    Suppressions, analyse,
};
use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
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
    /// Findings that are accepted: they fail nothing.
    pub acceptances: Acceptances,
    /// The day it is, for acceptances that end; none for one on which all of them hold.
    pub today: Option<Date>,
    /// What an earlier run found: that fails nothing either.
    pub baseline: Option<Arc<LintBaseline>>,
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
            acceptances: Acceptances::default(),
            today: None,
            baseline: None,
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
/// What an input belongs to is read along, though nothing is told of it: the nearest folder above with a file that builds
/// it, and settings for whole folders above that. So a file says alone what it says among the others. What cannot be read
/// is told in the report; the rest is looked at.
pub fn lint(inputs: &[Input], settings: &LintSettings) -> Lint {
    let start = Instant::now();
    let Gathered { tree, asked, unread, left_out_by_name } = gather(inputs);
    let work = || linted(&tree, settings, Some(&asked));
    let mut report = on_threads(settings.threads, work);
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
    on_threads(settings.threads, || linted(tree, settings, None))
}

/// Does work on so many threads; for 0 on one for each processor.
pub(crate) fn on_threads<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> T {
    match rayon::ThreadPoolBuilder::new().num_threads(threads_or_all(threads)).build() {
        Ok(pool) => pool.install(work),
        // Without threads of its own, those there are do it.
        Err(_) => work(),
    }
}

fn linted(
    tree: &SourceTree,
    settings: &LintSettings,
    asked: Option<&HashSet<FileId>>,
) -> LintReport {
    let (projects, refused) = projects(tree);
    let analysis = analyse(tree, &projects, &settings.defines);
    // Who names a project asks about its sources.
    let asked = asked.map(|asked| {
        let named = projects.iter().filter(|project| asked.contains(&project.file));
        let sources: Vec<FileId> = named.flat_map(|project| project.sources.clone()).collect();
        asked.iter().copied().chain(sources).collect::<HashSet<_>>()
    });
    let suppressions = Suppressions::new(tree).all(tree, &projects);
    let looked = Looked { tree, projects: &projects, analysis: &analysis, suppressions };
    reported(looked, refused, settings, asked.as_ref())
}

/// What was found in a tree, and what of it the source says to know.
pub(crate) struct Looked<'t> {
    pub(crate) tree: &'t SourceTree,
    pub(crate) projects: &'t [Project],
    pub(crate) analysis: &'t Analysis,
    pub(crate) suppressions: Vec<Suppression>,
}

/// What the rules say of what was found; `refused` are the project files that could not be read, `asked` the files that
/// are told of, if not all.
pub(crate) fn reported(
    looked: Looked<'_>,
    refused: Vec<Unread>,
    settings: &LintSettings,
    asked: Option<&HashSet<FileId>>,
) -> LintReport {
    let Looked { tree, projects, analysis, suppressions } = looked;
    let is_asked = |file: FileId| asked.is_none_or(|asked| asked.contains(&file));
    let is_told = |path: &str| tree.at(path).is_none_or(is_asked);
    let source = Source {
        tree,
        projects,
        analysis,
        targets: settings.targets,
        strict: settings.strict,
        code_analysis: settings.code_analysis,
    };
    let mut outcome = ringfence_rules::check_source(&source);
    outcome.findings.retain(|finding| is_told(&finding.path));
    set_source_fingerprints(&mut outcome.findings);
    let idle_suppressions =
        suppressing::suppress(tree, &mut outcome.findings, &suppressions, is_asked);
    let mut accepting = AcceptingSource::new(&settings.acceptances, settings.today);
    let files = tree.files().map(|(id, _)| id).filter(|id| is_asked(*id));
    accepting.expect(files.map(|id| tree.name(id)));
    accepting.excuse(&mut outcome.findings);
    if let Some(baseline) = &settings.baseline {
        baseline.excuse(&mut outcome.findings, |path| tree.at(path).is_some());
    }
    let all = outcome.findings.len();
    if !settings.show_open {
        outcome.findings.retain(|finding| !finding.open);
    }
    let cut = analysis.cut.iter().filter(|id| is_asked(**id)).map(|id| Unread {
        path: tree.name(*id).to_owned(),
        reason: "not read to its end: it takes far more work than any source does".to_owned(),
    });
    let (refused, beside): (Vec<_>, Vec<_>) =
        refused.into_iter().partition(|unread| is_told(&unread.path));
    let unread = refused.into_iter().chain(cut).collect();
    let examined = LintCoverage {
        open_not_shown: all - outcome.findings.len(),
        ..coverage(&source, is_asked)
    };
    let doubts = doubts::of(tree, projects, analysis, &beside, is_asked);
    LintReport {
        lint_report_version: LINT_REPORT_VERSION,
        tool: TOOL,
        targets: settings.targets,
        findings: outcome.findings,
        idle_suppressions,
        acceptances: accepting.idle(),
        unread,
        faults: outcome
            .crashes
            .into_iter()
            .map(|crash| Fault { path: String::new(), rule: crash.rule, message: crash.message })
            .collect(),
        examined,
        doubts,
        elapsed: std::time::Duration::ZERO,
    }
}

/// The projects of a tree, and the project files that cannot be read.
pub(crate) fn projects(tree: &SourceTree) -> (Vec<Project>, Vec<Unread>) {
    let (projects, refused) = ringfence_source::projects(tree);
    let unread = |(file, reason)| Unread { path: tree.name(file).to_owned(), reason };
    (projects, refused.into_iter().map(unread).collect())
}

fn coverage(source: &Source<'_>, is_asked: impl Fn(FileId) -> bool) -> LintCoverage {
    let Source { tree, projects, analysis, .. } = source;
    let is_source = |kind: FileKind| kind != FileKind::Project;
    let own = |call: &&SourceCall| is_asked(call.span.file);
    let calls = analysis.calls.iter().filter(own);
    LintCoverage {
        files: tree.files().filter(|(id, file)| is_source(file.kind) && is_asked(*id)).count(),
        parsed: analysis.parsed.iter().filter(|file| is_asked(**file)).count(),
        not_built: analysis.not_built.iter().filter(|file| is_asked(**file)).count(),
        projects: projects.iter().filter(|project| is_asked(project.file)).count(),
        calls: calls.clone().count(),
        known: calls.filter(|call| source.knows(call)).count(),
        open_not_shown: 0,
    }
}

/// Reads all source behind `inputs`, with what could not be read.
pub fn read_sources(inputs: &[Input]) -> (SourceTree, Vec<Unread>) {
    let mut gathered = Gathered::default();
    gathered.read(inputs, true);
    (gathered.tree, gathered.unread)
}

/// The text of a source or project file; none where it cannot be read.
pub fn read_source_text(path: &Path) -> Option<SourceText> {
    SourceText::decode(read_source(path).ok()?).ok()
}
