//! Driver Verifier's flags: a bit each, and the same as rule classes.

/// One bit of what `/flags` takes.
pub(super) struct Flag {
    /// Its place, from 0.
    pub(super) bit: u32,
    /// What Windows' own tools call it.
    pub(super) name: &'static str,
    /// What it does on Windows, as a fragment.
    pub(super) checks: &'static str,
}

/// What `/standard` sets.
pub(super) const STANDARD: u32 = 0x2_09BB;
/// The code integrity checks.
pub(super) const CODE_INTEGRITY: u32 = 1 << 25;
/// Randomized low resources simulation.
pub(super) const LOW_RESOURCES: u32 = 1 << 2;
/// Rule class of the code integrity checks.
pub(super) const CODE_INTEGRITY_CLASS: u32 = 26;
/// The rule classes that have no bit and that Microsoft's help names; none of them is emulated.
pub(super) const CLASSES: [(u32, &str); 4] = [
    (33, "Driver isolation checks"),
    (34, "WDF verification"),
    (35, "DDI compliance checking (additional IRQL rules)"),
    (36, "DIF mode"),
];

/// The name of a rule class that has no bit.
pub(super) fn name_of_class(class: u32) -> Option<&'static str> {
    CLASSES.iter().find(|(known, _)| *known == class).map(|(_, name)| *name)
}

/// The documented flags, in the order of their bits.
#[rustfmt::skip]
pub(super) const FLAGS: [Flag; 22] = [
    flag(0, "Special pool", "allocations stand at the edge of a page, so that overruns fault"),
    flag(1, "Force IRQL checking", "pageable code and data are thrown out at raised IRQL"),
    flag(2, "Randomized low resources simulation", "allocations fail by chance"),
    flag(3, "Pool tracking", "memory that is not freed at unload is reported"),
    flag(4, "I/O verification", "the driver's use of IRPs is checked"),
    flag(5, "Deadlock detection", "locks that are taken in different orders are reported"),
    flag(7, "DMA checking", "adapters, buffers and map registers are followed"),
    flag(8, "Security checks", "common mistakes with handles and user-mode addresses are reported"),
    flag(9, "Force pending I/O requests", "calls of IoCallDriver return STATUS_PENDING by chance"),
    flag(10, "IRP logging", "the driver's IRPs are written to a log"),
    flag(11, "Miscellaneous checks", "active timers, work items and locks in freed memory are reported"),
    flag(13, "Invariant MDL checking for stack", "buffers that a stack of drivers must not change are watched"),
    flag(14, "Invariant MDL checking for driver", "buffers that a driver must not change are watched"),
    flag(15, "Power framework delay fuzzing", "callbacks of the power framework are delayed by chance"),
    flag(16, "Port/miniport interface checking", "calls between port and miniport drivers are checked"),
    flag(17, "DDI compliance checking", "DDIs are held to their rules of IRQL, order and state"),
    flag(18, "Systematic low resources simulation", "each allocation fails once, one after the other"),
    flag(19, "DDI compliance checking (additional)", "DDIs are held to further rules"),
    flag(21, "NDIS/WIFI verification", "NDIS and wireless drivers are held to their rules"),
    flag(23, "Kernel synchronization delay fuzzing", "threads are scheduled with delays by chance"),
    flag(24, "VM switch verification", "extensions of the virtual switch are held to their rules"),
    flag(25, "Code integrity checks", "requests of executable memory and images unfit for memory integrity are reported"),
];

const fn flag(bit: u32, name: &'static str, checks: &'static str) -> Flag {
    Flag { bit, name, checks }
}

impl Flag {
    /// The bit as a number.
    pub(super) fn mask(&self) -> u32 {
        1 << self.bit
    }

    /// Whether `/standard` sets it.
    pub(super) fn is_standard(&self) -> bool {
        STANDARD & self.mask() != 0
    }

    /// Whether runs here do what it does.
    pub(super) fn is_emulated(&self) -> bool {
        matches!(self.mask(), CODE_INTEGRITY | LOW_RESOURCES)
    }
}

/// The name of a flag that Windows' tool no longer lists.
pub(super) fn older(mask: u32) -> Option<&'static str> {
    (mask == 1 << 6).then_some("Enhanced I/O verification")
}

/// The bits of `flags` that the tool does not name.
pub(super) fn undocumented(flags: u32) -> Vec<u32> {
    let is_known = |bit: &u32| FLAGS.iter().any(|flag| flag.bit == *bit);
    (0..u32::BITS).filter(|bit| flags & (1 << bit) != 0 && !is_known(bit)).collect()
}

/// A number as `/flags` takes it: decimal, or behind `0x`, `0o` or `0b`.
pub(super) fn number(text: &str) -> Option<u32> {
    let lower = text.to_ascii_lowercase();
    let (digits, radix) = match lower.get(..2) {
        Some("0x") => (&lower[2..], 16),
        Some("0o") => (&lower[2..], 8),
        Some("0b") => (&lower[2..], 2),
        _ => (&lower[..], 10),
    };
    // Rust's own reading takes a sign, which the tool does not.
    let is_digits = !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(radix));
    if is_digits { u32::from_str_radix(digits, radix).ok() } else { None }
}

/// The flag of a rule class, which counts from 1; none where the class has no bit, or is none.
pub(super) fn of_class(class: u32) -> Option<&'static Flag> {
    let bit = class.checked_sub(1)?;
    FLAGS.iter().find(|flag| flag.bit == bit)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Microsoft's help: `/standard` is the flags 0x209BB.
    #[test]
    fn the_standard_flags_are_nine() {
        let standard: Vec<u32> =
            FLAGS.iter().filter(|flag| flag.is_standard()).map(|flag| flag.bit).collect();
        assert_eq!(standard, [0, 1, 3, 4, 5, 7, 8, 11, 17]);
        assert_eq!(
            FLAGS.iter().filter(|flag| flag.is_standard()).map(Flag::mask).sum::<u32>(),
            STANDARD
        );
    }

    #[test]
    fn numbers_are_read_in_four_forms() {
        for text in
            ["33554432", "0x02000000", "0X2000000", "0o200000000", "0b10000000000000000000000000"]
        {
            assert_eq!(number(text), Some(CODE_INTEGRITY), "{text}");
        }
        assert_eq!(number("0xFFFFFFFF"), Some(u32::MAX));
        for text in ["", "0x", "0x100000000", "4294967296", "+1", "-1", "0b2", "0o8", "1h", "é1"] {
            assert_eq!(number(text), None, "{text}");
        }
    }

    /// Rule classes of Microsoft's help: 1 is special pool, 26 code integrity checks.
    #[test]
    fn a_class_is_a_bit_and_one() {
        assert_eq!(of_class(1).map(|flag| flag.name), Some("Special pool"));
        assert_eq!(of_class(CODE_INTEGRITY_CLASS).map(Flag::mask), Some(CODE_INTEGRITY));
        assert!(of_class(0).is_none() && of_class(13).is_none());
        assert!(CLASSES.iter().all(|(class, _)| of_class(*class).is_none()));
    }

    /// Windows 11 shows 0x1209BB where `/standard` is set.
    #[test]
    fn bits_without_a_name_are_told() {
        assert!(undocumented(STANDARD | CODE_INTEGRITY).is_empty());
        assert_eq!(undocumented(0x0012_09BB), [20]);
        assert_eq!(undocumented(1 << 31 | 1 << 6), [6, 31]);
    }
}
