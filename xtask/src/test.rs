//! Everything that tests ringfence, with what it needs.

use crate::stage::{self, Stage};
use anyhow::Result;

/// Runs all of it. On Debian, as root, each stage installs what it lacks; elsewhere a stage that lacks
/// something is left out and says what it was.
pub fn all() -> Result<()> {
    stage::run(vec![
        Stage::cargo("tests", 1500, &["test", "--workspace", "--quiet"]),
        Stage::task("examples", 600, &["fixtures"])?,
        Stage::task("mend", 300, &["mend"])?,
        Stage::task("docs", 120, &["docs", "--check"])?,
        Stage::task("code", 600, &["code"])?,
        Stage::task("processor", 600, &["processor"])?,
        Stage::task("wasm", 900, &["wasm"])?,
        Stage::task("shells", 300, &["integrations", "--only", "shells"])?,
        Stage::task("action", 900, &["integrations", "--only", "action"])?,
        Stage::task("hooks", 900, &["integrations", "--only", "hooks"])?,
        Stage::task("cmake", 300, &["integrations", "--only", "cmake"])?,
        Stage::task("msbuild", 300, &["integrations", "--only", "msbuild"])?,
        Stage::task("corpus", 900, &["corpus"])?,
        Stage::task("lint-corpus", 900, &["lint-corpus"])?,
        Stage::task("reports", 600, &["reports"])?,
        Stage::task("fuzz", 900, &["fuzz", "--seconds", "30"])?,
    ])
}
