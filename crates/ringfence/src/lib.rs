//! Tells whether a Windows kernel driver can live with memory integrity (HVCI), on any machine.
//!
//! The answer is three answers, because the question is three questions: does the image **load**,
//! does it **run**, would it be **certified**. Each is yes, no or unknown, and says what decided.
//!
//! ```
//! use ringfence::{Answer, Settings, examine};
//!
//! let bytes = ringfence_fixture::driver().iat_in(".text").bytes();
//! let examination = examine(&bytes, &Settings::default())?;
//! assert_eq!(examination.verdict.load, Answer::No);
//! assert_eq!(examination.findings[0].rule, "executable-import-table");
//! # Ok::<(), ringfence::NotExamined>(())
//! ```
//!
//! What a driver asks the kernel for is data too, with [`Settings::calls`]:
//!
//! ```
//! use ringfence::{Answer, CallAnswer, Settings, examine};
//!
//! # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/drivers/executable-pool-x64.sys");
//! let bytes = std::fs::read(path)?;
//! let settings = Settings { calls: true, ..Settings::default() };
//! let examination = examine(&bytes, &settings)?;
//!
//! // One line a call: `50af ExAllocatePoolWithTag ["NonPagedPool (0)"] violation`.
//! for call in examination.calls.iter().flatten() {
//!     println!("{:x} {} {:?} {}", call.rva, call.ddi, call.words, call.answer);
//! }
//! let bad = |call: &&ringfence::Call| call.answer == CallAnswer::Violation;
//! assert_eq!(examination.calls.iter().flatten().filter(bad).count(), 1);
//!
//! // And what follows for the three questions, with the reasons.
//! assert_eq!(examination.verdict.certify, Answer::No);
//! assert_eq!(examination.verdict.because.certify[0].rule, Some("executable-pool-type"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`scan`] does the same for files and folders, in parallel, and tells a [`Sink`] what it finds.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod accept;
mod baseline;
mod bug_check_page;
mod certify;
mod configuration;
mod date;
mod ddi_page;
mod difference;
mod digest;
mod examine;
mod excuse;
mod explain;
pub mod fixing;
pub mod import;
mod known;
mod lint;
mod linter;
mod look;
mod ordered;
mod properties;
mod recorded;
mod running;
mod scan;
mod settings;
mod similar;
mod source_lines;
mod timing;

pub use accept::{Acceptance, Acceptances, Function, PathPattern};
pub use baseline::Baseline;
pub use bug_check_page::BugCheckPage;
pub use certify::{certification, certify, certifying};
pub use configuration::{BadSetting, Configuration, Located};
pub use date::Date;
pub use ddi_page::ddis;
pub use difference::{Side, compare, is_report};
pub use examine::{LeftOutBecause, NotExamined, examine, examine_with_symbols};
pub use explain::{Explanation, NotKnown, explain, rule_cards, rules_judging};
pub use lint::{Lint, LintBaseline, LintSettings, lint, lint_tree, read_source_text, read_sources};
pub use linter::Linter;
pub use recorded::{
    NotRecorded, RecordedCode, RecordedCoverage, RecordedDriver, RecordedExcuse, RecordedFinding,
    RecordedImport, RecordedProperties, RecordedScan, RecordedSection, RecordedSource,
    RecordedVerdict, open_recorded, read_recorded,
};
pub use ringfence_container::{
    Draft, Head, Input, LARGEST_IMAGE, SETTINGS_FILE, SymbolFolder, Unreadable, head_of,
    kept_from_overwriting, nearest_settings, read_head, read_settings,
};
pub use ringfence_ddi as ddi;
pub use ringfence_finding::{
    Answer, AnswerChange, Asking, BugCheck, Call, CallAnswer, Certification, CertificationReport,
    Change, Closing, Code, CodeCoverage, Compared, ComparedFinding, ComparedSection, Confidence,
    Counted, Counter, Coverage, DebugSymbols, Difference, DifferenceTally, DriverDifference,
    DriverRun, DumpParameter, DumpPlace, Evidence, Examination, Excuse, Fault, Finding, Fix, Gap,
    IdleAcceptance, IdleAcceptances, IdleSuppression, ImportChange, ImportKind, ImportReport,
    ImportedDriver, ImportedDump, ImportedFile, InlinedCall, Level, LintCoverage, LintDoubt,
    LintReport, LoneDriver, LowResources, Objection, Outcome, Question, RaisedCounter, Region,
    Regraded, Report, RuleCard, RunEnd, RunEnvironment, RunPhase, Safety, SectionChange, Seen, Sku,
    SourceEdit, SourceExcuse, SourceFinding, SourceMark, SourcePlace, StackFrame, TARGETS, Target,
    Targets, Tool, Totals, UnknownTarget, Unread, Verdict,
};
pub use ringfence_report as report;
pub use ringfence_report::Sink;
pub use ringfence_source as source;
pub use ringfence_verifier::{Faults, NoTag, TagPattern};
pub use running::RunSettings;
pub use scan::{Progress, Scan, collect, scan};
pub use settings::Settings;
pub use similar::similar;
pub use timing::{Stage, Timings};

/// This program, as reports name it.
pub const TOOL: Tool = Tool { name: "ringfence", version: env!("CARGO_PKG_VERSION") };
