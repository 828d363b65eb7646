//! Logs on a disk, for the benches of the write-ahead log: where they are, how they begin, what is appended.

use crate::workload::{Command, payload};
use seaworthy::codec::Record;
use seaworthy::wal::{Batch, Files, Identity, Layout, Wal};
use seaworthy_protocol::{Entry, Index, NodeId, Payload, Term};
use std::path::PathBuf;

/// Where benches write: `SEAWORTHY_BENCH_DIR`, or else the system's directory for temporary files.
#[must_use]
pub fn bench_directory() -> PathBuf {
    std::env::var_os("SEAWORTHY_BENCH_DIR").map_or_else(std::env::temp_dir, PathBuf::from)
}

/// A directory of this process in [`bench_directory`]. Removed when it is dropped.
#[derive(Debug)]
pub struct Place(PathBuf);

impl Place {
    /// A new one.
    ///
    /// # Panics
    ///
    /// If there can be none.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let path = bench_directory().join(format!("seaworthy-bench-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a directory to work in");
        Self(path)
    }

    /// Where something in it is.
    #[must_use]
    pub fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // What cannot be removed is left to whoever cleans up temporary files.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A log, and the last entry of it.
#[derive(Debug)]
pub struct DiskLog<F> {
    wal: Wal<F>,
    last: u64,
    batch: Batch,
}

impl<F: Files> DiskLog<F> {
    /// An empty log in files that are new.
    ///
    /// # Panics
    ///
    /// If there is anything in them, or they fail.
    #[must_use]
    pub fn new(files: F, layout: Layout) -> Self {
        let node = NodeId::new(1).expect("1 is a node");
        let files = Wal::init(files, Identity { cluster: 1, node, directory: 1, starts: 0 }, layout);
        Self::open(files.expect("it is empty"), layout)
    }

    /// The log that is there.
    ///
    /// # Panics
    ///
    /// If there is none, or it is damaged.
    #[must_use]
    pub fn open(files: F, layout: Layout) -> Self {
        let (wal, recovery) = Wal::open::<Command>(files, layout).expect("it is whole");
        Self { wal, last: recovery.durable.log().last_index().0, batch: Batch::default() }
    }

    /// Appends entries, and makes them durable.
    ///
    /// # Panics
    ///
    /// If the disk fails.
    pub fn append(&mut self, entries: &[Entry<Command>]) {
        self.batch.clear();
        self.batch.push(&Record::Append { after: Index(self.last), entries });
        self.wal.append(&mut self.batch).expect("the disk works");
        self.last += entries.len() as u64;
    }

    /// The last entry.
    #[must_use]
    pub const fn last_index(&self) -> Index {
        Index(self.last)
    }

    /// The files, closed.
    #[must_use]
    pub fn into_files(self) -> F {
        self.wal.into_files()
    }
}

/// So many entries of one term.
#[must_use]
pub fn entries(count: usize, size: usize) -> Vec<Entry<Command>> {
    let command = |number| Payload::Command(payload(number as u64, size));
    (0..count).map(|number| Entry { term: Term(1), payload: command(number) }).collect()
}
