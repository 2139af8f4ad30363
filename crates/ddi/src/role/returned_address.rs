//! Where the address of a mapping is stored.

use super::{Meaning, words};

pub(super) static MEANING: Meaning = Meaning {
    name: "returned-address",
    type_name: "where the address of the mapping is stored",
    bits: 64,
    rule: None,
    words: words::number,
    constants: &[],
    executable: "without it nothing is mapped, whatever else is passed",
    advice: "",
};

#[cfg(test)]
mod tests {
    use crate::Role;

    #[test]
    fn it_is_an_address() {
        assert_eq!(Role::ReturnedAddress.words(0x1_4000_1000), "0x140001000");
    }
}
