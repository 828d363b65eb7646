//! Reads snapshots beside a log that another thread writes: a name that is there is whole, and its bytes never change.

use super::files::FileName;
use seaworthy_protocol::{Chunk, Snapshot};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

/// Reads the snapshots of a data directory.
#[derive(Debug)]
pub(crate) struct SnapshotReader {
    path: PathBuf,
    /// The one that was read last: a transfer reads it piece by piece.
    open: Option<HeldSnapshot>,
}

/// A snapshot that stays readable when its name is gone.
#[derive(Debug)]
pub(crate) struct HeldSnapshot {
    snapshot: Snapshot,
    file: File,
}

impl SnapshotReader {
    pub(crate) const fn new(path: PathBuf) -> Self {
        Self { path, open: None }
    }

    /// Takes hold of a snapshot; nothing if it is gone.
    pub(crate) fn hold(&self, snapshot: Snapshot) -> Option<HeldSnapshot> {
        let name = FileName::Snapshot(snapshot).to_string();
        Some(HeldSnapshot { snapshot, file: File::open(self.path.join(name)).ok()? })
    }

    /// Reads a piece; nothing if the snapshot is gone.
    pub(crate) fn read(&mut self, chunk: Chunk) -> Option<Vec<u8>> {
        if self.open.as_ref().is_none_or(|held| held.snapshot != chunk.snapshot) {
            self.open = Some(self.hold(chunk.snapshot)?);
        }
        self.open.as_ref()?.read_piece(chunk.offset, chunk.length)
    }
}

impl HeldSnapshot {
    /// All of it.
    pub(crate) fn read(&self) -> Option<Vec<u8>> {
        self.read_piece(0, self.snapshot.length)
    }

    fn read_piece(&self, offset: u64, length: u64) -> Option<Vec<u8>> {
        let mut bytes = vec![0; usize::try_from(length).ok()?];
        self.file.read_exact_at(&mut bytes, offset).ok()?;
        Some(bytes)
    }
}
