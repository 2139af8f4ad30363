//! Evidence of the code rules: the instruction, and before it what led there.

use crate::listing::{Place, drawn};
use crate::{Driver, Findings};
use ringfence_code::Sighting;
use ringfence_finding::Finding;

/// A finding about something sighted, with its place and the code that shows it: `before` are the
/// instructions that led there, and `here` says what is done.
pub(super) fn placed(
    finding: Finding,
    sighting: &Sighting,
    (before, here): (&[Place], &str),
    driver: &Driver<'_>,
    findings: &Findings,
) -> Finding {
    let section = driver.image().section_at(sighting.at).map(|section| section.name());
    let finding = finding.at(sighting.at.0, section);
    let here = (sighting.at, here.to_owned());
    let room = findings.has_room(finding.level);
    let draw = || drawn(driver, Some(sighting.function), before, &here);
    match room.then(draw).flatten() {
        Some(evidence) => finding.because(evidence),
        None => finding,
    }
}
