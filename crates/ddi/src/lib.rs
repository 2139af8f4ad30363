//! What Windows kernel functions (DDIs) take, and what that means for executable memory.
//!
//! The facts of each DDI are data in `table/*.toml`, one file a header; what a parameter's value means
//! is code in [`role`], one file a role.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod bits;
mod entry;
pub mod role;

pub use bits::Bits;
pub use entry::{
    Certainty, Ddi, Grant, Parameter, Reach, Verifier, VerifierBehaviour, Warning, all, imported,
    named,
};
pub use role::{Role, Ruling};
