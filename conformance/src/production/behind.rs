//! What is behind a node's loop, and does at once what it is told: its disk, its clients, its peers.

use super::tape::Tape;
use seaworthy::wal::{Batch, FileName, Files, Wal};
use seaworthy::{Done, Event, RequestError, Token};
use seaworthy_protocol::{Chunk, Snapshot};

/// What is behind a node's loop.
pub(super) trait Behind {
    /// What has come from clients and peers.
    fn next_event(&mut self) -> Option<Event<u8>>;

    /// Makes a batch durable.
    fn append(&mut self, number: u64, batch: Batch) -> Done;

    /// Keeps a chunk of a leader's snapshot. There is something to say if that fails.
    fn stage(&mut self, chunk: Chunk, bytes: Vec<u8>) -> Option<Done>;

    /// Verifies the chunks, perhaps with a bit that has changed on the way to the disk, and makes the snapshot durable.
    fn keep_staged(&mut self, snapshot: Snapshot, is_damaged: bool) -> Done;

    /// Makes a snapshot of the node's own durable.
    fn save(&mut self, snapshot: Snapshot, bytes: &[u8]) -> Done;

    /// Reads a piece of a snapshot.
    fn read_snapshot(&mut self, chunk: Chunk) -> Option<Vec<u8>>;

    /// Tells a client what became of what it asked for.
    fn answer(&mut self, token: Token, answer: Result<(), RequestError>);

    /// Lets a client read.
    fn read(&mut self, token: Token, tape: &Tape);

    /// Tells a client that the leadership has been handed over.
    fn transferred(&mut self, token: Token);
}

/// A log without threads, and one thing that has come.
pub(super) struct Alone<'a, F> {
    pub(super) wal: &'a mut Wal<F>,
    pub(super) coming: Option<Event<u8>>,
}

impl<F: Files> Behind for Alone<'_, F> {
    fn next_event(&mut self) -> Option<Event<u8>> {
        self.coming.take()
    }

    fn append(&mut self, number: u64, mut batch: Batch) -> Done {
        let outcome = self.wal.append(&mut batch);
        batch.clear();
        outcome.map_or_else(Done::Failed, |()| Done::Appended { number, space: batch })
    }

    fn stage(&mut self, chunk: Chunk, bytes: Vec<u8>) -> Option<Done> {
        self.wal.stage(&chunk, &bytes).err().map(Done::Failed)
    }

    fn keep_staged(&mut self, snapshot: Snapshot, is_damaged: bool) -> Done {
        if is_damaged {
            let mut byte = [0];
            let files = self.wal.files_mut();
            let _ = files.read(FileName::Staged, 0, &mut byte);
            let _ = files.write(FileName::Staged, 0, &[byte[0] ^ 1]);
        }
        match self.wal.keep_staged(snapshot) {
            Ok(is_intact) => Done::KeptStaged { snapshot, is_intact },
            Err(error) => Done::Failed(error),
        }
    }

    fn save(&mut self, snapshot: Snapshot, bytes: &[u8]) -> Done {
        self.wal.save_snapshot(snapshot, bytes).map_or_else(Done::Failed, |()| Done::Saved(snapshot))
    }

    fn read_snapshot(&mut self, chunk: Chunk) -> Option<Vec<u8>> {
        let length = usize::try_from(chunk.length).ok()?;
        self.wal.read_snapshot(chunk.snapshot, chunk.offset, length).ok().flatten()
    }

    // Nobody waits but the script, which reads what was said in the output.
    fn answer(&mut self, _: Token, _: Result<(), RequestError>) {}

    fn read(&mut self, _: Token, _: &Tape) {}

    fn transferred(&mut self, _: Token) {}
}
