//! A simulated directory that two hold: the log under test writes to it, and the kit takes it away.

use crate::sim::SimFiles;
use rand_pcg::Pcg64Mcg;
use seaworthy::wal::{FileName, Files};
use std::cell::RefCell;
use std::io::{self, ErrorKind};
use std::rc::Rc;

/// A handle on a simulated directory. Its copies are handles on the same one.
#[derive(Clone, Debug, Default)]
pub struct SharedFiles(Rc<RefCell<Held>>);

#[derive(Debug, Default)]
struct Held {
    files: SimFiles,
    /// What is to fail, and how many requests of its kind go well before.
    fault: Option<(Fault, u64)>,
}

/// What can be made to fail.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fault {
    /// There is no room for a new file or a longer one, from then on.
    NoRoom,
    /// There is no room to write over what is there, once: some file systems never write in place.
    NoRoomInPlace,
    /// A write fails, and is done by half.
    Write,
    /// The sync of a file fails, and what it should have made durable is lost though it can be read.
    Sync,
    /// The sync of the directory fails.
    DirectorySync,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::NoRoom, Self::NoRoomInPlace, Self::Write, Self::Sync, Self::DirectorySync];
}

impl SharedFiles {
    /// A handle on a directory.
    #[must_use]
    pub fn new(files: SimFiles) -> Self {
        Self(Rc::new(RefCell::new(Held { files, fault: None })))
    }

    /// A directory of its own with the same content.
    #[must_use]
    pub fn copy(&self) -> Self {
        Self::new(self.0.borrow().files.clone())
    }

    /// Does something to the directory itself.
    pub fn with<T>(&self, work: impl FnOnce(&mut SimFiles) -> T) -> T {
        work(&mut self.0.borrow_mut().files)
    }

    /// Lets something fail, after so many requests of its kind that do not.
    pub fn fail(&self, fault: Fault, after: u64) {
        self.0.borrow_mut().fault = Some((fault, after));
    }

    /// Is what was to fail still to come?
    #[must_use]
    pub fn is_fault_to_come(&self) -> bool {
        self.0.borrow().fault.is_some()
    }

    /// Nothing is wrong with it any more.
    pub fn mend(&self) {
        let mut held = self.0.borrow_mut();
        held.fault = None;
        held.files.restart();
    }

    /// The system dies at the change that follows so many others.
    pub fn crash_after(&self, changes: u64) {
        self.with(|files| files.troubles.crash_after = Some(changes));
    }

    /// Has the system died?
    #[must_use]
    pub fn is_dead(&self) -> bool {
        self.0.borrow().files.troubles.is_dead
    }

    /// The system is dead, and what was not synced is there or not, as the dice say. It runs again.
    pub fn crash(&self, dice: &mut Pcg64Mcg) {
        self.mend();
        self.with(|files| files.crash(dice));
    }

    /// All bytes of a file, as a process sees them.
    #[must_use]
    pub fn content(&self, name: FileName) -> Vec<u8> {
        let length = self.len(name).unwrap_or_default();
        let mut bytes = vec![0; usize::try_from(length).unwrap_or_default()];
        let read = self.read(name, 0, &mut bytes).unwrap_or_default();
        bytes.truncate(read);
        bytes
    }
}

impl Held {
    /// Is it now that this fails?
    fn is_due(&mut self, fault: Fault) -> bool {
        match &mut self.fault {
            Some((next, 0)) if *next == fault => {
                self.fault = None;
                true
            }
            Some((next, more)) if *next == fault => {
                *more -= 1;
                false
            }
            Some(_) | None => false,
        }
    }
}

impl Files for SharedFiles {
    fn list(&self) -> io::Result<Vec<FileName>> {
        self.0.borrow().files.list()
    }

    fn create(&mut self, name: FileName) -> io::Result<()> {
        let held = &mut *self.0.borrow_mut();
        held.files.troubles.is_full |= held.is_due(Fault::NoRoom);
        held.files.create(name)
    }

    fn len(&self, name: FileName) -> io::Result<u64> {
        self.0.borrow().files.len(name)
    }

    fn read(&self, name: FileName, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.borrow().files.read(name, offset, buffer)
    }

    fn write(&mut self, name: FileName, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let held = &mut *self.0.borrow_mut();
        let grows = offset + bytes.len() as u64 > held.files.len(name)?;
        if grows {
            held.files.troubles.is_full |= held.is_due(Fault::NoRoom);
        } else if held.is_due(Fault::NoRoomInPlace) {
            held.files.write(name, offset, &bytes[..bytes.len() / 2])?;
            return Err(ErrorKind::StorageFull.into());
        }
        held.files.troubles.fails_write |= held.is_due(Fault::Write);
        held.files.write(name, offset, bytes)
    }

    fn sync(&mut self, name: FileName) -> io::Result<()> {
        let held = &mut *self.0.borrow_mut();
        held.files.troubles.fails_sync |= held.is_due(Fault::Sync);
        held.files.sync(name)
    }

    fn sync_directory(&mut self) -> io::Result<()> {
        let held = &mut *self.0.borrow_mut();
        if held.is_due(Fault::DirectorySync) {
            return Err(io::Error::other("the device lost the names that it was given"));
        }
        held.files.sync_directory()
    }

    fn rename(&mut self, from: FileName, to: FileName) -> io::Result<()> {
        self.0.borrow_mut().files.rename(from, to)
    }

    fn remove(&mut self, name: FileName) -> io::Result<()> {
        self.0.borrow_mut().files.remove(name)
    }
}
