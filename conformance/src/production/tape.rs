//! What the nodes replicate: a checksum over the commands, in their order. It fits into half a byte, for a snapshot of the model has two
//! bytes, and the first is the version.

use super::numbered::put;
use seaworthy::wal::digest;
use seaworthy::{Raw, StateMachine};
use seaworthy_protocol::{Index, Snapshot};
use std::error::Error;

/// The state machine.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Tape(u8);

impl Tape {
    /// What these commands lead to.
    #[must_use]
    pub fn of(commands: impl IntoIterator<Item = u8>) -> Self {
        let mut tape = Self::default();
        commands.into_iter().for_each(|command| tape.add(command));
        tape
    }

    /// What one more command leads to.
    #[must_use]
    pub const fn then(mut self, command: u8) -> Self {
        self.add(command);
        self
    }

    /// A snapshot of it, and its bytes: the version, itself with the number by which a script knows the snapshot, and as much more as
    /// that says.
    pub(crate) fn numbered(self, wanted: Snapshot) -> (Snapshot, Vec<u8>) {
        let mut bytes = vec![1, self.0];
        put(&mut bytes, wanted.digest, Some(wanted.length));
        (Snapshot { digest: digest(&bytes), ..wanted }, bytes)
    }

    /// No two of the short runs of the boxes come to the same: neither 1, 2 and 2, 1 nor a command that is missing, or twice there.
    const fn add(&mut self, command: u8) {
        self.0 = (self.0.wrapping_mul(5).wrapping_add(command).wrapping_add(1)) & 0xf;
    }
}

impl StateMachine for Tape {
    type Command = Raw<u8>;
    type Response = ();

    fn apply(&mut self, _: Index, Raw(command): Raw<u8>) {
        self.add(command);
    }

    fn snapshot(&self) -> impl FnOnce(&mut Vec<u8>) + Send + 'static {
        let Self(sum) = *self;
        move |out| out.push(sum)
    }

    /// The upper half of the byte is the number of the snapshot, which says nothing to the machine, nor does what follows.
    fn restore(&mut self, snapshot: &[u8]) -> Result<(), Box<dyn Error + Send + Sync>> {
        self.0 = snapshot.first().copied().unwrap_or_default() & 0xf;
        Ok(())
    }
}
