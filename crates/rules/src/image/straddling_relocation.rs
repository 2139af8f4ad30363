use crate::rule::rule_card;
use crate::{Driver, Findings, Rule, Source, SourceFindings};
use ringfence_finding::{
    Authority, Counter, Evidence, Finding, Gap, Level, Mark, Question, Row, RuleCard,
    SourceFinding, Table, Targets,
};
use ringfence_image::{Image, PAGE, RELOCATION_DIR64, Relocation};
use ringfence_source::PointerTable;
use ringfence_verifier::{ImageFault, Violation};

rule_card! {
    /// ## What it does
    ///
    /// Finds base relocations whose 64-bit value begins on one page and ends on the next. In source it finds
    /// initialised data of packed structures, works out where the addresses in it lie, and counts how many
    /// cross a page for every place where the data may begin.
    ///
    /// ## Why it matters
    ///
    /// Before version 1703, Windows 10 relocated the pages of an image one by one under memory
    /// integrity, and refused an image with such a relocation; Windows Server 2016 is one of those.
    /// Driver Verifier counted it under "Unsupported Relocs". Later versions take it, so for them it
    /// is a note. A value of eight bytes crosses when it begins at offset 0xFF9 or later in its page;
    /// one that ends exactly with the page is fine.
    ///
    /// ## Example
    ///
    /// ```c
    /// #pragma pack(push, 1)
    /// struct entry { unsigned short id; void *handler; };   // ten bytes
    /// #pragma pack(pop)
    /// struct entry table[4096] = { { 1, First }, { 2, Second }, … };   // six cross
    /// ```
    ///
    /// Let the compiler align structures that hold pointers. Where the data is small enough to fit into a page, building
    /// with `/Gy` may do: the linker then places each part of a module by itself, and moves it so that nothing crosses.
    /// Large tables cross wherever they begin.
    ///
    /// ## What it cannot see
    ///
    /// Nothing in an image: the relocations decide. Images in the 32-bit form are not looked at. In source:
    /// structures with bit-fields or types that the tree does not declare, and values whose places are not
    /// plain; where some values are no certain addresses, fewer are counted than there are.
    ///
    /// ## References
    ///
    /// - https://learn.microsoft.com/windows-hardware/test/hlk/testref/driver-compatibility-with-device-guard
    /// - https://learn.microsoft.com/windows/win32/debug/pe-format#the-reloc-section-image-only
    StraddlingRelocation {
        id: "straddling-relocation",
        summary: "relocation crosses a page",
        level: Level::Error,
        since: "0.1.0",
        senses: [Image, Source, Run],
        also_known_as: &["Unsupported Relocs Count", "0xC4:0x2005"],
    }
}

/// The last offset in a page at which eight bytes fit.
const LAST_FITTING: u16 = 0xFF8;
/// Relocations shown; the rest is counted.
const MOST_ROWS: usize = 4;

impl Rule for StraddlingRelocation {
    fn card(&self) -> &'static RuleCard {
        &Self::CARD
    }

    fn witnesses(&self, violation: &Violation) -> Option<String> {
        let is_it = violation.image == Some(ImageFault::StraddlingRelocation);
        is_it.then(|| Self::CARD.summary.to_owned())
    }

    fn check_image(&self, driver: &Driver<'_>, findings: &mut Findings) {
        let image = driver.image();
        let uncounted = |reason| {
            let gap = Gap::new(&[Question::Certify], reason);
            gap.about(&[Counter::UnsupportedRelocs]).on(Targets::BEFORE_1703)
        };
        if !image.directories_complete() {
            findings.leave_open(uncounted("the data directories could not be read whole"));
        }
        if !image.relocations().complete {
            let reason = "the base relocations could not be read whole";
            findings.leave_open(Gap::new(&[Question::Load], reason));
            findings.leave_open(uncounted(reason));
        }
        if !image.headers().pe32_plus {
            return;
        }
        let found: Vec<_> = image
            .relocations()
            .iter()
            .filter(|one| one.kind == RELOCATION_DIR64 && (is_counted(one) || crosses(one)))
            .collect();
        let Some(first) = found.first() else { return };
        let message = match found.len() {
            1 => "one base relocation crosses a page".to_owned(),
            count => format!("{count} base relocations cross a page"),
        };
        let finding = Finding::new(&Self::CARD, Level::Error, message);
        let finding = if found.iter().any(is_counted) {
            finding
                .denying(
                    &[Question::Load, Question::Certify],
                    &[Authority::Loader, Authority::DriverVerifier],
                )
                .counted(found.iter().filter(|one| is_counted(one)).count())
        } else {
            finding.denying(&[Question::Load], &[Authority::Loader])
        };
        // The two tests differ only where a block does not begin on a page, which no linker writes.
        let finding = if found.iter().any(|one| is_counted(one) != crosses(one)) {
            finding.only_likely_for(&[Question::Load]).note(
                "Driver Verifier goes by the offset within a block; some blocks here do not begin on a page",
            )
        } else {
            finding
        };
        findings.report(
            finding
                .on(Targets::BEFORE_1703)
                .at(first.rva().0, image.section_at(first.rva()).map(|section| section.name()))
                .because(evidence(image, &found[..found.len().min(MOST_ROWS)]))
                .note("Windows 10 1703 and later take such relocations")
                .help("align pointers to eight bytes: drop #pragma pack around structures that hold them"),
        );
    }

    fn check_source(&self, source: &Source<'_>, findings: &mut SourceFindings) {
        // Later Windows does not mind, and nobody asks about others.
        if !source.targets.intersects(Targets::BEFORE_1703) {
            return;
        }
        for table in &source.analysis.tables {
            findings.report(Self::of_table(table, source));
        }
    }
}

/// Driver Verifier's own test: it looks at the offset within the block.
fn is_counted(relocation: &Relocation) -> bool {
    relocation.offset > LAST_FITTING
}

impl StraddlingRelocation {
    /// Data certainly has what crosses even where the linker puts it best, or may have.
    fn of_table(table: &PointerTable, source: &Source<'_>) -> SourceFinding {
        let name = source.tree.text(table.span);
        let PointerTable { fewest, most, relocations, element, align, .. } = table;
        let message = match fewest {
            0 => format!(
                "up to {most} of {relocations} addresses in `{name}` may cross a page, by where the linker puts it"
            ),
            _ => format!(
                "at least {fewest} of {relocations} addresses in `{name}` cross a page, wherever the linker puts it"
            ),
        };
        let level = if *fewest > 0 { Level::Error } else { Level::Note };
        let finding = SourceFinding::new(&Self::CARD, level, message, source.mark(table.span, ""));
        let finding = match fewest {
            0 => finding,
            _ => finding
                .denying(
                    &[Question::Load, Question::Certify],
                    &[Authority::Loader, Authority::DriverVerifier],
                )
                .likely(),
        };
        let member = table.member.map(|span| source.mark(span, "lies on no multiple of eight"));
        let help = match table.member {
            Some(span) => format!(
                "drop #pragma pack around the structure, or put `{}` where its offset and the structure's \
                 size are multiples of eight",
                source.tree.text(span)
            ),
            None => "drop #pragma pack around structures that hold addresses".to_owned(),
        };
        // Where some place is without fault, the linker may find it.
        let help = match fewest {
            0 => format!(
                "{help}; or build with /Gy, by which the linker may move it to where none crosses"
            ),
            _ => help,
        };
        finding
            .on(Targets::BEFORE_1703)
            .related(member)
            .note(format!("an element has {element} bytes, and `{name}` is aligned to {align}"))
            .note(at_page(table))
            .note("Windows 10 1703 and later take such relocations")
            .help(help)
    }
}

/// What crosses where the data begins with a page.
fn at_page(table: &PointerTable) -> String {
    let offsets: Vec<String> = table.offsets.iter().map(|offset| format!("{offset:#x}")).collect();
    let places = match (&offsets[..], table.at_page) {
        ([], _) => return "where it begins with a page, none of them crosses one".to_owned(),
        (_, count) if count > offsets.len() as u64 => format!("{}, …", offsets.join(", ")),
        _ => offsets.join(", "),
    };
    let count = table.at_page;
    format!("where it begins with a page, {count} of them cross one, at offset {places}")
}

/// Whether the value does lie on two pages.
fn crosses(relocation: &Relocation) -> bool {
    relocation.rva().0 % PAGE > u32::from(LAST_FITTING)
}

fn evidence(image: &Image<'_>, relocations: &[Relocation]) -> Evidence {
    let rows = relocations
        .iter()
        .map(|relocation| Row {
            label: format!("{:x}", relocation.rva().0),
            cells: vec![
                image
                    .section_at(relocation.rva())
                    .map(|section| section.name())
                    .unwrap_or_default(),
                format!("{:08x}", relocation.page.0),
                format!("{:03x}..{:03x}", relocation.offset, relocation.offset + 8),
            ],
        })
        .collect();
    Evidence::Table(Table {
        structure: "base relocations",
        columns: vec!["section", "page", "bytes"],
        rows,
        marks: vec![Mark { row: 0, column: 2, text: "past 1000, where the page ends".to_owned() }],
    })
}

#[cfg(test)]
mod tests {
    use crate::image::tests::{findings, told_for, verdict};
    use ringfence_finding::{Answer, Level, Targets};
    use ringfence_fixture::{Driver, driver};

    const DIR64: u8 = 10;

    /// A driver whose only relocation is a DIR64 at this offset of a page.
    fn relocated(base: Driver, offset: u32) -> Vec<u8> {
        base.edit_section(".data", |data| data.bytes(vec![0; 0x1800]))
            .no_relocations()
            .relocation_in(".data", offset, DIR64)
            .bytes()
    }

    /// Spec case 113.
    #[test]
    fn from_offset_ff9_on_a_value_crosses() {
        assert_eq!(told_for(&relocated(driver(), 0xFF8), Targets::ALL), [""; 0]);
        for offset in [0xFF9, 0xFFC, 0xFFF] {
            let bytes = relocated(driver(), offset);
            assert_eq!(
                told_for(&bytes, Targets::ALL),
                ["error[straddling-relocation] load certify: one base relocation crosses a page"],
                "{offset:#x}"
            );
            assert_eq!(verdict(&bytes, Targets::named("server-2016").unwrap()).load, Answer::No);
        }
    }

    #[test]
    fn since_1703_it_is_a_note() {
        let bytes = relocated(driver(), 0xFFC);
        let [only] = &findings(&bytes, Targets::DEFAULT)[..] else { panic!() };
        assert_eq!((only.level, only.targets), (Level::Note, Targets::BEFORE_1703));
        assert_eq!(verdict(&bytes, Targets::DEFAULT).load, Answer::Yes);
    }

    /// A block that does not begin on a page: what the verifier counts and what crosses differ.
    #[test]
    fn blocks_off_the_page() {
        let block = |page: u32, entry: u16| {
            let words = [page.to_le_bytes(), 12_u32.to_le_bytes()].concat();
            driver()
                .edit_section(".data", |data| data.bytes(vec![0; 0x1800]))
                .raw_relocation_blocks([&words[..], &entry.to_le_bytes(), &[0, 0]].concat())
                .bytes()
        };
        let told = |bytes: &[u8]| told_for(bytes, Targets::ALL);
        let one = "one base relocation crosses a page";
        let uncounted = block(0x3FFC, 0xA000);
        assert_eq!(told(&uncounted), [format!("error[straddling-relocation] load?: {one}")]);
        let counted = block(0x3004, 0xAFFC);
        assert_eq!(told(&counted), [format!("error[straddling-relocation] load? certify: {one}")]);
    }

    #[test]
    fn the_32_bit_form_is_not_looked_at() {
        let bytes = driver()
            .x86()
            .edit_section(".data", |data| data.bytes(vec![0; 0x1800]))
            .relocation_in(".data", 0xFFE, DIR64)
            .bytes();
        let told = told_for(&bytes, Targets::ALL);
        assert!(told.iter().all(|line| !line.contains("straddling")), "{told:?}");
    }

    /// Spec case 117.
    #[test]
    fn arm64_is_held_to_the_same() {
        let bytes = relocated(driver().arm64(), 0xFFC);
        assert_eq!(verdict(&bytes, Targets::ALL).load, Answer::No);
    }

    /// Spec case 115: filler adjusts nothing, wherever it stands.
    #[test]
    fn filler_does_not_cross() {
        let mut block = Vec::new();
        block.extend(0x3000_u32.to_le_bytes());
        block.extend(12_u32.to_le_bytes());
        block.extend([0xFF, 0x0F, 0x08, 0xA0]);
        let bytes = driver().raw_relocation_blocks(block).bytes();
        assert_eq!(told_for(&bytes, Targets::ALL), [""; 0]);
    }

    /// Spec case 116, as far as the rule goes: what could not be read is not called fine.
    #[test]
    fn unreadable_relocations_leave_load_open() {
        let bytes = driver().raw_relocation_blocks(vec![0, 0x30, 0, 0, 3, 0, 0, 0]).bytes();
        let verdict = verdict(&bytes, Targets::DEFAULT);
        assert_eq!(verdict.load, Answer::Unknown);
        assert_eq!(verdict.because.load[0].text, "the base relocations could not be read whole");
    }

    /// The spec's fixture: 4,096 packed entries of two bytes and an address, of which 6 cross. Wherever an array of
    /// ten-byte elements begins, it is no fewer.
    #[test]
    fn tables_of_packed_structures_are_counted() {
        use crate::source::tests::{findings_of, said};
        let text = |count: usize| {
            let values = "{ 1, &First },\n".repeat(count);
            format!(
                "#pragma pack(push, 1)\nstruct entry {{ USHORT id; PVOID handler; }};\n#pragma pack(pop)\nstruct entry table[] = {{\n{values}}};"
            )
        };
        let found = |count: usize, targets| findings_of(&[("a.c", &text(count))], targets);
        let all = found(4096, Targets::ALL);
        assert_eq!(
            all.iter().map(said).collect::<Vec<_>>(),
            [
                "a.c:4:14 error[straddling-relocation] load certify: at least 6 of 4096 addresses in `table` \
                 cross a page, wherever the linker puts it"
            ]
        );
        assert_eq!(
            all[0].notes[1],
            "where it begins with a page, 6 of them cross one, at offset 0xffc, 0x2ffa, 0x3ffe, …"
        );
        assert_eq!(all[0].related[0].lines, ["struct entry { USHORT id; PVOID handler; };"]);
        assert_eq!(found(4096, Targets::DEFAULT), []);
        assert_eq!(all[0].targets, Targets::BEFORE_1703);
        let short = found(3, Targets::ALL);
        assert_eq!((short[0].level, short[0].questions.len()), (Level::Note, 0));
        let proposes =
            |help: &Option<String>| help.as_ref().is_some_and(|help| help.contains("/Gy"));
        assert!(proposes(&short[0].help) && !proposes(&all[0].help));
    }
}
