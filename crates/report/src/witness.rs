//! What was seen of a finding when the driver ran.

use crate::full::{Remark, at};
use crate::source;
use ringfence_finding::{RunEnvironment, Seen, StackFrame};

/// Callers that are told, from the inside out.
const MOST_FRAMES: usize = 8;

/// What was seen, and with `stacks` who called whom and what the registers held.
pub(crate) fn remarks(path: &str, seen: &Seen, stacks: bool) -> Vec<Remark> {
    let by = match seen.environment {
        RunEnvironment::Verifier => "emulated Driver Verifier",
        RunEnvironment::Hvci => "emulated memory integrity",
    };
    let doubt = if seen.under_assumption { ", under assumption" } else { "" };
    let end = seen.bugcheck.as_ref().map(|check| format!(": bug check {check}"));
    let end = end.unwrap_or_else(|| "; the run is not stopped for it".to_owned());
    let mut remarks = vec![("seen by", format!("{by}, in {}{doubt}{end}", seen.phase))];
    if !stacks {
        return remarks;
    }
    let frames: Vec<String> =
        seen.stack.iter().take(MOST_FRAMES).map(|one| frame(path, one)).collect();
    if !frames.is_empty() {
        remarks.push(("stack", frames.join(", called by ")));
    }
    let registers: Vec<String> =
        seen.registers.iter().map(|(name, value)| format!("{name}={value}")).collect();
    if !registers.is_empty() {
        remarks.push(("registers", registers.join(" ")));
    }
    remarks
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
