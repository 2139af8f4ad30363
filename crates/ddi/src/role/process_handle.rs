//! The process whose address space is concerned.

use super::{Meaning, words};

pub(super) static MEANING: Meaning = Meaning {
    name: "process-handle",
    type_name: "the process concerned",
    bits: 64,
    rule: None,
    words,
    constants: &[],
    executable: "with a user process only Driver Verifier objects; memory integrity is about the \
                 memory of the kernel",
    advice: "",
};

fn words(value: u64) -> String {
    if value == u64::MAX { "NtCurrentProcess() (-1)".to_owned() } else { words::number(value) }
}

#[cfg(test)]
mod tests {
    use crate::Role;

    #[test]
    fn the_current_process_is_a_constant() {
        assert_eq!(Role::ProcessHandle.words(u64::MAX), "NtCurrentProcess() (-1)");
        assert_eq!(Role::ProcessHandle.words(0x1c), "0x1c");
    }
}
