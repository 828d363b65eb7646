//! The shipped protocol with a driver in memory that keeps the contract of `seaworthy_protocol::effects` to the letter.
//!
//! Each node has one line in front of its disk, in which writes, the messages that must not overtake them, and
//! confirmations stand in the order in which the node handed them over. That order *is* the contract: a message leaves
//! when it is first in line, which is when every write before it is durable.

use crate::lockstep::Waits;
use crate::scenario::Setup;
use crate::subject::{Effect, Event, Subject};
use crate::{Envelope, Write};
use seaworthy_protocol::{Chunk, Config, Durable, Effects, Input, Node, NodeId, Recording, WriteAck};
use std::collections::{BTreeMap, VecDeque};

/// A cluster of shipped nodes in memory.
#[derive(Debug)]
pub struct Memory {
    config: Config,
    servers: BTreeMap<NodeId, Server>,
}

#[derive(Debug)]
struct Server {
    node: Node<u8>,
    disk: Durable<u8>,
    line: VecDeque<Waiting>,
    /// Completed, and not yet told to the node. Only the last ack counts: it covers those before it.
    unconfirmed: Option<WriteAck>,
    /// The chunks of a snapshot that have arrived, in the order of their arrival. Not durable before the last.
    staged: Vec<Chunk>,
    is_stopped: bool,
}

#[derive(Debug)]
enum Waiting {
    Write(Write),
    Message(Envelope),
    Ack(WriteAck),
}

impl Memory {
    /// The cluster of a scenario as it is before the first command.
    #[must_use]
    pub fn new(setup: &Setup) -> Self {
        let server = |id| (id, Server::waking_up(id, setup.disk(id)));
        Self { config: setup.config(), servers: setup.nodes().iter().map(server).collect() }
    }

    fn server(&self, id: NodeId) -> &Server {
        self.servers.get(&id).expect("a scenario names only nodes of its cluster")
    }
}

impl Memory {
    /// What waits for a node's disk.
    pub(crate) fn waits(&self, node: NodeId) -> Waits {
        let Server { line, unconfirmed, staged, .. } = self.server(node);
        let is_ack = |waiting: &&Waiting| matches!(waiting, Waiting::Ack(_));
        let whole = staged.last().filter(|chunk| chunk.is_last()).map(|chunk| chunk.snapshot);
        Waits { batches: line.iter().filter(is_ack).count(), is_unconfirmed: unconfirmed.is_some(), whole }
    }
}

impl Subject for Memory {
    fn happen(&mut self, node: NodeId, event: Event) -> Vec<Effect> {
        let config = self.config;
        let server = self.servers.get_mut(&node).expect("a scenario names only nodes of its cluster");
        if server.is_stopped {
            return Vec::new();
        }
        match event {
            Event::ElectionTimeout => server.step(&config, Input::ElectionTimeout),
            Event::Heartbeat => server.step(&config, Input::HeartbeatTimeout),
            Event::Propose(command) => server.step(&config, Input::Propose(command)),
            Event::Replicate => server.step(&config, Input::Replicate),
            Event::CannotWrite { heir } => server.step(&config, Input::CannotWrite { heir }),
            Event::Read(read) => server.step(&config, Input::Read(read)),
            Event::Transfer { to } => server.step(&config, Input::Transfer { to }),
            Event::Compact { snapshot, through } => {
                server.step(&config, Input::Compact { snapshot, through })
            }
            Event::SnapshotStaged { is_damaged } => server.finish_staging(&config, is_damaged),
            Event::Deliver(envelope) => server.step(&config, Input::Receive(envelope)),
            Event::DiskCompletes => server.complete(),
            Event::DiskConfirms => match server.unconfirmed.take() {
                Some(ack) => server.step(&config, Input::WritesDurable(ack)), // rule 4
                None => Vec::new(),
            },
            Event::Crash { kept } => {
                *server = Server::waking_up(node, server.after_crash(kept));
                Vec::new()
            }
        }
    }

    fn node(&self, node: NodeId) -> Node<u8> {
        self.server(node).node.clone()
    }

    fn disk(&self, node: NodeId) -> Durable<u8> {
        self.server(node).disk.clone()
    }

    fn is_disk_busy(&self, node: NodeId) -> bool {
        let Server { line, unconfirmed, is_stopped, .. } = self.server(node);
        !is_stopped && (!line.is_empty() || unconfirmed.is_some())
    }

    fn has_staged(&self, node: NodeId) -> bool {
        let Server { staged, is_stopped, .. } = self.server(node);
        !is_stopped && staged.last().is_some_and(Chunk::is_last)
    }
}

impl Server {
    fn waking_up(id: NodeId, disk: Durable<u8>) -> Self {
        let node = Node::restart(id, disk.clone());
        Self { node, disk, line: VecDeque::new(), unconfirmed: None, staged: Vec::new(), is_stopped: false }
    }

    fn step(&mut self, config: &Config, input: Input<u8>) -> Vec<Effect> {
        let mut fx = Effects::new(Recording::default());
        self.node.step(config, input, &mut fx);
        let Effects { sink, ack, reset_election_timer, violation } = fx;
        if let Some(violation) = violation {
            self.is_stopped = true;
            return vec![Effect::Stops(violation)]; // rule 0
        }
        let Recording { now, writes, after_writes, answers, faults, staged } = sink;
        let mut effects: Vec<Effect> = now.into_iter().map(Effect::Sends).collect(); // rule 1
        effects.extend(staged.iter().copied().map(Effect::Stages));
        self.stage(staged);
        for write in writes {
            effects.push(Effect::Waits(write.clone()));
            self.line.push_back(Waiting::Write(write)); // rule 2
        }
        for envelope in after_writes {
            // Rule 3: with nobody in line, every write so far is durable, be it confirmed or not.
            if self.line.is_empty() {
                effects.push(Effect::Sends(envelope));
            } else {
                effects.push(Effect::Holds(envelope.clone()));
                self.line.push_back(Waiting::Message(envelope));
            }
        }
        self.line.extend(ack.map(Waiting::Ack));
        effects.extend(answers.into_iter().map(Effect::Answers));
        effects.extend(reset_election_timer.then_some(Effect::ResetsTimer));
        effects.extend(faults.into_iter().map(Effect::Blames));
        effects
    }

    /// Keeps chunks behind those before them. A first chunk begins anew, and what no transfer continues is rubbish.
    fn stage(&mut self, chunks: Vec<Chunk>) {
        for chunk in chunks {
            if chunk.offset == 0 {
                self.staged.clear();
            }
            self.staged.push(chunk);
        }
        if self.node.receiving().is_none() {
            self.staged.clear();
        }
    }

    /// Verifies a snapshot of which all chunks have arrived, as a driver does by the digest, and says so.
    fn finish_staging(&mut self, config: &Config, is_damaged: bool) -> Vec<Effect> {
        let Some(last) = self.staged.last().copied().filter(Chunk::is_last) else { return Vec::new() };
        let (snapshot, chunks) = (last.snapshot, std::mem::take(&mut self.staged));
        let is_of_it = |chunk: &Chunk| chunk.snapshot.digest == snapshot.digest;
        let is_gapless = chunks.windows(2).all(|pair| pair[0].offset + pair[0].length == pair[1].offset);
        let is_of_one = chunks.iter().all(is_of_it) && is_gapless && chunks[0].offset == 0;
        let is_intact = is_of_one && !is_damaged;
        let mut effects = self.step(config, Input::SnapshotStaged { snapshot, is_intact });
        let is_installed = self.node.durable().snapshot() == Some(snapshot);
        effects.extend((!is_of_one || (is_damaged && is_installed)).then_some(Effect::Spoils(snapshot)));
        effects
    }

    /// The line moves up to the next write that belongs to a later step.
    fn complete(&mut self) -> Vec<Effect> {
        let mut sent = Vec::new();
        let mut is_confirmed = false;
        while let Some(first) = self.line.pop_front() {
            match first {
                Waiting::Write(write) if is_confirmed => {
                    self.line.push_front(Waiting::Write(write));
                    break;
                }
                Waiting::Write(write) => redo(&mut self.disk, write),
                Waiting::Message(envelope) => sent.push(Effect::Sends(envelope)),
                Waiting::Ack(ack) => {
                    is_confirmed = true;
                    self.unconfirmed = Some(ack);
                }
            }
        }
        sent
    }

    /// What the disk holds after a crash: all that was completed, and the first `kept` of the writes that wait.
    fn after_crash(&self, kept: usize) -> Durable<u8> {
        let mut disk = self.disk.clone();
        let writes = self.line.iter().filter_map(|waiting| match waiting {
            Waiting::Write(write) => Some(write.clone()),
            Waiting::Message(_) | Waiting::Ack(_) => None,
        });
        writes.take(kept).for_each(|write| redo(&mut disk, write));
        disk
    }
}

/// The disk is a fold of the writes: what a node changed in memory without handing it over would be gone after a crash.
fn redo(disk: &mut Durable<u8>, write: Write) {
    assert!(disk.redo(write), "writes that were handed over continue each other without a gap");
}

#[cfg(test)]
mod tests {
    use super::*;
    use seaworthy_protocol::{Index, LogId, NodeSet, Snapshot, Term};

    fn chunk(digest: u64, offset: u64) -> Chunk {
        let last = LogId { term: Term(1), index: Index(1) };
        Chunk { snapshot: Snapshot { last, length: 2, digest }, offset, length: 1 }
    }

    /// The protocol never asks for such chunks, so no script can show it.
    #[test]
    fn chunks_of_two_snapshots_or_with_a_gap_are_no_snapshot() {
        let config = Config::new(NodeSet::first(1)).unwrap();
        for (chunks, is_spoilt) in [
            (vec![chunk(7, 0), chunk(7, 1)], false),
            (vec![chunk(8, 0), chunk(7, 1)], true),
            (vec![chunk(7, 1)], true),
            (vec![chunk(7, 0), chunk(7, 0), chunk(7, 1)], true),
        ] {
            let mut server = Server::waking_up(NodeId::new(1).unwrap(), Durable::default());
            server.staged = chunks;
            let spoils = Effect::Spoils(chunk(7, 0).snapshot);
            assert_eq!(
                server.finish_staging(&config, false),
                if is_spoilt { vec![spoils] } else { Vec::new() }
            );
            assert_eq!(server.staged, []);
        }
    }
}
