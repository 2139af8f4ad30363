//! The files of drivers that were given, and those found by name in folders that were.

use ringfence::import::{FolderFiles, Reported};
use ringfence::{Examination, Input, Settings, SymbolFolder, Unread, collect};
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// A driver's file.
pub(super) struct Read {
    pub(super) path: PathBuf,
    pub(super) examination: Examination,
    /// Whether the file itself was given, rather than a folder that it is in.
    pub(super) is_given: bool,
}

impl Read {
    /// The file's name.
    pub(super) fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }
}

/// The drivers that were given.
pub(super) struct Drivers {
    pub(super) read: Vec<Read>,
    /// Whether any file or folder was given, also where nothing was found there.
    pub(super) are_given: bool,
    /// Where the one driver was loaded.
    pub(super) base: Option<u64>,
    unread: Vec<Unread>,
    symbols: Vec<SymbolFolder>,
}

impl Drivers {
    /// Examines the files behind `paths`; of folders those that are called as one of `wanted`, in lower case.
    pub(super) fn read(
        paths: &[PathBuf],
        wanted: &HashSet<String>,
        base: Option<u64>,
        symbols: &[SymbolFolder],
    ) -> Drivers {
        let mut drivers = Drivers {
            read: Vec::new(),
            are_given: !paths.is_empty(),
            base,
            unread: Vec::new(),
            symbols: symbols.to_vec(),
        };
        for path in paths {
            if !path.is_dir() {
                drivers.take(path, true);
                continue;
            }
            let files = FolderFiles::below(path);
            let mut names: Vec<&String> = wanted.iter().collect();
            names.sort();
            for path in names.into_iter().flat_map(|name| files.called(name)) {
                drivers.take(path, false);
            }
        }
        drivers
    }

    fn take(&mut self, path: &Path, is_given: bool) {
        match self.examine(path, None) {
            Ok(examination) => {
                self.read.push(Read { path: path.to_owned(), examination, is_given });
            }
            Err(reason) => {
                let path = path.to_string_lossy().into_owned();
                self.unread.push(Unread { path, reason });
            }
        }
    }

    /// Those that could not be read, with the reason.
    pub(super) fn unread(&self) -> &[Unread] {
        &self.unread
    }

    /// Examines a driver; with what Windows reported of it, where that is known.
    pub(super) fn examine(
        &self,
        path: &Path,
        reported: Option<Reported>,
    ) -> Result<Examination, String> {
        let symbols = self.symbols.clone();
        let settings = Settings { symbols, reported, ..Settings::default() };
        let mut report = collect(&[Input::Path(path.to_owned())], &settings);
        match (report.drivers.pop(), report.unread.pop()) {
            (Some(examination), _) => Ok(examination),
            (None, Some(unread)) => Err(unread.reason),
            (None, None) => Err("it is no driver".to_owned()),
        }
    }

    /// Those whose file is called `name`.
    pub(super) fn named(&self, name: &str) -> impl Iterator<Item = &Read> {
        self.read.iter().filter(move |one| one.name().to_lowercase() == name.to_lowercase())
    }
}
