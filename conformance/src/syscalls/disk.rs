//! What of a data directory is certain to be there after a crash, by the calls of the process that uses it.
//!
//! Bytes are certain once a sync of their file that began after they were written has returned without an error. A name is once a
//! sync of the directory has, and no longer when it is about to change. What is there besides is no matter: no page cache is modelled.

use super::bytes::Bytes;
use std::collections::BTreeMap;

/// When something happened on a node: in which run of its process, and at which moment of that.
pub(super) type Order = (u32, usize);

/// One data directory, over all runs of its process.
#[derive(Clone, Debug, Default)]
pub(super) struct Disk {
    files: Vec<File>,
    /// The names as the process sees them.
    names: BTreeMap<String, usize>,
    /// The names that no crash takes away.
    certain: BTreeMap<String, usize>,
    /// What happened to names since, in order. Where nobody knows whether it did, nothing has that name.
    changes: Vec<Change>,
}

#[derive(Clone, Debug)]
struct Change {
    at: Order,
    name: String,
    file: Option<usize>,
}

/// A file's bytes.
#[derive(Clone, Debug, Default)]
pub(super) struct File {
    /// Up to the last that is not zero.
    durable: Vec<u8>,
    /// How many there are with the zeros.
    length: u64,
    /// What was written and not synced, and when that was done.
    pending: Vec<(Order, u64, Bytes)>,
}

/// A name of which the process has no file, as far as its calls tell.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unknown;

impl Disk {
    /// The process has ended. What it had not synced is not waited for: the next one must write it again. Answers how many writes that
    /// were.
    pub(super) fn end_run(&mut self) -> usize {
        self.files.iter_mut().map(|file| file.pending.drain(..).count()).sum()
    }

    /// A file is about to be made or emptied.
    pub(super) fn begin_create(&mut self, name: &str) {
        self.certain.remove(name);
    }

    pub(super) fn created(&mut self, at: Order, name: &str) {
        self.files.push(File::default());
        self.change(at, name, Some(self.files.len() - 1));
    }

    /// A name is about to go, for ever or to another file.
    pub(super) fn begin_remove(&mut self, name: &str) {
        self.certain.remove(name);
    }

    pub(super) fn removed(&mut self, at: Order, name: &str) {
        self.change(at, name, None);
    }

    pub(super) fn renamed(&mut self, at: Order, from: &str, to: &str) -> Result<(), Unknown> {
        let file = *self.names.get(from).ok_or(Unknown)?;
        self.change(at, from, None);
        self.change(at, to, Some(file));
        Ok(())
    }

    fn change(&mut self, at: Order, name: &str, file: Option<usize>) {
        match file {
            Some(file) => drop(self.names.insert(name.to_owned(), file)),
            None => drop(self.names.remove(name)),
        }
        self.changes.push(Change { at, name: name.to_owned(), file });
    }

    pub(super) fn is_there(&self, name: &str) -> bool {
        self.names.contains_key(name)
    }

    pub(super) fn wrote(&mut self, at: Order, name: &str, offset: u64, bytes: Bytes) -> Result<(), Unknown> {
        self.file_mut(name)?.pending.push((at, offset, bytes));
        Ok(())
    }

    /// A sync that began then has returned: what was written before is durable.
    pub(super) fn synced(&mut self, began: Order, name: &str) -> Result<(), Unknown> {
        self.file_mut(name)?.synced(began);
        Ok(())
    }

    /// A sync of the directory that began then has returned.
    pub(super) fn synced_names(&mut self, began: Order) {
        let (done, left) =
            std::mem::take(&mut self.changes).into_iter().partition(|change| change.at < began);
        self.changes = left;
        let done: Vec<Change> = done;
        for Change { name, file, .. } in done {
            match file {
                Some(file) => drop(self.certain.insert(name, file)),
                None => drop(self.certain.remove(&name)),
            }
        }
        for Change { name, .. } in &self.changes {
            self.certain.remove(name);
        }
    }

    fn file_mut(&mut self, name: &str) -> Result<&mut File, Unknown> {
        let file = *self.names.get(name).ok_or(Unknown)?;
        self.files.get_mut(file).ok_or(Unknown)
    }

    /// A file, if its name is certain to be there.
    pub(super) fn certain(&self, name: &str) -> Option<&File> {
        self.files.get(*self.certain.get(name)?)
    }

    /// All names that are certain to be there.
    pub(super) fn certain_names(&self) -> impl Iterator<Item = &str> {
        self.certain.keys().map(String::as_str)
    }

    /// Would these bytes take the place of others that are durable, before an offset?
    pub(super) fn overwrites(&self, name: &str, offset: u64, bytes: &Bytes, before: u64) -> bool {
        let file = self.names.get(name).and_then(|file| self.files.get(*file));
        file.is_some_and(|file| file.overwrites(offset, bytes, before))
    }
}

impl File {
    /// Some of its durable bytes; nothing if it has not as many.
    pub(super) fn read(&self, offset: u64, count: u64) -> Option<Vec<u8>> {
        let end = offset.checked_add(count).filter(|end| *end <= self.length)?;
        let held = |at| index(at).min(self.durable.len());
        let mut bytes = self.durable[held(offset)..held(end)].to_vec();
        bytes.resize(index(count), 0);
        Some(bytes)
    }

    fn synced(&mut self, began: Order) {
        let (done, left) = std::mem::take(&mut self.pending).into_iter().partition(|(at, ..)| *at < began);
        self.pending = left;
        let done: Vec<(Order, u64, Bytes)> = done;
        for (_, offset, bytes) in done {
            self.put(offset, &bytes);
        }
    }

    fn put(&mut self, offset: u64, bytes: &Bytes) {
        self.length = self.length.max(offset + bytes.len());
        let begin = index(offset);
        let end = begin + bytes.head().len();
        if end > begin {
            self.durable.resize(self.durable.len().max(end), 0);
            self.durable[begin..end].copy_from_slice(bytes.head());
        }
        let zeros = end.min(self.durable.len())..index(offset + bytes.len()).min(self.durable.len());
        self.durable[zeros].fill(0);
    }

    /// Zeros were never anything. All else that is durable may only be written again as it is.
    fn overwrites(&self, offset: u64, bytes: &Bytes, before: u64) -> bool {
        let end = index(before).min(self.durable.len());
        let there = self.durable.get(index(offset)..end).unwrap_or_default();
        let there = &there[..there.len().min(index(bytes.len()))];
        let new = bytes.head().iter().chain(std::iter::repeat(&0));
        there.iter().zip(new).any(|(old, new)| *old != 0 && old != new)
    }
}

/// A place in a file that is held in memory.
fn index(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}
