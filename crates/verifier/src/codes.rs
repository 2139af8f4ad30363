//! Which codes of device control the driver may know.

use ringfence_image::Image;
use std::collections::BTreeSet;

/// Codes that are tried, at most.
const MOST_CODES: usize = 24;
/// Bytes of code that are looked at, at most.
const MOST_BYTES: usize = 4 << 20;

/// Codes to try on a device of type `kind`: those that stand in the code, and the first one that is free
/// for drivers in each way to pass buffers.
pub(crate) fn control_codes(image: &Image<'_>, kind: u32) -> Vec<u32> {
    let mut codes = BTreeSet::new();
    let mut left = MOST_BYTES;
    for section in image.sections().iter().filter(|section| section.is_executable()) {
        let bytes = image.bytes_from(section.rva()).unwrap_or_default();
        let bytes = &bytes[..bytes.len().min(left)];
        left -= bytes.len();
        for window in bytes.windows(6) {
            let value = u32::from_le_bytes([window[2], window[3], window[4], window[5]]);
            // CTL_CODE puts the device's type into the upper half; drivers' own functions begin at 0x800.
            let own = value & 0x2000 != 0 || kind >= 0x8000;
            if value >> 16 == kind & 0xFFFF
                && own
                && is_operand(window[0], window[1])
                && codes.len() < MOST_CODES
            {
                codes.insert(value);
            }
        }
    }
    // A switch is often compiled to one comparison and small steps from there.
    let steps = codes.iter().flat_map(|&code| [4, 8, 12].map(|step| code.wrapping_add(step)));
    let near: Vec<_> = steps.take(MOST_CODES.saturating_sub(codes.len())).collect();
    codes.extend(near);
    let first = (kind << 16) | (0x800 << 2);
    codes.extend((0..4).map(|method| first | method));
    codes.into_iter().collect()
}

/// Whether what stands behind these two bytes is a constant that something is compared with, or set to.
fn is_operand(first: u8, second: u8) -> bool {
    // cmp, sub and add with EAX; mov to a register; cmp, sub and add with another register.
    matches!(second, 0x3D | 0x2D | 0x05 | 0xB8..=0xBF)
        || first == 0x81 && matches!(second, 0xC0..=0xC7 | 0xE8..=0xEF | 0xF8..=0xFF)
}

#[cfg(test)]
mod tests {
    use super::control_codes;
    use ringfence_fixture::{driver, section};

    /// CTL_CODE(FILE_DEVICE_UNKNOWN, 0x803, METHOD_BUFFERED, FILE_ANY_ACCESS) is 0x22200C.
    #[test]
    fn codes_in_the_code_are_found() {
        // nop; cmp eax, 0x22200C; and bytes that are no operand
        let code = [0x90, 0x3D, 0x0C, 0x20, 0x22, 0x00, 0xE8, 0x40, 0x20, 0x22, 0x00];
        let code = section(".more").rights(ringfence_fixture::RX).bytes(code);
        let bytes = driver().section(code).bytes();
        let image = ringfence_image::Image::read(&bytes).unwrap();
        let codes = control_codes(&image, 0x22);
        assert!(codes.contains(&0x22_200C));
        assert!(!codes.contains(&0x22_2040));
        assert!(
            [0x22_2000, 0x22_2001, 0x22_2002, 0x22_2003].iter().all(|code| codes.contains(code))
        );
    }
}
