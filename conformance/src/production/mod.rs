//! One shipped node that does nothing by itself: its loop, its codec and its write-ahead log, on a disk that is told what to do.
//!
//! What happens to it happens one by one, as in the model: a write reaches the disk when it is told to, and the node hears of it
//! when it is told that.
//!
//! | file        | holds                                                               |
//! |-------------|---------------------------------------------------------------------|
//! | `server.rs` | the node, and what can happen to it                                  |
//! | `around.rs` | the world around its loop                                            |
//! | `torn.rs`   | what a crash in the middle of a write leaves                         |
//! | `tape.rs`   | the state machine                                                    |
//! | `numbered.rs` | what makes each snapshot another one                               |
//! | `output.rs` | what comes of an event                                               |

mod around;
mod numbered;
mod output;
mod server;
mod tape;
mod torn;

pub(crate) use numbered::numbered;
pub use output::{Output, Said};
pub use server::{Server, Snapshots};
pub use tape::Tape;

use seaworthy::wal::Files;

/// A disk that the power can be cut of.
pub trait Platter: Files + Clone {
    /// Whatever was not synced is gone.
    fn lose_unsynced(&mut self);
}

impl Platter for crate::sim::SimFiles {
    fn lose_unsynced(&mut self) {
        Self::lose_unsynced(self);
    }
}
