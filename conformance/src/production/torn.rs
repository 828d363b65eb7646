//! What a crash in the middle of a write leaves: some whole records, and half of the next.

use super::Platter;
use seaworthy::wal::{Batch, FileName, Files, Wal};
use std::collections::VecDeque;
use std::io;

/// A segment's header, and the header of a record; `impl/runtime/src/wal/segment.rs` has the tables.
const HEADER: u64 = 160;
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

/// A disk that has a batch but its last records, and half of the first of those. If the batch begins a segment, that is all there is of it:
/// what is named, and removed, once it is durable was not yet.
pub(super) fn part<F: Files>(mut before: F, mut with_batch: F, missing: usize) -> F {
    let (old, new) = (last_segment(&before), last_segment(&with_batch));
    let _ = tear(&mut with_batch, missing);
    match new.filter(|_| old < new) {
        None => with_batch,
        Some(name) => {
            let _ = copy(&with_batch, &mut before, name);
            before
        }
    }
}

fn last_segment(files: &impl Files) -> Option<FileName> {
    let names = files.list().unwrap_or_default();
    names.into_iter().filter(|name| matches!(name, FileName::Segment(_))).max()
}

fn copy(from: &impl Files, to: &mut impl Files, name: FileName) -> io::Result<()> {
    let mut bytes = vec![0; usize::try_from(from.len(name)?).unwrap_or_default()];
    from.read(name, 0, &mut bytes)?;
    to.create(name)?;
    to.write(name, 0, &bytes)?;
    to.sync(name)?;
    to.sync_directory()
}

/// Takes all but the first half of one of the last records, counted from the end, and what is behind it, off the last segment.
fn tear(files: &mut impl Files, records_from_end: usize) -> io::Result<()> {
    let Some(name) = last_segment(files) else { return Ok(()) };
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
        let length = u64::from(u32::from_le_bytes([header[16], header[17], header[18], header[19]]));
        if length == 0 {
            return Ok(ends);
        }
        offset += (RECORD_HEADER as u64 + length).next_multiple_of(8);
        ends.push(offset);
    }
}
