//! What an attribute says about whether an item is compiled into a driver for x64.

/// Deepest nesting of `all`, `any` and `not`.
const DEEPEST: usize = 32;

/// Whether an attribute, as it is written with its brackets, takes what it stands before out of the driver.
pub(crate) fn leaves_out(attribute: &str) -> bool {
    let inner = attribute.trim_start_matches(['#', '!', '[', ' ']).trim_end_matches([']', ' ']);
    let mut words = Words { rest: inner };
    match words.next() {
        // `#[test]`, and what runtimes of tests call it: `#[tokio::test]`.
        Some("cfg") => words.next() == Some("(") && words.holds(0) == Some(false),
        Some("test") => true,
        Some(_) => inner.split('(').next().is_some_and(|path| path.trim_end().ends_with("::test")),
        None => false,
    }
}

/// Whether it depends on the build if what an attribute stands before is compiled.
pub(crate) fn is_open(attribute: &str) -> bool {
    let inner = attribute.trim_start_matches(['#', '!', '[', ' ']).trim_end_matches([']', ' ']);
    let mut words = Words { rest: inner };
    words.next() == Some("cfg") && words.next() == Some("(") && words.holds(0).is_none()
}

/// Whether the predicate of `cfg!(...)` holds for a driver; none where that depends on the build.
pub(crate) fn holds(predicate: &str) -> Option<bool> {
    Words { rest: predicate }.holds(0)
}

/// The words, strings and marks of a predicate.
struct Words<'t> {
    rest: &'t str,
}

impl<'t> Words<'t> {
    fn next(&mut self) -> Option<&'t str> {
        self.rest = self.rest.trim_start();
        let first = self.rest.chars().next()?;
        let length = if first == '"' {
            self.rest[1..].find('"').map_or(self.rest.len(), |end| end + 2)
        } else {
            let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
            match self.rest.find(|letter| !is_word(letter)) {
                Some(0) => first.len_utf8(),
                Some(end) => end,
                None => self.rest.len(),
            }
        };
        let (word, rest) = self.rest.split_at(length);
        self.rest = rest;
        Some(word)
    }

    fn peek(&self) -> Option<&'t str> {
        Words { rest: self.rest }.next()
    }

    fn holds(&mut self, depth: usize) -> Option<bool> {
        if depth > DEEPEST {
            return None;
        }
        let name = self.next()?;
        match self.peek() {
            Some("(") => {
                self.next();
                self.several(name, depth)
            }
            Some("=") => {
                self.next();
                let value = self.next()?.trim_matches('"');
                of_pair(name, value)
            }
            _ => of_word(name),
        }
    }

    /// What stands in the brackets of `all`, `any` or `not`, up to the closing one.
    fn several(&mut self, name: &str, depth: usize) -> Option<bool> {
        let mut all = Vec::new();
        while self.peek().is_some_and(|next| next != ")") {
            all.push(self.holds(depth + 1));
            if self.peek() == Some(",") {
                self.next();
            } else if self.peek() != Some(")") {
                return None;
            }
        }
        self.next();
        match name {
            "all" if all.contains(&Some(false)) => Some(false),
            "all" => all.iter().all(|one| *one == Some(true)).then_some(true),
            "any" if all.contains(&Some(true)) => Some(true),
            "any" => all.iter().all(|one| *one == Some(false)).then_some(false),
            "not" => all.first().copied().flatten().map(|one| !one),
            _ => None,
        }
    }
}

fn of_word(name: &str) -> Option<bool> {
    match name {
        "test" | "doctest" | "unix" | "false" => Some(false),
        "windows" | "true" => Some(true),
        _ => None,
    }
}

fn of_pair(name: &str, value: &str) -> Option<bool> {
    match name {
        "target_arch" => Some(value == "x86_64"),
        "target_pointer_width" => Some(value == "64"),
        "target_endian" => Some(value == "little"),
        "target_family" | "target_os" if value == "windows" => Some(true),
        // Drivers are built for Windows, or for no system at all.
        "target_family" => Some(false),
        "target_os" => (value != "none").then_some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_and_other_processors_are_left_out() {
        for left_out in [
            "#[cfg(test)]",
            "#![cfg(test)]",
            "#[test]",
            "#[tokio::test(flavor = \"multi_thread\")]",
            "#[cfg(not(target_arch = \"x86_64\"))]",
            "#[cfg( target_arch=\"x86\" )]",
            "#[cfg(all(windows, any(target_arch = \"arm\", target_pointer_width = \"32\")))]",
            "#[cfg(all(feature = \"mock\", test))]",
        ] {
            assert!(leaves_out(left_out), "{left_out}");
        }
    }

    #[test]
    fn all_else_is_looked_at() {
        for kept in [
            "#[cfg(not(test))]",
            "#[cfg(target_arch = \"x86_64\")]",
            "#[cfg(any(test, feature = \"extra\"))]",
            "#[cfg(feature = \"test\")]",
            "#[cfg(driver_model__driver_type = \"KMDF\")]",
            "#[cfg(debug_assertions)]",
            "#[cfg_attr(test, allow(dead_code))]",
            "#[link_section = \"INIT\"]",
            "#[cfg(",
            "#[]",
        ] {
            assert!(!leaves_out(kept), "{kept}");
        }
        assert!(is_open("#[cfg(feature = \"a\")]"));
        for plain in ["#[cfg(not(test))]", "#[inline]", "#[cfg_attr(a, b)]"] {
            assert!(!is_open(plain), "{plain}");
        }
    }

    #[test]
    fn predicates_made_to_be_hard_end() {
        assert_eq!(holds(&"not(".repeat(100_000)), None);
        assert_eq!(holds(&"any(a,".repeat(50_000)), None);
        assert_eq!(holds(&format!("all({})", "test test".repeat(50_000))), None);
    }
}
