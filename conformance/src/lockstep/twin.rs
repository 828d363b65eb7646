//! Scripts on production: it takes what the protocol takes with a driver in memory, and is compared after each event.

use super::compare::Outcome;
use super::coverage::Coverage;
use super::machine::{Edge, Machine};
use super::mismatch::Mismatch;
use super::names::{self, Names};
use crate::memory::Memory;
use crate::production::{Server, Tape};
use crate::scenario::Setup;
use crate::sim::SimFiles;
use crate::subject::{Effect, Event, Subject};
use seaworthy::Settings;
use seaworthy_protocol::{Answer, Durable, Node, NodeId};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// Nodes in memory, and beside each a shipped one that is to be like it.
pub struct Twin<'a> {
    memory: Memory,
    machines: BTreeMap<NodeId, Machine>,
    names: Names,
    coverage: Coverage,
    /// Where the first difference goes.
    found: &'a RefCell<Option<Mismatch>>,
}

impl<'a> Twin<'a> {
    /// The cluster of a scenario as it is before the first command. The first difference is put into `found`, and nothing is compared
    /// after it.
    ///
    /// # Panics
    ///
    /// If a simulated disk cannot be initialised.
    #[must_use]
    pub fn new(setup: &Setup, found: &'a RefCell<Option<Mismatch>>) -> Self {
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
            let server = Server::holding(id, SimFiles::default(), settings, &disk, made);
            machines.insert(id, Machine::new(server.expect("an empty disk that works is initialised")));
        }
        Self { memory: Memory::new(setup), machines, names, coverage: Coverage::default(), found }
    }
}

impl Twin<'_> {
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

impl Subject for Twin<'_> {
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
