//! Carries out what is committed, in order.

use crate::command::Loggable as _;
use crate::snapshot::{self, Building};
use crate::state_machine::{Logged, StateMachine};
use crate::world::{Commanded, Stop, Token};
use seaworthy_protocol::{Index, LogId, Snapshot};

/// A state machine, and how far it has come.
///
/// A node's loop has one, or hands [tasks](crate::Task) to whoever has it.
#[derive(Clone, Debug)]
pub struct Applier<S> {
    state_machine: S,
    applied: Index,
}

impl<S: StateMachine> Applier<S> {
    /// A machine that has applied nothing.
    pub const fn new(state_machine: S) -> Self {
        Self { state_machine, applied: Index(0) }
    }

    /// The machine.
    #[must_use]
    pub const fn state_machine(&self) -> &S {
        &self.state_machine
    }

    /// The last entry that it has applied, or that its snapshot covered.
    #[must_use]
    pub const fn applied(&self) -> Index {
        self.applied
    }

    /// Carries out a task's commands. `tell` hears what the machine said to those that somebody waits for.
    ///
    /// # Errors
    ///
    /// [`Stop::Command`], if the machine does not understand one.
    pub fn apply(
        &mut self,
        commands: Vec<Commanded<Logged<S>>>,
        through: Index,
        mut tell: impl FnMut(Token, S::Response),
    ) -> Result<(), Stop> {
        for Commanded { index, command, client } in commands {
            let response = self.command(index, &command)?;
            if let Some(token) = client {
                tell(token, response);
            }
        }
        self.applied = through;
        Ok(())
    }

    /// Carries out one command.
    pub(crate) fn command(&mut self, index: Index, logged: &Logged<S>) -> Result<S::Response, Stop> {
        let command = S::Command::from_log(logged).map_err(|source| Stop::Command { index, source })?;
        self.applied = index;
        Ok(self.state_machine.apply(index, command))
    }

    /// Passes over an entry that says nothing to the machine.
    pub(crate) const fn pass(&mut self, index: Index) {
        self.applied = index;
    }

    /// Takes on the state that a snapshot holds.
    ///
    /// # Errors
    ///
    /// [`Stop::NoSnapshot`], if there are no bytes, or a later version wrote them; [`Stop::Restore`], if the machine does not
    /// understand them.
    pub fn restore(&mut self, snapshot: Snapshot, bytes: Option<&[u8]>) -> Result<(), Stop> {
        let state = bytes.and_then(snapshot::open).ok_or(Stop::NoSnapshot(snapshot.last.index))?;
        self.state_machine.restore(state).map_err(Stop::Restore)?;
        self.applied = snapshot.last.index;
        Ok(())
    }

    /// Takes hold of the state, which is that of an entry.
    #[must_use]
    pub fn snapshot(&self, last: LogId) -> Building {
        Building::begin(&self.state_machine, last)
    }
}
