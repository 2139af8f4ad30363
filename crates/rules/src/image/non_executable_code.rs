use super::drawing::{self, SectionColumn};
use crate::code::{EXECUTED, is_of_rights};
use crate::rule::rule_card;
use crate::{Driver, Findings, Rule};
use ringfence_finding::{Finding, Level, Question, RuleCard};
use ringfence_verifier::{Touched, Violation};
use std::collections::BTreeMap;

rule_card! {
    /// ## What it does
    ///
    /// Finds sections that hold functions but are not executable. The exception directory (`.pdata`)
    /// says where functions are.
    ///
    /// ## Why it matters
    ///
    /// A call to such a function faults (bug check 0xFC). A driver that makes the pages executable
    /// itself, or copies the functions elsewhere, breaks under memory integrity.
    ///
    /// ## Example
    ///
    /// ```text
    /// link /SECTION:PAGE,RW ...     takes the execute right from paged code
    /// ```
    ///
    /// ## What it cannot see
    ///
    /// Functions that the exception directory does not list, and whether a listed one is ever called:
    /// the finding is likely, not certain.
    ///
    /// ## References
    ///
    /// - https://learn.microsoft.com/windows/win32/debug/pe-format#the-pdata-section
    NonExecutableCode {
        id: "non-executable-code",
        summary: "section holds functions but is not executable",
        level: Level::Error,
        since: "0.1.0",
        senses: [Image, Run],
        also_known_as: &[],
    }
}

impl Rule for NonExecutableCode {
    fn card(&self) -> &'static RuleCard {
        &Self::CARD
    }

    fn witnesses(&self, violation: &Violation) -> Option<String> {
        let is_it = [Touched::Image, Touched::ImportTable, Touched::ImportPage]
            .into_iter()
            .any(|touched| is_of_rights(violation, EXECUTED, touched));
        is_it.then(|| "code runs in a page of an image that is not executable".to_owned())
    }

    fn check_image(&self, driver: &Driver<'_>, findings: &mut Findings) {
        let image = driver.image();
        let mut sections = BTreeMap::new();
        for function in image.functions().iter() {
            let section =
                image.section_at(function.begin).filter(|section| !section.is_executable());
            if let Some(section) = section {
                sections.entry(section.number).or_insert((section, function.begin, 0)).2 += 1;
            }
        }
        for (section, first, count) in sections.into_values() {
            let functions: String =
                if count == 1 { "a function".to_owned() } else { format!("{count} functions") };
            let message =
                format!("section `{}` holds {functions} but is not executable", section.name());
            findings.report(
                Finding::new(&Self::CARD, Level::Error, message)
                    .denying(&[Question::Run], &[])
                    .likely()
                    .at(first.0, Some(section.name()))
                    .because(drawing::section(&section, SectionColumn::Rights, "not executable")),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::image::tests::{answers, told};
    use ringfence_fixture::{READ, WRITE, driver, section};

    #[test]
    fn functions_in_a_data_section() {
        let paged = section("PAGE").code().rights(READ | WRITE).bytes(vec![0xC3; 64]);
        let rva = driver().section(paged.clone()).build().rva_of_section("PAGE");
        let bytes =
            driver().section(paged).pdata([[rva, rva + 16, 0], [rva + 16, rva + 32, 0]]).bytes();
        assert_eq!(
            told(&bytes),
            [
                "error[non-executable-code] run?: section `PAGE` holds 2 functions but is not executable"
            ]
        );
        assert_eq!(answers(&bytes), "yes no unknown");
    }

    #[test]
    fn a_code_section_nobody_enters_is_fine() {
        let idle = section("IDLE").code().rights(READ).bytes(vec![0; 16]);
        assert_eq!(told(&driver().section(idle).bytes()), [""; 0]);
    }
}
