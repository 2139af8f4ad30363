//! The registry: the driver's own key, and what it makes itself.

use std::collections::BTreeMap;

/// REG_ types.
pub(crate) mod kind {
    pub const SZ: u32 = 1;
    pub const EXPAND_SZ: u32 = 2;
    pub const DWORD: u32 = 4;
    pub const MULTI_SZ: u32 = 7;
}

/// A value: its name as it was written, its type, its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Value {
    /// The name.
    pub name: String,
    /// The REG_ type.
    pub kind: u32,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// Keys by their paths in capitals; in each, values by their names in capitals.
#[derive(Default)]
pub(crate) struct Registry {
    keys: BTreeMap<String, BTreeMap<String, Value>>,
    /// Bytes of all values.
    bytes: usize,
    /// Keys and values.
    entries: usize,
}

/// Bytes of values, at most.
const MOST_BYTES: usize = 4 << 20;
/// Characters of a path or of a name that count, at most.
const LONGEST: usize = 1024;

impl Registry {
    /// A registry in which the service `name` exists, with the keys around it.
    pub(crate) fn new(service: &str) -> Registry {
        let mut registry = Registry::default();
        for path in [
            "\\Registry",
            "\\Registry\\Machine",
            "\\Registry\\Machine\\System",
            "\\Registry\\Machine\\System\\CurrentControlSet",
            "\\Registry\\Machine\\System\\CurrentControlSet\\Control",
            "\\Registry\\Machine\\System\\CurrentControlSet\\Control\\Session Manager",
            "\\Registry\\Machine\\System\\CurrentControlSet\\Services",
            "\\Registry\\Machine\\Hardware",
            "\\Registry\\Machine\\Software",
            "\\Registry\\Machine\\Software\\Microsoft",
            "\\Registry\\Machine\\Software\\Microsoft\\Windows NT",
            "\\Registry\\Machine\\Software\\Microsoft\\Windows NT\\CurrentVersion",
        ] {
            registry.make(path);
        }
        registry.make(&service_path(service));
        let path = service_path(service);
        let text = |text: &str| crate::text::terminated(text);
        let number = |number: u32| number.to_le_bytes().to_vec();
        let image = format!("\\SystemRoot\\System32\\drivers\\{service}.sys");
        for (name, kind, bytes) in [
            ("Type", kind::DWORD, number(1)),
            ("Start", kind::DWORD, number(3)),
            ("ErrorControl", kind::DWORD, number(1)),
            ("ImagePath", kind::EXPAND_SZ, text(&image)),
            ("DisplayName", kind::SZ, text(service)),
        ] {
            registry.set(&path, name, kind, bytes);
        }
        registry
    }

    /// Whether there is a key.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.keys.contains_key(&folded(path))
    }

    /// Makes a key; whether it is new.
    pub(crate) fn make(&mut self, path: &str) -> bool {
        let path = folded(path);
        let new = !self.keys.contains_key(&path);
        self.keys.entry(path).or_default();
        self.entries += usize::from(new);
        new
    }

    /// Keys and values there are.
    pub(crate) fn len(&self) -> usize {
        self.entries
    }

    /// Removes a key.
    pub(crate) fn remove(&mut self, path: &str) {
        if let Some(values) = self.keys.remove(&folded(path)) {
            self.entries -= 1 + values.len();
            self.bytes -= values.values().map(|value| value.bytes.len()).sum::<usize>();
        }
    }

    /// Sets a value; false where there is no such key, or no room.
    pub(crate) fn set(&mut self, path: &str, name: &str, kind: u32, bytes: Vec<u8>) -> bool {
        let Some(values) = self.keys.get_mut(&folded(path)) else { return false };
        if self.bytes + bytes.len() > MOST_BYTES {
            return false;
        }
        self.bytes += bytes.len();
        let name: String = name.chars().take(LONGEST).collect();
        match values.insert(name.to_uppercase(), Value { name, kind, bytes }) {
            Some(before) => self.bytes -= before.bytes.len(),
            None => self.entries += 1,
        }
        true
    }

    /// A value.
    pub(crate) fn value(&self, path: &str, name: &str) -> Option<&Value> {
        self.keys.get(&folded(path))?.get(&name.to_uppercase())
    }

    /// The value at `index`, in the order of names.
    pub(crate) fn value_at(&self, path: &str, index: usize) -> Option<&Value> {
        self.keys.get(&folded(path))?.values().nth(index)
    }

    /// Removes a value; whether there was one.
    pub(crate) fn remove_value(&mut self, path: &str, name: &str) -> bool {
        let values = self.keys.get_mut(&folded(path));
        let gone = values.and_then(|values| values.remove(&name.to_uppercase()));
        if let Some(value) = &gone {
            self.entries -= 1;
            self.bytes -= value.bytes.len();
        }
        gone.is_some()
    }
}

/// The path of a service's key.
pub(crate) fn service_path(service: &str) -> String {
    format!("\\Registry\\Machine\\System\\CurrentControlSet\\Services\\{service}")
}

fn folded(path: &str) -> String {
    let path: String = path.chars().take(LONGEST).flat_map(char::to_uppercase).collect();
    let path = path.replace("CONTROLSET001", "CURRENTCONTROLSET");
    path.trim_end_matches('\\').to_owned()
}
