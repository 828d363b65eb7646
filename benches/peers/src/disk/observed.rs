//! Files that count what is asked of them, and can remember what of them is durable.

use super::image::Image;
use seaworthy::wal::{FileName, Files};
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// What was done to the segments of logs. Making room for one is not counted: it is no batch of anybody's.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    syncs: AtomicU64,
    bytes: AtomicU64,
}

impl Counts {
    /// Syncs and bytes so far.
    pub(crate) fn so_far(&self) -> (u64, u64) {
        (self.syncs.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed))
    }
}

/// What of some files is durable, shared with whoever looks.
#[derive(Clone, Default)]
pub(crate) struct Watched(pub(super) Arc<Mutex<Image>>);

impl Watched {
    fn with(&self, work: impl FnOnce(&mut Image)) {
        work(&mut self.0.lock().expect("nobody panics with it"));
    }
}

/// Files that are looked at.
pub(crate) struct Observed<F> {
    files: F,
    counts: Arc<Counts>,
    watched: Option<Watched>,
}

impl<F> Observed<F> {
    /// Files whose calls are counted, and no more.
    pub(crate) const fn counted(files: F, counts: Arc<Counts>) -> Self {
        Self { files, counts, watched: None }
    }

    /// Files of which is remembered what is durable. Slower, so never while time counts.
    pub(crate) fn watched(files: F, watched: Watched) -> Self {
        Self { files, counts: Arc::default(), watched: Some(watched) }
    }

    /// When something was done without failing, it is remembered.
    fn remember<T>(&self, outcome: io::Result<T>, work: impl FnOnce(&mut Image)) -> io::Result<T> {
        if let (Some(watched), Ok(_)) = (&self.watched, &outcome) {
            watched.with(work);
        }
        outcome
    }
}

const fn is_segment(name: FileName) -> bool {
    matches!(name, FileName::Segment(_))
}

impl<F: Files> Files for Observed<F> {
    fn list(&self) -> io::Result<Vec<FileName>> {
        self.files.list()
    }

    fn create(&mut self, name: FileName) -> io::Result<()> {
        let outcome = self.files.create(name);
        self.remember(outcome, |image| image.create(name))
    }

    fn len(&self, name: FileName) -> io::Result<u64> {
        self.files.len(name)
    }

    fn read(&self, name: FileName, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.files.read(name, offset, buffer)
    }

    fn write(&mut self, name: FileName, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let outcome = self.files.write(name, offset, bytes);
        if is_segment(name) {
            self.counts.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        }
        self.remember(outcome, |image| image.write(name, offset, bytes))
    }

    fn sync(&mut self, name: FileName) -> io::Result<()> {
        let outcome = self.files.sync(name);
        if is_segment(name) {
            self.counts.syncs.fetch_add(1, Ordering::Relaxed);
        }
        self.remember(outcome, |image| image.sync(name))
    }

    fn sync_directory(&mut self) -> io::Result<()> {
        let outcome = self.files.sync_directory();
        self.remember(outcome, Image::sync_directory)
    }

    fn rename(&mut self, from: FileName, to: FileName) -> io::Result<()> {
        let outcome = self.files.rename(from, to);
        self.remember(outcome, |image| image.rename(from, to))
    }

    fn remove(&mut self, name: FileName) -> io::Result<()> {
        let outcome = self.files.remove(name);
        self.remember(outcome, |image| image.remove(name))
    }
}
