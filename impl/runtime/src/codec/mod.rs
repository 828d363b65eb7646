//! Messages and records as bytes: what `docs/wire.md` says, and nothing that a peer or a disk does to them can panic.
//!
//! A *frame* is one message on a connection, with its length and its checksum. A *record* is the body of one record of
//! the write-ahead log, whose framing is the log's own. In both an entry is the same bytes. Integers are little-endian and
//! of fixed width, and every value has one encoding: what is decoded encodes to the same bytes again.
//!
//! Whether a message makes sense is for the protocol to judge; here it only has to be one.
//!
//! ```
//! use seaworthy::codec::{decode_frame, encode_frame, frame_len};
//! use seaworthy_protocol::{Entry, Envelope, Index, LogId, Message, NodeId, Payload, Term};
//!
//! let entries = [Entry { term: Term(2), payload: Payload::Command(7_u64) }];
//! let message = Message::AppendEntries {
//!     prev_log: LogId { term: Term(1), index: Index(4) },
//!     entries: &entries[..],
//!     leader_commit: Index(4),
//! };
//! let (from, to) = (NodeId::new(1).unwrap(), NodeId::new(3).unwrap());
//! let envelope = Envelope { from, to, term: Term(2), message };
//!
//! let mut stream = Vec::new();
//! encode_frame(&envelope, &[], &mut stream);
//! assert_eq!(frame_len(&stream, 1 << 20)?, Some(stream.len()), "one frame, and nothing behind it");
//! assert_eq!(decode_frame::<u64>(&stream)?.envelope.borrowed(), envelope);
//! # Ok::<(), seaworthy::codec::FrameError>(())
//! ```
#![cfg_attr(
    not(test),
    deny(
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::string_slice,
        clippy::unreachable,
        clippy::unwrap_used
    )
)]

mod entry;
mod error;
mod fields;
mod frame;
mod message;
mod reader;
mod record;

pub use entry::entry_len;
pub use error::{DecodeError, FrameError};
pub(crate) use fields::as_u32;
pub use frame::{Frame, decode_frame, encode_frame, frame_len};
pub use record::{Record, decode_record, encode_record};
pub(crate) use record::{encode_into_record, encode_record_into_room, record_len_max};

/// The newest version of the bytes: the one that is written, and the last of those that are read, from 1 on.
pub const VERSION: u16 = 1;
