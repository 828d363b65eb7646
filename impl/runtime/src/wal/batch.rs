//! Records that become durable together, framed in one buffer that is written as it is.

use super::segment::{self, RECORD_HEADER};
use crate::codec::{Record, encode_record};
use crate::command::Command;
use seaworthy_protocol::{Entry, Snapshot};

/// The most bytes for which room is made before they are there.
pub(crate) const ROOM_MAX: usize = 1 << 20;

/// Records to be made durable, in order. Their frames are left open until it is known where they will stand.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Batch {
    bytes: Vec<u8>,
    /// Where each record begins in `bytes`.
    starts: Vec<usize>,
    /// The latest record that restates everything: whatever precedes it is superseded, and it begins a segment.
    state: Option<usize>,
    /// The snapshot that it names.
    snapshot: Option<Snapshot>,
}

impl Batch {
    /// Adds a record.
    pub fn push<C: Command>(&mut self, record: &Record<&[Entry<C>]>) {
        let start = self.bytes.len();
        match record {
            Record::TermAndVote { .. } | Record::Append { .. } => {}
            Record::State { snapshot, .. } => {
                (self.state, self.snapshot) = (Some(self.starts.len()), *snapshot);
            }
        }
        self.starts.push(start);
        self.bytes.resize(start + RECORD_HEADER, 0);
        encode_record(record, &mut self.bytes);
        let length = self.bytes.len() - start - RECORD_HEADER;
        segment::set_length(&mut self.bytes[start..], length as u64);
        self.bytes.resize(self.bytes.len().next_multiple_of(segment::ALIGNMENT), 0);
    }

    /// Joins the next batch to this one: they become durable together.
    pub fn merge(&mut self, next: &Self) {
        let (offset, count) = (self.bytes.len(), self.starts.len());
        self.bytes.extend_from_slice(&next.bytes);
        self.starts.extend(next.starts.iter().map(|start| start + offset));
        if let Some(state) = next.state {
            (self.state, self.snapshot) = (Some(state + count), next.snapshot);
        }
    }

    /// Takes all records, and leaves room for about as many: grown from nothing, the next batch would be copied for each time that it
    /// doubles. After an uncommonly large one, such as restates everything, no more than is commonly needed.
    #[must_use]
    pub fn take(&mut self) -> Self {
        let room = Self {
            bytes: Vec::with_capacity(self.bytes.len().min(ROOM_MAX)),
            starts: Vec::with_capacity(self.starts.len().min(ROOM_MAX / RECORD_HEADER)),
            state: None,
            snapshot: None,
        };
        std::mem::replace(self, room)
    }

    /// Forgets all records, and keeps the space.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.starts.clear();
        (self.state, self.snapshot) = (None, None);
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

    /// Does it begin a segment?
    pub(super) const fn begins_segment(&self) -> bool {
        self.state.is_some()
    }

    /// The snapshot that its state names.
    pub(super) const fn snapshot(&self) -> Option<Snapshot> {
        self.snapshot
    }

    /// Drops what is superseded by a record that restates everything.
    pub(super) fn drop_superseded(&mut self) {
        let Some(first) = self.state.filter(|state| *state > 0) else { return };
        let offset = self.starts[first];
        self.bytes.drain(..offset);
        self.starts.drain(..first);
        self.starts.iter_mut().for_each(|start| *start -= offset);
        self.state = Some(0);
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
