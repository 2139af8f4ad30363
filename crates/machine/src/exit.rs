//! Why a run ended.

use crate::Register;

/// Why a run ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exit {
    /// RIP came to a gate. After a call, the return address is on the stack as the call left it.
    Gate {
        /// Where RIP is.
        address: u64,
    },
    /// A page is not there, or does not allow what was tried.
    PageFault {
        /// The first byte that could not be reached.
        address: u64,
        /// What was tried.
        access: Access,
        /// Whether the page is there.
        mapped: bool,
    },
    /// A division by zero, or a quotient too large.
    DivideError,
    /// Bytes that are no instruction, or `ud2`.
    InvalidOpcode,
    /// A general protection fault: a non-canonical address, or one that SSE wants aligned and is not.
    GeneralProtection,
    /// `int3`. RIP is behind it.
    Breakpoint,
    /// `int n`. RIP is behind it.
    Interrupt {
        /// The n.
        vector: u8,
    },
    /// An instruction whose effect is the host's to give. RIP is at it; the host moves RIP on.
    Privileged(Privileged),
    /// `hlt`. RIP is behind it.
    Halt,
    /// As many instructions were run as were allowed.
    Budget,
    /// An instruction that this processor does not know; nothing of it happened.
    Unsupported {
        /// Its bytes, and zeros.
        bytes: [u8; 15],
        /// How many of them belong to it.
        length: u8,
    },
}

/// What was tried on a page.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the names say it all")]
pub enum Access {
    Read,
    Write,
    Execute,
}

/// An instruction whose effect is the host's to give.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Privileged {
    /// How many bytes it has.
    pub length: u8,
    /// What it is to do.
    pub what: Operation,
}

/// What only ring 0 may do, or what depends on the machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operation {
    /// `mov register, crN`.
    ReadControl {
        /// The N.
        control: u8,
        /// Where the value goes.
        into: Register,
    },
    /// `mov crN, register`.
    WriteControl {
        /// The N.
        control: u8,
        /// What is written.
        value: u64,
    },
    /// `mov register, drN`.
    ReadDebug {
        /// The N.
        debug: u8,
        /// Where the value goes.
        into: Register,
    },
    /// `mov drN, register`.
    WriteDebug {
        /// The N.
        debug: u8,
        /// What is written.
        value: u64,
    },
    /// `rdmsr`: the value goes into EDX:EAX.
    ReadModelSpecific {
        /// ECX.
        number: u32,
    },
    /// `wrmsr`.
    WriteModelSpecific {
        /// ECX.
        number: u32,
        /// EDX:EAX.
        value: u64,
    },
    /// `in`: the value goes into AL, AX or EAX.
    In {
        /// The port.
        port: u16,
        /// Bytes: 1, 2 or 4.
        width: u8,
    },
    /// `out`.
    Out {
        /// The port.
        port: u16,
        /// Bytes: 1, 2 or 4.
        width: u8,
        /// What is written.
        value: u32,
    },
    /// `cli`.
    ClearInterrupts,
    /// `sti`.
    SetInterrupts,
    /// `lgdt`, `lidt`, `lldt`, `ltr`.
    LoadDescriptorTable {
        /// Which.
        table: DescriptorTable,
        /// Where its new value stands.
        from: Place,
    },
    /// `sgdt`, `sidt`, `sldt`, `str`.
    StoreDescriptorTable {
        /// Which.
        table: DescriptorTable,
        /// Where its value goes.
        into: Place,
    },
    /// `invlpg`.
    InvalidatePage {
        /// Any address in the page.
        address: u64,
    },
    /// `wbinvd`, `wbnoinvd`, `invd`.
    WriteBackCache,
    /// `swapgs`.
    SwapGs,
    /// `cpuid`: the answer goes into EAX, EBX, ECX, EDX.
    CpuId {
        /// EAX.
        leaf: u32,
        /// ECX.
        subleaf: u32,
    },
    /// `rdtsc`: the time goes into EDX:EAX.
    TimeStamp,
    /// `rdtscp`: the time goes into EDX:EAX, the processor's number into ECX.
    TimeStampAndProcessor,
    /// `xgetbv`: the value goes into EDX:EAX.
    XGetBv {
        /// ECX.
        number: u32,
    },
    /// `xsetbv`.
    XSetBv {
        /// ECX.
        number: u32,
        /// EDX:EAX.
        value: u64,
    },
    /// Anything else: `vmcall`, `sysret`, `iretq`, …
    Other {
        /// What assemblers call it.
        mnemonic: &'static str,
    },
}

/// A register that names a table of descriptors.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "the names are the processor's own")]
pub enum DescriptorTable {
    Global,
    Interrupt,
    Local,
    Task,
}

/// Where an operand stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// At an address.
    Memory(u64),
    /// In a general register.
    Register(Register),
}
