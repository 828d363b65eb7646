//! Files in memory that know what a crash would leave of them.

use crate::wal::{FileName, Files, Identity, Layout, Wal};
use seaworthy_protocol::Durable;
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};

const LAYOUT: Layout = Layout { segment_size: 4096, piece_size: 64 };

type Contents = BTreeMap<FileName, Vec<u8>>;

/// Clones are the same files. The lock is none of loom's: it is held for a moment by one thread at a time, and nobody waits for it.
#[derive(Clone, Debug, Default)]
pub(super) struct Platter(Arc<Mutex<Sides>>);

#[derive(Debug, Default)]
struct Sides {
    written: Contents,
    synced: Contents,
}

impl Platter {
    /// An empty log on it.
    pub(super) fn init(identity: Identity) -> (Self, Wal<Self>) {
        let platter = Wal::init(Self::default(), identity, LAYOUT).unwrap();
        let (wal, _) = Wal::open::<u64>(platter.clone(), LAYOUT).unwrap();
        (platter, wal)
    }

    /// What a node would find after a crash now.
    pub(super) fn durable(&self) -> Durable<u64> {
        let synced = self.0.lock().unwrap().synced.clone();
        let copy = Self(Arc::new(Mutex::new(Sides { written: synced.clone(), synced })));
        Wal::open(copy, LAYOUT).unwrap().1.durable
    }

    fn with<T>(&self, name: FileName, work: impl FnOnce(&mut Vec<u8>) -> T) -> io::Result<T> {
        let mut sides = self.0.lock().unwrap();
        sides.written.get_mut(&name).map(work).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

/// Names are durable at once: the simulator has a disk that forgets them.
impl Files for Platter {
    fn list(&self) -> io::Result<Vec<FileName>> {
        Ok(self.0.lock().unwrap().written.keys().copied().collect())
    }

    fn create(&mut self, name: FileName) -> io::Result<()> {
        self.0.lock().unwrap().written.insert(name, Vec::new());
        Ok(())
    }

    fn len(&self, name: FileName) -> io::Result<u64> {
        self.with(name, |bytes| bytes.len() as u64)
    }

    fn read(&self, name: FileName, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.with(name, |bytes| {
            let rest = bytes.get(usize::try_from(offset).unwrap()..).unwrap_or_default();
            let count = rest.len().min(buffer.len());
            buffer[..count].copy_from_slice(&rest[..count]);
            count
        })
    }

    fn write(&mut self, name: FileName, offset: u64, new: &[u8]) -> io::Result<()> {
        self.with(name, |bytes| {
            let start = usize::try_from(offset).unwrap();
            bytes.resize(bytes.len().max(start + new.len()), 0);
            bytes[start..start + new.len()].copy_from_slice(new);
        })
    }

    fn sync(&mut self, name: FileName) -> io::Result<()> {
        let bytes = self.with(name, |bytes| bytes.clone())?;
        self.0.lock().unwrap().synced.insert(name, bytes);
        Ok(())
    }

    fn sync_directory(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn rename(&mut self, from: FileName, to: FileName) -> io::Result<()> {
        let mut sides = self.0.lock().unwrap();
        let Sides { written, synced } = &mut *sides;
        for side in [written, synced] {
            if let Some(bytes) = side.remove(&from) {
                side.insert(to, bytes);
            }
        }
        Ok(())
    }

    fn remove(&mut self, name: FileName) -> io::Result<()> {
        let mut sides = self.0.lock().unwrap();
        sides.written.remove(&name);
        sides.synced.remove(&name);
        Ok(())
    }
}
