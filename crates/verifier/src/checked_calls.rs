//! Calls that ask for executable memory, as Driver Verifier looks at them.

use crate::bug_check;
use crate::call::Call;
use crate::kernel::Kernel;
use crate::{BugCheck, End, Fixed, Frame, Kind};
use ringfence_ddi::{Bits, Ddi, Grant, Role, Ruling, VerifierBehaviour};

impl Kernel<'_> {
    /// Driver Verifier looks at a call before the function does.
    pub(crate) fn check(&mut self, ddi: &'static Ddi, call: &Call) {
        self.tally(ddi, call);
        if !self.checks_code_integrity() {
            return;
        }
        match ddi.verifier.behaviour {
            VerifierBehaviour::Report | VerifierBehaviour::ViaModule if self.is_looked_at(ddi) => {
                self.report(ddi, call);
            }
            VerifierBehaviour::SubstituteNx if asks(ddi, call).is_some() => {
                let rva = self.rva(call.caller);
                let fixed = Fixed { ddi: ddi.name, caller: call.caller, rva };
                let room = self.told.len() < self.options.budget.entries;
                if room && self.told.insert((0, call.caller)) {
                    self.run.fixed.push(fixed);
                }
            }
            _ => {}
        }
    }

    /// Counts what a call asks for, where it decides about executable memory.
    fn tally(&mut self, ddi: &'static Ddi, call: &Call) {
        if !matches!(ddi.grant, Grant::Argument | Grant::Always) {
            return;
        }
        let Some(rva) = self.rva(call.caller) else { return };
        let (key, room) = ((rva, ddi.name), self.run.requests.len() < self.options.budget.entries);
        if !room && !self.run.requests.contains_key(&key) {
            return;
        }
        let under_assumption = self.run.under_assumption();
        let tally = self.run.requests.entry(key).or_default();
        tally.calls += 1;
        tally.executable += u64::from(asks(ddi, call).is_some());
        tally.under_assumption |= under_assumption;
    }

    /// Reports a call that asks for executable memory, once per call site and subcode.
    fn report(&mut self, ddi: &'static Ddi, call: &Call) {
        let Some(subcode) = ddi.verifier.subcode else { return };
        let Some((value, shown)) = asks(ddi, call) else { return };
        let place = self.call_site(ddi, call, value);
        if let Some(&known) = self.reported.get(&place) {
            if let Some(violation) = self.run.violations.get_mut(known) {
                violation.count += 1;
            }
            return;
        }
        if self.reported.len() >= self.options.budget.entries {
            return;
        }
        self.reported.insert(place, self.run.violations.len());
        // ExAllocatePool2 and 3 hand a converted type on, and no tag.
        let converted = shown != value;
        let tag =
            ddi.parameters.iter().position(|parameter| matches!(parameter.name, "Tag" | "PoolTag"));
        let tag = tag.filter(|_| subcode == 0x2000 && !converted && !is_pool_flags(ddi));
        let tag = tag.map_or(0, |index| u64::from(call.u32(index)));
        let parameters = [u64::from(subcode), call.caller, shown, tag];
        let code = bug_check::DRIVER_VERIFIER_DETECTED_VIOLATION;
        let mut violation = self.violation(Kind::CodeIntegrity, BugCheck { code, parameters });
        violation.ddi = Some(ddi);
        violation.function = Some(std::sync::Arc::clone(&call.name));
        violation.value = Some(value);
        violation.address = call.caller;
        violation.rva = self.rva(call.caller);
        violation.call_site = violation.rva;
        // The call's own frame is the kernel's.
        violation.stack = self.stack_of_call(call);
        self.record(violation);
        self.run.end = End::Violation;
    }

    /// What makes a call another one than those before. A jump to the function leaves no address of its own: the call
    /// returns where the function returns that jumped. So calls by jumps are told apart by what they ask for.
    fn call_site(&mut self, ddi: &'static Ddi, call: &Call, value: u64) -> CallSite {
        /// The first of the five bytes of a direct call, which is none of a function of the kernel.
        const DIRECT: u8 = 0xE8;
        let is_direct = |before| self.u8(before).is_ok_and(|byte| byte == DIRECT);
        let is_jump = self.rva(call.caller).is_none() || is_direct(call.caller.wrapping_sub(5));
        let by_jump = is_jump.then_some((self.routine, value));
        CallSite { ddi: ddi.name, caller: call.caller, by_jump }
    }

    /// Who called whom, seen from a function of the kernel.
    fn stack_of_call(&mut self, call: &Call) -> Vec<Frame> {
        let mut registers = self.registers().clone();
        let stack = registers.get(ringfence_machine::Register::Rsp);
        registers.rip = call.caller;
        registers.set(ringfence_machine::Register::Rsp, stack.wrapping_add(8));
        self.stack(&registers)
    }
}

/// What tells calls of functions of the kernel apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct CallSite {
    ddi: &'static str,
    /// Where the call returns to.
    caller: u64,
    /// Where it may be one by a jump: the function that the kernel called, and what is asked for.
    by_jump: Option<(u64, u64)>,
}

fn is_pool_flags(ddi: &Ddi) -> bool {
    ddi.deciding().is_some_and(|(_, parameter)| parameter.role == Some(Role::PoolFlags))
}

/// The deciding argument of a call that asks for executable memory, and how the bug check shows it.
fn asks(ddi: &'static Ddi, call: &Call) -> Option<(u64, u64)> {
    let Some((index, parameter)) = ddi.deciding() else {
        // MmMapLockedPages and its like leave no choice.
        let always = ddi.grant == Grant::Always;
        return always.then_some((0, 0));
    };
    let role = parameter.role?;
    let value = call.at(usize::from(index)) & (u64::MAX >> (64 - u32::from(role.bits())));
    if role == Role::PoolFlags && !names_one_pool(value) {
        // It gives no memory, and Driver Verifier does not look at it.
        return None;
    }
    let ruling = role.rule(Bits::of(value));
    let executable = matches!(ruling, Ruling::Executable | Ruling::WritableExecutable);
    let shown = if role == Role::PoolFlags { converted(value) } else { value };
    executable.then_some((value, shown))
}

/// Whether POOL_FLAGS name one pool, as they have to: executable, non-paged or paged.
pub(crate) fn names_one_pool(flags: u64) -> bool {
    const POOLS: u64 = 0x1C0;
    (flags & POOLS).count_ones() == 1
}

/// The POOL_TYPE that POOL_FLAGS stand for, without what only modifies it.
pub(crate) fn converted(flags: u64) -> u64 {
    /// POOL_FLAG_ values.
    const SESSION: u64 = 0x4;
    const CACHE_ALIGNED: u64 = 0x8;
    const NON_PAGED: u64 = 0x40;
    const PAGED: u64 = 0x100;
    let mut kind = match flags {
        _ if flags & PAGED != 0 => 1,
        _ if flags & NON_PAGED != 0 => 0x200,
        _ => 0,
    };
    if flags & CACHE_ALIGNED != 0 {
        kind |= 4;
    }
    if flags & SESSION != 0 {
        kind |= 0x20;
    }
    kind
}
