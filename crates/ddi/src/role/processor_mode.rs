//! KPROCESSOR_MODE, one byte.

use super::{Meaning, words};

pub(super) static MEANING: Meaning = Meaning {
    name: "processor-mode",
    type_name: "KPROCESSOR_MODE",
    bits: 8,
    rule: None,
    words,
    constants: &[&MODES],
    executable: "with `UserMode` (1) the mapping is not executable whatever else is passed",
    advice: "",
};

const MODES: [(&str, u64); 2] = [("KernelMode", 0), ("UserMode", 1)];

fn words(value: u64) -> String {
    words::constant(value, &MODES)
}

#[cfg(test)]
mod tests {
    use crate::Role;

    #[test]
    fn written_as_in_source() {
        assert_eq!(Role::ProcessorMode.words(0), "KernelMode (0)");
        assert_eq!(Role::ProcessorMode.words(1), "UserMode (1)");
    }
}
