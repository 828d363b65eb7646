//! A directory of files, as durable storage sees one: neither bytes nor names are durable before they are synced.

use seaworthy_protocol::{Index, LogId, Snapshot, Term};
use std::fmt;
use std::io;

/// A directory of files. The write-ahead log and the snapshots need no more of a file system than this.
///
/// What an implementation must keep to, `disk_suite!` of the conformance package checks:
///
/// - Bytes written and not synced may survive a crash or not, page by page, in any order.
/// - A name created, changed or removed survives a crash for certain only once the directory is synced.
/// - After a sync that *failed*, nothing is known of what was written before it, whatever a later sync says: the pages may have been
///   dropped and marked clean.
pub trait Files {
    /// The names in the directory, in any order. Names of others are left out.
    ///
    /// # Errors
    ///
    /// Whatever the file system says; likewise below.
    fn list(&self) -> io::Result<Vec<FileName>>;

    /// Creates an empty file, or empties it.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::StorageFull`] if there is no room.
    fn create(&mut self, name: FileName) -> io::Result<()>;

    /// How many bytes a file has.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::NotFound`] if it does not exist.
    fn len(&self, name: FileName) -> io::Result<u64>;

    /// Reads from an offset on, as much as fits into the buffer or the file has: that many bytes.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::NotFound`] if the file does not exist.
    fn read(&self, name: FileName, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;

    /// Writes at an offset, beyond the end too.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::StorageFull`] if there is no room. Any part of the bytes may have been written then.
    fn write(&mut self, name: FileName, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Makes the bytes of a file durable, and its length.
    ///
    /// # Errors
    ///
    /// Then the file must not be trusted any more.
    fn sync(&mut self, name: FileName) -> io::Result<()>;

    /// Makes the names durable.
    ///
    /// # Errors
    ///
    /// Then the directory must not be trusted any more.
    fn sync_directory(&mut self) -> io::Result<()>;

    /// Gives a file another name, in one step, in the place of the file that had it.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::NotFound`] if it does not exist.
    fn rename(&mut self, from: FileName, to: FileName) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::NotFound`] if it does not exist.
    fn remove(&mut self, name: FileName) -> io::Result<()>;
}

impl<F: Files> Files for &mut F {
    fn list(&self) -> io::Result<Vec<FileName>> {
        (**self).list()
    }

    fn create(&mut self, name: FileName) -> io::Result<()> {
        (**self).create(name)
    }

    fn len(&self, name: FileName) -> io::Result<u64> {
        (**self).len(name)
    }

    fn read(&self, name: FileName, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        (**self).read(name, offset, buffer)
    }

    fn write(&mut self, name: FileName, offset: u64, bytes: &[u8]) -> io::Result<()> {
        (**self).write(name, offset, bytes)
    }

    fn sync(&mut self, name: FileName) -> io::Result<()> {
        (**self).sync(name)
    }

    fn sync_directory(&mut self) -> io::Result<()> {
        (**self).sync_directory()
    }

    fn rename(&mut self, from: FileName, to: FileName) -> io::Result<()> {
        (**self).rename(from, to)
    }

    fn remove(&mut self, name: FileName) -> io::Result<()> {
        (**self).remove(name)
    }
}

/// The files of a data directory.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum FileName {
    /// Whose directory this is.
    Identity,
    /// The identity about to be replaced.
    NewIdentity,
    /// A segment of the write-ahead log.
    Segment(u64),
    /// The next segment, while its space is being made.
    Spare,
    /// A whole snapshot.
    Snapshot(Snapshot),
    /// A snapshot that is being written by this node.
    Built,
    /// A snapshot that is arriving from a leader.
    Staged,
}

impl FileName {
    /// Reads a name back; nothing if it is none of ours.
    ///
    /// ```
    /// use seaworthy::wal::FileName;
    ///
    /// let name = FileName::Segment(31);
    /// assert_eq!(name.to_string(), "000000000000001f.log");
    /// assert_eq!(FileName::parse("000000000000001f.log"), Some(name));
    /// assert_eq!(FileName::parse("notes.txt"), None);
    /// ```
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let plain = [Self::Identity, Self::NewIdentity, Self::Spare, Self::Built, Self::Staged];
        let name = plain.into_iter().find(|name| name.to_string() == text).or_else(|| numbered(text))?;
        // Only the spelling that we write is ours: no capitals, no digit more or less.
        (name.to_string() == text).then_some(name)
    }
}

fn numbered(text: &str) -> Option<FileName> {
    let (stem, extension) = text.rsplit_once('.')?;
    let mut numbers = stem.split('-').map(|part| u64::from_str_radix(part, 16).ok());
    let mut next = || numbers.next().flatten();
    match extension {
        "log" => next().map(FileName::Segment),
        "snapshot" => {
            let last = LogId { index: Index(next()?), term: Term(next()?) };
            Some(FileName::Snapshot(Snapshot { last, length: next()?, digest: next()? }))
        }
        _ => None,
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Identity => write!(f, "identity"),
            Self::NewIdentity => write!(f, "identity.new"),
            Self::Segment(number) => write!(f, "{number:016x}.log"),
            Self::Spare => write!(f, "spare.new"),
            Self::Snapshot(Snapshot { last, length, digest }) => {
                let (index, term) = (last.index.0, last.term.0);
                write!(f, "{index:016x}-{term:016x}-{length:016x}-{digest:016x}.snapshot")
            }
            Self::Built => write!(f, "built.new"),
            Self::Staged => write!(f, "staged.new"),
        }
    }
}
