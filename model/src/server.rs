//! One node with its disk and its past, and what can happen to it.

use crate::disk::Disk;
use crate::interned::Interned;
use crate::network::Packet;
use crate::symmetry::{Permutation, Rename};
use seaworthy_protocol::invariants::Violation;
use seaworthy_protocol::invariants::history::NodeHistory;
use seaworthy_protocol::{Answer, Durable, Index, Node, NodeId, PeerFault, Snapshot, Term};
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

/// A node, its disk, and what the properties remember of it.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub struct Server {
    /// The shipped node.
    pub node: Node<u8>,
    /// Its disk.
    pub disk: Disk,
    /// Ghost. Multiplies the states of `three` by 1.08 (docs/model.md).
    pub history: NodeHistory,
}

/// What can happen to one server.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Event {
    /// Its election timer fires.
    ElectionTimeout,
    /// Its heartbeat timer fires.
    HeartbeatTimeout,
    /// A client proposes a value.
    Propose(u8),
    /// It sends what followers lack.
    Replicate,
    /// Its disk refuses writes.
    CannotWrite {
        /// Who should lead instead.
        heir: Option<NodeId>,
    },
    /// A client asks it for a read. The k-th read has the id k.
    Read(u8),
    /// It is to hand the leadership over.
    Transfer(NodeId),
    /// Its driver has made a snapshot of what it has applied. The k-th of a run has the digest k: no two have the same bytes.
    Compact {
        /// The snapshot.
        snapshot: Snapshot,
        /// The last index that the log need not keep.
        through: Index,
    },
    /// Its driver has verified what was staged of a snapshot and made it durable. Takes a while with every kind of disk: a snapshot
    /// is large.
    Stage {
        /// It is what was announced.
        is_intact: bool,
    },
    /// A message is delivered to it.
    Deliver(Interned<Packet>),
    /// Its disk completes the oldest batch, and the messages that waited for it leave.
    Complete,
    /// It hears of all that its disk has completed. Anything may have happened since, answers to those messages too; and if
    /// more was completed meanwhile, the acks have merged.
    Confirm,
    /// It crashes and restarts with the first waiting writes kept. A node that is down takes no step, and so does one that
    /// is merely slow: a separate restart would add states, not behaviour.
    Crash {
        /// How many of the waiting writes the disk kept.
        kept: u8,
    },
}

/// What comes of an event at one server.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The server afterwards.
    pub server: Interned<Server>,
    /// The messages that left it.
    pub sent: SmallVec<[Interned<Packet>; 2]>,
    /// A property that the step broke.
    pub violation: Option<Violation>,
    /// The protocol itself reported that violation: nothing left, and the node has stopped.
    pub stopped: bool,
    /// A peer that was blamed.
    pub fault: Option<PeerFault>,
    /// The election timer starts afresh.
    pub resets_election_timer: bool,
    /// What clients were told.
    pub answers: SmallVec<[Answer; 1]>,
    /// A snapshot was staged whose chunks are not all of one source, or installed though it is damaged.
    pub spoils_snapshot: bool,
}

impl Server {
    /// A new node with an empty disk.
    #[must_use]
    pub fn new(id: NodeId) -> Self {
        let node = Node::restart(id, Durable::default());
        Self { node, disk: Disk::default(), history: NodeHistory::default() }
    }

    /// What is on its disk.
    #[must_use]
    pub const fn durable(&self) -> &Durable<u8> {
        &self.disk.durable
    }

    /// The term on its disk: no crash takes it back.
    #[must_use]
    pub const fn term_on_disk(&self) -> Term {
        self.durable().current_term()
    }
}

impl Rename for Server {
    fn renamed(&self, permutation: &Permutation) -> Self {
        Self {
            node: self.node.renamed(permutation.nodes(), |id| permutation.image(id)),
            disk: self.disk.renamed(permutation),
            history: self.history.renamed(|id| permutation.image(id)),
        }
    }
}
