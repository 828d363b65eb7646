//! Which messages are dead.
//!
//! A message is dead when its delivery, now or ever, can change nothing; dead messages are removed. The judgement looks
//! at everything the receiver can come back as, so it compares with the term on its *disk*: with a `Fifo` disk a crash
//! takes the term in memory back. Three tests hold the rules to that: the property `DeadIsInert` at each removal, the
//! induction check that the dead stay dead (`induction.rs`), and mutants of the rules themselves.
//!
//! * A reply of a term below the receiver's disk is stale for good.
//! * `HigherTerm` of the disk's own term has nothing left to say.
//! * In the disk's own term, a vote counts only for a candidate that has not counted it, and an append answer only for a
//!   leader whose progress it can move. A node that is neither now can never be either again in a term it has on disk.
//!   Where leaders check for a quorum every answer of a leader's term is a sign of life, and none dies before its term does.
//! * A granted pre-vote lives as long as its term: who is no pre-candidate now can be one again, within the term.
//! * A stale *request* is not dead: its answer carries the receiver's term, which may be news to the sender. But all stale
//!   requests of one sender to one receiver have the same answer for ever, so all but the least of them are redundant.

use crate::bounds::DeadRules;
use crate::network::Packet;
use crate::server::Server;
use seaworthy_protocol::{AppendOutcome, Message, NodeId, Role};

/// Is the message dead by these rules?
#[must_use]
pub fn is_dead_by(rules: DeadRules, check_quorum: bool, packet: &Packet, receiver: &Server) -> bool {
    let is_stale = packet.term < receiver.node.current_term() && !packet.message.is_request();
    match rules {
        DeadRules::Sound => is_dead(check_quorum, packet, receiver),
        DeadRules::AgainstMemory => is_dead(check_quorum, packet, receiver) || is_stale,
    }
}

/// Can no delivery of this reply, now or ever, change anything? A request never dies; see
/// [`Network::elder`](crate::network::Network::elder).
#[must_use]
pub fn is_dead(check_quorum: bool, packet: &Packet, receiver: &Server) -> bool {
    let on_disk = receiver.term_on_disk();
    if packet.message.is_request() || packet.term > on_disk {
        return false;
    }
    if packet.term < on_disk {
        return true;
    }
    match packet.message {
        Message::RequestVoteReply { vote_granted } => !(vote_granted && awaits_vote(receiver, packet.from)),
        Message::AppendEntriesReply(_) if check_quorum => !leads_or_may(receiver),
        Message::AppendEntriesReply(outcome) => !can_move_progress(receiver, packet.from, outcome),
        // A node that is no pre-candidate now can be one again, within its term.
        Message::PreVoteGranted => false,
        Message::HigherTerm => true,
        Message::RequestVote { .. } | Message::PreVote { .. } | Message::AppendEntries { .. } => false,
    }
}

/// In the term on its disk, is the receiver a candidate that has not counted this vote?
fn awaits_vote(receiver: &Server, voter: NodeId) -> bool {
    match receiver.node.role() {
        Role::Candidate { votes_granted } => {
            receiver.node.current_term() == receiver.term_on_disk() && !votes_granted.contains(voter)
        }
        Role::Follower { .. } | Role::PreCandidate { .. } | Role::Leader { .. } => false,
    }
}

/// In the term on its disk, is the receiver a leader, or may it become one?
fn leads_or_may(receiver: &Server) -> bool {
    let in_term = receiver.node.current_term() == receiver.term_on_disk();
    match receiver.node.role() {
        Role::Follower { .. } | Role::PreCandidate { .. } => false,
        Role::Candidate { .. } | Role::Leader { .. } => in_term,
    }
}

/// In the term on its disk, is the receiver a leader whose progress this answer can move, or may it become one?
fn can_move_progress(receiver: &Server, follower: NodeId, outcome: AppendOutcome) -> bool {
    if !leads_or_may(receiver) {
        return false;
    }
    let progress = match receiver.node.role() {
        Role::Follower { .. } | Role::PreCandidate { .. } | Role::Candidate { .. } => return true,
        Role::Leader { progress, .. } => progress.get(follower),
    };
    let Some(progress) = progress else { return false };
    match outcome {
        AppendOutcome::Matched(index) => index > progress.match_index,
        // next_index goes down on the way to an agreement, and up only to just above match_index.
        AppendOutcome::Conflict { prev_log_index, .. } => {
            prev_log_index > progress.match_index && prev_log_index < progress.next_index
        }
    }
}
