//! The floor of the lint rows of `cargo xtask bench`: what parsing all sources costs, and nothing else.
//!
//! `parse FOLDER [THREADS]`, where 0 threads, the default, are as many as there are processors. Each file below the
//! folder whose name is one of C or C++ is read and parsed by tree-sitter, with a parser for each thread. Headers are
//! parsed as C.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "the counts are this program's answer")]

use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use tree_sitter::Parser;

/// What came of some files.
#[derive(Default)]
struct Counts {
    files: usize,
    bytes: usize,
    /// Nodes of trees: something of each is used, so that no compiler may leave one out.
    nodes: usize,
}

fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    let folder = arguments.next().context("usage: parse FOLDER [THREADS]")?;
    let threads = match arguments.next() {
        Some(number) => number.to_string_lossy().parse()?,
        None => 0,
    };
    let threads = if threads == 0 { thread::available_parallelism()?.get() } else { threads };
    let mut paths = Vec::new();
    collect(Path::new(&folder), &mut paths)?;
    paths.sort_unstable();
    let next = AtomicUsize::new(0);
    let all = thread::scope(|scope| {
        let workers: Vec<_> =
            (0..threads).map(|_| scope.spawn(|| parse_some(&paths, &next))).collect();
        let mut all = Counts::default();
        for worker in workers {
            let some = worker.join().map_err(|_| anyhow::anyhow!("a thread panicked"))??;
            all.files += some.files;
            all.bytes += some.bytes;
            all.nodes += some.nodes;
        }
        anyhow::Ok(all)
    })?;
    println!("{} files, {} bytes, {} nodes", all.files, all.bytes, all.nodes);
    Ok(())
}

/// The files of C and C++ below `folder`.
fn collect(folder: &Path, paths: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let entry = entry?;
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            collect(&path, paths)?;
        } else if is_cpp(&path).is_some() {
            paths.push(path);
        }
    }
    Ok(())
}

/// Whether a file is C++; none where it is neither that nor C.
fn is_cpp(path: &Path) -> Option<bool> {
    match path.extension()?.to_str()? {
        "c" | "h" => Some(false),
        "cpp" | "cc" | "cxx" | "hpp" => Some(true),
        _ => None,
    }
}

/// Parses files until there is none left.
fn parse_some(paths: &[PathBuf], next: &AtomicUsize) -> Result<Counts> {
    let (mut c, mut cpp) = (Parser::new(), Parser::new());
    c.set_language(&tree_sitter_c::LANGUAGE.into())?;
    cpp.set_language(&tree_sitter_cpp::LANGUAGE.into())?;
    let mut counts = Counts::default();
    while let Some(path) = paths.get(next.fetch_add(1, Ordering::Relaxed)) {
        let bytes = fs::read(path).with_context(|| path.display().to_string())?;
        let parser = if is_cpp(path) == Some(true) { &mut cpp } else { &mut c };
        let tree = parser.parse(&bytes, None).context("the parser gave up")?;
        counts.files += 1;
        counts.bytes += bytes.len();
        counts.nodes += tree.root_node().descendant_count();
    }
    Ok(counts)
}
