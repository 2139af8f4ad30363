use crate::listing::{Place, append, drawn, listed};
use crate::rule::rule_card;
use crate::{DdiCall, Driver, Findings, Rule, Source, SourceFindings};
use ringfence_code::Possible;
use ringfence_ddi::{Ddi, Role};
use ringfence_finding::{Evidence, Finding, Gap, Level, Question, RuleCard, SourceFinding};
use ringfence_image::Rva;
use ringfence_source::{CodeUse, CodeUseKind};
use std::fmt;

rule_card! {
    /// ## What it does
    ///
    /// Finds MDLs that are made over the driver's own code: calls of IoAllocateMdl whose address lies in an
    /// executable section; in source, where it is the name of a function that the tree defines. In machine code also
    /// those over the kernel's: where the address is that of an imported function, or of one that
    /// MmGetSystemRoutineAddress finds by a name that is known.
    ///
    /// ## Why it matters
    ///
    /// Such an MDL is how read-only pages get a second, writable address: MmMapLockedPagesSpecifyCache
    /// maps them again, and MmProtectMdlSystemAddress makes the mapping writable. With memory integrity
    /// the pages stay read-only at every address, and the write ends the system with bug check 0xBE or
    /// 0x18D. A driver could also only read by it, so the answer is likely and not certain. Where no MDL is
    /// mapped in the same function it is a warning that leaves *run* open.
    ///
    /// ## Example
    ///
    /// ```c
    /// mdl = IoAllocateMdl((void *)Function, 64, FALSE, FALSE, NULL);
    /// MmBuildMdlForNonPagedPool(mdl);
    /// patch = MmMapLockedPagesSpecifyCache(mdl, KernelMode, MmCached, NULL, FALSE, priority);
    /// MmProtectMdlSystemAddress(mdl, PAGE_EXECUTE_READWRITE);
    /// ```
    ///
    /// ## What it cannot see
    ///
    /// Addresses that come from memory or that functions return, and those in the middle of other modules' functions.
    ///
    /// ## References
    ///
    /// - https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-ioallocatemdl
    /// - https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-mmprotectmdlsystemaddress
    MapsOwnCode {
        id: "maps-own-code",
        summary: "the driver's own code is described by an MDL, so as to be mapped again",
        level: Level::Error,
        since: "0.1.0",
        senses: [Code, Source],
        also_known_as: &[],
    }
}

/// What gives the pages of an MDL another address, or changes what may be done there.
const MAPS: [&str; 5] = [
    "MmMapLockedPages",
    "MmMapLockedPagesSpecifyCache",
    "MmMapLockedPagesWithReservedMapping",
    "MmMapMdl",
    "MmProtectMdlSystemAddress",
];

impl Rule for MapsOwnCode {
    fn card(&self) -> &'static RuleCard {
        &Self::CARD
    }

    fn judges(&self, ddi: &Ddi) -> bool {
        ddi.parameter(|role| role == Role::DescribedAddress).is_some()
    }

    fn check_call(&self, call: &DdiCall, driver: &Driver<'_>, findings: &mut Findings) {
        let Some(value) = call.argument(Role::DescribedAddress) else { return };
        let code = |one| Some((one, code_of(call, one, driver)?));
        let code: Vec<_> = value.possible.iter().filter_map(code).collect();
        let Some((first, whose)) = code.first() else { return };
        // Null is what is not found, and nobody maps that.
        let nulls = value.possible.iter().filter(|one| one.constant() == Some(0)).count();
        let always = code.len() + nulls == value.possible.len() && call.site.always;
        let mut finding = if always && maps(driver, call.site.function) {
            let what = format!("{whose} is described by an MDL, and MDLs are mapped");
            Finding::new(&Self::CARD, Level::Error, what).denying(&[Question::Run], &[]).likely()
        } else {
            let reason = match whose {
                Whose::Own => "an MDL may describe the driver's own code",
                Whose::Other(_) => "an MDL may describe code of another module",
            };
            let reason = format!("{reason}: what is done by it is not known");
            findings.leave_open(Gap::new(&[Question::Run], reason));
            let path = if always { "" } else { ", depending on the path" };
            Finding::new(
                &Self::CARD,
                Level::Warning,
                format!("{whose} is described by an MDL{path}"),
            )
        };
        let at = call.chosen_at();
        let section = driver.image().section_at(at).map(|section| section.name());
        finding = finding.at(at.0, section);
        if let Some(evidence) = evidence(call, (first, whose), driver) {
            finding = finding.because(evidence);
        }
        findings.report(finding.note(READ_ONLY).help(INSTEAD));
    }

    fn check_source(&self, source: &Source<'_>, findings: &mut SourceFindings) {
        let described = |one: &&CodeUse| matches!(one.kind, CodeUseKind::Described(_));
        for one in source.analysis.code_uses.iter().filter(described) {
            let finding = |level, what| {
                SourceFinding::new(
                    &Self::CARD,
                    level,
                    what,
                    source.mark(one.span, "described here"),
                )
            };
            let finding = if maps_in_source(one, source) {
                let what = "the driver's own code is described by an MDL, and MDLs are mapped";
                finding(Level::Error, what).denying(&[Question::Run], &[]).likely()
            } else {
                finding(Level::Warning, "the driver's own code is described by an MDL")
            };
            let defined = one.from.iter().map(|span| source.mark(*span, "code of the driver"));
            findings.report(
                finding.within(one.function.clone()).related(defined).note(READ_ONLY).help(INSTEAD),
            );
        }
    }
}

const READ_ONLY: &str = "with memory integrity code pages are read-only at every address";
const INSTEAD: &str = "leave code as it is; reach what changes by a pointer";

/// The call, and before it what made the address, one of the `possible` ones; where a caller chose it, that call first
/// and then each on the way.
fn evidence(
    call: &DdiCall,
    (possible, whose): (&Possible, &Whose),
    driver: &Driver<'_>,
) -> Option<Evidence> {
    let text = match (whose, possible.points_to) {
        (Whose::Own, Some(rva)) => format!("code of the driver, at {:x}", rva.0),
        _ => whose.to_string(),
    };
    let here = (call.site.at, "described here".to_owned());
    let set_in = |at: Option<Rva>| at.map(|at| (at, text.clone()));
    let before: Vec<Place> = set_in(possible.set_at).into_iter().collect();
    let steps = call.route.as_ref().map_or(&[][..], |route| &route.calls);
    let Some((first, on)) = steps.split_first() else {
        return drawn(driver, call.site.function, &before, &here);
    };
    let set_at = call.route.as_ref().map_or(&[][..], |route| &route.set_at);
    let setters: Vec<Place> = match before.is_empty() {
        true => set_at.iter().take(1).filter_map(|at| set_in(Some(*at))).collect(),
        false => Vec::new(),
    };
    let handed_on = (first.at, "handed on here".to_owned());
    let mut listing = listed(driver, first.function, &setters, (&handed_on, true))?;
    for step in on {
        let passed_on = (step.at, "passed on".to_owned());
        append(&mut listing, listed(driver, step.function, &[], (&passed_on, false))?);
    }
    append(&mut listing, listed(driver, call.site.function, &before, (&here, false))?);
    listing.function = first.function.map(|function| function.0);
    Some(Evidence::Listing(listing))
}

/// Whether an MDL is mapped in the same function of the same file.
fn maps_in_source(one: &CodeUse, source: &Source<'_>) -> bool {
    let mut calls = source.analysis.calls.iter();
    calls.any(|call| {
        MAPS.contains(&call.ddi.name)
            && call.span.file == one.span.file
            && call.function == one.function
    })
}

/// Whose code an MDL describes.
enum Whose {
    Own,
    /// That of a function of another module.
    Other(String),
}

impl fmt::Display for Whose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Whose::Own => f.write_str("the driver's own code"),
            Whose::Other(name) => write!(f, "the code of {name}"),
        }
    }
}

/// The code that a value is the address of and that nobody may write to.
fn code_of(call: &DdiCall, possible: &Possible, driver: &Driver<'_>) -> Option<Whose> {
    let section = possible.points_to.and_then(|rva| driver.image().section_at(rva));
    if section.is_some_and(|section| section.is_executable() && !section.is_writable()) {
        return Some(Whose::Own);
    }
    // What a caller chose was set there.
    let by_caller = call.route.as_ref().and_then(|route| match route.set_at[..] {
        [only] => Some(only),
        _ => None,
    });
    let possible = Possible { set_at: possible.set_at.or(by_caller), ..*possible };
    driver.calls().code_elsewhere(&possible, driver.names()).map(Whose::Other)
}

/// Whether an MDL is mapped in the same function: elsewhere it is most often one of a request.
fn maps(driver: &Driver<'_>, function: Option<Rva>) -> bool {
    let mut calls = driver.calls().all().iter().filter(|call| call.site.reached);
    calls.any(|call| MAPS.contains(&call.ddi.name) && call.site.function == function)
}

#[cfg(test)]
mod tests {
    use crate::code::tests::{calling, calling_in, says};
    use ringfence_finding::{Answer, Evidence};

    /// `lea rcx, [place]`, a call of IoAllocateMdl, and one of `then` if that is anything; the place is that
    /// many bytes behind the `lea`.
    fn told(distance: u32, then: &[&'static str]) -> (Answer, Vec<String>) {
        let names: Vec<_> = ["IoAllocateMdl"].into_iter().chain(then.iter().copied()).collect();
        let lea =
            [&[0x48, 0x83, 0xEC, 0x28, 0x48, 0x8D, 0x0D], &distance.to_le_bytes()[..]].concat();
        let first = [&lea[..], &[0xFF, 0x15]].concat();
        // xor edx, edx: no bit of a protection or mode is set.
        let opcodes: Vec<&[u8]> = std::iter::once(&first[..])
            .chain(then.iter().map(|_| &[0x33, 0xD2, 0xFF, 0x15][..]))
            .collect();
        let told = calling(&names, &opcodes, &[&[], &[0x48, 0x83, 0xC4, 0x28, 0xC3]]);
        (told.verdict.run, says(&told))
    }

    #[test]
    fn code_that_is_mapped_denies_run() {
        let (run, said) = told(0, &["MmProtectMdlSystemAddress"]);
        assert_eq!(
            said,
            [
                "error[maps-own-code] run?: the driver's own code is described by an MDL, and MDLs are \
              mapped"
            ]
        );
        assert_eq!(run, Answer::No);
    }

    #[test]
    fn code_that_is_not_mapped_leaves_it_open() {
        let (run, said) = told(0, &[]);
        assert_eq!(
            said,
            ["warning[maps-own-code] nothing: the driver's own code is described by an MDL"]
        );
        assert_eq!(run, Answer::Unknown);
    }

    /// Sections are a page apart or more: what lies 16 MiB on is not in the image.
    #[test]
    fn other_memory_is_fine() {
        assert_eq!(told(1 << 24, &["MmProtectMdlSystemAddress"]), (Answer::Yes, vec![]));
    }

    /// `mov rcx, [slot]`, and a call of IoAllocateMdl: an alias of the kernel's code is how hooks get past CR0.WP.
    #[test]
    fn the_kernels_code_is_code_too() {
        let told = |name: &'static str| {
            let names = [name, "IoAllocateMdl", "MmProtectMdlSystemAddress"];
            let load = [0x48, 0x83, 0xEC, 0x28, 0x48, 0x8B, 0x0D];
            let opcodes = [&load[..], &[0xFF, 0x15], &[0x33, 0xD2, 0xFF, 0x15]];
            let told = calling(&names, &opcodes, &[&[], &[], &[0x48, 0x83, 0xC4, 0x28, 0xC3]]);
            (told.verdict.run, says(&told))
        };
        let (run, said) = told("ZwCreateFile");
        assert_eq!(
            said,
            [
                "error[maps-own-code] run?: the code of ZwCreateFile is described by an MDL, and MDLs are mapped"
            ]
        );
        assert_eq!(run, Answer::No);
        // A variable of the kernel may be mapped.
        assert_eq!(told("NtBuildNumber"), (Answer::Yes, vec![]));
    }

    /// `lea rcx, [this]; call over; ret; over:`, and there a call of IoAllocateMdl and one that makes it writable: the
    /// caller chose the address.
    #[test]
    fn the_finding_stands_at_the_caller_that_hands_the_address_on() {
        /// Version 1, no prolog; one of four bytes, which makes room for 28h.
        const NONE: [u8; 8] = [1, 0, 0, 0, 0, 0, 0, 0];
        const FRAME: [u8; 8] = [1, 4, 1, 0, 4, 0x42, 0, 0];
        let caller = [0x48, 0x8D, 0x0D, 0xF9, 0xFF, 0xFF, 0xFF, 0xE8, 1, 0, 0, 0, 0xC3];
        let first = [&caller[..], &[0x48, 0x83, 0xEC, 0x28, 0xFF, 0x15]].concat();
        let opcodes = [&first[..], &[0x33, 0xD2, 0xFF, 0x15]];
        let names = ["IoAllocateMdl", "MmProtectMdlSystemAddress"];
        let behind: [&[u8]; 2] = [&[], &[0x48, 0x83, 0xC4, 0x28, 0xC3]];
        let told = calling_in(&names, &opcodes, &behind, &[(0..13, NONE), (13..37, FRAME)]);
        let found: Vec<_> =
            told.findings.iter().filter(|finding| finding.rule == "maps-own-code").collect();
        let [finding] = found[..] else { panic!("{:?}", says(&told)) };
        // The call is the second instruction of the section, which begins on a page.
        assert_eq!(finding.rva.map(|rva| rva % 0x1000), Some(7));
        let Some(Evidence::Listing(listing)) = &finding.evidence else {
            panic!("{:?}", finding.evidence)
        };
        let texts: Vec<_> = listing.marks.iter().map(|mark| mark.text.as_str()).collect();
        assert!(texts[0].starts_with("code of the driver, at "), "{texts:?}");
        assert_eq!(texts[1..], ["handed on here", "described here"]);
    }

    #[test]
    fn source_is_judged() {
        let said = |then: &str| {
            let code = format!(
                "void Target(void) {{ }}\nvoid F(void) {{ mdl = IoAllocateMdl((PVOID)Target, 64, FALSE, FALSE, NULL); {then} }}"
            );
            let said = crate::source::tests::linted(&code).0;
            said.into_iter().filter(|one| one.contains("maps-own-code")).collect::<Vec<_>>()
        };
        assert_eq!(
            said("MmProtectMdlSystemAddress(mdl, PAGE_READWRITE);"),
            [
                "a.c:3:36 error[maps-own-code] run: the driver's own code is described by an MDL, and MDLs are mapped"
            ]
        );
        assert_eq!(
            said(""),
            ["a.c:3:36 warning[maps-own-code] : the driver's own code is described by an MDL"]
        );
    }
}
