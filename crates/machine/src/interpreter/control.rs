//! Where to go on.

use super::core::{Core, Outcome};
use super::transfer::condition;
use crate::Exit;
use crate::memory::canonical;
use iced_x86::{Instruction, Mnemonic, OpKind};

impl Core {
    /// Goes on at an address that was worked out.
    #[inline]
    pub(crate) fn go(&mut self, target: u64) -> Outcome {
        if !canonical(target) {
            return self.raise(Exit::GeneralProtection);
        }
        self.rip = target;
        Ok(())
    }

    /// Calls: faults leave the stack pointer as it was.
    #[inline]
    pub(crate) fn call_to(&mut self, target: u64, back: u64) -> Outcome {
        if !canonical(target) {
            return self.raise(Exit::GeneralProtection);
        }
        self.push(back, 8)?;
        self.rip = target;
        self.finish()
    }
}

/// Where a branch leads.
fn target(core: &mut Core, i: &Instruction) -> Result<u64, super::core::Stop> {
    match i.op0_kind() {
        OpKind::Register | OpKind::Memory => core.read(i, 0),
        _ => Ok(i.near_branch_target()),
    }
}

/// `jmp`.
pub(crate) fn jump(core: &mut Core, i: &Instruction) -> Outcome {
    let target = target(core, i)?;
    core.go(target)
}

/// `call`.
pub(crate) fn call(core: &mut Core, i: &Instruction) -> Outcome {
    let target = target(core, i)?;
    core.call_to(target, i.next_ip())
}

/// `ret`.
pub(crate) fn ret(core: &mut Core, i: &Instruction) -> Outcome {
    let back = core.top(8)?;
    core.go(back)?;
    let more = if i.op_count() > 0 { i.immediate(0) & 0xFFFF } else { 0 };
    core.general[4] = core.general[4].wrapping_add(8 + more);
    Ok(())
}

/// `jcc`.
pub(crate) fn conditional(core: &mut Core, i: &Instruction) -> Outcome {
    let holds = core.flags.holds(condition(i));
    core.rip = if holds { i.near_branch_target() } else { i.next_ip() };
    Ok(())
}

/// `loop`, `loope`, `loopne`, `jrcxz`, `jecxz`.
pub(crate) fn counted(core: &mut Core, i: &Instruction) -> Outcome {
    use iced_x86::Code as C;
    let short = matches!(
        i.code(),
        C::Jecxz_rel8_64 | C::Loop_rel8_64_ECX | C::Loope_rel8_64_ECX | C::Loopne_rel8_64_ECX
    );
    let width = if short { 0xFFFF_FFFF } else { u64::MAX };
    let zero = core.flags.holds(4);
    let taken = match i.mnemonic() {
        Mnemonic::Jrcxz | Mnemonic::Jecxz => core.general[1] & width == 0,
        _ => {
            let left = core.general[1].wrapping_sub(1) & width;
            core.general[1] = left;
            left != 0
                && match i.mnemonic() {
                    Mnemonic::Loope => zero,
                    Mnemonic::Loopne => !zero,
                    _ => true,
                }
        }
    };
    core.rip = if taken { i.near_branch_target() } else { i.next_ip() };
    Ok(())
}
