//! No wedges: from any state, a calm schedule elects a leader, commits whatever is in its log, and then something new.
//!
//! The schedule is as kind as the world can be to a cluster that deserves it. The network heals, disks work, and terms have no
//! bound; all nodes run, or all but a minority that stays down. Time goes by in rounds. In each round every disk completes what
//! waits, one node in turn times out unless it has heard from a leader or voted since its last turn, every leader sends its
//! heartbeat, and every message in flight is delivered once.
//!
//! Clients stay silent until the leader's log is committed on every node that runs: what is old must commit without help
//! (§5.4.2, §8). Then one of them proposes, and that must commit on every node too.
//!
//! This is possibility (AG EF, in the words of temporal logic), not liveness: it shows that no reachable state is one from
//! which the cluster cannot recover, not that it recovers under every schedule.

use crate::interned::Interned;
use crate::network::Packet;
use crate::server::{Event, Server};
use crate::system::{Raft, State};
use seaworthy_protocol::{Node, NodeId, NodeSet, Payload, is_majority};
use smallvec::SmallVec;

/// What a client proposes in a calm schedule: no box goes that far.
const NEW: u8 = u8::MAX;

/// How many rounds of the calm schedule it takes, with all nodes running and with each minority of one node down, whichever
/// is longest; nothing if one of them takes more than `limit`.
#[must_use]
pub fn rounds_to_commit(model: &Raft, state: &State, limit: usize) -> Option<usize> {
    let all = NodeSet::first(model.bounds().nodes);
    let without_one = all.iter().map(|down| all.without(down)).filter(|up| is_majority(all, *up));
    let mut schedules = std::iter::once(all).chain(without_one);
    schedules
        .try_fold(0, |longest, up| Some(longest.max(Calm::new(model, state, up).rounds_to_commit(limit)?)))
}

struct Calm<'a> {
    model: &'a Raft,
    servers: SmallVec<[Interned<Server>; 5]>,
    in_flight: Vec<Interned<Packet>>,
    /// The nodes that run.
    up: NodeSet,
    /// Who has reset its election timer since its last turn.
    patient: NodeSet,
}

impl<'a> Calm<'a> {
    fn new(model: &'a Raft, state: &State, up: NodeSet) -> Self {
        let servers = state.servers().iter().copied().collect();
        let in_flight = state.network().packets().to_vec();
        Self { model, servers, in_flight, up, patient: NodeSet::default() }
    }

    fn rounds_to_commit(&mut self, limit: usize) -> Option<usize> {
        let mut has_proposed = false;
        (1..=limit).find(|round| {
            self.pass_round(*round);
            let Some(leader) = self.settled() else { return false };
            let is_committed = has_committed(&self.server(leader).node);
            if !is_committed && !has_proposed {
                has_proposed = true;
                self.take(leader, Event::Propose(NEW));
            }
            is_committed
        })
    }

    fn pass_round(&mut self, round: usize) {
        for id in self.up.iter() {
            self.take(id, Event::Confirm);
        }
        let turn = self.servers[round % self.servers.len()].node.id();
        let waits = self.server(turn).node.is_leader() || self.patient.contains(turn);
        if self.up.contains(turn) && !waits {
            self.take(turn, Event::ElectionTimeout);
        }
        self.patient = self.patient.without(turn);
        for id in self.up.iter().filter(|id| self.server(*id).node.is_leader()).collect::<NodeSet>().iter() {
            self.take(id, Event::HeartbeatTimeout);
        }
        for packet in std::mem::take(&mut self.in_flight) {
            if self.up.contains(packet.to) {
                self.take(packet.to, Event::Deliver(packet));
            }
        }
    }

    /// The leader, if every running node follows it and has committed its whole log.
    fn settled(&self) -> Option<NodeId> {
        let nodes = || self.up.iter().map(|id| &self.server(id).value().node);
        let leader = nodes().find(|node| node.is_leader())?;
        let follows = |node: &Node<u8>| {
            node.leader() == Some(leader.id())
                && node.current_term() == leader.current_term()
                && node.commit_index() == leader.log().last_index()
        };
        nodes().all(follows).then_some(leader.id())
    }

    fn server(&self, id: NodeId) -> Interned<Server> {
        self.servers[usize::from(id.get() - 1)]
    }

    /// The event, and then whatever the disk has to do.
    fn take(&mut self, id: NodeId, event: Event) {
        self.take_one(id, event);
        while !self.server(id).disk.is_idle() {
            self.take_one(id, Event::Complete);
            self.take_one(id, Event::Confirm);
        }
    }

    fn take_one(&mut self, id: NodeId, event: Event) {
        let step = self.model.steps().take(self.server(id), event);
        self.servers[usize::from(id.get() - 1)] = step.server;
        self.in_flight.extend(&step.sent);
        if step.resets_election_timer {
            self.patient.insert(id);
        }
    }
}

fn has_committed(node: &Node<u8>) -> bool {
    node.log().prefix(node.commit_index()).iter().any(|entry| entry.payload == Payload::Command(NEW))
}
