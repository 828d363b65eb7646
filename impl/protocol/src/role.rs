//! What a server is at the moment (Figure 4), with the data that only that role has and that dies with it.

use crate::progress::Progress;
use crate::reads::Reads;
use crate::types::{NodeId, NodeMap, NodeSet};

/// A role.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub enum Role {
    /// Passive: answers requests (§5.1).
    Follower {
        /// The leader of the current term, once heard from.
        leader: Option<NodeId>,
    },
    /// Asks whether it would be elected in the next term (thesis §9.6).
    PreCandidate {
        /// Who said yes, itself included.
        votes_granted: NodeSet,
    },
    /// Wants to become leader of the current term (§5.2).
    Candidate {
        /// Who voted for it. Itself too, but only once that vote is durable.
        votes_granted: NodeSet,
    },
    /// Handles all proposals (§5.3).
    Leader {
        /// What it knows of each other voter's log.
        progress: NodeMap<Progress>,
        /// Who has answered since the last look; nobody unless the cluster checks for a quorum (thesis §6.2).
        heard: NodeSet,
        /// The reads that wait for it to prove that it leads.
        reads: Reads,
        /// To whom it hands the leadership over, accepting no proposals meanwhile.
        transfer: Option<NodeId>,
    },
}

impl Role {
    /// The same role in a cluster whose nodes bear other names.
    pub(crate) fn renamed(&self, nodes: NodeSet, name: impl Fn(NodeId) -> NodeId) -> Self {
        let renamed = |set: NodeSet| set.iter().map(&name).collect();
        match self {
            Self::Follower { leader } => Self::Follower { leader: leader.map(&name) },
            Self::PreCandidate { votes_granted } => {
                Self::PreCandidate { votes_granted: renamed(*votes_granted) }
            }
            Self::Candidate { votes_granted } => Self::Candidate { votes_granted: renamed(*votes_granted) },
            Self::Leader { progress, heard, reads, transfer } => Self::Leader {
                progress: progress.renamed(nodes, &name),
                heard: renamed(*heard),
                reads: reads.renamed(nodes, &name),
                transfer: transfer.map(&name),
            },
        }
    }
}
