//! What is tested: a write-ahead log with snapshots, whoever wrote it.

use super::shared::SharedFiles;
use super::workload::Records;
use seaworthy::wal::{Batch, DiskError, FileName, Files, Identity, Layout, OpenError, Wal};
use seaworthy_protocol::{Chunk, Durable, NodeId, Snapshot};
use std::fmt::{self, Display, Formatter};

/// A write-ahead log with snapshots. When a process dies, its value is dropped; what it had is in the files or nowhere.
///
/// It should be laid out small, in a few thousand bytes a file: then the suite's workload begins new ones often.
pub trait Subject: Sized {
    /// Makes a data directory.
    ///
    /// # Errors
    ///
    /// Whatever is wrong. What it leaves is opened as [`Unopened::NotInitialised`], and may be made again.
    fn init(files: SharedFiles) -> Result<(), Unopened>;

    /// Opens a data directory and finds what it holds.
    ///
    /// # Errors
    ///
    /// If there is no data, if what was durable is damaged, or if the disk fails. Nothing is changed unless all is well.
    fn open(files: SharedFiles) -> Result<(Self, Durable<u64>), Unopened>;

    /// How often the directory has been opened. Skips numbers, and never says one twice.
    fn starts(&self) -> u64;

    /// Makes records durable, all or a prefix of them or none, in one go.
    ///
    /// # Errors
    ///
    /// [`Refusal`] says what may be done afterwards.
    fn append(&mut self, records: &Records) -> Result<(), Refusal>;

    /// Writes a snapshot and makes it durable. It is kept over a restart if a record names it.
    ///
    /// # Errors
    ///
    /// As for [`append`](Self::append).
    fn save_snapshot(&mut self, snapshot: Snapshot, bytes: &[u8]) -> Result<(), Refusal>;

    /// Adds a chunk to the snapshot that is arriving, or begins it anew at offset 0. Durable it need not be.
    ///
    /// # Errors
    ///
    /// As for [`append`](Self::append).
    fn stage(&mut self, chunk: &Chunk, bytes: &[u8]) -> Result<(), Refusal>;

    /// Verifies the snapshot that has arrived, and makes it durable. False if it is not what was announced.
    ///
    /// # Errors
    ///
    /// As for [`append`](Self::append).
    fn keep_staged(&mut self, snapshot: Snapshot) -> Result<bool, Refusal>;

    /// A piece of a snapshot; nothing if it is not there.
    fn read_snapshot(&self, snapshot: Snapshot, offset: u64, length: usize) -> Option<Vec<u8>>;
}

/// Why something was not done.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Refusal {
    /// There is no room. Nothing is lost, and the same may be asked for again.
    Full,
    /// The disk failed. From now on everything is refused so.
    Failed,
}

/// Why a directory was not opened.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Unopened {
    /// There is no data.
    NotInitialised,
    /// What was durable is damaged.
    Damaged {
        /// The file.
        file: FileName,
        /// From where on it cannot be trusted.
        offset: u64,
        /// What is wrong.
        what: String,
    },
    /// Anything else.
    Failed(String),
}

/// Whose directory the kit makes.
pub const IDENTITY: Identity = Identity { cluster: 0x5ea, node: NODE, directory: 0xd15c, starts: 0 };

const NODE: NodeId = NodeId::new(1).expect("a node's number");

/// Two pages: enough for a record that has both, little enough to begin segments often.
pub const LAYOUT: Layout = Layout { segment_size: 8192, piece_size: 2048 };

impl<F: Files + From<SharedFiles>> Subject for Wal<F> {
    fn init(files: SharedFiles) -> Result<(), Unopened> {
        Self::init(files.into(), IDENTITY, LAYOUT).map(drop).map_err(Unopened::from)
    }

    fn open(files: SharedFiles) -> Result<(Self, Durable<u64>), Unopened> {
        let (wal, recovery) = Self::open(files.into(), LAYOUT)?;
        Ok((wal, recovery.durable))
    }

    fn starts(&self) -> u64 {
        self.identity().starts
    }

    fn append(&mut self, records: &Records) -> Result<(), Refusal> {
        // One joined to the other, as those are that wait while the disk works.
        let mut batch = Batch::default();
        for record in records {
            let mut next = Batch::default();
            next.push(&record.borrowed());
            batch.merge(next);
        }
        Ok(Self::append(self, &mut batch)?)
    }

    fn save_snapshot(&mut self, snapshot: Snapshot, bytes: &[u8]) -> Result<(), Refusal> {
        Ok(Self::save_snapshot(self, snapshot, bytes)?)
    }

    fn stage(&mut self, chunk: &Chunk, bytes: &[u8]) -> Result<(), Refusal> {
        Ok(Self::stage(self, chunk, bytes)?)
    }

    fn keep_staged(&mut self, snapshot: Snapshot) -> Result<bool, Refusal> {
        Ok(Self::keep_staged(self, snapshot)?)
    }

    fn read_snapshot(&self, snapshot: Snapshot, offset: u64, length: usize) -> Option<Vec<u8>> {
        Self::read_snapshot(self, snapshot, offset, length).ok().flatten()
    }
}

impl From<DiskError> for Refusal {
    fn from(error: DiskError) -> Self {
        if matches!(error, DiskError::Full { .. }) { Self::Full } else { Self::Failed }
    }
}

impl From<OpenError> for Unopened {
    fn from(error: OpenError) -> Self {
        let text = error.to_string();
        if let OpenError::Damaged { file, offset, what } = error {
            return Self::Damaged { file, offset, what: what.to_owned() };
        }
        if matches!(error, OpenError::NotInitialised) { Self::NotInitialised } else { Self::Failed(text) }
    }
}

impl Display for Unopened {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotInitialised => write!(f, "there is no data"),
            Self::Damaged { file, offset, what } => write!(f, "{file} is damaged at byte {offset}: {what}"),
            Self::Failed(what) => write!(f, "{what}"),
        }
    }
}
