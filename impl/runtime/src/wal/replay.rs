//! A fold of `redo` over records, from what their first segment stands on.

use super::footing::{Changes, Footing};
use super::retention::Retention;
use crate::codec::Record;
use seaworthy_protocol::{Durable, Entry, LogId, Snapshot, Write};

/// What the records so far come to.
#[derive(Debug)]
pub(super) struct Replay<C> {
    pub(super) durable: Durable<C>,
    pub(super) retention: Retention,
    /// Entries that the log still had when the first segment began were in segments that are gone. They were compacted later, and until
    /// the record is read that says so, the log begins with the first entry of this segment.
    lacks: bool,
}

impl<C> Replay<C> {
    /// Before the first record of the first segment. Nothing, if recovery cannot begin with what that stands on.
    pub(super) fn begin(number: u64, footing: &Footing) -> Option<Self> {
        let Footing { current_term, voted_for, snapshot, base, last } = *footing;
        let whole = snapshot.filter(|snapshot| snapshot.last == last && base == last);
        let lacks = whole.is_none() && last != LogId::default();
        let mut replay = Self { durable: Durable::default(), retention: Retention::default(), lacks };
        replay.retention.begin(number, footing);
        let mut is_possible = footing.can_begin();
        is_possible &= replay.redo(Write::TermAndVote { current_term, voted_for });
        if let Some(snapshot) = whole.or_else(|| lacks.then_some(bare(last))) {
            is_possible &= replay.redo(Write::Install { snapshot });
        }
        is_possible.then_some(replay)
    }

    fn redo(&mut self, write: Write<Vec<Entry<C>>>) -> bool {
        self.durable.redo(write)
    }

    /// Another segment begins. False if it stands on something else.
    pub(super) fn go_on(&mut self, number: u64, footing: &Footing) -> bool {
        self.retention.begin(number, footing);
        let mut found = Footing::of(&self.durable);
        if self.lacks {
            (found.snapshot, found.base) = (footing.snapshot, footing.base);
        }
        footing.is(&found)
    }

    /// Replays a record. False if it contradicts what came before it.
    pub(super) fn take(&mut self, record: Record<Vec<Entry<C>>>) -> bool {
        self.retention.take(&Changes::of(&record));
        match record {
            Record::TermAndVote { current_term, voted_for } => {
                self.redo(Write::TermAndVote { current_term, voted_for })
            }
            Record::Append { after, entries } => self.redo(Write::Append { after, entries }),
            // Of entries that are not there. A later record takes the rest of them away.
            Record::Compact { base, .. } if self.lacks && base.index < self.durable.log().base().index => {
                true
            }
            Record::Compact { snapshot, base } => {
                self.lacks = false;
                self.redo(Write::Compact { snapshot, through: base.index })
                    && self.durable.log().base() == base
            }
            Record::Install { snapshot } => {
                self.lacks = false;
                self.redo(Write::Install { snapshot })
            }
        }
    }

    /// All of it, unless entries are missing that nothing stands for.
    pub(super) fn end(self) -> Option<(Durable<C>, Retention)> {
        (!self.lacks).then_some((self.durable, self.retention))
    }
}

/// A snapshot up to an entry, to stand for all before it until the real one is known. Nobody ever sees it.
const fn bare(last: LogId) -> Snapshot {
    Snapshot { last, length: 1, digest: 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use seaworthy_protocol::{Index, NodeId, Payload, Term};

    const fn id(index: u64) -> LogId {
        LogId { term: Term(1), index: Index(index) }
    }

    const fn snapshot(index: u64) -> Snapshot {
        Snapshot { last: id(index), length: 5, digest: 6 }
    }

    fn entries(after: u64, count: usize) -> Record<Vec<Entry<u64>>> {
        let entry = Entry { term: Term(1), payload: Payload::Command(7) };
        Record::Append { after: Index(after), entries: vec![entry; count] }
    }

    fn compaction(last: u64, base: u64) -> Record<Vec<Entry<u64>>> {
        Record::Compact { snapshot: snapshot(last), base: id(base) }
    }

    /// Of a log of entries 1 to 20, of which none is compacted.
    fn whole_log() -> Footing {
        let (current_term, voted_for) = (Term(3), NodeId::new(2));
        Footing { current_term, voted_for, last: id(20), ..Footing::default() }
    }

    /// What is found in the end: the last entry that was compacted, and the last.
    fn found(replay: Replay<u64>) -> Option<(u64, u64)> {
        let (durable, _) = replay.end()?;
        Some((durable.log().base().index.0, durable.log().last_index().0))
    }

    fn replayed(footing: &Footing, records: Vec<Record<Vec<Entry<u64>>>>) -> Replay<u64> {
        let mut replay = Replay::begin(5, footing).unwrap();
        for record in records {
            assert!(replay.take(record));
        }
        replay
    }

    #[test]
    fn the_first_segment_begins_with_nothing() {
        let replay = replayed(&Footing::default(), vec![entries(0, 4)]);
        assert_eq!(found(replay), Some((0, 4)));
    }

    #[test]
    fn term_and_vote_are_those_of_the_footing() {
        let (durable, _) =
            replayed(&whole_log(), vec![compaction(20, 20)]).end().expect("nothing is missing");
        assert_eq!((durable.current_term(), durable.voted_for()), (Term(3), NodeId::new(2)));
    }

    #[test]
    fn a_snapshot_of_all_that_was_there_stands_for_it() {
        let footing = Footing { snapshot: Some(snapshot(20)), base: id(20), ..whole_log() };
        assert_eq!(found(replayed(&footing, vec![entries(20, 3)])), Some((20, 23)));
    }

    #[test]
    fn entries_of_older_segments_are_missing_until_they_are_compacted() {
        assert_eq!(found(replayed(&whole_log(), vec![])), None);
        assert_eq!(found(replayed(&whole_log(), vec![entries(20, 3)])), None);
        assert_eq!(found(replayed(&whole_log(), vec![entries(20, 3), compaction(22, 19)])), None);
        let first_of_this = vec![entries(20, 3), compaction(22, 20)];
        assert_eq!(found(replayed(&whole_log(), first_of_this)), Some((20, 23)));
        let late = vec![entries(20, 3), compaction(22, 5), entries(23, 1), compaction(24, 23)];
        assert_eq!(found(replayed(&whole_log(), late)), Some((23, 24)));
    }

    #[test]
    fn an_installation_makes_up_for_what_is_missing() {
        let records = vec![entries(20, 3), Record::Install { snapshot: snapshot(40) }, entries(40, 1)];
        assert_eq!(found(replayed(&whole_log(), records)), Some((40, 41)));
    }

    #[test]
    fn a_segment_is_not_begun_with_behind_an_entry_of_an_unknown_term() {
        let cut = whole_log().after(&Changes::of(&entries(10, 0)));
        assert!(Replay::<u64>::begin(5, &cut).is_none());
    }

    #[test]
    fn entries_that_continue_nothing_are_refused() {
        let mut replay = replayed(&whole_log(), vec![]);
        assert!(!replay.take(entries(21, 1)), "behind a gap");
        assert!(!replay.take(entries(19, 1)), "in the place of what is not there");
    }

    #[test]
    fn a_compaction_that_names_another_entry_is_refused() {
        let mut replay = replayed(&Footing::default(), vec![entries(0, 9)]);
        let other = LogId { term: Term(2), index: Index(4) };
        assert!(!replay.take(Record::Compact { snapshot: snapshot(9), base: other }));
    }

    #[test]
    fn the_next_segment_stands_on_what_was_replayed() {
        let before = || replayed(&Footing::default(), vec![entries(0, 20), compaction(15, 10)]);
        let right =
            Footing { snapshot: Some(snapshot(15)), base: id(10), last: id(20), ..Footing::default() };
        assert!(before().go_on(6, &right));
        let wrong = [
            Footing { current_term: Term(1), ..right },
            Footing { voted_for: NodeId::new(1), ..right },
            Footing { snapshot: Some(snapshot(16)), ..right },
            Footing { base: id(11), ..right },
            Footing { last: id(19), ..right },
        ];
        assert!(wrong.iter().all(|footing| !before().go_on(6, footing)));
    }

    #[test]
    fn while_entries_are_missing_the_next_segment_may_begin_where_they_did() {
        let mut replay = replayed(&whole_log(), vec![entries(20, 3), compaction(22, 10)]);
        let next = Footing { snapshot: Some(snapshot(22)), base: id(10), last: id(23), ..whole_log() };
        assert!(replay.go_on(6, &next));
        assert!(!replay.go_on(7, &Footing { last: id(22), ..next }), "but it ends where the log does");
    }

    #[test]
    fn retention_is_found_again() {
        let mut replay = replayed(&Footing::default(), vec![entries(0, 20)]);
        assert!(replay.go_on(6, &Footing { last: id(20), ..Footing::default() }));
        assert!(replay.take(compaction(20, 20)));
        let (_, retention) = replay.end().expect("nothing is missing");
        assert_eq!((retention.oldest(Index(19)), retention.oldest(Index(20))), (5, 6));
    }
}
