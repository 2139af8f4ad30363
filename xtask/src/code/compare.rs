//! What the sources say, against what the survey says.

use super::map::Map;
use super::routes;
use super::survey::Found;
use super::truth::{Function, Line, Truth, What};
use super::value::{Expected, words};
use super::wanted;
use anyhow::{Context, Result};
use ringfence_code::{Argument, Fate, Site};
use std::ops::Range;

/// Every difference, as a line.
pub fn differences(truth: &Truth, map: &Map, found: &Found) -> Result<Vec<String>> {
    let mut differences = Vec::new();
    let mut told = Vec::new();
    for function in &truth.functions {
        let name = &function.name;
        let range = map.range(name).with_context(|| format!("there is no function {name}"))?;
        of_function(function, &range, (map, found), &mut differences)?;
        told.push(range);
    }
    let is_told = |rva: u32| told.iter().any(|range| range.contains(&rva));
    for site in found.survey.sites.iter().filter(|site| !is_told(site.at.0)) {
        let name = map.name(site.at.0);
        differences.push(format!("{name}: a call that is none: {}", call(site, found)));
    }
    for reference in &found.survey.references {
        let (at, name) = (reference.at.0, &found.names[reference.wanted]);
        // The linker's own jumps to imports have no truth, and what points to one of them stands in
        // data.
        let of_linker = map.is_jump_of_linker(map.name(at)) || !found.is_code(at);
        if !is_told(at) && !of_linker {
            let fate = reference.fate;
            differences
                .push(format!("{}: a reference of no call: {at:x} {name} {fate:?}", map.name(at)));
        }
    }
    Ok(differences)
}

fn of_function(
    function: &Function,
    range: &Range<u32>,
    (map, found): (&Map, &Found),
    differences: &mut Vec<String>,
) -> Result<()> {
    let in_range = |site: &&Site| range.contains(&site.at.0);
    let mut calls: Vec<_> = found.survey.sites.iter().filter(in_range).collect();
    let unreached = |called: &str| {
        function.lines.iter().any(|line| line.called == called && is(line, Fate::Unreached))
    };
    calls.retain(|site| site.reached || !unreached(&found.names[site.wanted]));
    let mut unmet = Vec::new();
    for line in &function.lines {
        match &line.what {
            What::Call(call) => match calls.iter().position(|site| agrees(line, site, found)) {
                Some(index) => {
                    let site = calls.remove(index);
                    let wrong = routes::differences(call, &line.called, &site.routes, map)?;
                    let name = &function.name;
                    differences.extend(wrong.into_iter().map(|wrong| format!("{name}: {wrong}")));
                }
                None => unmet.push(line),
            },
            What::Reference(Fate::Unreached) => {}
            What::Reference(fate) => {
                if !has_reference(&line.called, *fate, range, found) {
                    differences.push(format!("{}: not found: {}", function.name, line.text));
                }
            }
        }
    }
    references(function, range, found, differences);
    for line in unmet {
        let same = calls.iter().position(|site| found.names[site.wanted] == line.called);
        let instead = match same.map(|index| calls.remove(index)) {
            Some(site) => format!("but found: {}", call(site, found)),
            None => "but no such call was found".to_owned(),
        };
        differences.push(format!("{}: {}, {instead}", function.name, line.text));
    }
    for site in calls {
        differences.push(format!("{}: a call too many: {}", function.name, call(site, found)));
    }
    Ok(())
}

/// References that are no calls, and of which the source does not say so.
fn references(
    function: &Function,
    range: &Range<u32>,
    found: &Found,
    differences: &mut Vec<String>,
) {
    for reference in &found.survey.references {
        let (at, name) = (reference.at.0, &found.names[reference.wanted]);
        let said = function.lines.iter().any(|line| {
            line.called == *name
                && match &line.what {
                    What::Call(_) => reference.fate == Fate::Call,
                    What::Reference(fate) => reference.fate == *fate,
                }
        });
        if range.contains(&at) && !said {
            let (function, fate) = (&function.name, reference.fate);
            differences.push(format!("{function}: {at:x} {name} is told as {fate:?}"));
        }
    }
}

fn is(line: &Line, wanted: Fate) -> bool {
    matches!(line.what, What::Reference(fate) if fate == wanted)
}

fn has_reference(called: &str, fate: Fate, range: &Range<u32>, found: &Found) -> bool {
    found.survey.references.iter().any(|reference| {
        range.contains(&reference.at.0)
            && reference.fate == fate
            && found.names[reference.wanted] == called
    })
}

/// Whether `site` is the call that `line` tells of, whatever the routes to it.
fn agrees(line: &Line, site: &Site, found: &Found) -> bool {
    let What::Call(call) = &line.what else { return false };
    let right_place = found.names[site.wanted] == line.called && site.reached;
    right_place
        && call.via.is_none_or(|via| via == site.via)
        && are_met(&call.arguments, &line.called, &site.arguments)
}

/// Whether each argument of a call of `called` is as expected.
pub fn are_met(expected: &[(u8, Expected)], called: &str, found: &[Argument]) -> bool {
    expected.iter().all(|(index, expected)| {
        let bits = wanted::bits(called, *index).unwrap_or(64);
        let argument = found.iter().find(|argument| argument.index == *index);
        argument.is_some_and(|argument| expected.is_met_by(&argument.value, bits))
    })
}

/// A call in the words of the sources.
pub fn call(site: &Site, found: &Found) -> String {
    let mut text = format!("{:x} {}", site.at.0, found.names[site.wanted]);
    for argument in &site.arguments {
        text += &format!(" {}={}", argument.index, words(&argument.value));
    }
    text += &format!(" via {:?}", site.via);
    if !site.reached {
        text += ", not reached";
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringfence_code::{Argument, Possible, Reference, Survey, Value, Via};
    use ringfence_image::Rva;
    use std::collections::BTreeMap;

    const MAP: &str = " 0001:00000000 first 0000000140001000 a.obj\n\
                       0001:00000010 second 0000000140001010 a.obj\n";

    fn site(at: u32, number: u64) -> Site {
        let constant = Possible { ones: number, zeros: !number, ..Possible::default() };
        let value = Value { possible: vec![constant] };
        let arguments = vec![Argument { index: 0, value }];
        let function = None;
        Site {
            at: Rva(at),
            function,
            wanted: 0,
            via: Via::Slot,
            arguments,
            always: true,
            reached: true,
            routes: Vec::new(),
            alike: 0,
        }
    }

    fn differing(sites: Vec<Site>, fates: &[(u32, Fate)]) -> Vec<String> {
        let mut truth = Truth::default();
        let source = "FUNCTION first\n #= ExAllocatePool 0=1\nFUNCTION second\n\
                      #= ExAllocatePool data\n";
        truth.read(source, None).unwrap();
        let one = |&(at, fate): &(u32, Fate)| Reference { at: Rva(at), wanted: 0, fate };
        let references = fates.iter().map(one).collect();
        let found = Found {
            survey: Survey { sites, references, ..Survey::default() },
            names: vec!["ExAllocatePool".to_owned()],
            slots: BTreeMap::new(),
            executable: std::iter::once(0x1000..0x2000).collect(),
        };
        differences(&truth, &Map::parse(MAP).unwrap(), &found).unwrap()
    }

    #[test]
    fn what_is_true_makes_no_difference() {
        let fates = [(0x1004, Fate::Call), (0x1014, Fate::Data)];
        assert_eq!(differing(vec![site(0x1004, 1)], &fates), Vec::<String>::new());
    }

    #[test]
    fn each_kind_of_mistake_is_a_difference() {
        let data = (0x1014, Fate::Data);
        let call = (0x1004, Fate::Call);
        assert_eq!(differing(vec![], &[data]).len(), 1, "a missing call");
        assert_eq!(differing(vec![site(0x1004, 0)], &[call, data]).len(), 1, "another value");
        let twice = vec![site(0x1004, 1), site(0x1008, 1)];
        assert_eq!(differing(twice, &[call, data]).len(), 1, "a call too many");
        let elsewhere = vec![site(0x1004, 1), site(0x1018, 1)];
        assert_eq!(
            differing(elsewhere, &[call, data]).len(),
            1,
            "in a function that calls nothing"
        );
        assert_eq!(differing(vec![site(0x1004, 1)], &[call]).len(), 1, "a missing reference");
        let other = [call, (0x1014, Fate::Unreached), data];
        assert_eq!(differing(vec![site(0x1004, 1)], &other).len(), 1, "another fate");
        let not_reached = Site { reached: false, ..site(0x1004, 1) };
        assert_eq!(differing(vec![not_reached], &[call, data]).len(), 1, "not reached");
    }
}
