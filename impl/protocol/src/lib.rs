//! Raft as a pure function.
//!
//! [`Node::step`] takes one [`Input`] and leaves what it wants from the world in [`Effects`]. It has no clock, no dice,
//! no I/O and no threads, so the model checker and whoever embeds it execute the very same code;
//! no feature or configuration flag makes them differ. The files are named after the sections of the paper ("In Search
//! of an Understandable Consensus Algorithm", extended version), and rules cite it; "thesis" is Ongaro's dissertation.
//!
//! Use this crate to drive Raft yourself, under the [contract](effects) of a driver.
//!
//! # A cluster of one
//!
//! ```
//! use seaworthy_protocol::{Config, Durable, Effects, Index, Input, Node, NodeId, NodeSet, Recording};
//!
//! let config = Config::new(NodeSet::first(1))?;
//! let mut node: Node<&str> = Node::restart(NodeId::new(1).unwrap(), Durable::default());
//! let mut fx = Effects::new(Recording::default());
//! let mut inputs = vec![Input::ElectionTimeout, Input::Propose("hello")];
//! while !inputs.is_empty() {
//!     node.step(&config, inputs.remove(0), &mut fx);
//!     // A driver makes `fx.sink.writes` durable here; then it says so.
//!     let done = std::mem::replace(&mut fx, Effects::new(Recording::default()));
//!     if let Some(ack) = done.ack {
//!         inputs.insert(0, Input::<_, Vec<_>>::WritesDurable(ack));
//!     }
//! }
//! assert_eq!(node.commit_index(), Index(2), "the leader's no-op and the command");
//! # Ok::<(), seaworthy_protocol::ConfigError>(())
//! ```
#![no_std]
#![forbid(unsafe_code)]
// Total: no input, whoever it is from, may panic a node.
#![cfg_attr(
    not(test),
    deny(
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::string_slice,
        clippy::unreachable,
        clippy::unwrap_used
    )
)]

extern crate alloc;

mod commitment;
mod compaction;
mod config;
mod durable;
pub mod effects;
mod election;
mod fault;
pub mod invariants;
mod log;
mod message;
mod node;
pub mod notation;
mod outcome;
mod progress;
mod quorum;
mod reads;
mod replication;
mod role;
mod transfer;
mod types;

pub use compaction::{Chunk, Receiving, Snapshot};
pub use config::{Config, ConfigError};
pub use durable::Durable;
pub use effects::{
    Answer, Effects, Misdeed, OwnedEntries, PeerFault, Recording, Release, Sink, Write, WriteAck,
};
pub use log::{Entries, Entry, Log, Payload};
pub use message::{AppendOutcome, Envelope, Message};
pub use node::{Input, Node};
pub use outcome::Outcome;
pub use progress::{Pace, Progress, Window};
pub use quorum::is_majority;
pub use reads::{ReadId, Reads};
pub use role::Role;
pub use types::{Index, LogId, NodeId, NodeIdOutOfRange, NodeMap, NodeSet, Term};
