//! How a node behaves, and how it is.

use crate::clients::Limits;
use crate::timers::{Compaction, Timing};
use seaworthy_protocol::{Config, Index, LogId, NodeId, Term};
use std::time::Duration;

/// How a node behaves. All nodes of a cluster have the same.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// What the protocol is told.
    pub config: Config,
    /// How patient it is.
    pub timing: Timing,
    /// When it makes snapshots.
    pub compaction: Compaction,
    /// How much waits at it.
    pub limits: Limits,
    /// How long a read looks for a leader before it fails.
    pub read_timeout: Duration,
}

impl Settings {
    /// The defaults, for a cluster of these voters.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let (timing, compaction, limits) = (Timing::default(), Compaction::default(), Limits::default());
        Self { config, timing, compaction, limits, read_timeout: Duration::from_secs(1) }
    }
}

/// What can be told of a node at a glance.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Status {
    /// Which node.
    pub id: NodeId,
    /// Its term.
    pub term: Term,
    /// The leader of that term, as far as it knows.
    pub leader: Option<NodeId>,
    /// The last entry of its log.
    pub last: LogId,
    /// The last entry known to be committed.
    pub committed: Index,
    /// The last entry that its state machine has applied.
    pub applied: Index,
    /// The last entry that compaction took away.
    pub base: Index,
}
