//! The shipped protocol, exhausted.
//!
//! # What is modelled
//!
//! The nodes are `seaworthy_protocol::Node<u8>`, stepped by the function that production steps. Around them, the model
//! carries out the driver's contract ([`driver`]) in every way the contract allows: disks that keep any prefix of what was handed over
//! ([`disk`]), and a network that loses, duplicates, delays and reorders ([`network`]). Time is an action that may happen.
//!
//! # What is abstracted, and why each step is sound
//!
//! * A crash and the restart after it are one action: a node that is down takes no step, and neither does a slow one.
//! * Dead messages are removed, and nodes are interchangeable; [`dead`] and [`symmetry`] argue both, and tests hold them.
//! * What changes nothing is not a step. Bounds limit inputs only ([`bounds`]); within them nothing is restricted.

pub mod bounds;
pub mod broken;
pub mod calm;
pub mod check;
pub mod contract;
pub mod dead;
pub mod disk;
pub mod disruption;
pub mod driver;
pub mod features;
pub mod induction;
pub mod interned;
pub mod kept;
pub mod liveness;
pub mod matrix;
pub mod museum;
pub mod mutants;
pub mod network;
pub mod notation;
pub mod picture;
pub mod pinned;
pub mod properties;
pub mod report;
pub mod saved;
pub mod schedule;
pub mod search;
pub mod server;
pub mod steps;
pub mod symmetry;
pub mod system;
pub mod trace;
pub mod witnesses;
