//! The objects of SARIF 2.1.0 that are written, as its schema has them; what is absent is left out.

use serde::Serialize;
use std::collections::BTreeMap;

/// Free properties of an object; ours are words, numbers and lists of them.
pub(crate) type Properties = BTreeMap<&'static str, serde_json::Value>;

#[derive(Serialize)]
pub(crate) struct Message {
    pub(crate) text: String,
}

impl Message {
    pub(crate) fn new(text: impl Into<String>) -> Message {
        Message { text: text.into() }
    }
}

#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ArtifactLocation {
    pub(crate) uri: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) uri_base_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) index: Option<usize>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Artifact<'a> {
    pub(crate) location: &'a ArtifactLocation,
    pub(crate) length: u64,
    pub(crate) mime_type: &'static str,
    pub(crate) roles: [&'static str; 1],
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) hashes: BTreeMap<&'static str, &'a str>,
    pub(crate) properties: Properties,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Region {
    pub(crate) start_line: u32,
    pub(crate) start_column: u32,
    pub(crate) end_line: u32,
    pub(crate) end_column: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) snippet: Option<Snippet>,
}

impl Region {
    /// The beginning of `line`: how long the line is, nobody knows here.
    pub(crate) fn line(line: u32) -> Region {
        Region { start_line: line, start_column: 1, end_line: line, end_column: 1, snippet: None }
    }
}

/// What stands in a region: as it is, or made readable.
#[derive(Default, Serialize)]
pub(crate) struct Snippet {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rendered: Option<Message>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Address {
    pub(crate) relative_address: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) offset_from_parent: Option<u32>,
    pub(crate) kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    pub(crate) fully_qualified_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) index: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) parent_index: Option<usize>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PhysicalLocation {
    pub(crate) artifact_location: ArtifactLocation,
    pub(crate) region: Region,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) address: Option<Address>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LogicalLocation {
    pub(crate) name: String,
    pub(crate) fully_qualified_name: String,
    pub(crate) kind: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Location {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<usize>,
    pub(crate) physical_location: PhysicalLocation,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) logical_locations: Vec<LogicalLocation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<Message>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Step {
    pub(crate) location: Location,
    pub(crate) nesting_level: usize,
    pub(crate) execution_order: usize,
    pub(crate) importance: &'static str,
}

#[derive(Serialize)]
pub(crate) struct ThreadFlow {
    pub(crate) locations: Vec<Step>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CodeFlow {
    pub(crate) thread_flows: [ThreadFlow; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Fingerprints {
    /// The only one that GitHub reads.
    pub(crate) primary_location_line_hash: String,
    /// What other reports of ringfence call the finding.
    #[serde(rename = "ringfence/v1")]
    pub(crate) ringfence: String,
}

#[derive(Serialize)]
pub(crate) struct Suppression {
    pub(crate) kind: &'static str,
    pub(crate) status: &'static str,
    pub(crate) justification: String,
}

/// A result but for what depends on the others of the run; `kept::Kept` adds that.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Finding {
    pub(crate) rule_id: String,
    pub(crate) rule_index: usize,
    pub(crate) level: &'static str,
    pub(crate) message: Message,
    pub(crate) locations: [Location; 1],
    pub(crate) partial_fingerprints: Fingerprints,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) code_flows: Vec<CodeFlow>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) related_locations: Vec<Location>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) fixes: Vec<Fix>,
    pub(crate) properties: Properties,
}

/// A way to mend what a result is about.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Fix {
    pub(crate) description: Message,
    pub(crate) artifact_changes: Vec<ArtifactChange>,
}

/// What a fix does to one file.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ArtifactChange {
    pub(crate) artifact_location: ArtifactLocation,
    pub(crate) replacements: Vec<Replacement>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Replacement {
    pub(crate) deleted_region: Region,
    pub(crate) inserted_content: Snippet,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Descriptor {
    pub(crate) id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    pub(crate) short_description: Message,
    pub(crate) full_description: Message,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) help: Option<Help>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) help_uri: Option<String>,
    pub(crate) default_configuration: Configuration,
    #[serde(skip_serializing_if = "Properties::is_empty")]
    pub(crate) properties: Properties,
}

#[derive(Serialize)]
pub(crate) struct Help {
    pub(crate) text: String,
    pub(crate) markdown: String,
}

#[derive(Serialize)]
pub(crate) struct Configuration {
    pub(crate) level: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ToolComponent<'a> {
    pub(crate) name: &'a str,
    pub(crate) version: &'a str,
    pub(crate) semantic_version: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) information_uri: Option<&'a str>,
    pub(crate) rules: Vec<Descriptor>,
    pub(crate) notifications: Vec<Descriptor>,
}

#[derive(Serialize)]
pub(crate) struct Tool<'a> {
    pub(crate) driver: ToolComponent<'a>,
}

#[derive(Serialize)]
pub(crate) struct DescriptorReference {
    pub(crate) id: &'static str,
    pub(crate) index: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RuleReference {
    pub(crate) id: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) index: Option<usize>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Notification {
    pub(crate) descriptor: DescriptorReference,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) associated_rule: Option<RuleReference>,
    pub(crate) level: &'static str,
    pub(crate) message: Message,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) locations: Vec<FileOnly>,
}

/// A location that is a whole file.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FileOnly {
    pub(crate) physical_location: WholeFile,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WholeFile {
    pub(crate) artifact_location: ArtifactLocation,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Invocation {
    pub(crate) execution_successful: bool,
    pub(crate) tool_execution_notifications: Vec<Notification>,
}

/// A base of relative URIs; where it lies is left to whoever reads the report.
#[derive(Serialize)]
pub(crate) struct Base {
    pub(crate) description: Message,
}
