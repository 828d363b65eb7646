//! The network that never forgets, and the messages that have died.
//!
//! The network is a *set*, and delivering a message does not remove it. A message that is never delivered is lost; one
//! delivered twice is duplicated; delivered late, it is delayed or reordered; and a partition is the messages across it not
//! being delivered. So loss, duplication, reordering, unbounded delay and every partition are covered at once, with fewer
//! states than a bag of messages has.
//!
//! # Dead messages
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
//! * A stale *request* is not dead: its answer carries the receiver's term, which may be news to the sender. But all stale
//!   requests of one sender to one receiver have the same answer for ever, so all but the least of them are redundant.

use crate::interned::Interned;
use crate::server::Server;
use crate::symmetry::{Digests, Permutation, Rename};
use seaworthy_protocol::{AppendOutcome, Entry, Envelope, Message, NodeId, Role};

/// A message of the model.
pub type Packet = Envelope<Vec<Entry<u8>>>;

impl Rename for Packet {
    fn renamed(&self, permutation: &Permutation) -> Self {
        let (from, to) = (permutation.image(self.from), permutation.image(self.to));
        Self { from, to, term: self.term, message: self.message.clone() }
    }
}

/// A set of messages, in order, with the sums of their digests.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Network {
    packets: Vec<Interned<Packet>>,
    sums: Digests,
}

impl Network {
    /// The empty network, for that many renamings.
    #[must_use]
    pub fn new(permutations: usize) -> Self {
        Self { packets: Vec::new(), sums: Digests::from_elem(0, permutations) }
    }

    /// The messages, in order.
    #[must_use]
    pub fn packets(&self) -> &[Interned<Packet>] {
        &self.packets
    }

    /// The sum of the digests of all messages, under each renaming.
    #[must_use]
    pub const fn sums(&self) -> &Digests {
        &self.sums
    }

    /// Is the message in the network?
    #[must_use]
    pub fn contains(&self, packet: Interned<Packet>) -> bool {
        self.packets.binary_search(&packet).is_ok()
    }

    /// Adds a message; false if it was there.
    pub fn insert(&mut self, packet: Interned<Packet>) -> bool {
        let Err(position) = self.packets.binary_search(&packet) else { return false };
        self.packets.insert(position, packet);
        for (sum, digest) in self.sums.iter_mut().zip(packet.digests()) {
            *sum = sum.wrapping_add(*digest);
        }
        true
    }

    /// Removes a message, if it is there.
    pub fn remove(&mut self, packet: Interned<Packet>) {
        let Ok(position) = self.packets.binary_search(&packet) else { return };
        self.packets.remove(position);
        for (sum, digest) in self.sums.iter_mut().zip(packet.digests()) {
            *sum = sum.wrapping_sub(*digest);
        }
    }

    /// The least stale request that makes this one redundant, if there is one.
    #[must_use]
    pub fn elder(&self, packet: Interned<Packet>, receiver: &Server) -> Option<Interned<Packet>> {
        let is_stale = |packet: &Packet| packet.message.is_request() && packet.term < receiver.term_on_disk();
        let of_the_pair = |other: &&Interned<Packet>| other.from == packet.from && other.to == packet.to;
        if !is_stale(&packet) {
            return None;
        }
        let least = self.packets.iter().filter(of_the_pair).find(|other| is_stale(other))?;
        (*least < packet).then_some(*least)
    }
}

/// Can no delivery of this reply, now or ever, change anything? A request never dies; see [`Network::elder`].
#[must_use]
pub fn is_dead(packet: &Packet, receiver: &Server) -> bool {
    let on_disk = receiver.term_on_disk();
    if packet.message.is_request() || packet.term > on_disk {
        return false;
    }
    if packet.term < on_disk {
        return true;
    }
    match packet.message {
        Message::RequestVoteReply { vote_granted } => !(vote_granted && awaits_vote(receiver, packet.from)),
        Message::AppendEntriesReply(outcome) => !can_move_progress(receiver, packet.from, outcome),
        Message::HigherTerm => true,
        Message::RequestVote { .. } | Message::AppendEntries { .. } => false,
    }
}

/// In the term on its disk, is the receiver a candidate that has not counted this vote?
fn awaits_vote(receiver: &Server, voter: NodeId) -> bool {
    match receiver.node.role() {
        Role::Candidate { votes_granted } => {
            receiver.node.current_term() == receiver.term_on_disk() && !votes_granted.contains(voter)
        }
        Role::Follower { .. } | Role::Leader { .. } => false,
    }
}

/// In the term on its disk, is the receiver a leader (or may it become one) whose progress this answer can move?
fn can_move_progress(receiver: &Server, follower: NodeId, outcome: AppendOutcome) -> bool {
    if receiver.node.current_term() != receiver.term_on_disk() {
        return false;
    }
    let progress = match receiver.node.role() {
        Role::Follower { .. } => return false,
        Role::Candidate { .. } => return true,
        Role::Leader { progress } => progress.get(follower),
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
