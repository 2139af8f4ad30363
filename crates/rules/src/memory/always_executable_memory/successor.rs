//! What to call in place of functions that give executable memory and cannot be asked for other.

use crate::Source;
use crate::source::{Mend, edit, fix, inserted, own_name, stands_in_argument};
use ringfence_finding::Fix;
use ringfence_source::SourceCall;

/// What to call instead: a function that can be asked for memory that is not executable.
struct Successor {
    name: &'static str,
    /// What takes the place of the cache type, if there is one.
    protection: Option<&'static str>,
    /// What is passed behind the arguments there are.
    more: &'static str,
    doubt: Option<&'static str>,
}

const MAPPED: &str = "NormalPagePriority | MdlMappingNoExecute";
pub(super) const CHOSEN_ELSEWHERE: &str =
    "the cache type is chosen elsewhere, and what holds it may be left without a use";

impl Successor {
    fn of(call: &SourceCall) -> Option<Successor> {
        let protection = || {
            let (_, cache_type) = call.deciding()?;
            protection(cache_type.value.constant()?)
        };
        Some(match call.ddi.name {
            "MmMapIoSpace" => Successor {
                name: "MmMapIoSpaceEx",
                protection: Some(protection()?),
                more: "",
                doubt: None,
            },
            name @ ("MmAllocateContiguousMemorySpecifyCache"
            | "MmAllocateContiguousMemorySpecifyCacheNode") => Successor {
                name: "MmAllocateContiguousNodeMemory",
                protection: Some(protection()?),
                more: if name.ends_with("Node") { "" } else { ", MM_ANY_NODE_OK" },
                doubt: Some(
                    "the memory has to be freed by `MmFreeContiguousMemory` then, in place of \
                     `MmFreeContiguousMemorySpecifyCache`",
                ),
            },
            "MmMapLockedPages" => Successor {
                name: "MmMapLockedPagesSpecifyCache",
                protection: None,
                more: ", MmCached, NULL, TRUE, NormalPagePriority | MdlMappingNoExecute",
                doubt: Some("the old function chose the priority, which has to be chosen now"),
            },
            name => Successor {
                name: safe_form(name)?,
                protection: None,
                more: ", NormalPagePriority | MdlMappingNoExecute",
                doubt: Some(
                    "the new function returns NULL where the old one stopped the system, so the result \
                     has to be checked",
                ),
            },
        })
    }
}

/// What maps as a function does, but takes a priority behind the same arguments.
fn safe_form(name: &str) -> Option<&'static str> {
    Some(match name {
        "MmGetSystemAddressForMdl" => "MmGetSystemAddressForMdlSafe",
        "NdisQueryBuffer" => "NdisQueryBufferSafe",
        "NdisBufferVirtualAddress" => "NdisBufferVirtualAddressSafe",
        "NdisGetFirstBufferFromPacket" => "NdisGetFirstBufferFromPacketSafe",
        _ => return None,
    })
}

/// The protection that has the effect of a cache type; none for those that no protection stands for.
fn protection(cache_type: u64) -> Option<&'static str> {
    Some(match cache_type {
        0 => "PAGE_READWRITE | PAGE_NOCACHE",
        1 => "PAGE_READWRITE",
        2 => "PAGE_READWRITE | PAGE_WRITECOMBINE",
        _ => return None,
    })
}

/// Calls the successor, where the call stands as such.
pub(super) fn successor(call: &SourceCall, source: &Source<'_>) -> Option<Fix> {
    let successor = Successor::of(call)?;
    let Successor { name, protection, more, doubt } = successor;
    let name_span = own_name(source, call)?;
    let mut edits = vec![edit(source, name_span, name)];
    if let Some(protection) = protection {
        edits.push(edit(source, call.deciding()?.1.span?, protection));
    }
    if !more.is_empty() {
        let last = call.arguments.last()?.span?;
        edits.push(inserted(source, last, last.end, more));
    }
    let elsewhere = protection.is_some() && !stands_in_argument(call);
    let doubt = doubt.or(elsewhere.then_some(CHOSEN_ELSEWHERE));
    let asking = protection.unwrap_or(MAPPED);
    let title = format!("call `{name}` with `{asking}`");
    fix(title, doubt.map_or(Mend::Safe, Mend::Unsafe), edits)
}
