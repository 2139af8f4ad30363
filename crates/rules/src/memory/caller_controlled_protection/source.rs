//! Buffers of requests in source: by the names of their members, and by the framework's functions.

use crate::Source;
use ringfence_source::{SourceArgument, SourceCall, Span};

/// Members of IRP and IO_STACK_LOCATION that lead to what the sender filled.
const MEMBERS: [&str; 3] = ["SystemBuffer", "Type3InputBuffer", "UserBuffer"];
/// Functions of the framework that give it.
const FUNCTIONS: [&str; 2] =
    ["WdfRequestRetrieveInputBuffer", "WdfRequestRetrieveUnsafeUserInputBuffer"];

/// No more is looked at of what a variable is given, in bytes.
const LONGEST: usize = 1 << 12;

/// A buffer of a request that a value is read from.
pub(super) struct Request {
    /// Where it is taken.
    pub(super) at: Span,
    /// The member or function that gives it.
    pub(super) buffer: &'static str,
}

/// The buffer of a request that an argument is read from.
pub(super) fn request(argument: &SourceArgument, source: &Source<'_>) -> Option<Request> {
    let spans = argument.span.into_iter().chain(argument.read_through.iter().copied());
    spans.into_iter().find_map(|at| {
        let text = source.tree.text(at);
        let text = &text[..text.floor_char_boundary(LONGEST)];
        let words = || text.split(|letter: char| !(letter.is_alphanumeric() || letter == '_'));
        let member = MEMBERS.into_iter().find(|member| words().any(|word| word == *member));
        let function = || FUNCTIONS.into_iter().find(|function| words().next() == Some(function));
        Some(Request { at, buffer: member.or_else(function)? })
    })
}

/// No more of a function is looked through, in bytes before the call.
const FARTHEST: usize = 1 << 14;

/// Whether the value is compared with anything in the function before the call, which may leave none but allowed ones.
pub(super) fn is_compared(
    call: &SourceCall,
    argument: &SourceArgument,
    source: &Source<'_>,
) -> bool {
    let (Some(around), Some(span)) = (call.around, argument.span) else { return false };
    let text = source.tree.file(around.file).text.as_str();
    let end = (call.span.start as usize).min(text.len());
    let start = text.floor_char_boundary(end.saturating_sub(FARTHEST)).max(around.start as usize);
    let Some(before) = text.get(start..end) else { return false };
    let spans = std::iter::once(span).chain(argument.read_through.iter().copied());
    let written = spans.map(|span| source.tree.text(span)).filter(|text| !text.is_empty());
    written.into_iter().any(|value| {
        before.match_indices(value).any(|(at, _)| {
            let (ahead, behind) =
                (before[..at].trim_end(), before[at + value.len()..].trim_start());
            let compares = |text: &str| ["==", "!=", "<=", ">="].contains(&text);
            let switches = ahead.strip_suffix('(').map(str::trim_end);
            behind.get(..2).is_some_and(compares)
                || ahead.get(ahead.len().saturating_sub(2)..).is_some_and(compares)
                || behind.starts_with(['<', '>'])
                || switches.is_some_and(|ahead| ahead.ends_with("switch"))
        })
    })
}

#[cfg(test)]
mod tests {
    use crate::source::tests::{findings_of, linted};
    use ringfence_finding::{Confidence, Targets};

    /// What is said of a dispatch routine's body.
    fn said(body: &str) -> Vec<String> {
        let code = format!("NTSTATUS Control(PDEVICE_OBJECT device, PIRP irp) {{ {body} }}");
        let mut said = linted(&code).0;
        said.retain(|said| said.contains("caller-controlled-protection"));
        said
    }

    #[test]
    fn what_a_request_chooses_is_told() {
        assert_eq!(
            said(
                "REQ *r = irp->AssociatedIrp.SystemBuffer; p = ExAllocatePoolWithTag(r->Type, 1, 'a');"
            ),
            [
                "a.c:2:121 warning[caller-controlled-protection] : the sender of a request chooses whether memory \
                 is executable: PoolType = not known, as it is read from memory at ExAllocatePoolWithTag"
            ]
        );
        for body in [
            "p = ExAllocatePool2(((REQ *)irp->UserBuffer)->Flags, 1, 'a');",
            "REQ *r; WdfRequestRetrieveInputBuffer(q, 8, (PVOID *)&r, NULL); ULONG t = r->Type; ExAllocatePool(t, 1);",
            "REQ *r = stack->Parameters.DeviceIoControl.Type3InputBuffer; ExAllocatePool(r->Type | 0x10, 1);",
        ] {
            assert_eq!(said(body).len(), 1, "{body}");
        }
        let text =
            "#include <wdm.h>\nvoid F(PIRP i) { R *r = i->UserBuffer; ExAllocatePool(r->t, 1); }";
        let findings = findings_of(&[("a.c", text)], Targets::DEFAULT);
        let finding = findings.iter().find(|one| one.rule.starts_with("caller")).unwrap();
        assert_eq!(finding.confidence, Confidence::Likely);
        assert_eq!(finding.notes, ["the value is read from `UserBuffer`, which the sender filled"]);
    }

    #[test]
    fn what_the_driver_chooses_or_checks_is_not_told() {
        let buffer = "REQ *r = irp->AssociatedIrp.SystemBuffer;";
        for body in [
            "if (r->Type != NonPagedPoolNx) return 1; ExAllocatePool(r->Type, 1);",
            "if (NonPagedPoolNx == r->Type) { ExAllocatePool(r->Type, 1); }",
            "switch (r->Type) { case 1: ExAllocatePool(r->Type, 1); }",
            "POOL_TYPE t = r->Type; if (t > 5) return 1; ExAllocatePool(t, 1);",
            "ExAllocatePool(r->Type | NonPagedPoolNx, 1);",
            "ExAllocatePool(PagedPool, r->Size);",
            "ExAllocatePool(device->Type, 1);",
        ] {
            assert_eq!(said(&format!("{buffer} {body}")), [""; 0], "{body}");
        }
    }
}
