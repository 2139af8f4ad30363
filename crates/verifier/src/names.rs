//! Names of devices and symbolic links.

use std::collections::BTreeMap;

/// The object manager's namespace, as far as drivers make use of it. Letter case does not count.
#[derive(Default)]
pub(crate) struct Names {
    devices: BTreeMap<String, u64>,
    links: BTreeMap<String, String>,
}

impl Names {
    /// Gives the object at `address` a name; false where it is taken.
    pub(crate) fn add_device(&mut self, name: &str, address: u64) -> bool {
        let name = folded(name);
        if self.is_taken(&name) {
            return false;
        }
        self.devices.insert(name, address);
        true
    }

    fn is_taken(&self, name: &String) -> bool {
        self.devices.contains_key(name) || self.links.contains_key(name)
    }

    /// Makes a symbolic link; false where the name is taken.
    pub(crate) fn add_link(&mut self, name: &str, target: &str) -> bool {
        let name = folded(name);
        if self.is_taken(&name) {
            return false;
        }
        self.links.insert(name, folded(target));
        true
    }

    /// Takes a symbolic link away; false where there is none.
    pub(crate) fn remove_link(&mut self, name: &str) -> bool {
        self.links.remove(&folded(name)).is_some()
    }

    /// Takes the names of the object at `address` away.
    pub(crate) fn remove_device(&mut self, address: u64) {
        self.devices.retain(|_, known| *known != address);
    }

    /// The object with this name, or that a link with this name leads to.
    pub(crate) fn find(&self, name: &str) -> Option<u64> {
        let name = folded(name);
        let target = self.links.get(&name).unwrap_or(&name);
        self.devices.get(target).copied()
    }

    /// Names there are.
    pub(crate) fn len(&self) -> usize {
        self.devices.len() + self.links.len()
    }

    /// Links that are left.
    pub(crate) fn links(&self) -> usize {
        self.links.len()
    }
}

/// Characters of a name that count, at most.
const LONGEST: usize = 512;

/// In capitals, and the names of links of DOS devices in one of their forms.
fn folded(name: &str) -> String {
    let name: String = name.chars().take(LONGEST).flat_map(char::to_uppercase).collect();
    for start in ["\\DOSDEVICES\\GLOBAL\\", "\\DOSDEVICES\\", "\\GLOBAL??\\", "\\??\\GLOBAL\\"] {
        if let Some(rest) = name.strip_prefix(start) {
            return format!("\\??\\{rest}");
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::Names;

    /// `\DosDevices` is a link to `\??`, and `\GLOBAL??` what that stands for.
    #[test]
    fn links_are_found_under_each_of_their_names() {
        let mut names = Names::default();
        assert!(names.add_device("\\Device\\Acme", 5));
        assert!(names.add_link("\\DosDevices\\Acme", "\\Device\\ACME"));
        assert_eq!(names.find("\\??\\acme"), Some(5));
        assert_eq!(names.find("\\GLOBAL??\\Acme"), Some(5));
        assert!(!names.add_link("\\??\\Acme", "\\Device\\Other"));
        assert!(names.remove_link("\\DosDevices\\acme"));
        assert_eq!(names.find("\\??\\acme"), None);
    }
}
