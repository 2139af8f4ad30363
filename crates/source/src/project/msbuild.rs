//! MSBuild's `.vcxproj` and what it imports of the tree, evaluated for each configuration.

mod condition;
mod configuration;
pub(super) mod edit;
mod evaluation;
mod imports;
mod items;
mod linking;
mod properties;
mod sites;

use super::budget::Doubts;
use super::{Configuration, Project, ProjectFormat, Reader, built, xml};
use crate::{FileId, Span};
use configuration::configuration;
use evaluation::Evaluation;
pub(super) use imports::{from_own_folder, imports};
use items::{Item, Items, Metadata};
use roxmltree::Node;
use std::collections::{BTreeSet, HashMap};

/// Configurations that are evaluated; real projects have at most some dozen for one processor.
const CONFIGURATIONS: usize = 32;

/// Reads the project that `file` describes.
pub(super) fn read(reader: &Reader<'_>, file: FileId) -> Project {
    let mut doubts = Doubts::default();
    let (mut builds, mut named) = (Vec::new(), BTreeSet::new());
    let mut names_sources = false;
    let mut configurations: Vec<Configuration> = Vec::new();
    let mut written = Vec::new();
    let (chosen, of_32_bits) = chosen(reader, file, &mut doubts);
    for (name, platform) in chosen {
        let mut evaluation =
            Evaluation::of(reader, file, global(name.as_deref(), platform.as_deref()));
        let items = Items::of(&mut evaluation);
        names_sources |= items.lists;
        let is_built = |item: &&Item| !is_excluded(&item.own, &items);
        builds.push(items.items.iter().filter(is_built).map(|item| item.file).collect());
        named.extend(items.items.iter().map(|item| item.file));
        let name = name.zip(platform).map(|(name, platform)| format!("{name}|{platform}"));
        configurations.push(configuration(&mut evaluation, &items, name.unwrap_or_default()));
        doubts.extend(evaluation.doubts);
        written.push(items.written);
    }
    for (name, platform) in of_32_bits.iter().take_while(|_| !reader.budget.is_spent()) {
        let mut evaluation = Evaluation::of(reader, file, global(Some(name), Some(platform)));
        named.extend(Items::of(&mut evaluation).items.iter().map(|item| item.file));
    }
    let (sources, unbuilt) = built(&mut configurations, &builds, &named);
    Project {
        file,
        format: ProjectFormat::MsBuild,
        name: stem(reader, file),
        place: Span::new(file, 0..0),
        sources,
        unbuilt,
        names_sources,
        configurations,
        doubts: doubts.into_vec(),
        sites: sites::of(file, &written),
    }
}

fn stem(reader: &Reader<'_>, file: FileId) -> String {
    let path = &reader.tree.file(file).path;
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    name.rsplit_once('.').map_or(name, |parts| parts.0).to_owned()
}

/// What whoever builds says; none where nobody knows it.
fn global(
    configuration: Option<&str>,
    platform: Option<&str>,
) -> HashMap<&'static str, Option<String>> {
    let given = |value: Option<&str>| value.map(str::to_owned);
    HashMap::from([("configuration", given(configuration)), ("platform", given(platform))])
}

/// The name and the platform of a configuration, where they are known.
type Chosen = (Option<String>, Option<String>);

/// The configurations that matter: those for x64, then those for ARM64, and others only where there are none of
/// these. One of which nothing but the processor is known where the project names none: for x64, and for ARM64 if the project
/// speaks of that. And those for 32 bits, where they do not matter.
fn chosen(
    reader: &Reader<'_>,
    file: FileId,
    doubts: &mut Doubts,
) -> (Vec<Chosen>, Vec<(String, String)>) {
    let all = declared(reader, file);
    let of = |platforms: &[&str]| {
        let fits = |one: &&(String, String)| {
            platforms.iter().any(|platform| one.1.eq_ignore_ascii_case(platform))
        };
        all.iter().filter(fits).cloned().collect::<Vec<_>>()
    };
    let mut kept = [of(&["x64"]), of(&["ARM64"])].concat();
    let mut of_32_bits = of(&["Win32", "x86", "ARM"]);
    of_32_bits.truncate(CONFIGURATIONS);
    if kept.is_empty() {
        kept = all;
        of_32_bits.clear();
    }
    if kept.len() > CONFIGURATIONS {
        let what = format!("only {CONFIGURATIONS} of {} configurations are read", kept.len());
        doubts.add(Span::new(file, 0..0), what);
        kept.truncate(CONFIGURATIONS);
    }
    if kept.is_empty() {
        let text = reader.tree.file(file).text.as_str();
        let speaks = |platform: &&str| *platform == "x64" || text.contains(*platform);
        let platforms = ["x64", "ARM64"].into_iter().filter(speaks);
        let of = |platform: &str| (None, Some(platform.to_owned()));
        return (platforms.map(of).collect(), of_32_bits);
    }
    let known = |(name, platform)| (Some(name), Some(platform));
    (kept.into_iter().map(known).collect(), of_32_bits)
}

/// All configurations that a project has, each by its name and its platform.
fn declared(reader: &Reader<'_>, file: FileId) -> Vec<(String, String)> {
    let mut evaluation = Evaluation::of(reader, file, global(None, None));
    let mut all: Vec<(String, String)> = Vec::new();
    for group in std::mem::take(&mut evaluation.groups) {
        let is_one = |node: &Node<'_, '_>| node.tag_name().name() == "ProjectConfiguration";
        for node in group.node.children().filter(is_one) {
            let Some(names) = xml::attribute(reader.tree, group.file, node, "Include") else {
                continue;
            };
            let names = evaluation.properties.expand(&names, group.file, &|_| None);
            for name in names.as_str().split(';') {
                let Some((name, platform)) = name.trim().split_once('|') else { continue };
                let one = (name.to_owned(), platform.to_owned());
                if all.len() < 8 * CONFIGURATIONS && !all.contains(&one) {
                    all.push(one);
                }
            }
        }
    }
    all
}

fn is_excluded(own: &Metadata, items: &Items) -> bool {
    let key = ("ClCompile", "ExcludedFromBuild");
    let value = own.get(&key).or_else(|| items.definitions.get(&key));
    value.is_some_and(|value| {
        value.is_certain() && value.as_str().trim().eq_ignore_ascii_case("true")
    })
}

#[cfg(test)]
mod tests {
    use super::super::{Define, Output, projects};
    use super::*;
    use crate::{SourceText, SourceTree};

    /// What begins the projects of the WDK's templates.
    const HEAD: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<Project DefaultTargets="Build" ToolsVersion="12.0" xmlns="http://schemas.microsoft.com/developer/msbuild/2003">
  <ItemGroup Label="ProjectConfigurations">
    <ProjectConfiguration Include="Debug|Win32"><Configuration>Debug</Configuration><Platform>Win32</Platform></ProjectConfiguration>
    <ProjectConfiguration Include="Release|ARM64"><Configuration>Release</Configuration><Platform>ARM64</Platform></ProjectConfiguration>
    <ProjectConfiguration Include="Debug|x64"><Configuration>Debug</Configuration><Platform>x64</Platform></ProjectConfiguration>
    <ProjectConfiguration Include="Release|x64"><Configuration>Release</Configuration><Platform>x64</Platform></ProjectConfiguration>
  </ItemGroup>
  <PropertyGroup Label="Globals">
    <Configuration>Debug</Configuration>
    <Platform Condition="'$(Platform)' == ''">Win32</Platform>
  </PropertyGroup>
  <Import Project="$(VCTargetsPath)\Microsoft.Cpp.Default.props" />
  <PropertyGroup Label="Configuration">
    <PlatformToolset>WindowsKernelModeDriver10.0</PlatformToolset>
    <ConfigurationType>Driver</ConfigurationType>
    <DriverType>KMDF</DriverType>
  </PropertyGroup>
  <Import Project="$(VCTargetsPath)\Microsoft.Cpp.props" />
  <ImportGroup Label="PropertySheets">
    <Import Project="$(UserRootDir)\Microsoft.Cpp.$(Platform).user.props" Condition="exists('$(UserRootDir)\Microsoft.Cpp.$(Platform).user.props')" />
  </ImportGroup>
"#;

    fn tree(files: &[(&str, &str)]) -> SourceTree {
        let mut tree = SourceTree::default();
        for (path, text) in files {
            tree.add(path, SourceText::of(*text)).unwrap();
        }
        tree
    }

    /// The only project of a tree whose `d/drv.vcxproj` has this content behind the head.
    pub(super) fn read(content: &str, others: &[(&str, &str)]) -> (SourceTree, Project) {
        let text = format!("{HEAD}{content}\n</Project>\n");
        let files: Vec<(&str, &str)> =
            [("d/drv.vcxproj", &*text)].into_iter().chain(others.iter().copied()).collect();
        let tree = tree(&files);
        let (mut projects, unreadable) = projects(&tree);
        assert!(unreadable.is_empty(), "{unreadable:?}");
        assert_eq!(projects.len(), 1);
        (tree, projects.remove(0))
    }

    /// What is for 32 bits does not matter, also where the configurations are listed elsewhere.
    #[test]
    fn projects_without_configurations_are_for_64_bits() {
        let of = |platform: &str| {
            let group = |of: &str, value: &str| {
                format!(
                    "<ItemDefinitionGroup Condition=\"'$(Platform)'=='{of}'\"><ClCompile><PreprocessorDefinitions>X={value}\
                     </PreprocessorDefinitions></ClCompile></ItemDefinitionGroup>"
                )
            };
            let text = format!(
                "<Project>{}{}<ItemGroup><ClCompile Include=\"a.c\"/></ItemGroup></Project>",
                group("Win32", "32"),
                group(platform, "64")
            );
            let tree = tree(&[("drv.vcxproj", &text), ("a.c", "")]);
            let (projects, _) = projects(&tree);
            let all = projects[0].configurations.iter();
            let told = |one: &Define| format!("{:?} {}", one.value, one.certain);
            all.map(|one| one.defines.iter().map(told).collect::<Vec<_>>()).collect::<Vec<_>>()
        };
        let is = "Some(\"64\") true".to_owned();
        assert_eq!(of("x64"), [vec![is.clone()]]);
        assert_eq!(of("ARM64"), [vec![], vec![is]]);
    }

    /// Name and value of what is defined for `file` in a configuration; in doubt with a question mark.
    pub(super) fn defined(
        tree: &SourceTree,
        project: &Project,
        name: &str,
        file: &str,
    ) -> Vec<String> {
        let file = tree.at(file).unwrap_or(project.file);
        let configuration = project.configurations.iter().find(|one| one.name == name).unwrap();
        let tell = |define: &&Define| {
            let value =
                define.value.as_ref().map_or("(none)".to_owned(), |value| format!("={value}"));
            format!("{}{value}{}", define.name, if define.certain { "" } else { "?" })
        };
        configuration.defines_of(file).iter().map(tell).collect()
    }

    #[test]
    fn configurations_are_those_of_64_bits() {
        let (_, project) = read("", &[]);
        let names: Vec<_> = project.configurations.iter().map(|one| &*one.name).collect();
        assert_eq!(names, ["Debug|x64", "Release|x64", "Release|ARM64"]);
        assert!(project.configurations.iter().all(|one| one.output == Output::Driver));
        assert_eq!((&*project.name, project.names_sources), ("drv", false));
        assert_eq!(project.doubts, []);
    }

    /// Case 133 of the specification's list.
    #[test]
    fn a_source_may_opt_out_of_what_its_project_opts_in_to() {
        let content = r#"
  <ItemDefinitionGroup>
    <ClCompile><PreprocessorDefinitions>POOL_NX_OPTIN=1;%(PreprocessorDefinitions)</PreprocessorDefinitions></ClCompile>
  </ItemDefinitionGroup>
  <ItemGroup>
    <ClCompile Include="a.c" />
    <ClCompile Include="b.c">
      <PreprocessorDefinitions>POOL_NX_OPTOUT=1;%(PreprocessorDefinitions)</PreprocessorDefinitions>
    </ClCompile>
    <ClCompile Include="sub\c.c">
      <PreprocessorDefinitions Condition="'$(Configuration)'=='Debug'">ALONE</PreprocessorDefinitions>
      <ExcludedFromBuild Condition="'$(Platform)'=='ARM64'">true</ExcludedFromBuild>
    </ClCompile>
    <ClCompile Include="absent.c" />
    <ClInclude Include="a.h" />
  </ItemGroup>"#;
        let others =
            [("d/a.c", ""), ("d/b.c", ""), ("D/Sub/c.c", ""), ("d/a.h", ""), ("d/z.c", "")];
        let (tree, project) = read(content, &others);
        let names: Vec<_> = project.sources.iter().map(|id| &*tree.file(*id).path).collect();
        assert_eq!(
            (names, project.names_sources),
            (vec!["d/a.c", "d/b.c", "D/Sub/c.c", "d/a.h"], true)
        );
        assert_eq!(defined(&tree, &project, "Release|x64", "d/a.c"), ["POOL_NX_OPTIN=1"]);
        assert_eq!(
            defined(&tree, &project, "Release|x64", "d/b.c"),
            ["POOL_NX_OPTIN=1", "POOL_NX_OPTOUT=1"]
        );
        assert_eq!(
            defined(&tree, &project, "Debug|x64", "d/sub/c.c"),
            ["POOL_NX_OPTIN(none)", "ALONE=1"]
        );
        assert_eq!(defined(&tree, &project, "Release|x64", "d/sub/c.c"), ["POOL_NX_OPTIN=1"]);
    }

    #[test]
    fn wildcards_removals_and_shared_items_are_followed() {
        let content = r#"
  <ItemGroup>
    <ClCompile Include="**\*.c" Exclude="old\*.c" />
    <ClCompile Remove="gone.c" />
    <ClCompile Update="a.c"><PreprocessorDefinitions>U</PreprocessorDefinitions></ClCompile>
  </ItemGroup>
  <Import Project="..\shared\s.vcxitems" Label="Shared" />"#;
        let shared = r#"<Project><ItemGroup><ClCompile Include="$(MSBuildThisFileDirectory)s.c"/></ItemGroup></Project>"#;
        let others = [
            ("d/a.c", ""),
            ("d/gone.c", ""),
            ("d/x/b.c", ""),
            ("d/old/o.c", ""),
            ("e/c.c", ""),
            ("shared/s.c", ""),
            ("shared/s.vcxitems", shared),
        ];
        let (tree, project) = read(content, &others);
        let names: Vec<_> = project.sources.iter().map(|id| &*tree.file(*id).path).collect();
        assert_eq!(names, ["d/a.c", "d/x/b.c", "shared/s.c"]);
        assert_eq!(defined(&tree, &project, "Debug|x64", "d/a.c"), ["U=1"]);
    }

    #[test]
    fn hostile_projects_end_with_a_doubt() {
        let doubling = (0..200)
            .map(|number| format!("<A{}>$(A{number})$(A{number})</A{}>", number + 1, number + 1));
        let doubling =
            format!("<PropertyGroup><A0>x</A0>{}</PropertyGroup>", doubling.collect::<String>());
        let own = "<PropertyGroup><A>$(A)$(A)x</A></PropertyGroup>".repeat(200);
        let cycle = "<Import Project=\"loop.props\"/>".to_owned();
        for content in [doubling, own, cycle] {
            let looping = "<Project><Import Project=\"loop.props\"/><Import Project=\"drv.vcxproj\"/></Project>";
            let (_, project) = read(&content, &[("d/loop.props", looping)]);
            assert_eq!(project.configurations.len(), 3);
        }
        let chain: Vec<(String, String)> = (0..100)
            .map(|number| {
                (
                    format!("d/{number}.props"),
                    format!("<Project><Import Project=\"{}.props\"/></Project>", number + 1),
                )
            })
            .collect();
        let chain: Vec<(&str, &str)> =
            chain.iter().map(|(path, text)| (&**path, &**text)).collect();
        let (_, project) = read("<Import Project=\"0.props\"/>", &chain);
        assert!(project.doubts.iter().any(|(_, what)| what.contains("too deep")));
        let choices =
            "<Choose><When Condition=\"true\">".repeat(1000) + &"</When></Choose>".repeat(1000);
        let (_, project) = read(&choices, &[]);
        assert!(project.doubts.iter().any(|(_, what)| what.contains("too deep")));
        let globs = "<ItemGroup><ClCompile Include=\"**/*.c\"/></ItemGroup>".repeat(20_000);
        let files: Vec<String> = (0..300).map(|number| format!("d/{number}.c")).collect();
        let files: Vec<(&str, &str)> = files.iter().map(|path| (&**path, "")).collect();
        let (_, project) = read(&globs, &files);
        assert!(project.doubts.iter().any(|(_, what)| what.contains("too much")));
    }

    /// "Searches for a file based on the current build file's location, or based on `startingDirectory`."
    #[test]
    fn paths_of_files_above_begin_where_msbuild_begins() {
        let of = |arguments: &str, at: &str| {
            let import =
                format!("<Import Project=\"$([MSBuild]::GetPathOfFileAbove({arguments}))\"/>");
            let sheet = "<Project><ItemDefinitionGroup><ClCompile><PreprocessorDefinitions>NX\
                </PreprocessorDefinitions></ClCompile></ItemDefinitionGroup></Project>";
            let (tree, project) = read(&import, &[(at, sheet)]);
            let is_read = defined(&tree, &project, "Debug|x64", "") == ["NX=1"];
            assert_eq!(is_read, project.doubts.is_empty(), "{:?}", project.doubts);
            is_read
        };
        let (beside, above) = ("d/nx.props", "nx.props");
        for both in [
            "'nx.props'",
            "nx.props",
            "'nx.props', '$(MSBuildThisFileDirectory)'",
            "nx.props, $(MSBuildThisFileDirectory)",
        ] {
            assert!(of(both, beside) && of(both, above), "{both}");
        }
        for from_above in [
            "'nx.props', '$(MSBuildThisFileDirectory)../'",
            "nx.props, $(MSBuildThisFileDirectory)..\\",
            "'nx.props', '$(SolutionDir)'",
        ] {
            assert!(!of(from_above, beside) && of(from_above, above), "{from_above}");
        }
    }

    #[test]
    fn what_is_no_xml_is_told_with_its_line() {
        let tree =
            tree(&[("a.vcxproj", "<Project>\n</x>"), ("b.vcxproj", "<Project/>"), ("c.props", "")]);
        let (projects, unreadable) = projects(&tree);
        assert_eq!(projects.len(), 1);
        assert_eq!(projects[0].configurations.len(), 1);
        let told: Vec<_> =
            unreadable.iter().map(|(file, what)| (&*tree.file(*file).path, &what[..7])).collect();
        assert_eq!(told, [("a.vcxproj", "line 2:"), ("c.props", "line 1:")]);
    }
}
