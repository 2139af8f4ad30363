//! Numbers, and the types they are made to have.

/// How many bits a type of that name has; 64 where that is not plain.
pub(crate) fn type_bits(name: &str) -> u8 {
    match name {
        "u8" | "i8" | "UCHAR" | "CHAR" | "BOOLEAN" | "KPROCESSOR_MODE" | "c_uchar" | "c_char"
        | "bool" => 8,
        "u16" | "i16" | "USHORT" | "SHORT" | "c_ushort" | "c_short" => 16,
        "u32"
        | "i32"
        | "ULONG"
        | "LONG"
        | "DWORD"
        | "UINT"
        | "INT"
        | "c_ulong"
        | "c_long"
        | "c_uint"
        | "c_int"
        | "NTSTATUS"
        | "POOL_TYPE"
        | "MEMORY_CACHING_TYPE" => 32,
        _ => 64,
    }
}

/// The value of an integer as Rust writes it.
pub(crate) fn number(text: &str) -> Option<u64> {
    let digits: String = text.chars().filter(|letter| *letter != '_').collect();
    let (digits, radix) = match digits.get(..2) {
        Some("0x") => (&digits[2..], 16),
        Some("0o") => (&digits[2..], 8),
        Some("0b") => (&digits[2..], 2),
        _ => (&digits[..], 10),
    };
    // Of the letters of a suffix none is a digit, of any radix.
    let digits = digits.split(['u', 'i']).next()?;
    u128::from_str_radix(digits, radix).ok().and_then(|value| u64::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_rust_writes_them() {
        for (text, value) in [
            ("0", Some(0)),
            ("0x40u64", Some(0x40)),
            ("0x0000_0040_u64", Some(0x40)),
            ("1_000i32", Some(1000)),
            ("0b1010_u8", Some(10)),
            ("0o17", Some(15)),
            ("017", Some(17)),
            ("0xFFFF_FFFF_FFFF_FFFFusize", Some(u64::MAX)),
            ("0x1_0000_0000_0000_0000", None),
            ("0x", None),
        ] {
            assert_eq!(number(text), value, "{text}");
        }
    }
}
