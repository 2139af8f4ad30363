//! How values are written: names of the headers, then the number.

/// The constants that `value` is made of, taken out of it in the order of `names`, and what is left.
pub(super) fn taken(value: u64, names: &[(&'static str, u64)]) -> (Vec<&'static str>, u64) {
    let mut rest = value;
    let mut found = Vec::new();
    for &(name, bits) in names {
        if rest & bits == bits {
            found.push(name);
            rest &= !bits;
        }
    }
    (found, rest)
}

/// The one constant that is `value`.
pub(super) fn one_of(value: u64, names: &[(&'static str, u64)]) -> Option<&'static str> {
    names.iter().find(|(_, known)| *known == value).map(|(name, _)| *name)
}

/// `A | B | 0x40 (0x47)`: names, what no name covers, and the whole; a value without a name is a
/// number.
pub(super) fn written(names: &[&str], rest: u64, value: u64) -> String {
    if names.is_empty() {
        return number(value);
    }
    let mut text = names.join(" | ");
    if rest != 0 {
        text += &format!(" | {rest:#x}");
    }
    format!("{text} ({})", number(value))
}

/// A value made of flags only.
pub(super) fn flags(value: u64, names: &[(&'static str, u64)]) -> String {
    let (found, rest) = taken(value, names);
    written(&found, rest, value)
}

/// A value that is one of several constants.
pub(super) fn constant(value: u64, names: &[(&'static str, u64)]) -> String {
    match one_of(value, names) {
        Some(name) => written(&[name], 0, value),
        None => number(value),
    }
}

/// Hexadecimal, but for numbers that are the same either way.
pub(super) fn number(value: u64) -> String {
    if value < 10 { value.to_string() } else { format!("{value:#x}") }
}
