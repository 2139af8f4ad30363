//! A number that stands for all calls of a run in their order, so that two runs can be compared without keeping them.

use crate::call::Call;
use crate::space;

/// What the calls so far come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprint(u64);

/// Starts of the names of functions whose arguments are talk: what a driver says to a debugger is not what it does.
const TALK: [&str; 5] = ["DbgPrint", "vDbgPrint", "Etw", "Wmi", "imp_Wpp"];

impl Fingerprint {
    /// FNV-1a's.
    pub(crate) const EMPTY: Fingerprint = Fingerprint(0xCBF2_9CE4_8422_2325);

    /// A function is called with `arguments`, as many of them as are known to be some.
    pub(crate) fn call(&mut self, call: &Call, arguments: &[u64]) {
        self.bytes(call.name.as_bytes());
        let is_talk = TALK.iter().any(|start| call.name.starts_with(start));
        for &argument in arguments.iter().filter(|_| !is_talk) {
            self.value(argument);
        }
    }

    /// Something a call came to, or was given. Which address it is says nothing.
    pub(crate) fn value(&mut self, value: u64) {
        let told = if is_address(value) { u64::MAX } else { value };
        self.bytes(&told.to_le_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3);
        }
        // Where one ends belongs to it.
        self.0 = self.0.rotate_left(5) ^ bytes.len() as u64;
    }
}

/// Whether a value is where something of the kernel or of a program is; negative numbers are not.
fn is_address(value: u64) -> bool {
    /// The last addresses there are. Behind them are statuses and small negative numbers.
    const LAST: u64 = 0xFFFF_FFF0_0000_0000;
    (space::SYSTEM..LAST).contains(&value) || (space::USER..=space::HIGHEST_USER).contains(&value)
}

#[cfg(test)]
mod tests {
    use super::Fingerprint;
    use crate::call::{Call, MOST_ARGUMENTS};

    fn of(calls: &[(&str, &[u64])]) -> Fingerprint {
        let mut all = Fingerprint::EMPTY;
        for (name, arguments) in calls {
            all.call(&Call::new((*name).into(), 0, [0; MOST_ARGUMENTS]), arguments);
        }
        all
    }

    #[test]
    fn order_names_and_numbers_count_and_addresses_do_not() {
        let pool = |kind, tag| of(&[("ExAllocatePoolWithTag", &[kind, tag])]);
        assert_ne!(pool(0, 1), pool(512, 1));
        assert_ne!(of(&[("a", &[]), ("b", &[])]), of(&[("b", &[]), ("a", &[])]));
        assert_ne!(of(&[("ab", &[]), ("c", &[])]), of(&[("a", &[]), ("bc", &[])]));
        let free = |at| of(&[("ExFreePoolWithTag", &[at, 1])]);
        assert_eq!(free(0xFFFF_B000_0000_0010), free(0xFFFF_C000_0000_0020));
        // STATUS_UNSUCCESSFUL and STATUS_INVALID_PARAMETER, as a sign extends them.
        let status = |value: u32| of(&[("IofCompleteRequest", &[value as i32 as i64 as u64])]);
        assert_ne!(status(0xC000_0001), status(0xC000_000D));
        assert_eq!(of(&[("DbgPrint", &[1])]), of(&[("DbgPrint", &[2])]));
    }
}
