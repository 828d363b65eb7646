//! The replicated log (§5.3): entries, and what can be asked about them.

use crate::types::{Index, LogId, Term};
use alloc::sync::Arc;
use alloc::vec::Vec;

/// One entry: the term of the leader that created it, and what it carries.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct Entry<C> {
    /// The term in which a leader appended it.
    pub term: Term,
    /// What it carries.
    pub payload: Payload<C>,
}

/// What an entry carries.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub enum Payload<C> {
    /// Nothing: what a leader appends first, so that its term has an entry to commit by (§5.4.2, §8).
    Noop,
    /// A client's command.
    Command(C),
}

/// Consecutive entries, however they are held: owned, shared or borrowed.
///
/// A message and a write are generic in how they hold entries. The protocol emits borrowed slices of its own
/// log, so that a driver can encode them in place; what it takes in, it takes in whatever form is cheapest to
/// move into the log.
pub trait Entries<C>: AsRef<[Entry<C>]> {
    /// Moves or copies all entries but the first `skip` to the end of the log.
    fn append_to(self, log: &mut Vec<Entry<C>>, skip: usize);
}

impl<C> Entries<C> for Vec<Entry<C>> {
    fn append_to(mut self, log: &mut Self, skip: usize) {
        if skip == 0 {
            log.append(&mut self);
        } else {
            log.extend(self.into_iter().skip(skip));
        }
    }
}

impl<C> Entries<C> for [Entry<C>; 1] {
    #[inline]
    fn append_to(self, log: &mut Vec<Entry<C>>, skip: usize) {
        let [entry] = self;
        if skip == 0 {
            log.push(entry);
        }
    }
}

impl<C: Clone> Entries<C> for &[Entry<C>] {
    fn append_to(self, log: &mut Vec<Entry<C>>, skip: usize) {
        log.extend_from_slice(self.get(skip..).unwrap_or_default());
    }
}

impl<C: Clone> Entries<C> for Arc<[Entry<C>]> {
    fn append_to(self, log: &mut Vec<Entry<C>>, skip: usize) {
        log.extend_from_slice(self.get(skip..).unwrap_or_default());
    }
}

/// Entries but the first few: what is new to a log that holds those already.
pub(crate) struct Suffix<E> {
    pub(crate) entries: E,
    pub(crate) skip: usize,
}

impl<C, E: Entries<C>> AsRef<[Entry<C>]> for Suffix<E> {
    fn as_ref(&self) -> &[Entry<C>] {
        self.entries.as_ref().get(self.skip..).unwrap_or_default()
    }
}

impl<C, E: Entries<C>> Entries<C> for Suffix<E> {
    fn append_to(self, log: &mut Vec<Entry<C>>, skip: usize) {
        self.entries.append_to(log, self.skip + skip);
    }
}

/// The log of one node: all entries after its base. Terms never decrease along it.
///
/// The base is the last entry that compaction took away (§7), or nothing at index 0. Whatever lies up to it is committed and
/// in a snapshot.
#[derive(Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct Log<C> {
    base: LogId,
    entries: Vec<Entry<C>>,
}

impl<C> Default for Log<C> {
    fn default() -> Self {
        Self { base: LogId::default(), entries: Vec::new() }
    }
}

/// Only a log of `Copy` commands can be cloned: the model's, never production's.
impl<C: Copy> Clone for Log<C> {
    fn clone(&self) -> Self {
        Self { base: self.base, entries: self.entries.clone() }
    }
}

impl<C> Log<C> {
    /// The last entry that compaction took away, nothing at index 0 if there was none (§7).
    #[must_use]
    pub const fn base(&self) -> LogId {
        self.base
    }

    /// The id of the last entry; of the base if there is none.
    #[must_use]
    pub fn last(&self) -> LogId {
        let term = self.entries.last().map_or(self.base.term, |entry| entry.term);
        LogId { term, index: self.last_index() }
    }

    /// The index of the last entry; of the base if there is none.
    #[must_use]
    pub fn last_index(&self) -> Index {
        self.base.index.plus(self.entries.len())
    }

    /// The entry at an index, if there is one and it was not compacted.
    #[must_use]
    pub fn get(&self, index: Index) -> Option<&Entry<C>> {
        // Up to the base this wraps around, to a position that no entry has.
        let position = index.0.wrapping_sub(self.base.index.0).wrapping_sub(1);
        self.entries.get(usize::try_from(position).ok()?)
    }

    /// The term of the entry at an index, if that is known: the base's still is, though its entry is gone.
    #[must_use]
    pub fn term_at(&self, index: Index) -> Option<Term> {
        if index == self.base.index { Some(self.base.term) } else { self.get(index).map(|entry| entry.term) }
    }

    /// Does the log hold this very entry, for all that can be seen? Of what was compacted only the base can. By the Log Matching
    /// Property (§5.3) the log then holds all before it too.
    #[must_use]
    pub fn holds(&self, id: LogId) -> bool {
        self.term_at(id.index) == Some(id.term)
    }

    /// The entries after an index, at most `limit` of them. Empty when the log ends there or before, or begins later.
    #[must_use]
    pub fn after(&self, index: Index, limit: usize) -> &[Entry<C>] {
        let rest = self.count_to(index).and_then(|start| self.entries.get(start..)).unwrap_or_default();
        rest.get(..limit).unwrap_or(rest)
    }

    /// The entries after the base, up to and including an index; all of them if the log is shorter.
    #[must_use]
    pub fn prefix(&self, index: Index) -> &[Entry<C>] {
        let count = self.count_to(index).unwrap_or_default();
        self.entries.get(..count).unwrap_or(&self.entries)
    }

    /// All entries after the base, in order.
    #[must_use]
    pub fn entries(&self) -> &[Entry<C>] {
        &self.entries
    }

    /// The last entry that another log holding `other` could hold as well: the last one whose index and whose
    /// term are both at most `other`'s. Terms never decrease along a log, so nothing after it can match (§5.3).
    /// If no entry is, the base, which is committed: a log that lacks it cannot be helped by entries.
    ///
    /// Scans back from `other`: a log that is far apart pays for the distance once, at the rejection.
    #[must_use]
    pub fn last_agreeable(&self, other: LogId) -> LogId {
        let prefix = self.prefix(other.index);
        let agreeable =
            prefix.iter().rposition(|entry| entry.term <= other.term).map_or(0, |position| position + 1);
        let index = self.base.index.plus(agreeable);
        LogId { term: self.term_at(index).unwrap_or_default(), index }
    }

    /// Where the log and `entries`, which follow `prev`, part: how many of them the log holds already.
    pub(crate) fn matching(&self, prev: Index, entries: &[Entry<C>]) -> usize {
        let held = self.after(prev, entries.len());
        held.iter().zip(entries).take_while(|(held, new)| held.term == new.term).count()
    }

    /// Drops everything after an index, which is not below the base, and appends the entries.
    #[inline]
    pub(crate) fn splice(&mut self, after: Index, entries: impl Entries<C>) {
        self.entries.truncate(self.count_to(after).unwrap_or(usize::MAX));
        entries.append_to(&mut self.entries, 0);
    }

    /// Drops everything up to and including an entry, which becomes the base. What does not hold it is dropped whole.
    #[cold]
    pub(crate) fn compact(&mut self, base: LogId) {
        let count = if self.holds(base) { self.count_to(base.index) } else { None };
        drop(self.entries.drain(..count.unwrap_or(self.entries.len())));
        self.base = base;
    }

    /// How many entries there are up to an index, were the log long enough. Nothing below the base.
    fn count_to(&self, index: Index) -> Option<usize> {
        usize::try_from(index.0.checked_sub(self.base.index.0)?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn entry(term: u64) -> Entry<u8> {
        Entry { term: Term(term), payload: Payload::Noop }
    }

    fn log(terms: &[u64]) -> Log<u8> {
        Log { base: LogId::default(), entries: terms.iter().copied().map(entry).collect() }
    }

    fn compacted(terms: &[u64], base: LogId) -> Log<u8> {
        let mut log = log(terms);
        log.compact(base);
        log
    }

    fn id(term: u64, index: u64) -> LogId {
        LogId { term: Term(term), index: Index(index) }
    }

    #[test]
    fn every_log_holds_the_entry_before_the_first() {
        assert!(log(&[]).holds(LogId::default()));
        assert!(log(&[1, 1]).holds(id(1, 2)));
        assert!(!log(&[1, 1]).holds(id(1, 3)));
        assert!(!log(&[1, 1]).holds(id(2, 2)));
        assert!(!log(&[1, 1]).holds(id(1, u64::MAX)));
    }

    #[test]
    fn the_last_agreeable_entry_is_bounded_by_index_and_by_term() {
        let log = log(&[1, 1, 4, 4, 5]);
        assert_eq!(log.last_agreeable(id(4, 3)), id(4, 3));
        assert_eq!(log.last_agreeable(id(3, 4)), id(1, 2));
        assert_eq!(log.last_agreeable(id(6, 9)), id(5, 5));
        assert_eq!(log.last_agreeable(id(0, 5)), LogId::default());
    }

    #[test]
    fn a_splice_drops_the_tail_and_appends_only_what_is_new() {
        let mut log = log(&[1, 1, 1]);
        let entries = vec![entry(1), entry(2), entry(2)];
        let skip = log.matching(Index(1), &entries);
        assert_eq!(skip, 1);
        log.splice(Index(2), Suffix { entries, skip });
        assert_eq!(log.entries, [entry(1), entry(1), entry(2), entry(2)]);
    }

    #[test]
    fn asking_beyond_the_end_answers_nothing() {
        let log = log(&[1, 2]);
        assert_eq!(log.after(Index(u64::MAX), 5), []);
        assert_eq!(log.after(Index(1), usize::MAX), [entry(2)]);
        assert_eq!(log.prefix(Index(u64::MAX)).len(), 2);
        assert_eq!(log.get(Index(0)), None);
    }

    #[test]
    fn a_compacted_log_answers_as_before_for_what_is_left() {
        let log = compacted(&[1, 1, 4, 4, 5], id(4, 3));
        assert_eq!((log.base(), log.last(), log.entries().len()), (id(4, 3), id(5, 5), 2));
        assert_eq!(log.get(Index(4)), Some(&entry(4)));
        assert_eq!((log.get(Index(3)), log.get(Index(2))), (None, None));
        assert!(log.holds(id(4, 3)), "the base is remembered by its id");
        assert!(!log.holds(id(1, 2)), "nothing is known of what lies before");
        assert_eq!(log.after(Index(3), 9), [entry(4), entry(5)]);
        assert_eq!(log.after(Index(2), 9), [], "what is gone cannot be sent");
        assert_eq!(log.prefix(Index(4)), [entry(4)]);
        assert_eq!(log.last_agreeable(id(4, 9)), id(4, 4));
        assert_eq!(log.last_agreeable(id(1, 9)), id(4, 3), "the base, whatever its term");
    }

    #[test]
    fn a_log_without_the_base_is_dropped_whole() {
        let log = compacted(&[1, 1, 2, 2], id(3, 3));
        assert_eq!((log.last(), log.entries()), (id(3, 3), &[][..]));
        let log = compacted(&[1], id(3, 3));
        assert_eq!((log.last(), log.entries()), (id(3, 3), &[][..]));
    }
}
