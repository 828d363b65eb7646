//! What a leader knows of a follower's log (Figure 2, "Volatile state on leaders"), and how far it runs ahead of what it knows.
//!
//! A follower is probed, fed or given a snapshot:
//!
//! | pace        | a message carries          | the next goes                                | ends with                         |
//! |-------------|----------------------------|----------------------------------------------|-----------------------------------|
//! | `Probe`     | no entry, only a question  | when the last is answered, or at a heartbeat | `Matched`: then it is fed         |
//! | `Replicate` | the next entries           | at once, within the [`Window`]               | `Conflict`: then it is probed     |
//! | `Snapshot`  | a chunk of the snapshot    | when the last is answered; a heartbeat asks how much has arrived | `Matched` with the snapshot's end |
//!
//! Of several messages on their way one may be lost, and each that follows is refused. The first refusal ends the feeding, and those that
//! come before the follower has answered the question say nothing new: what was lost is sent again once.
//!
//! Without a window the leader keeps no account of what it sent: a follower gets the same again at each `Replicate`, until it
//! answers.

use crate::types::Index;
use core::num::NonZeroUsize;

/// What a leader knows of a follower's log.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct Progress {
    /// The highest index known to be replicated there. Only grows.
    pub match_index: Index,
    /// The next entry to send: above `match_index`, at most one above the leader's last entry.
    pub next_index: Index,
    /// What is sent to it.
    pub pace: Pace,
}

/// What a follower is sent.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub enum Pace {
    /// Where the logs meet is a guess, just before `next_index`.
    Probe {
        /// A question is on its way.
        asked: bool,
    },
    /// The logs meet at `match_index`; what lies between it and `next_index` is on its way.
    Replicate {
        /// How much that weighs.
        bytes_in_flight: usize,
    },
    /// It lacks entries that the leader has compacted (§7): `next_index` is just above `match_index`.
    Snapshot {
        /// How much of the leader's snapshot it has.
        offset: u64,
        /// A chunk is on its way.
        asked: bool,
    },
}

/// How far a leader runs ahead of a follower's answers. One entry may always be on its way, whatever it weighs.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Window {
    /// The most entries on their way to one follower.
    pub entries: NonZeroUsize,
    /// The most bytes of entries on their way to one follower, as [`Sink::weight`](crate::Sink::weight) weighs them.
    pub bytes: NonZeroUsize,
}

impl Progress {
    /// Of a follower about which a new leader, whose log ends at `last_index`, knows nothing. In the beginning all logs meet.
    pub(crate) fn unknown(last_index: Index) -> Self {
        let pace = if last_index == Index(0) { Pace::FED } else { Pace::ASKING };
        Self { match_index: Index(0), next_index: last_index.plus(1), pace }
    }

    /// Does the follower's log reach so far, and is that news? An old answer never takes anything back.
    pub(crate) fn is_news(&self, index: Index) -> bool {
        let is_asked_for = match self.pace {
            Pace::Probe { .. } => index == self.next_index.previous(),
            Pace::Replicate { .. } | Pace::Snapshot { .. } => false,
        };
        index > self.match_index || (is_asked_for && index == self.match_index)
    }

    /// How many entries are on their way.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        let last_sent = self.next_index.previous().0;
        usize::try_from(last_sent.saturating_sub(self.match_index.0)).unwrap_or(usize::MAX)
    }

    /// A question or some entries are on their way.
    pub(crate) fn sent(&mut self, entries: usize, bytes: usize) {
        match &mut self.pace {
            Pace::Probe { asked } | Pace::Snapshot { asked, .. } => *asked = true,
            Pace::Replicate { bytes_in_flight } => {
                *bytes_in_flight = bytes_in_flight.saturating_add(bytes);
                self.next_index = self.next_index.plus(entries);
            }
        }
    }

    /// The follower holds everything up to an index, and `bytes` of what was on its way have arrived.
    pub(crate) fn matched(&mut self, index: Index, base: Index, bytes: usize) {
        self.match_index = index;
        match &mut self.pace {
            Pace::Probe { .. } => self.feed(),
            // What it still lacks was compacted.
            Pace::Snapshot { .. } if index < base => self.next_index = index.plus(1),
            Pace::Snapshot { .. } => self.feed(),
            Pace::Replicate { bytes_in_flight } => {
                *bytes_in_flight = bytes_in_flight.saturating_sub(bytes);
                self.next_index = self.next_index.max(index.plus(1));
            }
        }
    }

    /// The logs may meet at an index, and nowhere above.
    pub(crate) fn back_up_to(&mut self, index: Index) {
        let is_known = index <= self.match_index;
        match self.pace {
            Pace::Probe { .. } if is_known => self.feed(),
            Pace::Probe { .. } | Pace::Replicate { .. } | Pace::Snapshot { .. } => {
                self.next_index = index.max(self.match_index).plus(1);
                self.pace = Pace::ASKING;
            }
        }
    }

    /// From what it is known to hold, onwards.
    fn feed(&mut self) {
        self.next_index = self.match_index.plus(1);
        self.pace = Pace::FED;
    }

    /// It lacks what only a snapshot can bring.
    pub(crate) fn needs_snapshot(&mut self) {
        self.next_index = self.match_index.plus(1);
        self.pace = Pace::Snapshot { offset: 0, asked: false };
    }
}

impl Pace {
    const ASKING: Self = Self::Probe { asked: false };
    const FED: Self = Self::Replicate { bytes_in_flight: 0 };
}
