//! How often the allocator is asked, for each entry on its way to three nodes and for each batch, beyond the payload that the client
//! brings.
//!
//! ```console
//! $ cargo test --release -p seaworthy-benches --test allocations -- --nocapture --test-threads 1
//! ```
//!
//! prints the table that `docs/benchmarks.md` shows. Memory that is asked for again, larger, counts once more. Everything has run for a
//! while before it is counted, so that what is kept for ever has grown; a log that doubles its room meanwhile is counted.

use allocation_counter::measure;
use seaworthy_benches::loops::{Loops, Part};
use seaworthy_benches::one_thread::Cluster;
use seaworthy_benches::raft_core::{InPlace, RaftCore};
use seaworthy_benches::workload::{Checksum, Command, payload};
use std::collections::BTreeMap;
use std::hint::black_box;

const WARM_UP: u64 = 4_096;
const ENTRIES: u64 = 4_096;
const PAYLOAD: usize = 64;

/// All commands of a run, made before anything is counted.
fn commands() -> impl FnMut(u64) -> Command {
    let commands: Vec<_> = (0..WARM_UP + ENTRIES).map(|number| payload(number, PAYLOAD)).collect();
    let mut commands = commands.into_iter();
    move |_| commands.next().expect("one for each proposal")
}

fn count(work: impl FnOnce()) -> u64 {
    measure(work).count_total
}

fn per(allocations: u64, of: u64) -> f64 {
    allocations as f64 / of as f64
}

/// Allocations for each batch in the protocol alone, on three nodes.
fn in_the_core(in_flight: u64) -> f64 {
    let mut cluster = Cluster::new(RaftCore::<InPlace>::three());
    let mut commands = commands();
    let mut carry = |count: u64| cluster.carry(count, in_flight, &mut commands);
    carry(WARM_UP);
    let allocations = count(|| carry(WARM_UP + ENTRIES));
    assert_eq!(*cluster.state_machines(), [Checksum::after(WARM_UP + ENTRIES, PAYLOAD); 3]);
    per(allocations, ENTRIES / in_flight)
}

/// Allocations for each batch in the leader's loop, in one follower's, and where one follower decodes.
fn in_the_loops(in_flight: u64) -> [f64; 3] {
    let mut loops = Loops::new(3);
    let mut commands = commands();
    loops.carry(WARM_UP, in_flight, &mut commands, |_, work| work());
    let mut counts = BTreeMap::from([(Part::Leader, 0), (Part::Follower, 0), (Part::Wire, 0)]);
    let batches = loops.carry(ENTRIES, in_flight, &mut commands, |part, work| {
        counts.entry(part).and_modify(|allocations| *allocations += count(work));
    });
    assert_eq!(batches, ENTRIES / in_flight);
    assert_eq!(loops.finish(), [Checksum::after(WARM_UP + ENTRIES, PAYLOAD); 3]);
    [
        per(counts[&Part::Leader], batches),
        per(counts[&Part::Follower], 2 * batches),
        per(counts[&Part::Wire], 2 * batches),
    ]
}

#[test]
fn the_counter_counts() {
    assert_eq!(count(|| drop(black_box(Box::new(7_u64)))), 1);
    assert_eq!(count(|| drop(black_box(payload(7, PAYLOAD)))), 1, "a payload is one");
    assert_eq!(count(|| assert!(black_box(7) > 6)), 0);
}

#[test]
fn no_more_than_today() {
    // Of a batch of so many: in the core, in the leader's loop, in a follower's, where a follower decodes.
    let today = [
        (1, 2.1, 0.1, 0.1, 2.1),
        // One vector for each follower's message, whatever its length.
        (64, 2.1, 0.1, 0.1, 65.1),
        // Logs double their room now and then.
        (1_024, 3.1, 0.6, 0.6, 1_025.1),
    ];
    println!(
        "| entries in a batch | protocol, three nodes | leader's loop | a follower's loop | a follower decodes |"
    );
    for (in_flight, core_max, leader_max, follower_max, wire_max) in today {
        let core = in_the_core(in_flight);
        let [leader, follower, wire] = in_the_loops(in_flight);
        println!("| {in_flight} | {core:.2} | {leader:.2} | {follower:.2} | {wire:.2} |");
        assert!(core <= core_max, "{in_flight} in the core: {core} for each batch, not {core_max}");
        assert!(leader <= leader_max, "{in_flight} in the leader's loop: {leader}, not {leader_max}");
        assert!(follower <= follower_max, "{in_flight} in a follower's loop: {follower}, not {follower_max}");
        assert!(wire <= wire_max, "{in_flight} on a follower's wire: {wire}, not {wire_max}");
    }
}
