//! What a survey found.

use crate::{Path, Sighting, Value};
use ringfence_image::Rva;

/// What a survey found.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    /// The calls, by address and then by function called.
    pub sites: Vec<Site>,
    /// Every reference to a wanted function, by address, and what became of it.
    pub references: Vec<Reference>,
    /// Variables that arguments come from, by address.
    pub variables: Vec<Variable>,
    /// Calls that find a function by name.
    pub lookups: Vec<Lookup>,
    /// What else was found, by address and then by kind, where [`Query::watch`](crate::Query::watch)
    /// asks for it.
    pub sightings: Vec<Sighting>,
    /// What is known of functions in which the way to a value begins that a call was given.
    pub readers: Vec<Reader>,
    /// What makes the survey as a whole doubtful.
    pub doubts: Vec<Doubt>,
    /// Functions read.
    pub functions: usize,
    /// Instructions read.
    pub instructions: usize,
}

/// A function in which the way to a value in memory begins, as [`Reason::Field`](crate::Reason::Field) has
/// it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reader {
    /// Where it begins.
    pub function: Rva,
    /// How many bytes behind a pointer its own address is stored, wherever that is.
    pub stored: Vec<u16>,
    /// What it reads, near the calls that were looked at, by way of at least two pointers: no more than 64
    /// ways.
    pub reads: Vec<Path>,
}

/// A call of a wanted function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// The call instruction, or the jump that stands for one.
    pub at: Rva,
    /// Where the function begins that it is in, if known.
    pub function: Option<Rva>,
    /// Index into [`Query::wanted`](crate::Query::wanted).
    pub wanted: usize,
    /// How the call gets there.
    pub via: Via,
    /// The arguments asked for, in the order of the query.
    pub arguments: Vec<Argument>,
    /// Whether the call goes to this function whatever path leads here; else also elsewhere.
    pub always: bool,
    /// Whether a known path leads here. Where none does, the arguments are what the instructions
    /// before the call make them.
    pub reached: bool,
    /// Where callers choose what the arguments are: each way they do, outermost caller first. Empty
    /// where the function itself does. [`Site::arguments`] are those of all routes together.
    pub routes: Vec<Route>,
    /// Routes that are like listed ones and left out: of many with the same arguments only some are kept.
    pub alike: usize,
}

/// One way by which the arguments of a call are chosen: from the call that chose them down to the
/// call of the wanted function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The calls that hand the values on, outermost first. The first one chose them, or is the first of
    /// which that is not known; empty for callers that are not known at all.
    pub calls: Vec<Step>,
    /// The instructions that set what the first of the calls hands on.
    pub set_at: Vec<Rva>,
    /// The arguments asked for, in the order of the query, as they are when code comes this way.
    pub arguments: Vec<Argument>,
}

/// A call that hands values on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The call instruction, or the jump that stands for one.
    pub at: Rva,
    /// Where the function begins that it is in, if known.
    pub function: Option<Rva>,
}

/// A variable of the image that an argument comes from, and all that is stored into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Where it is.
    pub at: Rva,
    /// How many bytes of it are read.
    pub bytes: u8,
    /// What the file has there; none where a pointer stands there.
    pub initial: Option<u64>,
    /// The stores, by address.
    pub stores: Vec<VariableStore>,
    /// Whether something else may be stored into it: its address is known to code that is not followed.
    pub open: bool,
    /// When the stores run, for each build of Windows that was asked about.
    pub set_up: Vec<SetUp>,
}

/// When the stores into a variable run that the driver makes as it starts, on one build of Windows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetUp {
    /// The build.
    pub build: u32,
    /// Whether they run.
    pub stored: Stored,
    /// Calls that run before, by address: those of wanted functions, or of functions that hand the
    /// variable's content on to one.
    pub before: Vec<Rva>,
    /// Calls of which it is not known whether they run before.
    pub perhaps_before: Vec<Rva>,
}

/// Whether a driver stores something as it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stored {
    /// On every way through the start on which nothing fails.
    Always,
    /// On no way.
    Never,
    /// Nor at any other time: nothing calls what would, or it never stores anything else there.
    Nowhere,
    /// On some way, or it could not be told.
    Perhaps,
}

/// A store into a [`Variable`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VariableStore {
    /// The instruction.
    pub at: Rva,
    /// Where the function begins that it is in.
    pub function: Rva,
    /// What is stored.
    pub value: Value,
}

/// A call that finds a function by its name when the driver runs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lookup {
    /// The call.
    pub at: Rva,
    /// Index of the function that finds others into [`Query::wanted`](crate::Query::wanted).
    pub by: usize,
    /// The name, if it is known. Several at one call are told one by one.
    pub name: Option<String>,
}

/// The values that reach an argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Argument {
    /// Its place among the parameters, from 0.
    pub index: u8,
    /// What it may be, within the width asked for.
    pub value: Value,
}

/// How a call gets to a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Via {
    /// Straight through the import's slot.
    Slot,
    /// A jump that ends the function: the called function returns to the caller's caller.
    TailCall,
    /// A call of a jump to the function, which many calls share.
    Thunk,
    /// Through a register that holds the address.
    Register,
    /// Through the dispatch routine of Control Flow Guard.
    GuardDispatch,
    /// Through a retpoline.
    Retpoline,
    /// Through a table of pointers.
    Table,
}

/// A place that names a wanted function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Where: the instruction, or the pointer in data.
    pub at: Rva,
    /// Index into [`Query::wanted`](crate::Query::wanted).
    pub wanted: usize,
    /// What became of it.
    pub fate: Fate,
}

/// What became of a reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fate {
    /// It is, or led to, a call in [`Survey::sites`].
    Call,
    /// It is a jump to the function that is called elsewhere; those calls are references too.
    Thunk,
    /// It is a jump to the function that nothing calls.
    DeadThunk,
    /// The address is used as a value: compared, or handed to one call. Calls by way of that are not
    /// followed.
    Data,
    /// The address is stored, or handed to several calls, or stands in the image's own data; it may also
    /// be called. Calls by way of that are not followed.
    Stored,
    /// The instruction stands in code that no known path reaches, or could not be made out.
    Unreached,
}

/// What makes a survey doubtful.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// The section's bytes are as even as compressed or encrypted ones: code is unpacked at run time.
    Packed {
        /// The section's name.
        section: String,
        /// Shannon entropy in hundredths of a bit for each byte; 800 is the most.
        entropy: u16,
    },
    /// The first instruction lies in a section that is writable, or that packers add.
    EntryOutsideCode {
        /// The section's name.
        section: String,
    },
    /// The section is writable and executable, and most of it is not in the file: code comes into it
    /// at run time.
    FilledAtRunTime {
        /// The section's name.
        section: String,
    },
    /// The budget for the whole image ran out; the sites are not all there are.
    Budget,
}
