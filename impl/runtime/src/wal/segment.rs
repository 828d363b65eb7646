//! A segment, byte for byte: a header, then records, then whatever stood in its space before: zeros, or records of an older segment.
//!
//! | header | bytes | |
//! |--------|------:|-|
//! | magic  | 8  | `seaworth` |
//! | version | 2 | of the format, 2 |
//! | node   | 1  | whose it is |
//! | zero   | 1  | |
//! | size   | 4  | how much space was made for it, or the most that this can say |
//! | cluster | 16 | |
//! | number | 8  | of the segment, from 1 |
//! | previous | 4 | checksum of the last record of the segment before it, or of its header; 0 in the first of all |
//! | directory | 16 | the number that was drawn when the directory was made |
//! | zero   | 4  | |
//! | term   | 8  | the term the node was in when it began |
//! | base   | 16 | term and index of the last entry that was compacted |
//! | last   | 16 | term and index of the last entry; the highest term there is if it is not known |
//! | snapshot | 32 | term and index of the last entry it covers, its length and its digest; zeros if there was none |
//! | vote   | 1  | for whom the node had voted in its term; 0 for nobody |
//! | zeros  | 11 | |
//! | checksum | 4 | CRC32C of all that precedes it |
//!
//! | record | bytes | |
//! |--------|------:|-|
//! | checksum | 4 | CRC32C of the directory's number, the segment's, and all that follows, padding included |
//! | previous | 4 | checksum of the record before it; of the header, for the first |
//! | synced | 8  | how many bytes of the segment were durable when it was written |
//! | length | 4  | of the body |
//! | header's checksum | 4 | CRC32C of the directory's number, the segment's, and `previous`, `synced` and `length` |
//! | body   | length | see `docs/wire.md`; then zeros up to a multiple of 8 |
//!
//! All numbers are little-endian. A record stands alone, for its checksum does not depend on the one before it, and so one that is found
//! behind a bad record can tell whether that one had been durable. It depends on a number that only the directory knows: a client's command
//! that looks like a record is none. Nor are the records of the segment that had this space before: their checksums are of another number.
//! That a header has a checksum of its own makes this cheap to see: no command can have a reader look at megabytes for each of its bytes.

use super::error::OpenError;
use super::files::FileName;
use super::footing::{FOOTING, Footing};
use super::identity::Identity;

/// Of segments, and of identities.
pub(super) const VERSION: u16 = 2;
pub(super) const MAGIC: &[u8; 8] = b"seaworth";
pub(super) const HEADER: usize = 160;
/// Where its checksum stands.
const CHECKSUM: usize = HEADER - 4;
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
    /// The checksum of the last record of the segment before it.
    pub(super) previous: u32,
    /// What those before it come to.
    pub(super) footing: Footing,
}

impl Header {
    pub(super) fn new(
        identity: &Identity,
        number: u64,
        size: u64,
        (previous, footing): (u32, Footing),
    ) -> Self {
        let node = identity.node.get();
        let Identity { cluster, directory, .. } = *identity;
        let size = u32::try_from(size).unwrap_or(u32::MAX);
        Self { version: VERSION, node, cluster, number, directory, size, previous, footing }
    }

    /// The bytes, and their checksum, with which the chain of records begins.
    pub(super) fn encode(&self) -> ([u8; HEADER], u32) {
        let mut bytes = [0; HEADER];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8..10].copy_from_slice(&self.version.to_le_bytes());
        bytes[10] = self.node;
        bytes[12..16].copy_from_slice(&self.size.to_le_bytes());
        bytes[16..32].copy_from_slice(&self.cluster.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.number.to_le_bytes());
        bytes[40..44].copy_from_slice(&self.previous.to_le_bytes());
        bytes[44..60].copy_from_slice(&self.directory.to_le_bytes());
        bytes[64..64 + FOOTING].copy_from_slice(&self.footing.encode());
        let checksum = crc32c::crc32c(&bytes[..CHECKSUM]);
        bytes[CHECKSUM..].copy_from_slice(&checksum.to_le_bytes());
        (bytes, checksum)
    }

    /// Reads it back, with its checksum; nothing if it is no header. Of a header of another version no more is known than that.
    pub(super) fn decode(bytes: &[u8]) -> Option<(Self, u32)> {
        let bytes: &[u8; HEADER] = bytes.first_chunk()?;
        let checksum = u32_at(bytes, CHECKSUM);
        if bytes[..8] != MAGIC[..] || crc32c::crc32c(&bytes[..CHECKSUM]) != checksum {
            return None;
        }
        let header = Self {
            version: u16::from_le_bytes([bytes[8], bytes[9]]),
            node: bytes[10],
            cluster: u128_at(bytes, 16),
            number: u64_at(bytes, 32),
            directory: u128_at(bytes, 44),
            size: u32_at(bytes, 12),
            previous: u32_at(bytes, 40),
            footing: Footing::decode(bytes[64..].first_chunk()?),
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
        if self.version != VERSION {
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
    fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; RECORD_HEADER] = bytes.first_chunk()?;
        Some(Self {
            checksum: u32_at(bytes, 0),
            previous: u32_at(bytes, 4),
            synced: u64_at(bytes, 8),
            length: usize::try_from(u32_at(bytes, 16)).ok()?,
        })
    }

    /// Reads one that was written in the segment of this seed; nothing if none was here.
    pub(super) fn find(bytes: &[u8], seed: u32) -> Option<Self> {
        let is_ours =
            header_checksum(bytes.first_chunk()?, seed) == u32_at(bytes.first_chunk::<RECORD_HEADER>()?, 20);
        // No body is empty: zeros are no record.
        Self::decode(bytes).filter(|header| is_ours && header.length > 0)
    }

    /// How many bytes the whole record takes.
    pub(super) const fn len(&self) -> usize {
        // A length that was made up may be any number.
        self.length.saturating_add(RECORD_HEADER + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT
    }

    /// Are these the bytes that were written, in the segment of this seed?
    pub(super) fn is_intact(&self, record: &[u8], seed: u32) -> bool {
        record.get(4..).is_some_and(|rest| crc32c::crc32c_append(seed, rest) == self.checksum)
    }
}

pub(super) fn set_length(record: &mut [u8], length: u32) {
    record[16..20].copy_from_slice(&length.to_le_bytes());
}

/// What was set.
#[cfg(test)]
pub(super) fn length(record: &[u8]) -> usize {
    usize::try_from(u32_at(record, 16)).unwrap_or(usize::MAX)
}

fn header_checksum(header: &[u8; RECORD_HEADER], seed: u32) -> u32 {
    crc32c::crc32c_append(seed, &header[4..20])
}

/// Fills in a record's header; answers its checksum.
pub(super) fn seal(record: &mut [u8], seed: u32, synced: u64, previous: u32) -> u32 {
    record[4..8].copy_from_slice(&previous.to_le_bytes());
    record[8..16].copy_from_slice(&synced.to_le_bytes());
    let of_header = record.first_chunk().map_or(0, |header| header_checksum(header, seed));
    record[20..24].copy_from_slice(&of_header.to_le_bytes());
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
