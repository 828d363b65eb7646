//! Leader election (§5.2) and its restriction (§5.4.1).

use crate::config::Config;
use crate::effects::{Effects, Release, Sink};
use crate::log::{Entry, Payload};
use crate::message::Message;
use crate::node::{Node, Progress, Role};
use crate::quorum;
use crate::types::{Index, LogId, NodeId, NodeMap, NodeSet};

impl<C> Node<C> {
    /// Figure 2, Candidates 1: new term, own vote, timer, RequestVote to all others.
    pub(crate) fn on_election_timeout(&mut self, config: &Config, fx: &mut Effects<impl Sink<C>>) {
        if self.is_leader() || !config.voters().contains(self.id()) {
            return;
        }
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

    /// Figure 2, RequestVote receiver 2, for a request of the current term.
    pub(crate) fn on_request_vote(&mut self, from: NodeId, last_log: LogId, fx: &mut Effects<impl Sink<C>>) {
        let unpledged = self.voted_for().is_none_or(|candidate| candidate == from);
        let up_to_date = last_log >= self.log().last(); // §5.4.1
        let vote_granted = unpledged && up_to_date;
        if vote_granted {
            if self.voted_for().is_none() {
                self.vote_for(from, fx);
            }
            fx.reset_election_timer = true; // §5.2: granting a vote puts one's own candidacy off
        }
        // A grant asserts the vote, which no confirmation names, so it waits even if an earlier step cast it. A denial
        // asserts the term alone.
        let release = if vote_granted { Release::AfterWrites } else { self.release(Index(0)) };
        self.send(from, release, Message::RequestVoteReply { vote_granted }, fx);
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
            Role::Candidate { .. } | Role::Follower { .. } | Role::Leader { .. } => return,
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
            Role::Candidate { .. } | Role::Follower { .. } | Role::Leader { .. } => return,
        }
        let next_index = self.log().last_index().plus(1);
        let unknown = Progress { match_index: Index(0), next_index };
        self.become_role(Role::Leader {
            progress: NodeMap::from_fn(config.peers_of(self.id()), |_| unknown),
        });
        // An entry of its own term, so that the entries of earlier terms can commit (§5.4.2, §8). The first heartbeat,
        // which announces the leader (Figure 2, Leaders 1), carries it to followers with an empty log, and asks the others
        // where their logs meet the leader's.
        let noop = Entry { term: self.current_term(), payload: Payload::Noop };
        self.append(self.log().last_index(), [noop], fx);
        self.on_heartbeat_timeout(config, fx);
    }
}
