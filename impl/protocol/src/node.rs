//! One server: its state, its inputs, and the rule about terms that precedes every other (Figure 2, "All Servers").
//!
//! | input \ role      | follower                  | pre-candidate, candidate | leader                    |
//! |-------------------|---------------------------|--------------------------|---------------------------|
//! | ElectionTimeout   | becomes pre-candidate     | becomes pre-candidate    | follower, unless a majority was heard |
//! | HeartbeatTimeout  | –                         | –                        | AppendEntries or InstallSnapshot to all; asks again what was not answered |
//! | Propose           | NotLeader                 | NotLeader                | appends, sends nothing    |
//! | Replicate         | –                         | –                        | the same to laggards; begins the next round of reads |
//! | WritesDurable     | may answer at once        | counts its own vote      | counts its own entries    |
//! | CannotWrite       | –                         | becomes follower         | follower; an heir with its whole log campaigns |
//! | Read              | asks the leader; CannotRead without one | CannotRead               | waits for the next round  |
//! | Transfer          | NotLeader                 | NotLeader                | a target with its whole log campaigns |
//! | Compact           | drops entries             | drops entries            | drops entries             |
//! | SnapshotStaged    | puts it in place of its log | a pre-candidate as a follower | –                    |
//! | PreVote           | grants unless it hears a leader | grants             | –                         |
//! | PreVoteGranted    | –                         | counts; with a majority, candidate of a new term | – |
//! | RequestVote       | grants or denies          | denies; a pre-candidate as a follower | denies       |
//! | RequestVoteReply  | –                         | counts                   | –                         |
//! | AppendEntries     | appends or reports where the logs part | becomes follower, then as one | blames the sender |
//! | AppendEntriesReply| –                         | –                        | moves the follower's progress |
//! | InstallSnapshot   | stages the chunk          | becomes follower, then as one | blames the sender    |
//! | InstallSnapshotReply | –                      | –                        | moves the follower's progress |
//! | ReadIndex         | –                         | –                        | waits for the next round  |
//! | ReadIndexReply    | Readable                  | Readable                 | blames the sender         |
//! | ReadRound         | answers                   | becomes follower, then as one | blames the sender    |
//! | ReadRoundReply    | –                         | –                        | counts; with a majority, reads are answered |
//! | TimeoutNow        | becomes candidate of a new term | becomes candidate of a new term | blames the sender |

use crate::compaction::{Receiving, Snapshot};
use crate::config::Config;
use crate::durable::Durable;
use crate::effects::{Effects, Release, Sink, WriteAck};
use crate::fault;
use crate::invariants;
use crate::log::{Entries, Entry, Log};
use crate::message::{Envelope, Message};
use crate::progress::Progress;
use crate::reads::ReadId;
use crate::role::Role;
use crate::types::{Index, NodeId, NodeSet, Term};
use alloc::vec::Vec;

/// A server of the cluster, generic in its commands: `u8` in the model, bytes in production.
///
/// A value without clock, dice or I/O. Everything it wants from the world leaves through [`Effects`].
#[derive(Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct Node<C> {
    id: NodeId,
    durable: Durable<C>,
    /// How much of `durable` the disk has confirmed: `None` while the current term is not, else the index up to
    /// which the log is. A vote cast later in the term is not covered, so answers that assert one always wait.
    confirmed: Option<Index>,
    commit_index: Index,
    /// A snapshot of the current term's leader that has not arrived whole. Outlives the role: a node that has lost touch with
    /// its leader, and asks for votes, goes on with the transfer if it hears from it again.
    receiving: Option<Receiving>,
    role: Role,
}

/// Everything that can happen to a server. `E` is how received entries are held.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub enum Input<C, E = Vec<Entry<C>>> {
    /// A message arrived, perhaps late, twice or out of order.
    Receive(Envelope<E>),
    /// No leader was heard and no vote granted for a randomised time (§5.2). To a leader: such a time has passed.
    ElectionTimeout,
    /// A leader's heartbeat interval has passed.
    HeartbeatTimeout,
    /// A client's command. It is appended, not sent.
    Propose(C),
    /// Sends what followers lack. Fed once at the end of each batch of inputs, so that many proposals make one
    /// message for each follower.
    Replicate,
    /// All writes handed over up to this confirmation are durable.
    WritesDurable(WriteAck),
    /// The disk is full or has failed: this node must not lead. What was handed over and not confirmed stays so. A driver feeds it
    /// again whenever a write is refused: a node that times out asks to be elected, whatever its disk did before.
    CannotWrite {
        /// Who should lead instead, if this node does and that one has all it has. Which one it is takes dice.
        heir: Option<NodeId>,
    },
    /// A client wants to read what is committed, through this node.
    Read(ReadId),
    /// A leader hands the leadership over (thesis §3.10).
    Transfer {
        /// To whom.
        to: NodeId,
    },
    /// The driver has made a snapshot of what it has applied, and made it durable: the log up to `through` can go (§7). A leader's driver
    /// puts it off, within limits, while a follower is getting a snapshot: a newer one begins every transfer anew.
    Compact {
        /// The snapshot.
        snapshot: Snapshot,
        /// The last index that goes: the snapshot's own, or less, to spare followers that are a little behind the transfer.
        through: Index,
    },
    /// All chunks of a snapshot have arrived, and the driver has verified them and made them durable.
    SnapshotStaged {
        /// The snapshot.
        snapshot: Snapshot,
        /// They are what was announced. If not, the transfer begins anew.
        is_intact: bool,
    },
}

/// Only a node of `Copy` commands can be cloned: the model's, never production's.
impl<C: Copy> Clone for Node<C> {
    fn clone(&self) -> Self {
        let Self { id, durable, confirmed, commit_index, receiving, role } = self;
        Self {
            id: *id,
            durable: durable.clone(),
            confirmed: *confirmed,
            commit_index: *commit_index,
            receiving: *receiving,
            role: role.clone(),
        }
    }
}

impl<C> Node<C> {
    /// A node as it wakes up, first or again: a follower with what its disk holds (§5.2). All of it is durable.
    ///
    /// ```
    /// # use seaworthy_protocol::{Durable, Index, Node, NodeId};
    /// let node: Node<u8> = Node::restart(NodeId::new(1).unwrap(), Durable::default());
    /// assert_eq!(node.commit_index(), Index(0));
    /// ```
    #[must_use]
    pub fn restart(id: NodeId, durable: Durable<C>) -> Self {
        let confirmed = Some(durable.log().last_index());
        // What a snapshot covers was committed; how far the log behind it was is forgotten.
        let commit_index = durable.snapshot().map_or(Index(0), |snapshot| snapshot.last.index);
        let role = Role::Follower { leader: None };
        Self { id, durable, confirmed, commit_index, receiving: None, role }
    }

    /// Advances by one input. Total and deterministic: the result depends on the arguments alone.
    ///
    /// ```
    /// # use seaworthy_protocol::{Config, Durable, Effects, Input, Node, NodeId, NodeSet, Recording};
    /// let config = Config::new(NodeSet::first(3)).unwrap();
    /// let mut node: Node<u8> = Node::restart(NodeId::new(1).unwrap(), Durable::default());
    /// let mut fx = Effects::new(Recording::default());
    /// node.step::<Vec<_>>(&config, Input::ElectionTimeout, &mut fx);
    /// assert_eq!(fx.sink.now.len(), 2, "it asks both others whether it would be elected");
    /// ```
    pub fn step<E: Entries<C>>(
        &mut self,
        config: &Config,
        input: Input<C, E>,
        fx: &mut Effects<impl Sink<C>>,
    ) {
        self.step_by(fx, |node, fx| match input {
            Input::Receive(envelope) => node.on_envelope(config, envelope, fx),
            Input::ElectionTimeout if node.is_leader() => {
                node.give_transfer_up();
                node.check_quorum(config, fx);
            }
            Input::ElectionTimeout => node.on_election_timeout(config, fx),
            Input::HeartbeatTimeout => node.on_heartbeat_timeout(config, fx),
            Input::Propose(command) => node.on_propose(command, fx),
            Input::Replicate => node.on_replicate(config, fx),
            Input::WritesDurable(ack) => node.on_writes_durable(config, ack, fx),
            Input::CannotWrite { heir } => node.on_cannot_write(heir, fx),
            Input::Read(read) => node.on_read(read, fx),
            Input::Transfer { to } => node.on_transfer(config, to, fx),
            Input::Compact { snapshot, through } => node.on_compact(snapshot, through, fx),
            Input::SnapshotStaged { snapshot, is_intact } => {
                node.on_snapshot_staged(snapshot, is_intact, fx);
            }
        });
    }

    /// The step of [`Input::Propose`], for a driver that has many of them: the same function without the way through the other inputs.
    ///
    /// ```
    /// # use seaworthy_protocol::{Answer, Durable, Effects, Node, NodeId, Recording};
    /// let mut node: Node<u8> = Node::restart(NodeId::new(1).unwrap(), Durable::default());
    /// let mut fx = Effects::new(Recording::default());
    /// node.propose(7, &mut fx);
    /// assert_eq!(fx.sink.answers, [Answer::NotLeader { leader: None }]);
    /// ```
    #[inline]
    pub fn propose(&mut self, command: C, fx: &mut Effects<impl Sink<C>>) {
        self.step_by(fx, |node, fx| node.on_propose(command, fx));
    }

    /// A step, and what it may not take back.
    #[inline]
    fn step_by<S: Sink<C>>(&mut self, fx: &mut Effects<S>, step: impl FnOnce(&mut Self, &mut Effects<S>)) {
        let before = invariants::step::Before::of(self);
        step(self, fx);
        fx.violation = fx.violation.or_else(|| before.violation_by(self));
    }

    fn on_envelope<E: Entries<C>>(
        &mut self,
        config: &Config,
        envelope: Envelope<E>,
        fx: &mut Effects<impl Sink<C>>,
    ) {
        if let Some(misdeed) = fault::misdeed(config, self.id, &envelope) {
            return fx.blame(envelope.from, misdeed);
        }
        let Envelope { from, to: _, term, message } = envelope;
        // Figure 2, RequestVote receiver 1 and AppendEntries receiver 1.
        if term < self.current_term() {
            if message.is_request() {
                self.send(from, self.release(Index(0)), Message::HigherTerm, fx);
            }
            return;
        }
        // Figure 2, All Servers: "set currentTerm = T, convert to follower" (§5.1).
        if term > self.current_term() && !message.is_pre_vote() {
            self.become_follower_of_term(term, fx);
        }
        match message {
            Message::RequestVote { last_log } => self.on_request_vote(from, last_log, fx),
            Message::RequestVoteReply { vote_granted } => {
                self.on_request_vote_reply(config, from, vote_granted, fx);
            }
            Message::PreVote { last_log } => self.on_pre_vote(from, term, last_log, fx),
            Message::PreVoteGranted => self.on_pre_vote_granted(config, from, term, fx),
            Message::AppendEntries { prev_log, entries, leader_commit } => {
                self.on_append_entries(from, prev_log, entries, leader_commit, fx);
            }
            Message::AppendEntriesReply(outcome) => self.on_append_entries_reply(config, from, outcome, fx),
            Message::InstallSnapshot(chunk) => self.on_install_snapshot(from, chunk, fx),
            Message::InstallSnapshotReply { snapshot, offset, received } => {
                self.on_install_snapshot_reply(config, from, snapshot, offset, received);
            }
            Message::ReadIndex { read } => self.on_read_index(from, read),
            Message::ReadIndexReply { read, index } => self.on_read_index_reply(from, read, index, fx),
            Message::ReadRound { round } => self.on_read_round(from, round, fx),
            Message::ReadRoundReply { round } => self.on_read_round_reply(config, from, round, fx),
            Message::TimeoutNow => self.on_timeout_now(config, from, fx),
            Message::HigherTerm => {}
        }
    }

    fn on_writes_durable(&mut self, config: &Config, ack: WriteAck, fx: &mut Effects<impl Sink<C>>) {
        // An ack of an earlier term says nothing of this one, and one whose last entry was overwritten since says
        // nothing of the entries that took its place.
        if ack.term != self.current_term() || !self.log().holds(ack.last) {
            return;
        }
        self.confirmed = self.confirmed.max(Some(ack.last.index));
        match &mut self.role {
            Role::Follower { .. } | Role::PreCandidate { .. } => {}
            Role::Candidate { votes_granted } => {
                votes_granted.insert(self.id);
                self.lead_with_majority(config, fx);
            }
            Role::Leader { .. } => self.advance_commit_index(config),
        }
    }

    /// Steps down, if there is anything to step down from, in a term that someone else began (§5.1).
    fn become_follower_of_term(&mut self, term: Term, fx: &mut Effects<impl Sink<C>>) {
        // A leader's election timer ran for another purpose; a candidate's and a follower's go on.
        fx.reset_election_timer |= self.is_leader();
        self.enter_term(term, None, fx);
        self.role = Role::Follower { leader: None };
    }

    /// Begins a term, with a vote or without. Nothing of it is durable yet.
    pub(crate) fn enter_term(&mut self, term: Term, vote: Option<NodeId>, fx: &mut Effects<impl Sink<C>>) {
        self.durable.set_term_and_vote(term, vote, fx);
        self.confirmed = None;
        self.receiving = None;
    }

    /// Casts the vote of the current term.
    pub(crate) fn vote_for(&mut self, candidate: NodeId, fx: &mut Effects<impl Sink<C>>) {
        self.durable.set_term_and_vote(self.current_term(), Some(candidate), fx);
    }

    /// Continues the log after an index. What stood there is gone, also from what was confirmed.
    #[inline]
    pub(crate) fn append<E: Entries<C>>(&mut self, after: Index, entries: E, fx: &mut Effects<impl Sink<C>>) {
        self.durable.append(after, entries, fx);
        self.confirmed = self.confirmed.map(|confirmed| confirmed.min(after));
    }

    /// Puts a snapshot in the place of a part of the log.
    pub(crate) fn compact(&mut self, snapshot: Snapshot, through: Index, fx: &mut Effects<impl Sink<C>>) {
        self.durable.compact(snapshot, through, fx);
    }

    /// Puts a snapshot in the place of the log. Until the disk has it, what was committed before is what is confirmed.
    pub(crate) fn install(&mut self, snapshot: Snapshot, fx: &mut Effects<impl Sink<C>>) {
        self.durable.install(snapshot, fx);
        self.confirmed = self.confirmed.map(|confirmed| confirmed.min(self.commit_index));
        self.commit_index = snapshot.last.index;
    }

    pub(crate) const fn set_receiving(&mut self, receiving: Receiving) {
        self.receiving = Some(receiving);
    }

    pub(crate) const fn stop_receiving(&mut self) {
        self.receiving = None;
    }

    /// What a leader knows of a peer that has just answered, to change it.
    pub(crate) fn hear(&mut self, config: &Config, peer: NodeId) -> Option<&mut Progress> {
        let Role::Leader { progress, heard, .. } = &mut self.role else { return None };
        let progress = progress.get_mut(peer)?;
        if config.check_quorum() {
            heard.insert(peer);
        }
        Some(progress)
    }

    pub(crate) fn become_role(&mut self, role: Role) {
        self.role = role;
    }

    pub(crate) const fn role_mut(&mut self) -> &mut Role {
        &mut self.role
    }

    pub(crate) const fn set_commit_index(&mut self, commit_index: Index) {
        self.commit_index = commit_index;
    }

    /// When a message may leave that asserts the current term and the log up to an index: at once if the disk has
    /// confirmed both. Index 0 asserts the term alone.
    pub(crate) fn release(&self, asserted: Index) -> Release {
        if self.confirmed.is_some_and(|confirmed| asserted <= confirmed) {
            Release::Now
        } else {
            Release::AfterWrites
        }
    }

    pub(crate) fn send(
        &self,
        to: NodeId,
        release: Release,
        message: Message<&[Entry<C>]>,
        fx: &mut Effects<impl Sink<C>>,
    ) {
        self.send_about(self.current_term(), to, release, message, fx);
    }

    /// Sends a message about another term than the sender's own.
    pub(crate) fn send_about(
        &self,
        term: Term,
        to: NodeId,
        release: Release,
        message: Message<&[Entry<C>]>,
        fx: &mut Effects<impl Sink<C>>,
    ) {
        fx.sink.send(release, Envelope { from: self.id, to, term, message });
    }

    /// The node's name.
    #[must_use]
    pub const fn id(&self) -> NodeId {
        self.id
    }

    /// The latest term the node has seen (Figure 2, currentTerm).
    #[must_use]
    pub const fn current_term(&self) -> Term {
        self.durable.current_term()
    }

    /// The candidate that received its vote in the current term (Figure 2, votedFor).
    #[must_use]
    pub const fn voted_for(&self) -> Option<NodeId> {
        self.durable.voted_for()
    }

    /// Its log (Figure 2, log[]).
    #[must_use]
    pub const fn log(&self) -> &Log<C> {
        self.durable.log()
    }

    /// What survives a crash once the disk has it.
    #[must_use]
    pub const fn durable(&self) -> &Durable<C> {
        &self.durable
    }

    /// How much of that the disk has confirmed: nothing of the current term, or the log up to an index.
    #[must_use]
    pub const fn confirmed(&self) -> Option<Index> {
        self.confirmed
    }

    /// The highest entry known to be committed (Figure 2, commitIndex). Volatile: what the snapshot covers after a restart, 0
    /// without one.
    #[must_use]
    pub const fn commit_index(&self) -> Index {
        self.commit_index
    }

    /// The snapshot that is on its way to it from the leader of the current term.
    #[must_use]
    pub const fn receiving(&self) -> Option<Receiving> {
        self.receiving
    }

    /// What it is at the moment.
    #[must_use]
    pub const fn role(&self) -> &Role {
        &self.role
    }

    /// Does it lead the current term?
    #[must_use]
    pub const fn is_leader(&self) -> bool {
        match self.role {
            Role::Leader { .. } => true,
            Role::Follower { .. } | Role::PreCandidate { .. } | Role::Candidate { .. } => false,
        }
    }

    /// The leader of its current term, as far as it knows.
    #[must_use]
    pub const fn leader(&self) -> Option<NodeId> {
        match self.role {
            Role::Follower { leader } => leader,
            Role::PreCandidate { .. } | Role::Candidate { .. } => None,
            Role::Leader { .. } => Some(self.id),
        }
    }
}

impl<C: Copy> Node<C> {
    /// The same node in a cluster whose nodes bear other names. Names mean nothing to the protocol: a renamed node
    /// takes renamed steps, which is what makes symmetry reduction sound.
    #[must_use]
    pub fn renamed(&self, nodes: NodeSet, name: impl Fn(NodeId) -> NodeId) -> Self {
        let Self { id, durable, confirmed, commit_index, receiving, role } = self;
        Self {
            id: name(*id),
            durable: durable.renamed(&name),
            confirmed: *confirmed,
            commit_index: *commit_index,
            receiving: *receiving,
            role: role.renamed(nodes, &name),
        }
    }
}
