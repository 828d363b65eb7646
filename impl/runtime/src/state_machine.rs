//! What a cluster replicates.

use crate::command::Loggable;
use seaworthy_protocol::Index;
use std::error::Error;

/// A deterministic machine that the same commands bring to the same state on every node (§2).
///
/// It is volatile: it may live in memory alone. After a restart the node restores the last snapshot and applies what follows it once
/// more.
pub trait StateMachine {
    /// What it is told to do: any type of serde's, or [`Raw`](crate::Raw) bytes.
    type Command: Loggable;
    /// What it says to that, to whoever proposed it.
    type Response;

    /// Carries out a command. Nothing but the state and the command may decide what happens: no clock, no dice, no order of a
    /// hash map.
    fn apply(&mut self, index: Index, command: Self::Command) -> Self::Response;

    /// Takes hold of the whole state as it is, and answers a function that appends it as bytes.
    ///
    /// The node stands still until this returns; the function it runs elsewhere, while it goes on applying. So a large state
    /// is best in something that is cheap to clone.
    ///
    /// ```
    /// # use seaworthy::{Index, StateMachine};
    /// # use std::{collections::BTreeMap, error::Error};
    /// # struct Numbers(BTreeMap<u8, u8>);
    /// # impl StateMachine for Numbers {
    /// #     type Command = (u8, u8);
    /// #     type Response = ();
    /// #     fn apply(&mut self, _: Index, (key, value): (u8, u8)) { self.0.insert(key, value); }
    /// fn snapshot(&self) -> impl FnOnce(&mut Vec<u8>) + Send + 'static {
    ///     let numbers = self.0.clone();
    ///     move |out| numbers.iter().for_each(|(key, value)| out.extend([key, value]))
    /// }
    /// #     fn restore(&mut self, bytes: &[u8]) -> Result<(), Box<dyn Error + Send + Sync>> {
    /// #         self.0 = bytes.chunks(2).map(|pair| (pair[0], pair[1])).collect();
    /// #         Ok(())
    /// #     }
    /// # }
    /// ```
    fn snapshot(&self) -> impl FnOnce(&mut Vec<u8>) + Send + 'static;

    /// Takes on the state that a snapshot holds, in the place of its own.
    ///
    /// # Errors
    ///
    /// If the bytes are no snapshot. They are those of a snapshot that some node made, so this is a mistake in the machine, or an
    /// older version of it; the node stops.
    fn restore(&mut self, snapshot: &[u8]) -> Result<(), Box<dyn Error + Send + Sync>>;
}

/// What the log holds of a machine's commands.
pub(crate) type Logged<S> = <<S as StateMachine>::Command as Loggable>::Logged;
