//! All that was ever sent. Like the model's, this network never forgets: whatever became of a message, it can still arrive, and
//! arrive again.

use crate::Envelope;
use seaworthy_protocol::{NodeId, NodeSet};

/// The messages of a run, in the order in which they left.
#[derive(Clone, Debug, Default)]
pub struct Network {
    sent: Vec<Sent>,
    /// The sides of a partition; none, and all are on one side.
    sides: Vec<NodeSet>,
}

#[derive(Clone, Debug)]
struct Sent {
    envelope: Envelope,
    is_in_flight: bool,
}

impl Network {
    /// A message leaves. False if it is lost at once.
    pub fn send(&mut self, envelope: Envelope) -> bool {
        let is_in_flight = self.reaches(envelope.from, envelope.to);
        self.sent.push(Sent { envelope, is_in_flight });
        is_in_flight
    }

    /// All messages that were ever sent.
    pub fn ever_sent(&self) -> impl Iterator<Item = &Envelope> {
        self.sent.iter().map(|sent| &sent.envelope)
    }

    /// Takes a message that is to arrive. False if it was never sent. One that arrived before, or was lost, is a late copy.
    pub fn take(&mut self, envelope: &Envelope) -> bool {
        let in_flight = |sent: &&mut Sent| sent.is_in_flight && sent.envelope == *envelope;
        if let Some(sent) = self.sent.iter_mut().find(in_flight) {
            sent.is_in_flight = false;
            return true;
        }
        self.ever_sent().any(|sent| sent == envelope)
    }

    /// Takes what is in flight and is wanted, oldest first.
    pub fn take_all(&mut self, wanted: impl Fn(&Envelope) -> bool) -> Vec<Envelope> {
        let in_flight = self.sent.iter_mut().filter(|sent| sent.is_in_flight && wanted(&sent.envelope));
        let take = |sent: &mut Sent| {
            sent.is_in_flight = false;
            sent.envelope.clone()
        };
        in_flight.map(take).collect()
    }

    /// Takes the oldest message in flight.
    pub fn take_oldest(&mut self) -> Option<Envelope> {
        let sent = self.sent.iter_mut().find(|sent| sent.is_in_flight)?;
        sent.is_in_flight = false;
        Some(sent.envelope.clone())
    }

    /// Parts the nodes. What is in flight between sides is lost.
    pub fn part(&mut self, sides: Vec<NodeSet>) -> Vec<Envelope> {
        self.sides = sides;
        let network = self.clone();
        self.take_all(|envelope| !network.reaches(envelope.from, envelope.to))
    }

    /// Ends a partition.
    pub fn heal(&mut self) {
        self.sides.clear();
    }

    fn reaches(&self, from: NodeId, to: NodeId) -> bool {
        self.sides.is_empty() || self.sides.iter().any(|side| side.contains(from) && side.contains(to))
    }
}
