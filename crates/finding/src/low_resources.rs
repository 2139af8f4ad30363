//! Allocations of a run that were made to fail.

use schemars::JsonSchema;
use serde::Serialize;

/// Allocations that fail by chance, as by Driver Verifier's low resources simulation: what was asked for, and what
/// became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LowResources {
    /// What chance began with: the same seed gives the same run.
    pub seed: u64,
    /// How many of 10,000 allocations were to fail.
    pub probability: u32,
    /// The pool tags of which allocations could fail, with `*` for any characters; empty where all allocations could.
    pub pool_tags: Vec<String>,
    /// Whether allocations could fail while DriverEntry ran; else they could once it had returned.
    pub in_driver_entry: bool,
    /// Allocations that the driver asked for, of the kinds that can fail.
    pub asked: u64,
    /// Those of them that chance decided about: not too early, and with a pool tag that was meant.
    pub exposed: u64,
    /// Those that were made to fail. Windows counts them as `Pool Allocations Failed Deliberately` and as
    /// `Faults Injected`.
    pub failed_deliberately: u64,
    /// Of a driver that crashed after an allocation was made to fail: whether it crashes where none is, too. Where it does
    /// not, it does not expect that allocations fail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crashes_without: Option<bool>,
}
