//! All that was learnt about one driver.

use crate::{
    Answer, Call, DebugSymbols, Defect, DriverRun, Finding, Level, Question, Verdict, excuse,
};
use schemars::JsonSchema;
use serde::Serialize;

/// All that was learnt about one driver.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Examination {
    /// The name it was found under.
    pub path: String,
    /// Its size in bytes.
    pub size: u64,
    /// SHA-256 of the whole file in lower-case hexadecimal; null when hashing was switched off.
    pub sha256: Option<String>,
    /// The digest that a signature covers; null when hashing was switched off or the file has no
    /// well-formed range to hash (`defects` says why).
    pub authentihash: Option<Authentihash>,
    /// `x64`, `arm64`, `x86`, `ia64`, `arm`, or `0x` and the machine field in hexadecimal.
    pub machine: String,
    /// The three answers.
    pub verdict: Verdict,
    /// What was looked at.
    pub coverage: Coverage,
    /// What the rules have to say: errors first, then in the order of the rules, then by address.
    pub findings: Vec<Finding>,
    /// Questions whose answer fails nothing, as all that decided it is excused; see [`Finding::excuse`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub excused: Vec<Question>,
    /// Every examined call, by address; there only when asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calls: Option<Vec<Call>>,
    /// What became of it when it was run; there only when asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub runs: Vec<DriverRun>,
    /// What became of the debug file; there only where something has a place in the code and the driver
    /// names a debug file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub symbols: Option<DebugSymbols>,
    /// What is malformed.
    pub defects: Vec<Defect>,
    /// Facts about the image; none of them is a verdict.
    pub properties: Properties,
}

impl Examination {
    /// The answer to `question` as far as it counts for success or failure: what is left without the findings that
    /// are excused, and *yes* where the whole answer is.
    ///
    /// That a driver does not load hides what *run* objects to. Where the first is excused the second counts.
    pub fn counted(&self, question: Question) -> Answer {
        if self.excused.contains(&question) {
            return Answer::Yes;
        }
        if self.findings.iter().all(|finding| finding.excuse.is_none()) {
            return self.verdict.answer(question);
        }
        // An error denies what it says it does, but perhaps *certify*, which only some who object count for.
        let certify = self.verdict.reasons(Question::Certify);
        let denies = |finding: &Finding, question: Question| {
            finding.level == Level::Error
                && finding.questions.contains(&question)
                && (question != Question::Certify
                    || certify.iter().any(|reason| reason.rule == Some(finding.rule)))
        };
        excuse::left(&self.findings, &self.verdict, &denies, question)
    }
}

/// The file's digests, as far as they could be computed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Digests {
    /// See [`Examination::sha256`].
    pub sha256: Option<String>,
    /// See [`Examination::authentihash`].
    pub authentihash: Option<Authentihash>,
}

/// The Authenticode digest of the image: its bytes but for the checksum, the certificate-table
/// entry and the certificate table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Authentihash {
    /// SHA-1 in lower-case hexadecimal.
    pub sha1: String,
    /// SHA-256 in lower-case hexadecimal.
    pub sha256: String,
}

/// What was looked at; a clean verdict is worth no more than this.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Coverage {
    /// Image rules that ran.
    pub rules: usize,
    /// Section headers read.
    pub sections: usize,
    /// Imported functions read.
    pub imports: usize,
    /// Base relocations read.
    pub relocations: usize,
    /// Functions listed in the exception directory.
    pub functions: usize,
    /// What was examined of the machine code.
    pub code: Code,
    /// Whether signature, catalog and policy were examined.
    pub trust: Trust,
}

/// What was examined of the machine code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Code {
    /// Nobody looked.
    NotExamined {
        /// Why not.
        because: String,
    },
    /// Every reference to a DDI that matters was followed.
    Examined(CodeCoverage),
}

/// What became of the references to DDIs that matter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CodeCoverage {
    /// Calls of such DDIs that a known path leads to.
    pub calls: usize,
    /// Those of which everything that decides is known.
    pub known: usize,
    /// Why the others are not known, the most frequent reason first.
    pub unknown: Vec<UnknownCalls>,
    /// References to such DDIs: in code, and in data that the loader fills in or relocates.
    pub references: usize,
    /// Jumps to such a DDI that nothing in the image calls.
    pub dead_thunks: usize,
    /// References that only use the DDI's address as a value, such as storing it.
    pub data_uses: usize,
    /// Those of them that only give the DDI to a lookaside list, which calls it with the pool type
    /// that the list itself was judged by.
    pub allocate_routines: usize,
    /// References and calls in code that no known path leads to.
    pub unreached: usize,
    /// Functions read.
    pub functions: usize,
    /// Instructions read.
    pub instructions: usize,
}

/// Calls that are not known, for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct UnknownCalls {
    /// The reason, as a fragment.
    pub because: String,
    /// How many calls.
    pub calls: usize,
}

/// Whether code integrity would trust the driver; no part of *load*.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Trust {
    /// Signature, catalog and policy were not looked at.
    NotExamined,
}

/// Facts about the image; none of them is a verdict.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Properties {
    /// `PE32+` or `PE32`.
    pub format: &'static str,
    /// `native`, or another subsystem's name or number.
    pub subsystem: String,
    /// The hybrid kind, `ARM64X` or `ARM64EC`, when the load configuration carries CHPE metadata.
    pub hybrid: Option<&'static str>,
    /// Where the driver's first instruction is, relative to the image base; null for none.
    pub entry_point: Option<u32>,
    /// Section alignment in bytes.
    pub section_alignment: u32,
    /// File alignment in bytes.
    pub file_alignment: u32,
    /// Bytes the image takes in memory.
    pub size_of_image: u32,
    /// Linker version, such as `14.29`.
    pub linker: String,
    /// The newest toolset the Rich header names, such as `Visual Studio 2013`.
    pub toolset: Option<String>,
    /// The header's time stamp, in seconds since 1970 or, for reproducible builds, a hash.
    pub timestamp: u32,
    /// Whether a debug entry says that the time stamp is a hash of the content.
    pub reproducible: bool,
    /// The debug file the linker wrote.
    pub debug_file: Option<DebugFile>,
    /// What the version resource says.
    pub version: Option<Version>,
    /// Length in bytes of the embedded certificate table; 0 for none. Nothing in it was checked.
    pub certificate_table: u32,
    /// Protections the image opts in to. None is a criterion of memory integrity.
    pub mitigations: Mitigations,
    /// The section table.
    pub sections: Vec<Section>,
    /// The modules it imports from.
    pub imports: Vec<Imported>,
    /// Number of exported addresses.
    pub exports: usize,
}

/// The debug file the linker wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct DebugFile {
    /// Path as stored in the image.
    pub path: String,
    /// GUID in the usual form with hyphens.
    pub guid: String,
    /// Age.
    pub age: u32,
}

/// What the version resource says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Version {
    /// The binary file version, `1.2.3.4`.
    pub file: Option<String>,
    /// `CompanyName`.
    pub company: Option<String>,
    /// `FileDescription`.
    pub description: Option<String>,
    /// `ProductName`.
    pub product: Option<String>,
    /// `OriginalFilename`.
    pub original_filename: Option<String>,
}

/// Protections the image opts in to. None is a criterion of memory integrity.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Mitigations {
    /// DYNAMIC_BASE.
    pub dynamic_base: bool,
    /// HIGH_ENTROPY_VA.
    pub high_entropy_va: bool,
    /// NX_COMPAT.
    pub nx_compat: bool,
    /// FORCE_INTEGRITY, the linker's /INTEGRITYCHECK.
    pub force_integrity: bool,
    /// GUARD_CF.
    pub control_flow_guard: bool,
    /// CET_COMPAT of the extended DLL characteristics.
    pub cet_compat: bool,
}

/// A section, as its header states it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Section {
    /// Name; bytes that are not printable ASCII are escaped.
    pub name: String,
    /// Start in memory relative to the image base.
    pub rva: u32,
    /// Bytes in memory.
    pub virtual_size: u32,
    /// Start in the file.
    pub raw_offset: u32,
    /// Bytes in the file.
    pub raw_size: u32,
    /// Rights in the form `rwx`, with `-` for those it lacks.
    pub rights: String,
    /// Whether it is thrown away after initialisation.
    pub discardable: bool,
    /// The Characteristics field.
    pub characteristics: u32,
}

/// A module the driver imports from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Imported {
    /// Module name as written.
    pub module: String,
    /// How many functions.
    pub functions: usize,
    /// Whether it is bound on first use.
    pub delayed: bool,
}
