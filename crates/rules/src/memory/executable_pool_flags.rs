use super::violation::{asks_by, decided_by, violation};
use crate::rule::rule_card;
use crate::source::{
    Mend, about, argument, asks_by as asks_in_source, fix, replaced_terms, violation as violated,
};
use crate::{DdiCall, Driver, Findings, Rule, Source, SourceFindings};
use ringfence_ddi::{Ddi, Role};
use ringfence_finding::{Finding, Fix, Level, RuleCard};
use ringfence_source::SourceCall;

rule_card! {
    /// ## What it does
    ///
    /// Finds calls of ExAllocatePool2 and ExAllocatePool3 with `POOL_FLAG_NON_PAGED_EXECUTE` (0x80).
    ///
    /// ## Why it matters
    ///
    /// The flag exists to ask for executable memory, and nothing else does. Driver Verifier's
    /// code-integrity option turns the flags into a pool type and stops the call with bug check 0xC4,
    /// 0x2000, and so a driver that makes it is not certified.
    ///
    /// ## Example
    ///
    /// ```c,fires
    /// void *take(void) { return ExAllocatePool2(POOL_FLAG_NON_PAGED_EXECUTE, 64, 'ksiD'); }
    /// ```
    ///
    /// ```c,fixed
    /// void *take(void) { return ExAllocatePool2(POOL_FLAG_NON_PAGED, 64, 'ksiD'); }
    /// ```
    ///
    /// ## What it cannot see
    ///
    /// Flags that a caller in another module chooses.
    ///
    /// ## References
    ///
    /// - https://learn.microsoft.com/windows-hardware/drivers/kernel/pool_flags
    /// - https://learn.microsoft.com/windows-hardware/drivers/devtest/code-integrity-checking
    ExecutablePoolFlags {
        id: "executable-pool-flags",
        summary: "pool flags ask for executable memory",
        level: Level::Error,
        since: "0.1.0",
        senses: [Code, Source, Run],
        also_known_as: &["0xC4:0x2000", "Execute Pool Type Count"],
    }
}

/// `POOL_FLAG_NON_PAGED_EXECUTE`
const EXECUTE: u64 = 0x80;
/// `POOL_FLAG_NON_PAGED` and `POOL_FLAG_PAGED`.
const OTHERS: u64 = 0x40 | 0x100;

impl Rule for ExecutablePoolFlags {
    fn card(&self) -> &'static RuleCard {
        &Self::CARD
    }

    fn judges(&self, ddi: &Ddi) -> bool {
        decided_by(ddi, &[Role::PoolFlags])
    }

    fn check_call(&self, call: &DdiCall, driver: &Driver<'_>, findings: &mut Findings) {
        if !asks_by(call, &[Role::PoolFlags]) {
            return;
        }
        let finding = violation(&Self::CARD, call, driver, findings, WHAT);
        let finding = if refused(call) { unchecked(finding) } else { finding };
        findings.report(finding.help(HELP));
    }

    fn check_source_call(
        &self,
        call: &SourceCall,
        source: &Source<'_>,
        findings: &mut SourceFindings,
    ) {
        if !asks_in_source(call, source, &[Role::PoolFlags]) {
            return;
        }
        findings.report(match refused_in_source(call) {
            true => {
                let argument = argument(call, source).unwrap_or_default();
                let message = format!("{WHAT}: {argument} at {}", call.ddi.name);
                about(&Self::CARD, Level::Warning, call, source, message).note(UNCHECKED)
            }
            false => {
                let finding = violated(&Self::CARD, call, source, WHAT);
                finding.help(HELP).fixed_by(without_execution(call, source))
            }
        });
    }
}

const WHAT: &str = "memory is requested from an executable pool";
const HELP: &str = "pass `POOL_FLAG_NON_PAGED` (0x40) in place of `POOL_FLAG_NON_PAGED_EXECUTE`";
const UNCHECKED: &str = "the flags select another pool as well, so the allocation fails, and Driver Verifier \
                         does not check them";

fn without_execution(call: &SourceCall, source: &Source<'_>) -> Option<Fix> {
    let instead = |value: u64| (value == EXECUTE).then(|| "POOL_FLAG_NON_PAGED".to_owned());
    let edits = replaced_terms(source, call, |term| instead(term.value))?;
    let doubt = "the flag asks for executable memory by name, so code may be kept there";
    fix("pass `POOL_FLAG_NON_PAGED`", Mend::Unsafe(doubt), edits)
}

/// As [`refused`], of a call in source.
fn refused_in_source(call: &SourceCall) -> bool {
    call.deciding().is_some_and(|(_, argument)| {
        let mut asking =
            argument.value.choices.iter().filter(|choice| choice.bits.ones & EXECUTE != 0);
        asking.all(|choice| choice.bits.ones & OTHERS != 0)
    })
}

/// Whether every value that asks for executable memory selects another pool as well.
fn refused(call: &DdiCall) -> bool {
    call.deciding().is_some_and(|deciding| {
        let mut asking = deciding.value.possible.iter().filter(|value| value.ones & EXECUTE != 0);
        asking.all(|value| value.ones & OTHERS != 0)
    })
}

/// Where no memory comes of it, Driver Verifier does not look.
fn unchecked(mut finding: Finding) -> Finding {
    finding.level = Level::Warning;
    finding.questions.clear();
    finding.reported_by.clear();
    finding.notes = vec![UNCHECKED.to_owned()];
    finding
}

#[cfg(test)]
mod tests {
    use crate::memory::tests::{asked, constant, says};
    use crate::source::tests::{fixed_by, linted};

    /// Spec cases 48 to 51, 55 and 56.
    #[test]
    fn one_flag_decides() {
        for (name, flags, executable) in [
            ("ExAllocatePool2", 0x80, true),
            ("ExAllocatePool2", 0x40, false),
            ("ExAllocatePool2", 0x100, false),
            ("ExAllocatePool2", 0x42, false),
            ("ExAllocatePool2", 0x1_0000_0040, false),
            ("ExAllocatePool3", 0x82, true),
        ] {
            let says = says(&asked(name, &[(0, constant(flags))]));
            assert_eq!(says.len(), usize::from(executable), "{name} {flags:#x}: {says:?}");
            let certified = "violation error[executable-pool-flags] certify: ";
            assert!(says.iter().all(|said| said.starts_with(certified)), "{says:?}");
        }
    }

    /// Spec cases 48, 54 and 56, in source.
    #[test]
    fn source_is_judged_and_mended() {
        let rule = "executable-pool-flags";
        for (before, after) in [
            (
                "POOL_FLAG_NON_PAGED_EXECUTE | POOL_FLAG_UNINITIALIZED",
                "POOL_FLAG_NON_PAGED | POOL_FLAG_UNINITIALIZED",
            ),
            ("0x80", "POOL_FLAG_NON_PAGED"),
            ("0x82", "0x82"),
            (
                "POOL_FLAG_NON_PAGED_EXECUTE | POOL_FLAG_PAGED",
                "POOL_FLAG_NON_PAGED_EXECUTE | POOL_FLAG_PAGED",
            ),
        ] {
            let code = |flags: &str| {
                format!("void F(void) {{ ExAllocatePool3({flags}, 1, 'a', NULL, 0); }}")
            };
            assert_eq!(fixed_by(rule, &code(before)).0, code(after));
            let (said, mended) = linted(&code(before));
            assert_eq!(mended, code(before), "no fix is safe");
            let refused = before.contains("_PAGED |") || before.ends_with("FLAG_PAGED");
            let expected = if refused {
                " warning[executable-pool-flags] : "
            } else {
                " error[executable-pool-flags] certify: "
            };
            assert!(said[0].contains(expected), "{said:?}");
        }
    }
}
