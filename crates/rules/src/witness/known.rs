//! The finding that a violation is evidence of.

use super::{VERIFIER, is_of_image};
use crate::{Driver, Rule};
use ringfence_finding::{Evidence, Finding};
use ringfence_image::Section;
use ringfence_verifier::Violation;

/// Bytes of IMAGE_SECTION_HEADER.
const SECTION_HEADER: u64 = 40;

/// The finding of a rule that the violation shows: in code by the instruction, or a call on the stack; of the image by
/// the section, else any of the rule, as Driver Verifier stops at each section for what a rule tells once.
pub(super) fn known<'f>(
    driver: &Driver<'_>,
    rule: &dyn Rule,
    violation: &Violation,
    places: &[u32],
    findings: &'f mut [Finding],
) -> Option<&'f mut Finding> {
    let is_in_code = |finding: &Finding| matches!(finding.evidence, Some(Evidence::Listing(_)));
    let of_rule = findings.iter_mut().filter(|finding| finding.rule == rule.card().id);
    if !is_of_image(violation) {
        let mut of_rule = of_rule;
        return of_rule.find(|finding| finding.rva.is_some_and(|rva| places.contains(&rva)));
    }
    let section = section(driver, violation).map(|section| section.rva().0);
    let mut of_image: Vec<_> = of_rule.filter(|finding| !is_in_code(finding)).collect();
    let exact = of_image.iter().position(|finding| finding.rva == section && section.is_some());
    match exact {
        Some(index) => Some(of_image.swap_remove(index)),
        None => of_image.into_iter().next(),
    }
}

/// The section whose header the bug check names.
pub(super) fn section<'i>(driver: &Driver<'i>, violation: &Violation) -> Option<&'i Section<'i>> {
    let [subcode, _, third, fourth] = violation.bug_check.parameters;
    let header = match (violation.bug_check.code, subcode) {
        (VERIFIER, 0x2003 | 0x2004) => third,
        (VERIFIER, _) => fourth,
        _ => return None,
    };
    let image = driver.image();
    let base = violation.address.checked_sub(u64::from(violation.rva?))?;
    let table = base.checked_add(image.headers().section_table().0)?;
    let index = header.checked_sub(table)? / SECTION_HEADER;
    image.sections().get(usize::try_from(index).ok()?)
}
