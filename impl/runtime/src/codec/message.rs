//! What each kind of message says, after the header of its frame. The numbers of the kinds are never given to others.

use super::entry::{decode_entries, encode_entries, entries_len};
use super::error::DecodeError;
use super::fields::{put_log_id, put_snapshot, put_u64};
use super::reader::Reader;
use crate::Command;
use seaworthy_protocol::{AppendOutcome, Chunk, Entry, Message, ReadId};

const REQUEST_VOTE: u8 = 1;
const REQUEST_VOTE_REPLY: u8 = 2;
const PRE_VOTE: u8 = 3;
const PRE_VOTE_GRANTED: u8 = 4;
const APPEND_ENTRIES: u8 = 5;
const APPEND_MATCHED: u8 = 6;
const APPEND_CONFLICT: u8 = 7;
const INSTALL_SNAPSHOT: u8 = 8;
const INSTALL_SNAPSHOT_REPLY: u8 = 9;
const READ_INDEX: u8 = 10;
const READ_INDEX_REPLY: u8 = 11;
const READ_ROUND: u8 = 12;
const READ_ROUND_REPLY: u8 = 13;
const TIMEOUT_NOW: u8 = 14;
const HIGHER_TERM: u8 = 15;

/// What the longest message takes without entries or a chunk's bytes: a snapshot and two numbers.
const FIELDS_LEN_MAX: usize = 48;

pub(super) const fn kind<E>(message: &Message<E>) -> u8 {
    match message {
        Message::RequestVote { .. } => REQUEST_VOTE,
        Message::RequestVoteReply { .. } => REQUEST_VOTE_REPLY,
        Message::PreVote { .. } => PRE_VOTE,
        Message::PreVoteGranted => PRE_VOTE_GRANTED,
        Message::AppendEntries { .. } => APPEND_ENTRIES,
        Message::AppendEntriesReply(AppendOutcome::Matched(_)) => APPEND_MATCHED,
        Message::AppendEntriesReply(AppendOutcome::Conflict { .. }) => APPEND_CONFLICT,
        Message::InstallSnapshot(_) => INSTALL_SNAPSHOT,
        Message::InstallSnapshotReply { .. } => INSTALL_SNAPSHOT_REPLY,
        Message::ReadIndex { .. } => READ_INDEX,
        Message::ReadIndexReply { .. } => READ_INDEX_REPLY,
        Message::ReadRound { .. } => READ_ROUND,
        Message::ReadRoundReply { .. } => READ_ROUND_REPLY,
        Message::TimeoutNow => TIMEOUT_NOW,
        Message::HigherTerm => HIGHER_TERM,
    }
}

/// At least as many bytes as the fields of a message take.
pub(super) fn fields_len_max<C: Command>(message: &Message<&[Entry<C>]>) -> usize {
    let entries: &[Entry<C>] =
        if let Message::AppendEntries { entries, .. } = message { entries } else { &[] };
    FIELDS_LEN_MAX.saturating_add(entries_len(entries))
}

pub(super) fn encode_fields<C: Command>(message: &Message<&[Entry<C>]>, out: &mut Vec<u8>) {
    match *message {
        Message::RequestVote { last_log } | Message::PreVote { last_log } => put_log_id(last_log, out),
        Message::RequestVoteReply { vote_granted } => out.push(u8::from(vote_granted)),
        Message::AppendEntries { prev_log, entries, leader_commit } => {
            put_log_id(prev_log, out);
            put_u64(leader_commit.0, out);
            encode_entries(entries, out);
        }
        Message::AppendEntriesReply(AppendOutcome::Matched(index)) => put_u64(index.0, out),
        Message::AppendEntriesReply(AppendOutcome::Conflict { prev_log_index, hint }) => {
            put_u64(prev_log_index.0, out);
            put_log_id(hint, out);
        }
        Message::InstallSnapshot(Chunk { snapshot, offset, length }) => {
            put_snapshot(snapshot, out);
            put_u64(offset, out);
            put_u64(length, out);
        }
        Message::InstallSnapshotReply { snapshot, offset, received } => {
            put_snapshot(snapshot, out);
            put_u64(offset, out);
            put_u64(received, out);
        }
        Message::ReadIndex { read } => put_u64(read.0, out),
        Message::ReadIndexReply { read, index } => {
            put_u64(read.0, out);
            put_u64(index.0, out);
        }
        Message::ReadRound { round } | Message::ReadRoundReply { round } => put_u64(round, out),
        Message::PreVoteGranted | Message::TimeoutNow | Message::HigherTerm => {}
    }
}

/// Reads the fields of a message of a kind; nothing if there is no such kind.
pub(super) fn decode_fields<C: Command>(
    kind: u8,
    reader: &mut Reader<'_>,
) -> Result<Option<Message<Vec<Entry<C>>>>, DecodeError> {
    let message = match kind {
        REQUEST_VOTE => Message::RequestVote { last_log: reader.log_id()? },
        REQUEST_VOTE_REPLY => Message::RequestVoteReply { vote_granted: reader.flag()? },
        PRE_VOTE => Message::PreVote { last_log: reader.log_id()? },
        PRE_VOTE_GRANTED => Message::PreVoteGranted,
        APPEND_ENTRIES => {
            let (prev_log, leader_commit) = (reader.log_id()?, reader.index()?);
            Message::AppendEntries { prev_log, entries: decode_entries(reader)?, leader_commit }
        }
        APPEND_MATCHED => Message::AppendEntriesReply(AppendOutcome::Matched(reader.index()?)),
        APPEND_CONFLICT => {
            let (prev_log_index, hint) = (reader.index()?, reader.log_id()?);
            Message::AppendEntriesReply(AppendOutcome::Conflict { prev_log_index, hint })
        }
        INSTALL_SNAPSHOT => {
            let snapshot = reader.snapshot()?;
            Message::InstallSnapshot(Chunk { snapshot, offset: reader.u64()?, length: reader.u64()? })
        }
        INSTALL_SNAPSHOT_REPLY => {
            let snapshot = reader.snapshot()?;
            Message::InstallSnapshotReply { snapshot, offset: reader.u64()?, received: reader.u64()? }
        }
        READ_INDEX => Message::ReadIndex { read: ReadId(reader.u64()?) },
        READ_INDEX_REPLY => Message::ReadIndexReply { read: ReadId(reader.u64()?), index: reader.index()? },
        READ_ROUND => Message::ReadRound { round: reader.u64()? },
        READ_ROUND_REPLY => Message::ReadRoundReply { round: reader.u64()? },
        TIMEOUT_NOW => Message::TimeoutNow,
        HIGHER_TERM => Message::HigherTerm,
        _ => return Ok(None),
    };
    Ok(Some(message))
}
