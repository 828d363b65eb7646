//! An entry as bytes, the same on the wire and on disk. Its index is implied by what precedes it.

use super::error::DecodeError;
use super::fields::{as_u32, as_usize, patch_u32, put_u64};
use super::reader::Reader;
use crate::Command;
use seaworthy_protocol::{Entry, Payload};

/// Term, kind and length: what every entry takes.
const HEADER_LEN: usize = 13;

const NOOP: u8 = 0;
const COMMAND: u8 = 1;

/// How many bytes an entry takes in a frame or a record: its weight for flow control.
///
/// ```
/// use seaworthy_protocol::{Entry, Payload, Term};
///
/// let entry = Entry { term: Term(1), payload: Payload::Command(7_u64) };
/// assert_eq!(seaworthy::codec::entry_len(&entry), 13 + 8);
/// ```
#[must_use]
pub fn entry_len<C: Command>(entry: &Entry<C>) -> usize {
    let payload_len = match &entry.payload {
        Payload::Noop => 0,
        Payload::Command(command) => command.encoded_len(),
    };
    HEADER_LEN.saturating_add(payload_len)
}

/// How many bytes entries take, without their count.
pub(super) fn entries_len<C: Command>(entries: &[Entry<C>]) -> usize {
    entries.iter().map(entry_len).fold(0, usize::saturating_add)
}

/// Appends the entries and, before them, their count.
pub(super) fn encode_entries<C: Command>(entries: &[Entry<C>], out: &mut Vec<u8>) {
    out.extend_from_slice(&as_u32(entries.len()).to_le_bytes());
    for entry in entries {
        encode_entry(entry, out);
    }
}

/// Appends more entries to those that end here, whose count stands at an offset.
pub(super) fn encode_more_entries<C: Command>(entries: &[Entry<C>], count_at: usize, out: &mut Vec<u8>) {
    let before =
        out.get(count_at..).and_then(<[u8]>::first_chunk).map_or(0, |bytes| u32::from_le_bytes(*bytes));
    patch_u32(count_at, as_u32(as_usize(before) + entries.len()), out);
    entries.iter().for_each(|entry| encode_entry(entry, out));
}

// Into both loops: called for each entry it costs a tenth more instructions (2026-11-27).
#[inline(always)]
fn encode_entry<C: Command>(entry: &Entry<C>, out: &mut Vec<u8>) {
    put_u64(entry.term.0, out);
    match &entry.payload {
        Payload::Noop => out.extend_from_slice(&[NOOP, 0, 0, 0, 0]),
        Payload::Command(command) => {
            out.extend_from_slice(&[COMMAND, 0, 0, 0, 0]);
            let begin = out.len();
            command.encode(out);
            // What was written, not what the command said it would write: its bytes must be found again in any case.
            let length = out.len() - begin;
            debug_assert_eq!(
                length,
                command.encoded_len(),
                "a command's encoded_len is the length of its encoding"
            );
            patch_u32(begin - 4, as_u32(length), out);
        }
    }
}

/// Reads a count, and so many entries.
pub(super) fn decode_entries<C: Command>(reader: &mut Reader<'_>) -> Result<Vec<Entry<C>>, DecodeError> {
    let count = as_usize(reader.u32()?);
    // The count may be any number. Memory is taken only for entries whose bytes are there.
    let mut entries = Vec::with_capacity(count.min(reader.rest().len() / HEADER_LEN));
    for _ in 0..count {
        entries.push(decode_entry(reader)?);
    }
    Ok(entries)
}

fn decode_entry<C: Command>(reader: &mut Reader<'_>) -> Result<Entry<C>, DecodeError> {
    let begin = reader.offset();
    let term = reader.term()?;
    let kind_offset = reader.offset();
    let kind = reader.u8()?;
    let length = as_usize(reader.u32()?);
    let offset = reader.offset();
    let bytes = reader.bytes(length)?;
    let payload = match kind {
        NOOP if length > 0 => return Err(DecodeError::NoopCarriesBytes { offset: begin, length }),
        NOOP => Payload::Noop,
        COMMAND => {
            let command = C::decode(bytes).ok_or(DecodeError::NotACommand { offset, length })?;
            Payload::Command(command)
        }
        _ => return Err(DecodeError::UnknownEntryKind { offset: kind_offset, kind }),
    };
    Ok(Entry { term, payload })
}
