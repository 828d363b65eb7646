//! Raft with a disk and a network: the library that embeds `seaworthy-protocol`.
//!
//! [`Builder`] starts a node, [`Raft`] is one that runs. Below, without threads: [`NodeLoop`] is a node as a machine that is stepped,
//! over a [`World`] with clock, dice, wire and disk; [`wal`] is what its disk holds; [`codec`] says how messages and records
//! look as bytes.
#![forbid(unsafe_code)]

mod applier;
mod applying;
mod builder;
mod clients;
pub mod codec;
mod command;
mod counters;
mod disk;
mod error;
mod node_loop;
mod outbox;
mod raft;
mod recorder;
mod reply;
mod shell;
mod snapshot;
mod state_machine;
mod sync;
mod timers;
#[cfg(feature = "trace")]
pub mod trace;
mod transport;
pub mod wal;
mod world;

pub use applier::Applier;
pub use builder::{Builder, init};
pub use clients::Limits;
pub use command::{Command, CommandError, Loggable, Raw};
pub use counters::Counters;
pub use disk::Disk;
pub use error::{ProposeError, ReadError, ShutdownError, StartError, Stopped, TransferError};
pub use node_loop::{NodeLoop, Part, Settings, Status};
pub use raft::{Applied, Leader, Leadership, Metrics, Raft};
pub use reply::Reply;
pub use seaworthy_protocol::{Config, ConfigError, Index, LogId, NodeId, NodeSet, Term};
pub use shell::{BlockingWorld, Driver};
pub use snapshot::Building;
pub use state_machine::StateMachine;
pub use timers::{Compaction, Timing, TimingError};
pub use transport::memory::Network;
pub use transport::tcp::TransportCounters;
pub use world::{Commanded, Done, Event, Request, RequestError, Stop, Task, Token, Work, World};
