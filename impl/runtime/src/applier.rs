//! Carries out what is committed, in order.

use crate::command::Loggable as _;
use crate::snapshot;
use crate::state_machine::{Logged, StateMachine};
use crate::world::{Stop, World};
use seaworthy_protocol::{Chunk, Index, LogId, Node, Payload};

/// A state machine, and how far it has come.
#[derive(Clone, Debug)]
pub(crate) struct Applier<S> {
    pub(crate) state_machine: S,
    pub(crate) applied: Index,
}

impl<S: StateMachine> Applier<S> {
    pub(crate) const fn new(state_machine: S) -> Self {
        Self { state_machine, applied: Index(0) }
    }

    /// Applies what is committed and was not applied yet. `tell` hears of each entry, and what the machine said to its command.
    pub(crate) fn apply(
        &mut self,
        node: &Node<Logged<S>>,
        mut tell: impl FnMut(LogId, Option<S::Response>),
    ) -> Result<(), Stop> {
        let count = node.commit_index().0.saturating_sub(self.applied.0);
        for entry in node.log().after(self.applied, usize::try_from(count).unwrap_or(usize::MAX)) {
            let index = self.applied.plus(1);
            let response = match &entry.payload {
                Payload::Noop => None,
                Payload::Command(logged) => {
                    let command = S::Command::from_log(logged);
                    let command = command.map_err(|source| Stop::Command { index, source })?;
                    Some(self.state_machine.apply(index, command))
                }
            };
            self.applied = index;
            tell(LogId { term: entry.term, index }, response);
        }
        Ok(())
    }

    /// Does the log begin after what was applied?
    pub(crate) fn is_behind(&self, node: &Node<Logged<S>>) -> bool {
        self.applied < node.log().base().index
    }

    /// What the log no longer holds is in the snapshot: after a restart, and when a leader's has been installed.
    pub(crate) fn restore(&mut self, node: &Node<Logged<S>>, world: &mut impl World<S>) -> Result<(), Stop> {
        let base = node.log().base().index;
        let snapshot = node.durable().snapshot().ok_or(Stop::NoSnapshot(base))?;
        let whole = Chunk { snapshot, offset: 0, length: snapshot.length };
        let bytes = world.read_snapshot(whole).ok_or(Stop::NoSnapshot(snapshot.last.index))?;
        let state = snapshot::open(&bytes).ok_or(Stop::NoSnapshot(snapshot.last.index))?;
        self.state_machine.restore(state).map_err(Stop::Restore)?;
        self.applied = snapshot.last.index;
        Ok(())
    }
}
