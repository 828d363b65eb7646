//! Raft with a disk and a network: the library that embeds `seaworthy-protocol`.
//!
//! This part has no threads and no sockets. [`NodeLoop`] is a node as a machine that is stepped, over a [`World`] with clock, dice,
//! wire and disk; [`wal`] is what its disk holds; [`codec`] says how messages and records look as bytes.
#![forbid(unsafe_code)]

mod applier;
mod clients;
pub mod codec;
mod command;
mod disk;
mod node_loop;
mod outbox;
mod snapshot;
mod state_machine;
#[allow(dead_code, unused_imports)]
mod sync;
mod timers;
pub mod wal;
mod world;

pub use clients::Limits;
pub use command::Command;
pub use disk::Disk;
pub use node_loop::{NodeLoop, Settings, Status};
pub use state_machine::StateMachine;
pub use timers::{Compaction, Timing, TimingError};
pub use world::{Done, Event, Request, RequestError, Stop, Token, Work, World};
