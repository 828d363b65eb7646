//! What the benches share: the workload, the cluster in one thread, and what runs in it.
//!
//! `cargo bench --package seaworthy-benches` measures them; `docs/benchmarks.md` says what each measures, `docs/decisions/` has figures
//! with their date and machine.

pub mod disk_log;
pub mod follower;
#[cfg(feature = "guard")]
pub mod instructions;
pub mod loops;
pub mod memory_files;
pub mod null_core;
pub mod one_thread;
pub mod raft_core;
pub mod workload;
