//! What became of a driver that was run.

use crate::{LowResources, SeenCall, SourcePlace};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// One run of a driver in the emulated kernel. Nothing is set on the machine that ringfence runs on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct DriverRun {
    /// The set-up it ran in.
    pub environment: RunEnvironment,
    /// Driver Verifier was without its code integrity checks (0x02000000), which were not asked for.
    #[serde(skip_serializing_if = "is_false")]
    pub unchecked: bool,
    /// Why it ended.
    pub end: RunEnd,
    /// The same in words, where there is more to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
    /// The NTSTATUS that DriverEntry returned, such as `0x00000000`; null where it did not return.
    pub status: Option<String>,
    /// Calls of kernel functions.
    pub calls: u64,
    /// Instructions of the driver.
    pub instructions: u64,
    /// Those calls that were answered by a stand-in, as the function is not modelled: the results are invented.
    pub stand_ins: u64,
    /// What was invented, with how often: functions that are not modelled, and other assumptions.
    pub invented: BTreeMap<String, u64>,
    /// What was run, in order.
    pub phases: Vec<RunPhase>,
    /// The bug check that Windows would show: of the first violation, as the system is down then. Null where there is none.
    pub bugcheck: Option<BugCheck>,
    /// All that Windows would stop the system for, in the order of time.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stops: Vec<Stop>,
    /// The build of Windows that the driver finds itself on, such as 26100.
    pub windows_build: u32,
    /// Requests of executable memory that Driver Verifier makes non-executable without a word, by the function asked.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub silently_fixed: BTreeMap<String, u64>,
    /// Calls of DDIs of which reading the code does not tell what they ask for, and what they asked for here.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub open_calls: Vec<SeenCall>,
    /// What the driver left behind when it was unloaded, in words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub leaks: Vec<String>,
    /// Requests that it neither completed nor cancelled.
    #[serde(skip_serializing_if = "is_zero")]
    pub pending: u64,
    /// What of the driver is registered to be called and was not, in words: of that the run says nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_run: Vec<String>,
    /// Allocations that were made to fail; there only where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub low_resources: Option<LowResources>,
    /// Whether it asked for the state of code integrity, and what became of being told the other one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asks_code_integrity: Option<Asking>,
    /// Every call and every change of rights, where that was asked for; no part of reports.
    #[serde(skip)]
    pub trace: Vec<TraceLine>,
    /// Lines of the trace for which there was no room.
    #[serde(skip)]
    pub trace_left_out: u64,
}

impl DriverRun {
    /// The set-up it ran in, in words.
    pub fn set_up(&self) -> &'static str {
        match self.environment {
            RunEnvironment::Verifier if self.unchecked => {
                "Driver Verifier without code integrity checks, memory integrity off"
            }
            RunEnvironment::Verifier => {
                "Driver Verifier's code integrity checks, memory integrity off"
            }
            RunEnvironment::Hvci => "memory integrity on",
        }
    }

    /// Whether it crashed because allocations were made to fail: where none is, it does not crash.
    pub fn lacks_what_failed(&self) -> bool {
        self.low_resources.as_ref().and_then(|low| low.crashes_without) == Some(false)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// Which of Windows' two set-ups a driver runs in; Windows keeps them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RunEnvironment {
    /// Memory integrity is off, and Driver Verifier's code integrity checks (0x02000000) are on.
    Verifier,
    /// Memory integrity is on: no page is ever writable and executable.
    Hvci,
}

impl RunEnvironment {
    /// Both, in the order they are run.
    pub const ALL: [RunEnvironment; 2] = [RunEnvironment::Verifier, RunEnvironment::Hvci];

    /// The word for it, the same in text and JSON.
    pub fn name(self) -> &'static str {
        match self {
            RunEnvironment::Verifier => "verifier",
            RunEnvironment::Hvci => "hvci",
        }
    }
}

impl fmt::Display for RunEnvironment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a run ended. A later version may add to them: `cell-failed` is the word for a run that ends because the cell
/// around it failed, a process of its own for hostile drivers. Runs have no cell yet, so nothing comes to that today.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RunEnd {
    /// All that was to be run returned.
    Returned,
    /// Driver Verifier's code integrity checks or memory integrity object.
    Violation,
    /// The driver made the system stop for another reason.
    Fault,
    /// Something of the budget was used up: instructions, memory, calls.
    Budget,
    /// The image is not let in.
    Refused,
    /// Something in it is not emulated yet.
    NotEmulated,
}

impl RunEnd {
    /// The word for it, the same in text and JSON.
    pub fn name(self) -> &'static str {
        match self {
            RunEnd::Returned => "returned",
            RunEnd::Violation => "violation",
            RunEnd::Fault => "fault",
            RunEnd::Budget => "budget",
            RunEnd::Refused => "refused",
            RunEnd::NotEmulated => "not-emulated",
        }
    }
}

/// A part of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RunPhase {
    /// `load`, `DriverEntry`, `IRP_MJ_CREATE`, `DPC`, `DriverUnload` and so on.
    pub name: String,
    /// The NTSTATUS it came to; null where it returns nothing or did not return.
    pub status: Option<String>,
    /// Calls of kernel functions in it.
    pub calls: u64,
    /// Instructions in it.
    pub instructions: u64,
    /// Whether it came to its end.
    pub returned: bool,
}

/// Something that Windows would stop the system for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Stop {
    /// The part of the run, by its place among the parts.
    pub phase: usize,
    /// The bug check.
    pub bugcheck: BugCheck,
    /// Whether the run ended there. Driver Verifier's objections are noted down, and the run goes on to show what else
    /// there is.
    pub ends_the_run: bool,
    /// Where, relative to the image base; null outside the image.
    pub rva: Option<u32>,
    /// Who called whom, from the inside out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stack: Vec<StackFrame>,
    /// Whether something before it was invented, so that it may be otherwise on Windows.
    pub under_assumption: bool,
    /// Whether it is open on which builds of Windows Driver Verifier looks at the call.
    #[serde(skip)]
    pub depends_on_build: bool,
}

/// A bug check, as Windows shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct BugCheck {
    /// Its number in hexadecimal, such as `0xC4`.
    pub code: String,
    /// Its four parameters in hexadecimal, such as `0x2000`.
    pub parameters: [String; 4],
}

impl BugCheck {
    /// A bug check by its numbers.
    pub fn new(code: u32, parameters: [u64; 4]) -> BugCheck {
        BugCheck {
            code: format!("0x{code:X}"),
            parameters: parameters.map(|one| format!("{one:#x}")),
        }
    }
}

impl fmt::Display for BugCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.code, self.parameters.join(", "))
    }
}

/// What a driver did that asks for the state of code integrity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Asking {
    /// Told that memory integrity is off it does the same as told that it is on.
    BehavesAlike,
    /// It does not.
    BehavesDifferently,
}

/// What was seen when the driver ran.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Seen {
    /// The set-up.
    pub environment: RunEnvironment,
    /// The part of the run, such as `DriverEntry`.
    pub phase: String,
    /// The bug check that Windows would show for it; null where it is not stopped there.
    pub bugcheck: Option<BugCheck>,
    /// How often it came up at this place: Driver Verifier counts each time, and the rest is told of the first.
    pub count: u64,
    /// Where, relative to the image base; null outside the image.
    pub rva: Option<u32>,
    /// The registers there, by name, in hexadecimal.
    pub registers: Vec<(&'static str, String)>,
    /// Who called whom, from the inside out.
    pub stack: Vec<StackFrame>,
    /// Whether something before it was invented, so that it may be otherwise on Windows.
    pub under_assumption: bool,
    /// Whether it is open on which builds of Windows Driver Verifier looks at the call.
    #[serde(skip)]
    pub depends_on_build: bool,
}

/// A place on the stack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct StackFrame {
    /// Where execution is, or goes on after a call.
    pub address: String,
    /// The same relative to the image base; null outside the image.
    pub rva: Option<u32>,
    /// Where that comes from; there only where debug information tells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<SourcePlace>,
}

/// One thing that happened: a call of a kernel function, a change of what may be done with pages, a bug check,
/// a register written, or what was printed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum TraceLine {
    /// A kernel function was called.
    Call {
        /// The part of the run.
        phase: String,
        /// The function.
        name: String,
        /// Where the call returns to.
        caller: String,
        /// The arguments that are known.
        arguments: Vec<String>,
        /// What it returned; null where it did not return.
        result: Option<String>,
        /// Whether the result is invented.
        stand_in: bool,
    },
    /// What may be done with pages changed.
    Rights {
        /// The part of the run.
        phase: String,
        /// The first page.
        address: String,
        /// How many pages.
        pages: u64,
        /// What may be done with them now, such as `rw-`; null where they are gone.
        rights: Option<String>,
        /// What they are.
        what: &'static str,
    },
    /// Windows would stop the system here. The run may go on, so that it shows what comes later.
    BugCheck {
        /// The part of the run.
        phase: String,
        /// The instruction, or where the call returns to.
        address: String,
        /// What the system would show.
        #[serde(flatten)]
        check: BugCheck,
    },
    /// A register of the processor that decides about protection was written.
    Register {
        /// The part of the run.
        phase: String,
        /// The instruction.
        address: String,
        /// Which: `CR0`, `CR4`, `IDTR`, `MSR 0xc0000082`.
        name: String,
        /// What was written; null for a table's register.
        value: Option<String>,
    },
    /// The driver printed something for a debugger.
    Message {
        /// The part of the run.
        phase: String,
        /// What it printed.
        text: String,
    },
    /// The end of a trace that had no room for everything.
    LeftOut {
        /// How many events are not in it.
        events: u64,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bug_check_reads_as_windows_shows_it() {
        let check = BugCheck::new(0xC4, [0x2000, 0xFFFF_F800_1234_5678, 0, 0x6B73_6944]);
        assert_eq!(check.to_string(), "0xC4 (0x2000, 0xfffff80012345678, 0x0, 0x6b736944)");
        let json = serde_json::to_value(&check).unwrap();
        assert_eq!(json["code"], "0xC4");
        assert_eq!(json["parameters"][0], "0x2000");
    }

    #[test]
    fn words_are_the_same_in_json() {
        for environment in RunEnvironment::ALL {
            assert_eq!(serde_json::to_value(environment).unwrap(), environment.name());
        }
        for end in [RunEnd::Returned, RunEnd::NotEmulated, RunEnd::Refused] {
            assert_eq!(serde_json::to_value(end).unwrap(), end.name());
        }
    }
}
