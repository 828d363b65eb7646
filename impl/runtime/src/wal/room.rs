//! Space for the next segment, under a name of its own until it is used.
//!
//! Either a segment that nobody needs any more has had it, or it is made of zeros: before it is needed, a piece at a time between the
//! batches, so that none of them waits for all of it. Space that is only allocated would be turned into written space by each sync.

use super::error::DiskError;
use super::files::{FileName, Files};
use super::{Wal, ZEROS};

/// So many pieces are made at a time, at most: batches wait no longer than for these.
const PIECES: u64 = 4;

/// What there is of it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Spare {
    /// So many bytes, durably.
    made: u64,
    /// There was no room for more: whoever needs it will hear of that, and not before.
    is_refused: bool,
}

impl<F: Files> Wal<F> {
    /// Is it time to make some of the space that the next segment will have?
    #[must_use]
    pub fn wants_room(&self) -> bool {
        !self.is_poisoned && !self.spare.is_refused && self.spare.made < self.room_due()
    }

    /// All of it by the time that this segment is full, from its middle on, in whole pieces. A new directory's is full as it is made.
    fn room_due(&self) -> u64 {
        let whole = self.layout.segment_size;
        // By parts of this segment, which may have another size than the next.
        let parts = u128::from(self.segment.size.max(1));
        let past = (2 * u128::from(self.segment.end)).saturating_sub(parts);
        let due = u64::try_from(u128::from(whole) * past / parts).unwrap_or(whole);
        let piece = (self.layout.piece_size as u64).max(1);
        if due >= whole { whole } else { due / piece * piece }
    }

    /// Makes some of the space that the next segment will have. Nothing is lost if there is no room for it.
    ///
    /// # Errors
    ///
    /// The log is not used any more.
    pub fn make_room(&mut self) -> Result<(), DiskError> {
        self.guarded(|wal| {
            let made = wal.spare.made;
            let most = (wal.layout.piece_size as u64).max(1).saturating_mul(PIECES);
            let size = wal.room_due().min(made.saturating_add(most));
            match wal.extend_spare(made, size) {
                Ok(()) => wal.spare.made = size.max(made),
                Err(DiskError::Full { .. }) => wal.spare.is_refused = true,
                Err(error @ (DiskError::Failed { .. } | DiskError::Poisoned)) => return Err(error),
            }
            Ok(())
        })
    }

    /// Sees to it that there is a spare of at least so many bytes, and gives it away. Answers how many it has.
    pub(super) fn take_spare(&mut self, size: u64) -> Result<u64, DiskError> {
        // If anything goes wrong, it is made anew.
        let Spare { made, .. } = std::mem::take(&mut self.spare);
        self.extend_spare(made, size)?;
        Ok(made.max(size))
    }

    fn extend_spare(&mut self, made: u64, size: u64) -> Result<(), DiskError> {
        let name = FileName::Spare;
        if made >= size {
            return Ok(());
        }
        if made == 0 {
            self.files.create(name).map_err(DiskError::writing("create", name))?;
        }
        let mut made = made;
        while made < size {
            let count = ZEROS.len().min(usize::try_from(size - made).unwrap_or(usize::MAX));
            self.files
                .write(name, made, &ZEROS[..count])
                .map_err(DiskError::writing("make room for", name))?;
            made += count as u64;
        }
        self.files.sync(name).map_err(DiskError::failing("sync", name))
    }

    /// Segments that nobody needs, and the identity says so. One of them is used again; what cannot be removed is rubbish, and goes at
    /// the next start.
    pub(super) fn retire(&mut self, numbers: Vec<u64>) {
        let size = self.layout.segment_size;
        for name in numbers.into_iter().map(FileName::Segment) {
            let fits = self.spare.made == 0 && self.files.len(name).is_ok_and(|length| length == size);
            if fits && self.files.rename(name, FileName::Spare).is_ok() {
                self.spare.made = size;
            } else {
                let _ = self.files.remove(name);
            }
        }
    }
}
