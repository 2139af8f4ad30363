//! Files that change without the editor: by a build, or as another branch is checked out.

use lsp_server::Request;
use lsp_types::notification::{DidChangeWatchedFiles, Notification as _};
use lsp_types::request::{RegisterCapability, Request as _};
use lsp_types::{
    ClientCapabilities, DidChangeWatchedFilesRegistrationOptions, FileSystemWatcher, GlobPattern,
    Registration, RegistrationParams,
};

/// What is looked at, by its name: sources, headers, and what builds them.
const WATCHED: [&str; 4] = [
    "**/*.{c,cc,cpp,cxx,c++,rs}",
    "**/*.{h,hh,hpp,hxx,inl,inc}",
    "**/*.{vcxproj,vcxitems,vcproj,props,targets,rsp,cmake}",
    "**/{CMakeLists.txt,compile_commands.json,sources,SOURCES,Sources,sources.inc,dirs,DIRS}",
];

/// The request that the editor tells of such files, if it can.
pub(super) fn registration(of: &ClientCapabilities) -> Option<Request> {
    let watching = of.workspace.as_ref()?.did_change_watched_files.as_ref()?;
    if watching.dynamic_registration != Some(true) {
        return None;
    }
    let watcher = |glob: &str| FileSystemWatcher {
        glob_pattern: GlobPattern::String(glob.to_owned()),
        kind: None,
    };
    let options = DidChangeWatchedFilesRegistrationOptions {
        watchers: WATCHED.into_iter().map(watcher).collect(),
    };
    let registration = Registration {
        id: "watched-files".to_owned(),
        method: DidChangeWatchedFiles::METHOD.to_owned(),
        register_options: Some(serde_json::to_value(options).ok()?),
    };
    let params = RegistrationParams { registrations: vec![registration] };
    let id = "watched-files".to_owned().into();
    Some(Request::new(id, RegisterCapability::METHOD.to_owned(), params))
}
