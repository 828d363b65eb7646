//! What a cluster replicates.

use crate::command::Command;
use seaworthy_protocol::Index;
use std::error::Error;

/// A deterministic machine that the same commands bring to the same state on every node (§2).
///
/// It is volatile: it may live in memory alone. After a restart the node restores the last snapshot and applies what follows it once
/// more.
pub trait StateMachine {
    /// What it is told to do.
    type Command: Command;
    /// What it says to that, to whoever proposed it.
    type Response;

    /// Carries out a command. Nothing but the state and the command may decide what happens: no clock, no dice, no order of a
    /// hash map.
    fn apply(&mut self, index: Index, command: &Self::Command) -> Self::Response;

    /// Appends the whole state, as bytes.
    fn snapshot(&self, out: &mut Vec<u8>);

    /// Takes on the state that a snapshot holds, in the place of its own.
    ///
    /// # Errors
    ///
    /// If the bytes are no snapshot. They are those of a snapshot that some node made, so this is a mistake in the machine, or an
    /// older version of it; the node stops.
    fn restore(&mut self, snapshot: &[u8]) -> Result<(), Box<dyn Error + Send + Sync>>;
}
