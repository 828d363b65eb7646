//! A line of a trace, as `docs/trace.md` says; commands are bytes still.

use super::commands::{Command, Commands};
use super::mistake::Mistake;
use seaworthy_protocol::{
    Config, Durable, Entry, Envelope, Index, Input, Log, LogId, NodeId, NodeSet, Payload, Snapshot, Term,
    Window, Write,
};
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt::{self, Formatter};
use std::num::{NonZeroU64, NonZeroUsize};

/// The version of the format that is read here.
const FORMAT: u32 = 1;

/// The first line.
#[derive(Deserialize)]
pub(super) struct Header {
    format: u32,
    pub(super) node: NodeId,
    pub(super) starts: u64,
    config: Shared,
    durable: Durable<Hex>,
}

#[derive(Deserialize)]
struct Shared {
    voters: Vec<NodeId>,
    pre_vote: bool,
    check_quorum: bool,
    window: Option<Run>,
    max_entries_per_append: Option<NonZeroUsize>,
    max_bytes_per_chunk: NonZeroU64,
}

#[derive(Deserialize)]
struct Run {
    entries: NonZeroUsize,
    bytes: NonZeroUsize,
}

/// Each other line.
#[derive(Deserialize)]
pub(super) struct Line {
    pub(super) input: Input<Hex>,
    pub(super) after: After,
    pub(super) digest: Digits,
}

/// What a step has made of the node, as far as it stands there in words.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub(super) struct After {
    pub(super) term: Term,
    pub(super) vote: Option<NodeId>,
    pub(super) role: String,
    pub(super) commit: Index,
    pub(super) last: LogId,
    pub(super) base: LogId,
}

/// Bytes, written in lower-case hexadecimal.
pub(super) struct Hex(Vec<u8>);

/// A digest, likewise.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Digits(pub(super) u64);

impl Header {
    /// What the protocol is told.
    pub(super) fn config(&self) -> Result<Config, Mistake> {
        let Shared { voters, pre_vote, check_quorum, window, max_entries_per_append, max_bytes_per_chunk } =
            &self.config;
        if self.format != FORMAT {
            return Err(Mistake::OtherFormat(self.format));
        }
        let voters: NodeSet = voters.iter().copied().collect();
        let window = window.as_ref().map(|run| Window { entries: run.entries, bytes: run.bytes });
        let config = Config::new(voters).map_err(|error| Mistake::NoHeader(error.to_string()))?;
        Ok(config
            .with_pre_vote(*pre_vote)
            .with_check_quorum(*check_quorum)
            .with_window(window)
            .with_max_entries_per_append(max_entries_per_append.unwrap_or(NonZeroUsize::MAX))
            .with_max_bytes_per_chunk(*max_bytes_per_chunk))
    }

    /// What the disk holds.
    pub(super) fn durable<'a>(self, commands: &mut Commands<'a>) -> Result<Durable<Command<'a>>, Mistake> {
        let Self { durable, .. } = self;
        let (log, snapshot) = (durable.log(), durable.snapshot());
        let base = log.base();
        if snapshot.is_none() && base != LogId::default() {
            return Err(Mistake::NoHeader("entries are gone for which no snapshot stands".to_owned()));
        }
        let entries = kept_entries(log, commands);
        let (current_term, voted_for) = (durable.current_term(), durable.voted_for());
        let mut writes = vec![Write::TermAndVote { current_term, voted_for }];
        // The log begins where a snapshot ended, which may be an older one than this.
        writes.extend(
            snapshot.map(|snapshot| Write::Install { snapshot: Snapshot { last: base, ..snapshot } }),
        );
        writes.push(Write::Append { after: base.index, entries });
        writes.extend(snapshot.map(|snapshot| Write::Compact { snapshot, through: base.index }));
        let mut kept = Durable::default();
        if writes.into_iter().all(|write| kept.redo(write)) {
            Ok(kept)
        } else {
            Err(Mistake::NoHeader("the log does not continue its snapshot".to_owned()))
        }
    }
}

fn kept_entries<'a>(log: &Log<Hex>, commands: &mut Commands<'a>) -> Vec<Entry<Command<'a>>> {
    log.entries()
        .iter()
        .map(|entry| Entry { term: entry.term, payload: kept_payload(&entry.payload, commands) })
        .collect()
}

fn kept_payload<'a>(payload: &Payload<Hex>, commands: &mut Commands<'a>) -> Payload<Command<'a>> {
    match payload {
        Payload::Noop => Payload::Noop,
        Payload::Command(Hex(bytes)) => Payload::Command(commands.keep(bytes)),
    }
}

/// The same input with its commands kept.
pub(super) fn kept<'a>(input: Input<Hex>, commands: &mut Commands<'a>) -> Input<Command<'a>> {
    match input {
        Input::Receive(envelope) => {
            let Envelope { from, to, term, message } = envelope;
            let message = message.map_entries(|entries| {
                let kept = |entry: &Entry<Hex>| Entry {
                    term: entry.term,
                    payload: kept_payload(&entry.payload, commands),
                };
                entries.iter().map(kept).collect()
            });
            Input::Receive(Envelope { from, to, term, message })
        }
        Input::ElectionTimeout => Input::ElectionTimeout,
        Input::HeartbeatTimeout => Input::HeartbeatTimeout,
        Input::Propose(Hex(bytes)) => Input::Propose(commands.keep(&bytes)),
        Input::Replicate => Input::Replicate,
        Input::WritesDurable(ack) => Input::WritesDurable(ack),
        Input::CannotWrite { heir } => Input::CannotWrite { heir },
        Input::Read(read) => Input::Read(read),
        Input::Transfer { to } => Input::Transfer { to },
        Input::Compact { snapshot, through } => Input::Compact { snapshot, through },
        Input::SnapshotStaged { snapshot, is_intact } => Input::SnapshotStaged { snapshot, is_intact },
    }
}

struct HexVisitor;

impl Visitor<'_> for HexVisitor {
    type Value = Hex;

    fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("bytes, two digits from 0 to f each")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Hex, E> {
        let digit = |digit: u8| match digit {
            b'0'..=b'9' => Some(digit - b'0'),
            b'a'..=b'f' => Some(digit - b'a' + 10),
            _ => None,
        };
        let byte = |pair: &[u8]| match pair {
            [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
            _ => None,
        };
        let bytes: Option<Vec<u8>> = text.as_bytes().chunks(2).map(byte).collect();
        bytes.map(Hex).ok_or_else(|| E::custom(format_args!("{text:?} is not in lower-case hexadecimal")))
    }
}

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(HexVisitor)
    }
}

impl<'de> Deserialize<'de> for Digits {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Hex(bytes) = Hex::deserialize(deserializer)?;
        let bytes =
            <[u8; 8]>::try_from(bytes).map_err(|_| D::Error::custom("a digest has sixteen digits"))?;
        Ok(Self(u64::from_be_bytes(bytes)))
    }
}
