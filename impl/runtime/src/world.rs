//! Everything that a node does not do itself: the world around its loop.
//!
//! Real or simulated. The loop ([`NodeLoop`](crate::NodeLoop)) is the same.

use crate::command::CommandError;
use crate::snapshot::Building;
use crate::state_machine::{Logged, StateMachine};
use crate::wal::{Batch, DiskError};
use seaworthy_protocol::{Chunk, Entry, Envelope, Index, LogId, NodeId, PeerFault, Snapshot};
use std::time::Duration;
use thiserror::Error;

/// The world around a node: clock, dice, wire, disk, and clients. It collects what happens, and takes what the node does.
pub trait World<S: StateMachine> {
    /// How long the world has been there. Never goes back.
    fn now(&self) -> Duration;

    /// The dice: a time between two others, both included.
    fn draw(&mut self, from: Duration, to: Duration) -> Duration;

    /// The next thing that has happened, if any has, in the order in which they happened.
    fn next_event(&mut self) -> Option<Event<Logged<S>>>;

    /// Sends a [frame](crate::codec::encode_frame). It may get lost.
    fn send(&mut self, to: NodeId, frame: &[u8]);

    /// Is anything of what the node writes to be kept? If not, its batches have no records.
    fn keeps_log(&self) -> bool {
        true
    }

    /// Gives the disk something to do, after all it was given before. It may be done when this returns; whenever it is, an
    /// [`Event::Disk`] says so.
    fn submit(&mut self, work: Work);

    /// Makes a snapshot, now or beside everything else, and has the disk do what comes of it. Or tells the node that there is none
    /// ([`Done::NotSaved`]).
    fn build(&mut self, building: Building);

    /// Hands a task to the state machine, after all it was handed before, if it [is elsewhere](crate::NodeLoop::start_apart). Whenever
    /// it has carried out commands or restored a snapshot, an [`Event::Applied`] says so.
    fn apply(&mut self, task: Task<Logged<S>>);

    /// Reads a piece of a snapshot that the disk has kept; nothing if it is gone.
    fn read_snapshot(&mut self, chunk: Chunk) -> Option<Vec<u8>>;

    /// Tells a client what became of what it asked for. Each token is answered once.
    fn answer(&mut self, token: Token, answer: Result<S::Response, RequestError>);

    /// Lets a client read, now. Each token is answered once.
    fn read(&mut self, token: Token, state_machine: &S);

    /// A transfer has succeeded: the node leads no more. Each token is answered once.
    fn transferred(&mut self, token: Token);

    /// A peer has said something that no correct node says.
    fn fault(&mut self, fault: PeerFault);
}

/// What can happen to a node.
#[derive(Debug)]
pub enum Event<C> {
    /// A message has come, with the bytes of a chunk if it carries one.
    Message {
        /// The message.
        envelope: Envelope<Vec<Entry<C>>>,
        /// The bytes behind it.
        chunk: Vec<u8>,
    },
    /// A client asks for something.
    Request {
        /// How the client is known.
        token: Token,
        /// What it asks for.
        request: Request<C>,
    },
    /// The disk has done something.
    Disk(Done),
    /// The state machine, which is elsewhere, has applied up to an entry; or cannot go on.
    Applied(Result<Index, Stop>),
}

/// Something for a state machine to do that is not in the node's loop.
#[derive(Clone, Debug)]
pub enum Task<C> {
    /// To carry out commands.
    Apply {
        /// In the order of the log.
        commands: Vec<Commanded<C>>,
        /// The last entry of which this tells; it may be none that carries a command.
        through: Index,
    },
    /// To take on the state of a snapshot, in the place of its own. The snapshot may be gone when the machine gets to it: its bytes are to
    /// be taken hold of at once.
    Restore(Snapshot),
    /// To let a client look at it.
    Read(Token),
    /// To make a snapshot, of which this is the last entry, and have the disk save it. Or to tell the node that there is none
    /// ([`Done::NotSaved`]).
    Snapshot(LogId),
}

/// A committed command.
#[derive(Clone, Debug)]
pub struct Commanded<C> {
    /// Where it is in the log.
    pub index: Index,
    /// As the log holds it.
    pub command: C,
    /// Who waits for what the machine says to it. To be answered by whoever hands the task on.
    pub client: Option<Token>,
}

/// A client that waits. The world's to choose; no two that wait are the same.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Token(pub u64);

/// What a client asks for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Request<C> {
    /// To carry out a command.
    Propose(C),
    /// To read what is committed.
    Read,
    /// To read what this node has applied, at once.
    ReadStale,
    /// That the leadership be handed over.
    Transfer {
        /// To whom.
        to: NodeId,
    },
}

/// Why a request was not carried out, or may not have been.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum RequestError {
    /// This node does not lead. A command was definitely not applied, and may be proposed to the leader.
    #[error("this node does not lead{}", .leader.map_or(String::new(), |leader| format!("; node {} does", leader.get())))]
    NotLeader {
        /// Who does, if that is known.
        leader: Option<NodeId>,
    },
    /// Too much is waiting already. A command was definitely not applied.
    #[error("too many requests are waiting")]
    Overloaded,
    /// The command is larger than this node takes. It was definitely not applied.
    #[error("the command has {bytes} bytes; at most {limit} are taken")]
    TooLarge {
        /// How large it is.
        bytes: usize,
        /// How large one may be.
        limit: usize,
    },
    /// Another command was committed in its place. It was definitely not applied, and may be proposed again.
    #[error("another leader has replaced the command before it was committed; it was not applied")]
    NotApplied,
    /// The node lost the leadership, or stopped, before the command was committed. It may be applied or not, now or later.
    #[error("the leadership was lost before the command was committed; it may be applied or not")]
    Unknown,
    /// A read found no leader in time, or a leader that could not find its majority.
    #[error("no leader could be asked in time")]
    Unavailable,
    /// The leadership can be handed to another voter only.
    #[error("node {} is no other voter", .to.get())]
    CannotTransfer {
        /// The target.
        to: NodeId,
    },
    /// The target did not take over in time.
    #[error("the other node did not take over in time")]
    TransferTimedOut,
}

/// Something for the disk to do.
#[derive(Clone, Debug)]
pub enum Work {
    /// Records to make durable.
    Append {
        /// Which batch this is.
        number: u64,
        /// The records.
        batch: Batch,
    },
    /// A chunk of a leader's snapshot to keep.
    Stage {
        /// Which.
        chunk: Chunk,
        /// Its bytes.
        bytes: Vec<u8>,
    },
    /// All of a leader's snapshot has been staged: verify it and make it durable.
    KeepStaged(Snapshot),
    /// A snapshot of this node's to make durable.
    Save {
        /// Which.
        snapshot: Snapshot,
        /// Its bytes.
        bytes: Vec<u8>,
    },
    /// What was refused for want of room is to be tried again.
    Retry,
}

/// What the disk has done.
#[derive(Debug)]
pub enum Done {
    /// All batches up to this one are durable.
    Appended {
        /// The last of them.
        number: u64,
        /// The memory of all of them, or none, to be filled again: new memory costs the system more than the records that go there.
        space: Batch,
    },
    /// A leader's snapshot is durable, or was not what was announced.
    KeptStaged {
        /// Which.
        snapshot: Snapshot,
        /// Is it there?
        is_intact: bool,
    },
    /// This node's snapshot is durable.
    Saved(Snapshot),
    /// This node's snapshot up to an entry could not be made, or saved for want of room. Nothing else is lost.
    NotSaved(LogId),
    /// There is no room for the next batch. It waits for [`Work::Retry`].
    Refused,
    /// The disk is not to be used any more.
    Failed(DiskError),
}

/// Why a node has stopped for good. It must not go on as if nothing had happened: what it holds is not to be trusted, or it cannot
/// keep its word.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Stop {
    /// The disk failed.
    #[error("the disk failed: {0}")]
    Disk(DiskError),
    /// An invariant of the protocol is broken: a defect here, or memory that fails.
    #[error("an invariant is broken: {0:?}")]
    Violation(seaworthy_protocol::invariants::Violation),
    /// The snapshot that stands for the beginning of the log cannot be read.
    #[error("the snapshot up to entry {} cannot be read", .0.0)]
    NoSnapshot(Index),
    /// The state machine does not understand a command that is committed.
    #[error("the command at entry {} cannot be read: {source}", .index.0)]
    Command {
        /// Where it is.
        index: Index,
        /// What is wrong with it.
        source: CommandError,
    },
    /// The state machine does not understand a snapshot.
    #[error("the state machine cannot restore a snapshot: {0}")]
    Restore(Box<dyn std::error::Error + Send + Sync>),
    /// The state machine, which has a thread of its own, has panicked.
    #[error("the state machine has panicked")]
    StateMachine,
}
