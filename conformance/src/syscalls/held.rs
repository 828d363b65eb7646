//! What a node is certain to find on its disk after a crash, record by record, and what it once would have found.

use seaworthy::codec::Record;
use seaworthy_protocol::{Entry, Index, LogId, NodeId, Payload, Snapshot, Term};
use std::collections::BTreeMap;

/// A fold of durable records, in their order. It has its own code, not the protocol's, so that the two can differ.
#[derive(Clone, Debug, Default)]
pub(super) struct Held {
    term: Term,
    snapshot: Option<Snapshot>,
    base: LogId,
    entries: Vec<Entry<u64>>,
    /// In which segment each of them was written.
    segments: Vec<u64>,
    /// The vote in each term.
    votes: BTreeMap<Term, NodeId>,
    /// Entries that were cut off again, and in which term. An acknowledgement may leave late, when the node has gone on.
    gone: BTreeMap<LogId, Term>,
}

/// What a disk holds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Found {
    /// The term, and the vote in it.
    pub vote: (Term, Option<NodeId>),
    /// The snapshot that stands for the beginning of the log.
    pub snapshot: Option<Snapshot>,
    /// The last entry that is gone.
    pub base: LogId,
    /// Those after it.
    pub entries: Vec<Entry<u64>>,
}

/// What is known of a vote.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Vote {
    /// It is, or was, on the disk.
    Held,
    /// The disk knows a later term, and nothing of a vote in this one. It never will: nobody can be given it any more.
    Superseded,
    /// It is not on the disk, or another one is.
    Missing,
}

impl Held {
    /// Takes in the next record, of a segment. False if it continues a log that ends before it, or that begins behind it.
    pub(super) fn redo(&mut self, record: Record<Vec<Entry<u64>>>, segment: u64) -> bool {
        match record {
            Record::TermAndVote { current_term, voted_for } => self.vote(current_term, voted_for),
            Record::Append { after, entries } => {
                let Some(kept) = after.0.checked_sub(self.base.index.0) else { return false };
                if after > self.last_index() {
                    return false;
                }
                let kept = usize::try_from(kept).unwrap_or(usize::MAX);
                let cut = self.entries.split_off(kept);
                self.entries.extend(entries);
                self.segments.truncate(kept);
                self.segments.resize(self.entries.len(), segment);
                self.forget(after, cut);
            }
            Record::Compact { snapshot, base } => {
                let count = base.index.0.checked_sub(self.base.index.0);
                let Some(count) = count.filter(|_| self.holds(base) && self.holds(snapshot.last)) else {
                    return false;
                };
                let count = usize::try_from(count).unwrap_or(usize::MAX).min(self.entries.len());
                self.entries.drain(..count);
                self.segments.drain(..count);
                (self.snapshot, self.base) = (Some(snapshot), base);
            }
            Record::Install { snapshot } => {
                let old = std::mem::take(&mut self.entries);
                let after = std::mem::replace(&mut self.base, snapshot.last).index;
                self.segments.clear();
                self.snapshot = Some(snapshot);
                self.forget(after, old);
            }
        }
        true
    }

    fn vote(&mut self, term: Term, voted_for: Option<NodeId>) {
        self.term = term;
        if let Some(candidate) = voted_for {
            self.votes.insert(term, candidate);
        }
    }

    /// Takes note of those that stood behind an index and are no more.
    fn forget(&mut self, after: Index, old: Vec<Entry<u64>>) {
        for (index, entry) in (after.0 + 1..).zip(old) {
            let id = LogId { term: entry.term, index: Index(index) };
            if !self.holds(id) {
                self.gone.insert(id, self.term);
            }
        }
    }

    /// The first segment that has an entry which is still in the log.
    pub(super) fn oldest_segment(&self) -> Option<u64> {
        self.segments.first().copied()
    }

    fn last_index(&self) -> Index {
        Index(self.base.index.0 + self.entries.len() as u64)
    }

    fn entry(&self, index: Index) -> Option<&Entry<u64>> {
        let place = index.0.checked_sub(self.base.index.0)?.checked_sub(1)?;
        self.entries.get(usize::try_from(place).ok()?)
    }

    /// All of it.
    pub(super) fn found(&self) -> Found {
        let vote = (self.term, self.votes.get(&self.term).copied());
        Found { vote, snapshot: self.snapshot, base: self.base, entries: self.entries.clone() }
    }

    pub(super) const fn term(&self) -> Term {
        self.term
    }

    pub(super) const fn snapshot(&self) -> Option<Snapshot> {
        self.snapshot
    }

    pub(super) fn has_voted(&self, term: Term, candidate: NodeId) -> Vote {
        match self.votes.get(&term) {
            Some(held) if *held == candidate => Vote::Held,
            None if self.term > term => Vote::Superseded,
            Some(_) | None => Vote::Missing,
        }
    }

    /// The term of an entry, if the log has one there; what a snapshot stands for is of any term.
    pub(super) fn term_at(&self, index: Index) -> Option<Standing> {
        match self.entry(index) {
            Some(entry) => Some(Standing::Term(entry.term)),
            None if index < self.base.index => Some(Standing::Any),
            None if index == self.base.index => Some(Standing::Term(self.base.term)),
            None => None,
        }
    }

    fn holds(&self, id: LogId) -> bool {
        self.term_at(id.index).is_some_and(|standing| standing.is(id.term))
    }

    /// Is the log durable up to this entry? Or was it, when the node was in this term or a later one?
    pub(super) fn has_held(&self, id: LogId, term: Term) -> bool {
        self.holds(id) || self.gone.get(&id).is_some_and(|in_term| *in_term >= term)
    }

    /// Does this command stand there, or has it gone into a snapshot?
    pub(super) fn has_command(&self, index: Index, command: u64) -> bool {
        let is_it = |entry: &Entry<u64>| entry.payload == Payload::Command(command);
        self.entry(index).map_or(index <= self.base.index, is_it)
    }
}

/// The term of an entry.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Standing {
    Term(Term),
    /// A snapshot stands for it.
    Any,
}

impl Standing {
    pub(super) fn is(self, term: Term) -> bool {
        match self {
            Self::Term(own) => own == term,
            Self::Any => true,
        }
    }
}
