//! The disk of a node in the lane *durable*: one write-ahead log, whichever core it belongs to.

pub(crate) mod ceiling;
pub(crate) mod engine;
pub(crate) mod gate;
mod image;
pub(crate) mod journal;
pub(crate) mod observed;
pub(crate) mod traced;

use crate::measure::Failure;
use seaworthy::wal::{Batch, Files, Identity, Layout, Wal};
use seaworthy_benches::disk_log::Place;
use seaworthy_benches::workload::Command;
use seaworthy_protocol::{NodeId, Snapshot};
use std::sync::atomic::{AtomicU64, Ordering};

/// Segments with room for almost 32,768 payloads of so many bytes: 32 MiB for those of 1 KiB, half of what the library makes by itself.
/// Where they are larger, a measurement is over before any of them is used again.
pub(crate) fn layout(payload: usize) -> Layout {
    let segment_size = (1 << 15) * payload.clamp(1 << 4, 1 << 11) as u64;
    Layout { segment_size, ..Layout::default() }
}

/// A directory that no other cluster of this process has.
pub(crate) fn place() -> Place {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    Place::new(&format!("peers-{}", NEXT.fetch_add(1, Ordering::Relaxed)))
}

/// What a node wants to be durable, as its store takes it.
pub(crate) trait Batches: Default + Send + 'static {
    /// Is there nothing to write?
    fn is_empty(&self) -> bool;
    /// How many batches these are.
    fn count(&self) -> u64;
    /// Joins the next: one sync for both.
    fn merge(&mut self, next: &mut Self);
    /// Keeps the space of one that is not needed any more.
    fn recycle(&mut self, space: Self);
    /// Forgets all, and keeps the space.
    fn clear(&mut self);
}

/// What makes it durable.
pub(crate) trait Store: Send + 'static {
    /// What it takes.
    type Writes: Batches;

    /// Makes it durable.
    ///
    /// # Errors
    ///
    /// If the disk fails.
    fn write(&mut self, writes: &mut Self::Writes) -> Result<(), Failure>;

    /// Does what it would otherwise have to do in the middle of a later write: asked for when it was said that this one is durable.
    ///
    /// # Errors
    ///
    /// If the disk fails.
    fn prepare(&mut self) -> Result<(), Failure> {
        Ok(())
    }
}

/// What is to be durable together, in this order: snapshots, then records.
#[derive(Debug, Default)]
pub(crate) struct Writes {
    snapshots: Vec<(Snapshot, Vec<u8>)>,
    batch: Batch,
    /// How many were joined here.
    count: u64,
}

impl Batches for Writes {
    fn is_empty(&self) -> bool {
        self.snapshots.is_empty() && self.batch.is_empty()
    }

    fn count(&self) -> u64 {
        self.count
    }

    fn merge(&mut self, next: &mut Self) {
        self.snapshots.append(&mut next.snapshots);
        self.batch.merge(std::mem::take(&mut next.batch));
        self.count += std::mem::take(&mut next.count);
    }

    fn recycle(&mut self, space: Self) {
        self.batch.recycle(space.batch);
    }

    fn clear(&mut self) {
        self.snapshots.clear();
        self.batch.clear();
        self.count = 0;
    }
}

/// The log of one node.
pub(crate) struct Disk<F>(Wal<F>);

impl<F: Files> Disk<F> {
    /// A new one, in files that are new.
    ///
    /// # Errors
    ///
    /// If there is anything in them, or they fail.
    pub(crate) fn new(files: F, number: usize, layout: Layout) -> Result<Self, Failure> {
        let node = NodeId::new(u8::try_from(number + 1)?).ok_or("no node has this number")?;
        let identity = Identity { cluster: 1, node, directory: number as u128 + 1, starts: 0 };
        let files = Wal::init(files, identity, layout)?;
        Ok(Self(Wal::open::<Command>(files, layout)?.0))
    }
}

impl<F: Files + Send + 'static> Store for Disk<F> {
    type Writes = Writes;

    fn write(&mut self, writes: &mut Writes) -> Result<(), Failure> {
        for (snapshot, bytes) in &writes.snapshots {
            self.0.save_snapshot(*snapshot, bytes)?;
        }
        Ok(self.0.append(&mut writes.batch)?)
    }

    fn prepare(&mut self) -> Result<(), Failure> {
        if self.0.wants_room() {
            self.0.make_room()?;
        }
        Ok(())
    }
}
