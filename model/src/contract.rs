//! The driver's contract carried out on one server: the protocol's transition, then what its effects ask of disk and network.

use crate::bounds::DiskKind;
use crate::disk::{Batch, Disk, redo_all};
use crate::driver::Driver;
use crate::network::Packet;
use crate::server::{Event, Server};
use seaworthy_protocol::invariants::Violation;
use seaworthy_protocol::invariants::cluster::{leads_durably, persisted_before_send};
use seaworthy_protocol::invariants::node::log_continues_snapshot;
use seaworthy_protocol::invariants::step::{commit_monotonic, leader_append_only};
use seaworthy_protocol::{
    Answer, Config, Durable, Effects, Entry, Input, Node, PeerFault, ReadId, Recording,
};

/// What comes of an event at a server.
pub struct Outcome {
    /// The server afterwards; as it was, if it stopped.
    pub server: Server,
    /// The messages that left it.
    pub sent: Vec<Packet>,
    /// A property that the step broke.
    pub violation: Option<Violation>,
    /// The protocol reported it itself: nothing left, and the node has stopped.
    pub stopped: bool,
    /// A peer that was blamed.
    pub fault: Option<PeerFault>,
    /// The election timer starts afresh.
    pub resets_election_timer: bool,
    /// What clients were told.
    pub answers: Vec<Answer>,
    /// A snapshot was staged whose chunks are not all of one source, or installed though it is damaged.
    pub spoils_snapshot: bool,
}

/// Every snapshot has two bytes, and a chunk has one.
pub const SNAPSHOT_BYTES: u64 = 2;

/// Lets an event happen to a server.
#[must_use]
pub fn carry_out(config: &Config, driver: Driver, disk: DiskKind, before: &Server, event: Event) -> Outcome {
    let mut work = Work::new(config, driver, before.clone());
    match event {
        Event::ElectionTimeout => work.input(Input::ElectionTimeout),
        Event::HeartbeatTimeout => work.input(Input::HeartbeatTimeout),
        Event::Propose(value) => {
            (0..driver.feeds_proposal()).for_each(|_| work.input(Input::Propose(value)));
        }
        Event::Replicate => work.input(Input::Replicate),
        Event::CannotWrite { heir } => work.input(Input::CannotWrite { heir }),
        Event::Read(read) => work.input(Input::Read(ReadId(read.into()))),
        Event::Transfer(to) => work.input(Input::Transfer { to }),
        Event::Compact { snapshot, through } => work.input(Input::Compact { snapshot, through }),
        Event::Stage { is_intact } => work.stage(is_intact),
        Event::Deliver(packet) => work.input(Input::Receive(packet.borrowed())),
        Event::Complete => work.complete(),
        Event::Confirm => work.confirm(),
        Event::Crash { kept } => work.crash(usize::from(kept)),
    }
    while disk == DiskKind::Atomic && !work.outcome.stopped && !work.outcome.server.disk.is_idle() {
        work.complete();
        work.confirm();
    }
    work.judge_disk(before.durable());
    if !matches!(event, Event::Crash { .. }) {
        work.judge_memory(&before.node);
    }
    if work.outcome.stopped {
        work.outcome.server = before.clone();
        work.outcome.sent = Vec::new();
    }
    work.outcome
}

struct Work<'a> {
    config: &'a Config,
    driver: Driver,
    outcome: Outcome,
}

impl<'a> Work<'a> {
    const fn new(config: &'a Config, driver: Driver, server: Server) -> Self {
        let outcome = Outcome {
            server,
            sent: Vec::new(),
            violation: None,
            stopped: false,
            fault: None,
            resets_election_timer: false,
            answers: Vec::new(),
            spoils_snapshot: false,
        };
        Self { config, driver, outcome }
    }

    /// Steps the node and carries out what it asks for, by the contract.
    fn input(&mut self, input: Input<u8, &[Entry<u8>]>) {
        let mut fx = Effects::new(Recording::default());
        self.outcome.server.node.step(self.config, input, &mut fx);
        self.outcome.server.history.see(&self.outcome.server.node);
        self.driver.tamper(&mut fx);
        let Effects { sink, ack, reset_election_timer, violation } = fx;
        let Recording { now, writes, after_writes, answers, faults, staged } = sink;
        self.outcome.fault = self.outcome.fault.or_else(|| faults.first().copied());
        self.outcome.resets_election_timer |= reset_election_timer;
        if violation.is_some() {
            self.outcome.violation = violation;
            self.outcome.stopped = true;
            return;
        }
        self.outcome.answers.extend(answers);
        let disk = &mut self.outcome.server.disk;
        staged.into_iter().for_each(|chunk| disk.stage(chunk));
        // Whatever comes next begins at offset 0.
        if self.outcome.server.node.receiving().is_none_or(|receiving| receiving.received == 0) {
            disk.forget_staged();
        }
        self.leave(now);
        let queue = &mut self.outcome.server.disk.queue;
        if let Some(ack) = ack {
            queue.push_back(Batch { writes, after_writes: after_writes.into_iter().collect(), ack });
            if self.driver.confirms_before_written() {
                self.input(Input::WritesDurable(ack));
            }
        } else {
            // This step wrote nothing, but earlier writes may still wait: so do its messages.
            match queue.back_mut() {
                Some(last) if !self.driver.replies_when_this_step_wrote_nothing() => {
                    last.after_writes.extend(after_writes);
                }
                Some(_) | None => self.leave(after_writes),
            }
        }
    }

    /// Completes the oldest batch. Of acks that merge, the last one wins.
    fn complete(&mut self) {
        let Disk { durable, queue, unconfirmed, .. } = &mut self.outcome.server.disk;
        let Some(Batch { writes, after_writes, ack }) = queue.pop_front() else { return };
        redo_all(durable, writes);
        *unconfirmed = Some(ack);
        self.leave(after_writes);
    }

    fn confirm(&mut self) {
        if let Some(ack) = self.outcome.server.disk.unconfirmed.take() {
            self.input(Input::WritesDurable(ack));
        }
    }

    /// Verifies what was staged, as a driver does by the digest, unless it was damaged on the way. What is not intact must never
    /// take the log's place.
    fn stage(&mut self, is_undamaged: bool) {
        let Some(snapshot) = self.outcome.server.disk.whole.take() else { return };
        let sources = std::mem::take(&mut self.outcome.server.disk.staged);
        let is_whole = sources.len() as u64 == SNAPSHOT_BYTES;
        let is_of_one = is_whole && sources.iter().all(|source| *source == snapshot.digest);
        let is_intact = is_of_one && is_undamaged;
        self.input(Input::SnapshotStaged { snapshot, is_intact });
        let is_installed = self.outcome.server.node.durable().snapshot() == Some(snapshot);
        self.outcome.spoils_snapshot |= !is_of_one || (!is_intact && is_installed);
    }

    fn crash(&mut self, kept: usize) {
        let Server { node, disk, .. } = &mut self.outcome.server;
        *disk = Disk { durable: self.driver.recover(disk.after_crash(kept)), ..Disk::default() };
        *node = Node::restart(node.id(), disk.durable.clone());
    }

    /// Messages leave the node; each is judged against the disk as it is at that moment.
    fn leave(&mut self, packets: impl IntoIterator<Item = Packet>) {
        for packet in packets {
            let mut violation = self.outcome.server.history.see_leave(&packet);
            if !persisted_before_send(&packet, self.outcome.server.durable()) {
                violation = violation.or(Some(Violation::PersistBeforeSend));
            }
            self.outcome.violation = self.outcome.violation.or(violation);
            self.outcome.sent.push(packet);
        }
    }

    /// What the disk held is not taken back, and a leader is one durably.
    fn judge_disk(&mut self, before: &Durable<u8>) {
        let after = self.outcome.server.durable();
        if !log_continues_snapshot(after) {
            self.outcome.violation = self.outcome.violation.or(Some(Violation::CompactedCommitted));
        }
        let same_term = before.current_term() == after.current_term();
        if after.current_term() < before.current_term() {
            self.blame(Violation::TermMonotonic);
        } else if same_term && before.voted_for().is_some() && after.voted_for() != before.voted_for() {
            self.blame(Violation::VoteStable);
        } else if !leads_durably(&self.outcome.server.node, after) {
            self.blame(Violation::PersistBeforeSend);
        }
        let on_disk = self.outcome.server.term_on_disk();
        self.outcome.server.history.forget_before(on_disk);
    }

    /// Entry by entry, what the O(1) checks of the protocol judge by the last one.
    fn judge_memory(&mut self, before: &Node<u8>) {
        if !leader_append_only(before, &self.outcome.server.node) {
            self.blame(Violation::LeaderAppendOnly);
        }
        if !commit_monotonic(before, &self.outcome.server.node) {
            self.blame(Violation::CommitMonotonic);
        }
    }

    fn blame(&mut self, violation: Violation) {
        self.outcome.violation = self.outcome.violation.or(Some(violation));
    }
}
