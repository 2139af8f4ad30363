//! The files that are measured: generated drivers and the real ones, as links in several folders.

use anyhow::{Context, Result};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Any number; the same one makes runs on different days comparable.
const SEED: u64 = 20_261_122;
/// Generated drivers beside the real ones.
const GENERATED: usize = 2_000;
/// Numbers of drivers for which memory is measured.
pub const SIZES: [usize; 3] = [500, 2_000, 8_000];

/// Folders of drivers, gone when this is dropped.
pub struct Corpus {
    folder: TempDir,
    /// Drivers in [`Corpus::all`].
    pub drivers: usize,
    /// Their bytes.
    pub bytes: u64,
}

impl Corpus {
    /// Writes the drivers below `parent`.
    pub fn write(parent: &Path, real: &Path) -> Result<Corpus> {
        fs::create_dir_all(parent)?;
        let folder = tempfile::Builder::new().prefix("corpus-").tempdir_in(parent)?;
        let corpus = Corpus { folder, drivers: 0, bytes: 0 };
        for name in ["all", "half-0", "half-1"] {
            fs::create_dir(corpus.path(name))?;
        }
        for size in SIZES {
            fs::create_dir(corpus.sized(size))?;
        }
        let most = SIZES.into_iter().max().unwrap_or(GENERATED);
        let files = ringfence_fixture::clean_corpus(most, SEED);
        for (index, (name, bytes)) in files.enumerate() {
            let file = corpus.sized(most).join(&name);
            fs::write(&file, bytes)?;
            for size in SIZES.into_iter().filter(|&size| index < size && size != most) {
                fs::hard_link(&file, corpus.sized(size).join(&name))?;
            }
            if index < GENERATED {
                fs::hard_link(&file, corpus.all().join(&name))?;
            }
        }
        for entry in fs::read_dir(real).with_context(|| format!("{}", real.display()))? {
            let entry = entry?;
            fs::copy(entry.path(), corpus.all().join(entry.file_name()))?;
        }
        Ok(corpus)
    }

    /// Takes out what ringfence does not examine, which costs it nothing, and halves the rest.
    pub fn keep(&mut self, drivers: &BTreeSet<String>) -> Result<Vec<String>> {
        let mut removed = Vec::new();
        let mut kept = Vec::new();
        for entry in fs::read_dir(self.all())? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if drivers.contains(&name) {
                kept.push((entry.metadata()?.len(), name));
            } else {
                fs::remove_file(entry.path())?;
                removed.push(name);
            }
        }
        // Dealt out by size, so that both halves are as large.
        kept.sort_unstable();
        for (index, (_, name)) in kept.iter().enumerate() {
            fs::hard_link(self.all().join(name), self.half(index % 2).join(name))?;
        }
        self.drivers = kept.len();
        self.bytes = kept.iter().map(|(size, _)| size).sum();
        Ok(removed)
    }

    /// All drivers that are timed.
    pub fn all(&self) -> PathBuf {
        self.path("all")
    }

    /// Every other of them.
    pub fn half(&self, half: usize) -> PathBuf {
        self.path(&format!("half-{half}"))
    }

    /// The first `size` generated ones.
    pub fn sized(&self, size: usize) -> PathBuf {
        self.path(&size.to_string())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}
