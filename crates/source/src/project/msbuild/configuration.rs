//! What the second pass found, as a configuration.

use super::super::budget::Doubts;
use super::super::silenced::silenced;
use super::super::traced::Traced;
use super::super::words::{Quoting, words};
use super::super::{Configuration, Define, defines, paths, switches};
use super::evaluation::Evaluation;
use super::items::Items;
use super::linking;
use crate::{Span, stated};

/// The configuration called `name` that comes of what is said.
pub(super) fn configuration(
    evaluation: &mut Evaluation<'_, '_>,
    items: &Items,
    name: String,
) -> Configuration {
    let mut doubts = std::mem::take(&mut evaluation.doubts);
    let all = &items.definitions;
    let said = compiled(&|name| all.get(&("ClCompile", name)), evaluation, &mut doubts);
    let mut folders = Folders::new(evaluation);
    folders.add(all.get(&("ClCompile", "AdditionalIncludeDirectories")));
    said.folders.iter().for_each(|one| folders.add(Some(one)));
    let mut of_files = Vec::new();
    let mut silenced_of_files = Vec::new();
    let forced_includes = forced(all.get(&FORCED), &said.forced);
    let mut forced_of_files = Vec::new();
    for item in &items.items {
        folders.add(item.own.get(&("ClCompile", "AdditionalIncludeDirectories")));
        let says = |name: &str| item.own.contains_key(&("ClCompile", name));
        let mut of_switches = None;
        if DEFINING.into_iter().any(says) {
            let of = |name| {
                let key = ("ClCompile", name);
                item.own.get(&key).or_else(|| all.get(&key))
            };
            let cost = DEFINING.iter().filter_map(|name| of(name)).map(Traced::cost).sum();
            evaluation.reader.budget.spend(cost);
            let own = compiled(&of, evaluation, &mut doubts);
            // What could not be afforded is missing, not undefined.
            if evaluation.reader.budget.is_spent() {
                break;
            }
            own.folders.iter().for_each(|one| folders.add(Some(one)));
            of_switches = Some(own.forced);
            of_files.push((item.file, defines::beside(&said.defines, own.defines, item.place)));
            if own.silenced != said.silenced {
                silenced_of_files.push((item.file, own.silenced));
            }
        }
        let own = item.own.get(&FORCED);
        if own.is_some() || of_switches.is_some() {
            let switches = of_switches.as_ref().unwrap_or(&said.forced);
            let own = forced(own.or_else(|| all.get(&FORCED)), switches);
            evaluation.reader.budget.spend(own.iter().map(|name| name.len() as u64).sum());
            if own != forced_includes {
                forced_of_files.push((item.file, own));
            }
        }
    }
    let include_folders = folders.found;
    if evaluation.reader.budget.is_spent() {
        doubts.exhausted(Span::new(evaluation.project, 0..0));
    }
    evaluation.doubts = doubts;
    Configuration {
        name,
        output: linking::output(evaluation, all),
        windows: evaluation.properties.said("TargetVersion").and_then(stated::named),
        defines: said.defines,
        of_files,
        left_out: Vec::new(),
        include_folders,
        forced_includes,
        forced_of_files,
        linker: linking::options(evaluation, all),
        silenced: said.silenced,
        silenced_of_files,
    }
}

/// Metadata by which something is defined, or a warning switched off.
const DEFINING: [&str; 4] = [
    "PreprocessorDefinitions",
    "UndefinePreprocessorDefinitions",
    "AdditionalOptions",
    "DisableSpecificWarnings",
];

/// The metadata that names files included first.
const FORCED: (&str, &str) = ("ClCompile", "ForcedIncludeFiles");

/// The files included first that metadata and switches name.
fn forced(listed: Option<&Traced>, switches: &[Traced]) -> Vec<String> {
    let listed = listed.map_or_else(Vec::new, |names| names.split(|letter| letter == ';'));
    let names = listed.iter().chain(switches).map(|name| name.as_str().trim());
    names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// What metadata say to the compiler, in the order in which it is told.
fn compiled<'m>(
    of: &dyn Fn(&'static str) -> Option<&'m Traced>,
    evaluation: &Evaluation<'_, '_>,
    doubts: &mut Doubts,
) -> switches::Switches {
    let of = |name| of(name).filter(|list| evaluation.reader.budget.afford_words(list));
    let listed = |name: &'static str| -> Vec<Traced> {
        of(name).map_or_else(Vec::new, |list| list.split(|letter| letter == ';'))
    };
    let mut defines: Vec<Define> = Vec::new();
    for one in listed(DEFINING[0]) {
        defines.extend(defines::define(&one, &[], doubts));
    }
    for one in listed(DEFINING[1]) {
        defines.extend(defines::undefine(&one, &[], doubts));
    }
    let options = of(DEFINING[2]).map_or_else(Vec::new, |line| words(line, Quoting::Windows));
    let mut found = switches::compiler(&options, true, &[], doubts);
    defines.append(&mut found.defines);
    let mut silenced: Vec<_> =
        listed(DEFINING[3]).iter().filter_map(|one| silenced(one, &[])).collect();
    silenced.append(&mut found.silenced);
    switches::Switches { defines, silenced, ..found }
}

/// Folders for includes, each once, as paths of the tree.
struct Folders {
    base: String,
    found: Vec<String>,
}

impl Folders {
    fn new(evaluation: &Evaluation<'_, '_>) -> Folders {
        Folders { base: evaluation.properties.base().to_owned(), found: Vec::new() }
    }

    fn add(&mut self, list: Option<&Traced>) {
        for one in list.into_iter().flat_map(|list| list.split(|letter| letter == ';')) {
            let path = one.as_str().trim().trim_matches('"');
            if !path.is_empty() && !path.contains(['$', '%']) {
                paths::add_folder(&mut self.found, &self.base, path);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{defined, read};

    #[test]
    fn definitions_are_taken_over_or_replaced() {
        let content = r#"
  <ItemDefinitionGroup>
    <ClCompile><PreprocessorDefinitions>A=1;B;%(PreprocessorDefinitions)</PreprocessorDefinitions></ClCompile>
  </ItemDefinitionGroup>
  <ItemDefinitionGroup Condition="'$(Configuration)|$(Platform)'=='Release|x64'">
    <ClCompile>
      <PreprocessorDefinitions>
        POOL_NX_OPTIN=1;
        %(ClCompile.PreprocessorDefinitions)</PreprocessorDefinitions>
      <UndefinePreprocessorDefinitions>B</UndefinePreprocessorDefinitions>
      <AdditionalOptions>/D C=2 /wd4996 %(AdditionalOptions)</AdditionalOptions>
    </ClCompile>
  </ItemDefinitionGroup>
  <ItemDefinitionGroup Condition="'$(Platform)'=='ARM64'">
    <ClCompile><PreprocessorDefinitions>ONLY</PreprocessorDefinitions></ClCompile>
  </ItemDefinitionGroup>"#;
        let (tree, project) = read(content, &[]);
        assert_eq!(defined(&tree, &project, "Debug|x64", ""), ["A=1", "B=1"]);
        assert_eq!(
            defined(&tree, &project, "Release|x64", ""),
            ["POOL_NX_OPTIN=1", "A=1", "B(none)", "C=2"]
        );
        assert_eq!(defined(&tree, &project, "Release|ARM64", ""), ["ONLY=1"]);
        let spans =
            project.configurations[1].defines.iter().map(|define| tree.text(define.span.unwrap()));
        assert_eq!(spans.collect::<Vec<_>>(), ["POOL_NX_OPTIN=1", "A=1", "B", "B", "C=2"]);
    }

    /// Metadata of an item replace those of all, but for what they take over.
    #[test]
    fn a_source_may_have_its_own_files_included_first() {
        let content = r#"
  <ItemDefinitionGroup><ClCompile>
    <ForcedIncludeFiles>all.h</ForcedIncludeFiles>
  </ClCompile></ItemDefinitionGroup>
  <ItemGroup>
    <ClCompile Include="a.c"><ForcedIncludeFiles>force.h;%(ForcedIncludeFiles)</ForcedIncludeFiles></ClCompile>
    <ClCompile Include="b.c"><ForcedIncludeFiles></ForcedIncludeFiles></ClCompile>
    <ClCompile Include="c.c"><AdditionalOptions>/FIother.h</AdditionalOptions></ClCompile>
    <ClCompile Include="d.c" />
  </ItemGroup>"#;
        let others = ["d/a.c", "d/b.c", "d/c.c", "d/d.c"].map(|path| (path, ""));
        let (tree, project) = read(content, &others);
        let told =
            |path: &str| project.configurations[0].forced_of(tree.at(path).unwrap()).join(" ");
        assert_eq!(told("d/a.c"), "force.h all.h");
        assert_eq!(told("d/b.c"), "");
        assert_eq!(told("d/c.c"), "all.h other.h");
        assert_eq!(told("d/d.c"), "all.h");
        assert_eq!(project.doubts, []);
    }

    #[test]
    fn properties_and_imports_of_the_tree_are_followed() {
        let content = r#"
  <PropertyGroup><Extra>X=1;$(Extra)</Extra></PropertyGroup>
  <Import Project="..\build\nx.props" />
  <Import Project="$(SolutionDir)build\more.props" Condition="'$(Configuration)'=='Debug'" />
  <ItemDefinitionGroup><ClCompile>
    <PreprocessorDefinitions>$(NxDefines);$(Extra);%(PreprocessorDefinitions)</PreprocessorDefinitions>
    <AdditionalIncludeDirectories>..\inc;$(ProjectDir)own;$(KMDF_INC_PATH);%(AdditionalIncludeDirectories)</AdditionalIncludeDirectories>
  </ClCompile></ItemDefinitionGroup>"#;
        let directory = r#"<Project><ItemDefinitionGroup><ClCompile>
            <PreprocessorDefinitions>POOL_NX_OPTIN_AUTO=1;%(PreprocessorDefinitions)</PreprocessorDefinitions>
        </ClCompile></ItemDefinitionGroup></Project>"#;
        let others = [
            ("Directory.Build.props", directory),
            (
                "build/nx.props",
                "<Project><PropertyGroup><NxDefines>POOL_NX_OPTIN=1</NxDefines></PropertyGroup><Import Project=\"$(MSBuildThisFileDirectory)deep/nx2.props\"/></Project>",
            ),
            (
                "build/deep/nx2.props",
                "<Project><PropertyGroup><NxDefines>$(NxDefines);DEEP</NxDefines></PropertyGroup></Project>",
            ),
            (
                "build/more.props",
                "<Project><PropertyGroup><Extra>Y=2</Extra></PropertyGroup></Project>",
            ),
        ];
        let (tree, project) = read(content, &others);
        assert_eq!(project.doubts, []);
        assert_eq!(
            defined(&tree, &project, "Release|x64", ""),
            ["POOL_NX_OPTIN=1", "DEEP=1", "X=1", "POOL_NX_OPTIN_AUTO=1"]
        );
        assert_eq!(
            defined(&tree, &project, "Debug|x64", ""),
            ["POOL_NX_OPTIN=1", "DEEP=1", "Y=2", "POOL_NX_OPTIN_AUTO=1"]
        );
        let first = project.configurations[0].defines[0].span.unwrap();
        assert_eq!(
            (&*tree.file(first.file).path, tree.text(first)),
            ("build/nx.props", "POOL_NX_OPTIN=1")
        );
        assert_eq!(project.configurations[0].include_folders, ["inc", "d/own"]);
    }

    /// Visual Studio's property sheets ask whether they are there before they are imported.
    #[test]
    fn a_sheet_beside_the_solution_is_there_where_it_is_found() {
        let sheet = "<Project><ItemDefinitionGroup><ClCompile><PreprocessorDefinitions>POOL_NX_OPTIN_AUTO=1</PreprocessorDefinitions></ClCompile></ItemDefinitionGroup></Project>";
        for path in ["$(SolutionDir)nx.props", r"$(solutiondir)\nx.props"] {
            let content = format!(
                "<Import Project=\"{path}\" Condition=\"exists('{path}')\" />
                 <Import Project=\"{path}.user\" Condition=\"exists('{path}.user')\" />"
            );
            let (tree, project) = read(&content, &[("nx.props", sheet)]);
            assert_eq!(project.doubts, [], "{path}");
            assert_eq!(defined(&tree, &project, "Release|x64", ""), ["POOL_NX_OPTIN_AUTO=1"]);
        }
    }

    /// Files take the list of all over only where they say so.
    #[test]
    fn warnings_are_switched_off() {
        let content = r#"
  <ItemDefinitionGroup><ClCompile>
    <DisableSpecificWarnings>4100;30030;%(DisableSpecificWarnings)</DisableSpecificWarnings>
    <AdditionalOptions>/wd30029 %(AdditionalOptions)</AdditionalOptions>
  </ClCompile></ItemDefinitionGroup>
  <ItemGroup>
    <ClCompile Include="a.c" />
    <ClCompile Include="b.c"><DisableSpecificWarnings>30031</DisableSpecificWarnings></ClCompile>
    <ClCompile Include="c.c">
      <DisableSpecificWarnings Condition="'$(Configuration)'=='Debug'">30031;%(DisableSpecificWarnings)</DisableSpecificWarnings>
    </ClCompile>
  </ItemGroup>"#;
        let (tree, project) = read(content, &[("d/a.c", ""), ("d/b.c", ""), ("d/c.c", "")]);
        let of = |configuration: usize, file: &str| {
            let all = project.configurations[configuration].silenced_of(tree.at(file).unwrap());
            all.iter().map(|one| (one.warning, tree.text(one.span))).collect::<Vec<_>>()
        };
        let all = [(4100, "4100"), (30030, "30030"), (30029, "30029")];
        assert_eq!(of(0, "d/a.c"), all);
        assert_eq!(of(0, "d/b.c"), [(30031, "30031"), (30029, "30029")]);
        assert_eq!(of(0, "d/c.c"), [&[(30031, "30031")], &all[..]].concat());
        assert_eq!(of(1, "d/c.c"), all);
    }

    #[test]
    fn what_hangs_on_an_unknown_condition_is_no_certainty() {
        let content = r#"
  <PropertyGroup Condition="'$(VisualStudioVersion)'&gt;='17.0'"><Nx>POOL_NX_OPTIN=1</Nx></PropertyGroup>
  <ItemDefinitionGroup><ClCompile><PreprocessorDefinitions>A;$(Nx)</PreprocessorDefinitions></ClCompile></ItemDefinitionGroup>
  <Choose>
    <When Condition="'$(Configuration)'=='Debug'"><ItemDefinitionGroup><ClCompile><PreprocessorDefinitions>DBG;%(PreprocessorDefinitions)</PreprocessorDefinitions></ClCompile></ItemDefinitionGroup></When>
    <Otherwise><ItemDefinitionGroup><ClCompile><PreprocessorDefinitions>$([System.String]::Copy('B'));%(PreprocessorDefinitions)</PreprocessorDefinitions></ClCompile></ItemDefinitionGroup></Otherwise>
  </Choose>"#;
        let (tree, project) = read(content, &[]);
        assert_eq!(defined(&tree, &project, "Debug|x64", ""), ["DBG=1", "A=1", "POOL_NX_OPTIN=1?"]);
        assert_eq!(defined(&tree, &project, "Release|x64", ""), ["A=1", "POOL_NX_OPTIN=1?"]);
        let doubts: Vec<_> =
            project.doubts.iter().map(|(span, what)| (tree.text(*span), &**what)).collect();
        assert_eq!(doubts[0].0, "'$(VisualStudioVersion)'&gt;='17.0'");
        assert!(doubts[0].1.contains("whether POOL_NX_OPTIN is defined"));
        assert_eq!(doubts[1].0, "$([System.String]::Copy('B'))");
    }
}
