//! Acceptances of the user's settings that did nothing.

use schemars::JsonSchema;
use serde::Serialize;

/// Acceptances of the settings that accepted nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct IdleAcceptances {
    /// Those that match no finding, though the scan looked where they would.
    pub unused: Vec<IdleAcceptance>,
    /// Those whose last day is over.
    pub expired: Vec<IdleAcceptance>,
}

impl IdleAcceptances {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.unused.is_empty() && self.expired.is_empty()
    }
}

/// An acceptance as the settings have it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct IdleAcceptance {
    /// Where it stands, such as `ringfence.toml:12`; null where it comes from no file.
    pub place: Option<String>,
    /// The rule whose findings it accepts.
    pub rule: String,
    /// SHA-256 of the driver that it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// The pattern for paths of drivers that it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The function that it is for: its name, or where it begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// The DDI that it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ddi: Option<String>,
    /// Why its findings are accepted, in the user's words.
    pub reason: String,
    /// Its last day, as `2027-03-31`; null for no end.
    pub until: Option<String>,
}
