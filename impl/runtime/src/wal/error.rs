//! What can be wrong with a disk, and what a node makes of it.

use super::files::FileName;
use std::io;
use thiserror::Error;

/// A request that the disk did not carry out.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DiskError {
    /// There is no room. Nothing is lost: the same may be asked for again.
    #[error("no space left for {file}: {source}")]
    Full {
        /// The file.
        file: FileName,
        /// What the file system said.
        source: io::Error,
    },
    /// The disk failed. What it holds of the last request is unknown, so it is not used any more: the node stops. A failed
    /// sync is never tried again, for the second would succeed and have written nothing (fsyncgate, PostgreSQL 2018).
    #[error("cannot {operation} {file}: {source}")]
    Failed {
        /// What was to be done.
        operation: &'static str,
        /// The file.
        file: FileName,
        /// What the file system said.
        source: io::Error,
    },
    /// It failed before, and is not used any more.
    #[error("the disk failed before, and is not used any more")]
    Poisoned,
}

/// Why a data directory cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Nothing was ever initialised here. A node that starts on an empty directory would forget its votes.
    #[error("there is no data here; a new node's directory is initialised once, and never again")]
    NotInitialised,
    /// There is data already.
    #[error("there is data here already")]
    AlreadyInitialised,
    /// Another process uses the directory.
    #[error("another process uses this directory")]
    Locked,
    /// A file is of another data directory: another node's, or another one of this node.
    #[error("{file} belongs to another data directory: that of node {node} of cluster {cluster:032x}")]
    BelongsToAnother {
        /// The file.
        file: FileName,
        /// Its cluster.
        cluster: u128,
        /// Its node.
        node: u8,
    },
    /// The file for what is known of the peers' directories cannot be made.
    #[error("{0}")]
    Peers(Box<dyn std::error::Error + Send + Sync>),
    /// A later version wrote it, or one that is read no more.
    #[error("{file} has format version {version}; this program reads version {known}")]
    UnknownVersion {
        /// The file.
        file: FileName,
        /// Its version.
        version: u16,
        /// The one that is known here.
        known: u16,
    },
    /// What was durable is damaged. Nothing was changed: the directory is as it was found, for whoever can mend it. A voter
    /// must not go on without it, and not without that which it said it had.
    #[error("{file} is damaged at byte {offset}: {what}")]
    Damaged {
        /// The file.
        file: FileName,
        /// Where.
        offset: u64,
        /// What is wrong.
        what: &'static str,
    },
    /// The file system failed.
    #[error("cannot {operation} {file}: {source}")]
    Failed {
        /// What was to be done.
        operation: &'static str,
        /// The file.
        file: FileName,
        /// What the file system said.
        source: io::Error,
    },
}

impl DiskError {
    /// Of an attempt to write: no room, or a failure.
    pub(super) fn writing(operation: &'static str, file: FileName) -> impl FnOnce(io::Error) -> Self {
        move |source| {
            let is_full = [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded].contains(&source.kind());
            if is_full { Self::Full { file, source } } else { Self::Failed { operation, file, source } }
        }
    }

    /// Of an attempt to make something durable, after which nothing is known.
    pub(super) fn failing(operation: &'static str, file: FileName) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Failed { operation, file, source }
    }
}

impl OpenError {
    /// Of what failed while a directory was made or opened: nothing of it is used.
    pub(super) fn from_disk(error: DiskError) -> Self {
        match error {
            DiskError::Full { file, source } => Self::Failed { operation: "make room for", file, source },
            DiskError::Failed { operation, file, source } => Self::Failed { operation, file, source },
            DiskError::Poisoned => Self::NotInitialised,
        }
    }

    pub(super) fn failing(operation: &'static str, file: FileName) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Failed { operation, file, source }
    }
}
