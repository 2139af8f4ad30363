//! One file a command.

pub(crate) mod calls;
pub(crate) mod completions;
pub(crate) mod explain;
pub(crate) mod list;
pub(crate) mod man;
pub(crate) mod scan;
