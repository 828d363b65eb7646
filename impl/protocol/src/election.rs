//! Leader election (§5.2) and its restriction (§5.4.1).

use crate::config::Config;
use crate::effects::{Effects, Release, Sink};
use crate::log::{Entry, Payload};
use crate::message::Message;
use crate::node::Node;
use crate::progress::Progress;
use crate::quorum;
use crate::reads::Reads;
use crate::role::Role;
use crate::types::{Index, LogId, NodeId, NodeMap, NodeSet, Term};

impl<C> Node<C> {
    /// A node that hears no leader wants to become one (§5.2); with pre-vote, it asks first whether it would (thesis §9.6).
    pub(crate) fn on_election_timeout(&mut self, config: &Config, fx: &mut Effects<impl Sink<C>>) {
        if !config.voters().contains(self.id()) {
            return;
        }
        if config.pre_vote() { self.canvass(config, fx) } else { self.campaign(config, fx) }
    }

    /// Asks whether a majority would vote for it. Nothing durable changes, however often it asks in vain: a node that is cut
    /// off comes back with the term it left with.
    fn canvass(&mut self, config: &Config, fx: &mut Effects<impl Sink<C>>) {
        self.become_role(Role::PreCandidate { votes_granted: NodeSet::default() });
        fx.reset_election_timer = true;
        let last_log = self.log().last();
        for peer in config.peers_of(self.id()).iter() {
            self.send(peer, Release::Now, Message::PreVote { last_log }, fx);
        }
        self.count_pre_vote(config, self.id(), fx);
    }

    /// Would it vote for the sender in the term after this one? Its own term is not newer.
    pub(crate) fn on_pre_vote(
        &mut self,
        from: NodeId,
        term: Term,
        last_log: LogId,
        fx: &mut Effects<impl Sink<C>>,
    ) {
        let hears_a_leader = match self.role() {
            Role::Follower { leader } => leader.is_some(),
            Role::Leader { .. } => true,
            Role::PreCandidate { .. } | Role::Candidate { .. } => false,
        };
        if !hears_a_leader && last_log >= self.log().last() {
            // Asserts nothing: it promises no vote, and may be given to many.
            self.send_about(term, from, Release::Now, Message::PreVoteGranted, fx);
        }
    }

    /// Counts the answer to a question of the current term.
    pub(crate) fn on_pre_vote_granted(
        &mut self,
        config: &Config,
        from: NodeId,
        term: Term,
        fx: &mut Effects<impl Sink<C>>,
    ) {
        // After a crash that took its term back, a node may be told of a term that it does not know any more.
        if term == self.current_term() {
            self.count_pre_vote(config, from, fx);
        }
    }

    fn count_pre_vote(&mut self, config: &Config, from: NodeId, fx: &mut Effects<impl Sink<C>>) {
        let Role::PreCandidate { votes_granted } = self.role_mut() else { return };
        votes_granted.insert(from);
        if quorum::is_majority(config.voters(), *votes_granted) {
            self.campaign(config, fx);
        }
    }

    /// Figure 2, Candidates 1: new term, own vote, timer, RequestVote to all others.
    pub(crate) fn campaign(&mut self, config: &Config, fx: &mut Effects<impl Sink<C>>) {
        // At the end of all terms, which only a broken peer can bring about, nobody campaigns: to do so twice in
        // one term would be to vote twice.
        let Some(term) = self.current_term().next() else { return };
        self.enter_term(term, Some(self.id()), fx);
        self.become_role(Role::Candidate { votes_granted: NodeSet::default() });
        fx.reset_election_timer = true;
        // Asserts the term, the vote and the log, all of which may be lost until the disk has them. Asking earlier
        // would let a candidate ask twice in one term, with two logs.
        let last_log = self.log().last();
        for peer in config.peers_of(self.id()).iter() {
            self.send(peer, Release::AfterWrites, Message::RequestVote { last_log }, fx);
        }
    }

    /// Thesis §6.2: "a leader steps down if an election timeout elapses without a successful round of heartbeats to a majority
    /// of its cluster".
    pub(crate) fn check_quorum(&mut self, config: &Config, fx: &mut Effects<impl Sink<C>>) {
        let id = self.id();
        let Role::Leader { heard, .. } = self.role_mut() else { return };
        if !config.check_quorum() {
            return;
        }
        let mut in_touch = core::mem::take(heard);
        in_touch.insert(id);
        if quorum::is_majority(config.voters(), in_touch) {
            fx.reset_election_timer = true;
        } else {
            self.step_down(fx);
        }
    }

    /// Becomes a follower of nobody within its term. The vote it gave stands: forgotten, it could be given again.
    pub(crate) fn step_down(&mut self, fx: &mut Effects<impl Sink<C>>) {
        self.become_role(Role::Follower { leader: None });
        fx.reset_election_timer = true;
    }

    /// Figure 2, RequestVote receiver 2, for a request of the current term.
    pub(crate) fn on_request_vote(&mut self, from: NodeId, last_log: LogId, fx: &mut Effects<impl Sink<C>>) {
        let unpledged = self.voted_for().is_none_or(|candidate| candidate == from);
        let up_to_date = last_log >= self.log().last(); // §5.4.1
        let vote_granted = unpledged && up_to_date;
        if vote_granted {
            if self.voted_for().is_none() {
                self.vote_for(from, fx);
            }
            self.put_candidacy_off(fx);
        }
        // A grant asserts the vote, which no confirmation names, so it waits even if an earlier step cast it. A denial
        // asserts the term alone.
        let release = if vote_granted { Release::AfterWrites } else { self.release(Index(0)) };
        self.send(from, release, Message::RequestVoteReply { vote_granted }, fx);
    }

    /// §5.2: granting a vote resets the election timer. It also ends a canvass, whose answers may still be on their way.
    fn put_candidacy_off(&mut self, fx: &mut Effects<impl Sink<C>>) {
        fx.reset_election_timer = true;
        match self.role() {
            Role::PreCandidate { .. } => self.become_role(Role::Follower { leader: None }),
            Role::Follower { .. } | Role::Candidate { .. } | Role::Leader { .. } => {}
        }
    }

    /// Counts a vote of the current term.
    pub(crate) fn on_request_vote_reply(
        &mut self,
        config: &Config,
        from: NodeId,
        vote_granted: bool,
        fx: &mut Effects<impl Sink<C>>,
    ) {
        match self.role_mut() {
            // A set counts a duplicated grant once.
            Role::Candidate { votes_granted } if vote_granted => votes_granted.insert(from),
            Role::Candidate { .. }
            | Role::PreCandidate { .. }
            | Role::Follower { .. }
            | Role::Leader { .. } => return,
        }
        self.lead_with_majority(config, fx);
    }

    /// Figure 2, Candidates 2: "If votes received from majority of servers: become leader".
    pub(crate) fn lead_with_majority(&mut self, config: &Config, fx: &mut Effects<impl Sink<C>>) {
        match self.role() {
            // Its own vote too, even if others make a majority: what a leader sends asserts that vote, and must not have to
            // wait for it.
            Role::Candidate { votes_granted }
                if votes_granted.contains(self.id())
                    && quorum::is_majority(config.voters(), *votes_granted) => {}
            Role::Candidate { .. }
            | Role::PreCandidate { .. }
            | Role::Follower { .. }
            | Role::Leader { .. } => return,
        }
        let unknown = Progress::unknown(self.log().last_index());
        self.become_role(Role::Leader {
            progress: NodeMap::from_fn(config.peers_of(self.id()), |_| unknown),
            heard: NodeSet::default(),
            reads: Reads::default(),
            transfer: None,
        });
        fx.reset_election_timer = true; // from now on it measures for how long nobody answers
        // An entry of its own term, so that the entries of earlier terms can commit (§5.4.2, §8). The first heartbeat,
        // which announces the leader (Figure 2, Leaders 1), carries it to followers with an empty log, and asks the others
        // where their logs meet the leader's.
        let noop = Entry { term: self.current_term(), payload: Payload::Noop };
        self.append(self.log().last_index(), [noop], fx);
        self.on_heartbeat_timeout(config, fx);
    }
}
