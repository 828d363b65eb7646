//! Leadership transfer (thesis §3.10): the leader brings one follower up to date, then tells it to campaign at once.

use crate::config::Config;
use crate::effects::{Answer, Effects, Misdeed, Release, Sink};
use crate::message::Message;
use crate::node::Node;
use crate::role::Role;
use crate::types::NodeId;

impl<C> Node<C> {
    /// "The prior leader stops accepting new client requests", and what it has goes to the target as to everyone. It gives up
    /// after an election timeout.
    pub(crate) fn on_transfer(&mut self, config: &Config, to: NodeId, fx: &mut Effects<impl Sink<C>>) {
        if !self.is_leader() {
            return fx.sink.answer(Answer::NotLeader { leader: self.leader() });
        }
        if !config.peers_of(self.id()).contains(to) {
            return fx.sink.answer(Answer::CannotTransfer { to });
        }
        let Role::Leader { transfer, .. } = self.role_mut() else { return };
        // Its time-out begins once: who asks for the same again and again must not keep a leader from looking for its quorum.
        fx.reset_election_timer |= *transfer != Some(to);
        *transfer = Some(to);
        self.hasten(fx);
    }

    /// "It sends a TimeoutNow request", once the target has all that the leader has. Said again at each heartbeat, should it have
    /// been lost.
    pub(crate) fn hasten(&self, fx: &mut Effects<impl Sink<C>>) {
        let Some(to) = self.transfers_to() else { return };
        if self.is_up_to_date(to) {
            self.send(to, Release::Now, Message::TimeoutNow, fx);
        }
    }

    /// To whom the node hands the leadership over, if it does.
    #[must_use]
    pub const fn transfers_to(&self) -> Option<NodeId> {
        match self.role() {
            Role::Leader { transfer, .. } => *transfer,
            Role::Follower { .. } | Role::PreCandidate { .. } | Role::Candidate { .. } => None,
        }
    }

    fn is_up_to_date(&self, peer: NodeId) -> bool {
        let Role::Leader { progress, .. } = self.role() else { return false };
        progress.get(peer).is_some_and(|known| known.match_index == self.log().last_index())
    }

    /// "If leadership transfer does not complete after about an election timeout, the prior leader aborts the transfer and resumes
    /// accepting client requests." The target may campaign all the same, which is like any election.
    pub(crate) fn give_transfer_up(&mut self) {
        if let Role::Leader { transfer, .. } = self.role_mut() {
            *transfer = None;
        }
    }

    /// The leader wants this node to lead. It does not ask whether it would be elected: its peers hear a leader, and would say
    /// no.
    pub(crate) fn on_timeout_now(&mut self, config: &Config, from: NodeId, fx: &mut Effects<impl Sink<C>>) {
        if !self.follow(from) {
            return fx.blame(from, Misdeed::SecondLeader);
        }
        if config.voters().contains(self.id()) {
            self.campaign(config, fx);
        }
    }

    /// A node that cannot write must not lead: it could commit nothing, and nobody else would try. An heir that has all that
    /// the leader has can do so without delay.
    pub(crate) fn on_cannot_write(&mut self, heir: Option<NodeId>, fx: &mut Effects<impl Sink<C>>) {
        if let Some(heir) = heir.filter(|heir| self.is_up_to_date(*heir)) {
            self.send(heir, Release::Now, Message::TimeoutNow, fx);
        }
        match self.role() {
            Role::Follower { .. } => {}
            Role::PreCandidate { .. } | Role::Candidate { .. } | Role::Leader { .. } => self.step_down(fx),
        }
    }
}
