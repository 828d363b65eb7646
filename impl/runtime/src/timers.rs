//! When a node loses patience, and when a leader speaks up.

use seaworthy_protocol::Index;
use std::time::Duration;
use thiserror::Error;

/// How patient the nodes of a cluster are.
///
/// ```
/// use seaworthy::{Timing, TimingError};
/// use std::time::Duration;
///
/// let timing = Timing::default();
/// assert_eq!(timing.heartbeat(), Duration::from_millis(50));
/// let ms = Duration::from_millis;
/// assert_eq!(Timing::new(ms(100), ms(150), ms(300)), Err(TimingError::HeartbeatTooSlow {
///     heartbeat: ms(100),
///     election_min: ms(150),
/// }));
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Timing {
    heartbeat: Duration,
    election_min: Duration,
    election_max: Duration,
}

impl Default for Timing {
    /// Heartbeats every 50 ms, elections after 150 to 300 ms of silence, as in the paper (§9.3): for a cluster in one place.
    fn default() -> Self {
        let ms = Duration::from_millis;
        Self { heartbeat: ms(50), election_min: ms(150), election_max: ms(300) }
    }
}

impl Timing {
    /// A leader sends a heartbeat every `heartbeat`; a follower that has heard none for a time between
    /// `election_min` and `election_max`, drawn afresh each time, asks to be elected.
    ///
    /// # Errors
    ///
    /// Whatever [`TimingError`] says.
    pub fn new(
        heartbeat: Duration,
        election_min: Duration,
        election_max: Duration,
    ) -> Result<Self, TimingError> {
        if heartbeat.is_zero() {
            return Err(TimingError::NoHeartbeat);
        }
        // One heartbeat may be lost, or late, without an election.
        if heartbeat.saturating_mul(2) > election_min {
            return Err(TimingError::HeartbeatTooSlow { heartbeat, election_min });
        }
        if election_max < election_min.saturating_add(election_min / 2) {
            return Err(TimingError::NothingToDraw { election_min, election_max });
        }
        Ok(Self { heartbeat, election_min, election_max })
    }

    /// How often an idle leader speaks up.
    #[must_use]
    pub const fn heartbeat(&self) -> Duration {
        self.heartbeat
    }

    /// The least that a follower waits for its leader.
    #[must_use]
    pub const fn election_min(&self) -> Duration {
        self.election_min
    }

    /// The most that a follower waits for its leader.
    #[must_use]
    pub const fn election_max(&self) -> Duration {
        self.election_max
    }
}

/// Why a timing is refused.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum TimingError {
    /// A leader that never speaks is deposed.
    #[error("the heartbeat interval must be above zero")]
    NoHeartbeat,
    /// A follower would lose patience when a single heartbeat is lost.
    #[error(
        "a heartbeat every {heartbeat:?} is too seldom: followers lose patience after {election_min:?}, so at most half of that"
    )]
    HeartbeatTooSlow {
        /// The interval of heartbeats.
        heartbeat: Duration,
        /// The least election time-out.
        election_min: Duration,
    },
    /// Nodes whose time-outs hardly differ split the vote again and again (§9.3).
    #[error(
        "election time-outs between {election_min:?} and {election_max:?} are too close together: the upper must be at least one and a half times the lower"
    )]
    NothingToDraw {
        /// The least election time-out.
        election_min: Duration,
        /// The greatest.
        election_max: Duration,
    },
}

/// The clocks of one node: moments since its world began.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Timers {
    /// When it loses patience. A leader too: then it looks whether a majority has answered.
    pub(crate) election: Duration,
    /// When it speaks up; nothing while it does not lead.
    pub(crate) heartbeat: Option<Duration>,
    /// When it asks again for reads that are not answered; nothing while none waits.
    pub(crate) reads: Option<Duration>,
    /// When it lets the disk try again what was refused for want of room; nothing while nothing is.
    pub(crate) disk: Option<Duration>,
}

impl Timers {
    /// The next moment at which there is something to do.
    pub(crate) fn next(&self) -> Duration {
        let optional = [self.heartbeat, self.reads, self.disk];
        optional.into_iter().flatten().fold(self.election, Duration::min)
    }
}

/// When a node makes a snapshot of what it has applied, and how much of the log it keeps behind it.
///
/// ```
/// let compaction = seaworthy::Compaction::default();
/// assert_eq!((compaction.every, compaction.keep), (10_000, 5_000));
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Compaction {
    /// After so many entries since the last one.
    pub every: u64,
    /// So many entries stay, for followers that are a little behind: a snapshot costs them, and the leader, more.
    pub keep: u64,
    /// So many stay in a leader's log, if a follower still lacks them and is not being sent a snapshot already. No more than `keep` costs a
    /// snapshot for whoever is slow for a moment; more costs room for a follower that is gone.
    pub keep_for_slow: u64,
}

impl Default for Compaction {
    /// Every 10,000 entries; 5,000 stay, or 20,000.
    fn default() -> Self {
        Self { every: 10_000, keep: 5_000, keep_for_slow: 20_000 }
    }
}

impl Compaction {
    /// Is it time, with so much of the log applied since its base, and since the last snapshot? That goes further than the base by
    /// what is kept, or by more.
    pub(crate) fn is_due(&self, base: Index, snapshot: Index, applied: Index) -> bool {
        let covered = base.0.saturating_add(self.keep).max(snapshot.0);
        applied.0.saturating_sub(covered) >= self.every
    }

    /// Up to where the log may go, if a snapshot covers it up to `last`, and `slowest` is as far as followers have come. One that
    /// lags too far behind is not waited for.
    pub(crate) fn through(&self, last: Index, slowest: Option<Index>) -> Index {
        let through = Index(last.0.saturating_sub(self.keep));
        let farthest = Index(last.0.saturating_sub(self.keep_for_slow));
        slowest.filter(|slowest| *slowest >= farthest).map_or(through, |slowest| through.min(slowest))
    }

    /// Has it waited too long?
    pub(crate) fn is_overdue(&self, base: Index, applied: Index) -> bool {
        applied.0.saturating_sub(base.0) >= self.every.saturating_mul(4).saturating_add(self.keep)
    }
}
