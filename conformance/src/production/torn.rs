//! What a crash in the middle of a write leaves: some whole records, and half of the next.

use seaworthy::wal::{FileName, Files};
use std::io;

/// A segment's header, and the header of a record; `impl/runtime/src/wal/segment.rs` has the tables.
const HEADER: u64 = 64;
const RECORD_HEADER: usize = 24;

/// Takes all but the first half of one of the last records, counted from the end, and what is behind it, off the last segment.
pub(super) fn tear(files: &mut impl Files, records_from_end: usize) -> io::Result<()> {
    let segment = |name: &FileName| matches!(name, FileName::Segment(_));
    let Some(name) = files.list()?.into_iter().filter(segment).max() else { return Ok(()) };
    let ends = ends(files, name)?;
    let Some(end) = ends.last().copied() else { return Ok(()) };
    let torn = ends.len().saturating_sub(records_from_end);
    let begin = torn.checked_sub(1).and_then(|before| ends.get(before)).copied().unwrap_or(HEADER);
    let half = begin + (ends.get(torn).copied().unwrap_or(end) - begin) / 2;
    files.write(name, half, &vec![0; usize::try_from(end - half).unwrap_or_default()])
}

/// Where the records of a segment end, one after the other.
fn ends(files: &impl Files, name: FileName) -> io::Result<Vec<u64>> {
    let (mut ends, mut offset) = (Vec::new(), HEADER);
    loop {
        let mut header = [0; RECORD_HEADER];
        if files.read(name, offset, &mut header)? < RECORD_HEADER {
            return Ok(ends);
        }
        let length = header.last_chunk().copied().map_or(0, u64::from_le_bytes);
        if length == 0 {
            return Ok(ends);
        }
        offset += (RECORD_HEADER as u64 + length).next_multiple_of(8);
        ends.push(offset);
    }
}
