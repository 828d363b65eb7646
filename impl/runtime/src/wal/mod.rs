//! The write-ahead log and the snapshots of one node: what its disk holds, and how it is found again.
//!
//! A machine over [`Files`], without threads: it blocks while the disk works. [`Directory`] is the real thing, the simulator has a
//! crueller one.
//!
//! A *segment* is a file for which space was made before it was begun, so that a record costs no change of the file's length (that
//! doubles the cost of a sync). Records are appended in batches, each with a few writes at most and one `fdatasync`. When a batch does not fit, it
//! begins the next segment. There is one kind of record for each kind of write of the protocol, so nothing is ever written twice, and nothing cut
//! out of the middle: compaction and installation are records like all others.
//!
//! A segment begins with what all before it comes to, but for the entries. So recovery can begin with any segment that holds all
//! entries that are still needed; those before it go one by one, as further segments are begun, to be used again.
//!
//! # What a crash leaves
//!
//! Unsynced pages persist in any order. So the end of the log is where the first bad record is, and what is behind it does
//! not count, if none of it was durable. Each record says how much of its segment was durable when it was written: a bad record below the
//! highest such mark, or in any segment but the last, was durable and is damaged now. It is reported, with file and offset, and
//! nothing is changed. `docs/durability.md` has every case.

mod batch;
mod directory;
mod error;
mod files;
mod footing;
mod identity;
mod recovery;
mod replay;
mod retention;
mod room;
mod scan;
mod segment;
mod snapshot_reader;
mod snapshots;

pub use batch::Batch;
pub use directory::Directory;
pub use error::{DiskError, OpenError};
pub use files::{FileName, Files};
pub use identity::Identity;
pub use recovery::{Cut, Recovery};
pub(crate) use snapshot_reader::{HeldSnapshot, SnapshotReader};
pub use snapshots::digest;

use crate::command::Command;
use footing::Footing;
use retention::Retention;
use room::Spare;
use seaworthy_protocol::Snapshot;
use segment::{HEADER, Header};

/// Zeros are written so many at a time.
static ZEROS: [u8; 1 << 16] = [0; 1 << 16];

/// How a write-ahead log is laid out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Layout {
    /// How many bytes of space are made for a segment. A batch that is larger has a segment of its own. May be another one at each
    /// opening.
    pub segment_size: u64,
    /// How many bytes of a snapshot, or of the space for the next segment, are written and synced at a time: batches wait no longer for
    /// one.
    pub piece_size: usize,
}

impl Layout {
    /// How much space a segment gets that begins with these records.
    fn size(&self, batch: &Batch) -> u64 {
        self.segment_size.max((HEADER + batch.len()) as u64)
    }
}

impl Default for Layout {
    /// 64 MiB, and 1 MiB.
    fn default() -> Self {
        Self { segment_size: 64 << 20, piece_size: 1 << 20 }
    }
}

/// An open write-ahead log.
///
/// ```
/// use seaworthy::codec::Record;
/// use seaworthy::wal::{Batch, Directory, Identity, Layout, Wal};
/// use seaworthy_protocol::{NodeId, Term};
///
/// # let directory = tempfile::tempdir()?;
/// let node = NodeId::new(1).unwrap();
/// let identity = Identity { cluster: 0x5ea, node, directory: 7, starts: 0 };
/// let layout = Layout { segment_size: 1 << 16, ..Layout::default() };
/// drop(Wal::init(Directory::open(directory.path())?, identity, layout)?);
///
/// let (mut wal, _) = Wal::open::<u64>(Directory::open(directory.path())?, layout)?;
/// let mut batch = Batch::default();
/// batch.push::<u64>(&Record::TermAndVote { current_term: Term(3), voted_for: Some(node) });
/// wal.append(&mut batch)?;
/// drop(wal);
///
/// let (_, recovery) = Wal::open::<u64>(Directory::open(directory.path())?, layout)?;
/// assert_eq!(recovery.durable.current_term(), Term(3));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Wal<F> {
    files: F,
    identity: Identity,
    layout: Layout,
    segment: Segment,
    /// What the next segment will stand on.
    footing: Footing,
    retention: Retention,
    spare: Spare,
    is_poisoned: bool,
}

/// The last segment. All of it up to its end is durable.
#[derive(Clone, Copy, Debug, Default)]
struct Segment {
    number: u64,
    size: u64,
    end: u64,
    /// The checksum of the last record, or of the header.
    chain: u32,
}

impl<F: Files> Wal<F> {
    /// Makes a new data directory.
    ///
    /// # Errors
    ///
    /// [`OpenError::AlreadyInitialised`] if there is anything of ours; or what the file system says. What it leaves then is not
    /// initialised.
    pub fn init(files: F, identity: Identity, layout: Layout) -> Result<F, OpenError> {
        Self::check_unused(&files)?;
        let mut wal = Self {
            files,
            identity,
            layout,
            segment: Segment::default(),
            footing: Footing::default(),
            retention: Retention::default(),
            spare: Spare::default(),
            is_poisoned: false,
        };
        wal.begin_segment(&mut Batch::default()).map_err(OpenError::from_disk)?;
        // The identity comes last: with it the directory counts as initialised.
        let first = wal.segment.number;
        identity.write(&(first..=first), &mut wal.files).map_err(OpenError::from_disk)?;
        Ok(wal.files)
    }

    /// Is there nothing of ours?
    pub(crate) fn check_unused(files: &F) -> Result<(), OpenError> {
        let name = FileName::Identity;
        let found = files.list().map_err(OpenError::failing("list the directory of", name))?;
        let is_used = found.contains(&name) || recovery::is_used(files, &found)?;
        if is_used { Err(OpenError::AlreadyInitialised) } else { Ok(()) }
    }

    /// Opens a data directory and finds out what it holds.
    ///
    /// # Errors
    ///
    /// Whatever [`OpenError`] says. Only if all is well anything in the directory is changed.
    pub fn open<C: Command>(files: F, layout: Layout) -> Result<(Self, Recovery<C>), OpenError> {
        recovery::open(files, layout)
    }

    /// Makes a batch durable: when it returns, a crash takes nothing of it back.
    ///
    /// # Errors
    ///
    /// [`DiskError::Full`] if there is no room: then the same batch may be tried again, and no other before it. After any other
    /// error the log is not used any more.
    pub fn append(&mut self, batch: &mut Batch) -> Result<(), DiskError> {
        self.guarded(|wal| {
            if batch.is_empty() {
                return Ok(());
            }
            let begins_segment = wal.segment.end + batch.len() as u64 > wal.segment.size;
            if begins_segment {
                wal.begin_segment(batch)?;
            } else {
                wal.continue_segment(batch)?;
            }
            let changes = batch.changes();
            wal.footing = wal.footing.after(changes);
            wal.retention.take(changes);
            if begins_segment {
                wal.name_segments()?;
            }
            if let Some((snapshot, _)) = changes.snapshot {
                wal.remove_snapshots_before(snapshot);
            }
            Ok(())
        })
    }

    fn continue_segment(&mut self, batch: &mut Batch) -> Result<(), DiskError> {
        let Segment { number, end, chain, .. } = self.segment;
        let chain = batch.seal(segment::seed(self.identity.directory, number), end, chain);
        let name = FileName::Segment(number);
        write_records(&mut self.files, name, end, batch)?;
        self.files.sync(name).map_err(DiskError::failing("sync", name))?;
        self.segment = Segment { end: end + batch.len() as u64, chain, ..self.segment };
        Ok(())
    }

    /// Begins the next segment, durably, with its first records.
    fn begin_segment(&mut self, batch: &mut Batch) -> Result<(), DiskError> {
        let number = self.segment.number + 1;
        let size = self.take_spare(self.layout.size(batch))?;
        let header = Header::new(&self.identity, number, size, (self.segment.chain, self.footing));
        let (header, chain) = header.encode();
        let chain = batch.seal(segment::seed(self.identity.directory, number), 0, chain);
        let name = FileName::Segment(number);
        let files = &mut self.files;
        files.rename(FileName::Spare, name).map_err(DiskError::writing("rename", FileName::Spare))?;
        files.write(name, 0, &header).map_err(DiskError::writing("write", name))?;
        write_records(files, name, HEADER as u64, batch)?;
        files.sync(name).map_err(DiskError::failing("sync", name))?;
        files.sync_directory().map_err(DiskError::failing("sync the directory of", name))?;
        self.segment = Segment { number, size, end: (HEADER + batch.len()) as u64, chain };
        self.retention.begin(number, &self.footing);
        Ok(())
    }

    /// Says in the identity which segments must be there. Without it, nothing would tell the loss of the last one from a crash before it
    /// was begun; and what is older than the first goes then.
    fn name_segments(&mut self) -> Result<(), DiskError> {
        let oldest = self.retention.oldest(self.footing.base.index);
        match self.identity.write(&(oldest..=self.segment.number), &mut self.files) {
            Ok(()) => {
                let numbers = self.retention.drop_before(oldest);
                self.retire(numbers);
                Ok(())
            }
            // The records are durable all the same, and the next segment, or the next start, makes up for it.
            Err(DiskError::Full { .. }) => Ok(()),
            Err(error @ (DiskError::Failed { .. } | DiskError::Poisoned)) => Err(error),
        }
    }

    /// Removes what a durable record has superseded. What cannot be removed is rubbish, and goes at the next start.
    fn remove_snapshots_before(&mut self, snapshot: Snapshot) {
        let is_superseded = |name: &FileName| match name {
            // A later one may be waiting for its own record.
            FileName::Snapshot(other) => other.last.index <= snapshot.last.index && *other != snapshot,
            FileName::Segment(_)
            | FileName::Identity
            | FileName::NewIdentity
            | FileName::Spare
            | FileName::Built
            | FileName::Staged => false,
        };
        let names: Vec<FileName> = self.files.list().unwrap_or_default();
        for name in names.into_iter().filter(is_superseded) {
            let _ = self.files.remove(name);
        }
    }

    /// Whose directory it is.
    #[must_use]
    pub const fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The files themselves.
    #[must_use]
    pub const fn files(&self) -> &F {
        &self.files
    }

    /// The files themselves, to do something to them.
    pub const fn files_mut(&mut self) -> &mut F {
        &mut self.files
    }

    /// The files, when the log is closed.
    #[must_use]
    pub fn into_files(self) -> F {
        self.files
    }

    /// Latches on the first failure: what the disk holds is unknown from then on.
    fn guarded<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T, DiskError>) -> Result<T, DiskError> {
        if self.is_poisoned {
            return Err(DiskError::Poisoned);
        }
        let outcome = work(self);
        match &outcome {
            Ok(_) | Err(DiskError::Full { .. }) => {}
            Err(DiskError::Failed { .. } | DiskError::Poisoned) => self.is_poisoned = true,
        }
        outcome
    }
}

/// Writes the records of a batch, from an offset on.
fn write_records<F: Files>(
    files: &mut F,
    name: FileName,
    mut offset: u64,
    batch: &Batch,
) -> Result<(), DiskError> {
    for bytes in batch.pieces() {
        files.write(name, offset, bytes).map_err(DiskError::writing("write", name))?;
        offset += bytes.len() as u64;
    }
    Ok(())
}
