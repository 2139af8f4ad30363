//! The vocabulary of ringfence: rule card, finding, evidence, target, verdict, examination, report.
//!
//! Plain data. Nothing here reads a file or knows what a PE image is; rules fill these types in and
//! report formats write them out.
//!
//! ```
//! use ringfence_finding::{Answer, Gap, Question, Targets, decide};
//!
//! // No findings, but the machine code was not looked at: `load` can be answered, `run` cannot.
//! let gap = Gap::new(&[Question::Run, Question::Certify], "machine code not examined");
//! let verdict = decide(&[], &[gap], Targets::DEFAULT, false);
//! assert_eq!(verdict.load, Answer::Yes);
//! assert_eq!(verdict.run, Answer::Unknown);
//! ```
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod acceptance;
mod call;
mod card;
mod certification;
mod defect;
mod difference;
mod evidence;
mod examination;
mod excuse;
mod finding;
mod fingerprint;
mod import_report;
mod lint_report;
mod low_resources;
mod report;
mod run;
mod seen_call;
mod source;
mod source_finding;
mod source_fingerprint;
mod target;
mod verdict;

pub use acceptance::{IdleAcceptance, IdleAcceptances};
pub use call::{Argument, Call, CallAnswer, Choice, Via};
pub use card::{RuleCard, Sense, bug_check_subcode, same_name};
pub use certification::{
    BASIS, Basis, Certification, CertificationReport, Counted, Counter, Counting, HLK_TEST,
    HlkTest, Objection, Outcome, OutcomeTally, Sku,
};
pub use defect::Defect;
pub use difference::{
    AnswerChange, Change, Compared, ComparedFinding, ComparedSection, Difference, DifferenceTally,
    DriverDifference, ImportChange, LoneDriver, Regraded, SectionChange,
};
pub use evidence::{Entered, Evidence, Instruction, Listing, Mark, Pointer, Row, Table};
pub use examination::{
    Authentihash, Code, CodeCoverage, Coverage, DebugFile, Digests, Examination, Imported,
    Mitigations, Properties, Section, Trust, UnknownCalls, Version,
};
pub use excuse::{Excuse, excused};
pub use finding::{Authority, Confidence, Finding, Level};
pub use fingerprint::{set_fingerprints, stable_hash};
pub use import_report::{
    DumpParameter, DumpPlace, ImportKind, ImportReport, ImportedDriver, ImportedDump, ImportedFile,
    RaisedCounter,
};
pub use lint_report::{IdleSuppression, LINT_REPORT_VERSION, LintCoverage, LintDoubt, LintReport};
pub use low_resources::LowResources;
pub use report::{
    Closing, ExcusedTotals, Fault, LeftOut, REPORT_VERSION, Report, RuleTally, Tally, Tool, Totals,
    Unread,
};
pub use run::{
    Asking, BugCheck, DriverRun, RunEnd, RunEnvironment, RunPhase, Seen, StackFrame, Stop,
    TraceLine,
};
pub use seen_call::SeenCall;
pub use source::{DebugSymbols, InlinedCall, SourcePlace};
pub use source_finding::{
    Fix, Region, Safety, SourceEdit, SourceExcuse, SourceFinding, SourceMark,
};
pub use source_fingerprint::set_source_fingerprints;
pub use target::{TARGETS, Target, Targets, UnknownTarget};
pub use verdict::{Answer, Because, Gap, Question, Reason, Verdict, decide};
