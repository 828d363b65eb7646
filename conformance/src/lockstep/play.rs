//! Scenario files on production.

use super::mismatch::Mismatch;
use super::twin::{Found, Twin};
use crate::golden::{self, Failure, Golden};
use crate::production::Production;
use crate::scenario::Setup;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Why a scenario is not played to its end.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PlayError {
    /// The directory cannot be read.
    #[error("{}: {source}", .path.display())]
    Directory {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It fails with the driver in memory already.
    #[error("{0}")]
    Fails(Failure),
    /// Production does something else.
    #[error("{}: {mismatch}", .file.display())]
    Parts {
        /// The scenario.
        file: PathBuf,
        /// What is different.
        mismatch: Box<Mismatch>,
    },
}

/// Plays the scenarios of all groups of a directory, in the order of their names, and answers how many there are.
///
/// # Errors
///
/// Where production does something else than the protocol with its driver in memory.
pub fn play_all<P: Production>(
    root: &Path,
    twin: impl Fn(&Setup, &Found) -> Twin<P>,
) -> Result<usize, PlayError> {
    let failing = |path: &Path| {
        let path = path.to_owned();
        move |source| PlayError::Directory { path, source }
    };
    let groups = fs::read_dir(root).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let mut groups: Vec<PathBuf> = groups.map_err(failing(root))?.into_iter().map(|it| it.path()).collect();
    groups.sort();
    let mut played = 0;
    for group in groups {
        for file in golden::files(&group).map_err(failing(&group))? {
            play(&file, &twin)?;
            played += 1;
        }
    }
    Ok(played)
}

/// Plays one.
///
/// # Errors
///
/// Likewise.
pub fn play<P: Production>(file: &Path, twin: impl Fn(&Setup, &Found) -> Twin<P>) -> Result<(), PlayError> {
    let found = Found::default();
    let outcome = golden::run_file(file, Golden::Compare, |setup| twin(setup, &found));
    match (found.take(), outcome) {
        (Some(mismatch), _) => Err(PlayError::Parts { file: file.to_owned(), mismatch: Box::new(mismatch) }),
        (None, outcome) => outcome.map_err(PlayError::Fails),
    }
}
