//! One file a command.

pub(crate) mod calls;
pub(crate) mod certify;
pub(crate) mod completions;
pub(crate) mod diff;
pub(crate) mod explain;
pub(crate) mod import;
pub(crate) mod lint;
pub(crate) mod list;
pub(crate) mod list_settings;
pub(crate) mod man;
pub(crate) mod scan;
pub(crate) mod verifier;
pub(crate) mod verify;
