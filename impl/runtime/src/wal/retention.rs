//! The segments that are there, and with which of them recovery could begin.
//!
//! It can begin with a segment if everything that the log still needs was written to it or to later ones. What a segment stands on says up
//! to where the log went when it began ([`Footing`]): once all of that is compacted, and as long as nothing since was put in the place of
//! an entry before it, nobody needs the segments before it.

use super::footing::{Changes, Footing};
use seaworthy_protocol::Index;
use std::collections::VecDeque;

/// So many segments that nobody needs stay behind the one that goes. A compaction may free several at once, and the space of each that
/// goes unused is made anew of zeros, twice the work for every byte of the log; each that stays is read by recovery.
const WAITING: u64 = 2;

/// Segments, oldest first, none missing.
#[derive(Clone, Debug, Default)]
pub(super) struct Retention {
    links: VecDeque<Link>,
}

#[derive(Clone, Copy, Debug)]
struct Link {
    number: u64,
    /// Up to where the segments before it are needed, until that is compacted; nothing if they always are.
    needs: Option<Index>,
}

impl Link {
    fn can_begin(&self, base: Index) -> bool {
        self.needs.is_some_and(|needed| needed <= base)
    }
}

impl Retention {
    /// A segment begins.
    pub(super) fn begin(&mut self, number: u64, footing: &Footing) {
        let needs = footing.can_begin().then_some(footing.last.index);
        self.links.push_back(Link { number, needs });
    }

    /// Something was written to the last segment.
    pub(super) fn take(&mut self, changes: &Changes) {
        for Link { needs, .. } in &mut self.links {
            // Recovery would begin with a log that begins behind the cut, and have nothing for these entries to follow.
            *needs = needs.filter(|needed| changes.cut.is_none_or(|cut| cut >= *needed));
            if changes.is_installed {
                *needs = needs.map(|_| Index(0));
            }
        }
    }

    /// With which segment recovery is to begin from now on, if the log begins behind this index. One goes at a time, to be used again at
    /// once, and as many more as would leave too many waiting.
    pub(super) fn oldest(&self, base: Index) -> u64 {
        let needed = self.needed(base);
        let worth = needed.saturating_sub(WAITING);
        let begins = |link: &&Link| link.number >= worth && link.can_begin(base);
        self.links.iter().skip(1).find(begins).map_or(needed, |link| link.number)
    }

    /// The last segment with which recovery can begin: nobody needs those before it.
    fn needed(&self, base: Index) -> u64 {
        let begins = self.links.iter().rev().find(|link| link.can_begin(base));
        begins.or_else(|| self.links.front()).map_or(1, |link| link.number)
    }

    /// Forgets those before a segment, and answers their numbers.
    pub(super) fn drop_before(&mut self, oldest: u64) -> Vec<u64> {
        let count = self.links.partition_point(|link| link.number < oldest);
        self.links.drain(..count).map(|link| link.number).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Record;
    use seaworthy_protocol::{Entry, LogId, Payload, Snapshot, Term};

    const fn id(index: u64) -> LogId {
        LogId { term: Term(1), index: Index(index) }
    }

    fn footing(last: u64) -> Footing {
        Footing { last: id(last), ..Footing::default() }
    }

    /// What an entry changes that is put behind this index.
    fn entry_after(index: u64) -> Changes {
        let entry = Entry { term: Term(2), payload: Payload::Command(7_u64) };
        Changes::of(&Record::Append { after: Index(index), entries: &[entry][..] })
    }

    fn installation(index: u64) -> Changes {
        let snapshot = Snapshot { last: id(index), length: 1, digest: 0 };
        Changes::of::<u64, Vec<Entry<u64>>>(&Record::Install { snapshot })
    }

    /// Segments 1 to 3: the second began behind entry 10, the third behind entry 20.
    fn three() -> Retention {
        let mut retention = Retention::default();
        for (number, last) in [(1, 0), (2, 10), (3, 20)] {
            retention.begin(number, &footing(last));
        }
        retention
    }

    #[test]
    fn without_a_segment_the_first_is_the_oldest() {
        assert_eq!(Retention::default().oldest(Index(7)), 1);
    }

    #[test]
    fn recovery_begins_with_the_last_segment_before_which_all_is_compacted() {
        let retention = three();
        let needed = [0, 9, 10, 19, 20, 30].map(|base| retention.needed(Index(base)));
        assert_eq!(needed, [1, 1, 2, 2, 3, 3]);
    }

    #[test]
    fn what_becomes_free_at_once_is_given_away_one_by_one() {
        let mut retention = three();
        retention.begin(4, &footing(30));
        assert_eq!(retention.oldest(Index(0)), 1, "all are needed");
        assert_eq!(retention.oldest(Index(30)), 2, "two wait");
        retention.drop_before(2);
        assert_eq!(retention.oldest(Index(30)), 3);
        retention.drop_before(3);
        assert_eq!(retention.oldest(Index(30)), 4);
        retention.drop_before(4);
        assert_eq!(retention.oldest(Index(30)), 4, "the last stays");
    }

    #[test]
    fn no_more_than_a_few_wait() {
        let mut retention = three();
        (4..=9).for_each(|number| retention.begin(number, &footing(10 * (number - 1))));
        assert_eq!(retention.oldest(Index(80)), 7);
    }

    #[test]
    fn what_waits_is_what_recovery_can_begin_with() {
        let mut retention = three();
        retention.begin(4, &footing(30));
        // The second and the third begin behind an entry that went.
        retention.take(&entry_after(5));
        retention.begin(5, &footing(40));
        assert_eq!(retention.oldest(Index(40)), 5);
    }

    #[test]
    fn where_the_log_was_cut_below_the_beginning_of_a_segment_recovery_cannot_begin_with_it() {
        let mut retention = three();
        retention.take(&entry_after(19));
        assert_eq!(retention.needed(Index(30)), 2, "the third begins behind an entry that went");
        retention.take(&entry_after(9));
        assert_eq!(retention.needed(Index(30)), 1, "and the second");
    }

    #[test]
    fn what_follows_the_last_entry_before_a_segment_cuts_nothing() {
        let mut retention = three();
        retention.take(&entry_after(20));
        assert_eq!(retention.needed(Index(20)), 3);
    }

    #[test]
    fn an_installation_frees_all_segments_before_the_last() {
        let mut retention = three();
        retention.take(&installation(15));
        assert_eq!(retention.needed(Index(15)), 3, "though the log has not come to entry 20 again");
        assert_eq!(retention.drop_before(3), [1, 2]);
    }

    #[test]
    fn an_installation_does_not_mend_a_segment_that_begins_with_a_cut() {
        let mut retention = three();
        let mut batch = entry_after(15);
        batch.then(&installation(30));
        retention.take(&batch);
        assert_eq!(retention.needed(Index(30)), 2);
    }

    #[test]
    fn what_is_cut_after_an_installation_was_not_there_before_it() {
        let mut retention = three();
        let mut batch = installation(15);
        batch.then(&entry_after(15));
        retention.take(&batch);
        assert_eq!(retention.needed(Index(15)), 3);
    }

    #[test]
    fn recovery_cannot_begin_where_the_term_of_the_last_entry_is_unknown() {
        let mut retention = three();
        let cut = Changes::of::<u64, Vec<Entry<u64>>>(&Record::Append { after: Index(25), entries: vec![] });
        retention.begin(4, &footing(30).after(&cut));
        assert_eq!(retention.needed(Index(25)), 3);
    }

    #[test]
    fn what_is_dropped_is_named_once() {
        let mut retention = three();
        assert!(retention.drop_before(1).is_empty());
        assert_eq!(retention.drop_before(2), [1]);
        assert_eq!(retention.drop_before(3), [2]);
        assert_eq!(retention.needed(Index(0)), 3, "nothing older is there");
    }
}
