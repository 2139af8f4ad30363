//! Changes of `.vcxproj` files and of what they import.

use super::super::edit::{Changes, PAGE, indentation, lines, word};
use super::super::{Holds, Project, xml};
use crate::{SourceTree, Span};
use roxmltree::{Document, Node};
use std::ops::Range;

/// Defines a macro, `NAME=value`, in all configurations: in front of the macros that are there, or in a group of its own.
/// Elements that have it need it no more, nor do those in which it was `replaced`.
pub(in super::super) fn adding_define(
    tree: &SourceTree,
    project: &Project,
    define: &str,
    replaced: &[Span],
) -> Option<Changes> {
    let name = "PreprocessorDefinitions";
    let whole = format!("<{name}>{define};%({name})</{name}>");
    let mut changes = Vec::new();
    let file = Edited::of(tree, project)?;
    for site in &project.sites {
        let Some(node) = file.node(site.place.range()) else { continue };
        let is_within = |span: &Span| {
            span.file == site.place.file
                && site.place.start <= span.start
                && span.end <= site.place.end
        };
        if replaced.iter().any(is_within) || has_word(node, define) {
            continue;
        }
        match site.holds {
            Holds::Defines => changes.push(file.in_front(node, define)),
            Holds::OwnDefines if !opts_out(node) => changes.push(file.in_front(node, define)),
            Holds::Compiler => changes.push(file.inside(node, &whole)),
            Holds::OwnDefines | Holds::Linker => {}
        }
    }
    let for_all = [Holds::Defines, Holds::Compiler];
    if !project.sites.iter().any(|site| for_all.contains(&site.holds)) {
        changes.push(file.group("ClCompile", &whole)?);
    }
    Some(changes)
}

/// Whether an element lists a word.
fn has_word(node: Node<'_, '_>, word: &str) -> bool {
    node.text().is_some_and(|text| text.split(';').any(|one| one.trim() == word))
}

/// A source that is taken out on purpose.
fn opts_out(node: Node<'_, '_>) -> bool {
    node.text().is_some_and(|text| text.contains("POOL_NX_OPTOUT"))
}

/// Sets the alignment of sections in all configurations.
pub(in super::super) fn aligning(tree: &SourceTree, project: &Project) -> Option<Changes> {
    let whole = format!("<SectionAlignment>{PAGE}</SectionAlignment>");
    let file = Edited::of(tree, project)?;
    let links = project.sites.iter().filter(|site| site.holds == Holds::Linker);
    let nodes: Vec<_> = links.filter_map(|site| file.node(site.place.range())).collect();
    if nodes.is_empty() {
        return Some(vec![file.group("Link", &whole)?]);
    }
    Some(nodes.into_iter().map(|node| file.inside(node, &whole)).collect())
}

/// What goes so that the option at `place` is gone: the switch, or the whole element where it holds nothing else.
pub(in super::super) fn without(tree: &SourceTree, place: Span) -> Option<Range<usize>> {
    let text = tree.file(place.file).text.as_str();
    let document = xml::read(text).ok()?;
    let range = place.range();
    let around = |node: &Node<'_, '_>| {
        let own = node.range();
        node.is_element() && own.start < range.start && range.end < own.end
    };
    // What begins last is innermost.
    let node = document.descendants().rfind(around)?;
    let mut texts = node.children().filter(Node::is_text).map(|part| xml::range_of(text, part));
    let content = texts.find(|content| content.end >= range.end)?;
    if content.start > range.start {
        return None;
    }
    let inherited = format!("%({})", node.tag_name().name());
    let rest = format!("{} {}", &text[content.start..range.start], &text[range.end..content.end]);
    let alone = rest
        .replace(&inherited, "")
        .replace("&quot;", "")
        .chars()
        .all(|letter| letter.is_whitespace() || letter == ';' || letter == '"');
    if alone { Some(lines(text, node.range())) } else { Some(word(text, range, content)) }
}

/// A project file that is changed.
struct Edited<'t> {
    project: &'t Project,
    text: &'t str,
    line_end: &'static str,
    document: Document<'t>,
}

impl<'t> Edited<'t> {
    fn of(tree: &'t SourceTree, project: &'t Project) -> Option<Edited<'t>> {
        if project.is_old(tree) {
            return None;
        }
        let file = &tree.file(project.file).text;
        let text = file.as_str();
        Some(Edited { project, text, line_end: file.line_end(), document: xml::read(text).ok()? })
    }

    fn node(&self, range: Range<usize>) -> Option<Node<'_, 't>> {
        self.document.descendants().find(|node| node.is_element() && node.range() == range)
    }

    fn at(&self, range: Range<usize>, text: String) -> (Span, String) {
        (Span::new(self.project.file, range), text)
    }

    /// Puts `define` in front of the macros that an element has.
    fn in_front(&self, node: Node<'_, '_>, define: &str) -> (Span, String) {
        let content = node.children().find(Node::is_text).map(|child| child.range());
        let Some(content) = content else { return self.filled(node, define) };
        let text = &self.text[content.clone()];
        let start = content.start + text.len() - text.trim_start().len();
        let separator = if text.trim().is_empty() { "" } else { ";" };
        self.at(start..start, format!("{define}{separator}"))
    }

    /// Puts an element before the others that an element has.
    fn inside(&self, node: Node<'_, '_>, element: &str) -> (Span, String) {
        let Some(first) = node.children().find(Node::is_element) else {
            return self.filled(node, element);
        };
        let at = first.range().start;
        let separator = match indentation(self.text, at) {
            Some(spaces) => format!("{}{spaces}", self.line_end),
            None => String::new(),
        };
        self.at(at..at, format!("{element}{separator}"))
    }

    /// Puts `content` into an element that has none.
    fn filled(&self, node: Node<'_, '_>, content: &str) -> (Span, String) {
        let range = node.range();
        let text = &self.text[range.clone()];
        if let Some(tag) = text.strip_suffix("/>") {
            let name =
                tag[1..].split(|letter: char| letter.is_whitespace()).next().unwrap_or_default();
            let start = range.start + tag.trim_end().len();
            return self.at(start..range.end, format!(">{content}</{name}>"));
        }
        let close = range.start + text.rfind("</").unwrap_or(text.len());
        self.at(close..close, content.to_owned())
    }

    /// Adds a group that holds for all configurations, before the rules of the compiler are imported.
    fn group(&self, kind: &str, element: &str) -> Option<(Span, String)> {
        let root = self.document.root_element();
        let imports = |node: &Node<'_, '_>| {
            let path = node.attribute("Project").unwrap_or_default().to_ascii_lowercase();
            node.tag_name().name() == "Import" && path.ends_with("microsoft.cpp.targets")
        };
        let close = root.range().start + self.text[root.range()].rfind("</")?;
        let at = root.children().find(imports).map_or(close, |node| node.range().start);
        let first = root.children().find(Node::is_element);
        let unit = first
            .and_then(|node| indentation(self.text, node.range().start))
            .filter(|unit| !unit.is_empty());
        let unit = unit.unwrap_or("  ");
        let line_end = self.line_end;
        let lines = [
            format!("{unit}<ItemDefinitionGroup>"),
            format!("{unit}{unit}<{kind}>"),
            format!("{unit}{unit}{unit}{element}"),
            format!("{unit}{unit}</{kind}>"),
            format!("{unit}</ItemDefinitionGroup>"),
        ];
        let block = lines.join(line_end);
        Some(match indentation(self.text, at) {
            Some(spaces) => {
                self.at(at - spaces.len()..at - spaces.len(), format!("{block}{line_end}"))
            }
            None => self.at(at..at, format!("{line_end}{block}{line_end}")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::edit::tests::{certain, made};
    use super::super::super::projects;
    use super::*;
    use crate::SourceText;

    const HEAD: &str = r#"<Project>
  <ItemGroup>
    <ProjectConfiguration Include="Debug|x64" />
    <ProjectConfiguration Include="Release|x64" />
  </ItemGroup>
"#;

    fn tree(content: &str) -> SourceTree {
        let mut tree = SourceTree::default();
        tree.add("d.vcxproj", SourceText::of(format!("{HEAD}{content}</Project>\n"))).unwrap();
        tree
    }

    /// What is behind the head once a macro is added; it must then be certain everywhere.
    fn added(content: &str) -> String {
        let tree = tree(content);
        let (projects, _) = projects(&tree);
        let changes = projects[0].adding_define(&tree, "POOL_NX_OPTIN_AUTO", "1").unwrap();
        let (text, changed) = made(&tree, "d.vcxproj", &changes);
        let all = certain(&changed);
        assert!(all.iter().all(|one| one.contains(&"POOL_NX_OPTIN_AUTO=1".to_owned())), "{text}");
        text[HEAD.len()..].trim_end().trim_end_matches("</Project>").to_owned()
    }

    #[test]
    fn a_macro_is_put_in_front_of_others() {
        assert_eq!(
            added(
                "<ItemDefinitionGroup><ClCompile><PreprocessorDefinitions> A;%(PreprocessorDefinitions)</PreprocessorDefinitions></ClCompile></ItemDefinitionGroup>\n"
            ),
            "<ItemDefinitionGroup><ClCompile><PreprocessorDefinitions> POOL_NX_OPTIN_AUTO=1;A;%(PreprocessorDefinitions)</PreprocessorDefinitions></ClCompile></ItemDefinitionGroup>\n"
        );
        let group = |condition: &str, inside: &str| {
            format!(
                "<ItemDefinitionGroup Condition=\"'$(Configuration)'=='{condition}'\"><ClCompile>{inside}</ClCompile></ItemDefinitionGroup>\n"
            )
        };
        let both = group("Debug", "<PreprocessorDefinitions>D</PreprocessorDefinitions>")
            + &group("Release", "<WarningLevel>4</WarningLevel>");
        let told = added(&both);
        assert!(
            told.contains(
                "<PreprocessorDefinitions>POOL_NX_OPTIN_AUTO=1;D</PreprocessorDefinitions>"
            )
        );
        assert!(told.contains("<ClCompile><PreprocessorDefinitions>POOL_NX_OPTIN_AUTO=1;%(PreprocessorDefinitions)</PreprocessorDefinitions><WarningLevel>"));
        assert!(
            added(&group("Debug", "<PreprocessorDefinitions />"))
                .contains("<PreprocessorDefinitions />")
        );
        let empty = group("Debug", "<PreprocessorDefinitions />") + &group("Release", "");
        assert!(
            added(&empty).contains(
                "<PreprocessorDefinitions>POOL_NX_OPTIN_AUTO=1</PreprocessorDefinitions>"
            )
        );
    }

    /// What comes last counts, so a definition in front of another value would change nothing.
    #[test]
    fn another_value_is_replaced() {
        let group = |condition: &str, macros: &str| {
            format!(
                "<ItemDefinitionGroup Condition=\"'$(Configuration)'=='{condition}'\"><ClCompile>\
                 <PreprocessorDefinitions>{macros}</PreprocessorDefinitions></ClCompile></ItemDefinitionGroup>\n"
            )
        };
        let fixed = group("Debug", "A;POOL_NX_OPTIN_AUTO=1;%(PreprocessorDefinitions)")
            + &group("Release", "POOL_NX_OPTIN_AUTO=1;R");
        let both = fixed.replace("AUTO=1", "AUTO=0");
        assert_eq!(added(&both), fixed);
        let one = group("Debug", "A;POOL_NX_OPTIN_AUTO=0;%(PreprocessorDefinitions)")
            + &group("Release", "R");
        assert_eq!(added(&one), fixed);
        // Once it is there nothing is added.
        let tree = tree(&fixed);
        assert_eq!(projects(&tree).0[0].adding_define(&tree, "POOL_NX_OPTIN_AUTO", "1"), None);
    }

    #[test]
    fn what_others_define_or_undefine_is_not_fixed_here() {
        let of = |content: &str| {
            let mut tree = tree(content);
            let sheet = "<Project><ItemDefinitionGroup><ClCompile><PreprocessorDefinitions>POOL_NX_OPTIN_AUTO=0\
                </PreprocessorDefinitions></ClCompile></ItemDefinitionGroup></Project>";
            tree.add("nx.props", SourceText::of(sheet)).unwrap();
            projects(&tree).0[0].adding_define(&tree, "POOL_NX_OPTIN_AUTO", "1")
        };
        assert_eq!(of("<Import Project=\"nx.props\"/>"), None);
        assert!(of("<Import Project=\"gone.props\"/>").is_some());
        let option = "<ItemDefinitionGroup><ClCompile><AdditionalOptions>/U POOL_NX_OPTIN_AUTO</AdditionalOptions></ClCompile></ItemDefinitionGroup>";
        assert_eq!(of(option), None);
    }

    #[test]
    fn a_group_is_made_where_there_is_none() {
        let import = "  <Import Project=\"$(VCTargetsPath)\\Microsoft.Cpp.targets\" />\r\n";
        let told = added(&import.replace('\r', ""));
        assert_eq!(
            told,
            "  <ItemDefinitionGroup>\n    <ClCompile>\n      <PreprocessorDefinitions>POOL_NX_OPTIN_AUTO=1;%(PreprocessorDefinitions)</PreprocessorDefinitions>\n    </ClCompile>\n  </ItemDefinitionGroup>\n  <Import Project=\"$(VCTargetsPath)\\Microsoft.Cpp.targets\" />\n"
        );
        assert!(added("").ends_with("  </ItemDefinitionGroup>\n"));
        let mut crlf = SourceTree::default();
        crlf.add("d.vcxproj", SourceText::of("<Project>\r\n</Project>\r\n")).unwrap();
        let (projects, _) = projects(&crlf);
        let changes = projects[0].adding_define(&crlf, "A", "1").unwrap();
        assert_eq!(changes[0].1.matches('\n').count(), changes[0].1.matches("\r\n").count());
    }

    #[test]
    fn sources_that_take_over_nothing_get_it_too_unless_they_opt_out() {
        let content = "<ItemGroup><ClCompile Include=\"a.c\"><PreprocessorDefinitions>OWN</PreprocessorDefinitions></ClCompile>\
            <ClCompile Include=\"b.c\"><PreprocessorDefinitions>POOL_NX_OPTOUT</PreprocessorDefinitions></ClCompile></ItemGroup>\n";
        let mut tree = tree(content);
        tree.add("a.c", SourceText::of("")).unwrap();
        tree.add("b.c", SourceText::of("")).unwrap();
        let (projects, _) = projects(&tree);
        let changes = projects[0].adding_define(&tree, "X", "1").unwrap();
        let (text, _) = made(&tree, "d.vcxproj", &changes);
        assert!(text.contains(">X=1;OWN<") && text.contains(">POOL_NX_OPTOUT<"));
    }

    fn linked(link: &str) -> SourceTree {
        tree(&format!(
            "  <ItemDefinitionGroup>\n    <Link>\n{link}    </Link>\n  </ItemDefinitionGroup>\n"
        ))
    }

    #[test]
    fn an_option_goes_with_its_element_where_it_is_alone() {
        let gone = |link: &str| {
            let tree = linked(link);
            let (projects, _) = projects(&tree);
            let option = &projects[0].configurations[0].linker[0];
            let changes = projects[0].without(&tree, option).unwrap();
            let (text, changed) = made(&tree, "d.vcxproj", &changes);
            let (left, _) = super::super::super::projects(&changed);
            assert!(!left[0].configurations[0].linker.iter().any(|one| one.text == option.text));
            text.split("<Link>\n").nth(1).unwrap().split("    </Link>").next().unwrap().to_owned()
        };
        assert_eq!(gone("      <MergeSections>.rdata=.text</MergeSections>\n"), "");
        assert_eq!(
            gone(
                "      <AdditionalOptions>/SECTION:INIT,RWE %(AdditionalOptions)</AdditionalOptions>\n"
            ),
            ""
        );
        assert_eq!(
            gone(
                "      <AdditionalOptions>/OPT:REF /SECTION:INIT,RWE %(AdditionalOptions)</AdditionalOptions>\n"
            ),
            "      <AdditionalOptions>/OPT:REF %(AdditionalOptions)</AdditionalOptions>\n"
        );
        assert_eq!(
            gone("      <AdditionalOptions>\"/MERGE:A=B\" /OPT:REF</AdditionalOptions>\n"),
            "      <AdditionalOptions>/OPT:REF</AdditionalOptions>\n"
        );
        // Whatever else stands beside it stays.
        for (before, after) in [
            ("&quot;/MERGE:A=B&quot; /NODEFAULTLIB", "/NODEFAULTLIB"),
            ("/NODEFAULTLIB &amp; /MERGE:A=B /OPT:REF", "/NODEFAULTLIB &amp; /OPT:REF"),
            ("<![CDATA[/MERGE:A=B /OPT:REF]]>", "<![CDATA[/OPT:REF]]>"),
            ("%(AdditionalOptions) /MERGE:\"A=B\" /OPT:REF", "%(AdditionalOptions) /OPT:REF"),
            ("/MERGE:&quot;A=B&quot; /OPT:REF", "/OPT:REF"),
        ] {
            let element =
                |text: &str| format!("      <AdditionalOptions>{text}</AdditionalOptions>\n");
            assert_eq!(gone(&element(before)), element(after));
        }
        assert_eq!(
            gone("      <AdditionalOptions>&quot;/MERGE:A=B&quot;</AdditionalOptions>\n"),
            ""
        );
    }

    #[test]
    fn the_alignment_is_set_where_it_stands() {
        let aligned = |tree: &SourceTree| {
            let (found, _) = projects(tree);
            let changes = found[0].setting_alignment(tree).unwrap();
            let (text, changed) = made(tree, "d.vcxproj", &changes);
            let (found, _) = projects(&changed);
            for configuration in &found[0].configurations {
                let told: Vec<_> = configuration.linker.iter().map(|one| &*one.text).collect();
                assert_eq!(told, ["/ALIGN:4096"], "{text}");
            }
            text
        };
        assert!(
            aligned(&linked("<SectionAlignment>32</SectionAlignment>\n"))
                .contains("<SectionAlignment>4096<")
        );
        assert!(
            aligned(&linked("<AdditionalOptions>-align:512</AdditionalOptions>\n"))
                .contains(">/ALIGN:4096<")
        );
        assert!(
            aligned(&linked(
                "<AdditionalOptions>/ALIGN:32 &lt;x /NODEFAULTLIB</AdditionalOptions>\n"
            ))
            .contains(">/ALIGN:4096 &lt;x /NODEFAULTLIB<")
        );
        assert!(
            aligned(&linked("      <A>1</A>\n"))
                .contains("    <SectionAlignment>4096</SectionAlignment>\n      <A>")
        );
        assert!(aligned(&tree("")).contains("    <Link>\n"));
    }
}
