//! Copies of data directories, as a backup makes them.

use crate::kill::Outcome;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// What is all zeros is not written: a segment is mostly that.
const PAGE: usize = 4096;

/// Puts a copy of a directory in the place of what is there. The lock is no data.
pub(super) fn copy(from: &Path, to: &Path) -> Outcome<()> {
    remove(to)?;
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let name = entry?.file_name();
        if name != "lock" {
            write(&to.join(&name), &fs::read(from.join(&name))?)?;
        }
    }
    Ok(())
}

/// A directory that may not be there.
pub(super) fn remove(directory: &Path) -> io::Result<()> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Puts a file in the place of what is there.
pub(super) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let file = File::create(path)?;
    file.set_len(bytes.len() as u64)?;
    for (number, page) in bytes.chunks(PAGE).enumerate() {
        if page.iter().any(|byte| *byte != 0) {
            file.write_all_at(page, (number * PAGE) as u64)?;
        }
    }
    Ok(())
}

/// Are they the same, but for the lock?
pub(super) fn are_alike(one: &Path, other: &Path) -> io::Result<bool> {
    let names = |directory: &Path| -> io::Result<Vec<_>> {
        let listed = fs::read_dir(directory)?.map(|entry| Ok(entry?.file_name()));
        let mut names: Vec<_> = listed.collect::<io::Result<_>>()?;
        names.retain(|name| name != "lock");
        names.sort();
        Ok(names)
    };
    let these = names(one)?;
    if these != names(other)? {
        return Ok(false);
    }
    for name in these {
        if fs::read(one.join(&name))? != fs::read(other.join(&name))? {
            return Ok(false);
        }
    }
    Ok(true)
}
