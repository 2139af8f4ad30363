mod successor;

use super::violation::{asks_by, decided_by, violation};
use crate::rule::rule_card;
use crate::source::{
    ELSEWHERE, Mend, always, asks_by as asks_in_source, fix, is_only_for_calls, replaced_terms,
    terms, violation as violated,
};
use crate::{DdiCall, Driver, Findings, Rule, Source, SourceFindings};
use ringfence_ddi::{Ddi, Role};
use ringfence_finding::{Fix, Level, RuleCard};
use ringfence_source::{SourceCall, Span, Term};
use successor::by_pool2;

rule_card! {
    /// ## What it does
    ///
    /// Finds calls that request memory with a pool type that is executable: nonpaged pool without
    /// the no-execute bit. Only two bits of POOL_TYPE matter, 0x1 (paged) and 0x200 (no-execute);
    /// where both are clear the memory is executable, whatever the other bits say. Lookaside lists,
    /// filter contexts, framework memory and others that take a POOL_TYPE count too.
    ///
    /// ## Why it matters
    ///
    /// Driver Verifier's code-integrity option stops such a call with bug check 0xC4, 0x2000, and
    /// so a driver that makes it is not certified. With memory integrity on, the memory is given all
    /// the same, but code in it does not run; a driver that only keeps data there goes on working.
    ///
    /// ## Example
    ///
    /// ```c,fires
    /// void *take(void) { return ExAllocatePoolWithTag(NonPagedPool, 64, 'ksiD'); }
    /// ```
    ///
    /// ```c,fixed
    /// void *take(void) { return ExAllocatePoolWithTag(NonPagedPoolNx, 64, 'ksiD'); }
    /// ```
    ///
    /// `NonPagedPoolNx` needs Windows 8; on Windows 10 2004 and later there is
    /// `ExAllocatePool2(POOL_FLAG_NON_PAGED, 64, 'ksiD')`, which fills the memory with zeros. Where all targets have it,
    /// a call of an older function has this as another fix, with the flags that keep what the call does.
    /// Compiling with `POOL_NX_OPTIN_AUTO=1` makes `NonPagedPool` mean `NonPagedPoolNx`.
    ///
    /// ## What it cannot see
    ///
    /// A pool type that a caller in another module chooses, and functions reached through tables of
    /// pointers, such as interfaces of port drivers.
    ///
    /// ## References
    ///
    /// - https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/ne-wdm-_pool_type
    /// - https://learn.microsoft.com/windows-hardware/drivers/kernel/no-execute-nonpaged-pool
    /// - https://learn.microsoft.com/windows-hardware/drivers/devtest/code-integrity-checking
    ExecutablePoolType {
        id: "executable-pool-type",
        summary: "memory is requested from an executable pool",
        level: Level::Error,
        since: "0.1.0",
        senses: [Code, Source, Run],
        also_known_as: &["0xC4:0x2000", "Execute Pool Type Count", "C30030"],
    }
}

/// `FLT_VOLUME_CONTEXT`
const VOLUME_CONTEXT: u64 = 1;
const OF_VOLUMES: &str = "the page of FltAllocateContext asks for NonPagedPool for volume contexts \
    (https://learn.microsoft.com/windows-hardware/drivers/ddi/fltkernel/nf-fltkernel-fltallocatecontext), \
    yet NonPagedPoolNx is among the types it lists, and drivers use it";

impl Rule for ExecutablePoolType {
    fn card(&self) -> &'static RuleCard {
        &Self::CARD
    }

    fn judges(&self, ddi: &Ddi) -> bool {
        decided_by(ddi, &[Role::PoolType, Role::VideoPoolType])
    }

    fn check_call(&self, call: &DdiCall, driver: &Driver<'_>, findings: &mut Findings) {
        if !asks_by(call, &[Role::PoolType, Role::VideoPoolType]) {
            return;
        }
        let mut finding = violation(
            &Self::CARD,
            call,
            driver,
            findings,
            "memory is requested from an executable pool",
        );
        if call.always(Role::ContextType, VOLUME_CONTEXT) {
            finding = finding.note(OF_VOLUMES);
        }
        let role = call.deciding().map(|deciding| deciding.role);
        findings.report(finding.help(help(call.ddi, role)));
    }

    fn check_source_call(
        &self,
        call: &SourceCall,
        source: &Source<'_>,
        findings: &mut SourceFindings,
    ) {
        if !asks_in_source(call, source, &[Role::PoolType, Role::VideoPoolType]) {
            return;
        }
        let what = "memory is requested from an executable pool";
        let mut finding = violated(&Self::CARD, call, source, what);
        if always(call, Role::ContextType, VOLUME_CONTEXT) {
            finding = finding.note(OF_VOLUMES);
        }
        let role = call.deciding().map(|(role, _)| role);
        findings.report(
            finding
                .help(help(call.ddi, role))
                .fixed_by(by_other_type(call, source))
                .or_fixed_by(by_pool2(call, source)),
        );
    }
}

/// The types that are executable, and what to pass instead; and whether the author may have meant it.
const INSTEAD: [(&str, &str, Option<&str>); 8] = [
    ("NonPagedPool", "NonPagedPoolNx", None),
    ("NonPagedPoolBase", "NonPagedPoolNx", None),
    ("NonPagedPoolCacheAligned", "NonPagedPoolNxCacheAligned", None),
    ("NonPagedPoolBaseCacheAligned", "NonPagedPoolNxCacheAligned", None),
    ("NonPagedPoolSession", "NonPagedPoolSessionNx", None),
    ("NonPagedPoolExecute", "NonPagedPoolNx", Some(ON_PURPOSE)),
    ("NonPagedPoolMustSucceed", "NonPagedPoolNx", Some(MUST_SUCCEED)),
    ("NonPagedPoolCacheAlignedMustS", "NonPagedPoolNxCacheAligned", Some(MUST_SUCCEED)),
];

/// The types of those that stand for themselves as numbers.
const BY_NUMBER: [(u64, &str); 5] = [
    (0, "NonPagedPool"),
    (2, "NonPagedPoolMustSucceed"),
    (4, "NonPagedPoolCacheAligned"),
    (6, "NonPagedPoolCacheAlignedMustS"),
    (32, "NonPagedPoolSession"),
];

const ON_PURPOSE: &str = "the type asks for executable memory by name, so code may be kept there";
const MUST_SUCCEED: &str = "such a request never failed; the new one may";

/// Passes the type that is not executable, in place of each constant that is.
fn by_other_type(call: &SourceCall, source: &Source<'_>) -> Option<Fix> {
    // No VP_POOL_TYPE is nonpaged and not executable.
    if call.deciding().is_some_and(|(role, _)| role == Role::VideoPoolType) {
        return None;
    }
    // A bare number is the type only where it is all there is, and where it is written for this call.
    let is_bare = |term: &Term| {
        term.name.starts_with(|first: char| first.is_ascii_digit())
            && is_whole_argument(term, call, source)
    };
    let number = |term: &Term| {
        let (_, name) = BY_NUMBER.iter().find(|(value, _)| *value == term.value)?;
        is_bare(term).then_some(*name)
    };
    let known = |term: &Term| {
        let named = |of: &str| INSTEAD.iter().find(|(name, ..)| *name == of);
        named(&term.name).or_else(|| named(number(term)?))
    };
    let instead = |term: &Term| known(term).map(|(_, instead, _)| (*instead).to_owned());
    let edits = replaced_terms(source, call, instead)?;
    let meant = terms(call).filter_map(known).find_map(|(.., doubt)| *doubt);
    let doubt = meant.or_else(|| (!is_only_for_calls(source, call, &edits)).then_some(ELSEWHERE));
    let mend = doubt.map_or(Mend::Safe, Mend::Unsafe);
    fix(format!("pass `{}`", edits[0].replacement), mend, edits)
}

/// Whether a constant is all of the argument that decides, but for a conversion and parentheses.
fn is_whole_argument(term: &Term, call: &SourceCall, source: &Source<'_>) -> bool {
    let argument = call.deciding().and_then(|(_, argument)| argument.span);
    let (Some(argument), Some(span)) = (argument, term.span) else { return false };
    let inside =
        argument.file == span.file && argument.start <= span.start && span.end <= argument.end;
    let before = source.tree.text(Span { end: span.start.max(argument.start), ..argument });
    let after = source.tree.text(Span { start: span.end.min(argument.end), ..argument });
    let is_cast =
        |text: &str| text.chars().all(|one| one.is_alphanumeric() || "_() \t".contains(one));
    inside && is_cast(before) && after.chars().all(|one| ") \t".contains(one))
}

fn help(ddi: &Ddi, role: Option<Role>) -> String {
    const NX: &str = "pass `NonPagedPoolNx` (Windows 8)";
    let name = ddi.name;
    let by_flags = "or call `ExAllocatePool2` with `POOL_FLAG_NON_PAGED` (Windows 10 2004)";
    match (role, ddi.replacement) {
        (Some(Role::VideoPoolType), Some(replacement)) => format!("use instead: {replacement}"),
        _ if name.starts_with("ExAllocatePool") => format!("{NX}, {by_flags}"),
        _ => NX.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use crate::memory::tests::{
        MIXED_GAP, UNKNOWN_GAP, asked, constant, either, masked, notes, says, unknown,
    };

    /// Spec cases 1 to 12: the pool type of ExAllocatePoolWithTag is this value.
    #[test]
    fn two_bits_decide() {
        for (value, executable) in [
            (0, true),
            (0x200, false),
            (1, false),
            (4, true),
            (2, true),
            (0x10, true),
            (0x400, true),
            (0x600, false),
            (0x401, false),
            (0x614, false),
            (32, true),
            (544, false),
        ] {
            let call = asked("ExAllocatePoolWithTag", &[(0, constant(value))]);
            assert_eq!(!says(&call).is_empty(), executable, "{value:#x}");
        }
        assert_eq!(
            says(&asked("ExAllocatePoolWithTag", &[(0, constant(0))])),
            ["violation error[executable-pool-type] certify: memory is requested from an \
                 executable pool: PoolType = NonPagedPool (0) at ExAllocatePoolWithTag"]
        );
    }

    /// VP_POOL_TYPE has VpNonPagedPool and VpPagedPool alone.
    #[test]
    fn no_other_type_is_there_for_the_video_port() {
        for pool in ["0", "VpNonPagedPool", "NonPagedPool"] {
            let code = format!("void F(void *e) {{ VideoPortAllocatePool(e, {pool}, 10, 'x'); }}");
            let (made, _) = crate::source::tests::fixed_by("executable-pool-type", &code);
            assert_eq!(made, code);
        }
    }

    /// Spec cases 13 and 14: some bits of the value are not known.
    #[test]
    fn unknown_bits_matter_where_they_decide() {
        // x | 0x200, and x | 0x10.
        assert_eq!(says(&asked("ExAllocatePoolWithTag", &[(0, masked(0x200, 0))])), [""; 0]);
        let open = asked("ExAllocatePoolWithTag", &[(0, masked(0x10, 0))]);
        assert_eq!((says(&open), open.gaps), (vec![], vec![UNKNOWN_GAP.to_owned()]));
        // x & ~0x201 is executable whatever x is.
        let clear = asked("ExAllocatePoolWithTag", &[(0, masked(0, 0x201))]);
        assert_eq!(says(&clear).len(), 1);
    }

    /// Spec cases 15 to 20: several values come together.
    #[test]
    fn every_value_counts() {
        let mixed = asked("ExAllocatePoolWithTag", &[(0, either(&[0, 512]))]);
        assert_eq!(
            says(&mixed),
            ["mixed warning[executable-pool-type] nothing: memory is requested from an \
                 executable pool, depending on the path: PoolType = NonPagedPool (0) or \
                 NonPagedPoolNx (0x200) at ExAllocatePoolWithTag"]
        );
        assert_eq!(mixed.gaps, [MIXED_GAP]);
        let fine = asked("ExAllocatePoolWithTag", &[(0, either(&[1, 512]))]);
        assert_eq!((says(&fine), fine.gaps), (vec![], vec![]));
        let looped = asked("ExAllocatePoolWithTag", &[(0, unknown())]);
        assert_eq!((says(&looped), looped.gaps), (vec![], vec![UNKNOWN_GAP.to_owned()]));
    }

    /// Spec cases 57 to 59 and 64: others that take a pool type.
    #[test]
    fn other_functions_take_pool_types_too() {
        for (name, index, value) in [
            ("ExAllocatePoolWithQuotaTag", 0, 8),
            ("ExAllocatePoolWithTagPriority", 0, 0),
            ("ExAllocateCacheAwareRundownProtection", 0, 0),
            ("ExInitializeLookasideListEx", 3, 0),
        ] {
            let call = asked(name, &[(index, constant(value))]);
            assert_eq!(says(&call).len(), 1, "{name}");
            assert!(says(&call)[0].starts_with("violation error[executable-pool-type] certify: "));
        }
        assert_eq!(says(&asked("ExInitializeLookasideListEx", &[(3, constant(512))])), [""; 0]);
    }

    /// Spec case 65: paged pool is never executable, whatever the flags of its lookaside lists.
    #[test]
    fn paged_lookaside_lists_are_fine() {
        let call = asked("ExInitializePagedLookasideList", &[(3, constant(0))]);
        assert_eq!((says(&call), call.gaps), (vec![], vec![]));
    }

    /// Spec case 77.
    #[test]
    fn volume_contexts_are_told_with_the_page_that_asks_for_them() {
        let context =
            |kind, pool| asked("FltAllocateContext", &[(1, constant(kind)), (3, constant(pool))]);
        assert_eq!(says(&context(1, 512)), [""; 0]);
        assert_eq!(says(&context(2, 0)).len(), 1);
        assert!(!notes(&context(2, 0)).contains("nf-fltkernel-fltallocatecontext"));
        assert!(notes(&context(1, 0)).contains("nf-fltkernel-fltallocatecontext"));
    }

    /// Driver Verifier does not look at these calls.
    #[test]
    fn an_unknown_pool_type_of_what_nobody_checks_leaves_certify_yes() {
        for (name, index) in [("FsRtlAllocatePool", 0), ("SeAssignSecurityEx", 8)] {
            let call = asked(name, &[(index, unknown())]);
            assert_eq!(call.gaps, [""; 0], "{name}");
        }
    }

    #[test]
    fn source_is_judged_and_mended() {
        use crate::source::tests::linted;
        let (said, mended) =
            linted("void F(void) { p = ExAllocatePool(NonPagedPool | POOL_ZERO_ALLOCATION, 1); }");
        assert_eq!(
            said,
            [
                "a.c:2:35 error[executable-pool-type] certify: memory is requested from an executable pool: \
              PoolType = NonPagedPool | POOL_ZERO_ALLOCATION (0x400) at ExAllocatePool"
            ]
        );
        assert_eq!(
            mended,
            "void F(void) { p = ExAllocatePool(NonPagedPoolNx | POOL_ZERO_ALLOCATION, 1); }"
        );
    }

    /// The edit is made where the constant stands, once for all calls that it decides.
    #[test]
    fn constants_are_mended_where_they_are_chosen() {
        use crate::source::tests::linted;
        let code = "#define POOL NonPagedPool\nvoid F(void) { ExAllocatePool(POOL, 1); ExAllocatePool(POOL, 2); }";
        let (said, mended) = linted(code);
        assert_eq!(said.len(), 2);
        assert_eq!(mended, code.replace("NonPagedPool", "NonPagedPoolNx"));
        let (_, mended) =
            linted("void F(void) { ExAllocatePool((POOL_TYPE)0, 1); ExAllocatePool(0x400, 1); }");
        assert_eq!(
            mended,
            "void F(void) { ExAllocatePool((POOL_TYPE)NonPagedPoolNx, 1); ExAllocatePool(0x400, 1); }"
        );
    }

    /// What other code uses too is not changed without a person, and a 0 that is not all of the argument not at all.
    #[test]
    fn what_is_used_elsewhere_is_not_mended_safely() {
        use crate::source::tests::linted;
        for code in [
            "#define POOL NonPagedPool\nint n[4];\nvoid F(void) { n[POOL]++; ExAllocatePool(POOL, 1); }",
            "void F(void) { int i = 0; ExAllocatePool(i, 1); for (; i < 2; i++) G(i); }",
            "enum { NP = NonPagedPool };\nvoid F(void) { ExAllocatePool(NP, 1); }",
        ] {
            let (said, mended) = linted(code);
            assert_eq!((said.len(), &*mended), (1, code));
        }
        let (_, mended) = linted("void F(void) { ExAllocatePool(NonPagedPool + 0, 1); }");
        assert_eq!(mended, "void F(void) { ExAllocatePool(NonPagedPoolNx + 0, 1); }");
        let (_, mended) = linted("void F(void) { ExAllocatePool((POOL_TYPE)(0), 1); }");
        assert_eq!(mended, "void F(void) { ExAllocatePool((POOL_TYPE)(NonPagedPoolNx), 1); }");
    }

    /// POOL_TYPE numbers its members; 16 and 0x400 are flags, of which none is a type.
    #[test]
    fn numbers_of_types_are_mended() {
        use crate::source::tests::{fixed_by, linted};
        let code = |of: &str| format!("void F(void) {{ ExAllocatePoolWithTag({of}, 1, 'a'); }}");
        for (number, name) in [
            ("4", "NonPagedPoolNxCacheAligned"),
            ("0x4u", "NonPagedPoolNxCacheAligned"),
            ("32", "NonPagedPoolSessionNx"),
            ("0", "NonPagedPoolNx"),
        ] {
            assert_eq!(linted(&code(number)).1, code(name), "{number}");
        }
        // Such a request never failed before.
        for (number, name) in [("2", "NonPagedPoolNx"), ("6", "NonPagedPoolNxCacheAligned")] {
            assert_eq!(linted(&code(number)).1, code(number));
            let (mended, _) = fixed_by("executable-pool-type", &code(number));
            assert_eq!(mended, code(name), "{number}");
        }
        for number in ["0x10", "0x400", "8", "2 + 2"] {
            assert_eq!(fixed_by("executable-pool-type", &code(number)).0, code(number), "{number}");
        }
    }

    #[test]
    fn source_of_volume_contexts_is_told_with_the_page_that_asks_for_them() {
        use crate::source::tests::findings_of;
        for (of, is_told) in [("FLT_VOLUME_CONTEXT", true), ("FLT_INSTANCE_CONTEXT", false)] {
            let code =
                format!("void F(void) {{ FltAllocateContext(f, {of}, 64, NonPagedPool, &c); }}");
            let found = findings_of(&[("a.c", &code)], ringfence_finding::Targets::DEFAULT);
            let note = "nf-fltkernel-fltallocatecontext";
            let has = found.iter().any(|one| one.notes.iter().any(|said| said.contains(note)));
            assert_eq!((found.is_empty(), has), (false, is_told), "{of}");
        }
    }
}
