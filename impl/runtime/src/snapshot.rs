//! A snapshot as bytes: one for the version of what follows, then what the state machine makes of itself.

use crate::state_machine::StateMachine;
use crate::wal;
use crate::world::Work;
use seaworthy_protocol::{LogId, Snapshot};
use std::fmt;

const VERSION: u8 = 1;

/// Appends the bytes of a state that was taken hold of.
type Writer = dyn FnOnce(&mut Vec<u8>) + Send;

/// A snapshot that is to be made: the state machine has been taken hold of, and goes on.
pub struct Building {
    last: LogId,
    write: Box<Writer>,
}

impl Building {
    /// Of a machine that has applied up to an entry.
    pub(crate) fn begin(state_machine: &impl StateMachine, last: LogId) -> Self {
        Self { last, write: Box::new(state_machine.snapshot()) }
    }

    /// The last entry that it covers.
    #[must_use]
    pub const fn last(&self) -> LogId {
        self.last
    }

    /// Makes it. What is answered is for the disk to do.
    #[must_use]
    pub fn finish(self) -> Work {
        let mut bytes = vec![VERSION];
        (self.write)(&mut bytes);
        let snapshot = Snapshot { last: self.last, length: bytes.len() as u64, digest: wal::digest(&bytes) };
        Work::Save { snapshot, bytes }
    }
}

impl fmt::Debug for Building {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Building").field("last", &self.last).finish_non_exhaustive()
    }
}

/// What the state machine made; nothing if a later version made it.
pub(crate) fn open(bytes: &[u8]) -> Option<&[u8]> {
    match bytes.split_first() {
        Some((&VERSION, state)) => Some(state),
        Some(_) | None => None,
    }
}
