//! Reads a segment record by record, in memory for the largest of them.

use super::error::OpenError;
use super::files::{FileName, Files};
use super::segment::{ALIGNMENT, HEADER, RECORD_HEADER, RecordHeader};

/// How much is read at a time.
const PIECE: usize = 1 << 20;

/// Where a reading of a segment stands: all records before it are intact, and each continues the one before.
pub(super) struct Scan<'f, F> {
    files: &'f F,
    number: u64,
    seed: u32,
    size: u64,
    buffer: Vec<u8>,
    /// Where the buffer begins in the file.
    start: u64,
    /// Where the next record begins in the buffer.
    position: usize,
    /// The checksum of the last record, or of the header.
    pub(super) chain: u32,
    /// How much of the segment was durable, as its records say.
    pub(super) synced: u64,
}

/// What lies behind the last record that counts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Tail {
    /// No record was ever begun there, or none of it arrived.
    Nothing,
    /// Records that count for nothing, up to an offset: they were never durable.
    Unsynced { end: u64 },
    /// A later record says that what stood here was durable.
    WasDurable,
}

impl<'f, F: Files> Scan<'f, F> {
    /// Begins behind the header.
    pub(super) fn new(files: &'f F, number: u64, seed: u32, size: u64, chain: u32) -> Self {
        let start = HEADER as u64;
        Self { files, number, seed, size, buffer: Vec::new(), start, position: 0, chain, synced: 0 }
    }

    /// Where the next record begins in the file.
    pub(super) const fn offset(&self) -> u64 {
        self.start + self.position as u64
    }

    /// The body of the next record; nothing where the records end.
    pub(super) fn next_record(&mut self) -> Result<Option<&[u8]>, OpenError> {
        let (seed, previous) = (self.seed, self.chain);
        let find = |bytes: &[u8]| RecordHeader::find(bytes, seed);
        let Some(header) = self.peek(RECORD_HEADER)?.and_then(find) else { return Ok(None) };
        let is_next = |record: &[u8]| header.previous == previous && header.is_intact(record, seed);
        if !self.peek(header.len())?.is_some_and(is_next) {
            return Ok(None);
        }
        let body = self.position + RECORD_HEADER;
        self.position += header.len();
        self.chain = header.checksum;
        self.synced = self.synced.max(header.synced);
        Ok(self.buffer.get(body..body + header.length))
    }

    /// What lies behind the last record.
    pub(super) fn tail(mut self) -> Result<Tail, OpenError> {
        let (bad, seed) = (self.offset(), self.seed);
        let mut end: Option<u64> = None;
        // Records stand at multiples of eight; one that stands behind the bad one is found by its header's own checksum.
        while let Some(bytes) = self.peek(RECORD_HEADER)? {
            // Most of it is zeros.
            let is_written = bytes[..ALIGNMENT].iter().any(|byte| *byte != 0);
            if let Some(header) =
                Some(bytes).filter(|_| is_written).and_then(|bytes| RecordHeader::find(bytes, seed))
            {
                let its_end = self.offset().saturating_add(header.len() as u64);
                end = Some(end.map_or(its_end, |end| end.max(its_end)));
                if self.is_record_after(bad, header)? {
                    return Ok(Tail::WasDurable);
                }
            }
            self.position += ALIGNMENT;
        }
        Ok(end.map_or(Tail::Nothing, |end| Tail::Unsynced { end: end.min(self.size) }))
    }

    /// Is it a record that was written when more than `bad` bytes were durable?
    fn is_record_after(&mut self, bad: u64, header: RecordHeader) -> Result<bool, OpenError> {
        if header.synced <= bad || header.synced > self.offset() {
            return Ok(false);
        }
        let seed = self.seed;
        Ok(self.peek(header.len())?.is_some_and(|record| header.is_intact(record, seed)))
    }

    /// The next `count` bytes, without going on; nothing if the segment ends before.
    fn peek(&mut self, count: usize) -> Result<Option<&[u8]>, OpenError> {
        if self.offset().saturating_add(count as u64) > self.size {
            return Ok(None);
        }
        if self.buffer.len() - self.position < count {
            self.buffer.drain(..self.position);
            self.start += self.position as u64;
            self.position = 0;
            self.fill(count)?;
        }
        Ok(self.buffer.get(self.position..self.position + count))
    }

    fn fill(&mut self, count: usize) -> Result<(), OpenError> {
        let name = FileName::Segment(self.number);
        let held = self.buffer.len();
        let left = usize::try_from(self.size - self.start).unwrap_or(usize::MAX);
        self.buffer.resize(count.max(PIECE).min(left).max(held), 0);
        let mut filled = held;
        while filled < self.buffer.len() {
            let into = &mut self.buffer[filled..];
            let read = self.files.read(name, self.start + filled as u64, into);
            match read.map_err(OpenError::failing("read", name))? {
                0 => break,
                more => filled += more,
            }
        }
        self.buffer.truncate(filled);
        Ok(())
    }
}
