//! Reachability witnesses: situations that must occur within the boxes, or the properties above would hold of nothing.
//!
//! A witness that needs an edge, or two moments, cannot be read off a state. A wrapper model searches for it with one flag
//! beside the state, so the pinned boxes stay as they are.

use crate::server::Event;
use crate::system::{Action, Raft, State};
use crate::trace::{self, Script};
use seaworthy_protocol::{Entry, Index, Message, Node, NodeId, Role, Term};
use stateright::{Checker, HasDiscoveries, Model, Property};

/// A situation to be found.
#[derive(Clone, Copy)]
pub struct Witness {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it shows.
    pub about: &'static str,
    /// The box in which it is found.
    pub bounds: &'static str,
    /// How an edge moves the flag on from 0; [`FOUND`] ends the search.
    advance: fn(u8, &State, Action, &State) -> u8,
}

const FOUND: u8 = u8::MAX;

/// All witnesses.
#[must_use]
pub const fn all() -> [Witness; 8] {
    [
        Witness {
            name: "indirect-commit",
            about: "an entry of an earlier term commits with one of the leader's own (§5.4.2)",
            bounds: "three",
            advance: indirect_commit,
        },
        Witness {
            name: "two-leaders",
            about: "two leaders of different terms at one moment: the two sides of a partition",
            bounds: "three",
            advance: |_, _, _, after| found(two_leaders(after)),
        },
        Witness {
            name: "rollback",
            about: "a node gives up two or more uncommitted entries for a newer leader's log (§5.3)",
            bounds: "three",
            advance: |_, before, action, after| found(lost_entries(before, action, after) >= 2),
        },
        Witness {
            name: "split-vote",
            about: "every vote of a term is cast and nobody has a majority (§5.2)",
            bounds: "three",
            advance: |_, _, _, after| found(split_vote(after)),
        },
        Witness {
            name: "restart-between-vote-and-reply",
            about: "a voter crashes after its vote is durable and before the grant leaves; asked again, it elects",
            bounds: "two",
            advance: restart_between_vote_and_reply,
        },
        Witness {
            name: "old-append-after-newer",
            about: "an append answered already is still in flight after a newer one arrived: delivered now, it is a late duplicate",
            bounds: "three",
            advance: |_, _, _, after| found(old_append_after_newer(after)),
        },
        Witness {
            name: "commit-from-heartbeat",
            about: "a follower learns from a message without entries that its entries are committed",
            bounds: "three",
            advance: commit_from_heartbeat,
        },
        Witness {
            name: "conflict-across-crash",
            about: "a conflicting append is in flight while its receiver crashes, and cuts the log after the restart",
            bounds: "three",
            advance: conflict_across_crash,
        },
    ]
}

/// The witness of that name.
#[must_use]
pub fn named(name: &str) -> Option<Witness> {
    all().into_iter().find(|witness| witness.name == name)
}

/// Searches a box for a witness, and leaves out of the path whatever it does not need. The script is text: the actions of
/// one model mean nothing to another.
#[must_use]
pub fn find(raft: Raft, witness: Witness, threads: usize) -> Option<String> {
    let hunt = Hunt { raft, witness };
    let checker = hunt.checker().threads(threads).finish_when(HasDiscoveries::Any).spawn_bfs().join();
    let actions = checker.discovery(witness.name)?.into_actions();
    let model = &checker.model().raft;
    let shows = |script: &Script, states: &[State]| witness.is_shown_by(&script.0, states);
    Some(trace::shrink(model, Script(actions), shows).to_string())
}

impl Witness {
    /// Does a path show this?
    #[must_use]
    pub fn is_shown_by(&self, actions: &[Action], states: &[State]) -> bool {
        let edges = states.iter().zip(actions).zip(states.iter().skip(1));
        edges.fold(0, |flag, ((before, action), after)| self.moved(flag, before, *action, after)) == FOUND
    }

    fn moved(&self, flag: u8, before: &State, action: Action, after: &State) -> u8 {
        if flag == FOUND { FOUND } else { (self.advance)(flag, before, action, after) }
    }
}

/// The box with a flag beside its state.
struct Hunt {
    raft: Raft,
    witness: Witness,
}

impl Model for Hunt {
    type State = (State, u8);
    type Action = Action;

    fn init_states(&self) -> Vec<Self::State> {
        vec![(self.raft.start(), 0)]
    }

    fn actions(&self, state: &Self::State, actions: &mut Vec<Action>) {
        self.raft.list_actions(&state.0, actions);
    }

    fn next_state(&self, (last, flag): &Self::State, action: Action) -> Option<Self::State> {
        let state = self.raft.transition(last, action)?.state;
        let flag = self.witness.moved(*flag, last, action, &state);
        Some((state, flag))
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::sometimes(self.witness.name, |_, state: &Self::State| state.1 == FOUND)]
    }
}

const fn found(condition: bool) -> u8 {
    if condition { FOUND } else { 0 }
}

fn node(state: &State, id: NodeId) -> &'static Node<u8> {
    &state.server(id).value().node
}

fn nodes(state: &State) -> impl Iterator<Item = &'static Node<u8>> + Clone {
    state.servers().iter().map(|server| &server.value().node)
}

fn indirect_commit(_: u8, before: &State, action: Action, after: &State) -> u8 {
    let (old, new) = (node(before, action.node), node(after, action.node));
    let count = usize::try_from(new.commit_index().0.saturating_sub(old.commit_index().0)).unwrap_or(0);
    let newly = new.log().after(old.commit_index(), count);
    found(new.is_leader() && newly.iter().any(|entry| entry.term < new.current_term()))
}

fn two_leaders(state: &State) -> bool {
    nodes(state).filter(|node| node.is_leader()).count() >= 2
}

/// How many entries a node lost by taking in an append.
fn lost_entries(before: &State, action: Action, after: &State) -> usize {
    let Event::Deliver(_) = action.event else { return 0 };
    let (old, new) = (node(before, action.node).log().entries(), node(after, action.node).log().entries());
    let common = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    old.len() - common
}

fn split_vote(state: &State) -> bool {
    let all = nodes(state);
    let Some(term) = all.clone().map(Node::current_term).max() else { return false };
    let votes_for = |id| all.clone().filter(|node| node.voted_for() == Some(id)).count();
    let all_cast = all.clone().all(|node| node.current_term() == term && node.voted_for().is_some());
    all_cast && all.clone().all(|node| votes_for(node.id()) * 2 <= all.clone().count())
}

/// The flag holds the term of the vote that outlived its voter.
fn restart_between_vote_and_reply(flag: u8, before: &State, action: Action, after: &State) -> u8 {
    if flag != 0 {
        let elected =
            nodes(after).any(|node| node.is_leader() && node.current_term() == Term(u64::from(flag)));
        return if elected { FOUND } else { flag };
    }
    let Event::Crash { .. } = action.event else { return 0 };
    let (old, new) = (before.server(action.node).value(), after.server(action.node).value());
    let voted_for_another = new.durable().voted_for().is_some_and(|candidate| candidate != action.node);
    let reply_was_held = old.durable().voted_for() != new.durable().voted_for();
    if voted_for_another && reply_was_held { u8::try_from(new.term_on_disk().0).unwrap_or(0) } else { 0 }
}

/// Something that a leader said in the term it leads, as (leader, prev, entries).
fn appends_of_leaders(
    state: &State,
) -> impl Iterator<Item = (&'static Node<u8>, NodeId, Index, &'static [Entry<u8>])> {
    state.network().packets().iter().filter_map(move |packet| match &packet.value().message {
        Message::AppendEntries { prev_log, entries, .. } => {
            let leader = node(state, packet.from);
            let leads = leader.is_leader() && leader.current_term() == packet.term;
            (leads && !entries.is_empty()).then_some((leader, packet.to, prev_log.index, entries.as_slice()))
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
        | Message::HigherTerm => None,
    })
}

/// The append is still in flight, though its leader has the answer to it and the follower has taken in more since.
fn old_append_after_newer(state: &State) -> bool {
    appends_of_leaders(state).any(|(leader, to, prev, entries)| {
        let Role::Leader { progress, .. } = leader.role() else { return false };
        let end = prev.plus(entries.len());
        let follower = node(state, to);
        let is_answered = progress.get(to).is_some_and(|progress| progress.match_index >= end);
        is_answered && follower.leader() == Some(leader.id()) && follower.log().last_index() > end
    })
}

fn commit_from_heartbeat(_: u8, before: &State, action: Action, after: &State) -> u8 {
    let Event::Deliver(packet) = action.event else { return 0 };
    let Message::AppendEntries { entries, .. } = &packet.message else { return 0 };
    let (old, new) = (node(before, action.node), node(after, action.node));
    found(entries.is_empty() && new.commit_index() > old.commit_index())
}

/// The flag holds the node that crashed.
fn conflict_across_crash(flag: u8, before: &State, action: Action, after: &State) -> u8 {
    if flag != 0 {
        let cut = action.node.get() == flag && lost_entries(before, action, after) > 0;
        return if cut { FOUND } else { flag };
    }
    let Event::Crash { .. } = action.event else { return 0 };
    let log = node(before, action.node).log();
    let conflicts = appends_of_leaders(before).any(|(_, to, prev, entries)| {
        let held = log.after(prev, entries.len());
        to == action.node && held.iter().zip(entries).any(|(held, new)| held.term != new.term)
    });
    if conflicts { action.node.get() } else { 0 }
}
