//! Options of the linker that decide about sections: where they stand, and what they mean.

use crate::expression::number;
use crate::{Configuration, Output, Project, Span};

/// An option of the linker, from a pragma or a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkerFact {
    /// The option as the linker takes it, such as `/MERGE:.rdata=.text`.
    pub text: String,
    /// Where it stands; where a macro of a pragma has it, the macro's name there.
    pub span: Span,
    /// Who says it.
    pub origin: Origin,
}

/// Who gives an option to the linker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// `#pragma comment(linker, …)`.
    Pragma {
        /// What to take out to be without the option: a part of the string, or the line where there is nothing else in
        /// it. None where the option is not written there itself.
        removal: Option<Span>,
        /// Whether the pragma is compiled in every build.
        certain: bool,
    },
    /// A project.
    Project {
        /// Which of the projects.
        index: usize,
        /// Whether it is given for sure: not by a condition that nobody can tell here.
        certain: bool,
        /// The names of the configurations that have it.
        configurations: Vec<String>,
    },
}

/// What an option of the linker means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkerSwitch {
    /// `/SECTION:name,ERW`: the section has these rights and no others; none are named where they stay as they are.
    Section {
        /// The section.
        name: String,
        /// Its rights, where the option names any.
        rights: Option<Rights>,
    },
    /// `/MERGE:from=to`: what would be in one section is put into another.
    Merge {
        /// The section that ceases to be.
        from: String,
        /// The section that takes its content.
        to: String,
    },
    /// `/ALIGN:number`: the alignment of sections in memory, in bytes.
    Align(u64),
    /// `/DRIVER`, with `:WDM` or `:UPONLY` or without.
    Driver,
    /// `/INTEGRITYCHECK`.
    IntegrityCheck,
    /// `/GUARD:CF`.
    GuardControlFlow,
}

/// What may be done with the pages of a section.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    /// E.
    pub execute: bool,
    /// R.
    pub read: bool,
    /// W.
    pub write: bool,
}

impl LinkerFact {
    /// What the option means; none for those that decide nothing about sections, or are written wrongly.
    pub fn switch(&self) -> Option<LinkerSwitch> {
        switch(&self.text)
    }

    /// Whether it holds in every build of what its pragma stands in or its project is.
    pub fn is_certain(&self) -> bool {
        !matches!(self.origin, Origin::Pragma { certain: false, .. })
    }
}

/// What an option means. Its name may be written in any letter case, the names of sections may not.
fn switch(text: &str) -> Option<LinkerSwitch> {
    let text = text.strip_prefix(['/', '-'])?;
    let (name, value) =
        text.split_once(':').map_or((text, None), |(name, value)| (name, Some(value)));
    match (&*name.to_ascii_uppercase(), value) {
        ("SECTION", Some(value)) => section(value),
        ("MERGE", Some(value)) => {
            let (from, to) = value.split_once('=')?;
            let is_name = !from.is_empty() && !to.is_empty();
            is_name.then(|| LinkerSwitch::Merge { from: from.to_owned(), to: to.to_owned() })
        }
        ("ALIGN", Some(value)) => number(value).map(LinkerSwitch::Align),
        ("DRIVER", _) => Some(LinkerSwitch::Driver),
        ("INTEGRITYCHECK", None) => Some(LinkerSwitch::IntegrityCheck),
        ("GUARD", Some(value)) => {
            let mut all = value.split(',');
            let is_on = all.any(|one| one.eq_ignore_ascii_case("CF"));
            is_on.then_some(LinkerSwitch::GuardControlFlow)
        }
        _ => None,
    }
}

/// `name,[[!]{DEKPRSW}][,ALIGN=#]`. Of E, R and W those that are not named are turned off, unless none is named.
fn section(value: &str) -> Option<LinkerSwitch> {
    let mut parts = value.split(',');
    let name = parts.next().filter(|name| !name.is_empty())?.to_owned();
    let mut rights = Rights::default();
    let mut is_named = false;
    for part in parts.filter(|part| !part.contains('=')) {
        let mut is_on = true;
        for letter in part.chars() {
            let right = match letter.to_ascii_uppercase() {
                '!' => {
                    is_on = false;
                    continue;
                }
                'E' => Some(&mut rights.execute),
                'R' => Some(&mut rights.read),
                'W' => Some(&mut rights.write),
                _ => None,
            };
            if let Some(right) = right {
                *right = is_on;
                is_named = true;
            }
            is_on = true;
        }
    }
    Some(LinkerSwitch::Section { name, rights: is_named.then_some(rights) })
}

/// The options of projects, but for what runs in user mode; each place once, with the configurations that have it.
/// What a project `builds_for_kernel` shows is more than what the project says.
pub(crate) fn of_projects(
    projects: &[Project],
    builds_for_kernel: impl Fn(&Project) -> bool,
) -> Vec<LinkerFact> {
    let mut facts: Vec<LinkerFact> = Vec::new();
    for (index, project) in projects.iter().enumerate() {
        let first = facts.len();
        let is_sure = builds_for_kernel(project);
        let counts = |one: &&Configuration| is_sure || is_for_kernel(one);
        for configuration in project.configurations.iter().filter(counts) {
            for option in &configuration.linker {
                let name = configuration.name.clone();
                let known = facts[first..]
                    .iter_mut()
                    .find(|known| known.span == option.span && known.text == option.text);
                match known.map(|known| &mut known.origin) {
                    Some(Origin::Project { configurations, certain, .. }) => {
                        *certain &= option.certain;
                        if !configurations.contains(&name) {
                            configurations.push(name);
                        }
                    }
                    _ => facts.push(LinkerFact {
                        text: option.text.clone(),
                        span: option.span,
                        origin: Origin::Project {
                            index,
                            certain: option.certain,
                            configurations: vec![name],
                        },
                    }),
                }
            }
        }
    }
    facts
}

/// Whether what is built may be loaded into the kernel.
pub(crate) fn is_for_kernel(configuration: &&Configuration) -> bool {
    configuration.output != Output::UserMode
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FileId, LinkerOption, ProjectFormat};

    fn rights(text: &str) -> Option<(String, Option<Rights>)> {
        match switch(text)? {
            LinkerSwitch::Section { name, rights } => Some((name, rights)),
            _ => None,
        }
    }

    /// As the page of /SECTION has it.
    #[test]
    fn rights_are_named_by_letters() {
        let all = |execute, read, write| Some(Rights { execute, read, write });
        let hook = |rights| Some(("hook".to_owned(), rights));
        assert_eq!(rights("/SECTION:hook,ERW"), hook(all(true, true, true)));
        assert_eq!(rights("-section:hook,rwe"), hook(all(true, true, true)));
        assert_eq!(rights("/SECTION:hook,W"), hook(all(false, false, true)));
        assert_eq!(rights("/SECTION:hook,ER!W,ALIGN=4096"), hook(all(true, true, false)));
        assert_eq!(rights("/SECTION:hook,!W!E"), hook(all(false, false, false)));
        // Where none is named they stay as they are.
        assert_eq!(rights("/SECTION:INIT,d"), Some(("INIT".to_owned(), None)));
        assert_eq!(rights("/SECTION:hook,D!K,ALIGN=16"), hook(None));
        assert_eq!(rights("/SECTION:,ERW"), None);
    }

    #[test]
    fn other_options_have_their_values() {
        let merge = |from: &str, to: &str| {
            Some(LinkerSwitch::Merge { from: from.to_owned(), to: to.to_owned() })
        };
        assert_eq!(switch("/MERGE:.rdata=.text"), merge(".rdata", ".text"));
        assert_eq!(switch("-merge:_PAGE=PAGE"), merge("_PAGE", "PAGE"));
        assert_eq!(switch("/MERGE:.rdata="), None);
        assert_eq!(switch("/ALIGN:0x80"), Some(LinkerSwitch::Align(128)));
        assert_eq!(switch("/ALIGN:4096"), Some(LinkerSwitch::Align(4096)));
        assert_eq!(switch("/ALIGN:many"), None);
        assert_eq!(switch("/DRIVER:WDM"), Some(LinkerSwitch::Driver));
        assert_eq!(switch("/INTEGRITYCHECK"), Some(LinkerSwitch::IntegrityCheck));
        assert_eq!(switch("/INTEGRITYCHECK:NO"), None);
        assert_eq!(switch("/guard:ehcont,cf"), Some(LinkerSwitch::GuardControlFlow));
        assert_eq!(switch("/GUARD:NO"), None);
        assert_eq!(switch("/FILEALIGN:512"), None);
        assert_eq!(switch("ALIGN:512"), None);
    }

    #[test]
    fn configurations_that_say_the_same_are_one() {
        let option = |start: usize| LinkerOption {
            text: "/ALIGN:512".to_owned(),
            span: Span::new(FileId(0), start..start + 3),
            certain: true,
        };
        let configuration = |name: &str, output, start| Configuration {
            name: name.to_owned(),
            output,
            linker: vec![option(start)],
            ..Configuration::default()
        };
        let project = Project {
            sources: Vec::new(),
            configurations: vec![
                configuration("Debug|x64", Output::Driver, 1),
                configuration("Release|x64", Output::Driver, 1),
                configuration("Tool|x64", Output::UserMode, 1),
                configuration("Other|x64", Output::Unknown, 9),
            ],
            ..Project::new(FileId(0), ProjectFormat::MsBuild)
        };
        let facts = of_projects(&[project], |_| false);
        let names: Vec<_> = facts
            .iter()
            .map(|fact| match &fact.origin {
                Origin::Project { configurations, .. } => configurations.join(" "),
                Origin::Pragma { .. } => String::new(),
            })
            .collect();
        assert_eq!(names, ["Debug|x64 Release|x64", "Other|x64"]);
    }
}
