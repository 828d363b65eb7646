//! §5.3, Log replication: from a client's command to a committed entry. `section_5_3_logs.rs` has the Log Matching Property and how
//! logs that differ become one.

use crate::cluster::cluster;
use crate::server::{Server, node};

/// §5.3: "Once a leader has been elected, it begins servicing client requests."
#[test]
fn a_leader_serves_clients_once_it_is_elected() {
    let mut n1 = node(1).candidate_of(1);
    assert_eq!(n1.is_asked('x').answers(), ["not leader"]);
    n1.hears("n2@1→n1 vote granted");
    assert_eq!(n1.is_asked('x').answers(), ["appended 2@1"]);
}

/// §5.3: "Each client request contains a command to be executed by the replicated state machines."
#[test]
fn a_command_reaches_every_state_machine_as_the_client_gave_it() {
    let mut three = cluster(3);
    three.campaign(1);
    three.propose(1, 'x');
    three.heartbeat(1);
    for server in three.all() {
        assert_eq!(server.applied(), "[1@1:- 2@1:x]");
    }
}

/// §5.3: "The leader appends the command to its log as a new entry, then issues AppendEntries RPCs in parallel to each of the other
/// servers". Departure: it issues them at the end of the batch of inputs (`Replicate`), one message for all commands of the batch.
#[test]
fn a_leader_appends_a_command_and_then_sends_it_to_all_others() {
    let mut n1 = node(1).leader_of(1);
    assert_eq!(n1.is_asked('x').says(), [""; 0]);
    assert_eq!(n1.is_asked('y').says(), [""; 0]);
    assert_eq!(n1.entries(), "[1@1:- 2@1:x 3@1:y]");
    assert_eq!(
        n1.replicates().says(),
        [
            "n1@1→n2 AppendEntries prev=0@0 [1@1:- 2@1:x 3@1:y] commit=0",
            "n1@1→n3 AppendEntries prev=0@0 [1@1:- 2@1:x 3@1:y] commit=0"
        ]
    );
}

/// §5.3: a leader sends its entries out while its own disk still writes them: the paper asks for persistence before responding, and
/// a leader's request is no response.
#[test]
fn a_leader_does_not_wait_for_its_own_disk_to_replicate() {
    let mut n1 = node(1).leader_of(1).with_slow_disk();
    n1.is_asked('x');
    let reaction = n1.replicates();
    assert_eq!(reaction.says_at_once().len(), 2);
    assert_eq!(n1.on_disk(), "term=1 vote=n1 log=[1@1:-]");
}

/// §5.3: "When the entry has been safely replicated", "the leader applies the entry to its state machine and returns the result".
/// Departure: the node says where the entry stands; the driver answers the client when the commit index gets there.
#[test]
fn an_entry_is_applied_when_it_is_safely_replicated_and_not_before() {
    let mut n1 = node(1).leader_of(1);
    n1.hears("n2@1→n1 matched 1");
    assert_eq!(n1.is_asked('x').answers(), ["appended 2@1"]);
    n1.replicates();
    assert_eq!(n1.applied(), "[1@1:-]");
    n1.hears("n2@1→n1 matched 2");
    assert_eq!(n1.applied(), "[1@1:- 2@1:x]");
}

/// §5.3: "the leader retries AppendEntries RPCs indefinitely (even after it has responded to the client) until all followers
/// eventually store all log entries".
#[test]
fn a_leader_retries_until_all_followers_store_all_entries_even_after_they_are_committed() {
    let mut three = cluster(3);
    three.campaign(1);
    three.away([3]);
    three.propose(1, 'x');
    assert_eq!(three.server(1).commit_index(), 2);
    for _ in 0..100 {
        let said = three.heartbeat(1);
        assert_eq!(said[1], "n1@1→n3 AppendEntries prev=1@1 [2@1:x] commit=2");
    }
    three.away([]);
    three.heartbeat(1);
    assert_eq!(three.server(3).applied(), "[1@1:- 2@1:x]");
    assert_eq!(three.heartbeat(1)[1], "n1@1→n3 AppendEntries prev=2@1 [] commit=2", "no more than needed");
}

/// §5.3: "Each log entry stores a state machine command along with the term number when the entry was received by the leader."
#[test]
fn an_entry_stores_its_command_and_the_term_in_which_the_leader_received_it() {
    let mut n1 = node(1).with_log([1, 1]).leader_of(4);
    n1.is_asked('x');
    assert_eq!(n1.entries(), "[1@1:a 2@1:b 3@4:- 4@4:x]");
}

/// §5.3: "Each log entry also has an integer index identifying its position in the log."
#[test]
fn an_entry_has_an_index_that_is_its_position() {
    let mut n1 = node(1).with_log([1]).leader_of(2);
    assert_eq!(n1.is_asked('x').answers(), ["appended 3@2"]);
    assert_eq!(n1.is_asked('y').answers(), ["appended 4@2"]);
    let says = n1.replicates().says();
    assert_eq!(says[0], "n1@2→n2 AppendEntries prev=1@1 [] commit=0");
    n1.hears("n2@2→n1 matched 1");
    assert!(n1.replicates().says()[0].contains("[2@2:- 3@2:x 4@2:y]"));
}

/// §5.3: "The leader decides when it is safe to apply a log entry to the state machines": a follower that holds an entry does not.
#[test]
fn the_leader_alone_decides_that_an_entry_is_committed() {
    let mut n2 = node(2).with_log([1, 1]).following(1);
    n2.hears("n1@1→n2 AppendEntries prev=2@1 [3@1] commit=0");
    assert_eq!((n2.log(), n2.commit_index()), (vec![1, 1, 1], 0));
    n2.hears("n1@1→n2 AppendEntries prev=3@1 [] commit=3");
    assert_eq!(n2.commit_index(), 3);
}

/// §5.3: "committed entries are durable and will eventually be executed by all of the available state machines". Everybody crashes.
#[test]
fn a_committed_entry_survives_a_crash_of_everybody_and_reaches_everybody() {
    let mut three = cluster(3);
    three.campaign(1);
    three.away([3]);
    three.propose(1, 'x');
    three.away([]);
    for number in [1, 2, 3] {
        three.crash_and_restart(number);
    }
    three.campaign(3); // lacks the entry, and so is not elected
    three.campaign(2);
    three.heartbeat(2);
    for server in three.all() {
        assert!(server.applied().starts_with("[1@1:- 2@1:x"), "{}", server.node);
    }
}

/// §5.3: "A log entry is committed once the leader that created the entry has replicated it on a majority of the servers". Departure:
/// the leader is one of them once its own disk has the entry.
#[test]
fn an_entry_is_committed_once_it_is_on_a_majority() {
    let mut n1 = node(1).of(5).leader_of(1);
    n1.hears("n2@1→n1 matched 1");
    assert_eq!(n1.commit_index(), 0, "two of five");
    n1.hears("n3@1→n1 matched 1");
    assert_eq!(n1.commit_index(), 1, "three of five");

    let mut n1 = node(1).of(5).leader_of(1).with_slow_disk();
    n1.is_asked('x');
    n1.hears("n2@1→n1 matched 2");
    n1.hears("n3@1→n1 matched 2");
    assert_eq!(n1.commit_index(), 1, "two of five: its own disk does not have it");
    n1.completes_its_writes();
    assert_eq!(n1.commit_index(), 2);
}

/// §5.3: "This also commits all preceding entries in the leader's log, including entries created by previous leaders."
#[test]
fn committing_an_entry_commits_all_before_it_those_of_previous_leaders_too() {
    let mut n1 = node(1).with_log([1, 2, 2]).leader_of(3);
    n1.hears("n2@3→n1 matched 4");
    assert_eq!(n1.applied(), "[1@1:a 2@2:b 3@2:c 4@3:-]");
}

/// §5.3: the leader includes its commit index "in future AppendEntries RPCs (including heartbeats) so that the other servers
/// eventually find out".
#[test]
fn every_append_entries_tells_the_commit_index_heartbeats_too() {
    let mut n1 = node(1).leader_of(1);
    n1.hears("n2@1→n1 matched 1");
    n1.hears("n3@1→n1 matched 1");
    assert_eq!(n1.heartbeats().says()[0], "n1@1→n2 AppendEntries prev=1@1 [] commit=1");
    n1.is_asked('x');
    assert_eq!(n1.replicates().says()[0], "n1@1→n2 AppendEntries prev=1@1 [2@1:x] commit=1");
}

/// §5.3: "Once a follower learns that a log entry is committed, it applies the entry to its local state machine (in log order)."
#[test]
fn a_follower_applies_what_it_learns_to_be_committed_in_log_order() {
    let mut n2 = node(2).with_log([1, 1, 2]).following(1);
    let applied = [1, 2, 3].map(|commit| {
        n2.hears(&format!("n1@2→n2 AppendEntries prev=3@2 [] commit={commit}"));
        n2.applied()
    });
    assert_eq!(applied, ["[1@1:a]", "[1@1:a 2@1:b]", "[1@1:a 2@1:b 3@2:c]"]);
}

/// §5.3: "Raft can accept, replicate, and apply new log entries as long as a majority of the servers are up".
#[test]
fn a_majority_that_is_up_accepts_replicates_and_applies() {
    for [one, other] in [[2, 3], [2, 4], [2, 5], [3, 4], [3, 5], [4, 5]] {
        let mut five = cluster(5);
        five.away([one, other]);
        five.campaign(1);
        five.propose(1, 'x');
        assert_eq!(five.server(1).applied(), "[1@1:- 2@1:x]");
    }
}

/// §5.3: "in the normal case a new entry can be replicated with a single round of RPCs to a majority of the cluster".
#[test]
fn a_new_entry_is_committed_with_a_single_round_of_requests() {
    let mut three = cluster(3);
    three.campaign(1);
    three.let_server(1, |n1| n1.is_asked('x'));
    assert_eq!(three.let_server(1, Server::replicates).says().len(), 2);
    three.deliver(1, 2);
    three.deliver(2, 1);
    assert_eq!(three.server(1).applied(), "[1@1:- 2@1:x]");
}

/// §5.3: "a single slow follower will not impact performance".
#[test]
fn a_slow_follower_delays_nothing() {
    let mut three = cluster(3);
    three.campaign(1);
    three.away([3]);
    for (command, index) in ('a'..='z').zip(2..) {
        three.propose(1, command);
        assert_eq!(three.server(1).commit_index(), index);
    }
}
