//! One shipped node that does nothing by itself: its loop, its codec and its write-ahead log, on a disk that is told what to do.
//!
//! What happens to it happens one by one, as in the model: a write reaches the disk when it is told to, and the node hears of it
//! when it is told that. It runs in two ways: as a value that can be copied, on a simulated disk; and on its threads, in a directory.
//!
//! | file          | holds                                                               |
//! |---------------|---------------------------------------------------------------------|
//! | `stepper.rs`  | what can happen to a node                                            |
//! | `around.rs`   | the world around its loop                                            |
//! | `behind.rs`   | what does at once what that world is told                            |
//! | `server.rs`   | the node without threads                                             |
//! | `threads.rs`  | the node on its threads, as a script sees it                         |
//! | `directed.rs` | the other side: what the node's thread does                          |
//! | `image.rs`    | a directory as a simulated disk, and back                            |
//! | `torn.rs`     | what a crash in the middle of a write leaves                         |
//! | `tape.rs`     | the state machine                                                    |
//! | `numbered.rs` | what makes each snapshot another one                                 |
//! | `output.rs`   | what comes of an event                                               |

mod around;
mod behind;
mod directed;
mod image;
mod numbered;
mod output;
mod server;
mod stepper;
mod tape;
mod threads;
mod torn;

pub(crate) use numbered::numbered;
pub use output::{Output, Said};
pub use server::Server;
pub use stepper::Stepper;
pub use tape::Tape;
pub use threads::Threads;

use crate::subject::Event;
use seaworthy::wal::{Files, OpenError};
use seaworthy_protocol::{Durable, Node};

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

/// A shipped node with its disk.
pub trait Production {
    /// Lets something happen. `chunk` is the bytes behind a message that carries a piece of a snapshot.
    fn happen(&mut self, event: &Event, chunk: &[u8]) -> Output;

    /// The node.
    fn node(&self) -> &Node<u8>;

    /// What it has applied.
    fn tape(&self) -> Tape;

    /// What waits for its disk, its clients and its next read.
    fn stepper(&self) -> &Stepper;

    /// What a crash that loses all that is not synced would leave: what recovery finds in a copy.
    ///
    /// # Errors
    ///
    /// If recovery finds damage.
    fn recovered(&self) -> Result<Durable<u8>, OpenError>;
}
