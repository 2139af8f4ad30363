//! What a look at source code has to say as a whole.

use crate::{Fault, IdleAcceptances, SourceFinding, Targets, Tool, Unread};
use schemars::JsonSchema;
use serde::Serialize;
use std::time::Duration;

/// Version of the JSON shape. A field may be added within a version; nothing changes meaning or goes.
pub const LINT_REPORT_VERSION: u32 = 1;

/// What a look at source code has to say as a whole.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct LintReport {
    /// Version of this shape: 1.
    pub lint_report_version: u32,
    /// Who made the report.
    pub tool: Tool,
    /// The Windows versions asked about.
    #[schemars(with = "Vec<String>")]
    pub targets: Targets,
    /// What the rules have to say, by file in the order of the input, then by place.
    pub findings: Vec<SourceFinding>,
    /// Comments and pragmas in the source that accept nothing.
    pub idle_suppressions: Vec<IdleSuppression>,
    /// Acceptances of the settings that accepted nothing; there only where there are any.
    #[serde(skip_serializing_if = "IdleAcceptances::is_empty")]
    pub acceptances: IdleAcceptances,
    /// What could not be read, or not wholly, with the reason.
    pub unread: Vec<Unread>,
    /// Panics of ringfence itself; please report them.
    pub faults: Vec<Fault>,
    /// What was looked at.
    pub examined: LintCoverage,
    /// What of that is in doubt, by file and line: what in files that build it was not understood, and what is not there.
    /// Macros may be missing for it.
    pub doubts: Vec<LintDoubt>,
    /// How long it took. Never in the JSON: the same input gives the same report.
    #[serde(skip)]
    pub elapsed: Duration,
}

/// A comment or pragma in the source that accepts nothing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct IdleSuppression {
    /// The file it stands in.
    pub path: String,
    /// Its line, from 1.
    pub line: u32,
    /// What it says, such as `allow(executable-pool-type)`.
    pub text: String,
    /// Why it is told, as a fragment: nothing to accept, or no such rule.
    pub because: String,
}

/// Something that was not understood or is not there, so that macros may be missing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct LintDoubt {
    /// The file it stands in.
    pub path: String,
    /// Its line, from 1.
    pub line: u32,
    /// What is in doubt, as a fragment.
    pub what: String,
}

/// What was looked at; that nothing was found is worth no more than this.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LintCoverage {
    /// Source files read: C, C++, headers and Rust.
    pub files: usize,
    /// Those of them that name anything the rules look for, so that they were parsed.
    pub parsed: usize,
    /// Those that projects name and none builds for a processor of 64 bits: nothing is said of them.
    pub not_built: usize,
    /// Project files that gave settings.
    pub projects: usize,
    /// Calls of DDIs that matter, in code that is compiled for the targets.
    pub calls: usize,
    /// Those of which everything that decides is known.
    pub known: usize,
    /// Findings that say only that something is not known and are not shown.
    pub open_not_shown: usize,
}

impl LintCoverage {
    /// Whether there was neither a source nor a project.
    pub fn is_nothing(&self) -> bool {
        self.files + self.projects == 0
    }
}
