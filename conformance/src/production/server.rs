//! A node and its disk, without threads.

use super::behind::Alone;
use super::output::Output;
use super::stepper::{NEVER, Stepper, Stepping};
use super::tape::Tape;
use super::{Platter, Production, around::Around, torn};
use crate::subject::Event as Happening;
use seaworthy::codec::{Record, decode_frame, encode_frame};
use seaworthy::wal::{Batch, Files, Identity, Layout, OpenError, Wal};
use seaworthy::{Event, NodeLoop, Request, Settings};
use seaworthy_protocol::{Durable, Node, NodeId, Snapshot};
use std::collections::VecDeque;
use std::time::Duration;

/// A segment has room for a few records, and a piece of a snapshot is a byte: segments are begun, and pieces written, all the time.
pub(super) const LAYOUT: Layout = Layout { segment_size: 512, piece_size: 1 };

/// A node and its disk.
#[derive(Clone, Debug)]
pub struct Server<F> {
    node: NodeLoop<Tape>,
    wal: Wal<F>,
    settings: Settings,
    stepper: Stepper,
}

/// Whose directory a node's is.
pub(super) fn identity(id: NodeId) -> Identity {
    Identity { cluster: 0x5ea, node: id, directory: u128::from(id.get()), starts: 0 }
}

/// A disk that holds something already, with the bytes of its snapshot.
///
/// # Errors
///
/// If the disk refuses.
pub(super) fn holding<F: Files>(
    id: NodeId,
    files: F,
    durable: &Durable<u8>,
    snapshot: Option<(Snapshot, Vec<u8>)>,
) -> Result<F, OpenError> {
    let (mut wal, _) = Wal::open::<u8>(Wal::init(files, identity(id), LAYOUT)?, LAYOUT)?;
    let refused = |_| OpenError::NotInitialised;
    if let Some((snapshot, bytes)) = &snapshot {
        wal.save_snapshot(*snapshot, bytes).map_err(refused)?;
    }
    let mut batch = Batch::default();
    let (base, log) = (durable.log().base(), durable.log());
    let (current_term, voted_for) = (durable.current_term(), durable.voted_for());
    batch.push::<u8>(&Record::TermAndVote { current_term, voted_for });
    if let Some((snapshot, _)) = snapshot {
        // As if one up to the base had come first, and then the entries, and then this one been made.
        batch.push::<u8>(&Record::Install { snapshot: Snapshot { last: base, ..snapshot } });
        batch.push(&Record::Append { after: base.index, entries: log.entries() });
        batch.push::<u8>(&Record::Compact { snapshot, base });
    } else {
        batch.push(&Record::Append { after: base.index, entries: log.entries() });
    }
    wal.append(&mut batch).map_err(refused)?;
    Ok(wal.into_files())
}

impl<F: Platter> Server<F> {
    /// A node on an empty disk.
    ///
    /// # Errors
    ///
    /// If the disk refuses.
    pub fn new(id: NodeId, files: F, settings: Settings) -> Result<Self, OpenError> {
        let files = Wal::init(files, identity(id), LAYOUT)?;
        Self::open(id, files, settings, Duration::ZERO, &mut Output::default())
    }

    /// A node on a disk that holds something already, with the bytes of its snapshot.
    ///
    /// # Errors
    ///
    /// If the disk refuses.
    pub(crate) fn holding(
        id: NodeId,
        files: F,
        settings: Settings,
        durable: &Durable<u8>,
        snapshot: Option<(Snapshot, Vec<u8>)>,
    ) -> Result<Self, OpenError> {
        let files = holding(id, files, durable, snapshot)?;
        Self::open(id, files, settings, Duration::ZERO, &mut Output::default())
    }

    fn open(
        id: NodeId,
        files: F,
        settings: Settings,
        now: Duration,
        output: &mut Output,
    ) -> Result<Self, OpenError> {
        let settings = Settings { compaction: NEVER, ..settings };
        let (mut wal, recovery) = Wal::open(files, LAYOUT)?;
        let starts = wal.identity().starts;
        let mut stepper = Stepper::new(starts, now);
        let mut around = Around {
            stepper: &mut stepper,
            behind: &mut Alone { wal: &mut wal, coming: None },
            inbox: VecDeque::new(),
            heir: None,
            wanted: None,
            output,
        };
        let node = NodeLoop::start(id, starts, recovery.durable, Tape::default(), settings, &mut around);
        // What recovery has verified can be restored.
        let node = node.map_err(|_| OpenError::NotInitialised)?;
        stepper.note_start(&node);
        Ok(Self { node, wal, settings, stepper })
    }

    fn step(&mut self, happening: &Happening, coming: Option<Event<u8>>, output: &mut Output) {
        let behind = &mut Alone { wal: &mut self.wal, coming };
        let (stepper, node) = (&mut self.stepper, &mut self.node);
        let outcome = Stepping { stepper, node, behind, output: &mut *output }.happen(happening);
        output.stopped = outcome.err().map(|stop| stop.to_string());
    }

    fn request(&self, request: Request<u8>) -> Event<u8> {
        Event::Request { token: self.stepper.next_token(), request }
    }

    /// The power goes. Of the writes that wait the disk keeps the first few, whole, and half of the next.
    fn crash(&mut self, kept: usize, output: &mut Output) {
        self.wal.files_mut().lose_unsynced();
        let files = torn::keep(self.wal.clone(), &self.stepper.waiting, kept);
        let id = self.node.node().id();
        match Self::open(id, files, self.settings, self.stepper.later(), output) {
            Ok(server) => *self = server,
            Err(error) => output.does_not_start = Some(error),
        }
    }
}

impl<F: Platter> Production for Server<F> {
    fn happen(&mut self, happening: &Happening, chunk: &[u8]) -> Output {
        let mut output = Output::default();
        let coming = match happening {
            Happening::Propose(command) => Some(self.request(Request::Propose(*command))),
            Happening::Read(_) => Some(self.request(Request::Read)),
            Happening::Transfer { to } => Some(self.request(Request::Transfer { to: *to })),
            // A message arrives as it travels: written down, and read back.
            Happening::Deliver(envelope) => {
                let mut frame = Vec::new();
                encode_frame(&envelope.borrowed(), chunk, &mut frame);
                match decode_frame::<u8>(&frame) {
                    Ok(frame) => {
                        Some(Event::Message { envelope: frame.envelope, chunk: frame.chunk.to_vec() })
                    }
                    Err(error) => return Output { unreadable: Some(error), ..output },
                }
            }
            Happening::Crash { kept } => {
                self.crash(*kept, &mut output);
                return output;
            }
            Happening::ElectionTimeout
            | Happening::Heartbeat
            | Happening::Replicate
            | Happening::CannotWrite { .. }
            | Happening::Compact { .. }
            | Happening::SnapshotStaged { .. }
            | Happening::DiskCompletes
            | Happening::DiskConfirms => None,
        };
        self.step(happening, coming, &mut output);
        output
    }

    fn node(&self) -> &Node<u8> {
        self.node.node()
    }

    fn tape(&self) -> Tape {
        self.node.state_machine().copied().unwrap_or_default()
    }

    fn stepper(&self) -> &Stepper {
        &self.stepper
    }

    fn recovered(&self) -> Result<Durable<u8>, OpenError> {
        let mut files = self.wal.files().clone();
        files.lose_unsynced();
        Wal::open(files, LAYOUT).map(|(_, recovery)| recovery.durable)
    }
}
