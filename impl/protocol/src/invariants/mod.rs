//! The properties of Raft, once, for every user of them: the model checker, the simulator, the runtime.
//!
//! | file         | judges                                                        | at what cost                |
//! |--------------|---------------------------------------------------------------|-----------------------------|
//! | [`step`]     | one node before and after a step; compiled into every step    | O(1)                        |
//! | [`node`]     | one node                                                      | its log                     |
//! | [`cluster`]  | all nodes and their disks at one moment                       | pairs of logs               |
//! | [`clients`]  | what clients are told, with ghosts                             | their number                |
//! | [`history`]  | all nodes over time, with ghosts that the protocol never reads | the committed log          |
//!
//! Every function answers `true` when the property holds. `docs/properties.md` is the ledger: property, source, who
//! evaluates it, which mutant falls to it.

pub mod clients;
pub mod cluster;
pub mod history;
pub mod node;
pub mod step;

/// A property of Raft that was found broken.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub enum Violation {
    /// "At most one leader can be elected in a given term" (Figure 3).
    ElectionSafety,
    /// A node's votes that left it in one term were all for one candidate (§5.2).
    OneVotePerTerm,
    /// A node's term never decreases, in memory or on disk (§5.1).
    TermMonotonic,
    /// Within a term a vote, once cast, never changes, in memory or on disk (§5.2).
    VoteStable,
    /// "A leader never overwrites or deletes entries in its log" (Figure 3).
    LeaderAppendOnly,
    /// "If two logs contain an entry with the same index and term, then the logs are identical in all entries up
    /// through the given index" (Figure 3), values and entries in flight included.
    LogMatching,
    /// Terms never decrease along a log, nor exceed the node's term.
    LogShape,
    /// The commit index lies within the log.
    CommitWithinLog,
    /// What a log leaves to a snapshot is committed, and a snapshot never gives way to an older one (§7).
    CompactedCommitted,
    /// A commit index never decreases until its node restarts, and what is below it never changes.
    CommitMonotonic,
    /// A leader's commit index moves only to an entry of its own term (§5.4.2).
    CommitOnlyCurrentTerm,
    /// Whatever was ever committed is on the disks of a majority.
    CommittedOnQuorum,
    /// "If a log entry is committed in a given term, then that entry will be present in the logs of the leaders for
    /// all higher-numbered terms" (Figure 3).
    LeaderCompleteness,
    /// "If a server has applied a log entry at a given index, no other server will ever apply a different log entry
    /// for the same index" (Figure 3).
    StateMachineSafety,
    /// What a leader believes replicated on a follower is there, on its disk.
    MatchIndexValid,
    /// Whatever a message asserts is on its sender's disk when it leaves.
    PersistBeforeSend,
    /// The committed log is a log of proposals: none invented, none twice.
    Refinement,
    /// A read sees whatever was committed before it was asked (thesis §6.4).
    LinearizableReads,
    /// A client that is told what became of its proposal is told the truth.
    TrueOutcomes,
    /// Who is told to campaign has all that the leader has (thesis §3.10).
    TransferReady,
}

impl Violation {
    /// All properties, in the order of their rows in `docs/properties.md`.
    pub const ALL: [Self; 20] = [
        Self::ElectionSafety,
        Self::OneVotePerTerm,
        Self::TermMonotonic,
        Self::VoteStable,
        Self::LeaderAppendOnly,
        Self::LogMatching,
        Self::LogShape,
        Self::CommitWithinLog,
        Self::CompactedCommitted,
        Self::CommitMonotonic,
        Self::CommitOnlyCurrentTerm,
        Self::CommittedOnQuorum,
        Self::LeaderCompleteness,
        Self::StateMachineSafety,
        Self::MatchIndexValid,
        Self::PersistBeforeSend,
        Self::Refinement,
        Self::LinearizableReads,
        Self::TrueOutcomes,
        Self::TransferReady,
    ];

    /// Its name, as the checker prints it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ElectionSafety => "ElectionSafety",
            Self::OneVotePerTerm => "OneVotePerTerm",
            Self::TermMonotonic => "TermMonotonic",
            Self::VoteStable => "VoteStable",
            Self::LeaderAppendOnly => "LeaderAppendOnly",
            Self::LogMatching => "LogMatching",
            Self::LogShape => "LogShape",
            Self::CommitWithinLog => "CommitWithinLog",
            Self::CompactedCommitted => "CompactedCommitted",
            Self::CommitMonotonic => "CommitMonotonic",
            Self::CommitOnlyCurrentTerm => "CommitOnlyCurrentTerm",
            Self::CommittedOnQuorum => "CommittedOnQuorum",
            Self::LeaderCompleteness => "LeaderCompleteness",
            Self::StateMachineSafety => "StateMachineSafety",
            Self::MatchIndexValid => "MatchIndexValid",
            Self::PersistBeforeSend => "PersistBeforeSend",
            Self::Refinement => "Refinement",
            Self::LinearizableReads => "LinearizableReads",
            Self::TrueOutcomes => "TrueOutcomes",
            Self::TransferReady => "TransferReady",
        }
    }
}

impl core::fmt::Display for Violation {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.name())
    }
}
