//! The segments that are there, and with which of them recovery could begin.
//!
//! It can begin with a segment if everything that the log still needs was written to it or to later ones. What a segment stands on says up
//! to where the log went when it began ([`Footing`]): once all of that is compacted, and as long as nothing since was put in the place of
//! an entry before it, nobody needs the segments before it.

use super::footing::{Changes, Footing};
use seaworthy_protocol::Index;
use std::collections::VecDeque;

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

impl Retention {
    /// A segment begins.
    pub(super) fn begin(&mut self, number: u64, footing: &Footing) {
        let needs = footing.can_begin().then_some(footing.last.index);
        self.links.push_back(Link { number, needs });
    }

    /// Something was written to the last segment.
    pub(super) fn take(&mut self, changes: &Changes) {
        for Link { needs, .. } in &mut self.links {
            // Entries that follow the cut were compared with what stood there, which only the segments before hold.
            *needs = needs.filter(|needed| changes.cut.is_none_or(|cut| cut >= *needed));
            if changes.is_installed {
                *needs = needs.map(|_| Index(0));
            }
        }
    }

    /// With which segment recovery is to begin, if the log begins behind this index: all before it may go.
    pub(super) fn oldest(&self, base: Index) -> u64 {
        let can_begin = |link: &&Link| link.needs.is_some_and(|needed| needed <= base);
        let begin = self.links.iter().rev().find(can_begin).or_else(|| self.links.front());
        begin.map_or(1, |link| link.number)
    }

    /// Forgets those before a segment, and answers their numbers.
    pub(super) fn drop_before(&mut self, oldest: u64) -> Vec<u64> {
        let count = self.links.partition_point(|link| link.number < oldest);
        self.links.drain(..count).map(|link| link.number).collect()
    }
}
