//! A directory as a simulated disk, and back: what cannot be done to a real one is done to a copy.

use crate::sim::SimFiles;
use seaworthy::wal::{FileName, Files};
use std::fs;
use std::io;
use std::path::Path;

/// The files of a directory, all of them durable.
pub(super) fn of(directory: &Path) -> io::Result<SimFiles> {
    let mut files = SimFiles::default();
    for name in names(directory)? {
        files.create(name)?;
        files.write(name, 0, &fs::read(directory.join(name.to_string()))?)?;
        files.sync(name)?;
    }
    files.sync_directory()?;
    Ok(files)
}

/// Puts files into a directory, in the place of those that are there.
pub(super) fn put(directory: &Path, files: &SimFiles) -> io::Result<()> {
    for name in names(directory)? {
        fs::remove_file(directory.join(name.to_string()))?;
    }
    for name in files.list()? {
        let mut bytes = vec![0; usize::try_from(files.len(name)?).unwrap_or_default()];
        files.read(name, 0, &mut bytes)?;
        fs::write(directory.join(name.to_string()), bytes)?;
    }
    Ok(())
}

/// The files that are a node's. The lock is none of them.
fn names(directory: &Path) -> io::Result<Vec<FileName>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(directory)? {
        names.extend(entry?.file_name().to_str().and_then(FileName::parse));
    }
    Ok(names)
}
