//! No wedges: from every state there is a way to commit something new.
//!
//! The calm [schedule](crate::schedule) follows a state: the network heals, every node runs or all but one do. What is in flight
//! arrives, or is lost: the network of the model never forgets, so each state stands for those in which messages were lost too,
//! and a message that happens to be about must not be the only way out. First the leader's log must commit on every node without a client's help: what is old must commit by itself (§5.4.2, §8). Then one
//! of them proposes, and that must commit on every node too.
//!
//! This is possibility (AG EF, in the words of temporal logic), not liveness: it shows that no reachable state is one from
//! which the cluster cannot recover, not that it recovers under every schedule.

use crate::schedule::Schedule;
use crate::system::{Raft, State};
use seaworthy_protocol::{Node, NodeSet, Payload, is_majority};

/// What a client proposes in a calm schedule: no box goes that far.
const NEW: u8 = u8::MAX;

/// How many rounds of the calm schedule it takes, with all nodes running and with each minority of one node down, with what is
/// in flight arriving and with it lost, whichever is longest; nothing if one of them takes more than `limit`.
#[must_use]
pub fn rounds_to_commit(model: &Raft, state: &State, limit: usize) -> Option<usize> {
    let all = NodeSet::first(model.bounds().nodes);
    let without_one = all.iter().map(|down| all.without(down)).filter(|up| is_majority(all, *up));
    let mut schedules = std::iter::once(all).chain(without_one);
    schedules.try_fold(0, |longest, up| {
        let lucky = Schedule::new(model, state, up).with_everyone_patient();
        let unlucky = lucky.clone().losing_what_is_in_flight();
        let rounds = commits_within(limit, lucky)?.max(commits_within(limit, unlucky)?);
        Some(longest.max(rounds))
    })
}

fn commits_within(limit: usize, mut schedule: Schedule<'_>) -> Option<usize> {
    (1..=limit).find(|_| {
        schedule.pass_round();
        let Some(leader) = schedule.settled() else { return false };
        let is_committed = has_committed(leader);
        // Again, if a leader that stepped down took the first one with it: whatever the log of a settled leader holds is
        // committed.
        if !is_committed {
            schedule.propose(leader.id(), NEW);
        }
        is_committed
    })
}

fn has_committed(node: &Node<u8>) -> bool {
    node.log().prefix(node.commit_index()).iter().any(|entry| entry.payload == Payload::Command(NEW))
}
