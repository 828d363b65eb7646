//! The other direction: production walks at random, whole turns of many events, and each of its steps must be one of the model's.

use super::compare;
use super::coverage::{Coverage, Covered, Handler};
use super::mismatch::Mismatch;
use super::names::{self, Names};
use super::pair;
use super::walker::{Turned, Walker};
use crate::Envelope;
use rand::{Rng, SeedableRng};
use rand_pcg::Pcg64Mcg;
use seaworthy::codec::{decode_frame, encode_frame};
use seaworthy::{Compaction, Done, Event, Request, Settings, Token};
use seaworthy_model::bounds::{Batching, Bounds, DiskKind, UnknownBox};
use seaworthy_model::server::Event as Modelled;
use seaworthy_model::system::{Action, Raft, State};
use seaworthy_protocol::{Index, NodeId, NodeSet, ReadId, Snapshot, Term};
use std::collections::VecDeque;
use std::time::Duration;

/// The model counts in bytes.
const BUDGET: u8 = 250;

/// So many messages are on their way at most; the oldest get lost.
const ON_THEIR_WAY: usize = 64;

/// A walk of a production cluster, and where the model is.
struct Walk {
    dice: Pcg64Mcg,
    model: Raft,
    state: State,
    walkers: Vec<Option<Walker>>,
    wire: Vec<Envelope>,
    names: Names,
    coverage: Coverage,
    requests: u64,
    snapshots: u64,
    /// What has happened, in the one notation.
    script: Vec<String>,
}

/// What a walk came to.
#[derive(Clone, Debug, Default)]
pub struct Walked {
    /// Whole turns of nodes.
    pub turns: u64,
    /// Crashes.
    pub crashes: u64,
    /// What was taken by both.
    pub covered: Covered,
    /// The step that is none of the model's, and what led to it.
    pub disagreement: Option<String>,
}

/// A walk of so many events, by the dice of a seed.
///
/// # Errors
///
/// If the model lacks the box that lends its name.
///
/// # Panics
///
/// If a simulated disk cannot be initialised.
pub fn walk(seed: u64, events: u64) -> Result<Walked, UnknownBox> {
    let mut walk = Walk::new(seed)?;
    let mut walked = Walked::default();
    for _ in 0..events {
        let position = walk.dice.random_range(0..walk.walkers.len());
        let outcome = match walk.dice.random_range(0..100) {
            0 => {
                walked.crashes += 1;
                walk.crash(position)
            }
            1..=35 => walk.work(position),
            _ => {
                walked.turns += 1;
                walk.turn(position)
            }
        };
        if let Err(mismatch) = outcome {
            let script = walk.script.join("\n");
            walked.disagreement = Some(format!("seed {seed}:\n{script}\n{mismatch}"));
            break;
        }
    }
    walked.covered = walk.coverage.read();
    Ok(walked)
}

type Outcome = Result<(), Mismatch>;

impl Walk {
    fn new(seed: u64) -> Result<Self, UnknownBox> {
        let mut dice = Pcg64Mcg::seed_from_u64(seed);
        let base = Bounds::named("three/all")?.remove(0);
        let bounds = Bounds {
            nodes: if dice.random() { 3 } else { 5 },
            max_term: Term(u64::from(BUDGET)),
            proposals: BUDGET,
            crashes: BUDGET,
            compactions: BUDGET,
            reads: BUDGET,
            transfers: BUDGET,
            disk: DiskKind::Fifo,
            pre_vote: dice.random(),
            check_quorum: dice.random(),
            window: dice.random::<bool>().then_some((6, 5)),
            batching: if dice.random() { Batching::One } else { Batching::All },
            symmetry: false,
            calm_rounds: 0,
            ..base
        };
        let model = Raft::new(bounds);
        let config = bounds.config();
        let keep = u64::from(dice.random::<bool>());
        let compaction = Compaction { every: 3, keep, keep_for_slow: 0 };
        let settings = Settings { compaction, ..Settings::new(names::shipped(config)) };
        let mut walker = |id| {
            let walker = Walker::new(id, settings, &mut dice);
            Some(walker.expect("an empty disk that works is initialised"))
        };
        let walkers = NodeSet::first(bounds.nodes).iter().map(&mut walker).collect();
        Ok(Self {
            walkers,
            state: model.start(),
            names: Names::new(&config),
            model,
            dice,
            wire: Vec::new(),
            coverage: Coverage::default(),
            requests: 0,
            snapshots: 0,
            script: Vec::new(),
        })
    }

    /// A node takes a turn, and the model the same steps one by one.
    fn turn(&mut self, position: usize) -> Outcome {
        let Some(mut walker) = self.walkers[position].take() else { return Ok(()) };
        let (events, followed) = self.happen(&mut walker);
        let after = match self.dice.random_range(0..8) {
            0 => walker.until_timer(),
            _ => Duration::from_micros(self.dice.random_range(0..3000)),
        };
        let waited = self.state.server(walker.node().id()).disk.queue.len();
        let turned = walker.turn(events, after, &mut self.snapshots, &mut self.dice);
        for event in followed {
            self.follow_one(&mut walker, event)?;
        }
        self.follow_timers(&mut walker, &turned)?;
        let batches = self.state.server(walker.node().id()).disk.queue.len() - waited;
        compare::values("whether anything waits for the disk", &turned.batch.is_some(), &(batches > 0))?;
        walker.batches.extend(turned.batch.map(|number| (number, batches)));
        self.settle(&mut walker, turned)?;
        self.walkers[position] = Some(walker);
        Ok(())
    }

    /// What happens to a node before its next turn, and what of the model's that is.
    fn happen(&mut self, walker: &mut Walker) -> (VecDeque<Event<u8>>, Vec<Followed>) {
        let id = walker.node().id();
        let (mut events, mut followed) = (VecDeque::new(), Vec::new());
        if let Some(done) = walker.done.take() {
            followed.extend(Followed::of(&done));
            events.push_back(Event::Disk(done));
        }
        for _ in 0..self.dice.random_range(0..4) {
            let mine: Vec<usize> =
                (0..self.wire.len()).filter(|item| self.wire[*item].to == id).take(6).collect();
            if mine.is_empty() {
                break;
            }
            let chosen = mine[self.dice.random_range(0..mine.len())];
            // One in eight arrives once more.
            let packet = if self.dice.random_ratio(1, 8) {
                self.wire[chosen].clone()
            } else {
                self.wire.remove(chosen)
            };
            events.extend(self.arriving(&packet));
            followed.push(Followed::Message(packet));
        }
        if let Some((request, event)) = self.request(id) {
            let token = Token(self.requests);
            self.requests += 1;
            events.push_back(Event::Request { token, request });
            followed.extend(event.map(Followed::Event));
        }
        (events, followed)
    }

    /// Perhaps a client asks for something.
    fn request(&mut self, id: NodeId) -> Option<(Request<u8>, Option<Modelled>)> {
        let spent = self.state.spent();
        match self.dice.random_range(0..16) {
            0..=2 if spent.proposals < BUDGET => {
                let value = spent.proposals + 1;
                Some((Request::Propose(value), Some(Modelled::Propose(value))))
            }
            // The model hears of it when the node asks.
            3 if spent.reads < BUDGET => Some((Request::Read, None)),
            4 if spent.transfers < BUDGET && self.dice.random_ratio(1, 4) => {
                let peers = NodeSet::first(self.model.bounds().nodes).without(id);
                let to = peers.iter().nth(self.dice.random_range(0..peers.len()))?;
                Some((Request::Transfer { to }, Some(Modelled::Transfer(to))))
            }
            _ => None,
        }
    }

    /// A message as it comes off the wire.
    fn arriving(&self, packet: &Envelope) -> Option<Event<u8>> {
        let (envelope, chunk) = self.names.shipped(packet);
        let mut frame = Vec::new();
        encode_frame(&envelope.borrowed(), &chunk, &mut frame);
        let frame = decode_frame::<u8>(&frame).ok()?;
        Some(Event::Message { envelope: frame.envelope, chunk: frame.chunk.to_vec() })
    }

    /// The model takes the step that production's event is.
    fn follow_one(&mut self, walker: &mut Walker, event: Followed) -> Outcome {
        match event {
            Followed::Event(event) => self.follow(walker, event),
            Followed::Message(packet) => {
                let packet = self.model.steps().packet(packet);
                self.follow(walker, Modelled::Deliver(packet))
            }
            Followed::Kept(snapshot) => {
                let whole = self.state.server(walker.node().id()).disk.whole;
                // Of another one the model's node has no use any more.
                if whole.is_some() && whole == self.names.modelled_whole(Some(snapshot)) {
                    return self.follow(walker, Modelled::Stage { is_intact: true });
                }
                Ok(())
            }
            Followed::Saved(shipped) => {
                let base = self.state.server(walker.node().id()).node.log().base().index;
                let through = Index(shipped.last.index.0.saturating_sub(walker.keep())).max(base);
                let digest = u64::from(self.state.spent().compactions) + 1;
                let snapshot = Snapshot { last: shipped.last, length: shipped.length, digest };
                let bytes = walker.read(shipped).unwrap_or_default();
                self.names.add_snapshot(snapshot, (shipped, bytes));
                self.follow(walker, Modelled::Compact { snapshot, through })
            }
        }
    }

    /// What a turn does after it has taken in what has happened.
    fn follow_timers(&mut self, walker: &mut Walker, turned: &Turned) -> Outcome {
        if turned.has_timed_out {
            self.follow(walker, Modelled::ElectionTimeout)?;
        }
        if turned.has_spoken {
            self.follow(walker, Modelled::HeartbeatTimeout)?;
        }
        if let Some(shipped) = turned.asked {
            let read = self.state.spent().reads.saturating_add(1);
            self.names.add_read(walker.node().id(), ReadId(read.into()), shipped);
            self.follow(walker, Modelled::Read(read))?;
        }
        self.follow(walker, Modelled::Replicate)
    }

    /// The model takes a step. What it does not list must change nothing: a dead message, a request to who does not lead.
    fn follow(&mut self, walker: &mut Walker, event: Modelled) -> Outcome {
        let event = self.elder(event);
        let action = Action { node: walker.node().id(), event };
        self.script.push(action.to_string());
        let before = self.state.server(action.node);
        let step = self.model.steps().take(before, event);
        let mut actions = Vec::new();
        self.model.list_actions(&self.state, &mut actions);
        let changes = step.server != before;
        if !actions.contains(&action) && changes {
            let (model, production) = (format!("{:?}", self.state), step.server.to_string());
            return Err(Mismatch::new("whether that can happen at all", model, production).after(action));
        }
        let transition =
            actions.contains(&action).then(|| self.model.transition(&self.state, action)).flatten();
        self.coverage.count(transition.is_some());
        if let Some(handler) = Handler::of_model(event) {
            self.coverage.count_handler(handler, before.node.role(), changes);
        }
        walker.owed.extend(step.sent.iter().map(|packet| packet.value().clone()));
        if let Some(transition) = transition {
            self.state = transition.state;
        }
        match self.state.broken() {
            Some(broken) => {
                Err(Mismatch::new("a property", format!("{broken:?}"), String::new()).after(action))
            }
            None => Ok(()),
        }
    }

    /// Of stale requests with the same answer the model keeps one in its network, which stands for all.
    fn elder(&self, event: Modelled) -> Modelled {
        let Modelled::Deliver(packet) = event else { return event };
        let (network, receiver) = (self.state.network(), self.state.server(packet.to));
        if network.contains(packet) {
            return event;
        }
        network.elder(packet, receiver.term_on_disk()).map_or(event, Modelled::Deliver)
    }

    /// Both have taken their steps: compares, and puts on the wire what was sent.
    fn settle(&mut self, walker: &mut Walker, turned: Turned) -> Outcome {
        let last = self.script.last().cloned().unwrap_or_default();
        let sent = self.compare(walker, &turned).map_err(|mismatch| mismatch.after(last))?;
        self.wire.extend(sent);
        let lost = self.wire.len().saturating_sub(ON_THEIR_WAY);
        self.wire.drain(..lost);
        Ok(())
    }

    fn compare(&self, walker: &mut Walker, turned: &Turned) -> Result<Vec<Envelope>, Mismatch> {
        let server = self.state.server(walker.node().id());
        if let Some(stop) = &turned.stopped {
            return Err(Mismatch::new("the node", server.node.to_string(), stop.to_string()));
        }
        compare::nodes(&self.names, walker.node(), &server.node)?;
        compare::disks(&self.names, walker.recovered(), server.durable())?;
        compare::values("who is blamed", &turned.faults.len(), &0)?;
        let tape = pair::tape(self.state.committed(), walker.node().commit_index());
        compare::values("the state machine", &walker.tape(), &tape)?;
        // The model holds a message once, and lets it out with the first of the writes that it waits for.
        let once = walker.owed.clone();
        let may_repeat = |envelope: &Envelope| walker.left.contains(envelope) || once.contains(envelope);
        let sent = compare::frames(&self.names, &turned.frames, &mut walker.owed, may_repeat)?;
        walker.left.extend(sent.iter().cloned());
        if walker.is_idle() {
            compare::nothing_owed(&walker.owed)?;
        }
        Ok(sent)
    }

    /// A node's disk does the next thing.
    fn work(&mut self, position: usize) -> Outcome {
        let Some(mut walker) = self.walkers[position].take() else { return Ok(()) };
        let was_told = walker.done.is_none();
        walker.work();
        if let (true, Some(Done::Appended { number, .. })) = (was_told, &walker.done) {
            let number = *number;
            let durable = walker.batches.iter().take_while(|(batch, _)| *batch <= number).count();
            let batches: usize = walker.batches.drain(..durable).map(|(_, count)| count).sum();
            for _ in 0..batches {
                self.follow(&mut walker, Modelled::Complete)?;
            }
        }
        self.settle(&mut walker, Turned::default())?;
        self.walkers[position] = Some(walker);
        Ok(())
    }

    /// A node crashes: whatever its disk kept must be what the model's may have kept.
    fn crash(&mut self, position: usize) -> Outcome {
        let Some(walker) = self.walkers[position].take() else { return Ok(()) };
        if self.state.spent().crashes >= BUDGET {
            self.walkers[position] = Some(walker);
            return Ok(());
        }
        let disk = &self.state.server(walker.node().id()).disk;
        let mut walker = walker.crash(&mut self.dice).map_err(|error| {
            Mismatch::new("what recovery finds on the disk", disk.durable.to_string(), error.to_string())
        })?;
        let found = walker.node().durable();
        let is_it = |kept: &usize| self.names.is_same_disk(found, &disk.after_crash(*kept));
        let Some(kept) = (0..=disk.writes()).find(is_it) else {
            let possible: Vec<String> =
                (0..=disk.writes()).map(|kept| disk.after_crash(kept).to_string()).collect();
            return Err(Mismatch::new(
                "what recovery finds on the disk",
                possible.join("\n"),
                found.to_string(),
            ));
        };
        let kept = u8::try_from(kept).unwrap_or(u8::MAX);
        self.follow(&mut walker, Modelled::Crash { kept })?;
        self.settle(&mut walker, Turned::default())?;
        self.walkers[position] = Some(walker);
        Ok(())
    }
}

/// What of the model's a thing is that happens to a node.
enum Followed {
    Event(Modelled),
    Message(Envelope),
    Kept(Snapshot),
    Saved(Snapshot),
}

impl Followed {
    fn of(done: &Done) -> Option<Self> {
        match done {
            Done::Appended { .. } => Some(Self::Event(Modelled::Confirm)),
            Done::KeptStaged { snapshot, .. } => Some(Self::Kept(*snapshot)),
            Done::Saved(snapshot) => Some(Self::Saved(*snapshot)),
            Done::NotSaved(_) | Done::Refused | Done::Failed(_) => None,
        }
    }
}
