//! What Windows kernel functions (DDIs) take, and what that means for executable memory.
//!
//! The facts of each DDI are data in `table/*.toml`, one file a header; what a parameter's value means
//! is code in [`role`], one file a role.
//!
//! ```
//! use ringfence_ddi::{Bits, Ruling, imported};
//!
//! let ddi = imported("NTOSKRNL.exe", "ExAllocatePoolWithTag").ok_or("not in the table")?;
//! let (index, parameter) = ddi.deciding().ok_or("nothing decides")?;
//! let role = parameter.role.ok_or("no role")?;
//! assert_eq!((index, parameter.name), (0, "PoolType"));
//! assert_eq!(role.rule(Bits::of(0x10)), Ruling::Executable);
//! assert_eq!(role.words(0x10), "NonPagedPool | POOL_RAISE_IF_ALLOCATION_FAILURE (0x10)");
//! # Ok::<(), &str>(())
//! ```
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod bits;
mod entry;
pub mod role;
mod table;

pub use bits::Bits;
pub use entry::{Certainty, Ddi, Grant, Parameter, Reach, Verifier, VerifierBehaviour, Warning};
pub use role::{Role, Ruling};
pub use table::{all, imported, named};
