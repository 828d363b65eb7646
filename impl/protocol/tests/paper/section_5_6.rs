//! §5.6, Timing and availability. Times are a driver's: the protocol has no clock. What it owes is that nothing but availability
//! depends on them.

use crate::cluster::{Cluster, cluster};
use crate::server::{Server, node};

/// §5.6: "safety must not depend on timing: the system must not produce incorrect results just because some event happens more
/// quickly or slowly than expected". Three servers, every sequence of four untimely events.
#[test]
fn safety_does_not_depend_on_timing() {
    type Event = fn(&mut Cluster, u8);
    let events: [Event; 4] = [
        |three, number| drop(three.let_server(number, Server::times_out)), // much too early
        |three, number| drop(three.let_server(number, Server::heartbeats)),
        |three, number| drop(three.let_server(number, |server| server.is_asked('x'))),
        |three, number| three.crash_and_restart(number),
    ];
    let steps: Vec<(Event, u8)> =
        events.into_iter().flat_map(|event| [1, 2, 3].map(|number| (event, number))).collect();
    for sequence in 0..steps.len().pow(4) {
        let mut three = cluster(3);
        three.campaign(1);
        let mut committed = String::new();
        for place in 0..4 {
            let (event, number) = steps[sequence / steps.len().pow(place) % steps.len()];
            event(&mut three, number);
            for _ in 0..3 {
                three.deliver_next(); // much too late for all but three messages
            }
            committed = assert_is_safe(&three, committed);
        }
    }
}

/// One leader a term, and one sequence of committed entries that only grows.
fn assert_is_safe(three: &Cluster, committed: String) -> String {
    let leaders = three.leaders();
    let mut terms: Vec<_> = leaders.iter().map(|number| three.server(*number).term()).collect();
    terms.dedup();
    assert_eq!(terms.len(), leaders.len());
    three.all().map(|server| server.applied().trim_end_matches(']').to_owned()).fold(
        committed,
        |longest, applied| {
            assert!(
                longest.starts_with(&applied) || applied.starts_with(&longest),
                "{applied} and {longest}"
            );
            if applied.len() > longest.len() { applied } else { longest }
        },
    )
}

/// §5.6: "without a steady leader, Raft cannot make progress".
#[test]
fn without_a_leader_nothing_is_committed() {
    let mut three = cluster(3);
    for number in [1, 2, 3] {
        assert_eq!(three.let_server(number, |server| server.is_asked('x')).answers(), ["not leader"]);
        three.heartbeat(number);
    }
    assert!(three.all().all(|server| server.commit_index() == 0));
}

/// §5.6: "When the leader crashes, the system will be unavailable for roughly the election timeout": until one time-out elapses, and
/// no longer than an election takes.
#[test]
fn when_the_leader_crashes_one_time_out_makes_the_cluster_available_again() {
    let mut three = cluster(3);
    three.campaign(1);
    three.away([1]);
    assert_eq!(three.let_server(2, |n2| n2.is_asked('x')).answers(), ["not leader, try n1"]);
    three.campaign(2);
    three.propose(2, 'x');
    assert_eq!(three.server(2).applied(), "[1@1:- 2@2:- 3@2:x]");
}

/// §5.6: an election takes a broadcast: "the average time it takes a server to send RPCs in parallel to every server in the cluster
/// and receive their responses".
#[test]
fn an_election_takes_one_broadcast_and_its_answers() {
    let mut five = cluster(5);
    assert_eq!(five.let_server(1, Server::times_out).says().len(), 4);
    for voter in [2, 3] {
        five.deliver(1, voter);
        five.deliver(voter, 1);
    }
    assert_eq!(five.leaders(), [1]);
}

/// §5.6: "Raft's RPCs typically require the recipient to persist information to stable storage", and those that do not need not wait.
#[test]
fn a_recipient_persists_before_it_answers_and_answers_at_once_what_it_need_not_persist() {
    let mut n2 = node(2).in_term(1).with_slow_disk();
    let heartbeat = n2.hears("n1@1→n2 AppendEntries prev=0@0 [] commit=0");
    assert_eq!(heartbeat.says_at_once(), ["n2@1→n1 matched 0"]);
    let entries = n2.hears("n1@1→n2 AppendEntries prev=0@0 [1@1] commit=0");
    assert_eq!(
        (entries.says_at_once(), entries.says_after_writes()),
        (vec![], vec!["n2@1→n1 matched 1".into()])
    );
}
