//! Evidence of the memory rules: the code that sets the argument, and the call.

use crate::calls::in_words;
use crate::listing::{append, drawn, listed};
use crate::{DdiCall, Deciding, Driver};
use ringfence_code::Possible;
use ringfence_ddi::Ruling;
use ringfence_finding::{Evidence, Listing};
use ringfence_image::Rva;
use std::collections::BTreeMap;

/// Instructions that set a value, of which several may where paths meet.
const MOST_SETTERS: usize = 3;

/// The call, and before it what set the argument that decides; where a caller chose it, that call first
/// and then each on the way. None where no code is there.
pub(super) fn call(call: &DdiCall, driver: &Driver<'_>) -> Option<Evidence> {
    let steps = call.route.as_ref().map_or(&[][..], |route| &route.calls);
    let here = (call.site.at, "asked for here".to_owned());
    let inside = listed(driver, call.site.function, &setters(call), (&here, steps.is_empty()))?;
    let Some(first) = steps.first() else { return Some(Evidence::Listing(inside)) };
    let mut listing = chosen(call, driver)?;
    for step in &steps[1..] {
        let passed_on = (step.at, "passed on".to_owned());
        append(&mut listing, listed(driver, step.function, &[], (&passed_on, false))?);
    }
    append(&mut listing, inside);
    listing.function = first.function.map(|function| function.0);
    Some(Evidence::Listing(listing))
}

/// The instructions that store into a variable, each with what `text` says of it.
pub(super) fn stores(
    stores: &[Rva],
    driver: &Driver<'_>,
    text: impl Fn(Rva) -> String,
) -> Option<Evidence> {
    let marks: Vec<_> = stores.iter().take(MOST_SETTERS).map(|at| (*at, text(*at))).collect();
    let (last, before) = marks.split_last()?;
    drawn(driver, None, before, last)
}

/// What a caller chooses, and the call by which it does.
fn chosen(call: &DdiCall, driver: &Driver<'_>) -> Option<Listing> {
    let route = call.route.as_ref()?;
    let first = route.calls.first()?;
    let deciding = call.deciding()?;
    // What is worked out on the way, or is another value there, is told where it is.
    let values = deciding.value.possible.iter().zip(deciding.rulings.iter().copied());
    let values: Vec<_> = values.filter(|(possible, _)| possible.set_at.is_none()).collect();
    let here = !values.is_empty();
    let text = set_to(deciding, &values);
    let setters: Vec<_> = match here {
        true => route.set_at.iter().map(|at| (*at, text.clone())).take(MOST_SETTERS).collect(),
        false => Vec::new(),
    };
    let told = if setters.is_empty() && here { text } else { "chosen here".to_owned() };
    listed(driver, first.function, &setters, (&(first.at, told), true))
}

/// The instructions that set the deciding argument, what asks for executable memory first, each with
/// what it sets it to.
fn setters(call: &DdiCall) -> Vec<(Rva, String)> {
    let Some(deciding) = call.deciding() else { return Vec::new() };
    let mut by_place: BTreeMap<Rva, Vec<(&Possible, Ruling)>> = BTreeMap::new();
    for (possible, ruling) in deciding.value.possible.iter().zip(deciding.rulings) {
        if let Some(at) = possible.set_at.filter(|at| *at != call.site.at) {
            by_place.entry(at).or_default().push((possible, *ruling));
        }
    }
    let mut setters: Vec<_> = by_place.into_iter().collect();
    setters.sort_by_key(|(at, values)| (!values.iter().any(|(_, ruling)| asks(*ruling)), *at));
    setters.truncate(MOST_SETTERS);
    setters.into_iter().map(|(at, values)| (at, set_to(deciding, &values))).collect()
}

/// `PoolType = NonPagedPool (0) or NonPagedPoolNx (0x200)`. Values that differ in what else is known of them may read alike.
fn set_to(deciding: Deciding<'_>, values: &[(&Possible, Ruling)]) -> String {
    let mut words: Vec<_> = Vec::new();
    for (possible, _) in values {
        let word = in_words(deciding.role, possible);
        if !words.contains(&word) {
            words.push(word);
        }
    }
    format!("{} = {}{}", deciding.name, words.join(" or "), follows(values))
}

fn asks(ruling: Ruling) -> bool {
    matches!(ruling, Ruling::Executable | Ruling::WritableExecutable)
}

/// What follows from the values, where the same does from all.
fn follows(values: &[(&Possible, Ruling)]) -> String {
    let Some((first, ruling)) = values.first() else { return String::new() };
    if values.iter().any(|(_, other)| other != ruling) {
        return String::new();
    }
    match ruling {
        Ruling::Executable => ", which is executable".to_owned(),
        Ruling::WritableExecutable => ", which is writable and executable".to_owned(),
        Ruling::NotExecutable => ", which is not executable".to_owned(),
        Ruling::Refused => ", which is refused".to_owned(),
        Ruling::Undecided => match first.unknown {
            Some(reason) => format!(": {reason}"),
            None => String::new(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringfence_code::{Argument, Route, Site, Step, Value, Via};
    use ringfence_ddi::named;
    use ringfence_fixture::driver;
    use ringfence_image::Image;

    /// Encodings as in Intel's manual.
    const XOR_ECX_ECX: [u8; 2] = [0x33, 0xC9];
    const MOV_ECX_200: [u8; 5] = [0xB9, 0, 2, 0, 0];
    const MOV_EDX_240: [u8; 5] = [0xBA, 0x40, 2, 0, 0];
    const NOP: [u8; 1] = [0x90];

    /// `code`, then a call of ExAllocatePoolWithTag, which gets one of `values` as pool type: each
    /// with the offset of the instruction that sets it. One line an instruction, then its marks.
    fn drawn(code: &[u8], values: &[(u64, u32)]) -> Vec<String> {
        let values: Vec<_> = values.iter().map(|(value, at)| (*value, Some(*at))).collect();
        drawn_by(code, &values, None)
    }

    /// As [`drawn`], where a caller at `route` chose what no instruction sets: there it is set, and handed on.
    fn drawn_by(
        code: &[u8],
        values: &[(u64, Option<u32>)],
        route: Option<[u32; 2]>,
    ) -> Vec<String> {
        let name = "ExAllocatePoolWithTag";
        let imports = driver().import("ntoskrnl.exe", &[name]);
        let plain = imports.build();
        let text = plain.rva_of_section(".text");
        let at = text + code.len() as u32;
        let slot = plain.thunk_rva("ntoskrnl.exe", name);
        let call = [&[0xFF, 0x15], &slot.wrapping_sub(at + 6).to_le_bytes()[..]].concat();
        let bytes =
            imports.edit_section(".text", |text| text.bytes([code, &call].concat())).bytes();
        let image = Image::read(&bytes).unwrap();
        let possible = values.iter().map(|(value, offset)| Possible {
            ones: *value,
            zeros: !value,
            set_at: offset.map(|offset| Rva(text + offset)),
            ..Possible::default()
        });
        let arguments = vec![Argument { index: 0, value: Value { possible: possible.collect() } }];
        let (at, via) = (Rva(at), Via::Slot);
        let route = route.map(|[set_at, call]| Route {
            calls: vec![Step { at: Rva(text + call), function: None }],
            set_at: vec![Rva(text + set_at)],
            arguments: arguments.clone(),
        });
        let site = Site {
            at,
            function: None,
            wanted: 0,
            via,
            arguments,
            always: true,
            reached: true,
            routes: route.into_iter().collect(),
            alike: 0,
        };
        let call = DdiCall::judged(named(name).unwrap(), site, crate::Judging::default(), &[]);
        let call = call.as_asked().next().unwrap();
        let Some(Evidence::Listing(listing)) = super::call(call, &Driver::new(&image)) else {
            panic!("nothing drawn")
        };
        let mut drawn = Vec::new();
        for (index, line) in listing.lines.iter().enumerate() {
            let gap = if line.after_gap { "... " } else { "" };
            drawn.push(format!("{gap}{}", line.text));
            drawn.extend(listing.marks.iter().filter(|mark| mark.line == index).map(|mark| {
                let under = &line.text[mark.start..mark.start + mark.length];
                let kind = if mark.primary { "^" } else { "-" };
                format!("{kind} {under}: {}", mark.text)
            }));
        }
        drawn
    }

    const CALL: [&str; 2] =
        ["call  ExAllocatePoolWithTag", "^ call  ExAllocatePoolWithTag: asked for here"];

    fn with_call(lines: &[&str]) -> Vec<String> {
        lines.iter().chain(&CALL).map(|line| (*line).to_owned()).collect()
    }

    #[test]
    fn from_the_value_to_the_call() {
        assert_eq!(
            drawn(&[&XOR_ECX_ECX[..], &MOV_EDX_240].concat(), &[(0, 0)]),
            with_call(&[
                "xor   ecx, ecx",
                "- xor   ecx, ecx: PoolType = NonPagedPool (0), which is executable",
                "mov   edx, 240h",
            ])
        );
    }

    #[test]
    fn the_mark_is_under_the_operand() {
        let both = [&XOR_ECX_ECX[..], &MOV_ECX_200].concat();
        assert_eq!(
            drawn(&both, &[(0x200, 2), (0, 0)]),
            with_call(&[
                "xor   ecx, ecx",
                "- xor   ecx, ecx: PoolType = NonPagedPool (0), which is executable",
                "mov   ecx, 200h",
                "- 200h: PoolType = NonPagedPoolNx (0x200), which is not executable",
            ])
        );
    }

    /// The caller's value is executable, and the function makes another one of it on some path: both are told.
    #[test]
    fn what_a_caller_chose_is_told_beside_what_is_set_behind() {
        let code = [&XOR_ECX_ECX[..], &NOP, &MOV_ECX_200].concat();
        let executable = "PoolType = NonPagedPool (0), which is executable";
        assert_eq!(
            drawn_by(&code, &[(0, None), (0x200, Some(3))], Some([0, 2])),
            [
                "xor   ecx, ecx",
                &format!("- xor   ecx, ecx: {executable}"),
                "nop",
                "^ nop: chosen here",
                "mov   ecx, 200h",
                "- 200h: PoolType = NonPagedPoolNx (0x200), which is not executable",
                "call  ExAllocatePoolWithTag",
                "- call  ExAllocatePoolWithTag: asked for here",
            ]
        );
        // Where everything is set behind the caller, there is nothing to tell of that.
        let set_behind = drawn_by(&code, &[(0x200, Some(3))], Some([0, 2]));
        assert_eq!(set_behind[..2], ["nop", "^ nop: chosen here"]);
    }

    /// One instruction, such as a conditional set, can make several values.
    #[test]
    fn values_of_one_instruction_are_told_together() {
        let drawn = |second| drawn(&MOV_ECX_200, &[(0, 0), (second, 0)]).swap_remove(1);
        assert_eq!(
            drawn(2),
            "- 200h: PoolType = NonPagedPool (0) or NonPagedPoolMustSucceed (2), which is executable"
        );
        assert_eq!(drawn(0), "- 200h: PoolType = NonPagedPool (0), which is executable");
        assert_eq!(drawn(0x200), "- 200h: PoolType = NonPagedPool (0) or NonPagedPoolNx (0x200)");
    }

    /// Eight lines are drawn whole; with one more between, only those that matter.
    #[test]
    fn what_lies_between_is_left_out_where_it_is_long() {
        let code = |nops| [&XOR_ECX_ECX[..], &NOP.repeat(nops)].concat();
        assert_eq!(drawn(&code(6), &[(0, 0)]).len(), 8 + 2);
        let far = drawn(&code(7), &[(0, 0)]);
        assert_eq!(far.len(), 2 + 2);
        assert_eq!(far[2], "... call  ExAllocatePoolWithTag");
    }

    /// A value that is set behind the call, as at the end of a loop.
    #[test]
    fn lines_are_in_the_order_of_their_addresses() {
        let call_length = 6;
        let drawn = drawn(&NOP, &[(0, 1 + call_length)]);
        // What stands behind the call in the fixture is one instruction or none.
        assert_eq!(drawn[..2], with_call(&[]));
        assert!(drawn.len() <= 4, "{drawn:?}");
    }
}
