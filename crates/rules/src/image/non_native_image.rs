use super::drawing;
use crate::rule::rule_card;
use crate::{Driver, Findings, Rule};
use ringfence_finding::{Finding, Level, RuleCard};
use ringfence_image::{HeaderField, SUBSYSTEM_NATIVE};

rule_card! {
    /// ## What it does
    ///
    /// Finds kernel images whose subsystem is not native (1).
    ///
    /// ## Why it matters
    ///
    /// A driver of another subsystem was linked with the wrong switch. Memory integrity does not look
    /// at the field, so this is a warning and turns no question to no.
    ///
    /// ## Example
    ///
    /// ```text
    /// link /SUBSYSTEM:CONSOLE /DRIVER ...     wrong
    /// link /SUBSYSTEM:NATIVE /DRIVER ...      right
    /// ```
    ///
    /// ## What it cannot see
    ///
    /// Programs: an image that imports from a user-mode module is no driver and is left out.
    ///
    /// ## References
    ///
    /// - https://learn.microsoft.com/cpp/build/reference/subsystem-specify-subsystem
    NonNativeImage {
        id: "non-native-image",
        summary: "kernel image is not of the native subsystem",
        level: Level::Warning,
        since: "0.1.0",
        senses: [Image],
        also_known_as: &[],
    }
}

impl Rule for NonNativeImage {
    fn card(&self) -> &'static RuleCard {
        &Self::CARD
    }

    fn check_image(&self, driver: &Driver<'_>, findings: &mut Findings) {
        let headers = driver.image().headers();
        if headers.subsystem == SUBSYSTEM_NATIVE {
            return;
        }
        let message = format!("the subsystem is {}, not 1 (native)", headers.subsystem);
        let evidence = drawing::header_field(
            "optional header",
            headers.field(HeaderField::Subsystem),
            "Subsystem",
            headers.subsystem.to_string(),
            "not 1",
        );
        findings.report(
            Finding::new(&Self::CARD, Level::Warning, message)
                .because(evidence)
                .help("link with /SUBSYSTEM:NATIVE /DRIVER"),
        );
    }
}

#[cfg(test)]
mod tests {
    use crate::image::tests::{answers, told};
    use ringfence_fixture::driver;

    #[test]
    fn another_subsystem_is_a_warning() {
        let bytes = driver().subsystem(3).bytes();
        assert_eq!(
            told(&bytes),
            ["warning[non-native-image] nothing: the subsystem is 3, not 1 (native)"]
        );
        assert_eq!(answers(&bytes), "yes unknown unknown");
    }
}
