//! One server: a node with its disk, brought into a state by public means alone, and what it does when something happens to it.
//!
//! ```text
//! let mut n1 = node(1).in_term(3).with_log([1, 1, 2]);              // three servers, unless `of` says otherwise
//! let reaction = n1.hears("n2@4→n1 RequestVote last=3@2");
//! assert_eq!(reaction.says(), ["n1@4→n2 vote granted"]);
//! ```

use crate::notation::{Command, Packet, entry, id, read, read_snapshot};
use seaworthy_protocol::notation::{Run, show};
use seaworthy_protocol::{
    Config, Durable, Effects, Index, Input, Node, NodeSet, Progress, ReadId, Recording, Role, Term, Window,
    Write, WriteAck,
};
use std::num::{NonZeroU64, NonZeroUsize};

/// A node, its disk, and what the disk has yet to complete.
pub(crate) struct Server {
    config: Config,
    pub(crate) node: Node<Command>,
    disk: Durable<Command>,
    unsynced: Vec<Write<Vec<seaworthy_protocol::Entry<Command>>>>,
    ack: Option<WriteAck>,
    has_slow_disk: bool,
}

/// A server of a cluster of three, on its first boot, with a disk that completes every write at once.
pub(crate) fn node(number: u8) -> Server {
    Server {
        config: as_in_the_paper(3),
        node: Node::restart(id(number), Durable::default()),
        disk: Durable::default(),
        unsynced: Vec::new(),
        ack: None,
        has_slow_disk: false,
    }
}

/// The paper has neither pre-vote nor check-quorum, which the thesis adds, nor a window.
fn as_in_the_paper(count: u8) -> Config {
    let config = Config::new(NodeSet::first(count)).unwrap().with_window(None);
    config.with_pre_vote(false).with_check_quorum(false)
}

/// The state in which a test finds it.
impl Server {
    /// In a cluster of so many servers.
    pub(crate) fn of(mut self, count: u8) -> Self {
        let limit = NonZeroUsize::new(self.config.max_entries_per_append()).unwrap();
        let config = as_in_the_paper(count).with_max_entries_per_append(limit);
        let chunk = NonZeroU64::new(self.config.max_bytes_per_chunk()).unwrap();
        self.config = config.with_window(self.config.window()).with_max_bytes_per_chunk(chunk);
        self
    }

    /// With what the thesis adds to the paper: pre-vote and check-quorum.
    pub(crate) fn extended_as_in_the_thesis(mut self) -> Self {
        self.config = self.config.with_pre_vote(true).with_check_quorum(true);
        self
    }

    /// A leader runs ahead of answers by so many entries, and so many bytes of them: in a recording each has one.
    pub(crate) fn with_window(mut self, entries: usize, bytes: usize) -> Self {
        let [entries, bytes] = [entries, bytes].map(|limit| NonZeroUsize::new(limit).unwrap());
        self.config = self.config.with_window(Some(Window { entries, bytes }));
        self
    }

    /// Snapshots travel in pieces of so many bytes.
    pub(crate) fn with_chunks_of(mut self, bytes: u64) -> Self {
        self.config = self.config.with_max_bytes_per_chunk(NonZeroU64::new(bytes).unwrap());
        self
    }

    /// Has a snapshot, `3@1/9#7` for example, in place of its log up to there.
    pub(crate) fn with_snapshot(self, text: &str) -> Self {
        let snapshot = read_snapshot(text);
        self.woken_after(Write::Compact { snapshot, through: snapshot.last.index })
    }

    /// At most so many entries in one message.
    pub(crate) fn with_entries_per_append(mut self, limit: usize) -> Self {
        self.config = self.config.with_max_entries_per_append(NonZeroUsize::new(limit).unwrap());
        self
    }

    /// A follower whose disk says so, as after a restart.
    pub(crate) fn in_term(self, term: u64) -> Self {
        self.woken_after(Write::TermAndVote { current_term: Term(term), voted_for: None })
    }

    /// Voted in its current term.
    pub(crate) fn voted_for(self, candidate: u8) -> Self {
        let current_term = self.node.current_term();
        self.woken_after(Write::TermAndVote { current_term, voted_for: Some(id(candidate)) })
    }

    /// A log whose entries are of these terms; in the last one's term if it is not in a later one.
    pub(crate) fn with_log<const N: usize>(self, terms: [u64; N]) -> Self {
        let entries = (1..).zip(terms).map(|(index, term)| entry(index, term)).collect();
        let last = terms.last().copied().unwrap_or_default();
        let server = self.woken_after(Write::Append { after: Index(0), entries });
        if server.term() < last { server.in_term(last) } else { server }
    }

    fn woken_after(mut self, write: Write<Vec<seaworthy_protocol::Entry<Command>>>) -> Self {
        assert!(self.disk.redo(write));
        self.node = Node::restart(self.node.id(), self.disk.clone());
        self
    }

    /// Has heard from the leader of its current term, and knows nothing to be committed.
    pub(crate) fn following(mut self, leader: u8) -> Self {
        let (term, number) = (self.term(), self.number());
        self.hears(&format!("n{leader}@{term}→n{number} AppendEntries prev=0@0 [] commit=0"));
        self
    }

    /// Candidate of a term that it has just begun, with its own vote on its disk.
    pub(crate) fn candidate_of(self, term: u64) -> Self {
        let mut server = self.in_term(term - 1);
        server.times_out();
        server
    }

    /// Leader of a term, elected by just enough of the others, with its no-op on its own disk alone.
    pub(crate) fn leader_of(self, term: u64) -> Self {
        let mut server = self.candidate_of(term);
        let number = server.number();
        let others: Vec<u8> = server.config.voters().without(id(number)).iter().map(|id| id.get()).collect();
        for voter in others {
            if !server.is_leader() {
                server.hears(&format!("n{voter}@{term}→n{number} vote granted"));
            }
        }
        server
    }

    /// From now on its disk completes writes only when told to.
    pub(crate) fn with_slow_disk(mut self) -> Self {
        self.has_slow_disk = true;
        self
    }
}

/// What happens to it.
impl Server {
    /// Receives a message, which is not nonsense.
    pub(crate) fn hears(&mut self, text: &str) -> Reaction {
        self.receives(read(text))
    }

    pub(crate) fn receives(&mut self, packet: Packet) -> Reaction {
        let reaction = self.feed(Input::Receive(packet));
        assert_eq!(reaction.0.sink.faults, []);
        reaction
    }

    /// Receives a message that no correct server sends; who is to blame.
    pub(crate) fn hears_nonsense(&mut self, text: &str) -> Vec<String> {
        let reaction = self.feed(Input::Receive(read(text)));
        assert_eq!(reaction.says(), [""; 0]);
        reaction.0.sink.faults.iter().map(ToString::to_string).collect()
    }

    pub(crate) fn times_out(&mut self) -> Reaction {
        self.feed(Input::ElectionTimeout)
    }

    pub(crate) fn heartbeats(&mut self) -> Reaction {
        self.feed(Input::HeartbeatTimeout)
    }

    /// A client's command.
    pub(crate) fn is_asked(&mut self, command: char) -> Reaction {
        self.feed(Input::Propose(Command(command)))
    }

    /// A client's read of that number.
    pub(crate) fn is_asked_to_read(&mut self, read: u64) -> Reaction {
        self.feed(Input::Read(ReadId(read)))
    }

    /// An operator wants another server to lead.
    pub(crate) fn is_told_to_transfer_to(&mut self, target: u8) -> Reaction {
        self.feed(Input::Transfer { to: id(target) })
    }

    /// Its disk refuses a write; somebody else should lead.
    pub(crate) fn cannot_write(&mut self, heir: Option<u8>) -> Reaction {
        self.feed(Input::CannotWrite { heir: heir.map(id) })
    }

    /// Its driver has made a snapshot, and made it durable; the log goes up to an index.
    pub(crate) fn compacts(&mut self, snapshot: &str, through: u64) -> Reaction {
        self.feed(Input::Compact { snapshot: read_snapshot(snapshot), through: Index(through) })
    }

    /// Its driver has received a snapshot whole, and made it durable.
    pub(crate) fn has_staged(&mut self, snapshot: &str) -> Reaction {
        self.feed(Input::SnapshotStaged { snapshot: read_snapshot(snapshot), is_intact: true })
    }

    /// Its driver has received a snapshot whole, and its bytes are not those that were announced.
    pub(crate) fn finds_damaged(&mut self, snapshot: &str) -> Reaction {
        self.feed(Input::SnapshotStaged { snapshot: read_snapshot(snapshot), is_intact: false })
    }

    pub(crate) fn replicates(&mut self) -> Reaction {
        self.feed(Input::Replicate)
    }

    /// A slow disk completes all that it was given, and says so.
    pub(crate) fn completes_its_writes(&mut self) -> Reaction {
        for write in std::mem::take(&mut self.unsynced) {
            assert!(self.disk.redo(write));
        }
        let Some(ack) = self.ack.take() else { return Reaction(Effects::new(Recording::default())) };
        self.feed(Input::WritesDurable(ack))
    }

    /// Loses its memory and what its disk has not completed, and starts again.
    pub(crate) fn crashes_and_restarts(&mut self) {
        println!("{} crashes, and restarts", self.node.id());
        self.unsynced.clear();
        self.ack = None;
        self.node = Node::restart(self.node.id(), self.disk.clone());
    }

    pub(crate) fn feed(&mut self, input: Input<Command>) -> Reaction {
        println!("{} {input}", self.node.id());
        let mut fx = Effects::new(Recording::default());
        self.node.step(&self.config, input, &mut fx);
        assert_eq!(fx.violation, None);
        for line in fx.to_string().lines() {
            println!("   {line}");
        }
        self.unsynced.extend(fx.sink.writes.iter().cloned());
        self.ack = fx.ack.or(self.ack);
        if !self.has_slow_disk {
            fx.merge(self.completes_its_writes().0);
        }
        Reaction(fx)
    }
}

/// What can be seen of it.
impl Server {
    pub(crate) fn number(&self) -> u8 {
        self.node.id().get()
    }

    pub(crate) fn term(&self) -> u64 {
        self.node.current_term().0
    }

    pub(crate) fn vote(&self) -> Option<u8> {
        self.node.voted_for().map(|candidate| candidate.get())
    }

    pub(crate) fn commit_index(&self) -> u64 {
        self.node.commit_index().0
    }

    /// The terms of its log's entries.
    pub(crate) fn log(&self) -> Vec<u64> {
        self.node.log().entries().iter().map(|entry| entry.term.0).collect()
    }

    /// What its state machine may have been given: the committed entries.
    pub(crate) fn applied(&self) -> String {
        Run(self.node.log().base().index, self.node.log().prefix(self.node.commit_index())).to_string()
    }

    /// All entries with their commands.
    pub(crate) fn entries(&self) -> String {
        Run(self.node.log().base().index, self.node.log().entries()).to_string()
    }

    /// As a leader: the matchIndex and the nextIndex of a follower.
    pub(crate) fn progress_of(&self, follower: u8) -> (u64, u64) {
        let known = self.knows_of(follower);
        (known.match_index.0, known.next_index.0)
    }

    /// As a leader: all that it knows of a follower, in the one notation.
    pub(crate) fn pace_of(&self, follower: u8) -> String {
        self.knows_of(follower).to_string()
    }

    fn knows_of(&self, follower: u8) -> Progress {
        let Role::Leader { progress, .. } = self.node.role() else { panic!("{} does not lead", self.node) };
        *progress.get(id(follower)).unwrap()
    }

    pub(crate) fn is_follower(&self) -> bool {
        matches!(self.node.role(), Role::Follower { .. })
    }

    pub(crate) fn is_candidate(&self) -> bool {
        matches!(self.node.role(), Role::Candidate { .. })
    }

    pub(crate) fn is_leader(&self) -> bool {
        self.node.is_leader()
    }

    /// What is on its disk, in the one notation.
    pub(crate) fn on_disk(&self) -> String {
        self.disk.to_string()
    }
}

/// What a server did when something happened to it.
pub(crate) struct Reaction(pub(crate) Effects<Recording<Command>>);

impl Reaction {
    /// All messages.
    pub(crate) fn says(&self) -> Vec<String> {
        let mut all = self.says_at_once();
        all.extend(self.says_after_writes());
        all
    }

    /// The messages that need not wait for the disk.
    pub(crate) fn says_at_once(&self) -> Vec<String> {
        self.0.sink.now.iter().map(|packet| show::<_, Command>(packet).to_string()).collect()
    }

    /// The messages that leave when all writes so far are on the disk.
    pub(crate) fn says_after_writes(&self) -> Vec<String> {
        self.0.sink.after_writes.iter().map(|packet| show::<_, Command>(packet).to_string()).collect()
    }

    pub(crate) fn writes(&self) -> Vec<String> {
        self.0.sink.writes.iter().map(|write| show::<_, Command>(write).to_string()).collect()
    }

    /// The answers to a client.
    pub(crate) fn answers(&self) -> Vec<String> {
        self.0.sink.answers.iter().map(ToString::to_string).collect()
    }

    /// The chunks of which the driver keeps the bytes.
    pub(crate) fn stages(&self) -> Vec<String> {
        self.0.sink.staged.iter().map(ToString::to_string).collect()
    }

    pub(crate) fn restarts_the_election_timer(&self) -> bool {
        self.0.reset_election_timer
    }
}
