//! What was seen of a finding when the driver ran.

use crate::full::{Remark, at};
use crate::source;
use ringfence_finding::{RunEnvironment, Seen, StackFrame};

/// Callers that are told, from the inside out.
const MOST_FRAMES: usize = 8;

/// What was seen, and with `stacks` who called whom and what the registers held.
///
/// Driver Verifier stops at every section for what is one finding; such stops are one remark.
pub(crate) fn remarks(path: &str, all: &[Seen], stacks: bool) -> Vec<Remark> {
    let mut remarks = Vec::new();
    for (index, seen) in all.iter().enumerate() {
        if all[..index].iter().any(|before| is_alike(before, seen)) {
            continue;
        }
        let more = all[index + 1..].iter().filter(|after| is_alike(seen, after)).count();
        remarks.push(("seen by", by_whom(seen, more)));
        // Both set-ups often come to the same place with the same values.
        let is_told = all[..index]
            .iter()
            .any(|before| (&before.stack, &before.registers) == (&seen.stack, &seen.registers));
        if !stacks || is_told {
            continue;
        }
        remarks.extend(stack(path, &seen.stack).map(|stack| ("stack", stack)));
        remarks.extend(registers(seen).map(|registers| ("registers", registers)));
    }
    remarks
}

/// Whether two stops were of one kind in the image itself, which has no stack.
fn is_alike(one: &Seen, other: &Seen) -> bool {
    let kind = |seen: &Seen| {
        let check = seen.bugcheck.as_ref();
        check.map(|check| (check.code.clone(), check.parameters[0].clone()))
    };
    one.stack.is_empty()
        && other.stack.is_empty()
        && (one.environment, &one.phase) == (other.environment, &other.phase)
        && kind(one) == kind(other)
}

/// `emulated Driver Verifier, in DriverEntry: bug check 0xC4 (…)`.
fn by_whom(seen: &Seen, more: usize) -> String {
    let is_verifier = seen.bugcheck.as_ref().is_some_and(|check| check.code == "0xC4");
    let by = match seen.environment {
        RunEnvironment::Verifier if is_verifier => "emulated Driver Verifier",
        // Pages' rights stop it, not Driver Verifier.
        RunEnvironment::Verifier => "the emulated kernel with memory integrity off",
        RunEnvironment::Hvci => "emulated memory integrity",
    };
    let doubt = if seen.under_assumption { ", under assumption" } else { "" };
    let end = seen.bugcheck.as_ref().map(|check| format!(": bug check {check}"));
    let end = end.unwrap_or_else(|| "; the run is not stopped for it".to_owned());
    let builds = if seen.depends_on_build { ", on builds that look at it" } else { "" };
    let more = match more {
        0 => String::new(),
        more => format!(", and {more} more like it"),
    };
    format!("{by}, in {}{doubt}{end}{builds}{more}", seen.phase)
}

/// `rax=ffffe00000000640 rip=fffff800010003c0, all others 0`.
fn registers(seen: &Seen) -> Option<String> {
    let is_zero = |value: &str| value.bytes().all(|digit| digit == b'0');
    let (zero, other): (Vec<_>, Vec<_>) =
        seen.registers.iter().partition(|(_, value)| is_zero(value));
    let told: Vec<String> = other.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let rest = if zero.is_empty() { "" } else { ", all others 0" };
    (!told.is_empty()).then(|| format!("{}{rest}", told.join(" ")))
}

/// Who called whom: `acme.sys+1a45 in Allocate (pool.c:12), called by acme.sys+2b10`; none where nothing is known.
pub(crate) fn stack(path: &str, frames: &[StackFrame]) -> Option<String> {
    let told: Vec<String> = frames.iter().take(MOST_FRAMES).map(|one| frame(path, one)).collect();
    (!told.is_empty()).then(|| told.join(", called by "))
}

/// `acme.sys+1a45 in Allocate (pool.c:12)`, or an address outside of the image.
fn frame(path: &str, frame: &StackFrame) -> String {
    let Some(rva) = frame.rva else { return frame.address.clone() };
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    let place = at(name, Some(rva));
    let Some(of) = &frame.source else { return place };
    let function = of.function.as_deref().map(|name| format!(" in {}", source::shown(name)));
    let line = source::line_and_origin(of).map(|line| format!(" ({line})"));
    format!("{place}{}{}", function.unwrap_or_default(), line.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringfence_finding::BugCheck;

    fn seen(environment: RunEnvironment, code: u32, third: u64, rva: Option<u32>) -> Seen {
        let frame = StackFrame { address: "0x1".to_owned(), rva, source: None };
        let zeros = "0".repeat(16);
        Seen {
            environment,
            phase: "DriverEntry".to_owned(),
            bugcheck: Some(BugCheck::new(code, [0x2004, 0, third, 0])),
            count: 1,
            rva,
            registers: vec![("rax", "0000000000000010".to_owned()), ("rbx", zeros)],
            stack: rva.map(|_| frame).into_iter().collect(),
            under_assumption: false,
            depends_on_build: false,
        }
    }

    #[test]
    fn stops_at_each_section_are_one_remark() {
        let of = |third| seen(RunEnvironment::Verifier, 0xC4, third, None);
        let told = remarks("a.sys", &[of(1), of(2), of(3)], false);
        assert_eq!(
            told,
            [(
                "seen by",
                "emulated Driver Verifier, in DriverEntry: bug check 0xC4 (0x2004, 0x0, 0x1, 0x0), and 2 more like it"
                    .to_owned()
            )]
        );
    }

    #[test]
    fn the_same_stack_is_told_once_and_zeros_together() {
        let of = |environment| seen(environment, 0xBE, 0, Some(0x1000));
        let both = [of(RunEnvironment::Verifier), of(RunEnvironment::Hvci)];
        let told = remarks("a.sys", &both, true);
        let names: Vec<_> = told.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["seen by", "stack", "registers", "seen by"]);
        assert_eq!(told[2].1, "rax=0000000000000010, all others 0");
        assert!(told[0].1.starts_with("the emulated kernel with memory integrity off"));
    }
}
