//! Linearizable reads without the log (§8, thesis §6.4).
//!
//! A read gets the index up to which a state machine must have applied before it answers. The leader hands out such an index
//! only after a *round*: a majority confirmed, after the read arrived, that it still follows it. Reads that arrive while
//! a round runs wait for the next, all of them together, so a leader that answers a thousand reads a round-trip sends one question
//! to each follower for them. A follower forwards its reads, and answers them from its own state machine.
//!
//! A read bears an id that its node never used before, not even before a crash: an answer that is late, or a duplicate, names
//! a read of the past and never a later one. Ids of one node grow, so that the latest stands for all before it: a leader
//! remembers two for each node, whatever the number of reads.

use crate::config::Config;
use crate::effects::{Answer, Effects, Misdeed, Release, Sink};
use crate::message::Message;
use crate::node::Node;
use crate::quorum;
use crate::role::Role;
use crate::types::{Index, NodeId, NodeMap, NodeSet};

/// A read of one node: a number that this node has never used before, and larger than all it has.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct ReadId(pub u64);

/// What a leader knows of the reads that wait for it.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
pub struct Reads {
    /// The last round that began in this term. Moves on only when a read waits for the next.
    pub round: u64,
    /// Who follows the leader still, by an answer to that round.
    pub confirmed_by: NodeSet,
    /// The latest read of each node that the running round is for; empty when none runs.
    pub confirming: NodeMap<ReadId>,
    /// The latest read of each node that ever came in this term: what is not later comes late or twice, and begins no round.
    pub latest: NodeMap<ReadId>,
    /// Whose latest came after the round began.
    pub waiting: NodeSet,
}

impl Reads {
    /// The same reads in a cluster whose nodes bear other names.
    pub(crate) fn renamed(&self, nodes: NodeSet, name: impl Fn(NodeId) -> NodeId) -> Self {
        Self {
            round: self.round,
            confirmed_by: self.confirmed_by.iter().map(&name).collect(),
            confirming: self.confirming.renamed(nodes, &name),
            latest: self.latest.renamed(nodes, &name),
            waiting: self.waiting.iter().map(&name).collect(),
        }
    }

    /// A read waits for the next round.
    fn ask(&mut self, node: NodeId, read: ReadId) {
        if self.latest.get(node).is_none_or(|latest| *latest < read) {
            self.latest.insert(node, read);
            self.waiting.insert(node);
        }
    }

    /// A round begins, for all that wait.
    fn begin_round(&mut self) {
        let Self { round, confirmed_by: _, confirming, latest, waiting } = self;
        // A new number: an answer to an earlier round says that the leader was one then.
        *round = round.saturating_add(1);
        for node in core::mem::take(waiting).iter() {
            if let Some(read) = latest.get(node) {
                confirming.insert(node, *read);
            }
        }
    }
}

impl<C> Node<C> {
    /// A client of this node wants to read.
    pub(crate) fn on_read(&mut self, read: ReadId, fx: &mut Effects<impl Sink<C>>) {
        let id = self.id();
        match self.role_mut() {
            Role::Leader { reads, .. } => reads.ask(id, read),
            Role::Follower { leader: Some(leader) } => {
                let leader = *leader;
                self.send(leader, self.release(Index(0)), Message::ReadIndex { read }, fx);
            }
            Role::Follower { leader: None } | Role::PreCandidate { .. } | Role::Candidate { .. } => {
                fx.sink.answer(Answer::CannotRead { read });
            }
        }
    }

    /// A follower forwards a read. Who does not lead any more says nothing: the follower will hear of a new leader.
    pub(crate) fn on_read_index(&mut self, from: NodeId, read: ReadId) {
        if let Role::Leader { reads, .. } = self.role_mut() {
            reads.ask(from, read);
        }
    }

    /// Begins a round if reads wait for one and none runs.
    pub(crate) fn begin_round(&mut self, config: &Config, fx: &mut Effects<impl Sink<C>>) {
        let Role::Leader { reads, .. } = self.role_mut() else { return };
        if reads.waiting.is_empty() || !reads.confirming.is_empty() {
            return;
        }
        reads.begin_round();
        self.ask_round(config, fx);
        self.end_round(config, fx);
    }

    /// Asks those who have not answered the running round, for the first time or again.
    pub(crate) fn ask_round(&self, config: &Config, fx: &mut Effects<impl Sink<C>>) {
        let Role::Leader { reads, .. } = self.role() else { return };
        if reads.confirming.is_empty() {
            return;
        }
        let silent = |peer: &NodeId| !reads.confirmed_by.contains(*peer);
        for peer in config.peers_of(self.id()).iter().filter(silent) {
            self.send(peer, Release::Now, Message::ReadRound { round: reads.round }, fx);
        }
    }

    /// The leader answers a read that this node has forwarded.
    pub(crate) fn on_read_index_reply(
        &self,
        from: NodeId,
        read: ReadId,
        index: Index,
        fx: &mut Effects<impl Sink<C>>,
    ) {
        match self.leader() {
            Some(leader) if leader != from => fx.blame(from, Misdeed::SecondLeader),
            Some(_) | None => fx.sink.answer(Answer::Readable { read, index }),
        }
    }

    /// The leader asks whether this node still follows it.
    pub(crate) fn on_read_round(&mut self, from: NodeId, round: u64, fx: &mut Effects<impl Sink<C>>) {
        if !self.follow(from) {
            return fx.blame(from, Misdeed::SecondLeader);
        }
        fx.reset_election_timer = true;
        self.send(from, self.release(Index(0)), Message::ReadRoundReply { round }, fx);
    }

    /// A node follows still.
    pub(crate) fn on_read_round_reply(
        &mut self,
        config: &Config,
        from: NodeId,
        round: u64,
        fx: &mut Effects<impl Sink<C>>,
    ) {
        if self.hear(config, from).is_none() {
            return;
        }
        let Role::Leader { reads, .. } = self.role_mut() else { return };
        if round > reads.round {
            return fx.blame(from, Misdeed::ImpossibleAnswer);
        }
        if round == reads.round && !reads.confirming.is_empty() {
            reads.confirmed_by.insert(from);
            self.end_round(config, fx);
        }
    }

    /// With a majority, itself included, the reads of the round may be answered.
    fn end_round(&mut self, config: &Config, fx: &mut Effects<impl Sink<C>>) {
        let (id, index) = (self.id(), self.read_index());
        let Role::Leader { reads, .. } = self.role_mut() else { return };
        let mut following = reads.confirmed_by;
        following.insert(id);
        if !quorum::is_majority(config.voters(), following) {
            return;
        }
        reads.confirmed_by = NodeSet::default();
        for (node, read) in core::mem::take(&mut reads.confirming).iter() {
            if node == id {
                fx.sink.answer(Answer::Readable { read: *read, index });
            } else {
                self.send(node, Release::Now, Message::ReadIndexReply { read: *read, index }, fx);
            }
        }
    }

    /// What a read must see. Before its first commit a leader does not know how much is committed, but it holds all of it:
    /// whatever it holds then will be (§8: "a leader must have the latest information on which entries are committed").
    fn read_index(&self) -> Index {
        let commit = self.commit_index();
        if self.log().term_at(commit) == Some(self.current_term()) { commit } else { self.log().last_index() }
    }
}
