//! The network that never forgets.
//!
//! The network is a *set*, and delivering a message does not remove it. A message that is never delivered is lost; one
//! delivered twice is duplicated; delivered late, it is delayed or reordered; and a partition is the messages across it not
//! being delivered. So loss, duplication, reordering, unbounded delay and every partition are covered at once, with fewer
//! states than a bag of messages has.

use crate::interned::Interned;
use crate::symmetry::{Permutation, Rename};
use seaworthy_protocol::{Entry, Envelope, Message, Term};

/// A message of the model.
pub type Packet = Envelope<Vec<Entry<u8>>>;

impl Rename for Packet {
    fn renamed(&self, permutation: &Permutation) -> Self {
        let (from, to) = (permutation.image(self.from), permutation.image(self.to));
        Self { from, to, term: self.term, message: self.message.clone() }
    }
}

/// A set of messages, in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Network {
    packets: Vec<Interned<Packet>>,
}

impl Network {
    /// The messages, in order.
    #[must_use]
    pub fn packets(&self) -> &[Interned<Packet>] {
        &self.packets
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
        true
    }

    /// Removes a message, if it is there.
    pub fn remove(&mut self, packet: Interned<Packet>) {
        if let Ok(position) = self.packets.binary_search(&packet) {
            self.packets.remove(position);
        }
    }

    /// The least request, stale by the term on the receiver's disk, that makes this one redundant, if there is one.
    #[must_use]
    pub fn elder(&self, packet: Interned<Packet>, on_disk: Term) -> Option<Interned<Packet>> {
        let is_stale = |packet: &Packet| packet.message.is_request() && packet.term < on_disk;
        let of_the_pair = |other: &&Interned<Packet>| other.from == packet.from && other.to == packet.to;
        if !is_stale(&packet) {
            return None;
        }
        let least = self.packets.iter().filter(of_the_pair).find(|other| is_stale(other))?;
        (*least < packet).then_some(*least)
    }
}

/// Is this a request for a vote?
#[must_use]
pub const fn is_vote_request(packet: &Packet) -> bool {
    matches!(packet.message, Message::RequestVote { .. })
}
