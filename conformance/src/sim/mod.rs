//! A whole cluster in one thread, with simulated clocks, wires and disks: the same from the same seed, to the last bit.
//!
//! The nodes are those that are shipped: [`NodeLoop`](seaworthy::NodeLoop), the codec, the write-ahead log. What is simulated is
//! what lies around them, and it does its worst. After every event all properties are judged; in the end the world heals, and
//! the cluster must go on.
//!
//! | file | holds |
//! |------|-------|
//! | `mix.rs` | which faults a run has |
//! | `files.rs` | a disk that does the worst that a disk may do |
//! | `machine.rs` | a computer: a node, its disk, its clock |
//! | `cluster.rs` | computers, wires, clients; one event after the other |
//! | `apart.rs` | a state machine that is not in its node's loop |
//! | `healing.rs` | the end, when all is well again |
//! | `trouble.rs` | what goes wrong, and when |
//! | `clients.rs` | what clients do, and whether they are told the truth |
//! | `judge.rs` | the properties |
//! | `kv.rs` | what is replicated |
//! | `shrink.rs` | a failure, made small |
//! | `totals.rs` | what many runs come to |

mod apart;
mod clients;
mod cluster;
mod files;
mod healing;
mod judge;
mod kv;
mod machine;
mod mix;
mod shrink;
mod totals;
mod trouble;

pub use clients::Counts as ClientCounts;
pub use cluster::{Cluster, Failure, Outcome};
pub use files::{Counts as DiskCounts, SimFiles, Troubles};
pub use judge::{Breach, Coverage, Judge};
pub use kv::Kv;
pub use mix::{Fault, Mix};
pub use shrink::shrink;
pub use totals::Totals;
pub use trouble::Counts as TroubleCounts;
