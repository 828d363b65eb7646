//! What can be wrong with bytes. The peer, the network or the disk is at fault, never the caller.

use super::VERSION;

/// Why bytes are no message and no record. Offsets count the bytes of the frame, or of the record's body, from 0.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// They end too early.
    #[error("what begins at byte {offset} takes {wanted} bytes, but only {left} are left")]
    Truncated {
        /// Where the field begins that is not there.
        offset: usize,
        /// How many bytes it takes.
        wanted: usize,
        /// How many there are.
        left: usize,
    },
    /// They go on after the end.
    #[error("the {count} bytes from byte {offset} on belong to nothing")]
    Trailing {
        /// Where the end should be.
        offset: usize,
        /// How many bytes follow.
        count: usize,
    },
    /// No such message.
    #[error("no message is of kind {kind}, as the byte at {offset} says")]
    UnknownMessageKind {
        /// Where the kind is.
        offset: usize,
        /// The kind.
        kind: u8,
    },
    /// No such record.
    #[error("no record is of kind {kind}, as the byte at {offset} says")]
    UnknownRecordKind {
        /// Where the kind is.
        offset: usize,
        /// The kind.
        kind: u8,
    },
    /// No such entry.
    #[error("no entry is of kind {kind}, as the byte at {offset} says")]
    UnknownEntryKind {
        /// Where the kind is.
        offset: usize,
        /// The kind.
        kind: u8,
    },
    /// A number that names no node.
    #[error("no node has the number {number} at byte {offset}")]
    NoSuchNode {
        /// Where it is.
        offset: usize,
        /// The number.
        number: u8,
    },
    /// A byte that must be 0 or 1.
    #[error("the byte at {offset} must be 0 or 1, but is {value}")]
    NotAFlag {
        /// Where it is.
        offset: usize,
        /// What it is.
        value: u8,
    },
    /// A no-op that carries something.
    #[error("the no-op at byte {offset} carries {length} bytes")]
    NoopCarriesBytes {
        /// Where the entry begins.
        offset: usize,
        /// How many bytes.
        length: usize,
    },
    /// Bytes that [`Command::decode`](crate::Command::decode) refuses.
    #[error("the {length} bytes from byte {offset} on are no command")]
    NotACommand {
        /// Where they begin.
        offset: usize,
        /// How many there are.
        length: usize,
    },
    /// A chunk of another length than its message says.
    #[error("the chunk at byte {offset} should have {announced} bytes, but {found} are there")]
    ChunkLength {
        /// Where it begins.
        offset: usize,
        /// How many bytes the message says it has.
        announced: u64,
        /// How many there are.
        found: usize,
    },
}

/// Why bytes are no frame. After any of these nothing that follows on the connection can be trusted.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// It is longer than the receiver takes.
    #[error("the frame announces {announced} bytes, and the limit is {limit}")]
    TooLong {
        /// How many bytes the whole frame has, if its length at byte 0 is true.
        announced: u64,
        /// How many it may have.
        limit: usize,
    },
    /// It is longer or shorter than its header says.
    #[error("the frame announces {announced} bytes, but {found} are there")]
    Length {
        /// How many bytes the whole frame should have, by its length at byte 0.
        announced: u64,
        /// How many there are.
        found: usize,
    },
    /// It was damaged on the way.
    #[error(
        "the frame's checksum at byte 4 is {announced:#010x}, but that of the bytes from byte 8 on is {found:#010x}"
    )]
    Checksum {
        /// What the header says.
        announced: u32,
        /// What the bytes have.
        found: u32,
    },
    /// It is of a version that this build does not know.
    #[error("the frame's version at byte 8 is {version}, and only 1 to {VERSION} are known")]
    UnknownVersion {
        /// The version.
        version: u16,
    },
    /// It is intact, but no message: the peer has a bug, or is none of ours.
    #[error(transparent)]
    NoMessage(#[from] DecodeError),
}
