use crate::listing::drawn;
use crate::rule::rule_card;
use crate::{DdiCall, Driver, Findings, Rule, Source, SourceFindings};
use ringfence_code::Possible;
use ringfence_ddi::{Ddi, Role};
use ringfence_finding::{Finding, Gap, Level, Question, RuleCard, SourceFinding};
use ringfence_image::Rva;
use ringfence_source::{CodeUse, CodeUseKind};

rule_card! {
    /// ## What it does
    ///
    /// Finds MDLs that are made over the driver's own code: calls of IoAllocateMdl whose address lies in an
    /// executable section; in source, where it is the name of a function that the tree defines.
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
    /// Addresses of other modules' code, and those that come from other functions or from memory.
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
        let code: Vec<_> = value.possible.iter().filter(|one| is_code(one, driver)).collect();
        let Some(first) = code.first() else { return };
        let always = code.len() == value.possible.len() && call.site.always;
        let mut finding = if always && maps(driver, call.site.function) {
            let what = "the driver's own code is described by an MDL, and MDLs are mapped";
            Finding::new(&Self::CARD, Level::Error, what).denying(&[Question::Run], &[]).likely()
        } else {
            let reason =
                "an MDL may describe the driver's own code: what is done by it is not known";
            findings.leave_open(Gap::new(&[Question::Run], reason));
            let path = if always { "" } else { ", depending on the path" };
            let what = format!("the driver's own code is described by an MDL{path}");
            Finding::new(&Self::CARD, Level::Warning, what)
        };
        let section = driver.image().section_at(call.site.at).map(|section| section.name());
        finding = finding.at(call.site.at.0, section);
        let target = first.points_to.map(|rva| format!("code of the driver, at {:x}", rva.0));
        let text = target.unwrap_or_default();
        let before: Vec<_> = first.set_at.map(|at| (at, text)).into_iter().collect();
        let here = (call.site.at, "described here".to_owned());
        if let Some(evidence) = drawn(driver, call.site.function, &before, &here) {
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

/// Whether an MDL is mapped in the same function of the same file.
fn maps_in_source(one: &CodeUse, source: &Source<'_>) -> bool {
    let mut calls = source.analysis.calls.iter();
    calls.any(|call| {
        MAPS.contains(&call.ddi.name)
            && call.span.file == one.span.file
            && call.function == one.function
    })
}

/// Whether a value is the address of code that nobody may write to.
fn is_code(possible: &Possible, driver: &Driver<'_>) -> bool {
    let section = possible.points_to.and_then(|rva| driver.image().section_at(rva));
    section.is_some_and(|section| section.is_executable() && !section.is_writable())
}

/// Whether an MDL is mapped in the same function: elsewhere it is most often one of a request.
fn maps(driver: &Driver<'_>, function: Option<Rva>) -> bool {
    let mut calls = driver.calls().all().iter().filter(|call| call.site.reached);
    calls.any(|call| MAPS.contains(&call.ddi.name) && call.site.function == function)
}

#[cfg(test)]
mod tests {
    use crate::code::tests::{calling, says};
    use ringfence_finding::Answer;

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
