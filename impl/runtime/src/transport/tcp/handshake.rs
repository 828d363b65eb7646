//! What two nodes say before the first frame: who they are, and in which version they go on. `docs/wire.md` has the bytes.
//!
//! It guards against mistakes (an address that is another node's, a test cluster's node among those of production, a disk that was
//! wiped), not against enemies: nobody proves anything.

use super::TcpSettings;
use super::pins::{Pin, PinError, Pins};
use crate::codec::VERSION;
use crate::wal::Identity;
use seaworthy_protocol::{NodeId, NodeSet};
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};
use thiserror::Error;

const MAGIC: &[u8; 8] = b"seaworth";
/// The versions of frames that this build reads and writes.
pub(super) const VERSIONS: RangeInclusive<u16> = 1..=VERSION;
pub(super) const HELLO_LEN: usize = 58;
pub(super) const WELCOME_LEN: usize = 39;

/// What the node says that dials.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Hello {
    pub(super) oldest: u16,
    pub(super) newest: u16,
    pub(super) cluster: u128,
    /// As it came: whether it names a node is for the receiver to judge.
    pub(super) from: u8,
    pub(super) to: u8,
    pub(super) pin: Pin,
}

/// What the node answers that was dialled.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Welcome {
    /// The version of all frames that follow.
    pub(super) outcome: Result<u16, Refusal>,
    pub(super) pin: Pin,
}

/// Why a node does not talk with another.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub(super) enum Refusal {
    #[error("the two nodes belong to different clusters")]
    WrongCluster,
    #[error("the address is not that of the node that was meant")]
    WrongNode,
    #[error("there is no version of the wire that both know")]
    NoCommonVersion,
    #[error("the node that dialled is none of the other's peers")]
    NotAPeer,
    #[error("the node that dialled has not the identity that the other one remembers")]
    IdentityChanged,
}

/// Why a handshake came to nothing.
#[derive(Debug, Error)]
pub(super) enum HandshakeError {
    /// The peer is down, slow, or went away.
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("these are not the bytes of a handshake")]
    NotOurs,
    #[error("the handshake's checksum is {announced:#010x}, but that of its bytes is {found:#010x}")]
    Checksum { announced: u32, found: u32 },
    #[error("the handshake's answer has the unknown status {0}")]
    UnknownStatus(u8),
    #[error("the handshake chose version {0}, which was not offered")]
    UnknownVersion(u16),
    #[error("the peer refused the connection: {0}")]
    RefusedByPeer(Refusal),
    #[error("the connection was refused: {0}")]
    Refused(Refusal),
    #[error(transparent)]
    Pin(#[from] PinError),
}

impl HandshakeError {
    /// Nobody is at fault: the peer is down, or was in no mood to talk.
    pub(super) const fn is_absence(&self) -> bool {
        matches!(self, Self::Io(_))
    }
}

impl Hello {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&self.oldest.to_le_bytes());
        bytes.extend_from_slice(&self.newest.to_le_bytes());
        bytes.extend_from_slice(&self.cluster.to_le_bytes());
        bytes.extend_from_slice(&[self.from, self.to]);
        self.pin.encode(&mut bytes);
        seal(bytes)
    }

    fn decode(bytes: &[u8; HELLO_LEN]) -> Result<Self, HandshakeError> {
        let mut rest = open(bytes)?;
        Ok(Self {
            oldest: u16::from_le_bytes(take(&mut rest)?),
            newest: u16::from_le_bytes(take(&mut rest)?),
            cluster: u128::from_le_bytes(take(&mut rest)?),
            from: u8::from_le_bytes(take(&mut rest)?),
            to: u8::from_le_bytes(take(&mut rest)?),
            pin: Pin::decode(&mut rest)?,
        })
    }
}

impl Welcome {
    pub(super) fn encode(&self) -> Vec<u8> {
        let (version, status) = match self.outcome {
            Ok(version) => (version, 0),
            Err(refusal) => (0, refusal.status()),
        };
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&version.to_le_bytes());
        bytes.push(status);
        self.pin.encode(&mut bytes);
        seal(bytes)
    }

    pub(super) fn decode(bytes: &[u8; WELCOME_LEN]) -> Result<Self, HandshakeError> {
        let mut rest = open(bytes)?;
        let version = u16::from_le_bytes(take(&mut rest)?);
        let status = u8::from_le_bytes(take(&mut rest)?);
        let outcome = match status {
            0 => Ok(version),
            _ => Err(Refusal::from_status(status).ok_or(HandshakeError::UnknownStatus(status))?),
        };
        Ok(Self { outcome, pin: Pin::decode(&mut rest)? })
    }
}

impl Pin {
    /// What a node says of itself.
    pub(super) fn own(settings: &TcpSettings) -> Self {
        let Identity { directory, starts, .. } = settings.identity;
        Self { directory, starts: u32::try_from(starts).unwrap_or(u32::MAX), run: settings.run }
    }

    fn encode(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.directory.to_le_bytes());
        bytes.extend_from_slice(&self.starts.to_le_bytes());
        bytes.extend_from_slice(&self.run.to_le_bytes());
    }

    fn decode(rest: &mut &[u8]) -> Result<Self, HandshakeError> {
        Ok(Self {
            directory: u128::from_le_bytes(take(rest)?),
            starts: u32::from_le_bytes(take(rest)?),
            run: u32::from_le_bytes(take(rest)?),
        })
    }
}

impl Refusal {
    const fn status(self) -> u8 {
        match self {
            Self::WrongCluster => 1,
            Self::WrongNode => 2,
            Self::NoCommonVersion => 3,
            Self::NotAPeer => 4,
            Self::IdentityChanged => 5,
        }
    }

    const fn from_status(status: u8) -> Option<Self> {
        match status {
            1 => Some(Self::WrongCluster),
            2 => Some(Self::WrongNode),
            3 => Some(Self::NoCommonVersion),
            4 => Some(Self::NotAPeer),
            5 => Some(Self::IdentityChanged),
            _ => None,
        }
    }
}

/// Appends the checksum.
fn seal(mut bytes: Vec<u8>) -> Vec<u8> {
    let checksum = crc32c::crc32c(&bytes);
    bytes.extend_from_slice(&checksum.to_le_bytes());
    bytes
}

/// What is between the magic and the checksum.
fn open(bytes: &[u8]) -> Result<&[u8], HandshakeError> {
    let (content, checksum) = bytes.split_last_chunk().ok_or(HandshakeError::NotOurs)?;
    let fields = content.strip_prefix(MAGIC).ok_or(HandshakeError::NotOurs)?;
    let (announced, found) = (u32::from_le_bytes(*checksum), crc32c::crc32c(content));
    if announced == found { Ok(fields) } else { Err(HandshakeError::Checksum { announced, found }) }
}

fn take<const LENGTH: usize>(bytes: &mut &[u8]) -> Result<[u8; LENGTH], HandshakeError> {
    let (field, rest) = bytes.split_first_chunk().ok_or(HandshakeError::NotOurs)?;
    *bytes = rest;
    Ok(*field)
}

/// Reads so many bytes until the deadline, however slowly they drip.
pub(super) fn read_until<const LENGTH: usize>(
    mut stream: &TcpStream,
    deadline: Instant,
) -> io::Result<[u8; LENGTH]> {
    let mut bytes = [0; LENGTH];
    let mut room = &mut bytes[..];
    while !room.is_empty() {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "the handshake takes too long"));
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(room) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => room = std::mem::take(&mut room).get_mut(count..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    stream.set_read_timeout(None)?;
    Ok(bytes)
}

/// The side that dials: says who this is, and hears whom it has reached.
pub(super) fn greet(
    mut stream: &TcpStream,
    settings: &TcpSettings,
    peer: NodeId,
    pins: &Pins,
) -> Result<(), HandshakeError> {
    let deadline = Instant::now() + settings.handshake_timeout;
    let hello = Hello {
        oldest: *VERSIONS.start(),
        newest: *VERSIONS.end(),
        cluster: settings.identity.cluster,
        from: settings.identity.node.get(),
        to: peer.get(),
        pin: Pin::own(settings),
    };
    stream.write_all(&hello.encode())?;
    let welcome = Welcome::decode(&read_until(stream, deadline)?)?;
    match welcome.outcome {
        Ok(version) if VERSIONS.contains(&version) => Ok(pins.check(peer, welcome.pin)?),
        Ok(version) => Err(HandshakeError::UnknownVersion(version)),
        Err(refusal) => Err(HandshakeError::RefusedByPeer(refusal)),
    }
}

/// The side that was dialled: hears who that is.
pub(super) fn hear(stream: &TcpStream, timeout: Duration) -> Result<Hello, HandshakeError> {
    let deadline = Instant::now() + timeout;
    Hello::decode(&read_until(stream, deadline)?)
}

/// Judges who dialled. What is wrong is told to this node's operator; the peer is told the status of [`answer`].
pub(super) fn judge(
    hello: &Hello,
    identity: &Identity,
    peers: NodeSet,
    pins: &Pins,
) -> Result<(NodeId, u16), HandshakeError> {
    let refused = |refusal| Err(HandshakeError::Refused(refusal));
    let version = hello.newest.min(*VERSIONS.end());
    if version < hello.oldest.max(*VERSIONS.start()) {
        return refused(Refusal::NoCommonVersion);
    }
    if hello.cluster != identity.cluster {
        return refused(Refusal::WrongCluster);
    }
    if hello.to != identity.node.get() {
        return refused(Refusal::WrongNode);
    }
    match NodeId::new(hello.from).filter(|&from| peers.contains(from)) {
        Some(peer) => {
            pins.check(peer, hello.pin)?;
            Ok((peer, version))
        }
        None => refused(Refusal::NotAPeer),
    }
}

/// Tells the peer how it was judged; nothing, if that is not its fault.
pub(super) fn answer(
    mut stream: &TcpStream,
    settings: &TcpSettings,
    verdict: &Result<(NodeId, u16), HandshakeError>,
) -> io::Result<()> {
    let outcome = match verdict {
        Ok((_, version)) => Ok(*version),
        Err(HandshakeError::Refused(refusal)) => Err(*refusal),
        Err(HandshakeError::Pin(
            PinError::ChangedDirectory { .. } | PinError::RegressedStarts { .. } | PinError::OtherRun { .. },
        )) => Err(Refusal::IdentityChanged),
        Err(_) => return Ok(()),
    };
    let welcome = Welcome { outcome, pin: Pin::own(settings) };
    stream.write_all(&welcome.encode())
}
