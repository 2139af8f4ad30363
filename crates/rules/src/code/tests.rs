//! How code rules are tested: something sighted, or bytes of machine code, in, and what is said of it out.

use crate::calls::Calls;
use crate::image::tests::line;
use crate::{Driver, check};
use ringfence_code::{Sight, Sighting, Survey};
use ringfence_finding::{Answer, Finding, Targets, Verdict, decide};
use ringfence_fixture::driver;
use ringfence_image::{Image, Rva};
use std::ops::Range;

/// What is said of a driver.
pub(crate) struct Told {
    pub(crate) findings: Vec<Finding>,
    pub(crate) verdict: Verdict,
}

/// What is said of a driver of which nothing is known but what was sighted; `sighting` is given the
/// address of `.text`.
pub(crate) fn sighted(sighting: impl Fn(u32) -> Sighting) -> Told {
    let built = driver().build();
    let image = Image::read(&built.bytes).unwrap();
    let sightings = vec![sighting(built.rva_of_section(".text"))];
    let calls =
        Calls::judged(Survey { sightings, ..Survey::default() }, &[], crate::Judging::default());
    told(&Driver::new(&image).making(calls))
}

fn told(driver: &Driver<'_>) -> Told {
    let outcome = check(driver, Targets::ALL);
    assert_eq!(outcome.crashes, []);
    let verdict = decide(&outcome.findings, &outcome.gaps, Targets::ALL, false);
    Told { findings: outcome.findings, verdict }
}

/// Something that the instruction at `text` does.
pub(crate) fn at_text(what: Sight, text: u32) -> Sighting {
    Sighting { at: Rva(text), function: Rva(text), what, always: true, reached: true }
}

/// One line a finding, as [`line`].
pub(crate) fn says(told: &Told) -> Vec<String> {
    told.findings.iter().map(line).collect()
}

/// The answer to *run* on a driver that begins with `code`, and what is said of it.
pub(crate) fn run(code: &[u8]) -> (Answer, Vec<String>) {
    let driver = driver().edit_section(".text", |text| text.bytes(code.to_vec()));
    let start = driver.build().rva_of_section(".text");
    let bytes = driver.entry_point(start).bytes();
    let told = told(&Driver::new(&Image::read(&bytes).unwrap()));
    (told.verdict.run, says(&told))
}

/// What is said of a driver that begins with a function of these pieces: for each of the imports `names`, what
/// stands in `before` and the distance to its slot, then what stands in `behind`, if anything does.
pub(crate) fn calling(names: &[&str], before: &[&[u8]], behind: &[&[u8]]) -> Told {
    calling_in(names, before, behind, &[])
}

/// The same for code with unwind data: of functions that begin and end there, with this said of their frames.
pub(crate) fn calling_in(
    names: &[&str],
    before: &[&[u8]],
    behind: &[&[u8]],
    functions: &[(Range<u32>, [u8; 8])],
) -> Told {
    /// Where the data stands, behind the code.
    const AT: usize = 0x100;
    let plain = driver().no_imports().import("ntoskrnl.exe", names);
    let start = plain.build().rva_of_section(".text");
    let data = (start + AT as u32..).step_by(8);
    let entries = functions.iter().zip(data);
    let entries = entries.map(|((range, _), data)| [start + range.start, start + range.end, data]);
    let plain = match functions {
        [] => plain,
        _ => plain.pdata(entries),
    };
    let built = plain.build();
    let mut code: Vec<u8> = Vec::new();
    for (index, name) in names.iter().enumerate() {
        code.extend(before[index]);
        let next = start + code.len() as u32 + 4;
        let distance = built.thunk_rva("ntoskrnl.exe", name).wrapping_sub(next);
        code.extend(distance.to_le_bytes());
        code.extend(behind.get(index).copied().unwrap_or_default());
    }
    code.push(0xC3);
    if !functions.is_empty() {
        code.resize(AT, 0xCC);
        code.extend(functions.iter().flat_map(|(_, frame)| frame));
    }
    let bytes = plain.edit_section(".text", |text| text.bytes(code)).entry_point(start).bytes();
    told(&Driver::new(&Image::read(&bytes).unwrap()))
}
