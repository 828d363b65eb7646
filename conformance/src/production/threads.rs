//! A node on its threads, with a directory and clients, as a script sees it.

use super::directed::{Directed, Ends, Seen};
use super::output::{Output, Said};
use super::server::{self, LAYOUT};
use super::stepper::{NEVER, Stepper};
use super::tape::Tape;
use super::{Production, image, torn};
use crate::sim::SimFiles;
use crate::subject::Event as Happening;
use seaworthy::codec::encode_frame;
use seaworthy::wal::{Directory, OpenError, Wal};
use seaworthy::{
    Builder, Network, ProposeError, Raft, Raw, ReadError, Reply, RequestError, Settings, StartError, Token,
    TransferError,
};
use seaworthy_protocol::{Durable, Node, NodeId, Snapshot};
use std::io;
use std::time::Duration;
use tempfile::TempDir;

/// A node with the threads that it has: its own, its disk's, and its clients'. Its network is one in memory that carries only what the
/// script delivers.
pub struct Threads {
    id: NodeId,
    settings: Settings,
    network: Network,
    home: TempDir,
    /// Nothing, if it could not start.
    running: Option<Running>,
    node: Node<u8>,
    tape: Tape,
    stepper: Stepper,
    clients: Vec<(Token, Client)>,
}

/// In this order: a node goes on to its end only when nobody directs it any more.
struct Running {
    ends: Ends,
    raft: Raft<Tape>,
}

/// Who has asked a node for something, and waits.
enum Client {
    Proposer(Reply<(), ProposeError>),
    Reader(Reply<Tape, ReadError>),
    Transferrer(Reply<(), TransferError>),
}

impl Threads {
    /// A node that holds something already, with the bytes of its snapshot.
    ///
    /// # Panics
    ///
    /// If there can be no temporary directory, or it cannot be written to.
    #[must_use]
    pub fn holding(
        id: NodeId,
        network: &Network,
        settings: Settings,
        durable: &Durable<u8>,
        snapshot: Option<(Snapshot, Vec<u8>)>,
    ) -> Self {
        let home = tempfile::tempdir().expect("a directory to work in");
        let files = Directory::open(home.path()).expect("it is nobody else's");
        drop(server::holding(id, files, durable, snapshot).expect("it is empty"));
        let mut threads = Self {
            id,
            settings,
            network: network.clone(),
            home,
            running: None,
            node: Node::restart(id, Durable::default()),
            tape: Tape::default(),
            stepper: Stepper::new(0, Duration::ZERO),
            clients: Vec::new(),
        };
        let output = threads.start();
        assert!(threads.running.is_some(), "it does not start: {output:?}");
        threads
    }

    fn start(&mut self) -> Output {
        // What the start will count.
        let starts = match image::of(self.home.path()).map(|files| Wal::open::<u8>(files, LAYOUT)) {
            Ok(Ok((wal, _))) => wal.identity().starts,
            Ok(Err(error)) => return Output { does_not_start: Some(error), ..Output::default() },
            Err(error) => return Output { stopped: Some(error.to_string()), ..Output::default() },
        };
        let (directed, ends) = Directed::new(Stepper::new(starts, self.stepper.later()));
        let Settings { config, timing, limits, read_timeout, compaction: _ } = self.settings;
        let builder =
            Builder::new(server::identity(self.id).cluster, self.id, config.voters(), &self.network)
                .directory(self.home.path())
                .layout(LAYOUT)
                .timing(timing)
                .limits(limits)
                .read_timeout(read_timeout)
                .compaction(NEVER)
                .config(|_| config);
        match builder.start_driven(Tape::default(), directed) {
            Ok(raft) => {
                self.running = Some(Running { ends, raft });
                self.look()
            }
            Err(StartError::Disk(error)) => Output { does_not_start: Some(error), ..Output::default() },
            Err(error) => Output { stopped: Some(error.to_string()), ..Output::default() },
        }
    }

    /// Waits until the node's thread has done what it was told.
    fn look(&mut self) -> Output {
        let seen = self.running.as_ref().and_then(|running| running.ends.seen.recv().ok());
        let Some(Seen { node, tape, stepper, output }) = seen else {
            let ended = Some("its thread has ended".to_owned());
            return Output { stopped: ended, ..Output::default() };
        };
        (self.node, self.tape, self.stepper) = (node, tape, stepper);
        output
    }

    /// What reaches the node's mailbox, from the threads of clients and peers, before it is told to look.
    fn send(&mut self, happening: &Happening, chunk: &[u8]) {
        let Some(Running { raft, .. }) = &self.running else { return };
        let client = match happening {
            Happening::Propose(command) => Client::Proposer(raft.propose(&Raw(*command))),
            Happening::Read(_) => Client::Reader(raft.read(|tape| *tape)),
            Happening::Transfer { to } => Client::Transferrer(raft.transfer_leadership(*to)),
            Happening::Deliver(envelope) => {
                let mut frame = Vec::new();
                encode_frame(&envelope.borrowed(), chunk, &mut frame);
                return self.network.deliver(envelope.from, envelope.to, &frame);
            }
            Happening::ElectionTimeout
            | Happening::Heartbeat
            | Happening::Replicate
            | Happening::CannotWrite { .. }
            | Happening::Compact { .. }
            | Happening::SnapshotStaged { .. }
            | Happening::DiskCompletes
            | Happening::DiskConfirms
            | Happening::Crash { .. } => return,
        };
        self.clients.push((self.stepper.next_token(), client));
    }

    /// Clients hear what the node has said, that and nothing else.
    fn listen(&mut self, output: &mut Output) {
        let tape = self.tape;
        self.clients.retain_mut(|(token, client)| {
            let said = output.said.iter().find(|(told, _)| told == token).map(|(_, said)| *said);
            if !client.hears(said, tape) {
                output.misled = Some(format!("{client:?} was told {said:?}"));
            }
            said.is_none()
        });
    }

    /// The process dies. Of the writes that wait the disk keeps the first few, whole, and half of the next.
    fn crash(&mut self, kept: usize) -> Output {
        let torn = self.keep(kept);
        let Some(Running { ends, raft }) = self.running.take() else { return Output::default() };
        drop(ends);
        let ended = raft.shutdown().map_err(|error| error.to_string());
        drop(raft);
        let mut misled = None;
        for (_, mut client) in self.clients.drain(..) {
            if !client.is_abandoned() {
                misled = Some(format!("{client:?} was not told that its node has stopped"));
            }
        }
        let put =
            |files: Option<SimFiles>| files.map_or(Ok(()), |files| image::put(self.home.path(), &files));
        match ended.and_then(|()| torn.and_then(put).map_err(|error| error.to_string())) {
            Ok(()) => Output { misled, ..self.start() },
            Err(error) => Output { stopped: Some(error), ..Output::default() },
        }
    }

    /// Has the disk do what it keeps. Answers what it is to be afterwards, if that is something else than it is then.
    fn keep(&mut self, kept: usize) -> io::Result<Option<SimFiles>> {
        let mut left = kept;
        for count in self.stepper.waiting.iter().map(|(_, batch)| batch.count()).collect::<Vec<_>>() {
            let before = image::of(self.home.path())?;
            self.happen(&Happening::DiskCompletes, &[]);
            if left < count {
                let with_batch = image::of(self.home.path())?;
                return Ok(Some(torn::part(before, with_batch, count - left)));
            }
            left -= count;
        }
        Ok(None)
    }
}

impl Production for Threads {
    fn happen(&mut self, happening: &Happening, chunk: &[u8]) -> Output {
        if let Happening::Crash { kept } = happening {
            return self.crash(*kept);
        }
        self.send(happening, chunk);
        if let Some(running) = &self.running {
            // If it is gone, it shows nothing more.
            let _ = running.ends.orders.send(happening.clone());
        }
        let mut output = self.look();
        self.listen(&mut output);
        output
    }

    fn node(&self) -> &Node<u8> {
        &self.node
    }

    fn tape(&self) -> Tape {
        self.tape
    }

    fn stepper(&self) -> &Stepper {
        &self.stepper
    }

    /// Nothing is known of what is not synced: a directory shows all that was written.
    fn recovered(&self) -> Result<Durable<u8>, OpenError> {
        let files = image::of(self.home.path()).map_err(|_| OpenError::NotInitialised)?;
        Wal::open(files, LAYOUT).map(|(_, recovery)| recovery.durable)
    }
}

impl Client {
    /// Has it heard what was said, or nothing, if nothing was?
    fn hears(&mut self, said: Option<Said>, tape: Tape) -> bool {
        match self {
            Self::Proposer(reply) => hears(reply, said, ()),
            Self::Reader(reply) => hears(reply, said, tape),
            Self::Transferrer(reply) => hears(reply, said, ()),
        }
    }

    /// Has it heard that nobody knows, or that there is nobody?
    fn is_abandoned(&mut self) -> bool {
        let now = Duration::ZERO;
        match self {
            Self::Proposer(reply) => matches!(reply.wait_timeout(now), Some(Err(ProposeError::Unknown))),
            Self::Reader(reply) => matches!(reply.wait_timeout(now), Some(Err(ReadError::Stopped))),
            Self::Transferrer(reply) => {
                matches!(reply.wait_timeout(now), Some(Err(TransferError::Stopped)))
            }
        }
    }
}

fn hears<T: PartialEq, E: Copy + From<RequestError> + PartialEq>(
    reply: &mut Reply<T, E>,
    said: Option<Said>,
    value: T,
) -> bool {
    let expected = said.map(|said| match said {
        Said::Applied | Said::Readable | Said::Transferred => Ok(value),
        Said::Refused(error) => Err(E::from(error)),
    });
    reply.wait_timeout(Duration::ZERO) == expected
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Proposer(_) => "who proposed a command",
            Self::Reader(_) => "who wanted to read",
            Self::Transferrer(_) => "who wanted another leader",
        })
    }
}
