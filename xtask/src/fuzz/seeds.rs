//! The inputs fuzzing starts from: every shape of driver that the tests know.

use crate::command;
use anyhow::{Context, Result};
use ringfence_fixture::{
    DIR64, Driver, HIGHLOW, LoadConfig, RWX, clean_corpus, driver, malformed, win_certificate,
};
use std::fs;
use std::path::Path;

/// Realistic drivers taken; those above the longest input do not count.
const REALISTIC: usize = 50;

/// Writes the seeds of at most `longest` bytes to `folder`; returns how many there are.
pub fn write(folder: &Path, longest: usize) -> Result<usize> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let shapes = malformed().into_iter().map(|(name, bytes)| (name.to_owned(), bytes));
    let variants =
        variants().into_iter().map(|(name, driver)| (format!("driver-{name}"), driver.bytes()));
    let realistic = clean_corpus(REALISTIC, 1);
    let mut count = 0;
    for (name, bytes) in shapes.chain(variants).chain(realistic).chain(examples()?) {
        if bytes.len() <= longest {
            let path = folder.join(format!("seed-{name}"));
            fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
            count += 1;
        }
    }
    Ok(count)
}

/// The clean driver with one part more, and with all parts at once.
fn variants() -> Vec<(&'static str, Driver)> {
    let tools = [(0x0104, 31_000, 7), (0x0102, 31_000, 1)];
    let guid = [7; 16];
    let text = |driver: Driver| driver.edit_section(".text", |text| text.rights(RWX));
    let version = |driver: Driver| {
        driver.version_info(|info| {
            info.file_version([1, 2, 3, 4]).string("CompanyName", "Acme").string("ProductName", "X")
        })
    };
    let full = |driver: Driver| {
        version(driver)
            .rich(tools)
            .pdb("x.pdb", guid, 1)
            .repro()
            .import_ordinal("HAL.dll", &[7, 8])
            .delay_import("late.sys", &["A", "B"])
            .export_name("x.sys")
            .export("DllInitialize", 0x1000)
            .export_forwarder("Elsewhere", "other.Function")
            .relocation_in(".data", 0xFFC, DIR64)
            .relocation_in(".data", 0x10, HIGHLOW)
            .load_config(LoadConfig::new().guard_flags(0x500).security_cookie(0x1_4000_3000))
            .certificate_table(win_certificate(&[0x30; 40]))
    };
    vec![
        ("clean", driver()),
        ("arm64", driver().arm64()),
        ("x86", driver().x86()),
        ("arm32", driver().arm32()),
        ("ia64", driver().ia64()),
        ("pe32", driver().pe32()),
        ("rwx", text(driver())),
        ("rich", driver().rich(tools)),
        ("pdb", driver().pdb("x.pdb", guid, 1)),
        ("version", version(driver())),
        ("delay-import", driver().delay_import("late.sys", &["A", "B"])),
        ("iat-in-text", driver().iat_in(".text")),
        ("arm64x", driver().arm64x()),
        ("functions", driver().pdata([[0x1000, 0x1010, 0x2000], [0x1010, 0x1020, 0x2000]])),
        ("functions-arm64", driver().arm64().pdata_arm64([[0x1000, 0x2000], [0x1010, 0x21]])),
        ("full", full(driver())),
        ("full-arm64", full(driver().arm64())),
        ("full-x86", full(driver().x86())),
    ]
}

/// The committed example drivers.
fn examples() -> Result<Vec<(String, Vec<u8>)>> {
    let folder = command::root().join("examples/drivers");
    let mut drivers = Vec::new();
    for entry in
        fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))?
    {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "sys") {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            drivers.push((name, fs::read(&path)?));
        }
    }
    Ok(drivers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_no_longer_than_asked() {
        let folder = tempfile::tempdir().unwrap();
        let count = write(folder.path(), 16 << 10).unwrap();
        let files = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap());
        let lengths: Vec<_> = files.map(|file| file.metadata().unwrap().len()).collect();
        assert_eq!(lengths.len(), count, "two seeds have one name");
        assert!(count > 200 && lengths.iter().all(|length| *length <= 16 << 10));
    }
}
