//! What there is to say about a DDI, as Markdown and as a row of a table.

use crate::report::DdiRow;
use crate::rules_judging;
use ringfence_ddi::{Certainty, Ddi, Grant, Parameter, Reach, Role, VerifierBehaviour, Warning};

/// All DDIs, as `ringfence list ddis` lists them.
pub fn ddis() -> Vec<DdiRow> {
    ringfence_ddi::all().iter().map(row).collect()
}

fn row(ddi: &'static Ddi) -> DdiRow {
    let decides = match ddi.grant {
        Grant::Argument => deciding(ddi).map_or("", |(_, _, role)| role.type_name()),
        Grant::Always => "always",
        Grant::Never => "never",
        Grant::Kernel => "not the caller",
        Grant::Section => "the section",
        Grant::Nothing => "nothing",
    };
    DdiRow {
        name: ddi.name,
        aliases: ddi.aliases,
        header: header(ddi),
        modules: ddi.modules,
        reach: reach(ddi),
        parameters: ddi.parameters.iter().map(|parameter| parameter.name).collect(),
        decides,
        argument: ddi.deciding().map(|(index, _)| index),
        verifier: ddi.verifier.subcode.map(|subcode| format!("{subcode:#x}")),
        verifier_behaviour: behaviour(ddi.verifier.behaviour),
        code_analysis: ddi.warning.map(|warning| warning.id),
        listed: ddi.listed,
        certainty: certainty(ddi.certainty),
        url: ddi.url(),
        markdown: markdown(ddi),
    }
}

/// The whole page of a DDI, heading first.
pub(crate) fn markdown(ddi: &Ddi) -> String {
    let mut page = format!("# {}: {}\n\n", ddi.name, summary(ddi));
    let listed = if ddi.listed { "On" } else { "Not on" };
    page += &format!("{listed} Microsoft's list of DDIs that memory integrity may affect.");
    if let Some(note) = ddi.note {
        page += &format!("\n\n{note}");
    }
    let replacement = ddi.replacement.map(sentence);
    let url = ddi.url().map(|url| format!("- <{url}>"));
    for (heading, text) in [
        ("Parameters", Some(parameters(ddi))),
        ("What decides", Some(what_decides(ddi))),
        ("What tools say", Some(tools(ddi))),
        ("What ringfence says", rules(ddi)),
        ("What to use instead", replacement),
        ("Where it is", Some(place(ddi))),
        ("How sure this is", Some(sentence(how_sure(ddi.certainty)))),
        ("References", url),
    ] {
        if let Some(text) = text {
            page += &format!("\n\n## {heading}\n\n{text}");
        }
    }
    page + "\n"
}

/// A fragment made a sentence.
fn sentence(fragment: &str) -> String {
    let mut letters = fragment.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).chain(['.']).collect()
}

/// The parameter that decides, with its place from 0 and its role.
fn deciding(ddi: &Ddi) -> Option<(u8, &'static Parameter, Role)> {
    let (index, parameter) = ddi.deciding()?;
    Some((index, parameter, parameter.role?))
}

fn summary(ddi: &Ddi) -> String {
    let fixed = match ddi.grant {
        Grant::Argument => {
            let name = deciding(ddi).map_or("its caller", |(_, parameter, _)| parameter.name);
            return format!("whether memory is executable depends on {name}");
        }
        Grant::Always => "has no way to ask for non-executable memory",
        Grant::Never => "the memory is never executable",
        Grant::Kernel => "the caller has no say in whether memory is executable",
        Grant::Section => "whether memory is executable depends on the section",
        Grant::Nothing => "makes no memory executable",
    };
    fixed.to_owned()
}

fn parameters(ddi: &Ddi) -> String {
    let last = ddi.parameters.len().saturating_sub(1);
    let comma = |place: usize| if place < last { "," } else { "" };
    let widest = ddi.parameters.iter().map(|parameter| parameter.name.len()).max().unwrap_or(0);
    let mut text = format!("```c\n{}(\n", ddi.name);
    for (place, parameter) in ddi.parameters.iter().enumerate() {
        let written = format!("{}{}", parameter.name, comma(place));
        let role = parameter.role.map(|role| {
            let decides = if role.decides() { ", decides" } else { "" };
            format!("// {}{decides}", role.type_name())
        });
        let line = format!("    {written:<width$}{}", role.unwrap_or_default(), width = widest + 3);
        text += &format!("{}\n", line.trim_end());
    }
    text += ");\n```";
    let before = match ddi.reach {
        Reach::WdfTable { .. } => {
            "`DriverGlobals` is not written in source: the framework's headers add it."
        }
        Reach::ClassExtensionTable => "In an image the class extension's globals come first.",
        Reach::Selector { import, value } => {
            return format!(
                "{text}\n\nIn an image it is `{import}({value}, …)` with these after it."
            );
        }
        _ => return text,
    };
    format!("{text}\n\n{before}")
}

fn what_decides(ddi: &Ddi) -> String {
    let mut text = match ddi.grant {
        Grant::Argument => deciding(ddi).map_or_else(String::new, |(index, parameter, role)| {
            let bits = if role.bits() == 8 { "; only its low byte counts" } else { "" };
            format!(
                "`{}` (argument {index}, counted from 0), {}{bits}.\n\nExecutable: {}.",
                parameter.name,
                role.type_name(),
                role.executable()
            )
        }),
        Grant::Always => "No argument can ask for non-executable memory.".into(),
        Grant::Never => "Nothing that the caller passes: the memory is never executable.".into(),
        Grant::Kernel => "Windows or the port driver, not the caller: no argument says so.".into(),
        Grant::Section => "The section object, with the protection it was created with.".into(),
        Grant::Nothing => "Nothing: the call itself makes no memory executable.".into(),
    };
    let mut opening = "\n\n";
    for parameter in ddi.parameters {
        if let Some(role) = parameter.role.filter(|role| !role.decides()) {
            text += &format!("{opening}- `{}`: {}", parameter.name, role.executable());
            opening = "\n";
        }
    }
    text
}

fn tools(ddi: &Ddi) -> String {
    let verifier = verifier(ddi);
    let note = ddi.verifier.note.map(|note| format!("; {note}")).unwrap_or_default();
    let analysis = match ddi.warning {
        Some(Warning { id, documented, note }) => {
            let how = if documented {
                "by its documentation"
            } else {
                "inferred from what its documentation says of other DDIs"
            };
            let note = note.map(|note| format!("; {note}")).unwrap_or_default();
            format!("{id}, {how}{note}")
        }
        None => "no warning about executable memory is known".to_owned(),
    };
    format!(
        "- Driver Verifier, code integrity checks (0x02000000): {verifier}{note}\n- Code Analysis: {analysis}"
    )
}

/// The rules that look at calls of it; none where no rule does.
fn rules(ddi: &Ddi) -> Option<String> {
    let rules: Vec<_> =
        rules_judging(ddi).map(|card| format!("- `{}`: {}", card.id, card.summary)).collect();
    (!rules.is_empty()).then(|| rules.join("\n"))
}

fn verifier(ddi: &Ddi) -> String {
    let stops = ddi.verifier.subcode.map(|subcode| stops(ddi, subcode));
    let module = ddi.modules.first().copied().unwrap_or("the module");
    match (ddi.verifier.behaviour, stops) {
        (VerifierBehaviour::Report, Some(stops)) => {
            format!("where executable memory is asked for, {stops}")
        }
        (VerifierBehaviour::ViaModule, Some(stops)) => {
            format!("where {module} asks on the driver's behalf, which is inferred, {stops}")
        }
        (VerifierBehaviour::ViaModule, None) => {
            format!("only where {module} asks on the driver's behalf; the subcode is not known")
        }
        (VerifierBehaviour::ViaFramework, Some(stops)) => {
            format!("where the framework asks on the driver's behalf, {stops}")
        }
        (VerifierBehaviour::ViaCallee, Some(stops)) => {
            format!("where the driver passes an executable type on, {stops}")
        }
        (VerifierBehaviour::SubstituteNx, _) => {
            "quietly makes the memory non-executable and reports nothing, so that only an analysis \
             of the code tells"
                .to_owned()
        }
        (VerifierBehaviour::None, _) => "does not check this call".to_owned(),
        (VerifierBehaviour::Unknown, Some(stops)) => {
            format!("whether it checks this call is not known; if it does, {stops}")
        }
        (_, None) => "whether it checks this call is not known".to_owned(),
    }
}

/// The bug check as a debugger shows it.
fn stops(ddi: &Ddi, subcode: u16) -> String {
    let flags = ddi.deciding().and_then(|(_, parameter)| parameter.role) == Some(Role::PoolFlags);
    let (third, fourth) = match subcode {
        // Flags are converted before they are checked, and the tag is lost on the way.
        0x2000 if flags => ("POOL_TYPE that the flags amount to", "0"),
        0x2000 => ("pool type as passed", "pool tag or 0"),
        0x2001 => ("page protection as passed", "0"),
        _ => ("priority with MdlMapping bits as passed", "0"),
    };
    format!(
        "it stops with bug check 0xC4 ({subcode:#x}, return address in the driver, {third}, {fourth})"
    )
}

fn place(ddi: &Ddi) -> String {
    let mut lines = vec![format!("- {}", sentence_start(&reach(ddi)))];
    lines.push(match ddi.header {
        UNDOCUMENTED => "- Header: none known".to_owned(),
        header => format!("- Header: {header}.h"),
    });
    for (label, text) in [("Since", ddi.since), ("Non-executable since", ddi.nx_since)] {
        lines.extend(text.map(|text| format!("- {label}: {text}")));
    }
    if !ddi.aliases.is_empty() {
        lines.push(format!("- Also exported as {}", ddi.aliases.join(", ")));
    }
    lines.join("\n")
}

fn sentence_start(fragment: &str) -> String {
    let text = sentence(fragment);
    text.trim_end_matches('.').to_owned()
}

/// The table file of exports for which no header is known.
const UNDOCUMENTED: &str = "undocumented";

fn header(ddi: &Ddi) -> Option<&'static str> {
    (ddi.header != UNDOCUMENTED).then_some(ddi.header)
}

/// How a driver gets to the DDI, as a fragment.
fn reach(ddi: &Ddi) -> String {
    let modules = ddi.modules.join(", ");
    match ddi.reach {
        Reach::Import => format!("imported from {modules}"),
        Reach::WdfTable { index } => format!(
            "entry {index} of the KMDF function table ({modules}), at offset {:#x} on 64-bit Windows",
            8 * index
        ),
        Reach::ClassExtensionTable => {
            format!("entry of the function table of a class extension ({modules})")
        }
        Reach::Interface { slot: Some(slot) } => {
            format!(
                "pointer in an interface of {modules}, at offset {:#x} on 64-bit Windows",
                8 * slot
            )
        }
        Reach::Interface { slot: None } => format!("pointer in an interface of {modules}"),
        Reach::Inbound => format!("implemented by the driver and called by {modules}"),
        Reach::Inline { becomes } => format!("inline in the header; in an image it is {becomes}"),
        Reach::Selector { import, value } => {
            format!("function {value} behind the import {import} from {modules}")
        }
    }
}

fn certainty(certainty: Certainty) -> &'static str {
    match certainty {
        Certainty::Low => "low",
        Certainty::Medium => "medium",
        Certainty::High => "high",
    }
}

fn behaviour(behaviour: VerifierBehaviour) -> &'static str {
    match behaviour {
        VerifierBehaviour::Report => "report",
        VerifierBehaviour::SubstituteNx => "substitute-nx",
        VerifierBehaviour::ViaModule => "via-module",
        VerifierBehaviour::ViaFramework => "via-framework",
        VerifierBehaviour::ViaCallee => "via-callee",
        VerifierBehaviour::None => "none",
        VerifierBehaviour::Unknown => "unknown",
    }
}

fn how_sure(certainty: Certainty) -> &'static str {
    match certainty {
        Certainty::Low => "low: sources are thin, so take it as a hint",
        Certainty::Medium => "medium: some of it is inferred",
        Certainty::High => "high: documented, or observed again and again",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(name: &str) -> String {
        markdown(ringfence_ddi::named(name).unwrap())
    }

    #[track_caller]
    fn says(name: &str, pieces: &[&str]) {
        // How parameters are aligned is not what is tested.
        let page = page(name);
        let page = page.lines().map(|line| line.split(' ').filter(|word| !word.is_empty()));
        let page: String = page.map(|line| line.collect::<Vec<_>>().join(" ") + "\n").collect();
        for piece in pieces {
            assert!(page.contains(piece), "{piece}\n{page}");
        }
    }

    /// Facts of Microsoft's documentation and of Windows' headers.
    #[test]
    fn a_page_says_what_a_driver_author_asks() {
        says(
            "ExAllocatePoolWithTag",
            &[
                "# ExAllocatePoolWithTag: whether memory is executable depends on PoolType\n",
                "On Microsoft's list",
                "ExAllocatePoolWithTag(\nPoolType, // POOL_TYPE, decides\nNumberOfBytes,\nTag\n);",
                "`PoolType` (argument 0, counted from 0), POOL_TYPE.",
                "`NonPagedPool` (0)",
                "0xC4 (0x2000, return address in the driver, pool type as passed, pool tag or 0)",
                "- Code Analysis: C30030, by its documentation",
                "## What to use instead\n\n`ExAllocatePool2` with `POOL_FLAG_NON_PAGED`",
                "- Imported from ntoskrnl.exe\n- Header: wdm.h\n- Since: Windows 2000",
                "- Non-executable since: Windows 8\n",
                "High: documented",
                "- <https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exallocatepoolwithtag>",
            ],
        );
    }

    #[test]
    fn parameters_that_qualify_are_told_too() {
        says(
            "MmMapLockedPagesSpecifyCache",
            &[
                "Priority // MM_PAGE_PRIORITY, decides",
                "AccessMode, // KPROCESSOR_MODE\n",
                "- `AccessMode`: with `UserMode` (1)",
                "0xC4 (0x2002, return address in the driver, priority with",
                "; AccessMode is not consulted\n",
            ],
        );
    }

    #[test]
    fn every_way_to_a_ddi_is_told() {
        for (name, piece) in [
            (
                "WdfMemoryCreate",
                "- Entry 192 of the KMDF function table (wdf01000.sys), at offset 0x600",
            ),
            ("StorPortGetSystemAddress", "- Function 5 behind the import StorPortExtendedFunction"),
            ("DxgkCbMapMemory", "interface of dxgkrnl.sys, at offset 0x28"),
            ("IPortClsNotifications::AllocNotificationBuffer", "interface of portcls.sys\n"),
            ("IMiniportMidi::NewStream", "- Implemented by the driver and called by portcls.sys"),
            (
                "ExAllocatePoolZero",
                "- Inline in the header; in an image it is ExAllocatePoolWithTag",
            ),
            ("NetConfigurationQueryBinary", "- Entry of the function table of a class extension"),
            ("MmCreateSection", "- Header: none known"),
            ("ZwAllocateVirtualMemory", "- Also exported as NtAllocateVirtualMemory"),
        ] {
            says(name, &[piece]);
        }
    }

    #[test]
    fn everything_that_driver_verifier_does_is_told() {
        for (name, piece) in [
            ("MmMapIoSpace", "quietly makes the memory non-executable"),
            (
                "FltAllocateContext",
                "where fltmgr.sys asks on the driver's behalf, which is inferred, it stops",
            ),
            (
                "DxgkCbMapMemory",
                "only where dxgkrnl.sys asks on the driver's behalf; the subcode is not known",
            ),
            ("WdfMemoryCreate", "; only while the framework's own verifier is on"),
            (
                "ExAllocatePool2",
                "return address in the driver, POOL_TYPE that the flags amount to, 0)",
            ),
            (
                "FsRtlAllocatePoolWithTag",
                "whether it checks this call is not known; if it does, it",
            ),
            ("MmMapMdl", "whether it checks this call is not known\n"),
            ("IoAllocateMdl", "does not check this call"),
            (
                "FLT_CONTEXT_REGISTRATION.ContextAllocateCallback",
                "where the driver passes an executable type on",
            ),
        ] {
            says(name, &[piece]);
        }
    }

    #[test]
    fn everything_that_decides_is_told() {
        for (name, piece) in [
            ("MmAllocateContiguousMemory", ": has no way to ask for non-executable memory\n"),
            ("ExInitializePagedLookasideList", ": the memory is never executable\n"),
            ("NdisAllocateMemoryWithTagPriority", ": the caller has no say in whether"),
            ("MmMapViewInSystemSpace", ": whether memory is executable depends on the section\n"),
            ("MmCopyMemory", ": makes no memory executable\n"),
        ] {
            says(name, &[piece]);
        }
    }

    /// By what decides, as the rules' own cards say it.
    #[test]
    fn the_rules_that_look_at_a_ddi_are_named() {
        says(
            "ExAllocatePoolWithTag",
            &["## What ringfence says\n\n- `executable-pool-type`: memory is requested from an"],
        );
        says("ExAllocatePool2", &["- `executable-pool-flags`: ", "- `pool-type-as-pool-flags`: "]);
        says("MmAllocateContiguousMemory", &["- `always-executable-memory`: "]);
        says("IoAllocateMdl", &["- `maps-own-code`: "]);
        says("ZwCreateSection", &["- `executable-page-protection`: ", "- `maps-file-as-image`: "]);
        assert!(!page("MmMapViewInSystemSpace").contains("What ringfence says"));
    }

    /// Every page has its headings in order, and none is left without text.
    #[test]
    fn every_page_is_whole() {
        for ddi in ringfence_ddi::all() {
            let page = markdown(ddi);
            let headings: Vec<_> =
                page.lines().filter_map(|line| line.strip_prefix("## ")).collect();
            assert!(
                headings.starts_with(&["Parameters", "What decides", "What tools say"]),
                "{page}"
            );
            assert!(headings.contains(&"Where it is"), "{page}");
            assert!(!page.contains("\n\n\n") && !page.contains(".."), "{page}");
            assert_eq!(page.contains("## References"), ddi.docs.is_some(), "{page}");
        }
    }
}
