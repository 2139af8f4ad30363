//! Which version of Windows projects and sources say that they are for.

use crate::project::{Project, owners};
use crate::{FileId, SourceTree, target};

/// Macros that say so: whether their numbers tell builds of Windows 10 apart, and so have 16 bits more.
const SAY: [(&str, bool); 3] =
    [("NTDDI_VERSION", true), ("_WIN32_WINNT", false), ("WINVER", false)];

/// The names that MSBuild's `TargetVersion` has, and the last parts of those that `build` has for `_NT_TARGET_VERSION`.
const NAMED: [(&str, u64); 13] = [
    ("WIN2K", 0x0500_0000),
    ("WINXP", 0x0501_0000),
    ("WS03", 0x0502_0000),
    ("LONGHORN", 0x0600_0000),
    ("VISTA", 0x0600_0000),
    ("WIN7", 0x0601_0000),
    ("WINDOWS7", 0x0601_0000),
    ("WIN8", 0x0602_0000),
    ("WINDOWS8", 0x0602_0000),
    ("WINBLUE", 0x0603_0000),
    ("WINDOWSV6.3", 0x0603_0000),
    ("WINDOWS8.1", 0x0603_0000),
    ("WINDOWS10", 0x0A00_0000),
];

/// How many defines of a file are looked at.
const MOST_DEFINES: usize = 64;

/// The oldest version of Windows that a file is said to be for, as `NTDDI_VERSION` numbers it: by a project that builds it,
/// or by a macro that the file defines. None where nothing says so. Whoever says no more than Windows 10 does not say which.
pub fn oldest_windows(tree: &SourceTree, projects: &[Project], file: FileId) -> Option<u64> {
    let configurations = owners(projects, tree, file);
    let configurations = configurations.iter().flat_map(|project| &project.configurations);
    let by_projects = configurations.flat_map(|one| {
        let defines = one.defines_of(file);
        let by_macros = defines
            .into_iter()
            .filter_map(|define| by_macro(&define.name, define.value.as_deref()?));
        by_macros.chain(one.windows).collect::<Vec<_>>()
    });
    by_projects.chain(by_file(tree.file(file).text.as_str())).min()
}

/// What a file says by the macros that it defines.
fn by_file(text: &str) -> impl Iterator<Item = u64> {
    let defines = text.lines().filter_map(|line| {
        let rest = line.trim_start().strip_prefix('#')?.trim_start().strip_prefix("define")?;
        let mut words = rest.split_whitespace();
        Some((words.next()?, words.next()?))
    });
    defines.take(MOST_DEFINES).filter_map(|(name, value)| by_macro(name, value))
}

/// What a macro says.
fn by_macro(name: &str, value: &str) -> Option<u64> {
    let (_, is_long) = SAY.iter().find(|(known, _)| *known == name)?;
    let value = value.trim().trim_matches(['(', ')']);
    let number = number(value).or_else(|| target::version(value))?;
    let number = if *is_long { number } else { number.checked_mul(1 << 16)? };
    (number != 0).then_some(number)
}

/// What a project says by a name or a number of 16 bits, of several the oldest.
pub(crate) fn named(text: &str) -> Option<u64> {
    let of = |one: &str| {
        let one = one.trim().trim_end_matches(')').to_ascii_uppercase();
        let name = one.rsplit('_').next().unwrap_or_default();
        let known = NAMED.iter().find(|(known, _)| *known == name).map(|(_, number)| *number);
        known.or_else(|| number(&one)?.checked_mul(1 << 16))
    };
    text.split(';').filter_map(of).min()
}

fn number(text: &str) -> Option<u64> {
    let text = text.trim_end_matches(['u', 'U', 'l', 'L']);
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SourceText, projects};

    /// What `d.c` is said to be for.
    fn said(source: &str, project: (&str, &str)) -> Option<u64> {
        let mut tree = SourceTree::default();
        let file = tree.add("d.c", SourceText::of(source)).unwrap();
        if !project.0.is_empty() {
            tree.add(project.0, SourceText::of(project.1)).unwrap();
        }
        let (projects, unreadable) = projects(&tree);
        assert!(unreadable.is_empty(), "{unreadable:?}");
        oldest_windows(&tree, &projects, file)
    }

    /// The numbers of `sdkddkver.h`.
    #[test]
    fn macros_of_the_file_say_it() {
        let of = |text: &str| said(text, ("", ""));
        assert_eq!(of("#define _WIN32_WINNT 0x0601\n"), Some(0x0601_0000));
        assert_eq!(of("# define WINVER _WIN32_WINNT_WIN8 // 8\n"), Some(0x0602_0000));
        assert_eq!(of("#define NTDDI_VERSION NTDDI_WIN10_RS5\n"), Some(0x0A00_0006));
        assert_eq!(of("#define NTDDI_VERSION 0x06010000L\n"), Some(0x0601_0000));
        assert_eq!(of("#define _WIN32_WINNT OTHER\n#define WIN7 1\nint _WIN32_WINNT;"), None);
    }

    #[test]
    fn projects_say_it() {
        let msbuild = |properties: &str, items: &str| {
            let text = format!(
                "<Project ToolsVersion=\"4.0\"><ItemGroup Label=\"ProjectConfigurations\">\
                 <ProjectConfiguration Include=\"Release|x64\"><Configuration>Release</Configuration>\
                 <Platform>x64</Platform></ProjectConfiguration></ItemGroup>\
                 <PropertyGroup Label=\"Configuration\"><ConfigurationType>Driver</ConfigurationType>{properties}\
                 </PropertyGroup>{items}<ItemGroup><ClCompile Include=\"d.c\"/></ItemGroup></Project>"
            );
            said("", ("d.vcxproj", &text))
        };
        let target = |name: &str| msbuild(&format!("<TargetVersion>{name}</TargetVersion>"), "");
        assert_eq!(target("Windows7"), Some(0x0601_0000));
        assert_eq!(target("WindowsV6.3"), Some(0x0603_0000));
        assert_eq!(target("Windows10"), Some(0x0A00_0000));
        assert_eq!(target("$(Unknown)"), None);
        let defines = "<ItemDefinitionGroup><ClCompile><PreprocessorDefinitions>_WIN32_WINNT=0x0602\
                       </PreprocessorDefinitions></ClCompile></ItemDefinitionGroup>";
        assert_eq!(msbuild("", defines), Some(0x0602_0000));
        let sources = |line: &str| {
            let text = format!("TARGETNAME=d\nTARGETTYPE=DRIVER\n{line}\nSOURCES=d.c\n");
            said("", ("sources", &text))
        };
        assert_eq!(sources("_NT_TARGET_VERSION=$(_NT_TARGET_VERSION_WIN7)"), Some(0x0601_0000));
        assert_eq!(sources("_NT_TARGET_VERSION=0x600"), Some(0x0600_0000));
        assert_eq!(sources(""), Some(0x0A00_0000));
        assert_eq!(sources("C_DEFINES=-D_WIN32_WINNT=0x0501"), Some(0x0501_0000));
    }
}
