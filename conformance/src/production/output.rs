//! What comes of an event at a node.

use seaworthy::codec::FrameError;
use seaworthy::wal::OpenError;
use seaworthy::{RequestError, Stop, Token};
use seaworthy_protocol::{NodeId, PeerFault, Snapshot};

/// What comes of an event.
#[derive(Debug, Default)]
pub struct Output {
    /// The frames that left, and to whom.
    pub sent: Vec<(NodeId, Vec<u8>)>,
    /// What clients were told.
    pub said: Vec<(Token, Said)>,
    /// Who was blamed.
    pub faults: Vec<PeerFault>,
    /// The election timer was started afresh.
    pub resets_timer: bool,
    /// The snapshot that was made durable, and its bytes.
    pub saved: Option<(Snapshot, Vec<u8>)>,
    /// What was wrong with a message, written down.
    pub unreadable: Option<FrameError>,
    /// What recovery found, if the node could not start again.
    pub does_not_start: Option<OpenError>,
    /// Why the node has stopped for good.
    pub stopped: Option<Stop>,
}

/// What a client is told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Said {
    /// Its command was carried out.
    Applied,
    /// It may look at the state.
    Readable,
    /// The leadership has been handed over.
    Transferred,
    /// No.
    Refused(RequestError),
}
