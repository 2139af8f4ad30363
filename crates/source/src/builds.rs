//! In which ways a source is built, and what each makes of it.

#[cfg(test)]
mod tests;

use crate::directive::DirectiveKind;
use crate::opt_in::{self, Build, OptIn};
use crate::preprocess::{AllDirectives, Surroundings, Unit, unit};
use crate::project::UNREAD;
use crate::tree::folder;
use crate::{
    Configuration, FileId, FileKind, Project, ProjectFormat, SourceTree, Span, interest, linker,
    owners,
};
use foldhash::{HashMap, HashSet};

/// A project and one of its configurations.
type Builder<'p> = (&'p Project, &'p Configuration);

/// A file that is built in more ways than this is not looked at in each of them.
const MOST_WAYS: usize = 12;

/// Who builds a source and matters: what is for the kernel before what is not, and for x64 before what is not.
pub(crate) fn builders<'p>(
    projects: &'p [Project],
    tree: &SourceTree,
    file: FileId,
) -> Vec<Builder<'p>> {
    let owners = owners(projects, tree, file).into_iter();
    let all = owners.flat_map(|one| one.configurations.iter().map(move |other| (one, other)));
    let mut kept: Vec<Builder<'p>> = all.collect();
    let mut prefer = |fits: &dyn Fn(&Configuration) -> bool| {
        if kept.iter().any(|(_, one)| fits(one)) {
            kept.retain(|(_, one)| fits(one));
        }
    };
    prefer(&|one| linker::is_for_kernel(&one));
    prefer(&|one| !one.left_out.contains(&file));
    prefer(&|one| one.name.to_ascii_lowercase().contains("x64"));
    kept
}

/// What projects say about a source.
pub(crate) fn surroundings<'t>(
    tree: &SourceTree,
    projects: &'t [Project],
    defines: &'t [String],
    file: FileId,
) -> Surroundings<'t> {
    around(&builders(projects, tree, file), defines, file)
}

/// What these builders together say about a source.
fn around<'t>(builders: &[Builder<'t>], defines: &'t [String], file: FileId) -> Surroundings<'t> {
    // What is not read may say anything.
    let is_open = |(_, doubt): &(Span, String)| UNREAD.iter().any(|what| doubt.contains(what));
    let lacks_some = builders.iter().any(|(project, _)| project.doubts.iter().any(is_open));
    let is_arm64 = |(_, one): &Builder<'_>| one.name.to_ascii_lowercase().contains("arm64");
    let only_arm64 = !builders.is_empty() && builders.iter().all(is_arm64);
    let mut around = Surroundings { is_told: !builders.is_empty(), ..Surroundings::default() };
    let each: Vec<_> = builders.iter().map(|(_, one)| one.defines_of(file)).collect();
    for define in each.iter().flatten() {
        let said = (&*define.name, define.value.as_deref());
        if around.defines.iter().all(|(name, value, _)| (*name, *value) != said) {
            let is_it = |other: &&crate::Define| {
                other.certain && (&*other.name, other.value.as_deref()) == said
            };
            let certain = each.iter().all(|all| all.iter().any(|other| is_it(&&**other)));
            around.defines.push((said.0, said.1, certain));
        }
    }
    for (_, configuration) in builders {
        around.include_folders.extend(configuration.include_folders.iter().cloned());
        around.forced_includes.extend(configuration.forced_of(file).iter().map(|name| &**name));
    }
    let opts_in = |(name, ..): &(&str, Option<&str>, bool)| name.starts_with("POOL_NX_OPT");
    if only_arm64 {
        // The kit's headers opt in for Windows on Arm.
        around.defines.insert(0, ("POOL_NX_OPTIN_AUTO", Some("1"), true));
    } else if lacks_some {
        around.is_told = false;
        if !around.defines.iter().any(opts_in) {
            around.defines.push(("POOL_NX_OPTIN_AUTO", Some("1"), false));
        }
    }
    let said = defines.iter().map(|define| match define.split_once('=') {
        Some((name, value)) => (name, Some(value), true),
        None => (&**define, Some("1"), true),
    });
    around.defines.extend(said);
    around.include_folders.dedup();
    around.forced_includes.dedup();
    around
}

/// What the macros of a unit say. Where all builds together leave it open, each is asked.
pub(crate) fn opt_in(
    tree: &SourceTree,
    directives: &AllDirectives,
    (projects, defines): (&[Project], &[String]),
    of: &Unit<'_>,
) -> OptIn {
    let said = opt_in::of_unit(tree, of);
    if said != OptIn::Open {
        return said;
    }
    let mut ways: Vec<(Surroundings<'_>, Vec<Builder<'_>>)> = Vec::new();
    for builder in builders(projects, tree, of.main) {
        let own = around(&[builder], defines, of.main);
        match ways.iter().position(|(known, _)| *known == own) {
            Some(known) => ways[known].1.push(builder),
            None if ways.len() >= MOST_WAYS => return said,
            None => ways.push((own, vec![builder])),
        }
    }
    if ways.len() < 2 {
        return said;
    }
    let of_way = |own: &Surroundings<'_>| {
        let unit = unit(tree, directives, of.main, own);
        opt_in::of_unit(tree, &unit)
    };
    joined(ways.into_iter().map(|(own, builders)| (of_way(&own), builders)).collect())
}

/// What the ways in which a file is built say together.
fn joined(ways: Vec<(OptIn, Vec<Builder<'_>>)>) -> OptIn {
    // What CMake's files say and is not understood may be the opt-in.
    let is_sure = |(project, _): &&Builder<'_>| {
        project.format != ProjectFormat::CMake || project.doubts.is_empty()
    };
    let lacks = |of: &OptIn| matches!(of, OptIn::None | OptIn::OptedOut { .. });
    if ways.iter().all(|(said, builders)| lacks(said) && builders.iter().all(|one| is_sure(&one))) {
        return OptIn::None;
    }
    let without = ways.iter().filter(|(said, _)| lacks(said)).flat_map(|(_, builders)| builders);
    let without: Vec<Builder<'_>> = without.filter(is_sure).copied().collect();
    if !without.is_empty() {
        let all: Vec<Builder<'_>> = ways.into_iter().flat_map(|(_, builders)| builders).collect();
        return OptIn::Partly { without: told(&without, &all) };
    }
    let is_runtime = |(said, _): &(OptIn, _)| matches!(said, OptIn::Runtime(_));
    match ways.iter().find(|one| is_runtime(one)) {
        _ if ways.iter().any(|one| one.0 != OptIn::Auto && !is_runtime(one)) => OptIn::Open,
        Some((runtime, _)) => runtime.clone(),
        None => OptIn::Auto,
    }
}

/// Builders by project, with the configurations where they are not all that build the file.
fn told(some: &[Builder<'_>], all: &[Builder<'_>]) -> Vec<Build> {
    let of = |builders: &[Builder<'_>], project: &Project| -> Vec<String> {
        let own = builders.iter().filter(|(other, _)| std::ptr::eq(*other, project));
        own.map(|(_, one)| one.name.clone()).collect()
    };
    let mut builds: Vec<Build> = Vec::new();
    for (project, _) in some {
        let mut configurations = of(some, project);
        if configurations.len() == of(all, project).len() {
            configurations.clear();
        }
        let build = Build { configurations, ..Build::whole(project) };
        if !builds.contains(&build) {
            builds.push(build);
        }
    }
    builds
}

/// Sources that projects name and none builds for a processor of 64 bits, in the order of the tree.
pub(crate) fn not_built(
    tree: &SourceTree,
    directives: &AllDirectives,
    projects: &[Project],
) -> Vec<FileId> {
    let named = projects.iter().flat_map(|project| &project.unbuilt).copied();
    let mut left: HashSet<FileId> = named.collect();
    left.retain(|file| tree.file(*file).kind != FileKind::Header);
    for project in projects {
        for file in &project.sources {
            left.remove(file);
        }
    }
    let vague = projects.iter().filter(|project| !project.names_sources);
    let vague: Vec<&str> = vague.map(|project| folder(tree.key(project.file))).collect();
    left.retain(|file| {
        let own = folder(tree.key(*file));
        !vague.iter().any(|above| above.is_empty() || own.starts_with(above))
    });
    if left.is_empty() {
        return Vec::new();
    }
    // What others include is built with them.
    let name_of = |path: &str| path.rsplit(['/', '\\']).next().unwrap_or(path).to_lowercase();
    let mut by_name: HashMap<String, Vec<FileId>> = HashMap::default();
    for file in &left {
        by_name.entry(name_of(&tree.file(*file).path)).or_default().push(*file);
    }
    for from in interest::sources(tree) {
        let text = tree.file(from).text.as_str();
        for directive in directives.of(tree, from) {
            if let DirectiveKind::Include { name } = &directive.kind
                && let Some(files) = by_name.get(&name_of(&text[name.clone()]))
            {
                for file in files {
                    left.remove(file);
                }
            }
        }
    }
    let mut left: Vec<FileId> = left.into_iter().collect();
    left.sort();
    left
}
