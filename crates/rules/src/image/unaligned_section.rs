use super::drawing::{self, SectionColumn};
use crate::rule::rule_card;
use crate::source::{aligned_to_pages, linked};
use crate::{Driver, Findings, Rule, Source, SourceFindings};
use ringfence_finding::{Authority, Finding, Level, Question, RuleCard, SourceFinding};
use ringfence_image::{HeaderField, Image, PAGE};
use ringfence_source::{LinkerFact, LinkerSwitch, Origin};

rule_card! {
    /// ## What it does
    ///
    /// Finds images whose sections do not begin on pages of 0x1000 bytes, and projects that have them made so.
    ///
    /// ## Why it matters
    ///
    /// Rights are given to whole pages. Where two sections share one, code and data cannot have
    /// different rights, and Windows maps such an image as a single writable piece. With memory
    /// integrity on it is refused (event 3072 or 3111, status 0xC0000220); Driver Verifier stops at
    /// it with bug check 0xC4, 0x2004. The test is of the header field SectionAlignment, which must
    /// not be 0 and must be a multiple of 0x1000. Driver Verifier reports it once for each section,
    /// so its count is the number of sections.
    ///
    /// A section that does not begin on a page although SectionAlignment says so is found as well;
    /// Driver Verifier does not look at that.
    ///
    /// ## Example
    ///
    /// ```text
    /// link /ALIGN:512 ...      sections of 512 bytes
    /// link /ALIGN:4096 ...     the default; /DRIVER needs no /ALIGN
    /// ```
    ///
    /// ## What it cannot see
    ///
    /// Nothing in an image: the headers decide. In source, options that stand in no project file; a linker does
    /// not take /ALIGN from a pragma.
    ///
    /// ## References
    ///
    /// - https://learn.microsoft.com/windows-hardware/drivers/devtest/code-integrity-checking
    /// - https://learn.microsoft.com/windows-hardware/test/hlk/testref/driver-compatibility-with-device-guard
    /// - https://learn.microsoft.com/cpp/build/reference/align-section-alignment
    UnalignedSection {
        id: "unaligned-section",
        summary: "sections do not begin on pages",
        level: Level::Error,
        since: "0.1.0",
        senses: [Image, Source, Run],
        also_known_as: &["0xC4:0x2004", "Section Alignment Failures", "event 3072", "event 3111", "0xC0000220"],
    }
}

impl Rule for UnalignedSection {
    fn card(&self) -> &'static RuleCard {
        &Self::CARD
    }

    fn check_image(&self, driver: &Driver<'_>, findings: &mut Findings) {
        let image = driver.image();
        let alignment = image.headers().section_alignment;
        // An alignment of 0 is no multiple of a page either.
        if alignment == 0 || alignment % PAGE != 0 {
            findings.report(Self::alignment(image));
            return;
        }
        for section in image.sections().iter().filter(|section| section.rva().0 % PAGE != 0) {
            let message = format!("section `{}` does not begin on a page", section.name());
            findings.report(
                Finding::new(&Self::CARD, Level::Error, message)
                    .denying(&[Question::Load], &[Authority::Loader])
                    .likely()
                    .at(section.rva().0, Some(section.name()))
                    .because(drawing::section(
                        section,
                        SectionColumn::Address,
                        "not a multiple of 0x1000",
                    ))
                    .note("Driver Verifier does not see this: it looks at SectionAlignment only"),
            );
        }
    }

    fn check_source(&self, source: &Source<'_>, findings: &mut SourceFindings) {
        let of_projects = |fact: &&LinkerFact| matches!(fact.origin, Origin::Project { .. });
        for fact in source.analysis.linker.iter().filter(of_projects) {
            match fact.switch() {
                Some(LinkerSwitch::Align(to)) if to == 0 || to % u64::from(PAGE) != 0 => {
                    findings.report(Self::of_option(to, fact, source));
                }
                _ => {}
            }
        }
    }
}

impl UnalignedSection {
    fn of_option(alignment: u64, fact: &LinkerFact, source: &Source<'_>) -> SourceFinding {
        let message = format!(
            "sections are aligned to {alignment:#x} bytes, which is no multiple of a page (0x1000)"
        );
        linked(&Self::CARD, Level::Error, message, fact, source)
            .denying(
                &[Question::Load, Question::Certify],
                &[Authority::Loader, Authority::DriverVerifier],
            )
            .note("Driver Verifier stops at it with bug check 0xC4, parameter 0x2004")
            .help("link without /ALIGN, or with /ALIGN:4096")
            .fixed_by(aligned_to_pages(source, fact))
    }

    fn alignment(image: &Image<'_>) -> Finding {
        let alignment = image.headers().section_alignment;
        let message = format!(
            "sections are aligned to {alignment:#x} bytes, which is no multiple of a page (0x1000)"
        );
        let evidence = drawing::header_field(
            "optional header",
            image.headers().field(HeaderField::SectionAlignment),
            "SectionAlignment",
            format!("{alignment:#x}"),
            "not a multiple of 0x1000",
        );
        Finding::new(&Self::CARD, Level::Error, message)
            .denying(
                &[Question::Load, Question::Certify],
                &[Authority::Loader, Authority::DriverVerifier],
            )
            .because(evidence)
            .note(format!(
                "Driver Verifier stops at it with bug check 0xC4, parameter 0x2004, and counts it once \
                 for each of the {} sections",
                image.sections().len()
            ))
            .counted(image.sections().len())
            .help("link without /ALIGN, or with /ALIGN:4096")
    }
}

#[cfg(test)]
mod tests {
    use crate::image::tests::{answers, told};
    use ringfence_fixture::{driver, section};

    /// Spec case 107, the refused ones. The fixtures keep FileAlignment within what the format asks.
    #[test]
    fn alignments_that_are_no_page_multiple() {
        for alignment in [0, 0x20, 0x200, 0x1800] {
            let file_alignment = if alignment == 0x20 { 0x20 } else { 0x200 };
            let bytes =
                driver().section_alignment(alignment).file_alignment(file_alignment).bytes();
            let found = told(&bytes);
            let expected = format!(
                "error[unaligned-section] load certify: sections are aligned to {alignment:#x} bytes, \
                 which is no multiple of a page (0x1000)"
            );
            assert!(found.contains(&expected), "{alignment:#x}: {found:?}");
            assert_eq!(answers(&bytes), "no unknown no");
        }
    }

    /// Spec case 107, the accepted ones.
    #[test]
    fn alignments_that_are_page_multiples() {
        for alignment in [0x1000, 0x2000, 0x1_0000] {
            let bytes = driver().section_alignment(alignment).bytes();
            assert_eq!(told(&bytes), [""; 0], "{alignment:#x}");
        }
    }

    /// Spec case 117.
    #[test]
    fn arm64_is_held_to_the_same() {
        let bytes = driver().arm64().section_alignment(0x200).bytes();
        assert_eq!(answers(&bytes), "no unknown no");
    }

    #[test]
    fn one_section_off_the_page_is_no_verifier_matter() {
        let built = driver().build();
        let off_page = built.size_of_image() + 0x200;
        let bytes =
            driver().section(section(".odd").virtual_address(off_page).bytes(vec![1; 16])).bytes();
        let found = told(&bytes);
        let expected = "error[unaligned-section] load?: section `.odd` does not begin on a page";
        assert!(found.iter().any(|line| line == expected), "{found:?}");
    }

    #[test]
    fn alignments_of_projects_are_judged() {
        use crate::source::tests::said_of_linked;
        assert_eq!(
            said_of_linked(&["/ALIGN:0x80", "/ALIGN:4096", "/ALIGN:0x2000"]),
            [
                "sources:1:1 error[unaligned-section] load certify: sections are aligned to 0x80 bytes, \
              which is no multiple of a page (0x1000)"
            ]
        );
        let pragma = "#pragma comment(linker, \"/ALIGN:128\")";
        assert_eq!(crate::source::tests::linted(pragma).0, [""; 0]);
    }
}
