//! What the disk has to do, one thing after the other; but for a snapshot and the space for the next segment, which are written in pieces,
//! with what comes between them.

use crate::wal::{Batch, DiskError, Files, Wal};
use crate::world::{Done, Work};
use seaworthy_protocol::Snapshot;
use std::collections::VecDeque;

/// A write-ahead log with a queue before it. Whoever runs it, a thread or a simulator, calls [`work`](Self::work) while there is
/// something to do.
#[derive(Clone, Debug)]
pub struct Disk<F> {
    wal: Wal<F>,
    queue: VecDeque<Work>,
    /// A batch for which there was no room: sealed, and to be tried again as it is.
    refused: Option<(u64, Batch)>,
    retries: bool,
    /// A snapshot that is being written, piece by piece.
    saving: Option<Saving>,
    /// A piece of it is next, also if something else waits: each has its turn.
    piece_is_next: bool,
    /// Likewise a piece of the space for the next segment.
    room_is_next: bool,
}

#[derive(Clone, Debug)]
struct Saving {
    snapshot: Snapshot,
    bytes: Vec<u8>,
    written: usize,
}

impl<F: Files> Disk<F> {
    /// A disk with nothing to do.
    pub const fn new(wal: Wal<F>) -> Self {
        Self {
            wal,
            queue: VecDeque::new(),
            refused: None,
            retries: false,
            saving: None,
            piece_is_next: false,
            room_is_next: false,
        }
    }

    /// Adds something to do.
    pub fn submit(&mut self, work: Work) {
        match work {
            Work::Retry => self.retries = true,
            Work::Append { .. } | Work::Stage { .. } | Work::KeepStaged(_) | Work::Save { .. } => {
                self.queue.push_back(work);
            }
        }
    }

    /// Is there nothing that can be done now?
    #[must_use]
    pub fn is_idle(&self) -> bool {
        if self.refused.is_some() {
            !self.retries
        } else {
            self.queue.is_empty() && self.saving.is_none() && !self.wal.wants_room()
        }
    }

    /// Does the next thing: of batches, as many as wait together (group commit). Answers what there is to say about it.
    pub fn work(&mut self) -> Option<Done> {
        if let Some((number, batch)) = self.refused.take() {
            if !std::mem::take(&mut self.retries) {
                self.refused = Some((number, batch));
                return None;
            }
            return Some(self.append(number, batch));
        }
        if self.wal.wants_room() && (self.queue.is_empty() || std::mem::take(&mut self.room_is_next)) {
            return self.wal.make_room().err().map(Done::Failed);
        }
        if let Some(saving) = self.saving.take() {
            let must_end = matches!(self.queue.front(), None | Some(Work::Save { .. }));
            if must_end || std::mem::take(&mut self.piece_is_next) {
                return self.save(saving);
            }
            self.saving = Some(saving);
            self.piece_is_next = true;
        }
        match self.queue.pop_front()? {
            Work::Append { mut number, mut batch } => {
                while let Some(Work::Append { number: next, batch: more }) = self.queue.front_mut() {
                    number = *next;
                    batch.merge(std::mem::take(more));
                    self.queue.pop_front();
                }
                Some(self.append(number, batch))
            }
            // A chunk for which there is no room is missing in the end, and the snapshot begins anew.
            Work::Stage { chunk, bytes } => match self.wal.stage(&chunk, &bytes) {
                Ok(()) | Err(DiskError::Full { .. }) => None,
                Err(error) => Some(Done::Failed(error)),
            },
            Work::KeepStaged(snapshot) => Some(match self.wal.keep_staged(snapshot) {
                Ok(is_intact) => Done::KeptStaged { snapshot, is_intact },
                Err(DiskError::Full { .. }) => Done::KeptStaged { snapshot, is_intact: false },
                Err(error) => Done::Failed(error),
            }),
            Work::Save { snapshot, bytes } => self.save(Saving { snapshot, bytes, written: 0 }),
            Work::Retry => None,
        }
    }

    /// Writes the next piece of a snapshot. There is something to say with the last.
    fn save(&mut self, mut saving: Saving) -> Option<Done> {
        let Saving { snapshot, bytes, written } = &mut saving;
        let snapshot = *snapshot;
        match self.wal.save_piece(snapshot, bytes, written) {
            Ok(true) => Some(Done::Saved(snapshot)),
            Ok(false) => {
                self.saving = Some(saving);
                None
            }
            Err(DiskError::Full { .. }) => Some(Done::NotSaved(snapshot.last)),
            Err(error) => Some(Done::Failed(error)),
        }
    }

    fn append(&mut self, number: u64, mut batch: Batch) -> Done {
        self.room_is_next = true;
        match self.wal.append(&mut batch) {
            Ok(()) => {
                batch.clear();
                Done::Appended { number, space: batch }
            }
            Err(DiskError::Full { .. }) => {
                self.refused = Some((number, batch));
                Done::Refused
            }
            Err(error) => Done::Failed(error),
        }
    }

    /// The write-ahead log.
    #[must_use]
    pub const fn wal(&self) -> &Wal<F> {
        &self.wal
    }

    /// The write-ahead log, to do something to its files.
    pub const fn wal_mut(&mut self) -> &mut Wal<F> {
        &mut self.wal
    }

    /// The files, when the node is no more.
    #[must_use]
    pub fn into_files(self) -> F {
        self.wal.into_files()
    }
}
