//! A node that takes its steps again, with its disk: all that the disk has for certain, and what it may have besides.
//!
//! Nobody has recorded what a disk did. It has for certain what its node was told is durable, and what a message waited for that somebody has
//! received; what is on its way may be there or not, in order. When the node wakes up, what it finds must be one of these states.

use super::commands::Command;
use super::reading::Start;
use super::sent::{Behind, Leaves};
use super::sink::{Message, Wanted};
use seaworthy::trace::Digest;
use seaworthy_protocol::invariants::Violation;
use seaworthy_protocol::{Config, Durable, Effects, Input, Node, NodeId, OwnedEntries, Write, WriteAck};
use std::collections::{BTreeMap, VecDeque};

pub(super) struct Server<'a> {
    pub(super) starts: u64,
    pub(super) config: Config,
    pub(super) node: Node<Command<'a>>,
    /// What the disk has for certain.
    pub(super) disk: Durable<Command<'a>>,
    digest: Digest,
    /// What it may have besides, in order.
    waiting: VecDeque<Waiting<'a>>,
    /// How many steps of this start have written something.
    written: u64,
    /// Up to which of them the disk has all for certain.
    durable: u64,
    /// What the node is to be told when each of them is durable, but for those of which it was told.
    acks: VecDeque<(u64, WriteAck)>,
    /// Up to which of its steps the disk had kept all, for each start that is over.
    kept: BTreeMap<u64, u64>,
}

/// What a step wrote, and the messages that wait for that.
struct Waiting<'a> {
    position: u64,
    writes: Vec<Write<OwnedEntries<Command<'a>>>>,
    messages: Vec<Message>,
}

/// What came of a step.
pub(super) struct Stepped<'a> {
    pub(super) wanted: Wanted<'a>,
    pub(super) violation: Option<Violation>,
    pub(super) digest: u64,
    pub(super) has_written: bool,
}

/// Whether a message that waited for the disk can have left.
pub(super) enum Left {
    Yes,
    /// Yes, and so the disk has all up to this position.
    Since(u64),
    /// What it waited for was lost.
    Never,
}

impl<'a> Server<'a> {
    /// A node as it wakes up for the first time.
    pub(super) fn new(id: NodeId, start: Start<'a>) -> Self {
        let Start { starts, config, durable } = start;
        let node = Node::restart(id, durable.clone());
        let mut server = Self {
            starts,
            config,
            node,
            disk: durable,
            digest: Digest::default(),
            waiting: VecDeque::new(),
            written: 0,
            durable: 0,
            acks: VecDeque::new(),
            kept: BTreeMap::new(),
        };
        server.digest_of();
        server
    }

    /// The node wakes up again. False if its disk holds what it cannot hold, and nothing changes.
    pub(super) fn restart(&mut self, start: Start<'a>) -> bool {
        let Some(kept) = self.kept_by(&start.durable) else { return false };
        self.kept.insert(self.starts, kept);
        let (id, kept) = (self.node.id(), std::mem::take(&mut self.kept));
        *self = Self { kept, ..Self::new(id, start) };
        true
    }

    /// Up to which step is all there, if a disk that holds this can be the one that was written to? The most, if there are several.
    fn kept_by(&self, found: &Durable<Command<'a>>) -> Option<u64> {
        let mut disk = self.disk.clone();
        let mut kept = (disk == *found).then_some(self.durable);
        let mut whole = self.durable;
        for waiting in &self.waiting {
            for (count, write) in waiting.writes.iter().enumerate() {
                let continues = disk.redo(write.borrowed());
                if count + 1 == waiting.writes.len() {
                    whole = waiting.position;
                }
                if continues && disk == *found {
                    kept = Some(whole);
                }
            }
        }
        kept
    }

    /// Takes a step.
    pub(super) fn step(&mut self, input: Input<Command<'a>>) -> Stepped<'a> {
        let mut fx = Effects::new(Wanted::default());
        self.node.step(&self.config, input, &mut fx);
        let Effects { sink: mut wanted, ack, violation, .. } = fx;
        let digest = self.digest_of();
        if let Some(ack) = ack {
            self.written += 1;
            self.acks.push_back((self.written, ack));
            let (position, writes) = (self.written, std::mem::take(&mut wanted.writes));
            self.waiting.push_back(Waiting { position, writes, messages: Vec::new() });
        }
        Stepped { wanted, violation, digest, has_written: ack.is_some() }
    }

    fn digest_of(&mut self) -> u64 {
        self.digest.of(&self.node, Command::digest)
    }

    /// The last step that wrote something, if the disk may be without what it wrote: what waits for the disk waits for that.
    pub(super) fn waits_behind(&mut self, messages: &[Message]) -> Option<Behind> {
        let last = self.waiting.back_mut()?;
        last.messages.extend(messages);
        Some(Behind { starts: self.starts, position: last.position })
    }

    /// What the last step wrote, if the disk may be without it.
    pub(super) fn last_writes(&self) -> &[Write<OwnedEntries<Command<'a>>>] {
        self.waiting.back().map(|waiting| &*waiting.writes).unwrap_or_default()
    }

    /// The node is told that writes are durable. Which? Of those that would say the same, the earliest. Nothing, if it never wrote what it is
    /// told of, or was told of it before.
    pub(super) fn confirmed(&mut self, ack: WriteAck) -> Option<u64> {
        let found = self.acks.iter().position(|(_, other)| *other == ack)?;
        self.acks.drain(..=found).next_back().map(|(position, _)| position)
    }

    /// Can a message that somebody has received have left?
    pub(super) fn has_left(&self, leaves: &Leaves) -> Left {
        let Leaves::Behind(all) = leaves else { return Left::Yes };
        let is_durable = |behind: &Behind| {
            let durable = if behind.starts == self.starts {
                Some(&self.durable)
            } else {
                self.kept.get(&behind.starts)
            };
            durable.is_some_and(|durable| behind.position <= *durable)
        };
        let this_start = all.iter().find(|behind| behind.starts == self.starts);
        match this_start {
            _ if all.iter().any(is_durable) => Left::Yes,
            Some(behind) => Left::Since(behind.position),
            None => Left::Never,
        }
    }

    /// The disk has all up to a position. Each message that waited for some of it is looked at when the disk had just that.
    pub(super) fn advance(
        &mut self,
        position: u64,
        mut leaves: impl FnMut(&Message, &Durable<Command<'a>>) -> Option<Violation>,
    ) -> Option<Violation> {
        let mut broken = None;
        while self.waiting.front().is_some_and(|waiting| waiting.position <= position) {
            let Some(Waiting { position, writes, messages }) = self.waiting.pop_front() else { break };
            for write in writes {
                // Whatever it lacks is missed when the node wakes up.
                let _ = self.disk.redo(write);
            }
            self.durable = position;
            broken = messages
                .iter()
                .fold(broken, |broken, message| broken.or_else(|| leaves(message, &self.disk)));
        }
        broken
    }

    /// How far behind its node the disk may be.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }
}
