use crate::rule::rule_card;
use crate::{Driver, Findings, Rule};
use ringfence_finding::{
    Authority, Evidence, Finding, Level, Mark, Question, Row, RuleCard, Table, Targets,
};
use ringfence_image::{Machine, RELOCATION_DIR64, Relocation};
use ringfence_verifier::{ImageFault, Violation};

rule_card! {
    /// ## What it does
    ///
    /// Finds base relocations of an x64 or ARM64 image that are neither filler nor DIR64.
    ///
    /// ## Why it matters
    ///
    /// Before version 1703, Windows 10 counted every other type under "Unsupported Relocs", together
    /// with those that cross a page, and refused the image under memory integrity. Linkers do not
    /// write them into 64-bit images; hand-made or converted images may hold them.
    ///
    /// ## Example
    ///
    /// ```text
    /// dumpbin /RELOCATIONS driver.sys      HIGHLOW in a 64-bit image
    /// ```
    ///
    /// ## What it cannot see
    ///
    /// Nothing: the relocations decide. Images for other processors are not looked at.
    ///
    /// ## References
    ///
    /// - https://learn.microsoft.com/windows/win32/debug/pe-format#base-relocation-types
    UnsupportedRelocationType {
        id: "unsupported-relocation-type",
        summary: "relocation is of a type that 64-bit images do not use",
        level: Level::Error,
        since: "0.1.0",
        senses: [Image, Run],
        also_known_as: &["Unsupported Relocs Count", "0xC4:0x2005"],
    }
}

/// Names of the `IMAGE_REL_BASED_` numbers.
const NAMES: [&str; 11] =
    ["ABSOLUTE", "HIGH", "LOW", "HIGHLOW", "HIGHADJ", "5", "RESERVED", "7", "8", "9", "DIR64"];

impl Rule for UnsupportedRelocationType {
    fn card(&self) -> &'static RuleCard {
        &Self::CARD
    }

    fn witnesses(&self, violation: &Violation) -> Option<String> {
        let is_it = violation.image == Some(ImageFault::RelocationType);
        is_it.then(|| Self::CARD.summary.to_owned())
    }

    fn check_image(&self, driver: &Driver<'_>, findings: &mut Findings) {
        let image = driver.image();
        // Other processors have types of their own.
        if !matches!(image.machine(), Machine::X64 | Machine::Arm64) || !image.headers().pe32_plus {
            return;
        }
        let unsupported = |relocation: &Relocation| relocation.kind != RELOCATION_DIR64;
        let Some(first) = image.relocations().iter().find(unsupported) else { return };
        let count = image.relocations().iter().filter(unsupported).count();
        let name = NAMES.get(usize::from(first.kind)).copied().unwrap_or("of unknown type");
        let section = image.section_at(first.rva()).map(|section| section.name());
        let evidence = Evidence::Table(Table {
            structure: "base relocations",
            columns: vec!["section", "type", "name"],
            rows: vec![Row {
                label: format!("{:x}", first.rva().0),
                cells: vec![
                    section.clone().unwrap_or_default(),
                    first.kind.to_string(),
                    name.to_owned(),
                ],
            }],
            marks: vec![Mark {
                row: 0,
                column: 1,
                text: "neither ABSOLUTE (0) nor DIR64 (10)".to_owned(),
            }],
        });
        let message = match count {
            1 => format!("one base relocation is {name}, not DIR64"),
            _ => format!("{count} base relocations are not DIR64; the first is {name}"),
        };
        findings.report(
            Finding::new(&Self::CARD, Level::Error, message)
                .denying(
                    &[Question::Load, Question::Certify],
                    &[Authority::Loader, Authority::DriverVerifier],
                )
                .counted(count)
                .only_likely_for(&[Question::Load])
                .on(Targets::BEFORE_1703)
                .at(first.rva().0, section)
                .because(evidence),
        );
    }
}

#[cfg(test)]
mod tests {
    use crate::image::tests::{told, told_for};
    use ringfence_finding::Targets;
    use ringfence_fixture::driver;

    const HIGHLOW: u8 = 3;

    /// Spec case 114.
    #[test]
    fn highlow_in_a_64_bit_image() {
        let bytes = driver().relocation_in(".data", 0x10, HIGHLOW).bytes();
        let message = "one base relocation is HIGHLOW, not DIR64";
        assert_eq!(
            told_for(&bytes, Targets::ALL),
            [format!("error[unsupported-relocation-type] load? certify: {message}")]
        );
        assert_eq!(
            told(&bytes),
            [format!("note[unsupported-relocation-type] load? certify: {message}")]
        );
    }

    #[test]
    fn highlow_is_what_32_bit_images_have() {
        let bytes = driver().x86().relocation_in(".data", 0x10, HIGHLOW).bytes();
        assert!(told_for(&bytes, Targets::ALL).iter().all(|line| line.contains("wrong-machine")));
    }
}
