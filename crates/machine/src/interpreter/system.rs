//! Instructions that leave to the host.

use super::core::{Core, Outcome};
use super::operand::mask;
use crate::{DescriptorTable, Exit, Operation, Place, Privileged, Register};
use iced_x86::{Instruction, Mnemonic, OpKind};

fn register(register: iced_x86::Register) -> Register {
    Register::numbered(register.full_register().number() as u8)
}

/// `mov` to and from control and debug registers.
pub(crate) fn special_register(core: &mut Core, i: &Instruction) -> Outcome {
    let (to, from) = (i.op0_register(), i.op1_register());
    let what = if from.is_cr() {
        Operation::ReadControl { control: from.number() as u8, into: register(to) }
    } else if from.is_dr() {
        Operation::ReadDebug { debug: from.number() as u8, into: register(to) }
    } else if to.is_cr() {
        Operation::WriteControl { control: to.number() as u8, value: core.get(from) }
    } else if to.is_dr() {
        Operation::WriteDebug { debug: to.number() as u8, value: core.get(from) }
    } else {
        return other(core, i, "mov");
    };
    leave(core, i, what)
}

fn leave(core: &mut Core, i: &Instruction, what: Operation) -> Outcome {
    core.raise(Exit::Privileged(Privileged { length: i.len() as u8, what }))
}

fn other(core: &mut Core, i: &Instruction, mnemonic: &'static str) -> Outcome {
    leave(core, i, Operation::Other { mnemonic })
}

/// Bytes that `in` and `out` move, and the port.
fn port(core: &Core, i: &Instruction, value: u32, port: u32) -> (u8, u16) {
    let width = i.op_register(value).size() as u8;
    let number = match i.op_kind(port) {
        OpKind::Register => core.general[2] as u16,
        _ => i.immediate(port) as u8 as u16,
    };
    (width, number)
}

/// Everything that only the host can answer.
pub(crate) fn privileged(core: &mut Core, i: &Instruction) -> Outcome {
    let low = |number: usize| core.general[number] as u32;
    let pair = u64::from(low(2)) << 32 | u64::from(low(0));
    let what = match i.mnemonic() {
        Mnemonic::Rdmsr => Operation::ReadModelSpecific { number: low(1) },
        Mnemonic::Wrmsr => Operation::WriteModelSpecific { number: low(1), value: pair },
        Mnemonic::In => {
            let (width, port) = port(core, i, 0, 1);
            Operation::In { port, width }
        }
        Mnemonic::Out => {
            let (width, port) = port(core, i, 1, 0);
            let value = core.general[0] & mask(width.into());
            Operation::Out { port, width, value: value as u32 }
        }
        Mnemonic::Cli => Operation::ClearInterrupts,
        Mnemonic::Sti => Operation::SetInterrupts,
        Mnemonic::Invlpg => Operation::InvalidatePage { address: core.address(i) },
        Mnemonic::Wbinvd | Mnemonic::Wbnoinvd | Mnemonic::Invd => Operation::WriteBackCache,
        Mnemonic::Swapgs => Operation::SwapGs,
        Mnemonic::Cpuid => Operation::CpuId { leaf: low(0), subleaf: low(1) },
        Mnemonic::Rdtsc => Operation::TimeStamp,
        Mnemonic::Rdtscp => Operation::TimeStampAndProcessor,
        Mnemonic::Xgetbv => Operation::XGetBv { number: low(1) },
        _ => Operation::XSetBv { number: low(1), value: pair },
    };
    leave(core, i, what)
}

/// `lgdt`, `sgdt` and their like.
pub(crate) fn descriptor_table(core: &mut Core, i: &Instruction) -> Outcome {
    let place = match i.op0_kind() {
        OpKind::Register => Place::Register(register(i.op0_register())),
        _ => Place::Memory(core.address(i)),
    };
    let (loads, table) = match i.mnemonic() {
        Mnemonic::Lgdt => (true, DescriptorTable::Global),
        Mnemonic::Lidt => (true, DescriptorTable::Interrupt),
        Mnemonic::Lldt => (true, DescriptorTable::Local),
        Mnemonic::Ltr => (true, DescriptorTable::Task),
        Mnemonic::Sgdt => (false, DescriptorTable::Global),
        Mnemonic::Sidt => (false, DescriptorTable::Interrupt),
        Mnemonic::Sldt => (false, DescriptorTable::Local),
        _ => (false, DescriptorTable::Task),
    };
    let what = if loads {
        Operation::LoadDescriptorTable { table, from: place }
    } else {
        Operation::StoreDescriptorTable { table, into: place }
    };
    leave(core, i, what)
}

/// Instructions that a host need only know the name of.
pub(crate) fn named(mnemonic: Mnemonic) -> Option<&'static str> {
    use Mnemonic as M;
    Some(match mnemonic {
        M::Vmcall => "vmcall",
        M::Vmmcall => "vmmcall",
        M::Vmxon => "vmxon",
        M::Vmxoff => "vmxoff",
        M::Vmlaunch => "vmlaunch",
        M::Vmresume => "vmresume",
        M::Vmread => "vmread",
        M::Vmwrite => "vmwrite",
        M::Vmptrld => "vmptrld",
        M::Vmptrst => "vmptrst",
        M::Vmclear => "vmclear",
        M::Vmfunc => "vmfunc",
        M::Vmrun => "vmrun",
        M::Vmload => "vmload",
        M::Vmsave => "vmsave",
        M::Stgi => "stgi",
        M::Clgi => "clgi",
        M::Invept => "invept",
        M::Invvpid => "invvpid",
        M::Invpcid => "invpcid",
        M::Syscall => "syscall",
        M::Sysret | M::Sysretq => "sysret",
        M::Sysenter => "sysenter",
        M::Sysexit | M::Sysexitq => "sysexit",
        M::Iret | M::Iretd | M::Iretq => "iret",
        M::Retf => "retf",
        M::Clts => "clts",
        M::Lmsw => "lmsw",
        M::Smsw => "smsw",
        M::Insb | M::Insw | M::Insd => "ins",
        M::Outsb | M::Outsw | M::Outsd => "outs",
        M::Rdpmc => "rdpmc",
        M::Rdrand => "rdrand",
        M::Rdseed => "rdseed",
        M::Rdpid => "rdpid",
        M::Monitor => "monitor",
        M::Mwait => "mwait",
        M::Lar => "lar",
        M::Lsl => "lsl",
        M::Verr => "verr",
        M::Verw => "verw",
        M::Lss => "lss",
        M::Lfs => "lfs",
        M::Lgs => "lgs",
        M::Getsec => "getsec",
        M::Rsm => "rsm",
        M::Into => "into",
        _ => return None,
    })
}

/// An instruction that [`named`] knows.
pub(crate) fn by_name(core: &mut Core, i: &Instruction) -> Outcome {
    other(core, i, named(i.mnemonic()).unwrap_or("?"))
}

/// `rdfsbase`, `rdgsbase`, `wrfsbase`, `wrgsbase`.
pub(crate) fn segment_base(core: &mut Core, i: &Instruction) -> Outcome {
    use super::core::{FS, GS};
    let base = match i.mnemonic() {
        Mnemonic::Rdfsbase | Mnemonic::Wrfsbase => FS,
        _ => GS,
    };
    if matches!(i.mnemonic(), Mnemonic::Rdfsbase | Mnemonic::Rdgsbase) {
        return core.write(i, 0, core.general[base as usize]);
    }
    let value = core.read(i, 0)?;
    if !crate::memory::canonical(value) {
        return core.raise(Exit::GeneralProtection);
    }
    core.general[base as usize] = value;
    Ok(())
}

/// `int3`, `int1`, `int n`, `ud2`, `hlt`.
pub(crate) fn interrupt(core: &mut Core, i: &Instruction) -> Outcome {
    match i.mnemonic() {
        Mnemonic::Int3 => core.raise_behind(Exit::Breakpoint),
        Mnemonic::Int1 => core.raise_behind(Exit::Interrupt { vector: 1 }),
        Mnemonic::Int => core.raise_behind(Exit::Interrupt { vector: i.immediate(0) as u8 }),
        Mnemonic::Hlt => core.raise_behind(Exit::Halt),
        _ => core.raise(Exit::InvalidOpcode),
    }
}

/// `clflush` and its like, which read the line as far as faults go.
pub(crate) fn cache_line(core: &mut Core, i: &Instruction) -> Outcome {
    core.load::<1>(core.address(i)).map(|_| ())
}

/// Hints, fences, prefetches: nothing that is seen here.
pub(crate) fn nothing(_: &mut Core, _: &Instruction) -> Outcome {
    Ok(())
}
