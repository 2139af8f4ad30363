//! The last run, in a small file: what `/query` shows.

use super::faults;
use ringfence::report::safe;
use ringfence::{Counter, Draft, read_head};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The version of the file's shape. A field may be added within a version.
const VERSION: u32 = 1;
/// The largest file that is read, in bytes.
const LARGEST: usize = 16 << 20;
/// Drivers that are kept; those beyond are counted.
const MOST_DRIVERS: usize = 20_000;
/// What names the file, for tests and for those who keep several.
const OVERRIDE: &str = "RINGFENCE_STATE";

/// The last run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct State {
    /// [`VERSION`].
    pub(super) state_version: u32,
    /// When it was, in seconds since 1970.
    pub(super) time: u64,
    /// The flags.
    pub(super) flags: u32,
    /// Rule classes without a bit.
    #[serde(default)]
    pub(super) classes: Vec<u32>,
    /// How many allocations of 10,000 were to fail.
    #[serde(default)]
    pub(super) faults: Option<u32>,
    /// Which of them; older versions did not keep it.
    #[serde(default)]
    pub(super) failing: Option<Failing>,
    /// The drivers, in the order they were run.
    pub(super) drivers: Vec<Verified>,
    /// Those for which there was no room.
    #[serde(default)]
    pub(super) drivers_left_out: usize,
}

/// Which allocations were to fail.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Failing {
    /// What chance began with.
    pub(super) seed: u32,
    /// The pool tags that were named.
    pub(super) pool_tags: Vec<String>,
    /// The programs that were named.
    pub(super) applications: Vec<String>,
    /// The minutes that were named.
    pub(super) minutes: Option<u32>,
}

/// A driver that was run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Verified {
    /// Where it was found.
    pub(super) path: String,
    /// Whether its image was let in and DriverEntry was called.
    pub(super) loaded: bool,
    /// Whether it was unloaded: DriverUnload returned, or DriverEntry failed.
    pub(super) unloaded: bool,
    /// What DriverEntry failed with.
    #[serde(default)]
    pub(super) entry_failed: Option<String>,
    /// Whether something stopped the system that Driver Verifier does not count.
    #[serde(default)]
    pub(super) stopped: bool,
    /// Allocations that were made to fail; none where none was to, or older versions did not keep it.
    #[serde(default)]
    pub(super) failed_deliberately: Option<u64>,
    /// Counters of which the run says nothing, by Windows' names.
    #[serde(default)]
    pub(super) not_counted: Vec<String>,
    /// What the counters are worth, a sentence each, where that is less than all.
    #[serde(default)]
    pub(super) told: Vec<String>,
    /// Counters that are not 0, by Windows' names.
    pub(super) counters: BTreeMap<String, u64>,
}

impl Verified {
    /// The file's name.
    pub(super) fn name(&self) -> &str {
        self.path.rsplit(['/', '\\']).next().unwrap_or(&self.path)
    }

    /// How often a counter was raised.
    pub(super) fn count(&self, counter: Counter) -> u64 {
        self.counters.get(counter.name()).copied().unwrap_or(0)
    }

    /// Whether that is known.
    pub(super) fn is_counted(&self, counter: Counter) -> bool {
        self.counters.contains_key(counter.name())
            || !self.not_counted.iter().any(|name| name == counter.name())
    }
}

/// Why the state is not known.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoState {
    /// There is no folder for it.
    #[error(
        "there is no folder to keep the last run in: neither {OVERRIDE} nor a home folder is set"
    )]
    NoPlace,
    /// The file cannot be read.
    #[error("cannot read the last run in {}: {reason}", safe(path))]
    Unreadable { path: String, reason: String },
    /// It is no file of ours, or is cut off.
    #[error("{}: it is not what `ringfence verifier` wrote: {reason}", safe(path))]
    Malformed { path: String, reason: String },
    /// A newer version wrote it.
    #[error("{}: it is of version {found}, and this ringfence knows {VERSION}", safe(path))]
    OtherVersion { path: String, found: u32 },
    /// What is there is somebody's, and would be lost.
    #[error(
        "{} is no last run that `ringfence verifier` wrote, so it is neither replaced nor removed\n  \
         help: {OVERRIDE} names the file that the last run is kept in; name another, or remove this one yourself",
        safe(path)
    )]
    Foreign { path: String },
    /// The file cannot be written.
    #[error("cannot keep this run in {}: {reason}", safe(path))]
    NotWritten { path: String, reason: String },
}

/// Where the state is kept.
pub(super) fn place() -> Result<PathBuf, NoState> {
    place_by(|name| std::env::var_os(name).filter(|value| !value.is_empty()))
        .ok_or(NoState::NoPlace)
}

fn place_by(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    if let Some(path) = variable(OVERRIDE) {
        return Some(path.into());
    }
    let absolute = |name| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let folder = if cfg!(windows) {
        absolute("LOCALAPPDATA")
    } else {
        absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local/state")))
    };
    Some(folder?.join("ringfence").join("verifier.json"))
}

impl State {
    /// A run of now.
    pub(super) fn new(flags: u32, classes: Vec<u32>, time: u64) -> State {
        State { state_version: VERSION, time, flags, classes, ..State::default() }
    }

    /// Keeps which allocations are to fail.
    pub(super) fn set_faults(&mut self, faults: Option<(&faults::Failing, u32)>) {
        self.faults = faults.map(|(failing, _)| failing.probability);
        self.failing = faults.map(|(failing, seed)| Failing {
            seed,
            pool_tags: failing.tags.iter().map(ToString::to_string).collect(),
            applications: failing.applications.clone(),
            minutes: failing.minutes,
        });
    }

    /// Allocations that were made to fail, of all drivers that are kept; none where none was to.
    pub(super) fn faults_injected(&self) -> Option<u64> {
        let counts = self.drivers.iter().filter_map(|driver| driver.failed_deliberately);
        self.failing.is_some().then(|| counts.fold(0, u64::saturating_add))
    }

    /// Keeps a driver, as long as there is room.
    pub(super) fn keep(&mut self, driver: Verified) {
        match self.drivers.len() < MOST_DRIVERS {
            true => self.drivers.push(driver),
            false => self.drivers_left_out += 1,
        }
    }

    /// The last run; none where there was none, or it was reset.
    pub(super) fn read(path: &Path) -> Result<Option<State>, NoState> {
        let name = path.to_string_lossy().into_owned();
        let head = match read_head(path, LARGEST) {
            Ok(head) => head,
            Err(unreadable) if unreadable.is_missing() => return Ok(None),
            Err(unreadable) => {
                let reason = unreadable.to_string();
                return Err(NoState::Unreadable { path: name, reason });
            }
        };
        if !head.is_whole {
            let reason = format!("it has more than {LARGEST} bytes");
            return Err(NoState::Malformed { path: name, reason });
        }
        State::of_json(&head.bytes, &name).map(Some)
    }

    fn of_json(bytes: &[u8], path: &str) -> Result<State, NoState> {
        let path = || path.to_owned();
        #[derive(Deserialize)]
        struct Versioned {
            state_version: u32,
        }
        let malformed = |error: serde_json::Error| NoState::Malformed {
            path: path(),
            reason: error.to_string(),
        };
        let Versioned { state_version: found } =
            serde_json::from_slice(bytes).map_err(malformed)?;
        if found != VERSION {
            return Err(NoState::OtherVersion { path: path(), found });
        }
        let mut state: State = serde_json::from_slice(bytes).map_err(malformed)?;
        // Its order is that of a run, so only what is beyond the limit goes.
        state.drivers_left_out += state.drivers.len().saturating_sub(MOST_DRIVERS);
        state.drivers.truncate(MOST_DRIVERS);
        Ok(state)
    }

    /// Fails where something is there that is no state, of this version or another.
    pub(super) fn spare(path: &Path) -> Result<(), NoState> {
        match State::read(path) {
            Ok(_) | Err(NoState::OtherVersion { .. }) => Ok(()),
            Err(NoState::Malformed { path, .. }) => Err(NoState::Foreign { path }),
            Err(other) => Err(other),
        }
    }

    /// Keeps the run, all of it or nothing.
    pub(super) fn write(&self, path: &Path) -> Result<(), NoState> {
        State::spare(path).map_err(|why| match why {
            NoState::Unreadable { path, reason } => NoState::NotWritten { path, reason },
            other => other,
        })?;
        let written = || -> io::Result<()> {
            if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
                std::fs::create_dir_all(folder)?;
            }
            let (draft, mut out) = Draft::of(path)?;
            serde_json::to_writer(&mut out, self)?;
            out.write_all(b"\n")?;
            out.flush()?;
            drop(out);
            draft.place()
        };
        written().map_err(|error| not_written(path, &error))
    }

    /// Forgets the last run. Whether there was one.
    pub(super) fn forget(path: &Path) -> Result<bool, NoState> {
        State::spare(path)?;
        match std::fs::remove_file(path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(not_written(path, &error)),
        }
    }
}

fn not_written(path: &Path, error: &io::Error) -> NoState {
    let reason = crate::report_file::reason(error);
    NoState::NotWritten { path: path.to_string_lossy().into_owned(), reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> State {
        let mut state = State::new(0x0200_0004, vec![34], 1_700_000_000);
        state.set_faults(Some((&faults::Failing::default(), 7)));
        let counters = [(Counter::ExecutePoolType.name().to_owned(), 2)].into();
        state.keep(Verified {
            path: "out/a.sys".to_owned(),
            loaded: true,
            counters,
            ..Verified::default()
        });
        state
    }

    #[test]
    fn what_is_kept_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/folder/verifier.json");
        assert_eq!(State::read(&path).unwrap(), None);
        state().write(&path).unwrap();
        let read = State::read(&path).unwrap().unwrap();
        assert_eq!(read, state());
        assert_eq!(read.drivers[0].name(), "a.sys");
        assert_eq!(read.drivers[0].count(Counter::ExecutePoolType), 2);
        assert_eq!(read.drivers[0].count(Counter::SectionAlignment), 0);
        assert_eq!((read.faults, read.failing.unwrap().seed), (Some(600), 7));
        assert!(State::forget(&path).unwrap());
        assert!(!State::forget(&path).unwrap());
        assert_eq!(State::read(&path).unwrap(), None);
    }

    /// A field that a version added is not there in what an older one wrote.
    #[test]
    fn what_an_older_version_kept_is_read() {
        let text = br#"{"state_version": 1, "time": 1, "flags": 4, "faults": 600, "drivers":
            [{"path": "a.sys", "loaded": true, "unloaded": true, "counters": {}}]}"#;
        let state = State::of_json(text, "x").unwrap();
        assert_eq!(
            (state.faults, &state.failing, state.faults_injected()),
            (Some(600), &None, None)
        );
        assert_eq!(
            (&state.drivers[0].entry_failed, state.drivers[0].failed_deliberately),
            (&None, None)
        );
    }

    #[test]
    fn what_is_no_state_is_neither_replaced_nor_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.sys");
        for foreign in [&b"MZ\x90\0"[..], b"", b"{\"name\": 1}", b"{\"state_version\": 1"] {
            std::fs::write(&path, foreign).unwrap();
            for refused in [state().write(&path).unwrap_err(), State::forget(&path).unwrap_err()] {
                assert!(matches!(refused, NoState::Foreign { .. }), "{refused}");
            }
            assert_eq!(std::fs::read(&path).unwrap(), foreign);
        }
        std::fs::write(&path, b"{\"state_version\": 2}").unwrap();
        state().write(&path).unwrap();
        assert!(State::forget(&path).unwrap());
    }

    #[test]
    fn a_hostile_file_is_told() {
        let why = |bytes: &[u8]| State::of_json(bytes, "x").unwrap_err().to_string();
        assert!(why(b"").contains("not what `ringfence verifier` wrote"), "{}", why(b""));
        assert!(why(b"{\"state_version\": 1").contains("column"));
        assert!(
            why(b"{\"state_version\": 2}").contains("of version 2, and this ringfence knows 1")
        );
        assert!(
            why(b"{\"state_version\": 1, \"time\": 1, \"flags\": -1, \"drivers\": []}")
                .contains("expected u32")
        );
        let deep = [b"{\"state_version\": 1, \"x\": ".to_vec(), vec![b'['; 100_000]].concat();
        assert!(why(&deep).contains("EOF"), "{}", why(&deep));
        assert!(why(b"\xFF\xFE{").contains("not what"));
    }

    #[test]
    fn the_place_is_that_of_the_platform() {
        let place = |set: &[(&str, &str)]| {
            let set: Vec<(String, OsString)> =
                set.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
            place_by(|name| {
                set.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
            })
        };
        assert_eq!(place(&[("RINGFENCE_STATE", "x.json"), ("HOME", "/h")]), Some("x.json".into()));
        assert_eq!(place(&[]), None);
        if cfg!(unix) {
            let of_home = Some("/h/.local/state/ringfence/verifier.json".into());
            assert_eq!(place(&[("HOME", "/h")]), of_home);
            // The specification has it that a relative path is passed over.
            assert_eq!(place(&[("HOME", "/h"), ("XDG_STATE_HOME", "s")]), of_home);
            let of_xdg = Some("/s/ringfence/verifier.json".into());
            assert_eq!(place(&[("HOME", "/h"), ("XDG_STATE_HOME", "/s")]), of_xdg);
        }
    }
}
