//! A snapshot as bytes: one for the version of what follows, then what the state machine makes of itself.

use crate::state_machine::StateMachine;
use crate::wal;
use seaworthy_protocol::{LogId, Snapshot};

const VERSION: u8 = 1;

/// Makes a snapshot of a machine that has applied up to an entry.
pub(crate) fn make(state_machine: &impl StateMachine, last: LogId) -> (Snapshot, Vec<u8>) {
    let mut bytes = vec![VERSION];
    state_machine.snapshot(&mut bytes);
    (Snapshot { last, length: bytes.len() as u64, digest: wal::digest(&bytes) }, bytes)
}

/// What the state machine made; nothing if a later version made it.
pub(crate) fn open(bytes: &[u8]) -> Option<&[u8]> {
    match bytes.split_first() {
        Some((&VERSION, state)) => Some(state),
        Some(_) | None => None,
    }
}
