use super::drawing::placed;
use super::is_of_write;
use crate::listing::Place;
use crate::rule::rule_card;
use crate::{Driver, Findings, Rule, Source, SourceFindings};
use ringfence_code::{Possible, Sight, Sighting, Value};
use ringfence_finding::{Finding, Gap, Level, Question, RuleCard, SourceFinding};
use ringfence_source::{Choice, ControlWrite, WrittenBy};
use ringfence_verifier::{Touched, Violation};

rule_card! {
    /// ## What it does
    ///
    /// Finds writes of control register 0 and tells what they make of bit 16, WP. Clearing it lets the
    /// kernel write to read-only pages; setting it, or writing back what was read, is fine. A value that
    /// is not known, such as one that a program sends, is a warning. In source these are calls of `__writecr0` and
    /// assembly, of which a value that is not known is told on request only; unions of the register with its bits, and
    /// functions and macros that write what they are passed, are followed.
    ///
    /// ## Why it matters
    ///
    /// Drivers clear WP to change code or tables that Windows protects. With memory integrity that is of no
    /// use: the hypervisor keeps code and import tables read-only whatever the register says, and it watches the
    /// register. The system ends with bug check 0xBE, 0x50, 0x18C or 0x18D.
    ///
    /// ## Example
    ///
    /// ```c
    /// __writecr0(__readcr0() & ~0x10000);
    /// ```
    ///
    /// ## What it cannot see
    ///
    /// What is written while WP is clear: constants, unless MmProtectDriverSection was asked to protect them, are not
    /// known to be kept by the hypervisor, so that a run may show no bug check. And values that come from memory, or that a
    /// function is given which others may call too. In source also what is written by way of a pointer to such a union.
    ///
    /// ## References
    ///
    /// - https://learn.microsoft.com/windows-hardware/test/hlk/testref/driver-compatibility-with-device-guard
    /// - https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0x18c--hyperguard-violation
    /// - https://learn.microsoft.com/cpp/intrinsics/writecr0
    WriteProtectionCleared {
        id: "write-protection-cleared",
        summary: "write protection is switched off in control register 0",
        level: Level::Error,
        since: "0.1.0",
        senses: [Code, Source, Run],
        also_known_as: &[],
    }
}

/// CR0.WP.
const WRITE_PROTECT: u64 = 1 << 16;

/// What a value makes of write protection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protection {
    Cleared,
    Kept,
    Unknown,
}

fn protection(possible: &Possible) -> Protection {
    of_bits(possible.ones, possible.zeros)
}

fn of_bits(ones: u64, zeros: u64) -> Protection {
    if zeros & WRITE_PROTECT != 0 {
        Protection::Cleared
    } else if ones & WRITE_PROTECT != 0 {
        Protection::Kept
    } else {
        Protection::Unknown
    }
}

impl Rule for WriteProtectionCleared {
    fn card(&self) -> &'static RuleCard {
        &Self::CARD
    }

    fn witnesses(&self, violation: &Violation) -> Option<String> {
        let is_it = is_of_write(violation) && violation.unprotected;
        is_it.then_some(match violation.touched {
            Some(Touched::ImportPage) => {
                "a page that holds the import address table is written to once write protection is off"
            }
            _ => "read-only memory is written to once write protection is off",
        })
        .map(str::to_owned)
    }

    fn check_sighting(&self, sighting: &Sighting, driver: &Driver<'_>, findings: &mut Findings) {
        let Sight::Cr0Set { value } = &sighting.what else { return };
        let all: Vec<_> = value.possible.iter().map(protection).collect();
        let finding = if all.iter().all(|one| *one == Protection::Kept) {
            return;
        } else if all.iter().all(|one| *one == Protection::Cleared) {
            let what = "write protection is switched off: CR0.WP is cleared";
            Finding::new(&Self::CARD, Level::Error, what).denying(&[Question::Run], &[]).likely()
        } else if all.contains(&Protection::Cleared) {
            let reason = "on some paths CR0.WP may be cleared";
            findings.leave_open(Gap::new(&[Question::Run], reason));
            let what = "write protection may be switched off: CR0.WP is cleared on some paths";
            Finding::new(&Self::CARD, Level::Warning, what)
        } else {
            let reason = "control register 0 is set to a value that is not known";
            findings.leave_open(Gap::new(&[Question::Run], reason));
            let what = "control register 0 is set to a value that is not known: it may clear WP";
            Finding::new(&Self::CARD, Level::Warning, what)
        };
        let before = setters(value, sighting);
        let here = (&before[..], "CR0 is set here");
        findings
            .report(placed(finding, sighting, here, driver, findings).note(IN_VAIN).help(INSTEAD));
    }

    fn check_source(&self, source: &Source<'_>, findings: &mut SourceFindings) {
        for write in &source.analysis.control {
            let Some(finding) = Self::of_write(write, source) else { continue };
            let finding = finding.within(write.function.clone()).note(IN_VAIN).help(INSTEAD);
            findings.report(match write.by {
                WrittenBy::Block => finding.note(
                    "Microsoft's compiler takes inline assembly for x86 only, where there is no memory \
                     integrity; Clang takes it for x64 too",
                ),
                WrittenBy::Intrinsic | WrittenBy::Template => finding,
            });
        }
    }
}

const IN_VAIN: &str = "with memory integrity code and import tables stay read-only, whatever CR0 says; a write to \
                       them ends in bug check 0xBE, 0x50 or 0x18D";
const INSTEAD: &str = "map the pages writable in a way that Windows supports, or leave them alone";

impl WriteProtectionCleared {
    fn of_write(write: &ControlWrite, source: &Source<'_>) -> Option<SourceFinding> {
        let of = |choice: &Choice| of_bits(choice.bits.ones, choice.bits.zeros);
        let all: Vec<_> = write.value.choices.iter().map(of).collect();
        let finding = |level, what| {
            SourceFinding::new(&Self::CARD, level, what, source.mark(write.span, "CR0 is set here"))
        };
        if all.iter().all(|one| *one == Protection::Kept) {
            None
        } else if all.iter().all(|one| *one == Protection::Cleared) {
            let what = "write protection is switched off: CR0.WP is cleared";
            Some(finding(Level::Error, what).denying(&[Question::Run], &[]).likely())
        } else if all.contains(&Protection::Cleared) {
            let what = "write protection may be switched off: CR0.WP is cleared on some paths";
            Some(finding(Level::Warning, what))
        } else {
            let what = "control register 0 is set to a value that is not known: it may clear WP";
            Some(finding(Level::Note, what).open())
        }
    }
}

/// The instructions that made the value, with what they make of the bit.
fn setters(value: &Value, sighting: &Sighting) -> Vec<Place> {
    let mut setters: Vec<Place> = Vec::new();
    for possible in &value.possible {
        let Some(at) = possible.set_at.filter(|at| *at != sighting.at) else { continue };
        let text = match (protection(possible), possible.unknown) {
            (Protection::Cleared, _) => "WP is 0".to_owned(),
            (Protection::Kept, _) => "WP is 1".to_owned(),
            (Protection::Unknown, Some(reason)) => format!("WP is not known: {reason}"),
            (Protection::Unknown, None) => "WP is not known".to_owned(),
        };
        if !setters.iter().any(|(known, _)| *known == at) {
            setters.push((at, text));
        }
    }
    setters
}

#[cfg(test)]
mod tests {
    use super::WRITE_PROTECT;
    use crate::code::tests::{at_text, run, says, sighted};
    use ringfence_code::{Possible, Sight, Value};
    use ringfence_finding::Answer;

    /// Bits known to be 1 and to be 0.
    fn set(possible: &[(u64, u64)]) -> (Answer, String) {
        let possible: Vec<_> = possible
            .iter()
            .map(|&(ones, zeros)| Possible { ones, zeros, ..Possible::default() })
            .collect();
        let value = Value { possible };
        let told = sighted(|text| at_text(Sight::Cr0Set { value: value.clone() }, text));
        let said = says(&told).join("; ");
        (told.verdict.run, said.split(": ").next().unwrap_or_default().to_owned())
    }

    #[test]
    fn one_bit_decides() {
        const CLEARED: (u64, u64) = (0, WRITE_PROTECT);
        const KEPT: (u64, u64) = (WRITE_PROTECT, 0);
        const OPEN: (u64, u64) = (0, !WRITE_PROTECT);
        let error = "error[write-protection-cleared] run?".to_owned();
        let warning = "warning[write-protection-cleared] nothing".to_owned();
        assert_eq!(set(&[CLEARED]), (Answer::No, error));
        assert_eq!(set(&[KEPT]), (Answer::Yes, String::new()));
        for open in [&[OPEN][..], &[KEPT, OPEN], &[CLEARED, KEPT], &[CLEARED, OPEN]] {
            assert_eq!(set(open), (Answer::Unknown, warning.clone()), "{open:?}");
        }
    }

    /// `mov rax, cr0` is 0F 20 C0 and `mov cr0, rax` 0F 22 C0; with other registers and REX prefixes as
    /// Intel's manual has them.
    #[test]
    fn from_bytes_to_the_answer() {
        for (code, expected) in [
            // and rax, ~10000h; btr eax, 16; xor rax, 10000h
            (
                &[0x0F, 0x20, 0xC0, 0x48, 0x25, 0xFF, 0xFF, 0xFE, 0xFF, 0x0F, 0x22, 0xC0, 0xC3][..],
                Answer::No,
            ),
            (&[0x0F, 0x20, 0xC0, 0x0F, 0xBA, 0xF0, 16, 0x0F, 0x22, 0xC0, 0xC3], Answer::No),
            (&[0x0F, 0x20, 0xC0, 0x48, 0x35, 0, 0, 1, 0, 0x0F, 0x22, 0xC0, 0xC3], Answer::No),
            // mov r8, cr0; mov cr0, r8
            (&[0x41, 0x0F, 0x20, 0xC0, 0x41, 0x0F, 0x22, 0xC0, 0xC3], Answer::Yes),
            // mov rax, cr0; or eax, 10000h; mov cr0, rax
            (&[0x0F, 0x20, 0xC0, 0x0D, 0, 0, 1, 0, 0x0F, 0x22, 0xC0, 0xC3], Answer::Yes),
            // mov cr0, rcx; and, behind a jump over it, bytes that are no code
            (&[0x0F, 0x22, 0xC1, 0xC3], Answer::Unknown),
            (&[0xC3, 0x0F, 0x22], Answer::Yes),
        ] {
            assert_eq!(run(code).0, expected, "{code:x?}: {:?}", run(code));
        }
    }

    #[test]
    fn source_is_judged() {
        use crate::source::tests::linted;
        let said = |code: &str| linted(&format!("void F(ULONG64 x) {{ {code} }}")).0;
        assert_eq!(
            said("__writecr0(__readcr0() & ~0x10000);"),
            [
                "a.c:2:32 error[write-protection-cleared] run: write protection is switched off: CR0.WP is cleared"
            ]
        );
        assert_eq!(said("__writecr0(__readcr0() | 0x10000);"), [""; 0]);
        let mixed = said("ULONG64 c = __readcr0(); if (x) c &= ~0x10000; __writecr0(c);");
        assert!(mixed[0].contains(" warning[write-protection-cleared] : "), "{mixed:?}");
        assert_eq!(
            linted("typedef union { struct { UINT64 low : 16, WP : 1, rest : 47; }; UINT64 Flags; } CR0;\nvoid F(void)\n{ CR0 cr0; cr0.Flags = __readcr0(); cr0.WP = 0; __writecr0(cr0.Flags); }").0,
            [
                "a.c:4:60 error[write-protection-cleared] run: write protection is switched off: CR0.WP is cleared"
            ]
        );
        let open = said("__writecr0(x);");
        assert!(open[0].starts_with("~a.c:2:32 note[write-protection-cleared] : "), "{open:?}");
        let block = said("__asm { mov eax, cr0\n and eax, 0FFFEFFFFh\n mov cr0, eax\n }");
        assert!(block[0].starts_with("a.c:4:2 error[write-protection-cleared] run: "), "{block:?}");
    }
}
