//! Records that become durable together, framed in one buffer that is written as it is.

use super::footing::Changes;
use super::segment::{self, RECORD_HEADER};
use crate::codec::{Record, as_u32, encode_record};
use crate::command::Command;
use seaworthy_protocol::Entry;

/// The most bytes for which room is made before they are there.
pub(crate) const ROOM_MAX: usize = 1 << 20;
/// The most bytes of memory that are kept to be filled again.
pub(crate) const SPACE_MAX: usize = 8 << 20;

/// Records to be made durable, in order. Their frames are left open until it is known where they will stand.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Batch {
    bytes: Vec<u8>,
    /// Where each record begins in `bytes`.
    starts: Vec<usize>,
    changes: Changes,
}

impl Batch {
    /// Adds a record.
    ///
    /// # Panics
    ///
    /// If its body has 2^32 bytes or more.
    pub fn push<C: Command>(&mut self, record: &Record<&[Entry<C>]>) {
        let start = self.bytes.len();
        self.changes.add(record);
        self.starts.push(start);
        self.bytes.resize(start + RECORD_HEADER, 0);
        encode_record(record, &mut self.bytes);
        let length = self.bytes.len() - start - RECORD_HEADER;
        segment::set_length(&mut self.bytes[start..], as_u32(length));
        self.bytes.resize(self.bytes.len().next_multiple_of(segment::ALIGNMENT), 0);
    }

    /// Joins the next batch to this one: they become durable together.
    pub fn merge(&mut self, next: &Self) {
        let offset = self.bytes.len();
        self.bytes.extend_from_slice(&next.bytes);
        self.starts.extend(next.starts.iter().map(|start| start + offset));
        self.changes.then(&next.changes);
    }

    /// Takes all records, and leaves room for about as many: grown from nothing, the next batch would be copied for each time that it
    /// doubles. After an uncommonly large one no more than is commonly needed.
    #[must_use]
    pub fn take(&mut self) -> Self {
        let room = Self {
            bytes: Vec::with_capacity(self.bytes.len().min(ROOM_MAX)),
            starts: Vec::with_capacity(self.starts.len().min(ROOM_MAX / RECORD_HEADER)),
            changes: Changes::default(),
        };
        std::mem::replace(self, room)
    }

    /// Takes all records in exchange for an empty batch, whose memory is filled next; without one, [`take`](Self::take)s them.
    pub(crate) fn exchange(&mut self, space: Option<Self>) -> Self {
        match space {
            Some(space) => std::mem::replace(self, space),
            None => self.take(),
        }
    }

    /// Is its memory worth being kept, and not more than is commonly needed?
    pub(crate) fn is_spacious(&self) -> bool {
        (1..=SPACE_MAX).contains(&self.bytes.capacity())
    }

    /// Forgets all records, and keeps the space.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.starts.clear();
        self.changes = Changes::default();
    }

    /// Is there nothing to write?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }

    /// How many records there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.starts.len()
    }

    /// How many bytes it takes in a segment.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// What its records change.
    pub(super) const fn changes(&self) -> &Changes {
        &self.changes
    }

    /// Closes the frames: they continue the chain of a segment of which `synced` bytes are durable. Answers the chain's new
    /// end. May be done again, if the batch could not be written there.
    pub(super) fn seal(&mut self, seed: u32, synced: u64, mut chain: u32) -> u32 {
        let ends = self.starts.iter().skip(1).copied().chain([self.bytes.len()]);
        for (start, end) in self.starts.iter().copied().zip(ends.collect::<Vec<_>>()) {
            chain = segment::seal(&mut self.bytes[start..end], seed, synced, chain);
        }
        chain
    }

    /// The bytes, once sealed.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}
