//! From bytes to operations: one decoder for each kind of processor. Behind it nothing knows which.

pub(crate) mod amd64;

use crate::abi::Abi;
use crate::flow::Graph;
use crate::function::{Extent, Finder};
use crate::ir::{Address, Condition, Op, Reg, Target};
use crate::places::Places;
use crate::scan::Field;
use std::ops::Range;

/// One instruction, decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lifted {
    /// Its length in bytes; at least 1.
    pub(crate) length: u8,
    /// Where code goes on.
    pub(crate) flow: Flow,
    /// The place in the image that it names: what it reads, writes, points to or jumps to.
    pub(crate) names: Option<u32>,
    /// What it does with the stack's address.
    pub(crate) takes: Option<Taken>,
}

/// What stands somewhere, where most instructions say nothing of interest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Read {
    /// An instruction of so many bytes that goes on behind itself, names no place and takes none on the stack.
    Passing(u8),
    /// Any other.
    Telling(Lifted),
}

/// What an instruction does with the flags.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Flags {
    /// What it does depends on them.
    pub(crate) read: bool,
    /// It changes some of them.
    pub(crate) written: bool,
}

/// What an instruction does with the place in the image that it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// It reads what stands there, or goes there.
    Reads,
    /// It changes what stands there.
    Writes,
    /// It takes the address.
    Takes,
}

/// An address on the stack that an instruction puts where others may get at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// That many bytes above what the register holds, in the register named last.
    At(Reg, i32, Reg),
    /// The stack pointer itself.
    StackPointer,
}

/// Where code goes on after an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flow {
    /// Behind it.
    Next,
    /// Nowhere: it traps.
    Stop,
    /// Back to the caller.
    Return,
    /// Into the debugger, which may go on behind it; or it marks that code does not get there.
    Break,
    /// There.
    Jump(u32),
    /// There or behind it.
    Branch(u32),
    /// Wherever a value says: a jump table, or a function.
    Indirect(Target),
    /// Behind it, unless what it calls never returns.
    Call(Target),
}

/// Where a jump by a table may go.
#[derive(Clone, Debug, Default)]
pub(crate) struct Jumps {
    /// The entries that can be selected.
    pub(crate) targets: Vec<u32>,
    /// Those, and what can be taken for entries behind them.
    pub(crate) all: Vec<u32>,
    /// The instruction that the number of entries follows from, which all code that comes to the jump
    /// must have passed.
    pub(crate) since: Option<u32>,
    /// Whether the stack frame is gone before the jump, as it is before a function is left, or a variable holds
    /// where it goes.
    pub(crate) leaves: bool,
    /// Whether a table goes on beyond what was read of it.
    pub(crate) cut: bool,
    /// Where the tables are.
    pub(crate) tables: Vec<Range<u32>>,
}

/// What stands in for a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stub {
    /// A jump to wherever the pointer at this place says.
    ToPointer(u32),
    /// A jump to what a register holds.
    ToRegister(Reg),
    /// The same, in a form that no processor predicts.
    Retpoline(Reg),
    /// Nothing: it is the function, here.
    Code(u32),
}

/// Memory that an instruction uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Touch {
    pub(crate) address: Address,
    /// Whether it is written; else it is read alone.
    pub(crate) writes: bool,
}

/// What may become of a value in a register, as far as it is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Followed {
    /// Memory is written by way of it.
    pub(crate) written: bool,
    /// It is handed to a function that writes memory by way of it.
    pub(crate) handed: bool,
    /// Memory is read by way of it.
    pub(crate) read: bool,
    /// Code goes there.
    pub(crate) called: bool,
    /// It is handed to a function that code goes there in.
    pub(crate) run: bool,
    /// The function returns it.
    pub(crate) returned: bool,
}

/// A kind of processor.
pub(crate) trait Decoder {
    /// Its calling convention in the Windows kernel.
    fn abi(&self) -> &'static Abi;

    /// Reads the instruction at `at`; `None` where there is none.
    fn read(&mut self, at: u32) -> Option<Lifted>;

    /// The same, told in short where that is all there is to it.
    fn read_on(&mut self, at: u32) -> Option<Read>;

    /// The length of the instruction at `at` and where code goes on; `None` where there is none. Unlike
    /// [`Decoder::read`] it remembers nothing.
    fn step(&mut self, at: u32) -> Option<(u32, Flow)>;

    /// What the instruction at `at` does with the flags, and when it jumps, if it `branches` on a condition.
    fn flags(&mut self, at: u32, branches: bool) -> (Flags, Condition);

    /// Adds what the instruction at `at` does to `ops`; to the flags only where `flags` says that this
    /// matters. Calls and jumps are told by [`Decoder::read`].
    fn lift(&mut self, at: u32, flags: bool, ops: &mut Vec<Op>);

    /// Reads a function: what [`crate::flow::graph`] does, made for this decoder, as it asks much of it.
    fn graph(
        &mut self,
        places: &Places<'_>,
        finder: &Finder<'_>,
        extent: Extent,
        wanted: &[Field],
    ) -> Graph;

    /// What the instruction at `at` does with the place that it names.
    fn access(&mut self, at: u32) -> Option<Access>;

    /// Forgets everything: another function follows.
    fn start_function(&mut self);

    /// Forgets the instructions before: the next one is not reached from the last.
    fn start_chain(&mut self);

    /// Where an indirect jump that was just decoded may go by a table; nothing if that is not known.
    /// `inside` tells whether a place may be a target.
    fn jump_table(&mut self, inside: &dyn Fn(u32) -> bool) -> Jumps;

    /// What the code at `at` stands in for, following a few jumps.
    fn stub(&self, at: u32) -> Stub;

    /// Whether the function at `at` is the one that compares the stack's cookie before another returns: it
    /// leaves every register as it is, or ends the system.
    fn checks_cookie(&self, at: u32) -> bool;

    /// The length of the instruction at `at`; `None` where there is none.
    fn length(&mut self, at: u32) -> Option<u32>;

    /// Whether the instruction around `at` begins elsewhere than at `start` wherever in `readings` reading on
    /// begins, but for where that ends before.
    fn is_inside_another(&mut self, start: u32, at: u32, readings: Range<u32>) -> bool;

    /// The length of the instruction at `at`, and the place that it names; `None` where it names none.
    fn names(&mut self, at: u32) -> Option<(u32, u32)>;

    /// Whether the instruction at `at` reads a register, and whether it writes it.
    fn uses(&mut self, at: u32, register: Reg) -> (bool, bool);

    /// Adds the memory that the instruction at `at` uses to `touches`.
    fn touches(&mut self, at: u32, touches: &mut Vec<Touch>);

    /// The register that the instruction at `at` copies to control register 0.
    fn control(&mut self, at: u32) -> Option<Reg>;

    /// The register that the instruction at `at` puts the address it names into, or what stands there;
    /// and whether it is the latter.
    fn made(&mut self, at: u32) -> Option<(Reg, bool)>;

    /// Whether something that is `asked` may become of what `register` holds before the instruction at `start`:
    /// a quick look that sees too much rather than too little, and all that is near, but not far.
    fn follow(&mut self, start: u32, register: Reg, asked: &Followed) -> bool;

    /// The same, and the place of the image that the value is stored in first, if that is before.
    fn follow_and_keep(
        &mut self,
        start: u32,
        register: Reg,
        asked: &Followed,
    ) -> (bool, Option<u32>);

    /// Whether the bytes at the start are what linkers put between functions.
    fn padding(&self, bytes: &[u8]) -> usize;
}
