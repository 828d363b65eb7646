//! A real directory.

use super::error::OpenError;
use super::files::{FileName, Files};
use rustix::fs::{FlockOperation, flock};
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// A directory of a file system, held by one process at a time.
#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
    /// Of files that were written: opening one for each write would cost more than the write.
    open: BTreeMap<FileName, File>,
    /// Locked for as long as it is open. The lock dies with the process, however that ends.
    _lock: File,
}

impl Directory {
    /// Takes a directory for this process alone, and makes it if it does not exist.
    ///
    /// # Errors
    ///
    /// [`OpenError::Locked`] if another process has it.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let failing = |operation| OpenError::failing(operation, FileName::Identity);
        fs::create_dir_all(path).map_err(failing("make the directory of"))?;
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(path.join("lock"));
        let lock = lock.map_err(failing("open the lock beside"))?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { path: path.to_owned(), open: BTreeMap::new(), _lock: lock }),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(OpenError::Locked),
            Err(errno) => Err(failing("lock the directory of")(errno.into())),
        }
    }

    fn path(&self, name: FileName) -> PathBuf {
        self.path.join(name.to_string())
    }

    fn with<T>(&self, name: FileName, work: impl FnOnce(&File) -> io::Result<T>) -> io::Result<T> {
        match self.open.get(&name) {
            Some(file) => work(file),
            None => work(&File::open(self.path(name))?),
        }
    }

    fn opened(&mut self, name: FileName) -> io::Result<&File> {
        let path = self.path(name);
        match self.open.entry(name) {
            std::collections::btree_map::Entry::Occupied(entry) => Ok(entry.into_mut()),
            std::collections::btree_map::Entry::Vacant(entry) => {
                Ok(entry.insert(OpenOptions::new().read(true).write(true).open(path)?))
            }
        }
    }
}

impl Files for Directory {
    fn list(&self) -> io::Result<Vec<FileName>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            names.extend(entry?.file_name().to_str().and_then(FileName::parse));
        }
        Ok(names)
    }

    fn create(&mut self, name: FileName) -> io::Result<()> {
        let options = OpenOptions::new().read(true).write(true).create(true).truncate(true).to_owned();
        let file = options.open(self.path(name))?;
        self.open.insert(name, file);
        Ok(())
    }

    fn len(&self, name: FileName) -> io::Result<u64> {
        self.with(name, |file| Ok(file.metadata()?.len()))
    }

    fn read(&self, name: FileName, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.with(name, |file| {
            loop {
                match file.read_at(buffer, offset) {
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    outcome => return outcome,
                }
            }
        })
    }

    fn write(&mut self, name: FileName, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.opened(name)?.write_all_at(bytes, offset)
    }

    fn sync(&mut self, name: FileName) -> io::Result<()> {
        // fdatasync: the length counts as data where it is needed to read them.
        self.opened(name)?.sync_data()
    }

    fn sync_directory(&mut self) -> io::Result<()> {
        File::open(&self.path)?.sync_all()
    }

    fn rename(&mut self, from: FileName, to: FileName) -> io::Result<()> {
        fs::rename(self.path(from), self.path(to))?;
        self.open.remove(&to);
        if let Some(file) = self.open.remove(&from) {
            self.open.insert(to, file);
        }
        Ok(())
    }

    fn remove(&mut self, name: FileName) -> io::Result<()> {
        self.open.remove(&name);
        fs::remove_file(self.path(name))
    }
}
