//! How large a value can be, by the comparison or the mask that the instructions before its use hold it to.

use iced_x86::{Instruction, Mnemonic, OpKind, Register};

/// A value stays below `number` on the straight way from the instruction `since` on.
#[derive(Clone, Copy)]
pub(super) struct Bound {
    pub(super) number: usize,
    pub(super) since: u32,
    /// Whether a comparison says so: then every smaller number is possible, as far as the compiler knew.
    pub(super) is_compared: bool,
}

/// What `register` is held to behind the instructions `before`.
pub(super) fn bound(before: &[&Instruction], register: Register) -> Option<Bound> {
    let mut values = Numbers::default();
    for instruction in before {
        values.pass(instruction);
    }
    let id = values.of(Place::Register(register.full_register()));
    values.bounds.iter().rev().find(|(held, _)| *held == id).map(|(_, bound)| *bound)
}

/// Where a value can be kept.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Register(Register),
    Stack(Register, u64),
}

/// A number for every value, the same one for copies. There are few of them.
#[derive(Default)]
struct Numbers {
    ids: Vec<(Place, u32)>,
    next: u32,
    /// The last one for each number counts.
    bounds: Vec<(u32, Bound)>,
    /// The comparison whose result the flags hold.
    compared: Option<(u32, u64)>,
}

impl Numbers {
    fn of(&mut self, place: Place) -> u32 {
        match self.ids.iter().find(|(known, _)| *known == place) {
            Some((_, id)) => *id,
            None => self.fresh(place),
        }
    }

    fn put(&mut self, place: Place, id: u32) {
        match self.ids.iter_mut().find(|(known, _)| *known == place) {
            Some(known) => known.1 = id,
            None => self.ids.push((place, id)),
        }
    }

    fn fresh(&mut self, place: Place) -> u32 {
        self.next += 1;
        self.put(place, self.next);
        self.next
    }

    fn pass(&mut self, i: &Instruction) {
        let compared = self.compared.take_if(|_| i.rflags_modified() != 0);
        let place = operand(i, 0);
        match i.mnemonic() {
            // The code behind it runs only where the value is small.
            Mnemonic::Ja => self.guard(i, 1),
            Mnemonic::Jae => self.guard(i, 0),
            Mnemonic::Cmp => self.compare(i),
            Mnemonic::Sub => {
                self.compare(i);
                place.map(|place| self.fresh(place));
            }
            Mnemonic::And => {
                let Some(place) = place else { return };
                let id = self.fresh(place);
                if let Ok(mask) = i.try_immediate(1) {
                    self.hold(id, mask.saturating_add(1), i, false);
                }
            }
            Mnemonic::Mov | Mnemonic::Movsxd | Mnemonic::Movzx => {
                let Some(to) = place else { return };
                match operand(i, 1) {
                    Some(from) => {
                        let id = self.of(from);
                        self.put(to, id);
                    }
                    None => drop(self.fresh(to)),
                }
            }
            Mnemonic::Test | Mnemonic::Push | Mnemonic::Nop | Mnemonic::Cdqe => {
                self.compared = self.compared.or(compared.filter(|_| i.rflags_modified() == 0));
            }
            // Writes to what its operands do not name.
            Mnemonic::Mul
            | Mnemonic::Div
            | Mnemonic::Idiv
            | Mnemonic::Imul
            | Mnemonic::Xchg
            | Mnemonic::Cmpxchg
            | Mnemonic::Xadd
            | Mnemonic::Cdq
            | Mnemonic::Cqo
            | Mnemonic::Cpuid => self.ids.clear(),
            _ if i.is_call_near() || i.is_call_near_indirect() || i.is_string_instruction() => {
                self.ids.clear();
            }
            _ => drop(place.map(|place| self.fresh(place))),
        }
    }

    fn compare(&mut self, i: &Instruction) {
        if let (Some(place), Ok(number)) = (operand(i, 0), i.try_immediate(1)) {
            self.compared = Some((self.of(place), number));
        }
    }

    fn guard(&mut self, i: &Instruction, more: u64) {
        if let Some((id, number)) = self.compared {
            self.hold(id, number.saturating_add(more), i, true);
        }
    }

    fn hold(&mut self, id: u32, number: u64, i: &Instruction, is_compared: bool) {
        let number = usize::try_from(number).unwrap_or(usize::MAX);
        self.bounds.push((id, Bound { number, since: i.ip() as u32, is_compared }));
    }
}

/// A general register, or what stands at a known distance from the stack or frame pointer.
fn operand(i: &Instruction, operand: u32) -> Option<Place> {
    if operand >= i.op_count() {
        return None;
    }
    match i.op_kind(operand) {
        OpKind::Register if i.op_register(operand).full_register().is_gpr64() => {
            Some(Place::Register(i.op_register(operand).full_register()))
        }
        OpKind::Memory
            if matches!(i.memory_base(), Register::RSP | Register::RBP)
                && i.memory_index() == Register::None =>
        {
            Some(Place::Stack(i.memory_base(), i.memory_displacement64()))
        }
        _ => None,
    }
}
