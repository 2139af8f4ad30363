use super::violation::{decided_by, placed};
use crate::rule::rule_card;
use crate::source::{
    Mend, about, argument, contains, fix, pool_flags, replaced_terms, stands_in_argument, terms,
};
use crate::{DdiCall, Driver, Findings, Rule, Source, SourceFindings};
use ringfence_ddi::{Ddi, Role};
use ringfence_finding::{Finding, Fix, Level, RuleCard};
use ringfence_source::{SourceCall, Span, Term};

rule_card! {
    /// ## What it does
    ///
    /// Finds calls of ExAllocatePool2 and ExAllocatePool3 whose flags select no pool or several, as
    /// the POOL_TYPE constants of the older functions do.
    ///
    /// ## Why it matters
    ///
    /// Exactly one of `POOL_FLAG_NON_PAGED` (0x40), `POOL_FLAG_NON_PAGED_EXECUTE` (0x80) and
    /// `POOL_FLAG_PAGED` (0x100) must be there; else the allocation fails when the driver runs. It
    /// is a bug that comes from porting to the newer functions. No executable memory is asked for,
    /// and so it counts against no answer.
    ///
    /// ## Example
    ///
    /// ```c,fires
    /// void *take(void) { return ExAllocatePool2(NonPagedPoolNx, 64, 'ksiD'); }
    /// ```
    ///
    /// ```c,fixed
    /// void *take(void) { return ExAllocatePool2(POOL_FLAG_NON_PAGED, 64, 'ksiD'); }
    /// ```
    ///
    /// In source the name of a POOL_TYPE is enough, whatever its value would select.
    ///
    /// ## What it cannot see
    ///
    /// Flags of which some bits are not known, and in machine code names.
    ///
    /// ## References
    ///
    /// - https://learn.microsoft.com/windows-hardware/drivers/kernel/pool_flags
    /// - https://learn.microsoft.com/windows-hardware/drivers/kernel/updating-deprecated-exallocatepool-calls
    PoolTypeAsPoolFlags {
        id: "pool-type-as-pool-flags",
        summary: "pool flags select no pool or several",
        level: Level::Warning,
        since: "0.1.0",
        senses: [Code, Source],
        also_known_as: &[],
    }
}

/// `POOL_FLAG_NON_PAGED`, `POOL_FLAG_NON_PAGED_EXECUTE` and `POOL_FLAG_PAGED`.
const POOLS: u64 = 0x40 | 0x80 | 0x100;

impl Rule for PoolTypeAsPoolFlags {
    fn card(&self) -> &'static RuleCard {
        &Self::CARD
    }

    fn judges(&self, ddi: &Ddi) -> bool {
        decided_by(ddi, &[Role::PoolFlags])
    }

    fn check_call(&self, call: &DdiCall, driver: &Driver<'_>, findings: &mut Findings) {
        let Some(deciding) = call.deciding().filter(|found| found.role == Role::PoolFlags) else {
            return;
        };
        let possible = &deciding.value.possible;
        let refused = |flags: &u64| (flags & POOLS).count_ones() != 1;
        let Some(flags) = possible.iter().filter_map(|value| value.constant()).find(refused) else {
            return;
        };
        let path = if possible.len() > 1 { " on some paths" } else { "" };
        let message = format!(
            "{}{path}, so the allocation fails: {} = {flags:#x} at {}",
            selected(flags),
            deciding.name,
            call.ddi.name
        );
        let finding = Finding::new(&Self::CARD, Level::Warning, message).note(ITS_OWN);
        let finding = match pool_type(flags) {
            Some(name) => finding.note(format!("{flags:#x} is {name} of POOL_TYPE")),
            None => finding,
        };
        findings.report(placed(finding, call, driver, findings).help(HELP));
    }

    fn check_source_call(
        &self,
        call: &SourceCall,
        source: &Source<'_>,
        findings: &mut SourceFindings,
    ) {
        let Some((Role::PoolFlags, flags)) = call.deciding() else { return };
        let values = flags.value.choices.iter().filter_map(|choice| choice.bits.constant());
        let refused = values.clone().find(|flags| (flags & POOLS).count_ones() != 1);
        let named = terms(call).find(|term| is_of_pool_type(&term.name));
        let path = if flags.value.choices.len() > 1 { " on some paths" } else { "" };
        let what = match (named, refused) {
            (Some(_), None) => format!("a POOL_TYPE is passed as pool flags{path}"),
            (_, Some(flags)) => format!("{}{path}, so the allocation fails", selected(flags)),
            (None, None) => return,
        };
        let argument = argument(call, source).unwrap_or_default();
        let message = format!("{what}: {argument} at {}", call.ddi.name);
        let finding = about(&Self::CARD, Level::Warning, call, source, message).note(ITS_OWN);
        let finding = match (named, refused) {
            (Some(term), _) => finding.note(format!("`{}` is one of POOL_TYPE", term.name)),
            (None, refused) => match refused.and_then(|flags| Some((flags, pool_type(flags)?))) {
                Some((flags, name)) => finding.note(format!("{flags:#x} is {name} of POOL_TYPE")),
                None => finding,
            },
        };
        findings.report(finding.help(HELP).fixed_by(by_flags(call, source)));
    }
}

const HELP: &str = "pass exactly one of `POOL_FLAG_NON_PAGED` and `POOL_FLAG_PAGED`";
const ITS_OWN: &str = "this is a bug of its own and asks for no executable memory by itself";

fn selected(flags: u64) -> &'static str {
    match flags & POOLS == 0 {
        true => "pool flags select no pool",
        false => "pool flags select several pools",
    }
}

/// Whether a name is that of a POOL_TYPE or of a bit of one.
fn is_of_pool_type(name: &str) -> bool {
    Role::PoolType.constants().any(|(known, _)| known == name)
}

/// Passes the flags that each POOL_TYPE stands for. Where the call asks for anything, it fails as it is, so nothing else
/// changes; but a constant that stands elsewhere may be a POOL_TYPE to others.
fn by_flags(call: &SourceCall, source: &Source<'_>) -> Option<Fix> {
    let (_, flags) = call.deciding()?;
    let alone = |term: &Term| term.span.is_some() && term.span == flags.span;
    let instead = |term: &Term| {
        let is_number = term.name.starts_with(|first: char| first.is_ascii_digit());
        let is_bare = is_number && matches!(term.value, 0 | 1 | 0x200) && is_all(call, term);
        let flags = (is_bare || is_of_pool_type(&term.name))
            .then(|| pool_flags::of_type(constant(&term.name).unwrap_or(term.value)))??;
        Some(match flags.contains('|') && !alone(term) {
            true => format!("({flags})"),
            false => flags,
        })
    };
    let is_known = |term: &Term| !is_of_pool_type(&term.name) || instead(term).is_some();
    let is_own = stands_in_argument(call);
    let is_shared = |term: &Term| term.span.is_some_and(|span| is_type_elsewhere(span, source));
    if !terms(call).all(is_known) || !is_own && terms(call).any(is_shared) {
        return None;
    }
    let edits = replaced_terms(source, call, instead)?;
    let mend = match is_own {
        true => Mend::Safe,
        false => {
            Mend::Unsafe("the constant stands elsewhere, where others may take it for a POOL_TYPE")
        }
    };
    fix(format!("pass `{}`", edits[0].replacement.trim_matches(['(', ')'])), mend, edits)
}

/// Whether a constant is all there is of the value.
fn is_all(call: &SourceCall, term: &Term) -> bool {
    let choices = call.deciding().map(|(_, flags)| &flags.value.choices);
    choices.into_iter().flatten().any(|choice| {
        choice.bits.constant() == Some(term.value) && choice.terms.iter().all(|one| one == term)
    })
}

/// The value of a POOL_TYPE as it is without any opt-in.
fn constant(name: &str) -> Option<u64> {
    Role::PoolType.constants().find(|(known, _)| *known == name).map(|(_, value)| value)
}

/// More calls than these are not looked through for each finding.
const MOST_CALLS: usize = 10_000;

/// Whether another call takes the constant at `span` as a POOL_TYPE, or may.
fn is_type_elsewhere(span: Span, source: &Source<'_>) -> bool {
    let calls = &source.analysis.calls;
    calls.len() > MOST_CALLS
        || calls.iter().any(|call| {
            let by_type = call.deciding().is_some_and(|(role, _)| role == Role::PoolType);
            by_type && terms(call).any(|term| term.span.is_some_and(|one| contains(one, span)))
        })
}

/// The POOL_TYPE that somebody may have meant by these flags.
fn pool_type(flags: u64) -> Option<&'static str> {
    Some(match flags {
        0 => "NonPagedPool",
        1 => "PagedPool",
        4 => "NonPagedPoolCacheAligned",
        5 => "PagedPoolCacheAligned",
        0x200 => "NonPagedPoolNx",
        0x204 => "NonPagedPoolNxCacheAligned",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use crate::memory::tests::{asked, constant, notes, says};
    use crate::source::tests::{fixed_by, linted};

    /// Spec cases 52 and 53: a bug, and no violation.
    #[test]
    fn pool_types_select_no_pool() {
        for (flags, meant) in [(0, "NonPagedPool of"), (512, "NonPagedPoolNx of")] {
            let call = asked("ExAllocatePool2", &[(0, constant(flags))]);
            assert_eq!(
                says(&call),
                [format!(
                    "fine warning[pool-type-as-pool-flags] nothing: pool flags select no pool, so \
                     the allocation fails: Flags = {flags:#x} at ExAllocatePool2"
                )]
            );
            assert!(notes(&call).contains(meant));
            assert_eq!(call.gaps, [""; 0]);
        }
    }

    /// Spec case 54: both a bug and a violation, which Driver Verifier does not check (section 1.2).
    #[test]
    fn two_pools_at_once_are_a_bug_and_a_violation() {
        let says = says(&asked("ExAllocatePool2", &[(0, constant(0xC0))]));
        assert_eq!(says.len(), 2);
        assert!(says[0].starts_with("violation warning[executable-pool-flags] nothing: "));
        assert!(says[1].starts_with(
            "violation warning[pool-type-as-pool-flags] nothing: pool flags select several pools"
        ));
    }

    /// Spec cases 49 to 51.
    #[test]
    fn one_pool_is_right() {
        for flags in [0x40, 0x80, 0x100, 0x42] {
            let says = says(&asked("ExAllocatePool2", &[(0, constant(flags))]));
            assert!(!says.iter().any(|said| said.contains("pool-type-as-pool-flags")), "{says:?}");
        }
    }

    const RULE: &str = "pool-type-as-pool-flags";

    fn allocating(flags: &str) -> String {
        format!("void F(int x) {{ ExAllocatePool2({flags}, 1, 'a'); }}")
    }

    /// Spec cases 52 and 53, in source, where names tell more.
    #[test]
    fn source_is_judged_and_mended() {
        for (before, after) in [
            ("NonPagedPool", "POOL_FLAG_NON_PAGED"),
            ("PagedPool", "POOL_FLAG_PAGED"),
            ("0", "POOL_FLAG_NON_PAGED"),
            ("1", "POOL_FLAG_PAGED"),
            ("512", "POOL_FLAG_NON_PAGED"),
            ("NonPagedPoolNxCacheAligned", "POOL_FLAG_NON_PAGED | POOL_FLAG_CACHE_ALIGNED"),
            (
                "(POOL_FLAGS)PagedPoolCacheAligned",
                "(POOL_FLAGS)(POOL_FLAG_PAGED | POOL_FLAG_CACHE_ALIGNED)",
            ),
            ("x ? NonPagedPool : PagedPool", "x ? POOL_FLAG_NON_PAGED : POOL_FLAG_PAGED"),
            ("PagedPool | POOL_FLAG_UNINITIALIZED", "POOL_FLAG_PAGED | POOL_FLAG_UNINITIALIZED"),
        ] {
            let (said, mended) = linted(&allocating(before));
            assert!(said[0].contains(" warning[pool-type-as-pool-flags] : "), "{said:?}");
            assert_eq!(mended, allocating(after));
            assert_eq!(linted(&mended).0, [""; 0]);
        }
        // It would be paged memory with a quota, but nobody meant that.
        let (said, _) = linted(&allocating("PagedPool | POOL_FLAG_NON_PAGED"));
        assert_eq!(
            said,
            [
                "a.c:2:33 warning[pool-type-as-pool-flags] : a POOL_TYPE is passed as pool flags: Flags = \
              POOL_FLAG_NON_PAGED | POOL_FLAG_USE_QUOTA (0x41) at ExAllocatePool2"
            ]
        );
    }

    /// No flag stands for those; and what others take for a POOL_TYPE is left alone.
    #[test]
    fn what_has_no_flags_is_left_to_a_person() {
        for flags in [
            "NonPagedPoolNx | POOL_ZERO_ALLOCATION",
            "NonPagedPoolMustSucceed",
            "POOL_FLAG_USE_QUOTA",
            "3",
        ] {
            let code = allocating(flags);
            assert_eq!(fixed_by(RULE, &code).0, code);
            assert_eq!(linted(&code).0.len(), 1, "{flags}");
        }
        let elsewhere = format!("#define POOL PagedPool\n{}", allocating("POOL"));
        let (made, because) = fixed_by(RULE, &elsewhere);
        assert_eq!((made, because.len()), (elsewhere.replace("PagedPool", "POOL_FLAG_PAGED"), 1));
        let shared = format!("{elsewhere}\nvoid G(void) {{ ExAllocatePool(POOL, 1); }}");
        assert_eq!(fixed_by(RULE, &shared).0, shared);
    }
}
