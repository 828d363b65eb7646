//! What a record of the write-ahead log says. How records follow each other on disk is the log's business.

use super::entry::{decode_entries, encode_entries, encode_more_entries, entries_len};
use super::error::DecodeError;
use super::fields::{put_log_id, put_snapshot, put_u64};
use super::reader::Reader;
use crate::Command;
use seaworthy_protocol::{Entry, Index, LogId, NodeId, Snapshot, Term};

// No record is of kind 0: a disk that lost a block answers with zeros.
const TERM_AND_VOTE: u8 = 1;
const APPEND: u8 = 2;
const COMPACT: u8 = 3;
const INSTALL: u8 = 4;

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
    /// A snapshot stands for the beginning of the log.
    Compact {
        /// The snapshot.
        snapshot: Snapshot,
        /// The last entry that goes. It is covered by the snapshot, which may cover some that stay.
        base: LogId,
    },
    /// A snapshot takes the place of the whole log.
    Install {
        /// The snapshot.
        snapshot: Snapshot,
    },
}

impl<C> Record<Vec<Entry<C>>> {
    /// The same, with its entries borrowed: as [`encode_record`] and [`Batch::push`](crate::wal::Batch::push) take it.
    #[must_use]
    pub fn borrowed(&self) -> Record<&[Entry<C>]> {
        match self {
            Self::TermAndVote { current_term, voted_for } => {
                Record::TermAndVote { current_term: *current_term, voted_for: *voted_for }
            }
            Self::Append { after, entries } => Record::Append { after: *after, entries },
            Self::Compact { snapshot, base } => Record::Compact { snapshot: *snapshot, base: *base },
            Self::Install { snapshot } => Record::Install { snapshot: *snapshot },
        }
    }
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
    encode_record_into_room(record, out);
}

/// The same where [`record_len_max`] bytes of room are made already.
pub(crate) fn encode_record_into_room<C: Command>(record: &Record<&[Entry<C>]>, out: &mut Vec<u8>) {
    match *record {
        Record::TermAndVote { current_term, voted_for } => {
            out.push(TERM_AND_VOTE);
            put_u64(current_term.0, out);
            out.push(voted_for.map_or(0, NodeId::get));
        }
        Record::Append { after, entries } => {
            out.push(APPEND);
            put_u64(after.0, out);
            encode_entries(entries, out);
        }
        Record::Compact { snapshot, base } => {
            out.push(COMPACT);
            put_snapshot(snapshot, out);
            put_log_id(base, out);
        }
        Record::Install { snapshot } => {
            out.push(INSTALL);
            put_snapshot(snapshot, out);
        }
    }
}

/// Appends more entries to a record of entries, whose body begins at an offset and ends here.
pub(crate) fn encode_into_record<C: Command>(entries: &[Entry<C>], body: usize, out: &mut Vec<u8>) {
    out.reserve(entries_len(entries));
    // Behind its kind and an index.
    encode_more_entries(entries, body + 9, out);
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
        COMPACT => Record::Compact { snapshot: reader.snapshot()?, base: reader.log_id()? },
        INSTALL => Record::Install { snapshot: reader.snapshot()? },
        kind => return Err(DecodeError::UnknownRecordKind { offset, kind }),
    };
    reader.finish()?;
    Ok(record)
}

/// At least as many bytes as a record takes.
pub(crate) fn record_len_max<C: Command>(record: &Record<&[Entry<C>]>) -> usize {
    match record {
        Record::TermAndVote { .. } => 10,
        Record::Append { entries, .. } => entries_len(entries).saturating_add(13),
        Record::Compact { .. } => 49,
        Record::Install { .. } => 33,
    }
}
