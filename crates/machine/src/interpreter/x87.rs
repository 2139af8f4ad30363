//! The little of x87 that code uses which saves and restores its state. There is no arithmetic, so all that
//! ever differs from what a reset leaves is the control word.

use super::core::{Core, Outcome};
use super::family::Family;
use iced_x86::{Instruction, Mnemonic};

/// The control word after a reset.
pub(crate) const RESET: u16 = 0x037F;
/// The bits of the control word that can be set; one is always.
const SETTABLE: u16 = 0x1F3F;
const ALWAYS: u16 = 0x40;

impl Core {
    /// Sets the control word as far as it can be set.
    pub(crate) fn set_x87_control(&mut self, word: u16) {
        self.x87_control = word & SETTABLE | ALWAYS;
    }
}

pub(crate) fn family(i: &Instruction) -> Option<Family> {
    use Mnemonic as M;
    Some(match i.mnemonic() {
        M::Fninit | M::Finit => reset,
        M::Fnstcw | M::Fstcw => store_control,
        M::Fldcw => load_control,
        M::Fnstsw | M::Fstsw => store_status,
        M::Fnclex | M::Fclex | M::Wait | M::Emms => super::system::nothing,
        _ => return None,
    })
}

fn reset(core: &mut Core, _: &Instruction) -> Outcome {
    core.x87_control = RESET;
    Ok(())
}

fn store_control(core: &mut Core, i: &Instruction) -> Outcome {
    core.write(i, 0, core.x87_control.into())
}

fn load_control(core: &mut Core, i: &Instruction) -> Outcome {
    let word = core.read(i, 0)?;
    core.set_x87_control(word as u16);
    Ok(())
}

/// Nothing has ever happened.
fn store_status(core: &mut Core, i: &Instruction) -> Outcome {
    core.write(i, 0, 0)
}
