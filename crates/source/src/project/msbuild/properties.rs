//! Properties and what text with references comes to.

use super::super::traced::Traced;
use super::super::{Reader, paths};
use crate::tree::folder;
use crate::{FileId, Span};
use std::collections::HashMap;

/// Longest value that is kept, in bytes.
const LONGEST: usize = 256 << 10;
/// Longest reference that is looked through for its end, in bytes.
const LONGEST_REFERENCE: usize = 1024;

/// The properties of a project under evaluation.
pub(super) struct Properties<'r, 't> {
    reader: &'r Reader<'t>,
    project: FileId,
    /// By name in lower case.
    values: HashMap<String, Traced>,
    /// Those that a project cannot change, by name in lower case; none where the value is not known.
    global: HashMap<&'static str, Option<String>>,
}

/// What Visual Studio, the kits, NuGet or the system define, of which nothing is known here.
const FOREIGN: [&str; 29] = [
    "appdata",
    "buildinginsidevisualstudio",
    "designtimebuild",
    "executablepath",
    "includepath",
    "intdir",
    "librarypath",
    "localappdata",
    "outdir",
    "platformshortname",
    "platformtarget",
    "platformtoolsetversion",
    "programdata",
    "solutiondir",
    "solutionext",
    "solutionfilename",
    "solutionname",
    "solutionpath",
    "systemroot",
    "targetdir",
    "targetext",
    "targetname",
    "targetpath",
    "targetplatformversion",
    "temp",
    "tmp",
    "userprofile",
    "userrootdir",
    "visualstudioversion",
];
/// The same, by how the names begin.
const FOREIGN_PREFIXES: [&str; 13] = [
    "ddk",
    "frameworksdk",
    "kit_",
    "msbuild",
    "nuget",
    "programfiles",
    "programw6432",
    "spectrum",
    "universalcrt",
    "vc",
    "vsinstall",
    "wdk",
    "windows",
];

impl<'r, 't> Properties<'r, 't> {
    pub(super) fn new(
        reader: &'r Reader<'t>,
        project: FileId,
        global: HashMap<&'static str, Option<String>>,
    ) -> Properties<'r, 't> {
        Properties { reader, project, values: HashMap::new(), global }
    }

    /// Gives a property a value, or, if `doubt` says so, perhaps.
    pub(super) fn set(&mut self, name: &str, value: Traced, doubt: Option<Span>) {
        let name = name.to_ascii_lowercase();
        if self.global.contains_key(&*name) || !self.reader.budget.spend(value.cost()) {
            return;
        }
        let value = match doubt {
            Some(doubt) => {
                let old = self.values.get(&name).cloned().unwrap_or_default();
                old.perhaps(&value, ";", doubt)
            }
            None => value,
        };
        self.values.insert(name, value);
    }

    /// A property's value; none where it is not certain.
    pub(super) fn certain(&self, name: &str) -> Option<&str> {
        let value = self.values.get(&name.to_ascii_lowercase())?;
        value.is_certain().then(|| value.as_str().trim())
    }

    /// All that a property may be, certain or not.
    pub(super) fn said(&self, name: &str) -> Option<&str> {
        self.values.get(&name.to_ascii_lowercase()).map(Traced::as_str)
    }

    /// Whether a property may have a value that is not known.
    pub(super) fn is_doubtful(&self, name: &str) -> bool {
        self.values.get(&name.to_ascii_lowercase()).is_some_and(|value| !value.is_certain())
    }

    /// The value of a property as seen in `file`; none where nothing is known of it.
    fn value(&self, name: &str, file: FileId) -> Option<Traced> {
        let name = name.to_ascii_lowercase();
        if let Some(global) = self.global.get(&*name) {
            return Some(Traced::unplaced(global.as_deref()?));
        }
        if let Some(value) = self.values.get(&name) {
            return Some(value.clone());
        }
        let tree = self.reader.tree;
        let path_of = |file: FileId| tree.file(file).path.as_str();
        let file_name = |file: FileId| path_of(file).rsplit(['/', '\\']).next().unwrap_or_default();
        let stem = |file: FileId| {
            file_name(file).rsplit_once('.').map_or(file_name(file), |parts| parts.0)
        };
        let folder_of = |file: FileId| paths::anchored(tree, file);
        let own = match &*name {
            "msbuildthisfiledirectory" => format!("{}/", folder_of(file)),
            "msbuildthisfile" => file_name(file).to_owned(),
            "msbuildthisfilename" => stem(file).to_owned(),
            "msbuildthisfilefullpath" => path_of(file).to_owned(),
            "projectdir" => format!("{}/", folder_of(self.project)),
            "msbuildprojectdirectory" => folder_of(self.project).to_owned(),
            "msbuildprojectname" | "projectname" => stem(self.project).to_owned(),
            "msbuildprojectfile" | "projectfilename" => file_name(self.project).to_owned(),
            "msbuildprojectfullpath" | "projectpath" => path_of(self.project).to_owned(),
            "os" => "Windows_NT".to_owned(),
            name if FOREIGN.contains(&name) => return None,
            name if FOREIGN_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) => return None,
            _ => String::new(),
        };
        Some(Traced::unplaced(&own))
    }

    /// What `text`, which stands in `file`, comes to. `metadata` knows the items' metadata. What is not known stays as it is
    /// written, in doubt.
    pub(super) fn expand(
        &self,
        text: &Traced,
        file: FileId,
        metadata: &dyn Fn(&str) -> Option<Traced>,
    ) -> Traced {
        let mut all = Traced::default();
        let whole = text.as_str();
        let mut at = 0;
        while let Some(found) = whole[at..].find(['$', '%', '@']).map(|offset| at + offset) {
            let Some(end) = reference(&whole[found..]).map(|length| found + length) else {
                if !self.reader.budget.spend(LONGEST_REFERENCE as u64 / 8) {
                    return all;
                }
                all.push(&text.slice(at..found + 1));
                at = found + 1;
                continue;
            };
            all.push(&text.slice(at..found));
            let inside = whole[found + 2..end - 1].trim();
            let value = match whole.as_bytes()[found] {
                b'$' if is_name(inside) => self.value(inside, file),
                b'%' => metadata(inside),
                _ => None,
            };
            let raw = text.slice(found..end);
            let place = raw.span();
            let value = value.unwrap_or_else(|| raw.doubted(place));
            if !self.reader.budget.spend(value.cost()) || all.as_str().len() > LONGEST {
                return all;
            }
            all.push(&value);
            at = end;
        }
        all.push(&text.slice(at..whole.len()));
        all
    }

    /// The folder that paths in the project's items are relative to.
    pub(super) fn base(&self) -> &'t str {
        folder(&self.reader.tree.file(self.project).path)
    }
}

/// How long the reference is that `text` begins with, such as `$(Name)`.
fn reference(text: &str) -> Option<usize> {
    if text.as_bytes().get(1) != Some(&b'(') {
        return None;
    }
    let mut open = 0_usize;
    for (at, byte) in text.bytes().enumerate().take(LONGEST_REFERENCE) {
        match byte {
            b'(' => open += 1,
            b')' if open == 1 => return Some(at + 1),
            b')' => open -= 1,
            _ => {}
        }
    }
    None
}

fn is_name(text: &str) -> bool {
    let fits = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == '-';
    !text.is_empty() && text.chars().all(fits)
}
