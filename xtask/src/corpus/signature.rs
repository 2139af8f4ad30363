//! Holds the Authenticode digests to the drivers' own signatures: whoever signed a driver computed the
//! same digest with other tools, and it stands in the certificate table.

use anyhow::{Context, Result};
use serde_json::Value;
use std::fs;

/// How many signed drivers there are, and the paths of those whose signature holds neither digest.
pub fn disagreements(scan: &str) -> Result<(usize, Vec<String>)> {
    let mut signed = 0;
    let mut disagreeing = Vec::new();
    for line in scan.lines() {
        let driver: Value = serde_json::from_str(line)?;
        let length = driver["properties"]["certificate_table"].as_u64().unwrap_or(0) as usize;
        if length == 0 {
            continue;
        }
        signed += 1;
        let path = driver["path"].as_str().context("a driver without a path")?;
        let bytes = fs::read(path).with_context(|| format!("cannot read {path}"))?;
        // The table ends the file, but for some padding.
        let table = &bytes[bytes.len().saturating_sub(length + 16)..];
        let stands = |digest: &Value| {
            digest
                .as_str()
                .and_then(raw)
                .is_some_and(|raw| table.windows(raw.len()).any(|part| part == raw))
        };
        let authentihash = &driver["authentihash"];
        if !stands(&authentihash["sha1"]) && !stands(&authentihash["sha256"]) {
            disagreeing.push(path.to_owned());
        }
    }
    Ok((signed, disagreeing))
}

/// The bytes behind hexadecimal digits.
fn raw(digits: &str) -> Option<Vec<u8>> {
    (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_must_stand_in_the_signature() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.sys");
        fs::write(&path, b"MZ...\xAB\xCDsignature").unwrap();
        let line = |sha1: &str| {
            let driver = serde_json::json!({
                "path": path,
                "properties": { "certificate_table": 11 },
                "authentihash": { "sha1": sha1, "sha256": "0000" },
            });
            driver.to_string()
        };
        assert_eq!(disagreements(&line("abcd")).unwrap(), (1, Vec::new()));
        assert_eq!(disagreements(&line("abce")).unwrap().1.len(), 1);
    }
}
