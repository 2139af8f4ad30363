//! The routes to a call that the sources tell, against those that the survey found.

use super::compare::are_met;
use super::map::Map;
use super::truth::{Call, Route};
use super::value::words;
use anyhow::{Context, Result};
use ringfence_code::Route as Found;
use std::ops::Range;

/// Every difference, as a line. Each route found must be told of by a line of its own.
pub fn differences(call: &Call, called: &str, found: &[Found], map: &Map) -> Result<Vec<String>> {
    // That callers are not known is no news where nothing else is told either.
    let nobody_known = found.iter().all(|route| route.calls.is_empty());
    if call.any_routes || call.routes.is_empty() && nobody_known {
        return Ok(Vec::new());
    }
    let mut left: Vec<&Found> = found.iter().collect();
    let mut differences = Vec::new();
    for told in &call.routes {
        let ranges = ranges(told, map)?;
        let agrees = |route: &&Found| {
            goes_through(route, &ranges) && are_met(&told.arguments, called, &route.arguments)
        };
        match left.iter().position(agrees) {
            Some(index) => drop(left.remove(index)),
            None => differences.push(format!("no such route: {}", told.text)),
        }
    }
    differences
        .extend(left.into_iter().map(|route| format!("a route too many: {}", tell(route, map))));
    Ok(differences)
}

/// Where the functions are that a route goes through.
fn ranges(told: &Route, map: &Map) -> Result<Vec<Range<u32>>> {
    let range =
        |name: &String| map.range(name).with_context(|| format!("there is no function {name}"));
    told.functions.iter().map(range).collect()
}

fn goes_through(route: &Found, functions: &[Range<u32>]) -> bool {
    route.calls.len() == functions.len()
        && route.calls.iter().zip(functions).all(|(call, function)| function.contains(&call.at.0))
}

/// A route in the words of the sources.
fn tell(route: &Found, map: &Map) -> String {
    let values = route.arguments.iter();
    let values = values.map(|one| format!("{}={}", one.index, words(&one.value)));
    let names: Vec<_> = route.calls.iter().map(|call| map.name(call.at.0)).collect();
    let from = if names.is_empty() { "?".to_owned() } else { names.join(">") };
    format!("{} from={from}", values.collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::super::truth::{Truth, What};
    use super::*;
    use ringfence_code::{Argument, Possible, Step, Value};
    use ringfence_image::Rva;

    const MAP: &str = " 0001:00000000 wrapper 0000000140001000 a.obj\n\
                       0001:00000010 middle 0000000140001010 a.obj\n\
                       0001:00000020 outer 0000000140001020 a.obj\n";

    fn route(calls: &[u32], number: u64) -> Found {
        let constant = Possible { ones: number, zeros: !number, ..Possible::default() };
        let value = Value { possible: vec![constant] };
        let step = |at: &u32| Step { at: Rva(*at), function: None };
        let calls = calls.iter().map(step).collect();
        Found { calls, set_at: Vec::new(), arguments: vec![Argument { index: 0, value }] }
    }

    fn differing(told: &[&str], found: &[Found]) -> Vec<String> {
        let lines = told.iter().map(|line| format!(" #= ExAllocatePool {line}\n"));
        let source = format!("FUNCTION wrapper\n{}", lines.collect::<String>());
        let mut truth = Truth::default();
        truth.read(&source, None).unwrap();
        let What::Call(call) = &truth.functions[0].lines[0].what else { panic!() };
        differences(call, "ExAllocatePool", found, &Map::parse(MAP).unwrap()).unwrap()
    }

    #[test]
    fn each_route_has_a_line_of_its_own() {
        let (far, near, open) = (route(&[0x1024, 0x1014], 0), route(&[0x1018], 1), route(&[], 7));
        let told = ["0=0|1|7", "0=0 from=outer>middle", "0=1 from=middle", "0=7 from=?"];
        let all = [near.clone(), far.clone(), open.clone()];
        assert_eq!(differing(&told, &all), [""; 0]);
        assert_eq!(differing(&told[..3], &all), ["a route too many: 0=0x7 from=?"]);
        let missing = "no such route: ExAllocatePool 0=1 from=middle";
        assert_eq!(differing(&told, &[far.clone(), open.clone()]), [missing]);
        assert_eq!(differing(&told, &[far, route(&[0x1018], 2), open]).len(), 2, "another value");
    }

    #[test]
    fn routes_need_no_line_where_nothing_is_known_or_told_of_them() {
        assert_eq!(differing(&["0=7"], &[route(&[], 7)]), [""; 0]);
        assert_eq!(differing(&["0=7"], &[route(&[0x1014], 7)]).len(), 1);
        assert_eq!(differing(&["0=7 from=*"], &[route(&[0x1014], 7)]), [""; 0]);
    }
}
