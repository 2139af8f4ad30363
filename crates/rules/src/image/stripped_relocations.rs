use super::drawing;
use crate::rule::rule_card;
use crate::{Driver, Findings, Rule};
use ringfence_finding::{Authority, Finding, Level, Question, RuleCard};
use ringfence_image::{DirectoryIndex, FileOffset, RELOCS_STRIPPED};

rule_card! {
    /// ## What it does
    ///
    /// Finds images whose base relocations were stripped.
    ///
    /// ## Why it matters
    ///
    /// 64-bit Windows loads no driver at the address it was linked for, so it has to move it. An image
    /// that says its relocations were stripped (flag 0x0001 of the file header) and has none cannot be
    /// moved and is refused, with or without memory integrity. An image without relocations that does
    /// not carry the flag simply holds no absolute address, and loads.
    ///
    /// ## Example
    ///
    /// ```text
    /// link /FIXED ...          strips them
    /// link /DYNAMICBASE ...    keeps them; the default with /DRIVER
    /// ```
    ///
    /// ## What it cannot see
    ///
    /// Nothing: the headers decide. That Windows refuses the image is inferred from how it relocates,
    /// so the finding is likely, not certain.
    ///
    /// ## References
    ///
    /// - https://learn.microsoft.com/windows/win32/debug/pe-format#characteristics
    /// - https://learn.microsoft.com/cpp/build/reference/fixed-fixed-base-address
    StrippedRelocations {
        id: "stripped-relocations",
        summary: "base relocations were stripped",
        level: Level::Error,
        since: "0.1.0",
        senses: [Image],
        also_known_as: &["IMAGE_FILE_RELOCS_STRIPPED"],
    }
}

impl Rule for StrippedRelocations {
    fn card(&self) -> &'static RuleCard {
        &Self::CARD
    }

    fn check_image(&self, driver: &Driver<'_>, findings: &mut Findings) {
        let image = driver.image();
        let headers = image.headers();
        let stripped = headers.characteristics & RELOCS_STRIPPED != 0;
        if !stripped || image.directory(DirectoryIndex::BaseRelocation).is_some() {
            return;
        }
        // The last field of the file header, before the optional one.
        let field = FileOffset(headers.optional_header().0 - 2);
        let evidence = drawing::header_field(
            "file header",
            field,
            "Characteristics",
            format!("{:#06x}", headers.characteristics),
            "bit 0: relocations stripped",
        );
        findings.report(
            Finding::new(
                &Self::CARD,
                Level::Error,
                "the base relocations were stripped, so the driver cannot be moved",
            )
            .denying(&[Question::Load], &[Authority::Loader])
            .likely()
            .because(evidence)
            .note("this driver does not load without memory integrity either")
            .help("link without /FIXED"),
        );
    }
}

#[cfg(test)]
mod tests {
    use crate::image::tests::{answers, told};
    use ringfence_fixture::driver;

    #[test]
    fn the_flag_without_relocations_is_refused() {
        let bytes = driver().no_relocations().relocs_stripped().bytes();
        assert_eq!(
            told(&bytes),
            [
                "error[stripped-relocations] load?: the base relocations were stripped, so the driver cannot be moved"
            ]
        );
        assert_eq!(answers(&bytes), "no unknown unknown");
    }

    /// The loader looks for relocations first, and at the flag only where there are none.
    #[test]
    fn the_flag_is_nothing_where_relocations_are() {
        assert_eq!(told(&driver().characteristics(0x0023).bytes()), [""; 0]);
    }

    #[test]
    fn no_relocations_without_the_flag_are_fine() {
        assert_eq!(told(&driver().no_relocations().without_section(".reloc").bytes()), [""; 0]);
    }
}
