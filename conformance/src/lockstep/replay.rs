//! A trace of the model's, as `seaworthy-model trace --json` prints it, taken by production step by step.

use super::coverage::Coverage;
use super::machine::{Edge, Machine, Waits};
use super::mismatch::Mismatch;
use super::names::{self, Names};
use crate::Envelope;
use crate::command::{Command, Messages, NoCommand};
use crate::production::{Production, Server, Threads};
use crate::scenario::{Mistake, Scenario, Setup};
use crate::sim::SimFiles;
use crate::subject::Event;
use seaworthy::wal::OpenError;
use seaworthy::{Network, Settings};
use seaworthy_model::bounds::DiskKind;
use seaworthy_model::disk::Disk;
use seaworthy_protocol::{Answer, Durable, Node, NodeId, NodeSet};
use serde::Deserialize;
use std::collections::BTreeMap;
use thiserror::Error;

/// A trace as it is written down.
#[derive(Debug, Deserialize)]
struct Trace {
    cluster: String,
    disk: DiskKind,
    steps: Vec<Step>,
}

/// What happened, and the whole state it led to.
#[derive(Debug, Deserialize)]
struct Step {
    action: Option<String>,
    sent: Vec<Envelope>,
    answers: Vec<Answer>,
    resets_election_timer: bool,
    nodes: Vec<Node<u8>>,
    disks: Vec<Disk>,
}

/// Why a trace cannot be replayed, or not to its end.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// It is no trace.
    #[error("it is no trace of seaworthy-model's: {0}")]
    NoTrace(#[from] serde_json::Error),
    /// The cluster cannot be read.
    #[error("{0}")]
    NoCluster(Mistake),
    /// A step that production cannot be told to take.
    #[error("step {step}, \"{action}\": {why}")]
    NoAction {
        /// Which, from 1.
        step: usize,
        /// What it says.
        action: String,
        /// What is wrong with it.
        why: NoCommand,
    },
    /// A step that names no event of one node, or a node whose state the trace does not have.
    #[error("step {step}, \"{action}\", is no event of a node of the trace")]
    NoEvent {
        /// Which, from 1.
        step: usize,
        /// What it says.
        action: String,
    },
    /// A node cannot be started.
    #[error("a node cannot be started: {0}")]
    Start(#[from] OpenError),
    /// Production and the trace part.
    #[error("step {step}: {mismatch}")]
    Parts {
        /// Where, from 1.
        step: usize,
        /// What is different.
        mismatch: Box<Mismatch>,
    },
}

/// Takes all steps of a trace, and answers how many there are.
///
/// # Errors
///
/// If it cannot be read, or where production does something else than the trace says.
pub fn replay(json: &str) -> Result<usize, ReplayError> {
    replay_with(json, |id, settings| Server::new(id, SimFiles::default(), settings))
}

/// The same, with each node on its threads and in a temporary directory.
///
/// # Errors
///
/// Likewise.
///
/// # Panics
///
/// If a directory cannot be made, or a node cannot be started.
pub fn replay_on_threads(json: &str) -> Result<usize, ReplayError> {
    let network = Network::default();
    let empty = Durable::default();
    replay_with(json, |id, settings| Ok(Threads::holding(id, &network, settings, &empty, None)))
}

fn replay_with<P: Production>(
    json: &str,
    start: impl Fn(NodeId, Settings) -> Result<P, OpenError>,
) -> Result<usize, ReplayError> {
    let trace: Trace = serde_json::from_str(json)?;
    let setup = setup(&trace.cluster).map_err(ReplayError::NoCluster)?;
    let mut names = Names::new(&setup.config());
    let coverage = Coverage::default();
    let mut machines = machines(&setup, start)?;
    let taken = trace.steps.iter().filter_map(|step| Some((step.action.as_ref()?, step)));
    let mut count = 0;
    for (number, (action, step)) in (1..).zip(taken) {
        let (node, event) = event(setup.nodes(), number, action)?;
        let position = usize::from(node.get() - 1);
        let found = (machines.get_mut(&node), step.nodes.get(position), step.disks.get(position));
        let (Some(machine), Some(memory), Some(disk)) = found else {
            return Err(ReplayError::NoEvent { step: number, action: action.clone() });
        };
        let edge = Edge {
            event: &event,
            handler: None,
            settles: trace.disk == DiskKind::Atomic,
            node: memory,
            disk: &disk.durable,
            waits: Waits::of(disk),
            sent: step.sent.clone(),
            may_repeat: true,
            fault: None,
            resets_timer: step.resets_election_timer,
            answers: &step.answers,
            tape: None,
        };
        machine.take(&edge, &mut names, &coverage).map_err(|mismatch| ReplayError::Parts {
            step: number,
            mismatch: Box::new(mismatch.after(action)),
        })?;
        count = number;
    }
    Ok(count)
}

fn setup(cluster: &str) -> Result<Setup, Mistake> {
    Scenario::parse(&format!("# A trace.\n# Source: the model\n{cluster}\n")).map(|scenario| scenario.setup)
}

fn machines<P: Production>(
    setup: &Setup,
    start: impl Fn(NodeId, Settings) -> Result<P, OpenError>,
) -> Result<BTreeMap<NodeId, Machine<P>>, OpenError> {
    let settings = Settings::new(names::shipped(setup.config()));
    setup.nodes().iter().map(|id| Ok((id, Machine::new(start(id, settings)?)))).collect()
}

/// What an action lets happen, and to whom.
fn event(nodes: NodeSet, step: usize, action: &str) -> Result<(NodeId, Event), ReplayError> {
    let no_action = |why| ReplayError::NoAction { step, action: action.to_owned(), why };
    match Command::parse(nodes, action).map_err(no_action)? {
        Command::Node(node, event) => Ok((node, event)),
        Command::Deliver(Messages::This(envelope)) => Ok((envelope.to, Event::Deliver(*envelope))),
        Command::Deliver(Messages::Link(..) | Messages::All)
        | Command::Drop(_)
        | Command::Partition(_)
        | Command::Heal
        | Command::Disks(..)
        | Command::SnapshotsWait
        | Command::Show(_) => Err(ReplayError::NoEvent { step, action: action.to_owned() }),
    }
}
