//! What the HLK test would object to, in the terms of Windows' own tools.

use crate::{Closing, Confidence, Fault, LeftOut, Targets, Tool, Unread};
use schemars::JsonSchema;
use serde::Serialize;
use std::fmt;

/// What Driver Verifier's code-integrity option counts for each driver. `!verifier`, `verifier /query`
/// and the readiness script print these seven, by these names and in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
pub enum Counter {
    /// Requests for pool that is executable; bug check 0xC4, 0x2000.
    #[serde(rename = "Execute Pool Type Count")]
    ExecutePoolType,
    /// Requests for executable page protections; 0xC4, 0x2001.
    #[serde(rename = "Execute Page Protection Count")]
    ExecutePageProtection,
    /// Mappings of MDLs without `MdlMappingNoExecute`; 0xC4, 0x2002.
    #[serde(rename = "Execute Page Mapping Count")]
    ExecutePageMapping,
    /// Sections that are writable and executable; 0xC4, 0x2003.
    #[serde(rename = "Execute-Write Section Count")]
    ExecuteWriteSection,
    /// Sections of an image whose SectionAlignment is no multiple of a page; 0xC4, 0x2004.
    #[serde(rename = "Section Alignment Failures")]
    SectionAlignment,
    /// Relocations that Windows before 1703 could not apply page by page; 0xC4, 0x2005 there.
    #[serde(rename = "Unsupported Relocs Count")]
    UnsupportedRelocs,
    /// Executable sections that the import address table begins in; 0xC4, 0x2005, or 0x2006 before 1703.
    #[serde(rename = "IAT in Executable Section Count")]
    ExecutableImportTable,
}

impl Counter {
    /// All seven, in the order that Windows prints them.
    pub const ALL: [Counter; 7] = [
        Counter::ExecutePoolType,
        Counter::ExecutePageProtection,
        Counter::ExecutePageMapping,
        Counter::ExecuteWriteSection,
        Counter::SectionAlignment,
        Counter::UnsupportedRelocs,
        Counter::ExecutableImportTable,
    ];

    /// Those that calls of the running driver raise.
    pub const OF_CALLS: [Counter; 3] =
        [Counter::ExecutePoolType, Counter::ExecutePageProtection, Counter::ExecutePageMapping];

    /// The name in Windows' own tools.
    pub fn name(self) -> &'static str {
        match self {
            Counter::ExecutePoolType => "Execute Pool Type Count",
            Counter::ExecutePageProtection => "Execute Page Protection Count",
            Counter::ExecutePageMapping => "Execute Page Mapping Count",
            Counter::ExecuteWriteSection => "Execute-Write Section Count",
            Counter::SectionAlignment => "Section Alignment Failures",
            Counter::UnsupportedRelocs => "Unsupported Relocs Count",
            Counter::ExecutableImportTable => "IAT in Executable Section Count",
        }
    }

    /// The counter that one of a rule's other names is, if it is one.
    pub fn named(name: &str) -> Option<Counter> {
        Counter::ALL.into_iter().find(|counter| counter.name() == name)
    }

    /// The counter that Driver Verifier raises before it stops with this parameter 1 of bug check 0xC4
    /// for a call; none for others, whose meaning differs between Windows versions.
    pub fn of_call(subcode: u16) -> Option<Counter> {
        match subcode {
            0x2000 => Some(Counter::ExecutePoolType),
            0x2001 => Some(Counter::ExecutePageProtection),
            0x2002 => Some(Counter::ExecutePageMapping),
            _ => None,
        }
    }

    /// What is counted, and where it is known from that Windows counts so.
    pub fn counts(self) -> &'static str {
        match self {
            // Microsoft's page on bug check 0xC4, and which functions check their arguments, as observed.
            Counter::ExecutePoolType
            | Counter::ExecutePageProtection
            | Counter::ExecutePageMapping => "places in the code; Windows counts each call made",
            // Observed: the check goes over the section headers one by one, `INIT` aside.
            Counter::ExecuteWriteSection => "sections, INIT aside",
            // Observed: it is asked of each section header, and the header field answers the same for all.
            Counter::SectionAlignment => "sections of the image: all, or none",
            // Observed in early Windows 10; Microsoft's HLK page says that 1703 takes such relocations.
            Counter::UnsupportedRelocs => "relocations, before Windows 10 1703",
            // Observed: asked of each section header, about the first byte of data directory 12.
            Counter::ExecutableImportTable => "executable sections that the table begins in",
        }
    }
}

impl fmt::Display for Counter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Which edition's certification is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Sku {
    /// Windows for clients.
    Desktop,
    /// Windows Server.
    Server,
}

/// The first build that drivers have to pass the test on: Windows 10 1607.
const FIRST_REQUIRED: u32 = 14393;

impl Sku {
    /// Both.
    pub const ALL: [Sku; 2] = [Sku::Desktop, Sku::Server];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Sku::Desktop => "desktop",
            Sku::Server => "server",
        }
    }

    /// The Windows versions that the test is required on.
    pub fn targets(self) -> Targets {
        let required = Targets::since(FIRST_REQUIRED);
        match self {
            Sku::Desktop => required.without(Targets::SERVER),
            Sku::Server => required.intersection(Targets::SERVER),
        }
    }

    /// What the test is required for, a sentence each.
    pub fn requirements(self) -> &'static [&'static str] {
        match self {
            Sku::Desktop => {
                &["required of every driver that Microsoft signs for Windows 10 1607 and later"]
            }
            Sku::Server => &[
                "required of every driver that Microsoft signs for Windows Server 2016 and later",
                "part of the Assurance additional qualification, for which Driver Verifier's \
                 code-integrity option is also set while other HLK tests run with the verifier on: \
                 what those tests exercise counts too",
            ],
        }
    }
}

impl fmt::Display for Sku {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What can be said of a counter, or of a driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// All that counts was examined, and nothing is counted.
    Pass,
    /// Something is counted.
    Fail,
    /// Something that could count is not known.
    Undecided,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Outcome::Pass => "pass",
            Outcome::Fail => "fail",
            Outcome::Undecided => "undecided",
        })
    }
}

/// What the test would object to in one driver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Certification {
    /// The name it was found under.
    pub path: String,
    /// SHA-256 of the whole file in lower-case hexadecimal; null when hashing was switched off.
    pub sha256: Option<String>,
    /// `x64`, `arm64`, or another machine.
    pub machine: String,
    /// Whether the driver would pass, as far as its file tells.
    pub result: Outcome,
    /// The seven counters, in the order of Windows' tools.
    pub counters: Vec<Counted>,
    /// What could count and is not known; there also where the driver fails anyway.
    pub open: Vec<String>,
}

/// One counter of one driver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Counted {
    /// Its name in Windows' own tools.
    pub counter: Counter,
    /// What can be said of it.
    pub result: Outcome,
    /// How many are found; see `counting.counts` for what.
    pub count: usize,
    /// Whether there may be more than were listed, as a driver has very many.
    pub at_least: bool,
    /// How many of them are likely, not certain.
    pub likely: usize,
    /// What is counted.
    pub objections: Vec<Objection>,
    /// What could count and is not known.
    pub open: Vec<String>,
}

/// Something that is counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Objection {
    /// The rule that found it.
    pub rule: &'static str,
    /// Where in the loaded image, relative to its base.
    pub rva: Option<u32>,
    /// The function there; null where debug information does not tell it.
    pub function: Option<String>,
    /// How sure it is.
    pub confidence: Confidence,
    /// Those of the Windows versions asked about that it holds for.
    #[schemars(with = "Vec<String>")]
    pub targets: Targets,
    /// How often it counts.
    pub count: usize,
    /// What it is, as a fragment.
    pub message: String,
    /// What it is known by in other builds of the driver.
    pub fingerprint: String,
}

/// The HLK test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct HlkTest {
    /// Its name.
    pub name: &'static str,
    /// Its GUID.
    pub guid: &'static str,
}

/// The test that drivers have to pass.
pub const HLK_TEST: HlkTest = HlkTest {
    name: "HyperVisor Code Integrity Readiness Test",
    guid: "b972fc52-2468-4462-9799-6a1898808c86",
};

/// What is behind the results, and what is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Basis {
    /// What the file proves.
    pub proven: &'static [&'static str],
    /// What was seen while the driver ran; null where it was not run.
    pub seen_running: Option<&'static [&'static str]>,
    /// What cannot be known off Windows.
    pub not_knowable: &'static [&'static str],
    /// What to mind when testing.
    pub testing: &'static [&'static str],
}

/// What stands behind results from files alone.
///
/// The advice is that of Microsoft's driver guidance, in other words.
pub const BASIS: Basis = Basis {
    proven: &[
        "of sections, alignment, relocations and import table, the counts are those of Windows: the \
         headers decide",
        "of pool, protections and mappings, a count is of places in the driver's own code where \
         executable memory is asked for; Windows counts the calls that are made while it runs, so its \
         number is another: 0 where the test never comes to the place",
        "pass means that every call which Driver Verifier looks at is known to be fine",
    ],
    seen_running: None,
    not_knowable: &[
        "whether the device starts: the test looks at the driver only once it is loaded",
        "the parameters that the test is run with, which are not public",
        "whether Windows trusts the signature",
        "what other drivers do on the driver's behalf, or with what it hands them",
    ],
    testing: &[
        "passing is not enough: the test looks at how the driver loads and starts, not at its daily \
         work; exercise the driver with memory integrity on as well",
        "switch memory integrity and Device Guard off on the machine while the HLK test runs: with them \
         on, a driver that is not compatible may not load at all and so is never tested",
    ],
};

/// What `ringfence certify --format json` writes.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct CertificationReport {
    /// Version of this shape: 1.
    pub report_version: u32,
    /// Who made the report.
    pub tool: Tool,
    /// The test it is about.
    pub test: HlkTest,
    /// The edition asked about.
    pub sku: Sku,
    /// What the test is required for.
    pub requirements: &'static [&'static str],
    /// The Windows versions asked about.
    #[schemars(with = "Vec<String>")]
    pub targets: Targets,
    /// What each counter counts.
    pub counting: Vec<Counting>,
    /// What is behind the results.
    pub basis: Basis,
    /// The drivers, in the order of the input, folders sorted by name.
    pub drivers: Vec<Certification>,
    /// What could not be read.
    pub unread: Vec<Unread>,
    /// Panics of ringfence itself; please report them.
    pub faults: Vec<Fault>,
    /// What was passed over, by kind.
    pub left_out: LeftOut,
    /// Counts over all drivers.
    pub totals: OutcomeTally,
}

impl CertificationReport {
    /// A report of `drivers` with what a scan says at its end.
    pub fn new(
        tool: Tool,
        sku: Sku,
        targets: Targets,
        drivers: Vec<Certification>,
        closing: Closing,
    ) -> CertificationReport {
        let mut totals = OutcomeTally::default();
        drivers.iter().for_each(|driver| totals.count(driver.result));
        CertificationReport {
            report_version: crate::REPORT_VERSION,
            tool,
            test: HLK_TEST,
            sku,
            requirements: sku.requirements(),
            targets,
            counting: Counting::all(),
            basis: BASIS,
            drivers,
            unread: closing.unread,
            faults: closing.faults,
            left_out: closing.left_out,
            totals,
        }
    }
}

/// What a counter counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Counting {
    /// Its name in Windows' own tools.
    pub counter: Counter,
    /// What the number here is of.
    pub counts: &'static str,
}

impl Counting {
    /// All seven.
    pub fn all() -> Vec<Counting> {
        Counter::ALL.map(|counter| Counting { counter, counts: counter.counts() }).into()
    }
}

/// How often each outcome was had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct OutcomeTally {
    /// Drivers examined.
    pub drivers: usize,
    /// Those that would pass, as far as their files tell.
    pub pass: usize,
    /// Those that would fail.
    pub fail: usize,
    /// Those of which it is not known.
    pub undecided: usize,
}

impl OutcomeTally {
    /// Counts one driver in.
    pub fn count(&mut self, outcome: Outcome) {
        self.drivers += 1;
        match outcome {
            Outcome::Pass => self.pass += 1,
            Outcome::Fail => self.fail += 1,
            Outcome::Undecided => self.undecided += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_edition_has_the_versions_since_1607() {
        let ids = |sku: Sku| sku.targets().iter().map(|target| target.id).collect::<Vec<_>>();
        let servers = ["server-2016", "server-2019", "server-2022", "server-2025"];
        assert_eq!(ids(Sku::Server), servers);
        let desktop = ids(Sku::Desktop);
        assert_eq!((desktop[0], desktop.last()), ("win10-1607", Some(&"win11-25h2")));
        assert!(desktop.iter().all(|id| !id.starts_with("server")));
        let all = Targets::named("win10-1607+").unwrap();
        assert_eq!(Sku::Desktop.targets().union(Sku::Server.targets()), all);
    }

    #[test]
    fn a_counter_is_written_as_windows_names_it() {
        for counter in Counter::ALL {
            assert_eq!(serde_json::to_value(counter).unwrap(), counter.name());
            assert_eq!(Counter::named(counter.name()), Some(counter));
        }
        assert_eq!(Counter::named("0xC4:0x2000"), None);
    }
}
