//! What a project is built into, and which options the linker gets.

use super::super::switches::{linker, linker_option};
use super::super::traced::Traced;
use super::super::words::{Quoting, words};
use super::super::{LinkerOption, Output};
use super::evaluation::Evaluation;
use super::items::Metadata;

/// What the project is built into, by its type, its toolset and how it is linked.
pub(super) fn output(evaluation: &Evaluation<'_, '_>, metadata: &Metadata) -> Output {
    let properties = &evaluation.properties;
    let decides = ["ConfigurationType", "DriverType", "PlatformToolset"];
    if decides.iter().any(|name| properties.is_doubtful(name)) {
        return Output::Unknown;
    }
    let of = |name: &str| properties.certain(name).unwrap_or_default().to_ascii_lowercase();
    let [kind, driver, toolset] = decides.map(of);
    let link = |name: &'static str| {
        metadata.get(&("Link", name)).map(|value| value.as_str().trim().to_ascii_lowercase())
    };
    let native = link("SubSystem").as_deref() == Some("native")
        || link("Driver").is_some_and(|driver| !["", "notset"].contains(&&*driver));
    let user = driver == "umdf"
        || toolset.starts_with("windowsusermodedriver")
        || toolset.starts_with("windowsapplicationfordrivers");
    let kernel = toolset.starts_with("windowskernelmodedriver");
    match &*kind {
        _ if user => Output::UserMode,
        "driver" if driver == "exportdriver" => Output::ExportDriver,
        "driver" => Output::Driver,
        "dynamiclibrary" if kernel || native => Output::ExportDriver,
        "staticlibrary" if kernel => Output::DriverLibrary,
        "application" if native => Output::Driver,
        "application" => Output::UserMode,
        "dynamiclibrary" | "staticlibrary" if !toolset.is_empty() => Output::UserMode,
        _ => Output::Unknown,
    }
}

/// The options of the linker that matter.
pub(super) fn options(evaluation: &Evaluation<'_, '_>, metadata: &Metadata) -> Vec<LinkerOption> {
    let budget = &evaluation.reader.budget;
    let of = |kind, name| {
        let value = metadata.get(&(kind, name)).filter(|value| budget.afford_words(value));
        value.into_iter()
    };
    let mut found = Vec::new();
    let mut add = |text: String, origin: &Traced| found.extend(linker_option(text, origin, &[]));
    for (name, option) in [
        ("SectionAlignment", "ALIGN"),
        ("MergeSections", "MERGE"),
        ("SpecifySectionAttributes", "SECTION"),
    ] {
        for value in of("Link", name).flat_map(|value| value.split(|letter| letter == ';')) {
            let value = value.trim();
            if !value.as_str().is_empty() {
                add(format!("/{option}:{}", value.as_str()), &value);
            }
        }
    }
    for value in of("Link", "Driver").map(Traced::trim) {
        match &*value.as_str().to_ascii_lowercase() {
            "driver" => add("/DRIVER".into(), &value),
            "uponly" => add("/DRIVER:UPONLY".into(), &value),
            "wdm" => add("/DRIVER:WDM".into(), &value),
            _ => {}
        }
    }
    for value in of("Link", "SubSystem").map(Traced::trim) {
        if value.as_str().eq_ignore_ascii_case("native") {
            add("/SUBSYSTEM:NATIVE".into(), &value);
        }
    }
    for value in of("Link", "EntryPointSymbol").map(Traced::trim) {
        if !value.as_str().is_empty() {
            add(format!("/ENTRY:{}", value.as_str()), &value);
        }
    }
    for value in of("ClCompile", "ControlFlowGuard").map(Traced::trim) {
        if value.as_str().eq_ignore_ascii_case("guard") {
            add("/GUARD:CF".into(), &value);
        }
    }
    for line in of("Link", "AdditionalOptions") {
        found.extend(words(line, Quoting::Windows).iter().filter_map(|word| linker(word, &[])));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::super::{Output, Project};
    use super::super::tests::read;

    fn options(project: &Project, name: &str) -> Vec<String> {
        let configuration = project.configurations.iter().find(|one| one.name == name).unwrap();
        configuration.linker.iter().map(|option| option.text.clone()).collect()
    }

    #[test]
    fn the_linker_gets_options() {
        let content = r#"
  <ItemDefinitionGroup Condition="'$(Configuration)'=='Release'">
    <ClCompile><ControlFlowGuard>Guard</ControlFlowGuard></ClCompile>
    <Link>
      <SectionAlignment>512</SectionAlignment>
      <MergeSections>.rdata=.text</MergeSections>
      <SpecifySectionAttributes>INIT,RWE</SpecifySectionAttributes>
      <AdditionalOptions>/integritycheck -merge:PAGE=.text %(AdditionalOptions)</AdditionalOptions>
      <Driver>Driver</Driver>
    </Link>
  </ItemDefinitionGroup>"#;
        let (tree, project) = read(content, &[]);
        assert!(options(&project, "Debug|x64").is_empty());
        assert_eq!(
            options(&project, "Release|x64"),
            [
                "/ALIGN:512",
                "/MERGE:.rdata=.text",
                "/SECTION:INIT,RWE",
                "/DRIVER",
                "/GUARD:CF",
                "/INTEGRITYCHECK",
                "/MERGE:PAGE=.text"
            ]
        );
        let spans = project.configurations[1].linker.iter().map(|option| tree.text(option.span));
        assert_eq!(
            spans.collect::<Vec<_>>(),
            [
                "512",
                ".rdata=.text",
                "INIT,RWE",
                "Driver",
                "Guard",
                "/integritycheck",
                "-merge:PAGE=.text"
            ]
        );
    }

    #[test]
    fn types_and_toolsets_tell_the_output() {
        let output = |properties: &str| {
            let content = format!("<PropertyGroup>{properties}</PropertyGroup>");
            read(&content, &[]).1.configurations[0].output
        };
        assert_eq!(
            output("<ConfigurationType>DynamicLibrary</ConfigurationType>"),
            Output::ExportDriver
        );
        assert_eq!(
            output("<ConfigurationType>StaticLibrary</ConfigurationType>"),
            Output::DriverLibrary
        );
        let user = "<PlatformToolset>WindowsUserModeDriver10.0</PlatformToolset><DriverType>UMDF</DriverType>";
        assert_eq!(
            output(&format!("{user}<ConfigurationType>DynamicLibrary</ConfigurationType>")),
            Output::UserMode
        );
        let program = "<PlatformToolset>WindowsApplicationForDrivers10.0</PlatformToolset>";
        assert_eq!(
            output(&format!("{program}<ConfigurationType>Application</ConfigurationType>")),
            Output::UserMode
        );
        assert_eq!(output("<ConfigurationType>Utility</ConfigurationType>"), Output::Unknown);
        assert_eq!(
            output(
                "<ConfigurationType Condition=\"'$(WDKVersion)'==''\">Utility</ConfigurationType>"
            ),
            Output::Unknown
        );
    }
}
