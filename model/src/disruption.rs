//! Nobody who returns disrupts: with pre-vote, a node that was cut off for however long comes back to the leader that the
//! others kept (thesis §9.6).
//!
//! Judged in every state of a box with pre-vote: the calm [schedule](crate::schedule) runs until a leader has settled; then
//! each follower that a majority can spare is cut off in turn, times out again and again, and is let back in together with
//! all that it said meanwhile: first the other followers hear it, then the leader too. The leader must lead on, in its term. With check-quorum the leader is cut off in its turn, and must
//! not go on for long. A leadership that is handed over passes on without anyone losing patience.

use crate::schedule::{Links, Schedule};
use crate::system::{Raft, State};
use seaworthy_protocol::{Message, NodeId, NodeSet, is_majority};

/// Does a leader that has settled within `limit` rounds outlast each follower's return?
#[must_use]
pub fn nobody_disrupts(model: &Raft, state: &State, limit: usize) -> bool {
    (0..usize::from(model.bounds().nodes)).all(|first| {
        let schedule =
            Schedule::new(model, state, NodeSet::first(model.bounds().nodes)).beginning_with(first);
        settle_in(schedule, limit)
            .is_none_or(|(schedule, leader)| outlasts_every_return(model, schedule, leader))
    })
}

fn outlasts_every_return(model: &Raft, schedule: Schedule<'_>, leader: NodeId) -> bool {
    let all = NodeSet::first(model.bounds().nodes);
    // A leadership that is being handed over is about to end, by its own will.
    if schedule.hands_over(leader) {
        return true;
    }
    // A grant on its way belongs to a canvass that is over. It counts in a later one of the same term: docs/deviations.md.
    let schedule = schedule.losing(|packet| matches!(packet.message, Message::PreVoteGranted));
    let mut spared = all.without(leader).iter().filter(|id| is_majority(all, all.without(*id)));
    spared.all(|away| {
        let mut schedule = schedule.clone();
        let term = schedule.node(leader).current_term();
        pass_while_cut_off(model, &mut schedule, away);
        // The others hear it first, and the leader last: were it heard by the leader at once, it would never get to ask them.
        let links = Links::all(model.bounds().nodes);
        schedule.set_links(links.clone().without_pair(leader, away));
        (0..a_while(all)).for_each(|_| schedule.pass_round());
        schedule.set_links(links);
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

/// Can a leader that has settled within `limit` rounds hand the leadership to each follower, in the next term?
#[must_use]
pub fn everyone_can_take_over(model: &Raft, state: &State, limit: usize) -> bool {
    let all = NodeSet::first(model.bounds().nodes);
    let Some((schedule, leader)) = settle(model, state, limit) else { return true };
    // A transfer that has begun takes what is left of its time, and what it has sent may still have its way.
    if schedule.node(leader).transfers_to().is_some() {
        return true;
    }
    let schedule = schedule.losing_what_is_in_flight();
    all.without(leader).iter().all(|to| {
        let mut schedule = schedule.clone();
        let term = schedule.node(leader).current_term();
        schedule.transfer(leader, to);
        // Who hears a leader does not lose patience: what happens is the transfer's doing.
        (0..a_while(all)).for_each(|_| schedule.pass_round());
        let heir = schedule.node(to);
        heir.is_leader() && Some(heir.current_term()) == term.next()
    })
}

/// Once a leader has settled within `limit` rounds, is a read through any node answered, though the first question is lost?
#[must_use]
pub fn reads_are_answered(model: &Raft, state: &State, limit: usize) -> bool {
    let all = NodeSet::first(model.bounds().nodes);
    let Some((schedule, leader)) = settle(model, state, limit) else { return true };
    all.iter().all(|node| {
        let mut schedule = schedule.clone();
        schedule.read(node, NEW_READ);
        // A read that is forwarded arrives; the leader's first question does not.
        schedule.pass_round();
        schedule.end_batch(leader);
        let mut schedule = schedule.losing_what_is_in_flight();
        (0..a_while(all)).for_each(|_| {
            schedule.pass_round();
            schedule.end_batch(leader);
        });
        schedule.has_answered(node, NEW_READ)
    })
}

/// No box has so many reads.
const NEW_READ: u8 = u8::MAX;

/// The calm schedule at the moment when a leader has settled. That none does is for [`calm`](crate::calm) to find.
fn settle<'a>(model: &'a Raft, state: &State, limit: usize) -> Option<(Schedule<'a>, NodeId)> {
    settle_in(Schedule::new(model, state, NodeSet::first(model.bounds().nodes)), limit)
}

fn settle_in(mut schedule: Schedule<'_>, limit: usize) -> Option<(Schedule<'_>, NodeId)> {
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
