//! §5.5, Follower and candidate crashes.

use crate::cluster::cluster;
use crate::server::{Server, node};

/// §5.5: "Raft handles these failures by retrying indefinitely; if the crashed server restarts, then the RPC will complete
/// successfully": AppendEntries to a follower.
#[test]
fn append_entries_to_a_crashed_follower_is_retried_until_it_restarts() {
    let mut three = cluster(3);
    three.campaign(1);
    three.away([2]);
    three.crash_and_restart(2);
    three.propose(1, 'x');
    for _ in 0..10 {
        three.heartbeat(1);
    }
    three.away([]);
    let said = three.heartbeat(1);
    assert!(said.contains(&"n2@1→n1 matched 2".to_owned()), "{said:?}");
}

/// §5.5: the same for RequestVote. Departure: a candidate retries with a new election, since a new term costs it nothing.
#[test]
fn a_request_for_a_vote_to_crashed_servers_is_retried_with_the_next_election() {
    let mut three = cluster(3);
    three.away([2, 3]);
    three.campaign(1);
    three.campaign(1);
    assert_eq!(three.leaders(), [0; 0]);
    three.away([3]);
    three.campaign(1);
    assert_eq!((three.leaders(), three.server(1).term()), (vec![1], 3));
}

/// §5.5: "If a server crashes after completing an RPC but before responding, then it will receive the same RPC again after it
/// restarts. Raft RPCs are idempotent, so this causes no harm." AppendEntries.
#[test]
fn a_follower_that_crashed_before_it_acknowledged_acknowledges_the_same_entries_again() {
    let request = "n1@1→n2 AppendEntries prev=0@0 [1@1 2@1] commit=0";
    let mut n2 = node(2).with_slow_disk();
    assert_eq!(n2.hears(request).says_after_writes(), ["n2@1→n1 matched 2"]);
    n2.completes_its_writes();
    n2.crashes_and_restarts();
    let again = n2.hears(request);
    assert_eq!(again.writes(), [""; 0]);
    assert_eq!(again.says_at_once(), ["n2@1→n1 matched 2"], "it is on the disk");
    assert_eq!(n2.log(), [1, 1]);
}

/// §5.5: the same for RequestVote: the voter remembers whom it voted for.
#[test]
fn a_voter_that_crashed_before_it_answered_grants_the_same_vote_again_and_no_other() {
    let mut n1 = node(1).with_slow_disk();
    n1.hears("n2@1→n1 RequestVote last=0@0");
    n1.completes_its_writes();
    n1.crashes_and_restarts();
    assert_eq!(n1.hears("n3@1→n1 RequestVote last=0@0").says(), ["n1@1→n3 vote denied"]);
    assert_eq!(n1.hears("n2@1→n1 RequestVote last=0@0").says(), ["n1@1→n2 vote granted"]);
}

/// §5.5: a server that crashes *before* completing a request has said nothing, and may do otherwise when it comes again.
#[test]
fn a_voter_that_crashed_before_its_vote_was_durable_has_said_nothing() {
    let mut n1 = node(1).with_slow_disk();
    assert_eq!(n1.hears("n2@1→n1 RequestVote last=0@0").says_at_once(), [""; 0]);
    n1.crashes_and_restarts();
    assert_eq!(n1.hears("n3@1→n1 RequestVote last=0@0").says_after_writes(), ["n1@1→n3 vote granted"]);
}

/// §5.5: "if a follower receives an AppendEntries request that includes log entries already present in its log, it ignores those
/// entries in the new request".
#[test]
fn a_follower_ignores_entries_that_its_log_holds_already() {
    let mut n2 = node(2).with_log([1, 1]).in_term(1);
    let reaction = n2.hears("n1@1→n2 AppendEntries prev=0@0 [1@1 2@1 3@1] commit=0");
    assert_eq!(reaction.writes(), ["write after=2 [3@1:c]"]);
    let reaction = n2.hears("n1@1→n2 AppendEntries prev=0@0 [1@1 2@1] commit=0");
    assert_eq!(reaction.writes(), [""; 0]);
    assert_eq!(n2.log(), [1, 1, 1], "nor does an old request take back what a newer one brought");
}

/// §5.5, "Raft RPCs are idempotent": an answer that arrives twice, or late, changes nothing the second time.
#[test]
fn an_answer_that_arrives_again_changes_nothing() {
    let mut n1 = node(1).with_log([1, 1, 1]).leader_of(2);
    n1.hears("n2@2→n1 conflict at 3 hint=1@1");
    n1.hears("n2@2→n1 matched 1");
    n1.hears("n2@2→n1 matched 4");
    let before = n1.node.to_string();
    for answer in ["conflict at 3 hint=1@1", "matched 1", "matched 4"] {
        assert_eq!(n1.hears(&format!("n2@2→n1 {answer}")).says(), [""; 0]);
        assert_eq!(n1.node.to_string(), before, "{answer}");
    }
}

/// §5.5 speaks of "follower or candidate crashes": a candidate that restarts is a follower, and campaigns anew.
#[test]
fn a_candidate_that_crashed_campaigns_anew() {
    let mut three = cluster(3);
    three.let_server(1, Server::times_out);
    three.lose_all_messages();
    three.crash_and_restart(1);
    assert!(three.server(1).is_follower());
    assert_eq!(three.server(1).vote(), Some(1), "and has not forgotten its vote");
    three.campaign(1);
    assert_eq!((three.leaders(), three.server(1).term()), (vec![1], 2));
}
