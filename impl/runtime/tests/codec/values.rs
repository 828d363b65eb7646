//! One value of each kind, no two fields of it alike, with its bytes.

use seaworthy::codec::{Record, encode_frame, encode_record};
use seaworthy_protocol::{
    AppendOutcome, Chunk, Entry, Envelope, Index, LogId, Message, NodeId, Payload, ReadId, Snapshot, Term,
};
use std::sync::Arc;

pub(crate) type Bytes = Arc<[u8]>;
pub(crate) type Entries = Vec<Entry<Bytes>>;

const CHUNK: &[u8] = b"piece";

/// Frames and records are told apart by their names: no record is called as a message.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Frame(Envelope<Entries>, &'static [u8]),
    Record(Record<Entries>),
}

impl Value {
    /// As `docs/wire.md` calls it.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Frame(envelope, _) => message_name(&envelope.message),
            Self::Record(Record::TermAndVote { .. }) => "TermAndVote",
            Self::Record(Record::Append { .. }) => "Append",
            Self::Record(Record::Compact { .. }) => "Compact",
            Self::Record(Record::Install { .. }) => "Install",
        }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        match self {
            Self::Frame(envelope, chunk) => encode_frame(&envelope.borrowed(), chunk, &mut bytes),
            Self::Record(record) => encode_record(&record.borrowed(), &mut bytes),
        }
        bytes
    }
}

const fn message_name<E>(message: &Message<E>) -> &'static str {
    match message {
        Message::RequestVote { .. } => "RequestVote",
        Message::RequestVoteReply { .. } => "RequestVoteReply",
        Message::PreVote { .. } => "PreVote",
        Message::PreVoteGranted => "PreVoteGranted",
        Message::AppendEntries { .. } => "AppendEntries",
        Message::AppendEntriesReply(AppendOutcome::Matched(_)) => "AppendMatched",
        Message::AppendEntriesReply(AppendOutcome::Conflict { .. }) => "AppendConflict",
        Message::InstallSnapshot(_) => "InstallSnapshot",
        Message::InstallSnapshotReply { .. } => "InstallSnapshotReply",
        Message::ReadIndex { .. } => "ReadIndex",
        Message::ReadIndexReply { .. } => "ReadIndexReply",
        Message::ReadRound { .. } => "ReadRound",
        Message::ReadRoundReply { .. } => "ReadRoundReply",
        Message::TimeoutNow => "TimeoutNow",
        Message::HigherTerm => "HigherTerm",
    }
}

fn id(term: u64, index: u64) -> LogId {
    LogId { term: Term(term), index: Index(index) }
}

fn entries() -> Entries {
    let command = Payload::Command(Arc::from(&b"set x 1"[..]));
    vec![Entry { term: Term(5), payload: Payload::Noop }, Entry { term: Term(6), payload: command }]
}

fn snapshot() -> Snapshot {
    Snapshot { last: id(4, 0x1234), length: 0x0001_0005, digest: 0x0123_4567_89ab_cdef }
}

/// In the order of their kinds.
pub(crate) fn frames() -> Vec<Value> {
    let last_log = id(6, 0x0102_0304_0506_0708);
    let (read, index, round) = (ReadId(0x0a0b), Index(0x0c0d), 0x0e0f);
    let (from, to) = (NodeId::new(1).unwrap(), NodeId::new(64).unwrap());
    let messages = [
        Message::RequestVote { last_log },
        Message::RequestVoteReply { vote_granted: true },
        Message::PreVote { last_log },
        Message::PreVoteGranted,
        Message::AppendEntries { prev_log: id(4, 2), entries: entries(), leader_commit: Index(1) },
        Message::AppendEntriesReply(AppendOutcome::Matched(index)),
        Message::AppendEntriesReply(AppendOutcome::Conflict { prev_log_index: index, hint: id(3, 9) }),
        Message::InstallSnapshot(Chunk { snapshot: snapshot(), offset: 0x0001_0000, length: 5 }),
        Message::InstallSnapshotReply { snapshot: snapshot(), offset: 0x0001_0000, received: 0x0001_0005 },
        Message::ReadIndex { read },
        Message::ReadIndexReply { read, index },
        Message::ReadRound { round },
        Message::ReadRoundReply { round },
        Message::TimeoutNow,
        Message::HigherTerm,
    ];
    let frame = |message| {
        let chunk = if let Message::InstallSnapshot(_) = message { CHUNK } else { &[] };
        Value::Frame(Envelope { from, to, term: Term(7), message }, chunk)
    };
    messages.into_iter().map(frame).collect()
}

/// In the order of their kinds.
pub(crate) fn records() -> Vec<Value> {
    let (current_term, voted_for) = (Term(7), NodeId::new(2));
    let records = [
        Record::TermAndVote { current_term, voted_for },
        Record::Append { after: Index(0x0c0d), entries: entries() },
        Record::Compact { snapshot: snapshot(), base: id(3, 0x1230) },
        Record::Install { snapshot: snapshot() },
    ];
    records.into_iter().map(Value::Record).collect()
}
