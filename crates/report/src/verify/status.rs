//! The names of NTSTATUS values, from ntstatus.h, and a DriverEntry that came to a bad one.

use ringfence_finding::{DriverRun, RunEnd};

/// Those that drivers return most.
const NAMES: [(&str, &str); 24] = [
    ("0x00000000", "STATUS_SUCCESS"),
    ("0x00000102", "STATUS_TIMEOUT"),
    ("0x00000103", "STATUS_PENDING"),
    ("0x80000002", "STATUS_DATATYPE_MISALIGNMENT"),
    ("0x80000005", "STATUS_BUFFER_OVERFLOW"),
    ("0xC0000001", "STATUS_UNSUCCESSFUL"),
    ("0xC0000002", "STATUS_NOT_IMPLEMENTED"),
    ("0xC0000004", "STATUS_INFO_LENGTH_MISMATCH"),
    ("0xC0000005", "STATUS_ACCESS_VIOLATION"),
    ("0xC0000008", "STATUS_INVALID_HANDLE"),
    ("0xC000000D", "STATUS_INVALID_PARAMETER"),
    ("0xC000000E", "STATUS_NO_SUCH_DEVICE"),
    ("0xC0000010", "STATUS_INVALID_DEVICE_REQUEST"),
    ("0xC0000022", "STATUS_ACCESS_DENIED"),
    ("0xC0000023", "STATUS_BUFFER_TOO_SMALL"),
    ("0xC0000034", "STATUS_OBJECT_NAME_NOT_FOUND"),
    ("0xC0000035", "STATUS_OBJECT_NAME_COLLISION"),
    ("0xC0000059", "STATUS_REVISION_MISMATCH"),
    ("0xC000009A", "STATUS_INSUFFICIENT_RESOURCES"),
    ("0xC00000A3", "STATUS_DEVICE_NOT_READY"),
    ("0xC00000BB", "STATUS_NOT_SUPPORTED"),
    ("0xC0000120", "STATUS_CANCELLED"),
    ("0xC0000184", "STATUS_INVALID_DEVICE_STATE"),
    ("0xC0000225", "STATUS_NOT_FOUND"),
];

/// `STATUS_SUCCESS`, or the number where it is none of the frequent ones.
pub(super) fn name(status: &str) -> &str {
    NAMES.iter().find(|(value, _)| *value == status).map_or(status, |(_, name)| name)
}

/// Whether it is an error: the two upper bits are set.
pub(super) fn is_error(status: &str) -> bool {
    status.as_bytes().get(2).is_some_and(|digit| matches!(digit, b'C'..=b'F'))
}

/// That a run is of DriverEntry alone, as that failed: Windows unloads the driver then, and so does the emulated kernel.
pub fn entry_failure(run: &DriverRun) -> Option<String> {
    // What NT_SUCCESS does not hold for, warnings too.
    let is_failure =
        |status: &&str| matches!(status.as_bytes().get(2), Some(b'8' | b'9' | b'A'..=b'F'));
    let status = run.status.as_deref().filter(is_failure)?;
    // With a violation as well: Driver Verifier's objections do not end the run.
    matches!(run.end, RunEnd::Returned | RunEnd::Violation)
        .then(|| format!("DriverEntry failed ({}), nothing else was run", name(status)))
}

/// Whether a violation was seen, whatever ended the run: Driver Verifier's objections do not end it, so it may go on to
/// what is not emulated, or use up its budget. Windows would have stopped before that.
pub fn has_violation(run: &DriverRun) -> bool {
    match run.end {
        RunEnd::Violation => true,
        RunEnd::Returned | RunEnd::Budget | RunEnd::NotEmulated => !run.stops.is_empty(),
        // Of a run that crashed the stop is the crash; what is not let in was not run.
        RunEnd::Fault | RunEnd::Refused => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_has_its_name() {
        assert_eq!(name("0xC0000034"), "STATUS_OBJECT_NAME_NOT_FOUND");
        assert_eq!(name("0xC0000999"), "0xC0000999");
        assert!(is_error("0xC0000001") && !is_error("0x80000005") && !is_error("0x00000103"));
    }
}
