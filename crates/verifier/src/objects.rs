//! Objects and their handles.

use crate::data;
use crate::kernel::Kernel;
use crate::stop::{Stop, status};
use std::collections::BTreeMap;

/// What an object is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Object {
    /// A registry key, by its path.
    Key(String),
    /// A section.
    Section {
        /// Bytes.
        size: u64,
        /// PAGE_ protection it was made with.
        protection: u32,
        /// The first address of its pages, once something is mapped.
        pages: Option<u64>,
    },
    /// A thread of the driver, by its place in the schedule.
    Thread(usize),
    /// A process.
    Process,
    /// A file, by its path.
    File(String),
    /// An event or another object to wait for.
    Dispatcher,
    /// Anything else: what a stand-in made.
    Other,
}

/// All objects with handles.
#[derive(Default)]
pub(crate) struct Objects {
    known: BTreeMap<u64, Object>,
    handles: BTreeMap<u64, u64>,
    next: u64,
    /// Extensions of the driver object, by the addresses that name them.
    pub extensions: BTreeMap<u64, u64>,
    /// Processes that were left for others, the last one last.
    pub attached: Vec<u64>,
    /// What IoSetTopLevelIrp set.
    pub top_level: u64,
}

/// NtCurrentProcess().
pub(crate) const CURRENT_PROCESS: u64 = u64::MAX;
/// NtCurrentThread().
pub(crate) const CURRENT_THREAD: u64 = u64::MAX - 1;
/// Kernel handles have the upper half set.
const KERNEL_HANDLE: u64 = 0xFFFF_FFFF_8000_0000;

impl Objects {
    /// The object at `address`.
    pub(crate) fn at(&self, address: u64) -> Option<&Object> {
        self.known.get(&address)
    }

    /// The object at `address`, to change.
    pub(crate) fn at_mut(&mut self, address: u64) -> Option<&mut Object> {
        self.known.get_mut(&address)
    }

    /// The address of the object with this handle.
    pub(crate) fn by_handle(&self, handle: u64) -> Option<u64> {
        self.handles.get(&handle).copied()
    }

    /// The path of the key or file with this handle.
    pub(crate) fn path_of(&self, handle: u64) -> Option<&str> {
        match self.at(self.by_handle(handle)?)? {
            Object::Key(path) | Object::File(path) => Some(path),
            _ => None,
        }
    }

    /// Closes a handle; false where there is none.
    pub(crate) fn close(&mut self, handle: u64) -> bool {
        self.handles.remove(&handle).is_some()
    }
}

impl Kernel<'_> {
    /// Makes an object of `size` bytes; none where there is no memory left.
    pub(crate) fn make_object(&mut self, object: Object, size: u64) -> Option<u64> {
        let address = self.own(size)?;
        self.objects.known.insert(address, object);
        Some(address)
    }

    /// What is known of the memory at `address` from now on.
    pub(crate) fn know_object(&mut self, address: u64, object: Object) {
        if self.objects.known.len() < self.options.budget.entries {
            self.objects.known.insert(address, object);
        }
    }

    /// A handle of the object at `address`; none where there are too many.
    pub(crate) fn handle(&mut self, address: u64) -> Option<u64> {
        if self.objects.handles.len() >= self.options.budget.entries {
            self.run_short("handles");
            return None;
        }
        self.objects.next += 4;
        let handle = KERNEL_HANDLE | self.objects.next;
        self.objects.handles.insert(handle, address);
        Some(handle)
    }

    /// Makes an object and writes its handle to `out`; the status.
    pub(crate) fn open_object(&mut self, object: Object, size: u64, out: u64) -> Result<u64, Stop> {
        let handle = self.make_object(object, size).and_then(|address| self.handle(address));
        let Some(handle) = handle else { return Ok(status::INSUFFICIENT_RESOURCES.into()) };
        self.put_optional(out, &handle.to_le_bytes())?;
        Ok(status::SUCCESS.into())
    }

    /// The object that a handle stands for, those of the current process and thread among them.
    pub(crate) fn resolve(&self, handle: u64) -> Option<u64> {
        match handle {
            CURRENT_PROCESS => Some(self.process()),
            CURRENT_THREAD => Some(self.thread()),
            _ => self.objects.by_handle(handle),
        }
    }

    /// The process of the thread that runs.
    pub(crate) fn process(&self) -> u64 {
        let at = self.thread() + data::offset::THREAD_PROCESS;
        self.u64(at).unwrap_or(data::SYSTEM_PROCESS)
    }
}
