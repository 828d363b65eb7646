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
//! * Where leaders keep account of what they sent, `next_index` may pass again what was refused: a conflict dies by `match_index`
//!   alone.
//! * An answer about a snapshot dies when the leader has a newer one; one about a round of reads when the round is over; a read
//!   that is forwarded when the leader has heard of it, or of a later one; its answer when no client waits for it.
//! * A granted pre-vote lives as long as its term: who is no pre-candidate now can be one again, within the term.
//! * A stale *request* is not dead: its answer carries the receiver's term, which may be news to the sender. But all stale
//!   requests of one sender to one receiver have the same answer for ever, so all but the least of them are redundant.

use crate::bounds::{Bounds, DeadRules};
use crate::network::Packet;
use crate::server::Server;
use seaworthy_protocol::invariants::clients::Clients;
use seaworthy_protocol::{AppendOutcome, Message, NodeId, NodeMap, Progress, ReadId, Reads, Role, Snapshot};

/// Is the message dead by the rules of a box?
#[must_use]
pub fn is_dead_by(bounds: &Bounds, packet: &Packet, receiver: &Server, clients: &Clients<u8>) -> bool {
    let is_stale = packet.term < receiver.node.current_term() && !packet.message.is_request();
    match bounds.dead {
        DeadRules::Sound => is_dead(bounds, packet, receiver, clients),
        DeadRules::AgainstMemory => is_dead(bounds, packet, receiver, clients) || is_stale,
    }
}

/// Can no delivery of this reply, now or ever, change anything? A request never dies; see
/// [`Network::elder`](crate::network::Network::elder).
#[must_use]
pub fn is_dead(bounds: &Bounds, packet: &Packet, receiver: &Server, clients: &Clients<u8>) -> bool {
    let on_disk = receiver.term_on_disk();
    if packet.message.is_request() || packet.term > on_disk {
        return false;
    }
    if packet.term < on_disk {
        return true;
    }
    match packet.message {
        Message::RequestVoteReply { vote_granted } => !(vote_granted && awaits_vote(receiver, packet.from)),
        Message::AppendEntriesReply(_)
        | Message::InstallSnapshotReply { .. }
        | Message::ReadRoundReply { .. }
            if bounds.check_quorum =>
        {
            !leads_or_may(receiver)
        }
        Message::AppendEntriesReply(outcome) => {
            !can_move_progress(receiver, packet.from, outcome, bounds.window.is_some())
        }
        Message::InstallSnapshotReply { snapshot, .. } => !can_move_transfer(receiver, snapshot),
        Message::ReadRoundReply { round } => !awaits_round(receiver, packet.from, round),
        Message::ReadIndex { read } => !is_news(receiver, packet.from, read),
        Message::ReadIndexReply { read, .. } => !clients.awaits(packet.to, read),
        // A node that is no pre-candidate now can be one again, and who was told to campaign can be told again.
        Message::PreVoteGranted | Message::TimeoutNow => false,
        Message::HigherTerm => true,
        Message::RequestVote { .. }
        | Message::PreVote { .. }
        | Message::AppendEntries { .. }
        | Message::InstallSnapshot(_)
        | Message::ReadRound { .. } => false,
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

/// In the term on its disk, is the receiver a leader of whom this is true, or may it become one?
fn leads_and(receiver: &Server, condition: impl Fn(&NodeMap<Progress>, &Reads) -> bool) -> bool {
    leads_or_may(receiver)
        && match receiver.node.role() {
            Role::Follower { .. } | Role::PreCandidate { .. } | Role::Candidate { .. } => true,
            Role::Leader { progress, reads, .. } => condition(progress, reads),
        }
}

/// Can this answer move what a leader knows of the follower?
fn can_move_progress(
    receiver: &Server,
    follower: NodeId,
    outcome: AppendOutcome,
    keeps_account: bool,
) -> bool {
    leads_and(receiver, |progress, _| {
        let Some(progress) = progress.get(follower) else { return false };
        match outcome {
            // Where a leader keeps account, a refusal makes it ask again where the logs meet, at match_index perhaps.
            AppendOutcome::Matched(index) if keeps_account => index >= progress.match_index,
            AppendOutcome::Matched(index) => index > progress.match_index,
            // Without account next_index goes down on the way to an agreement, and up only to just above match_index. With it
            // next_index runs ahead, and may pass again what was refused once.
            AppendOutcome::Conflict { prev_log_index, .. } => {
                prev_log_index > progress.match_index
                    && (keeps_account || prev_log_index < progress.next_index)
            }
        }
    })
}

/// Can an answer about this snapshot move a transfer? Not once the leader has a newer one.
fn can_move_transfer(receiver: &Server, snapshot: Snapshot) -> bool {
    let current = receiver.node.durable().snapshot();
    leads_or_may(receiver) && current.is_none_or(|current| current.last.index <= snapshot.last.index)
}

/// Does a leader wait for this answer to the round that runs?
fn awaits_round(receiver: &Server, follower: NodeId, round: u64) -> bool {
    leads_and(receiver, |_, reads| {
        reads.round == round && !reads.confirming.is_empty() && !reads.confirmed_by.contains(follower)
    })
}

/// Has a leader never heard of this read, nor of a later one of the same node?
fn is_news(receiver: &Server, from: NodeId, read: ReadId) -> bool {
    leads_and(receiver, |_, reads| reads.latest.get(from).is_none_or(|latest| *latest < read))
}
