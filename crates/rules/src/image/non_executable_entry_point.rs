use super::drawing;
use crate::rule::rule_card;
use crate::{Driver, Findings, Rule};
use ringfence_finding::{Finding, Level, Question, RuleCard};
use ringfence_image::{HeaderField, Machine};

rule_card! {
    /// ## What it does
    ///
    /// Finds images whose entry point does not lie in an executable section.
    ///
    /// ## Why it matters
    ///
    /// Windows calls the entry point once the driver is loaded. On a page that is not executable the
    /// call faults (bug check 0xFC), with memory integrity or without. Packers that unpack into a data
    /// section do this. An entry point of 0 means that there is none, as in export drivers.
    ///
    /// ## Example
    ///
    /// ```text
    /// link /SECTION:.text,RW ...     takes the execute right from the code
    /// ```
    ///
    /// ## What it cannot see
    ///
    /// What the code at the entry point does.
    ///
    /// ## References
    ///
    /// - https://learn.microsoft.com/windows-hardware/drivers/debugger/bug-check-0xfc--attempted-execute-of-noexecute-memory
    NonExecutableEntryPoint {
        id: "non-executable-entry-point",
        summary: "entry point is not in an executable section",
        level: Level::Error,
        since: "0.1.0",
        senses: [Image],
        also_known_as: &[],
    }
}

impl Rule for NonExecutableEntryPoint {
    fn card(&self) -> &'static RuleCard {
        &Self::CARD
    }

    fn check_image(&self, driver: &Driver<'_>, findings: &mut Findings) {
        let image = driver.image();
        // On Itanium the entry point is a descriptor in a data section, not an instruction.
        if image.machine() == Machine::Ia64 {
            return;
        }
        let entry = image.headers().entry_point;
        let runs = |section: &ringfence_image::Section<'_>| {
            section.is_executable() && section.pages().contains(&u64::from(entry.0))
        };
        if entry.0 == 0 || image.sections().iter().any(runs) {
            return;
        }
        let section = image.section_at(entry).map(|section| section.name());
        let place = match &section {
            Some(name) => format!("in `{name}`, which is not executable"),
            None => "outside the sections".to_owned(),
        };
        let evidence = drawing::header_field(
            "optional header",
            image.headers().field(HeaderField::AddressOfEntryPoint),
            "AddressOfEntryPoint",
            format!("{:08x}", entry.0),
            place.clone(),
        );
        findings.report(
            Finding::new(&Self::CARD, Level::Error, format!("the entry point lies {place}"))
                .denying(&[Question::Run], &[])
                .at(entry.0, section)
                .because(evidence)
                .note(
                    "the call to it faults with bug check 0xFC, with memory integrity or without",
                ),
        );
    }
}

#[cfg(test)]
mod tests {
    use crate::image::tests::{answers, told};
    use ringfence_fixture::driver;

    #[test]
    fn in_data_or_nowhere() {
        let data = driver().build().rva_of_section(".data");
        let bytes = driver().entry_point(data + 4).bytes();
        assert_eq!(
            told(&bytes),
            [
                "error[non-executable-entry-point] run: the entry point lies in `.data`, which is not executable"
            ]
        );
        assert_eq!(answers(&bytes), "yes no unknown");
        let bytes = driver().entry_point(0x00F0_0000).bytes();
        assert_eq!(
            told(&bytes),
            ["error[non-executable-entry-point] run: the entry point lies outside the sections"]
        );
    }

    /// Rights cover whole pages: the rest of the section's last page runs as well.
    #[test]
    fn behind_the_last_byte_of_the_section() {
        let built = driver().build();
        let text = built.rva_of_section(".text");
        assert_eq!(told(&driver().entry_point(text + 0xFF0).bytes()), [""; 0]);
    }

    #[test]
    fn an_itanium_entry_point_is_a_descriptor() {
        let data = driver().build().rva_of_section(".data");
        let [only] = &told(&driver().ia64().entry_point(data + 4).bytes())[..] else { panic!() };
        assert!(only.starts_with("error[wrong-machine]"), "{only}");
    }

    #[test]
    fn export_drivers_have_none() {
        assert_eq!(told(&driver().entry_point(0).bytes()), [""; 0]);
    }
}
