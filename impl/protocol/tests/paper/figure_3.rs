//! Figure 3, the properties that are "true at all times", as far as one run of a cluster can show each. The model checker shows them
//! of every run within its bounds.

use crate::cluster::{Cluster, cluster, cluster_of};
use crate::server::{Server, node};

/// Figure 3, Election Safety: "at most one leader can be elected in a given term. §5.2". Three candidates of one term among three, and
/// every order in which the first two of their requests arrive.
#[test]
fn election_safety() {
    let requests = [(1, 2), (1, 3), (2, 1), (2, 3), (3, 1), (3, 2)];
    for (first, second) in
        requests.iter().flat_map(|first| requests.iter().map(move |second| (first, second)))
    {
        let mut three = cluster(3);
        three.let_server(first.0, Server::times_out);
        three.deliver(first.0, first.1);
        three.let_server(second.0, Server::times_out);
        three.deliver(second.0, second.1);
        three.settles();
        let terms: Vec<_> = three.leaders().iter().map(|number| three.server(*number).term()).collect();
        assert!(terms.len() <= 1 || terms[0] != terms[1], "{first:?}, then {second:?}");
    }
}

/// Figure 3, Leader Append-Only: "a leader never overwrites or deletes entries in its log; it only appends new entries. §5.3".
#[test]
fn leader_append_only() {
    let mut three =
        cluster_of([node(1).with_log([1, 3]), node(2).with_log([1, 2, 2]), node(3).with_log([1])]);
    let mut before = three.server(1).entries();
    for command in ['x', 'y', 'z'] {
        three.campaign(1);
        three.propose(1, command);
        let after = three.server(1).entries();
        assert!(after.starts_with(before.trim_end_matches(']')), "{before}, then {after}");
        before = after;
    }
    assert_eq!(before, "[1@1:a 2@3:b 3@4:- 4@4:x 5@4:y 6@4:z]");
}

/// Figure 3, Log Matching: "if two logs contain an entry with the same index and term, then the logs are identical in all entries up
/// through the given index. §5.3". A minority that wrote for itself, before and after it comes back.
#[test]
fn log_matching() {
    let mut five = cluster(5);
    five.campaign(1);
    five.propose(1, 'w');
    five.away([3, 4, 5]);
    five.propose(1, 'x');
    assert_logs_match(&five);
    five.away([1, 2]);
    five.campaign(3);
    five.propose(3, 'y');
    assert_logs_match(&five);
    five.away([]);
    five.heartbeat(3);
    assert_logs_match(&five);
    assert_eq!(five.server(2).entries(), "[1@1:- 2@1:w 3@2:- 4@2:y]");
}

fn assert_logs_match(cluster: &Cluster) {
    for (a, b) in cluster
        .all()
        .flat_map(|a| cluster.all().map(move |b| (a.node.log().entries(), b.node.log().entries())))
    {
        for index in 0..a.len().min(b.len()) {
            if a[index].term == b[index].term {
                assert_eq!(a[..=index], b[..=index]);
            }
        }
    }
}

/// Figure 3, Leader Completeness: "if a log entry is committed in a given term, then that entry will be present in the logs of the
/// leaders for all higher-numbered terms. §5.4". Whoever holds it, whoever tries, and whoever is away.
#[test]
fn leader_completeness() {
    for (without, candidate, away) in
        (2..=3).flat_map(|w| (1..=3).flat_map(move |c| (0..=3).map(move |a| (w, c, a))))
    {
        let mut three = cluster(3);
        three.campaign(1);
        three.away([without]);
        three.propose(1, 'x');
        three.away((away > 0).then_some(away));
        three.campaign(candidate);
        three.campaign(candidate);
        for leader in three.leaders().into_iter().filter(|leader| three.server(*leader).term() > 1) {
            assert!(
                three.server(leader).entries().starts_with("[1@1:- 2@1:x"),
                "{}",
                three.server(leader).node
            );
        }
    }
}

/// Figure 3, State Machine Safety: "if a server has applied a log entry at a given index to its state machine, no other server will
/// ever apply a different log entry for the same index. §5.4.3". Each of five leads in turn while the leader before it is away.
#[test]
fn state_machine_safety() {
    let mut five = cluster(5);
    let mut applied = String::new();
    for (leader, away) in [(1, 5), (2, 1), (3, 2), (4, 3), (5, 4), (1, 5)] {
        five.away([away]);
        five.campaign(leader);
        five.campaign(leader);
        five.propose(leader, 'x');
        for server in five.all() {
            let own = server.applied().trim_end_matches(']').to_owned();
            assert!(applied.starts_with(&own) || own.starts_with(&applied), "{own} and {applied}");
            applied = if own.len() > applied.len() { own } else { applied };
        }
    }
    assert!(applied.matches(":x").count() >= 4, "{applied}");
}
