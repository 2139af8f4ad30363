//! Unwinding the stack by the image's exception directory.

use crate::kernel::Kernel;
use crate::{Frame, gates};
use ringfence_image::{Function, Rva};
use ringfence_machine::{Register, Registers};

/// What the unwind information says of the function that an address lies in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Handler {
    /// The language's handler.
    pub routine: u64,
    /// What is its own behind it.
    pub data: u64,
    /// UNW_FLAG_EHANDLER: it wants to see exceptions.
    pub exceptions: bool,
    /// UNW_FLAG_UHANDLER: it wants to see unwinding.
    pub unwinding: bool,
}

/// One step outwards.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    /// The function's entry; none for a leaf function.
    pub function: Option<Function>,
    /// What other functions call the function's frame.
    pub establisher: u64,
    /// Its handler.
    pub handler: Option<Handler>,
    /// The registers of the caller.
    pub caller: Registers,
}

/// Chained entries that are followed, at most.
const MOST_CHAINED: usize = 32;
/// Frames that are told, at most.
const MOST_FRAMES: usize = 64;

/// The header in front of unwind codes.
struct Information {
    version: u8,
    flags: u8,
    prolog: u8,
    codes: u64,
    count: u8,
    frame_register: u8,
    frame_offset: u8,
}

/// A general register by its number in the encoding.
fn numbered(registers: &mut Registers, number: u8) -> &mut u64 {
    &mut registers.general[usize::from(number & 15)]
}

impl Kernel<'_> {
    /// Who called whom, from `registers` outwards.
    pub(crate) fn stack(&self, registers: &Registers) -> Vec<Frame> {
        let frame = |address| Frame { address, rva: self.rva(address) };
        let mut frames = vec![frame(registers.rip)];
        let mut now = registers.clone();
        // Where execution went astray, what was called last is on the stack.
        while frames.len() < MOST_FRAMES && (frames.len() == 1 || self.loaded.contains(now.rip)) {
            let Some(step) = self.step(&now) else { break };
            if step.caller.get(Register::Rsp) <= now.get(Register::Rsp) {
                break;
            }
            now = step.caller;
            if now.rip == gates::RETURN || now.rip == 0 {
                break;
            }
            frames.push(frame(now.rip));
        }
        frames
    }

    /// The caller of the function that `registers` are in, and what that function's unwind
    /// information says; none where it cannot be read.
    pub(crate) fn step(&self, registers: &Registers) -> Option<Step> {
        let rva = self.rva(registers.rip);
        let function = rva.and_then(|rva| self.image().functions().containing(Rva(rva)));
        let mut caller = registers.clone();
        let Some(first) = function else {
            // A leaf function: nothing but the return address is on the stack.
            let establisher = caller.get(Register::Rsp);
            self.pop_return(&mut caller)?;
            return Some(Step { function: None, establisher, handler: None, caller });
        };
        let offset = rva?.wrapping_sub(first.begin.0);
        let mut establisher = None;
        let mut handler = None;
        let mut entry = first;
        let mut machine_frame = false;
        for depth in 0..MOST_CHAINED {
            let information = self.information(entry)?;
            // A fragment is whole: all of its parent's prolog has been run.
            let within = if depth == 0 { offset } else { u32::MAX };
            let base = self.frame_base(&information, &caller, within);
            establisher.get_or_insert(base);
            let in_body = within == u32::MAX || offset >= u32::from(information.prolog);
            if in_body && information.flags & 3 != 0 && information.flags & 4 == 0 {
                handler = self.handler(&information);
            }
            machine_frame |= self.undo(&information, &mut caller, within)?;
            if information.flags & 4 == 0 {
                break;
            }
            entry = self.chained(&information)?;
        }
        if !machine_frame {
            self.pop_return(&mut caller)?;
        }
        Some(Step { function, establisher: establisher?, handler, caller })
    }

    fn pop_return(&self, caller: &mut Registers) -> Option<()> {
        let stack = caller.get(Register::Rsp);
        caller.rip = self.u64(stack).ok()?;
        caller.set(Register::Rsp, stack.wrapping_add(8));
        Some(())
    }

    fn information(&self, entry: Function) -> Option<Information> {
        let at = self.loaded.at(entry.unwind?.0);
        let first = self.u8(at).ok()?;
        let frame = self.u8(at.wrapping_add(3)).ok()?;
        Some(Information {
            version: first & 7,
            flags: first >> 3,
            prolog: self.u8(at.wrapping_add(1)).ok()?,
            count: self.u8(at.wrapping_add(2)).ok()?,
            codes: at + 4,
            frame_register: frame & 15,
            frame_offset: frame >> 4,
        })
    }

    /// What stands behind the codes, which take an even number of words.
    fn tail(information: &Information) -> u64 {
        information.codes + 2 * u64::from(information.count).next_multiple_of(2)
    }

    fn handler(&self, information: &Information) -> Option<Handler> {
        let tail = Self::tail(information);
        let routine = self.loaded.at(self.u32(tail).ok()?);
        Some(Handler {
            routine,
            data: tail + 4,
            exceptions: information.flags & 1 != 0,
            unwinding: information.flags & 2 != 0,
        })
    }

    fn chained(&self, information: &Information) -> Option<Function> {
        let tail = Self::tail(information);
        Some(Function {
            begin: Rva(self.u32(tail).ok()?),
            end: Some(Rva(self.u32(tail.wrapping_add(4)).ok()?)),
            unwind: Some(Rva(self.u32(tail.wrapping_add(8)).ok()?)),
        })
    }

    /// The frame's address: by the frame register once that is set, else by the stack pointer.
    fn frame_base(&self, information: &Information, now: &Registers, within: u32) -> u64 {
        let set = within >= u32::from(information.prolog)
            || self
                .codes(information)
                .any(|code| code.operation == 3 && u32::from(code.offset) <= within);
        if information.frame_register == 0 || !set {
            return now.get(Register::Rsp);
        }
        let value = now.general[usize::from(information.frame_register)];
        value.wrapping_sub(16 * u64::from(information.frame_offset))
    }

    fn codes<'k>(&'k self, information: &Information) -> impl Iterator<Item = Code> + use<'k> {
        let (at, count, version) = (information.codes, information.count, information.version);
        let mut index = 0;
        std::iter::from_fn(move || {
            if index >= count {
                return None;
            }
            let half = |more: u8| {
                let at = at + 2 * (u64::from(index) + u64::from(more));
                self.u16(at).map_or(0, u32::from)
            };
            let word = half(0);
            let operation = (word >> 8) as u8 & 15;
            let detail = (word >> 12) as u8;
            let (value, slots) = match operation {
                1 if detail == 0 => (half(1) * 8, 2),
                1 => (half(1) | half(2) << 16, 3),
                2 => (u32::from(detail) * 8 + 8, 1),
                4 => (half(1) * 8, 2),
                5 | 9 => (half(1) | half(2) << 16, 3),
                6 => (0, if version == 1 { 2 } else { 1 }),
                8 => (half(1) * 16, 2),
                _ => (0, 1),
            };
            index = index.saturating_add(slots);
            Some(Code { offset: word as u8, operation, detail, value })
        })
    }

    /// Undoes what of the prolog has been run; whether that was a trap of the processor.
    fn undo(&self, information: &Information, now: &mut Registers, within: u32) -> Option<bool> {
        let base = self.frame_base(information, now, within);
        for code in self.codes(information) {
            if u32::from(code.offset) > within {
                continue;
            }
            let stack = now.get(Register::Rsp);
            match code.operation {
                0 => {
                    *numbered(now, code.detail) = self.u64(stack).ok()?;
                    // What was pushed may be the stack pointer itself.
                    now.set(Register::Rsp, stack.wrapping_add(8));
                }
                1 | 2 => now.set(Register::Rsp, stack.wrapping_add(u64::from(code.value))),
                3 => now.set(Register::Rsp, base),
                4 | 5 => {
                    let at = base.wrapping_add(u64::from(code.value));
                    *numbered(now, code.detail) = self.u64(at).ok()?;
                }
                8 | 9 => {
                    let at = base.wrapping_add(u64::from(code.value));
                    let mut saved = [0; 16];
                    self.processor.memory().read(at, &mut saved).ok()?;
                    now.vectors[usize::from(code.detail)][..16].copy_from_slice(&saved);
                }
                10 => {
                    let frame = stack.wrapping_add(8 * u64::from(code.detail & 1));
                    now.rip = self.u64(frame).ok()?;
                    now.set(Register::Rsp, self.u64(frame.wrapping_add(24)).ok()?);
                    return Some(true);
                }
                _ => {}
            }
        }
        Some(false)
    }
}

/// An unwind code.
struct Code {
    offset: u8,
    operation: u8,
    detail: u8,
    value: u32,
}

#[cfg(test)]
mod tests {
    use crate::loader::Loaded;
    use crate::{Environment, Options, boot};
    use ringfence_image::Image;
    use ringfence_machine::{PAGE, Register, Rights};

    /// The image's own reader says how many bytes a function takes from the stack; a step outwards from its
    /// end gives them and the return address back.
    #[test]
    fn steps_are_as_long_as_frames() {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/drivers/");
        let mut functions = 0;
        for name in [
            "wdm-x64.sys",
            "clean-x64.sys",
            "library-pool-x64.sys",
            "kmdf-x64.sys",
            "nx-opt-in-x64.sys",
        ] {
            let bytes = std::fs::read(format!("{root}{name}")).unwrap();
            let image = Image::read(&bytes).unwrap();
            let options = Options::new(Environment::Hvci, name);
            let loaded = Loaded::place(&image, options.budget.pages).unwrap();
            let mut kernel = boot(&options, loaded).unwrap();
            assert!(kernel.load());
            const STACK: u64 = 0xFFFF_DDDD_0000_0000;
            assert!(kernel.map(STACK, 64, Rights::READ_WRITE, "stack"));
            for function in image.functions().iter() {
                let unwind = image.unwind(&function).unwrap();
                if unwind.chained.is_some() || unwind.frame_register.is_some() {
                    continue;
                }
                let mut registers = kernel.registers().clone();
                registers.rip = kernel.loaded.at(function.end.unwrap().0) - 1;
                registers.set(Register::Rsp, STACK + PAGE);
                let step = kernel.step(&registers).unwrap();
                let length = step.caller.get(Register::Rsp) - registers.get(Register::Rsp);
                assert_eq!(length, u64::from(unwind.frame) + 8, "{name} {function:?}");
                assert_eq!(step.establisher, STACK + PAGE);
                functions += 1;
            }
        }
        assert!(functions > 20, "{functions}");
    }
}
