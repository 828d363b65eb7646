//! Records that become durable together, framed in one buffer that is written as it is.

use super::footing::Changes;
use super::segment::{self, RECORD_HEADER};
use crate::codec::{Record, as_u32, encode_into_record, encode_record};
use crate::command::Command;
use seaworthy_protocol::Entry;

/// The most bytes for which room is made before they are there.
pub(crate) const ROOM_MAX: usize = 1 << 20;
/// A record of entries takes in more of them up to about this many bytes: no reader is to hold more than that for the sake of small ones.
const JOINED_MAX: usize = 1 << 20;
/// The most bytes of memory that are kept to be filled again.
pub(crate) const SPACE_MAX: usize = 8 << 20;

/// Records to be made durable, in order. Their frames are left open until it is known where they will stand.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Batch {
    bytes: Vec<u8>,
    /// Where each record begins in `bytes`.
    starts: Vec<usize>,
    changes: Changes,
    /// The last record is one of entries, so that the last entry of `changes` is its last.
    is_open: bool,
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
        self.is_open = match record {
            Record::Append { .. } => true,
            Record::TermAndVote { .. } | Record::Compact { .. } | Record::Install { .. } => false,
        };
        self.end_record(start);
    }

    /// Adds a record, or its entries to the record before it, if they follow the entries of that. Proposals come one by one: a record for
    /// each would be a third of a small one's bytes, and a checksum.
    ///
    /// # Panics
    ///
    /// As [`push`](Self::push).
    pub(crate) fn join<C: Command>(&mut self, record: &Record<&[Entry<C>]>) {
        let (true, Some(start), Some(last), Record::Append { after, entries }) =
            (self.is_open, self.starts.last().copied(), self.changes.last, record)
        else {
            return self.push(record);
        };
        // Without the padding.
        let end = start + RECORD_HEADER + segment::length(&self.bytes[start..]);
        if last.index != *after || end - start >= JOINED_MAX {
            return self.push(record);
        }
        self.changes.add(record);
        self.bytes.truncate(end);
        encode_into_record(entries, start + RECORD_HEADER, &mut self.bytes);
        self.end_record(start);
    }

    /// Says how long the last record is, which begins there, and pads it.
    fn end_record(&mut self, start: usize) {
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
        self.is_open = false;
    }

    /// Takes all records, and leaves room for about as many: grown from nothing, the next batch would be copied for each time that it
    /// doubles. After an uncommonly large one no more than is commonly needed.
    #[must_use]
    pub fn take(&mut self) -> Self {
        let room = Self {
            bytes: Vec::with_capacity(self.bytes.len().min(ROOM_MAX)),
            starts: Vec::with_capacity(self.starts.len().min(ROOM_MAX / RECORD_HEADER)),
            changes: Changes::default(),
            is_open: false,
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
        self.is_open = false;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::decode_record;
    use seaworthy_protocol::{Index, Payload, Term};

    fn entries(after: u64, commands: &[u64]) -> Record<Vec<Entry<u64>>> {
        let entry = |command: &u64| Entry { term: Term(1), payload: Payload::Command(*command) };
        Record::Append { after: Index(after), entries: commands.iter().map(entry).collect() }
    }

    /// What a reader would find.
    fn records(batch: &Batch) -> Vec<Record<Vec<Entry<u64>>>> {
        let mut found = Vec::new();
        for start in &batch.starts {
            let body = start + RECORD_HEADER;
            let end = body + segment::length(&batch.bytes[*start..]);
            found.push(decode_record(&batch.bytes[body..end]).unwrap());
        }
        found
    }

    fn joined(records: &[Record<Vec<Entry<u64>>>]) -> Batch {
        let mut batch = Batch::default();
        records.iter().for_each(|record| batch.join(&record.borrowed()));
        batch
    }

    #[test]
    fn entries_that_follow_each_other_are_one_record() {
        let batch = joined(&[entries(3, &[4]), entries(4, &[5, 6]), entries(6, &[7])]);
        assert_eq!(records(&batch), [entries(3, &[4, 5, 6, 7])]);
        let mut at_once = Batch::default();
        at_once.push(&entries(3, &[4, 5, 6, 7]).borrowed());
        assert_eq!(batch, at_once, "byte for byte, and in what it changes");
    }

    #[test]
    fn what_follows_something_else_is_a_record_of_its_own() {
        let vote = Record::TermAndVote { current_term: Term(2), voted_for: None };
        let apart = [entries(3, &[4]), entries(3, &[5]), vote, entries(4, &[6]), entries(9, &[])];
        assert_eq!(records(&joined(&apart)), apart);
        let mut batch = joined(&[entries(3, &[4])]);
        batch.merge(&joined(&[entries(4, &[5])]));
        batch.join(&entries(5, &[6]).borrowed());
        assert_eq!(records(&batch), [entries(3, &[4]), entries(4, &[5]), entries(5, &[6])]);
        batch.clear();
        batch.join(&entries(6, &[7]).borrowed());
        assert_eq!(records(&batch), [entries(6, &[7])]);
    }

    #[test]
    fn a_record_takes_in_only_so_much() {
        let (mut batch, count) = (Batch::default(), 100_000);
        (0..count).for_each(|index| batch.join(&entries(index, &[index]).borrowed()));
        assert_eq!(batch.count(), 3);
        let found: Vec<u64> = records(&batch)
            .iter()
            .map(|record| match record {
                Record::Append { entries, .. } => entries.len() as u64,
                Record::TermAndVote { .. } | Record::Compact { .. } | Record::Install { .. } => 0,
            })
            .collect();
        assert_eq!(found.iter().sum::<u64>(), count);
    }
}
