//! Records that become durable together, framed in the memory that is written as it is.

use super::footing::Changes;
use super::segment::{self, RECORD_HEADER};
use crate::codec::{Record, as_u32, encode_into_record, encode_record_into_room, record_len_max};
use crate::command::Command;
use seaworthy_protocol::Entry;
use std::iter;

/// A record of entries takes in more of them up to about this many bytes: no reader is to hold more than that for the sake of small ones.
const JOINED_MAX: usize = 1 << 20;
/// Records go into a piece until it has this many bytes. One buffer for all of a batch is copied each time that it grows, and when batches
/// are merged, and beyond some MiB is not worth keeping: the system clears its pages anew for each.
const PIECE: usize = 1 << 20;
/// A piece of no more bytes is copied when its batch is merged: cheaper than a write of its own.
const COPIED_MAX: usize = 1 << 16;
/// The most bytes of memory that are kept to be filled again.
const SPARE_MAX: usize = 16 << 20;

/// Records to be made durable, in order. Their frames are left open until it is known where they will stand.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// One behind the other; none is empty.
    pieces: Vec<Piece>,
    /// Empty, to be filled next. They come here through [`keep`](Self::keep) alone.
    spare: Vec<Piece>,
    changes: Changes,
    /// The last record is one of entries, so that the last entry of `changes` is its last.
    is_open: bool,
}

/// Whole records, one behind the other.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Piece {
    bytes: Vec<u8>,
    /// Where each record begins in `bytes`.
    starts: Vec<usize>,
    /// Where the last one ends, without its padding.
    end: usize,
}

impl Piece {
    /// Adds a record.
    fn push<C: Command>(&mut self, record: &Record<&[Entry<C>]>) {
        let start = self.bytes.len();
        self.starts.push(start);
        let room = RECORD_HEADER + record_len_max(record) + segment::ALIGNMENT;
        if room > PIECE {
            // No more than it takes: twice as much would be too much to keep.
            self.bytes.reserve_exact(room);
        } else {
            self.bytes.reserve(room);
        }
        self.bytes.resize(start + RECORD_HEADER, 0);
        encode_record_into_room(record, &mut self.bytes);
        self.end_record(start);
    }

    /// Adds entries to the last record, which is one of entries.
    fn extend<C: Command>(&mut self, entries: &[Entry<C>]) {
        let Some(start) = self.starts.last().copied() else { return };
        // All at once, not copied each time that it doubles.
        if self.bytes.len() > COPIED_MAX && self.bytes.capacity() < PIECE {
            self.bytes.reserve_exact(PIECE + COPIED_MAX - self.bytes.len());
        }
        self.bytes.truncate(self.end);
        encode_into_record(entries, start + RECORD_HEADER, &mut self.bytes);
        self.end_record(start);
    }

    /// Says how long the last record is, which begins there, and pads it.
    fn end_record(&mut self, start: usize) {
        self.end = self.bytes.len();
        segment::set_length(&mut self.bytes[start..], as_u32(self.end - start - RECORD_HEADER));
        self.bytes.resize(self.end.next_multiple_of(segment::ALIGNMENT), 0);
    }

    /// How long the last record is, without its padding.
    fn last_len(&self) -> usize {
        self.end - self.starts.last().copied().unwrap_or(self.end)
    }

    /// Copies the records of another to the end.
    fn copy(&mut self, next: &Self) {
        let offset = self.bytes.len();
        self.end = offset + next.end;
        self.bytes.extend_from_slice(&next.bytes);
        self.starts.extend(next.starts.iter().map(|start| start + offset));
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.starts.clear();
        self.end = 0;
    }

    fn seal(&mut self, seed: u32, synced: u64, mut chain: u32) -> u32 {
        let end = self.bytes.len();
        for (number, start) in self.starts.iter().enumerate() {
            let end = self.starts.get(number + 1).copied().unwrap_or(end);
            chain = segment::seal(&mut self.bytes[*start..end], seed, synced, chain);
        }
        chain
    }
}

impl Batch {
    /// Adds a record.
    ///
    /// # Panics
    ///
    /// If its body has 2^32 bytes or more.
    pub fn push<C: Command>(&mut self, record: &Record<&[Entry<C>]>) {
        self.changes.add(record);
        self.piece().push(record);
        self.is_open = match record {
            Record::Append { .. } => true,
            Record::TermAndVote { .. } | Record::Compact { .. } | Record::Install { .. } => false,
        };
    }

    /// The piece that the next record goes into.
    fn piece(&mut self) -> &mut Piece {
        if self.pieces.last().is_none_or(|piece| piece.bytes.len() >= PIECE) {
            self.pieces.push(self.spare.pop().unwrap_or_default());
        }
        let last = self.pieces.len() - 1;
        &mut self.pieces[last]
    }

    /// Adds a record, or its entries to the record before it, if they follow the entries of that. Proposals come one by one: a record for
    /// each would be a third of a small one's bytes, and a checksum.
    ///
    /// # Panics
    ///
    /// As [`push`](Self::push).
    pub fn join<C: Command>(&mut self, record: &Record<&[Entry<C>]>) {
        let (true, Some(last), Some(piece), Record::Append { after, entries }) =
            (self.is_open, self.changes.last, self.pieces.last_mut(), record)
        else {
            return self.push(record);
        };
        if last.index != *after || piece.last_len() >= JOINED_MAX {
            return self.push(record);
        }
        self.changes.add(record);
        piece.extend(entries);
    }

    /// Joins the next batch to this one: they become durable together.
    pub fn merge(&mut self, mut next: Self) {
        for piece in next.pieces.drain(..) {
            match self.pieces.last_mut() {
                Some(last) if piece.bytes.len() <= COPIED_MAX && last.bytes.len() < PIECE => {
                    last.copy(&piece);
                    self.keep(iter::once(piece));
                }
                Some(_) | None => self.pieces.push(piece),
            }
        }
        self.changes.then(&next.changes);
        self.is_open = false;
        self.recycle(next);
    }

    /// Takes all records in exchange for an empty batch, whose memory is filled next.
    pub(crate) fn exchange(&mut self, space: &mut Self) -> Self {
        let mut next = std::mem::take(space);
        next.keep(self.spare.drain(..));
        std::mem::replace(self, next)
    }

    /// Keeps the memory of another, to be filled again, and nothing of what it holds.
    pub fn recycle(&mut self, mut other: Self) {
        other.clear();
        // Also that of the lists: a batch is to cost no allocation.
        if self.pieces.capacity() == 0 {
            std::mem::swap(&mut self.pieces, &mut other.pieces);
        }
        if self.spare.capacity() == 0 {
            std::mem::swap(&mut self.spare, &mut other.spare);
        }
        self.keep(other.spare.drain(..));
    }

    /// Keeps pieces, and nothing of what they hold, as far as there is not more memory already than is commonly needed.
    fn keep(&mut self, pieces: impl Iterator<Item = Piece>) {
        let capacity = |piece: &Piece| piece.bytes.capacity();
        let mut kept: usize = self.spare.iter().map(capacity).sum();
        for mut piece in pieces {
            kept += capacity(&piece);
            if kept > SPARE_MAX {
                break;
            }
            piece.clear();
            self.spare.push(piece);
        }
    }

    /// Forgets all records, and keeps the space.
    pub fn clear(&mut self) {
        let mut pieces = std::mem::take(&mut self.pieces);
        self.keep(pieces.drain(..));
        self.pieces = pieces;
        self.changes = Changes::default();
        self.is_open = false;
    }

    /// Is there nothing to write?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// How many records there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.pieces.iter().map(|piece| piece.starts.len()).sum()
    }

    /// How many bytes it takes in a segment.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pieces.iter().map(|piece| piece.bytes.len()).sum()
    }

    /// What its records change.
    pub(super) const fn changes(&self) -> &Changes {
        &self.changes
    }

    /// Closes the frames: they continue the chain of a segment of which `synced` bytes are durable. Answers the chain's new
    /// end. May be done again, if the batch could not be written there.
    pub(super) fn seal(&mut self, seed: u32, synced: u64, chain: u32) -> u32 {
        self.pieces.iter_mut().fold(chain, |chain, piece| piece.seal(seed, synced, chain))
    }

    /// The bytes, once sealed: to be written one behind the other.
    pub(super) fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        self.pieces.iter().map(|piece| &piece.bytes[..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::decode_record;
    use seaworthy_protocol::{Index, Payload, Term};
    use std::sync::Arc;

    fn entries(after: u64, commands: &[u64]) -> Record<Vec<Entry<u64>>> {
        let entry = |command: &u64| Entry { term: Term(1), payload: Payload::Command(*command) };
        Record::Append { after: Index(after), entries: commands.iter().map(entry).collect() }
    }

    /// What a reader would find.
    fn records<C: Command>(batch: &Batch) -> Vec<Record<Vec<Entry<C>>>> {
        let mut found = Vec::new();
        for Piece { bytes, starts, .. } in &batch.pieces {
            for start in starts {
                let body = start + RECORD_HEADER;
                let end = body + segment::length(&bytes[*start..]);
                found.push(decode_record(&bytes[body..end]).unwrap());
            }
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
        assert_eq!((batch.pieces, batch.changes), (at_once.pieces, at_once.changes), "byte for byte");
    }

    #[test]
    fn what_follows_something_else_is_a_record_of_its_own() {
        let vote = Record::TermAndVote { current_term: Term(2), voted_for: None };
        let apart = [entries(3, &[4]), entries(3, &[5]), vote, entries(4, &[6]), entries(9, &[])];
        assert_eq!(records::<u64>(&joined(&apart)), apart);
        let mut batch = joined(&[entries(3, &[4])]);
        batch.merge(joined(&[entries(4, &[5])]));
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
        let found: Vec<u64> = records::<u64>(&batch)
            .iter()
            .map(|record| match record {
                Record::Append { entries, .. } => entries.len() as u64,
                Record::TermAndVote { .. } | Record::Compact { .. } | Record::Install { .. } => 0,
            })
            .collect();
        assert_eq!(found.iter().sum::<u64>(), count);
    }

    /// Entries of a KiB, each with its number.
    fn some(after: u64, count: u64) -> Record<Vec<Entry<Arc<[u8]>>>> {
        let entry = |number: u64| Entry {
            term: Term(1),
            payload: Payload::Command(number.to_le_bytes().repeat(128).into()),
        };
        Record::Append { after: Index(after), entries: (after + 1..=after + count).map(entry).collect() }
    }

    fn kibibytes(after: u64, count: u64) -> Batch {
        let mut batch = Batch::default();
        batch.push(&some(after, count).borrowed());
        batch
    }

    fn numbers(batch: &Batch) -> Vec<u64> {
        numbers_after(0, batch)
    }

    /// The numbers of all entries, of which the first follows this one, and each record says what it follows.
    fn numbers_after(first: u64, batch: &Batch) -> Vec<u64> {
        let mut numbers = Vec::new();
        for record in records::<Arc<[u8]>>(batch) {
            let Record::Append { after, entries } = record else { unreachable!("nothing else was pushed") };
            assert_eq!(after.0, first + numbers.len() as u64);
            numbers.extend(entries.iter().map(|entry| match &entry.payload {
                Payload::Command(bytes) => u64::from_le_bytes(*bytes.first_chunk().unwrap()),
                Payload::Noop => 0,
            }));
        }
        numbers
    }

    #[test]
    fn a_batch_of_many_records_has_many_pieces() {
        let mut batch = Batch::default();
        let all = kibibytes(0, 5_000);
        assert_eq!((all.count(), all.pieces.len()), (1, 1), "what is written at once is one record");
        for after in (0..5_000).step_by(10) {
            batch.merge(kibibytes(after, 10));
        }
        let largest = batch.pieces().map(<[u8]>::len).max().unwrap_or_default();
        assert!(batch.pieces.len() == 5 && largest <= PIECE + COPIED_MAX, "{largest} bytes");
        assert_eq!(numbers(&batch), (1..=5_000).collect::<Vec<_>>());
        assert_eq!(batch.len(), batch.pieces().map(<[u8]>::len).sum::<usize>());
    }

    #[test]
    fn batches_are_merged_in_order_whether_they_are_copied_or_moved() {
        let (mut batch, mut after) = (Batch::default(), 0);
        for count in [1, 100, 1, 1, 3_000, 2, 50, 70, 1] {
            batch.merge(kibibytes(after, count));
            after += count;
        }
        assert_eq!(numbers(&batch), (1..=after).collect::<Vec<_>>());
        assert!(batch.pieces.len() < batch.count(), "small ones are copied");
    }

    /// As a node and its disk do: what is written comes back, and is filled again.
    #[test]
    fn memory_that_is_used_again_holds_nothing_of_before() {
        let (mut batch, mut space, mut after) = (Batch::default(), Batch::default(), 0);
        for round in 0..50 {
            // One waits behind the other while the disk works.
            let mut waiting = Batch::default();
            let mut begun = after;
            for count in [1, 1 + 40 * (round % 3), 2, 1_500] {
                batch.join(&some(begun, count).borrowed());
                let taken = batch.exchange(&mut space);
                assert_eq!(taken.changes.last.map(|last| last.index), Some(Index(begun + count)));
                waiting.merge(taken);
                begun += count;
            }
            assert_eq!(numbers_after(after, &waiting), (after + 1..=begun).collect::<Vec<_>>());
            after = begun;
            waiting.clear();
            assert_eq!((waiting.count(), waiting.len()), (0, 0));
            space.recycle(waiting);
        }
    }

    #[test]
    fn no_more_memory_is_kept_than_is_commonly_needed() {
        let mut space = Batch::default();
        (0..50).for_each(|_| space.recycle(kibibytes(0, 1_500)));
        let kept: usize = space.spare.iter().map(|piece| piece.bytes.capacity()).sum();
        assert!(space.is_empty() && (SPARE_MAX / 2..=SPARE_MAX).contains(&kept), "{kept} bytes");
        let mut large = Batch::default();
        large.recycle(kibibytes(0, 20_000));
        assert!(large.spare.is_empty());
    }
}
