//! The node as a machine that is stepped, in a world of a few vectors: what it does at which moment, and whom it answers.

#[path = "node_loop/world.rs"]
mod world;

use seaworthy::{Compaction, RequestError, Stop, Timing};
use seaworthy_protocol::{Message, NodeId};
use std::time::Duration;
use world::{Answered, Nodes, n};

const MS: Duration = Duration::from_millis(1);

#[test]
fn a_leader_is_elected_within_its_time_out_and_commits() {
    let mut nodes = Nodes::new(3);
    let leader = nodes.elect();
    assert!(nodes.now <= Timing::default().election_max() + 20 * MS, "{:?}", nodes.now);
    let token = nodes.propose(leader, 7);
    nodes.settle();
    assert_eq!(nodes.answer(token), Some(Answered::Applied(2)), "the no-op is the first entry");
    nodes.pass(60 * MS);
    assert!(n(3).all(|id| nodes.applied(id) == [7]), "a heartbeat tells the followers");
}

#[test]
fn an_idle_leader_sends_heartbeats_only() {
    let mut nodes = Nodes::new(3);
    let leader = nodes.elect();
    nodes.pass(500 * MS);
    nodes.sent.clear();
    nodes.written = 0;
    nodes.pass(500 * MS);
    let from_leader: Vec<_> = nodes.sent.iter().filter(|envelope| envelope.from == leader).collect();
    assert_eq!(from_leader.len(), 20, "one to each of two followers every 50 ms");
    let is_heartbeat = |message: &Message<Vec<_>>| matches!(message, Message::AppendEntries { entries, .. } if entries.is_empty());
    assert!(from_leader.iter().all(|envelope| is_heartbeat(&envelope.message)));
    assert_eq!(nodes.sent.len(), 40, "and an answer to each");
    assert_eq!(nodes.written, 0, "nothing is written");
}

#[test]
fn election_time_outs_are_drawn_afresh_each_time() {
    let mut nodes = Nodes::new(2);
    nodes.cut = true;
    let mut waits = Vec::new();
    let mut before = nodes.now;
    for _ in 0..40 {
        let due = nodes.timer(first());
        waits.push(due - before);
        before = due;
        nodes.pass_until(due);
    }
    let timing = Timing::default();
    assert!(
        waits.iter().all(|wait| (timing.election_min()..=timing.election_max()).contains(wait)),
        "{waits:?}"
    );
    waits.sort_unstable();
    waits.dedup();
    assert!(waits.len() > 35, "hardly two are the same: {waits:?}");
}

#[test]
fn a_node_that_stood_still_hears_its_leader_before_it_loses_patience() {
    let mut nodes = Nodes::new(3);
    let leader = nodes.elect();
    nodes.pass(100 * MS);
    nodes.sent.clear();
    let follower = n(3).find(|id| *id != leader).unwrap();
    nodes.now += Timing::default().election_max() + MS;
    nodes.turn(leader);
    nodes.turn(follower);
    let said: Vec<_> = nodes.sent.iter().filter(|envelope| envelope.from == follower).collect();
    assert!(!said.is_empty(), "it answers the heartbeat that waited for it");
    assert!(!said.iter().any(|envelope| matches!(envelope.message, Message::PreVote { .. })), "{said:?}");
}

#[test]
fn sixty_four_proposals_of_one_turn_make_one_message_for_each_follower_and_one_write() {
    let mut nodes = Nodes::new(3);
    let leader = nodes.elect();
    nodes.pass(100 * MS);
    nodes.sent.clear();
    nodes.written = 0;
    let tokens: Vec<_> = (0..64).map(|command| nodes.ask_to_propose(leader, command)).collect();
    nodes.turn(leader);
    let appends = |message: &Message<Vec<_>>| matches!(message, Message::AppendEntries { entries, .. } if entries.len() == 64);
    assert_eq!(nodes.sent.iter().filter(|envelope| appends(&envelope.message)).count(), 2);
    assert_eq!((nodes.sent.len(), nodes.written), (2, 1));
    nodes.settle();
    assert!(tokens.iter().all(|token| matches!(nodes.answer(*token), Some(Answered::Applied(_)))));
}

#[test]
fn a_vote_waits_for_the_disk() {
    let mut nodes = Nodes::new(3);
    nodes.disks_work = false;
    nodes.pass(400 * MS);
    let is_vote = |message: &Message<Vec<_>>| {
        matches!(message, Message::RequestVote { .. } | Message::RequestVoteReply { .. })
    };
    assert!(nodes.written > 0, "somebody wants to be elected");
    assert!(!nodes.sent.iter().any(|envelope| is_vote(&envelope.message)));
    nodes.disks_work = true;
    nodes.settle();
    assert!(nodes.sent.iter().any(|envelope| is_vote(&envelope.message)));
}

#[test]
fn a_follower_names_the_leader() {
    let mut nodes = Nodes::new(3);
    let leader = nodes.elect();
    let follower = n(3).find(|id| *id != leader).unwrap();
    let token = nodes.propose(follower, 7);
    let refused = RequestError::NotLeader { leader: Some(leader) };
    assert_eq!(nodes.answer(token), Some(Answered::Refused(refused)));
    assert_eq!(refused.to_string(), format!("this node does not lead; node {} does", leader.get()));
}

#[test]
fn reads_of_one_turn_share_one_question_and_see_what_was_written() {
    let mut nodes = Nodes::new(3);
    let leader = nodes.elect();
    nodes.propose(leader, 7);
    nodes.settle();
    nodes.sent.clear();
    let tokens: Vec<_> = (0..100).map(|_| nodes.ask_to_read(leader)).collect();
    nodes.turn(leader);
    let rounds = nodes.sent.iter().filter(|envelope| matches!(envelope.message, Message::ReadRound { .. }));
    assert_eq!(rounds.count(), 2, "one to each follower");
    nodes.settle();
    assert!(tokens.iter().all(|token| nodes.answer(*token) == Some(Answered::Read(vec![7]))));
}

#[test]
fn a_follower_answers_reads_too_and_waits_for_no_heartbeat() {
    let mut nodes = Nodes::new(3);
    let leader = nodes.elect();
    let follower = n(3).find(|id| *id != leader).unwrap();
    nodes.propose(leader, 7);
    nodes.settle();
    assert!(nodes.applied(follower).is_empty(), "it is committed, and only the leader knows");
    let token = nodes.ask_to_read(follower);
    nodes.turn(follower);
    nodes.settle();
    assert_eq!(nodes.answer(token), Some(Answered::Read(vec![7])));
}

#[test]
fn a_followers_read_makes_its_leader_speak_up_only_if_something_is_newly_committed() {
    let mut nodes = Nodes::new(3);
    let leader = nodes.elect();
    let follower = n(3).find(|id| *id != leader).unwrap();
    nodes.propose(leader, 7);
    let mut said = Vec::new();
    for _ in 0..3 {
        nodes.settle();
        nodes.sent.clear();
        nodes.ask_to_read(follower);
        nodes.turn(follower);
        nodes.settle();
        let messages = nodes.sent.iter().map(|envelope| &envelope.message);
        said.push(messages.filter(|message| matches!(message, Message::AppendEntries { .. })).count());
    }
    assert_eq!(said, [2, 0, 0], "one to each follower, once");
}

#[test]
fn a_read_whose_question_is_lost_is_asked_for_again() {
    let mut nodes = Nodes::new(3);
    let leader = nodes.elect();
    let follower = n(3).find(|id| *id != leader).unwrap();
    nodes.pass(100 * MS);
    let token = nodes.ask_to_read(follower);
    nodes.turn(follower);
    nodes.lose_all();
    nodes.pass(120 * MS);
    assert_eq!(nodes.answer(token), Some(Answered::Read(Vec::new())));
}

#[test]
fn a_read_without_a_leader_fails_in_time() {
    let mut nodes = Nodes::new(3);
    nodes.cut = true;
    let token = nodes.ask_to_read(first());
    nodes.turn(first());
    nodes.pass(900 * MS);
    assert_eq!(nodes.answer(token), None);
    nodes.pass(200 * MS);
    assert_eq!(nodes.answer(token), Some(Answered::Refused(RequestError::Unavailable)));
}

#[test]
fn what_a_deposed_leader_proposed_is_unknown() {
    let mut nodes = Nodes::new(3);
    let leader = nodes.elect();
    nodes.pass(100 * MS);
    nodes.cut = true;
    let token = nodes.propose(leader, 7);
    nodes.pass(100 * MS);
    assert_eq!(nodes.answer(token), None, "it waits");
    // Nobody answers, so it steps down.
    nodes.pass(700 * MS);
    assert_eq!(nodes.answer(token), Some(Answered::Refused(RequestError::Unknown)));
}

#[test]
fn a_leader_whose_disk_is_full_lets_another_lead_and_writes_when_there_is_room() {
    let mut nodes = Nodes::new(3);
    let leader = nodes.elect();
    nodes.pass(100 * MS);
    nodes.refuses.insert(leader);
    let token = nodes.propose(leader, 7);
    nodes.settle();
    assert!(!nodes.leads(leader), "it cannot write, so it must not lead");
    let heir = nodes.elect();
    assert_ne!(heir, leader);
    let other = nodes.propose(heir, 8);
    nodes.settle();
    assert!(matches!(nodes.answer(other), Some(Answered::Applied(_))));
    nodes.refuses.clear();
    nodes.pass(400 * MS);
    assert_eq!(nodes.applied(leader).last(), Some(&8), "what was refused was tried again");
    assert!(nodes.answer(token).is_some(), "who waited was answered");
}

#[test]
fn a_node_whose_disk_fails_stops_and_answers_everyone_once() {
    let mut nodes = Nodes::new(3);
    let leader = nodes.elect();
    nodes.pass(100 * MS);
    nodes.disks_work = false;
    let write = nodes.propose(leader, 7);
    let read = nodes.ask_to_read(leader);
    nodes.turn(leader);
    nodes.fail_disk(leader);
    let stop = nodes.try_turn(leader).unwrap_err();
    assert!(matches!(stop, Stop::Disk(_)), "{stop}");
    assert_eq!(nodes.answer(write), Some(Answered::Refused(RequestError::Unknown)));
    assert_eq!(nodes.answer(read), Some(Answered::Refused(RequestError::Unavailable)));
}

#[test]
fn a_leadership_is_handed_over() {
    let mut nodes = Nodes::new(3);
    let leader = nodes.elect();
    nodes.pass(100 * MS);
    let heir = n(3).find(|id| *id != leader).unwrap();
    let token = nodes.ask_to_transfer(leader, heir);
    nodes.turn(leader);
    nodes.settle();
    assert!(nodes.leads(heir));
    assert_eq!(nodes.answer(token), Some(Answered::Transferred));
    let refused = nodes.ask_to_transfer(heir, heir);
    nodes.turn(heir);
    assert_eq!(nodes.answer(refused), Some(Answered::Refused(RequestError::CannotTransfer { to: heir })));
}

#[test]
fn a_transfer_to_a_node_that_is_cut_off_times_out() {
    let mut nodes = Nodes::new(3);
    let leader = nodes.elect();
    let heir = n(3).find(|id| *id != leader).unwrap();
    nodes.pass(100 * MS);
    nodes.propose(leader, 7);
    nodes.deaf.insert(heir);
    let token = nodes.ask_to_transfer(leader, heir);
    nodes.turn(leader);
    nodes.pass(700 * MS);
    assert_eq!(nodes.answer(token), Some(Answered::Refused(RequestError::TransferTimedOut)));
}

#[test]
fn too_many_proposals_are_refused_at_once() {
    let mut nodes = Nodes::new(3);
    let leader = nodes.elect();
    nodes.pass(100 * MS);
    nodes.cut = true;
    let tokens: Vec<_> = (0..world::LIMIT + 1).map(|command| nodes.ask_to_propose(leader, command)).collect();
    nodes.turn(leader);
    let overloaded = Some(Answered::Refused(RequestError::Overloaded));
    assert_eq!(tokens.iter().filter(|token| nodes.answer(**token) == overloaded).count(), 1);
    assert_eq!(nodes.answer(tokens[tokens.len() - 1]), overloaded, "the last one is");
}

#[test]
fn a_command_that_is_too_large_is_refused_at_once() {
    let mut nodes = Nodes::with_command_bytes(3, 7);
    let leader = nodes.elect();
    let token = nodes.propose(leader, 7);
    let refused = RequestError::TooLarge { bytes: 8, limit: 7 };
    assert_eq!(nodes.answer(token), Some(Answered::Refused(refused)));
}

/// Proposes so many commands, and lets each be committed.
fn propose(nodes: &mut Nodes, leader: NodeId, count: u64) {
    for command in 0..count {
        nodes.propose(leader, command);
        nodes.settle();
    }
}

/// It gets them from the log, and no snapshot: that is for one that has been away.
#[test]
fn what_a_slow_follower_lacks_stays_in_its_leaders_log_within_limits() {
    let mut nodes = Nodes::new(3);
    nodes.compact(Compaction { every: 10, keep: 5, keep_for_slow: 40 });
    let leader = nodes.elect();
    let slow = n(3).find(|id| *id != leader).unwrap();
    nodes.pass(100 * MS);
    propose(&mut nodes, leader, 30);
    let (base, last) = nodes.log(leader);
    assert!(last - base <= 15, "nobody lacks anything: {base} to {last}");
    nodes.deaf.insert(slow);
    propose(&mut nodes, leader, 30);
    let (base, end) = nodes.log(leader);
    assert_eq!(nodes.log(slow).1, last);
    assert!(base <= last && end == last + 30, "{base} to {end}");
    propose(&mut nodes, leader, 30);
    let (base, last) = nodes.log(leader);
    assert!(last - base <= 15, "it is too far behind: {base} to {last}");
}

fn first() -> NodeId {
    NodeId::new(1).unwrap()
}
