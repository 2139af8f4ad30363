//! The opt-in to non-executable pool: variables that ask for executable memory until they are set up.

mod project;
mod source;
#[cfg(test)]
mod versions;

use super::drawing;
use crate::calls::in_words;
use crate::{DdiCall, Driver, Findings, OptIn, Rule, Source, SourceFindings, Standing};
use ringfence_ddi::Role;
use ringfence_finding::{Finding, Level, RuleCard, Targets};
use std::collections::{BTreeMap, BTreeSet};

crate::rule::rule_card! {
    /// ## What it does
    ///
    /// Tells variables that a driver takes pool types or MDL priorities from and that it has to set up before: what
    /// sets them, and whether that comes before every call. Where it does, those calls are *fine-by-opt-in*. Where it
    /// does not, the rule about the call objects, and this one says why.
    ///
    /// ## Why it matters
    ///
    /// A driver that is built with `POOL_NX_OPTIN` asks for `ExDefaultNonPagedPoolType`, a variable of its own that is
    /// 0, executable, until `ExInitializeDriverRuntime(DrvRtPoolNxOptIn)` has run. Forgotten, or called too late, the
    /// driver asks for executable memory although its source seems to opt in. With `POOL_NX_OPTIN_AUTO` there is no
    /// variable and nothing to forget.
    ///
    /// ## Example
    ///
    /// ```c,fires
    /// #define POOL_NX_OPTIN 1
    /// #include <ntddk.h>
    ///
    /// NTSTATUS DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING path)
    /// {
    ///     table = ExAllocatePoolWithTag(NonPagedPool, 64, 'ksiD');
    ///     return STATUS_SUCCESS;
    /// }
    /// ```
    ///
    /// ```c,fixed
    /// #define POOL_NX_OPTIN 1
    /// #include <ntddk.h>
    ///
    /// NTSTATUS DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING path)
    /// {
    ///     ExInitializeDriverRuntime(DrvRtPoolNxOptIn);
    ///     table = ExAllocatePoolWithTag(NonPagedPool, 64, 'ksiD');
    ///     return STATUS_SUCCESS;
    /// }
    /// ```
    ///
    /// In source it also tells the call where Code Analysis does not look for it (C30031, C30035), export drivers
    /// without it (C30033), macros that are defined behind the headers of the kernel and so have no effect, and projects
    /// that could opt in for all of their files.
    ///
    /// ## What it cannot see
    ///
    /// In source, whether what leaves the entry point before the call does so because something failed: it is taken to.
    /// Where the call stands in a constructor, or in a function whose address goes somewhere, it is not known whether
    /// the entry point comes by.
    /// In machine code:
    /// From the entry point on, calls are followed where code names the called function. What Windows calls back before
    /// the variable is set up leaves the order unproven. A look at the version of Windows is followed where
    /// `RtlGetVersion` tells it, also by way of a function of the driver's own without parameters. What a driver exports may be called before it starts, so that its calls are left open; so are
    /// those of export drivers that are set up in `DllInitialize`.
    ///
    /// ## References
    ///
    /// - <https://learn.microsoft.com/windows-hardware/drivers/kernel/single-binary-opt-in-pool-nx-optin>
    /// - <https://learn.microsoft.com/windows-hardware/drivers/devtest/30035-warning-banned-mem-allocation-maybe-bad-call-site>
    NxOptIn {
        id: "nx-opt-in",
        summary: "non-executable pool is opted in to when the driver starts",
        level: Level::Note,
        since: "0.1.0",
        senses: [Code, Source],
        also_known_as: &["C30031", "C30033", "C30035", "POOL_NX_OPTIN"],
    }
}

impl Rule for NxOptIn {
    fn card(&self) -> &'static RuleCard {
        &Self::CARD
    }

    fn check_variables(&self, driver: &Driver<'_>, findings: &mut Findings) {
        let mut depending: BTreeMap<_, Vec<(&DdiCall, &OptIn)>> = BTreeMap::new();
        let calls = driver.calls().all().iter().filter(|call| call.site.reached);
        for call in calls.flat_map(DdiCall::as_asked) {
            // What nothing sets up is no opt-in, the calls themselves are objected to; nor is a variable of which it
            // is not known whether it ever holds something else.
            if let Some(opt_in) = call.opt_in.as_ref().filter(|one| one.opts_in) {
                depending.entry(opt_in.variable).or_default().push((call, opt_in));
            }
        }
        for (variable, calls) in depending {
            let Some((first, opt_in)) = calls.first() else { continue };
            let section = driver.image().section_at(variable).map(|section| section.name());
            let message = message(opt_in, &calls, driver);
            let finding = Finding::new(&Self::CARD, Level::Note, message).at(variable.0, section);
            let text = |at| stored(first, driver, at);
            let finding = match drawing::stores(&opt_in.stores, driver, text) {
                Some(evidence) => finding.because(evidence),
                None => finding,
            };
            findings.report(finding);
        }
    }

    fn check_source(&self, source: &Source<'_>, findings: &mut SourceFindings) {
        source::check(source, findings);
        project::check(source, findings);
    }
}

/// `POOL_TYPE variable at 3018 is set up before the 12 calls that take PoolType from it`
fn message(first_opt_in: &OptIn, calls: &[(&DdiCall, &OptIn)], driver: &Driver<'_>) -> String {
    let targets = driver.asked().targets;
    let count =
        |standing| calls.iter().filter(|(_, one)| one.standing(targets) == standing).count();
    let named = calls.iter().filter_map(|(call, _)| call.deciding()).map(|deciding| deciding.name);
    let parameters: Vec<&str> = named.collect::<BTreeSet<_>>().into_iter().collect();
    let parameter = match &parameters[..] {
        [] => "an argument".to_owned(),
        names => names.join(" or "),
    };
    let many = |count: usize| match count {
        1 => "the call that takes".to_owned(),
        more => format!("the {more} calls that take"),
    };
    let [after, never, unproven] =
        [Standing::After, Standing::Never, Standing::Unproven].map(count);
    let all = format!("{} {parameter} from it", many(calls.len()));
    if after > 0 {
        let first = match after == calls.len() {
            true => all,
            false => format!("{after} of {all}"),
        };
        let come = if after == 1 { "comes" } else { "come" };
        format!(
            "the variable that makes pool non-executable is set up too late: {first} {come} first"
        )
    } else if never > 0 && calls.iter().all(|(_, one)| one.never == Targets::ALL) {
        let asks = if calls.len() == 1 { "asks" } else { "ask" };
        let what = match first_opt_in.stores.is_empty() {
            true => "the variable that would make pool non-executable is never set up",
            false => {
                "the opt-in to non-executable pool is compiled in but never initialised, as nothing calls what does"
            }
        };
        format!("{what}: {all} {asks} for executable memory")
    } else if never > 0 {
        format!(
            "the variable that makes pool non-executable is set up on some Windows versions only, before {all}"
        )
    } else if unproven > 0 {
        let all = if unproven == calls.len() { all } else { format!("{unproven} of {all}") };
        format!(
            "whether the variable that makes pool non-executable is set up before {all} could not be proven"
        )
    } else {
        format!("opts in to non-executable pool: the variable is set up before {all}")
    }
}

/// What an instruction stores, in words.
fn stored(call: &DdiCall, driver: &Driver<'_>, at: ringfence_image::Rva) -> String {
    let Some(opt_in) = &call.opt_in else { return String::new() };
    let role = call.deciding().map_or(Role::PoolType, |deciding| deciding.role);
    let variables = driver.calls().variables().iter();
    let stores = variables.filter(|known| known.at == opt_in.variable).flat_map(|v| &v.stores);
    let values = stores.filter(|store| store.at == at).flat_map(|store| &store.value.possible);
    let words: Vec<_> = values.map(|possible| in_words(role, possible)).collect();
    format!("set to {}", words.join(" or "))
}

#[cfg(test)]
mod tests {
    use crate::code::tests::calling_in;
    use crate::memory::tests::{asked_from, asked_from_variable, says, unknown};
    use ringfence_code::Stored;
    use ringfence_finding::{Answer, CallAnswer};

    /// Spec case 21.
    #[test]
    fn what_is_set_up_before_is_fine() {
        let told = asked_from(Stored::Always, false);
        assert_eq!((told.answer, told.verdict.certify), (CallAnswer::FineByOptIn, Answer::Yes));
        assert_eq!(
            says(&told),
            [
                "finebyoptin note[nx-opt-in] nothing: opts in to non-executable pool: the variable is \
              set up before the call that takes PoolType from it"
            ]
        );
    }

    /// Spec case 23.
    #[test]
    fn what_comes_first_asks_for_executable_memory() {
        let told = asked_from(Stored::Always, true);
        assert_eq!((told.answer, told.verdict.certify), (CallAnswer::Violation, Answer::No));
        assert!(says(&told)[0].starts_with(
            "violation error[executable-pool-type] certify: memory is requested from an executable \
             pool: PoolType = NonPagedPool (0) at ExAllocatePoolWithTag"
        ));
    }

    /// Nothing calls the function with the store, or it is made on no version of Windows.
    #[test]
    fn what_is_never_set_up_asks_for_executable_memory() {
        let told = asked_from(Stored::Nowhere, false);
        assert_eq!((told.answer, told.verdict.certify), (CallAnswer::Violation, Answer::No));
        let said = says(&told);
        assert_eq!(
            said[1],
            "violation note[nx-opt-in] nothing: the opt-in to non-executable pool is compiled in but never \
             initialised, as nothing calls what does: the call that takes PoolType from it asks for executable memory"
        );
    }

    /// `sub rsp, 28h; mov ecx, [3008h]; call [ExAllocatePoolWithTag]; add rsp, 28h; ret` is the entry point, and behind
    /// it stands `mov dword ptr [3008h], 200h; ret`.
    fn with_a_store_behind(called: bool) -> (Answer, Vec<String>) {
        // Or else a call of what follows, a `nop` of five bytes.
        let first: [u8; 5] = if called { [0xE8, 0x1C, 0, 0, 0] } else { [0x0F, 0x1F, 0x44, 0, 0] };
        let entry =
            [&[0x48, 0x83, 0xEC, 0x28][..], &first, &[0x8B, 0x0D, 0xF9, 0x1F, 0, 0], &[0xFF, 0x15]];
        let behind = [
            &[0x48, 0x83, 0xC4, 0x28, 0xC3][..],
            &[0xCC; 11],
            &[0xC7, 0x05, 0xD9, 0x1F, 0, 0, 0, 2, 0, 0, 0xC3],
        ];
        let told = calling_in(
            &["ExAllocatePoolWithTag"],
            &[&entry.concat()],
            &[&behind.concat()],
            &[(0..0x1A, [1, 4, 1, 0, 4, 0x42, 0, 0])],
        );
        let said = told.findings.iter().map(|finding| finding.message.clone()).collect();
        (told.verdict.certify, said)
    }

    #[test]
    fn a_store_that_nothing_calls_is_no_opt_in() {
        let (certify, said) = with_a_store_behind(true);
        assert_eq!(certify, Answer::Yes, "{said:?}");
        let (certify, said) = with_a_store_behind(false);
        assert_eq!(certify, Answer::No);
        assert!(said[1].contains("compiled in but never initialised"), "{said:?}");
    }

    /// As a compiler has it that does not optimise.
    #[test]
    fn a_failure_may_be_handed_back_by_way_of_the_stack() {
        let entry = [
            &[0x48, 0x83, 0xEC, 0x38][..], // sub rsp, 38h
            &[0xE8, 0x17, 0, 0, 0],        // call 20h
            &[0x89, 0x44, 0x24, 0x2C],     // mov [rsp+2Ch], eax
            &[0xEB, 0],                    // jmp to the next
            &[0x8B, 0x44, 0x24, 0x2C],     // mov eax, [rsp+2Ch]
            &[0x48, 0x83, 0xC4, 0x38, 0xC3],
            &[0xCC; 8],
            &[0x48, 0x83, 0xEC, 0x28], // sub rsp, 28h
            &[0xFF, 0x15],             // call [ZwClose]
        ];
        let stores = [
            &[0x85, 0xC0, 0x78, 0x18][..], // test eax, eax; js to the end
            &[0xC7, 0x05, 0xD0, 0x1F, 0, 0, 0, 2, 0, 0], // mov dword ptr [3008h], 200h
            &[0x8B, 0x0D, 0xCA, 0x1F, 0, 0], // mov ecx, [3008h]
            &[0xFF, 0x15],
        ];
        let told = calling_in(
            &["ZwClose", "ExAllocatePoolWithTag"],
            &[&entry.concat(), &stores.concat()],
            &[&[], &[0x31, 0xC0, 0x48, 0x83, 0xC4, 0x28, 0xC3]],
            &[(0..0x18, [1, 4, 1, 0, 4, 0x62, 0, 0]), (0x20..0x4B, [1, 4, 1, 0, 4, 0x42, 0, 0])],
        );
        let said: Vec<_> = told.findings.iter().map(|finding| finding.message.as_str()).collect();
        assert_eq!(
            said,
            [
                "opts in to non-executable pool: the variable is set up before the call that takes PoolType from it"
            ]
        );
    }

    #[test]
    fn every_parameter_that_takes_the_variable_is_named() {
        let told = calling_in(
            &["ExAllocatePoolWithTag", "ExInitializeNPagedLookasideList"],
            &[
                &[
                    &[0x48, 0x83, 0xEC, 0x28][..],               // sub rsp, 28h
                    &[0xC7, 0x05, 0xFA, 0x1F, 0, 0, 0, 2, 0, 0], // mov dword ptr [3008h], 200h
                    &[0x8B, 0x0D, 0xF4, 0x1F, 0, 0],             // mov ecx, [3008h]
                    &[0xFF, 0x15],
                ]
                .concat(),
                // mov r9d, [3008h]; xor edx, edx; xor r8d, r8d
                &[0x44, 0x8B, 0x0D, 0xE7, 0x1F, 0, 0, 0x31, 0xD2, 0x45, 0x31, 0xC0, 0xFF, 0x15],
            ],
            &[&[], &[0x48, 0x83, 0xC4, 0x28, 0xC3]],
            &[(0..0x31, [1, 4, 1, 0, 4, 0x42, 0, 0])],
        );
        let said: Vec<_> = told.findings.iter().map(|finding| finding.message.as_str()).collect();
        assert_eq!(
            said,
            [
                "opts in to non-executable pool: the variable is set up before the 2 calls that take Flags or PoolType from it"
            ]
        );
    }

    #[test]
    fn an_order_that_is_not_proven_is_unknown() {
        let told = asked_from(Stored::Perhaps, false);
        assert_eq!((told.answer, told.verdict.certify), (CallAnswer::Unknown, Answer::Unknown));
        assert_eq!(
            told.gaps,
            [
                "the deciding argument of some DDI calls is not known: it comes from a variable that may \
              not be set up before"
            ]
        );
    }

    /// Nothing shows that what is stored has to do with executable memory.
    #[test]
    fn a_variable_of_which_only_the_beginning_is_known_is_no_opt_in() {
        for stored in [Stored::Always, Stored::Perhaps] {
            let told = asked_from_variable(stored, false, unknown());
            assert_eq!((told.answer, told.verdict.certify), (CallAnswer::Unknown, Answer::Unknown));
            assert_eq!(says(&told), [""; 0]);
            assert_eq!(
                told.gaps,
                [
                    "the deciding argument of some DDI calls is not known: it is worked out in a way \
                  that is not followed"
                ]
            );
        }
        // What comes before the variable is set up gets what the file has there, whatever is stored later.
        let told = asked_from_variable(Stored::Always, true, unknown());
        assert_eq!((told.answer, told.verdict.certify), (CallAnswer::Violation, Answer::No));
        assert_eq!(says(&told).len(), 1, "{:?}", says(&told));
    }

    /// The entry point asks a function whether to set up the variable, and requests memory; the function asks Windows
    /// for its version, of which `compare` is the result: `setae al` where the major version is 10 or later.
    fn by_a_function(compare: u8) -> (Answer, Vec<String>) {
        let entry = [
            &[0x48, 0x83, 0xEC, 0x28][..],               // sub rsp, 28h
            &[0xE8, 0x1F, 0, 0, 0],                      // call 28h
            &[0x84, 0xC0, 0x74, 10],                     // test al, al; jz over
            &[0xC7, 0x05, 0xF1, 0x1F, 0, 0, 0, 2, 0, 0], // mov dword ptr [3008h], 200h
            &[0x8B, 0x0D, 0xEB, 0x1F, 0, 0],             // over: mov ecx, [3008h]
            &[0xFF, 0x15],                               // call [ExAllocatePoolWithTag]
        ];
        let asks = [
            &[0x48, 0x81, 0xEC, 0x48, 1, 0, 0][..],   // sub rsp, 148h
            &[0xC7, 0x44, 0x24, 0x20, 0x14, 1, 0, 0], // mov dword ptr [rsp+20h], 114h
            &[0x48, 0x8D, 0x4C, 0x24, 0x20],          // lea rcx, [rsp+20h]
            &[0xFF, 0x15],                            // call [RtlGetVersion]
        ];
        let told_by = [
            &[0x83, 0x7C, 0x24, 0x24, 10][..], // cmp dword ptr [rsp+24h], 10
            &[0x0F, compare, 0xC0],            // set al
            &[0x48, 0x81, 0xC4, 0x48, 1, 0, 0, 0xC3], // add rsp, 148h; ret
        ];
        let told = calling_in(
            &["ExAllocatePoolWithTag", "RtlGetVersion"],
            &[&entry.concat(), &asks.concat()],
            &[&[0x48, 0x83, 0xC4, 0x28, 0xC3][..], &told_by.concat()],
            &[
                // Version 1, and a prolog that makes room for 28h, or 148h.
                (0..0x28, [1, 4, 1, 0, 4, 0x42, 0, 0]),
                (0x28..0x52, [1, 7, 2, 0, 7, 1, 0x29, 0]),
            ],
        );
        let said = told.findings.iter().map(|finding| finding.message.clone()).collect();
        (told.verdict.certify, said)
    }

    #[test]
    fn a_function_may_say_for_which_windows_it_is() {
        let (certify, said) = by_a_function(0x93);
        assert_eq!(
            said,
            [
                "opts in to non-executable pool: the variable is set up before the call that takes PoolType from it"
            ]
        );
        assert_eq!(certify, Answer::Yes);
        // setb al: no Windows that knows of memory integrity.
        let (certify, said) = by_a_function(0x92);
        assert_ne!(certify, Answer::Yes, "{said:?}");
    }
}
