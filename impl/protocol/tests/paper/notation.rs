//! Reads messages from the one notation, so that what a test tells a node looks like what the node answers.

use seaworthy_protocol::{AppendOutcome, Entry, Envelope, Index, LogId, Message, NodeId, Payload, Term};

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
        _ => {}
    }
    if let Some(last) = text.strip_prefix("RequestVote last=") {
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

fn read_index(text: &str) -> Index {
    Index(text.parse().unwrap())
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
    ] {
        assert_eq!(seaworthy_protocol::notation::show::<_, Command>(&read(text)).to_string(), text);
    }
}
