//! Where the effects of a turn go: encoded at once, where they will be written from.

use crate::codec::{Record, encode_frame, entry_len};
use crate::command::Command;
use crate::wal::Batch;
use seaworthy_protocol::{
    Answer, Chunk, Entry, Envelope, Message, NodeId, PeerFault, Release, Sink, Snapshot, Write,
};

/// The most bytes for which room is made before they are there.
const ROOM_MAX: usize = 1 << 20;
/// The most bytes of memory that are kept to be filled again.
pub(crate) const SPACE_MAX: usize = 8 << 20;

/// Frames one behind the other in one buffer.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Frames {
    bytes: Vec<u8>,
    /// To whom each goes, and where it ends.
    ends: Vec<(NodeId, usize)>,
}

impl Frames {
    pub(crate) fn push<C: Command>(&mut self, envelope: &Envelope<&[Entry<C>]>, chunk: &[u8]) {
        encode_frame(envelope, chunk, &mut self.bytes);
        self.ends.push((envelope.to, self.bytes.len()));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    pub(crate) fn count(&self) -> usize {
        self.ends.len()
    }

    /// Bytes of all of them.
    pub(crate) fn size(&self) -> usize {
        self.bytes.len()
    }

    /// Moves all of another's to the end.
    pub(crate) fn append(&mut self, other: &mut Self) {
        let offset = self.bytes.len();
        self.bytes.append(&mut other.bytes);
        self.ends.extend(other.ends.drain(..).map(|(to, end)| (to, end + offset)));
    }

    /// Takes all of them, and leaves room for about as many.
    fn take(&mut self) -> Self {
        let room = Self {
            bytes: Vec::with_capacity(self.bytes.len().min(ROOM_MAX)),
            ends: Vec::with_capacity(self.ends.len()),
        };
        std::mem::replace(self, room)
    }

    /// Takes all of them in exchange for an empty one, whose memory is filled next; without one, leaves room like [`take`](Self::take).
    pub(crate) fn exchange(&mut self, space: Option<Self>) -> Self {
        match space {
            Some(space) => std::mem::replace(self, space),
            None => self.take(),
        }
    }

    /// Is its memory worth being kept, and not more than is commonly needed?
    pub(crate) fn is_spacious(&self) -> bool {
        (1..=SPACE_MAX).contains(&self.bytes.capacity())
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (NodeId, &[u8])> {
        let starts = [0].into_iter().chain(self.ends.iter().map(|(_, end)| *end));
        let piece = |(start, (to, end)): (usize, &(NodeId, usize))| {
            (*to, self.bytes.get(start..*end).unwrap_or_default())
        };
        starts.zip(&self.ends).map(piece)
    }
}

/// The sink of a node's steps.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outbox {
    pub(crate) now: Frames,
    pub(crate) after_writes: Frames,
    /// Pieces of snapshots to send: their bytes are put behind them when the turn ends.
    pub(crate) chunks: Vec<Envelope<()>>,
    pub(crate) batch: Batch,
    /// Nothing that is written down would be kept: so nothing is.
    pub(crate) is_forgetful: bool,
    /// A snapshot stands for entries, and is to be written down with the base of the log behind it, which the node knows.
    pub(crate) compacted: Option<Snapshot>,
    pub(crate) answers: Vec<Answer>,
    pub(crate) faults: Vec<PeerFault>,
    pub(crate) staged: Option<Chunk>,
    /// A read that a follower has forwarded was answered: it waits there until so much is applied.
    pub(crate) has_answered_read: bool,
}

impl<C: Command> Sink<C> for Outbox {
    fn send(&mut self, release: Release, envelope: Envelope<&[Entry<C>]>) {
        match (release, &envelope.message) {
            // It leaves at once: the protocol releases no other.
            (Release::Now | Release::AfterWrites, Message::InstallSnapshot(_)) => {
                self.chunks.push(envelope.map_entries(|_| ()));
            }
            (Release::Now, message) => {
                self.has_answered_read |= matches!(message, Message::ReadIndexReply { .. });
                self.now.push(&envelope, &[]);
            }
            (Release::AfterWrites, _) => self.after_writes.push(&envelope, &[]),
        }
    }

    fn write(&mut self, write: Write<&[Entry<C>]>) {
        if self.is_forgetful {
            return;
        }
        match write {
            Write::TermAndVote { current_term, voted_for } => {
                self.batch.push::<C>(&Record::TermAndVote { current_term, voted_for });
            }
            Write::Append { after, entries } => self.batch.join(&Record::Append { after, entries }),
            Write::Compact { snapshot, .. } => self.compacted = Some(snapshot),
            Write::Install { snapshot } => self.batch.push::<C>(&Record::Install { snapshot }),
        }
    }

    fn answer(&mut self, answer: Answer) {
        self.answers.push(answer);
    }

    fn fault(&mut self, fault: PeerFault) {
        self.faults.push(fault);
    }

    fn stage(&mut self, chunk: Chunk) {
        self.staged = Some(chunk);
    }

    fn weight(&self, entry: &Entry<C>) -> usize {
        entry_len(entry)
    }
}
