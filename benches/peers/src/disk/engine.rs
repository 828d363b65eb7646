//! raft-engine, the store that `TiKV` runs raft-rs on: a log of many groups, of which there is one here.

use super::{Batches, Store};
use crate::measure::Failure;
use raft::prelude::{Entry, HardState};
use raft_engine::{Command, Config, Engine, LogBatch, MessageExt, ReadableSize};
use std::fs;
use std::path::Path;

/// The only group there is.
const GROUP: u64 = 1;
/// Under which key it keeps what is no entry.
const HARD_STATE: &[u8] = b"hard state";

/// How it reads an entry.
struct Indexed;

impl MessageExt for Indexed {
    type Entry = Entry;

    fn index(entry: &Entry) -> u64 {
        entry.index
    }
}

/// What is to be durable together.
#[derive(Default)]
pub(crate) struct EngineWrites {
    batch: LogBatch,
    count: u64,
    /// There is something that must be durable before what depends on it is said.
    is_urgent: bool,
}

impl EngineWrites {
    pub(crate) fn append(&mut self, entries: &[Entry]) {
        self.batch.add_entries::<Indexed>(GROUP, entries).expect("a batch has room");
        self.is_urgent |= !entries.is_empty();
    }

    pub(crate) fn set(&mut self, state: &HardState, is_urgent: bool) {
        self.batch.put_message(GROUP, HARD_STATE.to_vec(), state).expect("a batch has room");
        self.is_urgent |= is_urgent;
    }

    /// Forgets the entries before this one.
    pub(crate) fn compact(&mut self, first: u64) {
        self.batch.add_command(GROUP, Command::Compact { index: first });
    }

    /// Hands over what was gathered, if any of it is urgent. False if there is nothing.
    pub(crate) fn take(&mut self, writes: &mut Self) -> bool {
        if !self.is_urgent {
            return false;
        }
        std::mem::swap(self, writes);
        writes.count = 1;
        true
    }
}

impl Batches for EngineWrites {
    fn is_empty(&self) -> bool {
        self.batch.is_empty()
    }

    fn count(&self) -> u64 {
        self.count
    }

    fn merge(&mut self, next: &mut Self) {
        self.batch.merge(&mut next.batch).expect("a batch has room");
        self.count += next.count;
        next.clear();
    }

    fn recycle(&mut self, space: Self) {
        if self.is_empty() {
            *self = space;
        }
    }

    fn clear(&mut self) {
        if !self.batch.is_empty() {
            self.batch = LogBatch::default();
        }
        (self.count, self.is_urgent) = (0, false);
    }
}

/// The store of one node.
pub(crate) struct EngineStore(Engine);

impl EngineStore {
    /// A new one, set as it comes, but for the compression: payloads here are of one byte each, and would vanish.
    ///
    /// # Errors
    ///
    /// If there is no room.
    pub(crate) fn new(directory: &Path) -> Result<Self, Failure> {
        // It makes the last directory of a path, and no other.
        fs::create_dir_all(directory)?;
        let config = Config {
            dir: directory.display().to_string(),
            batch_compression_threshold: ReadableSize(0),
            ..Config::default()
        };
        Ok(Self(Engine::open(config)?))
    }
}

impl Store for EngineStore {
    type Writes = EngineWrites;

    fn write(&mut self, writes: &mut EngineWrites) -> Result<(), Failure> {
        self.0.write(&mut writes.batch, true)?;
        Ok(())
    }
}
