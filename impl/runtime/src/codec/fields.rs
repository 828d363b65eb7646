//! The protocol's words as fields of messages and records.

use super::error::DecodeError;
use super::reader::Reader;
use seaworthy_protocol::{Index, LogId, NodeId, Snapshot, Term};

pub(super) fn put_u64(number: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(&number.to_le_bytes());
}

pub(super) fn put_log_id(LogId { term, index }: LogId, out: &mut Vec<u8>) {
    put_u64(term.0, out);
    put_u64(index.0, out);
}

pub(super) fn put_snapshot(Snapshot { last, length, digest }: Snapshot, out: &mut Vec<u8>) {
    put_log_id(last, out);
    put_u64(length, out);
    put_u64(digest, out);
}

/// Writes a number over the four bytes at an offset, which are there already: it was not known when they were.
pub(super) fn patch_u32(offset: usize, number: u32, out: &mut [u8]) {
    if let Some(field) = out.get_mut(offset..).and_then(|rest| rest.first_chunk_mut()) {
        *field = number.to_le_bytes();
    }
}

/// A count or a length as its field.
///
/// # Panics
///
/// From 2^32 on. Bytes that say less than is there would lose what a disk has promised; so they are not written.
#[expect(clippy::expect_used, reason = "there is no field for it, and no bytes that would be true")]
pub(crate) fn as_u32(count: usize) -> u32 {
    u32::try_from(count).expect("what the codec writes at once is below 2^32 entries and bytes")
}

/// A count or a length as a number of things in memory. What no `usize` holds is not in memory either.
pub(super) fn as_usize(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

impl Reader<'_> {
    pub(super) fn term(&mut self) -> Result<Term, DecodeError> {
        self.u64().map(Term)
    }

    pub(super) fn index(&mut self) -> Result<Index, DecodeError> {
        self.u64().map(Index)
    }

    pub(super) fn log_id(&mut self) -> Result<LogId, DecodeError> {
        Ok(LogId { term: self.term()?, index: self.index()? })
    }

    pub(super) fn snapshot(&mut self) -> Result<Snapshot, DecodeError> {
        Ok(Snapshot { last: self.log_id()?, length: self.u64()?, digest: self.u64()? })
    }

    pub(super) fn node(&mut self) -> Result<NodeId, DecodeError> {
        let offset = self.offset();
        let number = self.u8()?;
        NodeId::new(number).ok_or(DecodeError::NoSuchNode { offset, number })
    }

    /// A node, or 0 for nobody.
    pub(super) fn node_or_nobody(&mut self) -> Result<Option<NodeId>, DecodeError> {
        match self.rest().first() {
            Some(0) => self.u8().map(|_| None),
            Some(_) | None => self.node().map(Some),
        }
    }

    pub(super) fn flag(&mut self) -> Result<bool, DecodeError> {
        let offset = self.offset();
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            value => Err(DecodeError::NotAFlag { offset, value }),
        }
    }
}
