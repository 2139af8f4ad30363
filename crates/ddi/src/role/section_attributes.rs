//! SEC_ attributes of a section object.

use super::{Meaning, words};

pub(super) static MEANING: Meaning = Meaning {
    name: "section-attributes",
    type_name: "SEC_ attributes",
    bits: 32,
    rule: None,
    words,
    constants: &[&NAMES],
    executable: "with `SEC_IMAGE` (0x1000000) the section is over an image file, for which \
                 executable protections are right",
    advice: "",
};

const NAMES: [(&str, u64); 9] = [
    // Two bits; the names of either alone would mislead.
    ("SEC_IMAGE_NO_EXECUTE", 0x1100_0000),
    ("SEC_FILE", 0x80_0000),
    ("SEC_IMAGE", 0x100_0000),
    ("SEC_PROTECTED_IMAGE", 0x200_0000),
    ("SEC_RESERVE", 0x400_0000),
    ("SEC_COMMIT", 0x800_0000),
    ("SEC_NOCACHE", 0x1000_0000),
    ("SEC_WRITECOMBINE", 0x4000_0000),
    ("SEC_LARGE_PAGES", 0x8000_0000),
];

fn words(value: u64) -> String {
    words::flags(value, &NAMES)
}

#[cfg(test)]
mod tests {
    use crate::Role;

    #[test]
    fn written_as_in_source() {
        for (value, text) in [
            (0x100_0000, "SEC_IMAGE (0x1000000)"),
            (0x800_0000, "SEC_COMMIT (0x8000000)"),
            (0x1100_0000, "SEC_IMAGE_NO_EXECUTE (0x11000000)"),
            (0x1800_0000, "SEC_COMMIT | SEC_NOCACHE (0x18000000)"),
        ] {
            assert_eq!(Role::SectionAttributes.words(value), text);
        }
    }
}
