//! What a record of the write-ahead log says. How records follow each other on disk is the log's business.

use super::entry::{decode_entries, encode_entries, entries_len};
use super::error::DecodeError;
use super::fields::{put_log_id, put_snapshot, put_u64};
use super::reader::Reader;
use crate::Command;
use seaworthy_protocol::{Entry, Index, LogId, NodeId, Snapshot, Term};

// No record is of kind 0: a disk that lost a block answers with zeros.
const TERM_AND_VOTE: u8 = 1;
const APPEND: u8 = 2;
const STATE: u8 = 3;

/// The body of a record. `E` is how its entries are held.
///
/// ```
/// use seaworthy::codec::{Record, decode_record, encode_record};
/// use seaworthy_protocol::Term;
///
/// let mut bytes = Vec::new();
/// encode_record::<u64>(&Record::TermAndVote { current_term: Term(3), voted_for: None }, &mut bytes);
/// let record = decode_record::<u64>(&bytes)?;
/// assert_eq!(record, Record::TermAndVote { current_term: Term(3), voted_for: None });
/// # Ok::<(), seaworthy::codec::DecodeError>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Record<E> {
    /// Term and vote change together.
    TermAndVote {
        /// The term the node is in.
        current_term: Term,
        /// The candidate it voted for in that term.
        voted_for: Option<NodeId>,
    },
    /// The log is cut after an index and continues with these entries.
    Append {
        /// The last index that stays.
        after: Index,
        /// The entries that follow it.
        entries: E,
    },
    /// All that the node's disk holds. It begins a segment after a compaction or an installation; what lies before may go.
    State {
        /// The term the node is in.
        current_term: Term,
        /// The candidate it voted for in that term.
        voted_for: Option<NodeId>,
        /// The snapshot that stands for the beginning of the log, if there is one.
        snapshot: Option<Snapshot>,
        /// The last entry that was compacted; nothing at index 0 if none was.
        base: LogId,
        /// The entries after the base.
        entries: E,
    },
}

/// Appends the body of a record.
///
/// ```
/// use seaworthy::codec::{Record, decode_record, encode_record};
/// use seaworthy_protocol::{NodeId, Term};
///
/// let mut body = Vec::new();
/// encode_record::<u64>(&Record::TermAndVote { current_term: Term(3), voted_for: NodeId::new(2) }, &mut body);
/// assert!(matches!(decode_record::<u64>(&body)?, Record::TermAndVote { current_term: Term(3), .. }));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Panics
///
/// If it has 2^32 entries or more, or a command of 2^32 bytes or more.
pub fn encode_record<C: Command>(record: &Record<&[Entry<C>]>, out: &mut Vec<u8>) {
    out.reserve(record_len_max(record));
    match *record {
        Record::TermAndVote { current_term, voted_for } => {
            out.push(TERM_AND_VOTE);
            put_term_and_vote(current_term, voted_for, out);
        }
        Record::Append { after, entries } => {
            out.push(APPEND);
            put_u64(after.0, out);
            encode_entries(entries, out);
        }
        Record::State { current_term, voted_for, snapshot, base, entries } => {
            out.push(STATE);
            put_term_and_vote(current_term, voted_for, out);
            put_log_id(base, out);
            out.push(u8::from(snapshot.is_some()));
            if let Some(snapshot) = snapshot {
                put_snapshot(snapshot, out);
            }
            encode_entries(entries, out);
        }
    }
}

/// Reads the body of a record, which is all of these bytes.
///
/// # Errors
///
/// What is wrong with it, and where.
pub fn decode_record<C: Command>(bytes: &[u8]) -> Result<Record<Vec<Entry<C>>>, DecodeError> {
    let mut reader = Reader::new(bytes);
    let offset = reader.offset();
    let record = match reader.u8()? {
        TERM_AND_VOTE => {
            Record::TermAndVote { current_term: reader.term()?, voted_for: reader.node_or_nobody()? }
        }
        APPEND => Record::Append { after: reader.index()?, entries: decode_entries(&mut reader)? },
        STATE => Record::State {
            current_term: reader.term()?,
            voted_for: reader.node_or_nobody()?,
            base: reader.log_id()?,
            snapshot: if reader.flag()? { Some(reader.snapshot()?) } else { None },
            entries: decode_entries(&mut reader)?,
        },
        kind => return Err(DecodeError::UnknownRecordKind { offset, kind }),
    };
    reader.finish()?;
    Ok(record)
}

fn put_term_and_vote(current_term: Term, voted_for: Option<NodeId>, out: &mut Vec<u8>) {
    put_u64(current_term.0, out);
    out.push(voted_for.map_or(0, NodeId::get));
}

/// At least as many bytes as a record takes.
fn record_len_max<C: Command>(record: &Record<&[Entry<C>]>) -> usize {
    match record {
        Record::TermAndVote { .. } => 10,
        Record::Append { entries, .. } => entries_len(entries).saturating_add(13),
        Record::State { entries, .. } => entries_len(entries).saturating_add(63),
    }
}
