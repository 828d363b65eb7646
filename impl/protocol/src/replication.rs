//! Log replication (§5.3): AppendEntries, from both ends.

use crate::config::Config;
use crate::effects::{Answer, Effects, Misdeed, Release, Sink};
use crate::log::{Entries, Entry, Payload, Suffix};
use crate::message::{AppendOutcome, Message};
use crate::node::Node;
use crate::progress::{Pace, Progress};
use crate::role::Role;
use crate::types::{Index, LogId, NodeId};

impl<C> Node<C> {
    /// Figure 2, Leaders 2: "append entry to local log". Sending is left to [`Node::on_replicate`].
    pub(crate) fn on_propose(&mut self, command: C, fx: &mut Effects<impl Sink<C>>) {
        match self.role() {
            Role::Leader { transfer: None, .. } => {}
            Role::Leader { transfer: Some(to), .. } => {
                return fx.sink.answer(Answer::Transferring { to: *to });
            }
            Role::Follower { .. } | Role::PreCandidate { .. } | Role::Candidate { .. } => {
                return fx.sink.answer(Answer::NotLeader { leader: self.leader() });
            }
        }
        let entry = Entry { term: self.current_term(), payload: Payload::Command(command) };
        self.append(self.log().last_index(), [entry], fx);
        fx.sink.answer(Answer::Appended(self.log().last()));
    }

    /// A leader's heartbeat: AppendEntries to everyone, with what each one lacks (Figure 2, Leaders 1 and 3).
    pub(crate) fn on_heartbeat_timeout(&mut self, config: &Config, fx: &mut Effects<impl Sink<C>>) {
        self.replicate(config, true, fx);
        self.ask_round(config, fx);
        self.hasten(fx);
    }

    /// A replication between heartbeats, to those alone who lack entries; and the next round of reads.
    pub(crate) fn on_replicate(&mut self, config: &Config, fx: &mut Effects<impl Sink<C>>) {
        self.replicate(config, false, fx);
        self.begin_round(config, fx);
    }

    fn replicate(&mut self, config: &Config, is_heartbeat: bool, fx: &mut Effects<impl Sink<C>>) {
        for peer in config.peers_of(self.id()).iter() {
            let Role::Leader { progress, .. } = self.role() else { return };
            let Some(known) = progress.get(peer).copied() else { continue };
            // What precedes the next entry is known of entries and of the base, not of what lies before.
            let lacks_compacted = known.next_index.previous() < self.log().base().index;
            let now = match known.pace {
                Pace::Probe { .. } | Pace::Replicate { .. } if !lacks_compacted => {
                    self.send_append_entries(config, peer, known, is_heartbeat, fx)
                }
                Pace::Probe { .. } | Pace::Replicate { .. } | Pace::Snapshot { .. } => {
                    self.send_chunk(config, peer, known, is_heartbeat, fx)
                }
            };
            if now != known {
                self.set_progress(peer, now);
            }
        }
    }

    fn set_progress(&mut self, peer: NodeId, now: Progress) {
        let Role::Leader { progress, .. } = self.role_mut() else { return };
        if let Some(progress) = progress.get_mut(peer) {
            *progress = now;
        }
    }

    /// As many messages as the window allows; answers the follower's progress. A heartbeat sends at least one, which may be empty:
    /// it asks whether all before it has arrived.
    fn send_append_entries(
        &self,
        config: &Config,
        peer: NodeId,
        mut progress: Progress,
        is_heartbeat: bool,
        fx: &mut Effects<impl Sink<C>>,
    ) -> Progress {
        let mut is_due = is_heartbeat;
        loop {
            let index = progress.next_index.previous();
            let (entries, bytes) = self.sendable(config, &progress, fx);
            let has_news = match progress.pace {
                Pace::Probe { asked } => !asked && index < self.log().last_index(),
                Pace::Replicate { .. } => !entries.is_empty(),
                Pace::Snapshot { .. } => false,
            };
            if !is_due && !has_news {
                return progress;
            }
            let prev_log = LogId { term: self.log().term_at(index).unwrap_or_default(), index };
            let leader_commit = self.commit_index();
            // Asserts the leader's term and vote, confirmed before it led, and nothing of its own disk beyond: the
            // followers' disks work while its own does (thesis §10.2.1).
            self.send(peer, Release::Now, Message::AppendEntries { prev_log, entries, leader_commit }, fx);
            if config.window().is_none() {
                return progress;
            }
            progress.sent(entries.len(), bytes);
            is_due = false;
        }
    }

    /// The entries that may go to a follower now, and their weight.
    fn sendable(
        &self,
        config: &Config,
        progress: &Progress,
        fx: &Effects<impl Sink<C>>,
    ) -> (&[Entry<C>], usize) {
        // Until both logs are known to meet, a message carries nothing but the question where: entries that may be
        // refused would be sent in vain (thesis §3.5).
        let Pace::Replicate { bytes_in_flight } = progress.pace else { return (&[], 0) };
        let rest = self.log().after(progress.next_index.previous(), config.max_entries_per_append());
        let Some(window) = config.window() else { return (rest, 0) };
        let count = window.entries.get().saturating_sub(progress.in_flight());
        let room = window.bytes.get().saturating_sub(bytes_in_flight);
        let rest = rest.get(..count).unwrap_or(rest);
        // Nearly always all of them do, and a plain sum is half as dear.
        let bytes = weight(rest, fx);
        if bytes <= room {
            return (rest, bytes);
        }
        let (mut fitting, mut bytes) = (0, 0);
        for entry in rest {
            let sum = fx.sink.weight(entry).saturating_add(bytes);
            // One that is heavier than the window goes alone.
            if sum > room && (fitting > 0 || progress.in_flight() > 0) {
                break;
            }
            (fitting, bytes) = (fitting + 1, sum);
        }
        (rest.get(..fitting).unwrap_or_default(), bytes)
    }

    /// How much the entries after one index up to another weigh, of those that are not compacted.
    pub(crate) fn weight_between(&self, after: Index, end: Index, fx: &Effects<impl Sink<C>>) -> usize {
        let after = after.max(self.log().base().index);
        let count = usize::try_from(end.0.saturating_sub(after.0)).unwrap_or(usize::MAX);
        weight(self.log().after(after, count), fx)
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
        // 2. "Reply false if log doesn't contain an entry at prevLogIndex whose term matches prevLogTerm" (§5.3). What was
        // compacted is committed: the leader has it too, and so do both up to the base.
        let base = self.log().base();
        if prev_log.index >= base.index && !self.log().holds(prev_log) {
            let hint = self.log().last_agreeable(prev_log);
            let conflict = AppendOutcome::Conflict { prev_log_index: prev_log.index, hint };
            return self.send(from, self.release(Index(0)), Message::AppendEntriesReply(conflict), fx);
        }
        // 3 and 4. "If an existing entry conflicts with a new one, delete the existing entry and all that follow it";
        // "append any new entries not already in the log". What the log holds already stays, and with it whatever
        // follows: the message may be old, and a newer one may have brought more.
        let last_new = prev_log.index.plus(entries.as_ref().len());
        let compacted = usize::try_from(base.index.0.saturating_sub(prev_log.index.0)).unwrap_or(usize::MAX);
        let known = entries.as_ref().get(compacted..).unwrap_or_default();
        let at_base = compacted.checked_sub(1).and_then(|position| entries.as_ref().get(position));
        if at_base.is_some_and(|entry| entry.term != base.term) {
            return fx.blame(from, Misdeed::ContradictsCommitted);
        }
        let held = compacted.saturating_add(self.log().matching(prev_log.index.max(base.index), known));
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
    pub(crate) fn follow(&mut self, from: NodeId) -> bool {
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
        let (base, last_index) = (self.log().base().index, self.log().last_index());
        let Some(known) = self.hear(config, from).copied() else { return };
        let Progress { match_index, next_index, pace } = known;
        match outcome {
            AppendOutcome::Matched(index) if index > last_index => fx.blame(from, Misdeed::ImpossibleAnswer),
            AppendOutcome::Matched(index) if !known.is_news(index) => {}
            AppendOutcome::Matched(index) => {
                let last_sent = next_index.previous();
                let bytes = match pace {
                    Pace::Probe { .. } | Pace::Snapshot { .. } => 0,
                    // All that was on its way has arrived, as in a cluster that is well: nothing need be weighed.
                    Pace::Replicate { bytes_in_flight } if index >= last_sent || bytes_in_flight == 0 => {
                        bytes_in_flight
                    }
                    Pace::Replicate { .. } => self.weight_between(match_index, index, fx),
                };
                if let Some(progress) = self.hear(config, from) {
                    progress.matched(index, base, bytes);
                }
                self.advance_commit_index(config);
                if self.transfers_to() == Some(from) {
                    self.hasten(fx);
                }
            }
            AppendOutcome::Conflict { prev_log_index, hint } => {
                if prev_log_index > last_index || hint.index > prev_log_index {
                    return fx.blame(from, Misdeed::ImpossibleAnswer);
                }
                // The answer to an older question says nothing new, and below match_index nothing can conflict.
                if prev_log_index > match_index && prev_log_index < next_index {
                    self.back_up(config, from, hint);
                }
            }
        }
    }

    /// Moves next_index back to the last entry that both logs could hold: at least a whole term at a time (§5.3).
    fn back_up(&mut self, config: &Config, peer: NodeId, hint: LogId) {
        let agreeable = self.log().last_agreeable(hint);
        let base = self.log().base().index;
        let Some(progress) = self.hear(config, peer) else { return };
        // Where no entry that is left can be the one, the follower lacks what was compacted. Unless the refusal is old, and the
        // follower has got all that since: to whom nothing can be installed, its snapshot would never end.
        let is_beyond = agreeable.index > hint.index || agreeable.term > hint.term;
        let is_compacted = is_beyond && progress.match_index < base;
        if is_compacted {
            progress.needs_snapshot();
        } else {
            progress.back_up_to(agreeable.index);
        }
    }
}

/// How many bytes these entries take on the wire.
fn weight<C>(entries: &[Entry<C>], fx: &Effects<impl Sink<C>>) -> usize {
    entries.iter().map(|entry| fx.sink.weight(entry)).fold(0, usize::saturating_add)
}
