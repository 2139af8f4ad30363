//! The JSON schema of the report, made from the types that are written.

use crate::verify::json::{Traced, VerifyReport};
use ringfence_finding::{CertificationReport, Difference, ImportReport, LintReport, Report};
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;

/// What the schema says of itself.
const ABOUT: &str = "What `ringfence scan --format json` writes. Each line of `--format jsonl` is \
    one driver: `#/$defs/Examination`. Within report_version 1 a field may be added; none changes \
    its meaning or goes.";

/// The JSON schema of `--format json`, as committed in `schemas/report-v1.json`.
pub fn schema() -> String {
    schema_of::<Report>("ringfence report, version 1", ABOUT)
}

/// What the schema of `certify` says of itself.
const ABOUT_CERTIFY: &str = "What `ringfence certify --format json` writes. Within report_version 1 a \
    field may be added; none changes its meaning or goes.";

/// The JSON schema of `certify --format json`, as committed in `schemas/certify-v1.json`.
pub fn certification_schema() -> String {
    schema_of::<CertificationReport>("ringfence certification, version 1", ABOUT_CERTIFY)
}

/// What the schema of `diff` says of itself.
const ABOUT_DIFF: &str = "What `ringfence diff --format json` writes. Within report_version 1 a field may \
    be added; none changes its meaning or goes.";

/// The JSON schema of `diff --format json`, as committed in `schemas/diff-v1.json`.
pub fn difference_schema() -> String {
    schema_of::<Difference>("ringfence difference, version 1", ABOUT_DIFF)
}

/// What the schema of `lint` says of itself.
const ABOUT_LINT: &str = "What `ringfence lint --format json` writes. Each line of `--format jsonl` is one \
    finding: `#/$defs/SourceFinding`. Within lint_report_version 1 a field may be added; none changes its \
    meaning or goes.";

/// The JSON schema of `lint --format json`, as committed in `schemas/lint-report-v1.json`.
pub fn lint_schema() -> String {
    schema_of::<LintReport>("ringfence lint report, version 1", ABOUT_LINT)
}

/// What the schema of `verify` says of itself.
const ABOUT_VERIFY: &str = "What `ringfence verify --format json` writes. Each line of `--format jsonl` is one driver in \
    one set-up: `#/$defs/Ran`. Within report_version 1 a field may be added; none changes its meaning or goes.";

/// The JSON schema of `verify --format json`, as committed in `schemas/verify-v1.json`.
pub fn verify_schema() -> String {
    schema_of::<VerifyReport<'_>>("ringfence verify report, version 1", ABOUT_VERIFY)
}

/// What the schema of a trace says of itself.
const ABOUT_TRACE: &str = "A line of what `ringfence verify --trace FILE` writes: one event of one driver in one set-up, \
    in the order of time. Numbers that may be addresses are in hexadecimal. Within version 1 a field or an event \
    may be added; none changes its meaning or goes.";

/// The JSON schema of a line of `verify --trace`, as committed in `schemas/trace-v1.json`.
pub fn trace_schema() -> String {
    schema_of::<Traced<'_>>("ringfence trace, version 1", ABOUT_TRACE)
}

/// What the schema of `import` says of itself.
const ABOUT_IMPORT: &str = "What `ringfence import --format json` writes. Within report_version 1 a field may \
    be added; none changes its meaning or goes.";

/// The JSON schema of `import --format json`, as committed in `schemas/import-v1.json`.
pub fn import_schema() -> String {
    schema_of::<ImportReport>("ringfence import, version 1", ABOUT_IMPORT)
}

fn schema_of<T: JsonSchema>(title: &str, about: &str) -> String {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    schema.insert("title".to_owned(), title.into());
    schema.insert("description".to_owned(), about.into());
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
    fn the_committed_schemas_are_fresh() {
        fresh("report-v1.json", &schema());
        fresh("certify-v1.json", &certification_schema());
        fresh("diff-v1.json", &difference_schema());
        fresh("lint-report-v1.json", &lint_schema());
        fresh("verify-v1.json", &verify_schema());
        fresh("trace-v1.json", &trace_schema());
        fresh("import-v1.json", &import_schema());
    }

    fn fresh(name: &str, schema: &str) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas").join(name);
        if std::env::var_os("RINGFENCE_BLESS").is_some() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, schema).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default().replace("\r\n", "\n");
        assert!(
            committed == schema,
            "schemas/{name} is stale; refresh it with\n    \
             RINGFENCE_BLESS=1 cargo test -p ringfence-report schema\nand read the difference"
        );
    }

    #[test]
    fn a_line_of_jsonl_has_its_own_definition() {
        let schema: serde_json::Value = serde_json::from_str(&schema()).unwrap();
        assert!(schema["$defs"]["Examination"]["properties"]["verdict"].is_object());
        let schema: serde_json::Value = serde_json::from_str(&lint_schema()).unwrap();
        assert!(schema["$defs"]["SourceFinding"]["properties"]["fix"].is_object());
    }
}
