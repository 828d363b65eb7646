//! The properties of Raft over all nodes at once.
//!
//! After each step, what is new is judged: its cost does not grow with the logs. Now and then all is judged that
//! `seaworthy_protocol::invariants` can say of a cluster at one moment; that costs as much as all logs are long.

use super::commands::Command;
use super::server::Server;
use crate::judge::covered_by_snapshots;
use seaworthy_protocol::invariants::Violation;
use seaworthy_protocol::invariants::clients::Clients;
use seaworthy_protocol::invariants::history::Commitment;
use seaworthy_protocol::invariants::{cluster, node};
use seaworthy_protocol::{
    Answer, AppendOutcome, Durable, Entry, Envelope, Index, Log, LogId, Message, Node, NodeId, NodeSet,
    OwnedEntries, Payload, ReadId, Role, Term, Write,
};
use std::collections::{BTreeMap, HashMap};

/// All servers, by node.
pub(super) type Servers<'a> = BTreeMap<NodeId, Server<'a>>;

/// What the properties remember: ghosts, beside the nodes.
pub(super) struct Judge<'a> {
    voters: NodeSet,
    leaders: HashMap<Term, NodeId>,
    /// What stands behind what: the entry of each id that any log ever held, and the term of the one before it.
    entries: HashMap<LogId, (Term, Payload<Command<'a>>)>,
    pub(super) committed: Vec<Commitment<Command<'a>>>,
    /// How much each node has committed, as far as that was looked at.
    seen: HashMap<NodeId, Index>,
    /// How often each command was proposed, but for how often it was committed.
    due: HashMap<Command<'a>, u64>,
    /// For whom a node has voted, by votes that somebody has received.
    votes: HashMap<(NodeId, Term), NodeId>,
    clients: Clients<Command<'a>>,
    pub(super) tally: Tally,
}

/// What was judged.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    pub(super) elections: usize,
    pub(super) reads: usize,
    pub(super) wholes: usize,
}

impl<'a> Judge<'a> {
    /// A judge of nodes as they wake up for the first time. What their logs hold counts as proposed, what their snapshots cover as
    /// committed.
    pub(super) fn new(servers: &Servers<'a>) -> Self {
        let disks: Vec<&Durable<Command<'a>>> = servers.values().map(|server| &server.disk).collect();
        let mut judge = Self {
            voters: servers.values().next().map(|server| server.config.voters()).unwrap_or_default(),
            leaders: HashMap::new(),
            entries: HashMap::new(),
            committed: covered_by_snapshots(&disks),
            seen: HashMap::new(),
            due: HashMap::new(),
            votes: HashMap::new(),
            clients: Clients::default(),
            tally: Tally::default(),
        };
        let commands = disks.iter().flat_map(|disk| disk.log().entries()).filter_map(command);
        commands.for_each(|command| *judge.due.entry(command).or_default() += 1);
        judge
    }

    /// What a node has in its log when it wakes up: [`LogMatching`](Violation::LogMatching) with all that any log ever held.
    pub(super) fn see_start(&mut self, server: &Server<'a>) -> Option<Violation> {
        let (id, log) = (server.node.id(), server.node.log());
        self.clients.see_crash(id);
        self.seen.insert(id, server.node.commit_index());
        self.see_entries(log.base(), log.entries())
    }

    /// A client's command was taken into a leader's log.
    pub(super) fn see_proposal(&mut self, command: Command<'a>) {
        *self.due.entry(command).or_default() += 1;
    }

    /// A client wants to read: it could have been told of all that is committed already.
    pub(super) fn see_read(&mut self, id: NodeId, read: ReadId) {
        self.tally.reads += 1;
        self.clients.see_read(id, read, &self.committed);
    }

    /// A client is answered, who has not proposed anything.
    pub(super) fn see_answer(&mut self, id: NodeId, answer: Answer) -> Option<Violation> {
        (!self.clients.see_answer(id, answer)).then_some(Violation::LinearizableReads)
    }

    /// Somebody has received a vote: of one node, in one term, all are for one candidate.
    pub(super) fn see_received(
        &mut self,
        envelope: &Envelope<OwnedEntries<Command<'a>>>,
    ) -> Option<Violation> {
        let candidate = match &envelope.message {
            Message::RequestVote { .. } => envelope.from,
            Message::RequestVoteReply { vote_granted: true } => envelope.to,
            Message::RequestVoteReply { vote_granted: false }
            | Message::PreVote { .. }
            | Message::PreVoteGranted
            | Message::AppendEntries { .. }
            | Message::AppendEntriesReply(_)
            | Message::InstallSnapshot(_)
            | Message::InstallSnapshotReply { .. }
            | Message::ReadIndex { .. }
            | Message::ReadIndexReply { .. }
            | Message::ReadRound { .. }
            | Message::ReadRoundReply { .. }
            | Message::TimeoutNow
            | Message::HigherTerm => return None,
        };
        let first = *self.votes.entry((envelope.from, envelope.term)).or_insert(candidate);
        (first != candidate).then_some(Violation::OneVotePerTerm)
    }

    /// What a step has changed.
    pub(super) fn see_step(
        &mut self,
        id: NodeId,
        has_written: bool,
        servers: &Servers<'a>,
    ) -> Option<Violation> {
        let server = servers.get(&id)?;
        let writes = if has_written { server.last_writes() } else { &[] };
        self.see_writes(&server.node, writes)
            .or_else(|| self.see_leader(&server.node))
            .or_else(|| self.see_commit(&server.node, servers))
            .or_else(|| {
                let leads = cluster::leads_durably(&server.node, &server.disk);
                (!leads).then_some(Violation::PersistBeforeSend)
            })
            .or_else(|| match_indexes(&server.node, servers))
    }

    fn see_writes(
        &mut self,
        node: &Node<Command<'a>>,
        writes: &[Write<OwnedEntries<Command<'a>>>],
    ) -> Option<Violation> {
        writes.iter().find_map(|write| match write {
            Write::Append { after, entries } => {
                let term = node.log().term_at(*after).unwrap_or_default();
                self.see_entries(LogId { term, index: *after }, entries)
            }
            Write::TermAndVote { .. } | Write::Compact { .. } | Write::Install { .. } => None,
        })
    }

    /// Whoever holds an entry holds the same command, behind an entry of the same term, as whoever held it first: so two logs that meet
    /// at an entry are equal up to it.
    fn see_entries(&mut self, after: LogId, entries: &[Entry<Command<'a>>]) -> Option<Violation> {
        let mut before = after;
        for entry in entries {
            let id = LogId { term: entry.term, index: before.index.plus(1) };
            let stands = (before.term, entry.payload);
            if *self.entries.entry(id).or_insert(stands) != stands {
                return Some(Violation::LogMatching);
            }
            if entry.term < before.term {
                return Some(Violation::LogShape);
            }
            before = id;
        }
        None
    }

    fn see_leader(&mut self, node: &Node<Command<'a>>) -> Option<Violation> {
        if !node.is_leader() {
            return None;
        }
        let first = *self.leaders.entry(node.current_term()).or_insert_with(|| node.id());
        self.tally.elections = self.leaders.len();
        (first != node.id()).then_some(Violation::ElectionSafety)
    }

    /// Has a node become a leader of whom nobody has heard?
    pub(super) fn is_new_leader(&self, node: &Node<Command<'a>>) -> bool {
        node.is_leader() && !self.leaders.contains_key(&node.current_term())
    }

    fn see_commit(&mut self, node: &Node<Command<'a>>, servers: &Servers<'a>) -> Option<Violation> {
        let seen = self.seen.entry(node.id()).or_default();
        let (from, commit) = ((*seen).max(node.log().base().index), node.commit_index());
        *seen = commit;
        if from >= commit && commit.0 <= self.committed.len() as u64 {
            return None;
        }
        let count = usize::try_from(commit.0.saturating_sub(from.0)).unwrap_or_default();
        for (position, entry) in node.log().after(from, count).iter().enumerate() {
            let index = from.plus(position + 1);
            let place = usize::try_from(index.0 - 1).unwrap_or(usize::MAX);
            match self.committed.get(place) {
                Some(first) if first.entry == *entry => {}
                Some(_) => return Some(Violation::StateMachineSafety),
                // What a snapshot brought must have been committed by others.
                None if place > self.committed.len() => return Some(Violation::StateMachineSafety),
                None => {
                    self.committed.push(Commitment { entry: *entry, term: node.current_term() });
                    if let Some(violation) =
                        self.see_first_commit(index, *entry, node.current_term(), servers)
                    {
                        return Some(violation);
                    }
                }
            }
        }
        let is_known = commit.0 <= self.committed.len() as u64;
        (!is_known).then_some(Violation::StateMachineSafety)
    }

    /// What is committed was proposed, is on a majority of the disks, and in the log of whoever leads a later term already.
    fn see_first_commit(
        &mut self,
        index: Index,
        entry: Entry<Command<'a>>,
        committed_in: Term,
        servers: &Servers<'a>,
    ) -> Option<Violation> {
        if let Some(command) = command(&entry) {
            let due = self.due.entry(command).or_default();
            let Some(left) = due.checked_sub(1) else { return Some(Violation::Refinement) };
            *due = left;
        }
        let id = LogId { term: entry.term, index };
        let has = |log: &Log<Command<'a>>| log.holds(id) || log.base().index >= index;
        let lacks = |server: &Server<'a>| {
            let leads_later = server.node.is_leader() && server.node.current_term() > committed_in;
            leads_later && !has(server.node.log())
        };
        if servers.values().any(lacks) {
            return Some(Violation::LeaderCompleteness);
        }
        let holders = servers.iter().filter(|(_, server)| has(server.disk.log())).map(|(id, _)| *id);
        self.lacks_majority(holders.collect(), servers).then_some(Violation::CommittedOnQuorum)
    }

    /// Of whom there is no trace may have anything on its disk.
    fn lacks_majority(&self, holders: NodeSet, servers: &Servers<'a>) -> bool {
        let unknown = self.voters.iter().filter(|voter| !servers.contains_key(voter));
        let holders: NodeSet = holders.iter().chain(unknown).collect();
        !seaworthy_protocol::is_majority(self.voters, holders)
    }

    /// All that can be said of all nodes at one moment.
    pub(super) fn see_whole(&mut self, servers: &Servers<'a>) -> Option<Violation> {
        self.tally.wholes += 1;
        let committed = &*self.committed;
        let logs = || servers.values().flat_map(|server| [server.node.log(), server.disk.log()]);
        let meet = logs().enumerate().all(|(place, one)| {
            logs().skip(place + 1).all(|other| cluster::log_matching(one, other, committed))
        });
        let all = |holds: &dyn Fn(&Server<'a>) -> bool| servers.values().all(holds);
        let holders = servers.iter().filter(|(_, server)| {
            let disk = std::iter::once((server.node.id(), &server.disk));
            cluster::committed_on_quorum(std::iter::once(server.node.id()).collect(), disk, committed)
        });
        let holders: NodeSet = holders.map(|(id, _)| *id).collect();
        let followers = |leader: &Server<'a>| {
            servers.iter().all(|(id, follower)| {
                cluster::match_index_valid(&leader.node, *id, &follower.disk, committed)
            })
        };
        let continues = |server: &Server<'a>| node::log_continues_snapshot(&server.disk);
        let shape =
            |server: &Server<'a>| node::log_shape(server.node.durable()) && node::log_shape(&server.disk);
        if !meet {
            Some(Violation::LogMatching)
        } else if !all(&shape) {
            Some(Violation::LogShape)
        } else if !all(&continues) {
            Some(Violation::CompactedCommitted)
        } else if self.lacks_majority(holders, servers) {
            Some(Violation::CommittedOnQuorum)
        } else if !all(&|server| cluster::leader_completeness(&server.node, committed)) {
            Some(Violation::LeaderCompleteness)
        } else if !all(&|server| cluster::state_machine_safety(&server.node, committed)) {
            Some(Violation::StateMachineSafety)
        } else if !all(&followers) {
            Some(Violation::MatchIndexValid)
        } else {
            None
        }
    }
}

const fn command<'a>(entry: &Entry<Command<'a>>) -> Option<Command<'a>> {
    match entry.payload {
        Payload::Noop => None,
        Payload::Command(command) => Some(command),
    }
}

/// What a leader believes replicated is on the followers' disks, judged by the last entry: by Log Matching what precedes it is the same.
fn match_indexes<'a>(leader: &Node<Command<'a>>, servers: &Servers<'a>) -> Option<Violation> {
    let Role::Leader { progress, .. } = leader.role() else { return None };
    let holds = |(follower, known): (NodeId, &seaworthy_protocol::Progress)| {
        servers.get(&follower).is_none_or(|server| {
            server.disk.current_term() > leader.current_term()
                || agree_up_to(leader.log(), server.disk.log(), known.match_index)
        })
    };
    (!progress.iter().all(holds)).then_some(Violation::MatchIndexValid)
}

/// An acknowledgement that has arrived at the leader of its term: the follower's disk holds what the leader's log does.
pub(super) fn acknowledges_truly<'a>(
    envelope: &Envelope<OwnedEntries<Command<'a>>>,
    sender: &Server<'a>,
    receiver: &Node<Command<'a>>,
) -> bool {
    let Message::AppendEntriesReply(AppendOutcome::Matched(index)) = envelope.message else { return true };
    let has_weight = sender.disk.current_term() == envelope.term;
    let leads = receiver.is_leader() && receiver.current_term() == envelope.term;
    !has_weight || !leads || agree_up_to(receiver.log(), sender.disk.log(), index)
}

/// Of two logs that are known to match wherever they meet: are they equal up to an index? What is compacted is committed, and judged with all
/// the rest.
fn agree_up_to(one: &Log<Command<'_>>, other: &Log<Command<'_>>, index: Index) -> bool {
    let start = one.base().index.max(other.base().index);
    let reach = one.last_index() >= index && other.last_index() >= index;
    reach && (index < start || one.term_at(index) == other.term_at(index))
}
