//! A schedule in which nothing goes wrong any more: nodes time out in turn, disks work, and every message that has a way
//! arrives within a round.
//!
//! In each round one node, in turn, times out unless it has reset its election timer since its last turn; leaders send
//! heartbeats; whatever was in flight arrives. Terms are unbounded. What a schedule starts from, and which links work, is up
//! to who asks: [`calm`](crate::calm), [`disruption`](crate::disruption).

use crate::interned::Interned;
use crate::network::Packet;
use crate::server::{Event, Server};
use crate::system::{Raft, State};
use seaworthy_protocol::{Answer, Node, NodeId, NodeSet};
use smallvec::SmallVec;

/// Which pairs of nodes can talk to each other, both ways.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Links(SmallVec<[NodeSet; 5]>);

impl Links {
    /// Everybody to everybody.
    #[must_use]
    pub fn all(nodes: u8) -> Self {
        let nodes = NodeSet::first(nodes);
        Self(nodes.iter().map(|id| nodes.without(id)).collect())
    }

    /// All but those of one node.
    #[must_use]
    pub fn without(mut self, away: NodeId) -> Self {
        for (position, peers) in self.0.iter_mut().enumerate() {
            let is_away = position + 1 == usize::from(away.get());
            *peers = if is_away { NodeSet::default() } else { peers.without(away) };
        }
        self
    }

    /// All but the one between two nodes.
    #[must_use]
    pub fn without_pair(mut self, one: NodeId, other: NodeId) -> Self {
        for (position, peers) in self.0.iter_mut().enumerate() {
            let this = position + 1;
            if this == usize::from(one.get()) {
                *peers = peers.without(other);
            } else if this == usize::from(other.get()) {
                *peers = peers.without(one);
            }
        }
        self
    }

    /// These pairs alone.
    #[must_use]
    pub fn of(nodes: u8, pairs: &[(NodeId, NodeId)]) -> Self {
        let peers_of = |id| {
            let other = |pair: &(NodeId, NodeId)| match *pair {
                (one, other) if one == id => Some(other),
                (one, other) if other == id => Some(one),
                _ => None,
            };
            pairs.iter().filter_map(other).collect()
        };
        Self(NodeSet::first(nodes).iter().map(peers_of).collect())
    }

    /// Whom a node can talk to.
    #[must_use]
    pub fn of_node(&self, id: NodeId) -> NodeSet {
        self.0[usize::from(id.get() - 1)]
    }

    fn join(&self, from: NodeId, to: NodeId) -> bool {
        self.of_node(from).contains(to)
    }
}

/// A cluster under a schedule.
#[derive(Clone)]
pub struct Schedule<'a> {
    model: &'a Raft,
    servers: SmallVec<[Interned<Server>; 5]>,
    in_flight: Vec<Interned<Packet>>,
    /// Messages without a way, kept until there is one.
    held: Vec<Interned<Packet>>,
    /// The nodes that run.
    up: NodeSet,
    /// Which links work.
    links: Links,
    /// Who has reset its election timer since its last turn.
    patient: NodeSet,
    first: usize,
    rounds: usize,
    answers: Vec<(NodeId, Answer)>,
}

impl<'a> Schedule<'a> {
    /// From a state on, with these nodes running.
    #[must_use]
    pub fn new(model: &'a Raft, state: &State, up: NodeSet) -> Self {
        Self {
            model,
            servers: state.servers().iter().copied().collect(),
            in_flight: state.network().packets().to_vec(),
            held: Vec::new(),
            up,
            links: Links::all(model.bounds().nodes),
            patient: NodeSet::default(),
            first: 0,
            rounds: 0,
            answers: Vec::new(),
        }
    }

    /// The same schedule, but whoever runs has just heard from a leader, or thinks so: nobody loses patience before its second turn.
    /// What only an election can end is then seen to last as long as the leader is heard.
    #[must_use]
    pub fn with_everyone_patient(self) -> Self {
        Self { patient: self.up, ..self }
    }

    /// The same schedule with the turns shifted by so many nodes.
    #[must_use]
    pub fn beginning_with(self, first: usize) -> Self {
        Self { first, ..self }
    }

    /// The same schedule, but whatever was in flight at first is lost.
    #[must_use]
    pub fn losing_what_is_in_flight(self) -> Self {
        Self { in_flight: Vec::new(), ..self }
    }

    /// The same schedule, but of what is in flight these messages are lost.
    #[must_use]
    pub fn losing(mut self, is_lost: impl Fn(&Packet) -> bool) -> Self {
        self.in_flight.retain(|packet| !is_lost(packet));
        self
    }

    /// From now on these links work. What was sent over another is late, not lost.
    pub fn set_links(&mut self, links: Links) {
        self.links = links;
        self.in_flight.append(&mut self.held);
    }

    /// How many rounds have passed.
    #[must_use]
    pub const fn rounds(&self) -> usize {
        self.rounds
    }

    /// Lets one round pass.
    pub fn pass_round(&mut self) {
        self.rounds += 1;
        for id in self.up.iter() {
            self.take(id, Event::Confirm);
        }
        let turn = self.servers[(self.first + self.rounds) % self.servers.len()].node.id();
        if self.up.contains(turn) && !self.patient.contains(turn) {
            self.take(turn, Event::ElectionTimeout);
        }
        self.patient = self.patient.without(turn);
        for id in self.up.iter().filter(|id| self.server(*id).node.is_leader()).collect::<NodeSet>().iter() {
            self.take(id, Event::HeartbeatTimeout);
        }
        for packet in std::mem::take(&mut self.in_flight) {
            if !self.links.join(packet.from, packet.to) {
                self.held.push(packet);
            } else if self.up.contains(packet.to) {
                self.take(packet.to, Event::Deliver(packet));
            }
        }
    }

    /// The leader, if every running node follows it and has committed its whole log.
    #[must_use]
    pub fn settled(&self) -> Option<&'static Node<u8>> {
        let nodes = || self.up.iter().map(|id| self.node(id));
        let leader = nodes().find(|node| node.is_leader())?;
        let follows = |node: &Node<u8>| {
            node.leader() == Some(leader.id())
                && node.current_term() == leader.current_term()
                && node.commit_index() == leader.log().last_index()
        };
        nodes().all(follows).then_some(leader)
    }

    /// A client proposes.
    pub fn propose(&mut self, leader: NodeId, value: u8) {
        self.take(leader, Event::Propose(value));
    }

    /// A client reads through a node.
    pub fn read(&mut self, node: NodeId, read: u8) {
        self.take(node, Event::Read(read));
    }

    /// A leader's driver has no more inputs for now.
    pub fn end_batch(&mut self, leader: NodeId) {
        self.take(leader, Event::Replicate);
    }

    /// Has a node been told that this read may be answered?
    #[must_use]
    pub fn has_answered(&self, node: NodeId, read: u8) -> bool {
        let is_this =
            |answer: &Answer| matches!(answer, Answer::Readable { read: it, .. } if it.0 == u64::from(read));
        self.answers.iter().any(|(at, answer)| *at == node && is_this(answer))
    }

    /// The leadership is to be handed over.
    pub fn transfer(&mut self, leader: NodeId, to: NodeId) {
        self.take(leader, Event::Transfer(to));
    }

    /// Does a leader hand the leadership over, or did it, and what it said is still on its way?
    #[must_use]
    pub fn hands_over(&self, leader: NodeId) -> bool {
        let is_said = |packet: &Interned<Packet>| packet.from == leader && packet.message.is_timeout_now();
        self.node(leader).transfers_to().is_some() || self.in_flight.iter().any(is_said)
    }

    /// One node as it is now.
    #[must_use]
    pub fn node(&self, id: NodeId) -> &'static Node<u8> {
        &self.server(id).value().node
    }

    fn server(&self, id: NodeId) -> Interned<Server> {
        self.servers[usize::from(id.get() - 1)]
    }

    /// The event, and then whatever the disk has to do.
    fn take(&mut self, id: NodeId, event: Event) {
        self.take_one(id, event);
        while !self.server(id).disk.is_idle() || self.server(id).disk.whole.is_some() {
            self.take_one(id, Event::Complete);
            self.take_one(id, Event::Confirm);
            self.take_one(id, Event::Stage { is_intact: true });
        }
    }

    fn take_one(&mut self, id: NodeId, event: Event) {
        let step = self.model.steps().take(self.server(id), event);
        self.servers[usize::from(id.get() - 1)] = step.server;
        self.in_flight.extend(&step.sent);
        self.answers.extend(step.answers.iter().map(|answer| (id, *answer)));
        if step.resets_election_timer {
            self.patient.insert(id);
        }
    }
}
