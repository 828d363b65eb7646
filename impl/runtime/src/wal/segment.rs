//! A segment, byte for byte: a header, then records, then zeros up to the space that was made for it.
//!
//! | header | bytes | |
//! |--------|------:|-|
//! | magic  | 8  | `seaworth` |
//! | version | 2 | of the format, [`VERSION`] |
//! | node   | 1  | whose it is |
//! | start  | 1  | 1 if it needs no segment before it: the first one, and each that begins with a state |
//! | size   | 4  | how much space was made for it, or the most that this can say; 0 where an earlier version wrote it |
//! | cluster | 16 | |
//! | number | 8  | of the segment, from 1 |
//! | previous | 4 | checksum of the last record of the segment before it; 0 in a start |
//! | directory | 16 | the number that was drawn when the directory was made |
//! | checksum | 4 | CRC32C of all that precedes it |
//!
//! | record | bytes | |
//! |--------|------:|-|
//! | checksum | 4 | CRC32C of the directory's number, the segment's, and all that follows, padding included |
//! | previous | 4 | checksum of the record before it; of the header, for the first |
//! | synced | 8  | how many bytes of the segment were durable when it was written |
//! | length | 8  | of the body |
//! | body   | length | see `docs/wire.md`; then zeros up to a multiple of 8 |
//!
//! All numbers are little-endian. A record stands alone, for its checksum does not depend on the one before it, and so one that is found
//! behind a bad record can tell whether that one had been durable. It depends on a number that only the directory knows: a client's command
//! that looks like a record is none.

use super::error::OpenError;
use super::files::FileName;
use super::identity::Identity;
use crate::codec::VERSION;

pub(super) const MAGIC: &[u8; 8] = b"seaworth";
pub(super) const HEADER: usize = 64;
pub(super) const RECORD_HEADER: usize = 24;
pub(super) const ALIGNMENT: usize = 8;

/// What a segment says of itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Header {
    pub(super) version: u16,
    pub(super) node: u8,
    pub(super) cluster: u128,
    pub(super) number: u64,
    pub(super) directory: u128,
    /// How many bytes it has, or more.
    pub(super) size: u32,
    /// The checksum of the last record of the segment before it; nothing if it needs none.
    pub(super) previous: Option<u32>,
}

impl Header {
    pub(super) fn new(identity: &Identity, number: u64, size: u64, previous: Option<u32>) -> Self {
        let node = identity.node.get();
        let Identity { cluster, directory, .. } = *identity;
        let size = u32::try_from(size).unwrap_or(u32::MAX);
        Self { version: VERSION, node, cluster, number, directory, size, previous }
    }

    /// The bytes, and their checksum, with which the chain of records begins.
    pub(super) fn encode(&self) -> ([u8; HEADER], u32) {
        let mut bytes = [0; HEADER];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8..10].copy_from_slice(&self.version.to_le_bytes());
        bytes[10] = self.node;
        bytes[11] = u8::from(self.previous.is_none());
        bytes[12..16].copy_from_slice(&self.size.to_le_bytes());
        bytes[16..32].copy_from_slice(&self.cluster.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.number.to_le_bytes());
        bytes[40..44].copy_from_slice(&self.previous.unwrap_or_default().to_le_bytes());
        bytes[44..60].copy_from_slice(&self.directory.to_le_bytes());
        let checksum = crc32c::crc32c(&bytes[..60]);
        bytes[60..].copy_from_slice(&checksum.to_le_bytes());
        (bytes, checksum)
    }

    /// Reads it back, with its checksum; nothing if it is no header.
    pub(super) fn decode(bytes: &[u8]) -> Option<(Self, u32)> {
        let bytes: &[u8; HEADER] = bytes.first_chunk()?;
        let checksum = u32_at(bytes, 60);
        if bytes[..8] != MAGIC[..] || crc32c::crc32c(&bytes[..60]) != checksum {
            return None;
        }
        let header = Self {
            version: u16::from_le_bytes([bytes[8], bytes[9]]),
            node: bytes[10],
            cluster: u128_at(bytes, 16),
            number: u64_at(bytes, 32),
            directory: u128_at(bytes, 44),
            size: u32_at(bytes, 12),
            previous: (bytes[11] == 0).then(|| u32_at(bytes, 40)),
        };
        Some((header, checksum))
    }
}

impl Header {
    /// With what the checksums of its records begin.
    pub(super) fn seed(&self) -> u32 {
        seed(self.directory, self.number)
    }

    /// Is it of this node, and in its place?
    pub(super) fn check(&self, identity: &Identity, number: u64) -> Result<(), OpenError> {
        let file = FileName::Segment(number);
        if self.version == 0 || self.version > VERSION {
            return Err(OpenError::UnknownVersion { file, version: self.version, known: VERSION });
        }
        let is_ours = self.cluster == identity.cluster
            && self.node == identity.node.get()
            && self.directory == identity.directory;
        if !is_ours {
            return Err(OpenError::BelongsToAnother { file, cluster: self.cluster, node: self.node });
        }
        if self.number != number {
            return Err(OpenError::Damaged { file, offset: 32, what: "it bears another segment's number" });
        }
        Ok(())
    }
}

/// What stands before a record's body.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct RecordHeader {
    pub(super) checksum: u32,
    pub(super) previous: u32,
    pub(super) synced: u64,
    pub(super) length: usize,
}

impl RecordHeader {
    /// Reads it from at least [`RECORD_HEADER`] bytes.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; RECORD_HEADER] = bytes.first_chunk()?;
        Some(Self {
            checksum: u32_at(bytes, 0),
            previous: u32_at(bytes, 4),
            synced: u64_at(bytes, 8),
            length: usize::try_from(u64_at(bytes, 16)).ok()?,
        })
    }

    /// How many bytes the whole record takes.
    pub(super) const fn len(&self) -> usize {
        // A length that was made up may be any number.
        self.length.saturating_add(RECORD_HEADER + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT
    }

    /// Are these the bytes that were written, in the segment of this seed?
    pub(super) fn is_intact(&self, record: &[u8], seed: u32) -> bool {
        // No body is empty: zeros are no record.
        self.length > 0
            && record.get(4..).is_some_and(|rest| crc32c::crc32c_append(seed, rest) == self.checksum)
    }
}

pub(super) fn set_length(record: &mut [u8], length: u64) {
    record[16..24].copy_from_slice(&length.to_le_bytes());
}

/// Fills in a record's header; answers its checksum.
pub(super) fn seal(record: &mut [u8], seed: u32, synced: u64, previous: u32) -> u32 {
    record[4..8].copy_from_slice(&previous.to_le_bytes());
    record[8..16].copy_from_slice(&synced.to_le_bytes());
    let checksum = crc32c::crc32c_append(seed, &record[4..]);
    record[..4].copy_from_slice(&checksum.to_le_bytes());
    checksum
}

/// With what the checksums of a segment's records begin: what another segment or an earlier user of the same blocks left behind is no
/// record of this one.
pub(super) fn seed(directory: u128, number: u64) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&directory.to_le_bytes()), &number.to_le_bytes())
}

fn u128_at(bytes: &[u8], offset: usize) -> u128 {
    let mut number = [0; 16];
    number.copy_from_slice(&bytes[offset..offset + 16]);
    u128::from_le_bytes(number)
}

fn u32_at(bytes: &[u8], offset: usize) -> u32 {
    let mut number = [0; 4];
    number.copy_from_slice(&bytes[offset..offset + 4]);
    u32::from_le_bytes(number)
}

fn u64_at(bytes: &[u8], offset: usize) -> u64 {
    let mut number = [0; 8];
    number.copy_from_slice(&bytes[offset..offset + 8]);
    u64::from_le_bytes(number)
}
