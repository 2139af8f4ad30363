//! The memory that an MDL is made to describe.

use super::{Meaning, words};

pub(super) static MEANING: Meaning = Meaning {
    name: "described-address",
    type_name: "address of the memory described",
    bits: 64,
    rule: None,
    words: words::number,
    constants: &[],
    executable: "where it lies in code, the pages can be mapped again by way of the MDL",
    advice: "",
};

#[cfg(test)]
mod tests {
    use crate::Role;

    #[test]
    fn it_is_an_address() {
        assert_eq!(Role::DescribedAddress.words(0x1_4000_1000), "0x140001000");
    }
}
