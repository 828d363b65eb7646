//! A log in memory for libraries that bring none: consecutive entries, the first of which go when they are compacted.

use std::collections::VecDeque;
use std::ops::{Bound, RangeBounds};

/// Entries from some index on.
#[derive(Debug)]
pub(crate) struct MemoryLog<E> {
    first: u64,
    entries: VecDeque<E>,
}

impl<E> Default for MemoryLog<E> {
    fn default() -> Self {
        Self { first: 0, entries: VecDeque::new() }
    }
}

impl<E: Clone> MemoryLog<E> {
    /// The entries of a range of indexes, those of them that it has.
    pub(crate) fn range(&self, range: &impl RangeBounds<u64>) -> Vec<E> {
        let begin = match range.start_bound() {
            Bound::Included(index) => *index,
            Bound::Excluded(index) => index + 1,
            Bound::Unbounded => 0,
        };
        let end = match range.end_bound() {
            Bound::Included(index) => index + 1,
            Bound::Excluded(index) => *index,
            Bound::Unbounded => u64::MAX,
        };
        let begin = self.position(begin);
        self.entries.range(begin..self.position(end).max(begin)).cloned().collect()
    }

    /// The last, if there is one.
    pub(crate) fn last(&self) -> Option<&E> {
        self.entries.back()
    }

    /// Appends what follows.
    pub(crate) fn append(&mut self, entries: impl IntoIterator<Item = E>) {
        self.entries.extend(entries);
    }

    /// Takes away the entries from an index on.
    pub(crate) fn truncate(&mut self, from: u64) {
        self.entries.truncate(self.position(from));
    }

    /// Takes away the entries up to an index, which is its own.
    pub(crate) fn purge(&mut self, through: u64) {
        self.entries.drain(..self.position(through + 1));
        self.first = self.first.max(through + 1);
    }

    fn position(&self, index: u64) -> usize {
        let position = usize::try_from(index.saturating_sub(self.first)).unwrap_or(usize::MAX);
        position.min(self.entries.len())
    }
}

#[cfg(test)]
mod tests {
    use super::MemoryLog;

    #[test]
    fn what_was_purged_or_truncated_is_gone_and_the_rest_keeps_its_index() {
        let mut log = MemoryLog::default();
        log.append(0..10_u64);
        log.purge(3);
        log.truncate(8);
        assert_eq!(log.range(&(0..100)), [4, 5, 6, 7]);
        assert_eq!(log.range(&(5..=6)), [5, 6]);
        assert!(log.range(&(2..3)).is_empty());
        log.append([8]);
        assert_eq!((log.last(), log.range(&(7..))), (Some(&8), vec![7, 8]));
    }
}
