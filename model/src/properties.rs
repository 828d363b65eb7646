//! One line a property: the paper's name, and the function in `seaworthy_protocol::invariants` that defines it.

use crate::bounds::Bounds;
use crate::broken::Broken;
use crate::calm;
use crate::disruption;
use crate::interned::Interned;
use crate::network::Packet;
use crate::server::Server;
use crate::system::{Raft, State};
use seaworthy_protocol::invariants::Violation;
use seaworthy_protocol::invariants::{cluster, history, node};
use seaworthy_protocol::{Log, Message, Node, Pace, Progress, Role};
use stateright::Property;

/// The properties that a box can break. A check that could not fail is left out.
#[must_use]
pub fn of(bounds: &Bounds) -> Vec<Property<Raft>> {
    let mut properties = raft();
    properties.push(Property::always(NO_FALSE_BLAME, |_, s: &State| s.broken() != Some(Broken::FalseBlame)));
    if bounds.calm_rounds > 0 {
        properties.push(Property::always(NO_WEDGE, |m: &Raft, s: &State| {
            s.broken().is_some_and(Broken::is_final)
                || calm::rounds_to_commit(m, s, m.bounds().calm_rounds).is_some()
        }));
    }
    if bounds.compactions > 0 {
        let compacted = Violation::CompactedCommitted;
        properties
            .push(Property::always(compacted.name(), |_, s: &State| keeps(s, Violation::CompactedCommitted)));
        properties.push(Property::always(SNAPSHOT_INTACT, |_, s: &State| {
            s.broken() != Some(Broken::SpoiltSnapshot)
        }));
    }
    if bounds.reads > 0 {
        let reads = Violation::LinearizableReads;
        properties
            .push(Property::always(reads.name(), |_, s: &State| keeps(s, Violation::LinearizableReads)));
    }
    if bounds.reads > 0 && bounds.calm_rounds > 0 {
        properties.push(Property::always(READS_ARE_ANSWERED, |m: &Raft, s: &State| {
            s.broken().is_some_and(Broken::is_final)
                || disruption::reads_are_answered(m, s, m.bounds().calm_rounds)
        }));
    }
    if bounds.outcomes {
        properties.push(Property::always(Violation::TrueOutcomes.name(), |_, s: &State| {
            keeps(s, Violation::TrueOutcomes) && s.clients().told_truly(s.committed())
        }));
    }
    if bounds.transfers > 0 || bounds.writes_fail {
        let ready = Violation::TransferReady;
        properties.push(Property::always(ready.name(), |_, s: &State| keeps(s, Violation::TransferReady)));
    }
    if bounds.transfers > 0 && bounds.calm_rounds > 0 {
        properties.push(Property::always(TRANSFER_SUCCEEDS, |m: &Raft, s: &State| {
            s.broken().is_some_and(Broken::is_final)
                || disruption::everyone_can_take_over(m, s, m.bounds().calm_rounds)
        }));
    }
    if bounds.window.is_some() {
        properties.push(Property::always(WITHIN_WINDOW, |m: &Raft, s: &State| within_window(m.bounds(), s)));
    }
    if bounds.writes_fail {
        properties.push(Property::always(NO_LEADER_WITHOUT_DISK, |_, s: &State| {
            s.broken() != Some(Broken::LeadsWithoutDisk)
        }));
    }
    // Of two nodes a majority can spare none.
    if bounds.calm_rounds > 0 && bounds.pre_vote && bounds.nodes > 2 {
        properties.push(Property::always(NO_DISRUPTION, |m: &Raft, s: &State| {
            s.broken().is_some_and(Broken::is_final)
                || disruption::nobody_disrupts(m, s, m.bounds().calm_rounds)
        }));
    }
    if bounds.calm_rounds > 0 && bounds.check_quorum && bounds.nodes > 1 {
        properties.push(Property::always(NO_LONE_LEADER, |m: &Raft, s: &State| {
            s.broken().is_some_and(Broken::is_final)
                || disruption::nobody_leads_alone(m, s, m.bounds().calm_rounds)
        }));
    }
    properties.push(Property::always(DEAD_IS_INERT, |_, s: &State| s.broken() != Some(Broken::DeadNotInert)));
    if !bounds.removes_dead_messages {
        properties
            .push(Property::always(DEAD_STAYS_DEAD, |_, s: &State| s.broken() != Some(Broken::DeadRevived)));
    }
    properties
}

/// The property of that name, if the box judges it.
///
/// # Errors
///
/// A line that names the choices.
pub fn named(bounds: &Bounds, name: &str) -> Result<&'static str, String> {
    let names: Vec<&'static str> = of(bounds).iter().map(|property| property.name).collect();
    let unknown =
        || format!("{} judges no property \"{name}\"; it judges {}", bounds.full_name(), names.join(", "));
    names.iter().copied().find(|property| *property == name).ok_or_else(unknown)
}

/// The properties of Raft, in the order of docs/properties.md.
fn raft() -> Vec<Property<Raft>> {
    use Violation as V;
    vec![
        Property::always(V::ElectionSafety.name(), |_, s: &State| {
            history::election_safety(s.servers().iter().map(|server| server.history))
        }),
        Property::always(V::OneVotePerTerm.name(), |_, s: &State| keeps(s, V::OneVotePerTerm)),
        Property::always(V::TermMonotonic.name(), |_, s: &State| keeps(s, V::TermMonotonic)),
        Property::always(V::VoteStable.name(), |_, s: &State| keeps(s, V::VoteStable)),
        Property::always(V::LeaderAppendOnly.name(), |_, s: &State| keeps(s, V::LeaderAppendOnly)),
        Property::always(V::LogMatching.name(), |_, s: &State| log_matching(s)),
        Property::always(V::LogShape.name(), |_, s: &State| {
            s.servers()
                .iter()
                .all(|server| node::log_shape(server.node.durable()) && node::log_shape(server.durable()))
        }),
        Property::always(V::CommitWithinLog.name(), |_, s: &State| keeps(s, V::CommitWithinLog)),
        Property::always(V::CommitMonotonic.name(), |_, s: &State| keeps(s, V::CommitMonotonic)),
        Property::always(V::CommitOnlyCurrentTerm.name(), |_, s: &State| keeps(s, V::CommitOnlyCurrentTerm)),
        Property::always(V::CommittedOnQuorum.name(), |m: &Raft, s: &State| {
            let disks = s.servers().iter().map(|server| (server.node.id(), server.durable()));
            cluster::committed_on_quorum(m.bounds().config().voters(), disks, s.committed())
        }),
        Property::always(V::LeaderCompleteness.name(), |_, s: &State| {
            s.servers().iter().all(|server| cluster::leader_completeness(&server.node, s.committed()))
        }),
        Property::always(V::StateMachineSafety.name(), |_, s: &State| {
            let is_safe =
                |server: &Interned<Server>| cluster::state_machine_safety(&server.node, s.committed());
            keeps(s, V::StateMachineSafety) && s.servers().iter().all(is_safe)
        }),
        Property::always(V::MatchIndexValid.name(), |_, s: &State| match_index_valid(s)),
        Property::always(V::PersistBeforeSend.name(), |_, s: &State| keeps(s, V::PersistBeforeSend)),
        Property::always(V::Refinement.name(), |_, s: &State| {
            history::refines_proposals(s.committed(), |value| (1..=s.spent().proposals).contains(&value))
        }),
    ]
}

/// A dead message can do nothing. Judged when it is removed, and in every state where none is removed.
pub const DEAD_IS_INERT: &str = "DeadIsInert";
/// A message that is dead in a state is dead in all its successors: what makes removing it sound. Judged on the unreduced
/// network, and by random walks.
pub const DEAD_STAYS_DEAD: &str = "DeadStaysDead";
/// From every reachable state, a calm schedule commits something new on every node ([`calm`]).
pub const NO_WEDGE: &str = "NoWedge";
/// With pre-vote, nobody who was cut off disrupts the cluster by returning ([`disruption`]).
pub const NO_DISRUPTION: &str = "NoDisruption";
/// Once a leader has settled, a read through any node is answered ([`disruption`]).
pub const READS_ARE_ANSWERED: &str = "ReadsAreAnswered";
/// A leader that has settled can hand the leadership to each follower ([`disruption`]).
pub const TRANSFER_SUCCEEDS: &str = "TransferSucceeds";
/// With check-quorum, a leader that reaches nobody steps down ([`disruption`]).
pub const NO_LONE_LEADER: &str = "NoLoneLeader";
/// Who is told that its disk refuses writes does not lead.
pub const NO_LEADER_WITHOUT_DISK: &str = "NoLeaderWithoutDisk";
/// Whatever was staged of a snapshot is of one source.
pub const SNAPSHOT_INTACT: &str = "SnapshotIntact";
/// No more is on its way to a follower than the window allows, and a leader knows how much that is.
pub const WITHIN_WINDOW: &str = "WithinWindow";
/// No node blames a peer that did nothing wrong.
pub const NO_FALSE_BLAME: &str = "NoFalseBlame";

fn keeps(state: &State, violation: Violation) -> bool {
    state.broken().is_none_or(|broken| !broken.is(violation))
}

/// Logs, in memory and on disk, against each other and against the entries in flight.
fn log_matching(state: &State) -> bool {
    let in_memory = state.servers().iter().map(|server| server.node.log());
    let on_disk = state.servers().iter().map(|server| server.durable().log());
    // A disk that has what the memory has is not looked at twice.
    let differs = |(disk, memory): &(&Log<u8>, &Log<u8>)| disk != memory;
    let on_disk = on_disk.zip(in_memory.clone()).filter(differs).map(|(disk, _)| disk);
    let logs = || in_memory.clone().chain(on_disk.clone());
    let pairwise = logs()
        .enumerate()
        .all(|(i, a)| logs().skip(i + 1).all(|b| cluster::log_matching(a, b, state.committed())));
    let in_flight = |packet: &Interned<Packet>| match &packet.message {
        Message::AppendEntries { prev_log, entries, .. } if !entries.is_empty() => {
            logs().all(|log| cluster::append_matching(log, *prev_log, entries, state.committed()))
        }
        Message::AppendEntries { .. }
        | Message::RequestVote { .. }
        | Message::RequestVoteReply { .. }
        | Message::AppendEntriesReply(_)
        | Message::PreVote { .. }
        | Message::PreVoteGranted
        | Message::InstallSnapshot(_)
        | Message::InstallSnapshotReply { .. }
        | Message::ReadIndex { .. }
        | Message::ReadIndexReply { .. }
        | Message::ReadRound { .. }
        | Message::ReadRoundReply { .. }
        | Message::TimeoutNow
        | Message::HigherTerm => true,
    };
    pairwise && state.network().packets().iter().all(in_flight)
}

fn match_index_valid(state: &State) -> bool {
    let leaders = state.servers().iter().filter(|server| server.node.is_leader());
    leaders.into_iter().all(|leader| {
        state.servers().iter().all(|follower| {
            cluster::match_index_valid(
                &leader.node,
                follower.node.id(),
                follower.durable(),
                state.committed(),
            )
        })
    })
}

fn within_window(bounds: &Bounds, state: &State) -> bool {
    let Some((entries, bytes)) = bounds.window else { return true };
    let fits = |node: &Node<u8>, progress: &Progress| match progress.pace {
        Pace::Probe { .. } => true,
        // Who lacks nothing that was compacted can install nothing, and its transfer would never end.
        Pace::Snapshot { .. } => progress.match_index < node.log().base().index,
        Pace::Replicate { bytes_in_flight } => {
            // Every entry weighs one byte, and none that is compacted is counted.
            let base = node.log().base().index;
            let known = progress.match_index.max(base).0;
            let weight = progress.next_index.previous().0.saturating_sub(known);
            let is_known = u64::try_from(bytes_in_flight) == Ok(weight);
            is_known && progress.in_flight() <= entries && bytes_in_flight <= bytes
        }
    };
    state.servers().iter().all(|server| match server.node.role() {
        Role::Follower { .. } | Role::PreCandidate { .. } | Role::Candidate { .. } => true,
        Role::Leader { progress, .. } => progress.iter().all(|(_, known)| fits(&server.node, known)),
    })
}
