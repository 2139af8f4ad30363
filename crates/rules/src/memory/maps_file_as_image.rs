use super::violation::placed;
use crate::rule::rule_card;
use crate::{DdiCall, Driver, Findings, Rule};
use ringfence_code::Possible;
use ringfence_ddi::{Ddi, Role};
use ringfence_finding::{Finding, Level, RuleCard};

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
    /// ```c
    /// ZwCreateSection(&section, access, NULL, NULL, PAGE_EXECUTE, SEC_IMAGE, file);
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
        let message = format!("a file is mapped as an image by {}", call.ddi.name);
        let finding = Finding::new(&Self::CARD, Level::Note, message);
        findings.report(placed(finding, call, driver, findings).note(
            "its pages are executable only if the file passes the code-integrity check, which shows \
             when the driver runs",
        ));
    }
}

#[cfg(test)]
mod tests {
    use crate::memory::tests::{asked, constant, says, unknown};

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
}
