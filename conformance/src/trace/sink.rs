//! What a step wants, without the entries that its messages carry.

use super::commands::Command;
use seaworthy_protocol::{
    Answer, Chunk, Entry, Envelope, OwnedEntries, Payload, PeerFault, Release, Sink, Write,
};
use std::hash::Hash;
use xxhash_rust::xxh3::Xxh3;

/// What tells a message from every other, entries included.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(super) struct Fingerprint(u128);

impl Fingerprint {
    pub(super) fn of(envelope: &Envelope<&[Entry<Command<'_>>]>) -> Self {
        let mut hasher = Xxh3::new();
        envelope.hash(&mut hasher);
        Self(hasher.digest128())
    }
}

/// A message that was sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Message {
    pub(super) fingerprint: Fingerprint,
    pub(super) envelope: Envelope<()>,
}

/// All that one step wants.
#[derive(Default)]
pub(super) struct Wanted<'a> {
    pub(super) now: Vec<Message>,
    pub(super) after_writes: Vec<Message>,
    pub(super) writes: Vec<Write<OwnedEntries<Command<'a>>>>,
    pub(super) answers: Vec<Answer>,
    pub(super) faults: Vec<PeerFault>,
}

impl<'a> Sink<Command<'a>> for Wanted<'a> {
    fn send(&mut self, release: Release, envelope: Envelope<&[Entry<Command<'a>>]>) {
        let fingerprint = Fingerprint::of(&envelope);
        let message = Message { fingerprint, envelope: envelope.map_entries(|_| ()) };
        match release {
            Release::Now => self.now.push(message),
            Release::AfterWrites => self.after_writes.push(message),
        }
    }

    fn write(&mut self, write: Write<&[Entry<Command<'a>>]>) {
        self.writes.push(write.map_entries(<[_]>::to_vec));
    }

    fn answer(&mut self, answer: Answer) {
        self.answers.push(answer);
    }

    fn stage(&mut self, _: Chunk) {}

    /// What an entry weighed for the node that recorded: how many bytes it takes on the wire, by docs/wire.md.
    fn weight(&self, entry: &Entry<Command<'a>>) -> usize {
        const HEADER: usize = 13;
        match &entry.payload {
            Payload::Noop => HEADER,
            Payload::Command(command) => HEADER + command.len(),
        }
    }

    fn fault(&mut self, fault: PeerFault) {
        self.faults.push(fault);
    }
}
