//! Log replication (§5.3): AppendEntries, from both ends.

use crate::config::Config;
use crate::effects::{Answer, Effects, Misdeed, Release, Sink};
use crate::log::{Entries, Entry, Payload, Suffix};
use crate::message::{AppendOutcome, Message};
use crate::node::{Node, Progress, Role};
use crate::types::{Index, LogId, NodeId};

impl<C> Node<C> {
    /// Figure 2, Leaders 2: "append entry to local log". Sending is left to [`Node::on_replicate`].
    pub(crate) fn on_propose(&mut self, command: C, fx: &mut Effects<impl Sink<C>>) {
        if !self.is_leader() {
            return fx.sink.answer(Answer::NotLeader { leader: self.leader() });
        }
        let entry = Entry { term: self.current_term(), payload: Payload::Command(command) };
        self.append(self.log().last_index(), [entry], fx);
        fx.sink.answer(Answer::Appended(self.log().last()));
    }

    /// A leader's heartbeat: AppendEntries to everyone, with what each one lacks (Figure 2, Leaders 1 and 3).
    pub(crate) fn on_heartbeat_timeout(&self, config: &Config, fx: &mut Effects<impl Sink<C>>) {
        self.send_append_entries(config, |_| true, fx);
    }

    /// A replication between heartbeats, to those alone who lack entries.
    pub(crate) fn on_replicate(&self, config: &Config, fx: &mut Effects<impl Sink<C>>) {
        let last_index = self.log().last_index();
        self.send_append_entries(config, |progress| progress.next_index <= last_index, fx);
    }

    fn send_append_entries(
        &self,
        config: &Config,
        wanted: impl Fn(&Progress) -> bool,
        fx: &mut Effects<impl Sink<C>>,
    ) {
        let Role::Leader { progress, .. } = self.role() else { return };
        for (peer, progress) in progress.iter().filter(|(_, progress)| wanted(progress)) {
            let index = progress.next_index.previous();
            let prev_log = LogId { term: self.log().term_at(index).unwrap_or_default(), index };
            // Until both logs are known to meet, a message carries nothing but the question where: entries that may be
            // refused would be sent in vain (thesis §3.5).
            let is_probe = progress.match_index != index;
            let limit = if is_probe { 0 } else { config.max_entries_per_append() };
            let entries = self.log().after(index, limit);
            let leader_commit = self.commit_index();
            // Asserts the leader's term and vote, confirmed before it led, and nothing of its own disk beyond: the
            // followers' disks work while its own does (thesis §10.2.1).
            self.send(peer, Release::Now, Message::AppendEntries { prev_log, entries, leader_commit }, fx);
        }
    }

    /// Figure 2, AppendEntries receiver 2 to 5, for a message of the current term.
    pub(crate) fn on_append_entries<E: Entries<C>>(
        &mut self,
        from: NodeId,
        prev_log: LogId,
        entries: E,
        leader_commit: Index,
        fx: &mut Effects<impl Sink<C>>,
    ) {
        if !self.follow(from) {
            return fx.blame(from, Misdeed::SecondLeader);
        }
        fx.reset_election_timer = true;
        // 2. "Reply false if log doesn't contain an entry at prevLogIndex whose term matches prevLogTerm" (§5.3)
        if !self.log().holds(prev_log) {
            let hint = self.log().last_agreeable(prev_log);
            let conflict = AppendOutcome::Conflict { prev_log_index: prev_log.index, hint };
            return self.send(from, self.release(Index(0)), Message::AppendEntriesReply(conflict), fx);
        }
        // 3 and 4. "If an existing entry conflicts with a new one, delete the existing entry and all that follow it";
        // "append any new entries not already in the log". What the log holds already stays, and with it whatever
        // follows: the message may be old, and a newer one may have brought more.
        let last_new = prev_log.index.plus(entries.as_ref().len());
        let held = self.log().matching(prev_log.index, entries.as_ref());
        if held < entries.as_ref().len() {
            let after = prev_log.index.plus(held);
            if after < self.commit_index() {
                return fx.blame(from, Misdeed::ContradictsCommitted);
            }
            self.append(after, Suffix { entries, skip: held }, fx);
        }
        // 5. "set commitIndex = min(leaderCommit, index of last new entry)". What follows the last new entry may be
        // a stale tail that the leader does not have.
        self.commit_up_to(leader_commit.min(last_new));
        let matched = Message::AppendEntriesReply(AppendOutcome::Matched(last_new));
        self.send(from, self.release(last_new), matched, fx);
    }

    /// Recognises the leader of the current term (§5.2); false if there is another one already.
    fn follow(&mut self, from: NodeId) -> bool {
        match self.role() {
            Role::Leader { .. } => false,
            Role::Follower { leader: Some(leader) } => *leader == from,
            Role::Follower { leader: None } | Role::PreCandidate { .. } | Role::Candidate { .. } => {
                self.become_role(Role::Follower { leader: Some(from) });
                true
            }
        }
    }

    /// Figure 2, Leaders 3, second half: an answer of the current term moves the follower's progress.
    pub(crate) fn on_append_entries_reply(
        &mut self,
        config: &Config,
        from: NodeId,
        outcome: AppendOutcome,
        fx: &mut Effects<impl Sink<C>>,
    ) {
        let last_index = self.log().last_index();
        let Role::Leader { progress, heard } = self.role_mut() else { return };
        let Some(Progress { match_index, next_index }) = progress.get_mut(from) else { return };
        if config.check_quorum() {
            heard.insert(from);
        }
        match outcome {
            AppendOutcome::Matched(index) if index > last_index => fx.blame(from, Misdeed::ImpossibleAnswer),
            AppendOutcome::Matched(index) => {
                // An old answer never takes anything back.
                *match_index = index.max(*match_index);
                *next_index = match_index.plus(1).max(*next_index);
                self.advance_commit_index(config);
            }
            AppendOutcome::Conflict { prev_log_index, hint } => {
                if prev_log_index > last_index || hint.index > prev_log_index {
                    return fx.blame(from, Misdeed::ImpossibleAnswer);
                }
                // The answer to an older question says nothing new, and below match_index nothing can conflict.
                let is_current = prev_log_index == next_index.previous() && prev_log_index > *match_index;
                if is_current {
                    self.back_up(from, hint);
                }
            }
        }
    }

    /// Moves next_index back to the last entry that both logs could hold: at least a whole term at a time (§5.3).
    fn back_up(&mut self, peer: NodeId, hint: LogId) {
        let agreeable = self.log().last_agreeable(hint).index;
        let Role::Leader { progress, .. } = self.role_mut() else { return };
        let Some(Progress { match_index, next_index }) = progress.get_mut(peer) else { return };
        *next_index = agreeable.max(*match_index).plus(1);
    }
}
