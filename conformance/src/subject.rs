//! What a scenario is run against: nodes with their disks, whoever implements them. The network, the clock and the clients are
//! the script's.

use crate::{Envelope, Write};
use seaworthy_protocol::invariants::Violation;
use seaworthy_protocol::{Answer, Chunk, Durable, Index, Node, NodeId, PeerFault, ReadId, Snapshot};

/// Nodes with their disks. A subject does nothing by itself: whatever happens, happens by [`Subject::happen`], and all that
/// leaves a node is in its answer.
pub trait Subject {
    /// Lets something happen to a node, and answers what came of it, in order. What cannot happen to it does nothing.
    fn happen(&mut self, node: NodeId, event: Event) -> Vec<Effect>;

    /// The node's memory.
    fn node(&self, node: NodeId) -> Node<u8>;

    /// What a crash could not take from it now.
    fn disk(&self, node: NodeId) -> Durable<u8>;

    /// Does its disk have something to complete or to confirm?
    fn is_disk_busy(&self, node: NodeId) -> bool;

    /// Does it have all chunks of a snapshot, to be verified and made durable?
    fn has_staged(&self, node: NodeId) -> bool;
}

/// What can happen to a node.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Event {
    /// Its election timer fires.
    ElectionTimeout,
    /// Its heartbeat timer fires.
    Heartbeat,
    /// A client proposes a command.
    Propose(u8),
    /// A batch of inputs ends: it sends what followers lack.
    Replicate,
    /// Its disk refuses writes.
    CannotWrite {
        /// Who should lead instead.
        heir: Option<NodeId>,
    },
    /// A client wants to read.
    Read(ReadId),
    /// It is to hand the leadership over.
    Transfer {
        /// To whom.
        to: NodeId,
    },
    /// Its driver has made a snapshot of what it has applied.
    Compact {
        /// The snapshot.
        snapshot: Snapshot,
        /// The last index that goes.
        through: Index,
    },
    /// Its driver has verified a snapshot of which all chunks have arrived, and made it durable.
    SnapshotStaged {
        /// On the way to the disk, bytes were damaged.
        is_damaged: bool,
    },
    /// A message arrives.
    Deliver(Envelope),
    /// Its disk completes the writes of the oldest step that wait, and the messages that waited for them leave.
    DiskCompletes,
    /// It hears of all that its disk has completed.
    DiskConfirms,
    /// It loses its memory, and of the writes that wait all but the first few, and wakes up.
    Crash {
        /// How many of the waiting writes the disk kept.
        kept: usize,
    },
}

/// What comes of an event.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Effect {
    /// A write waits for the disk.
    Waits(Write),
    /// A message waits for the disk.
    Holds(Envelope),
    /// A chunk of a snapshot is kept. With the last of them the snapshot waits to be made durable.
    Stages(Chunk),
    /// The chunks of a snapshot are not those that were announced, though every message is one that was sent; or the snapshot is
    /// installed though it is damaged.
    Spoils(Snapshot),
    /// A message leaves.
    Sends(Envelope),
    /// A client is answered.
    Answers(Answer),
    /// The election timer starts afresh.
    ResetsTimer,
    /// A peer is blamed for a message.
    Blames(PeerFault),
    /// An invariant is broken: nothing leaves, and the node has stopped.
    Stops(Violation),
}
