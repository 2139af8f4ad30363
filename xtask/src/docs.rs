//! The documentation as a website: a page a rule, a page a DDI, and a search that needs no server.
//!
//! Every word is that of `ringfence explain`. The pages are plain files that refer to nothing outside of
//! themselves, so they can be read from a disk, put on any server, or printed.

mod article;
mod entries;
mod home;
mod markdown;
mod names;
mod oracle;
mod shell;

use crate::command;
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};

/// Where the pages go.
#[derive(clap::Args)]
pub struct Arguments {
    /// The folder to write into; what else is in it stays
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Write nothing; ask the search of the website what `explain` is asked, and compare the answers
    #[arg(long, conflicts_with = "out")]
    check: bool,
}

/// A page of the website.
pub struct Page {
    /// Its path below the root, with `/`.
    pub path: String,
    /// All of it.
    pub html: String,
}

/// Writes the website, or checks its search.
pub fn run(arguments: &Arguments) -> Result<()> {
    let pages = pages();
    if arguments.check {
        return oracle::check();
    }
    let folder = match &arguments.out {
        Some(folder) => folder.clone(),
        None => command::target()?.join("docs"),
    };
    for page in &pages {
        write(&folder.join(&page.path), &page.html)?;
    }
    println!("{} pages: {}", pages.len(), folder.join(home::PATH).display());
    Ok(())
}

/// All pages, in no order that matters.
fn pages() -> Vec<Page> {
    let names = names::Names::all();
    let mut pages = home::pages(&names);
    pages.extend(article::rules(&names));
    pages.extend(article::ddis(&names));
    pages
}

fn write(path: &Path, text: &str) -> Result<()> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests;
