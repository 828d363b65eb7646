//! A core that is fast because it does something else is no use: each must apply every proposal, in order, on all three.

use seaworthy_benches::null_core::NullCore;
use seaworthy_benches::one_thread::{Cluster, Core};
use seaworthy_benches::raft_core::{InPlace, RaftCore, Shared};
use seaworthy_benches::workload::{Checksum, Command};
use seaworthy_protocol::Recording;

fn applies_everything<C: Core<Command = Command>, const NODES: usize>(cluster: impl Fn() -> [C; NODES]) {
    for (count, in_flight, size) in [(1, 1, 64), (1_000, 1, 64), (1_000, 64, 64), (1_000, 300, 1_024)] {
        let mut cluster = Cluster::new(cluster());
        cluster.run(count, in_flight, size);
        assert_eq!(*cluster.state_machines(), [Checksum::after(count, size); NODES]);
    }
}

#[test]
fn the_null_core_applies_everything() {
    applies_everything(NullCore::three);
}

#[test]
fn the_protocol_applies_everything_behind_each_boundary() {
    applies_everything(RaftCore::<InPlace>::three);
    applies_everything(RaftCore::<Recording<_>>::three);
    applies_everything(RaftCore::<Shared>::three);
}

#[test]
fn one_and_five_nodes_apply_everything_too() {
    applies_everything(RaftCore::<InPlace>::cluster::<1>);
    applies_everything(RaftCore::<InPlace>::cluster::<5>);
}
