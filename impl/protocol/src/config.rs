//! What a cluster agrees on before its first step.

use crate::progress::Window;
use crate::types::{NodeId, NodeSet};
use core::num::{NonZeroU64, NonZeroUsize};

/// The configuration of a cluster, given to every step. Validated once, here.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Config {
    voters: NodeSet,
    max_entries_per_append: NonZeroUsize,
    pre_vote: bool,
    check_quorum: bool,
    window: Option<Window>,
    max_bytes_per_chunk: NonZeroU64,
}

/// 1024 entries and 4 MiB: more than a follower across a continent takes in while an answer travels.
const WINDOW: Window = match (NonZeroUsize::new(1024), NonZeroUsize::new(4 << 20)) {
    (Some(entries), Some(bytes)) => Window { entries, bytes },
    (None, _) | (_, None) => Window { entries: NonZeroUsize::MIN, bytes: NonZeroUsize::MIN },
};

/// 1 MiB.
const MAX_BYTES_PER_CHUNK: NonZeroU64 = match NonZeroU64::new(1 << 20) {
    Some(bytes) => bytes,
    None => NonZeroU64::MIN,
};

impl Config {
    /// A cluster of these voters, with pre-vote and check-quorum, a window of 1024 entries and 4 MiB on their way to each follower,
    /// no other limit on the entries of one message, and snapshots in chunks of 1 MiB.
    ///
    /// ```
    /// # use seaworthy_protocol::{Config, ConfigError, NodeSet};
    /// assert!(Config::new(NodeSet::first(3)).is_ok());
    /// assert_eq!(Config::new(NodeSet::default()), Err(ConfigError::NoVoters));
    /// ```
    ///
    /// # Errors
    ///
    /// [`ConfigError::NoVoters`] for an empty set: nobody could ever lead.
    pub const fn new(voters: NodeSet) -> Result<Self, ConfigError> {
        if voters.is_empty() {
            return Err(ConfigError::NoVoters);
        }
        Ok(Self {
            voters,
            max_entries_per_append: NonZeroUsize::MAX,
            pre_vote: true,
            check_quorum: true,
            window: Some(WINDOW),
            max_bytes_per_chunk: MAX_BYTES_PER_CHUNK,
        })
    }

    /// Limits how many entries one AppendEntries carries.
    #[must_use]
    pub const fn with_max_entries_per_append(self, max_entries_per_append: NonZeroUsize) -> Self {
        Self { max_entries_per_append, ..self }
    }

    /// Before a node begins a term, does it ask whether it would be elected (thesis §9.6)? On by default. Without it a node
    /// that was cut off returns with a term that grew meanwhile, and deposes the leader.
    #[must_use]
    pub const fn with_pre_vote(self, pre_vote: bool) -> Self {
        Self { pre_vote, ..self }
    }

    /// Does a leader step down that has heard no majority for an election time-out (thesis §6.2)? On by default. Without it a
    /// leader that cannot commit leads on, and its heartbeats silence those who could elect a better one.
    #[must_use]
    pub const fn with_check_quorum(self, check_quorum: bool) -> Self {
        Self { check_quorum, ..self }
    }

    /// How far does a leader run ahead of a follower's answers? Within this window it keeps account of what is on its way, sends
    /// nothing twice unless it was lost, and does not wait for one answer before it sends the next entries. Without a window it
    /// keeps no account, and a follower gets all that it has not acknowledged again at each
    /// [`Replicate`](crate::Input::Replicate).
    #[must_use]
    pub const fn with_window(self, window: Option<Window>) -> Self {
        Self { window, ..self }
    }

    /// How much of a snapshot does one message carry?
    #[must_use]
    pub const fn with_max_bytes_per_chunk(self, max_bytes_per_chunk: NonZeroU64) -> Self {
        Self { max_bytes_per_chunk, ..self }
    }

    /// The nodes that vote and count for commitment: 1 to 64 of them.
    #[must_use]
    pub const fn voters(&self) -> NodeSet {
        self.voters
    }

    /// The most entries that one AppendEntries carries.
    #[must_use]
    pub const fn max_entries_per_append(&self) -> usize {
        self.max_entries_per_append.get()
    }

    /// Does a node ask before it begins a term?
    #[must_use]
    pub const fn pre_vote(&self) -> bool {
        self.pre_vote
    }

    /// Does a leader step down that has heard no majority?
    #[must_use]
    pub const fn check_quorum(&self) -> bool {
        self.check_quorum
    }

    /// How far does a leader run ahead of a follower's answers?
    #[must_use]
    pub const fn window(&self) -> Option<Window> {
        self.window
    }

    /// The most bytes of a snapshot that one message carries.
    #[must_use]
    pub const fn max_bytes_per_chunk(&self) -> u64 {
        self.max_bytes_per_chunk.get()
    }

    /// The other voters.
    pub(crate) const fn peers_of(&self, id: NodeId) -> NodeSet {
        self.voters.without(id)
    }
}

/// Why a configuration is refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ConfigError {
    /// A cluster needs at least one voter.
    NoVoters,
}

impl core::fmt::Display for ConfigError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::NoVoters => write!(f, "a cluster needs at least one voter"),
        }
    }
}

impl core::error::Error for ConfigError {}
