//! What a core wants to be durable, gathered until its batch ends: whichever core it is, the same records in the same format.
//!
//! Entries that follow each other become one record. What a core keeps beside its log is a record of the size of a term and a vote.

use super::{Batches, Writes};
use crate::lanes::SharedBytes;
use bytes::Bytes;
use seaworthy::codec::Record;
use seaworthy::{Command, LogId, NodeId, Term, wal::digest};
use seaworthy_benches::workload::Checksum;
use seaworthy_protocol::{Entry, Index, Snapshot};

/// The most entries of a record: memory for one of megabytes is not kept.
const RECORD: usize = 1_024;

impl Command for SharedBytes {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0);
    }

    fn encoded_len(&self) -> usize {
        self.0.len()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        Some(Self(Bytes::copy_from_slice(bytes)))
    }
}

/// What a core may keep beside its log. They share a record: the upper bits of its number tell them apart.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fact {
    /// The term, or the round that was promised, and to whom.
    Term(u64, Option<NodeId>),
    /// The round in which entries were accepted last.
    AcceptedRound(u64, Option<NodeId>),
    /// How many entries are committed, or decided.
    Decided(u64),
}

impl Fact {
    const fn to_record<E>(self) -> Record<E> {
        let (kind, number, voted_for) = match self {
            Self::Term(term, vote) => (0, term, vote),
            Self::AcceptedRound(round, leader) => (1, round, leader),
            Self::Decided(count) => (2, count, None),
        };
        Record::TermAndVote { current_term: Term(kind << 62 | number), voted_for }
    }
}

/// What is gathered.
pub(crate) struct Journal<C> {
    writes: Writes,
    /// Entries that are written down next.
    run: Vec<Entry<C>>,
    /// There is something that must be durable before what depends on it is said.
    is_urgent: bool,
}

impl<C> Default for Journal<C> {
    fn default() -> Self {
        Self { writes: Writes::default(), run: Vec::new(), is_urgent: false }
    }
}

impl<C: Command> Journal<C> {
    /// The log is cut after an index, and goes on with these entries. Without any, nothing is written.
    pub(crate) fn append(&mut self, after: u64, entries: impl IntoIterator<Item = Entry<C>>) {
        let mut run = std::mem::take(&mut self.run);
        run.extend(entries);
        self.append_all(after, &run);
        run.clear();
        self.run = run;
    }

    /// The same with entries as they stand in a log.
    pub(crate) fn append_all(&mut self, after: u64, entries: &[Entry<C>]) {
        let mut after = Index(after);
        for entries in entries.chunks(RECORD) {
            self.writes.batch.join(&Record::Append { after, entries });
            after.0 += entries.len() as u64;
            self.is_urgent = true;
        }
    }

    /// Something that must not be forgotten.
    pub(crate) fn record(&mut self, fact: Fact) {
        self.remark(fact);
        self.is_urgent = true;
    }

    /// Something that is found out anew if it is lost: written with the next batch, and not waited for.
    pub(crate) fn remark(&mut self, fact: Fact) {
        self.writes.batch.push::<C>(&fact.to_record());
    }

    /// Writes a snapshot down, and answers how the log knows it.
    pub(crate) fn save(&mut self, last: LogId, state_machine: &Checksum) -> Snapshot {
        let bytes: Vec<u8> = state_machine.to_parts().iter().flat_map(|part| part.to_le_bytes()).collect();
        let snapshot = Snapshot { last, length: bytes.len() as u64, digest: digest(&bytes) };
        self.writes.snapshots.push((snapshot, bytes));
        self.is_urgent = true;
        snapshot
    }

    /// A snapshot stands for the log up to an entry. What is in no entry must be recorded anew: segments before may go.
    pub(crate) fn compact(&mut self, snapshot: Snapshot, base: LogId) {
        self.writes.batch.push::<C>(&Record::Compact { snapshot, base });
        self.is_urgent = true;
    }

    /// Hands over what was gathered, if any of it is urgent, in exchange for an empty one. False if there is nothing.
    pub(crate) fn take(&mut self, writes: &mut Writes) -> bool {
        debug_assert!(writes.is_empty());
        if !std::mem::take(&mut self.is_urgent) {
            return false;
        }
        std::mem::swap(&mut self.writes, writes);
        writes.count = 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::{Disk, Store};
    use seaworthy::wal::{Layout, Wal};
    use seaworthy_benches::disk_log::entries;
    use seaworthy_benches::memory_files::MemoryFiles;
    use seaworthy_benches::workload;

    fn recovered(disk: Disk<MemoryFiles>) -> seaworthy_protocol::Durable<workload::Command> {
        let (_, recovery) = Wal::open(disk.0.into_files(), Layout::default()).expect("it is whole");
        recovery.durable
    }

    fn written(journal: &mut Journal<workload::Command>, disk: &mut Disk<MemoryFiles>) -> usize {
        let mut writes = Writes::default();
        assert!(journal.take(&mut writes));
        let count = writes.batch.count();
        disk.write(&mut writes).expect("memory has room");
        count
    }

    #[test]
    fn entries_that_follow_each_other_are_one_record_and_come_back() {
        let mut disk = Disk::new(MemoryFiles::default(), 0, Layout::default()).expect("it is empty");
        let mut journal = Journal::default();
        for (after, entry) in (0..).zip(entries(5, 64)) {
            journal.append(after, [entry]);
        }
        assert_eq!(written(&mut journal, &mut disk), 1);
        journal.append(3, entries(1, 72));
        assert_eq!(written(&mut journal, &mut disk), 1);
        let log = recovered(disk);
        assert_eq!(log.log().entries(), [&entries(3, 64)[..], &entries(1, 72)[..]].concat());
    }

    #[test]
    fn a_remark_waits_for_something_urgent() {
        let (mut journal, mut writes) = (Journal::<workload::Command>::default(), Writes::default());
        journal.remark(Fact::Decided(7));
        assert!(!journal.take(&mut writes) && writes.is_empty());
        journal.append(0, entries(1, 64));
        assert!(journal.take(&mut writes));
        assert_eq!((writes.batch.count(), writes.count()), (2, 1));
    }

    #[test]
    fn what_a_snapshot_stands_for_is_gone() {
        let mut disk = Disk::new(MemoryFiles::default(), 0, Layout::default()).expect("it is empty");
        let mut journal = Journal::default();
        journal.append(0, entries(10, 64));
        written(&mut journal, &mut disk);
        let last = LogId { term: Term(1), index: Index(8) };
        let snapshot = journal.save(last, &Checksum::after(8, 64));
        let base = LogId { term: Term(1), index: Index(6) };
        let kept = &entries(10, 64)[6..];
        journal.compact(snapshot, base);
        written(&mut journal, &mut disk);
        let durable = recovered(disk);
        assert_eq!((durable.snapshot(), durable.log().base()), (Some(snapshot), base));
        assert_eq!(durable.log().entries(), kept);
    }
}
