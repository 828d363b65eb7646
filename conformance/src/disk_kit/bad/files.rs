//! Directories that do something else than they were told.

use crate::disk_kit::{SharedFiles, crc32c};
use seaworthy::wal::{FileName, Files};
use std::io::{self, ErrorKind};

/// What a directory does in the place of what it was told. Whatever a flaw leaves alone is done well.
pub trait Flaw {
    /// The flaw, of a directory that is being opened, or made.
    fn of(files: &SharedFiles) -> Self;

    /// In the place of [`Files::read`].
    ///
    /// # Errors
    ///
    /// Whatever the directory says; likewise below.
    fn read(&self, files: &SharedFiles, name: FileName, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        files.read(name, offset, buffer)
    }

    /// In the place of [`Files::write`].
    ///
    /// # Errors
    ///
    /// As above.
    fn write(
        &mut self,
        files: &mut SharedFiles,
        name: FileName,
        offset: u64,
        bytes: &[u8],
    ) -> io::Result<()> {
        files.write(name, offset, bytes)
    }

    /// In the place of [`Files::sync`].
    ///
    /// # Errors
    ///
    /// As above.
    fn sync(&mut self, files: &mut SharedFiles, name: FileName) -> io::Result<()> {
        files.sync(name)
    }

    /// In the place of [`Files::sync_directory`].
    ///
    /// # Errors
    ///
    /// As above.
    fn sync_directory(&mut self, files: &mut SharedFiles) -> io::Result<()> {
        files.sync_directory()
    }

    /// In the place of [`Files::rename`].
    ///
    /// # Errors
    ///
    /// As above.
    fn rename(&mut self, files: &mut SharedFiles, from: FileName, to: FileName) -> io::Result<()> {
        files.rename(from, to)
    }

    /// In the place of [`Files::remove`].
    ///
    /// # Errors
    ///
    /// As above.
    fn remove(&mut self, files: &mut SharedFiles, name: FileName) -> io::Result<()> {
        files.remove(name)
    }
}

/// A directory with a flaw.
#[derive(Clone, Debug)]
pub struct BadFiles<K> {
    files: SharedFiles,
    flaw: K,
}

impl<K: Flaw> From<SharedFiles> for BadFiles<K> {
    fn from(files: SharedFiles) -> Self {
        let flaw = K::of(&files);
        Self { files, flaw }
    }
}

impl<K: Flaw> Files for BadFiles<K> {
    fn list(&self) -> io::Result<Vec<FileName>> {
        self.files.list()
    }

    fn create(&mut self, name: FileName) -> io::Result<()> {
        self.files.create(name)
    }

    fn len(&self, name: FileName) -> io::Result<u64> {
        self.files.len(name)
    }

    fn read(&self, name: FileName, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.flaw.read(&self.files, name, offset, buffer)
    }

    fn write(&mut self, name: FileName, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.flaw.write(&mut self.files, name, offset, bytes)
    }

    fn sync(&mut self, name: FileName) -> io::Result<()> {
        self.flaw.sync(&mut self.files, name)
    }

    fn sync_directory(&mut self) -> io::Result<()> {
        self.flaw.sync_directory(&mut self.files)
    }

    fn rename(&mut self, from: FileName, to: FileName) -> io::Result<()> {
        self.flaw.rename(&mut self.files, from, to)
    }

    fn remove(&mut self, name: FileName) -> io::Result<()> {
        self.flaw.remove(&mut self.files, name)
    }
}

/// A stubbed `fdatasync`.
#[derive(Clone, Copy, Debug)]
pub struct NoSync;

impl Flaw for NoSync {
    fn of(_: &SharedFiles) -> Self {
        Self
    }

    fn sync(&mut self, _: &mut SharedFiles, _: FileName) -> io::Result<()> {
        Ok(())
    }
}

/// The directory is never synced.
#[derive(Clone, Copy, Debug)]
pub struct NoDirectorySync;

impl Flaw for NoDirectorySync {
    fn of(_: &SharedFiles) -> Self {
        Self
    }

    fn sync_directory(&mut self, _: &mut SharedFiles) -> io::Result<()> {
        Ok(())
    }
}

/// What PostgreSQL did until 2018: the second sync says that all is well, of pages that the first one dropped.
#[derive(Clone, Copy, Debug)]
pub struct RetriesSync;

impl Flaw for RetriesSync {
    fn of(_: &SharedFiles) -> Self {
        Self
    }

    fn sync(&mut self, files: &mut SharedFiles, name: FileName) -> io::Result<()> {
        files.sync(name).or_else(|_| files.sync(name))
    }

    fn sync_directory(&mut self, files: &mut SharedFiles) -> io::Result<()> {
        files.sync_directory().or_else(|_| files.sync_directory())
    }
}

/// Errors of writes are lost on the way up.
#[derive(Clone, Copy, Debug)]
pub struct SwallowsWriteErrors;

impl Flaw for SwallowsWriteErrors {
    fn of(_: &SharedFiles) -> Self {
        Self
    }

    fn write(
        &mut self,
        files: &mut SharedFiles,
        name: FileName,
        offset: u64,
        bytes: &[u8],
    ) -> io::Result<()> {
        let outcome = files.write(name, offset, bytes);
        if outcome.as_ref().is_err_and(|error| error.kind() == ErrorKind::Other) { Ok(()) } else { outcome }
    }
}

/// A snapshot's file is renamed before it is synced, as by whoever trusts a file system to order the two.
#[derive(Clone, Copy, Debug)]
pub struct UnsyncedSnapshots;

impl Flaw for UnsyncedSnapshots {
    fn of(_: &SharedFiles) -> Self {
        Self
    }

    fn sync(&mut self, files: &mut SharedFiles, name: FileName) -> io::Result<()> {
        if matches!(name, FileName::Built | FileName::Staged) { Ok(()) } else { files.sync(name) }
    }
}

/// The identity is written in its place.
#[derive(Clone, Copy, Debug)]
pub struct IdentityInPlace;

impl Flaw for IdentityInPlace {
    fn of(_: &SharedFiles) -> Self {
        Self
    }

    fn rename(&mut self, files: &mut SharedFiles, from: FileName, to: FileName) -> io::Result<()> {
        if to != FileName::Identity {
            return files.rename(from, to);
        }
        files.create(to)?;
        files.write(to, 0, &files.content(from))?;
        files.sync(to)
    }
}

/// Is this the new identity, with which a recovery ends?
fn ends_recovery(to: FileName) -> bool {
    to == FileName::Identity
}

/// Is there a directory already, so that this is a recovery?
fn is_recovery(files: &SharedFiles) -> bool {
    files.len(FileName::Identity).is_ok()
}

/// What a recovery writes again does not arrive.
#[derive(Clone, Copy, Debug)]
pub struct NoRewrite {
    is_recovering: bool,
}

impl Flaw for NoRewrite {
    fn of(files: &SharedFiles) -> Self {
        Self { is_recovering: is_recovery(files) }
    }

    fn write(
        &mut self,
        files: &mut SharedFiles,
        name: FileName,
        offset: u64,
        bytes: &[u8],
    ) -> io::Result<()> {
        let is_rewrite = self.is_recovering && matches!(name, FileName::Segment(_));
        if is_rewrite && bytes.iter().any(|byte| *byte != 0) {
            Ok(())
        } else {
            files.write(name, offset, bytes)
        }
    }

    fn rename(&mut self, files: &mut SharedFiles, from: FileName, to: FileName) -> io::Result<()> {
        self.is_recovering &= !ends_recovery(to);
        files.rename(from, to)
    }
}

/// Zeros that a recovery writes do not arrive.
#[derive(Clone, Copy, Debug)]
pub struct KeepsGarbage {
    is_recovering: bool,
}

impl Flaw for KeepsGarbage {
    fn of(files: &SharedFiles) -> Self {
        Self { is_recovering: is_recovery(files) }
    }

    fn write(
        &mut self,
        files: &mut SharedFiles,
        name: FileName,
        offset: u64,
        bytes: &[u8],
    ) -> io::Result<()> {
        let is_cut = self.is_recovering && matches!(name, FileName::Segment(_));
        if is_cut && bytes.iter().all(|byte| *byte == 0) { Ok(()) } else { files.write(name, offset, bytes) }
    }

    fn rename(&mut self, files: &mut SharedFiles, from: FileName, to: FileName) -> io::Result<()> {
        self.is_recovering &= !ends_recovery(to);
        files.rename(from, to)
    }
}

/// Nothing goes.
#[derive(Clone, Copy, Debug)]
pub struct NeverRemoves;

impl Flaw for NeverRemoves {
    fn of(_: &SharedFiles) -> Self {
        Self
    }

    fn remove(&mut self, _: &mut SharedFiles, _: FileName) -> io::Result<()> {
        Ok(())
    }
}

/// A start is not counted.
#[derive(Clone, Copy, Debug)]
pub struct ForgetsStarts {
    is_recovering: bool,
}

impl Flaw for ForgetsStarts {
    fn of(files: &SharedFiles) -> Self {
        Self { is_recovering: is_recovery(files) }
    }

    fn rename(&mut self, files: &mut SharedFiles, from: FileName, to: FileName) -> io::Result<()> {
        if self.is_recovering && ends_recovery(to) { Ok(()) } else { files.rename(from, to) }
    }
}

/// What a recovery removes goes when its last sync is over, so a crash may bring it back.
#[derive(Clone, Debug)]
pub struct RemovesLate {
    is_recovering: bool,
    waiting: Vec<FileName>,
}

impl Flaw for RemovesLate {
    fn of(files: &SharedFiles) -> Self {
        Self { is_recovering: is_recovery(files), waiting: Vec::new() }
    }

    fn rename(&mut self, files: &mut SharedFiles, from: FileName, to: FileName) -> io::Result<()> {
        self.is_recovering &= !ends_recovery(to);
        files.rename(from, to)
    }

    fn remove(&mut self, files: &mut SharedFiles, name: FileName) -> io::Result<()> {
        // The new identity is gone by then: it has become the identity.
        if self.is_recovering && name != FileName::NewIdentity {
            self.waiting.push(name);
            return Ok(());
        }
        files.remove(name)
    }

    fn sync_directory(&mut self, files: &mut SharedFiles) -> io::Result<()> {
        files.sync_directory()?;
        if !self.is_recovering {
            for name in std::mem::take(&mut self.waiting) {
                files.remove(name)?;
            }
        }
        Ok(())
    }
}

/// Whatever a segment holds, it is read with the checksums that it should have: so reads a log that does not look at them.
#[derive(Clone, Copy, Debug)]
pub struct MendsChecksums;

impl Flaw for MendsChecksums {
    fn of(_: &SharedFiles) -> Self {
        Self
    }

    fn read(&self, files: &SharedFiles, name: FileName, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let FileName::Segment(number) = name else { return files.read(name, offset, buffer) };
        let mut bytes = files.content(name);
        mend(&mut bytes, number);
        let rest = bytes.get(usize::try_from(offset).unwrap_or(usize::MAX)..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }
}

/// The layout is the one that `seaworthy::wal` has: a header of 64 bytes, then records with a header of 24 bytes each.
fn mend(segment: &mut [u8], number: u64) {
    if segment.len() < 64 {
        return;
    }
    let mut chain = crc32c(0, &segment[..60]).to_le_bytes();
    segment[60..64].copy_from_slice(&chain);
    let seed = crc32c(crc32c(0, &segment[44..60]), &number.to_le_bytes());
    let mut start = 64;
    while let Some(length) = segment.get(start + 16..start + 24).and_then(|length| length.first_chunk()) {
        let length = usize::try_from(u64::from_le_bytes(*length)).unwrap_or(usize::MAX);
        let end = start.saturating_add(24).saturating_add(length).checked_next_multiple_of(8);
        let Some(record) = end.and_then(|end| segment.get_mut(start..end)) else { return };
        if length == 0 {
            return;
        }
        record[4..8].copy_from_slice(&chain);
        chain = crc32c(seed, &record[4..]).to_le_bytes();
        record[..4].copy_from_slice(&chain);
        start += record.len();
    }
}
