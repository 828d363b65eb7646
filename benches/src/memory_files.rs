//! Files in memory: what a log does beside waiting for its disk.

use seaworthy::wal::{FileName, Files};
use std::collections::BTreeMap;
use std::io::{self, ErrorKind};

/// A directory in memory, durable at once and gone with the process.
#[derive(Clone, Debug, Default)]
pub struct MemoryFiles(BTreeMap<FileName, Vec<u8>>);

impl MemoryFiles {
    fn file(&self, name: FileName) -> io::Result<&Vec<u8>> {
        self.0.get(&name).ok_or_else(|| ErrorKind::NotFound.into())
    }
}

impl Files for MemoryFiles {
    fn list(&self) -> io::Result<Vec<FileName>> {
        Ok(self.0.keys().copied().collect())
    }

    fn create(&mut self, name: FileName) -> io::Result<()> {
        self.0.insert(name, Vec::new());
        Ok(())
    }

    fn len(&self, name: FileName) -> io::Result<u64> {
        Ok(self.file(name)?.len() as u64)
    }

    fn read(&self, name: FileName, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let rest = usize::try_from(offset).ok().and_then(|offset| self.file(name).ok()?.get(offset..));
        let rest = rest.unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.file(name).map(|_| count)
    }

    fn write(&mut self, name: FileName, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let file = self.0.get_mut(&name).ok_or(ErrorKind::NotFound)?;
        let begin = usize::try_from(offset).map_err(|_| ErrorKind::StorageFull)?;
        let end = begin + bytes.len();
        if file.len() < end {
            file.resize(end, 0);
        }
        file[begin..end].copy_from_slice(bytes);
        Ok(())
    }

    fn sync(&mut self, name: FileName) -> io::Result<()> {
        self.file(name).map(drop)
    }

    fn sync_directory(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn rename(&mut self, from: FileName, to: FileName) -> io::Result<()> {
        let file = self.0.remove(&from).ok_or(ErrorKind::NotFound)?;
        self.0.insert(to, file);
        Ok(())
    }

    fn remove(&mut self, name: FileName) -> io::Result<()> {
        self.0.remove(&name).map(drop).ok_or_else(|| ErrorKind::NotFound.into())
    }
}
