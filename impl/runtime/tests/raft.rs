//! Nodes with threads, in one process: what their users see.

use seaworthy::{
    Builder, Compaction, Index, Network, NodeId, NodeSet, ProposeError, Raft, Raw, ReadError, ShutdownError,
    StartError, StateMachine, Stopped, TransferError, init,
};
use std::error::Error;
use std::future::Future;
use std::net::TcpListener;
use std::pin::pin;
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

/// Adds up; panics at the command `u64::MAX`.
#[derive(Debug, Default)]
struct Sum(u64);

impl StateMachine for Sum {
    type Command = u64;
    type Response = u64;

    fn apply(&mut self, _index: Index, command: u64) -> u64 {
        self.0 = self.0.checked_add(command).expect("the sum is too large");
        self.0
    }

    fn snapshot(&self) -> impl FnOnce(&mut Vec<u8>) + Send + 'static {
        let sum = self.0;
        move |out| out.extend(sum.to_le_bytes())
    }

    fn restore(&mut self, snapshot: &[u8]) -> Result<(), Box<dyn Error + Send + Sync>> {
        self.0 = u64::from_le_bytes(snapshot.try_into()?);
        Ok(())
    }
}

fn node(number: u8) -> NodeId {
    NodeId::new(number).unwrap()
}

/// A cluster in memory, whose nodes are known by their ids.
struct Cluster {
    network: Network,
    nodes: Vec<Raft<Sum>>,
}

impl Cluster {
    fn start(count: u8) -> Self {
        let (network, voters) = (Network::default(), NodeSet::first(count));
        let start = |id| Builder::new(1, id, voters, &network).start(Sum::default()).unwrap();
        let nodes = voters.iter().map(start).collect();
        Self { network, nodes }
    }

    fn node(&self, id: NodeId) -> &Raft<Sum> {
        &self.nodes[usize::from(id.get()) - 1]
    }

    /// Waits until one of some nodes leads that the others follow.
    fn leader_among(&self, ids: &[NodeId]) -> NodeId {
        for id in ids.iter().cycle() {
            let status = self.node(*id).status();
            match status.leader.filter(|leader| ids.contains(leader)) {
                Some(leader) if self.node(leader).status().leader == Some(leader) => return leader,
                Some(_) | None => thread::yield_now(),
            }
        }
        unreachable!("a cycle of some nodes has no end")
    }

    fn leader(&self) -> NodeId {
        self.leader_among(&self.ids())
    }

    fn ids(&self) -> Vec<NodeId> {
        NodeSet::first(u8::try_from(self.nodes.len()).unwrap()).iter().collect()
    }

    /// Proposes to whoever leads, until it is applied: for commands that are zero, and may be applied twice.
    fn settle(&self) -> NodeId {
        loop {
            let leader = self.leader();
            if self.node(leader).propose(&0).wait().is_ok() {
                return leader;
            }
        }
    }

    fn follower(&self, leader: NodeId) -> NodeId {
        *self.ids().iter().find(|id| **id != leader).unwrap()
    }
}

#[test]
fn what_is_proposed_to_the_leader_is_answered_and_read_everywhere() {
    let cluster = Cluster::start(3);
    let leader = cluster.settle();
    assert_eq!(cluster.node(leader).propose(&5).wait(), Ok(5));
    for id in cluster.ids() {
        assert_eq!(cluster.node(id).read(|sum| sum.0).wait(), Ok(5), "read at node {id:?}");
    }
}

#[test]
fn a_follower_names_the_leader() {
    let cluster = Cluster::start(3);
    let leader = cluster.settle();
    let refused = cluster.node(cluster.follower(leader)).propose(&5).wait();
    assert_eq!(refused, Err(ProposeError::NotLeader { leader: Some(leader) }));
}

#[test]
fn each_command_of_a_batch_has_its_response() {
    let cluster = Cluster::start(3);
    let leader = cluster.settle();
    let responses = cluster.node(leader).propose_batch(&[1, 2, 3]).wait().unwrap();
    assert_eq!(responses, [Ok(1), Ok(3), Ok(6)]);
    assert_eq!(cluster.node(leader).propose_batch(&[]).wait(), Ok(vec![]));
}

#[test]
fn a_reply_is_a_future_for_any_executor() {
    struct Unpark(thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let cluster = Cluster::start(1);
    cluster.settle();
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut reply = pin!(cluster.nodes[0].propose(&5));
    let answer = loop {
        match reply.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(answer) => break answer,
            Poll::Pending => thread::park(),
        }
    };
    assert_eq!(answer, Ok(5));
}

#[test]
fn what_was_applied_can_be_waited_for_on_a_follower_and_read_there_at_once() {
    let cluster = Cluster::start(3);
    let leader = cluster.settle();
    assert_eq!(cluster.node(leader).propose(&5).wait(), Ok(5));
    let follower = cluster.node(cluster.follower(leader));
    let index =
        cluster.node(leader).read_stale(|sum| sum.0).wait().map(|_| cluster.node(leader).status().applied);
    follower.wait_for_applied(index.unwrap()).wait().unwrap();
    assert_eq!(follower.read_stale(|sum| sum.0).wait(), Ok(5));
}

#[test]
fn the_leadership_is_handed_over_and_whoever_watches_sees_it() {
    let cluster = Cluster::start(3);
    let leader = cluster.settle();
    let follower = cluster.follower(leader);
    let mut leadership = cluster.node(leader).leadership();
    assert_eq!(leadership.wait().unwrap().id, Some(leader));
    assert_eq!(cluster.node(leader).transfer_leadership(follower).wait(), Ok(()));
    while leadership.wait().unwrap().id != Some(follower) {}
    let refused = cluster.node(leader).transfer_leadership(leader).wait();
    assert!(matches!(refused, Err(TransferError::NotLeader { .. })), "{refused:?}");
}

#[test]
fn a_leader_that_is_cut_off_is_replaced_and_says_what_it_does_not_know() {
    let cluster = Cluster::start(3);
    let leader = cluster.settle();
    cluster.network.isolate(leader);
    let lost = cluster.node(leader).propose(&7);
    let rest: Vec<NodeId> = cluster.ids().into_iter().filter(|id| *id != leader).collect();
    let next = cluster.leader_among(&rest);
    while cluster.node(next).propose(&0).wait().is_err() {}
    assert_eq!(lost.wait(), Err(ProposeError::Unknown), "it steps down, and cannot say");
    let stale = cluster.node(leader).read(|sum| sum.0).wait();
    assert_eq!(stale, Err(ReadError::Unavailable), "it must not answer from what it has");
    cluster.network.heal();
    assert_eq!(cluster.node(leader).read(|sum| sum.0).wait(), Ok(0), "what it alone had is gone");
}

#[test]
fn a_shutdown_answers_whoever_waits_and_whoever_comes_later() {
    let cluster = Cluster::start(3);
    let leader = cluster.settle();
    cluster.network.isolate(leader);
    let stopping = cluster.node(leader);
    let (proposal, read) = (stopping.propose(&1), stopping.read(|sum| sum.0));
    let applied = stopping.wait_for_applied(Index(1_000));
    stopping.shutdown().unwrap();
    assert_eq!(proposal.wait(), Err(ProposeError::Unknown));
    assert_eq!(read.wait(), Err(ReadError::Unavailable));
    assert_eq!(applied.wait(), Err(Stopped));
    assert_eq!(stopping.propose(&1).wait(), Err(ProposeError::Stopped));
    assert_eq!(stopping.read(|sum| sum.0).wait(), Err(ReadError::Stopped));
    assert_eq!(stopping.transfer_leadership(node(2)).wait(), Err(TransferError::Stopped));
    let mut leadership = stopping.leadership();
    assert!(leadership.wait().is_ok() && leadership.wait() == Err(Stopped), "first as it was, then no more");
    stopping.shutdown().unwrap();
}

#[test]
fn a_state_machine_that_panics_takes_its_node_down_and_whoever_waits_is_told() {
    let cluster = Cluster::start(1);
    cluster.settle();
    let raft = &cluster.nodes[0];
    assert_eq!(raft.propose(&1).wait(), Ok(1));
    assert_eq!(raft.propose(&u64::MAX).wait(), Err(ProposeError::Unknown));
    assert_eq!(raft.wait_for_applied(Index(1_000)).wait(), Err(Stopped));
    let ended = raft.shutdown();
    assert!(matches!(&ended, Err(ShutdownError::Panicked(why)) if why.contains("too large")), "{ended:?}");
}

#[test]
fn a_reader_that_panics_hurts_nobody_else() {
    let cluster = Cluster::start(1);
    cluster.settle();
    let raft = &cluster.nodes[0];
    let panicked = raft.read(|_| -> u64 { panic!("a reader's own fault") }).wait();
    assert_eq!(panicked, Err(ReadError::Panicked));
    assert_eq!(raft.propose(&1).wait(), Ok(1));
}

#[test]
fn what_is_acknowledged_is_there_after_a_restart() {
    let directories: Vec<_> = (0..3).map(|_| tempfile::tempdir().unwrap()).collect();
    let (network, voters) = (Network::default(), NodeSet::first(3));
    let path = |id: NodeId| directories[usize::from(id.get()) - 1].path();
    voters.iter().for_each(|id| init(path(id), 1, id).unwrap());
    let start = |id| Builder::new(1, id, voters, &network).directory(path(id)).start(Sum::default()).unwrap();
    for round in 1..=3 {
        let cluster = Cluster { network: network.clone(), nodes: voters.iter().map(start).collect() };
        let leader = cluster.settle();
        assert_eq!(cluster.node(leader).propose(&5).wait(), Ok(5 * round));
        cluster.nodes.iter().for_each(|raft| raft.shutdown().unwrap());
    }
}

#[test]
fn a_directory_is_made_once_and_used_by_the_node_that_it_belongs_to() {
    let directory = tempfile::tempdir().unwrap();
    let (network, voters) = (Network::default(), NodeSet::first(3));
    let start = |cluster, id| {
        let builder = Builder::new(cluster, id, voters, &network).directory(directory.path());
        builder.start(Sum::default()).map(drop)
    };
    assert!(matches!(start(1, node(1)), Err(StartError::Disk(_))), "there is none yet");
    init(directory.path(), 1, node(1)).unwrap();
    assert!(matches!(start(1, node(2)), Err(StartError::ForeignDirectory { .. })), "another node's");
    assert!(matches!(start(2, node(1)), Err(StartError::ForeignDirectory { .. })), "another cluster's");
    assert!(matches!(start(1, node(4)), Err(StartError::NoVoter(_))), "node 4 is none of three");
    start(1, node(1)).unwrap();
}

/// Writes nothing down before it is allowed to.
struct Slow {
    gate: Arc<std::sync::Barrier>,
}

impl StateMachine for Slow {
    type Command = Raw<Arc<[u8]>>;
    type Response = Index;

    fn apply(&mut self, index: Index, _: Raw<Arc<[u8]>>) -> Index {
        index
    }

    fn snapshot(&self) -> impl FnOnce(&mut Vec<u8>) + Send + 'static {
        let gate = Arc::clone(&self.gate);
        move |_| {
            gate.wait();
        }
    }

    fn restore(&mut self, _: &[u8]) -> Result<(), Box<dyn Error + Send + Sync>> {
        Ok(())
    }
}

#[test]
fn commands_are_applied_while_a_snapshot_is_written_down() {
    let directory = tempfile::tempdir().unwrap();
    for path in [None, Some(directory.path())] {
        let (network, gate) = (Network::default(), Arc::new(std::sync::Barrier::new(2)));
        let compaction = Compaction { every: 10, keep: 0, keep_for_slow: 0 };
        let mut builder = Builder::new(1, node(1), NodeSet::first(1), &network).compaction(compaction);
        if let Some(path) = path {
            init(path, 1, node(1)).unwrap();
            builder = builder.directory(path);
        }
        let raft = builder.start(Slow { gate: Arc::clone(&gate) }).unwrap();
        let command = Raw(Arc::from(&b"anything"[..]));
        let mut last = Index(0);
        while last < Index(100) {
            last = raft.propose(&command).wait().unwrap_or(last);
        }
        assert_eq!(raft.status().base, Index(0), "nothing was compacted yet");
        gate.wait();
        while raft.status().base == Index(0) {
            assert!(raft.propose(&command).wait().is_ok());
        }
        // The next one may be waiting.
        let _ = thread::spawn(move || gate.wait());
        raft.shutdown().unwrap();
    }
}

#[test]
fn a_function_that_reads_may_drop_the_last_handle() {
    let directory = tempfile::tempdir().unwrap();
    init(directory.path(), 1, node(1)).unwrap();
    let builder =
        Builder::new(1, node(1), NodeSet::first(1), &Network::default()).directory(directory.path());
    let raft = builder.start(Sum::default()).unwrap();
    let stopped = raft.wait_for_applied(Index(1_000));
    let (released, release) = mpsc::channel::<()>();
    let last = raft.clone();
    let read = raft.read_stale(move |_| {
        // Until the others are dropped.
        let _ = release.recv();
        drop(last);
    });
    drop(raft);
    drop(released);
    assert_eq!(read.wait(), Ok(()));
    assert_eq!(stopped.wait(), Err(Stopped), "nobody can ask it for anything any more");
}

#[test]
fn whoever_hears_that_a_node_has_stopped_can_start_it_again() {
    let directory = tempfile::tempdir().unwrap();
    init(directory.path(), 1, node(1)).unwrap();
    let start = || {
        let builder = Builder::new(1, node(1), NodeSet::first(1), &Network::default());
        builder.directory(directory.path()).start(Sum::default()).unwrap()
    };
    let mut raft = start();
    for _ in 0..10 {
        thread::scope(|scope| {
            let stop =
                || raft.shutdown().map(|()| drop(seaworthy::wal::Directory::open(directory.path()).unwrap()));
            let first = scope.spawn(stop);
            raft.shutdown().unwrap();
            first.join().unwrap().unwrap();
        });
        raft = start();
    }
}

/// Three nodes with disks, on ports that the system chose.
struct TcpCluster {
    directories: Vec<tempfile::TempDir>,
    addresses: Vec<(NodeId, String)>,
}

impl TcpCluster {
    fn new() -> (Self, Vec<TcpListener>) {
        let listeners: Vec<_> = (0..3).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let directories: Vec<_> = (0..3).map(|_| tempfile::tempdir().unwrap()).collect();
        let address = |listener: &TcpListener| listener.local_addr().unwrap().to_string();
        let addresses = NodeSet::first(3).iter().zip(listeners.iter().map(address)).collect();
        for (id, directory) in NodeSet::first(3).iter().zip(&directories) {
            init(directory.path(), 1, id).unwrap();
        }
        (Self { directories, addresses }, listeners)
    }

    fn start(&self, id: NodeId, listener: Option<TcpListener>) -> Raft<Sum> {
        let directory = self.directories[usize::from(id.get()) - 1].path();
        let builder = Builder::tcp(1, id, self.addresses.clone()).directory(directory);
        let builder = listener.into_iter().fold(builder, Builder::listener);
        builder.start(Sum::default()).unwrap()
    }
}

#[test]
fn nodes_over_tcp_agree_and_one_that_was_away_catches_up() {
    let (tcp, listeners) = TcpCluster::new();
    let ids = NodeSet::first(3).iter();
    let nodes = ids.zip(listeners).map(|(id, listener)| tcp.start(id, Some(listener))).collect();
    let mut cluster = Cluster { network: Network::default(), nodes };
    let leader = cluster.settle();
    assert_eq!(cluster.node(leader).propose(&5).wait(), Ok(5));
    let away = cluster.follower(leader);
    cluster.node(away).shutdown().unwrap();
    assert_eq!(cluster.node(leader).propose(&6).wait(), Ok(11), "two of three go on");
    let place = usize::from(away.get()) - 1;
    cluster.nodes[place] = tcp.start(away, None);
    assert_eq!(cluster.node(away).read(|sum| sum.0).wait(), Ok(11));
}

#[test]
fn a_node_that_cannot_listen_leaves_its_directory_to_the_next() {
    let directory = tempfile::tempdir().unwrap();
    init(directory.path(), 1, node(1)).unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let start = |address: &str| {
        Builder::tcp(1, node(1), [(node(1), address)]).directory(directory.path()).start(Sum::default())
    };
    let address = taken.local_addr().unwrap().to_string();
    let refused = start(&address).map(drop);
    assert!(matches!(&refused, Err(StartError::Listen { address: at, .. }) if *at == address), "{refused:?}");
    start("127.0.0.1:0").unwrap().shutdown().unwrap();
}
