//! A disk that is none: all is durable at once, and gone with the process.

use crate::wal::digest;
use crate::world::{Done, Work};
use seaworthy_protocol::{Chunk, Snapshot};

/// Holds the snapshots of a node without a disk.
#[derive(Debug, Default)]
pub(crate) struct MemoryDisk {
    staged: Vec<u8>,
    /// The last two: the log may still name the one while the other is new.
    kept: Vec<(Snapshot, Vec<u8>)>,
}

impl MemoryDisk {
    /// Does it at once, and says what there is to say.
    pub(crate) fn work(&mut self, work: Work) -> Option<Done> {
        match work {
            Work::Append { number, batch: mut space } => {
                space.clear();
                Some(Done::Appended { number, space })
            }
            Work::Stage { chunk, bytes } => {
                self.staged.truncate(usize::try_from(chunk.offset).unwrap_or(usize::MAX));
                self.staged.extend(bytes);
                None
            }
            Work::KeepStaged(snapshot) => {
                let bytes = std::mem::take(&mut self.staged);
                let is_intact = bytes.len() as u64 == snapshot.length && digest(&bytes) == snapshot.digest;
                if is_intact {
                    self.keep(snapshot, bytes);
                }
                Some(Done::KeptStaged { snapshot, is_intact })
            }
            Work::Save { snapshot, bytes } => {
                self.keep(snapshot, bytes);
                Some(Done::Saved(snapshot))
            }
            Work::Retry => None,
        }
    }

    fn keep(&mut self, snapshot: Snapshot, bytes: Vec<u8>) {
        self.kept.push((snapshot, bytes));
        self.kept.sort_by_key(|(snapshot, _)| snapshot.last.index);
        if self.kept.len() > 2 {
            self.kept.remove(0);
        }
    }

    pub(crate) fn read(&self, chunk: Chunk) -> Option<Vec<u8>> {
        let (_, bytes) = self.kept.iter().find(|(snapshot, _)| *snapshot == chunk.snapshot)?;
        let start = usize::try_from(chunk.offset).ok()?;
        let end = start.checked_add(usize::try_from(chunk.length).ok()?)?;
        bytes.get(start..end).map(<[u8]>::to_vec)
    }
}
