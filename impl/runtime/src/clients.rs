//! Who waits for what: each waiting client is answered exactly once.

use crate::state_machine::{Logged, StateMachine};
use crate::world::{RequestError, Token, World};
use seaworthy_protocol::{Index, LogId, Node, NodeId, Outcome, ReadId};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// The most of each kind that wait at a node. What comes on top is refused at once.
///
/// ```
/// let limits = seaworthy::Limits { proposals: 1_000, ..Default::default() };
/// assert_eq!(limits.reads, 65_536);
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Proposals that are not applied yet.
    pub proposals: usize,
    /// Reads that are not answered yet.
    pub reads: usize,
    /// The bytes of one command. It travels in one message and is held in memory by every node.
    pub command_bytes: usize,
}

impl Default for Limits {
    /// 65,536 of each, and commands of 16 MiB.
    fn default() -> Self {
        Self { proposals: 1 << 16, reads: 1 << 16, command_bytes: 16 << 20 }
    }
}

/// The clients of one node that wait.
#[derive(Clone, Debug, Default)]
pub(crate) struct Clients {
    /// In the order of the log: only a leader has any, all of its term.
    proposals: VecDeque<(LogId, Token)>,
    reads: BTreeMap<ReadId, Reading>,
    transfers: Vec<(Token, NodeId)>,
}

#[derive(Clone, Copy, Debug)]
struct Reading {
    token: Token,
    /// What it must see; nothing while the leader has not said.
    index: Option<Index>,
    gives_up_at: Duration,
}

impl Clients {
    pub(crate) fn proposals(&self) -> usize {
        self.proposals.len()
    }

    pub(crate) fn reads(&self) -> usize {
        self.reads.len()
    }

    pub(crate) fn has_unanswered_read(&self) -> bool {
        self.reads.values().any(|reading| reading.index.is_none())
    }

    pub(crate) fn proposed(&mut self, id: LogId, token: Token) {
        self.proposals.push_back((id, token));
    }

    pub(crate) fn asked(&mut self, read: ReadId, token: Token, gives_up_at: Duration) {
        self.reads.insert(read, Reading { token, index: None, gives_up_at });
    }

    pub(crate) fn transferring(&mut self, token: Token, to: NodeId) {
        self.transfers.push((token, to));
    }

    /// An entry is committed: who waits for what was proposed at its index, and was that this entry?
    pub(crate) fn claim(&mut self, id: LogId) -> Option<(Token, bool)> {
        let (proposed, token) = self.proposals.front().copied()?;
        if proposed.index != id.index {
            return None;
        }
        self.proposals.pop_front();
        Some((token, proposed == id))
    }

    /// The leader says what reads up to this one must see.
    pub(crate) fn readable(&mut self, read: ReadId, index: Index) {
        for (_, reading) in self.reads.range_mut(..=read) {
            reading.index = reading.index.or(Some(index));
        }
    }

    /// Tells of the reads that see enough in a state, in their order.
    pub(crate) fn take_ready_reads(&mut self, applied: Index, mut tell: impl FnMut(Token)) {
        self.reads.retain(|_, reading| {
            let is_ready = reading.index.is_some_and(|index| index <= applied);
            if is_ready {
                tell(reading.token);
            }
            !is_ready
        });
    }

    /// Gives up on reads that have waited too long.
    pub(crate) fn give_up<S: StateMachine>(&mut self, now: Duration, world: &mut impl World<S>) {
        self.reads.retain(|_, reading| {
            let is_late = reading.gives_up_at <= now;
            if is_late {
                world.answer(reading.token, Err(RequestError::Unavailable));
            }
            !is_late
        });
    }

    /// Looks at the node after a turn: who leads no more cannot say what becomes of what it proposed.
    pub(crate) fn see<S: StateMachine>(&mut self, node: &Node<Logged<S>>, world: &mut impl World<S>) {
        let transfers_to = node.transfers_to();
        self.transfers.retain(|(token, to)| {
            let is_over = transfers_to != Some(*to);
            if is_over && node.is_leader() {
                world.answer(*token, Err(RequestError::TransferTimedOut));
            } else if is_over {
                world.transferred(*token);
            }
            !is_over
        });
        // All of them are of one leadership; the last is the first to be in doubt.
        while let Some((id, token)) = self.proposals.back().copied() {
            let answer = match node.outcome(id) {
                // Those that are committed are applied in this turn or the next, and answered then.
                Outcome::Pending | Outcome::Committed => break,
                Outcome::NotCommitted => RequestError::NotApplied,
                Outcome::Unknown => RequestError::Unknown,
            };
            self.proposals.pop_back();
            world.answer(token, Err(answer));
        }
    }

    /// The node stops.
    pub(crate) fn dismiss<S: StateMachine>(&mut self, world: &mut impl World<S>) {
        for (_, token) in self.proposals.drain(..) {
            world.answer(token, Err(RequestError::Unknown));
        }
        for (_, reading) in std::mem::take(&mut self.reads) {
            world.answer(reading.token, Err(RequestError::Unavailable));
        }
        for (token, _) in self.transfers.drain(..) {
            world.answer(token, Err(RequestError::TransferTimedOut));
        }
    }
}
