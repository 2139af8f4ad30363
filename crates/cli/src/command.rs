//! One file a command.

pub(crate) mod calls;
pub(crate) mod certify;
pub(crate) mod diff;
pub(crate) mod explain;
pub(crate) mod list;
pub(crate) mod list_settings;
pub(crate) mod scan;
