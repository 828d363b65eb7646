//! A disk that does the worst that a disk may do.
//!
//! What is written reaches the platter page by page, in any order, whole or in part, or not at all, until it is synced; a failed
//! sync drops pages and marks them clean; names change in any order that keeps each change whole.

use rand::Rng;
use rand_pcg::Pcg64Mcg;
use seaworthy::wal::{FileName, Files};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};

/// What reaches the platter together; a page of the cache is eight of them.
const SECTOR: usize = 512;

/// A simulated directory. A copy of it is another disk with the same content.
#[derive(Clone, Debug, Default)]
pub struct SimFiles {
    inodes: BTreeMap<u64, Inode>,
    last_inode: u64,
    names: BTreeMap<FileName, u64>,
    durable_names: BTreeMap<FileName, u64>,
    /// Changes of names since the directory was synced.
    changes: Vec<Change>,
    /// What is wrong with it now.
    pub troubles: Troubles,
    /// What was done to it.
    pub counts: Counts,
}

/// What is wrong with a disk.
#[derive(Clone, Copy, Debug, Default)]
pub struct Troubles {
    /// The system dies when so many more changes have been made: the last is made in part.
    pub crash_after: Option<u64>,
    /// There is no room for anything more.
    pub is_full: bool,
    /// The next write fails.
    pub fails_write: bool,
    /// The next sync fails; the one after it says that all is well.
    pub fails_sync: bool,
    /// It has died: nothing works before the next start.
    pub is_dead: bool,
}

impl Troubles {
    /// Can anything fail that is done to the disk now?
    #[must_use]
    pub const fn may_fail(&self) -> bool {
        self.crash_after.is_some() || self.is_full || self.fails_write || self.fails_sync || self.is_dead
    }
}

/// What was done to a disk, by it or by the world.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Writes.
    pub writes: u64,
    /// Bytes written.
    pub bytes: u64,
    /// Syncs, of directories too.
    pub syncs: u64,
    /// Crashes of the system.
    pub crashes: u64,
    /// Sectors that a crash took back.
    pub lost_sectors: u64,
    /// Pages of which a crash took back a part.
    pub torn_pages: u64,
    /// Changes of names that a crash took back.
    pub lost_names: u64,
    /// Requests for which there was no room.
    pub refused: u64,
    /// Writes that failed.
    pub failed_writes: u64,
    /// Syncs that failed.
    pub failed_syncs: u64,
}

#[derive(Clone, Debug, Default)]
struct Inode {
    /// What a process sees.
    cached: Vec<u8>,
    /// What the platter has.
    durable: Vec<u8>,
    /// Sectors written since the last sync.
    dirty: BTreeSet<usize>,
}

#[derive(Clone, Copy, Debug)]
enum Change {
    Create(FileName, u64),
    Rename(FileName, FileName),
    Remove(FileName),
}

impl SimFiles {
    /// The power goes, or the system dies: what was not synced arrives or not, as the dice say.
    pub fn crash(&mut self, dice: &mut Pcg64Mcg) {
        self.counts.crashes += 1;
        let changes = std::mem::take(&mut self.changes);
        // A journal keeps a prefix of the changes; without one, each fares for itself.
        let kept = dice.random_range(0..=changes.len());
        let is_journal = dice.random();
        let mut names = std::mem::take(&mut self.durable_names);
        for (position, change) in changes.into_iter().enumerate() {
            let is_kept = if is_journal { position < kept } else { dice.random() };
            if is_kept {
                apply(&mut names, change);
            } else {
                self.counts.lost_names += 1;
            }
        }
        self.durable_names.clone_from(&names);
        self.names = names;
        let named: BTreeSet<u64> = self.names.values().copied().collect();
        self.inodes.retain(|inode, _| named.contains(inode));
        for inode in self.inodes.values_mut() {
            inode.crash(dice, &mut self.counts);
        }
        self.troubles = Troubles::default();
    }

    /// The power goes, and nothing arrives that was not synced.
    pub fn lose_unsynced(&mut self) {
        self.changes.clear();
        self.names.clone_from(&self.durable_names);
        let named: BTreeSet<u64> = self.names.values().copied().collect();
        self.inodes.retain(|inode, _| named.contains(inode));
        for inode in self.inodes.values_mut() {
            inode.dirty.clear();
            inode.cached.clone_from(&inode.durable);
        }
        self.troubles = Troubles::default();
    }

    /// The process dies and the system lives: nothing is lost.
    pub fn restart(&mut self) {
        self.troubles = Troubles::default();
    }

    /// Turns a bit of what is durable. False if the file has no such byte.
    pub fn flip(&mut self, name: FileName, offset: u64, bit: u8) -> bool {
        let Some(inode) = self.names.get(&name).and_then(|inode| self.inodes.get_mut(inode)) else {
            return false;
        };
        let Ok(offset) = usize::try_from(offset) else { return false };
        let mut is_there = false;
        for bytes in [&mut inode.cached, &mut inode.durable] {
            if let Some(byte) = bytes.get_mut(offset) {
                *byte ^= 1 << (bit % 8);
                is_there = true;
            }
        }
        is_there
    }

    fn inode(&self, name: FileName) -> io::Result<&Inode> {
        let inode = self.names.get(&name).and_then(|inode| self.inodes.get(inode));
        inode.ok_or_else(|| ErrorKind::NotFound.into())
    }

    fn inode_mut(&mut self, name: FileName) -> io::Result<&mut Inode> {
        let inode = self.names.get(&name).and_then(|inode| self.inodes.get_mut(inode));
        inode.ok_or_else(|| ErrorKind::NotFound.into())
    }

    /// Counts a change towards the crash. True if this is the one that is made in part.
    fn tick(&mut self) -> io::Result<bool> {
        if self.troubles.is_dead {
            return Err(io::Error::other("the system has died"));
        }
        match &mut self.troubles.crash_after {
            None => Ok(false),
            Some(0) => {
                self.troubles.is_dead = true;
                Ok(true)
            }
            Some(more) => {
                *more -= 1;
                Ok(false)
            }
        }
    }

    fn change(&mut self, change: Change) -> io::Result<()> {
        if self.tick()? {
            return Err(io::Error::other("the system has died"));
        }
        apply(&mut self.names, change);
        self.changes.push(change);
        Ok(())
    }
}

fn apply(names: &mut BTreeMap<FileName, u64>, change: Change) {
    match change {
        Change::Create(name, inode) => {
            names.insert(name, inode);
        }
        Change::Rename(from, to) => {
            if let Some(inode) = names.remove(&from) {
                names.insert(to, inode);
            }
        }
        Change::Remove(name) => {
            names.remove(&name);
        }
    }
}

impl Inode {
    fn write(&mut self, offset: usize, bytes: &[u8]) {
        if bytes.is_empty() {
            return; // a file does not grow by nothing, wherever that is written
        }
        let end = offset + bytes.len();
        if self.cached.len() < end {
            self.cached.resize(end, 0);
        }
        self.cached[offset..end].copy_from_slice(bytes);
        self.dirty.extend(offset / SECTOR..end.div_ceil(SECTOR));
    }

    fn sync(&mut self) {
        self.durable.resize(self.cached.len(), 0);
        for sector in std::mem::take(&mut self.dirty) {
            let range = sector * SECTOR..((sector + 1) * SECTOR).min(self.cached.len());
            self.durable[range.clone()].copy_from_slice(&self.cached[range]);
        }
    }

    fn crash(&mut self, dice: &mut Pcg64Mcg, counts: &mut Counts) {
        let dirty = std::mem::take(&mut self.dirty);
        // The length is written with the data, in part, or not: a file grows piece by piece.
        if self.cached.len() > self.durable.len() && dice.random() {
            let whole = self.cached.len();
            let length = if dice.random() { whole } else { dice.random_range(self.durable.len()..whole) };
            self.durable.resize(length, 0);
        }
        let mut page = (usize::MAX, true, false);
        for sector in dirty {
            if sector / 8 != page.0 {
                let is_torn = dice.random_ratio(1, 4);
                page = (sector / 8, dice.random(), is_torn);
                counts.torn_pages += u64::from(is_torn);
            }
            let is_kept = if page.2 { dice.random() } else { page.1 };
            let range = sector * SECTOR..((sector + 1) * SECTOR).min(self.durable.len());
            if is_kept && range.start < range.end {
                self.durable[range.clone()].copy_from_slice(&self.cached[range]);
            } else {
                counts.lost_sectors += 1;
            }
        }
        self.cached.clone_from(&self.durable);
    }
}

impl Files for SimFiles {
    fn list(&self) -> io::Result<Vec<FileName>> {
        Ok(self.names.keys().copied().collect())
    }

    fn create(&mut self, name: FileName) -> io::Result<()> {
        if self.troubles.is_full {
            self.counts.refused += 1;
            return Err(ErrorKind::StorageFull.into());
        }
        self.last_inode += 1;
        self.inodes.insert(self.last_inode, Inode::default());
        self.change(Change::Create(name, self.last_inode))
    }

    fn len(&self, name: FileName) -> io::Result<u64> {
        Ok(self.inode(name)?.cached.len() as u64)
    }

    fn read(&self, name: FileName, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let cached = &self.inode(name)?.cached;
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        let rest = cached.get(offset..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }

    fn write(&mut self, name: FileName, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.counts.writes += 1;
        self.counts.bytes += bytes.len() as u64;
        let offset = usize::try_from(offset).map_err(|_| ErrorKind::InvalidInput)?;
        let is_last = self.tick()?;
        let grows = offset + bytes.len() > self.inode(name)?.cached.len();
        if std::mem::take(&mut self.troubles.fails_write) {
            self.counts.failed_writes += 1;
            self.inode_mut(name)?.write(offset, &bytes[..bytes.len() / 2]);
            return Err(io::Error::other("the device answers nonsense"));
        }
        if is_last || (grows && self.troubles.is_full) {
            self.counts.refused += u64::from(!is_last);
            self.inode_mut(name)?.write(offset, &bytes[..bytes.len() / 2]);
            let full = io::Error::from(ErrorKind::StorageFull);
            return Err(if is_last { io::Error::other("the system has died") } else { full });
        }
        self.inode_mut(name)?.write(offset, bytes);
        Ok(())
    }

    fn sync(&mut self, name: FileName) -> io::Result<()> {
        self.counts.syncs += 1;
        if self.tick()? {
            return Err(io::Error::other("the system has died"));
        }
        if std::mem::take(&mut self.troubles.fails_sync) {
            self.counts.failed_syncs += 1;
            // The pages are clean now, and on no platter.
            self.inode_mut(name)?.dirty.clear();
            return Err(io::Error::other("the device lost what it was given"));
        }
        self.inode_mut(name)?.sync();
        Ok(())
    }

    fn sync_directory(&mut self) -> io::Result<()> {
        self.counts.syncs += 1;
        if self.tick()? {
            return Err(io::Error::other("the system has died"));
        }
        self.changes.clear();
        self.durable_names.clone_from(&self.names);
        let named: BTreeSet<u64> = self.names.values().copied().collect();
        self.inodes.retain(|inode, _| named.contains(inode));
        Ok(())
    }

    fn rename(&mut self, from: FileName, to: FileName) -> io::Result<()> {
        self.inode(from)?;
        self.change(Change::Rename(from, to))
    }

    fn remove(&mut self, name: FileName) -> io::Result<()> {
        self.inode(name)?;
        self.change(Change::Remove(name))
    }
}
