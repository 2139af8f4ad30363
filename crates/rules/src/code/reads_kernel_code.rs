use super::drawing::placed;
use crate::rule::rule_card;
use crate::{Driver, Findings, Rule};
use ringfence_code::{Sight, Sighting};
use ringfence_finding::{Finding, Level, RuleCard};

rule_card! {
    /// ## What it does
    ///
    /// Finds instructions that read what an imported function's address points to: the code of
    /// the kernel or of another module. Imported variables are not among them; writes there are `writes-to-code`.
    ///
    /// ## Why it matters
    ///
    /// To read is allowed, so nothing is denied. But drivers read code to take the number of a system
    /// service out of it, or to see whether another has patched it, and most often to patch it themselves:
    /// hooks of the service table and of functions do not work with memory integrity.
    ///
    /// ## Example
    ///
    /// ```c
    /// #define SERVICE_NUMBER(function) (*(unsigned long *)((unsigned char *)(function) + 1))
    /// table[SERVICE_NUMBER(ZwCreateFile)] = Hook;
    /// ```
    ///
    /// ## What it cannot see
    ///
    /// Reads in another function than the one that loads the address, such as a copy, and code found by other ways.
    ///
    /// ## References
    ///
    /// - https://learn.microsoft.com/windows-hardware/test/hlk/testref/driver-compatibility-with-device-guard
    ReadsKernelCode {
        id: "reads-kernel-code",
        summary: "the code of an imported function is read",
        level: Level::Warning,
        since: "0.1.0",
        senses: [Code],
        also_known_as: &[],
    }
}

impl Rule for ReadsKernelCode {
    fn card(&self) -> &'static RuleCard {
        &Self::CARD
    }

    fn check_sighting(&self, sighting: &Sighting, driver: &Driver<'_>, findings: &mut Findings) {
        let Sight::ImportTouched { slot, read_at, writes: false } = sighting.what else { return };
        let name = driver.names().at(slot).unwrap_or_else(|| "an imported function".to_owned());
        let path = if sighting.always { "" } else { ", depending on the path" };
        let message = format!("the code of {name} is used as data{path}");
        let before = [(read_at, "the function's address".to_owned())];
        let before = if read_at == sighting.at { &[][..] } else { &before[..] };
        let finding = Finding::new(&Self::CARD, Level::Warning, message);
        let finding = placed(finding, sighting, (before, "used here"), driver, findings);
        findings.report(
            finding.note(
                "to read code is allowed; what is then patched is not, with memory integrity",
            ),
        );
    }
}

#[cfg(test)]
mod tests {
    use crate::code::tests::{calling, says};
    use ringfence_finding::Answer;

    /// `mov rax, [slot]`, then what is done with it; encodings as in Intel's manual.
    fn told(name: &'static str, then: &[u8]) -> (Answer, Vec<String>) {
        let told = calling(&[name], &[&[0x48, 0x8B, 0x05]], &[then]);
        (told.verdict.run, says(&told))
    }

    #[test]
    fn code_is_told_and_variables_are_not() {
        // mov ecx, [rax+1]; cmp byte ptr [rax], 0E9h
        for then in [&[0x8B, 0x48, 1, 0xC3][..], &[0x80, 0x38, 0xE9, 0xC3]] {
            let (run, said) = told("ZwCreateFile", then);
            assert_eq!(
                said,
                ["warning[reads-kernel-code] nothing: the code of ZwCreateFile is used as data"]
            );
            assert_eq!(run, Answer::Yes);
            assert_eq!(told("NtBuildNumber", then).1, [""; 0]);
        }
    }

    #[test]
    fn other_uses_of_the_address_are_not_told() {
        // call rax; mov [rcx], rax; test rax, rax; mov rax, rcx and then mov ecx, [rax]
        for then in [
            &[0xFF, 0xD0, 0xC3][..],
            &[0x48, 0x89, 0x01, 0xC3],
            &[0x48, 0x85, 0xC0, 0xC3],
            &[0x48, 0x89, 0xC8, 0x8B, 0x08, 0xC3],
        ] {
            assert_eq!(told("ZwCreateFile", then).1, [""; 0], "{then:x?}");
        }
    }
}
