//! Which Windows the questions are about.

use serde::{Serialize, Serializer};
use std::fmt;

/// A Windows version that can run memory integrity.
#[derive(Debug, PartialEq, Eq)]
pub struct Target {
    /// The name on the command line, such as `win10-1703`.
    pub id: &'static str,
    /// The name in words.
    pub name: &'static str,
    /// The build number of its first release.
    pub build: u32,
}

/// All Windows versions that can run memory integrity, oldest first.
///
/// Build numbers: Microsoft's public release-information pages.
pub static TARGETS: &[Target] = &[
    target("win10-1507", "Windows 10 1507", 10240),
    target("win10-1511", "Windows 10 1511", 10586),
    target("win10-1607", "Windows 10 1607", 14393),
    target("server-2016", "Windows Server 2016", 14393),
    target("win10-1703", "Windows 10 1703", 15063),
    target("win10-1709", "Windows 10 1709", 16299),
    target("win10-1803", "Windows 10 1803", 17134),
    target("win10-1809", "Windows 10 1809", 17763),
    target("server-2019", "Windows Server 2019", 17763),
    target("win10-1903", "Windows 10 1903", 18362),
    target("win10-1909", "Windows 10 1909", 18363),
    target("win10-2004", "Windows 10 2004", 19041),
    target("win10-20h2", "Windows 10 20H2", 19042),
    target("win10-21h1", "Windows 10 21H1", 19043),
    target("win10-21h2", "Windows 10 21H2", 19044),
    target("win10-22h2", "Windows 10 22H2", 19045),
    target("server-2022", "Windows Server 2022", 20348),
    target("win11-21h2", "Windows 11 21H2", 22000),
    target("win11-22h2", "Windows 11 22H2", 22621),
    target("win11-23h2", "Windows 11 23H2", 22631),
    target("win11-24h2", "Windows 11 24H2", 26100),
    target("server-2025", "Windows Server 2025", 26100),
    target("win11-25h2", "Windows 11 25H2", 26200),
];

const fn target(id: &'static str, name: &'static str, build: u32) -> Target {
    Target { id, name, build }
}

/// The first build of Windows 10 1703, where Windows stopped objecting to relocations.
const BUILD_1703: u32 = 15063;

/// A set of Windows versions, of those in [`TARGETS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Targets(u32);

impl Targets {
    /// Every version in [`TARGETS`].
    pub const ALL: Targets = Targets((1 << TARGETS.len()) - 1);
    /// Windows 10 1703 and later, what is asked about unless the user says otherwise.
    pub const DEFAULT: Targets = Targets(Self::ALL.0 & !Self::BEFORE_1703.0);
    /// Windows 10 1507 to 1607 and Windows Server 2016.
    pub const BEFORE_1703: Targets = Self::older_than(BUILD_1703);
    /// Windows Server 2016 and later.
    pub const SERVER: Targets = Self::servers();
    /// No version at all.
    pub const NONE: Targets = Targets(0);

    const fn older_than(build: u32) -> Targets {
        let mut bits = 0;
        let mut index = 0;
        while index < TARGETS.len() {
            if TARGETS[index].build < build {
                bits |= 1 << index;
            }
            index += 1;
        }
        Targets(bits)
    }

    const fn servers() -> Targets {
        let mut bits = 0;
        let mut index = 0;
        while index < TARGETS.len() {
            // Only ids of servers begin so; text cannot be compared in constants but byte by byte.
            if TARGETS[index].id.as_bytes()[0] == b's' {
                bits |= 1 << index;
            }
            index += 1;
        }
        Targets(bits)
    }

    /// The versions with this build number and later ones.
    pub const fn since(build: u32) -> Targets {
        Targets(Self::ALL.0 & !Self::older_than(build).0)
    }

    /// Reads `win10-1703`, `server-2016`, `win10-1703+` (that one and every later one), a family
    /// (`win10`, `win11`, `server`) or `all`.
    pub fn named(name: &str) -> Result<Targets, UnknownTarget> {
        if name.eq_ignore_ascii_case("all") {
            return Ok(Targets::ALL);
        }
        let family = Targets::family(name);
        if family != Targets::NONE {
            return Ok(family);
        }
        let (id, and_later) = match name.strip_suffix('+') {
            Some(id) => (id, true),
            None => (name, false),
        };
        let index = TARGETS
            .iter()
            .position(|target| target.id.eq_ignore_ascii_case(id))
            .ok_or_else(|| UnknownTarget { name: name.to_owned() })?;
        if and_later {
            return Ok(Targets::since(TARGETS[index].build));
        }
        Ok(Targets(1 << index))
    }

    /// The versions whose id is `name`, a hyphen and something else.
    fn family(name: &str) -> Targets {
        let belongs = |target: &Target| {
            target.id.split_once('-').is_some_and(|(family, _)| family.eq_ignore_ascii_case(name))
        };
        let members = TARGETS.iter().enumerate().filter(|(_, target)| belongs(target));
        Targets(members.fold(0, |bits, (index, _)| bits | 1 << index))
    }

    /// The versions with this build number.
    pub fn of_build(build: u32) -> Targets {
        let same = TARGETS.iter().enumerate().filter(|(_, target)| target.build == build);
        Targets(same.fold(0, |bits, (index, _)| bits | 1 << index))
    }

    /// The versions of this set that are not in the other.
    pub fn without(self, other: Targets) -> Targets {
        Targets(self.0 & !other.0)
    }

    /// Whether every version of the other set is in this one.
    pub fn contains(self, other: Targets) -> bool {
        other.without(self) == Targets::NONE
    }

    /// The versions of both sets.
    pub fn union(self, other: Targets) -> Targets {
        Targets(self.0 | other.0)
    }

    /// The versions that are in both sets.
    pub fn intersection(self, other: Targets) -> Targets {
        Targets(self.0 & other.0)
    }

    /// Whether any version is in both sets.
    pub fn intersects(self, other: Targets) -> bool {
        self.intersection(other) != Targets::NONE
    }

    /// The versions, oldest first.
    pub fn iter(self) -> impl Iterator<Item = &'static Target> {
        TARGETS
            .iter()
            .enumerate()
            .filter(move |(index, _)| self.0 & (1 << index) != 0)
            .map(|(_, target)| target)
    }
}

impl fmt::Display for Targets {
    /// In words: "Windows 10 1703 and later", or the names.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Targets::ALL {
            return f.write_str("Windows 10 and later");
        }
        if *self == Targets::BEFORE_1703 {
            return f.write_str("Windows 10 before 1703 and Windows Server 2016");
        }
        if let Some(first) = self.iter().next() {
            let later = Targets::since(first.build);
            if *self == later && self.iter().count() > 1 {
                return write!(f, "{} and later", first.name);
            }
            let clients = later.without(Targets::SERVER);
            if *self == clients && self.iter().count() > 1 {
                return write!(f, "{} and later, clients only", first.name);
            }
            if *self == later.intersection(Targets::SERVER) && self.iter().count() > 1 {
                return write!(f, "{} and later, servers only", first.name);
            }
        }
        for (index, target) in self.iter().enumerate() {
            f.write_str(if index == 0 { "" } else { ", " })?;
            f.write_str(target.name)?;
        }
        Ok(())
    }
}

impl Serialize for Targets {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(|target| target.id))
    }
}

/// A name that is no Windows version of [`TARGETS`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownTarget {
    /// What was asked for.
    pub name: String,
}

impl fmt::Display for UnknownTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no Windows version is called `{}`", self.name)
    }
}

impl std::error::Error for UnknownTarget {}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(targets: Targets) -> Vec<&'static str> {
        targets.iter().map(|target| target.id).collect()
    }

    #[test]
    fn relocations_mattered_before_1703_only() {
        assert_eq!(
            ids(Targets::BEFORE_1703),
            ["win10-1507", "win10-1511", "win10-1607", "server-2016"]
        );
        assert!(!Targets::DEFAULT.intersects(Targets::BEFORE_1703));
        assert_eq!(Targets::DEFAULT.union(Targets::BEFORE_1703), Targets::ALL);
    }

    #[test]
    fn names_are_read_as_users_type_them() {
        assert_eq!(ids(Targets::named("Win11-24H2").unwrap()), ["win11-24h2"]);
        assert_eq!(Targets::named("win10-1703+").unwrap(), Targets::DEFAULT);
        assert_eq!(
            ids(Targets::named("win11-24h2+").unwrap()),
            ["win11-24h2", "server-2025", "win11-25h2"]
        );
        assert_eq!(Targets::named("server").unwrap(), Targets::SERVER);
        let win11 = ["win11-21h2", "win11-22h2", "win11-23h2", "win11-24h2", "win11-25h2"];
        assert_eq!(ids(Targets::named("Win11").unwrap()), win11);
        assert_eq!(
            Targets::named("win95").unwrap_err().to_string(),
            "no Windows version is called `win95`"
        );
    }

    #[test]
    fn sets_are_told_in_words() {
        assert_eq!(Targets::DEFAULT.to_string(), "Windows 10 1703 and later");
        assert_eq!(
            Targets::BEFORE_1703.to_string(),
            "Windows 10 before 1703 and Windows Server 2016"
        );
        assert_eq!(Targets::named("server-2016").unwrap().to_string(), "Windows Server 2016");
        assert_eq!(Targets::ALL.to_string(), "Windows 10 and later");
        assert_eq!(Targets::SERVER.to_string(), "Windows Server 2016 and later, servers only");
        let clients = Targets::since(14393).without(Targets::SERVER);
        assert_eq!(clients.to_string(), "Windows 10 1607 and later, clients only");
    }
}
