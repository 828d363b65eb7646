//! What all that was written comes to, but for the entries: each segment begins with it, so that recovery can.

use crate::codec::Record;
use seaworthy_protocol::{Durable, Entry, Index, LogId, NodeId, Snapshot, Term};

/// What stands before a segment.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Footing {
    pub(super) current_term: Term,
    pub(super) voted_for: Option<NodeId>,
    pub(super) snapshot: Option<Snapshot>,
    /// The last entry that was compacted; nothing at index 0 if none was.
    pub(super) base: LogId,
    /// The last entry; of a term [`UNKNOWN`] if the log was cut and nothing was put in the place of what went.
    pub(super) last: LogId,
}

/// No record says the term of an entry behind which the log was cut. No term is as high as this.
const UNKNOWN: Term = Term(u64::MAX);

/// Written where there is no snapshot: none is without bytes.
const NONE: Snapshot = Snapshot { last: LogId { term: Term(0), index: Index(0) }, length: 0, digest: 0 };

/// How many bytes it takes.
pub(super) const FOOTING: usize = 80;

impl Footing {
    pub(super) fn of<C>(durable: &Durable<C>) -> Self {
        Self {
            current_term: durable.current_term(),
            voted_for: durable.voted_for(),
            snapshot: durable.snapshot(),
            base: durable.log().base(),
            last: durable.log().last(),
        }
    }

    /// What it is after records that change so much.
    pub(super) fn after(self, changes: &Changes) -> Self {
        let (current_term, voted_for) = changes.term_and_vote.unwrap_or((self.current_term, self.voted_for));
        let (snapshot, base) =
            changes.snapshot.map_or((self.snapshot, self.base), |(snapshot, base)| (Some(snapshot), base));
        Self { current_term, voted_for, snapshot, base, last: changes.last.unwrap_or(self.last) }
    }

    /// Could this be what it says, seen from a log that was read up to there?
    pub(super) fn is(&self, found: &Self) -> bool {
        let is_last = self.last == found.last || LogId { term: UNKNOWN, ..found.last } == self.last;
        is_last && Self { last: found.last, ..*self } == *found
    }

    /// Can recovery begin here? Not where it would not know what the first entry is to follow.
    pub(super) fn can_begin(&self) -> bool {
        self.last.term != UNKNOWN
    }

    pub(super) fn encode(&self) -> [u8; FOOTING] {
        let Self { current_term, voted_for, snapshot, base, last } = *self;
        let named = snapshot.unwrap_or(NONE);
        let numbers = [
            current_term.0,
            base.term.0,
            base.index.0,
            last.term.0,
            last.index.0,
            named.last.term.0,
            named.last.index.0,
            named.length,
            named.digest,
        ];
        let mut bytes = [0; FOOTING];
        for (field, number) in bytes.chunks_exact_mut(8).zip(numbers) {
            field.copy_from_slice(&number.to_le_bytes());
        }
        bytes[72] = voted_for.map_or(0, NodeId::get);
        bytes
    }

    pub(super) fn decode(bytes: &[u8; FOOTING]) -> Self {
        let mut numbers = [0; 9];
        for (number, field) in numbers.iter_mut().zip(bytes.chunks_exact(8)) {
            *number = field.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte));
        }
        let [current_term, base_term, base_index, last_term, last_index, term, index, length, digest] =
            numbers;
        let id = |term, index| LogId { term: Term(term), index: Index(index) };
        let snapshot = (length > 0).then(|| Snapshot { last: id(term, index), length, digest });
        Self {
            current_term: Term(current_term),
            voted_for: NodeId::new(bytes[72]),
            snapshot,
            base: id(base_term, base_index),
            last: id(last_term, last_index),
        }
    }
}

/// What records change.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Changes {
    pub(super) term_and_vote: Option<(Term, Option<NodeId>)>,
    /// The snapshot, and the base of the log behind it.
    pub(super) snapshot: Option<(Snapshot, LogId)>,
    pub(super) last: Option<LogId>,
    /// The lowest index after which the log was cut, or went on, before any installation.
    pub(super) cut: Option<Index>,
    /// A snapshot has taken the place of all entries: what was written before matters no more.
    pub(super) is_installed: bool,
}

impl Changes {
    pub(super) fn of<C, E: AsRef<[Entry<C>]>>(record: &Record<E>) -> Self {
        let mut changes = Self::default();
        changes.add(record);
        changes
    }

    /// Those of one more record.
    #[inline]
    pub(super) fn add<C, E: AsRef<[Entry<C>]>>(&mut self, record: &Record<E>) {
        match record {
            Record::TermAndVote { current_term, voted_for } => {
                self.term_and_vote = Some((*current_term, *voted_for));
            }
            Record::Append { after, entries } => {
                let entries = entries.as_ref();
                // Nothing stands before the first entry, and its term is known.
                let cut = if *after == Index(0) { Term(0) } else { UNKNOWN };
                let term = entries.last().map_or(cut, |entry| entry.term);
                self.last = Some(LogId { term, index: after.plus(entries.len()) });
                // What is cut after an installation cuts nothing of what was there before it.
                if !self.is_installed {
                    self.cut = Some(self.cut.map_or(*after, |cut| cut.min(*after)));
                }
            }
            Record::Compact { snapshot, base } => self.snapshot = Some((*snapshot, *base)),
            Record::Install { snapshot } => {
                self.snapshot = Some((*snapshot, snapshot.last));
                self.last = Some(snapshot.last);
                self.is_installed = true;
            }
        }
    }

    /// Those of the records that follow, too.
    pub(super) fn then(&mut self, next: &Self) {
        let Self { term_and_vote, snapshot, last, cut, is_installed } = *next;
        self.term_and_vote = term_and_vote.or(self.term_and_vote);
        self.snapshot = snapshot.or(self.snapshot);
        self.last = last.or(self.last);
        if let (Some(cut), false) = (cut, self.is_installed) {
            self.cut = Some(self.cut.map_or(cut, |before| before.min(cut)));
        }
        self.is_installed |= is_installed;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use seaworthy_protocol::Payload;

    const fn id(term: u64, index: u64) -> LogId {
        LogId { term: Term(term), index: Index(index) }
    }

    const fn snapshot(last: LogId) -> Snapshot {
        Snapshot { last, length: 5, digest: 6 }
    }

    fn append(after: u64, terms: &[u64]) -> Changes {
        let entry = |term: &u64| Entry { term: Term(*term), payload: Payload::Command(7_u64) };
        let entries: Vec<Entry<u64>> = terms.iter().map(entry).collect();
        Changes::of(&Record::Append { after: Index(after), entries })
    }

    fn of(record: &Record<Vec<Entry<u64>>>) -> Changes {
        Changes::of(record)
    }

    fn full() -> Footing {
        Footing {
            current_term: Term(9),
            voted_for: NodeId::new(3),
            snapshot: Some(snapshot(id(4, 12))),
            base: id(3, 10),
            last: id(8, 40),
        }
    }

    #[test]
    fn what_is_written_is_read() {
        for footing in [Footing::default(), full(), full().after(&append(20, &[]))] {
            assert_eq!(Footing::decode(&footing.encode()), footing);
        }
    }

    #[test]
    fn a_term_takes_the_vote_of_the_one_before() {
        let later = of(&Record::TermAndVote { current_term: Term(10), voted_for: None });
        assert_eq!(full().after(&later), Footing { current_term: Term(10), voted_for: None, ..full() });
    }

    #[test]
    fn entries_change_the_end_and_nothing_else() {
        assert_eq!(full().after(&append(30, &[8, 9])), Footing { last: id(9, 32), ..full() });
    }

    #[test]
    fn a_compaction_changes_the_beginning_and_nothing_else() {
        let (named, base) = (snapshot(id(8, 35)), id(7, 30));
        let compaction = of(&Record::Compact { snapshot: named, base });
        assert_eq!(full().after(&compaction), Footing { snapshot: Some(named), base, ..full() });
    }

    #[test]
    fn an_installation_is_all_there_is() {
        let named = snapshot(id(9, 99));
        let expected = Footing { snapshot: Some(named), base: named.last, last: named.last, ..full() };
        assert_eq!(full().after(&of(&Record::Install { snapshot: named })), expected);
    }

    #[test]
    fn where_the_log_was_cut_and_nothing_came_recovery_cannot_begin() {
        assert!(full().can_begin());
        assert!(!full().after(&append(20, &[])).can_begin(), "nobody has said the term of entry 20");
        assert!(full().after(&append(20, &[8])).can_begin());
        assert!(full().after(&append(0, &[])).can_begin(), "nothing stands before the first entry");
    }

    #[test]
    fn an_end_of_an_unknown_term_is_compared_by_its_index() {
        let found = Footing { last: id(5, 20), ..full() };
        let cut = full().after(&append(20, &[]));
        assert!(cut.is(&found));
        assert!(!cut.is(&Footing { last: id(5, 21), ..found }));
        assert!(!full().is(&Footing { last: id(7, 40), ..full() }), "where it is known it counts");
    }

    #[test]
    fn each_field_is_compared() {
        let others = [
            Footing { current_term: Term(8), ..full() },
            Footing { voted_for: None, ..full() },
            Footing { snapshot: None, ..full() },
            Footing { base: id(3, 11), ..full() },
            Footing { last: id(8, 41), ..full() },
        ];
        assert!(full().is(&full()));
        assert!(others.iter().all(|other| !full().is(other)));
    }

    /// Whatever waits together: what all of it changes is what one after the other does.
    #[test]
    fn records_together_change_what_they_change_one_after_the_other() {
        let records: [Record<Vec<Entry<u64>>>; 5] = [
            Record::TermAndVote { current_term: Term(10), voted_for: NodeId::new(2) },
            Record::Append {
                after: Index(40),
                entries: vec![Entry { term: Term(10), payload: Payload::Noop }],
            },
            Record::Append { after: Index(30), entries: vec![] },
            Record::Compact { snapshot: snapshot(id(8, 30)), base: id(8, 20) },
            Record::Install { snapshot: snapshot(id(10, 50)) },
        ];
        for first in &records {
            for second in &records {
                let (mut pushed, mut merged) = (of(first), of(first));
                pushed.add(second);
                merged.then(&of(second));
                assert_eq!(pushed, merged, "{first:?} {second:?}");
                let one_by_one = full().after(&of(first)).after(&of(second));
                assert_eq!(full().after(&pushed), one_by_one, "{first:?} {second:?}");
            }
        }
    }

    #[test]
    fn the_lowest_cut_counts_until_something_is_installed() {
        let cut = |changes: &[Changes]| {
            let mut all = Changes::default();
            changes.iter().for_each(|next| all.then(next));
            all.cut
        };
        let installation = of(&Record::Install { snapshot: snapshot(id(9, 50)) });
        assert_eq!(cut(&[append(30, &[1]), append(20, &[1]), append(25, &[1])]), Some(Index(20)));
        assert_eq!(cut(&[append(30, &[1]), installation, append(50, &[1])]), Some(Index(30)));
        assert_eq!(cut(&[installation, append(50, &[1])]), None);
    }
}
