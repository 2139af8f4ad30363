//! Takes the sources of drivers out of packages.

use super::expectations::SourcePackage;
use crate::command::run;
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The folder with the sources of `package`, unpacked from `archive` unless that was done before.
pub fn unpacked(package: &SourcePackage, archive: &Path, parent: &Path) -> Result<PathBuf> {
    let folder = parent.join(&package.name);
    // What is there was made from this archive in this way, or it is made anew.
    let made_from = parent.join(format!("{}.from", package.name));
    let from = format!("{} {} {:?}\n", package.sha256, package.root, package.take);
    if folder.is_dir() && fs::read_to_string(&made_from).is_ok_and(|text| text == from) {
        return Ok(folder);
    }
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    // Unpacked aside and renamed, so that what is there is whole.
    let aside = tempfile::Builder::new().prefix(".unpack-").tempdir_in(parent)?;
    let mut tar = Command::new("tar");
    tar.args(["--extract", "--no-same-owner", "--no-same-permissions", "--wildcards", "--file"]);
    tar.arg(archive).arg("--directory").arg(aside.path()).arg("--");
    match &package.take[..] {
        [] => tar.arg(&package.root),
        parts => tar.args(parts.iter().map(|part| format!("{}/{part}", package.root))),
    };
    run(&mut tar)?;
    let root = aside.path().join(&package.root);
    keep_plain(&root).with_context(|| format!("{} is not in it", package.root))?;
    fs::rename(root, &folder)?;
    fs::write(made_from, from)?;
    Ok(folder)
}

/// Removes what is neither a file nor a folder: a link may lead out of here.
fn keep_plain(folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            keep_plain(&entry.path())?;
        } else if !kind.is_file() {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_wanted_is_taken_and_links_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let inside = folder.path().join("a-1");
        for name in ["sys", "user"] {
            fs::create_dir_all(inside.join("win").join(name)).unwrap();
            fs::write(inside.join("win").join(name).join("a.c"), name).unwrap();
        }
        std::os::unix::fs::symlink("/etc", inside.join("win/sys/etc")).unwrap();
        let archive = folder.path().join("a.tar");
        let mut tar = Command::new("tar");
        tar.arg("-cf").arg(&archive).arg("-C").arg(folder.path()).arg("a-1");
        run(&mut tar).unwrap();
        let mut package: SourcePackage = toml::from_str(
            "registry = 'crates'\nname = 'a'\nversion = '1'\nfile = 'a'\nsha256 = '1'\ncall = []\n\
             licence = 'MIT'\nroot = 'a-1/win'\ntake = ['s*']\ncovered = ['*']\nnote = 'made up'",
        )
        .unwrap();
        let files = |package: &SourcePackage| {
            let unpacked = unpacked(package, &archive, folder.path()).unwrap();
            super::super::sites::files(&unpacked).unwrap()
        };
        assert_eq!(files(&package), ["sys/a.c"]);
        assert!(folder.path().join("a/sys/etc").symlink_metadata().is_err());
        package.take.clear();
        assert_eq!(files(&package), ["sys/a.c", "user/a.c"]);
    }
}
