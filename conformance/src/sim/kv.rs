//! What the simulated cluster replicates: sixteen registers.

use seaworthy::{Raw, StateMachine};
use seaworthy_protocol::Index;
use std::error::Error;

/// How many registers there are.
pub(super) const KEYS: usize = 16;

/// The register that a command writes. The command itself is the value: no two are the same.
#[must_use]
pub(super) fn key(command: u64) -> usize {
    usize::try_from(command % KEYS as u64).unwrap_or_default()
}

/// Sixteen registers, and a checksum over all that was ever applied, in order.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Kv {
    /// The last command written to each; 0 before the first.
    pub values: [u64; KEYS],
    /// The last entry applied that was a command.
    pub last: Index,
    /// Over all commands and their indexes.
    pub checksum: u64,
}

impl StateMachine for Kv {
    type Command = Raw<u64>;
    /// Where the command was applied.
    type Response = Index;

    fn apply(&mut self, index: Index, Raw(command): Raw<u64>) -> Index {
        self.values[key(command)] = command;
        self.last = index;
        self.checksum =
            (self.checksum.rotate_left(5) ^ command ^ index.0).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        index
    }

    fn snapshot(&self) -> impl FnOnce(&mut Vec<u8>) + Send + 'static {
        let numbers = self.values.into_iter().chain([self.last.0, self.checksum]);
        move |out| numbers.for_each(|number| out.extend_from_slice(&number.to_le_bytes()))
    }

    fn restore(&mut self, snapshot: &[u8]) -> Result<(), Box<dyn Error + Send + Sync>> {
        if snapshot.len() != 8 * (KEYS + 2) {
            return Err(format!("{} bytes are no snapshot of sixteen registers", snapshot.len()).into());
        }
        let mut numbers =
            snapshot.chunks_exact(8).map(|bytes| bytes.try_into().map_or(0, u64::from_le_bytes));
        let mut next = || numbers.next().unwrap_or_default();
        self.values.fill_with(&mut next);
        self.last = Index(next());
        self.checksum = next();
        Ok(())
    }
}
