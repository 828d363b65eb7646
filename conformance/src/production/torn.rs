//! What a crash in the middle of a write leaves: some whole records, and half of the next.

use super::Platter;
use seaworthy::wal::{Batch, FileName, Files, Wal};
use std::collections::VecDeque;
use std::io;

/// A segment's header, and the header of a record; `impl/runtime/src/wal/segment.rs` has the tables.
const HEADER: u64 = 64;
const RECORD_HEADER: usize = 24;

/// What a crash makes of a disk: of the writes that wait it keeps the first few, whole, and half of the next.
pub(super) fn keep<F: Platter>(mut wal: Wal<F>, waiting: &VecDeque<(u64, Batch)>, kept: usize) -> F {
    let mut left = kept;
    for (_, batch) in waiting {
        let (mut batch, count) = (batch.clone(), batch.count());
        let mut longer = wal.clone();
        let _ = longer.append(&mut batch);
        if left < count {
            return part(wal.into_files(), longer.into_files(), count - left);
        }
        (wal, left) = (longer, left - count);
    }
    wal.into_files()
}

/// A disk that has a batch but its last records, and half of the first of those. What takes the place of everything before it is there, or
/// is not.
pub(super) fn part<F: Files>(before: F, mut with_batch: F, missing: usize) -> F {
    let names = with_batch.list().unwrap_or_default();
    let is_gone = |name: &FileName| matches!(name, FileName::Segment(_)) && !names.contains(name);
    if before.list().unwrap_or_default().iter().any(is_gone) {
        return before;
    }
    let _ = tear(&mut with_batch, missing);
    with_batch
}

/// Takes all but the first half of one of the last records, counted from the end, and what is behind it, off the last segment.
fn tear(files: &mut impl Files, records_from_end: usize) -> io::Result<()> {
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
