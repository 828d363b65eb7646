//! Clusters of every size from 1 to 64, even ones too, driven by a driver in memory that keeps the contract.

use seaworthy_protocol::{
    Answer, Config, Durable, Effects, Entry, Envelope, Index, Input, LogId, Message, Node, NodeId, NodeSet,
    Payload, Recording, Term,
};
use std::collections::VecDeque;

/// Nodes whose disks complete at once and whose messages arrive in order, but for those between cut-off nodes.
struct Cluster {
    config: Config,
    nodes: Vec<Node<u8>>,
    in_flight: VecDeque<Envelope<Vec<Entry<u8>>>>,
    cut_off: NodeSet,
}

impl Cluster {
    fn new(count: u8) -> Self {
        let voters = NodeSet::first(count);
        let nodes = voters.iter().map(|id| Node::restart(id, Durable::default())).collect();
        let config = Config::new(voters).unwrap();
        Self { config, nodes, in_flight: VecDeque::new(), cut_off: NodeSet::default() }
    }

    fn node(&self, number: u8) -> &Node<u8> {
        &self.nodes[usize::from(number - 1)]
    }

    /// One input, and the confirmation of whatever it wrote.
    fn feed(&mut self, number: u8, input: Input<u8>) {
        let mut input = Some(input);
        while let Some(next) = input.take() {
            let mut fx = Effects::new(Recording::default());
            self.nodes[usize::from(number - 1)].step(&self.config, next, &mut fx);
            assert_eq!((fx.violation, fx.sink.faults), (None, Vec::new()));
            self.in_flight.extend(fx.sink.now);
            self.in_flight.extend(fx.sink.after_writes);
            input = fx.ack.map(Input::WritesDurable);
        }
    }

    /// Delivers everything, answers and their answers too.
    fn settle(&mut self) {
        while let Some(envelope) = self.in_flight.pop_front() {
            let reaches = |id: NodeId| !self.cut_off.contains(id);
            if reaches(envelope.from) && reaches(envelope.to) {
                self.feed(envelope.to.get(), Input::Receive(envelope));
            }
        }
    }

    fn cut_off(&mut self, numbers: impl IntoIterator<Item = u8>) {
        self.cut_off = numbers.into_iter().filter_map(NodeId::new).collect();
    }

    /// Everyone within reach has lost patience with the leader, and one acts on it first: with pre-vote, nobody who hears a
    /// leader would vote.
    fn elect(&mut self, number: u8) {
        let cut_off = self.cut_off;
        let within_reach = self.config.voters().iter().filter(|id| !cut_off.contains(*id));
        for id in within_reach.filter(|id| id.get() != number) {
            self.feed(id.get(), Input::ElectionTimeout);
        }
        self.in_flight.clear();
        self.feed(number, Input::ElectionTimeout);
        self.settle();
    }

    fn heartbeat(&mut self, number: u8) {
        self.feed(number, Input::HeartbeatTimeout);
        self.settle();
    }

    fn propose(&mut self, number: u8, command: u8) {
        self.feed(number, Input::Propose(command));
        self.feed(number, Input::Replicate);
        self.settle();
    }
}

#[test]
fn a_cluster_of_any_size_elects_commits_and_agrees() {
    for count in 1..=64 {
        let mut cluster = Cluster::new(count);
        cluster.elect(count);
        assert!(cluster.node(count).is_leader(), "{count} nodes");
        cluster.propose(count, 7);
        assert_eq!(cluster.node(count).commit_index(), Index(2), "{count} nodes");
        cluster.heartbeat(count);
        for node in &cluster.nodes {
            assert_eq!(node.commit_index(), Index(2), "{count} nodes: {node}");
            assert_eq!(node.log().entries()[1].payload, Payload::Command(7));
        }
    }
}

#[test]
fn the_smallest_majority_commits_and_one_node_less_does_not() {
    for count in 2..=64 {
        let majority = count / 2 + 1;
        let mut cluster = Cluster::new(count);
        cluster.elect(1);
        cluster.cut_off(majority + 1..=count);
        cluster.propose(1, 7);
        assert_eq!(cluster.node(1).commit_index(), Index(2), "{majority} of {count}");
        cluster.cut_off(majority..=count);
        cluster.propose(1, 8);
        assert_eq!(cluster.node(1).commit_index(), Index(2), "{} of {count}", majority - 1);
        cluster.elect(2);
        assert!(!cluster.node(2).is_leader(), "{} of {count} elect nobody", majority - 1);
    }
}

#[test]
fn a_cluster_of_one_leads_and_commits_only_when_its_disk_says_so() {
    let config = Config::new(NodeSet::first(1)).unwrap();
    let mut node: Node<u8> = Node::restart(NodeId::new(1).unwrap(), Durable::default());
    let mut step = |input: Input<u8>| {
        let mut fx = Effects::new(Recording::default());
        node.step(&config, input, &mut fx);
        (fx.ack.map(Input::WritesDurable), node.is_leader(), node.commit_index())
    };
    let (vote_durable, leads, _) = step(Input::ElectionTimeout);
    assert!(!leads, "its own vote is not on its disk yet");
    let (noop_durable, leads, committed) = step(vote_durable.unwrap());
    assert_eq!((leads, committed), (true, Index(0)), "its no-op is not on its disk yet");
    let (command_durable, _, committed) = step(Input::Propose(7));
    assert_eq!(committed, Index(0));
    let (_, _, committed) = step(noop_durable.unwrap());
    assert_eq!(committed, Index(1));
    let (_, _, committed) = step(command_durable.unwrap());
    assert_eq!(committed, Index(2));
}

#[test]
fn a_side_that_was_cut_off_rolls_back_and_takes_the_majoritys_log() {
    let mut cluster = Cluster::new(5);
    cluster.elect(1);
    cluster.heartbeat(1);
    cluster.cut_off([1, 2]);
    for command in 1..=3 {
        cluster.feed(1, Input::Propose(command));
    }
    cluster.elect(3);
    cluster.propose(3, 9);
    assert_eq!(cluster.node(1).log().last_index(), Index(4), "the old leader keeps what it cannot commit");
    assert_eq!(cluster.node(1).commit_index(), Index(1));
    assert_eq!(cluster.node(3).commit_index(), Index(3));
    cluster.cut_off([]);
    cluster.heartbeat(3);
    cluster.heartbeat(3);
    for node in &cluster.nodes {
        assert_eq!(node.log(), cluster.node(3).log());
        assert_eq!((node.current_term(), node.commit_index()), (Term(2), Index(3)));
    }
}

#[test]
fn a_proposal_is_answered_with_its_place_in_the_log_or_with_the_leader() {
    let mut cluster = Cluster::new(3);
    let answer = |cluster: &mut Cluster, number: u8| {
        let mut fx = Effects::new(Recording::default());
        let proposal: Input<u8> = Input::Propose(7);
        cluster.nodes[usize::from(number - 1)].step(&cluster.config, proposal, &mut fx);
        fx.sink.answers
    };
    assert_eq!(answer(&mut cluster, 1), [Answer::NotLeader { leader: None }], "nobody leads yet");
    cluster.elect(2);
    let leader = NodeId::new(2);
    assert_eq!(answer(&mut cluster, 1), [Answer::NotLeader { leader }], "the one it heard from");
    let place = |index| Answer::Appended(LogId { term: Term(1), index: Index(index) });
    assert_eq!(answer(&mut cluster, 2), [place(2)], "after the leader's no-op");
    assert_eq!(answer(&mut cluster, 2), [place(3)]);
    cluster.feed(3, Input::ElectionTimeout);
    assert_eq!(
        answer(&mut cluster, 3),
        [Answer::NotLeader { leader: None }],
        "a candidate knows of no leader"
    );
}

/// §5.3: "the follower can include the term of the conflicting entry": logs that are hundreds of entries apart meet in as
/// many rounds as there are terms between them, not entries.
#[test]
fn a_follower_far_behind_catches_up_in_a_round_for_each_term() {
    let mut cluster = Cluster::new(3);
    cluster.elect(1);
    cluster.cut_off([1]);
    for command in 0..200 {
        cluster.feed(1, Input::Propose(command));
    }
    cluster.elect(2);
    for command in 0..100 {
        cluster.propose(2, command);
    }
    cluster.cut_off([]);
    cluster.feed(2, Input::HeartbeatTimeout);
    let mut conflicts = 0;
    while let Some(envelope) = cluster.in_flight.pop_front() {
        conflicts += usize::from(matches!(
            envelope.message,
            Message::AppendEntriesReply(seaworthy_protocol::AppendOutcome::Conflict { .. })
        ));
        cluster.feed(envelope.to.get(), Input::Receive(envelope));
    }
    cluster.heartbeat(2);
    assert_eq!(cluster.node(1).log(), cluster.node(2).log());
    assert!(conflicts <= 2, "{conflicts} rounds");
}
