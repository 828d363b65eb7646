//! Records that become durable together, framed in the memory that is written as it is.

use super::footing::Changes;
use super::segment::{self, RECORD_HEADER};
use crate::codec::{Record, as_u32, encode_into_record, encode_record, entry_len};
use crate::command::Command;
use seaworthy_protocol::{Entry, Index};

/// A record of entries takes in more of them up to about this many bytes: no reader is to hold more than that for the sake of small ones.
const JOINED_MAX: usize = 1 << 20;
/// A piece that has this many bytes is full. Of 8 MiB in one buffer, which grows as it is filled and is too large for an allocator to
/// keep, half of the time went into pages that the system clears (2026-11-27).
const PIECE: usize = 1 << 20;
/// A batch of no more bytes is copied when it is merged: cheaper than a write of its own.
const COPIED_MAX: usize = 1 << 16;
/// So many pieces are kept to be filled again.
const SPARE_MAX: usize = 16;
/// No larger ones: a record of an uncommonly large entry was in there.
const SPARE_PIECE_MAX: usize = 4 * PIECE;

/// Records to be made durable, in order. Their frames are left open until it is known where they will stand.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// One behind the other; none is empty.
    pieces: Vec<Piece>,
    /// Empty, to be filled next.
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
        self.bytes.resize(start + RECORD_HEADER, 0);
        encode_record(record, &mut self.bytes);
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
    /// each would be a third of a small one's bytes, and a checksum. Of many entries it makes several records.
    ///
    /// # Panics
    ///
    /// As [`push`](Self::push).
    #[inline]
    pub fn join<C: Command>(&mut self, record: &Record<&[Entry<C>]>) {
        let Record::Append { after, entries } = *record else { return self.push(record) };
        let room = self.room_behind(after);
        if fitting(entries, room.unwrap_or(JOINED_MAX)) < entries.len() {
            return self.join_in_parts(after, entries);
        }
        match (room, self.pieces.last_mut()) {
            (Some(_), Some(piece)) => {
                self.changes.add(record);
                piece.extend(entries);
            }
            (Some(_) | None, _) => self.push(record),
        }
    }

    /// Joins as many entries at a time as a record takes.
    #[cold]
    fn join_in_parts<C: Command>(&mut self, mut after: Index, mut left: &[Entry<C>]) {
        while !left.is_empty() {
            let room = self.room_behind(after).unwrap_or(JOINED_MAX);
            let (entries, later) = left.split_at(fitting(left, room));
            self.join(&Record::Append { after, entries });
            (after, left) = (Index(after.0 + entries.len() as u64), later);
        }
    }

    /// How many bytes more the last record takes, of entries that follow this one.
    #[inline]
    fn room_behind(&self, after: Index) -> Option<usize> {
        let (true, Some(last), Some(piece)) = (self.is_open, self.changes.last, self.pieces.last()) else {
            return None;
        };
        let length = piece.last_len();
        (last.index == after && length < JOINED_MAX).then(|| JOINED_MAX - length)
    }

    /// Joins the next batch to this one: they become durable together.
    pub fn merge(&mut self, mut next: Self) {
        for piece in next.pieces.drain(..) {
            match self.pieces.last_mut() {
                Some(last) if piece.bytes.len() <= COPIED_MAX && last.bytes.len() < PIECE => {
                    last.copy(&piece);
                    next.spare.push(piece);
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

    /// Keeps as many of these pieces as are commonly needed.
    fn keep(&mut self, pieces: impl Iterator<Item = Piece>) {
        let room = SPARE_MAX.saturating_sub(self.spare.len());
        let is_common = |piece: &Piece| (1..=SPARE_PIECE_MAX).contains(&piece.bytes.capacity());
        self.spare.extend(pieces.filter(is_common).take(room));
    }

    /// Forgets all records, and keeps the space.
    pub fn clear(&mut self) {
        let mut pieces = std::mem::take(&mut self.pieces);
        pieces.iter_mut().for_each(Piece::clear);
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

/// How many of these entries take no more than so many bytes, but at least the first.
fn fitting<C: Command>(entries: &[Entry<C>], room: usize) -> usize {
    // Proposals come one by one.
    if let [_] = entries {
        return 1;
    }
    let mut length = 0_usize;
    let fits = |entry: &&Entry<C>| {
        length = length.saturating_add(entry_len(entry));
        length <= room
    };
    entries.iter().take_while(fits).count().max(1).min(entries.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::decode_record;
    use seaworthy_protocol::{Payload, Term};
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

    fn kibibytes(after: u64, count: u64) -> Batch {
        let entry = |number: u64| Entry {
            term: Term(1),
            payload: Payload::Command(number.to_le_bytes().repeat(128).into()),
        };
        let entries: Vec<Entry<Arc<[u8]>>> = (after + 1..=after + count).map(entry).collect();
        let mut batch = Batch::default();
        batch.join(&Record::Append { after: Index(after), entries: &entries });
        batch
    }

    fn numbers(batch: &Batch) -> Vec<u64> {
        let mut numbers = Vec::new();
        for record in records::<Arc<[u8]>>(batch) {
            let Record::Append { after, entries } = record else { unreachable!("nothing else was pushed") };
            assert_eq!(after.0, numbers.len() as u64, "each record says what it follows");
            numbers.extend(entries.iter().map(|entry| match &entry.payload {
                Payload::Command(bytes) => u64::from_le_bytes(*bytes.first_chunk().unwrap()),
                Payload::Noop => 0,
            }));
        }
        numbers
    }

    #[test]
    fn many_entries_at_once_are_several_records_in_as_many_pieces() {
        let batch = kibibytes(0, 5_000);
        assert_eq!((batch.count(), batch.pieces.len()), (5, 5));
        let largest = batch.pieces().map(<[u8]>::len).max().unwrap_or_default();
        assert!(largest <= PIECE + (1 << 11), "{largest} bytes");
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

    #[test]
    fn memory_that_is_used_again_is_empty_and_no_more_than_is_commonly_needed() {
        let (mut batch, mut space) = (kibibytes(0, 3_000), Batch::default());
        let taken = batch.exchange(&mut space);
        assert_eq!((batch.len(), space.len(), taken.count()), (0, 0, 3));
        (0..9).for_each(|_| space.recycle(kibibytes(0, 2_500)));
        assert_eq!((space.spare.len(), space.is_empty()), (SPARE_MAX, true));
        space.recycle(kibibytes(0, 1));
        assert_eq!(space.spare.len(), SPARE_MAX);
        assert!(batch.exchange(&mut space).is_empty());
        batch.merge(kibibytes(0, 1_500));
        assert_eq!(numbers(&batch), (1..=1_500).collect::<Vec<_>>());
    }
}
