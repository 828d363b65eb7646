//! One message on a connection: length, checksum, version, who, whom, what.

use super::VERSION;
use super::error::{DecodeError, FrameError};
use super::fields::{as_u32, as_usize, patch_u32, put_u64};
use super::message::{decode_fields, encode_fields, fields_len_max, kind};
use super::reader::Reader;
use crate::Command;
use seaworthy_protocol::{Chunk, Entry, Envelope, Message};

/// Length and checksum, which cover all that follows them.
const PREFIX_LEN: usize = 8;
/// Those, and version, kind, sender, receiver and term.
const HEADER_LEN: usize = 21;

/// A message as it came.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Frame<'a, C> {
    /// The message.
    pub envelope: Envelope<Vec<Entry<C>>>,
    /// The bytes that an [`InstallSnapshot`](Message::InstallSnapshot) carries; none with any other message.
    pub chunk: &'a [u8],
}

/// Appends a whole frame, of [`VERSION`]. `chunk` is what an [`InstallSnapshot`](Message::InstallSnapshot) carries, and
/// empty with any other message.
///
/// ```
/// use seaworthy::codec::{decode_frame, encode_frame, frame_len};
/// use seaworthy_protocol::{Envelope, Message, NodeId, Term};
///
/// let (from, to) = (NodeId::new(1).unwrap(), NodeId::new(2).unwrap());
/// let envelope = Envelope { from, to, term: Term(3), message: Message::TimeoutNow };
/// let mut frame = Vec::new();
/// encode_frame::<u64>(&envelope, &[], &mut frame);
/// assert_eq!(frame_len(&frame, 1 << 20)?, Some(frame.len()));
/// assert_eq!(decode_frame::<u64>(&frame)?.envelope.term, Term(3));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Panics
///
/// If `chunk` has not the length that the message says, or if there are 2^32 bytes or more. Who lets commands in and chooses
/// how many of them, or how much of a snapshot, a message carries must keep it below.
pub fn encode_frame<C: Command>(envelope: &Envelope<&[Entry<C>]>, chunk: &[u8], out: &mut Vec<u8>) {
    let Envelope { from, to, term, message } = envelope;
    assert_eq!(chunk_len(message), chunk.len() as u64, "the chunk has the length that its message says");
    let begin = out.len();
    out.reserve(HEADER_LEN.saturating_add(fields_len_max(message)).saturating_add(chunk.len()));
    out.extend_from_slice(&[0; PREFIX_LEN]);
    out.extend_from_slice(&VERSION.to_le_bytes());
    out.extend_from_slice(&[kind(message), from.get(), to.get()]);
    put_u64(term.0, out);
    encode_fields(message, out);
    out.extend_from_slice(chunk);

    let content = out.get(begin + PREFIX_LEN..).unwrap_or_default();
    let (length, checksum) = (as_u32(content.len()), crc32c::crc32c(content));
    patch_u32(begin, length, out);
    patch_u32(begin + 4, checksum, out);
}

/// How many bytes the frame has in all that begins here, once the four bytes of its length have come. To be asked before room
/// is made for it.
///
/// # Errors
///
/// [`FrameError::TooLong`], if it has more bytes than `limit`.
pub fn frame_len(bytes: &[u8], limit: usize) -> Result<Option<usize>, FrameError> {
    let Some(length) = bytes.first_chunk() else { return Ok(None) };
    let length = u32::from_le_bytes(*length);
    match as_usize(length).checked_add(PREFIX_LEN) {
        Some(whole) if whole <= limit => Ok(Some(whole)),
        Some(_) | None => Err(FrameError::TooLong { announced: whole_len(length), limit }),
    }
}

/// Reads a frame, which is all of these bytes.
///
/// # Errors
///
/// What is wrong with it, and where.
pub fn decode_frame<C: Command>(frame: &[u8]) -> Result<Frame<'_, C>, FrameError> {
    let mut reader = Reader::new(frame);
    let (announced, found) = (whole_len(reader.u32()?), frame.len());
    if announced != found as u64 {
        return Err(FrameError::Length { announced, found });
    }
    let (announced, found) = (reader.u32()?, crc32c::crc32c(reader.rest()));
    if announced != found {
        return Err(FrameError::Checksum { announced, found });
    }
    // Only now: the number of a version says nothing about bytes that were damaged.
    let version = reader.u16()?;
    if !(1..=VERSION).contains(&version) {
        return Err(FrameError::UnknownVersion { version });
    }
    Ok(decode_content(&mut reader)?)
}

/// What a frame of version 1 holds after its version.
fn decode_content<'a, C: Command>(reader: &mut Reader<'a>) -> Result<Frame<'a, C>, DecodeError> {
    let offset = reader.offset();
    let kind = reader.u8()?;
    let (from, to, term) = (reader.node()?, reader.node()?, reader.term()?);
    let message = decode_fields(kind, reader)?.ok_or(DecodeError::UnknownMessageKind { offset, kind })?;
    let chunk =
        if let Message::InstallSnapshot(chunk) = message { decode_chunk(chunk, reader)? } else { &[] };
    reader.finish()?;
    Ok(Frame { envelope: Envelope { from, to, term, message }, chunk })
}

/// The bytes of a chunk are what is left of its frame.
fn decode_chunk<'a>(chunk: Chunk, reader: &mut Reader<'a>) -> Result<&'a [u8], DecodeError> {
    let (offset, announced, found) = (reader.offset(), chunk.length, reader.rest().len());
    if announced == found as u64 {
        reader.bytes(found)
    } else {
        Err(DecodeError::ChunkLength { offset, announced, found })
    }
}

/// How many bytes come with a message.
const fn chunk_len<E>(message: &Message<E>) -> u64 {
    if let Message::InstallSnapshot(chunk) = message { chunk.length } else { 0 }
}

/// The length of a frame, prefix included, by its first field.
fn whole_len(length: u32) -> u64 {
    u64::from(length) + PREFIX_LEN as u64
}
