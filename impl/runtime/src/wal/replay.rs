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
