//! Function names as people write them.

/// The name of a function as source has it. `?Map@Ring@acme@@YAXXZ` is `acme::Ring::Map`; names with
/// templates or operators stay as they are, as half of one would mislead.
pub(crate) fn readable(name: &str) -> String {
    undecorated(name).unwrap_or_else(|| name.to_owned())
}

/// A C++ name without templates and repeated parts, which is most of them.
fn undecorated(name: &str) -> Option<String> {
    let decorated = name.strip_prefix('?')?;
    let (path, _) = decorated.split_once("@@")?;
    let mut parts: Vec<_> = path.split('@').collect();
    // A part begins with `?` when it is a template, an operator or a scope without a name, and with a
    // digit when it repeats one.
    let plain = |part: &&str| {
        !part.is_empty() && !part.starts_with(|c: char| c == '?' || c.is_ascii_digit())
    };
    if !parts.iter().all(plain) {
        return None;
    }
    parts.reverse();
    Some(parts.join("::"))
}

#[cfg(test)]
mod tests {
    use super::readable;

    /// Decorated as Microsoft's documentation of decorated names has it.
    #[test]
    fn scopes_come_first() {
        assert_eq!(readable("?Map@@YAXXZ"), "Map");
        assert_eq!(readable("?Map@Ring@acme@@QEAAPEAXK@Z"), "acme::Ring::Map");
    }

    #[test]
    fn what_is_not_understood_stays() {
        for name in [
            "DriverEntry",
            "acme::Ring::Map",
            "??2@YAPEAX_K@Z",
            "?f@?$T@H@@QEAAXXZ",
            "?",
            "?a@0@@X",
        ] {
            assert_eq!(readable(name), name);
        }
    }
}
