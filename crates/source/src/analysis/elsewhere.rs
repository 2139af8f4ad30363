//! Which other files say what a file asks for, by name.

use crate::world::{FunctionId, World};
use crate::{FileId, SourceTree};

/// The files that say anything of a name.
#[derive(Debug, Default)]
pub(super) struct Elsewhere {
    files: Vec<FileId>,
    /// Of what is nothing but a function, those whose function others can call.
    open: Option<Vec<FileId>>,
}

impl Elsewhere {
    /// Of a name with these functions, and what else stands in `others`.
    pub(super) fn of(world: &World<'_>, functions: &[FunctionId], others: Vec<FileId>) -> Self {
        let file = |id: &FunctionId| world.parsed[id.parsed].file;
        let open = functions.iter().filter(|id| world.is_open(**id)).map(file);
        let open = others.is_empty().then(|| open.collect());
        let mut files = others;
        files.extend(functions.iter().map(file));
        files.dedup();
        Elsewhere { files, open }
    }

    /// All of them.
    pub(super) fn all(&self) -> &[FileId] {
        &self.files
    }

    /// Those that a file needs: a call goes to its own function, or to the nearest one.
    pub(super) fn needed_by<'f>(&'f self, tree: &'f SourceTree, from: FileId) -> Vec<FileId> {
        match &self.open {
            None => self.files.clone(),
            Some(_) if self.files.contains(&from) => Vec::new(),
            Some(open) => {
                let near = |file: &FileId| tree.nearness(from, *file);
                let nearest = open.iter().map(near).max();
                open.iter().copied().filter(|file| Some(near(file)) == nearest).collect()
            }
        }
    }
}
