//! A line of a trace: what `docs/trace.md` says, and nothing else.

use crate::Command;
use seaworthy_protocol::{
    Config, Durable, Entry, Index, Input, LogId, Node, NodeId, Payload, Role, Snapshot, Term,
};
use serde::{Serialize, Serializer};
use std::fmt::{self, Display, Formatter};

/// Which version of the format this is: the first field of each trace.
const FORMAT: u32 = 1;

/// The first line: who records, and what it begins with.
#[derive(Serialize)]
#[serde(bound = "C: Command")]
pub(super) struct Header<'a, C> {
    format: u32,
    node: NodeId,
    starts: u64,
    config: Shared,
    durable: Kept<'a, C>,
}

/// What the protocol is told.
#[derive(Serialize)]
struct Shared {
    voters: Vec<NodeId>,
    pre_vote: bool,
    check_quorum: bool,
    window: Option<Window>,
    max_entries_per_append: Option<usize>,
    max_bytes_per_chunk: u64,
}

#[derive(Serialize)]
struct Window {
    entries: usize,
    bytes: usize,
}

/// What the disk holds.
#[derive(Serialize)]
#[serde(bound = "C: Command")]
struct Kept<'a, C> {
    current_term: Term,
    voted_for: Option<NodeId>,
    snapshot: Option<Snapshot>,
    log: Logged<'a, C>,
}

#[derive(Serialize)]
#[serde(bound = "C: Command")]
struct Logged<'a, C> {
    base: LogId,
    entries: Entries<'a, C>,
}

/// Each other line, behind the input: what a step has made of the node.
#[derive(Serialize)]
pub(super) struct After {
    term: Term,
    vote: Option<NodeId>,
    role: &'static str,
    commit: Index,
    last: LogId,
    base: LogId,
}

/// A command as its bytes, in lower-case hexadecimal.
pub(super) struct Hex<'a, C>(&'a C);

/// Entries, in order.
pub(super) struct Entries<'a, C>(&'a [Entry<C>]);

struct Digits<'a>(&'a [u8]);

impl<'a, C> Header<'a, C> {
    pub(super) fn of(starts: u64, config: &Config, node: &'a Node<C>) -> Self {
        let shared = Shared {
            voters: config.voters().iter().collect(),
            pre_vote: config.pre_vote(),
            check_quorum: config.check_quorum(),
            window: config
                .window()
                .map(|window| Window { entries: window.entries.get(), bytes: window.bytes.get() }),
            // No limit is no number.
            max_entries_per_append: Some(config.max_entries_per_append()).filter(|most| *most < usize::MAX),
            max_bytes_per_chunk: config.max_bytes_per_chunk(),
        };
        Self { format: FORMAT, node: node.id(), starts, config: shared, durable: Kept::of(node.durable()) }
    }
}

impl<'a, C> Kept<'a, C> {
    fn of(durable: &'a Durable<C>) -> Self {
        let log = durable.log();
        Self {
            current_term: durable.current_term(),
            voted_for: durable.voted_for(),
            snapshot: durable.snapshot(),
            log: Logged { base: log.base(), entries: Entries(log.entries()) },
        }
    }
}

impl After {
    pub(super) fn of<C>(node: &Node<C>) -> Self {
        Self {
            term: node.current_term(),
            vote: node.voted_for(),
            role: match node.role() {
                Role::Follower { .. } => "follower",
                Role::PreCandidate { .. } => "pre-candidate",
                Role::Candidate { .. } => "candidate",
                Role::Leader { .. } => "leader",
            },
            commit: node.commit_index(),
            last: node.log().last(),
            base: node.log().base(),
        }
    }
}

/// The same input, with its commands as they stand in a trace.
pub(super) fn shown<C>(input: &Input<C>) -> Input<Hex<'_, C>, Entries<'_, C>> {
    match input {
        Input::Receive(envelope) => {
            let envelope = seaworthy_protocol::Envelope {
                from: envelope.from,
                to: envelope.to,
                term: envelope.term,
                message: envelope.message.as_ref().map_entries(|entries| Entries(entries.as_slice())),
            };
            Input::Receive(envelope)
        }
        Input::ElectionTimeout => Input::ElectionTimeout,
        Input::HeartbeatTimeout => Input::HeartbeatTimeout,
        Input::Propose(command) => Input::Propose(Hex(command)),
        Input::Replicate => Input::Replicate,
        Input::WritesDurable(ack) => Input::WritesDurable(*ack),
        Input::CannotWrite { heir } => Input::CannotWrite { heir: *heir },
        Input::Read(read) => Input::Read(*read),
        Input::Transfer { to } => Input::Transfer { to: *to },
        Input::Compact { snapshot, through } => Input::Compact { snapshot: *snapshot, through: *through },
        Input::SnapshotStaged { snapshot, is_intact } => {
            Input::SnapshotStaged { snapshot: *snapshot, is_intact: *is_intact }
        }
    }
}

impl<C: Command> Serialize for Hex<'_, C> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut bytes = Vec::with_capacity(self.0.encoded_len());
        self.0.encode(&mut bytes);
        serializer.collect_str(&Digits(&bytes))
    }
}

impl<C: Command> Serialize for Entries<'_, C> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|Entry { term, payload }| {
            let payload = match payload {
                Payload::Noop => Payload::Noop,
                Payload::Command(command) => Payload::Command(Hex(command)),
            };
            Entry { term: *term, payload }
        }))
    }
}

impl Display for Digits<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
