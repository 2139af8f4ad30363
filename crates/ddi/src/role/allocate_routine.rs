//! A routine of the driver that allocates in place of the kernel.

use super::{Meaning, words};

pub(super) static MEANING: Meaning = Meaning {
    name: "allocate-routine",
    type_name: "allocate routine",
    bits: 64,
    rule: None,
    words,
    constants: &[],
    executable: "where it is not NULL, the routine allocates and may pass another value on",
    advice: "",
};

fn words(value: u64) -> String {
    if value == 0 { "NULL (0)".to_owned() } else { words::number(value) }
}

#[cfg(test)]
mod tests {
    use crate::Role;

    #[test]
    fn no_routine_is_null() {
        assert_eq!(Role::AllocateRoutine.words(0), "NULL (0)");
        assert_eq!(Role::AllocateRoutine.words(0x1_4000_1000), "0x140001000");
    }
}
