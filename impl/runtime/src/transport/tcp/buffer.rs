//! Bytes as they come, cut into frames.

use crate::codec::{FrameError, frame_len};
use std::io::{self, Read};

/// What is read at once where little comes, and what a quiet connection keeps.
pub(super) const ROOM_MIN: usize = 64 << 10;

/// What has come and is no whole frame yet. It makes room as bytes come, never for bytes that were only announced.
pub(super) struct Buffer {
    bytes: Vec<u8>,
    begin: usize,
    end: usize,
    limit: usize,
}

impl Buffer {
    /// A buffer for frames of at most `limit` bytes.
    pub(super) const fn new(limit: usize) -> Self {
        Self { bytes: Vec::new(), begin: 0, end: 0, limit }
    }

    /// The next frame, once it is whole.
    pub(super) fn next_frame(&mut self) -> Result<Option<&[u8]>, FrameError> {
        let waiting = self.bytes.get(self.begin..self.end).unwrap_or_default();
        let Some(length) = frame_len(waiting, self.limit)? else { return Ok(None) };
        let Some(frame) = waiting.get(..length) else { return Ok(None) };
        self.begin += length;
        Ok(Some(frame))
    }

    /// Reads what has come, and waits for some. 0 if nothing will come any more.
    pub(super) fn fill(&mut self, source: &mut impl Read) -> io::Result<usize> {
        self.bytes.copy_within(self.begin..self.end, 0);
        self.end -= self.begin;
        self.begin = 0;
        if self.end < ROOM_MIN && self.bytes.len() > 64 * ROOM_MIN {
            self.bytes.truncate(ROOM_MIN);
            self.bytes.shrink_to_fit();
        } else if self.end == self.bytes.len() {
            let longest = self.limit.max(ROOM_MIN);
            let room = self.end.saturating_mul(2).clamp(ROOM_MIN, longest.max(self.end.saturating_add(1)));
            self.bytes.resize(room, 0);
        }
        let room = self.bytes.get_mut(self.end..).unwrap_or_default();
        let count = source.read(room)?;
        self.end += count;
        Ok(count)
    }

    /// How much memory it takes.
    #[cfg(test)]
    pub(super) fn room(&self) -> usize {
        self.bytes.capacity()
    }
}
