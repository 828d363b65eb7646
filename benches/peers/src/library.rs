//! Which libraries run in which lane, and in which variants.

use crate::lanes::channel::{Crossbeam, Std};
use crate::lanes::one_thread::OneThread;
use crate::lanes::thread_per_node::ThreadPerNode;
use crate::measure::{Failure, Load, Measured, measure};
use crate::peers::null_core::NullCore;
use crate::peers::omnipaxos::{Omni, Owned, Shared};
use crate::peers::openraft_0_9;
use crate::peers::openraft_0_10::{self, Sending};
use crate::peers::raft_rs::RaftRs;
use crate::peers::seaworthy::Seaworthy;
use crate::peers::seaworthy_core::SeaworthyCore;
use bytes::Bytes;
use clap::ValueEnum;
use seaworthy_benches::workload::Command;
use serde::Serialize;

/// A way to run three nodes.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Lane {
    /// All in one thread, messages handed over directly: what the core costs.
    Core,
    /// A thread for each node, or the library's own threads or tasks; and clients.
    Threads,
}

/// A library in one of the ways it can be run in a lane. Where there are several, the fastest stands for the library.
#[derive(Clone, Copy)]
pub(crate) struct Variant {
    pub(crate) lane: Lane,
    /// The library.
    pub(crate) library: &'static str,
    /// What distinguishes this variant.
    pub(crate) name: &'static str,
    /// Measures it.
    pub(crate) run: fn(&Load) -> Result<Measured, Failure>,
}

macro_rules! one_thread {
    ($library:literal, $name:literal, $core:ty) => {
        Variant {
            lane: Lane::Core,
            library: $library,
            name: $name,
            run: |load| measure(OneThread::<$core>::start(), load),
        }
    };
}

macro_rules! threads {
    ($library:literal, $name:literal, $start:expr) => {
        Variant { lane: Lane::Threads, library: $library, name: $name, run: |load| measure($start?, load) }
    };
}

/// What everything is compared with, where it runs.
pub(crate) const REFERENCES: [&str; 2] = ["seaworthy", "seaworthy-core"];

/// All there are.
pub(crate) const VARIANTS: &[Variant] = &[
    one_thread!("null-core", "arc", NullCore<Command>),
    one_thread!("null-core", "bytes", NullCore<Bytes>),
    one_thread!("null-core", "vec", NullCore<Vec<u8>>),
    one_thread!("seaworthy-core", "arc", SeaworthyCore),
    one_thread!("omnipaxos", "bytes", Omni<Shared>),
    one_thread!("omnipaxos", "vec", Omni<Owned>),
    one_thread!("raft-rs", "protobuf", RaftRs),
    threads!("null-core", "arc+std", ThreadPerNode::<NullCore<Command>, Std>::start()),
    threads!("null-core", "arc+crossbeam", ThreadPerNode::<NullCore<Command>, Crossbeam>::start()),
    threads!("seaworthy", "api", Seaworthy::start()),
    threads!("seaworthy-core", "arc+std", ThreadPerNode::<SeaworthyCore, Std>::start()),
    threads!("seaworthy-core", "arc+crossbeam", ThreadPerNode::<SeaworthyCore, Crossbeam>::start()),
    threads!("openraft-0.9", "tasks", openraft_0_9::Openraft::start()),
    threads!("openraft-0.10", "tasks", openraft_0_10::Openraft::start(Sending::OneByOne)),
    threads!("openraft-0.10", "tasks+stream", openraft_0_10::Openraft::start(Sending::Streaming)),
    threads!("omnipaxos", "bytes+std", ThreadPerNode::<Omni<Shared>, Std>::start()),
    threads!("omnipaxos", "bytes+crossbeam", ThreadPerNode::<Omni<Shared>, Crossbeam>::start()),
    threads!("raft-rs", "protobuf+std", ThreadPerNode::<RaftRs, Std>::start()),
    threads!("raft-rs", "protobuf+crossbeam", ThreadPerNode::<RaftRs, Crossbeam>::start()),
];

/// The libraries of a lane, in the order of the table.
pub(crate) fn of(lane: Lane) -> Vec<&'static str> {
    let mut names: Vec<_> = VARIANTS.iter().filter(|it| it.lane == lane).map(|it| it.library).collect();
    names.dedup();
    names
}

/// The variants of a library in a lane.
pub(crate) fn variants(lane: Lane, library: &str) -> impl Iterator<Item = &'static Variant> {
    VARIANTS.iter().filter(move |it| it.lane == lane && it.library == library)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_variant_does_the_work() {
        for variant in VARIANTS {
            for (payload, in_flight, entries) in [(64, 1, 300), (1_024, 64, 20_000)] {
                let measured = (variant.run)(&Load { payload, in_flight, entries });
                let measured =
                    measured.unwrap_or_else(|error| panic!("{} {}: {error}", variant.library, variant.name));
                assert!(measured.wall_ns_per_entry > 0.0);
                assert!(measured.p50_us <= measured.p99_us && measured.p99_us <= measured.p999_us);
            }
        }
    }
}
