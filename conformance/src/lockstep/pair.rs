//! The model and production side by side, as a model of stateright's: each edge is taken by both.

use super::coverage::{Coverage, Covered, Handler};
use super::machine::{Edge, Machine, Waits};
use super::mismatch::Mismatch;
use super::names::{self, Names};
use crate::production::{Server, Tape};
use crate::sim::SimFiles;
use crate::subject::Event;
use seaworthy::Settings;
use seaworthy::wal::OpenError;
use seaworthy_model::bounds::{Bounds, DiskKind};
use seaworthy_model::server::Event as Modelled;
use seaworthy_model::system::{Action, Raft, State};
use seaworthy_protocol::invariants::history::Commitment;
use seaworthy_protocol::{Index, NodeSet, Payload, ReadId};
use smallvec::SmallVec;
use stateright::{Model, Property};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// What must always hold.
pub(super) const AGREE: &str = "ModelAndProductionAgree";

/// A state of the model, and production after the same history; one of the histories that lead to it.
#[derive(Clone, Debug)]
pub struct Pair {
    state: State,
    machines: SmallVec<[Arc<Machine<Server<SimFiles>>>; 3]>,
    names: Arc<Names>,
    mismatch: Option<Arc<Mismatch>>,
}

impl Pair {
    /// What the step into this state showed.
    #[must_use]
    pub fn mismatch(&self) -> Option<&Mismatch> {
        self.mismatch.as_deref()
    }

    /// The model's part.
    #[must_use]
    pub const fn state(&self) -> &State {
        &self.state
    }
}

/// Two pairs are one if the model's states are: production's must be the same then, and is compared before.
impl PartialEq for Pair {
    fn eq(&self, other: &Self) -> bool {
        self.state == other.state && self.mismatch == other.mismatch
    }
}

impl Hash for Pair {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.state.hash(state);
        self.mismatch.is_some().hash(state);
    }
}

/// A box of the model, and the production cluster.
pub struct Lockstep {
    model: Raft,
    start: Pair,
    coverage: Coverage,
}

impl Lockstep {
    /// The box from its first state on.
    ///
    /// # Errors
    ///
    /// If a node cannot be started.
    pub fn new(bounds: Bounds) -> Result<Self, OpenError> {
        let model = Raft::new(bounds);
        let config = bounds.config();
        let settings = Settings::new(names::shipped(config));
        let machine = |id| Ok(Arc::new(Machine::new(Server::new(id, SimFiles::default(), settings)?)));
        let machines = NodeSet::first(bounds.nodes).iter().map(machine).collect::<Result<_, _>>()?;
        let names = Arc::new(Names::new(&config));
        let start = Pair { state: model.start(), machines, names, mismatch: None };
        Ok(Self { model, start, coverage: Coverage::default() })
    }

    /// What was taken so far.
    #[must_use]
    pub fn covered(&self) -> Covered {
        self.coverage.read()
    }

    /// The model's part.
    #[must_use]
    pub const fn model(&self) -> &Raft {
        &self.model
    }

    /// Both take a step; nothing, if it changes nothing on either side.
    fn take(&self, last: &Pair, action: Action) -> Option<Pair> {
        let step = self.model.steps().take(last.state.server(action.node), action.event);
        let transition = self.model.transition(&last.state, action);
        self.coverage.count(transition.is_some());
        let is_edge = transition.is_some();
        let state = transition.map_or_else(|| last.state.clone(), |transition| transition.state);
        let event = event(action.event);
        let position = usize::from(action.node.get() - 1);
        let mut machine = Machine::clone(&last.machines[position]);
        let mut names = Arc::clone(&last.names);
        let server = step.server.value();
        let edge = Edge {
            event: &event,
            handler: Handler::of_model(action.event),
            settles: self.model.bounds().disk == DiskKind::Atomic,
            node: &server.node,
            disk: server.durable(),
            waits: Waits::of(&server.disk),
            sent: step.sent.iter().map(|packet| packet.value().clone()).collect(),
            // What waits there was sent by any of the ways that lead here: on some of them more than once.
            may_repeat: self.model.bounds().disk == DiskKind::Fifo,
            fault: step.fault,
            resets_timer: step.resets_election_timer,
            answers: &step.answers,
            tape: Some(tape(state.committed(), server.node.commit_index())),
        };
        let outcome = machine.take(&edge, Arc::make_mut(&mut names), &self.coverage);
        let mismatch = outcome.err().map(|mismatch| Arc::new(mismatch.after(action)));
        if !is_edge && mismatch.is_none() {
            return None;
        }
        let mut machines = last.machines.clone();
        machines[position] = Arc::new(machine);
        Some(Pair { state, machines, names, mismatch })
    }
}

impl Model for Lockstep {
    type State = Pair;
    type Action = Action;

    fn init_states(&self) -> Vec<Pair> {
        vec![self.start.clone()]
    }

    fn actions(&self, pair: &Pair, actions: &mut Vec<Action>) {
        if pair.mismatch.is_none() {
            self.model.list_actions(&pair.state, actions);
        }
    }

    fn next_state(&self, last: &Pair, action: Action) -> Option<Pair> {
        self.take(last, action)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always(AGREE, |_, pair: &Pair| pair.mismatch.is_none())]
    }
}

/// What the model lets happen, as it happens to a node.
fn event(event: Modelled) -> Event {
    match event {
        Modelled::ElectionTimeout => Event::ElectionTimeout,
        Modelled::HeartbeatTimeout => Event::Heartbeat,
        Modelled::Propose(value) => Event::Propose(value),
        Modelled::Replicate => Event::Replicate,
        Modelled::CannotWrite { heir } => Event::CannotWrite { heir },
        Modelled::Read(read) => Event::Read(ReadId(read.into())),
        Modelled::Transfer(to) => Event::Transfer { to },
        Modelled::Compact { snapshot, through } => Event::Compact { snapshot, through },
        Modelled::Stage { is_intact } => Event::SnapshotStaged { is_damaged: !is_intact },
        Modelled::Deliver(packet) => Event::Deliver(packet.value().clone()),
        Modelled::Complete => Event::DiskCompletes,
        Modelled::Confirm => Event::DiskConfirms,
        Modelled::Crash { kept } => Event::Crash { kept: kept.into() },
    }
}

/// Where the committed commands up to an entry bring a state machine.
pub(super) fn tape(committed: &[Commitment<u8>], through: Index) -> Tape {
    let count = usize::try_from(through.0).unwrap_or(usize::MAX);
    Tape::of(committed.iter().take(count).filter_map(|commitment| match commitment.entry.payload {
        Payload::Command(command) => Some(command),
        Payload::Noop => None,
    }))
}
