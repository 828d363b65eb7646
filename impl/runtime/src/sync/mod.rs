//! All memory that threads share, and nothing else that does: what is in here is tried in every interleaving by loom.
//!
//! | room        | shared by                                                             |
//! |-------------|-----------------------------------------------------------------------|
//! | `mailbox`   | everyone who has something for a node, a disk or a connection, and it |
//! | `slot`      | a caller that waits, and whoever answers it                           |
//! | `watermark` | a node that applies, and who waits for it to have applied something   |
//! | `guarded`   | whoever uses a value in turn: a network in memory, the end of a thread |
//! | `published` | a node, and who looks at it                                           |
//!
//! ```text
//! RUST_BACKTRACE=0 RUSTFLAGS="--cfg seaworthy_loom" cargo test --release --target-dir target/loom --package seaworthy --lib interleavings
//! ```

mod guarded;
mod mailbox;
mod primitive;
mod published;
mod slot;
mod watermark;

pub(crate) use guarded::Guarded;
pub(crate) use mailbox::{Receiver, Sender, mailbox};
#[cfg(all(test, seaworthy_loom))]
pub(crate) use primitive::standing;
pub(crate) use primitive::{Instant, draw};
pub(crate) use published::Published;
#[cfg(all(test, seaworthy_loom))]
pub(crate) use slot::Abandoned;
pub(crate) use slot::{Completer, Waiter, slot};
pub(crate) use watermark::Watermark;

#[cfg(all(test, seaworthy_loom))]
mod interleavings;
