use super::violation::{argument, asks_by, decided_by, placed, violation};
use crate::rule::rule_card;
use crate::source::{
    Mend, about, argument as argument_in_source, asks_by as asks_in_source, edit, fix, or_ed,
    violation as violated,
};
use crate::{DdiCall, Driver, Findings, Rule, Source, SourceFindings};
use ringfence_code::{Possible, Reason};
use ringfence_ddi::{Ddi, Role};
use ringfence_finding::{Counter, Finding, Fix, Gap, Level, Question, RuleCard};
use ringfence_source::{Choice, SourceCall, Unknown};

rule_card! {
    /// ## What it does
    ///
    /// Finds nonpaged lookaside lists whose flags lack `POOL_NX_ALLOCATION` (0x200).
    ///
    /// ## Why it matters
    ///
    /// The entries of such a list come from executable pool. Driver Verifier's code-integrity option
    /// tests the flags and stops the call with bug check 0xC4, 0x2000, and so a driver that makes it
    /// is not certified.
    ///
    /// A driver that brings an Allocate routine of its own decides there what it allocates, and the
    /// flags are no more than a hint to it. Code Analysis then reports C30034 in place of C30030, and
    /// ringfence a note, or in source a warning where the routine asks for pool by a parameter; passing the flag ends both. A DDI such as `ExAllocatePoolWithTag` in that place
    /// is no routine of the driver's own: it allocates what the flags say.
    ///
    /// ## Example
    ///
    /// ```c,fires
    /// void prepare(void)
    /// {
    ///     ExInitializeNPagedLookasideList(&list, NULL, NULL, 0, 64, 'ksiD', 0);
    /// }
    /// ```
    ///
    /// ```c,fixed
    /// void prepare(void)
    /// {
    ///     ExInitializeNPagedLookasideList(&list, NULL, NULL, POOL_NX_ALLOCATION, 64, 'ksiD', 0);
    /// }
    /// ```
    ///
    /// With `POOL_NX_OPTIN_AUTO=1` the kit's header adds the flag by itself.
    ///
    /// ## What it cannot see
    ///
    /// What an Allocate routine of the driver's own does with the flags; its calls are examined by
    /// themselves. Lists that a driver fills in by hand.
    ///
    /// ## References
    ///
    /// - https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-exinitializenpagedlookasidelist
    /// - https://learn.microsoft.com/windows-hardware/drivers/devtest/30034-passing-flag-value-to-allocating-function
    /// - https://learn.microsoft.com/windows-hardware/drivers/devtest/code-integrity-checking
    ExecutableLookasideList {
        id: "executable-lookaside-list",
        summary: "lookaside list takes its entries from an executable pool",
        level: Level::Error,
        since: "0.1.0",
        senses: [Code, Source, Run],
        also_known_as: &["0xC4:0x2000", "Execute Pool Type Count", "C30030", "C30034"],
    }
}

impl Rule for ExecutableLookasideList {
    fn card(&self) -> &'static RuleCard {
        &Self::CARD
    }

    fn judges(&self, ddi: &Ddi) -> bool {
        decided_by(ddi, &[Role::LookasideFlags])
    }

    fn check_call(&self, call: &DdiCall, driver: &Driver<'_>, findings: &mut Findings) {
        if !asks_by(call, &[Role::LookasideFlags]) {
            return;
        }
        let own = call.allocates_by.is_none() && call.every(Role::AllocateRoutine, is_routine);
        let mut finding = if own {
            own_allocator(call, driver, findings)
        } else {
            violation(&Self::CARD, call, driver, findings, WHAT)
        };
        if let Some(routine) = call.allocates_by {
            finding = finding.note(given_the_type(routine.name));
        }
        findings.report(finding.help(HELP));
    }

    fn check_source_call(
        &self,
        call: &SourceCall,
        source: &Source<'_>,
        findings: &mut SourceFindings,
    ) {
        if !asks_in_source(call, source, &[Role::LookasideFlags]) {
            return;
        }
        let finding = match routine(call) {
            None => violated(&Self::CARD, call, source, WHAT),
            Some(routine) if ringfence_ddi::named(routine).is_some() => {
                let finding = violated(&Self::CARD, call, source, WHAT);
                finding.as_warning(Some("C30034")).note(given_the_type(routine))
            }
            Some(routine) => {
                let message =
                    by_own_routine(call.ddi, &argument_in_source(call, source).unwrap_or_default());
                let (level, note) = match hands_on(routine, source) {
                    true => (Level::Warning, HANDED_ON),
                    false => (Level::Note, OWN_AFFAIR),
                };
                about(&Self::CARD, level, call, source, message)
                    .as_warning(Some("C30034"))
                    .note(given_the_type(routine))
                    .note(note)
            }
        };
        findings.report(finding.help(HELP).fixed_by(with_flag(call, source)));
    }
}

const WHAT: &str = "lookaside list takes its entries from an executable pool";
const HELP: &str = "add `POOL_NX_ALLOCATION` (0x200) to the flags (Windows 8)";
const OWN_AFFAIR: &str =
    "the pool is what the routine asks for, whose calls are examined by themselves";
const HANDED_ON: &str = "it asks for memory by a parameter: where that is this type, the entries are executable, \
                         and Driver Verifier stops it with bug check 0xC4, parameter 0x2000";

/// Whether a routine of the tree asks for pool of a type that it is given.
fn hands_on(routine: &str, source: &Source<'_>) -> bool {
    const NX: u64 = 0x200;
    let by_parameter = |choice: &Choice| {
        matches!(choice.unknown, Some(Unknown::Parameter(_))) && choice.bits.ones & NX == 0
    };
    source.analysis.calls.iter().any(|call| {
        call.function.as_deref() == Some(routine)
            && call.deciding().is_some_and(|(role, argument)| {
                role == Role::PoolType && argument.value.choices.iter().any(by_parameter)
            })
    })
}

fn given_the_type(routine: &str) -> String {
    format!("its Allocate routine, {routine}, is given the pool type that Flags make")
}

fn by_own_routine(ddi: &Ddi, argument: &str) -> String {
    format!(
        "lookaside list with an Allocate routine of its own lacks POOL_NX_ALLOCATION: {argument} at {}",
        ddi.name
    )
}

/// The name of the Allocate routine, whatever path is taken; none where it may be NULL.
fn routine(call: &SourceCall) -> Option<&str> {
    let mut names = call.argument(Role::AllocateRoutine)?.value.choices.iter().map(|choice| {
        match &choice.unknown {
            Some(Unknown::Name(name)) => Some(&**name),
            _ => None,
        }
    });
    let first = names.next()??;
    names.all(|name| name.is_some()).then_some(first)
}

/// Adds the flag in the call of the DDI itself.
fn with_flag(call: &SourceCall, source: &Source<'_>) -> Option<Fix> {
    let (_, flags) = call.deciding()?;
    let span = flags.span?;
    let text = source.tree.text(span);
    let is_zero = text.starts_with('0') && flags.value.constant() == Some(0);
    let edits = match is_zero && text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        true => vec![edit(source, span, "POOL_NX_ALLOCATION")],
        false => or_ed(source, flags, "POOL_NX_ALLOCATION")?,
    };
    fix("pass `POOL_NX_ALLOCATION` in the flags", Mend::Safe, edits)
}

/// Whether a value is certainly no null pointer.
fn is_routine(possible: &Possible) -> bool {
    possible.ones != 0 || possible.unknown == Some(Reason::Address)
}

/// What the routine allocates is its own affair, so the flags alone say little.
fn own_allocator(call: &DdiCall, driver: &Driver<'_>, findings: &mut Findings) -> Finding {
    let message = by_own_routine(call.ddi, &argument(call).unwrap_or_default());
    let reason = "whether Driver Verifier objects to a lookaside list with an Allocate routine of its \
                  own is not known";
    let gap = Gap::new(&[Question::Certify], reason);
    findings.leave_open(gap.about(&[Counter::ExecutePoolType]));
    let finding = Finding::new(&ExecutableLookasideList::CARD, Level::Note, message)
        .note(OWN_AFFAIR)
        .note("Code Analysis reports C30034");
    placed(finding, call, driver, findings)
}

#[cfg(test)]
mod tests {
    use crate::memory::tests::{address, asked, constant, says, unknown};
    use crate::source::tests::{findings_of, linted};
    use ringfence_finding::{Level, Targets};

    const LIST: &str = "ExInitializeNPagedLookasideList";

    /// Spec cases 60 to 62, without an Allocate routine.
    #[test]
    fn one_flag_decides() {
        for (flags, executable) in [(0, true), (0x200, false), (0x10, true)] {
            let says = says(&asked(LIST, &[(1, constant(0)), (3, constant(flags))]));
            assert_eq!(says.len(), usize::from(executable), "{flags:#x}: {says:?}");
            let certified = "violation error[executable-lookaside-list] certify: ";
            assert!(says.iter().all(|said| said.starts_with(certified)), "{says:?}");
        }
    }

    /// Spec case 63: with a routine of its own it is a note, as C30034 is.
    #[test]
    fn an_allocate_routine_of_its_own_makes_it_a_note() {
        let call = asked(LIST, &[(1, address()), (3, constant(0))]);
        assert!(says(&call)[0].starts_with("violation note[executable-lookaside-list] nothing: "));
        assert_eq!(call.gaps.len(), 1);
        assert_eq!(says(&asked(LIST, &[(1, address()), (3, constant(0x200))])), [""; 0]);
        // A routine that may be null decides nothing.
        let says = says(&asked(LIST, &[(1, unknown()), (3, constant(0))]));
        assert!(says[0].starts_with("violation error["), "{says:?}");
    }

    fn list(allocate: &str, flags: &str) -> String {
        format!("void F(int x) {{ {LIST}(&l, {allocate}, NULL, {flags}, 64, 'a', 0); }}")
    }

    /// Spec cases 60 to 62, in source.
    #[test]
    fn source_is_judged_and_mended() {
        for (before, after) in [
            ("0", "POOL_NX_ALLOCATION"),
            ("0x0UL", "POOL_NX_ALLOCATION"),
            ("(0)", "(0) | POOL_NX_ALLOCATION"),
            (
                "POOL_RAISE_IF_ALLOCATION_FAILURE",
                "POOL_RAISE_IF_ALLOCATION_FAILURE | POOL_NX_ALLOCATION",
            ),
            ("x ? 0 : 0x10", "(x ? 0 : 0x10) | POOL_NX_ALLOCATION"),
        ] {
            let (said, mended) = linted(&list("NULL", before));
            assert!(said[0].contains(" error[executable-lookaside-list] certify: "), "{said:?}");
            assert_eq!(mended, list("NULL", after));
            assert_eq!(linted(&mended).0, [""; 0]);
        }
    }

    /// Spec case 63, in source.
    #[test]
    fn source_names_the_allocate_routine() {
        let of = |allocate: &str| {
            let text = format!("#include <wdm.h>\n{}", list(allocate, "0"));
            let finding = findings_of(&[("a.c", &text)], Targets::DEFAULT).swap_remove(0);
            (finding.level, finding.warning, finding.notes.join("\n"))
        };
        let (level, warning, notes) = of("MyAllocate");
        assert_eq!((level, warning), (Level::Note, Some("C30034")));
        assert!(notes.contains("MyAllocate, is given the pool type"), "{notes}");
        let (level, warning, notes) = of("ExAllocatePoolWithTag");
        assert_eq!((level, warning), (Level::Error, Some("C30034")));
        assert!(notes.contains("ExAllocatePoolWithTag, is given the pool type"), "{notes}");
        for (asks, level) in [
            ("PoolType", Level::Warning),
            ("PoolType | POOL_NX_ALLOCATION", Level::Note),
            ("NonPagedPoolNx", Level::Note),
        ] {
            let own = format!(
                "PVOID MyAllocate(POOL_TYPE PoolType, SIZE_T n, ULONG t) {{ return ExAllocatePoolWithTag({asks}, n, t); }}"
            );
            let text = format!("#include <wdm.h>\n{own}\n{}", list("MyAllocate", "0"));
            let findings = findings_of(&[("a.c", &text)], Targets::DEFAULT);
            let found =
                findings.iter().find(|one| one.rule == "executable-lookaside-list").unwrap();
            assert_eq!((found.level, found.warning), (level, Some("C30034")), "{asks}");
        }
        for may_be_null in ["x ? NULL : MyAllocate", "s->Allocate"] {
            assert_eq!(of(may_be_null).1, Some("C30030"), "{may_be_null}");
        }
    }
}
