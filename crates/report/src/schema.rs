//! The JSON schema of the report, made from the types that are written.

use ringfence_finding::Report;
use schemars::generate::SchemaSettings;

/// What the schema says of itself.
const ABOUT: &str = "What `ringfence scan --format json` writes. Each line of `--format jsonl` is \
    one driver: `#/$defs/Examination`. Within report_version 1 a field may be added; none changes \
    its meaning or goes.";

/// The JSON schema of `--format json`, as committed in `schemas/report-v1.json`.
pub fn schema() -> String {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let mut schema = settings.into_generator().into_root_schema_for::<Report>();
    schema.insert("title".to_owned(), "ringfence report, version 1".into());
    schema.insert("description".to_owned(), ABOUT.into());
    // Maps with string keys and plain data cannot fail to be written.
    let text = serde_json::to_string_pretty(&schema).unwrap_or_default() + "\n";
    // Descriptions are the types' doc comments; their links lead nowhere outside the Rust docs.
    text.replace("[`", "`").replace("`]", "`")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn the_committed_schema_is_fresh() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas/report-v1.json");
        if std::env::var_os("RINGFENCE_BLESS").is_some() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, schema()).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default().replace("\r\n", "\n");
        assert!(
            committed == schema(),
            "schemas/report-v1.json is stale; refresh it with\n    \
             RINGFENCE_BLESS=1 cargo test -p ringfence-report schema\nand read the difference"
        );
    }

    #[test]
    fn a_line_of_jsonl_has_its_own_definition() {
        let schema: serde_json::Value = serde_json::from_str(&schema()).unwrap();
        assert!(schema["$defs"]["Examination"]["properties"]["verdict"].is_object());
    }
}
