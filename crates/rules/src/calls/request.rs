//! Buffers of requests: what an IRP holds that its sender chose.

use ringfence_code::{Path, Reader};
use std::fmt;
use std::ops::{Range, RangeInclusive};

/// The parameter of a dispatch routine that is the IRP.
const IRP: u8 = 1;
/// `IRP.AssociatedIrp.SystemBuffer`, `UserBuffer` and `Tail.Overlay.CurrentStackLocation`.
const SYSTEM_BUFFER: u16 = 0x18;
const USER_BUFFER: u16 = 0x70;
const STACK: u16 = 0xB8;
/// `IO_STACK_LOCATION.Parameters.DeviceIoControl.IoControlCode` and `Type3InputBuffer`.
const CONTROL_CODE: u16 = 0x18;
const INPUT_BUFFER: u16 = 0x20;
/// `DRIVER_OBJECT.MajorFunction`, of which each entry is a pointer.
const MAJOR_FUNCTION: RangeInclusive<u16> = 0x70..=0x148;

/// A value in the buffer of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    buffer: &'static str,
    offset: u16,
}

impl Request {
    /// The request that a value is read from: only where the function that reads it is certainly given one.
    pub(super) fn of(path: &Path, readers: &[Reader]) -> Option<Request> {
        let (buffer, offset) = match *path.offsets() {
            _ if path.parameter() != IRP => return None,
            [SYSTEM_BUFFER, offset] => ("AssociatedIrp.SystemBuffer", offset),
            [USER_BUFFER, offset] => ("UserBuffer", offset),
            [STACK, INPUT_BUFFER, offset] => {
                ("Parameters.DeviceIoControl.Type3InputBuffer", offset)
            }
            _ => return None,
        };
        let reader = readers.iter().find(|reader| reader.function == path.function())?;
        dispatches(reader).then_some(Request { buffer, offset })
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let holder = match self.buffer.starts_with("Parameters") {
            true => "IO_STACK_LOCATION",
            false => "IRP",
        };
        match self.offset {
            0 => write!(f, "`{holder}->{}`", self.buffer),
            offset => write!(f, "`{holder}->{} + {offset:#x}`", self.buffer),
        }
    }
}

/// Where the ways to such values begin.
pub(super) fn begins() -> Vec<(u8, u16)> {
    [SYSTEM_BUFFER, USER_BUFFER, STACK].map(|offset| (IRP, offset)).to_vec()
}

/// Where a driver object has the addresses of functions that are given them.
pub(super) fn entries() -> Range<u16> {
    *MAJOR_FUNCTION.start()..MAJOR_FUNCTION.end() + 8
}

/// Those by which memory is reached that nobody else changes: Windows copies what a process sends into a buffer of
/// its own, and only `UserBuffer` and `Type3InputBuffer` are the process's, which may write there at any time.
pub(super) fn steady() -> Vec<(u8, u16)> {
    vec![(IRP, SYSTEM_BUFFER)]
}

/// Whether a function is a dispatch routine: its address is put where a driver object has those, or it
/// reads the code of an I/O control.
fn dispatches(reader: &Reader) -> bool {
    let is_entry = |offset: &u16| {
        MAJOR_FUNCTION.contains(offset) && (offset - MAJOR_FUNCTION.start()).is_multiple_of(8)
    };
    let is_code = |path: &Path| path.parameter() == IRP && path.offsets() == [STACK, CONTROL_CODE];
    reader.stored.iter().any(is_entry) || reader.reads.iter().any(is_code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringfence_image::Rva;

    const FUNCTION: Rva = Rva(0x1000);

    fn path(parameter: u8, offsets: &[i64]) -> Path {
        let (first, rest) = offsets.split_first().unwrap();
        let first = Path::new(FUNCTION, parameter, *first).unwrap();
        rest.iter().fold(first, |path, offset| path.then(*offset).unwrap())
    }

    fn reader(stored: &[u16], reads: &[Path]) -> Reader {
        Reader { function: FUNCTION, stored: stored.to_vec(), reads: reads.to_vec() }
    }

    #[test]
    fn three_buffers_are_known() {
        let readers = [reader(&[0xE0], &[])];
        let told = |parameter, offsets: &[i64]| {
            Request::of(&path(parameter, offsets), &readers).map(|request| request.to_string())
        };
        let told_of = |text: &str| Some(text.to_owned());
        assert_eq!(told(1, &[0x18, 8]), told_of("`IRP->AssociatedIrp.SystemBuffer + 0x8`"));
        assert_eq!(told(1, &[0x70, 0]), told_of("`IRP->UserBuffer`"));
        let stack = "`IO_STACK_LOCATION->Parameters.DeviceIoControl.Type3InputBuffer + 0x4`";
        assert_eq!(told(1, &[0xB8, 0x20, 4]), told_of(stack));
        // Fields of the IRP and of its stack are Windows' own; the device extension is the driver's.
        for (parameter, offsets) in [
            (1, &[0x18][..]),
            (1, &[0x40, 0]),
            (1, &[0xB8, 0x18]),
            (0, &[0x40, 0]),
            (0, &[0x18, 0]),
        ] {
            assert_eq!(told(parameter, offsets), None, "{offsets:x?}");
        }
    }

    #[test]
    fn without_evidence_it_is_no_request() {
        let value = path(1, &[0x18, 8]);
        let is_request = |readers: &[Reader]| Request::of(&value, readers).is_some();
        assert!(!is_request(&[]));
        for (stored, expected) in
            [(0x68, false), (0x70, true), (0x74, false), (0x148, true), (0x150, false)]
        {
            assert_eq!(is_request(&[reader(&[stored], &[])]), expected, "{stored:#x}");
        }
        assert!(is_request(&[reader(&[], &[path(1, &[0xB8, 0x18])])]));
        assert!(!is_request(&[reader(&[], &[path(1, &[0xB8, 0x10]), path(0, &[0xB8, 0x18])])]));
        let other = Reader { function: Rva(0x2000), ..reader(&[0xE0], &[]) };
        assert!(!is_request(&[other]));
    }
}
