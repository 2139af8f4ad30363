//! What memory knows of the code that was decoded from it.

use super::{Memory, SIZE};

/// Bytes of a line, the grain at which writes to code are noticed.
const LINE: usize = 64;

/// The lines that bytes of a frame touch.
fn lines(offset: usize, length: usize) -> u64 {
    let first = offset / LINE;
    let last = (offset + length - 1).min(SIZE - 1) / LINE;
    (u64::MAX >> (63 - (last - first))) << first
}

impl Memory {
    /// Changes with pages, their rights, and code that was decoded.
    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    /// No two memories have the same.
    pub(crate) fn identity(&self) -> u64 {
        self.identity
    }

    /// How many frames were given bytes of their own. Who remembers where bytes are looks again then.
    pub(crate) fn commits(&self) -> u64 {
        self.commits
    }

    /// Makes all that is remembered be looked at again.
    pub(crate) fn forget(&mut self) {
        self.generation += 1;
    }

    /// The version of the code of a frame.
    pub(crate) fn version(&self, frame: u32) -> u32 {
        self.frames[frame as usize].version
    }

    /// Remembers that code was decoded from bytes of a frame. True when the frame held none before.
    pub(crate) fn decoded(&mut self, frame: u32, offset: usize, length: usize) -> bool {
        let known = &mut self.frames[frame as usize].lines;
        let first = *known == 0;
        *known |= lines(offset, length);
        first
    }

    /// Notices a write to bytes of a frame. True when code was decoded from them; it counts no more then.
    pub(crate) fn written(&mut self, index: u32, offset: usize, length: usize) -> bool {
        let frame = &mut self.frames[index as usize];
        if length == 0 || frame.lines & lines(offset, length) == 0 {
            return false;
        }
        frame.lines = 0;
        frame.version = frame.version.wrapping_add(1);
        self.generation += 1;
        true
    }

    /// The bytes at a place that [`Memory::locate`] gave.
    #[inline]
    pub(crate) fn bytes(&self, data: u32) -> &[u8; SIZE] {
        &self.data[data as usize]
    }

    /// The bytes at a place that [`Memory::locate`] gave for writing.
    #[inline]
    pub(crate) fn bytes_mut(&mut self, data: u32) -> &mut [u8; SIZE] {
        &mut self.data[data as usize]
    }

    /// Copies bytes between two places, each with an offset. False where they are one.
    pub(crate) fn copy(&mut self, from: (u32, usize), to: (u32, usize), length: usize) -> bool {
        let pair = self.data.get_disjoint_mut([from.0 as usize, to.0 as usize]);
        let Ok([source, target]) = pair else { return false };
        target[to.1..to.1 + length].copy_from_slice(&source[from.1..from.1 + length]);
        true
    }
}
