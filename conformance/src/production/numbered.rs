//! No two snapshots have the same bytes, as in the model: each bears a number, in the upper half of the byte that the state machine has
//! written.

use seaworthy::Work;
use seaworthy::wal::digest;

/// A snapshot that is about to be saved, with its number, and of a length that somebody wants.
pub(crate) fn numbered(work: Work, number: u64, length: Option<u64>) -> Work {
    match work {
        Work::Save { mut snapshot, mut bytes } => {
            put(&mut bytes, number, length);
            (snapshot.length, snapshot.digest) = (bytes.len() as u64, digest(&bytes));
            Work::Save { snapshot, bytes }
        }
        other @ (Work::Append { .. } | Work::Stage { .. } | Work::KeepStaged(_) | Work::Retry) => other,
    }
}

/// The same for the bytes alone.
pub(super) fn put(bytes: &mut Vec<u8>, number: u64, length: Option<u64>) {
    if let Some(state) = bytes.get_mut(1) {
        *state |= u8::try_from(number & 0xf).unwrap_or_default() << 4;
    }
    if let Some(length) = length {
        bytes.resize(usize::try_from(length).unwrap_or(usize::MAX), 0);
    }
}
