//! The thread of a state machine that has one of its own.

use super::waiting::Reader;
use super::world::{Incoming, Order, build_beside};
use crate::applier::Applier;
use crate::state_machine::{Logged, StateMachine};
use crate::sync::{Receiver, Sender};
use crate::wal::HeldSnapshot;
use crate::world::{Commanded, Stop};
use seaworthy_protocol::{Index, LogId, NodeId, Snapshot};

/// Something for a state machine to do.
pub(crate) enum Deed<S: StateMachine> {
    Apply {
        commands: Vec<Commanded<Logged<S>>>,
        through: Index,
    },
    Restore(Snapshot, Option<Bytes>),
    Look(Reader<S>),
    Snapshot(LogId),
    /// To do what it was told before, and to end.
    Stop,
}

/// Of a snapshot that was taken hold of.
pub(crate) enum Bytes {
    Here(Vec<u8>),
    File(HeldSnapshot),
}

/// What it works for.
pub(crate) struct Employer<S: StateMachine> {
    pub(crate) id: NodeId,
    pub(crate) node: Sender<Incoming<S>>,
    /// Where snapshots are saved; with the node, if it has no disk.
    pub(crate) disk: Option<Sender<Order>>,
}

/// Says that the machine is gone if its thread ends without having been told to.
pub(super) struct Obituary<S: StateMachine> {
    pub(super) node: Sender<Incoming<S>>,
    pub(super) is_told: bool,
}

impl<S: StateMachine> Drop for Obituary<S> {
    fn drop(&mut self) {
        if !self.is_told {
            // A node that is gone need not know.
            let _ = self.node.push(Incoming::Applied(Err(Stop::StateMachine), Vec::new()));
        }
    }
}

/// Runs a state machine until it is told to stop, or has to.
pub(crate) fn run_state_machine<S>(
    mut applier: Applier<S>,
    mut deeds: Receiver<Deed<S>>,
    employer: Employer<S>,
) where
    S: StateMachine + 'static,
    Logged<S>: Send,
    S::Response: Send,
{
    let mut obituary = Obituary { node: employer.node.clone(), is_told: false };
    let mut taken = Vec::new();
    loop {
        deeds.take(&mut taken);
        if taken.is_empty() {
            deeds.wait(None);
        }
        for deed in taken.drain(..) {
            let mut responses = Vec::new();
            let outcome = match deed {
                Deed::Apply { commands, through } => {
                    let tell = |token, response| responses.push((token, response));
                    applier.apply(commands, through, tell)
                }
                Deed::Restore(snapshot, bytes) => restore(&mut applier, snapshot, bytes),
                Deed::Look(reader) => {
                    reader(Ok(applier.state_machine()));
                    continue;
                }
                Deed::Snapshot(last) => {
                    build_beside(employer.id, applier.snapshot(last), &employer.node, employer.disk.clone());
                    continue;
                }
                Deed::Stop => {
                    obituary.is_told = true;
                    return;
                }
            };
            let is_over = outcome.is_err();
            let through = outcome.map(|()| applier.applied());
            // A node that is gone has told its clients.
            let _ = employer.node.push(Incoming::Applied(through, responses));
            if is_over {
                obituary.is_told = true;
                return;
            }
        }
    }
}

fn restore<S: StateMachine>(
    applier: &mut Applier<S>,
    snapshot: Snapshot,
    bytes: Option<Bytes>,
) -> Result<(), Stop> {
    let bytes = match bytes {
        Some(Bytes::Here(bytes)) => Some(bytes),
        Some(Bytes::File(held)) => held.read(),
        None => None,
    };
    applier.restore(snapshot, bytes.as_deref())
}
