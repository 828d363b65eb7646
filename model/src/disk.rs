//! The disk of a node, as the driver's contract lets it be.
//!
//! Writes wait in a queue, in order, and a crash keeps any prefix of it. What a crash can leave of one write is all or
//! nothing (`Write` is the atom), so a prefix of whole writes is everything a crash can leave. A box whose disk is `Atomic`
//! completes the queue at the end of every step; what is on the disk is a fold of the writes all the same, so a change in
//! memory that was never handed over is lost at the next crash.

use crate::network::Packet;
use crate::symmetry::{Permutation, Rename};
use seaworthy_protocol::{Chunk, Durable, Entries, Entry, Snapshot, Write, WriteAck};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, VecDeque};

/// A disk.
#[derive(Clone, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub struct Disk {
    /// What is durable.
    pub durable: Durable<u8>,
    /// What was handed over and is not durable yet, oldest first.
    pub queue: VecDeque<Batch>,
    /// What is durable and not confirmed to the node yet. Acks merge: the last one.
    pub unconfirmed: Option<WriteAck>,
    /// The chunks of a snapshot that have arrived: of each, the digest of the snapshot that it was cut from. Lost in a crash.
    pub staged: Vec<u64>,
    /// The snapshot of which all chunks have, and which the driver makes durable.
    pub whole: Option<Snapshot>,
}

/// The writes of one step, and what waits for them.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub struct Batch {
    /// The writes, in order; at least one.
    pub writes: Vec<Write<Vec<Entry<u8>>>>,
    /// The messages that leave when all of them are durable.
    pub after_writes: BTreeSet<Packet>,
    /// What is fed back then.
    pub ack: WriteAck,
}

impl Disk {
    /// Is there nothing left to do?
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.queue.is_empty() && self.unconfirmed.is_none()
    }

    /// Keeps a chunk behind those before it, or begins anew.
    pub fn stage(&mut self, chunk: Chunk) {
        if chunk.offset == 0 {
            self.forget_staged();
        }
        self.staged.push(chunk.snapshot.digest);
        if chunk.is_last() {
            self.whole = Some(chunk.snapshot);
        }
    }

    /// What was staged is of no use any more.
    pub fn forget_staged(&mut self) {
        self.staged.clear();
        self.whole = None;
    }

    /// How many writes wait.
    #[must_use]
    pub fn writes(&self) -> usize {
        self.queue.iter().map(|batch| batch.writes.len()).sum()
    }

    /// What is found on the disk after a crash that kept the first `kept` of the waiting writes.
    #[must_use]
    pub fn after_crash(&self, kept: usize) -> Durable<u8> {
        let mut durable = self.durable.clone();
        let writes = self.queue.iter().flat_map(|batch| &batch.writes);
        redo_all(&mut durable, writes.take(kept).map(Write::borrowed));
        durable
    }
}

/// Replays writes. Those that were handed over follow each other without a gap.
pub(crate) fn redo_all(durable: &mut Durable<u8>, writes: impl IntoIterator<Item = Write<impl Entries<u8>>>) {
    for write in writes {
        assert!(durable.redo(write), "a write continues the log as it was when the write was handed over");
    }
}

impl Rename for Disk {
    fn renamed(&self, permutation: &Permutation) -> Self {
        Self {
            durable: self.durable.renamed(|id| permutation.image(id)),
            queue: self.queue.iter().map(|batch| batch.renamed(permutation)).collect(),
            unconfirmed: self.unconfirmed,
            staged: self.staged.clone(),
            whole: self.whole,
        }
    }
}

impl Rename for Batch {
    fn renamed(&self, permutation: &Permutation) -> Self {
        let writes = self.writes.iter().map(|write| match write {
            Write::TermAndVote { current_term, voted_for } => Write::TermAndVote {
                current_term: *current_term,
                voted_for: voted_for.map(|id| permutation.image(id)),
            },
            Write::Append { after, entries } => Write::Append { after: *after, entries: entries.clone() },
            Write::Compact { snapshot, through } => Write::Compact { snapshot: *snapshot, through: *through },
            Write::Install { snapshot } => Write::Install { snapshot: *snapshot },
        });
        Self {
            writes: writes.collect(),
            after_writes: self.after_writes.iter().map(|packet| packet.renamed(permutation)).collect(),
            ack: self.ack,
        }
    }
}
