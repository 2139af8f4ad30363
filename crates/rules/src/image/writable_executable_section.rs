use super::drawing::{self, SectionColumn};
use crate::rule::rule_card;
use crate::{Driver, Findings, Rule};
use ringfence_finding::{Authority, Counter, Finding, Gap, Level, Question, RuleCard};
use ringfence_image::{Section, Toolset};

rule_card! {
    /// ## What it does
    ///
    /// Finds sections whose pages would be writable and executable at once.
    ///
    /// ## Why it matters
    ///
    /// With memory integrity on, no kernel page is ever both. Driver Verifier's code-integrity
    /// checks stop at such a section (bug check 0xC4, 0x2003), and so does the HLK test, so the
    /// driver is not certified. Whether it still loads is told in two ways: the guidance for driver
    /// authors says it does not, while event 3073 of the code-integrity log names *strict* memory
    /// integrity only. ringfence therefore answers *load* with no, and calls that likely.
    ///
    /// The section called `INIT` is different: old linkers make it writable and executable, and
    /// Windows 10 removes the write permission when it loads the driver. It is a note, and turns no
    /// question to no. Early Windows 10 verifiers reported it too; later ones do so only with an
    /// option set. One that is not discardable is a warning.
    ///
    /// ## Example
    ///
    /// ```text
    /// link /SECTION:.text,ERW ...            writable and executable
    /// #pragma comment(linker, "/SECTION:.hook,RWE")
    /// ```
    ///
    /// Leave the rights to the linker, and put data that must be written into a data section.
    ///
    /// ## What it cannot see
    ///
    /// Rights that the driver changes once it runs.
    ///
    /// ## References
    ///
    /// - https://learn.microsoft.com/windows-hardware/drivers/devtest/code-integrity-checking
    /// - https://learn.microsoft.com/windows-hardware/test/hlk/testref/driver-compatibility-with-device-guard
    WritableExecutableSection {
        id: "writable-executable-section",
        summary: "section is writable and executable",
        level: Level::Error,
        since: "0.1.0",
        also_known_as: &["0xC4:0x2003", "Execute-Write Section Count", "event 3073"],
    }
}

impl Rule for WritableExecutableSection {
    fn card(&self) -> &'static RuleCard {
        &Self::CARD
    }

    fn check_image(&self, driver: &Driver<'_>, findings: &mut Findings) {
        let image = driver.image();
        if image.sections().len() != usize::from(image.headers().number_of_sections) {
            let reason = "the section table could not be read whole";
            findings.leave_open(Gap::new(&[Question::Certify], reason).about(&[
                Counter::ExecuteWriteSection,
                Counter::SectionAlignment,
                Counter::ExecutableImportTable,
            ]));
        }
        // Once, as a hostile file has many such sections and a long Rich header.
        let toolset = image.rich().and_then(|rich| rich.linker());
        let sections = image.sections().iter();
        for section in sections.filter(|section| section.is_writable() && section.is_executable()) {
            // Driver Verifier compares all eight bytes of the name, letter case aside.
            let finding = if section.is_named("INIT") {
                Self::init(section, toolset)
            } else {
                Self::other(section)
            };
            let evidence =
                drawing::section(section, SectionColumn::Rights, "writable and executable");
            findings.report(finding.at(section.rva().0, Some(section.name())).because(evidence));
        }
    }
}

impl WritableExecutableSection {
    fn other(section: &Section<'_>) -> Finding {
        let message = format!("section `{}` is writable and executable", section.name());
        Finding::new(&Self::CARD, Level::Error, message)
            .denying(
                &[Question::Load, Question::Certify],
                &[Authority::Loader, Authority::DriverVerifier],
            )
            .only_likely_for(&[Question::Load])
            .note("Driver Verifier stops at it with bug check 0xC4, parameter 0x2003")
            .note(
                "sources differ on loading: Microsoft's guidance says that it is refused, event 3073 \
                 of the code-integrity log names strict memory integrity only; under strict memory \
                 integrity the refusal is certain, otherwise likely",
            )
            .help("drop the write permission (linker switches /SECTION and /MERGE), or move the data out")
    }

    fn init(section: &Section<'_>, toolset: Option<Toolset>) -> Finding {
        let level = if section.is_discardable() { Level::Note } else { Level::Warning };
        let message = format!(
            "section `{}` is writable and executable; Windows 10 removes the write permission when \
             it loads the driver",
            section.name()
        );
        let mut finding = Finding::new(&Self::CARD, level, message).note(
            "early Windows 10 versions of Driver Verifier reported this (0xC4, 0x2003); later ones do \
             so only with an option set",
        );
        if !section.is_discardable() {
            finding = finding.note(
                "an INIT section is discarded after initialisation as a rule, but this one is not \
                 marked discardable: code that stays in it and writes to it would fault",
            );
        }
        match toolset.filter(|toolset| toolset.linker <= VISUAL_STUDIO_2013) {
            Some(toolset) => finding.note(format!(
                "linkers up to that of Visual Studio 2013 make INIT so by themselves; this one is of \
                 {}, so a newer toolset is the cure",
                toolset.name
            )),
            None => finding,
        }
    }
}

/// The linker version of the last toolset that makes INIT writable by itself.
const VISUAL_STUDIO_2013: (u8, u8) = (12, 0);

#[cfg(test)]
mod tests {
    use crate::image::tests::{answers, findings, told};
    use ringfence_finding::Targets;
    use ringfence_fixture::{Driver, EXECUTE, READ, WRITE, driver, section};

    const RWX: u32 = READ | WRITE | EXECUTE;

    fn with_init(
        edit: impl FnOnce(ringfence_fixture::Section) -> ringfence_fixture::Section,
    ) -> Driver {
        driver().edit_section("INIT", edit)
    }

    /// Spec case 101.
    #[test]
    fn rwx_text() {
        let bytes = driver().edit_section(".text", |text| text.rights(RWX)).bytes();
        assert_eq!(
            told(&bytes),
            [
                "error[writable-executable-section] load? certify: section `.text` is writable and executable"
            ]
        );
        assert_eq!(answers(&bytes), "no unknown no");
    }

    /// Spec cases 102 and 103.
    #[test]
    fn rwx_init_is_a_note_in_any_letter_case() {
        for name in ["INIT", "init"] {
            let bytes = with_init(|init| init.rights(RWX).name(name)).bytes();
            let [only] = &told(&bytes)[..] else { panic!() };
            assert!(only.starts_with("note[writable-executable-section] nothing: "), "{only}");
            assert_eq!(answers(&bytes), "yes unknown unknown");
        }
    }

    /// Spec case 104.
    #[test]
    fn a_longer_name_is_not_init() {
        let bytes = with_init(|init| init.rights(RWX).name("INITDATA")).bytes();
        assert_eq!(answers(&bytes), "no unknown no");
    }

    /// Spec case 105.
    #[test]
    fn rwx_init_that_stays_is_a_warning() {
        let bytes = with_init(|init| init.rights(RWX).resident()).bytes();
        let [only] = &told(&bytes)[..] else { panic!() };
        assert!(only.starts_with("warning[writable-executable-section] nothing: "), "{only}");
        assert_eq!(answers(&bytes), "yes unknown unknown");
    }

    /// Spec case 106.
    #[test]
    fn a_name_of_eight_letters_needs_no_nul() {
        let bytes = driver().section(section("HOOKCODE").rights(RWX).bytes(vec![0xC3; 16])).bytes();
        assert_eq!(
            told(&bytes),
            [
                "error[writable-executable-section] load? certify: section `HOOKCODE` is writable and executable"
            ]
        );
    }

    /// Spec case 117.
    #[test]
    fn arm64_is_held_to_the_same() {
        let bytes = driver().arm64().edit_section(".text", |text| text.rights(RWX)).bytes();
        assert_eq!(answers(&bytes), "no unknown no");
    }

    #[test]
    fn an_old_toolset_is_named_as_the_cause() {
        let notes = |product| {
            let bytes = with_init(|init| init.rights(RWX)).rich([(product, 31101, 1)]).bytes();
            findings(&bytes, Targets::DEFAULT)[0].notes.join("\n")
        };
        assert!(notes(0x00DE).contains("Visual Studio 2013, so a newer toolset is the cure"));
        assert!(notes(0x0091).contains("of Visual Studio 2008"));
        assert!(!notes(0x0102).contains("toolset"));
    }
}
