//! What a process says on one connection, cut into what it means. `docs/wire.md` has the bytes.

use crate::disk_kit::crc32c;
use seaworthy::codec::{Frame, decode_frame, frame_len};
use seaworthy_protocol::{Entry, Envelope};

const HELLO_LEN: usize = 58;
const WELCOME_LEN: usize = 39;
/// Longer than any frame that a node takes.
const FRAME_LIMIT: usize = 1 << 30;

/// One direction of one connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Stream {
    bytes: Vec<u8>,
    greeting: Option<Greeting>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Greeting {
    /// Frames follow.
    Hello,
    /// Nothing follows.
    Welcome,
}

/// Something that was said, whole.
#[derive(Clone, Debug)]
pub(super) enum Said {
    /// Who speaks: a hello, or the welcome that answers one.
    Handshake {
        directory: u128,
        starts: u64,
    },
    Frame(Envelope<Vec<Entry<u64>>>),
}

impl Stream {
    /// Takes in more bytes.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// What is whole next.
    pub(super) fn next(&mut self) -> Result<Option<Said>, &'static str> {
        match self.greeting {
            None => Ok(self.greet()?),
            Some(Greeting::Welcome) if self.bytes.is_empty() => Ok(None),
            Some(Greeting::Welcome) => Err("something follows a welcome"),
            Some(Greeting::Hello) => self.frame(),
        }
    }

    /// Which of the two it is, its checksum tells.
    fn greet(&mut self) -> Result<Option<Said>, &'static str> {
        let (greeting, length, directory) = if is_sealed(&self.bytes, WELCOME_LEN) {
            (Greeting::Welcome, WELCOME_LEN, 11)
        } else if is_sealed(&self.bytes, HELLO_LEN) {
            (Greeting::Hello, HELLO_LEN, 30)
        } else if self.bytes.len() < HELLO_LEN {
            return Ok(None);
        } else {
            return Err("a connection begins with no handshake");
        };
        self.greeting = Some(greeting);
        let handshake: Vec<u8> = self.bytes.drain(..length).collect();
        let fields = handshake[directory..].split_first_chunk::<16>();
        let (directory, rest) = fields.ok_or("a handshake is too short")?;
        let starts = rest.first_chunk().ok_or("a handshake is too short")?;
        let (directory, starts) = (u128::from_le_bytes(*directory), u32::from_le_bytes(*starts).into());
        Ok(Some(Said::Handshake { directory, starts }))
    }

    fn frame(&mut self) -> Result<Option<Said>, &'static str> {
        let length = frame_len(&self.bytes, FRAME_LIMIT).map_err(|_| "a frame is too long")?;
        let Some(bytes) = length.and_then(|length| self.bytes.get(..length)) else { return Ok(None) };
        let Frame { envelope, chunk: _ } = decode_frame(bytes).map_err(|_| "a frame is none")?;
        self.bytes.drain(..bytes.len());
        Ok(Some(Said::Frame(envelope)))
    }
}

/// Do so many bytes end with the checksum of those before it?
fn is_sealed(bytes: &[u8], length: usize) -> bool {
    let content = bytes.get(..length).and_then(|bytes| bytes.split_last_chunk());
    content.is_some_and(|(content, checksum)| {
        content.starts_with(b"seaworth") && crc32c(0, content) == u32::from_le_bytes(*checksum)
    })
}
