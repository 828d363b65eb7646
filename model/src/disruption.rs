//! Nobody who returns disrupts: with pre-vote, a node that was cut off for however long comes back to the leader that the
//! others kept (thesis §9.6).
//!
//! Judged in every state of a box with pre-vote: the calm [schedule](crate::schedule) runs until a leader has settled; then
//! each follower that a majority can spare is cut off in turn, times out again and again, and is let back in together with
//! all that it said meanwhile. The leader must lead on, in its term. With check-quorum the leader is cut off in its turn, and must
//! not go on for long.

use crate::schedule::{Links, Schedule};
use crate::system::{Raft, State};
use seaworthy_protocol::{NodeId, NodeSet, is_majority};

/// Does a leader that has settled within `limit` rounds outlast each follower's return?
#[must_use]
pub fn nobody_disrupts(model: &Raft, state: &State, limit: usize) -> bool {
    let all = NodeSet::first(model.bounds().nodes);
    let Some((schedule, leader)) = settle(model, state, limit) else { return true };
    let mut spared = all.without(leader).iter().filter(|id| is_majority(all, all.without(*id)));
    spared.all(|away| {
        let mut schedule = schedule.clone();
        let term = schedule.node(leader).current_term();
        pass_while_cut_off(model, &mut schedule, away);
        schedule.set_links(Links::all(model.bounds().nodes));
        (0..a_while(all)).for_each(|_| schedule.pass_round());
        schedule.settled().is_some_and(|now| now.id() == leader && now.current_term() == term)
    })
}

/// Does a leader that has settled within `limit` rounds step down once it reaches nobody?
#[must_use]
pub fn nobody_leads_alone(model: &Raft, state: &State, limit: usize) -> bool {
    let Some((mut schedule, leader)) = settle(model, state, limit) else { return true };
    pass_while_cut_off(model, &mut schedule, leader);
    !schedule.node(leader).is_leader()
}

/// The calm schedule at the moment when a leader has settled. That none does is for [`calm`](crate::calm) to find.
fn settle<'a>(model: &'a Raft, state: &State, limit: usize) -> Option<(Schedule<'a>, NodeId)> {
    let mut schedule = Schedule::new(model, state, NodeSet::first(model.bounds().nodes));
    let leader = (0..limit).find_map(|_| {
        schedule.pass_round();
        schedule.settled()
    })?;
    Some((schedule, leader.id()))
}

fn pass_while_cut_off(model: &Raft, schedule: &mut Schedule<'_>, away: NodeId) {
    let nodes = model.bounds().nodes;
    schedule.set_links(Links::all(nodes).without(away));
    (0..a_while(NodeSet::first(nodes))).for_each(|_| schedule.pass_round());
}

/// As many rounds as give everyone three turns: to lose patience, to act on it, and to see what comes of it.
fn a_while(nodes: NodeSet) -> usize {
    3 * nodes.len()
}
