//! The whole system within a box: the state, the actions, and what an action does.

use crate::bounds::Bounds;
use crate::broken::Broken;
use crate::contract::SNAPSHOT_BYTES;
use crate::dead;
use crate::driver::Driver;
use crate::interned::{Arena, Interned};
use crate::network::{Network, Packet};
use crate::server::{Event, Server, Step};
use crate::steps::Steps;
use crate::symmetry::{Digests, Permutation, Rename, mix};
use seaworthy_protocol::invariants::Violation;
use seaworthy_protocol::invariants::clients::Clients;
use seaworthy_protocol::invariants::cluster::{acknowledges_truly, transfer_is_ready};
use seaworthy_protocol::invariants::history::{Commitment, agrees_with, see_commit};
use seaworthy_protocol::{Answer, Index, LogId, Node, NodeId, NodeSet, ReadId, Role, Snapshot};
use smallvec::SmallVec;
use std::sync::atomic::{AtomicU64, Ordering};

/// Everything at one moment.
#[derive(Clone, PartialEq)]
pub struct State {
    servers: SmallVec<[Interned<Server>; 5]>,
    network: Network,
    past: Interned<Past>,
    spent: Spent,
    broken: Option<Broken>,
}

/// Ghosts of the whole system.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct Past {
    /// All that was ever committed, in order. Multiplies the states of `three` by 1.37 (docs/model.md).
    pub committed: Vec<Commitment<u8>>,
    /// What clients wait for, and what they were told; nobody unless the box has reads or outcomes.
    pub clients: Clients<u8>,
}

impl Rename for Past {
    fn renamed(&self, permutation: &Permutation) -> Self {
        let clients = self.clients.renamed(|id| permutation.image(id));
        Self { committed: self.committed.clone(), clients }
    }
}

/// What has been spent of the box's budgets.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct Spent {
    /// Proposals made. The k-th carries the value k, so values are distinct.
    pub proposals: u8,
    /// Crashes suffered.
    pub crashes: u8,
    /// Snapshots made. The k-th has the digest k.
    pub compactions: u8,
    /// Reads asked for. The k-th has the id k.
    pub reads: u8,
    /// Leaderships to be handed over.
    pub transfers: u8,
    /// How many snapshots arrived damaged.
    pub damages: u8,
}

/// What happens next, and to whom.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Action {
    /// The node it happens to.
    pub node: NodeId,
    /// What happens.
    pub event: Event,
}

/// What an action leads to, and the messages that died of it.
pub struct Transition {
    /// The state afterwards.
    pub state: State,
    /// What was removed from the network, or kept from entering it.
    pub purged: Vec<Interned<Packet>>,
}

impl State {
    /// The servers, in the order of their nodes.
    #[must_use]
    pub fn servers(&self) -> &[Interned<Server>] {
        &self.servers
    }

    /// One server.
    #[must_use]
    pub fn server(&self, id: NodeId) -> Interned<Server> {
        self.servers[usize::from(id.get() - 1)]
    }

    /// The messages.
    #[must_use]
    pub const fn network(&self) -> &Network {
        &self.network
    }

    /// All that was ever committed.
    #[must_use]
    pub fn committed(&self) -> &'static [Commitment<u8>] {
        &self.past.value().committed
    }

    /// What clients wait for, and what they were told.
    #[must_use]
    pub fn clients(&self) -> &'static Clients<u8> {
        &self.past.value().clients
    }

    /// What has been spent.
    #[must_use]
    pub const fn spent(&self) -> Spent {
        self.spent
    }

    /// What the step into this state broke.
    #[must_use]
    pub const fn broken(&self) -> Option<Broken> {
        self.broken
    }

    /// This state after a renaming of the nodes.
    #[must_use]
    pub fn renamed(&self, model: &Raft, permutation: &Permutation) -> Self {
        let Self { servers, network, past, spent, broken } = self;
        let mut renamed: SmallVec<_> =
            servers.iter().map(|server| model.steps.server(server.value().renamed(permutation))).collect();
        renamed.sort_by_key(|server: &Interned<Server>| server.node.id());
        let mut packets = Network::default();
        for packet in network.packets() {
            packets.insert(model.steps.packet(packet.value().renamed(permutation)));
        }
        let past = model.pasts.intern(past.value().renamed(permutation), model.steps.permutations());
        Self { servers: renamed, network: packets, past, spent: *spent, broken: *broken }
    }

    /// The digest of this state under each renaming of the nodes.
    #[must_use]
    pub fn digests(&self) -> Digests {
        let Spent { proposals, crashes, compactions, damages, reads, transfers } = self.spent;
        let broken = self.broken.map_or(0, Broken::number);
        let small =
            u64::from_le_bytes([proposals, crashes, broken, compactions, reads, transfers, damages, 0]);
        let small = mix(small);
        let mut sums: Digests =
            self.past.digests().iter().map(|digest| digest.rotate_left(1).wrapping_add(small)).collect();
        let servers = self.servers.iter().map(|server| server.digests());
        let packets = self.network.packets().iter().map(|packet| packet.digests());
        // Added up for each state anew: kept with the state, 120 sums for five nodes were most of its size.
        for part in servers.chain(packets) {
            sums.iter_mut().zip(part).for_each(|(sum, digest)| *sum = sum.wrapping_add(*digest));
        }
        sums.iter_mut().for_each(|sum| *sum = mix(*sum));
        sums
    }
}

/// The system within a box.
pub struct Raft {
    bounds: Bounds,
    mutant: Option<&'static str>,
    steps: Steps,
    pasts: Arena<Past>,
    expanded: AtomicU64,
}

impl Raft {
    /// The system within a box, driven to the letter of the contract.
    #[must_use]
    pub fn new(bounds: Bounds) -> Self {
        Self::with(bounds, Driver::Faithful, None)
    }

    /// The system within a box, under a driver that breaches the contract.
    #[must_use]
    pub fn mutant(bounds: Bounds, driver: Driver, name: &'static str) -> Self {
        Self::with(bounds, driver, Some(name))
    }

    fn with(bounds: Bounds, driver: Driver, mutant: Option<&'static str>) -> Self {
        let permutations = if bounds.symmetry {
            Permutation::all(bounds.nodes)
        } else {
            Permutation::identity(bounds.nodes)
        };
        let steps = Steps::new(&bounds, driver, permutations);
        Self { bounds, mutant, steps, pasts: Arena::new(bounds.salt), expanded: AtomicU64::new(0) }
    }

    /// The same system, with no step taken yet.
    #[must_use]
    pub fn again(&self) -> Self {
        Self::with(self.bounds, self.steps.driver(), self.mutant)
    }

    /// The box.
    #[must_use]
    pub const fn bounds(&self) -> &Bounds {
        &self.bounds
    }

    /// The name of the box, altered bounds and the mutant included.
    #[must_use]
    pub fn name(&self) -> String {
        let mutant = self.mutant.map(|mutant| format!("+{mutant}"));
        self.bounds.full_name() + &mutant.unwrap_or_default()
    }

    /// The mutant that is built in, if there is one.
    #[must_use]
    pub const fn mutant_name(&self) -> Option<&'static str> {
        self.mutant
    }

    /// The steps that servers have taken.
    #[must_use]
    pub const fn steps(&self) -> &Steps {
        &self.steps
    }

    /// How many states have had their actions listed.
    #[must_use]
    pub fn expanded(&self) -> u64 {
        self.expanded.load(Ordering::Relaxed)
    }

    /// Counts one more.
    pub(crate) fn count_expanded(&self) {
        self.expanded.fetch_add(1, Ordering::Relaxed);
    }

    /// The first state: all nodes new, all followers.
    #[must_use]
    pub fn start(&self) -> State {
        let new_server = |id| self.steps.server(Server::new(id));
        State {
            servers: NodeSet::first(self.bounds.nodes).iter().map(new_server).collect(),
            network: Network::default(),
            past: self.pasts.intern(Past::default(), self.steps.permutations()),
            spent: Spent::default(),
            broken: None,
        }
    }

    /// Everything that can happen in a state, in a fixed order. Some of it will turn out to change nothing.
    pub fn list_actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.broken.is_some_and(Broken::is_final) {
            return;
        }
        for server in &state.servers {
            self.list_events(state.spent, server, |event| {
                actions.push(Action { node: server.node.id(), event })
            });
        }
        let deliver = |packet: &Interned<Packet>| Action { node: packet.to, event: Event::Deliver(*packet) };
        let is_within = |packet: &&Interned<Packet>| self.is_within(state, packet);
        actions.extend(state.network.packets().iter().filter(is_within).map(deliver));
    }

    /// Being told to campaign is an election timeout by message, and as bounded as one.
    fn is_within(&self, state: &State, packet: &Packet) -> bool {
        let begun = || state.server(packet.to).node.current_term().max(packet.term);
        !packet.message.is_timeout_now() || begun() < self.bounds.max_term
    }

    /// What can happen to one server by itself. Bounds limit inputs, never what the protocol does with them.
    fn list_events(&self, spent: Spent, server: &Server, mut event: impl FnMut(Event)) {
        let node = &server.node;
        let peers = NodeSet::first(self.bounds.nodes).without(node.id());
        if let Role::Leader { transfer, .. } = node.role() {
            event(Event::HeartbeatTimeout);
            event(Event::Replicate);
            if spent.proposals < self.bounds.proposals {
                event(Event::Propose(spent.proposals + 1));
            }
            if spent.transfers < self.bounds.transfers {
                peers.iter().for_each(|to| event(Event::Transfer(to)));
            }
            if self.bounds.check_quorum || transfer.is_some() {
                event(Event::ElectionTimeout);
            }
        } else if node.current_term() < self.bounds.max_term {
            event(Event::ElectionTimeout);
        }
        if self.bounds.writes_fail {
            event(Event::CannotWrite { heir: None });
            peers
                .iter()
                .filter(|_| node.is_leader())
                .for_each(|heir| event(Event::CannotWrite { heir: Some(heir) }));
        }
        if spent.reads < self.bounds.reads {
            event(Event::Read(spent.reads + 1));
        }
        self.list_compactions(spent, node, &mut event);
        if server.disk.whole.is_some() {
            event(Event::Stage { is_intact: true });
            if spent.damages < self.bounds.damages {
                event(Event::Stage { is_intact: false });
            }
        }
        if !server.disk.queue.is_empty() {
            event(Event::Complete);
        }
        if server.disk.unconfirmed.is_some() {
            event(Event::Confirm);
        }
        if spent.crashes < self.bounds.crashes {
            for kept in 0..=server.disk.writes() {
                event(Event::Crash { kept: small(kept) });
            }
        }
    }

    /// A snapshot that is no newer than the last would change nothing. It may be older than what is committed: to make it takes a while.
    fn list_compactions(&self, spent: Spent, node: &Node<u8>, event: &mut impl FnMut(Event)) {
        let covered = node.durable().snapshot().map_or(Index(0), |snapshot| snapshot.last.index);
        if spent.compactions == self.bounds.compactions {
            return;
        }
        for index in (covered.0 + 1..=node.commit_index().0).map(Index) {
            let last = LogId { term: node.log().term_at(index).unwrap_or_default(), index };
            let digest = u64::from(spent.compactions) + 1;
            let snapshot = Snapshot { last, length: SNAPSHOT_BYTES, digest };
            // All that it covers goes, or all but one entry.
            event(Event::Compact { snapshot, through: index });
            if index > node.log().base().index {
                event(Event::Compact { snapshot, through: index.previous() });
            }
        }
    }

    /// What an action does, or `None` if it changes nothing.
    #[must_use]
    pub fn transition(&self, last: &State, action: Action) -> Option<Transition> {
        let before = last.server(action.node);
        let step = self.steps.take(before, action.event);
        let leads_without_disk = matches!(action.event, Event::CannotWrite { .. }) && before.node.is_leader();
        let is_judged = step.violation.is_some() || step.fault.is_some() || leads_without_disk;
        let is_judged = is_judged || !step.answers.is_empty() || step.spoils_snapshot;
        let has_effect = step.server != before || is_judged;
        if !has_effect && step.sent.iter().all(|packet| last.network.contains(*packet)) {
            return None;
        }
        let mut state = State { broken: None, ..last.clone() };
        let mut purged = Vec::new();
        state.spend(action.event);
        state.servers[usize::from(action.node.get() - 1)] = step.server;
        let broken_in_past = self.remember(&mut state, action, step);
        state.broken = self.judge(&state, action, step).or(broken_in_past);
        for packet in step.sent.iter().copied() {
            if state.network.insert(packet) {
                self.purge_one(&mut state, packet, &mut purged);
            }
        }
        if step.server != before {
            self.purge_all(&mut state, action.node, &mut purged);
        }
        if !self.bounds.removes_dead_messages {
            state.broken = state.broken.or_else(|| self.judge_the_dead(last, &state));
        }
        let is_same = state.servers == last.servers
            && state.network == last.network
            && state.past == last.past
            && state.broken.is_none();
        if is_same { None } else { Some(Transition { state, purged }) }
    }

    fn judge(&self, state: &State, action: Action, step: &Step) -> Option<Broken> {
        if let Some(violation) = step.violation {
            return Some(if step.stopped { Broken::Stopped(violation) } else { Broken::Property(violation) });
        }
        let disk = step.server.durable();
        let truly = |packet: &Interned<Packet>| {
            acknowledges_truly(&**packet, disk, &state.server(packet.to).node, state.committed())
        };
        if !step.sent.iter().all(truly) {
            return Some(Broken::Property(Violation::PersistBeforeSend));
        }
        if matches!(action.event, Event::CannotWrite { .. }) && step.server.node.is_leader() {
            return Some(Broken::LeadsWithoutDisk);
        }
        if step.spoils_snapshot {
            return Some(Broken::SpoiltSnapshot);
        }
        let sender = &step.server.node;
        let is_ready = |packet: &Interned<Packet>| {
            transfer_is_ready(&**packet, sender, state.server(packet.to).durable(), state.committed())
        };
        if !step.sent.iter().all(is_ready) {
            return Some(Broken::Property(Violation::TransferReady));
        }
        step.fault.is_some().then_some(Broken::FalseBlame)
    }

    /// Records what the server commits as the first, and what clients hear of it.
    fn remember(&self, state: &mut State, action: Action, step: &Step) -> Option<Broken> {
        let has_clients = self.bounds.reads > 0 || self.bounds.outcomes;
        let (node, before) = (&step.server.node, state.past.value());
        if node.commit_index().0 <= before.committed.len() as u64 && !has_clients {
            // Nothing is new, as after nearly every step. To find that out by comparing a copy took a tenth of the checker's time: most of it
            // in comparisons of empty vectors, whose dangling address costs a processor with masked loads some hundred cycles (2026-11-27).
            let agrees = agrees_with(node, &before.committed);
            return (!agrees).then_some(Broken::Property(Violation::StateMachineSafety));
        }
        let mut past = before.clone();
        let agrees = see_commit(node, &mut past.committed);
        let told =
            if has_clients { self.tell_clients(&mut past, state.committed(), action, step) } else { None };
        if past != *before {
            state.past = self.pasts.intern(past, self.steps.permutations());
        }
        let broken = if agrees { told } else { Some(Violation::StateMachineSafety) };
        broken.map(Broken::Property)
    }

    /// Hears what clients ask and are told. Who asks for a read could have been told of all that was committed before.
    fn tell_clients(
        &self,
        past: &mut Past,
        committed_before: &[Commitment<u8>],
        action: Action,
        step: &Step,
    ) -> Option<Violation> {
        let Past { committed, clients } = past;
        let node = action.node;
        if let Event::Read(read) = action.event {
            clients.see_read(node, ReadId(read.into()), committed_before);
        }
        if let Event::Crash { .. } = action.event {
            clients.see_crash(node);
        }
        let mut sees = true;
        for answer in &step.answers {
            match action.event {
                Event::Propose(value) if self.bounds.outcomes => clients.see_proposal(node, value, *answer),
                Event::Propose(_) => {}
                Event::ElectionTimeout
                | Event::HeartbeatTimeout
                | Event::Replicate
                | Event::CannotWrite { .. }
                | Event::Read(_)
                | Event::Transfer(_)
                | Event::Compact { .. }
                | Event::Stage { .. }
                | Event::Deliver(_)
                | Event::Complete
                | Event::Confirm
                | Event::Crash { .. } => sees &= clients.see_answer(node, *answer),
            }
        }
        if !clients.see_step(&step.server.node, committed) {
            return Some(Violation::TrueOutcomes);
        }
        (!sees).then_some(Violation::LinearizableReads)
    }

    /// Removes what has died of a server's change.
    fn purge_all(&self, state: &mut State, receiver: NodeId, purged: &mut Vec<Interned<Packet>>) {
        if !self.bounds.removes_dead_messages {
            return;
        }
        let to_receiver = |packet: &Interned<Packet>| packet.to == receiver;
        let packets: SmallVec<[Interned<Packet>; 16]> =
            state.network.packets().iter().copied().filter(to_receiver).collect();
        for packet in packets {
            self.purge_one(state, packet, purged);
        }
    }

    /// Removes a message if it is dead or redundant, and checks that it is inert.
    fn purge_one(&self, state: &mut State, packet: Interned<Packet>, purged: &mut Vec<Interned<Packet>>) {
        if !self.bounds.removes_dead_messages || !self.is_dead(state, packet) {
            return;
        }
        if !self.is_inert(state, packet) {
            state.broken = state.broken.or(Some(Broken::DeadNotInert));
        }
        state.network.remove(packet);
        purged.push(packet);
    }

    /// Is a message of the network dead, or made redundant by an elder?
    #[must_use]
    pub fn is_dead(&self, state: &State, packet: Interned<Packet>) -> bool {
        let receiver = state.server(packet.to);
        dead::is_dead_by(&self.bounds, &packet, &receiver, state.clients())
            || state.network.elder(packet, receiver.term_on_disk()).is_some()
    }

    /// On the unreduced network, the two halves of the induction: what was dead before the step is dead after it, and whatever
    /// is dead is inert.
    fn judge_the_dead(&self, before: &State, after: &State) -> Option<Broken> {
        let was_dead = |packet: &Interned<Packet>| self.is_dead(before, *packet);
        let mut once_dead = before.network.packets().iter().filter(|packet| was_dead(packet));
        if !once_dead.all(|packet| self.is_dead(after, *packet)) {
            return Some(Broken::DeadRevived);
        }
        let mut dead = after.network.packets().iter().filter(|packet| self.is_dead(after, **packet));
        (!dead.all(|packet| self.is_inert(after, *packet))).then_some(Broken::DeadNotInert)
    }

    /// Does delivering a dead message now change nothing and send nothing alive? Does a redundant one do what its elder does?
    #[must_use]
    pub fn is_inert(&self, state: &State, packet: Interned<Packet>) -> bool {
        let receiver = state.server(packet.to);
        let step = self.steps.take(receiver, Event::Deliver(packet));
        if let Some(elder) = state.network.elder(packet, receiver.term_on_disk()) {
            return step == self.steps.take(receiver, Event::Deliver(elder));
        }
        let is_dead = |sent: &Interned<Packet>| {
            dead::is_dead(&self.bounds, sent, &state.server(sent.to), state.clients())
        };
        let is_awaited = |answer: &Answer| match answer {
            Answer::Readable { read, .. } => state.clients().awaits(packet.to, *read),
            Answer::Appended(_)
            | Answer::NotLeader { .. }
            | Answer::Transferring { .. }
            | Answer::CannotTransfer { .. }
            | Answer::CannotRead { .. } => false,
        };
        step.server == receiver
            && !step.answers.iter().any(is_awaited)
            && step.violation.is_none()
            && step.fault.is_none()
            && step.sent.iter().all(is_dead)
    }
}

impl State {
    fn spend(&mut self, event: Event) {
        match event {
            Event::Propose(_) => self.spent.proposals += 1,
            Event::Crash { .. } => self.spent.crashes += 1,
            Event::Compact { .. } => self.spent.compactions += 1,
            Event::Read(_) => self.spent.reads += 1,
            Event::Transfer(_) => self.spent.transfers += 1,
            Event::Stage { is_intact: false } => self.spent.damages += 1,
            Event::ElectionTimeout
            | Event::HeartbeatTimeout
            | Event::Replicate
            | Event::CannotWrite { .. }
            | Event::Stage { is_intact: true }
            | Event::Deliver(_)
            | Event::Complete
            | Event::Confirm => {}
        }
    }
}

/// Queues are as short as budgets are small.
fn small(count: usize) -> u8 {
    u8::try_from(count).unwrap_or(u8::MAX)
}
