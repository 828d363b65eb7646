//! A segment of the write-ahead log, read once more: by what its documentation says, not by the code that wrote it.
//!
//! `impl/runtime/src/wal/segment.rs` has the tables. The bodies of the records are decoded by the library.

use super::disk::File;
use crate::disk_kit::crc32c;

const HEADER: u64 = 160;
/// Where its checksum stands.
const CHECKSUM: usize = 156;
const RECORD_HEADER: u64 = 24;

/// What a segment says of itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Header {
    pub(super) node: u8,
    pub(super) number: u64,
    /// The checksum of the last record of the segment before it.
    previous: u32,
    directory: u128,
    checksum: u32,
}

/// Where a reading of a segment stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Position {
    /// Behind the last record that was read.
    offset: u64,
    /// The checksum of that record, or of the header.
    chain: u32,
    /// With what the checksums of its records begin.
    seed: u32,
}

impl Header {
    /// Nothing, if the file begins with no header.
    pub(super) fn read(file: &File) -> Option<Self> {
        let bytes = file.read(0, HEADER)?;
        let checksum = u32_at(&bytes, CHECKSUM)?;
        if bytes[..8] != *b"seaworth" || bytes[8..10] != [2, 0] || crc32c(0, &bytes[..CHECKSUM]) != checksum {
            return None;
        }
        Some(Self {
            node: bytes[10],
            number: u64_at(&bytes, 32)?,
            previous: u32_at(&bytes, 40)?,
            directory: bytes[44..60].try_into().ok().map(u128::from_le_bytes)?,
            checksum,
        })
    }

    /// Where its records begin.
    pub(super) fn first(&self) -> Position {
        let seed = crc32c(crc32c(0, &self.directory.to_le_bytes()), &self.number.to_le_bytes());
        Position { offset: HEADER, chain: self.checksum, seed }
    }

    /// Does it continue a segment that was read up to there?
    pub(super) const fn continues(&self, end: Position) -> bool {
        self.previous == end.chain
    }
}

impl Position {
    /// Behind the last record that was read.
    pub(super) const fn offset(self) -> u64 {
        self.offset
    }

    /// The body of the next record, and where that ends; nothing if none is whole there.
    pub(super) fn next(self, file: &File) -> Option<(Vec<u8>, Self)> {
        let header = file.read(self.offset, RECORD_HEADER)?;
        let (checksum, length) = (u32_at(&header, 0)?, u64::from(u32_at(&header, 16)?));
        let whole = RECORD_HEADER.checked_add(length)?.checked_next_multiple_of(8)?;
        if length == 0 || u32_at(&header, 4)? != self.chain {
            return None;
        }
        let record = file.read(self.offset, whole)?;
        if crc32c(self.seed, &record[4..]) != checksum {
            return None;
        }
        let end = usize::try_from(RECORD_HEADER + length).ok()?;
        let body = record.get(header.len()..end)?.to_vec();
        Some((body, Self { offset: self.offset + whole, chain: checksum, ..self }))
    }
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().copied().map(u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().copied().map(u64::from_le_bytes)
}
