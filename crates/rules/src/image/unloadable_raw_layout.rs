use super::drawing::{self, FileColumn};
use crate::rule::rule_card;
use crate::{Driver, Findings, Rule};
use ringfence_finding::{Authority, Finding, Level, Question, RuleCard};
use ringfence_image::{HeaderField, Image, PAGE, Section};

rule_card! {
    /// ## What it does
    ///
    /// Finds images that the loader rejects for how their sections lie in the file and in memory:
    /// data past the end of the file, sections that overlap, leave gaps or have no size, an impossible
    /// file alignment, a SizeOfImage that the sections exceed. The few header fields without which the
    /// loader does not go on belong here as well: the mark of an executable image, ImageBase.
    ///
    /// ## Why it matters
    ///
    /// Such an image does not load, with memory integrity or without; a file that was cut short in a
    /// download is the usual case. Where Windows only rounds, as it does with section data that does
    /// not begin on a disk sector, or does not care, as with sections that share bytes of the file,
    /// the finding is a warning.
    ///
    /// ## Example
    ///
    /// ```text
    /// head -c 20000 driver.sys      a driver cut short
    /// ```
    ///
    /// ## What it cannot see
    ///
    /// Damage within the sections; the signature covers that.
    ///
    /// ## References
    ///
    /// - https://learn.microsoft.com/windows/win32/debug/pe-format#section-table-section-headers
    UnloadableRawLayout {
        id: "unloadable-raw-layout",
        summary: "sections lie so that the loader rejects the image",
        level: Level::Error,
        since: "0.1.0",
        senses: [Image],
        also_known_as: &["STATUS_INVALID_IMAGE_FORMAT", "0xC000007B"],
    }
}

/// `IMAGE_FILE_EXECUTABLE_IMAGE`.
const EXECUTABLE_IMAGE: u16 = 0x0002;
/// Images are based on multiples of this.
const ALLOCATION_GRANULARITY: u64 = 0x1_0000;
/// The largest SizeOfImage that Windows maps; a public figure.
const LARGEST_IMAGE: u32 = 0x7700_0000;
/// Bytes in a disk sector, in which Windows counts section data.
const SECTOR: u32 = 0x200;
/// Sections shown as evidence of a file that was cut short.
const MOST_ROWS: usize = 4;

impl Rule for UnloadableRawLayout {
    fn card(&self) -> &'static RuleCard {
        &Self::CARD
    }

    fn check_image(&self, driver: &Driver<'_>, findings: &mut Findings) {
        let image = driver.image();
        Self::check_header(image, findings);
        Self::check_alignments(image, findings);
        Self::check_table(image, findings);
        Self::check_file_end(image, findings);
        Self::check_file_ranges(image, findings);
        Self::check_addresses(image, findings);
        Self::check_size_of_image(image, findings);
    }
}

impl UnloadableRawLayout {
    fn rejected(message: String) -> Finding {
        Finding::new(&Self::CARD, Level::Error, message)
            .denying(&[Question::Load], &[Authority::Loader])
    }

    fn check_alignments(image: &Image<'_>, findings: &mut Findings) {
        let headers = image.headers();
        let (file, memory) = (headers.file_alignment, headers.section_alignment);
        let why = if file == 0 || !file.is_power_of_two() {
            "is not a power of two"
        } else if file > memory {
            "exceeds SectionAlignment"
        } else if file % SECTOR != 0 && file != memory {
            "is neither a multiple of 0x200 nor equal to SectionAlignment"
        } else {
            return;
        };
        // An alignment of 0 in memory is told by the rule about alignment.
        if memory == 0 {
            return;
        }
        let field = headers.field(HeaderField::FileAlignment);
        let evidence = drawing::header_field(
            "optional header",
            field,
            "FileAlignment",
            format!("{file:#x}"),
            why,
        );
        findings
            .report(Self::rejected(format!("FileAlignment ({file:#x}) {why}")).because(evidence));
    }

    /// What the header itself must say for the loader to go on.
    fn check_header(image: &Image<'_>, findings: &mut Findings) {
        let headers = image.headers();
        let size = headers.size_of_image;
        let faults = [
            (headers.characteristics & EXECUTABLE_IMAGE == 0)
                .then(|| "the file is not marked as an executable image".to_owned()),
            (!headers.image_base.is_multiple_of(ALLOCATION_GRANULARITY)).then(|| {
                format!("ImageBase ({:#x}) is no multiple of 0x10000", headers.image_base)
            }),
            (size > LARGEST_IMAGE)
                .then(|| format!("SizeOfImage ({size:#x}) is larger than any image may be")),
        ];
        for fault in faults.into_iter().flatten() {
            findings.report(Self::rejected(fault).likely());
        }
    }

    fn check_table(image: &Image<'_>, findings: &mut Findings) {
        let stated = usize::from(image.headers().number_of_sections);
        let present = image.sections().len();
        if present < stated {
            let message =
                format!("the section table is cut short: {present} of {stated} headers are there");
            findings.report(Self::rejected(message));
        } else if stated == 0 {
            findings.report(Self::rejected("the image has no sections".to_owned()).likely());
        }
    }

    fn check_file_ranges(image: &Image<'_>, findings: &mut Findings) {
        let stored = || image.sections().iter().filter(|section| !section.raw_range().is_empty());
        for section in stored() {
            let name = section.name();
            let range = section.raw_range();
            // Below a page the image is mapped as one piece, and offsets are as fine as addresses.
            if !range.start.is_multiple_of(SECTOR.into())
                && image.headers().section_alignment >= PAGE
            {
                let message = format!("data of section `{name}` does not begin on a disk sector");
                let finding = Finding::new(&Self::CARD, Level::Warning, message).likely().note(
                    "Windows rounds the offset down, so the section begins with bytes before it",
                );
                let text = "not a multiple of 0x200";
                findings.report(Self::drawn(finding, section, FileColumn::Offset, text));
            }
        }
        let mut in_file_order: Vec<_> = stored().collect();
        in_file_order.sort_by_key(|section| section.raw_range().start);
        for pair in in_file_order.windows(2) {
            if let [first, second] = pair
                && second.raw_range().start < first.raw_range().end
            {
                findings.report(Self::shared(first, second));
            }
        }
    }

    /// A file that was cut short lacks the data of its last sections: one cause, one finding.
    fn check_file_end(image: &Image<'_>, findings: &mut Findings) {
        let length = image.file_length() as u64;
        let past = |section: &&Section<'_>| section.raw_range().end > length;
        let cut: Vec<_> = image.sections().iter().filter(past).copied().collect();
        let Some(first) = cut.first() else { return };
        let whose = match cut.len() {
            1 => format!("section `{}`", first.name()),
            count => format!("{count} sections, the first `{}`,", first.name()),
        };
        let end = cut.iter().map(|section| section.raw_range().end).max().unwrap_or(length);
        let message = format!(
            "data of {whose} lies past the end of the file: it should end at {end:#x}, not {length:#x}"
        );
        let shown = &cut[..cut.len().min(MOST_ROWS)];
        findings.report(
            Self::rejected(message)
                .at(first.rva().0, Some(first.name()))
                .because(drawing::section_places(shown, FileColumn::FileSize, "past the end"))
                .help("the file was probably cut short; fetch it again"),
        );
    }

    fn shared(first: &Section<'_>, second: &Section<'_>) -> Finding {
        let message =
            format!("sections `{}` and `{}` share bytes of the file", first.name(), second.name());
        Finding::new(&Self::CARD, Level::Warning, message)
            .likely()
            .note("Windows maps both; linkers do not write such files")
            .at(second.rva().0, Some(second.name()))
            .because(drawing::section_places(
                &[*first, *second],
                FileColumn::Offset,
                "before the end of the other",
            ))
    }

    /// Sections must follow the headers and each other in memory, without gap or overlap.
    fn check_addresses(image: &Image<'_>, findings: &mut Findings) {
        let headers = image.headers();
        let alignment = u64::from(headers.section_alignment);
        // The loader maps an image with a finer alignment as one piece and does not compare.
        let by_section = alignment != 0 && alignment.is_multiple_of(u64::from(PAGE));
        let mut before = "the headers".to_owned();
        let mut end = u64::from(headers.size_of_headers);
        for section in image.sections() {
            let name = format!("section `{}`", section.name());
            let next = if by_section { end.next_multiple_of(alignment) } else { end };
            let start = u64::from(section.rva().0);
            let message = if section.loaded_size() == 0 && by_section {
                Some(format!("{name} has no size, neither in memory nor in the file"))
            } else if start < next {
                Some(format!("{name} overlaps {before}"))
            } else if start > next && by_section {
                Some(format!("there is a gap between {before} and {name}"))
            } else {
                None
            };
            if let Some(message) = message {
                let text = format!("expected at {next:08x}");
                let finding = Self::rejected(message);
                findings.report(Self::drawn(finding, section, FileColumn::Address, &text));
            }
            // Whatever is wrong with one section is told once, not of all that follow it.
            end = section.addresses().end;
            before = name;
        }
    }

    fn check_size_of_image(image: &Image<'_>, findings: &mut Findings) {
        let stated = image.headers().size_of_image;
        let end = image.sections().iter().map(|section| section.addresses().end).max().unwrap_or(0);
        if end <= u64::from(stated) {
            return;
        }
        let message = format!("the sections end at {end:#x}, past SizeOfImage ({stated:#x})");
        let evidence = drawing::header_field(
            "optional header",
            image.headers().field(HeaderField::SizeOfImage),
            "SizeOfImage",
            format!("{stated:#x}"),
            "before the end of the sections",
        );
        findings.report(Self::rejected(message).because(evidence));
    }

    fn drawn(finding: Finding, section: &Section<'_>, column: FileColumn, text: &str) -> Finding {
        finding.at(section.rva().0, Some(section.name())).because(drawing::section_places(
            &[*section],
            column,
            text,
        ))
    }
}

#[cfg(test)]
mod tests {
    use crate::image::tests::{answers, told};
    use ringfence_fixture::{driver, section};

    #[track_caller]
    fn rejected(bytes: &[u8], expected: &str) {
        let found = told(bytes);
        assert!(found.iter().any(|line| line == expected), "{found:#?}");
        assert!(answers(bytes).starts_with("no "), "{found:#?}");
    }

    #[test]
    fn a_driver_cut_short() {
        let whole = driver().bytes();
        let cut = &whole[..whole.len() - 0x100];
        let expected = format!(
            "error[unloadable-raw-layout] load: data of section `.reloc` lies past the end of the file: \
             it should end at {:#x}, not {:#x}",
            whole.len(),
            cut.len()
        );
        rejected(cut, &expected);
        let headers_alone = &whole[..0x400];
        let [only] = &told(headers_alone)[..] else { panic!("{:?}", told(headers_alone)) };
        assert!(only.contains("data of 6 sections, the first `.text`,"), "{only}");
    }

    #[test]
    fn impossible_file_alignments() {
        let with = |patched: u32| {
            let built = driver().build();
            let field = built.checksum_offset() as usize - 64 + 36;
            let mut bytes = built.bytes;
            bytes[field..field + 4].copy_from_slice(&patched.to_le_bytes());
            bytes
        };
        for (alignment, why) in [
            (0, "is not a power of two"),
            (0x300, "is not a power of two"),
            (0x2000, "exceeds SectionAlignment"),
            (0x80, "is neither a multiple of 0x200 nor equal to SectionAlignment"),
        ] {
            let expected =
                format!("error[unloadable-raw-layout] load: FileAlignment ({alignment:#x}) {why}");
            rejected(&with(alignment), &expected);
        }
    }

    #[test]
    fn overlaps_and_gaps_in_memory() {
        let built = driver().build();
        let data = built.rva_of_section(".data");
        let overlapping =
            driver().section(section(".over").virtual_address(data).bytes(vec![1; 16])).bytes();
        rejected(
            &overlapping,
            "error[unloadable-raw-layout] load: section `.over` overlaps section `.reloc`",
        );
        let far = built.size_of_image() + 0x10000;
        let gap = driver().section(section(".far").virtual_address(far).bytes(vec![1; 16])).bytes();
        rejected(
            &gap,
            "error[unloadable-raw-layout] load: there is a gap between section `.reloc` and section `.far`",
        );
    }

    #[test]
    fn a_section_of_no_size() {
        let empty = driver().section(section(".none").virtual_size(0).raw_size(0)).bytes();
        rejected(
            &empty,
            "error[unloadable-raw-layout] load: section `.none` has no size, neither in memory nor in the file",
        );
    }

    #[test]
    fn header_fields_the_loader_rejects() {
        let likely = "error[unloadable-raw-layout] load?: ";
        rejected(
            &driver().characteristics(0x0020).bytes(),
            &format!("{likely}the file is not marked as an executable image"),
        );
        rejected(
            &driver().image_base(0x1_4000_0123).bytes(),
            &format!("{likely}ImageBase (0x140000123) is no multiple of 0x10000"),
        );
        rejected(
            &driver().size_of_image(0xFFFF_F000).bytes(),
            &format!("{likely}SizeOfImage (0xfffff000) is larger than any image may be"),
        );
    }

    #[test]
    fn a_table_cut_short_and_an_empty_one() {
        let claimed = driver().number_of_sections(65_535).bytes();
        assert!(told(&claimed).iter().any(|line| line.contains("the section table is cut short")));
        let none = driver().without_sections().bytes();
        rejected(&none, "error[unloadable-raw-layout] load?: the image has no sections");
    }

    #[test]
    fn an_image_larger_than_stated() {
        let bytes = driver().size_of_image(0x2000).bytes();
        assert!(told(&bytes).iter().any(|line| line.contains("past SizeOfImage (0x2000)")));
        assert!(answers(&bytes).starts_with("no "));
    }

    #[test]
    fn offset_0_stands_for_no_data() {
        let bss =
            section(".bss").uninitialized().virtual_size(0x800).raw_pointer(0).raw_size(0x800);
        assert_eq!(told(&driver().section(bss).bytes()), [""; 0]);
    }

    #[test]
    fn shared_and_unrounded_data_are_warnings() {
        let built = driver().build();
        let data = built.section(".data").file_offset;
        let shared = driver()
            .section(section(".twin").raw_pointer(data).raw_size(0x200).virtual_size(0x200))
            .bytes();
        assert!(
            told(&shared).iter().any(|line| {
                line.starts_with("warning[unloadable-raw-layout] nothing: sections ")
            })
        );
        assert_eq!(answers(&shared), "yes unknown unknown");
        let odd = driver().edit_section(".data", |section| section.raw_pointer(data + 4)).bytes();
        assert!(
            told(&odd).iter().any(|line| line.ends_with("`.data` does not begin on a disk sector"))
        );
        assert!(answers(&odd).starts_with("yes "));
    }
}
