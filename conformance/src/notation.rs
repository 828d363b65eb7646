//! Reads back what the protocol writes in the one notation: nodes, log ids, entries, messages, disks.

use crate::{Envelope, Write};
use seaworthy_protocol::{
    AppendOutcome, Chunk, Durable, Entry, Index, LogId, Message, NodeId, OwnedEntries, Payload, ReadId,
    Snapshot, Term,
};
use std::fmt::{self, Display, Formatter};

/// Text that is not in the notation.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Unreadable {
    /// The text.
    pub text: String,
    /// What it should have been.
    pub wanted: &'static str,
}

impl Display for Unreadable {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\" is not {}", self.text, self.wanted)
    }
}

impl std::error::Error for Unreadable {}

const NODE: &str = "a node, as n1";
const LOG_ID: &str = "a log id, as 3@1: index 3, whose entry is of term 1";
const ENTRIES: &str = "consecutive entries, as [3@1:- 4@2:7]: index, term, and a command or - for a no-op";
const INDEX: &str = "an index, as 3";
const READ: &str = "a read, as r5";
const SNAPSHOT: &str = "a snapshot, as 3@1/9#7: its last entry, its length and its digest";
const DISK: &str = "what is on a disk, as term=2 vote=n1 log=[1@1:- 2@1:7], \
    perhaps with snapshot=3@1/9#7 and base=2@1 before the log";
const LINK: &str = "sender, term and receiver of a message, as n1@2→n3";
const MESSAGE: &str = "a message: RequestVote last=ID | vote granted | vote denied | \
    PreVote last=ID | pre-vote granted | AppendEntries prev=ID [ENTRIES] commit=INDEX | \
    matched INDEX | conflict at INDEX hint=ID | InstallSnapshot SNAPSHOT from=OFFSET length=LENGTH | \
    snapshot SNAPSHOT from=OFFSET received=LENGTH | ReadIndex READ | readable READ at INDEX | ReadRound ROUND | \
    following in round ROUND | TimeoutNow | higher term";

fn unless<T>(read: Option<T>, text: &str, wanted: &'static str) -> Result<T, Unreadable> {
    read.ok_or_else(|| Unreadable { text: text.to_owned(), wanted })
}

/// Reads `n1`.
///
/// # Errors
///
/// [`Unreadable`], as for all of these.
pub fn node(text: &str) -> Result<NodeId, Unreadable> {
    let read = || NodeId::new(text.strip_prefix('n')?.parse().ok()?);
    unless(read(), text, NODE)
}

/// Reads `3@1`.
///
/// # Errors
///
/// [`Unreadable`].
pub fn log_id(text: &str) -> Result<LogId, Unreadable> {
    let read = || {
        let (index, term) = text.split_once('@')?;
        Some(LogId { term: Term(term.parse().ok()?), index: Index(index.parse().ok()?) })
    };
    unless(read(), text, LOG_ID)
}

/// Reads `3`.
///
/// # Errors
///
/// [`Unreadable`].
pub fn index(text: &str) -> Result<Index, Unreadable> {
    unless(text.parse().ok().map(Index), text, INDEX)
}

/// Reads `r5`.
///
/// # Errors
///
/// [`Unreadable`].
pub fn read(text: &str) -> Result<ReadId, Unreadable> {
    let read = || Some(ReadId(text.strip_prefix('r')?.parse().ok()?));
    unless(read(), text, READ)
}

/// Reads `3@1/9#7`.
///
/// # Errors
///
/// [`Unreadable`].
pub fn snapshot(text: &str) -> Result<Snapshot, Unreadable> {
    let read = || {
        let (last, rest) = text.split_once('/')?;
        let (length, digest) = rest.split_once('#')?;
        Some(Snapshot {
            last: log_id(last).ok()?,
            length: length.parse().ok()?,
            digest: digest.parse().ok()?,
        })
    };
    unless(read(), text, SNAPSHOT)
}

/// Reads `[3@1:- 4@2:7]`, whose first entry stands right after an index.
///
/// # Errors
///
/// [`Unreadable`].
pub fn entries(after: Index, text: &str) -> Result<OwnedEntries<u8>, Unreadable> {
    let inside = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let words = unless(inside, text, ENTRIES)?.split_whitespace();
    let entry = |(position, word): (usize, &str)| {
        let (id, payload) = word.split_once(':')?;
        let LogId { term, index } = log_id(id).ok().filter(|id| id.index == after.plus(position + 1))?;
        let payload = if payload == "-" { Payload::Noop } else { Payload::Command(payload.parse().ok()?) };
        (index > Index(0)).then_some(Entry { term, payload })
    };
    unless(words.enumerate().map(entry).collect(), text, ENTRIES)
}

/// Reads `term=2 vote=n1 snapshot=3@1/9#7 base=2@1 log=[3@1:- 4@1:7]`; vote, snapshot and base may be missing.
///
/// # Errors
///
/// [`Unreadable`].
pub fn disk(text: &str) -> Result<Durable<u8>, Unreadable> {
    let (head, log) = unless(text.split_once(" log="), text, DISK)?;
    let mut words = head.split(' ').peekable();
    let mut value = |key: &str| words.next_if(|word| word.starts_with(key)).map(|word| &word[key.len()..]);
    let number = value("term=").and_then(|term| term.parse().ok());
    let current_term = Term(unless(number, text, DISK)?);
    let voted_for = value("vote=").map(node).transpose()?;
    let snapshot = value("snapshot=").map(snapshot).transpose()?;
    let base = value("base=").map(log_id).transpose()?;
    // Only a snapshot takes entries away.
    let is_whole = words.next().is_none() && (base.is_none() || snapshot.is_some());
    unless(is_whole.then_some(()), text, DISK)?;
    let base = base.or_else(|| snapshot.map(|snapshot| snapshot.last)).unwrap_or_default();
    let mut writes = vec![Write::TermAndVote { current_term, voted_for }];
    // The log begins where a snapshot ended, which may be an older one than this.
    writes.extend(snapshot.map(|snapshot| Write::Install { snapshot: Snapshot { last: base, ..snapshot } }));
    writes.push(Write::Append { after: base.index, entries: entries(base.index, log)? });
    writes.extend(snapshot.map(|snapshot| Write::Compact { snapshot, through: base.index }));
    let mut disk = Durable::default();
    let has_gap = writes.into_iter().any(|write| !disk.redo(write));
    unless((!has_gap).then_some(disk), text, DISK)
}

/// Reads `n1@1→n2 RequestVote last=0@0`.
///
/// # Errors
///
/// [`Unreadable`].
pub fn envelope(text: &str) -> Result<Envelope, Unreadable> {
    let (link, said) = unless(text.split_once(' '), text, LINK)?;
    let parts = || {
        let (sender, to) = link.split_once('→')?;
        let (from, term) = sender.split_once('@')?;
        Some((node(from).ok()?, node(to).ok()?, Term(term.parse().ok()?)))
    };
    let (from, to, term) = unless(parts(), link, LINK)?;
    Ok(Envelope { from, to, term, message: message(said)? })
}

fn message(text: &str) -> Result<Message<OwnedEntries<u8>>, Unreadable> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let value = |word: &'_ str, key: &str| word.strip_prefix(key).map(str::to_owned);
    match words[..] {
        ["RequestVote", last] if last.starts_with("last=") => {
            Ok(Message::RequestVote { last_log: log_id(&last["last=".len()..])? })
        }
        ["PreVote", last] if last.starts_with("last=") => {
            Ok(Message::PreVote { last_log: log_id(&last["last=".len()..])? })
        }
        ["pre-vote", "granted"] => Ok(Message::PreVoteGranted),
        ["vote", "granted"] => Ok(Message::RequestVoteReply { vote_granted: true }),
        ["vote", "denied"] => Ok(Message::RequestVoteReply { vote_granted: false }),
        ["AppendEntries", prev, ref run @ .., commit] => {
            let prev_log = log_id(&unless(value(prev, "prev="), text, MESSAGE)?)?;
            let leader_commit = index(&unless(value(commit, "commit="), text, MESSAGE)?)?;
            let entries = entries(prev_log.index, &run.join(" "))?;
            Ok(Message::AppendEntries { prev_log, entries, leader_commit })
        }
        ["matched", last] => Ok(Message::AppendEntriesReply(AppendOutcome::Matched(index(last)?))),
        ["conflict", "at", at, hint] => {
            let hint = log_id(&unless(value(hint, "hint="), text, MESSAGE)?)?;
            let prev_log_index = index(at)?;
            Ok(Message::AppendEntriesReply(AppendOutcome::Conflict { prev_log_index, hint }))
        }
        ["higher", "term"] => Ok(Message::HigherTerm),
        ["TimeoutNow"] => Ok(Message::TimeoutNow),
        ["InstallSnapshot" | "snapshot", ..] => message_about_snapshot(text, &words),
        ["ReadIndex" | "readable" | "ReadRound" | "following", ..] => message_about_read(text, &words),
        _ => unless(None, text, MESSAGE),
    }
}

fn message_about_snapshot(text: &str, words: &[&str]) -> Result<Message<OwnedEntries<u8>>, Unreadable> {
    let value = |word: &str, key: &str| {
        unless(word.strip_prefix(key).and_then(|number| number.parse().ok()), text, MESSAGE)
    };
    match words {
        ["InstallSnapshot", of, offset, length] => {
            let (offset, length) = (value(offset, "from=")?, value(length, "length=")?);
            Ok(Message::InstallSnapshot(Chunk { snapshot: snapshot(of)?, offset, length }))
        }
        ["snapshot", of, offset, received] => {
            let (offset, received) = (value(offset, "from=")?, value(received, "received=")?);
            Ok(Message::InstallSnapshotReply { snapshot: snapshot(of)?, offset, received })
        }
        _ => unless(None, text, MESSAGE),
    }
}

fn message_about_read(text: &str, words: &[&str]) -> Result<Message<OwnedEntries<u8>>, Unreadable> {
    let number = |word: &str| unless(word.parse().ok(), text, MESSAGE);
    match words {
        ["ReadIndex", of] => Ok(Message::ReadIndex { read: read(of)? }),
        ["readable", of, "at", at] => Ok(Message::ReadIndexReply { read: read(of)?, index: index(at)? }),
        ["ReadRound", round] => Ok(Message::ReadRound { round: number(round)? }),
        ["following", "in", "round", round] => Ok(Message::ReadRoundReply { round: number(round)? }),
        _ => unless(None, text, MESSAGE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use seaworthy_protocol::notation::show;

    #[test]
    fn what_the_protocol_writes_is_read_back() {
        for text in [
            "n1@1→n2 RequestVote last=0@0",
            "n2@3→n1 vote granted",
            "n2@3→n1 vote denied",
            "n1@2→n3 AppendEntries prev=0@0 [] commit=0",
            "n1@2→n3 AppendEntries prev=2@1 [3@1:- 4@2:7] commit=2",
            "n3@2→n1 matched 4",
            "n3@2→n1 conflict at 4 hint=2@1",
            "n3@4→n1 higher term",
            "n1@2→n3 InstallSnapshot 3@1/9#7 from=4 length=5",
            "n3@2→n1 snapshot 3@1/9#7 from=4 received=9",
            "n3@2→n1 ReadIndex r5",
            "n1@2→n3 readable r5 at 3",
            "n1@2→n3 ReadRound 1",
            "n3@2→n1 following in round 1",
            "n1@2→n3 TimeoutNow",
        ] {
            assert_eq!(show::<_, u8>(&envelope(text).unwrap()).to_string(), text);
        }
        for text in [
            "term=0 log=[]",
            "term=2 log=[1@1:-]",
            "term=2 vote=n3 log=[1@1:- 2@2:9]",
            "term=1 snapshot=3@1/9#7 log=[]",
            "term=2 vote=n3 snapshot=3@1/9#7 log=[4@2:-]",
            "term=2 snapshot=3@1/9#7 base=1@1 log=[2@1:8 3@1:9 4@2:-]",
        ] {
            assert_eq!(disk(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_it_would_not_write_is_refused_with_what_was_wanted() {
        for (text, wanted) in [
            ("n1→n2 vote granted", LINK),
            ("n1@1 vote granted", LINK),
            ("n0@1→n2 vote granted", LINK),
            ("n1@1→n2 vote maybe", MESSAGE),
            ("n1@1→n2 RequestVote last=0", LOG_ID),
            ("n1@1→n2 AppendEntries prev=1@1 [3@1:-] commit=0", ENTRIES),
            ("n1@1→n2 AppendEntries prev=1@1 commit=0", ENTRIES),
        ] {
            assert_eq!(envelope(text).unwrap_err().wanted, wanted, "{text}");
        }
        for text in [
            "term=1 base=1@1 log=[2@1:8]",
            "term=1 base=1@1 snapshot=2@1/1#1 log=[2@1:8]",
            "term=1 snapshot=3@1/9#7 base=1@1 log=[2@1:8]",
        ] {
            assert_eq!(disk(text).unwrap_err().wanted, DISK, "{text}");
        }
        assert_eq!(disk("term=1 snapshot=3@1 log=[]").unwrap_err().wanted, SNAPSHOT);
        assert_eq!(disk("vote=n1 log=[]").unwrap_err().wanted, DISK);
        assert_eq!(disk("term=1 log=[2@1:-]").unwrap_err().wanted, ENTRIES);
    }
}
