//! What a run is asked to do.

use crate::TagPattern;
use std::time::Duration;

/// Which of Windows' two set-ups the driver runs in; Windows keeps them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Environment {
    /// Memory integrity is off, and Driver Verifier's code integrity checks are on.
    Verifier,
    /// Memory integrity is on: no page is ever writable and executable, whatever the driver asks for.
    Hvci,
}

/// A version of Windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// The major version, 10.
    pub major: u32,
    /// The minor version, 0.
    pub minor: u32,
    /// The build, such as 26100.
    pub build: u32,
}

/// How much a run may take. What is used up ends the run, or makes a request of the driver fail as it
/// fails on a system without memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Instructions, with what the kernel does counted as if it were instructions too.
    pub instructions: u64,
    /// Instructions of one thread, timer or work item in a row.
    pub slice: u64,
    /// Pages that are written to.
    pub frames: usize,
    /// Pages that are mapped.
    pub pages: u64,
    /// Events that are kept.
    pub events: usize,
    /// Calls of kernel functions.
    pub calls: u64,
    /// Phases.
    pub phases: usize,
    /// Allocations, objects, handles, keys and what else the kernel keeps a list of; of each so many.
    pub entries: usize,
    /// Time by the clock, looked at once in a million instructions. It is there for machines that are much slower than
    /// they should be: what else is used up is the same on each.
    pub time: Duration,
}

impl Default for Budget {
    fn default() -> Budget {
        Budget {
            instructions: 50_000_000,
            slice: 2_000_000,
            frames: 16_384,
            pages: 65_536,
            events: 20_000,
            calls: 500_000,
            phases: 512,
            entries: 8_192,
            time: Duration::from_secs(30),
        }
    }
}

/// Whether Windows would load the image. Decided outside, by the rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It would.
    Admitted,
    /// It would not with memory integrity on.
    Refused {
        /// The reason, in words.
        why: String,
    },
    /// It would not at all.
    Rejected {
        /// The reason, in words.
        why: String,
    },
}

/// Allocations fail by chance, as Driver Verifier's low resources simulation makes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faults {
    /// What chance begins with; the same gives the same run.
    pub seed: u64,
    /// How many of 10,000 allocations fail.
    pub probability: u32,
    /// The pool tags of which allocations may fail; where there are none, all allocations may.
    pub tags: Vec<TagPattern>,
    /// Whether they fail from the start. Else they do once DriverEntry has returned: Windows fails none in the first
    /// minutes after it started, so that drivers load.
    pub at_once: bool,
}

impl Faults {
    /// What a probability is of.
    pub const ALL: u64 = 10_000;
}

/// What a run is asked to do.
#[derive(Clone, Debug)]
pub struct Options {
    /// The set-up.
    pub environment: Environment,
    /// The Windows that the driver finds itself on.
    pub windows: Version,
    /// How much the run may take.
    pub budget: Budget,
    /// Whether the image is let in with memory integrity on.
    pub admission: Admission,
    /// The driver's file name, such as `acme.sys`.
    pub name: String,
    /// Whether Driver Verifier's code integrity checks (0x02000000) are on, where the environment is Driver Verifier's.
    pub code_integrity_checks: bool,
    /// Whether allocations fail by chance.
    pub faults: Option<Faults>,
    /// What the driver is told that asks for the state of code integrity; by default what is so in
    /// the environment.
    pub code_integrity: Option<u32>,
}

impl Options {
    /// A run of the driver called `name` in `environment`, on Windows 11 24H2 and with nothing else special.
    pub fn new(environment: Environment, name: &str) -> Options {
        Options {
            environment,
            windows: Version { major: 10, minor: 0, build: 26100 },
            budget: Budget::default(),
            admission: Admission::Admitted,
            name: name.to_owned(),
            code_integrity_checks: true,
            faults: None,
            code_integrity: None,
        }
    }

    /// CodeIntegrityOptions as the driver is told.
    pub(crate) fn code_integrity_bits(&self) -> u32 {
        /// CODEINTEGRITY_OPTION_ENABLED.
        const ENABLED: u32 = 0x1;
        self.code_integrity.unwrap_or(match self.environment {
            Environment::Verifier => ENABLED,
            Environment::Hvci => ENABLED | HVCI_ENABLED,
        })
    }
}

/// CODEINTEGRITY_OPTION_HVCI_KMCI_ENABLED.
pub const HVCI_ENABLED: u32 = 0x400;
