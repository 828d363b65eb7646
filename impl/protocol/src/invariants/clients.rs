//! What clients are told and owed: ghosts of proposals and reads, kept beside the nodes.

use super::history::Commitment;
use crate::effects::Answer;
use crate::log::Payload;
use crate::node::Node;
use crate::outcome::Outcome;
use crate::reads::ReadId;
use crate::types::{Index, LogId, NodeId};
use alloc::vec::Vec;

/// The clients of a cluster whose commands are all different.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Clients<C> {
    proposals: Vec<Proposal<C>>,
    /// Commands whose clients were told that they will never be committed.
    disowned: Vec<C>,
    reads: Vec<Read>,
}

/// A proposal whose client waits.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
struct Proposal<C> {
    node: NodeId,
    id: LogId,
    command: C,
}

/// A read whose client waits.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
struct Read {
    node: NodeId,
    read: ReadId,
    /// How much was committed, by anyone, when it was asked. A client could have been told of all that.
    must_see: Index,
}

impl<C> Default for Clients<C> {
    fn default() -> Self {
        Self { proposals: Vec::new(), disowned: Vec::new(), reads: Vec::new() }
    }
}

impl<C: Copy + Ord> Clients<C> {
    /// A client proposes a command, and gets an answer.
    pub fn see_proposal(&mut self, node: NodeId, command: C, answer: Answer) {
        match answer {
            Answer::Appended(id) => self.proposals.push(Proposal { node, id, command }),
            Answer::NotLeader { .. } | Answer::Transferring { .. } => disown(&mut self.disowned, command),
            Answer::CannotTransfer { .. } | Answer::Readable { .. } | Answer::CannotRead { .. } => {}
        }
    }

    /// A client asks a node for a read.
    pub fn see_read(&mut self, node: NodeId, read: ReadId, committed: &[Commitment<C>]) {
        self.reads.push(Read { node, read, must_see: Index(committed.len() as u64) });
    }

    /// A node has answered something else than a proposal. False if a read would miss what was committed when it was asked:
    /// [`LinearizableReads`](super::Violation::LinearizableReads).
    pub fn see_answer(&mut self, node: NodeId, answer: Answer) -> bool {
        match answer {
            Answer::Readable { read, index } => {
                let is_answered = |waiting: &Read| waiting.node == node && waiting.read <= read;
                let sees =
                    self.reads.iter().filter(|read| is_answered(read)).all(|read| read.must_see <= index);
                self.reads.retain(|read| !is_answered(read));
                sees
            }
            Answer::CannotRead { read } => {
                self.reads.retain(|waiting| waiting.node != node || waiting.read != read);
                true
            }
            Answer::Appended(_)
            | Answer::NotLeader { .. }
            | Answer::Transferring { .. }
            | Answer::CannotTransfer { .. } => true,
        }
    }

    /// Does anyone wait for an answer to this read?
    #[must_use]
    pub fn awaits(&self, node: NodeId, read: ReadId) -> bool {
        self.reads.iter().any(|waiting| waiting.node == node && waiting.read <= read)
    }

    /// Tells clients what became of their proposals at a node, as it is after a step. Those who cannot be told wait on. False if one is told something false of the
    /// past: [`TrueOutcomes`](super::Violation::TrueOutcomes).
    pub fn see_step(&mut self, node: &Node<C>, committed: &[Commitment<C>]) -> bool {
        let mut is_true = true;
        let disowned = &mut self.disowned;
        self.proposals.retain(|Proposal { node: at, id, command }| {
            if *at != node.id() {
                return true;
            }
            match node.outcome(*id) {
                Outcome::Pending | Outcome::Unknown => return true,
                Outcome::Committed => is_true &= is_committed(*id, *command, committed),
                Outcome::NotCommitted => disown(disowned, *command),
            }
            false
        });
        is_true
    }

    /// A node has crashed: its clients learn nothing more from it.
    pub fn see_crash(&mut self, node: NodeId) {
        self.proposals.retain(|proposal| proposal.node != node);
        self.reads.retain(|read| read.node != node);
    }

    /// [`TrueOutcomes`](super::Violation::TrueOutcomes): nothing is ever committed of what a client was told would never be.
    #[must_use]
    pub fn told_truly(&self, committed: &[Commitment<C>]) -> bool {
        let is_disowned = |payload: Payload<C>| match payload {
            Payload::Noop => false,
            Payload::Command(command) => self.disowned.contains(&command),
        };
        !committed.iter().any(|commitment| is_disowned(commitment.entry.payload))
    }

    /// The same clients in a cluster whose nodes bear other names.
    #[must_use]
    pub fn renamed(&self, name: impl Fn(NodeId) -> NodeId) -> Self {
        let Self { proposals, disowned, reads } = self;
        let proposal = |proposal: &Proposal<C>| Proposal { node: name(proposal.node), ..*proposal };
        let read = |read: &Read| Read { node: name(read.node), ..*read };
        Self {
            proposals: proposals.iter().map(proposal).collect(),
            disowned: disowned.clone(),
            reads: reads.iter().map(read).collect(),
        }
    }
}

fn is_committed<C: Copy + Eq>(id: LogId, command: C, committed: &[Commitment<C>]) -> bool {
    let position = usize::try_from(id.index.0.saturating_sub(1)).unwrap_or(usize::MAX);
    committed.get(position).is_some_and(|commitment| {
        commitment.entry.term == id.term && commitment.entry.payload == Payload::Command(command)
    })
}

/// In order of the commands, not of the telling, which nobody remembers.
fn disown<C: Ord>(disowned: &mut Vec<C>, command: C) {
    if let Err(position) = disowned.binary_search(&command) {
        disowned.insert(position, command);
    }
}
