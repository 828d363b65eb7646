//! Where the records of a segment are, by what its documentation says, not by the code that wrote it
//! (`impl/runtime/src/wal/segment.rs` has the tables).

use crate::disk_kit::crc32c;
use std::ops::Range;

pub(super) const HEADER: usize = 160;
/// Where its checksum stands.
const CHECKSUM: usize = 156;
const RECORD_HEADER: usize = 24;

/// A record that counts.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Record {
    pub(super) range: Range<usize>,
    /// How many bytes of the segment were durable when it was written: where its batch begins, or 0 if it begins the segment.
    pub(super) synced: usize,
}

/// The records of a segment, up to the first that is none.
pub(super) fn records(bytes: &[u8]) -> Vec<Record> {
    let mut found = Vec::new();
    let (Some(number), Some(directory), Some(mut chain)) =
        (bytes.get(32..40), bytes.get(44..60), u32_at(bytes, CHECKSUM))
    else {
        return found;
    };
    let seed = crc32c(crc32c(0, directory), number);
    let mut offset = HEADER;
    while let Some((record, checksum)) = next(bytes, offset, chain, seed) {
        (offset, chain) = (record.range.end, checksum);
        found.push(record);
    }
    found
}

fn next(bytes: &[u8], offset: usize, chain: u32, seed: u32) -> Option<(Record, u32)> {
    let length = usize::try_from(u32_at(bytes, offset + 16)?).ok()?;
    let end = offset.checked_add(RECORD_HEADER)?.checked_add(length)?.checked_next_multiple_of(8)?;
    let (checksum, previous) = (u32_at(bytes, offset)?, u32_at(bytes, offset + 4)?);
    let is_next = length > 0 && previous == chain && crc32c(seed, bytes.get(offset + 4..end)?) == checksum;
    let synced = usize::try_from(u64_at(bytes, offset + 8)?).ok()?;
    is_next.then_some((Record { range: offset..end, synced }, checksum))
}

/// Where the last batch begins.
pub(super) fn last_batch(records: &[Record]) -> usize {
    records.last().map_or(HEADER, |last| last.synced.max(HEADER))
}

/// Where the records end.
pub(super) fn end(records: &[Record]) -> usize {
    records.last().map_or(HEADER, |last| last.range.end)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().copied().map(u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().copied().map(u64::from_le_bytes)
}
