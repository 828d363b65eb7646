//! A node as a machine that is stepped: it drains what has happened, steps the protocol, and hands over what comes of it.
//!
//! Without threads: whoever runs it calls [`NodeLoop::turn`] when something has happened or [`NodeLoop::next_timer`] is due.

mod parts;
mod settings;

pub use parts::Part;
pub use settings::{Settings, Status};

use crate::applier::Applier;
use crate::applying::Applying;
use crate::clients::{Clients, Limits};
use crate::codec::Record;
use crate::command::Command as _;
use crate::counters::Counters;
use crate::outbox::{Frames, Outbox};
use crate::recorder::Recorder;
use crate::state_machine::{Logged, StateMachine};
use crate::timers::{Compaction, Timers};
use crate::wal::Batch;
use crate::world::{Done, Event, Request, RequestError, Stop, Token, Work, World};
use seaworthy_protocol::{
    Answer, Durable, Effects, Index, Input, LogId, Message, Node, NodeId, NodeSet, Pace, ReadId, Role,
    Snapshot, Term, WriteAck,
};
use std::collections::VecDeque;
use std::time::Duration;

/// The most events of one turn. What happens meanwhile waits for the next, so that nothing waits for long.
const EVENTS_PER_TURN: usize = 4096;

/// A node with everything around it but the world.
#[derive(Debug)]
pub struct NodeLoop<S: StateMachine> {
    settings: Settings,
    node: Node<Logged<S>>,
    fx: Effects<Outbox>,
    applying: Applying<S>,
    clients: Clients,
    timers: Timers,
    /// What was handed to the disk and is not durable yet.
    writing: VecDeque<Writing>,
    /// Memory of what is durable and was sent, to be filled again.
    spaces: (Batch, Option<Frames>),
    batches: u64,
    /// The last id of a read. Begins with the number of the start, so that no run uses an earlier one's.
    last_read: ReadId,
    /// Reads have come that nobody has been asked about.
    has_new_reads: bool,
    is_saving: bool,
    /// As a leader, how much was committed when it last spoke up.
    announced: Index,
    counters: Counters,
    /// The last term in which it led, as far as that is counted.
    led_in: Term,
    recorder: Recorder,
}

/// A batch on its way to the disk, and what waits for it.
#[derive(Clone, Debug)]
struct Writing {
    number: u64,
    ack: WriteAck,
    frames: Frames,
    bytes: usize,
    since: Duration,
}

/// Only where commands can be copied, in a simulation, can a node be.
impl<S: StateMachine + Clone> Clone for NodeLoop<S>
where
    Logged<S>: Copy,
{
    fn clone(&self) -> Self {
        Self {
            settings: self.settings,
            node: self.node.clone(),
            fx: self.fx.clone(),
            applying: self.applying.clone(),
            clients: self.clients.clone(),
            timers: self.timers,
            writing: self.writing.clone(),
            spaces: (Batch::default(), None),
            batches: self.batches,
            last_read: self.last_read,
            has_new_reads: self.has_new_reads,
            is_saving: self.is_saving,
            announced: self.announced,
            counters: self.counters,
            led_in: self.led_in,
            // A copy is another node, which nobody has asked for.
            recorder: Recorder::default(),
        }
    }
}

impl<S: StateMachine> NodeLoop<S> {
    /// A node as it wakes up, with what its disk holds. `starts` counts how often it has: no two runs have the same.
    ///
    /// # Errors
    ///
    /// [`Stop::NoSnapshot`] or [`Stop::Restore`], if the beginning of the log is in a snapshot that cannot be used.
    pub fn start(
        id: NodeId,
        starts: u64,
        durable: Durable<Logged<S>>,
        state_machine: S,
        settings: Settings,
        world: &mut impl World<S>,
    ) -> Result<Self, Stop> {
        Self::begin(
            Node::restart(id, durable),
            starts,
            Applying::Here(Applier::new(state_machine)),
            settings,
            world,
        )
    }

    /// The same without its state machine: that is elsewhere, has applied nothing, and hears of what is committed by [tasks](crate::Task).
    ///
    /// # Errors
    ///
    /// [`Stop::NoSnapshot`], if the beginning of the log is in no snapshot.
    pub fn start_apart(
        id: NodeId,
        starts: u64,
        durable: Durable<Logged<S>>,
        settings: Settings,
        world: &mut impl World<S>,
    ) -> Result<Self, Stop> {
        let applying = Applying::Elsewhere { handed: Index(0), applied: Index(0) };
        Self::begin(Node::restart(id, durable), starts, applying, settings, world)
    }

    fn begin(
        node: Node<Logged<S>>,
        starts: u64,
        mut applying: Applying<S>,
        settings: Settings,
        world: &mut impl World<S>,
    ) -> Result<Self, Stop> {
        applying.restore_if_behind(&node, world)?;
        let mut started = Self {
            settings,
            node,
            fx: Effects::new(Outbox { is_forgetful: !world.keeps_log(), ..Outbox::default() }),
            applying,
            clients: Clients::default(),
            timers: Timers { election: Duration::ZERO, heartbeat: None, reads: None, disk: None },
            writing: VecDeque::new(),
            spaces: (Batch::default(), None),
            batches: 0,
            last_read: ReadId(starts << 40),
            has_new_reads: false,
            is_saving: false,
            announced: Index(0),
            counters: Counters::default(),
            led_in: Term(0),
            recorder: Recorder::default(),
        };
        started.reset_election_timer(world);
        Ok(started)
    }

    /// Records every step from now on, in a file of this directory.
    #[cfg(feature = "trace")]
    pub(crate) fn recorded(self, directory: &std::path::Path, starts: u64) -> Self {
        let recorder = Recorder::begin(directory, starts, &self.settings.config, &self.node);
        Self { recorder, ..self }
    }

    /// One turn: takes in all that has happened, and does what comes of it.
    ///
    /// # Errors
    ///
    /// The node has stopped for good: everyone who waited has been answered. If an invariant was broken, nothing that the turn's steps
    /// wanted has left. It must not be turned again.
    pub fn turn(&mut self, world: &mut impl World<S>) -> Result<(), Stop> {
        self.counters.turns += 1;
        let outcome = self.try_turn(world);
        if outcome.is_err() {
            self.clients.dismiss(world);
        }
        outcome
    }

    fn try_turn(&mut self, world: &mut impl World<S>) -> Result<(), Stop> {
        self.take_all(world)?;
        let now = world.now();
        self.lose_patience(now)?;
        self.speak_up(now)?;
        self.try_again(now, world);
        self.ask_for_new_reads()?;
        self.step(Input::Replicate)?;
        self.finish(world)
    }

    fn take_all(&mut self, world: &mut impl World<S>) -> Result<(), Stop> {
        for _ in 0..EVENTS_PER_TURN {
            let Some(event) = world.next_event() else { break };
            self.take(event, world)?;
        }
        Ok(())
    }

    /// Hands over what the steps wanted, and does what comes of it.
    fn finish(&mut self, world: &mut impl World<S>) -> Result<(), Stop> {
        self.take_answers();
        self.hand_over(world);
        self.applying.apply(&self.node, &mut self.clients, world)?;
        self.compact(world);
        self.clients.see(&self.node, world);
        self.set_timers(world);
        if self.node.is_leader() && self.led_in < self.node.current_term() {
            self.led_in = self.node.current_term();
            self.counters.leaderships += 1;
        }
        Ok(())
    }

    /// Answers everyone who waits: the node is about to stop.
    pub fn dismiss(&mut self, world: &mut impl World<S>) {
        self.clients.dismiss(world);
    }

    /// The protocol takes a step. If it finds an invariant broken, nothing of it leaves.
    fn step(&mut self, input: Input<Logged<S>>) -> Result<(), Stop> {
        self.recorder.take_in(&input);
        self.node.step(&self.settings.config, input, &mut self.fx);
        self.recorder.see(&self.node);
        if let Some(violation) = self.fx.violation {
            return Err(Stop::Violation(violation));
        }
        if let Some(snapshot) = self.fx.sink.compacted.take() {
            let base = self.node.log().base();
            self.fx.sink.batch.push::<Logged<S>>(&Record::Compact { snapshot, base });
        }
        Ok(())
    }

    /// After what has happened was taken in: a node that stood still finds its timer expired and its leader's messages waiting, and
    /// must not disturb a leader that it only has to listen to.
    fn lose_patience(&mut self, now: Duration) -> Result<(), Stop> {
        if self.timers.election <= now && !self.fx.reset_election_timer {
            self.counters.time_outs += 1;
            self.step(Input::ElectionTimeout)?;
            self.fx.reset_election_timer = true;
        }
        Ok(())
    }

    /// When it is time; and at once when it has told a follower what a read must see, and followers may not know that so much is committed:
    /// the read would wait for the next heartbeat, or for the next entries.
    fn speak_up(&mut self, now: Duration) -> Result<(), Stop> {
        let has_answered = std::mem::take(&mut self.fx.sink.has_answered_read);
        let is_awaited = has_answered && self.announced < self.node.commit_index();
        if self.timers.heartbeat.is_some_and(|at| at <= now || is_awaited) {
            self.timers.heartbeat = Some(now + self.settings.timing.heartbeat());
            self.announced = self.node.commit_index();
            self.counters.heartbeats += 1;
            self.step(Input::HeartbeatTimeout)?;
        }
        Ok(())
    }

    fn try_again(&mut self, now: Duration, world: &mut impl World<S>) {
        if self.timers.disk.is_some_and(|at| at <= now) {
            self.timers.disk = None;
            world.submit(Work::Retry);
        }
        if self.timers.reads.is_some_and(|at| at <= now) {
            self.timers.reads = None;
            self.clients.give_up(now, world);
            // Answers get lost, and leaders: asked again, all that wait are asked for.
            self.has_new_reads |= self.clients.has_unanswered_read();
        }
    }

    fn take(&mut self, event: Event<Logged<S>>, world: &mut impl World<S>) -> Result<(), Stop> {
        match event {
            Event::Message { envelope, chunk } => {
                self.counters.messages_received += 1;
                self.step(Input::Receive(envelope))?;
                if let Some(staged) = self.fx.sink.staged.take() {
                    world.submit(Work::Stage { chunk: staged, bytes: chunk });
                    if staged.is_last() {
                        world.submit(Work::KeepStaged(staged.snapshot));
                    }
                }
            }
            Event::Request { token, request } => self.take_request(token, request, world)?,
            Event::Disk(done) => self.take_done(done, world)?,
            Event::Applied(through) => self.applying.has_applied(through?),
        }
        self.take_answers();
        self.fx.sink.faults.drain(..).for_each(|fault| world.fault(fault));
        Ok(())
    }

    fn take_request(
        &mut self,
        token: Token,
        request: Request<Logged<S>>,
        world: &mut impl World<S>,
    ) -> Result<(), Stop> {
        let Limits { proposals, reads, command_bytes: limit } = self.settings.limits;
        match request {
            Request::Propose(_) if self.clients.proposals() >= proposals => {
                self.refuse(token, RequestError::Overloaded, world);
            }
            Request::Propose(command) if command.encoded_len() > limit => {
                self.refuse(token, RequestError::TooLarge { bytes: command.encoded_len(), limit }, world);
            }
            Request::Read if self.clients.reads() >= reads => {
                self.refuse(token, RequestError::Overloaded, world);
            }
            Request::Propose(command) => {
                self.step(Input::Propose(command))?;
                self.take_reply(token, None, world);
            }
            Request::Read => {
                self.counters.reads += 1;
                self.last_read.0 += 1;
                self.has_new_reads = true;
                self.clients.asked(self.last_read, token, world.now() + self.settings.read_timeout);
            }
            Request::ReadStale => {
                self.counters.reads += 1;
                self.applying.read(token, world);
            }
            Request::Transfer { to } => {
                self.step(Input::Transfer { to })?;
                self.take_reply(token, Some(to), world);
            }
        }
        Ok(())
    }

    /// The answer to a proposal or a transfer is the last that was given; a transfer that begins has none.
    fn take_reply(&mut self, token: Token, transfer: Option<NodeId>, world: &mut impl World<S>) {
        let refused = match (self.fx.sink.answers.pop(), transfer) {
            (Some(Answer::Appended(id)), _) => {
                self.counters.proposals += 1;
                return self.clients.proposed(id, token);
            }
            (Some(Answer::NotLeader { leader }), _) => RequestError::NotLeader { leader },
            // The other node will lead, if all goes well.
            (Some(Answer::Transferring { to }), _) => RequestError::NotLeader { leader: Some(to) },
            (Some(Answer::CannotTransfer { to }), _) => RequestError::CannotTransfer { to },
            (Some(Answer::Readable { .. } | Answer::CannotRead { .. }) | None, Some(to)) => {
                return self.clients.transferring(token, to);
            }
            (Some(Answer::Readable { .. } | Answer::CannotRead { .. }) | None, None) => RequestError::Unknown,
        };
        self.refuse(token, refused, world);
    }

    fn refuse(&mut self, token: Token, error: RequestError, world: &mut impl World<S>) {
        self.counters.refusals += 1;
        world.answer(token, Err(error));
    }

    fn take_answers(&mut self) {
        for answer in self.fx.sink.answers.drain(..) {
            match answer {
                Answer::Readable { read, index } => self.clients.readable(read, index),
                // It is asked again, until its time is up.
                Answer::CannotRead { .. } => {}
                Answer::Appended(_)
                | Answer::NotLeader { .. }
                | Answer::Transferring { .. }
                | Answer::CannotTransfer { .. } => {}
            }
        }
    }

    fn take_done(&mut self, done: Done, world: &mut impl World<S>) -> Result<(), Stop> {
        match done {
            Done::Appended { number, space } => {
                self.spaces.0.recycle(space);
                let mut ack = None;
                while self.writing.front().is_some_and(|writing| writing.number <= number) {
                    let Some(mut writing) = self.writing.pop_front() else { break };
                    writing.frames.iter().for_each(|(to, frame)| world.send(to, frame));
                    writing.frames.clear();
                    self.spaces.1 =
                        Some(writing.frames).filter(Frames::is_spacious).or_else(|| self.spaces.1.take());
                    ack = Some(writing.ack);
                    self.counters.batches += 1;
                    self.counters.batch_bytes += writing.bytes as u64;
                    self.counters.batch_time += world.now().saturating_sub(writing.since);
                }
                ack.map_or(Ok(()), |ack| self.step(Input::WritesDurable(ack)))
            }
            Done::KeptStaged { snapshot, is_intact } => {
                self.counters.snapshots_received += u64::from(is_intact);
                self.step(Input::SnapshotStaged { snapshot, is_intact })
            }
            Done::Saved(snapshot) => {
                self.counters.snapshots_saved += 1;
                self.is_saving = false;
                self.step(Input::Compact { snapshot, through: self.compacts_through(snapshot) })
            }
            Done::NotSaved(_) => {
                self.is_saving = false;
                Ok(())
            }
            Done::Refused => {
                self.timers.disk = Some(world.now() + self.settings.timing.heartbeat());
                let heir = self.heir(world);
                self.step(Input::CannotWrite { heir })
            }
            Done::Failed(error) => Err(Stop::Disk(error)),
        }
    }

    /// Some of what a snapshot covers stays, for followers that are a little behind; all that is lacked by one that is catching up, within
    /// limits.
    fn compacts_through(&self, snapshot: Snapshot) -> Index {
        let through = self.settings.compaction.through(snapshot.last.index, self.slowest());
        through.max(self.node.log().base().index)
    }

    /// Up to where the slowest of those has come that can do without a snapshot.
    fn slowest(&self) -> Option<Index> {
        let Role::Leader { progress, .. } = self.node.role() else { return None };
        let takes = |pace| match pace {
            Pace::Probe { .. } | Pace::Replicate { .. } => true,
            Pace::Snapshot { .. } => false,
        };
        progress.iter().filter(|(_, known)| takes(known.pace)).map(|(_, known)| known.match_index).min()
    }

    /// One of those that have all that this leader has, by the dice.
    fn heir(&self, world: &mut impl World<S>) -> Option<NodeId> {
        let Role::Leader { progress, .. } = self.node.role() else { return None };
        let last = self.node.log().last_index();
        let heirs: Vec<NodeId> =
            progress.iter().filter(|(_, known)| known.match_index == last).map(|(id, _)| id).collect();
        let range = Duration::from_nanos(heirs.len().saturating_sub(1) as u64);
        let drawn = usize::try_from(world.draw(Duration::ZERO, range).as_nanos()).unwrap_or_default();
        heirs.get(drawn).copied()
    }

    /// One question for all reads that have come: the latest stands for those before it.
    fn ask_for_new_reads(&mut self) -> Result<(), Stop> {
        if std::mem::take(&mut self.has_new_reads) {
            // A new id, also if no read is new: an answer to an earlier question says nothing about later reads.
            self.last_read.0 += 1;
            self.counters.read_questions += 1;
            self.step(Input::Read(self.last_read))?;
        }
        Ok(())
    }

    /// Hands over what the steps of this turn want from the world.
    fn hand_over(&mut self, world: &mut impl World<S>) {
        self.send_chunks(world);
        for frames in [&self.fx.sink.now, &self.fx.sink.after_writes] {
            self.counters.messages_sent += frames.count() as u64;
            self.counters.bytes_sent += frames.size() as u64;
        }
        self.fx.sink.now.iter().for_each(|(to, frame)| world.send(to, frame));
        self.fx.sink.now.clear();
        let frames = &mut self.fx.sink.after_writes;
        if let Some(ack) = self.fx.ack.take() {
            self.batches += 1;
            let (number, batch) = (self.batches, self.fx.sink.batch.exchange(&mut self.spaces.0));
            let (bytes, since) = (batch.len(), world.now());
            let frames = frames.exchange(self.spaces.1.take());
            self.writing.push_back(Writing { number, ack, frames, bytes, since });
            world.submit(Work::Append { number, batch });
        } else if frames.is_empty() {
            // Nothing waits.
        } else if let Some(writing) = self.writing.back_mut() {
            writing.frames.append(frames);
        } else {
            frames.iter().for_each(|(to, frame)| world.send(to, frame));
            frames.clear();
        }
    }

    fn send_chunks(&mut self, world: &mut impl World<S>) {
        for envelope in std::mem::take(&mut self.fx.sink.chunks) {
            let Message::InstallSnapshot(chunk) = envelope.message else { continue };
            let bytes = if chunk.length == 0 { Some(Vec::new()) } else { world.read_snapshot(chunk) };
            // One whose bytes are gone is dropped, like a message that is lost: the next one is of a newer snapshot.
            if let Some(bytes) = bytes {
                self.fx.sink.now.push::<Logged<S>>(&envelope.map_entries(|()| &[][..]), &bytes);
            }
        }
    }

    /// Makes a snapshot when it is time.
    fn compact(&mut self, world: &mut impl World<S>) {
        let (base, applied) = (self.node.log().base().index, self.applying.handed());
        let compaction = self.settings.compaction;
        let snapshot = self.node.durable().snapshot().map_or(base, |snapshot| snapshot.last.index);
        if self.is_saving || !compaction.is_due(base, snapshot, applied) {
            return;
        }
        // A newer snapshot begins every transfer anew. So a leader waits while one is under way, but not for ever.
        if self.is_sending_snapshot() && !compaction.is_overdue(base, applied) {
            return;
        }
        let Some(term) = self.node.log().term_at(applied) else { return };
        self.is_saving = true;
        self.applying.snapshot(LogId { term, index: applied }, world);
    }

    fn is_sending_snapshot(&self) -> bool {
        let Role::Leader { progress, .. } = self.node.role() else { return false };
        progress.iter().any(|(_, known)| matches!(known.pace, Pace::Snapshot { offset, .. } if offset > 0))
    }

    fn set_timers(&mut self, world: &mut impl World<S>) {
        let now = world.now();
        if std::mem::take(&mut self.fx.reset_election_timer) {
            self.reset_election_timer(world);
        }
        let heartbeat = self.settings.timing.heartbeat();
        self.timers.heartbeat =
            self.node.is_leader().then(|| self.timers.heartbeat.unwrap_or(now + heartbeat));
        self.timers.reads = (self.clients.reads() > 0).then(|| self.timers.reads.unwrap_or(now + heartbeat));
    }

    /// A new time-out for each wait: nodes that lose patience together would do so for ever (§5.2).
    fn reset_election_timer(&mut self, world: &mut impl World<S>) {
        let timing = self.settings.timing;
        self.timers.election = world.now() + world.draw(timing.election_min(), timing.election_max());
    }

    /// Changes when it makes snapshots, and how much of the log it keeps behind them.
    pub const fn set_compaction(&mut self, compaction: Compaction) {
        self.settings.compaction = compaction;
    }

    /// When the next turn is due, if nothing happens before.
    #[must_use]
    pub fn next_timer(&self) -> Duration {
        self.timers.next()
    }

    /// The protocol's node.
    #[must_use]
    pub const fn node(&self) -> &Node<Logged<S>> {
        &self.node
    }

    /// The state machine, if it is here.
    #[must_use]
    pub const fn state_machine(&self) -> Option<&S> {
        match &self.applying {
            Applying::Here(applier) => Some(applier.state_machine()),
            Applying::Elsewhere { .. } => None,
        }
    }

    /// What can be told of it at a glance.
    #[must_use]
    pub fn status(&self) -> Status {
        Status {
            id: self.node.id(),
            term: self.node.current_term(),
            leader: self.node.leader(),
            last: self.node.log().last(),
            committed: self.node.commit_index(),
            applied: self.applying.applied(),
            base: self.node.log().base().index,
        }
    }

    /// What it has done so far.
    #[must_use]
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    /// The voters of its cluster.
    #[must_use]
    pub const fn voters(&self) -> NodeSet {
        self.settings.config.voters()
    }
}
