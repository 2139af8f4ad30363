//! What a run writes down.

use crate::fingerprint::Fingerprint;
use crate::{Environment, ImageFault, Options, Touched};
use ringfence_ddi::Ddi;
use ringfence_machine::Registers;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// All that is known after a run.
#[derive(Debug)]
pub struct Run {
    /// The set-up it ran in.
    pub environment: Environment,
    /// Why it ended.
    pub end: End,
    /// What DriverEntry returned, if it came to that.
    pub status: Option<u32>,
    /// What was run, in order.
    pub phases: Vec<Phase>,
    /// Calls, changes of rights and bug checks, in order, as many as the budget has room for.
    pub events: Vec<Event>,
    /// Events for which there was no room.
    pub events_left_out: u64,
    /// What Windows would stop the system for, each once per call site with how often it came up.
    pub violations: Vec<Violation>,
    /// Calls of kernel functions.
    pub calls: u64,
    /// Instructions of the driver.
    pub instructions: u64,
    /// Kernel functions that are not modelled, with how often each was called: their results are invented.
    pub stand_ins: BTreeMap<String, u64>,
    /// What else is invented, with how often.
    pub assumptions: BTreeMap<String, u64>,
    /// What Driver Verifier silently makes non-executable.
    pub fixed: Vec<Fixed>,
    /// What was asked for by calls of DDIs that decide about executable memory: by where the call returns to in the
    /// image, and the DDI's name.
    pub requests: BTreeMap<(u32, &'static str), Tally>,
    /// What the driver left behind when it was unloaded.
    pub leaks: Vec<Leak>,
    /// What it asked about the state of code integrity.
    pub asked: Vec<Asked>,
    /// Instructions that cleared CR0.WP. With memory integrity that is of no use, and watched.
    pub protection_cleared: Vec<Cleared>,
    /// Requests that it neither completed nor cancelled.
    pub pending: u64,
    /// What of the driver is registered to be called and was not, in words: what a run says nothing about.
    pub not_run: BTreeSet<String>,
    /// Allocations that were made to fail; all 0 where none was to.
    pub low_resources: LowResources,
    /// All calls, in a number.
    pub(crate) called: Fingerprint,
}

/// Why a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// All that was to be run returned.
    Returned,
    /// Driver Verifier's code integrity checks or memory integrity object.
    Violation,
    /// The driver made the system stop for another reason; the last violation says which.
    Fault,
    /// Something of the budget was used up.
    Budget(&'static str),
    /// It is not let in.
    Refused(String),
    /// Something in it is not emulated.
    NotEmulated(String),
}

/// A part of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phase {
    /// `load`, `DriverEntry`, `IRP_MJ_CREATE`, `DPC`, `DriverUnload` and so on.
    pub name: String,
    /// The NTSTATUS it came to; none where it returns nothing or did not return.
    pub status: Option<u32>,
    /// Calls of kernel functions in it.
    pub calls: u64,
    /// Instructions in it.
    pub instructions: u64,
    /// Whether it came to its end. Where the run ends in a phase within another one, neither did.
    pub returned: bool,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The phase, by its place.
    pub phase: usize,
    /// What.
    pub what: Happening,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happening {
    /// A kernel function was called.
    Call {
        /// Its name.
        name: Arc<str>,
        /// Where the call returns to.
        caller: u64,
        /// Its arguments, as many as are known.
        arguments: Vec<u64>,
        /// What it returned; none where it did not return.
        result: Option<u64>,
        /// Whether the result is invented.
        stand_in: bool,
    },
    /// The driver had something to say to a debugger.
    Message {
        /// The text.
        text: String,
    },
    /// A register of the processor that decides about protection was written.
    Register {
        /// Where the instruction is.
        address: u64,
        /// Which: `CR0`, `CR4`, `IDTR`, `MSR 0xc0000082`.
        name: String,
        /// What was written; none for a table's register.
        value: Option<u64>,
    },
    /// What may be done with pages changed.
    Rights {
        /// The first page's address.
        address: u64,
        /// How many pages.
        pages: u64,
        /// What may be done with them now, in the form `rwx`; none where they are gone.
        rights: Option<String>,
        /// What they are.
        what: &'static str,
    },
    /// Windows would stop the system. The run may go on, so that it shows what comes later.
    BugCheck {
        /// Where: the instruction, or where the call returns to.
        address: u64,
        /// What the system would show.
        check: BugCheck,
    },
}

/// What kind of thing the system is stopped for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Driver Verifier's code integrity checks report it.
    CodeIntegrity,
    /// The pages' rights forbid it.
    MemoryIntegrity,
    /// Anything else: a fault of the driver.
    Crash,
}

/// A bug check with its parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BugCheck {
    /// Its number, such as 0xC4.
    pub code: u32,
    /// Its four parameters.
    pub parameters: [u64; 4],
}

/// Something that Windows would stop the system for.
#[derive(Clone, Debug)]
pub struct Violation {
    /// What kind of thing it is.
    pub kind: Kind,
    /// The bug check.
    pub bug_check: BugCheck,
    /// How often it came up at this call site: Driver Verifier counts each. The rest is told of the first time.
    pub count: u64,
    /// What of the image it is about; none for all that is found when the driver runs.
    pub image: Option<ImageFault>,
    /// What the memory is that may not be executed or written to; none for other violations.
    pub touched: Option<Touched>,
    /// Whether the driver had cleared CR0.WP.
    pub unprotected: bool,
    /// The function of the kernel that was asked, where it is in the table.
    pub ddi: Option<&'static Ddi>,
    /// The name of the function of the kernel that was called, if one was.
    pub function: Option<Arc<str>>,
    /// The deciding argument's value.
    pub value: Option<u64>,
    /// The instruction, or the call's return address.
    pub address: u64,
    /// The same in the image, if it lies there.
    pub rva: Option<u32>,
    /// The call that leads there, in the image: the last one on the stack.
    pub call_site: Option<u32>,
    /// The driver's function that the kernel called last and that has not returned, in the image. Where the driver
    /// calls the kernel by a jump, it is the kernel that the call returns to, and this tells where it came from.
    pub routine: Option<u32>,
    /// The registers there.
    pub registers: Registers,
    /// Who called whom, from the inside out.
    pub stack: Vec<Frame>,
    /// Whether something before it was invented.
    pub under_assumption: bool,
    /// The phase, by its place.
    pub phase: usize,
}

/// A place on the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Where execution is, or goes on after a call.
    pub address: u64,
    /// The same in the image, if it lies there.
    pub rva: Option<u32>,
}

/// A request that Driver Verifier changes without a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fixed {
    /// The function.
    pub ddi: &'static str,
    /// Where the call returns to.
    pub caller: u64,
    /// The same in the image, if it lies there.
    pub rva: Option<u32>,
}

/// How often a call was made that could ask for executable memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Times it was made.
    pub calls: u64,
    /// Times it asked for executable memory.
    pub executable: u64,
    /// Whether something before one of them was invented.
    pub under_assumption: bool,
}

/// What became of allocations where some were to fail by chance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LowResources {
    /// Allocations that the driver asked for, of the kinds that can fail.
    pub asked: u64,
    /// Those of them that chance decided about: not too early, and with a pool tag that was meant.
    pub exposed: u64,
    /// Those that were made to fail.
    pub failed: u64,
}

/// Something that was left behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leak {
    /// What: `pool`, `device`, `symbolic link` and so on.
    pub what: &'static str,
    /// Where it is, or 0.
    pub address: u64,
    /// Bytes, for pool.
    pub size: u64,
    /// The tag, for pool.
    pub tag: u32,
    /// Where the call that made it returns to, in the image.
    pub rva: Option<u32>,
}

/// An instruction that cleared CR0.WP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cleared {
    /// Where it is in the image.
    pub rva: u32,
    /// The phase, by its place.
    pub phase: usize,
    /// Whether something before it was invented.
    pub under_assumption: bool,
}

/// A question about the state of code integrity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Where the call returns to, in the image.
    pub rva: Option<u32>,
    /// CodeIntegrityOptions as it was told.
    pub told: u32,
}

impl Run {
    pub(crate) fn new(options: &Options) -> Run {
        Run {
            environment: options.environment,
            end: End::Returned,
            status: None,
            phases: Vec::new(),
            events: Vec::new(),
            events_left_out: 0,
            violations: Vec::new(),
            calls: 0,
            instructions: 0,
            stand_ins: BTreeMap::new(),
            assumptions: BTreeMap::new(),
            fixed: Vec::new(),
            requests: BTreeMap::new(),
            leaks: Vec::new(),
            asked: Vec::new(),
            protection_cleared: Vec::new(),
            pending: 0,
            not_run: BTreeSet::new(),
            low_resources: LowResources::default(),
            called: Fingerprint::EMPTY,
        }
    }

    /// The bug check that Windows would show: the first one, as the system is down then.
    pub fn bug_check(&self) -> Option<BugCheck> {
        self.violations.first().map(|violation| violation.bug_check)
    }

    /// Whether anything was invented.
    pub fn under_assumption(&self) -> bool {
        !self.stand_ins.is_empty() || !self.assumptions.is_empty()
    }

    /// Whether the driver did the same as in `other`: the same calls with the same arguments and answers, as many
    /// instructions in each phase, the same end. Only where memory was made and what was said to a debugger may differ.
    pub fn behaves_like(&self, other: &Run) -> bool {
        let stopped = |run: &Run| {
            let of =
                |violation: &Violation| (violation.bug_check, violation.count, violation.phase);
            run.violations.iter().map(of).collect::<Vec<_>>()
        };
        self.called == other.called
            && self.calls == other.calls
            && self.phases == other.phases
            && self.end == other.end
            && stopped(self) == stopped(other)
    }
}
