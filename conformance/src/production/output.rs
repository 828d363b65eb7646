//! What comes of an event at a node.

use seaworthy::codec::FrameError;
use seaworthy::wal::OpenError;
use seaworthy::{RequestError, Token};
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
    pub stopped: Option<String>,
    /// What a client has heard that was not said to it.
    pub misled: Option<String>,
}

impl Output {
    /// What came of something that happened later.
    pub fn absorb(&mut self, later: Self) {
        self.sent.extend(later.sent);
        self.said.extend(later.said);
        self.faults.extend(later.faults);
        self.resets_timer |= later.resets_timer;
        self.saved = self.saved.take().or(later.saved);
        self.unreadable = self.unreadable.take().or(later.unreadable);
        self.does_not_start = self.does_not_start.take().or(later.does_not_start);
        self.stopped = self.stopped.take().or(later.stopped);
        self.misled = self.misled.take().or(later.misled);
    }
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
