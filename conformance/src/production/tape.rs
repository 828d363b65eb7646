//! What the nodes replicate: a checksum over the commands, in their order. It fits into half a byte, for a snapshot of the model has two
//! bytes, and the first is the version.

use seaworthy::{Raw, StateMachine};
use seaworthy_protocol::Index;
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

    /// The upper half of the byte is the number of the snapshot, which says nothing to the machine.
    fn restore(&mut self, snapshot: &[u8]) -> Result<(), Box<dyn Error + Send + Sync>> {
        let [sum] = snapshot else { return Err(format!("{} bytes are no snapshot", snapshot.len()).into()) };
        self.0 = sum & 0xf;
        Ok(())
    }
}
