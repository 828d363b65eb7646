//! Nodes whose state machine has a thread of its own: the same for their users, but that a slow one holds up nothing else.

use seaworthy::{
    Builder, Compaction, Index, Network, NodeId, NodeSet, ProposeError, Raft, ShutdownError, StateMachine,
    Stopped, init,
};
use std::error::Error;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

/// Adds up. At the command 1000 it stands still while its gate is closed, at `u64::MAX` it panics.
#[derive(Clone, Debug, Default)]
struct Sum {
    sum: u64,
    gate: Arc<Gate>,
}

#[derive(Debug, Default)]
struct Gate {
    is_closed: Mutex<bool>,
    changed: Condvar,
}

impl Gate {
    fn set(&self, is_closed: bool) {
        *self.is_closed.lock().unwrap() = is_closed;
        self.changed.notify_all();
    }

    fn pass(&self) {
        let closed = self.is_closed.lock().unwrap();
        drop(self.changed.wait_while(closed, |is_closed| *is_closed).unwrap());
    }
}

impl StateMachine for Sum {
    type Command = u64;
    type Response = u64;

    fn apply(&mut self, _: Index, command: u64) -> u64 {
        if command == 1000 {
            self.gate.pass();
        }
        self.sum = self.sum.checked_add(command).expect("the sum is too large");
        self.sum
    }

    fn snapshot(&self) -> impl FnOnce(&mut Vec<u8>) + Send + 'static {
        let sum = self.sum;
        move |out| out.extend(sum.to_le_bytes())
    }

    fn restore(&mut self, snapshot: &[u8]) -> Result<(), Box<dyn Error + Send + Sync>> {
        self.sum = u64::from_le_bytes(snapshot.try_into()?);
        Ok(())
    }
}

fn first() -> NodeId {
    NodeId::new(1).unwrap()
}

fn builder(id: NodeId, voters: NodeSet, network: &Network) -> Builder {
    Builder::new(1, id, voters, network)
        .compaction(Compaction { every: 8, keep: 4, keep_for_slow: 4 })
        .state_thread(true)
}

fn cluster(network: &Network, machine: &Sum) -> Vec<Raft<Sum>> {
    let voters = NodeSet::first(3);
    voters.iter().map(|id| builder(id, voters, network).start(machine.clone()).unwrap()).collect()
}

/// Proposes to one node after the other until one applies it: for a command that may be applied twice. The place of that node.
fn propose(nodes: &[Raft<Sum>], command: u64) -> (usize, u64) {
    loop {
        for (place, raft) in nodes.iter().enumerate() {
            if let Ok(sum) = raft.propose(&command).wait() {
                return (place, sum);
            }
        }
        thread::yield_now();
    }
}

#[test]
fn what_is_proposed_is_answered_read_and_waited_for() {
    let nodes = cluster(&Network::default(), &Sum::default());
    let (leader, before) = propose(&nodes, 0);
    assert_eq!(before, 0);
    assert_eq!(nodes[leader].propose(&5).wait(), Ok(5));
    assert_eq!(nodes[leader].propose_batch(&[1, 2]).wait(), Ok(vec![Ok(6), Ok(8)]));
    for raft in &nodes {
        assert_eq!(raft.read(|machine| machine.sum).wait(), Ok(8));
        raft.wait_for_applied(nodes[leader].status().applied).wait().unwrap();
        assert_eq!(raft.read_stale(|machine| machine.sum).wait(), Ok(8));
    }
}

/// In a cluster of one nobody else can become leader meanwhile.
#[test]
fn a_machine_that_stands_still_holds_up_nothing_else() {
    let machine = Sum::default();
    let one = builder(first(), NodeSet::first(1), &Network::default()).start(machine.clone()).unwrap();
    let nodes = [one];
    propose(&nodes, 0);
    // What is shown of a node may be a little older than what it has answered.
    let before = nodes[0].wait_for_applied(Index(2)).wait().unwrap();
    machine.gate.set(true);
    let (slow, next) = (nodes[0].propose(&1000), nodes[0].propose(&1));
    let both = before.0 + 2;
    // Its node goes on: the two are committed, and it knows.
    while nodes[0].status().committed < Index(both) {
        thread::yield_now();
    }
    assert!(nodes[0].status().applied < Index(both), "and nothing is told that did not happen");
    machine.gate.set(false);
    assert_eq!((slow.wait(), next.wait()), (Ok(1000), Ok(1001)));
    assert_eq!(nodes[0].wait_for_applied(Index(both)).wait(), Ok(Index(both)));
}

#[test]
fn a_machine_that_panics_takes_its_node_down_and_whoever_waits_is_told() {
    let one = builder(first(), NodeSet::first(1), &Network::default()).start(Sum::default()).unwrap();
    propose(std::slice::from_ref(&one), 1);
    assert_eq!(one.propose(&u64::MAX).wait(), Err(ProposeError::Unknown));
    assert_eq!(one.wait_for_applied(Index(1_000)).wait(), Err(Stopped));
    let ended = one.shutdown();
    assert!(matches!(&ended, Err(ShutdownError::Panicked(why)) if why.contains("too large")), "{ended:?}");
}

#[test]
fn what_is_acknowledged_is_there_after_a_restart_from_a_snapshot() {
    let directory = tempfile::tempdir().unwrap();
    init(directory.path(), 1, first()).unwrap();
    for round in 1..=3 {
        let builder = builder(first(), NodeSet::first(1), &Network::default());
        let one = builder.directory(directory.path()).start(Sum::default()).unwrap();
        let nodes = [one];
        propose(&nodes, 0);
        for number in 1..=20 {
            assert_eq!(nodes[0].propose(&1).wait(), Ok((round - 1) * 20 + number));
        }
        // A part of the log is a snapshot, whenever that is on the disk.
        while nodes[0].status().base == Index(0) {
            propose(&nodes, 0);
        }
        nodes[0].shutdown().unwrap();
    }
}

/// Also if the machine is far behind what it was handed when it is asked for one.
#[test]
fn a_snapshot_holds_what_was_handed_over_before_it() {
    let directory = tempfile::tempdir().unwrap();
    init(directory.path(), 1, first()).unwrap();
    let machine = Sum::default();
    let start = |machine: &Sum| {
        let builder = builder(first(), NodeSet::first(1), &Network::default());
        builder.directory(directory.path()).start(machine.clone()).unwrap()
    };
    let nodes = [start(&machine)];
    propose(&nodes, 0);
    machine.gate.set(true);
    let first = nodes[0].propose(&1000);
    // What is asked for in one go is handed over in one go, and the snapshot with it.
    let others: Vec<_> = (0..40).map(|_| nodes[0].propose(&1)).collect();
    machine.gate.set(false);
    assert_eq!(first.wait(), Ok(1000));
    let told: Vec<_> = others.into_iter().map(|other| other.wait().unwrap()).collect();
    assert_eq!(told, (1001..=1040).collect::<Vec<_>>());
    // The first snapshot is that one, whenever it is on the disk.
    while nodes[0].status().base == Index(0) {
        propose(&nodes, 0);
    }
    nodes[0].shutdown().unwrap();
    let nodes = [start(&Sum::default())];
    let (_, sum) = propose(&nodes, 0);
    assert_eq!(sum, 1040);
    nodes[0].shutdown().unwrap();
}

#[test]
fn one_that_was_away_takes_on_a_snapshot() {
    let network = Network::default();
    let nodes = cluster(&network, &Sum::default());
    let (leader, _) = propose(&nodes, 0);
    let away = (leader + 1) % 3;
    network.isolate(nodes[away].status().id);
    for _ in 0..100 {
        propose(&nodes, 0);
    }
    let (_, sum) = propose(&nodes, 7);
    let goal = nodes.iter().map(|raft| raft.status().applied).max().unwrap();
    assert!(nodes[away].status().last.index < goal);
    network.heal();
    nodes[away].wait_for_applied(goal).wait().unwrap();
    assert_eq!(nodes[away].read_stale(|machine| machine.sum).wait(), Ok(sum));
}

#[test]
fn a_function_that_reads_may_drop_the_last_handle() {
    let one = builder(first(), NodeSet::first(1), &Network::default()).start(Sum::default()).unwrap();
    let stopped = one.wait_for_applied(Index(1_000));
    let last = one.clone();
    let (released, release) = std::sync::mpsc::channel::<()>();
    let read = one.read_stale(move |_| {
        // Until the others are dropped.
        let _ = release.recv();
        drop(last);
    });
    drop(one);
    drop(released);
    assert_eq!(read.wait(), Ok(()));
    assert_eq!(stopped.wait(), Err(Stopped), "nobody can ask it for anything any more");
}
