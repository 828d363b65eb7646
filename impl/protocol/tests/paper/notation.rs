//! Reads messages from the one notation, so that what a test tells a node looks like what the node answers.

use seaworthy_protocol::{
    AppendOutcome, Chunk, Entry, Envelope, Index, LogId, Message, NodeId, Payload, ReadId, Snapshot, Term,
};

/// A client's command: one letter.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct Command(pub(crate) char);

impl std::fmt::Debug for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A message with its address.
pub(crate) type Packet = Envelope<Vec<Entry<Command>>>;

pub(crate) fn id(number: u8) -> NodeId {
    NodeId::new(number).unwrap()
}

/// The entry that stands at an index when a test does not care for its command: `a` at 1, `b` at 2 and so on.
pub(crate) fn entry(index: u64, term: u64) -> Entry<Command> {
    let letter = char::from(b'a' + u8::try_from((index - 1) % 26).unwrap());
    Entry { term: Term(term), payload: Payload::Command(Command(letter)) }
}

/// `n2@3→n1 vote granted`, and every other message. An entry's command may be left out: `3@1` is `3@1:c`.
pub(crate) fn read(text: &str) -> Packet {
    let (address, message) = text.split_once(' ').unwrap();
    let (sender, to) = address.split_once('→').unwrap();
    let (from, term) = sender.split_once('@').unwrap();
    let node = |text: &str| id(text.strip_prefix('n').unwrap().parse().unwrap());
    Envelope {
        from: node(from),
        to: node(to),
        term: Term(term.parse().unwrap()),
        message: read_message(message),
    }
}

fn read_message(text: &str) -> Message<Vec<Entry<Command>>> {
    match text {
        "vote granted" => return Message::RequestVoteReply { vote_granted: true },
        "vote denied" => return Message::RequestVoteReply { vote_granted: false },
        "higher term" => return Message::HigherTerm,
        "TimeoutNow" => return Message::TimeoutNow,
        _ => {}
    }
    if let Some(message) = read_message_about_snapshots(text).or_else(|| read_message_about_reads(text)) {
        message
    } else if let Some(last) = text.strip_prefix("RequestVote last=") {
        Message::RequestVote { last_log: read_log_id(last) }
    } else if let Some(index) = text.strip_prefix("matched ") {
        Message::AppendEntriesReply(AppendOutcome::Matched(read_index(index)))
    } else if let Some(conflict) = text.strip_prefix("conflict at ") {
        let (prev_log_index, hint) = conflict.split_once(" hint=").unwrap();
        Message::AppendEntriesReply(AppendOutcome::Conflict {
            prev_log_index: read_index(prev_log_index),
            hint: read_log_id(hint),
        })
    } else {
        let text = text.strip_prefix("AppendEntries prev=").unwrap_or_else(|| panic!("no message: {text}"));
        let (prev_log, rest) = text.split_once(" [").unwrap();
        let (entries, leader_commit) = rest.split_once("] commit=").unwrap();
        Message::AppendEntries {
            prev_log: read_log_id(prev_log),
            entries: entries.split_whitespace().map(read_entry).collect(),
            leader_commit: read_index(leader_commit),
        }
    }
}

fn read_message_about_snapshots(text: &str) -> Option<Message<Vec<Entry<Command>>>> {
    if let Some(chunk) = text.strip_prefix("InstallSnapshot ") {
        let (snapshot, piece) = chunk.split_once(" from=").unwrap();
        let (offset, length) = piece.split_once(" length=").unwrap();
        let snapshot = read_snapshot(snapshot);
        let (offset, length) = (read_number(offset), read_number(length));
        return Some(Message::InstallSnapshot(Chunk { snapshot, offset, length }));
    }
    let (snapshot, count) = text.strip_prefix("snapshot ")?.split_once(" from=").unwrap();
    let (offset, received) = count.split_once(" received=").unwrap();
    let (snapshot, offset, received) = (read_snapshot(snapshot), read_number(offset), read_number(received));
    Some(Message::InstallSnapshotReply { snapshot, offset, received })
}

fn read_message_about_reads(text: &str) -> Option<Message<Vec<Entry<Command>>>> {
    let read = |text| ReadId(read_number(text));
    if let Some(id) = text.strip_prefix("ReadIndex r") {
        Some(Message::ReadIndex { read: read(id) })
    } else if let Some(readable) = text.strip_prefix("readable r") {
        let (id, index) = readable.split_once(" at ").unwrap();
        Some(Message::ReadIndexReply { read: read(id), index: read_index(index) })
    } else if let Some(round) = text.strip_prefix("ReadRound ") {
        Some(Message::ReadRound { round: read_number(round) })
    } else {
        let round = text.strip_prefix("following in round ")?;
        Some(Message::ReadRoundReply { round: read_number(round) })
    }
}

/// `3@1/9#7`: up to that entry, of 9 bytes, with digest 7.
pub(crate) fn read_snapshot(text: &str) -> Snapshot {
    let (last, bytes) = text.split_once('/').unwrap();
    let (length, digest) = bytes.split_once('#').unwrap();
    Snapshot { last: read_log_id(last), length: read_number(length), digest: read_number(digest) }
}

fn read_number(text: &str) -> u64 {
    text.parse().unwrap()
}

fn read_index(text: &str) -> Index {
    Index(read_number(text))
}

fn read_log_id(text: &str) -> LogId {
    let (index, term) = text.split_once('@').unwrap();
    LogId { term: Term(term.parse().unwrap()), index: read_index(index) }
}

fn read_entry(text: &str) -> Entry<Command> {
    let (position, payload) = text.split_once(':').unwrap_or((text, ""));
    let LogId { term, index } = read_log_id(position);
    let payload = match payload.chars().next() {
        None => entry(index.0, term.0).payload,
        Some('-') => Payload::Noop,
        Some(letter) => Payload::Command(Command(letter)),
    };
    Entry { term, payload }
}

#[test]
fn what_is_shown_is_read_back() {
    for text in [
        "n2@3→n1 RequestVote last=3@2",
        "n2@3→n1 vote granted",
        "n2@3→n1 vote denied",
        "n2@3→n1 AppendEntries prev=0@0 [] commit=0",
        "n2@3→n1 AppendEntries prev=1@1 [2@1:x 3@3:-] commit=4",
        "n2@3→n1 matched 7",
        "n2@3→n1 conflict at 4 hint=2@1",
        "n2@3→n1 higher term",
        "n2@3→n1 InstallSnapshot 3@1/9#7 from=4 length=5",
        "n2@3→n1 snapshot 3@1/9#7 from=0 received=4",
        "n2@3→n1 ReadIndex r5",
        "n2@3→n1 readable r5 at 4",
        "n2@3→n1 ReadRound 2",
        "n2@3→n1 following in round 2",
        "n2@3→n1 TimeoutNow",
    ] {
        assert_eq!(seaworthy_protocol::notation::show::<_, Command>(&read(text)).to_string(), text);
    }
}
