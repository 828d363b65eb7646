//! What the benches share: the workload, the cluster in one thread, and the cores that run in it.
//!
//! `cargo bench --package seaworthy-benches` measures them; `docs/decisions/` has figures with their date and machine.

pub mod null_core;
pub mod one_thread;
pub mod raft_core;
pub mod workload;
