//! The shipped protocol with a disk that is durable at once, behind three shapes of the boundary between them.

use crate::one_thread::Core;
use crate::workload::Checksum;
use crate::workload::Command;
use seaworthy_protocol::{
    Answer, Chunk, Config, Durable, Effects, Entries, Entry, Envelope, Index, Input, Log, LogId, Node,
    NodeSet, Payload, PeerFault, Recording, Release, Role, Sink, Snapshot, Write,
};
use std::sync::Arc;

/// A shape of the boundary: how effects are held from the step to the world.
pub trait Boundary: Sink<Self::Command> + Default {
    /// How commands are held.
    type Command: AsRef<[u8]>;
    /// How a message holds its entries.
    type Entries: Entries<Self::Command>;
    /// Takes the messages out, all writes being durable.
    fn drain(&mut self) -> impl Iterator<Item = Envelope<Self::Entries>>;
}

/// The sink: entries are borrowed from the log until the driver puts them where they go. Here into a message, which in one
/// process is a clone of each command; the disk takes them by reference.
pub struct InPlace<C = Command> {
    messages: Vec<Envelope<Vec<Entry<C>>>>,
    after_writes: Vec<Envelope<Vec<Entry<C>>>>,
    /// What a disk would encode.
    written: u64,
}

impl<C> Default for InPlace<C> {
    fn default() -> Self {
        Self { messages: Vec::new(), after_writes: Vec::new(), written: 0 }
    }
}

impl<C: AsRef<[u8]> + Clone> Sink<C> for InPlace<C> {
    fn send(&mut self, release: Release, envelope: Envelope<&[Entry<C>]>) {
        let envelope = envelope.map_entries(<[Entry<C>]>::to_vec);
        match release {
            Release::Now => self.messages.push(envelope),
            Release::AfterWrites => self.after_writes.push(envelope),
        }
    }

    fn write(&mut self, write: Write<&[Entry<C>]>) {
        match write {
            Write::TermAndVote { .. } => self.written += 1,
            Write::Append { after: _, entries } => self.written += entries.len() as u64,
            Write::Compact { .. } | Write::Install { .. } => self.written += 1,
        }
    }

    fn answer(&mut self, _: Answer) {}

    fn fault(&mut self, fault: PeerFault) {
        unreachable!("{fault}: all nodes run the same protocol");
    }

    fn stage(&mut self, _: Chunk) {
        unreachable!("nobody is so far behind as to need a snapshot");
    }

    fn weight(&self, entry: &Entry<C>) -> usize {
        weight(entry)
    }
}

impl<C: AsRef<[u8]> + Clone> Boundary for InPlace<C> {
    type Command = C;
    type Entries = Vec<Entry<C>>;

    fn drain(&mut self) -> impl Iterator<Item = Envelope<Self::Entries>> {
        self.messages.drain(..).chain(self.after_writes.drain(..))
    }
}

type CommandEntry = Entry<Command>;

/// The struct: a step returns everything as values of its own.
impl Boundary for Recording<Command> {
    type Command = Command;
    type Entries = Vec<CommandEntry>;

    fn drain(&mut self) -> impl Iterator<Item = Envelope<Self::Entries>> {
        self.writes.clear();
        self.answers.clear();
        self.now.drain(..).chain(self.after_writes.drain(..))
    }
}

/// The struct whose entries are shared: the write and the messages of a batch hold one slice.
#[derive(Default)]
pub struct Shared {
    messages: Vec<Envelope<Arc<[CommandEntry]>>>,
    after_writes: Vec<Envelope<Arc<[CommandEntry]>>>,
    writes: Vec<Write<Arc<[CommandEntry]>>>,
    /// The last slice that was shared, by its address in the log.
    last: Option<(*const CommandEntry, Arc<[CommandEntry]>)>,
}

impl Shared {
    fn share(&mut self, entries: &[CommandEntry]) -> Arc<[CommandEntry]> {
        match &self.last {
            Some((address, shared)) if *address == entries.as_ptr() && shared.len() == entries.len() => {
                Arc::clone(shared)
            }
            Some(_) | None => {
                let shared: Arc<[CommandEntry]> = entries.into();
                self.last = Some((entries.as_ptr(), Arc::clone(&shared)));
                shared
            }
        }
    }
}

impl Sink<Command> for Shared {
    fn send(&mut self, release: Release, envelope: Envelope<&[CommandEntry]>) {
        let envelope = envelope.map_entries(|entries| self.share(entries));
        match release {
            Release::Now => self.messages.push(envelope),
            Release::AfterWrites => self.after_writes.push(envelope),
        }
    }

    fn write(&mut self, write: Write<&[CommandEntry]>) {
        let write = write.map_entries(|entries| self.share(entries));
        self.writes.push(write);
    }

    fn answer(&mut self, _: Answer) {}

    fn fault(&mut self, fault: PeerFault) {
        unreachable!("{fault}: all nodes run the same protocol");
    }

    fn stage(&mut self, _: Chunk) {
        unreachable!("nobody is so far behind as to need a snapshot");
    }

    fn weight(&self, entry: &CommandEntry) -> usize {
        weight(entry)
    }
}

impl Boundary for Shared {
    type Command = Command;
    type Entries = Arc<[CommandEntry]>;

    fn drain(&mut self) -> impl Iterator<Item = Envelope<Self::Entries>> {
        self.writes.clear();
        self.last = None;
        self.messages.drain(..).chain(self.after_writes.drain(..))
    }
}

/// What an entry takes on the wire, its term and its length included.
fn weight<C: AsRef<[u8]>>(entry: &Entry<C>) -> usize {
    match &entry.payload {
        Payload::Noop => 12,
        Payload::Command(command) => 12 + command.as_ref().len(),
    }
}

/// A node behind a boundary.
pub struct RaftCore<B: Boundary> {
    config: Config,
    node: Node<B::Command>,
    fx: Effects<B>,
    applied: Index,
    compaction: Option<Compaction>,
}

/// When a core forgets the beginning of its log. Its state machine is so small that a snapshot of it costs nothing.
#[derive(Clone, Copy, Debug)]
pub struct Compaction {
    /// After how many entries.
    pub every: u64,
    /// How many of them stay, for followers that are a little behind.
    pub keep: u64,
}

impl<B: Boundary> RaftCore<B> {
    /// Three nodes, the first of which was just elected.
    ///
    /// # Panics
    ///
    /// If the election fails.
    #[must_use]
    pub fn three() -> [Self; 3] {
        Self::cluster()
    }

    /// The same with other settings than the defaults.
    ///
    /// # Panics
    ///
    /// If the election fails.
    #[must_use]
    pub fn three_with(change: impl FnOnce(Config) -> Config, compaction: Option<Compaction>) -> [Self; 3] {
        Self::cluster_with(change, compaction)
    }

    /// So many nodes, the first of which was just elected.
    ///
    /// # Panics
    ///
    /// If the election fails.
    #[must_use]
    pub fn cluster<const NODES: usize>() -> [Self; NODES] {
        Self::cluster_with(|config| config, None)
    }

    /// So many nodes with other settings than the defaults.
    ///
    /// # Panics
    ///
    /// If the election fails.
    #[must_use]
    pub fn cluster_with<const NODES: usize>(
        change: impl FnOnce(Config) -> Config,
        compaction: Option<Compaction>,
    ) -> [Self; NODES] {
        let count = u8::try_from(NODES).expect("at most 64");
        let config = change(Config::new(NodeSet::first(count)).expect("at least one voter"));
        let core = |id| Self {
            config,
            node: Node::restart(id, Durable::default()),
            fx: Effects::new(B::default()),
            applied: Index(0),
            compaction,
        };
        let mut ids = NodeSet::first(count).iter();
        let mut cores = std::array::from_fn(|_| core(ids.next().expect("as many as there are voters")));
        let (mut outbox, mut ignored) = (Vec::new(), Checksum::default());
        cores[0].step(Input::ElectionTimeout);
        cores[0].flush(&mut outbox, &mut ignored);
        while let Some((to, message)) = outbox.pop() {
            cores[to].receive(message);
            cores[to].flush(&mut outbox, &mut ignored);
        }
        assert!(cores[0].node.is_leader());
        assert_eq!(cores[0].node.commit_index(), Index(1));
        cores
    }

    /// The log.
    #[must_use]
    pub const fn log(&self) -> &Log<B::Command> {
        self.node.log()
    }

    fn step(&mut self, input: Input<B::Command, B::Entries>) {
        self.node.step(&self.config, input, &mut self.fx);
    }

    /// The disk completes at once; what that brings about is carried out too.
    fn complete_writes(&mut self) {
        while let Some(ack) = self.fx.ack.take() {
            self.step(Input::WritesDurable(ack));
        }
        assert_eq!(self.fx.violation, None);
    }

    fn apply(&mut self, state_machine: &mut Checksum) {
        let committed = self.node.commit_index();
        let count = usize::try_from(committed.0 - self.applied.0).unwrap_or(usize::MAX);
        for entry in self.node.log().after(self.applied, count) {
            match &entry.payload {
                Payload::Noop => {}
                Payload::Command(command) => state_machine.apply(command.as_ref()),
            }
        }
        self.applied = committed;
    }

    /// The last entry that no follower lacks, as far as this core knows.
    fn held_by_all(&self) -> Index {
        match self.node.role() {
            Role::Leader { progress, .. } => {
                progress.iter().map(|(_, known)| known.match_index).min().unwrap_or(self.applied)
            }
            Role::Follower { .. } | Role::PreCandidate { .. } | Role::Candidate { .. } => self.applied,
        }
    }

    fn compact(&mut self) {
        let Some(Compaction { every, keep }) = self.compaction else { return };
        let log = self.node.log();
        let (base, applied) = (log.base().index.0, self.applied.0);
        if applied <= base + every + keep {
            return;
        }
        let Some(term) = log.term_at(self.applied) else { return };
        let through = Index(applied - keep).min(self.held_by_all());
        let last = LogId { term, index: self.applied };
        // Nobody ever asks for its bytes: `Sink::stage` sees to that.
        let snapshot = Snapshot { last, length: 1, digest: 0 };
        self.step(Input::Compact { snapshot, through });
        self.complete_writes();
    }
}

impl<B: Boundary> Core for RaftCore<B> {
    type Command = B::Command;
    type Message = Envelope<B::Entries>;

    fn propose(&mut self, command: B::Command) {
        self.node.propose(command, &mut self.fx);
    }

    fn receive(&mut self, message: Self::Message) {
        self.step(Input::Receive(message));
    }

    fn heartbeat(&mut self) {
        self.step(Input::HeartbeatTimeout);
    }

    fn flush(&mut self, outbox: &mut Vec<(usize, Self::Message)>, state_machine: &mut Checksum) {
        self.step(Input::Replicate);
        self.complete_writes();
        let addressed = |envelope: Envelope<B::Entries>| (usize::from(envelope.to.get()) - 1, envelope);
        outbox.extend(self.fx.sink.drain().map(addressed));
        self.apply(state_machine);
        self.compact();
    }
}
