//! Runs a driver in an emulated kernel and writes down what it asked for: the calls, the memory, and what
//! Windows would stop the system for. Knows just enough of the Windows kernel for that, and nothing of
//! rules and findings.
//!
//! There are two set-ups, as Windows keeps them apart: Driver Verifier's code integrity checks, and memory
//! integrity itself. A run is bounded in all it may take, and the same bytes and options give the same run.
//!
//! ```
//! use ringfence_image::Image;
//! use ringfence_verifier::{End, Environment, Options, run};
//!
//! # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/drivers/executable-pool-x64.sys");
//! let bytes = std::fs::read(path)?;
//! let image = Image::read(&bytes)?;
//! let run = run(&image, &Options::new(Environment::Verifier, "acme.sys"));
//! assert_eq!(run.end, End::Violation);
//! // The subcode, the caller, the pool type as it was passed, the tag.
//! let bug_check = run.violations[0].bug_check;
//! assert_eq!((bug_check.code, bug_check.parameters[0]), (0xC4, 0x2000));
//! assert_eq!((bug_check.parameters[2], bug_check.parameters[3] as u32), (0, u32::from_le_bytes(*b"Samp")));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod bug_check;
mod call;
mod chance;
mod checked_calls;
mod codes;
mod data;
mod deadline;
mod engine;
mod faults;
mod fingerprint;
mod gates;
mod image_checks;
mod io;
mod kernel;
mod kernel_image;
mod layout;
mod loader;
mod low_resources;
mod mapping;
mod names;
mod notices;
mod objects;
mod options;
mod outcome;
mod phases;
mod plug_and_play;
mod pool;
mod pool_tag;
mod privileged;
mod registry;
mod requests;
mod routines;
mod schedule;
mod seh;
mod space;
mod stand_in;
mod stop;
mod text;
mod touched;
mod unwind;
mod waiting;

pub use bug_check::ALL as BUG_CHECKS;
pub use image_checks::ImageFault;
pub use options::{Admission, Budget, Environment, Faults, HVCI_ENABLED, Options, Version};
pub use outcome::{
    Asked, BugCheck, Cleared, End, Event, Fixed, Frame, Happening, Kind, Leak, LowResources, Phase,
    Run, Tally, Violation,
};
pub use pool_tag::{NoTag, TagPattern};
pub use ringfence_machine::{Register, Registers};
pub use touched::Touched;

use kernel::Kernel;
use ringfence_image::{Image, Machine};
use ringfence_machine::{Interpreter, Memory, Processor, Register as Name};

/// Loads `image`, runs it from DriverEntry to its unload routine, and tells what happened.
pub fn run(image: &Image<'_>, options: &Options) -> Run {
    let mut refused = Run::new(options);
    if let (Environment::Hvci, Admission::Refused { why }) | (_, Admission::Rejected { why }) =
        (options.environment, &options.admission)
    {
        refused.end = End::Refused(why.clone());
        return refused;
    }
    if image.machine() == Machine::Arm64 {
        refused.end = End::NotEmulated("ARM64 code is not emulated yet".to_owned());
        return refused;
    }
    let loaded = match loader::Loaded::place(image, options.budget.pages) {
        Ok(loaded) => loaded,
        Err(why) => {
            refused.end = End::Refused(why);
            return refused;
        }
    };
    let Some(mut kernel) = boot(options, loaded) else {
        refused.end = End::Budget("memory");
        return refused;
    };
    // The end is written down where execution stops for good.
    let _ = kernel.course();
    kernel.close()
}

/// A kernel in which nothing has been run yet; none where it does not fit into the budget.
fn boot<'a>(options: &'a Options, loaded: loader::Loaded<'a>) -> Option<Kernel<'a>> {
    let mut memory = Memory::new(options.budget.frames);
    let mut processor: Box<dyn Processor> = {
        if !loader::map_kernel(&mut memory) {
            return None;
        }
        Box::new(Interpreter::new(memory))
    };
    processor.set_gates(space::GATES..space::GATES + space::MOST_GATES * space::GATE_SIZE);
    let service = options.name.rsplit_once('.').map_or(options.name.as_str(), |(stem, _)| stem);
    let registry = registry::Registry::new(service);
    let mut kernel = Kernel {
        processor,
        options,
        run: Run::new(options),
        loaded,
        gates: gates::Gates::default(),
        pool: pool::Pool::new(),
        mappings: mapping::Mappings::new(),
        objects: objects::Objects::default(),
        names: names::Names::default(),
        registry,
        requests: io::Requests::default(),
        schedule: schedule::Schedule::default(),
        irql: 0,
        clock: 600_000_000,
        control0: 0x8005_0033,
        control4: 0x0015_06F8,
        unprotected: Vec::new(),
        spent: 0,
        slice_end: u64::MAX,
        depth: 0,
        routine: 0,
        chance: chance::Chance::new(0),
        failing: low_resources::Failing::new(options.faults.as_ref()),
        pages: 0,
        phase: 0,
        counted: (0, 0),
        told: Default::default(),
        reported: Default::default(),
        is_gone: false,
        deadline: deadline::Deadline::after(options.budget.time),
    };
    kernel.fill_data();
    kernel.watch_tables();
    let stack = kernel.make_stack()?;
    kernel.registers().set(Name::Rsp, stack - 0x100);
    kernel.registers().rflags = 0x202;
    kernel.run.events.clear();
    Some(kernel)
}
