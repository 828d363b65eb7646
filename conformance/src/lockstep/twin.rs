//! Scripts on production: it takes what the protocol takes with a driver in memory, and is compared after each event.

use super::compare::Outcome;
use super::coverage::Coverage;
use super::machine::{Edge, Machine};
use super::mismatch::Mismatch;
use super::names::{self, Names};
use crate::memory::Memory;
use crate::production::{Production, Server, Tape, Threads};
use crate::scenario::Setup;
use crate::sim::SimFiles;
use crate::subject::{Effect, Event, Subject};
use seaworthy::{Network, Settings};
use seaworthy_protocol::{Answer, Durable, Node, NodeId, Snapshot};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Where the first difference goes.
pub type Found = Rc<RefCell<Option<Mismatch>>>;

/// Nodes in memory, and beside each a shipped one that is to be like it.
pub struct Twin<P> {
    memory: Memory,
    machines: BTreeMap<NodeId, Machine<P>>,
    names: Names,
    coverage: Coverage,
    found: Found,
}

impl Twin<Server<SimFiles>> {
    /// The cluster of a scenario as it is before the first command, on simulated disks. The first difference is put into `found`, and
    /// nothing is compared after it.
    ///
    /// # Panics
    ///
    /// If a simulated disk cannot be initialised.
    #[must_use]
    pub fn new(setup: &Setup, found: &Found) -> Self {
        Self::with(setup, found, |id, settings, disk, made| {
            let server = Server::holding(id, SimFiles::default(), settings, disk, made);
            server.expect("an empty disk that works is initialised")
        })
    }
}

impl Twin<Threads> {
    /// The same, with each node on its threads and in a temporary directory.
    ///
    /// # Panics
    ///
    /// If a directory cannot be made, or a node cannot be started.
    #[must_use]
    pub fn on_threads(setup: &Setup, found: &Found) -> Self {
        let network = Network::default();
        Self::with(setup, found, |id, settings, disk, made| {
            Threads::holding(id, &network, settings, disk, made)
        })
    }
}

impl<P: Production> Twin<P> {
    /// The same, with nodes that somebody else starts, each on a disk that holds something already; with the bytes of its snapshot.
    pub fn with(
        setup: &Setup,
        found: &Found,
        start: impl Fn(NodeId, Settings, &Durable<u8>, Option<(Snapshot, Vec<u8>)>) -> P,
    ) -> Self {
        let config = setup.config();
        let mut names = Names::new(&config);
        let settings = Settings::new(names::shipped(config));
        let mut machines = BTreeMap::new();
        for id in setup.nodes().iter() {
            let disk = setup.disk(id);
            // Where the commands that it covers had brought the state machine, a script does not say.
            let made = disk.snapshot().map(|snapshot| Tape::default().numbered(snapshot));
            if let (Some(snapshot), Some(made)) = (disk.snapshot(), made.clone()) {
                names.add_snapshot(snapshot, made);
            }
            machines.insert(id, Machine::new(start(id, settings, &disk, made)));
        }
        Self {
            memory: Memory::new(setup),
            machines,
            names,
            coverage: Coverage::default(),
            found: Rc::clone(found),
        }
    }
}

impl<P: Production> Twin<P> {
    /// Production takes what has just happened in memory.
    fn take(&mut self, node: NodeId, event: &Event, effects: &[Effect]) -> Outcome {
        let mut edge = Edge {
            event,
            handler: None,
            settles: false,
            node: &self.memory.node(node),
            disk: &self.memory.disk(node),
            waits: self.memory.waits(node),
            sent: Vec::new(),
            may_repeat: false,
            fault: None,
            resets_timer: false,
            answers: &answers(effects),
            tape: None,
        };
        for effect in effects {
            match effect {
                Effect::Sends(envelope) => edge.sent.push(envelope.clone()),
                Effect::Blames(fault) => edge.fault = edge.fault.or(Some(*fault)),
                Effect::ResetsTimer => edge.resets_timer = true,
                // What waits is compared as such, and what is broken ends the script.
                Effect::Waits(_)
                | Effect::Holds(_)
                | Effect::Stages(_)
                | Effect::Spoils(_)
                | Effect::Answers(_)
                | Effect::Stops(_) => {}
            }
        }
        match self.machines.get_mut(&node) {
            Some(machine) => machine.take(&edge, &mut self.names, &self.coverage),
            None => Ok(()),
        }
    }
}

fn answers(effects: &[Effect]) -> Vec<Answer> {
    let answer = |effect: &Effect| if let Effect::Answers(answer) = effect { Some(*answer) } else { None };
    effects.iter().filter_map(answer).collect()
}

impl<P: Production> Subject for Twin<P> {
    fn happen(&mut self, node: NodeId, event: Event) -> Vec<Effect> {
        let effects = self.memory.happen(node, event.clone());
        if self.found.borrow().is_none() {
            if let Err(mismatch) = self.take(node, &event, &effects) {
                *self.found.borrow_mut() = Some(mismatch.after(format_args!("{node} {event:?}")));
            }
        }
        effects
    }

    fn node(&self, node: NodeId) -> Node<u8> {
        self.memory.node(node)
    }

    fn disk(&self, node: NodeId) -> Durable<u8> {
        self.memory.disk(node)
    }

    fn is_disk_busy(&self, node: NodeId) -> bool {
        self.memory.is_disk_busy(node)
    }

    fn has_staged(&self, node: NodeId) -> bool {
        self.memory.has_staged(node)
    }
}
