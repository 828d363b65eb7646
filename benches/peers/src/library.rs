//! Which libraries run in which lane, and in which variants.

use crate::disk::{
    engine::EngineWrites,
    gate::{self, Verdict},
    traced::{self, Subject},
};
use crate::lanes::SharedBytes;
use crate::lanes::channel::{Crossbeam, Std};
use crate::lanes::durable::Durable;
use crate::lanes::one_thread::OneThread;
use crate::lanes::thread_per_node::ThreadPerNode;
use crate::measure::{Failure, Load, Measured, measure_filled};
use crate::peers::durable::null_core::DurableNull;
use crate::peers::durable::omnipaxos::DurableOmni;
use crate::peers::durable::raft_rs::DurableRaftRs;
use crate::peers::durable::seaworthy_core::DurableRaft;
use crate::peers::null_core::NullCore;
use crate::peers::omnipaxos::{Omni, Owned};
use crate::peers::openraft_0_9;
use crate::peers::openraft_0_10::{self, Sending};
use crate::peers::raft_rs::RaftRs;
use crate::peers::seaworthy::Seaworthy;
use crate::peers::seaworthy_core::SeaworthyCore;
use bytes::Bytes;
use clap::ValueEnum;
use seaworthy_benches::workload::Command;
use serde::{Deserialize, Serialize};

/// A way to run three nodes.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Lane {
    /// All in one thread, messages handed over directly: what the core costs.
    Core,
    /// A thread for each node, or the library's own threads or tasks; and clients.
    Threads,
    /// The same with a directory for each node: nothing is answered before it is durable on two of them.
    Durable,
    /// The same, each with the store that its makers recommend.
    OwnStore,
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
    /// Looks whether anything is answered before it is durable. Nothing in lanes without disks.
    pub(crate) gate: Option<fn() -> Verdict>,
}

macro_rules! one_thread {
    ($library:literal, $name:literal, $core:ty) => {
        Variant {
            lane: Lane::Core,
            library: $library,
            name: $name,
            run: |load| measure_filled(OneThread::<$core>::start(), load),
            gate: None,
        }
    };
}

macro_rules! threads {
    ($library:literal, $name:literal, $start:expr) => {
        Variant {
            lane: Lane::Threads,
            library: $library,
            name: $name,
            run: |load| measure_filled($start?, load),
            gate: None,
        }
    };
}

macro_rules! durable {
    ($library:literal, $name:literal, $core:ty, $channel:ty, $is_apart:literal) => {
        Variant {
            lane: Lane::Durable,
            library: $library,
            name: $name,
            run: |load| {
                measure_filled(Durable::<$core, $channel>::in_directories($is_apart, load.payload)?, load)
            },
            gate: Some(|| gate::hold::<$core, $channel>($is_apart)),
        }
    };
}

/// What everything is compared with, where it runs.
pub(crate) const REFERENCES: [&str; 2] = ["seaworthy", "seaworthy-core"];

/// All there are.
pub(crate) const VARIANTS: &[Variant] = &[
    one_thread!("null-core", "arc", NullCore<Command>),
    one_thread!("null-core", "bytes", NullCore<Bytes>),
    one_thread!("null-core", "vec", NullCore<Vec<u8>>),
    one_thread!("seaworthy-core", "arc", SeaworthyCore<Command>),
    one_thread!("seaworthy-core", "bytes", SeaworthyCore<Bytes>),
    one_thread!("seaworthy-core", "vec", SeaworthyCore<Vec<u8>>),
    one_thread!("omnipaxos", "bytes", Omni<SharedBytes>),
    one_thread!("omnipaxos", "vec", Omni<Owned>),
    one_thread!("raft-rs", "protobuf", RaftRs),
    threads!("null-core", "arc+std", ThreadPerNode::<NullCore<Command>, Std>::start()),
    threads!("null-core", "arc+crossbeam", ThreadPerNode::<NullCore<Command>, Crossbeam>::start()),
    threads!("null-core", "bytes+std", ThreadPerNode::<NullCore<Bytes>, Std>::start()),
    threads!("null-core", "bytes+crossbeam", ThreadPerNode::<NullCore<Bytes>, Crossbeam>::start()),
    threads!("null-core", "vec+std", ThreadPerNode::<NullCore<Vec<u8>>, Std>::start()),
    threads!("null-core", "vec+crossbeam", ThreadPerNode::<NullCore<Vec<u8>>, Crossbeam>::start()),
    threads!("seaworthy", "api", Seaworthy::in_memory()),
    threads!("seaworthy-core", "arc+std", ThreadPerNode::<SeaworthyCore<Command>, Std>::start()),
    threads!("seaworthy-core", "arc+crossbeam", ThreadPerNode::<SeaworthyCore<Command>, Crossbeam>::start()),
    threads!("seaworthy-core", "bytes+std", ThreadPerNode::<SeaworthyCore<Bytes>, Std>::start()),
    threads!("seaworthy-core", "bytes+crossbeam", ThreadPerNode::<SeaworthyCore<Bytes>, Crossbeam>::start()),
    threads!("seaworthy-core", "vec+std", ThreadPerNode::<SeaworthyCore<Vec<u8>>, Std>::start()),
    threads!("seaworthy-core", "vec+crossbeam", ThreadPerNode::<SeaworthyCore<Vec<u8>>, Crossbeam>::start()),
    threads!("openraft-0.9", "tasks", openraft_0_9::Openraft::start()),
    threads!("openraft-0.10", "tasks", openraft_0_10::Openraft::start(Sending::OneByOne)),
    threads!("openraft-0.10", "tasks+stream", openraft_0_10::Openraft::start(Sending::Streaming)),
    threads!("omnipaxos", "bytes+std", ThreadPerNode::<Omni<SharedBytes>, Std>::start()),
    threads!("omnipaxos", "bytes+crossbeam", ThreadPerNode::<Omni<SharedBytes>, Crossbeam>::start()),
    threads!("omnipaxos", "vec+std", ThreadPerNode::<Omni<Owned>, Std>::start()),
    threads!("omnipaxos", "vec+crossbeam", ThreadPerNode::<Omni<Owned>, Crossbeam>::start()),
    threads!("raft-rs", "protobuf+std", ThreadPerNode::<RaftRs, Std>::start()),
    threads!("raft-rs", "protobuf+crossbeam", ThreadPerNode::<RaftRs, Crossbeam>::start()),
    durable!("null-core", "arc+one-thread+std", DurableNull<Command>, Std, false),
    durable!("null-core", "bytes+one-thread+std", DurableNull<SharedBytes>, Std, false),
    durable!("null-core", "arc+one-thread+crossbeam", DurableNull<Command>, Crossbeam, false),
    durable!("null-core", "bytes+one-thread+crossbeam", DurableNull<SharedBytes>, Crossbeam, false),
    durable!("null-core", "arc+disk-thread+std", DurableNull<Command>, Std, true),
    durable!("null-core", "bytes+disk-thread+std", DurableNull<SharedBytes>, Std, true),
    durable!("null-core", "arc+disk-thread+crossbeam", DurableNull<Command>, Crossbeam, true),
    durable!("null-core", "bytes+disk-thread+crossbeam", DurableNull<SharedBytes>, Crossbeam, true),
    Variant {
        lane: Lane::Durable,
        library: "seaworthy",
        name: "api",
        run: |load| measure_filled(Seaworthy::in_directories(load.payload)?, load),
        gate: Some(|| traced::hold(Subject::Seaworthy)),
    },
    durable!("seaworthy-core", "arc+one-thread+std", DurableRaft<Command>, Std, false),
    durable!("seaworthy-core", "bytes+one-thread+std", DurableRaft<SharedBytes>, Std, false),
    durable!("seaworthy-core", "arc+one-thread+crossbeam", DurableRaft<Command>, Crossbeam, false),
    durable!("seaworthy-core", "bytes+one-thread+crossbeam", DurableRaft<SharedBytes>, Crossbeam, false),
    durable!("seaworthy-core", "arc+disk-thread+std", DurableRaft<Command>, Std, true),
    durable!("seaworthy-core", "bytes+disk-thread+std", DurableRaft<SharedBytes>, Std, true),
    durable!("seaworthy-core", "arc+disk-thread+crossbeam", DurableRaft<Command>, Crossbeam, true),
    durable!("seaworthy-core", "bytes+disk-thread+crossbeam", DurableRaft<SharedBytes>, Crossbeam, true),
    durable!("omnipaxos", "one-thread+std", DurableOmni, Std, false),
    durable!("omnipaxos", "one-thread+crossbeam", DurableOmni, Crossbeam, false),
    durable!("omnipaxos", "disk-thread+std", DurableOmni, Std, true),
    durable!("omnipaxos", "disk-thread+crossbeam", DurableOmni, Crossbeam, true),
    durable!("raft-rs", "one-thread+std", DurableRaftRs, Std, false),
    durable!("raft-rs", "one-thread+crossbeam", DurableRaftRs, Crossbeam, false),
    durable!("raft-rs", "disk-thread+std", DurableRaftRs, Std, true),
    durable!("raft-rs", "disk-thread+crossbeam", DurableRaftRs, Crossbeam, true),
    Variant {
        lane: Lane::OwnStore,
        library: "seaworthy",
        name: "api",
        run: |load| measure_filled(Seaworthy::in_directories(load.payload)?, load),
        gate: Some(|| traced::hold(Subject::Seaworthy)),
    },
    Variant {
        lane: Lane::OwnStore,
        library: "raft-rs",
        name: "raft-engine",
        run: |load| {
            measure_filled(Durable::<DurableRaftRs<EngineWrites>, Crossbeam>::with_engines(false)?, load)
        },
        gate: Some(|| traced::hold(Subject::RaftEngine)),
    },
    Variant {
        lane: Lane::OwnStore,
        library: "raft-rs",
        name: "raft-engine+disk-thread",
        run: |load| {
            measure_filled(Durable::<DurableRaftRs<EngineWrites>, Crossbeam>::with_engines(true)?, load)
        },
        gate: Some(|| traced::hold(Subject::RaftEngineApart)),
    },
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
                assert!(measured.disk.is_some() || variant.lane != Lane::Durable);
            }
        }
    }

    #[test]
    fn every_core_with_a_disk_answers_only_what_is_durable() {
        // What opens its files itself is looked at in another process, which is this program and no test.
        let is_looked_into = |it: &&Variant| it.lane == Lane::Durable && it.library != "seaworthy";
        for variant in VARIANTS.iter().filter(is_looked_into) {
            if let Some(gate) = variant.gate {
                assert_eq!(gate(), Verdict::Durable, "{} {}", variant.library, variant.name);
            }
        }
    }
}
