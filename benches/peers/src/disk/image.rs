//! What of a directory would be there after a crash at this moment, if it took whatever was not synced.

use seaworthy::wal::{FileName, Files};
use seaworthy_benches::memory_files::MemoryFiles;
use std::collections::BTreeMap;

/// A file as it was written, and as it is durable.
#[derive(Default)]
struct Content {
    written: Vec<u8>,
    durable: Vec<u8>,
}

/// A directory, seen through what was done to it.
#[derive(Default)]
pub(super) struct Image {
    contents: Vec<Content>,
    names: BTreeMap<FileName, usize>,
    durable_names: BTreeMap<FileName, usize>,
    /// How often anything became durable.
    pub(super) version: u64,
}

impl Image {
    pub(super) fn create(&mut self, name: FileName) {
        self.names.insert(name, self.contents.len());
        self.contents.push(Content::default());
    }

    pub(super) fn write(&mut self, name: FileName, offset: u64, bytes: &[u8]) {
        let (Some(&number), Ok(begin)) = (self.names.get(&name), usize::try_from(offset)) else { return };
        let written = &mut self.contents[number].written;
        let end = begin + bytes.len();
        if written.len() < end {
            written.resize(end, 0);
        }
        written[begin..end].copy_from_slice(bytes);
    }

    pub(super) fn sync(&mut self, name: FileName) {
        let Some(&number) = self.names.get(&name) else { return };
        let Content { written, durable } = &mut self.contents[number];
        durable.clone_from(written);
        self.version += 1;
    }

    pub(super) fn sync_directory(&mut self) {
        self.durable_names = self.names.clone();
        self.version += 1;
    }

    pub(super) fn rename(&mut self, from: FileName, to: FileName) {
        if let Some(number) = self.names.remove(&from) {
            self.names.insert(to, number);
        }
    }

    pub(super) fn remove(&mut self, name: FileName) {
        self.names.remove(&name);
    }

    /// The files that a crash would leave.
    pub(super) fn after_a_crash(&self) -> MemoryFiles {
        let mut files = MemoryFiles::default();
        for (name, number) in &self.durable_names {
            files
                .create(*name)
                .and_then(|()| files.write(*name, 0, &self.contents[*number].durable))
                .expect("memory has room");
        }
        files
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: FileName = FileName::Segment(1);

    #[test]
    fn neither_bytes_nor_names_are_there_before_they_are_synced() {
        let mut image = Image::default();
        image.create(FileName::Spare);
        image.write(FileName::Spare, 0, b"one");
        image.sync(FileName::Spare);
        image.rename(FileName::Spare, NAME);
        assert!(image.after_a_crash().list().is_ok_and(|names| names.is_empty()));
        image.sync_directory();
        image.write(NAME, 3, b"two");
        assert!(image.after_a_crash().len(NAME).is_ok_and(|length| length == 3));
        image.sync(NAME);
        assert!(image.after_a_crash().len(NAME).is_ok_and(|length| length == 6));
        image.remove(NAME);
        assert!(image.after_a_crash().len(NAME).is_ok_and(|length| length == 6));
    }
}
