//! Snapshots as files: written under another name, synced, renamed, and the directory synced. A name that is there is whole.

use super::error::DiskError;
use super::files::{FileName, Files};
use super::{OpenError, Wal};
use seaworthy_protocol::{Chunk, Snapshot};
use std::io;
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

/// How much of a snapshot is read at a time.
const PIECE: usize = 1 << 20;

/// The digest by which the protocol knows the bytes of a snapshot: XXH3, 64 bits.
///
/// It tells damage and mix-ups, not malice: whoever can write a snapshot's file can write its name too.
#[must_use]
pub fn digest(bytes: &[u8]) -> u64 {
    xxh3_64(bytes)
}

impl<F: Files> Wal<F> {
    /// Writes a snapshot of this node's and makes it durable. Then, and not before, the log may be told of it.
    ///
    /// # Errors
    ///
    /// [`DiskError::Full`]: nothing happened. After any other error the log is not used any more.
    pub fn save_snapshot(&mut self, snapshot: Snapshot, bytes: &[u8]) -> Result<(), DiskError> {
        let mut written = 0;
        while !self.save_piece(snapshot, bytes, &mut written)? {}
        Ok(())
    }

    /// Writes the next piece of a snapshot of this node's, behind those that were written, and makes it durable: batches may come
    /// between. True with the last piece: the snapshot is there. One that is begun anew forgets the one before.
    ///
    /// # Errors
    ///
    /// [`DiskError::Full`]: nothing happened, and the snapshot is not to be continued. After any other error the log is not used
    /// any more.
    pub fn save_piece(
        &mut self,
        snapshot: Snapshot,
        bytes: &[u8],
        written: &mut usize,
    ) -> Result<bool, DiskError> {
        self.guarded(|wal| {
            let name = FileName::Built;
            if *written == 0 {
                wal.files.create(name).map_err(DiskError::writing("create", name))?;
            }
            let rest = bytes.get(*written..).unwrap_or_default();
            let piece = rest.get(..wal.layout.piece_size).unwrap_or(rest);
            let outcome = wal.files.write(name, *written as u64, piece);
            if let Err(error) = outcome.map_err(DiskError::writing("write", name)) {
                // Half a snapshot would only make the want of room worse.
                let _ = wal.files.remove(name);
                return Err(error);
            }
            *written += piece.len();
            if *written < bytes.len() {
                // Or the last sync would have all of it to write, and the log's would wait for that.
                wal.files.sync(name).map_err(DiskError::failing("sync", name))?;
                return Ok(false);
            }
            wal.keep(name, snapshot).map(|()| true)
        })
    }

    /// Appends a chunk of a leader's snapshot to what has arrived of it, or begins it anew. Nothing of this is durable.
    ///
    /// # Errors
    ///
    /// [`DiskError::Full`]: the chunk is lost, and what was staged may be. After any other error the log is not used any
    /// more.
    pub fn stage(&mut self, chunk: &Chunk, bytes: &[u8]) -> Result<(), DiskError> {
        self.guarded(|wal| {
            let name = FileName::Staged;
            if chunk.offset == 0 {
                wal.files.create(name).map_err(DiskError::writing("create", name))?;
            }
            match wal.files.write(name, chunk.offset, bytes) {
                // There was no room to begin it. What is missing is found when it should be whole.
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                outcome => outcome.map_err(DiskError::writing("write", name)),
            }
        })
    }

    /// All of a leader's snapshot has been staged: verifies it and makes it durable. False if it is not what was announced;
    /// then it is gone.
    ///
    /// # Errors
    ///
    /// After any but [`DiskError::Full`] the log is not used any more.
    pub fn keep_staged(&mut self, snapshot: Snapshot) -> Result<bool, DiskError> {
        self.guarded(|wal| {
            let name = FileName::Staged;
            match verify(&wal.files, name, snapshot) {
                Ok(true) => wal.keep(name, snapshot).map(|()| true),
                // A chunk for which there was no room may have been the first.
                Ok(false) => Ok(false),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
                Err(source) => Err(DiskError::Failed { operation: "read", file: name, source }),
            }
        })
    }

    /// Reads a piece of a snapshot; nothing if it has been replaced since.
    ///
    /// # Errors
    ///
    /// What the file system says. The log is used on: reading changes nothing.
    pub fn read_snapshot(
        &self,
        snapshot: Snapshot,
        offset: u64,
        length: usize,
    ) -> Result<Option<Vec<u8>>, DiskError> {
        let name = FileName::Snapshot(snapshot);
        let mut bytes = vec![0; length];
        match read_all(&self.files, name, offset, &mut bytes) {
            Ok(read) if read == length => Ok(Some(bytes)),
            Ok(_) => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(DiskError::Failed { operation: "read", file: name, source }),
        }
    }

    fn keep(&mut self, name: FileName, snapshot: Snapshot) -> Result<(), DiskError> {
        let kept = FileName::Snapshot(snapshot);
        self.files.sync(name).map_err(DiskError::failing("sync", name))?;
        self.files.rename(name, kept).map_err(DiskError::writing("rename", name))?;
        self.files.sync_directory().map_err(DiskError::failing("sync the directory of", kept))
    }
}

/// Is the snapshot that the log names there, with the bytes that it had?
pub(super) fn check(files: &impl Files, snapshot: Snapshot) -> Result<(), OpenError> {
    let file = FileName::Snapshot(snapshot);
    match verify(files, file, snapshot) {
        Ok(true) => Ok(()),
        Ok(false) => Err(OpenError::Damaged { file, offset: 0, what: "its length or its digest is wrong" }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(OpenError::Damaged { file, offset: 0, what: "the log names it, and it is not there" })
        }
        Err(source) => Err(OpenError::Failed { operation: "read", file, source }),
    }
}

fn verify(files: &impl Files, name: FileName, snapshot: Snapshot) -> io::Result<bool> {
    if files.len(name)? != snapshot.length {
        return Ok(false);
    }
    let mut hasher = Xxh3::new();
    let mut piece = vec![0; PIECE.min(usize::try_from(snapshot.length).unwrap_or(PIECE))];
    let mut offset = 0;
    while offset < snapshot.length {
        let read = read_all(files, name, offset, &mut piece)?;
        if read == 0 {
            return Ok(false);
        }
        hasher.update(&piece[..read]);
        offset += read as u64;
    }
    Ok(hasher.digest() == snapshot.digest)
}

/// Reads until the buffer is full or the file ends.
fn read_all(files: &impl Files, name: FileName, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match files.read(name, offset + filled as u64, &mut buffer[filled..])? {
            0 => break,
            more => filled += more,
        }
    }
    Ok(filled)
}
