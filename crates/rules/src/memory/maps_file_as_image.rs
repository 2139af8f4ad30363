use super::violation::placed;
use crate::rule::rule_card;
use crate::source::{about, every};
use crate::{DdiCall, Driver, Findings, Rule, Source, SourceFindings};
use ringfence_code::Possible;
use ringfence_ddi::{Ddi, Role};
use ringfence_finding::{Finding, Level, RuleCard};
use ringfence_source::{Choice, SourceCall};

rule_card! {
    /// ## What it does
    ///
    /// Finds sections that are made of a file as an image (`SEC_IMAGE` without `SEC_IMAGE_NO_EXECUTE`).
    ///
    /// ## Why it matters
    ///
    /// Pages of an image are executable only after a code-integrity check. A file that is no signed image,
    /// such as data with code in it, does not pass, and with memory integrity there is no way around the
    /// check. Which file it is shows when the driver runs, so this is a note and decides nothing.
    ///
    /// ## Example
    ///
    /// ```c,fires
    /// NTSTATUS map(HANDLE file, PHANDLE section)
    /// {
    ///     return ZwCreateSection(section, SECTION_MAP_EXECUTE, NULL, NULL, PAGE_EXECUTE, SEC_IMAGE, file);
    /// }
    /// ```
    ///
    /// ## What it cannot see
    ///
    /// Which file is opened, and whether it is signed.
    ///
    /// ## References
    ///
    /// - https://learn.microsoft.com/windows-hardware/drivers/ddi/wdm/nf-wdm-zwcreatesection
    MapsFileAsImage {
        id: "maps-file-as-image",
        summary: "a file is mapped as an image",
        level: Level::Note,
        since: "0.1.0",
        senses: [Code, Source],
        also_known_as: &[],
    }
}

/// `SEC_IMAGE`, and what makes `SEC_IMAGE_NO_EXECUTE` of it.
const SEC_IMAGE: u64 = 0x0100_0000;
const NO_EXECUTE: u64 = 0x1000_0000;

impl Rule for MapsFileAsImage {
    fn card(&self) -> &'static RuleCard {
        &Self::CARD
    }

    fn judges(&self, ddi: &Ddi) -> bool {
        ddi.parameter(|role| role == Role::SectionAttributes).is_some()
    }

    fn check_call(&self, call: &DdiCall, driver: &Driver<'_>, findings: &mut Findings) {
        let image =
            |possible: &Possible| possible.ones & SEC_IMAGE != 0 && possible.ones & NO_EXECUTE == 0;
        if !call.every(Role::SectionAttributes, image) {
            return;
        }
        let finding = Finding::new(&Self::CARD, Level::Note, message(call.ddi));
        findings.report(placed(finding, call, driver, findings).note(CHECKED));
    }

    fn check_source_call(
        &self,
        call: &SourceCall,
        source: &Source<'_>,
        findings: &mut SourceFindings,
    ) {
        let image = |choice: &Choice| {
            choice.bits.ones & SEC_IMAGE != 0 && choice.bits.ones & NO_EXECUTE == 0
        };
        if every(call, Role::SectionAttributes, image) {
            let finding = about(&Self::CARD, Level::Note, call, source, message(call.ddi));
            findings.report(finding.note(CHECKED));
        }
    }
}

const CHECKED: &str = "its pages are executable only if the file passes the code-integrity check, which shows \
                       when the driver runs";

fn message(ddi: &Ddi) -> String {
    format!("a file is mapped as an image by {}", ddi.name)
}

#[cfg(test)]
mod tests {
    use crate::memory::tests::{asked, constant, says, unknown};
    use crate::source::tests::linted;

    /// Spec case 96 and its twins.
    #[test]
    fn images_are_noted_and_data_is_not() {
        let create = |attributes| {
            let told = asked("ZwCreateSection", &[(4, constant(2)), (5, attributes)]);
            says(&told)
        };
        assert_eq!(
            create(constant(0x0100_0000)),
            [
                "fine note[maps-file-as-image] nothing: a file is mapped as an image by ZwCreateSection"
            ]
        );
        for attributes in [constant(0x0800_0000), constant(0x1100_0000), unknown()] {
            assert_eq!(create(attributes.clone()), [""; 0], "{attributes:?}");
        }
    }

    /// The same, in source.
    #[test]
    fn source_is_judged() {
        let create = |attributes: &str| {
            let call = "ZwCreateSection(&s, 1, NULL, NULL, PAGE_READONLY";
            linted(&format!("void F(int x) {{ {call}, {attributes}, f); }}")).0
        };
        assert_eq!(
            create("SEC_IMAGE"),
            ["a.c:2:52 note[maps-file-as-image] : a file is mapped as an image by ZwCreateSection"]
        );
        for attributes in ["SEC_COMMIT", "SEC_IMAGE_NO_EXECUTE", "x", "x ? SEC_IMAGE : SEC_COMMIT"]
        {
            assert_eq!(create(attributes), [""; 0], "{attributes}");
        }
    }
}
