use super::drawing::placed;
use super::{EXECUTED, is_of_rights};
use crate::rule::rule_card;
use crate::{DdiCall, Driver, Findings, Rule, Source, SourceFindings};
use ringfence_code::{Sight, Sighting};
use ringfence_finding::{Finding, Gap, Level, Question, RuleCard, SourceFinding};
use ringfence_source::CodeUseKind;
use ringfence_verifier::{Register, Touched, Violation};

rule_card! {
    /// ## What it does
    ///
    /// Finds calls and jumps that go into memory which the driver was given: by ExAllocatePool and its kin,
    /// MmAllocateContiguousMemory, MmMapIoSpace, MmMapLockedPages. The address is followed through registers,
    /// the stack, and a variable that nothing else is stored in. In source it finds calls of a local variable, or a
    /// static one of the file, that holds nothing else, and threads that begin there; in Rust of a local one, also by
    /// way of `transmute`. Where a member keeps the memory, or a function of the file that is handed it calls it, that is
    /// a warning.
    ///
    /// ## Why it matters
    ///
    /// Memory integrity makes a page executable only for an image that passed the code-integrity check.
    /// Pool and mapped memory never do, whatever was asked for, and the first instruction there ends the
    /// system with bug check 0xFC.
    ///
    /// ## Example
    ///
    /// ```c
    /// code = ExAllocatePoolWithTag(NonPagedPool, sizeof(Stub), TAG);
    /// memcpy(code, Stub, sizeof(Stub));
    /// ((ROUTINE *)code)();
    /// ```
    ///
    /// ## What it cannot see
    ///
    /// In compiled code addresses that are kept in structures, and memory that is given by way of a parameter, or by a large function of
    /// the driver's own. Calls are followed where the address is handed to one function that goes there, or to one that
    /// hands it on. Where executable memory is asked for and no code is seen to run in it, *run* is unknown.
    ///
    /// ## References
    ///
    /// - https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xfc--attempted-execute-of-noexecute-memory
    /// - https://learn.microsoft.com/windows-hardware/test/hlk/testref/driver-compatibility-with-device-guard
    ExecutesAllocatedMemory {
        id: "executes-allocated-memory",
        summary: "code runs in memory that was allocated or mapped",
        level: Level::Error,
        since: "0.1.0",
        senses: [Code, Source, Run],
        also_known_as: &["0xFC"],
    }
}

impl Rule for ExecutesAllocatedMemory {
    fn card(&self) -> &'static RuleCard {
        &Self::CARD
    }

    fn witnesses(&self, violation: &Violation) -> Option<String> {
        /// Bytes of a thread's kernel stack: less than that below an address in use it is the same stack.
        const STACK: u64 = 0x6000;
        let stack = violation.registers.get(Register::Rsp);
        let is_on_stack = violation.bug_check.parameters[0].abs_diff(stack) < STACK;
        let summary = if is_on_stack { "code runs on the stack" } else { Self::CARD.summary };
        is_of_rights(violation, EXECUTED, Touched::Memory).then(|| summary.to_owned())
    }

    fn check_sighting(&self, sighting: &Sighting, driver: &Driver<'_>, findings: &mut Findings) {
        let Sight::MemoryRun { given_at, wanted, by } = sighting.what else { return };
        let name = driver.calls().ddi(wanted).map_or("a DDI", |ddi| ddi.name);
        let calls = driver.calls().all();
        let first = calls.partition_point(|call: &DdiCall| call.site.at < given_at);
        let gives = match calls.get(first).is_some_and(|call| call.site.at == given_at) {
            true => "gives the memory".to_owned(),
            false => format!("returns memory that {name} gave"),
        };
        let what = format!("code runs in memory that {name} gave");
        let finding = match sighting.always {
            true => Finding::new(&Self::CARD, Level::Error, what).denying(&[Question::Run], &[]),
            false => {
                let reason = "on some paths code may run in memory that was allocated or mapped";
                findings.leave_open(Gap::new(&[Question::Run], reason));
                let what = format!("{what}, depending on the path");
                Finding::new(&Self::CARD, Level::Warning, what)
            }
        };
        let before = [(given_at, gives)];
        let here = match by {
            None => "goes there".to_owned(),
            Some(by) => format!("hands it to a function that goes there, at {:x}", by.0),
        };
        let finding = placed(finding, sighting, (&before, &here), driver, findings);
        findings.report(finding.note(FAULTS).help(INSTEAD));
    }

    fn check_source(&self, source: &Source<'_>, findings: &mut SourceFindings) {
        for one in &source.analysis.code_uses {
            let given = one.from.iter().map(|span| source.mark(*span, "gives the memory"));
            let finding = match one.kind {
                CodeUseKind::Run(name) => {
                    let what = format!("code runs in memory that {name} gave");
                    let mark = source.mark(one.span, "goes there");
                    SourceFinding::new(&Self::CARD, Level::Error, what, mark)
                        .denying(&[Question::Run], &[])
                }
                CodeUseKind::MayRun(name) => {
                    let what = format!("code may run in memory that {name} gave");
                    let mark = source.mark(one.span, "may go there");
                    SourceFinding::new(&Self::CARD, Level::Warning, what, mark)
                }
                _ => continue,
            };
            let finding = finding.within(one.function.clone()).related(given);
            findings.report(finding.note(FAULTS).help(INSTEAD));
        }
    }
}

const FAULTS: &str = "the first instruction there faults with bug check 0xFC";
const INSTEAD: &str = "keep code in the driver's image, which passes the check when it is loaded";

#[cfg(test)]
mod tests {
    use crate::code::tests::{calling, says};
    use ringfence_finding::Answer;

    /// `sub rsp, 28h; xor ecx, ecx`, a call of ExAllocatePoolWithTag with NonPagedPool, and then.
    fn told(then: &[u8]) -> (Answer, Vec<String>) {
        let before = [0x48, 0x83, 0xEC, 0x28, 0x31, 0xC9, 0xFF, 0x15];
        let told = calling(&["ExAllocatePoolWithTag"], &[&before], &[then]);
        let own = |said: &String| said.contains("executes-allocated-memory");
        (told.verdict.run, says(&told).into_iter().filter(own).collect())
    }

    #[test]
    fn code_in_pool_denies_run() {
        // call rax; mov rbx, rax and call rbx; add rax, 10h and jmp rax; by way of the stack
        for then in [
            &[0xFF, 0xD0, 0x48, 0x83, 0xC4, 0x28, 0xC3][..],
            &[0x48, 0x89, 0xC3, 0xFF, 0xD3, 0x48, 0x83, 0xC4, 0x28, 0xC3],
            &[0x48, 0x83, 0xC0, 0x10, 0x48, 0x83, 0xC4, 0x28, 0xFF, 0xE0],
            &[0x48, 0x89, 0x44, 0x24, 0x20, 0xFF, 0x54, 0x24, 0x20, 0x48, 0x83, 0xC4, 0x28, 0xC3],
            // test rax, rax; je over; mov byte ptr [rax], 0C3h; call rax
            &[0x48, 0x85, 0xC0, 0x74, 5, 0xC6, 0, 0xC3, 0xFF, 0xD0, 0x48, 0x83, 0xC4, 0x28, 0xC3],
        ] {
            let (run, said) = told(then);
            assert_eq!(
                said,
                ["error[executes-allocated-memory] run: code runs in memory that \
                  ExAllocatePoolWithTag gave"],
                "{then:x?}"
            );
            assert_eq!(run, Answer::No);
        }
    }

    #[test]
    fn memory_that_is_only_used_is_not_told() {
        // mov [rax], rcx; call [rax+8], which reads a pointer; mov rax, rcx and call rax
        for then in [
            &[0x48, 0x89, 0x08, 0x48, 0x83, 0xC4, 0x28, 0xC3][..],
            &[0xFF, 0x50, 8, 0x48, 0x83, 0xC4, 0x28, 0xC3],
            &[0x48, 0x89, 0xC8, 0xFF, 0xD0, 0x48, 0x83, 0xC4, 0x28, 0xC3],
        ] {
            assert_eq!(told(then), (Answer::Unknown, vec![]), "{then:x?}");
        }
    }

    /// Where a jump brings another value, both may be called.
    #[test]
    fn on_some_paths_it_is_a_warning() {
        // test ebx, ebx; je over; mov rax, rsi; over: call rax
        let then =
            [0x85, 0xDB, 0x74, 3, 0x48, 0x89, 0xF0, 0xFF, 0xD0, 0x48, 0x83, 0xC4, 0x28, 0xC3];
        let (run, said) = told(&then);
        assert!(said[0].starts_with("warning[executes-allocated-memory] nothing: "), "{said:?}");
        assert_eq!(run, Answer::Unknown);
    }

    /// The address is handed to a function, here the next one, that jumps to it.
    #[test]
    fn who_hands_it_to_a_function_that_goes_there_is_told() {
        // mov rcx, rax; call over; add rsp, 28h; ret; int3; over: jmp rcx
        let then =
            [0x48, 0x89, 0xC1, 0xE8, 6, 0, 0, 0, 0x48, 0x83, 0xC4, 0x28, 0xC3, 0xCC, 0xFF, 0xE1];
        let (run, said) = told(&then);
        assert_eq!(
            said,
            ["error[executes-allocated-memory] run: code runs in memory that \
              ExAllocatePoolWithTag gave"]
        );
        assert_eq!(run, Answer::No);
        // mov rax, [rcx]; ret
        let reads = [&then[..14], &[0x48, 0x8B, 0x01, 0xC3]].concat();
        assert_eq!(told(&reads), (Answer::Unknown, vec![]));
    }

    #[test]
    fn source_is_judged() {
        let code =
            "void F(void) { FN *f = (FN *)ExAllocatePoolWithTag(NonPagedPoolNx, 64, 'a'); f(); }";
        assert_eq!(
            crate::source::tests::linted(code).0,
            [
                "a.c:2:78 error[executes-allocated-memory] run: code runs in memory that ExAllocatePoolWithTag gave"
            ]
        );
    }

    /// What keeps the memory may hold something else by then.
    #[test]
    fn source_that_may_run_it_is_a_warning_and_is_not_mended_safely() {
        let code = "void F(E *e) { e->Code = ExAllocatePoolWithTag(NonPagedPool, 64, 'a'); ((FN)e->Code)(); }";
        let (said, mended) = crate::source::tests::linted(code);
        assert_eq!(
            said[1..],
            [
                "a.c:2:72 warning[executes-allocated-memory] : code may run in memory that ExAllocatePoolWithTag gave"
            ]
        );
        assert_eq!(mended, code);
    }
}
