//! What Windows itself said, joined with what the drivers show.

use crate::{BugCheck, Counter, Examination, Finding, Tool, Unread};
use schemars::JsonSchema;
use serde::Serialize;

/// All that `import` says.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ImportReport {
    /// The version of this format: 1.
    pub report_version: u32,
    /// What wrote it.
    pub tool: Tool,
    /// What each file says, in their order.
    pub imports: Vec<ImportedFile>,
    /// Files and drivers that could not be read.
    pub unread: Vec<Unread>,
}

/// What one file says.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ImportedFile {
    /// Its name; `-` for standard input.
    pub file: String,
    /// What it is.
    pub kind: ImportKind,
    /// Whether ringfence wrote it, of a run in the emulated kernel: Windows has no part in it then.
    pub is_emulated: bool,
    /// What a memory dump says; null for texts.
    pub dump: Option<ImportedDump>,
    /// Driver Verifier's flags, such as `0x02000000`; null where the file does not tell them.
    pub verifier_flags: Option<String>,
    /// The drivers it is about.
    pub drivers: Vec<ImportedDriver>,
    /// What is not known, a sentence each.
    pub not_known: Vec<String>,
}

impl ImportedFile {
    /// Whether it tells of something that memory integrity forbids.
    pub fn is_objection(&self) -> bool {
        let is_dump = self.dump.as_ref().is_some_and(|dump| dump.name.is_some());
        is_dump || self.drivers.iter().any(|driver| !driver.counters.is_empty())
    }
}

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ImportKind {
    /// A memory dump of the kernel.
    KernelDump,
    /// The text of `verifier /query`.
    VerifierQuery,
    /// The same of older Windows, which has no counters of code integrity.
    OlderVerifierQuery,
    /// The text of a debugger's `!verifier`.
    Debugger,
    /// The log of Microsoft's readiness script.
    ReadinessLog,
}

/// What a memory dump says.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ImportedDump {
    /// The bug check.
    pub bugcheck: BugCheck,
    /// Its name; null where it has nothing to do with memory integrity.
    pub name: Option<&'static str>,
    /// Why it has nothing to do with memory integrity, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unrelated: Option<String>,
    /// The build of Windows.
    pub windows_build: u32,
    /// The processor: `x64`, `ARM64`.
    pub machine: String,
    /// What is known of its parameters.
    pub parameters: Vec<DumpParameter>,
    /// The rules that find what it is shown for.
    pub rules: Vec<&'static str>,
    /// Where the parameter that is an address lies; null where that is not known.
    pub place: Option<DumpPlace>,
}

/// What is known of a bug check's parameter.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct DumpParameter {
    /// Which it is, from 1.
    pub number: usize,
    /// Its value in hexadecimal.
    pub value: String,
    /// What it means.
    pub means: String,
}

/// A place in a driver.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct DumpPlace {
    /// The driver's name.
    pub driver: String,
    /// Where in its image.
    pub rva: u32,
}

/// What is said of a driver.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ImportedDriver {
    /// Its name.
    pub name: String,
    /// Its file, where one was given or found.
    pub path: Option<String>,
    /// Counters that are not 0.
    pub counters: Vec<RaisedCounter>,
    /// Counters that are not known: the text lacks them, or nothing was counted. Those in neither list are 0.
    pub not_counted: Vec<Counter>,
    /// Whether all seven counters of it are known.
    pub is_whole: bool,
    /// The findings in the file that it is about.
    pub findings: Vec<Finding>,
    /// All that was found out about the file.
    #[serde(skip)]
    pub examination: Option<Box<Examination>>,
}

/// A counter that is not 0.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct RaisedCounter {
    /// Which.
    pub counter: Counter,
    /// How often it was counted.
    pub count: u64,
    /// The rules that find what it counts.
    pub rules: Vec<&'static str>,
}
