//! FLT_CONTEXT_TYPE of the filter manager.

use super::{Meaning, words};

pub(super) static MEANING: Meaning = Meaning {
    name: "context-type",
    type_name: "FLT_CONTEXT_TYPE",
    bits: 32,
    rule: None,
    words,
    constants: &[&NAMES],
    executable: "for `FLT_VOLUME_CONTEXT` (1) the documentation asks for nonpaged pool; \
                 `NonPagedPoolNx` is nonpaged",
    advice: "",
};

const NAMES: [(&str, u64); 7] = [
    ("FLT_VOLUME_CONTEXT", 0x1),
    ("FLT_INSTANCE_CONTEXT", 0x2),
    ("FLT_FILE_CONTEXT", 0x4),
    ("FLT_STREAM_CONTEXT", 0x8),
    ("FLT_STREAMHANDLE_CONTEXT", 0x10),
    ("FLT_TRANSACTION_CONTEXT", 0x20),
    ("FLT_SECTION_CONTEXT", 0x40),
];

fn words(value: u64) -> String {
    words::constant(value, &NAMES)
}

#[cfg(test)]
mod tests {
    use crate::Role;

    #[test]
    fn written_as_in_source() {
        assert_eq!(Role::ContextType.words(1), "FLT_VOLUME_CONTEXT (1)");
        assert_eq!(Role::ContextType.words(0x10), "FLT_STREAMHANDLE_CONTEXT (0x10)");
        assert_eq!(Role::ContextType.words(0x80), "0x80");
    }
}
