//! The properties of Raft after every event of a run, with what they remember of the past.

use crate::Envelope;
use crate::subject::Event;
use seaworthy_protocol::invariants::Violation;
use seaworthy_protocol::invariants::clients::Clients;
use seaworthy_protocol::invariants::history::{self, Commitment, NodeHistory};
use seaworthy_protocol::invariants::{cluster, node, step};
use seaworthy_protocol::{
    Answer, Durable, Entry, Index, Log, LogId, Message, Node, NodeId, NodeSet, Payload, PeerFault,
};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display, Formatter};

/// What no run may do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Breach {
    /// A property is broken.
    Property(Violation),
    /// A node blames a peer, though every message is one that was sent.
    FalseBlame(NodeId, PeerFault),
    /// A node wanted the chunks of different snapshots for one.
    MixedSnapshot(NodeId),
}

impl Display for Breach {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Property(violation) => write!(f, "{violation} is broken"),
            Self::FalseBlame(node, fault) => write!(f, "{node} blames a peer: {fault}"),
            Self::MixedSnapshot(node) => {
                write!(f, "{node} mixes the chunks of snapshots, or installs a damaged one")
            }
        }
    }
}

/// A node and its disk at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The node's memory.
    pub node: Node<u8>,
    /// What is durable.
    pub disk: Durable<u8>,
}

/// All nodes at one moment.
pub type Cluster = BTreeMap<NodeId, Snapshot>;

/// An event that happened.
#[derive(Clone, Copy, Debug)]
pub struct Edge<'a> {
    /// The node it happened to.
    pub at: NodeId,
    /// What happened.
    pub event: &'a Event,
    /// The node before.
    pub before: &'a Snapshot,
    /// All nodes afterwards.
    pub after: &'a Cluster,
    /// The messages that left it.
    pub sent: &'a [Envelope],
    /// What its clients were told.
    pub answers: &'a [Answer],
}

/// What the properties remember: ghosts, kept beside the nodes.
#[derive(Clone, Debug)]
pub struct Judge {
    voters: NodeSet,
    histories: BTreeMap<NodeId, NodeHistory>,
    committed: Vec<Commitment<u8>>,
    proposed: BTreeSet<u8>,
    clients: Clients<u8>,
}

impl Judge {
    /// A judge of a cluster as it is before the first event. Commands in its logs count as proposed.
    #[must_use]
    pub fn new(cluster: &Cluster) -> Self {
        let logs = cluster.values().flat_map(|snapshot| snapshot.node.log().entries());
        let proposed = logs.filter_map(|entry| match entry.payload {
            Payload::Command(command) => Some(command),
            Payload::Noop => None,
        });
        Self {
            voters: cluster.keys().copied().collect(),
            histories: cluster.keys().map(|node| (*node, NodeHistory::default())).collect(),
            committed: covered_by_snapshots(
                &cluster.values().map(|snapshot| &snapshot.disk).collect::<Vec<_>>(),
            ),
            proposed: proposed.collect(),
            clients: Clients::default(),
        }
    }

    /// The first property that an event broke. `ever_sent` is all that was ever sent.
    pub fn see<'a>(
        &mut self,
        edge: Edge<'_>,
        ever_sent: impl Iterator<Item = &'a Envelope>,
    ) -> Option<Violation> {
        let after = &edge.after[&edge.at];
        self.see_question(edge);
        let agrees = history::see_commit(&after.node, &mut self.committed);
        let broken = self.judge_sent(edge);
        let broken = broken.or_else(|| judge_disk(edge)).or_else(|| judge_memory(edge));
        if let Some(history) = self.histories.get_mut(&edge.at) {
            history.see(&after.node);
            history.forget_before(after.disk.current_term());
        }
        let told = self.judge_answers(edge);
        let broken = broken.or_else(|| (!agrees).then_some(Violation::StateMachineSafety)).or(told);
        broken.or_else(|| self.judge_history()).or_else(|| self.judge_cluster(edge.after, ever_sent))
    }

    /// A client asks. Who reads could have been told of all that is committed already, and of nothing that this event commits.
    fn see_question(&mut self, edge: Edge<'_>) {
        match edge.event {
            Event::Propose(command) => {
                self.proposed.insert(*command);
            }
            Event::Read(read) => self.clients.see_read(edge.at, *read, &self.committed),
            Event::Crash { .. } => self.clients.see_crash(edge.at),
            Event::ElectionTimeout
            | Event::Heartbeat
            | Event::Replicate
            | Event::CannotWrite { .. }
            | Event::Transfer { .. }
            | Event::Compact { .. }
            | Event::SnapshotStaged { .. }
            | Event::Deliver(_)
            | Event::DiskCompletes
            | Event::DiskConfirms => {}
        }
    }

    /// Clients are answered, and told what became of their proposals.
    fn judge_answers(&mut self, edge: Edge<'_>) -> Option<Violation> {
        let mut sees_all = true;
        for answer in edge.answers {
            if let Event::Propose(command) = edge.event {
                self.clients.see_proposal(edge.at, *command, *answer);
            } else {
                sees_all &= self.clients.see_answer(edge.at, *answer);
            }
        }
        let is_true = self.clients.see_step(&edge.after[&edge.at].node, &self.committed)
            && self.clients.told_truly(&self.committed);
        let missed = (!sees_all).then_some(Violation::LinearizableReads);
        missed.or_else(|| (!is_true).then_some(Violation::TrueOutcomes))
    }

    /// Each message as it leaves, against the disk at that moment.
    fn judge_sent(&mut self, edge: Edge<'_>) -> Option<Violation> {
        let disk = &edge.after[&edge.at].disk;
        let history = self.histories.get_mut(&edge.at)?;
        edge.sent.iter().find_map(|envelope| {
            let receiver = &edge.after[&envelope.to].node;
            let is_persisted = cluster::persisted_before_send(envelope, disk)
                && cluster::acknowledges_truly(envelope, disk, receiver, &self.committed);
            let voted_twice = history.see_leave(envelope);
            let (sender, target) = (&edge.after[&edge.at].node, &edge.after[&envelope.to].disk);
            let is_ready = cluster::transfer_is_ready(envelope, sender, target, &self.committed);
            voted_twice
                .or_else(|| (!is_persisted).then_some(Violation::PersistBeforeSend))
                .or_else(|| (!is_ready).then_some(Violation::TransferReady))
        })
    }

    fn judge_history(&self) -> Option<Violation> {
        if !history::election_safety(self.histories.values().copied()) {
            return Some(Violation::ElectionSafety);
        }
        let refines = history::refines_proposals(&self.committed, |command| self.proposed.contains(&command));
        (!refines).then_some(Violation::Refinement)
    }

    fn judge_cluster<'a>(
        &self,
        cluster: &Cluster,
        ever_sent: impl Iterator<Item = &'a Envelope>,
    ) -> Option<Violation> {
        let committed = &self.committed;
        let disks = cluster.iter().map(|(node, snapshot)| (*node, &snapshot.disk));
        let shape =
            |snapshot: &Snapshot| node::log_shape(snapshot.node.durable()) && node::log_shape(&snapshot.disk);
        let continues = |snapshot: &Snapshot| node::log_continues_snapshot(&snapshot.disk);
        if !logs_match(cluster, committed, ever_sent) {
            Some(Violation::LogMatching)
        } else if !cluster.values().all(shape) {
            Some(Violation::LogShape)
        } else if !cluster.values().all(continues) {
            Some(Violation::CompactedCommitted)
        } else if !cluster::committed_on_quorum(self.voters, disks, committed) {
            Some(Violation::CommittedOnQuorum)
        } else if !cluster.values().all(|snapshot| cluster::leader_completeness(&snapshot.node, committed)) {
            Some(Violation::LeaderCompleteness)
        } else if !cluster.values().all(|snapshot| cluster::state_machine_safety(&snapshot.node, committed)) {
            Some(Violation::StateMachineSafety)
        } else if !match_indexes_are_valid(cluster, committed) {
            Some(Violation::MatchIndexValid)
        } else {
            None
        }
    }
}

/// What was committed before the first event, for all that disks tell: whatever their snapshots cover.
///
/// An entry is taken from a log that holds the end of the longest snapshot, for such a log holds what was committed before it
/// (Log Matching, §5.3). Where every such log is compacted nobody will ever see the entry again, and a no-op of the right term
/// stands for it. All count as committed in the term of the snapshot's last entry, the earliest in which that one can have been.
pub(crate) fn covered_by_snapshots<C: Copy>(disks: &[&Durable<C>]) -> Vec<Commitment<C>> {
    let snapshots = disks.iter().filter_map(|disk| disk.snapshot());
    let Some(end) = snapshots.clone().map(|snapshot| snapshot.last).max() else { return Vec::new() };
    let logs = || disks.iter().map(|disk| disk.log());
    let known: Vec<LogId> = logs().map(Log::base).chain(snapshots.map(|snapshot| snapshot.last)).collect();
    let entry = |index: u64| {
        let index = Index(index);
        let held = logs().filter(|log| log.holds(end)).find_map(|log| log.get(index));
        // Terms do not decrease, so that of the next entry which is known will do.
        let next = || known.iter().copied().filter(|id| id.index >= index).min_by_key(|id| id.index);
        let stands_for_it = || Entry { term: next().unwrap_or(end).term, payload: Payload::Noop };
        held.copied().unwrap_or_else(stands_for_it)
    };
    (1..=end.index.0).map(|index| Commitment { entry: entry(index), term: end.term }).collect()
}

/// What a disk held is not taken back, and who leads does so durably.
fn judge_disk(edge: Edge<'_>) -> Option<Violation> {
    let (before, after) = (&edge.before.disk, &edge.after[&edge.at].disk);
    let same_term = before.current_term() == after.current_term();
    if after.current_term() < before.current_term() {
        Some(Violation::TermMonotonic)
    } else if same_term && before.voted_for().is_some() && after.voted_for() != before.voted_for() {
        Some(Violation::VoteStable)
    } else if !cluster::leads_durably(&edge.after[&edge.at].node, after) {
        Some(Violation::PersistBeforeSend)
    } else {
        None
    }
}

/// What a node knew is not forgotten, unless it crashed.
fn judge_memory(edge: Edge<'_>) -> Option<Violation> {
    let (before, after) = (&edge.before.node, &edge.after[&edge.at].node);
    if matches!(edge.event, Event::Crash { .. }) {
        None
    } else if let Some(violation) = step::Before::of(before).violation_by(after) {
        Some(violation)
    } else if !step::leader_append_only(before, after) {
        Some(Violation::LeaderAppendOnly)
    } else if !step::commit_monotonic(before, after) {
        Some(Violation::CommitMonotonic)
    } else {
        None
    }
}

/// Logs in memory and on disk against each other, and against the entries of every message that may still arrive.
fn logs_match<'a>(
    cluster: &Cluster,
    committed: &[Commitment<u8>],
    mut ever_sent: impl Iterator<Item = &'a Envelope>,
) -> bool {
    let logs: Vec<&Log<u8>> =
        cluster.values().flat_map(|snapshot| [snapshot.node.log(), snapshot.disk.log()]).collect();
    let pairwise = logs
        .iter()
        .enumerate()
        .all(|(i, a)| logs.iter().skip(i + 1).all(|b| cluster::log_matching(a, b, committed)));
    pairwise
        && ever_sent.all(|envelope| match &envelope.message {
            Message::AppendEntries { prev_log, entries, .. } => {
                let matches = |log: &&Log<u8>| cluster::append_matching(log, *prev_log, entries, committed);
                entries.is_empty() || logs.iter().all(matches)
            }
            Message::RequestVote { .. }
            | Message::RequestVoteReply { .. }
            | Message::PreVote { .. }
            | Message::PreVoteGranted
            | Message::AppendEntriesReply(_)
            | Message::InstallSnapshot(_)
            | Message::InstallSnapshotReply { .. }
            | Message::ReadIndex { .. }
            | Message::ReadIndexReply { .. }
            | Message::ReadRound { .. }
            | Message::ReadRoundReply { .. }
            | Message::TimeoutNow
            | Message::HigherTerm => true,
        })
}

fn match_indexes_are_valid(cluster: &Cluster, committed: &[Commitment<u8>]) -> bool {
    let valid = |leader: &Snapshot| {
        let is_there = |(node, follower): (&NodeId, &Snapshot)| {
            cluster::match_index_valid(&leader.node, *node, &follower.disk, committed)
        };
        cluster.iter().all(is_there)
    };
    cluster.values().all(valid)
}
