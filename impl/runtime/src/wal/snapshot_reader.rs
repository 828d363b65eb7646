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
    open: Option<(Snapshot, File)>,
}

impl SnapshotReader {
    pub(crate) const fn new(path: PathBuf) -> Self {
        Self { path, open: None }
    }

    /// Reads a piece; nothing if the snapshot is gone.
    pub(crate) fn read(&mut self, chunk: Chunk) -> Option<Vec<u8>> {
        if self.open.as_ref().is_none_or(|(snapshot, _)| *snapshot != chunk.snapshot) {
            let name = FileName::Snapshot(chunk.snapshot).to_string();
            self.open = Some((chunk.snapshot, File::open(self.path.join(name)).ok()?));
        }
        let (_, file) = self.open.as_ref()?;
        let mut bytes = vec![0; usize::try_from(chunk.length).ok()?];
        file.read_exact_at(&mut bytes, chunk.offset).ok()?;
        Some(bytes)
    }
}
