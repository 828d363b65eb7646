//! What is wrong with a message, whatever the state of the node that gets it. Nothing a peer says can panic a node.

use crate::config::Config;
use crate::effects::Misdeed;
use crate::log::Entries;
use crate::message::{AppendOutcome, Envelope, Message};
use crate::types::{Index, LogId, NodeId, Term};

/// No log comes this far, at any speed. A snapshot that claims to would leave no index for what follows it; entries, which come
/// one by one, cannot.
const INDEX_MAX: Index = Index(u64::MAX / 2);

/// What is wrong with a message to a node, if anything.
pub(crate) fn misdeed<C, E: Entries<C>>(
    config: &Config,
    id: NodeId,
    envelope: &Envelope<E>,
) -> Option<Misdeed> {
    if envelope.to != id {
        return Some(Misdeed::WrongAddressee);
    }
    if !config.peers_of(id).contains(envelope.from) {
        return Some(Misdeed::NotAVoter);
    }
    // Before the first election nobody says anything but to ask whether there should be one.
    if envelope.term == Term(0) && !envelope.message.is_pre_vote() {
        return Some(Misdeed::TermZero);
    }
    (!is_well_formed(envelope.term, &envelope.message)).then_some(Misdeed::Malformed)
}

fn is_well_formed<C, E: Entries<C>>(term: Term, message: &Message<E>) -> bool {
    match message {
        // A candidate has just begun its term: its log can hold nothing of it.
        Message::RequestVote { last_log } => is_log_id(*last_log) && last_log.term < term,
        Message::PreVote { last_log } => is_log_id(*last_log) && last_log.term <= term,
        Message::AppendEntries { prev_log, entries, leader_commit: _ } => {
            let entries = entries.as_ref();
            let [first, last] = [entries.first(), entries.last()].map(|it| it.map_or(term, |it| it.term));
            is_log_id(*prev_log)
                && Term(0) < first
                && prev_log.term <= first
                && entries.is_sorted_by_key(|entry| entry.term)
                && last <= term
        }
        Message::AppendEntriesReply(AppendOutcome::Conflict { prev_log_index: _, hint }) => is_log_id(*hint),
        Message::InstallSnapshot(chunk) => {
            let last = chunk.snapshot.last;
            let is_entry = is_log_id(last) && Index(0) < last.index && last.index <= INDEX_MAX;
            is_entry && last.term <= term && chunk.is_well_formed()
        }
        Message::InstallSnapshotReply { snapshot, offset, received } => {
            *received <= snapshot.length && *offset <= snapshot.length
        }
        Message::AppendEntriesReply(AppendOutcome::Matched(_))
        | Message::RequestVoteReply { .. }
        | Message::PreVoteGranted
        | Message::ReadIndex { .. }
        | Message::ReadIndexReply { .. }
        | Message::ReadRound { .. }
        | Message::ReadRoundReply { .. }
        | Message::TimeoutNow
        | Message::HigherTerm => true,
    }
}

/// Index 0 and term 0 come together or not at all.
fn is_log_id(id: LogId) -> bool {
    (id.index == Index(0)) == (id.term == Term(0))
}
