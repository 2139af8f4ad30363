//! `.vcproj`, the project file of Visual Studio up to 2008.

use super::budget::Doubts;
use super::silenced::silenced;
use super::switches::{Switches, compiler, linker, linker_option};
use super::traced::Traced;
use super::words::{Quoting, words};
use super::{
    Configuration, LinkerOption, Output, Project, ProjectFormat, Reader, built, defines, paths, xml,
};
use crate::tree::folder;
use crate::{FileId, Span};
use roxmltree::Node;
use std::collections::BTreeSet;

/// What a source that is built for one configuration costs to look at.
const FILE: u64 = 64;

/// Reads the project that `file` describes.
pub(super) fn read(reader: &Reader<'_>, file: FileId) -> Project {
    let mut said = Said { reader, file, doubts: Doubts::default() };
    let mut configurations = Vec::new();
    let (mut builds, mut all_named) = (Vec::new(), BTreeSet::new());
    if let Some(document) = reader.documents.get(&file) {
        let named = |name: &'static str| {
            document.descendants().filter(move |node| node.tag_name().name() == name)
        };
        let all: Vec<Node<'_, '_>> = named("Configuration").collect();
        let is_64 = |node: &&Node<'_, '_>| {
            let name = node.attribute("Name").unwrap_or_default().to_ascii_lowercase();
            name.ends_with("|x64")
        };
        let chosen: Vec<_> = all.iter().filter(is_64).collect();
        let files: Vec<Node<'_, '_>> = named("File").collect();
        let chosen = if chosen.is_empty() { all.iter().collect() } else { chosen };
        for node in chosen {
            let (configuration, files) = said.configuration(*node, &files);
            configurations.push(configuration);
            builds.push(files.iter().filter(|(_, is_built)| *is_built).map(|one| one.0).collect());
            all_named.extend(files.into_iter().map(|(file, _)| file));
        }
    }
    if configurations.is_empty() {
        configurations.push(Configuration::default());
    }
    if reader.budget.is_spent() {
        said.doubts.exhausted(Span::new(file, 0..0));
    }
    let (sources, unbuilt) = built(&mut configurations, &builds, &all_named);
    let path = &reader.tree.file(file).path;
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    Project {
        file,
        format: ProjectFormat::MsBuild,
        name: name.rsplit_once('.').map_or(name, |parts| parts.0).to_owned(),
        place: Span::new(file, 0..0),
        names_sources: !sources.is_empty(),
        sources,
        unbuilt,
        configurations,
        doubts: said.doubts.into_vec(),
        sites: Vec::new(),
    }
}

struct Said<'r, 't> {
    reader: &'r Reader<'t>,
    file: FileId,
    doubts: Doubts,
}

impl Said<'_, '_> {
    /// A configuration, and the sources that are named, each with whether it is built in it.
    fn configuration(
        &mut self,
        node: Node<'_, '_>,
        files: &[Node<'_, '_>],
    ) -> (Configuration, Vec<(FileId, bool)>) {
        let name = node.attribute("Name").unwrap_or_default();
        let base = folder(&self.reader.tree.file(self.file).path).to_owned();
        let said = self.compiled(tool(node, "VCCLCompilerTool"));
        let mut include_folders = Vec::new();
        for folder in said.folders.iter().map(|folder| folder.as_str().trim().trim_matches('"')) {
            if !folder.is_empty() && !folder.contains('$') {
                paths::add_folder(&mut include_folders, &base, folder);
            }
        }
        let mut of_files = Vec::new();
        let mut found = Vec::new();
        for file in files {
            if !self.reader.budget.spend(FILE) {
                break;
            }
            let Some(path) = file.attribute("RelativePath") else { continue };
            let Some(source) = self.reader.tree.at(&paths::joined(&base, path)) else { continue };
            let own = file.children().find(|own| own.attribute("Name") == Some(name));
            let excluded = own.and_then(|own| own.attribute("ExcludedFromBuild"));
            let is_excluded = excluded.is_some_and(|value| value.eq_ignore_ascii_case("true"));
            found.push((source, !is_excluded));
            if is_excluded {
                continue;
            }
            if let Some(own) = own.and_then(|own| tool(own, "VCCLCompilerTool")) {
                let own = self.compiled(Some(own));
                if !own.defines.is_empty() {
                    of_files.push((source, own.defines));
                }
            }
        }
        let linker = self.linker(tool(node, "VCLinkerTool"));
        let configuration = Configuration {
            name: name.to_owned(),
            output: output(node, &linker),
            windows: None,
            defines: said.defines,
            of_files,
            left_out: Vec::new(),
            include_folders,
            forced_includes: said
                .forced
                .iter()
                .map(|name| name.as_str().trim().to_owned())
                .collect(),
            linker,
            silenced: said.silenced,
            silenced_of_files: Vec::new(),
            forced_of_files: Vec::new(),
        };
        (configuration, found)
    }

    fn attribute(&self, node: Option<Node<'_, '_>>, name: &str) -> Traced {
        let value = node.and_then(|node| xml::attribute(self.reader.tree, self.file, node, name));
        let value = value.unwrap_or_default();
        if self.reader.budget.spend(value.cost()) { value } else { Traced::default() }
    }

    fn listed(&self, node: Option<Node<'_, '_>>, name: &str) -> Vec<Traced> {
        let list = self.attribute(node, name).split(|letter| letter == ';' || letter == ',');
        list.into_iter().filter(|one| !one.as_str().trim().is_empty()).collect()
    }

    fn compiled(&mut self, node: Option<Node<'_, '_>>) -> Switches {
        let mut defines = Vec::new();
        for one in self.listed(node, "PreprocessorDefinitions") {
            defines.extend(defines::define(&one, &[], &mut self.doubts));
        }
        for one in self.listed(node, "UndefinePreprocessorDefinitions") {
            defines.extend(defines::undefine(&one, &[], &mut self.doubts));
        }
        let options = words(&self.attribute(node, "AdditionalOptions"), Quoting::Windows);
        let mut found = compiler(&options, true, &[], &mut self.doubts);
        defines.append(&mut found.defines);
        let mut folders = self.listed(node, "AdditionalIncludeDirectories");
        folders.append(&mut found.folders);
        let mut forced = self.listed(node, "ForcedIncludeFiles");
        forced.append(&mut found.forced);
        let listed = self.listed(node, "DisableSpecificWarnings");
        found.silenced.extend(listed.iter().filter_map(|one| silenced(one, &[])));
        Switches { defines, folders, forced, ..found }
    }

    fn linker(&self, node: Option<Node<'_, '_>>) -> Vec<LinkerOption> {
        let mut found = Vec::new();
        let merged = self.attribute(node, "MergeSections");
        if !merged.as_str().is_empty() {
            found.extend(linker_option(format!("/MERGE:{}", merged.as_str()), &merged, &[]));
        }
        let driver = self.attribute(node, "Driver");
        let text = match driver.as_str() {
            "1" => Some("/DRIVER"),
            "2" => Some("/DRIVER:UPONLY"),
            "3" => Some("/DRIVER:WDM"),
            _ => None,
        };
        found.extend(text.and_then(|text| linker_option(text.to_owned(), &driver, &[])));
        let options = words(&self.attribute(node, "AdditionalOptions"), Quoting::Windows);
        found.extend(options.iter().filter_map(|word| linker(word, &[])));
        found
    }
}

/// The settings of a tool.
fn tool<'a, 'i>(node: Node<'a, 'i>, name: &str) -> Option<Node<'a, 'i>> {
    node.children()
        .find(|child| child.has_tag_name("Tool") && child.attribute("Name") == Some(name))
}

fn output(node: Node<'_, '_>, linker: &[LinkerOption]) -> Output {
    let is_driver = linker.iter().any(|option| option.text.starts_with("/DRIVER"));
    match node.attribute("ConfigurationType") {
        Some("1") if is_driver => Output::Driver,
        Some("2") if is_driver => Output::ExportDriver,
        Some("1" | "2") => Output::UserMode,
        _ => Output::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::super::projects;
    use super::*;
    use crate::{SourceText, SourceTree};

    #[test]
    fn a_project_of_2008_is_read() {
        let text = r#"<?xml version="1.0" encoding="Windows-1252"?>
<VisualStudioProject Name="old">
  <Configurations>
    <Configuration Name="Release|Win32" ConfigurationType="1"/>
    <Configuration Name="Release|x64" ConfigurationType="1">
      <Tool Name="VCCLCompilerTool" PreprocessorDefinitions="_AMD64_;POOL_NX_OPTIN=1" AdditionalIncludeDirectories="..\inc,$(DDK)\inc"/>
      <Tool Name="VCLinkerTool" Driver="1" AdditionalOptions="/ALIGN:0x80 /OPT:REF" MergeSections=".rdata=.text"/>
    </Configuration>
  </Configurations>
  <Files><Filter Name="src">
    <File RelativePath=".\a.c"><FileConfiguration Name="Release|x64">
      <Tool Name="VCCLCompilerTool" PreprocessorDefinitions="POOL_NX_OPTOUT=1"/></FileConfiguration></File>
    <File RelativePath=".\b.c"><FileConfiguration Name="Release|x64" ExcludedFromBuild="true"/></File>
  </Filter></Files>
</VisualStudioProject>"#;
        let mut tree = SourceTree::default();
        tree.add("d/old.vcproj", SourceText::of(text)).unwrap();
        let source = tree.add("d/a.c", SourceText::of("")).unwrap();
        tree.add("d/b.c", SourceText::of("")).unwrap();
        let (projects, unreadable) = projects(&tree);
        assert!(unreadable.is_empty());
        let [project] = &projects[..] else { panic!("{projects:?}") };
        assert_eq!(project.sources, [source]);
        let [configuration] = &project.configurations[..] else { panic!("{project:?}") };
        assert_eq!((&*configuration.name, configuration.output), ("Release|x64", Output::Driver));
        let defines = configuration.defines_of(source);
        let told: Vec<_> = defines.iter().map(|define| tree.text(define.span.unwrap())).collect();
        assert_eq!(told, ["_AMD64_", "POOL_NX_OPTIN=1", "POOL_NX_OPTOUT=1"]);
        assert_eq!(configuration.include_folders, ["inc"]);
        let options: Vec<_> = configuration.linker.iter().map(|option| &*option.text).collect();
        assert_eq!(options, ["/MERGE:.rdata=.text", "/DRIVER", "/ALIGN:0x80"]);
    }
}
